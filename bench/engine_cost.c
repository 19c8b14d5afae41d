// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_cost.c: runs the functions of guest_code.c in the engine, warm, for bench/engine to count host
 * instructions with callgrind.
 *
 * Guest memory is this program's own, at its own addresses. One call of measured() is one measurement;
 * for each, in their order, a line is printed: guest instructions, accesses to tracked memory, limit
 * of a window's instructions, mode, function, nanoseconds of CPU time (the callbacks' as well, the least
 * of as many times as the argument says); separated by tabs. Fails where the engine's result is
 * not the CPU's, and where it reports a use of undefined bits: guest_code.c decides nothing by them.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"
#include "guest_code.h"

#define STACK  2048  /* words */
#define ENOUGH 20000 /* guest instructions of a measurement, about */
#define LONG   UINT32_MAX
#define SHORT  256

static const struct mode {
	const char *name;
	bool tracked;	/* the data's pages */
	bool undefined; /* r15's lowest bit, always: guest_code.c does not use it; and in
			 * tracked memory half of the payload's bits */
} modes[] = {
	{ "clean", false, false },
	{ "tracked", true, false },
	{ "undefined", false, true },
	{ "both", true, true },
};

struct world {
	struct guest_data data;
	uint8_t v[sizeof(struct guest_data)];
	uint64_t stack[STACK] __attribute__((aligned(4096)));
	const struct mode *mode;
	uint64_t uses;
};

struct totals {
	uint64_t insns, accesses, result;
};

void on_return(void); /* where guest_repeat() returns to: hlt is for the hardware */
__asm__(".pushsection .text\n.globl on_return\non_return: hlt\n.popsection");

static uint64_t in_data(const struct world *w, uint64_t addr)
{
	return addr - (uintptr_t)&w->data;
}

static enum engine_reach on_reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page,
				  uint32_t *error)
{
	const struct world *w = ctx;
	uint64_t base = addr.v - addr.v % ENGINE_PAGE;

	*page = (struct engine_page){
		.host = (uint8_t *)base,
		.gpa = base,
		.tracked = w->mode->tracked && in_data(w, base) < sizeof(w->data),
		.writable = how != ENGINE_FETCH,
	};
	return ENGINE_REACHED;
}

static void on_hold(void *ctx, uint32_t number)
{
}

static void on_check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	const struct world *w = ctx;
	const uint8_t *from = w->v + in_data(w, a->addr.v);

	if (!(a->how & ENGINE_READ))
		return;
	if (a->len == 8)
		memcpy(v, from, 8);
	else
		for (uint32_t k = 0; k < a->len; k++)
			v[k] = from[k];
}

static void on_change(void *ctx, const struct engine_access *a, const uint8_t *v,
		      const struct engine_origin *from)
{
	(void)from;
	struct world *w = ctx;
	uint8_t *to = w->v + in_data(w, a->addr.v);

	if (a->len == 8 && !v)
		memset(to, 0, 8);
	else
		for (uint32_t k = 0; k < a->len; k++)
			to[k] = v ? v[k] : 0;
}

static void on_used(void *ctx, const struct engine_use *use)
{
	struct world *w = ctx;

	if (!w->uses++)
		fprintf(stderr, "engine_cost: %s: undefined bits used at %" PRIx64 "\n",
			w->mode->name, use->rip);
}

static struct engine *new_engine(struct world *w)
{
	static const struct engine_ops ops = { .reach = on_reach, .hold = on_hold, .drop = on_hold,
					       .check = on_check, .change = on_change,
					       .used = on_used };
	struct engine *e = engine_create(&ops, w);

	if (!e) {
		fputs("engine_cost: out of memory\n", stderr);
		exit(1);
	}
	return e;
}

static inline struct totals run_windows(struct world *w, struct engine *e, struct insn_cpu cpu,
					uint32_t insns)
{
	const struct engine_limits limits = { .insns = insns, .idle = UINT32_MAX };
	struct engine_vbits vbits = { .gpr[INSN_R15] = w->mode->undefined };
	struct engine_window out;
	struct totals t = { 0 };

	do {
		engine_run(e, &cpu, &limits, w->mode->undefined ? &vbits : NULL, &out);
		t.insns += out.insns;
		t.accesses += out.accesses;
	} while (out.end == ENGINE_OVER && out.progress);
	t.result = cpu.rip == (uintptr_t)on_return ? cpu.gpr[INSN_RAX] : ~0ull;
	return t;
}

/* callgrind counts what happens in here, by its name. */
__attribute__((noipa)) static struct totals measured(struct world *w, struct engine *e,
							struct insn_cpu cpu, uint32_t insns)
{
	return run_windows(w, e, cpu, insns);
}

static struct insn_cpu call(struct world *w, guest_fn *fn, uint64_t times)
{
	uint64_t *top = &w->stack[STACK / 2];

	*top = (uintptr_t)on_return;
	return (struct insn_cpu){ .mode = INSN_MODE_64,
				  .rflags = 2,
				  .rip = (uintptr_t)guest_repeat,
				  .gpr = { [INSN_RDI] = (uintptr_t)fn,
					   [INSN_RSI] = (uintptr_t)&w->data,
					   [INSN_RDX] = times,
					   [INSN_RSP] = (uintptr_t)top } };
}

static void prepare(struct world *w)
{
	guest_prepare(&w->data);
	memset(w->v, 0, sizeof(w->v));
	if (w->mode->undefined)
		memset(w->v + offsetof(struct guest_data, payload), 0x55, PAYLOAD);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What is measured has been done before. False: the engine is wrong. */
static bool measure(struct world *w, const struct guest_function *f, uint32_t window, unsigned rounds)
{
	struct engine *e = new_engine(w);
	uint64_t times, result, began, least = UINT64_MAX;
	struct totals t;

	prepare(w);
	times = 1 + ENOUGH / (1 + run_windows(w, e, call(w, f->fn, 1), LONG).insns);
	result = guest_repeat(f->fn, &w->data, times);
	run_windows(w, e, call(w, f->fn, times), window);
	while (rounds--) {
		began = now_ns();
		t = measured(w, e, call(w, f->fn, times), window);
		if (now_ns() - began < least)
			least = now_ns() - began;
	}
	engine_destroy(e);
	printf("%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\t%s\t%s\t%" PRIu64 "\n", t.insns, t.accesses, window,
	       w->mode->name, f->name, least);
	if (t.result == result)
		return true;
	fprintf(stderr, "engine_cost: %s, %s: another result than natively\n", f->name,
		w->mode->name);
	return false;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	static struct world w;
	bool good = rounds > 0;

	for (size_t k = 0; k < guest_functions; k++) {
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
			w.mode = &modes[m];
			good &= measure(&w, &guest_function[k], LONG, rounds);
			good &= measure(&w, &guest_function[k], SHORT, rounds);
		}
	}
	return good && !w.uses ? 0 : 1;
}
