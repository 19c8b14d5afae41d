/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * acpi.h: the ACPI tables of the machine. Used by boot.c and tests.
 */
#ifndef KMC_ACPI_H
#define KMC_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are enough for all tables of 64 CPUs. */
#define ACPI_AREA_SIZE 0x4000u
#define ACPI_SCI_IRQ   9u
#define ACPI_S5_TYPE   5u

/*
 * Writes all tables for cpus processors (APIC ids 0..cpus-1) into area, which the guest sees at
 * gpa; pci: with the PCI bus of devices.h. The RSDP is the first thing in it. Returns the bytes used, 0 where they do not fit.
 */
size_t acpi_build(uint8_t *area, size_t size, uint64_t gpa, unsigned cpus, bool pci);

#endif
