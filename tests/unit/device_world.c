// SPDX-License-Identifier: GPL-2.0-only
/* device_world.c: see device_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "device_world.h"

static bool world_memory(void *ctx, const char *device, bool write, gpa_t gpa, void *data,
			 uint32_t len)
{
	struct world *w = ctx;

	if (gpa.v > WORLD_RAM || len > WORLD_RAM - gpa.v)
		return false;
	if (write)
		memcpy(w->ram + gpa.v, data, len);
	else
		memcpy(data, w->ram + gpa.v, len);
	return true;
}

static void world_message(void *ctx, uint64_t address, uint32_t data)
{
	struct world *w = ctx;

	w->messages++;
	w->address = address;
	w->data = data;
}

static int world_doorbell(void *ctx, gpa_t gpa, int fd, bool on)
{
	struct world *w = ctx;

	w->doorbells += on ? 1 : -1u;
	return 0;
}

static void world_panic(void *ctx, uint8_t events)
{
	((struct world *)ctx)->panic |= events;
}

static bool world_enter(void *ctx)
{
	return true;
}

static void world_leave(void *ctx)
{
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->host = (struct device_host){.ctx = w,
				       .memory = world_memory,
				       .message = world_message,
				       .doorbell = world_doorbell,
				       .panic = world_panic,
				       .enter = world_enter,
				       .leave = world_leave};
}

struct devices *world_devices(struct world *w, const struct devices_config *config)
{
	struct devices *d = NULL;
	char err[256];
	bool bad;

	world_init(w);
	if (devices_create(config, &w->host, &d, err, sizeof(err), &bad) < 0)
		fail_msg("%s", err);
	assert_int_equal(devices_start(d), 0);
	return d;
}
