// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_sink.c: delivery. Several readers, slow ones and dead ones, the log, and the socket's
 * file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "report_samples.h"
#include "sink_client.h"

#define FLOOD 20000

static void send_number(struct sink *s, int i, size_t padding)
{
	static char line[4096];
	int len = snprintf(line, sizeof(line), "{\"v\":1,\"type\":\"n\",\"n\":%d,\"p\":\"%0*d\"}\n",
			   i, (int)padding, 0);

	sink_record(s, line, (size_t)len);
}

/* Reads to the end: n counts up without gaps but for what "lost" records account for. */
static void expect_count(struct client *l, int count, bool may_lose)
{
	json_int_t expected = 0;
	json_t *j;

	while ((j = client_next(l))) {
		if (is_type(j, "lost")) {
			assert_true(may_lose);
			expected += json_number(j, "count");
		} else {
			assert_int_equal(json_number(j, "n"), expected);
			expected++;
		}
		json_decref(j);
	}
	assert_int_equal(expected, count);
}

/* What is lost is known when the writer has seen it. */
static void wait_for_loss(struct sink *s)
{
	for (int i = 0; i < READ_MS && !sink_lost(s); i++)
		usleep(1000);
	assert_true(sink_lost(s) > 0);
}

static void test_two_readers(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct client *a = client_open(p->socket), *b = client_open(p->socket);
	struct report r;
	json_t *j;

	sample_get(&samples[0], &r);
	sink_report(s, &r);
	for (int i = 0; i < 2; i++) {
		j = client_next(i ? a : b);
		assert_true(is_type(j, "report"));
		assert_string_equal(json_text(j, "vm"), "vm-1");
		assert_int_equal(json_number(j, "seq"), 7);
		json_decref(j);
	}
	assert_int_equal(sink_lost(s), 0);
	sink_destroy(s);
	assert_null(client_next(a)); /* the end, nothing else */
	client_close(a);
	client_close(b);
}

struct count_job {
	struct client *l;
	int count;
};

static void *count_main(void *arg)
{
	struct count_job *job = arg;

	expect_count(job->l, job->count, true);
	return NULL;
}

static void expect_log_with(const char *path, int count, bool may_lose)
{
	struct client *l = calloc(1, sizeof(*l));
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	l->fd = fileno(f);
	expect_count(l, count, may_lose);
	assert_int_equal(l->have, 0);
	fclose(f);
	free(l);
}

static void expect_log(const char *path, int count)
{
	expect_log_with(path, count, false);
}

/* One reads, one connects and never reads, one dies in the middle: the log has every record. */
static void test_flood(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket, .log_path = p->log};
	struct sink *s = sink_start(&config);
	struct client *fast = client_open(p->socket), *stalled = client_open(p->socket),
		      *dead = client_open(p->socket);
	struct count_job job = {fast, FLOOD};
	int64_t begin = test_ms();
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, count_main, &job), 0);
	for (int i = 0; i < FLOOD; i++) {
		send_number(s, i, 200);
		if (i == FLOOD / 2)
			client_close(dead);
	}
	assert_true(test_ms() - begin < READ_MS); /* nobody waited for the stalled one */
	wait_for_loss(s);
	begin = test_ms();
	sink_destroy(s);
	assert_true(test_ms() - begin < READ_MS);
	pthread_join(t, NULL);
	expect_log(p->log, FLOOD);
	client_close(fast);
	client_close(stalled);
}

/* A reader that stalls and then goes on is told how many records it missed, in their place. */
static void test_lost_is_said(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket, .reader_limit = 16384};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket);
	json_int_t expected = 0, lost = 0;
	json_t *j;

	for (int i = 0; i < 2000; i++)
		send_number(s, i, 1000);
	wait_for_loss(s);
	while (expected < 2000) {
		j = client_next(l);
		assert_non_null(j);
		if (is_type(j, "lost")) {
			lost += json_number(j, "count");
			expected += json_number(j, "count");
		} else {
			assert_int_equal(json_number(j, "n"), expected++);
		}
		json_decref(j);
	}
	assert_int_equal(lost, sink_lost(s));
	send_number(s, 2000, 10); /* and then it gets everything again */
	sink_destroy(s);
	j = client_next(l);
	assert_int_equal(json_number(j, "n"), 2000);
	json_decref(j);
	client_close(l);
}

/* Larger than the whole queue: lost, said, and the next one arrives. */
static void test_oversized(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket, .reader_limit = 1000};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket);
	json_t *j;

	send_number(s, 0, 2000);
	j = client_next(l);
	assert_true(is_type(j, "lost"));
	assert_int_equal(json_number(j, "count"), 1);
	json_decref(j);
	send_number(s, 1, 10);
	j = client_next(l);
	assert_int_equal(json_number(j, "n"), 1);
	json_decref(j);
	sink_destroy(s);
	client_close(l);
}

/* A reader that shut its sending side still gets everything; what it said is ignored. */
static void test_half_closed(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket);

	assert_int_equal(write(l->fd, "hello?", 6), 6);
	shutdown(l->fd, SHUT_WR);
	usleep(20000);
	for (int i = 0; i < 10; i++)
		send_number(s, i, 10);
	sink_destroy(s);
	expect_count(l, 10, false);
	client_close(l);
}

static void test_socket_file(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s, *second;
	struct stat st;
	char err[256];
	mode_t old = umask(0);

	s = sink_start(&config);
	umask(old);
	assert_int_equal(stat(p->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(sink_create(&config, &second, err, sizeof(err)), -1);
	assert_null(second);
	assert_non_null(strstr(err, "in use by a running kmc-vmm"));
	assert_non_null(strstr(err, "--report-socket"));
	client_close(client_open(p->socket)); /* the first one still serves */
	sink_destroy(s);
	assert_int_equal(stat(p->socket, &st), -1);
}

static void test_stale_replaced(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sink *s;

	strcpy(a.sun_path, p->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd); /* the file stays, as after a kill */
	s = sink_start(&config);
	client_close(client_open(p->socket));
	sink_destroy(s);
}

/* Somebody put another file there meanwhile: not ours to remove. */
static void test_foreign_file_stays(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct stat st;
	FILE *f;

	unlink(p->socket);
	f = fopen(p->socket, "w");
	assert_non_null(f);
	fclose(f);
	sink_destroy(s);
	assert_int_equal(stat(p->socket, &st), 0);
}

static void test_refused(void **state)
{
	struct place *p = *state;
	char path[300], err[256];
	struct sink *s;
	struct {
		const char *socket, *log, *says;
	} cases[] = {
		{path, NULL, "choose another --report-socket"},
		{"", NULL, "choose another --report-socket"},
		{p->log, NULL, "no socket"},
		{"/no/such/dir/socket", NULL, "No such file"},
		{NULL, "/no/such/dir/log", "--report-log"},
		{NULL, p->dir, "--report-log"},
	};

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	fclose(fopen(p->log, "w"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sink_config config = {
			.vm = "v", .socket_path = cases[i].socket, .log_path = cases[i].log};

		assert_int_equal(sink_create(&config, &s, err, sizeof(err)), -1);
		if (!strstr(err, cases[i].says))
			fail_msg("case %zu: %s", i, err);
		assert_null(strchr(err, '\n'));
	}
}

static void test_abstract(void **state)
{
	char path[64], err[256];
	struct sink_config config = {.vm = "vm-1", .socket_path = path};
	struct sink *s, *second;

	snprintf(path, sizeof(path), "@report-sink-test-%d", (int)getpid());
	s = sink_start(&config);
	client_close(client_open(path));
	assert_int_equal(sink_create(&config, &second, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "in use"));
	sink_destroy(s);
}

/* Tells by its exit status whether it was served: 0 where it was not. */
static int served_as(uid_t uid, const char *path)
{
	pid_t pid = fork();
	int status;
	char byte;

	if (!pid) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setuid(uid) || client_socket(fd, path))
			_exit(2);
		_exit(read(fd, &byte, 1) == 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* An abstract name has no mode. Another user's program can only be tried by root. */
static void test_abstract_is_private(void **state)
{
	char path[64];
	struct sink_config config = {.vm = "vm-1", .socket_path = path};
	struct sink *s;

	snprintf(path, sizeof(path), "@report-sink-private-%d", (int)getpid());
	s = sink_start(&config);
	assert_int_equal(served_as(geteuid(), path), 1);
	if (!geteuid())
		assert_int_equal(served_as(65534, path), 0);
	sink_destroy(s);
}

/*
 * After sink_finish the log is complete and the count of losses final: what a reader that does not
 * read gets in the end, and what it does not get, is everything.
 */
static void test_finish(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket, .log_path = p->log};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket);
	json_int_t got = 0;
	uint64_t lost;
	json_t *j;

	for (int i = 0; i < 2000; i++)
		send_number(s, i, 500);
	sink_finish(s);
	lost = sink_lost(s);
	assert_true(lost > 0);
	expect_log(p->log, 2000);
	sink_finish(s); /* again: nothing happens */
	assert_int_equal(sink_lost(s), lost);
	sink_destroy(s);
	while ((j = client_next(l))) {
		assert_int_equal(json_number(j, "n"), got++);
		json_decref(j);
	}
	assert_int_equal(got + (json_int_t)lost, 2000);
	client_close(l);
}

static void test_log_appends(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .log_path = p->log};

	for (int i = 0; i < 3; i++) {
		struct sink *s = sink_start(&config);

		send_number(s, i, 10);
		sink_destroy(s);
	}
	expect_log(p->log, 3);
}

/* /dev/full is a disk without room: counted, said once (on stderr), and the end comes. */
static void test_log_full(void **state)
{
	struct sink_config config = {.vm = "vm-1", .log_path = "/dev/full"};
	struct sink *s = sink_start(&config);

	for (int i = 0; i < 10; i++)
		send_number(s, i, 10);
	for (int i = 0; i < 1000 && sink_lost(s) < 10; i++)
		usleep(10000);
	assert_int_equal(sink_lost(s), 10);
	sink_destroy(s);
}

/* Long records fit until only the reserve is left; how many did not is said, and the end is there.
 */
static void test_log_limit(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .log_path = p->log, .log_limit = 65536 + 7000};
	struct sink *s = sink_start(&config);
	struct stat st;

	for (int i = 0; i < 10; i++)
		send_number(s, i, 3000);
	for (int i = 0; i < 1000 && sink_lost(s) < 8; i++)
		usleep(10000);
	assert_int_equal(sink_lost(s), 8);
	send_number(s, 10, 10);
	sink_destroy(s);
	expect_log_with(p->log, 11, true);
	assert_int_equal(stat(p->log, &st), 0);
	assert_true(st.st_size > 6000 && st.st_size < 7000);
}

/* Of short ones there are no more than fit either. */
static void test_log_is_bounded(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .log_path = p->log, .log_limit = 70000};
	struct sink *s = sink_start(&config);
	struct stat st;

	for (int i = 0; i < 1000; i++)
		send_number(s, i, 100);
	sink_destroy(s);
	assert_int_equal(stat(p->log, &st), 0);
	assert_true(st.st_size > 65000 && st.st_size <= 70000);
}

struct text {
	pthread_mutex_t gate;
	size_t len;
	char buf[1 << 17];
};

static void take_text(void *ctx, const char *text, size_t len)
{
	struct text *t = ctx;

	pthread_mutex_lock(&t->gate);
	assert_true(t->len + len < sizeof(t->buf));
	memcpy(t->buf + t->len, text, len);
	t->len += len;
	pthread_mutex_unlock(&t->gate);
}

/*
 * A terminal that takes nothing for a while: no reporter waits, the socket goes on, no text is
 * lost.
 */
static void test_slow_text(void **state)
{
	static struct text t = {.gate = PTHREAD_MUTEX_INITIALIZER};
	struct place *p = *state;
	struct sink_config config = {
		.vm = "vm-1", .socket_path = p->socket, .text_ctx = &t, .text = take_text};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket);
	const char *found = t.buf;

	pthread_mutex_lock(&t.gate);
	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		json_t *j;

		sample_get(&samples[i], &r);
		sink_report(s, &r);
		j = client_next(l);
		assert_true(is_type(j, "report"));
		json_decref(j);
	}
	assert_int_equal(t.len, 0);
	pthread_mutex_unlock(&t.gate);
	sink_destroy(s);
	for (unsigned i = 0; i < samples_n; i++) { /* all, in order */
		/* kmemleak's form names the function in the trace only. */
		found = strstr(found, samples[i].verdict == VERDICT_LEAK ? "BUG: memory leak" :
									   samples[i].title);
		assert_non_null(found);
		found++;
	}
	client_close(l);
}

/* The text is in the style that was asked for; what readers get is not. */
static void test_style(void **state)
{
	static const char *const want[] = {
		[REPORT_STYLE_KERNEL] = "=====================================================\nBUG: KMSAN: ",
		[REPORT_STYLE_KMC] = "==================================================================\n"
				     "BUG: KMC: uninit-value in ",
		[REPORT_STYLE_JSON] = "{\"v\":1,\"type\":\"report\",\"vm\":\"vm-1\",",
	};
	struct place *p = *state;

	for (unsigned style = 0; style < sizeof(want) / sizeof(want[0]); style++) {
		static struct text t = { .gate = PTHREAD_MUTEX_INITIALIZER };
		struct sink_config config = { .vm = "vm-1", .socket_path = p->socket, .text_ctx = &t,
					      .style = (enum report_style)style, .text = take_text };
		struct sink *s = sink_start(&config);
		struct client *l = client_open(p->socket);
		struct report r;
		json_t *j;

		t.len = 0;
		sample_get(&samples[0], &r);
		sink_report(s, &r);
		j = client_next(l);
		assert_int_equal(strncmp(json_text(j, "title"), "KMSAN", 5), 0);
		json_decref(j);
		sink_destroy(s);
		assert_true(t.len > strlen(want[style]));
		assert_memory_equal(t.buf, want[style], strlen(want[style]));
		client_close(l);
	}
}

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Out of descriptors: who is connected is served, who is not waits, and nothing spins meanwhile. */
static void test_no_descriptors(void **state)
{
	struct place *p = *state;
	struct sink_config config = {.vm = "vm-1", .socket_path = p->socket};
	struct sink *s = sink_start(&config);
	struct client *l = client_open(p->socket), *late = calloc(1, sizeof(*late));
	struct rlimit old, low;
	int64_t cpu;
	json_t *j;

	late->fd = socket(AF_UNIX, SOCK_STREAM, 0); /* the highest number in use */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){.rlim_cur = (rlim_t)late->fd + 1, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(client_socket(late->fd, p->socket), 0);
	cpu = cpu_ms();
	usleep(500000);
	assert_true(cpu_ms() - cpu < 250);
	send_number(s, 0, 10);
	j = client_next(l);
	assert_int_equal(json_number(j, "n"), 0);
	json_decref(j);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	j = client_next(late); /* after the pause it has its turn */
	assert_true(is_type(j, "hello"));
	json_decref(j);
	sink_destroy(s);
	client_close(l);
	client_close(late);
}

/* Kept where it is asked for, with no other destination; other records are none. */
static void test_last(void **state)
{
	struct sink_config config = {.vm = "vm-1", .keep_last = true};
	struct sink *s = sink_start(&config);
	struct report r;
	const char *text;
	size_t len;
	json_t *j;

	assert_null(sink_last(s, &len));
	for (int i = 0; i < 2; i++) {
		sample_get(&samples[i], &r);
		r.seq = (uint64_t)i;
		sink_report(s, &r);
	}
	send_number(s, 0, 10);
	sink_finish(s);
	text = sink_last(s, &len);
	assert_non_null(text);
	j = json_loadb(text, len, 0, NULL);
	assert_true(is_type(j, "report"));
	assert_int_equal(json_number(j, "seq"), 1);
	assert_null(memchr(text, '\n', len));
	json_decref(j);
	sink_destroy(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_readers),
		TEST(test_flood),
		TEST(test_lost_is_said),
		TEST(test_oversized),
		TEST(test_half_closed),
		TEST(test_socket_file),
		TEST(test_stale_replaced),
		TEST(test_foreign_file_stays),
		TEST(test_refused),
		TEST(test_abstract),
		TEST(test_abstract_is_private),
		TEST(test_finish),
		TEST(test_log_appends),
		TEST(test_log_full),
		TEST(test_log_limit),
		TEST(test_log_is_bounded),
		TEST(test_slow_text),
		TEST(test_no_descriptors),
		TEST(test_style),
		TEST(test_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
