// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c: who makes an access (configs/rules.json), what the judge says to it, and what it does to
 * the shadow. Judges before the access happens; a write defines its bytes.
 */
#include "checker_internal.h"
#include "lookahead.h"

#define NAME 128

static unsigned function_context(const struct rules *rules, const char *function, bool *leaf)
{
	unsigned context = JUDGE_NORMAL;

	if (rules_match(rules, "allocator", function))
		context |= JUDGE_ALLOCATOR;
	if (rules_match(rules, "word_at_a_time", function))
		context |= JUDGE_WORD_AT_A_TIME;
	if (rules_match(rules, "copy", function))
		context |= JUDGE_COPY;
	*leaf = rules_match(rules, "leaf", function);
	return context;
}

static const struct context_entry *context_of(struct checker *c, uint64_t rip)
{
	struct context_entry *e = &c->context[(rip ^ rip >> 10) % CONTEXT_CACHE];
	uint64_t generation = symbols_generation(c->symbols);
	char function[NAME];

	if (e->valid && e->rip == rip && e->generation == generation)
		return e;
	*e = (struct context_entry){ .rip = rip, .generation = generation, .valid = true };
	if (symbols_function(c->symbols, rip, function, sizeof(function)))
		e->context = function_context(c->config.rules, function, &e->leaf);
	return e;
}

/* A leaf function such as memset acts for its caller, whose address is on top of the stack. */
static unsigned access_context(struct checker *c, const struct vcpu_state *s)
{
	const struct context_entry *e = context_of(c, s->insn.rip);
	unsigned context = e->context;
	uint64_t caller;

	if (e->leaf && walk_read(c->ram, s->walk.cr3, c->agent.la57,
				 (gva_t){ s->insn.gpr[INSN_RSP] }, &caller,
				 sizeof(caller)) == sizeof(caller))
		context |= context_of(c, caller)->context & JUDGE_ALLOCATOR;
	return context;
}

/* Undefined bits of a piece of at most 8 bytes, at their place in the whole access. */
static uint64_t undefined_bits(const struct checker *c, const struct piece *p)
{
	uint8_t v[8], a[8];
	uint64_t bits = 0;

	shadow_read_v(c->shadow, p->gpa, v, p->len);
	shadow_read_a(c->shadow, p->gpa, a, p->len);
	for (uint32_t n = 0; n < p->len; n++)
		if (a[n] == A_ALLOCATED)
			bits |= (uint64_t)v[n] << 8 * (p->offset + n);
	return bits;
}

/* A value in a register is used if the code that follows decides on it. */
static enum judge_use use_of_value(struct checker *c, const struct vcpu_state *s,
				   const struct insn *i, const struct piece *p)
{
	uint64_t bits = undefined_bits(c, p);
	uint8_t code[INSN_FATE_BYTES];
	size_t len;

	if (!bits)
		return JUDGE_USE_NONE;
	len = walk_read(c->ram, s->walk.cr3, c->agent.la57,
			(gva_t){ s->insn.rip + insn_length(i) }, code, sizeof(code));
	return insn_value_fate(c->lookahead, s->insn.mode, i, code, len, bits, p->size) ==
			       INSN_FATE_UNSEEN ? JUDGE_USE_NONE : JUDGE_USE_ANY;
}

static enum judge_use use_of(struct checker *c, const struct vcpu_state *s, const struct insn *i,
			     const struct piece *p)
{
	bool modifies = p->how & INSN_WRITE;

	switch (insn_use(i)) {
	case INSN_USE_COMPARE:
		return JUDGE_USE_ANY;
	case INSN_USE_COUNT: /* a reference count, say */
		return insn_locked(i) ? JUDGE_USE_ANY : JUDGE_USE_NONE;
	case INSN_USE_MOVE:
		if (p->size > 8)
			return JUDGE_USE_NONE;
		break;
	case INSN_USE_OTHER:
		if (p->size > 8)
			return JUDGE_USE_WHOLE;
		break;
	}
	return modifies || insn_string(i) == INSN_MOVS ? JUDGE_USE_NONE : use_of_value(c, s, i, p);
}

void check_piece(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		 const struct piece *p)
{
	struct judge_access a = { .gpa = p->gpa,
				  .len = p->len,
				  .read = p->how & INSN_READ,
				  .write = p->how & INSN_WRITE,
				  .use = p->how & INSN_READ ? use_of(c, s, i, p) : JUDGE_USE_NONE,
				  .context = access_context(c, s) };
	struct judgement j;

	c->stats.accesses++;
	judge_access(c->shadow, c->objects, &a, c->config.checks, &j);
	if (j.verdict != VERDICT_NONE)
		describe_access(c, s, i, p, &j);
	if (a.write)
		shadow_set_v(c->shadow, p->gpa, p->len, V_DEFINED);
}
