/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_idioms.h: what kernel code does with values that are partly undefined, one line a case,
 * nearly all in pairs: one that must be reported and a good twin that must not.
 *
 * For each: rax, rcx, the flags and the first word of A, with their V bits; what becomes of them:
 * the number of reports, the sink of the first one, and the V bits of B's first word. The bytes are
 * what GNU as makes of the line above them; rbx, rsi, rsp and rdi point to A, B, the stack and user
 * memory.
 */
#ifndef KMC_TESTS_ENGINE_IDIOMS_H
#define KMC_TESTS_ENGINE_IDIOMS_H

#include "engine_world.h"

#define CODE(s) { sizeof(s) - 1, (const uint8_t *)(s) }
#define ALL	UINT64_MAX

static const struct {
	struct {
		size_t len;
		const uint8_t *bytes;
	} code;
	uint64_t vax, cx, vcx, vflags, a, va;
	unsigned uses;
	enum engine_sink sink;
	uint64_t vb;
	unsigned left; /* bytes at the end that the engine leaves to the hardware */
} idioms[] = {
	/* A register with itself */
	/* xor %eax,%eax; test %rax,%rax; je .+9 */
	{ CODE("\x31\xc0\x48\x85\xc0\x74\x07"), .vax = ALL },
	/* xor %ecx,%eax; je .+9 */
	{ CODE("\x31\xc8\x74\x07"), .vax = 1, .uses = 1 },
	/* sub %rax,%rax; je .+9 */
	{ CODE("\x48\x29\xc0\x74\x07"), .vax = ALL },
	/* sub %rcx,%rax; je .+9 */
	{ CODE("\x48\x29\xc8\x74\x07"), .vax = ALL, .uses = 1 },
	/* cmp $1,%rcx; sbb %rax,%rax; test %rax,%rax; js .+9 */
	{ CODE("\x48\x83\xf9\x01\x48\x19\xc0\x48\x85\xc0\x78\x07"), .vax = ALL },
	/* sbb %rax,%rax; test %rax,%rax; js .+9 */
	{ CODE("\x48\x19\xc0\x48\x85\xc0\x78\x07"), .vax = ALL, .vflags = CF, .uses = 1 },
	/* and $0,%eax; je .+9 */
	{ CODE("\x83\xe0\x00\x74\x07"), .vax = ALL },
	/* or $-1,%rax; je .+9 */
	{ CODE("\x48\x83\xc8\xff\x74\x07"), .vax = ALL },

	/* Bits of a byte */
	/* testb $4,(%rbx); je .+9 */
	{ CODE("\xf6\x03\x04\x74\x07"), .va = 0xfb },
	/* testb $4,(%rbx); je .+9 */
	{ CODE("\xf6\x03\x04\x74\x07"), .va = 4, .uses = 1 },
	/* movzbl (%rbx),%eax; test $4,%al; jne .+9 */
	{ CODE("\x0f\xb6\x03\xa8\x04\x75\x07"), .va = 0xfb },
	/* movzbl (%rbx),%eax; test $4,%al; jne .+9 */
	{ CODE("\x0f\xb6\x03\xa8\x04\x75\x07"), .va = 4, .uses = 1 },
	/* movzbl (%rbx),%eax; shr $4,%al; and $3,%eax; cmp $2,%eax; jbe .+9 */
	{ CODE("\x0f\xb6\x03\xc0\xe8\x04\x83\xe0\x03\x83\xf8\x02\x76\x07"), .va = 0xcf },
	/* movzbl (%rbx),%eax; shr $4,%al; and $3,%eax; cmp $2,%eax; jb .+9 */
	{ CODE("\x0f\xb6\x03\xc0\xe8\x04\x83\xe0\x03\x83\xf8\x02\x72\x07"),
	  .va = 0x20, .uses = 1 },
	/* btl $2,(%rbx); jb .+9 */
	{ CODE("\x0f\xba\x23\x02\x72\x07"), .va = 0xfb },
	/* btl $2,(%rbx); jb .+9 */
	{ CODE("\x0f\xba\x23\x02\x72\x07"), .va = 4, .uses = 1 },
	/* andb $0xfb,(%rbx); testb $4,(%rbx); je .+9 */
	{ CODE("\x80\x23\xfb\xf6\x03\x04\x74\x07"), .va = 0xff },
	/* andb $0xfb,(%rbx); testb $2,(%rbx); je .+9 */
	{ CODE("\x80\x23\xfb\xf6\x03\x02\x74\x07"), .va = 0xff, .uses = 1 },
	/* mov (%rbx),%eax; and $~0xf0,%eax; or $0x10,%eax; mov %eax,(%rsi); testb $0xf0,(%rsi);
	 * je .+9 */
	{ CODE("\x8b\x03\x25\x0f\xff\xff\xff\x83\xc8\x10\x89\x06\xf6\x06\xf0\x74\x07"),
	  .va = 0xffff, .vb = 0xff0f },
	/* mov (%rbx),%al; mov %al,%ah; movzbl %ah,%ecx; test $2,%cl; je .+9 */
	{ CODE("\x8a\x03\x88\xc4\x0f\xb6\xcc\xf6\xc1\x02\x74\x07"), .va = 0xfd },
	/* mov (%rbx),%al; mov %al,%ah; movzbl %ah,%ecx; test $2,%cl; je .+9 */
	{ CODE("\x8a\x03\x88\xc4\x0f\xb6\xcc\xf6\xc1\x02\x74\x07"), .va = 2, .uses = 1 },
	/* movsbl (%rbx),%eax; test %eax,%eax; js .+9 */
	{ CODE("\x0f\xbe\x03\x85\xc0\x78\x07"), .va = 0x7f },
	/* movsbl (%rbx),%eax; test $0x100,%eax; je .+9 */
	{ CODE("\x0f\xbe\x03\xa9\x00\x01\x00\x00\x74\x07"), .va = 0x80, .uses = 1 },

	/* A word at a time: the lowest zero byte */
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; and %rcx,%rax; je .+9; bsf
	 * %rax,%rdx; shr $3,%edx; mov (%rsi,%rdx,1),%al */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x21\xc8\x74\x07\x48\x0f\xbc\xd0\xc1\xea\x03\x8a\x04\x16"),
	  .a = 0x1122330061626364, .va = 0xffffff0000000000 },
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; test %rcx,%rax; je .+9; and
	 * %rcx,%rax; tzcnt %rax,%rdx; shr $3,%edx; mov (%rsi,%rdx,1),%al */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x85\xc8\x74\x07\x48\x21\xc8\xf3\x48\x0f\xbc\xd0\xc1\xea\x03"
	       "\x8a\x04\x16"),
	  .a = 0x1122330061626364, .va = 0xffffff0000000000 },
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; test %rcx,%rax; je .+2; and
	 * %rcx,%rax; tzcnt %rax,%rdx; shr $3,%edx; mov (%rsi,%rdx,1),%al */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x85\xc8\x74\x00\x48\x21\xc8\xf3\x48\x0f\xbc\xd0\xc1\xea\x03"
	       "\x8a\x04\x16"),
	  .a = 0x1122330061626364, .va = 0xff00, .uses = 1, .sink = ENGINE_ADDRESS },
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; test %rcx,%rax; je .+9 */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x85\xc8\x74\x07"),
	  .a = 0x1122334461626364, .va = 0xff00, .uses = 1 },
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; and %rcx,%rax; je .+2; lea
	 * -1(%rax),%rdx; not %rax; and %rdx,%rax; shr $7,%rax; movabs $0x0001020304050608,%rcx;
	 * imul %rcx,%rax; shr $56,%rax; mov (%rsi,%rax,1),%al */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x21\xc8\x74\x00\x48\x8d\x50\xff\x48\xf7\xd0\x48\x21\xd0\x48"
	       "\xc1\xe8\x07\x48\xb9\x08\x06\x05\x04\x03\x02\x01\x00\x48\x0f\xaf\xc1"
	       "\x48\xc1\xe8\x38\x8a\x04\x06"),
	  .a = 0x1122330061626364, .va = 0xffffff0000000000 },
	/* movabs $0x0101010101010101,%rcx; mov (%rbx),%rax; mov %rax,%rdx; sub %rcx,%rax; not
	 * %rdx; and %rdx,%rax; movabs $0x8080808080808080,%rcx; and %rcx,%rax; je .+2; lea
	 * -1(%rax),%rdx; not %rax; and %rdx,%rax; shr $7,%rax; movabs $0x0001020304050608,%rcx;
	 * imul %rcx,%rax; shr $56,%rax; mov (%rsi,%rax,1),%al */
	{ CODE("\x48\xb9\x01\x01\x01\x01\x01\x01\x01\x01\x48\x8b\x03\x48\x89\xc2\x48"
	       "\x29\xc8\x48\xf7\xd2\x48\x21\xd0\x48\xb9\x80\x80\x80\x80\x80\x80\x80"
	       "\x80\x48\x21\xc8\x74\x00\x48\x8d\x50\xff\x48\xf7\xd0\x48\x21\xd0\x48"
	       "\xc1\xe8\x07\x48\xb9\x08\x06\x05\x04\x03\x02\x01\x00\x48\x0f\xaf\xc1"
	       "\x48\xc1\xe8\x38\x8a\x04\x06"),
	  .a = 0x1122330061626364, .va = 0xff00, .uses = 1, .sink = ENGINE_ADDRESS },

	/* Comparisons */
	/* mov (%rbx),%rax; cmp %rcx,%rax; je .+9 */
	{ CODE("\x48\x8b\x03\x48\x39\xc8\x74\x07"), .a = 0x100, .cx = 0x200, .va = 0xff },
	/* mov (%rbx),%rax; cmp %rcx,%rax; je .+9 */
	{ CODE("\x48\x8b\x03\x48\x39\xc8\x74\x07"),
	  .a = 0x200, .cx = 0x200, .va = 0xff, .uses = 1 },
	/* mov (%rbx),%rax; cmp %rcx,%rax; jb .+9 */
	{ CODE("\x48\x8b\x03\x48\x39\xc8\x72\x07"), .a = 0x100, .cx = 0x200, .va = 0xff },
	/* mov (%rbx),%rax; cmp %rcx,%rax; jb .+9 */
	{ CODE("\x48\x8b\x03\x48\x39\xc8\x72\x07"),
	  .a = 0x200, .cx = 0x210, .va = 0xff, .uses = 1 },
	/* mov (%rbx),%rax; and $0xff00,%eax; cmp $0x100,%eax; je .+9 */
	{ CODE("\x48\x8b\x03\x25\x00\xff\x00\x00\x3d\x00\x01\x00\x00\x74\x07"),
	  .a = 0x100, .va = 0xffff00ff },
	/* mov (%rbx),%rax; and $0xff00,%eax; cmp $0x100,%eax; je .+9 */
	{ CODE("\x48\x8b\x03\x25\x00\xff\x00\x00\x3d\x00\x01\x00\x00\x74\x07"),
	  .a = 0x100, .va = 0x100, .uses = 1 },
	/* cmpl $0,(%rbx); jg .+9 */
	{ CODE("\x83\x3b\x00\x7f\x07"), .a = 0x80000000, .va = 0x7fffffff },
	/* cmpl $0,(%rbx); jg .+9 */
	{ CODE("\x83\x3b\x00\x7f\x07"), .a = 0x40000000, .va = 1 },
	/* cmpl $0,(%rbx); jg .+9 */
	{ CODE("\x83\x3b\x00\x7f\x07"), .va = 1, .uses = 1 },
	/* cmpl $3,(%rbx); seta %al; test %al,%al; je .+9 */
	{ CODE("\x83\x3b\x03\x0f\x97\xc0\x84\xc0\x74\x07"), .a = 8, .va = 3 },
	/* cmpl $3,(%rbx); seta %al; test %al,%al; je .+9 */
	{ CODE("\x83\x3b\x03\x0f\x97\xc0\x84\xc0\x74\x07"), .va = 4, .uses = 1 },

	/* Memory that is not tracked */
	/* mov %rax,-8(%rsp); mov -8(%rsp),%rcx; test %rcx,%rcx; je .+9 */
	{ CODE("\x48\x89\x44\x24\xf8\x48\x8b\x4c\x24\xf8\x48\x85\xc9\x74\x07"),
	  .vax = ALL, .uses = 1 },
	/* mov %rax,-8(%rsp); movq $0,-8(%rsp); mov -8(%rsp),%rcx; test %rcx,%rcx; je .+9 */
	{ CODE("\x48\x89\x44\x24\xf8\x48\xc7\x44\x24\xf8\x00\x00\x00\x00\x48\x8b\x4c"
	       "\x24\xf8\x48\x85\xc9\x74\x07"),
	  .vax = ALL },
	/* mov %rax,-8(%rsp); movl $0,-8(%rsp); cmpl $0,-8(%rsp); je .+9 */
	{ CODE("\x48\x89\x44\x24\xf8\xc7\x44\x24\xf8\x00\x00\x00\x00\x83\x7c\x24\xf8"
	       "\x00\x74\x07"),
	  .vax = ALL },
	/* mov %rax,-8(%rsp); movl $0,-8(%rsp); cmpl $0,-4(%rsp); je .+9 */
	{ CODE("\x48\x89\x44\x24\xf8\xc7\x44\x24\xf8\x00\x00\x00\x00\x83\x7c\x24\xfc"
	       "\x00\x74\x07"),
	  .vax = ALL, .uses = 1 },
	/* push %rax; pop %rcx; test $1,%cl; je .+9 */
	{ CODE("\x50\x59\xf6\xc1\x01\x74\x07"), .vax = 2 },
	/* push %rax; pop %rcx; test $1,%cl; je .+9 */
	{ CODE("\x50\x59\xf6\xc1\x01\x74\x07"), .vax = 1, .uses = 1 },
	/* mov %rax,0x7fc(%rsp); mov 0x800(%rsp),%ecx; test %ecx,%ecx; je .+9 */
	{ CODE("\x48\x89\x84\x24\xfc\x07\x00\x00\x8b\x8c\x24\x00\x08\x00\x00\x85\xc9"
	       "\x74\x07"),
	  .vax = 0xffffffff },
	/* mov %rax,0x7fc(%rsp); mov 0x800(%rsp),%ecx; test %ecx,%ecx; je .+9 */
	{ CODE("\x48\x89\x84\x24\xfc\x07\x00\x00\x8b\x8c\x24\x00\x08\x00\x00\x85\xc9"
	       "\x74\x07"),
	  .vax = 0x100000000, .uses = 1 },
	/* mov (%rbx),%rax; push %rax; call .+5; pop %rdx; pop %rcx; test %rcx,%rcx; je .+9 */
	{ CODE("\x48\x8b\x03\x50\xe8\x00\x00\x00\x00\x5a\x59\x48\x85\xc9\x74\x07"),
	  .va = 1, .uses = 1 },

	/* Copies: nothing is decided */
	/* mov (%rbx),%rax; mov %rax,(%rsi) */
	{ CODE("\x48\x8b\x03\x48\x89\x06"), .va = 0xff00f0, .vb = 0xff00f0 },
	/* mov (%rbx),%eax; mov 4(%rbx),%ecx; mov %eax,(%rsi); mov %ecx,4(%rsi) */
	{ CODE("\x8b\x03\x8b\x4b\x04\x89\x06\x89\x4e\x04"),
	  .va = 0xffff000000, .vb = 0xffff000000 },
	/* push (%rbx); pop (%rsi) */
	{ CODE("\xff\x33\x8f\x06"), .va = 0x100, .vb = 0x100 },
	/* movsxd (%rbx),%rax; mov %rax,(%rsi) */
	{ CODE("\x48\x63\x03\x48\x89\x06"), .va = 0x80000000, .vb = 0xffffffff80000000 },
	/* mov (%rbx),%rax; mov $5,%al; mov %rax,(%rsi) */
	{ CODE("\x48\x8b\x03\xb0\x05\x48\x89\x06"), .va = ALL, .vb = 0xffffffffffffff00 },
	/* mov (%rbx),%rax; xchg %rax,(%rsi); test %rax,%rax; je .+9 */
	{ CODE("\x48\x8b\x03\x48\x87\x06\x48\x85\xc0\x74\x07"), .va = 7, .vb = 7 },
	/* mov (%rbx),%rax; bswap %rax; mov %rax,(%rsi) */
	{ CODE("\x48\x8b\x03\x48\x0f\xc8\x48\x89\x06"), .va = 0xff, .vb = 0xff00000000000000 },
	/* add $0x10,%rbx; lea -0x10(%rbx),%rcx; mov (%rcx),%rax; mov %rax,(%rsi) */
	{ CODE("\x48\x83\xc3\x10\x48\x8d\x4b\xf0\x48\x8b\x01\x48\x89\x06"),
	  .va = 0xf, .vb = 0xf },
	/* mov %rsi,%rdi; mov %rbx,%rsi; movsq; cmpl $0,-8(%rdi); je .+9 */
	{ CODE("\x48\x89\xf7\x48\x89\xde\x48\xa5\x83\x7f\xf8\x00\x74\x07"),
	  .va = ALL, .vb = ALL, .uses = 1 },
	/* mov %rsi,%rdi; mov %rbx,%rsi; mov $1,%ecx; rep movsq */
	{ CODE("\x48\x89\xf7\x48\x89\xde\xb9\x01\x00\x00\x00\xf3\x48\xa5"),
	  .va = 0xff00f0, .vb = 0xff00f0 },
	/* mov %rsi,%rdi; mov %rbx,%rsi; mov $8,%ecx; rep movsb */
	{ CODE("\x48\x89\xf7\x48\x89\xde\xb9\x08\x00\x00\x00\xf3\xa4"),
	  .va = 0xff00f0, .vb = 0xff00f0 },
	/* mov %rsi,%rdi; mov $1,%ecx; rep stosq */
	{ CODE("\x48\x89\xf7\xb9\x01\x00\x00\x00\xf3\x48\xab"), .vax = 0xff00f0, .vb = 0xff00f0 },
	/* mov %rax,0xffc(%rbx); mov 0xffc(%rbx),%rcx; mov 0x1000(%rbx),%eax; mov %rcx,8(%rsi);
	 * test $1,%ecx; je .+9 */
	{ CODE("\x48\x89\x83\xfc\x0f\x00\x00\x48\x8b\x8b\xfc\x0f\x00\x00\x8b\x83\x00"
	       "\x10\x00\x00\x48\x89\x4e\x08\xf7\xc1\x01\x00\x00\x00\x74\x07"),
	  .vax = 0x300000002, .vb = 3 },
	/* mov %rax,0xffc(%rbx); mov 0xffc(%rbx),%rcx; test $1,%ecx; je .+9 */
	{ CODE("\x48\x89\x83\xfc\x0f\x00\x00\x48\x8b\x8b\xfc\x0f\x00\x00\xf7\xc1\x01"
	       "\x00\x00\x00\x74\x07"),
	  .vax = 0x300000001, .uses = 1, .vb = 3 },

	/* Conditions */
	/* test %ecx,%ecx; cmove %rdx,%rax; test %rax,%rax; je .+9 */
	{ CODE("\x85\xc9\x48\x0f\x44\xc2\x48\x85\xc0\x74\x07"), .vcx = ALL },
	/* inc %eax; test %ecx,%ecx; cmove %rdx,%rax; test %rax,%rax; je .+9 */
	{ CODE("\xff\xc0\x85\xc9\x48\x0f\x44\xc2\x48\x85\xc0\x74\x07"), .vcx = ALL, .uses = 1 },
	/* test %ecx,%ecx; cmove %rax,%rdx; test %rdx,%rdx; je .+9 */
	{ CODE("\x85\xc9\x48\x0f\x44\xd0\x48\x85\xd2\x74\x07"), .cx = 1, .vax = ALL },
	/* test %ecx,%ecx; cmove %rax,%rdx; test %rdx,%rdx; je .+9 */
	{ CODE("\x85\xc9\x48\x0f\x44\xd0\x48\x85\xd2\x74\x07"), .vax = ALL, .uses = 1 },
	/* test %eax,%eax; sete %cl; test $2,%cl; je .+9 */
	{ CODE("\x85\xc0\x0f\x94\xc1\xf6\xc1\x02\x74\x07"), .vax = ALL },
	/* test %eax,%eax; sete %cl; test $1,%cl; je .+9 */
	{ CODE("\x85\xc0\x0f\x94\xc1\xf6\xc1\x01\x74\x07"), .vax = ALL, .uses = 1 },
	/* test %eax,%eax; setne %cl; movzbl %cl,%ecx; mov %rcx,(%rsi) */
	{ CODE("\x85\xc0\x0f\x95\xc1\x0f\xb6\xc9\x48\x89\x0e"), .vax = ALL, .vb = 1 },
	/* xor %edx,%edx; lock cmpxchg %ecx,(%rbx); jne .+9 */
	{ CODE("\x31\xd2\xf0\x0f\xb1\x0b\x75\x07"), .va = 1, .uses = 1 },
	/* xor %edx,%edx; lock cmpxchg %ecx,(%rbx); jne .+9 */
	{ CODE("\x31\xd2\xf0\x0f\xb1\x0b\x75\x07"), .a = 0x100, .va = 1 },
	/* lock decl (%rbx); je .+9 */
	{ CODE("\xf0\xff\x0b\x74\x07"), .a = 0x100, .va = 1 },
	/* lock decl (%rbx); je .+9 */
	{ CODE("\xf0\xff\x0b\x74\x07"), .va = 1, .uses = 1 },
	/* lock xadd %eax,(%rbx); mov %rax,(%rsi) */
	{ CODE("\xf0\x0f\xc1\x03\x48\x89\x06"), .va = 0x10, .vb = 0x10 },

	/* Reported once */
	/* test %eax,%eax; je .+2; jg .+9 */
	{ CODE("\x85\xc0\x74\x00\x7f\x07"), .vax = ALL, .uses = 1 },
	/* mov (%rbx),%eax; test %eax,%eax; je .+2; test %eax,%eax; je .+2; cmp $5,%eax; je .+9 */
	{ CODE("\x8b\x03\x85\xc0\x74\x00\x85\xc0\x74\x00\x83\xf8\x05\x74\x07"),
	  .va = ALL, .uses = 1 },
	/* mov (%rax),%ecx; mov 8(%rax),%edx; mov %edx,0x10(%rax) */
	{ CODE("\x8b\x08\x8b\x50\x08\x89\x50\x10"),
	  .vax = ALL, .uses = 1, .sink = ENGINE_ADDRESS },
	/* mov (%rax),%ecx; test %ecx,%ecx; je .+9 */
	{ CODE("\x8b\x08\x85\xc9\x74\x07"), .vax = ALL, .uses = 1, .sink = ENGINE_ADDRESS },
	/* mov (%rbx),%al; mov %al,(%rdi); mov %al,1(%rdi) */
	{ CODE("\x8a\x03\x88\x07\x88\x47\x01"), .va = ALL, .uses = 1, .sink = ENGINE_LEAK },

	/* Ports: the hardware does it, the value is judged */
	/* mov (%rbx),%eax; out %al,(%dx) */
	{ CODE("\x8b\x03\xee"), .va = 0x80, .uses = 1, .sink = ENGINE_OUTPUT, .left = 1 },
	/* mov (%rbx),%eax; out %al,$0x80 */
	{ CODE("\x8b\x03\xe6\x80"), .va = 0xff00, .left = 2 },
	/* mov (%rbx),%eax; out %eax,$0x80 */
	{ CODE("\x8b\x03\xe7\x80"), .va = 0xff00, .uses = 1, .sink = ENGINE_OUTPUT, .left = 2 },

	/* Devices: a page of world_device */
	/* mov %eax,0xffffffffff5fd0b0 */
	{ CODE("\x89\x04\x25\xb0\xd0\x5f\xff"),
	  .vax = 1, .uses = 1, .sink = ENGINE_OUTPUT, .left = 7 },
	/* movb %al,0xffffffffff5fd0b0 */
	{ CODE("\x88\x04\x25\xb0\xd0\x5f\xff"), .vax = 0x100, .left = 7 },
	/* mov (%rbx),%ecx; shr $8,%ecx; movb %cl,0xffffffffff5fd0b0 */
	{ CODE("\x8b\x0b\xc1\xe9\x08\x88\x0c\x25\xb0\xd0\x5f\xff"),
	  .va = 0xff00, .uses = 1, .sink = ENGINE_OUTPUT, .left = 7 },
	/* mov 0xffffffffff5fd0b0,%eax */
	{ CODE("\x8b\x04\x25\xb0\xd0\x5f\xff"), .vax = 1, .left = 7 },
	/* xchg %eax,0xffffffffff5fd0b0 */
	{ CODE("\x87\x04\x25\xb0\xd0\x5f\xff"),
	  .vax = 1, .uses = 1, .sink = ENGINE_OUTPUT, .left = 7 },
	/* mov $0xffffffffff5fd000,%rdi; stosl */
	{ CODE("\x48\xc7\xc7\x00\xd0\x5f\xff\xab"),
	  .vax = 1, .uses = 1, .sink = ENGINE_OUTPUT, .left = 1 },
	/* mov $0xffffffffff5fd000,%rdi; mov $4,%ecx; rep stosl */
	{ CODE("\x48\xc7\xc7\x00\xd0\x5f\xff\xb9\x04\x00\x00\x00\xf3\xab"),
	  .vax = 0x100, .uses = 1, .sink = ENGINE_OUTPUT, .left = 2 },
	/* mov %rbx,%rsi; mov $0xffffffffff5fd000,%rdi; mov $8,%ecx; rep movsb */
	{ CODE("\x48\x89\xde\x48\xc7\xc7\x00\xd0\x5f\xff\xb9\x08\x00\x00\x00\xf3\xa4"),
	  .va = 0x100000000000000, .uses = 1, .sink = ENGINE_OUTPUT, .left = 2 },
	/* mov %rbx,%rsi; mov $0xffffffffff5fd000,%rdi; movsl */
	{ CODE("\x48\x89\xde\x48\xc7\xc7\x00\xd0\x5f\xff\xa5"), .va = 0x100000000, .left = 1 },
	/* movups (%rbx),%xmm1; movups %xmm1,0xffffffffff5fd0b0 */
	{ CODE("\x0f\x10\x0b\x0f\x11\x0c\x25\xb0\xd0\x5f\xff"),
	  .va = 0x100000000000000, .uses = 1, .sink = ENGINE_OUTPUT, .left = 8 },

	/* Vector registers */
	/* movups (%rbx),%xmm1; movups %xmm1,(%rsi) */
	{ CODE("\x0f\x10\x0b\x0f\x11\x0e"), .va = 0xf0f0, .vb = 0xf0f0 },
	/* movq (%rbx),%xmm1; movq %xmm1,%rax; test $1,%al; je .+9 */
	{ CODE("\xf3\x0f\x7e\x0b\x66\x48\x0f\x7e\xc8\xa8\x01\x74\x07"), .va = 1, .uses = 1 },
	/* movq (%rbx),%xmm1; pxor %xmm1,%xmm1; movq %xmm1,%rax; test $1,%al; je .+9 */
	{ CODE("\xf3\x0f\x7e\x0b\x66\x0f\xef\xc9\x66\x48\x0f\x7e\xc8\xa8\x01\x74\x07"), .va = 1 },
	/* movups (%rbx),%xmm1; movups %xmm1,(%rdi) */
	{ CODE("\x0f\x10\x0b\x0f\x11\x0f"), .va = 2, .uses = 1, .sink = ENGINE_LEAK },
	/* movups (%rbx),%xmm1; movhps %xmm1,(%rdi) */
	{ CODE("\x0f\x10\x0b\x0f\x17\x0f"), .va = 2 },
	/* vmovdqu (%rbx),%ymm1; vzeroupper; vmovdqu %ymm1,(%rsi) */
	{ CODE("\xc5\xfe\x6f\x0b\xc5\xf8\x77\xc5\xfe\x7f\x0e"), .va = 0xf0f0, .vb = 0xf0f0 },
	/* movups (%rbx),%xmm1; vzeroall; vmovdqu %ymm1,(%rdi) */
	{ CODE("\x0f\x10\x0b\xc5\xfc\x77\xc5\xfe\x7f\x0f"), .va = 0xf0f0 },

	/* Addresses and user memory */
	/* mov %ecx,(%rax) */
	{ CODE("\x89\x08"), .vax = 1, .uses = 1, .sink = ENGINE_ADDRESS },
	/* lea (%rax,%rcx,4),%rdx; nopl (%rax); prefetcht0 (%rax) */
	{ CODE("\x48\x8d\x14\x88\x0f\x1f\x00\x0f\x18\x08"), .vax = ALL, .vcx = ALL },
	/* mov (%rbx,%rcx,4),%eax */
	{ CODE("\x8b\x04\x8b"), .vcx = 1, .uses = 1, .sink = ENGINE_ADDRESS },
	/* movzbl %cl,%ecx; mov (%rbx,%rcx,4),%eax */
	{ CODE("\x0f\xb6\xc9\x8b\x04\x8b"), .vcx = 0xff00 },
	/* jmp *%rax */
	{ CODE("\xff\xe0"), .vax = 1, .uses = 1 },
	/* push %rax; ret */
	{ CODE("\x50\xc3"), .vax = 1, .uses = 1 },
	/* push %rcx; ret */
	{ CODE("\x51\xc3"), .vax = 1 },
	/* mov %rax,(%rdi) */
	{ CODE("\x48\x89\x07"), .vax = 1, .uses = 1, .sink = ENGINE_LEAK },
	/* mov %al,(%rdi) */
	{ CODE("\x88\x07"), .vax = 0x100 },
	/* movnti %rax,(%rdi) */
	{ CODE("\x48\x0f\xc3\x07"), .vax = 1, .uses = 1, .sink = ENGINE_LEAK },
	/* mov %rbx,%rsi; mov $8,%ecx; rep movsb */
	{ CODE("\x48\x89\xde\xb9\x08\x00\x00\x00\xf3\xa4"),
	  .va = 0x100, .uses = 1, .sink = ENGINE_LEAK },
	/* mov %rbx,%rsi; mov $8,%ecx; rep movsb */
	{ CODE("\x48\x89\xde\xb9\x08\x00\x00\x00\xf3\xa4"), .vax = 0x100 },
	/* mov %rbx,%rsi; mov $1,%ecx; rep movsq */
	{ CODE("\x48\x89\xde\xb9\x01\x00\x00\x00\xf3\x48\xa5"),
	  .va = 0x100, .uses = 1, .sink = ENGINE_LEAK },

	/* Arithmetic */
	/* mov (%rbx),%eax; add $0x100,%eax; test $0xff,%al; je .+9 */
	{ CODE("\x8b\x03\x05\x00\x01\x00\x00\xa8\xff\x74\x07"), .va = 0xff00 },
	/* mov (%rbx),%eax; add $1,%eax; test $0x100,%eax; je .+9 */
	{ CODE("\x8b\x03\x83\xc0\x01\xa9\x00\x01\x00\x00\x74\x07"), .va = 0xff, .uses = 1 },
	/* mov (%rbx),%eax; add $1,%eax; test $0x200,%eax; je .+9 */
	{ CODE("\x8b\x03\x83\xc0\x01\xa9\x00\x02\x00\x00\x74\x07"), .va = 0xff },
	/* mov (%rbx),%eax; shl $4,%eax; test $0xf,%al; je .+9 */
	{ CODE("\x8b\x03\xc1\xe0\x04\xa8\x0f\x74\x07"), .va = ALL },
	/* mov (%rbx),%eax; neg %eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x03\xf7\xd8\xa8\x01\x74\x07"), .va = 2 },
	/* shl %cl,%eax; test $0x100,%eax; je .+9 */
	{ CODE("\xd3\xe0\xa9\x00\x01\x00\x00\x74\x07"), .vax = 0xff, .cx = 8, .uses = 1 },
	/* shl %cl,%eax; test $0xff,%eax; je .+9 */
	{ CODE("\xd3\xe0\xa9\xff\x00\x00\x00\x74\x07"), .vax = 0xff, .cx = 8 },
	/* inc %eax; shl %cl,%eax; test $2,%eax; je .+9 */
	{ CODE("\xff\xc0\xd3\xe0\xa9\x02\x00\x00\x00\x74\x07"), .vcx = 1, .uses = 1 },
	/* mov (%rbx),%eax; shld $8,%ecx,%eax; test $0xff,%al; je .+9 */
	{ CODE("\x8b\x03\x0f\xa4\xc8\x08\xa8\xff\x74\x07"), .va = ALL },
	/* mov (%rbx),%ecx; mul %ecx; test $1,%al; je .+9 */
	{ CODE("\x8b\x0b\xf7\xe1\xa8\x01\x74\x07"), .va = 2 },
	/* popcnt %rax,%rcx; test $0x80,%ecx; je .+9 */
	{ CODE("\xf3\x48\x0f\xb8\xc8\xf7\xc1\x80\x00\x00\x00\x74\x07"), .vax = ALL },

	/* Instructions that decide by themselves */
	/* jrcxz .+9 */
	{ CODE("\xe3\x07"), .vcx = 1, .uses = 1 },
	/* jrcxz .+9 */
	{ CODE("\xe3\x07"), .cx = 0x100, .vcx = 1 },
	/* mov %rsi,%rdi; mov %rbx,%rsi; mov $8,%ecx; repe cmpsb; jne .+9 */
	{ CODE("\x48\x89\xf7\x48\x89\xde\xb9\x08\x00\x00\x00\xf3\xa6\x75\x07"),
	  .a = 0x61, .va = 0xff00 },
	/* mov %rsi,%rdi; mov %rbx,%rsi; mov $8,%ecx; repe cmpsb; jne .+9 */
	{ CODE("\x48\x89\xf7\x48\x89\xde\xb9\x08\x00\x00\x00\xf3\xa6\x75\x07"),
	  .va = 0xff00, .uses = 1 },
	/* mov %rbx,%rdi; mov $8,%ecx; xor %eax,%eax; repne scasb; jne .+9 */
	{ CODE("\x48\x89\xdf\xb9\x08\x00\x00\x00\x31\xc0\xf2\xae\x75\x07"),
	  .a = 0x1122330061626364, .va = 0xffffff0000000000 },
	/* mov %rbx,%rdi; mov $8,%ecx; xor %eax,%eax; repne scasb; jne .+9 */
	{ CODE("\x48\x89\xdf\xb9\x08\x00\x00\x00\x31\xc0\xf2\xae\x75\x07"),
	  .a = 0x1122330061626364, .va = 0xff00, .uses = 1 },
	/* mov %rbx,%rsi; lodsb; test %al,%al; je .+9 */
	{ CODE("\x48\x89\xde\xac\x84\xc0\x74\x07"), .va = 0xff00 },
	/* mov %rbx,%rsi; lodsb; test %al,%al; je .+9 */
	{ CODE("\x48\x89\xde\xac\x84\xc0\x74\x07"), .va = 0xff, .uses = 1 },
	/* mov $4,%ecx; rep stosb */
	{ CODE("\xb9\x04\x00\x00\x00\xf3\xaa"), .vax = 0x100 },
	/* mov $4,%ecx; rep stosb */
	{ CODE("\xb9\x04\x00\x00\x00\xf3\xaa"), .vax = 1, .uses = 1, .sink = ENGINE_LEAK },
	/* mov %rsi,%rdi; rep stosb */
	{ CODE("\x48\x89\xf7\xf3\xaa"), .cx = 4, .vcx = 1, .uses = 1, .sink = ENGINE_ADDRESS },
	/* bts %rcx,(%rbx) */
	{ CODE("\x48\x0f\xab\x0b"), .vcx = 0x40, .uses = 1, .sink = ENGINE_ADDRESS },
	/* xor %edx,%edx; xor %ebp,%ebp; xchg %rbp,%rbx; xor %ecx,%ecx; lock cmpxchg8b (%rbp);
	 * jne .+9 */
	{ CODE("\x31\xd2\x31\xed\x48\x87\xeb\x31\xc9\xf0\x0f\xc7\x4d\x00\x75\x07"),
	  .va = 1, .uses = 1 },
	/* xor %edx,%edx; xor %ebp,%ebp; xchg %rbp,%rbx; xor %ecx,%ecx; lock cmpxchg8b (%rbp);
	 * jne .+9 */
	{ CODE("\x31\xd2\x31\xed\x48\x87\xeb\x31\xc9\xf0\x0f\xc7\x4d\x00\x75\x07"),
	  .a = 0x100, .va = 1 },

	/* Not canonical, so nothing else may look like it inside */
	/* movabs $0x8000000000000000,%rax; mov (%rax),%ecx; mov %ecx,8(%rax) */
	{ CODE("\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\x8b\x08\x89\x48\x08"), .vax = 1 },
	/* movabs $0x8000000000000000,%rax; jmp *%rax */
	{ CODE("\x48\xb8\x00\x00\x00\x00\x00\x00\x00\x80\xff\xe0"), .vax = 1 },
};

#undef CODE
#undef ALL

#endif
