// SPDX-License-Identifier: GPL-2.0-only
/*
 * boot.c: puts kernel, initrd, command line, boot parameters and ACPI tables into guest memory.
 *
 * Source: Documentation/x86/boot.rst, "64-bit boot protocol". Everything is checked before the
 * first byte is placed. The kernel moves itself (KASLR); we load it where it prefers, or lower if
 * it must.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "acpi.h"
#include "internal.h"

/* The first megabyte. The kernel treats all of it below ACPI_BASE as free once it has started. */
#define GDT_BASE     0x1000ull
#define PARAMS_BASE  0x2000ull
#define PAGES_BASE   0x3000ull /* PML4, PDPT and four page directories: 4 GiB, identity */
#define STACK_TOP    0xa000ull
#define CMDLINE_BASE 0x10000ull
#define CMDLINE_ROOM 0x10000ull
#define LOW_RAM_END  0x9fc00ull
#define ACPI_BASE    0xe0000ull
#define MEGABYTE     0x100000ull
#define LOADER_TYPE  0xffu
#define ENTRY_64     0x200u

enum { E820_RAM = 1, E820_RESERVED = 2 };

struct layout {
	struct bzimage image;
	int fd;
	uint64_t low_end; /* RAM is contiguous from 1 MiB up to here */
	uint64_t load;	  /* kernel */
	uint64_t initrd;  /* 0 where there is none */
	uint64_t cmdline_len;
};

static uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) & ~(a - 1);
}

static bool fits(uint64_t start, uint64_t len, uint64_t end)
{
	return start <= end && len <= end - start;
}

static unsigned long long mib(uint64_t bytes)
{
	return (unsigned long long)((bytes + MEGABYTE - 1) / MEGABYTE);
}

static int place_kernel(const struct machine_config *c, struct layout *l, struct machine_error *err)
{
	const struct bzimage *b = &l->image;

	l->load = b->pref_address;
	if (fits(l->load, b->init_size, l->low_end))
		return 0;
	if (b->relocatable) {
		l->load = align_up(MEGABYTE, b->alignment);
		if (fits(l->load, b->init_size, l->low_end))
			return 0;
	}
	return bad_input(err,
			 "kernel '%s' needs %llu MiB to start, the guest has %llu MiB: raise"
			 " --memory",
			 c->kernel, mib(l->load + b->init_size), mib(c->memory));
}

/* As high as allowed, so that the kernel has room to decompress and to choose its place. */
static int place_initrd(const struct machine_config *c, struct layout *l, struct machine_error *err)
{
	uint64_t end = l->low_end, start, kernel_end = l->load + l->image.init_size;

	if (!c->initrd_size)
		return 0;
	if (l->image.initrd_end_max < end)
		end = l->image.initrd_end_max;
	if (c->initrd_size <= end) {
		start = (end - c->initrd_size) & ~(uint64_t)(GUEST_PAGE - 1);
		if (start >= kernel_end) {
			l->initrd = start;
			return 0;
		}
	}
	return bad_input(err,
			 "the initrd (%llu MiB) does not fit into the guest's %llu MiB beside the"
			 " kernel: raise --memory or use a smaller initrd",
			 mib(c->initrd_size), mib(c->memory));
}

static int check_cmdline(const struct machine_config *c, struct layout *l,
			 struct machine_error *err)
{
	uint64_t max = l->image.cmdline_max;

	if (max > CMDLINE_ROOM - 1)
		max = CMDLINE_ROOM - 1;
	l->cmdline_len = strlen(c->cmdline);
	if (l->cmdline_len <= max)
		return 0;
	return bad_input(err,
			 "the kernel command line has %llu bytes, this kernel takes at most %llu:"
			 " shorten --append",
			 (unsigned long long)l->cmdline_len, (unsigned long long)max);
}

/* All ranges that the loader writes become reachable for the guest as well. */
static int publish(struct machine *m, uint64_t start, uint64_t len, struct machine_error *err)
{
	uint64_t first = start & ~(uint64_t)(GUEST_PAGE - 1);
	uint64_t pages = (align_up(start + len, GUEST_PAGE) - first) / GUEST_PAGE;
	int r = guest_ram_populate(m->ram, (gpa_t){first}, pages);

	if (r < 0)
		return host_error(err,
				  "mapping guest memory (UFFDIO_CONTINUE) failed: %s: free some"
				  " memory",
				  strerror(-r));
	return 0;
}

static void add_e820(struct boot_params *p, uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end)
		p->e820_table[p->e820_entries++] =
			(struct boot_e820_entry){.addr = start, .size = end - start, .type = type};
}

static void fill_e820(struct machine *m, struct boot_params *p)
{
	struct guest_ram_range range[2];
	int n = guest_ram_ranges(m->ram, range);

	add_e820(p, 0, LOW_RAM_END, E820_RAM);
	add_e820(p, LOW_RAM_END, 0xa0000, E820_RESERVED);
	add_e820(p, ACPI_BASE, MEGABYTE, E820_RESERVED);
	add_e820(p, MEGABYTE, range[0].base.v + range[0].len, E820_RAM);
	add_e820(p, KVM_IDENTITY_PAGE, KVM_RESERVED_END, E820_RESERVED);
	for (int i = 1; i < n; i++)
		add_e820(p, range[i].base.v, range[i].base.v + range[i].len, E820_RAM);
}

static void fill_params(struct machine *m, const struct machine_config *c, const struct layout *l,
			uint8_t *low)
{
	struct boot_params *p = (struct boot_params *)(low + PARAMS_BASE);

	memset(p, 0, sizeof(*p));
	p->hdr = l->image.header;
	p->hdr.type_of_loader = LOADER_TYPE;
	p->hdr.code32_start = (uint32_t)l->load;
	p->hdr.cmd_line_ptr = (uint32_t)CMDLINE_BASE;
	p->hdr.ramdisk_image = (uint32_t)l->initrd;
	p->hdr.ramdisk_size = (uint32_t)c->initrd_size;
	p->hdr.setup_data = 0;
	p->acpi_rsdp_addr = ACPI_BASE;
	fill_e820(m, p);
	memcpy(low + CMDLINE_BASE, c->cmdline, l->cmdline_len + 1);
}

static void fill_page_tables(uint8_t *low)
{
	enum { PRESENT = 0x1, WRITE = 0x2, LARGE = 0x80 };
	uint64_t *table = (uint64_t *)(low + PAGES_BASE);
	uint64_t *directory = table + 2 * 512;

	memset(table, 0, 6 * GUEST_PAGE);
	table[0] = (PAGES_BASE + GUEST_PAGE) | PRESENT | WRITE;
	for (uint64_t i = 0; i < 4; i++)
		table[512 + i] = (PAGES_BASE + (2 + i) * GUEST_PAGE) | PRESENT | WRITE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		directory[i] = i << 21 | PRESENT | WRITE | LARGE;
}

static void fill_gdt(uint8_t *low)
{
	/* Two empty, flat 64-bit code, flat data, a busy 64-bit task segment (two slots). */
	static const uint64_t gdt[] = {
		0, 0, 0x00af9b000000ffffull, 0x00cf93000000ffffull, 0x00008b0000000067ull, 0};

	memcpy(low + GDT_BASE, gdt, sizeof(gdt));
}

static int fill_low_memory(struct machine *m, const struct machine_config *c,
			   const struct layout *l, struct machine_error *err)
{
	uint8_t *low = guest_ram_at(m->ram, (gpa_t){0}, MEGABYTE);

	fill_gdt(low);
	fill_page_tables(low);
	fill_params(m, c, l, low);
	if (!acpi_build(low + ACPI_BASE, ACPI_AREA_SIZE, ACPI_BASE, m->cpus, m->devices))
		return host_error(err, "the ACPI tables of %u CPUs do not fit: lower --cpus",
				  m->cpus);
	/* All of it: the kernel reads BIOS data here that nobody has written. */
	return publish(m, 0, MEGABYTE, err);
}

static int fill_memory(struct machine *m, const struct machine_config *c, const struct layout *l,
		       struct machine_error *err)
{
	void *kernel = guest_ram_at(m->ram, (gpa_t){l->load}, l->image.code_size);

	if (fill_low_memory(m, c, l, err) ||
	    bzimage_read_code(c->kernel, l->fd, &l->image, kernel, err) ||
	    publish(m, l->load, l->image.code_size, err))
		return -1;
	if (!l->initrd)
		return 0;
	memcpy(guest_ram_at(m->ram, (gpa_t){l->initrd}, c->initrd_size), c->initrd, c->initrd_size);
	return publish(m, l->initrd, c->initrd_size, err);
}

int boot_load(struct machine *m, const struct machine_config *config, struct boot_entry *entry,
	      struct machine_error *err)
{
	struct guest_ram_range range[2];
	struct layout l = {.fd = -1};
	int r;

	guest_ram_ranges(m->ram, range);
	l.low_end = range[0].base.v + range[0].len;
	if (bzimage_open(config->kernel, &l.fd, &l.image, err))
		return -1;
	r = place_kernel(config, &l, err) || place_initrd(config, &l, err) ||
	    check_cmdline(config, &l, err) || fill_memory(m, config, &l, err);
	close(l.fd);
	if (r)
		return -1;
	*entry = (struct boot_entry){
		.rip = l.load + ENTRY_64,
		.rsi = PARAMS_BASE,
		.rsp = STACK_TOP,
		.cr3 = PAGES_BASE,
		.gdt = GDT_BASE,
		.gdt_limit = 6 * 8 - 1,
	};
	return 0;
}
