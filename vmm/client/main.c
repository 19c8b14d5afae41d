// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: kmc-report. Reads sources until they end or somebody stops it, and shows what they said.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "input.h"
#include "options.h"
#include "view.h"

/* docs/kmc-report.1, EXIT STATUS. */
enum exit_code { EXIT_OK = 0, EXIT_NOTHING = 1, EXIT_USAGE = 2, EXIT_FOUND = 3 };

#define WIDTH_DEFAULT 100
#define WIDTH_MIN     40
#define IDLE_MS	      250  /* until the end of a log is looked at again */
#define REFRESH_MS    1000 /* between two pictures of everything */

struct program {
	struct options o;
	struct input *in;
	struct model model;
	struct view view;
	char nonce[33];
	bool changed; /* since the last picture */
	bool on_terminal;
	int64_t next_refresh; /* ms */
	bool found, failed;
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	stopped = sig;
}

static uint64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Signals are let through only while waiting: mask is what was blocked before. */
static void catch_signals(sigset_t *mask)
{
	struct sigaction action = { .sa_handler = stop };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigprocmask(SIG_BLOCK, &block, mask);
}

static bool is_stopped(void)
{
	sigset_t pending;

	sigpending(&pending);
	return stopped || sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM);
}

/* --- output --- */

static bool is_picture(const struct program *p)
{
	return p->o.format == FORMAT_SUMMARY || p->o.format == FORMAT_HTML;
}

static unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned width = WIDTH_DEFAULT;

	if (columns && atoi(columns) > 0)
		width = (unsigned)atoi(columns);
	else if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	return width < WIDTH_MIN ? WIDTH_MIN : width;
}

static bool wants_color(const struct program *p)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (p->o.color != WHEN_AUTO)
		return p->o.color == WHEN_ALWAYS;
	return p->on_terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

static bool cannot_write(struct program *p, const char *path)
{
	fprintf(stderr, "kmc-report: %s: %s\n", path, strerror(errno));
	p->failed = true;
	return false;
}

static void draw(struct program *p)
{
	p->model.malformed = input_malformed(p->in);
	if (p->o.format == FORMAT_HTML)
		view_html(&p->view, &p->model, p->nonce);
	else
		view_summary(&p->view, &p->model);
}

/* Whoever reads the file sees the picture before or this one, never half of it. */
static bool draw_to_file(struct program *p)
{
	char *path;
	bool ok;

	if (asprintf(&path, "%s.%d.tmp", p->o.output, (int)getpid()) < 0)
		return cannot_write(p, p->o.output);
	p->view.out = fopen(path, "we");
	ok = p->view.out;
	if (ok) {
		draw(p);
		ok = !ferror(p->view.out);
		ok = !fclose(p->view.out) && ok;
	}
	ok = ok && !rename(path, p->o.output);
	if (!ok) {
		cannot_write(p, p->o.output);
		unlink(path);
	}
	free(path);
	return ok;
}

/* A picture that will be replaced: to a file, or on a terminal. */
static void refresh(struct program *p)
{
	if (!p->o.follow || !is_picture(p) || !p->changed || now_ms() < p->next_refresh)
		return;
	if (p->o.output) {
		draw_to_file(p);
	} else if (p->on_terminal && p->o.format == FORMAT_SUMMARY) {
		p->view.width = terminal_width();
		fputs("\033[H\033[J", stdout);
		draw(p);
		fflush(stdout);
	}
	p->changed = false;
	p->next_refresh = now_ms() + REFRESH_MS;
}

static bool open_output(struct program *p)
{
	p->on_terminal = !p->o.output && isatty(STDOUT_FILENO);
	p->view = (struct view){ .out = stdout, .width = terminal_width() };
	p->view.color = wants_color(p);
	if (!p->o.output || is_picture(p))
		return true;
	p->view.out = fopen(p->o.output, "we");
	return p->view.out || cannot_write(p, p->o.output);
}

static void finish_output(struct program *p)
{
	if (is_picture(p) && p->o.output) {
		draw_to_file(p);
		return;
	}
	if (is_picture(p) && !(p->on_terminal && p->o.follow && !p->changed))
		draw(p);
	if (fflush(p->view.out) || ferror(p->view.out))
		cannot_write(p, p->o.output ? p->o.output : "standard output");
	if (p->view.out != stdout)
		fclose(p->view.out);
}

/* --- records --- */

static bool is_wanted(const struct program *p, const struct record *r, const char *vm)
{
	/* A duplicate does not name its class: it goes where its report went. */
	if (r->type == RECORD_DUPLICATE && p->o.nclasses) {
		struct options without = p->o;

		without.nclasses = 0;
		return options_match(&without, r, vm) && model_knows(&p->model, r);
	}
	return options_match(&p->o, r, vm);
}

static void handle(struct program *p, const struct record *r, const char *vm)
{
	if (!is_wanted(p, r, vm) || !model_add(&p->model, r, vm))
		return;
	p->changed = true;
	p->found = p->found || options_fails(&p->o, r);
	if (p->o.format == FORMAT_TEXT)
		view_text(&p->view, r, vm);
	else if (p->o.format == FORMAT_JSON)
		view_json(&p->view, r);
}

static void run(struct program *p, const sigset_t *mask)
{
	enum input_state state = INPUT_IDLE;

	while (state != INPUT_END && !is_stopped()) {
		struct record r;
		const char *vm;

		state = input_next(p->in, &r, &vm);
		if (state == INPUT_RECORD) {
			handle(p, &r, vm);
			record_free(&r);
		} else if (!is_picture(p)) {
			fflush(p->view.out);
		}
		refresh(p);
		if (state == INPUT_IDLE)
			input_wait(p->in, IDLE_MS, mask);
	}
}

static void make_nonce(char out[33])
{
	unsigned char random[16] = { 0 };

	if (getrandom(random, sizeof(random), 0) < 0)
		memset(random, 0, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
}

static int end(const struct program *p)
{
	uint64_t malformed = input_malformed(p->in);

	if (malformed)
		fprintf(stderr, "kmc-report: %llu line%s could not be read\n",
			(unsigned long long)malformed, malformed == 1 ? "" : "s");
	if (p->failed || !input_opened(p->in) || (malformed && !input_records(p->in)))
		return EXIT_NOTHING;
	return p->found ? EXIT_FOUND : EXIT_OK;
}

/* --- coverage --- */

static void complain(const struct coverage *c)
{
	if (c->malformed)
		fprintf(stderr, "kmc-report: %llu line%s could not be read\n",
			(unsigned long long)c->malformed, c->malformed == 1 ? "" : "s");
	if (c->left_out)
		fprintf(stderr, "kmc-report: %llu VMs and sites are beyond what is kept\n",
			(unsigned long long)c->left_out);
}

static int run_coverage(struct program *p)
{
	static struct coverage c;
	bool any = false;

	for (int i = 0; i < p->o.nsources; i++)
		any = coverage_read(&c, p->o.sources[i]) || any;
	coverage_add_up(&c);
	if (any && open_output(p)) {
		if (p->o.format == FORMAT_JSON)
			coverage_json(p->view.out, &c, p->o.verbose);
		else
			coverage_text(p->view.out, &c, p->o.verbose);
		finish_output(p);
	}
	complain(&c);
	coverage_deinit(&c);
	return any && !p->failed ? EXIT_OK : EXIT_NOTHING;
}

int main(int argc, char **argv)
{
	static struct program p;
	int code = EXIT_NOTHING;
	sigset_t mask;

	switch (options_parse(argc, argv, wall_clock(), &p.o)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_EXIT:
		return EXIT_OK;
	case OPTIONS_BAD:
		return EXIT_USAGE;
	}
	if (p.o.coverage)
		return run_coverage(&p);
	catch_signals(&mask);
	make_nonce(p.nonce);
	model_init(&p.model, p.o.format == FORMAT_HTML);
	p.in = input_create(p.o.sources, p.o.nsources, p.o.follow);
	if (p.in && open_output(&p)) {
		run(&p, &mask);
		finish_output(&p);
		code = end(&p);
	}
	input_destroy(p.in);
	model_deinit(&p.model);
	return code;
}
