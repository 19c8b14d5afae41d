// SPDX-License-Identifier: GPL-2.0-only
/* device_options.c: parses the values of --disk, --net and others, lists of items separated by
 * commas. */
#include "device_options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOPBACK 0x7f000001u

static const char no_memory[] = "out of memory";
static const char bad_disk[] = "give FILE[,rw|,ro][,format=raw|,format=qcow2]";
static const char bad_fs[] = "give TAG=DIR[,ro], or with --rootfs DIR[,ro]";
static const char bad_net[] = "give user[,hostfwd=tcp:[ADDRESS]:PORT-PORT]...[,restrict][,mac=XX:XX:XX:XX:XX:XX], or"
			      " tap,ifname=NAME[,mac=XX:XX:XX:XX:XX:XX]";

static bool disk_item(struct disk_config *d, const char *item)
{
	if (!strcmp(item, "rw"))
		d->mode = DISK_WRITABLE;
	else if (!strcmp(item, "ro"))
		d->mode = DISK_READ_ONLY;
	else if (!strcmp(item, "format=qcow2"))
		d->format = "qcow2";
	else
		return !strcmp(item, "format=raw");
	return true;
}

static bool parse_disk(struct disk_config *d, char *rest)
{
	char *item;

	d->path = strsep(&rest, ",");
	while ((item = strsep(&rest, ",")))
		if (!disk_item(d, item))
			return false;
	return *d->path;
}

const char *device_option_disk(struct devices_config *c, const char *value)
{
	struct disk_config d = {.mode = DISK_COPY_ON_WRITE};
	char *copy;

	if (c->disks == DEVICES_DISKS)
		return "at most 16 disks can be given";
	copy = strdup(value);
	if (!copy)
		return no_memory;
	if (!parse_disk(&d, copy)) {
		free(copy);
		return bad_disk;
	}
	c->disk[c->disks++] = d; /* its path is in the copy */
	return NULL;
}

const char *device_option_console(struct devices_config *c, const char *value)
{
	if (c->consoles == DEVICES_CONSOLES)
		return "at most 4 consoles can be given";
	if (!*value || !strcmp(value, "unix:"))
		return "give FILE or unix:PATH";
	c->console[c->consoles++] = value;
	return NULL;
}

const char *device_option_vsock(struct devices_config *c, const char *value)
{
	static const char item[] = ",socket=";
	unsigned long cid;
	char *end;

	errno = 0;
	cid = strtoul(value, &end, 10);
	if (errno || *value < '0' || *value > '9' || cid < 3 || cid >= UINT32_MAX)
		return "give a CID from 3 to 4294967294";
	if (strncmp(end, item, sizeof(item) - 1) != 0 || !end[sizeof(item) - 1])
		return "give CID,socket=PATH";
	c->vsock = (struct vsock_config){.path = end + sizeof(item) - 1, .cid = (uint32_t)cid};
	return NULL;
}

/* tag: of --fs the first part of the value. */
static const char *add_folder(struct devices_config *c, const char *tag, char *path)
{
	struct fs_config *f = &c->folder[c->folders];

	if (c->folders == DEVICES_FOLDERS)
		return "at most 4 folders can be given";
	*f = (struct fs_config){.tag = tag, .path = strsep(&path, ",")};
	f->read_only = path && !strcmp(path, "ro");
	if (!*f->path || (path && !f->read_only))
		return bad_fs;
	c->folders++;
	return NULL;
}

/* copy: of the option's value, which stays if it is taken. */
static const char *add_copy(struct devices_config *c, const char *tag, char *path, char *copy)
{
	const char *problem = add_folder(c, tag, path);

	if (problem)
		free(copy);
	return problem;
}

const char *device_option_fs(struct devices_config *c, const char *value)
{
	size_t tag = strcspn(value, "=");
	char *copy;

	if (!tag || !value[tag])
		return bad_fs;
	if (tag > 36)
		return "a tag has at most 36 bytes";
	copy = strdup(value);
	if (!copy)
		return no_memory;
	copy[tag] = '\0';
	return add_copy(c, copy, copy + tag + 1, copy);
}

const char *device_option_rootfs(struct devices_config *c, const char *value)
{
	char *copy = strdup(value);

	return copy ? add_copy(c, DEVICE_OPTION_ROOT_TAG, copy, copy) : no_memory;
}

static bool parse_port(const char *text, uint16_t *port)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	*port = (uint16_t)n;
	return !errno && !*end && n && n <= UINT16_MAX;
}

static bool parse_address(const char *text, uint32_t *address)
{
	struct in_addr a;

	*address = LOOPBACK;
	if (!*text)
		return true;
	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*address = ntohl(a.s_addr);
	return true;
}

/* "tcp:[ADDRESS]:PORT-[:]PORT", cut into pieces; with the second colon it is QEMU's form. */
static bool parse_forward(char *text, struct forward_config *f)
{
	const char *protocol = strsep(&text, ":"), *address = text ? strsep(&text, ":") : NULL;
	const char *host = text ? strsep(&text, "-") : NULL;

	if (!host || !text)
		return false;
	text += *text == ':';
	f->udp = !strcmp(protocol, "udp");
	return (f->udp || !strcmp(protocol, "tcp")) && parse_address(address, &f->host_address) &&
	       parse_port(host, &f->host_port) && parse_port(text, &f->guest_port);
}

/* Six bytes, not for a group. */
static bool parse_mac(const char *text, struct net_config *n)
{
	for (unsigned i = 0; i < MAC_LENGTH; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i + 1 < MAC_LENGTH ? ':' : '\0'))
			return false;
		n->mac[i] = (uint8_t)strtoul(text, NULL, 16);
	}
	n->has_mac = !(n->mac[0] & 1);
	return n->has_mac;
}

static bool tap_item(struct net_config *n, const char *item)
{
	static const char ifname[] = "ifname=", mac[] = "mac=";
	const char *name = item + sizeof(ifname) - 1;

	if (!strncmp(item, mac, sizeof(mac) - 1))
		return parse_mac(item + sizeof(mac) - 1, n);
	if (strncmp(item, ifname, sizeof(ifname) - 1) != 0 || !*name ||
	    strlen(name) >= sizeof(n->tap))
		return false;
	memcpy(n->tap, name, strlen(name) + 1);
	return true;
}

static const char *parse_tap(struct net_config *n, char *rest)
{
	char *item;

	while ((item = strsep(&rest, ",")))
		if (!tap_item(n, item))
			return bad_net;
	return n->tap[0] ? NULL : bad_net;
}

static const char *net_item(struct net_config *n, char *item)
{
	static const char hostfwd[] = "hostfwd=", mac[] = "mac=";

	if (!strcmp(item, "restrict") || !strcmp(item, "restrict=on")) {
		n->restricted = true;
		return NULL;
	}
	if (!strncmp(item, mac, sizeof(mac) - 1))
		return parse_mac(item + sizeof(mac) - 1, n) ? NULL : bad_net;
	if (strncmp(item, hostfwd, sizeof(hostfwd) - 1) != 0)
		return bad_net;
	if (n->forwards == DEVICES_FORWARDS)
		return "at most 16 ports can be forwarded";
	return parse_forward(item + sizeof(hostfwd) - 1, &n->forward[n->forwards++]) ? NULL
										     : bad_net;
}

static const char *parse_user(struct net_config *n, char *rest)
{
	const char *problem = NULL;
	char *item;

	while (!problem && (item = strsep(&rest, ",")))
		problem = net_item(n, item);
	return problem;
}

const char *device_option_net(struct devices_config *c, const char *value)
{
	const char *problem, *kind;
	struct net_config *n;
	char *copy, *rest;

	if (c->nets == DEVICES_NETS)
		return "at most 4 networks can be given";
	n = &c->net[c->nets++];
	copy = rest = strdup(value);
	if (!copy)
		return no_memory;
	kind = strsep(&rest, ",");
	if (!strcmp(kind, "tap"))
		problem = parse_tap(n, rest);
	else
		problem = strcmp(kind, "user") ? bad_net : parse_user(n, rest);
	free(copy);
	return problem;
}
