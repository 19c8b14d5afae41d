// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_devices.c: devices as part of a machine: the guest rings a bell that KVM takes, the
 * device fills the guest's memory and interrupts; it rests while the machine is paused, and ends
 * with it. What a driver in the guest would set up the test does, beside the running guest.
 */
#include <dirent.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "device_driver.h"
#include "internal.h"
#include "tiny_guest.h"

#define DESC	0x2000000u
#define AVAIL	0x2001000u
#define USED	0x2002000u
#define BUFFER	0x2003000u
#define WAIT_MS 10000

/* The notification of queue 0 of the function in slot 1, at the address that pci.c gives it. */
GUEST(rings, "mov $0xd000b000, %ebx\n1: movw $0, (%rbx)\npause\njmp 1b");
/* The same through a register that is no doorbell: bytes are served by the VMM. */
GUEST(reads, "mov $0xd0008012, %ebx\nmovzwl (%rbx), %eax\n" TELL POWEROFF);
GUEST(powers_off, POWEROFF);

static const struct machine_config with_rng = {.devices = {.rng = true}};
static const char *failed;
static uint32_t told;

static void expect(bool ok, const char *what)
{
	if (!ok && !failed)
		failed = what;
}

static void *at(struct machine *m, uint64_t gpa)
{
	return guest_ram_at(m->ram, (gpa_t){gpa}, 4096);
}

static uint16_t done(struct machine *m)
{
	return __atomic_load_n((uint16_t *)at(m, USED) + 1, __ATOMIC_SEQ_CST);
}

static void ask(struct machine *m, uint16_t n)
{
	__atomic_store_n((uint16_t *)at(m, AVAIL) + 1, n, __ATOMIC_SEQ_CST);
}

static bool comes(struct machine *m, uint16_t n)
{
	for (int i = 0; i < WAIT_MS; i++) {
		if (done(m) == n)
			return true;
		usleep(1000);
	}
	return false;
}

static void *drive(void *arg)
{
	struct machine *m = arg;
	struct driver v;

	driver_find(&v, m->devices, 1);
	*(struct vring_desc *)at(m, DESC) = (struct vring_desc){BUFFER, 64, VRING_DESC_F_WRITE, 0};
	expect(driver_features(&v, 1ull << VIRTIO_F_VERSION_1), "the features are refused");
	driver_queue(&v, 0, 8, DESC, AVAIL, USED);
	driver_ok(&v);
	for (uint16_t n = 1; n < 20; n += 2) {
		ask(m, n);
		expect(comes(m, n), "the guest's bell is not heard");
		machine_pause(m);
		expect(machine_wait_paused(m, WAIT_MS) == 0, "the machine does not pause");
		ask(m, n + 1);
		driver_kick(&v, 0);
		usleep(20000);
		expect(done(m) == n, "a device works while the machine is paused");
		machine_resume(m);
		expect(comes(m, n + 1), "the device does not go on");
	}
	/* Ended while it is paused and has work. */
	machine_pause(m);
	ask(m, 21);
	driver_kick(&v, 0);
	machine_stop(m, END_OPERATOR, "enough");
	return NULL;
}

static unsigned threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void bells_and_pauses(void **state)
{
	unsigned before = threads();
	struct machine *m = make_guest(rings_start, rings_end, &with_rng);
	pthread_t thread;

	failed = NULL;
	assert_int_equal(pthread_create(&thread, NULL, drive, m), 0);
	assert_int_equal(machine_run(m), END_OPERATOR);
	pthread_join(thread, NULL);
	if (failed)
		fail_msg("%s", failed);
	machine_destroy(m); /* KVM has a thread for as long as a machine lives */
	assert_int_equal(threads(), before);
}

static enum hook_result on_port(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	told = *value;
	return HOOK_RETRY;
}

/* num_queues; nothing answers before memory decoding is switched on, as a guest does. */
static void registers(void **state)
{
	for (unsigned on = 0; on < 2; on++) {
		struct machine_config config = with_rng;
		struct driver v;
		struct machine *m;

		config.hooks = (struct machine_hooks){.port = on_port, .port_number = TEST_PORT};
		m = make_guest(reads_start, reads_end, &config);
		if (on)
			driver_find(&v, m->devices, 1);
		assert_int_equal(machine_run(m), END_POWEROFF);
		assert_int_equal(told, on ? 1 : 0xffff);
		machine_destroy(m);
	}
}

/* A machine that never runs, and one that ends at once. */
static void short_lives(void **state)
{
	unsigned before = threads();
	struct machine *m = make_guest(powers_off_start, powers_off_end, &with_rng);

	machine_destroy(m);
	for (unsigned i = 0; i < 20; i++) {
		m = make_guest(powers_off_start, powers_off_end, &with_rng);
		assert_int_equal(machine_run(m), END_POWEROFF);
		machine_destroy(m);
	}
	assert_int_equal(threads(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bells_and_pauses),
		cmocka_unit_test(registers),
		cmocka_unit_test(short_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
