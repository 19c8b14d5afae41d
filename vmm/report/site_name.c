// SPDX-License-Identifier: GPL-2.0-only
/* site_name.c: see site_name.h. */
#include "site_name.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "report_format.h"

#define NAMED_FRAMES 3

/*
 * Behind these is what was interrupted, which is another thing each time: that is no other place.
 * The kernel cuts traces that it counts there as well (filter_irq_stacks()).
 */
static const char *const entries[] = {"asm_sysvec_*", "asm_common_interrupt", "__do_softirq",
				      "handle_softirqs"};

static bool is_entry(const char *symbol)
{
	char name[REPORT_SYMBOL];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(symbol, "+"), symbol);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (!fnmatch(entries[i], name, 0))
			return true;
	return false;
}

/* Without the function's size. */
static void add_name(char *out, const char *symbol)
{
	size_t len = strlen(out), place = strcspn(symbol, "/");
	const char *module = symbol + place + strcspn(symbol + place, " ");

	snprintf(out + len, SITE_NAME - len, "%s%.*s%s", len ? " < " : "", (int)place, symbol,
		 module);
}

void site_name(struct symbols *s, const uint64_t *stack, unsigned frames, struct site_name *out)
{
	char symbol[REPORT_SYMBOL];
	unsigned named = 0;

	*out = (struct site_name){.id = REPORT_HASH};
	for (unsigned n = 0; n < frames; n++) {
		bool known = symbols_format(s, stack[n], true, symbol, sizeof(symbol));

		out->id = report_hash(report_hash(out->id, known ? symbol : "?"), "\n");
		if (known && named < NAMED_FRAMES && !report_is_alloc_helper(symbol)) {
			add_name(out->name, symbol);
			named++;
		}
		if (is_entry(symbol))
			break;
	}
	if (!named)
		snprintf(out->name, sizeof(out->name), "unknown");
}
