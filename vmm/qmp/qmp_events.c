// SPDX-License-Identifier: GPL-2.0-only
/* qmp_events.c: what clients are told without asking. Others than they may pause and end the
 * machine. */
#include <time.h>

#include "qmp_internal.h"

/* Takes data, which may be NULL: none. Only to those who have negotiated. */
static void tell(struct qmp *q, const char *event, json_t *data)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned i = 0; i < QMP_CLIENTS; i++) {
		struct qmp_client *c = &q->client[i];
		json_t *message;

		if (c->fd < 0 || c->closing || !c->negotiated)
			continue;
		message = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds",
				    (json_int_t)now.tv_sec, "microseconds",
				    (json_int_t)now.tv_nsec / 1000, "event", event);
		if (data)
			json_object_set(message, "data", data);
		client_send(c, message);
	}
	json_decref(data);
}

void qmp_look(struct qmp *q)
{
	bool paused = machine_paused(q->machine), panicked = machine_panicked(q->machine);

	if (paused != q->paused)
		tell(q, paused ? "STOP" : "RESUME", NULL);
	if (panicked && !q->panicked)
		tell(q, "GUEST_PANICKED", json_pack("{s:s}", "action", "poweroff"));
	q->paused = paused;
	q->panicked = panicked;
}

/* QEMU's ShutdownCause. */
static const char *reason(const struct qmp *q)
{
	switch (q->end) {
	case END_POWEROFF:
		return "guest-shutdown";
	case END_RESET:
	case END_CRASH:
		return "guest-reset";
	case END_PANIC:
		return "guest-panic";
	case END_OPERATOR:
		return q->quit ? "host-qmp-quit" : "host-signal";
	default:
		return "host-error";
	}
}

void qmp_tell_end(struct qmp *q)
{
	const char *why = reason(q);

	qmp_look(q);
	tell(q, "SHUTDOWN", json_pack("{s:b, s:s}", "guest", why[0] == 'g', "reason", why));
}
