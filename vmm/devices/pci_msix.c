// SPDX-License-Identifier: GPL-2.0-only
/* pci_msix.c: MSI-X of a PCI function: its table, its pending bits, its messages. */
#include <linux/pci_regs.h>
#include <string.h>

#include "pci.h"

void pci_add_msix(struct pci_function *f, unsigned vectors, uint32_t table, uint32_t pba)
{
	/* What follows the two bytes that each capability begins with: flags, table, pending. */
	uint8_t data[PCI_CAP_MSIX_SIZEOF - 2];
	uint16_t flags = (uint16_t)(vectors - 1);

	memcpy(data, &flags, 2);
	memcpy(data + 2, &table, 4);
	memcpy(data + 6, &pba, 4);
	f->msix = pci_add_capability(f, data, PCI_CAP_MSIX_SIZEOF);
	f->config[f->msix] = PCI_CAP_ID_MSIX;
	f->writable[f->msix + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	f->vectors = vectors;
	pci_msix_reset(f);
}

void pci_msix_reset(struct pci_function *f)
{
	f->pending = 0;
	for (unsigned i = 0; i < f->vectors; i++)
		f->vector[i] = (struct pci_vector){.control = PCI_MSIX_ENTRY_CTRL_MASKBIT};
}

static bool is_enabled(const struct pci_function *f)
{
	uint32_t flags = pci_get(f, f->msix + PCI_MSIX_FLAGS, 2);

	return (flags & PCI_MSIX_FLAGS_ENABLE) && !(flags & PCI_MSIX_FLAGS_MASKALL);
}

void pci_msix_flush(struct pci_function *f)
{
	if (!is_enabled(f))
		return;
	for (unsigned i = 0; i < f->vectors; i++) {
		const struct pci_vector *v = &f->vector[i];

		if (!(f->pending & 1u << i) || (v->control & PCI_MSIX_ENTRY_CTRL_MASKBIT))
			continue;
		f->pending &= ~(1u << i);
		f->host->message(f->host->ctx, v->address, v->data);
	}
}

/* What is raised while MSI-X is off is lost, as without it there is no interrupt. */
void pci_msix_raise(struct pci_function *f, uint16_t vector)
{
	uint32_t flags = pci_get(f, f->msix + PCI_MSIX_FLAGS, 2);

	if (vector >= f->vectors || !(flags & PCI_MSIX_FLAGS_ENABLE))
		return;
	f->pending |= 1u << vector;
	pci_msix_flush(f);
}

/* Whole fields only: 4 or 8 bytes, aligned (PCI 3.0, 6.8.2). */
void pci_msix_table(struct pci_function *f, bool write, uint32_t offset, void *data, unsigned len)
{
	uint32_t i = offset / PCI_MSIX_ENTRY_SIZE, at = offset % PCI_MSIX_ENTRY_SIZE;
	uint8_t entry[PCI_MSIX_ENTRY_SIZE];

	if (i >= f->vectors || (len != 4 && len != 8) || at % len) {
		if (!write)
			memset(data, 0xff, len);
		return;
	}
	_Static_assert(sizeof(struct pci_vector) == sizeof(entry), "the layout is PCI's");
	memcpy(entry, &f->vector[i], sizeof(entry));
	if (!write) {
		memcpy(data, entry + at, len);
		return;
	}
	memcpy(entry + at, data, len);
	memcpy(&f->vector[i], entry, sizeof(entry));
	pci_msix_flush(f);
}

void pci_msix_pba(const struct pci_function *f, uint32_t offset, void *data, unsigned len)
{
	uint64_t bits = f->pending;

	memset(data, 0, len);
	if (offset < sizeof(bits))
		memcpy(data, (uint8_t *)&bits + offset,
		       len < sizeof(bits) - offset ? len : sizeof(bits) - offset);
}
