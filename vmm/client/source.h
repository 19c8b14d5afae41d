/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source.h: lines from a socket of kmc-vmm, a log file, or a pipe.
 *
 * Never blocks. A line is at most SOURCE_LINE_MAX bytes: a longer one is skipped and counted.
 */
#ifndef KMC_CLIENT_SOURCE_H
#define KMC_CLIENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_LINE_MAX (16u << 20)

struct source;

/*
 * path: a file, a socket, "@NAME" (abstract), or "-" (standard input). follow: the end of a file
 * and a socket that is gone or not there yet are waited at. NULL where memory is short.
 */
struct source *source_create(const char *path, bool follow);
void source_destroy(struct source *s);

enum source_state {
	SOURCE_LINE, /* *line is valid until the next call; without the line feed */
	SOURCE_WAIT, /* nothing at present: poll source_fd(), or ask again after a while */
	SOURCE_END,  /* nothing will come */
};
enum source_state source_next(struct source *s, const char **line, size_t *len);

/* To poll for input; -1 where only asking again helps. */
int source_fd(const struct source *s);
const char *source_path(const struct source *s);
/* It could be opened, some time. */
bool source_opened(const struct source *s);
/* Not a pipe or a socket: everything that is in it is there at once. */
bool source_is_file(const struct source *s);
/* Lines that were too long, or that the end of the source cut off. */
uint64_t source_bad_lines(const struct source *s);
/* NULL, or one line about why it could not be opened or read. */
const char *source_error(const struct source *s);

#endif
