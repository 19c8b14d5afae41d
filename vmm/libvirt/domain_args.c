// SPDX-License-Identifier: GPL-2.0-only
/* domain_args.c: two bounded lists, and quoting. */
#include "domain_args.h"

#include <stdlib.h>
#include <string.h>

bool domain_args_add(struct domain_args *a, const char *word)
{
	if (a->argc == DOMAIN_ARGS_MAX)
		return false;
	a->argv[a->argc] = strdup(word);
	return a->argv[a->argc] && ++a->argc;
}

void domain_args_ignore(struct domain_args *a, char *path, unsigned line, const char *note)
{
	if (!path || a->nignored == DOMAIN_IGNORED_MAX) {
		a->more++;
		free(path);
		return;
	}
	a->ignored[a->nignored++] = (struct domain_ignored){path, line, note};
}

void domain_args_deinit(struct domain_args *a)
{
	for (unsigned i = 0; i < a->argc; i++)
		free(a->argv[i]);
	for (unsigned i = 0; i < a->nignored; i++)
		free(a->ignored[i].path);
	a->argc = a->nignored = a->more = 0;
	a->argv[0] = NULL;
}

void domain_args_quote(FILE *f, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "_-./:,=@%+";

	if (*word && word[strspn(word, safe)] == '\0') {
		fputs(word, f);
		return;
	}
	fputc('\'', f);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", f);
		else
			fputc(*word, f);
	}
	fputc('\'', f);
}
