/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emulate.h: carries out decoded instructions on memory reached through callbacks.
 *
 * This slice: movs and stos with and without rep, because stepping them costs two exits an iteration.
 * Everything else is handed back (EMU_UNSUPPORTED) and stepped by hardware. Used by vmm/checker/.
 */
#ifndef KMC_EMULATE_H
#define KMC_EMULATE_H

#include "insn.h"

/*
 * How the emulator reaches guest memory. Each call covers bytes that lie in one page.
 * read/write return 0, or a non-zero value that the emulator passes back as EMU_FAULT: the callback
 * has noted which fault it was; nothing of that call was done.
 */
struct emu_memory {
	void *ctx;
	int (*read)(void *ctx, gva_t addr, void *buf, uint32_t len);
	int (*write)(void *ctx, gva_t addr, const void *buf, uint32_t len);
	/* Copies len bytes (no overlap within the call), shadow included. */
	int (*copy)(void *ctx, gva_t dst, gva_t src, uint32_t len);
	/* Writes a pattern of unit bytes (1, 2, 4, 8) over len bytes, a multiple of unit. */
	int (*fill)(void *ctx, gva_t dst, uint64_t pattern, uint32_t unit, uint32_t len);
};

enum emu_result {
	EMU_DONE,	 /* the instruction is complete: rip has moved on */
	EMU_PARTIAL,	 /* max_bytes reached: registers say how far, rip still at the instruction */
	EMU_FAULT,	 /* a callback refused: registers as the CPU would leave them for the fault */
	EMU_UNSUPPORTED, /* nothing was done */
};

/* Updates cpu->gpr and cpu->rip. max_bytes bounds the work between two interrupts. */
enum emu_result emu_string(const struct insn *i, struct insn_cpu *cpu, const struct emu_memory *mem,
			   uint64_t max_bytes);

#endif
