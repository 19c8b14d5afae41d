// SPDX-License-Identifier: GPL-2.0-only
/* recorder.c: our end of what is said between the recorder and us. */
#include "recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* All of it, or false. */
static bool carry(int fd, bool out, char *at, size_t len)
{
	while (len) {
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool put(int fd, const void *data, size_t len)
{
	return carry(fd, true, (char *)data, len);
}

static bool get(int fd, void *data, size_t len)
{
	return carry(fd, false, data, len);
}

static int listen_to(const struct recorder *r, char *err, size_t errlen)
{
	struct libvirt_answer a;

	if (!get(r->helper.fd, &a, sizeof(a)))
		snprintf(a.text, sizeof(a.text), "the process that records the run has ended");
	a.text[sizeof(a.text) - 1] = '\0';
	if (!a.text[0])
		return 0;
	snprintf(err, errlen, "%s", a.text);
	return -1;
}

int recorder_start(struct recorder *r, const char *uri, const char *name, char *err, size_t errlen)
{
	const char *const words[] = {LIBVIRT_RECORD, uri ? uri : "", name, NULL};

	return helper_start(&r->helper, words, err, errlen);
}

int recorder_ready(const struct recorder *r, char *err, size_t errlen)
{
	return listen_to(r, err, errlen);
}

int recorder_record(const struct recorder *r, const struct libvirt_run *run, char *err,
		    size_t errlen)
{
	struct libvirt_order o = {.reports = run->reports,
				  .report_len = run->report ? run->report_len : 0,
				  .status = run->status,
				  .has_report = run->report};

	snprintf(o.end, sizeof(o.end), "%s", run->end);
	if (put(r->helper.fd, &o, sizeof(o)))
		put(r->helper.fd, run->report, o.report_len);
	return listen_to(r, err, errlen);
}

void recorder_stop(struct recorder *r)
{
	helper_end(&r->helper);
}
