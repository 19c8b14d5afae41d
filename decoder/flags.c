// SPDX-License-Identifier: GPL-2.0-only
/*
 * flags.c: the status flags, worked out from what they follow from (struct cc), and their V bits.
 * Sources: Intel SDM vol. 1, 3.4.3.1 and appendix B.
 */
#include "defined.h"
#include "uop.h"

#define TOP (1ull << 63)

static uint32_t result_flags(uint64_t result, unsigned shift)
{
	uint32_t flags = 0;

	if (!__builtin_parity((unsigned)(result >> shift) & 0xff))
		flags |= FLAG_PF;
	if (!result)
		flags |= FLAG_ZF;
	if (result & TOP)
		flags |= FLAG_SF;
	return flags;
}

static uint32_t sub_flags(const struct cc *c)
{
	uint64_t r = c->a - c->b;
	uint32_t flags = result_flags(r, c->shift);

	flags |= c->a < c->b ? FLAG_CF : 0;
	flags |= (c->a ^ c->b) & (c->a ^ r) & TOP ? FLAG_OF : 0;
	return flags | (((c->a ^ c->b ^ r) >> c->shift) & FLAG_AF);
}

static uint32_t add_flags(const struct cc *c)
{
	uint64_t r = c->a + c->b;
	uint32_t flags = result_flags(r, c->shift);

	flags |= r < c->a ? FLAG_CF : 0;
	flags |= (c->a ^ r) & (c->b ^ r) & TOP ? FLAG_OF : 0;
	return flags | (((c->a ^ c->b ^ r) >> c->shift) & FLAG_AF);
}

uint32_t cc_flags(const struct cc *c)
{
	switch ((enum cc_kind)c->kind) {
	case CC_SUB:
		return sub_flags(c);
	case CC_ADD:
		return add_flags(c);
	case CC_RESULT:
		return (c->flags & (FLAG_CF | FLAG_OF | FLAG_AF)) | result_flags(c->a, c->shift);
	case CC_FLAGS:
		break;
	}
	return c->flags;
}

static uint32_t result_vflags(uint64_t result, uint64_t v, unsigned shift)
{
	uint32_t flags = 0;

	if ((v >> shift) & 0xff)
		flags |= FLAG_PF;
	if (v_equal(result, 0, v, 0))
		flags |= FLAG_ZF;
	if (v & TOP)
		flags |= FLAG_SF;
	return flags;
}

static uint32_t sub_vflags(const struct cc *c)
{
	uint64_t v = v_sub(c->a, c->b, c->va, c->vb, 0, 0);
	uint64_t any = v | c->va | c->vb;
	uint32_t flags = result_vflags(c->a - c->b, v, c->shift) & ~FLAG_ZF;

	if (v_equal(c->a, c->b, c->va, c->vb))
		flags |= FLAG_ZF;
	if (c->b == 0 && c->vb == 0) /* and, or, xor, test: the others are 0 */
		return flags;
	if (v_below(c->a, c->b, c->va, c->vb))
		flags |= FLAG_CF;
	return flags | (any & TOP ? FLAG_OF : 0) | ((any >> c->shift) & FLAG_AF);
}

/* a + b is 0 where a is -b: exact if one of them is defined. */
static bool sum_is_zero_undefined(const struct cc *c, uint64_t v)
{
	if (!c->vb)
		return v_equal(c->a, 0 - c->b, c->va, 0);
	if (!c->va)
		return v_equal(c->b, 0 - c->a, c->vb, 0);
	return v_equal(c->a + c->b, 0, v, 0);
}

static uint32_t add_vflags(const struct cc *c)
{
	uint64_t v = v_add(c->a, c->b, c->va, c->vb, 0, 0);
	uint64_t any = v | c->va | c->vb;
	uint64_t low = least(c->a, c->va), high = greatest(c->a, c->va);
	uint32_t flags = result_vflags(c->a + c->b, v, c->shift) & ~FLAG_ZF;

	if (sum_is_zero_undefined(c, v))
		flags |= FLAG_ZF;
	if ((low + least(c->b, c->vb) < low) != (high + greatest(c->b, c->vb) < high))
		flags |= FLAG_CF;
	return flags | (any & TOP ? FLAG_OF : 0) | ((any >> c->shift) & FLAG_AF);
}

uint32_t cc_vflags(const struct cc *c)
{
	if (!(c->va | c->vb | c->vflags))
		return 0;
	switch ((enum cc_kind)c->kind) {
	case CC_SUB:
		return sub_vflags(c);
	case CC_ADD:
		return add_vflags(c);
	case CC_RESULT:
		return (c->vflags & (FLAG_CF | FLAG_OF | FLAG_AF)) |
		       result_vflags(c->a, c->va, c->shift);
	case CC_FLAGS:
		break;
	}
	return c->vflags;
}

/* Of conditions on single flags: undefined unless another flag decides. */
static bool flags_undefined(uint32_t f, uint32_t v, unsigned condition)
{
	bool less = v & (FLAG_SF | FLAG_OF);
	bool is_less = !(f & FLAG_SF) != !(f & FLAG_OF);

	switch (condition >> 1) {
	case 0:
		return v & FLAG_OF;
	case 1:
		return v & FLAG_CF;
	case 2:
		return v & FLAG_ZF;
	case 3:
		return (v & (FLAG_CF | FLAG_ZF)) && !(f & ~v & (FLAG_CF | FLAG_ZF));
	case 4:
		return v & FLAG_SF;
	case 5:
		return v & FLAG_PF;
	case 6:
		return less;
	default:
		return (less || (v & FLAG_ZF)) && !(f & ~v & FLAG_ZF) && !(is_less && !less);
	}
}

bool cc_undefined(const struct cc *c, unsigned condition)
{
	if (!(c->va | c->vb | c->vflags))
		return false;
	if (c->kind == CC_SUB) {
		switch (condition >> 1) {
		case 1:
			return v_below(c->a, c->b, c->va, c->vb);
		case 2:
			return v_equal(c->a, c->b, c->va, c->vb);
		case 3:
			return v_below_equal(c->a, c->b, c->va, c->vb);
		case 6:
			return v_less(c->a, c->b, c->va, c->vb);
		case 7:
			return v_less_equal(c->a, c->b, c->va, c->vb);
		}
	}
	return flags_undefined(cc_flags(c), cc_vflags(c), condition);
}

void cc_define(struct cc *c)
{
	c->va = c->vb = c->vflags = 0;
}

void cc_set_flags(struct cc *c, uint32_t flags, uint32_t vflags)
{
	c->kind = CC_FLAGS;
	c->flags = flags & FLAGS_STATUS;
	c->vflags = vflags;
	c->va = c->vb = 0;
}
