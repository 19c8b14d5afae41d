// SPDX-License-Identifier: GPL-2.0-only
/* virtio.c: the life of a virtio device, and its thread. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio.h"

#define BIT(n) (1ull << (n))
#define COMMON_FEATURES                                                                            \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))
#define BUDGET	   256u /* requests of a device between two looks at its registers */
#define ISR_QUEUE  1u
#define ISR_CONFIG 2u

static void reset_registers(struct virtio_device *d)
{
	d->status = 0;
	d->isr = 0;
	d->reset_wanted = false;
	d->accepted = 0;
	d->config_vector = VIRTIO_NO_VECTOR;
	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		d->registers[i] = (struct virtio_queue_registers){.size = VQ_MAX_SIZE,
								  .vector = VIRTIO_NO_VECTOR};
}

int virtio_init(struct virtio_device *d, const struct device_host *host)
{
	d->host = host;
	d->offered = d->ops->features | COMMON_FEATURES;
	reset_registers(d);
	d->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return d->kick < 0 ? -errno : 0;
}

void virtio_deinit(struct virtio_device *d)
{
	if (d->kick >= 0)
		close(d->kick);
	d->kick = -1;
	if (d->ops->destroy)
		d->ops->destroy(d);
}

void virtio_kick(struct virtio_device *d)
{
	const uint64_t one = 1;

	/* Fails only where the counter is full: then it is kicked. */
	while (write(d->kick, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* ---- registers ---- */

static bool features_ok(const struct virtio_device *d)
{
	return !(d->accepted & ~d->offered) && (d->accepted & BIT(VIRTIO_F_VERSION_1));
}

/* Only a reset takes bits away (2.1.1); where the thread is at work it carries that out. */
void virtio_write_status(struct virtio_device *d, uint8_t status)
{
	if (!status && (d->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
		d->reset_wanted = true;
		virtio_kick(d);
		return;
	}
	if (!status) {
		reset_registers(d);
		return;
	}
	if (!features_ok(d))
		status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	status |= d->status;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	d->status = status;
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_kick(d);
}

/* ---- for the devices ---- */

void virtio_broken(struct virtio_device *d, unsigned queue)
{
	d->queue[queue].broken = true;
	pthread_mutex_lock(d->lock);
	if (!(d->status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		d->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
		d->isr |= ISR_CONFIG;
		d->raise(d->transport, d->config_vector);
	}
	pthread_mutex_unlock(d->lock);
}

static bool has_turn(struct virtio_device *d, unsigned queue)
{
	const struct virtqueue *q = &d->queue[queue];

	if (!d->running || !q->size || q->broken)
		return false;
	if (!d->budget)
		virtio_kick(d);
	return d->budget;
}

bool virtio_waiting(struct virtio_device *d, unsigned queue)
{
	struct virtqueue *q = &d->queue[queue];

	if (!has_turn(d, queue))
		return false;
	if (virtqueue_waiting(q))
		return true;
	if (q->broken)
		virtio_broken(d, queue);
	return false;
}

bool virtio_next(struct virtio_device *d, unsigned queue)
{
	struct virtqueue *q = &d->queue[queue];

	if (!has_turn(d, queue))
		return false;
	d->budget--;
	if (virtqueue_pop(q, &d->chain))
		return true;
	if (q->broken)
		virtio_broken(d, queue);
	return false;
}

void virtio_done(struct virtio_device *d, unsigned queue, uint32_t written)
{
	virtqueue_push(&d->queue[queue], &d->chain, written);
}

void virtio_signal(struct virtio_device *d, unsigned queue)
{
	struct virtqueue *q = &d->queue[queue];
	bool wanted = virtqueue_wants_interrupt(q);

	if (q->broken)
		virtio_broken(d, queue);
	if (!wanted)
		return;
	pthread_mutex_lock(d->lock);
	d->isr |= ISR_QUEUE;
	d->raise(d->transport, d->registers[queue].vector);
	pthread_mutex_unlock(d->lock);
}

bool virtio_breathe(struct virtio_device *d)
{
	bool wanted;

	pthread_mutex_lock(d->lock);
	wanted = d->reset_wanted;
	pthread_mutex_unlock(d->lock);
	if (wanted || atomic_load(&d->stopping))
		return false;
	d->host->leave(d->host->ctx);
	return d->host->enter(d->host->ctx);
}

/* ---- the thread ---- */

static void begin(struct virtio_device *d)
{
	for (unsigned i = 0; i < d->ops->queues; i++) {
		const struct virtio_queue_registers *r = &d->registers[i];
		struct virtqueue layout = {
			.host = d->host,
			.device = d->ops->name,
			.size = r->size,
			.desc = {r->desc},
			.avail = {r->avail},
			.used = {r->used},
			.event_idx = d->accepted & BIT(VIRTIO_RING_F_EVENT_IDX),
		};

		d->queue[i] = (struct virtqueue){.size = 0};
		if (r->enabled)
			virtqueue_begin(&d->queue[i], &layout);
	}
	d->features = d->accepted;
	d->running = true;
}

static void end(struct virtio_device *d)
{
	d->running = false;
	if (d->ops->reset)
		d->ops->reset(d);
	pthread_mutex_lock(d->lock);
	reset_registers(d);
	pthread_mutex_unlock(d->lock);
}

/* What the registers ask for. */
static void obey(struct virtio_device *d)
{
	bool reset;

	pthread_mutex_lock(d->lock);
	reset = d->reset_wanted;
	if (!reset && !d->running && (d->status & VIRTIO_CONFIG_S_DRIVER_OK))
		begin(d);
	pthread_mutex_unlock(d->lock);
	if (reset)
		end(d);
	for (unsigned i = 0; d->running && i < d->ops->queues; i++)
		if (d->queue[i].broken)
			virtio_broken(d, i);
}

/* Without the kick's count: it was only there to wake us. */
static void wait(struct virtio_device *d, struct pollfd *fds)
{
	int timeout = -1, r;
	unsigned n = 1;
	uint64_t count;

	fds[0] = (struct pollfd){.fd = d->kick, .events = POLLIN};
	if (d->ops->poll_begin)
		n += d->ops->poll_begin(d, fds + 1, &timeout);
	r = poll(fds, n, timeout);
	if (d->ops->poll_end)
		d->ops->poll_end(d, fds + 1, r < 0);
	if (r > 0 && fds[0].revents && read(d->kick, &count, sizeof(count)) < 0)
		return; /* nothing to wake for after all */
}

/* False: this was the last time. */
static bool turn(struct virtio_device *d)
{
	bool going = d->host->enter(d->host->ctx);

	if (going) {
		d->budget = BUDGET;
		obey(d);
		if (d->running)
			d->ops->serve(d);
	}
	d->host->leave(d->host->ctx);
	return going && !atomic_load(&d->stopping);
}

static void *thread_main(void *arg)
{
	const struct virtio_device *d = arg;
	struct pollfd fds[VIRTIO_POLL_FDS];

	sandbox_thread(d->ops->thread);
	while (turn(arg))
		wait(arg, fds);
	return NULL;
}

int virtio_start(struct virtio_device *d)
{
	sigset_t all, old;
	int r;

	/* The process's signals are for the thread that serves the console. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&d->thread, NULL, thread_main, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	d->has_thread = r == 0;
	return -r;
}

void virtio_ask_to_stop(struct virtio_device *d)
{
	atomic_store(&d->stopping, true);
	virtio_kick(d);
}

void virtio_join(struct virtio_device *d)
{
	if (d->has_thread)
		pthread_join(d->thread, NULL);
	d->has_thread = false;
}
