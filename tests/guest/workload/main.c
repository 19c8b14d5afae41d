// SPDX-License-Identifier: GPL-2.0-only
/* main.c: which parts are run, and how. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

static const struct part parts[] = {
	{ "processes", part_processes, false },
	{ "tmpfs", part_tmpfs, false },
	{ "pipes", part_pipes, false },
	{ "sockets", part_sockets, false },
	{ "events", part_events, false },
	{ "futexes", part_futexes, false },
	{ "ipc", part_ipc, false },
	{ "keys", part_keys, false },
	{ "proc", part_proc, false },
	{ "sys", part_sys, false },
	{ "modules", part_modules, false },
	{ "ext4", part_ext4, false },
	{ "together", part_together, false },
	{ "overlay", part_overlay, true },
	{ "namespaces", part_namespaces, true },
	{ "timers", part_timers, true },
	{ "bpf", part_bpf, true },
	{ "uring", part_uring, true },
	{ "links", part_links, true },
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool run_part(const struct part *part, unsigned int size)
{
	struct sum sum = { .hash = 0xcbf29ce484222325 };
	double began = seconds();
	pid_t child = fork();
	int status;

	if (child == 0) {
		running = part->name;
		part->run(size, &sum);
		say("workload: result %s %llu %016llx\n", part->name, (unsigned long long)sum.count,
		    (unsigned long long)sum.hash);
		_exit(0);
	}
	status = child < 0 ? 1 : wait_status(child);
	if (status)
		say("workload: failed %s status %#x\n", part->name, status);
	say("workload: time %s %.2f s\n", part->name, seconds() - began);
	return status == 0;
}

static bool is_wanted(const struct part *part, char **wanted)
{
	if (!*wanted)
		return !part->named_only;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, part->name) || !strcmp(*wanted, "all"))
			return true;
	return false;
}

static int print_arguments(char **arguments)
{
	extern char **environ;

	for (; *arguments; arguments++)
		puts(*arguments);
	for (char **e = environ; *e; e++)
		puts(*e);
	return 0;
}

int main(int argc, char **argv)
{
	int failures = 0;

	if (argc > 1 && !strcmp(argv[1], PRINT))
		return print_arguments(argv + 2);
	if (argc < 2 || atoi(argv[1]) < 1) {
		say("usage: workload SIZE [PART]...\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (is_wanted(&parts[i], argv + 2))
			failures += !run_part(&parts[i], atoi(argv[1]));
	say("workload: end, %d failed\n", failures);
	return failures != 0;
}
