/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent_guest.h: a tiny guest with an agent that says what the test wants: it rings the doorbell
 * with what a table says, after the test has put hello block, rings and records into its memory.
 * Used by tests/kvm/checker_*.c and control_sandbox.c; a failure ends the test.
 */
#ifndef TESTS_AGENT_GUEST_H
#define TESTS_AGENT_GUEST_H

#include "checker.h"
#include "kmc_abi.h"
#include "tiny_kernel.h"

#define MEMORY	   (64ull << 20)
#define TABLE	   0x2000000ull /* doorbell values, ended by 0 */
#define HELLO	   0x2001000ull
#define RING	   0x2010000ull
#define BUFFER	   0x2040000ull
#define SLAB	   0x2100000ull /* one page: touched by the guest at its end */
#define SLOTS	   16u
#define DIRECT_MAP 0xffff888000000000ull

/* Assembly: maps all memory at DIRECT_MAP too, and goes on there; r15 is DIRECT_MAP. */
#define TO_DIRECT_MAP                                                                              \
	"mov %cr3, %rax\n"                                                                         \
	"mov (%rax), %rbx\n"                                                                       \
	"mov %rbx, 273*8(%rax)\n"                                                                  \
	"movabs $0xffff888000000000, %r15\n"                                                       \
	"lea 1f(%rip), %rax\n"                                                                     \
	"add %r15, %rax\n"                                                                         \
	"jmp *%rax\n"                                                                              \
	"1:\n"

#define RING_BELL(cmd, arg) ((uint32_t)(arg) << KMC_CMD_BITS | (cmd))

struct guest {
	struct checker *checker;
	struct machine *machine;
	struct kmc_hello *hello;
	struct kmc_ring *ring;
	uint32_t *table;
	unsigned bells, records;
	char path[TINY_PATH];
};

/*
 * A machine with an honest agent in its memory; the case then breaks it. The guest resets when the
 * table is at its end. config: all but the release.
 */
void agent_guest_create(struct guest *g, const struct checker_config *config);
/* The same with other code, which does not use the table unless it wants to. */
void agent_guest_create_with(struct guest *g, const struct checker_config *config, const uint8_t *code,
			     size_t len);
void agent_guest_destroy(struct guest *g);

void *guest_at(struct guest *g, uint64_t gpa, uint64_t len);
void bell(struct guest *g, uint32_t value); /* the next entry of the table */
/* The next record in the ring. */
struct kmc_record *record(struct guest *g, uint8_t type, uint64_t addr, uint64_t size,
			  uint64_t slot);

/* The project's own rules, for groups of tests with these two around them. */
extern struct rules *rules;
int rules_setup(void **state);
int rules_teardown(void **state);

#endif
