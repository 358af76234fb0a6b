/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

/*
 * The parts in the order in which each finds what it depends on: tasks are those that sched_ext's
 * queues refer to, the active object is one of the maps, an arena is its program's.
 */
static const struct part {
	const char *section; /* what --section selects; NULL: always */
	const char *name;    /* whose section in the report has a failure's cause */
	struct err *(*walk)(struct walk *w);
} parts[] = {
	{ NULL, "kernel", walk_kernel },
	{ "vcpus", "vcpus", walk_vcpus },
	{ "log", "log", walk_log },
	{ "system", "system", walk_system },
	{ "per_cpu_time", "per_cpu_time", walk_cpu_time },
	{ "irqs", "irqs", walk_irqs },
	{ "per_node_numa", "per_node_numa", walk_numa },
	{ "cgroup_psi", "cgroup_psi", walk_psi },
	{ "maps", "maps", walk_maps },
	{ "maps", "active", walk_active },
	{ "progs", "progs", walk_progs },
	{ NULL, "sdt_alloc", walk_arena },
	{ "links", "links", walk_links },
	{ "btfs", "btfs", walk_btfs },
	{ "modules", "modules", walk_modules },
	{ "cpus", "cpus", walk_cpus },
	{ "scx", "scx", walk_scx },
	{ "tasks", "tasks", walk_tasks },
	{ "stacks", "stacks", walk_stacks },
	{ "waits", "waits", walk_waits },
};

const char *walk_section_name(size_t i)
{
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
		const char *section = parts[p].section;

		if (section && !strcmp(section, parts[p].name) && !i--)
			return section;
	}
	return NULL;
}

static struct err *run(struct walk *w, const struct part *part)
{
	if (part->section && !walk_wants(w, part->section))
		return NULL;
	/* Which are the scheduler's can be told only where all maps are. */
	if (w->opts->nr_maps && part->walk == walk_active)
		return report_section(w->r, part->name, SECTION_NOT_ASKED, NULL);

	struct err *e = part->walk(w);
	if (!e || walk_is_fatal(e))
		return e;

	struct err *failed = report_section(w->r, part->name,
					    e->code == ERR_MISSING ? SECTION_NOT_IN_KERNEL :
					    e->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
								     SECTION_NOT_READABLE,
					    "%s", e->msg);
	err_free(e);
	return failed;
}

/* What the end of the walk left out must not pass for empty. */
static struct err *not_reached(struct walk *w, const struct part *part, const struct err *why)
{
	if (part->section && !walk_wants(w, part->section))
		return NULL;
	if (part->walk == walk_scx && !w->r->scx.unavailable && !w->r->scx.in_kernel)
		w->r->scx.unavailable = "no scx walker capture";
	if (part->walk == walk_tasks && !w->r->tasks.nr)
		w->r->tasks_unavailable = "no task walker available";
	return report_section(w->r, part->name, SECTION_NOT_READABLE, "%s", why->msg);
}

/* A kernel that nobody has seen: whatever the walkers made of it, the report names what it has not got. */
static struct err *tell_lacking(struct walk *w)
{
	const struct missing *lacking = w->k->lacking;
	const char *names = "";

	if (!lacking || !lacking->nr)
		return NULL;
	for (size_t i = 0; i < lacking->nr && names; i++)
		names = pool_printf(&w->r->pool, "%s%s%s", names, i ? ", " : "", lacking->names[i]);
	if (!names)
		return &err_nomem;
	return report_section(w->r, "types", SECTION_NOT_IMPLEMENTED,
			      "this kernel's types lack %s: what depends on that is left out", names);
}

struct err *walk_all(struct kernel *k, const struct walk_opts *opts, struct report *r)
{
	struct walk w = { .k = k, .r = r, .opts = opts };
	struct err *e = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!e)
			e = run(&w, &parts[i]);
		if (e)
			err_ignore(not_reached(&w, &parts[i], e));
	}

	if (e && e->code == ERR_NOT_FOUND)
		return e;
	if (!e)
		e = tell_lacking(&w);
	/* Also what was collected before the walk was cut off will be rendered. */
	struct err *env = walk_env(&w);
	if (!e)
		return env;
	err_ignore(env);
	return e;
}
