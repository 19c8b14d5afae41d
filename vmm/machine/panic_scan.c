// SPDX-License-Identifier: GPL-2.0-only
/*
 * panic_scan.c: the two lines that kernel/panic.c prints first and last.
 */
#include <stdbool.h>
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

enum panic_event panic_scan_byte(struct panic_scan *s, uint8_t byte)
{
	if (byte != '\n') {
		if (byte && byte != '\r' && s->len < sizeof(s->line) - 1)
			s->line[s->len++] = (char)byte;
		return PANIC_NOTHING;
	}
	s->line[s->len] = '\0';
	s->len = 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (line_has(s->line, marks[i].text))
			return marks[i].event;
	return PANIC_NOTHING;
}
