// SPDX-License-Identifier: GPL-2.0-only
/* recorder.c: the child, and what is said between it and us. */
#include "recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MAX 64u

/* In front of the report's bytes. Both sides are the same program. */
struct order {
	uint64_t reports, report_len;
	int status;
	bool has_report;
	char end[END_MAX];
};

/* "" is good news. */
struct answer {
	char text[512];
};

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
	struct answer a;

	if (!get(r->fd, &a, sizeof(a)))
		snprintf(a.text, sizeof(a.text), "the process that records the run has ended");
	a.text[sizeof(a.text) - 1] = '\0';
	if (!a.text[0])
		return 0;
	snprintf(err, errlen, "%s", a.text);
	return -1;
}

static void carry_out(int fd, const struct libvirt_domain *domain, struct order *o)
{
	struct libvirt_run run = {.end = o->end, .status = o->status, .reports = o->reports};
	struct answer a = {""};
	char *report = NULL;

	o->end[END_MAX - 1] = '\0';
	if (o->has_report) {
		report = malloc(o->report_len + 1);
		if (!report || !get(fd, report, o->report_len))
			_exit(1);
		report[o->report_len] = '\0';
		run.report = report;
		run.report_len = o->report_len;
	}
	libvirt_domain_record(domain, &run, a.text, sizeof(a.text));
	put(fd, &a, sizeof(a));
	free(report);
}

static void serve(int fd, const struct libvirt_domain *domain)
{
	struct answer a = {""};
	struct order o;

	/* Ctrl-C is for the guest's end; this process ends when nobody is at the other one. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	libvirt_domain_writable(domain, a.text, sizeof(a.text));
	if (put(fd, &a, sizeof(a)) && get(fd, &o, sizeof(o)))
		carry_out(fd, domain, &o);
	_exit(0);
}

int recorder_start(struct recorder *r, const struct libvirt_domain *domain, char *err, size_t errlen)
{
	int ends[2];

	*r = (struct recorder){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		snprintf(err, errlen, "socketpair: %s", strerror(errno));
		return -1;
	}
	r->pid = fork();
	if (r->pid == 0) {
		close(ends[0]);
		serve(ends[1], domain);
	}
	close(ends[1]);
	r->fd = ends[0];
	if (r->pid > 0)
		return 0;
	snprintf(err, errlen, "fork: %s: raise the limit of processes (ulimit -u)", strerror(errno));
	recorder_stop(r);
	return -1;
}

int recorder_ready(const struct recorder *r, char *err, size_t errlen)
{
	return listen_to(r, err, errlen);
}

int recorder_record(const struct recorder *r, const struct libvirt_run *run, char *err, size_t errlen)
{
	struct order o = {.reports = run->reports,
			  .report_len = run->report ? run->report_len : 0,
			  .status = run->status,
			  .has_report = run->report};

	snprintf(o.end, sizeof(o.end), "%s", run->end);
	if (put(r->fd, &o, sizeof(o)))
		put(r->fd, run->report, o.report_len);
	return listen_to(r, err, errlen);
}

void recorder_stop(struct recorder *r)
{
	if (r->fd < 0)
		return;
	close(r->fd);
	r->fd = -1;
	while (r->pid > 0 && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
