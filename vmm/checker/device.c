// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c: devices' accesses to guest memory, on the view. What a device writes is defined from then
 * on; undefined bytes of an object that it reads have left the guest. What is freed, redzone or nobody's
 * it must not touch: a buffer is the device's until it is given back or the device is reset, and either
 * is done behind the last access to it.
 *
 * On the devices' threads, beside the vCPUs. What was announced is looked at first, as before any other
 * tracked access: the buffer may have been allocated a moment ago. checker.lock is taken for that and
 * for a report only; the data and its shadow are changed together, with the page held.
 */
#include <string.h>

#include "checker_internal.h"

/* Single accesses where the guest may count on them: ring indices. */
static void copy(void *to, const void *from, uint32_t len, uint64_t gpa)
{
	if (len == 2 && gpa % 2 == 0) {
		uint16_t v = __atomic_load_n((const uint16_t *)from, __ATOMIC_ACQUIRE);

		__atomic_store_n((uint16_t *)to, v, __ATOMIC_RELEASE);
		return;
	}
	memcpy(to, from, len);
}

static void report(struct checker *c, struct device_read *d, const uint8_t *v)
{
	struct object object;

	d->last = d->first;
	for (uint32_t i = d->first; i < d->len; i++)
		if (v[i] != V_DEFINED)
			d->last = i;
	pthread_mutex_lock(&c->lock);
	if ((c->config.checks & VERDICT_BIT(VERDICT_INFOLEAK)) &&
	    objects_find(c->objects, (gpa_t){ d->gpa.v + d->first }, &object))
		describe_device_read(c, d, &object);
	pthread_mutex_unlock(&c->lock);
}

/* V bits of what was just read; no byte of them set: all is well. */
static void check_read(struct checker *c, struct device_read *d, const uint8_t *v)
{
	while (d->first < d->len && v[d->first] == V_DEFINED)
		d->first++;
	if (d->first < d->len)
		report(c, d, v);
}

/* It was not legal when it was made; by now it may be, and then nothing is said. */
static void judge(struct checker *c, const struct device_read *d, bool write)
{
	const struct judge_access a = { .gpa = d->gpa,
					.len = d->len,
					.read = !write,
					.write = write,
					.use = JUDGE_USE_NONE };
	struct judgement j;

	pthread_mutex_lock(&c->lock);
	judge_access(c->shadow, c->objects, &a, c->config.checks, &j);
	if (j.verdict != VERDICT_NONE)
		describe_device_access(c, d, &j);
	pthread_mutex_unlock(&c->lock);
}

static void tracked(struct checker *c, struct device_read *d, bool write, void *data, void *ram)
{
	uint64_t page = (uint64_t)guest_ram_page_index(c->ram, d->gpa);
	uint32_t off = d->gpa.v % GUEST_PAGE;
	uint8_t v[GUEST_PAGE];
	bool legal;

	shadow_hold(c->shadow, page);
	legal = shadow_held_look(c->shadow, page, off, d->len, write ? NULL : v);
	if (write) {
		copy(ram, data, d->len, d->gpa.v);
		shadow_held_write_v(c->shadow, page, off, NULL, d->len);
	} else {
		copy(data, ram, d->len, d->gpa.v);
	}
	shadow_drop(c->shadow, page);
	if (!legal)
		judge(c, d, write);
	if (!write)
		check_read(c, d, v);
}

static void catch_up(struct checker *c)
{
	if (!agent_pending(c))
		return;
	pthread_mutex_lock(&c->lock);
	agent_drain_device(c);
	pthread_mutex_unlock(&c->lock);
}

/* One piece, in one page. */
static bool access_page(struct checker *c, struct device_read *d, bool write, void *data)
{
	void *ram = guest_ram_at(c->ram, d->gpa, d->len);

	if (!ram)
		return false;
	if (shadow_tracked(c->shadow, d->gpa))
		tracked(c, d, write, data, ram);
	else
		copy(write ? ram : data, write ? data : ram, d->len, d->gpa.v);
	return true;
}

bool device_memory(void *ctx, const char *device, bool write, gpa_t gpa, void *data, uint32_t len)
{
	struct checker *c = ctx;

	catch_up(c);
	while (len) {
		uint32_t room = GUEST_PAGE - gpa.v % GUEST_PAGE, part = len < room ? len : room;
		struct device_read d = { .device = device, .gpa = gpa, .len = part };

		if (!access_page(c, &d, write, data))
			return false;
		gpa.v += part;
		data = (uint8_t *)data + part;
		len -= part;
	}
	return true;
}
