// SPDX-License-Identifier: GPL-2.0-only
/*
 * judge.c: from the shadow of the bytes of one access to at most one verdict.
 *
 * Each byte is judged by its A state; of several bad bytes the worst counts, and of equals the
 * first. Undefined bytes are judged only where no A state is bad.
 *
 * Legal accesses that look illegal, each a rule below with its test:
 *   allocator          JUDGE_ALLOCATOR: freelist pointers, poison, zeroing before the announcement
 *   typesafe_by_rcu    freed objects of such a cache may be read, and their locks written
 *   word_at_a_time     a word that begins or ends in an object may hang over
 *   unknown            objects older than the agent, and pages that are no slab's
 *
 * Undefined bytes are judged here only for instructions that the engine does not carry out, by what
 * they do with them at once (the engine follows values to where they are used):
 *   decided            JUDGE_USE_ANY: a comparison, a branch or an address depends on them
 *   not_used           JUDGE_USE_NONE: moved or masked, nothing is used
 *   all_undefined      otherwise one defined byte acquits: padding and neighbours travel along
 *   read_modify_write  updates of bit-fields and flag words, unless they are decided upon
 * Word-at-a-time code decides on the whole word after masking: all_undefined holds for it.
 */
#include "judge.h"

#include <string.h>

#define WORD 8u /* of the guest kernel's word-at-a-time helpers on x86-64 */

static const struct {
	const char *name;
	unsigned severity;
} classes[VERDICTS] = {
	[VERDICT_NONE] = {"none", 0},
	[VERDICT_LEAK] = {"memory-leak", 1},
	[VERDICT_UNINIT] = {"uninit-value", 2},
	[VERDICT_INFOLEAK] = {"kernel-infoleak", 3},
	[VERDICT_UNALLOCATED] = {"unallocated-access", 4},
	[VERDICT_OOB_READ] = {"slab-out-of-bounds", 5},
	[VERDICT_UAF_READ] = {"slab-use-after-free", 6},
	[VERDICT_OOB_WRITE] = {"slab-out-of-bounds", 7},
	[VERDICT_UAF_WRITE] = {"slab-use-after-free", 7},
	[VERDICT_INVALID_FREE] = {"invalid-free", 8},
	[VERDICT_DOUBLE_FREE] = {"double-free", 9},
};

const char *verdict_class(enum verdict v)
{
	return (unsigned)v < VERDICTS ? classes[v].name : classes[VERDICT_NONE].name;
}

unsigned verdict_severity(enum verdict v)
{
	return (unsigned)v < VERDICTS ? classes[v].severity : 0;
}

/* The verdict on one byte in a state, for an access that only reads and for one that writes. */
static const enum verdict state_rules[A_STATES][2] = {
	[A_UNALLOCATED] = {VERDICT_UNALLOCATED, VERDICT_UNALLOCATED},
	[A_REDZONE] = {VERDICT_OOB_READ, VERDICT_OOB_WRITE},
	[A_FREED] = {VERDICT_UAF_READ, VERDICT_UAF_WRITE},
};

struct bytes {
	uint32_t len;
	uint8_t a[GUEST_PAGE];
	uint8_t v[GUEST_PAGE];
};

/* ------------------------------------------------------------------ the rules */

/* typesafe_by_rcu. A page has one cache at most, and so has the access. */
static bool freed_is_legal(const struct objects *o, const struct judge_access *a)
{
	struct object obj;

	return objects_find(o, a->gpa, &obj) && obj.cache && obj.cache->typesafe_by_rcu;
}

/* word_at_a_time. Any byte that its reader may look at acquits the others. */
static bool hangs_over(const struct judge_access *a, const struct bytes *b)
{
	if (!(a->context & JUDGE_WORD_AT_A_TIME) || a->write || b->len > WORD)
		return false;
	return memchr(b->a, A_ALLOCATED, b->len) || memchr(b->a, A_UNKNOWN, b->len);
}

static bool is_undefined(const struct bytes *b, uint32_t i)
{
	return b->a[i] == A_ALLOCATED && b->v[i] != V_DEFINED;
}

/* all_undefined. */
static bool wholly_undefined(const struct bytes *b)
{
	bool any = false;

	for (uint32_t i = 0; i < b->len; i++) {
		if (b->a[i] != A_ALLOCATED)
			continue;
		if (b->v[i] != V_UNDEFINED)
			return false;
		any = true;
	}
	return any;
}

/* decided, not_used, read_modify_write. */
static bool uses_undefined(const struct judge_access *a, const struct bytes *b)
{
	if (!a->read || a->use == JUDGE_USE_NONE)
		return false;
	if (a->use == JUDGE_USE_ANY && !(a->context & JUDGE_WORD_AT_A_TIME)) {
		for (uint32_t i = 0; i < b->len; i++)
			if (is_undefined(b, i))
				return true;
		return false;
	}
	return !a->write && wholly_undefined(b);
}

/* --------------------------------------------------------------- the judgement */

static void judge_states(const struct objects *o, const struct judge_access *a,
			 const struct bytes *b, unsigned enabled, struct judgement *out)
{
	bool freed_legal = memchr(b->a, A_FREED, b->len) && freed_is_legal(o, a);

	for (uint32_t i = 0; i < b->len; i++) {
		enum verdict v = state_rules[b->a[i]][a->write];

		if (v == VERDICT_NONE || !(enabled & VERDICT_BIT(v)))
			continue;
		if (b->a[i] == A_FREED && freed_legal)
			continue;
		if (verdict_severity(v) > verdict_severity(out->verdict)) {
			out->verdict = v;
			out->first = i;
		}
		if (v == out->verdict)
			out->last = i;
	}
	out->write = out->verdict != VERDICT_NONE && a->write;
}

static void judge_values(const struct judge_access *a, const struct bytes *b, unsigned enabled,
			 struct judgement *out)
{
	if (!(enabled & VERDICT_BIT(VERDICT_UNINIT)) || !uses_undefined(a, b))
		return;
	out->verdict = VERDICT_UNINIT;
	out->last = b->len - 1;
	while (!is_undefined(b, out->first))
		out->first++;
	while (!is_undefined(b, out->last))
		out->last--;
}

void judge_access(const struct shadow *s, const struct objects *o, const struct judge_access *a,
		  unsigned enabled, struct judgement *out)
{
	uint32_t room = GUEST_PAGE - a->gpa.v % GUEST_PAGE;
	struct bytes b;

	memset(out, 0, sizeof(*out));
	b.len = a->len < room ? a->len : room;
	if (!b.len || (a->context & JUDGE_ALLOCATOR) || !shadow_tracked(s, a->gpa))
		return;
	shadow_read_a(s, a->gpa, b.a, b.len);
	shadow_read_v(s, a->gpa, b.v, b.len);
	if (!hangs_over(a, &b))
		judge_states(o, a, &b, enabled, out);
	if (out->verdict == VERDICT_NONE)
		judge_values(a, &b, enabled, out);
	if (out->verdict != VERDICT_NONE)
		out->has_object = objects_find(o, (gpa_t){a->gpa.v + out->first}, &out->object);
}
