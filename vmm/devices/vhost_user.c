// SPDX-License-Identifier: GPL-2.0-only
/* vhost_user.c: messages to a vhost-user server. */
#include "vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define TIMEOUT_S 10 /* until a server that does not answer counts as gone */
#define VERSION	  1u
#define IS_REPLY  4u

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
};

struct region {
	uint64_t guest, size, user, offset;
};

struct memory_table {
	uint32_t regions, padding;
	struct region region;
};

struct __attribute__((packed)) message {
	uint32_t request, flags, size;
	union {
		uint64_t number;
		struct vhost_vring_state state;
		struct vhost_vring_addr address;
		struct memory_table table;
	} payload;
};

#define HEADER offsetof(struct message, payload)

static struct message make(enum request request, size_t size)
{
	return (struct message){.request = request, .flags = VERSION, .size = (uint32_t)size};
}

/* fd: goes along; -1: none. */
static int put(struct vhost_user *u, const struct message *m, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)m, .iov_len = HEADER + m->size};
	struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&h) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
						      .cmsg_level = SOL_SOCKET,
						      .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), &fd, sizeof(fd));
	}
	if (sendmsg(u->server.socket, &h, MSG_NOSIGNAL) == (ssize_t)part.iov_len)
		return 0;
	return errno ? -errno : -EIO;
}

/* The answer to m, in its place; it has as many bytes as is said there. */
static int get(struct vhost_user *u, struct message *m, size_t size)
{
	struct message answer;
	ssize_t n = recv(u->server.socket, &answer, HEADER + size, MSG_WAITALL);

	if (n < 0)
		return -errno;
	if (n != (ssize_t)(HEADER + size) || answer.request != m->request || answer.size != size ||
	    !(answer.flags & IS_REPLY))
		return -EPROTO;
	*m = answer;
	return 0;
}

static int put_number(struct vhost_user *u, enum request request, uint64_t number, int fd)
{
	struct message m = make(request, sizeof(m.payload.number));

	m.payload.number = number;
	return put(u, &m, fd);
}

static int put_state(struct vhost_user *u, enum request request, uint32_t queue, uint32_t value)
{
	struct message m = make(request, sizeof(m.payload.state));

	m.payload.state = (struct vhost_vring_state){.index = queue, .num = value};
	return put(u, &m, -1);
}

/* Behind other requests: when it is answered, those have been carried out. */
static int get_features(struct vhost_user *u, uint64_t *features)
{
	struct message m = make(GET_FEATURES, 0);
	int r = put(u, &m, -1);

	if (!r)
		r = get(u, &m, sizeof(m.payload.number));
	*features = r ? 0 : m.payload.number;
	return r;
}

static int share_memory(struct vhost_user *u)
{
	struct message m = make(SET_MEM_TABLE, sizeof(m.payload.table));

	m.payload.table = (struct memory_table){
		.regions = 1,
		.region = {.guest = VHOST_BASE, .size = u->size, .user = VHOST_BASE},
	};
	return put(u, &m, u->memory_fd);
}

static int introduce(struct vhost_user *u)
{
	const struct timeval limit = {.tv_sec = TIMEOUT_S};
	struct message owner = make(SET_OWNER, 0);
	uint64_t features;
	int r;

	if (setsockopt(u->server.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(u->server.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	r = get_features(u, &features);
	if (!r && !(features & 1ull << VIRTIO_F_VERSION_1))
		r = -EPROTO;
	if (!r)
		r = put_number(u, SET_FEATURES, 1ull << VIRTIO_F_VERSION_1, -1);
	if (!r)
		r = put(u, &owner, -1);
	if (!r)
		r = share_memory(u);
	return r ? r : get_features(u, &features);
}

static int make_memory(struct vhost_user *u, size_t size)
{
	u->size = size;
	u->memory_fd = memfd_create("kmc-vhost-user", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (u->memory_fd < 0 || ftruncate(u->memory_fd, (off_t)size) ||
	    fcntl(u->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	u->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, u->memory_fd, 0);
	if (u->memory == MAP_FAILED) {
		u->memory = NULL;
		return -errno;
	}
	return 0;
}

static int make_events(struct vhost_user *u)
{
	u->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < VHOST_QUEUES; i++) {
		u->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (u->kick[i] < 0)
			return -errno;
	}
	return u->call < 0 ? -errno : 0;
}

int vhost_user_open(struct vhost_user *u, char *const *argv, bool (*prepare)(const void *ctx),
		    const void *ctx, size_t size)
{
	int r;

	*u = (struct vhost_user){.memory_fd = -1, .call = -1, .kick = {-1, -1}};
	u->server.socket = -1;
	r = make_memory(u, size);
	if (!r)
		r = make_events(u);
	if (!r)
		r = server_start(&u->server, argv, prepare, ctx);
	if (!r)
		r = introduce(u);
	if (r)
		vhost_user_close(u);
	return r;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vhost_user_close(struct vhost_user *u)
{
	server_end(&u->server);
	for (unsigned i = 0; i < VHOST_QUEUES; i++)
		close_one(&u->kick[i]);
	close_one(&u->call);
	if (u->memory)
		munmap(u->memory, u->size);
	u->memory = NULL;
	close_one(&u->memory_fd);
}

int vhost_user_start_queue(struct vhost_user *u, uint32_t queue, const struct vhost_layout *layout)
{
	struct message m = make(SET_VRING_ADDR, sizeof(m.payload.address));
	int r = put_state(u, SET_VRING_NUM, queue, layout->size);
	uint64_t features;

	m.payload.address = (struct vhost_vring_addr){.index = queue,
						      .desc_user_addr = VHOST_BASE + layout->desc,
						      .avail_user_addr = VHOST_BASE + layout->avail,
						      .used_user_addr = VHOST_BASE + layout->used};
	if (!r)
		r = put_state(u, SET_VRING_BASE, queue, 0);
	if (!r)
		r = put(u, &m, -1);
	if (!r)
		r = put_number(u, SET_VRING_CALL, queue, u->call);
	if (!r)
		r = put_number(u, SET_VRING_KICK, queue, u->kick[queue]);
	/* The Rust server forgets a kick that comes while it takes that in. */
	return r ? r : get_features(u, &features);
}

int vhost_user_stop_queue(struct vhost_user *u, uint32_t queue)
{
	struct message m = make(GET_VRING_BASE, sizeof(m.payload.state));
	int r;

	m.payload.state.index = queue;
	r = put(u, &m, -1);
	return r ? r : get(u, &m, sizeof(m.payload.state));
}
