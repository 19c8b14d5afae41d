// SPDX-License-Identifier: GPL-2.0-only
/* sink_client.c: see sink_client.h. */
#include "sink_client.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/report_sink.XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->socket, sizeof(p->socket), "%s/socket", p->dir);
	snprintf(p->log, sizeof(p->log), "%s/log", p->dir);
	*state = p;
	return 0;
}

int place_teardown(void **state)
{
	struct place *p = *state;

	unlink(p->socket);
	unlink(p->log);
	rmdir(p->dir);
	free(p);
	return 0;
}

struct sink *sink_start(const struct sink_config *config)
{
	struct sink *s;
	char err[256] = "";

	if (sink_create(config, &s, err, sizeof(err)))
		fail_msg("%s", err);
	return s;
}

/* A server that starts has the file before it listens. */
int client_socket(int fd, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	int r;

	strcpy(a.sun_path, path);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	for (int i = 0; (r = connect(fd, (struct sockaddr *)&a, len)) && errno == ECONNREFUSED; i++) {
		if (i == READ_MS)
			break;
		usleep(1000);
	}
	return r;
}

struct client *client_connect(const char *path)
{
	struct client *c = malloc(sizeof(*c));

	c->have = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(client_socket(c->fd, path), 0);
	return c;
}

struct client *client_open(const char *path)
{
	struct client *c = client_connect(path);
	json_t *hello = client_next(c);

	assert_true(is_type(hello, "hello"));
	assert_int_equal(json_number(hello, "v"), 1);
	assert_int_equal(json_number(hello, "pid"), getpid());
	assert_string_equal(json_text(hello, "vm"), "vm-1");
	json_decref(hello);
	return c;
}

void client_close(struct client *c)
{
	close(c->fd);
	free(c);
}

void client_send(struct client *c, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		text += n;
		len -= (size_t)n;
	}
}

json_t *client_next(struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	json_t *root;
	char *end;

	while (!(end = memchr(c->buf, '\n', c->have))) {
		ssize_t n;

		if (poll(&p, 1, READ_MS) != 1)
			fail_msg("nothing came");
		n = read(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);
		if (n <= 0)
			return NULL;
		c->have += (size_t)n;
	}
	root = json_loadb(c->buf, (size_t)(end - c->buf), 0, NULL);
	assert_non_null(root);
	c->have -= (size_t)(end + 1 - c->buf);
	memmove(c->buf, end + 1, c->have);
	return root;
}

const char *json_text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

json_int_t json_number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

bool is_type(const json_t *j, const char *type)
{
	const char *is = json_text(j, "type");

	return is && !strcmp(is, type);
}

int64_t test_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
