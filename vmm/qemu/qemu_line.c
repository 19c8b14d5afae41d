// SPDX-License-Identifier: GPL-2.0-only
/* qemu_line.c: strings, messages and the lists that grow. */
#include "qemu_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool qemu_bad(struct qemu_line *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->err, l->errlen, format, args);
	va_end(args);
	return false;
}

static bool no_memory(struct qemu_line *l)
{
	return qemu_bad(l, "out of memory for the command line");
}

/* NULL: no memory. */
static char *print(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

/* Takes text, which may be NULL. */
static bool own(struct qemu_line *l, char *text)
{
	char **owned = text ? realloc(l->owned, (l->nowned + 1) * sizeof(*owned)) : NULL;

	if (!owned) {
		free(text);
		return no_memory(l);
	}
	l->owned = owned;
	owned[l->nowned++] = text;
	return true;
}

char *qemu_keep(struct qemu_line *l, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = print(format, args);
	va_end(args);
	return own(l, text) ? text : NULL;
}

void qemu_line_deinit(struct qemu_line *l)
{
	for (size_t i = 0; i < l->nowned; i++)
		free(l->owned[i]);
	free(l->owned);
	free(l->ignored);
}

/* Takes text, which may be NULL. The list has a NULL behind its last one. */
static bool append(struct qemu_line *l, char ***list, int *n, char *text)
{
	char **more = text ? realloc(*list, (size_t)(*n + 2) * sizeof(*more)) : NULL;

	if (!more) {
		free(text);
		return no_memory(l);
	}
	*list = more;
	more[(*n)++] = text;
	more[*n] = NULL;
	return true;
}

bool qemu_emit(struct qemu_line *l, const char *option, const char *value)
{
	struct qemu_argv *out = l->out;

	return append(l, &out->argv, &out->argc, strdup(option)) &&
	       (!value || append(l, &out->argv, &out->argc, strdup(value)));
}

bool qemu_note(struct qemu_line *l, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = print(format, args);
	va_end(args);
	return append(l, &l->out->notes, &l->out->nnotes, text);
}

bool qemu_ignore(struct qemu_line *l, const char *option, const char *value)
{
	char *text;

	if (asprintf(&text, "%s %s%s%s", l->ignored ? l->ignored : "", option, value ? " " : "",
		     value ? value : "") < 0)
		return no_memory(l);
	free(l->ignored);
	l->ignored = text;
	return true;
}

void qemu_argv_free(struct qemu_argv *out)
{
	for (int i = 0; i < out->argc; i++)
		free(out->argv[i]);
	for (int i = 0; i < out->nnotes; i++)
		free(out->notes[i]);
	free(out->argv);
	free(out->notes);
	*out = (struct qemu_argv){.argc = 0};
}
