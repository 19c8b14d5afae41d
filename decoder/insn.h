/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * insn.h: from instruction bytes and registers to memory accesses.
 *
 * Used by vmm/checker/ and tests. Knows no KVM and no guest memory: the caller brings bytes and
 * registers, and translates the guest-virtual addresses that come out. An access may cross pages;
 * the one place that splits it is vmm/checker/access.c.
 *
 * Sources: Intel SDM vol. 2, AMD APM vol. 3; Capstone's operand access flags are corrected by a
 * table (insn_fixups.c), because they are wrong for some forms.
 */
#ifndef KMC_INSN_H
#define KMC_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-virtual (linear) address. Not a pointer on purpose. */
typedef struct {
	uint64_t v;
} gva_t;

#define INSN_MAX_BYTES 15
#define INSN_MAX_ACCESS 4

enum insn_mode { INSN_MODE_64, INSN_MODE_32, INSN_MODE_16 };

enum insn_seg { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_SEGS };

enum insn_gpr { /* hardware encoding order */
	INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX, INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI,
	INSN_R8, INSN_R9, INSN_R10, INSN_R11, INSN_R12, INSN_R13, INSN_R14, INSN_R15, INSN_GPRS
};

/* What the decoder needs to know of the CPU. */
struct insn_cpu {
	uint64_t gpr[INSN_GPRS];
	uint64_t rip;
	uint64_t rflags;
	uint64_t seg_base[INSN_SEGS];
	uint16_t selector[INSN_SEGS]; /* what mov reads; addresses depend on the bases */
	enum insn_mode mode;
	uint32_t xsave_size; /* bytes that XSAVE with the current XCR0|XSS may touch; 0: 576 */
};

#define INSN_READ  0x1u
#define INSN_WRITE 0x2u

struct insn_access {
	gva_t addr;
	uint32_t size; /* bytes, at least 1; at most 64 except for the xsave family */
	uint8_t how;   /* INSN_READ, INSN_WRITE or both (read-modify-write) */
	bool implicit; /* by push, pop, call, ret, a string instruction: no operand names it */
};

enum insn_string { INSN_NO_STRING, INSN_MOVS, INSN_STOS, INSN_LODS, INSN_CMPS, INSN_SCAS,
		   INSN_INS, INSN_OUTS };
enum insn_rep { INSN_NO_REP, INSN_REP, INSN_REPNE };

/* A decoded instruction, independent of register values: may be cached by its bytes. */
struct insn; /* insn_internal.h */

struct insn_decoder;

/* NULL only when memory is short or Capstone cannot be opened. One decoder per thread. */
struct insn_decoder *insn_decoder_create(void);
void insn_decoder_destroy(struct insn_decoder *d);

/*
 * Decodes one instruction. The result lives until the next call on the same decoder (it may come
 * from a cache keyed by mode and bytes).
 * Returns NULL where the bytes are no complete instruction.
 */
const struct insn *insn_decode(struct insn_decoder *d, enum insn_mode mode, const uint8_t *bytes,
			       size_t len);

unsigned insn_length(const struct insn *i);
enum insn_string insn_string(const struct insn *i);
enum insn_rep insn_rep(const struct insn *i);
bool insn_locked(const struct insn *i); /* LOCK prefix, or xchg with memory */
/*
 * True where the bytes that are read only move, into a register or to other memory: no flags,
 * branch or address depends on them. So are mov, movzx, movsx, movbe, cmov (the operand is read
 * whether or not it is taken), push, pop, leave, movs, lods, xlat, vector moves and broadcasts, the
 * loads of saved state (fxrstor, xrstor: memory says which part is loaded) and the operands whose
 * value nobody uses (clflush, monitor). Not so are arithmetic, cmp, test, ret and jmp, nor xchg,
 * cmpxchg and xadd, which exist to act on the old value. Says nothing about an instruction that
 * reads nothing.
 */
bool insn_is_plain_move(const struct insn *i);

enum insn_use { INSN_USE_MOVE, INSN_USE_COMPARE, INSN_USE_COUNT, INSN_USE_OTHER };
/*
 * What an instruction does with the memory it reads:
 * MOVE     every plain move, and xchg;
 * COMPARE  sets flags and nothing else: cmp, test, bt, cmps, scas, ptest, comis, fcom;
 * COUNT    arithmetic to memory: add, sub, adc, sbb, inc, dec, neg, xadd, cmpxchg;
 * OTHER    anything else: and, or, xor, bts to memory, arithmetic into a register, jmp, ret.
 * Says nothing about an instruction that reads nothing.
 */
enum insn_use insn_use(const struct insn *i);
const char *insn_mnemonic(const struct insn *i);
/*
 * The instruction as text, AT&T syntax as the kernel's own tools print it. A relative branch shows
 * its distance (".+0x12"); instructions that Capstone cannot print show only their memory operand.
 * Lives until the next call on the same decoder.
 */
const char *insn_text(const struct insn *i);

/*
 * The accesses that the next execution makes, in the order the CPU makes them. For a string
 * instruction: of its next iteration (none where rep and the count is 0). Prefetches, nops, lea and
 * invlpg access nothing; clflush, clwb and monitor read one byte, because they fault like a load.
 * Not listed are accesses that the instruction makes through descriptor and page tables, the
 * delivery of an exception or interrupt (int3), and shadow stacks.
 * Returns how many were written to out (at most INSN_MAX_ACCESS), or -1 for an instruction whose
 * accesses are not known exactly (gathers, scatters, opmasked moves, maskmov, enter with levels,
 * ...); the caller counts it as undecodable.
 */
int insn_accesses(const struct insn *i, const struct insn_cpu *cpu,
		  struct insn_access out[INSN_MAX_ACCESS]);

#endif
