/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shadow_page.h: the shadow of one page that is not in one single state. Private to shadow*.c.
 *
 * Knows neither addresses nor other pages. Offsets are bytes into the page; off + n <= GUEST_PAGE.
 * A function that returns false ran out of memory: the page then holds something between the old
 * and the new contents, and the caller must give it up.
 */
#ifndef KMC_SHADOW_PAGE_H
#define KMC_SHADOW_PAGE_H

#include <string.h>

#include "pool.h"
#include "shadow.h"

#define V_BLOCK	 64u /* bytes with exact V bits in one allocation */
#define V_BLOCKS (GUEST_PAGE / V_BLOCK)
#define A_GRANULE 8u /* bytes that have one code: half a byte of a[] */

struct shadow_pools {
	struct pool *page; /* of struct shadow_page */
	struct pool *map;  /* of V_MAP bytes */
};
#define V_MAP (GUEST_PAGE / 8)

/* What a plain access needs of it is the first 24 bytes, one of a[], and one of v[]. */
struct shadow_page {
	uint8_t *v;	    /* bitmap, 1 = not entirely defined; NULL: v_all everywhere */
	uint8_t **exact;    /* NULL, or V_BLOCKS pointers, NULL where the bitmap says it all */
	uint16_t undefined; /* bits set in v */
	uint8_t a_all;	    /* enum a_state, unless mixed */
	uint8_t v_all;	    /* V_DEFINED or V_UNDEFINED */
	bool mixed;	    /* a[] is valid, or a_bytes is there instead */
	uint16_t nexact;    /* pointers in exact that are not NULL */
	uint8_t *a_bytes;   /* one byte a byte */
	const struct shadow_pools *pools;
	uint8_t a[GUEST_PAGE / A_GRANULE / 2];
};

/* NULL: out of memory. The pools must outlive it. */
struct shadow_page *shadow_page_create(const struct shadow_pools *pools, uint8_t a, uint8_t v);
void shadow_page_destroy(struct shadow_page *p); /* NULL is allowed */

bool shadow_page_set_a(struct shadow_page *p, uint32_t off, uint32_t n, enum a_state a);
/* See shadow_track_runs(); there are at least two. */
bool shadow_page_set_runs(struct shadow_page *p, const struct shadow_run *run, unsigned n);
bool shadow_page_set_v(struct shadow_page *p, uint32_t off, uint32_t n, uint8_t v);
bool shadow_page_write_v(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n);
void shadow_page_read_a(const struct shadow_page *p, uint32_t off, uint8_t *a, uint32_t n);
void shadow_page_read_v(const struct shadow_page *p, uint32_t off, uint8_t *v, uint32_t n);
/* Some byte that is A_ALLOCATED is not defined. */
bool shadow_page_undefined(const struct shadow_page *p);

/*
 * The plain cases of an access to n bytes in one granule, which nearly all are. A code says how many bytes of
 * its granule, from the first one on, may be touched, and how many are A_ALLOCATED.
 */
struct shadow_code {
	uint8_t legal, allocated;
};
extern const struct shadow_code shadow_codes[16];

/* All of the following hold where this is true. */
static inline bool shadow_page_plain(const struct shadow_page *p)
{
	return !p->a_bytes && !p->exact;
}

/* Of a page in one state the code is that state less 1. */
static inline const struct shadow_code *shadow_page_code(const struct shadow_page *p, uint32_t off)
{
	if (!p->mixed)
		return &shadow_codes[p->a_all - A_UNKNOWN];
	return &shadow_codes[p->a[off / (2 * A_GRANULE)] >> (off / A_GRANULE % 2 * 4) & 0xf];
}

/* Byte i of the result is 0xff where bit i is set. */
static inline uint64_t shadow_spread(uint8_t bits)
{
	uint64_t x = bits * 0x0101010101010101u & 0x8040201008040201u;

	return ((x + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u) * 0xff;
}

/* Up to 8 bytes, to and from memory, the first one is the lowest. */
static inline void shadow_put_bytes(uint8_t *to, uint64_t bytes, uint32_t n)
{
	if (n == sizeof(bytes))
		memcpy(to, &bytes, sizeof(bytes));
	else if (n == 4)
		memcpy(to, &bytes, 4);
	else
		for (uint32_t i = 0; i < n; i++)
			to[i] = (uint8_t)(bytes >> 8 * i);
}

static inline uint64_t shadow_get_bytes(const uint8_t *from, uint32_t n)
{
	uint64_t bytes = 0;

	if (n == sizeof(bytes))
		memcpy(&bytes, from, sizeof(bytes));
	else if (n == 4)
		memcpy(&bytes, from, 4);
	else
		for (uint32_t i = 0; i < n; i++)
			bytes |= (uint64_t)from[i] << 8 * i;
	return bytes;
}

/* As shadow_held_look(): one granule's n bytes. */
static inline bool shadow_page_look(const struct shadow_page *p, uint32_t off, uint32_t n, uint8_t *v)
{
	const struct shadow_code *code = shadow_page_code(p, off);
	uint32_t from = off % A_GRANULE;
	unsigned bits;

	if (v) {
		bits = p->v ? p->v[off / 8] : p->v_all;
		bits = (bits & ((1u << code->allocated) - 1)) >> from;
		shadow_put_bytes(v, bits ? shadow_spread((uint8_t)bits) : 0, n);
	}
	return from + n <= code->legal;
}

/* v: NULL for defined. True where it is written: no array comes or goes by that. */
bool shadow_page_write_few(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n);

static inline bool shadow_page_uniform(const struct shadow_page *p)
{
	return !p->mixed && !p->v;
}
size_t shadow_page_bytes(const struct shadow_page *p); /* host bytes, p included */

#endif
