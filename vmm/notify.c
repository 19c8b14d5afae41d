// SPDX-License-Identifier: GPL-2.0-only
/* notify.c: one connected datagram socket. */
#include "notify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or a name in the abstract namespace with '@' in front. */
static bool connect_to(int fd, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(a.sun_path))
		return false;
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
	return connect(fd, (struct sockaddr *)&a, (socklen_t)len) == 0;
}

/* Twice in the time in which one is expected, as sd_watchdog_enabled(3) recommends. */
static unsigned watchdog_period(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long n = usec ? strtoull(usec, NULL, 10) : 0;

	if (!n || (pid && strtoull(pid, NULL, 10) != (unsigned long long)getpid()))
		return 0;
	n /= 2000;
	return n > UINT32_MAX ? UINT32_MAX : n ? (unsigned)n : 1;
}

bool notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1};
	if (!name || !*name)
		return true;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd >= 0 && connect_to(n->fd, name)) {
		n->watchdog_ms = watchdog_period();
		return true;
	}
	notify_close(n);
	return false;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_send(const struct notify *n, const char *state)
{
	if (n->fd >= 0 && send(n->fd, state, strlen(state), MSG_NOSIGNAL) < 0)
		return; /* nobody listens, or has no room */
}
