// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain_net.c: <interface> to --net. kmc-vmm has user networking and tap devices. An interface of
 * a virtual network or a bridge becomes a card of user networking that reaches nothing: who is
 * behind libvirt's filters must not be on the host's network because of us.
 */
#include <stdlib.h>
#include <string.h>

#include "domain_devices.h"

#define FORWARDS_MAX 16u /* as many as one --net takes */

struct forwards {
	FILE *f; /* ",hostfwd=..." each */
	unsigned n;
};

/* The second digit of one that is not for a group is even. */
static bool is_mac(const char *text)
{
	for (unsigned i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':'
			       : !strchr("0123456789abcdefABCDEF", text[i]) || !text[i])
			return false;
	return !text[17] && strchr("02468aceACE", text[1]);
}

/* ",mac=...", or "". */
static void read_mac(struct translation *t, const xmlNode *node, char out[24])
{
	const xmlNode *mac = domain_child(t, node, "mac");
	const char *address = domain_attr(mac, "address");

	*out = '\0';
	if (address && is_mac(address))
		snprintf(out, 24, ",mac=%s", address);
	else if (mac)
		domain_fail(t, mac, "no MAC address");
}

/* Is there a range with exclude='yes' that has it? */
static bool is_excluded(const xmlNode *forward, uint64_t port)
{
	for (const xmlNode *n = forward->children; n; n = n->next) {
		const char *first = domain_is(n, "range") ? domain_attr(n, "start") : NULL,
			   *last = domain_attr(n, "end");
		uint64_t from, until;

		if (first && domain_attr_is(n, "exclude", "yes") && domain_number(first, &from) &&
		    domain_number(last ? last : first, &until) && port >= from && port <= until)
			return true;
	}
	return false;
}

static void forward_range(struct translation *t, struct forwards *all, const char *protocol,
			  const char *address, const xmlNode *range)
{
	const char *first = domain_attr(range, "start"), *last = domain_attr(range, "end"),
		   *to = domain_attr(range, "to");
	uint64_t from = 0, until = 0, guest = 0;
	bool ok = domain_number(first ? first : "", &from) &&
		  domain_number(last ? last : first, &until) &&
		  domain_number(to ? to : first, &guest) && from && guest && until >= from &&
		  until <= UINT16_MAX && guest <= UINT16_MAX &&
		  guest + (until - from) <= UINT16_MAX;

	if (!ok)
		domain_fail(t, range, "no range of ports");
	else if (all->n + (until - from) >= FORWARDS_MAX)
		domain_fail(t, range, "more than %u ports are forwarded", FORWARDS_MAX);
	if (t->failed)
		return;
	for (uint64_t port = from; port <= until; port++) {
		if (is_excluded(range->parent, port))
			continue;
		all->n++;
		fprintf(all->f, ",hostfwd=%s:%s:%u-%u", protocol, address, (unsigned)port,
			(unsigned)(guest + (port - from)));
	}
}

static bool is_ipv4(const char *text)
{
	return *text && strspn(text, "0123456789.") == strlen(text) && strlen(text) < 16;
}

/* passt's syntax. All addresses of the host where none is given. */
static void read_forward(struct translation *t, struct forwards *all, xmlNode *node)
{
	const char *protocol = domain_attr(node, "proto"), *address = domain_attr(node, "address");
	unsigned ranges = 0;

	if (!protocol || (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0) ||
	    (address && !is_ipv4(address))) {
		domain_fail(t, node, "kmc-vmm forwards tcp and udp, from IPv4 addresses");
		return;
	}
	for (xmlNode *n = node->children; n && !t->failed; n = n->next) {
		if (!domain_is(n, "range"))
			continue;
		ranges++;
		domain_ignore(n, &mark_known);
		if (!domain_attr_is(n, "exclude", "yes"))
			forward_range(t, all, protocol, address ? address : "0.0.0.0", n);
	}
	if (!ranges)
		domain_fail(t, node, "kmc-vmm forwards ranges of ports, not all of them");
}

static void user(struct translation *t, xmlNode *node, const char *mac)
{
	struct forwards all = {0};
	char *text = NULL;
	size_t len;

	all.f = open_memstream(&text, &len);
	if (!all.f) {
		domain_fail(t, node, "no memory");
		return;
	}
	for (xmlNode *n = node->children; n && !t->failed; n = n->next) {
		if (!domain_is(n, "portForward"))
			continue;
		domain_ignore(n, &mark_known);
		read_forward(t, &all, n);
	}
	domain_attr(domain_child(t, node, "target"), "dev"); /* a name on the host */
	domain_attr(domain_child(t, node, "backend"), "type");
	fclose(all.f);
	domain_optionf(t, node, "--net", "user%s%s", mac, text);
	free(text);
}

static void ethernet(struct translation *t, xmlNode *node, const char *mac)
{
	const xmlNode *target = domain_child(t, node, "target");
	const char *dev = domain_attr(target, "dev");
	bool ours = !domain_attr_is(target, "managed", "no");

	if (ours || !dev || !*dev || strpbrk(dev, ",/ \t\n") || strlen(dev) > 15)
		domain_fail(t, node,
			    "an interface of type ethernet needs a tap device that is there: "
			    "<target dev='NAME' managed='no'/>");
	else
		domain_optionf(t, node, "--net", "tap,ifname=%s%s", dev, mac);
}

/* network, bridge and others that libvirt or the host's administrator sets up. */
static void isolated(struct translation *t, xmlNode *node, const char *mac)
{
	static const struct mark note = {MARK_IGNORED,
					 "a card that reaches nothing instead; --net gives others"};
	xmlNode *source = domain_child(t, node, "source");

	if (source)
		domain_ignore(source, &mark_skip);
	domain_attr(domain_child(t, node, "target"), "dev");
	domain_ignore_attr(node, "type", &note);
	domain_optionf(t, node, "--net", "user,restrict%s", mac);
}

static const struct {
	const char *type;
	void (*add)(struct translation *t, xmlNode *node, const char *mac);
} types[] = {
	{"user", user},	      {"ethernet", ethernet}, {"network", isolated},
	{"bridge", isolated}, {"direct", isolated},   {"null", isolated},
};

static void add_interface(struct translation *t, xmlNode *node)
{
	const char *type = domain_attr(node, "type");
	char mac[24];

	read_mac(t, node, mac);
	domain_child(t, node, "model"); /* another one than virtio is listed */
	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strcmp(types[i].type, type)) {
			types[i].add(t, node, mac);
			return;
		}
	}
	domain_fail(t, node,
		    "an interface of type \"%.40s\": kmc-vmm has user, ethernet, and a card that "
		    "reaches nothing for network, bridge, direct and null",
		    type ? type : "");
}

void domain_interfaces(struct translation *t, xmlNode *devices)
{
	for (xmlNode *n = devices ? devices->children : NULL; n && !t->failed; n = n->next) {
		if (!domain_is(n, "interface"))
			continue;
		domain_ignore(n, &mark_known);
		add_interface(t, n);
	}
}
