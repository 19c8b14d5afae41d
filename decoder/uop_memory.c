// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_memory.c: loads, stores, the stack. The fast path: memory that is neither tracked nor overlaid,
 * in a page this window has met, all of it in that page.
 */
#include "uop_alu.h"

#define likely(x) __builtin_expect(!!(x), 1)

static inline const struct tlb *tlb_of(const struct engine *e, uint64_t addr)
{
	return &e->tlb[(addr / ENGINE_PAGE) % TLB_ENTRIES];
}

static inline bool hits(uint64_t tag, uint64_t addr, unsigned size)
{
	return (addr & ~(uint64_t)(ENGINE_PAGE - 1)) == tag &&
	       addr % ENGINE_PAGE <= ENGINE_PAGE - size;
}

/* Guest code need not align its operands. */
typedef volatile uint8_t guest8;
typedef volatile uint16_t guest16 __attribute__((aligned(1), may_alias));
typedef volatile uint32_t guest32 __attribute__((aligned(1), may_alias));
typedef volatile uint64_t guest64 __attribute__((aligned(1), may_alias));

/* The slow path of a load; may turn the checked functions on. */
static bool load_slow(struct engine *e, const struct uop *u, uint64_t addr, unsigned size, unsigned how,
		      uint64_t *value)
{
	uint64_t v;
	uint32_t origin = NO_ORIGIN;

	if (!mem_load(e, u, addr, size, how, value, &v, &origin))
		return false;
	e->v[u->d] = v;
	e->origin[u->d] = origin;
	return true;
}

static inline void defined_address(struct engine *e, const struct uop *u)
{
	if (e->v[u->a])
		report_address(e, u, u->a);
	if (e->v[u->b])
		report_address(e, u, u->b);
}

/* how: ENGINE_READ, or with ENGINE_WRITE where a store of the same bytes follows. */
#define LOAD(name, bits, type, how, tag)                                                               \
	static void name##bits(struct engine *e, const struct uop *u)                                  \
	{                                                                                              \
		uint64_t addr = uop_address(e, u), value;                                              \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		if (likely(hits(t->tag, addr, bits / 8))) {                                            \
			e->r[u->d] = (uint64_t)(type)*(const guest##bits *)(addr + t->addend);         \
			NEXT(e, u);                                                                    \
		}                                                                                      \
		if (!load_slow(e, u, addr, bits / 8, how, &value))                                     \
			return;                                                                        \
		e->r[u->d] = (uint64_t)(type)value;                                                    \
		if (likely(!e->v[u->d]))                                                               \
			NEXT(e, u);                                                                    \
		e->v[u->d] = (uint64_t)(type)e->v[u->d];                                               \
		e->undefined = true;                                                                   \
		NEXT_CHECKED(e, u);                                                                    \
	}                                                                                              \
	static void name##bits##_checked(struct engine *e, const struct uop *u)                        \
	{                                                                                              \
		uint64_t addr = uop_address(e, u), value;                                              \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		defined_address(e, u);                                                                 \
		if (likely(hits(t->tag, addr, bits / 8))) {                                            \
			e->r[u->d] = (uint64_t)(type)*(const guest##bits *)(addr + t->addend);         \
			e->v[u->d] = 0;                                                                \
			NEXT_CHECKED(e, u);                                                            \
		}                                                                                      \
		if (!load_slow(e, u, addr, bits / 8, how, &value))                                     \
			return;                                                                        \
		e->r[u->d] = (uint64_t)(type)value;                                                    \
		e->v[u->d] = (uint64_t)(type)e->v[u->d];                                               \
		NEXT_CHECKED(e, u);                                                                    \
	}

LOAD(load, 8, uint8_t, ENGINE_READ, read)
LOAD(load, 16, uint16_t, ENGINE_READ, read)
LOAD(load, 32, uint32_t, ENGINE_READ, read)
LOAD(load, 64, uint64_t, ENGINE_READ, read)
LOAD(load_sx, 8, int8_t, ENGINE_READ, read)
LOAD(load_sx, 16, int16_t, ENGINE_READ, read)
LOAD(load_sx, 32, int32_t, ENGINE_READ, read)
LOAD(load_rmw, 8, uint8_t, ENGINE_READ | ENGINE_WRITE, write)
LOAD(load_rmw, 16, uint16_t, ENGINE_READ | ENGINE_WRITE, write)
LOAD(load_rmw, 32, uint32_t, ENGINE_READ | ENGINE_WRITE, write)
LOAD(load_rmw, 64, uint64_t, ENGINE_READ | ENGINE_WRITE, write)

#define STORE(name, bits, how)                                                                         \
	static void name##bits(struct engine *e, const struct uop *u)                                  \
	{                                                                                              \
		uint64_t addr = uop_address(e, u);                                                     \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		if (likely(hits(t->write, addr, bits / 8))) {                                          \
			*(guest##bits *)(addr + t->addend) = (uint##bits##_t)e->r[u->d];               \
			NEXT(e, u);                                                                    \
		}                                                                                      \
		if (mem_store(e, u, addr, bits / 8, how, e->r[u->d], 0, 0))                            \
			NEXT(e, u);                                                                    \
	}                                                                                              \
	static void name##bits##_checked(struct engine *e, const struct uop *u)                        \
	{                                                                                              \
		uint64_t addr = uop_address(e, u);                                                     \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		defined_address(e, u);                                                                 \
		if (likely(hits(t->write, addr, bits / 8) && !(uint##bits##_t)e->v[u->d])) {           \
			*(guest##bits *)(addr + t->addend) = (uint##bits##_t)e->r[u->d];               \
			NEXT_CHECKED(e, u);                                                            \
		}                                                                                      \
		if (mem_store(e, u, addr, bits / 8, how, e->r[u->d], e->v[u->d], e->origin[u->d]))     \
			NEXT_CHECKED(e, u);                                                            \
	}

STORE(store, 8, ENGINE_WRITE)
STORE(store, 16, ENGINE_WRITE)
STORE(store, 32, ENGINE_WRITE)
STORE(store, 64, ENGINE_WRITE)
STORE(store_rmw, 8, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 16, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 32, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 64, ENGINE_READ | ENGINE_WRITE)

#define PAIR(name) { name, name##_checked }
#define FOUR(name) { PAIR(name##8), PAIR(name##16), PAIR(name##32), PAIR(name##64) }

const struct uop_pair uop_load[4] = FOUR(load);
const struct uop_pair uop_load_rmw[4] = FOUR(load_rmw);
const struct uop_pair uop_load_sx[3] = { PAIR(load_sx8), PAIR(load_sx16), PAIR(load_sx32) };
const struct uop_pair uop_store[4] = FOUR(store);
const struct uop_pair uop_store_rmw[4] = FOUR(store_rmw);

/* size: bytes of the result; the address is computed in 64 bits. */
static inline uint64_t cut(const struct uop *u, uint64_t x)
{
	return u->size == 4 ? (uint32_t)x : x;
}

static void lea(struct engine *e, const struct uop *u)
{
	e->r[u->d] = cut(u, uop_address(e, u));
	NEXT(e, u);
}

static void lea_checked(struct engine *e, const struct uop *u)
{
	uint64_t base = e->r[u->a], index = e->r[u->b] << u->shift;
	uint64_t vbase = e->v[u->a], vindex = e->v[u->b] << u->shift;
	uint64_t v = v_add(base, index, vbase, vindex, 0, 0);

	e->origin[u->d] = origin_of(e, u->a, u->b);
	v = v_add(base + index, (uint64_t)u->imm, v, 0, 0, 0);
	e->r[u->d] = cut(u, uop_address(e, u));
	e->v[u->d] = cut(u, v);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_lea = PAIR(lea);

static bool do_touch(struct engine *e, const struct uop *u)
{
	return mem_page(e, u, uop_address(e, u), ENGINE_READ);
}

static void touch(struct engine *e, const struct uop *u)
{
	if (do_touch(e, u))
		NEXT(e, u);
}

static void touch_checked(struct engine *e, const struct uop *u)
{
	if (do_touch(e, u))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_touch = PAIR(touch);

/* --- The stack: 8 bytes, or 2 with the operand-size prefix --- */

static bool do_push(struct engine *e, const struct uop *u, uint64_t v)
{
	uint64_t addr = e->r[INSN_RSP] - u->size;

	if (!mem_store(e, u, addr, u->size, ENGINE_WRITE, e->r[u->d], v, e->origin[u->d]))
		return false;
	e->r[INSN_RSP] = addr;
	return true;
}

static void push(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP] - 8;
	const struct tlb *t = tlb_of(e, addr);

	if (likely(u->size == 8 && hits(t->write, addr, 8))) {
		*(guest64 *)(addr + t->addend) = e->r[u->d];
		e->r[INSN_RSP] = addr;
		NEXT(e, u);
	}
	if (do_push(e, u, 0))
		NEXT(e, u);
}

static void push_checked(struct engine *e, const struct uop *u)
{
	if (do_push(e, u, e->v[u->d]))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_push = PAIR(push);

static bool do_pop(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP], value;

	if (!load_slow(e, u, addr, u->size, ENGINE_READ, &value))
		return false;
	e->r[INSN_RSP] = addr + u->size;
	e->r[u->d] = value;
	return true;
}

static void pop(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP];
	const struct tlb *t = tlb_of(e, addr);

	if (likely(u->size == 8 && hits(t->read, addr, 8))) {
		e->r[INSN_RSP] = addr + 8;
		e->r[u->d] = *(const guest64 *)(addr + t->addend);
		NEXT(e, u);
	}
	if (!do_pop(e, u))
		return;
	if (likely(!e->v[u->d]))
		NEXT(e, u);
	e->undefined = true;
	NEXT_CHECKED(e, u);
}

static void pop_checked(struct engine *e, const struct uop *u)
{
	if (do_pop(e, u))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_pop = PAIR(pop);
