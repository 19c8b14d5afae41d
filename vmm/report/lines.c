// SPDX-License-Identifier: GPL-2.0-only
/* lines.c: one buffer, in which [at, len) has not been handed out yet. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

char *lines_room(struct lines *l, size_t *room)
{
	if (!l->buf)
		l->buf = malloc(LINE_BYTES + 1);
	if (!l->buf)
		return NULL;
	memmove(l->buf, l->buf + l->at, l->len - l->at);
	l->len -= l->at;
	l->at = 0;
	*room = LINE_BYTES + 1 - l->len;
	return l->buf + l->len;
}

void lines_add(struct lines *l, size_t n)
{
	l->len += n;
}

void lines_end(struct lines *l)
{
	l->ended = true;
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r", line[i]) || !line[i])
			return false;
	return true;
}

/* What is left has no end: more of it is needed, or it is too long, or it is the last line. */
static enum line_result rest(struct lines *l, const char **line, size_t *len)
{
	bool skipping = l->skipping;

	*line = l->buf + l->at;
	*len = l->len - l->at;
	if (!l->ended && *len <= LINE_BYTES && !skipping)
		return LINE_NONE;
	l->at = l->len;
	l->skipping = !l->ended;
	if (skipping || is_blank(*line, *len))
		return LINE_NONE;
	return *len <= LINE_BYTES ? LINE_WHOLE : LINE_TOO_LONG;
}

enum line_result lines_next(struct lines *l, const char **line, size_t *len)
{
	while (l->at < l->len) {
		char *end = memchr(l->buf + l->at, '\n', l->len - l->at);
		bool skipping = l->skipping;

		if (!end)
			return rest(l, line, len);
		*line = l->buf + l->at;
		*len = (size_t)(end - *line);
		l->at += *len + 1;
		l->skipping = false;
		if (!skipping && !is_blank(*line, *len))
			return LINE_WHOLE;
	}
	return LINE_NONE;
}

void lines_deinit(struct lines *l)
{
	free(l->buf);
	*l = (struct lines){0};
}
