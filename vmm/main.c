// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: the program. Gathers kernel, agent and initramfs, starts reporting, runs the machine under
 * the checker, and turns how it ended into an exit code. Everything that can be refused is refused
 * before the guest runs its first instruction.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent_file.h"
#include "checker.h"
#include "control.h"
#include "coverage_file.h"
#include "device_options.h"
#include "domain.h"
#include "initramfs.h"
#include "inspect.h"
#include "memory_use.h"
#include "metrics.h"
#include "notices.h"
#include "notify.h"
#include "options.h"
#include "output.h"
#include "pool.h"
#include "qemu_argv.h"
#include "qmp.h"
#include "sandbox.h"
#include "sink.h"
#include "stats.h"
#include "terminal.h"

#define TICK_MS 1000

/* docs/kmc-vmm.1, EXIT STATUS; those up to 36 are crosvm's. */
enum exit_code {
	EXIT_POWEROFF = 0,
	EXIT_RESET = 32,
	EXIT_CRASH = 33,
	EXIT_PANIC = 34,
	EXIT_USAGE = 35,
	EXIT_HANG = 36,
	EXIT_HOST = 37,
	EXIT_INTERNAL = 38,
	EXIT_OPERATOR = 39,
	EXIT_REPORT = 40, /* 41: SANDBOX_EXIT */
};

static const struct {
	const char *name;
	int code;
} ends[] = {
	[END_RUNNING] = { "running", EXIT_INTERNAL }, [END_POWEROFF] = { "power-off", EXIT_POWEROFF },
	[END_RESET] = { "reset", EXIT_RESET },	      [END_PANIC] = { "guest panic", EXIT_PANIC },
	[END_CRASH] = { "guest crash", EXIT_CRASH },  [END_OPERATOR] = { "stopped", EXIT_OPERATOR },
	[END_INTERNAL] = { "internal", EXIT_INTERNAL }, [END_REPORT] = { "report", EXIT_REPORT },
	[END_HANG] = { "hang", EXIT_HANG },
};

/*
 * What the checker needs of the kernel (docs/kmc-vmm.1): Debian zeroes every allocation, which would
 * hide uninitialised reads; merged caches and KFENCE's own pages would blur whose object it is.
 */
static const char checker_params[] =
	"init_on_alloc=0 init_on_free=0 slab_nomerge kfence.sample_interval=0";
static const char base_params[] = "console=ttyS0 panic=-1";
/* For --on-report panic: an NMI that nobody knows makes the kernel panic (docs/decisions/0008). */
static const char panic_params[] = " unknown_nmi_panic";

struct run {
	struct domain domain;
	struct options o;
	struct qemu_argv qemu; /* where we were called as QEMU: o points into it */
	char name[32], release[64], agent[PATH_MAX], *cmdline;
	void *initrd;
	size_t initrd_size;
	struct rules *rules;
	struct suppressions *suppressions, *noted;
	int stats_fd, coverage_fd, gen_fd; /* of --stats, --coverage, --gen-suppressions */
	struct sink *sink;
	struct debuginfo *debuginfo;
	struct checker *checker;
	struct machine *machine;
	struct qmp *qmp;
	struct control control;
	struct metrics *metrics;
	struct notify notify;
	char status[256]; /* what the service manager was told last */
};

static int fail(int code, const char *text)
{
	fprintf(stderr, "kmc-vmm: %s\n", text);
	return code;
}

static bool has_prefix_word(const char *params, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = params; (at = strstr(at, word)); at += n)
		if (at == params || at[-1] == ' ')
			return true;
	return false;
}

/* The value of rdinit= in the user's parameters, for the chain behind our own init. */
static void user_init(const char *params, char *out, size_t size)
{
	const char *at = params, *found = NULL;

	while ((at = strstr(at, "rdinit="))) {
		if (at == params || at[-1] == ' ')
			found = at + strlen("rdinit=");
		at++;
	}
	snprintf(out, size, "%.*s", found ? (int)strcspn(found, " ") : 5, found ? found : "/init");
}

/* Is there somebody at the serial port who could use a shell? */
static bool is_interactive(const char *serial)
{
	if (!serial || !strcmp(serial, "stdio"))
		return isatty(STDIN_FILENO);
	return !strncmp(serial, "unix:", 5);
}

/* NULL: there is none. */
static const char *find_busybox(void)
{
	static const char *const usual[] = { "/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox" };
	const char *own = getenv("KMC_BUSYBOX");

	for (unsigned i = 0; i < sizeof(usual) / sizeof(usual[0]) && !own; i++)
		if (access(usual[i], X_OK) == 0)
			own = usual[i];
	return own;
}

static int prepare_initrd(struct run *r)
{
	char err[512], next[PATH_MAX];
	struct initramfs_config config = { .initrd = r->o.initrd,
					   .agent = r->agent[0] ? r->agent : NULL,
					   .modules = r->o.modules,
					   .nmodules = r->o.nmodules,
					   .exec = r->o.exec,
					   .interactive = is_interactive(r->o.serial),
					   .busybox = find_busybox(),
					   .cmdline_init = next };

	user_init(r->o.append, next, sizeof(next));
	if (initramfs_build(&config, &r->initrd, &r->initrd_size, err, sizeof(err)) < 0)
		return fail(EXIT_USAGE, err);
	return 0;
}

/* For --rootfs, unless the user knows better. Our init in the built-in initramfs reads it as well. */
static const char *root_params(const struct options *o)
{
	for (unsigned i = 0; i < o->devices.folders; i++) {
		const struct fs_config *f = &o->devices.folder[i];

		if (strcmp(f->tag, DEVICE_OPTION_ROOT_TAG) || has_prefix_word(o->append, "root="))
			continue;
		return f->read_only ? " root=" DEVICE_OPTION_ROOT_TAG " rootfstype=virtiofs ro"
				    : " root=" DEVICE_OPTION_ROOT_TAG " rootfstype=virtiofs rw";
	}
	return "";
}

static int prepare_cmdline(struct run *r)
{
	bool init = !has_prefix_word(r->o.append, "rdinit=") || r->o.initrd;

	if (asprintf(&r->cmdline, "%s%s%s%s%s%s%s%s", base_params, root_params(&r->o),
		     r->o.on_report == ON_REPORT_PANIC ? panic_params : "", r->o.checks ? " " : "",
		     r->o.checks ? checker_params : "", *r->o.append ? " " : "", r->o.append,
		     init ? " rdinit=/kmc/init" : "") < 0) {
		r->cmdline = NULL;
		return fail(EXIT_INTERNAL, "out of memory");
	}
	fprintf(stderr, "kmc-vmm: booting Linux %s with parameters: %s\n", r->release, r->cmdline);
	return 0;
}

static void text_to_stderr(void *ctx, const char *text, size_t len)
{
	struct run *r = ctx;

	if (r->machine)
		machine_write_stderr(r->machine, text, len);
	else
		fwrite(text, 1, len, stderr);
}

static int prepare_sink(struct run *r)
{
	struct sink_config config = { .vm = r->control.vm,
				      .version = KMC_VERSION,
				      .release = r->release,
				      .socket_path = r->o.report_socket,
				      .log_path = r->o.report_log,
				      .log_limit = r->o.devices.file_limit,
				      .commands = control_commands(&r->control),
				      .style = r->o.report_style,
				      .keep_last = r->domain.o.record,
				      .text_ctx = r,
				      .text = text_to_stderr };
	char err[512];

	return sink_create(&config, &r->sink, err, sizeof(err)) < 0 ? fail(EXIT_USAGE, err) : 0;
}

static void say(void *ctx, const char *line)
{
	char text[1100];
	int n = snprintf(text, sizeof(text), "kmc-vmm: %s\n", line);

	text_to_stderr(ctx, text, (size_t)n);
}

static int prepare_debuginfo(struct run *r)
{
	struct debuginfo_config config = { .paths = r->o.vmlinux,
					   .npaths = r->o.nvmlinux,
					   .ctx = r,
					   .say = say };
	char err[512];

	if (!r->o.nvmlinux)
		return 0;
	return debuginfo_open(&config, &r->debuginfo, err, sizeof(err)) < 0 ? fail(EXIT_USAGE, err) : 0;
}

/*
 * For the service manager. To look at the counters takes the checker's lock: where somebody keeps that for
 * ever, the watchdog is not fed either.
 */
static void tick(void *ctx)
{
	struct run *r = ctx;
	struct checker_stats stats;
	struct checker_gauges now;
	char status[sizeof(r->status)];

	checker_look(r->checker, &stats, &now);
	snprintf(status, sizeof(status), "STATUS=%s: %llu reports, %llu met again, %llu objects",
		 machine_paused(r->machine) ? "paused" : "running", (unsigned long long)stats.reports,
		 (unsigned long long)stats.repeated, (unsigned long long)stats.objects);
	if (!r->status[0])
		notify_send(&r->notify, "READY=1");
	if (strcmp(status, r->status) != 0)
		notify_send(&r->notify, strcpy(r->status, status));
	if (r->notify.watchdog_ms)
		notify_send(&r->notify, "WATCHDOG=1");
}

static int prepare_notify(struct run *r)
{
	if (notify_open(&r->notify))
		return 0;
	return fail(EXIT_HOST, "cannot reach the service manager: unset NOTIFY_SOCKET, or correct it");
}

static int prepare_machine(struct run *r)
{
	struct checker_config checking = { .checks = r->o.checks,
					   .stack_depth = r->o.stack_depth,
					   .track = r->o.track,
					   .seed = r->o.seed,
					   .coverage = r->o.coverage,
					   .rules = r->rules,
					   .sink = r->sink,
					   .vm = r->control.vm,
					   .debuginfo = r->debuginfo,
					   .release = r->release,
					   .suppressions = r->suppressions,
					   .noted = r->o.gen_suppressions ? r->noted : NULL,
					   .max_reports = r->o.max_reports,
					   .on_report = r->o.on_report };
	struct machine_config config = { .kernel = r->o.kernel,
					 .initrd = r->initrd,
					 .initrd_size = r->initrd_size,
					 .cmdline = r->cmdline,
					 .devices = r->o.devices,
					 .serial = r->o.serial,
					 .tick_ctx = r,
					 .tick_ms = TICK_MS,
					 .hang_timeout = r->o.hang_timeout,
					 .cpus = r->o.cpus,
					 .memory = r->o.memory,
					 .plain_memory = !r->o.checks };
	struct machine_error error;
	char err[512];

	if (checker_create(&checking, &r->checker, err, sizeof(err)) < 0)
		return fail(EXIT_INTERNAL, err);
	checker_hooks(r->checker, &config.hooks);
	if (r->notify.fd >= 0)
		config.tick = tick;
	if (r->notify.watchdog_ms && r->notify.watchdog_ms < TICK_MS)
		config.tick_ms = r->notify.watchdog_ms;
	if (machine_create(&config, &r->machine, &error) < 0)
		return fail(error.bad_input ? EXIT_USAGE : EXIT_HOST, error.text);
	free(r->initrd); /* the guest has it */
	r->initrd = NULL;
	if (checker_attach(r->checker, r->machine, err, sizeof(err)) < 0)
		return fail(EXIT_INTERNAL, err);
	return 0;
}

static int prepare_control(struct run *r)
{
	char err[512];

	snprintf(r->name, sizeof(r->name), "kmc-%d", (int)getpid());
	r->suppressions = suppress_create();
	r->noted = suppress_create();
	if (!r->suppressions || !r->noted)
		return fail(EXIT_INTERNAL, "out of memory");
	if (r->o.suppressions &&
	    suppress_load(r->suppressions, r->o.suppressions, err, sizeof(err)) < 0)
		return fail(EXIT_USAGE, err);
	r->control = (struct control){ .suppressions = r->suppressions,
				       .vm = r->o.name ? r->o.name : r->name,
				       .release = r->release,
				       .heartbeat = r->o.heartbeat,
				       .memory_use = memory_use_open() };
	return 0;
}

/* Before the first thread is started. */
static int prepare_sandbox(struct run *r)
{
	struct sandbox_config config = { .vm = r->control.vm,
					 .change_user = r->o.change_user,
					 .uid = r->o.uid,
					 .gid = r->o.gid,
					 .reads_files = r->o.nvmlinux,
					 .at_trap = terminal_restore };
	char err[512];

	if (!r->o.sandbox) {
		say(r, "the sandbox is off");
		return 0;
	}
	return sandbox_prepare(&config, err, sizeof(err)) < 0 ? fail(EXIT_HOST, err) : 0;
}

static int prepare_metrics(struct run *r)
{
	char err[512];

	if (!r->o.metrics)
		return 0;
	return metrics_open(r->o.metrics, r->control.vm, &r->metrics, err, sizeof(err)) < 0
		       ? fail(EXIT_USAGE, err)
		       : 0;
}

static int prepare_outputs(struct run *r)
{
	char err[512];

	if ((r->o.stats && output_open("stats", r->o.stats, &r->stats_fd, err, sizeof(err)) < 0) ||
	    (r->o.coverage &&
	     output_open("coverage", r->o.coverage, &r->coverage_fd, err, sizeof(err)) < 0) ||
	    (r->o.gen_suppressions && output_open("gen-suppressions", r->o.gen_suppressions,
						  &r->gen_fd, err, sizeof(err)) < 0))
		return fail(EXIT_USAGE, err);
	return 0;
}

static int prepare(struct run *r)
{
	struct machine_error error;
	char err[512];
	int code;

	if (machine_host_check(&error) < 0)
		return fail(error.bad_input ? EXIT_USAGE : EXIT_HOST, error.text);
	if (bzimage_release(r->o.kernel, r->release, sizeof(r->release), &error) < 0)
		return fail(EXIT_USAGE, error.text);
	if (rules_load(r->o.rules, &r->rules, err, sizeof(err)) < 0)
		return fail(EXIT_USAGE, err);
	if (r->o.checks && agent_file_find(r->o.agent, r->release, r->agent, sizeof(r->agent), err,
					   sizeof(err)) < 0)
		return fail(EXIT_USAGE, err);
	code = prepare_debuginfo(r);
	if (!code)
		code = prepare_initrd(r);
	if (!code)
		code = prepare_cmdline(r);
	if (!code)
		code = prepare_control(r);
	if (!code)
		code = prepare_outputs(r);
	if (!code)
		code = prepare_sandbox(r);
	if (!code)
		code = prepare_sink(r);
	if (!code && r->o.qmp && qmp_open(r->o.qmp, &r->qmp, err, sizeof(err)) < 0)
		code = fail(EXIT_USAGE, err);
	if (!code)
		code = prepare_metrics(r);
	if (!code)
		code = prepare_notify(r);
	return code ? code : prepare_machine(r);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void explain_end(struct run *r, enum machine_end end)
{
	const char *text = machine_end_text(r->machine);

	if (end == END_INTERNAL)
		fprintf(stderr, "kmc-vmm: internal error: %s\n", text ? text : "no details");
	else if (end != END_POWEROFF)
		fprintf(stderr, "kmc-vmm: the guest ended: %s%s%s%s\n", ends[end].name,
			text ? " (" : "", text ? text : "", text ? ")" : "");
	if (r->o.checks && !checker_agent_seen(r->checker))
		fprintf(stderr, "kmc-vmm: nothing was checked: the agent did not load in the guest\n");
}

static int start_control(struct run *r)
{
	char err[512];

	r->control.checker = r->checker;
	r->control.machine = r->machine;
	r->control.sink = r->sink;
	r->control.began = now();
	if (r->metrics && metrics_start(r->metrics, &r->control, err, sizeof(err)) < 0)
		return fail(EXIT_HOST, err);
	if (sink_start_commands(r->sink, err, sizeof(err)))
		return fail(EXIT_HOST, err);
	if (r->qmp && qmp_start(r->qmp, r->machine, r->control.vm, KMC_VERSION, err, sizeof(err)))
		return fail(EXIT_HOST, err);
	return 0;
}

/* The last records; nothing that was asked for on the socket can come behind them. */
static void announce_end(struct run *r, enum machine_end end, int code)
{
	sink_stop_commands(r->sink);
	qmp_finish(r->qmp, end);
	notice_panic(&r->control);
	notice_exit(&r->control, ends[end].name, code);
	sink_finish(r->sink);
}

static int record_in_domain(struct run *r, enum machine_end end, int code, uint64_t reports)
{
	struct libvirt_run run = { .end = ends[end].name, .status = code, .reports = reports };
	char err[512];

	run.report = sink_last(r->sink, &run.report_len);
	return domain_record(&r->domain, &run, err, sizeof(err)) < 0 ? fail(EXIT_HOST, err) : code;
}

static int write_coverage(struct run *r, char *err, size_t errlen)
{
	struct coverage_run run = { .checker = r->checker,
				    .vm = r->control.vm,
				    .release = r->release,
				    .seed = r->o.seed };

	output_begin(r->coverage_fd);
	return coverage_write(r->coverage_fd, r->o.coverage, &run, err, errlen);
}

static int write_outputs(struct run *r, const struct run_figures *figures)
{
	char err[512];
	int code = 0;

	if (r->o.stats) {
		output_begin(r->stats_fd);
		if (stats_write(r->stats_fd, r->o.stats, figures, err, sizeof(err)) < 0)
			code = fail(EXIT_INTERNAL, err);
	}
	if (r->o.coverage && write_coverage(r, err, sizeof(err)) < 0)
		code = fail(EXIT_INTERNAL, err);
	if (r->o.gen_suppressions) {
		output_begin(r->gen_fd);
		if (suppress_save(r->noted, r->gen_fd, r->o.gen_suppressions, err, sizeof(err)) < 0)
			code = fail(EXIT_INTERNAL, err);
	}
	return code;
}

static int run(struct run *r)
{
	enum machine_end end = machine_run(r->machine);
	struct run_figures figures = { .checker = checker_stats(r->checker),
				       .run_ns = now() - r->control.began,
				       .overhead = memory_use_bytes(r->control.memory_use, machine_ram(r->machine)),
				       .exec_status = checker_exec_status(r->checker),
				       .release = r->release,
				       .end = ends[end].name };
	int code = ends[end].code;
	char line[512];

	if (figures.checker->reports && r->o.error_exitcode >= 0 && end != END_INTERNAL)
		code = r->o.error_exitcode;
	notify_send(&r->notify, "STOPPING=1");
	announce_end(r, end, code);
	figures.lost = sink_lost(r->sink);
	explain_end(r, end);
	stats_summary(&figures, line, sizeof(line));
	fputs(line, stderr);
	if (write_outputs(r, &figures))
		code = EXIT_INTERNAL;
	return record_in_domain(r, end, code, figures.checker->reports);
}

static int prepare_and_run(struct run *r)
{
	int code = prepare(r);

	if (!code)
		code = start_control(r);
	if (!code && !guest_ram_is_plain(machine_ram(r->machine)))
		pool_small_pages(); /* now: the programs that it starts have been started */
	return code ? code : run(r);
}

/* options_parse() of what QEMU's command line comes to. */
static enum options_result parse_as_qemu(struct run *r, int argc, char **argv)
{
	char text[8192];

	switch (qemu_translate(argc, argv, KMC_VERSION, &r->qemu, text, sizeof(text))) {
	case QEMU_RUN:
		break;
	case QEMU_ANSWER:
		fputs(text, stdout);
		return OPTIONS_EXIT;
	case QEMU_BAD:
		fprintf(stderr, "kmc-vmm-qemu: %s\n", text);
		return OPTIONS_BAD;
	}
	for (int i = 0; i < r->qemu.nnotes; i++)
		fprintf(stderr, "kmc-vmm-qemu: %s\n", r->qemu.notes[i]);
	return options_parse(r->qemu.argc, r->qemu.argv, &r->o);
}

static enum options_result parse(struct run *r, int argc, char **argv)
{
	enum options_result result;

	if (argc && qemu_name(argv[0]))
		return parse_as_qemu(r, argc, argv);
	result = domain_prepare(&r->domain, argc, argv);
	return result == OPTIONS_RUN ? options_parse(r->domain.argc, r->domain.argv, &r->o) : result;
}

int main(int argc, char **argv)
{
	static struct run r = { .notify = { .fd = -1 } };
	int code = EXIT_USAGE;

	switch (parse(&r, argc, argv)) {
	case OPTIONS_RUN:
		code = prepare_and_run(&r);
		break;
	case OPTIONS_EXIT:
		code = EXIT_SUCCESS;
		break;
	case OPTIONS_BAD:
		break;
	}
	sandbox_cancel(); /* where it was not entered, threads still wait for it */
	qmp_close(r.qmp);
	metrics_close(r.metrics);
	notify_close(&r.notify);
	sink_destroy(r.sink); /* its writer still uses the machine's console */
	checker_destroy(r.checker);
	machine_destroy(r.machine);
	debuginfo_close(r.debuginfo);
	rules_free(r.rules);
	suppress_destroy(r.suppressions);
	suppress_destroy(r.noted);
	qemu_argv_free(&r.qemu);
	free(r.initrd);
	free(r.cmdline);
	domain_deinit(&r.domain);
	return code;
}
