// SPDX-License-Identifier: GPL-2.0-only
/*
 * image_nbd.c: an image that qemu-nbd reads and writes, in a process of its own.
 *
 * It inherits a socket on which it finds us waiting (sd_listen_fds(3)), in the abstract namespace:
 * no file is left behind, whatever ends whom. It serves one client and ends when that one is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <libnbd.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image.h"

#define LISTEN_FD 3 /* SD_LISTEN_FDS_START */

struct image_nbd {
	struct nbd_handle *handle;
	pid_t server;
};

static int error_of(int r)
{
	int error = nbd_get_errno();

	if (r >= 0)
		return 0;
	return error > 0 ? -error : -EIO;
}

static int remote_read(struct image *i, uint64_t offset, void *data, size_t len)
{
	return error_of(nbd_pread(i->nbd->handle, data, len, offset, 0));
}

static int remote_write(struct image *i, uint64_t offset, const void *data, size_t len)
{
	return error_of(nbd_pwrite(i->nbd->handle, data, len, offset, 0));
}

static int remote_flush(struct image *i)
{
	if (nbd_can_flush(i->nbd->handle) <= 0)
		return 0;
	return error_of(nbd_flush(i->nbd->handle, 0));
}

static void remote_close(struct image *i)
{
	struct image_nbd *n = i->nbd;

	if (n->handle) {
		nbd_shutdown(n->handle, 0);
		nbd_close(n->handle);
	}
	/* Writes what it has and ends, if it has not yet. */
	if (n->server > 0)
		kill(n->server, SIGTERM);
	while (n->server > 0 && waitpid(n->server, NULL, 0) < 0 && errno == EINTR)
		;
	free(n);
}

/* In the child. The terminal's signals are not for it, and it is not to survive us. */
static void become_server(int listener, char *const *argv, char *const *environment, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (listener == LISTEN_FD)
		fcntl(listener, F_SETFD, 0); /* dup2() would leave it to be closed */
	if (getppid() == parent && dup2(listener, LISTEN_FD) == LISTEN_FD)
		execvpe(argv[0], argv, environment);
	_exit(127);
}

/* The server wants its own number in LISTEN_PID. */
static pid_t start_server(int listener, char *const *argv)
{
	char pid_text[32], path[PATH_MAX + 8];
	const char *search = getenv("PATH");
	char *environment[] = {path, (char *)"LISTEN_FDS=1", pid_text, NULL};
	pid_t parent = getpid(), child;

	snprintf(path, sizeof(path), "PATH=%s", search ? search : "/usr/bin:/bin");
	child = fork();
	if (child == 0) {
		snprintf(pid_text, sizeof(pid_text), "LISTEN_PID=%d", (int)getpid());
		become_server(listener, argv, environment, parent);
	}
	return child;
}

/* A listening socket and one that waits there. 0 or -errno. */
static int make_sockets(int *listener, int *client)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	uint64_t name[2];
	socklen_t len;
	int r = 0;

	if (getrandom(name, sizeof(name), 0) != sizeof(name))
		return -EIO;
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1);
	len += (socklen_t)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "kmc-nbd-%llx%llx",
				   (unsigned long long)name[0], (unsigned long long)name[1]);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener < 0 || *client < 0 || bind(*listener, (struct sockaddr *)&a, len) < 0 ||
	    listen(*listener, 1) < 0 || connect(*client, (struct sockaddr *)&a, len) < 0)
		r = -errno;
	return r;
}

static int connect_server(struct image_nbd *n, char *const *argv)
{
	int listener = -1, client = -1, r = make_sockets(&listener, &client);

	if (!r)
		n->server = start_server(listener, argv);
	if (!r && n->server < 0)
		r = -errno;
	/* The last one that could accept is the server: if it ends, we are told. */
	if (listener >= 0)
		close(listener);
	if (!r) {
		n->handle = nbd_create();
		r = n->handle ? error_of(nbd_connect_socket(n->handle, client)) : -ENOMEM;
		client = n->handle ? -1 : client; /* the handle's, also where it failed */
	}
	if (client >= 0)
		close(client);
	return r;
}

int image_open_nbd(struct image *i, const char *path, const char *format, bool writable, char *err,
		   size_t errlen)
{
	/* An absolute path: qemu-nbd takes others for protocols if they look like one. */
	char full[PATH_MAX], format_option[32];
	char *argv[] = {(char *)"qemu-nbd", format_option, full,
			writable ? NULL : (char *)"--read-only", NULL};
	int64_t size = -1;
	int r;

	*i = (struct image){.fd = -1,
			    .read = remote_read,
			    .write = remote_write,
			    .flush = remote_flush,
			    .close = remote_close};
	snprintf(format_option, sizeof(format_option), "--format=%s", format);
	if (!realpath(path, full)) {
		snprintf(err, errlen, "cannot open the disk %s: %s: check the path and its rights",
			 path, strerror(errno));
		return -1;
	}
	i->nbd = calloc(1, sizeof(*i->nbd));
	r = i->nbd ? connect_server(i->nbd, argv) : -ENOMEM;
	if (!r)
		size = nbd_get_size(i->nbd->handle);
	if (size > 0) {
		i->size = (uint64_t)size;
		return 0;
	}
	snprintf(err, errlen,
		 "qemu-nbd cannot open the disk %s as %s (see above): install qemu-utils, or give"
		 " an image that is whole and not in use",
		 path, format);
	if (i->nbd)
		remote_close(i);
	return -1;
}
