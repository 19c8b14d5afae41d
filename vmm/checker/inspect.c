// SPDX-License-Identifier: GPL-2.0-only
/*
 * inspect.c: copies out of the checker, taken under its lock, so that nothing is formatted or sent
 * while a vCPU waits. What the guest has announced is looked at first, as far as it is there.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "checker_internal.h"

/* Behind the end nothing more is to be found. */
static void lock_current(struct checker *c)
{
	pthread_mutex_lock(&c->lock);
	if (!machine_ending(c->machine))
		agent_catch_up(c);
}

void checker_look(struct checker *c, struct checker_stats *stats, struct checker_gauges *now)
{
	lock_current(c);
	*stats = *checker_stats(c);
	*now = (struct checker_gauges){
		.guest_time = checker_guest_time(c),
		.hidden_pages = guest_ram_hidden_pages(c->ram),
		.tracked_pages = shadow_tracked_bytes(c->shadow) / GUEST_PAGE,
		.live_objects = objects_live(c->objects),
		.exec_status = c->exec_status,
	};
	pthread_mutex_unlock(&c->lock);
}

/* ---- objects ---- */

struct selection {
	struct checker *c;
	const char *pattern;
	const struct obj_cache *last; /* of the object before */
	bool matches;		      /* it did */
	struct checker_object *out;
	uint64_t n, max;
};

static void copy_object(const struct checker *c, const struct object *o, struct checker_object *out)
{
	*out = (struct checker_object){
		.addr = c->agent.direct_map + o->start.v,
		.size = o->size,
		.slot = o->slot,
		.large = o->large,
	};
	if (o->cache)
		snprintf(out->cache, sizeof(out->cache), "%s", o->cache->name);
	out->has_event = objects_event(c->objects, &o->allocated, &out->allocated);
}

static bool select_object(void *ctx, const struct object *o)
{
	struct selection *s = ctx;

	if (!s->last || o->cache != s->last)
		s->matches = !fnmatch(s->pattern, o->cache ? o->cache->name : "", 0);
	s->last = o->cache;
	if (!s->matches)
		return true;
	if (s->n < s->max)
		copy_object(s->c, o, &s->out[s->n]);
	s->n++;
	return true;
}

uint64_t checker_objects(struct checker *c, const char *cache, struct checker_object *out,
			 uint64_t max)
{
	struct selection s = {.c = c, .pattern = cache, .out = out, .max = max};

	lock_current(c);
	objects_each_live(c->objects, select_object, &s);
	pthread_mutex_unlock(&c->lock);
	return s.n;
}

bool checker_symbol(struct checker *c, uint64_t addr, char *out, size_t size)
{
	return symbols_format(c->symbols, addr, true, out, size);
}

/* ---- bytes ---- */

/* The guest-physical address, and how many bytes from there on are in the same page. */
static const char *locate(struct checker *c, uint64_t addr, bool physical, gpa_t *gpa,
			  uint32_t *left)
{
	struct walk w = {.gpa = {addr}};

	if (!physical && !c->agent.on)
		return "the agent has not told where the page tables are: give \"physical\":true";
	if (!physical &&
	    walk_supervisor(c->ram, c->agent.cr3, c->agent.la57, (gva_t){addr}, &w) != WALK_OK)
		return "this address is not mapped in the kernel: give another one";
	*gpa = w.gpa;
	*left = (uint32_t)(GUEST_PAGE - w.gpa.v % GUEST_PAGE);
	if (!guest_ram_contains(c->ram, w.gpa, 1))
		return "there is no memory at this address: give another one";
	return NULL;
}

static void copy_bytes(struct checker *c, gpa_t gpa, uint32_t len, struct checker_bytes *out)
{
	const void *bytes = guest_ram_at(c->ram, gpa, len);

	memcpy(out->value + out->len, bytes, len);
	shadow_read_a(c->shadow, gpa, out->a + out->len, len);
	shadow_read_v(c->shadow, gpa, out->v + out->len, len);
	out->len += len;
}

int checker_read(struct checker *c, uint64_t addr, bool physical, uint32_t len,
		 struct checker_bytes *out, char *err, size_t errlen)
{
	const char *problem = NULL;
	uint32_t left;
	gpa_t gpa;

	out->len = 0;
	lock_current(c);
	while (out->len < len && !problem) {
		problem = locate(c, addr + out->len, physical, &gpa, &left);
		if (problem)
			break;
		if (!out->len)
			out->gpa = gpa.v;
		copy_bytes(c, gpa, left < len - out->len ? left : len - out->len, out);
	}
	pthread_mutex_unlock(&c->lock);
	if (out->len)
		return 0;
	snprintf(err, errlen, "%s", problem);
	return -1;
}
