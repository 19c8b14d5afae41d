// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_string.c: movs, stos, lods, scas and cmps, with and without rep.
 *
 * movs and stos work in runs that stay in one page, in ascending order of addresses where the direction
 * flag is clear; the others element by element. A rep can end early, behind whole elements: for the
 * window's bound, and for a fault. Then rip stays and the registers say how far, as the CPU does it.
 */
#include <string.h>

#include "uop_alu.h"

#define RUN_BYTES 1024u /* V bits that are moved at once */

static bool has_rep(const struct uop *u)
{
	return u->shift != INSN_NO_REP;
}

static int64_t step_of(const struct engine *e, const struct uop *u)
{
	return e->rflags & FLAG_DF ? -(int64_t)u->size : u->size;
}

static uint64_t source(const struct engine *e, const struct uop *u)
{
	return e->r[INSN_RSI] + e->r[u->seg];
}

static void advance(struct engine *e, const struct uop *u, uint64_t elements, bool si, bool di)
{
	uint64_t bytes = elements * (uint64_t)step_of(e, u);

	if (si)
		e->r[INSN_RSI] += bytes;
	if (di)
		e->r[INSN_RDI] += bytes;
	if (has_rep(u))
		e->r[INSN_RCX] -= elements;
	e->reps += elements;
	e->most -= elements; /* they count, too */
	e->until -= elements;
	e->left -= (int64_t)elements;
	e->out->progress = true;
}

/* Bytes from addr to the end of its page, in whole elements; 0: the next element crosses it. */
static uint64_t room(uint64_t addr, unsigned size)
{
	return (ENGINE_PAGE - addr % ENGINE_PAGE) / size * size;
}

/* Elements the next run may have: forward, within the pages of both ends. 0: one, the slow way. */
static uint64_t run_length(const struct engine *e, const struct uop *u, uint64_t si, uint64_t di)
{
	uint64_t bytes = RUN_BYTES, left = e->r[INSN_RCX];

	if (!has_rep(u) || (e->rflags & FLAG_DF))
		return 0;
	if (room(di, u->size) < bytes)
		bytes = room(di, u->size);
	if (room(si, u->size) < bytes)
		bytes = room(si, u->size);
	return bytes / u->size < left ? bytes / u->size : left;
}

/* A copy whose destination cannot be written; its source can be read. */
static bool not_copied(struct engine *e, const struct uop *u, unsigned bytes)
{
	bool device = e->device;
	uint32_t origin = NO_ORIGIN;
	uint8_t from[RUN_BYTES], v[RUN_BYTES];

	if (device && mem_load_bytes(e, u, source(e, u), bytes, from, v, &origin)) {
		e->device = device;
		mem_not_stored(e, u, e->r[INSN_RDI], bytes, from, v, origin);
	}
	return false;
}

/* --- One element, which may cross pages --- */

static bool move_one(struct engine *e, const struct uop *u)
{
	uint64_t value, v;
	uint32_t origin = NO_ORIGIN;

	if (!mem_probe(e, u, source(e, u), u->size, ENGINE_READ))
		return false;
	if (!mem_probe(e, u, e->r[INSN_RDI], u->size, ENGINE_WRITE))
		return not_copied(e, u, u->size);
	if (!mem_load(e, u, source(e, u), u->size, ENGINE_READ, &value, &v, &origin) ||
	    !mem_store(e, u, e->r[INSN_RDI], u->size, ENGINE_WRITE, value, v, origin))
		return false;
	advance(e, u, 1, true, true);
	return true;
}

static bool store_one(struct engine *e, const struct uop *u)
{
	if (!mem_store(e, u, e->r[INSN_RDI], u->size, ENGINE_WRITE, e->r[INSN_RAX], e->v[INSN_RAX],
		       e->origin[INSN_RAX]))
		return false;
	advance(e, u, 1, false, true);
	return true;
}

/* --- Runs --- */

/* What one element writes, a later one reads. */
static bool overlap(uint64_t from, uint64_t to, uint32_t bytes)
{
	return to - from < bytes && to != from;
}

/* Both can be reached, but reaching the one forgets the other, which is remembered in the same place. */
static bool move_in_turn(struct engine *e, const struct uop *u, uint64_t elements)
{
	uint32_t bytes = (uint32_t)(elements * u->size), origin = NO_ORIGIN;
	uint8_t copy[RUN_BYTES], v[RUN_BYTES];

	if (!mem_load_bytes(e, u, source(e, u), bytes, copy, v, &origin) ||
	    !mem_store_bytes(e, u, e->r[INSN_RDI], bytes, copy, v, origin))
		return false;
	advance(e, u, elements, true, true);
	return true;
}

static bool move_run(struct engine *e, const struct uop *u, uint64_t elements)
{
	uint64_t si = source(e, u), di = e->r[INSN_RDI];
	uint32_t origin = NO_ORIGIN;
	uint32_t bytes = (uint32_t)(elements * u->size);
	const struct piece read = { .addr = si, .len = bytes, .size = bytes, .how = ENGINE_READ };
	const struct piece write = { .addr = di, .len = bytes, .size = bytes, .how = ENGINE_WRITE };
	uint8_t v[RUN_BYTES];
	struct tlb *from = mem_page(e, u, si, ENGINE_READ), *to;
	uint64_t gpa;

	if (!from)
		return false;
	gpa = from->gpa;
	to = mem_page(e, u, di, ENGINE_WRITE);
	if (!to)
		return not_copied(e, u, bytes);
	if (overlap(gpa + si % ENGINE_PAGE, to->gpa + di % ENGINE_PAGE, bytes))
		return move_one(e, u);
	if (from->page != si - si % ENGINE_PAGE)
		return move_in_turn(e, u, elements);
	mem_hold(e, from);
	mem_get_v(e, u, from, &read, v, &origin);
	mem_drop(e, from);
	mem_hold(e, to);
	mem_set_v(e, u, to, &write, v, origin);
	memmove((void *)(di + to->addend), (const void *)(si + from->addend), bytes);
	mem_drop(e, to);
	advance(e, u, elements, true, true);
	return true;
}

static uint64_t accumulator_mask(const struct uop *u)
{
	return V_ALL >> (64 - 8 * u->size);
}

/* The lowest size bytes of value again and again; bytes is a multiple of size. */
static void fill(uint8_t *to, uint32_t bytes, uint64_t value, unsigned size)
{
	uint32_t at = 0;

	for (; size < sizeof(value); size *= 2)
		value = (value & (V_ALL >> (64 - 8 * size))) * (1 | 1ull << 8 * size);
	for (; bytes - at >= sizeof(value); at += sizeof(value))
		memcpy(to + at, &value, sizeof(value));
	memcpy(to + at, &value, bytes - at);
}

static bool store_run(struct engine *e, const struct uop *u, uint64_t elements)
{
	uint64_t di = e->r[INSN_RDI];
	uint32_t bytes = (uint32_t)(elements * u->size);
	const struct piece write = { .addr = di, .len = bytes, .size = bytes, .how = ENGINE_WRITE };
	struct tlb *to = mem_page(e, u, di, ENGINE_WRITE);
	uint8_t v[RUN_BYTES];
	uint64_t undefined;

	if (!to) {
		mem_not_stored(e, u, di, u->size, &e->r[INSN_RAX], (const uint8_t *)&e->v[INSN_RAX],
			       e->origin[INSN_RAX]);
		return false;
	}
	undefined = e->v[INSN_RAX] & accumulator_mask(u);
	if (undefined)
		fill(v, bytes, undefined, u->size);
	mem_hold(e, to);
	mem_set_v(e, u, to, &write, undefined ? v : NULL, e->origin[INSN_RAX]);
	fill((uint8_t *)(di + to->addend), bytes, e->r[INSN_RAX], u->size);
	mem_drop(e, to);
	advance(e, u, elements, false, true);
	return true;
}

/* --- lods, scas, cmps --- */

static bool load_one(struct engine *e, const struct uop *u)
{
	uint64_t keep = u->size == 4 ? 0 : ~accumulator_mask(u), value, v;
	uint32_t origin = NO_ORIGIN;

	if (!mem_load(e, u, source(e, u), u->size, ENGINE_READ, &value, &v, &origin))
		return false;
	e->r[INSN_RAX] = (e->r[INSN_RAX] & keep) | value;
	e->v[INSN_RAX] = (e->v[INSN_RAX] & keep) | v;
	if (v)
		e->origin[INSN_RAX] = origin;
	advance(e, u, 1, true, false);
	return true;
}

static void compare(struct engine *e, const struct uop *u, uint64_t a, uint64_t b, uint64_t va,
		    uint64_t vb, uint32_t origin)
{
	unsigned shift = 64 - 8 * u->size;

	e->cc = (struct cc){ .kind = CC_SUB,
			     .shift = (uint8_t)shift,
			     .a = a << shift,
			     .b = b << shift,
			     .va = va << shift,
			     .vb = vb << shift,
			     .origin = origin };
}

static bool scan_one(struct engine *e, const struct uop *u)
{
	uint64_t value, v;
	uint32_t origin = NO_ORIGIN;

	if (!mem_load(e, u, e->r[INSN_RDI], u->size, ENGINE_READ, &value, &v, &origin))
		return false;
	compare(e, u, e->r[INSN_RAX], value, e->v[INSN_RAX], v, v ? origin : e->origin[INSN_RAX]);
	advance(e, u, 1, false, true);
	return true;
}

static bool compare_one(struct engine *e, const struct uop *u)
{
	uint64_t a, b, va, vb;
	uint32_t first = NO_ORIGIN, second = NO_ORIGIN;

	if (!mem_probe(e, u, source(e, u), u->size, ENGINE_READ) ||
	    !mem_probe(e, u, e->r[INSN_RDI], u->size, ENGINE_READ))
		return false;
	if (!mem_load(e, u, source(e, u), u->size, ENGINE_READ, &a, &va, &first) ||
	    !mem_load(e, u, e->r[INSN_RDI], u->size, ENGINE_READ, &b, &vb, &second))
		return false;
	compare(e, u, a, b, va, vb, va ? first : second);
	advance(e, u, 1, true, true);
	return true;
}

/* --- All of them --- */

static bool some(struct engine *e, const struct uop *u)
{
	uint64_t run;

	switch ((enum insn_string)u->op) {
	case INSN_MOVS:
		run = run_length(e, u, source(e, u), e->r[INSN_RDI]);
		return run ? move_run(e, u, run) : move_one(e, u);
	case INSN_STOS:
		run = run_length(e, u, e->r[INSN_RDI], e->r[INSN_RDI]);
		return run ? store_run(e, u, run) : store_one(e, u);
	case INSN_LODS:
		return load_one(e, u);
	case INSN_SCAS:
		return scan_one(e, u);
	default:
		return compare_one(e, u);
	}
}

static bool compares(const struct uop *u)
{
	return u->op == INSN_SCAS || u->op == INSN_CMPS;
}

/* An undefined comparison decides whether repe and repne go on. */
static bool decided(struct engine *e, const struct uop *u)
{
	bool equal;

	if (!compares(u))
		return false;
	if (cc_undefined(&e->cc, 4))
		report_branch(e, u);
	equal = cc_flags(&e->cc) & FLAG_ZF;
	return equal != (u->shift == INSN_REP);
}

static bool repeat(struct engine *e, const struct uop *u)
{
	while (e->r[INSN_RCX]) {
		if (uop_insns(e) + e->reps >= e->limits->insns && e->reps) {
			uop_leave(e, u, LEAVE_OVER);
			return false;
		}
		if (!some(e, u))
			return false;
		if (decided(e, u))
			break;
	}
	return true;
}

static bool any_undefined(const struct engine *e)
{
	return e->v[INSN_RAX] || e->cc.va || e->cc.vb;
}

static bool run(struct engine *e, const struct uop *u)
{
	return has_rep(u) ? repeat(e, u) : some(e, u);
}

static void report_pointers(struct engine *e, const struct uop *u)
{
	if (u->op != INSN_STOS && u->op != INSN_SCAS && e->v[INSN_RSI])
		report_address(e, u, INSN_RSI);
	if (u->op != INSN_LODS && e->v[INSN_RDI])
		report_address(e, u, INSN_RDI);
	if (has_rep(u) && e->v[INSN_RCX])
		report_address(e, u, INSN_RCX);
}

static void string(struct engine *e, const struct uop *u)
{
	if (!run(e, u))
		return;
	if (!any_undefined(e))
		NEXT(e, u);
	e->undefined = true;
	NEXT_CHECKED(e, u);
}

static void string_checked(struct engine *e, const struct uop *u)
{
	report_pointers(e, u);
	if (run(e, u))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_string = { string, string_checked, NULL };
