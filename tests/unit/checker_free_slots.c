// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_free_slots.c: made-up slabs, in a made-up memory, with random slots free, are found as they were made,
 * wherever their slab is listed; and what is not as it should be is left alone, and ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "free_slots.h"
#include "random64.h"

#define DIRECT	0xffff888000000000ull
#define VMEMMAP 0xffffea0000000000ull
#define PERCPU	0xffffffff90000000ull /* the per-CPU pointer plus this lies in the direct map */
#define BYTES	0x100000u
#define SIZE	64u
#define SLABS	12u
#define SLOTS	(8192u / SIZE)
#define SLAB_AT	0x80000u /* the first slab's gpa, two pages each */
#define CPUS	2u

/* The guest's structures, as far as they are read. */
struct list {
	uint64_t next, prev;
};
struct kmem_cache {
	uint64_t cpu_slab, random;
	uint32_t size, object_size, offset, oo;
	struct list list;
	uint64_t node[2];
};
struct node {
	uint64_t lock;
	struct list partial;
};
struct cpu {
	uint64_t freelist, slab, partial;
};
struct slab {
	uint64_t flags;
	struct list slab_list;
	uint64_t next, freelist, padding[3];
};

static const struct slub_layout slub = { .list = offsetof(struct kmem_cache, list),
					 .size = offsetof(struct kmem_cache, size),
					 .object_size = offsetof(struct kmem_cache, object_size),
					 .offset = offsetof(struct kmem_cache, offset),
					 .oo = offsetof(struct kmem_cache, oo),
					 .node = offsetof(struct kmem_cache, node),
					 .random = offsetof(struct kmem_cache, random),
					 .cpu_slab = offsetof(struct kmem_cache, cpu_slab),
					 .partial = offsetof(struct node, partial),
					 .cpu_freelist = offsetof(struct cpu, freelist),
					 .cpu_current = offsetof(struct cpu, slab),
					 .cpu_partial = offsetof(struct cpu, partial),
					 .slab_list = offsetof(struct slab, slab_list),
					 .slab_next = offsetof(struct slab, next),
					 .slab_freelist = offsetof(struct slab, freelist) };

static struct {
	union {
		uint8_t bytes[BYTES];
		struct {
			struct list caches; /* its head is in no cache */
			struct kmem_cache cache[2];
			struct node node;
			struct cpu cpu[CPUS];
		};
	};
	struct slab slab[BYTES / 4096];
	struct slub_layout layout;
	bool free[SLABS][SLOTS], found[SLABS][SLOTS];
	unsigned again; /* found twice, or no slot */
} m;

static size_t read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	if (addr >= DIRECT && addr - DIRECT <= BYTES - len)
		memcpy(buf, m.bytes + (addr - DIRECT), len);
	else if (addr >= VMEMMAP && addr - VMEMMAP <= sizeof(m.slab) - len)
		memcpy(buf, (uint8_t *)m.slab + (addr - VMEMMAP), len);
	else
		return 0;
	return len;
}

static uint64_t address_of(const void *p)
{
	return DIRECT + (uint64_t)((const uint8_t *)p - m.bytes);
}

static struct slab *slab_of(unsigned n)
{
	return &m.slab[(SLAB_AT + n * 8192) / 4096];
}

static uint64_t slab_address(unsigned n)
{
	return VMEMMAP + (uint64_t)((uint8_t *)slab_of(n) - (uint8_t *)m.slab);
}

static uint64_t slot_address(unsigned slab, unsigned slot)
{
	return DIRECT + SLAB_AT + slab * 8192 + slot * SIZE;
}

static void found(void *ctx, uint64_t addr, uint32_t size)
{
	uint64_t at = addr - slot_address(0, 0);
	unsigned slab = (unsigned)(at / 8192), slot = (unsigned)(at % 8192 / SIZE);

	assert_int_equal(size, SIZE - 8);
	if (at % SIZE || slab >= SLABS || m.found[slab][slot])
		m.again++;
	else
		m.found[slab][slot] = true;
}

static bool find_within(uint64_t steps, void (*found_one)(void *ctx, uint64_t addr, uint32_t size))
{
	static const uint64_t percpu[CPUS] = { PERCPU, PERCPU + sizeof(struct cpu) };
	const struct slub_guest g = { .read = read_memory,
				      .found = found_one,
				      .layout = &m.layout,
				      .direct_map = DIRECT,
				      .vmemmap = VMEMMAP,
				      .sizeof_page = sizeof(struct slab),
				      .percpu = percpu,
				      .ncpus = CPUS,
				      .most = steps };

	return free_slots_find(&g, address_of(&m.cache[0]));
}

static bool find_with(void (*found_one)(void *ctx, uint64_t addr, uint32_t size))
{
	return find_within(1000000, found_one);
}

static void find(void)
{
	memset(m.found, 0, sizeof(m.found));
	m.again = 0;
	assert_true(find_with(found));
	assert_int_equal(m.again, 0);
}

/* Where the next one's address is in a free slot. */
static uint8_t *next_of(uint64_t slot)
{
	return m.bytes + (slot - DIRECT) + m.cache[1].offset;
}

static void put_next(uint64_t slot, uint64_t next)
{
	if (m.layout.random != FREE_SLOTS_NONE)
		next ^= m.cache[1].random ^ __builtin_bswap64(slot + m.cache[1].offset);
	memcpy(next_of(slot), &next, sizeof(next));
}

/* A list of the slab's free slots in [from, limit), in random order; its first. */
static uint64_t chain(unsigned slab, unsigned from, unsigned limit)
{
	unsigned start = (unsigned)(random64() % SLOTS), step = (unsigned)random64() | 1;
	uint64_t first = 0;

	for (unsigned n = 0; n < SLOTS; n++) {
		unsigned slot = (start + n * step) % SLOTS;

		if (!m.free[slab][slot] || slot < from || slot >= limit)
			continue;
		put_next(slot_address(slab, slot), first);
		first = slot_address(slab, slot);
	}
	return first;
}

static void insert(struct list *head, uint64_t head_addr, struct list *entry, uint64_t addr)
{
	entry->next = head->next;
	entry->prev = head_addr;
	if (head->next == head_addr)
		head->prev = addr;
	else
		slab_of((unsigned)((head->next - offsetof(struct slab, slab_list) - slab_address(0)) /
				   (2 * sizeof(struct slab))))
			->slab_list.prev = addr;
	head->next = addr;
}

static void make_caches(void)
{
	m.layout = slub;
	if (random64() % 4 == 0)
		m.layout.random = FREE_SLOTS_NONE;
	for (unsigned n = 0; n < 2; n++)
		m.cache[n] = (struct kmem_cache){ .size = SIZE, .object_size = SIZE - 8, .oo = 1 << 16 | SLOTS };
	m.caches = (struct list){ address_of(&m.cache[0].list), address_of(&m.cache[1].list) };
	m.cache[0].list = (struct list){ address_of(&m.cache[1].list), address_of(&m.caches) };
	m.cache[1].list = (struct list){ address_of(&m.caches), address_of(&m.cache[0].list) };
	m.cache[1].random = random64();
	m.cache[1].offset = random64() % 2 ? SIZE / 2 : SIZE - 8;
	m.cache[1].cpu_slab = address_of(&m.cpu[0]) - PERCPU;
	m.cache[1].node[0] = address_of(&m.node);
	m.cache[1].node[1] = random64();
	m.node.partial = (struct list){ address_of(&m.node.partial), address_of(&m.node.partial) };
}

/* The second cache has all the slabs: two are CPUs' own, others are in the node's list, in a CPU's, or full. */
static void make(void)
{
	memset(&m, 0, sizeof(m));
	for (unsigned n = 0; n < sizeof(m.bytes); n += 8)
		memcpy(m.bytes + n, &(uint64_t){ random64() }, 8);
	make_caches();
	m.cpu[0].partial = m.cpu[1].partial = 0;
	for (unsigned n = 0; n < SLABS; n++) {
		unsigned kind = n < CPUS ? 0 : 1 + (unsigned)(random64() % 3);
		struct cpu *cpu = &m.cpu[n % CPUS];

		for (unsigned slot = 0; slot < SLOTS && kind < 3; slot++)
			m.free[n][slot] = random64() % 2;
		if (kind == 0) {
			cpu->slab = slab_address(n);
			cpu->freelist = chain(n, 0, SLOTS / 2);
			slab_of(n)->freelist = chain(n, SLOTS / 2, SLOTS);
			continue;
		}
		slab_of(n)->freelist = chain(n, 0, SLOTS);
		if (kind == 1) {
			insert(&m.node.partial, address_of(&m.node.partial), &slab_of(n)->slab_list,
			       slab_address(n) + offsetof(struct slab, slab_list));
		} else if (kind == 2) {
			slab_of(n)->next = cpu->partial;
			cpu->partial = slab_address(n);
		}
	}
}

static void test_found(void **state)
{
	for (unsigned n = 0; n < 200; n++) {
		make();
		find();
		assert_memory_equal(m.found, m.free, sizeof(m.free));
	}
}

/* Of a slab whose list is broken nothing counts as free; the others are found. */
static void test_broken(void **state)
{
	static const uint64_t wrong[] = { DIRECT - 64, DIRECT + BYTES, DIRECT + SLAB_AT - SIZE, 1, 0xdead000000000100 };

	for (unsigned n = 0; n < 200; n++) {
		unsigned slot = 0;

		make();
		while (!m.free[0][slot]) /* of the CPU's list */
			slot++;
		if (n % 3 == 0)
			put_next(slot_address(0, slot), wrong[n / 3 % 5]);
		else if (n % 3 == 1)
			put_next(slot_address(0, slot), m.cpu[0].freelist); /* a ring */
		else
			put_next(slot_address(0, slot), slot_address(0, (slot + 7) % SLOTS) + 8);
		find();
		memset(m.free[0], 0, sizeof(m.free[0]) / 2);
		assert_memory_equal(m.found, m.free, sizeof(m.free));
	}
}

static void found_any(void *ctx, uint64_t addr, uint32_t size)
{
	assert_true(addr >= DIRECT && size);
}

/* What list_del() leaves, and a list of nobody else. */
static void test_destroyed(void **state)
{
	make();
	m.cache[0].list.next = 0xdead000000000100;
	assert_false(find_with(found));
	m.cache[0].list.next = address_of(&m.cache[0].list);
	assert_false(find_with(found));
	assert_int_equal(m.again, 0);
}

/* Rings of slabs, and of slots, end where all steps are used up. */
static void test_endless(void **state)
{
	make();
	slab_of(2)->slab_list.next = slab_address(2) + offsetof(struct slab, slab_list);
	m.node.partial.next = slab_of(2)->slab_list.next;
	slab_of(2)->freelist = 0;
	assert_true(find_with(found));
	m.cpu[1].partial = slab_address(2);
	slab_of(2)->next = slab_address(2);
	assert_true(find_with(found));
	memset(m.found, 0, sizeof(m.found));
	memset(m.free, 0, sizeof(m.free));
	assert_true(find_within(0, found));
	assert_memory_equal(m.found, m.free, sizeof(m.free)); /* nothing without a step */
}

/* It ends, whatever a list, a cache or a pointer is. */
static void test_hostile(void **state)
{
	const uint64_t targets[] = { address_of(&m.node.partial), slab_address(3), 0, 1, address_of(&m.cache[0].list),
				     slab_address(5) + 8 };
	const size_t words = (sizeof(m.caches) + sizeof(m.cache) + sizeof(m.node) + sizeof(m.cpu)) / 8;
	uint64_t *word = (uint64_t *)m.bytes;

	for (unsigned n = 0; n < 300; n++) {
		make();
		for (unsigned changes = 0; changes < 4; changes++)
			word[random64() % words] = targets[random64() % 6];
		find_with(found_any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_destroyed),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
