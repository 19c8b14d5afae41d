// SPDX-License-Identifier: GPL-2.0-only
/* access.c: guest-virtual accesses into pieces that lie in one page each, with their pages. */
#include "checker_internal.h"

static void note_tables(struct checker *c, const struct walk *w, struct pieces *out)
{
	for (unsigned i = 0; i < w->ntables && !out->has_stale_table; i++) {
		if (guest_ram_hidden(c->ram, w->table[i])) {
			out->stale_table = w->table[i];
			out->has_stale_table = true;
		}
	}
}

/* Where to, by what windows know or by the guest's tables. False where the access ends in a fault. */
static bool find_page(struct checker *c, const struct vcpu_state *s, gva_t at, bool write, struct pieces *out,
		      struct walk *w)
{
	const struct walk_known *known = window_known(c, s, at, false, write);
	enum walk_result r;

	if (known) {
		w->gpa.v = known->gpa + at.v % GUEST_PAGE;
		w->left = GUEST_PAGE - at.v % GUEST_PAGE;
		return true;
	}
	r = walk(c->ram, &s->walk, at, write ? WALK_WRITE : WALK_READ, w);
	note_tables(c, w, out);
	if (r == WALK_PF) {
		out->fault = true;
		out->fault_addr = at;
		out->fault_error = w->error_code;
	}
	return r == WALK_OK;
}

/* Adds the piece at addr + offset. Returns its length, 0 where the access ends in a fault. */
static uint32_t add_piece(struct checker *c, const struct vcpu_state *s,
			  const struct insn_access *a, uint32_t offset, struct pieces *out)
{
	struct piece *p = &out->piece[out->n];
	gva_t at = { a->addr.v + offset };
	struct walk w;

	if (!find_page(c, s, at, a->how & INSN_WRITE, out, &w))
		return 0;
	*p = (struct piece){ .gpa = w.gpa,
			     .gva = at,
			     .len = a->size - offset < w.left ? a->size - offset : (uint32_t)w.left,
			     .offset = offset,
			     .size = a->size,
			     .how = a->how };
	p->ram = guest_ram_contains(c->ram, p->gpa, p->len);
	p->hidden = p->ram && guest_ram_hidden(c->ram, p->gpa);
	out->hidden |= p->hidden;
	out->n++;
	return p->len;
}

void access_split(struct checker *c, const struct vcpu_state *s, const struct insn_access *a,
		  unsigned n, struct pieces *out)
{
	out->n = 0;
	out->fault = out->hidden = out->has_stale_table = false;
	for (unsigned i = 0; i < n; i++) {
		uint32_t offset = 0, len;

		while (offset < a[i].size && out->n < MAX_PIECES) {
			len = add_piece(c, s, &a[i], offset, out);
			if (!len)
				return; /* what comes after the fault does not happen */
			offset += len;
		}
	}
}
