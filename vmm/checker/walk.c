// SPDX-License-Identifier: GPL-2.0-only
/* walk.c: see walk.h. One loop serves all paging modes; a table gives their shapes. */
#include "walk.h"

#include <string.h>

_Static_assert(WALKS_CONTEXTS << 2 < 64, "a key has room for it below the page");
_Static_assert(PROOF_BELOW + 1 == WALK_TABLES, "a proof has all of them");

#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define CR4_PSE	 (1ull << 4)
#define CR4_PAE	 (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define CR4_PKE	 (1ull << 22)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define PTE_P  (1ull << 0)
#define PTE_W  (1ull << 1)
#define PTE_U  (1ull << 2)
#define PTE_A  (1ull << 5)
#define PTE_D  (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define PF_P  (1u << 0)
#define PF_W  (1u << 1)
#define PF_U  (1u << 2)
#define PF_I  (1u << 4)
#define PF_PK (1u << 5)

struct paging_mode {
	unsigned levels;
	unsigned entry;	      /* bytes of an entry */
	unsigned bits;	      /* index bits of a level (the top level of PAE has 2) */
	unsigned large_above; /* large pages are possible at levels 1..large_above (0: the leaf) */
};

static const struct paging_mode mode_32 = { 2, 4, 10, 1 };
static const struct paging_mode mode_pae = { 3, 8, 9, 1 };
static const struct paging_mode mode_48 = { 4, 8, 9, 2 };
static const struct paging_mode mode_57 = { 5, 8, 9, 2 };

static const struct paging_mode *paging_mode(const struct walk_cpu *cpu)
{
	if (cpu->efer & EFER_LMA)
		return cpu->cr4 & CR4_LA57 ? &mode_57 : &mode_48;
	return cpu->cr4 & CR4_PAE ? &mode_pae : &mode_32;
}

static bool canonical(const struct paging_mode *mode, uint64_t addr)
{
	unsigned bits = mode->levels == 5 ? 57 : 48;

	return mode->levels < 4 || (uint64_t)((int64_t)(addr << (64 - bits)) >> (64 - bits)) == addr;
}

static uint64_t entry_load(const void *slot, unsigned size)
{
	return size == 8 ? __atomic_load_n((const uint64_t *)slot, __ATOMIC_RELAXED) :
			   __atomic_load_n((const uint32_t *)slot, __ATOMIC_RELAXED);
}

static void entry_or(void *slot, uint64_t bits)
{
	/* A and D are in the low byte for both entry sizes. As on a CPU, nothing is written that is there already. */
	if (~__atomic_load_n((const uint8_t *)slot, __ATOMIC_RELAXED) & bits)
		__atomic_fetch_or((uint8_t *)slot, (uint8_t)bits, __ATOMIC_RELAXED);
}

/* Rights as they accumulate over the levels, and the final check. */
static bool allowed(const struct walk_cpu *cpu, uint64_t rights, uint64_t leaf, unsigned how,
		    uint32_t *error)
{
	bool user_page = rights & PTE_U, user = cpu->cpl == 3;
	unsigned key = (unsigned)(leaf >> 59) & 15;

	*error |= PF_P;
	if (user && !user_page)
		return false;
	if (how & WALK_FETCH)
		return !((rights & PTE_NX) || (!user && user_page && (cpu->cr4 & CR4_SMEP)));
	if (!user && user_page && (cpu->cr4 & CR4_SMAP) && !(cpu->rflags & WALK_RFLAGS_AC))
		return false;
	if ((how & WALK_WRITE) && !(rights & PTE_W) && (user || (cpu->cr0 & CR0_WP)))
		return false;
	if (user_page && (cpu->cr4 & CR4_PKE) && (cpu->efer & EFER_LMA)) {
		uint32_t deny = cpu->pkru >> (2 * key);

		if ((deny & 1) || ((how & WALK_WRITE) && (deny & 2) &&
				   (user || (cpu->cr0 & CR0_WP)))) {
			*error |= PF_PK;
			return false;
		}
	}
	return true;
}

static uint32_t access_error(const struct walk_cpu *cpu, unsigned how)
{
	uint32_t error = cpu->cpl == 3 ? PF_U : 0;

	if (how & WALK_WRITE)
		error |= PF_W;
	if ((how & WALK_FETCH) && ((cpu->efer & EFER_NXE) || (cpu->cr4 & CR4_SMEP)))
		error |= PF_I;
	return error;
}

static void found(struct walk *out, uint64_t gpa)
{
	out->gpa.v = gpa;
	out->left = GUEST_PAGE - gpa % GUEST_PAGE;
}

/* A and D of what was walked, where they are not set yet: seldom, and a locked instruction each. */
static void mark(void *const slots[], const uint64_t entries[], unsigned n, unsigned how)
{
	for (unsigned i = 0; i < n; i++)
		if (!(entries[i] & PTE_A))
			entry_or(slots[i], PTE_A);
	if ((how & WALK_WRITE) && !(entries[n - 1] & PTE_D))
		entry_or(slots[n - 1], PTE_D);
}

/* Inlined, so that the usual mode is a constant: windows walk some ten times each. */
static inline __attribute__((always_inline)) enum walk_result
walk_by(const struct paging_mode *mode, const struct guest_ram *ram, const struct walk_cpu *cpu,
	gva_t addr, unsigned how, struct walk *out)
{
	uint64_t table, rights = PTE_W | PTE_U, entry;
	void *slots[WALK_TABLES];
	unsigned level, shift;

	if (!canonical(mode, addr.v))
		return WALK_NONCANONICAL;
	if (mode->levels < 4)
		addr.v &= 0xffffffff;

	table = cpu->cr3 & (mode == &mode_pae ? 0xffffffe0ull : PTE_ADDR);
	for (level = mode->levels;;) {
		bool pdpte = mode == &mode_pae && level == 3; /* carries no rights */

		level--;
		shift = 12 + level * mode->bits;
		gpa_t slot = { table + (addr.v >> shift & ((1u << mode->bits) - 1)) * mode->entry };

		slots[out->ntables] = guest_ram_at(ram, slot, mode->entry);
		if (!slots[out->ntables])
			return WALK_OUTSIDE;
		entry = out->entry[out->ntables] = entry_load(slots[out->ntables], mode->entry);
		out->table[out->ntables++] = slot;
		if (!(entry & PTE_P))
			return WALK_PF;
		if (!pdpte) {
			rights &= entry | ~(PTE_W | PTE_U);
			if (cpu->efer & EFER_NXE)
				rights |= entry & PTE_NX;
		}
		if (level == 0 || (level <= mode->large_above && (entry & PTE_PS) &&
				   (mode != &mode_32 || (cpu->cr4 & CR4_PSE))))
			break;
		table = entry & PTE_ADDR & (mode->entry == 4 ? 0xffffffffull : ~0ull);
	}
	if (!allowed(cpu, rights, entry, how, &out->error_code))
		return WALK_PF;
	if (how & WALK_SET_AD) {
		uint32_t error = 0;

		mark(slots, out->entry, out->ntables, how);
		out->written = (how & WALK_WRITE) ||
			       ((entry & PTE_D) && allowed(cpu, rights, entry, how | WALK_WRITE, &error));
	}
	found(out, (entry & PTE_ADDR & ~((1ull << shift) - 1)) | (addr.v & ((1ull << shift) - 1)));
	return WALK_OK;
}

enum walk_result walk(const struct guest_ram *ram, const struct walk_cpu *cpu, gva_t addr,
		      unsigned how, struct walk *out)
{
	const struct paging_mode *mode = paging_mode(cpu);

	out->ntables = 0;
	out->written = false;
	out->error_code = access_error(cpu, how);
	if (!(cpu->cr0 & CR0_PG)) {
		found(out, addr.v & 0xffffffff);
		return WALK_OK;
	}
	if (mode == &mode_48)
		return walk_by(&mode_48, ram, cpu, addr, how, out);
	return walk_by(mode, ram, cpu, addr, how, out);
}

/* But for where the tables are. */
static bool same_rights(const struct walk_cpu *a, const struct walk_cpu *b)
{
	return a->cr0 == b->cr0 && a->cr4 == b->cr4 && a->efer == b->efer && a->cpl == b->cpl &&
	       a->pkru == b->pkru && !((a->rflags ^ b->rflags) & WALK_RFLAGS_AC);
}

/* Seldom is one that is not there: then all are made anew. */
static unsigned find_context(struct walks *walks, const struct walk_cpu *cpu)
{
	unsigned n = 0;

	while (n < walks->ncontexts && !same_rights(&walks->contexts[n], cpu))
		n++;
	if (n == WALKS_CONTEXTS) {
		memset(walks->known, 0, sizeof(walks->known));
		walks->ncontexts = n = 0;
	}
	if (n == walks->ncontexts)
		walks->contexts[walks->ncontexts++] = *cpu;
	return n;
}

void walks_change(struct walks *walks, const struct guest_ram *ram, const struct walk_cpu *cpu)
{
	walks->cpu = *cpu;
	walks->top = NULL;
	if ((cpu->cr0 & CR0_PG) && (cpu->efer & EFER_LMA))
		walks->top = guest_ram_at(ram, (gpa_t){ cpu->cr3 & PTE_ADDR }, GUEST_PAGE);
	walks->context = (walks->top ? find_context(walks, cpu) : WALKS_CONTEXTS) << 2;
}

bool walk_accessed(const struct walk *w)
{
	for (unsigned i = 0; i < w->ntables; i++)
		if (!(w->entry[i] & PTE_A))
			return false;
	return true;
}

/* What the entries are now is not read again: who changed one meanwhile would be missed. */
const struct walk_known *walk_remember(struct walks *walks, const struct guest_ram *ram, gva_t addr, unsigned how,
				       const struct walk *w)
{
	static const uint64_t nothing;
	uint64_t key = walk_key(walks, addr, how & WALK_FETCH), entry[WALK_TABLES];
	struct walk_known *k = &walks->known[walk_place(key)];
	gpa_t page = { w->gpa.v & ~(GUEST_PAGE - 1ull) };
	uint64_t user = PTE_U;

	if (walks->context == WALKS_CONTEXTS << 2)
		return NULL;
	for (unsigned i = 0; i < w->ntables; i++) {
		entry[i] = w->entry[i] | (how & WALK_SET_AD ? PTE_A : 0);
		user &= entry[i];
	}
	if ((how & WALK_SET_AD) && (how & WALK_WRITE))
		entry[w->ntables - 1] |= PTE_D;
	*k = (struct walk_known){ .key = key,
				  .gpa = page.v,
				  .host = guest_ram_at(ram, page, GUEST_PAGE),
				  .index = (uint32_t)guest_ram_page_index(ram, page),
				  .written = w->written,
				  .supervisor = !user,
				  .proof = { .root_slot = w->table[0].v % GUEST_PAGE, .root_entry = entry[0] } };
	for (unsigned i = 0; i < PROOF_BELOW; i++) {
		bool is_there = i + 1 < w->ntables;

		k->proof.below[i].slot = is_there ? guest_ram_at(ram, w->table[i + 1], 8) : &nothing;
		k->proof.below[i].entry = is_there ? entry[i + 1] : nothing;
	}
	return k;
}

enum walk_result walk_supervisor(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr,
				 struct walk *out)
{
	struct walk_cpu cpu = { .cr0 = CR0_PG,
				.cr3 = cr3,
				.cr4 = CR4_PAE | (la57 ? CR4_LA57 : 0),
				.efer = EFER_LMA };

	return walk(ram, &cpu, addr, WALK_READ, out);
}

size_t walk_read(const struct guest_ram *ram, uint64_t cr3, bool la57, gva_t addr, void *buf,
		 size_t len)
{
	size_t done = 0;

	while (done < len) {
		gva_t at = { addr.v + done };
		struct walk w;
		const void *from;
		size_t n;

		if (walk_supervisor(ram, cr3, la57, at, &w) != WALK_OK)
			break;
		n = w.left < len - done ? w.left : len - done;
		from = guest_ram_at(ram, w.gpa, n);
		if (!from)
			break;
		memcpy((char *)buf + done, from, n);
		done += n;
	}
	return done;
}
