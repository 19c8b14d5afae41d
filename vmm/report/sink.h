/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink.h: delivery of reports and other records: stderr, log file, socket; and the commands that
 * come in on the socket. docs/report.md has the stream's format. Used by vmm/main.c, vmm/checker/
 * and vmm/control/.
 *
 * Whoever delivers something takes no lock and waits for nothing: it may be a vCPU. Each
 * destination has a bounded queue and a thread of the sink that serves it. A reader that is too
 * slow loses records and is told how many; the log loses nothing unless its disk does (or lags
 * 64 MiB behind), or it has all that it may get. A reader that connects late gets the last reports
 * first.
 */
#ifndef KMC_SINK_H
#define KMC_SINK_H

#include "commands.h"
#include "report.h"

#define SINK_NAME_MAX 64

struct sink_config {		 /* strings must live as long as the sink */
	const char *vm;		 /* name of the VM; sink_name_ok() */
	const char *version;	 /* of kmc-vmm, for the hello; NULL: left out */
	const char *release;	 /* of the guest's kernel, for the hello; NULL: left out */
	const char *socket_path; /* NULL: none. Forms: sink_socket.h */
	const char *log_path;	 /* NULL: none */
	uint64_t log_limit;	 /* bytes that the log gets; 0: no limit */
	size_t reader_limit;	 /* bytes queued for one reader before it loses records; 0: 1 MiB */
	size_t history_limit;	 /* bytes of reports for late readers; 0: 4 MiB */
	bool keep_last;		 /* for sink_last() */
	struct commands_config commands;
	void *text_ctx;
	enum report_style style; /* of the text */
	/* One report a call, from a thread of the sink; NULL: none. */
	void (*text)(void *ctx, const char *text, size_t len);
};

struct sink;

/* 1 to SINK_NAME_MAX letters, digits and "._-", the first no '.' or '-': a file's name anywhere. */
bool sink_name_ok(const char *vm);

/* 0, or -1 with one line in err (socket in use, no permission, ...). */
int sink_create(const struct sink_config *config, struct sink **s, char *err, size_t errlen);
/* From now on commands are carried out; they wait until then. 0, or -1 with one line in err. */
int sink_start_commands(struct sink *s, char *err, size_t errlen);

/* Any thread; never blocks. */
void sink_report(struct sink *s, const struct report *r);
/* Any other record, to the log and the readers: json is one line with \n. */
void sink_record(struct sink *s, const char *json, size_t len);
/* The same to those readers only that have room for it: the next one says it again. */
void sink_state(struct sink *s, const char *json, size_t len);

uint64_t sink_lost(const struct sink *s); /* records that some destination did not get */

/* Waits for the one that is being carried out; from now on all are refused. Not for a command. */
void sink_stop_commands(struct sink *s);
/*
 * Writes all of the log and the text, and what readers still take within a second. Nothing is
 * delivered afterwards; sink_lost() is final. Implies sink_stop_commands().
 */
void sink_finish(struct sink *s);
/* After sink_finish(): the last report as JSON without \n, *len bytes; NULL: none. Stays the sink's. */
const char *sink_last(const struct sink *s, size_t *len);
/* Finishes, closes, removes the socket file. NULL is fine. */
void sink_destroy(struct sink *s);

#endif
