// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_string.c: emu_string() against the CPU, and its faults and bounds.
 *
 * The oracle executes the same bytes natively on one buffer and emulates them on a copy; memory and
 * registers must agree. Faults cannot be compared that way: they have a table of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "emulate.h"

#define PAGE	  4096u
#define ROUNDS	  20000
#define RFLAGS_DF 0x400u
#define NO_FAULT  UINT64_MAX

/* Guest memory of the tests: len bytes at base; one page may be out of reach. */
struct memory {
	uint64_t base;
	uint8_t *bytes;
	uint64_t len;
	uint64_t bad_page;	/* page address that faults, NO_FAULT: none */
	bool bad_write_only;	/* it can be read */
	bool crossed;		/* a call was not within one page or not within len */
	bool overlapped;	/* copy was called with overlapping ranges */
	unsigned reads, writes, copies, fills;
	uint64_t faulted;
};

static int reach(struct memory *m, gva_t addr, uint32_t len, bool write)
{
	uint64_t page = addr.v & ~(uint64_t)(PAGE - 1);

	if (len == 0 || (addr.v & (PAGE - 1)) + len > PAGE || addr.v < m->base ||
	    addr.v - m->base + len > m->len) {
		m->crossed = true;
		return -1;
	}
	if (page == m->bad_page && (write || !m->bad_write_only)) {
		m->faulted = addr.v;
		return -1;
	}
	return 0;
}

static uint8_t *at(struct memory *m, gva_t addr)
{
	return m->bytes + (addr.v - m->base);
}

static int mem_probe(void *ctx, gva_t addr, uint32_t len, bool write)
{
	return reach(ctx, addr, len, write);
}

static int mem_read(void *ctx, gva_t addr, void *buf, uint32_t len)
{
	struct memory *m = ctx;
	int ret = reach(m, addr, len, false);

	m->reads++;
	if (!ret)
		memcpy(buf, at(m, addr), len);
	return ret;
}

static int mem_write(void *ctx, gva_t addr, const void *buf, uint32_t len)
{
	struct memory *m = ctx;
	int ret = reach(m, addr, len, true);

	m->writes++;
	if (!ret)
		memcpy(at(m, addr), buf, len);
	return ret;
}

static int mem_copy(void *ctx, gva_t dst, gva_t src, uint32_t len)
{
	struct memory *m = ctx;
	uint64_t distance = dst.v > src.v ? dst.v - src.v : src.v - dst.v;
	int ret = reach(m, src, len, false);

	m->copies++;
	m->overlapped |= distance < len;
	if (!ret)
		ret = reach(m, dst, len, true);
	if (!ret)
		memmove(at(m, dst), at(m, src), len);
	return ret;
}

static int mem_fill(void *ctx, gva_t dst, uint64_t pattern, uint32_t unit, uint32_t len)
{
	struct memory *m = ctx;
	int ret = reach(m, dst, len, true);

	m->fills++;
	for (uint32_t k = 0; !ret && k < len; k += unit)
		memcpy(at(m, dst) + k, &pattern, unit);
	return ret;
}

static struct emu_memory callbacks(struct memory *m)
{
	return (struct emu_memory){ .ctx = m, .probe = mem_probe, .read = mem_read,
				    .write = mem_write, .copy = mem_copy, .fill = mem_fill };
}

/* Deterministic, so that a failing round can be found again (xorshift64*). */
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
	return rnd() % n;
}

struct native_regs {
	uint64_t rax, rcx, rsi, rdi, df;
};

/* Calls code with these registers and direction. */
static void run_native(const void *code, struct native_regs *r)
{
	__asm__ volatile("sub $128, %%rsp\n\t" /* the red zone */
			 "testq %[df], %[df]\n\t"
			 "jz 1f\n\t"
			 "std\n"
			 "1:\n\t"
			 "call *%[code]\n\t"
			 "cld\n\t"
			 "add $128, %%rsp"
			 : "+a"(r->rax), "+c"(r->rcx), "+S"(r->rsi), "+D"(r->rdi)
			 : [df] "r"(r->df), [code] "r"(code)
			 : "memory", "cc");
}

#define ARENA (4 * PAGE)

struct oracle {
	uint8_t *code, *native, *copy;
	struct insn_decoder *d;
};

/* Optional prefixes and one of the eight opcodes; returns the length. */
static size_t random_string(uint8_t *bytes, bool *addr32)
{
	static const uint8_t opcodes[] = { 0xa4, 0xa5, 0xaa, 0xab };
	size_t n = 0;
	uint64_t r = rnd();

	*addr32 = r & 2;
	if (*addr32)
		bytes[n++] = 0x67;
	if ((r & 12) == 4)
		bytes[n++] = 0x66;
	if (r & 1)
		bytes[n++] = r & 0x40 ? 0xf2 : 0xf3;
	if ((r & 12) == 8)
		bytes[n++] = 0x48;
	bytes[n++] = opcodes[(r >> 4) & 3];
	return n;
}

static void random_regs(struct native_regs *r, uint64_t base, bool small)
{
	uint64_t count = below(small ? 8 : 400);

	r->rax = rnd();
	r->df = below(3) == 0;
	r->rcx = count;
	/* Anything up to 400 elements of 8 bytes stays inside, both ways. */
	r->rsi = base + PAGE + below(2 * PAGE - 16);
	r->rdi = below(2) ? base + PAGE + below(2 * PAGE - 16) : r->rsi + below(64) - 32;
	if (r->rdi < base + PAGE)
		r->rdi = base + PAGE;
}

/* What an address-size prefix makes the CPU ignore. */
static void soil_upper_halves(struct native_regs *r)
{
	r->rcx |= rnd() << 32;
	r->rsi |= rnd() << 32;
	r->rdi |= rnd() << 32;
}

/* Emulates until done, in portions. */
static enum emu_result emulate(const struct insn *i, struct insn_cpu *cpu, struct memory *m)
{
	struct emu_memory mem = callbacks(m);
	uint64_t portion = below(4) ? UINT64_MAX : 1 + below(300);
	enum emu_result result;

	do
		result = emu_string(i, cpu, &mem, portion);
	while (result == EMU_PARTIAL);
	return result;
}

static void one_round(struct oracle *o, unsigned round)
{
	struct memory m = { .base = (uint64_t)o->native, .bytes = o->copy, .len = ARENA,
			    .bad_page = NO_FAULT };
	struct insn_cpu cpu = { .mode = INSN_MODE_64, .rip = 0x1000 };
	struct native_regs before, after;
	uint8_t bytes[INSN_MAX_BYTES];
	const struct insn *i;
	bool addr32;
	size_t len = random_string(bytes, &addr32);

	for (size_t k = 0; k < ARENA; k++)
		o->native[k] = (uint8_t)rnd();
	memcpy(o->copy, o->native, ARENA);
	random_regs(&before, m.base, below(2));
	if (addr32)
		soil_upper_halves(&before);
	memcpy(o->code, bytes, len);
	o->code[len] = 0xc3;
	after = before;
	run_native(o->code, &after);

	i = insn_decode(o->d, INSN_MODE_64, bytes, len);
	assert_non_null(i);
	cpu.gpr[INSN_RAX] = before.rax;
	cpu.gpr[INSN_RCX] = before.rcx;
	cpu.gpr[INSN_RSI] = before.rsi;
	cpu.gpr[INSN_RDI] = before.rdi;
	cpu.rflags = before.df ? RFLAGS_DF : 0;
	assert_int_equal(emulate(i, &cpu, &m), EMU_DONE);
	if (memcmp(o->copy, o->native, ARENA) || cpu.gpr[INSN_RCX] != after.rcx ||
	    cpu.gpr[INSN_RSI] != after.rsi || cpu.gpr[INSN_RDI] != after.rdi || m.crossed ||
	    m.overlapped || cpu.rip != 0x1000 + len)
		fail_msg("round %u: %s differs from the CPU: rcx %llx rsi %llx rdi %llx df %llu",
			 round, insn_text(i), (unsigned long long)before.rcx,
			 (unsigned long long)before.rsi, (unsigned long long)before.rdi,
			 (unsigned long long)before.df);
}

/* Below 4 GiB, so that the address-size prefix is exercised natively too. */
static void test_oracle(void **state)
{
	struct oracle o = { .d = insn_decoder_create() };

	assert_non_null(o.d);
	o.code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	o.native = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	o.copy = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(o.code != MAP_FAILED && o.native != MAP_FAILED && o.copy != MAP_FAILED);
	for (unsigned round = 0; round < ROUNDS; round++)
		one_round(&o, round);
	munmap(o.code, PAGE);
	munmap(o.native, ARENA);
	munmap(o.copy, ARENA);
	insn_decoder_destroy(o.d);
}

/* Cases with faults, bounds and address arithmetic; memory starts at 0x10000. */
#define BASE 0x10000ull
#define ROOM (24 * PAGE) /* and the offsets 0..ffff of 16-bit addresses */

struct string_case {
	const char *what;
	enum insn_mode mode;
	const char *bytes;
	size_t len;
	uint64_t rcx, rsi, rdi;
	bool down;
	uint64_t bad_page;
	bool bad_write_only;
	uint64_t max;
	enum emu_result result;
	uint64_t after_rcx, after_rsi, after_rdi;
	uint64_t faulted; /* first bad address, 0: none */
};

static const struct string_case cases[] = {
	{ .what = "rep movsb, whole", .bytes = "\xf3\xa4", .len = 2, .rcx = 100, .rsi = 0x10000,
	  .rdi = 0x11000, .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE, .after_rcx = 0,
	  .after_rsi = 0x10064, .after_rdi = 0x11064 },
	{ .what = "rep movsb, nothing to do", .bytes = "\xf3\xa4", .len = 2, .rcx = 0, .rsi = 1,
	  .rdi = 2, .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE, .after_rsi = 1,
	  .after_rdi = 2 },
	{ .what = "rep movsb, bounded", .bytes = "\xf3\xa4", .len = 2, .rcx = 100, .rsi = 0x10000,
	  .rdi = 0x11000, .bad_page = NO_FAULT, .max = 30, .result = EMU_PARTIAL, .after_rcx = 70,
	  .after_rsi = 0x1001e, .after_rdi = 0x1101e },
	{ .what = "rep movsq, bound between elements", .bytes = "\xf3\x48\xa5", .len = 3, .rcx = 10,
	  .rsi = 0x10000, .rdi = 0x11000, .bad_page = NO_FAULT, .max = 30, .result = EMU_PARTIAL,
	  .after_rcx = 7, .after_rsi = 0x10018, .after_rdi = 0x11018 },
	{ .what = "rep stosq, bound below an element", .bytes = "\xf3\x48\xab", .len = 3, .rcx = 10,
	  .rdi = 0x11000, .bad_page = NO_FAULT, .max = 1, .result = EMU_PARTIAL, .after_rcx = 9,
	  .after_rdi = 0x11008 },
	{ .what = "rep movsb, exactly the bound", .bytes = "\xf3\xa4", .len = 2, .rcx = 30,
	  .rsi = 0x10000, .rdi = 0x11000, .bad_page = NO_FAULT, .max = 30, .result = EMU_DONE,
	  .after_rsi = 0x1001e, .after_rdi = 0x1101e },
	{ .what = "rep stosb, endless count", .bytes = "\xf3\xaa", .len = 2, .rcx = ~0ull,
	  .rdi = 0x11000, .bad_page = NO_FAULT, .max = 0x1000, .result = EMU_PARTIAL,
	  .after_rcx = ~0ull - 0x1000, .after_rdi = 0x12000 },
	{ .what = "rep stosq, count whose bytes overflow", .bytes = "\xf3\x48\xab", .len = 3,
	  .rcx = 1ull << 61, .rdi = 0x11000, .bad_page = NO_FAULT, .max = 16,
	  .result = EMU_PARTIAL, .after_rcx = (1ull << 61) - 2, .after_rdi = 0x11010 },

	{ .what = "source page faults at once", .bytes = "\xf3\xa4", .len = 2, .rcx = 8,
	  .rsi = 0x12000, .rdi = 0x11000, .bad_page = 0x12000, .max = 4096, .result = EMU_FAULT,
	  .after_rcx = 8, .after_rsi = 0x12000, .after_rdi = 0x11000, .faulted = 0x12000 },
	{ .what = "source faults in its second page", .bytes = "\xf3\xa4", .len = 2, .rcx = 32,
	  .rsi = 0x11ff0, .rdi = 0x10000, .bad_page = 0x12000, .max = 4096, .result = EMU_FAULT,
	  .after_rcx = 16, .after_rsi = 0x12000, .after_rdi = 0x10010, .faulted = 0x12000 },
	{ .what = "destination faults in its second page", .bytes = "\xf3\xa4", .len = 2, .rcx = 32,
	  .rsi = 0x10000, .rdi = 0x11ff8, .bad_page = 0x12000, .bad_write_only = true,
	  .max = 4096, .result = EMU_FAULT, .after_rcx = 24, .after_rsi = 0x10008,
	  .after_rdi = 0x12000, .faulted = 0x12000 },
	{ .what = "stos faults in its second page", .bytes = "\xf3\x48\xab", .len = 3, .rcx = 4,
	  .rdi = 0x11ff0, .bad_page = 0x12000, .max = 4096, .result = EMU_FAULT, .after_rcx = 2,
	  .after_rdi = 0x12000, .faulted = 0x12000 },
	{ .what = "both fault: the source first", .bytes = "\x48\xa5", .len = 2, .rcx = 5,
	  .rsi = 0x12000, .rdi = 0x12800, .bad_page = 0x12000, .max = 4096, .result = EMU_FAULT,
	  .after_rcx = 5, .after_rsi = 0x12000, .after_rdi = 0x12800, .faulted = 0x12000 },
	{ .what = "crossing element, second page of the destination faults", .bytes = "\x48\xa5",
	  .len = 2, .rcx = 5, .rsi = 0x10000, .rdi = 0x11ffc, .bad_page = 0x12000, .max = 4096,
	  .result = EMU_FAULT, .after_rcx = 5, .after_rsi = 0x10000, .after_rdi = 0x11ffc,
	  .faulted = 0x12000 },
	{ .what = "crossing element, first page of the destination faults", .bytes = "\x48\xab",
	  .len = 2, .rdi = 0x12ffc, .bad_page = 0x12000, .max = 4096, .result = EMU_FAULT,
	  .after_rdi = 0x12ffc, .faulted = 0x12ffc },
	{ .what = "crossing element, second page of the source faults", .bytes = "\x48\xa5",
	  .len = 2, .rsi = 0x11ffd, .rdi = 0x10000, .bad_page = 0x12000, .max = 4096,
	  .result = EMU_FAULT, .after_rsi = 0x11ffd, .after_rdi = 0x10000, .faulted = 0x12000 },
	{ .what = "crossing elements, both sides", .bytes = "\xf3\x48\xa5", .len = 3, .rcx = 2,
	  .rsi = 0x10ffd, .rdi = 0x12ffb, .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE,
	  .after_rsi = 0x1100d, .after_rdi = 0x1300b },
	{ .what = "downwards into a bad page", .bytes = "\xf3\xa4", .len = 2, .rcx = 32,
	  .rsi = 0x12010, .rdi = 0x1400f, .down = true, .bad_page = 0x13000, .max = 4096,
	  .result = EMU_FAULT, .after_rcx = 16, .after_rsi = 0x12000, .after_rdi = 0x13fff,
	  .faulted = 0x13fff },

	{ .what = "32-bit addresses: upper halves ignored and cleared", .bytes = "\x67\xf3\xa4",
	  .len = 3, .rcx = 0x500000004, .rsi = 0x600010000, .rdi = 0x700011000,
	  .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE, .after_rsi = 0x10004,
	  .after_rdi = 0x11004 },
	{ .what = "16-bit addresses: wrap and keep the rest", .mode = INSN_MODE_32,
	  .bytes = "\x67\xf3\xaa", .len = 3, .rcx = 0xaaaa0004, .rdi = 0xbbbbfffe,
	  .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE, .after_rcx = 0xaaaa0000,
	  .after_rdi = 0xbbbb0002 },
	{ .what = "32-bit mode", .mode = INSN_MODE_32, .bytes = "\xf3\xa5", .len = 2, .rcx = 4,
	  .rsi = 0x10, .rdi = 0x20, .bad_page = NO_FAULT, .max = 4096, .result = EMU_DONE,
	  .after_rsi = 0x20, .after_rdi = 0x30 },

	{ .what = "lods is not emulated", .bytes = "\xf3\xac", .len = 2, .rcx = 4, .rsi = 0x10000,
	  .bad_page = NO_FAULT, .max = 4096, .result = EMU_UNSUPPORTED, .after_rcx = 4,
	  .after_rsi = 0x10000 },
	{ .what = "mov is not emulated", .bytes = "\x88\x07", .len = 2, .rcx = 4, .rdi = 0x10000,
	  .bad_page = NO_FAULT, .max = 4096, .result = EMU_UNSUPPORTED, .after_rcx = 4,
	  .after_rdi = 0x10000 },
};

static void set_cpu(const struct string_case *c, struct insn_cpu *cpu)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->mode = c->mode;
	cpu->rip = 0x1000;
	cpu->rflags = c->down ? RFLAGS_DF : 0;
	cpu->gpr[INSN_RAX] = 0x1122334455667788ull;
	cpu->gpr[INSN_RCX] = c->rcx;
	cpu->gpr[INSN_RSI] = c->rsi;
	cpu->gpr[INSN_RDI] = c->rdi;
	/* In 32-bit mode segments count: the wrapped offsets 0..ffff lie in memory too. */
	cpu->seg_base[INSN_ES] = cpu->seg_base[INSN_DS] = BASE - (c->mode == INSN_MODE_64);
	for (unsigned s = 0; c->mode == INSN_MODE_64 && s < INSN_SEGS; s++)
		cpu->seg_base[s] = s < INSN_FS ? 0xdead000 : 0;
}

/* What the elements that were finished must have done, element by element; nothing else changes. */
static void expect_bytes(const struct string_case *c, uint8_t *bytes, const struct insn_cpu *cpu,
			 unsigned unit, bool movs)
{
	uint64_t moved = cpu->gpr[INSN_RDI] - c->rdi;
	uint64_t n = (c->down ? -moved : moved) / unit;
	uint64_t base = c->mode == INSN_MODE_64 ? BASE : 0;

	if (c->mode == INSN_MODE_32)
		n = (uint16_t)moved / unit;
	else if (c->bytes[0] == 0x67)
		n = (uint32_t)moved / unit;
	for (uint64_t k = 0; k < n; k++) {
		uint64_t step = (c->down ? -k : k) * unit;
		uint64_t mask = c->bytes[0] != 0x67 ? ~0ull :
				c->mode == INSN_MODE_32 ? 0xffff : 0xffffffff;
		uint64_t dst = ((c->rdi + step) & mask) - base;
		uint64_t src = ((c->rsi + step) & mask) - base;
		uint64_t rax = 0x1122334455667788ull;

		if (movs)
			memmove(bytes + dst, bytes + src, unit);
		else
			memcpy(bytes + dst, &rax, unit);
	}
}

static unsigned element_size(const struct string_case *c)
{
	uint8_t opcode = (uint8_t)c->bytes[c->len - 1];

	if (!(opcode & 1))
		return 1;
	return memchr(c->bytes, 0x48, c->len) ? 8 : 4;
}

static void run_case(struct insn_decoder *d, const struct string_case *c)
{
	static uint8_t bytes[ROOM], want[sizeof(bytes)];
	struct memory m = { .base = BASE, .bytes = bytes, .len = sizeof(bytes),
			    .bad_page = c->bad_page, .bad_write_only = c->bad_write_only };
	struct emu_memory mem = callbacks(&m);
	const struct insn *i = insn_decode(d, c->mode, (const uint8_t *)c->bytes, c->len);
	struct insn_cpu cpu;
	enum emu_result result;

	assert_non_null(i);
	for (size_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = (uint8_t)(k * 7 + (k >> 8));
	memcpy(want, bytes, sizeof(bytes));
	set_cpu(c, &cpu);
	result = emu_string(i, &cpu, &mem, c->max);
	if (result != EMU_UNSUPPORTED)
		expect_bytes(c, want, &cpu, element_size(c), insn_string(i) == INSN_MOVS);
	if (result != c->result || cpu.gpr[INSN_RCX] != c->after_rcx ||
	    cpu.gpr[INSN_RSI] != c->after_rsi || cpu.gpr[INSN_RDI] != c->after_rdi ||
	    m.faulted != c->faulted || m.crossed || m.overlapped ||
	    cpu.rip != 0x1000 + (result == EMU_DONE ? c->len : 0))
		fail_msg("%s: result %d rcx %llx rsi %llx rdi %llx rip %llx fault %llx", c->what,
			 result, (unsigned long long)cpu.gpr[INSN_RCX],
			 (unsigned long long)cpu.gpr[INSN_RSI],
			 (unsigned long long)cpu.gpr[INSN_RDI], (unsigned long long)cpu.rip,
			 (unsigned long long)m.faulted);
	if (memcmp(bytes, want, sizeof(bytes)))
		fail_msg("%s: memory differs", c->what);
}

static void test_cases(void **state)
{
	struct insn_decoder *d = insn_decoder_create();

	assert_non_null(d);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
		run_case(d, &cases[k]);
	insn_decoder_destroy(d);
}

/* Long moves go in page-sized calls, not by elements. */
static void test_fast_path(void **state)
{
	static uint8_t bytes[ROOM];
	struct memory m = { .base = BASE, .bytes = bytes, .len = sizeof(bytes),
			    .bad_page = NO_FAULT };
	struct emu_memory mem = callbacks(&m);
	struct insn_decoder *d = insn_decoder_create();
	struct insn_cpu cpu = { .gpr[INSN_RCX] = PAGE, .gpr[INSN_RSI] = BASE + 0x100,
				.gpr[INSN_RDI] = BASE + 2 * PAGE };
	static const uint8_t rep_movsb[] = { 0xf3, 0xa4 }, rep_stosq[] = { 0xf3, 0x48, 0xab };

	assert_non_null(d);
	assert_int_equal(emu_string(insn_decode(d, INSN_MODE_64, rep_movsb, sizeof(rep_movsb)),
				    &cpu, &mem, UINT64_MAX),
			 EMU_DONE);
	assert_int_equal(m.copies, 2);
	cpu.gpr[INSN_RCX] = PAGE / 4;
	cpu.gpr[INSN_RDI] = BASE;
	assert_int_equal(emu_string(insn_decode(d, INSN_MODE_64, rep_stosq, sizeof(rep_stosq)),
				    &cpu, &mem, UINT64_MAX),
			 EMU_DONE);
	assert_int_equal(m.fills, 2);
	assert_int_equal(m.reads + m.writes, 0);
	insn_decoder_destroy(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_fast_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
