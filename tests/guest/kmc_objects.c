// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_objects.c: accesses and frees that are wrong at once, whoever looks at the one instruction:
 * undefined bytes compared, freed objects, bytes out of bounds, slots that nobody owns, bad frees.
 *
 * No bug may harm the guest: bad writes hit only slack of their own slot or a free slot away from
 * the allocator's pointer in its middle; bad frees are done in caches of their own, from which
 * nothing is ever allocated again and which are never destroyed. So the module cannot be unloaded.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "kmc_access.h"
#include "kmc_test.h"

/* Sizes of the private caches: SLACK has slack in its slots, the others have none. */
#define SLACK_SIZE 36
#define SLACK_SLOT 40
#define CELL_SIZE  192
#define OBJECTS	   64

static struct kmem_cache *slack_cache, *cell_cache, *rcu_cache, *ctor_cache;

/* It has a usercopy region. */
struct kmem_cache *private_cache(const char *name, unsigned int size, unsigned int align)
{
	return kmem_cache_create_usercopy(name, size, align, 0, 0, size, NULL);
}

/* Reads of bytes that nobody wrote. */

#define UNINIT(name, size, offset, bytes)                                                          \
	TEST(uninit_##name)                                                                        \
	{                                                                                          \
		char *p = bug ? raw_object(size) : filled_object(size);                            \
                                                                                                   \
		if (!p)                                                                            \
			return -ENOMEM;                                                            \
		cmp##bytes(p + (offset));                                                          \
		kfree(p);                                                                          \
		return 0;                                                                          \
	}
UNINIT(byte, 24, 3, 1)
UNINIT(word, 24, 6, 2)
UNINIT(dword, 40, 8, 4)
UNINIT(qword, 100, 16, 8)
UNINIT(large, 12300, 8192, 8)

/* Only the last of eight bytes is undefined, and the others do not decide the comparison with 1. */
TEST(uninit_last_byte)
{
	char *p = raw_object(24);

	if (!p)
		return -ENOMEM;
	memset(p, 0, bug ? 15 : 16);
	p[8] = 1;
	cmp8(p + 8);
	kfree(p);
	return 0;
}

/* Three bytes in one page, five in the next; only those are undefined. */
TEST(uninit_crossing)
{
	char *p = raw_object(6000);

	if (!p)
		return -ENOMEM;
	memset(p, 0, bug ? 4096 : 6000);
	p[4093] = 1;
	cmp8(p + 4093);
	kfree(p);
	return 0;
}

TEST(uninit_sse)
{
	char *p = bug ? raw_object(64) : filled_object(64);

	if (!p)
		return -ENOMEM;
	kernel_fpu_begin();
	cmp16(p + 16);
	kernel_fpu_end();
	kfree(p);
	return 0;
}

TEST(uninit_avx)
{
	char *p;

	if (!boot_cpu_has(X86_FEATURE_AVX))
		return -EOPNOTSUPP;
	p = bug ? raw_object(64) : filled_object(64);
	if (!p)
		return -ENOMEM;
	kernel_fpu_begin();
	cmp32(p + 32);
	kernel_fpu_end();
	kfree(p);
	return 0;
}

TEST(uninit_locked)
{
	char *p = bug ? raw_object(48) : filled_object(48);

	if (!p)
		return -ENOMEM;
	locked_dec_and_test4(p + 4);
	kfree(p);
	return 0;
}

TEST(uninit_cache)
{
	char *p = kmem_cache_alloc(cell_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	if (!bug)
		memset(p, 0x5a, CELL_SIZE);
	cmp4(p + 100);
	kmem_cache_free(cell_cache, p);
	return 0;
}

TEST(uninit_bulk)
{
	void *p[4];

	if (!kmem_cache_alloc_bulk(cell_cache, GFP_KERNEL, 4, p))
		return -ENOMEM;
	if (!bug)
		memset(p[2], 0x5a, CELL_SIZE);
	cmp4(p[2] + 40);
	kmem_cache_free_bulk(cell_cache, 4, p);
	return 0;
}

/* krealloc in place: the bytes behind the old end are new. */
TEST(uninit_krealloc)
{
	char *p = filled_object(20);
	char *q = p ? hidden(krealloc(p, 28, GFP_ATOMIC)) : NULL;

	if (!q)
		return -ENOMEM;
	if (!bug)
		memset(q + 20, 0x5a, 8);
	cmp4(q + 20);
	kfree(q);
	return 0;
}

/* Accesses to freed objects, with interrupts off so that nobody else gets them meanwhile. */

#define UAF(name, size, access)                                                                    \
	TEST(uaf_##name)                                                                           \
	{                                                                                          \
		char *p = filled_object(size);                                                     \
		u64 copy[4] __maybe_unused;                                                        \
		unsigned long irq;                                                                 \
                                                                                                   \
		if (!p)                                                                            \
			return -ENOMEM;                                                            \
		local_irq_save(irq);                                                               \
		if (bug)                                                                           \
			kfree(p);                                                                  \
		p = hidden(p);                                                                     \
		access;                                                                            \
		local_irq_restore(irq);                                                            \
		if (!bug)                                                                          \
			kfree(p);                                                                  \
		return 0;                                                                          \
	}
UAF(read_byte, 90, cmp1(p + 7))
UAF(read_dword, 90, cmp4(p + 16))
UAF(read_qword, 200, cmp8(p + 24))
UAF(read_rep, 90, rep_movsq(copy, p, 4))
UAF(write_byte, 90, store1(p + 3))
UAF(write_word, 90, store2(p + 6))
UAF(write_qword, 60, store8(p + 8))
UAF(write_rep, 90, rep_stosb(p, 0, 16))
UAF(write_locked, 90, locked_inc4(p + 4))
UAF(read_crossing, 6000, cmp8(p + 4092))

TEST(uaf_write_sse)
{
	char *p = filled_object(90);

	if (!p)
		return -ENOMEM;
	kernel_fpu_begin();
	if (bug)
		kfree(p);
	p = hidden(p);
	store16(p + 16);
	kernel_fpu_end();
	if (!bug)
		kfree(p);
	return 0;
}

TEST(uaf_read_cache)
{
	char *p = kmem_cache_zalloc(cell_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	if (bug)
		kmem_cache_free(cell_cache, p);
	p = hidden(p);
	cmp4(p + 8);
	if (!bug)
		kmem_cache_free(cell_cache, p);
	return 0;
}

TEST(uaf_read_bulk)
{
	void *p[4], *q;

	if (!kmem_cache_alloc_bulk(cell_cache, GFP_KERNEL | __GFP_ZERO, 4, p))
		return -ENOMEM;
	q = hidden(p[1]);
	if (bug)
		kmem_cache_free_bulk(cell_cache, 4, p);
	cmp4(q + 8);
	if (!bug)
		kmem_cache_free_bulk(cell_cache, 4, p);
	return 0;
}

/* krealloc that moves: the old object is freed. */
TEST(uaf_read_krealloc)
{
	char *p = filled_object(90), *old = hidden(p), *q;
	unsigned long irq;

	local_irq_save(irq);
	q = p ? hidden(krealloc(p, 500, GFP_ATOMIC)) : NULL;
	if (q)
		cmp4(bug ? old + 8 : q + 8);
	local_irq_restore(irq);
	kfree(q);
	return q ? 0 : -ENOMEM;
}

/* Accesses behind what was asked for, or in front of it. The twin asks for enough. */

#define OOB(name, bug_size, good_size, access)                                                     \
	TEST(oob_##name)                                                                           \
	{                                                                                          \
		char *p = filled_object(bug ? (bug_size) : (good_size));                           \
		char copy[64] __maybe_unused;                                                      \
                                                                                                   \
		if (!p)                                                                            \
			return -ENOMEM;                                                            \
		access;                                                                            \
		kfree(p);                                                                          \
		return 0;                                                                          \
	}
OOB(read_byte, 13, 14, cmp1(p + 13))
OOB(read_word, 27, 28, cmp2(p + 26))
OOB(read_dword, 13, 14, cmp4(p + 10))
OOB(read_qword, 50, 56, cmp8(p + 48))
OOB(read_rep, 60, 64, rep_movsb(copy, p, 64))
OOB(read_crossing, 4100, 4102, cmp8(p + 4094))
OOB(read_large, 9000, 9008, cmp8(p + 9000))
OOB(write_byte, 13, 14, store1(p + 13))
OOB(write_dword, 21, 24, store4(p + 20))
OOB(write_qword, 20, 24, store8(p + 16))
OOB(write_rep, 100, 104, rep_stosb(p, 0, 104))
OOB(write_locked, 20, 24, locked_inc4(p + 20))
OOB(write_large, 9000, 9001, store1(p + 9000))

TEST(oob_write_sse)
{
	char *p = filled_object(bug ? 40 : 48);

	if (!p)
		return -ENOMEM;
	kernel_fpu_begin();
	store16(p + 32);
	kernel_fpu_end();
	kfree(p);
	return 0;
}

TEST(oob_write_avx)
{
	char *p;

	if (!boot_cpu_has(X86_FEATURE_AVX))
		return -EOPNOTSUPP;
	p = filled_object(bug ? 72 : 96);
	if (!p)
		return -ENOMEM;
	kernel_fpu_begin();
	store32(p + 64);
	kernel_fpu_end();
	kfree(p);
	return 0;
}

/* 64 bytes at once, or by rep movs where there is no AVX-512: the same bytes are bad. */
TEST(oob_read_zmm)
{
	char *p = filled_object(bug ? 100 : 128);
	static char copy[64] __aligned(64); /* in one page */

	if (!p)
		return -ENOMEM;
	if (boot_cpu_has(X86_FEATURE_AVX512F)) {
		kernel_fpu_begin();
		load64(p + 64);
		kernel_fpu_end();
	} else {
		rep_movsb(copy, p + 64, 64);
	}
	kfree(p);
	return 0;
}

/* In front of an object: the slack of the one before it, which is allocated too. */
TEST(oob_read_below)
{
	void *p[OBJECTS];
	unsigned int i, j;

	if (!kmem_cache_alloc_bulk(slack_cache, GFP_KERNEL | __GFP_ZERO, OBJECTS, p))
		return -ENOMEM;
	for (i = 0; i < OBJECTS; i++)
		for (j = 0; j < OBJECTS; j++)
			if (p[j] == p[i] + SLACK_SLOT && offset_in_page(p[j]))
				goto found;
found:
	if (i < OBJECTS)
		cmp1(bug ? p[j] - 1 : p[j]);
	kmem_cache_free_bulk(slack_cache, OBJECTS, p);
	return i < OBJECTS ? 0 : -ENOMEM;
}

TEST(oob_read_bulk)
{
	void *p[4];

	if (!kmem_cache_alloc_bulk(slack_cache, GFP_KERNEL | __GFP_ZERO, 4, p))
		return -ENOMEM;
	cmp4(p[3] + (bug ? SLACK_SIZE : SLACK_SIZE - 4));
	kmem_cache_free_bulk(slack_cache, 4, p);
	return 0;
}

TEST(oob_write_cache)
{
	char *p = kmem_cache_zalloc(slack_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	store2(p + (bug ? SLACK_SIZE - 1 : SLACK_SIZE - 2));
	kmem_cache_free(slack_cache, p);
	return 0;
}

/* krealloc in place to a smaller size gives the rest back. */
TEST(oob_read_krealloc)
{
	char *p = filled_object(60);
	char *q = p ? hidden(krealloc(p, bug ? 40 : 44, GFP_ATOMIC)) : NULL;

	if (!q)
		return -ENOMEM;
	cmp4(q + 40);
	kfree(q);
	return 0;
}

TEST(oob_write_krealloc)
{
	char *p = filled_object(20);
	char *q = p ? hidden(krealloc(p, bug ? 28 : 29, GFP_ATOMIC)) : NULL;

	if (!q)
		return -ENOMEM;
	store1(q + 28);
	kfree(q);
	return 0;
}

/* The slot beside the only object of a new cache belongs to nobody. */

static __always_inline void *neighbour(void *p)
{
	return offset_in_page(p) + 2 * CELL_SIZE <= PAGE_SIZE ? p + CELL_SIZE : p - CELL_SIZE;
}

#define UNALLOCATED(name, access)                                                                  \
	TEST(unallocated_##name)                                                                   \
	{                                                                                          \
		struct kmem_cache *cache = private_cache(                                          \
			bug ? "kmc_lonely_" #name : "kmc_lonely_" #name "_good", CELL_SIZE, 0);    \
		char *own = cache ? kmem_cache_zalloc(cache, GFP_KERNEL) : NULL, *p;               \
                                                                                                   \
		if (!own)                                                                          \
			return -ENOMEM;                                                            \
		p = hidden(bug ? neighbour(own) : own);                                            \
		access;                                                                            \
		kmem_cache_free(cache, own);                                                       \
		kmem_cache_destroy(cache);                                                         \
		return 0;                                                                          \
	}
UNALLOCATED(read, cmp4(p + 16))
UNALLOCATED(write, store4(p + 16))

/*
 * Bad frees. Freeing an object twice in a row is a BUG(), so another one is freed in between, which
 * leaves a circular free list. Both must be in one slab, so both are allocated on one CPU.
 */

/* What a bad free leaves allocated is no leak: leaks are for kmc_leaks.c. */
static void *left_over[16];
static unsigned int nleft_over;

#define BAD_FREE(name, sequence, good)                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		struct kmem_cache *cache =                                                         \
			private_cache(bug ? "kmc_" #name : "kmc_" #name "_good", CELL_SIZE, 0);    \
		void *a, *b;                                                                       \
                                                                                                   \
		if (!cache)                                                                        \
			return -ENOMEM;                                                            \
		preempt_disable();                                                                 \
		a = hidden(kmem_cache_zalloc(cache, GFP_ATOMIC));                                  \
		b = hidden(kmem_cache_zalloc(cache, GFP_ATOMIC));                                  \
		if (bug && a && b) {                                                               \
			WRITE_ONCE(left_over[nleft_over++ % ARRAY_SIZE(left_over)], a);            \
			WRITE_ONCE(left_over[nleft_over++ % ARRAY_SIZE(left_over)], b);            \
			sequence;                                                                  \
		} else if (a && b) {                                                               \
			good;                                                                      \
		}                                                                                  \
		preempt_enable();                                                                  \
		if (!bug)                                                                          \
			kmem_cache_destroy(cache);                                                 \
		return a && b ? 0 : -ENOMEM;                                                       \
	}
#define FREE(p)	     kmem_cache_free(cache, p)
#define FREE_BULK(p) kmem_cache_free_bulk(cache, 1, &(p))
BAD_FREE(double_free_cache, (FREE(a), FREE(b), FREE(a)), (FREE(a), FREE(b)))
BAD_FREE(double_free_kfree, (kfree(a), kfree(b), kfree(a)), (kfree(a), kfree(b)))
BAD_FREE(double_free_bulk, (FREE_BULK(a), FREE_BULK(b), FREE_BULK(a)), (FREE_BULK(a), FREE_BULK(b)))
BAD_FREE(invalid_free_cache, FREE(a + 8), (FREE(a), FREE(b)))
BAD_FREE(invalid_free_kfree, kfree(a + 16), (kfree(a), kfree(b)))

/* Legal accesses that look illegal. */

GOOD(gfp_zero)
{
	char *p = kzalloc(24, GFP_KERNEL), *q = kmem_cache_zalloc(cell_cache, GFP_KERNEL);

	if (p && q) {
		cmp8(p + 16);
		cmp8(q + CELL_SIZE - 8);
	}
	kfree(p);
	if (q)
		kmem_cache_free(cell_cache, q);
	return p && q ? 0 : -ENOMEM;
}

GOOD(memcpy)
{
	char *p = filled_object(100), *q = raw_object(100);

	if (p && q) {
		memcpy(q, p, 100);
		cmp4(q + 96);
	}
	kfree(p);
	kfree(q);
	return p && q ? 0 : -ENOMEM;
}

GOOD(ksize)
{
	char *p = filled_object(13);
	size_t size = ksize(p);

	if (!p)
		return -ENOMEM;
	store1(p + size - 1);
	cmp1(p + size - 1);
	kfree(p);
	return 0;
}

GOOD(krealloc_growth)
{
	char *p = filled_object(20), *q = p ? krealloc(p, 30, GFP_KERNEL) : NULL;

	p = q ? hidden(krealloc(q, 300, GFP_KERNEL)) : NULL;
	if (!p)
		return -ENOMEM;
	cmp4(p + 16);
	store8(p + 292);
	cmp8(p + 292);
	kfree(p);
	return 0;
}

GOOD(kfree_sensitive)
{
	char *p = filled_object(13);

	kfree_sensitive(p);
	return p ? 0 : -ENOMEM;
}

struct deferred {
	u64 value;
	struct rcu_head rcu;
};

/* What is freed by RCU may be read until the grace period ends. */
GOOD(kfree_rcu)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		struct deferred *p = raw_object(sizeof(*p));

		if (!p)
			return -ENOMEM;
		p->value = i;
		rcu_read_lock();
		kfree_rcu(p, rcu);
		cmp8(&p->value);
		rcu_read_unlock();
	}
	synchronize_rcu();
	return 0;
}

GOOD(typesafe_by_rcu)
{
	char *p = kmem_cache_zalloc(rcu_cache, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	rcu_read_lock();
	kmem_cache_free(rcu_cache, p);
	p = hidden(p);
	cmp4(p);
	rcu_read_unlock();
	return 0;
}

static void construct(void *p)
{
	memset(p, 0x5a, 64);
}

/* A constructor runs once; what it wrote stays, through frees too. */
GOOD(constructor)
{
	char *p;
	int i;

	for (i = 0; i < 2; i++) {
		p = kmem_cache_alloc(ctor_cache, GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		cmp8(p + 8);
		kmem_cache_free(ctor_cache, p);
	}
	return 0;
}

GOOD(bulk)
{
	void *p[OBJECTS];
	unsigned int i;

	if (!kmem_cache_alloc_bulk(cell_cache, GFP_KERNEL, OBJECTS, p))
		return -ENOMEM;
	for (i = 0; i < OBJECTS; i++) {
		memset(p[i], i, CELL_SIZE);
		cmp8(p[i] + CELL_SIZE - 8);
	}
	kmem_cache_free_bulk(cell_cache, OBJECTS, p);
	return 0;
}

/* Objects that one kernel calls by the whole slot's size. */
GOOD(size_roundup)
{
	size_t size = kmalloc_size_roundup(13);
	char *p = filled_object(size);

	if (!p)
		return -ENOMEM;
	cmp1(p + size - 1);
	kfree(p);
	return 0;
}

/* An object's second owner must not inherit the first one's state. */
GOOD(reuse)
{
	char *p;
	int i;

	for (i = 0; i < 4; i++) {
		p = filled_object(13 + i);
		if (!p)
			return -ENOMEM;
		cmp1(p + 12 + i);
		kfree(p);
	}
	return 0;
}

/* clang-format off */
#define PAIRS(X)                                                                                   \
	X(uninit_byte) X(uninit_word) X(uninit_dword) X(uninit_qword) X(uninit_large)              \
	X(uninit_last_byte) X(uninit_crossing) X(uninit_sse) X(uninit_avx) X(uninit_locked)        \
	X(uninit_cache) X(uninit_bulk) X(uninit_krealloc)                                          \
	X(uaf_read_byte) X(uaf_read_dword) X(uaf_read_qword) X(uaf_read_rep) X(uaf_read_crossing)  \
	X(uaf_read_cache) X(uaf_read_bulk) X(uaf_read_krealloc)                                    \
	X(uaf_write_byte) X(uaf_write_word) X(uaf_write_qword) X(uaf_write_rep)                    \
	X(uaf_write_locked) X(uaf_write_sse)                                                       \
	X(oob_read_byte) X(oob_read_word) X(oob_read_dword) X(oob_read_qword) X(oob_read_rep)      \
	X(oob_read_crossing) X(oob_read_large) X(oob_read_zmm) X(oob_read_below) X(oob_read_bulk)  \
	X(oob_read_krealloc)                                                                       \
	X(oob_write_byte) X(oob_write_dword) X(oob_write_qword) X(oob_write_rep)                   \
	X(oob_write_locked) X(oob_write_large) X(oob_write_sse) X(oob_write_avx)                   \
	X(oob_write_cache) X(oob_write_krealloc)                                                   \
	X(unallocated_read) X(unallocated_write)                                                   \
	X(double_free_cache) X(double_free_kfree) X(double_free_bulk)                              \
	X(invalid_free_cache) X(invalid_free_kfree)

#define GOODS(X)                                                                                   \
	X(gfp_zero) X(memcpy) X(ksize) X(krealloc_growth) X(kfree_sensitive) X(kfree_rcu)          \
	X(typesafe_by_rcu) X(constructor) X(bulk) X(size_roundup) X(reuse)
/* clang-format on */

static const struct test_entry entries[] = {
	PAIRS(GOOD_ENTRY) GOODS(GOOD_ENTRY) PAIRS(BUG_ENTRY)
};

const struct test_table object_tests = { entries, ARRAY_SIZE(entries) };

int __init make_object_caches(void)
{
	slack_cache = private_cache("kmc_slack", SLACK_SIZE, 0);
	cell_cache = private_cache("kmc_cell", CELL_SIZE, 0);
	rcu_cache = kmem_cache_create("kmc_rcu", 64, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	ctor_cache = kmem_cache_create("kmc_ctor", 64, 0, 0, construct);
	return slack_cache && cell_cache && rcu_cache && ctor_cache ? 0 : -ENOMEM;
}
