/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * aml.h: writes ACPI machine language, as much of it as acpi.c needs.
 *
 * Source: ACPI specification 6.3, chapter 20 (AML) and 6.4 (resource descriptors).
 */
#ifndef KMC_AML_H
#define KMC_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;
	size_t len, size;
	bool overflow; /* something did not fit: the whole is useless */
};

/*
 * What is written until aml_end(mark) belongs to the scope or device. name: four characters, behind
 * a backslash if need be.
 */
size_t aml_scope_begin(struct aml *a, const char *name);
size_t aml_device_begin(struct aml *a, const char *name);
void aml_end(struct aml *a, size_t mark);

/* Name(name, value) */
void aml_name_integer(struct aml *a, const char *name, uint32_t value);
void aml_name_string(struct aml *a, const char *name, const char *value);
void aml_name_eisaid(struct aml *a, const char *name, const char *id); /* "PNP0501" */
/* Name(name, Package() { values }), n < 256 */
void aml_name_package(struct aml *a, const char *name, const uint8_t *values, size_t n);
/*
 * Name(_CRS, ResourceTemplate() { bus 0, the two ports of mechanism 1, memory at base }): what a PCI
 * host bridge has.
 */
void aml_crs_bridge(struct aml *a, uint32_t base, uint32_t len);
/* Name(_CRS, ResourceTemplate() { IO, IRQ }); irq < 0: none */
void aml_crs(struct aml *a, uint16_t port, uint8_t ports, int irq);

#endif
