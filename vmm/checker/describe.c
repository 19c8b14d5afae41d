// SPDX-License-Identifier: GPL-2.0-only
/*
 * describe.c: everything a reader needs to know about a finding, collected while the guest stands
 * still at it. Decides nothing; report/ formats and delivers.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"

#define MAP_BEFORE  16u
#define PLACE_WORDS 32u

static uint64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void describe_event(struct checker *c, const struct obj_event *e, struct report_stack *s)
{
	s->known = true;
	s->pid = e->pid;
	s->cpu = e->cpu;
	s->time = e->time;
	memcpy(s->comm, e->comm, sizeof(s->comm));
	for (unsigned n = 0; n < e->nstack; n++)
		trace_add_past(c, s, e->stack[n], true);
}

static void describe_task(struct checker *c, const struct vcpu_state *s, struct report *r)
{
	uint64_t task = vcpu_current_task(c, s);

	r->cpu = s->vcpu->index;
	if (task) {
		checker_guest_read(c, task + c->agent.task_pid, &r->pid, sizeof(r->pid));
		checker_guest_read(c, task + c->agent.task_comm, r->comm, sizeof(r->comm) - 1);
	}
	r->access.known = true;
	r->access.pid = r->pid;
	r->access.cpu = r->cpu;
	memcpy(r->access.comm, r->comm, sizeof(r->comm));
	trace_access(c, s, task, &r->access);
}

static void describe_object(struct checker *c, const struct object *o, struct report *r)
{
	struct obj_event event;

	r->has_object = true;
	r->object_addr = c->agent.direct_map + o->start.v;
	r->object_size = o->size;
	r->object_slot = o->slot;
	r->object_state = o->state;
	r->large = o->large;
	if (o->cache)
		memcpy(r->cache, o->cache->name, sizeof(r->cache));
	if (objects_event(c->objects, &o->allocated, &event))
		describe_event(c, &event, &r->allocated);
	if (objects_event(c->objects, &o->freed, &event))
		describe_event(c, &event, &r->freed);
}

/* Bytes and states around the first bad byte, within its page. */
static void describe_map(struct checker *c, gpa_t bad, struct report *r)
{
	uint64_t page = bad.v & ~(GUEST_PAGE - 1ull), start = bad.v & ~15ull;
	const void *bytes;
	gpa_t at;

	start = start - page > MAP_BEFORE ? start - MAP_BEFORE : page;
	if (start + REPORT_MAP > page + GUEST_PAGE)
		start = page + GUEST_PAGE - REPORT_MAP;
	at.v = start;
	bytes = guest_ram_at(c->ram, at, REPORT_MAP);
	if (!bytes)
		return;
	r->map_addr = c->agent.direct_map + start;
	r->map_len = REPORT_MAP;
	r->map_caret = (unsigned)(bad.v - start);
	memcpy(r->map_value, bytes, REPORT_MAP);
	shadow_read_a(c->shadow, at, r->map_a, REPORT_MAP);
	shadow_read_v(c->shadow, at, r->map_v, REPORT_MAP);
}

static void begin(struct checker *c, enum verdict verdict, struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->verdict = verdict;
	r->host_time = wall_clock();
	snprintf(r->release, sizeof(r->release), "%s", c->config.release);
}

static bool may_be_code(const struct agent *a, uint64_t addr)
{
	return (addr >= a->text_start && addr < a->text_end) ||
	       (addr >= a->module_start && addr < a->module_end);
}

uint64_t describe_place(struct checker *c, const struct vcpu_state *s, unsigned kind)
{
	uint64_t words[PLACE_WORDS];
	uint64_t place = filter_mix(filter_mix(kind, s->insn.rip), 0);
	size_t n = checker_guest_read(c, s->insn.gpr[INSN_RSP], words, sizeof(words)) / 8;

	for (size_t i = 0; i < n; i++)
		if (may_be_code(&c->agent, words[i]))
			place = filter_mix(place, words[i]);
	return place;
}

void describe_access(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		     const struct piece *p, const struct judgement *j)
{
	uint64_t place = describe_place(c, s, j->verdict);
	struct report r;

	if (!filter_wants(c, j->verdict, place, j->has_object ? &j->object : NULL))
		return;
	begin(c, j->verdict, &r);
	r.guest_time = checker_guest_time(c);
	r.addr = p->gva.v - p->offset;
	r.gpa = p->gpa.v;
	r.size = p->size;
	r.bad_first = p->offset + j->first;
	r.bad_last = p->offset + j->last;
	r.write = j->write;
	describe_insn(i, &r);
	describe_registers(s, &r);
	describe_operand(i, &r);
	describe_contents(c, p->gpa, p->offset, &r);
	describe_task(c, s, &r);
	if (j->has_object)
		describe_object(c, &j->object, &r);
	describe_map(c, (gpa_t){ p->gpa.v + j->first }, &r);
	filter_send(c, &r, place);
}

static bool v_of_origin(const struct engine_origin *o, uint32_t byte)
{
	return byte < sizeof(o->v) ? o->v[byte] : true;
}

/* The access that is described is the load; where it happened is where the value was used. */
void describe_use(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		  const struct engine_use *use, enum verdict verdict, const struct object *object)
{
	const struct engine_origin *o = use->origin;
	uint64_t place = describe_place(c, s, verdict);
	uint32_t first = 0, last = o->len - 1;
	struct report r;

	if (!filter_wants(c, verdict, place, object))
		return;
	begin(c, verdict, &r);
	r.guest_time = checker_guest_time(c);
	r.addr = o->addr.v - o->offset;
	r.gpa = o->gpa;
	r.size = o->size;
	while (first < last && !v_of_origin(o, first))
		first++;
	while (last > first && !v_of_origin(o, last))
		last--;
	r.bad_first = o->offset + first;
	r.bad_last = o->offset + last;
	describe_insn(i, &r);
	describe_registers(s, &r);
	describe_undefined(c, s, i, use, &r);
	describe_task(c, s, &r);
	describe_object(c, object, &r);
	path_describe(c, (gpa_t){ o->gpa + first }, object, &r);
	describe_map(c, (gpa_t){ o->gpa + first }, &r);
	filter_send(c, &r, place);
}

void describe_leak(struct checker *c, const struct leaked *l)
{
	struct report r;

	if (!filter_wants(c, VERDICT_LEAK, l->object.start.v, &l->object))
		return;
	begin(c, VERDICT_LEAK, &r);
	r.guest_time = checker_guest_time(c);
	r.addr = c->agent.direct_map + l->object.start.v;
	r.gpa = l->object.start.v;
	describe_object(c, &l->object, &r);
	r.cpu = r.allocated.cpu;
	r.pid = r.allocated.pid;
	memcpy(r.comm, r.allocated.comm, sizeof(r.comm));
	describe_map(c, l->object.start, &r);
	r.leak.objects = l->objects;
	r.leak.bytes = l->bytes;
	r.leak.indirect_objects = l->indirect_objects;
	r.leak.indirect_bytes = l->indirect_bytes;
	filter_send(c, &r, l->object.start.v);
}

/* Nobody stands at the access: it is told by where the object was allocated, if there is one. */
void describe_device_access(struct checker *c, const struct device_read *d,
			    const struct judgement *j)
{
	const struct object *object = j->has_object ? &j->object : NULL;
	uint64_t place = filter_mix(filter_mix(j->verdict, REPORT_SINK_DEVICE),
				    object ? object->allocated.trace : 0);
	gpa_t bad = { d->gpa.v + j->first };
	struct report r;

	if (!filter_wants(c, j->verdict, place, object))
		return;
	begin(c, j->verdict, &r);
	r.guest_time = checker_guest_time(c);
	r.addr = c->agent.direct_map + d->gpa.v;
	r.gpa = d->gpa.v;
	r.size = d->len;
	r.bad_first = j->first;
	r.bad_last = j->last;
	r.write = j->write;
	r.sink = REPORT_SINK_DEVICE;
	snprintf(r.operand, sizeof(r.operand), "%s", d->device);
	describe_contents(c, d->gpa, 0, &r);
	if (object)
		describe_object(c, object, &r);
	if (object && j->verdict == VERDICT_INFOLEAK)
		path_describe(c, bad, object, &r);
	r.cpu = r.allocated.cpu;
	r.pid = r.allocated.pid;
	memcpy(r.comm, r.allocated.comm, sizeof(r.comm));
	describe_map(c, bad, &r);
	filter_send(c, &r, place);
}

void describe_device_read(struct checker *c, const struct device_read *d,
			  const struct object *object)
{
	const struct judgement j = { .verdict = VERDICT_INFOLEAK,
				     .first = d->first,
				     .last = d->last,
				     .object = *object,
				     .has_object = true };

	describe_device_access(c, d, &j);
}

/* The caller's frame and those behind it; the allocator's own, in front of it, tell nothing. */
static void stack_of_caller(const struct kmc_record *record, struct obj_event *e)
{
	unsigned skip = 0;

	while (skip < record->nstack && record->stack[skip] != record->caller)
		skip++;
	if (skip == record->nstack) {
		e->nstack = 1;
		e->stack[0] = record->caller;
		return;
	}
	e->nstack = (uint8_t)(record->nstack - skip);
	memcpy(e->stack, record->stack + skip, e->nstack * sizeof(e->stack[0]));
}

void describe_free(struct checker *c, const struct kmc_record *record, unsigned cpu, gpa_t gpa,
		   enum verdict verdict, const struct object *object)
{
	struct obj_event e = { .time = record->time, .pid = record->pid, .cpu = cpu };
	uint64_t place = filter_mix(verdict, record->caller);
	struct report r;

	for (unsigned i = 0; i < record->nstack; i++)
		place = filter_mix(place, record->stack[i]);
	if (!(c->config.checks & VERDICT_BIT(verdict)) || !filter_wants(c, verdict, place, object))
		return;
	begin(c, verdict, &r);
	r.guest_time = record->time;
	r.addr = record->addr;
	r.gpa = gpa.v;
	r.cpu = cpu;
	r.pid = record->pid;
	memcpy(r.comm, record->comm, sizeof(record->comm));
	memcpy(e.comm, record->comm, sizeof(record->comm));
	stack_of_caller(record, &e);
	describe_event(c, &e, &r.access);
	describe_object(c, object, &r);
	describe_map(c, gpa, &r);
	filter_send(c, &r, place);
}
