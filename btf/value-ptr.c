/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pointers, and what is behind some of them: anything in an arena, whose bounds are exact; in kernel memory CPU masks,
 * and objects that the program has allocated or lent.  Of the kernel's own it is said in a few words which they are: a
 * task_struct would drag half the kernel into the report.
 */
#include "config.h"

#include <bpf/btf.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf/size.h"
#include "btf/value-impl.h"

static const char *skip_cycle(struct render *r, uint64_t addr)
{
	for (unsigned int i = 0; i < r->path_len; i++) {
		if (r->path[i] == addr)
			return pool_printf(r->pool, "cycle \xe2\x86\x92 %#jx", (uintmax_t)addr);
	}
	return NULL;
}

/* Sets the reason; false for lack of memory. */
static bool skip(struct value *v, const char *reason)
{
	v->ptr.skipped = reason;
	return reason;
}

static bool follow_arena(struct render *r, struct value *v, uint32_t id, struct nest n)
{
	const struct btf_type *t = types_get(r->types, id);
	uint64_t addr = v->ptr.value, size;

	if (btf_is_fwd(t)) {
		const char *name = types_str(r->types, t->name_off);

		id = find_full_type(r->types, t);
		if (!id)
			return skip(v, pool_printf(r->pool, "only a forward declaration of %s %s",
						   btf_kflag(t) ? "union" : "struct", name));
	}
	if (!type_size(r->types, id, &size))
		return skip(v, pool_printf(r->pool, "%s has no size", types_name(r->types, id)));

	size_t want = (size_t)MIN(size, (uint64_t)VALUE_MAX_CHASE);
	_cleanup_free_ uint8_t *buf = malloc(want ? want : 1);
	if (!buf)
		return false;

	size_t got = want ? MIN(want, r->env->read_arena(r->env->ctx, addr, buf, want)) : 0;
	if (want && !got)
		return skip(v, pool_printf(r->pool, "cannot read arena address %#jx",
					   (uintmax_t)addr));

	r->path[r->path_len++] = addr;
	v->ptr.deref = render_sized(r, id, size, (struct span){ buf, got }, n);
	r->path_len--;
	return v->ptr.deref;
}

static bool follow_mask(struct render *r, struct value *v)
{
	uint64_t want = cpus_bytes(r->env->nr_cpus);
	uint8_t buf[1024];

	want = want ? MIN(want, sizeof(buf)) : sizeof(buf);
	size_t got = MIN(want, r->env->read_kernel(r->env->ctx, v->ptr.value, buf, want));
	if (got < 8)
		return skip(v, pool_printf(r->pool, "cannot read %#jx", (uintmax_t)v->ptr.value));
	if (cpus_word_is_garbage(get_le64(buf), 0, r->env->nr_cpus))
		return skip(v, pool_printf(r->pool, "no CPU mask at %#jx: it begins with %#jx",
					   (uintmax_t)v->ptr.value, (uintmax_t)get_le64(buf)));
	v->ptr.deref = render_cpus(r, (struct span){ buf, got });
	return v->ptr.deref;
}

/* ---- objects that a tag tells of */

/* The type tag right behind a pointer, "" if there is none. */
static const char *tag_of(const struct types *types, uint32_t pointee)
{
	const struct btf_type *t = types_get(types, pointee);

	return t && btf_is_type_tag(t) ? types_str(types, t->name_off) : "";
}

static struct value *read_object(struct render *r, uint64_t addr, uint32_t id, uint64_t size, struct nest n)
{
	size_t want = (size_t)MIN(size, (uint64_t)VALUE_MAX_CHASE);
	_cleanup_free_ uint8_t *buf = malloc(want ? want : 1);

	if (!buf)
		return NULL;
	size_t got = MIN(want, r->env->read_kernel(r->env->ctx, addr, buf, want));
	if (!got && want)
		return render_unsupported(r, "cannot read %#jx", (uintmax_t)addr);
	return render_sized(r, id, size, (struct span){ buf, got }, n);
}

/* One for each CPU, in an array: what the program has is the address of the __percpu pointer (bpf_mem_alloc()). */
static struct value *read_percpu(struct render *r, uint64_t addr, uint32_t id, uint64_t size, struct nest n)
{
	unsigned int nr = MIN(r->env->nr_cpus, (unsigned int)VALUE_MAX_ELEMENTS);
	uint8_t raw[POINTER_SIZE];

	if (r->env->read_kernel(r->env->ctx, addr, raw, sizeof(raw)) != sizeof(raw))
		return render_unsupported(r, "cannot read %#jx", (uintmax_t)addr);
	struct value *v = render_new(r, VALUE_ARRAY);
	if (!v)
		return NULL;
	v->arr.len = r->env->nr_cpus;
	v->arr.elements = pool_calloc(r->pool, nr, sizeof(*v->arr.elements));
	if (!v->arr.elements)
		return NULL;
	for (unsigned int cpu = 0; cpu < nr && r->budget; cpu++) {
		uint64_t at;
		struct value *e = r->env->percpu(r->env->ctx, get_le64(raw), cpu, &at) ?
					  read_object(r, at, id, size, nest_in(n, 1, 2)) :
					  render_unsupported(r, "no CPU %u", cpu);

		if (!e)
			return NULL;
		v->arr.elements[v->arr.nr++] = e;
	}
	return v;
}

/*
 * A kptr leads to an object of the program's unless the kernel has a type of that name; a uptr to a page of user
 * memory, by the kernel's address of it.
 */
static bool follow_tagged(struct render *r, struct value *v, uint32_t pointee, uint32_t id, struct nest n)
{
	const struct value_env *env = r->env;
	const char *tag = tag_of(r->types, pointee), *name = types_name(r->types, id);
	bool percpu = !strcmp(tag, "percpu_kptr"), user = !strcmp(tag, "uptr");
	bool ours = user || (!(env->is_kernels && env->is_kernels(env->ctx, name)) &&
			     (percpu || !strcmp(tag, "kptr") || !strcmp(tag, "kptr_untrusted")));
	uint64_t size;

	/* Without a tag it may be a pointer to what is gone. */
	if (!ours && *tag && env->describe)
		v->ptr.annotation = env->describe(env->ctx, name, v->ptr.value, r->pool);
	if (!ours || !env->read_kernel || (percpu && !env->percpu) || !type_size(r->types, id, &size))
		return true;
	if (n.depth + 2 >= VALUE_MAX_DEPTH || n.levels + 4 >= VALUE_MAX_LEVELS || !r->budget)
		return true;

	const char *cycle = skip_cycle(r, v->ptr.value);
	if (cycle)
		return skip(v, cycle);
	r->path[r->path_len++] = v->ptr.value;
	v->ptr.deref = (percpu ? read_percpu : read_object)(r, v->ptr.value, id, size, nest_in(n, 1, 1));
	r->path_len--;
	return v->ptr.deref;
}

/* False for lack of memory. */
static bool follow(struct render *r, struct value *v, uint32_t pointee, struct nest n)
{
	const struct value_env *env = r->env;
	uint64_t addr = v->ptr.value;
	uint32_t id = types_peel(r->types, pointee);
	const struct btf_type *t = types_get(r->types, id);

	if (!env || !addr || !t || btf_is_func_proto(t))
		return true;

	if (env->freed)
		v->ptr.freed = env->freed(env->ctx, addr);
	bool in_arena = env->in_arena && env->read_arena && env->in_arena(env->ctx, addr);
	if (!in_arena && !(env->read_kernel && addr >> 63 && cpus_pointee(r->types, t)))
		return !env->kernel || follow_tagged(r, v, pointee, id, n);
	if (n.depth + 1 >= VALUE_MAX_DEPTH || n.levels + 1 >= VALUE_MAX_LEVELS || !r->budget)
		return true;

	const char *cycle = skip_cycle(r, addr);
	if (cycle)
		return skip(v, cycle);
	const char *why = in_arena && env->skip_arena ? env->skip_arena(env->ctx, addr) : NULL;
	if (why)
		return skip(v, why);
	return in_arena ? follow_arena(r, v, id, nest_in(n, 1, 1)) : follow_mask(r, v);
}

struct value *render_ptr(struct render *r, const struct btf_type *t, struct span s, struct nest n)
{
	if (s.len < POINTER_SIZE)
		return render_truncated(r, POINTER_SIZE, s, NULL);

	struct value *v = render_new(r, VALUE_PTR);
	if (!v)
		return NULL;
	v->ptr.value = get_le64(s.p);
	return follow(r, v, t->type, n) ? v : NULL;
}

/* ---- Whether there may be any */

enum { SEARCH_DEPTH = 192 };

struct search {
	const struct types *types;
	uint8_t *seen; /* a bit per id */
	unsigned int depth;
};

static bool may_follow(struct search *s, uint32_t id);

/* Forward declarations may string together any number of structs; deeper than values go is deep enough. */
static bool part_may_follow(struct search *s, uint32_t id)
{
	if (s->depth == SEARCH_DEPTH)
		return true;
	s->depth++;
	bool may = may_follow(s, id);
	s->depth--;
	return may;
}

static bool may_follow(struct search *s, uint32_t id)
{
	const struct btf_type *t;

	/* Modifiers are no steps: their chains are short. */
	for (;;) {
		t = types_get(s->types, id);
		if (!t)
			return false;
		if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_var(t))
			break;
		id = t->type;
	}
	if (s->seen[id / 8] & 1u << id % 8)
		return false;
	s->seen[id / 8] |= (uint8_t)(1u << id % 8);

	switch (btf_kind(t)) {
	case BTF_KIND_PTR: {
		const struct btf_type *to = types_get(s->types, types_peel(s->types, t->type));

		return to && !btf_is_func_proto(to);
	}
	case BTF_KIND_ARRAY:
		return part_may_follow(s, btf_array(t)->type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		if (value_is_kernels(s->types, t))
			return true;
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
			if (part_may_follow(s, btf_members(t)[i].type))
				return true;
		}
		return false;
	case BTF_KIND_DATASEC:
		for (uint32_t i = 0, n = btf_vlen(t); i < n; i++) {
			if (part_may_follow(s, btf_var_secinfos(t)[i].type))
				return true;
		}
		return false;
	case BTF_KIND_FWD:
		return part_may_follow(s, find_full_type(s->types, t));
	default:
		return false;
	}
}

bool value_has_pointers(const struct types *types, uint32_t type_id)
{
	_cleanup_free_ uint8_t *seen = calloc(types_count(types) / 8 + 1, 1);
	struct search s = { types, seen, 0 };

	return !seen || may_follow(&s, type_id);
}
