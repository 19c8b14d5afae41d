/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_forms_vector.S: forms with vector registers, saved state and x87. Included by
 * engine_forms.S, which has the macros and says what the rules mean.
 */

/* ------------------------------------------------------------------ vector registers */

/* Between registers, and from or to memory; in 128 and 256 bits where the CPU has both. */
.macro vmoves op, rules="", store=1
	memory "\op", ", %xmm1", "v\rules"
	memory "\op", ", %xmm12", "v\rules"
	memory "v\op", ", %xmm3", "v\rules"
	memory "v\op", ", %xmm15", "v\rules"
	.if \store
	memory "\op %xmm2,", "", "v\rules"
	memory "\op %xmm9,", "", "v\rules"
	memory "v\op %xmm4,", "", "v\rules"
	memory "v\op %xmm10,", "", "v\rules"
	.endif
.endm
.macro vmoves_wide op, rules="", store=1
	memory "v\op", ", %ymm0", "v\rules"
	memory "v\op", ", %ymm13", "v\rules"
	.if \store
	memory "v\op %ymm5,", "", "v\rules"
	memory "v\op %ymm8,", "", "v\rules"
	.endif
.endm
.macro vmoves_stored op
	memory "\op %xmm2,", "", "va"
	memory "\op %xmm9,", "", "va"
	memory "v\op %xmm4,", "", "va"
	memory "v\op %xmm10,", "", "va"
	memory "v\op %ymm5,", "", "vA"
	memory "v\op %ymm8,", "", "vA"
.endm
.macro vregisters op
	.irp dir, load, store
	form "{\dir} \op %xmm1, %xmm2", "v"
	form "{\dir} \op %xmm9, %xmm0", "v"
	form "{\dir} \op %xmm3, %xmm14", "v"
	form "{\dir} v\op %xmm1, %xmm2", "v"
	form "{\dir} v\op %xmm9, %xmm0", "v"
	form "{\dir} v\op %xmm3, %xmm14", "v"
	form "{\dir} v\op %ymm1, %ymm2", "v"
	form "{\dir} v\op %ymm9, %ymm0", "v"
	form "{\dir} v\op %ymm3, %ymm14", "v"
	form "{\dir} v\op %xmm3, %xmm3", "v"
	.endr
.endm

.irp op, movups, movupd, movdqu
	vmoves \op
	vmoves_wide \op
	vregisters \op
.endr
	vmoves lddqu, "", 0
	vmoves_wide lddqu, "", 0
.irp op, movaps, movapd, movdqa
	vmoves \op, a
	vmoves_wide \op, A
	vregisters \op
.endr
	vmoves movntdqa, a, 0
	vmoves_wide movntdqa, A, 0
.irp op, movntdq, movntps, movntpd
	vmoves_stored \op
.endr
.irp op, movss, movsd, movq
	vmoves \op
.endr
.irp op, movss, movsd
	.irp dir, load, store
	form "{\dir} \op %xmm1, %xmm2", "v"
	form "{\dir} \op %xmm9, %xmm0", "v"
	form "{\dir} \op %xmm7, %xmm7", "v"
	form "{\dir} v\op %xmm1, %xmm2, %xmm3", "v"
	form "{\dir} v\op %xmm8, %xmm0, %xmm14", "v"
	form "{\dir} v\op %xmm4, %xmm13, %xmm4", "v"
	.endr
.endr
.irp dir, load, store
	form "{\dir} movq %xmm1, %xmm2", "v"
	form "{\dir} movq %xmm9, %xmm0", "v"
	form "{\dir} movq %xmm11, %xmm11", "v"
	form "{\dir} vmovq %xmm1, %xmm2", "v"
	form "{\dir} vmovq %xmm9, %xmm10", "v"
.endr
.irp op, movlps, movlpd, movhps, movhpd
	memory "\op", ", %xmm1", "v"
	memory "\op", ", %xmm12", "v"
	memory "\op %xmm2,", "", "v"
	memory "\op %xmm9,", "", "v"
	memory "v\op", ", %xmm2, %xmm3", "v"
	memory "v\op", ", %xmm13, %xmm0", "v"
	memory "v\op", ", %xmm5, %xmm5", "v"
	memory "v\op %xmm2,", "", "v"
	memory "v\op %xmm9,", "", "v"
.endr
.irp op, movhlps, movlhps
	form "\op %xmm1, %xmm2", "v"
	form "\op %xmm9, %xmm0", "v"
	form "\op %xmm3, %xmm3", "v"
	form "v\op %xmm1, %xmm2, %xmm3", "v"
	form "v\op %xmm9, %xmm0, %xmm14", "v"
	form "v\op %xmm4, %xmm13, %xmm4", "v"
.endr
.irp vex, "", v
	.irp reg, %eax, %r8d, %esp
	form "\vex\()movd \reg, %xmm1", "v"
	form "\vex\()movd %xmm9, \reg", "v"
	.endr
	.irp reg, %rax, %r15, %rsp
	form "\vex\()movq \reg, %xmm10", "v"
	form "\vex\()movq %xmm2, \reg", "v"
	.endr
	memory "\vex\()movd", ", %xmm1", "v"
	memory "\vex\()movd", ", %xmm14", "v"
	memory "\vex\()movd %xmm2,", "", "v"
	memory "\vex\()movd %xmm9,", "", "v"
.endr
	/* REX.W 0F 6E and 7E with memory, for which the assembler has a shorter form */
	form ".byte 0x66, 0x48, 0x0f, 0x6e, 0x0b", "mv", base=RBX
	form ".byte 0x66, 0x4c, 0x0f, 0x7e, 0x13", "mv", base=RBX
	form ".byte 0xc4, 0xe1, 0xf9, 0x6e, 0x0b", "mv", base=RBX
	form ".byte 0xc4, 0x61, 0xf9, 0x7e, 0x13", "mv", base=RBX

.macro vlogic op, r
	form "v\op %\r\()1, %\r\()2, %\r\()3", "v"
	form "v\op %\r\()9, %\r\()0, %\r\()14", "v"
	form "v\op %\r\()5, %\r\()12, %\r\()12", "v"
	form "v\op %\r\()6, %\r\()6, %\r\()7", "v"
	memory "v\op", ", %\r\()2, %\r\()4", "v"
	memory "v\op", ", %\r\()15, %\r\()10", "v"
.endm
.irp op, pxor, por, pand, pandn, xorps, xorpd, orps, orpd, andps, andpd, andnps, andnpd
	form "\op %xmm1, %xmm2", "v"
	form "\op %xmm9, %xmm14", "v"
	form "\op %xmm5, %xmm5", "v"
	memory "\op", ", %xmm3", "va"
	memory "\op", ", %xmm11", "va"
	vlogic \op, xmm
	vlogic \op, ymm
.endr
	form "vzeroupper", "v"
	form "vzeroall", "v"

	seq 2, "vzeroall; vmovups %ymm1, (%rbx)", "mv"
	seq 2, "vzeroupper; vmovups %ymm1, (%rbx)", "mv"
	seq 3, "movups (%rbx), %xmm1; movups 0x10(%rbx), %xmm2; movups %xmm1, 0x21(%rbx)", "mv"
	seq 3, "movq %rax, %xmm1; pxor %xmm1, %xmm2; movq %xmm2, %rcx", "v"
	seq 3, "vmovdqu (%rbx), %ymm1; vpxor 0x20(%rbx), %ymm1, %ymm1; vmovdqu %ymm1, (%rbx)", "mv"

/* ------------------------------------------------------------------ saved state, x87 */

.irp op, fxsave, fxsave64
	memory \op, "", "avS"
.endr
.irp op, fxrstor, fxrstor64
	memory \op, "", "avR"
.endr
.irp op, xsave, xsave64, xsaveopt, xsaveopt64, xsavec, xsavec64
	memory \op, "", "zvS"
.endr
.irp op, xsavec, xsavec64
	memory \op, "", "zvSk"
.endr
.irp op, xrstor, xrstor64
	memory \op, "", "zvR"
	memory \op, "", "zvRC"
	memory \op, "", "zvRCk"
.endr
	memory ldmxcsr, "", "vM"
	memory stmxcsr, "", "v"
	form "fnclex", "v"
	form "fninit", "v"
	form "emms", "v"
	form "fwait", "v"
	memory fildl, "", "vq"
	seq 3, "fnclex; emms; fildl (%rbx)", "mvq"
	seq 2, "xsave64 (%rbx); xrstor64 (%rbx)", "mzvSR"
	seq 2, "vpxor %ymm1, %ymm2, %ymm3; xsaveopt64 (%rbx)", "mzvS"
	seq 3, "xrstor64 (%rbx); movq %xmm1, %rcx; vmovups %ymm4, 0x240(%rbx)", "mzvR"
