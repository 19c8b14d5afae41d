// SPDX-License-Identifier: GPL-2.0-only
/*
 * source.c: opens, reads, cuts into lines, and comes back to what went away.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	 65536u
#define RETRY_MS 500 /* between two attempts to open */

struct source {
	char *path;
	bool follow, opened, ended;
	bool file, socket; /* what fd is */
	int fd;		   /* -1: not open */
	int64_t next_try;  /* ms, CLOCK_MONOTONIC */
	char *buf;
	size_t size, start, have; /* bytes [start, have) are not consumed */
	size_t scanned;		  /* from start on: without a line feed */
	bool skipping;		  /* the rest of a line that was too long */
	uint64_t bad_lines;
	char error[512];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct source *source_create(const char *path, bool follow)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->path = strdup(path);
	s->follow = follow;
	s->fd = -1;
	if (s->path)
		return s;
	free(s);
	return NULL;
}

static void close_fd(struct source *s)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
}

void source_destroy(struct source *s)
{
	if (!s)
		return;
	close_fd(s);
	free(s->buf);
	free(s->path);
	free(s);
}

/* --- open --- */

static int open_socket(const struct source *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(s->path);
	int fd, error;

	if (len >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, s->path, len);
	if (s->path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&a,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int open_path(struct source *s)
{
	struct stat st;
	int fd;

	s->file = s->socket = false;
	if (!strcmp(s->path, "-"))
		return STDIN_FILENO;
	s->socket = s->path[0] == '@';
	if (s->socket)
		return open_socket(s);
	if (stat(s->path, &st))
		return -1;
	s->socket = S_ISSOCK(st.st_mode);
	if (s->socket)
		return open_socket(s);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	s->file = fd >= 0 && S_ISREG(st.st_mode);
	return fd;
}

/* Only what may come into being later is waited for. */
static bool may_come(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == ENXIO;
}

static enum source_state try_open(struct source *s)
{
	if (now_ms() < s->next_try)
		return SOURCE_WAIT;
	s->fd = open_path(s);
	if (s->fd >= 0) {
		s->opened = true;
		s->error[0] = '\0';
		return SOURCE_LINE;
	}
	snprintf(s->error, sizeof(s->error), "%s: %s", s->path, strerror(errno));
	s->next_try = now_ms() + RETRY_MS;
	s->ended = !s->follow || !may_come(errno);
	return s->ended ? SOURCE_END : SOURCE_WAIT;
}

/* --- read --- */

/* What was begun will not be finished. */
static void drop_partial(struct source *s)
{
	if (s->skipping || s->have > s->start)
		s->bad_lines++;
	s->start = s->have = s->scanned = 0;
	s->skipping = false;
}

static bool make_room(struct source *s)
{
	size_t size = s->size ? s->size : CHUNK;
	char *buf;

	if (s->start) {
		memmove(s->buf, s->buf + s->start, s->have - s->start);
		s->have -= s->start;
		s->start = 0;
	}
	while (size - s->have < CHUNK)
		size *= 2;
	if (size == s->size)
		return true;
	buf = realloc(s->buf, size);
	if (!buf)
		return false;
	s->buf = buf;
	s->size = size;
	return true;
}

static bool readable(const struct source *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return s->file || poll(&p, 1, 0) > 0;
}

/* A log that was replaced or cut off is read from its start. */
static bool file_changed(const struct source *s)
{
	struct stat now, ours;

	if (fstat(s->fd, &ours) || stat(s->path, &now))
		return false;
	return now.st_ino != ours.st_ino || now.st_dev != ours.st_dev ||
	       ours.st_size < lseek(s->fd, 0, SEEK_CUR);
}

/* Nothing more can be read at present. */
static enum source_state at_end(struct source *s)
{
	if (s->file && s->follow && !file_changed(s))
		return SOURCE_WAIT;
	if (s->socket || s->follow)
		drop_partial(s);
	close_fd(s);
	s->ended = !s->follow || !strcmp(s->path, "-");
	return s->ended ? SOURCE_END : SOURCE_WAIT;
}

/* SOURCE_LINE: something was read. */
static enum source_state fill(struct source *s)
{
	ssize_t n;

	if (s->fd < 0) {
		enum source_state state = try_open(s);

		if (state != SOURCE_LINE)
			return state;
	}
	if (!readable(s))
		return SOURCE_WAIT;
	if (!make_room(s)) {
		snprintf(s->error, sizeof(s->error), "%s: out of memory", s->path);
		s->ended = true;
		return SOURCE_END;
	}
	n = read(s->fd, s->buf + s->have, s->size - s->have);
	if (n > 0) {
		s->have += (size_t)n;
		return SOURCE_LINE;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return SOURCE_WAIT;
	if (n < 0)
		snprintf(s->error, sizeof(s->error), "%s: read: %s", s->path, strerror(errno));
	return at_end(s);
}

/* --- lines --- */

static bool cut_line(struct source *s, const char **line, size_t *len)
{
	while (s->start + s->scanned < s->have) {
		const char *from = s->buf + s->start;
		const char *end = memchr(from + s->scanned, '\n', s->have - s->start - s->scanned);

		if (!end) {
			s->scanned = s->have - s->start;
			return false;
		}
		*line = from;
		*len = (size_t)(end - from);
		s->start += *len + 1;
		s->scanned = 0;
		if (!s->skipping && *len <= SOURCE_LINE_MAX)
			return true;
		s->skipping = false;
		s->bad_lines++;
	}
	return false;
}

static void drop_long(struct source *s)
{
	if (s->have - s->start <= SOURCE_LINE_MAX)
		return;
	s->skipping = true;
	s->start = s->have = s->scanned = 0;
}

/* A file's last line may lack its line feed. */
static bool last_line(struct source *s, const char **line, size_t *len)
{
	if (s->have == s->start)
		return false;
	if (s->skipping) {
		drop_partial(s);
		return false;
	}
	*line = s->buf + s->start;
	*len = s->have - s->start;
	s->start = s->have = s->scanned = 0;
	return true;
}

enum source_state source_next(struct source *s, const char **line, size_t *len)
{
	enum source_state state = SOURCE_LINE;

	while (!cut_line(s, line, len)) {
		drop_long(s);
		if (state != SOURCE_LINE)
			return state;
		state = s->ended ? SOURCE_END : fill(s);
		if (state == SOURCE_END)
			return last_line(s, line, len) ? SOURCE_LINE : SOURCE_END;
	}
	return SOURCE_LINE;
}

int source_fd(const struct source *s)
{
	return s->file ? -1 : s->fd;
}

const char *source_path(const struct source *s)
{
	return s->path;
}

bool source_opened(const struct source *s)
{
	return s->opened;
}

bool source_is_file(const struct source *s)
{
	return s->file;
}

uint64_t source_bad_lines(const struct source *s)
{
	return s->bad_lines;
}

const char *source_error(const struct source *s)
{
	return s->error[0] ? s->error : NULL;
}
