// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_native.c: what insn_accesses() says against what this machine's CPU does.
 *
 * Sweeps the opcode maps with a memory operand at the edge of a page and looks which page faults:
 * an operand that ends with the page must not fault, one byte further it must; on a read-only page
 * exactly the writers fault; without access exactly those fault that access at all; and what is
 * written without being read does not depend on what was there.
 *
 * Left out: what user mode cannot execute or must not (segment loads, branches, xsave, descriptor
 * tables that the kernel may emulate), and instructions with implicit accesses (golden cases).
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "insn.h"

#define PAGE		4096u
#define FAULT_WRITE	2u /* page fault error code, SDM vol. 3, 4.7 */
#define VECTOR_PF	14
#define MIN_EXECUTED	400
#define MAX_REPORTED	20

struct regs {
	uint64_t gpr[INSN_GPRS];
	uint64_t rflags;
};

/* Loads all registers but rsp, jumps to native_code and comes back from native_back. */
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
	"	mov %rdi, %rax\n"
	"	mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rbx; mov 40(%rax), %rbp\n"
	"	mov 48(%rax), %rsi; mov 56(%rax), %rdi; mov 64(%rax), %r8; mov 72(%rax), %r9\n"
	"	mov 80(%rax), %r10; mov 88(%rax), %r11; mov 96(%rax), %r12; mov 104(%rax), %r13\n"
	"	mov 112(%rax), %r14; mov 120(%rax), %r15; mov (%rax), %rax\n"
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

enum outcome { DONE, PAGE_FAULT, OTHER };

static struct {
	volatile bool fault;
	volatile uint64_t addr, error, trap;
} caught;

static uint8_t *code, *data; /* data: one page of operand and one that is never accessible */

/* Goes on at native_back, which needs no register. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	void (*back)(void) = native_back;
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;

	if ((uint64_t)regs[REG_RIP] - (uint64_t)code >= PAGE) {
		signal(sig, SIG_DFL); /* not the tested instruction: a defect of this program */
		return;
	}
	caught.fault = true;
	caught.addr = (uint64_t)regs[REG_CR2];
	caught.error = (uint64_t)regs[REG_ERR];
	caught.trap = (uint64_t)regs[REG_TRAPNO];
	regs[REG_RIP] = (greg_t)back;
}

static int map_pages(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
	data = mmap(NULL, 2 * PAGE, PROT_NONE, flags, -1, 0);
	return code == MAP_FAILED || data == MAP_FAILED ? -1 : 0;
}

/* In the test itself, because cmocka has installed its own by then; it also puts them back. */
static void catch_signals(void)
{
	static uint8_t stack[64 * 1024];
	static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };

	assert_int_equal(sigaltstack(&alt, NULL), 0);
	for (size_t k = 0; k < sizeof(signals) / sizeof(signals[0]); k++)
		assert_int_equal(sigaction(signals[k], &sa, NULL), 0);
}

/* The instruction and an absolute jump back. */
static void place_code(const uint8_t *bytes, size_t len)
{
	void (*back)(void) = native_back;
	static const uint8_t jump[6] = { 0xff, 0x25 };

	memcpy(code, bytes, len);
	memcpy(code + len, jump, sizeof(jump));
	memcpy(code + len + sizeof(jump), &back, sizeof(back));
	native_code = code;
}

static void reset_fpu(void)
{
	uint32_t mxcsr = 0x1f80;

	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

static enum outcome execute(struct regs *r)
{
	caught.fault = false;
	native_run(r);
	reset_fpu();
	if (!caught.fault)
		return DONE;
	return caught.trap == VECTOR_PF ? PAGE_FAULT : OTHER;
}

struct probe {
	struct insn_cpu cpu; /* rdi as if the operand were at offset bytes behind it */
	uint64_t offset;
	struct insn_access access;
	bool any; /* accesses something */
};

static void load_regs(const struct probe *p, uint64_t operand, struct regs *r)
{
	memcpy(r->gpr, p->cpu.gpr, sizeof(r->gpr));
	r->gpr[INSN_RDI] = operand - p->offset;
}

static enum outcome run_at(const struct probe *p, uint64_t operand, int prot, uint8_t fill,
			   struct regs *r)
{
	mprotect(data, PAGE, PROT_READ | PROT_WRITE);
	memset(data, fill, PAGE);
	mprotect(data, PAGE, prot);
	load_regs(p, operand, r);
	return execute(r);
}

static const char *check_directions(const struct probe *p, uint64_t operand)
{
	bool writes = p->access.how & INSN_WRITE;
	struct regs r;
	enum outcome o = run_at(p, operand, PROT_READ, 0, &r);

	if (writes && !(o == PAGE_FAULT && (caught.error & FAULT_WRITE)))
		return "does not write";
	if (!writes && o == PAGE_FAULT)
		return "writes";
	if (run_at(p, operand, PROT_NONE, 0, &r) != PAGE_FAULT)
		return "does not access";
	return NULL;
}

/* Whether the result depends on what the operand held. */
static const char *check_reading(const struct probe *p, uint64_t operand)
{
	static uint8_t first[PAGE];
	struct regs a, b;
	bool same;

	if (!(p->access.how & INSN_WRITE) || p->access.size > 64)
		return NULL;
	if (run_at(p, operand, PROT_READ | PROT_WRITE, 0x11, &a) != DONE)
		return NULL;
	memcpy(first, data, PAGE);
	if (run_at(p, operand, PROT_READ | PROT_WRITE, 0xee, &b) != DONE)
		return NULL;
	same = !memcmp(first + (operand - (uint64_t)data), (void *)operand, p->access.size);
	if (p->access.how == INSN_WRITE)
		return same ? NULL : "does not write all bytes, or reads";
	return same && !memcmp(&a, &b, sizeof(a)) ? "does not read" : NULL;
}

/* The same with rsp elsewhere: where spl happens to be 0, "and %spl" with it hides what it reads. */
static __attribute__((noinline)) const char *check_reading_deeper(const struct probe *p, uint64_t operand)
{
	volatile char deeper[80];
	const char *wrong;

	deeper[0] = 0;
	wrong = check_reading(p, operand);
	deeper[1] = deeper[0];
	return wrong;
}

/* NULL: agrees, or cannot be executed here (*executed stays false). */
static const char *check(const struct probe *p, bool *executed)
{
	uint64_t end = (uint64_t)data + PAGE;
	uint64_t operand = end - p->access.size;
	struct regs r;
	enum outcome o = run_at(p, operand, PROT_READ | PROT_WRITE, 0, &r);
	const char *wrong;

	if (o == OTHER)
		return NULL;
	*executed = true;
	if (o == PAGE_FAULT)
		return caught.addr >= end ? "is larger" : "is elsewhere";
	if (p->access.size > 1) {
		o = run_at(p, operand + 1, PROT_READ | PROT_WRITE, 0, &r);
		if (o == DONE)
			return "is smaller";
	}
	wrong = check_directions(p, operand);
	if (wrong)
		return wrong;
	/* Elsewhere, so that rdi as source is not all ones in its low byte. */
	operand = (uint64_t)data + PAGE / 2 + 64;
	return check_reading(p, operand) ? check_reading_deeper(p, operand) : NULL;
}

/* One that accesses nothing must not fault on a page without access. */
static const char *check_none(const struct probe *p, bool *executed)
{
	struct regs r;
	enum outcome o = run_at(p, (uint64_t)data, PROT_NONE, 0, &r);

	*executed = o != OTHER;
	return o == PAGE_FAULT ? "accesses" : NULL;
}

/* Some use rdi for more than the address, or rsp, which cannot be chosen. */
static bool only_address(const struct insn *i, const struct insn_cpu *cpu, uint64_t addr)
{
	struct insn_cpu other = *cpu;
	struct insn_access a[INSN_MAX_ACCESS];

	other.gpr[INSN_RDI] += 64;
	other.gpr[INSN_RSP] += PAGE;
	return insn_accesses(i, &other, a) == 1 && a[0].addr.v == addr + 64;
}

/* False for what this test leaves out. */
static bool make_probe(const struct insn *i, struct probe *p)
{
	struct insn_access a[INSN_MAX_ACCESS];
	int n;

	memset(p, 0, sizeof(*p));
	p->cpu.mode = INSN_MODE_64;
	for (unsigned k = 0; k < INSN_GPRS; k++)
		p->cpu.gpr[k] = 0x0123456789abcd63ull * (2 * k + 3);
	/* A shift count that leaves something of every operand. */
	p->cpu.gpr[INSN_RCX] = 0x5a5a5a5a5a5a5a01ull;
	p->cpu.gpr[INSN_RDI] = 0;
	n = insn_accesses(i, &p->cpu, a);
	if (n == 0)
		return true;
	if (n != 1 || a[0].implicit || a[0].size > 512 || !only_address(i, &p->cpu, a[0].addr.v))
		return false;
	p->access = a[0];
	p->offset = a[0].addr.v;
	p->any = true;
	return true;
}

static bool excluded(const char *name)
{
	static const char *const names[] = {
		"jmp", "ljmp", "call", "lcall", "lfs", "lgs", "lss", "sgdt", "sidt", "sldt", "str",
		"smsw", "xsave", "xsave64", "xsavec", "xsavec64", "xsaveopt", "xsaveopt64",
		"xsaves", "xsaves64", "xrstor", "xrstor64", "xrstors", "xrstors64",
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(name, names[k]) == 0)
			return true;
	return false;
}

struct sweep {
	struct insn_decoder *d;
	unsigned executed, wrong;
};

/* bytes hold an instruction with operand (rdi), or something else: then nothing happens. */
static void try(struct sweep *s, const uint8_t *bytes, size_t modrm_at)
{
	const struct insn *i = insn_decode(s->d, INSN_MODE_64, bytes, INSN_MAX_BYTES);
	bool executed = false;
	const char *wrong;
	struct probe p;

	if (!i || insn_length(i) <= modrm_at || insn_string(i) || excluded(insn_mnemonic(i)))
		return;
	if (!make_probe(i, &p))
		return;
	if (!p.any && strncmp(insn_text(i), "prefetch", 8) != 0 &&
	    strncmp(insn_text(i), "nop", 3) != 0 && strncmp(insn_text(i), "lea", 3) != 0)
		return;
	place_code(bytes, insn_length(i));
	wrong = p.any ? check(&p, &executed) : check_none(&p, &executed);
	s->executed += executed;
	if (!wrong || s->wrong++ >= MAX_REPORTED)
		return;
	print_error("%s: %s%s%u: operand %s;", insn_text(i), p.access.how & INSN_READ ? "R" : "",
		    p.access.how & INSN_WRITE ? "W" : "", p.access.size, wrong);
	for (unsigned k = 0; k < insn_length(i); k++)
		print_error(" %02x", bytes[k]);
	print_error("\n");
}

#define OPERAND_RDI 0x07 /* ModRM: mod 0, rm 7 */

/* mov to segment registers, pop, and what starts VEX and EVEX: not to be told by name. */
static bool dangerous(unsigned map, unsigned opcode)
{
	return map == 0 && (opcode == 0x8e || opcode == 0x8f || opcode == 0x62 || opcode == 0xc4 ||
			    opcode == 0xc5);
}

static size_t legacy_opcode(uint8_t *out, unsigned prefixes, unsigned map, unsigned opcode)
{
	static const uint8_t mandatory[] = { 0, 0x66, 0xf2, 0xf3 };
	size_t n = 0;

	if (prefixes & 3)
		out[n++] = mandatory[prefixes & 3];
	if (prefixes & 4)
		out[n++] = 0x48;
	if (map)
		out[n++] = 0x0f;
	if (map > 1)
		out[n++] = map == 2 ? 0x38 : 0x3a;
	out[n++] = (uint8_t)opcode;
	return n;
}

static void sweep_legacy(struct sweep *s, unsigned map)
{
	uint8_t bytes[INSN_MAX_BYTES];

	for (unsigned opcode = 0; opcode < 256; opcode++) {
		if (dangerous(map, opcode))
			continue;
		for (unsigned k = 0; k < 8 * 8; k++) {
			size_t n;

			memset(bytes, 1, sizeof(bytes));
			n = legacy_opcode(bytes, k & 7, map, opcode);
			bytes[n] = (uint8_t)(OPERAND_RDI | (k >> 3) << 3);
			try(s, bytes, n);
		}
	}
}

static void test_legacy(void **state)
{
	struct sweep s = { .d = insn_decoder_create() };

	assert_non_null(s.d);
	catch_signals();
	for (unsigned map = 0; map < 4; map++)
		sweep_legacy(&s, map);
	insn_decoder_destroy(s.d);
	print_message("%u forms executed, %u disagree\n", s.executed, s.wrong);
	assert_int_equal(s.wrong, 0);
	assert_true(s.executed >= MIN_EXECUTED);
}

/* All of map, prefix, L, W; register operands 1 and 3. */
static void test_vex(void **state)
{
	struct sweep s = { .d = insn_decoder_create() };
	uint8_t bytes[INSN_MAX_BYTES];

	assert_non_null(s.d);
	catch_signals();
	for (unsigned k = 0; k < 3 * 256 * 16; k++) {
		memset(bytes, 1, sizeof(bytes));
		bytes[0] = 0xc4;
		bytes[1] = (uint8_t)(0xe0 | (1 + k / (256 * 16)));
		bytes[2] = (uint8_t)((k & 8) << 4 | 0xc << 3 | (k & 7));
		bytes[3] = (uint8_t)(k / 16);
		for (unsigned reg = 1; reg < 8; reg++) {
			bytes[4] = (uint8_t)(OPERAND_RDI | reg << 3);
			try(&s, bytes, 4);
		}
		/* Without vvvv, which must be all ones where it is not used. */
		bytes[2] |= 0x78;
		bytes[4] = OPERAND_RDI | 1 << 3;
		try(&s, bytes, 4);
	}
	insn_decoder_destroy(s.d);
	print_message("%u forms executed, %u disagree\n", s.executed, s.wrong);
	assert_int_equal(s.wrong, 0);
}

/* All of map, prefix, W, length, broadcast; with a scaled displacement of one byte. */
static void test_evex(void **state)
{
	struct sweep s = { .d = insn_decoder_create() };
	uint8_t bytes[INSN_MAX_BYTES];

	assert_non_null(s.d);
	catch_signals();
	for (unsigned k = 0; k < 3 * 256 * 64; k++) {
		memset(bytes, 1, sizeof(bytes));
		bytes[0] = 0x62;
		bytes[1] = (uint8_t)(0xf0 | (1 + k / (256 * 64)));
		bytes[4] = (uint8_t)(k / 64);
		bytes[5] = 0x40 | OPERAND_RDI | 1 << 3;
		for (unsigned vvvv = 0xc; vvvv <= 0xf; vvvv += 3) {
			bytes[2] = (uint8_t)((k & 4) << 5 | vvvv << 3 | 4 | (k & 3));
			bytes[3] = (uint8_t)((k & 0x38) << 1 | 8);
			if ((bytes[3] & 0x60) != 0x60)
				try(&s, bytes, 5);
		}
	}
	insn_decoder_destroy(s.d);
	print_message("%u forms executed, %u disagree\n", s.executed, s.wrong);
	assert_int_equal(s.wrong, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legacy),
		cmocka_unit_test(test_vex),
		cmocka_unit_test(test_evex),
	};

	return cmocka_run_group_tests(tests, map_pages, NULL);
}
