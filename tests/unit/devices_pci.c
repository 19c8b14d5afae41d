// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_pci.c: the bus and the registers as a kernel goes through them: enumeration, sizing and
 * moving a BAR, MSI-X with masks, features, queues; a request through all of it; how a broken ring
 * is told and how reset ends it.
 */
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "device_driver.h"
#include "device_world.h"

#define DESC	 0x1000u
#define AVAIL	 0x2000u
#define USED	 0x3000u
#define BUFFER	 0x8000u
#define FEATURES (1ull << VIRTIO_F_VERSION_1)

static struct world w;
static struct devices *d;
static struct driver v;

static int setup(void **state)
{
	const struct devices_config c = {.rng = true};

	d = world_devices(&w, &c);
	driver_find(&v, d, 1);
	return 0;
}

static int teardown(void **state)
{
	devices_stop(d);
	devices_destroy(d);
	return 0;
}

static void enumeration(void **state)
{
	uint32_t value = 0x12345678;

	assert_int_equal(config_read(d, 0, PCI_CLASS_DEVICE, 2), 0x0600);
	assert_int_equal(config_read(d, 1, PCI_VENDOR_ID, 4),
			 (0x1040u + VIRTIO_ID_RNG) << 16 | 0x1af4);
	for (unsigned slot = 2; slot < 32; slot++)
		assert_int_equal(config_read(d, slot, PCI_VENDOR_ID, 4), 0xffffffff);
	assert_int_equal(config_read(d, 1, PCI_INTERRUPT_PIN, 1), 0);
	assert_int_equal(config_read(d, 1, 0xfe, 2), 0);
	/* Other buses, functions, a disabled address. */
	for (unsigned i = 0; i < 3; i++) {
		uint32_t address = i == 0 ? 0x80010800u : i == 1 ? 0x80000900u : 0x800u;

		assert_true(devices_port(d, 0xcf8, true, 4, &address));
		assert_true(devices_port(d, 0xcfc, false, 4, &value));
		assert_int_equal(value, 0xffffffff);
	}
	assert_false(devices_port(d, 0xcf9, true, 1, &value)); /* the reset port */
	assert_false(devices_port(d, 0xcfe, true, 4, &value));
	/* Identity cannot be written. */
	config(d, 1, PCI_VENDOR_ID, true, 4, 0);
	assert_int_equal(config_read(d, 1, PCI_VENDOR_ID, 2), 0x1af4);
}

static void bars(void **state)
{
	uint32_t bar = config_read(d, 1, PCI_BASE_ADDRESS_0, 4);

	assert_int_equal(w.doorbells, 1);
	config(d, 1, PCI_COMMAND, true, 2, 0);
	assert_int_equal(w.doorbells, 0);
	config(d, 1, PCI_BASE_ADDRESS_0, true, 4, 0xffffffff);
	assert_int_equal(config_read(d, 1, PCI_BASE_ADDRESS_0, 4), 0xffff8000);
	assert_int_equal(config(d, 1, PCI_BASE_ADDRESS_1, true, 4, 0xffffffff), 0xffffffff);
	assert_int_equal(config_read(d, 1, PCI_BASE_ADDRESS_1, 4), 0);
	config(d, 1, PCI_BASE_ADDRESS_0, true, 4, bar + 0x100000);
	config(d, 1, PCI_COMMAND, true, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(w.doorbells, 1);
	assert_false(devices_memory(d, (gpa_t){bar}, false, &bar, 4));
	assert_true(devices_memory(d, (gpa_t){bar + 0x100000}, false, &bar, 4));
	/* Outside of the window nothing answers; no more does half an access. */
	bar = config_read(d, 1, PCI_BASE_ADDRESS_0, 4);
	assert_false(devices_memory(d, (gpa_t){bar + 0x7ffe}, false, &bar, 4));
	config(d, 1, PCI_BASE_ADDRESS_0, true, 4, 0x1000000);
	assert_int_equal(w.doorbells, 0);
	assert_false(devices_memory(d, (gpa_t){0x1000000}, false, &bar, 4));
}

static void features(void **state)
{
	assert_false(driver_features(&v, 0));			  /* not modern */
	assert_false(driver_features(&v, FEATURES | 1ull << 50)); /* not offered */
	assert_true(driver_features(&v, FEATURES));
	/* Too late now. */
	mmio_write(&v, v.common + VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	mmio_write(&v, v.common + VIRTIO_PCI_COMMON_GF, 0xffffffff, 4);
	assert_int_equal(mmio_read(&v, v.common + VIRTIO_PCI_COMMON_GF, 4), 0);
	assert_true(driver_reset(&v));
	assert_int_equal(mmio_read(&v, v.common + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	mmio_write(&v, v.common + VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	assert_int_equal(mmio_read(&v, v.common + VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	mmio_write(&v, v.common + VIRTIO_PCI_COMMON_MSIX, 7, 2);
	assert_int_equal(mmio_read(&v, v.common + VIRTIO_PCI_COMMON_MSIX, 2), 0xffff);
}

static unsigned msix(void)
{
	unsigned at = config_read(d, 1, PCI_CAPABILITY_LIST, 1);

	while (config_read(d, 1, at, 1) != PCI_CAP_ID_MSIX)
		at = config_read(d, 1, at + 1, 1);
	return at;
}

static void vector(unsigned i, uint32_t control)
{
	uint64_t table = config_read(d, 1, PCI_BASE_ADDRESS_0, 4) +
			 (config_read(d, 1, msix() + PCI_MSIX_TABLE, 4) & PCI_MSIX_TABLE_OFFSET);

	mmio_write(&v, table + 16 * i, 0xfee00000u, 4);
	mmio_write(&v, table + 16 * i + 8, 0x40 + i, 4);
	mmio_write(&v, table + 16 * i + 12, control, 4);
}

/* One request of the rng; true when it is done. */
static bool request(unsigned n)
{
	const struct timespec nap = {.tv_nsec = 100000};
	uint16_t *avail = (uint16_t *)(w.ram + AVAIL);
	volatile uint16_t *used = (uint16_t *)(w.ram + USED);

	*(struct vring_desc *)(w.ram + DESC) =
		(struct vring_desc){BUFFER, 64, VRING_DESC_F_WRITE, 0};
	avail[1] = (uint16_t)n;
	driver_kick(&v, 0);
	for (unsigned i = 0; i < 50000 && used[1] != n; i++)
		nanosleep(&nap, NULL);
	/* The interrupt follows the index; a register is behind both. */
	driver_status(&v);
	return used[1] == n;
}

static void wait_messages(unsigned n)
{
	const struct timespec nap = {.tv_nsec = 100000};

	for (unsigned i = 0; i < 50000 && *(volatile unsigned *)&w.messages < n; i++)
		nanosleep(&nap, NULL);
	assert_int_equal(w.messages, n);
}

static void requests_and_interrupts(void **state)
{
	static const uint8_t zero[64];
	uint64_t pba = config_read(d, 1, PCI_BASE_ADDRESS_0, 4) +
		       (config_read(d, 1, msix() + PCI_MSIX_PBA, 4) & PCI_MSIX_PBA_OFFSET);
	struct timespec settle = {.tv_nsec = 50000000};

	config(d, 1, msix() + PCI_MSIX_FLAGS, true, 2, PCI_MSIX_FLAGS_ENABLE);
	vector(1, 0);
	assert_true(driver_features(&v, FEATURES));
	driver_queue(&v, 0, 8, DESC, AVAIL, USED);
	driver_ok(&v);
	assert_true(request(1));
	assert_memory_not_equal(w.ram + BUFFER, zero, sizeof(zero));
	wait_messages(1);
	assert_int_equal(w.address, 0xfee00000u);
	assert_int_equal(w.data, 0x41);
	/* Masked: pending, and sent when the mask goes. */
	vector(1, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	assert_true(request(2));
	nanosleep(&settle, NULL);
	assert_int_equal(w.messages, 1);
	assert_int_equal(mmio_read(&v, pba, 4), 2);
	vector(1, 0);
	assert_int_equal(w.messages, 2);
	assert_int_equal(mmio_read(&v, pba, 4), 0);
	config(d, 1, msix() + PCI_MSIX_FLAGS, true, 2,
	       PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_true(request(3));
	nanosleep(&settle, NULL);
	assert_int_equal(w.messages, 2);
	config(d, 1, msix() + PCI_MSIX_FLAGS, true, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(w.messages, 3);
	assert_true(driver_reset(&v));
}

static void broken_ring(void **state)
{
	config(d, 1, msix() + PCI_MSIX_FLAGS, true, 2, PCI_MSIX_FLAGS_ENABLE);
	vector(0, 0);
	assert_true(driver_features(&v, FEATURES));
	mmio_write(&v, v.common + VIRTIO_PCI_COMMON_MSIX, 0, 2);
	driver_queue(&v, 0, 8, DESC, AVAIL, USED);
	driver_ok(&v);
	*(uint16_t *)(w.ram + AVAIL + 2) = 100;
	driver_kick(&v, 0);
	assert_true(driver_wait(&v, VIRTIO_CONFIG_S_NEEDS_RESET));
	wait_messages(1);
	assert_int_equal(w.data, 0x40);
	/* It stays so until it is reset, and then works. */
	driver_ok(&v);
	assert_true(driver_status(&v) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* Only a reset takes bits away: a running device cannot be made to forget that it runs. */
	driver_set_status(&v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	assert_true(driver_status(&v) & VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(driver_reset(&v));
	*(uint16_t *)(w.ram + AVAIL + 2) = 0;
	assert_true(driver_features(&v, FEATURES));
	driver_queue(&v, 0, 8, DESC, AVAIL, USED);
	driver_ok(&v);
	assert_true(request(1));
	assert_false(driver_status(&v) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* BAR 0 through configuration space. */
static void window(void **state)
{
	unsigned at = config_read(d, 1, PCI_CAPABILITY_LIST, 1);

	while (config_read(d, 1, at, 1) != PCI_CAP_ID_VNDR ||
	       config_read(d, 1, at + 3, 1) != VIRTIO_PCI_CAP_PCI_CFG)
		at = config_read(d, 1, at + 1, 1);
	config(d, 1, at + 8, true, 4, VIRTIO_PCI_COMMON_STATUS);
	config(d, 1, at + 12, true, 4, 1);
	config(d, 1, at + 16, true, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	assert_int_equal(driver_status(&v), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	config(d, 1, at + 8, true, 4, VIRTIO_PCI_COMMON_NUMQ);
	config(d, 1, at + 12, true, 4, 2);
	assert_int_equal(config_read(d, 1, at + 16, 2), 1);
	/* Beyond it there is nothing. */
	config(d, 1, at + 8, true, 4, 0xfffffffe);
	assert_int_equal(config_read(d, 1, at + 16, 2), 1);
}

static void pvpanic(void **state)
{
	const struct devices_config c = {.pvpanic = true};
	struct devices *p;
	struct driver panic;
	char err[256];
	uint32_t bar;
	bool bad;

	assert_true(devices_wanted(&c));
	assert_int_equal(devices_create(&c, &w.host, &p, err, sizeof(err), &bad), 0);
	assert_int_equal(devices_start(p), 0);
	assert_int_equal(config_read(p, 1, PCI_VENDOR_ID, 4), 0x00111b36);
	driver_find(&panic, p, 1);
	bar = config_read(p, 1, PCI_BASE_ADDRESS_0, 4);
	assert_int_equal(mmio_read(&panic, bar, 1), PANIC_EVENTS);
	assert_int_equal(mmio_read(&panic, bar + 1, 1), 0);
	mmio_write(&panic, bar + 1, 0xff, 1);
	mmio_write(&panic, bar + 0xffc, 0xffffffff, 4);
	assert_int_equal(w.panic, 0);
	mmio_write(&panic, bar, PANIC_EVENT_CRASH_LOADED, 1);
	assert_int_equal(w.panic, PANIC_EVENT_CRASH_LOADED);
	devices_stop(p);
	devices_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enumeration, setup, teardown),
		cmocka_unit_test_setup_teardown(bars, setup, teardown),
		cmocka_unit_test_setup_teardown(features, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_and_interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(window, setup, teardown),
		cmocka_unit_test_setup_teardown(pvpanic, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
