/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_abi.h: the paravirtual interface between the guest agent and kmc-vmm.
 *
 * Included by the agent (guest-agent/agent/) and by the host (vmm/checker/); it includes nothing but
 * the fixed-width types. Append-only: a field keeps its offset and meaning for ever, new ones go into
 * the reserved space, and KMC_ABI_VERSION grows. All fields are little endian.
 *
 * Everything that the guest writes here is hostile input to the host.
 *
 * Flow: the agent fills a struct kmc_hello in its own memory and writes the page frame number of it to
 * the doorbell port with command KMC_CMD_HELLO. From then on it appends records to one ring per CPU;
 * the host consumes them at every violation and at every KMC_CMD_DRAIN.
 *
 * Order: a record carries a number drawn from kmc_hello.seq (atomic increment, first number 1, no
 * gaps). A free is announced before it happens, an allocation after it happened, so the order of the
 * numbers is the order of the events for any one address.
 */
#ifndef KMC_ABI_H
#define KMC_ABI_H

#ifdef __KERNEL__
#include <linux/types.h>
typedef u8 kmc_u8;
typedef u16 kmc_u16;
typedef u32 kmc_u32;
typedef u64 kmc_u64;
#else
#include <stdint.h>
typedef uint8_t kmc_u8;
typedef uint16_t kmc_u16;
typedef uint32_t kmc_u32;
typedef uint64_t kmc_u64;
#endif

#define KMC_ABI_VERSION 5u
#define KMC_ABI_MAGIC	0x31434d4bu /* "KMC1" little endian; a 32-bit read of the port returns it */

/*
 * The doorbell: one 32-bit I/O port. A read returns KMC_ABI_MAGIC. A write is
 * (argument << KMC_CMD_BITS) | command and has taken effect when the OUT instruction completes.
 */
#define KMC_PORT     0x4b4d
#define KMC_CMD_BITS 4

enum kmc_cmd {
	KMC_CMD_HELLO = 1,   /* argument: page frame number of struct kmc_hello (28 bits) */
	KMC_CMD_DRAIN = 2,   /* consume the rings now: a page must be hidden, or a ring is full */
	KMC_CMD_SYMBOLS = 3, /* argument: bytes of symbol records in the symbol buffer */
	KMC_CMD_PANIC = 4,   /* the guest kernel panics; the panic text is on its console */
	KMC_CMD_BYE = 5,     /* the agent unloads: show everything, forget everything */
	KMC_CMD_EXIT = 6,    /* built-in init: argument is the exit status of --exec (8 bits) */
	/* Since version 3: argument 1: from now on everything is announced; 0: nothing any more. */
	KMC_CMD_PROBES = 7,
};

#define KMC_MAX_CPUS 64

/* kmc_hello.flags */
#define KMC_HELLO_SLAB_PROBES 0x1u /* new slabs are announced when they are made */
#define KMC_HELLO_BULK_PROBES 0x2u /* bulk allocations and frees are announced */
#define KMC_HELLO_KSIZE_PROBE 0x4u
#define KMC_HELLO_KREALLOC_PROBE 0x8u

/* kmc_hello.wants */
#define KMC_WANT_NOTHING 0x1u /* take the probes away, until it is gone again */
#define KMC_WANT_SHOWN	 0x2u /* pages of new slabs begin shown: set their bits in pages_shown, do not ring */
#define KMC_WANT_FREES	 0x4u /* a free in a page that is shown waits as well, unless quiet_frees says no */
#define KMC_WANT_SITES	 0x8u /* ask site_gap before waiting for an allocation */
#define KMC_WANT_AGAIN	 0xff00u /* a number; when it changes: probes away, and placed again */

/* Pages in one piece of kmc_hello.pages_shown: 128 KiB, for 4 GiB of memory. */
#define KMC_SHOWN_PAGES	 (1u << 20)
#define KMC_SHOWN_PIECES 256
#define KMC_SITES	 65536u
/* Bits of kmc_hello.quiet_frees, a power of two, and which of them is the object's at gpa. */
#define KMC_QUIET_BITS	 20
#define KMC_QUIET(gpa)	 ((kmc_u32)(((gpa) / 8 * 0x9e3779b97f4a7c15ull) >> (64 - KMC_QUIET_BITS)))

/* The tracepoints kmalloc, kmem_cache_alloc, kfree and kmem_cache_free, in this order. */
enum kmc_traced_by { KMC_TRACED_KMALLOC, KMC_TRACED_ALLOC, KMC_TRACED_KFREE, KMC_TRACED_FREE, KMC_TRACED };
struct kmc_traced {
	kmc_u64 probe; /* gva: the agent's function, called with the tracepoint's arguments behind one of its own */
	kmc_u64 iterator_start, iterator_end; /* gva: the kernel's function that may lie between the two */
};

/*
 * One page, zero where unused. gva: kernel-virtual address; gpa: guest-physical address.
 */
struct kmc_hello {
	kmc_u32 magic;	 /* KMC_ABI_MAGIC */
	kmc_u32 version; /* KMC_ABI_VERSION */
	kmc_u32 flags;	 /* KMC_HELLO_* */
	kmc_u32 ncpus;	 /* rings that follow, 1..KMC_MAX_CPUS; index is the kernel's CPU number */
	kmc_u64 seq;	 /* last number drawn; the agent increments it atomically */
	kmc_u64 direct_map;  /* gva of gpa 0 in the direct map (page_offset_base) */
	kmc_u64 vmemmap_start; /* gva of the first struct page */
	kmc_u32 sizeof_page; /* bytes of one struct page */
	kmc_u32 slots;	     /* records in each ring, a power of two */
	kmc_u64 text_start, text_end;	  /* gva of _stext, _etext */
	kmc_u64 module_start, module_end; /* gva: where modules are placed */
	kmc_u64 btf_start, btf_end;	  /* gva of the kernel's BTF, 0 where there is none */
	kmc_u64 current_task;		  /* offset from the kernel's GS base of the current pointer */
	kmc_u32 task_pid, task_tgid, task_comm; /* byte offsets in struct task_struct */
	kmc_u32 task_stack;			/* the same: pointer to the lowest stack address */
	kmc_u32 thread_size;			/* bytes of a kernel stack */
	kmc_u32 slab_typesafe_by_rcu;		/* value of SLAB_TYPESAFE_BY_RCU */
	kmc_u64 symbol_buffer; /* gpa of KMC_SYMBOL_BUFFER bytes, physically contiguous */
	kmc_u64 cr3;	       /* gpa of a page table that maps the kernel for good (init_mm's) */
	char release[64];      /* uname -r, NUL-terminated */
	kmc_u64 ring[KMC_MAX_CPUS]; /* gpa of struct kmc_ring, physically contiguous */
	kmc_u64 slab_probe_misses;  /* kretprobe instances that were not available, running total */
	/* Written by the host, at any time: frames of call trace it wants in a record, plus 1; 0: the agent
	 * has its own choice. */
	kmc_u32 stack_depth;
	kmc_u32 reserved0;
	/* Since version 2: gva of the kernel's ELF notes (build ID), 0 where unknown. */
	kmc_u64 notes_start, notes_end;
	/*
	 * Since version 3. pages_shown: gpas of bitmaps, one bit for each page frame below shown_pages, by
	 * frame number; bit n of a piece is bit n % 64 of its word n / 64. Set: an allocation on the page has
	 * to wait (KMC_F_WAITS). The host changes it at any time, the agent only as KMC_WANT_SHOWN says.
	 * site_gap: gpa of KMC_SITES bytes, or 0: how many allocations at a place need not wait any more, counted
	 * down by the agent, on pages that are shown. A place: a call trace, and what is allocated: both hashed
	 * (site_hash() in the agent).
	 */
	kmc_u32 wants;	   /* KMC_WANT_*; written by the host, at any time */
	kmc_u32 reserved1;
	kmc_u64 shown_pages;
	kmc_u64 pages_shown[KMC_SHOWN_PIECES];
	kmc_u64 site_gap;
	/*
	 * Since version 4: gpa of a bitmap of 1 << KMC_QUIET_BITS bits, as in pages_shown, or 0. Set: the free of the
	 * object whose bit it is need not wait. Only the host changes it, at any time; objects may share a bit.
	 */
	kmc_u64 quiet_frees;
	kmc_u64 agent_start, agent_end; /* gva of the agent's own code */
	/*
	 * Since version 5. Where the host emulates code that comes to one of these probes it may carry out the
	 * announcement itself, and return from the probe at once: it then draws the number from seq, and no
	 * record is written. probe 0: it may not.
	 */
	struct kmc_traced traced[KMC_TRACED];
	kmc_u64 return_trampoline; /* gva: what a kretprobe puts in the place of return addresses, or 0 */
	kmc_u64 preempt_count;	   /* offset from the kernel's GS base of a u32: what these bits of it say: */
	kmc_u32 in_nmi, in_hardirq, in_softirq;
	kmc_u32 gfp_zero; /* of the flags of an allocation: the memory is cleared */
};

#define KMC_SYMBOL_BUFFER (64u * 1024u)

/* Records in the symbol buffer follow each other without padding. */
struct kmc_symbol {
	kmc_u64 addr;	  /* gva; for KMC_SYM_MODULE the first byte of the module's text */
	kmc_u64 size;	  /* bytes where known, else 0; for KMC_SYM_MODULE of the module's text */
	kmc_u8 type;	  /* enum kmc_symbol_type */
	kmc_u8 namelen;	  /* bytes of name that follow, no NUL */
	char name[];
} __attribute__((packed));

enum kmc_symbol_type {
	KMC_SYM_TEXT = 1,	 /* function of the kernel or, behind KMC_SYM_MODULE, of that module */
	KMC_SYM_MODULE = 2,	 /* what follows belongs to this module; it is loading now */
	KMC_SYM_MODULE_GONE = 3, /* the module at this address is gone, with its symbols */
	KMC_SYM_KERNEL = 4,	 /* what follows belongs to the kernel itself again */
	/*
	 * Since version 2: the ORC tables of the kernel or, behind KMC_SYM_MODULE, of that module.
	 * size: number of entries; addr: the first s32 of .orc_unwind_ip, the first struct orc_entry.
	 */
	KMC_SYM_ORC_IP = 5,
	KMC_SYM_ORC = 6,
};

enum kmc_type {
	KMC_SLAB = 1,	 /* a new slab: addr, size = bytes of all its pages, cache, page */
	KMC_ADOPT = 2,	 /* the slab of an object, met too late: as KMC_SLAB, slots are unknown */
	KMC_ALLOC = 3,	 /* an object of a cache: addr, size = 0 (the host knows the cache) */
	KMC_KMALLOC = 4, /* addr, size = requested bytes, slot = usable bytes */
	KMC_LARGE = 5,	 /* kmalloc served by whole pages: as KMC_KMALLOC */
	KMC_FREE = 6,	 /* kfree or kmem_cache_free is about to free addr */
	KMC_KSIZE = 7,	 /* the owner asked for the usable size: the whole slot is now its own */
	KMC_RESIZE = 8,	 /* krealloc in place: addr, size = new requested bytes */
	KMC_PAGES = 9,	 /* pages leave the allocator that was announced for them: addr, size */
	KMC_RECORD_TYPES
};

/* kmc_record.flags */
#define KMC_F_ZEROED 0x1u /* __GFP_ZERO: every byte of the object is initialised */
#define KMC_F_BULK   0x2u /* by kmem_cache_alloc_bulk / kmem_cache_free_bulk */
/* Since version 3: KMC_CMD_DRAIN follows, and the guest does not use, or free, the object before. */
#define KMC_F_WAITS  0x4u

#define KMC_STACK_DEPTH 19

struct kmc_record {
	kmc_u64 seq;	/* set last, with release semantics; 0 while the record is being written */
	kmc_u64 addr;	/* gva in the direct map */
	kmc_u64 size;	/* bytes, see enum kmc_type */
	kmc_u64 slot;	/* bytes, see enum kmc_type */
	kmc_u64 cache;	/* gva of struct kmem_cache, 0 where unknown */
	kmc_u64 page;	/* gva of the slab's (first) struct page, 0 where unknown */
	kmc_u64 time;	/* ns since guest boot (local_clock) */
	kmc_u8 type;	/* enum kmc_type */
	kmc_u8 nstack;	/* frames in stack[], 0..KMC_STACK_DEPTH */
	kmc_u16 flags;	/* KMC_F_* */
	kmc_u32 pid;	/* task that did it; 0 with interrupts' own context named in comm */
	char comm[16];	/* NUL-terminated unless full */
	kmc_u64 caller; /* gva: return address of the allocating or freeing call */
	kmc_u64 stack[KMC_STACK_DEPTH]; /* gva, innermost first, agent and tracing frames removed */
	kmc_u64 reserved[2];
};

/*
 * One ring per CPU: only that CPU produces, with interrupts off; only the host consumes.
 * Records [tail, head) are waiting; slot of index i is record[i & (slots - 1)].
 * busy is 1 from before the number is drawn until after head has moved, so that the host can tell
 * whose record fills a gap in the numbers.
 */
struct kmc_ring {
	kmc_u64 head; /* written by the guest, release */
	kmc_u64 tail; /* written by the host, release */
	kmc_u32 busy; /* written by the guest */
	kmc_u32 reserved0;
	kmc_u64 reserved1[29];
	struct kmc_record record[];
};

_Static_assert(sizeof(struct kmc_record) == 256, "a record is 256 bytes");
_Static_assert(sizeof(struct kmc_ring) == 256, "records start at 256");
_Static_assert(sizeof(struct kmc_hello) <= 4096, "the hello block is one page");

#endif
