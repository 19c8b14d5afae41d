/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checker_internal.h: what the files of vmm/checker/ share.
 *
 * Locking: checker.lock protects everything below except where said; it is held while a violation is
 * served, but not while the engine runs, and while the rings are drained. A vCPU that waits for it counts
 * as held (machine.h). Order: checker.lock, then a page of the shadow; never the other way round.
 */
#ifndef KMC_CHECKER_INTERNAL_H
#define KMC_CHECKER_INTERNAL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include "checker.h"
#include "engine.h"
#include "free_slots.h"
#include "groups.h"
#include "inspect.h"
#include "leaks.h"
#include "kmc_abi.h"
#include "walk.h"

#define MAX_CPUS KMC_MAX_CPUS

/* The faulting vCPU, as one violation sees it. */
struct vcpu_state {
	struct vcpu *vcpu;
	struct walk_cpu walk;
	struct insn_cpu insn;
	struct engine_vbits vbits; /* of insn's registers; all defined outside windows */
	bool kernel; /* CPL 0 with paging on, 64-bit: the only code that is judged */
};

/* Ring and hello fields, checked once and then kept on the host. */
struct agent {
	bool on;	      /* hello was believed */
	bool broken;	      /* the agent announced nonsense: checking has ended */
	char error[256];
	struct kmc_hello *shared; /* the guest's own page: hostile, may change at any time */
	uint64_t direct_map, text_start, text_end, cr3, current_task;
	uint64_t btf_start, btf_end;
	uint64_t module_start, module_end;
	uint64_t own_start, own_end; /* the agent's code: see window.c */
	uint64_t return_trampoline;
	struct kmc_traced traced[KMC_TRACED]; /* see announce.c */
	uint64_t preempt_count;
	uint32_t in_nmi, in_hardirq, in_softirq, gfp_zero;
	int64_t clock[MAX_CPUS]; /* of the guest's minus checker_guest_time(), ns */
	bool has_clock[MAX_CPUS];
	uint64_t vmemmap_start;
	uint32_t sizeof_page;
	bool la57; /* the guest uses 5-level paging */
	uint32_t slots, ncpus, typesafe_flag;
	uint32_t task_pid, task_tgid, task_comm, task_stack, thread_size;
	void *symbol_buffer;
	uint64_t shown_pages;	 /* frames that shown has a bit of */
	uint64_t *shown[KMC_SHOWN_PIECES]; /* the guest's, as site_gap */
	uint8_t *site_gap;
	uint64_t *quiet_frees;
	bool listening; /* announcements are believed: there is no gap between them */
	struct kmc_ring *ring[MAX_CPUS];
	uint64_t tail[MAX_CPUS]; /* ours; the copy in the ring is only written */
	uint64_t next;		 /* number that the next record must have */
};

/* Progress of faults that nothing hidden explains; own thread only. */
struct fault_progress {
	uint64_t rip, generation;
	uint64_t since; /* of the first one, checker_now() */
	unsigned count;
	int error; /* why the host could not map a page, 0 or a negative errno */
};

/* Context by code address: configs/rules.json asked once an address. */
struct context_entry {
	uint64_t rip, generation;
	unsigned context;
	bool leaf, valid;
};
#define CONTEXT_CACHE 1024

/* Which findings are reported; filter.c. */
struct filter {
	struct groups *groups;
	bool every; /* not once a group */
	bool over;  /* a report has ended it all */
	struct filter_rule rule[FILTER_RULES];
	unsigned nrules;
};

/* Slabs whose accesses are counted. Written under checker.lock, read by windows without it. */
struct counted_slab {
	_Atomic uint64_t start, end; /* guest-physical; end 0: over */
};
#define COUNTED_SLABS 16

/* Byte offsets of the members that are read; see layout.c. */
struct cache_layout {
	uint32_t name, object_size, size, flags, ctor, red_left_pad; /* struct kmem_cache */
	uint32_t slab_cache; /* in struct slab, which overlays struct page */
};
struct page_layout {
	uint32_t refcount, compound_head; /* struct page */
};
struct rethook_layout {
	uint32_t task_rethooks;		 /* struct task_struct */
	uint32_t llist, ret_addr, frame; /* struct rethook_node */
};
struct task_layout {
	uint32_t tasks, group_leader, signal, thread_node, sp; /* struct task_struct; sp where it does not run */
	uint32_t thread_head;				       /* struct signal_struct */
};
struct layout {
	bool tried, has_cache, has_page, has_orc, has_rethook, has_tasks, has_slub;
	struct cache_layout cache;
	struct page_layout page;
	struct orc_layout orc;
	struct rethook_layout rethook;
	struct task_layout task;
	struct slub_layout slub;
};

/* CPUID leaf 0DH as the guest sees it. */
struct xstate_layout {
	uint64_t supported; /* components that XCR0 may have */
	uint32_t size;	    /* bytes of the standard form with all of them */
	uint32_t features;  /* ECX=1: EAX */
	struct engine_component component[ENGINE_COMPONENTS];
};

/* Of a vCPU: the last announcement that it made and that the guest waits for, until it rings. */
struct bell {
	bool waits;
	gpa_t gpa;	/* of the object */
	uint64_t place; /* a hash of what it does, and where */
	uint32_t wait;	/* instructions; window.c's */
};

/* Pages that became tracked, or no longer are; bytes. */
#define TRACKED_CHANGES 64
struct tracked_change {
	gpa_t gpa;
	uint64_t len;
};

struct caches;

struct checker {
	pthread_mutex_t lock;
	struct checker_config config;
	struct machine *machine;
	struct guest_ram *ram;
	struct shadow *shadow;
	struct objects *objects;
	struct copies *copies;
	_Atomic uint64_t announced; /* time of the last event that was applied, ns since guest boot */
	struct symbols *symbols;
	struct caches *caches;
	struct layout layout;
	struct orc_memory orc;
	struct insn_decoder *decoder;
	struct window *window[MAX_CPUS]; /* window.c; made when the vCPU first needs it */
	struct agent agent;
	struct checker_stats stats;
	struct bell bell[MAX_CPUS];
	uint64_t shown_generation; /* grows whenever hidden pages are released */
	uint64_t tracked_changes;  /* how often pages became tracked, or no longer were; */
	struct tracked_change tracked_change[TRACKED_CHANGES]; /* and which, by that number: the last ones */
	struct fault_progress progress[MAX_CPUS];
	struct context_entry context[CONTEXT_CACHE];
	struct filter filter;
	struct track *track;
	struct site_table *sites; /* NULL: not asked for */
	const struct kmc_record *record; /* that is being applied */
	bool tracks; /* some check was on at the start: there is an agent */
	struct counted_slab counted[COUNTED_SLABS];
	atomic_uint ncounted;
	uint64_t started; /* CLOCK_MONOTONIC, ns */
	struct xstate_layout xstate;
	int exec_status;
	_Atomic(struct vcpu *) stepping; /* for the watchdog; any thread */
	_Atomic uint64_t step_began;
	pthread_t watchdog, picker;
	atomic_bool watchdog_stop;
};

/* agent.c */
enum hook_result agent_doorbell(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value);
/* Consumes what was announced, waiting (unlocked) for a gap another CPU is about to fill. */
void agent_drain(struct checker *c, unsigned cpu);
/* Consumes what is there, without waiting for anything. */
void agent_catch_up(struct checker *c);
/* agent_drain() for a device's thread. */
void agent_drain_device(struct checker *c);
/* Something was announced that has not been consumed. Any thread. */
static inline bool agent_pending(const struct checker *c)
{
	const struct agent *a = &c->agent;

	return a->on && !a->broken && __atomic_load_n(&a->shared->seq, __ATOMIC_ACQUIRE) >=
						__atomic_load_n(&a->next, __ATOMIC_ACQUIRE);
}
/* Ends checking for this VM: everything is shown, one line says why. */
void agent_give_up(struct checker *c, const char *why, ...) __attribute__((format(printf, 2, 3)));

/* Applies the record that is due: r->seq is agent.next. */
void agent_apply(struct checker *c, const struct kmc_record *r, unsigned cpu);

/* announce.c. With checker.lock but for announce_knows(), which any thread of a vCPU may call. */
void announce_set(struct agent *a, const struct kmc_hello *h);
/* r was written by the agent on this CPU not long ago. */
void announce_learn_clock(struct checker *c, const struct kmc_record *r, unsigned cpu);
bool announce_knows(const struct checker *c, uint64_t rip); /* a probe of the agent begins there */
/*
 * s is at the first instruction of a probe: does its work. *back: where the call returns to. False: nothing was
 * done, the guest has to run it. Waits for announcements of other CPUs (unlocked).
 */
bool announce(struct checker *c, const struct vcpu_state *s, uint64_t *back);

/* record.c: one announced event into the object table. */
void record_apply(struct checker *c, const struct kmc_record *r, unsigned cpu);
bool agent_gpa(const struct checker *c, uint64_t addr, uint64_t len, gpa_t *gpa);

/* Shows every hidden page and forgets what was tracked. */
void release_all(struct checker *c);
/*
 * By a vCPU that is out of the guest: where it is the only one, pages are hidden and shown when it goes on, and not at
 * all if they are both in between.
 */
void checker_defer(struct checker *c);
void checker_settle(struct checker *c);

/* tracking.c: carries out what the policy (ept/track.h) decides. With checker.lock except where said. */
int tracking_init(struct checker *c, char *err, size_t errlen); /* -1: no memory, with one line in err */
void tracking_begin(struct checker *c); /* the agent has said hello */
/* The agent's probes are placed from now on (KMC_CMD_PROBES). */
void tracking_listen(struct checker *c, bool placed);
bool tracking_wants(void *ctx, struct obj_change *change); /* objects_ops */
/* Pages were hidden, or shown again. */
void tracking_hidden(struct checker *c, gpa_t gpa, uint64_t pages);
void tracking_shown(struct checker *c, gpa_t gpa, uint64_t pages);
/* The guest may have stored to these bytes of a new object before their page was hidden. */
bool tracking_late(struct checker *c, const struct kmc_record *r, gpa_t gpa, uint64_t len);
/* A new slab: nothing waits for what is not to be hidden. */
void tracking_slab(struct checker *c, const struct obj_cache *cache, gpa_t gpa, uint64_t len);
/* Shows the pages of these n addresses whose budget is over, neighbours together; changes the array. */
void tracking_end(struct checker *c, gpa_t *gpa, unsigned n);
/* Any thread: an access to a page that is tracked, by its guest_ram_page_index(); its page of the shadow is held. */
enum track_spent tracking_spend(struct checker *c, uint64_t page);
void *tracking_picker(void *ctx); /* thread: picks up what was announced without waiting */

/* layout.c. With checker.lock. Says what it has: nothing where the guest has no BTF. */
const struct layout *layout_get(struct checker *c);

/* caches.c: struct kmem_cache of the guest. */
struct caches *caches_create(void);
void caches_destroy(struct caches *k);
/* NULL where it cannot be read. refresh: the cache may have been replaced by another. */
const struct obj_cache *caches_get(struct checker *c, uint64_t kmem_cache, bool refresh);
/* The cache of a slab, by its struct page. */
const struct obj_cache *caches_of_page(struct checker *c, uint64_t page);
/* False where the guest's page allocator has the page, and in doubt true. */
bool caches_page_in_use(struct checker *c, gpa_t page);
/* Asks with the caches that were met, which may be there no more, until done() says true. */
void caches_until(const struct checker *c, bool (*done)(void *ctx, uint64_t kmem_cache), void *ctx);

/* vcpu_state.c */
void vcpu_state_load(struct checker *c, struct vcpu *vcpu, struct vcpu_state *s);
void vcpu_state_store(struct vcpu_state *s); /* general registers, flags, rip */
/* The same behind an emulated instruction: what delays events for one instruction is over. */
void vcpu_state_retire(struct vcpu_state *s);
bool vcpu_event_pending(const struct vcpu *vcpu); /* KVM is in the middle of delivering one */
void vcpu_inject_page_fault(struct vcpu_state *s, gva_t addr, uint32_t error);
/*
 * The MSR behind swapgs, where KVM knows it and the bases of FS and GS as MSRs (for SVM, since a fix of July 2024) and
 * the guest may use the instructions. What KVM_RUN left in kvm_run is brought up to date as well. False: it cannot be
 * done.
 */
bool vcpu_bases_load(const struct vcpu_state *s, struct engine_bases *bases);
bool vcpu_bases_store(const struct vcpu_state *s, const struct engine_bases *bases);

/* What rdtscp would say now. On the vCPU's thread. Returns how much can be told: nothing, tsc, or 2 for both. */
int vcpu_clock(const struct vcpu *vcpu, uint64_t *tsc, uint32_t *aux);
/* What its kernel adds to per-CPU pointers; 0 where it is not known. */
uint64_t vcpu_percpu(const struct vcpu_state *s);
/* Address of the running task_struct, 0 where it is not known. */
uint64_t vcpu_current_task(struct checker *c, const struct vcpu_state *s);

/* xstate.c. 0, or -errno. */
int xstate_layout(struct vcpu *vcpu, struct xstate_layout *x);
/* False: not there, or vector instructions are not the plain case (vectors() in engine.h). */
bool xstate_fetch(const struct checker *c, const struct vcpu_state *s, struct engine_vectors *v);
int xstate_store(const struct vcpu *vcpu, struct engine_vectors *v); /* 0, or -errno */
uint32_t xstate_pkru(const struct checker *c, const struct engine_vectors *v);
/* 0 where there is none. */
uint32_t xstate_read_pkru(const struct checker *c, const struct vcpu *vcpu);

/* access.c: the one place where an access is split at page boundaries. */
#define MAX_PIECES (2 * INSN_MAX_ACCESS + 2)
struct piece {
	gpa_t gpa;
	gva_t gva;
	uint32_t len;	 /* bytes, all in one page */
	uint32_t offset; /* of its first byte in the access */
	uint32_t size;	 /* bytes of the whole access */
	uint8_t how;	 /* INSN_READ | INSN_WRITE */
	bool ram, hidden;
};
struct pieces {
	unsigned n;
	struct piece piece[MAX_PIECES];
	bool fault; /* the CPU would raise #PF for it */
	gva_t fault_addr;
	uint32_t fault_error;
	bool hidden;	   /* any piece is */
	gpa_t stale_table; /* a paging structure in a hidden page */
	bool has_stale_table;
};
void access_split(struct checker *c, const struct vcpu_state *s, const struct insn_access *a,
		  unsigned n, struct pieces *out);

/* device.c */
bool device_memory(void *ctx, const char *device, bool write, gpa_t gpa, void *data, uint32_t len);

/* serve.c */
enum hook_result serve_fault(void *ctx, struct vcpu *vcpu);
enum hook_result serve_mmio(void *ctx, struct vcpu *vcpu);
/* The instruction at the vCPU's rip; NULL where it cannot be read. Lives until the next call. */
const struct insn *checker_fetch(struct checker *c, struct vcpu_state *s);
/* Ends the tracking of the slab or large object around gpa: it is not what we were told. */
void release_stale(struct checker *c, gpa_t gpa);

/* carry.c: has the hardware carry out one instruction, judged before. */
enum carry_result { CARRY_DONE, CARRY_RETRY, CARRY_STEP, CARRY_STOP };
enum carry_result carry_step(struct checker *c, struct vcpu_state *s, const struct insn *i,
			     const struct pieces *p);
void *carry_watchdog(void *ctx);
/* For hooks: this vCPU, whose thread it is, is in a step: it has checker.lock already. */
static inline bool checker_steps(struct checker *c, const struct vcpu *vcpu)
{
	return atomic_load(&c->stepping) == vcpu;
}

/* check.c. The A states of one piece: who may touch what. */
void check_states(struct checker *c, struct vcpu_state *s, const struct piece *p);
/* Undefined bits decide something. */
void check_use(struct checker *c, struct vcpu_state *s, const struct engine_use *use);
/* An instruction that is not for the engine: states and values, and the shadow's update. */
void check_piece(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		 const struct piece *p);

/*
 * window.c: runs guest code from rip on, as long as it pays. Releases checker.lock meanwhile; so what was
 * decoded before is gone. CARRY_STEP: nothing was done.
 */
enum carry_result window_run(struct checker *c, struct vcpu_state *s);
/*
 * The vCPU's own thread. The page of addr, if its windows have been there and nothing that leads there has changed;
 * no table on the way was hidden. NULL: it has to be walked.
 */
const struct walk_known *window_known(struct checker *c, const struct vcpu_state *s, gva_t addr, bool fetch,
				      bool write);
/*
 * The same for a read of ours, which the guest must not notice: a page that is not known is walked, and is known from
 * then on where no accessed bit would have to be set. NULL: otherwise.
 */
const struct walk_known *window_find(struct checker *c, const struct vcpu_state *s, gva_t addr);
/*
 * The agent has rung for an object whose page is hidden now, which the guest is about to touch: it goes on in a
 * window, instead of coming back with a violation, where that seems to pay. The second is the hook behind the OUT.
 */
bool window_pays_behind(struct checker *c, struct bell *ring, unsigned cpu);
void window_behind_ring(void *ctx, struct vcpu *vcpu, bool completed);
/* Called with checker.lock: returns when no window but a parked one remembers pages. */
void windows_settle(struct checker *c);
void windows_stop(struct checker *c); /* they end soon; called with checker.lock */
void window_destroy(struct window *w);
void count_opcode(struct checker *c, const struct insn *i, bool stepped);
/* A violation was served; how: the counter in c->stats that says by what. */
void count_violation(struct checker *c, uint64_t *how);

/* counted.c. A slab of this cache comes, or pages of any go: if its accesses are to be counted. */
void counted_begin(struct checker *c, const struct obj_cache *cache, gpa_t gpa, uint64_t len);
void counted_end(struct checker *c, gpa_t gpa, uint64_t len);
/* Any thread. */
static inline bool counted_any(struct checker *c)
{
	return atomic_load_explicit(&c->ncounted, memory_order_acquire);
}
bool counted_has(struct checker *c, gpa_t gpa);

/* trace.c. The frames of the access that s is at, its own first. task: see vcpu_current_task(). */
void trace_access(struct checker *c, const struct vcpu_state *s, uint64_t task,
		  struct report_stack *out);
/* Adds the frame of addr, if there is room. is_return: the call is in front of addr. */
void trace_add(struct checker *c, struct report_stack *s, uint64_t addr, bool is_return,
	       bool guess);
/* The same of a trace that was recorded earlier. */
void trace_add_past(struct checker *c, struct report_stack *s, uint64_t addr, bool is_return);
/* The addresses of the true frames only, as trace_access() finds them. Returns how many. */
unsigned trace_addresses(struct checker *c, const struct vcpu_state *s, uint64_t task, uint64_t *frame,
			 unsigned max);

/*
 * The frames behind the agent's own of an announcement, as the agent would record them: s is where one of its probes
 * begins.
 */
unsigned trace_announced(struct checker *c, const struct vcpu_state *s, uint64_t task, uint64_t *frame,
			 unsigned max);

/*
 * path.c: how undefined bits came to where they were used. path_copied() is called by a window that
 * holds the page of a: v is written there, and came from *from.
 */
void path_copied(struct checker *c, const struct engine_access *a, const uint8_t *v,
		 const struct engine_origin *from, uint32_t trace);
/* The number for path_copied() of the code that s is at. Under checker.lock. */
uint32_t path_trace(struct checker *c, const struct vcpu_state *s);
/* The copies behind the undefined byte at gpa, and where it was created. Under checker.lock. */
void path_describe(struct checker *c, gpa_t gpa, const struct object *object, struct report *r);

/* At the hello: which kernel it is, for its debug information; gva of its ELF notes. */
void trace_know_kernel(struct checker *c, uint64_t notes, uint64_t end);

/* filter.c */
/*
 * Before it is described: may this finding have to be reported? place: a number made of the verdict and
 * of what tells callers apart without much work.
 */
bool filter_wants(struct checker *c, enum verdict verdict, uint64_t place,
		  const struct object *object);
/*
 * Numbers and delivers the report unless it is suppressed or was met before, and does what --on-report
 * says. place: as filter_wants() had it.
 */
void filter_send(struct checker *c, struct report *r, uint64_t place);
/* At the end: tells the counts that were not told yet. */
void filter_finish(struct checker *c);
/* Numbers into one: for places. */
uint64_t filter_mix(uint64_t hash, uint64_t number);

/* describe.c: fills and sends reports. */
/*
 * A hash of the kind and of the place that s is at. The same place is met by the same way if the words on
 * top of the stack that point into the text are the same; which other ways there are the true trace will
 * tell. Any thread.
 */
uint64_t describe_place(struct checker *c, const struct vcpu_state *s, unsigned kind);
void describe_event(struct checker *c, const struct obj_event *e, struct report_stack *s);
/* i: the instruction, NULL where it cannot be read any more: a finding is reported all the same. */
void describe_access(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		     const struct piece *p, const struct judgement *j);
void describe_use(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		  const struct engine_use *use, enum verdict verdict, const struct object *object);
void describe_free(struct checker *c, const struct kmc_record *r, unsigned cpu, gpa_t gpa,
		   enum verdict verdict, const struct object *object);

/* A device reads len bytes of an object, the first undefined one at gpa + first. */
struct device_read {
	const char *device;
	gpa_t gpa;
	uint32_t len, first, last; /* last: the last undefined one */
};
void describe_device_read(struct checker *c, const struct device_read *d,
			  const struct object *object);
/* It touched what it must not. */
void describe_device_access(struct checker *c, const struct device_read *d,
			    const struct judgement *j);

/*
 * What was allocated at one place and is lost: object is one of them. Reported once a place.
 */
struct leaked {
	struct object object;
	uint64_t objects, bytes, indirect_objects, indirect_bytes;
};
void describe_leak(struct checker *c, const struct leaked *l);

/* leak_check.c. When the machine has stopped. */
void leak_check_at_end(struct checker *c, enum machine_end end);
/* values.c: for describe.c. r->addr, size and write are filled before. */
void describe_registers(const struct vcpu_state *s, struct report *r);
/* The contents of the access, of which the byte at offset lies at gpa. */
void describe_contents(struct checker *c, gpa_t gpa, uint32_t offset, struct report *r);
void describe_insn(const struct insn *i, struct report *r);
void describe_operand(const struct insn *i, struct report *r);
/* The load that brought the undefined bits in, and what they decided. Ends the life of i. */
void describe_undefined(struct checker *c, const struct vcpu_state *s, const struct insn *i,
			const struct engine_use *use, struct report *r);

uint64_t checker_now(void); /* CLOCK_MONOTONIC, ns */
uint64_t checker_guest_time(struct checker *c); /* ns since its boot, without pauses */
/* Kernel-virtual guest memory, by the agent's page table. Returns the bytes copied. */
size_t checker_guest_read(struct checker *c, uint64_t addr, void *buf, size_t len);

#endif
