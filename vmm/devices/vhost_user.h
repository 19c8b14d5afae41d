/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vhost_user.h: the front-end's side of vhost-user: two queues in memory that is shared with a
 * server, and is never the guest's. Used by fs.c.
 *
 * Source: QEMU, docs/interop/vhost-user.rst. No protocol features: nothing here needs them.
 */
#ifndef KMC_VHOST_USER_H
#define KMC_VHOST_USER_H

#include <stddef.h>
#include <stdint.h>
#include "server.h"

#define VHOST_QUEUES 2u

struct vhost_user {
	struct server server;
	int memory_fd;
	uint8_t *memory; /* shared; its size cannot be changed by the server */
	size_t size;
	int kick[VHOST_QUEUES], call; /* eventfds */
};

/* Where a queue is: offsets into the memory. */
struct vhost_layout {
	uint16_t size; /* a power of two */
	uint64_t desc, avail, used;
};

/*
 * Starts the server (server.h) and shares size bytes of zeros with it. 0 or -errno: it is gone, or
 * is no such server. u->memory: addresses in descriptors are offsets + VHOST_BASE.
 */
#define VHOST_BASE 0x100000000ull
int vhost_user_open(struct vhost_user *u, char *const *argv, bool (*prepare)(const void *ctx),
		    const void *ctx, size_t size);
void vhost_user_close(struct vhost_user *u);

/* From here on the server works on the queue, from its first entries on. 0 or -errno. */
int vhost_user_start_queue(struct vhost_user *u, uint32_t queue, const struct vhost_layout *layout);
/* From here on it does not. It has finished what it had begun. 0 or -errno. */
int vhost_user_stop_queue(struct vhost_user *u, uint32_t queue);

#endif
