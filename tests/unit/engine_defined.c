// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_defined.c: whether the engine's V bits are true, by running every choice of the undefined
 * bits: random programs, and idioms of kernel code. engine_rules.c has the rules that they are made
 * of.
 *
 * Whether values are computed right is engine_native.c's affair: here the engine, with everything
 * defined, is its own oracle. ENGINE_SEED=n in the environment tries other programs, ENGINE_SHOW=n
 * prints n of those that were reported without need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "defined.h"
#include "engine_idioms.h"
#include "engine_program.h"
#include "engine_world.h"

#ifdef __SANITIZE_ADDRESS__
#define PROGRAMS 20000
#else
#define PROGRAMS 300000 /* 8 s */
#endif
#define SHOWN	     5	/* contradictions are printed in full, the others counted */
#define UNDEFINED    8	/* bits, so that all choices can be run */
#define WIDE_CHOICES 48 /* of many, where more are undefined */

/*
 * Random programs
 */

/* All that a program starts from or leaves, by words. W_USE: what its last instruction decides. */
enum { W_A = INSN_GPRS, W_B = W_A + 8, W_STACK = W_B + 8, W_FLAGS = W_STACK + 8, W_USE, WORDS };

struct input {
	uint64_t value[WORDS], v[WORDS];
	unsigned choices;
	bool wide;
};

struct tally {
	unsigned others, others_reported; /* odd programs, or many undefined bits: only checked */
	unsigned failed, shown;
	unsigned uses[USES], reported[USES], needless[USES];
	uint64_t undefined_bits, constant_bits;
};

static uint64_t any_value(void)
{
	switch (below(6)) {
	case 0:
		return 0;
	case 1:
		return rnd() & 0xff;
	case 2:
		return 0xffff888000000000 | (rnd() & 0xffffff8);
	case 3:
		return rnd() & 0xffffffff;
	case 4:
		return 0 - (rnd() & 0xff);
	default:
		return rnd();
	}
}

/* Mostly what the program loads first. */
static unsigned any_word(const struct program *p)
{
	if (p->first < 8 && below(10) < 8)
		return W_A + p->first;
	switch (below(8)) {
	case 0:
		return W_B + below(2);
	case 1:
	case 2:
		return any_reg();
	case 3:
		return below(4) ? W_A : W_FLAGS;
	default:
		return W_A + below(p->words);
	}
}

/* A byte, a bit-field, a bit, half a byte. */
static void undefine_some(struct input *in, const struct program *p)
{
	unsigned left = UNDEFINED;

	do {
		static const uint8_t widths[] = { 8, 8, 8, 4, 1, 1, 2, 3, 5, 7 };
		unsigned width = widths[below(10)], word = any_word(p), at = below(8) * 8;
		uint64_t bits, fresh;

		at = below(2) ? at : below(2) * 8;
		if (width < 8)
			at += width == 4 ? below(2) * 4 : below(8 - width + 1);
		bits = ((1ull << width) - 1) << at;
		if (word != W_FLAGS && below(5)) /* else defined bits often decide alone */
			in->value[word] = below(5) ? 0 : rnd() & 0xff;
		fresh = bits & ~in->v[word] & (word == W_FLAGS ? STATUS : V_ALL);
		if ((unsigned)__builtin_popcountll(fresh) > left)
			break;
		in->v[word] |= fresh;
		left -= (unsigned)__builtin_popcountll(fresh);
	} while (left && below(3) == 0);
	in->choices = 1u << (UNDEFINED - left);
}

static void undefine_much(struct input *in, const struct program *p)
{
	static const uint64_t masks[] = { V_ALL, V_ALL << 32, 0xffffffff, 0xffff0000, 0xffff };

	for (unsigned k = 1 + below(3); k; k--) {
		unsigned word = any_word(p);
		uint64_t v = below(6) ? masks[below(5)] : rnd();

		in->v[word] |= word == W_FLAGS ? v & STATUS : v;
	}
	in->choices = WIDE_CHOICES;
}

static void input_make(struct input *in, const struct program *p)
{
	memset(in, 0, sizeof(*in));
	for (unsigned k = 0; k < W_FLAGS; k++)
		in->value[k] = any_value();
	world_point(in->value);
	in->value[W_FLAGS] = (rnd() & STATUS) | 2;
	in->wide = below(8) == 0;
	if (in->wide)
		undefine_much(in, p);
	else
		undefine_some(in, p);
}

/* The nth choice of the undefined bits. Where there are many: first all 0, then all 1. */
static void choose(const struct input *in, unsigned n, uint64_t value[WORDS])
{
	for (unsigned k = 0; k < WORDS; k++) {
		value[k] = in->value[k] & ~in->v[k];
		if (in->wide && n)
			value[k] |= in->v[k] & (n == 1 ? V_ALL : rnd());
		for (uint64_t v = in->wide ? 0 : in->v[k]; v; v &= v - 1, n >>= 1)
			value[k] |= n & 1 ? v & -v : 0;
	}
}

static void enter(struct world *w, const uint64_t value[WORDS], const uint64_t v[WORDS])
{
	memcpy(w->cpu.gpr, value, sizeof(w->cpu.gpr));
	memcpy(w->vbits.gpr, v, sizeof(w->vbits.gpr));
	w->cpu.rflags = value[W_FLAGS];
	w->vbits.rflags = v[W_FLAGS];
	memcpy(w->bytes[A], value + W_A, AREA_SIZE);
	memcpy(w->bytes[B], value + W_B, AREA_SIZE);
	memcpy(w->bytes[STACK] + ENGINE_PAGE / 2, value + W_STACK, AREA_SIZE);
	memset(w->bytes[STACK] + ENGINE_PAGE / 2 - AREA_SIZE, 0, AREA_SIZE);
	memset(w->bytes[STACK] + ENGINE_PAGE / 2 + AREA_SIZE, 0, AREA_SIZE);
	memset(w->bytes[USER], 0, AREA_SIZE);
	memcpy(w->v[A], v + W_A, AREA_SIZE);
	memcpy(w->v[B], v + W_B, AREA_SIZE);
}

static void leave(const struct world *w, const struct program *p, uint64_t value[WORDS])
{
	memcpy(value, w->cpu.gpr, sizeof(w->cpu.gpr));
	memcpy(value + W_A, w->bytes[A], AREA_SIZE);
	memcpy(value + W_B, w->bytes[B], AREA_SIZE);
	memcpy(value + W_STACK, w->bytes[STACK] + ENGINE_PAGE / 2, AREA_SIZE);
	value[W_FLAGS] = w->cpu.rflags & p->flags;
	if (p->kind == USE_ADDRESS)
		value[W_USE] = value[p->base] + (p->index == INSN_RSP ? 0 : value[p->index] << 2);
	else if (p->kind == USE_LEAK)
		memcpy(&value[W_USE], w->bytes[USER], sizeof(value[W_USE]));
	else
		value[W_USE] = w->cpu.rip;
}

/* The engine says nothing about the stack: it is not tracked. */
static void leave_v(const struct world *w, const struct program *p, uint64_t v[WORDS])
{
	memset(v, 0xff, WORDS * sizeof(v[0]));
	memcpy(v, w->vbits.gpr, sizeof(w->vbits.gpr));
	v[INSN_R15] = V_ALL; /* written by the last instruction only */
	memcpy(v + W_A, w->v[A], AREA_SIZE);
	memcpy(v + W_B, w->v[B], AREA_SIZE);
	v[W_FLAGS] = w->vbits.rflags & p->flags;
}

static bool carried_out(struct world *w, unsigned insns)
{
	world_run(w, insns);
	if (w->window.end != ENGINE_OVER || w->window.insns != insns)
		world_broken(w, "the window ended early");
	return !w->broken;
}

/* Everything defined: the bits that are not the same for all choices. */
static bool brute_force(struct world *w, const struct program *p, const struct input *in,
			uint64_t changed[WORDS])
{
	static const uint64_t defined[WORDS];
	uint64_t first[WORDS], value[WORDS];

	memset(changed, 0, WORDS * sizeof(changed[0]));
	for (unsigned n = 0; n < in->choices; n++) {
		choose(in, n, value);
		enter(w, value, defined);
		if (!carried_out(w, p->insns))
			return false;
		if (w->uses)
			world_broken(w, "a use while everything is defined");
		leave(w, p, n ? value : first);
		for (unsigned k = 0; n && k < WORDS; k++)
			changed[k] |= value[k] ^ first[k];
	}
	return true;
}

/*
 * V bits before the last instruction, because a report makes its operand count as defined, and
 * whether it reports.
 */
static bool with_v(struct world *w, const struct program *p, const struct input *in,
		   uint64_t v[WORDS], bool *used)
{
	uint64_t value[WORDS];

	choose(in, below(in->choices), value);
	enter(w, value, in->v);
	w->uses = 0;
	if (p->insns > 1 && !carried_out(w, p->insns - 1))
		return false;
	if (w->uses)
		world_broken(w, "a use before the last instruction");
	leave_v(w, p, v);
	enter(w, value, in->v);
	if (!carried_out(w, p->insns))
		return false;
	if (w->uses && w->use[0].rip != world_page[CODE_PAGE].addr + p->at)
		world_broken(w, "the use is not the last instruction's");
	*used = w->uses;
	v[W_USE] = *used ? V_ALL : 0;
	return !w->broken;
}

static void print_code(const uint8_t *code, unsigned len)
{
	struct insn_decoder *d = insn_decoder_create();
	const struct insn *i;

	for (unsigned k = 0; k < len; k++)
		print_error("%02x%s", code[k], k + 1 < len ? " " : "\n");
	for (unsigned k = 0; k < len; k += insn_length(i)) {
		i = insn_decode(d, INSN_MODE_64, code + k, len - k);
		if (!i)
			break;
		print_error("\t%s\n", insn_text(i));
	}
	insn_decoder_destroy(d);
}

static void print_word(unsigned k, uint64_t value, uint64_t v)
{
	static const char *const areas[] = { "A", "B", "stack" };
	static const char *const gprs[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

	if (k < INSN_GPRS)
		print_error("\t%s", gprs[k]);
	else if (k < W_FLAGS)
		print_error("\t%s+%#x", areas[(k - W_A) / 8], (k - W_A) % 8 * 8);
	else
		print_error("\t%s", k == W_FLAGS ? "flags" : "the use");
	print_error(" %#lx, V %#lx\n", value, v);
}

static bool interesting(unsigned k)
{
	return k == INSN_RAX || k == INSN_RCX || k == INSN_RDX || k == INSN_R8 || k == W_A ||
	       k == W_A + 1 || k == W_B || k == W_B + 1;
}

static void print_program(const char *what, unsigned number, const struct program *p,
			  const struct input *in)
{
	print_error("program %u: %s\n", number, what);
	print_code(p->code, p->len);
	for (unsigned k = 0; k < W_USE; k++)
		if (interesting(k) || in->v[k])
			print_word(k, in->value[k], in->v[k]);
}

static void contradiction(struct tally *t, unsigned number, const struct program *p,
			  const struct input *in, const char *what)
{
	t->failed++;
	if (t->shown++ < SHOWN)
		print_program(what, number, p, in);
}

static void compare(struct tally *t, unsigned number, const struct program *p,
		    const struct input *in, const uint64_t v[WORDS], const uint64_t changed[WORDS])
{
	bool wrong = false;

	for (unsigned k = 0; k < WORDS; k++)
		wrong |= changed[k] & ~v[k];
	if (!wrong)
		return;
	contradiction(t, number, p, in, "said to be defined, but changes:");
	for (unsigned k = 0; k < WORDS && t->shown <= SHOWN; k++)
		if (changed[k] & ~v[k])
			print_word(k, changed[k] & ~v[k], v[k]);
}

static void count(struct tally *t, unsigned number, const struct program *p, const struct input *in,
		  const uint64_t v[WORDS], const uint64_t changed[WORDS])
{
	const char *show = getenv("ENGINE_SHOW");
	bool used = v[W_USE], needless = used && !changed[W_USE];

	for (unsigned k = 0; k < INSN_R15; k++) {
		t->undefined_bits += __builtin_popcountll(v[k]);
		t->constant_bits += __builtin_popcountll(v[k] & ~changed[k]);
	}
	t->uses[p->kind]++;
	t->reported[p->kind] += used;
	t->needless[p->kind] += needless;
	if (needless && show && t->needless[p->kind] <= strtoul(show, NULL, 0))
		print_program("reported without need", number, p, in);
}

static void one_program(struct world *w, unsigned number, struct tally *t)
{
	struct program p;
	struct input in;
	uint64_t v[WORDS], changed[WORDS];
	unsigned dice = below(16);
	enum taste taste = dice < 2 ? ODD : dice < 5 ? VECTORS : COMMON;
	bool used;

	program_make(&p, taste);
	input_make(&in, &p);
	world_code(w, p.code, p.len);
	w->broken = NULL;
	if (!brute_force(w, &p, &in, changed) || !with_v(w, &p, &in, v, &used)) {
		contradiction(t, number, &p, &in, w->broken);
		return;
	}
	compare(t, number, &p, &in, v, changed);
	if (taste == COMMON && !in.wide) {
		count(t, number, &p, &in, v, changed);
		return;
	}
	t->others++;
	t->others_reported += used;
}

static double percent(uint64_t n, uint64_t of)
{
	return of ? 100.0 * (double)n / (double)of : 0;
}

static void print_tally(const struct tally *t, unsigned uses, unsigned needless)
{
	static const char *const kinds[] = { "branches", "addresses", "stores to user", "jumps" };

	for (unsigned k = 0; k < USES; k++)
		print_message("%u %s: %u reported, %u without need\n", t->uses[k], kinds[k],
			      t->reported[k], t->needless[k]);
	print_message("%u other programs: %u reported\n", t->others, t->others_reported);
	print_message("needless reports: %.3f %% of all uses; needlessly undefined: %.2f %% of the "
		      "undefined bits in registers\n",
		      percent(needless, uses), percent(t->constant_bits, t->undefined_bits));
}

static void test_programs(void **state)
{
	const char *env = getenv("ENGINE_SEED");
	uint64_t start = env ? strtoull(env, NULL, 0) : 20240611;
	struct world *w = malloc(sizeof(*w));
	struct tally t = { 0 };
	unsigned uses = 0, reported = 0, needless = 0;

	assert_non_null(w);
	assert_true(world_init(w));
	print_message("ENGINE_SEED=%lu, %u programs\n", start, PROGRAMS);
	for (unsigned n = 0; n < PROGRAMS; n++) {
		seed = (start + n) * 0x9e3779b97f4a7c15ull | 1;
		rnd();
		one_program(w, n, &t);
	}
	engine_destroy(w->e);
	free(w);
	for (unsigned k = 0; k < USES; k++) {
		uses += t.uses[k];
		reported += t.reported[k];
		needless += t.needless[k];
	}
	print_tally(&t, uses, needless);
	assert_int_equal(t.failed, 0);
	assert_true(reported > uses / 10 && reported < uses - uses / 4);
	assert_true(percent(needless, uses) < 1);
}

/*
 * Idioms
 */

static void run_idiom(struct world *w, size_t k)
{
	world_code(w, idioms[k].code.bytes, idioms[k].code.len);
	world_point(w->cpu.gpr);
	w->cpu.gpr[INSN_RCX] = idioms[k].cx;
	w->cpu.rflags = 2;
	w->vbits.gpr[INSN_RAX] = idioms[k].vax;
	w->vbits.gpr[INSN_RCX] = idioms[k].vcx;
	w->vbits.rflags = idioms[k].vflags;
	memcpy(w->bytes[A], &idioms[k].a, 8);
	memcpy(w->v[A], &idioms[k].va, 8);
	memset(w->bytes[OTHER], 0xf4, ENGINE_PAGE); /* for jumps to nowhere */
	world_run(w, 64);
}

static bool as_expected(const struct world *w, size_t k)
{
	uint64_t code = world_page[CODE_PAGE].addr, vb;

	memcpy(&vb, w->v[B], 8);
	if (w->window.end != ENGINE_HARDWARE || w->cpu.rip - code < idioms[k].code.len - idioms[k].left)
		print_error("idiom %zu: stopped at %#lx\n", k, w->cpu.rip - code);
	else if (w->uses != idioms[k].uses || (w->uses && w->use[0].sink != idioms[k].sink))
		print_error("idiom %zu: %u uses, the first of kind %u\n", k, w->uses,
			    w->uses ? w->use[0].sink : 0);
	else if (vb != idioms[k].vb)
		print_error("idiom %zu: V bits in B: %#lx\n", k, vb);
	else if (w->broken)
		print_error("idiom %zu: %s\n", k, w->broken);
	else
		return true;
	return false;
}

static void test_idioms(void **state)
{
	struct world *w = malloc(sizeof(*w));
	unsigned wrong = 0;

	assert_non_null(w);
	for (size_t k = 0; k < sizeof(idioms) / sizeof(idioms[0]); k++) {
		assert_true(world_init(w));
		run_idiom(w, k);
		if (!as_expected(w, k)) {
			wrong++;
			print_code(idioms[k].code.bytes, (unsigned)idioms[k].code.len);
		}
		engine_destroy(w->e);
	}
	free(w);
	assert_int_equal(wrong, 0);
}

/* A report names where its undefined bits were loaded from. */
static void test_origin(void **state)
{
	/* mov 0x10(%rbx),%rcx; shl %rcx; js .+2; test %rax,%rax; je .+9 */
	static const uint8_t code[] = "\x48\x8b\x4b\x10\x48\xd1\xe1\x78\x00\x48\x85\xc0\x74\x07";
	struct world *w = world_start(code, sizeof(code) - 1);

	w->v[A][0x17] = 0x40;
	w->vbits.gpr[INSN_RAX] = 1;
	world_run(w, 64);
	assert_int_equal(w->uses, 2);
	assert_int_equal(w->use[0].sink, ENGINE_BRANCH);
	assert_int_equal(w->use[0].vbits & SF, SF);
	assert_int_equal(w->use[0].rip, world_page[CODE_PAGE].addr + 7);
	assert_non_null(w->use[0].origin);
	assert_int_equal(w->origin[0].addr.v, world_page[A].addr + 0x10);
	assert_int_equal(w->origin[0].gpa, GPA + A * ENGINE_PAGE + 0x10);
	assert_int_equal(w->origin[0].rip, world_page[CODE_PAGE].addr);
	assert_int_equal(w->origin[0].len, 8);
	assert_int_equal(w->origin[0].v[7], 0x40);
	assert_int_equal(w->use[1].rip, world_page[CODE_PAGE].addr + 12);
	assert_null(w->use[1].origin);
	engine_destroy(w->e);
	free(w);
}

/* So does what is stored in tracked memory: by way of registers, the stack, rep movs and xmm registers. */
static void test_copied(void **state)
{
	/* mov 0x10(%rbx),%rcx; push %rcx; pop %rdx; mov %edx,0x20(%rsi) */
	static const uint8_t moves[] = "\x48\x8b\x4b\x10\x51\x5a\x89\x56\x20";
	/* xchg %rbx,%rsi; lea 0x100(%rbx),%rdi; add $0x10,%rsi; mov $8,%ecx; rep movsb */
	static const uint8_t string[] = "\x48\x87\xde\x48\x8d\xbb\x00\x01\x00\x00"
					"\x48\x83\xc6\x10\xb9\x08\x00\x00\x00\xf3\xa4";
	/* movups 0x10(%rbx),%xmm1; movups %xmm1,(%rsi) */
	static const uint8_t vector[] = "\x0f\x10\x4b\x10\x0f\x11\x0e";
	static const struct {
		const uint8_t *code;
		size_t len;
		uint32_t loaded;
	} cases[] = { { moves, sizeof(moves) - 1, 8 },
		      { string, sizeof(string) - 1, 8 },
		      { vector, sizeof(vector) - 1, 16 } };

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct world *w = world_start(cases[n].code, cases[n].len);

		w->v[A][0x11] = 0xff;
		world_run(w, 64);
		assert_null(w->broken);
		assert_int_equal(w->uses, 0);
		assert_int_equal(w->copies, 1);
		assert_int_equal(w->copied[0].gpa, GPA + A * ENGINE_PAGE + 0x10);
		assert_int_equal(w->copied[0].len, cases[n].loaded);
		assert_int_equal(w->copied[0].v[1], 0xff);
		engine_destroy(w->e);
		free(w);
	}
}

/* In callbacks the registers are those of the start of the instruction. */
static void test_cpu_at_call(void **state)
{
	/* mov $5,%al; mov %eax,(%rbx); mov $6,%al */
	static const uint8_t access[] = "\xb0\x05\x89\x03\xb0\x06";
	/* mov $5,%al; test %ecx,%ecx; je .+2; mov $6,%al */
	static const uint8_t use[] = "\xb0\x05\x85\xc9\x74\x00\xb0\x06";
	struct world *w = world_start(access, sizeof(access) - 1);

	world_run(w, 64);
	assert_int_equal(w->rip_at_call, world_page[CODE_PAGE].addr + 2);
	assert_int_equal(w->rax_at_call, 5);
	world_code(w, use, sizeof(use) - 1);
	w->vbits.gpr[INSN_RCX] = 1;
	world_run(w, 64);
	assert_int_equal(w->uses, 1);
	assert_int_equal(w->rip_at_call, world_page[CODE_PAGE].addr + 4);
	assert_int_equal(w->rax_at_call, 5);
	engine_destroy(w->e);
	free(w);
}

/* A window ends where it is told to, but not with undefined bits, and not before anything is done. */
static void test_leaves(void **state)
{
	/* mov (%rbx),%ecx; jmp 1f; ... 1: inc %eax; hlt */
	static const uint8_t code[] = "\x8b\x0b\xeb\x04\xf4\xf4\xf4\xf4\xff\xc0\xf4";
	const uint64_t at = world_page[CODE_PAGE].addr;
	struct world *w = world_start(code, sizeof(code) - 1);

	w->answer = ENGINE_LEAVE;
	w->enter = 8, w->enter_end = 16;
	/* The second time the way there is known. */
	for (unsigned n = 0; n < 2; n++) {
		world_run(w, 64);
		assert_int_equal(w->window.end, ENGINE_OVER);
		assert_int_equal(w->window.insns, 2);
		assert_int_equal(w->cpu.rip, at + 8);
	}
	w->v[A][0] = 1;
	for (unsigned n = 0; n < 2; n++) {
		world_run(w, 64);
		assert_int_equal(w->asked, 2);
		assert_int_equal(w->window.end, ENGINE_HARDWARE);
		assert_int_equal(w->cpu.rip, at + 10);
	}
	w->answer = ENGINE_GO_ON;
	w->v[A][0] = 0;
	world_run(w, 64);
	assert_int_equal(w->asked, 2);
	assert_int_equal(w->cpu.rip, at + 10);
	w->enter_end = 0;
	world_run(w, 64);
	assert_int_equal(w->asked, 0);
	assert_int_equal(w->cpu.rip, at + 10);
	engine_destroy(w->e);
	free(w);
}

/* A function that somebody else carries out is returned from each time, its code is not run. */
static void test_called(void **state)
{
	/* mov (%rbx),%ecx; mov $5,%al; call 1f; call 1f; inc %edx; hlt; 1: hlt */
	static const uint8_t code[] = "\x8b\x0b\xb0\x05\xe8\x08\x00\x00\x00\xe8\x03\x00\x00\x00"
				      "\xff\xc2\xf4\xf4";
	const uint64_t at = world_page[CODE_PAGE].addr;
	struct world *w = world_start(code, sizeof(code) - 1);
	uint64_t rsp = w->cpu.gpr[INSN_RSP], rdx = w->cpu.gpr[INSN_RDX];

	w->answer = ENGINE_CALLED;
	w->enter = 17, w->enter_end = 18;
	for (unsigned n = 0; n < 4; n++) {
		w->v[A][0] = n / 2; /* also where undefined bits are carried along */
		world_run(w, 64);
		assert_int_equal(w->asked, 2);
		assert_int_equal(w->rax_at_call & 0xff, 5);
		assert_int_equal(w->rip_at_call, at + 17);
		assert_int_equal(w->window.insns, 2 + 2 + 2 + 1);
		assert_int_equal(w->cpu.rip, at + 16);
		assert_int_equal(w->cpu.gpr[INSN_RSP], rsp);
		assert_int_equal((uint32_t)w->cpu.gpr[INSN_RDX], (uint32_t)++rdx);
		assert_int_equal(w->vbits.gpr[INSN_RCX], w->v[A][0]);
		memset(&w->vbits, 0, sizeof(w->vbits));
	}
	/* A loop of nothing else ends as others do: 1: call 2f; jmp 1b; 2: hlt */
	world_code(w, (const uint8_t *)"\x8b\x0b\xe8\x02\x00\x00\x00\xeb\xf9", 9);
	w->enter = 9, w->enter_end = 10;
	w->v[A][0] = 0;
	world_run(w, 64);
	assert_int_equal(w->window.end, ENGINE_OVER);
	engine_destroy(w->e);
	free(w);
}

/* Where one begins in there it ends when it comes there again, but not for a few instructions elsewhere. */
static void test_leaves_again(void **state)
{
	/* mov (%rbx),%ecx; jmp 1f; 2: inc %eax; jmp 3f; hlt; ... 1: nops; jmp 2b; 3: hlt */
	static const uint8_t head[] = "\x8b\x0b\xeb\x0a\xff\xc0\xeb\x00";
	const uint64_t at = world_page[CODE_PAGE].addr;
	const unsigned nops[] = { 1, 14, 15, 30 };

	for (unsigned n = 0; n < sizeof(nops) / sizeof(nops[0]); n++) {
		struct world *w = world_start(head, sizeof(head) - 1);
		uint8_t *code = w->bytes[CODE_PAGE];

		memset(code + 14, 0x90, nops[n]);
		code[14 + nops[n]] = 0xeb;
		code[15 + nops[n]] = (uint8_t)(4 - (16 + (int)nops[n]));
		w->answer = ENGINE_LEAVE;
		w->enter = 0, w->enter_end = 14;
		for (unsigned k = 0; k < 2; k++) {
			world_run(w, 64);
			assert_int_equal(w->window.end, nops[n] < 15 ? ENGINE_HARDWARE : ENGINE_OVER);
			assert_int_equal(w->cpu.rip, at + (nops[n] < 15 ? 8 : 4));
		}
		engine_destroy(w->e);
		free(w);
	}
}

/* The clock is read where somebody knows it; what it is read into is defined. */
static void test_clock(void **state)
{
	/* mov (%rbx),%eax; mov %eax,%ecx; mov %eax,%edx; rdtsc; hlt, and the same with rdtscp */
	static const uint8_t tsc[] = "\x8b\x03\x89\xc1\x89\xc2\x0f\x31\xf4";
	static const uint8_t tscp[] = "\x8b\x03\x89\xc1\x89\xc2\x0f\x01\xf9\xf4";
	struct world *w = world_start(tsc, sizeof(tsc) - 1);

	w->v[A][0] = 1;
	world_run(w, 64);
	assert_int_equal(w->window.end, ENGINE_HARDWARE);
	assert_int_equal(w->cpu.rip, world_page[CODE_PAGE].addr + 6);
	for (unsigned aux = 0; aux < 2; aux++) {
		if (aux)
			world_code(w, tscp, sizeof(tscp) - 1);
		w->clock = 0x123456789abcdef0;
		w->cpu.gpr[INSN_RCX] = 0;
		world_run(w, 64);
		assert_int_equal(w->cpu.rip, world_page[CODE_PAGE].addr + sizeof(tsc) - 2 + aux);
		assert_int_equal(w->cpu.gpr[INSN_RAX], 0x9abcdef0);
		assert_int_equal(w->cpu.gpr[INSN_RDX], 0x12345678);
		assert_int_equal(w->vbits.gpr[INSN_RAX] | w->vbits.gpr[INSN_RDX], 0);
		assert_int_equal(w->vbits.gpr[INSN_RCX], !aux);
		assert_true(!aux || w->cpu.gpr[INSN_RCX] == 5);
		memset(&w->vbits, 0, sizeof(w->vbits));
	}
	engine_destroy(w->e);
	free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idioms),	 cmocka_unit_test(test_origin),
		cmocka_unit_test(test_copied),	 cmocka_unit_test(test_cpu_at_call),
		cmocka_unit_test(test_leaves),	 cmocka_unit_test(test_leaves_again),
		cmocka_unit_test(test_called),	 cmocka_unit_test(test_clock),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
