/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_forms.h: the instruction forms of engine_forms.S, values for their operands, and running
 * them natively.
 *
 * Included by engine_native.c only. Knows nothing of the engine.
 */
#ifndef KMC_ENGINE_FORMS_H
#define KMC_ENGINE_FORMS_H

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "insn.h"
#include "random64.h"

/*
 * Two pages of code and four of data, with nothing accessible before, between and behind. Addresses
 * are fixed because some forms hold them; they have 31 bits because of 32-bit addressing.
 */
#define PAGE	   4096u
#define CODE	   0x60000000ul
#define CODE_SIZE  (2 * PAGE)
#define DATA	   0x60003000ul
#define DATA_PAGES 4u
#define DATA_SIZE  (DATA_PAGES * PAGE)
#define MIDDLE	   (DATA + DATA_SIZE / 2)
#define REGION_END 0x60008000ul

/* Where a form can go on: so many bytes apart, one of them right behind it. */
#define LANDINGS     5
#define LANDING_STEP 32
#define LANDING_NEXT 2

#define VECTOR_DE 0
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_MF 16

/* engine_forms.S says what the rules mean. */
struct form {
	const char *text, *rules;
	const uint8_t *code;
	uint32_t len, undefined;
	int32_t disp;
	int16_t count;
	uint8_t size, base, scale, insns;
};
static_assert(sizeof(struct form) == 48, "engine_forms.S lays it out");

#define BASE_NONE INSN_GPRS
#define BASE_RIP  (INSN_GPRS + 1)
#define INDEX	  INSN_R9

struct regs {
	uint64_t gpr[INSN_GPRS];
	uint64_t rflags;
};

/* What the CPU did. */
struct native {
	struct regs regs;
	uint64_t rip;
	bool trapped;
	uint64_t vector, fault_addr, fault_error;
};

extern const struct form engine_forms[], engine_forms_end[];
extern const uint64_t native_landings[LANDINGS];
extern const void *native_code;
extern volatile uint8_t native_landed;
void native_run(struct regs *r);
void native_back(void);

static volatile struct native caught;

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static inline uint64_t rnd(void)
{
	return random64_next(&seed);
}

static inline uint64_t below(uint64_t n)
{
	return (rnd() >> 11) % n;
}

/* Half of them at the edges where flags change. */
static inline uint64_t value(void)
{
	static const uint64_t edges[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		INT64_MAX, 1ull << 63, UINT64_MAX, 0x8080808080808080, 0x0f0f0f0f0f0f0f0f,
	};

	if (below(2))
		return rnd();
	return edges[below(sizeof(edges) / sizeof(edges[0]))] + (below(4) == 0 ? below(5) - 2 : 0);
}

static inline bool has(const struct form *f, char rule)
{
	return strchr(f->rules, rule);
}

static inline void poke(uint64_t addr, uint64_t low, uint64_t high)
{
	uint64_t both[2] = { low, high };

	memcpy((void *)addr, both, sizeof(both));
}

static inline uint64_t peek(uint64_t addr)
{
	uint64_t v;

	memcpy(&v, (void *)addr, sizeof(v));
	return v;
}

/* In the middle of the data, and often across its pages. */
static inline uint64_t place(void)
{
	return below(4) ? MIDDLE - 1024 + below(2048) : MIDDLE - below(17);
}

static inline uint64_t low_mask(unsigned bytes)
{
	return bytes >= 8 ? UINT64_MAX : (1ull << (8 * bytes)) - 1;
}

static inline void set_low(uint64_t *reg, uint64_t v, unsigned bytes)
{
	uint64_t mask = low_mask(bytes);

	*reg = (*reg & ~mask) | (v & mask);
}

static inline void soil_upper_half(uint64_t *reg)
{
	*reg = (uint32_t)*reg | rnd() << 32;
}

static inline int64_t sign_extend(uint64_t v, unsigned bytes)
{
	return (int64_t)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes);
}

/* divisor * quotient + remainder, which does not overflow. */
static inline unsigned __int128 random_dividend(uint64_t divisor, unsigned bytes, bool is_signed)
{
	uint64_t q = value() & low_mask(bytes);
	int64_t d = sign_extend(divisor, bytes);
	__int128 n = (__int128)sign_extend(q, bytes) * d;
	__int128 rest = (__int128)(value() % (d < 0 ? 0 - (uint64_t)d : (uint64_t)d));

	if (!is_signed)
		return (unsigned __int128)q * divisor + value() % divisor;
	return (unsigned __int128)(n < 0 ? n - rest : n + rest);
}

/* Goes on at native_back, which stores the registers as they were at the fault. */
static inline void on_signal(int sig, siginfo_t *info, void *context)
{
	void (*back)(void) = native_back;
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;

	if ((uint64_t)regs[REG_RIP] - CODE >= CODE_SIZE) {
		signal(sig, SIG_DFL); /* not the tested instruction: a defect of this program */
		return;
	}
	caught.trapped = true;
	caught.rip = (uint64_t)regs[REG_RIP];
	caught.vector = (uint64_t)regs[REG_TRAPNO];
	caught.fault_addr = (uint64_t)info->si_addr;
	caught.fault_error = (uint64_t)regs[REG_ERR];
	regs[REG_RIP] = (greg_t)back;
}

/* In the test itself, because cmocka has installed its own by then; it also puts them back. */
static inline int catch_signals(void)
{
	static uint8_t stack[64 * 1024];
	static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	int ret = sigaltstack(&alt, NULL);

	for (size_t k = 0; !ret && k < sizeof(signals) / sizeof(signals[0]); k++)
		ret = sigaction(signals[k], &sa, NULL);
	return ret;
}

static inline int map_region(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	if (mmap((void *)(CODE - PAGE), REGION_END - CODE + PAGE, PROT_NONE, flags, -1, 0) ==
	    MAP_FAILED)
		return -1;
	return mprotect((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	       mprotect((void *)DATA, DATA_SIZE, PROT_READ | PROT_WRITE) ? -1 : 0;
}

static inline uint64_t landing(uint64_t end, unsigned k)
{
	return end + (uint64_t)LANDING_STEP * k - (uint64_t)LANDING_STEP * LANDING_NEXT;
}

/* At each landing what leaves; it starts with an instruction that is none for the engine. */
static inline void place_code(const struct form *f, uint64_t start)
{
	static const uint8_t pause_jump[8] = { 0xf3, 0x90, 0xff, 0x25 };

	for (unsigned k = 0; k < LANDINGS; k++) {
		uint8_t *to = (uint8_t *)landing(start + f->len, k);

		memcpy(to, pause_jump, sizeof(pause_jump));
		memcpy(to + sizeof(pause_jump), &native_landings[k], sizeof(native_landings[k]));
	}
	memcpy((void *)start, f->code, f->len);
	native_code = (void *)start;
}

/* n->regs: in and out. The form that place_code() was called for ends at end. */
static inline void run_placed(struct native *n, uint64_t end)
{
	caught.trapped = false;
	native_run(&n->regs);
	n->trapped = caught.trapped;
	n->vector = caught.vector;
	n->fault_addr = caught.fault_addr;
	n->fault_error = caught.fault_error;
	n->rip = caught.trapped ? caught.rip : landing(end, native_landed);
}

#endif
