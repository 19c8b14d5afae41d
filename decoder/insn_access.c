// SPDX-License-Identifier: GPL-2.0-only
/*
 * insn_access.c: a decoded instruction and register values to linear addresses, in the CPU's order.
 *
 * Segment limits and rights are not checked: an access that would fault for them is listed all the
 * same. Outside 64-bit mode the stack is taken to be as wide as the mode.
 * Sources: Intel SDM vol. 1, 3.3.7 (address calculation); vol. 2, the instructions' operations.
 */
#include "insn_internal.h"

#define XSAVE_DEFAULT 576u /* legacy area and header: SDM vol. 1, 13.4 */
#define XSAVE_LIMIT   (64u * 1024u)

struct list {
	struct insn_access *out;
	unsigned n;
};

uint64_t insn_addr_mask(unsigned bytes)
{
	return bytes == 8 ? UINT64_MAX : (1ull << (8 * bytes)) - 1;
}

gva_t insn_linear(const struct insn_cpu *cpu, unsigned seg, uint64_t offset)
{
	if (cpu->mode != INSN_MODE_64)
		return (gva_t){ (cpu->seg_base[seg] + offset) & UINT32_MAX };
	if (seg == INSN_FS || seg == INSN_GS)
		offset += cpu->seg_base[seg];
	return (gva_t){ offset };
}

static void add(struct list *l, gva_t addr, uint32_t size, unsigned how, bool implicit)
{
	l->out[l->n++] = (struct insn_access){
		.addr = addr, .size = size, .how = (uint8_t)how, .implicit = implicit
	};
}

static uint64_t reg_value(const struct insn *i, const struct insn_cpu *cpu, int reg)
{
	if (reg == INSN_NO_REG)
		return 0;
	return reg == INSN_RIP_REG ? cpu->rip + i->length : cpu->gpr[reg];
}

/*
 * The register of bt and its kin is a signed bit number of the operand's size; the operand that
 * holds the bit is accessed (SDM vol. 2, "Bit(BitBase, BitOffset)").
 */
static uint64_t bit_displacement(const struct insn *i, const struct insn_cpu *cpu)
{
	unsigned shift = 64 - 8u * i->opsize;
	int64_t bit;

	if (i->bit_reg == INSN_NO_REG)
		return 0;
	bit = (int64_t)(cpu->gpr[i->bit_reg] << shift) >> shift;
	return (uint64_t)(bit >> (i->opsize == 8 ? 6 : i->opsize == 4 ? 5 : 4)) * i->opsize;
}

static gva_t operand_address(const struct insn *i, const struct insn_cpu *cpu)
{
	const struct insn_mem *m = &i->mem;
	uint64_t ea = (uint64_t)m->disp + bit_displacement(i, cpu);

	ea += reg_value(i, cpu, m->base) + (reg_value(i, cpu, m->index) << m->shift);
	/* pop addresses its operand with the stack pointer it leaves behind. */
	if (i->form == X_POP && m->base == INSN_RSP)
		ea += i->stacksize;
	return insn_linear(cpu, m->seg, ea & insn_addr_mask(i->addrsize));
}

static uint32_t operand_bytes(const struct insn *i, const struct insn_cpu *cpu)
{
	uint32_t size = cpu->xsave_size ? cpu->xsave_size : XSAVE_DEFAULT;

	if (!i->xsave)
		return i->size;
	return size < XSAVE_LIMIT ? size : XSAVE_LIMIT;
}

static void add_operand(struct list *l, const struct insn *i, const struct insn_cpu *cpu,
			unsigned how)
{
	if (i->has_mem)
		add(l, operand_address(i, cpu), operand_bytes(i, cpu), how, false);
}

/* offset: from the stack pointer. */
static void add_stack(struct list *l, const struct insn *i, const struct insn_cpu *cpu,
		      int64_t offset, uint32_t size, unsigned how)
{
	static const uint8_t width[] = { [INSN_MODE_64] = 8, [INSN_MODE_32] = 4,
					 [INSN_MODE_16] = 2 };
	uint64_t sp = (cpu->gpr[INSN_RSP] + (uint64_t)offset) & insn_addr_mask(width[i->mode]);

	add(l, insn_linear(cpu, INSN_SS, sp), size, how, true);
}

static void add_push(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	add_stack(l, i, cpu, -(int64_t)i->stacksize, i->stacksize, INSN_WRITE);
}

/* Nesting levels above 0 copy frame pointers: not worth knowing. */
static bool add_enter(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	if (i->bytes[i->length - 1] & 0x1f)
		return false;
	add_push(l, i, cpu);
	return true;
}

/*
 * In 64-bit mode iret always pops five values, in real mode three; in protected mode it depends on
 * what is popped.
 */
static bool add_iret(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	if (i->mode == INSN_MODE_32)
		return false;
	add_stack(l, i, cpu, 0, i->opsize * (i->mode == INSN_MODE_64 ? 5u : 3u), INSN_READ);
	return true;
}

/* The slot of the stack pointer is skipped, not read. */
static void add_popa(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	add_stack(l, i, cpu, 0, i->opsize * 3u, INSN_READ);
	add_stack(l, i, cpu, i->opsize * 4, i->opsize * 4u, INSN_READ);
}

static void add_leave(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	struct insn_cpu after = *cpu;

	after.gpr[INSN_RSP] = cpu->gpr[INSN_RBP];
	add_stack(l, i, &after, 0, i->stacksize, INSN_READ);
}

static void add_indirect(struct list *l, const struct insn *i, const struct insn_cpu *cpu,
			 unsigned seg, uint64_t offset, uint32_t size, unsigned how)
{
	offset &= insn_addr_mask(i->addrsize) & ~(size == 64 ? 63ull : 0);
	add(l, insn_linear(cpu, seg, offset), size, how, true);
}

static void add_string(struct list *l, const struct insn *i, const struct insn_cpu *cpu)
{
	enum { SRC_R = 1, DST_R = 2, DST_W = 4 };
	static const uint8_t parts[] = {
		[INSN_NO_STRING] = 0,	  [INSN_MOVS] = SRC_R | DST_W,
		[INSN_STOS] = DST_W,	  [INSN_LODS] = SRC_R,
		[INSN_CMPS] = SRC_R | DST_R, [INSN_SCAS] = DST_R,
		[INSN_INS] = DST_W,	  [INSN_OUTS] = SRC_R,
	};
	uint64_t mask = insn_addr_mask(i->addrsize);
	unsigned part = parts[i->string];

	if (i->rep != INSN_NO_REP && (cpu->gpr[INSN_RCX] & mask) == 0)
		return;
	if (part & SRC_R)
		add(l, insn_linear(cpu, i->seg, cpu->gpr[INSN_RSI] & mask), i->opsize, INSN_READ,
		    true);
	if (part & (DST_R | DST_W))
		add(l, insn_linear(cpu, INSN_ES, cpu->gpr[INSN_RDI] & mask), i->opsize,
		    part & DST_W ? INSN_WRITE : INSN_READ, true);
}

int insn_accesses(const struct insn *i, const struct insn_cpu *cpu,
		  struct insn_access out[INSN_MAX_ACCESS])
{
	struct list l = { out, 0 };
	bool known = true;

	switch ((enum insn_form)i->form) {
	case M_NONE:
		break;
	case M_READ:
	case M_TOUCH:
	case M_BT:
		add_operand(&l, i, cpu, INSN_READ);
		break;
	case M_WRITE:
		add_operand(&l, i, cpu, INSN_WRITE);
		break;
	case M_RW:
	case M_BTX:
		add_operand(&l, i, cpu, INSN_READ | INSN_WRITE);
		break;
	case X_PUSH:
	case X_CALL:
		add_operand(&l, i, cpu, INSN_READ);
		add_push(&l, i, cpu);
		break;
	case X_POP:
		add_stack(&l, i, cpu, 0, i->stacksize, INSN_READ);
		add_operand(&l, i, cpu, INSN_WRITE);
		break;
	case X_RET:
		add_stack(&l, i, cpu, 0, i->stacksize, INSN_READ);
		break;
	case X_PUSHA:
		add_stack(&l, i, cpu, -8 * (int64_t)i->opsize, i->opsize * 8u, INSN_WRITE);
		break;
	case X_POPA:
		add_popa(&l, i, cpu);
		break;
	case X_ENTER:
		known = add_enter(&l, i, cpu);
		break;
	case X_LEAVE:
		add_leave(&l, i, cpu);
		break;
	case X_IRET:
		known = add_iret(&l, i, cpu);
		break;
	case X_FAR_CALL:
		add_operand(&l, i, cpu, INSN_READ);
		add_stack(&l, i, cpu, -2 * (int64_t)i->opsize, i->opsize * 2u, INSN_WRITE);
		break;
	case X_FAR_RET:
		add_stack(&l, i, cpu, 0, i->opsize * 2u, INSN_READ);
		break;
	case X_STACK64:
		add_stack(&l, i, cpu, 0, 64, INSN_READ);
		break;
	case X_XLAT:
		add_indirect(&l, i, cpu, i->seg,
			     cpu->gpr[INSN_RBX] + (cpu->gpr[INSN_RAX] & 0xff), 1, INSN_READ);
		break;
	case X_STRING:
		add_string(&l, i, cpu);
		break;
	case X_TOUCH_RAX:
		add_indirect(&l, i, cpu, i->seg, cpu->gpr[INSN_RAX], 1, INSN_READ);
		break;
	case X_TOUCH_RM:
		add_indirect(&l, i, cpu, i->seg, cpu->gpr[i->rm], 1, INSN_READ);
		break;
	case X_WRITE_RAX:
		add_indirect(&l, i, cpu, i->seg, cpu->gpr[INSN_RAX], 64, INSN_WRITE);
		break;
	case X_MOVE64:
		add_operand(&l, i, cpu, INSN_READ);
		add_indirect(&l, i, cpu, INSN_ES, cpu->gpr[i->reg], 64, INSN_WRITE);
		break;
	default:
		known = false;
	}
	return known ? (int)l.n : -1;
}
