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

#include "shadow_page.h"

struct shadow {
	struct shadow_map map; /* the table */
	_Atomic uint64_t npages; /* tracked */
	_Atomic uint64_t bytes;	 /* of the struct shadow_pages */
	struct shadow_pools pools;
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

static void destroy(struct shadow *s)
{
	pool_destroy(s->pools.page);
	pool_destroy(s->pools.map);
	free(s->map.shard);
	free(s->map.page);
	free(s);
}

struct shadow *shadow_create(const struct guest_ram *ram)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->map.ram = ram;
	s->map.page = calloc(guest_ram_pages(ram), sizeof(s->map.page[0]));
	s->pools.page = pool_create(sizeof(struct shadow_page));
	s->pools.map = pool_create(V_MAP);
	s->map.shard = calloc(SHADOW_SHARDS, sizeof(s->map.shard[0]));
	if (s->map.page && s->pools.page && s->pools.map && s->map.shard)
		return s;
	destroy(s);
	return NULL;
}

/* Held for some hundred instructions at most; whoever holds one may have lost its host CPU. */
void shadow_wait(atomic_bool *shard)
{
	for (unsigned tries = 1; atomic_exchange_explicit(shard, true, memory_order_acquire); tries++)
		if (tries % 64 == 0)
			sched_yield();
}

static void lock_page(const struct shadow *s, int64_t page)
{
	shadow_wait(&s->map.shard[(uint64_t)page % SHADOW_SHARDS]);
}

static void unlock_page(const struct shadow *s, int64_t page)
{
	atomic_store_explicit(&s->map.shard[(uint64_t)page % SHADOW_SHARDS], false, memory_order_release);
}

static void put_entry(struct shadow *s, int64_t i, uintptr_t entry)
{
	struct shadow_page *old = entry_page(s->map.page[i]);

	if (old) {
		s->bytes -= shadow_page_bytes(old);
		shadow_page_destroy(old);
	}
	if (entry != UNTRACKED && s->map.page[i] == UNTRACKED && ++s->npages == POOL_LARGE_TABLE)
		pool_make_huge(s->map.page, guest_ram_pages(s->map.ram) * sizeof(s->map.page[0]));
	else if (entry == UNTRACKED && s->map.page[i] != UNTRACKED)
		s->npages--;
	__atomic_store_n(&s->map.page[i], entry, __ATOMIC_RELEASE);
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
	for (uint64_t i = 0; i < guest_ram_pages(s->map.ram); i++)
		put_entry(s, (int64_t)i, UNTRACKED);
	destroy(s);
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
	span->page = guest_ram_page_index(s->map.ram, (gpa_t){*at});
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

	if (gpa.v % GUEST_PAGE || len % GUEST_PAGE || !guest_ram_contains(s->map.ram, gpa, len) ||
	    a <= A_UNTRACKED || a >= A_STATES)
		return -EINVAL;
	while (next_span(s, &at, &left, &span))
		put_entry_locked(s, span.page, uniform_entry((uint8_t)a, V_DEFINED));
	return 0;
}

int shadow_track_runs(struct shadow *s, gpa_t page, const struct shadow_run *run, unsigned n)
{
	int64_t i = guest_ram_page_index(s->map.ram, page);
	struct shadow_page *p = NULL;

	if (n > 1) {
		p = shadow_page_create(&s->pools, A_UNKNOWN, V_DEFINED);
		if (p && !shadow_page_set_runs(p, run, n)) {
			shadow_page_destroy(p);
			p = NULL;
		}
	}
	lock_page(s, i);
	if (p) {
		put_entry(s, i, (uintptr_t)p);
		s->bytes += shadow_page_bytes(p);
	} else {
		put_entry(s, i, uniform_entry(n == 1 ? run->a : A_UNKNOWN, V_DEFINED));
	}
	unlock_page(s, i);
	return p || n == 1 ? 0 : -ENOMEM;
}

void shadow_untrack(struct shadow *s, gpa_t gpa, uint64_t len)
{
	uint64_t at = gpa.v, left = len;
	struct span span;

	while (next_span(s, &at, &left, &span))
		if (span.page >= 0)
			put_entry_locked(s, span.page, UNTRACKED);
}

/* ------------------------------------------------------------------- changes */

struct change {
	enum { SET_A, SET_V, WRITE_V, SLOT } kind;
	uint8_t value;	  /* SET_A, SET_V, SLOT: the state */
	const uint8_t *v; /* WRITE_V: the V bits of the range's first byte */
	uint64_t used;	  /* SLOT: bytes in that state, from the range's first one on; then redzone */
	enum shadow_fill fill; /* SLOT */
};

static uint8_t fill_v(enum shadow_fill fill)
{
	return fill == SHADOW_UNDEFINED ? V_UNDEFINED : V_DEFINED;
}

static bool change_slot(struct shadow_page *p, const struct change *c, uint32_t off, uint32_t n)
{
	uint32_t used = c->used < n ? (uint32_t)c->used : n, split = used - used % 8;

	if (c->fill != SHADOW_KEEP && !shadow_page_set_v(p, off, n, fill_v(c->fill)))
		return false;
	/* The redzone first: a granule that is split is packed only as allocated|redzone. */
	return shadow_page_set_a(p, off + split, n - split, used == n ? c->value : A_REDZONE) &&
	       shadow_page_set_a(p, off, used, c->value);
}

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
	case SLOT:
		return change_slot(p, c, span->off, n);
	}
	return false;
}

static bool all_are(const uint8_t *v, uint64_t n, uint8_t value)
{
	for (uint64_t i = 0; i < n; i++)
		if (v[i] != value)
			return false;
	return true;
}

/* A page in one single state that stays so: true, and *entry says it. */
static bool change_uniform(uintptr_t *entry, const struct change *c, const struct span *span)
{
	uint8_t a = entry_a(*entry), v = entry_v(*entry);
	bool whole = span->n == GUEST_PAGE;

	switch (c->kind) {
	case SET_A:
		*entry = whole ? uniform_entry(c->value, v) : *entry;
		return whole || a == c->value;
	case SET_V:
		whole &= c->value == V_DEFINED || c->value == V_UNDEFINED;
		*entry = whole ? uniform_entry(a, c->value) : *entry;
		return whole || v == c->value;
	case WRITE_V:
		return all_are(c->v, span->n, v);
	case SLOT:
		whole &= c->used >= GUEST_PAGE && c->fill != SHADOW_KEEP;
		*entry = whole ? uniform_entry(c->value, fill_v(c->fill)) : *entry;
		return whole;
	}
	return false;
}

/* One page. On a lack of memory the whole page becomes unknown: silent, and it needs no memory. */
static int change_span(struct shadow *s, const struct change *c, const struct span *span)
{
	uintptr_t *entry = &s->map.page[span->page];
	struct shadow_page *p = entry_page(*entry);
	size_t before = p ? shadow_page_bytes(p) : 0, after = 0;
	bool done;

	if (*entry == UNTRACKED || (!p && change_uniform(entry, c, span)))
		return 0;
	if (!p)
		p = shadow_page_create(&s->pools, entry_a(*entry), entry_v(*entry));
	done = p && change_page(p, c, span);
	if (done && !shadow_page_uniform(p)) {
		*entry = (uintptr_t)p;
		after = shadow_page_bytes(p);
	} else {
		*entry = done ? uniform_entry(p->a_all, p->v_all) : uniform_entry(A_UNKNOWN, V_DEFINED);
		shadow_page_destroy(p);
	}
	if (after != before)
		s->bytes += after - before;
	return done ? 0 : -ENOMEM;
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
		c.used -= c.used < span.n ? c.used : span.n;
	}
	return err;
}

int shadow_set_slot(struct shadow *s, gpa_t gpa, uint64_t len, uint64_t used, enum a_state a,
		    enum shadow_fill fill)
{
	if (a <= A_UNTRACKED || a >= A_STATES)
		return -EINVAL;
	return change_range(s, gpa, len,
			    (struct change){.kind = SLOT, .value = (uint8_t)a, .used = used, .fill = fill});
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
	uintptr_t entry = span->page < 0 ? UNTRACKED : s->map.page[span->page];

	if (entry == UNTRACKED || is_uniform(entry))
		memset(vbits, entry_v(entry), span->n);
	else
		shadow_page_read_v(entry_page(entry), span->off, vbits, (uint32_t)span->n);
}

static void page_read_a(const struct shadow *s, const struct span *span, uint8_t *states)
{
	uintptr_t entry = span->page < 0 ? UNTRACKED : s->map.page[span->page];

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

static bool is_legal(uint8_t a)
{
	return a <= A_UNKNOWN || a == A_ALLOCATED;
}

/* Byte by byte. v may be NULL. */
static bool look_slowly(const struct shadow *s, const struct span *span, uint8_t *v)
{
	uint8_t a[GUEST_PAGE];
	bool legal = true;

	page_read_a(s, span, a);
	if (v)
		page_read_v(s, span, v);
	for (uint32_t i = 0; i < span->n; i++) {
		legal &= is_legal(a[i]);
		if (v && a[i] != A_ALLOCATED)
			v[i] = V_DEFINED;
	}
	return legal;
}

/* A granule at a time, of packed states and a bitmap. */
static bool look_at_granules(const struct shadow_page *p, uint32_t off, uint32_t n, uint8_t *v)
{
	bool legal = true;

	for (uint32_t step; n; n -= step, off += step) {
		uint32_t from = off % A_GRANULE;

		step = n < A_GRANULE - from ? n : A_GRANULE - from;
		legal &= shadow_page_look(p, off, step, v);
		v = v ? v + step : NULL;
	}
	return legal;
}

/* Seldom, so not inlined: it would cost the others registers. */
static __attribute__((noinline)) bool look_otherwise(const struct shadow *s, uint64_t page, uint32_t off,
						     uint32_t len, uint8_t *v)
{
	struct span span = {.page = (int64_t)page, .off = off, .n = len};
	uintptr_t entry = s->map.page[page];
	const struct shadow_page *p = entry_page(entry);

	if (p)
		return shadow_page_plain(p) ? look_at_granules(p, span.off, len, v) : look_slowly(s, &span, v);
	if (v)
		memset(v, entry_a(entry) == A_ALLOCATED ? entry_v(entry) : V_DEFINED, len);
	return is_legal(entry_a(entry));
}

bool shadow_held_look(const struct shadow *s, uint64_t page, uint32_t off, uint32_t len, uint8_t *v)
{
	uintptr_t entry = s->map.page[page];
	const struct shadow_page *p = entry_page(entry);

	if (p && off % A_GRANULE + len <= A_GRANULE && shadow_page_plain(p))
		return shadow_page_look(p, off, len, v);
	if (entry == uniform_entry(A_ALLOCATED, V_DEFINED) && len <= sizeof(uint64_t)) {
		if (v)
			shadow_put_bytes(v, 0, len);
		return true;
	}
	return look_otherwise(s, page, off, len, v);
}

void shadow_prefetch_entry(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(s->map.ram, gpa);

	if (i >= 0)
		__builtin_prefetch(&s->map.page[i]);
}

void shadow_prefetch_page(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(s->map.ram, gpa);
	uintptr_t entry = i < 0 ? UNTRACKED : __atomic_load_n(&s->map.page[i], __ATOMIC_RELAXED);
	uint32_t off = gpa.v % GUEST_PAGE;

	/* Never looked into: without the page's lock it may not be there any more. */
	if (entry != UNTRACKED && !is_uniform(entry)) {
		__builtin_prefetch(entry_page(entry));
		__builtin_prefetch(&entry_page(entry)->a[off / (2 * A_GRANULE)], 1);
	}
}

void shadow_prefetch_v(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(s->map.ram, gpa);
	const struct shadow_page *p;

	if (i < 0)
		return;
	lock_page(s, i);
	p = entry_page(s->map.page[i]);
	if (p && p->v)
		__builtin_prefetch(&p->v[gpa.v % GUEST_PAGE / 8], 1);
	unlock_page(s, i);
}

bool shadow_held_undefined(const struct shadow *s, uint64_t page)
{
	uintptr_t entry = s->map.page[page];

	if (entry != UNTRACKED && !is_uniform(entry))
		return shadow_page_undefined(entry_page(entry));
	return entry_a(entry) == A_ALLOCATED && entry_v(entry) != V_DEFINED;
}

static __attribute__((noinline)) int write_otherwise(struct shadow *s, uint64_t page, uint32_t off,
						    const uint8_t *vbits, uint32_t len)
{
	struct span span = {.page = (int64_t)page, .off = off, .n = len};

	return change_span(s, &(struct change){.kind = vbits ? WRITE_V : SET_V, .value = V_DEFINED, .v = vbits},
			   &span);
}

int shadow_held_write_v(struct shadow *s, uint64_t page, uint32_t off, const uint8_t *vbits, uint32_t len)
{
	uintptr_t entry = s->map.page[page];

	if (entry == UNTRACKED)
		return 0;
	if (!is_uniform(entry) && off % A_GRANULE + len <= A_GRANULE &&
	    shadow_page_write_few(entry_page(entry), off, vbits, len))
		return 0;
	return write_otherwise(s, page, off, vbits, len);
}

_Static_assert(offsetof(struct shadow, map) == 0, "shadow.h looks into it");
_Static_assert(A_UNTRACKED == 0, "the entry of an untracked page reads as A_UNTRACKED, defined");

uint64_t shadow_bytes(const struct shadow *s)
{
	return s->bytes + s->npages * sizeof(s->map.page[0]);
}

uint64_t shadow_tracked_bytes(const struct shadow *s)
{
	return s->npages * GUEST_PAGE;
}
