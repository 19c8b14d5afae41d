// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_guest_ram.c: tests of ept/guest_ram.c with the host's real userfaultfd.
 *
 * The guest is played by write(2) from the guest mapping and read(2) into it: KVM as well reaches
 * it from inside the kernel, and a hidden page is EFAULT for both.
 */
#include "ept_ram.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P GUEST_PAGE

static int pipe_fds[2];

/* 0, or the negative errno of the guest's access. */
static int guest_read(struct guest_ram *ram, uint64_t off, uint64_t *value)
{
	struct guest_ram_range r[2];

	guest_ram_ranges(ram, r);
	if (write(pipe_fds[1], (char *)r[0].guest + off, sizeof(*value)) < 0)
		return -errno;
	assert_int_equal(read(pipe_fds[0], value, sizeof(*value)), sizeof(*value));
	return 0;
}

static int try_write(struct guest_ram *ram, uint64_t off, uint64_t value)
{
	struct guest_ram_range r[2];
	uint64_t drained;
	int err = 0;

	guest_ram_ranges(ram, r);
	assert_int_equal(write(pipe_fds[1], &value, sizeof(value)), sizeof(value));
	if (read(pipe_fds[0], (char *)r[0].guest + off, sizeof(value)) < 0) {
		err = -errno;
		assert_int_equal(read(pipe_fds[0], &drained, sizeof(drained)), sizeof(drained));
	}
	return err;
}

/* Once more where the page was only not there yet, as the checker does it. */
static int guest_write(struct guest_ram *ram, uint64_t off, uint64_t value)
{
	int err = try_write(ram, off, value);

	if (err == -EFAULT && guest_ram_populate(ram, GPA(off / P * P), 1) > 0)
		err = try_write(ram, off, value);
	return err;
}

static uint64_t *view(struct guest_ram *ram, uint64_t off)
{
	return guest_ram_at(ram, GPA(off), sizeof(uint64_t));
}

static void hidden_page_faults_and_keeps_its_data(void **state)
{
	struct guest_ram *ram = test_ram(4 * MIB);
	uint64_t value = 0;

	assert_int_equal(guest_write(ram, 3 * P, 0x1122), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(3 * P), 1), 0);
	assert_true(guest_ram_hidden(ram, GPA(3 * P + 77)));
	assert_int_equal(guest_ram_hidden_pages(ram), 1);
	assert_int_equal(guest_read(ram, 3 * P, &value), -EFAULT);
	assert_int_equal(guest_write(ram, 3 * P, 5), -EFAULT);
	assert_int_equal(*view(ram, 3 * P), 0x1122);
	*view(ram, 3 * P) = 0x3344;

	assert_int_equal(guest_ram_show(ram, GPA(3 * P), 1), 0);
	assert_false(guest_ram_hidden(ram, GPA(3 * P)));
	assert_int_equal(guest_ram_hidden_pages(ram), 0);
	assert_int_equal(guest_read(ram, 3 * P, &value), 0);
	assert_int_equal(value, 0x3344);
	assert_int_equal(guest_write(ram, 3 * P, 6), 0);
	assert_int_equal(*view(ram, 3 * P), 6);
	guest_ram_destroy(ram);
}

static void neighbours_of_a_hidden_page_stay(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;

	for (int i = 0; i < 5; i++)
		assert_int_equal(guest_write(ram, (uint64_t)i * P, 7), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(2 * P), 1), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(guest_read(ram, (uint64_t)i * P, &value), i == 2 ? -EFAULT : 0);
	guest_ram_destroy(ram);
}

/* The kernel would give a page that is in no page cache to the guest's first write. */
static void never_touched_page_can_be_hidden(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value = 1;

	assert_int_equal(guest_ram_hide(ram, GPA(9 * P), 2), 0);
	assert_int_equal(guest_write(ram, 9 * P, 5), -EFAULT);
	assert_int_equal(guest_read(ram, 10 * P, &value), -EFAULT);
	assert_int_equal(guest_ram_show(ram, GPA(9 * P), 2), 0);
	assert_int_equal(guest_read(ram, 10 * P, &value), 0);
	assert_int_equal(value, 0);
	guest_ram_destroy(ram);
}

static void show_copes_with_holes_and_mapped_pages(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value = 1;

	assert_int_equal(guest_write(ram, 21 * P, 5), 0);
	assert_int_equal(guest_ram_show(ram, GPA(20 * P), 4), 0);
	assert_int_equal(guest_ram_show(ram, GPA(20 * P), 4), 0);
	for (int i = 20; i < 24; i++)
		assert_int_equal(guest_read(ram, (uint64_t)i * P, &value), 0);
	guest_ram_destroy(ram);
}

static void counts_each_hidden_page_once(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);

	assert_int_equal(guest_ram_hide(ram, GPA(60 * P), 10), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(65 * P), 10), 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 15);
	assert_int_equal(guest_ram_show(ram, GPA(0), 66), 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 9);
	assert_false(guest_ram_hidden(ram, GPA(65 * P)));
	assert_true(guest_ram_hidden(ram, GPA(66 * P)));
	guest_ram_destroy(ram);
}

/* Marked at once, done when it is settled. */
static void deferred_pages_change_when_settled(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;

	assert_int_equal(guest_write(ram, 2 * P, 22), 0);
	assert_int_equal(guest_write(ram, 5 * P, 55), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(5 * P), 1), 0);
	guest_ram_defer(ram);
	assert_int_equal(guest_ram_hide(ram, GPA(2 * P), 1), 0);
	assert_int_equal(guest_ram_show(ram, GPA(5 * P), 1), 0);
	assert_true(guest_ram_hidden(ram, GPA(2 * P)));
	assert_false(guest_ram_hidden(ram, GPA(5 * P)));
	assert_int_equal(guest_ram_hidden_pages(ram), 1);
	assert_int_equal(guest_read(ram, 2 * P, &value), 0);
	assert_int_equal(guest_read(ram, 5 * P, &value), -EFAULT);

	assert_int_equal(guest_ram_settle(ram), 0);
	assert_int_equal(guest_read(ram, 2 * P, &value), -EFAULT);
	assert_int_equal(guest_read(ram, 5 * P, &value), 0);
	assert_int_equal(value, 55);
	assert_int_equal(guest_ram_show(ram, GPA(2 * P), 1), 0); /* not deferred any more */
	assert_int_equal(guest_read(ram, 2 * P, &value), 0);
	assert_int_equal(value, 22);
	guest_ram_destroy(ram);
}

/* Pages are what they were last told to be, and those that are so already are left alone. */
static void deferred_changes_cancel_out(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;

	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(guest_write(ram, i * P, i), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(4 * P), 2), 0);
	guest_ram_defer(ram);
	assert_int_equal(guest_ram_hide(ram, GPA(0), 3), 0);
	assert_int_equal(guest_ram_show(ram, GPA(P), 1), 0);
	assert_int_equal(guest_ram_show(ram, GPA(4 * P), 2), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(5 * P), 2), 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 4);
	assert_int_equal(guest_ram_settle(ram), 0);
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(guest_read(ram, i * P, &value),
				 i == 0 || i == 2 || i == 5 || i == 6 ? -EFAULT : 0);
	guest_ram_destroy(ram);
}

/* More of them than are remembered; and a page that was served meanwhile. */
static void deferred_changes_are_many(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;

	for (uint64_t i = 0; i < 400; i++)
		assert_int_equal(guest_write(ram, i * P, i), 0);
	guest_ram_defer(ram);
	for (uint64_t i = 0; i < 400; i += 2)
		assert_int_equal(guest_ram_hide(ram, GPA(i * P), 1), 0);
	for (uint64_t i = 0; i < 400; i += 4)
		assert_int_equal(guest_ram_show(ram, GPA(i * P), 1), 0);
	assert_true(guest_ram_populate(ram, GPA(0), 1) >= 0);
	assert_int_equal(guest_ram_settle(ram), 0);
	for (uint64_t i = 0; i < 400; i++)
		assert_int_equal(guest_read(ram, i * P, &value), i % 4 == 2 ? -EFAULT : 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 100);
	guest_ram_destroy(ram);
}

/* Where there are no huge pages. */
static void populate_maps_what_is_not_hidden(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;

	*view(ram, 1 * P) = 11;				  /* touched by the view only */
	assert_int_equal(guest_write(ram, 3 * P, 33), 0); /* mapped */
	assert_int_equal(guest_ram_hide(ram, GPA(4 * P), 1), 0);
	assert_int_equal(guest_read(ram, 1 * P, &value), -EFAULT);

	assert_int_equal(guest_ram_populate(ram, GPA(0), 8), 1);
	for (int i = 0; i < 8; i++)
		assert_int_equal(guest_read(ram, (uint64_t)i * P, &value), i == 4 ? -EFAULT : 0);
	assert_int_equal(guest_read(ram, 1 * P, &value), 0);
	assert_int_equal(value, 11);
	assert_true(guest_ram_hidden(ram, GPA(4 * P)));

	assert_int_equal(guest_ram_populate(ram, GPA(0), 8), 0);
	assert_int_equal(guest_ram_populate(ram, GPA(4 * P), 1), 0);
	*view(ram, 8 * P) = 88;
	assert_int_equal(guest_read(ram, 8 * P, &value), -EFAULT); /* not asked for */
	assert_int_equal(guest_ram_populate(ram, GPA(7 * P), 2), 1);
	*view(ram, 19 * P) = 1;
	assert_int_equal(guest_ram_hide(ram, GPA(20 * P), 1), 0);
	assert_int_equal(guest_write(ram, 21 * P, 1), 0);
	assert_int_equal(guest_ram_populate(ram, GPA(19 * P), 3), 1); /* the first, not the last */
	assert_int_equal(guest_ram_populate(ram, GPA(0), 0), 0);
	guest_ram_destroy(ram);
}

static bool has_huge_pages(void)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	uint64_t value;
	bool huge;

	assert_int_equal(guest_write(ram, 0, 1), 0);
	huge = guest_read(ram, 400 * P, &value) == 0;
	guest_ram_destroy(ram);
	return huge;
}

static void first_touch_maps_a_huge_page(void **state)
{
	struct guest_ram *ram = test_ram(6 * MIB);
	uint64_t value;

	if (!has_huge_pages())
		skip(); /* needs CAP_SYS_ADMIN */
	*view(ram, 2 * MIB + 9 * P) = 99;
	assert_int_equal(guest_read(ram, 2 * MIB, &value), -EFAULT);
	assert_int_equal(try_write(ram, 2 * MIB, 1), -EFAULT);
	assert_int_equal(guest_ram_populate(ram, GPA(2 * MIB + 5 * P), 1), 1);
	for (uint64_t off = 2 * MIB; off < 4 * MIB; off += P)
		assert_int_equal(guest_read(ram, off, &value), 0);
	assert_int_equal(guest_read(ram, 2 * MIB + 9 * P, &value), 0);
	assert_int_equal(value, 99);
	assert_int_equal(try_write(ram, 2 * MIB + 511 * P, 7), 0);
	assert_int_equal(*view(ram, 2 * MIB + 511 * P), 7);
	assert_int_equal(guest_ram_populate(ram, GPA(2 * MIB), 512), 0);

	assert_int_equal(guest_read(ram, 2 * MIB - 8, &value), -EFAULT);
	assert_int_equal(guest_read(ram, 4 * MIB, &value), -EFAULT);
	assert_int_equal(guest_ram_populate(ram, GPA(2 * MIB - P), 1024 + 1), 1);
	assert_int_equal(guest_read(ram, 2 * MIB - 8, &value), 0);
	assert_int_equal(guest_read(ram, 6 * MIB - 8, &value), 0);
	guest_ram_destroy(ram);
}

/* Whether it was touched before or not: the others of a hidden page's block need nothing to be reached. */
static void a_hidden_page_makes_its_block_small(void **state)
{
	struct guest_ram *ram = test_ram(6 * MIB);
	uint64_t value;

	if (!has_huge_pages())
		skip(); /* needs CAP_SYS_ADMIN */
	assert_int_equal(guest_write(ram, 3 * P, 33), 0);
	assert_int_equal(guest_write(ram, 4 * P, 44), 0);
	*view(ram, 4 * MIB + 8 * P) = 88;
	for (uint64_t block = 0; block < 6 * MIB; block += 4 * MIB) {
		assert_int_equal(guest_ram_hide(ram, GPA(block + 3 * P), 1), 0);
		for (uint64_t n = 0; n < 512; n++)
			assert_int_equal(guest_read(ram, block + n * P, &value), n == 3 ? -EFAULT : 0);
		assert_int_equal(try_write(ram, block + 3 * P, 1), -EFAULT);
		assert_int_equal(guest_ram_populate(ram, GPA(block), 512), 0);
		assert_int_equal(guest_ram_show(ram, GPA(block + 3 * P), 1), 0);
		assert_int_equal(try_write(ram, block + 5 * P, 55), 0);
		assert_int_equal(*view(ram, block + 5 * P), 55);
	}
	assert_int_equal(guest_read(ram, 3 * P, &value), 0);
	assert_int_equal(value, 33);
	assert_int_equal(*view(ram, 4 * P), 44);
	assert_int_equal(guest_read(ram, 4 * MIB + 8 * P, &value), 0);
	assert_int_equal(value, 88);
	assert_int_equal(guest_read(ram, 2 * MIB, &value), -EFAULT);
	guest_ram_destroy(ram);
}

struct toucher {
	struct guest_ram *ram;
	uint64_t blocks;
	atomic_bool over;
	atomic_int rounds, failed;
};

/* All pages but the third of each block. */
static void *touch_the_others(void *arg)
{
	struct toucher *t = arg;
	uint64_t value;

	for (; !atomic_load(&t->over); atomic_fetch_add(&t->rounds, 1))
		for (uint64_t n = 0; n < t->blocks * 512; n += 7)
			if (n % 512 != 3 && guest_read(t->ram, n * P, &value))
				atomic_fetch_add(&t->failed, 1);
	return NULL;
}

/* KVM reads the guest's page tables, and cannot ask us for one. */
static void no_page_is_missing_while_a_block_gets_small(void **state)
{
	struct toucher t = {.ram = test_ram(64 * MIB), .blocks = 32};
	pthread_t thread;

	if (!has_huge_pages())
		skip(); /* needs CAP_SYS_ADMIN */
	assert_int_equal(guest_ram_populate(t.ram, GPA(0), guest_ram_pages(t.ram)), 1);
	assert_int_equal(pthread_create(&thread, NULL, touch_the_others, &t), 0);
	for (uint64_t n = 0; n < t.blocks; n++) {
		int before = atomic_load(&t.rounds);

		while (atomic_load(&t.rounds) < before + 2)
			sched_yield();
		assert_int_equal(guest_ram_hide(t.ram, GPA(n * 2 * MIB + 3 * P), 1), 0);
	}
	atomic_store(&t.over, true);
	pthread_join(thread, NULL);
	assert_int_equal(t.failed, 0);
	guest_ram_destroy(t.ram);
}

/* Pages on both sides of a block's end, and blocks that nobody has touched in between. */
static void hides_across_blocks(void **state)
{
	struct guest_ram *ram = test_ram(8 * MIB);
	uint64_t value;

	assert_int_equal(guest_write(ram, 2 * MIB - P, 1), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(2 * MIB - P), 512 + 2), 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 514);
	assert_int_equal(guest_read(ram, 2 * MIB - P, &value), -EFAULT);
	assert_int_equal(guest_read(ram, 3 * MIB, &value), -EFAULT);
	assert_int_equal(guest_read(ram, 4 * MIB, &value), -EFAULT);
	assert_int_equal(guest_ram_populate(ram, GPA(0), 2048), 1);
	assert_int_equal(guest_read(ram, 4 * MIB, &value), -EFAULT);
	assert_int_equal(guest_read(ram, 4 * MIB + P, &value), 0);
	assert_int_equal(guest_ram_show(ram, GPA(0), 2048), 0);
	assert_int_equal(guest_ram_hidden_pages(ram), 0);
	for (uint64_t off = 0; off < 8 * MIB; off += P)
		assert_int_equal(guest_read(ram, off, &value), 0);
	guest_ram_destroy(ram);
}

static void all_memory_can_be_populated_hidden_and_shown(void **state)
{
	struct guest_ram *ram = test_ram(8 * MIB);
	uint64_t n = guest_ram_pages(ram), value;

	assert_int_equal(guest_ram_populate(ram, GPA(0), n), 1);
	assert_int_equal(guest_ram_hide(ram, GPA(0), n), 0);
	assert_int_equal(guest_read(ram, 8 * MIB - 8, &value), -EFAULT);
	assert_int_equal(guest_ram_hidden_pages(ram), n);
	assert_int_equal(guest_ram_show(ram, GPA(0), n), 0);
	assert_int_equal(guest_read(ram, 8 * MIB - 8, &value), 0);
	guest_ram_destroy(ram);
}

static void small_memory_is_one_range(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);
	struct guest_ram_range r[2];

	assert_int_equal(guest_ram_ranges(ram, r), 1);
	assert_int_equal(r[0].base.v, 0);
	assert_int_equal(r[0].len, 2 * MIB);
	assert_int_equal(guest_ram_size(ram), 2 * MIB);
	guest_ram_destroy(ram);
}

/* RAM of 3 GiB and 4 MiB: the last 4 MiB lie at 4 GiB. */
static const struct {
	uint64_t gpa, len;
	bool ram;
	int64_t page; /* of gpa */
} addresses[] = {
	{0, 1, true, 0},
	{0, 0, true, 0},
	{0, GUEST_RAM_LOW_END, true, 0},
	{0, GUEST_RAM_LOW_END + 1, false, 0},
	{GUEST_RAM_LOW_END - 1, 1, true, 0xbffff},
	{GUEST_RAM_LOW_END - 1, 2, false, 0xbffff},
	{GUEST_RAM_LOW_END, 1, false, -1},
	{GUEST_RAM_LOW_END, 0, false, -1},
	{GUEST_RAM_HIGH - 1, 1, false, -1},
	{GUEST_RAM_HIGH - 1, 2, false, -1},
	{GUEST_RAM_HIGH, 4 * MIB, true, 0xc0000},
	{GUEST_RAM_HIGH, 4 * MIB + 1, false, 0xc0000},
	{GUEST_RAM_HIGH + 4 * MIB - 1, 1, true, 0xc03ff},
	{GUEST_RAM_HIGH + 4 * MIB, 1, false, -1},
	{GUEST_RAM_HIGH + P, UINT64_MAX, false, 0xc0001},
	{P, UINT64_MAX, false, 1},
	{P, UINT64_MAX - P + 1, false, 1},
	{UINT64_MAX, 1, false, -1},
	{UINT64_MAX, UINT64_MAX, false, -1},
	{1ull << 63, 1ull << 63, false, -1},
};

static void addresses_around_the_hole(void **state)
{
	struct guest_ram *ram = test_ram(GUEST_RAM_LOW_END + 4 * MIB);
	struct guest_ram_range r[2];
	char *base = guest_ram_at(ram, GPA(0), 1);

	assert_int_equal(guest_ram_ranges(ram, r), 2);
	assert_int_equal(r[0].len, GUEST_RAM_LOW_END);
	assert_int_equal(r[1].base.v, GUEST_RAM_HIGH);
	assert_int_equal(r[1].len, 4 * MIB);
	assert_ptr_equal((char *)r[0].guest + GUEST_RAM_LOW_END, r[1].guest);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		gpa_t gpa = GPA(addresses[i].gpa);
		char *at = guest_ram_at(ram, gpa, addresses[i].len);

		assert_int_equal(guest_ram_contains(ram, gpa, addresses[i].len), addresses[i].ram);
		assert_int_equal(guest_ram_page_index(ram, gpa), addresses[i].page);
		if (addresses[i].ram)
			assert_ptr_equal(at, base + addresses[i].page * P + gpa.v % P);
		else
			assert_null(at);
	}
	guest_ram_destroy(ram);
}

static void hides_above_the_hole(void **state)
{
	struct guest_ram *ram = test_ram(GUEST_RAM_LOW_END + 4 * MIB);
	uint64_t value, off = GUEST_RAM_LOW_END + P;

	assert_int_equal(guest_ram_hide(ram, GPA(GUEST_RAM_HIGH + P), 1), 0);
	assert_int_equal(guest_read(ram, off, &value), -EFAULT);
	assert_true(guest_ram_hidden(ram, GPA(GUEST_RAM_HIGH + P)));
	assert_int_equal(guest_ram_show(ram, GPA(GUEST_RAM_HIGH + P), 1), 0);
	assert_int_equal(guest_read(ram, off, &value), 0);
	guest_ram_destroy(ram);
}

static const struct {
	uint64_t gpa, n;
} bad_ranges[] = {
	{1, 1},
	{P - 1, 1},
	{0, 2 * MIB / P + 1},
	{2 * MIB, 1},
	{GUEST_RAM_HIGH, 1},
	{0, UINT64_MAX},
	{0, 1ull << 52},
	{P, (1ull << 52) - 1},
	{UINT64_MAX - P + 1, 1},
};

static void refuses_what_is_not_ram(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);

	for (size_t i = 0; i < COUNT(bad_ranges); i++) {
		gpa_t gpa = GPA(bad_ranges[i].gpa);

		assert_int_equal(guest_ram_hide(ram, gpa, bad_ranges[i].n), -EINVAL);
		assert_int_equal(guest_ram_show(ram, gpa, bad_ranges[i].n), -EINVAL);
		assert_int_equal(guest_ram_populate(ram, gpa, bad_ranges[i].n), -EINVAL);
	}
	assert_int_equal(guest_ram_hidden_pages(ram), 0);
	assert_false(guest_ram_hidden(ram, GPA(UINT64_MAX)));
	guest_ram_destroy(ram);
}

static void refuses_odd_sizes(void **state)
{
	static const uint64_t sizes[] = {0, 1, P, 2 * MIB - 1, 2 * MIB + P, UINT64_MAX, 1ull << 63};
	struct guest_ram *ram;
	const char *what;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		what = NULL;
		assert_int_equal(guest_ram_create(sizes[i], &ram, &what), -EINVAL);
		assert_null(ram);
		assert_string_equal(what, "guest memory size");
		assert_non_null(strstr(guest_ram_remedy(what, -EINVAL), "2 MiB"));
	}
}

static void plain_memory_is_all_there(void **state)
{
	struct guest_ram *ram;
	struct guest_ram_range r[2];
	const char *what;
	uint64_t value = 1;

	assert_int_equal(guest_ram_create_plain(4 * MIB, &ram, &what), 0);
	assert_int_equal(guest_ram_ranges(ram, r), 1);
	assert_int_equal((uintptr_t)r[0].guest % (2 * MIB), 0); /* or it gets no huge pages */
	assert_int_equal(guest_ram_anonymous(ram), 0);
	assert_int_equal(guest_read(ram, 9 * P, &value), 0);
	assert_int_equal(value, 0);
	*view(ram, 4 * MIB - 8) = 77;
	assert_int_equal(guest_read(ram, 4 * MIB - 8, &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(guest_write(ram, 0, 5), 0);
	assert_int_equal(*view(ram, 0), 5);
	assert_in_range(guest_ram_anonymous(ram), 2 * P, 4 * MIB);
	guest_ram_destroy(ram);
}

static void plain_memory_cannot_be_hidden(void **state)
{
	struct guest_ram *ram;
	const char *what;
	uint64_t value;

	assert_int_equal(guest_ram_create_plain(2 * MIB, &ram, &what), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(P), 1), -EOPNOTSUPP);
	assert_false(guest_ram_hidden(ram, GPA(P)));
	assert_int_equal(guest_ram_hidden_pages(ram), 0);
	assert_int_equal(guest_read(ram, P, &value), 0);
	assert_int_equal(guest_ram_show(ram, GPA(P), 1), 0);
	assert_int_equal(guest_ram_populate(ram, GPA(0), 512), 0);
	assert_int_equal(guest_ram_hide(ram, GPA(2 * MIB), 1), -EINVAL);
	guest_ram_destroy(ram);
	assert_int_equal(guest_ram_create_plain(P, &ram, &what), -EINVAL);
	assert_null(ram);
}

static void hidable_memory_is_not_anonymous(void **state)
{
	struct guest_ram *ram = test_ram(2 * MIB);

	assert_int_equal(guest_write(ram, 0, 5), 0);
	assert_int_equal(guest_ram_anonymous(ram), 0);
	guest_ram_destroy(ram);
}

static void names_the_remedy(void **state)
{
	assert_non_null(strstr(guest_ram_remedy("userfaultfd", -EPERM), "/dev/userfaultfd"));
	assert_non_null(strstr(guest_ram_remedy("UFFDIO_API", -EINVAL), "5.14"));
	assert_non_null(strstr(guest_ram_remedy("calloc", -ENOMEM), "less memory"));
	assert_non_null(guest_ram_remedy("anything", -EIO));
}

static bool drop_sys_admin(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	return !syscall(SYS_capset, &header, data);
}

/* With huge pages where they can be had, and without. */
int main(void)
{
	const struct CMUnitTest huge[] = {
		cmocka_unit_test(first_touch_maps_a_huge_page),
		cmocka_unit_test(a_hidden_page_makes_its_block_small),
		cmocka_unit_test(no_page_is_missing_while_a_block_gets_small),
	};
	const struct CMUnitTest small[] = {
		cmocka_unit_test(populate_maps_what_is_not_hidden),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_page_faults_and_keeps_its_data),
		cmocka_unit_test(neighbours_of_a_hidden_page_stay),
		cmocka_unit_test(never_touched_page_can_be_hidden),
		cmocka_unit_test(show_copes_with_holes_and_mapped_pages),
		cmocka_unit_test(counts_each_hidden_page_once),
		cmocka_unit_test(deferred_pages_change_when_settled),
		cmocka_unit_test(deferred_changes_cancel_out),
		cmocka_unit_test(deferred_changes_are_many),
		cmocka_unit_test(hides_across_blocks),
		cmocka_unit_test(all_memory_can_be_populated_hidden_and_shown),
		cmocka_unit_test(small_memory_is_one_range),
		cmocka_unit_test(addresses_around_the_hole),
		cmocka_unit_test(hides_above_the_hole),
		cmocka_unit_test(refuses_what_is_not_ram),
		cmocka_unit_test(refuses_odd_sizes),
		cmocka_unit_test(plain_memory_is_all_there),
		cmocka_unit_test(plain_memory_cannot_be_hidden),
		cmocka_unit_test(hidable_memory_is_not_anonymous),
		cmocka_unit_test(names_the_remedy),
	};
	int failed;

	if (pipe(pipe_fds) < 0)
		return 1;
	failed = cmocka_run_group_tests(huge, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
	if (!drop_sys_admin())
		return 1;
	return failed + cmocka_run_group_tests(small, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
