// SPDX-License-Identifier: GPL-2.0-only
/* checks.c: see checks.h. */
#include "checks.h"

#include <string.h>

#include "judge.h"

const struct check checks[] = {
	{"uninit", VERDICT_BIT(VERDICT_UNINIT)},
	{"infoleak", VERDICT_BIT(VERDICT_INFOLEAK)},
	{"uaf", VERDICT_BIT(VERDICT_UAF_READ) | VERDICT_BIT(VERDICT_UAF_WRITE)},
	{"oob", VERDICT_BIT(VERDICT_OOB_READ) | VERDICT_BIT(VERDICT_OOB_WRITE)},
	{"unallocated", VERDICT_BIT(VERDICT_UNALLOCATED)},
	{"free", VERDICT_BIT(VERDICT_DOUBLE_FREE) | VERDICT_BIT(VERDICT_INVALID_FREE)},
	{"leak", VERDICT_BIT(VERDICT_LEAK)},
};
const size_t nchecks = sizeof(checks) / sizeof(checks[0]);

static bool is_name(const char *name, size_t len, const char *candidate)
{
	return strlen(candidate) == len && !strncmp(candidate, name, len);
}

bool checks_by_name(const char *name, size_t len, unsigned *bits)
{
	*bits = 0;
	if (is_name(name, len, "none"))
		return true;
	for (size_t i = 0; i < nchecks; i++)
		if (is_name(name, len, "all") || is_name(name, len, checks[i].name))
			*bits |= checks[i].bits;
	for (int v = VERDICT_NONE + 1; v < VERDICTS; v++)
		if (is_name(name, len, verdict_class((enum verdict)v)))
			*bits |= VERDICT_BIT(v);
	return *bits;
}
