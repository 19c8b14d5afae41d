// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_hold.c: holding and stopping vCPUs that spin, halt, or never started.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include "tiny_guest.h"

#define AP_CODE	   0x30000ull /* start-up vector 0x30 */
#define AP_COUNTER 0x30100ull
#define ROUNDS	   20

/* 16 bits: inc dword cs:[0x100]; jmp back. And: cli; hlt; jmp back. */
static const uint8_t ap_spins[] = {0x66, 0x2e, 0xff, 0x06, 0x00, 0x01, 0xeb, 0xf8};
static const uint8_t ap_halts[] = {0xfa, 0xf4, 0xeb, 0xfd};

/*
 * Enables its APIC, starts processor 1 (INIT, SIPI 0x30) and then rings the bell until it is
 * stopped. (KVM finds the processor made last only after one APIC was enabled.)
 */
GUEST(starts_other, "mov $0xfee00300, %edi\nmovl $0x1ff, -0x210(%rdi)\n"
		    "movl $0x01000000, 0x10(%rdi)\nmovl $0x4500, (%rdi)\n"
		    "movl $0x01000000, 0x10(%rdi)\nmovl $0x4630, (%rdi)\n"
		    "mov $0x1234, %edx\n1: out %eax, %dx\njmp 1b");
GUEST(rings, "mov $0x1234, %edx\n1: out %eax, %dx\njmp 1b");
GUEST(spins, "1: pause\njmp 1b");
GUEST(halts, "cli\n1: hlt\njmp 1b");

static struct {
	bool counting;
	int rounds;
	const char *failed;
} test;

static uint32_t counter(struct machine *m)
{
	const uint32_t *p = guest_ram_at(machine_ram(m), (gpa_t){AP_COUNTER}, 4);

	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static bool counter_moves(struct machine *m)
{
	uint32_t start = counter(m);

	for (int i = 0; i < 10000; i++) {
		if (counter(m) != start)
			return true;
		usleep(1000);
	}
	return false;
}

static bool counter_rests(struct machine *m)
{
	uint32_t start = counter(m);

	usleep(5000);
	return counter(m) == start;
}

/* One round a bell: wait until the other runs, hold it, look, let it go. */
static enum hook_result on_bell(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	struct machine *m = vcpu->machine;

	if (test.counting && !counter_moves(m))
		test.failed = "the other processor does not run";
	machine_hold_others(vcpu);
	if (!counter_rests(m))
		test.failed = "the other processor runs although it is held";
	machine_release(vcpu);
	if (test.failed || ++test.rounds == ROUNDS)
		machine_stop(m, END_OPERATOR, "done");
	return HOOK_RETRY;
}

static void hold(const uint8_t *start, const uint8_t *end, const uint8_t *ap, size_t ap_len,
		 unsigned cpus)
{
	const struct machine_config config = {
		.cpus = cpus,
		.hooks = {.port = on_bell, .port_number = TEST_PORT},
	};
	struct machine *m = make_guest(start, end, &config);

	memset(&test, 0, sizeof(test));
	test.counting = ap == ap_spins;
	memcpy(guest_ram_at(machine_ram(m), (gpa_t){AP_CODE}, ap_len), ap, ap_len);
	assert_true(guest_ram_populate(machine_ram(m), (gpa_t){AP_CODE}, 1) >= 0);
	assert_int_equal(machine_run(m), END_OPERATOR);
	if (test.failed)
		fail_msg("%s", test.failed);
	assert_int_equal(test.rounds, ROUNDS);
	machine_destroy(m);
}

static void hold_spinning(void **state)
{
	hold(starts_other_start, starts_other_end, ap_spins, sizeof(ap_spins), 2);
}

static void hold_halted(void **state)
{
	hold(starts_other_start, starts_other_end, ap_halts, sizeof(ap_halts), 2);
}

static void hold_not_started(void **state)
{
	hold(rings_start, rings_end, ap_halts, sizeof(ap_halts), 8);
}

/* A kick that comes too early is not lost, and is used up; a stopped machine enters no guest. */
static enum hook_result on_kicked_bell(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	machine_kick(vcpu);
	if (vcpu_run(vcpu) != -EINTR)
		test.failed = "a kick was lost";
	if (vcpu_run(vcpu) != 0 || vcpu->run->exit_reason != KVM_EXIT_IO)
		test.failed = "a kick was not used up";
	if (machine_ending(vcpu->machine))
		test.failed = "nobody stopped the machine yet";
	machine_stop(vcpu->machine, END_OPERATOR, "done");
	if (vcpu_run(vcpu) != -ECANCELED || !machine_ending(vcpu->machine))
		test.failed = "a stopped machine entered the guest";
	return HOOK_STOP;
}

static void kick_is_kept(void **state)
{
	const struct machine_config config = {
		.hooks = {.port = on_kicked_bell, .port_number = TEST_PORT},
	};
	struct machine *m = make_guest(rings_start, rings_end, &config);

	memset(&test, 0, sizeof(test));
	assert_int_equal(machine_run(m), END_OPERATOR);
	if (test.failed)
		fail_msg("%s", test.failed);
	machine_destroy(m);
}

static void *stop_soon(void *arg)
{
	usleep(100000);
	machine_stop(arg, END_OPERATOR, "stopped from outside");
	machine_stop(arg, END_INTERNAL, "too late");
	return NULL;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stop_from_outside(const uint8_t *start, const uint8_t *end)
{
	const struct machine_config config = {.cpus = 4};
	struct machine *m = make_guest(start, end, &config);
	double begin = seconds();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_soon, m), 0);
	assert_int_equal(machine_run(m), END_OPERATOR);
	assert_true(seconds() - begin < 5);
	pthread_join(thread, NULL);
	assert_string_equal(machine_end_text(m), "stopped from outside");
	machine_destroy(m);
}

static void stop_spinning(void **state)
{
	stop_from_outside(spins_start, spins_end);
}

static void stop_halted(void **state)
{
	stop_from_outside(halts_start, halts_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_spinning),    cmocka_unit_test(hold_halted),
		cmocka_unit_test(hold_not_started), cmocka_unit_test(kick_is_kept),
		cmocka_unit_test(stop_spinning),    cmocka_unit_test(stop_halted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
