/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pressure stall information: psi_system, and the psi_group of each cgroup of the default hierarchy.  The tree
 * is walked level by level, so that all cgroups of one are read side by side.
 */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"

enum {
	CGROUPS_MAX = 1024, /* each is some pages, and its place in a list costs a round trip */
	LEVELS_MAX = 256,
	PATH_LEN = 4096,
	DYING = 1 << 4, /* cgroup_subsys_state.flags: CSS_DYING */
	NR_AVGS = 3,
};

struct psi_layout {
	/* struct psi_group */
	struct member total, avg, enabled;
	/* struct cgroup, its directory */
	struct member root, psi, kn, children, sibling, flags, kn_name, kn_id;
};

static const struct layout_member psi_members[] = {
	LAYOUT(struct psi_layout, total, "psi_group", "total"),
	LAYOUT(struct psi_layout, avg, "psi_group", "avg"),
	LAYOUT_OPT(struct psi_layout, enabled, "psi_group", "enabled"), /* 6.1 */
	LAYOUT(struct psi_layout, root, "cgroup_root", "cgrp"),
	LAYOUT(struct psi_layout, psi, "cgroup", "psi"),
	LAYOUT(struct psi_layout, kn, "cgroup", "kn"),
	LAYOUT(struct psi_layout, children, "cgroup", "self.children"),
	LAYOUT(struct psi_layout, sibling, "cgroup", "self.sibling"),
	LAYOUT(struct psi_layout, flags, "cgroup", "self.flags"),
	LAYOUT(struct psi_layout, kn_name, "kernfs_node", "name"),
	LAYOUT(struct psi_layout, kn_id, "kernfs_node", "id"),
};

/* Where a state is in the arrays; absent: this kernel does not know it. */
struct psi_states {
	struct opt_u64 some[NR_PSI], full[NR_PSI];
};

/* One cgroup of the level being read. */
struct node {
	struct kva cgroup;
	const char *path;  /* of the parent; its own once it was read */
	bool root, in_psi; /* has a psi_group of its own */
	struct psi_row row;
	VEC(struct kva) children;
	size_t room; /* for children, before the cap */
	const char *cut;
	const char *failed;
};

struct psi_walk {
	struct walk *w;
	struct kernel *k;
	struct pool *pool;
	struct psi_layout l;
	struct psi_states states;
	size_t nr_states; /* rows of avg */
	struct node *nodes;
	size_t seen;
	struct err *fatal;
};

/* ---- one psi_group */

static struct err *find_states(struct psi_walk *p)
{
	static const char *const some[NR_PSI] = { "PSI_CPU_SOME", "PSI_MEM_SOME", "PSI_IO_SOME", NULL };
	static const char *const full[NR_PSI] = { "PSI_CPU_FULL", "PSI_MEM_FULL", "PSI_IO_FULL", "PSI_IRQ_FULL" };

	for (size_t i = 0; i < 2 * NR_PSI; i++) {
		const char *name = i < NR_PSI ? some[i] : full[i - NR_PSI];
		struct opt_u64 *state = i < NR_PSI ? &p->states.some[i] : &p->states.full[i - NR_PSI];
		int64_t v;

		if (!name)
			continue;
		struct err *e = kenum(p->k, "psi_states", name, &v);
		if (e && e->code != ERR_MISSING)
			return e;
		if (!e && v >= 0 && (uint64_t)v < p->nr_states)
			*state = (struct opt_u64){ true, (uint64_t)v };
		err_free(e);
	}
	return NULL;
}

static struct err *read_state(struct psi_walk *p, struct kva group, const struct opt_u64 *state,
			      struct psi_value *ret)
{
	if (!state->has)
		return NULL;
	/* total[PSI_AVGS][]: the first of two rows; the other is for triggers. */
	TRY(kread_u64(p->k, (struct kva){ kmember(group, &p->l.total).v + 8 * state->v }, &ret->total));
	for (size_t i = 0; i < NR_AVGS; i++)
		TRY(kread_u64(p->k, (struct kva){ kmember(group, &p->l.avg).v + 8 * (NR_AVGS * state->v + i) },
			      &ret->avg[i]));
	ret->has = true;
	return NULL;
}

static struct err *read_group(struct psi_walk *p, struct kva group, struct psi_row *row)
{
	const struct krange wanted[] = {
		{ kmember(group, &p->l.total), p->l.total.size },
		{ kmember(group, &p->l.avg), p->l.avg.size },
	};
	uint64_t enabled = 1;

	kprefetch(p->k, wanted, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < NR_PSI; i++) {
		TRY(read_state(p, group, &p->states.some[i], &row->some[i]));
		TRY(read_state(p, group, &p->states.full[i], &row->full[i]));
	}
	if (p->l.enabled.present)
		TRY(kget(p->k, group, &p->l.enabled, &enabled));
	row->disabled = !enabled;
	return NULL;
}

/* ---- the tree */

struct children {
	struct psi_walk *p;
	struct node *node;
	bool nomem;
};

static bool add_child(void *ctx, struct kva link)
{
	struct children *c = ctx;
	struct kva *child = vec_push(&c->node->children);

	if (!child) {
		c->nomem = true;
		return false;
	}
	child->v = link.v - c->p->l.sibling.off;
	return true;
}

static struct err *read_children(struct psi_walk *p, struct node *n)
{
	struct children c = { .p = p, .node = n };
	struct err *why = NULL;
	enum walk_end end = klist_walk(p->k, kmember(n->cgroup, &p->l.children), n->room, add_child, &c, &why);

	if (c.nomem) {
		err_free(why);
		return &err_nomem;
	}
	if (end == WALK_BROKEN)
		return err_prefix(why, "children");
	if (end != WALK_COMPLETE)
		n->cut = walk_end_text(end);
	return NULL;
}

static struct err *read_dir(struct psi_walk *p, struct node *n)
{
	char name[256];
	struct kva kn, at;

	TRY(kget_kva(p->k, n->cgroup, &p->l.kn, &kn));
	TRY(kget(p->k, kn, &p->l.kn_id, &n->row.id));
	if (n->root) {
		n->path = n->row.path = "/";
		return NULL;
	}
	TRY(kget_kva(p->k, kn, &p->l.kn_name, &at));
	TRY(err_prefix(kread_str(p->k, at, name, sizeof(name)), "name"));
	if (strlen(n->path) + strlen(name) >= PATH_LEN)
		return err_new(ERR_CORRUPT, "its path is too long");
	n->row.path = pool_printf(p->pool, "%s%s%s", n->path, n->path[1] ? "/" : "", name);
	n->path = n->row.path;
	return n->path ? NULL : &err_nomem;
}

static struct err *read_cgroup(struct psi_walk *p, struct node *n)
{
	struct kva psi;
	uint64_t flags;

	n->row.cgroup = n->cgroup;
	TRY(read_children(p, n));
	n->row.leaf = !n->children.nr && !n->cut;
	TRY(read_dir(p, n));
	TRY(kget(p->k, n->cgroup, &p->l.flags, &flags));
	n->row.dying = flags & DYING;
	TRY(kget_kva(p->k, n->cgroup, &p->l.psi, &psi));
	/* The root has the system's. */
	if (n->root || !psi.v)
		return NULL;
	n->in_psi = true;
	return err_prefix(read_group(p, psi, &n->row), "psi_group");
}

static void read_node(void *ctx, size_t i)
{
	struct psi_walk *p = ctx;
	struct node *n = &p->nodes[i];
	struct err *e = p->fatal ? NULL : read_cgroup(p, n);

	if (!e)
		return;
	if (!walk_is_fatal(e)) {
		n->failed = pool_printf(p->pool, "%s", e->msg);
		err_free(e);
		e = n->failed ? NULL : &err_nomem;
	}
	if (e && !p->fatal)
		p->fatal = e;
	else
		err_free(e);
}

/* What was read of a level goes into the report. */
static struct err *add_rows(struct psi_walk *p, size_t nr)
{
	struct report *r = p->w->r;

	for (size_t i = 0; i < nr; i++) {
		const struct node *n = &p->nodes[i];

		if (n->failed)
			TRY(report_section(r, "cgroup_psi", SECTION_NOT_READABLE, "cgroup 0x%" PRIx64 " %s: %s",
					   n->cgroup.v, n->row.path ? n->row.path : "", n->failed));
		if (n->cut)
			TRY(report_cut(r, "cgroup_psi", false, "children of %s: %s",
				       n->row.path ? n->row.path : "a cgroup", n->cut));
		if (!n->in_psi || n->failed)
			continue;
		struct psi_row *row = vec_push(&r->system.psi);
		if (!row)
			return &err_nomem;
		*row = n->row;
	}
	return NULL;
}

static void free_nodes(struct node *nodes, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(nodes[i].children.data);
	free(nodes);
}

/* The children of all nodes; as many as the cap allows. */
static struct err *next_level(struct psi_walk *p, size_t *nr)
{
	size_t want = 0, n = 0;

	for (size_t i = 0; i < *nr; i++)
		want += p->nodes[i].children.nr;
	size_t room = MIN(want, CGROUPS_MAX - p->seen);
	struct node *next = calloc(room + 1, sizeof(*next));

	if (!next)
		return &err_nomem;
	for (size_t i = 0; i < *nr; i++) {
		for (size_t c = 0; c < p->nodes[i].children.nr && n < room; c++) {
			next[n].cgroup = p->nodes[i].children.data[c];
			next[n].path = p->nodes[i].path ? p->nodes[i].path : "?";
			n++;
		}
	}
	free_nodes(p->nodes, *nr);
	p->nodes = next;
	p->seen += n;
	*nr = n;
	return n < want ? report_cut(p->w->r, "cgroup_psi", false, "cgroups beyond the first %d", CGROUPS_MAX) :
			  NULL;
}

static struct err *walk_cgroups(struct psi_walk *p, size_t *nr)
{
	struct kva root;

	TRY(ksym(p->k, "cgrp_dfl_root", &root));
	p->nodes = calloc(1, sizeof(*p->nodes));
	if (!p->nodes)
		return &err_nomem;
	p->nodes->cgroup = kmember(root, &p->l.root);
	p->nodes->root = true;
	*nr = p->seen = 1;
	for (size_t level = 0; *nr && level < LEVELS_MAX; level++) {
		for (size_t i = 0; i < *nr; i++)
			p->nodes[i].room = CGROUPS_MAX;
		mem_each(p->k->mem, *nr, read_node, p);
		if (p->fatal)
			return take_ptr(p->fatal);
		TRY(add_rows(p, *nr));
		TRY(next_level(p, nr));
	}
	return *nr ? report_cut(p->w->r, "cgroup_psi", false, "cgroups deeper than %d", LEVELS_MAX) : NULL;
}

/* ---- all of it */

/* A static key: how often it was enabled. */
static struct err *read_key(struct psi_walk *p, const char *name, int32_t *ret)
{
	struct kva at;
	uint32_t v;

	if (!khas_sym(p->k, name))
		return NULL;
	TRY(ksym(p->k, name, &at));
	TRY(err_prefix(kread_u32(p->k, at, &v), "%s", name));
	*ret = (int32_t)v;
	return NULL;
}

static struct err *read_system(struct psi_walk *p)
{
	struct psi_row row = { 0 };
	struct kva group;

	TRY(ksym(p->k, "psi_system", &group));
	TRY(err_prefix(read_group(p, group, &row), "psi_system"));
	/* Nothing that the kernel would show, or that makes sense: some CPU always runs something. */
	row.full[PSI_CPU] = (struct psi_value){ 0 };
	struct psi_row *copy = vec_push(&p->w->r->system.psi);
	if (!copy)
		return &err_nomem;
	*copy = row;
	return NULL;
}

static struct err *resolve(struct psi_walk *p, bool *ret)
{
	struct missing missing = { 0 };
	struct err *e = klayout(p->k, psi_members, ARRAY_SIZE(psi_members), &p->l, &missing);

	for (size_t i = 0; !e && i < missing.nr; i++)
		e = report_section(p->w->r, "cgroup_psi", SECTION_NOT_IMPLEMENTED,
				   "not in this kernel's types: %s", missing.names[i]);
	missing_deinit(&missing);
	*ret = p->l.total.present && p->l.avg.present;
	if (e || !*ret)
		return e;
	p->nr_states = p->l.avg.size / 8 / NR_AVGS;
	if (p->l.total.size < 8 * p->nr_states)
		return err_new(ERR_CORRUPT, "psi_group.total and .avg do not go together");
	return find_states(p);
}

static bool has_cgroups(const struct psi_layout *l)
{
	return l->root.present && l->psi.present && l->kn.present && l->children.present && l->sibling.present &&
	       l->flags.present && l->kn_name.present && l->kn_id.present;
}

static struct err *run(struct psi_walk *p, size_t *nr)
{
	struct report *r = p->w->r;
	int32_t disabled = 0, cgroups = 1;
	bool resolved;

	if (!khas_sym(p->k, "psi_system"))
		return report_section(r, "cgroup_psi", SECTION_NOT_IN_KERNEL, "no psi_system (CONFIG_PSI=n)");
	TRY(report_section(r, "cgroup_psi", SECTION_COMPLETE, NULL));
	TRY(read_key(p, "psi_disabled", &disabled));
	if (disabled > 0)
		return report_section(r, "cgroup_psi", SECTION_NOT_IN_KERNEL,
				      "off in this guest (psi=1 on its command line turns it on)");
	TRY(resolve(p, &resolved));
	if (!resolved)
		return NULL;
	TRY(read_system(p));
	if (!p->states.full[PSI_IRQ].has)
		TRY(report_section(r, "cgroup_psi", SECTION_COMPLETE,
				   "no pressure by interrupts in this kernel (CONFIG_IRQ_TIME_ACCOUNTING=n)"));
	TRY(read_key(p, "psi_cgroups_enabled", &cgroups));
	if (cgroups <= 0 || !khas_sym(p->k, "cgrp_dfl_root"))
		return report_section(r, "cgroup_psi", SECTION_COMPLETE, "not counted by cgroup in this guest");
	return has_cgroups(&p->l) ? walk_cgroups(p, nr) : NULL;
}

struct err *walk_psi(struct walk *w)
{
	struct psi_walk p = { .w = w, .k = w->k, .pool = &w->r->pool };
	size_t nr = 0;
	struct err *e = run(&p, &nr);

	free_nodes(p.nodes, nr);
	err_free(p.fatal);
	return e;
}
