// SPDX-License-Identifier: GPL-2.0-only
/* notices.c: heartbeat, guest-panic and exit. */
#include "notices.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control_internal.h"
#include "inspect.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Takes the record. */
static void deliver(const struct control *c, json_t *record,
		    void (*to)(struct sink *s, const char *json, size_t len))
{
	char *line = record ? json_dumps(record, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(record);
	if (!line)
		return;
	size_t len = strlen(line);

	line[len] = '\n'; /* in place of the NUL */
	to(c->sink, line, len + 1);
	free(line);
}

/* ago: ns since what it tells of. */
static json_t *head(const struct control *c, const char *type, uint64_t guest_time, uint64_t ago)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:I}", "v", 1, "type", type, "vm", c->vm,
			 "host_time", (json_int_t)(clock_ns(CLOCK_REALTIME) - ago), "guest_time",
			 (json_int_t)(guest_time > ago ? guest_time - ago : 0));
}

static void add(json_t *record, const char *key, uint64_t n)
{
	json_object_set_new(record, key, json_integer((json_int_t)n));
}

static void add_counters(const struct control *c, json_t *record, const struct checker_stats *s)
{
	add(record, "reports", s->reports);
	add(record, "duplicates", s->repeated);
	add(record, "suppressed", s->suppressed);
	add(record, "unshown", s->unshown);
	add(record, "lost", sink_lost(c->sink));
	add(record, "violations", s->violations);
	add(record, "emulated", s->emulated);
	add(record, "stepped", s->stepped);
	add(record, "objects", s->objects);
	add(record, "watched", s->watched);
	add(record, "cut", s->cut);
	add(record, "unwatched", s->unwatched);
}

const char *control_state(const struct control *c)
{
	return machine_paused(c->machine) ? "paused" : "running";
}

void notice_heartbeat(const struct control *c)
{
	struct checker_stats stats;
	struct checker_gauges now;
	json_t *record;

	checker_look(c->checker, &stats, &now);
	record = head(c, "heartbeat", now.guest_time, 0);
	json_object_set_new(record, "state", json_string(control_state(c)));
	add(record, "interval", c->heartbeat);
	add_counters(c, record, &stats);
	add(record, "tracked_pages", now.tracked_pages);
	add(record, "hidden_pages", now.hidden_pages);
	add(record, "live_objects", now.live_objects);
	deliver(c, record, sink_state);
}

void notice_exit(const struct control *c, const char *end, int status)
{
	const char *text = machine_end_text(c->machine);
	struct checker_stats stats;
	struct checker_gauges now;
	json_t *record;

	checker_look(c->checker, &stats, &now);
	record = head(c, "exit", now.guest_time, 0);
	json_object_set_new(record, "end", json_string(end));
	json_object_set_new(record, "text", control_text(text ? text : ""));
	json_object_set_new(record, "status", json_integer(status));
	add_counters(c, record, &stats);
	deliver(c, record, sink_record);
}

/* The guest's lines; any other byte that is no printable ASCII becomes '?'. */
static json_t *lines(const char *text)
{
	char *clean = strdup(text);
	json_t *string;

	for (char *p = clean; p && *p; p++)
		if ((*p < ' ' || *p > '~') && *p != '\n')
			*p = *p == '\t' ? ' ' : '?';
	string = json_string(clean ? clean : "");
	free(clean);
	return string;
}

void notice_panic(const struct control *c)
{
	struct checker_stats stats;
	struct checker_gauges now;
	uint64_t when;
	const char *text = machine_panic_text(c->machine, &when);
	json_t *record;

	if (!text)
		return;
	checker_look(c->checker, &stats, &now);
	record = head(c, "guest-panic", now.guest_time, clock_ns(CLOCK_MONOTONIC) - when);
	json_object_set_new(record, "text", lines(text));
	deliver(c, record, sink_record);
}
