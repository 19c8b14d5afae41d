// SPDX-License-Identifier: GPL-2.0-only
/*
 * pause.c: all vCPUs out of the guest until somebody says resume. Who keeps them out is hold.c.
 *
 * The guest's time stands still meanwhile: its TSCs and KVM's clock go on where they stopped, so
 * that a long pause gives the guest no stalls and lockups to complain about. Timers that ran out
 * fire early, which Linux puts up with. Before Linux 5.16 KVM cannot set a TSC's offset: then only
 * its clock stands still.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <time.h>
#include <x86intrin.h>
#include "internal.h"

/* ---- the guest's time ---- */

/* Documentation/virt/kvm/devices/vcpu.rst, KVM_VCPU_TSC_CTRL. request: get or set it. */
static int tsc_offset(struct vcpu *vcpu, unsigned long request, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return ioctl(vcpu->fd, request, &attr);
}

/* The offsets as they are now: where the host's TSC is unreliable, KVM changes them all the time.
 */
void pause_clock_stop(struct machine *m)
{
	struct pause_clock *c = &m->clock;

	if (c->stopped)
		return;
	c->stopped = true;
	c->when = machine_now();
	c->tsc = __rdtsc();
	c->has_offsets = true;
	for (unsigned i = 0; i < m->cpus; i++)
		if (tsc_offset(&m->vcpus[i]->pub, KVM_GET_DEVICE_ATTR, &c->offset[i]))
			c->has_offsets = false;
	if (ioctl(m->vm_fd, KVM_GET_CLOCK, &c->kvmclock))
		c->kvmclock.clock = 0;
}

static void clock_start(struct machine *m)
{
	struct pause_clock *c = &m->clock;
	uint64_t ticks = __rdtsc() - c->tsc;

	if (!c->stopped)
		return;
	for (unsigned i = 0; i < m->cpus && c->has_offsets; i++) {
		c->offset[i] -= ticks;
		tsc_offset(&m->vcpus[i]->pub, KVM_SET_DEVICE_ATTR, &c->offset[i]);
	}
	c->kvmclock.flags = 0; /* the value as it is, not advanced by the host's time */
	if (c->kvmclock.clock)
		ioctl(m->vm_fd, KVM_SET_CLOCK, &c->kvmclock);
	for (unsigned i = 0; i < m->cpus; i++) /* refused where the guest does not use it */
		ioctl(m->vcpus[i]->pub.fd, KVM_KVMCLOCK_CTRL);
	c->lost += machine_now() - c->when;
	c->stopped = false;
}

uint64_t machine_paused_ns(struct machine *m)
{
	uint64_t ns;

	pthread_mutex_lock(&m->hold_lock);
	ns = m->clock.lost + (m->clock.stopped ? machine_now() - m->clock.when : 0);
	pthread_mutex_unlock(&m->hold_lock);
	return ns;
}

/* ---- pausing ---- */

/* What paused has; each lets the vCPUs go on only where the other does not keep them. */
#define PAUSED 1u
#define FROZEN 2u

static void keep_out(struct machine *m, unsigned why)
{
	pthread_mutex_lock(&m->hold_lock);
	atomic_fetch_or(&m->paused, why);
	/* Those that are held by another count from now on; those of the last pause still do. */
	if (m->parked == m->cpus)
		pause_clock_stop(m);
	pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
	hold_kick_all(m);
}

static void let_in(struct machine *m, unsigned why)
{
	pthread_mutex_lock(&m->hold_lock);
	if (atomic_fetch_and(&m->paused, ~why) == why)
		clock_start(m);
	pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
}

void machine_pause(struct machine *m)
{
	keep_out(m, PAUSED);
}

static int wait_out(struct machine *m, unsigned why, unsigned timeout_ms)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&m->hold_lock);
	while (!r && !machine_stopping(m) && (atomic_load(&m->paused) & why) &&
	       (m->parked < m->cpus || m->active))
		r = pthread_cond_clockwait(&m->hold_changed, &m->hold_lock, CLOCK_MONOTONIC,
					   &until);
	if (machine_stopping(m) || !(atomic_load(&m->paused) & why))
		r = ECANCELED;
	pthread_mutex_unlock(&m->hold_lock);
	return -r;
}

int machine_wait_paused(struct machine *m, unsigned timeout_ms)
{
	return wait_out(m, PAUSED, timeout_ms);
}

void machine_resume(struct machine *m)
{
	let_in(m, PAUSED);
}

int machine_freeze(struct machine *m, unsigned timeout_ms)
{
	keep_out(m, FROZEN);
	return wait_out(m, FROZEN, timeout_ms);
}

void machine_thaw(struct machine *m)
{
	let_in(m, FROZEN);
}

bool machine_paused(const struct machine *m)
{
	return atomic_load(&m->paused) & PAUSED;
}
