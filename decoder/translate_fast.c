// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate_fast.c: shorter functions for the uops of a block, where it is the common case (struct
 * uop_forms). Only fn changes: what an undefined bit takes part in is carried out by checked, as before.
 */
#include "translate_internal.h"

/* Number of a pair of uop_jcc, or -1. */
static int jump_condition(const struct uop_pair *pair)
{
	return pair >= uop_jcc && pair < uop_jcc + 16 ? (int)(pair - uop_jcc) : -1;
}

/* `test x, x` is `cmp x, 0`. */
static const struct uop_forms *forms_of(const struct uop_pair *pair, const struct uop *u)
{
	return pair->forms == &uop_test_RR && u->a == u->b ? &uop_cmp_RI : pair->forms;
}

static uop_fn *memory_form(const struct uop_forms *f, const struct uop *u)
{
	if (u->seg != SLOT_ZERO)
		return NULL;
	return u->b == SLOT_ZERO ? f->base : f->index;
}

static uop_fn *arithmetic_form(const struct uop_forms *f, const struct uop *u, bool flags, int jump)
{
	unsigned size = log2_of((64u - u->shift) / 8);
	uop_fn *fn = NULL;

	if ((f->flags & UOP_IN_PLACE) && u->d != u->a)
		return NULL;
	if (jump >= 0)
		fn = f->jump[size][jump];
	if (!fn && !flags)
		fn = f->quiet[size];
	return fn ? fn : f->self[size];
}

/*
 * From the end on. flags: somebody may look at the flags behind this uop: a later one, or, where one can
 * leave or call back, anybody.
 */
void translate_fast(struct translation *t)
{
	bool flags = true;

	for (unsigned n = t->n; n--;) {
		const struct uop_forms *f = forms_of(t->pair[n], &t->uop[n]);
		int jump = n + 1 < t->n ? jump_condition(t->pair[n + 1]) : -1;
		struct uop *u = &t->uop[n];
		uop_fn *fn = NULL;

		if (f && (f->base || f->index))
			fn = memory_form(f, u);
		else if (f)
			fn = arithmetic_form(f, u, flags, jump);
		if (fn)
			u->fn = fn;
		if (!f || !(f->flags & (UOP_KEEPS_FLAGS | UOP_SETS_FLAGS)))
			flags = true;
		else if (f->flags & UOP_SETS_FLAGS)
			flags = false;
	}
}
