// SPDX-License-Identifier: GPL-2.0-only
/* server.c: starts and ends the programs that serve a device. Says nothing to them. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child. The terminal's signals are not for it, and it is not to survive us. */
static void become_server(int listener, char *const *argv, char *const *environment, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (listener == SERVER_FD)
		fcntl(listener, F_SETFD, 0); /* dup2() would leave it to be closed */
	if (getppid() == parent && dup2(listener, SERVER_FD) == SERVER_FD)
		execvpe(argv[0], argv, environment);
	_exit(127);
}

/* The server wants its own number in LISTEN_PID. */
static pid_t start(int listener, char *const *argv, bool (*prepare)(const void *ctx),
		   const void *ctx)
{
	char pid_text[32], path[PATH_MAX + 8];
	const char *search = getenv("PATH");
	char *environment[] = {path, (char *)"LISTEN_FDS=1", pid_text, NULL};
	pid_t parent = getpid(), child;

	snprintf(path, sizeof(path), "PATH=%s", search ? search : "/usr/bin:/bin");
	child = fork();
	if (child == 0) {
		snprintf(pid_text, sizeof(pid_text), "LISTEN_PID=%d", (int)getpid());
		if (!prepare || prepare(ctx))
			become_server(listener, argv, environment, parent);
		_exit(126);
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
	len += (socklen_t)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "kmc-server-%llx%llx",
				   (unsigned long long)name[0], (unsigned long long)name[1]);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener < 0 || *client < 0 || bind(*listener, (struct sockaddr *)&a, len) < 0 ||
	    listen(*listener, 1) < 0 || connect(*client, (struct sockaddr *)&a, len) < 0)
		r = -errno;
	return r;
}

int server_start(struct server *s, char *const *argv, bool (*prepare)(const void *ctx),
		 const void *ctx)
{
	int listener = -1, r;

	*s = (struct server){.socket = -1};
	r = make_sockets(&listener, &s->socket);
	if (!r)
		s->pid = start(listener, argv, prepare, ctx);
	if (s->pid < 0) {
		r = -errno;
		s->pid = 0;
	}
	/* The last one that could accept is the server: if it ends, we are told. */
	if (listener >= 0)
		close(listener);
	if (r)
		server_end(s);
	return r;
}

void server_end(struct server *s)
{
	if (s->socket >= 0)
		close(s->socket);
	s->socket = -1;
	/* Writes what it has and ends, if it has not yet. */
	if (s->pid > 0)
		kill(s->pid, SIGTERM);
	while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}
