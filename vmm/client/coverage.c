// SPDX-License-Identifier: GPL-2.0-only
/* coverage.c: reads coverage, and adds it up. */
#include "coverage.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "source.h"

#define TEXT_MAX 256u		       /* of a string that is kept */
#define SUM_MAX	 ((uint64_t)INT64_MAX) /* a sum stays there: JSON has no more */
#define WAIT_MS	 250

/* Whose sites the next lines are; NULL: they are left out. */
struct reading {
	struct coverage_kernel *kernel;
	struct coverage_vm *vm;
	bool any; /* there was a head */
};

static void add(uint64_t *sum, uint64_t n)
{
	*sum = n > SUM_MAX - *sum ? SUM_MAX : *sum + n;
}

static char *keep(const json_t *o, const char *key)
{
	return strndup(record_text(o, key), TEXT_MAX);
}

/* --- VMs --- */

static struct coverage_kernel *kernel_of(struct coverage *c, const char *release)
{
	struct coverage_kernel *k;

	for (size_t i = 0; i < c->nkernels; i++)
		if (!strncmp(c->kernel[i].release, release, TEXT_MAX))
			return &c->kernel[i];
	if (c->nkernels == COVERAGE_KERNELS)
		return NULL;
	k = &c->kernel[c->nkernels];
	k->release = strndup(release, TEXT_MAX);
	if (!k->release)
		return NULL;
	map_init(&k->known, COVERAGE_SITES);
	c->nkernels++;
	return k;
}

static void free_vm(struct coverage_vm *vm)
{
	free(vm->name);
	free(vm->seed);
	free(vm->mode);
}

static struct coverage_vm *add_vm(struct coverage *c, struct coverage_kernel *k, const json_t *o)
{
	struct coverage_vm *list, vm = {.name = keep(o, "vm"),
					.seed = keep(o, "seed"),
					.mode = keep(o, "mode"),
					.lost = record_number(o, "sites_lost")};

	list = vm.name && vm.seed && vm.mode && c->nvms < COVERAGE_VMS
		       ? realloc(k->vm, (k->nvms + 1) * sizeof(*list))
		       : NULL;
	if (!list) {
		free_vm(&vm);
		return NULL;
	}
	k->vm = list;
	k->vm[k->nvms] = vm;
	c->nvms++;
	return &k->vm[k->nvms++];
}

static bool read_head(struct coverage *c, struct reading *r, const json_t *o)
{
	if (!*record_text(o, "release") || !*record_text(o, "vm"))
		return false;
	r->any = true;
	r->kernel = kernel_of(c, record_text(o, "release"));
	r->vm = r->kernel ? add_vm(c, r->kernel, o) : NULL;
	c->left_out += !r->vm;
	return true;
}

/* --- places --- */

static bool grow(struct coverage_kernel *k)
{
	size_t room = k->room ? 2 * k->room : 1024;
	struct coverage_place *list = realloc(k->place, room * sizeof(*list));

	if (!list)
		return false;
	k->place = list;
	k->room = room;
	return true;
}

static struct coverage_place *place_of(struct coverage *c, struct coverage_kernel *k,
				       const json_t *o)
{
	struct coverage_place *p;
	size_t n;

	if (map_get(&k->known, record_text(o, "id"), &n))
		return &k->place[n];
	if (c->nplaces == COVERAGE_SITES || (k->nplaces == k->room && !grow(k)))
		return NULL;
	p = &k->place[k->nplaces];
	*p = (struct coverage_place){.name = keep(o, "name")};
	if (!p->name || !map_add(&k->known, record_text(o, "id"), k->nplaces)) {
		free(p->name);
		return NULL;
	}
	memcpy(p->id, record_text(o, "id"), sizeof(p->id));
	k->nplaces++;
	c->nplaces++;
	return p;
}

/* A place that a VM's file has twice is counted once. */
static void count(struct coverage_kernel *k, struct coverage_vm *vm, struct coverage_place *p,
		  const json_t *o)
{
	uint64_t allocations = record_number(o, "allocations");

	add(&p->allocations, allocations);
	add(&vm->allocations, allocations);
	if (p->vm != k->nvms)
		vm->sites++;
	p->vm = k->nvms;
	if (!record_number(o, "watched"))
		return;
	if (p->watched_vm != k->nvms)
		vm->watched++;
	p->watched_vm = k->nvms;
	vm->adds += !p->watched;
	p->watched = true;
}

static bool is_id(const char *s)
{
	return strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16;
}

static bool read_site(struct coverage *c, struct reading *r, const json_t *o)
{
	struct coverage_place *p;

	if (!r->any || !is_id(record_text(o, "id")) || !*record_text(o, "name"))
		return false;
	p = r->vm ? place_of(c, r->kernel, o) : NULL;
	if (p)
		count(r->kernel, r->vm, p, o);
	c->left_out += !p;
	return true;
}

/* --- files --- */

/* Records of other types are none of our business. */
static bool read_line(struct coverage *c, struct reading *r, const char *line, size_t len)
{
	struct record record;
	const char *type;
	bool ok = true;

	if (!record_parse(line, len, &record))
		return false;
	type = record_text(record.root, "type");
	if (!strcmp(type, "coverage"))
		ok = read_head(c, r, record.root);
	else if (!strcmp(type, "site"))
		ok = read_site(c, r, record.root);
	record_free(&record);
	return ok;
}

static void read_all(struct coverage *c, struct reading *r, struct source *s)
{
	enum source_state state;
	const char *line;
	size_t len;

	while ((state = source_next(s, &line, &len)) != SOURCE_END) {
		struct pollfd p = {.fd = source_fd(s), .events = POLLIN};

		if (state == SOURCE_WAIT)
			poll(&p, 1, WAIT_MS);
		else if (!read_line(c, r, line, len))
			c->malformed++;
	}
	c->malformed += source_bad_lines(s);
}

bool coverage_read(struct coverage *c, const char *path)
{
	struct source *s = source_create(path, false);
	struct reading r = {.any = false};

	if (s)
		read_all(c, &r, s);
	if (!s || source_error(s))
		fprintf(stderr, "kmc-report: %s\n", s ? source_error(s) : "out of memory");
	else if (!r.any)
		fprintf(stderr,
			"kmc-report: %s: there is no coverage in it: give files of "
			"kmc-vmm --coverage\n",
			path);
	source_destroy(s);
	return r.any;
}

void coverage_add_up(struct coverage *c)
{
	for (size_t i = 0; i < c->nkernels; i++) {
		struct coverage_kernel *k = &c->kernel[i];

		for (size_t n = 0; n < k->nplaces; n++) {
			add(&k->allocations, k->place[n].allocations);
			k->watched += k->place[n].watched;
			if (!k->place[n].watched)
				add(&k->unwatched, k->place[n].allocations);
		}
	}
}

static void free_kernel(struct coverage_kernel *k)
{
	for (size_t n = 0; n < k->nvms; n++)
		free_vm(&k->vm[n]);
	for (size_t n = 0; n < k->nplaces; n++)
		free(k->place[n].name);
	map_deinit(&k->known);
	free(k->place);
	free(k->vm);
	free(k->release);
}

void coverage_deinit(struct coverage *c)
{
	for (size_t i = 0; i < c->nkernels; i++)
		free_kernel(&c->kernel[i]);
}
