// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_virtqueue.c: requests of a driver that keeps to the rules arrive whole and are given
 * back; each way to break them breaks the queue and nothing else.
 */
#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "device_world.h"
#include "virtqueue.h"

#define SIZE	 8u
#define DESC	 0x1000u
#define AVAIL	 0x2000u
#define USED	 0x3000u
#define BUFFER	 0x10000u
#define INDIRECT 0x4000u

static struct world w;
static struct virtqueue q;
static struct vq_chain chain;

static struct vring_desc *desc(unsigned i)
{
	return (struct vring_desc *)(w.ram + DESC) + i;
}

static uint16_t *avail(unsigned i) /* 0: flags, 1: index, 2...: ring, behind it the event */
{
	return (uint16_t *)(w.ram + AVAIL) + i;
}

static uint16_t *used16(unsigned i) /* the same */
{
	return (uint16_t *)(w.ram + USED) + i;
}

static struct vring_used_elem *used(unsigned i)
{
	return (struct vring_used_elem *)(w.ram + USED + 4) + i;
}

static void offer(uint16_t head)
{
	*avail(2 + *avail(1) % SIZE) = head;
	++*avail(1);
}

static void begin(bool event_idx)
{
	struct virtqueue layout = {.size = SIZE,
				   .desc = {DESC},
				   .avail = {AVAIL},
				   .used = {USED},
				   .event_idx = event_idx};

	world_init(&w);
	layout.host = &w.host;
	layout.device = "test";
	virtqueue_begin(&q, &layout);
	assert_false(q.broken);
}

/* 0 -> 5 -> 2: two to read, one to write. */
static void make_chain(void)
{
	*desc(0) = (struct vring_desc){BUFFER, 4, VRING_DESC_F_NEXT, 5};
	*desc(5) = (struct vring_desc){BUFFER + 100, 3, VRING_DESC_F_NEXT, 2};
	*desc(2) = (struct vring_desc){BUFFER + 200, 10, VRING_DESC_F_WRITE, 0};
	memcpy(w.ram + BUFFER, "abcd", 4);
	memcpy(w.ram + BUFFER + 100, "efg", 3);
}

static void check_chain(void)
{
	char text[8] = "";

	assert_true(virtqueue_pop(&q, &chain));
	assert_int_equal(chain.head, 0);
	assert_int_equal(chain.n, 3);
	assert_int_equal(chain.nread, 2);
	assert_int_equal(chain.read_len, 7);
	assert_int_equal(chain.write_len, 10);
	assert_true(virtqueue_read(&q, &chain, 2, text, 5));
	assert_string_equal(text, "cdefg");
	assert_false(virtqueue_read(&q, &chain, 3, text,
				    5)); /* one too many: not an error of the ring */
	assert_false(q.broken);
	assert_true(virtqueue_write(&q, &chain, 7, "xyz", 3));
	assert_false(virtqueue_write(&q, &chain, 8, "xyz", 3));
	assert_memory_equal(w.ram + BUFFER + 207, "xyz", 3);
	assert_false(q.broken);
}

static void good_requests(void **state)
{
	begin(false);
	assert_false(virtqueue_pop(&q, &chain));
	make_chain();
	for (unsigned i = 0; i < 70000; i++) { /* both indices wrap */
		offer(0);
		check_chain();
		assert_false(virtqueue_pop(&q, &chain));
		virtqueue_push(&q, &chain, i);
		assert_int_equal(*used16(1), (uint16_t)(i + 1));
		assert_int_equal(used(i % SIZE)->id, 0);
		assert_int_equal(used(i % SIZE)->len, i);
	}
}

static void indirect_requests(void **state)
{
	begin(false);
	make_chain();
	memcpy(w.ram + INDIRECT, w.ram + DESC, SIZE * sizeof(struct vring_desc));
	*desc(3) = (struct vring_desc){INDIRECT, SIZE * 16, VRING_DESC_F_INDIRECT, 0};
	offer(3);
	assert_true(virtqueue_pop(&q, &chain));
	assert_int_equal(chain.head, 3);
	assert_int_equal(chain.n, 3);
	/* Direct ones first, then a table (2.7.5.3.2). */
	*desc(4) = (struct vring_desc){BUFFER, 9, VRING_DESC_F_NEXT, 3};
	offer(4);
	assert_true(virtqueue_pop(&q, &chain));
	assert_int_equal(chain.n, 4);
	assert_int_equal(chain.read_len, 16);
}

/* Without events the driver's flag decides, with them the index that it has named. */
static void interrupts(void **state)
{
	begin(false);
	make_chain();
	offer(0);
	assert_true(virtqueue_pop(&q, &chain));
	assert_false(virtqueue_wants_interrupt(&q));
	virtqueue_push(&q, &chain, 0);
	assert_true(virtqueue_wants_interrupt(&q));
	assert_false(virtqueue_wants_interrupt(&q));
	*avail(0) = VRING_AVAIL_F_NO_INTERRUPT;
	virtqueue_push(&q, &chain, 0);
	assert_false(virtqueue_wants_interrupt(&q));

	begin(true);
	*avail(2 + SIZE) = 2; /* when the third is done */
	for (unsigned i = 0; i < 5; i++) {
		virtqueue_push(&q, &chain, 0);
		assert_int_equal(virtqueue_wants_interrupt(&q), i == 2);
	}
	*avail(2 + SIZE) = 5;
	virtqueue_push(&q, &chain, 0);
	virtqueue_push(&q, &chain, 0);
	assert_true(virtqueue_wants_interrupt(&q)); /* it was among these two */
}

/* An empty queue says at which request it wants to be kicked. */
static void kick_is_asked_for(void **state)
{
	begin(true);
	make_chain();
	offer(0);
	assert_true(virtqueue_pop(&q, &chain));
	assert_false(virtqueue_pop(&q, &chain));
	assert_int_equal(*used16(2 + SIZE * 4), 1);
}

/* Each breaks the ring in one way; false: it is to be accepted. */
static void far_index(void)
{
	*avail(1) = SIZE + 1;
}

static void wild_head(void)
{
	*avail(2) = SIZE;
}

static void wild_next(void)
{
	desc(0)->next = SIZE;
}

static void loop(void)
{
	desc(5)->next = 0;
}

static void self(void)
{
	desc(0)->next = 0;
}

static void read_behind_write(void)
{
	desc(0)->flags |= VRING_DESC_F_WRITE;
}

static void nested(void)
{
	memcpy(w.ram + INDIRECT, w.ram + DESC, SIZE * 16);
	*desc(0) = (struct vring_desc){INDIRECT, SIZE * 16, VRING_DESC_F_INDIRECT, 0};
	((struct vring_desc *)(w.ram + INDIRECT))->flags = VRING_DESC_F_INDIRECT;
}

static void indirect_and_next(void)
{
	memcpy(w.ram + INDIRECT, w.ram + DESC, SIZE * 16);
	*desc(0) = (struct vring_desc){INDIRECT, SIZE * 16,
				       VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1};
}

static void odd_table(void)
{
	*desc(0) = (struct vring_desc){INDIRECT, 17, VRING_DESC_F_INDIRECT, 0};
}

static void empty_table(void)
{
	*desc(0) = (struct vring_desc){INDIRECT, 0, VRING_DESC_F_INDIRECT, 0};
}

static void huge_table(void)
{
	*desc(0) = (struct vring_desc){INDIRECT, 16 * (VQ_MAX_SIZE + 1), VRING_DESC_F_INDIRECT, 0};
}

static void table_outside(void)
{
	*desc(0) = (struct vring_desc){~15ull, 32, VRING_DESC_F_INDIRECT, 0};
}

static void too_long(void)
{
	desc(0)->len = desc(5)->len = 0x90000000;
}

static void broken_rings(void **state)
{
	static void (*const ways[])(void) = {
		far_index,	   wild_head,	  wild_next,	     loop,	self,
		read_behind_write, nested,	  indirect_and_next, odd_table, empty_table,
		huge_table,	   table_outside, too_long};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		begin(i % 2);
		make_chain();
		offer(0);
		ways[i]();
		if (virtqueue_pop(&q, &chain) || !q.broken)
			fail_msg("way %zu was accepted", i);
		assert_false(virtqueue_pop(&q, &chain));
		virtqueue_push(&q, &chain, 1);
		assert_false(virtqueue_wants_interrupt(&q));
		assert_int_equal(*used16(1), 0);
	}
}

/* Buffers in the void break the queue when they are used, wherever they end. */
static void wild_buffers(void **state)
{
	static const uint64_t wild[] = {WORLD_RAM - 2, WORLD_RAM, 1ull << 40,
					~0ull,	       ~0ull - 2, ~3ull};
	char text[4];

	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		begin(false);
		make_chain();
		desc(0)->addr = wild[i];
		offer(0);
		assert_true(virtqueue_pop(&q, &chain));
		assert_false(virtqueue_read(&q, &chain, 1, text, 3));
		assert_true(q.broken);
	}
}

static void bad_layouts(void **state)
{
	static const struct virtqueue bad[] = {
		{.size = 0, .desc = {DESC}, .avail = {AVAIL}, .used = {USED}},
		{.size = 7, .desc = {DESC}, .avail = {AVAIL}, .used = {USED}},
		{.size = 512, .desc = {DESC}, .avail = {AVAIL}, .used = {USED}},
		{.size = 8, .desc = {DESC + 8}, .avail = {AVAIL}, .used = {USED}},
		{.size = 8, .desc = {DESC}, .avail = {AVAIL + 1}, .used = {USED}},
		{.size = 8, .desc = {DESC}, .avail = {AVAIL}, .used = {USED + 2}},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		virtqueue_begin(&q, &bad[i]);
		assert_true(q.broken);
		assert_false(virtqueue_pop(&q, &chain));
	}
	/* Rings that are not in memory, or only begin there. */
	for (unsigned i = 0; i < 3; i++) {
		begin(true);
		make_chain();
		offer(0);
		*(i == 0 ? &q.desc.v : i == 1 ? &q.avail.v : &q.used.v) = WORLD_RAM;
		while (virtqueue_pop(&q, &chain))
			virtqueue_push(&q, &chain, 0);
		assert_true(q.broken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_requests), cmocka_unit_test(indirect_requests),
		cmocka_unit_test(interrupts),	 cmocka_unit_test(kick_is_asked_for),
		cmocka_unit_test(broken_rings),	 cmocka_unit_test(wild_buffers),
		cmocka_unit_test(bad_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
