// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_ring.c: the agent rings for an object that it waits for: the guest goes on in a window, and its first
 * access to the object is no violation. The OUT is carried out once, registers are right on both sides of it; and
 * where the guest must not go on in a window, it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"
#include "inspect.h"
#include "tiny_guest.h"

#define COUNT  0x2050000ull /* the guest's: how often it came out of the OUT, and what it read of the object */
#define FLAG_TF 0x100ull
#define VALUE  0x1122334455667788ull

/*
 * Maps all memory at DIRECT_MAP too, and goes on there, for only a kernel's addresses are checked. Says hello; the
 * flags are what it finds at COUNT + 16; rings; stores to the object, reads it again, and resets. With an IDT of one
 * gate, #DB, whose handler notes where it was and clears TF.
 */
GUEST(ringer, TO_DIRECT_MAP
	      "add %r15, %rsp\n"
	      "lea 0x2050000(%r15), %r14\n"
	      "lea idt(%rip), %rdi\n" /* its one gate: offset, selector, type */
	      "lea debug(%rip), %rax\n"
	      "mov %ax, 16(%rdi)\n"
	      "shr $16, %rax\n"
	      "mov %ax, 22(%rdi)\n"
	      "shr $16, %rax\n"
	      "mov %eax, 24(%rdi)\n"
	      "mov %cs, %eax\n"
	      "mov %ax, 18(%rdi)\n"
	      "movw $0x8e00, 20(%rdi)\n"
	      "sub $16, %rsp\n"
	      "movw $31, (%rsp)\n"
	      "mov %rdi, 2(%rsp)\n"
	      "lidt (%rsp)\n"
	      "mov $0x4b4d, %edx\n"
	      "lea 0x2000000(%r15), %rsi\n"
	      "mov (%rsi), %eax\n"
	      "out %eax, %dx\n"
	      "movabs $0xffff888002100000, %rdi\n"
	      "movabs $0x1122334455667788, %rcx\n"
	      "mov $7, %r9d\n"
	      "mov 4(%rsi), %eax\n"
	      "pushq 16(%r14)\n"
	      "agent:\n"
	      "popfq\n"
	      "out %eax, %dx\n"
	      "incl (%r14)\n"
	      "agent_end:\n"
	      "inc %r9d\n"
	      "mov %rcx, (%rdi)\n"
	      "mov (%rdi), %rbx\n"
	      "mov %rbx, 8(%r14)\n"
	      "mov %r9, 32(%r14)\n"
	      "mov $0xfe, %al\n"
	      "out %al, $0x64\n"
	      "hlt\n"
	      "debug: push %rax\n"
	      "mov 8(%rsp), %rax\n"
	      "mov %rax, 24(%r14)\n"
	      "andl $~0x100, 24(%rsp)\n"
	      "pop %rax\n"
	      "iretq\n"
	      ".balign 16\n"
	      "idt: .skip 32\n");
extern const uint8_t agent[], agent_end[];

struct case_of {
	const char *name;
	uint64_t flags;
	bool waits, in_agent, window;
};

static const struct case_of cases[] = {
	{ "waits", 2, true, true, true },
	{ "does not wait", 2, false, true, false },
	{ "not the agent's code", 2, true, false, false },
	{ "a debug trap is due, and no window", FLAG_TF | 2, false, true, false },
	{ "a debug trap is due behind the OUT", FLAG_TF | 2, true, true, false },
};

static uint64_t gva_of(const uint8_t *at)
{
	return DIRECT_MAP + TINY_ENTRY + (uint64_t)(at - ringer_start);
}

static void create(struct guest *g, const struct case_of *t)
{
	const struct checker_config config = { .checks = ~0u, .rules = rules };
	uint64_t *found;

	agent_guest_create_with(g, &config, ringer_start, (size_t)(ringer_end - ringer_start));
	if (t->in_agent) {
		g->hello->agent_start = gva_of(agent);
		g->hello->agent_end = gva_of(agent_end);
	}
	record(g, KMC_LARGE, DIRECT_MAP + SLAB, 100, 4096)->flags = t->waits ? KMC_F_WAITS : 0;
	bell(g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(g, RING_BELL(KMC_CMD_DRAIN, 0));
	found = guest_at(g, COUNT, 40);
	found[2] = t->flags;
}

/* Behind the OUT, which KVM completes, or where KVM forgets TF there, behind the next instruction. */
static void check_trap(const struct case_of *t, uint64_t at)
{
	if (t->flags & FLAG_TF)
		assert_true(at == gva_of(agent) + 2 || at == gva_of(agent) + 5);
	else
		assert_int_equal(at, 0);
}

static void rings(void **state)
{
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		const struct checker_stats *s;
		const uint64_t *found;
		struct guest g;

		print_message("%s\n", cases[n].name);
		create(&g, &cases[n]);
		assert_int_equal(machine_run(g.machine), END_RESET);
		assert_null(checker_agent_error(g.checker));
		s = checker_stats(g.checker);
		found = guest_at(&g, COUNT, 40);
		assert_int_equal(found[0], 1);
		assert_int_equal(found[1], VALUE);
		assert_int_equal(found[4], 8);
		assert_int_equal(*(uint64_t *)guest_at(&g, SLAB, 8), VALUE);
		check_trap(&cases[n], found[3]);
		assert_int_equal(s->ring_windows, cases[n].window);
		assert_int_equal(s->reports, 0);
		if (cases[n].window) {
			assert_int_equal(s->violations, 0);
			assert_int_equal(s->window_accesses, 2);
		} else {
			assert_true(s->violations > 0);
		}
		agent_guest_destroy(&g);
	}
}

/* Maps all memory at DIRECT_MAP too, says hello, and rings with what lies in the object. */
GUEST(shouter, TO_DIRECT_MAP
	       "mov $0x4b4d, %edx\n"
	       "lea 0x2000000(%r15), %rsi\n"
	       "mov (%rsi), %eax\n"
	       "out %eax, %dx\n"
	       "mov 4(%rsi), %eax\n"
	       "out %eax, %dx\n"
	       "lea 0x2100000(%r15), %rsi\n"
	       "mov $2, %ecx\n"
	       "rep outsl\n"
	       "mov $0xfe, %al\n"
	       "out %al, $0x64\n"
	       "hlt\n");

/* The thread that serves the access to the object serves the bell as well, and does not wait for itself. */
static void rings_with_the_object(void **state)
{
	const struct checker_config config = { .checks = ~0u, .rules = rules };
	struct guest g;
	uint32_t *bells;

	agent_guest_create_with(&g, &config, shouter_start, (size_t)(shouter_end - shouter_start));
	record(&g, KMC_LARGE, DIRECT_MAP + SLAB, 100, 4096)->flags = KMC_F_WAITS | KMC_F_ZEROED;
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	bells = guest_at(&g, SLAB, 2 * sizeof(*bells));
	bells[0] = bells[1] = RING_BELL(KMC_CMD_DRAIN, 0);
	alarm(30);
	assert_int_equal(machine_run(g.machine), END_RESET);
	alarm(0);
	assert_true(checker_stats(g.checker)->violations > 0);
	agent_guest_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rings), cmocka_unit_test(rings_with_the_object) };

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
