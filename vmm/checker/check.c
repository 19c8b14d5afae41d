// SPDX-License-Identifier: GPL-2.0-only
/*
 * check.c: who makes an access (configs/rules.json), what the judge says to it, and what it does to
 * the shadow. Judges before the access happens; a write defines its bytes.
 */
#include "checker_internal.h"

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

void check_piece(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		 const struct piece *p)
{
	struct judge_access a = { .gpa = p->gpa,
				  .len = p->len,
				  .read = p->how & INSN_READ,
				  .write = p->how & INSN_WRITE,
				  .plain_move = insn_is_plain_move(i),
				  .context = access_context(c, s) };
	enum insn_string string = insn_string(i);
	struct judgement j;

	c->stats.accesses++;
	if (string == INSN_MOVS)
		a.context |= JUDGE_COPY;
	judge_access(c->shadow, c->objects, &a, c->config.checks, &j);
	if (j.verdict != VERDICT_NONE)
		describe_access(c, s, i, p, &j);
	if (a.write)
		shadow_set_v(c->shadow, p->gpa, p->len, V_DEFINED);
}
