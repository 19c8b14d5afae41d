// SPDX-License-Identifier: GPL-2.0-only
/*
 * input.c: asks each source for its next record and hands out the one whose turn it is.
 */
#include "input.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "map.h"
#include "source.h"

#define SOURCES_MAX 4096u
#define RESCAN_MS   1000
#define RECHECK	    64u /* records after which sources that had nothing are asked again */

struct feed {
	struct source *source;
	struct record head;
	bool full;    /* head is valid */
	bool waiting; /* had nothing when last asked */
	bool ended, complained;
	uint64_t time; /* host_time of its latest record that has one */
	char vm[128];  /* of its latest record that names one */
};

struct input {
	bool follow;
	struct feed *feed;
	size_t n;
	struct map known; /* paths of feeds */
	char **directory;
	size_t ndirectories;
	int64_t next_scan; /* ms */
	size_t turn;	   /* the live feed that is asked first */
	bool files_turn;
	unsigned since_recheck;
	uint64_t records, malformed;
	bool opened; /* a directory counts */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void add_feed(struct input *in, const char *path)
{
	struct feed *feed;
	struct source *s;
	size_t known;

	if (map_get(&in->known, path, &known))
		return;
	feed = realloc(in->feed, (in->n + 1) * sizeof(*feed));
	if (!feed)
		return;
	in->feed = feed;
	s = source_create(path, in->follow);
	if (!s || !map_add(&in->known, path, in->n)) {
		source_destroy(s);
		return;
	}
	in->feed[in->n++] = (struct feed){ .source = s };
}

/* --- directories --- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && !strcmp(name + len - n, suffix);
}

static bool is_source(const char *path, const char *name)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	return S_ISSOCK(st.st_mode) ||
	       (S_ISREG(st.st_mode) && (has_suffix(name, ".jsonl") || has_suffix(name, ".log")));
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool scan(struct input *in, const char *directory)
{
	struct dirent **entry;
	int n = scandir(directory, &entry, visible, alphasort);

	for (int i = 0; i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", directory, entry[i]->d_name) >= 0) {
			if (is_source(path, entry[i]->d_name))
				add_feed(in, path);
			free(path);
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return n >= 0;
}

static void add_directory(struct input *in, const char *path)
{
	char **list = realloc(in->directory, (in->ndirectories + 1) * sizeof(*list));
	char *copy = strdup(path);

	if (list)
		in->directory = list;
	if (!list || !copy || !scan(in, path)) {
		fprintf(stderr, "kmc-report: %s: %s\n", path, strerror(errno));
		free(copy);
		return;
	}
	in->opened = true;
	in->directory[in->ndirectories++] = copy;
}

static void rescan(struct input *in)
{
	if (!in->follow || now_ms() < in->next_scan)
		return;
	in->next_scan = now_ms() + RESCAN_MS;
	for (size_t i = 0; i < in->ndirectories; i++)
		scan(in, in->directory[i]);
}

struct input *input_create(char *const *paths, int n, bool follow)
{
	struct input *in = calloc(1, sizeof(*in));
	struct stat st;

	if (!in)
		return NULL;
	in->follow = follow;
	map_init(&in->known, SOURCES_MAX);
	for (int i = 0; i < n; i++) {
		if (!stat(paths[i], &st) && S_ISDIR(st.st_mode))
			add_directory(in, paths[i]);
		else
			add_feed(in, paths[i]);
	}
	return in;
}

void input_destroy(struct input *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->n; i++) {
		record_free(&in->feed[i].head);
		source_destroy(in->feed[i].source);
	}
	for (size_t i = 0; i < in->ndirectories; i++)
		free(in->directory[i]);
	map_deinit(&in->known);
	free(in->directory);
	free(in->feed);
	free(in);
}

/* --- records --- */

static void complain(const struct input *in, struct feed *f)
{
	const char *error = source_error(f->source);

	if (!error || f->complained)
		return;
	f->complained = true;
	fprintf(stderr, "kmc-report: %s%s\n", error, f->ended ? "" : "; waiting for it");
}

static void learn(struct feed *f)
{
	const char *vm = record_text(f->head.root, "vm");
	uint64_t time = record_number(f->head.root, "host_time");

	if (*vm)
		snprintf(f->vm, sizeof(f->vm), "%s", vm);
	f->time = time ? time : f->time;
	f->full = true;
}

static void fill(struct input *in, struct feed *f)
{
	const char *line;
	size_t len;

	while (!f->full && !f->waiting && !f->ended) {
		switch (source_next(f->source, &line, &len)) {
		case SOURCE_LINE:
			f->complained = false;
			if (record_parse(line, len, &f->head))
				learn(f);
			else if (len)
				in->malformed++;
			break;
		case SOURCE_WAIT:
			f->waiting = true;
			complain(in, f);
			break;
		case SOURCE_END:
			f->ended = true;
			complain(in, f);
			break;
		}
	}
}

static struct feed *earliest_file(struct input *in)
{
	struct feed *best = NULL;

	for (size_t i = 0; i < in->n; i++) {
		struct feed *f = &in->feed[i];

		if (f->full && source_is_file(f->source) && (!best || f->time < best->time))
			best = f;
	}
	return best;
}

static struct feed *next_live(struct input *in)
{
	for (size_t i = 0; i < in->n; i++) {
		struct feed *f = &in->feed[(in->turn + i) % in->n];

		if (!f->full || source_is_file(f->source))
			continue;
		in->turn = (in->turn + i + 1) % in->n;
		return f;
	}
	return NULL;
}

/* Files and live sources take turns, so that neither holds up the other. */
static struct feed *choose(struct input *in)
{
	struct feed *f = in->files_turn ? earliest_file(in) : next_live(in);

	if (!f)
		f = in->files_turn ? next_live(in) : earliest_file(in);
	in->files_turn = !in->files_turn;
	return f;
}

static void ask_all_again(struct input *in)
{
	in->since_recheck = 0;
	for (size_t i = 0; i < in->n; i++)
		in->feed[i].waiting = false;
}

enum input_state input_next(struct input *in, struct record *r, const char **vm)
{
	bool all_ended = true;
	struct feed *f;

	if (++in->since_recheck >= RECHECK)
		ask_all_again(in);
	for (size_t i = 0; i < in->n; i++) {
		fill(in, &in->feed[i]);
		all_ended = all_ended && in->feed[i].ended && !in->feed[i].full;
	}
	f = choose(in);
	if (!f)
		return all_ended && !(in->follow && in->ndirectories) ? INPUT_END : INPUT_IDLE;
	*r = f->head;
	*vm = f->vm;
	f->head = (struct record){ .root = NULL };
	f->full = false;
	in->records++;
	return INPUT_RECORD;
}

void input_wait(struct input *in, int ms, const sigset_t *mask)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	struct pollfd *p = calloc(in->n + 1, sizeof(*p));
	nfds_t n = 0;

	for (size_t i = 0; p && i < in->n; i++)
		if (!in->feed[i].ended && source_fd(in->feed[i].source) >= 0)
			p[n++] = (struct pollfd){ .fd = source_fd(in->feed[i].source),
						  .events = POLLIN };
	ppoll(p, n, &t, mask);
	free(p);
	ask_all_again(in);
	rescan(in);
}

uint64_t input_records(const struct input *in)
{
	return in->records;
}

uint64_t input_malformed(const struct input *in)
{
	uint64_t n = in->malformed;

	for (size_t i = 0; i < in->n; i++)
		n += source_bad_lines(in->feed[i].source);
	return n;
}

bool input_opened(const struct input *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (source_opened(in->feed[i].source))
			return true;
	return in->opened;
}
