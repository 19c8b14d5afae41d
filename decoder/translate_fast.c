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

/* Or a push of an immediate with a jump behind it: the same. */
static bool is_call(const struct translation *t, unsigned n)
{
	return n + 2 < t->n && t->pair[n] == &uop_move[MOVE_IMMEDIATE] && t->pair[n + 1] == &uop_push &&
	       t->uop[n + 1].d == t->uop[n].d && t->uop[n].d == SLOT_T0 && t->pair[n + 2] == &uop_jump;
}

/* Of pushes, or of pops, from n on; rsp itself is none of them. */
static unsigned run_length(const struct translation *t, unsigned n)
{
	const struct uop_pair *pair = t->pair[n];
	unsigned end = n;

	while (end < t->n && t->pair[end] == pair && t->uop[end].d != INSN_RSP)
		end++;
	return end - n;
}

/* The first does them all; the others are as they were, for a run that a page's end cuts, or that begins within. */
static uop_fn *run_form(const struct translation *t, struct uop *u)
{
	unsigned n = (unsigned)(u - t->uop), length;

	if (t->pair[n] != &uop_push && t->pair[n] != &uop_pop)
		return NULL;
	length = run_length(t, n);
	if (length < 2 || (n && t->pair[n - 1] == t->pair[n] && u[-1].d != INSN_RSP))
		return NULL;
	u->size = (uint8_t)length;
	return t->pair[n] == &uop_push ? uop_push_run : uop_pop_run;
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

		if (is_call(t, n))
			fn = uop_call;
		else if (f && (f->base || f->index))
			fn = memory_form(f, u);
		else if (f)
			fn = arithmetic_form(f, u, flags, jump);
		else
			fn = run_form(t, u);
		if (fn)
			u->fn = fn;
		if (!f || !(f->flags & (UOP_KEEPS_FLAGS | UOP_SETS_FLAGS)))
			flags = true;
		else if (f->flags & UOP_SETS_FLAGS)
			flags = false;
	}
}
