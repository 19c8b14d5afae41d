// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_acpi.c: the ACPI tables as a guest finds them: from the RSDP on, checksums and lengths,
 * and a walk over the AML that must end where the table ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "acpi.h"
#include "aml.h"

#define BASE 0xe0000ull

static uint8_t area[ACPI_AREA_SIZE];

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

/* Table at a guest address, with its length and checksum checked. */
static const uint8_t *table(uint64_t gpa, const char *signature, size_t used)
{
	const uint8_t *t;

	assert_true(gpa >= BASE && gpa + 36 <= BASE + used);
	t = area + (gpa - BASE);
	assert_memory_equal(t, signature, 4);
	assert_true(gpa + le(t + 4, 4) <= BASE + used);
	if (strcmp(signature, "FACS"))
		assert_int_equal(sum(t, le(t + 4, 4)), 0);
	return t;
}

static void tables_for(unsigned cpus, bool pci)
{
	size_t used = acpi_build(area, sizeof(area), BASE, cpus, pci);
	const uint8_t *xsdt, *fadt, *madt, *dsdt;
	unsigned lapics = 0, entries = 0;

	assert_true(used > 0 && used <= sizeof(area));
	assert_memory_equal(area, "RSD PTR ", 8);
	assert_int_equal(sum(area, 20), 0);
	assert_int_equal(sum(area, 36), 0);
	xsdt = table(le(area + 24, 8), "XSDT", used);
	assert_int_equal(le(xsdt + 4, 4), 36 + 2 * 8);
	fadt = table(le(xsdt + 36, 8), "FACP", used);
	madt = table(le(xsdt + 44, 8), "APIC", used);
	assert_int_equal(le(fadt + 36, 4), le(fadt + 132, 8)); /* FACS, X_FACS */
	assert_int_equal(le(fadt + 40, 4), le(fadt + 140, 8)); /* DSDT, X_DSDT */
	assert_int_equal(le(fadt + 36, 4) % 64, 0);
	table(le(fadt + 36, 4), "FACS", used);
	dsdt = table(le(fadt + 40, 4), "DSDT", used);
	assert_int_equal(!!memmem(dsdt, le(dsdt + 4, 4), "PCI0", 4), pci);
	assert_int_equal(le(fadt + 109, 2) & 8, pci ? 0 : 8); /* no MSI */

	for (size_t at = 44; at < le(madt + 4, 4); at += madt[at + 1], entries++) {
		assert_true(madt[at + 1] >= 6);
		if (madt[at] != 0)
			continue;
		assert_int_equal(madt[at + 3], lapics);
		lapics++;
	}
	assert_int_equal(lapics, cpus);
	assert_int_equal(entries, cpus + 4); /* I/O APIC, two overrides, NMI */
}

static void all_tables(void **state)
{
	for (unsigned cpus = 1; cpus <= 64; cpus++) {
		tables_for(cpus, false);
		tables_for(cpus, true);
	}
}

static void too_small(void **state)
{
	size_t needed = acpi_build(area, sizeof(area), BASE, 2, true);

	for (size_t size = 0; size < needed; size++)
		assert_int_equal(acpi_build(area, size, BASE, 2, true), 0);
	assert_int_equal(acpi_build(area, needed, BASE, 2, true), needed);
}

/* Golden bytes, put together by hand from the specification's grammar. */
static void aml_bytes(void **state)
{
	static const uint8_t package[] = {0x08, 'A',  'B',  'C',  'D',	0x12, 0x47,
					  0x00, 0x02, 0x0a, 0x05, 0x0a, 0x00};
	static const uint8_t eisaid[] = {0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x05, 0x01};
	static const uint8_t values[] = {5, 0};
	uint8_t data[64];
	struct aml a = {.data = data, .size = sizeof(data)};

	aml_name_package(&a, "ABCD", values, 2);
	assert_false(a.overflow);
	assert_int_equal(a.len, sizeof(package));
	assert_memory_equal(data, package, sizeof(package));
	a.len = 0;
	aml_name_eisaid(&a, "_HID", "PNP0501");
	assert_int_equal(a.len, sizeof(eisaid));
	assert_memory_equal(data, eisaid, sizeof(eisaid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tables),
		cmocka_unit_test(too_small),
		cmocka_unit_test(aml_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
