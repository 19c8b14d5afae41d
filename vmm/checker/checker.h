/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker.h: composes the layers: what happens between a violation and the guest going on.
 * Used by vmm/main.c and tests; docs/architecture.md has the data flow.
 */
#ifndef KMC_CHECKER_H
#define KMC_CHECKER_H

#include "debuginfo.h"
#include "machine.h"
#include "report.h"
#include "site_table.h"
#include "suppress.h"
#include "symbols.h"
#include "track.h"

struct checker;
struct sink;

#define CHECKER_STACK_DEPTH 19 /* KMC_STACK_DEPTH of kmc_abi.h */

/* What happens to the guest when something is reported. */
enum on_report {
	ON_REPORT_CONTINUE,
	ON_REPORT_PAUSE, /* machine_pause(), at every report */
	ON_REPORT_EXIT,	 /* the machine ends, as END_REPORT; nothing more is reported */
	ON_REPORT_PANIC, /* the guest is made to panic; nothing more is reported */
};

struct checker_config {
	unsigned checks;     /* VERDICT_BIT set; 0: pages are never hidden */
	const struct rules *rules;
	struct sink *sink;   /* may be NULL: reports are counted only */
	const char *vm;	     /* the VM's name, as the sink has it */
	struct debuginfo *debuginfo; /* may be NULL: no source lines */
	const char *release; /* of the kernel, for the reports */
	unsigned stack_depth; /* frames recorded at each allocation and free, 0..CHECKER_STACK_DEPTH */
	struct suppressions *suppressions; /* NULL: none */
	struct suppressions *noted;	   /* gets an entry for each report; NULL: none */
	uint64_t max_reports;		   /* after so many nothing more is reported; 0: no limit */
	enum on_report on_report;
	struct track_params track;
	uint64_t seed; /* of what is sampled */
	bool coverage; /* places that allocate get names: checker_coverage() */
};

/* An instruction that the engine does not know, by its mnemonic. */
#define MAX_OPCODES 64
struct opcode_count {
	char name[16];
	uint64_t stepped; /* it was stepped */
	uint64_t ended;	  /* a window ended in front of it */
};

/* Counters; before the machine has stopped: inspect.h. */
struct checker_stats {
	uint64_t faults;	/* KVM_RUN failed with EFAULT */
	uint64_t mmio;		/* the same access as KVM_EXIT_MMIO */
	uint64_t doorbells;
	/* Faults and mmio on hidden pages: the sum of the five that follow, by what served them. */
	uint64_t violations;
	uint64_t emulated;	/* by a window of any length */
	uint64_t stepped;	/* by the hardware with its pages shown */
	uint64_t injected;	/* not at all: the instruction raises #PF */
	uint64_t undecodable;	/* not at all: checking has ended */
	uint64_t by_kvm;	/* by KVM itself: the mmio */
	uint64_t accesses;	/* to tracked bytes, as served; a string iteration counts as one */
	/* Bytes of allocated objects, in the caches that the rules call "counted". */
	uint64_t counted_read, counted_written;
	uint64_t windows, window_insns, window_accesses;
	uint64_t ring_windows; /* of them begun behind a ring of the agent, not at a violation */
#define WINDOW_LENGTHS 16
	/* [n]: windows of 2^n to 2^(n+1) - 1 instructions; [0]: also of 0 (a rep that was not done) */
	uint64_t window_length[WINDOW_LENGTHS];
	struct opcode_count opcodes[MAX_OPCODES]; /* until the first without a name */
	uint64_t populated;	/* faults on pages that were only not mapped yet */
	uint64_t raced;		/* faults that another vCPU had resolved meanwhile */
	uint64_t stale;		/* hidden pages that turned out to be no slab any more */
	uint64_t overruns;	/* steps that ended in an exception handler */
	uint64_t records;	/* announcements consumed */
	uint64_t announced;	/* of them, made here in the agent's place (announce.c) */
	uint64_t gap_waits;
	uint64_t probe_misses;	/* calls that the agent's probes did not see */
	uint64_t unwatched_slabs; /* of caches that configs/rules.json leaves out */
	/* See objects.h: announcements that contradicted others, and so made something unknown. */
	uint64_t missed_frees, slabs_remade;
	uint64_t reports, repeated; /* repeated: met again, not reported */
	/* The search for leaks at the end: objects looked at, of them lost, and its host time. */
	uint64_t leak_objects, leak_bytes, leak_lost_objects, leak_lost_bytes, leak_ns;
	uint64_t leak_free_slots; /* of slabs, by the guest's lists: not looked into */
	uint64_t hidden_peak;	/* pages */
	uint64_t tracked_peak;	/* bytes */
	uint64_t shadow_peak; /* host bytes at tracked_peak */
	/* Guest bytes of slabs and large objects, hidden or not; then host bytes of shadow and of objects and traces. */
	uint64_t known_peak, known_shadow, objects_peak;
	uint64_t traces, unrecorded_traces; /* of allocations and frees: different ones; lost ones */
	uint64_t fault_ns;	/* host time spent serving violations, steps included */
	uint64_t hold_ns;	/* of that, with the other vCPUs held */
	uint64_t suppressed;	/* findings, as checker_config.suppressions say */
	/*
	 * Announced allocations, and what became of each: its pages were hidden until its end, or until now;
	 * they were shown meanwhile; they were not hidden when it was handed out, or too late.
	 */
	uint64_t objects, watched, cut, unwatched;
	uint64_t sites, sites_watched, sites_lost; /* struct track_stats */
	uint64_t late; /* announcements for which the guest did not wait, of pages hidden since */
	uint64_t unshown;	/* places, behind max_reports or the end that a report was */
};

/* 0, or -1 with one line in err. The machine does not exist yet: hooks go into its configuration. */
int checker_create(const struct checker_config *config, struct checker **c, char *err,
		   size_t errlen);
void checker_hooks(struct checker *c, struct machine_hooks *hooks);
/* After machine_create(), before machine_run(). 0, or -1 with one line in err. */
int checker_attach(struct checker *c, struct machine *m, char *err, size_t errlen);
/* After machine_run(), before machine_destroy(). */
void checker_destroy(struct checker *c);

const struct checker_stats *checker_stats(struct checker *c);
/* As site_table_list(). After the machine has stopped, with checker_config.coverage. */
bool checker_coverage(const struct checker *c, struct site_entry **out, size_t *n);
/* The agent has said hello and was believed; NULL or one line why it was not. */
bool checker_agent_seen(const struct checker *c);
const char *checker_agent_error(const struct checker *c);
/* Exit status of --exec as the built-in init told it, -1 where it did not. */
int checker_exec_status(const struct checker *c);

#endif
