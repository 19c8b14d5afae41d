/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recorder.h: --libvirt-record: a child that is forked before anything is open, and connects to libvirt at
 * the end, which the sandbox does not let this process do any more. It ends when this process does,
 * however that happens. Used by domain.c.
 */
#ifndef KMC_RECORDER_H
#define KMC_RECORDER_H

#include <sys/types.h>

#include "libvirt_domain.h"

struct recorder {
	int fd; /* -1: not there */
	pid_t pid;
};

/* While there is one thread. The child looks whether it can write. 0, or -1 with one line in err. */
int recorder_start(struct recorder *r, const struct libvirt_domain *domain, char *err, size_t errlen);
/* Waits for the child's answer. Once. 0, or -1 with one line in err. */
int recorder_ready(const struct recorder *r, char *err, size_t errlen);
/* libvirt_domain_record(), there. Once. */
int recorder_record(const struct recorder *r, const struct libvirt_run *run, char *err, size_t errlen);
void recorder_stop(struct recorder *r);

#endif
