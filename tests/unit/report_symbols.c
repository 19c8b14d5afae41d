// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_symbols.c: the guest's symbols. Lookups, modules that come and go, and hostile streams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kmc_abi.h"
#include "random64.h"
#include "symbols.h"

#define TEXT	 0xffffffff81000000ull
#define TEXT_END 0xffffffff81010000ull
#define MOD	 0xffffffffc0000000ull
#define FUZZ_FEEDS 100000

struct stream {
	char buf[4096];
	size_t len;
};

static void add(struct stream *s, int type, uint64_t addr, uint64_t size, const char *name)
{
	struct kmc_symbol sym = {
		.addr = addr, .size = size, .type = (uint8_t)type, .namelen = (uint8_t)strlen(name),
	};

	memcpy(s->buf + s->len, &sym, sizeof(sym));
	memcpy(s->buf + s->len + sizeof(sym), name, sym.namelen);
	s->len += sizeof(sym) + sym.namelen;
}

static void feed_one(struct symbols *s, int type, uint64_t addr, uint64_t size, const char *name)
{
	struct stream st = { .len = 0 };

	add(&st, type, addr, size, name);
	assert_int_equal(symbols_feed(s, st.buf, st.len), 0);
}

/* Not in the order of the addresses, as kallsyms of modules is not. */
static struct symbols *kernel(void)
{
	struct symbols *s = symbols_create();
	struct stream st = { .len = 0 };

	assert_non_null(s);
	symbols_set_text(s, TEXT, TEXT_END);
	add(&st, KMC_SYM_TEXT, TEXT + 0x200, 0, "kfree");
	add(&st, KMC_SYM_TEXT, TEXT + 0x100, 0, "__memset");
	add(&st, KMC_SYM_TEXT, TEXT + 0x100, 0, "memset");
	add(&st, KMC_SYM_TEXT, TEXT + 0x1f0, 0, "__pfx_kfree");
	add(&st, KMC_SYM_TEXT, TEXT + 0x300, 0x40, "slab_free.isra.0");
	add(&st, KMC_SYM_TEXT, TEXT + 0x400, 0, "print_tracking.cold");
	add(&st, KMC_SYM_TEXT, TEXT + 0x500, 0, "_stext_end");
	add(&st, KMC_SYM_MODULE, MOD, 0x1000, "kmc_bugs");
	add(&st, KMC_SYM_TEXT, MOD + 0x10, 0, "bug_uaf");
	add(&st, KMC_SYM_TEXT, MOD + 0x80, 0x20, "bug_oob.constprop.0");
	add(&st, KMC_SYM_TEXT, MOD + 0x5000, 0x100, "bugs_init");
	add(&st, KMC_SYM_KERNEL, 0, 0, "");
	add(&st, KMC_SYM_TEXT, TEXT, 0, "_stext");
	assert_int_equal(symbols_feed(s, st.buf, st.len), 0);
	return s;
}

static void test_lookup(void **state)
{
	static const struct {
		uint64_t addr;
		bool is_return;
		const char *text, *function; /* NULL: no name */
	} cases[] = {
		{ TEXT, false, "_stext+0x0/0x100", "_stext" },
		{ TEXT - 1, false, NULL, NULL },
		{ TEXT, true, NULL, "_stext" },
		{ TEXT + 0x100, false, "memset+0x0/0x100", "memset" }, /* not __memset */
		{ TEXT + 0x1f8, false, "memset+0xf8/0x100", "memset" },/* padding is no function */
		{ TEXT + 0x212, false, "kfree+0x12/0x100", "kfree" },
		{ TEXT + 0x300, true, "kfree+0x100/0x100", "slab_free" }, /* a call at the end */
		{ TEXT + 0x33f, false, "slab_free.isra.0+0x3f/0x40", "slab_free" },
		{ TEXT + 0x340, false, NULL, NULL }, /* behind a size that is known */
		{ TEXT + 0x340, true, "slab_free.isra.0+0x40/0x40", NULL },
		{ TEXT + 0x401, false, "print_tracking.cold+0x1/0x100", "print_tracking" },
		{ TEXT_END - 1, false, "_stext_end+0xfaff/0xfb00", "_stext_end" },
		{ TEXT_END, false, NULL, NULL },
		{ MOD, false, NULL, NULL }, /* in front of the module's first function */
		{ MOD + 0x10, false, "bug_uaf+0x0/0x70 [kmc_bugs]", "bug_uaf" },
		{ MOD + 0x9f, false, "bug_oob.constprop.0+0x1f/0x20 [kmc_bugs]", "bug_oob" },
		{ MOD + 0xa0, false, NULL, NULL },
		{ MOD + 0x1000, false, NULL, NULL },
		{ MOD + 0x5001, false, "bugs_init+0x1/0x100 [kmc_bugs]", "bugs_init" },
		{ MOD + 0x5100, false, NULL, NULL },
		{ 0, false, NULL, NULL },
		{ 0, true, NULL, NULL },
		{ UINT64_MAX, false, NULL, NULL },
	};
	struct symbols *s = kernel();
	char out[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = symbols_format(s, cases[i].addr, cases[i].is_return, out, sizeof(out));

		assert_string_equal(out, cases[i].text ? cases[i].text : "");
		assert_int_equal(found, cases[i].text != NULL);
		found = symbols_function(s, cases[i].addr, out, sizeof(out));
		assert_string_equal(out, cases[i].function ? cases[i].function : "");
		assert_int_equal(found, cases[i].function != NULL);
	}
	symbols_destroy(s);
}

static void test_is_text(void **state)
{
	static const struct {
		uint64_t addr;
		bool text;
	} cases[] = {
		{TEXT, true},	       {TEXT - 1, false},     {TEXT_END - 1, true},
		{TEXT_END, false},     {TEXT + 0x340, true},  {MOD, true},
		{MOD + 0xfff, true},   {MOD + 0x1000, false}, {MOD + 0x5000, true},
		{MOD + 0x4fff, false}, {MOD + 0x5100, false}, {0, false},
	};
	struct symbols *s = kernel();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(symbols_is_text(s, cases[i].addr), cases[i].text);
	symbols_destroy(s);
}

static void test_module_leaves(void **state)
{
	struct symbols *s = kernel();
	uint64_t before = symbols_generation(s);
	char out[128];

	feed_one(s, KMC_SYM_MODULE_GONE, MOD, 0, "");
	assert_true(symbols_generation(s) != before);
	assert_false(symbols_format(s, MOD + 0x10, false, out, sizeof(out)));
	assert_false(symbols_is_text(s, MOD + 0x10));
	assert_true(symbols_format(s, TEXT + 0x200, false, out, sizeof(out)));
	feed_one(s, KMC_SYM_MODULE_GONE, MOD, 0, ""); /* unknown: nothing happens */
	symbols_destroy(s);
}

/* For traces from before: what has gone is known still, what is there now goes first. */
static void test_past(void **state)
{
	struct symbols *s = kernel();
	char name[16], now[128], past[128];

	symbols_format(s, MOD + 0x10, false, now, sizeof(now));
	assert_true(symbols_format_past(s, MOD + 0x10, false, past, sizeof(past)));
	assert_string_equal(now, past);
	feed_one(s, KMC_SYM_MODULE_GONE, MOD, 0, "");
	assert_true(symbols_format_past(s, MOD + 0x10, false, past, sizeof(past)));
	assert_string_equal(now, past);
	assert_false(symbols_format_past(s, MOD + 0x2000000, false, past, sizeof(past)));
	/* As often as modules may come and go. */
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "again%u", i);
		feed_one(s, KMC_SYM_MODULE, MOD, 0x1000, "other");
		feed_one(s, KMC_SYM_TEXT, MOD, 0x100, name);
		assert_true(symbols_format_past(s, MOD + 0x10, false, past, sizeof(past)));
		assert_memory_equal(past, name, strlen(name));
		feed_one(s, KMC_SYM_MODULE_GONE, MOD, 0, "");
	}
	assert_true(symbols_format_past(s, MOD + 0x10, false, past, sizeof(past)));
	assert_string_equal(past, "again999+0x10/0x100 [other]");
	symbols_destroy(s);
}

/* init_module is every module's; bugs_init is one's. */
static void test_aliases(void **state)
{
	struct symbols *s = kernel();
	char out[128];

	feed_one(s, KMC_SYM_MODULE, MOD, 0x1000, "bugs");
	feed_one(s, KMC_SYM_TEXT, MOD, 0x100, "init_module");
	feed_one(s, KMC_SYM_TEXT, MOD, 0x100, "__bugs_init");
	feed_one(s, KMC_SYM_TEXT, MOD + 0x100, 0x100, "cleanup_module");
	assert_true(symbols_function(s, MOD + 0x10, out, sizeof(out)));
	assert_string_equal(out, "__bugs_init");
	assert_true(symbols_function(s, MOD + 0x110, out, sizeof(out)));
	assert_string_equal(out, "cleanup_module");
	symbols_destroy(s);
}

/* The farewell of the old module was missed. */
static void test_module_replaced(void **state)
{
	struct symbols *s = kernel();
	char out[128];

	feed_one(s, KMC_SYM_MODULE, MOD + 0x800, 0x1000, "other");
	feed_one(s, KMC_SYM_TEXT, MOD + 0x900, 0, "f");
	assert_false(symbols_format(s, MOD + 0x10, false, out, sizeof(out)));
	assert_true(symbols_format(s, MOD + 0x901, false, out, sizeof(out)));
	assert_string_equal(out, "f+0x1/0xf00 [other]");
	symbols_destroy(s);
}

/* The module of a stream that ends in the middle goes on in the next one. */
static void test_stream_continues(void **state)
{
	struct symbols *s = kernel();
	char out[128];

	feed_one(s, KMC_SYM_MODULE, MOD + 0x10000, 0x1000, "m");
	feed_one(s, KMC_SYM_TEXT, MOD + 0x10000, 0, "f");
	assert_true(symbols_format(s, MOD + 0x10008, false, out, sizeof(out)));
	assert_string_equal(out, "f+0x8/0x1000 [m]");
	symbols_destroy(s);
}

/* Whatever order the names come in, the same one is shown. */
static void test_alias_order(void **state)
{
	static const char *const name[] = { "_f", "g", "f", "__a" };
	char out[64];

	for (size_t first = 0; first < 4; first++) {
		struct symbols *s = symbols_create();

		symbols_set_text(s, TEXT, TEXT_END);
		for (size_t i = 0; i < 4; i++)
			feed_one(s, KMC_SYM_TEXT, TEXT, i, name[(first + i) % 4]);
		assert_true(symbols_format(s, TEXT, false, out, sizeof(out)));
		assert_string_equal(out, "f+0x0/0x3"); /* and the largest size */
		symbols_destroy(s);
	}
}

static void test_long_name_keeps_offset(void **state)
{
	struct symbols *s = symbols_create();
	char name[256], out[32];

	memset(name, 'n', 255);
	name[255] = '\0';
	symbols_set_text(s, TEXT, TEXT_END);
	feed_one(s, KMC_SYM_TEXT, TEXT, 0x80, name);
	assert_true(symbols_format(s, TEXT + 0x12, false, out, sizeof(out)));
	assert_string_equal(out, "nnnnnnnnnnnnnnnnnnnnn+0x12/0x80");
	assert_true(symbols_function(s, TEXT, out, sizeof(out)));
	assert_int_equal(strlen(out), 31);
	assert_true(symbols_format(s, TEXT, false, out, 0)); /* no room at all */
	symbols_destroy(s);
}

static void test_malformed(void **state)
{
	static const struct {
		int type;
		uint64_t addr, size;
		const char *name;
	} cases[] = {
		{ 0, TEXT, 0, "f" },
		{ 7, TEXT, 0, "f" },
		{ KMC_SYM_ORC_IP, TEXT, 0, "" },
		{ KMC_SYM_ORC_IP, TEXT, ORC_ENTRIES_MAX + 1, "" },
		{ KMC_SYM_ORC_IP, TEXT, UINT64_MAX, "" },
		{ KMC_SYM_ORC, TEXT, 3, "" }, /* as many as there are addresses, or none */
		{ KMC_SYM_TEXT, TEXT, 0, "" },
		{ KMC_SYM_TEXT, TEXT, 0, "two words" },
		{ KMC_SYM_TEXT, TEXT, 0, "line\nbreak" },
		{ KMC_SYM_TEXT, TEXT, 0, "\xff\xfe" },
		{ KMC_SYM_MODULE, MOD, 0x1000, "" },
		{ KMC_SYM_MODULE, MOD, 0x1000,
		  "a_name_of_56_characters_is_one_more_than_a_module_can_ha" },
		{ KMC_SYM_MODULE, UINT64_MAX - 1, 0x1000, "m" },
		{ KMC_SYM_MODULE, MOD, 1ull << 40, "m" },
	};
	struct symbols *s = kernel();
	char out[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream st = { .len = 0 };

		add(&st, cases[i].type, cases[i].addr, cases[i].size, cases[i].name);
		assert_int_equal(symbols_feed(s, st.buf, st.len), -1);
	}
	/* What was there is still there. */
	assert_true(symbols_format(s, TEXT + 0x212, false, out, sizeof(out)));
	assert_string_equal(out, "kfree+0x12/0x100");
	symbols_destroy(s);
}

/* Cut anywhere: an error unless the cut is between two records, and never a read beyond it. */
static void test_truncated(void **state)
{
	struct stream st = { .len = 0 };

	add(&st, KMC_SYM_TEXT, TEXT, 0, "first");
	add(&st, KMC_SYM_TEXT, TEXT + 16, 0, "second");
	for (size_t len = 0; len <= st.len; len++) {
		struct symbols *s = symbols_create();
		char *copy = malloc(len + 1);
		bool whole = len == 0 || len == sizeof(struct kmc_symbol) + 5 || len == st.len;

		memcpy(copy, st.buf, len);
		assert_int_equal(symbols_feed(s, copy, len), whole ? 0 : -1);
		free(copy);
		symbols_destroy(s);
	}
}

/* A symbol behind a module that is gone belongs to nobody. */
static void test_orphan(void **state)
{
	struct symbols *s = symbols_create();
	struct stream st = { .len = 0 };

	add(&st, KMC_SYM_MODULE, MOD, 0x1000, "m");
	add(&st, KMC_SYM_MODULE_GONE, MOD, 0, "");
	add(&st, KMC_SYM_TEXT, MOD, 0, "f");
	assert_int_equal(symbols_feed(s, st.buf, st.len), -1);
	symbols_destroy(s);
}

static void test_range(void **state)
{
	struct symbols *s = kernel();
	struct symbols_range r;

	feed_one(s, KMC_SYM_ORC_IP, TEXT_END, 100, "");
	assert_true(symbols_range(s, TEXT, &r));
	assert_int_equal(r.orc.n, 0); /* half of it */
	feed_one(s, KMC_SYM_ORC, TEXT_END + 0x1000, 100, "");
	feed_one(s, KMC_SYM_MODULE, MOD + 0x10000, 0x800, "other");
	feed_one(s, KMC_SYM_ORC_IP, MOD + 0x20000, 7, "");
	feed_one(s, KMC_SYM_ORC, MOD + 0x21000, 7, "");
	assert_true(symbols_range(s, TEXT_END - 1, &r));
	assert_int_equal(r.start, TEXT);
	assert_int_equal(r.size, TEXT_END - TEXT);
	assert_string_equal(r.module, "");
	assert_int_equal(r.orc.ip, TEXT_END);
	assert_int_equal(r.orc.entry, TEXT_END + 0x1000);
	assert_int_equal(r.orc.n, 100);
	assert_true(symbols_range(s, MOD + 0x107ff, &r));
	assert_int_equal(r.start, MOD + 0x10000);
	assert_int_equal(r.size, 0x800);
	assert_string_equal(r.module, "other");
	assert_int_equal(r.orc.ip, MOD + 0x20000);
	assert_int_equal(r.orc.entry, MOD + 0x21000);
	assert_int_equal(r.orc.n, 7);
	assert_true(symbols_range(s, MOD, &r));
	assert_string_equal(r.module, "kmc_bugs");
	assert_int_equal(r.orc.n, 0);
	assert_false(symbols_range(s, MOD + 0x10800, &r));
	assert_false(symbols_range(s, TEXT_END, &r));
	feed_one(s, KMC_SYM_MODULE_GONE, MOD + 0x10000, 0, "");
	assert_true(symbols_range(s, MOD + 0x10000, &r)); /* for traces from before */
	assert_string_equal(r.module, "other");
	assert_int_equal(r.orc.n, 0);
	assert_false(symbols_is_text(s, MOD + 0x10000));
	assert_false(symbols_range(s, MOD + 0x10800, &r));
	symbols_destroy(s);
}

struct seen {
	char names[256];
	uint64_t last;
};

static void see(void *ctx, const char *name, uint64_t addr, uint64_t size)
{
	struct seen *seen = ctx;

	assert_true(addr > seen->last);
	seen->last = addr;
	snprintf(seen->names + strlen(seen->names), sizeof(seen->names) - strlen(seen->names),
		 "%s:%x ", name, (unsigned)size);
}

static void test_each(void **state)
{
	struct symbols *s = kernel();
	struct seen seen = { .last = 0 };

	symbols_each(s, TEXT, see, &seen);
	assert_string_equal(seen.names, "_stext:0 memset:0 kfree:0 slab_free.isra.0:40 "
					"print_tracking.cold:0 _stext_end:0 ");
	seen = (struct seen){ .last = 0 };
	symbols_each(s, MOD, see, &seen);
	assert_string_equal(seen.names, "bug_uaf:0 bug_oob.constprop.0:20 bugs_init:100 ");
	seen = (struct seen){ .last = 0 };
	symbols_each(s, MOD + 0x2000, see, &seen);
	assert_string_equal(seen.names, "");
	symbols_destroy(s);
}

/* Mostly valid records at colliding addresses, some of them damaged, with lookups in between. */
static void test_fuzz(void **state)
{
	struct symbols *s = symbols_create();
	struct symbols_range range;
	char out[64];

	symbols_set_text(s, TEXT, TEXT_END);
	for (int i = 0; i < FUZZ_FEEDS; i++) {
		struct stream st = { .len = 0 };
		char name[9] = "";
		size_t n = random64() % 4;

		for (size_t k = 0; k <= n; k++) {
			uint64_t base = random64() % 8 ? MOD : TEXT;

			for (size_t c = 0; c < 1 + random64() % 8; c++)
				name[c] = (char)("abc_.%\n\xff"[random64() % 50 % 8]);
			add(&st, (int)(random64() % 8), base + (random64() & 0xffff),
			    random64() % 16 ? random64() & 0x3ff : random64(), name);
		}
		if (random64() % 8 == 0)
			st.buf[random64() % st.len] ^= (char)random64();
		symbols_feed(s, st.buf, random64() % 8 ? st.len : random64() % (st.len + 1));
		if (i % 16 == 0) {
			uint64_t addr = (i % 32 ? MOD : TEXT) + (random64() & 0x1ffff);

			symbols_format(s, addr, i & 64, out, 1 + random64() % sizeof(out));
			symbols_function(s, addr, out, 1 + random64() % sizeof(out));
			symbols_is_text(s, random64());
			symbols_range(s, addr, &range);
		}
	}
	symbols_destroy(s);
}

/* More than any kernel has is refused; memory stays bounded. */
static void test_flood(void **state)
{
	struct symbols *s = symbols_create();
	uint64_t addr = TEXT;
	int ret = 0;
	size_t n;

	symbols_set_text(s, TEXT, UINT64_MAX);
	for (n = 0; n < 2000000 && !ret; n += 64) {
		struct stream st = { .len = 0 };

		for (int i = 0; i < 64; i++)
			add(&st, KMC_SYM_TEXT, addr++, 0, "f");
		ret = symbols_feed(s, st.buf, st.len);
	}
	assert_int_equal(ret, -1);
	assert_true(n > 200000); /* but every real one fits */
	symbols_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_is_text),
		cmocka_unit_test(test_module_leaves),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_module_replaced),
		cmocka_unit_test(test_stream_continues),
		cmocka_unit_test(test_alias_order),
		cmocka_unit_test(test_long_name_keeps_offset),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_fuzz),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
