// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_fuzz.c: raw bytes as guest code, decoded and run by the engine. What may happen: anything that
 * a guest can do to itself. What may not: leaving the two pages that it has, more instructions than the
 * limit allows, unbalanced hold() and drop(), or anything that a sanitizer objects to.
 *
 * A libFuzzer target (clang, cmake -DKMC_FUZZ=ON): tests/fuzz/engine_fuzz -max_len=512
 * Without libFuzzer main() below feeds it random bytes, biased towards long valid runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define CODE  0xffffffff81000000ull
#define DATA  0xffff888000100000ull
#define NUMBER 7u /* of the data page, for the callbacks */
#define LIMIT 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct guest {
	uint8_t code[ENGINE_PAGE], data[ENGINE_PAGE];
	bool tracked, user;
	unsigned held;
};

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "engine_fuzz: %s\n", what);
	abort();
}

static enum engine_reach reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page,
			       uint32_t *error)
{
	uint64_t at = addr.v & ~(uint64_t)(ENGINE_PAGE - 1);
	struct guest *g = ctx;

	*error = 2;
	if (at == CODE && !(how & ENGINE_WRITE)) {
		*page = (struct engine_page){ .host = g->code, .gpa = 0 };
		return ENGINE_REACHED;
	}
	if (at == DATA && !(how & ENGINE_FETCH)) {
		*page = (struct engine_page){ .host = g->data,
					      .gpa = ENGINE_PAGE,
					      .number = NUMBER,
					      .tracked = g->tracked,
					      .user = g->user,
					      .writable = true };
		return ENGINE_REACHED;
	}
	if (at % (16 * ENGINE_PAGE) == 0)
		return ENGINE_DEVICE;
	return at % (32 * ENGINE_PAGE) == ENGINE_PAGE ? ENGINE_ELSEWHERE : ENGINE_PAGE_FAULT;
}

static void hold(void *ctx, uint32_t number)
{
	struct guest *g = ctx;

	require(number == NUMBER && g->held++ == 0, "hold() twice, or of another page");
}

static void drop(void *ctx, uint32_t number)
{
	struct guest *g = ctx;

	require(number == NUMBER && g->held-- == 1, "drop() without hold()");
}

static void require_in_page(const struct guest *g, const struct engine_access *a)
{
	require(g->held == 1, "an access to a page that is not held");
	require(a->len && a->gpa >= ENGINE_PAGE && a->gpa + a->len <= 2 * ENGINE_PAGE,
		"an access beyond its page");
}

static void check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	require_in_page(ctx, a);
	for (uint32_t n = 0; v && n < a->len; n++)
		v[n] = (uint8_t)((a->gpa + n) % 7 == 0 ? 0xf0 : 0);
}

static void change(void *ctx, const struct engine_access *a, const uint8_t *v,
		   const struct engine_origin *from)
{
	(void)from;
	require_in_page(ctx, a);
}

static void used(void *ctx, const struct engine_use *use)
{
	require(use->rip - CODE < ENGINE_PAGE, "a use outside of the code");
}

/* AVX, and a made-up component behind it. */
static struct engine_vectors *vectors(void *ctx)
{
	static struct engine_vectors v = { .component = { [2] = { 576, 256, false },
							  [9] = { 896, 8, true } },
					   .xcr0 = 0x207,
					   .features = 0xf };

	memcpy(v.area, ((const struct guest *)ctx)->code, 512);
	return &v;
}

static void set_registers(struct insn_cpu *cpu, const uint8_t *seed)
{
	for (unsigned n = 0; n < INSN_GPRS; n++)
		cpu->gpr[n] = seed[n] & 1 ? DATA + seed[n] * 16u : (uint64_t)(int64_t)(int8_t)seed[n];
	cpu->gpr[INSN_RSP] = DATA + ENGINE_PAGE / 2;
	cpu->rflags = 2u | (seed[0] & 0x4 ? 0x400u : 0);
	cpu->rip = CODE + (seed[1] & 0x10 ? ENGINE_PAGE - 32 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct engine_ops ops = { reach, hold, drop, check, change, used, vectors, NULL, NULL, NULL };
	static struct insn_decoder *decoder;
	static struct engine *engine;
	static struct guest guest;
	const struct engine_limits limits = { .insns = LIMIT, .idle = LIMIT };
	struct engine_vbits vbits = { .rflags = 0 };
	struct insn_access access[INSN_MAX_ACCESS];
	struct insn_cpu cpu = { .mode = INSN_MODE_64 };
	struct engine_window out;
	const struct insn *insn;
	uint8_t seed[INSN_GPRS] = { 0 };
	size_t at, taken = size < sizeof(seed) ? size : sizeof(seed);

	memcpy(seed, data, taken);
	data += taken;
	size -= taken;
	if (!engine) {
		engine = engine_create(&ops, &guest);
		decoder = insn_decoder_create();
		require(engine && decoder, "out of memory");
	}
	set_registers(&cpu, seed);
	at = cpu.rip - CODE;
	memset(guest.code, 0x90, sizeof(guest.code));
	memcpy(guest.code + at, data, size < ENGINE_PAGE - at ? size : ENGINE_PAGE - at);
	guest.tracked = seed[2] & 0x10;
	guest.user = seed[2] & 0x20;
	vbits.gpr[seed[3] % INSN_GPRS] = seed[4];
	insn = insn_decode(decoder, INSN_MODE_64, guest.code + at, INSN_MAX_BYTES);
	if (insn)
		insn_accesses(insn, &cpu, access);
	engine_run(engine, &cpu, &limits, &vbits, &out);
	require(out.insns <= LIMIT, "more instructions than the limit");
	require(!guest.held, "a page is still held");
	return 0;
}

#ifndef KMC_LIBFUZZER
static uint64_t state = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Opcodes that the engine knows, so that runs get long; every operand is random. */
static uint8_t opcode(void)
{
	static const uint8_t common[] = { 0x01, 0x03, 0x0f, 0x29, 0x31, 0x39, 0x3b, 0x48, 0x49, 0x4c, 0x50,
					  0x58, 0x63, 0x66, 0x74, 0x75, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86,
					  0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x8f, 0xa4, 0xa5, 0xa6, 0xaa,
					  0xab, 0xac, 0xae, 0xb8, 0xc1, 0xc3, 0xc7, 0xd3, 0xe8, 0xeb, 0xf0,
					  0xf2, 0xf3, 0xf6, 0xf7, 0xfe, 0xff, 0xb0, 0xb1, 0xc4, 0xc5,
					  0x10, 0x11, 0x6e, 0x6f, 0x7e, 0x7f, 0xae, 0xdb, 0xef };

	return rnd() % 4 ? common[rnd() % sizeof(common)] : (uint8_t)rnd();
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 200000;
	uint8_t input[256];

	for (unsigned long n = 0; n < runs; n++) {
		size_t size = INSN_GPRS + 1 + rnd() % (sizeof(input) - INSN_GPRS - 1);

		for (size_t i = 0; i < size; i++)
			input[i] = rnd() % 3 ? opcode() : (uint8_t)rnd();
		LLVMFuzzerTestOneInput(input, size);
	}
	printf("%lu inputs\n", runs);
	return 0;
}
#endif
