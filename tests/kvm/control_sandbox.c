// SPDX-License-Identifier: GPL-2.0-only
/*
 * control_sandbox.c: all that a running VM consists of, in the sandbox, in a process of its own: a
 * guest that is reported, the report socket with each of its commands, the log, the metrics, and
 * the end. What it needs and is not allowed to do ends it with another code.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"
#include "control.h"
#include "memory_use.h"
#include "metrics.h"
#include "notices.h"
#include "sandbox.h"
#include "sink_client.h"

#define OBJECT	(DIRECT_MAP + SLAB + 0x10000)
#define WAIT_MS 20000

/* ---- the VM ---- */

static struct control control;

static struct sink *make_sink(const struct place *p)
{
	const struct sink_config config = {.vm = "vm-1",
					   .socket_path = p->socket,
					   .log_path = p->log,
					   .commands = control_commands(&control)};

	return sink_start(&config);
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "the VM: %s\n", what);
	_exit(99);
}

static void end_vm(struct guest *g, struct metrics *metrics)
{
	sink_stop_commands(control.sink);
	notice_exit(&control, "stopped", 0);
	metrics_close(metrics);
	sink_destroy(control.sink);
	agent_guest_destroy(g);
	suppress_destroy(control.suppressions);
	exit(0);
}

/* It stands at its first report until a command ends it. */
static void run_vm(const struct place *p, const char *address)
{
	struct checker_config config = {
		.checks = ~0u, .rules = rules, .on_report = ON_REPORT_PAUSE};
	struct sandbox_config box = {.vm = "vm-1"};
	struct metrics *metrics;
	struct guest g;
	char err[512];

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* where the test fails */
	control = (struct control){.vm = "vm-1",
				   .release = "6.1.0-\"x\"",
				   .heartbeat = 1,
				   .suppressions = suppress_create(),
				   .memory_use = memory_use_open()};
	config.suppressions = control.suppressions;
	need(!sandbox_prepare(&box, err, sizeof(err)), err);
	control.sink = config.sink = make_sink(p);
	need(!metrics_open(address, "vm-1", &metrics, err, sizeof(err)), err);
	agent_guest_create(&g, &config);
	record(&g, KMC_LARGE, OBJECT, 100, 4096);
	record(&g, KMC_LARGE, OBJECT + 8192, 100, 4096);
	record(&g, KMC_FREE, OBJECT, 0, 0);
	record(&g, KMC_FREE, OBJECT, 0, 0);
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	control.machine = g.machine;
	control.checker = g.checker;
	need(!metrics_start(metrics, &control, err, sizeof(err)), err);
	need(!sink_start_commands(control.sink, err, sizeof(err)), err);
	need(machine_run(g.machine) == END_OPERATOR, machine_end_text(g.machine));
	end_vm(&g, metrics);
}

/* ---- who asks ---- */

static void ask(struct client *c, const char *command)
{
	char line[256];
	json_t *j;

	snprintf(line, sizeof(line), "{\"id\":7,%s}\n", command);
	client_send(c, line, strlen(line));
	while ((j = client_next(c)) && !is_type(j, "reply"))
		json_decref(j);
	if (!j || !json_is_true(json_object_get(j, "ok")))
		fail_msg("%s: %s", command, j ? json_text(j, "error") : "the end");
	json_decref(j);
}

static void wait_for_file(const char *path)
{
	for (int i = 0; i < WAIT_MS && access(path, F_OK); i++)
		usleep(1000);
}

static void wait_for_type(struct client *c, const char *type)
{
	json_t *j;

	while ((j = client_next(c)) && !is_type(j, type))
		json_decref(j);
	if (!j)
		fail_msg("no %s", type);
	json_decref(j);
}

static int connect_to(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(client_socket(fd, path), 0);
	return fd;
}

static void get_metrics(const char *path, char *text, size_t size)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = connect_to(path);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
}

/* tests/lab/many reads them as the standard has it. */
static void check_metrics(const char *path)
{
	static const char *const wanted[] = {
		"HTTP/1.0 200 OK\r\n",
		"\r\n\r\n# TYPE kmc_vm info\n",
		"kmc_vm_info{vm=\"vm-1\",release=\"6.1.0-\\\"x\\\"\",version=\"",
		"# TYPE kmc_reports counter\n",
		"kmc_reports_total{vm=\"vm-1\"} 1\n",
		"kmc_paused{vm=\"vm-1\"} 1\n",
		"kmc_live_objects{vm=\"vm-1\"} 1\n",
		"# UNIT kmc_overhead_bytes bytes\n",
	};
	static const char end[] = "\n# EOF\n";
	char text[2 * METRICS_SIZE];

	get_metrics(path, text, sizeof(text));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strstr(text, wanted[i]))
			fail_msg("no %s in %s", wanted[i], text);
	assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void ask_everything(struct client *c, const char *metrics)
{
	static const char *const commands[] = {
		"\"cmd\":\"help\"",
		"\"cmd\":\"stats\"",
		"\"cmd\":\"checks\",\"class\":\"uaf\",\"on\":false",
		"\"cmd\":\"track\",\"mode\":\"full\"",
		"\"cmd\":\"track\",\"mode\":\"off\"",
		"\"cmd\":\"one-shot\",\"on\":false",
		"\"cmd\":\"suppress\",\"function\":\"f\"",
		"\"cmd\":\"objects\",\"cache\":\"*\"",
		"\"cmd\":\"read\",\"addr\":\"0x2100000\",\"physical\":true",
		"\"cmd\":\"pause\"",
	};

	wait_for_type(c, "report");
	wait_for_type(c, "heartbeat");
	check_metrics(metrics);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		ask(c, commands[i]);
	ask(c, "\"cmd\":\"quit\"");
	wait_for_type(c, "exit");
}

/* metrics: room for the path of its socket. */
static pid_t start_vm(const struct place *p, char metrics[64], struct client **c)
{
	char address[80];
	pid_t vm;

	snprintf(metrics, 64, "%s/metrics", p->dir);
	snprintf(address, sizeof(address), "unix:%s", metrics);
	fflush(NULL);
	vm = fork();
	if (vm == 0)
		run_vm(p, address);
	wait_for_file(p->socket);
	*c = client_connect(p->socket);
	return vm;
}

static void expect_good_end(pid_t vm)
{
	int status;

	assert_int_equal(waitpid(vm, &status, 0), vm);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_everything(void **state)
{
	struct place *p = *state;
	struct client *c;
	char metrics[64];
	pid_t vm = start_vm(p, metrics, &c);

	ask_everything(c, metrics);
	client_close(c);
	expect_good_end(vm);
	assert_int_equal(access(p->socket, F_OK), -1);
	assert_int_equal(access(metrics, F_OK), -1);
}

/* One that asks nothing, and one that goes, keep nobody from an answer for long. */
static void test_slow_readers(void **state)
{
	struct place *p = *state;
	char metrics[64], text[2 * METRICS_SIZE];
	struct client *c;
	pid_t vm = start_vm(p, metrics, &c);
	int slow;

	wait_for_file(metrics);
	slow = connect_to(metrics);
	close(connect_to(metrics));
	get_metrics(metrics, text, sizeof(text));
	assert_non_null(strstr(text, "# EOF\n"));
	close(slow);
	slow = connect_to(metrics);
	ask(c, "\"cmd\":\"quit\""); /* and the end waits for nobody */
	client_close(c);
	expect_good_end(vm);
	close(slow);
}

/* Threads that wait for the sandbox must not keep a start from failing. */
static void test_start_fails(void **state)
{
	struct place *p = *state;
	pid_t vm;

	fflush(NULL);
	vm = fork();
	if (vm == 0) {
		const struct sandbox_config box = {.vm = "vm-1"};
		const struct sink_config config = {
			.vm = "vm-1", .socket_path = "/no/such/folder/x", .log_path = p->log};
		struct sink *s;
		char err[512];

		alarm(20);
		need(!sandbox_prepare(&box, err, sizeof(err)), err);
		need(sink_create(&config, &s, err, sizeof(err)) == -1, "the sink was made");
		_exit(0);
	}
	expect_good_end(vm);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",
					  "9100",
					  ":0",
					  ":65536",
					  ":x",
					  "::1:9100",
					  "localhost:9100",
					  "127.0.0.1",
					  "unix:/no/such/folder/x"};
	struct metrics *m, *other;
	char err[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*err = '\0';
		assert_int_equal(metrics_open(bad[i], "vm-1", &m, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "--metrics"));
		assert_null(m);
	}
	assert_int_equal(metrics_open(":39517", "vm-1", &m, err, sizeof(err)), 0);
	/* Taken. Another host's address would not do: where no network is up, as in the lab, Linux binds to any. */
	assert_int_equal(metrics_open(":39517", "vm-1", &other, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "--metrics"));
	assert_null(other);
	metrics_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test_setup_teardown(test_start_fails, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_everything, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(test_slow_readers, place_setup, place_teardown),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
