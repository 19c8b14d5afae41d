// SPDX-License-Identifier: GPL-2.0-only
/* coverage_file.c: see coverage_file.h. */
#include "coverage_file.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

/* Takes o. */
static bool put_line(FILE *f, json_t *o)
{
	bool ok = o && !json_dumpf(o, f, JSON_COMPACT | JSON_ENSURE_ASCII) && fputc('\n', f) != EOF;

	json_decref(o);
	return ok;
}

static bool put_head(FILE *f, const struct coverage_run *run, size_t sites)
{
	struct track_rule rules[TRACK_RULES];
	struct track_params params;
	char mode[128], seed[24];

	checker_tracking(run->checker, &params, rules);
	track_format(&params, mode, sizeof(mode));
	/* Not every reader of JSON has integers of 64 bits. */
	snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
	return put_line(f, json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "v", 1, "type",
				     "coverage", "vm", run->vm, "release", run->release, "seed",
				     seed, "mode", mode, "sites", (json_int_t)sites, "sites_lost",
				     (json_int_t)checker_stats(run->checker)->sites_lost));
}

static bool put_site(FILE *f, const struct site_entry *e)
{
	char id[17];

	snprintf(id, sizeof(id), "%016" PRIx64, e->id);
	return put_line(f, json_pack("{s:i, s:s, s:s, s:s, s:I, s:I}", "v", 1, "type", "site", "id",
				     id, "name", e->name, "allocations", (json_int_t)e->seen,
				     "watched", (json_int_t)e->chosen));
}

static bool put_all(int fd, const struct coverage_run *run, const struct site_entry *site, size_t n)
{
	FILE *f = fdopen(fd, "w");
	bool ok;

	if (!f)
		return false;
	ok = put_head(f, run, n);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_site(f, &site[i]);
	return !fclose(f) && ok;
}

int coverage_write(int fd, const char *path, const struct coverage_run *run, char *err,
		   size_t errlen)
{
	struct site_entry *site;
	bool ok;
	size_t n;

	errno = ENOMEM;
	ok = checker_coverage(run->checker, &site, &n) && put_all(fd, run, site, n);
	if (!ok)
		snprintf(err, errlen, "%s: %s: give a writable file with --coverage", path,
			 strerror(errno));
	free(site);
	return ok ? 0 : -1;
}
