// SPDX-License-Identifier: GPL-2.0-only
/*
 * tiny_ends.c: writes a kernel of a few instructions for each way in which a guest can end into a
 * folder, for tests/lab/ends. They start as a kernel does: 64-bit mode, interrupts off, 4 GiB
 * mapped one to one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiny_kernel.h"

#define GUEST(name, text)                                                                          \
	extern const uint8_t name##_start[], name##_end[];                                         \
	__asm__(".pushsection .rodata\n" #name "_start:\n" text "99: hlt\njmp 99b\n" #name         \
		"_end:\n.popsection\n")

GUEST(poweroff, "mov $0x604, %edx\nmov $0x3400, %eax\nout %ax, %dx\n");
GUEST(reset, "mov $0xfe, %al\nout %al, $0x64\n");
GUEST(crash, "push $0\npush $0\nlidt (%rsp)\nud2\n");	       /* no handler, and none for that */
GUEST(panic, "mov $0x505, %edx\nmov $1, %al\nout %al, %dx\n"); /* pvpanic */
GUEST(hang, "1: jmp 1b\n");
GUEST(lost, "mov $0xe0000000, %eax\njmp *%rax\n"); /* where there is no memory to fetch from */

static const struct {
	const char *name;
	const uint8_t *start, *end;
} guests[] = {
	{"poweroff", poweroff_start, poweroff_end},
	{"reset", reset_start, reset_end},
	{"crash", crash_start, crash_end},
	{"panic", panic_start, panic_end},
	{"hang", hang_start, hang_end},
	{"lost", lost_start, lost_end},
};

int main(int argc, char **argv)
{
	if (argc != 2 || setenv("TMPDIR", argv[1], 1)) {
		fprintf(stderr, "usage: tiny_ends FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
		char made[TINY_PATH], path[2 * TINY_PATH];

		snprintf(path, sizeof(path), "%s/%s", argv[1], guests[i].name);
		if (tiny_kernel_write(made, guests[i].start,
				      (size_t)(guests[i].end - guests[i].start)) ||
		    rename(made, path)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
