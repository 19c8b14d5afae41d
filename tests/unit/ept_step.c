// SPDX-License-Identifier: GPL-2.0-only
/* ept_step.c: tests of ept/step.c: three real-mode instructions on /dev/kvm, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "step.h"

#define CODE 0x1000

struct tiny {
	int kvm, vm, vcpu;
	uint8_t *ram;
	struct kvm_run *run;
	int run_size;
};

static void tiny_create(struct tiny *t)
{
	static const uint8_t code[] = {0x40, 0x40, 0x40, 0xf4}; /* inc ax; inc ax; inc ax; hlt */
	struct kvm_userspace_memory_region region = {.memory_size = 0x10000};
	struct kvm_regs regs = {.rip = CODE, .rflags = 2};
	struct kvm_sregs sregs;

	t->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (t->kvm < 0) {
		print_message("skipped: /dev/kvm: %s\n", strerror(errno));
		skip();
	}
	t->vm = ioctl(t->kvm, KVM_CREATE_VM, 0);
	t->ram = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(t->ram, MAP_FAILED);
	memcpy(t->ram + CODE, code, sizeof(code));
	region.userspace_addr = (uintptr_t)t->ram;
	assert_int_equal(ioctl(t->vm, KVM_SET_TSS_ADDR, 0xfffbd000), 0);
	assert_int_equal(ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	assert_true(t->vcpu >= 0);
	t->run_size = ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	t->run = mmap(NULL, (size_t)t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	assert_ptr_not_equal(t->run, MAP_FAILED);
	assert_int_equal(ioctl(t->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cs.base = sregs.cs.selector = 0;
	assert_int_equal(ioctl(t->vcpu, KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(t->vcpu, KVM_SET_REGS, &regs), 0);
}

static void tiny_destroy(struct tiny *t)
{
	munmap(t->run, (size_t)t->run_size);
	munmap(t->ram, 0x10000);
	close(t->vcpu);
	close(t->vm);
	close(t->kvm);
}

static uint64_t tiny_run(struct tiny *t, uint32_t reason)
{
	struct kvm_regs regs;

	assert_int_equal(ioctl(t->vcpu, KVM_RUN, 0), 0);
	assert_int_equal(t->run->exit_reason, reason);
	assert_int_equal(ioctl(t->vcpu, KVM_GET_REGS, &regs), 0);
	return regs.rax;
}

static void steps_one_instruction_at_a_time(void **state)
{
	struct tiny t;

	tiny_create(&t);
	assert_int_equal(step_arm(t.vcpu), 0);
	assert_int_equal(tiny_run(&t, KVM_EXIT_DEBUG), 1);
	assert_int_equal(tiny_run(&t, KVM_EXIT_DEBUG), 2);
	assert_int_equal(step_disarm(t.vcpu), 0);
	assert_int_equal(tiny_run(&t, KVM_EXIT_HLT), 3);
	tiny_destroy(&t);
}

static void unarmed_runs_through(void **state)
{
	struct tiny t;

	tiny_create(&t);
	assert_int_equal(tiny_run(&t, KVM_EXIT_HLT), 3);
	tiny_destroy(&t);
}

static void no_vcpu_is_an_error(void **state)
{
	assert_int_equal(step_arm(-1), -EBADF);
	assert_int_equal(step_disarm(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_one_instruction_at_a_time),
		cmocka_unit_test(unarmed_runs_through),
		cmocka_unit_test(no_vcpu_is_an_error),
	};

	return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
