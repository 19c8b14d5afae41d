/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shadow.h: what is known of each tracked byte: 8 V bits (1 = undefined) and an A state.
 *
 * Keyed by guest-physical address. Lives in host memory only. Pages in one single state keep no
 * arrays. Any thread; each page is changed and read as a whole, a range of several pages is not. Ranges
 * may cross pages; bytes of pages that are not tracked read as A_UNTRACKED, defined, and writes to them
 * are dropped.
 */
#ifndef KMC_SHADOW_H
#define KMC_SHADOW_H

#include "guest_ram.h"

enum a_state {
	A_UNTRACKED,   /* no page of ours: never reported */
	A_UNKNOWN,     /* met too late: never reported */
	A_UNALLOCATED, /* a slot that was never handed out since the slab was made */
	A_REDZONE,     /* between the requested size and the end of the slot */
	A_ALLOCATED,
	A_FREED,
	A_STATES
};

#define V_DEFINED   0x00u
#define V_UNDEFINED 0xffu

struct shadow;

/* What every shadow begins with; for the inline functions below only. */
struct shadow_map {
	const struct guest_ram *ram;
	uintptr_t *page; /* by guest_ram_page_index(); 0: not tracked */
	atomic_bool *shard; /* spin locks, by page index modulo SHADOW_SHARDS */
};
#define SHADOW_SHARDS 256u

struct shadow *shadow_create(const struct guest_ram *ram); /* NULL: out of memory */
void shadow_destroy(struct shadow *s);

/* Starts and ends tracking of whole pages. Tracking starts in the given state, defined. */
int shadow_track(struct shadow *s, gpa_t gpa, uint64_t len, enum a_state a);
/* One page, in several states, each up to its end: bytes into the page, the last one's is GUEST_PAGE. */
struct shadow_run {
	uint16_t end;
	uint8_t a;
};
/* 0, or -ENOMEM: the page is tracked as A_UNKNOWN. */
int shadow_track_runs(struct shadow *s, gpa_t page, const struct shadow_run *run, unsigned n);
void shadow_untrack(struct shadow *s, gpa_t gpa, uint64_t len);
/* page: its index. The word is 0 where it is not tracked; it is there for as long as the shadow. */
static inline const uintptr_t *shadow_page_word(const struct shadow *s, uint64_t page)
{
	return &((const struct shadow_map *)s)->page[page];
}

static inline bool shadow_page_tracked(const struct shadow *s, uint64_t page)
{
	return __atomic_load_n(shadow_page_word(s, page), __ATOMIC_ACQUIRE) != 0;
}

static inline bool shadow_tracked(const struct shadow *s, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(((const struct shadow_map *)s)->ram, gpa);

	return i >= 0 && shadow_page_tracked(s, (uint64_t)i);
}

/*
 * 0 or -ENOMEM; after -ENOMEM every page of the range for which memory was short is A_UNKNOWN and
 * defined as a whole, which is always safe. -EINVAL for a that is no state of a tracked byte, and
 * for a copy longer than guest memory.
 */
int shadow_set_a(struct shadow *s, gpa_t gpa, uint64_t len, enum a_state a);
int shadow_set_v(struct shadow *s, gpa_t gpa, uint64_t len, uint8_t vbits);
int shadow_write_v(struct shadow *s, gpa_t gpa, const uint8_t *vbits, uint64_t len);
/* A slot of len bytes: the first used ones are in state a, the others A_REDZONE; and the V bits of them all. */
enum shadow_fill { SHADOW_KEEP, SHADOW_DEFINED, SHADOW_UNDEFINED };
int shadow_set_slot(struct shadow *s, gpa_t gpa, uint64_t len, uint64_t used, enum a_state a,
		    enum shadow_fill fill);

void shadow_read_v(const struct shadow *s, gpa_t gpa, uint8_t *vbits, uint64_t len);
void shadow_read_a(const struct shadow *s, gpa_t gpa, uint8_t *states, uint64_t len);

/*
 * It will be asked about these bytes soon: has the CPU fetch the table's entry; what the entry leads to; the V bits.
 * Each waits for what the one before it asked for. For any thread; only the last one takes the page's lock.
 */
void shadow_prefetch_entry(const struct shadow *s, gpa_t gpa);
void shadow_prefetch_page(const struct shadow *s, gpa_t gpa);
void shadow_prefetch_v(const struct shadow *s, gpa_t gpa);

/*
 * One page, by its guest_ram_page_index(), so that an access and its shadow stay together: between shadow_hold() and
 * shadow_drop() of the page, for ranges within it, off bytes into it, and only the functions with held in their
 * names. A holder takes no other lock and waits for nothing.
 */
void shadow_wait(atomic_bool *shard); /* for the inline functions only: until the lock is ours */

static inline void shadow_hold(const struct shadow *s, uint64_t page)
{
	atomic_bool *shard = &((const struct shadow_map *)s)->shard[page % SHADOW_SHARDS];

	if (atomic_exchange_explicit(shard, true, memory_order_acquire))
		shadow_wait(shard);
}

static inline void shadow_drop(const struct shadow *s, uint64_t page)
{
	atomic_bool *shard = &((const struct shadow_map *)s)->shard[page % SHADOW_SHARDS];

	atomic_store_explicit(shard, false, memory_order_release);
}

/*
 * True: no byte is freed, unallocated or redzone. vbits, unless it is NULL: V bits of the bytes that are
 * A_ALLOCATED; nobody answers for the value of the others: defined.
 */
bool shadow_held_look(const struct shadow *s, uint64_t page, uint32_t off, uint32_t len, uint8_t *vbits);
/* Some byte of the page is A_ALLOCATED and not defined. */
bool shadow_held_undefined(const struct shadow *s, uint64_t page);
/* vbits: NULL for defined */
int shadow_held_write_v(struct shadow *s, uint64_t page, uint32_t off, const uint8_t *vbits, uint32_t len);

/* Host bytes in use, and bytes tracked: their quotient is a figure in bench/. */
uint64_t shadow_bytes(const struct shadow *s);
uint64_t shadow_tracked_bytes(const struct shadow *s);

#endif
