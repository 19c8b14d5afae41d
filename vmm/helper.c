// SPDX-License-Identifier: GPL-2.0-only
/* helper.c: where the program is, how it is started, and its end. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

/* Somebody else's, in a folder like /tmp, is not run. */
static bool is_ours(const char *path)
{
	struct stat own, other;

	return !stat("/proc/self/exe", &own) && !stat(path, &other) && S_ISREG(other.st_mode) &&
	       (other.st_uid == own.st_uid || other.st_uid == 0) && !access(path, X_OK);
}

static int find(char *path, size_t size, char *err, size_t errlen)
{
	static const char *const places[] = {"kmc-libvirt", KMC_LIBEXEC_FROM_BIN "/kmc-libvirt"};
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n < 0 ? 0 : n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		n = snprintf(path, size, "%s/%s", exe, places[i]);
		if ((size_t)n < size && is_ours(path))
			return 0;
	}
	snprintf(err, errlen,
		 "there is no libvirt here: neither beside kmc-vmm nor in its %s is there "
		 "kmc-libvirt: "
		 "build with libvirt-dev and libxml2-dev installed",
		 KMC_LIBEXEC_FROM_BIN);
	return -1;
}

/* In the child. The socket may be a number that is one of the three already: then nothing else
 * clears its flag. */
static void execute(const char *path, int socket, const char *const *words)
{
	const char *argv[WORDS_MAX + 3] = {"kmc-libvirt", KMC_VERSION};

	for (unsigned i = 0; words[i] && i < WORDS_MAX; i++)
		argv[i + 2] = words[i];
	if (!fcntl(socket, F_SETFD, 0) && dup2(socket, STDIN_FILENO) >= 0 &&
	    dup2(socket, STDOUT_FILENO) >= 0)
		execv(path, (char *const *)argv);
	fprintf(stderr, "kmc-vmm: cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

int helper_start(struct helper *h, const char *const *words, char *err, size_t errlen)
{
	char path[PATH_MAX];
	int ends[2];

	*h = (struct helper){.fd = -1};
	if (find(path, sizeof(path), err, errlen))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		snprintf(err, errlen, "socketpair: %s", strerror(errno));
		return -1;
	}
	h->fd = ends[0];
	h->pid = fork();
	if (h->pid == 0)
		execute(path, ends[1], words);
	close(ends[1]);
	if (h->pid > 0)
		return 0;
	snprintf(err, errlen, "fork: %s: raise the limit of processes (ulimit -u)",
		 strerror(errno));
	return -1;
}

int helper_end(struct helper *h)
{
	int status = 0;

	if (h->fd < 0)
		return 0;
	close(h->fd);
	h->fd = -1;
	while (h->pid > 0 && waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
