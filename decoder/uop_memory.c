// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_memory.c: loads, stores, the stack. The fast path: memory that is neither tracked nor overlaid,
 * in a page this window has met, all of it in that page.
 */
#include "uop_alu.h"
#include "uop_edge.h"
#include "uop_tracked.h"

#define slow	  __attribute__((noinline))
#define likely(x) __builtin_expect(!!(x), 1)

static inline const struct tlb *tlb_of(const struct engine *e, uint64_t addr)
{
	return &e->tlb[(addr / ENGINE_PAGE) % TLB_ENTRIES];
}

/* The last byte decides: if it is in another page, the first one's entry is not for it. */
static inline bool hits(uint64_t tag, uint64_t addr, unsigned size)
{
	return ((addr + size - 1) & ~(uint64_t)(ENGINE_PAGE - 1)) == tag;
}

/* Guest code need not align its operands. */
typedef volatile uint8_t guest8;
typedef volatile uint16_t guest16 __attribute__((aligned(1), may_alias));
typedef volatile uint32_t guest32 __attribute__((aligned(1), may_alias));
typedef volatile uint64_t guest64 __attribute__((aligned(1), may_alias));

/* The common forms of addresses. */
static inline uint64_t base_address(const struct engine *e, const struct uop *u)
{
	return e->r[u->a] + (uint64_t)u->imm;
}

static inline uint64_t index_address(const struct engine *e, const struct uop *u)
{
	return e->r[u->a] + (e->r[u->b] << u->shift) + (uint64_t)u->imm;
}

#define MEMORY_FORMS(name)                                                                             \
	static const struct uop_forms name##_forms = { .base = name##_base, .index = name##_index };

#define LOAD_FROM(full_name, address, name, bits, type, tag)                                           \
	static void full_name(struct engine *e, const struct uop *u)                                   \
	{                                                                                              \
		uint64_t addr = address(e, u);                                                         \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		if (!likely(hits(t->tag, addr, bits / 8)))                                             \
			return name##bits##_slow(e, u, addr, t);                                       \
		e->r[u->d] = (uint64_t)(type)*(const guest##bits *)(addr + t->addend);                 \
		NEXT(e, u);                                                                            \
	}

/*
 * how: ENGINE_READ, or with ENGINE_WRITE where a store of the same bytes follows. The slow path is in
 * functions of its own: so the fast one needs no stack frame, and its last call is a jump.
 */
#define LOAD(name, bits, type, how, tag)                                                               \
	static slow void name##bits##_tracked(struct engine *e, const struct uop *u, uint64_t addr,    \
					      const struct tlb *t)                                     \
	{                                                                                              \
		TRACKED_LOAD(e, u, t, addr, bits, type, how);                                          \
		uop_next(e, u);                                                                        \
	}                                                                                              \
	static slow void name##bits##_slow(struct engine *e, const struct uop *u, uint64_t addr,       \
					   const struct tlb *t)                                        \
	{                                                                                              \
		if (likely(hits(t->tracked_##tag, addr, bits / 8)))                                    \
			return name##bits##_tracked(e, u, addr, t);                                    \
		if (mem_meet(e, u, addr, bits / 8, how))                                               \
			return uop_again(e, u);                                                        \
		if (!mem_load_slot(e, u, addr, bits / 8, how))                                         \
			return;                                                                        \
		e->r[u->d] = (uint64_t)(type)e->r[u->d];                                               \
		e->v[u->d] = (uint64_t)(type)e->v[u->d];                                               \
		uop_next(e, u);                                                                            \
	}                                                                                              \
	LOAD_FROM(name##bits, uop_address, name, bits, type, tag)                                      \
	LOAD_FROM(name##bits##_base, base_address, name, bits, type, tag)                              \
	LOAD_FROM(name##bits##_index, index_address, name, bits, type, tag)                            \
	MEMORY_FORMS(name##bits)                                                                       \
	static void name##bits##_checked(struct engine *e, const struct uop *u)                        \
	{                                                                                              \
		uint64_t addr = uop_address(e, u);                                                     \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		uop_defined_address(e, u);                                                                 \
		if (!likely(hits(t->tag, addr, bits / 8)))                                             \
			return name##bits##_slow(e, u, addr, t);                                       \
		e->r[u->d] = (uint64_t)(type)*(const guest##bits *)(addr + t->addend);                 \
		e->v[u->d] = 0;                                                                        \
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

#define STORE_TO(full_name, address, name, bits)                                                       \
	static void full_name(struct engine *e, const struct uop *u)                                   \
	{                                                                                              \
		uint64_t addr = address(e, u);                                                         \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		if (!likely(hits(t->write, addr, bits / 8)))                                           \
			return name##bits##_slow(e, u, addr, t);                                       \
		*(guest##bits *)(addr + t->addend) = (uint##bits##_t)e->r[u->d];                       \
		NEXT(e, u);                                                                            \
	}

#define STORE(name, bits, how)                                                                         \
	static slow void name##bits##_tracked(struct engine *e, const struct uop *u, uint64_t addr,    \
					      const struct tlb *t)                                     \
	{                                                                                              \
		TRACKED_STORE(e, u, t, addr, bits, how);                                               \
		uop_next(e, u);                                                                        \
	}                                                                                              \
	static slow void name##bits##_slow(struct engine *e, const struct uop *u, uint64_t addr,       \
					   const struct tlb *t)                                        \
	{                                                                                              \
		if (likely(hits(t->tracked_write, addr, bits / 8)))                                    \
			return name##bits##_tracked(e, u, addr, t);                                    \
		if (!e->v[u->d] && mem_meet(e, u, addr, bits / 8, how))                                \
			return uop_again(e, u);                                                        \
		if (mem_store_slot(e, u, addr, bits / 8, how))                                         \
			uop_next(e, u);                                                                    \
	}                                                                                              \
	STORE_TO(name##bits, uop_address, name, bits)                                                  \
	STORE_TO(name##bits##_base, base_address, name, bits)                                          \
	STORE_TO(name##bits##_index, index_address, name, bits)                                        \
	MEMORY_FORMS(name##bits)                                                                       \
	static void name##bits##_checked(struct engine *e, const struct uop *u)                        \
	{                                                                                              \
		uint64_t addr = uop_address(e, u);                                                     \
		const struct tlb *t = tlb_of(e, addr);                                                 \
                                                                                                       \
		uop_defined_address(e, u);                                                                 \
		if (!likely(hits(t->write, addr, bits / 8) && !(uint##bits##_t)e->v[u->d]))            \
			return name##bits##_slow(e, u, addr, t);                                       \
		*(guest##bits *)(addr + t->addend) = (uint##bits##_t)e->r[u->d];                       \
		NEXT_CHECKED(e, u);                                                                    \
	}

STORE(store, 8, ENGINE_WRITE)
STORE(store, 16, ENGINE_WRITE)
STORE(store, 32, ENGINE_WRITE)
STORE(store, 64, ENGINE_WRITE)
STORE(store_rmw, 8, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 16, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 32, ENGINE_READ | ENGINE_WRITE)
STORE(store_rmw, 64, ENGINE_READ | ENGINE_WRITE)

#define PAIR(name) { name, name##_checked, &name##_forms }
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

static void lea_base(struct engine *e, const struct uop *u)
{
	e->r[u->d] = cut(u, base_address(e, u));
	NEXT(e, u);
}

static void lea_index(struct engine *e, const struct uop *u)
{
	e->r[u->d] = cut(u, index_address(e, u));
	NEXT(e, u);
}

static const struct uop_forms lea_forms = {
	.flags = UOP_KEEPS_FLAGS, .base = lea_base, .index = lea_index
};
const struct uop_pair uop_lea = PAIR(lea);

/* --- The stack: 8 bytes --- */

static slow void push_slow(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP] - 8;

	if (!e->v[u->d] && mem_meet(e, u, addr, 8, ENGINE_WRITE))
		return uop_again(e, u);
	if (!mem_store_slot(e, u, addr, 8, ENGINE_WRITE))
		return;
	e->r[INSN_RSP] = addr;
	uop_next(e, u);
}

static void push(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP] - 8;
	const struct tlb *t = tlb_of(e, addr);

	if (!likely(hits(t->write, addr, 8)))
		return push_slow(e, u);
	*(guest64 *)(addr + t->addend) = e->r[u->d];
	e->r[INSN_RSP] = addr;
	NEXT(e, u);
}

static void push_checked(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP] - 8;
	const struct tlb *t = tlb_of(e, addr);

	if (!likely(hits(t->write, addr, 8) && !e->v[u->d]))
		return push_slow(e, u);
	*(guest64 *)(addr + t->addend) = e->r[u->d];
	e->r[INSN_RSP] = addr;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_push = { push, push_checked, NULL };

/* All in one page, or one by one. */
void uop_push_run(struct engine *e, const struct uop *u)
{
	unsigned n = u->size;
	uint64_t addr = e->r[INSN_RSP] - 8 * n;
	const struct tlb *t = tlb_of(e, addr);
	guest64 *to = (guest64 *)(addr + t->addend);

	if (!likely(hits(t->write, addr, 8 * n)))
		return push(e, u);
	e->r[INSN_RSP] = addr;
	for (; n--; u++)
		to[n] = e->r[u->d];
	u--;
	NEXT(e, u);
}

/* The address behind the call, its push, and the jump, in one. */
void uop_call(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP] - 8;
	const struct tlb *t = tlb_of(e, addr);

	if (!likely(hits(t->write, addr, 8))) {
		e->r[u->d] = (uint64_t)u->imm;
		NEXT(e, u);
	}
	*(guest64 *)(addr + t->addend) = (uint64_t)u->imm;
	e->r[INSN_RSP] = addr;
	u += 2;
	GOTO(e, u);
}

static slow void pop_slow(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP];

	if (mem_meet(e, u, addr, 8, ENGINE_READ))
		return uop_again(e, u);
	if (!mem_load_slot(e, u, addr, 8, ENGINE_READ))
		return;
	if (u->d != INSN_RSP)
		e->r[INSN_RSP] = addr + 8;
	uop_next(e, u);
}

static void pop(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP];
	const struct tlb *t = tlb_of(e, addr);

	if (!likely(hits(t->read, addr, 8)))
		return pop_slow(e, u);
	e->r[INSN_RSP] = addr + 8;
	e->r[u->d] = *(const guest64 *)(addr + t->addend);
	NEXT(e, u);
}

static void pop_checked(struct engine *e, const struct uop *u)
{
	uint64_t addr = e->r[INSN_RSP];
	const struct tlb *t = tlb_of(e, addr);

	if (!likely(hits(t->read, addr, 8)))
		return pop_slow(e, u);
	e->r[INSN_RSP] = addr + 8;
	e->r[u->d] = *(const guest64 *)(addr + t->addend);
	e->v[u->d] = 0;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_pop = { pop, pop_checked, NULL };

void uop_pop_run(struct engine *e, const struct uop *u)
{
	unsigned n = u->size;
	uint64_t addr = e->r[INSN_RSP];
	const struct tlb *t = tlb_of(e, addr);
	const guest64 *from = (const guest64 *)(addr + t->addend);

	if (!likely(hits(t->read, addr, 8 * n)))
		return pop(e, u);
	e->r[INSN_RSP] = addr + 8 * n;
	for (; n--; u++, from++)
		e->r[u->d] = *from;
	u--;
	NEXT(e, u);
}
