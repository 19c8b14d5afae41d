// SPDX-License-Identifier: GPL-2.0-only
/* control.c: the table of commands, and those that concern the VM as a whole. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "control_internal.h"
#include "inspect.h"
#include "memory_use.h"
#include "notices.h"
#include "report_format.h"
#include "stats.h"

#define PAUSE_MS 5000

static json_t *help(void *ctx, const json_t *args, char *err, size_t errlen);
static json_t *stats(void *ctx, const json_t *args, char *err, size_t errlen);
static json_t *pause_vm(void *ctx, const json_t *args, char *err, size_t errlen);
static json_t *resume_vm(void *ctx, const json_t *args, char *err, size_t errlen);
static json_t *leaks(void *ctx, const json_t *args, char *err, size_t errlen);
static json_t *quit(void *ctx, const json_t *args, char *err, size_t errlen);

static const struct command table[] = {
	{"help", "", "lists the commands", help},
	{"stats", "", "the counters of --stats as they are now", stats},
	{"checks", "class cache on", "switches checks on or off, everywhere or for a cache",
	 control_checks},
	{"track", "mode rule clear", "changes what is watched, and tells what is", control_track},
	{"one-shot", "on", "on: each finding once; off: every time",
	 control_one_shot},
	{"suppress", "class function cache module", "reports like this are not reported any more",
	 control_suppress},
	{"objects", "cache limit", "live objects of a cache and who allocated them",
	 control_objects},
	{"read", "addr physical len", "bytes of guest memory with their states and V bits",
	 control_read},
	{"leaks", "", "reports objects that nothing points to, holding all vCPUs meanwhile", leaks},
	{"pause", "", "holds all vCPUs until resume", pause_vm},
	{"resume", "", "lets them go on", resume_vm},
	{"quit", "", "ends the VM, exit code 39", quit},
};
static const size_t ncommands = sizeof(table) / sizeof(table[0]);

json_t *control_text(const char *text)
{
	char clean[256];

	report_clean(text, clean, sizeof(clean));
	return json_string(clean);
}

json_t *control_address(uint64_t v)
{
	return json_sprintf("0x%016" PRIx64, v);
}

static json_t *help(void *ctx, const json_t *args, char *err, size_t errlen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ncommands; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "name", table[i].name, "args",
						table[i].args, "help", table[i].help));
	return json_pack("{s:o}", "commands", list);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static json_t *stats(void *ctx, const json_t *args, char *err, size_t errlen)
{
	const struct control *c = ctx;
	struct checker_stats counters;
	struct checker_gauges gauges;
	struct run_figures figures = {.checker = &counters,
				      .lost = sink_lost(c->sink),
				      .run_ns = now() - c->began,
				      .overhead = memory_use_bytes(c->memory_use, machine_ram(c->machine)),
				      .release = c->release,
				      .end = "running"};

	checker_look(c->checker, &counters, &gauges);
	figures.exec_status = gauges.exec_status;
	return json_pack("{s:o}", "stats", stats_json(&figures));
}

static json_t *state(const struct control *c)
{
	return json_pack("{s:s}", "state", control_state(c));
}

/*
 * result: of machine_wait_paused() or machine_freeze(). A vCPU that writes to a standard output that takes nothing does
 * not come out.
 */
static bool stands_still(int result, const char *others, char *err, size_t errlen)
{
	switch (-result) {
	case 0:
		return true;
	case ETIMEDOUT:
		snprintf(err, errlen, "a vCPU is busy: see whether standard output is stuck; the others %s",
			 others);
		return false;
	default:
		snprintf(err, errlen, "the VM ended, or somebody resumed it");
		return false;
	}
}

static json_t *pause_vm(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;

	machine_pause(c->machine);
	return stands_still(machine_wait_paused(c->machine, PAUSE_MS), "are held until resume", err, errlen)
		       ? state(c)
		       : NULL;
}

static json_t *resume_vm(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;

	machine_resume(c->machine);
	return state(c);
}

static json_t *leaks(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	struct leaks_stats s;
	uint64_t reports;
	bool done = stands_still(machine_freeze(c->machine, PAUSE_MS), "go on", err, errlen) &&
		    checker_leaks(c->checker, &s, &reports, err, errlen) == 0;

	machine_thaw(c->machine);
	if (!done)
		return NULL;
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "objects", (json_int_t)s.objects, "bytes",
			 (json_int_t)s.bytes, "lost_objects", (json_int_t)s.lost_objects, "lost_bytes",
			 (json_int_t)s.lost_bytes, "reports", (json_int_t)reports);
}

static json_t *quit(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;

	machine_stop(c->machine, END_OPERATOR, "ended by the command quit on the report socket");
	return json_object();
}

static void beat(void *ctx)
{
	notice_heartbeat(ctx);
}

struct commands_config control_commands(struct control *c)
{
	return (struct commands_config){
		.table = table,
		.n = ncommands,
		.ctx = c,
		.tick = c->heartbeat ? beat : NULL,
		.tick_ms = c->heartbeat * 1000,
	};
}
