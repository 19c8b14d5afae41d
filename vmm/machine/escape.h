/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * escape.h: the console's escape sequences: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A Ctrl-A sends
 * one. Anything else behind Ctrl-A is ignored, as QEMU does it.
 */
#ifndef KMC_ESCAPE_H
#define KMC_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#define ESCAPE_KEY 0x01u

enum escape_action {
	ESCAPE_NOTHING,
	ESCAPE_SEND, /* *byte goes to the guest */
	ESCAPE_QUIT,
	ESCAPE_HELP,
};

/* *pending: an escape key was the last byte; starts false. */
static inline enum escape_action escape_byte(bool *pending, uint8_t byte)
{
	if (!*pending) {
		*pending = byte == ESCAPE_KEY;
		return *pending ? ESCAPE_NOTHING : ESCAPE_SEND;
	}
	*pending = false;
	switch (byte) {
	case ESCAPE_KEY:
		return ESCAPE_SEND;
	case 'x':
	case 'X':
		return ESCAPE_QUIT;
	case 'h':
	case 'H':
	case '?':
		return ESCAPE_HELP;
	default:
		return ESCAPE_NOTHING;
	}
}

#endif
