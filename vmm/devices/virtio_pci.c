// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio_pci.c: the registers of a virtio device on PCI (VIRTIO 1.2, 4.1). All in BAR 0, a page
 * each: common configuration, ISR, the device's own, notifications, MSI-X table and pending bits.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"
#include "virtio.h"

#define VENDOR	      0x1af4u /* 4.1.2 */
#define FIRST_DEVICE  0x1040u
#define AREA	      0x1000u
#define COMMON	      0x0000u
#define ISR	      0x1000u
#define DEVICE	      0x2000u
#define NOTIFY	      0x3000u
#define TABLE	      0x4000u
#define PBA	      0x5000u
#define BAR_SIZE      PCI_BAR_MAX
#define NOTIFY_STRIDE 4u

struct virtio_pci {
	struct pci_function function;
	struct virtio_device *device;
	uint32_t device_select, driver_select; /* 32 bits of features */
	uint16_t queue_select;
	unsigned window; /* offset of the capability that reaches BAR 0 through config space */
};

static void raise(void *transport, uint16_t vector)
{
	struct virtio_pci *p = transport;

	pci_msix_raise(&p->function, vector);
}

/* ---- the common configuration ---- */

static struct virtio_queue_registers *selected(struct virtio_pci *p)
{
	return p->queue_select < p->device->ops->queues ? &p->device->registers[p->queue_select]
							: NULL;
}

static uint32_t word(uint64_t value, uint32_t select)
{
	return select < 2 ? (uint32_t)(value >> 32 * select) : 0;
}

static void fill_queue(struct virtio_pci *p, struct virtio_pci_common_cfg *c)
{
	const struct virtio_queue_registers *q = selected(p);

	if (!q)
		return;
	c->queue_size = q->size;
	c->queue_msix_vector = q->vector;
	c->queue_enable = q->enabled;
	c->queue_notify_off = p->queue_select;
	c->queue_desc_lo = word(q->desc, 0);
	c->queue_desc_hi = word(q->desc, 1);
	c->queue_avail_lo = word(q->avail, 0);
	c->queue_avail_hi = word(q->avail, 1);
	c->queue_used_lo = word(q->used, 0);
	c->queue_used_hi = word(q->used, 1);
}

static void fill_common(struct virtio_pci *p, struct virtio_pci_common_cfg *c)
{
	const struct virtio_device *d = p->device;

	*c = (struct virtio_pci_common_cfg){
		.device_feature_select = p->device_select,
		.device_feature = word(d->offered, p->device_select),
		.guest_feature_select = p->driver_select,
		.guest_feature = word(d->accepted, p->driver_select),
		.msix_config = d->config_vector,
		.num_queues = (uint16_t)d->ops->queues,
		.device_status = d->status,
		.config_generation = d->generation,
		.queue_select = p->queue_select,
	};
	fill_queue(p, c);
}

static void set_word(uint64_t *to, uint32_t select, uint32_t value)
{
	if (select < 2)
		*to = (*to & ~(0xffffffffull << 32 * select)) | (uint64_t)value << 32 * select;
}

/* A vector that does not exist reads back as none (4.1.5.1.2.1). */
static uint16_t vector_of(const struct virtio_pci *p, uint32_t value)
{
	return value < p->function.vectors ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

static void write_queue(struct virtio_pci *p, uint32_t offset, uint32_t value)
{
	struct virtio_queue_registers *q = selected(p);

	if (!q)
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		q->size = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		q->vector = vector_of(p, value);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		q->enabled = value == 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_word(&q->desc, offset == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_word(&q->avail, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_word(&q->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI, value);
		break;
	}
}

static void write_common(struct virtio_pci *p, uint32_t offset, uint32_t value)
{
	struct virtio_device *d = p->device;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		p->device_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		p->driver_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		if (!(d->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_word(&d->accepted, p->driver_select, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		d->config_vector = vector_of(p, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		virtio_write_status(d, (uint8_t)value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		p->queue_select = (uint16_t)value;
		break;
	default:
		write_queue(p, offset, value);
	}
}

/* len: 1, 2 or 4 bytes; what is written must be exactly one field, as the driver is bound to. */
static void common(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	struct virtio_pci_common_cfg image;
	uint32_t value = 0;

	if (write) {
		memcpy(&value, data, len);
		write_common(p, offset, value);
	} else if (offset + len <= sizeof(image)) {
		fill_common(p, &image);
		memcpy(data, (uint8_t *)&image + offset, len);
	} else {
		memset(data, 0, len);
	}
}

/* ---- BAR 0 ---- */

/* Reading clears it. */
static void isr(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	if (write)
		return;
	memset(data, 0, len);
	if (offset)
		return;
	*(uint8_t *)data = p->device->isr;
	p->device->isr = 0;
}

static void device_config(struct virtio_pci *p, bool write, uint32_t offset, void *data,
			  unsigned len)
{
	if (write)
		return; /* none of our devices has a field to write */
	memset(data, 0, len);
	if (offset + len <= p->device->config_size)
		memcpy(data, p->device->config + offset, len);
}

/* Only where KVM does not do it, see moved(). */
static void notify(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	if (write)
		virtio_kick(p->device);
	else
		memset(data, 0, len);
}

static void table(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	pci_msix_table(&p->function, write, offset, data, len);
}

static void pba(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	if (!write)
		pci_msix_pba(&p->function, offset, data, len);
}

/* len: 1, 2 or 4 bytes, at a multiple of it. */
static void access_aligned(struct virtio_pci *p, bool write, uint32_t offset, void *data, unsigned len)
{
	static void (*const areas[])(struct virtio_pci *, bool, uint32_t, void *, unsigned) = {
		[COMMON / AREA] = common, [ISR / AREA] = isr,	  [DEVICE / AREA] = device_config,
		[NOTIFY / AREA] = notify, [TABLE / AREA] = table, [PBA / AREA] = pba,
	};
	uint32_t area = offset / AREA;

	if (area < sizeof(areas) / sizeof(areas[0]))
		areas[area](p, write, offset % AREA, data, len);
}

/* 8 bytes are two times 4; what no driver does (4.1.3.1) reads as 0 and writes nothing. */
static void access_bar(void *ctx, bool write, uint32_t offset, void *data, unsigned len)
{
	unsigned part = len < 4 ? len : 4;

	if (!write)
		memset(data, 0, len);
	if ((len != 1 && len != 2 && len != 4 && len != 8) || offset % part)
		return;
	for (unsigned at = 0; at < len; at += part)
		access_aligned(ctx, write, offset + at, (uint8_t *)data + at, part);
}

/* Notifications go past the vCPU's thread: KVM counts up the device's eventfd. */
static void moved(void *ctx, uint64_t old, uint64_t now)
{
	struct virtio_pci *p = ctx;
	const struct device_host *host = p->device->host;

	for (unsigned i = 0; i < p->device->ops->queues; i++) {
		uint64_t offset = NOTIFY + i * NOTIFY_STRIDE;

		if (old)
			host->doorbell(host->ctx, (gpa_t){old + offset}, p->device->kick, false);
		if (now)
			host->doorbell(host->ctx, (gpa_t){now + offset}, p->device->kick, true);
	}
}

/* ---- capabilities ---- */

/* BAR 0 through configuration space (4.1.4.9), for firmware that has no memory to map it. */
static void window(void *ctx, bool write, unsigned offset, unsigned len)
{
	struct virtio_pci *p = ctx;
	struct pci_function *f = &p->function;
	unsigned data = p->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	uint32_t at = pci_get(f, p->window + offsetof(struct virtio_pci_cap, offset), 4);
	uint32_t size = pci_get(f, p->window + offsetof(struct virtio_pci_cap, length), 4);

	if (offset + len <= data || offset >= data + 4)
		return;
	if ((size == 1 || size == 2 || size == 4) && at < BAR_SIZE && !(at % size) &&
	    !f->config[p->window + offsetof(struct virtio_pci_cap, bar)])
		access_bar(p, write, at, f->config + data, size);
}

static unsigned add_capability(struct virtio_pci *p, uint8_t type, uint32_t offset, uint32_t length,
			       uint8_t size)
{
	struct virtio_pci_notify_cap c = {
		.cap = {.cap_len = size, .cfg_type = type, .offset = offset, .length = length},
		.notify_off_multiplier = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? NOTIFY_STRIDE : 0,
	};

	return pci_add_capability(&p->function, (uint8_t *)&c + 2, size);
}

static void add_capabilities(struct virtio_pci *p)
{
	struct pci_function *f = &p->function;
	const uint8_t plain = sizeof(struct virtio_pci_cap);

	pci_add_msix(f, p->device->ops->queues + 1, TABLE, PBA);
	add_capability(p, VIRTIO_PCI_CAP_COMMON_CFG, COMMON, AREA, plain);
	add_capability(p, VIRTIO_PCI_CAP_ISR_CFG, ISR, AREA, plain);
	add_capability(p, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, AREA,
		       sizeof(struct virtio_pci_notify_cap));
	if (p->device->config_size)
		add_capability(p, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE, AREA, plain);
	p->window =
		add_capability(p, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, sizeof(struct virtio_pci_cfg_cap));
	f->writable[p->window + offsetof(struct virtio_pci_cap, bar)] = 0xff;
	memset(f->writable + p->window + offsetof(struct virtio_pci_cap, offset), 0xff, 12);
}

struct virtio_pci *virtio_pci_create(struct virtio_device *d, struct pci_bus *bus)
{
	struct virtio_pci *p = calloc(1, sizeof(*p));
	const struct pci_identity id = {.vendor = VENDOR,
					.device = (uint16_t)(FIRST_DEVICE + d->ops->type),
					.subsystem = (uint16_t)(FIRST_DEVICE + d->ops->type),
					.class = d->ops->class,
					.revision = 1};

	if (!p)
		return NULL;
	p->device = d;
	p->function.host = d->host;
	p->function.ctx = p;
	p->function.bar_size = BAR_SIZE;
	p->function.access = access_bar;
	p->function.moved = moved;
	p->function.config_access = window;
	pci_identify(&p->function, &id);
	add_capabilities(p);
	d->lock = &bus->lock;
	d->transport = p;
	d->raise = raise;
	if (pci_add(bus, &p->function))
		return p;
	free(p);
	return NULL;
}

void virtio_pci_destroy(struct virtio_pci *p)
{
	free(p);
}
