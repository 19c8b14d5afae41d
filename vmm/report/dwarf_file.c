// SPDX-License-Identifier: GPL-2.0-only
/*
 * dwarf_file.c: one ELF file through libdwfl: its symbols, and the source lines of an address.
 */
#include "dwarf_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOLS_MAX    (1u << 22)
#define DIES_MAX       (1u << 20) /* in one other */
#define SCOPES_MAX     64	  /* around an address, in one function */
#define NAMESPACES_MAX 8

struct dwarf_file {
	Dwfl *dwfl;
	Dwfl_Module *module;
	char name[SYMBOLS_MODULE];
	struct dwarf_symbol *sym; /* by name */
	size_t nsym;
};

static int no_other_file(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base,
			 const char *file, const char *link, GElf_Word crc, char **found)
{
	return -1;
}

static int no_elf(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, char **file,
		  Elf **elf)
{
	return -1;
}

static const Dwfl_Callbacks callbacks = { .find_elf = no_elf,
					  .find_debuginfo = no_other_file,
					  .section_address = dwfl_offline_section_address };

/* A module's file is called as the module, but may have '-' for '_', and more behind ".ko". */
static void name_by_path(const char *path, char *name)
{
	const char *base = strrchr(path, '/');
	const char *end;

	base = base ? base + 1 : path;
	end = strstr(base, ".ko");
	snprintf(name, SYMBOLS_MODULE, "%.*s", end ? (int)(end - base) : (int)strlen(base), base);
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

/* .modinfo has NUL-terminated strings KEY=VALUE. */
static bool name_by_modinfo(const Elf_Data *data, char *name)
{
	const char *p = data->d_buf, *end = p + data->d_size;

	while (p && p < end) {
		size_t len = strnlen(p, (size_t)(end - p));

		if (len > 5 && len < SYMBOLS_MODULE && !memcmp(p, "name=", 5)) {
			snprintf(name, SYMBOLS_MODULE, "%.*s", (int)len - 5, p + 5);
			return true;
		}
		p += len + 1;
	}
	return false;
}

static void find_name(struct dwarf_file *f, Elf *elf, const char *path)
{
	Elf_Scn *section = NULL;
	size_t strings;

	name_by_path(path, f->name);
	if (elf_getshdrstrndx(elf, &strings))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header)
					   ? elf_strptr(elf, strings, header.sh_name)
					   : NULL;
		const Elf_Data *data;

		if (!name || strcmp(name, ".modinfo") != 0 || header.sh_type == SHT_NOBITS)
			continue;
		data = elf_rawdata(section, NULL);
		if (data && name_by_modinfo(data, f->name))
			return;
	}
}

static int symbol_order(const void *a, const void *b)
{
	const struct dwarf_symbol *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* All that is defined, whatever its type: the guest's own list has no types either. */
static bool read_symbols(struct dwarf_file *f)
{
	int n = dwfl_module_getsymtab(f->module);

	if (n <= 0 || (unsigned)n > SYMBOLS_MAX)
		return false;
	f->sym = calloc((size_t)n, sizeof(*f->sym));
	for (int i = 1; f->sym && i < n; i++) {
		GElf_Word section = SHN_UNDEF;
		GElf_Addr addr = 0;
		GElf_Sym sym;
		const char *name;

		name = dwfl_module_getsym_info(f->module, i, &sym, &addr, &section, NULL, NULL);
		if (!name || !*name || section == SHN_UNDEF || section >= SHN_LORESERVE)
			continue;
		f->sym[f->nsym++] = (struct dwarf_symbol){ name, addr, sym.st_size, section };
	}
	if (f->nsym)
		qsort(f->sym, f->nsym, sizeof(*f->sym), symbol_order);
	return f->nsym;
}

/* NULL, or what is wrong with the file. */
static const char *load(struct dwarf_file *f, const char *path)
{
	Dwarf_Addr bias;
	GElf_Ehdr header;
	Elf *elf;

	f->dwfl = dwfl_begin(&callbacks);
	if (!f->dwfl)
		return "out of memory";
	f->module = dwfl_report_offline(f->dwfl, "", path, -1);
	dwfl_report_end(f->dwfl, NULL, NULL);
	elf = f->module ? dwfl_module_getelf(f->module, &bias) : NULL;
	if (!elf || !gelf_getehdr(elf, &header))
		return "is no ELF file, or a damaged one";
	if (header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64)
		return "is not for x86-64";
	if (!dwfl_module_getdwarf(f->module, &bias))
		return "has no debug information: give the file that was not stripped, or the one "
		       "of "
		       "the distribution's -dbg or -debuginfo package";
	if (!read_symbols(f))
		return "has no symbols";
	if (header.e_type == ET_REL)
		find_name(f, elf, path);
	return NULL;
}

struct dwarf_file *dwarf_file_open(const char *path, char *err, size_t errlen)
{
	struct dwarf_file *f = calloc(1, sizeof(*f));
	const char *problem = "out of memory";
	struct stat st;

	if (f && stat(path, &st) < 0)
		problem = strerror(errno);
	else if (f && !S_ISREG(st.st_mode))
		problem = "is no regular file";
	else if (f)
		problem = load(f, path);
	if (!problem)
		return f;
	snprintf(err, errlen, "%s: %s", path, problem);
	dwarf_file_close(f);
	return NULL;
}

void dwarf_file_close(struct dwarf_file *f)
{
	if (!f)
		return;
	free(f->sym);
	if (f->dwfl)
		dwfl_end(f->dwfl);
	free(f);
}

const char *dwarf_file_module(const struct dwarf_file *f)
{
	return f->name;
}

size_t dwarf_file_build_id(const struct dwarf_file *f, uint8_t id[DEBUGINFO_ID])
{
	const unsigned char *bits;
	GElf_Addr at;
	int len = dwfl_module_build_id(f->module, &bits, &at);

	if (len <= 0 || len > DEBUGINFO_ID)
		return 0;
	memcpy(id, bits, (size_t)len);
	return (size_t)len;
}

const struct dwarf_symbol *dwarf_file_symbols(const struct dwarf_file *f, const char *name,
					      size_t *n)
{
	size_t lo = 0, hi = f->nsym;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(f->sym[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*n = 0;
	while (lo + *n < f->nsym && !strcmp(f->sym[lo + *n].name, name))
		++*n;
	return *n ? &f->sym[lo] : NULL;
}

void dwarf_file_extent(const struct dwarf_file *f, uint32_t section, uint64_t *start, uint64_t *end)
{
	*start = UINT64_MAX;
	*end = 0;
	for (size_t i = 0; i < f->nsym; i++) {
		const struct dwarf_symbol *s = &f->sym[i];

		if (s->section != section)
			continue;
		if (s->addr < *start)
			*start = s->addr;
		if (s->addr + s->size > *end)
			*end = s->addr + s->size;
	}
}

/* A compilation unit, and what is left out at the front of its files' paths. */
struct unit {
	Dwarf_Die *die;
	const char *root, *folder; /* "" or with a / at the end; without */
	const char *tree; /* where the kernel's headers are, not terminated; NULL: not known */
	size_t tree_len;
};

static const char *below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return len && !strncmp(path, folder, len) ? path + len : path;
}

/* Practically all units of a kernel have a type of this file: where it is, the tree is. */
static void find_tree(struct unit *u)
{
	static const char known[] = "/include/linux/types.h";
	Dwarf_Files *files;
	size_t n;

	if (dwarf_getsrcfiles(u->die, &files, &n))
		return;
	for (size_t i = 0; i < n && !u->tree; i++) {
		const char *path = dwarf_filesrc(files, i, NULL, NULL);
		size_t len = path ? strlen(path) : 0;

		if (len < sizeof(known) || strcmp(path + len + 1 - sizeof(known), known) != 0)
			continue;
		u->tree = path;
		u->tree_len = len + 2 - sizeof(known);
	}
}

/* A path in the source tree begins there, whatever the tree's own path was. */
static const char *shorten(const struct unit *u, const char *path)
{
	const char *rest = below(path, u->root);

	if (rest == path && u->tree && !strncmp(path, u->tree, u->tree_len))
		rest = path + u->tree_len;
	if (rest == path && u->folder) {
		rest = below(path, u->folder);
		rest += rest != path ? strspn(rest, "/") : 0;
	}
	while (rest[0] == '.' && rest[1] == '/')
		rest += 2;
	return rest;
}

/* A path that is too long loses its front. */
static void set_file(struct debuginfo_place *p, const struct unit *u, const char *path)
{
	const char *rest = path ? shorten(u, path) : "";
	size_t len = strlen(rest);

	snprintf(p->file, sizeof(p->file), "%s",
		 len < sizeof(p->file) ? rest : rest + len - sizeof(p->file) + 1);
}

static void set_line(struct debuginfo_place *p, const struct unit *u, Dwarf_Addr addr)
{
	Dwarf_Line *line = dwarf_getsrc_die(u->die, addr);
	int number;

	if (!line || dwarf_lineno(line, &number))
		return;
	set_file(p, u, dwarf_linesrc(line, NULL, NULL));
	p->line = (uint32_t)number;
}

static bool number_of(Dwarf_Die *die, unsigned name, Dwarf_Word *v)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(die, name, &attribute) && !dwarf_formudata(&attribute, v);
}

/* Where the inlined function was called. */
static void set_call(struct debuginfo_place *p, const struct unit *u, Dwarf_Die *inlined)
{
	Dwarf_Files *files;
	Dwarf_Word file, line;
	size_t n;

	if (!number_of(inlined, DW_AT_call_file, &file) ||
	    !number_of(inlined, DW_AT_call_line, &line) || dwarf_getsrcfiles(u->die, &files, &n) ||
	    file >= n)
		return;
	set_file(p, u, dwarf_filesrc(files, file, NULL, NULL));
	p->line = (uint32_t)line;
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* The scope in parent that addr lies in. */
static bool find_scope(Dwarf_Die *parent, Dwarf_Addr addr, Dwarf_Die *scope)
{
	int more = dwarf_child(parent, scope);

	for (unsigned n = 0; !more && n < DIES_MAX; n++) {
		if (is_scope(dwarf_tag(scope)) && dwarf_haspc(scope, addr) == 1)
			return true;
		more = dwarf_siblingof(scope, scope);
	}
	return false;
}

/* The function that addr lies in; Rust's are in namespaces. */
static bool find_function(Dwarf_Die *parent, Dwarf_Addr addr, unsigned depth, Dwarf_Die *function)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	for (unsigned n = 0; !more && n < DIES_MAX; n++) {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram && dwarf_haspc(&die, addr) == 1) {
			*function = die;
			return true;
		}
		if (tag == DW_TAG_namespace && depth < NAMESPACES_MAX &&
		    find_function(&die, addr, depth + 1, function))
			return true;
		more = dwarf_siblingof(&die, &die);
	}
	return false;
}

static void set_name(struct debuginfo_place *p, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	snprintf(p->function, sizeof(p->function), "%s", name ? name : "");
}

/* From the innermost scope outwards; place[0] has its line already. */
static unsigned name_places(const struct unit *u, Dwarf_Addr addr, struct debuginfo_place *place,
			    unsigned max)
{
	Dwarf_Die scope[SCOPES_MAX];
	unsigned n = 0, depth = 1;

	if (!find_function(u->die, addr, 0, &scope[0]))
		return 1; /* a line without a function: assembler */
	while (depth < SCOPES_MAX && find_scope(&scope[depth - 1], addr, &scope[depth]))
		depth++;
	while (--depth) {
		if (dwarf_tag(&scope[depth]) != DW_TAG_inlined_subroutine)
			continue;
		if (n + 1 == max)
			return 0; /* nobody inlines so deep */
		set_name(&place[n], &scope[depth]);
		memset(&place[++n], 0, sizeof(place[0]));
		set_call(&place[n], u, &scope[depth]);
	}
	set_name(&place[n], &scope[0]);
	return n + 1;
}

/* Compilers may leave out .debug_aranges, the index by which libdwfl finds units. */
static Dwarf_Die *find_unit(const struct dwarf_file *f, uint64_t addr, Dwarf_Addr *bias)
{
	Dwarf_Die *cu = dwfl_module_addrdie(f->module, addr, bias);

	if (cu)
		return cu;
	while ((cu = dwfl_module_nextcu(f->module, cu, bias)))
		if (dwarf_haspc(cu, addr - *bias) == 1)
			return cu;
	return NULL;
}

unsigned dwarf_file_places(const struct dwarf_file *f, uint64_t addr, const char *root,
			   struct debuginfo_place *place, unsigned max)
{
	struct unit u = { .root = root };
	Dwarf_Attribute folder;
	Dwarf_Addr bias;

	u.die = find_unit(f, addr, &bias);
	if (!u.die || !max)
		return 0;
	if (dwarf_attr(u.die, DW_AT_comp_dir, &folder))
		u.folder = dwarf_formstring(&folder);
	find_tree(&u);
	memset(&place[0], 0, sizeof(place[0]));
	set_line(&place[0], &u, addr - bias);
	return name_places(&u, addr - bias, place, max);
}
