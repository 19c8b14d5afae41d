/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device_host.h: what a device needs of the machine that it is part of. Implemented by
 * vmm/machine/devices.c, and by tests.
 */
#ifndef KMC_DEVICE_HOST_H
#define KMC_DEVICE_HOST_H

#include "guest_ram.h"

/* What a guest tells of its panic (pvpanic's bits). */
#define PANIC_EVENT_PANICKED 0x01u /* it is about to stop */
#define PANIC_EVENT_CRASH_LOADED                                                                   \
	0x02u /* it panicked, and another kernel is about to dump its memory */
#define PANIC_EVENTS (PANIC_EVENT_PANICKED | PANIC_EVENT_CRASH_LOADED)

struct device_host {
	void *ctx;
	/*
	 * The one way by which devices reach guest memory. Copies len bytes between data and
	 * [gpa, gpa+len); aligned accesses of 2, 4 and 8 bytes are single ones. False, with nothing
	 * copied behind it, at the first page that is not RAM. Only on a device's thread, between
	 * enter() and leave(), and with no lock held: it may wait for a vCPU.
	 */
	bool (*memory)(void *ctx, const char *device, bool write, gpa_t gpa, void *data,
		       uint32_t len);
	/* Sends a message-signalled interrupt. Any thread, locks or not. */
	void (*message)(void *ctx, uint64_t address, uint32_t data);
	/* From now on a 16-bit write to gpa counts up the eventfd, or no longer. 0 or -errno. */
	int (*doorbell)(void *ctx, gpa_t gpa, int fd, bool on);
	/* The guest panicked: a set of PANIC_EVENT_. Any thread, locks or not. */
	void (*panic)(void *ctx, uint8_t events);
	/*
	 * Around everything a device's thread does with the guest: enter() waits while the machine
	 * is paused. False: the machine is ending, nothing more is to be done but leave().
	 */
	bool (*enter)(void *ctx);
	void (*leave)(void *ctx);
};

#endif
