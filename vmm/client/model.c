// SPDX-License-Identifier: GPL-2.0-only
/*
 * model.c: groups and counts. Shows nothing.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX    10000u
#define SEEN_MAX      200000u
#define VMS_MAX	      10000u
#define SIGHTINGS_MAX 1000000u
#define NOTES_MAX     10000u
/* Bytes of lines; parsed they take several times as much. First ones of groups: twice that. */
#define KEPT_MAX (64u << 20)

/* A report that was met, by VM and seq. */
struct seen {
	size_t group;
	uint64_t count;
	uint64_t host_time; /* 0: only duplicates of it so far */
};

void model_init(struct model *m, bool keep)
{
	*m = (struct model){ .keep = keep };
	map_init(&m->groups, GROUPS_MAX);
	map_init(&m->seen, SEEN_MAX);
	map_init(&m->vms, VMS_MAX);
}

static void group_deinit(struct group *g)
{
	for (size_t i = 0; i < g->nreports; i++)
		json_decref(g->reports[i]);
	json_decref(g->report);
	free(g->reports);
	free(g->vm);
	free(g->key);
}

void model_deinit(struct model *m)
{
	for (size_t i = 0; i < m->ngroups; i++)
		group_deinit(&m->group[i]);
	for (size_t i = 0; i < m->nvms; i++)
		free(m->vm[i]);
	for (size_t i = 0; i < m->nnotes; i++)
		json_decref(m->note[i].record);
	free(m->group);
	free(m->vm);
	free(m->note);
	free(m->sighting);
	free(m->entry);
	map_deinit(&m->groups);
	map_deinit(&m->seen);
	map_deinit(&m->vms);
}

/* Room for one more of n items of this size; array: where the pointer to them is. */
static bool more(void *array, size_t n, size_t size)
{
	void *items;

	if (n & (n - 1)) /* it doubles at powers of two */
		return true;
	memcpy(&items, array, sizeof(items));
	items = realloc(items, (n ? 2 * n : 1) * size);
	if (items)
		memcpy(array, &items, sizeof(items));
	return items;
}

/* The number of a VM; false beyond the limit. */
static bool vm_number(struct model *m, const char *vm, size_t *number)
{
	char *copy;

	if (map_get(&m->vms, vm, number))
		return true;
	*number = m->nvms;
	if (!more(&m->vm, m->nvms, sizeof(*m->vm)))
		return false;
	copy = strdup(vm);
	if (!copy || !map_add(&m->vms, vm, m->nvms)) {
		free(copy);
		return false;
	}
	m->vm[m->nvms++] = copy;
	return true;
}

static bool is_hash(const char *s)
{
	return strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16;
}

/* Reports of an older kmc-vmm have no hash: the title, without what differs between builds. */
static void key_of(const json_t *record, char *out, size_t size)
{
	const char *hash = record_text(record, "stack_hash");
	const char *title = record_text(record, "title");

	if (is_hash(hash))
		snprintf(out, size, "%s", hash);
	else
		snprintf(out, size, "%.*s", (int)strcspn(title, "+"), title);
}

static bool find_group(struct model *m, const json_t *record, size_t *number)
{
	char key[256], *copy;

	key_of(record, key, sizeof(key));
	if (map_get(&m->groups, key, number))
		return true;
	*number = m->ngroups;
	if (!more(&m->group, m->ngroups, sizeof(*m->group)))
		return false;
	copy = strdup(key);
	if (!copy || !map_add(&m->groups, key, m->ngroups)) {
		free(copy);
		return false;
	}
	m->group[m->ngroups++] = (struct group){ .key = copy };
	return true;
}

static void group_vm(struct model *m, struct group *g, const char *vm)
{
	size_t number;

	if (!vm_number(m, vm, &number))
		return;
	for (size_t i = 0; i < g->nvm; i++)
		if (g->vm[i] == number)
			return;
	if (more(&g->vm, g->nvm, sizeof(*g->vm)))
		g->vm[g->nvm++] = (uint32_t)number;
}

static void sighted(struct model *m, struct group *g, uint64_t time, uint64_t count)
{
	g->count += count;
	m->count += count;
	if (time && (!g->first || time < g->first))
		g->first = time;
	if (time > g->last)
		g->last = time;
	if (count && time && m->nsightings < SIGHTINGS_MAX &&
	    more(&m->sighting, m->nsightings, sizeof(*m->sighting)))
		m->sighting[m->nsightings++] =
			(struct sighting){ time, count, record_level(g->severity) };
}

/* The first report of a group is what it is called by. */
static void keep_first(struct model *m, struct group *g, const struct record *r)
{
	if (g->report)
		return;
	g->severity = record_severity(r->root);
	if (m->kept + r->len > 2 * KEPT_MAX)
		return;
	m->kept += r->len;
	g->report = json_incref(r->root);
}

static void keep(struct model *m, struct group *g, const struct record *r)
{
	keep_first(m, g, r);
	if (!m->keep)
		return;
	if (m->kept + r->len > KEPT_MAX || !more(&g->reports, g->nreports, sizeof(*g->reports))) {
		m->left_out++;
		return;
	}
	if (g->report != r->root) /* else it is counted */
		m->kept += r->len;
	g->reports[g->nreports++] = json_incref(r->root);
}

/* NULL where it was not met, or there is no room. number is of its group. */
static struct seen *find_seen(struct model *m, const struct record *r, const char *vm, size_t group,
			      bool *is_new)
{
	char key[512];
	size_t n;

	snprintf(key, sizeof(key), "%.400s\n%llu", vm,
		 (unsigned long long)record_number(r->root, "seq"));
	*is_new = !map_get(&m->seen, key, &n);
	if (!*is_new)
		return &m->entry[n];
	if (!more(&m->entry, m->nentries, sizeof(*m->entry)) ||
	    !map_add(&m->seen, key, m->nentries))
		return NULL;
	m->entry[m->nentries] = (struct seen){ .group = group };
	return &m->entry[m->nentries++];
}

static uint64_t count_of(const json_t *record)
{
	uint64_t count = record_number(record, "count");

	if (!count)
		return 1;
	return count < UINT32_MAX ? count : UINT32_MAX; /* no sum of them overflows */
}

static bool add_report(struct model *m, const struct record *r, const char *vm)
{
	uint64_t time = record_number(r->root, "host_time"), count = count_of(r->root);
	struct seen *s;
	size_t group;
	bool is_new;

	if (!find_group(m, r->root, &group)) {
		m->left_out++;
		m->reports++;
		return true;
	}
	s = find_seen(m, r, vm, group, &is_new);
	if (s && !is_new && s->host_time == time && time)
		return false;
	if (s && !is_new && s->host_time) /* another run of the same VM */
		*s = (struct seen){ .group = group };
	m->reports++;
	keep(m, &m->group[group], r);
	group_vm(m, &m->group[group], vm);
	sighted(m, &m->group[group], time,
		s && s->count < count ? count - s->count
		: s		      ? 0
				      : count);
	if (s) {
		s->count = s->count > count ? s->count : count;
		s->host_time = time;
	}
	return true;
}

static void add_duplicate(struct model *m, const struct record *r, const char *vm)
{
	uint64_t count = count_of(r->root), times = count;
	struct seen *s;
	size_t group;
	bool is_new;

	if (!is_hash(record_text(r->root, "stack_hash")) || !find_group(m, r->root, &group))
		return;
	s = find_seen(m, r, vm, group, &is_new);
	if (s) {
		group = s->group;
		times = count > s->count ? count - s->count : 0;
		s->count += times;
	}
	group_vm(m, &m->group[group], vm);
	sighted(m, &m->group[group], record_number(r->root, "host_time"), times);
}

static void add_note(struct model *m, const struct record *r)
{
	if (m->nnotes >= NOTES_MAX || !more(&m->note, m->nnotes, sizeof(*m->note)))
		return;
	m->note[m->nnotes++] = (struct note){ .time = record_number(r->root, "host_time"),
					      .type = r->type,
					      .record = json_incref(r->root) };
}

bool model_add(struct model *m, const struct record *r, const char *vm)
{
	size_t number;

	if (*vm)
		vm_number(m, vm, &number);
	switch (r->type) {
	case RECORD_REPORT:
		return add_report(m, r, vm);
	case RECORD_DUPLICATE:
		add_duplicate(m, r, vm);
		break;
	case RECORD_LOST:
		m->lost += record_number(r->root, "count");
		break;
	case RECORD_PANIC:
	case RECORD_EXIT:
		add_note(m, r);
		break;
	default:
		break;
	}
	return true;
}

bool model_knows(const struct model *m, const struct record *r)
{
	char key[256];
	size_t number;

	key_of(r->root, key, sizeof(key));
	return map_get(&m->groups, key, &number);
}

static int by_severity(const void *a, const void *b)
{
	const struct group *x = *(const struct group *const *)a;
	const struct group *y = *(const struct group *const *)b;
	int order;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	order = strcmp(group_title(x), group_title(y));
	return order ? order : strcmp(x->key, y->key);
}

const struct group **model_sorted(const struct model *m)
{
	const struct group **list =
		m->ngroups ? calloc(m->ngroups, sizeof(const struct group *)) : NULL;

	if (!list)
		return NULL;
	for (size_t i = 0; i < m->ngroups; i++)
		list[i] = &m->group[i];
	qsort(list, m->ngroups, sizeof(*list), by_severity);
	return list;
}

const char *group_title(const struct group *g)
{
	const char *title = record_text(g->report, "title");

	if (!g->report)
		return "(its first report was not seen)";
	return *title ? title : "(without a title)";
}

const char *group_class(const struct group *g)
{
	const char *class = record_text(g->report, "class");

	return *class ? class : "-";
}
