// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_leaks.c: objects that nothing points to when the guest powers off, and their good twins, which are
 * reached from static memory: by an interior pointer, through lists, through other objects.
 *
 * None has the size of a struct vm_struct (kmalloc-96): since 6.9 vmap areas that nobody uses are kept, each
 * with its pointer to one that was freed (mm/vmalloc.c), and what is allocated there would be reached.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "kmc_test.h"

struct node {
	char name[24];
	struct list_head list;
	struct node *down;
	char data[256];
};

static void *interior, *words[2];
static LIST_HEAD(kept);
static struct node *chain;
static DEFINE_SPINLOCK(kept_lock);

/*
 * What the allocator and those who watch it left on the stack, some two thousand bytes deep, must not be a
 * pointer to what is leaked.
 */
static noinline void wipe_stack(unsigned int times)
{
	volatile char junk[1024];
	size_t i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
	if (times > 1)
		wipe_stack(times - 1);
	barrier(); /* no tail call: each has its own kilobyte */
}

static __always_inline struct node *make_node(void)
{
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	if (n)
		strscpy(n->name, "node of kmc_bugs", sizeof(n->name));
	return hidden(n);
}

/*
 * Each is lost several times at one place: some may still be found in what registers and interrupts left on
 * a stack.
 */
#define TIMES 8

#define LEAK(name)                                                                                 \
	static __always_inline int lose_##name(bool bug);                                          \
	TEST(leak_##name)                                                                          \
	{                                                                                          \
		unsigned int n = bug ? TIMES : 1;                                                  \
		int err = 0;                                                                       \
                                                                                                   \
		OPTIMIZER_HIDE_VAR(n);                                                             \
		for (; n && !err; n--)                                                             \
			err = lose_##name(bug);                                                    \
		wipe_stack(5);                                                                     \
		return err;                                                                        \
	}                                                                                          \
	static __always_inline int lose_##name(bool bug)

/* One object; kept by a pointer into its middle. */
LEAK(interior)
{
	char *p = kzalloc(600, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	if (!bug)
		WRITE_ONCE(interior, p + 40);
	return 0;
}

/* Kept as the member of a list, whose head points to the node inside the object. */
LEAK(listed)
{
	struct node *n = make_node();

	if (!n)
		return -ENOMEM;
	if (bug) {
		INIT_LIST_HEAD(&n->list); /* a ring of its own */
	} else {
		spin_lock(&kept_lock);
		list_add_tail(&n->list, &kept);
		spin_unlock(&kept_lock);
	}
	return 0;
}

/* The first of three; the others are reached through it, and through the low bits of a tagged pointer. */
LEAK(chain)
{
	struct node *a = make_node(), *b = make_node(), *c = make_node();

	if (!a || !b || !c)
		return -ENOMEM;
	a->down = b;
	b->down = (struct node *)((unsigned long)c | 1);
	if (!bug)
		WRITE_ONCE(chain, a);
	return 0;
}

/* Larger than any slab object. */
LEAK(large)
{
	char *p = kzalloc(5 * PAGE_SIZE, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	WRITE_ONCE(words[bug], bug ? NULL : p + 3 * PAGE_SIZE);
	return 0;
}

/* clang-format off */
#define PAIRS(X) X(leak_interior) X(leak_listed) X(leak_chain) X(leak_large)
/* clang-format on */

static const struct test_entry entries[] = { PAIRS(GOOD_ENTRY) PAIRS(BUG_ENTRY) };

const struct test_table leak_tests = { entries, ARRAY_SIZE(entries) };
