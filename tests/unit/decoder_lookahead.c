// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_lookahead.c: what becomes of an undefined value, one line a case: the load, the code
 * behind it, the undefined bits and their size. Nearly all come in pairs, one that is reported and
 * a good twin. The bytes are what GNU as makes of the line above them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lookahead.h"

#define RANDOM_ROUNDS 100000

#define CODE(s) { sizeof(s) - 1, (const uint8_t *)(s) }
#define ALL	UINT64_MAX
#define UNSEEN	INSN_FATE_UNSEEN
#define BRANCH	INSN_FATE_BRANCH
#define ADDRESS INSN_FATE_ADDRESS

struct code {
	size_t len;
	const uint8_t *bytes;
};

static const struct {
	struct code load, code;
	uint64_t undefined;
	unsigned size;
	enum insn_fate fate;
} cases[] = {
	/* Copies and masks */
	/* mov (%rdi),%eax: mov %eax,(%rsi) */
	{ CODE("\x8b\x07"), CODE("\x89\x06"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* movzbl (%rdi),%eax: and $~3,%eax; or $1,%eax; mov %al,(%rdi) */
	{ CODE("\x0f\xb6\x07"), CODE("\x83\xe0\xfc\x83\xc8\x01\x88\x07"), 0xff, 1, UNSEEN },
	/* mov 0x10(%rbp),%rax: mov %rax,(%rbx); ret */
	{ CODE("\x48\x8b\x45\x10"), CODE("\x48\x89\x03\xc3"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov (%rax),%rcx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x8b\x08"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: mov %rax,%rcx; xor %eax,%eax; mov (%rcx),%edx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x89\xc1\x31\xc0\x8b\x11"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: mov %rax,%rcx; xor %ecx,%ecx; mov (%rcx),%edx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x89\xc1\x31\xc9\x8b\x11"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov (%rsi),%rax; mov (%rax),%edx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x8b\x06\x8b\x10"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov $5,%eax; test %rax,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\xb8\x05\x00\x00\x00\x48\x85\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov $5,%al; test %al,%al; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\xb0\x05\x84\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov $5,%al; test %ax,%ax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\xb0\x05\x66\x85\xc0\x74\x07"), ALL, 8, BRANCH },
	/* mov (%rdi),%rax: mov %eax,%eax; shr $32,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x89\xc0\x48\xc1\xe8\x20\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: shr $32,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x48\xc1\xe8\x20\x74\x07"), ALL, 8, BRANCH },
	/* mov (%rdi),%al: test %al,%al; je .+9 */
	{ CODE("\x8a\x07"), CODE("\x84\xc0\x74\x07"), ALL, 1, BRANCH },
	/* mov (%rdi),%al: test %ah,%ah; je .+9 */
	{ CODE("\x8a\x07"), CODE("\x84\xe4\x74\x07"), ALL, 1, UNSEEN },
	/* mov (%rdi),%ax: test %ah,%ah; je .+9 */
	{ CODE("\x66\x8b\x07"), CODE("\x84\xe4\x74\x07"), ALL, 2, BRANCH },
	/* mov (%rdi),%ax: test %ah,%ah; je .+9 */
	{ CODE("\x66\x8b\x07"), CODE("\x84\xe4\x74\x07"), 0xff, 2, UNSEEN },
	/* movzbl (%rdi),%eax: test $0x100,%eax; je .+9 */
	{ CODE("\x0f\xb6\x07"), CODE("\xa9\x00\x01\x00\x00\x74\x07"), 0xff, 1, UNSEEN },
	/* movsbl (%rdi),%eax: test $0x100,%eax; je .+9 */
	{ CODE("\x0f\xbe\x07"), CODE("\xa9\x00\x01\x00\x00\x74\x07"), 0x80, 1, BRANCH },
	/* movsbl (%rdi),%eax: test $0x100,%eax; je .+9 */
	{ CODE("\x0f\xbe\x07"), CODE("\xa9\x00\x01\x00\x00\x74\x07"), 0x7f, 1, UNSEEN },
	/* movslq (%rdi),%rax: shr $40,%rax; jne .+9 */
	{ CODE("\x48\x63\x07"), CODE("\x48\xc1\xe8\x28\x75\x07"), 0x80000000, 4, BRANCH },
	/* movslq (%rdi),%rax: shr $40,%rax; jne .+9 */
	{ CODE("\x48\x63\x07"), CODE("\x48\xc1\xe8\x28\x75\x07"), 1, 4, UNSEEN },
	/* mov (%rdi),%rax: movzbl %ah,%ecx; test %ecx,%ecx; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x0f\xb6\xcc\x85\xc9\x74\x07"), 0xff00, 8, BRANCH },
	/* mov (%rdi),%rax: movzbl %ah,%ecx; test %ecx,%ecx; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x0f\xb6\xcc\x85\xc9\x74\x07"), 0xff00ff, 8, UNSEEN },
	/* mov (%rdi),%rax: movsbq %al,%rcx; test %rcx,%rcx; js .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x0f\xbe\xc8\x48\x85\xc9\x78\x07"), 0x80, 8, BRANCH },
	/* mov (%rdi),%rax: movsbq %al,%rcx; test %rcx,%rcx; js .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x0f\xbe\xc8\x48\x85\xc9\x78\x07"), 0x7f, 8, UNSEEN },
	/* movbe (%rdi),%eax: test %al,%al; je .+9 */
	{ CODE("\x0f\x38\xf0\x07"), CODE("\x84\xc0\x74\x07"), 0xff000000, 4, BRANCH },
	/* movbe (%rdi),%eax: test %al,%al; je .+9 */
	{ CODE("\x0f\x38\xf0\x07"), CODE("\x84\xc0\x74\x07"), 0xff, 4, UNSEEN },
	/* mov (%rdi),%r8b: test %r8b,%r8b; je .+9 */
	{ CODE("\x44\x8a\x07"), CODE("\x45\x84\xc0\x74\x07"), 0xff, 1, BRANCH },
	/* mov (%rdi),%r8d: mov (%rsi,%r8,8),%eax */
	{ CODE("\x44\x8b\x07"), CODE("\x42\x8b\x04\xc6"), ALL, 4, ADDRESS },
	/* pop %rax: test %eax,%eax; je .+9 */
	{ CODE("\x58"), CODE("\x85\xc0\x74\x07"), ALL, 8, BRANCH },
	/* push (%rdi): pop %rax; test %eax,%eax; je .+9 */
	{ CODE("\xff\x37"), CODE("\x58\x85\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: push %rax; pop %rax; mov (%rax),%eax */
	{ CODE("\x48\x8b\x07"), CODE("\x50\x58\x8b\x00"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: xchg %rax,%rcx; mov (%rcx),%edx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x91\x8b\x11"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: xchg %rax,%rcx; mov (%rax),%edx */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x91\x8b\x10"), ALL, 8, UNSEEN },
	/* xchg %eax,(%rdi): test %eax,%eax; je .+9 */
	{ CODE("\x87\x07"), CODE("\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: bswap %eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xc8\x84\xc0\x74\x07"), 0xff000000, 4, BRANCH },
	/* mov (%rdi),%eax: bswap %eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xc8\x84\xc0\x74\x07"), 0xff, 4, UNSEEN },
	/* mov (%rdi),%eax: cltq; test %rax,%rax; js .+9 */
	{ CODE("\x8b\x07"), CODE("\x48\x98\x48\x85\xc0\x78\x07"), 0x80000000, 4, BRANCH },
	/* mov (%rdi),%eax: cltq; test %rax,%rax; js .+9 */
	{ CODE("\x8b\x07"), CODE("\x48\x98\x48\x85\xc0\x78\x07"), 1, 4, UNSEEN },
	/* mov (%rdi),%eax: cltd; test %edx,%edx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x99\x85\xd2\x74\x07"), 0x80000000, 4, BRANCH },
	/* mov (%rdi),%eax: cltd; test %edx,%edx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x99\x85\xd2\x74\x07"), 1, 4, UNSEEN },
	/* lodsq: mov (%rax),%ecx */
	{ CODE("\x48\xad"), CODE("\x8b\x08"), ALL, 8, ADDRESS },
	/* lodsb: test %ah,%ah; je .+9 */
	{ CODE("\xac"), CODE("\x84\xe4\x74\x07"), 0xff, 1, UNSEEN },

	/* Logic */
	/* mov (%rdi),%eax: and $3,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xe0\x03\x74\x07"), 2, 4, BRANCH },
	/* mov (%rdi),%eax: and $3,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xe0\x03\x74\x07"), ALL & ~3ull, 4, UNSEEN },
	/* mov (%rdi),%eax: test $4,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xa8\x04\x74\x07"), 4, 4, BRANCH },
	/* mov (%rdi),%eax: test $4,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xa8\x04\x74\x07"), ALL & ~4ull, 4, UNSEEN },
	/* mov (%rdi),%eax: or $0xf,%eax; cmp $1,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc8\x0f\x83\xf8\x01\x74\x07"), 0xf, 4, UNSEEN },
	/* mov (%rdi),%eax: or $0xe,%eax; cmp $1,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc8\x0e\x83\xf8\x01\x74\x07"), 0xf, 4, BRANCH },
	/* mov (%rdi),%eax: or $1,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc8\x01\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: or %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x09\xc8\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: and %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x21\xc8\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: and %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x21\xc8\x74\x07"), 0x10, 4, UNSEEN },
	/* mov (%rdi),%eax: mov $0x10,%ecx; and %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xb9\x10\x00\x00\x00\x21\xc8\x74\x07"), 0x10, 4, BRANCH },
	/* mov (%rdi),%eax: mov $0x20,%ecx; and %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xb9\x20\x00\x00\x00\x21\xc8\x74\x07"), 0x10, 4, UNSEEN },
	/* mov (%rdi),%rax: movabs $0xffffffffff000,%rcx; and %rcx,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"),
	  CODE("\x48\xb9\x00\xf0\xff\xff\xff\xff\x0f\x00\x48\x21\xc8\x74\x07"),
	  0xfff, 8, UNSEEN },
	/* mov (%rdi),%rax: movabs $0xffffffffff000,%rcx; and %rcx,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"),
	  CODE("\x48\xb9\x00\xf0\xff\xff\xff\xff\x0f\x00\x48\x21\xc8\x74\x07"),
	  0x1fff, 8, BRANCH },
	/* mov (%rdi),%eax: xor %ecx,%ecx; and %ecx,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x31\xc9\x21\xc8\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: xor $5,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf0\x05\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: xor %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x31\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: not %eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xf7\xd0\xa8\x01\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: not %eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xf7\xd0\xa8\x01\x74\x07"), 2, 4, UNSEEN },
	/* mov (%rdi),%eax: test %eax,%eax; js .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x78\x07"), 0x80000000, 4, BRANCH },
	/* mov (%rdi),%eax: test %eax,%eax; js .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x78\x07"), 0x7fffffff, 4, UNSEEN },
	/* mov (%rdi),%eax: test %al,%al; jp .+9 */
	{ CODE("\x8b\x07"), CODE("\x84\xc0\x7a\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: test %eax,%eax; jp .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x7a\x07"), 0x100, 4, UNSEEN },
	/* mov (%rdi),%eax: test %eax,%eax; jle .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x7e\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: test %eax,%eax; jl .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x7c\x07"), 1, 4, UNSEEN },
	/* mov (%rdi),%eax: test %eax,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x72\x07"), ALL, 4, UNSEEN },
	/* and (%rdi),%eax: mov %eax,(%rsi); je .+9 */
	{ CODE("\x23\x07"), CODE("\x89\x06\x74\x07"), ALL, 4, BRANCH },
	/* and (%rdi),%eax: mov %eax,(%rsi); ret */
	{ CODE("\x23\x07"), CODE("\x89\x06\xc3"), ALL, 4, UNSEEN },
	/* or (%rdi),%rax: mov (%rax),%ecx */
	{ CODE("\x48\x0b\x07"), CODE("\x8b\x08"), ALL, 8, ADDRESS },
	/* testb $4,(%rdi): je .+9 */
	{ CODE("\xf6\x07\x04"), CODE("\x74\x07"), 4, 1, BRANCH },
	/* testb $4,(%rdi): je .+9 */
	{ CODE("\xf6\x07\x04"), CODE("\x74\x07"), 3, 1, UNSEEN },

	/* Arithmetic */
	/* mov (%rdi),%eax: add $1,%eax; test $0x80,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc0\x01\xa8\x80\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: add $1,%eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc0\x01\xa8\x01\x74\x07"), 2, 4, UNSEEN },
	/* mov (%rdi),%eax: add $4,%eax; test $4,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc0\x04\xa8\x04\x74\x07"), 3, 4, UNSEEN },
	/* mov (%rdi),%eax: add $4,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc0\x04\x72\x07"), 3, 4, UNSEEN },
	/* mov (%rdi),%eax: add $4,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xc0\x04\x72\x07"), 4, 4, BRANCH },
	/* mov (%rdi),%eax: sub %ecx,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x29\xc8\x72\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: sub %eax,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x29\xc0\x72\x07"), ALL, 4, UNSEEN },
	/* add (%rdi),%eax: jb .+9 */
	{ CODE("\x03\x07"), CODE("\x72\x07"), ALL, 4, BRANCH },
	/* add (%rdi),%eax: mov %eax,(%rsi); ret */
	{ CODE("\x03\x07"), CODE("\x89\x06\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: add %eax,(%rsi); je .+9 */
	{ CODE("\x8b\x07"), CODE("\x01\x06\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: add %eax,(%rsi); ret */
	{ CODE("\x8b\x07"), CODE("\x01\x06\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: inc %eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xff\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: inc %eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\xff\xc0\x72\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: dec %eax; js .+9 */
	{ CODE("\x8b\x07"), CODE("\xff\xc8\x78\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: neg %eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\xf7\xd8\x72\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: neg %eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xf7\xd8\xa8\x01\x74\x07"), 2, 4, UNSEEN },
	/* mov (%rdi),%eax: cmp $1,%eax; sbb %ecx,%ecx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf8\x01\x19\xc9\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: sbb %ecx,%ecx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x19\xc9\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: lea 8(%rax),%rcx; ret */
	{ CODE("\x8b\x07"), CODE("\x48\x8d\x48\x08\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: lea 8(%rax),%rcx; mov (%rcx),%edx */
	{ CODE("\x8b\x07"), CODE("\x48\x8d\x48\x08\x8b\x11"), ALL, 4, ADDRESS },
	/* mov (%rdi),%eax: lea (,%rax,8),%rcx; test $7,%cl; je .+9 */
	{ CODE("\x8b\x07"),
	  CODE("\x48\x8d\x0c\xc5\x00\x00\x00\x00\xf6\xc1\x07\x74\x07"),
	  ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: lea (%rsi,%rax,8),%rcx; test $8,%cl; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x48\x8d\x0c\xc6\xf6\xc1\x08\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: imul $24,%rax,%rcx; add %rsi,%rcx; mov (%rcx),%edx */
	{ CODE("\x8b\x07"), CODE("\x48\x6b\xc8\x18\x48\x01\xf1\x8b\x11"), ALL, 4, ADDRESS },
	/* mov (%rdi),%eax: imul $24,%rsi,%rcx; mov (%rcx),%edx */
	{ CODE("\x8b\x07"), CODE("\x48\x6b\xce\x18\x8b\x11"), ALL, 4, UNSEEN },
	/* imul (%rdi),%eax: test %eax,%eax; je .+9 */
	{ CODE("\x0f\xaf\x07"), CODE("\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: cmp $7,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf8\x07\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: cmp $7,%ecx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf9\x07\x74\x07"), 1, 4, UNSEEN },
	/* mov (%rdi),%eax: cmp $0x3f,%al; ja .+9 */
	{ CODE("\x8b\x07"), CODE("\x3c\x3f\x77\x07"), 0x3f, 4, UNSEEN },
	/* mov (%rdi),%eax: cmp $0x3f,%al; ja .+9 */
	{ CODE("\x8b\x07"), CODE("\x3c\x3f\x77\x07"), 0x7f, 4, BRANCH },
	/* mov (%rdi),%eax: cmp $0x40,%al; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x3c\x40\x72\x07"), 0x3f, 4, UNSEEN },
	/* mov (%rdi),%eax: cmp $0x41,%al; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x3c\x41\x72\x07"), 0x3f, 4, BRANCH },
	/* mov (%rdi),%eax: cmp $0,%eax; jl .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf8\x00\x7c\x07"), 1, 4, UNSEEN },
	/* mov (%rdi),%eax: cmp $0,%eax; jl .+9 */
	{ CODE("\x8b\x07"), CODE("\x83\xf8\x00\x7c\x07"), 0x80000000, 4, BRANCH },
	/* mov (%rdi),%rax: cmp %rax,(%rsi); je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x39\x06\x74\x07"), ALL, 8, BRANCH },
	/* mov (%rdi),%rax: cmp %rax,(%rsi); ret */
	{ CODE("\x48\x8b\x07"), CODE("\x48\x39\x06\xc3"), ALL, 8, UNSEEN },
	/* cmpl $0,(%rdi): je .+9 */
	{ CODE("\x83\x3f\x00"), CODE("\x74\x07"), ALL, 4, BRANCH },
	/* cmpl $0,(%rdi): ret */
	{ CODE("\x83\x3f\x00"), CODE("\xc3"), ALL, 4, UNSEEN },
	/* lock cmpxchg %ecx,(%rdi): jne .+9 */
	{ CODE("\xf0\x0f\xb1\x0f"), CODE("\x75\x07"), ALL, 4, BRANCH },
	/* lock xadd %eax,(%rdi): cmp $1,%eax; je .+9 */
	{ CODE("\xf0\x0f\xc1\x07"), CODE("\x83\xf8\x01\x74\x07"), ALL, 4, BRANCH },
	/* lock xadd %eax,(%rdi): mov %eax,(%rsi); ret */
	{ CODE("\xf0\x0f\xc1\x07"), CODE("\x89\x06\xc3"), ALL, 4, UNSEEN },
	/* lock decl (%rdi): je .+9 */
	{ CODE("\xf0\xff\x0f"), CODE("\x74\x07"), ALL, 4, BRANCH },
	/* lock decl (%rdi): ret */
	{ CODE("\xf0\xff\x0f"), CODE("\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: mul %ecx; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xf7\xe1\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%ecx: div %ecx; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x0f"), CODE("\xf7\xf1\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%ecx: popcnt %ecx,%eax; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x0f"), CODE("\xf3\x0f\xb8\xc1\x85\xc0\x74\x07"), ALL, 4, UNSEEN },

	/* Shifts and bits */
	/* mov (%rdi),%eax: shl $4,%eax; test $0xf,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe0\x04\xa8\x0f\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: shl $4,%eax; test $0x10,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe0\x04\xa8\x10\x74\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: shr $4,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe8\x04\x74\x07"), 0xf, 4, UNSEEN },
	/* mov (%rdi),%eax: shr $4,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe8\x04\x74\x07"), 0x1f, 4, BRANCH },
	/* mov (%rdi),%eax: shr $4,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe8\x04\x72\x07"), 8, 4, BRANCH },
	/* mov (%rdi),%eax: shr $4,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xe8\x04\x72\x07"), 4, 4, UNSEEN },
	/* mov (%rdi),%eax: shr %eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\xd1\xe8\x72\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: sar $31,%eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xf8\x1f\xa8\x01\x74\x07"), 0x80000000, 4, BRANCH },
	/* mov (%rdi),%eax: sar $31,%eax; test $1,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xf8\x1f\xa8\x01\x74\x07"), 0x7fffffff, 4, UNSEEN },
	/* mov (%rdi),%eax: rol $8,%eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xc0\x08\x84\xc0\x74\x07"), 0xff000000, 4, BRANCH },
	/* mov (%rdi),%eax: rol $8,%eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xc0\x08\x84\xc0\x74\x07"), 0xff, 4, UNSEEN },
	/* mov (%rdi),%eax: ror $8,%eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xc8\x08\x84\xc0\x74\x07"), 0xff00, 4, BRANCH },
	/* mov (%rdi),%eax: ror $8,%eax; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xc1\xc8\x08\x84\xc0\x74\x07"), 0xff, 4, UNSEEN },
	/* mov (%rdi),%eax: shl %cl,%eax; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xd3\xe0\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: bt $3,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xba\xe0\x03\x72\x07"), 8, 4, BRANCH },
	/* mov (%rdi),%eax: bt $3,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xba\xe0\x03\x72\x07"), ALL & ~8ull, 4, UNSEEN },
	/* mov (%rdi),%eax: bt %ecx,%eax; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xa3\xc8\x72\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: bt %eax,%ecx; jb .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xa3\xc1\x72\x07"), 1, 4, BRANCH },
	/* mov (%rdi),%eax: bts $3,%eax; cmp $1,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xba\xe8\x03\x83\xf8\x01\x74\x07"), 8, 4, UNSEEN },
	/* mov (%rdi),%eax: btr $3,%eax; cmp $1,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xba\xf0\x03\x83\xf8\x01\x74\x07"), 4, 4, BRANCH },
	/* btl $3,(%rdi): jb .+9 */
	{ CODE("\x0f\xba\x27\x03"), CODE("\x72\x07"), 8, 4, BRANCH },
	/* btl $3,(%rdi): jb .+9 */
	{ CODE("\x0f\xba\x27\x03"), CODE("\x72\x07"), 4, 4, UNSEEN },
	/* mov (%rdi),%rax: lock bts %rax,(%rsi) */
	{ CODE("\x48\x8b\x07"), CODE("\xf0\x48\x0f\xab\x06"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: lock bts %rcx,(%rsi) */
	{ CODE("\x48\x8b\x07"), CODE("\xf0\x48\x0f\xab\x0e"), ALL, 8, UNSEEN },

	/* Conditions and control */
	/* mov (%rdi),%eax: test %eax,%eax; sete %cl */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x0f\x94\xc1"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: test %ecx,%ecx; sete %al; test %al,%al; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc9\x0f\x94\xc0\x84\xc0\x74\x07"), 0xff, 4, UNSEEN },
	/* mov (%rdi),%eax: test %eax,%eax; cmove %ecx,%edx */
	{ CODE("\x8b\x07"), CODE("\x85\xc0\x0f\x44\xd1"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: test %ecx,%ecx; cmove %eax,%edx; test %edx,%edx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc9\x0f\x44\xd0\x85\xd2\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: test %ecx,%ecx; cmove %esi,%edx; test %edx,%edx; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc9\x0f\x44\xd6\x85\xd2\x74\x07"), ALL, 4, UNSEEN },
	/* cmove (%rdi),%eax: test %eax,%eax; je .+9 */
	{ CODE("\x0f\x44\x07"), CODE("\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: test %ecx,%ecx; je .+9; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc9\x74\x07\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: test %ecx,%ecx; je .+9; ret; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x85\xc9\x74\x07\xc3\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: jmp .+3; ret; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xeb\x01\xc3\x85\xc0\x74\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: jmp .+2; ret; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xeb\x00\xc3\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: jmp .+100; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xeb\x62\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: jmp .-8; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\xeb\xf6\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: jmp . */
	{ CODE("\x8b\x07"), CODE("\xeb\xfe"), ALL, 4, UNSEEN },
	/* mov (%rdi),%rax: jmp *%rax */
	{ CODE("\x48\x8b\x07"), CODE("\xff\xe0"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: jmp *%rcx */
	{ CODE("\x48\x8b\x07"), CODE("\xff\xe1"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: call *%rax */
	{ CODE("\x48\x8b\x07"), CODE("\xff\xd0"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: call .+5; test %eax,%eax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\xe8\x00\x00\x00\x00\x85\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* call *(%rdi): ret */
	{ CODE("\xff\x17"), CODE("\xc3"), ALL, 8, ADDRESS },
	/* mov (%rdi),%ecx: jrcxz .+9 */
	{ CODE("\x8b\x0f"), CODE("\xe3\x07"), ALL, 4, BRANCH },
	/* mov (%rdi),%eax: jrcxz .+9; ret */
	{ CODE("\x8b\x07"), CODE("\xe3\x07\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%eax: ud2; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\x0b\x85\xc0\x74\x07"), ALL, 4, UNSEEN },
	/* mov (%rdi),%ecx: rep stosb */
	{ CODE("\x8b\x0f"), CODE("\xf3\xaa"), ALL, 4, ADDRESS },
	/* mov (%rdi),%ecx: stosb; ret */
	{ CODE("\x8b\x0f"), CODE("\xaa\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%rsi: movsq */
	{ CODE("\x48\x8b\x37"), CODE("\x48\xa5"), ALL, 8, ADDRESS },
	/* mov (%rdi),%eax: stosl; ret */
	{ CODE("\x8b\x07"), CODE("\xab\xc3"), ALL, 4, UNSEEN },
	/* mov (%rdi),%al: repne scasb; je .+9 */
	{ CODE("\x8a\x07"), CODE("\xf2\xae\x74\x07"), ALL, 1, BRANCH },
	/* mov (%rdi),%ah: scasb; je .+9 */
	{ CODE("\x8a\x27"), CODE("\xae\x74\x07"), ALL, 1, UNSEEN },
	/* cmpsb: je .+9 */
	{ CODE("\xa6"), CODE("\x74\x07"), 0xff, 1, BRANCH },
	/* movsb: je .+9 */
	{ CODE("\xa4"), CODE("\x74\x07"), 0xff, 1, UNSEEN },

	/* Things that only look like addresses, and things that are not followed */
	/* mov (%rdi),%rax: nopw 0(%rax,%rax,1); ret */
	{ CODE("\x48\x8b\x07"), CODE("\x66\x0f\x1f\x04\x00\xc3"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: prefetcht0 (%rax); ret */
	{ CODE("\x48\x8b\x07"), CODE("\x0f\x18\x08\xc3"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov %ecx,8(%rax) */
	{ CODE("\x48\x8b\x07"), CODE("\x89\x48\x08"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: mov %gs:(%rax),%ecx */
	{ CODE("\x48\x8b\x07"), CODE("\x65\x8b\x08"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: mov %gs:8,%rax; test %rax,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"),
	  CODE("\x65\x48\x8b\x04\x25\x08\x00\x00\x00\x48\x85\xc0\x74\x07"),
	  ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: mov 4(%rip),%ecx; ret */
	{ CODE("\x48\x8b\x07"), CODE("\x8b\x0d\x04\x00\x00\x00\xc3"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: movdqu (%rax),%xmm0 */
	{ CODE("\x48\x8b\x07"), CODE("\xf3\x0f\x6f\x00"), ALL, 8, ADDRESS },
	/* mov (%rdi),%rax: cpuid; test %eax,%eax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\x0f\xa2\x85\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: movq %rax,%xmm0; movq %xmm0,%rax; test %rax,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"),
	  CODE("\x66\x48\x0f\x6e\xc0\x66\x48\x0f\x7e\xc0\x48\x85\xc0\x74\x07"),
	  ALL, 8, UNSEEN },
	/* movdqu (%rdi),%xmm0: test %eax,%eax; je .+9 */
	{ CODE("\xf3\x0f\x6f\x07"), CODE("\x85\xc0\x74\x07"), ALL, 8, UNSEEN },
	/* mov (%rdi),%rax: vmovdqu (%rsi),%ymm0; test %rax,%rax; je .+9 */
	{ CODE("\x48\x8b\x07"), CODE("\xc5\xfe\x6f\x06\x48\x85\xc0\x74\x07"), ALL, 8, BRANCH },
	/* mov (%rdi),%eax: mfence; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"), CODE("\x0f\xae\xf0\x85\xc0\x74\x07"), 0, 4, UNSEEN },
	/* mov (%rdi),%eax: .rept 22; mov %rsi,(%rsp); .endr; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"),
	  CODE("\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48"
	       "\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89"
	       "\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34"
	       "\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24"
	       "\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48"
	       "\x89\x34\x24\x85\xc0\x74\x07"),
	  ALL, 4, BRANCH },
	/* mov (%rdi),%eax: .rept 23; mov %rsi,(%rsp); .endr; test %eax,%eax; je .+9 */
	{ CODE("\x8b\x07"),
	  CODE("\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48"
	       "\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89"
	       "\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34"
	       "\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24"
	       "\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48\x89\x34\x24\x48"
	       "\x89\x34\x24\x48\x89\x34\x24\x85\xc0\x74\x07"),
	  ALL, 4, UNSEEN },
};

/* In memory of exactly that length, so that AddressSanitizer sees reads behind it. */
static enum insn_fate fate(struct insn_decoder *d, struct code load, struct code code,
			   uint64_t undefined, unsigned size)
{
	const struct insn *i = insn_decode(d, INSN_MODE_64, load.bytes, load.len);
	uint8_t *copy = malloc(code.len ? code.len : 1);
	enum insn_fate f;

	assert_non_null(copy);
	memcpy(copy, code.bytes, code.len);
	f = i ? insn_value_fate(d, INSN_MODE_64, i, copy, code.len, undefined, size) : UNSEEN;
	free(copy);
	return f;
}

static void test_cases(void **state)
{
	struct insn_decoder *d = insn_decoder_create();
	unsigned wrong = 0;

	assert_non_null(d);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		enum insn_fate f = fate(d, cases[k].load, cases[k].code, cases[k].undefined,
					cases[k].size);

		if (f == cases[k].fate)
			continue;
		wrong++;
		print_error("case %zu: fate %d, expected %d\n", k, f, cases[k].fate);
	}
	insn_decoder_destroy(d);
	assert_int_equal(wrong, 0);
}

/* Defined bits decide nothing; nor does code that is cut before its last instruction ends. */
static void test_twins(void **state)
{
	struct insn_decoder *d = insn_decoder_create();

	assert_non_null(d);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct code code = cases[k].code;

		assert_int_equal(fate(d, cases[k].load, code, 0, cases[k].size), UNSEEN);
		assert_int_equal(fate(d, cases[k].load, code, ALL, 0), UNSEEN);
		assert_int_equal(fate(d, cases[k].load, code, ALL, 9), UNSEEN);
		while (code.len--)
			fate(d, cases[k].load, code, cases[k].undefined, cases[k].size);
	}
	insn_decoder_destroy(d);
}

static void test_cut(void **state)
{
	struct insn_decoder *d = insn_decoder_create();
	/* mov (%rdi),%eax: test %eax,%eax; je .+9 */
	struct code load = CODE("\x8b\x07"), code = CODE("\x85\xc0\x74\x07");

	assert_non_null(d);
	assert_int_equal(fate(d, load, code, ALL, 4), BRANCH);
	for (code.len = 0; code.len < 4; code.len++)
		assert_int_equal(fate(d, load, code, ALL, 4), UNSEEN);
	insn_decoder_destroy(d);
}

static void test_random(void **state)
{
	struct insn_decoder *d = insn_decoder_create();
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	unsigned seen[3] = { 0 };

	assert_non_null(d);
	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		uint8_t bytes[INSN_MAX_BYTES + 48];
		struct code load = { INSN_MAX_BYTES, bytes }, code = { 48, bytes + INSN_MAX_BYTES };

		for (size_t k = 0; k < sizeof(bytes); k++) {
			seed ^= seed >> 12;
			seed ^= seed << 25;
			seed ^= seed >> 27;
			bytes[k] = (uint8_t)(seed * 0x2545f4914f6cdd1dull >> 56);
		}
		if (round & 1)
			load = cases[round % (sizeof(cases) / sizeof(cases[0]))].load;
		code.len -= round % 49;
		seen[fate(d, load, code, seed | 1, 1 + round % 8)]++;
	}
	insn_decoder_destroy(d);
	assert_true(seen[UNSEEN] && seen[BRANCH] && seen[ADDRESS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
