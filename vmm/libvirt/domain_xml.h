/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domain_xml.h: the domain's XML as a tree in which everything that is looked at is marked. What is
 * unmarked at the end was ignored. Used by domain_*.c only.
 *
 * The first failure wins; after it the functions may still be called, so callers need not look.
 */
#ifndef KMC_DOMAIN_XML_H
#define KMC_DOMAIN_XML_H

#include <libxml/tree.h>
#include <stdint.h>

#include "domain_parse.h"

struct translation {
	const struct domain_context *context;
	struct domain_args *out;
	char *err;
	size_t errlen;
	bool failed;
	char label[65]; /* the domain's name, or its UUID where the name is no name for a VM */
};

/* What a node's _private points to; NULL: nobody has looked. */
struct mark {
	enum { MARK_KNOWN, MARK_SKIP, MARK_IGNORED } kind; /* SKIP: and all that is in it */
	const char *note;				   /* domain_ignored.note */
};

extern const struct mark mark_known, mark_skip;

/* node may be NULL. The message is cleaned of what is not printable ASCII. */
void domain_fail(struct translation *t, const xmlNode *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The tree, or NULL. xmlFreeDoc() it. */
xmlDoc *domain_xml_read(struct translation *t, const char *xml, size_t len);

/* Is it an element without a namespace of this name? */
bool domain_is(const xmlNode *node, const char *name);
/* The child of this name, marked; NULL: none. Two are a failure: which one counts? parent may be
 * NULL. */
xmlNode *domain_child(struct translation *t, const xmlNode *parent, const char *name);
/* The attribute's value, marked; NULL: none. node may be NULL. */
const char *domain_attr(const xmlNode *node, const char *name);
bool domain_attr_is(const xmlNode *node, const char *name, const char *value);
/* The element's text; "" where there is none or it is in pieces. */
const char *domain_text(const xmlNode *node);
/* Marks it as ignored, whatever has been marked before. */
void domain_ignore(xmlNode *node, const struct mark *mark);
void domain_ignore_attr(const xmlNode *node, const char *name, const struct mark *mark);

/* Decimal digits and nothing else. */
bool domain_number(const char *text, uint64_t *n);

/* "--option VALUE"; VALUE NULL: none. Refuses values with control characters. */
void domain_option(struct translation *t, const xmlNode *node, const char *option,
		   const char *value);
void domain_optionf(struct translation *t, const xmlNode *node, const char *option,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A file's name: fails unless it starts with / and has none of these characters in it. */
bool domain_path_ok(struct translation *t, const xmlNode *node, const char *path,
		    const char *without);

/* Everything below root that is neither marked nor without meaning for kmc-vmm, into out->ignored.
 */
void domain_list_ignored(struct translation *t, const xmlNode *root);

#endif
