/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_struct_ops_map (kernel/bpf/bpf_struct_ops.c): a table of functions that a subsystem calls.
 *
 * Its value is a wrapper around the table that the kernel makes for each kind of it; the value that counts is
 * the table.  The functions in it are trampolines.  Which program stands behind one is known from the map's
 * links: a program for a struct_ops has the index of its member in place of an attach type.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	TABLE_MAX = 64 << 10, /* bytes of an ops struct; sched_ext's has some 450 */
	FUNCS_MAX = 4096,
};

static struct kva ops_map(const struct map_job *job)
{
	return (struct kva){ job->row->kva.v - job->mw->l.ops_map.off };
}

static struct err *read_state(struct map_job *job, struct ops_body *ops)
{
	const struct map_layout *l = &job->mw->l;
	const struct member *state = l->ops_state.present ? &l->ops_state : &l->ops_state_old;
	uint64_t v;

	if (!state->present)
		return NULL;
	TRY(kget(job->mw->k, ops_map(job), state, &v));
	ops->state = (uint32_t)v;
	return objs_enum(&job->mw->objs, "bpf_struct_ops_state", "BPF_STRUCT_OPS_STATE_", v,
			 &ops->state_name);
}

/* How many links there may be: before the kernel kept a count, one per member of the table. */
static struct err *count_links(struct map_job *job, uint64_t *ret)
{
	const struct map_layout *l = &job->mw->l;
	const struct types *types = job->mw->k->types;
	const struct btf_type *t;
	struct member data;
	uint64_t wrapper;

	if (l->ops_nr_links.present || l->ops_nr_links_old.present)
		return kget(job->mw->k, ops_map(job),
			    l->ops_nr_links.present ? &l->ops_nr_links : &l->ops_nr_links_old, ret);
	TRY(kget(job->mw->k, job->row->kva, &l->vmlinux_value_type, &wrapper));
	TRY(types_member(types, (uint32_t)wrapper, "data", &data));
	t = types_get(types, types_peel(types, data.type_id));
	*ret = t ? BTF_INFO_VLEN(t->info) : 0;
	return NULL;
}

static struct err *read_prog(struct map_job *job, struct kva at, struct ops_func *func)
{
	const struct map_layout *l = &job->mw->l;
	struct objs *o = &job->mw->objs;
	struct kernel *k = job->mw->k;
	struct kva link, prog;
	uint64_t index;

	TRY(kread_kva(k, at, &link));
	if (!link.v)
		return NULL; /* a member that is not implemented */
	TRY(kget_kva(k, link, &l->link_prog, &prog));
	TRY(kget(k, prog, &o->l.prog_attach, &index));
	TRY(objs_prog_ident(o, prog, &func->prog_id, func->prog_name));
	func->index = (uint32_t)index;
	return NULL;
}

static struct err *read_progs(struct map_job *job, struct ops_body *ops)
{
	uint64_t nr;
	size_t lost = 0;
	struct kva links;

	TRY(count_links(job, &nr));
	if (nr > FUNCS_MAX)
		return err_new(ERR_CORRUPT, "%" PRIu64 " functions", nr);
	TRY(kget_kva(job->mw->k, ops_map(job), &job->mw->l.ops_links, &links));
	ops->funcs = pool_calloc(job->mw->pool, nr, sizeof(*ops->funcs));
	if (!ops->funcs)
		return &err_nomem;
	for (uint64_t i = 0; i < nr; i++) {
		struct ops_func *func = &ops->funcs[ops->nr_funcs];
		struct err *e = read_prog(job, (struct kva){ links.v + 8 * i }, func);

		if (walk_is_fatal(e) || (e && e->code == ERR_MISSING))
			return e;
		if (e) { /* the others do not depend on it */
			*func = (struct ops_func){ 0 };
			lost++;
		}
		err_free(e);
		ops->nr_funcs += func->prog_id != 0;
	}
	return lost ? map_unreadable(job, "%zu programs unreadable", lost) : NULL;
}

static struct err *read_table(struct map_job *job)
{
	const struct map_layout *l = &job->mw->l;
	struct map_row *row = job->row;
	uint32_t head = l->ops_data.off - l->ops_kvalue.off;

	if (row->value_size < head || row->value_size - head > TABLE_MAX)
		return map_implausible(job, "a table of %" PRIu32 " bytes", row->value_size);
	size_t len = row->value_size - head;
	if (!map_take(job, len))
		return map_note(job, "the table has %zu bytes, %" PRIu64 " are kept of a map", len, job->bytes);
	uint8_t *buf = pool_alloc(job->mw->pool, len);
	if (!buf)
		return &err_nomem;

	struct err *e = kread(job->mw->k, kmember(ops_map(job), &l->ops_data), buf, len);
	if (walk_is_fatal(e))
		return e;
	if (e) {
		struct err *failed = map_unreadable(job, "the table: %s", e->msg);

		err_free(e);
		return failed;
	}
	row->body = MAP_BODY_VALUE;
	row->value = buf;
	row->value_len = len;
	return NULL;
}

/* Eats all but a fatal error. */
static struct err *part(struct map_job *job, const char *what, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;
	struct err *failed = e->code == ERR_CORRUPT ? map_implausible(job, "%s: %s", what, e->msg) :
						      map_unreadable(job, "%s: %s", what, e->msg);
	err_free(e);
	return failed;
}

struct err *map_struct_ops(struct map_job *job)
{
	const struct map_layout *l = &job->mw->l;

	if (!l->ops_map.present || !l->ops_data.present || !l->ops_kvalue.present || !l->ops_links.present)
		return map_no_layout(job, "struct bpf_struct_ops_map");
	struct ops_body *ops = pool_alloc(job->mw->pool, sizeof(*ops));
	if (!ops)
		return &err_nomem;
	job->row->ops = ops;
	TRY(read_table(job));
	TRY(part(job, "state", read_state(job, ops)));
	return part(job, "programs", read_progs(job, ops));
}

/* ---- once there are types */

static bool is_func_pointer(const struct types *types, uint32_t type)
{
	const struct btf_type *t = types_get(types, types_peel(types, type));

	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_PTR)
		return false;
	t = types_get(types, types_peel(types, t->type));
	return t && BTF_INFO_KIND(t->info) == BTF_KIND_FUNC_PROTO;
}

static const struct ops_func *by_index(const struct ops_func *funcs, size_t nr, uint32_t index)
{
	for (size_t i = 0; i < nr; i++) {
		if (funcs[i].index == index)
			return &funcs[i];
	}
	return NULL;
}

/* All functions of the table, in its order: those of programs and any others. */
static struct err *name_funcs(struct map_job *job, const struct types *types, const struct btf_type *t)
{
	const struct btf_member *m = (const void *)(t + 1);
	struct map_row *row = job->row;
	struct ops_body *ops = row->ops;
	size_t old = ops->nr_funcs, nr = 0;
	struct ops_func *funcs = pool_calloc(job->mw->pool, BTF_INFO_VLEN(t->info), sizeof(*funcs));

	if (!funcs)
		return &err_nomem;
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		uint32_t bit = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset) : m[i].offset;
		const struct ops_func *known = by_index(ops->funcs, old, i);
		bool here = row->value && bit / 8 + 8 <= row->value_len;
		uint64_t addr = here ? get_le64(row->value + bit / 8) : 0;

		if (!is_func_pointer(types, m[i].type) || (!known && !addr))
			continue;
		if (known)
			funcs[nr] = *known;
		funcs[nr].index = i;
		funcs[nr].member = types_str(types, m[i].name_off);
		funcs[nr++].addr = addr;
	}
	/* Programs of members that are none stay as they are. */
	for (size_t i = 0; i < old; i++) {
		if (!by_index(funcs, nr, ops->funcs[i].index))
			return map_implausible(job, "program %" PRIu32 " is for member %" PRIu32
					       ", which is no function",
					       ops->funcs[i].prog_id, ops->funcs[i].index);
	}
	ops->funcs = funcs;
	ops->nr_funcs = nr;
	return NULL;
}

struct err *map_struct_ops_types(struct map_job *job, const struct types *types, uint32_t wrapper)
{
	struct map_row *row = job->row;
	struct member data;
	uint64_t size;

	if (!row->ops)
		return NULL;
	struct err *e = types_member(types, wrapper, "data", &data);
	if (!e)
		e = types_size(types, data.type_id, &size);
	if (e)
		return part(job, "raw bytes only", e);

	const struct btf_type *t = types_get(types, types_peel(types, data.type_id));
	row->ops->type_name = types_name(types, types_peel(types, data.type_id));
	row->types = types;
	row->value_type = data.type_id;
	/* The wrapper is padded to a cache line. */
	row->value_len = MIN(row->value_len, size);
	if (!t || (BTF_INFO_KIND(t->info) != BTF_KIND_STRUCT && BTF_INFO_KIND(t->info) != BTF_KIND_UNION))
		return map_implausible(job, "the table is no struct");
	return name_funcs(job, types, t);
}
