// SPDX-License-Identifier: GPL-2.0-only
/* domain.c: has the domain fetched and translated by kmc-libvirt, makes one command line. */
#include "domain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

/* Of all words: XML is at most 4 MiB (domain_parse.h), and no part of it becomes two words. */
#define WORDS_SIZE (8u << 20)

static enum options_result bad(const char *text)
{
	fprintf(stderr, "kmc-vmm: %s\n", text);
	return OPTIONS_BAD;
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

/* Until the other end is closed. The length, or -1: too long, or no memory. */
static ssize_t read_all(int fd, char **text)
{
	FILE *f = fdopen(dup(fd), "r");
	size_t len = 0;

	*text = malloc(WORDS_SIZE);
	if (f && *text)
		len = fread(*text, 1, WORDS_SIZE, f);
	if (f)
		fclose(f);
	return f && *text && len < WORDS_SIZE ? (ssize_t)len : -1;
}

static bool take_words(struct domain_args *a, const char *text, ssize_t len)
{
	const char *end = text + len;

	if (len < 0 || (len && end[-1] != '\0'))
		return false;
	for (; text < end; text += strlen(text) + 1)
		if (!domain_args_add(a, text))
			return false;
	return true;
}

/* It says itself why a domain is refused. */
static enum options_result read_words(struct domain *d, struct helper *h)
{
	char *text = NULL;
	ssize_t len = read_all(h->fd, &text);
	int status = helper_end(h);
	enum options_result result = OPTIONS_RUN;

	if (WIFSIGNALED(status))
		result = bad("kmc-libvirt was ended by a signal");
	else if (status)
		result = OPTIONS_BAD;
	else if (!take_words(&d->args, text, len))
		result = bad("the domain's options are too long");
	free(text);
	return result;
}

static enum options_result fetch(struct domain *d)
{
	const char *words[8] = {LIBVIRT_WORDS, d->o.uri ? d->o.uri : "", d->o.name};
	unsigned n = 3;
	enum options_result result;
	struct helper h;
	char err[512];

	if (d->o.kernel_given)
		words[n++] = LIBVIRT_KERNEL;
	if (d->o.strict)
		words[n++] = LIBVIRT_STRICT;
	if (d->o.print)
		words[n++] = LIBVIRT_PRINT;
	/* They connect at the same time. */
	if (d->o.record && recorder_start(&d->recorder, d->o.uri, d->o.name, err, sizeof(err)))
		return bad(err);
	if (helper_start(&h, words, err, sizeof(err))) {
		helper_end(&h);
		return bad(err);
	}
	result = read_words(d, &h);
	if (result == OPTIONS_RUN && d->o.record && !d->o.print &&
	    recorder_ready(&d->recorder, err, sizeof(err)))
		return bad(err);
	return result;
}

enum options_result domain_prepare(struct domain *d, int argc, char **argv)
{
	char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	enum options_result result = OPTIONS_BAD;
	int nrest;

	d->recorder.helper.fd = -1;
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
