// SPDX-License-Identifier: GPL-2.0-only
/*
 * aml.c: the AML writer. Knows no table: acpi.c.
 */
#include <string.h>
#include "aml.h"

enum {
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_EXT = 0x5b,
	AML_DEVICE = 0x82, /* behind AML_EXT */
	RES_IRQ = 0x22,	   /* small descriptor 4, two bytes: edge, high, exclusive */
	RES_IO = 0x47,
	RES_END = 0x79,
	RES_DWORD = 0x87, /* address range, 32 bits */
	RES_WORD = 0x88,
};

static void put(struct aml *a, uint8_t byte)
{
	if (a->len >= a->size)
		a->overflow = true;
	else
		a->data[a->len++] = byte;
}

static void put_le(struct aml *a, uint32_t value, unsigned bytes)
{
	while (bytes--) {
		put(a, (uint8_t)value);
		value >>= 8;
	}
}

static void put_path(struct aml *a, const char *name)
{
	while (*name)
		put(a, (uint8_t)*name++);
}

/* The package length counts itself; two bytes of it are always enough here and always written. */
static size_t open_package(struct aml *a)
{
	size_t mark = a->len;

	put_le(a, 0, 2);
	return mark;
}

void aml_end(struct aml *a, size_t mark)
{
	size_t len = a->len - mark;

	if (a->overflow || len > 0xfff) {
		a->overflow = true;
		return;
	}
	a->data[mark] = (uint8_t)(0x40 | (len & 0xf));
	a->data[mark + 1] = (uint8_t)(len >> 4);
}

size_t aml_scope_begin(struct aml *a, const char *name)
{
	size_t mark;

	put(a, AML_SCOPE);
	mark = open_package(a);
	put_path(a, name);
	return mark;
}

size_t aml_device_begin(struct aml *a, const char *name)
{
	size_t mark;

	put(a, AML_EXT);
	put(a, AML_DEVICE);
	mark = open_package(a);
	put_path(a, name);
	return mark;
}

static void begin_name(struct aml *a, const char *name)
{
	put(a, AML_NAME);
	put_path(a, name);
}

void aml_name_integer(struct aml *a, const char *name, uint32_t value)
{
	begin_name(a, name);
	put(a, AML_DWORD);
	put_le(a, value, 4);
}

void aml_name_string(struct aml *a, const char *name, const char *value)
{
	begin_name(a, name);
	put(a, AML_STRING);
	put_path(a, value);
	put(a, 0);
}

static unsigned hex_digit(char c)
{
	return c >= 'A' ? (unsigned)(c - 'A' + 10) : (unsigned)(c - '0');
}

/* Three letters of five bits, four hexadecimal digits, the whole big endian. */
void aml_name_eisaid(struct aml *a, const char *name, const char *id)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 3; i++)
		v = v << 5 | ((uint32_t)(id[i] - 'A' + 1) & 0x1f);
	for (unsigned i = 3; i < 7; i++)
		v = v << 4 | hex_digit(id[i]);
	aml_name_integer(a, name, __builtin_bswap32(v));
}

void aml_name_package(struct aml *a, const char *name, const uint8_t *values, size_t n)
{
	size_t mark;

	begin_name(a, name);
	put(a, AML_PACKAGE);
	mark = open_package(a);
	put(a, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		put(a, AML_BYTE);
		put(a, values[i]);
	}
	aml_end(a, mark);
}

/* A descriptor of an address range (6.4.3.5): its length without the first three bytes is known. */
static void put_range(struct aml *a, uint8_t tag, uint8_t type, uint8_t flags, uint32_t first,
		      uint32_t len)
{
	unsigned width = tag == RES_WORD ? 2 : 4;

	put(a, tag);
	put_le(a, 3 + 5 * width, 2);
	put(a, type);
	put(a, 0x0c); /* both ends are fixed; decoded positively; produced for those below */
	put(a, flags);
	put_le(a, 0, width); /* granularity */
	put_le(a, first, width);
	put_le(a, first + len - 1, width);
	put_le(a, 0, width); /* no translation */
	put_le(a, len, width);
}

static void put_io(struct aml *a, uint16_t port, uint8_t ports)
{
	put(a, RES_IO);
	put(a, 1); /* decodes 16 bits */
	put_le(a, port, 2);
	put_le(a, port, 2);
	put(a, 1); /* alignment */
	put(a, ports);
}

void aml_crs_bridge(struct aml *a, uint32_t base, uint32_t len)
{
	size_t mark;

	begin_name(a, "_CRS");
	put(a, AML_BUFFER);
	mark = open_package(a);
	put(a, AML_BYTE);
	put(a, 16 + 8 + 26 + 2);
	put_range(a, RES_WORD, 2, 0, 0, 1); /* bus numbers */
	put_io(a, 0xcf8, 8);
	put_range(a, RES_DWORD, 0, 1, base, len); /* memory, can be written, not cached */
	put(a, RES_END);
	put(a, 0); /* no checksum */
	aml_end(a, mark);
}

void aml_crs(struct aml *a, uint16_t port, uint8_t ports, int irq)
{
	size_t mark;

	begin_name(a, "_CRS");
	put(a, AML_BUFFER);
	mark = open_package(a);
	put(a, AML_BYTE);
	put(a, irq < 0 ? 10 : 13); /* bytes of descriptors that follow */
	put_io(a, port, ports);
	if (irq >= 0) {
		put(a, RES_IRQ);
		put_le(a, 1u << irq, 2);
	}
	put(a, RES_END);
	put(a, 0); /* no checksum */
	aml_end(a, mark);
}
