// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_defined.c: undefined bits that travel before they decide something, and those that never do.
 *
 * Loading, copying and masking undefined bits is no error; a branch, an address or a store to user
 * memory or to a device that depends on them is. Most tests have an object whose bytes are in part
 * undefined; the bug and its twin differ in which of them they use.
 *
 * No bug may harm the guest: whatever an undefined value happens to be, it chooses between two
 * ways of doing nothing, or is masked to an index or a length that is in bounds.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>
#include <net/checksum.h>
#include "kmc_access.h"
#include "kmc_test.h"

/* Makes a branch of it, which the compiler cannot turn into arithmetic. */
#define DECIDE(condition)                                                                          \
	do {                                                                                       \
		if (condition)                                                                     \
			asm volatile("nop");                                                       \
	} while (0)

/*
 * A checker that follows values does so for a limited stretch of code. Ending it here, with an
 * instruction that no emulator can take for the CPU, keeps the end from falling into a test.
 */
static __always_inline void *undefined_object(size_t size)
{
	void *p = raw_object(size);

	cpu_relax();
	return p;
}

static __always_inline size_t hidden_size(size_t n)
{
	OPTIMIZER_HIDE_VAR(n);
	return n;
}

/* Copies of an object with padding, by any means; then its fields are compared. */

struct padded {
	u8 c;
	u64 l;
	u16 s;
};

static noinline struct padded *padded_object(void)
{
	struct padded *p = undefined_object(sizeof(*p));

	if (p) {
		WRITE_ONCE(p->c, 1);
		WRITE_ONCE(p->l, 2);
		WRITE_ONCE(p->s, 3);
	}
	return p;
}

static __always_inline bool padded_is_whole(const struct padded *p)
{
	return READ_ONCE(p->c) == 1 && READ_ONCE(p->l) == 2 && READ_ONCE(p->s) == 3;
}

#define PADDED(name, copy)                                                                         \
	GOOD(padded_##name)                                                                        \
	{                                                                                          \
		struct padded *from = padded_object(), *to = undefined_object(sizeof(*to));        \
		bool whole = false;                                                                \
                                                                                                   \
		if (from && to) {                                                                  \
			copy;                                                                      \
			whole = padded_is_whole(to);                                               \
		}                                                                                  \
		kfree(from);                                                                       \
		kfree(to);                                                                         \
		return whole ? 0 : -EIO;                                                           \
	}
PADDED(assigned, *to = *from)
PADDED(memcpy, memcpy(to, from, hidden_size(sizeof(*to))))
PADDED(memmove, memmove(to, from, hidden_size(sizeof(*to))))
PADDED(rep_movsb, rep_movsb(to, from, sizeof(*to)))
PADDED(rep_movsq, rep_movsq(to, from, sizeof(*to) / 8))

GOOD(padded_on_stack)
{
	struct padded *p = padded_object(), copy;
	bool whole;

	if (!p)
		return -ENOMEM;
	memcpy(&copy, p, hidden_size(sizeof(copy)));
	barrier_data(&copy);
	memcpy(p, &copy, hidden_size(sizeof(copy)));
	whole = padded_is_whole(p) && padded_is_whole(&copy);
	kfree(p);
	return whole ? 0 : -EIO;
}

/* Copied, and freed without a look. */
GOOD(copied_unused)
{
	char *from = undefined_object(200), *to = undefined_object(200), copy[64];

	if (from && to) {
		memcpy(to, from, hidden_size(200));
		memmove(from + 3, from, hidden_size(100));
		rep_movsb(to + 100, from, 77);
		rep_movsq(copy, to, sizeof(copy) / 8);
		memcpy(from, copy, hidden_size(sizeof(copy)));
	}
	kfree(from);
	kfree(to);
	return from && to ? 0 : -ENOMEM;
}

/* Every field is written by reading, masking and writing the undefined word. */
GOOD(bit_fields)
{
	struct fields {
		u32 a : 3, b : 5, c : 11, d : 13;
	} *p = hidden(undefined_object(sizeof(*p)));
	bool all;

	if (!p)
		return -ENOMEM;
	p->a = 1;
	barrier();
	p->b = 2;
	barrier();
	p->c = 3;
	barrier();
	all = p->a == 1 && p->b == 2 && p->c == 3;
	barrier();
	p->d = 4;
	barrier();
	all = all && p->a == 1 && p->b == 2 && p->c == 3 && p->d == 4;
	kfree(p);
	return all ? 0 : -EIO;
}

/* Word-at-a-time string functions read behind the end of the string, and of the object. */

GOOD(string_word)
{
	char *p = hidden(undefined_object(13)), *q = hidden(undefined_object(32)), copy[32];
	ssize_t n = -ENOMEM;

	if (p && q) {
		memcpy(p, "twelve bytes", 13);
		memcpy(q, "short", 6);
		n = strscpy(copy, p, sizeof(copy)) + strscpy(copy, q, sizeof(copy));
		n += strlen(p) + strnlen(q, 32);
	}
	kfree(p);
	kfree(q);
	return n == 34 ? 0 : -EIO;
}

GOOD(string_hash)
{
	char *p = hidden(undefined_object(40));
	bool same = false;
	u64 hash;

	if (p) {
		memcpy(p, "nineteen characters", 20);
		hash = hashlen_string(NULL, p);
		same = hashlen_len(hash) == 19 && hashlen_hash(hash) == full_name_hash(NULL, p, 19);
	}
	kfree(p);
	return same ? 0 : -EIO;
}

/* Sums over an object that is in part undefined, stored and not looked at. */
GOOD(checksum)
{
	u32 *p = undefined_object(64), sum = 0;
	int i;

	if (!p)
		return -ENOMEM;
	memset(p, 0x5a, 20);
	for (i = 0; i < 14; i++)
		sum = (rol32(sum, 5) ^ READ_ONCE(p[i])) * 0x9e3779b1 + i;
	WRITE_ONCE(p[14], sum);
	WRITE_ONCE(p[15], (__force u32)csum_partial(p, hidden_size(59), 0));
	kfree(p);
	return 0;
}

/* Old values that come back and are not looked at. */
GOOD(exchanged)
{
	u32 *p = undefined_object(40);
	bool all;

	if (!p)
		return -ENOMEM;
	WRITE_ONCE(p[0], xchg(&p[1], 7));
	WRITE_ONCE(p[2], cmpxchg(&p[3], 1, 2));
	WRITE_ONCE(p[4], atomic_fetch_add(3, (atomic_t *)&p[5]));
	WRITE_ONCE(p[6], p[7] + p[8] - 1);
	all = READ_ONCE(p[1]) == 7;
	kfree(p);
	return all ? 0 : -EIO;
}

/* Bits that decide. Of these 36 bytes some are undefined. */

struct half {
	u32 defined[4], undefined[4], high;
};

static noinline struct half *half_object(void)
{
	struct half *p = undefined_object(sizeof(*p));

	if (p) {
		memset(p->defined, 0x5a, sizeof(p->defined));
		WRITE_ONCE(p->high, 0x5a5a5a5a);
	}
	return p;
}

/* u: four values, of the twin defined ones. */
#define HALF(name, code)                                                                           \
	TEST(name)                                                                                 \
	{                                                                                          \
		struct half *p = half_object();                                                    \
		u32 *u;                                                                            \
                                                                                                   \
		if (!p)                                                                            \
			return -ENOMEM;                                                            \
		u = bug ? p->undefined : p->defined;                                               \
		code;                                                                              \
		kfree(p);                                                                          \
		return 0;                                                                          \
	}

/* Eight bytes, the first four of which are defined; and with the last four defined. */
static __always_inline u64 low_defined(const struct half *p)
{
	return READ_ONCE(*(const u64 *)&p->defined[3]);
}

static __always_inline u64 high_defined(const struct half *p)
{
	return READ_ONCE(*(const u64 *)&p->undefined[3]);
}

/* Its last argument arrives on the stack. */
static noinline u32 pass_along(u32 a, u32 b, u32 c, u32 d, u32 e, u32 f, u32 value)
{
	volatile u32 spilled = value;
	u32 other = spilled;

	OPTIMIZER_HIDE_VAR(other);
	return (other ^ a ^ b) + c + d + e + f;
}

static noinline void decide_in_callee(u32 value)
{
	DECIDE(value == 7);
}

static __always_inline void jump_if_bit_5(u32 value)
{
	asm volatile("btl $5, %0\n\tjc 1f\n1:" : : "r"(value) : "cc");
}

static __always_inline void jump_if_any_of(u32 value, u32 mask)
{
	asm volatile("testl %1, %0" BRANCH : : "r"(value), "r"(mask) : "cc");
}

/* Jumps if first is 1 and second is not 0, both looked at before the one branch. */
static __always_inline void jump_if_both(u32 first, u32 second)
{
	asm volatile("cmpl $1, %0\n\tsete %b0\n\ttestl %1, %1\n\tsetne %b1\n\ttestb %b0, %b1" BRANCH
		     : "+q"(first), "+q"(second)
		     :
		     : "cc");
}

/* 1 or 2. */
static __always_inline u32 one_or_two(u32 chooser)
{
	u32 one = 1, two = 2;

	asm volatile("testl %2, %2\n\tcmovne %1, %0" : "+r"(one) : "r"(two), "r"(chooser) : "cc");
	return one;
}

static u8 table[256];

HALF(moved, DECIDE(pass_along(1, 2, 3, 4, 5, 6, READ_ONCE(u[1])) == 7))
HALF(callee, decide_in_callee(READ_ONCE(u[2])))
HALF(added, DECIDE((u8)(READ_ONCE(*(u8 *)&u[0]) + 1) == 0x10))
HALF(multiplied, DECIDE(READ_ONCE(u[3]) * 12 < 1000))
HALF(shifted, DECIDE(READ_ONCE(u[1]) >> 31))
HALF(bit_bt, jump_if_bit_5(READ_ONCE(u[0])))
HALF(bit_test, jump_if_any_of(READ_ONCE(u[2]), 0x100))
HALF(flags_kept, DECIDE(cmpxchg(&u[1], 1, 2) == 1))
HALF(rep_length, rep_movsb(table, table + 128, READ_ONCE(u[3]) & 31))
HALF(index, READ_ONCE(table[(low_defined(p) >> (bug ? 36 : 4)) & 0xff]))
HALF(masked, DECIDE(low_defined(p) & (bug ? 1ull << 40 : 1ull << 2)))
HALF(above, DECIDE(high_defined(p) > (bug ? 0x5a5a5a5a00000010 : 0x5a5a5a5b00000010)))
HALF(signed_below, DECIDE((s64)high_defined(p) < (bug ? 0x5a5a5a5a00000010 : -1)))
HALF(equal, DECIDE(low_defined(p) == (bug ? 0x10005a5a5a5a : 0x10005a5a5a5b)))
HALF(both, jump_if_both(READ_ONCE(p->defined[1]) - 0x5a5a5a5a + bug, READ_ONCE(p->undefined[3])))
HALF(selected, DECIDE(one_or_two(READ_ONCE(p->undefined[0])) == (bug ? 2 : 4)))

/* Copied first: the load that counts is the one from the copy. */
TEST(copied)
{
	struct half *p = half_object(), *copy = undefined_object(sizeof(*copy));

	if (p && copy) {
		memcpy(copy, p, hidden_size(sizeof(*p)));
		DECIDE(READ_ONCE(*(bug ? &copy->undefined[2] : &copy->defined[2])) == 7);
	}
	kfree(p);
	kfree(copy);
	return p && copy ? 0 : -ENOMEM;
}

/*
 * Four bytes are equal. The fifth is undefined: the first that differs is either that or the sixth.
 * In the twin it differs, and all those behind are undefined.
 */
TEST(memcmp)
{
	u8 *p = undefined_object(16), *q = filled_object(16);

	if (p && q) {
		memset(p, 0x5a, 4);
		if (bug)
			memset(p + 5, 0x5b, 11);
		else
			WRITE_ONCE(p[4], 0x5b);
		DECIDE(memcmp(p, q, hidden_size(16)) > 0);
	}
	kfree(p);
	kfree(q);
	return p && q ? 0 : -ENOMEM;
}

/* Bits that leave the kernel, for insmod's memory, which is present before they are stored. */

static noinline char __user *user_page(void)
{
	unsigned long prot = PROT_READ | PROT_WRITE, flags = MAP_ANONYMOUS | MAP_PRIVATE;
	unsigned long at = vm_mmap(NULL, 0, PAGE_SIZE, prot, flags, 0);

	if (IS_ERR_VALUE(at))
		return NULL;
	if (!clear_user((void __user *)at, PAGE_SIZE))
		return (void __user *)at;
	vm_munmap(at, PAGE_SIZE);
	return NULL;
}

struct leaky {
	u8 c;
	u32 l;
};

static noinline struct leaky *leaky_object(void)
{
	struct leaky *p = undefined_object(sizeof(*p));

	if (p) {
		WRITE_ONCE(p->c, 1);
		WRITE_ONCE(p->l, 2);
	}
	return p;
}

/* Gives what code says: 0, or what it could not do. */
#define USER(kind, name, object, code)                                                             \
	kind(name)                                                                                 \
	{                                                                                          \
		char __user *to = user_page();                                                     \
		object;                                                                            \
		int err = -ENOMEM;                                                                 \
                                                                                                   \
		if (to && p)                                                                       \
			err = code;                                                                \
		kfree(p);                                                                          \
		if (to)                                                                            \
			vm_munmap((unsigned long)to, PAGE_SIZE);                                   \
		return err;                                                                        \
	}

static __always_inline int put_inline(u32 value, u32 __user *to)
{
	if (!user_access_begin(to, sizeof(*to)))
		return -EFAULT;
	unsafe_put_user(value, to, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

/* What comes from the user is defined. */
static __always_inline int decide_copied(u32 *p, char __user *from)
{
	if (copy_from_user(p, from, hidden_size(30)) || get_user(p[8], (u32 __user *)from))
		return -EFAULT;
	DECIDE(READ_ONCE(p[3]) == 7);
	DECIDE(READ_ONCE(p[8]) == 7);
	return 0;
}

#define HALF_VALUE READ_ONCE(*(bug ? &p->undefined[2] : &p->defined[2]))

USER(TEST, leak_copy, struct leaky *p = bug ? leaky_object() : filled_object(sizeof(*p)),
     copy_to_user(to, p, hidden_size(sizeof(*p))) ? -EFAULT : 0)
USER(TEST, leak_put, struct half *p = half_object(), put_user(HALF_VALUE, (u32 __user *)to))
USER(TEST, leak_inline, struct half *p = half_object(), put_inline(HALF_VALUE, (u32 __user *)to))
USER(GOOD, leak_part, struct half *p = half_object(),
     copy_to_user(to, p, hidden_size(sizeof(p->defined))) ? -EFAULT : 0)
USER(GOOD, from_user, u32 *p = undefined_object(36), decide_copied(p, to))

/*
 * Bits that leave the guest, for a device. There is none at this physical address of our machine:
 * what is written there is lost.
 */
#define DEVICE_ADDRESS 0xfea00000ul

#define DEVICE(name, code)                                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		void __iomem *to = ioremap(DEVICE_ADDRESS, PAGE_SIZE);                             \
		struct half *p = half_object();                                                    \
                                                                                                   \
		if (to && p)                                                                       \
			code;                                                                      \
		kfree(p);                                                                          \
		if (to)                                                                            \
			iounmap(to);                                                               \
		return to && p ? 0 : -ENOMEM;                                                      \
	}
DEVICE(leak_device, writel(HALF_VALUE, to))
DEVICE(leak_device_copy, memcpy_toio(to, bug ? p->undefined : p->defined, hidden_size(12)))

/* clang-format off */
#define PAIRS(X)                                                                                   \
	X(moved) X(callee) X(added) X(multiplied) X(shifted) X(bit_bt) X(bit_test) X(flags_kept)   \
	X(rep_length) X(index) X(masked) X(above) X(signed_below) X(equal) X(both) X(selected)     \
	X(copied) X(memcmp)                                                                        \
	X(leak_copy) X(leak_put) X(leak_inline) X(leak_device) X(leak_device_copy)

#define GOODS(X)                                                                                   \
	X(padded_assigned) X(padded_memcpy) X(padded_memmove) X(padded_rep_movsb)                  \
	X(padded_rep_movsq) X(padded_on_stack) X(copied_unused) X(bit_fields) X(string_word)       \
	X(string_hash) X(checksum) X(exchanged) X(leak_part) X(from_user)
/* clang-format on */

static const struct test_entry entries[] = {
	PAIRS(GOOD_ENTRY) GOODS(GOOD_ENTRY) PAIRS(BUG_ENTRY)
};

const struct test_table defined_tests = { entries, ARRAY_SIZE(entries) };
