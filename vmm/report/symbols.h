/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * symbols.h: names of guest functions, and where the ORC tables are, as the agent streamed them
 * (kmc_abi.h, struct kmc_symbol).
 * Padding (__pfx_, __cfi_) is not kept; of several names for one address the one with the fewest
 * underscores in front is shown, and init_module or cleanup_module only where there is no other.
 * Internally locked: any thread.
 */
#ifndef KMC_SYMBOLS_H
#define KMC_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "orc.h"

#define SYMBOLS_MODULE 56 /* the kernel's MODULE_NAME_LEN */

struct symbols;

struct symbols *symbols_create(void);
void symbols_destroy(struct symbols *s);

/* Feeds one buffer of symbol records. Hostile input. 0, or -1 where it was malformed. */
int symbols_feed(struct symbols *s, const void *buf, size_t len);
/* [start, end) of the kernel's text; addresses outside it and outside all modules have no name. */
void symbols_set_text(struct symbols *s, uint64_t start, uint64_t end);

bool symbols_is_text(struct symbols *s, uint64_t addr);
/*
 * Formats "func+0x12/0x80" or with " [module]" behind. Returns false, and "" in out, where no
 * symbol covers addr. is_return: addr is a return address, look up addr - 1 but print addr's
 * offset.
 */
bool symbols_format(struct symbols *s, uint64_t addr, bool is_return, char *out, size_t size);
/*
 * The same for an address that was met earlier: where no symbol covers it now, that of a module or of
 * init text that has gone meanwhile, one of the last 64.
 */
bool symbols_format_past(struct symbols *s, uint64_t addr, bool is_return, char *out, size_t size);
/* Bare function name without compiler suffix (.isra.0, .constprop.1, .part.2, .cold). */
bool symbols_function(struct symbols *s, uint64_t addr, char *out, size_t size);

/* Code that belongs together: the kernel's text, or a module's text or its init text. */
struct symbols_range {
	uint64_t start, size;
	char module[SYMBOLS_MODULE]; /* "": the kernel */
	struct orc_table orc;	     /* n 0: not known */
};
/* The range that addr lies in, or, without an ORC table, lay in before it went; false where there is none. */
bool symbols_range(struct symbols *s, uint64_t addr, struct symbols_range *out);
/*
 * Calls fn for each function of the range that starts at start, in the order of their addresses;
 * size 0: not known. fn must not call symbols_*().
 */
void symbols_each(struct symbols *s, uint64_t start,
		  void (*fn)(void *ctx, const char *name, uint64_t addr, uint64_t size), void *ctx);

/* A number that changes whenever symbols are added or removed: for caches keyed by address. */
uint64_t symbols_generation(struct symbols *s);

/*
 * A named set of functions, from configs/rules.json: "allocator", "word_at_a_time", ...
 * Patterns are shell wildcards on the bare function name.
 */
struct rules;
struct track_rule;
/* path NULL: the built-in copy of configs/rules.json. 0 or -1 with one line in err. */
int rules_load(const char *path, struct rules **r, char *err, size_t errlen);
void rules_free(struct rules *r);
bool rules_match(const struct rules *r, const char *rule, const char *function);
/* The same for a cache name. */
bool rules_match_cache(const struct rules *r, const char *rule, const char *cache);
/* What is tracked, in order. */
unsigned rules_track_count(const struct rules *r);
void rules_track(const struct rules *r, unsigned n, struct track_rule *out);

#endif
