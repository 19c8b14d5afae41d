/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands.h: commands on the report socket (docs/report.md): a table of them, and the thread that
 * carries them out one by one. The table's owner is vmm/control/; the lines come from, and the
 * answers go through, the sink, which never waits for a command.
 */
#ifndef KMC_COMMANDS_H
#define KMC_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command {
	const char *name;
	const char *args; /* names of its arguments with a space between; others are refused */
	const char *help; /* one line */
	/*
	 * Returns the fields of the answer, a new object, or NULL with one line in err that says
	 * what to do. args: the whole line.
	 */
	json_t *(*run)(void *ctx, const json_t *args, char *err, size_t errlen);
};

struct commands_config {
	const struct command *table; /* NULL: what readers send is not listened to */
	size_t n;
	void *ctx;		 /* of run and tick */
	void (*tick)(void *ctx); /* on the same thread; NULL: none */
	unsigned tick_ms;
};

/* Gives one answer, a line with \n, to the reader with that number. */
typedef void (*command_reply)(void *ctx, uint64_t reader, const char *line, size_t len);

struct commands;

/* NULL: no memory. What is submitted waits for commands_start(). */
struct commands *commands_create(const struct commands_config *config, command_reply reply,
				 void *reply_ctx);
int commands_start(struct commands *c); /* 0 or an error number */
/*
 * Any thread, never waits for a command. There will be one answer. line NULL: it was too long.
 * False: no memory.
 */
bool commands_submit(struct commands *c, uint64_t reader, const char *line, size_t len);
/* Waits for the one that is being carried out; the others are answered with an error. */
void commands_stop(struct commands *c);
void commands_destroy(struct commands *c); /* NULL is fine */

#endif
