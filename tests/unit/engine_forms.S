/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_forms.S: the instruction forms that engine_native.c compares, one line a form, and what
 * runs them natively. The assembler makes the encodings: they do not depend on our decoder.
 *
 * Not here: operands in fs and gs (user code cannot choose where they are), popfq, and everything
 * that only the kernel may execute.
 *
 * Each form names its text, its rules and the flags that the manuals leave undefined. Rules:
 *   m  has a memory operand, at base + scale * r9 + disp
 *   a  the operand is aligned to 16 bytes
 *   l  locked
 *   o  optional: the engine may leave it to the hardware
 *   b  rdx is a bit offset, of size bytes, far beyond the operand
 *   c  cl is likely to be a shift count
 *   h  shift by count, or cl where that is -1: flags depend on it
 *   H  as h, and CF is undefined where the count is not below the operand's width
 *   g  16-bit double shift: undefined by more than 16
 *   d  divides rdx:rax by the operand, rcx if not in memory; D: the same, signed
 *   x  rax (with size 8 and 16: rdx too) often equals the operand, r8 if not in memory
 *   s  string instruction, rsi and rdi
 *   r  counts down rcx, which is small
 *   e  compares strings: runs of equal bytes
 *   w  32-bit addresses: the upper halves mean nothing
 *   j  rax is a jump target; J: the operand is; t: the top of the stack is
 *   f  rbp is a frame
 *   p  program with loops: how many instructions it runs is not known
 *   v  x87 or vector registers: random before, compared behind
 *   A  the operand is aligned to 32 bytes; z: to 64
 *   S  saves state to the operand; R: the operand is saved state; C: in the compacted form
 *   k  the engine is given the twin that only the kernel may execute
 *   q  the x87 stack has room for one
 */

	.set CF, 0x001
	.set PF, 0x004
	.set AF, 0x010
	.set ZF, 0x040
	.set SF, 0x080
	.set OF, 0x800
	.set ALL, CF | PF | AF | ZF | SF | OF

	.set RBX, 3
	.set RSP, 4
	.set RBP, 5
	.set R12, 12
	.set R13, 13
	.set NONE, 16		/* disp is the address */
	.set RIP, 17		/* disp is relative to the form's end */
	.set MIDDLE, 0x60005000 /* of the data, as in engine_forms.h */
	.set AREA, 4096		/* ENGINE_XSAVE_AREA */

	.section .note.GNU-stack, "", @progbits
	.section .rodata.forms, "a"
	.section .data.rel.ro.forms, "aw"
	.balign 8
	.globl engine_forms
engine_forms:

.macro form text:req, rules="", undef=0, size=0, count=-1, base=NONE, scale=0, disp=0, insns=1
	.section .rodata.forms
6:	\text
7:
8:	.asciz "\text"
9:	.asciz "\rules"
	.section .data.rel.ro.forms
	.quad 8b, 9b, 6b
	.long 7b - 6b, \undef, \disp
	.short \count
	.byte \size, \base, \scale, \insns
	.balign 8
.endm

/* Two addresses for each form with a memory operand; more kinds of addresses are at the end. */
.macro memory pre:req, post="", rules="", undef=0, size=0, count=-1
	form "\pre (%rbx)\post", "m\rules", \undef, \size, \count, RBX
	form "\pre -0x34(%r13,%r9,8)\post", "m\rules", \undef, \size, \count, R13, 8, -0x34
.endm

/* For ah, ch, dh and bh, which no instruction with a REX prefix can name. */
.macro memory_high pre:req, post="", rules="", undef=0
	form "\pre (%rbx)\post", "m\rules", \undef, base=RBX
	form "\pre 0x34(%rbp)\post", "m\rules", \undef, base=RBP, disp=0x34
.endm

/* ------------------------------------------------------------------ moves */

.irp args, "b %cl, %al", "b %ah, %dl", "b %dl, %ch", "b %bh, %ah", "b %sil, %r9b", \
	   "b %r15b, %dil", \
	   "w %cx, %ax", "w %r9w, %bp", "l %ecx, %eax", "l %eax, %eax", "l %r14d, %esi", \
	   "q %rcx, %rax", "q %rsp, %rbp", "q %r8, %r13", "b $0x80, %al", "b $0x7f, %dh", \
	   "b $0xff, %r10b", "w $0x8001, %dx", "l $0x80000001, %esi", "l $5, %r9d", "q $-5, %rax", \
	   "q $0x7fffffff, %r11", "q $0x8123456789abcdef, %rdi", "q $0x123456789a, %r15"
	form "mov\args"
.endr
	form "{load} movb %r8b, %al"
	form "{load} movl %esp, %r8d"
	form "{load} movq %rdi, %r12"
.irp args, "b %cl,", "b %r12b,", "w %dx,", "l %r8d,", "q %rax,", "q %rsp,", \
	   "b $0x9a,", "w $0x1234,", "l $0x89abcdef,", "q $-0x12345678,"
	memory "mov\args"
.endr
	memory_high "movb %ah,"
	memory_high "movb", ", %ch"
	memory "movb", ", %al"
	memory "movb", ", %r9b"
	memory "movw", ", %si"
	memory "movl", ", %ecx"
	memory "movl", ", %ebx"
	memory "movq", ", %r14"
	memory "movq", ", %rsp"
	form "movabsb MIDDLE + 5, %al", "m", disp="MIDDLE + 5"
	form "movabsw MIDDLE - 1, %ax", "m", disp="MIDDLE - 1"
	form "movabsl MIDDLE - 3, %eax", "m", disp="MIDDLE - 3"
	form "movabsq MIDDLE - 3, %rax", "m", disp="MIDDLE - 3"
	form "movabsb %al, MIDDLE + 6", "m", disp="MIDDLE + 6"
	form "movabsw %ax, MIDDLE - 1", "m", disp="MIDDLE - 1"
	form "movabsl %eax, MIDDLE + 9", "m", disp="MIDDLE + 9"
	form "movabsq %rax, MIDDLE - 5", "m", disp="MIDDLE - 5"

.irp seg, %es, %cs, %ss, %ds, %fs, %gs
	form "movw \seg, %ax"
	form "movl \seg, %r9d"
	form "movq \seg, %rdx"
	memory "movw \seg,"
.endr

.irp op, movz, movs
	form "\op\()bw %cl, %ax"
	form "\op\()bw %dh, %bx"
	form "\op\()bl %al, %eax"
	form "\op\()bl %ah, %ecx"
	form "\op\()bl %r9b, %esi"
	form "\op\()bq %dil, %rdx"
	form "\op\()wl %cx, %r8d"
	form "\op\()wl %ax, %eax"
	form "\op\()wq %r12w, %rdi"
	memory "\op\()bw", ", %cx"
	memory "\op\()bl", ", %eax"
	memory "\op\()bl", ", %r13d"
	memory "\op\()bq", ", %rbp"
	memory "\op\()wl", ", %esi"
	memory "\op\()wq", ", %r10"
.endr
	form "movslq %ecx, %rax"
	form "movslq %r8d, %r15"
	memory "movslq", ", %rdx"
	memory "movslq", ", %r11"

.irp reg, %cx, %r10w, %edx, %r11d, %rax, %r14
	memory "movbe \reg,"
	memory "movbe", ", \reg"
.endr
.irp reg, %ecx, %r10d, %rdx, %r15
	memory "movnti \reg,"
.endr

	form "xchgb %cl, %al"
	form "xchgb %ah, %al"
	form "xchgb %r8b, %sil"
	form "xchgw %cx, %ax"
	form "xchgw %r9w, %dx"
	form "xchgl %ecx, %eax"
	form "xchgl %eax, %r8d"
	form "xchgl %edi, %edx"
	form "xchgl %ecx, %ecx"
	form "xchgq %rsi, %rax"
	form "xchgq %rax, %r8"
	form "xchgq %r15, %rbp"
	memory_high "xchg %ch,", "", "l"
.irp reg, %al, %r9b, %cx, %r10w, %edx, %r11d, %rax, %r14
	memory "xchg \reg,", "", "l"
.endr

	form "leaw 0x1234(%rcx,%rdx,2), %ax"
	form "leal (%rcx), %eax"
	form "leal 0x12(%r8,%rax,4), %r9d"
	form "leal -0x12345678(,%rdi,8), %esi"
	form "leaq (%rsp), %rax"
	form "leaq 0x10(%rsp,%rbp,1), %rcx"
	form "leaq (%rbp), %rdx"
	form "leaq (%r12), %rdx"
	form "leaq (%r13,%r13,4), %rdx"
	form "leaq (%r12,%r12,8), %rbx"
	form "leaq -0x80(%rax,%rax,2), %r12"
	form "leaq 0x7fffffff(,%rcx,8), %r13"
	form "leaq 0x12345678, %r14"
	form "leaq -0x12345678, %r14"
	form "leaq 0x1234(%rip), %rdi"
	form "leaq -0x12345678(%rip), %r15"
	form "leal 0x1234(%rip), %edi"
	form "leaq 0x44(%ecx,%edx,4), %rax", "o"
	form "leal -0x44(%r8d), %eax", "o"
	form "leaq -0x44(%eip), %rax", "o"

.irp reg, %eax, %ebp, %r8d, %r15d, %rcx, %rdi, %r9, %r12
	form "bswap \reg"
.endr
.irp op, cbtw, cwtl, cltq, cwtd, cltd, cqto
	form "\op"
.endr

/* ------------------------------------------------------------------ arithmetic */

.macro binary op, undef=0
	.irp args, "b %cl, %al", "b %ah, %dh", "b %r9b, %sil", "b %al, %al", \
		   "w %cx, %ax", "w %r9w, %r12w", "l %ecx, %eax", "l %r8d, %edi", "l %edx, %edx", \
		   "q %rcx, %rax", "q %rbp, %r15", "q %r11, %r11", \
		   "b $0x7f, %al", "w $0x7fff, %ax", "l $0x80000000, %eax", \
		   "q $-0x80000000, %rax", \
		   "b $0x80, %bh", "b $1, %r10b", "w $0x8000, %dx", "l $0x7fffffff, %r9d", \
		   "q $0x12345678, %rsi"
	form "\op\args", "", \undef
	.endr
	memory_high "\op\()b %dh,", "", "", \undef
	.irp args, "b %cl,", "w %r8w,", "l %eax,", "q %r10,", \
		   "b $0x55,", "w $0x7f80,", "l $0x81234567,", "q $-0x7654321,"
	memory "\op\args", "", "", \undef
	.endr
.endm

/* What test does not have. */
.macro binary_load op, undef=0
	.irp args, "b %dl, %cl", "w %dx, %r9w", "l %edx, %ecx", "q %r8, %rcx"
	form "{load} \op\args", "", \undef
	.endr
	.irp args, "w $-3, %cx", "l $1, %eax", "l $-128, %r12d", "q $127, %rax", "q $-1, %r14"
	form "\op\args", "", \undef
	.endr
	.irp args, "w $1,", "l $-2,", "q $0x7f,"
	memory "\op\args", "", "", \undef
	.endr
	memory_high "\op\()b", ", %ah", "", \undef
	memory "\op\()b", ", %cl", "", \undef
	memory "\op\()w", ", %dx", "", \undef
	memory "\op\()l", ", %r8d", "", \undef
	memory "\op\()q", ", %rbx", "", \undef
.endm

.irp op, add, adc, sub, sbb, cmp
	binary \op
	binary_load \op
.endr
.irp op, and, or, xor
	binary \op, AF
	binary_load \op, AF
.endr
	binary test, AF

.irp op, inc, dec, neg, not
	.irp args, "b %al", "b %ch", "b %r14b", "w %cx", "w %r9w", "l %esi", "l %r8d", "q %rdi", \
		   "q %r11"
	form "\op\args"
	.endr
	.irp size, b, w, l, q
	memory "\op\size"
	memory "lock \op\size", "", "l"
	.endr
.endr

/* ------------------------------------------------------------------ shifts */

.macro shift op, rule, undef
	.irp n, 0, 1, 2, 7, 8, 9, 15, 17, 31, 32, 33, 63, 66
	form "\op\()b $\n, %al", \rule, \undef, 1, \n
	form "\op\()w $\n, %r9w", \rule, \undef, 2, \n
	form "\op\()l $\n, %edx", \rule, \undef, 4, \n
	form "\op\()q $\n, %r12", \rule, \undef, 8, \n
	.endr
	.irp n, 0, 1, 4, 18
	form "\op\()b $\n, %dh", \rule, \undef, 1, \n
	memory "\op\()b $\n,", "", \rule, \undef, 1, \n
	memory "\op\()w $\n,", "", \rule, \undef, 2, \n
	memory "\op\()l $\n,", "", \rule, \undef, 4, \n
	memory "\op\()q $\n,", "", \rule, \undef, 8, \n
	.endr
	form "\op\()b %cl, %al", "c\rule", \undef, 1
	form "\op\()b %cl, %bh", "c\rule", \undef, 1
	form "\op\()b %cl, %ch", "c\rule", \undef, 1
	form "\op\()w %cl, %dx", "c\rule", \undef, 2
	form "\op\()l %cl, %r8d", "c\rule", \undef, 4
	form "\op\()l %cl, %ecx", "c\rule", \undef, 4
	form "\op\()q %cl, %rsi", "c\rule", \undef, 8
	memory "\op\()b %cl,", "", "c\rule", \undef, 1
	memory "\op\()w %cl,", "", "c\rule", \undef, 2
	memory "\op\()l %cl,", "", "c\rule", \undef, 4
	memory "\op\()q %cl,", "", "c\rule", \undef, 8
.endm

	shift shl, "H", AF | OF
	shift shr, "H", AF | OF
	shift sar, "h", AF | OF
.irp op, rol, ror, rcl, rcr
	shift \op, "h", OF
.endr

.irp op, shld, shrd
	.irp n, 0, 1, 7, 15, 16
	form "\op\()w $\n, %cx, %ax", "h", AF | OF, 2, \n
	memory "\op\()w $\n, %r8w,", "", "h", AF | OF, 2, \n
	.endr
	.irp n, 0, 1, 12, 31, 33, 63
	form "\op\()l $\n, %edx, %ecx", "h", AF | OF, 4, \n
	form "\op\()q $\n, %r8, %rax", "h", AF | OF, 8, \n
	memory "\op\()l $\n, %eax,", "", "h", AF | OF, 4, \n
	memory "\op\()q $\n, %r10,", "", "h", AF | OF, 8, \n
	.endr
	form "\op\()w %cl, %dx, %ax", "chg", AF | OF, 2
	form "\op\()l %cl, %ecx, %eax", "ch", AF | OF, 4
	form "\op\()l %cl, %r9d, %r9d", "ch", AF | OF, 4
	form "\op\()q %cl, %rdx, %r14", "ch", AF | OF, 8
	memory "\op\()w %cl, %dx,", "", "chg", AF | OF, 2
	memory "\op\()l %cl, %r8d,", "", "ch", AF | OF, 4
	memory "\op\()q %cl, %rdx,", "", "ch", AF | OF, 8
.endr

/* ------------------------------------------------------------------ mul, div */

.irp op, mul, imul
	.irp args, "b %cl", "b %ah", "b %r8b", "w %cx", "l %ecx", "l %edx", "q %rcx", "q %r15"
	form "\op\args", "", SF | ZF | AF | PF
	.endr
	.irp size, b, w, l, q
	memory "\op\size", "", "", SF | ZF | AF | PF
	.endr
.endr
.irp n, "", "$1,", "$-7,", "$0x1234,"
	form "imulw \n %cx, %ax", "", SF | ZF | AF | PF
	form "imull \n %r8d, %ecx", "", SF | ZF | AF | PF
	form "imulq \n %rdi, %r9", "", SF | ZF | AF | PF
	memory "imulw \n", ", %dx", "", SF | ZF | AF | PF
	memory "imull \n", ", %r10d", "", SF | ZF | AF | PF
	memory "imulq \n", ", %rax", "", SF | ZF | AF | PF
.endr
	form "divb %cl", "d", ALL, 1
	form "divw %cx", "d", ALL, 2
	form "divl %ecx", "d", ALL, 4
	form "divq %rcx", "d", ALL, 8
	memory "divb", "", "d", ALL, 1
	memory "divw", "", "d", ALL, 2
	memory "divl", "", "d", ALL, 4
	memory "divq", "", "d", ALL, 8
	form "idivb %cl", "D", ALL, 1
	form "idivw %cx", "D", ALL, 2
	form "idivl %ecx", "D", ALL, 4
	form "idivq %rcx", "D", ALL, 8
	memory "idivb", "", "D", ALL, 1
	memory "idivw", "", "D", ALL, 2
	memory "idivl", "", "D", ALL, 4
	memory "idivq", "", "D", ALL, 8

/* ------------------------------------------------------------------ bits */

.irp op, bt, bts, btr, btc
	form "\op\()w %cx, %ax", "", OF | SF | AF | PF
	form "\op\()l %ecx, %eax", "", OF | SF | AF | PF
	form "\op\()l %r8d, %edx", "", OF | SF | AF | PF
	form "\op\()q %rcx, %r9", "", OF | SF | AF | PF
	form "\op\()q %rdi, %rdi", "", OF | SF | AF | PF
	memory "\op\()w %dx,", "", "b", OF | SF | AF | PF, 2
	memory "\op\()l %edx,", "", "b", OF | SF | AF | PF, 4
	memory "\op\()q %rdx,", "", "b", OF | SF | AF | PF, 8
	.irp n, 0, 7, 15, 31, 33, 63, 200
	form "\op\()w $\n, %ax", "", OF | SF | AF | PF
	form "\op\()l $\n, %r12d", "", OF | SF | AF | PF
	form "\op\()q $\n, %rcx", "", OF | SF | AF | PF
	memory "\op\()w $\n,", "", "", OF | SF | AF | PF
	memory "\op\()l $\n,", "", "", OF | SF | AF | PF
	memory "\op\()q $\n,", "", "", OF | SF | AF | PF
	.endr
.endr

.macro scan op, undef
	form "\op\()w %cx, %ax", "", \undef
	form "\op\()l %ecx, %eax", "", \undef
	form "\op\()l %r8d, %r8d", "", \undef
	form "\op\()q %rdx, %r15", "", \undef
	memory "\op\()w", ", %dx", "", \undef
	memory "\op\()l", ", %ecx", "", \undef
	memory "\op\()q", ", %r10", "", \undef
.endm

	scan bsf, CF | OF | SF | AF | PF
	scan bsr, CF | OF | SF | AF | PF
	scan tzcnt, OF | SF | AF | PF
	scan lzcnt, OF | SF | AF | PF
	scan popcnt, 0

.irp op, blsi, blsr, blsmsk
	form "\op\()l %ecx, %eax", "", AF | PF
	form "\op\()q %r8, %r9", "", AF | PF
	memory "\op\()l", ", %ecx", "", AF | PF
	memory "\op\()q", ", %r10", "", AF | PF
.endr
	form "andnl %ecx, %edx, %eax", "", AF | PF
	form "andnq %r8, %r9, %r10", "", AF | PF
	memory "andnl", ", %edx, %eax", "", AF | PF
	memory "andnq", ", %r8, %rbx", "", AF | PF
	form "bextrl %ecx, %edx, %eax", "c", AF | SF | PF
	form "bextrq %rcx, %r9, %r10", "c", AF | SF | PF
	memory "bextrl %ecx,", ", %eax", "c", AF | SF | PF
	memory "bextrq %rcx,", ", %rdx", "c", AF | SF | PF
	form "bzhil %ecx, %edx, %eax", "c", AF | PF
	form "bzhiq %rcx, %r9, %r10", "c", AF | PF
	memory "bzhil %ecx,", ", %eax", "c", AF | PF
	memory "bzhiq %rcx,", ", %r11", "c", AF | PF
.irp op, pdep, pext
	form "\op\()l %ecx, %edx, %eax"
	form "\op\()q %r8, %r9, %r10"
	memory "\op\()l", ", %edx, %eax"
	memory "\op\()q", ", %rdx, %r11"
.endr
.irp n, 0, 7, 40
	form "rorxl $\n, %ecx, %eax"
	form "rorxq $\n, %r8, %r9"
	memory "rorxl $\n,", ", %eax"
	memory "rorxq $\n,", ", %r10"
.endr
.irp op, sarx, shlx, shrx
	form "\op\()l %ecx, %edx, %eax", "c"
	form "\op\()q %rcx, %r9, %r10", "c"
	memory "\op\()l %ecx,", ", %eax", "c"
	memory "\op\()q %rcx,", ", %rcx", "c"
.endr
	form "mulxl %ecx, %r8d, %eax"
	form "mulxl %edx, %edx, %ecx"
	form "mulxq %r9, %r10, %r11"
	form "mulxq %rcx, %rax, %rax"
	memory "mulxl", ", %r8d, %eax"
	memory "mulxq", ", %r8, %rdx"

/* ------------------------------------------------------------------ conditions */

.irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
	form "set\cc %al"
	form "set\cc %dh"
	form "set\cc %r9b"
	form "set\cc %dil"
	memory "set\cc"
	form "cmov\cc %cx, %ax"
	form "cmov\cc %ecx, %eax"
	form "cmov\cc %r8d, %r15d"
	form "cmov\cc %rdx, %rcx"
	memory "cmov\cc", ", %dx"
	memory "cmov\cc", ", %ecx"
	memory "cmov\cc", ", %r10"
	form "j\cc . + 2 + 32"
	form "j\cc . + 2 - 32"
	form "{disp32} j\cc . + 6 + 32"
	form "{disp32} j\cc . + 6 - 32"
.endr

/* ------------------------------------------------------------------ stack and jumps */

.irp reg, %rax, %rsp, %rbp, %rdi, %r8, %r12, %r15
	form "push \reg"
	form "pop \reg"
.endr
	form "pushq $0x7f"
	form "pushq $-2"
	form "pushq $-0x12345678"
	memory "pushq"
	memory "popq"
.irp args, "push %cx", "pop %r9w", "pushw $0x1234", "pushw (%rsp)", "popw 8(%rsp)"
	form "\args", "o"
.endr
	form "pushq (%rsp)", "m", base=RSP
	form "pushq -4(%rsp)", "m", base=RSP, disp=-4
	form "popq (%rsp)"
	form "popq 24(%rsp)"
	form "popq -8(%rsp)"
	form "pushfq"
	form "leave", "f"
	form "call . + 5 + 32"
	form "call . + 5 - 32"
	form "call *%rax", "j"
	form "callq *(%rbx)", "mJ", base=RBX
	form "callq *8(%rsp)", "mJ", base=RSP, disp=8
	form "callq *-0x34(%r13,%r9,8)", "mJ", base=R13, scale=8, disp=-0x34
	form "ret", "t"
	form "ret $0", "t"
	form "ret $0x18", "t"
	form "ret $0xfff8", "t"
	form "jmp . + 2 + 32"
	form "jmp . + 2 - 32"
	form "{disp32} jmp . + 5 + 32"
	form "{disp32} jmp . + 5 - 32"
	form "jmp *%rax", "j"
	form "jmpq *(%rbx)", "mJ", base=RBX
	form "jmpq *-0x34(%r13,%r9,8)", "mJ", base=R13, scale=8, disp=-0x34
.irp op, loop, loope, loopne, jrcxz
	form "\op . + 2 + 32", "r"
	form "\op . + 2 - 32", "r"
.endr
	form "jecxz . + 3 + 32", "rwo"

/* ------------------------------------------------------------------ strings */

.irp size, b, w, l, q
	form "movs\size", "s"
	form "rep movs\size", "sr"
	form "repne movs\size", "sr"
	form "stos\size", "s"
	form "rep stos\size", "sr"
	form "repne stos\size", "sr"
	form "lods\size", "s"
	form "rep lods\size", "sr"
	form "scas\size", "se"
	form "repe scas\size", "ser"
	form "repne scas\size", "ser"
	form "cmps\size", "se"
	form "repe cmps\size", "ser"
	form "repne cmps\size", "ser"
	form "addr32 rep movs\size", "srwo"
	form "addr32 rep stos\size", "srwo"
	form "addr32 lods\size", "swo"
	form "addr32 repe cmps\size", "serwo"
.endr

/* ------------------------------------------------------------------ exchange, locked */

.macro exchange rule, lock=""
	memory_high "\lock\()xadd %dh,", "", \rule
	memory_high "\lock\()cmpxchg %ch,", "", "x\rule"
	.irp reg, %al, %r9b, %cx, %r10w, %edx, %r11d, %rax, %r14
	memory "\lock\()xadd \reg,", "", \rule
	memory "\lock\()cmpxchg \reg,", "", "x\rule"
	.endr
	memory "\lock\()cmpxchg8b", "", "xo\rule", CF | PF | AF | SF | OF, 8
	form "\lock\()cmpxchg16b (%rbp)", "max\rule", 0, 16, -1, RBP
	form "\lock\()cmpxchg16b 0x40(%r12,%r9,2)", "max\rule", 0, 16, -1, R12, 2, 0x40
.endm

	exchange ""
	exchange "l", "lock "
	form "xaddb %cl, %al"
	form "xaddb %ah, %cl"
	form "xaddw %cx, %r9w"
	form "xaddl %edx, %eax"
	form "xaddl %ecx, %ecx"
	form "xaddq %r10, %rsi"
	form "cmpxchgb %cl, %r8b", "xo"
	form "cmpxchgb %dl, %ah", "o"
	form "cmpxchgw %cx, %r8w", "xo"
	form "cmpxchgl %edx, %r8d", "xo"
	form "cmpxchgl %edx, %eax", "o"
	form "cmpxchgq %rdi, %r8", "xo"

.macro locked op, undef=0
	.irp args, "b %cl,", "w %dx,", "l %r8d,", "q %rax,", \
		   "b $0x81,", "w $0x7ff,", "l $-1,", "q $0x12345,"
	memory "lock \op\args", "", "l", \undef
	.endr
.endm

.irp op, add, adc, sub, sbb
	locked \op
.endr
.irp op, and, or, xor
	locked \op, AF
.endr
.irp op, bts, btr, btc
	memory "lock \op\()w %dx,", "", "lb", OF | SF | AF | PF, 2
	memory "lock \op\()l %edx,", "", "lb", OF | SF | AF | PF, 4
	memory "lock \op\()q %rdx,", "", "lb", OF | SF | AF | PF, 8
	memory "lock \op\()w $12,", "", "l", OF | SF | AF | PF
	memory "lock \op\()l $35,", "", "l", OF | SF | AF | PF
	memory "lock \op\()q $63,", "", "l", OF | SF | AF | PF
.endr

/* ------------------------------------------------------------------ flags, nothing */

.irp op, lahf, sahf, clc, stc, cmc, cld, std
	form "\op"
.endr
form "pause", "o"
.irp op, nop, endbr64, lfence, mfence, sfence
	form "\op"
.endr
	form "xchgw %ax, %ax"
	form "nopw (%rax,%rax,1)"
	form "nopl 0x12345678(%rcx)"
.irp op, prefetcht0, prefetcht1, prefetcht2, prefetchnta, prefetchw
	form "\op (%rdi)"
.endr

/* ------------------------------------------------------------------ addresses */

.macro addresses pre:req, post="", undef=0, rules=""
	form "\pre (%rsp)\post", "m\rules", \undef, base=RSP
	form "\pre 0x7f(%rsp)\post", "m\rules", \undef, base=RSP, disp=0x7f
	form "\pre -0x80(%rsp,%r9,1)\post", "m\rules", \undef, base=RSP, scale=1, disp=-0x80
	form "\pre (%rbp)\post", "m\rules", \undef, base=RBP
	form "\pre (%rbp,%r9,4)\post", "m\rules", \undef, base=RBP, scale=4
	form "\pre 0x12345678(%rbp)\post", "m\rules", \undef, base=RBP, disp=0x12345678
	form "\pre (%r12)\post", "m\rules", \undef, base=R12
	form "\pre -0x12345678(%r12)\post", "m\rules", \undef, base=R12, disp=-0x12345678
	form "\pre (%r13)\post", "m\rules", \undef, base=R13
	form "\pre (%r13,%r9,2)\post", "m\rules", \undef, base=R13, scale=2
	form "\pre 0x7ffffff(%rbx,%r9,8)\post", "m\rules", \undef, base=RBX, scale=8, disp=0x7ffffff
	form "\pre MIDDLE - 2\post", "m\rules", \undef, disp="MIDDLE - 2"
	form "\pre 0x4000(%rip)\post", "m\rules", \undef, base=RIP, disp=0x4000
	form "\pre 0x3fff(%rip)\post", "m\rules", \undef, base=RIP, disp=0x3fff
	form "\pre (%ebx)\post", "mwo\rules", \undef, base=RBX
.endm

	addresses "movb %cl,"
	addresses "movw %cx,"
	addresses "movl %ecx,"
	addresses "movq %r8,"
	addresses "movb $0x5a,"
	addresses "movw $0x5a5b,"
	addresses "movl $0x5a5b5c5d,"
	addresses "movzbl", ", %eax"
	addresses "movslq", ", %rcx"
	addresses "movl", ", %r15d"
	addresses "movq", ", %rax"
	addresses "addl $0x12345678,"
	addresses "addq $1,"
	addresses "subq", ", %rcx"
	addresses "xorl %edx,", "", AF
	addresses "incb"
	addresses "sete"
	addresses "btsq $3,", "", OF | SF | AF | PF
	addresses "imull $0x1234567,", ", %edx", SF | ZF | AF | PF
	addresses "lock cmpxchgq %rcx,", "", 0, "xl"
	addresses "lock xaddl %ecx,", "", 0, "l"
	addresses "xchgq %rcx,", "", 0, "l"

/* ------------------------------------------------------------------ several instructions */

.macro seq insns:req, text:req, rules="", undef=0, base=RBX
	form "\text", "\rules", \undef, 8, -1, \base, 0, 0, \insns
.endm

	seq 2, "addl %ecx, %eax; seta %dl"
	seq 2, "subq %rcx, %rax; sbbq %rdx, %rdx"
	seq 2, "cmpb %cl, %al; cmovlq %rsi, %rdi"
	seq 2, "cmpq $1, %rax; adcq $0, %rcx"
	seq 2, "addq %rcx, %rax; adcq %rdx, %rsi"
	seq 2, "addw %cx, %ax; jo . + 2 + 32"
	seq 2, "testq %rax, %rax; jle . + 2 + 32", "", AF
	seq 2, "testb $0x81, %al; jns . + 2 - 32", "", AF
	seq 2, "cmpl %ecx, %eax; jbe . + 2 - 32"
	seq 3, "stc; incl %eax; adcl %edx, %ecx"
	seq 3, "addl %ecx, %eax; decq %rdx; rcrl $1, %esi"
	seq 3, "cmpl %edx, %eax; shll %cl, %esi; setc %dil", "c", AF | OF
	seq 3, "subl %edx, %eax; movl $0, %ecx; shrl %cl, %edx"
	seq 3, "subl %edx, %eax; movl $0x20, %ecx; rolq $0, %rdx"
	seq 2, "btq %rcx, %rax; setc %dl", "", OF | SF | AF | PF
	seq 3, "btl $5, %eax; cmovcl %ecx, %edx; sbbl %esi, %esi", "", 0
	seq 3, "addl %ecx, %eax; notl %eax; setp %al"
	seq 3, "addl %ecx, %eax; lahf; sahf"
	seq 2, "addb %cl, %al; pushfq"
	seq 2, "xorl %ecx, %eax; leaq 1(%rax,%rcx,2), %rdx", "", AF
	seq 3, "negq %rax; sbbl %eax, %eax; cmc"
	seq 3, "cmpq %rcx, %rax; movl $0, %edx; setg %dl"
	seq 3, "subq %rcx, %rax; jrcxz . + 2; cmovbq %rdx, %rax"
	seq 2, "movq (%rbx), %rax; cmpq %rax, (%rbx)", "m"
	seq 3, "movl %eax, (%rbx); movb %cl, 2(%rbx); movq (%rbx), %rdx", "m"
	seq 3, "addl %eax, (%rbx); addw %cx, 1(%rbx); movq (%rbx), %rdx", "m"
	seq 3, "pushq %rax; pushq (%rsp); popq %rcx"
	seq 2, "pushq %rax; pushq %r9"
	seq 2, "pushq %rax; call . + 5 + 32"
	seq 3, "pushq %rax; pushq $-3; jmp . + 2 + 32"
	seq 3, "popq %rcx; pushq %rsp; call . + 5 - 32"
	seq 4, "pushq %rbx; pushq %rsp; pushq %rcx; pushq %r15"
	seq 5, "pushq %rsp; pushq %rcx; pushq %r15; popq %rcx; popq %rdx"
	seq 6, "pushq %r15; pushq %r14; pushq %r13; pushq %r12; pushq %rbp; pushq %rbx"
	seq 2, "popq %rdx; popq %r8"
	seq 3, "popq %rax; popq %rax; popq %r12"
	seq 3, "popq %rbx; popq %rbp; popq %rsp"
	seq 6, "popq %rbx; popq %rbp; popq %r12; popq %r13; popq %r14; popq %r15"
	seq 3, "pushq %rbp; movq %rsp, %rbp; leave"
	seq 3, "pushq %rax; movb %cl, 3(%rsp); popq %rdx"
	seq 2, "lock cmpxchgq %rcx, (%rbx); sete %dl", "xml"
	seq 2, "popcntq %rcx, %rax; cmovzl %ecx, %edx"
	seq 2, "imulq %rcx, %rax; seto %cl", "", SF | ZF | AF | PF
	seq 3, "std; stosb; cld", "s"
	seq 3, "movsb; lodsw; stosq", "s"

	seq 2, "movl $20, %ecx; 11: addq %rdx, %rax; rolq $7, %rax; decl %ecx; jnz 11b", "p"
	seq 2, "movl $64, %ecx; 11: shrq %rax; jnc 12f; xorq %rdx, %rax; 12: loop 11b", "p", AF
	seq 2, "callq 11f; incq %rax; jmp 12f; 11: subq %rax, %rdx; ret; 12:", "p"
	seq 2, "movb $9, %cl; 11: pushq %rax; mulq %rdx; decb %cl; jnz 11b; addq 8(%rsp), %rax", "p"
	seq 2, "movl $9, %ecx; 11: movb (%rbx,%rcx), %al; addb %al, 5(%rbx,%rcx); loop 11b", "mp"
	seq 2, "11: cmpq %rdx, %rax; je 13f; ja 12f; xchg %rax, %rdx; 12: shr %rax; jmp 11b; 13:", p
	seq 2, "movl $30, %ecx; 11: cmovcl %edx, %eax; subl %ecx, %eax; loop 11b; setbe %al", "p"

#include "engine_forms_pairs.S"
#include "engine_forms_vector.S"

	.section .data.rel.ro.forms
	.globl engine_forms_end
engine_forms_end:

/* ------------------------------------------------------------------ the harness */

	.bss
	.balign 64
	.globl native_state
native_state:
	.skip 3 * AREA
	.globl native_code, native_landed, native_has_state
native_code:
	.skip 8
native_rsp:
	.skip 8
native_landed:
	.skip 1
native_has_state:
	.skip 1

/*
 * void native_run(struct regs *r): loads all registers and flags, jumps to native_code and comes
 * back at one of native_landings, which tell where the code went on, or at native_back.
 */
	.text
	.globl native_run, native_back, native_landings
	.type native_run, @function
native_run:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	mov %rsp, native_rsp(%rip)
	cmpb $0, native_has_state(%rip)
	je 1f
	mov $-1, %eax
	mov $-1, %edx
	xrstor64 native_state(%rip)
1:	push 128(%rdi)
	popfq
	mov %rdi, %rax
	.set slot, 8
	.irp reg, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	mov slot(%rax), %\reg
	.set slot, slot + 8
	.endr
	mov (%rax), %rax
	jmp *native_code(%rip)

	.type native_back, @function
native_back:
	xchg %rsp, native_rsp(%rip)
	push %rax
	pushfq
	cld
	mov 16(%rsp), %rax
	.set slot, 8
	.irp reg, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	mov %\reg, slot(%rax)
	.set slot, slot + 8
	.endr
	mov native_rsp(%rip), %rcx
	mov %rcx, 32(%rax)
	pop 128(%rax)
	pop (%rax)
	cmpb $0, native_has_state(%rip)
	je 1f
	mov $-1, %eax
	mov $-1, %edx
	xsave64 native_state + AREA(%rip)
	xrstor64 native_state + 2 * AREA(%rip)
1:	pop %rdi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* native_convert() and native_save(): engine_vectors.h says what they do. */
	.globl native_convert, native_save
	.type native_convert, @function
native_convert:
	mov %rdx, %r8
	mov $-1, %eax
	mov $-1, %edx
	xrstor64 (%rdi)
	mov %r8, %rax
	mov %r8, %rdx
	shr $32, %rdx
	test %ecx, %ecx
	jnz 1f
	xsave64 (%rsi)
	jmp 2f
1:	xsavec64 (%rsi)
2:	mov $-1, %eax
	mov $-1, %edx
	xrstor64 native_state + 2 * AREA(%rip)
	ret

	.type native_save, @function
native_save:
	mov $-1, %eax
	mov $-1, %edx
	xsave64 (%rdi)
	ret

.irp n, 0, 1, 2, 3, 4
landing\n:
	movb $\n, native_landed(%rip)
	jmp native_back
.endr

	.section .data.rel.ro.forms
	.balign 8
native_landings:
	.quad landing0, landing1, landing2, landing3, landing4
