/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct bpf_map of everything in map_idr, side by side. */
#include "config.h"

#include "walk/maps-walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"
#include "walk/map-locks.h"
#include "walk/map-types.h"

enum {
	STRUCT_OPS = 26, /* BPF_MAP_TYPE_STRUCT_OPS */
	MAPS_MAX = 1 << 18,
	HEADER_MAX = 4096, /* bytes of struct bpf_map; some 300 */
};

static const struct layout_member map_members[] = {
	LAYOUT(struct map_layout, map, "bpf_map", ""),
	LAYOUT(struct map_layout, type, "bpf_map", "map_type"),
	LAYOUT(struct map_layout, key_size, "bpf_map", "key_size"),
	LAYOUT(struct map_layout, value_size, "bpf_map", "value_size"),
	LAYOUT(struct map_layout, max_entries, "bpf_map", "max_entries"),
	LAYOUT_OPT(struct map_layout, extra, "bpf_map", "map_extra"), /* 5.16 */
	LAYOUT(struct map_layout, flags, "bpf_map", "map_flags"),
	LAYOUT(struct map_layout, id, "bpf_map", "id"),
	LAYOUT(struct map_layout, name, "bpf_map", "name"),
	LAYOUT_OPT(struct map_layout, frozen, "bpf_map", "frozen"),
	LAYOUT(struct map_layout, btf, "bpf_map", "btf"),
	LAYOUT(struct map_layout, key_type, "bpf_map", "btf_key_type_id"),
	LAYOUT(struct map_layout, value_type, "bpf_map", "btf_value_type_id"),
	LAYOUT(struct map_layout, vmlinux_value_type, "bpf_map", "btf_vmlinux_value_type_id"),
	LAYOUT(struct map_layout, array_map, "bpf_array", "map"),
	LAYOUT(struct map_layout, array_value, "bpf_array", "value"),
	LAYOUT(struct map_layout, array_pptrs, "bpf_array", "pptrs"),
	LAYOUT(struct map_layout, htab_map, "bpf_htab", "map"),
	LAYOUT(struct map_layout, htab_buckets, "bpf_htab", "buckets"),
	LAYOUT(struct map_layout, htab_n_buckets, "bpf_htab", "n_buckets"),
	LAYOUT_OPT(struct map_layout, htab_lru, "bpf_htab", "lru"),
	LAYOUT_OPT(struct map_layout, htab_locked, "bpf_htab", "map_locked"), /* until 6.14 */
	LAYOUT_OPT(struct map_layout, htab_seed, "bpf_htab", "hashrnd"),
	LAYOUT(struct map_layout, elem_next, "htab_elem", "hash_node.next"),
	LAYOUT(struct map_layout, elem_hash, "htab_elem", "hash"),
	LAYOUT(struct map_layout, elem_key, "htab_elem", "key"),
	LAYOUT_OPT(struct map_layout, arena_map, "bpf_arena", "map"), /* 6.9 */
	LAYOUT_OPT(struct map_layout, arena_user_start, "bpf_arena", "user_vm_start"),
	LAYOUT_OPT(struct map_layout, arena_kern_vm, "bpf_arena", "kern_vm"),
	LAYOUT_OPT(struct map_layout, arena_scratch, "bpf_arena", "scratch_page"), /* 7.2 */
	LAYOUT(struct map_layout, vm_addr, "vm_struct", "addr"),
	LAYOUT(struct map_layout, page, "page", ""),
	LAYOUT_OPT(struct map_layout, ops_map, "bpf_struct_ops_map", "map"), /* BPF_JIT */
	LAYOUT_OPT(struct map_layout, ops_kvalue, "bpf_struct_ops_map", "kvalue"),
	LAYOUT_OPT(struct map_layout, ops_data, "bpf_struct_ops_map", "kvalue.data"),
	LAYOUT_OPT(struct map_layout, ops_state, "bpf_struct_ops_map", "kvalue.common.state"), /* 6.9 */
	LAYOUT_OPT(struct map_layout, ops_state_old, "bpf_struct_ops_map", "kvalue.state"),
	LAYOUT_OPT(struct map_layout, ops_links, "bpf_struct_ops_map", "links"), /* 6.0 */
	LAYOUT_OPT(struct map_layout, ops_nr_links, "bpf_struct_ops_map", "funcs_cnt"),
	LAYOUT_OPT(struct map_layout, ops_nr_links_old, "bpf_struct_ops_map", "links_cnt"),
	LAYOUT_OPT(struct map_layout, ops_btf, "bpf_struct_ops_map", "btf"), /* 6.9 */
	LAYOUT(struct map_layout, link_prog, "bpf_link", "prog"),
};

/*
 * struct bucket by what bpf_htab.buckets points at: other things in a kernel may be called a bucket too.
 */
static struct err *find_bucket(const struct types *types, struct map_layout *l)
{
	if (!l->htab_buckets.present)
		return NULL;

	const struct btf_type *ptr = types_get(types, types_peel(types, l->htab_buckets.type_id));
	if (!ptr || BTF_INFO_KIND(ptr->info) != BTF_KIND_PTR)
		return NULL;

	uint32_t bucket = types_peel(types, ptr->type);
	struct err *e = types_member(types, bucket, "", &l->bucket);
	if (!e)
		e = types_member(types, bucket, "head.first", &l->bucket_head);
	err_ignore(e); /* then they are just not .present */
	return lock_member(types, bucket, "raw_lock", &l->bucket_lock);
}

void maps_walk_deinit(struct maps_walk *m)
{
	free(m->found.data);
	free(m->jobs);
	btfs_deinit(&m->btfs);
	err_free(m->mw.fatal);
}

static bool found_map(void *ctx, uint64_t id, struct kva entry)
{
	struct maps_walk *m = ctx;
	struct found_map *f = vec_push(&m->found);

	if (!f) {
		m->mw.fatal = &err_nomem;
		return false;
	}
	*f = (struct found_map){ .id = (uint32_t)id, .kva = entry, .btf_index = SIZE_MAX };
	return true;
}

static struct err *find_maps(struct maps_walk *m)
{
	struct report *r = m->mw.w->r;
	struct err *why = NULL, *e = NULL;
	struct kva idr;

	TRY(ksym(m->mw.k, "map_idr", &idr));
	enum walk_end end = kidr_walk(m->mw.k, idr, MAPS_MAX, found_map, m, &why);

	if (m->mw.fatal || walk_is_fatal(why)) {
		if (m->mw.fatal)
			err_free(why);
		return m->mw.fatal ? take_ptr(m->mw.fatal) : why;
	}
	if (end == WALK_BROKEN)
		e = report_section(r, "maps", SECTION_NOT_READABLE, "map_idr: %s",
				   why ? why->msg : walk_end_text(end));
	else if (end == WALK_LOOP)
		e = report_section(r, "maps", SECTION_IMPLAUSIBLE, "map_idr: %s", walk_end_text(end));
	else if (end == WALK_CAPPED)
		e = report_cut(r, "maps", false, "only the first %d maps", MAPS_MAX);
	err_free(why);
	return e;
}

static uint64_t header_get(const struct member *m, const uint8_t *data, size_t len)
{
	return member_fits(m, len) && m->size <= 8 ? member_get(m, data) : 0;
}

static struct err *read_header(struct map_job *job, struct found_map *f)
{
	const struct map_layout *l = &job->mw->l;
	struct map_row *row = job->row;
	size_t len = l->map.present ? MIN(l->map.size, (uint32_t)HEADER_MAX) : 0;
	_cleanup_free_ uint8_t *data = malloc(MAX(len, (size_t)1));

	if (!data)
		return &err_nomem;
	row->kva = f->kva;
	row->id = f->id;

	struct err *e = kread(job->mw->k, f->kva, data, len);
	if (walk_is_fatal(e))
		return e;
	if (e) {
		struct err *failed = map_unreadable(job, "struct bpf_map: %s", e->msg);

		job->headless = true;
		err_free(e);
		return failed;
	}
	row->type = (uint32_t)header_get(&l->type, data, len);
	row->key_size = (uint32_t)header_get(&l->key_size, data, len);
	row->value_size = (uint32_t)header_get(&l->value_size, data, len);
	row->max_entries = (uint32_t)header_get(&l->max_entries, data, len);
	row->flags = (uint32_t)header_get(&l->flags, data, len);
	row->extra = header_get(&l->extra, data, len);
	row->frozen = header_get(&l->frozen, data, len);
	row->key_type = (uint32_t)header_get(&l->key_type, data, len);
	row->value_type = (uint32_t)header_get(&l->value_type, data, len);
	f->btf.v = header_get(&l->btf, data, len);
	f->wrapper = (uint32_t)header_get(&l->vmlinux_value_type, data, len);
	if (member_fits(&l->name, len))
		memcpy(row->name, data + l->name.off, MIN((size_t)l->name.size, sizeof(row->name) - 1));
	TRY(map_type_name(job->mw->k->types, row->type, job->mw->pool, &row->type_name));

	uint32_t id = (uint32_t)header_get(&l->id, data, len);
	if (l->id.present && id != f->id)
		TRY(map_implausible(job, "struct bpf_map has id %" PRIu32, id));
	return NULL;
}

/*
 * The types of a struct_ops map are not those of the object that it came with (bpf_map.btf), but the kernel's,
 * or those of the module that the subsystem is in.
 */
static struct err *read_ops_btf(struct map_job *job, struct found_map *f)
{
	const struct map_layout *l = &job->mw->l;

	if (job->row->type != STRUCT_OPS)
		return NULL;
	f->btf.v = 0;
	if (!l->ops_map.present || !l->ops_btf.present)
		return NULL;
	struct err *e = kget_kva(job->mw->k, (struct kva){ f->kva.v - l->ops_map.off }, &l->ops_btf, &f->btf);
	if (!e || walk_is_fatal(e))
		return e;
	job->typeless = true;
	struct err *failed = map_unreadable(job, "raw bytes only: BTF: %s", e->msg);
	err_free(e);
	return failed;
}

void map_job_end(struct map_job *job, struct err *e)
{
	if (!e)
		return;
	job->skipped = true;
	if (job->mw->fatal)
		err_free(e);
	else
		job->mw->fatal = e;
}

static void header_fiber(void *ctx, size_t i)
{
	struct maps_walk *m = ctx;
	struct map_job *job = &m->jobs[i];

	job->skipped = m->mw.fatal;
	if (!job->skipped)
		map_job_end(job, read_header(job, &m->found.data[i]));
	if (!job->skipped)
		map_job_end(job, read_ops_btf(job, &m->found.data[i]));
}

struct err *maps_open(struct maps_walk *m, struct walk *w)
{
	struct report *r = w->r;

	m->mw = (struct map_walk){ .w = w, .k = w->k, .pool = &r->pool };
	TRY(klayout(w->k, map_members, ARRAY_SIZE(map_members), &m->mw.l, NULL));
	TRY(find_bucket(w->k->types, &m->mw.l));
	TRY(slots_layout(w->k, &m->mw.slots));
	m->mw.objs = (struct objs){ .k = w->k, .pool = &r->pool };
	TRY(objs_layout(w->k, &m->mw.objs.l));
	TRY(find_maps(m));

	m->jobs = calloc(MAX(m->found.nr, (size_t)1), sizeof(*m->jobs));
	if (!m->jobs)
		return &err_nomem;
	for (size_t i = 0; i < m->found.nr; i++) {
		if (!vec_push(&r->maps))
			return &err_nomem;
	}
	for (size_t i = 0; i < m->found.nr; i++)
		m->jobs[i] = (struct map_job){ .mw = &m->mw, .row = &r->maps.data[i] };
	mem_each(w->k->mem, m->found.nr, header_fiber, m);
	return NULL;
}
