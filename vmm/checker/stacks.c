// SPDX-License-Identifier: GPL-2.0-only
/*
 * stacks.c: which memory of the guest's kernel stacks is left over: what lies below the stack pointer of
 * its task. Words there point to what was once worked with, and would hide leaks.
 *
 * Lists of the guest are followed for a bounded number of steps. Where something is not as it should be
 * the stack counts as used: a leak less is found, and none is invented.
 */
#include <stdlib.h>

#include "checker_internal.h"
#include "stacks.h"

#define TASKS_MAX (4u << 20) /* PID_MAX_LIMIT, include/linux/threads.h: processes and threads */

struct dead {
	uint64_t page; /* gpa */
	uint32_t bytes;
};

struct stacks {
	struct checker *c;
	const struct task_layout *at;
	struct dead *dead;
	size_t n, room;
	unsigned tasks; /* that were looked at */
	uint64_t running[MAX_CPUS], sp[MAX_CPUS]; /* sp 0: in user mode */
};

static uint64_t read_word(const struct stacks *s, uint64_t addr)
{
	uint64_t word;

	return checker_guest_read(s->c, addr, &word, sizeof(word)) == sizeof(word) ? word : 0;
}

static bool add_page(struct stacks *s, uint64_t addr, uint32_t bytes)
{
	struct dead *more;
	struct walk w;

	if (s->n >= guest_ram_pages(s->c->ram) ||
	    walk_supervisor(s->c->ram, s->c->agent.cr3, s->c->agent.la57, (gva_t){ addr }, &w) != WALK_OK)
		return true;
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		more = realloc(s->dead, s->room * sizeof(*more));
		if (!more)
			return false;
		s->dead = more;
	}
	s->dead[s->n++] = (struct dead){ w.gpa.v, bytes };
	return true;
}

/* Where the used part begins; the lowest address where that is not known. */
static uint64_t used_from(const struct stacks *s, uint64_t task, uint64_t low)
{
	uint64_t end = low + s->c->agent.thread_size, sp;
	unsigned cpu = 0;

	while (cpu < MAX_CPUS && s->running[cpu] != task)
		cpu++;
	sp = cpu < MAX_CPUS ? s->sp[cpu] : read_word(s, task + s->at->sp);
	if (cpu < MAX_CPUS && !sp)
		return end;
	return sp >= low && sp < end ? sp & ~7ull : low;
}

static bool add_task(struct stacks *s, uint64_t task)
{
	uint64_t low = read_word(s, task + s->c->agent.task_stack), used;

	if (!low || low % GUEST_PAGE)
		return true;
	used = used_from(s, task, low);
	for (uint64_t page = low; page < used; page += GUEST_PAGE)
		if (!add_page(s, page, used - page < GUEST_PAGE ? (uint32_t)(used - page) : GUEST_PAGE))
			return false;
	return true;
}

static bool add_threads(struct stacks *s, uint64_t leader)
{
	uint64_t head = read_word(s, leader + s->at->signal) + s->at->thread_head;
	uint64_t node = read_word(s, head);

	for (; node && node != head && s->tasks < TASKS_MAX; s->tasks++) {
		if (!add_task(s, node - s->at->thread_node))
			return false;
		node = read_word(s, node);
	}
	return true;
}

static bool add_processes(struct stacks *s, uint64_t first)
{
	uint64_t head = first + s->at->tasks, node = head;

	for (; s->tasks < TASKS_MAX; s->tasks++) {
		if (!add_threads(s, node - s->at->tasks))
			return false;
		node = read_word(s, node);
		if (!node || node == head)
			break;
	}
	return true;
}

/* The list goes through all processes and the idle task of CPU 0, and not through the other idle tasks. */
static uint64_t first_process(const struct stacks *s)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		uint64_t task = s->running[cpu];
		uint32_t pid;

		if (!task || checker_guest_read(s->c, task + s->c->agent.task_pid, &pid, sizeof(pid)) != sizeof(pid))
			continue;
		if (pid || cpu == 0)
			return read_word(s, task + s->at->group_leader);
	}
	return 0;
}

static int by_page(const void *a, const void *b)
{
	uint64_t x = ((const struct dead *)a)->page, y = ((const struct dead *)b)->page;

	return x < y ? -1 : x > y;
}

struct stacks *stacks_create(struct checker *c)
{
	const struct layout *l = layout_get(c);
	struct stacks *s = calloc(1, sizeof(*s));
	struct vcpu_state state;
	uint64_t first;

	if (!s || !l->has_tasks)
		return s;
	s->c = c;
	s->at = &l->task;
	for (unsigned cpu = 0; cpu < machine_cpus(c->machine); cpu++) {
		vcpu_state_load(c, machine_vcpu(c->machine, cpu), &state);
		s->running[cpu] = vcpu_current_task(c, &state);
		s->sp[cpu] = state.kernel ? state.insn.gpr[INSN_RSP] : 0;
	}
	first = first_process(s);
	if (first && !add_processes(s, first))
		s->n = 0;
	qsort(s->dead, s->n, sizeof(s->dead[0]), by_page);
	return s;
}

void stacks_destroy(struct stacks *s)
{
	if (s)
		free(s->dead);
	free(s);
}

uint32_t stacks_dead(const struct stacks *s, gpa_t page)
{
	const struct dead key = { .page = page.v };
	const struct dead *found = s->n ? bsearch(&key, s->dead, s->n, sizeof(key), by_page) : NULL;

	return found ? found->bytes : 0;
}
