// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink.c: delivers reports and other records to the socket's readers, the log file and the text
 * callback.
 *
 * Who reports only appends to queues under a lock that nobody holds while waiting: a vCPU never
 * waits for a reader, a disk or a terminal. One thread serves the sockets and the log, a second one
 * the text, so that a stopped terminal (Ctrl-S) does not make the readers lose records. What was
 * reported before a reader connected is not sent to it.
 */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sink_queue.h"
#include "sink_socket.h"

#define READERS		   32
#define READER_LIMIT	   (1u << 20)
#define LOG_LIMIT	   (64u << 20)
#define TEXT_LIMIT	   (16u << 20)
#define FLUSH_MS	   1000 /* what readers get at the end */
#define TURN		   256	/* records for one destination before the next one has its turn */
#define ACCEPT_PAUSE_MS	   1000 /* after accept() found no descriptor or memory */

static const char note_json[] = "{\"v\":1,\"type\":\"lost\",\"count\":%llu}\n";
static const char note_text[] =
	"kmc-vmm: %llu reports are not shown here: the terminal was too slow\n";

struct reader {
	int fd; /* -1: free */
	bool half_closed; /* will send nothing more, but still reads */
	struct queue queue;
	struct record *now; /* being sent */
	size_t sent;
};

struct sink {
	struct sink_config config;
	char *vm;
	struct sink_socket socket;
	int log_fd; /* -1: none */
	int wake;   /* eventfd for the writer's poll */

	pthread_t writer, texter;
	bool has_writer, has_texter;

	pthread_mutex_t lock; /* queues, references, stop, lost */
	pthread_cond_t text_ready;
	struct queue log, text;
	bool stop;
	uint64_t lost;

	struct reader reader[READERS]; /* the writer's; queue: under the lock */
	bool log_torn, log_complained; /* the writer's */
	bool accept_paused;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- producers --- */

static void wake_writer(struct sink *s)
{
	uint64_t one = 1;
	ssize_t ret = write(s->wake, &one, sizeof(one));

	(void)ret; /* EAGAIN: it is awake */
}

static void push(struct sink *s, struct queue *q, struct record *r)
{
	if (!queue_push(q, r))
		s->lost++;
}

void sink_record(struct sink *s, const char *json, size_t len)
{
	struct record *r = record_create(json, len);

	pthread_mutex_lock(&s->lock);
	if (!r) {
		s->lost++;
	} else {
		if (s->log_fd >= 0)
			push(s, &s->log, r);
		for (int i = 0; i < READERS; i++)
			if (s->reader[i].fd >= 0)
				push(s, &s->reader[i].queue, r);
		record_put(r);
	}
	pthread_mutex_unlock(&s->lock);
	wake_writer(s);
}

static void sink_text(struct sink *s, const char *text, size_t len)
{
	struct record *r = record_create(text, len);

	pthread_mutex_lock(&s->lock);
	if (r)
		push(s, &s->text, r);
	else
		s->lost++;
	record_put(r);
	pthread_cond_signal(&s->text_ready);
	pthread_mutex_unlock(&s->lock);
}

static void count_lost(struct sink *s, uint64_t n)
{
	pthread_mutex_lock(&s->lock);
	s->lost += n;
	pthread_mutex_unlock(&s->lock);
}

void sink_report(struct sink *s, const struct report *r)
{
	char *out;
	size_t len;

	if (s->config.text) {
		len = report_format(r, s->config.style, s->vm, &out);
		if (len)
			sink_text(s, out, len);
		else
			count_lost(s, 1);
		free(out);
	}
	if (s->socket.fd < 0 && s->log_fd < 0)
		return;
	len = report_json(r, s->vm, &out);
	if (len)
		sink_record(s, out, len);
	else
		count_lost(s, 1);
	free(out);
}

uint64_t sink_lost(const struct sink *s)
{
	struct sink *mut = (struct sink *)s;
	uint64_t lost;

	pthread_mutex_lock(&mut->lock);
	lost = s->lost;
	pthread_mutex_unlock(&mut->lock);
	return lost;
}

/* --- the text thread --- */

static void *text_main(void *arg)
{
	struct sink *s = arg;
	struct record *r;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		queue_note(&s->text, note_text);
		r = queue_pop(&s->text);
		if (!r && s->stop)
			break;
		if (!r) {
			pthread_cond_wait(&s->text_ready, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		s->config.text(s->config.text_ctx, r->data, r->len);
		pthread_mutex_lock(&s->lock);
		record_put(r);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- the log, by the writer --- */

static bool log_write_all(struct sink *s, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(s->log_fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s->log_torn = true;
		p += n;
		len -= (size_t)n;
	}
	s->log_torn = false;
	return true;
}

/* A record that was cut off by a full disk ends its line before the next one begins. */
static void log_write(struct sink *s, const struct record *r)
{
	if ((!s->log_torn || log_write_all(s, "\n", 1)) && log_write_all(s, r->data, r->len))
		return;
	count_lost(s, 1);
	if (s->log_complained)
		return;
	s->log_complained = true;
	fprintf(stderr,
		"kmc-vmm: cannot write the report log %s: %s; "
		"records are lost until there is room\n",
		s->config.log_path, strerror(errno));
}

static struct record *take(struct sink *s, struct queue *q)
{
	struct record *r;

	pthread_mutex_lock(&s->lock);
	queue_note(q, note_json);
	r = queue_pop(q);
	pthread_mutex_unlock(&s->lock);
	return r;
}

static void put(struct sink *s, struct record *r)
{
	pthread_mutex_lock(&s->lock);
	record_put(r);
	pthread_mutex_unlock(&s->lock);
}

/* True where there is more. */
static bool log_serve(struct sink *s)
{
	struct record *r;

	for (int i = 0; i < TURN; i++) {
		r = take(s, &s->log);
		if (!r)
			return false;
		log_write(s, r);
		put(s, r);
	}
	return true;
}

/* --- the readers, by the writer --- */

static void reader_close(struct sink *s, struct reader *r)
{
	pthread_mutex_lock(&s->lock);
	close(r->fd);
	r->fd = -1;
	record_put(r->now);
	r->now = NULL;
	queue_deinit(&r->queue);
	pthread_mutex_unlock(&s->lock);
}

static struct record *hello(const struct sink *s)
{
	json_t *root = json_pack("{s:i, s:s, s:s, s:i}", "v", 1, "type", "hello", "vm", s->vm,
				 "pid", (int)getpid());
	char *line = root ? json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct record *r = NULL;

	if (line) {
		size_t len = strlen(line);

		line[len] = '\n'; /* in place of the NUL */
		r = record_create(line, len + 1);
	}
	free(line);
	json_decref(root);
	return r;
}

/* The hello goes first whatever the limit is: it is not in the queue. */
static void reader_open(struct sink *s, int fd)
{
	struct record *first = hello(s);
	struct reader *r = NULL;

	for (int i = 0; i < READERS && !r; i++)
		if (s->reader[i].fd < 0)
			r = &s->reader[i];
	if (!r || !first) {
		close(fd);
		free(first);
		return;
	}
	pthread_mutex_lock(&s->lock);
	r->fd = fd;
	r->half_closed = false;
	r->now = first;
	r->sent = 0;
	queue_init(&r->queue, s->config.reader_limit);
	pthread_mutex_unlock(&s->lock);
}

static void accept_all(struct sink *s)
{
	for (;;) {
		int fd = accept4(s->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			reader_open(s, fd);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			s->accept_paused = errno != EAGAIN;
			return;
		}
	}
}

/* What a reader says is not listened to, only that it goes away. False: it is gone. */
static bool reader_listen(struct reader *r)
{
	char buf[4096];
	ssize_t n = recv(r->fd, buf, sizeof(buf), 0);

	if (!n)
		r->half_closed = true;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static void reader_next(struct sink *s, struct reader *r)
{
	r->now = take(s, &r->queue);
	r->sent = 0;
}

/* Sends what the reader takes, up to a number, so that others get their turn. False: it is gone. */
static bool reader_send(struct sink *s, struct reader *r)
{
	if (!r->now)
		reader_next(s, r);
	for (int i = 0; r->now && i < TURN; i++) {
		ssize_t n = send(r->fd, r->now->data + r->sent, r->now->len - r->sent,
				 MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		r->sent += (size_t)n;
		if (r->sent < r->now->len)
			continue;
		put(s, r->now);
		reader_next(s, r);
	}
	return true;
}

static void reader_serve(struct sink *s, struct reader *r, short events)
{
	if ((events & (POLLERR | POLLHUP | POLLNVAL)) ||
	    ((events & POLLIN) && !reader_listen(r)) || !reader_send(s, r))
		reader_close(s, r);
}

/* --- the writer thread --- */

struct writer_poll {
	struct pollfd fd[READERS + 2];
	struct reader *reader[READERS + 2];
	nfds_t n;
};

static void add(struct writer_poll *p, int fd, short events, struct reader *r)
{
	p->fd[p->n] = (struct pollfd){ .fd = fd, .events = events };
	p->reader[p->n++] = r;
}

static void collect(struct sink *s, struct writer_poll *p, bool stopping)
{
	p->n = 0;
	add(p, s->wake, POLLIN, NULL);
	if (s->socket.fd >= 0 && !stopping && !s->accept_paused)
		add(p, s->socket.fd, POLLIN, NULL);
	for (int i = 0; i < READERS; i++) {
		struct reader *r = &s->reader[i];

		/* Between two rounds a reader has everything unless a record is in "now". */
		if (r->fd >= 0)
			add(p, r->fd,
			    (short)((r->half_closed ? 0 : POLLIN) | (r->now ? POLLOUT : 0)), r);
	}
}

/* Without a reason to wait (more to log) it only looks. */
static int wait_ms(const struct sink *s, bool more, int64_t deadline)
{
	int64_t left;

	if (more)
		return 0;
	if (deadline) {
		left = deadline - now_ms();
		return left > 0 ? (int)left : 0;
	}
	return s->accept_paused ? ACCEPT_PAUSE_MS : -1;
}

/* One round: wait, accept, log, send. True where the log has more. */
static bool serve(struct sink *s, bool more, int64_t deadline)
{
	struct writer_poll p;
	uint64_t n;
	ssize_t ret;

	collect(s, &p, deadline != 0);
	if (poll(p.fd, p.n, wait_ms(s, more, deadline)) < 0 && errno != EINTR)
		return more;
	s->accept_paused = false;
	ret = read(s->wake, &n, sizeof(n));
	(void)ret; /* EAGAIN: woken by a reader */
	more = s->log_fd >= 0 && log_serve(s);
	for (nfds_t i = 1; i < p.n; i++)
		if (p.reader[i])
			reader_serve(s, p.reader[i], p.fd[i].revents);
	if (s->socket.fd >= 0 && !deadline)
		accept_all(s);
	return more;
}

/* Records that readers have not taken yet. */
static uint64_t waiting(struct sink *s)
{
	uint64_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < READERS; i++)
		if (s->reader[i].fd >= 0)
			n += s->reader[i].queue.n + (s->reader[i].now != NULL);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static bool stopping(struct sink *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

static void *writer_main(void *arg)
{
	struct sink *s = arg;
	int64_t deadline;
	bool more = false;

	while (!stopping(s))
		more = serve(s, more, 0);
	deadline = now_ms() + FLUSH_MS;
	do
		more = serve(s, true, deadline);
	while (more);
	while (waiting(s) && now_ms() < deadline)
		serve(s, false, deadline);
	count_lost(s, waiting(s));
	return NULL;
}

/* --- start and end --- */

/* A FIFO without a reader must not hold up the start: non-blocking until it is open. */
static int log_open(struct sink *s, char *err, size_t errlen)
{
	const char *path = s->config.log_path;

	if (!path)
		return 0;
	s->log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	if (s->log_fd >= 0 && !fcntl(s->log_fd, F_SETFL, O_APPEND))
		return 0;
	snprintf(err, errlen,
		 "cannot write the report log %s: open: %s; choose another --report-log", path,
		 strerror(errno));
	return -1;
}

/* Signals are for the main thread; a reader that is gone is an error code here, never SIGPIPE. */
static int start_thread(pthread_t *t, void *(*main)(void *), struct sink *s)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(t, NULL, main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static int start_threads(struct sink *s, char *err, size_t errlen)
{
	int ret = 0;

	if (s->socket.fd >= 0 || s->log_fd >= 0) {
		ret = start_thread(&s->writer, writer_main, s);
		s->has_writer = !ret;
	}
	if (!ret && s->config.text) {
		ret = start_thread(&s->texter, text_main, s);
		s->has_texter = !ret;
	}
	if (ret)
		snprintf(err, errlen, "cannot start the report writer: pthread_create: %s",
			 strerror(ret));
	return ret ? -1 : 0;
}

static struct sink *sink_alloc(const struct sink_config *config)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	if (!s->config.reader_limit)
		s->config.reader_limit = READER_LIMIT;
	s->socket.fd = s->log_fd = -1;
	for (int i = 0; i < READERS; i++)
		s->reader[i].fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->text_ready, NULL);
	queue_init(&s->log, LOG_LIMIT);
	queue_init(&s->text, TEXT_LIMIT);
	s->vm = strdup(config->vm ? config->vm : "");
	s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return s;
}

/* The name goes into JSON: bytes that are not ASCII are replaced. */
static void clean_name(char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
}

int sink_create(const struct sink_config *config, struct sink **out, char *err, size_t errlen)
{
	struct sink *s = sink_alloc(config);

	*out = NULL;
	if (!s || !s->vm || s->wake < 0) {
		snprintf(err, errlen, "cannot start the report writer: eventfd: %s",
			 strerror(errno));
		goto fail;
	}
	clean_name(s->vm);
	if (log_open(s, err, errlen))
		goto fail;
	if (config->socket_path && sink_socket_open(&s->socket, config->socket_path, err, errlen))
		goto fail;
	if (start_threads(s, err, errlen))
		goto fail;
	*out = s;
	return 0;
fail:
	sink_destroy(s);
	return -1;
}

void sink_finish(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->text_ready);
	pthread_mutex_unlock(&s->lock);
	if (s->wake >= 0)
		wake_writer(s);
	if (s->has_writer)
		pthread_join(s->writer, NULL);
	if (s->has_texter)
		pthread_join(s->texter, NULL);
	s->has_writer = s->has_texter = false;
}

void sink_destroy(struct sink *s)
{
	if (!s)
		return;
	sink_finish(s);
	sink_socket_close(&s->socket);
	for (int i = 0; i < READERS; i++)
		if (s->reader[i].fd >= 0)
			reader_close(s, &s->reader[i]);
	queue_deinit(&s->log);
	queue_deinit(&s->text);
	if (s->log_fd >= 0)
		close(s->log_fd);
	if (s->wake >= 0)
		close(s->wake);
	pthread_cond_destroy(&s->text_ready);
	pthread_mutex_destroy(&s->lock);
	free(s->vm);
	free(s);
}
