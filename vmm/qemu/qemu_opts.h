/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qemu_opts.h: the value of one of QEMU's options, "word,key=value,key=value": in it ",," stands
 * for a comma. Used by vmm/qemu/ only.
 */
#ifndef KMC_QEMU_OPTS_H
#define KMC_QEMU_OPTS_H

#include <stdbool.h>

#define QEMU_ITEMS 32

struct qemu_opts {
	char *text;
	struct {
		char *key;
		char *value; /* NULL: there was no '=' */
	} item[QEMU_ITEMS];
	unsigned n;
};

/* False: too many items, or no memory. qemu_opts_deinit() in any case. */
bool qemu_opts_parse(struct qemu_opts *o, const char *text);
void qemu_opts_deinit(struct qemu_opts *o);

/* The first item, where it is a word or the value of key; "" otherwise. */
const char *qemu_opts_word(const struct qemu_opts *o, const char *key);
/* The last value of key. NULL: it is not there, or is a word of its own. */
const char *qemu_opts_get(const struct qemu_opts *o, const char *key);
/* key, key=on, key=yes...; "nokey" is off. */
bool qemu_opts_on(const struct qemu_opts *o, const char *key, bool absent);
/*
 * The first item, from number `from` on, that known does not have: a list of names with a space in
 * front of and behind each. NULL: there is none.
 */
const char *qemu_opts_unknown(const struct qemu_opts *o, unsigned from, const char *known);

#endif
