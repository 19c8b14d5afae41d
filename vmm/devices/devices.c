// SPDX-License-Identifier: GPL-2.0-only
/* devices.c: makes the devices that were asked for, starts and stops them together. */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_list.h"
#include "pci.h"

struct devices {
	struct device_host host;
	struct pci_bus bus;
	unsigned n;
	struct virtio_device *device[PCI_SLOTS];
	struct virtio_pci *pci[PCI_SLOTS];
	struct pvpanic *pvpanic;
};

bool devices_wanted(const struct devices_config *config)
{
	return config->rng || config->pvpanic || config->disks || config->nets ||
	       config->consoles || config->vsock.path || config->folders;
}

/* Takes over the device, which may be NULL. */
static int add(struct devices *d, struct virtio_device *device, char *err, size_t errlen)
{
	int r;

	if (!device) {
		snprintf(err, errlen, "out of memory for the devices: free some memory");
		return -1;
	}
	r = virtio_init(device, &d->host);
	if (r < 0) {
		snprintf(err, errlen,
			 "eventfd failed: %s: raise the limit of open files (ulimit -n)",
			 strerror(-r));
		virtio_deinit(device);
		return -1;
	}
	d->device[d->n] = device;
	d->pci[d->n] = virtio_pci_create(device, &d->bus);
	if (!d->pci[d->n++]) {
		snprintf(err, errlen, "the PCI bus is full: give fewer devices");
		return -1;
	}
	return 0;
}

static int add_disk(struct devices *d, const struct disk_config *config, unsigned index, char *err,
		    size_t errlen, bool *bad_input)
{
	struct virtio_device *device;
	struct disk *disk;

	if (disk_open(config, &disk, err, errlen, bad_input) < 0)
		return -1;
	device = blk_create(disk, index);
	if (!device)
		disk_close(disk);
	return add(d, device, err, errlen);
}

static int add_net(struct devices *d, const struct net_config *config, unsigned index, char *err,
		   size_t errlen, bool *bad_input)
{
	struct virtio_device *device;

	if (net_create(config, index, &device, err, errlen, bad_input) < 0)
		return -1;
	return add(d, device, err, errlen);
}

static int add_console(struct devices *d, const char *to, uint64_t limit, char *err, size_t errlen,
		       bool *bad_input)
{
	struct virtio_device *device;

	if (hvc_create(to, limit, &device, err, errlen, bad_input) < 0)
		return -1;
	return add(d, device, err, errlen);
}

static int add_vsock(struct devices *d, const struct vsock_config *config, char *err, size_t errlen,
		     bool *bad_input)
{
	struct virtio_device *device;

	if (vsock_create(config, &device, err, errlen, bad_input) < 0)
		return -1;
	return add(d, device, err, errlen);
}

static int add_folder(struct devices *d, const struct fs_config *config, char *err, size_t errlen,
		      bool *bad_input)
{
	struct virtio_device *device;

	if (fs_create(config, &device, err, errlen, bad_input) < 0)
		return -1;
	return add(d, device, err, errlen);
}

static int add_pvpanic(struct devices *d, char *err, size_t errlen)
{
	d->pvpanic = pvpanic_create(&d->host, &d->bus);
	if (d->pvpanic)
		return 0;
	snprintf(err, errlen, "no room for --pvpanic (free some memory, or give fewer devices)");
	return -1;
}

static int add_all(struct devices *d, const struct devices_config *config, char *err, size_t errlen,
		   bool *bad_input)
{
	for (unsigned i = 0; i < config->disks; i++)
		if (add_disk(d, &config->disk[i], i, err, errlen, bad_input) < 0)
			return -1;
	for (unsigned i = 0; i < config->nets; i++)
		if (add_net(d, &config->net[i], i, err, errlen, bad_input) < 0)
			return -1;
	for (unsigned i = 0; i < config->consoles; i++)
		if (add_console(d, config->console[i], config->file_limit, err, errlen, bad_input) <
		    0)
			return -1;
	if (config->vsock.path && add_vsock(d, &config->vsock, err, errlen, bad_input) < 0)
		return -1;
	for (unsigned i = 0; i < config->folders; i++)
		if (add_folder(d, &config->folder[i], err, errlen, bad_input) < 0)
			return -1;
	if (config->rng && add(d, rng_create(), err, errlen) < 0)
		return -1;
	return config->pvpanic ? add_pvpanic(d, err, errlen) : 0;
}

int devices_create(const struct devices_config *config, const struct device_host *host,
		   struct devices **out, char *err, size_t errlen, bool *bad_input)
{
	struct devices *d = calloc(1, sizeof(*d));

	*bad_input = false;
	if (!d) {
		snprintf(err, errlen, "out of memory for the devices: free some memory");
		return -1;
	}
	d->host = *host;
	pci_bus_init(&d->bus);
	if (add_all(d, config, err, errlen, bad_input) < 0) {
		devices_destroy(d);
		return -1;
	}
	*out = d;
	return 0;
}

void devices_destroy(struct devices *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->n; i++) {
		virtio_deinit(d->device[i]);
		virtio_pci_destroy(d->pci[i]);
	}
	pvpanic_destroy(d->pvpanic);
	pci_bus_deinit(&d->bus);
	free(d);
}

int devices_start(struct devices *d)
{
	int r = 0;

	for (unsigned i = 0; i < d->n && !r; i++)
		r = virtio_start(d->device[i]);
	return r;
}

void devices_stop(struct devices *d)
{
	for (unsigned i = 0; i < d->n; i++)
		virtio_ask_to_stop(d->device[i]);
	for (unsigned i = 0; i < d->n; i++)
		virtio_join(d->device[i]);
}

bool devices_port(struct devices *d, uint16_t port, bool write, unsigned size, uint32_t *value)
{
	return pci_port(&d->bus, port, write, size, value);
}

bool devices_memory(struct devices *d, gpa_t gpa, bool write, void *data, unsigned len)
{
	return pci_memory(&d->bus, gpa, write, data, len);
}
