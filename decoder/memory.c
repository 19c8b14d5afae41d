// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory.c: the engine's way to guest memory: a small cache of pages, tracked memory through the
 * callbacks, and the overlay for undefined bits in memory that is not tracked.
 *
 * The fast path is in uop_memory.c; what arrives here crosses a page, is tracked or overlaid, or was
 * not looked up yet.
 */
#include <string.h>

#include "uop.h"

#define PAGE_MASK (~(uint64_t)(ENGINE_PAGE - 1))

static struct tlb *entry_of(struct engine *e, uint64_t addr)
{
	return &e->tlb[(addr / ENGINE_PAGE) % TLB_ENTRIES];
}

static void no_page(struct tlb *t)
{
	t->read = t->write = t->tracked_read = t->tracked_write = t->page = TLB_NONE;
}

void mem_forget(struct engine *e)
{
	for (unsigned n = 0; n < e->tlb_used; n++)
		no_page(&e->tlb[e->tlb_at[n]]);
	e->tlb_used = 0;
}

/* The nth of those in use; the last one takes its place. */
static void forget_nth(struct engine *e, unsigned n)
{
	no_page(&e->tlb[e->tlb_at[n]]);
	e->tlb_at[n] = e->tlb_at[--e->tlb_used];
}

void mem_forget_user(struct engine *e)
{
	for (unsigned n = e->tlb_used; n-- > 0;)
		if (e->tlb[e->tlb_at[n]].user)
			forget_nth(e, n);
}

void mem_forget_range(struct engine *e, uint64_t gpa, uint64_t len)
{
	for (unsigned n = e->tlb_used; n-- > 0;)
		if (e->tlb[e->tlb_at[n]].gpa - gpa < len)
			forget_nth(e, n);
}

void mem_forget_proofs(struct engine *e)
{
	for (unsigned n = 0; n < TLB_ENTRIES; n++)
		e->tlb_proof[n].page = TLB_NONE;
}

void mem_init(struct engine *e)
{
	for (unsigned n = 0; n < TLB_ENTRIES; n++)
		no_page(&e->tlb[n]);
	mem_forget_proofs(e);
}

static bool page_overlaid(const struct engine *e, uint64_t gpa)
{
	for (unsigned n = 0; n < e->overlay_pages; n++)
		if (e->overlay_page[n] == gpa)
			return true;
	return false;
}

static inline void set_tags(struct tlb *t)
{
	uint64_t write = t->how & ENGINE_WRITE ? t->page : TLB_NONE;

	t->read = t->write = t->tracked_read = t->tracked_write = TLB_NONE;
	if (t->tracked) {
		t->tracked_read = t->page;
		t->tracked_write = write;
	} else if (!t->overlaid) {
		t->read = t->page;
		t->write = write;
	}
}

static __attribute__((noinline, cold)) void not_reached(struct engine *e, const struct uop *u, uint64_t addr,
							enum engine_reach why, uint32_t error)
{
	e->device = why == ENGINE_DEVICE;
	if (why != ENGINE_PAGE_FAULT) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return;
	}
	e->out->fault_addr = (gva_t){ addr };
	e->out->fault_error = error;
	uop_leave(e, u, LEAVE_FAULT);
}

static inline void use(struct engine *e, struct tlb *t, uint64_t page)
{
	e->device = false;
	if (t->page == TLB_NONE)
		e->tlb_at[e->tlb_used++] = (uint16_t)(t - e->tlb);
	t->page = page;
	t->overlaid = page_overlaid(e, t->gpa);
}

static __attribute__((noinline)) struct tlb *reach_anew(struct engine *e, const struct uop *u, uint64_t addr,
							unsigned how)
{
	struct tlb *t = entry_of(e, addr);
	struct tlb_proof *proof = &e->tlb_proof[t - e->tlb];
	struct engine_page p = { 0 };
	uint32_t error = 0;
	enum engine_reach reached = e->ops.reach(e->ctx, (gva_t){ addr }, how, &p, &error);

	if (reached != ENGINE_REACHED) {
		not_reached(e, u, addr, reached, error);
		return NULL;
	}
	t->gpa = p.gpa;
	use(e, t, addr & PAGE_MASK);
	t->addend = (uintptr_t)p.host - t->page;
	t->how = (uint8_t)(how | ENGINE_READ | (p.writable ? ENGINE_WRITE : 0));
	t->tracked = p.tracked;
	t->number = p.number;
	t->user = p.user;
	set_tags(t);
	proof->page = TLB_NONE;
	if (p.proof)
		*proof = (struct tlb_proof){ t->page, t->how, p.tracking, *p.proof };
	return t;
}

/* Most pages were reached in an earlier window, and lie where they lay. */
static inline __attribute__((always_inline)) struct tlb *reach(struct engine *e, const struct uop *u,
							       uint64_t addr, unsigned how)
{
	struct tlb *t = entry_of(e, addr);
	const struct tlb_proof *p = &e->tlb_proof[t - e->tlb];

	if (p->page != (addr & PAGE_MASK) || (how & ~p->how) || !e->limits->root ||
	    !page_proof_holds(&p->proof, e->limits->root))
		return reach_anew(e, u, addr, how);
	use(e, t, p->page);
	t->how = p->how;
	t->tracked = __atomic_load_n(p->tracking, __ATOMIC_ACQUIRE);
	set_tags(t);
	return t;
}

static __attribute__((noinline)) struct tlb *reach_slowly(struct engine *e, const struct uop *u, uint64_t addr,
							  unsigned how)
{
	return reach(e, u, addr, how);
}

static inline bool is_for(const struct tlb *t, uint64_t addr, unsigned how)
{
	return t->page == (addr & PAGE_MASK) && !(how & ~t->how);
}

/* NULL: e->leave is set. */
struct tlb *mem_page(struct engine *e, const struct uop *u, uint64_t addr, unsigned how)
{
	struct tlb *t = entry_of(e, addr);

	return is_for(t, addr, how) ? t : reach_slowly(e, u, addr, how);
}

bool mem_probe(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how)
{
	uint64_t last = addr + size - 1;

	return mem_page(e, u, addr, how) &&
	       (((addr ^ last) & PAGE_MASK) == 0 || mem_page(e, u, last & PAGE_MASK, how));
}

void mem_hold(struct engine *e, const struct tlb *t)
{
	if (t->tracked)
		e->ops.hold(e->ctx, t->number);
}

void mem_drop(struct engine *e, const struct tlb *t)
{
	if (t->tracked)
		e->ops.drop(e->ctx, t->number);
}

/* --- Overlay --- */

static struct overlay *overlay_at(struct engine *e, uint64_t gpa)
{
	return &e->overlay[(gpa / 8) % OVERLAY_ENTRIES];
}

void overlay_clear(struct engine *e)
{
	if (overlay_empty(e))
		return;
	memset(e->overlay, 0, sizeof(e->overlay));
	e->overlay_pages = 0;
	mem_forget(e);
}

/* Every linear page that leads there takes the slow path from now on. */
static bool overlay_page(struct engine *e, uint64_t gpa)
{
	if (page_overlaid(e, gpa))
		return true;
	if (e->overlay_pages == OVERLAY_PAGES)
		return false;
	e->overlay_page[e->overlay_pages++] = gpa;
	for (unsigned n = 0; n < TLB_ENTRIES; n++) {
		if (e->tlb[n].page != TLB_NONE && e->tlb[n].gpa == gpa) {
			e->tlb[n].overlaid = true;
			set_tags(&e->tlb[n]);
		}
	}
	return true;
}

/* Where there is no room the bits count as defined: a missed report, never a false one. */
static void overlay_set(struct engine *e, uint64_t gpa, uint32_t len, const uint8_t *v, uint32_t origin)
{
	for (uint32_t n = 0; n < len; n++) {
		uint64_t at = gpa + n;
		struct overlay *o = overlay_at(e, at);
		uint64_t bits = (uint64_t)v[n] << at % 8 * 8, mask = 0xffull << at % 8 * 8;

		if (o->gpa != (at & ~7ull) || !o->v) {
			if (!bits)
				continue;
			if (!overlay_page(e, at & PAGE_MASK))
				return;
			*o = (struct overlay){ .gpa = at & ~7ull };
		}
		o->v = (o->v & ~mask) | bits;
		if (bits)
			o->origin = origin;
	}
}

static void overlay_get(struct engine *e, uint64_t gpa, uint32_t len, uint8_t *v, uint32_t *origin)
{
	for (uint32_t n = 0; n < len; n++) {
		uint64_t at = gpa + n;
		const struct overlay *o = overlay_at(e, at);

		v[n] = o->gpa == (at & ~7ull) ? (uint8_t)(o->v >> at % 8 * 8) : 0;
		if (v[n])
			*origin = o->origin;
	}
}

/* --- V bits of memory --- */

static inline struct engine_access access_of(struct engine *e, const struct uop *u,
					     const struct tlb *t, const struct piece *p)
{
	return (struct engine_access){ .addr = { p->addr },
				       .gpa = t->gpa + p->addr % ENGINE_PAGE,
				       .rip = uop_rip(e, u),
				       .number = t->number,
				       .len = p->len,
				       .offset = p->offset,
				       .size = p->size,
				       .how = p->how,
				       .locked = p->locked };
}

static bool all_zero(const uint8_t *v, uint32_t len)
{
	uint64_t any = 0, word;

	for (; len >= 8; len -= 8, v += 8) {
		memcpy(&word, v, 8);
		any |= word;
	}
	while (len)
		any |= v[--len];
	return !any;
}

static uint32_t new_origin(struct engine *e, const struct engine_access *a, const uint8_t *v)
{
	uint32_t number = ++e->norigins;
	struct engine_origin *o;

	if (number % ORIGINS == NO_ORIGIN)
		number = ++e->norigins;
	o = &e->origins[number % ORIGINS];
	*o = (struct engine_origin){ .addr = a->addr,
				     .gpa = a->gpa,
				     .rip = a->rip,
				     .len = a->len,
				     .offset = a->offset,
				     .size = a->size };
	memcpy(o->v, v, a->len < sizeof(o->v) ? a->len : sizeof(o->v));
	return number % ORIGINS;
}

void mem_get_v(struct engine *e, const struct uop *u, const struct tlb *t, const struct piece *p,
	       uint8_t *v, uint32_t *origin)
{
	if (t->tracked) {
		struct engine_access a = access_of(e, u, t, p);

		e->ops.check(e->ctx, &a, v);
		uop_met_tracked(e);
		e->accesses++;
		if (!all_zero(v, p->len))
			*origin = new_origin(e, &a, v);
	} else if (t->overlaid) {
		overlay_get(e, t->gpa + p->addr % ENGINE_PAGE, p->len, v, origin);
	} else {
		memset(v, 0, p->len);
	}
}

static void report_leak(struct engine *e, const struct uop *u, const struct piece *p, const uint8_t *v,
			uint32_t origin)
{
	struct engine_use use = { .sink = ENGINE_LEAK,
				  .addr = { p->addr },
				  .origin = origin_named(e, origin) };

	memcpy(&use.vbits, v, p->len < 8 ? p->len : 8);
	report_use(e, u, &use);
}

static void set_overlay(struct engine *e, uint64_t gpa, uint32_t len, const uint8_t *v, uint32_t origin)
{
	static const uint8_t zero[ENGINE_MAX_ACCESS];

	for (uint32_t at = 0; at < len; at += ENGINE_MAX_ACCESS) {
		uint32_t part = len - at < ENGINE_MAX_ACCESS ? len - at : ENGINE_MAX_ACCESS;

		overlay_set(e, gpa + at, part, v ? v + at : zero, origin);
	}
}

/* The write itself was judged by mem_get_v() where the instruction also reads. */
void mem_set_v(struct engine *e, const struct uop *u, struct tlb *t, const struct piece *p,
	       const uint8_t *v, uint32_t origin)
{
	if (v && all_zero(v, p->len))
		v = NULL;
	if (t->tracked) {
		struct engine_access a = access_of(e, u, t, p);

		if (!(p->how & ENGINE_READ)) {
			e->ops.check(e->ctx, &a, NULL);
			e->accesses++;
		}
		e->ops.change(e->ctx, &a, v, v ? origin_named(e, origin) : NULL);
		uop_met_tracked(e);
	} else if (t->user && v) {
		report_leak(e, u, p, v, origin);
	} else if (t->overlaid || v) {
		set_overlay(e, t->gpa + p->addr % ENGINE_PAGE, p->len, v, origin);
	}
}

/* --- Accesses of up to 8 bytes --- */

static inline uint64_t load_bytes(const void *from, unsigned size)
{
	uint64_t value = 0;

	switch ((uintptr_t)from & (size - 1) ? 0 : size) {
	case 1:
		return *(const volatile uint8_t *)from;
	case 2:
		return __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
	case 8:
		return __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
	default:
		memcpy(&value, from, size);
		return value;
	}
}

static inline void store_bytes(void *to, unsigned size, uint64_t value)
{
	switch ((uintptr_t)to & (size - 1) ? 0 : size) {
	case 1:
		*(volatile uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		__atomic_store_n((uint16_t *)to, (uint16_t)value, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)to, (uint32_t)value, __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((uint64_t *)to, value, __ATOMIC_RELAXED);
		break;
	default:
		memcpy(to, &value, size);
	}
}

static uint64_t load_piece(struct engine *e, const struct uop *u, const struct tlb *t,
			   const struct piece *p, uint64_t *v, uint32_t *origin)
{
	uint64_t bits = 0, got;

	mem_hold(e, t);
	got = load_bytes((const void *)(p->addr + t->addend), p->len);
	mem_get_v(e, u, t, p, (uint8_t *)&bits, origin);
	mem_drop(e, t);
	*v |= bits << 8 * p->offset;
	return got << 8 * p->offset;
}

static void store_piece(struct engine *e, const struct uop *u, struct tlb *t, const struct piece *p,
			uint64_t value, uint64_t v, uint32_t origin)
{
	uint64_t bits = v >> 8 * p->offset;

	mem_hold(e, t);
	mem_set_v(e, u, t, p, bits ? (const uint8_t *)&bits : NULL, origin);
	store_bytes((void *)(p->addr + t->addend), p->len, value >> 8 * p->offset);
	mem_drop(e, t);
}

/* Splits at the page's end: one piece or two, with their pages. 0: e->leave is set. */
static unsigned split(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
		      unsigned reach, struct piece piece[2], struct tlb *page[2])
{
	unsigned left = ENGINE_PAGE - addr % ENGINE_PAGE, part = left < size ? left : size;

	page[0] = mem_page(e, u, addr, reach);
	if (!page[0])
		return 0;
	piece[0] = (struct piece){ .addr = addr, .len = part, .size = size, .how = how };
	if (part == size)
		return 1;
	page[1] = mem_page(e, u, addr + part, reach);
	piece[1] = (struct piece){ .addr = addr + part,
				   .len = size - part,
				   .offset = part,
				   .size = size,
				   .how = how };
	return page[1] ? 2 : 0;
}

bool mem_load(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
	      uint64_t *value, uint64_t *v, uint32_t *origin)
{
	struct piece piece[2];
	struct tlb *page[2];
	unsigned n = split(e, u, addr, size, how, how, piece, page);

	*value = *v = 0;
	for (unsigned k = 0; k < n; k++)
		*value |= load_piece(e, u, page[k], &piece[k], v, origin);
	return n;
}

bool mem_store(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
	       uint64_t value, uint64_t v, uint32_t origin)
{
	struct piece piece[2];
	struct tlb *page[2];
	unsigned n = split(e, u, addr, size, how, ENGINE_WRITE, piece, page);

	for (unsigned k = 0; k < n; k++)
		store_piece(e, u, page[k], &piece[k], value, v, origin);
	if (!n && v)
		mem_not_stored(e, u, addr, size, &value, (const uint8_t *)&v, origin);
	return n;
}

void mem_not_stored(struct engine *e, const struct uop *u, uint64_t addr, unsigned size,
		    const void *from, const uint8_t *v, uint32_t origin)
{
	struct engine_use use = { .sink = ENGINE_OUTPUT, .origin = origin_named(e, origin) };
	unsigned at = 0, bytes;

	if (e->leave != LEAVE_HARDWARE || !e->device || all_zero(v, size))
		return;
	while (!v[at])
		at++;
	bytes = size - at < 8 ? size - at : 8;
	use.addr.v = addr + at;
	memcpy(&use.value, (const uint8_t *)from + at, bytes);
	memcpy(&use.vbits, v + at, bytes);
	report_use(e, u, &use);
}

/* --- The same for more bytes --- */

static void load_piece_bytes(struct engine *e, const struct uop *u, const struct tlb *t,
			     const struct piece *p, void *to, uint8_t *v, uint32_t *origin)
{
	mem_hold(e, t);
	memcpy(to, (const void *)(p->addr + t->addend), p->len);
	mem_get_v(e, u, t, p, v, origin);
	mem_drop(e, t);
}

static void store_piece_bytes(struct engine *e, const struct uop *u, struct tlb *t,
			      const struct piece *p, const void *from, const uint8_t *v,
			      uint32_t origin)
{
	mem_hold(e, t);
	mem_set_v(e, u, t, p, v, origin);
	memcpy((void *)(p->addr + t->addend), from, p->len);
	mem_drop(e, t);
}

bool mem_load_bytes(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, void *to,
		    uint8_t *v, uint32_t *origin)
{
	struct piece piece[2];
	struct tlb *page[2];
	unsigned n = split(e, u, addr, size, ENGINE_READ, ENGINE_READ, piece, page);

	for (unsigned k = 0; k < n; k++)
		load_piece_bytes(e, u, page[k], &piece[k], (uint8_t *)to + piece[k].offset,
				 v + piece[k].offset, origin);
	return n;
}

bool mem_store_bytes(struct engine *e, const struct uop *u, uint64_t addr, unsigned size,
		     const void *from, const uint8_t *v, uint32_t origin)
{
	struct piece piece[2];
	struct tlb *page[2];
	unsigned n = split(e, u, addr, size, ENGINE_WRITE, ENGINE_WRITE, piece, page);

	for (unsigned k = 0; k < n; k++)
		store_piece_bytes(e, u, page[k], &piece[k], (const uint8_t *)from + piece[k].offset,
				  v ? v + piece[k].offset : NULL, origin);
	if (!n && v)
		mem_not_stored(e, u, addr, size, from, v, origin);
	return n;
}

/* --- The same from and to slots --- */

void mem_undefined(struct engine *e, const struct uop *u, const struct engine_access *a, uint64_t v)
{
	e->origin[u->d] = new_origin(e, a, (const uint8_t *)&v);
	e->undefined = true;
}

bool mem_meet(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how)
{
	const struct tlb *t = entry_of(e, addr);

	if (addr % ENGINE_PAGE + size > ENGINE_PAGE || is_for(t, addr, how) || !reach(e, u, addr, how))
		return false;
	return !t->overlaid;
}

/* Most accesses to overlaid pages: one word of the overlay, and nothing that a program could read. */
static inline bool is_one_word(const struct tlb *t, uint64_t addr, unsigned size, unsigned how)
{
	return t->overlaid && !t->tracked && !t->user && addr % 8 + size <= 8 && is_for(t, addr, how);
}

static void load_overlaid(struct engine *e, const struct uop *u, const struct tlb *t, uint64_t addr, unsigned size)
{
	uint64_t gpa = t->gpa + addr % ENGINE_PAGE, v = 0;
	const struct overlay *o = overlay_at(e, gpa);

	if (o->gpa == (gpa & ~7ull))
		v = o->v >> gpa % 8 * 8 & UINT64_MAX >> (64 - 8 * size);
	e->r[u->d] = load_bytes((const void *)(addr + t->addend), size);
	e->v[u->d] = v;
	if (v) {
		e->origin[u->d] = o->origin;
		e->undefined = true;
	}
}

static void store_overlaid(struct engine *e, const struct uop *u, const struct tlb *t, uint64_t addr, unsigned size)
{
	uint64_t gpa = t->gpa + addr % ENGINE_PAGE, mask = UINT64_MAX >> (64 - 8 * size), v = e->v[u->d] & mask;
	struct overlay *o = overlay_at(e, gpa);

	if (v && o->gpa != (gpa & ~7ull))
		*o = (struct overlay){ .gpa = gpa & ~7ull };
	if (o->gpa == (gpa & ~7ull))
		o->v = (o->v & ~(mask << gpa % 8 * 8)) | v << gpa % 8 * 8;
	if (v)
		o->origin = e->origin[u->d];
	store_bytes((void *)(addr + t->addend), size, e->r[u->d]);
}

bool mem_load_slot(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how)
{
	const struct tlb *t = entry_of(e, addr);
	uint64_t value, v = 0;

	if (e->leave)
		return false;
	if (is_one_word(t, addr, size, how)) {
		load_overlaid(e, u, t, addr, size);
		return true;
	}
	if (!mem_load(e, u, addr, size, how, &value, &v, &e->origin[u->d]))
		return false;
	e->r[u->d] = value;
	e->v[u->d] = v;
	e->undefined |= v != 0;
	return true;
}

bool mem_store_slot(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how)
{
	const struct tlb *t = entry_of(e, addr);

	if (e->leave)
		return false;
	if (is_one_word(t, addr, size, how | ENGINE_WRITE)) {
		store_overlaid(e, u, t, addr, size);
		return true;
	}
	return mem_store(e, u, addr, size, how, e->r[u->d], e->v[u->d], e->origin[u->d]);
}
