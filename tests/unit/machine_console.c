// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_console.c: escape sequences, recognised panics, and that stdio gets and gives every byte:
 * through pipes, on a pseudo terminal whose mode must come back, and through the other places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>
#include "console.h"
#include "escape.h"

static void escapes(void **state)
{
	static const struct {
		const char *keys, *sent;
		enum escape_action last;
	} cases[] = {
		{"abc", "abc", ESCAPE_SEND},
		{"\001x", "", ESCAPE_QUIT},
		{"\001h", "", ESCAPE_HELP},
		{"\001\001", "\001", ESCAPE_SEND},
		{"\001q", "", ESCAPE_NOTHING},
		{"a\001", "a", ESCAPE_NOTHING},
		{"\001qx", "x", ESCAPE_SEND},
		{"\001\001x", "\001x", ESCAPE_SEND},
		{"\001\001\001x", "\001", ESCAPE_QUIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum escape_action a = ESCAPE_NOTHING;
		bool pending = false;
		char sent[8] = "";
		size_t n = 0;

		for (const char *p = cases[i].keys; *p; p++) {
			a = escape_byte(&pending, (uint8_t)*p);
			if (a == ESCAPE_SEND)
				sent[n++] = *p;
		}
		assert_string_equal(sent, cases[i].sent);
		assert_int_equal(a, cases[i].last);
	}
}

static void panics(void **state)
{
#define MARK "Kernel panic - not syncing"
	static const struct {
		const char *text;
		enum panic_event event;
	} cases[] = {
		{MARK ": x\r\n", PANIC_BEGUN},
		{"[    1.234567] " MARK ": Fatal exception\r\n", PANIC_BEGUN},
		{"[    1.2][    T1] " MARK ": x\n", PANIC_BEGUN},
		{"~ # [    1.2] " MARK ": x\n", PANIC_BEGUN},
		{"[    1.2] ---[ end " MARK ": x ]---\r\n", PANIC_OVER},
		{"---[ end " MARK " ]---\n", PANIC_OVER},
		/* good twins */
		{MARK ": unfinished", PANIC_NOTHING},
		{"grep: " MARK "\n", PANIC_NOTHING},
		{"echo \"" MARK "\"\n", PANIC_NOTHING},
		{"[    1.2] Kernel panic\n", PANIC_NOTHING},
		{"[    1.2] ---[ end trace 0000 ]---\n", PANIC_NOTHING},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum panic_event e = PANIC_NOTHING;
		struct panic_scan s = {.len = 0};

		for (const char *p = cases[i].text; *p; p++)
			e = panic_scan_byte(&s, (uint8_t)*p);
		if (e != cases[i].event)
			fail_msg("case %zu: event %d", i, e);
	}
}

/* The lines from the first to the last one of a panic, and no more than there is room for. */
static void panic_text(void **state)
{
	static const char console[] = "before\n[ 1.0] " MARK ": x\r\nCPU: 0\nend\n";
	struct panic_scan s = {.len = 0};

	for (const char *p = console; *p; p++)
		panic_scan_byte(&s, (uint8_t)*p);
	assert_string_equal(s.text, "[ 1.0] " MARK ": x\nCPU: 0\nend\n");
	for (int i = 0; i < 100000; i++)
		panic_scan_byte(&s, i % 50 ? 'x' : '\n');
	assert_true(strlen(s.text) == s.text_len && s.text_len > sizeof(s.text) - 60);
	assert_int_equal(s.text[s.text_len - 1], '\n');
}

static void endless_line(void **state)
{
	struct panic_scan s = {.len = 0};

	for (int i = 0; i < 100000; i++)
		assert_int_equal(panic_scan_byte(&s, 'x'), PANIC_NOTHING);
	assert_int_equal(panic_scan_byte(&s, '\n'), PANIC_NOTHING);
}

/* ---- a console in a child process, with stdio of our choice ---- */

struct child {
	struct console *console;
	char input[64];
	size_t len, limit;
	bool quit;
};

static size_t on_input(void *ctx, const uint8_t *bytes, size_t len)
{
	struct child *c = ctx;
	size_t n = len < c->limit - c->len ? len : c->limit - c->len;

	memcpy(c->input + c->len, bytes, n);
	c->len += n;
	return n;
}

static void on_panic(void *ctx, enum panic_event event)
{
}

static void on_quit(void *ctx, const char *why)
{
	struct child *c = ctx;

	c->quit = true;
}

static void guest_prints(struct console *c, const char *text)
{
	while (*text)
		console_put(c, (uint8_t)*text++);
}

static struct child make_child(void)
{
	struct child c = {.limit = sizeof(c.input)};

	return c;
}

static void open_console(struct child *c)
{
	const struct console_ops ops = {c, on_input, on_panic, on_quit};

	c->console = console_create(&ops);
	if (!c->console)
		_exit(99);
	console_begin(c->console);
}

static int close_console(struct child *c)
{
	console_end(c->console);
	console_destroy(c->console);
	return 0;
}

static int echo_child(void)
{
	struct child c = make_child();

	open_console(&c);
	guest_prints(c.console, "one\r\ntw");
	console_write_stderr(c.console, "report\n", 7);
	guest_prints(c.console, "o\r\n");
	console_write_stderr(c.console, "again\n", 6);
	guest_prints(c.console, "rest");
	for (int i = 0; i < 50 && c.len < 5; i++)
		console_serve(c.console, 100);
	return close_console(&c) || c.len != 5 || memcmp(c.input, "\001xabc", 5);
}

struct stdio {
	int in, out, err; /* become the child's 0, 1, 2 */
};

static pid_t spawn(int (*fn)(void), struct stdio io, bool session)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (session && (setsid() < 0 || ioctl(io.in, TIOCSCTTY, 0)))
		_exit(98);
	if (dup2(io.in, 0) < 0 || dup2(io.out, 1) < 0 || dup2(io.err, 2) < 0)
		_exit(97);
	alarm(20);
	_exit(fn());
}

static void read_until_eof(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size - 1 && (r = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
}

/* stdin is a pipe: no byte of it is an escape. one_place: stderr goes where stdout goes. */
static void through_pipes(bool one_place, const char *out_expected, const char *err_expected)
{
	int in[2], out[2], err[2], status;
	char text[256];
	pid_t pid;

	assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
	assert_int_equal(write(in[1], "\001xabc", 5), 5);
	close(in[1]);
	pid = spawn(echo_child, (struct stdio){in[0], out[1], one_place ? out[1] : err[1]}, false);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	read_until_eof(out[0], text, sizeof(text));
	assert_string_equal(text, out_expected);
	read_until_eof(err[0], text, sizeof(text));
	assert_string_equal(text, err_expected);
	close(out[0]);
	close(err[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void separate_pipes(void **state)
{
	through_pipes(false, "one\r\ntwo\r\nrest", "report\nagain\n");
}

static void one_pipe(void **state)
{
	through_pipes(true, "one\r\ntw\nreport\no\r\nagain\nrest\n", "");
}

/* The reader does not read: nothing is lost once it does. */
static int flood_child(void)
{
	struct child c = make_child();

	open_console(&c);
	for (int i = 0; i < 5000; i++)
		guest_prints(c.console, "0123456789012345678901234567890123456789\r\n");
	return close_console(&c);
}

static void slow_reader(void **state)
{
	int out[2], null = open("/dev/null", O_RDWR), status;
	size_t total = 0;
	char buf[4096];
	ssize_t r;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = spawn(flood_child, (struct stdio){null, out[1], null}, false);
	close(out[1]);
	close(null);
	usleep(300000);
	while ((r = read(out[0], buf, sizeof(buf))) > 0)
		total += (size_t)r;
	close(out[0]);
	assert_int_equal(total, 5000 * 42);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Its twin: a reader that is gone must not hold up the guest. */
static void dead_reader(void **state)
{
	int out[2], null = open("/dev/null", O_RDWR), status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	close(out[0]);
	pid = spawn(flood_child, (struct stdio){null, out[1], null}, false);
	close(out[1]);
	close(null);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int stuck_child(void)
{
	struct child c = make_child();

	open_console(&c);
	console_closing(c.console);
	for (int i = 0; i < 5000; i++)
		guest_prints(c.console, "0123456789012345678901234567890123456789\r\n");
	return close_console(&c);
}

/* Nobody reads, and the machine is ending: it ends within a few seconds. */
static void stuck_reader(void **state)
{
	int out[2], null = open("/dev/null", O_RDWR), status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = spawn(stuck_child, (struct stdio){null, out[1], null}, false);
	close(null);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(out[0]);
	close(out[1]);
}

/* ---- other places than stdio ---- */

static char place[64]; /* of console_open() */
static uint64_t place_limit;

static void open_place(struct child *c)
{
	const struct console_ops ops = {c, on_input, on_panic, on_quit};
	char err[256];

	c->console = console_create(&ops);
	if (!c->console || console_open(c->console, place, place_limit, err, sizeof(err)))
		_exit(99);
	console_begin(c->console);
}

/* What the guest gets is what it prints; "q" is the end. */
static int socket_child(void)
{
	struct child c = make_child();
	size_t seen = 0;

	open_place(&c);
	guest_prints(c.console, "nobody reads this\r\n");
	while (!c.len || c.input[c.len - 1] != 'q') {
		console_serve(c.console, 100);
		for (; seen < c.len; seen++)
			console_put(c.console, (uint8_t)c.input[seen]);
		console_put(c.console, '.');
	}
	return close_console(&c);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	for (int i = 0; i < 100 && connect(fd, (struct sockaddr *)&a, sizeof(a)); i++)
		usleep(50000);
	return fd;
}

static void wait_for_echo(int fd, char letter)
{
	char byte = 0;

	assert_int_equal(write(fd, &letter, 1), 1);
	while (byte != letter)
		assert_int_equal(read(fd, &byte, 1), 1);
}

static pid_t spawn_quiet(int (*fn)(void), int *out)
{
	int pipes[2], null = open("/dev/null", O_RDWR);
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = spawn(fn, (struct stdio){null, pipes[1], null}, false);
	close(pipes[1]);
	close(null);
	*out = pipes[0];
	return pid;
}

/* Nothing of it goes to stdout. */
static void ends_well(pid_t pid, int out)
{
	char text[64];
	int status;

	read_until_eof(out, text, sizeof(text));
	assert_string_equal(text, "");
	close(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* One after the other, and whoever leaves is not missed. */
static void socket_clients(void **state)
{
	int out, fd, second;
	pid_t pid;

	snprintf(place, sizeof(place), "unix:/tmp/kmc-console-%d", (int)getpid());
	pid = spawn_quiet(socket_child, &out);
	fd = connect_to(place + 5);
	wait_for_echo(fd, 'a');
	second = connect_to(place + 5);
	close(fd);
	wait_for_echo(second, 'b');
	assert_int_equal(write(second, "q", 1), 1);
	ends_well(pid, out);
	close(second);
	assert_int_equal(access(place + 5, F_OK), -1);
}

/* The first client does not read: it is let go, the guest goes on, and the second one is served. */
static int socket_flood_child(void)
{
	struct child c = make_child();

	open_place(&c);
	while (!c.len) {
		console_serve(c.console, 0);
		for (int i = 0; i < 100; i++)
			guest_prints(c.console, "0123456789012345678901234567890123456789\r\n");
	}
	return close_console(&c);
}

static void stuck_client(void **state)
{
	char text[4096];
	int out, stuck, fd;
	pid_t pid;

	snprintf(place, sizeof(place), "unix:/tmp/kmc-console-%d", (int)getpid());
	pid = spawn_quiet(socket_flood_child, &out);
	stuck = connect_to(place + 5);
	fd = connect_to(place + 5);
	assert_true(read(fd, text, sizeof(text)) > 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	ends_well(pid, out);
	close(stuck);
}

static int file_child(void)
{
	struct child c = make_child();

	open_place(&c);
	guest_prints(c.console, "text\r\nrest");
	return close_console(&c);
}

static void to_a_file(void **state)
{
	char text[64] = "";
	int out, fd;
	pid_t pid;

	snprintf(place, sizeof(place), "/tmp/kmc-console-%d", (int)getpid());
	fd = open(place, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "what was there before", 21), 21);
	pid = spawn_quiet(file_child, &out);
	ends_well(pid, out);
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), 10);
	assert_string_equal(text, "text\r\nrest");
	close(fd);
	assert_int_equal(unlink(place), 0);
}

/* The guest says more than the file may get: what came first stays, and it goes on. */
static void to_a_limited_file(void **state)
{
	static const char wanted[] = "text\r\n\n[kmc-vmm: the rest is missing: --file-limit]\n";
	char text[128] = "";
	int out, fd;
	pid_t pid;

	snprintf(place, sizeof(place), "/tmp/kmc-console-%d", (int)getpid());
	place_limit = 6;
	pid = spawn_quiet(file_child, &out);
	place_limit = 0;
	ends_well(pid, out);
	fd = open(place, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, wanted);
	close(fd);
	assert_int_equal(unlink(place), 0);
}

static int flood_to_place(void)
{
	struct child c = make_child();

	open_place(&c);
	for (int i = 0; i < 5000; i++)
		guest_prints(c.console, "0123456789012345678901234567890123456789\r\n");
	return close_console(&c);
}

static void to_nowhere(void **state)
{
	pid_t pid;
	int out;

	strcpy(place, "null");
	pid = spawn_quiet(flood_to_place, &out);
	ends_well(pid, out);
}

static void bad_places(void **state)
{
	static const char *const places[] = {"unix:", "unix:/no/such/folder", "/no/such/folder", ""};
	const struct console_ops ops = {NULL, on_input, on_panic, on_quit};
	char err[256];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct console *c = console_create(&ops);

		assert_int_equal(console_open(c, places[i], 0, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "--serial"));
		console_destroy(c);
	}
}

/* ---- terminal ---- */

static int terminal_child(void)
{
	struct child c = make_child();

	open_console(&c);
	guest_prints(c.console, "ready\r\n");
	while (!c.quit)
		console_serve(c.console, 1000);
	return close_console(&c) || c.len != 3 || memcmp(c.input, "a\003b", 3);
}

static int crash_child(void)
{
	struct child c = make_child();

	open_console(&c);
	guest_prints(c.console, "ready\r\n");
	while (!c.quit)
		console_serve(c.console, 1000);
	return close_console(&c);
}

static void wait_for(int fd, const char *text)
{
	char buf[256] = "";
	size_t n = 0;

	while (!strstr(buf, text)) {
		ssize_t r = read(fd, buf + n, sizeof(buf) - 1 - n);

		assert_true(r > 0);
		n += (size_t)r;
		buf[n] = '\0';
	}
}

static int open_terminal(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*slave >= 0);
	return master;
}

static bool is_raw(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static void on_terminal(int (*fn)(void), const char *keys, int sig, int expected_status)
{
	int slave, master = open_terminal(&slave), status;
	pid_t pid = spawn(fn, (struct stdio){slave, slave, slave}, true);

	wait_for(master, "ready");
	assert_true(is_raw(slave));
	assert_int_equal(write(master, keys, strlen(keys)), strlen(keys));
	if (sig)
		assert_int_equal(kill(pid, sig), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, expected_status);
	assert_false(is_raw(slave));
	close(slave);
	close(master);
}

static void quits_by_escape(void **state)
{
	on_terminal(terminal_child, "a\003b\001h\001x", 0, 0);
}

static void quits_by_signal(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int slave, master = open_terminal(&slave), status;
		pid_t pid = spawn(terminal_child, (struct stdio){slave, slave, slave}, true);

		wait_for(master, "ready");
		assert_true(is_raw(slave));
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status)); /* not killed: it ended itself */
		assert_false(is_raw(slave));
		close(slave);
		close(master);
	}
}

/* A crash of ours restores the terminal too. */
static void restores_after_crash(void **state)
{
	on_terminal(crash_child, "", SIGABRT, SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),	   cmocka_unit_test(panics),
		cmocka_unit_test(panic_text),	   cmocka_unit_test(endless_line),
		cmocka_unit_test(separate_pipes),  cmocka_unit_test(one_pipe),
		cmocka_unit_test(slow_reader),	   cmocka_unit_test(dead_reader),
		cmocka_unit_test(stuck_reader),	   cmocka_unit_test(quits_by_escape),
		cmocka_unit_test(quits_by_signal), cmocka_unit_test(restores_after_crash),
		cmocka_unit_test(socket_clients),  cmocka_unit_test(stuck_client),
		cmocka_unit_test(to_a_file),	   cmocka_unit_test(to_a_limited_file),
		cmocka_unit_test(to_nowhere),	   cmocka_unit_test(bad_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
