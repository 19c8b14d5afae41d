// SPDX-License-Identifier: GPL-2.0-only
/*
 * debuginfo.c: which of the files given is for which code of the guest, and how far apart their
 * addresses are.
 *
 * Modules of a folder are opened when the guest first needs them: a distribution has thousands.
 */
#include "debuginfo.h"

#include <elf.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dwarf_file.h"

#define FILES_MAX    65536u
#define FOLDER_DEPTH 16
#define SECTIONS     64 /* with code, of a module */
#define RANGES	     64 /* mapped at a time */
#define KNOWN	     1024

struct file {
	char *path;
	char module[SYMBOLS_MODULE]; /* "": a kernel */
	bool refused;		     /* it cannot be read, or does not fit what runs */
	struct dwarf_file *dwarf;    /* NULL: not opened yet */
};

/* Code of the guest and the same code in a file: gva = the file's address + offset. */
struct section {
	uint32_t number;
	uint64_t start, end; /* the file's */
	uint64_t offset;
};

struct range {
	uint64_t start, size;	 /* gva */
	uint64_t generation;	 /* of the symbols that it was made by */
	const struct file *file; /* NULL: none fits */
	unsigned nsections;
	struct section section[SECTIONS];
};

/* An answer. Most frames of a report were in one before, and asking takes up to a millisecond. */
struct known {
	const struct dwarf_file *dwarf; /* NULL: none */
	uint64_t addr;
	unsigned n;
	struct debuginfo_place *place;
};

struct debuginfo {
	struct debuginfo_config config;
	struct file *file;
	size_t nfiles, room;
	const struct file *kernel; /* the one that runs */
	uint64_t kernel_offset;
	char root[REPORT_FILE]; /* of the kernel's source tree, with the / at its end */
	struct range *range[RANGES];
	unsigned next_range;
	struct known known[KNOWN];
};

static void say(const struct debuginfo *d, const char *what, const struct file *f)
{
	char line[1024];

	if (!d->config.say)
		return;
	snprintf(line, sizeof(line), "%s %s: no lines from it", f->path, what);
	d->config.say(d->config.ctx, line);
}

static bool add(struct debuginfo *d, const char *path, struct dwarf_file *dwarf)
{
	struct file *f;

	if (d->nfiles >= FILES_MAX)
		return false;
	if (d->nfiles == d->room) {
		size_t room = d->room ? 2 * d->room : 16;

		f = realloc(d->file, room * sizeof(*f));
		if (!f)
			return false;
		d->file = f;
		d->room = room;
	}
	f = &d->file[d->nfiles];
	*f = (struct file){ .path = strdup(path), .dwarf = dwarf };
	if (!f->path)
		return false;
	if (dwarf)
		snprintf(f->module, sizeof(f->module), "%s", dwarf_file_module(dwarf));
	d->nfiles++;
	return true;
}

static bool is_module_name(const char *name)
{
	const char *end = strstr(name, ".ko");

	return end && end > name && (!strcmp(end, ".ko") || !strcmp(end, ".ko.debug"));
}

/* As the kernel calls it: '-' in the file's name is '_'. */
static void name_module(struct file *f, const char *name)
{
	snprintf(f->module, sizeof(f->module), "%.*s", (int)(strstr(name, ".ko") - name), name);
	for (char *p = f->module; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* A kernel is opened at once: its build ID is needed. Some things called vmlinux are no such file.
 */
static bool add_kernel(struct debuginfo *d, const char *path)
{
	char err[256];
	struct dwarf_file *dwarf = dwarf_file_open(path, err, sizeof(err));

	if (!dwarf || (!dwarf_file_module(dwarf)[0] && add(d, path, dwarf)))
		return true;
	dwarf_file_close(dwarf);
	return false;
}

/* One entry of a folder. Modules are only kept in mind. */
static bool add_entry(struct debuginfo *d, const FTSENT *e)
{
	if (e->fts_info != FTS_F)
		return true;
	if (!strcmp(e->fts_name, "vmlinux") || !strncmp(e->fts_name, "vmlinux-", 8))
		return add_kernel(d, e->fts_path);
	if (!is_module_name(e->fts_name))
		return true;
	if (!add(d, e->fts_path, NULL))
		return false;
	name_module(&d->file[d->nfiles - 1], e->fts_name);
	return true;
}

static int add_folder(struct debuginfo *d, const char *path, char *err, size_t errlen)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t before = d->nfiles;
	bool ok = fts;
	FTSENT *e;

	while (ok && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D && e->fts_level > FOLDER_DEPTH)
			fts_set(fts, e, FTS_SKIP);
		else
			ok = add_entry(d, e);
	}
	if (fts)
		fts_close(fts);
	if (ok && d->nfiles > before)
		return 0;
	snprintf(err, errlen, "%s: %s", path,
		 ok ? "no vmlinux, *.ko or *.ko.debug in this folder"
		    : "too many files, or no memory");
	return -1;
}

static int add_file(struct debuginfo *d, const char *path, char *err, size_t errlen)
{
	struct dwarf_file *dwarf = dwarf_file_open(path, err, errlen);

	if (!dwarf)
		return -1;
	if (add(d, path, dwarf))
		return 0;
	dwarf_file_close(dwarf);
	snprintf(err, errlen, "%s: out of memory", path);
	return -1;
}

static int add_path(struct debuginfo *d, const char *path, char *err, size_t errlen)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return add_folder(d, path, err, errlen);
	return add_file(d, path, err, errlen);
}

int debuginfo_open(const struct debuginfo_config *config, struct debuginfo **out, char *err,
		   size_t errlen)
{
	struct debuginfo *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (!d) {
		snprintf(err, errlen, "out of memory");
		return -1;
	}
	d->config = *config;
	for (unsigned i = 0; i < config->npaths; i++) {
		if (add_path(d, config->paths[i], err, errlen) == 0)
			continue;
		debuginfo_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

void debuginfo_close(struct debuginfo *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->nfiles; i++) {
		free(d->file[i].path);
		dwarf_file_close(d->file[i].dwarf);
	}
	for (unsigned i = 0; i < RANGES; i++)
		free(d->range[i]);
	for (unsigned i = 0; i < KNOWN; i++)
		free(d->known[i].place);
	free(d->file);
	free(d);
}

size_t debuginfo_build_id(const void *notes, size_t len, uint8_t id[DEBUGINFO_ID])
{
	const uint8_t *p = notes;
	Elf64_Nhdr h;

	while (len >= sizeof(h)) {
		size_t name, desc;

		memcpy(&h, p, sizeof(h));
		p += sizeof(h), len -= sizeof(h);
		name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		if (name > len || desc > len - name)
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(p, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) && h.n_descsz <= DEBUGINFO_ID) {
			memcpy(id, p + name, h.n_descsz);
			return h.n_descsz;
		}
		p += name + desc, len -= name + desc;
	}
	return 0;
}

static bool has_id(const struct file *f, const uint8_t *id, size_t len)
{
	uint8_t own[DEBUGINFO_ID];

	return dwarf_file_build_id(f->dwarf, own) == len && !memcmp(own, id, len);
}

/* Says, once for each, why the kernels that were given are of no use. */
static void refuse_kernels(struct debuginfo *d, const uint8_t *id, size_t len)
{
	char why[128 + 2 * DEBUGINFO_ID] = "is of no use: the guest does not tell its build ID";
	int at;

	if (len) {
		at = snprintf(why, sizeof(why), "is not the kernel that runs, whose build ID is ");
		for (size_t i = 0; i < len; i++)
			at += snprintf(why + at, sizeof(why) - (size_t)at, "%02x", id[i]);
	}
	for (size_t i = 0; i < d->nfiles; i++) {
		struct file *f = &d->file[i];

		if (f->module[0] || f->refused)
			continue;
		f->refused = true;
		say(d, why, f);
	}
}

/* Where the source tree was: paths are shown from there on. */
static void find_root(struct debuginfo *d)
{
	static const char known[] = "init/main.c";
	struct debuginfo_place place[DEBUGINFO_PLACES];
	const struct dwarf_symbol *sym;
	size_t n, len;
	unsigned places;

	sym = dwarf_file_symbols(d->kernel->dwarf, "kernel_init", &n);
	places = sym ? dwarf_file_places(d->kernel->dwarf, sym->addr, "", place, DEBUGINFO_PLACES)
		     : 0;
	len = places ? strlen(place[places - 1].file) : 0;
	if (len < sizeof(known) ||
	    strcmp(place[places - 1].file + len + 1 - sizeof(known), known) != 0)
		return;
	snprintf(d->root, sizeof(d->root), "%.*s", (int)(len + 1 - sizeof(known)),
		 place[places - 1].file);
}

void debuginfo_set_kernel(struct debuginfo *d, const uint8_t *id, size_t len, uint64_t stext)
{
	const struct dwarf_symbol *sym;
	size_t n;

	d->kernel = NULL;
	d->root[0] = '\0';
	for (size_t i = 0; i < d->nfiles && len && !d->kernel; i++) {
		const struct file *f = &d->file[i];

		sym = f->module[0] ? NULL : dwarf_file_symbols(f->dwarf, "_stext", &n);
		if (!sym || !has_id(f, id, len))
			continue;
		d->kernel = f;
		d->kernel_offset = stext - sym->addr;
	}
	if (d->kernel)
		find_root(d);
	else
		refuse_kernels(d, id, len);
}

struct match {
	const struct dwarf_file *dwarf;
	struct range *range;
	unsigned fits;
	bool ok;
};

static void match_section(struct match *m, uint32_t number, uint64_t offset)
{
	struct range *r = m->range;
	unsigned i = 0;

	while (i < r->nsections && r->section[i].number != number)
		i++;
	if (i == SECTIONS) {
		m->ok = false;
		return;
	}
	if (i == r->nsections)
		r->section[r->nsections++] = (struct section){ .number = number, .offset = offset };
	m->fits++;
	m->ok = m->ok && r->section[i].offset == offset;
}

/* One function of the guest. Of several with its name nobody knows which it is; a label has no
 * size. */
static void match_symbol(void *ctx, const char *name, uint64_t addr, uint64_t size)
{
	struct match *m = ctx;
	size_t n;
	const struct dwarf_symbol *sym = dwarf_file_symbols(m->dwarf, name, &n);

	if (!sym || (n == 1 && size && sym->size && size != sym->size))
		m->ok = false;
	else if (n == 1)
		match_section(m, sym->section, addr - sym->addr);
}

static bool matches(struct symbols *s, struct range *r, const struct file *f)
{
	struct match m = { .dwarf = f->dwarf, .range = r, .ok = true };

	r->nsections = 0;
	symbols_each(s, r->start, match_symbol, &m);
	for (unsigned i = 0; i < r->nsections; i++)
		dwarf_file_extent(f->dwarf, r->section[i].number, &r->section[i].start,
				  &r->section[i].end);
	return m.ok && m.fits;
}

static bool file_ready(struct file *f)
{
	char err[256];

	if (!f->dwarf && !f->refused)
		f->dwarf = dwarf_file_open(f->path, err, sizeof(err));
	f->refused |= !f->dwarf;
	return !f->refused;
}

static void find_file(struct debuginfo *d, struct symbols *s, const char *module, struct range *r)
{
	r->file = NULL;
	for (size_t i = 0; i < d->nfiles && !r->file; i++) {
		struct file *f = &d->file[i];

		if (strcmp(f->module, module) != 0 || !file_ready(f))
			continue;
		if (matches(s, r, f)) {
			r->file = f;
		} else {
			f->refused = true;
			say(d, "is not the module that runs", f);
		}
	}
}

/* NULL: no memory. */
static struct range *range_of(struct debuginfo *d, struct symbols *s,
			      const struct symbols_range *in)
{
	uint64_t generation = symbols_generation(s);
	unsigned i = 0;

	while (i < RANGES && (!d->range[i] || d->range[i]->start != in->start))
		i++;
	if (i == RANGES)
		i = d->next_range++ % RANGES;
	else if (d->range[i]->size == in->size && d->range[i]->generation == generation)
		return d->range[i];
	if (!d->range[i])
		d->range[i] = calloc(1, sizeof(*d->range[i]));
	if (!d->range[i])
		return NULL;
	d->range[i]->start = in->start;
	d->range[i]->size = in->size;
	d->range[i]->generation = generation;
	find_file(d, s, in->module, d->range[i]);
	return d->range[i];
}

/* addr: the file's. What does not fit into memory is asked again. */
static unsigned places(struct debuginfo *d, const struct dwarf_file *dwarf, uint64_t addr,
		       struct debuginfo_place *place)
{
	struct known *k = &d->known[(addr ^ addr >> 10) % KNOWN];

	if (k->dwarf != dwarf || k->addr != addr) {
		unsigned n = dwarf_file_places(dwarf, addr, d->root, place, DEBUGINFO_PLACES);

		free(k->place);
		*k = (struct known){ .addr = addr, .n = n };
		k->place = calloc(n + 1, sizeof(*place));
		if (!k->place)
			return n;
		memcpy(k->place, place, n * sizeof(*place));
		k->dwarf = dwarf;
	}
	memcpy(place, k->place, k->n * sizeof(*place));
	return k->n;
}

unsigned debuginfo_find(struct debuginfo *d, struct symbols *s, uint64_t addr,
			struct debuginfo_place place[DEBUGINFO_PLACES])
{
	struct symbols_range in;
	const struct range *r;

	if (!symbols_range(s, addr, &in))
		return 0;
	if (!in.module[0])
		return d->kernel ? places(d, d->kernel->dwarf, addr - d->kernel_offset, place) : 0;
	r = range_of(d, s, &in);
	for (unsigned i = 0; r && r->file && i < r->nsections; i++) {
		uint64_t at = addr - r->section[i].offset;

		if (at >= r->section[i].start && at < r->section[i].end)
			return places(d, r->file->dwarf, at, place);
	}
	return 0;
}
