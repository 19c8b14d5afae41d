/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h: the command line of kmc-report; docs/kmc-report.1 describes it. */
#ifndef KMC_CLIENT_OPTIONS_H
#define KMC_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

#define OPTIONS_FILTERS 64

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SUMMARY, FORMAT_HTML };
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct options {
	bool follow;
	bool coverage; /* the sources are no records: coverage.h */
	bool verbose;  /* with it */
	enum format format;
	enum when color;
	const char *output;		      /* NULL: standard output */
	const char *classes[OPTIONS_FILTERS]; /* any of them, where there are some */
	const char *vms[OPTIONS_FILTERS];     /* shell wildcards; any of them */
	const char *fail_if[OPTIONS_FILTERS];
	unsigned nclasses, nvms, nfail_if;
	uint64_t since; /* ns since the epoch; 0: always */
	char **sources;
	int nsources;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT, OPTIONS_BAD };

/*
 * now: ns since the epoch. Strings point into argv. OPTIONS_EXIT: --help or --version was printed.
 * OPTIONS_BAD: one line about it is on stderr.
 */
enum options_result options_parse(int argc, char **argv, uint64_t now, struct options *o);

/* Is this record, of this VM, to be looked at? */
bool options_match(const struct options *o, const struct record *r, const char *vm);
/* Is this report one that --fail-if names? */
bool options_fails(const struct options *o, const struct record *r);

#endif
