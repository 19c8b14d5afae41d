// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_samples.c: made-up findings. The values are such that a mix-up of two fields shows.
 */
#include "report_samples.h"

#include <stdio.h>
#include <string.h>

#define OBJECT 0xffff888004a61200ull

static void set_stack(struct report_stack *s, uint32_t pid, const char *const *symbols)
{
	s->known = true;
	s->pid = pid;
	s->cpu = 1;
	s->time = 3141592653ull;
	strcpy(s->comm, "insmod");
	for (s->n = 0; symbols[s->n]; s->n++) {
		struct report_frame *f = &s->frame[s->n];

		f->addr = 0xffffffffc0200000ull + s->n;
		f->guess = symbols[s->n][0] == '?';
		strcpy(f->symbol, symbols[s->n] + f->guess);
	}
}

static void set_access(struct report *r, uint32_t offset, uint32_t size, bool write)
{
	r->addr = OBJECT + offset;
	r->gpa = 0x4a61200 + offset;
	r->size = size;
	r->bad_last = size ? size - 1 : 0;
	r->write = write;
	strcpy(r->insn, write ? "movq %rax, 0x10(%rdi)" : "movq 0x10(%rdi), %rax");
}

static void set_object(struct report *r, uint64_t size, uint64_t slot, enum obj_state state)
{
	r->has_object = true;
	r->object_addr = OBJECT;
	r->object_size = size;
	r->object_slot = slot;
	r->object_state = state;
	snprintf(r->cache, sizeof(r->cache), "kmalloc-%u", (unsigned)slot);
}

/* The map starts at the object; [bad, bad + n) are in state a with V bits v. */
static void set_map(struct report *r, unsigned bad, unsigned n, enum a_state a, uint8_t v)
{
	r->map_addr = OBJECT;
	r->map_len = REPORT_MAP;
	r->map_caret = bad;
	for (unsigned i = 0; i < REPORT_MAP; i++) {
		bool is_bad = i >= bad && i < bad + n;

		r->map_value[i] = (uint8_t)(0x41 + i);
		r->map_a[i] = is_bad ? (uint8_t)a : A_ALLOCATED;
		r->map_v[i] = is_bad ? v : V_DEFINED;
	}
}

static void set_registers(struct report *r)
{
	struct report_registers *g = &r->registers;

	g->known = true;
	g->rip = 0xffffffffc020002dull;
	g->rflags = 0x10246;
	for (unsigned n = 0; n < REPORT_GPRS; n++)
		g->gpr[n] = 0xffff888000000000ull + n * 0x1111;
}

/* The bytes as set_map() has them: value[0] is the byte at offset of the object. */
static void set_value(struct report *r, unsigned offset, unsigned n)
{
	strcpy(r->operand, "0x10(%rdi)");
	r->value_len = n;
	for (unsigned i = 0; i < n; i++) {
		r->value[i] = r->map_value[offset + i];
		r->vbits[i] = r->map_a[offset + i] == A_ALLOCATED ? r->map_v[offset + i] : 0;
	}
}

static const char *const use[] = { "bug_read+0x2d/0x120 [kmc_bugs]", "run_one+0x40/0xa0 [kmc_bugs]",
				   "?do_one_initcall+0x56/0x2d0", "do_init_module+0x4a/0x220",
				   NULL };
static const char *const alloc[] = { "__kmalloc+0x4d/0x150", "bug_alloc+0x1c/0x60 [kmc_bugs]",
				     "bugs_init+0x21/0x1000 [kmc_bugs]", NULL };
static const char *const release[] = { "drop+0x11/0x30 [kmc_bugs]", "run_one+0x38/0xa0 [kmc_bugs]",
				       NULL };

static void uninit(struct report *r)
{
	set_access(r, 8, 8, false);
	r->bad_first = 4;
	set_object(r, 64, 64, OBJ_LIVE);
	set_map(r, 12, 4, A_ALLOCATED, V_UNDEFINED);
	set_stack(&r->allocated, 431, alloc);
}

static void uninit_byte(struct report *r)
{
	uninit(r);
	r->bad_first = r->bad_last = 3;
	set_map(r, 11, 1, A_ALLOCATED, 0x01); /* one bit of it */
}

static void uninit_no_origin(struct report *r)
{
	uninit(r);
	r->allocated.known = false;
}

/* A jump decided by one bit that an instruction before it had loaded. */
static void uninit_branch(struct report *r)
{
	static const char *const load[] = { "bug_read+0x20/0x120 [kmc_bugs]", NULL };
	static const char *const copy[] = { "copy_it+0x8/0x40 [kmc_bugs]",
					    "run_one+0x3c/0xa0 [kmc_bugs]", NULL };
	static const char *const again[] = { "memcpy+0x12/0x20", "bug_copy+0x20/0x60 [kmc_bugs]", NULL };

	uninit_byte(r);
	set_value(r, 8, 8);
	set_registers(r);
	r->registers.undefined_rflags = 0x40;
	r->registers.undefined_gpr[0] = 0x01000000;
	r->registers.undefined_gpr[9] = 0x01;
	strcpy(r->insn, "jne .+0x1d");
	strcpy(r->origin_insn, "movq 0x10(%rdi), %rax");
	r->sink = REPORT_SINK_BRANCH;
	r->undefined_bits = 0x40;
	set_stack(&r->origin, 432, load);
	r->ncopied = 2;
	set_stack(&r->copied[0], 432, copy);
	set_stack(&r->copied[1], 432, again);
	set_stack(&r->created, 430, alloc);
}

static void infoleak(struct report *r)
{
	static const char *const stack[] = { "_copy_to_user+0x22/0x40", "put_it+0x4f/0x90 [kmc_bugs]",
					     "__x64_sys_read+0x1a/0x20", NULL };

	uninit(r);
	r->sink = REPORT_SINK_USER;
	r->undefined_bits = 0xffffffff00000000ull;
	set_value(r, 8, 8);
	set_stack(&r->access, 432, stack);
}

/* What was copied came from an object whose memory has a new owner. */
static void uninit_copied(struct report *r)
{
	uninit_branch(r);
	r->ncopied = 1;
	r->created.known = false;
}

/* No allocation was seen, but what made the memory undefined was. */
static void infoleak_created(struct report *r)
{
	infoleak(r);
	r->allocated.known = false;
	set_stack(&r->created, 431, alloc);
}

static void infoleak_bare(struct report *r)
{
	infoleak(r);
	r->allocated.known = false;
}

/* Nobody was caught in the act: the driver queued it before. */
static void infoleak_device(struct report *r)
{
	infoleak(r);
	r->sink = REPORT_SINK_DEVICE;
	r->undefined_bits = 0;
	r->access = (struct report_stack){.known = false};
	r->origin = r->access;
	r->ncopied = 0;
	r->registers.known = false;
	r->insn[0] = r->origin_insn[0] = '\0';
	strcpy(r->operand, "virtio-blk");
}

/* Only allocator frames: the same as none. */
static void uninit_helpers_only(struct report *r)
{
	uninit(r);
	r->allocated.n = 1;
}

static void uaf_read(struct report *r)
{
	set_access(r, 16, 8, false);
	set_object(r, 60, 64, OBJ_FREED);
	set_map(r, 0, 64, A_FREED, V_UNDEFINED);
	r->map_caret = 16;
	set_stack(&r->allocated, 431, alloc);
	set_stack(&r->freed, 433, release);
	set_value(r, 16, 8);
	set_registers(r);
}

/* In a function that acts for its caller; and its caller does, too. */
static void uaf_generic(struct report *r)
{
	static const char *const stack[] = { "memcpy_orig+0x2d/0x120", "?run_one+0x40/0xa0 [kmc_bugs]",
					     "_copy_to_iter+0x10/0x600", "use_it.isra.0+0x40/0xa0 [kmc_bugs]",
					     "do_init_module+0x4a/0x220", NULL };

	uaf_read(r);
	set_stack(&r->access, 432, stack);
}

static void uaf_write(struct report *r)
{
	uaf_read(r);
	r->verdict = VERDICT_UAF_WRITE;
	set_access(r, 16, 8, true);
}

static void uaf_device(struct report *r)
{
	uaf_write(r);
	r->sink = REPORT_SINK_DEVICE;
	r->access = (struct report_stack){.known = false};
	r->registers.known = false;
	r->insn[0] = '\0';
	strcpy(r->operand, "virtio-blk");
}

static void uaf_large(struct report *r)
{
	uaf_read(r);
	set_object(r, 12000, 16384, OBJ_FREED);
	r->large = true;
	r->cache[0] = '\0';
}

/* 60 of 64 bytes were requested; the access covers the last two and the first six behind. */
static void oob_read(struct report *r)
{
	set_access(r, 58, 8, false);
	r->bad_first = 2;
	set_object(r, 60, 64, OBJ_LIVE);
	set_map(r, 60, 4, A_REDZONE, V_UNDEFINED);
	set_stack(&r->allocated, 431, alloc);
}

static void oob_write(struct report *r)
{
	oob_read(r);
	set_access(r, 60, 1, true);
	strcpy(r->insn, "movb $0, 0x3c(%rdi)");
	set_value(r, 60, 1);
}

/* A 64-byte access over two rows, and nothing is known about the object's past. */
static void oob_wide(struct report *r)
{
	set_access(r, 24, 64, true);
	r->bad_first = 4;
	r->bad_last = 23;
	set_object(r, 28, 32, OBJ_LIVE);
	r->cache[0] = '\0';
	set_map(r, 28, 36, A_REDZONE, V_UNDEFINED);
	set_value(r, 24, 40); /* more than the text shows */
}

static void unallocated(struct report *r)
{
	set_access(r, 64, 4, false);
	r->has_object = false;
	set_map(r, 32, 32, A_UNALLOCATED, V_DEFINED);
	r->map_a[0] = A_UNKNOWN;
	r->map_a[1] = A_UNTRACKED;
	set_value(r, 32, 4);
	r->operand[0] = '\0';
}

static void double_free(struct report *r)
{
	set_access(r, 0, 0, false);
	r->insn[0] = '\0';
	set_object(r, 60, 64, OBJ_FREED);
	set_map(r, 0, 60, A_FREED, V_UNDEFINED);
	set_stack(&r->allocated, 431, alloc);
	set_stack(&r->freed, 433, release);
}

static void invalid_free(struct report *r)
{
	set_access(r, 8, 0, false);
	r->insn[0] = '\0';
	set_object(r, 60, 64, OBJ_LIVE);
	set_stack(&r->allocated, 431, alloc);
}

/* Code that no symbol covers, as a module loaded by another kernel or made at run time. */
static void no_symbol(struct report *r)
{
	uaf_read(r);
	for (unsigned i = 0; i < r->access.n; i++)
		r->access.frame[i].symbol[0] = '\0';
	r->freed.n = 0;
}

static void leak(struct report *r)
{
	static const char *const kernel[] = { "kmalloc_trace+0x25/0x90",
					      "bug_leak+0x1c/0x40 [kmc_bugs]",
					      "run_entries+0x9a/0x1a4 [kmc_bugs]", NULL };

	memset(&r->access, 0, sizeof(r->access));
	set_object(r, 24, 32, OBJ_LIVE);
	set_map(r, 0, 0, A_ALLOCATED, V_DEFINED);
	set_stack(&r->allocated, 99, kernel);
	r->leak.objects = 3;
	r->leak.bytes = 72;
	r->leak.indirect_objects = 2;
	r->leak.indirect_bytes = 160;
}

/* As with debug information: functions that were inlined in front of the one that they are in. */
static void set_lines(struct report_stack *s, const char *const *symbols)
{
	static const char *const file[] = { "fs/x.h", "fs/ext4/inode.c", "/home/me/bugs/bugs.c", "" };

	set_stack(s, 432, symbols);
	for (unsigned i = 0; i < s->n; i++) {
		struct report_frame *f = &s->frame[i];

		strcpy(f->file, file[i % 4]);
		f->line = 12 + i;
		f->inlined = !strchr(f->symbol, '+');
	}
}

static const char *const use_lines[] = { "read_once", "get_name", "bug_read+0x2d/0x120 [kmc_bugs]",
					 "run_one+0x40/0xa0 [kmc_bugs]", "do_one_initcall+0x56/0x2d0",
					 "?do_init_module+0x4a/0x220", NULL };
static const char *const alloc_lines[] = { "kmalloc", "bug_alloc+0x1c/0x60 [kmc_bugs]",
					   "bugs_init+0x21/0x1000 [kmc_bugs]", NULL };

static void uaf_lines(struct report *r)
{
	uaf_read(r);
	set_lines(&r->access, use_lines);
	set_lines(&r->allocated, alloc_lines);
}

static void uninit_lines(struct report *r)
{
	uninit(r);
	set_lines(&r->access, use_lines);
	set_lines(&r->allocated, alloc_lines);
}

#define NAMED(tool, what) tool ": " what " in bug_read+0x2d/0x120 [kmc_bugs]"

const struct sample samples[] = {
	{"uninit", NAMED("KMSAN", "uninit-value"), VERDICT_UNINIT, uninit},
	{"uninit_byte", NAMED("KMSAN", "uninit-value"), VERDICT_UNINIT, uninit_byte},
	{"uninit_no_origin", NAMED("KMC", "uninit-value"), VERDICT_UNINIT, uninit_no_origin},
	{"uninit_helpers_only", NAMED("KMC", "uninit-value"), VERDICT_UNINIT, uninit_helpers_only},
	{"uninit_branch", NAMED("KMSAN", "uninit-value"), VERDICT_UNINIT, uninit_branch},
	{"uninit_copied", NAMED("KMC", "uninit-value"), VERDICT_UNINIT, uninit_copied},
	{"infoleak", "KMSAN: kernel-infoleak in _copy_to_user+0x22/0x40", VERDICT_INFOLEAK, infoleak},
	{"infoleak_created", "KMSAN: kernel-infoleak in _copy_to_user+0x22/0x40", VERDICT_INFOLEAK,
	 infoleak_created},
	{"infoleak_bare", "KMC: kernel-infoleak in _copy_to_user+0x22/0x40", VERDICT_INFOLEAK,
	 infoleak_bare},
	{"infoleak_device", "KMSAN: kernel-infoleak in bugs_init+0x21/0x1000 [kmc_bugs]",
	 VERDICT_INFOLEAK, infoleak_device},
	{"uaf_read", NAMED("KASAN", "slab-use-after-free"), VERDICT_UAF_READ, uaf_read},
	{"uaf_write", NAMED("KASAN", "slab-use-after-free"), VERDICT_UAF_WRITE, uaf_write},
	{"uaf_device", "KASAN: slab-use-after-free in bugs_init+0x21/0x1000 [kmc_bugs]",
	 VERDICT_UAF_WRITE, uaf_device},
	{"uaf_generic", "KASAN: slab-use-after-free in memcpy_orig+0x2d/0x120", VERDICT_UAF_READ,
	 uaf_generic},
	{"uaf_large", NAMED("KASAN", "use-after-free"), VERDICT_UAF_READ, uaf_large},
	{"oob_read", NAMED("KASAN", "slab-out-of-bounds"), VERDICT_OOB_READ, oob_read},
	{"oob_write", NAMED("KASAN", "slab-out-of-bounds"), VERDICT_OOB_WRITE, oob_write},
	{"oob_wide", NAMED("KASAN", "slab-out-of-bounds"), VERDICT_OOB_WRITE, oob_wide},
	{"unallocated", NAMED("KMC", "unallocated-access"), VERDICT_UNALLOCATED, unallocated},
	{"double_free", NAMED("KASAN", "double-free"), VERDICT_DOUBLE_FREE, double_free},
	{"invalid_free", NAMED("KASAN", "invalid-free"), VERDICT_INVALID_FREE, invalid_free},
	{"uaf_lines", NAMED("KASAN", "slab-use-after-free"), VERDICT_UAF_READ, uaf_lines},
	{"uninit_lines", NAMED("KMSAN", "uninit-value"), VERDICT_UNINIT, uninit_lines},
	{"no_symbol", "KASAN: slab-use-after-free in unknown+0x0/0x0", VERDICT_UAF_READ, no_symbol},
	{"leak", "memory leak in bug_leak+0x1c/0x40 [kmc_bugs]", VERDICT_LEAK, leak},
};
const unsigned samples_n = sizeof(samples) / sizeof(samples[0]);

void sample_get(const struct sample *s, struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->seq = 7;
	r->verdict = s->verdict;
	r->guest_time = 4200000000ull;
	r->host_time = 1700000000123456789ull;
	r->cpu = 3;
	r->pid = 432;
	strcpy(r->comm, "syz.3.17");
	strcpy(r->release, "6.1.0-56-amd64");
	set_stack(&r->access, 432, use);
	s->fill(r);
}

static void fill_bytes(char *s, size_t size)
{
	static const char bad[] = "\n\xff\xc3(\x80\"\\\x1b[2J%s%n\x7f\t";

	for (size_t i = 0; i < size; i++)
		s[i] = bad[i % (sizeof(bad) - 1)];
	s[size - 1] = '\0';
}

static void fill_stack(struct report_stack *s)
{
	memset(s, 0, sizeof(*s));
	s->known = true;
	s->n = REPORT_FRAMES + 1000;
	fill_bytes(s->comm, sizeof(s->comm));
	for (unsigned i = 0; i < REPORT_FRAMES; i++) {
		fill_bytes(s->frame[i].symbol, REPORT_SYMBOL);
		fill_bytes(s->frame[i].file, REPORT_FILE);
		s->frame[i].inlined = i % 2;
	}
	s->frame[0].guess = true;
}

void sample_hostile(struct report *r)
{
	memset(r, 0xff, sizeof(*r));
	r->verdict = VERDICT_UNINIT;
	r->write = r->has_object = r->large = true;
	fill_bytes(r->insn, sizeof(r->insn));
	fill_bytes(r->cache, sizeof(r->cache));
	fill_bytes(r->comm, sizeof(r->comm));
	fill_bytes(r->release, sizeof(r->release));
	fill_bytes(r->operand, sizeof(r->operand));
	fill_bytes(r->origin_insn, sizeof(r->origin_insn));
	r->registers.known = true;
	fill_stack(&r->access);
	fill_stack(&r->allocated);
	fill_stack(&r->freed);
	fill_stack(&r->origin);
	fill_stack(&r->created);
	r->ncopied = REPORT_COPIES;
	for (unsigned n = 0; n < REPORT_COPIES; n++)
		fill_stack(&r->copied[n]);
}
