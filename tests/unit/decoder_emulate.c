// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_emulate.c: emu_basic() against the CPU, and what it must refuse.
 *
 * The oracle executes the same bytes natively on one buffer and emulates them on a copy; memory,
 * registers and the flags that the manual defines must agree. Refusals and faults have tables of
 * their own, each next to a twin that is carried out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "emulate.h"

#define PAGE	     4096u
#define WINDOW	     1024u /* bytes that an instruction may reach and that are compared */
#define ROUNDS	     4000  /* of each opcode of each form */
#define MIN_CASES    300000u
#define MAX_REPORTED 10

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define TF 0x100u
#define OF 0x800u
#define AC 0x40000u
#define STATUS	   (CF | PF | AF | ZF | SF | OF)
#define RFLAGS_ON  0x202u /* interrupts, and the bit that is always set */

struct regs {
	uint64_t gpr[INSN_GPRS];
	uint64_t rflags;
};

/* Loads all registers and flags, jumps to native_code and comes back at native_back. */
void native_run(struct regs *r);
void native_back(void);
extern void *native_code;

__asm__(".pushsection .data\n"
	".globl native_code\n"
	"native_code: .quad 0\n"
	"native_rsp: .quad 0\n"
	".popsection\n"
	".pushsection .text\n"
	".globl native_run, native_back\n"
	".type native_run, @function\n"
	"native_run:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	push %rdi\n"
	"	mov %rsp, native_rsp(%rip)\n"
	"	push 128(%rdi); popfq\n"
	"	mov %rdi, %rax\n"
	"	mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rbx; mov 32(%rax), %rsp\n"
	"	mov 40(%rax), %rbp; mov 48(%rax), %rsi; mov 56(%rax), %rdi; mov 64(%rax), %r8\n"
	"	mov 72(%rax), %r9; mov 80(%rax), %r10; mov 88(%rax), %r11; mov 96(%rax), %r12\n"
	"	mov 104(%rax), %r13; mov 112(%rax), %r14; mov 120(%rax), %r15; mov (%rax), %rax\n"
	"	jmp *native_code(%rip)\n"
	"native_back:\n"
	"	xchg %rsp, native_rsp(%rip)\n"
	"	push %rax\n"
	"	pushfq\n"
	"	mov 16(%rsp), %rax\n"
	"	mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rbx, 24(%rax); mov %rbp, 40(%rax)\n"
	"	mov %rsi, 48(%rax); mov %rdi, 56(%rax); mov %r8, 64(%rax); mov %r9, 72(%rax)\n"
	"	mov %r10, 80(%rax); mov %r11, 88(%rax); mov %r12, 96(%rax); mov %r13, 104(%rax)\n"
	"	mov %r14, 112(%rax); mov %r15, 120(%rax)\n"
	"	mov native_rsp(%rip), %rcx; mov %rcx, 32(%rax)\n"
	"	pop %rcx; mov %rcx, 128(%rax); pop %rcx; mov %rcx, (%rax)\n"
	"	pop %rdi\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

/* Guest memory: WINDOW bytes at base, kept in bytes. */
struct memory {
	uint64_t base;
	uint8_t *bytes;
	bool deny_read, deny_write;
	unsigned probes, reads, writes;
	uint32_t len; /* of the last call */
	bool outside; /* a call was not within the window or not within a page */
};

static int reach(struct memory *m, gva_t addr, uint32_t len, bool deny)
{
	m->len = len;
	if (len == 0 || addr.v < m->base || addr.v - m->base + len > WINDOW ||
	    (addr.v & (PAGE - 1)) + len > PAGE) {
		m->outside = true;
		return -1;
	}
	return deny ? -1 : 0;
}

static int mem_probe(void *ctx, gva_t addr, uint32_t len, bool write)
{
	struct memory *m = ctx;

	m->probes++;
	return reach(m, addr, len, write ? m->deny_write : m->deny_read);
}

static int mem_read(void *ctx, gva_t addr, void *buf, uint32_t len)
{
	struct memory *m = ctx;
	int ret = reach(m, addr, len, m->deny_read);

	m->reads++;
	if (!ret)
		memcpy(buf, m->bytes + (addr.v - m->base), len);
	return ret;
}

static int mem_write(void *ctx, gva_t addr, const void *buf, uint32_t len)
{
	struct memory *m = ctx;
	int ret = reach(m, addr, len, m->deny_write);

	m->writes++;
	if (!ret)
		memcpy(m->bytes + (addr.v - m->base), buf, len);
	return ret;
}

static enum emu_result emulate(const struct insn *i, struct insn_cpu *cpu, struct memory *m)
{
	const struct emu_memory mem = { .ctx = m, .probe = mem_probe, .read = mem_read,
					.write = mem_write };

	return emu_basic(i, cpu, &mem);
}

/* Deterministic, so that a failing case can be found again (xorshift64*). */
static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t n)
{
	return (rnd() >> 11) % n;
}

/* Half of them at the edges where flags change. */
static uint64_t value(void)
{
	static const uint64_t edges[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		INT64_MAX, 1ull << 63, UINT64_MAX, 0x8080808080808080, 0x0f0f0f0f0f0f0f0f,
	};

	if (below(2))
		return rnd();
	return edges[below(sizeof(edges) / sizeof(edges[0]))] + (below(4) == 0 ? below(5) - 2 : 0);
}

/* --------------------------------------------------------------- against the CPU */

enum { ANY = 8 }; /* the ModRM field names a register */
enum imm { NO_IMM, IMM8, IMM_OP, IMM_BYTE_OR_OP, MOFFS };
enum quirk { PLAIN, NO_66, BIT_OFFSET, SHIFT_IMM, SHIFT_ONE, SHIFT_CL };

static const struct form {
	const char *name;
	uint8_t map, first, last; /* opcodes */
	uint8_t digit;
	uint8_t imm;   /* enum imm */
	uint8_t quirk; /* enum quirk */
	uint32_t undefined; /* flags */
} forms[] = {
	{ "add", 0, 0x00, 0x03, ANY, NO_IMM, PLAIN, 0 },
	{ "or", 0, 0x08, 0x0b, ANY, NO_IMM, PLAIN, AF },
	{ "adc", 0, 0x10, 0x13, ANY, NO_IMM, PLAIN, 0 },
	{ "sbb", 0, 0x18, 0x1b, ANY, NO_IMM, PLAIN, 0 },
	{ "and", 0, 0x20, 0x23, ANY, NO_IMM, PLAIN, AF },
	{ "sub", 0, 0x28, 0x2b, ANY, NO_IMM, PLAIN, 0 },
	{ "xor", 0, 0x30, 0x33, ANY, NO_IMM, PLAIN, AF },
	{ "cmp", 0, 0x38, 0x3b, ANY, NO_IMM, PLAIN, 0 },
	{ "add imm", 0, 0x80, 0x81, 0, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "or imm", 0, 0x80, 0x81, 1, IMM_BYTE_OR_OP, PLAIN, AF },
	{ "adc imm", 0, 0x80, 0x81, 2, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "sbb imm", 0, 0x80, 0x81, 3, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "and imm", 0, 0x80, 0x81, 4, IMM_BYTE_OR_OP, PLAIN, AF },
	{ "sub imm", 0, 0x80, 0x81, 5, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "xor imm", 0, 0x80, 0x81, 6, IMM_BYTE_OR_OP, PLAIN, AF },
	{ "cmp imm", 0, 0x80, 0x81, 7, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "add imm8", 0, 0x83, 0x83, 0, IMM8, PLAIN, 0 },
	{ "or imm8", 0, 0x83, 0x83, 1, IMM8, PLAIN, AF },
	{ "adc imm8", 0, 0x83, 0x83, 2, IMM8, PLAIN, 0 },
	{ "sbb imm8", 0, 0x83, 0x83, 3, IMM8, PLAIN, 0 },
	{ "and imm8", 0, 0x83, 0x83, 4, IMM8, PLAIN, AF },
	{ "sub imm8", 0, 0x83, 0x83, 5, IMM8, PLAIN, 0 },
	{ "xor imm8", 0, 0x83, 0x83, 6, IMM8, PLAIN, AF },
	{ "cmp imm8", 0, 0x83, 0x83, 7, IMM8, PLAIN, 0 },
	{ "test", 0, 0x84, 0x85, ANY, NO_IMM, PLAIN, AF },
	{ "test imm", 0, 0xf6, 0xf7, 0, IMM_BYTE_OR_OP, PLAIN, AF },
	{ "not", 0, 0xf6, 0xf7, 2, NO_IMM, PLAIN, 0 },
	{ "neg", 0, 0xf6, 0xf7, 3, NO_IMM, PLAIN, 0 },
	{ "inc", 0, 0xfe, 0xff, 0, NO_IMM, PLAIN, 0 },
	{ "dec", 0, 0xfe, 0xff, 1, NO_IMM, PLAIN, 0 },
	{ "mov", 0, 0x88, 0x8b, ANY, NO_IMM, PLAIN, 0 },
	{ "mov moffs", 0, 0xa0, 0xa3, ANY, MOFFS, PLAIN, 0 },
	{ "mov imm", 0, 0xc6, 0xc7, 0, IMM_BYTE_OR_OP, PLAIN, 0 },
	{ "movnti", 1, 0xc3, 0xc3, ANY, NO_IMM, NO_66, 0 },
	{ "movsxd", 0, 0x63, 0x63, ANY, NO_IMM, NO_66, 0 },
	{ "movzx", 1, 0xb6, 0xb7, ANY, NO_IMM, PLAIN, 0 },
	{ "movsx", 1, 0xbe, 0xbf, ANY, NO_IMM, PLAIN, 0 },
	{ "movbe", 2, 0xf0, 0xf1, ANY, NO_IMM, PLAIN, 0 },
	{ "cmov", 1, 0x40, 0x4f, ANY, NO_IMM, PLAIN, 0 },
	{ "set", 1, 0x90, 0x9f, 0, NO_IMM, PLAIN, 0 },
	{ "imul", 1, 0xaf, 0xaf, ANY, NO_IMM, PLAIN, SF | ZF | AF | PF },
	{ "imul imm", 0, 0x69, 0x69, ANY, IMM_OP, PLAIN, SF | ZF | AF | PF },
	{ "imul imm8", 0, 0x6b, 0x6b, ANY, IMM8, PLAIN, SF | ZF | AF | PF },
	{ "bt", 1, 0xa3, 0xa3, ANY, NO_IMM, BIT_OFFSET, OF | SF | AF | PF },
	{ "bts", 1, 0xab, 0xab, ANY, NO_IMM, BIT_OFFSET, OF | SF | AF | PF },
	{ "btr", 1, 0xb3, 0xb3, ANY, NO_IMM, BIT_OFFSET, OF | SF | AF | PF },
	{ "btc", 1, 0xbb, 0xbb, ANY, NO_IMM, BIT_OFFSET, OF | SF | AF | PF },
	{ "bt imm", 1, 0xba, 0xba, 4, IMM8, PLAIN, OF | SF | AF | PF },
	{ "bts imm", 1, 0xba, 0xba, 5, IMM8, PLAIN, OF | SF | AF | PF },
	{ "btr imm", 1, 0xba, 0xba, 6, IMM8, PLAIN, OF | SF | AF | PF },
	{ "btc imm", 1, 0xba, 0xba, 7, IMM8, PLAIN, OF | SF | AF | PF },
	{ "shl imm", 0, 0xc0, 0xc1, 4, IMM8, SHIFT_IMM, AF },
	{ "shr imm", 0, 0xc0, 0xc1, 5, IMM8, SHIFT_IMM, AF },
	{ "sar imm", 0, 0xc0, 0xc1, 7, IMM8, SHIFT_IMM, AF },
	{ "shl one", 0, 0xd0, 0xd1, 4, NO_IMM, SHIFT_ONE, AF },
	{ "shr one", 0, 0xd0, 0xd1, 5, NO_IMM, SHIFT_ONE, AF },
	{ "sar one", 0, 0xd0, 0xd1, 7, NO_IMM, SHIFT_ONE, AF },
	{ "shl cl", 0, 0xd2, 0xd3, 4, NO_IMM, SHIFT_CL, AF },
	{ "shr cl", 0, 0xd2, 0xd3, 5, NO_IMM, SHIFT_CL, AF },
	{ "sar cl", 0, 0xd2, 0xd3, 7, NO_IMM, SHIFT_CL, AF },
};

static uint8_t *code, *window; /* window: in the middle of pages of its own */
static uint8_t copy[WINDOW];   /* what the emulator works on */

static int map_pages(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	uint8_t *data = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);

	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
	if (code == MAP_FAILED || data == MAP_FAILED)
		return -1;
	window = data + PAGE - WINDOW;
	for (unsigned k = 0; k < WINDOW; k++)
		window[k] = copy[k] = (uint8_t)rnd();
	return 0;
}

/* One case: an instruction, and where its operand is. */
struct test_case {
	const struct form *form;
	uint8_t bytes[INSN_MAX_BYTES];
	size_t len;
	uint8_t opcode, rex; /* rex: 0: none */
	unsigned opsize;     /* bytes */
	unsigned reg;	     /* ModRM's field with its REX bit */
	bool sib;
	int32_t disp;
	uint64_t imm;
	uint64_t target; /* linear address that base, index and displacement give */
	struct insn_cpu cpu;
};

static void put(struct test_case *t, uint64_t bytes, unsigned n)
{
	memcpy(t->bytes + t->len, &bytes, n);
	t->len += n;
}

static void put_prefixes(struct test_case *t)
{
	bool small = t->form->quirk != NO_66 && below(4) == 0;

	t->rex = below(3) ? (uint8_t)(0x40 | below(16)) : 0;
	t->opsize = t->rex & 8 ? 8 : small ? 2 : 4;
	if (small)
		put(t, 0x66, 1);
	if (below(8) == 0)
		put(t, 0x3e, 1); /* ds: means nothing */
	if (t->rex)
		put(t, t->rex, 1);
	if (t->form->map)
		put(t, 0x0f, 1);
	if (t->form->map == 2)
		put(t, 0x38, 1);
	put(t, t->opcode, 1);
}

/* [rbx] or [rbx + rcx * 4 + disp32], or with r11 and r9 instead. */
static void put_operand(struct test_case *t)
{
	unsigned field = t->form->digit == ANY ? (unsigned)below(8) : t->form->digit;

	if (t->form->quirk == BIT_OFFSET && (field == INSN_RBX || field == INSN_RCX))
		field = INSN_RDX; /* its number, also plus 8, is no part of the address */
	t->reg = field | (t->rex & 4 ? 8u : 0);
	t->sib = below(2);
	put(t, (t->sib ? 0x84 : 0x03) | field << 3, 1);
	if (!t->sib)
		return;
	put(t, 2 << 6 | 1 << 3 | 3, 1);
	put(t, (uint32_t)t->disp, 4);
}

static void put_immediate(struct test_case *t)
{
	unsigned n[] = { [NO_IMM] = 0, [IMM8] = 1, [IMM_OP] = t->opsize, [MOFFS] = 8,
			 [IMM_BYTE_OR_OP] = t->opcode & 1 ? t->opsize : 1 };
	unsigned bytes = n[t->form->imm];

	if (t->form->imm != MOFFS && bytes > 4)
		bytes = 4;
	t->imm = t->form->imm == MOFFS ? t->target : value();
	if (t->form->quirk == SHIFT_IMM && below(2))
		t->imm = below(9);
	put(t, t->imm, bytes);
}

static void make_registers(struct test_case *t)
{
	uint64_t *gpr = t->cpu.gpr;
	unsigned base = t->rex & 1 ? INSN_R11 : INSN_RBX;
	unsigned index = t->rex & 2 ? INSN_R9 : INSN_RCX;
	uint64_t low = t->opsize == 8 ? UINT64_MAX : (1ull << (8 * t->opsize)) - 1;

	t->cpu.mode = INSN_MODE_64;
	t->cpu.rip = (uint64_t)code;
	t->cpu.rflags = RFLAGS_ON | (rnd() & STATUS);
	for (unsigned k = 0; k < INSN_GPRS; k++)
		gpr[k] = value();
	if (t->form->quirk == SHIFT_CL && below(2))
		gpr[INSN_RCX] = below(9);
	if (t->form->quirk == BIT_OFFSET)
		gpr[t->reg] = (gpr[t->reg] & ~low) | ((below(2048) - 1024) & low);
	gpr[base] = t->target;
	if (t->sib)
		gpr[base] -= (gpr[index] << 2) + (uint64_t)(int64_t)t->disp;
}

static void make_case(struct test_case *t, const struct form *f, uint8_t opcode)
{
	uint64_t offset = WINDOW / 2 + below(64), v = value();

	memset(t, 0, sizeof(*t));
	t->form = f;
	t->opcode = opcode;
	t->target = (uint64_t)window + offset;
	t->disp = (int32_t)rnd();
	memcpy(window + offset, &v, sizeof(v));
	memcpy(copy + offset, &v, sizeof(v));
	put_prefixes(t);
	if (f->imm != MOFFS)
		put_operand(t);
	put_immediate(t);
	make_registers(t);
}

/* Flags of a shift depend on its count (SDM vol. 2, SAL/SAR/SHL/SHR). */
static uint32_t undefined_flags(const struct test_case *t)
{
	unsigned bytes = t->opcode & 1 ? t->opsize : 1;
	uint64_t count = 1;

	if (t->form->quirk == SHIFT_IMM)
		count = t->imm;
	else if (t->form->quirk == SHIFT_CL)
		count = t->cpu.gpr[INSN_RCX];
	else if (t->form->quirk != SHIFT_ONE)
		return t->form->undefined;
	count &= bytes == 8 ? 63 : 31;
	if (count == 0)
		return 0;
	return AF | (count == 1 ? 0 : OF) | (count >= 8 * bytes && t->form->digit != 7 ? CF : 0);
}

static void execute(const struct test_case *t, struct regs *r)
{
	static const uint8_t jump[6] = { 0xff, 0x25 };
	void (*back)(void) = native_back;

	memcpy(code, t->bytes, t->len);
	memcpy(code + t->len, jump, sizeof(jump));
	memcpy(code + t->len + sizeof(jump), &back, sizeof(back));
	native_code = code;
	memcpy(r->gpr, t->cpu.gpr, sizeof(r->gpr));
	r->rflags = t->cpu.rflags;
	native_run(r);
}

/* NULL, or what differs. */
static const char *compare(const struct test_case *t, const struct insn *i)
{
	struct memory m = { .base = (uint64_t)window, .bytes = copy };
	struct insn_cpu cpu = t->cpu;
	struct insn_access a[INSN_MAX_ACCESS];
	struct regs r;

	if (insn_accesses(i, &t->cpu, a) != 1)
		return "accesses";
	if (emulate(i, &cpu, &m) != EMU_DONE)
		return "not emulated";
	execute(t, &r);
	if (m.outside || m.len != a[0].size ||
	    m.probes != (a[0].how == (INSN_READ | INSN_WRITE)) ||
	    m.reads != !!(a[0].how & INSN_READ) || m.writes != !!(a[0].how & INSN_WRITE))
		return "calls of the callbacks";
	if (memcmp(copy, window, WINDOW) != 0)
		return "memory";
	if (memcmp(cpu.gpr, r.gpr, sizeof(r.gpr)) != 0)
		return "registers";
	if ((cpu.rflags ^ r.rflags) & STATUS & ~undefined_flags(t))
		return "flags";
	if ((cpu.rflags ^ t->cpu.rflags) & ~(uint64_t)STATUS)
		return "other flags";
	return cpu.rip == t->cpu.rip + t->len ? NULL : "rip";
}

static void report(const struct test_case *t, const struct insn *i, const char *wrong)
{
	print_error("%s: %s: %s;", t->form->name, i ? insn_text(i) : "?", wrong);
	for (size_t k = 0; k < t->len; k++)
		print_error(" %02x", t->bytes[k]);
	print_error("\n");
}

static void test_native(void **state)
{
	struct insn_decoder *d = insn_decoder_create();
	unsigned cases = 0, wrong = 0;

	assert_non_null(d);
	for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
		const struct form *f = &forms[k];

		for (unsigned n = 0; n < (f->last - f->first + 1u) * ROUNDS; n++) {
			struct test_case t;
			const struct insn *i;
			const char *what;

			make_case(&t, f, (uint8_t)(f->first + n / ROUNDS));
			i = insn_decode(d, INSN_MODE_64, t.bytes, t.len);
			what = i && insn_length(i) == t.len ? compare(&t, i) : "not decoded";
			cases++;
			if (!what)
				continue;
			memcpy(copy, window, WINDOW);
			if (wrong++ < MAX_REPORTED)
				report(&t, i, what);
		}
	}
	insn_decoder_destroy(d);
	print_message("%u cases, %u differ\n", cases, wrong);
	assert_int_equal(wrong, 0);
	assert_true(cases >= MIN_CASES);
}

/* --------------------------------------------------------------- refusals and faults */

#define BASE 0x10000u /* of the window: a quarter of a page before its end */
#define EDGE (PAGE - WINDOW)

struct outcome_case {
	const char *name;
	uint8_t bytes[INSN_MAX_BYTES];
	uint8_t len;
	enum emu_result result;
	uint32_t offset; /* of rbx, the operand's address, in the window */
	uint64_t rflags;
	bool deny_read, deny_write;
	enum insn_mode mode;
};

#define BYTES(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
#define NO  EMU_UNSUPPORTED
#define YES EMU_DONE

static const struct outcome_case refusals[] = {
	{ .name = "add", BYTES(0x01, 0x03), YES },
	{ .name = "lock add", BYTES(0xf0, 0x01, 0x03), NO },
	{ .name = "rep mov", BYTES(0xf3, 0x89, 0x03), NO },
	{ .name = "mov with fs", BYTES(0x64, 0x8b, 0x03), YES },
	{ .name = "xchg", BYTES(0x87, 0x03), NO },
	{ .name = "xadd", BYTES(0x0f, 0xc1, 0x03), NO },
	{ .name = "cmpxchg", BYTES(0x0f, 0xb1, 0x03), NO },
	{ .name = "lock bts", BYTES(0xf0, 0x0f, 0xab, 0x03), NO },
	{ .name = "add, last of its page", BYTES(0x01, 0x03), YES, .offset = WINDOW - 4 },
	{ .name = "add across pages", BYTES(0x01, 0x03), NO, .offset = WINDOW - 3 },
	{ .name = "mov across pages", BYTES(0x48, 0x8b, 0x03), NO, .offset = WINDOW - 1 },
	{ .name = "byte mov there", BYTES(0x8a, 0x03), YES, .offset = WINDOW - 1 },
	{ .name = "mov, single-stepped", BYTES(0x8b, 0x03), NO, .rflags = TF },
	{ .name = "mov, misaligned with AC", BYTES(0x8b, 0x03), NO, .offset = 2, .rflags = AC },
	{ .name = "mov, misaligned", BYTES(0x8b, 0x03), YES, .offset = 2 },
	{ .name = "mov, aligned with AC", BYTES(0x8b, 0x03), YES, .offset = 4, .rflags = AC },
	{ .name = "mov in 32-bit mode", BYTES(0x8b, 0x03), NO, .mode = INSN_MODE_32 },
	{ .name = "mov of registers", BYTES(0x8b, 0xc3), NO },
	{ .name = "lea", BYTES(0x8d, 0x03), NO },
	{ .name = "mov from ds", BYTES(0x8c, 0x1b), NO },
	{ .name = "mov to ds", BYTES(0x8e, 0x1b), NO },
	{ .name = "push", BYTES(0xff, 0x33), NO },
	{ .name = "pop", BYTES(0x8f, 0x03), NO },
	{ .name = "call", BYTES(0xff, 0x13), NO },
	{ .name = "jmp", BYTES(0xff, 0x23), NO },
	{ .name = "inc", BYTES(0xff, 0x03), YES },
	{ .name = "mul", BYTES(0xf7, 0x23), NO },
	{ .name = "div", BYTES(0xf7, 0x33), NO },
	{ .name = "not", BYTES(0xf7, 0x13), YES },
	{ .name = "rol", BYTES(0xd1, 0x03), NO },
	{ .name = "shl", BYTES(0xd1, 0x23), YES },
	{ .name = "shld", BYTES(0x0f, 0xa4, 0x03, 0x01), NO },
	{ .name = "movsxd of a word", BYTES(0x66, 0x63, 0x03), NO },
	{ .name = "movsxd", BYTES(0x48, 0x63, 0x03), YES },
	{ .name = "crc32", BYTES(0xf2, 0x0f, 0x38, 0xf1, 0x03), NO },
	{ .name = "movbe", BYTES(0x0f, 0x38, 0xf1, 0x03), YES },
	{ .name = "popcnt", BYTES(0xf3, 0x0f, 0xb8, 0x03), NO },
	{ .name = "bsf", BYTES(0x0f, 0xbc, 0x03), NO },
	{ .name = "movs", BYTES(0xa4), NO },
	{ .name = "movups", BYTES(0x0f, 0x10, 0x03), NO },
	{ .name = "vmovups", BYTES(0xc5, 0xf8, 0x10, 0x03), NO },
	{ .name = "andn", BYTES(0xc4, 0xe2, 0x78, 0xf2, 0x03), NO },
	{ .name = "nop", BYTES(0x0f, 0x1f, 0x03), NO },
	{ .name = "invlpg", BYTES(0x0f, 0x01, 0x3b), NO },
	{ .name = "clflush", BYTES(0x0f, 0xae, 0x3b), NO },
};

#define DENY_R .deny_read = true
#define DENY_W .deny_write = true

static const struct outcome_case faults[] = {
	{ .name = "load", BYTES(0x8b, 0x03), EMU_FAULT, DENY_R },
	{ .name = "load, read-only", BYTES(0x8b, 0x03), YES, DENY_W },
	{ .name = "store", BYTES(0x89, 0x03), EMU_FAULT, DENY_W },
	{ .name = "store, write-only", BYTES(0x89, 0x03), YES, DENY_R },
	{ .name = "store of imm", BYTES(0xc6, 0x03, 0x01), EMU_FAULT, DENY_W },
	{ .name = "set", BYTES(0x0f, 0x94, 0x03), EMU_FAULT, DENY_W },
	{ .name = "add to memory, unreadable", BYTES(0x01, 0x03), EMU_FAULT, DENY_R },
	{ .name = "add to memory, read-only", BYTES(0x01, 0x03), EMU_FAULT, DENY_W },
	{ .name = "add to memory", BYTES(0x01, 0x03), YES },
	{ .name = "add from memory", BYTES(0x03, 0x03), EMU_FAULT, DENY_R },
	{ .name = "cmp, unreadable", BYTES(0x39, 0x03), EMU_FAULT, DENY_R },
	{ .name = "cmp, read-only", BYTES(0x39, 0x03), YES, DENY_W },
	{ .name = "inc, read-only", BYTES(0xff, 0x03), EMU_FAULT, DENY_W },
	{ .name = "cmov not taken", BYTES(0x0f, 0x44, 0x03), EMU_FAULT, DENY_R },
	{ .name = "moffs", BYTES(0xa1, 0, 0x0c, 1, 0, 0, 0, 0, 0), EMU_FAULT, DENY_R },
	{ .name = "moffs, read-only", BYTES(0xa1, 0, 0x0c, 1, 0, 0, 0, 0, 0), YES, DENY_W },
};

/* What is not carried out changes nothing; a fault comes before any write. */
static const char *check_outcome(struct insn_decoder *d, const struct outcome_case *o)
{
	static uint8_t bytes[WINDOW], before[WINDOW];
	struct memory m = { .base = BASE + EDGE, .bytes = bytes, .deny_read = o->deny_read,
			    .deny_write = o->deny_write };
	const struct insn *i = insn_decode(d, o->mode, o->bytes, o->len);
	struct insn_cpu cpu = { .mode = o->mode, .rip = 0x400000, .rflags = RFLAGS_ON | o->rflags };
	struct insn_cpu old;

	for (unsigned k = 0; k < INSN_GPRS; k++)
		cpu.gpr[k] = 0x1111111111111111u * k;
	cpu.gpr[INSN_RBX] = m.base + o->offset;
	old = cpu;
	memset(bytes, 0x5a, sizeof(bytes));
	memcpy(before, bytes, sizeof(bytes));
	if (!i || insn_length(i) != o->len)
		return "is not decoded";
	if (emulate(i, &cpu, &m) != o->result)
		return "has another result";
	if (m.outside)
		return "reaches elsewhere";
	if (o->result == EMU_DONE)
		return cpu.rip == old.rip + o->len ? NULL : "does not advance";
	if (memcmp(&cpu, &old, sizeof(cpu)) != 0 || memcmp(before, bytes, sizeof(bytes)) != 0)
		return "changes something";
	if (o->deny_write && m.reads)
		return "reads before the write faults";
	if (o->result == EMU_UNSUPPORTED && m.probes + m.reads + m.writes)
		return "calls back";
	return NULL;
}

static void check_outcomes(const struct outcome_case *table, size_t n)
{
	struct insn_decoder *d = insn_decoder_create();
	unsigned wrong = 0;

	assert_non_null(d);
	for (size_t k = 0; k < n; k++) {
		const char *what = check_outcome(d, &table[k]);

		if (what && ++wrong)
			print_error("%s: %s\n", table[k].name, what);
	}
	insn_decoder_destroy(d);
	assert_int_equal(wrong, 0);
}

static void test_refusals(void **state)
{
	check_outcomes(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

static void test_faults(void **state)
{
	check_outcomes(faults, sizeof(faults) / sizeof(faults[0]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, map_pages, NULL);
}
