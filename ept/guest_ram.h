/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest_ram.h: guest memory, and which of its pages the guest can reach without an exit.
 *
 * A file in memory mapped twice: the guest mapping (KVM memslots, hidden and shown by userfaultfd) and the
 * view (loader, devices, emulator; never hidden). docs/decisions/ says why the guest mapping is
 * write-only, why pages are not hidden by mprotect, and how the guest has huge pages nevertheless, except
 * where one of their pages was hidden once.
 *
 * Memory of the second kind (plain) has one mapping and no userfaultfd: nothing in it can be
 * hidden, and the host may give it huge pages, which spare the guest most of its first touches'
 * exits.
 *
 * Threads: hide, show and untrack of one page must not race (the checker's lock sees to that);
 * guest_ram_populate, guest_ram_at and the queries may be called from any thread.
 */
#ifndef KMC_GUEST_RAM_H
#define KMC_GUEST_RAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-physical address. Not a pointer on purpose. */
typedef struct {
	uint64_t v;
} gpa_t;

#define GUEST_PAGE 4096u
/* RAM above this address continues at 4 GiB: the hole holds the APICs. */
#define GUEST_RAM_LOW_END 0xc0000000ull
#define GUEST_RAM_HIGH	  0x100000000ull

struct guest_ram;

/* What every guest_ram begins with; for the inline functions below only. */
struct guest_ram_map {
	uint64_t size, low; /* bytes in all, bytes below the hole */
	uint8_t *view;
	_Atomic uint64_t *hidden; /* one bit a page; NULL: no page can be hidden */
};

static inline const struct guest_ram_map *guest_ram_map(const struct guest_ram *ram)
{
	return (const struct guest_ram_map *)ram;
}

/* Into either mapping. False unless [gpa, gpa + len) is RAM without a gap. */
static inline bool guest_ram_offset(const struct guest_ram *ram, gpa_t gpa, uint64_t len, uint64_t *off)
{
	const struct guest_ram_map *m = guest_ram_map(ram);

	*off = gpa.v;
	if (gpa.v < m->low)
		return len <= m->low - gpa.v;
	if (gpa.v < GUEST_RAM_HIGH || gpa.v - GUEST_RAM_HIGH >= m->size - m->low)
		return false;
	*off = gpa.v - GUEST_RAM_HIGH + m->low;
	return len <= m->size - *off;
}

/* A piece of guest-physical memory, for the memslots and the e820 map. */
struct guest_ram_range {
	gpa_t base;
	uint64_t len; /* bytes */
	void *guest;  /* userspace_addr of the memslot; never dereference it */
};

/*
 * size: bytes, a multiple of 2 MiB. Returns 0 or a negative errno; *what then names the call that
 * failed, for the message.
 */
int guest_ram_create(uint64_t size, struct guest_ram **ram, const char **what);
/* The same, plain: guest_ram_hide() is -EOPNOTSUPP, and nothing has to be populated. */
int guest_ram_create_plain(uint64_t size, struct guest_ram **ram, const char **what);
bool guest_ram_is_plain(const struct guest_ram *ram);
/* What the user can do about it; the message is "WHAT: STRERROR: REMEDY". err: negative errno. */
const char *guest_ram_remedy(const char *what, int err);
void guest_ram_destroy(struct guest_ram *ram);

static inline uint64_t guest_ram_size(const struct guest_ram *ram) /* bytes */
{
	return guest_ram_map(ram)->size;
}
int guest_ram_ranges(const struct guest_ram *ram, struct guest_ram_range out[2]); /* 1 or 2 */

/* The one place where a guest address becomes a pointer: NULL unless [gpa, gpa+len) is all RAM. */
static inline void *guest_ram_at(const struct guest_ram *ram, gpa_t gpa, uint64_t len)
{
	uint64_t off;

	return guest_ram_offset(ram, gpa, len, &off) ? guest_ram_map(ram)->view + off : NULL;
}

static inline bool guest_ram_contains(const struct guest_ram *ram, gpa_t gpa, uint64_t len)
{
	uint64_t off;

	return guest_ram_offset(ram, gpa, len, &off);
}

/*
 * Index of the page in [0, guest_ram_pages()), dense over the hole: what per-page tables are keyed
 * by. -1 where gpa is not RAM.
 */
static inline int64_t guest_ram_page_index(const struct guest_ram *ram, gpa_t gpa)
{
	uint64_t off;

	return guest_ram_offset(ram, gpa, 1, &off) ? (int64_t)(off / GUEST_PAGE) : -1;
}

static inline uint64_t guest_ram_pages(const struct guest_ram *ram)
{
	return guest_ram_size(ram) / GUEST_PAGE;
}

/* Bytes of this process's anonymous memory that are the guest's: only plain memory has any. */
uint64_t guest_ram_anonymous(const struct guest_ram *ram);

/* gpa page-aligned, n pages, all RAM. 0 or a negative errno. */
int guest_ram_hide(struct guest_ram *ram, gpa_t gpa, uint64_t n);
int guest_ram_show(struct guest_ram *ram, gpa_t gpa, uint64_t n);
/* page: its index */
static inline bool guest_ram_page_hidden(const struct guest_ram *ram, uint64_t page)
{
	_Atomic uint64_t *word = guest_ram_map(ram)->hidden;

	return word && atomic_load_explicit(&word[page / 64], memory_order_relaxed) >> page % 64 & 1;
}

static inline bool guest_ram_hidden(const struct guest_ram *ram, gpa_t gpa)
{
	int64_t page = guest_ram_page_index(ram, gpa);

	return page >= 0 && guest_ram_page_hidden(ram, (uint64_t)page);
}

uint64_t guest_ram_hidden_pages(const struct guest_ram *ram);

/*
 * Where no vCPU is in the guest, and none gets there before guest_ram_settle(), pages may be hidden and shown by name
 * only until then: what is hidden and shown again in between costs no system call. Not counted: one settles all.
 */
void guest_ram_defer(struct guest_ram *ram);
/* 0, or a negative errno where pages could not be hidden: they are not. */
int guest_ram_settle(struct guest_ram *ram);

/*
 * Makes pages that the guest has not touched yet, or that only the view has touched, reachable.
 * Leaves hidden pages hidden. Returns 1 if it mapped something, 0 if all was mapped already.
 */
int guest_ram_populate(struct guest_ram *ram, gpa_t gpa, uint64_t n);

#endif
