// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox_traps.c: what each kind of thread may do, what ends its process, and that it ends no
 * other. Each case is a process of its own with one thread of the kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>

#include "sandbox.h"

#define NOBODY	  65534
#define STATUS_FD 200

static const char *const kind_names[SANDBOX_KINDS] = {
	[SANDBOX_MAIN] = "main",	 [SANDBOX_VCPU] = "vcpu",     [SANDBOX_CHECKER] = "checker",
	[SANDBOX_COMMANDS] = "commands", [SANDBOX_DEVICE] = "device", [SANDBOX_NET] = "net",
	[SANDBOX_WRITER] = "writer",	 [SANDBOX_OUTLET] = "outlet", [SANDBOX_METRICS] = "metrics",
	[SANDBOX_LOCAL] = "local",	 [SANDBOX_QMP] = "qmp",
};

struct child {
	enum sandbox_kind kind;
	struct sandbox_config config;
	void (*act)(void); /* in the sandbox, on a thread of the kind */
	pid_t pid;
	int err, told; /* what it said on standard error, and to a listener */
	int go;	       /* closed: it may act */
};

/* ---- what they do ---- */

static void act_nothing(void)
{
}

static void act_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void act_execve(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void act_fork(void)
{
	syscall(SYS_fork);
}

static void act_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void act_signal(void)
{
	kill(getppid(), SIGKILL);
}

static void act_create_vm(void)
{
	ioctl(-1, KVM_CREATE_VM, 0);
}

static void act_run(void)
{
	if (ioctl(-1, KVM_RUN, 0) != -1 || errno != EBADF)
		_exit(1);
}

static void act_continue(void)
{
	if (ioctl(-1, UFFDIO_CONTINUE, 0) != -1 || errno != EBADF)
		_exit(1);
}

/* The kernel looks at the low half only, the filter at both. */
static void act_run_and_more(void)
{
	syscall(SYS_ioctl, -1, KVM_RUN | 1ull << 32, 0);
}

static void act_set_sregs(void)
{
	ioctl(-1, KVM_SET_SREGS, 0);
}

/* A system call of another number whose second argument is KVM_RUN. */
static void act_bind(void)
{
	syscall(SYS_bind, -1, KVM_RUN, 0);
}

static void act_internet(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		_exit(1);
	close(fd);
}

/* Of its own /proc/thread-self/status, opened before. */
static void read_status(char *text, size_t size)
{
	ssize_t n;

	lseek(STATUS_FD, 0, SEEK_SET);
	n = read(STATUS_FD, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
}

static void act_privileges(void)
{
	static const char *const wanted[] = {
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"};
	char text[8192];

	read_status(text, sizeof(text));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strstr(text, wanted[i]))
			_exit(2 + (int)i);
}

static void act_user(void)
{
	char text[8192], *at;

	read_status(text, sizeof(text));
	at = strstr(text, "Uid:\t65534\t65534\t65534\t65534\n");
	if (!at || !strstr(at, "Gid:\t65534\t65534\t65534\t65534\n") || !strstr(at, "Groups:\t \n"))
		_exit(1);
	act_privileges();
}

/* What threads do all the time. */
static void act_work(void)
{
	char *big = malloc(1 << 22), *small = malloc(100);
	struct timespec t = {.tv_nsec = 1000};
	struct pollfd p = {.fd = -1};

	memset(big, 1, 1 << 22);
	big = realloc(big, 1 << 23);
	free(big);
	free(small);
	clock_gettime(CLOCK_MONOTONIC, &t);
	t = (struct timespec){.tv_nsec = 1000};
	nanosleep(&t, NULL);
	poll(&p, 1, 1);
	fflush(stdout);
	pthread_kill(pthread_self(), 0);
	isatty(0);
}

#ifndef __SANITIZE_ADDRESS__
static void act_open(void)
{
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		_exit(1);
}
#endif

static void act_read_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		_exit(1);
	close(fd);
}

static void act_write_file(void)
{
	open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* ---- the processes ---- */

static void *thread_main(void *arg)
{
	const struct child *c = arg;

	dup2(open("/proc/thread-self/status", O_RDONLY), STATUS_FD);
	sandbox_thread(c->kind);
	c->act();
	return NULL;
}

/* The others wait until the main thread has entered; the main thread waits for the test. */
static void run_child(struct child *c, int err, int told)
{
	pthread_t thread;
	char text[512], byte;

	dup2(err, STDERR_FILENO);
	sandbox_tell(told);
	if (sandbox_prepare(&c->config, text, sizeof(text)))
		_exit(99);
	if (c->kind == SANDBOX_MAIN)
		dup2(open("/proc/thread-self/status", O_RDONLY), STATUS_FD);
	else
		pthread_create(&thread, NULL, thread_main, c);
	if (read(c->go, &byte, 1) != 0 || sandbox_enter(text, sizeof(text)))
		_exit(98);
	if (c->kind == SANDBOX_MAIN)
		c->act();
	else
		pthread_join(thread, NULL);
	_exit(0);
}

/* Returns what lets it go: to be closed. */
static int start(struct child *c)
{
	int err[2], told[2], go[2];

	c->config.vm = "a-vm";
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	fflush(NULL);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		close(go[1]);
		c->go = go[0];
		run_child(c, err[1], told[1]);
	}
	close(err[1]);
	close(told[1]);
	close(go[0]);
	c->err = err[0];
	c->told = told[0];
	return go[1];
}

static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
}

/* Its exit code; 128 + the signal that ended it. */
static int finish(struct child *c, char *err, char *told, size_t size)
{
	int status;

	read_all(c->err, err, size);
	read_all(c->told, told, size);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(struct child *c, char *err, char *told, size_t size)
{
	close(start(c));
	return finish(c, err, told, size);
}

static void expect_trap(enum sandbox_kind kind, void (*act)(void), const char *call, int number)
{
	struct child c = {.kind = kind, .act = act};
	char err[1024], told[1024], line[256];
	json_t *record;

	assert_int_equal(run(&c, err, told, sizeof(err)), SANDBOX_EXIT);
	snprintf(line, sizeof(line), "kmc-vmm: the thread \"%s\" made the system call %s (%d), ",
		 kind_names[kind], call, number);
	if (strncmp(err, line, strlen(line)) != 0)
		fail_msg("%s is not: %s", err, line);
	assert_int_equal(told[0], '\n'); /* ends what was being sent */
	record = json_loads(told + 1, 0, NULL);
	assert_non_null(record);
	assert_string_equal(json_string_value(json_object_get(record, "type")), "sandbox");
	assert_string_equal(json_string_value(json_object_get(record, "vm")), "a-vm");
	assert_string_equal(json_string_value(json_object_get(record, "thread")), kind_names[kind]);
	assert_string_equal(json_string_value(json_object_get(record, "syscall")), call);
	assert_int_equal(json_integer_value(json_object_get(record, "number")), number);
	assert_int_equal(json_integer_value(json_object_get(record, "status")), SANDBOX_EXIT);
	assert_true(json_integer_value(json_object_get(record, "host_time")) > 0);
	json_decref(record);
}

static void expect_silence(enum sandbox_kind kind, void (*act)(void))
{
	struct child c = {.kind = kind, .act = act};
	char err[1024], told[1024];
	int code = run(&c, err, told, sizeof(err));

	if (code || *err || *told)
		fail_msg("%s: exit code %d, %s%s", kind_names[kind], code, err, told);
}

/* ---- the cases ---- */

static void test_not_listed(void **state)
{
	for (int kind = 0; kind < SANDBOX_KINDS; kind++) {
		if (kind != SANDBOX_LOCAL)
			expect_trap(kind, act_socket, "socket", SYS_socket);
		expect_trap(kind, act_execve, "execve", SYS_execve);
		expect_trap(kind, act_fork, "fork", SYS_fork);
		expect_trap(kind, act_code, "mprotect", SYS_mprotect);
		expect_trap(kind, act_create_vm, "ioctl", SYS_ioctl);
	}
}

static void test_listed(void **state)
{
	for (int kind = 0; kind < SANDBOX_KINDS; kind++) {
		expect_silence(kind, act_nothing);
		expect_silence(kind, act_work);
		expect_silence(kind, act_privileges);
	}
}

static void test_kinds_differ(void **state)
{
	expect_silence(SANDBOX_VCPU, act_run);
	expect_silence(SANDBOX_VCPU, act_continue);
	expect_silence(SANDBOX_CHECKER, act_continue);
	expect_trap(SANDBOX_VCPU, act_run_and_more, "ioctl", SYS_ioctl);
	expect_trap(SANDBOX_VCPU, act_set_sregs, "ioctl", SYS_ioctl);
	expect_trap(SANDBOX_VCPU, act_bind, "bind", SYS_bind);
	expect_silence(SANDBOX_NET, act_internet);
	expect_trap(SANDBOX_NET, act_run, "ioctl", SYS_ioctl);
	expect_trap(SANDBOX_OUTLET, act_run, "ioctl", SYS_ioctl);
	expect_trap(SANDBOX_VCPU, act_internet, "socket", SYS_socket);
	expect_trap(SANDBOX_DEVICE, act_internet, "socket", SYS_socket);
	expect_silence(SANDBOX_LOCAL, act_socket);
	expect_trap(SANDBOX_LOCAL, act_internet, "socket", SYS_socket);
}

static void test_files(void **state)
{
	struct child reports = {
		.kind = SANDBOX_VCPU, .act = act_read_file, .config = {.reads_files = true}};
	char err[1024], told[1024];

	assert_int_equal(run(&reports, err, told, sizeof(err)), 0);
	expect_silence(SANDBOX_NET, act_read_file);
#ifdef __SANITIZE_ADDRESS__
	expect_silence(SANDBOX_VCPU, act_write_file); /* the sanitizer's own reports open files */
#else
	expect_silence(SANDBOX_VCPU, act_open);
	expect_silence(SANDBOX_WRITER, act_open);
	reports.act = act_write_file;
	assert_int_equal(run(&reports, err, told, sizeof(err)), SANDBOX_EXIT);
	expect_trap(SANDBOX_NET, act_write_file, "openat", SYS_openat);
#endif
}

/* SIGTERM, for qemu-nbd, is all that anybody may send to another process. */
static void test_signals(void **state)
{
	char err[1024], told[1024];
	struct child c = {.kind = SANDBOX_MAIN, .act = act_signal};
	int code = run(&c, err, told, sizeof(err));

	assert_int_equal(code, SANDBOX_EXIT);
}

static void test_others_go_on(void **state)
{
	struct child other = {.kind = SANDBOX_VCPU, .act = act_work};
	char err[1024], told[1024];
	int go = start(&other);

	expect_trap(SANDBOX_VCPU, act_socket, "socket", SYS_socket);
	assert_int_equal(waitpid(other.pid, NULL, WNOHANG), 0);
	close(go);
	assert_int_equal(finish(&other, err, told, sizeof(err)), 0);
}

static void test_nobody_reads(void **state)
{
	struct child c = {.kind = SANDBOX_VCPU, .act = act_socket};
	int go = start(&c), status;

	close(c.err);
	close(c.told);
	close(go);
	assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SANDBOX_EXIT);
}

static void test_user(void **state)
{
	struct child c = {.kind = SANDBOX_VCPU,
			  .act = act_user,
			  .config = {.change_user = true, .uid = NOBODY, .gid = NOBODY}};
	char err[1024], told[1024];

	if (geteuid() == 0) {
		assert_int_equal(run(&c, err, told, sizeof(err)), 0);
		return;
	}
	assert_int_equal(sandbox_prepare(&c.config, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "--user"));
}

/* Without sandbox_prepare(), as in tests of everything else, nothing happens. */
static void test_off(void **state)
{
	char err[512];

	sandbox_thread(SANDBOX_OUTLET);
	assert_int_equal(sandbox_enter(err, sizeof(err)), 0);
	sandbox_cancel();
	act_socket();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),	     cmocka_unit_test(test_listed),
		cmocka_unit_test(test_not_listed),   cmocka_unit_test(test_kinds_differ),
		cmocka_unit_test(test_signals),	     cmocka_unit_test(test_others_go_on),
		cmocka_unit_test(test_nobody_reads), cmocka_unit_test(test_user),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
