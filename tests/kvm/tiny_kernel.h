/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tiny_kernel.h: a bzImage of a few bytes, so that tests boot their guests the way kernels are booted.
 * Used by the tests in tests/kvm/.
 */
#ifndef TESTS_TINY_KERNEL_H
#define TESTS_TINY_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the code runs: its 64-bit entry, with 4 GiB mapped one to one. */
#define TINY_LOAD  0x1000000ull
#define TINY_PATH  512 /* bytes of the path of its file */
#define TINY_ENTRY (TINY_LOAD + 0x200)

/* Writes the image to a new temporary file. 0 or -1. */
int tiny_kernel_write(char path[TINY_PATH], const uint8_t *code, size_t len);

/* False, with a line on standard output, where no guest can run here: main() returns 77 then. */
bool tiny_kernel_runs(void);

#endif
