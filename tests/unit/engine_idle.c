// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_idle.c: how long a window waits for the next tracked access: what a place learns (idle.c), and what the
 * engine does with it: where windows end, and that nothing undefined is lost by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_world.h"
#include "random64.h"

#define EXIT_COST 1000u
#define NEVER	  UINT64_MAX

/* --- Places --- */

/* As the engine does. */
static void came(struct idle_place *p, uint64_t instructions, uint32_t exit_cost)
{
	if (idle_came(p, instructions))
		idle_think(p, exit_cost);
}

/* One visit, behind which the next access is so far away. Returns for how long was waited. */
static uint32_t visit(struct idle_place *p, uint64_t away)
{
	uint32_t wait = idle_wait(p);

	if (away <= wait)
		came(p, away, EXIT_COST);
	else
		idle_never(p, wait, EXIT_COST);
	return wait;
}

/* So many visits; for how many of them less than least or more than most was waited. */
static unsigned visits(struct idle_place *p, unsigned n, uint64_t away, uint32_t least, uint32_t most)
{
	unsigned others = 0;

	while (n--) {
		uint32_t wait = visit(p, away);

		others += wait < least || wait > most;
	}
	return others;
}

static void test_learns(void **state)
{
	struct idle_place p = { .visits = 0 };

	assert_int_equal(idle_wait(&p), IDLE_MOST); /* nothing is known */
	p = (struct idle_place){ .visits = 0 };
	visits(&p, 64, NEVER, 0, IDLE_MOST);
	assert_int_equal(visits(&p, 10 * IDLE_TRY, NEVER, 0, 0), 10); /* it is tried again, one time of IDLE_TRY */
	/* Then it comes, and goes, and comes from elsewhere. */
	visits(&p, 640, 100, 0, IDLE_MOST);
	assert_int_equal(visits(&p, 10 * IDLE_TRY, 100, 128, IDLE_MOST), 0);
	visits(&p, 128, NEVER, 0, IDLE_MOST);
	assert_int_equal(visits(&p, 10 * IDLE_TRY, NEVER, 0, 0), 10);
	visits(&p, 640, 300, 0, IDLE_MOST);
	assert_int_equal(visits(&p, 10 * IDLE_TRY, 300, 512, IDLE_MOST), 0);
}

/* An exit that costs less than the way to the next access is not worth avoiding. */
static void test_cost(void **state)
{
	static const struct {
		uint64_t away;
		uint32_t exit_cost;
		bool waits;
	} cases[] = {
		{ 600, 100, false }, { 600, 4000, true }, { 10, 100, true }, { 200, 100, false }, { 1024, 4000, true },
		{ 1025, 1000000, false },
	};

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct idle_place p = { .visits = 0 };
		unsigned waited = 0;

		for (unsigned k = 0; k < 3200; k++) {
			uint32_t wait = idle_wait(&p);

			waited += wait >= cases[n].away;
			if (wait >= cases[n].away)
				came(&p, cases[n].away, cases[n].exit_cost);
			else
				idle_never(&p, wait, cases[n].exit_cost);
		}
		if (cases[n].waits)
			assert_true(waited > 3000);
		else
			assert_true(waited < 200);
	}
}

/* Expected cost of waiting so long, where an access comes at `away` with a chance of `percent`, else never. */
static double cost(uint32_t wait, uint64_t away, unsigned percent)
{
	double p = percent / 100.0;

	return wait >= away ? p * (double)away + (1 - p) * (wait + EXIT_COST) : wait + EXIT_COST;
}

/* Whatever a place is like, what it comes to costs not much more than the best choice, on the average. */
static void test_chances(void **state)
{
	for (unsigned n = 0; n < 500; n++) {
		uint64_t away = 1 + random64() % IDLE_MOST;
		unsigned percent = (unsigned)(random64() % 101);
		double none = cost(0, away, percent), all = cost((uint32_t)away, away, percent), sum = 0;
		struct idle_place p = { .visits = 0 };

		for (unsigned k = 0; k < 2000; k++)
			sum += cost(visit(&p, random64() % 100 < percent ? away : NEVER), away, percent);
		if (sum / 2000 > 1.2 * (none < all ? none : all) + 100)
			fail_msg("%u percent at %u: %f, but %f and %f", percent, (unsigned)away, sum / 2000, none, all);
	}
}

/* Lessons in any order and number. */
static void test_hostile(void **state)
{
	struct idle_place p = { .visits = 0 };

	for (unsigned n = 0; n < 1000000; n++) {
		uint64_t r = random64();
		uint32_t wait;

		if (r & 1)
			came(&p, 1 + (r >> 8) % 3000, 1 + (uint32_t)(r >> 40));
		else
			idle_never(&p, (uint32_t)(r >> 8), 1 + (uint32_t)(r >> 40));
		wait = r & 2 ? idle_wait(&p) : IDLE_MOST;
		assert_true(!wait || (wait >= IDLE_LEAST && wait <= IDLE_MOST && !(wait & (wait - 1))));
	}
}

/* --- Windows --- */

static struct world *start(const uint8_t *code, size_t len)
{
	struct world *w = world_start(code, len);

	w->exit_cost = EXIT_COST;
	return w;
}

static void stop(struct world *w)
{
	engine_destroy(w->e);
	free(w);
}

/* mov (%rbx),%ecx; jmp .+2; 64 times nop, and what follows, which may make it another world. */
#define HEAD 4u
#define NOPS 64u
static size_t far_code(uint8_t *code, const char *then, size_t len)
{
	memcpy(code, "\x8b\x0b\xeb", 3);
	code[3] = 0;
	memset(code + HEAD, 0x90, NOPS);
	memcpy(code + HEAD + NOPS, then, len);
	return HEAD + NOPS + len;
}

/* Runs it so many times; how many of these windows went to the end of the code. */
static unsigned run(struct world *w, unsigned n, uint64_t end)
{
	unsigned ended = 0;

	while (n--) {
		world_point(w->cpu.gpr);
		w->vbits = (struct engine_vbits){ .rflags = 0 };
		world_run(w, 4096);
		assert_null(w->broken);
		ended += w->cpu.rip == world_page[CODE_PAGE].addr + end;
	}
	return ended;
}

/* Behind the access nothing comes: windows end there. Where the code is another, they learn anew. */
static void test_windows_end(void **state)
{
	uint8_t code[128];
	size_t len = far_code(code, "", 0);
	struct world *w = start(code, len);

	assert_int_equal(run(w, 1, len), 1);
	run(w, 15, len);
	assert_in_range(run(w, 10 * IDLE_TRY, len), 9, 11);
	assert_int_equal(w->window.end, ENGINE_OVER);
	assert_int_equal(w->window.insns, 2);
	assert_int_equal(w->cpu.rip, world_page[CODE_PAGE].addr + HEAD);
	/* Without a price all is waited for. */
	w->exit_cost = 0;
	assert_int_equal(run(w, 32, len), 32);
	w->exit_cost = EXIT_COST;
	/* mov (%rbx),%ecx: an access 67 instructions on. */
	len = far_code(code, "\x8b\x0b", 2);
	world_code(w, code, len);
	run(w, 10 * IDLE_TRY, len);
	for (unsigned n = 0; n < 64; n++) {
		run(w, 1, 0);
		assert_true(w->window.insns >= NOPS + 3 && w->window.accesses == 2);
	}
	stop(w);
}

/* Undefined bits in a register, or where one was stored: no window ends before what it would have ended at. */
static void test_undefined(void **state)
{
	/* test %ecx,%ecx; je .+2 */
	static const char in_register[] = "\x85\xc9\x74\x00";
	/* mov -8(%rsp),%eax; test %eax,%eax; je .+2 */
	static const char in_memory[] = "\x8b\x44\x24\xf8\x85\xc0\x74\x00";
	uint8_t code[128];
	size_t len = far_code(code, in_register, sizeof(in_register) - 1);
	struct world *w = start(code, len);

	run(w, 64, len);
	assert_int_equal(run(w, 1, HEAD), 1);
	w->v[A][0] = 0xff;
	assert_int_equal(run(w, 64, len), 64);
	assert_int_equal(w->uses, 1);

	w->v[A][0] = 0;
	len = far_code(code, in_memory, sizeof(in_memory) - 1);
	memcpy(code + 2, "\x89\x4c\x24\xf8\x31\xc9\xeb\x00", 8); /* mov %ecx,-8(%rsp); xor %ecx,%ecx; jmp .+2 */
	world_code(w, code, len);
	run(w, 64, len);
	assert_int_equal(run(w, 1, len), 0);
	w->v[A][0] = 0xff;
	assert_int_equal(run(w, 64, len), 64);
	assert_int_equal(w->uses, 1);
	stop(w);
}

/* A window that begins elsewhere than at an access: how long it waits is told, and learned by who tells. */
static void test_from(void **state)
{
	uint8_t code[128];
	size_t len = far_code(code, "\x8b\x0b", 2);
	struct idle_place nothing = { .visits = 0 }, access = { .visits = 0 };
	struct world *w = start(code, len);

	memset(code, 0x90, HEAD); /* instead of the first access */
	world_code(w, code, len);
	for (unsigned n = 0; n < 32; n++) {
		w->from = &access;
		w->from_wait = idle_wait(&access);
		assert_true(w->from_wait >= NOPS);
		run(w, 1, 0);
		assert_int_equal(w->window.accesses, 1);
	}
	memset(code + HEAD + NOPS, 0x90, 2);
	world_code(w, code, len);
	for (unsigned n = 0; n < 64; n++) {
		w->from = &nothing;
		w->from_wait = idle_wait(&nothing);
		if (w->from_wait)
			run(w, 1, 0);
	}
	assert_int_equal(idle_wait(&nothing), 0);
	stop(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learns),	     cmocka_unit_test(test_cost),
		cmocka_unit_test(test_chances),	     cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_windows_end),  cmocka_unit_test(test_undefined),
		cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
