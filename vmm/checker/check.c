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

/* The hardware carries it out, and where its values go is not seen: only what decides at once counts. */
static enum judge_use use_of(const struct insn *i, const struct piece *p)
{
	switch (insn_use(i)) {
	case INSN_USE_COMPARE:
		return JUDGE_USE_ANY;
	case INSN_USE_COUNT: /* a reference count, say */
		return insn_locked(i) ? JUDGE_USE_ANY : JUDGE_USE_NONE;
	case INSN_USE_MOVE:
		return JUDGE_USE_NONE;
	default:
		return p->size > 8 ? JUDGE_USE_WHOLE : JUDGE_USE_NONE;
	}
}

static struct judge_access access_of(struct checker *c, const struct vcpu_state *s,
				     const struct piece *p)
{
	return (struct judge_access){ .gpa = p->gpa,
				      .len = p->len,
				      .read = p->how & INSN_READ,
				      .write = p->how & INSN_WRITE,
				      .use = JUDGE_USE_NONE,
				      .context = access_context(c, s) };
}

void check_states(struct checker *c, struct vcpu_state *s, const struct piece *p)
{
	struct judge_access a = access_of(c, s, p);
	struct judgement j;

	judge_access(c->shadow, c->objects, &a, c->config.checks, &j);
	if (j.verdict != VERDICT_NONE)
		describe_access(c, s, checker_fetch(c, s), p, &j);
}

void check_use(struct checker *c, struct vcpu_state *s, const struct engine_use *use)
{
	bool leaves = use->sink == ENGINE_LEAK || use->sink == ENGINE_OUTPUT;
	enum verdict verdict = leaves ? VERDICT_INFOLEAK : VERDICT_UNINIT;
	struct object object;

	if (!(c->config.checks & VERDICT_BIT(verdict)) || !use->origin)
		return;
	if (access_context(c, s) & JUDGE_ALLOCATOR)
		return;
	if (objects_find(c->objects, (gpa_t){ use->origin->gpa }, &object))
		describe_use(c, s, checker_fetch(c, s), use, verdict, &object);
}

static void count_piece(struct checker *c, const struct piece *p, uint64_t page)
{
	bool legal;

	c->stats.accesses++;
	if (!counted_has(c, p->gpa))
		return;
	shadow_hold(c->shadow, page);
	legal = shadow_held_look(c->shadow, page, p->gpa.v % GUEST_PAGE, p->len, NULL);
	shadow_drop(c->shadow, page);
	c->stats.counted_read += legal && (p->how & INSN_READ) ? p->len : 0;
	c->stats.counted_written += legal && (p->how & INSN_WRITE) ? p->len : 0;
}

void check_piece(struct checker *c, const struct vcpu_state *s, const struct insn *i,
		 const struct piece *p)
{
	uint64_t page = (uint64_t)guest_ram_page_index(c->ram, p->gpa);
	struct judge_access a = access_of(c, s, p);
	struct judgement j;

	if (a.read)
		a.use = use_of(i, p);
	count_piece(c, p, page);
	judge_access(c->shadow, c->objects, &a, c->config.checks, &j);
	if (j.verdict != VERDICT_NONE)
		describe_access(c, s, i, p, &j);
	if (a.write)
		shadow_set_v(c->shadow, p->gpa, p->len, V_DEFINED);
	shadow_hold(c->shadow, page);
	tracking_spend(c, page); /* what it says: tracking_end() */
	shadow_drop(c->shadow, page);
}
