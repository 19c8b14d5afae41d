// SPDX-License-Identifier: GPL-2.0-only
/*
 * count.c: a plugin of the lab's QEMU that counts what the lab executes: instructions of the guest
 * and of its host, kernel and user, from the guest's first entry to its last, and how often it was
 * entered.
 *
 * Debian has no package with qemu-plugin.h, so what is used of it is declared here; version 4 of
 * that interface, QEMU 9.2 and later. Works with one CPU only: while QEMU translates for it, "in
 * the guest" is what that CPU is, and QEMU keeps translations for a guest (vmrun) apart from those
 * for the host.
 *
 * An instruction counts when it is begun, each time; a repeated string instruction (rep) is begun
 * once for each iteration, where a CPU does many at a time, and is counted apart. Kernel is what
 * has an address in the upper half. What the guest does before its first kernel instruction is its
 * loader's: it is not counted.
 *
 * What had been counted when the guest's first program began is told as well: up to there the kernel
 * measures its clock against a timer, for longer or shorter each time.
 *
 * Arguments: json=PATH of the JSON that is written; engine=FROM-TO, in hexadecimal, addresses of
 * the emulator in the host's process: what is there is "engine", other user code "vmm".
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- qemu-plugin.h ---- */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_info;
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;
enum { CB_NO_REGS = 0, INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned cpu, void *data), int flags,
					    void *data);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn, int op,
							 qemu_plugin_u64 entry, uint64_t imm);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(uint64_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score, unsigned cpu);

__attribute__((visibility("default"))) int qemu_plugin_version = 4;
__attribute__((visibility("default"))) int
qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

/* ---- counters ---- */

enum counter {
	GUEST_KERNEL,
	GUEST_USER,
	GUEST_STRING, /* iterations */
	HOST_KERNEL,
	HOST_VMM,
	HOST_ENGINE,
	HOST_STRING,
	COUNTERS
};

static const char *const names[COUNTERS] = {
	[GUEST_KERNEL] = "guest_kernel", [GUEST_USER] = "guest_user",
	[GUEST_STRING] = "guest_string", [HOST_KERNEL] = "host_kernel",
	[HOST_VMM] = "host_vmm",	 [HOST_ENGINE] = "host_engine",
	[HOST_STRING] = "host_string",
};

static struct {
	struct qemu_plugin_scoreboard *score;
	uint64_t entries, init_entries;
	uint64_t first[COUNTERS], last[COUNTERS]; /* at the guest's entries */
	uint64_t init[COUNTERS];		  /* before the guest's first program */
	uint64_t behind_vmrun;			  /* the address where the host goes on */
	bool in_guest, kernel_seen, init_seen;
	uint64_t engine_from, engine_to;
	char path[4096];
} count;

static uint64_t *counters(void)
{
	return qemu_plugin_scoreboard_find(count.score, 0);
}

static void on_vmrun(unsigned cpu, void *data)
{
	(void)cpu;
	(void)data;
	count.in_guest = true;
	memcpy(count.entries++ ? count.last : count.first, counters(), sizeof(count.first));
}

static void on_exit_from_guest(unsigned cpu, void *data)
{
	(void)cpu;
	(void)data;
	count.in_guest = false;
}

static bool is_vmrun(const uint8_t *code, size_t len)
{
	return len == 3 && !memcmp(code, "\x0f\x01\xd8", 3);
}

/* movs, cmps, stos, lods, scas behind rep or repne and perhaps REX; ins and outs go to no memory
 * that we know of. */
static bool is_string(const uint8_t *code, size_t len)
{
	bool rep = false;

	for (size_t n = 0; n < len; n++) {
		if (code[n] == 0xf2 || code[n] == 0xf3)
			rep = true;
		else if (code[n] != 0x66 && code[n] >> 4 != 4)
			return rep && n == len - 1 &&
			       ((code[n] >= 0xa4 && code[n] <= 0xa7) ||
				(code[n] >= 0xaa && code[n] <= 0xaf));
	}
	return false;
}

static enum counter counter_of(uint64_t addr, bool string)
{
	bool kernel = addr >> 63;

	if (string)
		return count.in_guest ? GUEST_STRING : HOST_STRING;
	if (count.in_guest)
		return kernel ? GUEST_KERNEL : GUEST_USER;
	if (kernel)
		return HOST_KERNEL;
	return addr >= count.engine_from && addr < count.engine_to ? HOST_ENGINE : HOST_VMM;
}

/* What the loader did is forgotten when the kernel's first code is translated, which is before it
 * runs. */
static void forget_loader(void)
{
	if (count.kernel_seen)
		return;
	count.kernel_seen = true;
	memcpy(count.first, counters(), sizeof(count.first));
	count.entries = 1;
}

/* Translated before it runs, too. */
static void note_init(void)
{
	if (count.init_seen)
		return;
	count.init_seen = true;
	memcpy(count.init, counters(), sizeof(count.init));
	count.init_entries = count.entries;
}

static void count_insn(struct qemu_plugin_insn *insn)
{
	uint8_t code[16];
	size_t len = qemu_plugin_insn_data(insn, code, sizeof(code));
	uint64_t addr = qemu_plugin_insn_vaddr(insn);
	enum counter n = counter_of(addr, is_string(code, len));
	qemu_plugin_u64 entry = {count.score, n * sizeof(uint64_t)};

	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, INLINE_ADD_U64, entry, 1);
	if (count.in_guest || !is_vmrun(code, len))
		return;
	count.behind_vmrun = addr + len;
	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, CB_NO_REGS, NULL);
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (count.behind_vmrun && qemu_plugin_tb_vaddr(tb) == count.behind_vmrun) {
		count.in_guest = false;
		qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0),
						       on_exit_from_guest, CB_NO_REGS, NULL);
	}
	if (count.in_guest && qemu_plugin_tb_vaddr(tb) >> 63)
		forget_loader();
	else if (count.in_guest && count.kernel_seen)
		note_init();
	for (size_t n = 0; n < insns; n++)
		count_insn(qemu_plugin_tb_get_insn(tb, n));
}

/* An object without its end. */
static void print_counts(FILE *f, uint64_t entries, const uint64_t *counters)
{
	fprintf(f, "{\"entries\": %" PRIu64, entries);
	for (size_t n = 0; n < COUNTERS; n++)
		fprintf(f, ", \"%s\": %" PRIu64, names[n], counters[n] - count.first[n]);
}

static void on_end(uint64_t id, void *data)
{
	FILE *f = fopen(count.path, "w");

	(void)id;
	(void)data;
	if (!f) {
		perror(count.path);
		return;
	}
	print_counts(f, count.entries, count.last);
	fputs(", \"before_init\": ", f);
	print_counts(f, count.init_entries, count.init);
	fputs("}}\n", f);
	fclose(f);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int n = 0; n < argc; n++) {
		if (!strncmp(argv[n], "json=", 5) && strlen(argv[n] + 5) < sizeof(count.path))
			strcpy(count.path, argv[n] + 5);
		else if (sscanf(argv[n], "engine=%" SCNx64 "-%" SCNx64, &count.engine_from,
				&count.engine_to) != 2)
			return -1;
	}
	count.score = qemu_plugin_scoreboard_new(COUNTERS * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}
