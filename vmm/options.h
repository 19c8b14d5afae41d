/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h: the command line of kmc-vmm; docs/kmc-vmm.1 describes it. Used by main.c. */
#ifndef KMC_OPTIONS_H
#define KMC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "checker.h"

#define OPTIONS_MODULES 64
#define OPTIONS_VMLINUX 64

struct options {
	const char *kernel, *initrd, *append, *exec, *agent;
	const char *modules[OPTIONS_MODULES]; /* "FILE.ko param=value ..." */
	unsigned nmodules;
	const char *vmlinux[OPTIONS_VMLINUX]; /* files and folders with debug information */
	unsigned nvmlinux;
	struct devices_config devices; /* file_limit: of --report-log and --serial, too */
	const char *serial; /* NULL: stdio */
	const char *qmp;    /* NULL: none */
	unsigned cpus;	  /* 1..64 */
	uint64_t memory;  /* bytes */
	unsigned checks;  /* VERDICT_BIT set, 0 for none */
	unsigned stack_depth; /* frames, 0..CHECKER_STACK_DEPTH */
	const char *report_socket, *report_log, *stats, *coverage, *rules;
	const char *suppressions, *gen_suppressions, *metrics;
	int error_exitcode; /* -1: not given */
	enum report_style report_style; /* on stderr */
	const char *name;   /* of the VM, sink_name_ok(); NULL: not given */
	unsigned heartbeat; /* seconds, 0: none */
	unsigned hang_timeout; /* seconds, 0: none */
	uint64_t max_reports; /* 0: no limit */
	enum on_report on_report;
	struct track_params track;
	uint64_t seed;
	bool sandbox;
	bool change_user; /* to: */
	uid_t uid;
	gid_t gid;
};

/* The options about libvirt: who has them must know before the others are looked at. */
struct domain_options {
	const char *name, *uri; /* of --libvirt-domain and --connect; NULL: not given */
	bool strict, print, record;
	bool kernel_given; /* there is a --kernel */
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT, OPTIONS_BAD };

/*
 * Strings point into argv. OPTIONS_EXIT: --help or --version was printed. OPTIONS_BAD: one line about
 * it is on stderr.
 */
enum options_result options_parse(int argc, char **argv, struct options *o);

/*
 * Takes the options about libvirt out: rest, of argc + 1 pointers, gets all other words of argv, in
 * their order, and NULL; *nrest is their number. Words that are no options are refused. Of a command
 * line with --help or --version only that is left.
 */
enum options_result options_split(int argc, char **argv, struct domain_options *d, char **rest,
				  int *nrest);

#endif
