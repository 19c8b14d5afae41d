// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink.c: formats reports and hands them, and all other records, to the threads that deliver them:
 * one for the socket (the writer: hello, history, readers), one for the log, one for the text, so
 * that neither a full disk nor a stopped terminal (Ctrl-S) makes readers lose records. Between them
 * and who reports there is an inbox each, without locks.
 */
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"
#include "sink_log.h"
#include "sink_outlet.h"
#include "sink_readers.h"
#include "sink_socket.h"

#define READER_LIMIT	(1u << 20)
#define HISTORY_LIMIT	(4u << 20)
#define HISTORY_REPORTS 1024
#define INBOX_LIMIT	(16u << 20)
#define LOG_LIMIT	(64u << 20)
#define TEXT_LIMIT	(16u << 20)
#define FLUSH_MS	1000 /* what readers get at the end */
#define TURN		1024 /* records from the inbox, and new readers, before the others' turn */
#define ACCEPT_TURN	16
#define ACCEPT_PAUSE_MS 1000 /* after accept() found no descriptor or memory */

static const char note_log[] = "{\"v\":1,\"type\":\"lost\",\"count\":%llu}\n";
static const char note_text[] =
	"kmc-vmm: %llu reports are not shown here: the terminal was too slow\n";

struct sink {
	struct sink_config config;
	uint64_t started; /* ns since the epoch */
	struct sink_socket socket;
	struct sink_log log_file;
	struct outlet log, text;
	struct inbox inbox; /* for the writer */
	pthread_t writer;
	bool has_writer;
	struct commands *commands; /* NULL: none */
	atomic_bool stop;
	_Atomic uint64_t lost; /* before they reached anybody */
	_Atomic(struct record *) last; /* report, with keep_last */

	/* The writer's: */
	struct readers readers;
	struct history history;
	bool accept_paused;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- producers ---- */

static void lose(struct sink *s)
{
	atomic_fetch_add(&s->lost, 1);
}

static void deliver(struct sink *s, enum record_kind kind, const char *json, size_t len)
{
	struct record *r = record_create(kind, json, len);

	if (!r) {
		lose(s);
		return;
	}
	if (s->log.running && kind != RECORD_STATE)
		outlet_push(&s->log, r);
	if (s->has_writer && !inbox_push(&s->inbox, r))
		lose(s);
	if (s->config.keep_last && kind == RECORD_REPORT)
		record_put(atomic_exchange(&s->last, record_get(r)));
	record_put(r);
}

void sink_record(struct sink *s, const char *json, size_t len)
{
	deliver(s, RECORD_PLAIN, json, len);
}

void sink_state(struct sink *s, const char *json, size_t len)
{
	deliver(s, RECORD_STATE, json, len);
}

static void deliver_text(struct sink *s, const struct report *report)
{
	char *text;
	size_t len = report_format(report, s->config.style, s->config.vm, &text);
	struct record *r = len ? record_create(RECORD_PLAIN, text, len) : NULL;

	if (r)
		outlet_push(&s->text, r);
	else
		lose(s);
	record_put(r);
	free(text);
}

void sink_report(struct sink *s, const struct report *r)
{
	char *json;
	size_t len;

	if (s->text.running)
		deliver_text(s, r);
	if (!s->has_writer && !s->log.running && !s->config.keep_last)
		return;
	len = report_json(r, s->config.vm, &json);
	if (len)
		deliver(s, RECORD_REPORT, json, len);
	else
		lose(s);
	free(json);
}

const char *sink_last(const struct sink *s, size_t *len)
{
	const struct record *r = atomic_load(&s->last);

	*len = r ? r->len - 1 : 0;
	return r ? r->data : NULL;
}

uint64_t sink_lost(const struct sink *s)
{
	return atomic_load(&s->lost) + atomic_load(&s->log.lost) + atomic_load(&s->text.lost) +
	       readers_lost(&s->readers);
}

/* How many there are is bounded by READER_COMMANDS. */
static void reply(void *ctx, uint64_t reader, const char *line, size_t len)
{
	struct sink *s = ctx;
	struct record *r = record_create(RECORD_REPLY, line, len);

	if (r)
		r->reader = reader;
	if (!r || !inbox_push_always(&s->inbox, r))
		lose(s);
	record_put(r);
}

static bool write_text(void *ctx, const char *text, size_t len)
{
	struct sink *s = ctx;

	s->config.text(s->config.text_ctx, text, len);
	return true;
}

/* ---- the writer: new readers ---- */

static struct record *hello(const struct sink *s)
{
	json_t *root = json_pack("{s:i, s:s, s:s, s:i, s:s*, s:s*, s:I, s:I, s:[sss]}", "v", 1,
				 "type", "hello", "vm", s->config.vm, "pid", (int)getpid(),
				 "version", s->config.version, "release", s->config.release,
				 "started", (json_int_t)s->started, "history",
				 (json_int_t)s->history.n, "styles", "KASAN", "KMSAN", "KMC");
	char *line = root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct record *r = NULL;

	if (line) {
		size_t len = strlen(line);

		line[len] = '\n'; /* in place of the NUL */
		r = record_create(RECORD_PLAIN, line, len + 1);
	}
	free(line);
	json_decref(root);
	return r;
}

/* What the mode of a socket's file does; a name in the abstract namespace has none. */
static bool may_connect(const struct sink *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (s->socket.file)
		return true;
	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void accept_one(struct sink *s, int fd)
{
	struct record *first;

	if (!may_connect(s, fd)) {
		close(fd);
		return;
	}
	first = hello(s);
	readers_open(&s->readers, fd, first, &s->history);
	record_put(first);
}

static void accept_some(struct sink *s)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(s->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(s, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			s->accept_paused = errno != EAGAIN;
			return;
		}
	}
}

/* ---- the writer: a round ---- */

/* From the inbox to the readers' queues. True where there is more. */
static bool distribute(struct sink *s)
{
	for (int i = 0; i < TURN; i++) {
		uint64_t lost;
		struct record *r = inbox_pop(&s->inbox, &lost);

		if (!r && !lost)
			return false;
		readers_lose(&s->readers, lost);
		if (r) {
			readers_push(&s->readers, r);
			if (r->kind == RECORD_REPORT)
				history_add(&s->history, r);
		}
		record_put(r);
	}
	return true;
}

/* Without a reason to wait (more in the inbox) it only looks. */
static int wait_ms(const struct sink *s, bool more, int64_t deadline)
{
	int64_t left;

	if (more)
		return 0;
	if (deadline) {
		left = deadline - now_ms();
		return left > 0 ? (int)left : 0;
	}
	return s->accept_paused ? ACCEPT_PAUSE_MS : -1;
}

/* One round: wait, distribute, listen and send, accept. True where the inbox has more. */
static bool serve(struct sink *s, bool more, int64_t deadline)
{
	struct pollfd p[READERS + 2] = {{.fd = s->inbox.wake, .events = POLLIN},
					{.fd = s->socket.fd, .events = POLLIN}};
	struct reader *who[READERS];
	size_t n = readers_poll(&s->readers, p + 2, who);

	if (deadline || s->accept_paused)
		p[1].fd = -1;
	if (poll(p, n + 2, wait_ms(s, more, deadline)) < 0)
		return more; /* a signal */
	s->accept_paused = false;
	inbox_awake(&s->inbox);
	more = distribute(s);
	for (size_t i = 0; i < n; i++)
		reader_serve(&s->readers, who[i], p[i + 2].revents);
	if (p[1].revents)
		accept_some(s);
	return more;
}

static void *writer_main(void *arg)
{
	struct sink *s = arg;
	int64_t deadline;
	bool more = false;

	sandbox_thread(SANDBOX_WRITER);
	while (!atomic_load(&s->stop))
		more = serve(s, more, 0);
	deadline = now_ms() + FLUSH_MS;
	do
		more = serve(s, true, deadline);
	while (more);
	while (readers_waiting(&s->readers) && now_ms() < deadline)
		serve(s, false, deadline);
	atomic_fetch_add(&s->lost, readers_waiting(&s->readers));
	return NULL;
}

/* ---- start and end ---- */

bool sink_name_ok(const char *vm)
{
	static const char set[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strlen(vm);

	return len && len <= SINK_NAME_MAX && strspn(vm, set) == len && vm[0] != '.' &&
	       vm[0] != '-';
}

static int start_failed(const char *what, int error, char *err, size_t errlen)
{
	snprintf(err, errlen, "cannot start the report writer: %s: %s", what, strerror(error));
	return -1;
}

static int start_writer(struct sink *s, char *err, size_t errlen)
{
	const struct sink_config *c = &s->config;
	int ret;

	if (!c->socket_path)
		return 0;
	if (sink_socket_open(&s->socket, "--report-socket", c->socket_path, c->vm, err, errlen))
		return -1;
	if (inbox_init(&s->inbox, INBOX_LIMIT))
		return start_failed("eventfd", errno, err, errlen);
	if (c->commands.table)
		s->commands = commands_create(&c->commands, reply, s);
	if ((c->commands.table && !s->commands) ||
	    history_init(&s->history, HISTORY_REPORTS, c->history_limit))
		return start_failed("malloc", ENOMEM, err, errlen);
	readers_init(&s->readers, c->reader_limit, s->commands);
	ret = sink_thread(&s->writer, writer_main, s);
	s->has_writer = !ret;
	return ret ? start_failed("pthread_create", ret, err, errlen) : 0;
}

static int start_outlets(struct sink *s, char *err, size_t errlen)
{
	int ret = 0;

	s->log.note = note_log, s->log.ctx = &s->log_file, s->log.write = sink_log_write;
	s->text.note = note_text, s->text.ctx = s, s->text.write = write_text;
	if (sink_log_open(&s->log_file, s->config.log_path, s->config.log_limit, err, errlen))
		return -1;
	if (s->log_file.fd >= 0)
		ret = outlet_start(&s->log, LOG_LIMIT);
	if (!ret && s->config.text)
		ret = outlet_start(&s->text, TEXT_LIMIT);
	return ret ? start_failed("thread", ret, err, errlen) : 0;
}

static struct sink *sink_alloc(const struct sink_config *config)
{
	struct sink *s = calloc(1, sizeof(*s));
	struct timespec t;

	if (!s)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &t);
	s->started = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	s->config = *config;
	if (!s->config.reader_limit)
		s->config.reader_limit = READER_LIMIT;
	if (!s->config.history_limit)
		s->config.history_limit = HISTORY_LIMIT;
	s->socket.fd = s->log_file.fd = -1;
	s->inbox.wake = s->log.inbox.wake = s->text.inbox.wake = -1;
	readers_init(&s->readers, 0, NULL);
	return s;
}

int sink_create(const struct sink_config *config, struct sink **out, char *err, size_t errlen)
{
	struct sink *s;

	*out = NULL;
	if (!sink_name_ok(config->vm)) {
		snprintf(err, errlen,
			 "\"%s\" is no name for a VM: give --name 1 to %d letters, digits and ._-, "
			 "the first no . or -",
			 config->vm, SINK_NAME_MAX);
		return -1;
	}
	s = sink_alloc(config);
	if (!s)
		return start_failed("malloc", ENOMEM, err, errlen);
	if (start_outlets(s, err, errlen) || start_writer(s, err, errlen)) {
		sandbox_cancel(); /* those that were started wait for it */
		sink_destroy(s);
		return -1;
	}
	*out = s;
	return 0;
}

int sink_start_commands(struct sink *s, char *err, size_t errlen)
{
	int ret = s->commands ? commands_start(s->commands) : 0;

	return ret ? start_failed("pthread_create", ret, err, errlen) : 0;
}

void sink_stop_commands(struct sink *s)
{
	if (s->commands)
		commands_stop(s->commands);
}

void sink_finish(struct sink *s)
{
	sink_stop_commands(s);
	atomic_store(&s->stop, true);
	if (s->has_writer) {
		inbox_wake(&s->inbox);
		pthread_join(s->writer, NULL);
	}
	s->has_writer = false;
	outlet_finish(&s->log);
	outlet_finish(&s->text);
}

void sink_destroy(struct sink *s)
{
	if (!s)
		return;
	sink_finish(s);
	sink_socket_close(&s->socket);
	commands_destroy(s->commands);
	readers_deinit(&s->readers);
	history_deinit(&s->history);
	inbox_deinit(&s->inbox);
	outlet_deinit(&s->log);
	outlet_deinit(&s->text);
	sink_log_close(&s->log_file);
	record_put(atomic_load(&s->last));
	free(s);
}
