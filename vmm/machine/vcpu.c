// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu.c: one virtual CPU: its first state, its thread's loop, and what is done on each exit.
 * How it is kept out of the guest is hold.c; what memory faults mean is the checker's.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"
#include "ports.h"
#include "sandbox.h"

#define MSR_IA32_MISC_ENABLE 0x1a0u
#define MSR_MTRR_DEF_TYPE    0x2ffu
#define MISC_FAST_STRING     1u
#define MTRR_ON_WRITE_BACK   0x806u /* enabled, default type write-back */

#define CR0_BOOT  0x80000031ull /* PG, NE, ET, PE */
#define CR4_BOOT  0x20ull	/* PAE */
#define EFER_BOOT 0x500ull	/* LME, LMA */

/* Ends the machine with what a bug report needs: where the vCPU is, and the code there. */
static void stop_internal(struct vcpu *vcpu, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static size_t append(char *buf, size_t size, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static size_t append(char *buf, size_t size, size_t at, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (at >= size)
		return at;
	va_start(ap, fmt);
	n = vsnprintf(buf + at, size - at, fmt, ap);
	va_end(ap);
	return n < 0 ? at : at + (size_t)n;
}

static const uint8_t *code_at(struct vcpu *vcpu, uint64_t linear, size_t *len)
{
	struct kvm_translation t = {.linear_address = linear};

	*len = GUEST_PAGE - linear % GUEST_PAGE;
	if (*len > 15)
		*len = 15;
	if (ioctl(vcpu->fd, KVM_TRANSLATE, &t) || !t.valid)
		return NULL;
	return guest_ram_at(vcpu->machine->ram, (gpa_t){t.physical_address}, *len);
}

static size_t describe(struct vcpu *vcpu, char *text, size_t size, size_t at)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	const uint8_t *code;
	size_t len;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return append(text, size, at, "; its registers cannot be read: %s",
			      strerror(errno));
	at = append(text, size, at,
		    "; vCPU %u rip %#llx rsp %#llx rflags %#llx cr0 %#llx cr2 %#llx cr3 %#llx"
		    " cr4 %#llx efer %#llx cs base %#llx",
		    vcpu->index, regs.rip, regs.rsp, regs.rflags, sregs.cr0, sregs.cr2, sregs.cr3,
		    sregs.cr4, sregs.efer, sregs.cs.base);
	code = code_at(vcpu, sregs.cs.base + regs.rip, &len);
	at = append(text, size, at, ", code%s", code ? "" : " not mapped");
	for (size_t i = 0; code && i < len; i++)
		at = append(text, size, at, " %02x", code[i]);
	return at;
}

static void stop_internal(struct vcpu *vcpu, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0)
		describe(vcpu, text, sizeof(text), (size_t)n);
	machine_stop(vcpu->machine, END_INTERNAL, text);
}

/* ---- exits ---- */

static void exit_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint32_t value = 0;

		if (write)
			memcpy(&value, data, run->io.size);
		ports_access(vcpu, run->io.port, write, run->io.size, &value);
		if (!write)
			memcpy(data, &value, run->io.size);
	}
}

/* What is not RAM; KVM handles the APICs itself. */
static void device_memory(struct machine *m, struct kvm_run *run)
{
	bool found = m->devices &&
		     devices_memory(m->devices, (gpa_t){run->mmio.phys_addr}, run->mmio.is_write,
				    run->mmio.data, run->mmio.len);

	if (!found && !run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
}

static void exit_mmio(struct vcpu *vcpu)
{
	struct machine *m = vcpu->machine;
	struct kvm_run *run = vcpu->run;
	gpa_t gpa = {run->mmio.phys_addr};
	uint8_t *ram;

	if (run->mmio.len > sizeof(run->mmio.data)) {
		stop_internal(vcpu, "KVM_EXIT_MMIO of %u bytes", run->mmio.len);
		return;
	}
	ram = guest_ram_at(m->ram, gpa, run->mmio.len);
	if (!ram) {
		device_memory(m, run);
		return;
	}
	if (m->hooks.mmio && m->hooks.mmio(m->hooks.ctx, vcpu) != HOOK_PASS)
		return;
	if (run->mmio.is_write)
		memcpy(ram, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, ram, run->mmio.len);
	/* Where nobody hides pages it was only not there yet. */
	if (!m->hooks.mmio)
		guest_ram_populate(m->ram, (gpa_t){gpa.v & ~(uint64_t)(GUEST_PAGE - 1)}, 1);
}

static void exit_shutdown(struct vcpu *vcpu)
{
	machine_guest_crash(vcpu->machine, "the guest's CPU shut down (triple fault)");
}

static void exit_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		machine_stop(vcpu->machine, END_POWEROFF, "the guest powered off");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		machine_guest_reset(vcpu->machine);
		break;
	case KVM_SYSTEM_EVENT_CRASH:
		machine_guest_panics(vcpu->machine, PANIC_EVENT_PANICKED);
		break;
	default:
		stop_internal(vcpu, "KVM_EXIT_SYSTEM_EVENT of unknown type %u",
			      vcpu->run->system_event.type);
	}
}

static void exit_fail_entry(struct vcpu *vcpu)
{
	stop_internal(vcpu, "KVM_EXIT_FAIL_ENTRY, hardware reason %#llx",
		      (unsigned long long)vcpu->run->fail_entry.hardware_entry_failure_reason);
}

static void exit_internal_error(struct vcpu *vcpu)
{
	stop_internal(vcpu, "KVM_EXIT_INTERNAL_ERROR, suberror %u (1: KVM cannot emulate this)",
		      vcpu->run->internal.suberror);
}

static void exit_unknown(struct vcpu *vcpu)
{
	stop_internal(vcpu, "KVM_EXIT_UNKNOWN, hardware reason %#llx",
		      (unsigned long long)vcpu->run->hw.hardware_exit_reason);
}

/* Nothing to do: a signal, or a single step whose owner no longer waits for it. */
static void exit_nothing(struct vcpu *vcpu)
{
}

static void (*const exits[])(struct vcpu *) = {
	[KVM_EXIT_UNKNOWN] = exit_unknown,
	[KVM_EXIT_IO] = exit_io,
	[KVM_EXIT_DEBUG] = exit_nothing,
	[KVM_EXIT_MMIO] = exit_mmio,
	[KVM_EXIT_SHUTDOWN] = exit_shutdown,
	[KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
	[KVM_EXIT_INTR] = exit_nothing,
	[KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
	[KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
};

void vcpu_dispatch(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;

	if (reason < sizeof(exits) / sizeof(exits[0]) && exits[reason])
		exits[reason](vcpu);
	else
		stop_internal(vcpu, "KVM exit reason %u, which is not served", reason);
}

/* ---- faults ---- */

/*
 * Nobody told us which page is missing: map them all. Where that changes nothing and the vCPU is
 * still at the same instruction, it never will.
 */
static void serve_fault(struct vcpu_thread *v)
{
	struct machine *m = v->pub.machine;
	struct kvm_regs regs;
	int r = machine_populate_all(m);

	if (r < 0) {
		stop_internal(&v->pub, "mapping guest memory failed: %s", strerror(-r));
		return;
	}
	if (ioctl(v->pub.fd, KVM_GET_REGS, &regs) || r > 0) {
		v->fault_rip = ~0ull;
	} else if (regs.rip == v->fault_rip) {
		stop_internal(&v->pub, "KVM_RUN failed with EFAULT although all memory is mapped");
	} else {
		v->fault_rip = regs.rip;
	}
}

static void vcpu_fault(struct vcpu_thread *v)
{
	struct machine_hooks *h = &v->pub.machine->hooks;

	if (!h->fault || h->fault(h->ctx, &v->pub) == HOOK_PASS)
		serve_fault(v);
}

/* ---- the thread ---- */

/* Into the guest, or only to the end of its port access, where a hook goes on behind that. */
static void run_once(struct vcpu_thread *v)
{
	const struct machine_hooks *h = &v->pub.machine->hooks;
	bool behind = v->behind;
	int r = behind ? hold_complete(v) : vcpu_run(&v->pub);

	v->behind = false;
	if (behind)
		h->behind_port(h->ctx, &v->pub, r == -EINTR);
	if (r == 0)
		vcpu_dispatch(&v->pub);
	else if (r == -EFAULT)
		vcpu_fault(v);
	else if (r != -EINTR && r != -ECANCELED)
		stop_internal(&v->pub, "KVM_RUN failed: %s", strerror(-r));
}

void *vcpu_thread_main(void *arg)
{
	struct vcpu_thread *v = arg;

	hold_thread_begin(v);
	sandbox_thread(SANDBOX_VCPU);
	while (!machine_stopping(v->pub.machine))
		run_once(v);
	return NULL;
}

/* ---- making one ---- */

static int set_msrs(struct vcpu *vcpu, struct machine_error *err)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} msrs = {
		.head.nmsrs = 2,
		.entries =
			{
				{.index = MSR_IA32_MISC_ENABLE, .data = MISC_FAST_STRING},
				/* Without it the kernel gives up the PAT and says so. */
				{.index = MSR_MTRR_DEF_TYPE, .data = MTRR_ON_WRITE_BACK},
			},
	};
	int r = ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);

	if (r == 2)
		return 0;
	return host_error(err, "KVM_SET_MSRS failed: %s: use a host kernel of 5.10 or later",
			  r < 0 ? strerror(errno) : "an MSR is not known");
}

int vcpu_create(struct machine *m, unsigned index, struct machine_error *err)
{
	struct vcpu_thread *v = calloc(1, sizeof(*v));

	if (!v)
		return host_error(err, "out of memory for the vCPUs: free some memory");
	v->fault_rip = ~0ull;
	v->pub = (struct vcpu){.machine = m, .index = index, .run = MAP_FAILED};
	v->pub.fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
	m->vcpus[index] = v;
	if (v->pub.fd < 0)
		return host_error(err, "KVM_CREATE_VCPU of vCPU %u failed: %s: lower --cpus", index,
				  strerror(errno));
	v->pub.run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->pub.fd, 0);
	if (v->pub.run == MAP_FAILED)
		return host_error(err, "mmap of vCPU %u failed: %s: free some memory", index,
				  strerror(errno));
	if (cpuid_set(m, &v->pub, err))
		return -1;
	return set_msrs(&v->pub, err);
}

void vcpu_destroy(struct machine *m, unsigned index)
{
	struct vcpu_thread *v = m->vcpus[index];

	if (!v)
		return;
	if (v->pub.run != MAP_FAILED)
		munmap(v->pub.run, m->run_size);
	if (v->pub.fd >= 0)
		close(v->pub.fd);
	free(v);
	m->vcpus[index] = NULL;
}

static void set_segments(struct kvm_sregs *s)
{
	const struct kvm_segment data = {.limit = 0xffffffff,
					 .selector = BOOT_DATA_SELECTOR,
					 .type = 3,
					 .present = 1,
					 .db = 1,
					 .s = 1,
					 .g = 1};

	s->cs = (struct kvm_segment){.limit = 0xffffffff,
				     .selector = BOOT_CODE_SELECTOR,
				     .type = 11,
				     .present = 1,
				     .l = 1,
				     .s = 1,
				     .g = 1};
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.limit = 0x67, .selector = BOOT_TASK_SELECTOR, .type = 11, .present = 1};
}

int vcpu_set_entry(struct vcpu *vcpu, const struct boot_entry *entry, struct machine_error *err)
{
	struct kvm_regs regs = {
		.rip = entry->rip, .rsi = entry->rsi, .rsp = entry->rsp, .rflags = 2};
	struct kvm_sregs s;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s))
		return host_error(err, "KVM_GET_SREGS failed: %s", strerror(errno));
	set_segments(&s);
	s.gdt.base = entry->gdt;
	s.gdt.limit = entry->gdt_limit;
	s.idt.base = 0;
	s.idt.limit = 0;
	s.cr0 = CR0_BOOT;
	s.cr3 = entry->cr3;
	s.cr4 = CR4_BOOT;
	s.efer = EFER_BOOT;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &s))
		return host_error(err, "KVM_SET_SREGS failed: %s: the host's CPU lacks long mode",
				  strerror(errno));
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return host_error(err, "KVM_SET_REGS failed: %s", strerror(errno));
	return 0;
}
