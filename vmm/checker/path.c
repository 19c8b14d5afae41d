// SPDX-License-Identifier: GPL-2.0-only
/*
 * path.c: how undefined bits came to where they were used. Each copy into tracked memory is put into
 * ept/copies; a report follows them back to the object in which the bits were never written.
 *
 * Whether a copy belongs to what is in memory now is told by the times of announcements: an object
 * that was allocated after the copy has other contents.
 */
#include <string.h>

#include "checker_internal.h"
#include "copies.h"

/* The load's undefined bytes, where they are not copied one to one. */
static uint32_t first_undefined(const struct engine_origin *from)
{
	uint32_t n = 0;

	while (n < from->len && n < sizeof(from->v) && !from->v[n])
		n++;
	return n < from->len && n < sizeof(from->v) ? n : 0;
}

static bool is_alike(const struct engine_access *a, const uint8_t *v, const struct engine_origin *from)
{
	return a->len == from->len &&
	       !memcmp(v, from->v, a->len < sizeof(from->v) ? a->len : sizeof(from->v));
}

void path_copied(struct checker *c, const struct engine_access *a, const uint8_t *v,
		 const struct engine_origin *from, uint32_t trace)
{
	bool alike = is_alike(a, v, from);
	const struct copy copy = { .from = { from->gpa + (alike ? 0 : first_undefined(from)) },
				   .trace = trace,
				   .time = c->announced };

	copies_put(c->copies, (gpa_t){ a->gpa }, v, a->len, &copy, alike);
}

uint32_t path_trace(struct checker *c, const struct vcpu_state *s)
{
	uint64_t frame[OBJ_FRAMES];
	unsigned n = trace_addresses(c, s, vcpu_current_task(c, s), frame, OBJ_FRAMES);

	return objects_put_trace(c->objects, frame, n);
}

static void add_copy(struct checker *c, const struct copy *copy, struct report *r)
{
	struct report_stack *s = &r->copied[r->ncopied++];
	uint64_t frame[OBJ_FRAMES];
	unsigned n = objects_get_trace(c->objects, copy->trace, frame);

	s->known = n;
	for (unsigned i = 0; i < n; i++)
		trace_add_past(c, s, frame[i], i > 0);
}

/* The object was there, with these contents, when the copy was made. */
static bool was_there(struct checker *c, const struct object *o, const struct copy *copy,
		      struct obj_event *allocated)
{
	return objects_event(c->objects, &o->allocated, allocated) && allocated->time <= copy->time;
}

void path_describe(struct checker *c, gpa_t gpa, const struct object *object, struct report *r)
{
	uint64_t before = UINT64_MAX; /* a later copy has changed what was copied on */
	struct object o = *object;
	struct obj_event allocated;
	struct copy copy;

	while (r->ncopied < REPORT_COPIES && copies_find(c->copies, gpa, &copy) && copy.time <= before &&
	       was_there(c, &o, &copy, &allocated)) {
		add_copy(c, &copy, r);
		before = copy.time;
		gpa = copy.from;
		if (!objects_find(c->objects, gpa, &o) || !was_there(c, &o, &copy, &allocated))
			return;
	}
	if (r->ncopied)
		describe_event(c, &allocated, &r->created);
}
