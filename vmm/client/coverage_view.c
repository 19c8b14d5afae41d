// SPDX-License-Identifier: GPL-2.0-only
/* coverage_view.c: coverage as tables, and as one JSON line for each kernel. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "coverage.h"

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static int busiest_first(const void *a, const void *b)
{
	const struct coverage_place *x = *(const struct coverage_place *const *)a;
	const struct coverage_place *y = *(const struct coverage_place *const *)b;

	if (x->allocations != y->allocations)
		return x->allocations > y->allocations ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* Places that nobody watched, for free(); NULL where there is none, or no memory. */
static const struct coverage_place **unwatched(const struct coverage_kernel *k, size_t *n)
{
	const struct coverage_place **list = calloc(k->nplaces + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < k->nplaces; i++)
		if (!k->place[i].watched)
			list[(*n)++] = &k->place[i];
	if (list)
		qsort(list, *n, sizeof(*list), busiest_first);
	return list;
}

/* --- text --- */

static int widest(const struct coverage_kernel *k)
{
	size_t width = strlen("VM");

	for (size_t i = 0; i < k->nvms; i++)
		if (strlen(k->vm[i].name) > width)
			width = strlen(k->vm[i].name);
	return (int)width;
}

static void text_vms(FILE *out, const struct coverage_kernel *k)
{
	int width = widest(k);

	fprintf(out, "\n%-*s %8s %8s %8s %12s  %s\n", width, "VM", "SITES", "WATCHED", "ADDS",
		"ALLOCATIONS", "SEED, MODE");
	for (size_t i = 0; i < k->nvms; i++) {
		const struct coverage_vm *vm = &k->vm[i];

		fprintf(out, "%-*s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %12" PRIu64 "  %s, %s\n",
			width, vm->name, vm->sites, vm->watched, vm->adds, vm->allocations,
			vm->seed, vm->mode);
		if (vm->lost)
			fprintf(out, "%-*s had no room for the places of %" PRIu64 " more\n", width,
				"", vm->lost);
	}
}

static void text_sites(FILE *out, const struct coverage_kernel *k)
{
	const struct coverage_place **list;
	size_t n;

	list = unwatched(k, &n);
	if (n)
		fprintf(out, "\n%12s  %-16s  %s\n", "ALLOCATIONS", "SITE", "WATCHED IN NO VM");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%12" PRIu64 "  %s  %s\n", list[i]->allocations, list[i]->id,
			list[i]->name);
	free(list);
}

void coverage_text(FILE *out, const struct coverage *c, bool sites)
{
	for (size_t i = 0; i < c->nkernels; i++) {
		const struct coverage_kernel *k = &c->kernel[i];
		double percent = k->nplaces ? 100.0 * (double)k->watched / (double)k->nplaces : 0;

		fprintf(out,
			"%sLinux %s: %zu VM%s, %zu site%s, %" PRIu64 " watched (%.1f%%)\n"
			"%" PRIu64 " of %" PRIu64
			" allocations were made at sites that no VM watched\n",
			i ? "\n" : "", k->release, k->nvms, plural(k->nvms), k->nplaces,
			plural(k->nplaces), k->watched, percent, k->unwatched, k->allocations);
		text_vms(out, k);
		if (sites)
			text_sites(out, k);
	}
}

/* --- JSON --- */

static json_t *json_vms(const struct coverage_kernel *k)
{
	json_t *list = json_array();

	for (size_t i = 0; i < k->nvms; i++) {
		const struct coverage_vm *vm = &k->vm[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
						      "vm", vm->name, "seed", vm->seed, "mode",
						      vm->mode, "sites", (json_int_t)vm->sites,
						      "watched", (json_int_t)vm->watched, "adds",
						      (json_int_t)vm->adds, "allocations",
						      (json_int_t)vm->allocations, "sites_lost",
						      (json_int_t)vm->lost));
	}
	return list;
}

static json_t *json_sites(const struct coverage_kernel *k)
{
	const struct coverage_place **list;
	json_t *sites = json_array();
	size_t n;

	list = unwatched(k, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(sites, json_pack("{s:s, s:s, s:I}", "id", list[i]->id, "name",
						       list[i]->name, "allocations",
						       (json_int_t)list[i]->allocations));
	free(list);
	return sites;
}

void coverage_json(FILE *out, const struct coverage *c, bool sites)
{
	for (size_t i = 0; i < c->nkernels; i++) {
		const struct coverage_kernel *k = &c->kernel[i];
		json_t *o = json_pack(
			"{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "v", 1, "type", "coverage-sum",
			"release", k->release, "sites", (json_int_t)k->nplaces, "watched",
			(json_int_t)k->watched, "allocations", (json_int_t)k->allocations,
			"unwatched_allocations", (json_int_t)k->unwatched, "vms", json_vms(k));

		if (sites)
			json_object_set_new(o, "unwatched", json_sites(k));
		json_dumpf(o, out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', out);
		json_decref(o);
	}
}
