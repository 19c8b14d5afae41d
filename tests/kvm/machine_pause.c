// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_pause.c: a paused machine's guest stands still, its clock too, and goes on where it was;
 * a hook that holds the other vCPUs finishes first, one that waits for another gives way. And the
 * NMI that makes a guest panic arrives.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>
#include "tiny_guest.h"

#define COUNTER	  0x2000000ull
#define LONGEST	  0x2000008ull
#define WAIT_MS	  10000
#define ROUNDS	  20
#define PAUSE_MS  2000
#define MS	  1000000ull
#define IN_THE_MS 1000 /* what a guest may lose to a busy host without a pause */

GUEST(counts, "mov $0x2000000, %edi\n1: lock incq (%rdi)\npause\njmp 1b");
/* Rings the bell, then counts. */
GUEST(rings_then_counts, "mov $0x1234, %edx\nout %eax, %dx\nmov $0x2000000, %edi\n"
			 "1: lock incq (%rdi)\npause\njmp 1b");
/* Counts, and keeps the longest time between two looks at its TSC. */
GUEST(watches_clock, "mov $0x2000000, %edi\nrdtsc\nshl $32, %rdx\nor %rdx, %rax\nmov %rax, %rsi\n"
		     "1: rdtsc\nshl $32, %rdx\nor %rdx, %rax\nmov %rax, %rbx\nsub %rsi, %rax\n"
		     "mov %rbx, %rsi\ncmp 8(%rdi), %rax\njbe 2f\nmov %rax, 8(%rdi)\n"
		     "2: lock incq (%rdi)\njmp 1b");

static struct {
	const char *failed;
	atomic_uint rounds;
	atomic_bool entered;
} test;

static uint64_t word(struct machine *m, uint64_t gpa)
{
	const uint64_t *p = guest_ram_at(machine_ram(m), (gpa_t){gpa}, 8);

	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static bool moves(struct machine *m)
{
	uint64_t start = word(m, COUNTER);

	for (int i = 0; i < WAIT_MS; i++) {
		if (word(m, COUNTER) != start)
			return true;
		usleep(1000);
	}
	return false;
}

static bool rests(struct machine *m)
{
	uint64_t start = word(m, COUNTER);

	usleep(5000);
	return word(m, COUNTER) == start;
}

static void expect(bool ok, const char *what)
{
	if (!ok && !test.failed)
		test.failed = what;
}

/* Runs the guest with a thread beside it that ends the machine, and then says what went wrong. */
static enum machine_end run_beside(struct machine *m, void *(*beside)(void *))
{
	enum machine_end end;
	pthread_t thread;

	memset(&test, 0, sizeof(test));
	assert_int_equal(pthread_create(&thread, NULL, beside, m), 0);
	end = machine_run(m);
	pthread_join(thread, NULL);
	if (test.failed)
		fail_msg("%s", test.failed);
	return end;
}

/* -------------------------------------------------------------- plain pauses */

static void *pause_often(void *arg)
{
	struct machine *m = arg;

	for (test.rounds = 0; test.rounds < ROUNDS && !test.failed; test.rounds++) {
		expect(moves(m), "the guest does not run");
		machine_pause(m);
		expect(machine_paused(m), "it does not say that it is paused");
		expect(machine_wait_paused(m, WAIT_MS) == 0, "the pause is not reached");
		machine_pause(m); /* twice is once */
		expect(machine_wait_paused(m, 0) == 0, "the second pause is not reached at once");
		expect(rests(m), "the guest runs although it is paused");
		machine_resume(m);
		expect(!machine_paused(m), "it does not say that it goes on");
		expect(machine_wait_paused(m, 0) == -ECANCELED, "there is still a pause");
	}
	expect(machine_paused_ns(m) >= ROUNDS * 5 * MS, "the time of the pauses is not counted");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

/* What is paused stays so, and what is resumed meanwhile waits for the look's end. */
static void *look_and_pause(void *arg)
{
	struct machine *m = arg;

	expect(moves(m), "the guest does not run");
	expect(machine_freeze(m, WAIT_MS) == 0 && rests(m), "the guest runs although it is frozen");
	expect(!machine_paused(m) && machine_wait_paused(m, 0) == -ECANCELED, "who looks has paused it");
	machine_resume(m);
	expect(rests(m), "resumed although it is frozen");
	machine_thaw(m);
	expect(moves(m), "the guest does not go on");
	for (test.rounds = 0; test.rounds < ROUNDS; test.rounds++) {
		expect(machine_freeze(m, WAIT_MS) == 0, "it does not freeze");
		machine_pause(m);
		machine_thaw(m);
		expect(machine_paused(m) && machine_wait_paused(m, WAIT_MS) == 0 && rests(m),
		       "the pause went with the look");
		expect(machine_freeze(m, WAIT_MS) == 0, "what is paused does not freeze");
		machine_thaw(m);
		expect(machine_paused(m) && rests(m), "the pause before the look went with it");
		machine_resume(m);
		expect(moves(m), "the guest does not go on");
	}
	machine_stop(m, END_OPERATOR, "done");
	expect(machine_freeze(m, WAIT_MS) == -ECANCELED, "a stopped machine freezes");
	return NULL;
}

static void look_at_pauses(void **state)
{
	struct machine *m = make_guest(counts_start, counts_end, NULL);

	assert_int_equal(run_beside(m, look_and_pause), END_OPERATOR);
	machine_destroy(m);
}

static void pause_cpus(unsigned cpus)
{
	const struct machine_config config = {.cpus = cpus};
	struct machine *m = make_guest(counts_start, counts_end, &config);

	assert_int_equal(run_beside(m, pause_often), END_OPERATOR);
	assert_int_equal(test.rounds, ROUNDS);
	machine_destroy(m);
}

static void pause_one(void **state)
{
	pause_cpus(1);
}

/* The others wait in KVM for a start that never comes. */
static void pause_not_started(void **state)
{
	pause_cpus(8);
}

static void *stop_paused(void *arg)
{
	struct machine *m = arg;

	machine_pause(m);
	expect(machine_wait_paused(m, WAIT_MS) == 0, "the pause is not reached");
	machine_stop(m, END_OPERATOR, "done");
	expect(machine_wait_paused(m, WAIT_MS) == -ECANCELED, "a stopped machine is paused");
	return NULL;
}

static void stop_while_paused(void **state)
{
	struct machine *m = make_guest(counts_start, counts_end, NULL);

	assert_int_equal(run_beside(m, stop_paused), END_OPERATOR);
	machine_destroy(m);
}

/* ---------------------------------------------------------------- its clock */

static void *pause_long(void *arg)
{
	struct machine *m = arg;

	expect(moves(m), "the guest does not run");
	machine_pause(m);
	expect(machine_wait_paused(m, WAIT_MS) == 0, "the pause is not reached");
	usleep(PAUSE_MS * 1000);
	machine_resume(m);
	expect(moves(m), "the guest does not go on");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

static uint64_t ticks_of_ms(unsigned ms)
{
	struct timespec nap = {.tv_nsec = 100000000};
	uint64_t begin = __builtin_ia32_rdtsc();

	nanosleep(&nap, NULL);
	return (__builtin_ia32_rdtsc() - begin) / 100 * ms;
}

/* KVM takes the offset of a TSC and keeps it; about, where the host's own is not reliable. */
static bool has_tsc_offset(struct machine *m)
{
	uint64_t offset = 0, kept = 0, second = ticks_of_ms(1000);
	struct kvm_device_attr set = {.group = KVM_VCPU_TSC_CTRL,
				      .attr = KVM_VCPU_TSC_OFFSET,
				      .addr = (uintptr_t)&offset},
			       get = set;
	int fd = machine_vcpu(m, 0)->fd;

	get.addr = (uintptr_t)&kept;
	if (ioctl(fd, KVM_GET_DEVICE_ATTR, &set))
		return false;
	offset -= 10 * second;
	return !ioctl(fd, KVM_SET_DEVICE_ATTR, &set) && !ioctl(fd, KVM_GET_DEVICE_ATTR, &get) &&
	       kept - offset + second < 2 * second;
}

/* The guest's TSC does not show a pause of two seconds. */
static void clock_stands_still(void **state)
{
	struct machine *m = make_guest(watches_clock_start, watches_clock_end, NULL);

	if (!has_tsc_offset(m)) {
		machine_destroy(m);
		print_message("skipped: this KVM does not keep a TSC's offset\n");
		skip();
	}
	assert_int_equal(run_beside(m, pause_long), END_OPERATOR);
	assert_true(machine_paused_ns(m) >= PAUSE_MS * MS);
	assert_true(word(m, LONGEST) > 0);
	assert_true(word(m, LONGEST) < ticks_of_ms(IN_THE_MS));
	machine_destroy(m);
}

/* -------------------------------------------------------------------- hooks */

/* A step in a hook that asked for a pause itself: it holds the others and may run. */
static enum hook_result pause_and_step(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	struct machine *m = vcpu->machine;

	machine_pause(m);
	machine_hold_others(vcpu);
	while (!word(m, COUNTER) && vcpu_run(vcpu) == -EINTR)
		;
	expect(word(m, COUNTER) > 0, "who holds the others may not run in a pause");
	expect(machine_wait_paused(m, 0) == -ETIMEDOUT, "paused in the middle of a step");
	machine_release(vcpu);
	test.rounds++;
	return HOOK_RETRY;
}

static void *wait_then_stop(void *arg)
{
	struct machine *m = arg;

	/* Kicked all the time, a vCPU would never come to its hook. */
	while (!machine_paused(m))
		usleep(1000);
	while (machine_wait_paused(m, 10) != 0 && test.rounds < 2)
		machine_kick(machine_vcpu(m, 0)); /* ends the step */
	expect(test.rounds == 1, "the step was not over when the pause was reached");
	expect(rests(m), "the guest runs although it is paused");
	machine_resume(m);
	expect(moves(m), "the guest does not go on");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

static void step_goes_first(void **state)
{
	const struct machine_config config = {
		.hooks = {.port = pause_and_step, .port_number = TEST_PORT},
	};
	struct machine *m = make_guest(rings_then_counts_start, rings_then_counts_end, &config);

	assert_true(guest_ram_populate(machine_ram(m), (gpa_t){COUNTER}, 1) >= 0);
	assert_int_equal(run_beside(m, wait_then_stop), END_OPERATOR);
	assert_int_equal(test.rounds, 1);
	machine_destroy(m);
}

/* Waits in a hook for what only happens behind the pause. */
static enum hook_result wait_in_hook(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	test.entered = true;
	for (int i = 0; i < WAIT_MS && !machine_paused(vcpu->machine); i++)
		usleep(1000);
	machine_park(vcpu);
	expect(!machine_paused(vcpu->machine), "a parked hook went on during the pause");
	test.rounds++;
	return HOOK_RETRY;
}

static void *pause_and_resume(void *arg)
{
	struct machine *m = arg;

	for (int i = 0; i < WAIT_MS && !test.entered; i++)
		usleep(1000);
	machine_pause(m);
	expect(machine_wait_paused(m, WAIT_MS) == 0, "a parked hook holds up the pause");
	expect(test.rounds == 0, "the hook did not wait");
	machine_resume(m);
	expect(moves(m), "the guest does not go on");
	machine_stop(m, END_OPERATOR, "done");
	return NULL;
}

static void hook_gives_way(void **state)
{
	const struct machine_config config = {
		.hooks = {.port = wait_in_hook, .port_number = TEST_PORT},
	};
	struct machine *m = make_guest(rings_then_counts_start, rings_then_counts_end, &config);

	assert_int_equal(run_beside(m, pause_and_resume), END_OPERATOR);
	assert_int_equal(test.rounds, 1);
	machine_destroy(m);
}

/* ------------------------------------------------------------------- panics */

static void *send_nmi(void *arg)
{
	struct machine *m = arg;

	expect(moves(m), "the guest does not run");
	machine_panic_guest(machine_vcpu(m, 0));
	return NULL;
}

/* A guest without an IDT does not survive an NMI; that it was asked to panic is no panic. */
static void nmi_arrives(void **state)
{
	struct machine *m = make_guest(counts_start, counts_end, NULL);
	uint64_t when;

	assert_int_equal(run_beside(m, send_nmi), END_CRASH);
	assert_null(machine_panic_text(m, &when));
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pause_one),	     cmocka_unit_test(pause_not_started),
		cmocka_unit_test(stop_while_paused), cmocka_unit_test(clock_stands_still),
		cmocka_unit_test(step_goes_first),   cmocka_unit_test(hook_gives_way),
		cmocka_unit_test(nmi_arrives),	     cmocka_unit_test(look_at_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
