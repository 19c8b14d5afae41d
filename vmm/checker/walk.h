/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * walk.h: from guest-virtual to guest-physical, by the guest's own page tables.
 *
 * AMD APM vol. 2, chapter 5; Intel SDM vol. 3A, chapter 4. All paging modes from none to 5-level;
 * NX, WP, SMEP, SMAP, protection keys. Reserved bits are not checked: hardware will.
 */
#ifndef KMC_WALK_H
#define KMC_WALK_H

#include "guest_ram.h"
#include "insn.h"
#include "proof.h"

struct walk_cpu {
	uint64_t cr0, cr3, cr4, efer, rflags;
	unsigned cpl;
	uint32_t pkru; /* valid where CR4.PKE is set */
};

enum walk_how {
	WALK_READ = 0,
	WALK_WRITE = 1 << 0,
	WALK_FETCH = 1 << 1,
	WALK_SET_AD = 1 << 2, /* set the accessed and dirty bits, as the access itself would */
};

#define WALK_TABLES 5
#define WALK_RFLAGS_AC (1ull << 18)

struct walk {
	gpa_t gpa;
	uint64_t left;		   /* bytes from gpa to the end of its 4 KiB page */
	uint32_t error_code;	   /* of the #PF, where walk() returns WALK_PF */
	unsigned ntables;
	gpa_t table[WALK_TABLES];  /* the paging structures that were read */
	uint64_t entry[WALK_TABLES]; /* and what was there, before accessed and dirty bits were set */
	bool written; /* with WALK_SET_AD: writes are allowed, too, and the dirty bit is set */
};

enum walk_result {
	WALK_OK,
	WALK_PF,	    /* the CPU would raise #PF with error_code */
	WALK_NONCANONICAL,  /* the CPU would raise #GP or #SS */
	WALK_OUTSIDE,	    /* a paging structure is not in RAM */
};

enum walk_result walk(const struct guest_ram *ram, const struct walk_cpu *cpu, gva_t addr,
		      unsigned how, struct walk *out);

/*
 * For one thread that goes to the same pages again and again: where all entries that were read are what they
 * were the last time, so is the result. Which registers it is for is said once, by walks_set(); they count as the same
 * where they are but for CR3, which only says where the highest table is.
 */
#define WALKS_KNOWN    2048 /* a power of two */
#define WALKS_CONTEXTS 8
struct walks {
	const uint8_t *top; /* the highest table, as the host has it */
	uint64_t context;   /* number of cpu in contexts, in bits 2 to 5; WALKS_CONTEXTS: nothing is remembered */
	struct walk_cpu cpu;
	unsigned ncontexts;
	struct walk_cpu contexts[WALKS_CONTEXTS];
	struct walk_known {
		uint64_t key; /* walk_key(); 0: unused */
		uint64_t gpa; /* of the page */
		uint8_t *host; /* NULL: no RAM */
		uint32_t index; /* guest_ram_page_index() */
		bool written; /* as in struct walk */
		bool supervisor; /* user code cannot reach it, so neither AC nor PKRU matter */
		struct page_proof proof;
	} known[WALKS_KNOWN];
};
void walks_change(struct walks *walks, const struct guest_ram *ram, const struct walk_cpu *cpu);

static inline bool walk_cpu_same(const struct walk_cpu *a, const struct walk_cpu *b)
{
	return !((a->cr0 ^ b->cr0) | (a->cr3 ^ b->cr3) | (a->cr4 ^ b->cr4) | (a->efer ^ b->efer) |
		 (a->rflags ^ b->rflags) | (a->cpl ^ b->cpl) | (a->pkru ^ b->pkru));
}

static inline void walks_set(struct walks *walks, const struct guest_ram *ram, const struct walk_cpu *cpu)
{
	if (!walks->top || !walk_cpu_same(&walks->cpu, cpu))
		walks_change(walks, ram, cpu);
}

/* Needs walks_set() again: what a window can change of the registers, AC and PKRU, has changed. */
static inline bool walks_differ(const struct walks *walks, uint64_t rflags, uint32_t pkru)
{
	return ((walks->cpu.rflags ^ rflags) & WALK_RFLAGS_AC) || walks->cpu.pkru != pkru;
}

static inline uint64_t walk_key(const struct walks *walks, gva_t addr, bool fetch)
{
	return (addr.v & ~(GUEST_PAGE - 1ull)) | walks->context | (fetch ? 2 : 0) | 1;
}

/* What differs in few bits, in the lowest as well, lies apart. */
static inline unsigned walk_place(uint64_t key)
{
	return (unsigned)(key * 0x9e3779b97f4a7c15ull >> 32) % WALKS_KNOWN;
}

/* NULL where it has to be walked. */
static inline const struct walk_known *walk_known(const struct walks *walks, gva_t addr, bool fetch, bool write)
{
	uint64_t key = walk_key(walks, addr, fetch);
	const struct walk_known *k = &walks->known[walk_place(key)];

	if (k->key != key || (write && !k->written))
		return NULL;
	return page_proof_holds(&k->proof, walks->top) ? k : NULL;
}

/* The accessed bits of all entries on the way are set. */
bool walk_accessed(const struct walk *w);
/*
 * What walk() found for walks->cpu; how has WALK_FETCH or WALK_SET_AD. What is known now; NULL where nothing is
 * remembered.
 */
const struct walk_known *walk_remember(struct walks *walks, const struct guest_ram *ram, gva_t addr, unsigned how,
				       const struct walk *w);

/* walk() for a read with supervisor rights in 64-bit mode, without a vCPU. */
enum walk_result walk_supervisor(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr,
				 struct walk *out);

/*
 * Copies from guest-virtual memory with supervisor rights, no faults, no side effects.
 * Returns how many bytes could be copied.
 */
size_t walk_read(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr, void *buf,
		 size_t len);

#endif
