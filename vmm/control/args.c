// SPDX-License-Identifier: GPL-2.0-only
/* args.c: see args.h. */
#include "args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int wrong(const char *name, const char *what, char *err, size_t errlen)
{
	snprintf(err, errlen, "give \"%s\" as %s", name, what);
	return -1;
}

bool arg_given(const json_t *args, const char *name)
{
	return json_object_get(args, name);
}

int arg_text(const json_t *args, const char *name, const char **out, char *err, size_t errlen)
{
	const json_t *v = json_object_get(args, name);

	*out = json_string_value(v);
	return v && !*out ? wrong(name, "a string", err, errlen) : 0;
}

int arg_bool(const json_t *args, const char *name, bool *out, char *err, size_t errlen)
{
	const json_t *v = json_object_get(args, name);

	*out = json_is_true(v);
	return json_is_boolean(v) ? 0 : wrong(name, "true or false", err, errlen);
}

int arg_number(const json_t *args, const char *name, uint64_t max, uint64_t *out, char *err,
	       size_t errlen)
{
	const json_t *v = json_object_get(args, name);
	char range[64];

	if (!v)
		return 0;
	*out = (uint64_t)json_integer_value(v);
	if (json_is_integer(v) && *out && *out <= max)
		return 0;
	snprintf(range, sizeof(range), "a number from 1 to %" PRIu64, max);
	return wrong(name, range, err, errlen);
}

int arg_address(const json_t *args, const char *name, uint64_t *out, char *err, size_t errlen)
{
	const char *text = json_string_value(json_object_get(args, name));
	char *end = NULL;

	errno = 0;
	if (text && text[0] == '0' && text[1] == 'x' && text[2] != '-' && text[2] != '+')
		*out = strtoull(text, &end, 16);
	if (!end || *end || end == text + 1 || errno)
		return wrong(name, "a string with an address, \"0x...\"", err, errlen);
	return 0;
}
