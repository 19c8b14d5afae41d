// SPDX-License-Identifier: GPL-2.0-only
/*
 * registers.c: a vCPU's registers for somebody else. Its own thread reads them, between two runs:
 * KVM lets nobody else in while it runs.
 *
 * The handshake is hold.c's: who asks sets "asked" and looks at in_guest, the vCPU sets in_guest
 * and looks at "asked". What was asked for is under hold_lock.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <time.h>
#include "internal.h"

/* On the vCPU's thread, with hold_lock. */
void registers_answer(struct vcpu_thread *v)
{
	struct vcpu_registers *to = v->registers;
	struct kvm_mp_state state = {0};
	int fd = v->pub.fd;

	if (!to)
		return;
	v->registers = NULL;
	atomic_store(&v->asked, false);
	v->registers_ok =
		!ioctl(fd, KVM_GET_REGS, &to->regs) && !ioctl(fd, KVM_GET_SREGS, &to->sregs) &&
		!ioctl(fd, KVM_GET_DEBUGREGS, &to->debug) && !ioctl(fd, KVM_GET_MP_STATE, &state);
	to->halted = state.mp_state == KVM_MP_STATE_HALTED;
	pthread_cond_broadcast(&v->pub.machine->hold_changed);
}

static struct timespec after(unsigned timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

int machine_registers(struct vcpu *vcpu, struct vcpu_registers *out, unsigned timeout_ms)
{
	struct vcpu_thread *v = (struct vcpu_thread *)vcpu;
	struct timespec until = after(timeout_ms);
	struct machine *m = vcpu->machine;
	int r = 0;

	pthread_mutex_lock(&m->hold_lock);
	if (v->registers) {
		pthread_mutex_unlock(&m->hold_lock);
		return -EBUSY;
	}
	v->registers = out;
	atomic_store(&v->asked, true);
	pthread_cond_broadcast(&m->hold_changed);
	hold_kick(v);
	while (!r && v->registers == out && !machine_stopping(m))
		r = pthread_cond_clockwait(&m->hold_changed, &m->hold_lock, CLOCK_MONOTONIC,
					   &until);
	if (v->registers == out) {
		v->registers = NULL;
		atomic_store(&v->asked, false);
		r = machine_stopping(m) ? ECANCELED : ETIMEDOUT;
	} else {
		r = v->registers_ok ? 0 : EIO;
	}
	pthread_mutex_unlock(&m->hold_lock);
	return -r;
}
