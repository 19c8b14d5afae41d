// SPDX-License-Identifier: GPL-2.0-only
/*
 * panic_scan.c: the two lines that kernel/panic.c prints first and last.
 */
#include <string.h>
#include "panic_scan.h"

static const struct {
	const char *text;
	enum panic_event event;
} marks[] = {
	{"---[ end Kernel panic - not syncing", PANIC_OVER},
	{"Kernel panic - not syncing", PANIC_BEGUN},
};

static bool line_has(const char *line, const char *text)
{
	for (const char *p = strstr(line, text); p; p = strstr(p + 1, text))
		if (p == line || (p - line >= 2 && p[-1] == ' ' && p[-2] == ']'))
			return true;
	return false;
}

static enum panic_event event_of(const char *line)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (line_has(line, marks[i].text))
			return marks[i].event;
	return PANIC_NOTHING;
}

/* Whole lines only. */
static void keep(struct panic_scan *s, size_t len)
{
	if (s->text_len + len + 1 >= sizeof(s->text))
		return;
	memcpy(s->text + s->text_len, s->line, len);
	s->text_len += len;
	s->text[s->text_len++] = '\n';
}

enum panic_event panic_scan_byte(struct panic_scan *s, uint8_t byte)
{
	enum panic_event event;
	size_t len = s->len;

	if (byte != '\n') {
		if (byte && byte != '\r' && s->len < sizeof(s->line) - 1)
			s->line[s->len++] = (char)byte;
		return PANIC_NOTHING;
	}
	s->line[len] = '\0';
	s->len = 0;
	event = event_of(s->line);
	s->begun |= event != PANIC_NOTHING;
	if (s->begun)
		keep(s, len);
	return event;
}
