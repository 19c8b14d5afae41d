/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules_builtin.h: the copy of configs/rules.json that is compiled in. Used by rules.c only.
 * Not NUL-terminated.
 */
#ifndef KMC_RULES_BUILTIN_H
#define KMC_RULES_BUILTIN_H

#include <stddef.h>

extern const unsigned char rules_builtin[];
extern const size_t rules_builtin_len;

#endif
