/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qemu_line.h: what is known of a QEMU command line while it is read, and how its parts get into
 * kmc-vmm's. Used by vmm/qemu/ only.
 *
 * Options may refer to others by id, in any order: so they are gathered first (qemu_argv.c calls
 * the functions below), then put together (qemu_finish_*).
 */
#ifndef KMC_QEMU_LINE_H
#define KMC_QEMU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include "qemu_argv.h"
#include "qemu_opts.h"

#define QEMU_DRIVES   32u
#define QEMU_NETDEVS  8u
#define QEMU_CHARDEVS 32u
#define QEMU_DEVICES  64u
#define QEMU_TEXT     4352u /* longer than a path and what goes with it */

enum drive_bus {
	BUS_NONE,   /* waits for a device */
	BUS_VIRTIO, /* the guest calls them vda, vdb... */
	BUS_SCSI,   /* IDE as well: sda, sdb... */
};

struct qemu_drive {
	char *id, *path;
	enum drive_bus bus;
	unsigned order; /* among those of its bus */
	bool qcow2, read_only, snapshot;
};

struct qemu_netdev {
	char *id;
	char *net; /* the value of --net */
	bool used;
};

enum chardev_kind { CHAR_STDIO, CHAR_NULL, CHAR_FILE, CHAR_UNIX, CHAR_TCP };

struct qemu_chardev {
	char *id;
	enum chardev_kind kind;
	char *path; /* a file, a socket; "HOST:PORT" */
};

struct qemu_line {
	struct qemu_argv *out;
	char *err; /* one line */
	size_t errlen;
	char **owned; /* strings that live until qemu_line_deinit() */
	size_t nowned;

	bool snapshot, kvm, other_accel;
	const char *kernel, *append;
	char *ignored; /* options, with a space in front of each */
	struct qemu_drive drive[QEMU_DRIVES];
	unsigned drives, orders;
	struct qemu_netdev netdev[QEMU_NETDEVS];
	unsigned netdevs;
	struct qemu_chardev chardev[QEMU_CHARDEVS];
	unsigned chardevs;
	const char *device[QEMU_DEVICES]; /* values of -device: when all ids are known */
	unsigned devices;
	const char *serial, *mon[QEMU_CHARDEVS]; /* values of -serial and -mon, as above */
	unsigned mons;
	bool qmp; /* --qmp is there */
};

void qemu_line_deinit(struct qemu_line *l);

/* ---- qemu_line.c: all of them false with a line in err where it cannot be ---- */

/* Always false: so that it can be returned. */
bool qemu_bad(struct qemu_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A string of the line's own. NULL: no memory, which was said. */
char *qemu_keep(struct qemu_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds kmc-vmm's option; value NULL: it has none. */
bool qemu_emit(struct qemu_line *l, const char *option, const char *value);
bool qemu_note(struct qemu_line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool qemu_ignore(struct qemu_line *l, const char *option, const char *value);

/* ---- qemu_char.c ---- */

bool qemu_chardev(struct qemu_line *l, const char *value);
bool qemu_serial(struct qemu_line *l, const char *value);
bool qemu_mon(struct qemu_line *l, const char *value);
bool qemu_monitor(struct qemu_line *l, const char *value);
bool qemu_qmp(struct qemu_line *l, const char *value);
/* The console of a virtio-serial bus on a character device. */
bool qemu_virtconsole(struct qemu_line *l, const char *chardev);
bool qemu_finish_char(struct qemu_line *l);

/* ---- qemu_device.c ---- */

bool qemu_drive(struct qemu_line *l, const char *value);
bool qemu_hard_disk(struct qemu_line *l, unsigned index, const char *path);
bool qemu_netdev(struct qemu_line *l, const char *value);
bool qemu_nic(struct qemu_line *l, const char *value);
bool qemu_net(struct qemu_line *l, const char *value);
bool qemu_device(struct qemu_line *l, const char *value);
/* Disks, networks, devices, and what -append calls the disks. */
bool qemu_finish_devices(struct qemu_line *l);

#endif
