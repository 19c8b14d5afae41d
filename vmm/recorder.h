/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recorder.h: --libvirt-record: a kmc-libvirt that is started before anything is open, and connects
 * to libvirt at the end, which the sandbox does not let this process do any more. It ends when this
 * process does, however that happens. Used by domain.c.
 */
#ifndef KMC_RECORDER_H
#define KMC_RECORDER_H

#include "helper.h"
#include "libvirt_call.h"

struct recorder {
	struct helper helper;
};

/* It looks whether it can write. uri may be NULL: libvirt's default. 0, or -1 with one line in err.
 */
int recorder_start(struct recorder *r, const char *uri, const char *name, char *err, size_t errlen);
/* Waits for its answer. Once. 0, or -1 with one line in err. */
int recorder_ready(const struct recorder *r, char *err, size_t errlen);
/* Has the record written. Once. 0, or -1 with one line in err. */
int recorder_record(const struct recorder *r, const struct libvirt_run *run, char *err,
		    size_t errlen);
void recorder_stop(struct recorder *r);

#endif
