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
 * The same for one thread that goes to the same pages again and again: where the registers and all
 * entries that were read are what they were the last time, so is the result; ntables is 0 then.
 */
#define WALKS_KNOWN 512
struct walks {
	struct walk_known {
		uint64_t page; /* of the address; 0: unused */
		unsigned how;  /* WALK_FETCH, WALK_SET_AD */
		struct walk_cpu cpu;
		unsigned n;
		const uint64_t *slot[WALK_TABLES];
		uint64_t entry[WALK_TABLES];
		gpa_t to;
		bool written;
	} known[WALKS_KNOWN];
};
enum walk_result walk_again(struct walks *walks, const struct guest_ram *ram,
			    const struct walk_cpu *cpu, gva_t addr, unsigned how, struct walk *out);

/* The same for a read with supervisor rights in 64-bit mode, without a vCPU. */
enum walk_result walk_supervisor(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr,
				 struct walk *out);

/*
 * Copies from guest-virtual memory with supervisor rights, no faults, no side effects.
 * Returns how many bytes could be copied.
 */
size_t walk_read(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr, void *buf,
		 size_t len);

#endif
