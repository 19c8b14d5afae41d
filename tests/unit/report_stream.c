// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_stream.c: what a reader of the socket gets: the hello, what was reported before it came,
 * then the stream; and where the socket is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "report_samples.h"
#include "sink_client.h"

static void report_number(struct sink *s, uint64_t seq)
{
	static struct report r;

	sample_get(&samples[0], &r);
	r.seq = seq;
	sink_report(s, &r);
}

/* The next report, "lost" counted in; returns its number. */
static json_int_t next_report(struct client *c, json_int_t *lost)
{
	json_t *j = client_next(c);
	json_int_t seq;

	for (; j && is_type(j, "lost"); j = client_next(c)) {
		*lost += json_number(j, "count");
		json_decref(j);
	}
	assert_non_null(j);
	assert_true(is_type(j, "report"));
	seq = json_number(j, "seq");
	json_decref(j);
	return seq;
}

static void expect_reports(struct client *c, int first, int last)
{
	json_int_t lost = 0;

	for (int i = first; i <= last; i++)
		assert_int_equal(next_report(c, &lost), i);
	assert_int_equal(lost, 0);
}

static void test_hello(void **state)
{
	struct place *p = *state;
	struct sink_config config = {
		.vm = "vm-1", .version = "1.2.3", .release = "6.1.0-x", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct client *c = client_connect(p->socket);
	json_t *hello = client_next(c);

	assert_true(is_type(hello, "hello"));
	assert_string_equal(json_text(hello, "vm"), "vm-1");
	assert_string_equal(json_text(hello, "version"), "1.2.3");
	assert_string_equal(json_text(hello, "release"), "6.1.0-x");
	assert_int_equal(json_number(hello, "pid"), getpid());
	assert_int_equal(json_number(hello, "history"), 0);
	assert_in_range(json_number(hello, "started") / 1000000000, time(NULL) - 10, time(NULL));
	assert_int_equal(json_array_size(json_object_get(hello, "styles")), 3);
	json_decref(hello);
	sink_destroy(s);
	client_close(c);
}

/* The good twin of test_forgotten: all is there, and goes on without a gap. */
static void test_history(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct client *first = client_open(p->socket), *late;
	json_t *hello;

	for (int i = 1; i <= 100; i++)
		report_number(s, (uint64_t)i);
	sink_record(s, "{\"type\":\"other\"}\n", 17); /* not repeated */
	expect_reports(first, 1, 100);
	late = client_connect(p->socket);
	hello = client_next(late);
	assert_int_equal(json_number(hello, "history"), 100);
	json_decref(hello);
	for (int i = 101; i <= 110; i++)
		report_number(s, (uint64_t)i);
	expect_reports(late, 1, 110);
	assert_int_equal(sink_lost(s), 0);
	sink_destroy(s);
	assert_null(client_next(late));
	client_close(first);
	client_close(late);
}

/* By number of reports, and by bytes: the first thing said is how many are missing. */
static void forgotten(struct place *p, size_t limit, int reports)
{
	struct sink_config config = {
		.vm = "vm-1", .socket_path = p->socket, .history_limit = limit};
	struct sink *s = sink_start(&config);
	struct client *c = client_open(p->socket), *late;
	json_int_t lost = 0, kept, first;
	json_t *hello;

	for (int i = 1; i <= reports; i++) {
		report_number(s, (uint64_t)i);
		next_report(c, &lost);
	}
	late = client_connect(p->socket);
	hello = client_next(late);
	kept = json_number(hello, "history");
	json_decref(hello);
	assert_in_range(kept, 1, reports - 1);
	lost = 0;
	first = next_report(late, &lost);
	assert_int_equal(first, reports - kept + 1);
	assert_int_equal(lost, reports - kept);
	expect_reports(late, (int)first + 1, reports);
	sink_destroy(s);
	client_close(c);
	client_close(late);
}

static void test_forgotten(void **state)
{
	forgotten(*state, 20000, 50);
	forgotten(*state, 64u << 20, 1100);
}

/* A late reader that takes its time with what was before: it does not lose that meanwhile. */
static void test_slow_history(void **state)
{
	struct place *p = *state;
	struct sink_config config = {
		.vm = "vm-1", .socket_path = p->socket, .history_limit = 1u << 20};
	struct sink *s = sink_start(&config);
	struct client *c = client_open(p->socket), *late;
	json_int_t lost = 0, missed = 0, seq, kept;
	json_t *hello;

	for (int i = 1; i <= 500; i++) {
		report_number(s, (uint64_t)i);
		next_report(c, &lost);
	}
	late = client_connect(p->socket);
	hello = client_next(late);
	kept = json_number(hello, "history");
	json_decref(hello);
	for (int i = 501; i <= 1500; i++) {
		report_number(s, (uint64_t)i);
		next_report(c, &lost);
	}
	assert_int_equal(lost, 0); /* of the good reader */
	seq = next_report(late, &missed);
	assert_int_equal(seq, 500 - kept + 1);
	for (int i = 1; i < kept; i++)
		assert_int_equal(next_report(late, &lost), ++seq);
	assert_int_equal(lost, 0);
	while (seq < 1500) { /* what it lost is behind that, and said */
		json_t *j = client_next(late);

		if (is_type(j, "lost"))
			seq += json_number(j, "count");
		else
			assert_int_equal(json_number(j, "seq"), ++seq);
		json_decref(j);
	}
	assert_int_equal(seq, 1500);
	sink_destroy(s);
	client_close(c);
	client_close(late);
}

/* Readers that come while reports are made get each one once. */
static void test_join(void **state)
{
	struct place *p = *state;
	struct sink_config config = {
		.vm = "vm-1", .socket_path = p->socket, .reader_limit = 64u << 20};
	struct sink *s = sink_start(&config);
	struct client *c[8];

	for (int i = 0; i < 8; i++) {
		c[i] = client_connect(p->socket);
		for (int k = 1; k <= 50; k++)
			report_number(s, (uint64_t)(50 * i + k));
	}
	for (int i = 0; i < 8; i++) {
		json_decref(client_next(c[i]));
		expect_reports(c[i], 1, 400);
		client_close(c[i]);
	}
	assert_int_equal(sink_lost(s), 0);
	sink_destroy(s);
}

/* A state is not logged, and no loss where there is no room for it. */
static void test_state(void **state)
{
	static const char beat[] = "{\"v\":1,\"type\":\"heartbeat\"}\n";
	struct place *p = *state;
	struct sink_config config = {
		.vm = "vm-1", .socket_path = p->socket, .log_path = p->log, .reader_limit = 10000};
	struct sink *s = sink_start(&config);
	struct client *c = client_open(p->socket);
	struct stat st;
	json_t *j;

	sink_state(s, beat, sizeof(beat) - 1);
	j = client_next(c);
	assert_true(is_type(j, "heartbeat"));
	json_decref(j);
	for (int i = 0; i < 100000; i++)
		sink_state(s, beat, sizeof(beat) - 1);
	sink_finish(s); /* after a second: it does not take them */
	assert_true(sink_lost(s) < 1000);
	sink_destroy(s);
	while ((j = client_next(c))) {
		assert_true(is_type(j, "heartbeat"));
		json_decref(j);
	}
	assert_int_equal(stat(p->log, &st), 0);
	assert_int_equal(st.st_size, 0);
	client_close(c);
}

static void test_forms(void **state)
{
	struct place *p = *state;
	char form[4][80], expected[4][80];
	struct stat st;

	snprintf(form[0], sizeof(form[0]), "%s/a-{vm}-{vm}.s", p->dir);
	snprintf(expected[0], sizeof(expected[0]), "%s/a-vm-1-vm-1.s", p->dir);
	snprintf(form[1], sizeof(form[1]), "%s", p->dir);
	snprintf(form[2], sizeof(form[2]), "%s/", p->dir);
	snprintf(expected[1], sizeof(expected[1]), "%s/vm-1.sock", p->dir);
	strcpy(expected[2], expected[1]);
	snprintf(form[3], sizeof(form[3]), "@report-stream-%d-{vm}", (int)getpid());
	snprintf(expected[3], sizeof(expected[3]), "@report-stream-%d-vm-1", (int)getpid());
	for (int i = 0; i < 4; i++) {
		struct sink_config config = {.vm = "vm-1", .socket_path = form[i]};
		struct sink *s = sink_start(&config);

		client_close(client_open(expected[i]));
		sink_destroy(s);
		assert_int_equal(stat(expected[i], &st), -1);
	}
}

/* Two VMs in one folder do not disturb each other; two of one name do. */
static void test_folder(void **state)
{
	struct place *p = *state;
	struct sink_config one = {.vm = "vm-1", .socket_path = p->dir},
			   two = {.vm = "vm-2", .socket_path = p->dir};
	struct sink *a = sink_start(&one), *b = sink_start(&two), *c;
	char err[256], path[80];

	assert_int_equal(sink_create(&one, &c, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "in use"));
	sink_destroy(b);
	snprintf(path, sizeof(path), "%s/vm-1.sock", p->dir);
	client_close(client_open(path));
	sink_destroy(a);
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "kmc-1", "VM_2.x", "0"};
	static const char *const bad[] = {"",	  ".",	 "..",	 ".hidden", "-x",	"a/b", "/",
					  "../x", "a b", "{vm}", "a\n",	    "\xc3\xa4", "@x"};
	char longest[SINK_NAME_MAX + 2], err[256];
	struct sink *s;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(sink_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sink_config config = {.vm = bad[i]};

		assert_false(sink_name_ok(bad[i]));
		assert_int_equal(sink_create(&config, &s, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "--name"));
	}
	memset(longest, 'x', sizeof(longest));
	longest[SINK_NAME_MAX + 1] = '\0';
	assert_false(sink_name_ok(longest));
	longest[SINK_NAME_MAX] = '\0';
	assert_true(sink_name_ok(longest));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hello),	 TEST(test_history), TEST(test_forgotten),
		TEST(test_slow_history), TEST(test_join),    TEST(test_state),
		TEST(test_forms),	 TEST(test_folder),  TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
