// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_overlay.c: undefined bits in memory that is not tracked, against a model of a byte a byte: random stores of all
 * sizes, defined, undefined and in part, at any alignment, then a load.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_world.h"

#define ROUNDS 20000
#define STORES 12
#define PLACES 40 /* bytes on either side of where rsi points to */

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

struct code {
	uint8_t bytes[ENGINE_PAGE];
	size_t len;
};

static void put(struct code *c, const char *bytes, size_t len)
{
	memcpy(c->bytes + c->len, bytes, len);
	c->len += len;
}

/* Of an operand at disp(%rsi), disp in 32 bits; reg as in ModRM. */
static void put_access(struct code *c, const char *opcode, size_t len, unsigned reg, int32_t disp)
{
	uint8_t modrm = (uint8_t)(0x86 | reg << 3);

	put(c, opcode, len);
	put(c, (const char *)&modrm, 1);
	put(c, (const char *)&disp, sizeof(disp));
}

static void put_store(struct code *c, unsigned size, unsigned reg, int32_t disp)
{
	static const struct { const char *opcode; size_t len; } store[] = {
		{ "\x88", 1 }, { "\x66\x89", 2 }, { "\x89", 1 }, { "\x48\x89", 2 },
	};

	put_access(c, store[size].opcode, store[size].len, reg, disp);
}

/* Into rax, with zeros above. */
static void put_load(struct code *c, unsigned size, int32_t disp)
{
	static const struct { const char *opcode; size_t len; } load[] = {
		{ "\x0f\xb6", 2 }, { "\x0f\xb7", 2 }, { "\x8b", 1 }, { "\x48\x8b", 2 },
	};

	put_access(c, load[size].opcode, load[size].len, INSN_RAX, disp);
}

/*
 * The stack has a word at the same place of the overlay as each of those that are tested: what is defined there does
 * not matter to them. One that is undefined, elsewhere, has the stack looked up in the overlay.
 */
static void put_stack_stores(struct code *c)
{
	int32_t disp = (int32_t)any(2 * PLACES) - PLACES;

	put(c, "\x48\x89\x94\x24\x00\x01\x00\x00", 8); /* mov %rdx,0x100(%rsp) */
	put(c, "\x48\x89\x8c\x24", 4);		     /* mov %rcx,disp(%rsp) */
	put(c, (const char *)&disp, sizeof(disp));
}
#define STACK_STORES 2

/* rdx has the V bits that memory at A has, rcx none. */
static void one_round(struct world *w)
{
	struct code c = { .len = 0 };
	uint8_t value[2 * PLACES] = { 0 }, v[2 * PLACES] = { 0 }, got[8], got_v[8];
	unsigned size, at;

	put(&c, "\x48\x8b\x13", 3); /* mov (%rbx),%rdx */
	for (unsigned n = 0; n < 8; n++)
		w->v[A][n] = any(3) ? 0xff : any(2) ? (uint8_t)any(256) : 0;
	for (unsigned n = 0; n < STORES; n++) {
		bool undefined = any(2);

		size = any(4);
		at = any(2 * PLACES - 8);
		put_store(&c, size, undefined ? INSN_RDX : INSN_RCX, (int32_t)at - PLACES);
		memcpy(value + at, undefined ? w->bytes[A] : (const uint8_t *)&w->cpu.gpr[INSN_RCX], 1u << size);
		memset(v + at, 0, 1u << size);
		if (undefined)
			memcpy(v + at, w->v[A], 1u << size);
	}
	put_stack_stores(&c);
	size = any(4);
	at = any(2 * PLACES - 8);
	put_load(&c, size, (int32_t)at - PLACES);
	world_code(w, c.bytes, c.len);
	memset(w->bytes[OTHER], 0, ENGINE_PAGE);
	world_run(w, 64);
	assert_int_equal(w->window.insns, 1 + STORES + STACK_STORES + 1);
	memcpy(got, &w->cpu.gpr[INSN_RAX], sizeof(got));
	memcpy(got_v, &w->vbits.gpr[INSN_RAX], sizeof(got_v));
	assert_memory_equal(got, value + at, 1u << size);
	assert_memory_equal(got_v, v + at, 1u << size);
	for (unsigned n = 1u << size; n < 8; n++)
		assert_int_equal(got[n] | got_v[n], 0);
}

static void test_random(void **state)
{
	struct world *w = world_start((const uint8_t *)"", 0);

	for (unsigned n = 0; n < 8; n++)
		w->bytes[A][n] = (uint8_t)(0xa1 + n);
	for (unsigned n = 0; n < ROUNDS; n++) {
		w->cpu.gpr[INSN_RSI] = world_page[OTHER].addr + ENGINE_PAGE / 2 + any(8);
		w->cpu.gpr[INSN_RCX] = 0x1112131415161718;
		one_round(w);
	}
	assert_null(w->broken);
	engine_destroy(w->e);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
