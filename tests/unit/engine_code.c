// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_code.c: code that changes between windows. Each window runs what is in memory then: where bytes
 * were patched, where other memory lies at their address, where a page is gone or there again, whether the engine asks
 * for it or has it proved; and it ends where it is told to.
 *
 * Small blocks, one jump each, lie at random places of three pages; what they add up to is compared with
 * what a plain interpreter of these few instructions says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "engine.h"
#include "random64.h"

#define CODE	 0xffffffff81234000ull
#define PAGES	 3
#define COPIES	 2 /* of each page: other constants, the same places */
#define SLOT	 48 /* bytes; a block begins in its first 19, and has up to 29 */
#define SLOTS	 (PAGES * ENGINE_PAGE / SLOT)
#define BLOCKS	 40
#define PLACES	 40
#define WINDOWS	 1000
#define LOOPS	 3
#define ROOTS	 2

struct memory {
	uint8_t copy[COPIES][PAGES][ENGINE_PAGE];
	uint64_t table[ROOTS][PAGES]; /* the copy that lies there; COPIES: none */
	uint64_t root; /* the table that is in use */
	uint64_t rights; /* of a register: with 1, the copies are the other way round */
	uintptr_t tracking[PAGES]; /* not 0: cannot be reached */
	struct page_proof proof;
	unsigned asked;
	uint64_t block[BLOCKS];
	uint64_t leave; /* windows end here; 0: nowhere */
	uint64_t halted; /* here an instruction is hlt; 0: nowhere */
};

static uint8_t *byte_at(struct memory *m, unsigned copy, uint64_t addr)
{
	uint64_t at = addr - CODE;

	return &m->copy[copy][at / ENGINE_PAGE][at % ENGINE_PAGE];
}

/* The copy that lies there now; COPIES: none. */
static uint64_t mapped(const struct memory *m, uint64_t n)
{
	uint64_t copy = m->table[m->root][n];

	return m->tracking[n] || copy == COPIES ? COPIES : copy ^ m->rights;
}

static enum engine_reach reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page, uint32_t *error)
{
	static const uint64_t nothing;
	struct memory *m = ctx;
	uint64_t n = (addr.v - CODE) / ENGINE_PAGE;

	(void)error;
	assert_true(how == ENGINE_FETCH && n < PAGES);
	m->asked++;
	if (mapped(m, n) == COPIES)
		return ENGINE_ELSEWHERE;
	m->proof = (struct page_proof){ .root_entry = m->table[m->root][n], .root_slot = (uint16_t)(n * 8) };
	for (unsigned k = 0; k < PROOF_BELOW; k++)
		m->proof.below[k].slot = &nothing;
	*page = (struct engine_page){ .host = m->copy[mapped(m, n)][n],
				      .gpa = n * ENGINE_PAGE,
				      .proof = &m->proof,
				      .tracking = &m->tracking[n] };
	return ENGINE_REACHED;
}

/* In all copies, the constants of each its own. Returns where it ends. */
static uint64_t put(struct memory *m, uint64_t at, const char *bytes, size_t len, bool random)
{
	for (unsigned copy = 0; copy < COPIES; copy++)
		for (size_t n = 0; n < len; n++)
			*byte_at(m, copy, at + n) = random && n ? (uint8_t)random64() : (uint8_t)bytes[n];
	return at + len;
}

static uint64_t put_jump(struct memory *m, uint64_t at, const char *opcode, size_t len, uint64_t to)
{
	int32_t distance;
	char bytes[4];

	at = put(m, at, opcode, len, false);
	distance = (int32_t)(to - (at + 4));
	memcpy(bytes, &distance, 4);
	return put(m, at, bytes, 4, false);
}

/* add $random, %eax; some nops; the jump. The last one goes LOOPS times to the first. */
static void put_block(struct memory *m, unsigned n)
{
	uint64_t at = put(m, m->block[n], "\x05", 5, true);

	for (unsigned nops = random64() % 16; nops; nops--)
		at = put(m, at, "\x90", 1, false);
	if (n + 1 < BLOCKS) {
		put_jump(m, at, "\xe9", 1, m->block[n + 1]);
		return;
	}
	at = put(m, at, "\xff\xc9", 2, false); /* dec %ecx; jnz */
	at = put_jump(m, at, "\x0f\x85", 2, m->block[0]);
	put(m, at, "\xf4", 1, false);
}

/* The first ones begin right in front of the pages' ends, the others anywhere. */
static void place_blocks(struct memory *m)
{
	bool used[SLOTS + 1] = { false };

	for (unsigned n = 0; n < BLOCKS; n++) {
		unsigned slot = (unsigned)(random64() % SLOTS);

		while (used[slot])
			slot = (slot + 1) % SLOTS;
		m->block[n] = CODE + slot * SLOT + random64() % 19;
		if (n < PAGES - 1) {
			m->block[n] = CODE + (n + 1) * ENGINE_PAGE - 1 - random64() % 4;
			slot = (unsigned)((m->block[n] - CODE) / SLOT);
			used[slot + 1] = true;
		}
		used[slot] = true;
	}
	for (unsigned n = 0; n < BLOCKS; n++)
		put_block(m, n);
}

/* The bytes as far as they can be read. */
static unsigned read_code(struct memory *m, uint64_t rip, uint8_t *to, unsigned len)
{
	unsigned n = 0;

	while (n < len && rip + n < CODE + PAGES * ENGINE_PAGE &&
	       mapped(m, (rip + n - CODE) / ENGINE_PAGE) != COPIES) {
		to[n] = *byte_at(m, (unsigned)mapped(m, (rip + n - CODE) / ENGINE_PAGE), rip + n);
		n++;
	}
	return n;
}

/* One instruction; false where it ends the window. */
static bool interpret(struct memory *m, struct insn_cpu *cpu)
{
	uint64_t *rax = &cpu->gpr[INSN_RAX], *rcx = &cpu->gpr[INSN_RCX];
	uint8_t b[6];
	unsigned len = read_code(m, cpu->rip, b, sizeof(b));
	int32_t value;

	if (len && b[0] == 0x90) {
		cpu->rip++;
	} else if (len >= 2 && b[0] == 0xff) {
		*rcx = (uint32_t)(*rcx - 1);
		cpu->rip += 2;
	} else if (len >= 5 && b[0] == 0x05) {
		memcpy(&value, b + 1, 4);
		*rax = (uint32_t)(*rax + (uint32_t)value);
		cpu->rip += 5;
	} else if (len >= 5 && b[0] == 0xe9) {
		memcpy(&value, b + 1, 4);
		cpu->rip += 5 + (uint64_t)(int64_t)value;
	} else if (len >= 6 && b[0] == 0x0f) {
		memcpy(&value, b + 2, 4);
		cpu->rip += 6 + (*rcx ? (uint64_t)(int64_t)value : 0);
	} else {
		return false;
	}
	return cpu->rip != m->leave;
}

static void change_something(struct engine *e, struct memory *m)
{
	unsigned page = (unsigned)(random64() % PAGES), block = (unsigned)(random64() % BLOCKS);

	switch (random64() % 12) {
	case 0:
	case 1: /* a byte of a constant */
		*byte_at(m, (unsigned)(random64() % COPIES), m->block[block] + 1 + random64() % 4) =
			(uint8_t)random64();
		break;
	case 2: /* other memory; seldom none */
		m->table[random64() % ROOTS][page] = random64() % (random64() % 8 ? COPIES : COPIES + 1);
		break;
	case 3:
		m->leave = random64() % 4 ? 0 : m->block[block];
		break;
	case 4: /* an instruction becomes another one, and again */
		put(m, m->halted ? m->halted : CODE + PAGES * ENGINE_PAGE - 1, "\x90", 1, false);
		m->halted = random64() % 4 ? 0 : m->block[block] + 5;
		if (m->halted && *byte_at(m, 0, m->halted) == 0x90)
			put(m, m->halted, "\xf4", 1, false);
		else
			m->halted = 0;
		break;
	case 5: /* another process */
		m->root ^= 1;
		break;
	case 6: /* a register */
		m->rights ^= 1;
		engine_forget_proofs(e);
		break;
	case 7: /* seldom not tracked for long */
		m->tracking[page] = random64() % 4 == 0;
		break;
	default:
		break;
	}
}

static void check_window(struct engine *e, struct memory *m)
{
	struct insn_cpu cpu = { .mode = INSN_MODE_64, .rflags = 2 };
	struct engine_limits limits = { .insns = 1 << 20,
					.idle = 1 << 20,
					.root = random64() % 8 ? (const uint8_t *)m->table[m->root] : NULL,
					.enter_start = m->leave,
					.enter_end = m->leave ? m->leave + 1 : 0 };
	struct engine_window out;
	struct insn_cpu expected;

	cpu.gpr[INSN_RAX] = (uint32_t)random64();
	cpu.gpr[INSN_RCX] = LOOPS;
	do
		cpu.rip = m->block[random64() % BLOCKS];
	while (cpu.rip == m->leave); /* where a window begins it does not end */
	expected = cpu;
	while (interpret(m, &expected))
		;
	engine_run(e, &cpu, &limits, NULL, &out);
	assert_int_equal(cpu.rip, expected.rip);
	assert_int_equal(cpu.gpr[INSN_RAX], expected.gpr[INSN_RAX]);
	assert_int_equal(cpu.gpr[INSN_RCX], expected.gpr[INSN_RCX]);
}

static enum engine_enter leave(void *ctx, uint64_t rip, uint64_t *back)
{
	(void)ctx, (void)rip, (void)back;
	return ENGINE_LEAVE;
}

static void test_changes(void **state)
{
	static const struct engine_ops ops = { .reach = reach, .enter = leave };
	static struct memory m;

	(void)state;
	for (unsigned places = 0; places < PLACES; places++) {
		struct engine *e = engine_create(&ops, &m);

		assert_non_null(e);
		memset(&m, 0, sizeof(m));
		place_blocks(&m);
		for (unsigned n = 0; n < WINDOWS; n++) {
			change_something(e, &m);
			check_window(e, &m);
		}
		engine_destroy(e);
	}
}

/* What is proved is not asked for: not in a new window, nor with a table that says the same. */
static void test_not_asked(void **state)
{
	static const struct engine_ops ops = { .reach = reach, .enter = leave };
	static struct memory m;
	struct engine *e = engine_create(&ops, &m);

	(void)state;
	assert_non_null(e);
	place_blocks(&m);
	for (unsigned n = 0; n < 100; n++)
		check_window(e, &m);
	m.asked = 0;
	for (unsigned n = 0; n < 100; n++) {
		struct insn_cpu cpu = { .mode = INSN_MODE_64, .rflags = 2, .rip = m.block[BLOCKS - 1] };
		struct engine_limits limits = { .insns = 1 << 20,
						.idle = 1 << 20,
						.root = (const uint8_t *)m.table[n % ROOTS] };
		struct engine_window out;

		cpu.gpr[INSN_RCX] = 1; /* it ends behind that block */
		engine_run(e, &cpu, &limits, NULL, &out);
		assert_true(out.insns);
	}
	assert_int_equal(m.asked, 0);
	engine_destroy(e);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
