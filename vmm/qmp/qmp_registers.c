// SPDX-License-Identifier: GPL-2.0-only
/*
 * qmp_registers.c: "info registers". The form is that of QEMU's monitor, without x87 and vector
 * registers: programs look for "RIP=" and the like.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "qmp_internal.h"

#define REGISTERS_MS 3000
#define VCPU_BYTES   2048u /* more than its text has */

/* What is gone when it does not fit. */
struct text {
	char *at, *end;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
	size_t room = (size_t)(t->end - t->at);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, room, format, args);
	va_end(args);
	t->at = n < 0 ? t->at : (size_t)n < room ? t->at + n : t->end - 1;
}

static void add_general(struct text *t, const struct kvm_regs *r)
{
	add(t, "RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\r\n", r->rax, r->rbx, r->rcx,
	    r->rdx);
	add(t, "RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx\r\n", r->rsi, r->rdi, r->rbp,
	    r->rsp);
	add(t, "R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx\r\n", r->r8, r->r9, r->r10, r->r11);
	add(t, "R12=%016llx R13=%016llx R14=%016llx R15=%016llx\r\n", r->r12, r->r13, r->r14,
	    r->r15);
}

/* EFLAGS from bit 11 on: O, D, then those of bits 7, 6, 4, 2 and 0. */
static void add_flags(struct text *t, uint64_t flags)
{
	static const struct {
		unsigned bit;
		char letter;
	} named[] = {{11, 'O'}, {10, 'D'}, {7, 'S'}, {6, 'Z'}, {4, 'A'}, {2, 'P'}, {0, 'C'}};

	add(t, "[");
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		add(t, "%c", flags >> named[i].bit & 1 ? named[i].letter : '-');
	add(t, "]");
}

/* The second doubleword of its descriptor without the base: Intel SDM 3, 3.4.5. */
static unsigned attributes(const struct kvm_segment *s)
{
	return (unsigned)s->type << 8 | (unsigned)s->s << 12 | (unsigned)s->dpl << 13 |
	       (unsigned)s->present << 15 | (s->limit & 0xf0000) | (unsigned)s->avl << 20 |
	       (unsigned)s->l << 21 | (unsigned)s->db << 22 | (unsigned)s->g << 23;
}

static void add_segments(struct text *t, const struct kvm_sregs *s)
{
	const struct {
		const char *name;
		const struct kvm_segment *s;
	} all[] = {{"ES ", &s->es}, {"CS ", &s->cs}, {"SS ", &s->ss},  {"DS ", &s->ds},
		   {"FS ", &s->fs}, {"GS ", &s->gs}, {"LDT", &s->ldt}, {"TR ", &s->tr}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		add(t, "%s=%04x %016llx %08x %08x\r\n", all[i].name, all[i].s->selector,
		    all[i].s->base, all[i].s->limit, attributes(all[i].s));
	add(t, "GDT=     %016llx %08x\r\n", s->gdt.base, s->gdt.limit);
	add(t, "IDT=     %016llx %08x\r\n", s->idt.base, s->idt.limit);
}

static void add_all(struct text *t, const struct vcpu_registers *v)
{
	const struct kvm_sregs *s = &v->sregs;
	const struct kvm_debugregs *d = &v->debug;

	add_general(t, &v->regs);
	add(t, "RIP=%016llx RFL=%08llx ", v->regs.rip, v->regs.rflags);
	add_flags(t, v->regs.rflags);
	add(t, " CPL=%u II=0 A20=1 SMM=0 HLT=%d\r\n", s->ss.dpl, v->halted);
	add_segments(t, s);
	add(t, "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx\r\n", s->cr0, s->cr2, s->cr3, s->cr4);
	add(t, "DR0=%016llx DR1=%016llx DR2=%016llx DR3=%016llx\r\n", d->db[0], d->db[1], d->db[2],
	    d->db[3]);
	add(t, "DR6=%016llx DR7=%016llx\r\n", d->dr6, d->dr7);
	add(t, "EFER=%016llx\r\n", s->efer);
}

/* 0 or -errno. */
static int add_vcpu(struct text *t, struct vcpu *vcpu)
{
	struct vcpu_registers v;
	int r = machine_registers(vcpu, &v, REGISTERS_MS);

	if (r)
		return r;
	add(t, "\r\nCPU#%u\r\n", vcpu->index);
	add_all(t, &v);
	return 0;
}

char *qmp_registers(struct qmp *q, unsigned cpu, unsigned n, char *err, size_t errlen)
{
	size_t size = (size_t)n * VCPU_BYTES;
	char *text = malloc(size);
	struct text t = {text, text + size};
	int r = text ? 0 : -ENOMEM;

	for (unsigned i = cpu; !r && i < cpu + n; i++)
		r = add_vcpu(&t, machine_vcpu(q->machine, i));
	if (!r)
		return text;
	snprintf(err, errlen, "%s",
		 r == -ENOMEM	   ? "out of memory"
		 : r == -ECANCELED ? "the guest has ended"
				   : "the vCPU is busy: try again");
	free(text);
	return NULL;
}
