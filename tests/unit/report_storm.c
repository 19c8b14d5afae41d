// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_storm.c: a storm of reports through the real sink, with two good readers, one that never
 * reads, one that is killed in the middle, a terminal that stands still, and readers that come and
 * go: the log has all reports in order, the good readers have all or exactly what was announced as
 * lost, and who reports never waits.
 *
 * That is measured by events: the kernel counts how often a thread gave up its CPU to wait. Only
 * the C library's heap, whose locks the threads share, makes it do so now and then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "report_samples.h"
#include "sink_client.h"

#ifdef __SANITIZE_ADDRESS__
#define REPORTS 10000
#else
#define REPORTS 100000
#endif
#define WAITS	 (REPORTS / 20)
#define LIMIT_MS 30000

/* Small, as a storm is of one kind; still a whole report. */
static void storm_report(struct report *r)
{
	sample_get(&samples[0], r);
	r->access.n = 2;
	r->allocated.n = r->freed.n = 1;
}

/* Takes a line apart as fast as it comes: "seq" of a report, "count" of a loss. */
static void account(const char *line, uint64_t *next, uint64_t *lost)
{
	const char *seq = strstr(line, "\"seq\":"), *count = strstr(line, "\"count\":");

	if (seq) {
		assert_int_equal(strtoull(seq + 6, NULL, 10), *next);
		++*next;
	} else if (strstr(line, "\"type\":\"lost\"")) {
		*lost += strtoull(count + 8, NULL, 10);
		*next += strtoull(count + 8, NULL, 10);
	} else {
		assert_non_null(strstr(line, "\"type\":\"hello\""));
	}
}

struct count {
	FILE *f;
	uint64_t next, lost, lines;
};

static void *count_main(void *arg)
{
	struct count *c = arg;
	char *line = NULL;
	size_t size = 0;

	c->next = 1;
	for (; getline(&line, &size, c->f) > 0; c->lines++)
		account(line, &c->next, &c->lost);
	free(line);
	fclose(c->f);
	return NULL;
}

/* Reads a little, in a process of its own, and is killed in the middle of a record. */
static pid_t start_victim(const char *path)
{
	pid_t pid = fork();
	char byte;

	if (pid)
		return pid;
	struct client *c = client_connect(path);

	for (;;)
		if (read(c->fd, &byte, 1) != 1)
			_exit(1);
}

static long waits(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

static pthread_mutex_t terminal = PTHREAD_MUTEX_INITIALIZER;

static void stopped_terminal(void *ctx, const char *text, size_t len)
{
	pthread_mutex_lock(&terminal);
	pthread_mutex_unlock(&terminal);
}

struct storm {
	struct place *place;
	struct sink *sink;
	struct count good[2];
	pthread_t reading[2];
	struct client *stalled;
	pid_t victim;
	long waited;
};

static void begin(struct storm *w)
{
	struct sink_config config = {.vm = "vm-1",
				     .socket_path = w->place->socket,
				     .log_path = w->place->log,
				     .text = stopped_terminal};

	w->victim = -1;
	w->sink = sink_start(&config);
	w->victim = start_victim(w->place->socket);
	w->stalled = client_open(w->place->socket);
	for (int i = 0; i < 2; i++) {
		struct client *c = client_connect(w->place->socket);

		w->good[i] = (struct count){.f = fdopen(c->fd, "r")};
		free(c);
		assert_int_equal(pthread_create(&w->reading[i], NULL, count_main, &w->good[i]), 0);
	}
}

static void *produce(void *arg)
{
	struct storm *w = arg;
	static struct report r;
	long before;

	storm_report(&r);
	before = waits();
	for (uint64_t i = 1; i <= REPORTS; i++) {
		r.seq = i;
		sink_report(w->sink, &r);
		if (i == REPORTS / 2)
			kill(w->victim, SIGKILL);
	}
	w->waited = waits() - before;
	return NULL;
}

static void check_log(struct storm *w)
{
	struct count log = {.f = fopen(w->place->log, "r")};

	assert_non_null(log.f);
	count_main(&log);
	assert_int_equal(log.next, REPORTS + 1);
	assert_int_equal(log.lost, 0);
	assert_int_equal(log.lines, REPORTS);
}

static void test_storm(void **state)
{
	struct storm w = {.place = *state};
	int64_t began = test_ms();
	pthread_t producer;
	int status;

	begin(&w);
	pthread_mutex_lock(&terminal);
	assert_int_equal(pthread_create(&producer, NULL, produce, &w), 0);
	for (int i = 0; i < 20; i++) { /* comes, gets the past, and goes */
		client_close(client_open(w.place->socket));
		usleep(10000);
	}
	/* Ends with the terminal stopped and the stalled reader stalled: nobody waited for them. */
	pthread_join(producer, NULL);
	pthread_mutex_unlock(&terminal);
	sink_destroy(w.sink);
	check_log(&w);
	for (int i = 0; i < 2; i++) {
		pthread_join(w.reading[i], NULL);
		assert_int_equal(w.good[i].next, REPORTS + 1);
		print_message("good reader %d: %llu records lost, all announced\n", i,
			      (unsigned long long)w.good[i].lost);
	}
	waitpid(w.victim, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	client_close(w.stalled);
	print_message("%d reports in %lld ms; who reported them waited %ld times\n", REPORTS,
		      (long long)(test_ms() - began), w.waited);
	assert_in_range(w.waited, 0, WAITS);
	assert_true(test_ms() - began < LIMIT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_storm, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
