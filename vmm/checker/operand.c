// SPDX-License-Identifier: GPL-2.0-only
/*
 * operand.c: the memory operand in the text of an instruction.
 */
#include "operand.h"

#include <stdio.h>
#include <string.h>

/* Length of the operand at s: to a comma that is in no parentheses, or the end. */
static size_t operand_length(const char *s)
{
	size_t n = 0;
	int depth = 0;

	for (; s[n] && (s[n] != ',' || depth > 0); n++)
		depth += (s[n] == '(') - (s[n] == ')');
	return n;
}

/* "8(%rdi)", "%gs:0x10", "0xffff888000001000": no register, no immediate, no distance. */
static bool is_memory(const char *s, size_t len)
{
	static const char port[] = "(%dx)";

	if (len == strlen(port) && !memcmp(s, port, len))
		return false;
	if (memchr(s, '(', len))
		return true;
	if (*s == '%')
		return memchr(s, ':', len);
	return (*s >= '0' && *s <= '9') || *s == '-';
}

/* The text behind prefixes and mnemonic. */
static const char *operands(const char *insn)
{
	static const char *const prefix[] = { "lock ",	"rep ",	    "repe ", "repz ",  "repne ",
					      "repnz ", "notrack ", "bnd ",  "rex64 ", "data16 " };
	const char *s = insn;

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		if (strncmp(s, prefix[i], strlen(prefix[i])) != 0)
			continue;
		s += strlen(prefix[i]);
		i = (size_t)-1; /* another one may follow */
	}
	s = strchr(s, ' ');
	return s ? s + 1 : "";
}

void operand_text(const char *insn, bool write, char *out, size_t size)
{
	const char *s = operands(insn);

	snprintf(out, size, "%s", "");
	if (strstr(insn, "cmps")) /* reads both */
		return;
	while (*s) {
		size_t len = operand_length(s);

		if (*s == '*') { /* of an indirect jump */
			s++;
			len--;
		}
		if (is_memory(s, len)) {
			snprintf(out, size, "%.*s", (int)len, s);
			if (!write)
				return;
		}
		s += len;
		s += strspn(s, ", ");
	}
}
