/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_cases.h: what both sides of a case start with: registers, memory, and how that memory
 * behaves.
 *
 * Included by engine_native.c only.
 */
#ifndef KMC_ENGINE_CASES_H
#define KMC_ENGINE_CASES_H

#include "engine_vectors.h"

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define DF 0x400u
#define OF 0x800u
#define STATUS	  (CF | PF | AF | ZF | SF | OF)
#define RFLAGS_ON 0x202u /* interrupts, and the bit that is always set */

enum denial { DENY_NOTHING, DENY_ALL, DENY_WRITES, DENY_ELSEWHERE, DENIALS };

/* One case: what both sides start with, and what is special about it. */
struct test_case {
	const struct form *form;
	struct insn_cpu cpu;
	uint64_t start, end; /* of the instructions */
	uint64_t target;     /* of the memory operand */
	unsigned tracked;    /* pages of data, bits */
	bool may_trap; /* operands of a division are not chosen so that it succeeds */
	bool hostile;  /* nor those of vector instructions */
	bool no_fetch; /* from the second page of code */
	enum denial denial;
	unsigned denied; /* page of data */
};

static uint8_t *const native_data = (uint8_t *)DATA;
static uint8_t before[DATA_SIZE];
static uint8_t changed[DATA_SIZE]; /* before, with the changes that change() told of */
static uint8_t copy[DATA_SIZE];	   /* the engine's, in another order of pages */
static struct engine_vectors vectors; /* the engine's */

/* Pages that are neighbours have hosts and guest-physical addresses that are not. */
static inline uint64_t copy_offset(unsigned page)
{
	return (DATA_PAGES - 1 - page) * PAGE;
}

static inline bool saves_state(const struct form *f)
{
	return has(f, 'S') || has(f, 'R');
}

static inline uint64_t random_landing(const struct test_case *t)
{
	return landing(t->end, (unsigned)below(LANDINGS));
}

/* Chooses where the operand is, and the registers that lead there. */
static inline void make_operand(struct test_case *t)
{
	const struct form *f = t->form;
	uint64_t *gpr = t->cpu.gpr, disp = (uint64_t)(int64_t)f->disp;

	t->target = f->base == BASE_NONE ? disp : f->base == BASE_RIP ? t->end + disp : place();
	if (t->hostile && below(2))
		t->target &= ~7ull;
	else if (has(f, 'a') || has(f, 'A') || has(f, 'z'))
		t->target &= has(f, 'a') ? ~15ull : has(f, 'A') ? ~31ull : ~63ull;
	else if (has(f, 'l') && f->base < INSN_GPRS && below(8))
		t->target &= ~7ull; /* the CPU is slow at locking two lines */
	if (f->base < INSN_GPRS)
		gpr[f->base] = t->target - disp - f->scale * gpr[INDEX];
	if (has(f, 'w'))
		soil_upper_half(&gpr[f->base]);
	poke(t->target, has(f, 'J') ? random_landing(t) : value(), value());
	if (has(f, 'M') && !t->hostile)
		put32((uint8_t *)t->target, random_mxcsr());
}

/* Bits of the header and of MXCSR that may or may not be valid. */
static inline void spoil(uint8_t *area)
{
	uint8_t *at = area + (below(3) ? 512 + below(64) : 24 + below(4));

	*at ^= (uint8_t)(1u << below(8));
}

/* rdx:rax are the components that are asked for. */
static inline void make_state(struct test_case *t)
{
	const struct form *f = t->form;

	random_vectors(&vectors, f, t->hostile && below(2));
	if (!saves_state(f))
		return;
	t->cpu.gpr[INSN_RAX] = below(2) ? UINT64_MAX : rnd();
	t->cpu.gpr[INSN_RDX] = rnd();
	if (has(f, 'R'))
		make_saved((uint8_t *)t->target, f, t->hostile && below(2));
	if (has(f, 'R') && t->hostile && below(4))
		spoil((uint8_t *)t->target);
}

static inline void make_division(struct test_case *t)
{
	unsigned size = t->form->size;
	uint64_t divisor = value() & low_mask(size);
	unsigned __int128 n;

	divisor = divisor ? divisor : 1;
	n = random_dividend(divisor, size, has(t->form, 'D'));
	if (has(t->form, 'm'))
		poke(t->target, divisor, value());
	else
		set_low(&t->cpu.gpr[INSN_RCX], divisor, size);
	set_low(&t->cpu.gpr[INSN_RAX], (uint64_t)n, size == 1 ? 2 : size);
	if (size > 1)
		set_low(&t->cpu.gpr[INSN_RDX], (uint64_t)(n >> (8 * size)), size);
}

static inline void make_equal(struct test_case *t)
{
	uint64_t *gpr = t->cpu.gpr;

	gpr[INSN_RAX] = has(t->form, 'm') ? peek(t->target) : gpr[INSN_R8];
	if (t->form->size == 8)
		gpr[INSN_RDX] = gpr[INSN_RAX] >> 32;
	else if (t->form->size == 16)
		gpr[INSN_RDX] = peek(t->target + 8);
}

static inline void make_string(struct test_case *t)
{
	uint64_t *gpr = t->cpu.gpr;
	uint8_t filler = (uint8_t)rnd();

	gpr[INSN_RDI] = place();
	gpr[INSN_RSI] = below(3) ? place() : gpr[INSN_RDI] + below(64) - 32;
	if (has(t->form, 'e') && below(4)) {
		memset((void *)(MIDDLE - 1400), filler, 2800);
		for (unsigned k = 0; k < 3; k++)
			*(uint8_t *)(gpr[INSN_RDI] + below(100) - 50) ^= (uint8_t)below(3);
		if (below(4))
			gpr[INSN_RAX] = 0x0101010101010101u * filler;
	}
}

static inline void make_counts(struct test_case *t)
{
	const struct form *f = t->form;
	uint64_t *gpr = t->cpu.gpr;

	if (has(f, 'b'))
		set_low(&gpr[INSN_RDX], below(8 * 8192) - 4 * 8192, f->size);
	if (has(f, 'c') && below(4))
		set_low(&gpr[INSN_RCX], below(72), 1);
	if (has(f, 'g'))
		set_low(&gpr[INSN_RCX], below(17) | below(8) << 5, 1);
	if (has(f, 'r'))
		gpr[INSN_RCX] = below(8) ? below(24) : below(100);
}

/* After everything else: what only some forms need. */
static inline void make_special(struct test_case *t)
{
	const struct form *f = t->form;
	uint64_t *gpr = t->cpu.gpr;

	if (has(f, 's'))
		make_string(t);
	if (has(f, 'x') && below(2))
		make_equal(t);
	if ((has(f, 'd') || has(f, 'D')) && !t->may_trap)
		make_division(t);
	if (has(f, 'j'))
		gpr[INSN_RAX] = random_landing(t);
	if (has(f, 't'))
		poke(gpr[INSN_RSP], random_landing(t), value());
	if (has(f, 'f'))
		gpr[INSN_RBP] = place();
	if (has(f, 'w') && !has(f, 'm')) {
		soil_upper_half(&gpr[INSN_RCX]);
		soil_upper_half(&gpr[INSN_RSI]);
		soil_upper_half(&gpr[INSN_RDI]);
	}
}

/* Those of this program: it cannot choose them. */
static inline void read_selectors(uint16_t *selector)
{
#define SELECTOR(name, n) __asm__("mov %%" name ", %w0" : "=r"(selector[n]))
	SELECTOR("es", INSN_ES);
	SELECTOR("cs", INSN_CS);
	SELECTOR("ss", INSN_SS);
	SELECTOR("ds", INSN_DS);
	SELECTOR("fs", INSN_FS);
	SELECTOR("gs", INSN_GS);
#undef SELECTOR
}

/* The caller has set form, start, end and how memory behaves. */
static inline void make_case(struct test_case *t)
{
	uint64_t *gpr = t->cpu.gpr;

	memset(&t->cpu, 0, sizeof(t->cpu));
	t->cpu.mode = INSN_MODE_64;
	t->cpu.rip = t->start;
	t->cpu.xsave_size = native_xsave_size();
	read_selectors(t->cpu.selector);
	t->cpu.rflags = RFLAGS_ON | (rnd() & (STATUS | DF));
	for (unsigned k = 0; k < INSN_GPRS; k++)
		gpr[k] = value();
	if (below(4) == 0)
		gpr[below(INSN_GPRS)] = gpr[below(INSN_GPRS)];
	gpr[INSN_RSP] = below(4) ? place() & ~7ull : place();
	make_counts(t);
	if (has(t->form, 'm'))
		make_operand(t);
	if (has(t->form, 'v'))
		make_state(t);
	make_special(t);
	memcpy(before, native_data, DATA_SIZE);
	memcpy(changed, native_data, DATA_SIZE);
	for (unsigned k = 0; k < DATA_PAGES; k++)
		memcpy(copy + copy_offset(k), native_data + k * PAGE, PAGE);
}

#endif
