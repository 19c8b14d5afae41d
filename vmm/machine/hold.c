// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold.c: getting vCPUs out of the guest and keeping them out.
 *
 * The handshake is Dekker's: a vCPU sets in_guest and then looks at hold, paused and stopping; who
 * wants it out sets one of these and then looks at in_guest. All are sequentially consistent, so at
 * least one sees the other. The kick is a signal whose handler sets kvm_run.immediate_exit: one
 * that arrives before KVM_RUN makes it return at once (KVM API documentation,
 * kvm_run.immediate_exit), one that arrives later interrupts it, in HLT or waiting for a SIPI as
 * well.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include "internal.h"

/* Of the running thread; for the signal handler. */
static __thread struct kvm_run *thread_run;

static int kick_signal(void)
{
	return SIGRTMIN;
}

static void on_kick(int sig)
{
	if (thread_run)
		__atomic_store_n(&thread_run->immediate_exit, 1, __ATOMIC_RELAXED);
}

static struct vcpu_thread *thread_of(struct vcpu *vcpu)
{
	return (struct vcpu_thread *)vcpu;
}

int hold_init(struct machine *m)
{
	/* KVM_RUN is never restarted; what a hook waits in is, should the kick come late. */
	struct sigaction sa = {.sa_handler = on_kick, .sa_flags = SA_RESTART};

	sigemptyset(&sa.sa_mask);
	if (sigaction(kick_signal(), &sa, NULL))
		return -errno;
	pthread_mutex_init(&m->hold_lock, NULL);
	pthread_cond_init(&m->hold_changed, NULL);
	return 0;
}

void hold_deinit(struct machine *m)
{
	pthread_cond_destroy(&m->hold_changed);
	pthread_mutex_destroy(&m->hold_lock);
}

void hold_thread_begin(struct vcpu_thread *v)
{
	sigset_t set;

	/* The process's own signals are for the thread that serves the console. */
	sigfillset(&set);
	sigdelset(&set, kick_signal());
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	v->self = pthread_self();
	thread_run = v->pub.run;
}

/* Who holds the others is in the middle of an instruction: a pause waits for that. */
static bool must_stay_out(struct machine *m, struct vcpu *vcpu)
{
	struct vcpu *holder = atomic_load(&m->hold);

	return machine_stopping(m) || (holder ? holder != vcpu : atomic_load(&m->paused));
}

/* Pairs with the wait in machine_hold_others(). */
static void leave(struct machine *m, struct vcpu_thread *v)
{
	atomic_store(&v->in_guest, false);
	if (!must_stay_out(m, &v->pub))
		return;
	pthread_mutex_lock(&m->hold_lock);
	pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
}

static void park(struct machine *m, struct vcpu_thread *v)
{
	if (v->parked || !atomic_load(&m->paused))
		return;
	v->parked = true;
	if (++m->parked < m->cpus)
		return;
	pause_clock_stop(m);
	pthread_cond_broadcast(&m->hold_changed);
}

static void wait_released(struct machine *m, struct vcpu *vcpu)
{
	struct vcpu_thread *v = thread_of(vcpu);

	pthread_mutex_lock(&m->hold_lock);
	registers_answer(v);
	while (!machine_stopping(m) && must_stay_out(m, vcpu)) {
		park(m, v);
		pthread_cond_wait(&m->hold_changed, &m->hold_lock);
		registers_answer(v);
	}
	m->parked -= v->parked;
	v->parked = false;
	pthread_mutex_unlock(&m->hold_lock);
}

bool machine_park(struct vcpu *vcpu)
{
	if (!atomic_load(&vcpu->machine->paused))
		return false;
	wait_released(vcpu->machine, vcpu);
	return true;
}

/* ---- devices ---- */

bool hold_device_enter(struct machine *m)
{
	pthread_mutex_lock(&m->hold_lock);
	while (!machine_stopping(m) && atomic_load(&m->paused))
		pthread_cond_wait(&m->hold_changed, &m->hold_lock);
	m->active++;
	pthread_mutex_unlock(&m->hold_lock);
	return !machine_stopping(m);
}

/* Pairs with the wait in machine_wait_paused(). */
void hold_device_leave(struct machine *m)
{
	pthread_mutex_lock(&m->hold_lock);
	m->active--;
	if (atomic_load(&m->paused))
		pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
}

bool machine_park_device(struct machine *m)
{
	if (!atomic_load(&m->paused))
		return false;
	hold_device_leave(m);
	hold_device_enter(m);
	return true;
}

/* Not into a step, which would end in the NMI's handler. */
static void deliver_nmi(struct machine *m, struct vcpu_thread *v)
{
	if (atomic_load(&m->hold) != &v->pub && atomic_exchange(&v->nmi, false))
		ioctl(v->pub.fd, KVM_NMI);
}

int vcpu_run(struct vcpu *vcpu)
{
	struct vcpu_thread *v = thread_of(vcpu);
	struct machine *m = vcpu->machine;
	int r;

	for (;;) {
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
		atomic_store(&v->in_guest, true);
		if (!must_stay_out(m, vcpu) && !atomic_load(&v->asked))
			break;
		leave(m, v);
		if (machine_stopping(m))
			return -ECANCELED;
		wait_released(m, vcpu);
	}
	if (atomic_exchange(&v->kicked, false)) {
		r = -EINTR;
	} else {
		deliver_nmi(m, v);
		r = ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
		if (r == -EINTR)
			hang_note(v);
	}
	if (r == -EINTR)
		atomic_store(&v->kicked, false);
	leave(m, v);
	/* -EAGAIN: a processor that waited for its SIPI has got it. */
	return r == -EAGAIN ? -EINTR : r;
}

/*
 * KVM completes what it has begun before it looks at immediate_exit (KVM API documentation, KVM_EXIT_IO). Nobody
 * has to kick this out: in_guest is not set.
 */
int hold_complete(struct vcpu_thread *v)
{
	__atomic_store_n(&v->pub.run->immediate_exit, 1, __ATOMIC_RELAXED);
	return ioctl(v->pub.fd, KVM_RUN, 0) < 0 ? -errno : 0;
}

void hold_kick(struct vcpu_thread *v)
{
	if (atomic_load(&v->in_guest))
		pthread_kill(v->self, kick_signal());
}

static bool others_out(struct machine *m, struct vcpu *self)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (&m->vcpus[i]->pub != self && atomic_load(&m->vcpus[i]->in_guest))
			return false;
	return true;
}

void machine_hold_others(struct vcpu *self)
{
	struct machine *m = self->machine;

	atomic_store(&m->hold, self);
	for (unsigned i = 0; i < m->cpus; i++)
		if (&m->vcpus[i]->pub != self)
			hold_kick(m->vcpus[i]);
	pthread_mutex_lock(&m->hold_lock);
	while (!others_out(m, self))
		pthread_cond_wait(&m->hold_changed, &m->hold_lock);
	pthread_mutex_unlock(&m->hold_lock);
}

void machine_release(struct vcpu *self)
{
	struct machine *m = self->machine;

	pthread_mutex_lock(&m->hold_lock);
	atomic_store(&m->hold, NULL);
	pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
}

void hold_kick_all(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		hold_kick(m->vcpus[i]);
}

void hold_stop_all(struct machine *m)
{
	pthread_mutex_lock(&m->hold_lock);
	atomic_store(&m->stopping, true);
	pthread_cond_broadcast(&m->hold_changed);
	pthread_mutex_unlock(&m->hold_lock);
	hold_kick_all(m);
}

void machine_kick(struct vcpu *vcpu)
{
	struct vcpu_thread *v = thread_of(vcpu);

	/* Stays set where the vCPU is out, or leaves for another reason just now. */
	atomic_store(&v->kicked, true);
	hold_kick(v);
}

bool machine_ending(const struct machine *m)
{
	return atomic_load(&m->stopping);
}
