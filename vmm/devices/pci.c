// SPDX-License-Identifier: GPL-2.0-only
/* pci.c: configuration space, and which function answers at an address. */
#include <linux/pci_regs.h>
#include <string.h>

#include "pci.h"

#define PORT_ADDRESS   0xcf8u
#define PORT_DATA      0xcfcu
#define ADDRESS_ENABLE 0x80000000u
#define NO_FUNCTION    0xffffffffu
#define CAPABILITIES   0x40u /* the first one */
/* Vendor and device of a bridge that needs no driver and has no quirks in Linux (Red Hat, Inc.). */
#define BRIDGE_VENDOR 0x1b36u
#define BRIDGE_DEVICE 0x0008u

void pci_put(struct pci_function *f, unsigned offset, uint32_t value, unsigned len)
{
	memcpy(f->config + offset, &value, len); /* both are little endian */
}

uint32_t pci_get(const struct pci_function *f, unsigned offset, unsigned len)
{
	uint32_t value = 0;

	memcpy(&value, f->config + offset, len);
	return value;
}

void pci_identify(struct pci_function *f, const struct pci_identity *id)
{
	pci_put(f, PCI_VENDOR_ID, id->vendor, 2);
	pci_put(f, PCI_DEVICE_ID, id->device, 2);
	pci_put(f, PCI_CLASS_REVISION, id->class << 8 | id->revision, 4);
	pci_put(f, PCI_SUBSYSTEM_VENDOR_ID, id->vendor, 2);
	pci_put(f, PCI_SUBSYSTEM_ID, id->subsystem, 2);
	f->writable[PCI_COMMAND] = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	f->writable[PCI_COMMAND + 1] = PCI_COMMAND_INTX_DISABLE >> 8;
	f->writable[PCI_INTERRUPT_LINE] = 0xff;
	f->writable[PCI_CACHE_LINE_SIZE] = 0xff;
}

/* data: the capability without its first two bytes. Linked behind those that are there. */
unsigned pci_add_capability(struct pci_function *f, const void *data, uint8_t len)
{
	unsigned link = PCI_CAPABILITY_LIST;
	unsigned at = f->capabilities_end ? f->capabilities_end : CAPABILITIES;

	while (f->config[link])
		link = f->config[link] + 1u; /* where the one that is there names the next */
	f->config[link] = (uint8_t)at;
	f->config[at] = PCI_CAP_ID_VNDR;
	f->config[at + 1] = 0;
	memcpy(f->config + at + 2, data, len - 2u);
	f->capabilities_end = (at + len + 3u) & ~3u;
	f->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	return at;
}

void pci_bus_init(struct pci_bus *bus)
{
	static const struct pci_identity bridge = {
		.vendor = BRIDGE_VENDOR, .device = BRIDGE_DEVICE, .class = 0x060000};

	memset(bus, 0, sizeof(*bus));
	pthread_mutex_init(&bus->lock, NULL);
	pci_identify(&bus->bridge, &bridge);
	bus->slot[0] = &bus->bridge;
}

void pci_bus_deinit(struct pci_bus *bus)
{
	pthread_mutex_destroy(&bus->lock);
}

/* The BAR gets its address here, as firmware would give it one. */
bool pci_add(struct pci_bus *bus, struct pci_function *f)
{
	unsigned slot = 0;

	while (slot < PCI_SLOTS && bus->slot[slot])
		slot++;
	if (slot == PCI_SLOTS)
		return false;
	bus->slot[slot] = f;
	if (f->bar_size) {
		uint32_t mask = ~(f->bar_size - 1);

		pci_put(f, PCI_BASE_ADDRESS_0, (uint32_t)(DEVICES_WINDOW + slot * PCI_BAR_MAX), 4);
		memcpy(f->writable + PCI_BASE_ADDRESS_0, &mask, 4);
	}
	return true;
}

static void update_decoding(struct pci_function *f)
{
	uint64_t base = pci_get(f, PCI_BASE_ADDRESS_0, 4), old = f->decoded;

	if (!f->bar_size || !(pci_get(f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) ||
	    base < DEVICES_WINDOW || base + f->bar_size > DEVICES_WINDOW + DEVICES_WINDOW_SIZE)
		base = 0;
	if (base == old)
		return;
	f->decoded = base;
	f->moved(f->ctx, old, base);
}

static void config_write(struct pci_function *f, unsigned offset, uint32_t value, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t mask = f->writable[offset + i], *at = &f->config[offset + i];

		*at = (uint8_t)((*at & ~mask) | (value >> 8 * i & mask));
	}
	update_decoding(f);
	if (f->msix)
		pci_msix_flush(f);
	if (f->config_access)
		f->config_access(f->ctx, true, offset, len);
}

static uint32_t config_read(struct pci_function *f, unsigned offset, unsigned len)
{
	if (f->config_access)
		f->config_access(f->ctx, false, offset, len);
	return pci_get(f, offset, len);
}

static struct pci_function *selected(const struct pci_bus *bus)
{
	/* Enable, bus 0, function 0. */
	if ((bus->address & 0xffff0700u) != ADDRESS_ENABLE)
		return NULL;
	return bus->slot[bus->address >> 11 & 31u];
}

static void data_port(struct pci_bus *bus, unsigned byte, bool write, unsigned size,
		      uint32_t *value)
{
	struct pci_function *f = selected(bus);
	unsigned offset = (bus->address & 0xfcu) + byte;

	if (!f && !write)
		*value = NO_FUNCTION >> (32 - 8 * size);
	else if (f && write)
		config_write(f, offset, *value, size);
	else if (f)
		*value = config_read(f, offset, size);
}

bool pci_port(struct pci_bus *bus, uint16_t port, bool write, unsigned size, uint32_t *value)
{
	bool address = port == PORT_ADDRESS && size == 4;
	bool data = port >= PORT_DATA && port + size <= PORT_DATA + 4;

	if (!address && !data)
		return false;
	pthread_mutex_lock(&bus->lock);
	if (data)
		data_port(bus, port - PORT_DATA, write, size, value);
	else if (write)
		bus->address = *value & 0x80fffffcu;
	else
		*value = bus->address;
	pthread_mutex_unlock(&bus->lock);
	return true;
}

bool pci_memory(struct pci_bus *bus, gpa_t gpa, bool write, void *data, unsigned len)
{
	bool found = false;

	if (gpa.v < DEVICES_WINDOW || gpa.v >= DEVICES_WINDOW + DEVICES_WINDOW_SIZE)
		return false;
	pthread_mutex_lock(&bus->lock);
	for (unsigned i = 0; i < PCI_SLOTS && !found; i++) {
		struct pci_function *f = bus->slot[i];

		if (!f || !f->decoded || gpa.v < f->decoded ||
		    gpa.v + len > f->decoded + f->bar_size)
			continue;
		f->access(f->ctx, write, (uint32_t)(gpa.v - f->decoded), data, len);
		found = true;
	}
	pthread_mutex_unlock(&bus->lock);
	return found;
}
