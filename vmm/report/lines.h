/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.h: cuts what a reader of the socket sends into lines. Knows no sockets and no JSON. Takes
 * anything: a line that is too long is said once and skipped to its end.
 */
#ifndef KMC_LINES_H
#define KMC_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_BYTES 65536u /* a line, without its \n, has at most so many */

struct lines {	   /* zeroed to begin with */
	char *buf; /* LINE_BYTES + 1, made when first needed */
	size_t at, len;
	bool skipping, ended;
};

enum line_result {
	LINE_NONE, /* not a whole line yet */
	LINE_WHOLE,
	LINE_TOO_LONG,
};

/* Where to put more bytes, and how many. NULL: no memory. Invalidates earlier lines. */
char *lines_room(struct lines *l, size_t *room);
void lines_add(struct lines *l, size_t n); /* so many were put there */
void lines_end(struct lines *l);	   /* nothing more will come: the rest is a line too */
/* The next line, without \n; blank ones are left out. Valid until the next lines_room(). */
enum line_result lines_next(struct lines *l, const char **line, size_t *len);
void lines_deinit(struct lines *l);

#endif
