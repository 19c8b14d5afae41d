/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device_driver.h: the other side of the devices' registers, as a guest reaches them: configuration
 * mechanism 1, BAR 0 where the capabilities say. For tests of devices.
 */
#ifndef TESTS_DEVICE_DRIVER_H
#define TESTS_DEVICE_DRIVER_H

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <time.h>
#include "devices.h"

struct driver {
	struct devices *devices;
	unsigned slot;
	uint64_t common, notify, device; /* guest-physical */
	uint32_t stride;
};

static inline uint32_t config(struct devices *d, unsigned slot, unsigned offset, bool write,
			      unsigned len, uint32_t value)
{
	uint32_t address = 0x80000000u | slot << 11 | (offset & 0xfcu);

	devices_port(d, 0xcf8, true, 4, &address);
	devices_port(d, (uint16_t)(0xcfc + offset % 4), write, len, &value);
	return value;
}

static inline uint32_t config_read(struct devices *d, unsigned slot, unsigned offset, unsigned len)
{
	return config(d, slot, offset, false, len, 0);
}

static inline void mmio_write(const struct driver *v, uint64_t gpa, uint64_t value, unsigned len)
{
	devices_memory(v->devices, (gpa_t){gpa}, true, &value, len);
}

static inline uint64_t mmio_read(const struct driver *v, uint64_t gpa, unsigned len)
{
	uint64_t value = 0;

	devices_memory(v->devices, (gpa_t){gpa}, false, &value, len);
	return value;
}

/* Follows the capabilities and switches the BAR on. */
static inline void driver_find(struct driver *v, struct devices *d, unsigned slot)
{
	unsigned at = config_read(d, slot, PCI_CAPABILITY_LIST, 1);
	uint64_t bar = config_read(d, slot, PCI_BASE_ADDRESS_0, 4);

	*v = (struct driver){.devices = d, .slot = slot};
	for (; at; at = config_read(d, slot, at + 1, 1)) {
		uint64_t base =
			bar + config_read(d, slot, at + offsetof(struct virtio_pci_cap, offset), 4);

		if (config_read(d, slot, at, 1) != PCI_CAP_ID_VNDR)
			continue;
		switch (config_read(d, slot, at + offsetof(struct virtio_pci_cap, cfg_type), 1)) {
		case VIRTIO_PCI_CAP_COMMON_CFG:
			v->common = base;
			break;
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			v->device = base;
			break;
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			v->notify = base;
			v->stride = config_read(d, slot, at + sizeof(struct virtio_pci_cap), 4);
			break;
		}
	}
	config(d, slot, PCI_COMMAND, true, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline uint8_t driver_status(const struct driver *v)
{
	return (uint8_t)mmio_read(v, v->common + VIRTIO_PCI_COMMON_STATUS, 1);
}

static inline void driver_set_status(const struct driver *v, uint8_t status)
{
	mmio_write(v, v->common + VIRTIO_PCI_COMMON_STATUS, status, 1);
}

/* Waits until all (or, for 0, none) of the bits are set. False: not within ten seconds. */
static inline bool driver_wait(const struct driver *v, uint8_t bits)
{
	const struct timespec nap = {.tv_nsec = 100000};

	for (unsigned i = 0; i < 100000; i++) {
		uint8_t status = driver_status(v);

		if (bits ? (status & bits) == bits : !status)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

static inline bool driver_reset(const struct driver *v)
{
	driver_set_status(v, 0);
	return driver_wait(v, 0);
}

/* Up to FEATURES_OK, with these features. False: the device does not agree. */
static inline bool driver_features(const struct driver *v, uint64_t features)
{
	const uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	driver_set_status(v, status);
	for (unsigned i = 0; i < 2; i++) {
		mmio_write(v, v->common + VIRTIO_PCI_COMMON_GFSELECT, i, 4);
		mmio_write(v, v->common + VIRTIO_PCI_COMMON_GF, features >> 32 * i, 4);
	}
	driver_set_status(v, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return driver_status(v) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline void driver_queue(const struct driver *v, unsigned index, unsigned size,
				uint64_t desc, uint64_t avail, uint64_t used)
{
	const uint64_t address[] = {desc, avail, used};

	mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_SELECT, index, 2);
	mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_SIZE, size, 2);
	mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_MSIX, index + 1, 2);
	for (unsigned i = 0; i < 3; i++) {
		mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_DESCLO + 8 * i, address[i], 4);
		mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_DESCHI + 8 * i, address[i] >> 32, 4);
	}
	mmio_write(v, v->common + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

static inline void driver_ok(const struct driver *v)
{
	driver_set_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline void driver_kick(const struct driver *v, unsigned queue)
{
	mmio_write(v, v->notify + queue * v->stride, queue, 2);
}

#endif
