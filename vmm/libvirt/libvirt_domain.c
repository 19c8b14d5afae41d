// SPDX-License-Identifier: GPL-2.0-only
/* libvirt_domain.c: connects, fetches the XML, stores a record. */
#include "libvirt_domain.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct session {
	virConnectPtr connection;
	virDomainPtr domain;
};

/* In place of libvirt's and libxml2's own, which print on stderr. */
static void no_error(void *ctx, virErrorPtr error)
{
}

static void no_message(void *ctx, const char *message, ...)
{
}

/* One line of printable ASCII. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = *text == '\n' ? ' ' : '?';
}

static int fail(const char *what, const char *name, char *err, size_t errlen)
{
	const virError *e = virGetLastError();

	snprintf(err, errlen, "libvirt: %s%.100s: %s", what, name,
		 e && e->message ? e->message : "no reason given");
	clean(err);
	return -1;
}

static void leave(struct session *s)
{
	if (s->domain)
		virDomainFree(s->domain);
	if (s->connection)
		virConnectClose(s->connection);
}

/* leave() it in any case. */
static int enter(const struct libvirt_domain *d, bool writable, struct session *s, char *err,
		 size_t errlen)
{
	const virError *e;

	*s = (struct session){0};
	virSetErrorFunc(NULL, no_error);
	xmlSetGenericErrorFunc(NULL, no_message);
	s->connection = writable ? virConnectOpen(d->uri) : virConnectOpenReadOnly(d->uri);
	if (!s->connection)
		return fail(writable ? "no writable connection to " : "no connection to ",
			    d->uri ? d->uri : "its default URI", err, errlen);
	s->domain = virDomainLookupByName(s->connection, d->name);
	if (s->domain)
		return 0;
	e = virGetLastError();
	if (!e || e->code != VIR_ERR_NO_DOMAIN)
		return fail("domain ", d->name, err, errlen);
	snprintf(err, errlen, "libvirt has no domain \"%.100s\" here: see virsh%s%.100s list --all",
		 d->name, d->uri ? " --connect " : "", d->uri ? d->uri : "");
	clean(err);
	return -1;
}

static int fetch(const struct libvirt_domain *d, char **xml, bool *active, char *err, size_t errlen)
{
	struct session s;
	int ret = enter(d, false, &s, err, errlen), is = 0;

	*xml = NULL;
	if (!ret) {
		is = virDomainIsActive(s.domain);
		*xml = virDomainGetXMLDesc(s.domain, VIR_DOMAIN_XML_INACTIVE);
		if (is < 0 || !*xml)
			ret = fail("domain ", d->name, err, errlen);
	}
	*active = is > 0;
	leave(&s);
	return ret;
}

int libvirt_domain_args(const struct libvirt_domain *d, const struct domain_context *context,
			struct domain_args *out, bool *active, char *err, size_t errlen)
{
	char *xml;
	int ret = fetch(d, &xml, active, err, errlen);

	if (!ret)
		ret = domain_parse(xml, strlen(xml), context, out, err, errlen);
	free(xml);
	return ret;
}

int libvirt_domain_writable(const struct libvirt_domain *d, char *err, size_t errlen)
{
	struct session s;
	int ret = enter(d, true, &s, err, errlen);

	leave(&s);
	return ret;
}

static void set_number(xmlNode *node, const char *name, long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", n);
	xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

static void set_time(xmlNode *node, const char *name, time_t when)
{
	char text[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%FT%TZ", &tm))
		xmlNewProp(node, BAD_CAST name, BAD_CAST text);
}

/* "<run end='...' ...>JSON</run>", of which xmlBufferFree() is the caller's. NULL: no memory. */
static xmlBuffer *run_xml(const struct libvirt_run *run)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNode *node = doc ? xmlNewDocNode(doc, NULL, BAD_CAST "run", NULL) : NULL;
	xmlBuffer *buffer = node ? xmlBufferCreate() : NULL;

	if (buffer) {
		xmlDocSetRootElement(doc, node);
		xmlNewProp(node, BAD_CAST "end", BAD_CAST run->end);
		set_number(node, "status", run->status);
		set_number(node, "reports", (long long)run->reports);
		set_time(node, "ended", time(NULL));
		if (run->report)
			xmlNodeAddContentLen(node, BAD_CAST run->report, (int)run->report_len);
		xmlNodeDump(buffer, doc, node, 0, 0);
	}
	xmlFreeDoc(doc);
	return buffer;
}

int libvirt_domain_record(const struct libvirt_domain *d, const struct libvirt_run *run, char *err,
			  size_t errlen)
{
	struct session s;
	xmlBuffer *xml;
	int ret;

	if (run->report && run->report_len > LIBVIRT_REPORT_MAX) {
		snprintf(err, errlen, "the last report is too large for the domain's metadata");
		return -1;
	}
	xml = run_xml(run);
	ret = enter(d, true, &s, err, errlen);
	if (!ret && (!xml || virDomainSetMetadata(s.domain, VIR_DOMAIN_METADATA_ELEMENT,
						  (const char *)xmlBufferContent(xml), "kmc-run",
						  LIBVIRT_RUN_URN, VIR_DOMAIN_AFFECT_CONFIG)))
		ret = fail("the metadata of ", d->name, err, errlen);
	leave(&s);
	xmlBufferFree(xml);
	return ret;
}
