/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/targetxml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"

enum {
	MAX_DEPTH = 6,	 /* of parts that include parts */
	MAX_PARTS = 64,
	MAX_BYTES = 2 << 20, /* of all parts */
	MAX_REGS = 8192,
	MAX_BITS = 1 << 16,
	MAX_NUMBER = 1 << 20,
};

struct parse {
	xml_fetch_fn fetch;
	void *ctx;
	VEC(struct xml_reg) regs;
	unsigned int next_number;
	unsigned int parts;
	size_t bytes;
};

static struct err *parse_part(struct parse *p, const char *annex, unsigned int depth) MUST_CHECK;

static void free_doc_p(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
}

static bool is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

/* QEMU does not declare the prefix, so that libxml2 leaves it in the name. */
static bool is_include(const xmlNode *node)
{
	return is_named(node, "include") || is_named(node, "xi:include");
}

/* The attribute as one string, or NULL; valid as long as the document. */
static const char *attribute(const xmlNode *node, const char *name)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		if (!strcmp((const char *)a->name, name) && a->children && !a->children->next &&
		    a->children->type == XML_TEXT_NODE)
			return (const char *)a->children->content;
	}
	return NULL;
}

/* A decimal number up to max; false if it is none, or absent. */
static bool number_of(const xmlNode *node, const char *name, unsigned int max, unsigned int *ret)
{
	const char *text = attribute(node, name);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (*end || errno || v > max)
		return false;
	*ret = (unsigned int)v;
	return true;
}

static struct err *add_reg(struct parse *p, const xmlNode *node)
{
	const char *name = attribute(node, "name");
	unsigned int bits, number = p->next_number;

	if (!number_of(node, "bitsize", MAX_BITS, &bits) || !bits || bits % 8)
		return err_new(ERR_PROTOCOL, "a register without a sensible size");
	if (attribute(node, "regnum") && !number_of(node, "regnum", MAX_NUMBER, &number))
		return err_new(ERR_PROTOCOL, "a register without a sensible number");
	if (p->regs.nr == MAX_REGS)
		return err_new(ERR_LIMIT, "more than %d registers", MAX_REGS);

	struct xml_reg *r = vec_push(&p->regs);
	if (!r)
		return &err_nomem;
	if (name && strlen(name) < sizeof(r->name))
		strcpy(r->name, name);
	r->bits = bits;
	r->number = number;
	p->next_number = number + 1;
	return NULL;
}

/* Registers stand in features, features in the target; either may be included. */
static struct err *walk_children(struct parse *p, const xmlNode *parent, unsigned int depth)
{
	for (const xmlNode *node = parent->children; node; node = node->next) {
		if (is_named(node, "reg"))
			TRY(add_reg(p, node));
		else if (is_named(node, "feature") && is_named(parent, "target"))
			TRY(walk_children(p, node, depth));
		else if (is_include(node)) {
			const char *href = attribute(node, "href");

			if (!href)
				return err_new(ERR_PROTOCOL, "an include without a name");
			TRY(parse_part(p, href, depth + 1));
		}
	}
	return NULL;
}

static struct err *not_xml(void)
{
#if LIBXML_VERSION >= 21200
	const xmlError *e = xmlGetLastError();
#else
	xmlError *e = xmlGetLastError();
#endif
	const char *text = e && e->message ? e->message : "";

	return err_new(ERR_PROTOCOL, "no well-formed XML%s%.*s", *text ? ": " : "",
		       (int)strcspn(text, "\r\n"), text);
}

static bool contains(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

static struct err *parse_text(struct parse *p, const char *text, size_t len, unsigned int depth)
{
	/*
	 * Nobody needs entities here, and they are how XML attacks.  A document in another encoding
	 * could hide the word from us, but none of ours has a reason to be in one.
	 */
	if (contains(text, len, "<!ENTITY") || memchr(text, 0, len))
		return err_new(ERR_PROTOCOL, "it defines entities or contains NUL bytes");

	_cleanup_(free_doc_p) xmlDoc *doc =
		xmlReadMemory(text, (int)len, NULL, NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!doc)
		return not_xml();

	const xmlNode *root = xmlDocGetRootElement(doc);
	if (!root || (!is_named(root, "target") && !is_named(root, "feature")))
		return err_new(ERR_PROTOCOL, "neither <target> nor <feature>");
	return walk_children(p, root, depth);
}

static struct err *parse_part(struct parse *p, const char *annex, unsigned int depth)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (depth > MAX_DEPTH || p->parts++ == MAX_PARTS)
		return err_new(ERR_LIMIT, "it includes too much");
	TRY(p->fetch(p->ctx, annex, &text, &len));
	p->bytes += len;
	if (p->bytes > MAX_BYTES)
		return err_new(ERR_LIMIT, "it is too long");
	return err_prefix(parse_text(p, text, len, depth), "%.64s", annex);
}

static int by_number(const void *a, const void *b)
{
	const struct xml_reg *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static struct err *lay_out(struct parse *p, struct xml_layout *ret)
{
	struct xml_reg *regs = p->regs.data;
	unsigned int offset = 0;

	if (!p->regs.nr)
		return err_new(ERR_PROTOCOL, "no registers");
	qsort(regs, p->regs.nr, sizeof(*regs), by_number);
	for (size_t i = 0; i < p->regs.nr; i++) {
		if (i && regs[i].number == regs[i - 1].number)
			return err_new(ERR_PROTOCOL, "two registers with number %u",
				       regs[i].number);
		regs[i].offset = offset;
		offset += regs[i].bits / 8; /* at most MAX_REGS * MAX_BITS / 8 */
	}
	*ret = (struct xml_layout){ .regs = regs, .nr = p->regs.nr, .size = offset };
	p->regs.data = NULL;
	return NULL;
}

struct err *xml_layout_parse(xml_fetch_fn fetch, void *ctx, struct xml_layout *ret)
{
	struct parse p = { .fetch = fetch, .ctx = ctx };
	struct err *e = parse_part(&p, "target.xml", 0);

	if (!e)
		e = lay_out(&p, ret);
	free(p.regs.data);
	return err_prefix(e, "target description");
}

void xml_layout_deinit(struct xml_layout *layout)
{
	free(layout->regs);
	*layout = (struct xml_layout){ 0 };
}
