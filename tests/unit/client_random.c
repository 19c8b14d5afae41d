// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_random.c: damaged streams into everything that kmc-report does with them; what is wrong
 * shows in the sanitized build. Recorded lines with bytes changed, cut, doubled and spliced; and
 * plain noise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "coverage.h"
#include "input.h"
#include "random64.h"
#include "scratch.h"
#include "view.h"

#define GOLDEN	KMC_SOURCE_DIR "/tests/golden/"
#define STREAMS 300
#define EDITS	200

struct stream {
	char *bytes;
	size_t len, size;
};

static void load(struct stream *s, const char *path)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	s->len += fread(s->bytes + s->len, 1, s->size - s->len, f);
	fclose(f);
}

static void edit(struct stream *s)
{
	static const char marks[] = "\"{}[]:,\\\n0-9.eE+ \x80\xff\x1b<&tfn";
	size_t at = random64() % s->len, n = random64() % 64, from = random64() % s->len;

	switch (random64() % 5) {
	case 0:
		s->bytes[at] = (char)random64();
		break;
	case 1:
	case 2:
		s->bytes[at] = marks[random64() % (sizeof(marks) - 1)];
		break;
	case 3: /* a piece of it somewhere else */
		if (at + n <= s->len && from + n <= s->len)
			memmove(s->bytes + at, s->bytes + from, n);
		break;
	case 4: /* a number that is too large */
		if (s->bytes[at] >= '0' && s->bytes[at] <= '9')
			for (size_t i = at; i < s->len && i < at + n && s->bytes[i] != '\n'; i++)
				s->bytes[i] = '9';
		break;
	}
}

static void show_all(const char *path)
{
	FILE *null = fopen("/dev/null", "w");
	struct view v = { .out = null, .color = true, .width = 40 + (unsigned)(random64() % 200) };
	struct input *in = input_create((char *const *)&path, 1, false);
	struct model m;
	struct record r;
	const char *vm;

	model_init(&m, true);
	while (input_next(in, &r, &vm) == INPUT_RECORD) {
		if (model_add(&m, &r, vm))
			view_text(&v, &r, vm);
		view_json(&v, &r);
		record_free(&r);
	}
	view_summary(&v, &m);
	view_html(&v, &m, "0");
	input_destroy(in);
	model_deinit(&m);
	fclose(null);
}

static void add_up(const char *path)
{
	struct coverage *c = calloc(1, sizeof(*c));
	FILE *null = fopen("/dev/null", "w");

	assert_non_null(c);
	coverage_read(c, path);
	coverage_add_up(c);
	coverage_text(null, c, true);
	coverage_json(null, c, true);
	coverage_deinit(c);
	free(c);
	fclose(null);
}

static void write_all(int fd, const struct stream *s)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, s->bytes, s->len, 0), s->len);
}

static void test_damaged(void **state)
{
	struct stream good = { .size = 1 << 20 }, s = { .size = 1 << 20 };
	char path[SCRATCH_PATH];
	int fd = scratch_file(path, "");

	assert_true(fd >= 0);
	good.bytes = malloc(good.size);
	s.bytes = malloc(s.size);
	load(&good, GOLDEN "client_a.jsonl");
	load(&good, GOLDEN "client_hostile.jsonl");
	load(&good, GOLDEN "records.jsonl");
	load(&good, GOLDEN "coverage_b.jsonl");
	load(&good, GOLDEN "coverage_hostile.jsonl");
	assert_true(good.len > 1000);
	for (int i = 0; i < STREAMS; i++) {
		memcpy(s.bytes, good.bytes, good.len);
		s.len = good.len;
		for (uint64_t n = random64() % EDITS; n; n--)
			edit(&s);
		if (i % 8 == 0)
			s.len = random64() % s.len;
		write_all(fd, &s);
		show_all(path);
		add_up(path);
	}
	close(fd);
	unlink(path);
	free(good.bytes);
	free(s.bytes);
}

static void test_noise(void **state)
{
	struct stream s = { .len = 65536, .size = 65536 };
	char path[SCRATCH_PATH];
	int fd = scratch_file(path, "");

	assert_true(fd >= 0);
	s.bytes = malloc(s.size);
	for (int i = 0; i < 20; i++) {
		for (size_t n = 0; n < s.len; n++)
			s.bytes[n] = (char)random64();
		write_all(fd, &s);
		show_all(path);
		add_up(path);
	}
	close(fd);
	unlink(path);
	free(s.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
