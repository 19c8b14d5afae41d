// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter.c: which findings are reported, and what happens to the guest then. What a finding is and
 * how it is told is decided elsewhere.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"
#include "sink.h"

#define GROUP_FRAMES 4 /* innermost true ones that tell two bugs apart */

/* FNV-1a over 64-bit numbers. */
uint64_t filter_mix(uint64_t hash, uint64_t number)
{
	return (hash ^ number) * 0x100000001b3ull;
}

/* Exact, unlike the stack hash, which is for comparing runs: two bugs of one function are two. */
static uint64_t group_of(const struct report *r)
{
	const struct report_stack *s = report_stack_is_allocation(r) ? &r->allocated : &r->access;
	uint64_t hash = filter_mix(0xcbf29ce484222325ull, r->verdict);
	unsigned n = 0;

	for (unsigned i = 0; i < s->n && n < GROUP_FRAMES; i++) {
		if (s->frame[i].guess || s->frame[i].inlined)
			continue;
		hash = filter_mix(hash, s->frame[i].addr);
		n++;
	}
	return hash;
}

static void tell_count(struct checker *c, struct group *g)
{
	struct timespec t;
	char *json;
	size_t len;

	g->told = g->count;
	if (!c->config.sink)
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	len = report_json_duplicate(c->config.vm, g->seq, g->stack_hash, g->count,
				    (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, &json);
	if (len)
		sink_record(c->config.sink, json, len);
	free(json);
}

static void met_again(struct checker *c, struct group *g)
{
	c->stats.repeated++;
	g->count++;
	if (group_is_round(g))
		tell_count(c, g);
}

static bool is_switched_off(const struct filter *f, enum verdict verdict, const char *cache)
{
	for (unsigned n = 0; n < f->nrules; n++)
		if (f->rule[n].off & VERDICT_BIT(verdict) && !fnmatch(f->rule[n].cache, cache, 0))
			return true;
	return false;
}

bool filter_wants(struct checker *c, enum verdict verdict, uint64_t place,
		  const struct object *object)
{
	struct filter *f = &c->filter;
	struct group *known;

	if (is_switched_off(f, verdict, object && object->cache ? object->cache->name : ""))
		return false;
	known = groups_at(f->groups, place);
	if (known && !f->every) {
		met_again(c, known);
		return false;
	}
	if (f->over || (c->config.max_reports && c->stats.reports >= c->config.max_reports)) {
		c->stats.unshown++;
		return false;
	}
	return true;
}

/* The guest stands at the access, or shortly behind it in a window. */
static void react(struct checker *c, const struct report *r)
{
	struct vcpu *vcpu = machine_vcpu(c->machine, r->cpu);

	switch (c->config.on_report) {
	case ON_REPORT_CONTINUE:
		break;
	case ON_REPORT_PAUSE:
		machine_pause(c->machine);
		windows_stop(c);
		break;
	case ON_REPORT_EXIT:
		c->filter.over = true;
		machine_stop(c->machine, END_REPORT, "something was reported (--on-report exit)");
		break;
	case ON_REPORT_PANIC:
		c->filter.over = true;
		machine_panic_guest(vcpu ? vcpu : machine_vcpu(c->machine, 0));
		windows_stop(c);
		break;
	}
}

void filter_send(struct checker *c, struct report *r, uint64_t place)
{
	uint64_t hash = group_of(r);
	struct group *g = groups_find(c->filter.groups, hash);

	if (c->config.suppressions && suppress_match(c->config.suppressions, r)) {
		c->stats.suppressed++;
		return;
	}
	if (g) {
		groups_remember(c->filter.groups, place, g);
		if (!c->filter.every) {
			met_again(c, g);
			return;
		}
	}
	r->seq = ++c->stats.reports;
	if (c->config.noted)
		suppress_note(c->config.noted, r);
	if (!g)
		g = groups_add(c->filter.groups, hash, r->seq, report_stack_hash(r));
	if (g)
		groups_remember(c->filter.groups, place, g);
	/* Before anybody is told, who may resume it at once. A leak stops nobody: the guest stands still, or has ended. */
	if (r->verdict != VERDICT_LEAK)
		react(c, r);
	if (c->config.sink)
		sink_report(c->config.sink, r);
}

static void tell_last_count(void *ctx, struct group *g)
{
	if (g->told != g->count)
		tell_count(ctx, g);
}

void filter_finish(struct checker *c)
{
	pthread_mutex_lock(&c->lock);
	groups_each(c->filter.groups, tell_last_count, c);
	pthread_mutex_unlock(&c->lock);
}

/* ---- changes while it runs ---- */

static struct filter_rule *find_rule(struct filter *f, const char *cache)
{
	for (unsigned n = 0; n < f->nrules; n++)
		if (!strcmp(f->rule[n].cache, cache))
			return &f->rule[n];
	return NULL;
}

static const char *switch_cache(struct filter *f, unsigned checks, const char *cache, bool on)
{
	struct filter_rule *rule = find_rule(f, cache);

	if (!rule && on)
		return "no report of this cache is off: name it as it was switched off";
	if (!rule && f->nrules == FILTER_RULES)
		return "too many caches are off: use wildcards";
	if (!rule) {
		rule = &f->rule[f->nrules++];
		*rule = (struct filter_rule){0};
		snprintf(rule->cache, sizeof(rule->cache), "%s", cache);
	}
	rule->off = on ? rule->off & ~checks : rule->off | checks;
	if (!rule->off)
		*rule = f->rule[--f->nrules];
	return NULL;
}

int checker_switch(struct checker *c, unsigned checks, const char *cache, bool on, char *err,
		   size_t errlen)
{
	const char *problem = NULL;

	pthread_mutex_lock(&c->lock);
	if (!c->tracks)
		problem = "nothing is tracked in this VM: start it without --checks none";
	else if (cache && strlen(cache) >= sizeof(c->filter.rule[0].cache))
		problem = "no cache has so long a name: at most 63 bytes";
	else if (cache)
		problem = switch_cache(&c->filter, checks, cache, on);
	else
		c->config.checks = on ? c->config.checks | checks : c->config.checks & ~checks;
	pthread_mutex_unlock(&c->lock);
	if (problem)
		snprintf(err, errlen, "%s", problem);
	return problem ? -1 : 0;
}

unsigned checker_checks(struct checker *c)
{
	unsigned checks;

	pthread_mutex_lock(&c->lock);
	checks = c->config.checks;
	pthread_mutex_unlock(&c->lock);
	return checks;
}

unsigned checker_switched_off(struct checker *c, struct filter_rule *out, unsigned max)
{
	unsigned n;

	pthread_mutex_lock(&c->lock);
	n = c->filter.nrules < max ? c->filter.nrules : max;
	memcpy(out, c->filter.rule, n * sizeof(*out));
	pthread_mutex_unlock(&c->lock);
	return n;
}

void checker_one_shot(struct checker *c, bool on)
{
	pthread_mutex_lock(&c->lock);
	c->filter.every = !on;
	pthread_mutex_unlock(&c->lock);
}
