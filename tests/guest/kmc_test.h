/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_test.h: how the tests of kmc_bugs.c are written: a bug and its good twin from one body.
 */
#ifndef KMC_TEST_H
#define KMC_TEST_H

#include <linux/compiler.h>

/* Hides from the compiler what it knows of a pointer and of the object behind it. */
static __always_inline void *hidden(void *p)
{
	OPTIMIZER_HIDE_VAR(p);
	return p;
}

/*
 * Body of a test: bug_NAME() calls it with true, good_NAME() with false. All of it is inlined, so
 * that the access is made by that function. Returns 0, -ENOMEM, or -EOPNOTSUPP where the CPU lacks
 * it.
 */
#define TEST(name)                                                                                 \
	static __always_inline int test_##name(bool bug);                                          \
	static noinline __used int bug_##name(void)                                                \
	{                                                                                          \
		return test_##name(true);                                                          \
	}                                                                                          \
	static noinline __used int good_##name(void)                                               \
	{                                                                                          \
		return test_##name(false);                                                         \
	}                                                                                          \
	static __always_inline int test_##name(bool bug)

/* A legal thing that looks like an error. */
#define GOOD(name) static noinline __used int good_##name(void)

#endif
