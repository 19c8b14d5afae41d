// SPDX-License-Identifier: GPL-2.0-only
/* domain_parse.c: what a domain is besides its devices: kernel, memory, CPUs; its own options. */
#include "domain_parse.h"

#include <stdlib.h>
#include <string.h>

#include "domain_devices.h"

#define MIB (1ull << 20)

static void parse_type(struct translation *t, const xmlNode *root)
{
	const char *type = domain_attr(root, "type");

	if (!type || (strcmp(type, "kvm") != 0 && strcmp(type, "test") != 0))
		domain_fail(t, root, "a domain of type \"%.40s\": kmc-vmm boots type kvm",
			    type ? type : "");
}

/* The rules of sink_name_ok(), which is above this layer. */
static bool is_label(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return len && len <= 64 && !name[len] && *name != '.' && *name != '-';
}

static void parse_name(struct translation *t, const xmlNode *root)
{
	static const char *const from[] = {"name", "uuid"};

	for (unsigned i = 0; i < 2 && !*t->label; i++) {
		const xmlNode *n = domain_child(t, root, from[i]);

		if (n && is_label(domain_text(n)))
			snprintf(t->label, sizeof(t->label), "%s", domain_text(n));
	}
	if (*t->label)
		domain_option(t, root, "--name", t->label);
}

static void parse_file(struct translation *t, const xmlNode *os, const char *name,
		       const char *option)
{
	const xmlNode *n = domain_child(t, os, name);

	if (n && domain_path_ok(t, n, domain_text(n), ""))
		domain_option(t, n, option, domain_text(n));
}

/* A command line may be wrapped in the XML; for the kernel all white space is the same. */
static void parse_cmdline(struct translation *t, const xmlNode *os)
{
	const xmlNode *n = domain_child(t, os, "cmdline");
	char *copy = n ? strdup(domain_text(n)) : NULL;

	for (char *c = copy; c && *c; c++)
		if (*c == '\n' || *c == '\t' || *c == '\r')
			*c = ' ';
	if (copy)
		domain_option(t, n, "--append", copy);
	free(copy);
}

static void parse_os(struct translation *t, const xmlNode *root)
{
	const xmlNode *os = domain_child(t, root, "os"), *type = domain_child(t, os, "type");
	const char *arch = domain_attr(type, "arch");

	if (!type || strcmp(domain_text(type), "hvm") != 0)
		domain_fail(t, type ? type : root, "no <os> of <type>hvm</type>");
	if (!arch || strcmp(arch, "x86_64") != 0)
		domain_fail(t, type, "architecture \"%.40s\": kmc-vmm boots x86_64",
			    arch ? arch : "");
	parse_file(t, os, "kernel", "--kernel");
	if (!domain_child(t, os, "kernel") && !t->context->kernel_given)
		domain_fail(t, os,
			    "no <kernel>: kmc-vmm has no firmware, which could boot from a disk; "
			    "name the kernel there, or give --kernel and --append");
	parse_file(t, os, "initrd", "--initrd");
	parse_cmdline(t, os);
}

/* Of libvirt's "scaled integers"; without a unit KiB. 0: none that is known. */
static uint64_t unit_of(const char *name)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{"b", 1},
		{"bytes", 1},
		{"KB", 1000},
		{"k", 1024},
		{"KiB", 1024},
		{"MB", 1000000},
		{"M", MIB},
		{"MiB", MIB},
		{"GB", 1000000000},
		{"G", 1024 * MIB},
		{"GiB", 1024 * MIB},
		{"TB", 1000000000000},
		{"T", MIB * MIB},
		{"TiB", MIB * MIB},
	};

	for (size_t i = 0; name && i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, name))
			return units[i].bytes;
	return name ? 0 : 1024;
}

static bool parse_size(const xmlNode *n, uint64_t *bytes)
{
	uint64_t count, unit = unit_of(domain_attr(n, "unit"));

	return unit && domain_number(domain_text(n), &count) &&
	       !__builtin_mul_overflow(count, unit, bytes);
}

static void parse_memory(struct translation *t, const xmlNode *root)
{
	static const struct mark no_balloon = {MARK_IGNORED, "the guest has all of <memory>"};
	xmlNode *memory = domain_child(t, root, "memory"),
		*current = domain_child(t, root, "currentMemory");
	uint64_t bytes = 0, now;

	if (!memory || !parse_size(memory, &bytes))
		domain_fail(t, memory ? memory : root, "no <memory>, or no number with a unit");
	if (current && (!parse_size(current, &now) || now != bytes))
		domain_ignore(current, &no_balloon);
	domain_optionf(t, memory, "--memory", "%lluM", (unsigned long long)(bytes / MIB));
}

static void parse_vcpu(struct translation *t, const xmlNode *root)
{
	const xmlNode *n = domain_child(t, root, "vcpu");
	const char *now = domain_attr(n, "current"), *text = n ? now ? now : domain_text(n) : "1";
	uint64_t cpus;

	if (!domain_number(text, &cpus) || !cpus)
		domain_fail(t, n, "<vcpu> is no number");
	domain_option(t, n, "--cpus", text);
}

/* ---- metadata ---- */

/*
 * What a domain may say about its checking: nothing that writes a file or listens anywhere, for
 * metadata is what management software passes on from its own users.
 */
static const struct {
	const char *name;
	bool path;
} allowed[] = {
	{"agent", true},	 {"checks", false},	 {"error-exitcode", false},
	{"heartbeat", false},	 {"max-reports", false}, {"on-report", false},
	{"report-style", false}, {"rules", true},	 {"seed", false},
	{"stack-depth", false},	 {"suppressions", true}, {"track", false},
	{"vmlinux", true},
};

static void parse_option(struct translation *t, const xmlNode *n)
{
	const char *name = domain_attr(n, "name"), *value = domain_attr(n, "value");
	char option[32];

	if (!name || !value) {
		domain_fail(t, n, "an option of the metadata needs a name and a value");
		return;
	}
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (strcmp(allowed[i].name, name) != 0)
			continue;
		snprintf(option, sizeof(option), "--%s", name);
		if (!allowed[i].path || domain_path_ok(t, n, value, ""))
			domain_option(t, n, option, value);
		return;
	}
	domain_fail(t, n,
		    "the metadata cannot set \"%.40s\", only options about checking that write no "
		    "file: give it to kmc-vmm",
		    name);
}

static bool is_ours(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && n->ns &&
	       !strcmp((const char *)n->ns->href, DOMAIN_OPTIONS_URN) &&
	       (!name || !strcmp((const char *)n->name, name));
}

static void parse_options(struct translation *t, const xmlNode *options)
{
	for (const xmlNode *n = options->children; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (is_ours(n, "option"))
			parse_option(t, n);
		else
			domain_fail(t, n, "<%.40s> is not known here", n->name);
	}
}

static void parse_metadata(struct translation *t, const xmlNode *root)
{
	xmlNode *metadata = domain_child(t, root, "metadata");

	for (const xmlNode *n = metadata ? metadata->children : NULL; n; n = n->next) {
		if (is_ours(n, "options"))
			parse_options(t, n);
		else if (is_ours(n, NULL))
			domain_fail(t, n, "<%.40s> is not known here", n->name);
	}
	if (metadata)
		domain_ignore(metadata, &mark_skip);
}

static void parse_domain(struct translation *t, const xmlNode *root)
{
	xmlNode *devices;

	if (!domain_is(root, "domain")) {
		domain_fail(t, root, "<%.40s> is no domain", root->name);
		return;
	}
	parse_type(t, root);
	parse_name(t, root);
	parse_os(t, root);
	parse_memory(t, root);
	parse_vcpu(t, root);
	devices = domain_child(t, root, "devices");
	domain_disks(t, devices);
	domain_interfaces(t, devices);
	domain_characters(t, devices);
	domain_others(t, devices);
	parse_metadata(t, root);
	if (!t->failed)
		domain_list_ignored(t, root);
}

int domain_parse(const char *xml, size_t len, const struct domain_context *context,
		 struct domain_args *out, char *err, size_t errlen)
{
	struct translation t = {.context = context, .out = out, .err = err, .errlen = errlen};
	xmlDoc *doc = domain_xml_read(&t, xml, len);

	if (doc)
		parse_domain(&t, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	return t.failed ? -1 : 0;
}
