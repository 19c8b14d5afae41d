// SPDX-License-Identifier: GPL-2.0-only
/* sink_log.c: appends records to a file; one that was cut off by a full disk spoils no other. */
#include "sink_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"

/* A FIFO without a reader must not hold up the start: non-blocking until it is open. */
int sink_log_open(struct sink_log *l, const char *path, char *err, size_t errlen)
{
	*l = (struct sink_log){.fd = -1, .path = path};
	if (!path)
		return 0;
	l->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	if (l->fd >= 0 && !fcntl(l->fd, F_SETFL, O_APPEND)) {
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

/* A record that was cut off ends its line before the next one begins. */
bool sink_log_write(void *log, const char *data, size_t len)
{
	struct sink_log *l = log;

	if ((!l->torn || write_all(l, "\n", 1)) && write_all(l, data, len))
		return true;
	if (!l->complained)
		fprintf(stderr,
			"kmc-vmm: cannot write the report log %s: %s; "
			"records are lost until there is room\n",
			l->path, strerror(errno));
	l->complained = true;
	return false;
}
