// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox_trap.c: says which system call it was, and ends the process. All that runs in the handler
 * is async-signal-safe, and on the list of every thread.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox_internal.h"

#define LISTENERS   40	 /* the log, and 32 readers */
#define TERMINAL_MS 1000 /* for a terminal that was stopped */

/* By number. */
static const char *const call_names[] = {
#include "syscall_names.h"
};
#define CALLS (sizeof(call_names) / sizeof(call_names[0]))

static struct {
	struct sandbox_config config;
	atomic_int fd[LISTENERS]; /* + 1; 0: free */
} trap;

static __thread enum sandbox_kind thread_kind;

const char *sandbox_kind_name(enum sandbox_kind kind)
{
	static const char *const names[SANDBOX_KINDS] = {
		[SANDBOX_MAIN] = "main",       [SANDBOX_VCPU] = "vcpu",
		[SANDBOX_CHECKER] = "checker", [SANDBOX_COMMANDS] = "commands",
		[SANDBOX_DEVICE] = "device",   [SANDBOX_NET] = "net",
		[SANDBOX_WRITER] = "writer",   [SANDBOX_OUTLET] = "outlet",
		[SANDBOX_METRICS] = "metrics", [SANDBOX_LOCAL] = "local",
		[SANDBOX_QMP] = "qmp",
	};

	return names[kind];
}

void sandbox_tell(int fd)
{
	for (int i = 0; i < LISTENERS && fd >= 0; i++) {
		int none = 0;

		if (atomic_compare_exchange_strong(&trap.fd[i], &none, fd + 1))
			return;
	}
}

void sandbox_untell(int fd)
{
	for (int i = 0; i < LISTENERS && fd >= 0; i++) {
		int it = fd + 1;

		if (atomic_compare_exchange_strong(&trap.fd[i], &it, 0))
			return;
	}
}

/* ---- the handler ---- */

struct line {
	char text[512];
	size_t len;
};

static void put(struct line *l, const char *text)
{
	while (*text && l->len < sizeof(l->text))
		l->text[l->len++] = *text++;
}

static void put_number(struct line *l, uint64_t n)
{
	char digits[21], *at = &digits[20];

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	put(l, at);
}

/* What cannot be delivered is lost: the process ends. */
static void deliver(int fd, const struct line *l)
{
	if (write(fd, l->text, l->len) < 0)
		return;
}

static void tell_stderr(const char *name, unsigned number)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	struct line l = {.len = 0};

	put(&l, "kmc-vmm: the thread \"");
	put(&l, sandbox_kind_name(thread_kind));
	put(&l, "\" made the system call ");
	put(&l, name);
	put(&l, " (");
	put_number(&l, number);
	put(&l, "), which it has no right to: kmc-vmm ends; a defect, or somebody broke in\n");
	if (poll(&p, 1, TERMINAL_MS) == 1)
		deliver(STDERR_FILENO, &l);
}

/* A record that is being sent is cut off by the line's end in front. */
static void tell_listeners(const char *name, unsigned number)
{
	struct timespec now = {0};
	struct line l = {.len = 0};

	clock_gettime(CLOCK_REALTIME, &now);
	put(&l, "\n{\"v\":1,\"type\":\"sandbox\",\"vm\":\"");
	put(&l, trap.config.vm);
	put(&l, "\",\"host_time\":");
	put_number(&l, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	put(&l, ",\"thread\":\"");
	put(&l, sandbox_kind_name(thread_kind));
	put(&l, "\",\"syscall\":\"");
	put(&l, name);
	put(&l, "\",\"number\":");
	put_number(&l, number);
	put(&l, ",\"status\":");
	put_number(&l, SANDBOX_EXIT);
	put(&l, "}\n");
	for (int i = 0; i < LISTENERS; i++) {
		int fd = atomic_load(&trap.fd[i]);

		if (fd)
			deliver(fd - 1, &l);
	}
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	unsigned number = (unsigned)info->si_syscall;
	const char *name = number < CALLS && call_names[number] ? call_names[number] : "unknown";

	if (trap.config.at_trap)
		trap.config.at_trap();
	tell_listeners(name, number);
	tell_stderr(name, number);
	_exit(SANDBOX_EXIT);
}

/* ---- before ---- */

/* While this thread is in the handler another trap, of the handler itself, ends the process at
 * once. */
void sandbox_trap_thread(enum sandbox_kind kind)
{
	sigset_t sys;

	thread_kind = kind;
	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	pthread_sigmask(SIG_UNBLOCK, &sys, NULL);
}

int sandbox_trap_init(const struct sandbox_config *config)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	trap.config = *config;
	sigfillset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL) ? -errno : 0;
}
