// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_strike.c: the bad accesses of run=recall, one function a kind.
 *
 * A checker reports a finding once, and takes two for the same by where they happen and who called.
 * So each run has callers of its own, digit2_X > digit1_Y > digit0_Z, and the report says which run
 * it is of: XYZ.
 */
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include "kmc_recall.h"

/* There is no device at this physical address of our machine: what is written there is lost. */
#define DEVICE_ADDRESS 0xfea00000ul

static void __iomem *device;
static const u8 table[256];

int recall_strike_init(void)
{
	device = ioremap(DEVICE_ADDRESS, PAGE_SIZE);
	return device ? 0 : -ENOMEM;
}

#define BY_BYTES(form)                                                                             \
	switch (r->bytes) {                                                                        \
	case 1:                                                                                    \
		form(1, u8);                                                                       \
		break;                                                                             \
	case 2:                                                                                    \
		form(2, u16);                                                                      \
		break;                                                                             \
	case 4:                                                                                    \
		form(4, u32);                                                                      \
		break;                                                                             \
	default:                                                                                   \
		form(8, u64);                                                                      \
	}
#define COMPARE(n, type) cmp##n(r->bad)
#define STORE(n, type)	 store##n(r->bad)
#define LOAD(n, type)	 READ_ONCE(*(type *)r->bad)

/* Functions with the same code would be made one. */
#define STRIKE(name, number, code)                                                                 \
	static noinline void strike_##name(struct recall_run *r)                                   \
	{                                                                                          \
		code;                                                                              \
		asm volatile("" : : "i"(number));                                                  \
	}
STRIKE(branch, 0, BY_BYTES(COMPARE))
STRIKE(address, 1, READ_ONCE(table[READ_ONCE(*(u8 *)r->bad)]))
STRIKE(infoleak, 2, writel(READ_ONCE(*(u32 *)r->bad), device))
STRIKE(uaf_read, 3, BY_BYTES(LOAD))
STRIKE(uaf_write, 4, BY_BYTES(STORE))
STRIKE(oob_read, 5, BY_BYTES(LOAD))
STRIKE(oob_write, 6, BY_BYTES(STORE))
STRIKE(below_read, 7, BY_BYTES(LOAD))
STRIKE(below_write, 8, BY_BYTES(STORE))
STRIKE(unallocated_read, 9, BY_BYTES(LOAD))
STRIKE(unallocated_write, 10, BY_BYTES(STORE))

/* Twice in a row would be a BUG(): see kmc_objects.c. */
static noinline void strike_double_free(struct recall_run *r)
{
	preempt_disable();
	kmem_cache_free(r->own.cache, r->mate[0]);
	kmem_cache_free(r->own.cache, r->bad);
	preempt_enable();
}

static noinline void strike_invalid_free(struct recall_run *r)
{
	kmem_cache_free(r->own.cache, r->bad);
	asm volatile("");
}

const struct recall_kind recall_kinds[RECALL_KINDS] = {
	{ "branch", 2, ON_ALLOCATED, INSIDE, false, true, 0, strike_branch },
	{ "address", 1, ON_ALLOCATED, INSIDE, false, true, 1, strike_address },
	{ "infoleak", 1, ON_ALLOCATED, INSIDE, false, true, 4, strike_infoleak },
	{ "uaf-read", 3, ON_FREED, INSIDE, false, false, 0, strike_uaf_read },
	{ "uaf-write", 3, ON_FREED, INSIDE, true, false, 0, strike_uaf_write },
	{ "oob-read", 2, ON_ALLOCATED, BEHIND, false, false, 0, strike_oob_read },
	{ "oob-write", 2, ON_ALLOCATED, BEHIND, true, false, 0, strike_oob_write },
	{ "below-read", 1, ON_ALLOCATED, BEFORE, false, false, 0, strike_below_read },
	{ "below-write", 1, ON_ALLOCATED, BEFORE, true, false, 0, strike_below_write },
	{ "unallocated-read", 1, ON_ALLOCATED, NEIGHBOUR, false, false, 0,
	  strike_unallocated_read },
	{ "unallocated-write", 1, ON_ALLOCATED, NEIGHBOUR, true, false, 0,
	  strike_unallocated_write },
	{ "double-free", 1, ON_FREED, WHOLE, false, false, 0, strike_double_free },
	{ "invalid-free", 1, ON_ALLOCATED, WHOLE, false, false, 0, strike_invalid_free },
};

/* ---- the callers ---- */

#define DIGIT(place, value, next)                                                                  \
	static noinline void digit##place##_##value(struct recall_run *r)                          \
	{                                                                                          \
		next(r);                                                                           \
		asm volatile("" : : "i"(place), "i"(value)); /* no tail call, not another one */   \
	}
#define DIGITS(place, next)                                                                        \
	DIGIT(place, 0, next)                                                                      \
	DIGIT(place, 1, next)                                                                      \
	DIGIT(place, 2, next)                                                                      \
	DIGIT(place, 3, next)                                                                      \
	DIGIT(place, 4, next)                                                                      \
	DIGIT(place, 5, next)                                                                      \
	DIGIT(place, 6, next)                                                                      \
	DIGIT(place, 7, next)                                                                      \
	static void (*const digits##place[])(struct recall_run * r) = {                            \
		digit##place##_0, digit##place##_1, digit##place##_2, digit##place##_3,            \
		digit##place##_4, digit##place##_5, digit##place##_6, digit##place##_7             \
	};

#define STRIKES(r) (r)->kind->strike(r)
#define NEXT0(r)   digits0[(r)->number % 8](r)
#define NEXT1(r)   digits1[(r)->number / 8 % 8](r)
DIGITS(0, STRIKES)
DIGITS(1, NEXT0)
DIGITS(2, NEXT1)

void recall_strike(struct recall_run *r)
{
	digits2[r->number / 64](r);
	barrier();
}
