// SPDX-License-Identifier: GPL-2.0-only
/*
 * qemu_device.c: disks, networks and the rest of what QEMU puts on a bus. All of it becomes virtio:
 * disks of other buses come behind the virtio ones, and -append is told their new names.
 */
#include "qemu_line.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Where and how a device sits on its bus means nothing here. */
#define ANYWHERE                                                                                   \
	" id bus addr romfile rombar multifunction disable-legacy disable-modern iommu_platform "  \
	"ats vectors "

/* ---- disks ---- */

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* QEMU would look into the file: what a guest wrote there must not decide how it is read. */
static bool set_format(struct qemu_line *l, struct qemu_drive *d, const char *format)
{
	d->qcow2 = format ? !strcmp(format, "qcow2")
			  : ends_in(d->path, ".qcow2") || ends_in(d->path, ".qcow");
	return !format || d->qcow2 || !strcmp(format, "raw") ||
	       qemu_bad(l, "-drive format=%s: give raw or qcow2", format);
}

static struct qemu_drive *add_drive(struct qemu_line *l, const char *path)
{
	struct qemu_drive *d = &l->drive[l->drives];

	if (l->drives == QEMU_DRIVES) {
		qemu_bad(l, "%s: that is one disk too many", path);
		return NULL;
	}
	if (!*path || strchr(path, ',')) {
		qemu_bad(l, "disk \"%s\": give a file with no comma in its name", path);
		return NULL;
	}
	*d = (struct qemu_drive){.path = qemu_keep(l, "%s", path)};
	if (!d->path)
		return NULL;
	l->drives++;
	return d;
}

static bool set_bus(struct qemu_line *l, struct qemu_drive *d, const char *interface)
{
	if (!strcmp(interface, "virtio"))
		d->bus = BUS_VIRTIO;
	else if (!strcmp(interface, "ide") || !strcmp(interface, "scsi"))
		d->bus = BUS_SCSI;
	else if (!strcmp(interface, "none"))
		d->bus = BUS_NONE;
	else
		return qemu_bad(l, "-drive if=%s: give if=virtio", interface);
	return true;
}

static bool number(const char *text, unsigned max, unsigned *out)
{
	*out = 0;
	for (const char *p = text; *p; p++) {
		if (!isdigit((unsigned char)*p) || *out > max)
			return false;
		*out = *out * 10 + (unsigned)(*p - '0');
	}
	return *text && *out <= max;
}

/* The n-th of its bus: in the order of their index, then of the command line. */
static bool set_order(struct qemu_line *l, struct qemu_drive *d, const char *index)
{
	d->order = l->orders++;
	if (!index)
		return true;
	return number(index, 255, &d->order) ||
	       qemu_bad(l, "-drive index=%s: give a number", index);
}

static bool drive_from(struct qemu_line *l, const struct qemu_opts *o)
{
	static const char known[] =
		" file if format id index media readonly read-only snapshot cache aio "
		"discard detect-zeroes werror rerror bus unit serial copy-on-read ";
	const char *file = qemu_opts_get(o, "file"), *interface = qemu_opts_get(o, "if");
	const char *id = qemu_opts_get(o, "id"), *media = qemu_opts_get(o, "media");
	const char *unknown = qemu_opts_unknown(o, 0, known);
	struct qemu_drive *d;

	if (unknown)
		return qemu_bad(l, "-drive %s: this part is not known: leave it out", unknown);
	if (media && strcmp(media, "disk") != 0)
		return qemu_bad(l, "-drive media=%s: there are disks only", media);
	d = add_drive(l, file ? file : "");
	if (!d)
		return false;
	d->read_only = qemu_opts_on(o, "readonly", false) || qemu_opts_on(o, "read-only", false);
	d->snapshot = qemu_opts_on(o, "snapshot", false);
	if (id && !(d->id = qemu_keep(l, "%s", id)))
		return false;
	return set_bus(l, d, interface ? interface : "ide") &&
	       set_format(l, d, qemu_opts_get(o, "format")) &&
	       set_order(l, d, qemu_opts_get(o, "index"));
}

bool qemu_drive(struct qemu_line *l, const char *value)
{
	const char *interface;
	struct qemu_opts o;
	bool ok = false;

	if (!qemu_opts_parse(&o, value))
		qemu_bad(l, "-drive %s: too many parts", value);
	else if ((interface = qemu_opts_get(&o, "if")) && !strcmp(interface, "pflash"))
		ok = qemu_ignore(l, "-drive", value); /* firmware, which does not run here */
	else
		ok = drive_from(l, &o);
	qemu_opts_deinit(&o);
	return ok;
}

bool qemu_hard_disk(struct qemu_line *l, unsigned index, const char *path)
{
	struct qemu_drive *d = add_drive(l, path);

	if (!d)
		return false;
	d->bus = BUS_SCSI;
	d->order = index;
	return set_format(l, d, NULL);
}

/* -device virtio-blk-pci,drive=ID, and those that other buses have. */
static bool claim_drive(struct qemu_line *l, const char *device, const struct qemu_opts *o,
			enum drive_bus bus)
{
	const char *id = qemu_opts_get(o, "drive");

	for (unsigned i = 0; i < l->drives; i++) {
		struct qemu_drive *d = &l->drive[i];

		if (!id || !d->id || strcmp(d->id, id) != 0 || d->bus != BUS_NONE)
			continue;
		d->bus = bus;
		d->order = l->orders++;
		return true;
	}
	return qemu_bad(l, "-device %s: give drive=ID, and a -drive if=none with that id", device);
}

static bool emit_disk(struct qemu_line *l, const struct qemu_drive *d)
{
	bool writable = !d->read_only && !d->snapshot && !l->snapshot;
	char *value = qemu_keep(l, "%s%s%s", d->path,
				d->read_only ? ",ro"
				: writable   ? ",rw"
					     : "",
				d->qcow2 ? ",format=qcow2" : "");

	return value && qemu_emit(l, "--disk", value);
}

/* Those of a bus, by their order. Returns how many, or -1. */
static int emit_disks(struct qemu_line *l, enum drive_bus bus)
{
	struct qemu_drive *next;
	int n = 0;

	do {
		next = NULL;
		for (unsigned i = 0; i < l->drives; i++) {
			struct qemu_drive *d = &l->drive[i];

			if (d->bus == bus && d->path && (!next || d->order < next->order))
				next = d;
		}
		if (next && !emit_disk(l, next))
			return -1;
		if (next) {
			next->path = NULL;
			n++;
		}
	} while (next);
	return n;
}

/* "root=/dev/sda1" with two virtio disks in front: "root=/dev/vdc1". */
static bool rename_disks(struct qemu_line *l, int virtio, int scsi)
{
	static const char old[] = "=/dev/sd";
	char *text = qemu_keep(l, "%s", l->append ? l->append : ""), *at = text;

	while (at && (at = strstr(at, old))) {
		char *letter = at + sizeof(old) - 1;
		int n = *letter - 'a';

		at = letter;
		if (n < 0 || n >= scsi || isalpha((unsigned char)letter[1]))
			continue;
		letter[-2] = 'v';
		*letter = (char)('a' + virtio + n);
		if (!qemu_note(l, "/dev/sd%c is /dev/vd%c here, also in -append", 'a' + n, *letter))
			return false;
	}
	return text && (!l->append || qemu_emit(l, "--append", text));
}

static bool finish_disks(struct qemu_line *l)
{
	int virtio = emit_disks(l, BUS_VIRTIO);
	int scsi = virtio < 0 ? -1 : emit_disks(l, BUS_SCSI);

	for (unsigned i = 0; i < l->drives; i++)
		if (l->drive[i].bus == BUS_NONE && !qemu_ignore(l, "-drive", l->drive[i].path))
			return false;
	if (scsi < 0)
		return false;
	return virtio + scsi <= 16 ? rename_disks(l, virtio, scsi)
				   : qemu_bad(l, "at most 16 disks can be given");
}

/* ---- networks ---- */

/* "tcp::22-10.0.2.15:22": the guest's own address needs no words. */
static char *forward(struct qemu_line *l, const char *net, const char *value)
{
	static const char guest[] = "-10.0.2.15:";
	const char *at = strstr(value, guest);

	if (!at)
		return qemu_keep(l, "%s,hostfwd=%s", net, value);
	return qemu_keep(l, "%s,hostfwd=%.*s-:%s", net, (int)(at - value), value,
			 at + sizeof(guest) - 1);
}

static char *user_net(struct qemu_line *l, const struct qemu_opts *o)
{
	char *net = qemu_keep(l, "user%s", qemu_opts_on(o, "restrict", false) ? ",restrict" : "");

	for (unsigned i = 0; net && i < o->n; i++)
		if (!strcmp(o->item[i].key, "hostfwd") && o->item[i].value)
			net = forward(l, net, o->item[i].value);
	return net;
}

static char *tap_net(struct qemu_line *l, const struct qemu_opts *o)
{
	const char *name = qemu_opts_get(o, "ifname"), *mac = qemu_opts_get(o, "mac");

	if (!name) {
		qemu_bad(l, "a tap network: give ifname=NAME, kmc-vmm makes none");
		return NULL;
	}
	return qemu_keep(l, "tap,ifname=%s%s%s", name, mac ? ",mac=" : "", mac ? mac : "");
}

/* more: parts that the option has besides. */
static struct qemu_netdev *add_net(struct qemu_line *l, const char *option,
				   const struct qemu_opts *o, const char *more)
{
	static const char known[] =
		" id restrict hostfwd hostname ipv4 ipv6 ifname script downscript vhost "
		"queues mac model name netdev vlan macaddr ";
	const char *word = qemu_opts_word(o, "type"), *unknown = qemu_opts_unknown(o, 1, known);
	struct qemu_netdev *n = &l->netdev[l->netdevs];

	if (l->netdevs == QEMU_NETDEVS) {
		qemu_bad(l, "%s: that is one network too many", option);
		return NULL;
	}
	if (unknown) {
		qemu_bad(l, "%s %s: \"%s\" is not possible: leave it out", option, word, unknown);
		return NULL;
	}
	*n = (struct qemu_netdev){.used = false};
	if (!strcmp(word, "user"))
		n->net = user_net(l, o);
	else if (!strcmp(word, "tap"))
		n->net = tap_net(l, o);
	else
		qemu_bad(l, "%s %s: give user%s", option, word, more);
	if (!n->net)
		return NULL;
	l->netdevs++;
	return n;
}

bool qemu_netdev(struct qemu_line *l, const char *value)
{
	struct qemu_netdev *n = NULL;
	struct qemu_opts o;
	const char *id;

	if (!qemu_opts_parse(&o, value) || !(id = qemu_opts_get(&o, "id")))
		qemu_bad(l, "-netdev %s: give an id", value);
	else if ((n = add_net(l, "-netdev", &o, " or tap")))
		n->id = qemu_keep(l, "%s", id);
	qemu_opts_deinit(&o);
	return n && n->id;
}

static bool is_virtio_net(const char *model)
{
	return !strcmp(model, "virtio") || !strcmp(model, "virtio-net") ||
	       !strcmp(model, "virtio-net-pci") ||
	       !strcmp(model, "virtio-net-pci-non-transitional");
}

static bool only_virtio_net(struct qemu_line *l, const char *option, const char *model)
{
	return qemu_bad(l,
			"%s %s: there are virtio devices only: give virtio-net-pci "
			"(syz-manager: \"network_device\": \"virtio-net-pci\")",
			option, model);
}

bool qemu_nic(struct qemu_line *l, const char *value)
{
	struct qemu_netdev *n = NULL;
	struct qemu_opts o;
	const char *model;
	bool none;

	if (!qemu_opts_parse(&o, value)) {
		qemu_opts_deinit(&o);
		return qemu_bad(l, "-nic %s: too many parts", value);
	}
	model = qemu_opts_get(&o, "model");
	none = !strcmp(qemu_opts_word(&o, "type"), "none");
	if (!none && model && !is_virtio_net(model))
		only_virtio_net(l, "-nic", model);
	else if (!none && (n = add_net(l, "-nic", &o, " or tap")))
		n->used = true;
	qemu_opts_deinit(&o);
	return none || n;
}

/* -net nic, the card, and -net user, what it is plugged into: the second one says all that counts.
 */
bool qemu_net(struct qemu_line *l, const char *value)
{
	struct qemu_netdev *n = NULL;
	struct qemu_opts o;
	const char *word, *model;
	bool ok = false;

	if (!qemu_opts_parse(&o, value)) {
		qemu_opts_deinit(&o);
		return qemu_bad(l, "-net %s: too many parts", value);
	}
	word = qemu_opts_word(&o, "type");
	model = qemu_opts_get(&o, "model");
	if (!strcmp(word, "none"))
		ok = true;
	else if (!strcmp(word, "nic"))
		ok = !model || is_virtio_net(model) || only_virtio_net(l, "-net nic", model);
	else if ((n = add_net(l, "-net", &o, ", nic or none")))
		ok = n->used = true;
	qemu_opts_deinit(&o);
	return ok;
}

static bool claim_netdev(struct qemu_line *l, const struct qemu_opts *o)
{
	const char *id = qemu_opts_get(o, "netdev"), *mac = qemu_opts_get(o, "mac");

	for (unsigned i = 0; id && i < l->netdevs; i++) {
		struct qemu_netdev *n = &l->netdev[i];

		if (!n->id || strcmp(n->id, id) != 0 || n->used)
			continue;
		n->used = true;
		if (mac && !strncmp(n->net, "tap,", 4))
			n->net = qemu_keep(l, "%s,mac=%s", n->net, mac);
		return n->net;
	}
	return qemu_bad(l, "-device %s: give netdev=ID, and a -netdev with that id",
			qemu_opts_word(o, "driver"));
}

static bool finish_nets(struct qemu_line *l)
{
	for (unsigned i = 0; i < l->netdevs; i++) {
		const struct qemu_netdev *n = &l->netdev[i];

		if (n->used ? !qemu_emit(l, "--net", n->net) : !qemu_ignore(l, "-netdev", n->id))
			return false;
	}
	return true;
}

/* ---- devices ---- */

enum device_kind {
	DEV_NET,
	DEV_DISK,
	DEV_SCSI,
	DEV_RNG,
	DEV_PVPANIC,
	DEV_SERIAL,
	DEV_CONSOLE,
	DEV_IGNORED
};

static const struct {
	const char *name, *known; /* parts of its value */
	enum device_kind kind;
} devices[] = {
	{"virtio-net-pci", " netdev mac mq host_mtu csum gso guest_csum mrg_rxbuf ", DEV_NET},
	{"virtio-net", " netdev mac mq host_mtu csum gso guest_csum mrg_rxbuf ", DEV_NET},
	{"virtio-net-device", " netdev mac ", DEV_NET},
	{"virtio-blk-pci", " drive serial bootindex num-queues queue-size iothread scsi ",
	 DEV_DISK},
	{"virtio-blk", " drive serial bootindex num-queues queue-size iothread scsi ", DEV_DISK},
	{"virtio-blk-device", " drive serial ", DEV_DISK},
	{"ide-hd", " drive serial bootindex unit model ", DEV_SCSI},
	{"scsi-hd", " drive serial bootindex lun channel scsi-id ", DEV_SCSI},
	{"virtio-rng-pci", " rng max-bytes period ", DEV_RNG},
	{"virtio-rng", " rng max-bytes period ", DEV_RNG},
	{"virtio-rng-device", " rng ", DEV_RNG},
	{"pvpanic", " ioport events ", DEV_PVPANIC},
	{"pvpanic-pci", " events ", DEV_PVPANIC},
	{"isa-serial", " chardev index iobase irq ", DEV_SERIAL},
	{"virtconsole", " chardev name nr ", DEV_CONSOLE},
	/* Controllers, whose disks become virtio, and what a guest can do without. */
	{"virtio-scsi-pci", " num_queues iothread ", DEV_IGNORED},
	{"ahci", "  ", DEV_IGNORED},
	{"ich9-ahci", "  ", DEV_IGNORED},
	{"piix3-ide", "  ", DEV_IGNORED},
	{"virtio-serial", " max_ports ", DEV_IGNORED},
	{"virtio-serial-pci", " max_ports ", DEV_IGNORED},
	{"virtio-balloon", " free-page-reporting deflate-on-oom ", DEV_IGNORED},
	{"virtio-balloon-pci", " free-page-reporting deflate-on-oom ", DEV_IGNORED},
	{"pcie-root-port", " port chassis slot ", DEV_IGNORED},
	{"qemu-xhci", " p2 p3 ", DEV_IGNORED},
	{"usb-tablet", "  ", DEV_IGNORED},
	{"i6300esb", "  ", DEV_IGNORED},
};

/* Devices that people give to QEMU, and what they can give here. */
static const struct {
	const char *start, *remedy;
} refused[] = {
	{"e1000", "NET"},
	{"rtl8139", "NET"},
	{"ne2k", "NET"},
	{"pcnet", "NET"},
	{"vmxnet3", "NET"},
	{"i8255", "NET"},
	{"nvme", "give virtio-blk-pci"},
	{"virtio-9p",
	 "folders are shared by virtiofs, not 9p: give -kmc fs=TAG=DIR and mount TAG with "
	 "-t virtiofs"},
	{"vhost-user-fs", "kmc-vmm shares folders itself: give -kmc fs=TAG=DIR"},
	{"vhost-vsock", "the host's end is a UNIX socket here: give -kmc vsock=CID,,socket=PATH"},
	{"vhost-user-vsock", "give -kmc vsock=CID,,socket=PATH"},
	{"virtserialport", "give virtconsole"},
};

static bool refuse_device(struct qemu_line *l, const char *name)
{
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (strncmp(refused[i].start, name, strlen(refused[i].start)) != 0)
			continue;
		if (!strcmp(refused[i].remedy, "NET"))
			return only_virtio_net(l, "-device", name);
		return qemu_bad(l, "-device %s: %s", name, refused[i].remedy);
	}
	return qemu_bad(l,
			"-device %s: there is no such device: leave it out; -device help lists "
			"them",
			name);
}

static bool use_device(struct qemu_line *l, unsigned i, const struct qemu_opts *o,
		       const char *value)
{
	char *serial;

	switch (devices[i].kind) {
	case DEV_NET:
		return claim_netdev(l, o);
	case DEV_DISK:
		return claim_drive(l, devices[i].name, o, BUS_VIRTIO);
	case DEV_SCSI:
		return claim_drive(l, devices[i].name, o, BUS_SCSI);
	case DEV_RNG:
		return qemu_emit(l, "--rng", NULL);
	case DEV_PVPANIC:
		return qemu_emit(l, "--pvpanic", NULL);
	case DEV_SERIAL:
		serial = qemu_keep(l, "chardev:%s",
				   qemu_opts_get(o, "chardev") ? qemu_opts_get(o, "chardev") : "");
		return serial && qemu_serial(l, serial);
	case DEV_CONSOLE:
		return qemu_virtconsole(l, qemu_opts_get(o, "chardev"));
	case DEV_IGNORED:
		break;
	}
	return qemu_ignore(l, "-device", value);
}

static bool finish_device(struct qemu_line *l, const char *value, const struct qemu_opts *o)
{
	const char *name = qemu_opts_word(o, "driver"), *unknown;
	char known[512];

	for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (strcmp(devices[i].name, name) != 0)
			continue;
		snprintf(known, sizeof(known), "%s" ANYWHERE, devices[i].known);
		unknown = qemu_opts_unknown(o, 1, known);
		if (unknown)
			return qemu_bad(l, "-device %s: \"%s\" is not known: leave it out", name,
					unknown);
		return use_device(l, i, o, value);
	}
	return refuse_device(l, name);
}

bool qemu_device(struct qemu_line *l, const char *value)
{
	if (l->devices == QEMU_DEVICES)
		return qemu_bad(l, "-device %s: that is one too many", value);
	l->device[l->devices++] = value;
	return true;
}

/* In JSON, as libvirt has it, the value begins with a brace: then no name fits. */
static bool finish_one(struct qemu_line *l, const char *value)
{
	struct qemu_opts o;
	bool ok;

	ok = qemu_opts_parse(&o, value) ? finish_device(l, value, &o)
					: qemu_bad(l, "-device %s: too many parts", value);
	qemu_opts_deinit(&o);
	return ok;
}

bool qemu_finish_devices(struct qemu_line *l)
{
	for (unsigned i = 0; i < l->devices; i++)
		if (!finish_one(l, l->device[i]))
			return false;
	return finish_disks(l) && finish_nets(l);
}
