// SPDX-License-Identifier: GPL-2.0-only
/*
 * carry.c: carries out an instruction that is not for the engine: stepped on the hardware with its pages
 * shown and the other vCPUs held, so that nobody else passes through the open pages unseen.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"
#include "sandbox.h"
#include "step.h"

#define STEP_LONG_NS  50000000ull  /* a step takes microseconds; a handler may take for ever */

static void show_pieces(struct checker *c, const struct pieces *p)
{
	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].hidden)
			guest_ram_show(c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1);
}

static void hide_pieces(struct checker *c, const struct pieces *p)
{
	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].hidden && shadow_tracked(c->shadow, p->piece[n].gpa))
			guest_ram_hide(c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1);
}

/* Pages of the instruction that the guest has simply not touched before. */
static bool populate_pieces(struct checker *c, const struct pieces *p)
{
	bool any = false;

	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].ram && !p->piece[n].hidden)
			any |= guest_ram_populate(
				c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1) > 0;
	return any;
}

/* Runs until the step is over. false: it ended in an exception handler or the machine stops. */
static bool step_run(struct checker *c, struct vcpu_state *s, const struct insn *i,
		     const struct pieces *p)
{
	struct vcpu *vcpu = s->vcpu;
	uint64_t rip = s->insn.rip;

	for (;;) {
		int r = vcpu_run(vcpu);

		if (r == 0 && vcpu->run->exit_reason == KVM_EXIT_DEBUG)
			return true;
		if (r == 0)
			vcpu_dispatch(vcpu);
		else if (r == -EFAULT && populate_pieces(c, p))
			continue;
		else if (r != -EINTR)
			return false; /* the next fault at this address is served from the start */
		if (machine_ending(c->machine))
			return false;
		if (r == -EINTR && vcpu->run->s.regs.regs.rip != rip &&
		    vcpu->run->s.regs.regs.rip != rip + insn_length(i)) {
			c->stats.overruns++;
			return false;
		}
	}
}

static enum carry_result step(struct checker *c, struct vcpu_state *s, const struct insn *i,
			      const struct pieces *p)
{
	uint64_t began = checker_now();
	int r;

	machine_hold_others(s->vcpu);
	show_pieces(c, p);
	checker_settle(c);
	r = step_arm(s->vcpu->fd);
	if (r == 0) {
		atomic_store(&c->step_began, began);
		atomic_store(&c->stepping, s->vcpu);
		if (step_run(c, s, i, p))
			count_opcode(c, i, true);
		atomic_store(&c->stepping, NULL);
		step_disarm(s->vcpu->fd);
	}
	hide_pieces(c, p);
	machine_release(s->vcpu);
	c->stats.hold_ns += checker_now() - began;
	if (r < 0) {
		char text[128];

		snprintf(text, sizeof(text), "KVM_SET_GUEST_DEBUG failed, %s", strerror(-r));
		machine_stop(c->machine, END_INTERNAL, text);
		return CARRY_STOP;
	}
	return CARRY_DONE;
}

enum carry_result carry_step(struct checker *c, struct vcpu_state *s, const struct insn *i,
			     const struct pieces *p)
{
	gpa_t hidden[MAX_PIECES];
	enum carry_result result;
	unsigned nhidden = 0;

	for (unsigned n = 0; n < p->n; n++) {
		if (!p->piece[n].hidden)
			continue;
		check_piece(c, s, i, &p->piece[n]);
		hidden[nhidden++] = p->piece[n].gpa;
	}
	count_violation(c, &c->stats.stepped);
	result = step(c, s, i, p);
	tracking_end(c, hidden, nhidden);
	return result;
}

/* Kicks a vCPU whose step does not end: its instruction raised an exception we did not foresee. */
void *carry_watchdog(void *ctx)
{
	const struct timespec nap = { .tv_nsec = (long)STEP_LONG_NS / 2 };
	struct checker *c = ctx;

	sandbox_thread(SANDBOX_CHECKER);
	while (!atomic_load(&c->watchdog_stop)) {
		struct vcpu *vcpu = atomic_load(&c->stepping);

		if (vcpu && checker_now() - atomic_load(&c->step_began) > STEP_LONG_NS)
			machine_kick(vcpu);
		nanosleep(&nap, NULL);
	}
	return NULL;
}
