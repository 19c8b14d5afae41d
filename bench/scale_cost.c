// SPDX-License-Identifier: GPL-2.0-only
/*
 * scale_cost.c: what a violation costs the host with more and more pages tracked: bench/scale makes a table of it.
 *
 * A machine whose memory is slabs of 8 pages with objects of 256 bytes, half of them allocated, announced as the agent
 * announces them; something has happened on each page. Then its vCPU stands at guest code that reads an object on a
 * page anywhere among the hidden ones, and what KVM_RUN's EFAULT calls is called, so all that kmc-vmm does until the
 * guest goes on is in it, and KVM_RUN itself up to the guest's entry (immediate_exit). What is not: the world switch,
 * KVM's handling of the fault, and call traces, for which a guest would need type information.
 *
 * The guest's code reads some of the object, allocates the one beside it, writes all of that and frees it, by the
 * agent's probes; or it reads so often that the page's budget ends, and the agent's next ring has the page hidden
 * again. All in all as many instructions, accesses, announcements and rings as an exit of bench/run's workload has,
 * budget, one vCPU (bench/README.md).
 *
 * Usage: scale_cost PAGES VIOLATIONS; prints nanoseconds of CPU time, the least of several times as many violations;
 * host bytes of shadow, objects and traces per byte of slabs; instructions, accesses and announcements of a violation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "checker.h"
#include "inspect.h"
#include "kmc_abi.h"
#include "tiny_kernel.h"

#define SLAB_PAGES 8u
#define SLOT	   256u
#define REQUESTED  200u
#define READ	   10u /* words */
#define READ_OVER  70u /* more than a page may be accessed behind a free: docs/tracking.md */
#define OVER	   19u /* of a hundred violations */
#define TIMES	   10u /* as many violations are measured so often */
#define GRAIN	   (2ull << 20)
#define SLOTS	   4096u /* of the ring */
/* Guest-physical */
#define PAGES_AT 0x2000000ull /* its page tables: all memory at 0 and at DIRECT_MAP, by pages of 1 GiB */
#define HELLO	 0x2004000ull
#define DATA	 0x2005000ull /* the guest's: its current task, what it works with */
#define STACK	 0x2008000ull
#define BUFFER	 0x2010000ull
#define RING	 0x2100000ull
#define FIRST	 0x4000000ull /* slabs */

#define DIRECT_MAP 0xffff888000000000ull
#define TABLE_OF(gpa) ((gpa) | 3)
#define HUGE_PAGE(gpa) ((gpa) | 0x83)

/* Rings the doorbell once, then what it does in a violation, then the agent's probes. */
extern const uint8_t guest_start[], guest_user[], guest_reader[], guest_kmalloc[], guest_kfree[], guest_end[];
__asm__(".pushsection .rodata\n"
	"guest_start:\n"
	"mov $0x4b4d, %edx\n"
	"xor %eax, %eax\n"
	"out %eax, %dx\n"
	"hlt\n"
	/* rdi: an object; rcx: reads; r14: data */
	"guest_user:\n"
	"1: mov (%rdi,%rcx,8), %rax\n"
	"call hash\n"
	"dec %ecx\n"
	"jnz 1b\n"
	"lea 256(%rdi), %rdx\n"
	"mov $0x1000, %esi\n"
	"mov $200, %ecx\n"
	"mov $256, %r8d\n"
	"xor %r9d, %r9d\n"
	"call guest_kmalloc\n"
	"mov $25, %ecx\n"
	"2: mov %rcx, -8(%rdx,%rcx,8)\n"
	"call hash\n"
	"dec %ecx\n"
	"jnz 2b\n"
	"call guest_kfree\n"
	"jmp 4f\n"
	"guest_reader:\n"
	"3: mov (%rdi), %rax\n"
	"call hash\n"
	"dec %ecx\n"
	"jnz 3b\n"
	"4: call hash\n"
	"jmp 4b\n"
	"hash: push %rbx\n"
	"mov (%r14), %rbx\n"
	"xor %rax, %rbx\n"
	"mov %rbx, %rax\n"
	"shl $13, %rax\n"
	"xor %rax, %rbx\n"
	"mov %rbx, %rax\n"
	"shr $7, %rax\n"
	"xor %rax, %rbx\n"
	"mov %rbx, %rax\n"
	"shl $17, %rax\n"
	"xor %rax, %rbx\n"
	"mov %rbx, (%r14)\n"
	"test $1, %bl\n"
	"jz 6f\n"
	"incq 8(%r14)\n"
	"6: mov %rbx, %rax\n"
	"and $63, %eax\n"
	"add %rbx, 64(%r14,%rax,8)\n"
	"pop %rbx\n"
	"ret\n"
	"guest_kmalloc: ret\n"
	"guest_kfree: ret\n"
	"guest_end: .byte 0\n"
	".popsection\n");

struct world {
	struct machine *machine;
	struct checker *checker;
	struct machine_hooks hooks;
	struct kmc_hello *hello;
	struct kmc_ring *ring;
	struct vcpu *vcpu;
	uint64_t pages, violations, random;
	unsigned over; /* hundredths of a page that are left for the next violation */
	double least;  /* ns */
	struct checker_stats before, after;
};

static void die(const char *what)
{
	fprintf(stderr, "scale_cost: %s\n", what);
	_exit(1);
}

/* xorshift64, Marsaglia 2003 */
static uint64_t draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

static void *at(struct world *w, uint64_t gpa, uint64_t len)
{
	return guest_ram_at(machine_ram(w->machine), (gpa_t){ gpa }, len);
}

/* Memory is contiguous for the tables, with the hole where a PC has it. */
static uint64_t page_at(uint64_t n)
{
	uint64_t gpa = FIRST + n * GUEST_PAGE;

	return gpa < GUEST_RAM_LOW_END ? gpa : gpa - GUEST_RAM_LOW_END + GUEST_RAM_HIGH;
}

/* ---- announcements ---- */

static void ring_bell(struct world *w, uint32_t cmd, uint32_t argument)
{
	uint32_t value = argument << KMC_CMD_BITS | cmd;

	if (w->hooks.port(w->hooks.ctx, w->vcpu, true, &value) == HOOK_BEHIND)
		w->hooks.behind_port(w->hooks.ctx, w->vcpu, false);
	if (checker_agent_error(w->checker))
		die(checker_agent_error(w->checker));
}

static void record(struct world *w, uint8_t type, uint64_t gpa, uint64_t size, uint64_t slot)
{
	w->ring->record[w->ring->head % SLOTS] = (struct kmc_record){
		.seq = ++w->hello->seq,
		.type = type,
		.addr = DIRECT_MAP + gpa,
		.size = size,
		.slot = slot,
		.flags = KMC_F_WAITS | KMC_F_ZEROED,
		.caller = 0xffffffff81000010ull,
	};
	if (++w->ring->head % SLOTS == 0)
		ring_bell(w, KMC_CMD_DRAIN, 0);
}

static void announce_all(struct world *w)
{
	for (uint64_t n = 0; n < w->pages; n += SLAB_PAGES) {
		record(w, KMC_SLAB, page_at(n), SLAB_PAGES * GUEST_PAGE, 0);
		for (uint64_t off = 0; off < SLAB_PAGES * GUEST_PAGE; off += 2 * SLOT)
			record(w, KMC_KMALLOC, page_at(n) + off, REQUESTED, SLOT);
	}
	ring_bell(w, KMC_CMD_DRAIN, 0);
}

/* ---- violations ---- */

static uint64_t code(const uint8_t *label)
{
	return DIRECT_MAP + TINY_ENTRY + (uint64_t)(label - guest_start);
}

static bool is_hidden(struct world *w, uint64_t gpa)
{
	return guest_ram_hidden(machine_ram(w->machine), (gpa_t){gpa});
}

/* As the agent tells of what no window has come by. */
static void hide_again(struct world *w, uint64_t gpa)
{
	record(w, KMC_KMALLOC, gpa + SLOT, REQUESTED, SLOT);
	record(w, KMC_FREE, gpa + SLOT, 0, 0);
	ring_bell(w, KMC_CMD_DRAIN, 0);
}

static void serve(struct world *w, uint64_t gpa, bool over)
{
	struct kvm_run *run = w->vcpu->run;
	struct kvm_regs *r = &run->s.regs.regs;

	r->rip = code(over ? guest_reader : guest_user);
	r->rsp = DIRECT_MAP + STACK;
	r->rdi = DIRECT_MAP + gpa;
	r->rcx = over ? READ_OVER : READ;
	r->r14 = DIRECT_MAP + DATA + 512;
	if (w->hooks.fault(w->hooks.ctx, w->vcpu) != HOOK_RETRY || checker_agent_error(w->checker))
		die("a violation is not served");
	if (is_hidden(w, gpa) == over)
		die("a page's budget is not what was thought");
	if (over)
		hide_again(w, gpa);
	run->immediate_exit = 1;
	if (ioctl(w->vcpu->fd, KVM_RUN, 0) == 0)
		die("the guest has run");
}

/* So many hundredths are due; true: a whole one is. */
static bool is_due(unsigned *left, unsigned hundredths)
{
	*left += hundredths;
	if (*left < 100)
		return false;
	*left -= 100;
	return true;
}

void violation(struct world *w); /* bench/scale counts its instructions */
__attribute__((noinline)) void violation(struct world *w)
{
	uint64_t gpa = page_at(draw(w, w->pages)) + draw(w, GUEST_PAGE / SLOT / 2) * 2 * SLOT;

	serve(w, gpa, is_due(&w->over, OVER));
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of so many. */
static double measure(struct world *w)
{
	double began = now_ns();

	for (uint64_t n = 0; n < w->violations; n++)
		violation(w);
	return now_ns() - began;
}

static void set_registers(struct world *w)
{
	struct kvm_sync_regs *s = &w->vcpu->run->s.regs;
	uint64_t *table = at(w, PAGES_AT, 2 * GUEST_PAGE);

	table[0] = table[273] = TABLE_OF(PAGES_AT + GUEST_PAGE);
	for (uint64_t n = 0; n < 8; n++)
		table[512 + n] = HUGE_PAGE(n << 30);
	s->sregs.cr3 = PAGES_AT;
	w->vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	*(uint64_t *)at(w, DATA, 8) = DIRECT_MAP + DATA + 64; /* the current task */
	*(uint32_t *)at(w, DATA + 64, 4) = 1;		      /* its PID */
}

static void measure_all(struct world *w)
{
	struct checker_gauges now;

	set_registers(w);
	ring_bell(w, KMC_CMD_HELLO, HELLO >> 12);
	announce_all(w);
	for (uint64_t n = 0; n < w->pages; n++)
		serve(w, page_at(n), false);
	for (unsigned n = 0; n <= TIMES; n++) { /* the first one is to warm up */
		double ns = measure(w);

		if (n == 0)
			checker_look(w->checker, &w->before, &now);
		if (n == 1 || ns < w->least)
			w->least = ns;
	}
	checker_look(w->checker, &w->after, &now);
	if (w->after.reports)
		die("something was reported");
}

/* The guest's only exit: its vCPU never runs again. */
static enum hook_result begin(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	struct world *w = ctx;

	w->vcpu = vcpu;
	measure_all(w);
	machine_stop(w->machine, END_OPERATOR, "measured");
	return HOOK_STOP;
}

static void make_checker(struct world *w)
{
	struct checker_config config = {.checks = ~0u, .release = "6.1.0-tiny"};
	struct rules *rules;
	char err[256];

	if (rules_load(NULL, &rules, err, sizeof(err)) ||
	    !track_parse("budget:first=0", &config.track, err, sizeof(err)))
		die(err);
	config.rules = rules;
	if (checker_create(&config, &w->checker, err, sizeof(err)))
		die(err);
	checker_hooks(w->checker, &w->hooks);
}

static void make_machine(struct world *w)
{
	struct machine_config config = {
		.cmdline = "",
		.cpus = 1,
		.serial = "null",
		.memory = (FIRST + w->pages * GUEST_PAGE + GRAIN - 1) / GRAIN * GRAIN,
		.hooks = {.ctx = w, .port = begin, .port_number = w->hooks.port_number},
		.allow_emulated = true,
	};
	struct machine_error error;
	char err[256], path[TINY_PATH];

	if (tiny_kernel_write(path, guest_start, (size_t)(guest_end - guest_start)))
		die("tiny_kernel_write");
	config.kernel = path;
	if (machine_create(&config, &w->machine, &error))
		die(error.text);
	unlink(path);
	if (checker_attach(w->checker, w->machine, err, sizeof(err)))
		die(err);
}

static void make_agent(struct world *w)
{
	w->ring = at(w, RING, sizeof(*w->ring) + SLOTS * sizeof(struct kmc_record));
	w->hello = at(w, HELLO, GUEST_PAGE);
	*w->hello = (struct kmc_hello){
		.magic = KMC_ABI_MAGIC,
		.version = KMC_ABI_VERSION,
		.ncpus = 1,
		.slots = SLOTS,
		.direct_map = DIRECT_MAP,
		.text_start = 0xffffffff81000000ull,
		.text_end = 0xffffffff82000000ull,
		.sizeof_page = 64,
		.thread_size = 16384,
		.symbol_buffer = BUFFER,
		.ring = {RING},
		.cr3 = PAGES_AT,
		.current_task = DIRECT_MAP + DATA, /* GS base is 0 */
		.preempt_count = DIRECT_MAP + DATA + 128,
		.in_nmi = 0xf00000,
		.in_hardirq = 0xf0000,
		.in_softirq = 0x100,
		.gfp_zero = 0x100,
		.task_comm = 8,
		.agent_start = code(guest_kmalloc),
		.agent_end = code(guest_end),
		.traced = {[KMC_TRACED_KMALLOC] = {.probe = code(guest_kmalloc)},
			   [KMC_TRACED_KFREE] = {.probe = code(guest_kfree)}},
	};
}

/* Of a violation, in the mean. */
static double mean(const struct world *w, uint64_t before, uint64_t after)
{
	return (double)(after - before) / (double)(w->violations * TIMES);
}

int main(int argc, char **argv)
{
	struct world w = {.random = 88172645463325252ull};
	const struct checker_stats *a = &w.before, *b = &w.after;

	if (argc != 3)
		die("usage: scale_cost PAGES VIOLATIONS");
	if (!tiny_kernel_runs())
		return 77;
	w.pages = strtoull(argv[1], NULL, 10) / SLAB_PAGES * SLAB_PAGES;
	w.violations = strtoull(argv[2], NULL, 10);
	make_checker(&w);
	make_machine(&w);
	make_agent(&w);
	if (machine_run(w.machine) != END_OPERATOR)
		die(machine_end_text(w.machine));
	printf("%" PRIu64 "\t%.0f\t%.2f\t%.0f\t%.1f\t%.2f\n", w.pages, w.least / (double)w.violations,
	       (double)(b->known_shadow + b->objects_peak) / (double)b->known_peak,
	       mean(&w, a->window_insns, b->window_insns), mean(&w, a->accesses, b->accesses),
	       mean(&w, a->records, b->records));
	checker_destroy(w.checker);
	machine_destroy(w.machine);
	return 0;
}
