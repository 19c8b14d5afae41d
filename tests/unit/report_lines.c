// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_lines.c: how what a reader sends is cut into lines, whatever it sends and in whatever
 * pieces it comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lines.h"

#define ROUNDS	   300
#define INPUT	   200000u
#define TRANSCRIPT (INPUT * 2)

struct transcript {
	size_t len;
	char text[TRANSCRIPT];
};

static void note(struct transcript *t, enum line_result result, const char *line, size_t len)
{
	t->text[t->len++] = result == LINE_WHOLE ? '+' : '!';
	if (result == LINE_WHOLE) {
		assert_true(len <= LINE_BYTES);
		memcpy(t->text + t->len, line, len);
		t->len += len;
	}
	t->text[t->len++] = '\n';
}

static void take(struct lines *l, struct transcript *t)
{
	enum line_result result;
	const char *line;
	size_t len;

	while ((result = lines_next(l, &line, &len)) != LINE_NONE)
		note(t, result, line, len);
}

/* Feeds in in pieces of at most so many bytes. */
static void feed(struct lines *l, const char *in, size_t len, size_t piece, struct transcript *t)
{
	while (len) {
		size_t room, n = len < piece ? len : piece;
		char *to = lines_room(l, &room);

		assert_non_null(to);
		assert_true(room > 0); /* recv() would take 0 for the end */
		n = n < room ? n : room;
		memcpy(to, in, n);
		lines_add(l, n);
		take(l, t);
		in += n;
		len -= n;
	}
}

static void cut(const char *in, size_t len, size_t piece, struct transcript *t)
{
	struct lines l = {0};

	t->len = 0;
	feed(&l, in, len, piece, t);
	lines_end(&l);
	take(&l, t);
	lines_deinit(&l);
	t->text[t->len] = '\0';
}

static struct transcript once, again;

static void test_table(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"\n\n \t\r\n", ""},
		{"a\n", "+a\n"},
		{"a\nbc\n\nd\n", "+a\n+bc\n+d\n"},
		{"no end", "+no end\n"},
		{"a\n   ", "+a\n"},
		{"a\r\n", "+a\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece < 5; piece++) {
			cut(cases[i].in, strlen(cases[i].in), piece, &once);
			assert_string_equal(once.text, cases[i].out);
		}
	}
}

/* The longest line there may be, and one byte more, at the end of the input and before others. */
static void test_long(void **state)
{
	static char in[INPUT];

	for (int more = 0; more < 2; more++) {
		size_t n = LINE_BYTES + (size_t)more;

		memset(in, 'x', n);
		memcpy(in + n, "\nok\n", 4);
		cut(in, n + 4, 4096, &once);
		assert_int_equal(once.text[0], more ? '!' : '+');
		assert_non_null(strstr(once.text, "\n+ok\n"));
		cut(in, n, 4096, &once);
		assert_int_equal(once.text[0], more ? '!' : '+');
		assert_int_equal(once.len, more ? 2 : n + 2);
	}
	memset(in, 'x', INPUT);
	memcpy(in + INPUT - 4, "\nok\n", 4);
	cut(in, INPUT, 65536, &once);
	assert_string_equal(once.text, "!\n+ok\n"); /* said once, skipped to its end */
}

/* NULs, other bytes, lines of all lengths: the pieces in which they come change nothing. */
static void test_pieces(void **state)
{
	static char in[INPUT];

	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		size_t len = (size_t)rand() % (round % 10 ? 2000 : INPUT);
		int newlines = 1 << rand() % 18;

		for (size_t i = 0; i < len; i++)
			in[i] = rand() % newlines ? (char)rand() : '\n';
		cut(in, len, INPUT, &once);
		cut(in, len, 1 + (size_t)rand() % 9000, &again);
		assert_int_equal(once.len, again.len);
		assert_memory_equal(once.text, again.text, once.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
