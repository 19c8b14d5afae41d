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

#include "shadow.h"

#define V_BLOCK	 64u /* bytes with exact V bits in one allocation */
#define V_BLOCKS (GUEST_PAGE / V_BLOCK)

/* All zero but a_all and v_all is a valid page: those states everywhere. */
struct shadow_page {
	uint8_t *a;	    /* NULL: a_all everywhere */
	uint8_t *v;	    /* bitmap, 1 = not entirely defined; NULL: v_all everywhere */
	uint8_t **exact;    /* NULL, or V_BLOCKS pointers, NULL where the bitmap says it all */
	uint16_t nexact;    /* pointers in exact that are not NULL */
	uint16_t undefined; /* bits set in v */
	uint8_t a_all;	    /* enum a_state */
	uint8_t v_all;	    /* V_DEFINED or V_UNDEFINED */
	bool a_bytes;	    /* a is one byte a byte, not half a byte a granule */
};

bool shadow_page_set_a(struct shadow_page *p, uint32_t off, uint32_t n, enum a_state a);
bool shadow_page_set_v(struct shadow_page *p, uint32_t off, uint32_t n, uint8_t v);
bool shadow_page_write_v(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n);
void shadow_page_read_a(const struct shadow_page *p, uint32_t off, uint8_t *a, uint32_t n);
void shadow_page_read_v(const struct shadow_page *p, uint32_t off, uint8_t *v, uint32_t n);

/*
 * The plain cases of an access to n bytes in one granule (8 bytes), which nearly all are. The state that all of
 * them have, or A_STATES where that takes a closer look.
 */
enum a_state shadow_page_one_a(const struct shadow_page *p, uint32_t off, uint32_t n);
/* v: NULL for defined. True where it is written: no array comes or goes by that. */
bool shadow_page_write_few(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n);

/* Frees the arrays, not p. */
void shadow_page_deinit(struct shadow_page *p);
bool shadow_page_uniform(const struct shadow_page *p);
size_t shadow_page_bytes(const struct shadow_page *p); /* host bytes, p included */

#endif
