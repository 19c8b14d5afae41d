/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device_world.h: a machine that is nothing but memory, for tests of devices: it has RAM from 0 on,
 * counts interrupts, and remembers the doorbells.
 */
#ifndef TESTS_DEVICE_WORLD_H
#define TESTS_DEVICE_WORLD_H

#include "device_host.h"
#include "devices.h"

#define WORLD_RAM 0x40000u

struct world {
	uint8_t ram[WORLD_RAM];
	unsigned messages;
	uint64_t address; /* of the last message */
	uint32_t data;
	unsigned doorbells; /* that are there */
	uint8_t panic;	    /* events so far */
	struct device_host host;
};

void world_init(struct world *w);
/* In a new world. A failure ends the test. */
struct devices *world_devices(struct world *w, const struct devices_config *config);

#endif
