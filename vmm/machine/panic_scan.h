/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * panic_scan.h: recognises a Linux kernel's panic on its console. Knows lines, no devices.
 *
 * A line counts where the text stands at its beginning or behind the "] " of a time stamp, so that
 * a quotation of it in other output does not. Whoever can write to the guest's console can still
 * fake it.
 */
#ifndef KMC_PANIC_SCAN_H
#define KMC_PANIC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum panic_event {
	PANIC_NOTHING,
	PANIC_BEGUN, /* "Kernel panic - not syncing: ..." */
	PANIC_OVER,  /* "---[ end Kernel panic - not syncing ...": the kernel says no more */
};

#define PANIC_TEXT 8192

struct panic_scan {
	char line[160]; /* the line so far; what is longer does not matter */
	size_t len;
	bool begun;
	char text[PANIC_TEXT]; /* from the first line of the panic on, until it is full; ends in NUL
				*/
	size_t text_len;
};

/* Feeds one byte of console output; an event is given when its line ends. */
enum panic_event panic_scan_byte(struct panic_scan *s, uint8_t byte);

#endif
