// SPDX-License-Identifier: GPL-2.0-only
/* checker.c: life of the checker, its statistics, and what ties it to a machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"
#include "copies.h"
#include "sandbox.h"

uint64_t checker_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t checker_guest_time(struct checker *c)
{
	return checker_now() - c->started - machine_paused_ns(c->machine);
}

size_t checker_guest_read(struct checker *c, uint64_t addr, void *buf, size_t len)
{
	return walk_read(c->ram, c->agent.cr3, c->agent.la57, (gva_t){ addr }, buf, len);
}

int checker_create(const struct checker_config *config, struct checker **out, char *err,
		   size_t errlen)
{
	struct checker *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, errlen, "out of memory");
		return -1;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->config = *config;
	c->tracks = config->checks;
	c->exec_status = -1;
	c->symbols = symbols_create();
	c->caches = caches_create();
	c->copies = copies_create();
	c->decoder = insn_decoder_create();
	c->filter.groups = groups_create();
	c->sites = config->coverage ? site_table_create() : NULL;
	if ((config->coverage && !c->sites) || !c->symbols || !c->caches || !c->copies || !c->decoder || !c->filter.groups) {
		snprintf(err, errlen, "out of memory");
		checker_destroy(c);
		return -1;
	}
	*out = c;
	return 0;
}

void checker_destroy(struct checker *c)
{
	if (!c)
		return;
	if (c->machine) {
		atomic_store(&c->watchdog_stop, true);
		pthread_join(c->watchdog, NULL);
		pthread_join(c->picker, NULL);
	}
	objects_destroy(c->objects);
	copies_destroy(c->copies);
	shadow_destroy(c->shadow);
	track_destroy(c->track);
	site_table_destroy(c->sites);
	caches_destroy(c->caches);
	symbols_destroy(c->symbols);
	insn_decoder_destroy(c->decoder);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		window_destroy(c->window[i]);
	groups_destroy(c->filter.groups);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void stopped(void *ctx, enum machine_end end)
{
	leak_check_at_end(ctx, end);
	filter_finish(ctx);
}

void checker_hooks(struct checker *c, struct machine_hooks *hooks)
{
	*hooks = (struct machine_hooks){ .ctx = c,
					 .fault = serve_fault,
					 .mmio = serve_mmio,
					 .port = agent_doorbell,
					 .port_number = KMC_PORT,
					 .behind_port = window_behind_ring,
					 .device_memory = device_memory,
					 .stopped = stopped };
}

static void note_peaks(struct checker *c)
{
	uint64_t hidden = guest_ram_hidden_pages(c->ram), tracked = shadow_tracked_bytes(c->shadow),
		 known = objects_known_bytes(c->objects);

	if (hidden > c->stats.hidden_peak)
		c->stats.hidden_peak = hidden;
	if (tracked > c->stats.tracked_peak) {
		c->stats.tracked_peak = tracked;
		c->stats.shadow_peak = shadow_bytes(c->shadow);
	}
	if (known > c->stats.known_peak) {
		c->stats.known_peak = known;
		c->stats.known_shadow = shadow_bytes(c->shadow);
		c->stats.objects_peak = objects_bytes(c->objects);
	}
}

void checker_defer(struct checker *c)
{
	if (machine_cpus(c->machine) == 1)
		guest_ram_defer(c->ram);
}

void checker_settle(struct checker *c)
{
	int err = guest_ram_settle(c->ram);

	if (err < 0)
		agent_give_up(c, "a page cannot be hidden: %s", strerror(-err));
}

static void note_change(struct checker *c, gpa_t gpa, uint64_t len)
{
	c->tracked_change[c->tracked_changes++ % TRACKED_CHANGES] = (struct tracked_change){ gpa, len };
}

static void track(void *ctx, gpa_t gpa, uint64_t len)
{
	struct checker *c = ctx;

	if (guest_ram_hide(c->ram, gpa, len / GUEST_PAGE) < 0) {
		agent_give_up(c, "a page cannot be hidden: %s", strerror(errno));
		return;
	}
	note_change(c, gpa, len);
	windows_settle(c);
	tracking_hidden(c, gpa, len / GUEST_PAGE);
	note_peaks(c);
}

static void untrack(void *ctx, gpa_t gpa, uint64_t len)
{
	struct checker *c = ctx;

	c->shown_generation++;
	note_change(c, gpa, len);
	counted_end(c, gpa, len);
	guest_ram_show(c->ram, gpa, len / GUEST_PAGE);
	tracking_shown(c, gpa, len / GUEST_PAGE);
}

int checker_attach(struct checker *c, struct machine *m, char *err, size_t errlen)
{
	struct objects_ops ops = { .ctx = c, .track = track, .untrack = untrack, .wants = tracking_wants };

	c->ram = machine_ram(m);
	c->started = checker_now();
	c->shadow = shadow_create(c->ram);
	c->objects = c->shadow ? objects_create(c->ram, c->shadow, &ops) : NULL;
	if (!c->objects) {
		snprintf(err, errlen, "out of memory");
		return -1;
	}
	if (tracking_init(c, err, errlen) < 0)
		return -1;
	if (xstate_layout(machine_vcpu(m, 0), &c->xstate) < 0) {
		snprintf(err, errlen, "KVM_GET_CPUID2 failed: try another host kernel");
		return -1;
	}
	for (unsigned i = 0; i < machine_cpus(m); i++)
		machine_vcpu(m, i)->run->kvm_valid_regs =
			KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	c->machine = m;
	if (pthread_create(&c->watchdog, NULL, carry_watchdog, c)) {
		c->machine = NULL;
		snprintf(err, errlen, "cannot start a thread: raise the limit on processes");
		return -1;
	}
	if (pthread_create(&c->picker, NULL, tracking_picker, c)) {
		sandbox_cancel();
		atomic_store(&c->watchdog_stop, true);
		pthread_join(c->watchdog, NULL);
		c->machine = NULL;
		snprintf(err, errlen, "cannot start a thread: raise the limit on processes");
		return -1;
	}
	return 0;
}

const struct checker_stats *checker_stats(struct checker *c)
{
	struct objects_stats objects;
	struct track_stats sites;

	if (c->objects) {
		objects_get_stats(c->objects, &objects);
		c->stats.traces = objects.traces;
		c->stats.unrecorded_traces = objects.unrecorded_traces;
		c->stats.missed_frees = objects.missed_frees;
		c->stats.slabs_remade = objects.remade;
		c->stats.watched = objects.watched;
		c->stats.cut = objects.cut;
		c->stats.unwatched = objects.unwatched;
	}
	if (c->track) {
		track_get_stats(c->track, &sites);
		c->stats.sites = sites.sites;
		c->stats.sites_watched = sites.sites_watched;
		c->stats.sites_lost = sites.sites_lost;
	}
	return &c->stats;
}

bool checker_coverage(const struct checker *c, struct site_entry **out, size_t *n)
{
	return site_table_list(c->sites, c->track, out, n);
}

bool checker_agent_seen(const struct checker *c)
{
	return c->agent.on || c->agent.broken;
}

const char *checker_agent_error(const struct checker *c)
{
	return c->agent.error[0] ? c->agent.error : NULL;
}

int checker_exec_status(const struct checker *c)
{
	return c->exec_status;
}
