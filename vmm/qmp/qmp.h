/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qmp.h: QEMU's machine protocol (docs/interop/qmp-spec.rst of QEMU) for one machine: what farms
 * use of it, as docs/kmc-vmm-qemu.1 lists. Used by vmm/main.c.
 *
 * One thread serves a few clients, which may be hostile: what they send and what waits for them is
 * bounded, and who does not read is disconnected. No client holds up the guest but by a command
 * that says so.
 */
#ifndef KMC_QMP_H
#define KMC_QMP_H

#include <stddef.h>
#include "machine.h"

struct qmp;

/* Listens at "unix:PATH" or "tcp:HOST:PORT". 0, or -1 with one line in err. */
int qmp_open(const char *address, struct qmp **q, char *err, size_t errlen);
/* Begins to serve. name, version live as long as q. 0, or -1 with one line in err. */
int qmp_start(struct qmp *q, struct machine *m, const char *name, const char *version, char *err,
	      size_t errlen);
/* After machine_run(): says how it ended, and gives clients a moment to hear it. */
void qmp_finish(struct qmp *q, enum machine_end end);
void qmp_close(struct qmp *q); /* after qmp_finish(), where it was started; NULL is fine */

#endif
