// SPDX-License-Identifier: GPL-2.0-only
/*
 * xstate.c: the vCPU's x87 and vector registers and PKRU: how the guest's XSAVE area is laid out,
 * and the area itself between KVM and the engine.
 *
 * KVM hands out user state only, in the standard form: supervisor state (IA32_XSS) is not for the
 * engine. PKRU is apart: its bit in XSTATE_BV says nothing when read, and where it is clear
 * KVM_SET_XSAVE leaves PKRU as it is. An area above 4 KiB (AMX, where a process was permitted to
 * use it) cannot be read with KVM_GET_XSAVE; then instructions that need it are stepped. Sources:
 * Intel SDM vol. 1, 13.2 and 13.4; Documentation/virt/kvm/api.rst.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "checker_internal.h"

#define LEAF_XSTATE   0xdu
#define CPUID_ENTRIES 256u
#define MSR_IA32_XSS  0xda0u

#define CR0_EM	       (1ull << 2)
#define CR0_TS	       (1ull << 3)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXSAVE    (1ull << 18)
#define EFER_FFXSR     (1ull << 14)
#define FEATURE_XSAVES (1u << 3)

#define X87	    (1ull << 0)
#define SSE	    (1ull << 1)
#define PKRU	    (1ull << 9)
#define PKRU_NUMBER 9

/* Offsets in the area. */
#define FCW	  0
#define MXCSR	  24
#define ST	  32
#define XMM	  160
#define XMM_END	  416
#define XSTATE_BV 512
#define HEADER_END 576

static_assert(sizeof(((struct kvm_xsave *)0)->region) == ENGINE_XSAVE_AREA, "KVM_GET_XSAVE's area");

static void add_leaf(struct xstate_layout *x, const struct kvm_cpuid_entry2 *e)
{
	if (e->index == 0) {
		x->supported = e->eax | (uint64_t)e->edx << 32;
		x->size = e->ecx;
	} else if (e->index == 1) {
		x->features = e->eax;
	} else if (e->index < ENGINE_COMPONENTS) {
		x->component[e->index] =
			(struct engine_component){ e->ebx, e->eax, e->ecx & 2 };
	}
}

int xstate_layout(struct vcpu *vcpu, struct xstate_layout *x)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + CPUID_ENTRIES * sizeof(c->entries[0]));
	int r;

	memset(x, 0, sizeof(*x));
	if (!c)
		return -ENOMEM;
	c->nent = CPUID_ENTRIES;
	r = ioctl(vcpu->fd, KVM_GET_CPUID2, c) < 0 ? -errno : 0;
	for (unsigned n = 0; !r && n < c->nent; n++)
		if (c->entries[n].function == LEAF_XSTATE)
			add_leaf(x, &c->entries[n]);
	free(c);
	return r;
}

static bool get_xcr0(const struct vcpu *vcpu, uint64_t *xcr0)
{
	struct kvm_xcrs x;

	if (ioctl(vcpu->fd, KVM_GET_XCRS, &x) < 0)
		return false;
	for (unsigned n = 0; n < x.nr_xcrs; n++) {
		if (x.xcrs[n].xcr == 0) {
			*xcr0 = x.xcrs[n].value;
			return true;
		}
	}
	return false;
}

/* KVM has no such MSR where the guest has no xsaves. */
static uint64_t get_xss(const struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = MSR_IA32_XSS };

	return ioctl(vcpu->fd, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : 0;
}

/* The engine wants to see its initial configuration in what is not in use. */
static void initialise_unused(struct engine_vectors *v, uint64_t bv)
{
	const uint16_t fcw = 0x37f;

	if (!(bv & X87)) {
		memset(v->area, 0, MXCSR);
		memset(v->area + ST, 0, XMM - ST);
		memcpy(v->area + FCW, &fcw, sizeof(fcw));
	}
	if (!(bv & SSE))
		memset(v->area + XMM, 0, XMM_END - XMM);
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++) {
		const struct engine_component *k = &v->component[n];

		if (!(bv & 1ull << n) && k->offset >= HEADER_END &&
		    k->offset + k->size <= sizeof(v->area))
			memset(v->area + k->offset, 0, k->size);
	}
}

static bool is_plain(const struct walk_cpu *cpu)
{
	return !(cpu->cr0 & (CR0_EM | CR0_TS)) && (cpu->cr4 & CR4_OSFXSR) &&
	       (cpu->cr4 & CR4_OSXSAVE) && !(cpu->efer & EFER_FFXSR);
}

bool xstate_fetch(const struct checker *c, const struct vcpu_state *s, struct engine_vectors *v)
{
	uint64_t *bv = (uint64_t *)(v->area + XSTATE_BV);

	if (!is_plain(&s->walk) || ioctl(s->vcpu->fd, KVM_GET_XSAVE, v->area) < 0 ||
	    !get_xcr0(s->vcpu, &v->xcr0))
		return false;
	memcpy(v->component, c->xstate.component, sizeof(v->component));
	v->features = c->xstate.features;
	v->xss = v->features & FEATURE_XSAVES ? get_xss(s->vcpu) : 0;
	v->dirty = false;
	*bv = (*bv & c->xstate.supported) | (v->xcr0 & PKRU);
	initialise_unused(v, *bv);
	return true;
}

/* A bit too many in XSTATE_BV does no harm: the registers are what the area says. */
int xstate_store(const struct vcpu *vcpu, struct engine_vectors *v)
{
	const uint32_t initial = 0x1f80;

	if (memcmp(v->area + MXCSR, &initial, sizeof(initial)) != 0)
		*(uint64_t *)(v->area + XSTATE_BV) |= SSE; /* or KVM takes no MXCSR */
	*(uint64_t *)(v->area + XSTATE_BV) |= v->xcr0 & PKRU;
	return ioctl(vcpu->fd, KVM_SET_XSAVE, v->area) < 0 ? -errno : 0;
}

uint32_t xstate_pkru(const struct checker *c, const struct engine_vectors *v)
{
	uint32_t at = c->xstate.component[PKRU_NUMBER].offset, pkru;

	if (at < HEADER_END || at + sizeof(pkru) > sizeof(v->area))
		return 0;
	memcpy(&pkru, v->area + at, sizeof(pkru));
	return pkru;
}

uint32_t xstate_read_pkru(const struct checker *c, const struct vcpu *vcpu)
{
	struct engine_vectors v;

	return ioctl(vcpu->fd, KVM_GET_XSAVE, v.area) < 0 ? 0 : xstate_pkru(c, &v);
}
