// SPDX-License-Identifier: GPL-2.0-only
/*
 * insn_extra.c: instructions that kernels execute and that Capstone 4.0.2 does not know, or takes
 * for others (prefixes that it ignores make another instruction), or whose operand it gives a wrong
 * size (EVEX). Asked before Capstone.
 *
 * VEX and EVEX instructions that only name registers access nothing, whichever they are; an
 * immediate byte is all that varies in their length, so they need no table.
 * Sources: Intel SDM vol. 2 and vol. 3 (CET, FRED chapters); AMD APM vol. 3; the opcode maps of
 * both.
 */
#include "insn_internal.h"

enum operand { ANY, MEM, REG };

#define NP	 0x00   /* neither 66, F2 nor F3 */
#define ANY_PREFIX 0xff
#define ANY_REG	 8
#define VEX_EVEX (INSN_VEX | INSN_EVEX)

struct extra {
	const char *name;
	uint8_t scheme; /* set of enum insn_scheme */
	uint8_t map, opcode, prefix;
	uint8_t operand; /* enum operand: what ModRM must name */
	uint8_t reg, rm; /* required ModRM fields, ANY_REG: any */
	uint8_t imm;     /* bytes of immediate */
	struct insn_rule rule;
};

#define RULE(f, s) { .form = (f), .size = (s), .use = INSN_USE_OTHER }
#define MOVE(f, s) { .form = (f), .size = (s), .use = INSN_USE_MOVE, .plain = true }
/* An opcode that is told apart by prefix and both fields of a register ModRM. */
#define FIXED(n, op, pp, r, m, f) \
	{ n, INSN_LEGACY, 1, op, pp, REG, r, m, 0, MOVE(f, SZ_CAPSTONE) }

static const struct extra table[] = {
	/* 0F 01, registers. rmp*, pvalidate and psmash only translate their address. */
	FIXED("enclv", 0x01, NP, 0, 0, M_UNKNOWN),
	FIXED("pconfig", 0x01, NP, 0, 5, M_UNKNOWN),
	FIXED("wrmsrns", 0x01, NP, 0, 6, M_NONE),
	FIXED("rdmsrlist", 0x01, 0xf2, 0, 6, M_UNKNOWN),
	FIXED("wrmsrlist", 0x01, 0xf3, 0, 6, M_UNKNOWN),
	FIXED("erets", 0x01, 0xf2, 1, 2, X_STACK64),
	FIXED("eretu", 0x01, 0xf3, 1, 2, X_STACK64),
	FIXED("tdcall", 0x01, 0x66, 1, 4, M_NONE),
	FIXED("seamret", 0x01, 0x66, 1, 5, M_NONE),
	FIXED("seamops", 0x01, 0x66, 1, 6, M_NONE),
	FIXED("seamcall", 0x01, 0x66, 1, 7, M_NONE),
	FIXED("serialize", 0x01, NP, 5, 0, M_NONE),
	FIXED("setssbsy", 0x01, 0xf3, 5, 0, M_UNKNOWN),
	FIXED("saveprevssp", 0x01, 0xf3, 5, 2, M_UNKNOWN),
	FIXED("rdpkru", 0x01, NP, 5, 6, M_NONE),
	FIXED("wrpkru", 0x01, NP, 5, 7, M_NONE),
	FIXED("monitorx", 0x01, NP, 7, 2, X_TOUCH_RAX),
	FIXED("mwaitx", 0x01, NP, 7, 3, M_NONE),
	FIXED("clzero", 0x01, NP, 7, 4, X_WRITE_RAX),
	FIXED("rdpru", 0x01, NP, 7, 5, M_NONE),
	FIXED("invlpgb", 0x01, NP, 7, 6, M_NONE),
	FIXED("rmpadjust", 0x01, 0xf3, 7, 6, M_NONE),
	FIXED("rmpupdate", 0x01, 0xf2, 7, 6, M_NONE),
	FIXED("tlbsync", 0x01, NP, 7, 7, M_NONE),
	FIXED("psmash", 0x01, 0xf3, 7, 7, M_NONE),
	FIXED("pvalidate", 0x01, 0xf2, 7, 7, M_NONE),
	{ "rstorssp", INSN_LEGACY, 1, 0x01, 0xf3, MEM, 5, ANY_REG, 0, RULE(M_RW, 8) },

	/* Other legacy opcodes */
	{ "cldemote", INSN_LEGACY, 1, 0x1c, NP, MEM, 0, ANY_REG, 0, RULE(M_NONE, 1) },
	{ "ptwrite", INSN_LEGACY, 1, 0xae, 0xf3, ANY, 4, ANY_REG, 0, RULE(M_READ, SZ_REXW) },
	{ "clrssbsy", INSN_LEGACY, 1, 0xae, 0xf3, MEM, 6, ANY_REG, 0, RULE(M_RW, 8) },
	{ "incssp", INSN_LEGACY, 1, 0xae, 0xf3, REG, 5, ANY_REG, 0, RULE(M_UNKNOWN, 1) },
	{ "umonitor", INSN_LEGACY, 1, 0xae, 0xf3, REG, 6, ANY_REG, 0, MOVE(X_TOUCH_RM, 1) },
	{ "tpause", INSN_LEGACY, 1, 0xae, 0x66, REG, 6, ANY_REG, 0, RULE(M_NONE, 1) },
	{ "umwait", INSN_LEGACY, 1, 0xae, 0xf2, REG, 6, ANY_REG, 0, RULE(M_NONE, 1) },
	/* F3 wins over REX.W here; Capstone takes it for a store. */
	{ "movq", INSN_LEGACY, 1, 0x7e, 0xf3, MEM, ANY_REG, ANY_REG, 0, MOVE(M_READ, 8) },
	{ "ud1", INSN_LEGACY, 1, 0xb9, ANY_PREFIX, ANY, ANY_REG, ANY_REG, 0, RULE(M_NONE, 1) },
	{ "rdpid", INSN_LEGACY, 1, 0xc7, 0xf3, REG, 7, ANY_REG, 0, RULE(M_NONE, 1) },
	{ "senduipi", INSN_LEGACY, 1, 0xc7, 0xf3, REG, 6, ANY_REG, 0, RULE(M_UNKNOWN, 1) },
	{ "wruss", INSN_LEGACY, 2, 0xf5, 0x66, MEM, ANY_REG, ANY_REG, 0, RULE(M_WRITE, SZ_REXW) },
	{ "wrss", INSN_LEGACY, 2, 0xf6, NP, MEM, ANY_REG, ANY_REG, 0, RULE(M_WRITE, SZ_REXW) },
	{ "movdir64b", INSN_LEGACY, 2, 0xf8, 0x66, MEM, ANY_REG, ANY_REG, 0, MOVE(X_MOVE64, 64) },
	{ "enqcmd", INSN_LEGACY, 2, 0xf8, 0xf2, MEM, ANY_REG, ANY_REG, 0, RULE(X_MOVE64, 64) },
	{ "enqcmds", INSN_LEGACY, 2, 0xf8, 0xf3, MEM, ANY_REG, ANY_REG, 0, RULE(X_MOVE64, 64) },
	{ "movdiri", INSN_LEGACY, 2, 0xf9, NP, MEM, ANY_REG, ANY_REG, 0, RULE(M_WRITE, SZ_REXW) },
	{ "gf2p8mulb", INSN_LEGACY, 2, 0xcf, 0x66, MEM, ANY_REG, ANY_REG, 0, RULE(M_READ, 16) },
	{ "gf2p8affineqb", INSN_LEGACY, 3, 0xce, 0x66, MEM, ANY_REG, ANY_REG, 1, RULE(M_READ, 16) },
	{ "gf2p8affineinvqb", INSN_LEGACY, 3, 0xcf, 0x66, MEM, ANY_REG, ANY_REG, 1,
	  RULE(M_READ, 16) },

#define VECTOR(n, scheme, map, op, pp, imm, rule) \
	{ n, scheme, map, op, pp, MEM, ANY_REG, ANY_REG, imm, rule }
	/* VEX and EVEX: moves and broadcasts */
	VECTOR("kmov", INSN_VEX, 1, 0x90, NP, 0, MOVE(M_READ, SZ_MASK1)),
	VECTOR("kmov", INSN_VEX, 1, 0x90, 0x66, 0, MOVE(M_READ, SZ_MASK2)),
	VECTOR("kmov", INSN_VEX, 1, 0x91, NP, 0, RULE(M_WRITE, SZ_MASK1)),
	VECTOR("kmov", INSN_VEX, 1, 0x91, 0x66, 0, RULE(M_WRITE, SZ_MASK2)),
	VECTOR("vbroadcastss", INSN_EVEX, 2, 0x18, 0x66, 0, MOVE(M_READ, 4)),
	VECTOR("vbroadcastf64", INSN_EVEX, 2, 0x19, 0x66, 0, MOVE(M_READ, 8)),
	VECTOR("vbroadcastf128", INSN_EVEX, 2, 0x1a, 0x66, 0, MOVE(M_READ, 16)),
	VECTOR("vbroadcastf256", INSN_EVEX, 2, 0x1b, 0x66, 0, MOVE(M_READ, 32)),
	VECTOR("vpbroadcastd", VEX_EVEX, 2, 0x58, 0x66, 0, MOVE(M_READ, 4)),
	VECTOR("vpbroadcastq", VEX_EVEX, 2, 0x59, 0x66, 0, MOVE(M_READ, 8)),
	VECTOR("vbroadcasti128", VEX_EVEX, 2, 0x5a, 0x66, 0, MOVE(M_READ, 16)),
	VECTOR("vbroadcasti256", INSN_EVEX, 2, 0x5b, 0x66, 0, MOVE(M_READ, 32)),
	VECTOR("vpbroadcastb", VEX_EVEX, 2, 0x78, 0x66, 0, MOVE(M_READ, 1)),
	VECTOR("vpbroadcastw", VEX_EVEX, 2, 0x79, 0x66, 0, MOVE(M_READ, 2)),
	VECTOR("vmovups", INSN_EVEX, 1, 0x10, NP, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovups", INSN_EVEX, 1, 0x11, NP, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovupd", INSN_EVEX, 1, 0x10, 0x66, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovupd", INSN_EVEX, 1, 0x11, 0x66, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovss", INSN_EVEX, 1, 0x10, 0xf3, 0, MOVE(M_READ, 4)),
	VECTOR("vmovss", INSN_EVEX, 1, 0x11, 0xf3, 0, RULE(M_WRITE, 4)),
	VECTOR("vmovsd", INSN_EVEX, 1, 0x10, 0xf2, 0, MOVE(M_READ, 8)),
	VECTOR("vmovsd", INSN_EVEX, 1, 0x11, 0xf2, 0, RULE(M_WRITE, 8)),
	VECTOR("vmovaps", INSN_EVEX, 1, 0x28, NP, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovaps", INSN_EVEX, 1, 0x29, NP, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovapd", INSN_EVEX, 1, 0x28, 0x66, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovapd", INSN_EVEX, 1, 0x29, 0x66, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovntps", INSN_EVEX, 1, 0x2b, NP, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovntpd", INSN_EVEX, 1, 0x2b, 0x66, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovd", INSN_EVEX, 1, 0x6e, 0x66, 0, MOVE(M_READ, SZ_REXW)),
	VECTOR("vmovd", INSN_EVEX, 1, 0x7e, 0x66, 0, RULE(M_WRITE, SZ_REXW)),
	VECTOR("vmovq", INSN_EVEX, 1, 0x7e, 0xf3, 0, MOVE(M_READ, 8)),
	VECTOR("vmovq", INSN_EVEX, 1, 0xd6, 0x66, 0, RULE(M_WRITE, 8)),
	VECTOR("vmovdqa", INSN_EVEX, 1, 0x6f, 0x66, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovdqa", INSN_EVEX, 1, 0x7f, 0x66, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovdqu", INSN_EVEX, 1, 0x6f, 0xf3, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovdqu", INSN_EVEX, 1, 0x7f, 0xf3, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovdqu8", INSN_EVEX, 1, 0x6f, 0xf2, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vmovdqu8", INSN_EVEX, 1, 0x7f, 0xf2, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovntdq", INSN_EVEX, 1, 0xe7, 0x66, 0, RULE(M_WRITE, SZ_VECTOR)),
	VECTOR("vmovntdqa", INSN_EVEX, 2, 0x2a, 0x66, 0, MOVE(M_READ, SZ_VECTOR)),
	VECTOR("vextractf128", INSN_EVEX, 3, 0x19, 0x66, 1, RULE(M_WRITE, 16)),
	VECTOR("vextractf256", INSN_EVEX, 3, 0x1b, 0x66, 1, RULE(M_WRITE, 32)),
	VECTOR("vextracti128", INSN_EVEX, 3, 0x39, 0x66, 1, RULE(M_WRITE, 16)),
	VECTOR("vextracti256", INSN_EVEX, 3, 0x3b, 0x66, 1, RULE(M_WRITE, 32)),
	VECTOR("vinsertf128", INSN_EVEX, 3, 0x18, 0x66, 1, RULE(M_READ, 16)),
	VECTOR("vinsertf256", INSN_EVEX, 3, 0x1a, 0x66, 1, RULE(M_READ, 32)),
	VECTOR("vinserti128", INSN_EVEX, 3, 0x38, 0x66, 1, RULE(M_READ, 16)),
	VECTOR("vinserti256", INSN_EVEX, 3, 0x3a, 0x66, 1, RULE(M_READ, 32)),

#define SOURCE(n, scheme, map, op, imm) \
	VECTOR(n, scheme, map, op, 0x66, imm, RULE(M_READ, SZ_VECTOR))
	/* VEX and EVEX: sources of one vector, or of one element that is broadcast */
	SOURCE("vaesenc", VEX_EVEX, 2, 0xdc, 0),
	SOURCE("vaesenclast", VEX_EVEX, 2, 0xdd, 0),
	SOURCE("vaesdec", VEX_EVEX, 2, 0xde, 0),
	SOURCE("vaesdeclast", VEX_EVEX, 2, 0xdf, 0),
	SOURCE("vgf2p8mulb", VEX_EVEX, 2, 0xcf, 0),
	SOURCE("vpclmulqdq", VEX_EVEX, 3, 0x44, 1),
	SOURCE("vgf2p8affineqb", VEX_EVEX, 3, 0xce, 1),
	SOURCE("vgf2p8affineinvqb", VEX_EVEX, 3, 0xcf, 1),
	SOURCE("vpshufb", INSN_EVEX, 2, 0x00, 0),
	SOURCE("vperm", INSN_EVEX, 2, 0x36, 0),
	SOURCE("vpmulld", INSN_EVEX, 2, 0x40, 0),
	SOURCE("vpblendmd", INSN_EVEX, 2, 0x64, 0),
	SOURCE("vpermi2w", INSN_EVEX, 2, 0x75, 0),
	SOURCE("vpermi2d", INSN_EVEX, 2, 0x76, 0),
	SOURCE("vpermt2w", INSN_EVEX, 2, 0x7d, 0),
	SOURCE("vpermt2d", INSN_EVEX, 2, 0x7e, 0),
	SOURCE("vpmadd52luq", INSN_EVEX, 2, 0xb4, 0),
	SOURCE("vpmadd52huq", INSN_EVEX, 2, 0xb5, 0),
	SOURCE("valign", INSN_EVEX, 3, 0x03, 1),
	SOURCE("vpalignr", INSN_EVEX, 3, 0x0f, 1),
	SOURCE("vpternlog", INSN_EVEX, 3, 0x25, 1),
	SOURCE("vshufi32x4", INSN_EVEX, 3, 0x43, 1),
	SOURCE("vpunpckldq", INSN_EVEX, 1, 0x62, 0),
	SOURCE("vpunpckhdq", INSN_EVEX, 1, 0x6a, 0),
	SOURCE("vpunpcklqdq", INSN_EVEX, 1, 0x6c, 0),
	SOURCE("vpunpckhqdq", INSN_EVEX, 1, 0x6d, 0),
	SOURCE("vpaddq", INSN_EVEX, 1, 0xd4, 0),
	SOURCE("vpand", INSN_EVEX, 1, 0xdb, 0),
	SOURCE("vpandn", INSN_EVEX, 1, 0xdf, 0),
	SOURCE("vpor", INSN_EVEX, 1, 0xeb, 0),
	SOURCE("vpxor", INSN_EVEX, 1, 0xef, 0),
	SOURCE("vpmuludq", INSN_EVEX, 1, 0xf4, 0),
	SOURCE("vpsadbw", INSN_EVEX, 1, 0xf6, 0),
	SOURCE("vpsubb", INSN_EVEX, 1, 0xf8, 0),
	SOURCE("vpsubw", INSN_EVEX, 1, 0xf9, 0),
	SOURCE("vpsubd", INSN_EVEX, 1, 0xfa, 0),
	SOURCE("vpsubq", INSN_EVEX, 1, 0xfb, 0),
	SOURCE("vpaddb", INSN_EVEX, 1, 0xfc, 0),
	SOURCE("vpaddw", INSN_EVEX, 1, 0xfd, 0),
	SOURCE("vpaddd", INSN_EVEX, 1, 0xfe, 0),
	SOURCE("vpshufd", INSN_EVEX, 1, 0x70, 1),
	SOURCE("vpshiftw", INSN_EVEX, 1, 0x71, 1),
	SOURCE("vpshiftd", INSN_EVEX, 1, 0x72, 1),
	SOURCE("vpshiftq", INSN_EVEX, 1, 0x73, 1),
};

static bool matches(const struct extra *x, const struct insn_encoding *e,
		    const struct insn_modrm *m)
{
	if (!(x->scheme & e->scheme) || x->map != e->map || x->opcode != e->opcode)
		return false;
	if (x->prefix != ANY_PREFIX && x->prefix != e->prefix)
		return false;
	if (x->operand != ANY && (x->operand == MEM) != (m->mod != 3))
		return false;
	return (x->reg == ANY_REG || x->reg == (m->reg & 7)) &&
	       (x->rm == ANY_REG || x->rm == (m->rm & 7));
}

static const struct extra *find(const struct insn_encoding *e, const struct insn_modrm *m)
{
	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++)
		if (matches(&table[k], e, m))
			return &table[k];
	return NULL;
}

/* Opcodes of map 1 whose vector forms have an immediate byte; in map 3 all have, in map 2 none. */
static bool vector_has_imm(const struct insn_encoding *e)
{
	if (e->map != 1)
		return e->map == 3;
	return (e->opcode >= 0x70 && e->opcode <= 0x73) || e->opcode == 0xc2 ||
	       (e->opcode >= 0xc4 && e->opcode <= 0xc6);
}

static const struct extra vector_registers[2] = {
	{ .name = "(vector)", .rule = RULE(M_NONE, SZ_CAPSTONE) },
	{ .name = "(vector)", .imm = 1, .rule = RULE(M_NONE, SZ_CAPSTONE) },
};

/* maskmovdqu names only registers, but stores where rdi points. */
static bool only_registers(const struct insn_encoding *e, const struct insn_modrm *m)
{
	bool maskmov = e->map == 1 && e->opcode == 0xf7;

	return m->mod == 3 && !maskmov && (e->scheme & VEX_EVEX) && e->map >= 1 && e->map <= 3;
}

static bool complete(size_t len, const struct insn_encoding *e, const struct insn_modrm *m,
		     const struct extra *x, struct insn *i)
{
	size_t end = (size_t)m->end + x->imm;

	if (end > len || end > INSN_MAX_BYTES)
		return false;
	i->extra = e->scheme == INSN_LEGACY;
	i->name = x->name;
	i->length = (uint8_t)end;
	i->has_mem = m->mod != 3;
	i->mem = m->mem;
	i->reg = m->reg;
	i->rm = m->rm;
	insn_apply_rule(i, &x->rule, e, 0);
	if (e->scheme == INSN_EVEX && m->disp8)
		i->mem.disp *= i->size;
	return true;
}

bool insn_extra(const uint8_t *bytes, size_t len, const struct insn_encoding *e, struct insn *i)
{
	const struct extra *x;
	struct insn_modrm m;

	if (e->map == 0 || insn_parse_modrm(i->mode, bytes, len, e, &m))
		return false;
	x = find(e, &m);
	return x && complete(len, e, &m, x, i);
}

bool insn_extra_registers(const uint8_t *bytes, size_t len, const struct insn_encoding *e,
			  struct insn *i)
{
	struct insn_modrm m;

	if (insn_parse_modrm(i->mode, bytes, len, e, &m) || !only_registers(e, &m))
		return false;
	return complete(len, e, &m, &vector_registers[vector_has_imm(e)], i);
}
