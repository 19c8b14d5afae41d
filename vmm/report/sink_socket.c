// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink_socket.c: makes and removes the listening socket. Accepts nobody and sends nothing.
 */
#include "sink_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_BACKLOG 16

static int in_use(const char *option, const char *path, char *err, size_t errlen)
{
	snprintf(err, errlen,
		 "socket %s is in use by a running kmc-vmm: choose another %s or stop it", path,
		 option);
	return -1;
}

static int failed(const char *option, const char *call, const char *path, char *err, size_t errlen)
{
	snprintf(err, errlen, "socket %s: %s: %s; choose another %s", path, call, strerror(errno),
		 option);
	return -1;
}

static int make_address(const char *option, const char *path, struct sockaddr_un *a, socklen_t *alen,
			char *err, size_t errlen)
{
	size_t len = strlen(path);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (!len || len >= sizeof(a->sun_path)) {
		snprintf(err, errlen,
			 "the path of the socket has %zu bytes, 1 to %zu are possible; "
			 "choose another %s",
			 len, sizeof(a->sun_path) - 1, option);
		return -1;
	}
	memcpy(a->sun_path, path, len);
	*alen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	if (path[0] == '@') {
		a->sun_path[0] = '\0';
		(*alen)--;
	}
	return 0;
}

/* Does somebody listen there? A full backlog means yes. */
static bool is_live(const struct sockaddr_un *a, socklen_t alen)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool live;

	if (fd < 0)
		return true;
	live = !connect(fd, (const struct sockaddr *)a, alen) || errno == EAGAIN ||
	       errno == EPROTOTYPE;
	close(fd);
	return live;
}

/* Takes away what a killed predecessor left. */
static int clear_path(const char *option, const char *path, const struct sockaddr_un *a,
		      socklen_t alen, char *err, size_t errlen)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failed(option, "lstat", path, err, errlen);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, errlen,
			 "socket %s: a file that is no socket is there; remove it or choose another %s",
			 path, option);
		return -1;
	}
	if (is_live(a, alen))
		return in_use(option, path, err, errlen);
	if (unlink(path) && errno != ENOENT)
		return failed(option, "unlink", path, err, errlen);
	return 0;
}

static bool is_directory(const char *path)
{
	size_t len = strlen(path);
	struct stat st;

	if (path[0] == '@')
		return false;
	return (len && path[len - 1] == '/') || (!stat(path, &st) && S_ISDIR(st.st_mode));
}

/* vm has no '/' (sink_name_ok()). What does not fit is cut, and too long for an address anyhow. */
static void expand(const char *path, const char *vm, char *out, size_t size)
{
	static const char mark[] = "{vm}";
	const char *at;
	size_t n = 0;

	for (; (at = strstr(path, mark)) && n < size; path = at + strlen(mark))
		n += (size_t)snprintf(out + n, size - n, "%.*s%s", (int)(at - path), path, vm);
	if (n < size)
		snprintf(out + n, size - n, "%s", path);
	n = strlen(out);
	if (is_directory(out))
		snprintf(out + n, size - n, "%s%s.sock", out[n - 1] == '/' ? "" : "/", vm);
}

int sink_socket_open(struct sink_socket *s, const char *option, const char *form, const char *vm,
		     char *err, size_t errlen)
{
	struct sockaddr_un a;
	const char *path = s->path;
	struct stat st;
	socklen_t alen;
	int fd;

	*s = (struct sink_socket){.fd = -1};
	expand(form, vm, s->path, sizeof(s->path));
	if (make_address(option, path, &a, &alen, err, errlen))
		return -1;
	if (path[0] != '@' && clear_path(option, path, &a, alen, err, errlen))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(option, "socket", path, err, errlen);
	/* Linux gives the file the socket's own mode, less the umask: there is no moment in which
	 * others could connect. */
	if (fchmod(fd, 0600)) {
		failed(option, "fchmod", path, err, errlen);
		goto fail;
	}
	if (bind(fd, (struct sockaddr *)&a, alen)) {
		if (errno == EADDRINUSE)
			in_use(option, path, err, errlen);
		else
			failed(option, "bind", path, err, errlen);
		goto fail;
	}
	if (path[0] != '@' && !lstat(path, &st)) {
		s->file = true;
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	s->fd = fd;
	if ((s->file && chmod(path, 0600)) || listen(fd, SOCKET_BACKLOG)) {
		failed(option, "listen", path, err, errlen);
		sink_socket_close(s);
		return -1;
	}
	return 0;
fail:
	close(fd);
	return -1;
}

void sink_socket_close(struct sink_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	if (s->file && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	close(s->fd);
	s->fd = -1;
}
