// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_leak.c: a memory leak in the form of the kernel's kmemleak: what is lost, who allocated it, its
 * first bytes.
 */
#include "report_format.h"

#include <inttypes.h>

#define DUMP_ROW 16u
#define DUMP	 32u

static void print_dump(FILE *f, const struct report *r)
{
	unsigned first = r->map_caret, n = r->map_len < REPORT_MAP ? r->map_len : REPORT_MAP;

	if (n <= first)
		return;
	n = n - first < DUMP ? n - first : DUMP;
	if (n > r->object_size)
		n = (unsigned)r->object_size;
	fprintf(f, "  hex dump (first %u bytes):\n", n);
	for (unsigned row = 0; row < n; row += DUMP_ROW) {
		unsigned len = n - row < DUMP_ROW ? n - row : DUMP_ROW;

		fputs("   ", f);
		for (unsigned i = 0; i < DUMP_ROW; i++)
			if (i < len)
				fprintf(f, " %02x", r->map_value[first + row + i]);
			else
				fputs("   ", f);
		fputs("  ", f);
		for (unsigned i = 0; i < len; i++) {
			uint8_t c = r->map_value[first + row + i];

			fputc(c >= ' ' && c <= '~' ? c : '.', f);
		}
		fputc('\n', f);
	}
}

static void print_backtrace(FILE *f, const struct report_stack *s)
{
	fputs("  backtrace:\n", f);
	for (unsigned i = 0; i < report_frames(s); i++) {
		fputs("   ", f);
		report_print_frame(f, &s->frame[i]);
	}
	if (!report_frames(s))
		fputs("    (stack is not available)\n", f);
}

void report_print_leak(FILE *f, const struct report *r, enum report_style style)
{
	const struct report_stack *s = &r->allocated;
	char comm[sizeof(s->comm)], cache[sizeof(r->cache)], title[REPORT_TITLE] = "memory leak";
	uint64_t age = r->guest_time > s->time ? r->guest_time - s->time : 0;

	report_clean(s->comm, comm, sizeof(comm));
	report_clean(r->cache, cache, sizeof(cache));
	if (style == REPORT_STYLE_KMC) /* the kernel's does not name the place */
		report_title(r, style, title, sizeof(title));
	fprintf(f, "BUG: %s\nunreferenced object 0x%016" PRIx64 " (size %" PRIu64 "):\n", title,
		r->object_addr, r->object_size);
	if (s->known)
		fprintf(f, "  comm \"%s\", pid %u, cpu %u, at %" PRIu64 ".%06" PRIu64
			   "s (age %" PRIu64 ".%03" PRIu64 "s)\n",
			comm, s->pid, s->cpu, s->time / 1000000000, s->time / 1000 % 1000000,
			age / 1000000000, age / 1000000 % 1000);
	fprintf(f, "  cache %s, %" PRIu64 " leaked here (%" PRIu64 " bytes); lost with them: %" PRIu64
		   " (%" PRIu64 " bytes)\n",
		r->large ? "kmalloc-large" : cache, r->leak.objects, r->leak.bytes,
		r->leak.indirect_objects, r->leak.indirect_bytes);
	print_dump(f, r);
	print_backtrace(f, s);
	fputc('\n', f);
}
