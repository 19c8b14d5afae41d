// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_rules.c: the rules of defined.h against every choice of the undefined bits: over operands
 * of four bits, lowest and topmost, which have all kinds of carries and signs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "defined.h"

struct rule {
	const char *name;
	uint64_t (*value)(uint64_t a, uint64_t b, uint64_t c);
	uint64_t (*v)(uint64_t a, uint64_t b, uint64_t va, uint64_t vb, uint64_t c, uint64_t vc);
	bool carry, inexact;
};

#define RULE(name, expression, call)                                                               \
	static uint64_t value_##name(uint64_t a, uint64_t b, uint64_t c)                           \
	{                                                                                          \
		return expression;                                                                 \
	}                                                                                          \
	static uint64_t v_of_##name(uint64_t a, uint64_t b, uint64_t va, uint64_t vb, uint64_t c,  \
				    uint64_t vc)                                                   \
	{                                                                                          \
		return call;                                                                       \
	}

RULE(and, a &b, v_and(a, b, va, vb))
RULE(or, a | b, v_or(a, b, va, vb))
RULE(add, a + b + c, v_add(a, b, va, vb, c, vc))
RULE(sub, a - b - c, v_sub(a, b, va, vb, c, vc))
RULE(equal, a == b, v_equal(a, b, va, vb))
RULE(below, a < b, v_below(a, b, va, vb))
RULE(below_equal, a <= b, v_below_equal(a, b, va, vb))
RULE(less, (int64_t)a < (int64_t)b, v_less(a, b, va, vb))
RULE(less_equal, (int64_t)a <= (int64_t)b, v_less_equal(a, b, va, vb))
RULE(upwards_neg, 0 - a, v_upwards(va))
RULE(upwards_mul, a *b, v_upwards(va | vb))
RULE(upwards_add, a + b, v_upwards(va | vb))

#define RULE_ENTRY(n, ...)                                                                         \
	{                                                                                          \
		.name = #n, .value = value_##n, .v = v_of_##n, __VA_ARGS__                         \
	}

static const struct rule rules[] = {
	RULE_ENTRY(and),
	RULE_ENTRY(or),
	RULE_ENTRY(add, .carry = true),
	RULE_ENTRY(sub, .carry = true),
	RULE_ENTRY(equal),
	RULE_ENTRY(below),
	RULE_ENTRY(below_equal),
	RULE_ENTRY(less),
	RULE_ENTRY(less_equal),
	RULE_ENTRY(upwards_neg, .inexact = true),
	RULE_ENTRY(upwards_mul, .inexact = true),
	RULE_ENTRY(upwards_add, .inexact = true),
};

/* The bits of the result that depend on the choice of the undefined ones. */
static uint64_t changing(const struct rule *r, uint64_t a, uint64_t b, uint64_t va, uint64_t vb,
			 uint64_t c, uint64_t vc)
{
	uint64_t first = r->value(a, b, c), changed = 0, x = 0, y = 0, z = 0;

	do {
		do {
			do {
				changed |= first ^
					   r->value((a & ~va) | x, (b & ~vb) | y, (c & ~vc) | z);
				x = (x - va) & va;
			} while (x);
			y = (y - vb) & vb;
		} while (y);
		z = (z - vc) & vc;
	} while (z);
	return changed;
}

/* n: from its lowest bits up a, b, their V bits, the carry and its V bit. */
static uint64_t check_rule(const struct rule *r, unsigned n, unsigned shift)
{
	uint64_t a = (n & 15ull) << shift, b = (n >> 4 & 15ull) << shift;
	uint64_t va = (n >> 8 & 15ull) << shift, vb = (n >> 12 & 15ull) << shift;
	uint64_t c = (n >> 16 & 1ull) << shift, vc = (n >> 17 & 1ull) << shift;
	uint64_t changed = changing(r, a, b, va, vb, c, vc), v = r->v(a, b, va, vb, c, vc);

	if (changed & ~v)
		fail_msg("%s of %#lx, %#lx, carry %#lx, V %#lx, %#lx, %#lx: V %#lx misses %#lx",
			 r->name, a, b, c, va, vb, vc, v, changed & ~v);
	return v & ~changed;
}

static void test_rules(void **state)
{
	for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
		unsigned cases = rules[k].carry ? 1u << 18 : 1u << 16, inexact = 0;

		for (unsigned n = 0; n < cases; n++)
			inexact += !!check_rule(&rules[k], n, 0) + !!check_rule(&rules[k], n, 60);
		if (inexact)
			print_message("%s: more undefined than need be in %u of %u cases\n",
				      rules[k].name, inexact, 2 * cases);
		assert_true(!inexact || rules[k].inexact);
	}
}

static void test_upwards(void **state)
{
	assert_int_equal(v_upwards(0), 0);
	for (unsigned k = 0; k < 64; k++)
		for (uint64_t above = 0; above < 16; above++)
			assert_true(v_upwards((1 | above << 1) << k) == V_ALL << k);
}

static uint64_t lowest_one(uint64_t x)
{
	return x & (0 - x);
}

static uint64_t below_lowest_one(uint64_t x, uint64_t unit)
{
	return ~x & (x - unit);
}

/* v_and_related() for the two functions above; the other operand's V bits are v_sub()'s. */
static void check_related(uint64_t x, uint64_t v, uint64_t unit)
{
	uint64_t vneg = v_sub(0, x, 0, v, 0, 0), vless = v_sub(x, unit, v, 0, 0, 0);
	uint64_t one = 0, lower = 0, choice = 0;

	do {
		one |= lowest_one(x) ^ lowest_one((x & ~v) | choice);
		lower |= below_lowest_one(x, unit) ^ below_lowest_one((x & ~v) | choice, unit);
		choice = (choice - v) & v;
	} while (choice);
	one &= ~v_and_related(x, 0 - x, v, vneg, false, unit);
	lower &= ~v_and_related(~x & (0 - unit), x - unit, v, vless, true, unit);
	if (one || lower)
		fail_msg("v_and_related of %#lx, V %#lx, unit %#lx misses %#lx, %#lx", x, v, unit,
			 one, lower);
}

static void test_related(void **state)
{
	for (uint64_t n = 0; n < 1 << 16; n++) {
		check_related(n & 0xff, n >> 8, 1);
		check_related(n << 56, n >> 8 << 56, 1ull << 56);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_upwards),
		cmocka_unit_test(test_related),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
