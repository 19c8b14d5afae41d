/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inspect.h: looking into a checker, and changing what it reports, while the guest runs or is
 * paused. Any thread but a hook's. For vmm/control/.
 */
#ifndef KMC_INSPECT_H
#define KMC_INSPECT_H

#include "checker.h"
#include "leaks.h"

struct checker_gauges {
	uint64_t guest_time; /* ns since the guest's boot, without pauses */
	uint64_t hidden_pages, tracked_pages;
	uint64_t live_objects;
	int exec_status; /* checker_exec_status() */
};
/* What the counters are now. */
void checker_look(struct checker *c, struct checker_stats *stats, struct checker_gauges *now);

struct checker_object {
	uint64_t addr; /* gva */
	uint64_t size, slot;
	bool large;
	char cache[64]; /* "" unknown */
	bool has_event;
	struct obj_event allocated; /* valid if has_event */
};
/*
 * Live objects of the caches whose names match the pattern, a shell wildcard, by address. Fills at
 * most max, returns how many there are.
 */
uint64_t checker_objects(struct checker *c, const char *cache, struct checker_object *out,
			 uint64_t max);
/*
 * Looks for leaks of objects that are five seconds old, and reports them; reports: how many that were.
 * All vCPUs are out of the guest (machine_wait_paused()). 0, or -1 with one line in err.
 */
int checker_leaks(struct checker *c, struct leaks_stats *stats, uint64_t *reports, char *err,
		  size_t errlen);
/* "func+0x12/0x80 [module]"; false, and "", where no symbol covers a return address. */
bool checker_symbol(struct checker *c, uint64_t addr, char *out, size_t size);

#define CHECKER_READ_MAX 4096
struct checker_bytes {
	uint64_t gpa; /* of the first byte */
	uint32_t len; /* fewer than asked for where the rest is not mapped */
	uint8_t value[CHECKER_READ_MAX];
	uint8_t a[CHECKER_READ_MAX]; /* enum a_state */
	uint8_t v[CHECKER_READ_MAX]; /* V bits */
};
/*
 * At a guest-physical address, or a kernel-virtual one by the agent's page table. len: 1 to
 * CHECKER_READ_MAX. 0, or -1 with one line in err.
 */
int checker_read(struct checker *c, uint64_t addr, bool physical, uint32_t len,
		 struct checker_bytes *out, char *err, size_t errlen);

/* ---- what is tracked: tracking.c ---- */

/* From now on. After off, once the agent has placed its probes again, for what is allocated then. 0, or
 * -1 with one line in err. */
int checker_track(struct checker *c, const struct track_params *p, char *err, size_t errlen);
/* In front of the others; NULL: none any more. */
int checker_track_rule(struct checker *c, const struct track_rule *rule, char *err, size_t errlen);
/* rules: room for TRACK_RULES. Returns how many there are. */
unsigned checker_tracking(struct checker *c, struct track_params *p, struct track_rule *rules);

/* ---- what is reported: filter.c ---- */

/* Reports that are off for the caches of a name. */
struct filter_rule {
	char cache[64]; /* shell wildcard */
	unsigned off;	/* VERDICT_BIT set */
};
#define FILTER_RULES 64

/*
 * Switches checks, a VERDICT_BIT set, on or off: everywhere (cache NULL), or their reports for the
 * caches of a name. A cache is switched on again by the same pattern. 0, or -1 with one line in
 * err.
 */
int checker_switch(struct checker *c, unsigned checks, const char *cache, bool on, char *err,
		   size_t errlen);
unsigned checker_checks(struct checker *c); /* VERDICT_BIT set of what is on */
unsigned checker_switched_off(struct checker *c, struct filter_rule *out, unsigned max);
/* on, as it is at the start: each verdict once at a code address. off: every time. */
void checker_one_shot(struct checker *c, bool on);

#endif
