// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_title.c: what a finding is called: its form, its title, the titles under which other tools
 * would file it, and the hash by which the same finding is recognised in another run.
 */
#include "report_format.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define HASHED_FRAMES 4

static const struct report_form forms[VERDICTS] = {
	[VERDICT_NONE] = { "KMC", "no-error", NULL, NULL, false },
	[VERDICT_UNINIT] = { "KMSAN", "uninit-value", NULL, NULL, false },
	[VERDICT_INFOLEAK] = { "KMSAN", "kernel-infoleak", NULL, NULL, false },
	/* Until 6.2 KASAN said the same of slab and of other memory. */
	[VERDICT_UAF_READ] = { "KASAN", "slab-use-after-free", "KASAN", "use-after-free", false },
	[VERDICT_UAF_WRITE] = { "KASAN", "slab-use-after-free", "KASAN", "use-after-free", false },
	[VERDICT_OOB_READ] = { "KASAN", "slab-out-of-bounds", NULL, NULL, false },
	[VERDICT_OOB_WRITE] = { "KASAN", "slab-out-of-bounds", NULL, NULL, false },
	/* KASAN poisons slots that nobody had yet as a redzone. */
	[VERDICT_UNALLOCATED] = { "KMC", "unallocated-access", "KASAN", "slab-out-of-bounds",
				  false },
	/* Older kernels' KASAN does not tell these two apart. */
	[VERDICT_DOUBLE_FREE] = { "KASAN", "double-free", "KASAN", "double-free or invalid-free",
				  true },
	[VERDICT_INVALID_FREE] = { "KASAN", "invalid-free", "KASAN", "double-free or invalid-free",
				   true },
	[VERDICT_LEAK] = { "KMC", "memory-leak", NULL, NULL, false }, /* the kernel's has no tool */
};

/* Whole pages have no slab: KASAN then leaves the word out. */
static const struct report_form form_large_uaf = { "KASAN", "use-after-free", NULL, NULL, false };
/* KMSAN's form needs an origin that parsers find their way in; without one this says the same. */
static const struct report_form form_uninit_bare = { "KMC", "uninit-value", "KMSAN", "uninit-value",
						     false };
static const struct report_form form_infoleak_bare = { "KMC", "kernel-infoleak", "KMSAN",
						       "kernel-infoleak", false };

/*
 * Functions that act for their caller: which of them it is says little about the bug, and differs
 * between kernels and CPUs. Shell wildcards on the bare name.
 */
static const char *const generic[] = {
	/* memory and strings */
	"memcpy*", "memmove*", "memset*", "memcmp*", "memchr*", "memscan", "memzero*", "__memcpy*",
	"__memmove*", "__memset*", "bcmp", "strlen", "strnlen*", "strcmp*", "strncmp", "strcasecmp",
	"strncasecmp", "strcpy", "strncpy*", "strscpy*", "sized_strscpy*", "strlcpy", "strlcat",
	"strcat", "strncat", "strchr*", "strrchr", "strstr", "strnstr", "strsep", "strspn",
	"strcspn", "strpbrk", "strim", "skip_spaces", "kmemdup*", "copy_page", "copy_page_*",
	"clear_page*", "rep_movs*", "rep_stos*", "csum_partial*",
	/* to and from user memory */
	"copy_to_user*", "copy_from_user*", "_copy_to_user", "_copy_from_user", "_copy_to_iter",
	"_copy_from_iter*", "__copy_user*", "copy_user_*", "raw_copy_*", "__get_user_*",
	"__put_user_*",
	/* locks and counters */
	"_raw_spin_*", "_raw_read_*", "_raw_write_*", "do_raw_*", "*queued_spin_lock_slowpath",
	"*queued_read_lock_slowpath", "*queued_write_lock_slowpath", "mutex_lock*", "mutex_unlock",
	"mutex_trylock", "__mutex_*", "down_read*", "down_write*", "up_read", "up_write",
	"refcount_*",
	/* lists and trees */
	"__list_add_valid*", "__list_del_entry_valid*", "list_del", "llist_add_batch",
	"llist_del_first", "rb_insert_color", "rb_erase", "rb_next", "rb_prev", "__rb_*"
};

void report_clean(const char *in, char *out, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && in[i]; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
	out[i] = '\0';
}

unsigned report_frames(const struct report_stack *s)
{
	if (!s->known)
		return 0;
	return s->n < REPORT_FRAMES ? s->n : REPORT_FRAMES;
}

/* Skips "TAG0x" and the hexadecimal digits behind it; NULL where they are not there. */
static const char *skip_hex(const char *s, char tag)
{
	size_t digits;

	if (s[0] != tag || s[1] != '0' || s[2] != 'x')
		return NULL;
	digits = strspn(s + 3, "0123456789abcdef");
	return digits ? s + 3 + digits : NULL;
}

bool report_is_symbol(const char *symbol)
{
	static const char letters[] = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				      "0123456789";
	const char *s = symbol + strspn(symbol, letters);

	if (s == symbol || *symbol == '.')
		return false;
	s = skip_hex(s, '+');
	s = s ? skip_hex(s, '/') : NULL;
	return s && (*s == '\0' || *s == ' ');
}

static bool is_certain(const struct report_frame *f)
{
	return !f->guess && report_is_symbol(f->symbol);
}

bool report_is_alloc_helper(const char *symbol)
{
	static const char *const part[] = { "alloc",   "kmem",	 "slab",    "strdup",
					    "strndup", "memdup", "asprintf" };
	size_t len = strcspn(symbol, "+");

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (memmem(symbol, len, part[i], strlen(part[i])))
			return true;
	return false;
}

const struct report_stack *report_created(const struct report *r)
{
	return r->ncopied || r->created.known ? &r->created : &r->allocated;
}

bool report_is_kmsan(const struct report *r)
{
	const struct report_stack *s = report_created(r);

	if (r->verdict != VERDICT_UNINIT && r->verdict != VERDICT_INFOLEAK)
		return false;
	for (unsigned i = 0; i < report_frames(s); i++)
		if (is_certain(&s->frame[i]) && !report_is_alloc_helper(s->frame[i].symbol))
			return true;
	return false;
}

const struct report_form *report_form(const struct report *r)
{
	if (r->verdict == VERDICT_UNINIT && !report_is_kmsan(r))
		return &form_uninit_bare;
	if (r->verdict == VERDICT_INFOLEAK && !report_is_kmsan(r))
		return &form_infoleak_bare;
	if ((r->verdict == VERDICT_UAF_READ || r->verdict == VERDICT_UAF_WRITE) && r->large)
		return &form_large_uaf;
	return &forms[(unsigned)r->verdict < VERDICTS ? r->verdict : VERDICT_NONE];
}

bool report_stack_is_allocation(const struct report *r)
{
	return r->verdict == VERDICT_LEAK || r->sink == REPORT_SINK_DEVICE;
}

/* Who wanted the memory: the innermost frame that is not the allocator or one of its wrappers. */
static void allocating_place(const struct report_stack *s, char *out, size_t size)
{
	const char *place = "unknown+0x0/0x0";

	for (unsigned i = report_frames(s); i-- > 0;)
		if (report_is_symbol(s->frame[i].symbol) && !report_is_alloc_helper(s->frame[i].symbol))
			place = s->frame[i].symbol;
	report_clean(place, out, size);
}

const struct report_frame *report_first_frame(const struct report_stack *s)
{
	for (unsigned i = 0; i < report_frames(s); i++)
		if (!s->frame[i].inlined)
			return &s->frame[i];
	return NULL;
}

void report_place(const struct report *r, char *out, size_t size)
{
	const struct report_frame *first = report_first_frame(&r->access);

	if (report_stack_is_allocation(r))
		allocating_place(&r->allocated, out, size);
	else if (first && report_is_symbol(first->symbol))
		report_clean(first->symbol, out, size);
	else
		snprintf(out, size, "unknown+0x0/0x0");
}

void report_title(const struct report *r, enum report_style style, char *out, size_t size)
{
	const struct report_form *form = report_form(r);
	char symbol[REPORT_SYMBOL];

	report_place(r, symbol, sizeof(symbol));
	if (r->verdict == VERDICT_LEAK && style != REPORT_STYLE_KMC)
		snprintf(out, size, "memory leak in %s", symbol);
	else if (style == REPORT_STYLE_KMC)
		snprintf(out, size, "KMC: %s in %s", verdict_class(r->verdict), symbol);
	else
		snprintf(out, size, "%s: %s in %s", form->tool, form->what, symbol);
}

/* The function's name without offset, size and the compiler's suffixes; "" where there is none. */
static void bare_name(const char *symbol, char *out, size_t size)
{
	static const char *const suffix[] = { ".isra.", ".constprop.", ".part.", ".cold",
					      ".llvm." };
	char *end;

	out[0] = '\0';
	if (!report_is_symbol(symbol))
		return;
	snprintf(out, size, "%.*s", (int)strcspn(symbol, "+"), symbol);
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		end = strstr(out, suffix[i]);
		if (end)
			*end = '\0';
	}
}

static bool is_generic(const struct report_frame *f)
{
	char name[REPORT_SYMBOL];

	bare_name(f->symbol, name, sizeof(name));
	for (size_t i = 0; i < sizeof(generic) / sizeof(generic[0]); i++)
		if (!fnmatch(generic[i], name, 0))
			return true;
	return false;
}

/* Where a bug in a generic function belongs: its caller, if that is certain. NULL: nowhere else. */
static const struct report_frame *caller(const struct report *r)
{
	const struct report_stack *s = &r->access;
	const struct report_frame *first = report_first_frame(s);

	if (!first || !is_certain(first) || !is_generic(first))
		return NULL;
	for (unsigned i = (unsigned)(first - s->frame) + 1; i < report_frames(s); i++)
		if (is_certain(&s->frame[i]) && !is_generic(&s->frame[i]))
			return &s->frame[i];
	return NULL;
}

unsigned report_alt_titles(const struct report *r, char out[REPORT_ALT_TITLES][REPORT_TITLE])
{
	const struct report_form *form = report_form(r);
	const struct report_frame *f = caller(r);
	char symbol[REPORT_SYMBOL];
	unsigned n = 0;

	report_place(r, symbol, sizeof(symbol));
	if (form->alt_tool)
		snprintf(out[n++], REPORT_TITLE, "%s: %s in %s", form->alt_tool, form->alt_what,
			 symbol);
	if (!f)
		return n;
	report_clean(f->symbol, symbol, sizeof(symbol));
	snprintf(out[n++], REPORT_TITLE, "%s: %s in %s", form->tool, form->what, symbol);
	if (form->alt_tool)
		snprintf(out[n++], REPORT_TITLE, "%s: %s in %s", form->alt_tool, form->alt_what,
			 symbol);
	return n;
}

uint64_t report_hash(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

static uint64_t hash_frame(uint64_t h, const struct report_frame *f)
{
	char name[REPORT_SYMBOL], module[REPORT_SYMBOL];

	bare_name(f->symbol, name, sizeof(name));
	report_clean(f->symbol + strcspn(f->symbol, " "), module, sizeof(module));
	h = report_hash(h, "\n");
	h = report_hash(h, name);
	return report_hash(h, module);
}

uint64_t report_stack_hash(const struct report *r)
{
	bool allocation = report_stack_is_allocation(r);
	const struct report_stack *s = allocation ? &r->allocated : &r->access;
	uint64_t h = report_hash(REPORT_HASH, verdict_class(r->verdict));
	unsigned n = 0;

	for (unsigned i = 0; i < report_frames(s) && n < HASHED_FRAMES; i++) {
		const struct report_frame *f = &s->frame[i];

		if (!is_certain(f) || (allocation && report_is_alloc_helper(f->symbol)))
			continue;
		h = hash_frame(h, f);
		n++;
	}
	return h;
}
