// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_announce.c: a window comes to the agent's probes: what they would announce is announced, and they are not
 * run; a probe of what the host does not know is left to the guest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent_guest.h"
#include "inspect.h"
#include "tiny_guest.h"

#define COUNT	 0x2050000ull /* the guest's: how often its probes ran */
#define COUNTS	 (COUNT + 64) /* its preempt_count */
#define TASK_AT	 (COUNT + 128)
#define TASK	 (COUNT + 256)
#define PID	 77
#define GFP_ZERO 0x100u
#define FIRST	 (SLAB + 128)
#define SECOND	 (SLAB + 256)
#define PAGES_AT 0x3000ull /* its page tables */

/*
 * Maps all memory at DIRECT_MAP too, and goes on there. Says hello; rings for the first object, behind which a window
 * goes on. Frees it and reads it; allocates the second one, cleared, reads it, and the byte behind it; frees what is
 * in no slab; resets.
 */
GUEST(announcer, TO_DIRECT_MAP
		 "add %r15, %rsp\n"
		 "lea 0x2050000(%r15), %r14\n"
		 "mov $0x4b4d, %edx\n"
		 "lea 0x2000000(%r15), %rbp\n"
		 "mov (%rbp), %eax\n"
		 "out %eax, %dx\n"
		 "mov 4(%rbp), %eax\n"
		 "announcer_agent:\n"
		 "out %eax, %dx\n"
		 "jmp 2f\n"
		 "announcer_kmalloc: incl (%r14)\n"
		 "ret\n"
		 "announcer_kfree: incl (%r14)\n"
		 "ret\n"
		 "announcer_agent_end:\n"
		 "2: mov $0x1234, %esi\n"
		 "lea 0x2100080(%r15), %rdx\n"
		 "call announcer_kfree\n"
		 "mov (%rdx), %rbx\n"
		 "lea 0x2100100(%r15), %rdx\n"
		 "mov $100, %ecx\n"
		 "mov $128, %r8d\n"
		 "mov $0x100, %r9d\n"
		 "call announcer_kmalloc\n"
		 "mov (%rdx), %rbx\n"
		 "test %rbx, %rbx\n"
		 "je 3f\n"
		 "3: movb 100(%rdx), %bl\n"
		 "lea 0x2200000(%r15), %rdx\n"
		 "call announcer_kfree\n"
		 "mov $0xfe, %al\n"
		 "out %al, $0x64\n"
		 "hlt\n");
extern const uint8_t announcer_agent[], announcer_agent_end[], announcer_kmalloc[], announcer_kfree[];

static uint64_t gva_of(const uint8_t *at)
{
	return DIRECT_MAP + TINY_ENTRY + (uint64_t)(at - announcer_start);
}

static void create(struct guest *g)
{
	const struct checker_config config = { .checks = ~0u, .rules = rules };
	struct kmc_hello *h;

	agent_guest_create_with(g, &config, announcer_start, (size_t)(announcer_end - announcer_start));
	h = g->hello;
	h->agent_start = gva_of(announcer_agent);
	h->agent_end = gva_of(announcer_agent_end);
	h->traced[KMC_TRACED_KMALLOC].probe = gva_of(announcer_kmalloc);
	h->traced[KMC_TRACED_KFREE].probe = gva_of(announcer_kfree);
	h->cr3 = PAGES_AT;
	h->current_task = DIRECT_MAP + TASK_AT; /* GS base is 0 */
	h->preempt_count = DIRECT_MAP + COUNTS;
	h->in_hardirq = 0xf0000;
	h->in_softirq = 0x100;
	h->in_nmi = 0xf00000;
	h->gfp_zero = GFP_ZERO;
	h->task_comm = 8;
	*(uint64_t *)guest_at(g, TASK_AT, 8) = DIRECT_MAP + TASK;
	*(uint32_t *)guest_at(g, TASK, 4) = PID;
	record(g, KMC_SLAB, DIRECT_MAP + SLAB, 4096, 0);
	record(g, KMC_KMALLOC, DIRECT_MAP + FIRST, 100, 128)->flags = KMC_F_WAITS | KMC_F_ZEROED;
	bell(g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(g, RING_BELL(KMC_CMD_DRAIN, 0));
}

static uint32_t run(struct guest *g)
{
	assert_int_equal(machine_run(g->machine), END_RESET);
	assert_null(checker_agent_error(g->checker));
	return *(uint32_t *)guest_at(g, COUNT, 4);
}

/* A free and an allocation by the host, and what follows from them; the last free is the guest's. */
static void in_a_window(void **state)
{
	const struct checker_stats *s;
	struct guest g;

	create(&g);
	assert_int_equal(run(&g), 1);
	s = checker_stats(g.checker);
	assert_int_equal(s->ring_windows, 1);
	assert_int_equal(s->announced, 2);
	assert_int_equal(s->records, 4);
	assert_int_equal(g.hello->seq, 4);
	assert_int_equal(s->objects, 2);
	assert_int_equal(s->reports, 2); /* after the free, and behind the end */
	agent_guest_destroy(&g);
}

/* A record of this CPU is being written; no such place in memory; a number was drawn that nobody announces. */
static void left_to_the_guest(void **state)
{
	for (unsigned n = 0; n < 3; n++) {
		struct guest g;

		create(&g);
		if (n == 0)
			g.ring->busy = 1;
		else if (n == 1)
			g.hello->preempt_count = 1ull << 46; /* not mapped */
		else
			g.hello->traced[KMC_TRACED_KMALLOC].probe = g.hello->traced[KMC_TRACED_KFREE].probe = 0;
		assert_int_equal(run(&g), 3);
		assert_int_equal(checker_stats(g.checker)->announced, 0);
		assert_int_equal(g.hello->seq, 2);
		agent_guest_destroy(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(in_a_window), cmocka_unit_test(left_to_the_guest) };

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
