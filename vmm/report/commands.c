// SPDX-License-Identifier: GPL-2.0-only
/*
 * commands.c: parses a command's line, finds it in the table, and makes the answer. Input is
 * hostile: its length was bounded before, its depth is by jansson (JSON_PARSER_MAX_DEPTH), and
 * nothing of it is used that was not asked for.
 */
#include "commands.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sandbox.h"
#include "sink_outlet.h"

#define ANSWER_BYTES (1u << 20)
#define ERROR_BYTES  256

struct request {
	struct request *next;
	uint64_t reader;
	bool too_long;
	size_t len;
	char line[];
};

struct commands {
	struct commands_config config;
	command_reply reply;
	void *reply_ctx;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t changed;
	struct request *first, **last;
	bool stop;
};

/* ---- answering ---- */

static const char no_memory[] =
	"{\"v\":1,\"type\":\"reply\",\"id\":null,\"ok\":false,\"error\":\"out of memory\"}\n";

/* One line with \n, not terminated; NULL: no memory. */
static char *dump(const json_t *answer, size_t *len)
{
	char *line = answer ? json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	if (!line)
		return NULL;
	*len = strlen(line) + 1;
	line[*len - 1] = '\n';
	return line;
}

/* Takes the line. The reader waits for one, whatever happens. */
static void send_line(struct commands *c, uint64_t reader, char *line, size_t len)
{
	if (line)
		c->reply(c->reply_ctx, reader, line, len);
	else
		c->reply(c->reply_ctx, reader, no_memory, sizeof(no_memory) - 1);
	free(line);
}

/* id: NULL where the line had none. */
static json_t *answer_head(json_t *id, bool ok)
{
	return json_pack("{s:i, s:s, s:O, s:b}", "v", 1, "type", "reply", "id",
			 id ? id : json_null(), "ok", ok);
}

static void send_error(struct commands *c, uint64_t reader, json_t *id, const char *error)
{
	json_t *answer = answer_head(id, false);
	char text[ERROR_BYTES], *line;
	size_t len = 0;

	snprintf(text, sizeof(text), "%s", error);
	for (char *p = text; *p; p++) /* a name that was cut may be no UTF-8 any more */
		if (*p < ' ' || *p > '~')
			*p = '?';
	json_object_set_new(answer, "error", json_string(text));
	line = dump(answer, &len);
	json_decref(answer);
	send_line(c, reader, line, len);
}

/* Takes fields. */
static void send_fields(struct commands *c, uint64_t reader, json_t *id, json_t *fields)
{
	json_t *answer = answer_head(id, true);
	size_t len = 0;
	char *line;

	json_object_update(answer, fields);
	line = dump(answer, &len);
	json_decref(answer);
	json_decref(fields);
	if (len <= ANSWER_BYTES) {
		send_line(c, reader, line, len);
		return;
	}
	free(line);
	send_error(c, reader, id, "the answer would be too long: ask for less");
}

/* ---- carrying out ---- */

static const struct command *find(const struct commands *c, const char *name)
{
	for (size_t i = 0; name && i < c->config.n; i++)
		if (!strcmp(c->config.table[i].name, name))
			return &c->config.table[i];
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	if (strchr(word, ' '))
		return false;
	for (const char *at = words; len && (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* The first argument that the command does not have: a misspelt one must not widen what it does. */
static const char *stray_argument(const struct command *command, json_t *args)
{
	for (void *i = json_object_iter(args); i; i = json_object_iter_next(args, i)) {
		const char *key = json_object_iter_key(i);

		if (!has_word("v cmd id", key) && !has_word(command->args, key))
			return key;
	}
	return NULL;
}

static void run(struct commands *c, uint64_t reader, json_t *args)
{
	json_t *id = json_object_get(args, "id"), *fields;
	const char *name = json_string_value(json_object_get(args, "cmd")), *stray;
	const struct command *command = find(c, name);
	char err[ERROR_BYTES] = "";

	if (!command) {
		send_error(c, reader, id, "no such command: {\"cmd\":\"help\"} lists them");
		return;
	}
	stray = stray_argument(command, args);
	if (stray) {
		snprintf(err, sizeof(err), "%s has no argument \"%.64s\": it has %s", name, stray,
			 *command->args ? command->args : "none");
		send_error(c, reader, id, err);
		return;
	}
	fields = command->run(c->config.ctx, args, err, sizeof(err));
	if (fields)
		send_fields(c, reader, id, fields);
	else
		send_error(c, reader, id, *err ? err : "out of memory");
}

/* over: it comes too late to be carried out. */
static void carry_out(struct commands *c, const struct request *q, bool over)
{
	json_error_t e;
	json_t *args;

	if (q->too_long) {
		send_error(c, q->reader, NULL, "the line is too long: at most 65536 bytes");
		return;
	}
	args = json_loadb(q->line, q->len, JSON_REJECT_DUPLICATES, &e);
	if (json_is_object(args) && over)
		send_error(c, q->reader, json_object_get(args, "id"), "the VM has ended");
	else if (json_is_object(args))
		run(c, q->reader, args);
	else
		send_error(c, q->reader, NULL,
			   "not a JSON object on one line: send {\"cmd\":\"help\"}");
	json_decref(args);
}

/* ---- the thread ---- */

static struct request *pop(struct commands *c)
{
	struct request *q = c->first;

	if (!q)
		return NULL;
	c->first = q->next;
	if (!c->first)
		c->last = &c->first;
	return q;
}

static void after_ms(struct timespec *t, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* Until something is to be done. With the lock. */
static void wait_for_work(struct commands *c, const struct timespec *tick)
{
	int r = 0;

	while (!c->first && !c->stop && !r) {
		if (c->config.tick)
			r = pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, tick);
		else
			pthread_cond_wait(&c->changed, &c->lock);
	}
}

static bool is_past(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static void *commands_main(void *arg)
{
	struct commands *c = arg;
	struct timespec tick;
	struct request *q;

	sandbox_thread(SANDBOX_COMMANDS);
	after_ms(&tick, c->config.tick_ms);
	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		wait_for_work(c, &tick);
		q = c->stop ? NULL : pop(c);
		pthread_mutex_unlock(&c->lock);
		if (q)
			carry_out(c, q, false);
		free(q);
		if (c->config.tick && is_past(&tick)) {
			c->config.tick(c->config.ctx);
			after_ms(&tick, c->config.tick_ms);
		}
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* False: it is over. */
static bool enqueue(struct commands *c, struct request *q)
{
	bool over;

	pthread_mutex_lock(&c->lock);
	over = c->stop;
	if (!over) {
		*c->last = q;
		c->last = &q->next;
		pthread_cond_signal(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	return !over;
}

bool commands_submit(struct commands *c, uint64_t reader, const char *line, size_t len)
{
	struct request *q = malloc(sizeof(*q) + len);

	if (!q)
		return false;
	*q = (struct request){.reader = reader, .too_long = !line, .len = len};
	if (line)
		memcpy(q->line, line, len);
	if (!enqueue(c, q)) {
		carry_out(c, q, true);
		free(q);
	}
	return true;
}

/* ---- start and end ---- */

struct commands *commands_create(const struct commands_config *config, command_reply reply,
				 void *reply_ctx)
{
	struct commands *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	c->reply = reply;
	c->reply_ctx = reply_ctx;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	return c;
}

int commands_start(struct commands *c)
{
	int ret = sink_thread(&c->thread, commands_main, c);

	c->running = !ret;
	return ret;
}

void commands_stop(struct commands *c)
{
	struct request *q;

	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (c->running)
		pthread_join(c->thread, NULL);
	c->running = false;
	for (;;) {
		pthread_mutex_lock(&c->lock);
		q = pop(c);
		pthread_mutex_unlock(&c->lock);
		if (!q)
			return;
		carry_out(c, q, true);
		free(q);
	}
}

void commands_destroy(struct commands *c)
{
	if (!c)
		return;
	commands_stop(c);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
