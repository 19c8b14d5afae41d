/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_recall.h: what the three files of run=recall share. kmc_recall.c makes the runs, kmc_strike.c
 * the bad accesses, kmc_load.c the background.
 */
#ifndef KMC_RECALL_H
#define KMC_RECALL_H

#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/types.h>
#include "kmc_access.h"

/* A private cache, of slots of ALIGN(size, align) bytes. */
struct recall_cache {
	char name[24];
	unsigned int size, align;
	struct kmem_cache *cache;
	struct rw_semaphore gate; /* written: a bug needs a freed object to stay free */
};
#define RECALL_CACHES 10
extern struct recall_cache recall_caches[RECALL_CACHES];

struct recall_run;

enum recall_event { ON_ALLOCATED, ON_FREED }; /* what the accesses are counted from */

/* Where in, or beside, its object a bug's bytes are; and which object it needs. */
enum recall_place { INSIDE, BEHIND, BEFORE, NEIGHBOUR, WHOLE };

struct recall_kind {
	const char *name;
	unsigned int weight;
	enum recall_event event;
	enum recall_place place;
	bool writes;
	bool undefined;	    /* the bytes must be */
	unsigned int bytes; /* 0: 1, 2, 4 or 8 */
	void (*strike)(struct recall_run *r);
};
#define RECALL_KINDS 13
extern const struct recall_kind recall_kinds[RECALL_KINDS];

#define MATES 64

struct recall_run {
	unsigned int number;
	struct rnd_state random;
	const struct recall_kind *kind;
	struct recall_cache *from; /* NULL: kmalloc */
	struct recall_cache own;   /* for kinds that others must not share a cache with */
	unsigned int size, slot;   /* of the object */
	unsigned int fill;	   /* enum fill of kmc_recall.c */
	char *object, *bad;	   /* bad: the first byte of the access; of frees: the pointer */
	unsigned int bytes;
	char *mate[MATES]; /* others of the same cache, all of them defined */
	unsigned int nmates, least_mates;
	unsigned int touches, delay_us; /* between the last event and the bad access */
	unsigned int accesses;		/* to the page, that came in between in truth */
};

static inline u32 recall_random(struct recall_run *r, u32 below)
{
	return prandom_u32_state(&r->random) % below;
}

/* Carries out the bad access, once; three of the callers' names are the digits of r->number. */
void recall_strike(struct recall_run *r);
#define RECALL_RUNS_MAX 512 /* three digits, eight each */
/* What recall_strike() needs. 0, or -errno. */
int recall_strike_init(void);

static inline void *recall_page(const void *p)
{
	return (void *)((unsigned long)p & PAGE_MASK);
}

/* Accesses to the page that is watched are counted, whoever makes them. */
void recall_watch(const void *page);
unsigned int recall_watched(void);
void recall_note(const void *p);
/* Defines n bytes, in as few accesses as the hardware may: one for each KiB in a page. */
void recall_fill(char *p, size_t n);
/* One read or write of 1 to 8 bytes, all of them within n bytes at p. They are not used. */
void recall_touch(struct rnd_state *random, char *p, unsigned int n);
/* Where the allocator's pointer lies in a free object. */
static inline unsigned int recall_pointer(unsigned int size)
{
	return ALIGN_DOWN(size / 2, sizeof(void *));
}

/* kmc_load.c: threads that allocate, use and free objects of all caches, until it is ended. */
int recall_load_begin(u32 seed);
void recall_load_end(void);

#endif
