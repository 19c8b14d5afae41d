// SPDX-License-Identifier: GPL-2.0-only
/*
 * leak_check.c: which of the guest's objects nobody can free any more, and where they were allocated.
 *
 * Costs the guest nothing: it stands still. What holds pointers is all memory that is in use but for the
 * agent's rings, which name every object, and what is left over on stacks and in free slots of slabs; and the registers
 * of all vCPUs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker_internal.h"
#include "stacks.h"

#define PLACES_MAX 4096u
#define FREE_STEP   256u /* bytes of guest memory for each step from free slot to free slot; there are two for each */
#define LEAK_AGE    5000000000ull /* ns; while the guest runs, what is younger is no leak yet */

struct leak_check {
	struct checker *c;
	struct leaked *place; /* one for each different allocation trace */
	unsigned n;
	struct stacks *stacks;
	struct leaks_range *unused; /* free slots */
	size_t nunused, room;
	bool no_memory;
	uint64_t words[MAX_CPUS * INSN_GPRS];
	size_t nwords;
};

static bool overlaps(gpa_t page, const struct checker *c, const void *host, uint64_t len)
{
	const char *at = guest_ram_at(c->ram, page, GUEST_PAGE);

	return host && at < (const char *)host + len && at + GUEST_PAGE > (const char *)host;
}

static bool is_agents(const struct checker *c, gpa_t page)
{
	uint64_t len = sizeof(struct kmc_ring) +
		       (uint64_t)c->agent.slots * sizeof(struct kmc_record);

	for (unsigned i = 0; i < c->agent.ncpus; i++)
		if (overlaps(page, c, c->agent.ring[i], len))
			return true;
	return false;
}

static uint32_t dead(void *ctx, gpa_t page)
{
	struct leak_check *l = ctx;

	if (!caches_page_in_use(l->c, page) || is_agents(l->c, page))
		return GUEST_PAGE;
	return stacks_dead(l->stacks, page);
}

static void found_free(void *ctx, uint64_t addr, uint32_t size)
{
	struct leak_check *l = ctx;
	uint64_t gpa = addr - l->c->agent.direct_map;
	struct leaks_range *more;

	if (l->nunused == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		more = realloc(l->unused, l->room * sizeof(*more));
		if (!more) {
			l->no_memory = true;
			l->room = l->nunused;
			return;
		}
		l->unused = more;
	}
	l->unused[l->nunused++] = (struct leaks_range){ gpa, gpa + size };
}

static int by_gpa(const void *a, const void *b)
{
	uint64_t x = ((const struct leaks_range *)a)->gpa, y = ((const struct leaks_range *)b)->gpa;

	return (x > y) - (x < y);
}

/* What is in two lists, of a guest that stands amid a change, is there once. */
static void sort_unused(struct leak_check *l)
{
	size_t kept = 0;

	qsort(l->unused, l->nunused, sizeof(l->unused[0]), by_gpa);
	for (size_t n = 0; n < l->nunused; n++)
		if (!kept || l->unused[n].gpa >= l->unused[kept - 1].end)
			l->unused[kept++] = l->unused[n];
	l->nunused = kept;
}

static size_t read_linear(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct leak_check *l = ctx;

	return checker_guest_read(l->c, addr, buf, len);
}

static bool find_from(void *ctx, uint64_t cache)
{
	return free_slots_find(ctx, cache);
}

static void find_unused(struct leak_check *l)
{
	const struct layout *layout = layout_get(l->c);
	struct checker *c = l->c;
	uint64_t percpu[MAX_CPUS];
	struct slub_guest g = { .ctx = l,
				.read = read_linear,
				.found = found_free,
				.layout = &layout->slub,
				.direct_map = c->agent.direct_map,
				.vmemmap = c->agent.vmemmap_start,
				.sizeof_page = c->agent.sizeof_page,
				.percpu = percpu,
				.ncpus = machine_cpus(c->machine),
				.most = guest_ram_pages(c->ram) * (GUEST_PAGE / FREE_STEP) };
	struct vcpu_state s;

	if (!layout->has_slub || !g.sizeof_page)
		return;
	for (unsigned n = 0; n < g.ncpus; n++) {
		vcpu_state_load(c, machine_vcpu(c->machine, n), &s);
		percpu[n] = vcpu_percpu(&s);
	}
	caches_until(c, find_from, &g);
	if (l->nunused)
		sort_unused(l);
}

/* Without a trace every object is a place of its own. */
static struct leaked *place_of(struct leak_check *l, const struct object *o)
{
	for (unsigned i = 0; o->allocated.trace && i < l->n; i++)
		if (l->place[i].object.allocated.trace == o->allocated.trace)
			return &l->place[i];
	if (l->n == PLACES_MAX)
		return NULL;
	l->place[l->n] = (struct leaked){ .object = *o };
	return &l->place[l->n++];
}

static void found(void *ctx, const struct object *o, uint64_t indirect_objects,
		  uint64_t indirect_bytes)
{
	struct leak_check *l = ctx;
	struct leaked *place = place_of(l, o);

	if (!place)
		return;
	place->objects++;
	place->bytes += o->size;
	place->indirect_objects += indirect_objects;
	place->indirect_bytes += indirect_bytes;
}

static void read_registers(struct leak_check *l)
{
	struct vcpu_state s;

	for (unsigned i = 0; i < machine_cpus(l->c->machine); i++) {
		vcpu_state_load(l->c, machine_vcpu(l->c->machine, i), &s);
		memcpy(l->words + l->nwords, s.insn.gpr, sizeof(s.insn.gpr));
		l->nwords += INSN_GPRS;
	}
}

static void count(struct checker *c, const struct leaks_stats *s, uint64_t began)
{
	c->stats.leak_objects = s->objects;
	c->stats.leak_bytes = s->bytes;
	c->stats.leak_lost_objects = s->lost_objects;
	c->stats.leak_lost_bytes = s->lost_bytes;
	c->stats.leak_ns = checker_now() - began;
}

static void leak_check_destroy(struct leak_check *l)
{
	stacks_destroy(l->stacks);
	free(l->unused);
	free(l->place);
	free(l);
}

static struct leak_check *leak_check_create(struct checker *c)
{
	struct leak_check *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->c = c;
	l->place = calloc(PLACES_MAX, sizeof(l->place[0]));
	l->stacks = stacks_create(c);
	find_unused(l);
	if (l->place && l->stacks && !l->no_memory)
		return l;
	leak_check_destroy(l);
	return NULL;
}

/* The vCPUs are out of the guest; with checker.lock. False: out of memory. */
static bool leak_check(struct checker *c, uint64_t newest, struct leaks_stats *stats)
{
	uint64_t began = checker_now();
	struct leak_check *l = leak_check_create(c);
	struct leaks_config config = { .direct_map = c->agent.direct_map,
				       .newest = newest,
				       .dead = dead,
				       .found = found,
				       .ctx = l };
	bool done;

	if (!l)
		return false;
	read_registers(l);
	config.words = l->words;
	config.nwords = l->nwords;
	config.unused = l->unused;
	config.nunused = l->nunused;
	done = leaks_find(c->objects, &config, stats) == 0;
	count(c, stats, began);
	c->stats.leak_free_slots = l->nunused;
	for (unsigned i = 0; done && i < l->n; i++)
		describe_leak(c, &l->place[i]);
	leak_check_destroy(l);
	return done;
}

void leak_check_at_end(struct checker *c, enum machine_end end)
{
	struct leaks_stats stats;

	if (!(c->config.checks & VERDICT_BIT(VERDICT_LEAK)) || !c->agent.on || c->agent.broken ||
	    end != END_POWEROFF)
		return;
	pthread_mutex_lock(&c->lock);
	agent_drain(c, 0);
	if (!leak_check(c, UINT64_MAX, &stats))
		fprintf(stderr, "kmc-vmm: leaks were not looked for: out of memory\n");
	pthread_mutex_unlock(&c->lock);
}

int checker_leaks(struct checker *c, struct leaks_stats *stats, uint64_t *reports, char *err,
		  size_t errlen)
{
	const char *problem = NULL;
	uint64_t now, before;

	pthread_mutex_lock(&c->lock);
	agent_catch_up(c);
	now = checker_guest_time(c);
	before = c->stats.reports;
	if (!c->agent.on || c->agent.broken)
		problem = "nothing is tracked: there is no agent in the guest";
	else if (!leak_check(c, now > LEAK_AGE ? now - LEAK_AGE : 0, stats))
		problem = "out of memory";
	*reports = c->stats.reports - before;
	pthread_mutex_unlock(&c->lock);
	if (problem)
		snprintf(err, errlen, "%s", problem);
	return problem ? -1 : 0;
}
