// SPDX-License-Identifier: GPL-2.0-only
/*
 * insn.c: the decoder object: Capstone's handles, the cache, and building a struct insn.
 *
 * Capstone recognises the instruction, its length, its operands' sizes and which operand is memory.
 * The address comes from insn_parse.c, the accesses from insn_fixups.c.
 */
#include <assert.h>
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insn_internal.h"

#define CACHE_BITS 12
#define CACHE_SIZE (1u << CACHE_BITS)
#define HASH_BYTES 8

struct insn_decoder {
	csh handle[3]; /* by enum insn_mode, 0: not opened yet */
	cs_insn *scratch[3];
	char text[CS_MNEMONIC_SIZE + 192];
	struct insn cache[CACHE_SIZE];
};

static const cs_mode capstone_mode[] = { [INSN_MODE_64] = CS_MODE_64,
					 [INSN_MODE_32] = CS_MODE_32,
					 [INSN_MODE_16] = CS_MODE_16 };

static bool open_mode(struct insn_decoder *d, enum insn_mode mode)
{
	if (d->handle[mode])
		return true;
	if (cs_open(CS_ARCH_X86, capstone_mode[mode], &d->handle[mode]) != CS_ERR_OK) {
		d->handle[mode] = 0;
		return false;
	}
	if (cs_option(d->handle[mode], CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		d->scratch[mode] = cs_malloc(d->handle[mode]);
	if (d->scratch[mode])
		return true;
	cs_close(&d->handle[mode]);
	d->handle[mode] = 0;
	return false;
}

struct insn_decoder *insn_decoder_create(void)
{
	struct insn_decoder *d = calloc(1, sizeof(*d));

	if (d && !open_mode(d, INSN_MODE_64)) {
		free(d);
		return NULL;
	}
	return d;
}

void insn_decoder_destroy(struct insn_decoder *d)
{
	if (!d)
		return;
	for (int mode = 0; mode < 3; mode++) {
		if (!d->handle[mode])
			continue;
		cs_free(d->scratch[mode], 1);
		cs_close(&d->handle[mode]);
	}
	free(d);
}

static const cs_insn *capstone_decode(struct insn_decoder *d, enum insn_mode mode,
				      const uint8_t *bytes, size_t len)
{
	uint64_t address = 0;

	if (!open_mode(d, mode) ||
	    !cs_disasm_iter(d->handle[mode], &bytes, &len, &address, d->scratch[mode]))
		return NULL;
	return d->scratch[mode];
}

/* SDM vol. 1, 6.2.2 to 6.2.5: slots of the stack follow the mode, 66 selects the other size. */
static uint8_t stack_slot(enum insn_mode mode, const struct insn_encoding *e)
{
	if (mode == INSN_MODE_64)
		return e->opsize_prefix ? 2 : 8;
	return e->opsize;
}

static unsigned operand_size(const struct insn *i, const struct insn_rule *rule,
			     const struct insn_encoding *e, unsigned capstone_size)
{
	bool wide = e->rex & INSN_REX_W;

	if (e->broadcast && rule->form == M_READ)
		return wide ? 8 : 4;
	switch (rule->size) {
	case SZ_CAPSTONE:
		return capstone_size;
	case SZ_OP:
		return e->opsize;
	case SZ_STACK:
		return i->stacksize;
	case SZ_NATIVE:
		return i->mode == INSN_MODE_64 ? 8 : 4;
	case SZ_REXW:
		return wide && i->mode == INSN_MODE_64 ? 8 : 4;
	case SZ_VECTOR:
		return e->vector;
	case SZ_UNPACK:
		return capstone_size == 8 ? 4 : capstone_size;
	case SZ_MASK1:
		return wide ? 8 : 2;
	case SZ_MASK2:
		return wide ? 4 : 1;
	case SZ_TABLE:
		return i->mode == INSN_MODE_64 ? 10 : 6;
	case SZ_FAR:
		return e->opsize + 2u;
	case SZ_BOUND:
		return e->opsize * 2u;
	case SZ_FENV:
		return e->opsize == 2 ? 14 : 28;
	case SZ_FSAVE:
		return e->opsize == 2 ? 94 : 108;
	case SZ_FXSAVE:
		return 512;
	case SZ_XSAVE:
		return 0;
	default:
		return rule->size;
	}
}

void insn_apply_rule(struct insn *i, const struct insn_rule *rule, const struct insn_encoding *e,
		     unsigned capstone_size)
{
	i->form = rule->form;
	i->use = rule->use;
	i->plain = rule->plain;
	i->xsave = rule->size == SZ_XSAVE;
	i->size = (uint16_t)operand_size(i, rule, e, capstone_size);
	/* Which elements an opmask selects is not known here. */
	if (i->has_mem && (e->masked || (i->size == 0 && !i->xsave)))
		i->form = M_UNKNOWN;
}

/*
 * Capstone 4.0.2 takes the wrong vector length for some EVEX instructions, so only those that
 * insn_extra.c lists are known.
 */
static bool is_untrusted(const struct insn_encoding *e)
{
	return e->scheme == INSN_EVEX;
}

/* The string instructions by opcode; each pair is the byte form and the wider one. */
static bool string_rule(struct insn *i, const struct insn_encoding *e)
{
	static const struct {
		uint8_t opcode, string, use;
		bool plain;
		const char *name;
	} table[] = {
		{ 0x6c, INSN_INS, INSN_USE_OTHER, false, "ins" },
		{ 0x6e, INSN_OUTS, INSN_USE_OTHER, false, "outs" },
		{ 0xa4, INSN_MOVS, INSN_USE_MOVE, true, "movs" },
		{ 0xa6, INSN_CMPS, INSN_USE_COMPARE, false, "cmps" },
		{ 0xaa, INSN_STOS, INSN_USE_OTHER, false, "stos" },
		{ 0xac, INSN_LODS, INSN_USE_MOVE, true, "lods" },
		{ 0xae, INSN_SCAS, INSN_USE_COMPARE, false, "scas" },
	};

	if (e->scheme != INSN_LEGACY || e->map != 0)
		return false;
	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		if (table[k].opcode != (e->opcode & 0xfe))
			continue;
		i->form = X_STRING;
		i->name = table[k].name;
		i->use = table[k].use;
		i->plain = table[k].plain;
		i->string = table[k].string;
		i->opsize = e->opcode & 1 ? e->opsize : 1;
		/* Ports are at most 32 bits wide. */
		if (i->opsize == 8 && (i->string == INSN_INS || i->string == INSN_OUTS))
			i->opsize = 4;
		if (e->rep)
			i->rep = e->rep == 0xf3 ? INSN_REP : INSN_REPNE;
		return true;
	}
	return false;
}

static bool is_moffs(const struct insn_encoding *e)
{
	return e->scheme == INSN_LEGACY && e->map == 0 && (e->opcode & 0xfc) == 0xa0;
}

/* mov to and from an absolute address: the address follows the opcode, no ModRM. */
static void parse_moffs(struct insn *i, const struct insn_encoding *e, const uint8_t *bytes)
{
	uint64_t disp = 0;

	i->mem = (struct insn_mem){ .base = INSN_NO_REG, .index = INSN_NO_REG, .seg = i->seg };
	memcpy(&disp, bytes + e->modrm_at, e->addrsize);
	i->mem.disp = (int64_t)disp;
	i->has_mem = true;
}

static int memory_operand(const cs_x86 *x)
{
	for (int k = 0; k < x->op_count; k++)
		if (x->operands[k].type == X86_OP_MEM)
			return k;
	return -1;
}

static bool is_vector_reg(unsigned reg)
{
	return (reg >= X86_REG_XMM0 && reg <= X86_REG_ZMM31) ||
	       (reg >= X86_REG_MM0 && reg <= X86_REG_MM7) ||
	       (reg >= X86_REG_K0 && reg <= X86_REG_K7);
}

static struct insn_rule default_rule(const cs_x86 *x, int mem)
{
	for (int k = 0; k < x->op_count; k++)
		if (x->operands[k].type == X86_OP_REG && is_vector_reg(x->operands[k].reg))
			return (struct insn_rule){ .form = mem == 0 ? M_WRITE : M_READ,
						     .use = INSN_USE_OTHER };
	return (struct insn_rule){ .form = mem < 0 ? M_NONE : M_UNKNOWN,
				   .use = INSN_USE_OTHER };
}

static struct insn_rule resolved_rule(unsigned id, const cs_x86 *x, int mem)
{
	const struct insn_rule *fixup = insn_fixup(id);
	struct insn_rule rule = fixup ? *fixup : default_rule(x, mem);

	if (rule.form == M_MOVE)
		rule.form = mem == 0 ? M_WRITE : M_READ;
	if (rule.form == M_ALU && mem != 0)
		rule.use = INSN_USE_OTHER;
	if (rule.form == M_ALU)
		rule.form = mem == 0 ? M_RW : M_READ;
	return rule;
}

/* bt, bts, btr and btc with a register: A3, AB, B3, BB. */
static bool has_register_bit_offset(const struct insn_encoding *e)
{
	return e->map == 1 && (e->opcode & 0xe7) == 0xa3;
}

static void build(struct insn *i, const struct insn_encoding *e, const cs_insn *c)
{
	const cs_x86 *x = &c->detail->x86;
	int mem = memory_operand(x);
	struct insn_rule rule = resolved_rule(c->id, x, mem);
	struct insn_modrm m;

	i->length = (uint8_t)c->size;
	if (string_rule(i, e))
		return;
	if (mem >= 0 && is_moffs(e)) {
		parse_moffs(i, e, i->bytes);
	} else if (mem >= 0 && rule.form < X_XLAT) {
		if (insn_parse_modrm(i->mode, i->bytes, i->length, e, &m) || m.mod == 3) {
			rule = (struct insn_rule){ .form = M_UNKNOWN, .use = INSN_USE_OTHER };
		} else {
			i->has_mem = true;
			i->mem = m.mem;
			if (is_untrusted(e))
				rule.form = M_UNKNOWN;
			if (has_register_bit_offset(e) &&
			    (rule.form == M_BT || rule.form == M_BTX))
				i->bit_reg = (int8_t)m.reg;
		}
	}
	insn_apply_rule(i, &rule, e, mem >= 0 ? x->operands[mem].size : 0);
	if (c->id == X86_INS_XCHG && i->has_mem)
		i->locked = true;
}

/* Near branches have 64-bit targets and slots in 64-bit mode whatever the prefixes (Intel). */
static bool is_near_branch(unsigned id)
{
	return id == X86_INS_CALL || id == X86_INS_RET || id == X86_INS_JMP;
}

static void prepare(struct insn *i, enum insn_mode mode, const struct insn_encoding *e,
		    const uint8_t *bytes, size_t len)
{
	memset(i, 0, sizeof(*i));
	memcpy(i->bytes, bytes, len < INSN_MAX_BYTES ? len : INSN_MAX_BYTES);
	i->mode = mode;
	i->opsize = e->opsize;
	i->addrsize = e->addrsize;
	i->stacksize = stack_slot(mode, e);
	i->seg = e->seg == INSN_SEGS ? INSN_DS : e->seg;
	i->bit_reg = INSN_NO_REG;
	i->locked = e->lock;
}

static bool decode(struct insn_decoder *d, enum insn_mode mode, const uint8_t *bytes, size_t len,
		   struct insn *i)
{
	struct insn_encoding e;
	const cs_insn *c;

	if (insn_parse(mode, bytes, len, &e))
		return false;
	prepare(i, mode, &e, bytes, len);
	if (insn_extra(bytes, len, &e, i))
		return true;
	c = capstone_decode(d, mode, bytes, len);
	if (!c || c->size == 0 || c->size > INSN_MAX_BYTES)
		return insn_extra_registers(bytes, len, &e, i);
	if (mode == INSN_MODE_64 && is_near_branch(c->id))
		i->stacksize = 8;
	i->name = cs_insn_name(d->handle[mode], c->id);
	build(i, &e, c);
	return true;
}

/* FNV-1a; bytes behind the instruction spread it over slots, which costs a second decoding only. */
static unsigned slot_of(enum insn_mode mode, const uint8_t *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull + mode;

	for (size_t k = 0; k < HASH_BYTES && k < len; k++)
		hash = (hash ^ bytes[k]) * 0x100000001b3ull;
	return (unsigned)((hash ^ (hash >> 32)) & (CACHE_SIZE - 1));
}

/* A prefix code: if the cached instruction's bytes are all there, no other instruction can be. */
static bool is_cached(const struct insn *i, enum insn_mode mode, const uint8_t *bytes, size_t len)
{
	return i->owner && i->mode == mode && i->length <= len &&
	       !memcmp(i->bytes, bytes, i->length);
}

const struct insn *insn_decode(struct insn_decoder *d, enum insn_mode mode, const uint8_t *bytes,
			       size_t len)
{
	struct insn *i = &d->cache[slot_of(mode, bytes, len)];

	if (is_cached(i, mode, bytes, len))
		return i;
	if (len > INSN_MAX_BYTES)
		len = INSN_MAX_BYTES;
	i->owner = NULL;
	if (!decode(d, mode, bytes, len, i))
		return NULL;
	i->owner = d;
	return i;
}

unsigned insn_length(const struct insn *i)
{
	return i->length;
}

enum insn_string insn_string(const struct insn *i)
{
	return i->string;
}

enum insn_rep insn_rep(const struct insn *i)
{
	return i->rep;
}

bool insn_locked(const struct insn *i)
{
	return i->locked;
}

bool insn_is_plain_move(const struct insn *i)
{
	return i->plain;
}

enum insn_use insn_use(const struct insn *i)
{
	return i->use;
}

const char *insn_mnemonic(const struct insn *i)
{
	return i->name ? i->name : "(unnamed)";
}

/* A relative branch: its target as distance from the instruction, which has no address here. */
static bool branch_distance(const struct insn *i, const cs_insn *c, int64_t *distance)
{
	const cs_x86 *x = &c->detail->x86;
	bool branch = false;

	for (int k = 0; k < c->detail->groups_count; k++)
		branch |= c->detail->groups[k] == X86_GRP_BRANCH_RELATIVE;
	if (!branch || x->op_count != 1 || x->operands[0].type != X86_OP_IMM)
		return false;
	*distance = x->operands[0].imm;
	if (i->mode != INSN_MODE_64)
		*distance = i->mode == INSN_MODE_32 ? (int32_t)*distance : (int16_t)*distance;
	return true;
}

static const char *const reg_names[INSN_GPRS + 1] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip",
};

/* For what Capstone cannot print: the mnemonic and the memory operand, no other. */
static const char *extra_text(const struct insn *i)
{
	const struct insn_mem *m = &i->mem;
	struct insn_decoder *d = i->owner;
	uint64_t disp = (uint64_t)m->disp;
	char index[24] = "";

	if (!i->has_mem)
		return insn_mnemonic(i);
	if (m->index != INSN_NO_REG)
		snprintf(index, sizeof(index), ",%%%s,%u", reg_names[m->index], 1u << m->shift);
	snprintf(d->text, sizeof(d->text), "%s %s%s0x%llx(%s%s%s)", insn_mnemonic(i),
		 i->seg == INSN_FS ? "%fs:" : i->seg == INSN_GS ? "%gs:" : "",
		 m->disp < 0 ? "-" : "",
		 (unsigned long long)(m->disp < 0 ? -disp : disp),
		 m->base == INSN_NO_REG ? "" : "%",
		 m->base == INSN_NO_REG ? "" : reg_names[m->base], index);
	return d->text;
}

/* NULL where Capstone has none or takes the bytes for another instruction. */
static const cs_insn *insn_capstone(const struct insn *i)
{
	const cs_insn *c;

	if (i->extra)
		return NULL;
	c = capstone_decode(i->owner, i->mode, i->bytes, i->length);
	return c && c->size == i->length ? c : NULL;
}

/* NULL where Capstone cannot print it or reads something else. */
static const cs_insn *capstone_text(const struct insn *i)
{
	struct insn_decoder *d = i->owner;
	const cs_insn *c;

	if (!open_mode(d, i->mode))
		return NULL;
	cs_option(d->handle[i->mode], CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
	c = insn_capstone(i);
	cs_option(d->handle[i->mode], CS_OPT_SYNTAX, CS_OPT_SYNTAX_INTEL);
	return c;
}

const char *insn_text(const struct insn *i)
{
	struct insn_decoder *d = i->owner;
	const cs_insn *c = capstone_text(i);
	int64_t distance;

	if (!c)
		return extra_text(i);
	if (branch_distance(i, c, &distance))
		snprintf(d->text, sizeof(d->text), "%s .%c0x%llx", c->mnemonic,
			 distance < 0 ? '-' : '+',
			 (unsigned long long)(distance < 0 ? -(uint64_t)distance
							   : (uint64_t)distance));
	else
		snprintf(d->text, sizeof(d->text), "%s%s%s", c->mnemonic,
			 c->op_str[0] ? " " : "", c->op_str);
	return d->text;
}
