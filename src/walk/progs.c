/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BPF programs: everything in prog_idr, which holds main programs only; subprograms hang on them
 * (kernel/bpf/syscall.c, bpf_prog_get_info_by_fd()).
 */
#include "config.h"

#include "walk/idrs.h"
#include "walk/prog-streams.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	PROGS_MAX = 1 << 18,
	USED_MAPS_MAX = 1024, /* the kernel has MAX_USED_MAPS 64 */
	FUNCS_MAX = 4096,     /* BPF_MAX_SUBPROGS is 256 */
	STRUCT_OPS = 27,      /* BPF_PROG_TYPE_STRUCT_OPS */
	CGROUP_SKB = 8,
};

struct prog_layout {
	struct member type, attach_type, len, jited, jited_len, tag, func, stats, aux;
	struct member id, name, used_maps, nr_maps, funcs, nr_funcs, load_time, verified_insns, btf;
	struct member attach_btf_id, attach_func;
	struct member map_id, btf_id;
	struct member cnt, nsecs, misses;
};

static const struct layout_member prog_members[] = {
	LAYOUT(struct prog_layout, type, "bpf_prog", "type"),
	LAYOUT(struct prog_layout, attach_type, "bpf_prog", "expected_attach_type"),
	LAYOUT(struct prog_layout, len, "bpf_prog", "len"),
	LAYOUT(struct prog_layout, jited, "bpf_prog", "jited"),
	LAYOUT(struct prog_layout, jited_len, "bpf_prog", "jited_len"),
	LAYOUT(struct prog_layout, tag, "bpf_prog", "tag"),
	LAYOUT(struct prog_layout, func, "bpf_prog", "bpf_func"),
	LAYOUT(struct prog_layout, stats, "bpf_prog", "stats"),
	LAYOUT(struct prog_layout, aux, "bpf_prog", "aux"),
	LAYOUT(struct prog_layout, id, "bpf_prog_aux", "id"),
	LAYOUT(struct prog_layout, name, "bpf_prog_aux", "name"),
	LAYOUT(struct prog_layout, used_maps, "bpf_prog_aux", "used_maps"),
	LAYOUT(struct prog_layout, nr_maps, "bpf_prog_aux", "used_map_cnt"),
	LAYOUT(struct prog_layout, funcs, "bpf_prog_aux", "func"),
	LAYOUT(struct prog_layout, nr_funcs, "bpf_prog_aux", "func_cnt"),
	LAYOUT(struct prog_layout, load_time, "bpf_prog_aux", "load_time"),
	LAYOUT_OPT(struct prog_layout, verified_insns, "bpf_prog_aux", "verified_insns"), /* 5.16 */
	LAYOUT(struct prog_layout, btf, "bpf_prog_aux", "btf"),
	LAYOUT(struct prog_layout, attach_btf_id, "bpf_prog_aux", "attach_btf_id"),
	LAYOUT(struct prog_layout, attach_func, "bpf_prog_aux", "attach_func_name"),
	LAYOUT(struct prog_layout, map_id, "bpf_map", "id"),
	LAYOUT(struct prog_layout, btf_id, "btf", "id"),
	/* u64_stats_t, whatever it is made of */
	LAYOUT(struct prog_layout, cnt, "bpf_prog_stats", "cnt"),
	LAYOUT(struct prog_layout, nsecs, "bpf_prog_stats", "nsecs"),
	LAYOUT(struct prog_layout, misses, "bpf_prog_stats", "misses"),
};

struct progs_walk {
	struct walk *w;
	struct kernel *k;
	struct prog_layout l;
	struct objs objs;
	struct prog_streams streams;
	struct err *fatal;
};

/* ---- one program */

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return add_overflows(a, b, &sum) ? UINT64_MAX : sum;
}

static struct err *read_stats(struct progs_walk *p, struct prog_row *row)
{
	const struct prog_layout *l = &p->l;
	uint64_t cnt = 0, nsecs = 0, misses = 0;
	struct kva stats, here;

	TRY(kget_kva(p->k, row->kva, &l->stats, &stats));
	if (!stats.v)
		return NULL;
	if (!p->k->nr_cpu_ids)
		return err_new(ERR_CORRUPT, "no CPUs are known to add run times up for");
	for (uint32_t cpu = 0; cpu < p->k->nr_cpu_ids; cpu++) {
		uint64_t c, n, m;

		if (!p->k->possible[cpu])
			continue;
		TRY(kpercpu(p->k, stats, cpu, &here));
		TRY(kget(p->k, here, &l->cnt, &c));
		TRY(kget(p->k, here, &l->nsecs, &n));
		TRY(kget(p->k, here, &l->misses, &m));
		cnt = add_saturating(cnt, c);
		nsecs = add_saturating(nsecs, n);
		misses = add_saturating(misses, m);
	}
	row->cnt = cnt;
	row->nsecs = nsecs;
	row->misses = misses;
	row->has_stats = true;
	return NULL;
}

/* nr pointers at the address that the member of aux holds; *ret is NULL if there are none. */
static struct err *read_pointers(struct progs_walk *p, struct kva aux, const struct member *list,
				 uint64_t nr, uint64_t max, uint8_t **ret)
{
	struct kva at;

	*ret = NULL;
	TRY(kget_kva(p->k, aux, list, &at));
	if (!nr || !at.v)
		return NULL;
	if (nr > max)
		return err_new(ERR_CORRUPT, "%" PRIu64 " maps or functions", nr);
	_cleanup_free_ uint8_t *raw = malloc(nr * 8);
	if (!raw)
		return &err_nomem;
	TRY(kread(p->k, at, raw, nr * 8));
	*ret = take_ptr(raw);
	return NULL;
}

static struct err *read_maps(struct progs_walk *p, struct prog_row *row, struct kva aux)
{
	struct err *lost = NULL;
	uint64_t nr;

	TRY(kget(p->k, aux, &p->l.nr_maps, &nr));
	_cleanup_free_ uint8_t *raw = NULL;
	TRY(read_pointers(p, aux, &p->l.used_maps, nr, USED_MAPS_MAX, &raw));
	if (!raw)
		return NULL;
	row->map_ids = pool_calloc(p->objs.pool, nr, sizeof(*row->map_ids));
	if (!row->map_ids)
		return &err_nomem;
	row->nr_maps = nr;
	for (size_t i = 0; i < nr; i++) {
		uint64_t id = 0;
		struct err *e = kget(p->k, (struct kva){ get_le64(raw + 8 * i) }, &p->l.map_id, &id);

		row->map_ids[i] = (uint32_t)id;
		if (lost || !e)
			err_ignore(e);
		else
			lost = e;
	}
	return err_prefix(lost, "used maps");
}

/* Code of all functions: of a program that has some, func[0] is the main one again. */
static struct err *read_code(struct progs_walk *p, struct prog_row *row, struct kva aux)
{
	const struct prog_layout *l = &p->l;
	uint64_t v, nr, sum = 0;

	TRY(kget(p->k, row->kva, &l->len, &v));
	row->insns_size = (uint32_t)v * 8;
	TRY(kget(p->k, row->kva, &l->jited, &v));
	row->jited = v;
	TRY(kget(p->k, aux, &l->nr_funcs, &nr));
	row->nr_funcs = (uint32_t)nr;
	if (!row->jited) /* bpf_func is the interpreter then */
		return NULL;
	TRY(kget_kva(p->k, row->kva, &l->func, &row->code));
	TRY(kget(p->k, row->kva, &l->jited_len, &sum));
	if (nr) {
		_cleanup_free_ uint8_t *raw = NULL;
		TRY(read_pointers(p, aux, &l->funcs, nr, FUNCS_MAX, &raw));
		sum = raw ? 0 : sum;
		for (size_t i = 0; raw && i < nr; i++) {
			TRY(kget(p->k, (struct kva){ get_le64(raw + 8 * i) }, &l->jited_len, &v));
			sum += v;
		}
	}
	row->code_size = (uint32_t)MIN(sum, (uint64_t)UINT32_MAX);
	return NULL;
}

static struct err *read_attach(struct progs_walk *p, struct prog_row *row, struct kva aux)
{
	struct objs *o = &p->objs;
	uint64_t v;

	TRY(kget(p->k, row->kva, &p->l.attach_type, &v));
	row->attach_type = (uint32_t)v;
	/* 0 is BPF_CGROUP_INET_INGRESS, and what all have that have no attach type. */
	if (row->type != STRUCT_OPS && (v || row->type == CGROUP_SKB))
		TRY(objs_enum(o, "bpf_attach_type", "BPF_", v, &row->attach_name));
	TRY(kget(p->k, aux, &p->l.attach_btf_id, &v));
	row->attach_btf_id = (uint32_t)v;
	return objs_string(o, aux, &p->l.attach_func, &row->attach_func);
}

static struct err *read_aux(struct progs_walk *p, struct prog_row *row, struct kva aux)
{
	const struct prog_layout *l = &p->l;
	struct kva btf;
	uint64_t v;

	TRY(kget_str(p->k, aux, &l->name, row->name, sizeof(row->name)));
	TRY(kget(p->k, aux, &l->id, &v));
	if (v != row->id)
		return err_new(ERR_CORRUPT, "struct bpf_prog_aux has id %" PRIu64, v);
	TRY(kget(p->k, aux, &l->load_time, &row->load_time));
	if (l->verified_insns.present) {
		TRY(kget(p->k, aux, &l->verified_insns, &row->verified_insns.v));
		row->verified_insns.has = true;
	}
	TRY(kget_kva(p->k, aux, &l->btf, &btf));
	if (btf.v) {
		TRY(kget(p->k, btf, &l->btf_id, &v));
		row->btf_id = (uint32_t)v;
	}
	return NULL;
}

static struct err *read_head(struct progs_walk *p, struct prog_row *row, struct kva *aux)
{
	const struct prog_layout *l = &p->l;
	uint64_t v;

	TRY(kget(p->k, row->kva, &l->type, &v));
	row->type = (uint32_t)v;
	TRY(objs_enum(&p->objs, "bpf_prog_type", "BPF_PROG_TYPE_", v, &row->type_name));
	if (l->tag.present && l->tag.size == sizeof(row->tag)) {
		TRY(kread(p->k, kmember(row->kva, &l->tag), row->tag, sizeof(row->tag)));
		row->has_tag = true;
	}
	return kget_kva(p->k, row->kva, &l->aux, aux);
}

static struct err *read_streams(struct progs_walk *p, struct prog_row *row, struct kva aux)
{
	return prog_streams_read(&p->streams, aux, row);
}

/* A part that cannot be read does not take the others with it. */
static struct err *read_prog(struct progs_walk *p, struct prog_row *row)
{
	struct kva aux = { 0 };
	struct err *(*const parts[])(struct progs_walk *, struct prog_row *, struct kva) = {
		read_aux, read_attach, read_code, read_maps, read_streams,
	};

	TRY(objs_lost(&p->objs, read_head(p, row, &aux), &row->error, &row->unreadable));
	for (size_t i = 0; i < ARRAY_SIZE(parts) && aux.v; i++)
		TRY(objs_lost(&p->objs, parts[i](p, row, aux), &row->error, &row->unreadable));
	return objs_lost(&p->objs, err_prefix(read_stats(p, row), "run times"), &row->error,
			 &row->unreadable);
}

static void prog_fiber(void *ctx, size_t i)
{
	struct progs_walk *p = ctx;

	if (p->fatal)
		return;
	struct err *e = read_prog(p, &p->w->r->progs.data[i]);
	if (p->fatal)
		err_free(e);
	else
		p->fatal = e;
}

/* ---- the section */

static struct err *summarize(struct report *r)
{
	size_t unreadable = 0, odd = 0, left_out = 0;

	TRY(report_section(r, "progs", SECTION_COMPLETE, NULL));
	for (size_t i = 0; i < r->progs.nr; i++) {
		for (size_t s = 0; s < r->progs.data[i].nr_streams; s++)
			left_out += r->progs.data[i].streams[s].left_out;
		unreadable += r->progs.data[i].unreadable;
		odd += r->progs.data[i].error && !r->progs.data[i].unreadable;
	}
	if (unreadable)
		TRY(report_section(r, "progs", SECTION_NOT_READABLE,
				   "%zu of %zu programs could not all be read", unreadable, r->progs.nr));
	if (odd)
		TRY(report_section(r, "progs", SECTION_IMPLAUSIBLE, "%zu programs contradict themselves",
				   odd));
	if (left_out)
		TRY(report_cut(r, "progs", false, "the oldest %zu bytes of what programs have written", left_out));
	return NULL;
}

/* Programs do not know whose functions they are; their maps do. */
static void set_owners(struct report *r)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		const struct ops_body *ops = r->maps.data[i].ops;

		for (size_t f = 0; ops && f < ops->nr_funcs; f++) {
			for (size_t p = 0; p < r->progs.nr; p++) {
				if (ops->funcs[f].prog_id && r->progs.data[p].id == ops->funcs[f].prog_id)
					r->progs.data[p].owner_map = r->maps.data[i].id;
			}
		}
	}
}

struct err *walk_progs(struct walk *w)
{
	struct report *r = w->r;
	struct progs_walk p = { .w = w, .k = w->k, .objs = { .k = w->k, .pool = &r->pool } };

	TRY(klayout(w->k, prog_members, ARRAY_SIZE(prog_members), &p.l, NULL));
	TRY(objs_layout(w->k, &p.objs.l));
	TRY(prog_streams_init(&p.streams, w->k, &r->pool));

	_cleanup_(idr_rows_deinit) struct idr_rows rows = { 0 };
	TRY(idr_rows(w, "prog_idr", "progs", PROGS_MAX, &rows));
	for (size_t i = 0; i < rows.nr; i++) {
		struct prog_row *row = vec_push(&r->progs);

		if (!row)
			return &err_nomem;
		row->kva = rows.data[i].kva;
		row->id = rows.data[i].id;
	}
	mem_each(w->k->mem, r->progs.nr, prog_fiber, &p);
	if (p.fatal)
		return p.fatal;
	set_owners(r);
	return summarize(r);
}
