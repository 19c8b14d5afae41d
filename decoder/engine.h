/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.h: runs guest kernel code on memory reached through callbacks, with a definedness (V) bit for
 * each bit of each register, flag and byte of tracked memory.
 *
 * One engine a vCPU; nothing here is shared between threads. A call of engine_run() is one *window*:
 * it carries out the instruction at rip and then goes on while that pays, see struct engine_limits.
 * Only supervisor code in 64-bit mode. Knows no KVM and no shadow memory: struct engine_ops does.
 *
 * V bits: 1 means undefined, as in shadow.h. They live in registers only during a window; memory that
 * is not tracked has an overlay for as long. The rules are in defined.h.
 */
#ifndef KMC_ENGINE_H
#define KMC_ENGINE_H

#include "idle.h"
#include "insn.h"
#include "proof.h"

#define ENGINE_READ  0x1u
#define ENGINE_WRITE 0x2u
#define ENGINE_FETCH 0x4u

#define ENGINE_PAGE 4096u
#define ENGINE_MAX_ACCESS 64 /* bytes of one access */
#define ENGINE_XSAVE_AREA 4096 /* bytes of saved state that the engine can handle */

/* The page around a linear address, as far as a window may remember it. */
struct engine_page {
	uint8_t *host;	/* where its first byte is */
	uint64_t gpa;	/* of its first byte */
	uint32_t number; /* what the callbacks know it by, where it is tracked now or, with a proof, later */
	bool tracked;	/* every access goes through check() and change() */
	bool user;	/* user code could reach it: what is stored there leaves the kernel */
	bool writable;	/* a write would succeed, and its accessed and dirty bits are set */
	/*
	 * NULL: later windows ask again. Else it is a page of the kernel's, and all of this but tracked holds as long as the
	 * proof does (which is copied). It is tracked where *tracking, which is there for as long as the engine, is not 0.
	 */
	const struct page_proof *proof;
	const uintptr_t *tracking;
};

enum engine_reach {
	ENGINE_REACHED,
	ENGINE_PAGE_FAULT, /* the CPU would raise #PF with the error code in *error */
	ENGINE_DEVICE,	   /* mapped, not to RAM: for the hardware; what is stored leaves the guest */
	ENGINE_ELSEWHERE,  /* not canonical, ...: for the hardware */
};

/* One access to tracked memory, all in one page. */
struct engine_access {
	gva_t addr;
	uint64_t gpa;
	uint64_t rip;	/* of the instruction */
	uint32_t number; /* of the page */
	uint32_t len;	/* bytes, at most ENGINE_MAX_ACCESS but for strings and saved state */
	uint32_t offset, size; /* of addr in the whole operand; its bytes */
	uint32_t how;	/* of the instruction: ENGINE_READ, ENGINE_WRITE or both */
	bool locked;
};

enum engine_sink {
	ENGINE_BRANCH,	/* a jump's condition or target */
	ENGINE_ADDRESS, /* a memory operand's address */
	ENGINE_LEAK,	/* stored where user code can read it */
	ENGINE_OUTPUT,	/* written to an I/O port or to memory that is not RAM */
};

/* The load of tracked memory that brought undefined bits into a register. */
struct engine_origin {
	gva_t addr;
	uint64_t gpa;
	uint64_t rip;	/* of the instruction that loaded them */
	uint32_t len;	/* bytes, all in one page */
	uint32_t offset, size; /* as in engine_access */
	uint8_t v[16];	/* V bits of the first bytes */
	bool reported;	/* once is enough */
};

/* Undefined bits decide something. */
struct engine_use {
	enum engine_sink sink;
	uint64_t rip;
	uint64_t value;	  /* of the register or operand; of a branch: its flags as in rflags */
	uint64_t vbits;	  /* which of them are undefined */
	const struct engine_origin *origin; /* NULL: not known */
	gva_t addr;	  /* ENGINE_LEAK: where to; ENGINE_OUTPUT: the port, or where to */
};

/* A state component, by CPUID leaf 0DH, ECX = its number. 0 and 1 (x87, SSE) have fixed places. */
#define ENGINE_COMPONENTS 63
struct engine_component {
	uint32_t offset; /* in the standard form; 0: supervisor state, which has no place there */
	uint32_t size;	 /* 0: the CPU does not have it */
	bool aligned;	 /* to 64 bytes in the compacted form */
};

/*
 * The vCPU's x87 and vector registers and what else XSAVE saves, as an XSAVE area in the standard
 * form (SDM vol. 1, 13.4). A component whose bit in XSTATE_BV is clear has its initial configuration,
 * and its bytes are those of that configuration, except that MXCSR is always what is in the area.
 * XSTATE_BV is what the guest may observe as XINUSE.
 */
struct engine_vectors {
	uint8_t area[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));
	struct engine_component component[ENGINE_COMPONENTS];
	uint64_t xcr0, xss;
	uint32_t features; /* CPUID leaf 0DH, ECX=1: EAX */
	bool dirty;	   /* out: the engine has changed the area */
};

/* What rdfsbase, wrfsbase and so on, and swapgs, work on besides insn_cpu.seg_base, which they change as well. */
struct engine_bases {
	uint64_t kernel_gs; /* IA32_KERNEL_GS_BASE: what swapgs exchanges GS's base with */
	bool dirty;	    /* out: the engine has changed it, or a base of seg_base */
};

/* What becomes of code that a window comes to, see enter() in struct engine_ops. */
enum engine_enter {
	ENGINE_GO_ON,  /* it is like any other */
	ENGINE_LEAVE,  /* left to the hardware: the window ends if it comes from elsewhere, once nothing is undefined */
	ENGINE_CALLED, /* it is a function, and was carried out: the window goes on behind the call */
};

/*
 * Called from inside engine_run(); engine_sync() there brings the registers of the instruction's start
 * into *cpu of that call. check() and change() are called between hold() and drop() of the page.
 */
struct engine_ops {
	enum engine_reach (*reach)(void *ctx, gva_t addr, unsigned how, struct engine_page *page,
				   uint32_t *error);
	void (*hold)(void *ctx, uint32_t number);
	void (*drop)(void *ctx, uint32_t number);
	/* Judges the access. Where how has ENGINE_READ, writes its V bits to v, len bytes. */
	void (*check)(void *ctx, const struct engine_access *a, uint8_t *v);
	/*
	 * The bytes are written, right before or after. v: their V bits, NULL: all defined. from: where the
	 * undefined ones came from, NULL: not known.
	 */
	void (*change)(void *ctx, const struct engine_access *a, const uint8_t *v,
		       const struct engine_origin *from);
	void (*used)(void *ctx, const struct engine_use *use);
	/*
	 * The vector registers: asked for when a window first needs them, valid until it ends. NULL:
	 * they cannot be had, or an instruction that uses them would not simply be carried out:
	 * CR0.EM or CR0.TS is set, CR4.OSFXSR or CR4.OSXSAVE is clear, or EFER.FFXSR is set.
	 */
	struct engine_vectors *(*vectors)(void *ctx);
	/*
	 * The same for the bases of segments, at CPL 0. NULL: they cannot be had, or CR4.FSGSBASE is clear.
	 */
	struct engine_bases *(*bases)(void *ctx);
	/* rdtsc; rdtscp, where aux is not NULL. False: for the hardware. */
	bool (*clock)(void *ctx, uint64_t *tsc, uint32_t *aux);
	/*
	 * A block at rip, between enter_start and enter_end of the limits, is the next one, the one before it was
	 * elsewhere, and this one was not run before in this window; not asked where the window begins.
	 * *back: ENGINE_CALLED: where the call returns to.
	 */
	enum engine_enter (*enter)(void *ctx, uint64_t rip, uint64_t *back);
};

struct engine_limits {
	uint32_t insns;	/* at most so many instructions; a string instruction counts its elements */
	uint32_t idle;	/* ends so many after the last tracked access, once nothing is undefined */
	/*
	 * Not 0: what a violation costs, in instructions. Then places learn how long to wait for the next access
	 * (idle.h), and idle is the most; it is waited for while memory that is not tracked has undefined bits.
	 */
	uint32_t exit_cost;
	/* The place that this window begins at, and what idle_wait() said of it. NULL: at a violation. */
	struct idle_place *from;
	uint32_t from_wait;
	const volatile bool *stop; /* NULL, or ends the window soon after it is set */
	uint64_t enter_start, enter_end; /* linear addresses of code that enter() is asked about */
	const uint8_t *root; /* the highest table, for proofs; NULL: nothing is proved */
};

enum engine_end {
	ENGINE_OVER,	 /* the limits say so */
	ENGINE_FAULT,	 /* rip's instruction raises #PF: fault_addr, fault_error */
	ENGINE_HARDWARE, /* rip's instruction is not for the engine */
};

struct engine_window {
	enum engine_end end;
	uint64_t insns;	   /* carried out */
	uint64_t accesses; /* to tracked memory */
	gva_t fault_addr;
	uint32_t fault_error;
	bool progress;	   /* registers or memory changed, also where insns is 0 (rep) */
};

/* V bits of the registers. For tests: a window of the checker starts with all defined. */
struct engine_vbits {
	uint64_t gpr[INSN_GPRS];
	uint64_t rflags; /* status flags only */
};

struct engine;

struct engine *engine_create(const struct engine_ops *ops, void *ctx); /* NULL: out of memory */
void engine_destroy(struct engine *e);

/*
 * Runs one window. cpu is updated to where it ended: everything before rip is done, nothing of rip's
 * instruction except whole elements of a rep. vbits: in and out, or NULL.
 */
void engine_run(struct engine *e, struct insn_cpu *cpu, const struct engine_limits *limits,
		struct engine_vbits *vbits, struct engine_window *out);

/* For struct engine_ops: what was reached may have changed, reach() is asked again; for the pages of a range only. */
void engine_forget(struct engine *e);
void engine_forget_range(struct engine *e, uint64_t gpa, uint64_t len);
/* Between windows: registers have changed that page tables are read by, or rights depend on. */
void engine_forget_proofs(struct engine *e);
/* For struct engine_ops: the general registers, flags and bases of *cpu become current; rip does not. */
void engine_sync(struct engine *e);
/* For struct engine_ops: the V bits of the same registers and flags. */
void engine_sync_vbits(const struct engine *e, struct engine_vbits *vbits);

#endif
