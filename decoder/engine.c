// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine.c: windows. Finds the block at rip, or translates it, runs it, and decides whether to go on.
 *
 * Blocks are kept by linear address. In each window the bytes of a block are compared once with the
 * guest's memory: code that another CPU patches meanwhile is seen no later than by a CPU that has not
 * been told to serialise yet (Intel SDM vol. 3A, 9.1.3), and a window takes no interrupts.
 */
#include <stdlib.h>
#include <string.h>

#include "uop_alu.h"

#define BUCKETS	   4096u
#define ARENA	   (2u << 20) /* bytes; when it is full all blocks are forgotten */
#define CODE_PAGES 16u

struct block_cache {
	struct block *bucket[BUCKETS];
	uint64_t code_page[CODE_PAGES]; /* linear, TLB_NONE: free */
	const uint8_t *code_host[CODE_PAGES];
	size_t used;
	uint64_t arena[ARENA / 8];
	struct translation translation;
};

struct engine *engine_create(const struct engine_ops *ops, void *ctx)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ops = *ops;
	e->ctx = ctx;
	e->cache = calloc(1, sizeof(*e->cache));
	if (!e->cache) {
		free(e);
		return NULL;
	}
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	free(e->cache);
	free(e);
}

void uop_leave(struct engine *e, const struct uop *u, enum leave why)
{
	e->leave = why;
	e->rip = uop_rip(e, u);
	for (const struct uop *k = e->block->uop; k->at < u->at; k++)
		e->insns += k[1].at != k->at;
}

void report_use(struct engine *e, const struct uop *u, struct engine_use *use)
{
	struct engine_origin *o = use->origin ? &e->origins[use->origin - e->origins] : NULL;

	if (o && o->reported)
		return;
	if (o)
		o->reported = true;
	use->rip = uop_rip(e, u);
	e->ops.used(e->ctx, use);
}

void report_address(struct engine *e, const struct uop *u, unsigned slot)
{
	struct engine_use use = { .sink = ENGINE_ADDRESS,
				  .value = e->r[slot],
				  .vbits = e->v[slot],
				  .origin = origin_named(e, e->origin[slot]) };

	report_use(e, u, &use);
	e->v[slot] = 0;
}

/* --- Code --- */

static const uint8_t *code_at(struct engine *e, uint64_t addr)
{
	uint64_t page = addr - addr % ENGINE_PAGE;
	unsigned n = (addr / ENGINE_PAGE) % CODE_PAGES;
	struct engine_page p = { 0 };
	uint32_t error;

	if (e->cache->code_page[n] != page) {
		if (e->ops.reach(e->ctx, (gva_t){ page }, ENGINE_FETCH, &p, &error) != ENGINE_REACHED ||
		    p.user)
			return NULL;
		e->cache->code_page[n] = page;
		e->cache->code_host[n] = p.host;
	}
	return e->cache->code_host[n] + addr % ENGINE_PAGE;
}

/* Copies at most max bytes from addr on; only the first page's unless cross. */
static size_t fetch(struct engine *e, uint64_t addr, uint8_t *to, size_t max, bool cross)
{
	size_t left = ENGINE_PAGE - addr % ENGINE_PAGE, first = left < max ? left : max;
	const uint8_t *from = code_at(e, addr);

	if (!from)
		return 0;
	memcpy(to, from, first);
	if (!cross || first == max)
		return first;
	from = code_at(e, addr + first);
	if (!from)
		return first;
	memcpy(to + first, from, max - first);
	return max;
}

static bool unchanged(struct engine *e, const struct block *b)
{
	size_t left = ENGINE_PAGE - b->rip % ENGINE_PAGE;
	size_t first = left < b->length ? left : b->length;
	const uint8_t *now = code_at(e, b->rip);

	if (!now || memcmp(now, b->bytes, first) != 0)
		return false;
	if (first == b->length)
		return true;
	now = code_at(e, b->rip + first);
	return now && memcmp(now, b->bytes + first, b->length - first) == 0;
}

/* --- Blocks --- */

static void put_uop(struct translation *t, const struct uop_pair *pair)
{
	t->uop[t->n++] = (struct uop){ .fn = pair->fn, .checked = pair->checked, .at = (uint8_t)t->at };
}

/*
 * Instructions from bytes into t, as many as fit; their number. A window must not end right behind sti:
 * the idle loop relies on no interrupt coming between sti and hlt. So sti is last in no block.
 */
static unsigned translate_all(struct translation *t, const uint8_t *bytes, size_t len, unsigned max)
{
	unsigned insns = 0, at = 0, n = 0;
	bool shadow = false;

	while (insns < max && !t->end && t->at < len) {
		size_t left = len - t->at;
		unsigned start = t->n;

		if (!translate(t, bytes + t->at, left < INSN_MAX_BYTES ? left : INSN_MAX_BYTES))
			break;
		shadow = t->shadow;
		if (shadow) {
			at = t->at;
			n = start;
		}
		t->at += t->length;
		insns++;
	}
	if (!shadow)
		return insns;
	t->at = at;
	t->n = n;
	return insns - 1;
}

static void forget_blocks(struct block_cache *k)
{
	memset(k->bucket, 0, sizeof(k->bucket));
	k->used = 0;
}

static struct block **bucket_of(struct engine *e, uint64_t rip)
{
	return &e->cache->bucket[(rip ^ rip >> 12) % BUCKETS];
}

static struct block *keep(struct engine *e, const uint8_t *bytes, unsigned insns, bool single)
{
	struct block_cache *k = e->cache;
	const struct translation *t = &k->translation;
	size_t size = (sizeof(struct block) + t->n * sizeof(struct uop) + 15) & ~(size_t)15;
	struct block **head, *b;

	if (k->used + size > sizeof(k->arena))
		forget_blocks(k);
	head = bucket_of(e, t->rip);
	b = (struct block *)((char *)k->arena + k->used);
	k->used += size;
	*b = (struct block){ .rip = t->rip,
			     .window = e->window,
			     .hash_next = *head,
			     .end = t->rip + t->at,
			     .insns = insns,
			     .length = (uint16_t)(insns ? t->at : t->length),
			     .single = single };
	memcpy(b->bytes, bytes, b->length);
	memcpy(b->uop, t->uop, t->n * sizeof(struct uop));
	*head = b;
	return b;
}

/* NULL where the code cannot be read. */
static struct block *make(struct engine *e, uint64_t rip, bool single)
{
	struct translation *t = &e->cache->translation;
	unsigned max = single ? 1 : BLOCK_INSNS, insns;
	uint8_t bytes[BLOCK_BYTES];
	size_t len = fetch(e, rip, bytes, sizeof(bytes), false);

	*t = (struct translation){ .rip = rip };
	insns = translate_all(t, bytes, len, max);
	if (!insns && len && len < INSN_MAX_BYTES) { /* one instruction, across the page's end */
		len = fetch(e, rip, bytes, INSN_MAX_BYTES, true);
		insns = translate_all(t, bytes, len, 1);
	}
	if (!len)
		return NULL;
	if (!insns) {
		t->length = (unsigned)(len < INSN_MAX_BYTES ? len : INSN_MAX_BYTES);
		put_uop(t, &uop_hardware);
	} else if (!t->end) {
		put_uop(t, &uop_end);
	}
	return keep(e, bytes, insns, single);
}

static bool is_valid(struct engine *e, struct block *b)
{
	if (b->window == e->window)
		return true;
	if (!unchanged(e, b))
		return false;
	b->window = e->window;
	return true;
}

static struct block *find(struct engine *e, uint64_t rip, bool single)
{
	for (struct block *b = *bucket_of(e, rip); b; b = b->hash_next) {
		if (b->rip != rip || b->single != single || b->stale)
			continue;
		if (is_valid(e, b))
			return b;
		b->stale = true; /* its memory comes back when the arena is full */
		break;
	}
	return make(e, rip, single);
}

/* The block at e->rip; last: where the window comes from, or NULL. */
static struct block *next_block(struct engine *e, struct block *last)
{
	struct block *b = last ? last->next[e->edge] : NULL;
	size_t used = e->cache->used;

	if (b && b->rip == e->rip && !b->stale && is_valid(e, b))
		return b;
	b = find(e, e->rip, false);
	if (last && b && e->cache->used >= used)
		last->next[e->edge] = b;
	return b;
}

/* --- Windows --- */

static void load_cpu(struct engine *e, const struct engine_vbits *vbits)
{
	const struct insn_cpu *cpu = e->cpu;

	memcpy(e->r, cpu->gpr, sizeof(cpu->gpr));
	memset(e->v, 0, sizeof(e->v));
	e->r[SLOT_ZERO] = 0;
	e->r[SLOT_FS] = cpu->seg_base[INSN_FS];
	e->r[SLOT_GS] = cpu->seg_base[INSN_GS];
	e->rflags = (uint32_t)(cpu->rflags & ~(uint64_t)FLAGS_STATUS);
	e->rip = cpu->rip;
	e->cc = (struct cc){ .kind = CC_FLAGS,
			     .flags = (uint32_t)cpu->rflags & FLAGS_STATUS,
			     .origin = NO_ORIGIN };
	e->undefined = false;
	if (!vbits)
		return;
	for (unsigned n = 0; n < INSN_GPRS; n++) {
		e->v[n] = vbits->gpr[n];
		e->origin[n] = NO_ORIGIN;
		e->undefined |= e->v[n] != 0;
	}
	e->cc.vflags = (uint32_t)vbits->rflags;
	e->undefined |= e->cc.vflags != 0;
}

void engine_forget(struct engine *e)
{
	mem_forget(e);
}

void engine_sync(struct engine *e)
{
	memcpy(e->cpu->gpr, e->r, sizeof(e->cpu->gpr));
	e->cpu->rflags = e->rflags | cc_flags(&e->cc);
}

void engine_sync_vbits(const struct engine *e, struct engine_vbits *vbits)
{
	memcpy(vbits->gpr, e->v, sizeof(vbits->gpr));
	vbits->rflags = cc_vflags(&e->cc);
}

static void store_cpu(struct engine *e, struct engine_vbits *vbits)
{
	engine_sync(e);
	e->cpu->rip = e->rip;
	if (vbits)
		engine_sync_vbits(e, vbits);
}

/* Back to the functions without V bits, if nothing undefined is left. */
static void settle(struct engine *e)
{
	uint64_t any = e->cc.va | e->cc.vb | e->cc.vflags | e->vector.undefined;

	for (unsigned n = 0; n < INSN_GPRS; n++)
		any |= e->v[n];
	if (any)
		return;
	e->undefined = false;
	e->v[SLOT_T0] = e->v[SLOT_T1] = e->v[SLOT_T2] = 0;
}

static bool enough(const struct engine *e, const struct engine_limits *l)
{
	if (e->insns + e->reps >= l->insns || (l->stop && *l->stop))
		return true;
	return !e->undefined && e->insns - e->last_tracked > l->idle;
}

/* Blocks start one another for so long, then limits and definedness are looked at again. */
#define CHAIN 64u

static uint64_t until(const struct engine *e, const struct engine_limits *l)
{
	uint64_t most = e->undefined ? UINT64_MAX : e->last_tracked + l->idle;
	uint64_t left = l->insns - e->reps;

	most = most < left ? most : left;
	return most < e->insns + CHAIN ? most : e->insns + CHAIN;
}

static enum engine_end run_blocks(struct engine *e, const struct engine_limits *l)
{
	struct block *last = NULL;

	for (;;) {
		struct block *b = next_block(e, last);

		if (b && b->insns > 1 && e->insns + e->reps + b->insns > l->insns)
			b = find(e, e->rip, true);
		if (!b)
			return ENGINE_HARDWARE;
		e->block = b;
		e->until = until(e, l);
		if (e->undefined)
			b->uop->checked(e, b->uop);
		else
			b->uop->fn(e, b->uop);
		if (e->leave)
			break;
		last = e->block;
		e->insns += last->insns;
		if (e->undefined)
			settle(e);
		if (enough(e, l))
			return ENGINE_OVER;
	}
	return e->leave == LEAVE_FAULT ? ENGINE_FAULT :
	       e->leave == LEAVE_OVER ? ENGINE_OVER : ENGINE_HARDWARE;
}

void engine_run(struct engine *e, struct insn_cpu *cpu, const struct engine_limits *limits,
		struct engine_vbits *vbits, struct engine_window *out)
{
	*out = (struct engine_window){ .end = ENGINE_HARDWARE };
	if (cpu->mode != INSN_MODE_64 || (cpu->rflags & FLAG_TF))
		return;
	e->cpu = cpu;
	e->limits = limits;
	e->out = out;
	e->window++;
	e->insns = e->reps = e->last_tracked = 0;
	e->leave = LEAVE_NOT;
	e->vector.regs = NULL;
	e->vector.undefined = 0;
	for (unsigned n = 0; n < CODE_PAGES; n++)
		e->cache->code_page[n] = TLB_NONE;
	overlay_clear(e);
	mem_forget(e);
	load_cpu(e, vbits);
	out->end = run_blocks(e, limits);
	out->insns = e->insns;
	out->progress |= e->insns != 0;
	store_cpu(e, vbits);
}
