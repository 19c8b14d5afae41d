// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_text.c: a finding as text in the form that the kernel's own sanitizers print, so that the
 * tools which read those read it too (docs/report.md says which form is chosen when, and why).
 *
 * Decides nothing about the guest and reads nothing of it. Where something is not known the text
 * says so; it never makes up a symbol, a stack or an object.
 */
#include "report_format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_ROW	      16
#define VALUE_SHOWN   16 /* bytes; of a longer one the map shows more */
#define PARSED_FRAMES 12

static const char rule_kasan[] =
	"==================================================================";
static const char rule_kmsan[] = "=====================================================";

const char *const report_gpr_name[REPORT_GPRS] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
						   "rsi", "rdi", "r8",  "r9",  "r10", "r11",
						   "r12", "r13", "r14", "r15" };

char report_letter(uint8_t a, uint8_t v)
{
	switch (a) {
	case A_ALLOCATED:
		return v == V_DEFINED ? '.' : 'u';
	case A_FREED:
		return 'f';
	case A_REDZONE:
		return 'r';
	case A_UNALLOCATED:
		return '-';
	}
	return '?';
}

char report_state_letter(const struct report *r, unsigned i)
{
	return report_letter(r->map_a[i], r->map_v[i]);
}

/* " file:line" where it is known. */
static void print_line(FILE *f, const struct report_frame *frame)
{
	char file[REPORT_FILE];

	report_clean(frame->file, file, sizeof(file));
	if (file[0])
		fprintf(f, " %s:%" PRIu32, file, frame->line);
}

/* Lines as syzkaller writes them: in front of the module, and "[inline]" behind. */
void report_print_frame(FILE *f, const struct report_frame *frame)
{
	char symbol[REPORT_SYMBOL];
	int len;

	report_clean(frame->symbol, symbol, sizeof(symbol));
	len = (int)strcspn(symbol, " ");
	fprintf(f, " %s", frame->guess ? "? " : "");
	if (frame->inlined || report_is_symbol(symbol))
		fprintf(f, "%.*s", len, symbol);
	else
		fprintf(f, "0x%" PRIx64, frame->addr);
	print_line(f, frame);
	if (frame->inlined)
		fputs(" [inline]", f);
	else if (report_is_symbol(symbol))
		fputs(symbol + len, f);
	fputc('\n', f);
}

/* Parsers want a named frame, or these words, in the first lines behind a stack's heading. */
static void print_frames(FILE *f, const struct report_stack *s)
{
	bool named = false;

	for (unsigned i = 0; i < report_frames(s) && i < PARSED_FRAMES; i++)
		named = named || (!s->frame[i].guess && report_is_symbol(s->frame[i].symbol));
	if (!named)
		fputs("(stack is not available)\n", f);
	for (unsigned i = 0; i < report_frames(s); i++)
		report_print_frame(f, &s->frame[i]);
}

static void print_event(FILE *f, const char *what, const struct report_stack *s)
{
	if (!s->known)
		return;
	fprintf(f, "\n%s by task %u on cpu %u at %" PRIu64 ".%06" PRIu64 "s:\n", what, s->pid,
		s->cpu, s->time / 1000000000, s->time / 1000 % 1000000);
	print_frames(f, s);
}

static void print_cpu(FILE *f, const struct report *r)
{
	char comm[sizeof(r->comm)], release[sizeof(r->release)], where[REPORT_SYMBOL];
	const struct report_frame *first = report_first_frame(&r->access);

	report_clean(r->comm, comm, sizeof(comm));
	report_clean(r->release, release, sizeof(release));
	fprintf(f, "CPU: %u PID: %u Comm: %s Not tainted %s\n", r->cpu, r->pid, comm, release);
	if (!first)
		return;
	report_place(r, where, sizeof(where));
	if (report_is_symbol(first->symbol))
		fprintf(f, "RIP: 0010:%s\n", where);
	else
		fprintf(f, "RIP: 0010:0x%" PRIx64 "\n", first->addr);
}

/* Where the first bad byte lies, relative to the object: as KASAN words it. */
static void print_place(FILE *f, const struct report *r, uint64_t bad)
{
	static const char *const state[] = {
		[OBJ_LIVE] = "allocated ",
		[OBJ_FREED] = "freed ",
		[OBJ_UNKNOWN] = "",
		[OBJ_UNALLOCATED] = "unallocated ",
	};
	uint64_t end = r->object_addr + r->object_size;
	uint64_t distance = bad - r->object_addr;
	const char *side = "inside of";

	if (bad < r->object_addr) {
		distance = r->object_addr - bad;
		side = "to the left of";
	} else if (bad >= end) {
		distance = bad - end;
		side = "to the right of";
	}
	fprintf(f, "The buggy address is located %" PRIu64 " bytes %s\n", distance, side);
	fprintf(f, " %s%" PRIu64 "-byte region [%016" PRIx64 ", %016" PRIx64 ")\n",
		(unsigned)r->object_state < sizeof(state) / sizeof(state[0]) ?
			state[r->object_state] : "",
		r->object_size, r->object_addr, end);
}

static void print_object(FILE *f, const struct report *r)
{
	char cache[sizeof(r->cache)];

	if (!r->has_object) {
		fputs("\nThe buggy address belongs to no object that is known\n", f);
		return;
	}
	report_clean(r->cache, cache, sizeof(cache));
	fprintf(f, "\nThe buggy address belongs to the object at %016" PRIx64 "\n", r->object_addr);
	if (r->large)
		fprintf(f, " which was allocated as kmalloc-large of size %" PRIu64 "\n",
			r->object_slot);
	else if (cache[0])
		fprintf(f, " which belongs to the cache %s of size %" PRIu64 "\n", cache,
			r->object_slot);
	else
		fprintf(f, " which belongs to a cache without a name of size %" PRIu64 "\n",
			r->object_slot);
	print_place(f, r, r->addr + r->bad_first);
	fprintf(f, "Object: requested %" PRIu64 " bytes, slot %" PRIu64 " bytes, offset %" PRId64 "\n",
		r->object_size, r->object_slot, (int64_t)(r->addr + r->bad_first - r->object_addr));
}

/* A caret under the first bad byte, tildes on to the last one; both may lie beyond the row. */
static void print_carets(FILE *f, const struct report *r, unsigned row, unsigned end)
{
	unsigned first = r->map_caret;
	uint64_t more = r->bad_last > r->bad_first ? r->bad_last - r->bad_first : 0;
	uint64_t last = first + more;

	if (first >= end || last < row)
		return;
	fprintf(f, " %16s ", "");
	for (unsigned i = row; i < end && i <= last; i++) {
		if (i < first)
			fputs("   ", f);
		else if (i == first)
			fputs("  ^", f);
		else
			fputs(i == row ? "  ~" : "~~~", f);
	}
	fputc('\n', f);
}

static void print_map(FILE *f, const struct report *r)
{
	unsigned len = r->map_len < REPORT_MAP ? r->map_len : REPORT_MAP;

	if (!len)
		return;
	fputs("\nMemory state around the buggy address (u undefined, . defined, f freed, "
	      "r redzone, - unallocated, ? unknown):\n",
	      f);
	for (unsigned row = 0; row < len; row += MAP_ROW) {
		unsigned end = row + MAP_ROW < len ? row + MAP_ROW : len;

		fprintf(f, " %016" PRIx64 ":", r->map_addr + row);
		for (unsigned i = row; i < end; i++)
			fprintf(f, " %02x", r->map_value[i]);
		fprintf(f, "\n %16s ", "");
		for (unsigned i = row; i < end; i++)
			fprintf(f, "  %c", report_state_letter(r, i));
		fputc('\n', f);
		print_carets(f, r, row, end);
	}
}

/* The bytes of the access in the order of memory, and which of their bits are undefined. */
static void print_value(FILE *f, const struct report *r, const char *operand)
{
	char head[sizeof(r->operand) + 16];
	unsigned any = 0;
	int width;

	snprintf(head, sizeof(head), operand[0] ? "Operand: %s =" : "Value of the access:%s", operand);
	width = fprintf(f, "%-15s", head);
	for (unsigned i = 0; i < r->value_len; i++) {
		fprintf(f, " %02x", r->value[i]);
		any |= r->vbits[i];
	}
	fputc('\n', f);
	if (!any)
		return;
	fprintf(f, "%*s", width, "undefined bits:");
	for (unsigned i = 0; i < r->value_len; i++) {
		if (r->vbits[i])
			fprintf(f, " %02x", r->vbits[i]);
		else
			fputs("  .", f);
	}
	fputc('\n', f);
}

static void print_operand(FILE *f, const struct report *r)
{
	char operand[sizeof(r->operand)];

	report_clean(r->operand, operand, sizeof(operand));
	if (r->value_len && r->value_len <= VALUE_SHOWN)
		print_value(f, r, operand);
	else if (operand[0])
		fprintf(f, "Operand: %s\n", operand);
}

static const char *sink_name(const struct report *r)
{
	static const char *const name[] = {
		[REPORT_SINK_BRANCH] = "decide a jump",
		[REPORT_SINK_ADDRESS] = "are part of an address",
		[REPORT_SINK_USER] = "are stored to user memory",
		[REPORT_SINK_PORT] = "are written to a port",
	};

	return (unsigned)r->sink < sizeof(name) / sizeof(name[0]) ? name[r->sink] : NULL;
}

static void print_insn(FILE *f, const struct report *r)
{
	char insn[sizeof(r->insn)], loaded[sizeof(r->origin_insn)], at[REPORT_SYMBOL] = "";
	const struct report_frame *first = report_first_frame(&r->origin);

	report_clean(r->insn, insn, sizeof(insn));
	report_clean(r->origin_insn, loaded, sizeof(loaded));
	if (insn[0])
		fprintf(f, "Instruction: %s\n", insn);
	if (r->sink == REPORT_SINK_DEVICE)
		fputs(r->verdict == VERDICT_INFOLEAK ? "Undefined bytes are read by a device\n"
						     : "The access is a device's\n",
		      f);
	else if (sink_name(r))
		fprintf(f, "Undefined bits %#" PRIx64 " %s\n", r->undefined_bits, sink_name(r));
	if (first && report_is_symbol(first->symbol))
		report_clean(first->symbol, at, sizeof(at));
	if (loaded[0])
		fprintf(f, "Loaded by: %s%s%s\n", loaded, at[0] ? " at " : "", at);
	print_operand(f, r);
}

/* "RAX: " and 16 digits, as the kernel prints them; numbered ones have two digits. */
static void print_register(FILE *f, unsigned n, uint64_t value)
{
	const char *name = report_gpr_name[n];

	if (isdigit((unsigned char)name[1]))
		fprintf(f, "R%02u: %016" PRIx64, n, value);
	else
		fprintf(f, "%c%c%c: %016" PRIx64, toupper(name[0]), toupper(name[1]),
			toupper(name[2]), value);
}

static void print_undefined_registers(FILE *f, const struct report_registers *g)
{
	static const char heading[] = "Undefined bits of registers: ";
	bool any = false;

	for (unsigned n = 0; n < REPORT_GPRS; n++) {
		if (!g->undefined_gpr[n])
			continue;
		fputs(any ? " " : heading, f);
		print_register(f, n, g->undefined_gpr[n]);
		any = true;
	}
	if (g->undefined_rflags)
		fprintf(f, "%sEFLAGS: %08" PRIx64, any ? " " : heading, g->undefined_rflags);
	if (any || g->undefined_rflags)
		fputc('\n', f);
}

/* In the kernel's order, three a line. */
static void print_registers(FILE *f, const struct report *r)
{
	static const unsigned char order[] = { 0, 3, 1, 2, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14, 15 };
	const struct report_registers *g = &r->registers;

	if (!g->known)
		return;
	fprintf(f, "RSP: 0018:%016" PRIx64 " EFLAGS: %08" PRIx64 "\n", g->gpr[4], g->rflags);
	for (unsigned i = 0; i < sizeof(order); i++) {
		print_register(f, order[i], g->gpr[order[i]]);
		fputc(i % 3 == 2 ? '\n' : ' ', f);
	}
	print_undefined_registers(f, g);
}

static void print_uninit(FILE *f, const struct report *r)
{
	if (r->bad_first == r->bad_last)
		fprintf(f, "Byte %u of %u is uninitialized\n", r->bad_first, r->size);
	else
		fprintf(f, "Bytes %u-%u of %u are uninitialized\n", r->bad_first, r->bad_last,
			r->size);
}

static void print_copied(FILE *f, const struct report *r)
{
	for (unsigned n = 0; n < r->ncopied && n < REPORT_COPIES; n++) {
		fputs("\nUninit was stored to memory at:\n", f);
		print_frames(f, &r->copied[n]);
	}
}

static void print_kmsan(FILE *f, const struct report *r, const char *title)
{
	fprintf(f, "%s\nBUG: %s\n", rule_kmsan, title);
	print_frames(f, &r->access);
	print_copied(f, r);
	fputs("\nUninit was created at:\n", f);
	print_frames(f, report_created(r));
	fputc('\n', f);
	print_uninit(f, r);
	fprintf(f, "Memory access of size %u starts at %016" PRIx64 "\n", r->size, r->addr);
	print_insn(f, r);
	print_object(f, r);
	if (r->ncopied)
		print_event(f, "Allocated", &r->allocated);
	print_map(f, r);
	fputc('\n', f);
	print_cpu(f, r);
	print_registers(f, r);
	fprintf(f, "%s\n", rule_kmsan);
}

static void print_what(FILE *f, const struct report *r)
{
	char comm[sizeof(r->comm)];

	report_clean(r->comm, comm, sizeof(comm));
	if (report_form(r)->is_free)
		fprintf(f, "Free of addr %016" PRIx64 " by task %s/%u\n", r->addr, comm, r->pid);
	else
		fprintf(f, "%s of size %u at addr %016" PRIx64 " by task %s/%u\n",
			r->write ? "Write" : "Read", r->size, r->addr, comm, r->pid);
	if (r->verdict == VERDICT_UNINIT || r->verdict == VERDICT_INFOLEAK)
		print_uninit(f, r);
}

static void print_kasan(FILE *f, const struct report *r, const char *title)
{
	fprintf(f, "%s\nBUG: %s\n", rule_kasan, title);
	print_what(f, r);
	fputc('\n', f);
	print_cpu(f, r);
	print_insn(f, r);
	print_registers(f, r);
	fputs("Call Trace:\n <TASK>\n", f);
	print_frames(f, &r->access);
	fputs(" </TASK>\n", f);
	print_copied(f, r);
	print_event(f, "Allocated", &r->allocated);
	print_event(f, "Freed", &r->freed);
	print_object(f, r);
	print_map(f, r);
	fprintf(f, "%s\n", rule_kasan);
}

static size_t format_text(const struct report *r, enum report_style style, char **out)
{
	char title[REPORT_TITLE];
	size_t len = 0;
	FILE *f;

	*out = NULL;
	f = open_memstream(out, &len);
	if (!f)
		return 0;
	report_title(r, style, title, sizeof(title));
	if (r->verdict == VERDICT_LEAK)
		report_print_leak(f, r, style);
	else if (style == REPORT_STYLE_KERNEL && report_is_kmsan(r))
		print_kmsan(f, r, title);
	else
		print_kasan(f, r, title);
	if (fclose(f)) {
		free(*out);
		*out = NULL;
		return 0;
	}
	return len;
}

size_t report_text(const struct report *r, char **out)
{
	return format_text(r, REPORT_STYLE_KERNEL, out);
}

size_t report_format(const struct report *r, enum report_style style, const char *vm, char **out)
{
	return style == REPORT_STYLE_JSON ? report_json(r, vm, out) : format_text(r, style, out);
}
