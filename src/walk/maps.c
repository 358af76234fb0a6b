/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BPF maps: everything in map_idr.  First all of struct bpf_map side by side, then the contents of all
 * maps and their BTF side by side; types are put to the bytes when both are here.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"
#include "walk/btfs.h"
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
static void find_bucket(const struct types *types, struct map_layout *l)
{
	if (!l->htab_buckets.present)
		return;

	const struct btf_type *ptr = types_get(types, types_peel(types, l->htab_buckets.type_id));
	if (!ptr || BTF_INFO_KIND(ptr->info) != BTF_KIND_PTR)
		return;

	uint32_t bucket = types_peel(types, ptr->type);
	struct err *e = types_member(types, bucket, "", &l->bucket);
	if (!e)
		e = types_member(types, bucket, "head.first", &l->bucket_head);
	err_ignore(e); /* then they are just not .present */
}

/* ---- what walkers of contents share */

static struct err *join(struct map_job *job, const char *fmt, va_list ap)
{
	struct map_row *row = job->row;
	char *text = pool_vprintf(job->mw->pool, fmt, ap);

	if (text && row->error)
		text = pool_printf(job->mw->pool, "%s; %s", row->error, text);
	if (!text)
		return &err_nomem;
	row->error = text;
	return NULL;
}

struct err *map_note(struct map_job *job, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct err *e = join(job, fmt, ap);
	va_end(ap);
	return e;
}

struct err *map_unreadable(struct map_job *job, const char *fmt, ...)
{
	va_list ap;

	job->row->unreadable = true;
	va_start(ap, fmt);
	struct err *e = join(job, fmt, ap);
	va_end(ap);
	return e;
}

struct err *map_implausible(struct map_job *job, const char *fmt, ...)
{
	va_list ap;

	job->implausible = true;
	va_start(ap, fmt);
	struct err *e = join(job, fmt, ap);
	va_end(ap);
	return e;
}

struct err *map_no_layout(struct map_job *job, const char *what)
{
	job->undecoded = true;
	return map_note(job, "this kernel's types do not tell the layout of %s", what);
}

uint64_t map_cap(const struct map_job *job, uint64_t by_default)
{
	uint64_t asked = job->mw->w->opts->max_entries;

	return asked ? asked : by_default;
}

bool map_take(struct map_job *job, uint64_t bytes)
{
	if (bytes > job->bytes) {
		job->out_of_bytes = true;
		return false;
	}
	job->bytes -= bytes;
	return true;
}

/* ---- struct bpf_map */

/* A map as map_idr has it, and what is known about it between the steps. */
struct found_map {
	uint32_t id;
	struct kva kva, btf;
	uint32_t wrapper; /* btf_vmlinux_value_type_id */
	size_t btf_index; /* in btfs; SIZE_MAX: none */
};

struct maps_walk {
	struct map_walk mw;
	VEC(struct found_map) found;
	struct map_job *jobs; /* [found.nr] */
	struct btfs btfs;
	uint64_t limit; /* bytes kept of a map */
};

static void maps_walk_deinit(struct maps_walk *m)
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
	struct err *failed = map_unreadable(job, "BTF: %s", e->msg);
	err_free(e);
	return failed;
}

/* Keeps the first fatal error; the rest of the maps are then skipped. */
static void job_end(struct map_job *job, struct err *e)
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
		job_end(job, read_header(job, &m->found.data[i]));
	if (!job->skipped)
		job_end(job, read_ops_btf(job, &m->found.data[i]));
}

/* ---- contents */

/* What a map can hold at most, roughly. */
static uint64_t declared_bytes(const struct map_row *row)
{
	uint64_t one = (uint64_t)row->key_size + row->value_size + 64, all;

	if (row->type == 33) /* an arena's max_entries are pages */
		one = PAGE_SIZE;
	if (row->type == 27 || row->type == 31) /* a ring buffer's are bytes */
		one = 8;
	return mul_overflows(one, row->max_entries, &all) ? UINT64_MAX : all;
}

/*
 * No map gets more than its cap, and if all together are too much, big ones give way to small ones:
 * each gets what it needs up to the same limit.  Depends on the declared sizes only, so the same guest
 * gives the same report whatever the order in which fibers end.
 */
static void share_bytes(struct maps_walk *m)
{
	bool asked = m->mw.w->opts->max_entries;
	uint64_t low = 0, high = asked ? MAP_BYTES_ASKED : MAP_BYTES;
	uint64_t total = asked ? 2ULL * MAP_BYTES_ASKED : MAPS_BYTES;

	/* Per-CPU values multiply what is declared; they are seldom and stay within the cap. */
	while (low < high) {
		uint64_t limit = low + (high - low + 1) / 2, sum = 0;

		for (size_t i = 0; i < m->found.nr && sum <= total; i++)
			sum += MIN(declared_bytes(m->jobs[i].row), limit);
		if (sum <= total)
			low = limit;
		else
			high = limit - 1;
	}
	m->limit = low;
	for (size_t i = 0; i < m->found.nr; i++)
		m->jobs[i].bytes = low;
}

static struct err *read_contents(struct map_job *job)
{
	const struct map_row *row = job->row;
	const struct map_type *type = map_type_find(row->type);

	if (row->unreadable) /* the header is not there */
		return NULL;
	if (type && type->read)
		return type->read(job);
	job->undecoded = true;
	if (type)
		return map_note(job, "%s: fdgdb does not decode this type of map yet", type->what);
	return map_note(job, "map type %" PRIu32 "%s%s%s: fdgdb does not know this type", row->type,
			row->type_name ? " (" : "", row->type_name ? row->type_name : "",
			row->type_name ? ")" : "");
}

/* The BTF objects first: they are long, and their reads join the maps' first wave. */
static void contents_fiber(void *ctx, size_t i)
{
	struct maps_walk *m = ctx;
	size_t nr_btfs = m->btfs.objs.nr;

	if (i < nr_btfs) {
		if (!m->btfs.fatal)
			btfs_read(&m->btfs, i);
		return;
	}

	struct map_job *job = &m->jobs[i - nr_btfs];
	job->skipped |= !!m->mw.fatal;
	if (!job->skipped)
		job_end(job, read_contents(job));
}

static struct err *add_btfs(struct maps_walk *m)
{
	TRY(btfs_init(&m->btfs, m->mw.w));
	for (size_t i = 0; i < m->found.nr; i++) {
		struct found_map *f = &m->found.data[i];

		if (f->btf.v)
			TRY(btfs_add(&m->btfs, f->btf, &f->btf_index));
	}
	return NULL;
}

/*
 * Type ids are those of the map's own BTF and of no other: with the kernel's they would give plausible
 * nonsense.  Without types the bytes stay raw.
 */
static struct err *put_types(struct maps_walk *m, size_t i)
{
	struct map_job *job = &m->jobs[i];
	struct map_row *row = job->row;
	size_t at = m->found.data[i].btf_index;
	const struct btf_obj *o = at == SIZE_MAX ? NULL : &m->btfs.objs.data[at];
	uint32_t key = row->key_type, value = row->value_type;

	row->key_type = row->value_type = 0;
	if (row->type == STRUCT_OPS) {
		row->btf_id = o ? o->id : 0;
		if (o && !o->types)
			return map_unreadable(job, "raw bytes only: %s", o->why ? o->why : "no types");
		return map_struct_ops_types(job, o ? o->types : m->mw.k->types, m->found.data[i].wrapper);
	}
	if (!o)
		return NULL;
	row->btf_id = o->id;
	if (!o->types) {
		if (!key && !value)
			return NULL;
		if (o->unreadable)
			return map_unreadable(job, "raw bytes only: %s", o->why);
		return map_implausible(job, "raw bytes only: %s", o->why);
	}
	row->types = o->types;
	if (types_get(o->types, key))
		row->key_type = key;
	if (types_get(o->types, value))
		row->value_type = value;
	if (key != row->key_type || value != row->value_type)
		return map_implausible(job, "type %" PRIu32 " is not in BTF object %" PRIu32,
				       key != row->key_type ? key : value, o->id);
	return NULL;
}

/* ---- the section */

/* How many jobs have the flag at this offset set, and the id of the first. */
static size_t count(const struct maps_walk *m, size_t flag, uint32_t *first)
{
	size_t nr = 0;

	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].skipped || !*((const bool *)&m->jobs[i] + flag))
			continue;
		if (!nr++)
			*first = m->found.data[i].id;
	}
	return nr;
}

static struct err *summarize(struct maps_walk *m)
{
	struct report *r = m->mw.w->r;
	uint64_t asked = m->mw.w->opts->max_entries;
	uint32_t first = 0;
	size_t nr, unreadable = 0;

	TRY(report_section(r, "maps", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < m->found.nr; i++) {
		if (!m->jobs[i].skipped && m->jobs[i].row->unreadable && !unreadable++)
			first = m->found.data[i].id;
	}
	if (unreadable)
		TRY(report_section(r, "maps", SECTION_NOT_READABLE,
				   "contents of %zu of %zu maps could not all be read (the first is map %" PRIu32 ")",
				   unreadable, m->found.nr, first));
	nr = count(m, offsetof(struct map_job, implausible), &first);
	if (nr)
		TRY(report_section(r, "maps", SECTION_IMPLAUSIBLE,
				   "%zu maps contradict themselves (the first is map %" PRIu32 ")", nr, first));
	nr = count(m, offsetof(struct map_job, undecoded), &first);
	if (nr)
		TRY(report_section(r, "maps", SECTION_NOT_IMPLEMENTED,
				   "contents of %zu maps of types that are not decoded yet", nr));
	nr = count(m, offsetof(struct map_job, capped), &first);
	if (nr && asked)
		TRY(report_cut(r, "maps", true, "%zu maps at %" PRIu64 " entries each (--max-entries)",
			       nr, asked));
	else if (nr)
		TRY(report_cut(r, "maps", false, "%zu maps at the default number of entries", nr));
	nr = count(m, offsetof(struct map_job, out_of_bytes), &first);
	if (nr)
		TRY(report_cut(r, "maps", asked, "%zu maps at %" PRIu64 " KiB each", nr,
			       m->limit >> 10));
	return NULL;
}

/* Maps that were not looked at are left out of the list, and counted. */
static void drop_skipped(struct maps_walk *m)
{
	struct report *r = m->mw.w->r;
	size_t kept = 0;

	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].skipped)
			r->maps_skipped++;
		else
			r->maps.data[kept++] = r->maps.data[i];
	}
	r->maps.nr = kept;
}

static struct err *collect(struct maps_walk *m)
{
	struct mem *mem = m->mw.k->mem;

	mem_each(mem, m->found.nr, header_fiber, m);
	if (!m->mw.fatal)
		m->mw.fatal = add_btfs(m);
	share_bytes(m);
	mem_each(mem, m->btfs.objs.nr + m->found.nr, contents_fiber, m);

	struct err *e = btfs_parse(&m->btfs);
	for (size_t i = 0; i < m->found.nr && !e; i++)
		e = put_types(m, i);
	if (m->mw.fatal) {
		err_free(e);
		e = take_ptr(m->mw.fatal);
	}
	return e;
}

struct err *walk_maps(struct walk *w)
{
	_cleanup_(maps_walk_deinit) struct maps_walk m = { 0 };
	struct report *r = w->r;

	m.mw = (struct map_walk){ .w = w, .k = w->k, .pool = &r->pool };
	TRY(klayout(w->k, map_members, ARRAY_SIZE(map_members), &m.mw.l, NULL));
	find_bucket(w->k->types, &m.mw.l);
	TRY(slots_layout(w->k, &m.mw.slots));
	m.mw.objs = (struct objs){ .k = w->k, .pool = &r->pool };
	TRY(objs_layout(w->k, &m.mw.objs.l));
	TRY(find_maps(&m));

	m.jobs = calloc(MAX(m.found.nr, (size_t)1), sizeof(*m.jobs));
	if (!m.jobs)
		return &err_nomem;
	for (size_t i = 0; i < m.found.nr; i++) {
		if (!vec_push(&r->maps))
			return &err_nomem;
	}
	for (size_t i = 0; i < m.found.nr; i++)
		m.jobs[i] = (struct map_job){ .mw = &m.mw, .row = &r->maps.data[i] };

	struct err *e = collect(&m), *failed = summarize(&m);
	drop_skipped(&m);
	if (!e)
		return failed;
	err_ignore(failed);
	return e;
}
