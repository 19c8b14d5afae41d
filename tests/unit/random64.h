/* SPDX-License-Identifier: GPL-2.0-only */
/* random64.h: the same pseudo-random numbers in every run (Marsaglia's xorshift). */
#ifndef TESTS_RANDOM64_H
#define TESTS_RANDOM64_H

#include <stdint.h>

static inline uint64_t random64(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
