// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox.c: when rights are given up. The main thread's filter is compiled at the start, where a
 * host that cannot do it can still be refused; the others by the first thread of their kind, while
 * it waits for the sandbox anyway. Most VMs have half of the kinds.
 */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_internal.h"

#define EXIT_FAILED 38 /* docs/kmc-vmm.1: internal error */

enum gate { GATE_OPEN, GATE_CLOSED, GATE_SANDBOX };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum gate gate;
	struct sandbox_config config;
	struct sock_fprog filter[SANDBOX_KINDS]; /* compiled, or zero; under lock */
} box = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_gate(enum gate gate)
{
	pthread_mutex_lock(&box.lock);
	box.gate = gate;
	pthread_cond_broadcast(&box.changed);
	pthread_mutex_unlock(&box.lock);
}

static int failed(const char *what, int error, char *err, size_t errlen)
{
	snprintf(err, errlen, "the sandbox cannot be set up: %s: %s: give --sandbox off", what,
		 strerror(error));
	return -1;
}

/* With box.lock. 0 or a negative errno. */
static int compile(enum sandbox_kind kind, bool reads_files)
{
	struct sock_fprog program;
	int r;

	if (box.filter[kind].filter)
		return 0;
	r = sandbox_compile(kind, reads_files, &program);
	if (!r)
		box.filter[kind] = program;
	return r;
}

int sandbox_prepare(const struct sandbox_config *config, char *err, size_t errlen)
{
	unsigned action = SECCOMP_RET_TRAP;
	int r;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &action))
		return failed("seccomp", errno, err, errlen);
	if (config->change_user && geteuid() != 0) {
		snprintf(err, errlen, "only root can become another user: leave out --user");
		return -1;
	}
	r = compile(SANDBOX_MAIN, config->reads_files);
	if (r < 0)
		return failed("libseccomp", -r, err, errlen);
	r = sandbox_trap_init(config);
	if (r < 0)
		return failed("sigaction", -r, err, errlen);
	box.config = *config;
	set_gate(GATE_CLOSED);
	return 0;
}

/* Of this thread. 0 or a negative errno. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

/* SPEC_ALLOW: filters of kernels before 5.16 would slow down every KVM_RUN by what they do to the
 * CPU. */
static int restrict_thread(enum sandbox_kind kind)
{
	int r = drop_capabilities();

	if (r < 0)
		return r;
	sandbox_trap_thread(kind);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &box.filter[kind]))
		return -errno;
	return 0;
}

void sandbox_thread(enum sandbox_kind kind)
{
	enum gate gate;
	int r = 0;

	pthread_mutex_lock(&box.lock);
	if (box.gate != GATE_OPEN)
		r = compile(kind, box.config.reads_files);
	while (box.gate == GATE_CLOSED)
		pthread_cond_wait(&box.changed, &box.lock);
	gate = box.gate;
	pthread_mutex_unlock(&box.lock);
	if (gate != GATE_SANDBOX)
		return;
	if (!r)
		r = restrict_thread(kind);
	if (r < 0) {
		fprintf(stderr, "kmc-vmm: the thread \"%s\" cannot enter the sandbox: %s\n",
			sandbox_kind_name(kind), strerror(-r));
		_exit(EXIT_FAILED);
	}
}

/* glibc changes it for all threads. */
static int change_user(char *err, size_t errlen)
{
	if (setgroups(0, NULL) || setresgid(box.config.gid, box.config.gid, box.config.gid) ||
	    setresuid(box.config.uid, box.config.uid, box.config.uid)) {
		snprintf(err, errlen, "cannot become the user of --user: %s: run as root",
			 strerror(errno));
		return -1;
	}
	return 0;
}

int sandbox_enter(char *err, size_t errlen)
{
	int r;

	if (box.gate != GATE_CLOSED)
		return 0;
	if (box.config.change_user && change_user(err, errlen) < 0)
		return -1;
	r = restrict_thread(SANDBOX_MAIN);
	if (r < 0)
		return failed("seccomp", -r, err, errlen);
	set_gate(GATE_SANDBOX);
	return 0;
}

void sandbox_cancel(void)
{
	if (box.gate == GATE_CLOSED)
		set_gate(GATE_OPEN);
}
