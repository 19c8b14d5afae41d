/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emulate.h: carries out decoded instructions on memory reached through callbacks.
 *
 * movs and stos with and without rep, because stepping them costs two exits an iteration, and the
 * common integer instructions, because stepping any holds the other vCPUs. Everything else is
 * handed back (EMU_UNSUPPORTED) and stepped by hardware. Used by vmm/checker/.
 */
#ifndef KMC_EMULATE_H
#define KMC_EMULATE_H

#include "insn.h"

/*
 * How the emulator reaches guest memory. Each call covers bytes that lie in one page (two for copy:
 * one of source, one of destination). All return 0, or a non-zero value that ends the call with
 * EMU_FAULT: the callback has noted which fault it was; nothing of that call was done.
 *
 * A string element that crosses a page is moved in two pieces. So that its first piece is not
 * written when the second page faults, both are probed first; a write that follows a successful
 * probe of the same bytes in the same emu_string call must not fail.
 */
struct emu_memory {
	void *ctx;
	/* What read (or write) of these bytes would return, without doing it. */
	int (*probe)(void *ctx, gva_t addr, uint32_t len, bool write);
	int (*read)(void *ctx, gva_t addr, void *buf, uint32_t len);
	int (*write)(void *ctx, gva_t addr, const void *buf, uint32_t len);
	/*
	 * Copies len bytes, shadow included. The linear addresses do not overlap; where they reach
	 * the same memory nevertheless, bytes are copied in ascending order. A source fault comes
	 * first.
	 */
	int (*copy)(void *ctx, gva_t dst, gva_t src, uint32_t len);
	/* Writes a pattern of unit bytes (1, 2, 4, 8) over len bytes, a multiple of unit. */
	int (*fill)(void *ctx, gva_t dst, uint64_t pattern, uint32_t unit, uint32_t len);
};

enum emu_result {
	EMU_DONE,	 /* the instruction is complete: rip has moved on */
	EMU_PARTIAL,	 /* max_bytes reached: registers say how far, rip unchanged */
	EMU_FAULT,	 /* a callback refused: registers as the CPU leaves them for a fault */
	EMU_UNSUPPORTED, /* nothing was done */
};

/*
 * Updates cpu->gpr and cpu->rip. max_bytes bounds the work between two interrupts; at least one
 * element is moved. Segment limits and rights are the callbacks' affair, rflags.RF and TF the
 * caller's.
 */
enum emu_result emu_string(const struct insn *i, struct insn_cpu *cpu, const struct emu_memory *mem,
			   uint64_t max_bytes);

/*
 * Carries out one integer instruction with exactly one memory operand, in 64-bit mode: mov, movzx,
 * movsx, movsxd, movbe, movnti, cmov, set, add, or, adc, sbb, and, sub, xor, cmp, test, inc, dec,
 * not, neg, imul with a register destination, bt, bts, btr, btc, and shl, shr, sar. Returns
 * EMU_UNSUPPORTED, before anything was done, for all others and with LOCK or rep, for an operand
 * that crosses a page and a misaligned one while rflags.AC is set, in other modes, and while
 * rflags.TF is set.
 *
 * Uses probe, read and write only, each at most once and with the operand's full size. What reads
 * and writes probes the write first; the write that follows must not fail. Updates cpu->gpr,
 * cpu->rip and the status flags of cpu->rflags, and nothing on EMU_FAULT. Whether the address is
 * canonical is the callbacks' affair; rflags.RF and an interrupt shadow, which end with the
 * instruction, are the caller's.
 */
enum emu_result emu_basic(const struct insn *i, struct insn_cpu *cpu, const struct emu_memory *mem);

#endif
