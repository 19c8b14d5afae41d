// SPDX-License-Identifier: GPL-2.0-only
/* domain_devices.c: <serial>, <console>, <rng>, <vsock>, <filesystem>, <panic>. */
#include "domain_devices.h"

#include <stdlib.h>
#include <string.h>

#define VSOCK_CID_MIN 3u /* 0 to 2 are taken: linux/vm_sockets.h */
#define VSOCK_CID_MAX 0xfffffffeu

static const struct mark one_only = {MARK_IGNORED, "kmc-vmm has one of these"};

/* ---- serial, console ---- */

/* Where a character device leads, as a value of --serial and --console. Fails for bad paths. */
enum where { TO_NOTHING_OF_OURS, TO_TERMINAL, TO_NULL, TO_FILE, TO_SOCKET };

static enum where end_of(struct translation *t, const xmlNode *node, const char **path)
{
	const char *type = domain_attr(node, "type");
	const xmlNode *source = domain_child(t, node, "source");

	*path = domain_attr(source, "path");
	if (!type || !strcmp(type, "pty") || !strcmp(type, "stdio"))
		return TO_TERMINAL;
	if (!strcmp(type, "null"))
		return TO_NULL;
	if (!*path || (strcmp(type, "file") != 0 && strcmp(type, "unix") != 0))
		return TO_NOTHING_OF_OURS;
	if (*type == 'u' && !domain_attr_is(source, "mode", "bind"))
		return TO_NOTHING_OF_OURS;
	domain_path_ok(t, source, *path, "");
	return *type == 'u' ? TO_SOCKET : TO_FILE;
}

static void add_serial(struct translation *t, xmlNode *node)
{
	static const struct mark terminal = {MARK_IGNORED,
					     "the serial port is standard input and output"};
	const char *path;
	enum where where = end_of(t, node, &path);

	domain_attr(domain_child(t, node, "target"), "port");
	if (where == TO_NOTHING_OF_OURS)
		domain_ignore(node, &terminal);
	else if (where == TO_NULL)
		domain_option(t, node, "--serial", "null");
	else if (where != TO_TERMINAL) /* which is the default */
		domain_optionf(t, node, "--serial", "%s%s", where == TO_SOCKET ? "unix:" : "",
			       path);
}

/* libvirt repeats the first serial port as a console; others are virtio's. */
static void add_console(struct translation *t, xmlNode *node)
{
	static const struct mark no_console = {MARK_IGNORED,
					       "kmc-vmm's leads to a file or a socket"};
	const xmlNode *target = domain_child(t, node, "target");
	const char *type = domain_attr(target, "type"), *path;
	enum where where;

	if (!type || strcmp(type, "virtio") != 0) {
		domain_ignore(node, &mark_skip);
		return;
	}
	domain_attr(target, "port");
	where = end_of(t, node, &path);
	if (where == TO_FILE || where == TO_SOCKET)
		domain_optionf(t, node, "--console", "%s%s", where == TO_SOCKET ? "unix:" : "",
			       path);
	else
		domain_ignore(node, &no_console);
}

void domain_characters(struct translation *t, xmlNode *devices)
{
	bool serial = false;

	for (xmlNode *n = devices ? devices->children : NULL; n && !t->failed; n = n->next) {
		if (domain_is(n, "serial")) {
			domain_ignore(n, serial ? &one_only : &mark_known);
			if (!serial)
				add_serial(t, n);
			serial = true;
		} else if (domain_is(n, "console")) {
			domain_ignore(n, &mark_known);
			add_console(t, n);
		}
	}
}

/* ---- the others ---- */

static bool add_rng(struct translation *t, xmlNode *node)
{
	xmlNode *backend = domain_child(t, node, "backend");
	const char *model = domain_attr(backend, "model"),
		   *file = backend ? domain_text(backend) : "";

	if (!model || (strcmp(model, "random") != 0 && strcmp(model, "builtin") != 0) ||
	    (*file && strcmp(file, "/dev/urandom") != 0 && strcmp(file, "/dev/random") != 0)) {
		static const struct mark own = {MARK_IGNORED, "the host's getrandom(2) instead"};

		if (backend)
			domain_ignore(backend, &own);
	}
	domain_option(t, node, "--rng", NULL);
	return true;
}

/* The socket is ours to choose: the domain's XML has none, since QEMU's vsock is the host kernel's.
 */
static bool add_vsock(struct translation *t, xmlNode *node)
{
	const xmlNode *cid = domain_child(t, node, "cid");
	const char *address = domain_attr(cid, "address");
	bool automatic = domain_attr_is(cid, "auto", "yes");
	uint64_t n = VSOCK_CID_MIN;

	if ((!address && !automatic) ||
	    (address && (!domain_number(address, &n) || n < VSOCK_CID_MIN || n > VSOCK_CID_MAX)))
		domain_fail(t, node, "<vsock> without a CID from 3 to 4294967294");
	else if (!*t->label)
		domain_fail(t, node,
			    "a domain with a <vsock> needs a <uuid>, which names its socket");
	else
		domain_optionf(t, node, "--vsock", "%u,socket=%s/kmc-%s.vsock", (unsigned)n,
			       t->context->runtime_dir, t->label);
	return true;
}

static bool add_filesystem(struct translation *t, xmlNode *node)
{
	static const struct mark no_share = {MARK_IGNORED,
					     "kmc-vmm shares folders (type mount) only"};
	static const struct mark not_9p = {MARK_IGNORED,
					   "virtiofs instead of 9p: mount -t virtiofs"};
	const xmlNode *source = domain_child(t, node, "source"),
		      *target = domain_child(t, node, "target");
	const char *dir = domain_attr(source, "dir"), *tag = domain_attr(target, "dir"),
		   *type = domain_attr(node, "type");
	bool read_only = domain_child(t, node, "readonly");

	if (!domain_attr_is(domain_child(t, node, "driver"), "type", "virtiofs"))
		domain_ignore_attr(node, "type", &not_9p);
	if (type && strcmp(type, "mount") != 0) {
		domain_ignore(node, &no_share);
		return false;
	}
	if (!dir || !tag || !*tag || strpbrk(tag, "=,"))
		domain_fail(t, node,
			    "<filesystem> without a folder, or without a tag (no ',' or '=')");
	else if (domain_path_ok(t, source, dir, ","))
		domain_optionf(t, node, "--fs", "%s=%s%s", tag, dir, read_only ? ",ro" : "");
	return false;
}

/* The one of ISA is always there. */
static bool add_panic(struct translation *t, xmlNode *node)
{
	static const struct mark other = {MARK_IGNORED, "kmc-vmm has isa and pvpanic"};
	const char *model = domain_attr(node, "model");

	if (model && !strcmp(model, "pvpanic")) {
		domain_option(t, node, "--pvpanic", NULL);
		return true;
	}
	if (model && strcmp(model, "isa") != 0)
		domain_ignore(node, &other);
	return false;
}

static bool add_video(struct translation *t, xmlNode *node)
{
	const xmlNode *model = domain_child(t, node, "model");
	bool none = domain_attr_is(model, "type", "none");
	static const struct mark nothing = {MARK_IGNORED, NULL};

	domain_ignore(node, none ? &mark_skip : &nothing);
	return false;
}

static const struct {
	const char *name;
	/* True: one is enough, the next ones are ignored. */
	bool (*add)(struct translation *t, xmlNode *node);
} devices_known[] = {
	{"rng", add_rng},     {"vsock", add_vsock}, {"filesystem", add_filesystem},
	{"panic", add_panic}, {"video", add_video},
};

#define KNOWN (sizeof(devices_known) / sizeof(devices_known[0]))

void domain_others(struct translation *t, xmlNode *devices)
{
	bool full[KNOWN] = {false};

	for (xmlNode *n = devices ? devices->children : NULL; n && !t->failed; n = n->next) {
		for (size_t i = 0; i < KNOWN; i++) {
			if (!domain_is(n, devices_known[i].name))
				continue;
			domain_ignore(n, full[i] ? &one_only : &mark_known);
			if (!full[i])
				full[i] = devices_known[i].add(t, n);
		}
	}
}
