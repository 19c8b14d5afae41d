// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_debuginfo.c: source lines from a small kernel and a small module (debuginfo/), made as
 * distributions make theirs; files that do not fit what runs; and damaged ones.
 *
 * Where things are is read from the ELF symbol tables here, and which line they are in is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>
#include <cmocka.h>

#include "debuginfo.h"
#include "kmc_abi.h"
#include "random64.h"
#include "scratch.h"

#define FILE_OF(name) KMC_SAMPLES "/" name
#define SLIDE	      0x12000000ull /* of the kernel, as KASLR does */
#define TEXT	      (0xffffffff81000000ull + SLIDE)
#define MOD	      0xffffffffc0400000ull
#define MOD_INIT      0xffffffffc0800000ull
#define FUZZ_FILES    400

static const uint8_t build_id[] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
				    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33 };

struct said {
	char text[1024];
	unsigned lines;
};

static void say(void *ctx, const char *line)
{
	struct said *s = ctx;

	snprintf(s->text, sizeof(s->text), "%s", line);
	s->lines++;
}

static struct debuginfo *open_path(const char *path, struct said *said)
{
	struct debuginfo_config config = { .paths = &path, .npaths = 1, .ctx = said, .say = say };
	struct debuginfo *d;
	char err[512];

	*said = (struct said){ .lines = 0 };
	if (debuginfo_open(&config, &d, err, sizeof(err)))
		fail_msg("%s", err);
	return d;
}

/* Calls fn for each symbol of an ELF file. */
static void each_symbol(const char *path,
			void (*fn)(void *ctx, const char *section, const char *name,
				   const GElf_Sym *sym),
			void *ctx)
{
	int fd = open(path, O_RDONLY);
	Elf *elf;
	Elf_Scn *scn = NULL;
	size_t strings;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(elf);
	assert_int_equal(elf_getshdrstrndx(elf, &strings), 0);
	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Shdr header, other;
		GElf_Sym sym;

		gelf_getshdr(scn, &header);
		for (int i = 1; header.sh_type == SHT_SYMTAB && gelf_getsym(data, i, &sym); i++) {
			if (sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE ||
			    GELF_ST_TYPE(sym.st_info) == STT_SECTION)
				continue;
			gelf_getshdr(elf_getscn(elf, sym.st_shndx), &other);
			fn(ctx, elf_strptr(elf, strings, other.sh_name),
			   elf_strptr(elf, header.sh_link, sym.st_name), &sym);
		}
	}
	elf_end(elf);
	close(fd);
}

struct wanted {
	const char *name;
	uint64_t value;
};

static void take(void *ctx, const char *section, const char *name, const GElf_Sym *sym)
{
	struct wanted *w = ctx;

	if (!strcmp(name, w->name))
		w->value = sym->st_value;
}

static uint64_t value_of(const char *path, const char *name)
{
	struct wanted w = { name, UINT64_MAX };

	each_symbol(path, take, &w);
	assert_true(w.value != UINT64_MAX);
	return w.value;
}

struct want {
	const char *function, *file;
	uint32_t line;
};

/* NULL, or what is different. */
static const char *differs(const struct debuginfo_place *place, unsigned n, const struct want *want)
{
	static char text[512];

	for (unsigned i = 0; i < n || want[i].function; i++) {
		const struct debuginfo_place none = { .line = 0 };
		const struct debuginfo_place *p = i < n ? &place[i] : &none;

		if (i < n && want[i].function && !strcmp(p->function, want[i].function) &&
		    !strcmp(p->file, want[i].file) && p->line == want[i].line)
			continue;
		snprintf(text, sizeof(text), "place %u of %u is %s %s:%u", i, n, p->function,
			 p->file, p->line);
		return text;
	}
	return NULL;
}

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, 0                                                                      \
	}

static const struct {
	const char *label, *section;
	struct want want[5];
} labels[] = {
	{ "here_inner",
	  ".text",
	  { { "inner", "fs/inline.h", 8 },
	    { "middle", "fs/inline.h", 14 },
	    { "outer", "fs/inode.c", 15 },
	    END } },
	{ "here_middle",
	  ".text",
	  { { "middle", "fs/inline.h", 13 }, { "outer", "fs/inode.c", 15 }, END } },
	{ "here_outer", ".text", { { "outer", "fs/inode.c", 14 }, END } },
	{ "here_start", ".init.text", { { "start", "fs/inode.c", 22 }, END } },
};

static void check_kernel(struct debuginfo *d, const char *path)
{
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct symbols *s = symbols_create();

	symbols_set_text(s, TEXT, TEXT + 0x2000000);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		uint64_t addr = value_of(path, labels[i].label) + SLIDE;
		const char *why = differs(place, debuginfo_find(d, s, addr, place), labels[i].want);

		if (why)
			fail_msg("%s: %s: %s", path, labels[i].label, why);
	}
	assert_int_equal(debuginfo_find(d, s, TEXT + 0x1000000, place), 0); /* no code there */
	assert_int_equal(debuginfo_find(d, s, TEXT - 1, place), 0);
	assert_int_equal(debuginfo_find(d, s, 0, place), 0);
	symbols_destroy(s);
}

static void test_kernel(void **state)
{
	static const char *const files[] = { FILE_OF("vmlinux"), FILE_OF("no-aranges"),
					     FILE_OF("tree/vmlinux-6.1") };
	struct said said;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct debuginfo *d = open_path(files[i], &said);

		debuginfo_set_kernel(d, build_id, sizeof(build_id), TEXT);
		check_kernel(d, files[i]);
		assert_int_equal(said.lines, 0);
		debuginfo_close(d);
	}
}

static void test_other_kernel(void **state)
{
	static const uint8_t other[] = {
		0xff, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
		0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33
	};
	static const struct {
		const uint8_t *id;
		size_t len;
		const char *why;
	} cases[] = { { other, sizeof(other),
			"whose build ID is ff112233445566778899aabbccddeeff00112233:" },
		      { build_id, sizeof(build_id) - 1, "not the kernel that runs" },
		      { NULL, 0, "does not tell its build ID" } };
	uint64_t addr = value_of(FILE_OF("vmlinux"), "here_outer") + SLIDE;
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct symbols *s = symbols_create();
	struct said said;

	symbols_set_text(s, TEXT, TEXT + 0x1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct debuginfo *d = open_path(FILE_OF("vmlinux"), &said);

		debuginfo_set_kernel(d, cases[i].id, cases[i].len, TEXT);
		assert_int_equal(said.lines, 1);
		assert_non_null(strstr(said.text, cases[i].why));
		assert_non_null(strstr(said.text, FILE_OF("vmlinux")));
		assert_int_equal(debuginfo_find(d, s, addr, place), 0);
		debuginfo_close(d);
	}
	symbols_destroy(s);
}

/* The guest's module: the functions of a section of the file, at base. */
struct loaded {
	struct symbols *s;
	const char *section;
	uint64_t base;
	const char *moved; /* this function is not where it is in the file */
};

static void feed(struct symbols *s, int type, uint64_t addr, uint64_t size, const char *name)
{
	char buf[sizeof(struct kmc_symbol) + 256];
	struct kmc_symbol sym = {
		.addr = addr, .size = size, .type = (uint8_t)type, .namelen = (uint8_t)strlen(name)
	};

	memcpy(buf, &sym, sizeof(sym));
	memcpy(buf + sizeof(sym), name, sym.namelen);
	assert_int_equal(symbols_feed(s, buf, sizeof(sym) + sym.namelen), 0);
}

static void load_symbol(void *ctx, const char *section, const char *name, const GElf_Sym *sym)
{
	struct loaded *l = ctx;
	bool moved = l->moved && !strcmp(name, l->moved);

	if (!strcmp(section, l->section))
		feed(l->s, KMC_SYM_TEXT, l->base + sym->st_value + (moved ? 0x100 : 0),
		     sym->st_size, name);
}

static void load_module(struct symbols *s, const char *moved)
{
	struct loaded text = { s, ".text", MOD, moved }, init = { s, ".init.text", MOD_INIT, NULL };

	feed(s, KMC_SYM_MODULE, MOD, 0x1000, "sample_mod");
	each_symbol(FILE_OF("other.ko"), load_symbol, &text);
	feed(s, KMC_SYM_MODULE, MOD_INIT, 0x1000, "sample_mod");
	each_symbol(FILE_OF("other.ko"), load_symbol, &init);
}

static uint64_t module_address(const char *label, const char *section)
{
	uint64_t base = !strcmp(section, ".text") ? MOD : MOD_INIT;

	return base + value_of(FILE_OF("other.ko"), label);
}

/* root: what is in front of the tree's own paths. */
static void check_module(struct debuginfo *d, struct symbols *s, const char *root)
{
	struct debuginfo_place place[DEBUGINFO_PLACES];

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		uint64_t addr = module_address(labels[i].label, labels[i].section);
		unsigned n = debuginfo_find(d, s, addr, place);
		const char *why;

		for (unsigned k = 0; k < n; k++) {
			assert_memory_equal(place[k].file, root, strlen(root));
			memmove(place[k].file, place[k].file + strlen(root),
				sizeof(place[k].file) - strlen(root));
		}
		why = differs(place, n, labels[i].want);
		if (why)
			fail_msg("%s: %s", labels[i].label, why);
	}
}

static void test_module(void **state)
{
	/* By the name in the file, and by the file's name; the last one tells where the source tree is. */
	static const struct {
		const char *file, *root;
	} cases[] = { { FILE_OF("other.ko"), "/src/linux/" },
		      { FILE_OF("tree/deep/sample-mod.ko.debug"), "/src/linux/" },
		      { FILE_OF("in-tree.ko"), "" } };
	struct said said;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct debuginfo *d = open_path(cases[i].file, &said);
		struct symbols *s = symbols_create();

		load_module(s, NULL);
		check_module(d, s, cases[i].root);
		check_module(d, s, cases[i].root);
		feed(s, KMC_SYM_MODULE, MOD + 0x10000, 0x1000, "unrelated");
		check_module(d, s, cases[i].root);
		assert_int_equal(said.lines, 0);
		symbols_destroy(s);
		debuginfo_close(d);
	}
}

/* Init text that has gone is known in traces from before, until something else is there. */
static void test_past(void **state)
{
	uint64_t addr = module_address("here_start", ".init.text");
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct said said;
	struct debuginfo *d = open_path(FILE_OF("other.ko"), &said);
	struct symbols *s = symbols_create();

	load_module(s, NULL);
	feed(s, KMC_SYM_MODULE_GONE, MOD_INIT, 0, "");
	assert_int_equal(debuginfo_find(d, s, addr, place), 1);
	assert_string_equal(place[0].function, "start");
	feed(s, KMC_SYM_MODULE, MOD_INIT, 0x1000, "successor");
	assert_int_equal(debuginfo_find(d, s, addr, place), 0);
	assert_int_equal(said.lines, 0);
	symbols_destroy(s);
	debuginfo_close(d);
}

static void test_other_module(void **state)
{
	static const char *const moved[] = { "outer", "here_inner" };
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct said said;

	for (size_t i = 0; i < 2; i++) {
		struct debuginfo *d = open_path(FILE_OF("other.ko"), &said);
		struct symbols *s = symbols_create();
		uint64_t addr = module_address("here_outer", ".text");

		load_module(s, moved[i]);
		assert_int_equal(debuginfo_find(d, s, addr, place), 0);
		assert_int_equal(debuginfo_find(d, s, addr, place), 0);
		assert_int_equal(said.lines, 1);
		assert_non_null(strstr(said.text, "not the module that runs"));
		symbols_destroy(s);
		debuginfo_close(d);
	}
}

/* Same place, same sizes, but a function that the file does not have, or of another size. */
static void test_almost_module(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
	} extra[] = { { "unknown", 4 }, { "start", 1000 } };
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct said said;

	for (size_t i = 0; i < 2; i++) {
		struct debuginfo *d = open_path(FILE_OF("other.ko"), &said);
		struct symbols *s = symbols_create();

		load_module(s, NULL);
		feed(s, KMC_SYM_TEXT, MOD_INIT + 0x200, extra[i].size, extra[i].name);
		assert_int_equal(
			debuginfo_find(d, s, module_address("here_start", ".init.text"), place), 0);
		assert_int_equal(said.lines, 1);
		symbols_destroy(s);
		debuginfo_close(d);
	}
}

/* A folder: the kernel and, when it is needed, the module in a folder below. */
static void test_folder(void **state)
{
	struct said said;
	struct debuginfo *d = open_path(FILE_OF("tree"), &said);
	struct symbols *s = symbols_create();

	debuginfo_set_kernel(d, build_id, sizeof(build_id), TEXT);
	check_kernel(d, FILE_OF("vmlinux"));
	load_module(s, NULL);
	check_module(d, s, "");
	assert_int_equal(said.lines, 0);
	symbols_destroy(s);
	debuginfo_close(d);
}

static void test_refused(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{ FILE_OF("missing"), "No such file" },		 { FILE_OF("empty"), "no vmlinux" },
		{ FILE_OF("stripped"), "no debug information" }, { "/dev/null", "no regular file" },
		{ KMC_SOURCE_DIR "/LICENSE", "no ELF file" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct debuginfo_config config = { .paths = &cases[i].path, .npaths = 1 };
		struct debuginfo *d;
		char err[512] = "";

		assert_int_equal(debuginfo_open(&config, &d, err, sizeof(err)), -1);
		assert_null(d);
		if (!strstr(err, cases[i].why) || !strstr(err, cases[i].path) || strchr(err, '\n'))
			fail_msg("%s: \"%s\"", cases[i].path, err);
	}
}

static const struct {
	const char *name;
	uint32_t words[8];
	size_t len;
	size_t id; /* bytes expected */
} notes[] = {
	{ "build ID", { 4, 8, 3, 0x00554e47, 1, 2 }, 24, 8 },
	{ "behind another", { 4, 0, 1, 0x00006e65, 4, 4, 3, 0x00554e47 }, 32, 0 },
	{ "none", { 0 }, 0, 0 },
	{ "half a header", { 4, 8 }, 8, 0 },
	{ "cut", { 4, 8, 3, 0x00554e47, 1, 2 }, 23, 0 },
	{ "no name", { 0, 8, 3, 1, 2 }, 20, 0 },
	{ "another owner", { 4, 8, 3, 0x006e6558, 1, 2 }, 24, 0 },
	{ "another type", { 4, 8, 1, 0x00554e47, 1, 2 }, 24, 0 },
	{ "endless name", { 0xfffffffd, 8, 3, 0x00554e47, 1, 2 }, 24, 0 },
	{ "endless ID", { 4, 0xffffffff, 3, 0x00554e47, 1, 2 }, 24, 0 },
	{ "empty ID", { 4, 0, 3, 0x00554e47 }, 16, 0 },
};

static void test_build_id(void **state)
{
	uint8_t id[DEBUGINFO_ID], big[sizeof(Elf64_Nhdr) + 4 + DEBUGINFO_ID + 4] = { 4, 0, 0, 0 };
	static const uint32_t second[] = { 4, 4, 7, 0x00006e65, 9, 4, 4, 3, 0x00554e47, 5 };

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		void *copy = malloc(notes[i].len + 1);

		memcpy(copy, notes[i].words, notes[i].len);
		assert_int_equal(debuginfo_build_id(copy, notes[i].len, id), notes[i].id);
		free(copy);
	}
	assert_int_equal(debuginfo_build_id(second, sizeof(second), id), 4);
	assert_int_equal(id[0], 5);
	big[4] = DEBUGINFO_ID + 4, big[8] = 3;
	memcpy(big + sizeof(Elf64_Nhdr), "GNU", 4);
	assert_int_equal(debuginfo_build_id(big, sizeof(big), id), 0);
	big[4] = DEBUGINFO_ID;
	assert_int_equal(debuginfo_build_id(big, sizeof(big), id), DEBUGINFO_ID);
}

static size_t read_all(const char *path, uint8_t *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}

/* Opens what there is and asks for everything; whatever it answers. True if it could be opened. */
static bool use_damaged(const char *path, struct symbols *s)
{
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct debuginfo_config config = { .paths = &path, .npaths = 1 };
	struct debuginfo *d;
	char err[512];

	if (debuginfo_open(&config, &d, err, sizeof(err)))
		return false;
	debuginfo_set_kernel(d, build_id, sizeof(build_id), TEXT);
	for (uint64_t addr = 0; addr < 0x60; addr++) {
		debuginfo_find(d, s, TEXT + addr, place);
		debuginfo_find(d, s, MOD + addr, place);
	}
	debuginfo_close(d);
	return true;
}

/* Cut files, and files with some other bytes in them. */
static void test_damaged(void **state)
{
	static const char *const files[] = { FILE_OF("vmlinux"), FILE_OF("other.ko") };
	static uint8_t good[65536], bad[65536];
	char path[SCRATCH_PATH];
	int fd = scratch_file(path, ".ko");
	struct symbols *s = symbols_create();
	unsigned opened = 0;

	assert_true(fd >= 0);
	symbols_set_text(s, TEXT, TEXT + 0x1000);
	load_module(s, NULL);
	for (unsigned n = 0; n < FUZZ_FILES; n++) {
		size_t len = read_all(files[n % 2], good, sizeof(good));
		size_t cut = n % 4 < 2 ? len : random64() % len;

		memcpy(bad, good, len);
		for (unsigned k = 0; cut == len && k < 1 + n % 16; k++)
			bad[random64() % (n % 8 < 4 ? len : 64)] = (uint8_t)random64();
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bad, cut, 0), (ssize_t)cut);
		opened += use_damaged(path, s);
	}
	assert_true(opened > FUZZ_FILES / 8);
	symbols_destroy(s);
	unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	      cmocka_unit_test(test_other_kernel),
		cmocka_unit_test(test_module),	      cmocka_unit_test(test_other_module),
		cmocka_unit_test(test_almost_module), cmocka_unit_test(test_folder),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_damaged),	      cmocka_unit_test(test_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
