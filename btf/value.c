/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf/value.h"

#include <bpf/btf.h>
#include <stdarg.h>

#include "btf/size.h"
#include "btf/value-impl.h"

struct value *render_new(struct render *r, enum value_kind kind)
{
	struct value *v = pool_alloc(r->pool, sizeof(*v));

	if (v)
		v->kind = kind;
	return v;
}

struct value *render_unsupported(struct render *r, const char *fmt, ...)
{
	struct value *v = render_new(r, VALUE_UNSUPPORTED);
	va_list ap;

	if (!v)
		return NULL;
	va_start(ap, fmt);
	v->reason = pool_vprintf(r->pool, fmt, ap);
	va_end(ap);
	return v->reason ? v : NULL;
}

struct value *render_bytes(struct render *r, struct span s)
{
	struct value *v = render_new(r, VALUE_BYTES);

	render_spend(r, s.len / 16);
	if (!v)
		return NULL;
	v->bytes.data = pool_memdup(r->pool, s.p, s.len);
	v->bytes.len = s.len;
	return v->bytes.data ? v : NULL;
}

struct value *render_truncated(struct render *r, uint64_t needed, struct span s,
			       struct value *partial)
{
	struct value *v = render_new(r, VALUE_TRUNCATED);

	if (!partial)
		partial = render_bytes(r, s);
	if (!v || !partial)
		return NULL;
	v->trunc.needed = needed;
	v->trunc.had = s.len;
	v->trunc.partial = partial;
	return v;
}

struct value *render_sized(struct render *r, uint32_t id, uint64_t size, struct span s,
			   struct nest n)
{
	if (s.len >= size)
		return render_type(r, id, s, n);
	if (!s.len)
		return render_truncated(r, size, s, NULL);

	struct value *v = render_type(r, id, s, n);
	if (!v || v->kind == VALUE_TRUNCATED || v->kind == VALUE_UNSUPPORTED)
		return v;
	return render_truncated(r, size, s, v);
}

uint32_t find_full_type(const struct types *types, const struct btf_type *fwd)
{
	uint32_t id;
	struct err *e = types_find(types, btf_kflag(fwd) ? BTF_KIND_UNION : BTF_KIND_STRUCT,
				   types_str(types, fwd->name_off), &id);

	if (!e)
		return id;
	err_ignore(e);
	return 0;
}

static struct value *render_fwd(struct render *r, const struct btf_type *t, struct span s,
				struct nest n)
{
	uint32_t full = find_full_type(r->types, t);

	if (full)
		return render_type(r, full, s, n);
	return render_unsupported(r, "forward declaration of %s %s", btf_kflag(t) ? "union" : "struct",
				  types_str(r->types, t->name_off));
}

/* A variable is as good as its type. */
static uint32_t peel_var(const struct types *types, uint32_t id)
{
	const struct btf_type *t = types_get(types, id);

	return types_peel(types, t && btf_is_var(t) ? t->type : id);
}

static struct value *render_nesting(struct render *r, uint32_t id, const struct btf_type *t,
				    struct span s, struct nest n)
{
	if (n.depth >= VALUE_MAX_DEPTH)
		return render_unsupported(r, "nested deeper than %d levels", VALUE_MAX_DEPTH);
	if (btf_is_array(t))
		return render_array(r, t, s, n);
	return btf_is_datasec(t) ? render_datasec(r, id, t, s, n) : render_struct(r, id, t, s, n);
}

/* What has no bytes, or none that we know how to read. */
static struct value *render_none(struct render *r, uint32_t id)
{
	const struct btf_type *t = types_get(r->types, id);

	if (id && !t)
		return render_unsupported(r, "no type %u", id);
	if (t && (btf_is_func(t) || btf_is_func_proto(t)))
		return render_unsupported(r, "function type: no value bytes to render");
	if (t && btf_is_decl_tag(t))
		return render_unsupported(r, "declaration tag: no value bytes to render");
	for (int i = 0; t && i < VALUE_MAX_DEPTH; i++)
		t = types_get(r->types, t->type);
	return render_unsupported(r, t ? "too many modifiers, one upon another"
				       : "void type: no value bytes to render");
}

static struct value *render_kind(struct render *r, uint32_t id, struct span s, struct nest n)
{
	uint32_t peeled = peel_var(r->types, id);
	const struct btf_type *t = types_get(r->types, peeled);

	switch (t ? btf_kind(t) : BTF_KIND_UNKN) {
	case BTF_KIND_INT:
		return render_int(r, t, s);
	case BTF_KIND_FLOAT:
		return render_float(r, t, s);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return render_enum(r, peeled, t, s);
	case BTF_KIND_PTR:
		return render_ptr(r, t, s, n);
	case BTF_KIND_ARRAY:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
		return render_nesting(r, peeled, t, s, n);
	case BTF_KIND_FWD:
		return render_fwd(r, t, s, n);
	default:
		return render_none(r, peeled ? peeled : id);
	}
}

struct value *render_type(struct render *r, uint32_t id, struct span s, struct nest n)
{
	if (!r->budget) {
		if (!r->spent)
			r->spent = render_unsupported(r, "value is too large to be shown in full");
		return r->spent;
	}
	render_spend(r, 1);
	if (n.levels >= VALUE_MAX_LEVELS || r->frames >= VALUE_MAX_FRAMES)
		return render_unsupported(r, "nested too deep");

	r->frames++;
	struct value *v = render_kind(r, id, s, n);
	r->frames--;
	return v;
}

static uint32_t render_budget(const struct value_env *env, size_t len)
{
	if (!env || env->max_elements <= VALUE_MAX_ELEMENTS || len <= VALUE_BUDGET / VALUE_BUDGET_BYTE)
		return VALUE_BUDGET;
	return (uint32_t)MIN(len, (size_t)VALUE_BUDGET_MAX / VALUE_BUDGET_BYTE) * VALUE_BUDGET_BYTE;
}

struct err *value_render_within(const struct types *types, uint32_t type_id, const void *data, size_t len,
				const struct value_env *env, struct pool *pool, uint64_t *budget, struct value **ret)
{
	uint32_t own = (uint32_t)MIN(*budget, (uint64_t)render_budget(env, len));
	struct render r = { .types = types, .env = env, .pool = pool, .budget = own };
	struct value *v = render_type(&r, type_id, (struct span){ data, len }, (struct nest){ 0, 0 });

	*budget -= own - r.budget;
	if (!v)
		return &err_nomem;
	*ret = v;
	return NULL;
}

struct err *value_render(const struct types *types, uint32_t type_id, const void *data, size_t len,
			 const struct value_env *env, struct pool *pool, struct value **ret)
{
	uint64_t budget = UINT64_MAX;

	return value_render_within(types, type_id, data, len, env, pool, &budget, ret);
}

struct err *value_bytes(const void *data, size_t len, bool text, struct pool *pool,
			struct value **ret)
{
	struct value *v = pool_alloc(pool, sizeof(*v));
	const uint8_t *copy = pool_memdup(pool, data, len);

	if (!v || !copy)
		return &err_nomem;
	v->kind = VALUE_BYTES;
	v->bytes.data = copy;
	v->bytes.len = len;
	v->bytes.text = text;
	*ret = v;
	return NULL;
}
