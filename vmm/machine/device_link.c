// SPDX-License-Identifier: GPL-2.0-only
/* device_link.c: what the devices get of the machine: memory, interrupts, doorbells, pauses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/* For whoever hangs no checker in. */
static bool copy(struct machine *m, bool write, gpa_t gpa, void *data, uint32_t len)
{
	void *ram = guest_ram_at(m->ram, gpa, len);

	if (!ram)
		return false;
	memcpy(write ? ram : data, write ? data : ram, len);
	return true;
}

static bool memory(void *ctx, const char *device, bool write, gpa_t gpa, void *data, uint32_t len)
{
	struct machine *m = ctx;

	if (!m->hooks.device_memory)
		return copy(m, write, gpa, data, len);
	return m->hooks.device_memory(m->hooks.ctx, device, write, gpa, data, len);
}

static void message(void *ctx, uint64_t address, uint32_t data)
{
	struct machine *m = ctx;
	struct kvm_msi msi = {.address_lo = (uint32_t)address,
			      .address_hi = (uint32_t)(address >> 32),
			      .data = data};

	/* An address that is no APIC's is the guest's affair. */
	ioctl(m->vm_fd, KVM_SIGNAL_MSI, &msi);
}

static int doorbell(void *ctx, gpa_t gpa, int fd, bool on)
{
	struct machine *m = ctx;
	struct kvm_ioeventfd io = {
		.addr = gpa.v, .len = 2, .fd = fd, .flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN};

	return ioctl(m->vm_fd, KVM_IOEVENTFD, &io) < 0 ? -errno : 0;
}

static void panic(void *ctx, uint8_t events)
{
	machine_guest_panics(ctx, events);
}

static bool enter(void *ctx)
{
	return hold_device_enter(ctx);
}

static void leave(void *ctx)
{
	hold_device_leave(ctx);
}

int device_link_create(struct machine *m, const struct devices_config *config,
		       struct machine_error *err)
{
	const struct device_host host = {.ctx = m,
					 .memory = memory,
					 .message = message,
					 .doorbell = doorbell,
					 .panic = panic,
					 .enter = enter,
					 .leave = leave};

	return devices_create(config, &host, &m->devices, err->text, sizeof(err->text),
			      &err->bad_input);
}
