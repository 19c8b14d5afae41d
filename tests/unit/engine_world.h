/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_world.h: a few pages of guest memory with V bits, for tests of the engine's definedness.
 *
 * Nothing faults: an address that lies in no page of its own lies in OTHER, whatever its page
 * number; world_device is the page of a device. Where the engine does not keep to engine.h, `broken`
 * says how.
 */
#ifndef KMC_TESTS_ENGINE_WORLD_H
#define KMC_TESTS_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine.h"

enum { CODE_PAGE, A, B, STACK, USER, OTHER, PAGES };

#define GPA	 0x100000ull /* of the first page */
#define MAX_USES 8
#define CF	 0x001ull
#define PF	 0x004ull
#define AF	 0x010ull
#define ZF	 0x040ull
#define SF	 0x080ull
#define OF	 0x800ull
#define STATUS	 (CF | PF | AF | ZF | SF | OF)

static const struct {
	uint64_t addr;
	bool tracked, user;
} world_page[PAGES] = {
	[CODE_PAGE] = { 0xffffffff81000000, false, false },
	[A] = { 0xffff888000010000, true, false },
	[B] = { 0xffff888000011000, true, false },
	[STACK] = { 0xffffc90000010000, false, false },
	[USER] = { 0x00007f1234567000, false, true },
	[OTHER] = { 0xffffffffff600000, false, false },
};

static const uint64_t world_device = 0xffffffffff5fd000;

struct world {
	uint8_t bytes[PAGES][ENGINE_PAGE];
	uint8_t v[PAGES][ENGINE_PAGE];
	int held[PAGES];
	struct engine *e;
	struct insn_cpu cpu;
	struct engine_vbits vbits;
	struct engine_window window;
	struct engine_vectors vectors, initial; /* of a window; what each of them starts with */
	unsigned reached[PAGES]; /* how often reach() was asked */
	bool flipped[PAGES];	 /* tracked where world_page says that it is not, or the other way round */
	bool proves;		 /* pages that are not tracked are proved by what follows */
	uint64_t table[PAGES], further[PAGES];
	uintptr_t tracking[PAGES];
	struct page_proof proof;
	unsigned flip, flips;	 /* that page is at so many of the next check()s, and the engine is told */
	uint64_t enter, enter_end; /* offsets in the code page: what is asked about, */
	enum engine_enter answer;  /* what is answered, */
	unsigned asked;		   /* and how often it was */
	uint64_t clock;		   /* 0: it cannot be told */
	struct engine_bases bases;
	bool has_bases;
	struct idle_place *from;   /* these three as in engine_limits */
	uint32_t from_wait, exit_cost;
	struct engine_use use[MAX_USES];
	struct engine_origin origin[MAX_USES]; /* what use[].origin pointed to */
	unsigned uses;
	struct engine_origin copied[MAX_USES]; /* what changes of undefined bits were told to come from */
	unsigned copies;
	const char *broken;
	uint64_t rip_at_call, rax_at_call; /* of the last callback */
};

static inline void world_broken(struct world *w, const char *how)
{
	if (!w->broken)
		w->broken = how;
}

static inline bool world_tracked(const struct world *w, uint64_t k)
{
	return world_page[k].tracked != w->flipped[k];
}

static inline const struct page_proof *world_prove(struct world *w, unsigned k)
{
	static const uint64_t nothing;

	if (!w->proves || world_tracked(w, k) || world_page[k].user)
		return NULL;
	w->proof = (struct page_proof){ .root_entry = w->table[k], .root_slot = (uint16_t)(k * 8) };
	for (unsigned n = 0; n < PROOF_BELOW; n++)
		w->proof.below[n].slot = &nothing;
	w->proof.below[PROOF_BELOW - 1].slot = &w->further[k];
	w->proof.below[PROOF_BELOW - 1].entry = w->further[k];
	return &w->proof;
}

static inline enum engine_reach world_reach(void *ctx, gva_t addr, unsigned how,
					    struct engine_page *page, uint32_t *error)
{
	struct world *w = ctx;
	unsigned k = 0;

	(void)how; /* every page can be reached for everything */
	(void)error;
	if ((addr.v & ~(uint64_t)(ENGINE_PAGE - 1)) == world_device)
		return ENGINE_DEVICE;
	while (k < OTHER && world_page[k].addr != (addr.v & ~(uint64_t)(ENGINE_PAGE - 1)))
		k++;
	w->reached[k]++;
	*page = (struct engine_page){
		.host = w->bytes[k],
		.gpa = GPA + k * ENGINE_PAGE,
		.number = k,
		.tracked = world_tracked(w, k),
		.user = world_page[k].user,
		.writable = k != CODE_PAGE,
		.proof = world_prove(w, k),
		.tracking = &w->tracking[k],
	};
	return ENGINE_REACHED;
}

static inline void world_hold(void *ctx, uint32_t number)
{
	struct world *w = ctx;

	if (number >= PAGES || w->held[number]++)
		world_broken(w, "hold() of a page that is held, or of none");
}

static inline void world_drop(void *ctx, uint32_t number)
{
	struct world *w = ctx;

	if (number >= PAGES || --w->held[number])
		world_broken(w, "drop() of a page that is not held");
}

static inline void world_called(struct world *w, uint64_t rip)
{
	w->rip_at_call = rip;
	engine_sync(w->e);
	w->rax_at_call = w->cpu.gpr[INSN_RAX];
}

/* The V bits that an access is about; NULL where it is not one that engine.h promises. */
static inline uint8_t *world_access(struct world *w, const struct engine_access *a)
{
	uint64_t k = (a->gpa - GPA) / ENGINE_PAGE, offset = a->gpa % ENGINE_PAGE;

	world_called(w, a->rip);
	if (k >= PAGES || !world_tracked(w, k))
		world_broken(w, "an access to a page that is not tracked");
	else if (!w->held[k])
		world_broken(w, "an access to a page that is not held");
	else if (!a->len || offset + a->len > ENGINE_PAGE || a->addr.v % ENGINE_PAGE != offset)
		world_broken(w, "an access that leaves its page");
	else
		return w->v[k] + offset;
	return NULL;
}

static inline void world_check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	uint8_t *shadow = world_access(ctx, a);
	struct world *w = ctx;

	if (shadow && a->how & ENGINE_READ)
		memcpy(v, shadow, a->len);
	if (w->flips) {
		w->flips--;
		w->flipped[w->flip] ^= true;
		engine_forget_range(w->e, GPA + w->flip * ENGINE_PAGE, ENGINE_PAGE);
	}
}

static inline void world_change(void *ctx, const struct engine_access *a, const uint8_t *v,
				const struct engine_origin *from)
{
	struct world *w = ctx;
	uint8_t *shadow = world_access(ctx, a);

	if (!shadow)
		return;
	if (!(a->how & ENGINE_WRITE))
		world_broken(ctx, "change() of an access that does not write");
	if (from && !v)
		world_broken(ctx, "an origin of what is defined");
	if (from)
		w->copied[w->copies++ % MAX_USES] = *from;
	if (v)
		memcpy(shadow, v, a->len);
	else
		memset(shadow, 0, a->len);
}

static inline void world_used(void *ctx, const struct engine_use *use)
{
	struct world *w = ctx;

	world_called(w, use->rip);
	if (!use->vbits)
		world_broken(w, "a use without undefined bits");
	if (w->uses < MAX_USES) {
		w->use[w->uses] = *use;
		if (use->origin)
			w->origin[w->uses] = *use->origin;
	}
	w->uses++;
}

static inline struct engine_vectors *world_vectors(void *ctx)
{
	struct world *w = ctx;

	w->vectors = w->initial;
	return &w->vectors;
}

/* SSE and AVX, all registers 0. */
static inline void world_init_vectors(struct engine_vectors *v)
{
	v->component[2] = (struct engine_component){ 576, 256, false };
	v->xcr0 = 7;
	v->features = 0xf;
	v->area[24] = 0x80; /* MXCSR 0x1f80 */
	v->area[25] = 0x1f;
}

static inline struct engine_bases *world_bases(void *ctx)
{
	struct world *w = ctx;

	return w->has_bases ? &w->bases : NULL;
}

static inline bool world_clock(void *ctx, uint64_t *tsc, uint32_t *aux)
{
	struct world *w = ctx;

	*tsc = w->clock;
	if (aux)
		*aux = 5;
	return w->clock;
}

static inline enum engine_enter world_enter(void *ctx, uint64_t rip, uint64_t *back)
{
	struct world *w = ctx;

	engine_sync(w->e);
	world_called(w, rip);
	w->asked++;
	memcpy(back, w->bytes[STACK] + w->cpu.gpr[INSN_RSP] % ENGINE_PAGE, sizeof(*back));
	return w->answer;
}

static inline bool world_init(struct world *w)
{
	static const struct engine_ops ops = {
		.reach = world_reach,
		.hold = world_hold,
		.drop = world_drop,
		.check = world_check,
		.change = world_change,
		.used = world_used,
		.vectors = world_vectors,
		.bases = world_bases,
		.clock = world_clock,
		.enter = world_enter,
	};

	memset(w, 0, sizeof(*w));
	world_init_vectors(&w->initial);
	w->e = engine_create(&ops, w);
	return w->e;
}

/* rbx, rsi, rsp and rdi point to A, B, the middle of the stack and user memory. */
static inline void world_point(uint64_t gpr[INSN_GPRS])
{
	gpr[INSN_RBX] = world_page[A].addr;
	gpr[INSN_RSI] = world_page[B].addr;
	gpr[INSN_RSP] = world_page[STACK].addr + ENGINE_PAGE / 2;
	gpr[INSN_RDI] = world_page[USER].addr;
}

/* Runs what lies in the code page; the rest of that page is hlt, which is for the hardware. */
static inline void world_run(struct world *w, uint32_t insns)
{
	const uint64_t code = world_page[CODE_PAGE].addr;
	struct engine_limits limits = { .insns = insns,
					.idle = 1000,
					.exit_cost = w->exit_cost,
					.from = w->from,
					.from_wait = w->from_wait,
					.root = (const uint8_t *)w->table,
					.enter_start = code + w->enter,
					.enter_end = code + w->enter_end };

	w->uses = w->copies = w->asked = 0;
	w->cpu.rip = code;
	w->cpu.mode = INSN_MODE_64;
	memset(&w->window, 0, sizeof(w->window));
	engine_run(w->e, &w->cpu, &limits, &w->vbits, &w->window);
	for (unsigned k = 0; k < PAGES; k++)
		if (w->held[k])
			world_broken(w, "a page held after the window");
}

static inline void world_code(struct world *w, const uint8_t *code, size_t len)
{
	memset(w->bytes[CODE_PAGE], 0xf4, ENGINE_PAGE);
	memcpy(w->bytes[CODE_PAGE], code, len);
}

/* A world in which that is to be run. The test ends where there is none. */
static inline struct world *world_start(const uint8_t *code, size_t len)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	assert_true(world_init(w));
	world_code(w, code, len);
	world_point(w->cpu.gpr);
	w->cpu.rflags = 2;
	return w;
}

#endif
