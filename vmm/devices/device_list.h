/* SPDX-License-Identifier: GPL-2.0-only */
/* device_list.h: the devices there are. Used by devices.c; each is made in a file of its own. */
#ifndef KMC_DEVICE_LIST_H
#define KMC_DEVICE_LIST_H

#include "devices.h"
#include "virtio.h"

struct disk;
struct pci_bus;
struct pvpanic;

/* The caller ends what it gets with virtio_deinit(). NULL: no memory. index: 0, 1, ... of its kind.
 */
struct virtio_device *rng_create(void);
struct virtio_device *blk_create(struct disk *disk, unsigned index); /* takes over the disk */
/* As devices_create(); *out is NULL where there is no memory. */
int hvc_create(const char *to, uint64_t limit, struct virtio_device **out, char *err, size_t errlen,
	       bool *bad_input);
int fs_create(const struct fs_config *config, struct virtio_device **out, char *err, size_t errlen,
	      bool *bad_input);
int vsock_create(const struct vsock_config *config, struct virtio_device **out, char *err,
		 size_t errlen, bool *bad_input);
int net_create(const struct net_config *config, unsigned index, struct virtio_device **out,
	       char *err, size_t errlen, bool *bad_input);

/* Not virtio: it has no thread. NULL: no memory, or the bus is full. host stays the caller's. */
struct pvpanic *pvpanic_create(const struct device_host *host, struct pci_bus *bus);
void pvpanic_destroy(struct pvpanic *p);

#endif
