/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copies.h: which undefined bytes came from elsewhere in tracked memory, so that a report can tell
 * where they were created.
 *
 * A table of fixed size: a newer copy may displace an older one of other bytes, whose path is then not
 * known any more. What is here is a hint for people; no judgement depends on it. Any thread.
 */
#ifndef KMC_COPIES_H
#define KMC_COPIES_H

#include "guest_ram.h"

struct copies;

struct copies *copies_create(void); /* NULL: out of memory */
void copies_destroy(struct copies *c);

/* One copy, for each of its bytes. */
struct copy {
	gpa_t from;	/* where the byte came from */
	uint32_t trace; /* objects_put_trace() of the code that copied, 0 not known */
	uint64_t time;	/* of the last event announced before it, ns since guest boot */
};

/*
 * len bytes with V bits v were written to `to`; what is undefined in them came from copy->from on: byte
 * n from byte n where alike, else all from that one byte.
 */
void copies_put(struct copies *c, gpa_t to, const uint8_t *v, uint32_t len, const struct copy *copy,
		bool alike);
/* The last copy that made this byte undefined. False: none is remembered. */
bool copies_find(struct copies *c, gpa_t at, struct copy *copy);

#endif
