// SPDX-License-Identifier: GPL-2.0-only
/*
 * scale_cost.c: what a violation costs the host with more and more pages tracked: bench/scale makes a table of it.
 *
 * Guest memory of a little more than the most pages, all of them slabs of 8 pages with objects of 256 bytes,
 * half of them allocated; something has happened on each page. A violation is what one is in budget mode, with kmc-vmm's
 * own engine, stack walk, shadow memory, object table and guest memory, in the order of vmm/checker/: at a page anywhere
 * among the tracked ones guest code reads an object, which is then freed, allocated again and written; other guest code
 * follows; and so many pages are shown and hidden again. KVM, the guest's page tables, and who asks for what in
 * vmm/checker/, are not in it.
 *
 * Usage: scale_cost PAGES VIOLATIONS [tables]; prints nanoseconds of CPU time, the least of several times as many
 * violations, and bytes of shadow and object table per tracked byte. "tables": without the engine, and without the
 * system calls that hide and show a page.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "objects.h"
#include "scale_walk.h"
#include "scale_window.h"

#define SLAB_PAGES 8u
#define SLOT	   256u
#define REQUESTED  200u
#define WORDS	   (REQUESTED / 8)
#define FRAMES	   8u
/* Of an exit of the workload of bench/run, budget, one CPU: see bench/README.md */
#define ACCESSES   42u
#define EMULATED   1155u /* guest instructions */
#define MARKED	   56u /* pages to be shown and hidden, of a hundred violations */
#define HIDDEN	   34u /* of a hundred of them, those that have to be: the others are hidden again when the guest goes on */
#define TIMES	   10u /* as many violations are measured so often */
#define GRAIN	   (2ull << 20)
#define FIRST	   GRAIN

struct world {
	struct guest_ram *ram;
	struct shadow *shadow;
	struct objects *objects;
	uint64_t pages, random;
	struct scale_window *window;
	struct scale_walk *walk;
	bool tables_only; /* no engine, and pages are not really hidden and shown */
	struct obj_event event;
	unsigned marked, hidden; /* hundredths of a page that are left for the next violation */
};

static void die(const char *what)
{
	fprintf(stderr, "scale_cost: %s\n", what);
	exit(1);
}

/* xorshift64, Marsaglia 2003 */
static uint64_t draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

static void hide(void *ctx, gpa_t gpa, uint64_t len)
{
	struct world *w = ctx;

	if (!w->tables_only && guest_ram_hide(w->ram, gpa, len / GUEST_PAGE) < 0)
		die("guest_ram_hide");
}

static void show(void *ctx, gpa_t gpa, uint64_t len)
{
	struct world *w = ctx;

	if (!w->tables_only && guest_ram_show(w->ram, gpa, len / GUEST_PAGE) < 0)
		die("guest_ram_show");
}

/* Memory is contiguous for the table, with the hole where a PC has it. */
static gpa_t page_at(uint64_t n)
{
	uint64_t at = FIRST + n * GUEST_PAGE;

	return (gpa_t){at < GUEST_RAM_LOW_END ? at : at - GUEST_RAM_LOW_END + GUEST_RAM_HIGH};
}

static void allocate(struct world *w, gpa_t at, bool zeroed)
{
	struct obj_alloc a = {.addr = at, .size = REQUESTED, .slot = SLOT, .zeroed = zeroed, .event = &w->event};

	if (objects_alloc(w->objects, &a) != OBJ_OK)
		die("objects_alloc");
}

/* As announce.c and record.c do it, which have more to do before they walk the stack. */
static void announce(struct world *w, gpa_t at)
{
	struct obj_event *e = &w->event;

	objects_prefetch(w->objects, at, OBJ_PREFETCH_ENTRY);
	memset(e, 0, sizeof(*e));
	memcpy(e->comm, "scale", sizeof("scale"));
	e->pid = 1;
	e->nstack = FRAMES;
	objects_prefetch(w->objects, at, OBJ_PREFETCH_PAGE);
	objects_prefetch(w->objects, at, OBJ_PREFETCH_SLOT);
	if (!scale_walk(w->walk, e->stack))
		die("a stack is not as it should be");
}

static void set_up(struct world *w)
{
	static const struct obj_cache cache = {
		.id = 1, .name = "kmalloc-256", .object_size = SLOT, .slot_size = SLOT};
	const struct objects_ops ops = {w, hide, show, NULL};
	uint64_t size = (FIRST + w->pages * GUEST_PAGE + GRAIN - 1) / GRAIN * GRAIN;
	const char *what;

	if (guest_ram_create(size, &w->ram, &what) < 0)
		die(what);
	w->shadow = shadow_create(w->ram);
	w->objects = w->shadow ? objects_create(w->ram, w->shadow, &ops) : NULL;
	w->window = scale_window_create(w->ram, w->shadow);
	w->walk = scale_walk_create(FRAMES);
	if (!w->objects || !w->window || !w->walk)
		die("out of memory");
	announce(w, page_at(0));
	for (uint64_t n = 0; n < w->pages; n += SLAB_PAGES) {
		if (objects_slab(w->objects, page_at(n), SLAB_PAGES * GUEST_PAGE, &cache, true) != OBJ_OK)
			die("objects_slab");
		for (uint64_t at = 0; at < SLAB_PAGES * GUEST_PAGE; at += 2 * SLOT)
			allocate(w, (gpa_t){page_at(n).v + at}, true);
	}
}

static void check_and_write(struct world *w, gpa_t at)
{
	uint64_t page = (uint64_t)guest_ram_page_index(w->ram, at);
	uint32_t off = at.v % GUEST_PAGE;
	uint8_t v[8];

	shadow_hold(w->shadow, page);
	if (!shadow_held_look(w->shadow, page, off, sizeof(v), v))
		die("an access is not legal");
	shadow_held_write_v(w->shadow, page, off, NULL, sizeof(v));
	shadow_drop(w->shadow, page);
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

static void show_and_hide(struct world *w, gpa_t page)
{
	bool marks_only = !is_due(&w->hidden, HIDDEN);

	if (marks_only)
		guest_ram_defer(w->ram);
	objects_unwatch(w->objects, page, GUEST_PAGE);
	objects_watch(w->objects, page, GUEST_PAGE);
	if (marks_only && guest_ram_settle(w->ram) < 0)
		die("guest_ram_settle");
}

static void ask(const char *wrong)
{
	if (wrong)
		die(wrong);
}

/* So many words of an object. Returns the instructions that it took. */
static uint64_t use(struct world *w, gpa_t at, unsigned written, unsigned read)
{
	uint64_t insns = 0;

	if (!w->tables_only)
		ask(scale_window_use(w->window, at, written, read, &insns));
	else
		for (unsigned n = 0; n < written + read; n++)
			check_and_write(w, (gpa_t){at.v + n * 8});
	return insns;
}

/* As serve.c does it. */
static void prefetch(const struct world *w, gpa_t at)
{
	for (enum obj_prefetch what = OBJ_PREFETCH_ENTRY; what <= OBJ_PREFETCH_SLOT; what++)
		objects_prefetch(w->objects, at, what);
	__builtin_prefetch(guest_ram_at(w->ram, at, 1));
}

static void serve(struct world *w, gpa_t page, gpa_t at)
{
	struct object freed;
	uint64_t insns;

	if (!w->tables_only && !guest_ram_hidden(w->ram, at))
		die("a page is not hidden");
	prefetch(w, at);
	insns = use(w, at, 0, ACCESSES - WORDS);
	announce(w, at);
	if (objects_free(w->objects, at, &w->event, &freed) != OBJ_OK)
		die("objects_free");
	announce(w, at);
	allocate(w, at, false);
	insns += use(w, at, WORDS, 0);
	if (!w->tables_only)
		ask(scale_window_go_on(w->window, EMULATED - insns));
	if (is_due(&w->marked, MARKED))
		show_and_hide(w, page);
}

void violation(struct world *w); /* bench/scale counts its instructions */
__attribute__((noinline)) void violation(struct world *w)
{
	gpa_t page = page_at(draw(w, w->pages));

	serve(w, page, (gpa_t){page.v + draw(w, 8) * 2 * SLOT});
}

/* Each page as it is once something has happened there. */
static void touch_all(struct world *w)
{
	const bool asked = w->tables_only;

	w->tables_only = true;
	for (uint64_t n = 0; n < w->pages; n++)
		serve(w, page_at(n), page_at(n));
	w->tables_only = asked;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of so many. */
static double measure(struct world *w, uint64_t violations)
{
	double began = now_ns();

	for (uint64_t n = 0; n < violations; n++)
		violation(w);
	return now_ns() - began;
}

int main(int argc, char **argv)
{
	struct world w = {.random = 88172645463325252ull};
	double least = 0, tracked;
	uint64_t violations;

	if (argc != 3 && argc != 4)
		die("usage: scale_cost PAGES VIOLATIONS [tables]");
	w.tables_only = argc == 4;
	w.pages = strtoull(argv[1], NULL, 10) / SLAB_PAGES * SLAB_PAGES;
	violations = strtoull(argv[2], NULL, 10);
	set_up(&w);
	touch_all(&w);
	for (unsigned n = 0; n <= TIMES; n++) { /* the first one is to warm up */
		double ns = measure(&w, violations);

		if (n == 1 || ns < least)
			least = ns;
	}
	tracked = (double)shadow_tracked_bytes(w.shadow);
	printf("%" PRIu64 "\t%.0f\t%.2f\t%.2f\n", w.pages, least / (double)violations,
	       (double)shadow_bytes(w.shadow) / tracked, (double)objects_bytes(w.objects) / tracked);
	scale_walk_destroy(w.walk);
	scale_window_destroy(w.window);
	objects_destroy(w.objects);
	shadow_destroy(w.shadow);
	guest_ram_destroy(w.ram);
	return 0;
}
