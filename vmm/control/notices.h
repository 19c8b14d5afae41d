/* SPDX-License-Identifier: GPL-2.0-only */
/* notices.h: records that a VM sends of itself; docs/report.md has their fields. */
#ifndef KMC_NOTICES_H
#define KMC_NOTICES_H

#include "control.h"

const char *control_state(const struct control *c); /* "running" or "paused" */

void notice_heartbeat(const struct control *c); /* while the machine runs */
/* After machine_run(). The second does nothing where the guest did not panic. */
void notice_exit(const struct control *c, const char *end, int status);
void notice_panic(const struct control *c);

#endif
