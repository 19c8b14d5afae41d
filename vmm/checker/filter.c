// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter.c: which findings are reported, and what happens to the guest then. What a finding is and
 * how it is told is decided elsewhere.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "checker_internal.h"
#include "sink.h"

/* True where this verdict was met at this place before. Places that do not fit are always new. */
static bool met_before(struct filter *f, enum verdict verdict, uint64_t place)
{
	uint64_t key = (place ^ (uint64_t)verdict << 56) * 0x9e3779b97f4a7c15ull;
	struct reported *r = &f->reported[key % REPORTED_SLOTS];

	while (r->verdict && (r->place != place || r->verdict != verdict))
		r = r + 1 < f->reported + REPORTED_SLOTS ? r + 1 : f->reported;
	if (r->verdict)
		return true;
	if (f->nreported < REPORTED_MAX) {
		*r = (struct reported){place, verdict};
		f->nreported++;
	}
	return false;
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

	if (is_switched_off(f, verdict, object && object->cache ? object->cache->name : ""))
		return false;
	if (met_before(f, verdict, place) && !f->every) {
		c->stats.repeated++;
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

void filter_send(struct checker *c, struct report *r)
{
	if (c->config.suppressions && suppress_match(c->config.suppressions, r)) {
		c->stats.suppressed++;
		return;
	}
	r->seq = ++c->stats.reports;
	if (c->config.sink)
		sink_report(c->config.sink, r);
	if (r->verdict != VERDICT_LEAK) /* the guest has ended */
		react(c, r);
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
