/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h: the command line of kmc-vmm; docs/kmc-vmm.1 describes it. Used by main.c. */
#ifndef KMC_OPTIONS_H
#define KMC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "checker.h"

#define OPTIONS_MODULES 64
#define OPTIONS_VMLINUX 64

struct options {
	const char *kernel, *initrd, *append, *exec, *agent;
	const char *modules[OPTIONS_MODULES]; /* "FILE.ko param=value ..." */
	unsigned nmodules;
	const char *vmlinux[OPTIONS_VMLINUX]; /* files and folders with debug information */
	unsigned nvmlinux;
	struct devices_config devices;
	unsigned cpus;	  /* 1..64 */
	uint64_t memory;  /* bytes */
	unsigned checks;  /* VERDICT_BIT set, 0 for none */
	unsigned stack_depth; /* frames, 0..CHECKER_STACK_DEPTH */
	const char *report_socket, *report_log, *stats, *coverage, *rules;
	const char *suppressions, *gen_suppressions;
	int error_exitcode; /* -1: not given */
	enum report_style report_style; /* on stderr */
	const char *name;   /* of the VM, sink_name_ok(); NULL: not given */
	unsigned heartbeat; /* seconds, 0: none */
	uint64_t max_reports; /* 0: no limit */
	enum on_report on_report;
	struct track_params track;
	uint64_t seed;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT, OPTIONS_BAD };

/*
 * Strings point into argv. OPTIONS_EXIT: --help or --version was printed. OPTIONS_BAD: one line about
 * it is on stderr.
 */
enum options_result options_parse(int argc, char **argv, struct options *o);

#endif
