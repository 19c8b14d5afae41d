// SPDX-License-Identifier: GPL-2.0-only
/*
 * html_report.c: one report: what happened, the object's bytes as cells, stacks and registers
 * folded.
 */
#include "html.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAP_ROW	  16u
#define MAP_MAX	  256u
#define VALUE_MAX 64u
#define FRAMES	  64u

/* Else it is an access. */
static bool is_leak(const json_t *report)
{
	return record_object(report, "leak") != NULL;
}

static bool is_free(const json_t *report)
{
	return record_number(record_object(report, "access"), "size") == 0;
}

/* --- what happened --- */

static void put_bad(FILE *f, const json_t *access)
{
	uint64_t first = record_number(access, "bad_first"),
		 last = record_number(access, "bad_last");
	uint64_t size = record_number(access, "size");

	if (!size || (!first && last + 1 >= size))
		return;
	if (first == last)
		fprintf(f, "; byte %" PRIu64 " of it is bad", first);
	else
		fprintf(f, "; bytes %" PRIu64 " to %" PRIu64 " of it are bad", first, last);
}

static void put_leak(FILE *f, const json_t *leak)
{
	uint64_t objects = record_number(leak, "objects");
	uint64_t indirect = record_number(leak, "indirect_objects");

	fprintf(f, "<p class=\"what\">%" PRIu64 " object%s lost, %" PRIu64 " bytes", objects,
		objects == 1 ? " was" : "s were", record_number(leak, "bytes"));
	if (indirect)
		fprintf(f, "; with %s %" PRIu64 " more, %" PRIu64 " bytes",
			objects == 1 ? "it" : "them", indirect,
			record_number(leak, "indirect_bytes"));
	fputs(". Nothing points to what is lost any more.</p>\n", f);
}

static void put_access(FILE *f, const json_t *report)
{
	const json_t *a = record_object(report, "access");
	uint64_t size = record_number(a, "size");

	fputs("<p class=\"what\">", f);
	if (is_free(report))
		fputs("Free of ", f);
	else
		html_format(f, "%s of %" PRIu64 " byte%s at ",
			    !strcmp(record_text(a, "rw"), "write") ? "Write" : "Read", size,
			    size == 1 ? "" : "s");
	fputs("<code>", f);
	html_text(f, record_text(a, "addr"));
	fputs("</code> by <b>", f);
	html_text(f, record_text(report, "comm"));
	fputs("</b>", f);
	html_format(f, " (task %" PRIu64 ") on CPU %" PRIu64, record_number(report, "pid"),
		    record_number(report, "cpu"));
	put_bad(f, a);
	fputs(".</p>\n", f);
}

static void put_code(FILE *f, const char *name, const char *value)
{
	if (!*value)
		return;
	fprintf(f, "<div><dt>%s</dt><dd><code>", name);
	html_text(f, value);
	fputs("</code></dd></div>\n", f);
}

/* Two hexadecimal digits of byte i, or "". */
static void byte_of(const char *hex, size_t i, char out[3])
{
	out[0] = '\0';
	if (strlen(hex) / 2 > i && isxdigit((unsigned char)hex[2 * i]) &&
	    isxdigit((unsigned char)hex[2 * i + 1]))
		snprintf(out, 3, "%.2s", hex + 2 * i);
}

static void put_value(FILE *f, const json_t *access)
{
	const char *value = record_text(access, "value"), *vbits = record_text(access, "vbits");
	char byte[3], v[3];

	if (!*value)
		return;
	fputs("<div><dt>Contents</dt><dd><code class=\"value\">", f);
	for (size_t i = 0; i < VALUE_MAX; i++) {
		byte_of(value, i, byte);
		byte_of(vbits, i, v);
		if (!byte[0])
			break;
		if (v[0] && strcmp(v, "00"))
			fprintf(f, "<span class=\"s-u\" title=\"undefined bits: %s\">%s</span>", v,
				byte);
		else
			fprintf(f, "<span>%s</span>", byte);
	}
	fputs("</code></dd></div>\n", f);
}

static void put_undefined(FILE *f, const json_t *report)
{
	static const struct {
		const char *sink, *text;
	} sinks[] = {
		{ "branch", "decide a jump" },
		{ "address", "are part of an address" },
		{ "user", "are stored to user memory" },
		{ "port", "are written to a port" },
		{ "device", "are read by a device" },
	};
	const json_t *u = record_object(report, "undefined");
	const char *sink = record_text(u, "sink");

	put_code(f, "Loaded by", record_text(u, "instruction"));
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		if (strcmp(sinks[i].sink, sink) != 0)
			continue;
		fputs("<div><dt>Undefined bits</dt><dd><code>", f);
		html_text(f, record_text(u, "bits"));
		fprintf(f, "</code> %s</dd></div>\n", sinks[i].text);
	}
}

static void put_instruction(FILE *f, const json_t *report)
{
	const json_t *access = record_object(report, "access");

	fputs("<dl class=\"facts\">\n", f);
	put_code(f, "Instruction", record_text(report, "instruction"));
	put_undefined(f, report);
	put_code(f, "Operand", record_text(access, "operand"));
	put_value(f, access);
	fputs("</dl>\n", f);
}

/* --- the object --- */

static void put_number(FILE *f, const char *name, int64_t n)
{
	fprintf(f, "<div><dt>%s</dt><dd>%" PRId64 "</dd></div>\n", name, n);
}

static void put_object(FILE *f, const json_t *report)
{
	const json_t *o = record_object(report, "object");

	if (!o) {
		fputs("<p class=\"dim\">The address belongs to no object that is known.</p>\n", f);
		return;
	}
	fputs("<dl class=\"facts\">\n", f);
	if (json_is_true(json_object_get(o, "large")))
		put_code(f, "Cache", "(whole pages)");
	else
		put_code(f, "Cache", record_text(o, "cache"));
	put_code(f, "Object at", record_text(o, "addr"));
	put_code(f, "State", record_text(o, "state"));
	put_number(f, "Requested", (int64_t)record_number(o, "size"));
	put_number(f, "Slot", (int64_t)record_number(o, "slot"));
	if (!is_leak(report))
		put_number(f, "Offset", json_integer_value(json_object_get(o, "offset")));
	fputs("</dl>\n", f);
}

struct state {
	char letter;
	const char *class, *name;
};
static const struct state states[] = {
	{ '.', "s-d", "defined" }, { 'u', "s-u", "undefined" },	  { 'f', "s-f", "freed" },
	{ 'r', "s-r", "redzone" }, { '-', "s-n", "unallocated" }, { '?', "s-q", "unknown" },
};

static const struct state *state_of(char letter)
{
	size_t n = sizeof(states) / sizeof(states[0]);

	for (size_t i = 0; i < n; i++)
		if (states[i].letter == letter)
			return &states[i];
	return &states[n - 1];
}

struct bytes {
	const char *bytes, *states, *vbits;
	uint64_t addr;
	size_t n, first, last; /* bad bytes; first == n: none */
};

static void put_byte(FILE *f, const struct bytes *b, size_t i)
{
	const struct state *s = state_of(b->states[i]);
	bool bad = i >= b->first && i <= b->last;
	char byte[3], v[3];

	byte_of(b->bytes, i, byte);
	byte_of(b->vbits, i, v);
	fprintf(f, "<td class=\"%s%s%s\"", s->class, bad ? " bad" : "",
		i == b->first ? " first" : "");
	if (s->letter == 'u' && v[0] && strcmp(v, "ff"))
		fprintf(f, " title=\"undefined bits: %s\"", v);
	fprintf(f, ">%s<i>", byte[0] ? byte : "??");
	fputc(s->letter, f);
	fputs("</i></td>", f);
}

static void put_rows(FILE *f, const struct bytes *b)
{
	fputs("<thead><tr><th scope=\"col\">Address</th>", f);
	for (unsigned i = 0; i < MAP_ROW; i++)
		fprintf(f, "<th scope=\"col\">%x</th>", i);
	fputs("</tr></thead>\n<tbody>\n", f);
	for (size_t row = 0; row < b->n; row += MAP_ROW) {
		fprintf(f, "<tr><th scope=\"row\">%016" PRIx64 "</th>", b->addr + row);
		for (size_t i = row; i < row + MAP_ROW && i < b->n; i++)
			put_byte(f, b, i);
		fputs("</tr>\n", f);
	}
	fputs("</tbody>", f);
}

static void put_legend(FILE *f, const struct bytes *b)
{
	fputs("<p class=\"key\">", f);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (memchr(b->states, states[i].letter, b->n))
			fprintf(f, "<span><i class=\"swatch %s\">%c</i>%s</span>", states[i].class,
				states[i].letter, states[i].name);
	if (b->first < b->n)
		fputs("<span><i class=\"swatch bad\"></i>bad byte</span>", f);
	fputs("</p>\n", f);
}

static void put_map(FILE *f, const json_t *report)
{
	const json_t *m = record_object(report, "map"), *a = record_object(report, "access");
	struct bytes b = { .bytes = record_text(m, "bytes"),
			   .states = record_text(m, "states"),
			   .vbits = record_text(m, "vbits"),
			   .addr = strtoull(record_text(m, "addr"), NULL, 16) };
	uint64_t first = record_number(a, "bad_first"), last = record_number(a, "bad_last");

	b.n = strlen(b.states) < MAP_MAX ? strlen(b.states) : MAP_MAX;
	if (!b.n)
		return;
	b.first = !is_leak(report) && record_number(m, "caret") < b.n
			  ? (size_t)record_number(m, "caret")
			  : b.n;
	b.last = b.first + (last > first && last - first < b.n ? (size_t)(last - first) : 0);
	if (last > first && last - first >= b.n)
		b.last = b.n;
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Bytes around the "
	      "bad ones\">\n<table class=\"map\"><caption>Memory</caption>\n",
	      f);
	put_rows(f, &b);
	fputs("</table></div>\n", f);
	put_legend(f, &b);
}

/* --- stacks --- */

static void put_source(FILE *f, const json_t *frame)
{
	const char *file = record_text(frame, "file");

	if (!*file)
		return;
	fputs(" <span class=\"src\">", f);
	html_format(f, "%s:%" PRIu64, file, record_number(frame, "line"));
	fputs("</span>", f);
}

static void put_symbol(FILE *f, const char *symbol)
{
	size_t name = strcspn(symbol, "+"), end = strcspn(symbol, " ");

	fputs("<b>", f);
	html_format(f, "%.*s", (int)name, symbol);
	fputs("</b>", f);
	if (name < end) {
		fputs("<span class=\"dim\">", f);
		html_format(f, "%.*s", (int)(end - name), symbol + name);
		fputs("</span>", f);
	}
	html_text(f, symbol + (name < end ? end : name));
}

static void put_frame(FILE *f, const json_t *frame)
{
	const char *symbol = record_text(frame, "symbol");
	bool guess = json_is_true(json_object_get(frame, "guess"));

	fprintf(f, "<li%s><code>%s", guess ? " class=\"guess\"" : "",
		guess ? "<abbr title=\"found on the stack, not certain\">?</abbr> " : "");
	if (*symbol)
		put_symbol(f, symbol);
	else
		html_text(f, record_text(frame, "addr"));
	fputs("</code>", f);
	if (json_is_true(json_object_get(frame, "inline")))
		fputs(" <span class=\"src\">inlined</span>", f);
	put_source(f, frame);
	fputs("</li>\n", f);
}

static void put_frames(FILE *f, const json_t *frames)
{
	size_t n = json_array_size(frames);

	if (!n) {
		fputs("<p class=\"dim\">not available</p>\n", f);
		return;
	}
	fputs("<ol class=\"stack\">\n", f);
	for (size_t i = 0; i < n && i < FRAMES; i++)
		put_frame(f, json_array_get(frames, i));
	fputs("</ol>\n", f);
}

static void put_event(FILE *f, const char *what, const json_t *event, bool open)
{
	uint64_t time = record_number(event, "time");

	if (!event)
		return;
	fprintf(f, "<details%s><summary>%s by ", open ? " open" : "", what);
	html_format(f, "%s (task %" PRIu64 ") on CPU %" PRIu64 " at %" PRIu64 ".%06" PRIu64 " s",
		    record_text(event, "comm"), record_number(event, "pid"),
		    record_number(event, "cpu"), time / 1000000000u, time / 1000 % 1000000);
	fputs("</summary>\n", f);
	put_frames(f, json_object_get(event, "frames"));
	fputs("</details>\n", f);
}

static void put_list(FILE *f, const char *what, const json_t *frames, bool open)
{
	if (!json_array_size(frames) && !open)
		return;
	fprintf(f, "<details%s><summary>%s</summary>\n", open ? " open" : "", what);
	put_frames(f, frames);
	fputs("</details>\n", f);
}

static void put_stacks(FILE *f, const json_t *report)
{
	const json_t *s = record_object(report, "stacks"), *u = record_object(report, "undefined");
	const json_t *copied = json_object_get(u, "copied");

	fputs("<div class=\"stacks\">\n<div>", f);
	if (!is_leak(report))
		put_list(f, is_free(report) ? "Call trace of the free" : "Call trace of the access",
			 json_object_get(s, "access"), true);
	fputs("</div>\n<div>", f);
	put_list(f, "Undefined bits were loaded at", json_object_get(s, "origin"), false);
	for (size_t i = 0; i < json_array_size(copied) && i < FRAMES; i++)
		put_list(f, "Undefined bits were copied at", json_array_get(copied, i), false);
	put_event(f, "Allocated", record_object(s, "allocated"), is_leak(report));
	put_event(f, "Freed", record_object(s, "freed"), false);
	fputs("</div></div>\n", f);
}

/* --- registers, text --- */

static void put_register(FILE *f, const json_t *registers, const char *name)
{
	const char *value = record_text(registers, name);
	const char *undefined = record_text(record_object(registers, "undefined"), name);

	if (!*value)
		return;
	fprintf(f, "<div><dt>%s</dt><dd><code>", name);
	html_text(f, strncmp(value, "0x", 2) ? value : value + 2);
	fputs("</code>", f);
	if (*undefined) {
		fputs("<code class=\"s-u\" title=\"undefined bits\">", f);
		html_text(f, strncmp(undefined, "0x", 2) ? undefined : undefined + 2);
		fputs("</code>", f);
	}
	fputs("</dd></div>\n", f);
}

static void put_registers(FILE *f, const json_t *report)
{
	static const char *const name[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
					    "rbp", "rsp", "r8",	 "r9",	"r10", "r11",
					    "r12", "r13", "r14", "r15", "rip", "rflags" };
	const json_t *r = record_object(report, "registers");

	if (!r)
		return;
	fputs("<details><summary>Registers</summary>\n<dl class=\"regs\">\n", f);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		put_register(f, r, name[i]);
	fputs("</dl></details>\n", f);
}

static void put_text(FILE *f, const json_t *report)
{
	fputs("<details><summary>The report as text</summary>\n<pre tabindex=\"0\">", f);
	html_text(f, record_text(report, "text"));
	fputs("</pre></details>\n", f);
}

void html_report(FILE *f, const json_t *report)
{
	if (is_leak(report)) {
		put_leak(f, record_object(report, "leak"));
	} else {
		put_access(f, report);
		if (!is_free(report))
			put_instruction(f, report);
	}
	put_object(f, report);
	put_map(f, report);
	put_stacks(f, report);
	put_registers(f, report);
	put_text(f, report);
}
