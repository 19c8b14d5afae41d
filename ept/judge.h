/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h: is this access an error? Decides; never prints, never changes anything.
 */
#ifndef KMC_JUDGE_H
#define KMC_JUDGE_H

#include "objects.h"

enum verdict {
	VERDICT_NONE,
	VERDICT_UNINIT, /* a branch or an address depends on undefined bits */
	VERDICT_UAF_READ,
	VERDICT_UAF_WRITE,
	VERDICT_OOB_READ, /* redzone */
	VERDICT_OOB_WRITE,
	VERDICT_UNALLOCATED, /* a slot nobody owns */
	VERDICT_DOUBLE_FREE,
	VERDICT_INVALID_FREE,
	VERDICT_INFOLEAK, /* undefined bytes are stored where user code can read them */
	VERDICT_LEAK,	  /* no pointer to the object is left; never of judge_access() */
	VERDICTS
};

#define VERDICT_BIT(v) (1u << (v))

/* Who makes the access; each is a named rule of configs/rules.json. */
enum judge_context {
	JUDGE_NORMAL = 0,
	JUDGE_ALLOCATOR = 1 << 0,      /* the slab allocator's own accesses: anything is legal */
	JUDGE_WORD_AT_A_TIME = 1 << 1, /* may read past an object's end, within a word */
};

/* What the reader does with undefined bytes, as far as the caller can see. */
enum judge_use {
	JUDGE_USE_WHOLE, /* not seen: an error only if nothing of it is defined */
	JUDGE_USE_ANY,	 /* a decision or an address depends on it: one undefined byte is an error */
	JUDGE_USE_NONE,	 /* only moved or masked */
};

struct judge_access {
	gpa_t gpa;    /* lies in one page */
	uint32_t len; /* bytes */
	bool read, write;
	enum judge_use use; /* of what is read */
	unsigned context; /* enum judge_context */
};

struct judgement {
	enum verdict verdict;
	uint32_t first, last; /* first and last bad byte, offsets into the access */
	bool write;	      /* the bad part of it is the write */
	struct object object; /* valid if has_object */
	bool has_object;
};

/* enabled: VERDICT_BIT set of the checks that are on. */
void judge_access(const struct shadow *s, const struct objects *o, const struct judge_access *a,
		  unsigned enabled, struct judgement *out);

/* "slab-use-after-free" and so on, and the severity (higher is worse; farms sort by it). */
const char *verdict_class(enum verdict v);
unsigned verdict_severity(enum verdict v);

#endif
