// SPDX-License-Identifier: GPL-2.0-only
/*
 * block.c: basic blocks: found by linear address, or translated.
 *
 * In each window the bytes of a block are compared once with the guest's memory: code that another CPU
 * patches meanwhile is seen no later than by a CPU that has not been told to serialise yet (Intel SDM
 * vol. 3A, 9.1.3), and a window takes no interrupts.
 */
#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "uop_alu.h"
#include "uop_edge.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; elsewhere it fails, and pages come one by one */
#endif

#define BUCKETS	     65536u
/*
 * Bytes, of which only those that are used cost memory; when it is full all blocks are forgotten, and what they have
 * learned. 87,000 blocks: what the workload of bench/run does fits.
 */
#define ARENA	     (24u << 20)
#define AT_ONCE	     (128u << 10) /* bytes of it that the host gives at once: by single pages it is five times the cost */
#define PAGE_BUCKETS 1024u

/* A linear page with blocks. */
struct code_page {
	uint64_t window; /* the last one in which host is where the page lies, and no block of it may end that */
	const uint8_t *host;
	uint64_t page;
	struct code_page *hash_next;
	bool proved; /* host is where the page lies as long as what follows says so; see struct engine_page */
	const uintptr_t *tracking;
	struct page_proof proof;
};

struct block_cache {
	struct block *bucket[BUCKETS];
	struct code_page *page_bucket[PAGE_BUCKETS];
	size_t used, there; /* bytes of the arena; there: that the host has given */
	uint64_t arena[ARENA / 8];
	struct translation translation;
};

static struct code_page page_none = { .window = UINT64_MAX };
struct block block_none = {
	.window = UINT64_MAX, .insns = INT64_MAX, .stale = true, .code = &page_none
};

struct block_cache *block_cache_create(void)
{
	return calloc(1, sizeof(struct block_cache));
}

void block_new_window(struct engine *e)
{
	e->window++;
}

void block_forget_proofs(struct engine *e)
{
	for (unsigned n = 0; n < PAGE_BUCKETS; n++)
		for (struct code_page *c = e->cache->page_bucket[n]; c; c = c->hash_next)
			c->proved = false;
}

/* --- Code --- */

static bool reach_code(struct engine *e, uint64_t addr, struct engine_page *p)
{
	uint32_t error;

	*p = (struct engine_page){ 0 };
	return e->ops.reach(e->ctx, (gva_t){ addr - addr % ENGINE_PAGE }, ENGINE_FETCH, p, &error) == ENGINE_REACHED &&
	       !p->user;
}

/* Where the code at addr lies now, to its page's end. */
static const uint8_t *code_at(struct engine *e, uint64_t addr)
{
	struct engine_page p;

	return reach_code(e, addr, &p) ? p.host + addr % ENGINE_PAGE : NULL;
}

/* Blocks of pages with code that has to be asked about are looked at one by one; in there, all. */
static bool may_ask(const struct engine *e, const struct code_page *c)
{
	const struct engine_limits *l = e->limits;

	return e->inside || (c->page < l->enter_end && l->enter_start < c->page + ENGINE_PAGE);
}

static __attribute__((noinline)) bool reach_page_anew(struct engine *e, struct code_page *c)
{
	struct engine_page p;

	c->proved = false;
	c->host = NULL;
	if (!reach_code(e, c->page, &p))
		return false;
	c->host = p.host;
	if (!p.proof)
		return true;
	c->proved = true;
	c->tracking = p.tracking;
	c->proof = *p.proof;
	return true;
}

static __attribute__((noinline)) bool reach_page(struct engine *e, struct code_page *c)
{
	if (c == &page_none) /* other vCPUs have it, too: it stays as it is */
		return false;
	if ((!c->proved || __atomic_load_n(c->tracking, __ATOMIC_ACQUIRE) || !e->limits->root ||
	     !page_proof_holds(&c->proof, e->limits->root)) &&
	    !reach_page_anew(e, c))
		return false;
	if (!may_ask(e, c))
		c->window = e->window;
	return true;
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

static __attribute__((noinline)) bool unchanged_bytes(struct engine *e, const struct block *b)
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

/* A bit for each byte that is the same. */
static inline unsigned same_bytes(const uint8_t *a, const uint8_t *b)
{
	__m128i x = _mm_loadu_si128((const __m128i *)a), y = _mm_loadu_si128((const __m128i *)b);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y));
}

/* Whole chunks; the last one reads on behind the block, in the same page. */
static inline bool same_code(const struct block *b, const uint8_t *page)
{
	const uint8_t *now = page + b->rip % ENGINE_PAGE, *then = b->bytes;
	unsigned at = 0;

	for (; at < b->last_chunk; at += BLOCK_CHUNK)
		if (same_bytes(now + at, then + at) != 0xffff)
			return false;
	return !(b->last_mask & ~same_bytes(now + at, then + at));
}

static bool unchanged(struct engine *e, const struct block *b)
{
	if (b->crosses)
		return unchanged_bytes(e, b);
	return (b->code->window == e->window || reach_page(e, b->code)) && same_code(b, b->code->host);
}

/* --- Blocks --- */

static void put_uop(struct translation *t, const struct uop_pair *pair)
{
	t->pair[t->n] = pair;
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

static void forget_blocks(struct engine *e)
{
	memset(e->cache->bucket, 0, sizeof(e->cache->bucket));
	memset(e->cache->page_bucket, 0, sizeof(e->cache->page_bucket));
	e->cache->used = 0;
	e->met = NULL;
}

/* What is used now has to be there, and some more. */
static void back(struct block_cache *k)
{
	const uintptr_t page = ENGINE_PAGE - 1, arena = (uintptr_t)k->arena;
	size_t end = k->used + AT_ONCE < sizeof(k->arena) ? k->used + AT_ONCE : sizeof(k->arena);
	uintptr_t from = (arena + k->there) & ~page, to = (arena + end) & ~page;

	(void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
	k->there = end;
}

static void *take(struct block_cache *k, size_t size)
{
	void *memory = (char *)k->arena + k->used;

	k->used += size;
	if (k->used > k->there)
		back(k);
	return memory;
}

/* There is room for one more. */
static struct code_page *page_of(struct block_cache *k, uint64_t rip)
{
	uint64_t page = rip - rip % ENGINE_PAGE;
	struct code_page **head = &k->page_bucket[page / ENGINE_PAGE % PAGE_BUCKETS], *c = *head;

	while (c && c->page != page)
		c = c->hash_next;
	if (c)
		return c;
	c = take(k, sizeof(*c));
	*c = (struct code_page){ .page = page, .hash_next = *head };
	return *head = c;
}

static struct block **bucket_of(struct engine *e, uint64_t rip)
{
	return &e->cache->bucket[(rip ^ rip >> 12) % BUCKETS];
}

static struct block *keep(struct engine *e, const uint8_t *bytes, unsigned insns, bool single)
{
	struct block_cache *k = e->cache;
	const struct translation *t = &k->translation;
	unsigned length = insns ? t->at : t->length;
	unsigned last_chunk = (length - 1) / BLOCK_CHUNK * BLOCK_CHUNK;
	bool crosses = t->rip % ENGINE_PAGE + last_chunk + BLOCK_CHUNK > ENGINE_PAGE;
	size_t size = sizeof(struct block) + t->n * sizeof(struct uop) + last_chunk + BLOCK_CHUNK;
	struct block **head, *b;

	size = (size + 15) & ~(size_t)15;
	if (k->used + size + sizeof(struct code_page) > sizeof(k->arena))
		forget_blocks(e);
	head = bucket_of(e, t->rip);
	b = take(k, size);
	memset(b, 0, sizeof(*b));
	b->bytes = memcpy(&b->uop[t->n], bytes, length);
	b->rip = t->rip;
	b->window = e->window;
	b->next[0] = b->next[1] = &block_none;
	b->insns = insns;
	b->end = t->rip + t->at;
	b->hash_next = *head;
	b->code = crosses ? &page_none : page_of(k, t->rip);
	b->length = (uint16_t)length;
	b->last_chunk = (uint16_t)last_chunk;
	b->last_mask = (uint16_t)(0xffffu >> (BLOCK_CHUNK - (length - last_chunk)));
	b->crosses = crosses;
	b->single = single;
	memcpy(b->uop, t->uop, t->n * sizeof(struct uop));
	*head = b;
	return b;
}

/* The arrays need no values: they are written up to n. */
static void begin_translation(struct translation *t, uint64_t rip)
{
	t->rip = rip;
	t->at = t->length = t->n = 0;
	t->numbers = 0;
	t->end = t->shadow = false;
}

/* NULL where the code cannot be read. */
static __attribute__((noinline)) struct block *make(struct engine *e, uint64_t rip, bool single)
{
	struct translation *t = &e->cache->translation;
	unsigned max = single ? 1 : BLOCK_INSNS, insns;
	uint8_t bytes[BLOCK_BYTES];
	size_t len = fetch(e, rip, bytes, sizeof(bytes), false);
	struct block *b;
	bool cut;

	begin_translation(t, rip);
	insns = translate_all(t, bytes, len, max);
	if (!insns && len && len < INSN_MAX_BYTES) { /* one instruction, across the page's end */
		len = fetch(e, rip, bytes, INSN_MAX_BYTES, true);
		insns = translate_all(t, bytes, len, 1);
	}
	if (!len)
		return NULL;
	/* Perhaps its other bytes can be read the next time: it is not found again. */
	cut = !insns && len < INSN_MAX_BYTES;
	if (!insns) {
		t->length = (unsigned)(len < INSN_MAX_BYTES ? len : INSN_MAX_BYTES);
		put_uop(t, &uop_hardware);
	} else if (!t->end) {
		put_uop(t, &uop_end);
	}
	translate_fast(t);
	b = keep(e, bytes, insns, single);
	b->stale = cut;
	return b;
}

static inline bool is_valid(struct engine *e, struct block *b)
{
	if (b->window == e->window)
		return true;
	if (!unchanged(e, b))
		return false;
	b->window = e->window;
	return true;
}

struct block *block_at(struct engine *e, uint64_t rip, bool single)
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

/* Not where it would have to be translated: that may forget the one before. */
static inline struct block *known(struct engine *e, uint64_t rip)
{
	struct block *b = *bucket_of(e, rip);

	while (b && (b->rip != rip || b->single || b->stale))
		b = b->hash_next;
	return b ? b : &block_none;
}

static __attribute__((noinline)) struct block *look_up(struct engine *e, unsigned edge)
{
	return e->block->next[edge] = known(e, e->rip);
}

/* The block at e->rip, which this edge leads to, if it is known, valid, and within what engine.c allows. */
static __attribute__((noinline)) struct block *find(struct engine *e, unsigned edge)
{
	struct block *b = e->block->next[edge];

	if (b->stale)
		b = look_up(e, edge);
	if (e->left < (int64_t)b->insns ||
	    (b->window != e->window && (engine_asks(e) || !is_valid(e, b))))
		return NULL;
	return b;
}

/* The page is met for the first time in this window, and nothing of it has to be asked about. */
static inline bool meets_page(struct engine *e, struct code_page *c)
{
	return c->window == e->window || (reach_page(e, c) && c->window == e->window);
}

/*
 * The block at e->rip becomes the current one; NULL: engine.c has to start it. Most come here because the
 * block behind an edge is met for the first time in this window.
 */
static const struct uop *follow(struct engine *e, unsigned edge)
{
	struct block *b = e->block->next[edge];

	if (b->rip != e->rip)
		b = look_up(e, edge);
	if (e->left >= (int64_t)b->insns && meets_page(e, b->code) && same_code(b, b->code->host)) {
		b->window = e->window;
	} else {
		b = find(e, edge);
		if (!b)
			return NULL;
	}
	e->left -= (int64_t)b->insns;
	e->block = b;
	return b->uop;
}

/* All else is in a function of its own: so these need no stack frame. */
#define FOLLOW(name, kind, edge, to, likely)                                                           \
	static __attribute__((noinline)) void name##_slowly(struct engine *e, const struct uop *u)     \
	{                                                                                              \
		u = follow(e, edge);                                                                   \
		if (u)                                                                                 \
			u->kind(e, u);                                                                 \
	}                                                                                              \
	void name(struct engine *e, const struct uop *u)                                               \
	{                                                                                              \
		struct block *b;                                                                       \
                                                                                                       \
		e->rip = to;                                                                           \
		b = likely;                                                                            \
		if (b->rip != e->rip)                                                                  \
			return name##_slowly(e, u);                                                    \
		if (e->left < (int64_t)b->insns)                                                       \
			return;                                                                        \
		if (b->code->window != e->window || !same_code(b, b->code->host))                      \
			return name##_slowly(e, u);                                                    \
		b->window = e->window;                                                                 \
		e->left -= (int64_t)b->insns;                                                          \
		e->block = b;                                                                          \
		return b->uop->kind(e, b->uop);                                                        \
	}

FOLLOW(uop_fall, fn, 0, e->block->end, e->block->next[0])
FOLLOW(uop_fall_checked, checked, 0, e->block->end, e->block->next[0])
FOLLOW(uop_goto, fn, 1, (uint64_t)u->imm, e->block->next[1])
FOLLOW(uop_goto_checked, checked, 1, (uint64_t)u->imm, e->block->next[1])
FOLLOW(uop_target, fn, 1, e->rip, e->block->next[1] = known(e, e->rip))
FOLLOW(uop_target_checked, checked, 1, e->rip, e->block->next[1] = known(e, e->rip))
