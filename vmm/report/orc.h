/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * orc.h: walks a kernel stack frame by frame with the kernel's own ORC tables: for each code
 * address they say where the caller's stack pointer, return address and rbp are.
 *
 * Sources: arch/x86/include/asm/orc_types.h and arch/x86/kernel/unwind_orc.c of Linux 6.1 and 6.12.
 * The layout of an entry is given (from BTF, say): a kernel whose entries have the field "end"
 * numbers its types from CALL = 0, later ones from UNDEFINED = 0.
 *
 * Tables, stacks and registers are hostile: a walk reads through a callback only, ends after
 * ORC_STEPS steps whatever they say, and yields wrong frames at worst. Not known: code that is made
 * at run time (BPF, ftrace trampolines), for which there are no tables. Keeps
 * nothing but in struct orc_memory: any thread.
 */
#ifndef KMC_ORC_H
#define KMC_ORC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORC_STEPS	128
#define ORC_ENTRY_MAX	16u	   /* bytes of a struct orc_entry */
#define ORC_ENTRIES_MAX (1u << 24) /* of one table */

/* A member of struct orc_entry, in bits; width 0: this kernel has none. */
struct orc_field {
	uint32_t bit, width;
};

struct orc_layout {
	uint32_t size; /* bytes of a struct orc_entry */
	struct orc_field sp_offset, bp_offset, sp_reg, bp_reg, type, end, signal;
};

/* Sizes are possible and all fields lie in the entry. */
bool orc_layout_valid(const struct orc_layout *l);

/* The tables of the kernel or of a module; gva. */
struct orc_table {
	uint64_t ip;	/* n times s32: address of the code relative to the s32 itself, ascending */
	uint64_t entry; /* n times struct orc_entry */
	uint64_t n;	/* at most ORC_ENTRIES_MAX */
};

/*
 * What tables said, by code address, for later walks: 96 KiB. All zero at first. Who has it sees to it that no two
 * walks use it at once, and that it is cleared when tables come or go.
 */
#define ORC_KNOWN 4096u
struct orc_memory {
	struct orc_known {
		uint64_t addr; /* 0: free */
		int32_t sp_offset, bp_offset;
		uint8_t sp_reg, bp_reg, kind, signal;
	} known[ORC_KNOWN];
};

/* A page that read() has met, for the reads that follow: most are of the stack, one behind the other. */
struct orc_near {
	uint64_t page; /* kernel-virtual */
	const uint8_t *host; /* NULL: none */
};
#define ORC_PAGE 4096u

struct orc_guest {
	void *ctx;
	const struct orc_layout *layout; /* valid */
	/* Copies from kernel-virtual memory; returns how many bytes could be copied. */
	size_t (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	const struct orc_near *near; /* where read() says which page that was; NULL: it does not */
	/* The tables of the code at addr; false where there are none. */
	bool (*table)(void *ctx, uint64_t addr, struct orc_table *t);
	/* The address that was replaced, where a tracer has put its own in the slot; else addr. */
	uint64_t (*returns)(void *ctx, uint64_t addr, uint64_t slot);
	struct orc_memory *memory; /* NULL: nothing is remembered */
};

/* Registers that entries refer to. */
struct orc_regs {
	uint64_t ip, sp, bp, r10, r13, di, dx;
};

struct orc_walk {
	const struct orc_guest *guest;
	struct orc_regs regs; /* of the current frame; ip is what the frame is */
	bool exact;	      /* ip is the instruction itself; otherwise a return address */
	bool full;	      /* r10, r13, di, dx are this frame's too */
	unsigned steps;
};

enum orc_step {
	ORC_CALLER, /* the walk has moved on to the caller's frame, or the interrupted one */
	ORC_END,    /* there is none: user mode, or where the thread began */
	ORC_LOST,   /* there is one, but where cannot be told; the walk has not moved */
};

/* The frame of regs: all registers as they are in front of the instruction at ip. */
void orc_start(struct orc_walk *w, const struct orc_guest *guest, const struct orc_regs *regs);
/* After ORC_END and ORC_LOST it must not be called again. */
enum orc_step orc_next(struct orc_walk *w);

#endif
