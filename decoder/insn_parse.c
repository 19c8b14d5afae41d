// SPDX-License-Identifier: GPL-2.0-only
/*
 * insn_parse.c: prefixes, opcode and memory operand of an instruction, from its bytes.
 *
 * Does not know which opcodes exist or have a ModRM byte: Capstone or insn_extra.c say so. The
 * operand's address is parsed here for both, so that they agree.
 * Sources: Intel SDM vol. 2, 2.1 to 2.7 (prefixes, ModRM, REX, VEX, EVEX); AMD APM vol. 3, 1.2
 * (XOP; in 64-bit mode the CS, DS, ES and SS overrides are ignored).
 */
#include <string.h>

#include "insn_internal.h"

struct cursor {
	const uint8_t *bytes;
	size_t len, at;
};

static bool peek(const struct cursor *c, size_t ahead, uint8_t *byte)
{
	if (c->len - c->at <= ahead)
		return false;
	*byte = c->bytes[c->at + ahead];
	return true;
}

/* Little endian, sign-extended. */
static bool fetch(struct cursor *c, unsigned n, int64_t *value)
{
	uint64_t v = 0;

	if (c->len - c->at < n)
		return false;
	for (unsigned k = 0; k < n; k++)
		v |= (uint64_t)c->bytes[c->at + k] << (8 * k);
	c->at += n;
	*value = (int64_t)(v << (64 - 8 * n)) >> (64 - 8 * n);
	return true;
}

static uint8_t segment_of_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26:
		return INSN_ES;
	case 0x2e:
		return INSN_CS;
	case 0x36:
		return INSN_SS;
	case 0x3e:
		return INSN_DS;
	case 0x64:
		return INSN_FS;
	case 0x65:
		return INSN_GS;
	default:
		return INSN_SEGS;
	}
}

/* A REX prefix counts only directly before the opcode: any other prefix behind it cancels it. */
static bool take_rex(enum insn_mode mode, struct cursor *c, struct insn_encoding *e)
{
	uint8_t byte;

	if (mode != INSN_MODE_64 || !peek(c, 0, &byte) || (byte & 0xf0) != 0x40)
		return false;
	e->rex = byte & 0xf;
	c->at++;
	return true;
}

/* Most bytes are none, and this runs for each instruction that is translated. */
static bool is_prefix(uint8_t byte)
{
	static const uint32_t prefix[8] = { [1] = 1u << 0x06 | 1u << 0x0e | 1u << 0x16 | 1u << 0x1e,
					    [3] = 1u << 0x04 | 1u << 0x05 | 1u << 0x06 | 1u << 0x07,
					    [7] = 1u << 0x10 | 1u << 0x12 | 1u << 0x13 };

	return prefix[byte / 32] >> byte % 32 & 1;
}

/* Consumes one legacy prefix; false where the next byte is none. */
static bool take_prefix(enum insn_mode mode, struct cursor *c, struct insn_encoding *e,
			bool *addrsize_prefix)
{
	uint8_t byte, seg;

	if (!peek(c, 0, &byte) || !is_prefix(byte))
		return false;
	seg = segment_of_prefix(byte);
	if (seg != INSN_SEGS) {
		if (mode != INSN_MODE_64 || seg == INSN_FS || seg == INSN_GS)
			e->seg = seg;
	} else if (byte == 0x66) {
		e->opsize_prefix = true;
	} else if (byte == 0x67) {
		*addrsize_prefix = true;
	} else if (byte == 0xf0) {
		e->lock = true;
	} else {
		e->rep = byte;
	}
	e->rex = 0;
	c->at++;
	return true;
}

static const uint8_t vex_prefix[4] = { 0, 0x66, 0xf3, 0xf2 };

/* R, X and B are kept inverted; 32-bit modes have only eight registers. */
static uint8_t inverted_rex(enum insn_mode mode, uint8_t byte)
{
	return mode == INSN_MODE_64 ? (~byte >> 5) & 7 : 0;
}

static void take_last_vex_byte(struct insn_encoding *e, uint8_t byte)
{
	e->prefix = vex_prefix[byte & 3];
	e->vector = byte & 4 ? 32 : 16;
}

static bool take_vex(enum insn_mode mode, struct cursor *c, struct insn_encoding *e)
{
	uint8_t b[4];
	unsigned n = c->bytes[c->at] == 0xc5 ? 2 : 3;

	for (unsigned k = 0; k <= n; k++)
		if (!peek(c, k, &b[k]))
			return false;
	e->scheme = b[0] == 0x8f ? INSN_XOP : INSN_VEX;
	if (n == 2) {
		e->map = 1;
		e->rex = inverted_rex(mode, b[1]) & INSN_REX_R;
	} else {
		e->map = b[1] & 0x1f;
		e->rex = inverted_rex(mode, b[1]) | (b[2] & 0x80 ? INSN_REX_W : 0);
	}
	take_last_vex_byte(e, b[n - 1]);
	e->opcode = b[n];
	c->at += n + 1;
	return true;
}

static bool take_evex(enum insn_mode mode, struct cursor *c, struct insn_encoding *e)
{
	static const uint8_t vector[4] = { 16, 32, 64, 64 };
	uint8_t b[5];

	for (unsigned k = 0; k < 5; k++)
		if (!peek(c, k, &b[k]))
			return false;
	e->scheme = INSN_EVEX;
	e->map = b[1] & 7;
	e->rex = inverted_rex(mode, b[1]) | (b[2] & 0x80 ? INSN_REX_W : 0);
	e->prefix = vex_prefix[b[2] & 3];
	e->vector = vector[(b[3] >> 5) & 3];
	e->broadcast = b[3] & 0x10;
	e->masked = b[3] & 7;
	e->opcode = b[4];
	c->at += 5;
	return true;
}

/*
 * Which scheme the byte at the cursor starts: outside 64-bit mode C4, C5 and 62 are also les, lds
 * and bound, whose ModRM never names a register; 8F is pop unless its map is 8 or more.
 */
static enum insn_scheme scheme_of(enum insn_mode mode, const struct cursor *c)
{
	uint8_t b0, b1;

	if (!peek(c, 0, &b0) || !peek(c, 1, &b1))
		return INSN_LEGACY;
	if (b0 == 0x8f)
		return (b1 & 0x1f) >= 8 ? INSN_XOP : INSN_LEGACY;
	if (mode != INSN_MODE_64 && b1 < 0xc0)
		return INSN_LEGACY;
	if (b0 == 0xc4 || b0 == 0xc5)
		return INSN_VEX;
	return b0 == 0x62 ? INSN_EVEX : INSN_LEGACY;
}

static bool take_legacy_opcode(struct cursor *c, struct insn_encoding *e)
{
	uint8_t b;

	if (!peek(c, 0, &b))
		return false;
	c->at++;
	if (b == 0x0f) {
		if (!peek(c, 0, &b))
			return false;
		c->at++;
		e->map = 1;
		if (b == 0x38 || b == 0x3a) {
			e->map = b == 0x38 ? 2 : 3;
			if (!peek(c, 0, &b))
				return false;
			c->at++;
		}
	}
	e->scheme = INSN_LEGACY;
	e->opcode = b;
	e->prefix = e->rep ? e->rep : e->opsize_prefix ? 0x66 : 0;
	return true;
}

static void set_sizes(enum insn_mode mode, struct insn_encoding *e, bool addrsize_prefix)
{
	static const uint8_t addr[][2] = { [INSN_MODE_64] = { 8, 4 },
					   [INSN_MODE_32] = { 4, 2 },
					   [INSN_MODE_16] = { 2, 4 } };
	bool prefix = e->scheme == INSN_LEGACY && e->opsize_prefix;

	e->addrsize = addr[mode][addrsize_prefix];
	if (mode == INSN_MODE_16)
		e->opsize = prefix ? 4 : 2;
	else
		e->opsize = prefix ? 2 : 4;
	if (mode == INSN_MODE_64 && (e->rex & INSN_REX_W))
		e->opsize = 8;
}

int insn_parse(enum insn_mode mode, const uint8_t *bytes, size_t len, struct insn_encoding *e)
{
	struct cursor c = { bytes, len < INSN_MAX_BYTES ? len : INSN_MAX_BYTES, 0 };
	bool addrsize_prefix = false;
	bool ok;

	memset(e, 0, sizeof(*e));
	e->seg = INSN_SEGS;
	while (take_prefix(mode, &c, e, &addrsize_prefix) || take_rex(mode, &c, e))
		;
	switch (scheme_of(mode, &c)) {
	case INSN_VEX:
	case INSN_XOP:
		ok = take_vex(mode, &c, e);
		break;
	case INSN_EVEX:
		ok = take_evex(mode, &c, e);
		break;
	default:
		ok = take_legacy_opcode(&c, e);
	}
	if (!ok)
		return -1;
	set_sizes(mode, e, addrsize_prefix);
	e->modrm_at = c.at;
	return 0;
}

/* SDM vol. 2, table 2-1. */
static bool parse_mem16(struct cursor *c, struct insn_modrm *m)
{
	static const int8_t pair[8][2] = {
		{ INSN_RBX, INSN_RSI }, { INSN_RBX, INSN_RDI },
		{ INSN_RBP, INSN_RSI }, { INSN_RBP, INSN_RDI },
		{ INSN_RSI, INSN_NO_REG }, { INSN_RDI, INSN_NO_REG },
		{ INSN_RBP, INSN_NO_REG }, { INSN_RBX, INSN_NO_REG },
	};

	if (m->mod == 0 && m->rm == 6)
		return fetch(c, 2, &m->mem.disp);
	m->mem.base = pair[m->rm][0];
	m->mem.index = pair[m->rm][1];
	return m->mod == 0 || fetch(c, m->mod, &m->mem.disp);
}

static bool parse_sib(struct cursor *c, const struct insn_encoding *e, struct insn_modrm *m)
{
	int64_t byte;
	uint8_t sib, index;

	if (!fetch(c, 1, &byte))
		return false;
	sib = (uint8_t)byte;
	index = ((sib >> 3) & 7) | (e->rex & INSN_REX_X ? 8 : 0);
	if (index != INSN_RSP) {
		m->mem.index = (int8_t)index;
		m->mem.shift = sib >> 6;
	}
	if ((sib & 7) == 5 && m->mod == 0)
		return fetch(c, 4, &m->mem.disp);
	m->mem.base = (int8_t)((sib & 7) | (e->rex & INSN_REX_B ? 8 : 0));
	return true;
}

/* SDM vol. 2, tables 2-2 and 2-3; 2.2.1.6 (rip-relative). */
static bool parse_mem32(enum insn_mode mode, struct cursor *c, const struct insn_encoding *e,
			struct insn_modrm *m)
{
	uint8_t rm = m->rm & 7;

	if (rm == 4) {
		if (!parse_sib(c, e, m))
			return false;
	} else if (rm == 5 && m->mod == 0) {
		if (mode == INSN_MODE_64)
			m->mem.base = INSN_RIP_REG;
		return fetch(c, 4, &m->mem.disp);
	} else {
		m->mem.base = (int8_t)m->rm;
	}
	if (m->mod == 0)
		return true;
	return fetch(c, m->mod == 1 ? 1 : 4, &m->mem.disp);
}

int insn_parse_modrm(enum insn_mode mode, const uint8_t *bytes, size_t len,
		     const struct insn_encoding *e, struct insn_modrm *m)
{
	struct cursor c = { bytes, len < INSN_MAX_BYTES ? len : INSN_MAX_BYTES, e->modrm_at };
	int64_t byte;
	bool ok = true;

	memset(m, 0, sizeof(*m));
	m->mem.base = m->mem.index = INSN_NO_REG;
	if (!fetch(&c, 1, &byte))
		return -1;
	m->mod = ((uint8_t)byte) >> 6;
	m->reg = ((byte >> 3) & 7) | (e->rex & INSN_REX_R ? 8 : 0);
	m->rm = byte & 7;
	m->disp8 = m->mod == 1;
	if (e->addrsize != 2 || m->mod == 3)
		m->rm |= e->rex & INSN_REX_B ? 8 : 0;
	if (m->mod != 3)
		ok = e->addrsize == 2 ? parse_mem16(&c, m) : parse_mem32(mode, &c, e, m);
	m->end = c.at;
	if (e->seg != INSN_SEGS)
		m->mem.seg = e->seg;
	else if (m->mem.base == INSN_RSP || m->mem.base == INSN_RBP)
		m->mem.seg = INSN_SS;
	else
		m->mem.seg = INSN_DS;
	return ok ? 0 : -1;
}
