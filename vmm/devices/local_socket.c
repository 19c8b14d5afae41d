// SPDX-License-Identifier: GPL-2.0-only
/* local_socket.c: makes, finds and removes sockets in the file system. Sends nothing. */
#include "local_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64

static bool make_address(struct sockaddr_un *a, const char *path)
{
	size_t len = strlen(path);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!len || len >= sizeof(a->sun_path))
		return false;
	memcpy(a->sun_path, path, len);
	return true;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Does somebody listen there? A full backlog means yes. */
static bool is_live(const struct sockaddr_un *a)
{
	int fd = make_socket();
	bool live;

	if (fd < 0)
		return true;
	live = !connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno == EAGAIN ||
	       errno == EPROTOTYPE;
	close(fd);
	return live;
}

/* Takes away what a killed predecessor left. NULL, or what is wrong. */
static const char *clear(const struct sockaddr_un *a)
{
	struct stat st;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "a file that is no socket is there";
	if (is_live(a))
		return "another program listens there";
	return unlink(a->sun_path) && errno != ENOENT ? strerror(errno) : NULL;
}

/* The file gets the socket's mode: there is no moment in which others could connect. */
static const char *listen_at(struct local_socket *s, const struct sockaddr_un *a)
{
	const char *problem = clear(a);
	struct stat st;

	if (problem)
		return problem;
	s->fd = make_socket();
	if (s->fd < 0 || fchmod(s->fd, 0600) ||
	    bind(s->fd, (const struct sockaddr *)a, sizeof(*a)) || lstat(a->sun_path, &st))
		return strerror(errno);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return listen(s->fd, BACKLOG) ? strerror(errno) : NULL;
}

int local_socket_open(struct local_socket *s, const char *path, const char *option, char *err,
		      size_t errlen)
{
	struct sockaddr_un a;
	const char *problem;

	*s = (struct local_socket){.fd = -1};
	if (!make_address(&a, path)) {
		snprintf(err, errlen, "--%s: the socket's path has %zu bytes: give one of 1 to %zu",
			 option, strlen(path), sizeof(a.sun_path) - 1);
		return -1;
	}
	memcpy(s->path, a.sun_path, sizeof(s->path));
	problem = listen_at(s, &a);
	if (!problem)
		return 0;
	snprintf(err, errlen, "--%s: cannot listen at %s: %s: give another path", option, path,
		 problem);
	local_socket_close(s);
	return -1;
}

void local_socket_close(struct local_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	if (s->ino && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->fd);
	s->fd = -1;
}

int local_socket_accept(const struct local_socket *s)
{
	return accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int local_socket_connect(const char *path)
{
	struct sockaddr_un a;
	int fd = make_address(&a, path) ? make_socket() : -1;

	if (fd < 0 || !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}
