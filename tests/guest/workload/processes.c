// SPDX-License-Identifier: GPL-2.0-only
/* processes.c: processes, threads, and several parts at once. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

/* Adds what the program prints, with this input, and its exit status. */
static void run_program(struct sum *sum, char **args, char **env, const char *input)
{
	int in[2], out[2];
	pid_t child;

	NEED(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execve(args[0], args, env);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	write_all(in[1], input, strlen(input));
	close(in[1]);
	add_until_end(sum, out[0]);
	close(out[0]);
	add_number(sum, wait_status(child));
}

static void programs(unsigned int size, struct sum *sum)
{
	char *sort[] = { BUSYBOX, "sort", NULL }, *none[] = { NULL };
	char *echo[] = { "/proc/self/exe", PRINT, "a", "", "a much longer argument", NULL };
	char *env[] = { "ONE=1", "TWO=", "PATH=/bin", NULL };
	char *missing[] = { "/bin/missing", NULL };

	for (unsigned int i = 0; i < size; i++) {
		run_program(sum, sort, none, "c\nb\na\n");
		run_program(sum, echo, env, "");
		run_program(sum, missing, env, "");
	}
}

static volatile sig_atomic_t signal_sum;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	signal_sum += info->si_value.sival_int;
}

/* The child gets queued signals while they are blocked, takes them all, stops and goes on. */
static void signals(unsigned int size, struct sum *sum)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t set, old;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	NEED(sigaction(SIGRTMIN, &action, NULL) == 0 && sigprocmask(SIG_BLOCK, &set, &old) == 0);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		raise(SIGSTOP);
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(signal_sum);
	}
	NEED(waitpid(child, NULL, WUNTRACED) == child);
	for (unsigned int i = 0; i < 4 * size; i++)
		NEED(sigqueue(child, SIGRTMIN, (union sigval){ .sival_int = 3 }) == 0);
	NEED(kill(child, SIGCONT) == 0);
	add_number(sum, wait_status(child));
	child = fork();
	NEED(child >= 0);
	if (child == 0)
		for (;;)
			pause();
	NEED(kill(child, SIGKILL) == 0);
	add_number(sum, wait_status(child));
}

/* Maps, moves, protects and unmaps; the child's writes must not be seen. */
static void mappings(unsigned int size, struct sum *sum)
{
	size_t page = 4096, len = 16 * page;
	pid_t child;

	for (unsigned int i = 0; i < size; i++) {
		char *p = map_anonymous(len, MAP_PRIVATE);

		fill(p, len, i);
		NEED(mprotect(p + 4 * page, page, PROT_READ) == 0);
		NEED(munmap(p + 8 * page, page) == 0);
		NEED(madvise(p + 12 * page, page, MADV_DONTNEED) == 0);
		child = fork();
		NEED(child >= 0);
		if (child == 0) {
			memset(p, 0, 4 * page);
			_exit(p[page]);
		}
		add_number(sum, wait_status(child));
		add(sum, p, 8 * page);
		add(sum, p + 9 * page, 7 * page);
		p = mremap(p, 2 * page, 32 * page, MREMAP_MAYMOVE);
		NEED(p != MAP_FAILED);
		add(sum, p, 32 * page);
		NEED(munmap(p, 32 * page) == 0);
	}
}

void part_processes(unsigned int size, struct sum *sum)
{
	programs(size, sum);
	signals(size, sum);
	mappings(size, sum);
}

#define THREADS 4

struct contest {
	pthread_barrier_t barrier;
	pthread_mutex_t mutexes[2]; /* the second inherits priorities */
	pthread_cond_t turned;
	unsigned int rounds, turn, total;
};

struct contestant {
	struct contest *contest;
	unsigned int number;
	pthread_t thread;
};

static void *compete(void *argument)
{
	struct contestant *self = argument;
	struct contest *c = self->contest;

	pthread_barrier_wait(&c->barrier);
	for (unsigned int i = 0; i < c->rounds; i++) {
		pthread_mutex_lock(&c->mutexes[0]);
		while (c->turn % THREADS != self->number)
			pthread_cond_wait(&c->turned, &c->mutexes[0]);
		c->turn++;
		pthread_cond_broadcast(&c->turned);
		pthread_mutex_unlock(&c->mutexes[0]);
		pthread_mutex_lock(&c->mutexes[1]);
		sched_yield();
		c->total += self->number;
		pthread_mutex_unlock(&c->mutexes[1]);
	}
	return NULL;
}

void part_futexes(unsigned int size, struct sum *sum)
{
	struct contest c = { .rounds = 2 * size, .turned = PTHREAD_COND_INITIALIZER };
	struct contestant all[THREADS];
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutex_init(&c.mutexes[0], &attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	NEED(pthread_mutex_init(&c.mutexes[1], &attributes) == 0);
	NEED(pthread_barrier_init(&c.barrier, NULL, THREADS) == 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		all[i] = (struct contestant){ .contest = &c, .number = i };
		NEED(pthread_create(&all[i].thread, NULL, compete, &all[i]) == 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		NEED(pthread_join(all[i].thread, NULL) == 0);
	add_number(sum, c.turn);
	add_number(sum, c.total);
}

/* Their sums, in the parts' order, from memory that they share. */
void part_together(unsigned int size, struct sum *sum)
{
	static void (*const runs[])(unsigned int size, struct sum *sum) = {
		part_processes, part_tmpfs, part_pipes, part_events, part_futexes, part_ipc,
	};
	size_t count = sizeof(runs) / sizeof(runs[0]), len = count * sizeof(struct sum);
	struct sum *sums = map_anonymous(len, MAP_SHARED);

	for (size_t i = 0; i < count; i++) {
		pid_t child = fork();

		NEED(child >= 0);
		if (child)
			continue;
		runs[i](size, &sums[i]);
		_exit(0);
	}
	for (size_t i = 0; i < count; i++) {
		int status;

		NEED(wait(&status) > 0 && status == 0);
	}
	for (size_t i = 0; i < count; i++)
		add_number(sum, sums[i].hash);
}
