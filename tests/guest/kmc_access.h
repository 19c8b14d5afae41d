/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_access.h: one memory access of an exact form each, for the tests of kmc_bugs.ko.
 *
 * All are inlined into the test that uses them, so that a report names the test. Reads are used:
 * each compares in the instruction that reads, and branches on the result, so that it is a use of
 * the value by any definition.
 */
#ifndef KMC_ACCESS_H
#define KMC_ACCESS_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

#define BRANCH "\n\tje 1f\n1:"

#define DEFINE_CMP(bytes, suffix)                                                                  \
	static __always_inline void cmp##bytes(const void *p)                                      \
	{                                                                                          \
		asm volatile("cmp" suffix " $1, (%0)" BRANCH : : "r"(p) : "cc", "memory");         \
	}
DEFINE_CMP(1, "b")
DEFINE_CMP(2, "w")
DEFINE_CMP(4, "l")
DEFINE_CMP(8, "q")

#define DEFINE_STORE(bytes, suffix)                                                                \
	static __always_inline void store##bytes(void *p)                                          \
	{                                                                                          \
		asm volatile("mov" suffix " $1, (%0)" : : "r"(p) : "memory");                      \
	}
DEFINE_STORE(1, "b")
DEFINE_STORE(2, "w")
DEFINE_STORE(4, "l")
DEFINE_STORE(8, "q")

static __always_inline void locked_inc4(void *p)
{
	asm volatile("lock incl (%0)" : : "r"(p) : "cc", "memory");
}

static __always_inline void locked_dec_and_test4(void *p)
{
	asm volatile("lock decl (%0)" BRANCH : : "r"(p) : "cc", "memory");
}

static __always_inline void rep_movsb(void *dst, const void *src, size_t n)
{
	asm volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

static __always_inline void rep_movsq(void *dst, const void *src, size_t n)
{
	asm volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

static __always_inline void rep_stosb(void *dst, int c, size_t n)
{
	asm volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(c) : "memory");
}

/* The caller has bracketed what follows with kernel_fpu_begin() and kernel_fpu_end(). */

static __always_inline void cmp16(const void *p)
{
	unsigned int mask;

	asm volatile("pxor %%xmm0, %%xmm0\n\t"
		     "pcmpeqb (%1), %%xmm0\n\t"
		     "pmovmskb %%xmm0, %0\n\t"
		     "test %0, %0" BRANCH
		     : "=r"(mask)
		     : "r"(p)
		     : "cc", "memory");
}

static __always_inline void store16(void *p)
{
	asm volatile("pxor %%xmm0, %%xmm0\n\t"
		     "movups %%xmm0, (%0)"
		     :
		     : "r"(p)
		     : "memory");
}

static __always_inline void cmp32(const void *p)
{
	asm volatile("vxorps %%ymm0, %%ymm0, %%ymm0\n\t"
		     "vptest (%0), %%ymm0" BRANCH
		     :
		     : "r"(p)
		     : "cc", "memory");
}

static __always_inline void store32(void *p)
{
	asm volatile("vxorps %%ymm0, %%ymm0, %%ymm0\n\t"
		     "vmovups %%ymm0, (%0)"
		     :
		     : "r"(p)
		     : "memory");
}

static __always_inline void load64(const void *p)
{
	asm volatile("vmovdqu64 (%0), %%zmm0" : : "r"(p) : "memory");
}

#endif
