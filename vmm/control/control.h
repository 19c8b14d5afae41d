/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.h: the commands of the report socket (docs/report.md) and the heartbeat, for one VM. Used
 * by vmm/main.c. The lines are read and the answers are sent by vmm/report/.
 */
#ifndef KMC_CONTROL_H
#define KMC_CONTROL_H

#include "checker.h"
#include "commands.h"
#include "machine.h"
#include "sink.h"
#include "suppress.h"

struct control { /* complete before sink_start_commands() */
	struct checker *checker;
	struct machine *machine;
	struct sink *sink;
	struct suppressions *suppressions;
	const char *vm, *release;
	uint64_t began;	    /* ns, CLOCK_MONOTONIC: when the guest was started */
	unsigned heartbeat; /* seconds; 0: none */
	int memory_use;	    /* memory_use.h */
};

/* The table, its context and the heartbeat; c lives as long as the sink. */
struct commands_config control_commands(struct control *c);

#endif
