// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_text.c: a finding as text in the form that the kernel's own sanitizers print, so that the
 * tools which read those read it too (docs/report.md says which form is chosen when, and why).
 *
 * Decides nothing about the guest and reads nothing of it. Where something is not known the text
 * says so; it never makes up a symbol, a stack or an object.
 */
#include "report_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_ROW	      16
#define PARSED_FRAMES 12

static const char rule_kasan[] =
	"==================================================================";
static const char rule_kmsan[] = "=====================================================";

struct form {
	const char *tool, *what;
	bool is_free; /* a pointer was freed, nothing was read or written */
};

static const struct form forms[VERDICTS] = {
	[VERDICT_NONE] = { "KMC", "no-error", false },
	[VERDICT_UNINIT] = { "KMSAN", "uninit-value", false },
	[VERDICT_INFOLEAK] = { "KMSAN", "kernel-infoleak", false },
	[VERDICT_UAF_READ] = { "KASAN", "slab-use-after-free", false },
	[VERDICT_UAF_WRITE] = { "KASAN", "slab-use-after-free", false },
	[VERDICT_OOB_READ] = { "KASAN", "slab-out-of-bounds", false },
	[VERDICT_OOB_WRITE] = { "KASAN", "slab-out-of-bounds", false },
	[VERDICT_UNALLOCATED] = { "KMC", "unallocated-access", false },
	[VERDICT_DOUBLE_FREE] = { "KASAN", "double-free", true },
	[VERDICT_INVALID_FREE] = { "KASAN", "invalid-free", true },
};

/* Whole pages have no slab: KASAN then leaves the word out. */
static const struct form form_large_uaf = { "KASAN", "use-after-free", false };
/* KMSAN's form needs an origin that parsers find their way in; without one this says the same. */
static const struct form form_uninit_bare = { "KMC", "uninit-value", false };
static const struct form form_infoleak_bare = { "KMC", "kernel-infoleak", false };

void report_clean(const char *in, char *out, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && in[i]; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
	out[i] = '\0';
}

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

static unsigned frames(const struct report_stack *s)
{
	if (!s->known)
		return 0;
	return s->n < REPORT_FRAMES ? s->n : REPORT_FRAMES;
}

/* Skips "TAG0x" and the hexadecimal digits behind it; NULL where they are not there. */
static const char *skip_hex(const char *s, char tag)
{
	size_t digits;

	if (s[0] != tag || s[1] != '0' || s[2] != 'x')
		return NULL;
	digits = strspn(s + 3, "0123456789abcdef");
	return digits ? s + 3 + digits : NULL;
}

/* "name+0x12/0x80" or "name.isra.0+0x12/0x80 [module]": the only forms that parsers take. */
static bool is_symbol(const char *symbol)
{
	static const char letters[] = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				      "0123456789";
	const char *s = symbol + strspn(symbol, letters);

	if (s == symbol || *symbol == '.')
		return false;
	s = skip_hex(s, '+');
	s = s ? skip_hex(s, '/') : NULL;
	return s && (*s == '\0' || *s == ' ');
}

/* Allocation helpers say nothing about the origin; parsers skip them. */
static bool is_helper(const char *symbol)
{
	static const char *const part[] = { "alloc", "kmem", "slab", "strdup", "strndup",
					    "memdup", "asprintf" };

	size_t len = strcspn(symbol, "+");

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (memmem(symbol, len, part[i], strlen(part[i])))
			return true;
	return false;
}

static bool has_origin(const struct report *r)
{
	for (unsigned i = 0; i < frames(&r->allocated); i++) {
		const struct report_frame *f = &r->allocated.frame[i];

		if (!f->guess && is_symbol(f->symbol) && !is_helper(f->symbol))
			return true;
	}
	return false;
}

static const struct form *form(const struct report *r)
{
	if (r->verdict == VERDICT_UNINIT && !has_origin(r))
		return &form_uninit_bare;
	if (r->verdict == VERDICT_INFOLEAK && !has_origin(r))
		return &form_infoleak_bare;
	if ((r->verdict == VERDICT_UAF_READ || r->verdict == VERDICT_UAF_WRITE) && r->large)
		return &form_large_uaf;
	return &forms[(unsigned)r->verdict < VERDICTS ? r->verdict : VERDICT_NONE];
}

/* Where it happened; "unknown+0x0/0x0" where no symbol covers the address. */
static void place(const struct report *r, char *out, size_t size)
{
	if (frames(&r->access) && is_symbol(r->access.frame[0].symbol))
		report_clean(r->access.frame[0].symbol, out, size);
	else
		snprintf(out, size, "unknown+0x0/0x0");
}

void report_title(const struct report *r, char *out, size_t size)
{
	char symbol[REPORT_SYMBOL];

	place(r, symbol, sizeof(symbol));
	snprintf(out, size, "%s: %s in %s", form(r)->tool, form(r)->what, symbol);
}

static void print_frame(FILE *f, const struct report_frame *frame)
{
	char symbol[REPORT_SYMBOL];

	report_clean(frame->symbol, symbol, sizeof(symbol));
	fprintf(f, " %s", frame->guess ? "? " : "");
	if (is_symbol(symbol))
		fprintf(f, "%s\n", symbol);
	else
		fprintf(f, "0x%" PRIx64 "\n", frame->addr);
}

/* Parsers want a named frame, or these words, in the first lines behind a stack's heading. */
static void print_frames(FILE *f, const struct report_stack *s)
{
	bool named = false;

	for (unsigned i = 0; i < frames(s) && i < PARSED_FRAMES; i++)
		named = named || (!s->frame[i].guess && is_symbol(s->frame[i].symbol));
	if (!named)
		fputs("(stack is not available)\n", f);
	for (unsigned i = 0; i < frames(s); i++)
		print_frame(f, &s->frame[i]);
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

	report_clean(r->comm, comm, sizeof(comm));
	report_clean(r->release, release, sizeof(release));
	fprintf(f, "CPU: %u PID: %u Comm: %s Not tainted %s\n", r->cpu, r->pid, comm, release);
	if (!frames(&r->access))
		return;
	place(r, where, sizeof(where));
	if (is_symbol(r->access.frame[0].symbol))
		fprintf(f, "RIP: 0010:%s\n", where);
	else
		fprintf(f, "RIP: 0010:0x%" PRIx64 "\n", r->access.frame[0].addr);
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

static void print_insn(FILE *f, const struct report *r)
{
	char insn[sizeof(r->insn)];

	report_clean(r->insn, insn, sizeof(insn));
	if (insn[0])
		fprintf(f, "Instruction: %s\n", insn);
}

static void print_kmsan(FILE *f, const struct report *r, const char *title)
{
	fprintf(f, "%s\nBUG: %s\n", rule_kmsan, title);
	print_frames(f, &r->access);
	fputs("\nUninit was created at:\n", f);
	print_frames(f, &r->allocated);
	if (r->bad_first == r->bad_last)
		fprintf(f, "\nByte %u of %u is uninitialized\n", r->bad_first, r->size);
	else
		fprintf(f, "\nBytes %u-%u of %u are uninitialized\n", r->bad_first, r->bad_last,
			r->size);
	fprintf(f, "Memory access of size %u starts at %016" PRIx64 "\n", r->size, r->addr);
	print_insn(f, r);
	print_object(f, r);
	print_map(f, r);
	fputc('\n', f);
	print_cpu(f, r);
	fprintf(f, "%s\n", rule_kmsan);
}

static void print_kasan(FILE *f, const struct report *r, const char *title)
{
	char comm[sizeof(r->comm)];

	report_clean(r->comm, comm, sizeof(comm));
	fprintf(f, "%s\nBUG: %s\n", rule_kasan, title);
	if (form(r)->is_free)
		fprintf(f, "Free of addr %016" PRIx64 " by task %s/%u\n\n", r->addr, comm, r->pid);
	else
		fprintf(f, "%s of size %u at addr %016" PRIx64 " by task %s/%u\n\n",
			r->write ? "Write" : "Read", r->size, r->addr, comm, r->pid);
	print_cpu(f, r);
	print_insn(f, r);
	fputs("Call Trace:\n <TASK>\n", f);
	print_frames(f, &r->access);
	fputs(" </TASK>\n", f);
	print_event(f, "Allocated", &r->allocated);
	print_event(f, "Freed", &r->freed);
	print_object(f, r);
	print_map(f, r);
	fprintf(f, "%s\n", rule_kasan);
}

size_t report_text(const struct report *r, char **out)
{
	char title[REPORT_TITLE];
	size_t len = 0;
	FILE *f;

	*out = NULL;
	f = open_memstream(out, &len);
	if (!f)
		return 0;
	report_title(r, title, sizeof(title));
	if ((r->verdict == VERDICT_UNINIT || r->verdict == VERDICT_INFOLEAK) && has_origin(r))
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
