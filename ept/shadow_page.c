// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_page.c: how the A states and V bits of one page are kept.
 *
 * A: half a byte for each granule of 8 bytes (256 bytes a page, 1/16 host byte per byte). Slots are
 * multiples of 8 bytes and only the requested size splits a granule, into allocated bytes and
 * redzone; with the five uniform states that makes 12 codes. Any other pattern, which only a
 * hostile or a very odd guest has, turns the page's A into one byte a byte (1 host byte per byte),
 * exact as well.
 *
 * V: one bit a byte (512 bytes a page, 1/8 host byte per byte), because nearly all bytes are
 * defined or undefined as a whole. Around bytes that are defined in part, blocks of 64 bytes keep
 * the exact bits (1 host byte per byte of the block, and 1/8 for the page's table of blocks).
 *
 * V is absent where it is uniform, and goes when it becomes so; the half bytes are part of struct shadow_page,
 * next to what says how to read them. A page with both costs
 * (296 + 512) / 4096 = 0.2 host bytes per byte; the worst page a guest can make, 2.3.
 *
 * Does not know what a state means, and never decides.
 */
#include "shadow_page.h"

#include <stdlib.h>

#define GRANULE	 A_GRANULE
#define A_HALVES sizeof(((struct shadow_page *)NULL)->a)

/* ------------------------------------------------------------------------ A */

#define ALL(s)                                                                                     \
	{                                                                                          \
		s, s, s, s, s, s, s, s                                                             \
	}
#define U A_ALLOCATED
#define R A_REDZONE
static const uint8_t a_codes[][GRANULE] = {
	ALL(A_UNKNOWN),
	ALL(A_UNALLOCATED),
	ALL(A_REDZONE),
	ALL(A_ALLOCATED),
	ALL(A_FREED),
	{U, R, R, R, R, R, R, R},
	{U, U, R, R, R, R, R, R},
	{U, U, U, R, R, R, R, R},
	{U, U, U, U, R, R, R, R},
	{U, U, U, U, U, R, R, R},
	{U, U, U, U, U, U, R, R},
	{U, U, U, U, U, U, U, R},
};
#undef ALL
#undef U
#undef R
#define A_CODES (sizeof(a_codes) / sizeof(a_codes[0]))

/* Of the same codes. Nobody answers for the bytes that are unknown: legal, and defined. */
const struct shadow_code shadow_codes[16] = {
	{GRANULE, 0}, {0, 0}, {0, 0}, {GRANULE, GRANULE}, {0, 0}, {1, 1},
	{2, 2},	      {3, 3}, {4, 4}, {5, 5},		  {6, 6}, {7, 7},
};
_Static_assert(A_CODES <= 16, "a code is half a byte");
_Static_assert(A_STATES == A_FREED + 1 && A_UNKNOWN == 1, "a uniform code is the state less 1");

static unsigned code_of_state(enum a_state a)
{
	return a - A_UNKNOWN;
}

static int code_of_granule(const uint8_t granule[GRANULE])
{
	for (unsigned c = 0; c < A_CODES; c++)
		if (!memcmp(a_codes[c], granule, GRANULE))
			return (int)c;
	return -1;
}

static unsigned get_code(const uint8_t *halves, uint32_t granule)
{
	return halves[granule / 2] >> (granule % 2 * 4) & 0xf;
}

static void put_code(uint8_t *halves, uint32_t granule, unsigned code)
{
	unsigned shift = granule % 2 * 4;

	halves[granule / 2] = (uint8_t)((halves[granule / 2] & ~(0xf << shift)) | code << shift);
}

/* Bytes from off to the end of its unit of size bytes, at most n. */
static uint32_t piece(uint32_t off, uint32_t n, uint32_t unit)
{
	uint32_t left = unit - off % unit;

	return left < n ? left : n;
}

void shadow_page_read_a(const struct shadow_page *p, uint32_t off, uint8_t *a, uint32_t n)
{
	uint32_t step;

	if (!p->mixed) {
		memset(a, p->a_all, n);
		return;
	}
	if (p->a_bytes) {
		memcpy(a, p->a_bytes + off, n);
		return;
	}
	for (; n; n -= step, off += step, a += step) {
		step = piece(off, n, GRANULE);
		memcpy(a, &a_codes[get_code(p->a, off / GRANULE)][off % GRANULE], step);
	}
}

static void drop_a(struct shadow_page *p, uint8_t all)
{
	free(p->a_bytes);
	p->a_bytes = NULL;
	p->mixed = false;
	p->a_all = all;
}

/* What was written there is not what is beside it. Asked first, for it is close by. */
static bool differs_nearby(const struct shadow_page *p, uint32_t off, uint32_t n)
{
	uint32_t first = off / GRANULE, end = (off + n - 1) / GRANULE + 1;
	unsigned code = get_code(p->a, first);

	return (first && get_code(p->a, first - 1) != code) ||
	       (end < GUEST_PAGE / GRANULE && get_code(p->a, end) != code);
}

/* Gives up the array where it says the same everywhere, n bytes from off on having been written. */
static void settle_a(struct shadow_page *p, uint32_t off, uint32_t n)
{
	unsigned code;

	if (p->a_bytes) {
		if (!memcmp(p->a_bytes, p->a_bytes + 1, GUEST_PAGE - 1))
			drop_a(p, p->a_bytes[0]);
		return;
	}
	if (differs_nearby(p, off, n))
		return;
	if (p->a[0] != p->a[A_HALVES - 1] || memcmp(p->a, p->a + 1, A_HALVES - 1) != 0)
		return;
	code = get_code(p->a, 0);
	if (code == get_code(p->a, 1) && code <= code_of_state(A_FREED))
		drop_a(p, a_codes[code][0]);
}

static bool a_to_bytes(struct shadow_page *p)
{
	uint8_t *bytes = calloc(1, GUEST_PAGE);

	if (!bytes)
		return false;
	shadow_page_read_a(p, 0, bytes, GUEST_PAGE);
	p->a_bytes = bytes;
	return true;
}

/* A part of a granule. False where no code says what it becomes. */
static bool set_part(struct shadow_page *p, uint32_t off, uint32_t n, enum a_state a)
{
	uint8_t granule[GRANULE];
	int code;

	shadow_page_read_a(p, off - off % GRANULE, granule, GRANULE);
	memset(granule + off % GRANULE, a, n);
	code = code_of_granule(granule);
	if (code >= 0)
		put_code(p->a, off / GRANULE, (unsigned)code);
	return code >= 0;
}

static void set_granules(struct shadow_page *p, uint32_t first, uint32_t n, enum a_state a)
{
	unsigned code = code_of_state(a);

	if (first % 2 && n) {
		put_code(p->a, first++, code);
		n--;
	}
	memset(p->a + first / 2, (int)(code * 0x11), n / 2);
	if (n % 2)
		put_code(p->a, first + n - 1, code);
}

static bool set_packed(struct shadow_page *p, uint32_t off, uint32_t n, enum a_state a)
{
	uint32_t before, behind;

	if (!(off % (2 * GRANULE)) && !(n % (2 * GRANULE))) { /* whole bytes of the array */
		memset(p->a + off / (2 * GRANULE), (int)(code_of_state(a) * 0x11), n / (2 * GRANULE));
		return true;
	}
	before = off % GRANULE ? piece(off, n, GRANULE) : 0;
	behind = (n - before) % GRANULE;
	set_granules(p, (off + before) / GRANULE, (n - before) / GRANULE, a);
	if ((!before || set_part(p, off, before, a)) &&
	    (!behind || set_part(p, off + n - behind, behind, a)))
		return true;
	if (!a_to_bytes(p))
		return false;
	memset(p->a_bytes + off, a, n);
	return true;
}

bool shadow_page_set_a(struct shadow_page *p, uint32_t off, uint32_t n, enum a_state a)
{
	if (!n)
		return true;
	if (n == GUEST_PAGE) {
		drop_a(p, (uint8_t)a);
		return true;
	}
	if (!p->mixed) {
		if (p->a_all == a)
			return true;
		memset(p->a, (int)(code_of_state(p->a_all) * 0x11), A_HALVES);
		p->mixed = true;
	}
	if (p->a_bytes)
		memset(p->a_bytes + off, a, n);
	else if (!set_packed(p, off, n, a))
		return false;
	settle_a(p, off, n);
	return true;
}

bool shadow_page_set_runs(struct shadow_page *p, const struct shadow_run *run, unsigned n)
{
	memset(p->a, 0, A_HALVES); /* a_to_bytes() reads all of it */
	p->mixed = true;
	/* From the last one on, each from its first granule: what a part of one is written over is known then. */
	for (unsigned k = n; k--;) {
		uint32_t from = k ? run[k - 1].end / GRANULE * GRANULE : 0, len = run[k].end - from;

		if (p->a_bytes)
			memset(p->a_bytes + from, run[k].a, len);
		else if (!set_packed(p, from, len, run[k].a))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------ V */

static bool partial(uint8_t v)
{
	return v != V_DEFINED && v != V_UNDEFINED;
}

/* The inverse: bit i is byte i's lowest. */
static uint8_t gather(uint64_t bytes)
{
	return (uint8_t)((bytes & 0x0101010101010101u) * 0x0102040810204080u >> 56);
}

/* Without the instruction, which not every CPU has, the compiler's is a call. */
static unsigned ones(uint8_t bits)
{
	bits = (uint8_t)(bits - (bits >> 1 & 0x55));
	bits = (uint8_t)((bits & 0x33) + (bits >> 2 & 0x33));
	return (bits + (bits >> 4)) & 0xfu;
}

static unsigned ones_of(const uint8_t *map, uint32_t n)
{
	const uint64_t evens = 0x5555555555555555, pairs = 0x3333333333333333, halves = 0x0f0f0f0f0f0f0f0f;
	unsigned sum = 0;
	uint64_t x;

	for (; n >= sizeof(x); n -= (uint32_t)sizeof(x), map += sizeof(x)) {
		memcpy(&x, map, sizeof(x));
		x -= x >> 1 & evens;
		x = (x & pairs) + (x >> 2 & pairs);
		sum += (unsigned)(((x + (x >> 4)) & halves) * 0x0101010101010101 >> 56);
	}
	while (n--)
		sum += ones(*map++);
	return sum;
}

static void read_bits(uint8_t bits, uint8_t *v, uint32_t n)
{
	shadow_put_bytes(v, shadow_spread(bits), n);
}

void shadow_page_read_v(const struct shadow_page *p, uint32_t off, uint8_t *v, uint32_t n)
{
	uint32_t step;

	if (!p->v) {
		memset(v, p->v_all, n);
		return;
	}
	for (; n; n -= step, off += step, v += step) {
		const uint8_t *block = p->exact ? p->exact[off / V_BLOCK] : NULL;

		step = piece(off, n, 8);
		if (block)
			memcpy(v, block + off % V_BLOCK, step);
		else
			read_bits((uint8_t)(p->v[off / 8] >> off % 8), v, step);
	}
}

static void drop_block(struct shadow_page *p, uint32_t block)
{
	if (!p->exact || !p->exact[block])
		return;
	free(p->exact[block]);
	p->exact[block] = NULL;
	if (!--p->nexact) {
		free(p->exact);
		p->exact = NULL;
	}
}

static void drop_v(struct shadow_page *p, uint8_t all)
{
	for (uint32_t b = 0; p->exact && b < V_BLOCKS; b++)
		drop_block(p, b);
	pool_put(p->pools->map, p->v);
	p->v = NULL;
	p->undefined = 0;
	p->v_all = all;
}

static void settle_v(struct shadow_page *p)
{
	if (!p->undefined)
		drop_v(p, V_DEFINED);
	else if (p->undefined == GUEST_PAGE && !p->exact)
		drop_v(p, V_UNDEFINED);
}

/* The exact bits of the block in which off lies, made from the bitmap where they are new. */
static uint8_t *make_block(struct shadow_page *p, uint32_t off)
{
	uint32_t b = off / V_BLOCK;
	uint8_t *block;

	if (p->exact && p->exact[b])
		return p->exact[b];
	block = calloc(1, V_BLOCK);
	if (!block)
		return NULL;
	if (!p->exact)
		p->exact = calloc(V_BLOCKS, sizeof(*p->exact));
	if (!p->exact) {
		free(block);
		return NULL;
	}
	shadow_page_read_v(p, b * V_BLOCK, block, V_BLOCK);
	p->exact[b] = block;
	p->nexact++;
	return block;
}

static bool block_defined(const struct shadow_page *p, uint32_t off)
{
	uint64_t bits;

	memcpy(&bits, p->v + off / V_BLOCK * (V_BLOCK / 8), sizeof(bits));
	return !bits;
}
_Static_assert(V_BLOCK == 64, "the bitmap of a block is one word");

/* At most 8 bytes, all in one byte of the bitmap. */
static bool write_piece(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n)
{
	uint8_t mask = (uint8_t)((0xffu >> (8 - n)) << off % 8), bits = 0;
	uint8_t *map = &p->v[off / 8], *block;
	bool exact = p->exact && p->exact[off / V_BLOCK];

	for (uint32_t i = 0; i < n; i++) {
		bits |= (uint8_t)((v[i] != V_DEFINED) << (off % 8 + i));
		exact |= partial(v[i]);
	}
	if (exact) {
		block = make_block(p, off);
		if (!block)
			return false;
		memcpy(block + off % V_BLOCK, v, n);
	}
	p->undefined = (uint16_t)(p->undefined + ones(bits) - ones(*map & mask));
	*map = (uint8_t)((*map & ~mask) | bits);
	if (exact && block_defined(p, off))
		drop_block(p, off / V_BLOCK);
	return true;
}

bool shadow_page_write_few(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n)
{
	uint8_t mask = (uint8_t)(0xffu >> (8 - n)), bits = 0, *map;
	uint64_t bytes = 0;
	unsigned undefined;

	if (!p->v)
		return !v && p->v_all == V_DEFINED;
	if (p->exact)
		return false;
	if (v) {
		bytes = shadow_get_bytes(v, n);
		bits = gather(bytes);
		if (shadow_spread(bits) != bytes) /* some byte is defined in part */
			return false;
	}
	map = &p->v[off / 8];
	mask = (uint8_t)(mask << off % 8);
	bits = (uint8_t)(bits << off % 8);
	if ((*map & mask) == bits)
		return true;
	undefined = p->undefined + ones(bits) - ones(*map & mask);
	if (!undefined || undefined == GUEST_PAGE)
		return false;
	*map = (uint8_t)((*map & ~mask) | bits);
	p->undefined = (uint16_t)undefined;
	return true;
}

static bool make_map(struct shadow_page *p)
{
	p->v = pool_get(p->pools->map);
	if (!p->v)
		return false;
	memset(p->v, p->v_all, V_MAP);
	p->undefined = p->v_all ? GUEST_PAGE : 0;
	return true;
}

static bool all_are(const uint8_t *v, uint32_t n, uint8_t value)
{
	for (uint32_t i = 0; i < n; i++)
		if (v[i] != value)
			return false;
	return true;
}

bool shadow_page_write_v(struct shadow_page *p, uint32_t off, const uint8_t *v, uint32_t n)
{
	uint32_t step;

	if (!p->v && all_are(v, n, p->v_all))
		return true;
	if (!p->v && !make_map(p))
		return false;
	for (; n; n -= step, off += step, v += step) {
		step = piece(off, n, 8);
		if (!write_piece(p, off, v, step))
			return false;
	}
	settle_v(p);
	return true;
}

/* Whole bytes of the bitmap, and nothing that is exact. */
static void set_map(struct shadow_page *p, uint32_t off, uint32_t n, uint8_t v)
{
	uint8_t *map = p->v + off / 8;

	p->undefined = (uint16_t)(p->undefined + (v ? n : 0) - ones_of(map, n / 8));
	memset(map, v, n / 8);
}

bool shadow_page_set_v(struct shadow_page *p, uint32_t off, uint32_t n, uint8_t v)
{
	uint8_t eight[8];
	uint32_t step;

	if (!n || (!p->v && p->v_all == v))
		return true;
	if (n == GUEST_PAGE && !partial(v)) {
		drop_v(p, v);
		return true;
	}
	if (!p->v && !make_map(p))
		return false;
	if (!p->exact && !partial(v) && !(off % 8) && !(n % 8)) {
		set_map(p, off, n, v);
		settle_v(p);
		return true;
	}
	memset(eight, v, sizeof(eight));
	for (; n; n -= step, off += step) {
		if (!partial(v) && !(off % V_BLOCK) && n >= V_BLOCK)
			drop_block(p, off / V_BLOCK);
		step = piece(off, n, 8);
		if (!write_piece(p, off, eight, step))
			return false;
	}
	settle_v(p);
	return true;
}

/* Of 64 bytes, 8 granules, that have these bits. */
static bool undefined_in(const struct shadow_page *p, uint32_t off, uint64_t bits)
{
	const uint32_t everywhere = 0x11111111;
	uint32_t codes;

	memcpy(&codes, p->a + off / (2 * GRANULE), sizeof(codes));
	if (codes == (codes & 0xf) * everywhere && !(shadow_codes[codes & 0xf].allocated % GRANULE))
		return shadow_codes[codes & 0xf].allocated;
	for (; bits; bits >>= 8, codes >>= 4)
		if (bits & ((1u << shadow_codes[codes & 0xf].allocated) - 1))
			return true;
	return false;
}

static bool undefined_slowly(const struct shadow_page *p)
{
	for (uint32_t off = 0; off < GUEST_PAGE; off += 8) {
		uint8_t bits = p->v ? p->v[off / 8] : 0xff, a[8];

		if (!bits)
			continue;
		shadow_page_read_a(p, off, a, sizeof(a));
		for (uint32_t i = 0; i < sizeof(a); i++)
			if (bits >> i & 1 && a[i] == A_ALLOCATED)
				return true;
	}
	return false;
}

bool shadow_page_undefined(const struct shadow_page *p)
{
	uint64_t bits;

	if (!p->v && p->v_all == V_DEFINED)
		return false;
	if (!p->mixed) /* a bitmap has an undefined byte */
		return p->a_all == A_ALLOCATED;
	if (!p->v || p->a_bytes)
		return undefined_slowly(p);
	for (uint32_t off = 0; off < GUEST_PAGE; off += 8 * (uint32_t)sizeof(bits)) {
		memcpy(&bits, p->v + off / 8, sizeof(bits));
		if (bits && undefined_in(p, off, bits))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ the page */

struct shadow_page *shadow_page_create(const struct shadow_pools *pools, uint8_t a, uint8_t v)
{
	struct shadow_page *p = pool_get(pools->page);

	if (!p)
		return NULL;
	/* Not a[]: nobody reads it before it is written, and most of the page is that. */
	memset(p, 0, offsetof(struct shadow_page, a));
	p->pools = pools;
	p->a_all = a;
	p->v_all = v;
	return p;
}

void shadow_page_destroy(struct shadow_page *p)
{
	if (!p)
		return;
	drop_a(p, A_UNKNOWN);
	drop_v(p, V_DEFINED);
	pool_put(p->pools->page, p);
}

size_t shadow_page_bytes(const struct shadow_page *p)
{
	size_t bytes = sizeof(*p);

	if (p->a_bytes)
		bytes += GUEST_PAGE;
	if (p->v)
		bytes += V_MAP;
	if (p->exact)
		bytes += V_BLOCKS * sizeof(*p->exact) + p->nexact * (size_t)V_BLOCK;
	return bytes;
}
