// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c: call traces, by remembered steps.
 *
 * How one gets from a frame to its caller's depends on the code address alone: the kernel's ORC tables say so.
 * What they say is looked up once for each return address, compared with what the kernel's own unwinder does
 * there, and kept in a table. What is not a plain step (another stack, registers of an interrupted kernel, a
 * return address that a probe has replaced) is not kept: from there the kernel's unwinder goes on.
 *
 * The table is read and written without a lock, from any context: an entry is one word, and what it says of a
 * code address is true whoever wrote it, until the code goes (kmc_trace_forget()). Why: docs/decisions/0026.
 */
#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/objtool.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <asm/orc_types.h>
#include <asm/unwind.h>
#include "agent.h"

/* Frames of the agent and of the tracepoint that lie on top of the stack. */
#define OWN_FRAMES 6

static unsigned int stack_depth = KMC_STACK_DEPTH;
module_param(stack_depth, uint, 0644);
MODULE_PARM_DESC(stack_depth, "frames of call trace in each record, 0 to 19 (default 19); the host may want others");

static unsigned long save_regs; /* stack_trace_save_regs() */

/* Code between a tracepoint and us, as in enum kmc_traced_by. */
static struct {
	const char *name;
	unsigned long start, end;
} iterators[KMC_TRACED] = {
	{ "__traceiter_kmalloc" },
	{ "__traceiter_kmem_cache_alloc" },
	{ "__traceiter_kfree" },
	{ "__traceiter_kmem_cache_free" },
};

static bool is_own_frame(unsigned long addr)
{
	unsigned int i;

	if (within_module(addr, THIS_MODULE))
		return true;
	for (i = 0; i < ARRAY_SIZE(iterators); i++)
		if (addr >= iterators[i].start && addr < iterators[i].end)
			return true;
	return false;
}

static unsigned int wanted_depth(void)
{
	unsigned int wanted = READ_ONCE(kmc_hello->stack_depth);

	return min_t(unsigned int, wanted ? wanted - 1 : READ_ONCE(stack_depth), KMC_STACK_DEPTH);
}

/* The trace that the kernel's unwinder gives for the function that calls this one. Returns its frames. */
static noinline unsigned int save_whole(unsigned long *stack, unsigned int depth)
{
	unsigned long frames[KMC_STACK_DEPTH + OWN_FRAMES];
	unsigned int n, skip = 0;

	n = stack_trace_save(frames, depth + OWN_FRAMES, 0);
	while (skip < n && is_own_frame(frames[skip]))
		skip++;
	n = min(n - skip, depth);
	memcpy(stack, frames + skip, n * sizeof(frames[0]));
	return n;
}

#ifdef CONFIG_UNWINDER_ORC

/*
 * A step, one word, 0 where there is none:
 *  0..31  lower half of the code address; the upper half is all ones, for the kernel and its modules
 * 32..43  the caller's sp less ours (or less rbp, STEP_FROM_BP), in words; STEP_REGS: where the registers are
 * 44..55  the caller's sp less the place where its rbp is saved, in words; 0: rbp is still the caller's
 * 56..    STEP_*
 * The return address is the word below the caller's sp.
 */
#define STEP_SP_SHIFT  32
#define STEP_BP_SHIFT  44
#define STEP_WORDS     0xfffu
#define STEP_FROM_BP   (1ull << 56)
#define STEP_REGS      (1ull << 57) /* what called this code left registers; if they are a program's, it ends there */
#define STEP_END       (1ull << 58) /* nothing called this code */
#define STEP_OWN_FRAME (1ull << 59) /* is_own_frame() */

#define STEPS_BITS  14
#define STEPS_BYTES (sizeof(u64) << STEPS_BITS)

#ifdef ORC_TYPE_CALL
#define TYPE_CALL ORC_TYPE_CALL
#define TYPE_REGS ORC_TYPE_REGS
#else
#define TYPE_CALL UNWIND_HINT_TYPE_CALL
#define TYPE_REGS UNWIND_HINT_TYPE_REGS
#endif

static u64 *steps;
static unsigned long stack_info_of; /* get_stack_info() */
static unsigned long module_of;	    /* __module_address() */
static unsigned long *__percpu stack_top; /* where the running task's stack ends */

static struct orc_table {
	const int *ip;
	const struct orc_entry *entries;
	unsigned long n;
} kernel_orc;

/* Where functions return to while a probe waits for it; the unwinder finds out where they really return to. */
static unsigned long trampolines[3];

struct trace {
	unsigned long *stack;
	unsigned int n, depth;
	struct kmc_frame f;   /* the last one in it; ours to begin with */
	unsigned long end;    /* behind the stack that f is on; 0: unknown */
	unsigned long stacks; /* that the kernel's unwinder has been on: a bit for each enum stack_type */
};

enum progress { COMPLETE, STUCK, NOT_SO };

/* False: that was the last one that is wanted. */
static __always_inline bool add(struct trace *t, unsigned long addr, bool own)
{
	if (!own || t->n)
		t->stack[t->n++] = addr;
	return t->n < t->depth;
}

static __always_inline u64 *slot_of(unsigned long ip)
{
	return &steps[(u32)ip * 0x9e3779b1u >> (32 - STEPS_BITS)];
}

static __always_inline u64 remembered(unsigned long ip)
{
	u64 step = READ_ONCE(*slot_of(ip));

	return (unsigned long)(s32)(u32)step == ip ? step : 0;
}

static __always_inline unsigned long caller_sp(u64 step, const struct kmc_frame *f)
{
	return (step & STEP_FROM_BP ? f->bp : f->sp) + (step >> STEP_SP_SHIFT & STEP_WORDS) * sizeof(long);
}

/* Takes a plain step. end: behind the stack that f is on. False where it would lead off the stack, or back. */
static __always_inline bool take(u64 step, const struct kmc_frame *f, unsigned long end,
				 struct kmc_frame *next)
{
	unsigned long sp = caller_sp(step, f), saved = (step >> STEP_BP_SHIFT & STEP_WORDS) * sizeof(long);

	if (sp > end || sp < f->sp + sizeof(long) || saved > sp - f->sp)
		return false;
	next->ip = READ_ONCE_NOCHECK(*(unsigned long *)(sp - sizeof(long)));
	next->sp = sp;
	next->bp = saved ? READ_ONCE_NOCHECK(*(unsigned long *)(sp - saved)) : f->bp;
	return true;
}

/* Was it a program that entered the kernel here? */
static __always_inline bool is_entry(u64 step, const struct kmc_frame *f, unsigned long end)
{
	unsigned long at = caller_sp(step, f);
	struct pt_regs *regs = (struct pt_regs *)at;

	return at >= f->sp && at < end && end - at >= sizeof(*regs) && user_mode(regs) && regs->ip < TASK_SIZE_MAX;
}

/* From t->f on, which is in the trace already, as far as steps are remembered. */
static enum progress walk(struct trace *t)
{
	enum progress progress = STUCK;
	struct kmc_frame f = t->f, next;
	u64 step = remembered(f.ip);

	while (step) {
		if (step & (STEP_END | STEP_REGS)) {
			if (step & STEP_END || is_entry(step, &f, t->end))
				progress = COMPLETE;
			break;
		}
		if (!take(step, &f, t->end, &next))
			break;
		step = remembered(next.ip);
		if (!step)
			break;
		f = next;
		if (!add(t, f.ip, step & STEP_OWN_FRAME)) {
			progress = COMPLETE;
			break;
		}
	}
	t->f = f;
	return progress;
}

static const struct orc_entry *find_entry(const struct orc_table *table, unsigned long addr)
{
	unsigned long first = 0, last = table->n, middle;

	/* The last entry that does not begin behind addr. */
	while (last - first > 1) {
		middle = first + (last - first) / 2;
		if ((unsigned long)&table->ip[middle] + table->ip[middle] <= addr)
			first = middle;
		else
			last = middle;
	}
	return &table->entries[first];
}

/* Preemption is off: no module goes. */
static const struct orc_entry *find_orc(unsigned long addr)
{
	struct orc_table table = kernel_orc;
	const struct module *mod;

	if (addr < kmc_hello->text_start || addr >= kmc_hello->text_end) {
		mod = (const struct module *)kmc_call(module_of, addr, 0, 0, 0);
		if (!mod)
			return NULL;
		table = (struct orc_table){ mod->arch.orc_unwind_ip, mod->arch.orc_unwind, mod->arch.num_orcs };
	}
	if (!table.ip || !table.entries || !table.n)
		return NULL;
	return find_entry(&table, addr);
}

/* In words, or 0 where it does not fit. */
static u64 words(int bytes)
{
	u64 n = bytes / (int)sizeof(long);

	return bytes > 0 && !(bytes % sizeof(long)) && n <= STEP_WORDS ? n : 0;
}

/* What an ORC entry says, without the address; 0 where it is not one of our steps. */
static u64 step_of(const struct orc_entry *orc)
{
	u64 step, saved = 0;

	if (orc->sp_reg == ORC_REG_UNDEFINED)
		return STEP_END;
	if (orc->sp_reg != ORC_REG_SP && orc->sp_reg != ORC_REG_BP)
		return 0;
	step = words(orc->sp_offset) << STEP_SP_SHIFT;
	if (orc->sp_reg == ORC_REG_BP)
		step |= STEP_FROM_BP;
	if (orc->type == TYPE_REGS)
		return orc->sp_offset && !words(orc->sp_offset) ? 0 : step | STEP_REGS;
	if (orc->bp_reg == ORC_REG_PREV_SP)
		saved = words(-orc->bp_offset);
	if (orc->type != TYPE_CALL || !words(orc->sp_offset) || (orc->bp_reg != ORC_REG_UNDEFINED && !saved))
		return 0;
	return step | saved << STEP_BP_SHIFT;
}

/* In a frame that called another one, and with no registers known. */
static bool is_plain(struct unwind_state *state)
{
	return !unwind_done(state) && !state->regs && !state->signal;
}

/* Is that what the kernel's unwinder has done? */
static bool agrees(u64 step, const struct kmc_frame *f, struct unwind_state *after)
{
	struct kmc_frame next;

	if (step & STEP_END)
		return unwind_done(after);
	if (step & STEP_REGS)
		return !unwind_done(after) && (unsigned long)after->regs == caller_sp(step, f) && after->full_regs;
	return is_plain(after) && take(step, f, after->sp, &next) && next.ip == after->ip && next.sp == after->sp &&
	       next.bp == after->bp;
}

static void learn(const struct kmc_frame *f, struct unwind_state *after)
{
	const struct orc_entry *orc;
	unsigned int i;
	u64 step;

	if ((unsigned long)(s32)f->ip != f->ip || !(u32)f->ip)
		return;
	for (i = 0; i < ARRAY_SIZE(trampolines); i++)
		if (f->ip == trampolines[i])
			return;
	preempt_disable_notrace();
	/* A return address may be the first one behind the function that calls. */
	orc = find_orc(f->ip - 1);
	step = orc ? step_of(orc) : 0;
	if (step && agrees(step, f, after)) {
		if (is_own_frame(f->ip))
			step |= STEP_OWN_FRAME;
		WRITE_ONCE(*slot_of(f->ip), step | (u32)f->ip);
	}
	preempt_enable_notrace();
}

/* Nothing but the frame and the stacks it has been on matters for the way from here. */
static bool is_restartable(struct unwind_state *state)
{
#ifdef CONFIG_RETHOOK
	if (state->kr_cur)
		return false;
#endif
	return is_plain(state) && !state->graph_idx;
}

/*
 * From t->f on, which is in the trace already, by the kernel's unwinder, for at least a step. That can be started at
 * registers only, where the address is the next instruction's and not the one behind a call: one less is the same, for
 * it looks one below a return address. NOT_SO if that made a difference, or could lead to a stack for the second time.
 */
static noinline enum progress walk_on(struct trace *t)
{
	struct pt_regs regs = { .ip = t->f.ip - 1, .sp = t->f.sp, .bp = t->f.bp, .cs = __KERNEL_CS };
	struct unwind_state state;
	unsigned long addr;
	bool plain = true;

	__unwind_start(&state, current, &regs, NULL);
	if (state.prev_regs == &regs || (!unwind_done(&state) && (unsigned long)state.stack_info.end != t->end &&
					 t->stacks & 1ul << state.stack_info.type))
		return NOT_SO;
	state.stack_mask |= t->stacks;
	for (;;) {
		if (plain)
			learn(&t->f, &state);
		if (unwind_done(&state))
			return COMPLETE;
		addr = unwind_get_return_address(&state);
		if (!addr || !add(t, addr, is_own_frame(addr)))
			return COMPLETE;
		plain = is_plain(&state);
		t->f = (struct kmc_frame){ state.ip, state.sp, state.bp };
		if (remembered(addr) && is_restartable(&state)) {
			t->end = (unsigned long)state.stack_info.end;
			t->stacks = state.stack_mask;
			return STUCK;
		}
		unwind_next_frame(&state);
	}
}

/* Behind the last byte of the stack that sp is on, 0 where unknown. */
static unsigned long stack_end(unsigned long sp)
{
	unsigned long top = stack_top ? raw_cpu_read(*stack_top) : 0, mask = 0;
	struct stack_info info;

	if (sp < top && top - sp <= THREAD_SIZE)
		return top;
	if (!stack_info_of || (int)kmc_call(stack_info_of, sp, (unsigned long)current, (unsigned long)&info,
					    (unsigned long)&mask))
		return 0;
	return (unsigned long)info.end;
}

/* What the test of it needs: each trace is taken in both ways. */
static bool check_traces;
static atomic_long_t checked, differing, by_steps;

static int get_check(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%ld checked, %ld differ, %ld by remembered steps alone\n",
			  atomic_long_read(&checked), atomic_long_read(&differing), atomic_long_read(&by_steps));
}

static const struct kernel_param_ops check_ops = { .set = param_set_bool, .get = get_check };
module_param_cb(check_traces, &check_ops, &check_traces, 0644);
__MODULE_PARM_TYPE(check_traces, "bool");
MODULE_PARM_DESC(check_traces, "compare each call trace with the kernel's own");

/* The first two traces that differ. Printing must wait until no lock of the allocator is held. */
static struct {
	unsigned int n[2];
	unsigned long stack[2][KMC_STACK_DEPTH];
} difference;

static void print_difference(struct irq_work *work)
{
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		pr_warn("a trace %s:\n", k ? "of the kernel's unwinder" : "that differs");
		for (i = 0; i < difference.n[k]; i++)
			pr_warn(" %pS\n", (void *)difference.stack[k][i]);
	}
}

static DEFINE_IRQ_WORK(differs, print_difference);

static void check(const struct trace *t, bool alone)
{
	unsigned long stack[KMC_STACK_DEPTH];
	unsigned int n = save_whole(stack, t->depth);

	atomic_long_inc(&checked);
	if (alone)
		atomic_long_inc(&by_steps);
	if (n == t->n && !memcmp(stack, t->stack, n * sizeof(stack[0])))
		return;
	if (atomic_long_inc_return(&differing) > 1)
		return;
	difference.n[0] = t->n;
	difference.n[1] = n;
	memcpy(difference.stack[0], t->stack, t->n * sizeof(stack[0]));
	memcpy(difference.stack[1], stack, n * sizeof(stack[0]));
	irq_work_queue(&differs);
}

noinline void kmc_stack_here(struct kmc_event *event)
{
	struct trace t = { .stack = event->stack, .depth = wanted_depth() };
	enum progress progress;
	bool alone;

	event->nstack = 0;
	if (!t.depth)
		return;
	kmc_here(&t.f);
	t.end = stack_end(t.f.sp);
	progress = walk(&t);
	alone = progress == COMPLETE;
	while (progress == STUCK) {
		progress = walk_on(&t);
		if (progress == STUCK)
			progress = walk(&t);
	}
	if (progress == NOT_SO)
		t.n = save_whole(t.stack, t.depth);
	event->nstack = t.n;
	if (unlikely(READ_ONCE(check_traces)))
		check(&t, alone);
}

/*
 * The per-CPU variable that holds it: a variable of its own, or a member of pcpu_hot. What the name says is checked
 * against what it holds. Without it get_stack_info() tells, which reads the task's structure.
 */
static void find_stack_top(void)
{
	static const struct {
		const char *name;
		unsigned int words;
	} places[] = { { "cpu_current_top_of_stack", 1 }, { "pcpu_hot", 8 } };
	unsigned long *__percpu at;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		at = (unsigned long *__percpu)kmc_lookup(places[i].name);
		for (k = 0; at && (unsigned long)at < TASK_SIZE && k < places[i].words; k++)
			if (raw_cpu_read(at[k]) == (unsigned long)(task_pt_regs(current) + 1)) {
				stack_top = at + k;
				return;
			}
	}
}

static int init_steps(void)
{
	unsigned long end = kmc_lookup("__stop_orc_unwind_ip");

	find_stack_top();
	stack_info_of = kmc_lookup("get_stack_info");
	module_of = kmc_lookup("__module_address");
	trampolines[0] = kmc_lookup("arch_rethook_trampoline");
	trampolines[1] = kmc_lookup("__kretprobe_trampoline");
	trampolines[2] = kmc_lookup("return_to_handler");
	kernel_orc.ip = (const int *)kmc_lookup("__start_orc_unwind_ip");
	kernel_orc.entries = (const struct orc_entry *)kmc_lookup("__start_orc_unwind");
	kernel_orc.n = (end - (unsigned long)kernel_orc.ip) / sizeof(int);
	if (!end || !kernel_orc.ip || !kernel_orc.entries || !module_of)
		return -ENOENT;
	steps = kmc_alloc(STEPS_BYTES);
	return steps ? 0 : -ENOMEM;
}

void kmc_trace_forget(unsigned long start, unsigned long size)
{
	unsigned long i;
	u64 step;

	for (i = 0; steps && i < STEPS_BYTES / sizeof(*steps); i++) {
		step = READ_ONCE(steps[i]);
		if (step && (unsigned long)(s32)(u32)step - start <= size)
			WRITE_ONCE(steps[i], 0);
	}
}

void kmc_trace_deinit(void)
{
	irq_work_sync(&differs);
	kmc_free(steps, STEPS_BYTES);
	steps = NULL;
}

#else

noinline void kmc_stack_here(struct kmc_event *event)
{
	unsigned int depth = wanted_depth();

	event->nstack = depth ? save_whole(event->stack, depth) : 0;
}

static int init_steps(void)
{
	return 0;
}

void kmc_trace_forget(unsigned long start, unsigned long size)
{
}

void kmc_trace_deinit(void)
{
}

#endif

void kmc_stack_regs(struct kmc_event *event, struct pt_regs *regs)
{
	unsigned int depth = wanted_depth();

	event->nstack = 0;
	if (depth && save_regs)
		event->nstack = kmc_call(save_regs, (unsigned long)regs,
					 (unsigned long)event->stack, depth, 0);
}

int kmc_trace_init(void)
{
	unsigned int i;

	save_regs = kmc_lookup("stack_trace_save_regs");
	for (i = 0; i < ARRAY_SIZE(iterators); i++) {
		iterators[i].start = kmc_lookup(iterators[i].name);
		iterators[i].end = iterators[i].start + kmc_symbol_size(iterators[i].start);
		kmc_hello->traced[i].iterator_start = iterators[i].start;
		kmc_hello->traced[i].iterator_end = iterators[i].end;
	}
	return init_steps();
}
