/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tiny_guest.h: a guest whose code is assembly in the test's own file. Used by
 * tests/kvm/machine_*.c.
 *
 * It starts as a kernel does: 64-bit mode, interrupts off, 4 GiB mapped one to one, a small stack.
 */
#ifndef TESTS_TINY_GUEST_H
#define TESTS_TINY_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include "machine.h"
#include "tiny_kernel.h"

#define TEST_PORT  0x1234 /* hooks.port_number of the tests */
#define TEST_BYTES (64ull << 20)

/* Defines NAME_start[] and NAME_end[] around the instructions. */
#define GUEST(name, text)                                                                          \
	extern const uint8_t name##_start[], name##_end[];                                         \
	__asm__(".pushsection .rodata\n" #name "_start:\n" text "\n" #name "_end:\n"               \
		".byte 0\n.popsection\n")

#define TELL	 "mov $0x1234, %edx\nout %eax, %dx\n"
#define POWEROFF "mov $0x604, %edx\nmov $0x3400, %eax\nout %ax, %dx\n99: hlt\njmp 99b\n"

/* Leaves the test as skipped, with the reason, where no guest can run here. */
static inline void need_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (kvm >= 0)
		close(kvm);
	if (uffd >= 0)
		close(uffd);
	if (kvm < 0)
		print_message("skipped: /dev/kvm cannot be opened\n");
	else if (uffd < 0)
		print_message("skipped: userfaultfd is not permitted\n");
	if (kvm < 0 || uffd < 0)
		skip();
}

/* Creates a machine that will run [start, end). config NULL: one vCPU, no hooks. */
static inline struct machine *make_guest(const uint8_t *start, const uint8_t *end,
					 const struct machine_config *config)
{
	struct machine_config c = config ? *config : (struct machine_config){0};
	struct machine_error err = {.text = ""};
	struct machine *m = NULL;
	char path[TINY_PATH];
	int r;

	need_kvm();
	assert_int_equal(tiny_kernel_write(path, start, (size_t)(end - start)), 0);
	c.kernel = path;
	c.cmdline = c.cmdline ? c.cmdline : "";
	c.cpus = c.cpus ? c.cpus : 1;
	c.memory = c.memory ? c.memory : TEST_BYTES;
	c.allow_emulated = true;
	r = machine_create(&c, &m, &err);
	unlink(path);
	if (r)
		fail_msg("machine_create: %s", err.text);
	return m;
}

#endif
