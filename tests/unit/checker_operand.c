// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_operand.c: the memory operand in the decoder's text, for instructions as the decoder
 * prints them and for cut-off ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "insn.h"
#include "operand.h"

static const struct {
	uint8_t code[12];
	uint8_t len;
	bool write;
	const char *operand;
} cases[] = {
	{ { 0x48, 0x8b, 0x47, 0x10 }, 4, false, "0x10(%rdi)" }, /* mov 0x10(%rdi), %rax */
	{ { 0x48, 0x89, 0x47, 0xf0 }, 4, true, "-0x10(%rdi)" },
	{ { 0x66, 0xc7, 0x03, 1, 0 }, 5, true, "(%rbx)" }, /* movw $1, (%rbx) */
	{ { 0x8b, 0x44, 0x8b, 0x08 }, 4, false, "8(%rbx, %rcx, 4)" },
	{ { 0x65, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0 }, 8, false, "%gs:0x10" },
	{ { 0xa0, 0x78, 0x56, 0x34, 0x12, 0x80, 0x88, 0xff, 0xff },
	  9,
	  false,
	  "0xffff888012345678" },
	{ { 0xff, 0x60, 0x18 }, 3, false, "0x18(%rax)" }, /* jmp *0x18(%rax) */
	{ { 0xf0, 0xff, 0x08 }, 3, true, "(%rax)" },	  /* lock decl (%rax) */
	{ { 0xf3, 0xa4 }, 2, false, "(%rsi)" },		  /* rep movsb */
	{ { 0xf3, 0xa4 }, 2, true, "(%rdi)" },
	{ { 0xf3, 0xaa }, 2, true, "(%rdi)" },		    /* rep stosb */
	{ { 0xf3, 0xa6 }, 2, false, "" },		    /* repe cmpsb */
	{ { 0x58 }, 1, false, "" },			    /* pop %rax */
	{ { 0x75, 0x1b }, 2, false, "" },		    /* jne .+0x1d */
	{ { 0x48, 0x89, 0xc3 }, 3, false, "" },		    /* mov %rax, %rbx */
	{ { 0xee }, 1, false, "" },			    /* outb %al, (%dx) */
	{ { 0xc5, 0xfe, 0x6f, 0x00 }, 4, false, "(%rax)" }, /* vmovdqu (%rax), %ymm0 */
};

static void test_decoded(void **state)
{
	struct insn_decoder *d = insn_decoder_create();

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		const struct insn *i = insn_decode(d, INSN_MODE_64, cases[n].code, cases[n].len);
		char out[64];

		assert_non_null(i);
		operand_text(insn_text(i), cases[n].write, out, sizeof(out));
		if (strcmp(out, cases[n].operand))
			fail_msg("%s: \"%s\" instead of \"%s\"", insn_text(i), out,
				 cases[n].operand);
	}
	insn_decoder_destroy(d);
}

/* No room, no operands, parentheses that do not close: never beyond out. */
static void test_odd(void **state)
{
	char out[8];

	operand_text("movl 8(%rdi), %eax", false, out, 4);
	assert_string_equal(out, "8(%");
	operand_text("movl 8(%rdi", false, out, sizeof(out));
	assert_string_equal(out, "8(%rdi");
	operand_text("", false, out, sizeof(out));
	assert_string_equal(out, "");
	operand_text("rep rep", true, out, sizeof(out));
	assert_string_equal(out, "");
	operand_text("x ,,*,", true, out, sizeof(out));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
