/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BPF maps: everything in map_idr.  First all of struct bpf_map side by side, then the contents of all
 * maps and their BTF side by side; types are put to the bytes when both are here.
 */
#include "config.h"

#include "walk/maps-walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "walk/map-locks.h"
#include "walk/map-types.h"

enum {
	STRUCT_OPS = 26, /* enum bpf_map_type */
	ARENA = 33,
	INSN_ARRAY = 34,
	ARENA_LIST_BYTES = 32 << 20, /* for 4 GiB of pages */
};

/* ---- what walkers of contents share */

PRINTF_LIKE(2, 0)
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

	if (job->mw->w->opts->key) /* an entry is there or not, wherever it is */
		asked = UINT64_MAX;
	/* One less than all that can be said: walkers look for one entry more, to know that something is cut. */
	return asked ? MIN(asked, UINT64_MAX - 1) : by_default;
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

/* ---- contents */

/* What a map can hold at most, roughly. */
static uint64_t declared_bytes(const struct map_row *row)
{
	uint64_t one = (uint64_t)row->key_size + row->value_size + 64, all;

	if (row->type == ARENA) /* an arena's max_entries are pages */
		one = PAGE_SIZE;
	if (row->type == 27 || row->type == 31) /* a ring buffer's are bytes */
		one = 8;
	return mul_overflows(one, row->max_entries, &all) ? UINT64_MAX : all;
}

/* An arena gets what the user asks of pages, with room for the list of them. */
static uint64_t share_of(const struct maps_walk *m, size_t i)
{
	uint64_t asked = m->mw.w->opts->arena_bytes, all;

	if (m->jobs[i].row->type != ARENA || asked <= m->limit)
		return m->limit;
	return add_overflows(asked, (uint64_t)ARENA_LIST_BYTES, &all) ? asked : all;
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

		for (size_t i = 0; i < m->found.nr && sum <= total; i++) {
			if (!m->jobs[i].left_out)
				sum += MIN(declared_bytes(m->jobs[i].row), limit);
		}
		if (sum <= total)
			low = limit;
		else
			high = limit - 1;
	}
	m->limit = low;
	for (size_t i = 0; i < m->found.nr; i++)
		m->jobs[i].bytes = share_of(m, i);
}

static struct err *read_contents(struct map_job *job)
{
	const struct map_row *row = job->row;
	const struct map_type *type = map_type_find(row->type);

	const struct map_layout *l = &job->mw->l;
	if (job->headless)
		return NULL;
	/* A size of 0 would be a wrong number, and so would be all that is told by it. */
	if (!l->type.present || !l->key_size.present || !l->value_size.present || !l->max_entries.present)
		return map_no_layout(job, "struct bpf_map");
	if (type) {
		TRY(type->read(job));
		return map_count(job);
	}
	job->undecoded = true;
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
	if (!job->skipped && !job->left_out)
		map_job_end(job, read_contents(job));
}

static struct err *add_btfs(struct maps_walk *m)
{
	TRY(btfs_init(&m->btfs, m->mw.w));
	for (size_t i = 0; i < m->found.nr; i++) {
		struct found_map *f = &m->found.data[i];

		if (f->btf.v && !m->jobs[i].left_out)
			TRY(btfs_add(&m->btfs, f->btf, &f->btf_index));
	}
	return NULL;
}

/*
 * Type ids are those of the map's own BTF and of no other: with the kernel's they would give plausible
 * nonsense.  Without types the bytes stay raw.
 */
struct err *maps_put_types(struct maps_walk *m, size_t i)
{
	struct map_job *job = &m->jobs[i];
	struct map_row *row = job->row;
	size_t at = m->found.data[i].btf_index;
	const struct btf_obj *o = at == SIZE_MAX ? NULL : &m->btfs.objs.data[at];
	uint32_t key = row->key_type, value = row->value_type;

	row->key_type = row->value_type = 0;
	if (job->typeless)
		return NULL;
	if (row->type == STRUCT_OPS) {
		row->btf_id = o ? o->id : 0;
		if (o && !o->types)
			return map_unreadable(job, "raw bytes only: %s", o->why ? o->why : "no types");
		return map_struct_ops_types(job, o ? o->types : m->mw.k->types, m->found.data[i].wrapper);
	}
	if (row->type == INSN_ARRAY)
		return map_insn_types(job);
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

static void btf_fiber(void *ctx, size_t i)
{
	struct maps_walk *m = ctx;

	if (!m->btfs.fatal)
		btfs_read(&m->btfs, i);
}

struct err *maps_read_types(struct maps_walk *m)
{
	TRY(add_btfs(m));
	mem_each(m->mw.k->mem, m->btfs.objs.nr, btf_fiber, m);
	return btfs_parse(&m->btfs);
}

struct err *maps_read_one(struct maps_walk *m, size_t i)
{
	m->jobs[i].bytes = MAP_BYTES_ASKED;
	return read_contents(&m->jobs[i]);
}

struct err *maps_read(struct maps_walk *m)
{
	m->mw.fatal = add_btfs(m);
	share_bytes(m);
	mem_each(m->mw.k->mem, m->btfs.objs.nr + m->found.nr, contents_fiber, m);

	struct err *e = btfs_parse(&m->btfs);
	for (size_t i = 0; i < m->found.nr && !e; i++) {
		if (!m->jobs[i].left_out)
			e = maps_put_types(m, i);
		if (!m->jobs[i].left_out && !e)
			e = map_value_locks(&m->jobs[i]);
	}
	if (m->mw.fatal) {
		err_free(e);
		e = take_ptr(m->mw.fatal);
	}
	return e;
}

/* ---- the section */

/* How many jobs have the flag at this offset set, and the id of the first. */
static size_t count(const struct maps_walk *m, size_t flag, uint32_t *first)
{
	size_t nr = 0;

	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].skipped || m->jobs[i].left_out || m->jobs[i].aside ||
		    !*((const bool *)&m->jobs[i] + flag))
			continue;
		if (!nr++)
			*first = m->found.data[i].id;
	}
	return nr;
}

/* Maps with values whose arrays are longer than what is shown of one. */
static struct err *long_arrays(struct maps_walk *m)
{
	struct walk_arrays arrays = { 0 };

	for (size_t i = 0; i < m->found.nr; i++) {
		const struct map_row *row = m->jobs[i].row;

		if (m->jobs[i].skipped || m->jobs[i].left_out || m->jobs[i].aside || !row->types || !row->value_type ||
		    (!row->value && !row->nr_entries))
			continue;
		TRY(walk_add_array(m->mw.w, row->types, row->value_type, &arrays));
	}
	return walk_tell_arrays(m->mw.w, "maps", "maps", &arrays);
}

static struct err *summarize(struct maps_walk *m)
{
	struct report *r = m->mw.w->r;
	uint64_t asked = m->mw.w->opts->max_entries;
	uint32_t first = 0;
	size_t nr, read = 0, unreadable = 0;

	TRY(report_section(r, "maps", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].skipped || m->jobs[i].left_out || m->jobs[i].aside)
			continue;
		read++;
		if (m->jobs[i].row->unreadable && !unreadable++)
			first = m->found.data[i].id;
	}
	if (unreadable)
		TRY(report_section(r, "maps", SECTION_NOT_READABLE,
				   "contents of %zu of %zu maps could not all be read (the first is map %" PRIu32 ")",
				   unreadable, read, first));
	nr = count(m, offsetof(struct map_job, implausible), &first);
	if (nr)
		TRY(report_section(r, "maps", SECTION_IMPLAUSIBLE,
				   "%zu maps contradict themselves (the first is map %" PRIu32 ")", nr, first));
	nr = count(m, offsetof(struct map_job, undecoded), &first);
	if (nr)
		TRY(report_section(r, "maps", SECTION_NOT_IMPLEMENTED,
				   "contents of %zu maps are not decoded: fdgdb does not know the type of map, or "
				   "this kernel's types do not tell its layout (the first is map %" PRIu32 ")",
				   nr, first));
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
	nr = count(m, offsetof(struct map_job, pages_cut), &first);
	if (nr)
		TRY(report_cut(r, "maps", asked || m->mw.w->opts->arena_bytes,
			       "contents of pages of %zu arenas, past what is kept (--arena-bytes)", nr));
	return long_arrays(m);
}

/* Maps that were not looked at are left out of the list; those that the end of the walk left out are counted. */
static struct err *drop_unread(struct maps_walk *m)
{
	struct report *r = m->mw.w->r;
	size_t kept = 0, nr_aside = 0;
	_cleanup_free_ struct map_row *aside = calloc(m->found.nr + 1, sizeof(*aside));

	if (!aside)
		return &err_nomem;
	for (size_t i = 0; i < m->found.nr; i++) {
		if (m->jobs[i].left_out || m->jobs[i].skipped)
			r->arenas_left_out |= m->jobs[i].row->type == ARENA;
		if (m->jobs[i].left_out)
			continue;
		if (m->jobs[i].skipped)
			r->maps_skipped += !m->jobs[i].aside;
		else if (m->jobs[i].aside)
			aside[nr_aside++] = r->maps.data[i];
		else
			r->maps.data[kept++] = r->maps.data[i];
	}
	if (nr_aside) /* without maps there is nowhere to copy to */
		memcpy(r->maps.data + kept, aside, nr_aside * sizeof(*aside));
	r->maps.nr = kept + nr_aside;
	r->nr_maps_aside = nr_aside;
	return NULL;
}

struct err *maps_close(struct maps_walk *m)
{
	struct err *e = summarize(m), *dropped = drop_unread(m);

	if (!e)
		return dropped;
	err_ignore(dropped);
	return e;
}

struct err *walk_maps(struct walk *w)
{
	_cleanup_(maps_walk_deinit) struct maps_walk m = { 0 };

	TRY(maps_open(&m, w));
	struct err *e = m.mw.fatal ? take_ptr(m.mw.fatal) : maps_select(&m);
	if (!e)
		e = maps_read(&m);
	if (!e)
		e = maps_context_selected(&m);
	struct err *failed = maps_close(&m);
	if (!e)
		return failed;
	err_ignore(failed);
	return e;
}
