// SPDX-License-Identifier: GPL-2.0-only
/* qmp_split.c: brackets, but not in strings. */
#include "qmp_split.h"

#include <string.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void count(struct qmp_split *s, char byte)
{
	if (s->escaped)
		s->escaped = false;
	else if (s->string)
		s->escaped = byte == '\\', s->string = byte != '"';
	else if (byte == '"')
		s->string = true;
	else if (byte == '{' || byte == '[')
		s->depth++;
	else if (byte == '}' || byte == ']')
		s->depth--;
}

enum split_result qmp_split_byte(struct qmp_split *s, char byte)
{
	if (!s->depth) {
		s->len = 0;
		s->string = s->escaped = false;
		if (is_blank(byte))
			return SPLIT_MORE;
		if (byte != '{')
			return SPLIT_BAD;
	}
	if (s->len == sizeof(s->buf))
		return SPLIT_BAD;
	s->buf[s->len++] = byte;
	count(s, byte);
	return s->depth ? SPLIT_MORE : SPLIT_OBJECT;
}
