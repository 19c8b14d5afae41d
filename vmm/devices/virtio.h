/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio.h: what all virtio devices have in common: status, features, queues, and the thread on
 * which everything is done that touches the guest's memory. How the guest reaches the registers is
 * virtio_pci.c; what the device does is its own file's, through struct virtio_ops.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2. Modern devices only (VIRTIO_F_VERSION_1).
 *
 * A vCPU only reads and writes registers, under *lock (pci_bus.lock). The device's thread takes
 * over the queues as they were laid out when the driver said DRIVER_OK, and gives them back at a
 * reset: until then a driver that has written status 0 reads another one.
 */
#ifndef KMC_VIRTIO_H
#define KMC_VIRTIO_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include "sandbox.h"
#include "virtqueue.h"

#define VIRTIO_QUEUES	   3u  /* at most, a device */
#define VIRTIO_CONFIG_SIZE 64u /* bytes of a device's configuration, at most */
#define VIRTIO_POLL_FDS	   256u
#define VIRTIO_NO_VECTOR   0xffffu

struct virtio_device;

struct virtio_ops {
	const char *name;
	uint16_t type;	/* VIRTIO_ID_ */
	uint32_t class; /* of PCI: class, subclass, interface */
	unsigned queues;
	enum sandbox_kind thread; /* SANDBOX_DEVICE, or what its thread needs instead */
	uint64_t features; /* beside those that all devices have */
	/* All on the device's thread. Requests may wait in a queue, or there is room in it. */
	void (*serve)(struct virtio_device *d);
	/* The driver has reset the device; may be NULL. */
	void (*reset)(struct virtio_device *d);
	/* May both be NULL: descriptors of the host that the thread waits for as well. */
	unsigned (*poll_begin)(struct virtio_device *d, struct pollfd *fds, int *timeout_ms);
	void (*poll_end)(struct virtio_device *d, const struct pollfd *fds, bool failed);
	/* Frees what the device has of its own; any thread, the device's has ended. */
	void (*destroy)(struct virtio_device *d);
};

/* As the driver wrote it. */
struct virtio_queue_registers {
	uint16_t size, vector;
	bool enabled;
	uint64_t desc, avail, used;
};

struct virtio_device {
	const struct virtio_ops *ops;
	const struct device_host *host;
	void *own; /* the device's */

	/* The transport's; with the lock. */
	pthread_mutex_t *lock;
	void *transport;
	void (*raise)(void *transport, uint16_t vector);

	/* Registers; with the lock. */
	uint64_t offered;
	uint8_t status, generation, isr;
	bool reset_wanted;
	uint64_t accepted;
	uint16_t config_vector;
	struct virtio_queue_registers registers[VIRTIO_QUEUES];
	uint8_t config[VIRTIO_CONFIG_SIZE];
	uint32_t config_size;

	/* The thread's. */
	bool running;
	uint64_t features; /* those that were negotiated, while it runs */
	struct virtqueue queue[VIRTIO_QUEUES];
	unsigned budget; /* requests until others get their turn */
	struct vq_chain chain;

	int kick; /* eventfd: a queue was notified, or a register changed */
	atomic_bool stopping;
	bool has_thread;
	pthread_t thread;
};

/* 0 or -errno. d is zeroed, or what the device has filled of ops, own, config and offered. */
int virtio_init(struct virtio_device *d, const struct device_host *host);
void virtio_deinit(struct virtio_device *d); /* calls ops->destroy */
int virtio_start(struct virtio_device *d);   /* starts the thread; 0 or -errno */
void virtio_ask_to_stop(struct virtio_device *d);
void virtio_join(struct virtio_device *d);

/* For the transport, with the lock. */
void virtio_write_status(struct virtio_device *d, uint8_t status);
void virtio_kick(struct virtio_device *d); /* any thread */

/* For the devices, on the thread. */
/* The next request of a queue, in d->chain; false where there is none, or others have their turn.
 */
bool virtio_next(struct virtio_device *d, unsigned queue);
/* Is there one? False as well where others have their turn; it is asked again then. */
bool virtio_waiting(struct virtio_device *d, unsigned queue);
void virtio_done(struct virtio_device *d, unsigned queue, uint32_t written);
/* After any number of virtio_done(). */
void virtio_signal(struct virtio_device *d, unsigned queue);
/* The driver has broken the rules. */
void virtio_broken(struct virtio_device *d, unsigned queue);
/*
 * For work that takes long: waits while the machine is paused. False: it is ending, or the driver
 * wants a reset: give up.
 */
bool virtio_breathe(struct virtio_device *d);

/* virtio_pci.c */
struct pci_bus;
struct virtio_pci;
/* Puts the device on the bus. NULL: no memory, or the bus is full. */
struct virtio_pci *virtio_pci_create(struct virtio_device *d, struct pci_bus *bus);
void virtio_pci_destroy(struct virtio_pci *p);

#endif
