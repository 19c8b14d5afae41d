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
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shadow_page.h"

#define SHARDS 256u

struct shadow {
	const struct guest_ram *ram;
	_Atomic uint64_t npages; /* tracked */
	_Atomic uint64_t bytes;	 /* of the struct shadow_pages */
	atomic_bool *shard;	 /* spin locks, by page index modulo SHARDS */
	uintptr_t page[];	 /* by guest_ram_page_index() */
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

	if (!s)
		return NULL;
	s->ram = ram;
	s->shard = calloc(SHARDS, sizeof(s->shard[0]));
	if (s->shard)
		return s;
	free(s);
	return NULL;
}

/* Held for some hundred instructions at most; whoever holds one may have lost its host CPU. */
static void lock_page(const struct shadow *s, int64_t page)
{
	atomic_bool *lock = &s->shard[(uint64_t)page % SHARDS];

	for (unsigned tries = 1; atomic_exchange_explicit(lock, true, memory_order_acquire); tries++)
		if (tries % 64 == 0)
			sched_yield();
}

static void unlock_page(const struct shadow *s, int64_t page)
{
	atomic_store_explicit(&s->shard[(uint64_t)page % SHARDS], false, memory_order_release);
}

void shadow_hold(const struct shadow *s, gpa_t gpa)
{
	int64_t page = guest_ram_page_index(s->ram, gpa);

	if (page >= 0)
		lock_page(s, page);
}

void shadow_drop(const struct shadow *s, gpa_t gpa)
{
	int64_t page = guest_ram_page_index(s->ram, gpa);

	if (page >= 0)
		unlock_page(s, page);
}

static void put_entry(struct shadow *s, int64_t i, uintptr_t entry)
{
	struct shadow_page *old = entry_page(s->page[i]);

	if (old) {
		s->bytes -= shadow_page_bytes(old);
		shadow_page_deinit(old);
		free(old);
	}
	if ((entry != UNTRACKED) != (s->page[i] != UNTRACKED))
		s->npages += entry != UNTRACKED ? 1 : -1ull;
	__atomic_store_n(&s->page[i], entry, __ATOMIC_RELEASE);
}

static void put_entry_locked(struct shadow *s, int64_t i, uintptr_t entry)
{
	lock_page(s, i);
	put_entry(s, i, entry);
	unlock_page(s, i);
}

void shadow_destroy(struct shadow *s)
{
	if (!s)
		return;
	for (uint64_t i = 0; i < guest_ram_pages(s->ram); i++)
		put_entry(s, (int64_t)i, UNTRACKED);
	free(s->shard);
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
		put_entry_locked(s, span.page, uniform_entry((uint8_t)a, V_DEFINED));
	return 0;
}

void shadow_untrack(struct shadow *s, gpa_t gpa, uint64_t len)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	while (next_span(s, &at, &left, &span))
		if (span.page >= 0)
			put_entry_locked(s, span.page, UNTRACKED);
}

bool shadow_tracked(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(s->ram, gpa);

	return i >= 0 && __atomic_load_n(&s->page[i], __ATOMIC_ACQUIRE) != UNTRACKED;
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
		if (span.page >= 0) {
			lock_page(s, span.page);
			if (change_span(s, &c, &span))
				err = -ENOMEM;
			unlock_page(s, span.page);
		}
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

/* ------------------------------------------------------------------- queries */

static void page_read_v(const struct shadow *s, const struct span *span, uint8_t *vbits)
{
	uintptr_t entry = span->page < 0 ? UNTRACKED : s->page[span->page];

	if (entry == UNTRACKED || is_uniform(entry))
		memset(vbits, entry_v(entry), span->n);
	else
		shadow_page_read_v(entry_page(entry), span->off, vbits, (uint32_t)span->n);
}

static void page_read_a(const struct shadow *s, const struct span *span, uint8_t *states)
{
	uintptr_t entry = span->page < 0 ? UNTRACKED : s->page[span->page];

	if (entry == UNTRACKED || is_uniform(entry))
		memset(states, entry_a(entry), span->n);
	else
		shadow_page_read_a(entry_page(entry), span->off, states, (uint32_t)span->n);
}

static void read_range(const struct shadow *s, gpa_t gpa, uint8_t *out, uint64_t len,
		       void (*read)(const struct shadow *s, const struct span *span, uint8_t *out))
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	for (; next_span(s, &at, &left, &span); out += span.n) {
		if (span.page >= 0)
			lock_page(s, span.page);
		read(s, &span, out);
		if (span.page >= 0)
			unlock_page(s, span.page);
	}
}

void shadow_read_v(const struct shadow *s, gpa_t gpa, uint8_t *vbits, uint64_t len)
{
	read_range(s, gpa, vbits, len, page_read_v);
}

void shadow_read_a(const struct shadow *s, gpa_t gpa, uint8_t *states, uint64_t len)
{
	read_range(s, gpa, states, len, page_read_a);
}

/* --------------------------------------------- one page, held by the caller */

static struct span held_span(const struct shadow *s, gpa_t gpa, uint32_t len)
{
	return (struct span){.page = guest_ram_page_index(s->ram, gpa),
			     .off = gpa.v % GUEST_PAGE,
			     .n = len};
}

static bool is_legal(uint8_t a)
{
	return a <= A_UNKNOWN || a == A_ALLOCATED;
}

/* A page with arrays, of which the span is in one granule. */
static struct shadow_page *page_of_few(uintptr_t entry, const struct span *span)
{
	return entry != UNTRACKED && !is_uniform(entry) && span->off % 8 + span->n <= 8 ?
		       entry_page(entry) :
		       NULL;
}

static enum a_state held_one_a(const struct shadow *s, const struct span *span)
{
	uintptr_t entry = span->page < 0 ? UNTRACKED : s->page[span->page];
	const struct shadow_page *p = page_of_few(entry, span);

	if (entry == UNTRACKED || is_uniform(entry))
		return entry_a(entry);
	return p ? shadow_page_one_a(p, span->off, (uint32_t)span->n) : A_STATES;
}

bool shadow_held_legal(const struct shadow *s, gpa_t gpa, uint32_t len)
{
	struct span span = held_span(s, gpa, len);
	enum a_state all = held_one_a(s, &span);
	uint8_t a[GUEST_PAGE];

	if (all != A_STATES)
		return is_legal((uint8_t)all);
	page_read_a(s, &span, a);
	for (uint32_t i = 0; i < len; i++)
		if (!is_legal(a[i]))
			return false;
	return true;
}

void shadow_held_read_v(const struct shadow *s, gpa_t gpa, uint8_t *vbits, uint32_t len)
{
	struct span span = held_span(s, gpa, len);
	uint8_t a[GUEST_PAGE], any = 0;

	page_read_v(s, &span, vbits);
	for (uint32_t i = 0; i < len; i++)
		any |= vbits[i];
	if (!any || held_one_a(s, &span) == A_ALLOCATED)
		return;
	page_read_a(s, &span, a);
	for (uint32_t i = 0; i < len; i++)
		if (a[i] != A_ALLOCATED)
			vbits[i] = V_DEFINED;
}

bool shadow_held_undefined(const struct shadow *s, gpa_t page)
{
	uint8_t v[GUEST_PAGE];

	shadow_held_read_v(s, page, v, GUEST_PAGE);
	return v[0] || memcmp(v, v + 1, GUEST_PAGE - 1);
}

int shadow_held_write_v(struct shadow *s, gpa_t gpa, const uint8_t *vbits, uint32_t len)
{
	struct change c = {.kind = vbits ? WRITE_V : SET_V, .value = V_DEFINED, .v = vbits};
	struct span span = held_span(s, gpa, len);
	struct shadow_page *p;

	if (span.page < 0)
		return 0;
	p = page_of_few(s->page[span.page], &span);
	return p && shadow_page_write_few(p, span.off, vbits, len) ? 0 : change_span(s, &c, &span);
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
