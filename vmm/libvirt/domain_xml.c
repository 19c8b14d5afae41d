// SPDX-License-Identifier: GPL-2.0-only
/* domain_xml.c: reading the XML without obeying it, and looking things up in it. */
#include "domain_xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 1024u /* as many '=' as a kernel's command line has room for */

const struct mark mark_known = {MARK_KNOWN, NULL}, mark_skip = {MARK_SKIP, NULL};

static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void domain_fail(struct translation *t, const xmlNode *node, const char *format, ...)
{
	va_list args;
	size_t n;

	if (t->failed)
		return;
	t->failed = true;
	n = (size_t)snprintf(t->err, t->errlen, "the domain's XML, ");
	if (node)
		n += (size_t)snprintf(t->err + n, t->errlen - n, "line %ld: ", xmlGetLineNo(node));
	va_start(args, format);
	vsnprintf(t->err + n, t->errlen - n, format, args);
	va_end(args);
	clean(t->err);
}

/* Entities are declared in a DOCTYPE only, and libvirt writes none. */
static void refuse_doctype(void *parser, const xmlChar *name, const xmlChar *external,
			   const xmlChar *system)
{
	xmlParserCtxt *p = parser;
	bool *seen = p->_private;

	*seen = true;
	xmlStopParser(p);
}

/*
 * libxml2 compares each attribute of an element with every other one. Between two '<' there is at
 * most one element's tag, for a value has no '<' in it, and what is behind the tag.
 */
static bool is_crowded(const char *xml, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len && n <= ATTRIBUTES_MAX; i++)
		n = xml[i] == '<' ? 0 : n + (xml[i] == '=');
	return n > ATTRIBUTES_MAX;
}

static void explain(struct translation *t, xmlParserCtxt *p)
{
	const xmlError *e = xmlCtxtGetLastError(p);
	const char *message = e && e->message ? e->message : "no memory";

	domain_fail(t, NULL, "line %d: %.*s", e ? e->line : 0, (int)strcspn(message, "\n"),
		    message);
}

xmlDoc *domain_xml_read(struct translation *t, const char *xml, size_t len)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
			    XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES;
	bool doctype = false;
	xmlParserCtxt *p;
	xmlDoc *doc;

	if (len > DOMAIN_XML_MAX) {
		domain_fail(t, NULL, "it is larger than 4 MiB");
		return NULL;
	}
	if (is_crowded(xml, len)) {
		domain_fail(t, NULL, "it has more than %u '=' in one element", ATTRIBUTES_MAX);
		return NULL;
	}
	p = xmlNewParserCtxt();
	if (!p) {
		domain_fail(t, NULL, "no memory");
		return NULL;
	}
	p->_private = &doctype;
	p->sax->internalSubset = refuse_doctype;
	doc = xmlCtxtReadMemory(p, xml, (int)len, NULL, "UTF-8", options);
	if (doctype)
		domain_fail(t, NULL, "it has a DOCTYPE, which a domain does not have");
	else if (!doc || !xmlDocGetRootElement(doc))
		explain(t, p);
	xmlFreeParserCtxt(p);
	if (!t->failed)
		return doc;
	xmlFreeDoc(doc);
	return NULL;
}

bool domain_is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns &&
	       !strcmp((const char *)node->name, name);
}

static void mark(void **private, const struct mark *m)
{
	*private = (void *)(uintptr_t)m; /* libxml2's field is not const */
}

xmlNode *domain_child(struct translation *t, const xmlNode *parent, const char *name)
{
	xmlNode *found = NULL;

	for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next) {
		if (!domain_is(n, name))
			continue;
		if (found) {
			domain_fail(t, n, "a second <%s>: leave one", name);
			return found;
		}
		found = n;
		mark(&n->_private, &mark_known);
	}
	return found;
}

/* Without entities a value is one piece of text, or nothing. */
static const char *value_of(const xmlNode *children)
{
	const xmlNode *text = NULL;

	for (const xmlNode *n = children; n; n = n->next) {
		if (n->type != XML_TEXT_NODE)
			continue;
		if (text)
			return "";
		text = n;
	}
	return text && text->content ? (const char *)text->content : "";
}

static xmlAttr *find_attr(const xmlNode *node, const char *name)
{
	for (xmlAttr *a = node ? node->properties : NULL; a; a = a->next)
		if (!a->ns && !strcmp((const char *)a->name, name))
			return a;
	return NULL;
}

const char *domain_attr(const xmlNode *node, const char *name)
{
	xmlAttr *a = find_attr(node, name);

	if (!a)
		return NULL;
	mark(&a->_private, &mark_known);
	return value_of(a->children);
}

bool domain_attr_is(const xmlNode *node, const char *name, const char *value)
{
	const char *is = domain_attr(node, name);

	return is && !strcmp(is, value);
}

const char *domain_text(const xmlNode *node)
{
	return value_of(node->children);
}

void domain_ignore(xmlNode *node, const struct mark *m)
{
	mark(&node->_private, m);
}

void domain_ignore_attr(const xmlNode *node, const char *name, const struct mark *m)
{
	xmlAttr *a = find_attr(node, name);

	if (a)
		mark(&a->_private, m);
}

bool domain_number(const char *text, uint64_t *n)
{
	size_t len = strlen(text);

	if (!len || strspn(text, "0123456789") != len)
		return false;
	errno = 0;
	*n = strtoull(text, NULL, 10);
	return !errno;
}

/* Those of ASCII and, in UTF-8, U+0080 to U+009F: a terminal obeys both. */
static bool has_control(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return true;
	return false;
}

void domain_option(struct translation *t, const xmlNode *node, const char *option,
		   const char *value)
{
	if (value && has_control(value))
		domain_fail(t, node, "a value has control characters");
	if (t->failed)
		return;
	if (!domain_args_add(t->out, option) || (value && !domain_args_add(t->out, value)))
		domain_fail(t, node, "these are more devices and options than kmc-vmm takes");
}

void domain_optionf(struct translation *t, const xmlNode *node, const char *option,
		    const char *format, ...)
{
	va_list args;
	char *value;
	int n;

	va_start(args, format);
	n = vasprintf(&value, format, args);
	va_end(args);
	if (n < 0) {
		domain_fail(t, node, "no memory");
		return;
	}
	domain_option(t, node, option, value);
	free(value);
}

bool domain_path_ok(struct translation *t, const xmlNode *node, const char *path,
		    const char *without)
{
	const char *found = strpbrk(path, without);

	if (*path != '/')
		domain_fail(t, node, "\"%.80s\" is no absolute path", path);
	else if (found)
		domain_fail(t, node, "kmc-vmm takes no path with '%c' in it here: rename %.80s",
			    *found, path);
	return *path == '/' && !found;
}
