/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uop.h: micro-operations, what the engine's own files share.
 *
 * translate*.c turns a basic block of guest code into an array of struct uop, engine.c keeps the blocks
 * and runs them. Each uop has two functions: fn, for the time when every register and flag is defined,
 * does no work on V bits; checked carries them. A uop ends by calling its successor's function of the
 * same kind (a tail call: direct threading), or by returning to engine.c.
 *
 * Invariant: where fn runs, v[], and the V bits of cc, are all zero. Who brings an undefined bit in (a
 * load of tracked or overlaid memory) goes on with checked.
 *
 * An instruction that can fault is translated so that every access which can fault comes before the
 * first change of a register, a flag or memory.
 */
#ifndef KMC_UOP_H
#define KMC_UOP_H

#include "engine.h"
#include "insn_internal.h"

#define FLAG_CF 0x001u
#define FLAG_PF 0x004u
#define FLAG_AF 0x010u
#define FLAG_ZF 0x040u
#define FLAG_SF 0x080u
#define FLAG_TF 0x100u
#define FLAG_IF 0x200u
#define FLAG_DF 0x400u
#define FLAG_OF 0x800u
#define FLAG_AC 0x40000u
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* Places of values: the general registers, then these. */
enum slot {
	SLOT_T0 = INSN_GPRS, /* temporaries of one instruction */
	SLOT_T1,
	SLOT_T2,
	SLOT_ZERO,	     /* always 0 */
	SLOT_FS,	     /* segment bases */
	SLOT_GS,
	SLOTS
};

struct engine;
struct uop;
struct uop_pair;
typedef void uop_fn(struct engine *e, const struct uop *u);

struct uop {
	uop_fn *fn;
	uop_fn *checked;
	int64_t imm;	/* immediate, displacement or jump target */
	uint8_t d, a, b; /* destination, sources; of memory: data, base, index */
	uint8_t seg;	/* of memory: slot of the segment's base */
	uint8_t shift;	/* of memory: of the index; of arithmetic: 64 minus the operand's bits */
	uint8_t at;	/* of the instruction's first byte, from the block's start */
	uint8_t size;	/* bytes, where the function does not imply it */
	uint8_t op;	/* what, where one function does several things */
};

/*
 * Status flags are kept as what they follow from. Operands and results stand at the top of 64 bits
 * (shifted left by `shift`), so that carries, signs and comparisons are those of 64 bits whatever the
 * operand's size.
 */
enum cc_kind {
	CC_FLAGS,  /* all in flags */
	CC_SUB,	   /* a - b; of and, or, xor, test: result - 0 */
	CC_ADD,	   /* a + b */
	CC_RESULT, /* ZF, SF and PF of a; the others in flags */
};

struct cc {
	uint16_t kind; /* both in one word of 32 bits, which a store of constants sets at once */
	uint16_t shift;
	uint32_t flags, vflags;
	uint64_t a, b, va, vb;
	uint32_t origin; /* of what is undefined in it */
};

/* What a window remembers of pages. A tag that is no page's address means: not by the fast path. */
#define TLB_ENTRIES 512
#define TLB_NONE    1ull
struct tlb {
	uint64_t read, write; /* linear page, or TLB_NONE */
	uintptr_t addend;     /* host address minus linear address */
	uint64_t page;	      /* linear page of what follows, or TLB_NONE */
	uint64_t gpa;
	uint8_t how;	      /* ENGINE_READ, ENGINE_WRITE: reached for it */
	bool tracked, user, overlaid;
	uint32_t number;      /* of a tracked page */
	uint64_t tracked_read, tracked_write; /* as read and write, but of tracked pages */
};
_Static_assert(sizeof(struct tlb) == 64, "an index is a shift");

/* What becomes of a page behind the window: that of the same number in the tlb, as long as this is proved. */
struct tlb_proof {
	uint64_t page; /* or TLB_NONE */
	uint8_t how;
	const uintptr_t *tracking;
	struct page_proof proof;
};

/* Loads that brought undefined bits in, of this window. Number 0 is none of them. */
#define ORIGINS	  256u
#define NO_ORIGIN 0u

/* Undefined bits in memory that is not tracked: 8 bytes each. */
#define OVERLAY_ENTRIES 1024
#define OVERLAY_PAGES	16
struct overlay {
	uint64_t gpa; /* multiple of 8 */
	uint64_t v;   /* 0: free or forgotten */
	uint32_t origin;
};

#define BLOCK_INSNS 24
#define BLOCK_UOPS  160
#define BLOCK_BYTES 240
#define BLOCK_CHUNK 16 /* bytes that are compared at once */
struct block {
	uint64_t window;      /* the last one in which the bytes were found unchanged */
	struct block *next[2]; /* where it went last: fall-through, taken; or &block_none */
	const uint8_t *bytes; /* its code, behind the uops: whole chunks */
	uint64_t insns;
	uint64_t rip;
	uint64_t end;	      /* linear address behind the last instruction */
	struct block *hash_next;
	struct code_page *code; /* its page, or one that is valid in no window */
	uint16_t length;      /* bytes */
	uint16_t last_chunk;  /* where it begins */
	uint16_t last_mask;   /* its bytes, a bit each */
	bool crosses;	      /* the last chunk reaches into another page */
	bool single;	      /* made for one instruction only */
	bool stale;	      /* the guest's bytes are others now, or could not all be read */
	struct idle_place idle;
	struct uop uop[];
};

/* Vector registers while a window uses them. Values are in regs; V bits and origins are here. */
#define VECTOR_TEMP 16 /* of one instruction */
#define VECTORS	    17
struct vector {
	uint64_t w[4];
};
struct vector_file {
	struct engine_vectors *regs; /* NULL: this window has not needed them yet */
	uint16_t undefined; /* the registers whose V bits are not all 0, by number */
	uint32_t origin[VECTORS];
	struct vector temp, v[VECTORS];
};

/* Why the uops gave control back. */
enum leave { LEAVE_NOT, LEAVE_FAULT, LEAVE_HARDWARE, LEAVE_OVER };

struct engine {
	uint64_t r[SLOTS];
	uint64_t v[SLOTS];
	uint32_t origin[SLOTS];
	struct cc cc;
	uint64_t rip;	       /* at the end of a block: of the next instruction */
	uint32_t rflags;       /* without the status flags */
	uint8_t undefined;     /* checked functions are in use */
	uint8_t leave;	       /* enum leave */
	bool inside;	       /* of the code that enter() is asked about, when a block was last met first */
	bool learns;	       /* limits have an exit_cost */
	bool device;	       /* ENGINE_DEVICE was the last thing that reach() said */
	struct block *block;
	int64_t left;	       /* until minus insns behind this block */
	uint64_t until;	       /* insns; the block that would go beyond is engine.c's to start */
	uint64_t most;	       /* the same, whatever is tracked */
	struct tlb tlb[TLB_ENTRIES];
	uint16_t tlb_at[TLB_ENTRIES]; /* those that are in use */
	unsigned tlb_used;
	struct tlb_proof tlb_proof[TLB_ENTRIES];
	struct engine_ops ops;
	void *ctx;
	struct engine_window *out;
	struct insn_cpu *cpu;
	const struct engine_limits *limits;
	uint32_t norigins;
	struct engine_origin origins[ORIGINS];
	uint64_t insns;	       /* before the first of the chain of blocks, see uop_insns() */
	uint64_t accesses;     /* to tracked memory */
	uint64_t last_tracked; /* instructions up to the block with the last tracked access */
	struct idle_place *met; /* that block's; NULL: not known */
	uint64_t wait;	       /* instructions behind last_tracked */
	uint64_t outside_since; /* instructions up to where it came out of that code */
	uint64_t window;
	uint64_t reps;	       /* elements of string instructions, beyond one an instruction */
	unsigned overlay_pages;
	uint64_t overlay_page[OVERLAY_PAGES];
	struct overlay overlay[OVERLAY_ENTRIES];
	struct block_cache *cache;
	struct vector_file vector;
	struct engine_bases *bases; /* NULL: not asked for in this window */
};

/* The compiler would load the function before it moves u on, and needs two more instructions for it. */
static inline const struct uop *uop_here(const struct uop *u)
{
	__asm__("" : "+r"(u));
	return u;
}

#define NEXT(e, u)                                                                                     \
	do {                                                                                           \
		const struct uop *behind = uop_here((u) + 1);                                          \
                                                                                                       \
		return behind->fn(e, behind);                                                          \
	} while (0)
#define NEXT_CHECKED(e, u)                                                                             \
	do {                                                                                           \
		const struct uop *behind = uop_here((u) + 1);                                          \
                                                                                                       \
		return behind->checked(e, behind);                                                     \
	} while (0)

/* Behind what may have brought an undefined bit in. */
static inline void uop_next(struct engine *e, const struct uop *u)
{
	if (e->undefined)
		NEXT_CHECKED(e, u);
	NEXT(e, u);
}

/* Once more: what was missing is there. */
static inline void uop_again(struct engine *e, const struct uop *u)
{
	if (e->undefined)
		return u->checked(e, u);
	return u->fn(e, u);
}

/* Ends the window before u's instruction. */
void uop_leave(struct engine *e, const struct uop *u, enum leave why);
static inline uint64_t uop_rip(const struct engine *e, const struct uop *u)
{
	return e->block->rip + u->at;
}
/* Instructions up to the end of this block. */
static inline uint64_t uop_insns_behind(const struct engine *e)
{
	return e->until - (uint64_t)e->left;
}
/* Those done before it. */
static inline uint64_t uop_insns(const struct engine *e)
{
	return uop_insns_behind(e) - e->block->insns;
}

/* engine.c: the current block has made a tracked access, so many instructions behind that of last_tracked. */
void engine_met(struct engine *e, uint64_t instructions);

/* Behind each tracked access. */
static inline void uop_met_tracked(struct engine *e)
{
	uint64_t behind = uop_insns_behind(e), last = e->last_tracked;

	e->last_tracked = behind;
	if (e->learns && behind != last)
		engine_met(e, behind - last);
}

/* block.c */
extern struct block block_none; /* an edge that leads nowhere yet: valid in no window */
struct block_cache *block_cache_create(void); /* NULL: out of memory; free() */
void block_new_window(struct engine *e);
void block_forget_proofs(struct engine *e);
/* Unchanged, or translated now. single: one instruction. NULL where the code cannot be read. */
struct block *block_at(struct engine *e, uint64_t rip, bool single);

/*
 * The block at e->rip, which is met first in this window, is on the other side of an edge of the code that enter() is
 * asked about: engine.c has to see it.
 */
static inline bool engine_asks(const struct engine *e)
{
	const struct engine_limits *l = e->limits;

	return (e->rip - l->enter_start < l->enter_end - l->enter_start) != e->inside;
}

/* flags.c */
uint32_t cc_flags(const struct cc *c);	/* the status flags, as in rflags */
uint32_t cc_vflags(const struct cc *c); /* and their V bits */
bool cc_undefined(const struct cc *c, unsigned condition); /* SDM vol. 1, appendix B */
void cc_define(struct cc *c);
void cc_set_flags(struct cc *c, uint32_t flags, uint32_t vflags);

/* memory.c. False: e->leave is set, nothing was done. origin is written where *v is not 0. */
bool mem_load(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
	      uint64_t *value, uint64_t *v, uint32_t *origin);
bool mem_store(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
	       uint64_t value, uint64_t v, uint32_t origin);
/*
 * The first access to a page: reached now. True: the fast path finds it, or that of tracked memory. Else
 * mem_load_slot() or mem_store_slot() has to be asked, also where e->leave is set.
 */
bool mem_meet(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how);
/* The same into and from slot u->d; the load may turn the checked functions on. */
bool mem_load_slot(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how);
bool mem_store_slot(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how);
/* Access a brought the undefined bits v into slot u->d. */
void mem_undefined(struct engine *e, const struct uop *u, const struct engine_access *a, uint64_t v);
/* The same for more bytes, at most a page. v: an array as long; of a store NULL: all defined. */
bool mem_load_bytes(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, void *to,
		    uint8_t *v, uint32_t *origin);
bool mem_store_bytes(struct engine *e, const struct uop *u, uint64_t addr, unsigned size,
		     const void *from, const uint8_t *v, uint32_t origin);
/* A store was not done (e->leave is set): undefined bits that would go to a device are reported. */
void mem_not_stored(struct engine *e, const struct uop *u, uint64_t addr, unsigned size,
		    const void *from, const uint8_t *v, uint32_t origin);
/* Both pages of an access can be reached. */
bool mem_probe(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how);
struct tlb *mem_page(struct engine *e, const struct uop *u, uint64_t addr, unsigned how);
/* The part of an access that lies in one page; as in engine_access. */
struct piece {
	uint64_t addr;
	uint32_t len, offset, size, how;
	bool locked;
};
/* V bits and origin of a piece. Judges tracked memory. */
void mem_get_v(struct engine *e, const struct uop *u, const struct tlb *t, const struct piece *p,
	       uint8_t *v, uint32_t *origin);
void mem_set_v(struct engine *e, const struct uop *u, struct tlb *t, const struct piece *p,
	       const uint8_t *v, uint32_t origin);
void mem_hold(struct engine *e, const struct tlb *t);
void mem_drop(struct engine *e, const struct tlb *t);
void mem_init(struct engine *e);
void mem_forget(struct engine *e);
void mem_forget_proofs(struct engine *e);
void mem_forget_user(struct engine *e); /* what may be done to user pages has changed */
void mem_forget_range(struct engine *e, uint64_t gpa, uint64_t len); /* whole pages */
static inline bool overlay_empty(const struct engine *e)
{
	return e->overlay_pages == 0;
}
void overlay_clear(struct engine *e);

static inline const struct engine_origin *origin_named(const struct engine *e, uint32_t number)
{
	return number == NO_ORIGIN ? NULL : &e->origins[number % ORIGINS];
}

/* An undefined address is reported once and then taken as it is. */
void report_address(struct engine *e, const struct uop *u, unsigned slot);
/* The same for undefined flags that decide something. */
void report_branch(struct engine *e, const struct uop *u);
void report_use(struct engine *e, const struct uop *u, struct engine_use *use);

static inline void uop_defined_address(struct engine *e, const struct uop *u)
{
	if (e->v[u->a])
		report_address(e, u, u->a);
	if (e->v[u->b])
		report_address(e, u, u->b);
}

static inline uint64_t uop_address(const struct engine *e, const struct uop *u)
{
	return e->r[u->a] + (e->r[u->b] << u->shift) + e->r[u->seg] + (uint64_t)u->imm;
}

/* translate.c */

/* What a slot holds in terms of a value that it or another slot held: the value itself, -x, ~x, x - 1. */
struct slot_value {
	uint16_t number;
	uint8_t form; /* enum value_form */
	uint8_t shift; /* of the operation that made it; of the value itself: any */
};
enum value_form { VALUE_ITSELF, VALUE_NEGATED, VALUE_INVERTED, VALUE_LESS_ONE };

struct translation {
	uint64_t rip;	 /* of the block */
	unsigned at;	 /* of the instruction being translated */
	unsigned length; /* its bytes */
	unsigned n;
	uint16_t numbers; /* of values, so far */
	struct slot_value value[SLOTS];
	bool end;	 /* the block ends behind it */
	bool shadow;	 /* it is sti: no interrupt may come before the next one is done */
	struct uop uop[BLOCK_UOPS];
	const struct uop_pair *pair[BLOCK_UOPS]; /* that they were made of */
};
/* One instruction behind the others; false: it is not for the engine, nothing was added. */
bool translate(struct translation *t, const uint8_t *bytes, size_t len);
/* translate_fast.c: all of the block is there: where a uop has a shorter function, its fn becomes that. */
void translate_fast(struct translation *t);

#endif
