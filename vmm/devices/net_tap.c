// SPDX-License-Identifier: GPL-2.0-only
/* net_tap.c: opens a tap interface. */
#include "net_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN "/dev/net/tun"

int net_tap_open(const char *name, char *err, size_t errlen)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		snprintf(err, errlen, "--net tap: %s: %s: load the module tun, or check its rights",
			 TUN, strerror(errno));
		return -1;
	}
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &r) == 0)
		return fd;
	snprintf(err, errlen,
		 "--net tap: %s: %s: give one that is not in use, made with"
		 " ip tuntap add NAME mode tap user USER",
		 name, strerror(errno));
	close(fd);
	return -1;
}
