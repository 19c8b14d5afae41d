/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args.h: arguments of a command, by type. Each returns 0, or -1 with one line in err that names
 * the argument and what it may be.
 */
#ifndef KMC_ARGS_H
#define KMC_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* *out is NULL where it was left out. Lives as long as args. */
int arg_text(const json_t *args, const char *name, const char **out, char *err, size_t errlen);
int arg_bool(const json_t *args, const char *name, bool *out, char *err, size_t errlen);
/* *out: what it is where it was left out. */
int arg_number(const json_t *args, const char *name, uint64_t max, uint64_t *out, char *err,
	       size_t errlen);
/* "0x..." */
int arg_address(const json_t *args, const char *name, uint64_t *out, char *err, size_t errlen);
bool arg_given(const json_t *args, const char *name);

#endif
