/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * idle.h: how long a window waits for the next tracked access. Each place, that is a block of code that made one,
 * learns how far away the next one came, and so whether emulating that far costs less than ending the window and
 * coming back with another violation.
 *
 * Pure arithmetic, the same in each run; knows no engine. One thread at a time a place. Nothing that is reported
 * depends on it, but for undefined bits that live no longer than a window: engine.c waits for those anyway.
 */
#ifndef KMC_IDLE_H
#define KMC_IDLE_H

#include <stdbool.h>
#include <stdint.h>

/* Level n waits for IDLE_LEAST << n instructions; all zero is a place that nobody knows yet. */
#define IDLE_LEVELS 7
#define IDLE_LEAST  16u
#define IDLE_MOST   (IDLE_LEAST << (IDLE_LEVELS - 1))

struct idle_place {
	uint8_t came[IDLE_LEVELS];  /* times that it came within this level, and not within the one below */
	uint8_t never[IDLE_LEVELS]; /* times that so long was waited in vain */
	uint8_t less;		    /* IDLE_LEVELS minus the number of levels that are worth waiting for */
	uint8_t visits;		    /* modulo 256 */
};

#define IDLE_TRY 64u /* visits */

/*
 * What was learned is thought about: where was waited in vain, and behind each try. exit_cost: what a violation costs,
 * in emulated instructions, at least 1.
 */
void idle_think(struct idle_place *p, uint32_t exit_cost);

/*
 * For how many instructions to wait here, 0 to IDLE_MOST. Once in a while, counted by calls, that is IDLE_MOST, for
 * what is never waited for is never learned of.
 */
static inline uint32_t idle_wait(struct idle_place *p)
{
	p->visits++;
	return p->visits % IDLE_TRY ? (IDLE_MOST >> p->less) & ~(IDLE_LEAST - 1) : IDLE_MOST;
}

/* Of 1 and more; IDLE_LEVELS: further away than anything that is waited for. */
static inline unsigned idle_level(uint64_t instructions)
{
	uint64_t leasts = (instructions - 1) / IDLE_LEAST;

	if (!leasts)
		return 0;
	return leasts < IDLE_MOST / IDLE_LEAST ? 64u - (unsigned)__builtin_clzll(leasts) : IDLE_LEVELS;
}

/*
 * What became of it: so many instructions to the next tracked access; or none came, waited being what idle_wait()
 * said, also where the window ended before, for another reason.
 */
static inline void idle_never(struct idle_place *p, uint32_t waited, uint32_t exit_cost)
{
	if (waited)
		p->never[idle_level(waited < IDLE_MOST ? waited : IDLE_MOST)]++;
	idle_think(p, exit_cost);
}

/* True: idle_think() is due. */
static inline bool idle_came(struct idle_place *p, uint64_t instructions)
{
	unsigned level = idle_level(instructions);

	if (level == IDLE_LEVELS) {
		p->never[idle_level(IDLE_MOST)]++;
		return true;
	}
	p->came[level]++;
	return p->visits % IDLE_TRY == 0;
}

#endif
