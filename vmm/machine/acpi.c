// SPDX-License-Identifier: GPL-2.0-only
/*
 * acpi.c: RSDP, XSDT, FADT, FACS, MADT and DSDT for a machine without legacy keyboard.
 *
 * Source: ACPI specification 6.3, chapter 5. What the tables leave out (HPET, 8042, VGA, PCI where there are no devices) is
 * what the kernel would otherwise spend boot time probing for.
 */
#include <string.h>
#include "acpi.h"
#include "aml.h"
#include "devices.h"
#include "ports.h"

#define PACKED __attribute__((packed))

struct PACKED rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

struct PACKED table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
};

struct PACKED xsdt {
	struct table h;
	uint64_t entry[2]; /* FADT, MADT */
};

struct PACKED gas {    /* generic address */
	uint8_t space; /* 1: I/O port */
	uint8_t bits, offset, access;
	uint64_t address;
};

struct PACKED fadt { /* revision 5 */
	struct table h;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len;
	uint8_t gpe1_base, cst;
	uint16_t p_lvl2, p_lvl3, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr;
	struct gas x_gpe0, x_gpe1, sleep_control, sleep_status;
};

#define FADT_WBINVD	  (1u << 0)
#define FADT_PROC_C1	  (1u << 2)
#define FADT_NO_PWR_BTN	  (1u << 4)
#define FADT_NO_SLP_BTN	  (1u << 5)
#define FADT_NO_RTC_WAKE  (1u << 6)
#define FADT_RESET	  (1u << 10)
#define BOOT_ARCH_LEGACY  (1u << 0) /* there is a COM port; bit 1 would mean an 8042 */
#define BOOT_ARCH_NO_VGA  (1u << 2)
#define BOOT_ARCH_NO_MSI  (1u << 3)
#define BOOT_ARCH_NO_ASPM (1u << 4)
#define RESET_COMMAND	  6u
#define CENTURY_CMOS	  0x32u

struct PACKED facs {
	char signature[4];
	uint32_t length, hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version, reserved[31];
};

struct PACKED madt {
	struct table h;
	uint32_t lapic, flags;
};

struct PACKED madt_lapic { /* type 0 */
	uint8_t type, length, uid, apic_id;
	uint32_t flags;
};

struct PACKED madt_ioapic { /* type 1 */
	uint8_t type, length, id, reserved;
	uint32_t address, gsi_base;
};

struct PACKED madt_override { /* type 2 */
	uint8_t type, length, bus, irq;
	uint32_t gsi;
	uint16_t flags;
};

struct PACKED madt_nmi { /* type 4 */
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
};

_Static_assert(sizeof(struct rsdp) == 36, "ACPI 5.2.5.3");
_Static_assert(sizeof(struct table) == 36, "ACPI 5.2.6");
_Static_assert(sizeof(struct fadt) == 268, "ACPI 5.2.9, revision 5");
_Static_assert(sizeof(struct facs) == 64, "ACPI 5.2.10");

struct area {
	uint8_t *data;
	size_t len, size;
	uint64_t gpa;
};

static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

/* Zeroed room for len bytes, 64-byte aligned (the FACS asks for it), or NULL. */
static void *reserve(struct area *a, size_t len)
{
	size_t start = (a->len + 63) & ~(size_t)63;

	if (start > a->size || len > a->size - start)
		return NULL;
	a->len = start + len;
	return memset(a->data + start, 0, len);
}

static uint64_t gpa_of(const struct area *a, const void *p)
{
	return a->gpa + (uint64_t)((const uint8_t *)p - a->data);
}

static void finish(struct table *t, const char *signature, size_t len, uint8_t revision)
{
	memcpy(t->signature, signature, 4);
	t->length = (uint32_t)len;
	t->revision = revision;
	memcpy(t->oem, "KMCVMM", 6);
	memcpy(t->oem_table, "KMCVMM  ", 8);
	t->oem_revision = 1;
	memcpy(t->creator, "KMC ", 4);
	t->creator_revision = 1;
	t->checksum = 0;
	t->checksum = checksum(t, len);
}

/* No _PRT: the devices have no INTx. Conventional PCI: no ECAM, so no MCFG table either. */
static void write_bridge(struct aml *a)
{
	size_t device = aml_device_begin(a, "PCI0");

	aml_name_eisaid(a, "_HID", "PNP0A03");
	aml_name_integer(a, "_UID", 0);
	aml_name_integer(a, "_BBN", 0);
	aml_crs_bridge(a, DEVICES_WINDOW, DEVICES_WINDOW_SIZE);
	aml_end(a, device);
}

static void write_dsdt(struct aml *a, bool pci)
{
	static const uint8_t s5[] = {ACPI_S5_TYPE, ACPI_S5_TYPE, 0, 0};
	size_t scope, device;

	aml_name_package(a, "\\_S5_", s5, sizeof(s5));
	scope = aml_scope_begin(a, "\\_SB_");
	device = aml_device_begin(a, "COM1");
	aml_name_eisaid(a, "_HID", "PNP0501");
	aml_name_integer(a, "_UID", 1);
	aml_crs(a, PORT_COM1, 8, IRQ_COM1);
	aml_end(a, device);
	device = aml_device_begin(a, "RTC_");
	aml_name_eisaid(a, "_HID", "PNP0B00");
	aml_crs(a, PORT_RTC, 2, IRQ_RTC);
	aml_end(a, device);
	device = aml_device_begin(a, "PEVT");
	aml_name_string(a, "_HID", "QEMU0001");
	aml_crs(a, PORT_PVPANIC, 1, -1);
	aml_end(a, device);
	if (pci)
		write_bridge(a);
	aml_end(a, scope);
}

static struct table *build_dsdt(struct area *area, bool pci)
{
	struct table *t = reserve(area, sizeof(*t));
	struct aml a = {0};

	if (!t)
		return NULL;
	a.data = (uint8_t *)(t + 1);
	a.size = area->size - area->len;
	write_dsdt(&a, pci);
	if (a.overflow)
		return NULL;
	area->len += a.len;
	finish(t, "DSDT", sizeof(*t) + a.len, 2);
	return t;
}

static struct gas io_register(uint16_t port, uint8_t bits)
{
	return (struct gas){.space = 1, .bits = bits, .access = bits == 8 ? 1 : 2, .address = port};
}

static struct fadt *build_fadt(struct area *area, const struct table *dsdt, bool pci)
{
	struct facs *facs = reserve(area, sizeof(*facs));
	struct fadt *f = reserve(area, sizeof(*f));

	if (!facs || !f)
		return NULL;
	memcpy(facs->signature, "FACS", 4);
	facs->length = sizeof(*facs);
	facs->version = 2;

	f->x_facs = gpa_of(area, facs);
	f->facs = (uint32_t)f->x_facs;
	f->x_dsdt = gpa_of(area, dsdt);
	f->dsdt = (uint32_t)f->x_dsdt;
	f->profile = 1; /* desktop */
	f->sci = ACPI_SCI_IRQ;
	f->pm1a_evt = PORT_PM1A_EVT;
	f->pm1_evt_len = 4;
	f->x_pm1a_evt = io_register(PORT_PM1A_EVT, 32);
	f->pm1a_cnt = PORT_PM1A_CNT;
	f->pm1_cnt_len = 2;
	f->x_pm1a_cnt = io_register(PORT_PM1A_CNT, 16);
	f->p_lvl2 = 0xffff; /* no C2, no C3 */
	f->p_lvl3 = 0xffff;
	f->century = CENTURY_CMOS;
	f->boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_ASPM;
	if (!pci)
		f->boot_arch |= BOOT_ARCH_NO_MSI;
	f->flags = FADT_WBINVD | FADT_PROC_C1 | FADT_NO_PWR_BTN | FADT_NO_SLP_BTN |
		   FADT_NO_RTC_WAKE | FADT_RESET;
	f->reset = io_register(PORT_RESET, 8);
	f->reset_value = RESET_COMMAND;
	finish(&f->h, "FACP", sizeof(*f), 5);
	return f;
}

static void *append(uint8_t **p, const void *entry, size_t len)
{
	void *at = memcpy(*p, entry, len);

	*p += len;
	return at;
}

static struct madt *build_madt(struct area *area, unsigned cpus)
{
	static const struct madt_override overrides[] = {
		/* The PIT is wired to pin 2; the SCI is level triggered, active high. */
		{.type = 2, .length = sizeof(overrides[0]), .irq = 0, .gsi = 2},
		{.type = 2,
		 .length = sizeof(overrides[0]),
		 .irq = ACPI_SCI_IRQ,
		 .gsi = ACPI_SCI_IRQ,
		 .flags = 0xd},
	};
	const struct madt_ioapic ioapic = {
		.type = 1, .length = sizeof(ioapic), .id = 0, .address = 0xfec00000u};
	const struct madt_nmi nmi = {.type = 4, .length = sizeof(nmi), .uid = 0xff, .lint = 1};
	size_t len = sizeof(struct madt) + cpus * sizeof(struct madt_lapic) + sizeof(ioapic) +
		     sizeof(overrides) + sizeof(nmi);
	struct madt *m = reserve(area, len);
	uint8_t *p;

	if (!m)
		return NULL;
	m->lapic = 0xfee00000u;
	m->flags = 1; /* there is a dual 8259 as well */
	p = (uint8_t *)(m + 1);
	for (unsigned i = 0; i < cpus; i++)
		append(&p,
		       &(struct madt_lapic){.type = 0,
					    .length = sizeof(struct madt_lapic),
					    .uid = (uint8_t)i,
					    .apic_id = (uint8_t)i,
					    .flags = 1},
		       sizeof(struct madt_lapic));
	append(&p, &ioapic, sizeof(ioapic));
	append(&p, overrides, sizeof(overrides));
	append(&p, &nmi, sizeof(nmi));
	finish(&m->h, "APIC", len, 4);
	return m;
}

size_t acpi_build(uint8_t *data, size_t size, uint64_t gpa, unsigned cpus, bool pci)
{
	struct area area = {.data = data, .size = size, .gpa = gpa};
	struct rsdp *rsdp = reserve(&area, sizeof(*rsdp));
	struct xsdt *xsdt = reserve(&area, sizeof(*xsdt));
	struct table *dsdt = build_dsdt(&area, pci);
	struct fadt *fadt = dsdt ? build_fadt(&area, dsdt, pci) : NULL;
	struct madt *madt = build_madt(&area, cpus);

	if (!rsdp || !xsdt || !fadt || !madt)
		return 0;
	xsdt->entry[0] = gpa_of(&area, fadt);
	xsdt->entry[1] = gpa_of(&area, madt);
	finish(&xsdt->h, "XSDT", sizeof(*xsdt), 1);
	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem, "KMCVMM", 6);
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = gpa_of(&area, xsdt);
	rsdp->checksum = checksum(rsdp, 20);
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
	return area.len;
}
