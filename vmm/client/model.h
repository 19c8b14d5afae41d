/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h: what all sources said: reports grouped by stack_hash over all VMs, counts over time.
 *
 * Bounded, whatever comes in: what is beyond a limit is counted in left_out, and said by whoever
 * shows the model.
 */
#ifndef KMC_CLIENT_MODEL_H
#define KMC_CLIENT_MODEL_H

#include "map.h"
#include "record.h"

struct group {
	char *key;	/* stack_hash; of a report without one its title without offsets */
	json_t *report; /* the first one; NULL while only duplicates of it were seen */
	unsigned severity;
	uint64_t count;	      /* times seen, all VMs */
	uint64_t first, last; /* host_time; 0 unknown */
	uint32_t *vm;	      /* indices into model.vm */
	size_t nvm;
	json_t **reports; /* all that were kept, in order of arrival */
	size_t nreports;
};

struct sighting {
	uint64_t time; /* host_time */
	uint64_t count;
	enum record_level level;
};

/* Something else that happened to a VM. */
struct note {
	uint64_t time;
	enum record_type type; /* RECORD_PANIC, RECORD_EXIT */
	json_t *record;
};

struct model {
	struct group *group;
	size_t ngroups;
	char **vm;
	size_t nvms;
	struct sighting *sighting;
	size_t nsightings;
	struct note *note;
	size_t nnotes;
	uint64_t reports;   /* records of type report, without repeated ones */
	uint64_t count;	    /* times something was seen: the sum of the groups */
	uint64_t lost;	    /* records that kmc-vmm could not deliver */
	uint64_t malformed; /* lines; set by the caller */
	uint64_t left_out;  /* reports that are counted but not kept, and groups beyond the limit */
	bool keep;	    /* all reports; else only the first one of each group */
	/* for model.c */
	struct map groups, seen, vms;
	struct seen *entry;
	size_t nentries, kept;
};

void model_init(struct model *m, bool keep);
void model_deinit(struct model *m);

/*
 * Takes what it needs of the record (and references to it); vm is its VM. False for a report that
 * is already known: another source delivered it, too.
 */
bool model_add(struct model *m, const struct record *r, const char *vm);

/* Is there a group that this record is of? */
bool model_knows(const struct model *m, const struct record *r);

/*
 * The groups as they are shown, m->ngroups of them: by severity, then count, then title. To be
 * freed; valid until something is added. NULL where there are none, or no memory.
 */
const struct group **model_sorted(const struct model *m);

/* What a group is called. */
const char *group_title(const struct group *g);
const char *group_class(const struct group *g);

#endif
