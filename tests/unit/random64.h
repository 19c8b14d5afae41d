/* SPDX-License-Identifier: GPL-2.0-only */
/* random64.h: the same pseudo-random numbers in every run, so that a failing case is found again (xorshift64*). */
#ifndef TESTS_RANDOM64_H
#define TESTS_RANDOM64_H

#include <stdint.h>

/* For tests that choose where a sequence begins; *state is never 0. */
static inline uint64_t random64_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t random64(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;

	return random64_next(&state);
}

#endif
