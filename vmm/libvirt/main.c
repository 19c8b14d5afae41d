// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: kmc-libvirt, which kmc-vmm starts for --libvirt-domain: all that needs libvirt and XML,
 * in a process that no guest runs in. libvirt_call.h says what it is asked and answers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvirt_domain.h"

enum { EXIT_REFUSED = 1, EXIT_MISUSED = 2 };

struct call {
	struct libvirt_domain domain;
	bool kernel_given, strict, print;
};

static int refuse(const char *text)
{
	fprintf(stderr, "kmc-vmm: %s\n", text);
	return EXIT_REFUSED;
}

/* ---- words ---- */

/* Where sockets belong that somebody has to find. */
static const char *runtime_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	return dir && *dir == '/' && !strchr(dir, ',') ? dir : "/run";
}

static void list_ignored(const struct domain_args *a)
{
	for (unsigned i = 0; i < a->nignored; i++) {
		const struct domain_ignored *x = &a->ignored[i];

		fprintf(stderr, "kmc-vmm: the domain's %s (line %u) is ignored%s%s\n", x->path,
			x->line, x->note ? ": " : "", x->note ? x->note : "");
	}
	if (a->more)
		fprintf(stderr, "kmc-vmm: and %u more are ignored\n", a->more);
}

static int put_words(const struct domain_args *a)
{
	for (unsigned i = 0; i < a->argc; i++)
		fwrite(a->argv[i], strlen(a->argv[i]) + 1, 1, stdout);
	return fflush(stdout) || ferror(stdout) ? refuse("kmc-libvirt cannot write its answer") : 0;
}

static int words(const struct call *c)
{
	const struct domain_context context = {.runtime_dir = runtime_dir(),
					       .kernel_given = c->kernel_given};
	static struct domain_args args;
	char err[512];
	bool active;
	int ret;

	if (libvirt_domain_args(&c->domain, &context, &args, &active, err, sizeof(err))) {
		ret = refuse(err);
	} else {
		list_ignored(&args);
		if (c->strict && args.nignored)
			ret = refuse("--strict: what is ignored must be taken out of the domain, or"
				     " --strict");
		else if (active && !c->print)
			ret = refuse(
				"the domain is running: its disks may change at any time; shut it"
				" down");
		else
			ret = put_words(&args);
	}
	domain_args_deinit(&args);
	return ret;
}

/* ---- record ---- */

static bool answer(const struct libvirt_answer *a)
{
	return fwrite(a, sizeof(*a), 1, stdout) == 1 && fflush(stdout) == 0;
}

/* False: it has not come whole, for nobody is at the other end any more. */
static bool take_order(struct libvirt_order *o, char **report)
{
	*report = NULL;
	if (fread(o, sizeof(*o), 1, stdin) != 1)
		return false;
	o->end[sizeof(o->end) - 1] = '\0';
	if (!o->has_report)
		return true;
	*report = malloc(o->report_len + 1);
	if (!*report || fread(*report, 1, o->report_len, stdin) != o->report_len)
		return false;
	(*report)[o->report_len] = '\0';
	return true;
}

/* Ctrl-C is for the guest's end; this process ends when nobody is at the other one. */
static int record(const struct call *c)
{
	struct libvirt_answer ready = {""}, done = {""};
	struct libvirt_order o;
	char *report = NULL;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	libvirt_domain_writable(&c->domain, ready.text, sizeof(ready.text));
	if (answer(&ready) && take_order(&o, &report)) {
		const struct libvirt_run run = {.end = o.end,
						.status = o.status,
						.reports = o.reports,
						.report = report,
						.report_len = o.report_len};

		libvirt_domain_record(&c->domain, &run, done.text, sizeof(done.text));
		answer(&done);
	}
	free(report);
	return 0;
}

/* ---- */

static bool has_flag(char **flags, const char *name)
{
	for (; *flags; flags++)
		if (!strcmp(*flags, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct call c;

	if (argc < 5) {
		fprintf(stderr, "kmc-libvirt: kmc-vmm starts this by itself: see kmc-vmm(1), "
				"--libvirt-domain\n");
		return EXIT_MISUSED;
	}
	if (strcmp(argv[1], KMC_VERSION)) {
		fprintf(stderr,
			"kmc-vmm: kmc-libvirt is of version " KMC_VERSION
			", kmc-vmm of %s: install both"
			" of one build\n",
			argv[1]);
		return EXIT_MISUSED;
	}
	c = (struct call){.domain = {.uri = *argv[3] ? argv[3] : NULL, .name = argv[4]},
			  .kernel_given = has_flag(argv + 5, LIBVIRT_KERNEL),
			  .strict = has_flag(argv + 5, LIBVIRT_STRICT),
			  .print = has_flag(argv + 5, LIBVIRT_PRINT)};
	return strcmp(argv[2], LIBVIRT_RECORD) ? words(&c) : record(&c);
}
