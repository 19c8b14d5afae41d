/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * region.h: the records behind objects.h: a region is a slab or a large object, and consists of
 * equal slots. Private to objects.c and region.c.
 *
 * Regions do not overlap. Sizes and addresses are checked by objects.c before they come here.
 */
#ifndef KMC_REGION_H
#define KMC_REGION_H

#include "depot.h"
#include "objects.h"

/* Twice the largest block that Linux's page allocator makes on x86 (4 MiB, MAX_PAGE_ORDER 10). */
#define REGION_MAX   (8u << 20)
#define REGION_ALIGN 8u /* SLUB keeps a pointer in a free slot: no slot is smaller */

enum region_kind {
	REGION_SLAB,
	REGION_LARGE, /* one slot */
	REGION_GONE,  /* a large object that was freed and whose pages left: not tracked any more */
};

struct slot {
	struct obj_mark allocated, freed; /* freed is known only in OBJ_FREED */
	uint32_t size : 24;		  /* requested bytes, REGION_MAX at most */
	uint32_t state : 2;		  /* enum obj_state */
	uint32_t zeroed : 1;		  /* at its allocation */
	uint32_t mark : 2;		  /* of leaks.c, while it searches */
	uint32_t fate : 2;		  /* enum obj_fate, of the last one that was allocated */
	uint32_t left_out : 1;		  /* obj_change.left_out */
};
_Static_assert(sizeof(struct slot) == 32, "half a byte per tracked byte, for objects of 64 bytes");
_Static_assert(REGION_MAX < 1u << 24, "slot.size");

/* objects_stats.watched and so on. */
enum obj_fate { FATE_UNWATCHED, FATE_WATCHED, FATE_CUT };

struct region {
	enum region_kind kind;
	enum obj_state initial; /* of all slots while slots is NULL */
	uint64_t base, len;	/* gpa and bytes, whole pages */
	const struct obj_cache *cache;
	uint32_t first;	 /* offset of the first slot */
	uint32_t stride; /* bytes from slot to slot, 0 where unknown */
	uint32_t nslots;
	uint32_t nlive;
	struct slot *slots; /* NULL until one differs from initial */
};

struct objects {
	struct guest_ram *ram;
	struct shadow *shadow;
	struct objects_ops ops;
	bool lazy;
	struct depot *depot;
	uint64_t bytes; /* of regions and slots */
	uint64_t live, npages; /* objects; pages with a region */
	uint64_t known; /* guest bytes of regions, without those that are gone */
	struct objects_stats stats;
	struct region *page[]; /* by guest_ram_page_index() */
};

struct region *region_at(const struct objects *o, gpa_t gpa); /* NULL where nothing is recorded */

/* Makes an empty region and enters it at its pages, all of which must be free of regions. */
struct region *region_create(struct objects *o, enum region_kind kind, gpa_t base, uint64_t len);
/* Takes it out of the table, with all it owns. Neither shadow nor ops are involved. */
void region_destroy(struct objects *o, struct region *r);

/* False where such slots do not fit the region. Only while r->slots is NULL. */
bool region_set_geometry(struct region *r, uint64_t first, uint64_t stride);
bool region_make_slots(struct objects *o, struct region *r);

/* The slot in which gpa lies and the offset into it; false in the slack around the slots. */
bool region_slot(const struct region *r, gpa_t gpa, uint32_t *index, uint32_t *off);
enum obj_state region_state(const struct region *r, uint32_t index);
void region_set_state(struct objects *o, struct region *r, uint32_t index, enum obj_state state);
gpa_t region_slot_start(const struct region *r, uint32_t index);

/* The slots that lie in the page at gpa, even if only with a part: *first to behind the last. */
void region_slots_in(const struct region *r, gpa_t gpa, uint32_t *first, uint32_t *end);

/* Fills *obj for a slot, or for the slack (or all, where no slots are known) around gpa. */
void region_describe(const struct region *r, uint32_t index, struct object *obj);
void region_describe_slack(const struct region *r, gpa_t gpa, struct object *obj);

/* event may be NULL: the mark is not known then. */
void mark_set(struct objects *o, struct obj_mark *mark, const struct obj_event *event);

#endif
