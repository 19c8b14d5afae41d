// SPDX-License-Identifier: GPL-2.0-only
/* domain.c: fetches the domain, tells what of it is ignored, makes one command line. */
#include "domain.h"

#include <stdlib.h>
#include <string.h>

static enum options_result bad(const char *text)
{
	fprintf(stderr, "kmc-vmm: %s\n", text);
	return OPTIONS_BAD;
}

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

/* The program's name, the domain's options, the user's. */
static bool join(struct domain *d, char **rest, int nrest)
{
	int domains = (int)d->args.argc, first = nrest ? 1 : 0;

	d->argv = calloc((size_t)nrest + d->args.argc + 1, sizeof(*d->argv));
	if (!d->argv)
		return false;
	memcpy(d->argv, rest, (size_t)first * sizeof(*rest));
	memcpy(d->argv + first, d->args.argv, (size_t)domains * sizeof(*rest));
	memcpy(d->argv + first + domains, rest + first, (size_t)(nrest - first) * sizeof(*rest));
	d->argc = nrest + domains;
	return true;
}

static enum options_result print(const struct domain *d)
{
	for (int i = 0; i < d->argc; i++) {
		if (i)
			fputc(' ', stdout);
		domain_args_quote(stdout, d->argv[i]);
	}
	fputc('\n', stdout);
	return fflush(stdout) ? bad("cannot write standard output") : OPTIONS_EXIT;
}

static enum options_result fetch(struct domain *d)
{
	const struct libvirt_domain domain = {.uri = d->o.uri, .name = d->o.name};
	const struct domain_context context = {.runtime_dir = runtime_dir(),
					       .kernel_given = d->o.kernel_given};
	char err[512];
	bool active;

	/* Before libvirt makes threads. */
	if (d->o.record && recorder_start(&d->recorder, &domain, err, sizeof(err)))
		return bad(err);
	if (libvirt_domain_args(&domain, &context, &d->args, &active, err, sizeof(err)))
		return bad(err);
	list_ignored(&d->args);
	if (d->o.strict && d->args.nignored)
		return bad(
			"--strict: what is ignored must be taken out of the domain, or --strict");
	if (d->o.print)
		return OPTIONS_RUN;
	if (active)
		return bad("the domain is running: its disks may change at any time; shut it down");
	if (d->o.record && recorder_ready(&d->recorder, err, sizeof(err)))
		return bad(err);
	return OPTIONS_RUN;
}

enum options_result domain_prepare(struct domain *d, int argc, char **argv)
{
	char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	enum options_result result = OPTIONS_BAD;
	int nrest;

	d->recorder.fd = -1;
	if (!rest)
		return bad("out of memory");
	result = options_split(argc, argv, &d->o, rest, &nrest);
	if (result == OPTIONS_RUN && d->o.name)
		result = fetch(d);
	if (result == OPTIONS_RUN && !join(d, rest, nrest))
		result = bad("out of memory");
	if (result == OPTIONS_RUN && d->o.print)
		result = print(d);
	free(rest);
	return result;
}

int domain_record(const struct domain *d, const struct libvirt_run *run, char *err, size_t errlen)
{
	if (!d->o.record)
		return 0;
	if (recorder_record(&d->recorder, run, err, errlen))
		return -1;
	fprintf(stderr, "kmc-vmm: the %s is in the metadata of %s (%s)\n",
		run->report ? "last report" : "end of this run", d->o.name, LIBVIRT_RUN_URN);
	return 0;
}

void domain_deinit(struct domain *d)
{
	if (d->o.record)
		recorder_stop(&d->recorder);
	domain_args_deinit(&d->args);
	free(d->argv);
	d->argv = NULL;
}
