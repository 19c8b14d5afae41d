/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_forms_pairs.S: what a block engine may do in one go: arithmetic and the conditional jump behind
 * it, and arithmetic whose flags nobody reads. Included by engine_forms.S.
 */

.irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
	.irp args, "b %cl, %al", "b %dh, %cl", "w %cx, %ax", "l %ecx, %eax", "q %r9, %rcx", \
		   "b $0x80, %dl", "b $0, %ah", "w $0x7fff, %bx", "l $0, %esi", "l $0x80000000, %eax", \
		   "q $1, %r12", "q $-1, %rax"
	seq 2, "cmp\args; j\cc . + 2 + 32"
	.endr
	.irp args, "b %al, %al", "b %ah, %cl", "w %dx, %dx", "l %edi, %edi", "l %ecx, %edx", "q %r8, %r8", \
		   "q %rcx, %rax", "b $0x81, %cl", "b $2, %dh", "w $0x8000, %cx", "l $0xff00, %eax", \
		   "q $-8, %rbp"
	seq 2, "test\args; j\cc . + 2 - 32", "", AF
	.endr
	.irp sum, "addl %ecx, %edx", "addq %r9, %rax", "addl $0x7fffffff, %r8d", "addq $1, %rcx", \
		  "addb $1, %cl", "subl %ecx, %edx", "subq %r9, %rax", "subl $0x7fffffff, %r8d", \
		  "subq $1, %rcx", "subb $1, %cl"
	seq 2, "\sum; j\cc . + 2 + 32"
	.endr
	.irp logic, "andl %ecx, %edx", "andq %r9, %rax", "andl $0x8000000f, %r8d", "andq $-2, %rcx", \
		    "andb $1, %cl", "orl %ecx, %edx", "orq %r9, %rax", "orl $1, %r8d", "orq $0, %rcx", \
		    "xorl %ecx, %edx", "xorq %r9, %rax", "xorl $-1, %r8d", "xorq $1, %rcx", "xorw %cx, %ax"
	seq 2, "\logic; j\cc . + 2 - 32", "", AF
	.endr
	seq 2, "incl %eax; j\cc . + 2 + 32"
	seq 2, "decq %rcx; j\cc . + 2 - 32"
	seq 2, "cmpl %ecx, (%rbx); j\cc . + 2 + 32", "m"
	seq 2, "cmpb $0, 5(%rbx); j\cc . + 2 + 32", "m"
	seq 3, "addq %rdx, %rax; leaq 1(%rax), %rdx; j\cc . + 2 + 32"
	seq 3, "subl %ecx, %eax; movl (%rbx), %eax; j\cc . + 2 + 32", "m"
.endr

/* The first one's flags are lost; what follows is all that could tell. */
.irp last, "addq %rcx, %rdx", "subl $1, %esi", "cmpb %al, %cl", "negq %rdi"
	.irp first, "shll $3, %eax", "shlq $33, %rax", "shrl $31, %eax", "shrq $1, %rax", "sarl $7, %eax", \
		    "sarq $63, %rax"
	seq 2, "\first; \last"
	seq 3, "\first; movl %eax, %edx; \last"
	.endr
	.irp first, "addl %ecx, %eax", "addq %rcx, %rax", "addl $-5, %eax", "addq $0x7fffffff, %rax", \
		    "addw %cx, %ax", "subl %ecx, %eax", "subq %rcx, %rax", "subl $1, %eax", \
		    "subq $-128, %rax", "andl %ecx, %eax", "andq %rcx, %rax", "andl $15, %eax", \
		    "andq $-16, %rax", "orl %ecx, %eax", "orq %rcx, %rax", "orl $1, %eax", \
		    "orq $-2, %rax", "xorl %ecx, %eax", "xorq %rcx, %rax", "xorl $-1, %eax", \
		    "xorq $0x55, %rax", "xorl %eax, %eax", "subq %rax, %rax", "incl %eax", "incq %rax", \
		    "decl %eax", "decq %rax", "incw %ax", "roll $5, %eax", "rolq $47, %rax", \
		    "rorl $9, %eax", "rorq $1, %rax", "rolb $3, %al"
	seq 2, "\first; \last"
	seq 3, "\first; notl %edx; \last"
	seq 3, "\first; movl %eax, %edx; \last"
	/* A fault in between shows them after all. */
	seq 3, "\first; movq (%rbx), %rdx; \last", "m"
	seq 3, "\first; movb %cl, (%rbx); \last", "m"
	seq 3, "stc; \first; \last"
	.endr
.endr
