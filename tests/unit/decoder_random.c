// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_random.c: arbitrary bytes through the decoder in all modes; what comes out keeps the
 * bounds that insn.h promises, does not depend on the cache or on the bytes behind the instruction,
 * and the operand's address agrees with the one Capstone finds.
 */
#include <capstone/capstone.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "insn_internal.h"
#include "random64.h"

#define ROUNDS 200000

static uint64_t seed = 0x2545f4914f6cdd1dull;

static uint64_t rnd(void)
{
	return random64_next(&seed);
}

/* Uniform bytes are mostly short instructions: lead into the larger maps often. */
static size_t random_bytes(uint8_t bytes[INSN_MAX_BYTES])
{
	static const char *const lead[] = { "\x0f", "\x0f\x38", "\x0f\x3a", "\xc4", "\xc5", "\x62",
					    "\xf3", "\x66\x0f", "\x48", "\x67", "\x65\x48", "\x8f",
					    "\xf3\x0f", "\xf2\x0f\x38", "\xf0\x48\x0f", "\xd9" };
	size_t n = 0;

	for (size_t k = 0; k < INSN_MAX_BYTES; k++)
		bytes[k] = (uint8_t)(rnd() >> 24);
	if (rnd() & 1) {
		const char *l = lead[rnd() % (sizeof(lead) / sizeof(lead[0]))];

		n = strlen(l);
		memcpy(bytes, l, n);
	}
	return rnd() % 8 ? INSN_MAX_BYTES : n + rnd() % (INSN_MAX_BYTES - n + 1);
}

static void random_cpu(struct insn_cpu *cpu, enum insn_mode mode)
{
	for (unsigned k = 0; k < INSN_GPRS; k++)
		cpu->gpr[k] = rnd() >> (rnd() % 64);
	for (unsigned k = 0; k < INSN_SEGS; k++)
		cpu->seg_base[k] = rnd();
	cpu->rip = rnd();
	cpu->rflags = rnd();
	cpu->mode = mode;
	cpu->xsave_size = (uint32_t)rnd();
}

static void check_accesses(const struct insn_access *a, int n, enum insn_mode mode)
{
	assert_in_range(n + 1, 0, INSN_MAX_ACCESS + 1);
	for (int k = 0; k < n; k++) {
		assert_in_range(a[k].size, 1, 64 * 1024);
		assert_in_range(a[k].how, INSN_READ, INSN_READ | INSN_WRITE);
		if (mode != INSN_MODE_64)
			assert_true(a[k].addr.v <= UINT32_MAX);
	}
}

static void same_accesses(const struct insn *x, const struct insn *y, const struct insn_cpu *cpu)
{
	struct insn_access a[INSN_MAX_ACCESS], b[INSN_MAX_ACCESS];
	int n = insn_accesses(x, cpu, a);

	assert_int_equal(insn_length(x), insn_length(y));
	assert_int_equal(insn_is_plain_move(x), insn_is_plain_move(y));
	assert_int_equal(n, insn_accesses(y, cpu, b));
	for (int k = 0; k < n; k++) {
		assert_int_equal(a[k].addr.v, b[k].addr.v);
		assert_int_equal(a[k].size, b[k].size);
		assert_int_equal(a[k].how, b[k].how);
	}
}

static void test_random(void **state)
{
	struct insn_decoder *d = insn_decoder_create(), *other = insn_decoder_create();
	unsigned decoded = 0;

	assert_non_null(d);
	assert_non_null(other);
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum insn_mode mode = round % 3;
		struct insn_access a[INSN_MAX_ACCESS];
		uint8_t bytes[INSN_MAX_BYTES];
		size_t len = random_bytes(bytes);
		const struct insn *i = insn_decode(d, mode, bytes, len), *again;
		struct insn_cpu cpu;

		if (!i)
			continue;
		decoded++;
		random_cpu(&cpu, mode);
		assert_in_range(insn_length(i), 1, len);
		check_accesses(a, insn_accesses(i, &cpu, a), mode);
		assert_true(insn_text(i)[0] && insn_mnemonic(i)[0]);
		assert_true(insn_string(i) != INSN_NO_STRING || insn_rep(i) == INSN_NO_REP);
		/* With exactly its bytes, by a decoder that has seen other instructions. */
		again = insn_decode(other, mode, bytes, insn_length(i));
		assert_non_null(again);
		same_accesses(i, again, &cpu);
	}
	insn_decoder_destroy(other);
	insn_decoder_destroy(d);
	assert_true(decoded > ROUNDS / 4);
}

static int gpr_of(unsigned reg)
{
	static const unsigned by_size[][INSN_GPRS] = {
		{ X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP,
		  X86_REG_RSI, X86_REG_RDI, X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11,
		  X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15 },
		{ X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP,
		  X86_REG_ESI, X86_REG_EDI, X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D,
		  X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D },
		{ X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP,
		  X86_REG_SI, X86_REG_DI },
	};

	if (reg == X86_REG_INVALID || reg == X86_REG_RIZ || reg == X86_REG_EIZ)
		return INSN_NO_REG;
	if (reg == X86_REG_RIP || reg == X86_REG_EIP)
		return INSN_RIP_REG;
	for (unsigned size = 0; size < 3; size++)
		for (int k = 0; k < INSN_GPRS; k++)
			if (by_size[size][k] && by_size[size][k] == reg)
				return k;
	return -2;
}

/* Two ways to the same operand; displacements as far as the address size shows them. */
static bool same_operand(const struct insn *i, const x86_op_mem *m)
{
	uint64_t mask = i->addrsize == 8 ? UINT64_MAX : (1ull << (8 * i->addrsize)) - 1;

	return i->mem.base == gpr_of(m->base) && i->mem.index == gpr_of(m->index) &&
	       (i->mem.index == INSN_NO_REG || 1 << i->mem.shift == m->scale) &&
	       (((uint64_t)i->mem.disp ^ (uint64_t)m->disp) & mask) == 0;
}

static void test_against_capstone(void **state)
{
	static const cs_mode modes[] = { CS_MODE_64, CS_MODE_32, CS_MODE_16 };
	struct insn_decoder *d = insn_decoder_create();
	unsigned compared = 0;
	csh handle[3];

	assert_non_null(d);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(cs_open(CS_ARCH_X86, modes[k], &handle[k]), CS_ERR_OK);
		assert_int_equal(cs_option(handle[k], CS_OPT_DETAIL, CS_OPT_ON), CS_ERR_OK);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum insn_mode mode = round % 3;
		uint8_t bytes[INSN_MAX_BYTES];
		size_t len = random_bytes(bytes);
		const struct insn *i = insn_decode(d, mode, bytes, len);
		cs_insn *c;

		if (!i || !i->has_mem || i->extra || !cs_disasm(handle[mode], bytes, len, 0, 1, &c))
			continue;
		for (int k = 0; i->form != M_UNKNOWN && k < c->detail->x86.op_count; k++) {
			const cs_x86_op *op = &c->detail->x86.operands[k];

			if (op->type != X86_OP_MEM)
				continue;
			compared++;
			if (!same_operand(i, &op->mem))
				fail_msg("round %u, mode %d: %s %s: operand parsed otherwise",
					 round, mode, c->mnemonic, c->op_str);
		}
		cs_free(c, 1);
	}
	for (int k = 0; k < 3; k++)
		cs_close(&handle[k]);
	insn_decoder_destroy(d);
	assert_true(compared > ROUNDS / 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_against_capstone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
