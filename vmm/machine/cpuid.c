// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid.c: the host's CPUID as KVM offers it, with one package of single-threaded cores, and
 * without what does not go together with hidden pages or makes no sense here (nested KVM, PMU,
 * SEV).
 *
 * Sources: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E;
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include <asm/kvm_para.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "internal.h"

#define MAX_ENTRIES 256u
#define BIT(n)	    (1u << (n))

struct topology {
	unsigned apic_id, cpus;
	unsigned bits; /* of the APIC id that number the core */
	bool tsc_deadline;
};

typedef struct kvm_cpuid_entry2 entry;

static void fix_features(entry *e, const struct topology *t)
{
	e->ebx = (e->ebx & 0xffffu) | BIT(t->bits) << 16 | t->apic_id << 24;
	e->ecx |= BIT(31);	       /* hypervisor */
	e->ecx &= ~(BIT(5) | BIT(15)); /* VMX, PDCM */
	if (t->tsc_deadline)
		e->ecx |= BIT(24);
	if (t->cpus > 1)
		e->edx |= BIT(28); /* more than one logical processor in the package */
	else
		e->edx &= ~BIT(28);
}

/* Leaves 4 and 0x8000001d: levels 1 and 2 are a core's own, level 3 belongs to all. */
static uint32_t cache_sharing(uint32_t eax, const struct topology *t)
{
	bool shared = (eax >> 5 & 7) >= 3;

	return (eax & ~(0xfffu << 14)) | (shared ? t->cpus - 1 : 0) << 14;
}

static void fix_cache(entry *e, const struct topology *t)
{
	if (e->eax & 0x1f)
		e->eax = (cache_sharing(e->eax, t) & 0x03ffffffu) | (BIT(t->bits) - 1) << 26;
}

static void fix_cache_amd(entry *e, const struct topology *t)
{
	if (e->eax & 0x1f)
		e->eax = cache_sharing(e->eax, t);
}

static void fix_none(entry *e, const struct topology *t)
{
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void fix_features_amd(entry *e, const struct topology *t)
{
	/* SVM; performance counter extensions; hardware watch points by instruction (LWP, IBS). */
	e->ecx &= ~(BIT(2) | BIT(10) | BIT(15) | BIT(23) | BIT(24) | BIT(28));
	e->ecx &= ~BIT(1);
	if (t->cpus > 1)
		e->ecx |= BIT(1); /* cores, not threads */
}

static void fix_cores_amd(entry *e, const struct topology *t)
{
	e->ecx = (e->ecx & ~0xf0ffu) | t->bits << 12 | (t->cpus - 1);
}

static void fix_topology_amd(entry *e, const struct topology *t)
{
	e->eax = t->apic_id;
	e->ebx = t->apic_id; /* core id, one thread in it */
	e->ecx = 0;	     /* node 0 of 1 */
	e->edx = 0;
}

static void fix_kvm(entry *e, const struct topology *t)
{
	/*
	 * Asynchronous page faults and hidden pages do not go together: KVM would wait for a page
	 * that never becomes ready.
	 */
	e->eax &= ~(BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_VMEXIT) |
		    BIT(KVM_FEATURE_ASYNC_PF_INT));
}

static const struct {
	uint32_t function;
	void (*fix)(entry *e, const struct topology *t);
} fixups[] = {
	/* clang-format off */
	{0x00000001, fix_features},
	{0x00000004, fix_cache},
	{0x0000000a, fix_none}, /* PMU */
	{0x40000001, fix_kvm},
	{0x80000001, fix_features_amd},
	{0x80000008, fix_cores_amd},
	{0x8000000a, fix_none}, /* SVM */
	{0x8000001d, fix_cache_amd},
	{0x8000001e, fix_topology_amd},
	{0x8000001f, fix_none}, /* SEV */
	{0x80000022, fix_none}, /* PMU */
	/* clang-format on */
};

static bool is_topology_leaf(uint32_t function)
{
	return function == 0xb || function == 0x1f;
}

/* Leaves 0xb and 0x1f: a level of threads, a level of cores, and the end. */
static void add_topology(struct kvm_cpuid2 *c, uint32_t function, const struct topology *t)
{
	const entry levels[] = {
		{.eax = 0, .ebx = 1, .ecx = 1u << 8 | 0},
		{.eax = t->bits, .ebx = t->cpus, .ecx = 2u << 8 | 1},
		{.ecx = 2},
	};

	for (uint32_t i = 0; i < 3 && c->nent < MAX_ENTRIES; i++) {
		entry e = levels[i];

		e.function = function;
		e.index = i;
		e.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		e.edx = t->apic_id;
		c->entries[c->nent++] = e;
	}
}

static void adapt(struct kvm_cpuid2 *c, const struct topology *t)
{
	uint32_t kept = 0, basic_max = 0;

	for (uint32_t i = 0; i < c->nent; i++) {
		entry *e = &c->entries[i];

		if (is_topology_leaf(e->function))
			continue;
		if (e->function == 0)
			basic_max = e->eax;
		for (size_t f = 0; f < sizeof(fixups) / sizeof(fixups[0]); f++)
			if (fixups[f].function == e->function)
				fixups[f].fix(e, t);
		c->entries[kept++] = *e;
	}
	c->nent = kept;
	if (basic_max >= 0xb)
		add_topology(c, 0xb, t);
	if (basic_max >= 0x1f)
		add_topology(c, 0x1f, t);
}

int cpuid_set(struct machine *m, struct vcpu *vcpu, struct machine_error *err)
{
	size_t size = sizeof(struct kvm_cpuid2) + MAX_ENTRIES * sizeof(entry);
	struct kvm_cpuid2 *c = calloc(1, size);
	struct topology t = {.apic_id = vcpu->index, .cpus = m->cpus};
	int r = 0;

	if (!c)
		return host_error(err, "out of memory for the vCPUs: free some memory");
	while (BIT(t.bits) < t.cpus)
		t.bits++;
	t.tsc_deadline = ioctl(m->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	c->nent = MAX_ENTRIES;
	if (ioctl(m->kvm_fd, KVM_GET_SUPPORTED_CPUID, c)) {
		r = host_error(err,
			       "KVM_GET_SUPPORTED_CPUID failed: %s: the host's KVM is too new or"
			       " broken",
			       strerror(errno));
		goto out;
	}
	adapt(c, &t);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, c))
		r = host_error(err,
			       "KVM_SET_CPUID2 failed: %s: the host's KVM refuses its own CPUID,"
			       " try another host kernel",
			       strerror(errno));
out:
	free(c);
	return r;
}
