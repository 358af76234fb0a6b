/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which schedulers there are, and the DSQs that belong to them and not to a CPU: the root, from 7.1 on
 * others below it, and those that have ended while whoever loaded them still holds them.
 */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

enum {
	NODES_MAX = 1024,    /* MAX_NUMNODES is 1 << 10 at most */
	USER_DSQS_MAX = 65536,
	SCHEDS_MAX = 4096,
};

void scx_sched_deinit(struct scx_sched *sched)
{
	free(sched->subs);
	free(sched->kicks);
	free(sched->bypassed);
	free(sched->others.data);
	free(sched->idle.cpus);
	free(sched->failed.failed.data);
	free(sched->cuts.failed.data);
	free(sched->dsqs.dsqs.data);
}

/* The end of a walk: a cap is a cut, anything else a failure. */
static struct err *note_end(struct scx_walk *s, struct scx_sched *sched, const char *what, enum walk_end end,
			    struct err *why)
{
	if (end == WALK_COMPLETE)
		return NULL;
	if (end == WALK_CAPPED)
		return scx_note(s, &sched->cuts, err_new(ERR_CORRUPT, "%s: %s", what, walk_end_text(end)));
	return scx_note(s, &sched->failed,
			err_prefix(why ? why : err_new(ERR_CORRUPT, "%s", walk_end_text(end)), "%s", what));
}

struct err *scx_note(struct scx_walk *s, struct scx_failures *failures, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;

	const char **failed = vec_push(&failures->failed);
	if (failed)
		*failed = pool_printf(s->pool, "%s", e->msg);
	err_free(e);
	return failed && *failed ? NULL : &err_nomem;
}

/* ---- DSQs */

/* Those of one scheduler; sub-schedulers have `of` set. */
struct owner {
	struct scx_walk *s;
	struct scx_dsqs *dsqs;
	struct kva sched; /* 0 with static variables */
	struct kva of;	  /* what the rows say: 0 for the root's */
	size_t order;
	struct err *fatal;
};

static struct err *own_dsq(struct owner *o, struct kva kva, enum dsq_origin origin, uint32_t index)
{
	struct scx_dsq *d;

	TRY(scx_add_dsq(o->dsqs, kva, origin, index, &d));
	d->order = o->order;
	d->row.sched = o->of;
	return NULL;
}

/* 7.1 on.  Where it is in struct scx_rq: scx_add_rq_dsqs(). */
static struct err *add_bypass(struct owner *o)
{
	const struct scx_layout *l = &o->s->l;
	struct kva pcpu;

	if (!o->sched.v || !l->pcpu.present || !l->pcpu_bypass_dsq.present)
		return NULL;
	TRY(kget_kva(o->s->k, o->sched, &l->pcpu, &pcpu));
	for (uint32_t cpu = 0; pcpu.v && cpu < o->s->k->nr_cpu_ids; cpu++) {
		struct kva here;

		if (!o->s->k->possible[cpu])
			continue;
		TRY(kpercpu(o->s->k, pcpu, cpu, &here));
		TRY(own_dsq(o, kmember(here, &l->pcpu_bypass_dsq), DSQ_BYPASS, cpu));
	}
	return NULL;
}

/* An array of nr_node_ids pointers: to scx_sched_pnode (7.1), or to the DSQs themselves. */
static struct err *add_global(struct owner *o)
{
	const struct scx_layout *l = &o->s->l;
	struct kva array = { 0 }, sym;
	uint64_t in_node = 0;
	struct opt_u64 nr = { 0 };

	if (o->sched.v && l->global_dsqs.present) {
		TRY(kget_kva(o->s->k, o->sched, &l->global_dsqs, &array));
	} else if (o->sched.v && l->pnode.present && l->pnode_global_dsq.present) {
		TRY(kget_kva(o->s->k, o->sched, &l->pnode, &array));
		in_node = l->pnode_global_dsq.off;
	} else if (!o->sched.v && khas_sym(o->s->k, "global_dsqs")) {
		TRY(ksym(o->s->k, "global_dsqs", &sym));
		TRY(kread_kva(o->s->k, sym, &array));
	}
	if (!array.v)
		return NULL;

	/* A kernel without NUMA has one node and no such variable. */
	TRY(scx_get_var(o->s, "nr_node_ids", 4, &nr));
	if (!nr.has)
		nr.v = 1;
	if (!nr.v || nr.v > NODES_MAX)
		return err_new(ERR_CORRUPT, "nr_node_ids is %" PRIu64, nr.v);
	for (uint32_t node = 0; node < nr.v; node++) {
		struct kva p;

		TRY(err_prefix(kread_kva(o->s->k, (struct kva){ array.v + 8 * node }, &p),
			       "global DSQs"));
		if (p.v) /* NULL: a node that is not there */
			TRY(own_dsq(o, (struct kva){ p.v + in_node }, DSQ_GLOBAL, node));
	}
	return NULL;
}

static bool add_user(void *ctx, struct kva node)
{
	struct owner *o = ctx;

	o->fatal = own_dsq(o, (struct kva){ node.v - o->s->l.dsq_hash_node.off }, DSQ_USER, 0);
	return !o->fatal;
}

static struct err *add_users(struct scx_sched *sched, struct owner *o)
{
	struct err *why = NULL;
	struct kva table;

	if (!o->s->l.dsq_hash_node.present)
		return NULL;
	if (o->sched.v && o->s->l.dsq_hash.present)
		table = kmember(o->sched, &o->s->l.dsq_hash);
	else if (!o->sched.v && khas_sym(o->s->k, "dsq_hash"))
		TRY(ksym(o->s->k, "dsq_hash", &table));
	else
		return NULL;

	enum walk_end end = krhashtable_walk(o->s->k, table, USER_DSQS_MAX, add_user, o, &why);
	if (o->fatal) {
		err_free(why);
		return o->fatal;
	}
	return note_end(o->s, sched, "user DSQs: not all", end, why);
}

static struct err *add_all(struct scx_sched *sched, struct owner *o)
{
	TRY(scx_note(o->s, &sched->failed, add_bypass(o)));
	TRY(scx_note(o->s, &sched->failed, add_global(o)));
	return scx_note(o->s, &sched->failed, add_users(sched, o));
}

/* ---- schedulers below the root, 7.1 on */

struct subs_job {
	struct scx_walk *s;
	struct kva root;
	VEC(struct kva) subs;
	bool no_memory;
};

static bool add_sub(void *ctx, struct kva node)
{
	struct subs_job *j = ctx;
	struct kva sched = { node.v - j->s->l.all.off };

	if (sched.v == j->root.v)
		return true;

	struct kva *sub = vec_push(&j->subs);
	if (!sub) {
		j->no_memory = true;
		return false;
	}
	*sub = sched;
	return true;
}

static struct err *find_subs(struct scx_walk *s, struct scx_sched *sched)
{
	struct subs_job j = { .s = s, .root = sched->row.kva };
	struct err *why = NULL;
	struct kva head;

	if (!s->l.all.present || !khas_sym(s->k, "scx_sched_all"))
		return NULL;
	TRY(ksym(s->k, "scx_sched_all", &head));

	enum walk_end end = klist_walk(s->k, head, SCHEDS_MAX, add_sub, &j, &why);
	sched->subs = j.subs.data;
	sched->nr_subs = j.subs.nr;
	if (j.no_memory) {
		err_free(why);
		return &err_nomem;
	}
	return note_end(s, sched, "scx_sched_all", end, why);
}

/* ---- the root */

/* With static variables, and without a state that has a name: whether sched_ext's code is in use at all. */
static struct err *ask_key(struct scx_walk *s, struct scx_sched *sched)
{
	struct opt_u64 on = { 0 };

	TRY(scx_get_var(s, "__scx_ops_enabled", 4, &on)); /* a static_key begins with its count */
	if (!on.has)
		return err_new(ERR_MISSING, "whether a scheduler is enabled cannot be told");
	sched->attached = (int32_t)on.v > 0;
	return NULL;
}

/* *attached is false if no scheduler is, or if it cannot be told where it would be. */
static struct err *find_root(struct scx_walk *s, struct scx_sched *sched)
{
	struct kva sym;

	if (khas_sym(s->k, "scx_root")) {
		TRY(ksym(s->k, "scx_root", &sym));
		TRY(err_prefix(kread_kva(s->k, sym, &sched->row.kva), "scx_root"));
		sched->attached = sched->row.kva.v;
	} else if (khas_sym(s->k, "scx_ops") && sched->enable_state) {
		sched->attached = strcmp(sched->enable_state, "disabled") != 0;
	} else if (khas_sym(s->k, "scx_ops")) {
		TRY(ask_key(s, sched));
	} else {
		return err_new(ERR_MISSING, "neither scx_root nor scx_ops among the kernel's symbols");
	}
	sched->known = true;
	return NULL;
}

/* ---- schedulers that have ended */

struct priv_layout {
	struct member value_type, map, kvalue;
};

static const struct layout_member priv_members[] = {
	LAYOUT(struct priv_layout, value_type, "bpf_map", "btf_vmlinux_value_type_id"),
	LAYOUT(struct priv_layout, map, "bpf_struct_ops_map", "map"),
	LAYOUT(struct priv_layout, kvalue, "bpf_struct_ops_map", "kvalue"),
};

/*
 * The kernel's copy of an ops table points to the scheduler made from it (6.16), from its registration
 * until its link or map is gone: longer than the scheduler runs if it ends by itself.
 */
static struct err *sched_of_map(struct scx_walk *s, const struct priv_layout *l, struct kva map, struct kva *ret)
{
	static const char wrapper[] = "bpf_struct_ops_sched_ext_ops"; /* and ..._cid, 7.3 */
	const struct types *types = s->k->types;
	struct member priv;
	uint64_t id;

	ret->v = 0;
	TRY(kget(s->k, map, &l->value_type, &id));
	if (id > UINT32_MAX || strncmp(types_name(types, (uint32_t)id), wrapper, sizeof(wrapper) - 1))
		return NULL;
	struct err *e = types_member(types, (uint32_t)id, "data.priv", &priv);
	if (e) {
		err_free(e); /* to 6.15, where nothing survives */
		return NULL;
	}
	return kget_kva(s->k, (struct kva){ map.v - l->map.off + l->kvalue.off }, &priv, ret);
}

static struct scx_sched_row *add_other(struct scx_sched *sched, struct kva kva, enum scx_role role)
{
	struct scx_sched_row *row = vec_push(&sched->others);

	if (row) {
		row->kva = kva;
		row->role = role;
	}
	return row;
}

static bool is_listed(const struct scx_sched *sched, struct kva kva)
{
	bool listed = kva.v == sched->row.kva.v;

	for (size_t i = 0; i < sched->others.nr; i++)
		listed |= sched->others.data[i].kva.v == kva.v;
	return listed;
}

static struct err *find_ended(struct scx_walk *s, struct scx_sched *sched)
{
	enum { STRUCT_OPS = 26 }; /* BPF_MAP_TYPE_STRUCT_OPS */
	const struct report *r = s->w->r;
	struct priv_layout l;

	TRY(klayout(s->k, priv_members, ARRAY_SIZE(priv_members), &l, NULL));
	if (!l.value_type.present || !l.map.present || !l.kvalue.present || !s->l.exit_info.present)
		return NULL;
	for (size_t i = 0; i < r->maps.nr; i++) {
		struct kva kva;

		if (r->maps.data[i].type != STRUCT_OPS)
			continue;
		TRY(scx_note(s, &sched->failed, sched_of_map(s, &l, r->maps.data[i].kva, &kva)));
		if (kva.v && !is_listed(sched, kva) && !add_other(sched, kva, SCX_EXITED))
			return &err_nomem;
	}
	return NULL;
}

/* ---- all */

static struct err *read_globals(struct scx_walk *s, struct scx_sched *sched)
{
	const struct {
		const char *name;
		size_t size;
		struct opt_u64 *ret;
	} vars[] = {
		{ "jiffies_64", 8, &sched->jiffies },
		{ "scx_watchdog_timestamp", 8, &sched->watchdog_timestamp },
		{ "scx_watchdog_interval", 8, &sched->watchdog_interval }, /* 7.1 */
		{ "__scx_switched_all", 4, &sched->switched_all }, /* a static_key begins with its count */
		{ "scx_enable_seq", 8, &sched->enable_seq },
		{ "scx_nr_rejected", 8, &sched->nr_rejected },
		{ "scx_hotplug_seq", 8, &sched->hotplug_seq },
		{ "scx_ops_breather_depth", 4, &sched->breather_depth }, /* to 6.15 */
		{ "scx_breather_depth", 4, &sched->breather_depth },	 /* to 6.18 */
		{ "scx_in_softlockup", 8, &sched->in_softlockup },	 /* to 6.18 */
		{ "scx_hardlockup_cpu", 4, &sched->hardlockup_cpu },	 /* 7.1 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		TRY(scx_note(s, &sched->failed, scx_get_var(s, vars[i].name, vars[i].size, vars[i].ret)));
	return scx_note(s, &sched->failed, scx_read_enable_state(s, &sched->enable_state));
}

static bool has_cpus(const struct scx_layout *l)
{
	bool kicks = false;

	for (size_t i = 0; i < SCX_KICKS; i++)
		kicks |= l->pcpu_kicks[i].present;
	return l->pcpu.present && (kicks || l->pcpu_flags.present || l->pcpu_dsp_ctx.present);
}

/* What a scheduler has for each CPU (7.1); bypass counts for the root's alone. */
static struct err *read_cpus(struct scx_walk *s, struct scx_sched *sched, struct kva kva, bool root)
{
	const struct scx_layout *l = &s->l;
	size_t nr = s->k->nr_cpu_ids;
	struct kva pcpu, here;

	if (!kva.v || !has_cpus(l))
		return NULL;
	if (!sched->kicks)
		sched->kicks = calloc(nr + 1, sizeof(*sched->kicks));
	if (!sched->bypassed)
		sched->bypassed = calloc(nr + 1, sizeof(*sched->bypassed));
	if (!sched->kicks || !sched->bypassed)
		return &err_nomem;
	TRY(kget_kva(s->k, kva, &l->pcpu, &pcpu));
	for (uint32_t cpu = 0; pcpu.v && cpu < nr; cpu++) {
		uint64_t flags = 0;

		if (!s->k->possible[cpu])
			continue;
		TRY(kpercpu(s->k, pcpu, cpu, &here));
		if (root && l->pcpu_flags.present)
			TRY(kget(s->k, here, &l->pcpu_flags, &flags));
		sched->bypassed[cpu] |= (flags & s->pcpu_bypassing) != 0;
		TRY(scx_read_kicks(s, here, l->pcpu_kicks, sched->kicks));
	}
	if (!pcpu.v || !l->pcpu_dsp_ctx.present)
		return NULL;
	return scx_read_buffers(s, root ? (struct kva){ 0 } : kva, kmember(pcpu, &l->pcpu_dsp_ctx), &sched->buffers);
}

/* The one buffer that each CPU has up to 7.0. */
static struct err *read_buffers(struct scx_walk *s, struct scx_sched *sched)
{
	struct opt_u64 ctx = { 0 };

	if (s->l.pcpu_dsp_ctx.present)
		return NULL;
	TRY(scx_get_var(s, "scx_dsp_ctx", 8, &ctx));
	return scx_read_buffers(s, (struct kva){ 0 }, (struct kva){ ctx.v }, &sched->buffers);
}

/* The root and those below it, with their queues. */
static struct err *read_attached(struct scx_walk *s, struct scx_sched *sched)
{
	TRY(scx_read_one(s, &sched->row, &sched->failed, &sched->ok));
	TRY(scx_note(s, &sched->failed, find_subs(s, sched)));

	struct owner root = { .s = s, .dsqs = &sched->dsqs, .sched = sched->row.kva };
	TRY(add_all(sched, &root));
	TRY(scx_note(s, &sched->failed, err_prefix(read_cpus(s, sched, sched->row.kva, true), "per CPU")));
	TRY(scx_note(s, &sched->failed, read_buffers(s, sched)));
	TRY(scx_note(s, &sched->failed, err_prefix(scx_read_idle(s, &sched->idle), "masks of idle CPUs")));
	for (size_t i = 0; i < sched->nr_subs; i++) {
		struct owner sub = {
			.s = s,
			.dsqs = &sched->dsqs,
			.sched = sched->subs[i],
			.of = sched->subs[i],
			.order = i + 1,
		};

		TRY(add_all(sched, &sub));
		TRY(scx_note(s, &sched->failed, err_prefix(read_cpus(s, sched, sched->subs[i], false), "per CPU")));
		if (!add_other(sched, sched->subs[i], SCX_SUB))
			return &err_nomem;
	}
	return NULL;
}

struct err *scx_read_sched(struct scx_walk *s, struct scx_sched *sched)
{
	TRY(read_globals(s, sched));
	TRY(scx_note(s, &sched->failed, find_root(s, sched)));
	if (sched->attached)
		TRY(read_attached(s, sched));
	TRY(scx_note(s, &sched->failed, find_ended(s, sched)));
	for (size_t i = 0; i < sched->others.nr; i++) {
		struct scx_sched_row *row = &sched->others.data[i];
		bool ok;

		TRY(scx_read_one(s, row, &sched->failed, &ok));
		if (row->role == SCX_EXITED && ok && !row->exit_kind)
			row->role = SCX_STARTING;
	}
	scx_read_dsqs(s, &sched->dsqs);
	return NULL;
}
