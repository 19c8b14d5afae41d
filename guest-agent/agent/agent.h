/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.h: what the files of the agent share.
 *
 * The agent announces what the slab allocator does; it judges nothing and changes nothing. One
 * source for all kernels: what differs is detected, from the headers at build time or from kallsyms
 * at load time, never from a version number.
 *
 * Context: every function below marked "any context" runs inside tracepoints and kprobes, with any
 * lock of the kernel held, interrupts on or off. It neither sleeps, allocates nor prints.
 */
#ifndef KMC_AGENT_H
#define KMC_AGENT_H

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include "kmc_abi.h"

#undef pr_fmt
#define pr_fmt(fmt) "kmc_agent: " fmt

/* main.c */
extern struct kmc_hello *kmc_hello;

/* False before everything is set up and for good once the host stopped listening. */
extern bool kmc_active;

static inline bool kmc_is_active(void)
{
	return READ_ONCE(kmc_active);
}

/* Whole pages, cleared and contiguous: what the agent takes of the guest's memory is counted, for its users. */
void *kmc_alloc(size_t bytes); /* NULL: none left */
void kmc_free(void *p, size_t bytes);
void kmc_count_memory(long bytes); /* of other memory, taken or (negative) given back */

/* Any context. The command has taken effect on return. */
static inline void kmc_doorbell(enum kmc_cmd cmd, u32 argument)
{
	outl(argument << KMC_CMD_BITS | cmd, KMC_PORT);
}

/* call.S: calls fn(a, b, c, d), also where fn must not be called through a pointer. */
unsigned long kmc_call(unsigned long fn, unsigned long a, unsigned long b, unsigned long c,
		       unsigned long d);

/* A frame that has called something: the return address, and sp and rbp as they are behind it. */
struct kmc_frame {
	unsigned long ip, sp, bp;
};

/* call.S: the frame of the function that calls it. */
void kmc_here(struct kmc_frame *frame);

/* ring.c */
struct kmc_event {
	u8 type;   /* enum kmc_type */
	u16 flags; /* KMC_F_* */
	u64 addr, size, slot, cache, page;
	u64 caller;
	unsigned int nstack;
	unsigned long stack[KMC_STACK_DEPTH];
};

int kmc_rings_init(void);
void kmc_rings_deinit(void);
/* Any context. Appends one record to this CPU's ring, rings the doorbell only if it is full. */
void kmc_emit(const struct kmc_event *event);

/* trace.c */
int kmc_trace_init(void);
void kmc_trace_deinit(void);
/*
 * Any context. Fills event->stack, the innermost frame being the function that was probed: from the
 * caller's own stack (tracepoints) or from the registers at a function's entry (kprobes).
 */
void kmc_stack_here(struct kmc_event *event);
void kmc_stack_regs(struct kmc_event *event, struct pt_regs *regs);
/* What was remembered of this code, which is new or gone. Any context. */
void kmc_trace_forget(unsigned long start, unsigned long size);

/* pages.c: which pages have been announced. Any context but for init and deinit. */
int kmc_pages_init(void);
void kmc_pages_deinit(void);
/* In the direct map, backed by memory, and not the sampling allocator's. */
bool kmc_pages_valid(const void *p);
bool kmc_pages_tracked(const void *p);
unsigned long kmc_pages_number(const void *p); /* of its page frame */
unsigned long kmc_pages_all(void);	       /* how many there are */
void kmc_pages_forget_all(void);
void kmc_pages_track(const void *p, unsigned long size);
/* Forgets [pfn, pfn + n); true if any of it was tracked. */
bool kmc_pages_forget(unsigned long pfn, unsigned long n);
/* Announces the slab of p as KMC_ADOPT unless it is tracked; true if the host must act on it. */
bool kmc_pages_adopt(const void *p, u64 cache);

/* wait.c: what the host must know before the guest goes on (kmc_hello.wants). Any context but for init
 * and deinit. */
int kmc_wait_init(void);
bool kmc_wait_any(void);   /* the host wants announcements */
void kmc_wait_start(void); /* everything else is set up: from now on it looks at what the host wants */
void kmc_wait_stop(void);
void kmc_wait_deinit(void);
/* New pages of a slab. True if the host must act on them. */
bool kmc_wait_slab(const void *p, unsigned long size);
bool kmc_wait_alloc(const struct kmc_event *event, const void *p, unsigned long size);
bool kmc_wait_free(const void *p);

/* main.c, for wait.c: may sleep. */
int kmc_attach(void);
void kmc_detach(void);

/* probes.c */
int kmc_probes_init(void);
void kmc_probes_deinit(void);
/* What the host needs to do their work. They are placed. */
void kmc_probes_describe(struct kmc_hello *h);
/* Announce objects; used by slab.c for the bulk functions. Any context. */
void kmc_announce_alloc(struct kmc_event *event, const void *p);
void kmc_announce_free(struct kmc_event *event, const void *p);

/* slab.c */
u32 kmc_slab_init(void); /* KMC_HELLO_* of the probes that could be placed */
void kmc_slab_deinit(void);

/* symbols.c */
int kmc_symbols_init(void);
void kmc_symbols_deinit(void);
/* 0 where there is no such symbol. Sleeps. */
unsigned long kmc_lookup(const char *name);
/* Bytes of the symbol at addr, 0 where unknown. */
unsigned long kmc_symbol_size(unsigned long addr);
/* Names of all modules' functions to the host, and from then on of new modules'. */
int kmc_symbols_stream(void);
/* Names of the kernel's functions, a hundred thousand, once. Sleeps. */
void kmc_symbols_kernel(void);
/* Fills in kmc_hello where our own code is. */
void kmc_symbols_self(struct kmc_hello *h);

#endif
