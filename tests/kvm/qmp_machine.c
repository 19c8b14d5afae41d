// SPDX-License-Identifier: GPL-2.0-only
/*
 * qmp_machine.c: QMP on a machine that runs: what farms ask and are told, over both kinds of
 * sockets; and clients that send nonsense, do not read or go away, which must harm nobody else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "qmp.h"
#include "tiny_guest.h"

#define WAIT_MS 10000

GUEST(spins, "mov $0x1122334455667788, %rbx\n1: jmp 1b");

static char path[64], address[80];
static struct qmp *server;
static const char *failed;

/* Only the first one counts. All of the client's threads but the main one say it so. */
static bool expect(bool ok, const char *what)
{
	if (!ok && !failed)
		failed = what;
	return ok;
}

/* ---- a client ---- */

struct peer {
	int fd;
	char in[65536];
	size_t at, len;
};

static struct peer connect_peer(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct peer p = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};

	strcpy(a.sun_path, path);
	expect(!connect(p.fd, (struct sockaddr *)&a, sizeof(a)), "nobody listens");
	return p;
}

static void say(struct peer *p, const char *text)
{
	size_t n = strlen(text);

	expect(send(p->fd, text, n, MSG_NOSIGNAL) == (ssize_t)n, "cannot send");
}

/* The next line as JSON; NULL: there is none, or the connection is closed. */
static json_t *hear(struct peer *p)
{
	struct pollfd waiting = {p->fd, POLLIN, 0};
	char *end;
	json_t *message;

	while (!(end = memchr(p->in + p->at, '\n', p->len - p->at))) {
		ssize_t n;

		if (poll(&waiting, 1, WAIT_MS) <= 0 || p->len == sizeof(p->in))
			return NULL;
		n = recv(p->fd, p->in + p->len, sizeof(p->in) - p->len, 0);
		if (n <= 0)
			return NULL;
		p->len += (size_t)n;
	}
	message = json_loadb(p->in + p->at, (size_t)(end - p->in) - p->at, 0, NULL);
	p->at = (size_t)(end - p->in) + 1;
	return message;
}

/* The answer's "return", behind all events; NULL where it is an error. */
static json_t *ask(struct peer *p, const char *request)
{
	json_t *message, *value = NULL;
	bool event = true;

	say(p, request);
	while (event) {
		message = hear(p);
		event = json_object_get(message, "event");
		value = event ? NULL : json_incref(json_object_get(message, "return"));
		json_decref(message);
	}
	return value;
}

static bool answers(struct peer *p, const char *request)
{
	json_t *value = ask(p, request);

	json_decref(value);
	return value;
}

static bool is_refused(struct peer *p, const char *request, const char *class)
{
	const char *found;
	json_t *message;
	bool same;

	say(p, request);
	message = hear(p);
	found = json_string_value(json_object_get(json_object_get(message, "error"), "class"));
	same = found && !strcmp(found, class);
	json_decref(message);
	return same;
}

static bool hears_event(struct peer *p, const char *event)
{
	json_t *message = hear(p);
	const char *found = json_string_value(json_object_get(message, "event"));
	bool same = found && !strcmp(found, event) &&
		    json_object_get(json_object_get(message, "timestamp"), "seconds");

	json_decref(message);
	return same;
}

static struct peer negotiate(void)
{
	struct peer p = connect_peer();
	json_t *hello = hear(&p);

	expect(json_integer_value(json_object_get(
		       json_object_get(json_object_get(json_object_get(hello, "QMP"), "version"),
				       "qemu"),
		       "major")) == 7,
	       "no greeting");
	json_decref(hello);
	expect(answers(&p, "{\"execute\":\"qmp_capabilities\"}\n"), "no negotiation");
	return p;
}

/* ---- the tests, on a thread beside the machine ---- */

static void check_registers(struct peer *p)
{
	json_t *value = ask(p, "{\"execute\":\"human-monitor-command\",\"arguments\":"
			       "{\"command-line\":\"info registers\",\"cpu-index\":0}}\n");
	const char *text = json_string_value(value);

	expect(text && strstr(text, "RBX=1122334455667788") && strstr(text, "\nRIP=") &&
		       strstr(text, "CS =0010") && strstr(text, "EFER=0000000000000500"),
	       "no registers");
	json_decref(value);
	value = ask(p, "{\"execute\":\"human-monitor-command\",\"arguments\":"
		       "{\"command-line\":\"info registers -a\"}}");
	text = json_string_value(value);
	expect(text && strstr(text, "CPU#0\r\n") && strstr(text, "CPU#1\r\n"), "not of all CPUs");
	json_decref(value);
	expect(is_refused(p,
			  "{\"execute\":\"human-monitor-command\",\"arguments\":"
			  "{\"command-line\":\"info registers\",\"cpu-index\":2}}",
			  "GenericError"),
	       "a CPU that is not there");
	expect(answers(p, "{\"execute\":\"human-monitor-command\",\"arguments\":"
			  "{\"command-line\":\"info qtree\"}}"),
	       "the monitor does not answer");
}

static const char *status(struct peer *p)
{
	json_t *value = ask(p, "{\"execute\":\"query-status\"}");
	const char *text = json_string_value(json_object_get(value, "status"));
	static char copy[32];

	snprintf(copy, sizeof(copy), "%s", text ? text : "");
	json_decref(value);
	return copy;
}

static void check_ids(struct peer *p)
{
	json_t *message;

	say(p, "{\"execute\":\"query-name\",\"id\":{\"x\":[1]}}");
	message = hear(p);
	expect(json_object_get(json_object_get(message, "id"), "x"), "the id is not given back");
	expect(!strcmp(json_string_value(
			       json_object_get(json_object_get(message, "return"), "name")),
		       "VM-0"),
	       "another name");
	json_decref(message);
}

static void *talk(void *arg)
{
	struct peer p = connect_peer(), listener = negotiate();

	json_decref(hear(&p));
	expect(is_refused(&p, "{\"execute\":\"query-status\"}", "CommandNotFound"),
	       "no negotiation was needed");
	expect(answers(&p, "{\"execute\":\"qmp_capabilities\"}"), "no negotiation");
	expect(is_refused(&p, "{\"execute\":\"qmp_capabilities\"}", "CommandNotFound"), "twice");
	expect(answers(&p, "{\"execute\":\"query-version\"}"), "no version");
	expect(answers(&p, "{\"execute\":\"query-kvm\"}"), "no KVM");
	expect(answers(&p, "{\"execute\":\"query-commands\"}"), "no list");
	expect(is_refused(&p, "{\"execute\":\"device_add\"}", "CommandNotFound"), "a device");
	expect(is_refused(&p, "{\"execute\":1}", "GenericError"), "a number for a name");
	expect(is_refused(&p, "{\"execute\":\"stop\",\"arguments\":[]}", "GenericError"), "a list");
	expect(is_refused(&p, "{\"execute\":}", "GenericError"), "what is no JSON");
	check_ids(&p);
	check_registers(&p);
	expect(!strcmp(status(&p), "running"), "it does not run");
	expect(answers(&p, "{\"execute\":\"stop\"}"), "it does not stop");
	expect(hears_event(&listener, "STOP"), "nobody is told");
	expect(!strcmp(status(&p), "paused"), "it is not paused");
	check_registers(&p);
	expect(answers(&p, "{\"execute\":\"cont\"}"), "it does not go on");
	expect(hears_event(&listener, "RESUME"), "nobody is told that it goes on");
	machine_guest_panics(arg, PANIC_EVENT_PANICKED);
	expect(hears_event(&listener, "GUEST_PANICKED"), "nobody is told of the panic");
	expect(!strcmp(status(&p), "guest-panicked"), "no panic in the status");
	expect(answers(&p, "{\"execute\":\"quit\"}"), "it does not end");
	expect(hears_event(&listener, "SHUTDOWN"), "nobody is told of the end");
	expect(!hear(&listener), "something behind the end");
	close(p.fd);
	close(listener.fd);
	return NULL;
}

static void send_garbage(const char *text)
{
	struct peer p = connect_peer();

	json_decref(hear(&p));
	expect(is_refused(&p, text, "GenericError"), "garbage is no error");
	expect(!hear(&p), "it is listened to any more");
	close(p.fd);
}

/* Asks without end and takes no answer, until it is thrown out or no more is taken from it. */
static int flood(void)
{
	static const char request[] = "{\"execute\":\"query-commands\"}";
	struct peer p = negotiate();
	struct timeval patience = {.tv_sec = 1};

	setsockopt(p.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 100000; i++)
		if (send(p.fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
			return p.fd;
	expect(false, "all of a flood is taken");
	return p.fd;
}

static void *harass(void *arg)
{
	static char deep[70000];
	struct peer good = negotiate();
	int fds[32], stuck;

	send_garbage("GET / HTTP/1.0\r\n");
	memset(deep, '{', sizeof(deep) - 1);
	send_garbage(deep);
	stuck = flood();
	expect(!strcmp(status(&good), "running"), "the good one is not served beside a flood");
	for (int i = 0; i < 32; i++)
		fds[i] = connect_peer().fd; /* more than there is room for */
	expect(!strcmp(status(&good), "running"), "the good one is not served beside many");
	for (int i = 0; i < 32; i++)
		close(fds[i]);
	close(stuck);
	for (int i = 0; i < 50; i++) { /* gone before the answer */
		struct peer p = connect_peer();

		say(&p, "{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-commands\"}");
		close(p.fd);
	}
	check_registers(&good);
	machine_stop(arg, END_POWEROFF, "done");
	expect(hears_event(&good, "SHUTDOWN"), "the good one is not told of the end");
	close(good.fd);
	return NULL;
}

/* ---- running it ---- */

static void run_beside(void *(*beside)(void *), enum machine_end expected)
{
	const struct machine_config config = {.cpus = 2};
	struct machine *m = make_guest(spins_start, spins_end, &config);
	enum machine_end end;
	pthread_t thread;
	char err[256];

	failed = NULL;
	snprintf(path, sizeof(path), "/tmp/kmc-qmp-%d.sock", (int)getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	assert_int_equal(qmp_open(address, &server, err, sizeof(err)), 0);
	assert_int_equal(qmp_start(server, m, "VM-0", "1.2", err, sizeof(err)), 0);
	assert_int_equal(pthread_create(&thread, NULL, beside, m), 0);
	end = machine_run(m);
	qmp_finish(server, end);
	qmp_close(server);
	pthread_join(thread, NULL);
	machine_destroy(m);
	assert_int_equal(access(path, F_OK), -1);
	if (failed)
		fail_msg("%s", failed);
	assert_int_equal(end, expected);
}

static void test_talk(void **state)
{
	run_beside(talk, END_OPERATOR);
}

static void test_hostile(void **state)
{
	run_beside(harass, END_POWEROFF);
}

/* A port of 0 is any; that of a running one is refused. */
static void test_tcp(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	char err[256], again[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	snprintf(again, sizeof(again), "tcp:127.0.0.1:%d", ntohs(a.sin_port));
	assert_int_equal(qmp_open(again, &server, err, sizeof(err)), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	{
		struct qmp *second = NULL;

		assert_int_equal(qmp_open(again, &second, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "give another port"));
	}
	qmp_close(server);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"stdio",  "tcp:1234",
					  "tcp::1", "tcp:no such host:1",
					  "unix:",  "unix:/no/such/folder/x",
					  ""};
	char err[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		assert_int_equal(qmp_open(bad[i], &server, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "--qmp"));
	}
}

/* What a killed predecessor left is replaced; what somebody uses is not. */
static void test_stale(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct qmp *second = NULL;
	char err[256];

	snprintf(path, sizeof(path), "/tmp/kmc-qmp-%d.sock", (int)getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	assert_int_equal(qmp_open(address, &server, err, sizeof(err)), 0);
	assert_int_equal(qmp_open(address, &second, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "another program listens there"));
	qmp_close(server);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_stale),
		cmocka_unit_test(test_tcp),	  cmocka_unit_test(test_talk),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
