// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvpanic.c: a register to which the guest's kernel writes that it panics, on PCI. Kernels that
 * look at ACPI find the same as a port (vmm/machine/ports.c); this is for those that do not.
 *
 * Source: Linux, drivers/misc/pvpanic; QEMU, docs/specs/pvpanic: a byte at the beginning of BAR 0.
 */
#include <stdlib.h>
#include <string.h>

#include "device_list.h"
#include "pci.h"

#define BAR_SIZE 0x1000u

struct pvpanic {
	struct pci_function function; /* first */
};

static void access_bar(void *ctx, bool write, uint32_t offset, void *data, unsigned len)
{
	const struct device_host *host = ((struct pvpanic *)ctx)->function.host;

	if (!write) {
		memset(data, 0, len);
		if (!offset)
			*(uint8_t *)data = PANIC_EVENTS;
	} else if (!offset) {
		host->panic(host->ctx, *(const uint8_t *)data);
	}
}

/* Nothing but accesses depends on where it is. */
static void moved(void *ctx, uint64_t old, uint64_t now)
{
}

struct pvpanic *pvpanic_create(const struct device_host *host, struct pci_bus *bus)
{
	static const struct pci_identity id = {
		.vendor = 0x1b36, .device = 0x0011, .class = 0x088000, .revision = 1};
	struct pvpanic *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->function.host = host;
	p->function.ctx = p;
	p->function.bar_size = BAR_SIZE;
	p->function.access = access_bar;
	p->function.moved = moved;
	pci_identify(&p->function, &id);
	if (pci_add(bus, &p->function))
		return p;
	free(p);
	return NULL;
}

void pvpanic_destroy(struct pvpanic *p)
{
	free(p);
}
