// SPDX-License-Identifier: GPL-2.0-only
/*
 * text.c: records as text, for a terminal or a pipe, as they come.
 */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* " ffff888004a61200: 41 42 ...", and below each second digit the letter of its state. */
#define MAP_DIGITS 16
#define MAP_FIRST  18 /* column of the space in front of the first byte */
#define MAP_STEP   3

const char *view_color(const struct view *v, enum color color)
{
	static const char *const code[COLORS] = {
		[COLOR_OFF] = "\033[0m",     [COLOR_BOLD] = "\033[1m",
		[COLOR_DIM] = "\033[2m",     [COLOR_RED] = "\033[1;31m",
		[COLOR_YELLOW] = "\033[33m", [COLOR_MAGENTA] = "\033[35m",
		[COLOR_CYAN] = "\033[36m",   [COLOR_GREEN] = "\033[32m",
	};

	return v->color ? code[color] : "";
}

enum color view_level_color(enum record_level level)
{
	static const enum color color[LEVELS] = { [LEVEL_LOW] = COLOR_CYAN,
						  [LEVEL_MEDIUM] = COLOR_YELLOW,
						  [LEVEL_HIGH] = COLOR_MAGENTA,
						  [LEVEL_CRITICAL] = COLOR_RED };

	return color[level];
}

static void print_colored(const struct view *v, enum color color, const char *s, size_t len)
{
	fprintf(v->out, "%s%.*s%s", view_color(v, color), (int)len, s, view_color(v, COLOR_OFF));
}

static enum color state_color(char letter)
{
	switch (letter) {
	case 'u':
		return COLOR_YELLOW;
	case 'f':
		return COLOR_MAGENTA;
	case 'r':
		return COLOR_CYAN;
	case '-':
		return COLOR_RED;
	case '.':
		return COLOR_OFF;
	}
	return COLOR_DIM;
}

static bool is_map(const char *line, size_t len)
{
	return len > MAP_FIRST && line[0] == ' ' && line[MAP_FIRST - 1] == ':' &&
	       strspn(line + 1, "0123456789abcdef") == MAP_DIGITS;
}

/* The line that ends at the next line feed, and the one behind it. */
struct lines {
	const char *at, *next;
	size_t len, next_len;
};

static void cut(struct lines *l, const char *at)
{
	l->at = at;
	l->len = strcspn(at, "\n");
	l->next = at + l->len + (at[l->len] == '\n');
	l->next_len = strcspn(l->next, "\n");
}

/* A row of bytes or of states: each cell in the colour of its state. */
static void print_cells(const struct view *v, const char *line, size_t len, const char *states,
			size_t nstates)
{
	fprintf(v->out, "%.*s", MAP_FIRST, line);
	for (size_t i = MAP_FIRST; i < len; i += MAP_STEP) {
		size_t n = len - i < MAP_STEP ? len - i : MAP_STEP;
		char letter = i + 2 < nstates ? states[i + 2] : '?';

		if (letter == '.')
			fprintf(v->out, "%.*s", (int)n, line + i);
		else
			print_colored(v, state_color(letter), line + i, n);
	}
}

static bool is_caret(const char *line, size_t len)
{
	size_t n = strspn(line, " ");

	return n < len && (line[n] == '^' || line[n] == '~') && n + strspn(line + n, "^~") == len;
}

static enum color line_color(const char *line, size_t len)
{
	static const struct {
		const char *start;
		enum color color;
	} starts[] = {
		{ "BUG", COLOR_RED },
		{ "=====", COLOR_DIM },
		{ " ? ", COLOR_DIM },
		{ "Call Trace:", COLOR_BOLD },
		{ "Allocated by ", COLOR_BOLD },
		{ "Freed by ", COLOR_BOLD },
		{ "Uninit was ", COLOR_BOLD },
		{ "The buggy address ", COLOR_BOLD },
		{ "Memory state around", COLOR_BOLD },
		{ "Instruction: ", COLOR_GREEN },
		{ "Loaded by: ", COLOR_GREEN },
		{ "Undefined bits", COLOR_YELLOW },
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(line, starts[i].start, strlen(starts[i].start)))
			return starts[i].color;
	return is_caret(line, len) ? COLOR_RED : COLOR_OFF;
}

static void print_line(const struct view *v, const struct lines *l, const char *states,
		       size_t nstates)
{
	enum color color;

	if (states) {
		print_cells(v, l->at, l->len, states, nstates);
	} else {
		color = line_color(l->at, l->len);
		if (color == COLOR_OFF)
			fwrite(l->at, 1, l->len, v->out);
		else
			print_colored(v, color, l->at, l->len);
	}
	fputc('\n', v->out);
}

static void print_body(const struct view *v, const char *text)
{
	bool states_follow = false;
	struct lines l;

	for (cut(&l, text); l.len || *l.next; cut(&l, l.next)) {
		if (!v->color)
			print_line(v, &l, NULL, 0);
		else if (is_map(l.at, l.len))
			print_line(v, &l, l.next, l.next_len);
		else
			print_line(v, &l, states_follow && l.len > MAP_FIRST ? l.at : NULL, l.len);
		states_follow = is_map(l.at, l.len);
	}
}

static void print_report(const struct view *v, const json_t *report, const char *vm)
{
	enum record_level level = record_level(record_severity(report));
	uint64_t count = record_number(report, "count");
	char time[RECORD_TIME];

	record_time(record_number(report, "host_time"), time);
	fprintf(v->out, "%s%s, %s, report %" PRIu64, view_color(v, COLOR_BOLD), *vm ? vm : "-",
		time, record_number(report, "seq"));
	if (count > 1)
		fprintf(v->out, ", seen %" PRIu64 " times", count);
	fprintf(v->out, ", %s%s%s", view_color(v, view_level_color(level)),
		record_level_name(level), view_color(v, COLOR_OFF));
	if (*record_text(report, "stack_hash"))
		fprintf(v->out, ", %s", record_text(report, "stack_hash"));
	fputc('\n', v->out);
	print_body(v, record_text(report, "text"));
	fputc('\n', v->out);
}

static void print_note(const struct view *v, const struct record *r, const char *vm)
{
	char time[RECORD_TIME];

	record_time(record_number(r->root, "host_time"), time);
	fputs(view_color(v, COLOR_BOLD), v->out);
	if (r->type == RECORD_LOST)
		fprintf(v->out, "%s: %" PRIu64 " records were lost here", *vm ? vm : "-",
			record_number(r->root, "count"));
	else if (r->type == RECORD_PANIC)
		fprintf(v->out, "%s, %s, the guest's kernel gave up: %s", *vm ? vm : "-", time,
			record_text(r->root, "text"));
	else
		fprintf(v->out, "%s: the guest ended: %s, %" PRIu64 " reports", *vm ? vm : "-",
			record_text(r->root, "end"), record_number(r->root, "reports"));
	fprintf(v->out, "%s\n\n", view_color(v, COLOR_OFF));
}

void view_text(const struct view *v, const struct record *r, const char *vm)
{
	switch (r->type) {
	case RECORD_REPORT:
		print_report(v, r->root, vm);
		break;
	case RECORD_LOST:
	case RECORD_PANIC:
	case RECORD_EXIT:
		print_note(v, r, vm);
		break;
	default:
		break;
	}
}

void view_json(const struct view *v, const struct record *r)
{
	if (r->type == RECORD_OTHER)
		return;
	json_dumpf(r->root, v->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', v->out);
}
