// SPDX-License-Identifier: GPL-2.0-only
/*
 * emulate_string.c: movs and stos, with and without rep.
 *
 * Runs of elements inside one page go through copy and fill. A run is never longer than the
 * distance between source and destination, so that overlapping moves propagate as the CPU's element
 * by element moves do. Everything else (downwards, crossing a page, distance below one element)
 * goes element by element: the element is read whole, then written whole.
 * Sources: Intel SDM vol. 2, MOVS, STOS, REP; vol. 1, 7.3.9.1 (faults between iterations).
 */
#include <string.h>

#include "emulate.h"
#include "insn_internal.h"

#define PAGE	  4096u
#define RFLAGS_DF 0x400u

/* One emu_string call. */
struct move {
	const struct insn *insn;
	struct insn_cpu *cpu;
	const struct emu_memory *mem;
	bool movs; /* else stos */
	bool down;
	uint32_t unit; /* bytes of an element */
	uint64_t mask; /* of the address size */
};

static uint64_t offset_of(const struct move *m, enum insn_gpr reg)
{
	return m->cpu->gpr[reg] & m->mask;
}

static gva_t source(const struct move *m)
{
	return insn_linear(m->cpu, m->insn->seg, offset_of(m, INSN_RSI));
}

static gva_t destination(const struct move *m)
{
	return insn_linear(m->cpu, INSN_ES, offset_of(m, INSN_RDI));
}

/* A write to a 32-bit register clears the upper half, a write to a 16-bit one keeps the rest. */
static void set_reg(const struct move *m, enum insn_gpr reg, uint64_t value)
{
	uint64_t keep = m->mask == 0xffff ? ~m->mask : 0;

	m->cpu->gpr[reg] = (m->cpu->gpr[reg] & keep) | (value & m->mask);
}

static void advance(const struct move *m, uint64_t elements)
{
	uint64_t bytes = elements * m->unit;
	uint64_t step = m->down ? -bytes : bytes;

	if (m->movs)
		set_reg(m, INSN_RSI, m->cpu->gpr[INSN_RSI] + step);
	set_reg(m, INSN_RDI, m->cpu->gpr[INSN_RDI] + step);
	if (m->insn->rep != INSN_NO_REP)
		set_reg(m, INSN_RCX, m->cpu->gpr[INSN_RCX] - elements);
}

static uint32_t to_page_end(gva_t addr)
{
	return PAGE - (uint32_t)(addr.v & (PAGE - 1));
}

static gva_t behind(const struct move *m, gva_t addr, uint32_t bytes)
{
	addr.v += bytes;
	if (m->cpu->mode != INSN_MODE_64)
		addr.v &= UINT32_MAX;
	return addr;
}

static int read_element(const struct move *m, gva_t addr, uint8_t *buf)
{
	uint32_t first = to_page_end(addr);
	int ret;

	if (first >= m->unit)
		return m->mem->read(m->mem->ctx, addr, buf, m->unit);
	ret = m->mem->read(m->mem->ctx, addr, buf, first);
	if (ret)
		return ret;
	return m->mem->read(m->mem->ctx, behind(m, addr, first), buf + first, m->unit - first);
}

static int write_element(const struct move *m, gva_t addr, const uint8_t *buf)
{
	const struct emu_memory *mem = m->mem;
	uint32_t first = to_page_end(addr);
	gva_t second = behind(m, addr, first);
	int ret;

	if (first >= m->unit)
		return mem->write(mem->ctx, addr, buf, m->unit);
	ret = mem->probe(mem->ctx, addr, first, true);
	if (!ret)
		ret = mem->probe(mem->ctx, second, m->unit - first, true);
	if (!ret)
		ret = mem->write(mem->ctx, addr, buf, first);
	if (!ret)
		ret = mem->write(mem->ctx, second, buf + first, m->unit - first);
	return ret;
}

static int move_element(const struct move *m)
{
	uint8_t buf[8];
	int ret;

	if (m->movs) {
		ret = read_element(m, source(m), buf);
		if (ret)
			return ret;
	} else {
		memcpy(buf, &m->cpu->gpr[INSN_RAX], sizeof(buf));
	}
	return write_element(m, destination(m), buf);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes from reg's offset on that lie in addr's page and below the wrap of the address size. */
static uint64_t room(const struct move *m, enum insn_gpr reg, gva_t addr)
{
	uint64_t before_wrap = m->mask - offset_of(m, reg);

	if (before_wrap >= PAGE)
		return to_page_end(addr);
	return min_u64(to_page_end(addr), before_wrap + 1);
}

/* How many elements one copy or fill may take; 0: none. */
static uint64_t run_length(const struct move *m, uint64_t elements)
{
	gva_t dst = destination(m), src;
	uint64_t bytes;

	if (m->down || m->insn->rep == INSN_NO_REP)
		return 0;
	bytes = room(m, INSN_RDI, dst);
	if (m->movs) {
		src = source(m);
		bytes = min_u64(bytes, room(m, INSN_RSI, src));
		bytes = min_u64(bytes, dst.v > src.v ? dst.v - src.v : src.v - dst.v);
	}
	return min_u64(elements, bytes / m->unit);
}

static int move_run(const struct move *m, uint64_t elements)
{
	uint32_t bytes = (uint32_t)elements * m->unit;

	if (m->movs)
		return m->mem->copy(m->mem->ctx, destination(m), source(m), bytes);
	return m->mem->fill(m->mem->ctx, destination(m),
			    m->cpu->gpr[INSN_RAX] & insn_addr_mask(m->unit), m->unit, bytes);
}

/* Moves at most limit elements. 0, or what a callback refused with. */
static int move_elements(const struct move *m, uint64_t limit)
{
	while (limit) {
		uint64_t run = run_length(m, limit);
		int ret = run ? move_run(m, run) : move_element(m);

		if (ret)
			return ret;
		run = run ? run : 1;
		advance(m, run);
		limit -= run;
	}
	return 0;
}

static void retire(struct insn_cpu *cpu, const struct insn *i)
{
	static const uint8_t width[] = { [INSN_MODE_64] = 8, [INSN_MODE_32] = 4,
					 [INSN_MODE_16] = 2 };

	cpu->rip = (cpu->rip + i->length) & insn_addr_mask(width[cpu->mode]);
}

enum emu_result emu_string(const struct insn *i, struct insn_cpu *cpu, const struct emu_memory *mem,
			   uint64_t max_bytes)
{
	struct move m = {
		.insn = i,
		.cpu = cpu,
		.mem = mem,
		.movs = i->string == INSN_MOVS,
		.down = cpu->rflags & RFLAGS_DF,
		.unit = i->opsize,
		.mask = insn_addr_mask(i->addrsize),
	};
	uint64_t count = 1, limit;

	if ((!m.movs && i->string != INSN_STOS) || i->locked || i->mode != cpu->mode)
		return EMU_UNSUPPORTED;
	if (i->rep != INSN_NO_REP)
		count = offset_of(&m, INSN_RCX);
	limit = min_u64(count, max_bytes / m.unit);
	if (limit == 0 && count)
		limit = 1;
	if (move_elements(&m, limit))
		return EMU_FAULT;
	if (limit < count)
		return EMU_PARTIAL;
	retire(cpu, i);
	return EMU_DONE;
}
