/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sandbox.h: what a thread of kmc-vmm may still ask the host's kernel for once everything is open
 * (docs/decisions/0019). Each thread says what kind it is before it does anything else; the guest
 * runs only behind sandbox_enter(). Knows nothing of what the threads do. Used by all that start
 * threads.
 *
 * A system call that is not on the list of its thread's kind ends the process: one line on standard
 * error, a record "sandbox" (docs/report.md) in the log and to each reader, exit code SANDBOX_EXIT.
 */
#ifndef KMC_SANDBOX_H
#define KMC_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SANDBOX_EXIT 41 /* docs/kmc-vmm.1, EXIT STATUS */

enum sandbox_kind {
	SANDBOX_MAIN, /* console, signals, the end */
	SANDBOX_VCPU,
	SANDBOX_CHECKER,  /* looks after steps and announcements */
	SANDBOX_COMMANDS, /* carries out what readers ask for */
	SANDBOX_DEVICE,	  /* disks, random numbers */
	SANDBOX_NET,	  /* user networking: sockets of the host */
	SANDBOX_LOCAL,	  /* consoles, vsock: UNIX sockets of the host */
	SANDBOX_QMP,	  /* carries out what clients of QMP ask for */
	SANDBOX_WRITER,	  /* readers of the report socket */
	SANDBOX_METRICS,  /* answers who asks for metrics */
	SANDBOX_OUTLET,	  /* writes a file: log, text */
	SANDBOX_KINDS,
};

struct sandbox_config {
	const char *vm;	  /* name, for the record; must live as long as the process */
	bool change_user; /* to these: */
	uid_t uid;
	gid_t gid;
	bool reads_files;      /* debug information is opened when it is first needed */
	void (*at_trap)(void); /* async-signal-safe, before the process ends; may be NULL */
};

/*
 * From now on threads wait in sandbox_thread(). 0, or -1 with one line in err: this host cannot do
 * it, and nothing waits. Without this call there is no sandbox, and the rest of this header does
 * nothing.
 */
int sandbox_prepare(const struct sandbox_config *config, char *err, size_t errlen);

/* Waits for sandbox_enter() or sandbox_cancel(), and gives up what this kind of thread does not
 * need. Where that cannot be done the process ends with exit code 38. */
void sandbox_thread(enum sandbox_kind kind);

/*
 * On the main thread, when all others have been started: changes the user, gives up all
 * capabilities and what SANDBOX_MAIN does not need, and lets the others do the same. 0, or -1 with
 * one line in err; they wait on then.
 */
int sandbox_enter(char *err, size_t errlen);
/*
 * Lets those that wait go without a sandbox: the start has failed. Before any of them is joined.
 * Nothing where none wait.
 */
void sandbox_cancel(void);

/* Descriptors that get the record when it happens: streams of lines. Any thread; -1 is fine. */
void sandbox_tell(int fd);
void sandbox_untell(int fd); /* before it is closed */

#endif
