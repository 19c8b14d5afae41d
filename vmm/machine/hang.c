// SPDX-License-Identifier: GPL-2.0-only
/*
 * hang.c: a guest that will never do anything again, by one sign that an idle or a busy one does
 * not give: interrupts are off. Once a second the vCPUs are called out of the guest and note
 * whether they would take an interrupt; where no answer comes, or a hook keeps one busy, it counts
 * as alive.
 *
 * Not seen: a guest that goes round in circles with interrupts on. Linux finds that itself (soft
 * lockups, hung tasks, RCU stalls) and says so on its console.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include "internal.h"

#define LOOK_NS	  1000000000ull
#define RFLAGS_IF 0x200u

void hang_note(struct vcpu_thread *v)
{
	struct kvm_mp_state mp;
	struct kvm_regs regs;

	if (!atomic_exchange(&v->look, false) || ioctl(v->pub.fd, KVM_GET_MP_STATE, &mp) ||
	    ioctl(v->pub.fd, KVM_GET_REGS, &regs))
		return;
	atomic_store(&v->rip, regs.rip);
	if (mp.mp_state != KVM_MP_STATE_RUNNABLE && mp.mp_state != KVM_MP_STATE_HALTED)
		atomic_store(&v->seen, SEEN_OUT);
	else if (regs.rflags & RFLAGS_IF)
		atomic_store(&v->seen, SEEN_HEARS);
	else
		atomic_store(&v->seen, mp.mp_state == KVM_MP_STATE_HALTED ? SEEN_DEAD : SEEN_DEAF);
}

static void stop(struct machine *m, const struct vcpu_thread *v, const char *how)
{
	char text[256];

	snprintf(text, sizeof(text), "for %u s vCPU %u %s with interrupts off, at 0x%016" PRIx64,
		 m->hang_timeout, v->pub.index, how, atomic_load(&v->rip));
	machine_stop(m, END_HANG, text);
}

/* One that spins with interrupts off is a hard lockup; one that is halted so may just be offline.
 */
static void judge(struct machine *m, uint64_t now)
{
	uint64_t limit = m->hang_timeout * 1000000000ull;
	bool dead = true;

	for (unsigned i = 0; i < m->cpus; i++) {
		struct vcpu_thread *v = m->vcpus[i];
		enum vcpu_seen seen = atomic_exchange(&v->seen, SEEN_NOTHING);

		if (seen != SEEN_DEAF)
			v->deaf_since = now;
		if (seen != SEEN_DEAD && seen != SEEN_OUT)
			dead = false;
		if (now - v->deaf_since >= limit) {
			stop(m, v, "has been running");
			return;
		}
	}
	if (!dead)
		m->dead_since = now;
	if (now - m->dead_since >= limit)
		stop(m, m->vcpus[0], "and all others have been halted");
}

static void start_again(struct machine *m, uint64_t now)
{
	m->dead_since = now;
	for (unsigned i = 0; i < m->cpus; i++)
		m->vcpus[i]->deaf_since = now;
}

uint64_t hang_look(struct machine *m)
{
	uint64_t now = machine_now();

	if (!m->hang_timeout || now < m->next_look)
		return m->next_look;
	/* The first time, in a pause, and while a panic has its time to end the guest. */
	if (!m->next_look || atomic_load(&m->paused) || atomic_load(&m->panic_deadline))
		start_again(m, now);
	else
		judge(m, now);
	for (unsigned i = 0; i < m->cpus; i++)
		atomic_store(&m->vcpus[i]->look, true);
	hold_kick_all(m);
	m->next_look = now + LOOK_NS;
	return m->next_look;
}
