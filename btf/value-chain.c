/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists and trees of objects that programs have allocated (bpf_list_head, bpf_rb_root).  What they consist of stands in
 * a declaration tag of the member or variable, "contains:TYPE:MEMBER"; each node knows the root that it belongs to.
 */
#include "config.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "btf/size.h"
#include "btf/value-impl.h"

enum { TREE_HEIGHT = 128 /* of a red-black tree, whatever the number of nodes */ };

struct chain {
	struct render *r;
	enum kernels what;
	struct nest n; /* of the objects */
	uint32_t type; /* of an object */
	uint64_t size;
	struct member node; /* in it */
	uint64_t root;	    /* its address, as the first node has it; 0: not known yet */
	size_t cap;
	uint8_t *buf; /* [size] */
	VEC(struct value *) objects;
};

/* ---- of what */

static bool parse_contains(const struct types *types, const char *text, struct chain *c)
{
	char type[128];
	const char *member = strchr(text, ':');
	size_t len = member ? (size_t)(member - text) : 0;

	if (!len || len >= sizeof(type))
		return false;
	memcpy(type, text, len);
	type[len] = '\0';
	struct err *e = types_find(types, BTF_KIND_STRUCT, type, &c->type);
	if (!e)
		e = types_member(types, c->type, member + 1, &c->node);
	bool known = !e && type_size(types, c->type, &c->size);
	err_ignore(e);
	return known && !c->node.bit_size && c->size && c->size <= VALUE_MAX_CHASE;
}

/* By the tag of the member or variable whose value is being rendered. */
static bool find_contains(const struct render *r, struct chain *c)
{
	static const char contains[] = "contains:";
	uint32_t nr = types_count(r->types);

	for (uint32_t id = types_start_id(r->types); r->owner && id < nr; id++) {
		const struct btf_type *t = types_get(r->types, id);

		if (!t || !btf_is_decl_tag(t) || t->type != r->owner || btf_decl_tag(t)->component_idx != r->component)
			continue;
		const char *text = types_str(r->types, t->name_off);
		if (!strncmp(text, contains, sizeof(contains) - 1))
			return parse_contains(r->types, text + sizeof(contains) - 1, c);
	}
	return false;
}

/* ---- the objects */

static bool add(struct chain *c, struct value *v)
{
	struct value **to = v ? vec_push(&c->objects) : NULL;

	if (to)
		*to = v;
	return to;
}

/* The last one, if something is wrong or there are more. */
#define END(c, ...) add(c, render_unsupported((c)->r, __VA_ARGS__))

static bool end_unreadable(struct chain *c, uint64_t node)
{
	return END(c, "cannot read the node at %#jx", (uintmax_t)node);
}

static bool end_foreign(struct chain *c, uint64_t node, uint64_t owner)
{
	return END(c, "the node at %#jx belongs to %#jx", (uintmax_t)node, (uintmax_t)owner);
}

static bool read_node(const struct chain *c, uint64_t node)
{
	const struct value_env *env = c->r->env;

	return env->read_chain(env->ctx, node - c->node.off, c->buf, c->size) == c->size;
}

/* A link of the node that has been read. */
static uint64_t link_of(const struct chain *c, const struct member *m)
{
	struct member at = *m;

	at.off += c->node.off;
	return member_fits(&at, c->size) ? member_get(&at, c->buf) : 0;
}

static bool add_object(struct chain *c, uint64_t node)
{
	struct value *v = render_new(c->r, VALUE_PTR);

	if (!v)
		return false;
	v->ptr.value = node - c->node.off;
	v->ptr.deref = render_type(c->r, c->type, (struct span){ c->buf, c->size }, c->n);
	return v->ptr.deref && add(c, v);
}

/* A list that was used before is empty if its first node is the head.  Around that there need not be any object. */
static bool is_empty(const struct chain *c, uint64_t first)
{
	const struct value_env *env = c->r->env;
	uint8_t raw[POINTER_SIZE];

	return env->read_chain(env->ctx, first + env->kernel->list_next.off, raw, sizeof(raw)) == sizeof(raw) &&
	       get_le64(raw) == first;
}

/* The head is not an object: its address is what the first one has behind it. */
static bool walk_list(struct chain *c, uint64_t first)
{
	const struct value_kernel *k = c->r->env->kernel;
	uint64_t node = first, before = 0;

	if (is_empty(c, first))
		return true;
	while (c->objects.nr < c->cap && c->r->budget) {
		if (!read_node(c, node))
			return end_unreadable(c, node);
		uint64_t next = link_of(c, &k->list_next), prev = link_of(c, &k->list_prev);
		if (!before)
			c->root = prev;
		else if (prev != before)
			return END(c, "the node at %#jx has %#jx behind it", (uintmax_t)node, (uintmax_t)prev);
		if (k->list_owner.present && link_of(c, &k->list_owner) != c->root)
			return end_foreign(c, node, link_of(c, &k->list_owner));
		if (!add_object(c, node))
			return false;
		if (next == c->root)
			return true;
		before = node;
		node = next;
	}
	return END(c, "more objects follow");
}

static bool walk_tree(struct chain *c, uint64_t top)
{
	const struct value_kernel *k = c->r->env->kernel;
	uint64_t above[TREE_HEIGHT], node = top;
	size_t height = 0;

	while (node || height) {
		for (; node; node = link_of(c, &k->tree_left)) {
			if (height == TREE_HEIGHT)
				return END(c, "higher than a tree can be");
			if (!read_node(c, node))
				return end_unreadable(c, node);
			if (!c->root)
				c->root = link_of(c, &k->tree_owner);
			if (link_of(c, &k->tree_owner) != c->root)
				return end_foreign(c, node, link_of(c, &k->tree_owner));
			above[height++] = node;
		}
		node = above[--height];
		if (c->objects.nr == c->cap || !c->r->budget)
			return END(c, "more objects follow");
		if (!read_node(c, node))
			return end_unreadable(c, node);
		uint64_t right = link_of(c, &k->tree_right);
		if (!add_object(c, node))
			return false;
		node = right;
	}
	return true;
}

static struct value *finish(struct chain *c)
{
	struct value *v = render_new(c->r, VALUE_ARRAY);

	if (!v)
		return NULL;
	v->arr.len = v->arr.nr = c->objects.nr;
	v->arr.elements = pool_memdup(c->r->pool, c->objects.data, c->objects.nr * sizeof(*c->objects.data));
	return v->arr.elements ? v : NULL;
}

static struct value *objects(struct chain *c, uint64_t first)
{
	_cleanup_free_ uint8_t *buf = malloc(c->size);
	struct value *v = NULL;

	c->buf = buf;
	if (buf && (!first || (c->what == KERNELS_LIST ? walk_list : walk_tree)(c, first)))
		v = finish(c);
	free(c->objects.data);
	return v;
}

bool render_chain(struct render *r, enum kernels what, const char *name, struct span s, struct nest n, struct value **ret)
{
	const struct value_kernel *k = r->env->kernel;
	struct chain c = { .r = r, .what = what, .n = nest_in(n, 3, 6), .cap = VALUE_MAX_ELEMENTS };
	struct fields f = { 0 };
	uint64_t first = get_le64(s.p);

	if (what == KERNELS_LIST ? !k->list_next.present || !k->list_prev.present :
				   !k->tree_left.present || !k->tree_right.present || !k->tree_owner.present)
		return false;
	if (!r->env->read_chain || !find_contains(r, &c))
		return false;
	if (r->env->max_elements)
		c.cap = r->env->max_elements;
	fields_ptr(r, &f, what == KERNELS_LIST ? "first" : "root", first, NULL);
	fields_ptr(r, &f, what == KERNELS_LIST ? "last" : "leftmost", get_le64(s.p + 8), NULL);
	fields_add(r, &f, "objects", objects(&c, first));
	*ret = fields_finish(r, &f, name);
	return true;
}
