// SPDX-License-Identifier: GPL-2.0-only
/*
 * fs.c: virtio-fs (VIRTIO 1.2, 5.11): a folder of the host, served by virtiofsd, which knows FUSE;
 * we do not. Requests and answers are copied between the guest and memory that is shared with the
 * server (vhost_user.h), so that the server never touches the guest's, and every byte goes the way
 * of all devices' accesses.
 *
 * What the server writes into that memory is as little trusted as what a guest does. When it has
 * ended, requests are answered with ENOTCONN.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_list.h"
#include "vhost_user.h"

#define QUEUES VHOST_QUEUES /* urgent ones, and all others */
#define SLOTS  8u	    /* requests of a queue that the server has at a time */
#define RING   (2 * SLOTS)  /* descriptors: two a request, what it reads and what it writes */
/* Linux asks for as many pages as a queue has descriptors, at most, and some headers. */
#define HALF	   (1088u * 1024)
#define AVAIL	   0x400u /* offsets in a queue's part of the memory */
#define USED	   0x800u
#define DATA	   0x1000u
#define QUEUE_SIZE (DATA + RING * HALF)

struct slot {
	bool busy;
	struct vq_chain chain;
};

struct fs {
	struct virtio_device device; /* first */
	struct vhost_user back;
	bool started; /* the server works on the queues */
	bool hung_up; /* poll() has seen that the server ended */
	bool gone;    /* and that is told to the guest */
	uint16_t next_avail[QUEUES], next_used[QUEUES];
	struct slot slot[QUEUES][SLOTS];
};

static uint8_t *part(struct fs *f, unsigned queue, uint64_t offset)
{
	return f->back.memory + (uint64_t)queue * QUEUE_SIZE + offset;
}

static uint64_t data_offset(unsigned descriptor)
{
	return DATA + (uint64_t)descriptor * HALF;
}

/* ---- answers ---- */

static void finish(struct fs *f, unsigned queue, struct slot *s, unsigned index, uint32_t len)
{
	struct virtqueue *q = &f->device.queue[queue];

	s->busy = false;
	if (virtqueue_write(q, &s->chain, 0, part(f, queue, data_offset(2 * index + 1)), len))
		virtqueue_push(q, &s->chain, len);
	else
		virtio_broken(&f->device, queue);
}

/* In the server's place. Who expects no answer (FUSE_FORGET) gets none. */
static void refuse(struct fs *f, unsigned queue, struct slot *s, unsigned index)
{
	struct fuse_out_header out = {.len = sizeof(out), .error = -ENOTCONN};
	struct fuse_in_header in;
	bool answer = s->chain.write_len >= sizeof(out);

	memcpy(&in, part(f, queue, data_offset(2 * index)), sizeof(in));
	out.unique = in.unique;
	memcpy(part(f, queue, data_offset(2 * index + 1)), &out, sizeof(out));
	finish(f, queue, s, index, answer ? sizeof(out) : 0);
}

static void lose_server(struct fs *f)
{
	if (!f->gone)
		fprintf(stderr, "kmc-vmm: virtiofsd has ended: what it served is gone for the"
				" guest\n");
	f->gone = true;
	for (unsigned queue = 0; queue < QUEUES; queue++)
		for (unsigned i = 0; i < SLOTS; i++)
			if (f->slot[queue][i].busy)
				refuse(f, queue, &f->slot[queue][i], i);
}

/* One answer. False: it is none. */
static bool take_answer(struct fs *f, unsigned queue, const struct vring_used_elem *e)
{
	unsigned index = e->id / 2;
	struct slot *s = index < SLOTS ? &f->slot[queue][index] : NULL;

	if (!s || e->id % 2 || !s->busy || e->len > s->chain.write_len)
		return false;
	finish(f, queue, s, index, e->len);
	return true;
}

static void take_answers(struct fs *f, unsigned queue)
{
	const uint16_t *index = (const uint16_t *)part(f, queue, USED) + 1;
	const struct vring_used_elem *ring = (const struct vring_used_elem *)(index + 1);
	uint16_t n = (uint16_t)(__atomic_load_n(index, __ATOMIC_ACQUIRE) - f->next_used[queue]);
	bool good = n <= SLOTS;

	for (; n && good; n--) {
		struct vring_used_elem e;

		memcpy(&e, &ring[f->next_used[queue]++ % RING], sizeof(e));
		good = take_answer(f, queue, &e);
	}
	if (!good)
		lose_server(f);
}

/* ---- requests ---- */

static void hand_over(struct fs *f, unsigned queue, const struct slot *s, unsigned index)
{
	uint16_t *avail = (uint16_t *)part(f, queue, AVAIL), in = (uint16_t)(2 * index);
	uint64_t base = VHOST_BASE + (uint64_t)queue * QUEUE_SIZE;
	bool answer = s->chain.write_len;
	struct vring_desc d[2] = {
		{base + data_offset(in), (uint32_t)s->chain.read_len,
		 answer ? VRING_DESC_F_NEXT : 0, (uint16_t)(in + 1)},
		{base + data_offset(in + 1u), (uint32_t)s->chain.write_len, VRING_DESC_F_WRITE, 0},
	};

	memcpy(part(f, queue, in * sizeof(d[0])), d, sizeof(d));
	avail[2 + f->next_avail[queue]++ % RING] = in;
	__atomic_store_n(&avail[1], f->next_avail[queue], __ATOMIC_RELEASE);
}

static struct slot *find_free(struct fs *f, unsigned queue, unsigned *index)
{
	for (*index = 0; *index < SLOTS; ++*index)
		if (!f->slot[queue][*index].busy)
			return &f->slot[queue][*index];
	return NULL;
}

static void ring_bell(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is rung already */
}

/* Those for which there is no slot wait in the guest's ring until an answer has come. */
static void take_requests(struct fs *f, unsigned queue)
{
	struct virtio_device *d = &f->device;
	const struct vq_chain *c = &d->chain;
	unsigned index;
	struct slot *s;

	while ((s = find_free(f, queue, &index)) && virtio_next(d, queue)) {
		if (c->read_len < sizeof(struct fuse_in_header) || c->read_len > HALF ||
		    c->write_len > HALF ||
		    !virtqueue_read(&d->queue[queue], c, 0, part(f, queue, data_offset(2 * index)),
				    (size_t)c->read_len)) {
			virtio_broken(d, queue);
			return;
		}
		*s = (struct slot){.busy = true, .chain = *c};
		if (f->gone) {
			refuse(f, queue, s, index);
			continue;
		}
		hand_over(f, queue, s, index);
		ring_bell(f->back.kick[queue]);
	}
}

/* ---- the device ---- */

static void start(struct fs *f)
{
	for (unsigned i = 0; i < QUEUES && !f->gone; i++) {
		const uint64_t base = (uint64_t)i * QUEUE_SIZE;
		const struct vhost_layout layout = {RING, base, base + AVAIL, base + USED};

		memset(part(f, i, 0), 0, DATA);
		f->next_avail[i] = f->next_used[i] = 0;
		if (vhost_user_start_queue(&f->back, i, &layout) < 0)
			lose_server(f);
	}
	f->started = true;
}

static void serve(struct virtio_device *d)
{
	struct fs *f = (struct fs *)d;

	if (!f->started)
		start(f);
	if (f->hung_up)
		lose_server(f);
	for (unsigned i = 0; i < QUEUES; i++) {
		if (!f->gone)
			take_answers(f, i);
		take_requests(f, i);
		virtio_signal(d, i);
	}
}

/* Nobody waits for what the server has not answered yet. */
static void reset(struct virtio_device *d)
{
	struct fs *f = (struct fs *)d;

	for (unsigned i = 0; i < QUEUES; i++)
		for (unsigned s = 0; s < SLOTS; s++)
			f->slot[i][s].busy = false;
	for (unsigned i = 0; i < QUEUES && f->started && !f->gone; i++)
		if (vhost_user_stop_queue(&f->back, i) < 0)
			lose_server(f);
	f->started = false;
}

static unsigned poll_begin(struct virtio_device *d, struct pollfd *fds, int *timeout_ms)
{
	struct fs *f = (struct fs *)d;

	fds[0] = (struct pollfd){.fd = f->back.call, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = f->back.server.socket, .events = POLLIN};
	return f->gone || f->hung_up ? 0 : 2;
}

/* Without being asked the server only says that it ends. */
static void poll_end(struct virtio_device *d, const struct pollfd *fds, bool failed)
{
	struct fs *f = (struct fs *)d;
	uint64_t count;

	if (f->gone || f->hung_up || failed)
		return;
	f->hung_up = fds[1].revents;
	if (fds[0].revents && read(f->back.call, &count, sizeof(count)) < 0)
		return; /* nothing to wake for after all */
}

static void destroy(struct virtio_device *d)
{
	struct fs *f = (struct fs *)d;

	vhost_user_close(&f->back);
	free(f);
}

static const struct virtio_ops ops = {
	.name = "virtio-fs",
	.type = VIRTIO_ID_FS,
	.class = 0x018000,
	.queues = QUEUES,
	.thread = SANDBOX_DEVICE,
	.serve = serve,
	.reset = reset,
	.poll_begin = poll_begin,
	.poll_end = poll_end,
	.destroy = destroy,
};

/* ---- the server ---- */

#define LOG_SIZE 4096u

struct child {
	const char *read_only; /* the folder; NULL: it can be written */
	int log;	       /* a file of LOG_SIZE bytes that cannot grow */
};

/*
 * In the child: for it and its own children, what is below the folder cannot be written, whatever
 * the server does: its own sandbox only binds what it finds here.
 */
static bool make_read_only(const char *folder)
{
	static const char problem[] = "cannot make it read-only\n";
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (!unshare(CLONE_NEWNS) && !mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mount(folder, folder, NULL, MS_BIND | MS_REC, NULL) &&
	    !mount_setattr(AT_FDCWD, folder, AT_RECURSIVE, &attr, sizeof(attr)))
		return true;
	return write(STDERR_FILENO, problem, sizeof(problem) - 1) < 0 && false;
}

/*
 * In the child. What the server has to say is of interest only where it does not start: later a
 * guest could make it say a lot.
 */
static bool prepare(const void *ctx)
{
	const struct child *c = ctx;

	return dup2(c->log, STDERR_FILENO) >= 0 && (!c->read_only || make_read_only(c->read_only));
}

static int make_log(void)
{
	int fd = memfd_create("kmc-virtiofsd", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && !ftruncate(fd, LOG_SIZE) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The last line there, printable; or the error's text. */
static void explain(int log, int error, char *text, size_t size)
{
	char said[LOG_SIZE + 1] = "", *line, *end;

	if (pread(log, said, LOG_SIZE, 0) < 0)
		said[0] = '\0';
	end = said + strlen(said);
	while (end > said && end[-1] == '\n')
		*--end = '\0';
	line = strrchr(said, '\n') ? strrchr(said, '\n') + 1 : said;
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	snprintf(text, size, "%.200s", *line ? line : strerror(error));
}

/* Debian 13 has the one that is written in Rust, Debian 12 QEMU's. */
static const char *find_server(void)
{
	const char *own = getenv("KMC_VIRTIOFSD");
	static const char *const places[] = {"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"};

	for (unsigned i = 0; !own && i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return own ? own : "virtiofsd";
}

/* Both servers know these options; others, as log_level, only one of them. */
static int start_server(struct fs *f, const struct fs_config *config, char *err, size_t errlen)
{
	char folder[PATH_MAX], source[PATH_MAX + 8], why[256];
	struct child child;
	char *argv[] = {(char *)(uintptr_t)find_server(),
			(char *)"--fd=3",
			(char *)"-o",
			source,
			(char *)"-o",
			(char *)"cache=auto",
			NULL};
	struct stat st;
	int r;

	if (!realpath(config->path, folder) || stat(folder, &st) || !S_ISDIR(st.st_mode) ||
	    strchr(folder, ',')) {
		snprintf(err, errlen,
			 "--fs: %s is no folder, or has a comma in its path: give another",
			 config->path);
		return -1;
	}
	snprintf(source, sizeof(source), "source=%s", folder);
	child = (struct child){.read_only = config->read_only ? folder : NULL, .log = make_log()};
	r = vhost_user_open(&f->back, argv, prepare, &child, QUEUES * (size_t)QUEUE_SIZE);
	explain(child.log, -r, why, sizeof(why));
	close(child.log);
	if (!r)
		return 0;
	snprintf(err, errlen,
		 "--fs: virtiofsd does not serve %s: %s: install virtiofsd (Debian 12:"
		 " qemu-system-common), or run as root",
		 folder, why);
	return -1;
}

int fs_create(const struct fs_config *config, struct virtio_device **out, char *err, size_t errlen,
	      bool *bad_input)
{
	struct fs *f = calloc(1, sizeof(*f));
	struct virtio_fs_config registers = {.num_request_queues = 1};

	*out = f ? &f->device : NULL;
	if (!f)
		return 0;
	memcpy(registers.tag, config->tag, strlen(config->tag)); /* no NUL where it is full */
	f->device.ops = &ops;
	f->device.config_size = sizeof(registers);
	memcpy(f->device.config, &registers, sizeof(registers));
	if (start_server(f, config, err, errlen) == 0)
		return 0;
	*bad_input = true;
	free(f);
	return -1;
}
