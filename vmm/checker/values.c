// SPDX-License-Identifier: GPL-2.0-only
/*
 * values.c: what the instruction of a finding worked on: registers, operand, and the contents of
 * the bytes it touched, each with its undefined bits. Part of describe.c's work.
 */
#include <stdio.h>
#include <string.h>

#include "checker_internal.h"
#include "operand.h"

static_assert(REPORT_GPRS == INSN_GPRS, "both are in hardware encoding order");

void describe_registers(const struct vcpu_state *s, struct report *r)
{
	struct report_registers *g = &r->registers;

	g->known = true;
	g->rip = s->insn.rip;
	g->rflags = s->insn.rflags;
	memcpy(g->gpr, s->insn.gpr, sizeof(g->gpr));
	g->undefined_rflags = s->vbits.rflags;
	memcpy(g->undefined_gpr, s->vbits.gpr, sizeof(g->undefined_gpr));
}

/* V bits as the engine sees them: nobody answers for the value of a byte that is not allocated. */
static void read_vbits(struct checker *c, gpa_t gpa, uint8_t *v, uint32_t len)
{
	uint8_t a[REPORT_VALUE];

	shadow_read_v(c->shadow, gpa, v, len);
	shadow_read_a(c->shadow, gpa, a, len);
	for (uint32_t i = 0; i < len; i++)
		if (a[i] != A_ALLOCATED)
			v[i] = V_DEFINED;
}

/* [first, first + len) and what lies between it and gpa. */
static bool in_one_page(gpa_t first, gpa_t gpa, uint32_t len)
{
	uint64_t last = first.v + len - 1 > gpa.v ? first.v + len - 1 : gpa.v;

	return first.v / GUEST_PAGE == last / GUEST_PAGE;
}

/*
 * The first bytes of the access, of which the byte at offset lies at gpa. An access across pages
 * is read where they follow each other also physically: in the kernel's direct mapping.
 */
void describe_contents(struct checker *c, gpa_t gpa, uint32_t offset, struct report *r)
{
	uint32_t len = r->size < REPORT_VALUE ? r->size : REPORT_VALUE;
	gpa_t first = { gpa.v - offset };
	const void *bytes;

	if (gpa.v < offset || !len)
		return;
	if (!in_one_page(first, gpa, len) && r->addr - c->agent.direct_map != first.v)
		return;
	bytes = guest_ram_at(c->ram, first, len);
	if (!bytes)
		return;
	memcpy(r->value, bytes, len);
	read_vbits(c, first, r->vbits, len);
	r->value_len = len;
}

void describe_insn(const struct insn *i, struct report *r)
{
	if (i)
		snprintf(r->insn, sizeof(r->insn), "%s", insn_text(i));
}

void describe_operand(const struct insn *i, struct report *r)
{
	if (i)
		operand_text(insn_text(i), r->write, r->operand, sizeof(r->operand));
}

static const enum report_sink sinks[] = {
	[ENGINE_BRANCH] = REPORT_SINK_BRANCH,
	[ENGINE_ADDRESS] = REPORT_SINK_ADDRESS,
	[ENGINE_LEAK] = REPORT_SINK_USER,
	[ENGINE_OUTPUT] = REPORT_SINK_PORT,
};

/* The V bits that the load saw: what it loaded may have been overwritten since. */
static void vbits_of_load(const struct engine_origin *o, struct report *r)
{
	for (uint32_t i = 0; i < o->len && i < sizeof(o->v) && o->offset + i < r->value_len; i++)
		r->vbits[o->offset + i] = o->v[i];
}

void describe_undefined(struct checker *c, const struct vcpu_state *s, const struct insn *i,
			const struct engine_use *use, struct report *r)
{
	const struct engine_origin *o = use->origin;
	struct vcpu_state at = *s;

	r->sink = sinks[use->sink];
	r->undefined_bits = use->vbits;
	describe_contents(c, (gpa_t){ o->gpa }, o->offset, r);
	vbits_of_load(o, r);
	if (o->rip == s->insn.rip) {
		describe_operand(i, r);
		return;
	}
	r->origin.known = true;
	trace_add(c, &r->origin, o->rip, false, false);
	at.insn.rip = o->rip;
	i = checker_fetch(c, &at); /* the other one is gone now */
	if (!i)
		return;
	snprintf(r->origin_insn, sizeof(r->origin_insn), "%s", insn_text(i));
	describe_operand(i, r);
}
