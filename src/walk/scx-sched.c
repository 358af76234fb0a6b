/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scheduler: its state, and the DSQs that belong to it and not to a CPU.  From 6.16 on it is an
 * object, and from 7.1 on it has most of its state in it and may have others below it; before, it was
 * a handful of static variables.
 */
#include "config.h"

#include "walk/scx.h"

#include <ctype.h>
#include <inttypes.h>

enum {
	NODES_MAX = 1024,    /* MAX_NUMNODES is 1 << 10 at most */
	USER_DSQS_MAX = 65536,
	SCHEDS_MAX = 4096,
};

void scx_sched_deinit(struct scx_sched *sched)
{
	free(sched->subs);
	free(sched->failed.data);
	free(sched->dsqs.dsqs.data);
}

/* An error that is not fatal leaves its message among the failures. */
static struct err *note(struct scx_walk *s, struct scx_sched *sched, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;

	const char **failed = vec_push(&sched->failed);
	if (failed)
		*failed = pool_printf(s->pool, "%s", e->msg);
	err_free(e);
	return failed && *failed ? NULL : &err_nomem;
}

/* ---- static variables */

/* A number of `size` bytes; *ret stays without one in a kernel that has no such variable. */
static struct err *get_var(struct scx_walk *s, const char *name, size_t size, struct opt_u64 *ret)
{
	uint8_t raw[8];
	struct kva sym;

	if (!khas_sym(s->k, name))
		return NULL;
	TRY(ksym(s->k, name, &sym));
	TRY(err_prefix(kread(s->k, sym, raw, size), "%s", name));
	*ret = (struct opt_u64){ true, get_le(raw, size) };
	return NULL;
}

/* A member if there is one, else the first of these variables that there is. */
static struct err *get_either(struct scx_walk *s, struct kva obj, const struct member *m, size_t size,
			      const char *const *names, struct opt_u64 *ret)
{
	if (obj.v && m->present) {
		TRY(kget(s->k, obj, m, &ret->v));
		ret->has = true;
		return NULL;
	}
	for (; *names && !ret->has; names++)
		TRY(get_var(s, *names, size, ret));
	return NULL;
}

/* "SCX_OPS_ENABLED" or "SCX_ENABLED" to "enabled". */
static const char *state_word(struct scx_walk *s, const char *type, int64_t value)
{
	static const char *const prefixes[] = { "SCX_OPS_", "SCX_" };
	uint32_t id;
	struct err *e = types_find(s->k->types, BTF_KIND_ENUM, type, &id);
	const char *name = e ? NULL : types_enum_name(s->k->types, id, value);

	err_ignore(e);
	if (!name)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], len)) {
			name += len;
			break;
		}
	}
	char *word = pool_printf(s->pool, "%s", name);
	for (char *c = word; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return word;
}

static struct err *read_enable_state(struct scx_walk *s, struct scx_sched *sched)
{
	static const struct {
		const char *var, *type;
	} states[] = {
		{ "scx_enable_state_var", "scx_enable_state" },		/* 6.16 */
		{ "scx_ops_enable_state_var", "scx_ops_enable_state" }, /* to 6.15 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct opt_u64 v = { 0 };

		TRY(get_var(s, states[i].var, 4, &v));
		if (v.has) {
			sched->enable_state = state_word(s, states[i].type, (int32_t)v.v);
			return NULL;
		}
	}
	return NULL;
}

static struct err *read_jiffies(struct scx_walk *s, struct scx_sched *sched)
{
	struct opt_u64 v = { 0 };

	TRY(get_var(s, "jiffies_64", 8, &v));
	sched->jiffies = v.v;
	return NULL;
}

/* ---- state */

static const char *exit_kind_name(struct scx_walk *s, uint32_t kind)
{
	uint32_t id;
	struct err *e = types_find(s->k->types, BTF_KIND_ENUM, "scx_exit_kind", &id);

	if (!e)
		return types_enum_name(s->k->types, id, kind);
	err_ignore(e);
	return NULL;
}

static struct err *read_ops(struct scx_walk *s, struct scx_sched_row *row)
{
	const struct scx_layout *l = &s->l;
	const struct member *name = &l->sched_name, *flags = &l->sched_flags,
			    *timeout = &l->sched_timeout;
	struct kva obj = row->kva;
	uint64_t cid = 0, v;

	if (!obj.v) {
		TRY(ksym(s->k, "scx_ops", &obj));
		name = &l->ops_name;
		flags = &l->ops_flags;
		timeout = &l->ops_timeout;
	} else if (l->is_cid_type.present) {
		TRY(kget(s->k, obj, &l->is_cid_type, &cid));
	}
	if (cid) {
		name = &l->cid_name;
		flags = &l->cid_flags;
		timeout = &l->cid_timeout;
	}
	if (name->present)
		TRY(kget_str(s->k, obj, name, row->ops_name, sizeof(row->ops_name)));
	if (flags->present)
		TRY(kget(s->k, obj, flags, &row->ops_flags));
	if (timeout->present) {
		TRY(kget(s->k, obj, timeout, &v));
		row->timeout_ms = (struct opt_u64){ true, v };
	}
	return NULL;
}

/* row->kva says which: 0 for static variables. */
static struct err *read_state(struct scx_walk *s, struct scx_sched_row *row)
{
	static const char *const kind_vars[] = { "scx_exit_kind", NULL };		    /* to 6.15 */
	static const char *const aborting_vars[] = { "scx_aborting", NULL };		    /* to 7.0 */
	static const char *const bypass_vars[] = { "scx_bypass_depth",			    /* to 7.0 */
						   "scx_ops_bypass_depth", NULL };	    /* to 6.15 */
	static const char *const watchdog_vars[] = { "scx_watchdog_timeout", NULL };	    /* to 7.0 */
	const struct scx_layout *l = &s->l;
	struct opt_u64 kind = { 0 }, aborting = { 0 }, bypass = { 0 };

	TRY(get_either(s, row->kva, &l->exit_kind, 4, kind_vars, &kind));
	TRY(get_either(s, row->kva, &l->aborting, 1, aborting_vars, &aborting));
	TRY(get_either(s, row->kva, &l->bypass_depth, 4, bypass_vars, &bypass));
	TRY(get_either(s, row->kva, &l->watchdog_timeout, 8, watchdog_vars, &row->watchdog_timeout));
	row->exit_kind = (uint32_t)kind.v;
	row->exit_kind_name = kind.has ? exit_kind_name(s, row->exit_kind) : NULL;
	row->aborting = aborting.v;
	row->bypass_depth = (int32_t)bypass.v;
	return NULL;
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
	TRY(get_var(o->s, "nr_node_ids", 4, &nr));
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

static struct err *add_users(struct owner *o)
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
	if (end == WALK_COMPLETE)
		return NULL;
	return err_prefix(why ? why : err_new(ERR_CORRUPT, "%s", walk_end_text(end)),
			  "user DSQs: not all");
}

static struct err *add_all(struct scx_sched *sched, struct owner *o)
{
	TRY(note(o->s, sched, add_bypass(o)));
	TRY(note(o->s, sched, add_global(o)));
	return note(o->s, sched, add_users(o));
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
	if (end == WALK_COMPLETE)
		return NULL;
	return err_prefix(why ? why : err_new(ERR_CORRUPT, "%s", walk_end_text(end)),
			  "scx_sched_all");
}

/* ---- all */

/* *attached is false if no scheduler is, or if it cannot be told where it would be. */
static struct err *find_root(struct scx_walk *s, struct scx_sched *sched)
{
	struct kva sym;

	if (khas_sym(s->k, "scx_root")) {
		TRY(ksym(s->k, "scx_root", &sym));
		TRY(err_prefix(kread_kva(s->k, sym, &sched->row.kva), "scx_root"));
		sched->attached = sched->row.kva.v;
	} else if (khas_sym(s->k, "scx_ops")) {
		sched->attached = sched->enable_state && strcmp(sched->enable_state, "disabled") != 0;
	} else {
		return err_new(ERR_MISSING, "neither scx_root nor scx_ops among the kernel's symbols");
	}
	sched->known = true;
	return NULL;
}

struct err *scx_read_sched(struct scx_walk *s, struct scx_sched *sched)
{
	TRY(note(s, sched, read_jiffies(s, sched)));
	TRY(note(s, sched, read_enable_state(s, sched)));
	TRY(note(s, sched, find_root(s, sched)));
	if (!sched->attached)
		return NULL;

	struct err *e = read_state(s, &sched->row);
	sched->ok = !e;
	TRY(note(s, sched, err_prefix(e, "scheduler")));
	TRY(note(s, sched, err_prefix(read_ops(s, &sched->row), "scheduler's ops")));
	TRY(note(s, sched, find_subs(s, sched)));

	struct owner root = { .s = s, .dsqs = &sched->dsqs, .sched = sched->row.kva };
	TRY(add_all(sched, &root));
	for (size_t i = 0; i < sched->nr_subs; i++) {
		struct owner sub = {
			.s = s,
			.dsqs = &sched->dsqs,
			.sched = sched->subs[i],
			.of = sched->subs[i],
			.order = i + 1,
		};
		TRY(add_all(sched, &sub));
	}
	scx_read_dsqs(s, &sched->dsqs);
	return NULL;
}
