// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow.c: the shadow of all pages: a table by page index, and ranges split into pages.
 *
 * A table entry is one word: 0 for a page that is not tracked; for a page in one single state that
 * state itself, with bit 0 set; otherwise a pointer to a struct shadow_page, which exists as long
 * as it says more than a word can. Host memory per tracked byte: 8/4096 for a uniform page, 0.2 for
 * a page with mixed A and V (shadow_page.c), and unit test ept_shadow prints the figure for a
 * typical mix.
 *
 * Does not know objects, and does not judge.
 */
#include "shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shadow_page.h"

struct shadow {
	const struct guest_ram *ram;
	uint64_t npages;  /* tracked */
	uint64_t bytes;	  /* of the struct shadow_pages */
	uintptr_t page[]; /* by guest_ram_page_index() */
};

#define UNTRACKED ((uintptr_t)0)

static uintptr_t uniform_entry(uint8_t a, uint8_t v)
{
	return (uintptr_t)v << 8 | (uintptr_t)a << 1 | 1;
}

static bool is_uniform(uintptr_t entry)
{
	return entry & 1;
}

static uint8_t entry_a(uintptr_t entry)
{
	return entry >> 1 & 0x7f;
}
_Static_assert(A_STATES <= 0x80, "a state fits an entry");

static uint8_t entry_v(uintptr_t entry)
{
	return entry >> 8 & 0xff;
}

static struct shadow_page *entry_page(uintptr_t entry)
{
	return is_uniform(entry) ? NULL : (struct shadow_page *)entry;
}

struct shadow *shadow_create(const struct guest_ram *ram)
{
	struct shadow *s = calloc(1, sizeof(*s) + guest_ram_pages(ram) * sizeof(s->page[0]));

	if (s)
		s->ram = ram;
	return s;
}

static void put_entry(struct shadow *s, int64_t i, uintptr_t entry)
{
	struct shadow_page *old = entry_page(s->page[i]);

	if (old) {
		s->bytes -= shadow_page_bytes(old);
		shadow_page_deinit(old);
		free(old);
	}
	s->npages += (entry != UNTRACKED) - (s->page[i] != UNTRACKED);
	s->page[i] = entry;
}

void shadow_destroy(struct shadow *s)
{
	if (!s)
		return;
	for (uint64_t i = 0; i < guest_ram_pages(s->ram); i++)
		put_entry(s, (int64_t)i, UNTRACKED);
	free(s);
}

/* -------------------------------------------------------------------- ranges */

/* The part of a range that lies in one page, or a part that is no RAM (page -1, any length). */
struct span {
	int64_t page;
	uint32_t off; /* into the page */
	uint64_t n;   /* bytes */
};

/* Takes the next span off the front of [*at, *at + *len). False at the end. */
static bool next_span(const struct shadow *s, uint64_t *at, uint64_t *len, struct span *span)
{
	if (!*len)
		return false;
	span->page = guest_ram_page_index(s->ram, (gpa_t){*at});
	span->off = *at % GUEST_PAGE;
	if (span->page >= 0)
		span->n = GUEST_PAGE - span->off;
	else /* RAM begins again at most once */
		span->n = *at < GUEST_RAM_HIGH ? GUEST_RAM_HIGH - *at : *len;
	if (span->n > *len)
		span->n = *len;
	*at += span->n;
	*len -= span->n;
	return true;
}

/* ------------------------------------------------------------------ tracking */

int shadow_track(struct shadow *s, gpa_t gpa, uint64_t len, enum a_state a)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	if (gpa.v % GUEST_PAGE || len % GUEST_PAGE || !guest_ram_contains(s->ram, gpa, len) ||
	    a <= A_UNTRACKED || a >= A_STATES)
		return -EINVAL;
	while (next_span(s, &at, &left, &span))
		put_entry(s, span.page, uniform_entry((uint8_t)a, V_DEFINED));
	return 0;
}

void shadow_untrack(struct shadow *s, gpa_t gpa, uint64_t len)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	while (next_span(s, &at, &left, &span))
		if (span.page >= 0)
			put_entry(s, span.page, UNTRACKED);
}

bool shadow_tracked(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(s->ram, gpa);

	return i >= 0 && s->page[i] != UNTRACKED;
}

/* ------------------------------------------------------------------- changes */

struct change {
	enum { SET_A, SET_V, WRITE_V } kind;
	uint8_t value;	  /* SET_A, SET_V */
	const uint8_t *v; /* WRITE_V: the V bits of the range's first byte */
};

static bool change_page(struct shadow_page *p, const struct change *c, const struct span *span)
{
	uint32_t n = (uint32_t)span->n;

	switch (c->kind) {
	case SET_A:
		return shadow_page_set_a(p, span->off, n, c->value);
	case SET_V:
		return shadow_page_set_v(p, span->off, n, c->value);
	case WRITE_V:
		return shadow_page_write_v(p, span->off, c->v, n);
	}
	return false;
}

/* One page. On a lack of memory the whole page becomes unknown: silent, and it needs no memory. */
static int change_span(struct shadow *s, const struct change *c, const struct span *span)
{
	uintptr_t *entry = &s->page[span->page];
	struct shadow_page fresh = {0}, *p = entry_page(*entry);
	bool done;

	if (*entry == UNTRACKED)
		return 0;
	if (p) {
		s->bytes -= shadow_page_bytes(p);
	} else { /* on the stack first: most changes leave a uniform page uniform */
		fresh.a_all = entry_a(*entry);
		fresh.v_all = entry_v(*entry);
	}
	done = change_page(p ? p : &fresh, c, span);
	if (!p && done && !shadow_page_uniform(&fresh)) {
		p = calloc(1, sizeof(*p));
		done = p != NULL;
		if (p)
			*p = fresh;
	}
	if (!done || !p || shadow_page_uniform(p)) {
		const struct shadow_page *now = p ? p : &fresh;

		*entry = done ? uniform_entry(now->a_all, now->v_all)
			      : uniform_entry(A_UNKNOWN, V_DEFINED);
		shadow_page_deinit(p ? p : &fresh);
		free(p);
		return done ? 0 : -ENOMEM;
	}
	*entry = (uintptr_t)p;
	s->bytes += shadow_page_bytes(p);
	return 0;
}

static int change_range(struct shadow *s, gpa_t gpa, uint64_t len, struct change c)
{
	uint64_t at = gpa.v, left = len;
	struct span span;
	int err = 0;

	while (next_span(s, &at, &left, &span)) {
		if (span.page >= 0 && change_span(s, &c, &span))
			err = -ENOMEM;
		if (c.v)
			c.v += span.n;
	}
	return err;
}

int shadow_set_a(struct shadow *s, gpa_t gpa, uint64_t len, enum a_state a)
{
	if (a <= A_UNTRACKED || a >= A_STATES)
		return -EINVAL;
	return change_range(s, gpa, len, (struct change){.kind = SET_A, .value = (uint8_t)a});
}

int shadow_set_v(struct shadow *s, gpa_t gpa, uint64_t len, uint8_t vbits)
{
	return change_range(s, gpa, len, (struct change){.kind = SET_V, .value = vbits});
}

int shadow_write_v(struct shadow *s, gpa_t gpa, const uint8_t *vbits, uint64_t len)
{
	return change_range(s, gpa, len, (struct change){.kind = WRITE_V, .v = vbits});
}

int shadow_copy_v(struct shadow *s, gpa_t dst, gpa_t src, uint64_t len)
{
	/* Backwards where the destination overlaps what is still to be read. */
	bool back = dst.v > src.v && dst.v - src.v < len;
	uint8_t v[512];
	uint64_t done, n, at;
	int err = 0;

	if (len > guest_ram_size(s->ram))
		return -EINVAL; /* no copy within guest memory is that long */
	for (done = 0; done < len; done += n) {
		n = len - done < sizeof(v) ? len - done : sizeof(v);
		at = back ? len - done - n : done;
		shadow_read_v(s, (gpa_t){src.v + at}, v, n);
		if (shadow_write_v(s, (gpa_t){dst.v + at}, v, n))
			err = -ENOMEM;
	}
	return err;
}

/* ------------------------------------------------------------------- queries */

void shadow_read_v(const struct shadow *s, gpa_t gpa, uint8_t *vbits, uint64_t len)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	for (; next_span(s, &at, &left, &span); vbits += span.n) {
		uintptr_t entry = span.page < 0 ? UNTRACKED : s->page[span.page];

		if (entry == UNTRACKED || is_uniform(entry))
			memset(vbits, entry_v(entry), span.n);
		else
			shadow_page_read_v(entry_page(entry), span.off, vbits, (uint32_t)span.n);
	}
}

void shadow_read_a(const struct shadow *s, gpa_t gpa, uint8_t *states, uint64_t len)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	for (; next_span(s, &at, &left, &span); states += span.n) {
		uintptr_t entry = span.page < 0 ? UNTRACKED : s->page[span.page];

		if (entry == UNTRACKED || is_uniform(entry))
			memset(states, entry_a(entry), span.n);
		else
			shadow_page_read_a(entry_page(entry), span.off, states, (uint32_t)span.n);
	}
}

void shadow_read_value_v(const struct shadow *s, gpa_t gpa, uint8_t *vbits, uint64_t len)
{
	uint8_t a[64];

	shadow_read_v(s, gpa, vbits, len);
	for (uint64_t at = 0; at < len; at += sizeof(a)) {
		uint64_t n = len - at < sizeof(a) ? len - at : sizeof(a);

		shadow_read_a(s, (gpa_t){gpa.v + at}, a, n);
		for (uint64_t i = 0; i < n; i++)
			if (a[i] != A_ALLOCATED)
				vbits[at + i] = V_DEFINED;
	}
}

_Static_assert(A_UNTRACKED == 0, "the entry of an untracked page reads as A_UNTRACKED, defined");

uint64_t shadow_bytes(const struct shadow *s)
{
	return s->bytes + s->npages * sizeof(s->page[0]);
}

uint64_t shadow_tracked_bytes(const struct shadow *s)
{
	return s->npages * GUEST_PAGE;
}
