// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu_state.c: registers between KVM's form and the decoder's and walker's.
 *
 * Uses KVM_CAP_SYNC_REGS: every exit leaves registers and pending events in kvm_run, also when
 * KVM_RUN fails, so that a violation needs no further system call to see them.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "checker_internal.h"

#define RFLAGS_VM	   (1ull << 17)
#define RFLAGS_RF	   (1ull << 16)
#define EFER_LMA	   (1ull << 10)
#define CR4_PKE		   (1ull << 22)
#define CR4_FSGSBASE	   (1ull << 16)
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC		   0x10u
#define MSR_TSC_AUX	   0xc0000103u
#define VECTOR_PF	   14

static enum insn_mode insn_mode(const struct kvm_sregs *s)
{
	if ((s->efer & EFER_LMA) && s->cs.l)
		return INSN_MODE_64;
	return s->cs.db ? INSN_MODE_32 : INSN_MODE_16;
}

void vcpu_state_load(struct checker *c, struct vcpu *vcpu, struct vcpu_state *s)
{
	const struct kvm_regs *r = &vcpu->run->s.regs.regs;
	const struct kvm_sregs *g = &vcpu->run->s.regs.sregs;

	s->vcpu = vcpu;
	s->walk = (struct walk_cpu){ .cr0 = g->cr0,
				     .cr3 = g->cr3,
				     .cr4 = g->cr4,
				     .efer = g->efer,
				     .rflags = r->rflags,
				     .cpl = r->rflags & RFLAGS_VM ? 3 : g->ss.dpl };
	if (g->cr4 & CR4_PKE)
		s->walk.pkru = xstate_read_pkru(c, vcpu);
	s->insn = (struct insn_cpu){
		.gpr = { r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi, r->r8,
			 r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15 },
		.rip = r->rip,
		.rflags = r->rflags,
		.seg_base = { g->es.base, g->cs.base, g->ss.base, g->ds.base, g->fs.base, g->gs.base },
		.selector = { g->es.selector, g->cs.selector, g->ss.selector, g->ds.selector, g->fs.selector,
			      g->gs.selector },
		.mode = insn_mode(g),
		.xsave_size = c->xstate.size,
	};
	s->vbits = (struct engine_vbits){ .rflags = 0 };
	s->kernel = s->walk.cpl == 0 && s->insn.mode == INSN_MODE_64;
}

void vcpu_state_store(struct vcpu_state *s)
{
	struct kvm_regs *r = &s->vcpu->run->s.regs.regs;
	const uint64_t *g = s->insn.gpr;

	r->rax = g[INSN_RAX], r->rcx = g[INSN_RCX], r->rdx = g[INSN_RDX], r->rbx = g[INSN_RBX];
	r->rsp = g[INSN_RSP], r->rbp = g[INSN_RBP], r->rsi = g[INSN_RSI], r->rdi = g[INSN_RDI];
	r->r8 = g[INSN_R8], r->r9 = g[INSN_R9], r->r10 = g[INSN_R10], r->r11 = g[INSN_R11];
	r->r12 = g[INSN_R12], r->r13 = g[INSN_R13], r->r14 = g[INSN_R14], r->r15 = g[INSN_R15];
	r->rip = s->insn.rip;
	r->rflags = s->insn.rflags;
	s->vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

/*
 * Events are written back as KVM gave them at the exit, but for those that another thread may have sent meanwhile,
 * an NMI or an INIT: KVM has them, and would forget them (KVM_SET_VCPU_EVENTS).
 */
static void write_events(struct kvm_run *run)
{
	run->s.regs.events.flags &=
		~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | KVM_VCPUEVENT_VALID_SMM);
	run->kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
}

void vcpu_state_retire(struct vcpu_state *s)
{
	struct kvm_run *run = s->vcpu->run;

	s->insn.rflags &= ~RFLAGS_RF;
	vcpu_state_store(s);
	if (run->s.regs.events.interrupt.shadow) {
		run->s.regs.events.interrupt.shadow = 0;
		write_events(run);
	}
}

bool vcpu_event_pending(const struct vcpu *vcpu)
{
	const struct kvm_vcpu_events *e = &vcpu->run->s.regs.events;

	return e->exception.injected || e->exception.pending || e->interrupt.injected || e->nmi.injected;
}

/* As a pending exception KVM delivers it like the CPU: CR2 from the payload, RF in the saved flags. */
void vcpu_inject_page_fault(struct vcpu_state *s, gva_t addr, uint32_t error)
{
	struct kvm_run *run = s->vcpu->run;
	struct kvm_vcpu_events *e = &run->s.regs.events;

	vcpu_state_store(s);
	e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	e->exception.pending = 1;
	e->exception.nr = VECTOR_PF;
	e->exception.has_error_code = 1;
	e->exception.error_code = error;
	e->exception_has_payload = 1;
	e->exception_payload = addr.v;
	write_events(run);
}

/* Of the kernel's GS base: in GS, or swapped out where the entry code has not run swapgs yet. */
uint64_t vcpu_percpu(const struct vcpu_state *s)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = MSR_KERNEL_GS_BASE };

	if ((int64_t)s->insn.seg_base[INSN_GS] < 0)
		return s->insn.seg_base[INSN_GS];
	if (ioctl(s->vcpu->fd, KVM_GET_MSRS, &msr) != 1)
		return 0;
	return msr.entry.data;
}

uint64_t vcpu_current_task(struct checker *c, const struct vcpu_state *s)
{
	uint64_t task, gs = vcpu_percpu(s);
	gva_t at = { gs + c->agent.current_task };

	if (!gs || walk_read(c->ram, c->agent.cr3, c->agent.la57, at, &task,
			     sizeof(task)) != sizeof(task))
		return 0;
	return task;
}

struct base_msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry fs, gs, kernel_gs;
};

static struct base_msrs base_msrs(uint64_t fs, uint64_t gs, uint64_t kernel_gs)
{
	return (struct base_msrs){ .head.nmsrs = 3,
				   .fs = { .index = MSR_FS_BASE, .data = fs },
				   .gs = { .index = MSR_GS_BASE, .data = gs },
				   .kernel_gs = { .index = MSR_KERNEL_GS_BASE, .data = kernel_gs } };
}

bool vcpu_bases_load(const struct vcpu_state *s, struct engine_bases *bases)
{
	struct base_msrs msrs = base_msrs(0, 0, 0);

	if (!(s->walk.cr4 & CR4_FSGSBASE) || ioctl(s->vcpu->fd, KVM_GET_MSRS, &msrs) != (int)msrs.head.nmsrs)
		return false;
	*bases = (struct engine_bases){ .kernel_gs = msrs.kernel_gs.data };
	return true;
}

bool vcpu_bases_store(const struct vcpu_state *s, const struct engine_bases *bases)
{
	uint64_t fs = s->insn.seg_base[INSN_FS], gs = s->insn.seg_base[INSN_GS];
	struct base_msrs msrs = base_msrs(fs, gs, bases->kernel_gs);

	s->vcpu->run->s.regs.sregs.fs.base = fs;
	s->vcpu->run->s.regs.sregs.gs.base = gs;
	return ioctl(s->vcpu->fd, KVM_SET_MSRS, &msrs) == (int)msrs.head.nmsrs;
}

/* KVM adds what the guest's counter is ahead of the host's, and scales it as the hardware would. */
int vcpu_clock(const struct vcpu *vcpu, uint64_t *tsc, uint32_t *aux)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[2];
	} msrs = { .head.nmsrs = 2, .entry = { { .index = MSR_TSC }, { .index = MSR_TSC_AUX } } };
	int told = ioctl(vcpu->fd, KVM_GET_MSRS, &msrs);

	*tsc = msrs.entry[0].data;
	*aux = (uint32_t)msrs.entry[1].data;
	return told < 0 ? 0 : told;
}
