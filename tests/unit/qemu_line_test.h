/* SPDX-License-Identifier: GPL-2.0-only */
/* qemu_line_test.h: command lines as one reads them. Used by the tests of vmm/qemu/. */
#ifndef TESTS_QEMU_LINE_TEST_H
#define TESTS_QEMU_LINE_TEST_H

#define LINE_WORDS 96

/*
 * Cuts line at blanks, in place; a part in '' has blanks. words: LINE_WORDS of them, NULL behind
 * the last one. Returns how many.
 */
static inline int cut_line(char *line, char **words)
{
	int n = 0;

	while (*line && n < LINE_WORDS - 1) {
		char end = *line == '\'' ? '\'' : ' ';

		words[n++] = line += end == '\'';
		while (*line && *line != end)
			line++;
		while (*line == end || *line == ' ')
			*line++ = '\0';
	}
	words[n] = 0;
	return n;
}

#endif
