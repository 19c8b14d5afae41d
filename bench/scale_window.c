// SPDX-License-Identifier: GPL-2.0-only
/*
 * scale_window.c: see scale_window.h. What the engine asks for is answered from shadow memory as vmm/checker/window.c
 * answers it; page tables are none here.
 */
#include "scale_window.h"

#include <stdlib.h>

#include "engine.h"
#include "guest_call.h"
#include "guest_code.h"

#define DIRECT_MAP 0xffff888000000000ull /* where all of guest memory is, for the guest */

struct scale_window {
	struct guest_data data;
	uint64_t stack[GUEST_STACK] __attribute__((aligned(GUEST_PAGE)));
	uint64_t other_stack[GUEST_STACK] __attribute__((aligned(GUEST_PAGE)));
	struct insn_cpu other; /* where the other code is */
	const struct guest_ram *ram;
	struct shadow *shadow;
	struct engine *engine;
	const char *wrong;
};

static enum engine_reach reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page, uint32_t *error)
{
	uint64_t base = addr.v - addr.v % ENGINE_PAGE;
	const struct scale_window *w = ctx;

	(void)error;
	*page = (struct engine_page){ .host = (uint8_t *)base, .gpa = base, .writable = how != ENGINE_FETCH };
	if (base < DIRECT_MAP)
		return ENGINE_REACHED;
	page->gpa = base - DIRECT_MAP;
	page->host = guest_ram_at(w->ram, (gpa_t){ page->gpa }, GUEST_PAGE);
	page->number = (uint32_t)guest_ram_page_index(w->ram, (gpa_t){ page->gpa });
	page->tracked = shadow_page_tracked(w->shadow, page->number);
	return ENGINE_REACHED;
}

static void hold(void *ctx, uint32_t number)
{
	const struct scale_window *w = ctx;

	shadow_hold(w->shadow, number);
}

static void drop(void *ctx, uint32_t number)
{
	const struct scale_window *w = ctx;

	shadow_drop(w->shadow, number);
}

static void check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	struct scale_window *w = ctx;

	if (!shadow_held_look(w->shadow, a->number, a->gpa % GUEST_PAGE, a->len, v))
		w->wrong = "an access is not legal";
}

static void change(void *ctx, const struct engine_access *a, const uint8_t *v, const struct engine_origin *from)
{
	const struct scale_window *w = ctx;

	(void)from;
	shadow_held_write_v(w->shadow, a->number, a->gpa % GUEST_PAGE, v, a->len);
}

static void used(void *ctx, const struct engine_use *use)
{
	struct scale_window *w = ctx;

	(void)use;
	w->wrong = "undefined bits are used";
}

struct scale_window *scale_window_create(const struct guest_ram *ram, struct shadow *shadow)
{
	static const struct engine_ops ops = {
		.reach = reach, .hold = hold, .drop = drop, .check = check, .change = change, .used = used };
	struct scale_window *w = aligned_alloc(GUEST_PAGE, sizeof(*w));

	if (!w)
		return NULL;
	w->ram = ram;
	w->shadow = shadow;
	w->wrong = NULL;
	w->engine = engine_create(&ops, w);
	if (!w->engine) {
		free(w);
		return NULL;
	}
	guest_prepare(&w->data);
	w->other = guest_call(w->other_stack, (uintptr_t)guest_mix, (uintptr_t)&w->data, 0, 0);
	return w;
}

void scale_window_destroy(struct scale_window *w)
{
	if (!w)
		return;
	engine_destroy(w->engine);
	free(w);
}

static uint64_t run(struct scale_window *w, struct insn_cpu *cpu, uint64_t insns, enum engine_end end)
{
	const struct engine_limits limits = { .insns = (uint32_t)insns, .idle = UINT32_MAX };
	struct engine_window out;

	engine_run(w->engine, cpu, &limits, NULL, &out);
	if (out.end != end)
		w->wrong = "a window ended otherwise";
	return out.insns;
}

const char *scale_window_use(struct scale_window *w, gpa_t gpa, uint32_t written, uint32_t read, uint64_t *insns)
{
	struct insn_cpu cpu =
		guest_call(w->stack, (uintptr_t)guest_object, (uintptr_t)(DIRECT_MAP + gpa.v), written, read);

	*insns += run(w, &cpu, UINT32_MAX, ENGINE_HARDWARE);
	if (cpu.rip != GUEST_RETURN)
		w->wrong = "the guest's function did not return";
	return w->wrong;
}

const char *scale_window_go_on(struct scale_window *w, uint64_t insns)
{
	run(w, &w->other, insns, ENGINE_OVER);
	return w->wrong;
}
