/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.h: the slabs and objects the agent announced, and what became of them.
 *
 * objects_* take one announced event each, update the shadow with it and say what was wrong with
 * it. They never print and never hide or show a page: newly tracked and no longer tracked ranges
 * are handed to the caller through struct objects_ops.
 *
 * Not locked: the caller holds the checker's lock. Addresses and sizes come from the guest and are
 * checked here; an impossible one returns OBJ_HOSTILE and changes nothing.
 */
#ifndef KMC_OBJECTS_H
#define KMC_OBJECTS_H

#include "shadow.h"

#define OBJ_FRAMES 19 /* of a call trace at most */

/* A task's stack and name at the time of an event, as the agent's record has it. */
struct obj_event {
	uint64_t time; /* ns since guest boot */
	uint32_t pid;
	uint32_t cpu;
	char comm[17]; /* NUL-terminated */
	uint8_t nstack;
	uint64_t stack[OBJ_FRAMES]; /* guest-virtual, innermost first */
};

#define OBJ_TRACE_BITS 26

/*
 * The same as it is kept, two for each object; objects_event() makes an event of it again. Packed,
 * for they are most of what the table takes.
 */
struct obj_mark {
	uint64_t time : 44;		 /* us: 203 days */
	uint64_t pid : 22;		 /* Linux has fewer than 2^22 (PID_MAX_LIMIT) */
	uint64_t trace : OBJ_TRACE_BITS; /* the same number for the same call trace; 0: none */
	uint64_t name : 12, cpu : 7, known : 1;
} __attribute__((packed));
_Static_assert(sizeof(struct obj_mark) == 14, "no bit is left unused");

/* What the checker read of a struct kmem_cache. Owned by the caller, outlives every object. */
struct obj_cache {
	uint64_t id; /* guest-virtual address of the kmem_cache, 0 for a made-up one */
	char name[64];
	uint32_t object_size; /* bytes an owner may use, 0 where unknown */
	uint32_t slot_size;   /* bytes from object to object, 0 where unknown */
	uint32_t first;	      /* byte offset of the first object in a slab (red_left_pad) */
	bool typesafe_by_rcu; /* freed objects may be read, and stay defined */
	bool constructor;     /* objects are defined when handed out */
};

enum obj_state { OBJ_LIVE, OBJ_FREED, OBJ_UNKNOWN, OBJ_UNALLOCATED };

struct object {
	gpa_t start;
	uint64_t size; /* requested bytes */
	uint64_t slot; /* bytes up to the next object, at least size */
	enum obj_state state;
	bool large;			   /* whole pages, no slab */
	const struct obj_cache *cache;	   /* NULL where unknown */
	struct obj_mark allocated;	   /* not known where not recorded */
	struct obj_mark freed;		   /* not known unless freed */
};

enum obj_verdict {
	OBJ_OK,
	OBJ_HOSTILE, /* the guest announced nonsense: stop believing it */
	OBJ_DOUBLE_FREE,
	OBJ_INVALID_FREE, /* not the start of an object */
	OBJ_NO_MEMORY,	  /* the object is left unknown: silent, counted */
};

/* An object is about to be recorded as allocated or freed; see objects_ops.wants. */
struct obj_change {
	bool frees;
	bool large, defined; /* defined: all its bytes are, from the allocation on */
	bool exposed;	     /* allocations: the slot in front of it, or behind it, is nobody's */
	gpa_t start;
	uint64_t size, slot;
	const struct obj_cache *cache; /* may be NULL */
	const struct obj_event *event; /* may be NULL */
	bool left_out; /* the answer to the allocation, given again at the free */
};

struct objects_ops {
	void *ctx;
	void (*track)(void *ctx, gpa_t gpa, uint64_t len);   /* hide these pages */
	void (*untrack)(void *ctx, gpa_t gpa, uint64_t len); /* show these pages */
	/* Are its pages to be hidden, where they are not? NULL: always. */
	bool (*wants)(void *ctx, struct obj_change *change);
};

struct objects;

struct objects *objects_create(struct guest_ram *ram, struct shadow *shadow,
			       const struct objects_ops *ops);
void objects_destroy(struct objects *o);

/*
 * lazy: from now on pages are hidden only where ops.wants() says so, or objects_watch(); at the start
 * those of a slab or a large object are as soon as it is announced.
 */
void objects_set_lazy(struct objects *o, bool lazy);
/*
 * Hides what is shown of these whole pages, and shows what is hidden. A page that is shown has no
 * shadow; when it is hidden, the A states are those that the table knows, and every byte is defined: how
 * could its V bits be known, with stores unseen?
 */
void objects_watch(struct objects *o, gpa_t gpa, uint64_t len);
void objects_unwatch(struct objects *o, gpa_t gpa, uint64_t len);
/* Single pages in any order, also twice: sorts them, and shows neighbours together. */
void objects_unwatch_pages(struct objects *o, gpa_t *page, unsigned n);
/* Hides all that is recorded; forgets all of it, and shows it. */
void objects_watch_all(struct objects *o);
void objects_forget_all(struct objects *o);

/* A slab of len bytes (whole pages). fresh: just made, its slots are unallocated, else unknown. */
enum obj_verdict objects_slab(struct objects *o, gpa_t gpa, uint64_t len,
			      const struct obj_cache *cache, bool fresh);
/* len bytes leave the allocator; whatever is recorded there ends, freed large objects are
 * remembered until their pages are announced again, so that a second free is recognised. */
enum obj_verdict objects_pages_gone(struct objects *o, gpa_t gpa, uint64_t len);
/* The allocator has these whole pages for a slab that is not watched: nothing is remembered of them. */
enum obj_verdict objects_unwatched_slab(struct objects *o, gpa_t gpa, uint64_t len);

struct obj_alloc {
	gpa_t addr;
	uint64_t size;		       /* requested */
	uint64_t slot;		       /* usable, at least size */
	const struct obj_cache *cache; /* may be NULL for large objects */
	bool zeroed, large;
	bool late; /* its owner may have stored to it unseen: its bytes count as defined */
	const struct obj_event *event;
};
/*
 * The slab must be known (objects_slab) unless large: an object in no known slab, or of which
 * neither slot nor cache tells the slot, has no record (stats.unplaced). size 0: the cache's object
 * size.
 */
enum obj_verdict objects_alloc(struct objects *o, const struct obj_alloc *a);
/* An allocation of which too little is known for a record. */
void objects_unplaced(struct objects *o);
/*
 * *obj is filled for OBJ_DOUBLE_FREE and OBJ_INVALID_FREE, which change nothing. An address in no
 * known object is OBJ_OK, also where it is not RAM: what the guest's kernel frees is not the
 * agent's fault. The same holds for ksize and resize.
 */
enum obj_verdict objects_free(struct objects *o, gpa_t addr, const struct obj_event *event,
			      struct object *obj);
/* defined: the new bytes are, as in obj_alloc: zeroed or late. */
enum obj_verdict objects_ksize(struct objects *o, gpa_t addr, bool defined);
enum obj_verdict objects_resize(struct objects *o, gpa_t addr, uint64_t size, bool defined);

/*
 * The object in whose slot gpa lies. For an address in a redzone that is the object before it; in
 * the slack before the first and after the last slot, an object of size 0 and the slab's first
 * state. false where nothing is recorded.
 */
bool objects_find(const struct objects *o, gpa_t gpa, struct object *obj);
/* The cache of the slab there, NULL where it is not known. false where no slab is recorded. */
bool objects_slab_at(const struct objects *o, gpa_t gpa, const struct obj_cache **cache);
/*
 * Something is to happen to the object there: has the CPU fetch what is known of it. Each waits for what the one before
 * it asked for; so it is best to do something else in between. Any address.
 */
enum obj_prefetch {
	OBJ_PREFETCH_ENTRY, /* of the tables by page */
	OBJ_PREFETCH_PAGE,  /* what is known of all of its slots, and of its shadow */
	OBJ_PREFETCH_SLOT,  /* its own record, and V bits */
};
void objects_prefetch(const struct objects *o, gpa_t gpa, enum obj_prefetch what);
/* A call trace, kept once, and what its number stands for. 0: not recorded. */
uint32_t objects_put_trace(struct objects *o, const uint64_t *frames, unsigned n);
unsigned objects_get_trace(const struct objects *o, uint32_t trace, uint64_t frames[OBJ_FRAMES]);
/* False, and nothing in *event, where the mark is not known. */
bool objects_event(const struct objects *o, const struct obj_mark *mark, struct obj_event *event);

/* Calls each() for every live object, by address, until it returns false. It must not change o. */
void objects_each_live(const struct objects *o, bool (*each)(void *ctx, const struct object *obj),
		       void *ctx);

uint64_t objects_bytes(const struct objects *o); /* host bytes in use */
uint64_t objects_known_bytes(const struct objects *o); /* guest bytes of slabs and large objects, hidden or not */
uint64_t objects_live(const struct objects *o);

struct objects_stats {
	uint64_t missed_frees;	    /* objects announced, or slabs given back, over live objects */
	uint64_t remade;	    /* slabs that turned out to be others: what is in them became unknown */
	uint64_t unplaced;	    /* objects in no known slab, or of unknown size */
	uint64_t unrecorded_traces; /* for lack of memory, or beyond the depot's limit */
	uint64_t traces;	    /* different ones */
	/* Objects, each in one of them: pages hidden from the allocation until now, or its end; hidden at the
	 * allocation, but shown since; not hidden then, or not recorded. */
	uint64_t watched, cut, unwatched;
};
void objects_get_stats(const struct objects *o, struct objects_stats *stats);
uint64_t objects_missed_frees(const struct objects *o);

#endif
