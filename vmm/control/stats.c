// SPDX-License-Identifier: GPL-2.0-only
/* stats.c: counters as JSON for machines and as one line for people. */
#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNTER(name)                                                                              \
	{                                                                                          \
#name, offsetof(struct checker_stats, name)                                        \
	}

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(faults),	  COUNTER(mmio),
	COUNTER(doorbells),	  COUNTER(violations),
	COUNTER(accesses),	  COUNTER(stepped),
	COUNTER(emulated),	  COUNTER(injected),
	COUNTER(undecodable),	  COUNTER(populated),
	COUNTER(raced),		  COUNTER(stale),
	COUNTER(overruns),	  COUNTER(records),	COUNTER(announced),
	COUNTER(gap_waits),	  COUNTER(reports),
	COUNTER(repeated),	  COUNTER(hidden_peak),
	COUNTER(tracked_peak),	  COUNTER(shadow_peak),
	COUNTER(known_peak),	  COUNTER(known_shadow),
	COUNTER(objects_peak),	  COUNTER(fault_ns),
	COUNTER(hold_ns),	  COUNTER(unwatched_slabs),
	COUNTER(probe_misses),	  COUNTER(suppressed),
	COUNTER(unshown),	  COUNTER(counted_read),
	COUNTER(counted_written), COUNTER(windows),
	COUNTER(window_insns),	  COUNTER(window_accesses),
	COUNTER(traces),	  COUNTER(unrecorded_traces),
	COUNTER(leak_objects),	  COUNTER(leak_bytes),
	COUNTER(leak_lost_objects), COUNTER(leak_lost_bytes),
	COUNTER(leak_free_slots),
	COUNTER(leak_ns),	  COUNTER(by_kvm),
	COUNTER(objects),	  COUNTER(watched),
	COUNTER(cut),		  COUNTER(unwatched),
	COUNTER(sites),		  COUNTER(sites_watched),
	COUNTER(sites_lost),	  COUNTER(late),
	COUNTER(missed_frees),	  COUNTER(slabs_remade),
	COUNTER(ring_windows),
};

/* { "2": 17, ...}: windows of at least so many instructions, and less than twice that. */
static json_t *window_lengths(const struct checker_stats *s)
{
	json_t *o = json_object();

	for (unsigned n = 0; n < WINDOW_LENGTHS; n++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", 1u << n);
		json_object_set_new(o, key, json_integer((json_int_t)s->window_length[n]));
	}
	return o;
}

static json_t *opcodes(const struct checker_stats *s)
{
	json_t *o = json_object();

	for (unsigned n = 0; n < MAX_OPCODES && s->opcodes[n].name[0]; n++)
		json_object_set_new(o, s->opcodes[n].name,
				    json_pack("{s:I,s:I}", "stepped",
					      (json_int_t)s->opcodes[n].stepped, "ended",
					      (json_int_t)s->opcodes[n].ended));
	return o;
}

json_t *stats_json(const struct run_figures *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "v", json_integer(1));
	json_object_set_new(o, "release", json_string(f->release));
	json_object_set_new(o, "end", json_string(f->end));
	json_object_set_new(o, "run_ns", json_integer((json_int_t)f->run_ns));
	json_object_set_new(o, "lost", json_integer((json_int_t)f->lost));
	json_object_set_new(o, "overhead_bytes", json_integer((json_int_t)f->overhead));
	json_object_set_new(o, "exec_status",
			    f->exec_status < 0 ? json_null() : json_integer(f->exec_status));
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const char *at = (const char *)f->checker + counters[i].offset;

		json_object_set_new(
			o, counters[i].name,
			json_integer((json_int_t) * (const uint64_t *)(const void *)at));
	}
	json_object_set_new(o, "window_length", window_lengths(f->checker));
	json_object_set_new(o, "opcodes", opcodes(f->checker));
	return o;
}

int stats_write(int fd, const char *path, const struct run_figures *f, char *err, size_t errlen)
{
	json_t *o = stats_json(f);
	int r = -1;

	if (!o)
		snprintf(err, errlen, "%s: out of memory", path);
	else if (json_dumpfd(o, fd, JSON_INDENT(1)) == 0)
		r = 0;
	else
		snprintf(err, errlen, "%s: %s: give a writable file with --stats", path,
			 strerror(errno));
	json_decref(o);
	return r;
}

void stats_summary(const struct run_figures *f, char *line, size_t size)
{
	const struct checker_stats *s = f->checker;

	snprintf(line, size,
		 "kmc-vmm: %" PRIu64 " violations: %" PRIu64 " emulated, %" PRIu64 " stepped, "
		 "%" PRIu64 " injected, %" PRIu64 " by KVM, %" PRIu64 " undecodable; %" PRIu64
		 " pages hidden at most; %" PRIu64 " objects: %" PRIu64 " watched, %" PRIu64
		 " cut, %" PRIu64 " unwatched; %" PRIu64 " reports, %" PRIu64 " lost\n",
		 s->violations, s->emulated, s->stepped, s->injected, s->by_kvm, s->undecodable,
		 s->hidden_peak, s->objects, s->watched, s->cut, s->unwatched, s->reports, f->lost);
}
