/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_samples.h: made-up findings, one a verdict and form, for the tests of vmm/report/.
 */
#ifndef KMC_REPORT_SAMPLES_H
#define KMC_REPORT_SAMPLES_H

#include "report.h"

struct sample {
	const char *name;  /* of the golden file, report_NAME.txt */
	const char *title; /* expected */
	enum verdict verdict;
	void (*fill)(struct report *r);
};

extern const struct sample samples[];
extern const unsigned samples_n;

void sample_get(const struct sample *s, struct report *r);
/* Every string of it is as bad as a hostile guest can make it. */
void sample_hostile(struct report *r);

#endif
