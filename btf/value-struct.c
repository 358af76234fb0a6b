/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Structs, unions, data sections, arrays. */
#include "config.h"

#include <bpf/btf.h>

#include "base/vec.h"
#include "btf/blob.h"
#include "btf/size.h"
#include "btf/value-impl.h"

/* A struct on its way: members of unnamed structs within are spliced in. */
struct parts {
	struct span s; /* of the outermost */
	bool cut;      /* which needs more bytes than that */
	struct nest n; /* of the members */
	VEC(struct value_member) v;
};

/* Long names weigh more, so that few types cannot make much output of few bytes. */
static void spend_name(struct render *r, const char *name)
{
	render_spend(r, 1 + strnlen(name, BTF_MAX_NAME) / 64);
}

static bool add_part(struct parts *p, const char *name, struct value *value)
{
	struct value_member *m = value ? vec_push(&p->v) : NULL;

	if (!m)
		return false;
	m->name = name;
	m->value = value;
	return true;
}

static struct value *finish_parts(struct render *r, struct parts *p, const char *name)
{
	struct value *v = render_new(r, VALUE_STRUCT);

	if (v) {
		v->st.type_name = *name ? name : NULL;
		v->st.nr = p->v.nr;
		v->st.members = pool_memdup(r->pool, p->v.data, p->v.nr * sizeof(*p->v.data));
	}
	return v && v->st.members ? v : NULL;
}

/* A bitfield in the older form is in its type. */
static uint32_t int_bitfield(const struct btf_type *t, uint64_t *bit)
{
	if (!t || !btf_is_int(t) || t->size > 8)
		return 0;
	if (!btf_int_offset(t) && btf_int_bits(t) == t->size * 8)
		return 0;
	*bit += btf_int_offset(t);
	return btf_int_bits(t);
}

static bool add_bitfield(struct render *r, struct parts *p, const char *name,
			 const struct btf_type *base, uint64_t bit, uint32_t bits)
{
	uint64_t off = bit / 8, size = (bit % 8 + bits + 7) / 8;

	if (off >= p->s.len)
		return true;
	if (size > p->s.len - off) {
		struct span had = span_part(p->s, off, size);

		return add_part(p, name, render_truncated(r, size, had, NULL));
	}
	return add_part(p, name, render_bitfield(r, base, p->s, bit, bits));
}

static bool add_plain(struct render *r, struct parts *p, const char *name, uint32_t type,
		      uint64_t off)
{
	uint64_t size;

	/* What has no size, or an unknown one, sees all that follows. */
	if (!type_size(r->types, type, &size) || !size) {
		if (p->cut && off >= p->s.len)
			return true;
		return add_part(p, name,
				render_type(r, type, span_part(p->s, off, UINT64_MAX), p->n));
	}
	if (off >= p->s.len)
		return true;
	return add_part(p, name, render_sized(r, type, size, span_part(p->s, off, size), p->n));
}

/* Tags of the member that declares a value tell what its lists consist of. */
static bool add_tagged(struct render *r, struct parts *p, uint32_t owner, int32_t component, uint64_t off)
{
	const struct btf_member *m = &btf_members(types_get(r->types, owner))[component];
	uint32_t owner_before = r->owner;
	int32_t component_before = r->component;

	r->owner = owner;
	r->component = component;
	bool good = add_plain(r, p, types_str(r->types, m->name_off), m->type, off);
	r->owner = owner_before;
	r->component = component_before;
	return good;
}

/* `bit` is where the struct begins in the outermost. */
static bool add_members(struct render *r, struct parts *p, uint32_t id, uint64_t bit)
{
	const struct btf_type *t = types_get(r->types, id);
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
		const char *name = types_str(r->types, m[i].name_off);
		uint64_t at = bit + btf_member_bit_offset(t, i);
		uint32_t bits = btf_member_bitfield_size(t, i);
		uint32_t peeled = types_peel(r->types, m[i].type);
		const struct btf_type *mt = types_get(r->types, peeled);

		if (!r->budget)
			return add_part(p, name, render_type(r, 0, p->s, p->n));
		spend_name(r, name);
		if (!bits)
			bits = int_bitfield(mt, &at);

		bool good;
		if (bits) {
			good = add_bitfield(r, p, name, mt, at, bits);
		} else if (at % 8) {
			good = add_part(p, name,
					render_unsupported(r, "member at bit %u of a byte",
							   (unsigned int)(at % 8)));
		} else if (!*name && mt && btf_is_composite(mt) && r->frames < VALUE_MAX_FRAMES) {
			r->frames++;
			good = add_members(r, p, peeled, at);
			r->frames--;
		} else {
			good = add_tagged(r, p, id, (int32_t)i, at / 8);
		}
		if (!good)
			return false;
	}
	return true;
}

static struct value *render_mask(struct render *r, const struct btf_type *t, struct span s,
				 uint64_t off, uint64_t len)
{
	struct span words = span_part(s, off, len);
	uint64_t want = r->env ? cpus_bytes(r->env->nr_cpus) : 0;
	struct value *v = render_cpus(r, words);

	if (v && s.len < t->size && words.len < (want ? MIN(want, len) : len))
		return render_truncated(r, t->size, s, v);
	return v;
}

struct value *render_struct(struct render *r, uint32_t id, const struct btf_type *t, struct span s,
			    struct nest n)
{
	uint64_t off, len;

	struct value *v = NULL;

	if (cpus_layout(r->types, t, &off, &len) && span_part(s, off, len).len >= 8)
		return render_mask(r, t, s, off, len);
	if (render_kernels(r, t, s, n, &v))
		return v;

	bool cut = s.len < t->size;
	struct parts p = { .s = s, .cut = cut, .n = nest_in(n, 1, cut ? 4 : 3) };

	if (add_members(r, &p, id, 0))
		v = finish_parts(r, &p, types_name(r->types, id));
	free(p.v.data);
	return v && cut ? render_truncated(r, t->size, s, v) : v;
}

struct value *render_datasec(struct render *r, uint32_t id, const struct btf_type *t,
			     struct span s, struct nest n)
{
	const struct btf_var_secinfo *info = btf_var_secinfos(t);
	struct parts p = { .s = s, .n = nest_in(n, 1, 3) };
	bool good = true;

	for (uint32_t i = 0, nr = btf_vlen(t); i < nr && good && r->budget; i++) {
		const char *name = types_name(r->types, info[i].type);
		struct span part = span_part(s, info[i].offset, info[i].size);
		uint64_t size;

		spend_name(r, name);
		if (!type_size(r->types, info[i].type, &size))
			size = 0;
		r->owner = info[i].type;
		r->component = -1;
		good = add_part(&p, name, render_sized(r, info[i].type, size, part, p.n));
	}

	struct value *v = good ? finish_parts(r, &p, types_name(r->types, id)) : NULL;
	free(p.v.data);
	return v;
}

struct value *render_array(struct render *r, const struct btf_type *t, struct span s, struct nest n)
{
	uint32_t elem = btf_array(t)->type;
	uint64_t len = btf_array(t)->nelems, size;

	if (!type_size(r->types, elem, &size))
		return render_unsupported(r, "array of a type without size");
	if (!len && size && s.len)
		return render_unsupported(r, "flexible array, length unknown");

	/* Elements without bytes cost the guest nothing, however many it says there are. */
	uint64_t cap = size && r->env && r->env->max_elements ? r->env->max_elements : VALUE_MAX_ELEMENTS;
	uint64_t nr = MIN(len, cap);
	if (size)
		nr = MIN(nr, s.len / size + 1); /* the last one truncated */
	nr = MIN(nr, r->budget + 1ull);

	struct value *v = render_new(r, VALUE_ARRAY);
	if (!v)
		return NULL;
	v->arr.len = len;
	v->arr.elements = pool_calloc(r->pool, nr, sizeof(*v->arr.elements));
	if (!v->arr.elements)
		return NULL;
	while (v->arr.nr < nr) {
		bool last = !r->budget;
		struct value *e = render_sized(r, elem, size, span_part(s, v->arr.nr * size, size),
					       nest_in(n, 1, 2));

		if (!e)
			return NULL;
		v->arr.elements[v->arr.nr++] = e;
		if (last)
			break;
	}
	return v;
}
