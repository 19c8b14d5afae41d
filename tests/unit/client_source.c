// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_source.c: where kmc-report gets its lines from: files that grow or are replaced, sockets
 * of a real sink that go and come back, lines that are too long or cut off; and how sources are
 * merged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "input.h"
#include "sink.h"
#include "source.h"

#define WAIT_MS 10000 /* longer than that nothing takes */

struct place {
	char dir[32], a[64], b[64], socket[64];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/client_source.XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->a, sizeof(p->a), "%s/a.jsonl", p->dir);
	snprintf(p->b, sizeof(p->b), "%s/b.log", p->dir);
	snprintf(p->socket, sizeof(p->socket), "%s/socket", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->a);
	unlink(p->b);
	unlink(p->socket);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void put(const char *path, const char *mode, const char *text)
{
	FILE *f = fopen(path, mode);

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

/* The next line, or what there is instead once nothing comes any more. */
static enum source_state expect(struct source *s, const char *want)
{
	enum source_state state = SOURCE_WAIT;
	const char *line;
	size_t len;

	for (int ms = 0; ms < WAIT_MS && state == SOURCE_WAIT; ms += 10) {
		state = source_next(s, &line, &len);
		if (state == SOURCE_WAIT) {
			if (!want)
				return state;
			nap();
		}
	}
	if (!want)
		return state;
	assert_int_equal(state, SOURCE_LINE);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
	return state;
}

static void test_file(void **state)
{
	struct place *p = *state;
	struct source *s;

	put(p->a, "w", "one\n\ntwo\nlast");
	s = source_create(p->a, false);
	expect(s, "one");
	expect(s, "");
	expect(s, "two");
	expect(s, "last"); /* a file may end without a line feed */
	assert_int_equal(expect(s, NULL), SOURCE_END);
	assert_int_equal(expect(s, NULL), SOURCE_END);
	assert_int_equal(source_bad_lines(s), 0);
	assert_true(source_opened(s));
	source_destroy(s);
}

static void test_missing(void **state)
{
	struct place *p = *state;
	struct source *s = source_create(p->a, false);

	assert_int_equal(expect(s, NULL), SOURCE_END);
	assert_false(source_opened(s));
	assert_non_null(strstr(source_error(s), "No such file"));
	source_destroy(s);
	s = source_create(p->dir, false);
	assert_int_equal(expect(s, NULL), SOURCE_END);
	assert_non_null(strstr(source_error(s), "directory"));
	source_destroy(s);
}

/* A log that comes later, grows in the middle of a line, is cut off, and is replaced. */
static void test_follow(void **state)
{
	struct place *p = *state;
	struct source *s = source_create(p->a, true);

	assert_int_equal(expect(s, NULL), SOURCE_WAIT);
	put(p->a, "w", "one\ntw");
	expect(s, "one");
	assert_int_equal(expect(s, NULL), SOURCE_WAIT);
	put(p->a, "a", "o\n");
	expect(s, "two");
	put(p->a, "w", "new\n"); /* shorter than before */
	expect(s, "new");
	put(p->b, "w", "other\n");
	assert_int_equal(rename(p->b, p->a), 0);
	expect(s, "other");
	assert_int_equal(source_bad_lines(s), 0);
	put(p->a, "a", "torn");
	assert_int_equal(expect(s, NULL), SOURCE_WAIT);
	put(p->a, "w", "x\n");
	expect(s, "x");
	assert_int_equal(source_bad_lines(s), 1);
	source_destroy(s);
}

/* Exactly the limit is a line; one byte more is not, and what follows is found again. */
static void test_long_lines(void **state)
{
	struct place *p = *state;
	char *big = malloc(SOURCE_LINE_MAX + 3);
	struct source *s;

	memset(big, 'x', SOURCE_LINE_MAX + 1);
	strcpy(big + SOURCE_LINE_MAX + 1, "\n");
	put(p->a, "w", big);
	put(p->a, "a", "after\n");
	put(p->a, "a", big + 1);
	put(p->a, "a", "end\n");
	put(p->a, "a", big);
	s = source_create(p->a, false);
	expect(s, "after");
	big[SOURCE_LINE_MAX] = '\0';
	expect(s, big);
	expect(s, "end");
	assert_int_equal(expect(s, NULL), SOURCE_END);
	assert_int_equal(source_bad_lines(s), 2);
	source_destroy(s);
	free(big);
}

static struct sink *sink_at(const char *path, const char *vm)
{
	struct sink_config config = { .vm = vm, .socket_path = path };
	char err[256];
	struct sink *s;

	if (sink_create(&config, &s, err, sizeof(err)))
		fail_msg("%s", err);
	return s;
}

/* Waits for the hello of this VM. */
static void expect_hello(struct source *s, const char *vm)
{
	enum source_state state = SOURCE_WAIT;
	const char *line;
	struct record r;
	size_t len;

	for (int ms = 0; ms < WAIT_MS && state == SOURCE_WAIT; ms += 10) {
		state = source_next(s, &line, &len);
		if (state == SOURCE_WAIT)
			nap();
	}
	assert_int_equal(state, SOURCE_LINE);
	assert_true(record_parse(line, len, &r));
	assert_int_equal(r.type, RECORD_HELLO);
	assert_string_equal(record_text(r.root, "vm"), vm);
	record_free(&r);
}

static void check_socket(const char *path)
{
	static const char record[] = "{\"v\":1,\"type\":\"lost\",\"count\":1}\n";
	struct source *s = source_create(path, true);
	struct sink *sink;

	assert_int_equal(expect(s, NULL), SOURCE_WAIT); /* not there yet */
	sink = sink_at(path, "first");
	expect_hello(s, "first");
	sink_record(sink, record, strlen(record));
	expect(s, "{\"v\":1,\"type\":\"lost\",\"count\":1}");
	sink_destroy(sink);
	assert_int_equal(expect(s, NULL), SOURCE_WAIT);
	sink = sink_at(path, "second"); /* the same socket, another run */
	expect_hello(s, "second");
	sink_destroy(sink);
	source_destroy(s);
}

static void test_socket(void **state)
{
	struct place *p = *state;
	char name[64];

	check_socket(p->socket);
	snprintf(name, sizeof(name), "@client_source.%d", (int)getpid());
	check_socket(name);
}

static void test_socket_ends(void **state)
{
	struct place *p = *state;
	struct sink *sink = sink_at(p->socket, "vm");
	struct source *s = source_create(p->socket, false);

	expect_hello(s, "vm");
	sink_destroy(sink);
	for (int ms = 0; ms < WAIT_MS && expect(s, NULL) == SOURCE_WAIT; ms += 10)
		nap();
	assert_int_equal(expect(s, NULL), SOURCE_END);
	source_destroy(s);
}

static void put_times(const char *path, const char *vm, const int *times)
{
	FILE *f = fopen(path, "w");

	for (; *times; times++)
		fprintf(f,
			"{\"v\":1,\"type\":\"report\",\"vm\":\"%s\",\"seq\":1,\"host_time\":%d}\n",
			vm, *times);
	fprintf(f, "{\"v\":1,\"type\":\"lost\",\"count\":1}\nno record\n");
	fclose(f);
}

/* Files of a directory by time; a record without one stays behind the one before it. */
static void test_merge(void **state)
{
	static const char want[] = "a1 b2 b3 b- a4 a7 a- ";
	struct place *p = *state;
	char *dir = p->dir, got[64] = "";
	struct input *in;
	struct record r;
	const char *vm;

	put_times(p->a, "a", (const int[]){ 1, 4, 7, 0 });
	put_times(p->b, "b", (const int[]){ 2, 3, 0 });
	in = input_create(&dir, 1, false);
	while (input_next(in, &r, &vm) == INPUT_RECORD) {
		uint64_t time = record_number(r.root, "host_time");
		char one[8];

		snprintf(one, sizeof(one), time ? "%s%llu " : "%s- ", vm, (unsigned long long)time);
		strcat(got, one);
		record_free(&r);
	}
	assert_string_equal(got, want);
	assert_int_equal(input_records(in), 7);
	assert_int_equal(input_malformed(in), 2);
	assert_true(input_opened(in));
	input_destroy(in);
}

/* A socket that appears in a directory is found. */
static void test_directory_follow(void **state)
{
	struct place *p = *state;
	char *dir = p->dir;
	struct input *in = input_create(&dir, 1, true);
	enum input_state next = INPUT_IDLE;
	struct sink *sink;
	struct record r;
	const char *vm;
	sigset_t none;

	sigemptyset(&none);
	assert_int_equal(input_next(in, &r, &vm), INPUT_IDLE);
	sink = sink_at(p->socket, "late");
	for (int ms = 0; ms < WAIT_MS && next == INPUT_IDLE; ms += 100) {
		next = input_next(in, &r, &vm);
		if (next == INPUT_IDLE)
			input_wait(in, 100, &none);
	}
	assert_int_equal(next, INPUT_RECORD);
	assert_int_equal(r.type, RECORD_HELLO);
	assert_string_equal(vm, "late");
	record_free(&r);
	input_destroy(in);
	sink_destroy(sink);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file),       TEST(test_missing),	    TEST(test_follow),
		TEST(test_long_lines), TEST(test_socket),	    TEST(test_socket_ends),
		TEST(test_merge),      TEST(test_directory_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
