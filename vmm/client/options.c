// SPDX-License-Identifier: GPL-2.0-only
/* options.c: parses the command line, and matches records against what it says. */
#include "options.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ull

static const char usage[] =
	"Usage: kmc-report [OPTION]... SOURCE...\n"
	"Shows what kmc-vmm reported. A SOURCE is a report socket (PATH or @NAME), a report log, a\n"
	"directory of both, or - for standard input.\n"
	"\n"
	"  --follow              wait for more: at the end of logs, and for sockets to come back\n"
	"  --format FORMAT       text (default), json, summary, html\n"
	"  --output FILE         instead of standard output\n"
	"  --color WHEN          auto (default), always, never\n"
	"  --class CLASS         only reports of this class or verdict; repeatable\n"
	"  --vm NAME             only of VMs whose name matches this wildcard; repeatable\n"
	"  --since TIME          only from then on: '2026-11-21 20:30', or 90s, 15m, 2h, 7d ago\n"
	"  --fail-if CLASS|any   exit with 3 if such a report was shown; repeatable\n"
	"  --coverage            SOURCEs are files of kmc-vmm --coverage: add them up over VMs; as text\n"
	"                        or json\n"
	"  --verbose             with --coverage: list the sites that no VM watched\n"
	"  --help, --version\n"
	"\n"
	"kmc-report(1) describes formats and exit codes.\n";

static bool bad(const char *option, const char *value, const char *remedy)
{
	fprintf(stderr, "kmc-report: --%s %s: %s\n", option, value, remedy);
	return false;
}

static bool choose(const char *const *names, size_t n, const char *value, int *out)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], value) != 0)
			continue;
		*out = (int)i;
		return true;
	}
	return false;
}

static bool parse_format(struct options *o, const char *v)
{
	static const char *const names[] = { [FORMAT_TEXT] = "text",
					     [FORMAT_JSON] = "json",
					     [FORMAT_SUMMARY] = "summary",
					     [FORMAT_HTML] = "html" };
	int n;

	if (!choose(names, sizeof(names) / sizeof(names[0]), v, &n))
		return bad("format", v, "give text, json, summary or html");
	o->format = (enum format)n;
	return true;
}

static bool parse_color(struct options *o, const char *v)
{
	static const char *const names[] = {
		[WHEN_AUTO] = "auto", [WHEN_ALWAYS] = "always", [WHEN_NEVER] = "never"
	};
	int n;

	if (!choose(names, sizeof(names) / sizeof(names[0]), v, &n))
		return bad("color", v, "give auto, always or never");
	o->color = (enum when)n;
	return true;
}

static bool parse_list(const char *option, const char **list, unsigned *n, const char *v)
{
	if (*n == OPTIONS_FILTERS)
		return bad(option, v, "at most 64 can be given");
	list[(*n)++] = v;
	return true;
}

/* A misspelt one would match nothing, and --fail-if never fail. */
static bool parse_class(const char *option, const char **list, unsigned *n, const char *v)
{
	if (!record_class_exists(v) && strcmp(v, "any") != 0)
		return bad(option, v, "give a class or verdict (kmc-report(1) has them), or any");
	return parse_list(option, list, n, v);
}

/* "15m": so long ago. */
static bool parse_ago(const char *v, uint64_t now, uint64_t *since)
{
	static const struct {
		char suffix;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	unsigned long long n;
	char *end;

	errno = 0;
	if (*v < '0' || *v > '9')
		return false;
	n = strtoull(v, &end, 10);
	if (errno || n > 1000000 || !*end || end[1])
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t ago = n * units[i].seconds * SECOND;

		if (units[i].suffix != *end)
			continue;
		*since = ago < now ? now - ago : 1;
		return true;
	}
	return false;
}

static bool parse_since(struct options *o, const char *v, uint64_t now)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S" };

	if (parse_ago(v, now, &o->since))
		return true;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(v, forms[i], &tm);
		time_t t;

		if (!end || *end)
			continue;
		t = mktime(&tm);
		if (t <= 0)
			break;
		o->since = (uint64_t)t * SECOND;
		return true;
	}
	return bad("since", v, "give a time such as '2026-11-21 20:30', or 15m for 15 minutes ago");
}

enum option_id {
	OPT_FOLLOW = 256,
	OPT_FORMAT,
	OPT_OUTPUT,
	OPT_COLOR,
	OPT_CLASS,
	OPT_VM,
	OPT_SINCE,
	OPT_FAIL_IF,
	OPT_COVERAGE,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "class", required_argument, NULL, OPT_CLASS },
	{ "vm", required_argument, NULL, OPT_VM },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "fail-if", required_argument, NULL, OPT_FAIL_IF },
	{ "coverage", no_argument, NULL, OPT_COVERAGE },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static bool parse_value(struct options *o, int id, const char *v, uint64_t now)
{
	switch (id) {
	case OPT_FOLLOW:
		o->follow = true;
		return true;
	case OPT_COVERAGE:
		o->coverage = true;
		return true;
	case OPT_VERBOSE:
		o->verbose = true;
		return true;
	case OPT_FORMAT:
		return parse_format(o, v);
	case OPT_OUTPUT:
		o->output = v;
		return true;
	case OPT_COLOR:
		return parse_color(o, v);
	case OPT_CLASS:
		return parse_class("class", o->classes, &o->nclasses, v);
	case OPT_VM:
		return parse_list("vm", o->vms, &o->nvms, v);
	case OPT_SINCE:
		return parse_since(o, v, now);
	case OPT_FAIL_IF:
		return parse_class("fail-if", o->fail_if, &o->nfail_if, v);
	}
	return false; /* getopt_long() has said what it is */
}

/* Coverage has neither time nor class, and is there as a whole. */
static enum options_result check_together(const struct options *o)
{
	bool records = o->follow || o->nclasses || o->nvms || o->since || o->nfail_if;

	if (o->nsources <= 0)
		fprintf(stderr, "kmc-report: nothing to read: give a socket, a log or a directory\n");
	else if (o->coverage && (records || o->format == FORMAT_SUMMARY || o->format == FORMAT_HTML))
		fprintf(stderr, "kmc-report: --coverage takes --format text or json, --output and "
				"--verbose: leave out the others\n");
	else if (o->verbose && !o->coverage)
		fprintf(stderr, "kmc-report: --verbose is for --coverage: leave it out\n");
	else
		return OPTIONS_RUN;
	return OPTIONS_BAD;
}

enum options_result options_parse(int argc, char **argv, uint64_t now, struct options *o)
{
	int id;

	*o = (struct options){ .format = FORMAT_TEXT };
	optind = 1;
	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == OPT_HELP || id == OPT_VERSION) {
			fputs(id == OPT_HELP ? usage : "kmc-report " KMC_VERSION "\n", stdout);
			return OPTIONS_EXIT;
		}
		if (!parse_value(o, id, optarg, now))
			return OPTIONS_BAD;
	}
	o->sources = argv + optind;
	o->nsources = argc - optind;
	return check_together(o);
}

static bool any_class(const char *const *names, unsigned n, const struct record *r)
{
	for (unsigned i = 0; i < n; i++)
		if (record_is_class(r->root, names[i]))
			return true;
	return false;
}

static bool any_vm(const struct options *o, const char *vm)
{
	for (unsigned i = 0; i < o->nvms; i++)
		if (!fnmatch(o->vms[i], vm, 0))
			return true;
	return false;
}

/* What a record does not say does not match. */
bool options_match(const struct options *o, const struct record *r, const char *vm)
{
	if (o->nclasses && (r->type != RECORD_REPORT || !any_class(o->classes, o->nclasses, r)))
		return false;
	if (o->nvms && !any_vm(o, vm))
		return false;
	return !o->since || record_number(r->root, "host_time") >= o->since;
}

bool options_fails(const struct options *o, const struct record *r)
{
	return r->type == RECORD_REPORT && any_class(o->fail_if, o->nfail_if, r);
}
