// SPDX-License-Identifier: GPL-2.0-only
/* metrics.c: the text of OpenMetrics 1.0 (RFC-to-be, github.com/prometheus/OpenMetrics). Sends
 * nothing. */
#include "metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "inspect.h"
#include "memory_use.h"

#define AT(field) offsetof(struct checker_stats, field)

/* Names are for ever: they are only added. */
static const struct {
	const char *name, *help;
	size_t offset;
} counters[] = {
	{"reports", "Findings that were reported", AT(reports)},
	{"duplicates", "Findings that were met again", AT(repeated)},
	{"suppressed", "Findings that a suppression left out", AT(suppressed)},
	{"unshown", "Findings behind --max-reports, or behind a report that ended it all",
	 AT(unshown)},
	{"violations", "Accesses to hidden pages that came out of the guest", AT(violations)},
	{"emulated", "Violations served by the engine", AT(emulated)},
	{"stepped", "Violations served by a step of the hardware", AT(stepped)},
	{"accesses", "Accesses to watched memory that were checked", AT(accesses)},
	{"instructions", "Guest instructions that the engine carried out", AT(window_insns)},
	{"announcements", "Records of the agent", AT(records)},
	{"objects", "Allocations that were announced", AT(objects)},
	{"objects_watched", "Allocations whose pages were hidden from then to their end",
	 AT(watched)},
	{"objects_cut", "Allocations whose pages were shown meanwhile", AT(cut)},
	{"objects_unwatched", "Allocations that were not hidden in time", AT(unwatched)},
};

struct writer {
	char *text;
	size_t len;
	const char *vm;
};

static __attribute__((format(printf, 2, 3))) void put(struct writer *w, const char *format, ...)
{
	size_t room = METRICS_SIZE - w->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->text + w->len, room, format, args);
	va_end(args);
	if (n > 0)
		w->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void head(struct writer *w, const char *name, const char *type, const char *unit,
		 const char *help)
{
	put(w, "# TYPE kmc_%s %s\n", name, type);
	if (unit)
		put(w, "# UNIT kmc_%s %s\n", name, unit);
	put(w, "# HELP kmc_%s %s.\n", name, help);
}

static void counter(struct writer *w, const char *name, const char *help, uint64_t value)
{
	head(w, name, "counter", NULL, help);
	put(w, "kmc_%s_total{vm=\"%s\"} %" PRIu64 "\n", name, w->vm, value);
}

static void gauge(struct writer *w, const char *name, const char *unit, const char *help,
		  uint64_t value)
{
	head(w, name, "gauge", unit, help);
	put(w, "kmc_%s{vm=\"%s\"} %" PRIu64 "\n", name, w->vm, value);
}

/* In a label's value '\', '"' and the line's end are escaped; a release is the guest's own. */
static void escape(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; *from && n + 2 < size; from++) {
		if (*from == '\\' || *from == '"')
			to[n++] = '\\';
		to[n++] = *from < ' ' || *from > '~' ? '?' : *from;
	}
	to[n] = '\0';
}

static void info(struct writer *w, const struct control *c)
{
	char release[160];

	escape(c->release, release, sizeof(release));
	head(w, "vm", "info", NULL, "What runs");
	put(w, "kmc_vm_info{vm=\"%s\",release=\"%s\",version=\"%s\"} 1\n", w->vm, release,
	    KMC_VERSION);
}

size_t metrics_format(const struct control *c, char text[METRICS_SIZE])
{
	struct writer w = {.text = text, .vm = c->vm};
	struct checker_stats stats;
	struct checker_gauges now;

	checker_look(c->checker, &stats, &now);
	info(&w, c);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		counter(&w, counters[i].name, counters[i].help,
			*(const uint64_t *)(const void *)((const char *)&stats +
							  counters[i].offset));
	counter(&w, "lost_records", "Records that some destination did not get",
		sink_lost(c->sink));
	head(&w, "guest_time_seconds", "counter", "seconds",
	     "Time since the guest began, without pauses");
	put(&w, "kmc_guest_time_seconds_total{vm=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", w.vm,
	    now.guest_time / 1000000000, now.guest_time % 1000000000);
	gauge(&w, "paused", NULL, "1 while all vCPUs are held", machine_paused(c->machine));
	gauge(&w, "live_objects", NULL, "Objects that are allocated", now.live_objects);
	gauge(&w, "tracked_pages", NULL, "Pages with known objects", now.tracked_pages);
	gauge(&w, "hidden_pages", NULL, "Pages whose accesses are seen", now.hidden_pages);
	gauge(&w, "overhead_bytes", "bytes", "Memory of the host beside the guest's own",
	      memory_use_bytes(c->memory_use, machine_ram(c->machine)));
	put(&w, "# EOF\n");
	return w.len;
}
