/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char hostile_text[] = "\033[2J\033]0;x\007\n\xc2\x9b" "1m\xe2\x80\xae";

static const char *const volatile hostile_text_p = hostile_text;

/* What is not there stays away: other lines would be written. */
static void text(const char **s)
{
	if (*s)
		*s = hostile_text;
}

#define TEXT(s) text(&(s))
#define CHARS(s)                                                                                   \
	do {                                                                                       \
		if (*(s))                                                                          \
			snprintf(s, sizeof(s), "%s", hostile_text_p);                              \
	} while (0)

/* Parts of the sample are constants: what is changed is a copy. */
static struct pool *pool;

static void *copy_of(const void *p, size_t size)
{
	void *copy = pool_memdup(pool, p, size);

	if (!copy)
		abort();
	return copy;
}

static void facts(struct facts *f)
{
	for (struct fact *x = f->first; x; x = x->next)
		TEXT(x->text);
}

static void owner(const struct map_owner **where)
{
	if (!*where)
		return;

	struct map_owner *o = copy_of(*where, sizeof(*o));
	*where = o;
	TEXT(o->why);
	TEXT(o->comm);
	TEXT(o->path);
	TEXT(o->sb_id);
}

static void strings(const char ***where, size_t nr)
{
	if (!*where)
		return;
	*where = copy_of(*where, nr * sizeof(**where));
	for (size_t i = 0; i < nr; i++)
		TEXT((*where)[i]);
}

static void map_bodies(struct map_row *m)
{
	for (size_t i = 0; i < m->nr_entries; i++) {
		struct map_entry *e = &m->entries[i];

		owner(&e->owner);
		if (e->insn) {
			struct map_insn *insn = copy_of(e->insn, sizeof(*insn));

			TEXT(insn->symbol);
			e->insn = insn;
		}
	}
	for (size_t i = 0; m->stacks && i < m->stacks->nr; i++)
		strings(&m->stacks->rows[i].symbols, m->stacks->rows[i].frames);
	for (size_t i = 0; m->slots && i < m->slots->nr; i++) {
		facts(&m->slots->slots[i].facts);
		TEXT(m->slots->slots[i].error);
	}
	if (m->ops) {
		TEXT(m->ops->type_name);
		TEXT(m->ops->state_name);
	}
	for (size_t i = 0; m->ops && i < m->ops->nr_funcs; i++) {
		TEXT(m->ops->funcs[i].member);
		CHARS(m->ops->funcs[i].prog_name);
	}
}

static void maps(struct report *r)
{
	for (size_t i = 0; i < r->maps.nr; i++) {
		struct map_row *m = &r->maps.data[i];

		CHARS(m->name);
		TEXT(m->type_name);
		TEXT(m->error);
		facts(&m->prog_owner);
		for (size_t k = 0; k < m->nr_locks; k++)
			TEXT(m->locks[k].member);
		map_bodies(m);
	}
	for (size_t i = 0; i < r->progs.nr; i++) {
		struct prog_row *p = &r->progs.data[i];

		CHARS(p->name);
		TEXT(p->type_name);
		TEXT(p->attach_name);
		TEXT(p->attach_func);
		TEXT(p->error);
	}
	for (size_t i = 0; i < r->links.nr; i++) {
		struct link_row *l = &r->links.data[i];

		TEXT(l->type_name);
		CHARS(l->prog_name);
		TEXT(l->attach_name);
		facts(&l->target);
		TEXT(l->error);
	}
	for (size_t i = 0; i < r->btfs.nr; i++) {
		CHARS(r->btfs.data[i].name);
		TEXT(r->btfs.data[i].error);
	}
}

static void arenas(struct report *r)
{
	for (size_t i = 0; i < r->nr_active; i++) {
		CHARS(r->active[i].ops_name);
		TEXT(r->active[i].obj_name);
	}
	TEXT(r->sdt_unavailable);
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		struct sdt_alloc_row *a = &r->sdt_allocs.data[i];

		TEXT(a->name);
		TEXT(a->type_name);
		TEXT(a->type_by);
		TEXT(a->reason);
		for (size_t k = 0; k < a->nr; k++)
			owner(&a->slots[k].owner);
	}
	for (size_t i = 0; i < r->scx_statics.nr; i++)
		TEXT(r->scx_statics.data[i].name);
	for (size_t i = 0; i < r->arena_objects.nr; i++) {
		struct arena_object *o = &r->arena_objects.data[i];

		TEXT(o->type_name);
		TEXT(o->freed);
		TEXT(o->from);
	}
	for (size_t i = 0; i < r->task_objects.nr; i++) {
		struct task_object *o = &r->task_objects.data[i];

		owner(&o->task);
		TEXT(o->allocator);
		TEXT(o->type_name);
	}
}

static void scheduler(struct scx_sched_row *s)
{
	struct scx_exit_row *x = &s->exit;

	TEXT(s->exit_kind_name);
	CHARS(s->ops_name);
	TEXT(s->ops_flag_names);
	TEXT(s->cgroup_path);
	TEXT(x->kind_name);
	TEXT(x->code_names);
	TEXT(x->flag_names);
	TEXT(x->reason);
	TEXT(x->msg);
	TEXT(x->dump);
	TEXT(x->why);
	strings(&x->symbols, x->nr_bt);
	strings(&s->events.names, s->events.nr);
}

static void scx(struct scx_state *s)
{
	TEXT(s->enable_state);
	TEXT(s->unavailable);
	scheduler(&s->sched);
	for (size_t i = 0; i < s->others.nr; i++)
		scheduler(&s->others.data[i]);
	for (size_t i = 0; i < s->rqs.nr; i++) {
		struct scx_rq_row *q = &s->rqs.data[i];

		TEXT(q->flag_names);
		CHARS(q->curr_comm);
		TEXT(q->kicks);
		TEXT(q->why);
	}
	for (size_t i = 0; i < s->dsqs.nr; i++) {
		TEXT(s->dsqs.data[i].why);
		TEXT(s->dsqs.data[i].contradiction);
	}
	for (size_t i = 0; i < s->log_exits.nr; i++) {
		struct scx_log_exit *x = &s->log_exits.data[i];

		TEXT(x->name);
		TEXT(x->reason);
		TEXT(x->msg);
		strings(&x->frames, x->nr_frames);
	}
}

static void tasks(struct report *r)
{
	TEXT(r->tasks_unavailable);
	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct task_row *t = &r->tasks.data[i];

		CHARS(t->comm);
		CHARS(t->real_parent_comm);
		TEXT(t->x.cgroup);
		TEXT(t->x.scx_flag_names);
		TEXT(t->x.scx_state);
		/* What is held is known by this one. */
		if (t->x.ops_state_name && strcmp(t->x.ops_state_name, "QUEUED"))
			TEXT(t->x.ops_state_name);
	}
	for (size_t i = 0; i < r->waits.nr; i++) {
		struct wait_row *w = &r->waits.data[i];

		TEXT(w->comm);
		TEXT(w->function);
		TEXT(w->lock_name);
		TEXT(w->found_by);
		TEXT(w->object);
		TEXT(w->frozen);
		TEXT(w->holder.comm);
		TEXT(w->waker.comm);
		TEXT(w->why);
	}
}

static void source(struct frame_source *f)
{
	struct frame_line *lines = copy_of(f->lines, f->nr_lines * sizeof(*lines));
	struct frame_arg *args = copy_of(f->args, f->nr_args * sizeof(*args));

	for (size_t i = 0; i < f->nr_lines; i++) {
		TEXT(lines[i].func);
		TEXT(lines[i].file);
	}
	for (size_t i = 0; i < f->nr_args; i++)
		TEXT(args[i].name);
	f->lines = lines;
	f->args = args;
}

static void frames(struct kstack_row *s)
{
	struct kstack_frame *f = copy_of(s->frames, s->nr_frames * sizeof(*f));

	for (size_t i = 0; i < s->nr_frames; i++) {
		TEXT(f[i].symbol);
		TEXT(f[i].module);
		if (f[i].source) {
			struct frame_source *copy = copy_of(f[i].source, sizeof(*copy));

			source(copy);
			f[i].source = copy;
		}
	}
	s->frames = f;
}

static void cpus(struct report *r)
{
	struct cpu_state *c = &r->cpus;

	for (size_t i = 0; i < c->rows.nr; i++) {
		struct cpu_row *row = &c->rows.data[i];

		TEXT(row->why);
		CHARS(row->curr_comm);
		TEXT(row->running_timer);
		row->calls = copy_of(row->calls, row->nr_calls * sizeof(*row->calls));
		for (size_t k = 0; k < row->nr_calls; k++)
			TEXT(row->calls[k].func);
	}

	for (size_t i = 0; i < c->srcus.nr; i++) {
		TEXT(c->srcus.data[i].name);
		TEXT(c->srcus.data[i].why);
	}
	for (size_t i = 0; i < c->rcu_tasks.nr; i++) {
		TEXT(c->rcu_tasks.data[i].name);
		TEXT(c->rcu_tasks.data[i].gp_state_name);
	}
	for (size_t i = 0; i < c->throttled.nr; i++)
		TEXT(c->throttled.data[i].cgroup);
	TEXT(c->detectors.clocksource);
	TEXT(c->rcu.name);
	TEXT(c->rcu.gp_state_name);
	for (size_t i = 0; i < c->pools.nr; i++) {
		struct pool_row *p = &c->pools.data[i];

		p->workers = copy_of(p->workers, p->nr_rows * sizeof(*p->workers));
		TEXT(p->next_func);
		TEXT(p->why);
		for (size_t k = 0; k < p->nr_rows; k++) {
			CHARS(p->workers[k].comm);
			TEXT(p->workers[k].func);
			TEXT(p->workers[k].wq);
		}
	}
	for (size_t i = 0; i < r->vcpus.nr; i++)
		TEXT(r->vcpus.data[i].why);
	for (size_t i = 0; i < r->stacks.nr; i++) {
		struct kstack_row *s = &r->stacks.data[i];

		TEXT(s->why);
		frames(s);
	}
}

static void whole_system(struct report *r)
{
	struct kernel_info *k = &r->kernel;

	TEXT(r->capture.target_name);
	TEXT(r->capture.target_note);
	TEXT(r->capture.cut_short);
	TEXT(k->release);
	TEXT(k->banner);
	TEXT(k->taint_letters);
	for (size_t i = 0; i < r->sections.nr; i++) {
		TEXT(r->sections.data[i].detail);
		TEXT(r->sections.data[i].cut);
	}
	for (size_t i = 0; i < r->log.nr; i++) {
		struct log_record *rec = &r->log.records[i];

		TEXT(rec->comm);
		TEXT(rec->subsystem);
		TEXT(rec->device);
		if (rec->text)
			rec->len = strlen(hostile_text);
		TEXT(rec->text);
		TEXT(rec->why);
	}
	TEXT(r->system.cmdline);
	for (size_t i = 0; i < r->system.zones.nr; i++)
		CHARS(r->system.zones.data[i].name);
	for (size_t i = 0; i < r->system.psi.nr; i++)
		TEXT(r->system.psi.data[i].path);
	for (size_t i = 0; i < r->modules.nr; i++) {
		struct module_row *m = &r->modules.data[i];

		TEXT(m->name);
		TEXT(m->taint_letters);
		TEXT(m->error);
	}
}

static void findings(struct findings *f)
{
	for (size_t i = 0; i < f->rows.nr; i++) {
		struct finding *row = f->rows.data[i] = copy_of(f->rows.data[i], sizeof(*row));

		TEXT(row->key);
		TEXT(row->summary);
		TEXT(row->look_next);
		TEXT(row->caused_by);
		for (struct evidence **e = &row->evidence; *e; e = &(*e)->next) {
			*e = copy_of(*e, sizeof(**e));
			TEXT((*e)->text);
		}
	}
	for (size_t i = 0; i < f->unexamined.nr; i++)
		TEXT(f->unexamined.data[i].why);
}

void hostile_make(struct report *r)
{
	pool = &r->pool;
	whole_system(r);
	maps(r);
	arenas(r);
	scx(&r->scx);
	tasks(r);
	cpus(r);
	findings(&r->findings);
}
