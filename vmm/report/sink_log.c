// SPDX-License-Identifier: GPL-2.0-only
/* sink_log.c: appends records to a file; one that was cut off by a full disk spoils no other. */
#include "sink_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox.h"

#define RESERVED 65536u
#define SHORT	 1024u
#define NOTE	 100u /* more than a note about missing records and the end of a line take */

/* What is no regular file does not grow. */
static uint64_t room_of(int fd, uint64_t limit)
{
	struct stat st;

	return limit && !fstat(fd, &st) && S_ISREG(st.st_mode) ? limit : UINT64_MAX;
}

/* A FIFO without a reader must not hold up the start: non-blocking until it is open. */
int sink_log_open(struct sink_log *l, const char *path, uint64_t limit, char *err, size_t errlen)
{
	*l = (struct sink_log){.fd = -1, .path = path};
	if (!path)
		return 0;
	l->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	if (l->fd >= 0 && !fcntl(l->fd, F_SETFL, O_APPEND)) {
		l->left = room_of(l->fd, limit);
		sandbox_tell(l->fd);
		return 0;
	}
	snprintf(err, errlen,
		 "cannot write the report log %s: open: %s; choose another --report-log", path,
		 strerror(errno));
	return -1;
}

void sink_log_close(struct sink_log *l)
{
	if (l->fd >= 0) {
		sandbox_untell(l->fd);
		close(l->fd);
	}
	l->fd = -1;
}

static bool write_all(struct sink_log *l, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(l->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		l->torn = true;
		p += n;
		len -= (size_t)n;
	}
	l->torn = false;
	return true;
}

static bool has_room(struct sink_log *l, size_t len)
{
	if (len <= l->left && (len <= SHORT || l->left - len >= RESERVED))
		return true;
	errno = EFBIG;
	return false;
}

static bool put(struct sink_log *l, const char *data, size_t len)
{
	if (!write_all(l, data, len))
		return false;
	l->left -= l->left == UINT64_MAX ? 0 : len;
	return true;
}

static bool tell_missing(struct sink_log *l)
{
	char note[80];
	int len = snprintf(note, sizeof(note), "{\"v\":1,\"type\":\"lost\",\"count\":%llu}\n",
			   (unsigned long long)l->missing);

	if (!put(l, note, (size_t)len))
		return false;
	l->missing = 0;
	return true;
}

/* A record that was cut off ends its line before the next one begins. */
bool sink_log_write(void *log, const char *data, size_t len)
{
	struct sink_log *l = log;

	if (has_room(l, len + NOTE) && (!l->torn || put(l, "\n", 1)) &&
	    (!l->missing || tell_missing(l)) && put(l, data, len))
		return true;
	l->missing++;
	if (!l->complained)
		fprintf(stderr, "kmc-vmm: cannot write the report log %s: %s; records are lost%s\n",
			l->path, strerror(errno),
			errno == EFBIG ? ": see --file-limit" : " until there is room");
	l->complained = true;
	return false;
}
