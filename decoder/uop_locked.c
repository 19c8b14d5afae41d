// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_locked.c: read-modify-write of memory that other CPUs see as one step, and cmpxchg8b and 16b also
 * without LOCK. Done with the host's own atomic instructions on the guest's memory, because the other
 * vCPUs may run natively. A misaligned operand is left to the hardware.
 */
#include <string.h>

#include "uop_alu.h"

/* One locked instruction in the making. */
struct locked {
	struct tlb *page;
	void *host;
	uint64_t addr;
	uint64_t old, new, vold, vnew; /* memory's; zero-extended */
	uint32_t origin;
	bool stores;
	bool either;	/* of cmpxchg: undefined bits decide whether it stores */
};

static bool compare_and_swap(const struct uop *u, void *host, uint64_t *old, uint64_t new)
{
	uint8_t o8 = (uint8_t)*old;
	uint16_t o16 = (uint16_t)*old;
	uint32_t o32 = (uint32_t)*old;
	bool done;

	switch (u->size) {
	case 1:
		done = __atomic_compare_exchange_n((uint8_t *)host, &o8, (uint8_t)new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*old = o8;
		return done;
	case 2:
		done = __atomic_compare_exchange_n((uint16_t *)host, &o16, (uint16_t)new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*old = o16;
		return done;
	case 4:
		done = __atomic_compare_exchange_n((uint32_t *)host, &o32, (uint32_t)new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*old = o32;
		return done;
	default:
		return __atomic_compare_exchange_n((uint64_t *)host, old, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
}

static uint64_t top(const struct uop *u, uint64_t x)
{
	return x << u->shift;
}

/* The eight arithmetic operations, memory being the first operand. */
static void arithmetic(struct engine *e, const struct uop *u, struct locked *l, bool checked)
{
	uint64_t a = top(u, l->old), b = top(u, e->r[u->d]);
	uint64_t va = top(u, l->vold), vb = top(u, checked ? e->v[u->d] : 0), v = 0, r;

	switch ((enum alu_op)u->op) {
#define ARITHMETIC(OP, name)                                                                           \
	case ALU_##OP:                                                                                 \
		r = checked ? vop_##name(e, u, a, b, va, vb, &v) : op_##name(e, u, a, b);              \
		break
		ARITHMETIC(ADD, add);
		ARITHMETIC(OR, or);
		ARITHMETIC(ADC, adc);
		ARITHMETIC(SBB, sbb);
		ARITHMETIC(AND, and);
		ARITHMETIC(SUB, sub);
	default:
		ARITHMETIC(XOR, xor);
	}
	l->new = r >> u->shift;
	l->vnew = v >> u->shift;
	e->cc.origin = l->vold ? l->origin : e->origin[u->d];
}

static void one_operand(struct engine *e, const struct uop *u, struct locked *l)
{
	uint64_t one = 1ull << u->shift, a = top(u, l->old), va = top(u, l->vold), v;
	bool up = u->op == LOCKED_INC;
	uint32_t carry, vcarry;

	if (u->op == LOCKED_NOT) {
		l->new = top(u, ~l->old) >> u->shift;
		l->vnew = l->vold;
		return;
	}
	e->cc.origin = l->vold ? l->origin : e->cc.origin;
	if (u->op == LOCKED_NEG) {
		l->new = vop_sub(e, u, 0, a, 0, va, &v) >> u->shift;
		l->vnew = v >> u->shift;
		return;
	}
	carry = cc_flags(&e->cc) & FLAG_CF;
	vcarry = cc_vflags(&e->cc) & FLAG_CF;
	l->new = up ? vop_add(e, u, a, one, va, 0, &v) : vop_sub(e, u, a, one, va, 0, &v);
	cc_set_flags(&e->cc, (cc_flags(&e->cc) & ~FLAG_CF) | carry,
		     (cc_vflags(&e->cc) & ~FLAG_CF) | vcarry);
	l->new >>= u->shift;
	l->vnew = v >> u->shift;
}

/* The offset was brought into the operand by uop_bit_address. */
static void single_bit(struct engine *e, const struct uop *u, struct locked *l)
{
	unsigned n = e->r[u->d] & (63 - u->shift);
	uint64_t bit = 1ull << n;
	uint32_t vflags = cc_vflags(&e->cc) & ~FLAG_CF;

	cc_set_flags(&e->cc, (cc_flags(&e->cc) & ~FLAG_CF) | ((l->old >> n) & 1),
		     vflags | ((l->vold >> n) & 1));
	e->cc.origin = l->vold ? l->origin : e->cc.origin;
	l->vnew = u->op == LOCKED_BTC ? l->vold : l->vold & ~bit;
	l->new = u->op == LOCKED_BTS ? l->old | bit :
		 u->op == LOCKED_BTR ? l->old & ~bit : l->old ^ bit;
}

static void compare_exchange(struct engine *e, const struct uop *u, struct locked *l, bool checked)
{
	uint64_t a = top(u, e->r[INSN_RAX]), b = top(u, l->old), v = 0;
	uint64_t va = top(u, checked ? e->v[INSN_RAX] : 0), vb = top(u, l->vold);

	vop_sub(e, u, a, b, va, vb, &v);
	e->cc.origin = l->vold ? l->origin : e->origin[INSN_RAX];
	l->stores = a == b;
	l->new = l->stores ? e->r[u->d] : l->old;
	l->vnew = l->stores ? (checked ? e->v[u->d] : 0) : l->vold;
	l->either = v_equal(a, b, va, vb);
	if (l->either)
		l->vnew = (checked ? e->v[u->d] : 0) | l->vold | (l->old ^ e->r[u->d]);
}

/* What the instruction makes of the old value. Flags are set as if it were the last try. */
static void compute(struct engine *e, const struct uop *u, struct locked *l, bool checked)
{
	l->stores = true;
	switch (u->op) {
	case LOCKED_XCHG:
		l->new = e->r[u->d];
		l->vnew = checked ? e->v[u->d] : 0;
		break;
	case LOCKED_XADD: {
		uint64_t v;
		uint64_t vb = top(u, checked ? e->v[u->d] : 0);

		l->new = vop_add(e, u, top(u, l->old), top(u, e->r[u->d]), top(u, l->vold), vb, &v) >>
			 u->shift;
		l->vnew = v >> u->shift;
		e->cc.origin = l->vold ? l->origin : e->origin[u->d];
		break;
	}
	case LOCKED_CMPXCHG:
		compare_exchange(e, u, l, checked);
		break;
	case LOCKED_INC:
	case LOCKED_DEC:
	case LOCKED_NOT:
	case LOCKED_NEG:
		one_operand(e, u, l);
		break;
	case LOCKED_BTS:
	case LOCKED_BTR:
	case LOCKED_BTC:
		single_bit(e, u, l);
		break;
	default:
		arithmetic(e, u, l, checked);
	}
}

static void put_register(struct engine *e, const struct uop *u, unsigned slot, const struct locked *l)
{
	uint64_t keep = u->size >= 4 ? 0 : ~0ull << 8 * u->size;

	e->r[slot] = (e->r[slot] & keep) | l->old;
	e->v[slot] = (e->v[slot] & keep) | l->vold;
	if (l->vold)
		e->origin[slot] = l->origin;
}

static void return_compared(struct engine *e, const struct uop *u, const struct locked *l)
{
	uint64_t mask = u->size >= 4 ? ~0ull : ~(~0ull << 8 * u->size);
	uint64_t either = (e->v[INSN_RAX] | l->vold | (e->r[INSN_RAX] ^ l->old)) & mask;

	if (!l->stores)
		put_register(e, u, INSN_RAX, l);
	if (l->either) {
		e->v[INSN_RAX] |= either;
		e->origin[INSN_RAX] = e->cc.origin;
	}
}

/* xchg and xadd return the old value through T0; a cmpxchg that failed does through rax. */
static void return_old(struct engine *e, const struct uop *u, const struct locked *l)
{
	if (u->op == LOCKED_XCHG || u->op == LOCKED_XADD) {
		e->r[SLOT_T0] = l->old;
		e->v[SLOT_T0] = l->vold;
		e->origin[SLOT_T0] = l->origin;
	} else if (u->op == LOCKED_CMPXCHG) {
		return_compared(e, u, l);
	}
}

static struct piece piece_of(const struct uop *u, const struct locked *l)
{
	return (struct piece){ .addr = l->addr,
			       .len = u->size,
			       .size = u->size,
			       .how = ENGINE_READ | ENGINE_WRITE,
			       .locked = u->op != LOCKED_CMPXCHG_PAIR_PLAIN };
}

static void get_v(struct engine *e, const struct uop *u, struct locked *l, void *v)
{
	const struct piece p = piece_of(u, l);

	l->origin = NO_ORIGIN;
	mem_get_v(e, u, l->page, &p, v, &l->origin);
}

static void set_v(struct engine *e, const struct uop *u, struct locked *l, const void *v, uint32_t origin)
{
	const struct piece p = piece_of(u, l);

	mem_set_v(e, u, l->page, &p, v, origin);
}

/* Where the operand is; false: e->leave is set. */
static bool find(struct engine *e, const struct uop *u, unsigned size, struct locked *l)
{
	l->addr = uop_address(e, u);
	e->device = false;
	if (l->addr % ENGINE_PAGE > ENGINE_PAGE - size || l->addr % size) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return false;
	}
	l->page = mem_page(e, u, l->addr, ENGINE_READ | ENGINE_WRITE);
	l->host = l->page ? (void *)(l->addr + l->page->addend) : NULL;
	return l->page;
}

static bool modify(struct engine *e, const struct uop *u, bool checked)
{
	const struct cc before = e->cc;
	struct locked l = { 0 };

	if (!find(e, u, u->size, &l)) {
		if (u->op == LOCKED_XCHG)
			mem_not_stored(e, u, l.addr, u->size, &e->r[u->d],
				       (const uint8_t *)&e->v[u->d], e->origin[u->d]);
		return false;
	}
	mem_hold(e, l.page);
	get_v(e, u, &l, &l.vold);
	do {
		e->cc = before;
		if (l.vold)
			checked = true;
		compute(e, u, &l, checked);
	} while (!compare_and_swap(u, l.host, &l.old, l.new));
	set_v(e, u, &l, &l.vnew, l.vold ? l.origin : e->origin[u->d]);
	mem_drop(e, l.page);
	return_old(e, u, &l);
	return true;
}

static uint64_t load_old(const struct uop *u, const void *host)
{
	switch (u->size) {
	case 1:
		return __atomic_load_n((const uint8_t *)host, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED);
	default:
		return __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
	}
}

/* The common case: nothing is undefined, and memory is neither tracked nor overlaid. */
static void modify_defined(struct engine *e, const struct uop *u, void *host)
{
	const struct cc before = e->cc;
	struct locked l = { .old = load_old(u, host) };

	while (compute(e, u, &l, false), !compare_and_swap(u, host, &l.old, l.new))
		e->cc = before;
	return_old(e, u, &l);
}

/* The host address of an operand that needs nothing but itself; or NULL. */
static void *plain_operand(struct engine *e, const struct uop *u)
{
	uint64_t addr = uop_address(e, u);
	const struct tlb *t = &e->tlb[(addr / ENGINE_PAGE) % TLB_ENTRIES];

	if (u->size > 8 || u->op == LOCKED_CMPXCHG_PAIR || u->op == LOCKED_CMPXCHG_PAIR_PLAIN ||
	    (addr & (u->size - 1u)) || t->write != (addr & ~(uint64_t)(ENGINE_PAGE - 1)))
		return NULL;
	return (void *)(addr + t->addend);
}

static bool brought_undefined(const struct engine *e)
{
	return e->cc.va || e->cc.vb || e->cc.vflags || e->v[SLOT_T0] || e->v[INSN_RAX];
}

/* --- cmpxchg8b and cmpxchg16b: rdx:rax with rcx:rbx --- */

static uint64_t half_of(unsigned half, uint64_t x)
{
	return half == 8 ? x : (uint32_t)x;
}

static unsigned __int128 join(unsigned half, uint64_t low, uint64_t high)
{
	return (unsigned __int128)half_of(half, high) << 8 * half | half_of(half, low);
}

static bool swap_pair(void *host, unsigned half, unsigned __int128 *old, unsigned __int128 new)
{
	uint64_t o = (uint64_t)*old;
	unsigned __int128 found;
	bool done;

	if (half == 4) {
		done = __atomic_compare_exchange_n((uint64_t *)host, &o, (uint64_t)new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*old = o;
		return done;
	}
	found = __sync_val_compare_and_swap((unsigned __int128 *)host, *old, new);
	done = found == *old;
	*old = found;
	return done;
}

/* What rdx:rax and memory may hold if undefined bits decide whether it stores. */
static void either_half(struct engine *e, unsigned slot, unsigned half, unsigned __int128 old,
			unsigned __int128 vold, bool upper)
{
	unsigned at = upper ? 8 * half : 0;

	e->v[slot] |= half_of(half, (uint64_t)(vold >> at)) |
		      (e->r[slot] ^ half_of(half, (uint64_t)(old >> at)));
	e->origin[slot] = e->cc.origin;
}

static void put_half(uint64_t *slot, unsigned half, unsigned __int128 x, bool upper)
{
	*slot = half_of(half, (uint64_t)(upper ? x >> 8 * half : x));
}

/* ZF alone changes. */
static void pair_flags(struct engine *e, bool equal, unsigned __int128 differ, unsigned __int128 v)
{
	bool undefined = v && !(differ & ~v);
	uint32_t vflags = cc_vflags(&e->cc) & ~FLAG_ZF;

	cc_set_flags(&e->cc, (cc_flags(&e->cc) & ~FLAG_ZF) | (equal ? FLAG_ZF : 0),
		     vflags | (undefined ? FLAG_ZF : 0));
}

static bool modify_pair(struct engine *e, const struct uop *u)
{
	unsigned half = u->size / 2;
	unsigned __int128 want = join(half, e->r[INSN_RAX], e->r[INSN_RDX]), old = want;
	unsigned __int128 vwant = join(half, e->v[INSN_RAX], e->v[INSN_RDX]), vold = 0;
	unsigned __int128 new = join(half, e->r[INSN_RBX], e->r[INSN_RCX]);
	unsigned __int128 vnew = join(half, e->v[INSN_RBX], e->v[INSN_RCX]);
	struct locked l = { 0 };
	bool equal, either;

	if (!find(e, u, u->size, &l))
		return false;
	mem_hold(e, l.page);
	get_v(e, u, &l, &vold);
	equal = swap_pair(l.host, half, &old, new);
	either = (vwant | vold) && !((want ^ old) & ~(vwant | vold));
	vnew = either ? vnew | vold | (old ^ new) : equal ? vnew : vold;
	set_v(e, u, &l, &vnew, l.origin);
	mem_drop(e, l.page);
	pair_flags(e, equal, want ^ old, vwant | vold);
	e->cc.origin = vold ? l.origin : origin_of(e, INSN_RAX, INSN_RDX);
	if (either) {
		either_half(e, INSN_RAX, half, old, vold, false);
		either_half(e, INSN_RDX, half, old, vold, true);
	}
	if (equal)
		return true;
	put_half(&e->r[INSN_RAX], half, old, false);
	put_half(&e->r[INSN_RDX], half, old, true);
	if (either)
		return true;
	put_half(&e->v[INSN_RAX], half, vold, false);
	put_half(&e->v[INSN_RDX], half, vold, true);
	e->origin[INSN_RAX] = e->origin[INSN_RDX] = l.origin;
	return true;
}

static bool locked_any(struct engine *e, const struct uop *u, bool checked)
{
	bool pair = u->op == LOCKED_CMPXCHG_PAIR || u->op == LOCKED_CMPXCHG_PAIR_PLAIN;

	return pair ? modify_pair(e, u) : modify(e, u, checked);
}

static void locked(struct engine *e, const struct uop *u)
{
	void *plain = plain_operand(e, u);

	if (plain) {
		modify_defined(e, u, plain);
		NEXT(e, u);
	}
	if (!locked_any(e, u, false))
		return;
	if (!brought_undefined(e) && !e->v[INSN_RDX])
		NEXT(e, u);
	e->undefined = true;
	NEXT_CHECKED(e, u);
}

static void locked_checked(struct engine *e, const struct uop *u)
{
	uop_defined_address(e, u);
	if (locked_any(e, u, true))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_locked = { locked, locked_checked, NULL };
