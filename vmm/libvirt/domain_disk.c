// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain_disk.c: <disk> to --disk. All become virtio disks, copy-on-write or read-only: nothing is
 * ever written to a domain's images. What would be another disk than the domain's is a failure.
 */
#include <stdlib.h>
#include <string.h>

#include "domain_devices.h"

#define DISKS_MAX 16u /* as many as --disk may be given */

struct disk {
	const xmlNode *node;
	const char *target; /* "vda" */
	const char *path;
	bool qcow2, read_only;
};

/* vda, ..., vdz, vdaa: their order is that of the guest's names; what is on other buses comes
 * behind. */
static int compare(const void *left, const void *right)
{
	const char *a = ((const struct disk *)left)->target,
		   *b = ((const struct disk *)right)->target;
	bool va = !strncmp(a, "vd", 2), vb = !strncmp(b, "vd", 2);

	if (va != vb)
		return vb - va;
	if (strlen(a) != strlen(b))
		return strlen(a) < strlen(b) ? -1 : 1;
	return strcmp(a, b);
}

static void read_format(struct translation *t, struct disk *d)
{
	const xmlNode *driver = domain_child(t, d->node, "driver");
	const char *type = domain_attr(driver, "type");

	d->qcow2 = type && !strcmp(type, "qcow2");
	if (type && !d->qcow2 && strcmp(type, "raw") != 0)
		domain_fail(t, driver,
			    "a disk of format \"%.40s\": kmc-vmm reads raw and qcow2; convert it "
			    "(qemu-img convert)",
			    type);
}

static void read_source(struct translation *t, struct disk *d, const xmlNode *source)
{
	const char *type = domain_attr(d->node, "type");
	bool file = type && !strcmp(type, "file"), block = type && !strcmp(type, "block");

	if (!file && !block)
		domain_fail(t, d->node,
			    "a disk of type \"%.40s\": kmc-vmm has those of files and block "
			    "devices",
			    type ? type : "");
	d->path = domain_attr(source, file ? "file" : "dev");
	if (!d->path)
		domain_fail(t, d->node, "a disk without a source");
	else
		domain_path_ok(t, source, d->path, ",");
	if (domain_child(t, source, "encryption") || domain_child(t, source, "slices") ||
	    domain_child(t, d->node, "encryption"))
		domain_fail(t, source, "kmc-vmm reads neither encrypted images nor slices of one");
}

static void read_target(struct translation *t, struct disk *d)
{
	const xmlNode *target = domain_child(t, d->node, "target");

	d->target = domain_attr(target, "dev");
	if (!d->target || !*d->target) {
		domain_fail(t, d->node, "a disk without a target");
		d->target = "";
	}
}

/* An empty one says that the image stands alone. */
static void read_backing(struct translation *t, const xmlNode *node)
{
	static const struct mark by_image = {MARK_IGNORED,
					     "the image's own header says what is behind it"};
	xmlNode *backing = domain_child(t, node, "backingStore");

	if (backing && (backing->properties || backing->children))
		domain_ignore(backing, &by_image);
}

static void read_disk(struct translation *t, struct disk *d, const xmlNode *source)
{
	read_source(t, d, source);
	read_format(t, d);
	read_target(t, d);
	read_backing(t, d->node);
	d->read_only = domain_child(t, d->node, "readonly") || d->read_only;
	domain_child(t, d->node, "transient"); /* as every disk is */
}

/* Is it one that a VM without it is still the same? */
static bool leave_out(struct translation *t, xmlNode *node, const char *device,
		      const xmlNode *source)
{
	static const struct mark no_drive = {MARK_IGNORED, "no such drive"};

	if (strcmp(device, "floppy") != 0 && (strcmp(device, "cdrom") != 0 || source))
		return false;
	domain_ignore(node, &no_drive);
	return true;
}

/* False: it is not to be one. */
static bool take(struct translation *t, xmlNode *node, struct disk *d)
{
	static const struct mark as_disk = {MARK_IGNORED, "a read-only virtio disk instead"};
	const char *device = domain_attr(node, "device");
	xmlNode *source = domain_child(t, node, "source");

	if (!device)
		device = "disk";
	if (leave_out(t, node, device, source))
		return false;
	*d = (struct disk){.node = node, .read_only = !strcmp(device, "cdrom")};
	if (d->read_only)
		domain_ignore_attr(node, "device", &as_disk);
	else if (strcmp(device, "disk") != 0)
		domain_fail(t, node, "a disk that is a \"%.40s\": kmc-vmm has disk and cdrom",
			    device);
	read_disk(t, d, source);
	return true;
}

static void emit(struct translation *t, const struct disk *d)
{
	domain_optionf(t, d->node, "--disk", "%s%s%s", d->path, d->read_only ? ",ro" : "",
		       d->qcow2 ? ",format=qcow2" : "");
}

void domain_disks(struct translation *t, xmlNode *devices)
{
	struct disk disks[DISKS_MAX];
	size_t n = 0;

	for (xmlNode *node = devices ? devices->children : NULL; node && !t->failed;
	     node = node->next) {
		if (!domain_is(node, "disk"))
			continue;
		domain_ignore(node, &mark_known);
		if (n == DISKS_MAX)
			domain_fail(t, node, "more than %u disks", DISKS_MAX);
		else
			n += take(t, node, &disks[n]);
	}
	if (t->failed)
		return;
	qsort(disks, n, sizeof(disks[0]), compare);
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(disks[i - 1].target, disks[i].target))
			domain_fail(t, disks[i].node, "a second disk \"%.40s\"", disks[i].target);
		emit(t, &disks[i]);
	}
}
