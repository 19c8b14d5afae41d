/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pci.h: a PCI bus with a host bridge, reached by configuration mechanism 1, and functions with one
 * memory BAR and MSI-X. Used by devices.c and virtio_pci.c.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 (mechanism 1), 6.1, 6.2, 6.8.2 (MSI-X). No
 * INTx, no bridges, no expansion ROMs, no ECAM: Linux needs none of them here.
 *
 * pci_bus.lock protects the registers of all functions. It is taken below the checker's lock (a
 * vCPU may touch a register while it is single-stepped), so whoever holds it must not access guest
 * memory.
 */
#ifndef KMC_PCI_H
#define KMC_PCI_H

#include <pthread.h>
#include "devices.h"

#define PCI_SLOTS   32u
#define PCI_VECTORS 8u /* of MSI-X, at most, a function */
#define PCI_BAR_MAX 0x8000u /* bytes of a BAR */

struct pci_vector {
	uint64_t address;
	uint32_t data, control;
};

struct pci_function {
	uint8_t config[256];
	uint8_t writable[256];	   /* bits of config that the guest can change */
	unsigned capabilities_end; /* offset behind the last one, 0: there is none */
	uint32_t bar_size;	   /* bytes of BAR 0, a power of two up to PCI_BAR_MAX; 0: there is none */
	unsigned msix;		   /* offset of the MSI-X capability, 0: none */
	unsigned vectors;
	struct pci_vector vector[PCI_VECTORS];
	uint32_t pending; /* a bit a vector */
	uint64_t decoded; /* where BAR 0 answers now, 0: nowhere */
	const struct device_host *host;
	void *ctx;
	/* All with the lock, on a vCPU's thread. An access to BAR 0: 1, 2, 4 or 8 bytes. */
	void (*access)(void *ctx, bool write, uint32_t offset, void *data, unsigned len);
	void (*moved)(void *ctx, uint64_t old, uint64_t now); /* f->decoded; 0: nowhere */
	/* Bytes of config are about to be read, or were written. */
	void (*config_access)(void *ctx, bool write, unsigned offset, unsigned len);
};

struct pci_bus {
	pthread_mutex_t lock;
	uint32_t address; /* of mechanism 1 */
	struct pci_function *slot[PCI_SLOTS];
	struct pci_function bridge;
};

void pci_bus_init(struct pci_bus *bus);
void pci_bus_deinit(struct pci_bus *bus);
/* Into the next free slot; f lives as long as the bus. False: the bus is full. */
bool pci_add(struct pci_bus *bus, struct pci_function *f);

/* An access to one of the ports 0xcf8..0xcff. False: it is not for PCI. */
bool pci_port(struct pci_bus *bus, uint16_t port, bool write, unsigned size, uint32_t *value);
/* False: nothing answers there. */
bool pci_memory(struct pci_bus *bus, gpa_t gpa, bool write, void *data, unsigned len);

/* For functions that are being made: identity, a capability (its offset), a register's value. */
struct pci_identity {
	uint16_t vendor, device, subsystem;
	uint32_t class; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};
void pci_identify(struct pci_function *f, const struct pci_identity *id);
unsigned pci_add_capability(struct pci_function *f, const void *data, uint8_t len);
void pci_put(struct pci_function *f, unsigned offset, uint32_t value, unsigned len);
uint32_t pci_get(const struct pci_function *f, unsigned offset, unsigned len);

/* pci_msix.c: the table lies at BAR 0 + table, the pending bits at BAR 0 + pba. */
void pci_add_msix(struct pci_function *f, unsigned vectors, uint32_t table, uint32_t pba);
void pci_msix_table(struct pci_function *f, bool write, uint32_t offset, void *data, unsigned len);
void pci_msix_pba(const struct pci_function *f, uint32_t offset, void *data, unsigned len);
/* Vectors may have been unmasked. */
void pci_msix_flush(struct pci_function *f);
void pci_msix_raise(struct pci_function *f, uint16_t vector); /* with the lock, any thread */
void pci_msix_reset(struct pci_function *f);

#endif
