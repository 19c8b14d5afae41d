// SPDX-License-Identifier: GPL-2.0-only
/* checker_walk.c: the guest page walk in every paging mode, and every right that can be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "walk.h"

#define P  0x1ull
#define W  0x2ull
#define U  0x4ull
#define A  0x20ull
#define D  0x40ull
#define PS 0x80ull
#define NX (1ull << 63)
#define KEY(k) ((uint64_t)(k) << 59)

#define PG   (1ull << 31)
#define WP   (1ull << 16)
#define PSE  (1ull << 4)
#define PAE  (1ull << 5)
#define LA57 (1ull << 12)
#define SMEP (1ull << 20)
#define SMAP (1ull << 21)
#define PKE  (1ull << 22)
#define LMA  (1ull << 10)
#define NXE  (1ull << 11)
#define AC   (1ull << 18)

#define CR3   0x10000ull
#define PAGE  0x42000ull
#define ADDR  0xffff888000123456ull

static struct guest_ram *ram;

static int setup(void **state)
{
	const char *what;

	return guest_ram_create(4 << 20, &ram, &what);
}

static int teardown(void **state)
{
	guest_ram_destroy(ram);
	return 0;
}

static void put64(uint64_t gpa, uint64_t v)
{
	memcpy(guest_ram_at(ram, (gpa_t){ gpa }, 8), &v, 8);
}

static uint64_t get64(uint64_t gpa)
{
	uint64_t v;

	memcpy(&v, guest_ram_at(ram, (gpa_t){ gpa }, 8), 8);
	return v;
}

/* Tables at CR3, CR3 + 0x1000, ... that map addr to leaf with 4 KiB pages. */
static void map_long(unsigned levels, uint64_t addr, uint64_t middle, uint64_t leaf)
{
	for (unsigned i = 0; i < levels; i++) {
		unsigned shift = 12 + 9 * (levels - 1 - i);
		uint64_t slot = CR3 + i * 0x1000 + (addr >> shift & 511) * 8;

		put64(slot, i == levels - 1 ? leaf : (CR3 + (i + 1) * 0x1000) | middle);
	}
}

static const struct walk_cpu long_cpu = { .cr0 = PG | WP, .cr3 = CR3, .cr4 = PAE, .efer = LMA | NXE };

/* One line a case: rights of the tables and the leaf, the CPU, the access, what must come out. */
static const struct {
	const char *name;
	uint64_t middle, leaf, cr0, cr4, rflags;
	unsigned cpl, how;
	uint32_t pkru;
	enum walk_result result;
	uint32_t error;
} rights[] = {
	{ "kernel read", P | W, P | W, WP, 0, 0, 0, WALK_READ, 0, WALK_OK, 0 },
	{ "kernel write", P | W, P | W, WP, 0, 0, 0, WALK_WRITE, 0, WALK_OK, 0 },
	{ "not present read", P | W, 0, WP, 0, 0, 0, WALK_READ, 0, WALK_PF, 0 },
	{ "not present write", P | W, 0, WP, 0, 0, 0, WALK_WRITE, 0, WALK_PF, 2 },
	{ "not present user", P | W | U, 0, WP, 0, 0, 3, WALK_READ, 0, WALK_PF, 4 },
	{ "not present fetch", P | W, 0, WP, 0, 0, 0, WALK_FETCH, 0, WALK_PF, 0x10 },
	{ "read-only, WP", P | W, P, WP, 0, 0, 0, WALK_WRITE, 0, WALK_PF, 3 },
	{ "read-only, no WP", P | W, P, 0, 0, 0, 0, WALK_WRITE, 0, WALK_OK, 0 },
	{ "read-only, no WP, user", P | W | U, P | U, 0, 0, 0, 3, WALK_WRITE, 0, WALK_PF, 7 },
	{ "read-only table", P, P | W, WP, 0, 0, 0, WALK_WRITE, 0, WALK_PF, 3 },
	{ "user on kernel page", P | W | U, P | W, WP, 0, 0, 3, WALK_READ, 0, WALK_PF, 5 },
	{ "user through kernel table", P | W, P | W | U, WP, 0, 0, 3, WALK_READ, 0, WALK_PF, 5 },
	{ "SMAP", P | W | U, P | W | U, WP, SMAP, 0, 0, WALK_READ, 0, WALK_PF, 1 },
	{ "SMAP with AC", P | W | U, P | W | U, WP, SMAP, AC, 0, WALK_WRITE, 0, WALK_OK, 0 },
	{ "SMEP", P | W | U, P | W | U, WP, SMEP, 0, 0, WALK_FETCH, 0, WALK_PF, 0x11 },
	{ "user fetch, SMEP", P | W | U, P | W | U, WP, SMEP, 0, 3, WALK_FETCH, 0, WALK_OK, 0 },
	{ "NX leaf", P | W, P | W | NX, WP, 0, 0, 0, WALK_FETCH, 0, WALK_PF, 0x11 },
	{ "NX table", P | W | NX, P | W, WP, 0, 0, 0, WALK_FETCH, 0, WALK_PF, 0x11 },
	{ "NX read", P | W | NX, P | W | NX, WP, 0, 0, 0, WALK_READ, 0, WALK_OK, 0 },
	{ "key access", P | W | U, P | W | U | KEY(1), WP, PKE, 0, 3, WALK_READ, 4, WALK_PF, 0x25 },
	{ "key write", P | W | U, P | W | U | KEY(1), WP, PKE, 0, 3, WALK_WRITE, 8, WALK_PF, 0x27 },
	{ "key write, read", P | W | U, P | W | U | KEY(1), WP, PKE, 0, 3, WALK_READ, 8, WALK_OK, 0 },
	{ "other key", P | W | U, P | W | U | KEY(2), WP, PKE, 0, 3, WALK_WRITE, 12, WALK_OK, 0 },
	{ "key, kernel page", P | W, P | W | KEY(1), WP, PKE, 0, 0, WALK_WRITE, 12, WALK_OK, 0 },
};

static void test_rights(void **state)
{
	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		struct walk_cpu cpu = long_cpu;
		struct walk w;
		enum walk_result r;

		cpu.cr0 = PG | rights[i].cr0;
		cpu.cr4 |= rights[i].cr4;
		cpu.rflags = rights[i].rflags;
		cpu.cpl = rights[i].cpl;
		cpu.pkru = rights[i].pkru;
		map_long(4, ADDR, rights[i].middle, PAGE | rights[i].leaf);
		r = walk(ram, &cpu, (gva_t){ ADDR }, rights[i].how, &w);
		if (r != rights[i].result || (r == WALK_PF && w.error_code != rights[i].error) ||
		    (r == WALK_OK && w.gpa.v != PAGE + 0x456))
			fail_msg("%s: result %d, error %#x, gpa %#llx", rights[i].name, r, w.error_code,
				 (unsigned long long)w.gpa.v);
	}
}

static void test_modes(void **state)
{
	struct walk_cpu cpu = long_cpu;
	struct walk w;

	cpu.cr4 |= LA57;
	map_long(5, 0x00ab888000123456ull, P | W, PAGE | P); /* canonical with 57 bits only */
	assert_int_equal(walk(ram, &cpu, (gva_t){ 0x00ab888000123456ull }, 0, &w), WALK_OK);
	assert_int_equal(w.ntables, 5);

	cpu = long_cpu; /* 2 MiB page: bit 12 of the entry is PAT, not address */
	map_long(3, ADDR >> 9, P | W, 0);
	put64(CR3 + 0x2000 + (ADDR >> 21 & 511) * 8, 0x200000 | 1 << 12 | P | W | PS);
	assert_int_equal(walk(ram, &cpu, (gva_t){ ADDR }, 0, &w), WALK_OK);
	assert_int_equal(w.gpa.v, 0x200000 + (ADDR & 0x1fffff));
	assert_int_equal(w.left, 0x1000 - 0x456);

	cpu = (struct walk_cpu){ .cr0 = PG, .cr3 = CR3, .cr4 = PAE }; /* PAE */
	put64(CR3 + 3 * 8, 0x20000 | P);
	put64(0x20000 + 5 * 8, 0x21000 | P | W);
	put64(0x21000 + 7 * 8, PAGE | P | W);
	assert_int_equal(walk(ram, &cpu, (gva_t){ 0xc0a07123 }, WALK_WRITE, &w), WALK_OK);
	assert_int_equal(w.gpa.v, PAGE + 0x123);

	cpu = (struct walk_cpu){ .cr0 = PG, .cr3 = CR3, .cr4 = PSE }; /* 32-bit, 4 MiB page */
	put64(CR3 + 0x302 * 4, 0x000000 | P | W | PS);
	assert_int_equal(walk(ram, &cpu, (gva_t){ 0xc0801234 }, WALK_WRITE, &w), WALK_OK);
	assert_int_equal(w.gpa.v, 0x1234);

	cpu = (struct walk_cpu){ 0 }; /* paging off */
	assert_int_equal(walk(ram, &cpu, (gva_t){ 0x1234 }, WALK_WRITE, &w), WALK_OK);
	assert_int_equal(w.gpa.v, 0x1234);
}

static void test_noncanonical_and_outside(void **state)
{
	struct walk w;

	assert_int_equal(walk(ram, &long_cpu, (gva_t){ 0x0000888000123456ull }, 0, &w), WALK_NONCANONICAL);
	map_long(4, ADDR, P | W, PAGE | P);
	put64(CR3 + (ADDR >> 39 & 511) * 8, 0x7ffffffff000ull | P);
	assert_int_equal(walk(ram, &long_cpu, (gva_t){ ADDR }, 0, &w), WALK_OUTSIDE);
}

static void test_accessed_dirty(void **state)
{
	uint64_t leaf = CR3 + 0x3000 + (ADDR >> 12 & 511) * 8, top = CR3 + (ADDR >> 39 & 511) * 8;
	struct walk w;

	map_long(4, ADDR, P | W, PAGE | P | W);
	walk(ram, &long_cpu, (gva_t){ ADDR }, WALK_WRITE, &w);
	assert_int_equal(get64(leaf) & (A | D), 0); /* a look leaves no trace */
	assert_false(w.written);
	walk(ram, &long_cpu, (gva_t){ ADDR }, WALK_READ | WALK_SET_AD, &w);
	assert_int_equal(get64(leaf) & (A | D), A);
	assert_int_equal(get64(top) & (A | D), A);
	assert_false(w.written); /* the first store sets the dirty bit */
	walk(ram, &long_cpu, (gva_t){ ADDR }, WALK_WRITE | WALK_SET_AD, &w);
	assert_int_equal(get64(leaf) & (A | D), A | D);
	assert_int_equal(get64(top) & (A | D), A);
	assert_true(w.written);
	walk(ram, &long_cpu, (gva_t){ ADDR }, WALK_READ | WALK_SET_AD, &w);
	assert_true(w.written);
	map_long(4, ADDR, P | W, PAGE | P | A | D);
	walk(ram, &long_cpu, (gva_t){ ADDR }, WALK_READ | WALK_SET_AD, &w);
	assert_false(w.written); /* a dirty page that has become read-only */
}

/* As a window does: what is known, else a walk that is remembered. ntables is 0 where it was known. */
static enum walk_result again(struct walks *walks, const struct walk_cpu *cpu, uint64_t addr, unsigned how,
			      struct walk *w)
{
	const struct walk_known *k;
	enum walk_result r;

	walks_set(walks, ram, cpu);
	k = walk_known(walks, (gva_t){ addr }, how & WALK_FETCH, how & WALK_WRITE);
	if (!k) {
		r = walk(ram, cpu, (gva_t){ addr }, how, w);
		if (r == WALK_OK)
			walk_remember(walks, ram, (gva_t){ addr }, how, w);
		return r;
	}
	assert_ptr_equal(k->host, guest_ram_at(ram, (gpa_t){ k->gpa }, GUEST_PAGE));
	assert_int_equal(k->index, guest_ram_page_index(ram, (gpa_t){ k->gpa }));
	assert_int_equal(k->supervisor, !(get64(CR3 + 0x3000 + (ADDR >> 12 & 511) * 8) & U));
	*w = (struct walk){ .gpa = { k->gpa + addr % GUEST_PAGE }, .written = k->written };
	return WALK_OK;
}

/* It says what walk() says, whatever has changed since. */
static void test_again(void **state)
{
	uint64_t leaf = CR3 + 0x3000 + (ADDR >> 12 & 511) * 8;
	static struct walks walks;
	struct walk_cpu cpu = long_cpu;
	struct walk w;

	map_long(4, ADDR, P | W, PAGE | P | W);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.ntables, 4);
	assert_int_equal(again(&walks, &cpu, ADDR + 8, WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.ntables, 0);
	assert_int_equal(w.gpa.v, PAGE + 0x456 + 8);
	assert_false(w.written);
	/* A store sets the dirty bit, then it is known; and again where the guest has cleared it. */
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_WRITE | WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.ntables, 4);
	assert_int_equal(get64(leaf) & (A | D), A | D);
	again(&walks, &cpu, ADDR, WALK_WRITE | WALK_SET_AD, &w);
	assert_int_equal(w.ntables, 0);
	assert_true(w.written);
	put64(leaf, PAGE | P | W | A);
	again(&walks, &cpu, ADDR, WALK_WRITE | WALK_SET_AD, &w);
	assert_int_equal(get64(leaf) & (A | D), A | D);
	/* Another page, no page, no right to it. */
	put64(leaf, (PAGE + 0x1000) | P | A);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.gpa.v, PAGE + 0x1456);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_WRITE | WALK_SET_AD, &w), WALK_PF);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_FETCH, &w), WALK_OK);
	put64(leaf, (PAGE + 0x1000) | P | A | NX);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_FETCH, &w), WALK_PF);
	put64(leaf, 0);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_PF);
	/* A user's page: only while AC is set. */
	map_long(4, ADDR, P | W | U, PAGE | P | W | U);
	cpu.cr4 |= SMAP;
	cpu.rflags = AC;
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OK);
	cpu.rflags = 0;
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_PF);
	cpu.rflags = AC;
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.ntables, 0);
	/* More registers than are told apart: nothing of one is taken for another's. */
	for (unsigned n = 0; n < 2 * WALKS_CONTEXTS; n++) {
		cpu.cr4 = long_cpu.cr4 | SMAP | (uint64_t)n << 32;
		cpu.rflags = n % 2 ? AC : 0;
		assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), n % 2 ? WALK_OK : WALK_PF);
	}
	/* Other tables, whose highest one leads to the same ones; then nowhere; then none at all. */
	cpu = long_cpu;
	map_long(4, ADDR, P | W, PAGE | P | W);
	again(&walks, &cpu, ADDR, WALK_SET_AD, &w);
	cpu.cr3 = 0x30000;
	put64(0x30000 + (ADDR >> 39 & 511) * 8, get64(CR3 + (ADDR >> 39 & 511) * 8));
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OK);
	assert_int_equal(w.ntables, 0);
	assert_int_equal(w.gpa.v, PAGE + 0x456);
	put64(0x30000 + (ADDR >> 39 & 511) * 8, 0);
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_PF);
	cpu.cr3 = 1ull << 40;
	assert_int_equal(again(&walks, &cpu, ADDR, WALK_SET_AD, &w), WALK_OUTSIDE);
}

static void test_read_crosses(void **state)
{
	uint8_t buf[0x1000];

	map_long(4, ADDR, P | W, PAGE | P);
	memset(guest_ram_at(ram, (gpa_t){ PAGE }, 0x1000), 7, 0x1000);
	/* Only one page is mapped: the copy ends with it. */
	assert_int_equal(walk_read(ram, CR3, false, (gva_t){ ADDR }, buf, sizeof(buf)), 0x1000 - 0x456);
	assert_int_equal(buf[0], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),	     cmocka_unit_test(test_modes),
		cmocka_unit_test(test_noncanonical_and_outside),
		cmocka_unit_test(test_accessed_dirty), cmocka_unit_test(test_again), cmocka_unit_test(test_read_crosses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
