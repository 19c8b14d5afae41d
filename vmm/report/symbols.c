// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbols.c: the guest's function names, kernel and modules, looked up by address; its ORC tables.
 *
 * One sorted table for the kernel and one a module, each sorted at the first lookup after a change.
 * Everything fed is hostile: counts and bytes are bounded, names are printable or refused.
 * Data symbols are not kept.
 */
#include "symbols.h"

#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "kmc_abi.h"

#define SYMBOLS_MAX	   (1u << 20) /* of the kernel and all modules together */
#define SYMBOLS_NAME_BYTES (64u << 20)
#define MODULES_MAX	   4096u
#define GONE_MAX	   64u
#define MODULE_TEXT_MAX	   (1ull << 30)
/*
 * A function outside its module's text (init text) whose size nobody said ends here at the
 * latest.
 */
#define LOOSE_FUNCTION_MAX 4096u

struct symbol {
	uint64_t addr;
	uint32_t size; /* 0: up to the next one */
	uint32_t name; /* offset into the table's names */
};

struct table {
	struct symbol *sym;
	size_t n, room;
	char *names; /* NUL-terminated, one behind the other */
	size_t names_len, names_room;
	bool sorted;
};

struct module {
	uint64_t start, size;
	char name[SYMBOLS_MODULE];
	struct table table;
	struct orc_table orc;
};

struct symbols {
	pthread_mutex_t lock; /* all below */
	uint64_t text_start, text_end;
	struct table kernel;
	struct orc_table kernel_orc;
	struct module **module;
	size_t nmodules, module_room;
	struct module *gone[GONE_MAX]; /* a ring */
	size_t next_gone;
	struct module *current; /* what the next KMC_SYM_TEXT belongs to; NULL and: */
	bool in_kernel;
	size_t total, total_names;
	uint64_t generation;
};

/* What a lookup found; points into a table, valid while locked. */
struct found {
	const char *name;
	uint64_t addr, size;
	const struct module *module; /* NULL: the kernel */
};

struct symbols *symbols_create(void)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->in_kernel = true;
	return s;
}

static void table_deinit(struct table *t)
{
	free(t->sym);
	free(t->names);
	memset(t, 0, sizeof(*t));
}

static void module_destroy(struct symbols *s, struct module *m)
{
	if (!m)
		return;
	s->total -= m->table.n;
	s->total_names -= m->table.names_len;
	table_deinit(&m->table);
	free(m);
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nmodules; i++)
		module_destroy(s, s->module[i]);
	for (size_t i = 0; i < GONE_MAX; i++)
		module_destroy(s, s->gone[i]);
	free(s->module);
	table_deinit(&s->kernel);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/*
 * Makes room for need elements of size bytes each. Growth doubles; need is bounded by the
 * caller.
 */
static bool grow(void **array, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 64;
	void *p;

	if (need <= *room)
		return true;
	while (n < need)
		n *= 2;
	p = realloc(*array, n * size);
	if (!p)
		return false;
	*array = p;
	*room = n;
	return true;
}

/*
 * Compiler and linker make these: they name the padding in front of a function, not the
 * function.
 */
static bool is_padding(const char *name)
{
	static const char *const prefix[] = { "__pfx_", "__cfi_" };

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (!strncmp(name, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

static int table_add(struct symbols *s, struct table *t, const struct kmc_symbol *in,
		     const char *name, size_t len)
{
	if (s->total >= SYMBOLS_MAX || s->total_names + len + 1 > SYMBOLS_NAME_BYTES)
		return -1;
	if (!grow((void **)&t->sym, &t->room, t->n + 1, sizeof(*t->sym)) ||
	    !grow((void **)&t->names, &t->names_room, t->names_len + len + 1, 1))
		return -1;
	t->sym[t->n++] = (struct symbol){
		.addr = in->addr,
		.size = in->size > UINT32_MAX ? 0 : (uint32_t)in->size,
		.name = (uint32_t)t->names_len,
	};
	memcpy(t->names + t->names_len, name, len + 1);
	t->names_len += len + 1;
	t->sorted = false;
	s->total++;
	s->total_names += len + 1;
	return 0;
}

/* The last ones that went are kept, for traces from when they were there. */
static void module_remove(struct symbols *s, size_t i)
{
	struct module *m = s->module[i];

	if (s->current == m)
		s->current = NULL;
	s->module[i] = s->module[--s->nmodules];
	module_destroy(s, s->gone[s->next_gone]);
	s->gone[s->next_gone] = m;
	s->next_gone = (s->next_gone + 1) % GONE_MAX;
}

static bool module_overlaps(const struct module *m, uint64_t start, uint64_t size)
{
	if (m->start == start)
		return true;
	return m->start < start + size && start < m->start + m->size;
}

/* A module that lies where another one was: its farewell was missed, so the old one goes first. */
static int module_add(struct symbols *s, const struct kmc_symbol *in, const char *name, size_t len)
{
	struct module *m;
	uint64_t end;

	if (!len || len >= SYMBOLS_MODULE || in->size > MODULE_TEXT_MAX ||
	    __builtin_add_overflow(in->addr, in->size, &end))
		return -1;
	for (size_t i = s->nmodules; i-- > 0;)
		if (module_overlaps(s->module[i], in->addr, in->size))
			module_remove(s, i);
	if (s->nmodules >= MODULES_MAX ||
	    !grow((void **)&s->module, &s->module_room, s->nmodules + 1, sizeof(*s->module)))
		return -1;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -1;
	m->start = in->addr;
	m->size = in->size;
	memcpy(m->name, name, len + 1);
	s->module[s->nmodules++] = m;
	s->current = m;
	s->in_kernel = false;
	return 0;
}

static void module_gone(struct symbols *s, uint64_t start)
{
	for (size_t i = s->nmodules; i-- > 0;)
		if (s->module[i]->start == start)
			module_remove(s, i);
}

/* Where the addresses are, then where as many entries are; until then the table is not used. */
static int orc_add(struct symbols *s, const struct kmc_symbol *in)
{
	struct orc_table *t = s->in_kernel ? &s->kernel_orc : s->current ? &s->current->orc : NULL;

	if (!t || !in->size || in->size > ORC_ENTRIES_MAX)
		return -1;
	if (in->type == KMC_SYM_ORC_IP) {
		*t = (struct orc_table){ .ip = in->addr, .n = in->size };
		return 0;
	}
	t->entry = in->addr;
	return t->n == in->size ? 0 : -1;
}

static int feed_one(struct symbols *s, const struct kmc_symbol *in, const char *name, size_t len)
{
	switch (in->type) {
	case KMC_SYM_TEXT:
		if (!len || (!s->in_kernel && !s->current))
			return -1;
		if (is_padding(name))
			return 0;
		return table_add(s, s->in_kernel ? &s->kernel : &s->current->table, in, name, len);
	case KMC_SYM_MODULE:
		return module_add(s, in, name, len);
	case KMC_SYM_MODULE_GONE:
		module_gone(s, in->addr);
		return 0;
	case KMC_SYM_KERNEL:
		s->in_kernel = true;
		s->current = NULL;
		return 0;
	case KMC_SYM_ORC_IP:
	case KMC_SYM_ORC:
		return orc_add(s, in);
	}
	return -1;
}

/* Printable without blanks, so that it can stand in a report's title and in one JSON line. */
static bool name_valid(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return true;
}

int symbols_feed(struct symbols *s, const void *buf, size_t len)
{
	const char *p = buf, *end = p + len;
	int ret = 0;

	pthread_mutex_lock(&s->lock);
	s->generation++;
	while (p < end && !ret) {
		char name[UINT8_MAX + 1];
		struct kmc_symbol in;

		ret = -1;
		if ((size_t)(end - p) < sizeof(in))
			break;
		memcpy(&in, p, sizeof(in));
		p += sizeof(in);
		if ((size_t)(end - p) < in.namelen || !name_valid(p, in.namelen))
			break;
		memcpy(name, p, in.namelen);
		name[in.namelen] = '\0';
		p += in.namelen;
		ret = feed_one(s, &in, name, in.namelen);
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

void symbols_set_text(struct symbols *s, uint64_t start, uint64_t end)
{
	pthread_mutex_lock(&s->lock);
	s->text_start = start;
	s->text_end = end;
	s->generation++;
	pthread_mutex_unlock(&s->lock);
}

uint64_t symbols_generation(struct symbols *s)
{
	uint64_t generation;

	pthread_mutex_lock(&s->lock);
	generation = s->generation;
	pthread_mutex_unlock(&s->lock);
	return generation;
}

/* Every module's init and exit function has this second name (include/linux/module.h). */
static bool is_module_alias(const char *name)
{
	return !strcmp(name, "init_module") || !strcmp(name, "cleanup_module");
}

/*
 * Of several names for one address the plainest: as the kernel chooses, and independent of
 * order.
 */
static int name_order(const char *a, const char *b)
{
	size_t ua = strspn(a, "_."), ub = strspn(b, "_.");
	bool alias_a = is_module_alias(a), alias_b = is_module_alias(b);

	if (alias_a != alias_b)
		return alias_a ? 1 : -1;
	if (ua != ub)
		return ua < ub ? -1 : 1;
	return strcmp(a, b);
}

static int symbol_order(const void *x, const void *y, void *names)
{
	const struct symbol *a = x, *b = y;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return name_order((char *)names + a->name, (char *)names + b->name);
}

/* Sorts, and leaves one symbol an address: the plainest name with the largest size given. */
static void table_sort(struct symbols *s, struct table *t)
{
	size_t out = 0;

	if (t->sorted)
		return;
	t->sorted = true;
	if (!t->n)
		return;
	qsort_r(t->sym, t->n, sizeof(*t->sym), symbol_order, t->names);
	for (size_t i = 1; i < t->n; i++) {
		if (t->sym[i].addr != t->sym[out].addr)
			t->sym[++out] = t->sym[i];
		else if (t->sym[i].size > t->sym[out].size)
			t->sym[out].size = t->sym[i].size;
	}
	s->total -= t->n - (out + 1);
	t->n = out + 1;
}

/*
 * The last symbol at or below addr. It ends at limit at the latest, and where its size is not known
 * after longest bytes.
 */
static bool table_find(const struct table *t, uint64_t addr, uint64_t limit, uint64_t longest,
		       struct found *f)
{
	size_t lo = 0, hi = t->n;
	const struct symbol *sym;
	uint64_t end = limit;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->sym[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	sym = &t->sym[lo - 1];
	if (lo < t->n && t->sym[lo].addr < end)
		end = t->sym[lo].addr;
	if ((sym->size ? sym->size : longest) < end - sym->addr)
		end = sym->addr + (sym->size ? sym->size : longest);
	if (addr >= end)
		return false;
	f->name = t->names + sym->name;
	f->addr = sym->addr;
	f->size = end - sym->addr;
	return true;
}

static bool in_module(const struct module *m, uint64_t addr)
{
	return addr - m->start < m->size;
}

static struct module *module_at(struct symbols *s, uint64_t addr)
{
	for (size_t i = 0; i < s->nmodules; i++)
		if (in_module(s->module[i], addr))
			return s->module[i];
	return NULL;
}

/* What was there last. */
static struct module *gone_at(struct symbols *s, uint64_t addr)
{
	for (size_t n = 0; n < GONE_MAX; n++) {
		struct module *m = s->gone[(s->next_gone + GONE_MAX - 1 - n) % GONE_MAX];

		if (m && in_module(m, addr))
			return m;
	}
	return NULL;
}

static bool in_kernel_text(const struct symbols *s, uint64_t addr)
{
	return addr >= s->text_start && addr < s->text_end;
}

/* Functions beside the module's text, as its init text is: each stands for itself only. */
static bool find_loose(struct symbols *s, uint64_t addr, struct found *f)
{
	for (size_t i = 0; i < s->nmodules; i++) {
		struct module *m = s->module[i];

		table_sort(s, &m->table);
		if (!table_find(&m->table, addr, UINT64_MAX, LOOSE_FUNCTION_MAX, f) ||
		    in_module(m, f->addr))
			continue;
		f->module = m;
		return true;
	}
	return false;
}

static bool find(struct symbols *s, uint64_t addr, struct found *f)
{
	struct module *m;

	f->module = NULL;
	if (in_kernel_text(s, addr)) {
		table_sort(s, &s->kernel);
		return table_find(&s->kernel, addr, s->text_end, UINT64_MAX, f);
	}
	m = module_at(s, addr);
	if (!m)
		return find_loose(s, addr, f);
	table_sort(s, &m->table);
	f->module = m;
	return table_find(&m->table, addr, m->start + m->size, UINT64_MAX, f);
}

bool symbols_range(struct symbols *s, uint64_t addr, struct symbols_range *out)
{
	const struct module *m, *gone;
	bool ok = true;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&s->lock);
	m = module_at(s, addr);
	gone = m ? NULL : gone_at(s, addr);
	if (in_kernel_text(s, addr)) {
		out->start = s->text_start;
		out->size = s->text_end - s->text_start;
		out->orc = s->kernel_orc;
	} else if (m || gone) {
		m = m ? m : gone;
		out->start = m->start;
		out->size = m->size;
		if (m != gone)
			out->orc = m->orc;
		memcpy(out->module, m->name, sizeof(out->module));
	} else {
		ok = false;
	}
	pthread_mutex_unlock(&s->lock);
	if (!out->orc.entry)
		out->orc.n = 0;
	return ok;
}

void symbols_each(struct symbols *s, uint64_t start,
		  void (*fn)(void *ctx, const char *name, uint64_t addr, uint64_t size), void *ctx)
{
	struct table *t = NULL;
	struct module *m;

	pthread_mutex_lock(&s->lock);
	m = module_at(s, start);
	m = m ? m : gone_at(s, start);
	if (in_kernel_text(s, start))
		t = &s->kernel;
	else if (m)
		t = &m->table;
	if (t)
		table_sort(s, t);
	for (size_t i = 0; t && i < t->n; i++)
		fn(ctx, t->names + t->sym[i].name, t->sym[i].addr, t->sym[i].size);
	pthread_mutex_unlock(&s->lock);
}

bool symbols_is_text(struct symbols *s, uint64_t addr)
{
	struct found f;
	bool text;

	pthread_mutex_lock(&s->lock);
	text = in_kernel_text(s, addr) || module_at(s, addr) || find_loose(s, addr, &f);
	pthread_mutex_unlock(&s->lock);
	return text;
}

/* What is behind the name is never cut: a long name is. */
static void format(const struct found *f, uint64_t addr, char *out, size_t size)
{
	char tail[128];
	int len, room;

	len = snprintf(tail, sizeof(tail), "+0x%llx/0x%llx", (unsigned long long)(addr - f->addr),
		       (unsigned long long)f->size);
	if (f->module)
		snprintf(tail + len, sizeof(tail) - (size_t)len, " [%s]", f->module->name);
	room = (int)size - 1 - (int)strlen(tail);
	snprintf(out, size, "%.*s%s", room > 0 ? room : 0, f->name, tail);
}

static bool find_gone(struct symbols *s, uint64_t addr, struct found *f)
{
	struct module *m = gone_at(s, addr);

	if (!m)
		return false;
	table_sort(s, &m->table);
	f->module = m;
	return table_find(&m->table, addr, m->start + m->size, UINT64_MAX, f);
}

bool symbols_format_past(struct symbols *s, uint64_t addr, bool is_return, char *out, size_t size)
{
	struct found f;
	bool ok;

	if (size)
		out[0] = '\0';
	pthread_mutex_lock(&s->lock);
	ok = find(s, addr - is_return, &f) || find_gone(s, addr - is_return, &f);
	if (ok && size)
		format(&f, addr, out, size);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

bool symbols_format(struct symbols *s, uint64_t addr, bool is_return, char *out, size_t size)
{
	struct found f;
	bool ok;

	if (size)
		out[0] = '\0';
	pthread_mutex_lock(&s->lock);
	ok = find(s, addr - is_return, &f);
	if (ok && size)
		format(&f, addr, out, size);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

bool symbols_function(struct symbols *s, uint64_t addr, char *out, size_t size)
{
	struct found f;
	bool ok;

	if (size)
		out[0] = '\0';
	pthread_mutex_lock(&s->lock);
	ok = find(s, addr, &f);
	if (ok && size) {
		/* The suffix starts at the first dot that is not the name's first character. */
		size_t len = 1 + strcspn(f.name + 1, ".");

		snprintf(out, size, "%.*s", (int)len, f.name);
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}
