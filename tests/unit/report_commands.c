// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_commands.c: commands on the report socket: who gets which answer, that a command which
 * takes its time holds up nobody, and that nothing a reader sends does any harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lines.h"
#include "sink_client.h"
#include "sink_readers.h"

#define FUZZ_ROUNDS 200

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int runs, ticks;

static json_t *run_echo(void *ctx, const json_t *args, char *err, size_t errlen)
{
	atomic_fetch_add(&runs, 1);
	return json_pack("{s:O*}", "value", json_object_get(args, "value"));
}

static json_t *run_fail(void *ctx, const json_t *args, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s: try something else", (const char *)ctx);
	return NULL;
}

/* Waits for the test. */
static json_t *run_wait(void *ctx, const json_t *args, char *err, size_t errlen)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return json_object();
}

static json_t *run_long(void *ctx, const json_t *args, char *err, size_t errlen)
{
	size_t n = (size_t)json_integer_value(json_object_get(args, "value"));
	char *text = calloc(1, n + 1);
	json_t *fields;

	memset(text, 'x', n);
	fields = json_pack("{s:s}", "value", text);
	free(text);
	return fields;
}

static void on_tick(void *ctx)
{
	atomic_fetch_add(&ticks, 1);
}

static const struct command table[] = {
	{"echo", "value other", "says it again", run_echo},
	{"fail", "", "fails", run_fail},
	{"wait", "", "waits", run_wait},
	{"long", "value", "a long answer", run_long},
};

struct world {
	struct place *place;
	struct sink *s;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sink_config config = {
		.vm = "vm-1",
		.commands = {.table = table, .n = 4, .ctx = "ctx", .tick = on_tick, .tick_ms = 5}};
	char err[256];
	void *place;

	if (place_setup(&place))
		return -1;
	w->place = place;
	config.socket_path = w->place->socket;
	config.log_path = w->place->log;
	w->s = sink_start(&config);
	*state = w;
	return sink_start_commands(w->s, err, sizeof(err));
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *place = w->place;

	sink_destroy(w->s);
	free(w);
	return place_teardown(&place);
}

static void say(struct client *c, const char *line)
{
	client_send(c, line, strlen(line));
	client_send(c, "\n", 1);
}

static json_t *next_answer(struct client *c)
{
	json_t *j = client_next(c);

	assert_non_null(j);
	assert_true(is_type(j, "reply"));
	assert_int_equal(json_number(j, "v"), 1);
	return j;
}

static bool is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

/* The next answer is to the command with that number. */
static void expect_ok(struct client *c, int id)
{
	json_t *j = next_answer(c);

	if (!is_ok(j))
		fail_msg("%s", json_text(j, "error"));
	assert_int_equal(json_number(j, "id"), id);
	json_decref(j);
}

static void test_answers(void **state)
{
	static const struct {
		const char *line, *id, *error; /* id: its JSON; error: NULL where it is ok */
	} cases[] = {
		{"{\"cmd\":\"echo\",\"id\":1}", "1", NULL},
		{" {\"cmd\":\"echo\",\"id\":\"\\u00e4\"} \r", "\"\\u00E4\"", NULL},
		{"{\"cmd\":\"echo\",\"id\":{\"a\":[1,null]},\"v\":1}", "{\"a\":[1,null]}", NULL},
		{"{\"cmd\":\"echo\"}", "null", NULL},
		{"{\"cmd\":\"fail\",\"id\":2}", "2", "ctx: try something else"},
		{"{\"cmd\":\"nothing\",\"id\":3}", "3", "{\"cmd\":\"help\"}"},
		{"{\"cmd\":17,\"id\":4}", "4", "no such command"},
		{"{\"id\":5}", "5", "no such command"},
		{"{\"cmd\":\"echo\",\"valeu\":1,\"id\":6}", "6", "no argument \"valeu\": it has"},
		{"{\"cmd\":\"echo\",\"value other\":1,\"id\":7}", "7", "no argument"},
		{"{\"cmd\":\"echo\",\"\":1,\"id\":8}", "8", "no argument"},
		{"{\"cmd\":\"fail\",\"\\u00e4\\u00e4\":1,\"id\":9}", "9", "it has none"},
		{"{\"cmd\":\"long\",\"value\":2000000,\"id\":10}", "10", "ask for less"},
		{"{\"cmd\":\"echo\",\"id\":1,\"id\":2}", "null", "not a JSON object"},
		{"[\"echo\"]", "null", "not a JSON object"},
		{"echo", "null", "not a JSON object"},
		{"{\"cmd\":\"echo\"", "null", "not a JSON object"},
		{"{\"cmd\":\"echo\"} {\"cmd\":\"echo\"}", "null", "not a JSON object"},
		{"{\"cmd\":\"\\u0000\"}", "null", "not a JSON object"},
		{"\xff\xfe", "null", "not a JSON object"},
	};
	struct world *w = *state;
	struct client *c = client_open(w->place->socket);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *answer, *id;
		char *text;

		say(c, cases[i].line);
		answer = next_answer(c);
		id = json_object_get(answer, "id");
		text = json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
		assert_string_equal(text, cases[i].id);
		free(text);
		if (is_ok(answer) != !cases[i].error)
			fail_msg("case %zu", i);
		if (cases[i].error && !strstr(json_text(answer, "error"), cases[i].error))
			fail_msg("case %zu: %s", i, json_text(answer, "error"));
		json_decref(answer);
	}
	client_close(c);
}

/* Each reader gets the answers to its own commands, and the log gets none. */
static void test_own_answers(void **state)
{
	struct world *w = *state;
	struct client *a = client_open(w->place->socket), *b = client_open(w->place->socket);
	char line[64];
	struct stat st;

	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "{\"cmd\":\"echo\",\"id\":%d}", i);
		say(a, line);
		snprintf(line, sizeof(line), "{\"cmd\":\"echo\",\"id\":%d}", 1000 + i);
		say(b, line);
	}
	for (int i = 0; i < 100; i++) {
		expect_ok(b, 1000 + i);
		expect_ok(a, i);
	}
	sink_destroy(w->s);
	w->s = NULL;
	assert_null(client_next(a));
	assert_null(client_next(b));
	client_close(a);
	client_close(b);
	assert_int_equal(stat(w->place->log, &st), 0);
	assert_int_equal(st.st_size, 0);
}

/* An answer comes behind everything that was delivered before it was made. */
static void test_order(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->place->socket);
	static const char record[] = "{\"v\":1,\"type\":\"n\"}\n";

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 100; i++)
			sink_record(w->s, record, sizeof(record) - 1);
		say(c, "{\"cmd\":\"echo\",\"id\":1}");
		for (int i = 0; i < 100; i++) {
			json_t *j = client_next(c);

			assert_true(is_type(j, "n"));
			json_decref(j);
		}
		expect_ok(c, 1);
	}
	client_close(c);
}

/* While a command waits, records and hellos go on; and so do answers behind it. */
static void test_slow_command(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->place->socket), *other;
	json_t *j;

	pthread_mutex_lock(&gate);
	say(c, "{\"cmd\":\"wait\",\"id\":1}");
	say(c, "{\"cmd\":\"echo\",\"id\":2}");
	other = client_open(w->place->socket);
	say(other, "{\"cmd\":\"echo\",\"id\":3}");
	for (int i = 0; i < 100; i++) {
		sink_record(w->s, "{\"type\":\"n\"}\n", 13);
		j = client_next(c);
		assert_true(is_type(j, "n"));
		json_decref(j);
		j = client_next(other);
		assert_true(is_type(j, "n"));
		json_decref(j);
	}
	pthread_mutex_unlock(&gate);
	expect_ok(c, 1);
	expect_ok(c, 2);
	expect_ok(other, 3);
	client_close(c);
	client_close(other);
}

static void test_line_limit(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->place->socket);
	char *line = malloc(3 * LINE_BYTES);
	json_t *j;
	int n;

	n = sprintf(line, "{\"cmd\":\"echo\",\"id\":1,\"value\":\"");
	memset(line + n, 'x', 3 * LINE_BYTES - (size_t)n);
	memcpy(line + LINE_BYTES - 2, "\"}\n", 3); /* as long as may be */
	client_send(c, line, LINE_BYTES + 1);
	expect_ok(c, 1);
	memcpy(line + LINE_BYTES - 2, "x\"}\n", 4); /* one byte more */
	client_send(c, line, LINE_BYTES + 2);
	say(c, "{\"cmd\":\"echo\",\"id\":2}");
	j = next_answer(c);
	assert_non_null(strstr(json_text(j, "error"), "too long"));
	json_decref(j);
	expect_ok(c, 2);
	memset(line, '[', 3 * LINE_BYTES); /* deep, and much too long */
	client_send(c, line, 3 * LINE_BYTES);
	say(c, "");
	client_send(c, line, 60000); /* deep */
	say(c, "");
	for (int i = 0; i < 2; i++) {
		j = next_answer(c);
		assert_false(is_ok(j));
		json_decref(j);
	}
	say(c, "{\"cmd\":\"echo\",\"id\":3}");
	expect_ok(c, 3);
	free(line);
	client_close(c);
}

/*
 * Sends as much as is taken without reading, min to max lines: when more than min were taken and nothing has
 * been for a while, nobody listens. Returns how many lines went out whole.
 */
static int send_all(struct client *c, const char *line, int min, int max)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	size_t len = strlen(line);
	int n = 0;

	while (n < max && poll(&p, 1, n < min ? READ_MS : 300) == 1) {
		ssize_t sent = send(c->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0)
			continue;
		client_send(c, line + sent, len - (size_t)sent);
		n++;
	}
	return n;
}

/*
 * One that sends and never reads is not listened to after a while, and its input is bounded; others
 * are served; and when it reads after all, it gets every answer.
 */
static void test_greedy(void **state)
{
	struct world *w = *state;
	struct client *greedy = client_open(w->place->socket),
		      *other = client_open(w->place->socket);
	int sent, before = atomic_load(&runs);

	pthread_mutex_lock(&gate);
	say(greedy, "{\"cmd\":\"wait\",\"id\":0}");
	sent = send_all(greedy, "{\"cmd\":\"echo\",\"id\":7}\n", 2 * READER_COMMANDS, 1000000);
	pthread_mutex_unlock(&gate);
	assert_in_range(sent, 2 * READER_COMMANDS, 999999);
	say(other, "{\"cmd\":\"echo\",\"id\":1}");
	expect_ok(other, 1);
	expect_ok(greedy, 0);
	for (int i = 0; i < sent; i++)
		expect_ok(greedy, 7);
	assert_int_equal(atomic_load(&runs) - before, sent + 1);
	client_close(greedy);
	client_close(other);
}

/* The commands of those who do not read wait, READER_COMMANDS each, and no more are taken. */
static void test_bounded(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->place->socket);
	int sent, before = atomic_load(&runs);

	/* Answers that fill the socket: what is carried out are those and READER_COMMANDS more. */
	sent = send_all(c, "{\"cmd\":\"long\",\"id\":7,\"value\":1000000}\n", 50, 50);
	assert_int_equal(sent, 50); /* they fit its buffer */
	for (int i = 0; i < 50; i++)
		say(c, "{\"cmd\":\"echo\",\"id\":8}");
	usleep(300000);
	assert_int_equal(atomic_load(&runs), before); /* none behind the long ones was reached */
	for (int i = 0; i < 50; i++)
		expect_ok(c, 7);
	for (int i = 0; i < 50; i++)
		expect_ok(c, 8);
	client_close(c);
}

static void wait_for_runs(int wanted)
{
	for (int i = 0; i < READ_MS && atomic_load(&runs) < wanted; i++)
		usleep(1000);
}

/*
 * What somebody sends and goes away at once is carried out; its answer goes nowhere. Not more of them at a time
 * than a sink serves: those would be turned away.
 */
static void test_gone(void **state)
{
	struct world *w = *state;
	struct client *c;
	int before = atomic_load(&runs);

	for (int i = 0; i < 100; i++) {
		c = client_connect(w->place->socket);
		say(c, "{\"cmd\":\"echo\"}");
		if (i % 2)
			client_send(c, "{\"cmd\":\"echo\"", 13); /* cut off */
		client_close(c);
		if (i % 16 == 15)
			wait_for_runs(before + i + 1);
	}
	wait_for_runs(before + 100);
	assert_int_equal(atomic_load(&runs) - before, 100);
	c = client_open(w->place->socket);
	say(c, "{\"cmd\":\"echo\",\"id\":1}");
	expect_ok(c, 1);
	client_close(c);
}

/* printf ... | socat: the end of the input is the end of the line, and the answer still comes. */
static void test_half_closed(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->place->socket);

	client_send(c, "{\"cmd\":\"echo\",\"id\":1}\n{\"cmd\":\"echo\",\"id\":2}", 43);
	shutdown(c->fd, SHUT_WR);
	expect_ok(c, 1);
	expect_ok(c, 2);
	client_close(c);
}

/* Anything at all; a good reader beside it sees nothing of that. */
static void test_fuzz(void **state)
{
	static const char *const words[] = {
		"{\"cmd\":\"echo\"",
		"{",
		"}",
		"\"",
		"\n",
		",\"value\":",
		"[",
		"]",
		"\\u0000",
		"{\"cmd\":\"fail\"}\n",
		"1e999",
		"\xc3",
		":",
		"null",
		"{\"cmd\":\"long\"}\n",
	};
	struct world *w = *state;
	struct client *good = client_open(w->place->socket), *c;
	char text[4096];

	srand(2);
	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		c = client_connect(w->place->socket);
		for (int piece = 0; piece < rand() % 40; piece++) {
			const char *word =
				words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];

			for (size_t k = 0; k < sizeof(text); k++)
				text[k] = (char)rand();
			/* It may have been closed meanwhile: no memory of what it sent then. */
			send(c->fd, word, strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT);
			if (rand() % 4 == 0)
				send(c->fd, text, (size_t)rand() % sizeof(text),
				     MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		if (rand() % 2)
			shutdown(c->fd, rand() % 2 ? SHUT_WR : SHUT_RD);
		client_close(c);
		say(good, "{\"cmd\":\"echo\",\"id\":1}");
		expect_ok(good, 1);
	}
	client_close(good);
}

static void test_ticks(void **state)
{
	int begin = atomic_load(&ticks);

	for (int i = 0; i < READ_MS && atomic_load(&ticks) < begin + 3; i++)
		usleep(1000);
	assert_in_range(atomic_load(&ticks), begin + 3, begin + READ_MS);
}

/* Before the start they wait; behind the end each is refused, and the record of the end is last. */
static void test_start_and_end(void **state)
{
	struct world *w = *state;
	struct sink_config config = {.vm = "vm-1", .commands = {.table = table, .n = 4}};
	struct client *c;
	struct sink *s;
	char err[256];
	json_t *j;

	config.socket_path = w->place->log; /* a name that is free once this is removed */
	unlink(w->place->log);
	s = sink_start(&config);
	c = client_open(config.socket_path);
	say(c, "{\"cmd\":\"echo\",\"id\":1}");
	sink_record(s, "{\"type\":\"n\"}\n", 13);
	j = client_next(c);
	assert_true(is_type(j, "n"));
	json_decref(j);
	assert_int_equal(sink_start_commands(s, err, sizeof(err)), 0);
	expect_ok(c, 1);
	sink_stop_commands(s);
	say(c, "{\"cmd\":\"echo\",\"id\":2}");
	j = next_answer(c);
	assert_int_equal(json_number(j, "id"), 2);
	assert_string_equal(json_text(j, "error"), "the VM has ended");
	json_decref(j);
	sink_record(s, "{\"type\":\"exit\"}\n", 16);
	sink_destroy(s);
	j = client_next(c);
	assert_true(is_type(j, "exit"));
	json_decref(j);
	assert_null(client_next(c));
	client_close(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),	 TEST(test_own_answers), TEST(test_order),
		TEST(test_slow_command), TEST(test_line_limit),	 TEST(test_greedy),
		TEST(test_bounded),	 TEST(test_gone),	 TEST(test_half_closed),
		TEST(test_fuzz),	 TEST(test_ticks),	 TEST(test_start_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
