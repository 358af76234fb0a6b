/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sched_ext: runs the parts side by side and tells what they found and what they did not. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

enum {
	NODES_MAX = 1 << 21, /* entries of all lists; a task is on two of them at most */
	NOTES_MAX = 8,	     /* causes told one by one */
};

bool scx_failed(struct scx_walk *s, struct err *e, const char **failed)
{
	if (!e)
		return false;
	if (walk_is_fatal(e)) {
		if (s->fatal)
			err_free(e);
		else
			s->fatal = e;
		return true;
	}
	if (!*failed)
		*failed = pool_printf(s->pool, "%s", e->msg);
	if (!*failed && !s->fatal)
		s->fatal = &err_nomem;
	err_free(e);
	return true;
}

/* ---- side by side */

struct parts {
	struct scx_walk *s;
	struct scx_rqs rqs;
	struct scx_dsqs rq_dsqs;
	struct scx_sched sched;
};

static void run_part(void *ctx, size_t i)
{
	struct parts *p = ctx;
	struct err *e = NULL;

	if (i == 0)
		e = scx_read_sched(p->s, &p->sched); /* the longest chain of reads */
	else if (i == 1)
		e = scx_read_rqs(p->s, &p->rqs);
	else
		scx_read_dsqs(p->s, &p->rq_dsqs);
	if (e && !p->s->fatal)
		p->s->fatal = e;
	else
		err_free(e);
}

static void parts_deinit(struct parts *p)
{
	scx_rqs_deinit(&p->rqs);
	free(p->rq_dsqs.dsqs.data);
	scx_buffers_deinit(p->s, &p->sched.buffers);
	scx_sched_deinit(&p->sched);
}

/* ---- what came of it */

struct notes {
	struct report *r;
	size_t nr;
};

/* The first causes in words, the others as a number: a broken guest has one for every queue. */
static struct err *note(struct notes *n, enum section_status status, const char *fmt, ...)
	PRINTF_LIKE(3, 4) MUST_CHECK;
static struct err *note(struct notes *n, enum section_status status, const char *fmt, ...)
{
	va_list ap;

	if (n->nr++ >= NOTES_MAX)
		return report_section(n->r, "scx", status, NULL);
	va_start(ap, fmt);
	const char *text = pool_vprintf(&n->r->pool, fmt, ap);
	va_end(ap);
	return text ? report_section(n->r, "scx", status, "%s", text) : &err_nomem;
}

/* A list that was not walked to its end. */
static struct err *note_list(struct notes *n, const char *name, const char *why,
			     enum section_status status)
{
	if (why == scx_no_types) /* told once for all, with the members' names */
		return NULL;
	if (status == SECTION_COMPLETE)
		return report_cut(n->r, "scx", false, "%s: %s", name, why);
	return note(n, status, "%s: %s", name, why);
}

static struct err *add_rqs(struct parts *p, struct notes *notes)
{
	struct report *r = p->s->w->r;

	for (uint32_t cpu = 0; p->s->l.rq_scx.present && cpu < p->s->k->nr_cpu_ids; cpu++) {
		char name[64];

		if (p->rqs.failed[cpu])
			TRY(note(notes, SECTION_NOT_READABLE, "CPU %" PRIu32 ": %s", cpu,
				 p->rqs.failed[cpu]));
		if (!p->rqs.ok[cpu])
			continue;

		struct scx_rq_row *row = vec_push(&r->scx.rqs);
		if (!row)
			return &err_nomem;
		*row = p->rqs.rows[cpu];
		snprintf(name, sizeof(name), "runnable tasks of CPU %" PRIu32, cpu);
		if (row->truncated)
			TRY(note_list(notes, name, row->why, p->rqs.status[cpu]));
		const struct scx_tasks *deferred = &p->rqs.deferred[cpu].list;
		snprintf(name, sizeof(name), "deferred tasks of CPU %" PRIu32, cpu);
		if (deferred->truncated)
			TRY(note_list(notes, name, deferred->why, deferred->status));
	}
	return NULL;
}

static void dsq_name(const struct dsq_row *d, char buf[64])
{
	static const char *const origins[] = {
		[DSQ_LOCAL] = "local DSQ of CPU",   [DSQ_BYPASS] = "bypass DSQ of CPU",
		[DSQ_GLOBAL] = "global DSQ of node", [DSQ_REJECT] = "reject DSQ of CPU",
		[DSQ_RESCUE] = "rescue DSQ of CPU",
	};

	if (d->origin == DSQ_USER && d->has_id)
		snprintf(buf, 64, "DSQ 0x%" PRIx64, d->id);
	else if (d->origin == DSQ_USER)
		snprintf(buf, 64, "DSQ at 0x%" PRIx64, d->kva.v);
	else
		snprintf(buf, 64, "%s %" PRIu32, origins[d->origin], d->index);
}

static struct err *judge_dsq(const struct scx_dsq *d, struct notes *notes)
{
	char name[64];

	dsq_name(&d->row, name);
	if (d->failed)
		return note(notes, SECTION_NOT_READABLE, "%s: %s", name, d->failed);
	if (d->row.truncated)
		return note_list(notes, name, d->row.why, d->status);
	if (d->row.contradiction)
		TRY(note(notes, d->locked ? SECTION_COMPLETE : SECTION_IMPLAUSIBLE, "%s: %s%s", name,
			 d->row.contradiction, d->locked ? "; it was being changed" : ""));
	if (!d->row.has_nr || d->row.nr == d->row.nr_tasks)
		return NULL;
	/* A vCPU that holds the lock was stopped between the list and the count. */
	return note(notes, d->locked ? SECTION_COMPLETE : SECTION_IMPLAUSIBLE,
		    "%s: nr is %" PRIu32 ", but %zu tasks are on its list%s", name, d->row.nr,
		    d->row.nr_tasks, d->locked ? "; it was being changed" : "");
}

static struct err *add_dsqs(struct parts *p, struct notes *notes)
{
	struct report *r = p->s->w->r;

	TRY(scx_merge_dsqs(&p->rq_dsqs, &p->sched.dsqs));
	for (size_t i = 0; i < p->rq_dsqs.dsqs.nr; i++) {
		const struct scx_dsq *d = &p->rq_dsqs.dsqs.data[i];

		TRY(judge_dsq(d, notes));
		if (!d->ok || (d->quiet && !d->row.nr && !d->row.nr_tasks && !d->row.truncated))
			continue;

		struct dsq_row *row = vec_push(&r->scx.dsqs);
		if (!row)
			return &err_nomem;
		*row = d->row;
	}
	return NULL;
}

static struct err *add_sched(struct parts *p, struct notes *notes)
{
	struct scx_state *scx = &p->s->w->r->scx;
	const struct scx_sched *sched = &p->sched;

	scx->enable_state = sched->enable_state;
	scx->jiffies = sched->jiffies.v;
	scx->watchdog_timestamp = sched->watchdog_timestamp;
	scx->watchdog_interval = sched->watchdog_interval;
	scx->switched_all = sched->switched_all;
	scx->breather_depth = sched->breather_depth;
	scx->in_softlockup = sched->in_softlockup;
	scx->hardlockup_cpu = sched->hardlockup_cpu;
	scx->enable_seq = sched->enable_seq;
	scx->nr_rejected = sched->nr_rejected;
	scx->hotplug_seq = sched->hotplug_seq;
	scx->has_sched = sched->ok;
	if (sched->ok)
		scx->sched = sched->row;
	scx->nr_subs = sched->nr_subs;
	for (size_t i = 0; i < sched->others.nr; i++) {
		struct scx_sched_row *row = vec_push(&scx->others);

		if (!row)
			return &err_nomem;
		*row = sched->others.data[i];
	}
	for (size_t i = 0; i < sched->failed.failed.nr; i++)
		TRY(note(notes, SECTION_NOT_READABLE, "%s", sched->failed.failed.data[i]));
	for (size_t i = 0; i < sched->cuts.failed.nr; i++)
		TRY(report_cut(p->s->w->r, "scx", false, "%s", sched->cuts.failed.data[i]));
	return NULL;
}

/* Counters are a section of their own: a reader must not take their absence for zeros. */
static struct err *tell_events(struct parts *p)
{
	static const char name[] = "event_counters";
	struct report *r = p->s->w->r;
	const struct scx_events *ev = &p->sched.row.events;

	if (!p->sched.known)
		return report_section(r, name, SECTION_NOT_READABLE, "whether a scheduler runs is unknown");
	if (!p->sched.attached)
		return report_section(r, name, SECTION_COMPLETE, "no scheduler, so no counters");
	if (ev->nr_cpus)
		return report_section(r, name, SECTION_COMPLETE, NULL);
	if (!ev->nr)
		return report_section(r, name, SECTION_NOT_IN_KERNEL, "no struct scx_event_stats");
	return report_section(r, name, SECTION_NOT_READABLE, "counters of no CPU could be read");
}

/* In the format's words, the first that fits. */
static struct err *set_unavailable(struct parts *p)
{
	struct scx_state *scx = &p->s->w->r->scx;

	if (p->s->missing_groups)
		scx->unavailable = pool_printf(p->s->pool, "scx walker partial: missing offset groups [%s]",
					       p->s->missing_groups);
	else if (p->sched.known && !p->sched.attached)
		scx->unavailable = "scx_root is NULL (no scheduler attached)";
	else if (!scx->rqs.nr && !scx->dsqs.nr && !scx->has_sched)
		scx->unavailable = "scx walker reached no state";
	else
		return NULL;
	return scx->unavailable ? NULL : &err_nomem;
}

static struct err *tell(struct parts *p)
{
	struct report *r = p->s->w->r;
	struct notes notes = { .r = r };

	TRY(report_section(r, "scx", SECTION_COMPLETE, NULL));
	if (p->s->missing_members)
		TRY(report_section(r, "scx", SECTION_NOT_IMPLEMENTED, "not in this kernel's types: %s",
				   p->s->missing_members));
	if (p->s->k->cpus_why)
		TRY(note(&notes, SECTION_NOT_READABLE, "no CPUs: %s", p->s->k->cpus_why));
	TRY(add_sched(p, &notes));
	TRY(scx_finish_rqs(p->s, &p->rqs, &p->sched));
	TRY(add_rqs(p, &notes));
	TRY(add_dsqs(p, &notes));
	if (notes.nr > NOTES_MAX)
		TRY(report_section(r, "scx", SECTION_COMPLETE, "%zu more", notes.nr - NOTES_MAX));
	TRY(tell_events(p));
	return set_unavailable(p);
}

static struct err *run(struct scx_walk *s, struct parts *p)
{
	TRY(scx_layout(s, khas_sym(s->k, "scx_root")));
	TRY(scx_add_rq_dsqs(s, &p->rq_dsqs));
	mem_each(s->k->mem, 3, run_part, p);
	if (s->fatal)
		return take_ptr(s->fatal);
	return tell(p);
}

struct err *walk_scx(struct walk *w)
{
	struct scx_walk s = { .w = w, .k = w->k, .pool = &w->r->pool, .nodes_left = NODES_MAX };
	struct parts p = { .s = &s };

	if (!scx_in_kernel(w->k)) {
		w->r->scx.unavailable = "no scx walker capture";
		TRY(report_section(w->r, "event_counters", SECTION_NOT_IN_KERNEL, "no sched_ext"));
		TRY(report_section(w->r, "scx", SECTION_NOT_IN_KERNEL, "no sched_ext"));
		return scx_select(w);
	}
	w->r->scx.in_kernel = true;

	struct err *e = run(&s, &p);
	const struct scx_state *scx = &w->r->scx;
	if (e && !scx->unavailable && !scx->rqs.nr && !scx->dsqs.nr && !scx->has_sched)
		w->r->scx.unavailable = "no scx walker capture";
	if (!e)
		e = scx_read_log(w);
	if (!e)
		e = scx_select(w);
	parts_deinit(&p);
	err_free(s.fatal);
	return e;
}
