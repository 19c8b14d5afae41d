/* SPDX-License-Identifier: GPL-2.0-only */
/* ept_calloc.h: lets the n-th calloc or pool_get and all after it fail. Needs -Wl,--wrap=calloc,--wrap=pool_get. */
#ifndef EPT_CALLOC_H
#define EPT_CALLOC_H

#include <stddef.h>

static long calloc_left = -1; /* callocs that still succeed; negative: all */

struct pool;
void *__real_pool_get(struct pool *p);
void *__wrap_pool_get(struct pool *p);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	if (!calloc_left)
		return NULL;
	if (calloc_left > 0)
		calloc_left--;
	return __real_calloc(n, size);
}

void *__wrap_pool_get(struct pool *p)
{
	if (!calloc_left)
		return NULL;
	if (calloc_left > 0)
		calloc_left--;
	return __real_pool_get(p);
}

#endif
