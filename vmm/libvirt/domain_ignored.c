// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain_ignored.c: what of a domain was not looked at, less what has no meaning here. The table is
 * the place to argue about: a line in it hides something from the user.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain_xml.h"

struct known {
	const char *path;  /* below the root; "*": any name; "@x": an attribute */
	bool enter;	   /* a container: look at what is in it; else all of it is known */
	const char *attr;  /* the value is this attribute's; NULL: its own, or the element's text */
	const char *value; /* only with this value; NULL: any */
};

static const struct known table[] = {
	/* Names, and what libvirt does around a VM: kmc-vmm ends when the guest does. */
	{.path = "@id"},
	{.path = "name"},
	{.path = "uuid"},
	{.path = "title"},
	{.path = "description"},
	{.path = "on_poweroff"},
	{.path = "on_reboot"},
	{.path = "on_crash"},
	{.path = "on_lockfailure"},
	{.path = "resource"},
	{.path = "memory/@dumpCore"},
	{.path = "vcpu/@placement"},
	/* The kernel is booted directly, on kmc-vmm's own machine. */
	{.path = "os/type/@machine"},
	{.path = "os/boot"},
	{.path = "os/bootmenu"},
	{.path = "os/bios"},
	/* The machine has these anyway, or does not have them. */
	{.path = "features", .enter = true},
	{.path = "features/acpi"},
	{.path = "features/apic"},
	{.path = "features/pae"},
	{.path = "features/vmport", .enter = true},
	{.path = "features/vmport/@state", .value = "off"},
	{.path = "cpu", .enter = true},
	{.path = "cpu/@mode", .value = "host-passthrough"},
	{.path = "cpu/@mode", .value = "host-model"},
	{.path = "cpu/@mode", .value = "maximum"},
	{.path = "cpu/@check"},
	{.path = "cpu/@match"},
	{.path = "cpu/@migratable"},
	{.path = "cpu/model", .value = ""},
	{.path = "clock", .enter = true},
	{.path = "clock/@offset", .value = "utc"},
	{.path = "clock/timer", .attr = "name", .value = "hpet"},
	{.path = "clock/timer", .enter = true},
	{.path = "clock/timer/@name"},
	{.path = "clock/timer/@tickpolicy"},
	{.path = "clock/timer/@present", .value = "yes"},
	{.path = "pm", .enter = true},
	{.path = "pm/*", .enter = true},
	{.path = "pm/*/@enabled", .value = "no"},
	/* virtiofsd wants these of QEMU's memory. */
	{.path = "memoryBacking", .enter = true},
	{.path = "memoryBacking/source"},
	{.path = "memoryBacking/access"},
	/* Controllers are there for devices, which are listed themselves. Some devices belong to
	 * the type of machine; the balloon only matters where <currentMemory> is less. */
	{.path = "devices", .enter = true},
	{.path = "devices/emulator"},
	{.path = "devices/controller"},
	{.path = "devices/memballoon"},
	{.path = "devices/audio", .attr = "type", .value = "none"},
	{.path = "devices/input", .attr = "bus", .value = "ps2"},
	{.path = "devices/watchdog", .attr = "model", .value = "itco"},
	{.path = "devices/*/address"},
	{.path = "devices/*/alias"},
	{.path = "devices/*/boot"},
	{.path = "devices/*/@model", .value = "virtio"},
	{.path = "devices/*/@model", .value = "virtio-non-transitional"},
	{.path = "devices/*/@model", .value = "virtio-transitional"},
	/* How QEMU is to do its input and output. Nothing is written to the images. */
	{.path = "devices/disk/@snapshot"},
	{.path = "devices/disk/driver/@name"},
	{.path = "devices/disk/driver/@cache"},
	{.path = "devices/disk/driver/@io"},
	{.path = "devices/disk/driver/@discard"},
	{.path = "devices/disk/driver/@detect_zeroes"},
	{.path = "devices/disk/driver/@error_policy"},
	{.path = "devices/disk/driver/@rerror_policy"},
	{.path = "devices/disk/source/@index"},
	{.path = "devices/disk/target/@bus", .value = "virtio"},
	{.path = "devices/interface/mac/@type"},
	{.path = "devices/interface/mac/@check"},
	{.path = "devices/interface/driver", .enter = true},
	{.path = "devices/interface/driver/@name"},
	{.path = "devices/interface/model/@type", .value = "virtio"},
	{.path = "devices/interface/model/@type", .value = "virtio-non-transitional"},
	{.path = "devices/interface/model/@type", .value = "virtio-transitional"},
	{.path = "devices/serial/target/@type", .value = "isa-serial"},
	{.path = "devices/serial/target/model"},
	{.path = "devices/filesystem/@accessmode", .value = "passthrough"},
	{.path = "devices/filesystem/driver/@type", .value = "path"},
	{.path = "devices/filesystem/driver/@type", .value = "virtiofs"},
};

static bool same_name(const xmlNode *a, const xmlNode *b)
{
	return a->type == b->type && xmlStrEqual(a->name, b->name) &&
	       xmlStrEqual(a->ns ? a->ns->href : NULL, b->ns ? b->ns->href : NULL);
}

/* The number of a node among those of its name, from 1; 0: it is the only one. */
static unsigned number_of(const xmlNode *node)
{
	unsigned before = 0, after = 0;

	for (const xmlNode *n = node->prev; n; n = n->prev)
		before += same_name(n, node);
	for (const xmlNode *n = node->next; n && !before && !after; n = n->next)
		after += same_name(n, node);
	return before || after ? before + 1 : 0;
}

static void print_path(FILE *f, const xmlNode *root, const xmlNode *node)
{
	unsigned number = number_of(node);

	if (node == root)
		return;
	print_path(f, root, node->parent);
	if (node->parent != root)
		fputc('/', f);
	if (node->ns)
		fprintf(f, "%s:", node->ns->prefix ? (const char *)node->ns->prefix : "");
	fputs((const char *)node->name, f);
	if (number)
		fprintf(f, "[%u]", number);
}

/* "a/b[2]/@c": below the root, attr: NULL, or of node. malloc'ed; NULL: no memory. */
static char *path_of(const xmlNode *root, const xmlNode *node, const xmlAttr *attr)
{
	char *path = NULL;
	size_t len;
	FILE *f = open_memstream(&path, &len);

	if (!f)
		return NULL;
	print_path(f, root, node);
	if (attr)
		fprintf(f, "%s@%s%s%s", node == root ? "" : "/",
			attr->ns && attr->ns->prefix ? (const char *)attr->ns->prefix : "",
			attr->ns ? ":" : "", (const char *)attr->name);
	fclose(f);
	for (char *c = path; c && *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return path;
}

static const char *attr_text(const xmlAttr *attr)
{
	const xmlNode *text = attr->children;

	return text && text->type == XML_TEXT_NODE && text->content ? (const char *)text->content
								    : "";
}

static bool has_value(const struct known *k, const xmlNode *node, const xmlAttr *attr)
{
	if (!k->value)
		return true;
	if (attr)
		return !strcmp(attr_text(attr), k->value);
	if (!k->attr)
		return !strcmp(domain_text(node), k->value);
	for (attr = node->properties; attr; attr = attr->next)
		if (!strcmp((const char *)attr->name, k->attr))
			return !strcmp(attr_text(attr), k->value);
	return false;
}

/* Does the path end in this name, or in "*"? rest: how long the path in front of it is. */
static bool ends_in(const char *path, size_t len, const xmlChar *name, const xmlNs *ns,
		    size_t *rest)
{
	const char *slash = memrchr(path, '/', len);
	const char *last = slash ? slash + 1 : path;
	size_t n = len - (size_t)(last - path);

	*rest = slash ? (size_t)(slash - path) : 0;
	return !ns &&
	       ((n == 1 && *last == '*') || (!strncmp(last, (const char *)name, n) && !name[n]));
}

static bool matches(const char *path, const xmlNode *root, const xmlNode *node, const xmlAttr *attr)
{
	const char *at = strchr(path, '@');
	size_t len = at ? (size_t)(at - path) : strlen(path);

	if (!at != !attr || (attr && (attr->ns || strcmp(at + 1, (const char *)attr->name) != 0)))
		return false;
	if (at && len)
		len--; /* the '/' */
	for (; len && node != root; node = node->parent)
		if (!ends_in(path, len, node->name, node->ns, &len))
			return false;
	return !len && node == root;
}

static const struct known *find(const xmlNode *root, const xmlNode *node, const xmlAttr *attr)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (matches(table[i].path, root, node, attr) && has_value(&table[i], node, attr))
			return &table[i];
	return NULL;
}

static void list(struct translation *t, const xmlNode *root, const xmlNode *node,
		 const xmlAttr *attr, const struct mark *mark)
{
	bool full = t->out->nignored == DOMAIN_IGNORED_MAX;

	domain_args_ignore(t->out, full ? NULL : path_of(root, node, attr),
			   (unsigned)xmlGetLineNo(node), mark ? mark->note : NULL);
}

static void look_at_attrs(struct translation *t, const xmlNode *root, const xmlNode *node)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		const struct mark *mark = a->_private;

		if (mark ? mark->kind == MARK_IGNORED : !find(root, node, a))
			list(t, root, node, a, mark);
	}
}

/* Is there something in it to look at? */
static bool look_at(struct translation *t, const xmlNode *root, const xmlNode *node)
{
	const struct mark *mark = node->_private;
	const struct known *known = mark ? NULL : find(root, node, NULL);

	if (mark ? mark->kind == MARK_IGNORED : !known)
		list(t, root, node, NULL, mark);
	return mark ? mark->kind == MARK_KNOWN : known && known->enter;
}

/* Not recursive in anything but depth, which the parser bounds. */
static void look_into(struct translation *t, const xmlNode *root, const xmlNode *node)
{
	look_at_attrs(t, root, node);
	for (const xmlNode *n = node->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && look_at(t, root, n))
			look_into(t, root, n);
}

void domain_list_ignored(struct translation *t, const xmlNode *root)
{
	look_into(t, root, root);
}
