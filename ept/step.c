// SPDX-License-Identifier: GPL-2.0-only
/*
 * step.c: single-stepping with KVM_SET_GUEST_DEBUG (KVM API documentation, 4.87).
 *
 * Does not show pages, hold other vCPUs or look at what the step did: the caller's part. Nor does
 * it know whether the host has KVM_GUESTDBG_BLOCKIRQ (Linux 5.16): an older one answers with
 * EINVAL.
 */
#include "step.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#ifndef KVM_GUESTDBG_BLOCKIRQ
#define KVM_GUESTDBG_BLOCKIRQ 0x00100000
#endif

static int set_guest_debug(int vcpu_fd, unsigned control)
{
	struct kvm_guest_debug debug = {.control = control};

	return ioctl(vcpu_fd, KVM_SET_GUEST_DEBUG, &debug) < 0 ? -errno : 0;
}

int step_arm(int vcpu_fd)
{
	/* Without BLOCKIRQ the step would enter a pending interrupt's handler instead. */
	return set_guest_debug(vcpu_fd, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
						KVM_GUESTDBG_BLOCKIRQ);
}

int step_disarm(int vcpu_fd)
{
	return set_guest_debug(vcpu_fd, 0);
}
