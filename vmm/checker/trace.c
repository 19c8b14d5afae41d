// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c: the call trace of an access, and what an address is called.
 *
 * From the registers at the access the stack is walked with the guest's own ORC tables
 * (report/orc.h), over exceptions, interrupts and changes of stack, up to user mode or the thread's
 * first frame: these frames are true. Where the walk cannot go on (no tables, no BTF, code made at
 * run time), what is left of the stack is searched for words that point behind a call instruction
 * into the text: guesses.
 */
#include <string.h>

#include "checker_internal.h"

#define STACK_SCAN 4096u /* bytes of stack looked through */
#define GUESSES	   16u
#define CALL_MAX   7   /* longest call instruction: FF /2 with SIB and disp32 */
#define HOOKED_MAX 64u /* of the kretprobed functions that a task is in, the innermost */
#define NAME	   128
#define NOTES_MAX  4096u

struct trace {
	struct checker *c;
	struct report_stack *out; /* NULL: the true frames' addresses only, below */
	uint64_t *frame;
	unsigned n, max;
	uint64_t task; /* struct task_struct, 0 unknown */
	const struct vcpu_state *near; /* NULL, or whose stack it is: its windows know the way there */
	struct orc_near last;
};

static struct report_frame *new_frame(struct report_stack *s, uint64_t addr,
				      const struct debuginfo_place *place)
{
	struct report_frame *f;

	if (s->n >= REPORT_FRAMES)
		return NULL;
	f = &s->frame[s->n++];
	f->addr = addr;
	if (place) {
		memcpy(f->file, place->file, sizeof(f->file));
		f->line = place->line;
	}
	return f;
}

/* What a frame of a trace is: each is worth a little less. */
enum certainty { FRAME_TRUE, FRAME_PAST, FRAME_GUESS };

static void add(struct checker *c, struct report_stack *s, uint64_t addr, bool is_return,
		enum certainty certainty)
{
	struct debuginfo_place place[DEBUGINFO_PLACES];
	struct report_frame *f;
	unsigned n = 0;

	if (c->config.debuginfo && (certainty == FRAME_PAST || symbols_is_text(c->symbols, addr - is_return)))
		n = debuginfo_find(c->config.debuginfo, c->symbols, addr - is_return, place);
	for (unsigned i = 0; i + 1 < n && certainty != FRAME_GUESS; i++) {
		f = new_frame(s, addr, &place[i]);
		if (!f)
			return;
		f->inlined = true;
		memcpy(f->symbol, place[i].function, sizeof(f->symbol));
	}
	f = new_frame(s, addr, n ? &place[n - 1] : NULL);
	if (!f)
		return;
	f->guess = certainty == FRAME_GUESS;
	if (certainty == FRAME_PAST)
		symbols_format_past(c->symbols, addr, is_return, f->symbol, sizeof(f->symbol));
	else
		symbols_format(c->symbols, addr, is_return, f->symbol, sizeof(f->symbol));
}

/* A guess is not worth more than its own line. */
void trace_add(struct checker *c, struct report_stack *s, uint64_t addr, bool is_return, bool guess)
{
	add(c, s, addr, is_return, guess ? FRAME_GUESS : FRAME_TRUE);
}

void trace_add_past(struct checker *c, struct report_stack *s, uint64_t addr, bool is_return)
{
	add(c, s, addr, is_return, FRAME_PAST);
}

void trace_know_kernel(struct checker *c, uint64_t notes, uint64_t end)
{
	uint8_t bytes[NOTES_MAX], id[DEBUGINFO_ID];
	size_t len = 0;

	if (!c->config.debuginfo)
		return;
	if (notes && end > notes)
		len = checker_guest_read(c, notes, bytes,
					 end - notes < NOTES_MAX ? end - notes : NOTES_MAX);
	len = debuginfo_build_id(bytes, len, id);
	debuginfo_set_kernel(c->config.debuginfo, id, len, c->agent.text_start);
}

static const uint8_t *find_page(const struct trace *t, uint64_t page)
{
	const struct walk_known *k = t->near ? window_find(t->c, t->near, (gva_t){ page }) : NULL;
	struct walk w;

	if (k)
		return k->host;
	if (walk_supervisor(t->c->ram, t->c->agent.cr3, t->c->agent.la57, (gva_t){ page }, &w) != WALK_OK)
		return NULL;
	return guest_ram_at(t->c->ram, w.gpa, GUEST_PAGE);
}

/* Most reads are of the stack, one behind the other. */
static size_t read_guest(void *ctx, uint64_t addr, void *buf, size_t len)
{
	uint64_t page = addr & ~(GUEST_PAGE - 1ull);
	struct trace *t = ctx;

	if (addr - page + len > GUEST_PAGE)
		return checker_guest_read(t->c, addr, buf, len);
	if (!t->last.host || t->last.page != page)
		t->last = (struct orc_near){ .page = page, .host = find_page(t, page) };
	if (!t->last.host)
		return 0;
	memcpy(buf, t->last.host + (addr - page), len);
	return len;
}

static bool read64(struct checker *c, uint64_t addr, uint64_t *v)
{
	return checker_guest_read(c, addr, v, sizeof(*v)) == sizeof(*v);
}

static bool find_table(void *ctx, uint64_t addr, struct orc_table *table)
{
	struct trace *t = ctx;
	struct symbols_range range;

	if (!symbols_range(t->c->symbols, addr, &range) || !range.orc.n)
		return false;
	*table = range.orc;
	return true;
}

/*
 * A kretprobe puts a trampoline's address in the place of the return address, which it keeps in a
 * list of the task: struct rethook_node, by the address of the place. The probed function may be
 * hooked more than once; the outermost node then has the trampoline too (kernel/trace/rethook.c).
 */
static uint64_t find_hooked(void *ctx, uint64_t addr, uint64_t slot)
{
	struct trace *t = ctx;
	struct checker *c = t->c;
	uint64_t node, frame, saved;
	const struct layout *l;

	if (addr != c->agent.return_trampoline)
		return addr;
	l = layout_get(c);
	if (!l->has_rethook || !t->task || !read64(c, t->task + l->rethook.task_rethooks, &node))
		return addr;
	for (unsigned n = 0; node && n < HOOKED_MAX; n++) {
		uint64_t start = node - l->rethook.llist;

		if (!read64(c, start + l->rethook.frame, &frame) ||
		    !read64(c, start + l->rethook.ret_addr, &saved))
			break;
		if (frame == slot && saved != addr)
			return saved;
		if (!read64(c, node, &node))
			break;
	}
	return addr;
}

/* A call ends right before addr: E8 rel32, or FF /2 of any length (Intel SDM vol. 2, CALL). */
static bool behind_call(struct checker *c, uint64_t addr)
{
	uint8_t code[CALL_MAX];

	if (checker_guest_read(c, addr - CALL_MAX, code, sizeof(code)) != sizeof(code))
		return false;
	if (code[CALL_MAX - 5] == 0xe8)
		return true;
	for (unsigned len = 2; len <= CALL_MAX; len++)
		if (code[CALL_MAX - len] == 0xff && (code[CALL_MAX - len + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* Return thunks and the like call to fill the CPU's return stack, never as a function's caller. */
static bool is_thunk(struct checker *c, uint64_t addr)
{
	char function[NAME];

	return symbols_function(c->symbols, addr, function, sizeof(function)) &&
	       rules_match(c->config.rules, "thunk", function);
}

static void scan_stack(const struct trace *t, uint64_t rsp)
{
	uint64_t words[STACK_SCAN / 8], low, end = rsp + STACK_SCAN;
	struct checker *c = t->c;
	unsigned guesses = 0;
	size_t n;

	if (t->task && read64(c, t->task + c->agent.task_stack, &low) && rsp >= low &&
	    rsp - low < c->agent.thread_size && end > low + c->agent.thread_size)
		end = low + c->agent.thread_size;
	n = checker_guest_read(c, rsp, words, end - rsp) / 8;
	for (size_t k = 0; k < n && guesses < GUESSES; k++) {
		if (!symbols_is_text(c->symbols, words[k]) || !behind_call(c, words[k]) ||
		    is_thunk(c, words[k] - 1))
			continue;
		trace_add(c, t->out, words[k], true, true);
		guesses++;
	}
}

static void add_true(struct trace *t, uint64_t addr, bool is_return)
{
	if (t->out)
		trace_add(t->c, t->out, addr, is_return, false);
	else if (t->n < t->max)
		t->frame[t->n++] = addr;
}

static struct orc_guest guest_of(struct trace *t)
{
	return (struct orc_guest){ .ctx = t,
				   .layout = &layout_get(t->c)->orc,
				   .read = read_guest,
				   .near = &t->last,
				   .table = find_table,
				   .returns = find_hooked,
				   .memory = &t->c->orc };
}

/* Adds the true frames. False where the walk stopped in front of the stack's end: at *sp. */
static bool walk_frames(struct trace *t, const struct orc_regs *regs, uint64_t *sp)
{
	const struct orc_guest guest = guest_of(t);
	enum orc_step step;
	struct orc_walk w;

	orc_start(&w, &guest, regs);
	while ((step = orc_next(&w)) == ORC_CALLER) {
		uint64_t code = w.regs.ip - !w.exact;

		*sp = w.regs.sp;
		if (!symbols_is_text(t->c->symbols, code))
			return false;
		if (!is_thunk(t->c, code))
			add_true(t, w.regs.ip, !w.exact);
	}
	return step == ORC_END;
}

static struct orc_regs regs_of(const struct vcpu_state *s)
{
	const uint64_t *gpr = s->insn.gpr;

	return (struct orc_regs){ .ip = s->insn.rip,
				  .sp = gpr[INSN_RSP],
				  .bp = gpr[INSN_RBP],
				  .r10 = gpr[INSN_R10],
				  .r13 = gpr[INSN_R13],
				  .di = gpr[INSN_RDI],
				  .dx = gpr[INSN_RDX] };
}

unsigned trace_addresses(struct checker *c, const struct vcpu_state *s, uint64_t task, uint64_t *frame,
			 unsigned max)
{
	const struct orc_regs regs = regs_of(s);
	struct trace t = { .c = c, .task = task, .frame = frame, .max = max };
	uint64_t sp = regs.sp;

	add_true(&t, regs.ip, false);
	if (layout_get(c)->has_orc)
		walk_frames(&t, &regs, &sp);
	return t.n;
}

/* Code between a tracepoint and the agent, or its own. */
static bool is_agents(const struct agent *a, uint64_t addr)
{
	if (addr - a->own_start < a->own_end - a->own_start)
		return true;
	for (unsigned n = 0; n < KMC_TRACED; n++)
		if (addr - a->traced[n].iterator_start <
		    a->traced[n].iterator_end - a->traced[n].iterator_start)
			return true;
	return false;
}

unsigned trace_announced(struct checker *c, const struct vcpu_state *s, uint64_t task, uint64_t *frame,
			 unsigned max)
{
	const struct orc_regs regs = regs_of(s);
	struct trace t = { .c = c, .task = task, .near = s };
	const struct orc_guest guest = guest_of(&t);
	struct orc_walk w;
	unsigned n = 0;

	orc_start(&w, &guest, &regs);
	while (n < max && orc_next(&w) == ORC_CALLER)
		if (n || !is_agents(&c->agent, w.regs.ip))
			frame[n++] = w.regs.ip;
	return n;
}

void trace_access(struct checker *c, const struct vcpu_state *s, uint64_t task,
		  struct report_stack *out)
{
	const struct orc_regs regs = regs_of(s);
	struct trace t = { .c = c, .out = out, .task = task };
	uint64_t sp = regs.sp;

	trace_add(c, out, regs.ip, false, false);
	if (!layout_get(c)->has_orc || !walk_frames(&t, &regs, &sp))
		scan_stack(&t, sp);
}
