// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_registers.c: a vCPU's registers for another thread, wherever the vCPU is: running, halted
 * for good, paused, not started yet; and what comes back where it does not come out.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include "tiny_guest.h"

#define MARK	0x1122334455667788ull
#define WAIT_MS 10000

GUEST(spins, "mov $0x1122334455667788, %rbx\nmov $0x1234, %edx\nout %eax, %dx\n1: jmp 1b");
GUEST(halts, "mov $0x1122334455667788, %rbx\nmov $0x1234, %edx\nout %eax, %dx\n1: hlt\njmp 1b");

static struct {
	const char *failed;
	atomic_bool begun, go_on;
} test;

static void expect(bool ok, const char *what)
{
	if (!ok && !test.failed)
		test.failed = what;
}

static enum hook_result on_port(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	test.begun = true;
	while (!test.go_on)
		usleep(1000);
	return HOOK_RETRY;
}

static void wait_begun(void)
{
	for (int i = 0; i < WAIT_MS && !test.begun; i++)
		usleep(1000);
	expect(test.begun, "the guest does not begin");
}

static void run_beside(const uint8_t *start, const uint8_t *end, unsigned cpus,
		       void *(*beside)(void *))
{
	const struct machine_config config = {.cpus = cpus,
					      .hooks = {.port = on_port, .port_number = TEST_PORT}};
	struct machine *m = make_guest(start, end, &config);
	pthread_t thread;

	memset(&test, 0, sizeof(test));
	assert_int_equal(pthread_create(&thread, NULL, beside, m), 0);
	assert_int_equal(machine_run(m), END_OPERATOR);
	pthread_join(thread, NULL);
	machine_destroy(m);
	if (test.failed)
		fail_msg("%s", test.failed);
}

static void look(struct machine *m, unsigned cpu, struct vcpu_registers *v)
{
	expect(machine_registers(machine_vcpu(m, cpu), v, WAIT_MS) == 0, "no registers");
}

static void *look_often(void *arg)
{
	struct machine *m = arg;
	struct vcpu_registers v;

	test.go_on = true;
	wait_begun();
	for (int i = 0; i < 200 && !test.failed; i++) {
		look(m, 0, &v);
		expect(v.regs.rbx == MARK && v.sregs.cr0 & 1, "they are other ones");
	}
	machine_pause(m);
	expect(machine_wait_paused(m, WAIT_MS) == 0, "no pause");
	for (int i = 0; i < 20; i++)
		look(m, 0, &v);
	expect(v.regs.rbx == MARK, "they are other ones in the pause");
	expect(machine_wait_paused(m, 0) == 0, "the pause is over");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

static void *look_at_halted(void *arg)
{
	struct vcpu_registers v = {.halted = false};
	struct machine *m = arg;

	test.go_on = true;
	wait_begun();
	for (int i = 0; i < 1000 && !v.halted && !test.failed; i++)
		look(m, 0, &v);
	expect(v.halted && v.regs.rbx == MARK, "it is not halted");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

/* Busy in a hook; then, with the same storage, it works again. */
static void *look_at_busy(void *arg)
{
	struct machine *m = arg;
	struct vcpu_registers v;

	wait_begun();
	expect(machine_registers(machine_vcpu(m, 0), &v, 50) == -ETIMEDOUT, "it is not busy");
	test.go_on = true;
	look(m, 0, &v);
	expect(v.regs.rbx == MARK, "they are other ones");
	machine_stop(m, END_OPERATOR, "done");
	expect(machine_registers(machine_vcpu(m, 0), &v, WAIT_MS) == -ECANCELED, "it is not over");
	return NULL;
}

/* The second one waits in KVM for its start, at the reset vector. */
static void *look_at_all(void *arg)
{
	struct machine *m = arg;
	struct vcpu_registers v;

	test.go_on = true;
	wait_begun();
	look(m, 1, &v);
	expect(v.regs.rip == 0xfff0, "the second one is somewhere else");
	look(m, 0, &v);
	expect(v.regs.rbx == MARK, "the first one is the second");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

static void running(void **state)
{
	run_beside(spins_start, spins_end, 1, look_often);
}

static void halted(void **state)
{
	run_beside(halts_start, halts_end, 1, look_at_halted);
}

static void busy(void **state)
{
	run_beside(spins_start, spins_end, 1, look_at_busy);
}

static void not_started(void **state)
{
	run_beside(spins_start, spins_end, 2, look_at_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running),
		cmocka_unit_test(halted),
		cmocka_unit_test(busy),
		cmocka_unit_test(not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
