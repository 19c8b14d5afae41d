// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_xstate.c: vector registers from KVM and back (vmm/checker/xstate.c), on a vCPU that never
 * runs: what the engine is promised of the area, and KVM's ways with MXCSR and PKRU. And the bases of segments
 * (vcpu_state.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "checker_internal.h"
#include "tiny_kernel.h"

#define ENTRIES	    256u
#define CR4_PLAIN   ((1ull << 9) | (1ull << 18)) /* OSFXSR, OSXSAVE */
#define CR4_FSGSBASE (1ull << 16)
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define AVX	    (1ull << 2)
#define PKRU	    (1ull << 9)
#define MXCSR	    24
#define XMM	    160
#define XSTATE_BV   512
#define MXCSR_OTHER 0x1fa0u
#define MXCSR_RESET 0x1f80u

static int kvm, vm;
static struct vcpu vcpu;
static struct checker *checker;
static struct vcpu_state vcpu_state;
static struct engine_vectors vectors;

static bool set_cpuid(void)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES * sizeof(c->entries[0]));
	bool ok;

	if (!c)
		return false;
	c->nent = ENTRIES;
	ok = !ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c) && !ioctl(vcpu.fd, KVM_SET_CPUID2, c);
	free(c);
	return ok;
}

static bool set_xcr0(uint64_t xcr0)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = xcr0 };

	return !ioctl(vcpu.fd, KVM_SET_XCRS, &x);
}

static int set_up(void **state)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	vcpu.fd = ioctl(vm, KVM_CREATE_VCPU, 0);
	checker = calloc(1, sizeof(*checker));
	if (!checker || vcpu.fd < 0 || !set_cpuid() || xstate_layout(&vcpu, &checker->xstate) ||
	    !set_xcr0(checker->xstate.supported & (7 | PKRU)))
		return -1;
	vcpu_state.vcpu = &vcpu;
	vcpu_state.walk.cr4 = CR4_PLAIN;
	return 0;
}

static int tear_down(void **state)
{
	free(checker);
	close(vcpu.fd);
	close(vm);
	close(kvm);
	return 0;
}

static uint64_t *bv(void)
{
	return (uint64_t *)(vectors.area + XSTATE_BV);
}

static void fetch(void)
{
	memset(&vectors, 0xee, sizeof(vectors));
	assert_true(xstate_fetch(checker, &vcpu_state, &vectors));
	assert_false(vectors.dirty);
}

static void store_and_fetch(void)
{
	assert_int_equal(xstate_store(&vcpu, &vectors), 0);
	fetch();
}

static void set_mxcsr(uint32_t x)
{
	memcpy(vectors.area + MXCSR, &x, sizeof(x));
}

static void assert_mxcsr(uint32_t want)
{
	assert_memory_equal(vectors.area + MXCSR, &want, sizeof(want));
}

static void test_layout(void **state)
{
	const struct engine_component *avx = &checker->xstate.component[2];

	assert_true(checker->xstate.supported & 3);
	assert_true(checker->xstate.size >= 576);
	if (!(checker->xstate.supported & AVX))
		return;
	assert_int_equal(avx->offset, 576);
	assert_int_equal(avx->size, 256);
	assert_false(avx->aligned);
}

static void test_not_plain(void **state)
{
	static const struct walk_cpu cases[] = {
		{ .cr4 = CR4_PLAIN, .cr0 = 1 << 3 }, /* TS */
		{ .cr4 = CR4_PLAIN, .cr0 = 1 << 2 }, /* EM */
		{ .cr4 = 1 << 9 },
		{ .cr4 = 1 << 18 },
		{ .cr4 = CR4_PLAIN, .efer = 1 << 14 }, /* FFXSR */
	};

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct vcpu_state s = { .vcpu = &vcpu, .walk = cases[n] };

		assert_false(xstate_fetch(checker, &s, &vectors));
	}
	fetch();
	assert_int_equal(vectors.xcr0 & 3, 3);
}

static void test_registers(void **state)
{
	uint8_t *high = vectors.area + 576;
	uint64_t avx = checker->xstate.supported & AVX;

	fetch();
	memset(vectors.area + XMM, 0x5a, 256);
	if (avx)
		memset(high, 0xa5, 256);
	*bv() |= 2 | avx;
	store_and_fetch();
	for (unsigned n = 0; n < 256; n++) {
		assert_int_equal(vectors.area[XMM + n], 0x5a);
		assert_int_equal(high[n], avx ? 0xa5 : high[n]);
	}
	assert_int_equal(*bv() & (2 | avx), 2 | avx);
}

/*
 * What is not in use has its initial configuration, also where bytes of something else were left.
 */
static void test_unused(void **state)
{
	static const uint8_t zero[256];

	fetch();
	memset(vectors.area + XMM, 0x5a, 256);
	set_mxcsr(MXCSR_RESET);
	*bv() &= PKRU;
	store_and_fetch();
	assert_memory_equal(vectors.area + XMM, zero, sizeof(zero));
	if (vectors.xcr0 & AVX)
		assert_memory_equal(vectors.area + 576, zero, sizeof(zero));
	assert_int_equal(vectors.area[0] | vectors.area[1] << 8, 0x37f); /* FCW */
}

/* KVM takes MXCSR only together with SSE or AVX. */
static void test_mxcsr(void **state)
{
	fetch();
	set_mxcsr(MXCSR_OTHER);
	*bv() &= PKRU;
	store_and_fetch();
	assert_mxcsr(MXCSR_OTHER);
	set_mxcsr(MXCSR_RESET);
	*bv() &= PKRU;
	store_and_fetch();
	assert_mxcsr(MXCSR_RESET);
}

/* A clear bit would leave PKRU as it is. */
static void test_pkru(void **state)
{
	uint8_t *at;

	fetch();
	if (!(vectors.xcr0 & PKRU)) {
		print_message("no protection keys here\n");
		skip();
	}
	at = vectors.area + vectors.component[9].offset;
	memset(at, 0x55, 4);
	store_and_fetch();
	assert_int_equal(xstate_pkru(checker, &vectors), 0x55555555);
	assert_int_equal(xstate_read_pkru(checker, &vcpu), 0x55555555);
	memset(at, 0, 4);
	*bv() &= ~PKRU; /* as xrstor leaves it */
	store_and_fetch();
	assert_int_equal(xstate_pkru(checker, &vectors), 0);
}

static uint64_t read_msr(uint32_t index)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = { .head.nmsrs = 1, .entry.index = index };

	return ioctl(vcpu.fd, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : 0;
}

/* KVM without these MSRs: the instructions are the hardware's. */
static void test_bases(void **state)
{
	struct vcpu_state s = { .vcpu = &vcpu, .walk.cr4 = CR4_PLAIN };
	struct engine_bases bases = { .kernel_gs = 0x111000 };
	struct kvm_run run = { .kvm_dirty_regs = 0 };
	struct kvm_sregs sregs;

	vcpu.run = &run;
	assert_false(vcpu_bases_load(&s, &bases));
	s.walk.cr4 |= CR4_FSGSBASE;
	s.insn.seg_base[INSN_FS] = 0x00007f0123456000;
	s.insn.seg_base[INSN_GS] = 0xffff888012345000;
	if (!vcpu_bases_store(&s, &bases)) {
		assert_false(vcpu_bases_load(&s, &bases));
		vcpu.run = NULL;
		print_message("KVM here does not know the MSRs\n");
		skip();
	}
	vcpu.run = NULL;
	assert_int_equal(run.s.regs.sregs.fs.base, s.insn.seg_base[INSN_FS]);
	assert_int_equal(run.s.regs.sregs.gs.base, s.insn.seg_base[INSN_GS]);
	assert_int_equal(run.kvm_dirty_regs, 0);
	assert_int_equal(ioctl(vcpu.fd, KVM_GET_SREGS, &sregs), 0);
	assert_int_equal(sregs.fs.base, s.insn.seg_base[INSN_FS]);
	assert_int_equal(sregs.gs.base, s.insn.seg_base[INSN_GS]);
	assert_int_equal(read_msr(MSR_KERNEL_GS_BASE), 0x111000);
	bases = (struct engine_bases){ .dirty = true };
	assert_true(vcpu_bases_load(&s, &bases));
	assert_int_equal(bases.kernel_gs, 0x111000);
	assert_false(bases.dirty);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	  cmocka_unit_test(test_not_plain),
		cmocka_unit_test(test_registers), cmocka_unit_test(test_unused),
		cmocka_unit_test(test_mxcsr),	  cmocka_unit_test(test_pkru),
		cmocka_unit_test(test_bases),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, set_up, tear_down) : 77;
}
