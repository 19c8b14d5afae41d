// SPDX-License-Identifier: GPL-2.0-only
/* qmp_commands.c: the table of commands. Their names, arguments and answers are QEMU's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp_internal.h"

#define PAUSE_MS 5000

/* Returns the value of "return", or NULL with one line in err. */
typedef json_t *(*qmp_run)(struct qmp *q, const json_t *args, char *err, size_t errlen);

json_t *qmp_error(const char *class, const char *description)
{
	return json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", description);
}

static json_t *version(const struct qmp *q)
{
	return json_pack("{s:{s:i, s:i, s:i}, s:o}", "qemu", "micro", 0, "minor", 2, "major", 7,
			 "package", json_sprintf("kmc-vmm %s", q->version));
}

json_t *qmp_greeting(const struct qmp *q)
{
	return json_pack("{s:{s:o, s:[]}}", "QMP", "version", version(q), "capabilities");
}

static json_t *capabilities(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	return json_object();
}

static json_t *query_version(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	return version(q);
}

static json_t *query_name(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	return json_pack("{s:s}", "name", q->name);
}

static json_t *query_kvm(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	return json_pack("{s:b, s:b}", "enabled", 1, "present", 1);
}

static json_t *query_status(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	bool paused = machine_paused(q->machine);
	const char *status = machine_panicked(q->machine) ? "guest-panicked"
			     : paused			  ? "paused"
							  : "running";

	return json_pack("{s:s, s:b, s:b}", "status", status, "singlestep", 0, "running", !paused);
}

/* A vCPU that writes to a place that takes nothing does not come out. */
static json_t *stop(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	machine_pause(q->machine);
	if (!machine_wait_paused(q->machine, PAUSE_MS))
		return json_object();
	snprintf(err, errlen, "a vCPU is busy, or the guest has ended");
	return NULL;
}

static json_t *cont(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	machine_resume(q->machine);
	return json_object();
}

static json_t *quit(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	q->quit = true;
	machine_stop(q->machine, END_OPERATOR, "ended by the QMP command quit");
	return json_object();
}

/* The monitor for people answers in text, also where it does not know what was asked. */
static json_t *monitor(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	const char *line = json_string_value(json_object_get(args, "command-line"));
	const json_t *index = json_object_get(args, "cpu-index");
	json_int_t cpu = json_integer_value(index);
	json_t *answer;
	char *text;
	bool all;

	if (!line || (index && !json_is_integer(index))) {
		snprintf(err, errlen, "Parameter '%s' is missing or of a wrong type",
			 line ? "cpu-index" : "command-line");
		return NULL;
	}
	if (cpu < 0 || cpu >= machine_cpus(q->machine)) {
		snprintf(err, errlen, "Parameter 'cpu-index' expects a CPU number");
		return NULL;
	}
	all = !strcmp(line, "info registers -a");
	if (!all && strcmp(line, "info registers") != 0)
		return json_string(
			"unknown command: this monitor knows \"info registers [-a]\"\r\n");
	text = all ? qmp_registers(q, 0, machine_cpus(q->machine), err, errlen)
		   : qmp_registers(q, (unsigned)cpu, 1, err, errlen);
	answer = text ? json_string(text) : NULL;
	free(text);
	return answer;
}

static json_t *query_commands(struct qmp *q, const json_t *args, char *err, size_t errlen);

static const struct {
	const char *name;
	qmp_run run;
} table[] = {
	{"qmp_capabilities", capabilities},
	{"query-commands", query_commands},
	{"query-version", query_version},
	{"query-name", query_name},
	{"query-kvm", query_kvm},
	{"query-status", query_status},
	{"human-monitor-command", monitor},
	{"stop", stop},
	{"cont", cont},
	{"quit", quit},
};
#define COMMANDS (sizeof(table) / sizeof(table[0]))

static json_t *query_commands(struct qmp *q, const json_t *args, char *err, size_t errlen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COMMANDS; i++)
		json_array_append_new(list, json_pack("{s:s}", "name", table[i].name));
	return list;
}

/* Before qmp_capabilities nothing else is possible, and behind it that no more. */
static json_t *execute(struct qmp *q, struct qmp_client *c, const char *name, const json_t *args)
{
	bool negotiates = !strcmp(name, table[0].name);
	char err[256] = "";
	json_t *value;

	if (negotiates && c->negotiated)
		return qmp_error("CommandNotFound", "Capabilities negotiation is already complete, "
						    "command ignored");
	if (!negotiates && !c->negotiated)
		return qmp_error("CommandNotFound",
				 "Expecting capabilities negotiation with 'qmp_capabilities'");
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		value = table[i].run(q, args, err, sizeof(err));
		c->negotiated |= negotiates;
		return value ? json_pack("{s:o}", "return", value) : qmp_error("GenericError", err);
	}
	return qmp_error("CommandNotFound", "The command has not been found; query-commands lists "
					    "those that are there");
}

json_t *qmp_execute(struct qmp *q, struct qmp_client *c, const char *text, size_t len)
{
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *args = json_object_get(request, "arguments");
	const char *name = json_string_value(json_object_get(request, "execute"));
	json_t *id = json_object_get(request, "id"), *answer;

	if (!request)
		answer = qmp_error("GenericError", "Invalid JSON syntax");
	else if (!name)
		answer = qmp_error("GenericError", "QMP input lacks member 'execute'");
	else if (args && !json_is_object(args))
		answer =
			qmp_error("GenericError", "QMP input member 'arguments' must be an object");
	else
		answer = execute(q, c, name, args);
	if (id && answer)
		json_object_set(answer, "id", id);
	json_decref(request);
	return answer;
}
