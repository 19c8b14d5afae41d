/* SPDX-License-Identifier: GPL-2.0-only */
/* ept_ram.h: guest memory for the tests of ept/, or a skip with the reason why there is none. */
#ifndef EPT_RAM_H
#define EPT_RAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest_ram.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB	     (1ull << 20)
#define GPA(x)	     ((gpa_t){x})

static inline struct guest_ram *test_ram(uint64_t size)
{
	struct guest_ram *ram;
	const char *what;
	int err = guest_ram_create(size, &ram, &what);

	if (err) {
		print_message("skipped: %s: %s: %s\n", what, strerror(-err),
			      guest_ram_remedy(what, err));
		skip();
	}
	return ram;
}

#define TEST_SKIPPED 77 /* SKIP_RETURN_CODE of ept.cmake */

/* For programs whose every test needs guest memory: 0, or the exit status after saying why not. */
static inline int test_ram_missing(void)
{
	struct guest_ram *ram;
	const char *what;
	int err = guest_ram_create(2 * MIB, &ram, &what);

	if (err)
		fprintf(stderr, "skipped: %s: %s: %s\n", what, strerror(-err),
			guest_ram_remedy(what, err));
	guest_ram_destroy(ram);
	return err ? TEST_SKIPPED : 0;
}

#endif
