// SPDX-License-Identifier: GPL-2.0-only
/* checker_sites.c: places that allocate: the same names in every VM, each place once, and its
 * counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kmc_abi.h"
#include "site_name.h"
#include "site_table.h"

#define TEXT	 0xffffffff81000000ull
#define MODULE	 0xffffffffc0000000ull
#define SLIDE	 0x2a400000ull
#define LONG	 LONG64 LONG64 LONG64
#define LONG64	 "a_name_of_sixty_four_letters_and_so_on_as_only_Rust_has_such_ones"
#define COUNT(a) (unsigned)(sizeof(a) / sizeof((a)[0]))

/* The functions of a kernel whose text begins at text; a module's at mod. */
static struct symbols *kernel(uint64_t text, uint64_t mod)
{
	const struct {
		int type;
		uint64_t addr, size;
		const char *name;
	} all[] = {
		{KMC_SYM_TEXT, text + 0x100, 0x100, "kmem_cache_alloc"},
		{KMC_SYM_TEXT, text + 0x200, 0x100, "__d_alloc"},
		{KMC_SYM_TEXT, text + 0x300, 0x100, "d_make"},
		{KMC_SYM_TEXT, text + 0x400, 0x100, LONG},
		{KMC_SYM_TEXT, text + 0x500, 0x100, "do_open"},
		{KMC_SYM_TEXT, text + 0x600, 0x100, "asm_sysvec_apic_timer_interrupt"},
		{KMC_SYM_TEXT, text + 0x700, 0x100, "do_syscall_64"},
		{KMC_SYM_MODULE, mod, 0x1000, "some_mod"},
		{KMC_SYM_TEXT, mod + 0x10, 0x100, "mod_open"},
	};
	struct symbols *s = symbols_create();

	assert_non_null(s);
	symbols_set_text(s, text, text + 0x10000);
	for (unsigned n = 0; n < COUNT(all); n++) {
		struct kmc_symbol sym = {.addr = all[n].addr,
					 .size = (uint32_t)all[n].size,
					 .type = (uint8_t)all[n].type,
					 .namelen = (uint8_t)strlen(all[n].name)};
		char buf[sizeof(sym) + 256];

		memcpy(buf, &sym, sizeof(sym));
		memcpy(buf + sizeof(sym), all[n].name, sym.namelen);
		assert_int_equal(symbols_feed(s, buf, sizeof(sym) + sym.namelen), 0);
	}
	return s;
}

static struct site_name name_of(struct symbols *s, const uint64_t *stack, unsigned n)
{
	struct site_name name;

	site_name(s, stack, n, &name);
	return name;
}

/* Function 1 to 7 of the kernel, 0x20 into it. */
static uint64_t at(uint64_t text, unsigned n)
{
	return text + n * 0x100ull + 0x20;
}

static void the_same_wherever_it_lies(void **state)
{
	struct symbols *here = kernel(TEXT, MODULE), *there = kernel(TEXT + SLIDE, MODULE - SLIDE);
	uint64_t a[] = {at(TEXT, 1), at(TEXT, 2), MODULE + 0x30, at(TEXT, 5), at(TEXT, 7)};
	uint64_t b[] = {at(TEXT + SLIDE, 1), at(TEXT + SLIDE, 2), MODULE - SLIDE + 0x30,
			at(TEXT + SLIDE, 5), at(TEXT + SLIDE, 7)};
	struct site_name x = name_of(here, a, COUNT(a)), y = name_of(there, b, COUNT(b));

	assert_string_equal(x.name, "mod_open+0x20 [some_mod] < do_open+0x20 < do_syscall_64+0x20");
	assert_string_equal(y.name, x.name);
	assert_true(x.id == y.id);
	symbols_destroy(here);
	symbols_destroy(there);
}

static void others_differ(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE);
	uint64_t base[] = {at(TEXT, 1), at(TEXT, 3), at(TEXT, 5)};
	uint64_t id = name_of(s, base, COUNT(base)).id;

	for (unsigned n = 0; n < COUNT(base); n++) {
		uint64_t other[] = {base[0], base[1], base[2]};

		other[n] += 1; /* another call in the same function */
		assert_true(name_of(s, other, COUNT(other)).id != id);
		other[n] = 0; /* nowhere */
		assert_true(name_of(s, other, COUNT(other)).id != id);
	}
	assert_true(name_of(s, base, 2).id != id);
	symbols_destroy(s);
}

static void what_was_interrupted_does_not_count(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE);
	uint64_t a[] = {at(TEXT, 3), at(TEXT, 6), at(TEXT, 5), at(TEXT, 7)};
	uint64_t b[] = {at(TEXT, 3), at(TEXT, 6), at(TEXT, 4)};
	struct site_name x = name_of(s, a, COUNT(a));

	assert_true(x.id == name_of(s, b, COUNT(b)).id);
	assert_string_equal(x.name, "d_make+0x20 < asm_sysvec_apic_timer_interrupt+0x20");
	symbols_destroy(s);
}

static void names_fit(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE);
	uint64_t deep[] = {at(TEXT, 4), at(TEXT, 4), at(TEXT, 4)}, none[] = {0x1234, UINT64_MAX},
		 helper[] = {at(TEXT, 1)};

	struct site_name name = name_of(s, deep, COUNT(deep));

	assert_int_equal(strlen(name.name), SITE_NAME - 1);
	assert_non_null(strstr(name.name, "+0x20 < a_name"));
	assert_string_equal(name_of(s, none, 2).name, "unknown");
	assert_string_equal(name_of(s, none, 0).name, "unknown");
	assert_string_equal(name_of(s, helper, 1).name, "unknown");
	symbols_destroy(s);
}

/* ---------------------------------------------------------------- the table */

static struct track_event allocate(struct track *t, struct site_table *table, struct symbols *s,
				   const uint64_t *stack, unsigned n, bool worth)
{
	struct track_event e = {.pages = 1,
				.cache = "",
				.size = 64,
				.slot = 64,
				.stack = stack,
				.frames = n,
				.defined = !worth};

	track_alloc(t, &e);
	if (e.new_site)
		site_table_meet(table, e.site, s, stack, n);
	return e;
}

static struct track *budget(void)
{
	struct track *t = track_create(16, 0);
	struct track_params p;
	char err[128];

	assert_non_null(t);
	assert_true(track_parse("budget", &p, err, sizeof(err)));
	track_set(t, &p);
	return t;
}

static void counts(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE);
	struct site_table *table = site_table_create();
	struct track *t = budget();
	uint64_t a[] = {at(TEXT, 3)}, b[] = {at(TEXT, 5)};
	struct site_entry *list;
	size_t n, of_a;

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(allocate(t, table, s, a, 1, i < 3).new_site, i == 0);
	assert_true(allocate(t, table, s, b, 1, false).new_site);
	assert_true(site_table_list(table, t, &list, &n));
	assert_int_equal(n, 2);
	assert_true(list[0].id < list[1].id);
	of_a = list[0].id == name_of(s, a, 1).id ? 0 : 1;
	assert_string_equal(list[of_a].name, "d_make+0x20");
	assert_int_equal(list[of_a].seen, 5);
	assert_int_equal(list[of_a].chosen, 3);
	assert_string_equal(list[!of_a].name, "do_open+0x20");
	assert_int_equal(list[!of_a].seen, 1);
	assert_int_equal(list[!of_a].chosen, 0);
	free(list);
	site_table_destroy(table);
	track_destroy(t);
	symbols_destroy(s);
}

/* The name is from when the place was met first; a module that comes back elsewhere has the same
 * places. */
static void modules_come_back(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE), *again = kernel(TEXT, MODULE + SLIDE);
	struct site_table *table = site_table_create();
	struct track *t = budget();
	uint64_t a[] = {MODULE + 0x30}, b[] = {MODULE + SLIDE + 0x30};
	struct site_entry *list;
	size_t n;

	allocate(t, table, s, a, 1, true);
	allocate(t, table, again, b, 1, true);
	allocate(t, table, again, b, 1, false);
	assert_true(site_table_list(table, t, &list, &n));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "mod_open+0x20 [some_mod]");
	assert_int_equal(list[0].seen, 3);
	assert_int_equal(list[0].chosen, 2);
	free(list);
	site_table_destroy(table);
	track_destroy(t);
	symbols_destroy(s);
	symbols_destroy(again);
}

/* More than there is room for: what was met stays, and is listed. */
static void full(void **state)
{
	struct symbols *s = kernel(TEXT, MODULE);
	struct site_table *table = site_table_create();
	struct track *t = budget();
	struct track_stats stats;
	struct site_entry *list;
	size_t n;

	for (uint64_t i = 0; i < 2 * TRACK_SITES; i++) {
		uint64_t stack[] = {TEXT + 0x300 + i % 0x200, TEXT + 0x300 + i / 0x200};
		struct track_event e = allocate(t, table, s, stack, 2, true);

		assert_true(e.site <= TRACK_SITES);
		assert_int_equal(e.new_site, e.site < TRACK_SITES);
	}
	track_get_stats(t, &stats);
	assert_true(stats.sites_lost > 0);
	assert_true(site_table_list(table, t, &list, &n));
	assert_int_equal(n, stats.sites);
	free(list);
	site_table_destroy(table);
	track_destroy(t);
	symbols_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_wherever_it_lies),
		cmocka_unit_test(others_differ),
		cmocka_unit_test(what_was_interrupted_does_not_count),
		cmocka_unit_test(names_fit),
		cmocka_unit_test(counts),
		cmocka_unit_test(modules_come_back),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
