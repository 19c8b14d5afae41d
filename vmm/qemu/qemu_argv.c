// SPDX-License-Identifier: GPL-2.0-only
/* qemu_argv.c: the table of QEMU's options, and what the simple ones become. */
#include "qemu_argv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_line.h"

/* A program that is called so is taken for QEMU by those who start it. */
bool qemu_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0;

	return !strcmp(name, "kmc-vmm-qemu") || !strcmp(name, "qemu-system-x86_64");
}

/* ---- options with a value of their own ---- */

static bool take_memory(struct qemu_line *l, const char *value)
{
	struct qemu_opts o;
	bool ok = false;

	if (!qemu_opts_parse(&o, value) || qemu_opts_unknown(&o, 1, " slots maxmem "))
		qemu_bad(l, "-m %s: give a size such as 512, 2G or size=2G", value);
	else
		ok = qemu_emit(l, "--memory", qemu_opts_word(&o, "size"));
	qemu_opts_deinit(&o);
	return ok;
}

/* 0: none of it. */
static unsigned long product(const struct qemu_opts *o)
{
	static const char *const keys[] = {"sockets", "dies", "clusters", "cores", "threads"};
	unsigned long n = 0;

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = qemu_opts_get(o, keys[i]);

		if (value)
			n = (n ? n : 1) * (strtoul(value, NULL, 10) & 0xffff);
	}
	return n;
}

static bool take_cpus(struct qemu_line *l, const char *value)
{
	const char *cpus, *unknown;
	struct qemu_opts o;
	bool ok = false;
	char text[32];

	if (!qemu_opts_parse(&o, value)) {
		qemu_opts_deinit(&o);
		return qemu_bad(l, "-smp %s: give a number", value);
	}
	unknown = qemu_opts_unknown(&o, 0, " cpus maxcpus sockets dies clusters cores threads ");
	cpus = qemu_opts_get(&o, "cpus");
	if (!cpus && o.n && !o.item[0].value) {
		cpus = o.item[0].key;
		unknown = qemu_opts_unknown(&o, 1, " maxcpus sockets dies clusters cores threads ");
	}
	snprintf(text, sizeof(text), "%lu", product(&o));
	if (unknown)
		qemu_bad(l, "-smp %s: \"%s\" is not known: leave it out", value, unknown);
	else
		ok = qemu_emit(l, "--cpus", cpus ? cpus : text);
	qemu_opts_deinit(&o);
	return ok;
}

/* "kvm", or a list of what may do, "kvm:tcg". What matters is that KVM is there: see finish(). */
static void note_accel(struct qemu_line *l, const char *value)
{
	size_t n = strcspn(value, ":,");

	l->other_accel = true;
	while (n) {
		if (n == 3 && !strncmp(value, "kvm", 3))
			l->kvm = true;
		value += n;
		if (*value != ':')
			break;
		n = strcspn(++value, ":,");
	}
}

static bool take_accel(struct qemu_line *l, const char *value)
{
	note_accel(l, !strncmp(value, "accel=", 6) ? value + 6 : value);
	return true;
}

static bool take_enable_kvm(struct qemu_line *l, const char *value)
{
	l->kvm = true;
	return true;
}

static bool take_machine(struct qemu_line *l, const char *value)
{
	static const char *const types[] = {"", "pc", "q35", "microvm", "none"};
	const char *type, *accel;
	struct qemu_opts o;
	bool ok = false;

	if (!qemu_opts_parse(&o, value)) {
		qemu_opts_deinit(&o);
		return qemu_bad(l, "-machine %s: too many parts", value);
	}
	type = qemu_opts_word(&o, "type");
	accel = qemu_opts_get(&o, "accel");
	if (accel)
		note_accel(l, accel);
	ok = !strncmp(type, "pc-", 3);
	for (unsigned i = 0; i < 4; i++)
		ok |= !strcmp(type, types[i]);
	ok = ok ? qemu_ignore(l, "-machine", value)
		: qemu_bad(l,
			   "-machine %s: there is one machine, an x86-64 PC: give q35 or leave it "
			   "out",
			   type);
	qemu_opts_deinit(&o);
	return ok;
}

/* A VM's name has no blank, and what else would not do in a file's name. */
static bool take_name(struct qemu_line *l, const char *value)
{
	struct qemu_opts o;
	char *name = NULL;

	if (qemu_opts_parse(&o, value))
		name = qemu_keep(l, "%.64s", qemu_opts_word(&o, "guest"));
	else
		qemu_bad(l, "-name %s: too many parts", value);
	qemu_opts_deinit(&o);
	for (char *p = name; p && *p; p++)
		if (!isalnum((unsigned char)*p) && (p == name || !strchr("._-", *p)))
			*p = '_';
	return name && (!*name || qemu_emit(l, "--name", name));
}

static bool take_display(struct qemu_line *l, const char *value)
{
	if (!strcmp(value, "none"))
		return true;
	return qemu_bad(l, "-display %s: there is no screen: give none", value);
}

static bool take_nothing(struct qemu_line *l, const char *value)
{
	return true;
}

static bool take_snapshot(struct qemu_line *l, const char *value)
{
	l->snapshot = true;
	return true;
}

static bool take_kernel(struct qemu_line *l, const char *value)
{
	l->kernel = value;
	return qemu_emit(l, "--kernel", value);
}

static bool take_initrd(struct qemu_line *l, const char *value)
{
	return qemu_emit(l, "--initrd", value);
}

static bool take_append(struct qemu_line *l, const char *value)
{
	l->append = value;
	return true;
}

static bool take_hda(struct qemu_line *l, const char *value)
{
	return qemu_hard_disk(l, 0, value);
}

static bool take_hdb(struct qemu_line *l, const char *value)
{
	return qemu_hard_disk(l, 1, value);
}

static bool take_hdc(struct qemu_line *l, const char *value)
{
	return qemu_hard_disk(l, 2, value);
}

static bool take_hdd(struct qemu_line *l, const char *value)
{
	return qemu_hard_disk(l, 3, value);
}

/* Where random numbers come from, and helpers of devices that are not there. */
static bool take_object(struct qemu_line *l, const char *value)
{
	static const char *const harmless[] = {"rng-random", "rng-builtin", "iothread"};
	size_t n = strcspn(value, ",");

	for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strlen(harmless[i]) == n && !strncmp(harmless[i], value, n))
			return qemu_ignore(l, "-object", value);
	return qemu_bad(l, "-object %s: that is not possible: leave it out", value);
}

/* Only what happens anyway: kmc-vmm ends when its guest does. */
static bool take_action(struct qemu_line *l, const char *value)
{
	static const char *const same[] = {"reboot=shutdown", "shutdown=poweroff", "panic=shutdown",
					   "panic=exit-failure", "watchdog=none"};
	size_t n;

	for (const char *at = value; *at; at += n + (at[n] == ',')) {
		bool ok = false;

		n = strcspn(at, ",");
		for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			ok |= strlen(same[i]) == n && !strncmp(same[i], at, n);
		if (!ok)
			return qemu_bad(
				l, "-action %s: kmc-vmm ends when its guest does: leave it out",
				value);
	}
	return true;
}

/* "OPTION=VALUE,OPTION,..." of kmc-vmm's own. */
static bool take_kmc(struct qemu_line *l, const char *value)
{
	struct qemu_opts o;
	bool ok = qemu_opts_parse(&o, value) && o.n;

	if (!ok)
		qemu_bad(l, "-kmc %s: give OPTION=VALUE,..., at most %d at a time", value,
			 QEMU_ITEMS);
	for (unsigned i = 0; ok && i < o.n; i++) {
		char *option = qemu_keep(l, "--%s", o.item[i].key);

		ok = option &&
		     (*o.item[i].key ? qemu_emit(l, option, o.item[i].value)
				     : qemu_bad(l, "-kmc %s: an option has no name", value));
	}
	qemu_opts_deinit(&o);
	return ok;
}

/* ---- the table ---- */

static const char no_debugger[] =
	"there is no debugger's server: leave it out; QMP has info registers";
static const char no_screen[] = "there is no screen: give -display none";
static const char foreground[] =
	"kmc-vmm stays in the foreground: start it with & or a service manager";
static const char no_9p[] =
	"folders are shared by virtiofs, not 9p: give -kmc fs=TAG=DIR and mount TAG "
	"with -t virtiofs";
static const char no_state[] = "a VM's state cannot be loaded or saved: leave it out";
static const char no_medium[] = "there are disks only: give -drive";

/* Neither take nor refused: ignored. */
static const struct option_row {
	const char *name;
	bool arg;
	bool (*take)(struct qemu_line *l, const char *value);
	const char *refused;
} rows[] = {
	{"M", true, take_machine, NULL},
	{"accel", true, take_accel, NULL},
	{"action", true, take_action, NULL},
	{"append", true, take_append, NULL},
	{"chardev", true, qemu_chardev, NULL},
	{"device", true, qemu_device, NULL},
	{"display", true, take_display, NULL},
	{"drive", true, qemu_drive, NULL},
	{"enable-kvm", false, take_enable_kvm, NULL},
	{"hda", true, take_hda, NULL},
	{"hdb", true, take_hdb, NULL},
	{"hdc", true, take_hdc, NULL},
	{"hdd", true, take_hdd, NULL},
	{"initrd", true, take_initrd, NULL},
	{"kernel", true, take_kernel, NULL},
	{"kmc", true, take_kmc, NULL},
	{"m", true, take_memory, NULL},
	{"machine", true, take_machine, NULL},
	{"mon", true, qemu_mon, NULL},
	{"monitor", true, qemu_monitor, NULL},
	{"name", true, take_name, NULL},
	{"net", true, qemu_net, NULL},
	{"netdev", true, qemu_netdev, NULL},
	{"nic", true, qemu_nic, NULL},
	{"no-reboot", false, take_nothing, NULL},
	{"nodefaults", false, take_nothing, NULL},
	{"nographic", false, take_nothing, NULL},
	{"object", true, take_object, NULL},
	{"qmp", true, qemu_qmp, NULL},
	{"serial", true, qemu_serial, NULL},
	{"smp", true, take_cpus, NULL},
	{"snapshot", false, take_snapshot, NULL},
	/* ignored */
	{"D", true, NULL, NULL},
	{"L", true, NULL, NULL},
	{"audiodev", true, NULL, NULL},
	{"bios", true, NULL, NULL},
	{"boot", true, NULL, NULL},
	{"cpu", true, NULL, NULL},
	{"d", true, NULL, NULL},
	{"echr", true, NULL, NULL},
	{"global", true, NULL, NULL},
	{"k", true, NULL, NULL},
	{"mem-path", true, NULL, NULL},
	{"mem-prealloc", false, NULL, NULL},
	{"msg", true, NULL, NULL},
	{"no-acpi", false, NULL, NULL},
	{"no-hpet", false, NULL, NULL},
	{"no-user-config", false, NULL, NULL},
	{"nodefconfig", false, NULL, NULL},
	{"overcommit", true, NULL, NULL},
	{"parallel", true, NULL, NULL},
	{"rtc", true, NULL, NULL},
	{"sandbox", true, NULL, NULL},
	{"smbios", true, NULL, NULL},
	{"trace", true, NULL, NULL},
	{"usb", false, NULL, NULL},
	{"usbdevice", true, NULL, NULL},
	{"uuid", true, NULL, NULL},
	{"vga", true, NULL, NULL},
	{"watchdog", true, NULL, NULL},
	{"watchdog-action", true, NULL, NULL},
	/* refused */
	{"S", false, NULL, "the guest starts at once: send the command stop by QMP"},
	{"blockdev", true, NULL, "give -drive file=FILE,format=raw,if=virtio"},
	{"cdrom", true, NULL, no_medium},
	{"chroot", true, NULL, foreground},
	{"curses", false, NULL, no_screen},
	{"daemonize", false, NULL, foreground},
	{"dtb", true, NULL, "an x86-64 PC has none: leave it out"},
	{"fda", true, NULL, no_medium},
	{"fdb", true, NULL, no_medium},
	{"fsdev", true, NULL, no_9p},
	{"fw_cfg", true, NULL, "there is no such device: leave it out"},
	{"gdb", true, NULL, no_debugger},
	{"icount", true, NULL, "the guest runs on KVM: leave it out"},
	{"incoming", true, NULL, no_state},
	{"loadvm", true, NULL, no_state},
	{"no-shutdown", false, NULL, "kmc-vmm ends when its guest does: leave it out"},
	{"numa", true, NULL, "there is one node: leave it out"},
	{"pflash", true, NULL, "no firmware runs: leave it out"},
	{"pidfile", true, NULL, foreground},
	{"readconfig", true, NULL, "give options on the command line"},
	{"runas", true, NULL, foreground},
	{"s", false, NULL, no_debugger},
	{"sdl", false, NULL, no_screen},
	{"spice", true, NULL, no_screen},
	{"virtfs", true, NULL, no_9p},
	{"vnc", true, NULL, no_screen},
};

static const struct option_row *find_row(const char *name)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static bool use_row(struct qemu_line *l, const struct option_row *row, const char *option,
		    const char *value)
{
	if (row->arg && !value)
		return qemu_bad(l, "%s: its value is missing", option);
	if (row->refused)
		return qemu_bad(l, "%s%s%s: %s", option, value ? " " : "", value ? value : "",
				row->refused);
	return row->take ? row->take(l, value) : qemu_ignore(l, option, value);
}

/* ---- the whole line ---- */

static bool finish(struct qemu_line *l)
{
	if (l->other_accel && !l->kvm)
		return qemu_bad(l, "memory is checked by way of KVM, without it nothing runs: "
				   "give -accel kvm");
	if (!l->kernel)
		return qemu_bad(l,
				"no kernel: kmc-vmm boots kernels, not disks: give -kernel FILE");
	if (!qemu_finish_devices(l) || !qemu_finish_char(l))
		return false;
	return !l->ignored || qemu_note(l, "ignored:%s", l->ignored);
}

static bool translate(struct qemu_line *l, int argc, char **argv)
{
	if (!qemu_emit(l, "kmc-vmm", NULL))
		return false;
	for (int i = 1; i < argc; i++) {
		const char *option = argv[i], *value = NULL;
		const struct option_row *row;

		if (option[0] != '-') { /* QEMU's first disk */
			if (!qemu_hard_disk(l, 0, option))
				return false;
			continue;
		}
		row = find_row(option + 1 + (option[1] == '-'));
		if (!row)
			return qemu_bad(l,
					"%s: this option is not known: leave it out; -help lists "
					"what is taken",
					option);
		if (row->arg && i + 1 < argc)
			value = argv[++i];
		if (!use_row(l, row, option, value))
			return false;
	}
	return finish(l);
}

/* ---- questions ---- */

static size_t list_rows(char *text, size_t size, size_t at, const char *title, bool taken)
{
	at += (size_t)snprintf(text + at, size - at, "%s", title);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]) && at < size; i++)
		if (!rows[i].refused && taken == (rows[i].take != NULL))
			at += (size_t)snprintf(text + at, size - at, " -%s", rows[i].name);
	return at;
}

static void answer_help(char *text, size_t size)
{
	size_t at = (size_t)snprintf(
		text, size,
		"Usage: kmc-vmm-qemu [OPTION]...\n"
		"kmc-vmm under QEMU's command line; kmc-vmm-qemu(1) has the details.\n"
		"-kmc OPTION[=VALUE],... gives options of kmc-vmm itself, such as "
		"-kmc track=full,report-log=FILE\n");

	at = list_rows(text, size, at, "Taken:", true);
	if (at < size)
		at = list_rows(text, size, at, "\nIgnored:", false);
	if (at < size)
		snprintf(text + at, size - at, "\n");
}

static const struct {
	const char *option, *value; /* value NULL: it has none */
	const char *text;	    /* NULL: -help, -version */
} questions[] = {
	{"h", NULL, NULL},
	{"help", NULL, NULL},
	{"version", NULL, NULL},
	{"M", "help", "pc\nq35\nmicrovm\n"},
	{"machine", "help", "pc\nq35\nmicrovm\n"},
	{"accel", "help", "kvm\n"},
	{"cpu", "help", "host\n"},
	{"netdev", "help", "user\ntap\n"},
	{"chardev", "help", "socket\nstdio\nfile\nnull\n"},
	{"device", "help",
	 "virtio-net-pci\nvirtio-blk-pci\nvirtio-rng-pci\npvpanic\nisa-serial\nvirtconsole\n"},
};

static bool answer(int argc, char **argv, const char *version, char *text, size_t size)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i][0] == '-' ? argv[i] + 1 + (argv[i][1] == '-') : "";
		const struct option_row *row = find_row(name);
		const char *value = row && row->arg ? argv[++i] : NULL;

		for (unsigned q = 0; q < sizeof(questions) / sizeof(questions[0]); q++) {
			if (strcmp(questions[q].option, name) != 0 ||
			    (questions[q].value &&
			     (!value || strcmp(value, questions[q].value) != 0)))
				continue;
			if (questions[q].text)
				snprintf(text, size, "%s", questions[q].text);
			else if (!strcmp(name, "version"))
				/* Whose age programs ask for; and whose it is. */
				snprintf(text, size, "QEMU emulator version 7.2.0 (kmc-vmm %s)\n",
					 version);
			else
				answer_help(text, size);
			return true;
		}
		if (i >= argc || (row && row->arg && !value))
			break;
	}
	return false;
}

enum qemu_result qemu_translate(int argc, char **argv, const char *version, struct qemu_argv *out,
				char *text, size_t size)
{
	struct qemu_line l = {.out = out, .err = text, .errlen = size};
	bool ok;

	*out = (struct qemu_argv){.argc = 0};
	text[0] = '\0';
	if (answer(argc, argv, version, text, size))
		return QEMU_ANSWER;
	ok = translate(&l, argc, argv);
	qemu_line_deinit(&l);
	return ok ? QEMU_RUN : QEMU_BAD;
}
