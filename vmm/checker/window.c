// SPDX-License-Identifier: GPL-2.0-only
/*
 * window.c: lets the engine run guest code on the view: how it reaches guest memory, what the judge says
 * to its accesses, and what is reported when undefined bits decide something.
 *
 * Windows of several vCPUs run at once. A tracked access holds its page's shadow only; checker.lock is
 * taken where something was announced or has to be reported. A window remembers which pages are tracked:
 * whoever hides a page waits (windows_settle) until no window remembers it from before, so that its
 * new owner's accesses are seen on every vCPU.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "checker_internal.h"

#define WINDOW_INSNS 16384 /* between two looks at the guest's interrupts */
/*
 * What going out and coming back costs, in emulated instructions, counted by bench/run: 4,986 ns / 6.17 ns with a
 * budget, 4,618 ns / 3.31 ns with everything tracked.
 */
#define EXIT_COST    1000
#define RING_PLACES  256  /* what follows a ring of the agent is learned of so many of them, by a hash */
#define MAX_OVER	16 /* pages that are shown together */
#define CLOCK_MOST	(1u << 24) /* ticks, some milliseconds */

/* Where undefined bits were copied: a hash, and the number of its call trace. */
#define COPY_PLACES 256
struct copy_place {
	uint64_t place;
	uint32_t trace;
};

struct window {
	struct checker *c;
	struct vcpu_state *s;
	struct engine *engine;
	/*
	 * Other threads: whether this window remembers pages. running: from before the first reach() to
	 * behind the last; parked: waits for checker.lock, and forgets the pages that have changed before it goes on.
	 */
	atomic_bool running, parked;
	uint64_t counted_read, counted_written; /* bytes, in this window; see counted.c */
	gpa_t over[MAX_OVER]; /* pages whose budget has ended in this window */
	unsigned nover;
	volatile bool stop;
	struct idle_place ring[RING_PLACES];
	struct copy_place copy_place[COPY_PLACES];
	struct walks walks;
	bool full;	  /* everything is tracked */
	uint64_t tracked_changes; /* of the checker's, those that this window knows of */
	uint64_t cr0, cr4, efer; /* those that the engine's proofs are of */
	bool has_vectors, has_bases; /* below is what this window has fetched */
	struct engine_vectors vectors;
	struct engine_bases bases;
	int clock_told; /* as vcpu_clock() returned: 0: not asked in this window */
	uint64_t clock, clock_host; /* the guest's time-stamp counter, and the host's not before that */
	uint32_t clock_aux;
};

/* Takes checker.lock out of a window that is running. */
static void enter(struct window *w)
{
	atomic_store(&w->parked, true);
	pthread_mutex_lock(&w->c->lock);
}

/* Pages that became tracked, or no longer are, since the window last looked. */
static void forget_changed(struct window *w)
{
	const struct checker *c = w->c;

	if (c->tracked_changes - w->tracked_changes > TRACKED_CHANGES) {
		engine_forget(w->engine);
		w->tracked_changes = c->tracked_changes;
	}
	while (w->tracked_changes != c->tracked_changes) {
		const struct tracked_change *t = &c->tracked_change[w->tracked_changes++ % TRACKED_CHANGES];

		engine_forget_range(w->engine, t->gpa.v, t->len);
	}
}

static void leave(struct window *w)
{
	forget_changed(w);
	atomic_store(&w->parked, false);
	pthread_mutex_unlock(&w->c->lock);
}

void windows_settle(struct checker *c)
{
	for (unsigned n = 0; n < machine_cpus(c->machine); n++) {
		struct window *w = c->window[n];

		while (w && atomic_load(&w->running) && !atomic_load(&w->parked)) {
			w->stop = true;
			sched_yield();
		}
	}
}

static bool in_hidden_page(struct checker *c, const struct walk *w)
{
	for (unsigned n = 0; n < w->ntables; n++)
		if (guest_ram_hidden(c->ram, w->table[n]))
			return true;
	return false;
}

/* host: where its first byte is, index: its number, k: what is known, or NULL; the rest of *page is filled in. */
static inline enum engine_reach reached(const struct window *w, gva_t addr, unsigned how, uint8_t *host,
					uint64_t index, const struct walk_known *k, struct engine_page *page)
{
	bool user = (int64_t)addr.v >= 0;

	page->tracked = shadow_page_tracked(w->c->shadow, index);
	if (page->tracked && (user || (how & ENGINE_FETCH)))
		return ENGINE_ELSEWHERE;
	page->host = host;
	page->number = (uint32_t)index;
	page->user = user;
	if (k && k->supervisor && !user) {
		page->proof = &k->proof;
		page->tracking = shadow_page_word(w->c->shadow, index);
	}
	return ENGINE_REACHED;
}

/* What should not be in a hidden page is for serve.c to sort out: the hardware faults on it again. */
static __attribute__((noinline)) enum engine_reach walk_there(struct window *w, gva_t addr, unsigned how,
							      struct engine_page *page, uint32_t *error)
{
	unsigned flags = (how & ENGINE_FETCH ? WALK_FETCH : WALK_SET_AD) | (how & ENGINE_WRITE ? WALK_WRITE : 0);
	const struct walk_known *k;
	struct walk found;
	uint8_t *host;
	gpa_t gpa;

	switch (walk(w->c->ram, &w->walks.cpu, addr, flags, &found)) {
	case WALK_OK:
		break;
	case WALK_PF:
		*error = found.error_code;
		return how & ENGINE_FETCH ? ENGINE_ELSEWHERE : ENGINE_PAGE_FAULT;
	default:
		return ENGINE_ELSEWHERE;
	}
	if (in_hidden_page(w->c, &found))
		return ENGINE_ELSEWHERE;
	k = walk_remember(&w->walks, w->c->ram, addr, flags, &found);
	gpa.v = found.gpa.v & ~(GUEST_PAGE - 1ull);
	host = guest_ram_at(w->c->ram, gpa, GUEST_PAGE);
	if (!host)
		return ENGINE_DEVICE;
	page->gpa = gpa.v;
	page->writable = found.written;
	return reached(w, addr, how, host, (uint64_t)guest_ram_page_index(w->c->ram, gpa), k, page);
}

static inline enum engine_reach reach_known(struct window *w, gva_t addr, unsigned how, struct engine_page *page,
					    uint32_t *error)
{
	const struct walk_known *k = walk_known(&w->walks, addr, how & ENGINE_FETCH, how & ENGINE_WRITE);

	if (!k)
		return walk_there(w, addr, how, page, error);
	if (!k->host)
		return ENGINE_DEVICE;
	page->gpa = k->gpa;
	page->writable = k->written;
	return reached(w, addr, how, k->host, k->index, k, page);
}

/* Registers that walks depend on may have changed. */
static __attribute__((noinline)) enum engine_reach reach_anew(struct window *w, gva_t addr, unsigned how,
							      struct engine_page *page, uint32_t *error)
{
	w->s->walk.rflags = w->s->insn.rflags;
	if (w->has_vectors)
		w->s->walk.pkru = xstate_pkru(w->c, &w->vectors);
	if (walks_differ(&w->walks, w->s->walk.rflags, w->s->walk.pkru))
		walks_set(&w->walks, w->c->ram, &w->s->walk);
	return reach_known(w, addr, how, page, error);
}

/* Needed again in each window, so what is known is found without a call. */
static enum engine_reach reach(void *ctx, gva_t addr, unsigned how, struct engine_page *page,
			       uint32_t *error)
{
	struct window *w = ctx;

	if (w->has_vectors || walks_differ(&w->walks, w->s->insn.rflags, w->walks.cpu.pkru))
		return reach_anew(w, addr, how, page, error);
	return reach_known(w, addr, how, page, error);
}

const struct walk_known *window_known(struct checker *c, const struct vcpu_state *s, gva_t addr, bool fetch, bool write)
{
	struct window *w = c->window[s->vcpu->index];

	if (!w)
		return NULL;
	walks_set(&w->walks, c->ram, &s->walk);
	return walk_known(&w->walks, addr, fetch, write);
}

const struct walk_known *window_find(struct checker *c, const struct vcpu_state *s, gva_t addr)
{
	const struct walk_known *k = window_known(c, s, addr, false, false);
	struct window *w = c->window[s->vcpu->index];
	struct walk found;

	if (k || !w || walk(c->ram, &w->walks.cpu, addr, WALK_READ, &found) != WALK_OK || !walk_accessed(&found) ||
	    in_hidden_page(c, &found))
		return k;
	walk_remember(&w->walks, c->ram, addr, WALK_SET_AD, &found);
	return walk_known(&w->walks, addr, false, false);
}

static void hold(void *ctx, uint32_t number)
{
	const struct window *w = ctx;

	shadow_hold(w->c->shadow, number);
}

static void drop(void *ctx, uint32_t number)
{
	const struct window *w = ctx;

	shadow_drop(w->c->shadow, number);
}

static bool look(const struct window *w, const struct engine_access *a, uint8_t *v)
{
	return shadow_held_look(w->c->shadow, a->number, a->gpa % GUEST_PAGE, a->len, v);
}

/* The registers as they are at the instruction that is being carried out. */
static void sync_state(struct window *w, uint64_t rip)
{
	engine_sync(w->engine);
	engine_sync_vbits(w->engine, &w->s->vbits);
	w->s->insn.rip = rip;
}

/* Something was announced, or the access is not plainly legal: with all locks, after the announcements. */
static void check_slowly(struct window *w, const struct engine_access *a)
{
	struct piece p = { .gpa = { a->gpa },
			   .gva = a->addr,
			   .len = a->len,
			   .offset = a->offset,
			   .size = a->size,
			   .how = (uint8_t)a->how,
			   .ram = true,
			   .hidden = true };

	shadow_drop(w->c->shadow, a->number);
	enter(w);
	agent_drain(w->c, w->s->vcpu->index);
	sync_state(w, a->rip);
	check_states(w->c, w->s, &p);
	leave(w);
	shadow_hold(w->c->shadow, a->number);
}

/* With checker.lock. */
static void show_over(struct window *w)
{
	if (w->nover)
		tracking_end(w->c, w->over, w->nover);
	w->nover = 0;
}

/*
 * The page of an access is shown when the window ends, for that costs nothing then; or at the next access,
 * which so is none any more. True where the page was let go of meanwhile.
 */
static bool end_page(struct window *w, const struct engine_access *a, enum track_spent spent)
{
	if (w->nover < MAX_OVER)
		w->over[w->nover++] = (gpa_t){ a->gpa };
	if (spent == TRACK_OVER && w->nover < MAX_OVER)
		return false;
	shadow_drop(w->c->shadow, a->number);
	enter(w);
	show_over(w);
	leave(w);
	shadow_hold(w->c->shadow, a->number);
	return true;
}

static void count_bytes(struct window *w, const struct engine_access *a)
{
	if (!counted_has(w->c, (gpa_t){ a->gpa }) || !look(w, a, NULL))
		return;
	w->counted_read += a->how & ENGINE_READ ? a->len : 0;
	w->counted_written += a->how & ENGINE_WRITE ? a->len : 0;
}

/* plain: it is legal, and v is what it should be. */
static __attribute__((noinline)) void check_and_spend(struct window *w, const struct engine_access *a, uint8_t *v,
						      bool plain)
{
	enum track_spent spent;

	if (!plain)
		check_slowly(w, a);
	if (counted_any(w->c))
		count_bytes(w, a);
	spent = tracking_spend(w->c, a->number);
	if (plain && spent == TRACK_GOES_ON)
		return;
	if (((spent != TRACK_GOES_ON && end_page(w, a, spent)) || !plain) && v)
		look(w, a, v);
}

/* Most accesses are plain, and not among the last of their page's budget. */
static void check(void *ctx, const struct engine_access *a, uint8_t *v)
{
	struct window *w = ctx;
	bool plain = !agent_pending(w->c) && look(w, a, v);

	if (!plain || counted_any(w->c) || !track_spend_plainly(w->c->track, a->number))
		check_and_spend(w, a, v, plain);
}

/* The trace of the code that copies undefined bits, walked once a place. 0: not known. */
static uint32_t copy_trace(struct window *w, const struct engine_access *a)
{
	struct copy_place *p;
	uint64_t place;

	sync_state(w, a->rip);
	place = describe_place(w->c, w->s, VERDICTS);
	p = &w->copy_place[place % COPY_PLACES];
	if (p->place == place || a->locked) /* while the page is held its value and its shadow are changed */
		return p->place == place ? p->trace : 0;
	shadow_drop(w->c->shadow, a->number);
	enter(w);
	*p = (struct copy_place){ .place = place, .trace = path_trace(w->c, w->s) };
	leave(w);
	shadow_hold(w->c->shadow, a->number);
	return p->trace;
}

static void change(void *ctx, const struct engine_access *a, const uint8_t *v,
		   const struct engine_origin *from)
{
	struct window *w = ctx;

	if (v && from)
		path_copied(w->c, a, v, from, copy_trace(w, a));
	shadow_held_write_v(w->c->shadow, a->number, a->gpa % GUEST_PAGE, v, a->len);
}

static void used(void *ctx, const struct engine_use *use)
{
	struct window *w = ctx;

	enter(w);
	sync_state(w, use->rip);
	check_use(w->c, w->s, use);
	leave(w);
}

/*
 * The agent's probes are carried out here. Its other code is for the hardware: a walk of the stack is some thousand
 * instructions in which nothing is hidden. With everything tracked it is not, for then the walk reads
 * task_struct once a frame.
 */
static enum engine_enter enter_agent(void *ctx, uint64_t rip, uint64_t *back)
{
	struct window *w = ctx;
	bool done = false;

	if (announce_knows(w->c, rip)) {
		enter(w);
		sync_state(w, rip);
		done = announce(w->c, w->s, back);
		leave(w);
	}
	if (done)
		return ENGINE_CALLED;
	return w->full ? ENGINE_GO_ON : ENGINE_LEAVE;
}

void windows_stop(struct checker *c)
{
	for (unsigned n = 0; n < MAX_CPUS; n++)
		if (c->window[n])
			c->window[n]->stop = true;
}

static struct engine_vectors *vectors(void *ctx)
{
	struct window *w = ctx;

	w->has_vectors = xstate_fetch(w->c, w->s, &w->vectors);
	return w->has_vectors ? &w->vectors : NULL;
}

static struct engine_bases *bases(void *ctx)
{
	struct window *w = ctx;

	w->has_bases = vcpu_bases_load(w->s, &w->bases);
	return w->has_bases ? &w->bases : NULL;
}

/*
 * KVM is asked once a window: both counters tick at the same rate, for nobody asks KVM for another one. More than
 * a window's time is a thread that went to a CPU whose counter is another.
 */
static bool read_clock(void *ctx, uint64_t *tsc, uint32_t *aux)
{
	struct window *w = ctx;
	uint64_t passed = __rdtsc() - w->clock_host;

	if (!w->clock_told || passed > CLOCK_MOST) {
		w->clock_told = vcpu_clock(w->s->vcpu, &w->clock, &w->clock_aux);
		w->clock_host = __rdtsc();
		passed = 0;
	}
	*tsc = w->clock + passed;
	if (aux)
		*aux = w->clock_aux;
	return w->clock_told > (aux ? 1 : 0);
}

void window_destroy(struct window *w)
{
	if (!w)
		return;
	engine_destroy(w->engine);
	free(w);
}

static struct window *window_create(struct checker *c)
{
	static const struct engine_ops ops = { .reach = reach,
					       .hold = hold,
					       .drop = drop,
					       .check = check,
					       .change = change,
					       .used = used,
					       .vectors = vectors,
					       .bases = bases,
					       .clock = read_clock,
					       .enter = enter_agent };
	struct window *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->c = c;
	w->engine = engine_create(&ops, w);
	if (w->engine)
		return w;
	free(w);
	return NULL;
}

static void count(struct checker_stats *stats, const struct engine_window *out)
{
	unsigned length = 0;

	while (length + 1 < WINDOW_LENGTHS && out->insns >> (length + 1))
		length++;
	stats->windows++;
	stats->window_insns += out->insns;
	stats->window_accesses += out->accesses;
	stats->accesses += out->accesses;
	stats->window_length[length]++;
}

void count_violation(struct checker *c, uint64_t *how)
{
	c->stats.violations++;
	(*how)++;
}

void count_opcode(struct checker *c, const struct insn *i, bool stepped)
{
	const char *name = i ? insn_mnemonic(i) : "?";
	struct opcode_count *o = c->stats.opcodes;
	const struct opcode_count *last = &c->stats.opcodes[MAX_OPCODES - 1];

	while (o < last && o->name[0] && strncmp(o->name, name, sizeof(o->name) - 1) != 0)
		o++;
	if (!o->name[0])
		snprintf(o->name, sizeof(o->name), "%s", o == last ? "others" : name);
	if (stepped)
		o->stepped++;
	else
		o->ended++;
}

/* The vCPU cannot go on with other registers than the window left. */
static void store_vectors(struct window *w)
{
	int r = xstate_store(w->s->vcpu, &w->vectors);
	char text[128];

	if (r == 0)
		return;
	snprintf(text, sizeof(text), "KVM_SET_XSAVE: %s", strerror(-r));
	machine_stop(w->c->machine, END_INTERNAL, text);
}

static void store_bases(struct window *w)
{
	if (!vcpu_bases_store(w->s, &w->bases))
		machine_stop(w->c->machine, END_INTERNAL, "KVM_SET_MSRS refuses the bases of FS and GS");
}

static struct idle_place *ring_place(struct window *w, const struct bell *ring)
{
	return &w->ring[(ring->place >> 32) % RING_PLACES];
}

/* AC and PKRU, which the window can change, do not matter to what is proved. */
static void keep_proofs(struct window *w, const struct walk_cpu *cpu)
{
	if (w->cr0 == cpu->cr0 && w->cr4 == cpu->cr4 && w->efer == cpu->efer)
		return;
	engine_forget_proofs(w->engine);
	w->cr0 = cpu->cr0;
	w->cr4 = cpu->cr4;
	w->efer = cpu->efer;
}

/* Without checker.lock, which the caller holds. ring: it begins behind one, as window_pays_behind() said; or NULL. */
static void run(struct window *w, struct vcpu_state *s, const struct bell *ring, struct engine_window *out)
{
	struct engine_limits limits = { .insns = WINDOW_INSNS,
					.idle = IDLE_MOST,
					.exit_cost = EXIT_COST,
					.from = ring ? ring_place(w, ring) : NULL,
					.from_wait = ring ? ring->wait : 0,
					.stop = &w->stop,
					.enter_start = w->c->agent.own_start,
					.enter_end = w->c->agent.own_end };

	w->s = s;
	w->full = track_params(w->c->track)->mode == TRACK_FULL;
	w->tracked_changes = w->c->tracked_changes;
	walks_set(&w->walks, w->c->ram, &s->walk);
	keep_proofs(w, &s->walk);
	limits.root = w->walks.top;
	w->stop = w->has_vectors = w->has_bases = false;
	w->clock_told = 0;
	w->nover = 0;
	w->counted_read = w->counted_written = 0;
	atomic_store(&w->running, true);
	pthread_mutex_unlock(&w->c->lock);
	engine_run(w->engine, &s->insn, &limits, NULL, out);
	if (w->has_vectors && w->vectors.dirty)
		store_vectors(w);
	if (w->has_bases && w->bases.dirty)
		store_bases(w);
	atomic_store(&w->running, false);
	s->vbits = (struct engine_vbits){ .rflags = 0 };
	pthread_mutex_lock(&w->c->lock);
	show_over(w);
	w->c->stats.counted_read += w->counted_read;
	w->c->stats.counted_written += w->counted_written;
}

/* NULL: out of memory. */
static struct window *window_of(struct checker *c, unsigned cpu)
{
	struct window **w = &c->window[cpu];

	if (!*w)
		*w = window_create(c);
	return *w;
}

enum carry_result window_run(struct checker *c, struct vcpu_state *s)
{
	struct window *w = window_of(c, s->vcpu->index);
	struct engine_window out;

	if (!w)
		return CARRY_STEP;
	run(w, s, NULL, &out);
	if (out.progress) {
		count(&c->stats, &out);
		count_violation(c, &c->stats.emulated);
		vcpu_state_retire(s);
	}
	if (out.end == ENGINE_FAULT) {
		vcpu_inject_page_fault(s, out.fault_addr, out.fault_error);
		if (!out.progress)
			count_violation(c, &c->stats.injected);
		return CARRY_RETRY;
	}
	if (!out.progress)
		return CARRY_STEP;
	if (out.end == ENGINE_HARDWARE)
		count_opcode(c, checker_fetch(c, s), false);
	return CARRY_DONE;
}

bool window_pays_behind(struct checker *c, struct bell *ring, unsigned cpu)
{
	struct window *w = window_of(c, cpu);

	if (!w || c->agent.broken || !shadow_tracked(c->shadow, ring->gpa))
		return false;
	ring->wait = idle_wait(ring_place(w, ring));
	return ring->wait;
}

/*
 * Registers and events are those with which KVM has completed the OUT. Where an event is on its way, or would be
 * delayed or delivered otherwise than to the next instruction, KVM goes on: a window behind an interrupt that has
 * been injected would move the guest away from where it is due, and could clear the IF that it was let in with.
 */
static bool may_go_on(const struct checker *c, const struct vcpu_state *s)
{
	const struct kvm_vcpu_events *e = &s->vcpu->run->s.regs.events;
	const struct agent *a = &c->agent;

	return a->on && !a->broken && s->kernel && s->insn.rip - a->own_start < a->own_end - a->own_start &&
	       !vcpu_event_pending(s->vcpu) && !e->interrupt.shadow && !e->nmi.pending && !e->smi.pending &&
	       !e->smi.smm;
}

/* What ends the window, a #PF too, is the hardware's to do: nothing but registers is written back. */
void window_behind_ring(void *ctx, struct vcpu *vcpu, bool completed)
{
	struct checker *c = ctx;
	struct engine_window out;
	struct vcpu_state s;

	pthread_mutex_lock(&c->lock);
	vcpu_state_load(c, vcpu, &s);
	if (completed && may_go_on(c, &s)) {
		run(c->window[vcpu->index], &s, &c->bell[vcpu->index], &out);
		if (out.progress) {
			count(&c->stats, &out);
			c->stats.ring_windows++;
			if (out.end == ENGINE_HARDWARE)
				count_opcode(c, checker_fetch(c, &s), false);
			vcpu_state_retire(&s);
		}
	}
	checker_settle(c);
	pthread_mutex_unlock(&c->lock);
}
