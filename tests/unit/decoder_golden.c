// SPDX-License-Identifier: GPL-2.0-only
/*
 * decoder_golden.c: tests/golden/decoder_accesses.txt, one line a case:
 *
 *	mode | bytes | registers that differ from the preset | expectation | comment
 *
 * Expectation: the accesses in order, each direction, bytes and linear address in hex, "*" behind
 * an implicit one; or none, unknown (-1), invalid (no instruction); then "plain" (of what is read)
 * and "lock".
 * Every case is decoded with its exact bytes and with more behind them, and with fewer it must
 * fail.
 *
 * decoder_golden rebase prints the file with the expectations that the code meets now: read the
 * difference before you believe it.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "insn.h"

#define GOLDEN	  "../golden/decoder_accesses.txt"
#define MIN_CASES 250
#define FIELDS	  5

struct test_case {
	char *field[FIELDS];
	enum insn_mode mode;
	uint8_t bytes[INSN_MAX_BYTES];
	size_t len;
	struct insn_cpu cpu;
};

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static void preset(struct insn_cpu *cpu, enum insn_mode mode)
{
	*cpu = (struct insn_cpu){ .rip = 0x1000000, .mode = mode, .xsave_size = 2688 };
	for (unsigned n = 0; n < INSN_GPRS; n++)
		cpu->gpr[n] = (n + 1) * 0x10100ull;
	for (unsigned n = 0; n < INSN_SEGS; n++)
		cpu->seg_base[n] = (n + 1) * 0x1000000ull;
	/* Kernel-like 64-bit bases; 32-bit modes see their lower halves. */
	cpu->seg_base[INSN_FS] |= 0x7f0000000000ull;
	cpu->seg_base[INSN_GS] |= 0xffff888000000000ull;
}

static bool set_register(struct insn_cpu *cpu, const char *name, uint64_t value)
{
	static const char *const gpr[INSN_GPRS] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
	};

	for (unsigned n = 0; n < INSN_GPRS; n++) {
		if (strcmp(name, gpr[n]) == 0) {
			cpu->gpr[n] = value;
			return true;
		}
	}
	if (strcmp(name, "rip") == 0)
		cpu->rip = value;
	else if (strcmp(name, "xsave") == 0)
		cpu->xsave_size = (uint32_t)value;
	else
		return false;
	return true;
}

static bool parse_registers(struct insn_cpu *cpu, char *text)
{
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		char *equals = strchr(word, '=');

		if (!equals)
			return false;
		*equals = '\0';
		if (!set_register(cpu, word, strtoull(equals + 1, NULL, 16)))
			return false;
	}
	return true;
}

/* Splits line in place. */
static bool parse_case(char *line, struct test_case *t)
{
	char regs[128];
	char *end;

	memset(t, 0, sizeof(*t));
	for (unsigned k = 0; k < FIELDS; k++) {
		char *bar = k + 1 < FIELDS ? strchr(line, '|') : NULL;

		if (k + 1 < FIELDS && !bar)
			return false;
		if (bar)
			*bar = '\0';
		t->field[k] = trim(line);
		line = bar ? bar + 1 : line;
	}
	switch (strtoul(t->field[0], NULL, 10)) {
	case 64:
		t->mode = INSN_MODE_64;
		break;
	case 32:
		t->mode = INSN_MODE_32;
		break;
	case 16:
		t->mode = INSN_MODE_16;
		break;
	default:
		return false;
	}
	for (char *p = t->field[1]; *p; p = end) {
		unsigned long byte = strtoul(p, &end, 16);

		if (end == p || t->len == INSN_MAX_BYTES)
			return false;
		t->bytes[t->len++] = (uint8_t)byte;
	}
	preset(&t->cpu, t->mode);
	snprintf(regs, sizeof(regs), "%s", t->field[2]);
	return t->len && parse_registers(&t->cpu, regs);
}

static void describe(struct insn_decoder *d, const struct test_case *t, char *out, size_t size)
{
	const struct insn *i = insn_decode(d, t->mode, t->bytes, t->len);
	struct insn_access a[INSN_MAX_ACCESS];
	bool reads = false;
	size_t n = 0;
	int count;

	if (!i) {
		snprintf(out, size, "invalid");
		return;
	}
	count = insn_accesses(i, &t->cpu, a);
	if (count <= 0)
		n = (size_t)snprintf(out, size, "%s", count ? "unknown" : "none");
	for (int k = 0; k < count; k++) {
		reads |= a[k].how & INSN_READ;
		n += (size_t)snprintf(out + n, size - n, "%s%s%s%u %llx%s", k ? ", " : "",
				      a[k].how & INSN_READ ? "R" : "",
				      a[k].how & INSN_WRITE ? "W" : "", a[k].size,
				      (unsigned long long)a[k].addr.v, a[k].implicit ? "*" : "");
	}
	snprintf(out + n, size - n, "%s%s", reads && insn_is_plain_move(i) ? " plain" : "",
		 insn_locked(i) ? " lock" : "");
}

static FILE *open_golden(void)
{
	FILE *f = fopen(GOLDEN, "r");

	if (!f)
		fprintf(stderr, "fopen " GOLDEN ": %s; run this in tests/unit\n", strerror(errno));
	return f;
}

static int rebase(void)
{
	struct insn_decoder *d = insn_decoder_create();
	FILE *f = open_golden();
	struct test_case t;
	char line[512], got[256];

	if (!d || !f)
		return 1;
	while (fgets(line, sizeof(line), f)) {
		if (!strchr(line, '|') || line[0] == '#') {
			fputs(line, stdout);
			continue;
		}
		if (!parse_case(line, &t))
			return 1;
		describe(d, &t, got, sizeof(got));
		printf("%s | %s | %s%s| %s | %s\n", t.field[0], t.field[1], t.field[2],
		       t.field[2][0] ? " " : "", got, t.field[4]);
	}
	fclose(f);
	insn_decoder_destroy(d);
	return 0;
}

/* The same instruction in front of other bytes, and cut short. */
static bool length_holds(struct insn_decoder *d, const struct test_case *t, bool valid)
{
	uint8_t more[INSN_MAX_BYTES];
	const struct insn *i;

	if (!valid)
		return true;
	memset(more, 0xcc, sizeof(more));
	memcpy(more, t->bytes, t->len);
	i = insn_decode(d, t->mode, more, sizeof(more));
	if (!i || insn_length(i) != t->len || !insn_text(i)[0] || !insn_mnemonic(i)[0])
		return false;
	for (size_t len = 0; len < t->len; len++) {
		i = insn_decode(d, t->mode, t->bytes, len);
		if (i && insn_length(i) > len)
			return false;
	}
	return true;
}

static void test_golden(void **state)
{
	struct insn_decoder *d = insn_decoder_create();
	FILE *f = open_golden();
	unsigned cases = 0, failed = 0, number = 0;
	struct test_case t;
	char line[512], got[256];

	assert_non_null(d);
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (!strchr(line, '|') || line[0] == '#')
			continue;
		cases++;
		if (!parse_case(line, &t)) {
			print_error("line %u: malformed\n", number);
			failed++;
			continue;
		}
		describe(d, &t, got, sizeof(got));
		if (strcmp(got, t.field[3]) == 0 &&
		    length_holds(d, &t, strcmp(got, "invalid") != 0))
			continue;
		print_error("line %u: %s (%s): expected \"%s\", got \"%s\" or another length\n",
			    number, t.field[1], t.field[4], t.field[3], got);
		failed++;
	}
	fclose(f);
	insn_decoder_destroy(d);
	assert_int_equal(failed, 0);
	assert_true(cases >= MIN_CASES);
}

static const struct {
	enum insn_mode mode;
	const char *bytes;
	size_t len;
	const char *mnemonic, *text;
} texts[] = {
	{ INSN_MODE_64, "\x48\x8b\x43\x10", 4, "mov", "movq 0x10(%rbx), %rax" },
	{ INSN_MODE_64, "\xf3\xa4", 2, "movs", "rep movsb (%rsi), (%rdi)" },
	{ INSN_MODE_64, "\xf0\x48\x0f\xb1\x0b", 5, "cmpxchg", "lock cmpxchgq %rcx, (%rbx)" },
	{ INSN_MODE_64, "\xe8\xfb\x00\x00\x00", 5, "call", "callq .+0x100" },
	{ INSN_MODE_64, "\x75\xf0", 2, "jne", "jne .-0xe" },
	{ INSN_MODE_32, "\x75\xf0", 2, "jne", "jne .-0xe" },
	{ INSN_MODE_16, "\x75\xf0", 2, "jne", "jne .-0xe" },
	{ INSN_MODE_64, "\x66\x48\x0f\x38\xf5\x45\xf8", 7, "wruss", "wruss -0x8(%rbp)" },
	{ INSN_MODE_64, "\x65\xf3\x0f\xae\x64\x8b\x10", 7, "ptwrite",
	  "ptwrite %gs:0x10(%rbx,%rcx,4)" },
	{ INSN_MODE_64, "\x0f\x01\xe8", 3, "serialize", "serialize" },
};

static void test_text(void **state)
{
	struct insn_decoder *d = insn_decoder_create();

	assert_non_null(d);
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		const struct insn *i = insn_decode(d, texts[k].mode,
						   (const uint8_t *)texts[k].bytes, texts[k].len);

		assert_non_null(i);
		assert_string_equal(insn_mnemonic(i), texts[k].mnemonic);
		assert_string_equal(insn_text(i), texts[k].text);
	}
	insn_decoder_destroy(d);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_text),
	};

	if (argc == 2 && strcmp(argv[1], "rebase") == 0)
		return rebase();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
