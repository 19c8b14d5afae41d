// SPDX-License-Identifier: GPL-2.0-only
/*
 * scale_walk.c: see scale_walk.h. One table entry says of all code that a frame is FRAME_WORDS long, in the layout of
 * Linux 6.12 (arch/x86/include/asm/orc_types.h).
 */
#include "scale_walk.h"

#include <stdlib.h>
#include <string.h>

#include "orc.h"

#define TEXT	    0xffffffff81000000ull
#define STACK	    0xffffc90000010000ull
#define TABLE	    0xffffffff82000000ull /* the entry's address, then the entry */
#define WORDS	    (ORC_PAGE / 8)
#define FRAME_WORDS 12u

static const struct orc_layout layout = { .size = 6,
					  .sp_offset = { 0, 16 },
					  .bp_offset = { 16, 16 },
					  .sp_reg = { 32, 4 },
					  .bp_reg = { 36, 4 },
					  .type = { 40, 3 },
					  .signal = { 43, 1 } };

static const struct {
	int32_t ip;
	uint8_t entry[6];
} table = { (int32_t)(TEXT - TABLE), { FRAME_WORDS * 8, 0, 0, 0, 5 /* ORC_REG_SP */, 2 /* ORC_TYPE_CALL */ } };

struct scale_walk {
	uint64_t stack[WORDS];
	unsigned frames;
	struct orc_near near;
	struct orc_memory memory;
	struct orc_guest guest;
};

static uint64_t address(unsigned frame)
{
	return TEXT + frame * 0x1234ull;
}

static size_t read_guest(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct scale_walk *s = ctx;

	if (addr - STACK <= sizeof(s->stack) - len) {
		s->near = (struct orc_near){ .page = STACK, .host = (const uint8_t *)s->stack };
		memcpy(buf, (const uint8_t *)s->stack + (addr - STACK), len);
		return len;
	}
	if (addr - TABLE > sizeof(table) - len)
		return 0;
	memcpy(buf, (const uint8_t *)&table + (addr - TABLE), len);
	return len;
}

static bool find_table(void *ctx, uint64_t addr, struct orc_table *t)
{
	(void)ctx, (void)addr;
	*t = (struct orc_table){ .ip = TABLE, .entry = TABLE + sizeof(table.ip), .n = 1 };
	return true;
}

static uint64_t returns(void *ctx, uint64_t addr, uint64_t slot)
{
	(void)ctx, (void)slot;
	return addr;
}

struct scale_walk *scale_walk_create(unsigned frames)
{
	struct scale_walk *s = frames < WORDS / FRAME_WORDS ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->frames = frames;
	for (unsigned n = 0; n < frames; n++)
		s->stack[(n + 1) * FRAME_WORDS - 1] = address(n + 1);
	s->guest = (struct orc_guest){ .ctx = s,
				       .layout = &layout,
				       .read = read_guest,
				       .near = &s->near,
				       .table = find_table,
				       .returns = returns,
				       .memory = &s->memory };
	return s;
}

void scale_walk_destroy(struct scale_walk *s)
{
	free(s);
}

bool scale_walk(struct scale_walk *s, uint64_t *frame)
{
	const struct orc_regs regs = { .ip = address(0), .sp = STACK };
	struct orc_walk w;
	unsigned n = 0;

	s->near.host = NULL;
	orc_start(&w, &s->guest, &regs);
	while (n < s->frames && orc_next(&w) == ORC_CALLER)
		frame[n++] = w.regs.ip;
	return n == s->frames && frame[n - 1] == address(n);
}
