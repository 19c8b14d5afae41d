/* SPDX-License-Identifier: GPL-2.0-only */
/* guest_call.h: a call of a function of guest_code.c, for the engine. */
#ifndef KMC_BENCH_GUEST_CALL_H
#define KMC_BENCH_GUEST_CALL_H

#include "insn.h"

#define GUEST_STACK 2048 /* words */

/* The registers at its begin. When it has returned, rip is GUEST_RETURN: hlt, which is for the hardware. */
struct insn_cpu guest_call(uint64_t stack[GUEST_STACK], uintptr_t fn, uintptr_t a, uint64_t b, uint64_t c);

extern const uint8_t guest_return[];
#define GUEST_RETURN ((uintptr_t)guest_return)

#endif
