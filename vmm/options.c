// SPDX-License-Identifier: GPL-2.0-only
/* options.c: parses the command line; every limit is named in the message that enforces it. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker.h"
#include "checks.h"
#include "device_options.h"
#include "sink.h"

#define MIB	   (1ull << 20)
#define MEMORY_MIN (64 * MIB)
#define MEMORY_MAX (1024ull * 1024 * MIB)
#define CPUS_MAX   64
#define HEARTBEAT_MAX 86400
#define HANG_MAX      86400
#define FILE_LIMIT     (256 * MIB)
#define FILE_LIMIT_MAX (1024 * MEMORY_MAX)

static const char usage[] =
	"Usage: kmc-vmm --kernel FILE [OPTION]...\n"
	"Boots an unmodified Linux kernel on KVM and finds memory errors in it from outside.\n"
	"\n"
	"  --kernel FILE         bzImage to boot; alone it is enough\n"
	"  --initrd FILE         initial RAM disk; default: a built-in one\n"
	"  --append STR          kernel parameters, behind the ones kmc-vmm adds\n"
	"  --cpus N              virtual CPUs, 1 to 64 (default 1)\n"
	"  --memory SIZE         guest memory, e.g. 512M or 2G (default 512M)\n"
	"  --disk FILE[,rw|,ro][,format=raw|,format=qcow2]\n"
	"                        a virtio disk (default: raw); without rw the image is never changed,\n"
	"                        what the guest writes is lost at its end; repeatable\n"
	"  --net user[,hostfwd=tcp:[ADDRESS]:PORT-PORT]...[,restrict][,mac=XX:XX:XX:XX:XX:XX]\n"
	"                        a virtio network card; connections to the host's PORT go to the\n"
	"                        guest's; restrict: to nowhere else; repeatable\n"
	"  --net tap,ifname=NAME[,mac=XX:XX:XX:XX:XX:XX]\n"
	"                        a virtio network card on a tap interface of the host; repeatable\n"
	"  --console FILE|unix:PATH\n"
	"                        a virtio console, hvc0 in the guest; repeatable\n"
	"  --vsock CID,socket=PATH\n"
	"                        a virtio vsock: connections at PATH go to the guest, those of the\n"
	"                        guest to port P go to PATH_P\n"
	"  --fs TAG=DIR[,ro]     a folder of the host, for mount -t virtiofs TAG; repeatable\n"
	"  --rootfs DIR[,ro]     the same as the guest's root file system\n"
	"  --rng                 a virtio-rng device\n"
	"  --pvpanic             a pvpanic device on PCI; ACPI has one in any case\n"
	"  --serial stdio|null|FILE|unix:PATH\n"
	"                        where the console goes (default stdio); unix: listens there\n"
	"  --file-limit SIZE     what the files of --serial, --console and --report-log may grow by\n"
	"                        (default 256M; 0: no limit)\n"
	"  --qmp unix:PATH|tcp:HOST:PORT\n"
	"                        listen there for the part of QEMU's machine protocol that farms use\n"
	"  --module 'FILE.ko [PARAM=VALUE]...'\n"
	"                        load this module in the built-in initramfs; repeatable\n"
	"  --exec CMD            run CMD in the built-in initramfs, then power off\n"
	"  --agent FILE.ko       guest agent; default: the one built for the kernel's release\n"
	"  --checks LIST|none    uninit,infoleak,uaf,oob,unallocated,free,leak (default all)\n"
	"  --track full|budget|sample|off\n"
	"                        which pages are watched, and how long; with parameters, as in\n"
	"                        budget:accesses=64 (default budget)\n"
	"  --seed N              what --track budget and sample choose (default 0)\n"
	"  --stack-depth N       frames of call trace recorded at each allocation and free, 0 to 19\n"
	"                        (default 19)\n"
	"  --name NAME           name of the VM (default kmc-PID)\n"
	"  --report-socket PATH  serve reports as JSON lines on a UNIX socket, and take commands\n"
	"                        there (@NAME: abstract; a folder: PATH/{vm}.sock)\n"
	"  --report-log FILE     append reports as JSON lines to FILE\n"
	"  --report-style kernel|kmc|json\n"
	"                        form of the reports on standard error (default kernel)\n"
	"  --heartbeat SECONDS   how often the socket says that all is well (default 10; 0: never)\n"
	"  --on-report WHAT      continue, pause, exit or panic (default continue)\n"
	"  --max-reports N       report nothing more after N reports\n"
	"  --error-exitcode N    exit with N when there was a report\n"
	"  --stats FILE          write counters as JSON when the guest has ended\n"
	"  --coverage FILE       write the places that allocated, and how many of their allocations were\n"
	"                        watched, for kmc-report --coverage\n"
	"  --vmlinux FILE|DIR    debug information, for source lines in reports: a vmlinux, a module,\n"
	"                        or a folder with them; repeatable\n"
	"  --suppressions FILE   findings that are not to be reported\n"
	"  --gen-suppressions FILE\n"
	"                        write a suppression for each report to FILE\n"
	"  --rules FILE          instead of the built-in configs/rules.json\n"
	"  --libvirt-domain NAME boot this domain of libvirt's, as it is defined; all other options\n"
	"                        are for what it does not say, or says otherwise\n"
	"  --connect URI         where libvirt has it (default: libvirt's own)\n"
	"  --strict              refuse a domain of which something would be ignored\n"
	"  --libvirt-print       print the command line that the domain amounts to\n"
	"  --libvirt-record      store the last report in the domain's metadata\n"
	"  --hang-timeout SECONDS\n"
	"                        end a guest that had interrupts off for so long (default 0: never)\n"
	"  --metrics unix:PATH|[ADDRESS]:PORT\n"
	"                        counters for Prometheus (OpenMetrics over HTTP)\n"
	"  --sandbox on|off      whether system calls that are not needed any more end it (default on)\n"
	"  --user USER[:GROUP]   become this user before the guest runs\n"
	"  --help, --version\n"
	"\n"
	"Ctrl-A x ends the guest. kmc-vmm(1) describes reports and exit codes.\n";

static bool bad(const char *option, const char *value, const char *remedy)
{
	fprintf(stderr, "kmc-vmm: --%s %s: %s\n", option, value, remedy);
	return false;
}

/* problem: NULL, or the remedy. */
static bool good_device(const char *option, const char *value, const char *problem)
{
	return !problem || bad(option, value, problem);
}

static bool number(const char *text, unsigned long long max, unsigned long long *out, char **end)
{
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*out = strtoull(text, end, 10);
	return !errno && *out <= max;
}

/* what: "a number", or one of something. */
static bool number_in(const char *option, const char *v, const char *what, unsigned long long min,
		      unsigned long long max, unsigned long long *n)
{
	char *end;

	if (number(v, max, n, &end) && !*end && *n >= min)
		return true;
	fprintf(stderr, "kmc-vmm: --%s %s: give %s from %llu to %llu\n", option, v, what, min, max);
	return false;
}

static bool parse_cpus(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("cpus", v, "a number", 1, CPUS_MAX, &n))
		return false;
	o->cpus = (unsigned)n;
	return true;
}

/* A number of MiB, or with a suffix. False: it is none, or above max, in bytes. */
static bool size_of(const char *v, uint64_t max, uint64_t *bytes)
{
	static const struct {
		const char *suffix;
		uint64_t unit;
	} units[] = {
		{"", MIB}, {"M", MIB}, {"m", MIB}, {"G", 1024 * MIB}, {"g", 1024 * MIB}};
	unsigned long long n;
	char *end;

	if (!number(v, max / MIB, &n, &end))
		return false;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		*bytes = n * units[i].unit;
		return *bytes <= max;
	}
	return false;
}

static bool parse_memory(struct options *o, const char *v)
{
	if (!size_of(v, MEMORY_MAX, &o->memory) || o->memory < MEMORY_MIN)
		return bad("memory", v, "give a size from 64M to 1024G");
	o->memory -= o->memory % (2 * MIB);
	return true;
}

static bool parse_file_limit(struct options *o, const char *v)
{
	return size_of(v, FILE_LIMIT_MAX, &o->devices.file_limit) ||
	       bad("file-limit", v, "give a size up to 1048576G, or 0 for no limit");
}

static bool parse_checks(struct options *o, const char *v)
{
	const char *at = v;

	o->checks = 0;
	while (*at) {
		size_t len = strcspn(at, ",");
		unsigned bits;

		if (!checks_by_name(at, len, &bits))
			return bad("checks", v,
				   "give a list of uninit,infoleak,uaf,oob,unallocated,free,leak, or all, "
				   "or none");
		o->checks |= bits;
		at += len;
		at += *at == ',';
	}
	return true;
}

static bool parse_track(struct options *o, const char *v)
{
	char err[256];

	return track_parse(v, &o->track, err, sizeof(err)) || bad("track", v, err);
}

static bool parse_seed(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("seed", v, "a number", 0, UINT64_MAX, &n))
		return false;
	o->seed = n;
	return true;
}

static bool parse_stack_depth(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("stack-depth", v, "a number", 0, CHECKER_STACK_DEPTH, &n))
		return false;
	o->stack_depth = (unsigned)n;
	return true;
}

static bool parse_name(struct options *o, const char *v)
{
	if (!sink_name_ok(v))
		return bad("name", v, "give 1 to 64 letters, digits and ._-, the first no . or -");
	o->name = v;
	return true;
}

static bool parse_heartbeat(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("heartbeat", v, "a number of seconds", 0, HEARTBEAT_MAX, &n))
		return false;
	o->heartbeat = (unsigned)n;
	return true;
}

static bool parse_hang_timeout(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("hang-timeout", v, "a number of seconds", 0, HANG_MAX, &n))
		return false;
	o->hang_timeout = (unsigned)n;
	return true;
}

static bool parse_max_reports(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("max-reports", v, "a number", 1, UINT32_MAX, &n))
		return false;
	o->max_reports = n;
	return true;
}

static bool parse_on_report(struct options *o, const char *v)
{
	static const char *const names[] = { [ON_REPORT_CONTINUE] = "continue",
					     [ON_REPORT_PAUSE] = "pause",
					     [ON_REPORT_EXIT] = "exit",
					     [ON_REPORT_PANIC] = "panic" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], v))
			continue;
		o->on_report = (enum on_report)i;
		return true;
	}
	return bad("on-report", v, "give continue, pause, exit or panic");
}

static bool parse_exitcode(struct options *o, const char *v)
{
	unsigned long long n;

	if (!number_in("error-exitcode", v, "a number", 0, 255, &n))
		return false;
	o->error_exitcode = (int)n;
	return true;
}

static bool parse_style(struct options *o, const char *v)
{
	static const char *const names[] = { [REPORT_STYLE_KERNEL] = "kernel",
					     [REPORT_STYLE_KMC] = "kmc",
					     [REPORT_STYLE_JSON] = "json" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], v))
			continue;
		o->report_style = (enum report_style)i;
		return true;
	}
	return bad("report-style", v, "give kernel, kmc or json");
}

static bool parse_sandbox(struct options *o, const char *v)
{
	o->sandbox = !strcmp(v, "on");
	return o->sandbox || !strcmp(v, "off") || bad("sandbox", v, "give on or off");
}

static bool find_group(struct options *o, const char *name)
{
	const struct group *group = getgrnam(name);

	if (group)
		o->gid = group->gr_gid;
	return group;
}

static bool parse_user(struct options *o, const char *v)
{
	char name[256];
	size_t len = strcspn(v, ":");
	const struct passwd *user;

	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), v);
	user = getpwnam(name);
	if (!user || !user->pw_uid)
		return bad("user", v, "give a user of this host that is not root");
	o->change_user = true;
	o->uid = user->pw_uid;
	o->gid = user->pw_gid;
	return !v[len] || find_group(o, v + len + 1) || bad("user", v, "give a group of this host");
}

static bool parse_module(struct options *o, const char *v)
{
	if (o->nmodules >= OPTIONS_MODULES)
		return bad("module", v, "at most 64 modules can be given");
	o->modules[o->nmodules++] = v;
	return true;
}

static bool parse_vmlinux(struct options *o, const char *v)
{
	if (o->nvmlinux >= OPTIONS_VMLINUX)
		return bad("vmlinux", v, "at most 64 can be given: give a folder");
	o->vmlinux[o->nvmlinux++] = v;
	return true;
}

enum option_id {
	OPT_KERNEL = 256,
	OPT_INITRD,
	OPT_APPEND,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_MODULE,
	OPT_EXEC,
	OPT_AGENT,
	OPT_CHECKS,
	OPT_TRACK,
	OPT_SEED,
	OPT_STACK_DEPTH,
	OPT_SOCKET,
	OPT_LOG,
	OPT_STYLE,
	OPT_NAME,
	OPT_HEARTBEAT,
	OPT_ON_REPORT,
	OPT_MAX_REPORTS,
	OPT_EXITCODE,
	OPT_STATS,
	OPT_COVERAGE,
	OPT_RULES,
	OPT_SUPPRESSIONS,
	OPT_GEN_SUPPRESSIONS,
	OPT_VMLINUX,
	OPT_DISK,
	OPT_NET,
	OPT_VSOCK,
	OPT_FS,
	OPT_ROOTFS,
	OPT_RNG,
	OPT_CONSOLE,
	OPT_PVPANIC,
	OPT_SERIAL,
	OPT_QMP,
	OPT_FILE_LIMIT,
	OPT_DOMAIN,
	OPT_CONNECT,
	OPT_STRICT,
	OPT_PRINT,
	OPT_RECORD,
	OPT_HANG_TIMEOUT,
	OPT_METRICS,
	OPT_SANDBOX,
	OPT_USER,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "agent", required_argument, NULL, OPT_AGENT },
	{ "checks", required_argument, NULL, OPT_CHECKS },
	{ "track", required_argument, NULL, OPT_TRACK },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "stack-depth", required_argument, NULL, OPT_STACK_DEPTH },
	{ "report-socket", required_argument, NULL, OPT_SOCKET },
	{ "report-log", required_argument, NULL, OPT_LOG },
	{ "report-style", required_argument, NULL, OPT_STYLE },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "heartbeat", required_argument, NULL, OPT_HEARTBEAT },
	{ "on-report", required_argument, NULL, OPT_ON_REPORT },
	{ "max-reports", required_argument, NULL, OPT_MAX_REPORTS },
	{ "error-exitcode", required_argument, NULL, OPT_EXITCODE },
	{ "stats", required_argument, NULL, OPT_STATS },
	{ "coverage", required_argument, NULL, OPT_COVERAGE },
	{ "rules", required_argument, NULL, OPT_RULES },
	{ "suppressions", required_argument, NULL, OPT_SUPPRESSIONS },
	{ "gen-suppressions", required_argument, NULL, OPT_GEN_SUPPRESSIONS },
	{ "vmlinux", required_argument, NULL, OPT_VMLINUX },
	{ "disk", required_argument, NULL, OPT_DISK },
	{ "net", required_argument, NULL, OPT_NET },
	{ "vsock", required_argument, NULL, OPT_VSOCK },
	{ "rng", no_argument, NULL, OPT_RNG },
	{ "fs", required_argument, NULL, OPT_FS },
	{ "rootfs", required_argument, NULL, OPT_ROOTFS },
	{ "console", required_argument, NULL, OPT_CONSOLE },
	{ "pvpanic", no_argument, NULL, OPT_PVPANIC },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "qmp", required_argument, NULL, OPT_QMP },
	{ "file-limit", required_argument, NULL, OPT_FILE_LIMIT },
	{ "libvirt-domain", required_argument, NULL, OPT_DOMAIN },
	{ "connect", required_argument, NULL, OPT_CONNECT },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "libvirt-print", no_argument, NULL, OPT_PRINT },
	{ "libvirt-record", no_argument, NULL, OPT_RECORD },
	{ "hang-timeout", required_argument, NULL, OPT_HANG_TIMEOUT },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "sandbox", required_argument, NULL, OPT_SANDBOX },
	{ "user", required_argument, NULL, OPT_USER },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

/* Options whose value is kept as it is. */
static const char **string_option(struct options *o, int id)
{
	switch (id) {
	case OPT_KERNEL:
		return &o->kernel;
	case OPT_INITRD:
		return &o->initrd;
	case OPT_APPEND:
		return &o->append;
	case OPT_EXEC:
		return &o->exec;
	case OPT_AGENT:
		return &o->agent;
	case OPT_SOCKET:
		return &o->report_socket;
	case OPT_LOG:
		return &o->report_log;
	case OPT_SERIAL:
		return &o->serial;
	case OPT_QMP:
		return &o->qmp;
	case OPT_STATS:
		return &o->stats;
	case OPT_COVERAGE:
		return &o->coverage;
	case OPT_RULES:
		return &o->rules;
	case OPT_SUPPRESSIONS:
		return &o->suppressions;
	case OPT_METRICS:
		return &o->metrics;
	case OPT_GEN_SUPPRESSIONS:
		return &o->gen_suppressions;
	}
	return NULL;
}

static bool parse_device(struct options *o, int id, const char *v)
{
	switch (id) {
	case OPT_DISK:
		return good_device("disk", v, device_option_disk(&o->devices, v));
	case OPT_NET:
		return good_device("net", v, device_option_net(&o->devices, v));
	case OPT_CONSOLE:
		return good_device("console", v, device_option_console(&o->devices, v));
	case OPT_VSOCK:
		return good_device("vsock", v, device_option_vsock(&o->devices, v));
	case OPT_FS:
		return good_device("fs", v, device_option_fs(&o->devices, v));
	case OPT_ROOTFS:
		return good_device("rootfs", v, device_option_rootfs(&o->devices, v));
	case OPT_RNG:
		o->devices.rng = true;
		return true;
	case OPT_PVPANIC:
		o->devices.pvpanic = true;
		return true;
	}
	return false; /* getopt_long() has said what it is */
}

static bool parse_value(struct options *o, int id, const char *v)
{
	const char **string = string_option(o, id);

	if (string) {
		*string = v;
		return true;
	}
	switch (id) {
	case OPT_CPUS:
		return parse_cpus(o, v);
	case OPT_MEMORY:
		return parse_memory(o, v);
	case OPT_FILE_LIMIT:
		return parse_file_limit(o, v);
	case OPT_CHECKS:
		return parse_checks(o, v);
	case OPT_TRACK:
		return parse_track(o, v);
	case OPT_SEED:
		return parse_seed(o, v);
	case OPT_STACK_DEPTH:
		return parse_stack_depth(o, v);
	case OPT_NAME:
		return parse_name(o, v);
	case OPT_HEARTBEAT:
		return parse_heartbeat(o, v);
	case OPT_ON_REPORT:
		return parse_on_report(o, v);
	case OPT_MAX_REPORTS:
		return parse_max_reports(o, v);
	case OPT_EXITCODE:
		return parse_exitcode(o, v);
	case OPT_MODULE:
		return parse_module(o, v);
	case OPT_STYLE:
		return parse_style(o, v);
	case OPT_VMLINUX:
		return parse_vmlinux(o, v);
	case OPT_HANG_TIMEOUT:
		return parse_hang_timeout(o, v);
	case OPT_SANDBOX:
		return parse_sandbox(o, v);
	case OPT_USER:
		return parse_user(o, v);
	}
	return parse_device(o, id, v);
}

static enum options_result check_complete(const struct options *o)
{
	if (!o->kernel) {
		fprintf(stderr, "kmc-vmm: no kernel: give one with --kernel FILE\n");
		return OPTIONS_BAD;
	}
	if (o->change_user && !o->sandbox) {
		fprintf(stderr, "kmc-vmm: --user is a part of the sandbox: leave out --sandbox off\n");
		return OPTIONS_BAD;
	}
	if (o->on_report == ON_REPORT_PAUSE && !o->report_socket) {
		fprintf(stderr, "kmc-vmm: --on-report pause waits for a command to go on: "
				"give --report-socket\n");
		return OPTIONS_BAD;
	}
	if (o->initrd && (o->nmodules || o->exec)) {
		fprintf(stderr, "kmc-vmm: --module and --exec are for the built-in initramfs: "
				"leave out --initrd, or put them into it\n");
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, struct options *o)
{
	int id;

	*o = (struct options){ .cpus = 1, .memory = 512 * MIB, .error_exitcode = -1, .append = "",
			       .stack_depth = CHECKER_STACK_DEPTH, .heartbeat = 10, .sandbox = true,
			       .devices = { .file_limit = FILE_LIMIT } };
	parse_track(o, "budget");
	parse_checks(o, "all");
	optind = 1;
	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == OPT_HELP || id == OPT_VERSION) {
			fputs(id == OPT_HELP ? usage : "kmc-vmm " KMC_VERSION "\n", stdout);
			return OPTIONS_EXIT;
		}
		if (!parse_value(o, id, optarg))
			return OPTIONS_BAD;
	}
	return check_complete(o);
}

/* False: it is none of them. */
static bool split_value(struct domain_options *d, int id, const char *v)
{
	switch (id) {
	case OPT_DOMAIN:
		d->name = v;
		return true;
	case OPT_CONNECT:
		d->uri = v;
		return true;
	case OPT_STRICT:
		d->strict = true;
		return true;
	case OPT_PRINT:
		d->print = true;
		return true;
	case OPT_RECORD:
		d->record = true;
		return true;
	}
	d->kernel_given |= id == OPT_KERNEL;
	return false;
}

static void append(char **to, int *n, char **from, int count)
{
	memcpy(to + *n, from, (size_t)count * sizeof(*from));
	*n += count;
	to[*n] = NULL;
}

enum options_result options_split(int argc, char **argv, struct domain_options *d, char **rest,
				  int *nrest)
{
	int id, from;

	*d = (struct domain_options){ 0 };
	*nrest = 0;
	append(rest, nrest, argv, argc ? 1 : 0);
	optind = 1;
	while (from = optind, (id = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		if (id == '?')
			return OPTIONS_BAD; /* getopt_long() has said what it is */
		if (id == OPT_HELP || id == OPT_VERSION) {
			*d = (struct domain_options){ 0 };
			*nrest = argc ? 1 : 0;
			append(rest, nrest, argv + from, optind - from);
			return OPTIONS_RUN;
		}
		if (!split_value(d, id, optarg))
			append(rest, nrest, argv + from, optind - from);
	}
	if (optind < argc) {
		fprintf(stderr, "kmc-vmm: \"%s\" is no option: see kmc-vmm --help\n", argv[optind]);
		return OPTIONS_BAD;
	}
	if (!d->name && (d->uri || d->strict || d->print || d->record)) {
		fprintf(stderr, "kmc-vmm: --connect, --strict and --libvirt-... need "
				"--libvirt-domain\n");
		return OPTIONS_BAD;
	}
	return OPTIONS_RUN;
}
