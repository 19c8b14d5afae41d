/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_test.h: how the tests of kmc_bugs.ko are written: a bug and its good twin from one body,
 * and a table of them in each file.
 */
#ifndef KMC_TEST_H
#define KMC_TEST_H

#include <linux/compiler.h>
#include <linux/types.h>

struct kmem_cache;

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

struct test_entry {
	const char *test, *function;
	bool bug;
	int (*run)(void);
};

struct test_table {
	const struct test_entry *entries;
	unsigned int n;
};

#define BUG_ENTRY(name)	 { #name, "bug_" #name, true, bug_##name },
#define GOOD_ENTRY(name) { #name, "good_" #name, false, good_##name },

extern const struct test_table object_tests;  /* kmc_objects.c */
extern const struct test_table defined_tests; /* kmc_defined.c */
extern const struct test_table trace_tests;   /* kmc_traces.c */
extern const struct test_table leak_tests;    /* kmc_leaks.c */
extern const struct test_table cache_tests;   /* kmc_caches.c */

/* kmc_count.c, instead of tests. 0, or -errno. */
int run_count(void);
/* kmc_recall.c, the same. */
int run_recall(void);
/* The caches of kmc_objects.c, before its tests. */
int make_object_caches(void);

/* A cache that is never merged with another one. Or NULL. */
struct kmem_cache *private_cache(const char *name, unsigned int size, unsigned int align);

/* An object of which nothing is initialised, and one whose requested bytes all are. Or NULL. */
void *raw_object(size_t size);
void *filled_object(size_t size);

#endif
