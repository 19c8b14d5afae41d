// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_native.c: engine_run() against the CPU, for each form of engine_forms.S.
 *
 * The oracle runs the same bytes natively on its own memory and in the engine on a copy that has
 * the same linear addresses; all registers, the defined flags, where they go on, page faults and
 * all of memory must agree. What is undefined is another test's matter: here everything is defined,
 * and the engine must not say otherwise. ENGINE_FORM=text tests only the forms with that text.
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

#include "engine.h"
#include "engine_cases.h"

static_assert(PAGE == ENGINE_PAGE, "one kind of pages");

#ifdef __SANITIZE_ADDRESS__
#define MIN_CASES    100000u
#define FAULT_CASES  6 /* of each form */
#else
#define MIN_CASES    3000000u
#define FAULT_CASES  24
#endif
#define PLACES	     8 /* in the code pages, where each form runs */
#define MAX_TOLD     4096
#define MAX_DUMPED   8 /* failing cases */
#define MAX_REPORTED 300 /* failing forms */

#define CODE_GPA 0x100000ul
#define DATA_GPA 0x200000ul
#define NUMBER	 1000u /* of the data's first page, for the callbacks */

#define FAULT_WRITE 2u /* page fault error code, SDM vol. 3, 4.7 */

/* What the engine did, and the world it saw. */
struct run {
	const struct test_case *t;
	struct insn_cpu cpu;
	struct engine_vbits vbits;
	struct engine_window out;
	int held[DATA_PAGES];
	const char *complaint; /* about a callback */
	unsigned tolds;
	struct { uint64_t offset, len; } told[MAX_TOLD]; /* by change(); last, not initialised */
};

static struct insn_decoder *decoder; /* knows the accesses: decoder_native.c compares them */

static void deny_natively(const struct test_case *t, bool on)
{
	static const int prot[DENIALS] = { [DENY_WRITES] = PROT_READ };
	int normal = PROT_READ | PROT_WRITE;

	if (t->denial != DENY_NOTHING)
		mprotect(native_data + t->denied * PAGE, PAGE,
			 on ? prot[t->denial] : normal);
}

static void run_natively(const struct test_case *t, struct native *n)
{
	memcpy(n->regs.gpr, t->cpu.gpr, sizeof(n->regs.gpr));
	n->regs.rflags = t->cpu.rflags;
	native_has_state = has(t->form, 'v');
	deny_natively(t, true);
	run_placed(n, t->end);
	deny_natively(t, false);
}

/* --------------------------------------------------------------- the engine's world */

static void complain(struct run *r, const char *what)
{
	if (!r->complaint)
		r->complaint = what;
}

static enum engine_reach reach_data(const struct test_case *t, unsigned k, unsigned how,
				    struct engine_page *page, uint32_t *error)
{
	bool denied = t->denial != DENY_NOTHING && t->denied == k;

	if (denied && (t->denial != DENY_WRITES || (how & ENGINE_WRITE))) {
		*error = (how & ENGINE_WRITE ? FAULT_WRITE : 0) | (t->denial == DENY_WRITES);
		return t->denial == DENY_ELSEWHERE ? ENGINE_ELSEWHERE : ENGINE_PAGE_FAULT;
	}
	*page = (struct engine_page){ .host = copy + copy_offset(k), .tracked = t->tracked >> k & 1,
				      .gpa = DATA_GPA + copy_offset(k), .writable = !denied,
				      .number = NUMBER + copy_offset(k) / PAGE };
	return ENGINE_REACHED;
}

static enum engine_reach on_reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page,
				  uint32_t *error)
{
	const struct run *r = ctx;
	uint64_t base = addr.v & ~(PAGE - 1ull);

	if (addr.v - DATA < DATA_SIZE)
		return reach_data(r->t, (unsigned)(addr.v - DATA) / PAGE, how, page, error);
	*error = how & ENGINE_WRITE ? FAULT_WRITE : 0;
	if (addr.v - CODE >= (r->t->no_fetch ? PAGE : CODE_SIZE) || how != ENGINE_FETCH)
		return ENGINE_PAGE_FAULT;
	*page = (struct engine_page){ .host = (uint8_t *)base, .gpa = base - CODE + CODE_GPA };
	return ENGINE_REACHED;
}

static void hold(struct run *r, uint32_t number, int n)
{
	if (number - NUMBER >= DATA_SIZE / PAGE)
		complain(r, "holds another page");
	else
		r->held[number - NUMBER] += n;
}

static void on_hold(void *ctx, uint32_t number)
{
	hold(ctx, number, 1);
}

static void on_drop(void *ctx, uint32_t number)
{
	hold(ctx, number, -1);
}

/* One of the instruction's accesses, or the part of it that is in one page. */
static bool expected_access(const struct test_case *t, const struct engine_access *a)
{
	const struct insn *i = insn_decode(decoder, INSN_MODE_64, t->form->code, t->form->len);
	struct insn_access all[INSN_MAX_ACCESS];
	int n = i ? insn_accesses(i, &t->cpu, all) : 0;

	for (int k = 0; k < n; k++) {
		uint64_t offset = a->addr.v - all[k].addr.v;

		/* Of saved state only parts are accessed, and they are read, written or both. */
		if (saves_state(t->form) && offset < all[k].size && a->len <= all[k].size - offset)
			return true;
		if (offset < all[k].size && a->len <= all[k].size - offset &&
		    a->how == all[k].how &&
		    (a->len == all[k].size || (a->addr.v + (offset ? 0 : a->len)) % PAGE == 0))
			return true;
	}
	return false;
}

static void check_access(struct run *r, const struct engine_access *a)
{
	const struct test_case *t = r->t;
	uint64_t offset = a->addr.v - DATA, in_page = a->addr.v % PAGE;
	uint64_t gpa = DATA_GPA + copy_offset((unsigned)(offset / PAGE)) + in_page;

	if (offset >= DATA_SIZE || in_page + a->len > PAGE || a->gpa != gpa ||
	    a->number != NUMBER + (gpa - DATA_GPA) / PAGE)
		complain(r, "access: another place");
	else if (r->held[(gpa - DATA_GPA) / PAGE] < 1)
		complain(r, "access: its page is not held");
	else if (!(t->tracked >> offset / PAGE & 1))
		complain(r, "access: not tracked");
	if (a->len == 0 ||
	    (a->len > ENGINE_MAX_ACCESS && !has(t->form, 's') && !saves_state(t->form)))
		complain(r, "access: length");
	if (a->rip - t->start >= t->form->len || (t->form->insns == 1 && a->rip != t->start))
		complain(r, "access: rip");
	if (a->locked != has(t->form, 'l') && t->form->insns == 1)
		complain(r, "access: locked");
	if (t->form->insns == 1 && !has(t->form, 's') && !expected_access(t, a))
		complain(r, "access: not one that the decoder expects");
}

static void on_check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	struct run *r = ctx;

	check_access(r, a);
	if (a->how & ENGINE_READ)
		memset(v, 0, a->len);
}

static void on_change(void *ctx, const struct engine_access *a, const uint8_t *v,
		      const struct engine_origin *from)
{
	(void)from;
	struct run *r = ctx;

	check_access(r, a);
	if (!(a->how & ENGINE_WRITE))
		complain(r, "change: does not write");
	for (uint32_t k = 0; v && k < a->len; k++)
		if (v[k])
			complain(r, "change: undefined");
	if (r->tolds == MAX_TOLD)
		complain(r, "change: too often");
	if (r->complaint)
		return;
	r->told[r->tolds].offset = a->addr.v - DATA;
	r->told[r->tolds++].len = a->len;
}

static void on_used(void *ctx, const struct engine_use *use)
{
	complain(ctx, "used: undefined");
}

static struct engine_vectors *on_vectors(void *ctx)
{
	return &vectors;
}

static struct engine *engine_new(struct run *r)
{
	static const struct engine_ops ops = { .reach = on_reach, .hold = on_hold, .drop = on_drop,
					       .check = on_check, .change = on_change,
					       .used = on_used, .vectors = on_vectors };
	struct engine *e = engine_create(&ops, r);

	assert_non_null(e);
	return e;
}

/* xsavec becomes xsaves, xrstor xrstors; the same again: back. */
static void swap_twin(const struct test_case *t)
{
	uint8_t *opcode = (uint8_t *)t->start;

	while (*opcode != 0x0f)
		opcode++;
	if (has(t->form, 'R')) {
		opcode[1] ^= 0xae ^ 0xc7;
		opcode[2] ^= (5 ^ 3) << 3;
	} else {
		opcode[2] ^= (4 ^ 5) << 3;
	}
}

/* A string instruction and several instructions may take several windows. */
static void run_engine(struct engine *e, const struct test_case *t, struct run *r)
{
	bool windows = has(t->form, 's') || t->form->insns > 1;
	struct engine_limits limits = { .insns = 100000, .idle = UINT32_MAX };
	uint64_t insns = 0;

	memset(r, 0, offsetof(struct run, told));
	r->t = t;
	r->cpu = t->cpu;
	if (below(2))
		limits.insns = windows ? 1 + (uint32_t)below(below(2) ? 3 : 20) : 1;
	if (has(t->form, 'k'))
		swap_twin(t);
	do {
		engine_run(e, &r->cpu, &limits, t->tracked ? &r->vbits : NULL, &r->out);
		insns += r->out.insns;
	} while (windows && r->out.end == ENGINE_OVER && r->out.progress &&
		 r->cpu.rip - t->start < t->form->len);
	r->out.insns = insns;
	if (has(t->form, 'k'))
		swap_twin(t);
	for (unsigned k = 0; k < DATA_PAGES; k++)
		if (r->held[k])
			complain(r, "a page is still held");
}

static void fill_data(void)
{
	for (uint64_t k = 0; k < DATA_SIZE; k += 16)
		poke(DATA + k, rnd(), rnd());
}

/* --------------------------------------------------------------- comparison */

/* Flags of a shift depend on its count (SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD). */
static uint64_t undefined_flags(const struct test_case *t)
{
	const struct form *f = t->form;
	uint64_t count = f->count < 0 ? t->cpu.gpr[INSN_RCX] : (uint64_t)f->count;

	if (!has(f, 'h') && !has(f, 'H'))
		return f->undefined;
	count &= f->size == 8 ? 63 : 31;
	if (count == 0)
		return 0;
	return (f->undefined & ~(count == 1 ? OF : 0)) |
	       (has(f, 'H') && count >= 8u * f->size ? CF : 0);
}

static enum engine_end expected_end(const struct test_case *t, const struct native *n)
{
	if (!n->trapped)
		return ENGINE_OVER;
	return n->vector == VECTOR_PF && t->denial != DENY_ELSEWHERE ? ENGINE_FAULT :
									ENGINE_HARDWARE;
}

/* Both operands of cmps fault: an EPYC of 2022 tells of the second one, earlier ones of the first. */
static bool is_other_operand(const struct test_case *t, const struct native *n, uint64_t engine)
{
	return strstr(t->form->text, "cmps") && n->fault_addr - n->regs.gpr[INSN_RDI] < 8 &&
	       engine - n->regs.gpr[INSN_RSI] < 8;
}

/* Where in saved state a CPU faults first is its own affair. */
static bool is_fault_address(const struct test_case *t, uint64_t native, uint64_t engine)
{
	uint64_t area = native_xsave_size();

	if (!saves_state(t->form))
		return native == engine;
	return native / PAGE == engine / PAGE && native - t->target < area &&
	       engine - t->target < area;
}

static const char *compare_end(const struct test_case *t, const struct native *n,
			       const struct run *r)
{
	enum engine_end want = expected_end(t, n);

	if (n->trapped && n->vector != VECTOR_PF && n->vector != VECTOR_DE &&
	    !(t->hostile && (n->vector == VECTOR_GP || n->vector == VECTOR_MF)))
		return "the test: natively an exception that it does not expect";
	if (r->cpu.rip != n->rip)
		return r->out.end == ENGINE_HARDWARE && r->cpu.rip == t->start ?
			       "left to the hardware" : "rip";
	/* Where the form is done, the next instruction is for the hardware. */
	if (r->out.end != want && !(want == ENGINE_OVER && r->out.end == ENGINE_HARDWARE))
		return "end";
	if (want == ENGINE_FAULT && !is_fault_address(t, n->fault_addr, r->out.fault_addr.v) &&
	    !is_other_operand(t, n, r->out.fault_addr.v))
		return "fault address";
	if (want == ENGINE_FAULT && (r->out.fault_error ^ n->fault_error) & FAULT_WRITE)
		return "fault error";
	if (!n->trapped && !has(t->form, 'r') && !has(t->form, 'p') &&
	    r->out.insns != t->form->insns)
		return "count of instructions";
	return NULL;
}

static const char *compare_vbits(const struct run *r, uint64_t undefined)
{
	for (unsigned k = 0; k < INSN_GPRS; k++)
		if (r->vbits.gpr[k])
			return "registers became undefined";
	return r->vbits.rflags & ~undefined ? "flags became undefined" : NULL;
}

static bool copy_is(const uint8_t *want)
{
	for (unsigned k = 0; k < DATA_PAGES; k++)
		if (memcmp(want + k * PAGE, copy + copy_offset(k), PAGE) != 0)
			return false;
	return true;
}

static const char *compare_changes(const struct test_case *t, const struct run *r)
{
	for (unsigned k = 0; k < r->tolds; k++)
		memcpy(changed + r->told[k].offset, native_data + r->told[k].offset,
		       r->told[k].len);
	for (unsigned k = 0; k < DATA_PAGES; k++)
		if (t->tracked >> k & 1 &&
		    memcmp(native_data + k * PAGE, changed + k * PAGE, PAGE) != 0)
			return "changed memory without change()";
	return NULL;
}

/* NULL, or what differs. */
static const char *compare(const struct test_case *t, const struct native *n, const struct run *r)
{
	uint64_t undefined = n->trapped ? 0 : undefined_flags(t);
	const char *what = compare_end(t, n, r);

	if (what)
		return what;
	/* What a fault in their middle leaves in the flags is overwritten by the next iteration. */
	if (n->trapped && has(t->form, 'e'))
		undefined = STATUS;
	if (memcmp(r->cpu.gpr, n->regs.gpr, sizeof(n->regs.gpr)) != 0)
		return "registers";
	if ((r->cpu.rflags ^ n->regs.rflags) & ~undefined)
		return "flags";
	if (!copy_is(native_data))
		return "memory";
	if (has(t->form, 'v'))
		what = compare_vectors(t->form, &vectors);
	if (what)
		return what;
	what = r->complaint ? r->complaint : compare_changes(t, r);
	return what ? what : compare_vbits(r, undefined);
}

static bool untouched(const struct test_case *t, const struct run *r)
{
	if (has(t->form, 'v') && (vectors.dirty || memcmp(vectors.area, native_state[NATIVE_IN],
							  sizeof(vectors.area)) != 0))
		return false;
	return memcmp(&r->cpu, &t->cpu, sizeof(t->cpu)) == 0 && r->out.insns == 0 &&
	       copy_is(before);
}

/* What may be left to the hardware: optional forms, and locking what is not aligned. */
static bool declined(const struct test_case *t, const struct run *r)
{
	const struct insn *i = insn_decode(decoder, INSN_MODE_64, t->form->code, t->form->len);
	struct insn_access a[INSN_MAX_ACCESS];

	if (r->out.end != ENGINE_HARDWARE || !untouched(t, r))
		return false;
	if (t->hostile || has(t->form, 'o'))
		return true;
	return has(t->form, 'l') && i && insn_accesses(i, &t->cpu, a) > 0 &&
	       a[0].addr.v % a[0].size != 0;
}

/* --------------------------------------------------------------- failures */

static struct tally {
	uint64_t cases, differ, declined, trapped, unsteady;
	unsigned forms; /* that differ */
} tally;

static void dump_registers(const struct test_case *t, const struct native *n, const struct run *r)
{
	static const char *const names[INSN_GPRS + 2] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "rflags", "rip",
	};

	print_error("    %-8s %-16s %-16s %s\n", "", "before", "native", "engine");
	for (unsigned k = 0; k < INSN_GPRS + 2; k++) {
		bool gpr = k < INSN_GPRS, flags = k == INSN_GPRS;
		uint64_t old = gpr ? t->cpu.gpr[k] : flags ? t->cpu.rflags : t->cpu.rip;
		uint64_t want = gpr ? n->regs.gpr[k] : flags ? n->regs.rflags : n->rip;
		uint64_t got = gpr ? r->cpu.gpr[k] : flags ? r->cpu.rflags : r->cpu.rip;

		print_error("    %-8s %016lx %016lx %016lx%s\n", names[k], old, want, got,
			    want != got ? " *" : "");
	}
}

static void dump_memory(const struct test_case *t)
{
	unsigned shown = 0;

	for (uint64_t k = 0; k < DATA_SIZE; k += 8) {
		uint64_t old, want, got, told;
		bool operand = has(t->form, 'm') && DATA + k - (t->target & ~7ull) < 16;
		bool differs;

		memcpy(&old, before + k, 8);
		memcpy(&want, native_data + k, 8);
		memcpy(&got, copy + copy_offset((unsigned)(k / PAGE)) + k % PAGE, 8);
		memcpy(&told, changed + k, 8);
		differs = want != got || (t->tracked && want != told);
		if (operand || (differs && shown++ < 16))
			print_error("    %8lx: %016lx %016lx %016lx change() %016lx%s\n", DATA + k,
				    old, want, got, told, differs ? " *" : "");
	}
}

static void dump(const struct test_case *t, const struct native *n, const struct run *r,
		 const char *what)
{
	static const char *const denials[DENIALS] = { "nothing", "all", "writes", "not RAM" };

	print_error("%s: %s;", t->form->text, what);
	for (size_t k = 0; k < t->form->len; k++)
		print_error(" %02x", t->form->code[k]);
	print_error("\n    tracked pages %x, denied: %s of page %u; end %d, %lu instructions\n",
		    t->tracked, denials[t->denial], t->denied, r->out.end, r->out.insns);
	print_error("    fault: native %s %lx (%lx), engine %lx (%x)\n", n->trapped ? "yes" : "no",
		    n->fault_addr, n->fault_error, r->out.fault_addr.v, r->out.fault_error);
	dump_registers(t, n, r);
	dump_memory(t);
}

/*
 * What CPUs are free to do with saved state. They fault on parts that they do not need: without that
 * fault the results must agree. And XINUSE of a component that is in its initial configuration may
 * change between two instructions, for whoever interrupts them also saves and restores it: not the
 * same natively again.
 */
static const char *compare_again(const struct test_case *t, struct native *n, const struct run *r,
				 const char *what)
{
	static uint8_t first[DATA_SIZE];
	struct test_case again = *t;
	bool faulted = n->trapped && r->out.end != ENGINE_FAULT;

	if (faulted)
		again.denial = DENY_NOTHING;
	memcpy(first, native_data, DATA_SIZE);
	memcpy(native_data, before, DATA_SIZE);
	run_natively(&again, n);
	if (faulted)
		return compare(&again, n, r);
	if (memcmp(first, native_data, DATA_SIZE) == 0 && vectors_steady())
		return what;
	tally.unsteady++;
	return NULL;
}

/* Runs a case on both sides; returns NULL or what differs. */
static const char *try(struct engine *e, struct run *r, struct test_case *t, bool first)
{
	struct native n;
	const char *what;

	make_case(t);
	run_natively(t, &n);
	run_engine(e, t, r);
	tally.cases++;
	tally.trapped += n.trapped;
	what = compare(t, &n, r);
	if (what && declined(t, r)) {
		tally.declined++;
		return NULL;
	}
	if (what && saves_state(t->form))
		what = compare_again(t, &n, r, what);
	if (what && first && tally.forms < MAX_DUMPED)
		dump(t, &n, r, what);
	return what;
}

/* --------------------------------------------------------------- tests */

enum plan { RESULTS, FAULTS, DIVISION_ERRORS, HOSTILE };

/* The end is near the border of the pages, and often the border is in the form. */
static void choose_place(struct test_case *t)
{
	uint64_t border = CODE + PAGE;

	t->end = below(2) ? border - 750 + below(1500) : border + below(t->form->len + 1u);
	t->start = t->end - t->form->len;
	place_code(t->form, t->start);
	fill_data();
}

static void try_form(struct engine *e, struct run *r, const struct form *f, enum plan plan,
		     unsigned cases)
{
	struct test_case t = { .form = f, .may_trap = plan == DIVISION_ERRORS,
			       .hostile = plan == HOSTILE };
	const char *what = NULL;
	unsigned differ = 0;

	for (unsigned k = 0; k < cases; k++) {
		const char *now;

		if (k % ((cases + PLACES - 1) / PLACES) == 0)
			choose_place(&t);
		t.tracked = k % 4 == 3 ? (unsigned)below(16) : k % 2 ? 15 : 0;
		t.denied = 1 + (unsigned)below(2);
		t.denial = plan == FAULTS ? DENY_ALL + (unsigned)below(DENIALS - DENY_ALL) :
					    DENY_NOTHING;
		now = try(e, r, &t, !what);
		differ += !!now;
		what = what ? what : now;
	}
	tally.differ += differ;
	if (what && tally.forms++ < MAX_REPORTED)
		print_error("%s: %u of %u cases differ: %s\n", f->text, differ, cases, what);
}

/* Each form that has one of the rules, all where there are none. */
static void try_forms(enum plan plan, const char *rules, unsigned cases)
{
	struct run r;
	struct engine *e = engine_new(&r);
	const char *only = getenv("ENGINE_FORM");

	assert_int_equal(catch_signals(), 0);
	memset(&tally, 0, sizeof(tally));
	for (const struct form *f = engine_forms; f < engine_forms_end; f++)
		if ((!*rules || strpbrk(f->rules, rules)) && (!only || strstr(f->text, only)))
			try_form(e, &r, f, plan, cases);
	engine_destroy(e);
	print_message("%lu cases, %lu trapped, %lu declined, %lu differ (%u forms), %lu unsteady\n",
		      tally.cases, tally.trapped, tally.declined, tally.differ, tally.forms,
		      tally.unsteady);
	assert_int_equal(tally.differ, 0);
	assert_true(tally.unsteady <= tally.cases / 10000);
}

static void test_results(void **state)
{
	try_forms(RESULTS, "", MIN_CASES / (unsigned)(engine_forms_end - engine_forms) + 1);
	assert_true(tally.cases >= MIN_CASES);
	assert_int_equal(tally.trapped, 0);
}

/* Of each form: it changes nothing, except whole elements of a string instruction. */
static void test_page_faults(void **state)
{
	try_forms(FAULTS, "", FAULT_CASES);
	assert_true(tally.trapped > tally.cases / 8);
}

static void test_division_errors(void **state)
{
	try_forms(DIVISION_ERRORS, "dD", 2000);
	assert_true(tally.trapped > tally.cases / 8 && tally.trapped < tally.cases);
}

/* Misaligned operands, pending exceptions, saved state that is not valid: nothing has changed. */
static void test_hostile(void **state)
{
	try_forms(HOSTILE, "v", 1000);
	assert_true(tally.trapped > tally.cases / 16 && tally.declined < tally.trapped / 8);
}

/* With inside bytes of the form before a page that cannot be fetched from. */
static const char *fetch(struct engine *e, struct run *r, struct test_case *t, uint64_t inside)
{
	const struct engine_limits limits = { .insns = 1, .idle = UINT32_MAX };

	t->start = CODE + PAGE - inside;
	t->end = t->start + t->form->len;
	place_code(t->form, t->start);
	make_case(t);
	*r = (struct run){ .t = t, .cpu = t->cpu };
	engine_run(e, &r->cpu, &limits, NULL, &r->out);
	if (inside == t->form->len)
		return r->out.end == ENGINE_FAULT ? "faults, the next page holds none of it" : NULL;
	if (r->out.end != ENGINE_HARDWARE &&
	    (r->out.end != ENGINE_FAULT || r->out.fault_addr.v != CODE + PAGE))
		return "goes on, or faults elsewhere";
	return untouched(t, r) ? NULL : "changes something";
}

static void test_fetch(void **state)
{
	struct run r;
	struct engine *e = engine_new(&r);
	unsigned wrong = 0;

	for (const struct form *f = engine_forms; f < engine_forms_end; f++) {
		struct test_case t = { .form = f, .no_fetch = true };

		for (unsigned k = 1; k <= f->len && f->insns == 1; k++) {
			const char *what = fetch(e, &r, &t, k);

			if (what && wrong++ < MAX_DUMPED)
				print_error("%s, %u of %u bytes: %s\n", f->text, k, f->len, what);
		}
	}
	engine_destroy(e);
	assert_int_equal(wrong, 0);
}

static int set_up(void **state)
{
	vectors_setup();
	decoder = insn_decoder_create();
	return decoder ? map_region() : -1;
}

static int tear_down(void **state)
{
	insn_decoder_destroy(decoder);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_page_faults),
		cmocka_unit_test(test_division_errors),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_fetch),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
