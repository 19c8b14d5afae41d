// SPDX-License-Identifier: GPL-2.0-only
/* qemu_opts.c: cuts and looks up; knows no option. */
#include "qemu_opts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the item at *at, with ",," made one comma, and moves *at to the next one; NULL: it was the
 * last. */
static char *cut(char **at)
{
	char *item = *at, *to = item, *from = item;
	bool more = false;

	for (; *from; from++) {
		if (*from == ',' && *++from != ',') {
			more = true;
			break;
		}
		*to++ = *from;
	}
	*at = more ? from : NULL;
	*to = '\0';
	return item;
}

bool qemu_opts_parse(struct qemu_opts *o, const char *text)
{
	char *at;

	*o = (struct qemu_opts){.text = strdup(text)};
	at = o->text;
	while (at && *at) {
		char *item = cut(&at), *equals = strchr(item, '=');

		if (o->n == QEMU_ITEMS)
			return false;
		if (equals)
			*equals++ = '\0';
		o->item[o->n].key = item;
		o->item[o->n++].value = equals;
	}
	return o->text;
}

void qemu_opts_deinit(struct qemu_opts *o)
{
	free(o->text);
}

const char *qemu_opts_word(const struct qemu_opts *o, const char *key)
{
	if (!o->n)
		return "";
	if (!o->item[0].value)
		return o->item[0].key;
	return strcmp(o->item[0].key, key) ? "" : o->item[0].value;
}

const char *qemu_opts_get(const struct qemu_opts *o, const char *key)
{
	const char *value = NULL;

	for (unsigned i = 0; i < o->n; i++)
		if (o->item[i].value && !strcmp(o->item[i].key, key))
			value = o->item[i].value;
	return value;
}

static bool is_on(const char *value)
{
	return !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "y") ||
	       !strcmp(value, "true");
}

bool qemu_opts_on(const struct qemu_opts *o, const char *key, bool absent)
{
	bool on = absent;

	for (unsigned i = 0; i < o->n; i++) {
		const char *name = o->item[i].key, *value = o->item[i].value;

		if (!strcmp(name, key))
			on = !value || is_on(value);
		else if (!value && !strncmp(name, "no", 2) && !strcmp(name + 2, key))
			on = false;
	}
	return on;
}

const char *qemu_opts_unknown(const struct qemu_opts *o, unsigned from, const char *known)
{
	char word[64];

	for (unsigned i = from; i < o->n; i++) {
		int n = snprintf(word, sizeof(word), " %s ", o->item[i].key);

		if (n >= (int)sizeof(word) || !strstr(known, word) || strchr(o->item[i].key, ' '))
			return o->item[i].key;
	}
	return NULL;
}
