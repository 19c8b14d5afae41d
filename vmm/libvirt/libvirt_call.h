/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt_call.h: what kmc-vmm and kmc-libvirt say to each other (docs/decisions/0021). Both are of
 * one version, which kmc-libvirt looks at first. Knows neither libvirt nor XML.
 *
 * kmc-libvirt VERSION words URI NAME [kernel-given] [strict] [print]
 *
 * Standard output: the domain's words, each with its NUL. Standard error: what is ignored of the
 * domain, or one line that says why it is refused. Exit status 0, or 1: refused.
 *
 * kmc-libvirt VERSION record URI NAME
 *
 * Standard input and output are a socket: an answer, whether the record can be written; then it
 * waits for an order, carries it out, and answers again. Without an order nothing is recorded.
 *
 * URI is "" for libvirt's default.
 */
#ifndef KMC_LIBVIRT_CALL_H
#define KMC_LIBVIRT_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIBVIRT_WORDS  "words"
#define LIBVIRT_RECORD "record"
#define LIBVIRT_KERNEL "kernel-given"
#define LIBVIRT_STRICT "strict"
#define LIBVIRT_PRINT  "print"

/* Elements of this namespace in the metadata are records of runs. */
#define LIBVIRT_RUN_URN	   "urn:kmc-vmm:run:1"
#define LIBVIRT_REPORT_MAX (256u << 10) /* bytes */

struct libvirt_run {
	const char *end; /* how it ended: a word or two */
	int status;	 /* exit status */
	uint64_t reports;
	const char *report; /* the last one, as JSON: printable ASCII; NULL: none */
	size_t report_len;
};

/* In front of the report's bytes. */
struct libvirt_order {
	uint64_t reports, report_len;
	int status;
	bool has_report;
	char end[64];
};

/* "" is good news. */
struct libvirt_answer {
	char text[512];
};

#endif
