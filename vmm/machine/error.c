// SPDX-License-Identifier: GPL-2.0-only
/*
 * error.c: formats the one line that says why a machine cannot be made. Never prints it.
 */
#include <stdarg.h>
#include <stdio.h>
#include "error.h"

static void fill(struct machine_error *err, bool bad, const char *fmt, va_list ap)
{
	err->bad_input = bad;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	/* File names may hold anything; the message stays one line. */
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
}

int bad_input(struct machine_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, true, fmt, ap);
	va_end(ap);
	return -1;
}

int host_error(struct machine_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, false, fmt, ap);
	va_end(ap);
	return -1;
}
