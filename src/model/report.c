/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/report.h"

struct err *report_create(struct report **ret)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return &err_nomem;
	*ret = r;
	return NULL;
}

void report_destroy(struct report *r)
{
	if (!r)
		return;
	/* Split BTF was loaded after its base, so newest first. */
	for (size_t i = r->types.nr; i-- > 0;)
		types_destroy(r->types.data[i]);
	free(r->types.data);
	free(r->sections.data);
	free(r->vcpus.data);
	free(r->maps.data);
	free(r->sdt_allocs.data);
	free(r->scx_statics.data);
	free(r->arena_objects.data);
	free(r->task_objects.data);
	free(r->progs.data);
	free(r->links.data);
	free(r->btfs.data);
	free(r->modules.data);
	free(r->waits.data);
	free(r->scx.rqs.data);
	free(r->scx.dsqs.data);
	free(r->scx.others.data);
	free(r->scx.log_exits.data);
	free(r->tasks.data);
	free(r->stacks.data);
	free(r->cpus.rows.data);
	free(r->cpus.pools.data);
	free(r->cpus.srcus.data);
	free(r->cpus.rcu_tasks.data);
	free(r->cpus.throttled.data);
	free(r->irqs.rows.data);
	free(r->system.meminfo.data);
	free(r->system.vmstat.data);
	free(r->system.huge_pages.data);
	free(r->system.cpu_times.data);
	free(r->system.numa.data);
	free(r->system.zones.data);
	free(r->system.psi.data);
	free(r->findings.rows.data);
	free(r->findings.unexamined.data);
	pool_deinit(&r->pool);
	free(r);
}

const struct active_sched *report_map_sched(const struct report *r, struct kva map)
{
	for (size_t i = 0; i < r->nr_active; i++) {
		for (size_t j = 0; j < r->active[i].nr_maps; j++) {
			if (r->active[i].maps[j].v == map.v)
				return &r->active[i];
		}
	}
	return NULL;
}

const struct section *report_find_section(const struct report *r, const char *name)
{
	for (size_t i = 0; i < r->sections.nr; i++) {
		if (!strcmp(r->sections.data[i].name, name))
			return &r->sections.data[i];
	}
	return NULL;
}

static struct section *section_get(struct report *r, const char *name)
{
	struct section *s = (struct section *)report_find_section(r, name);

	if (s)
		return s;
	char *copy = pool_strndup(&r->pool, name, SIZE_MAX - 1);
	if (!copy)
		return NULL;
	s = vec_push(&r->sections);
	if (s)
		s->name = copy;
	return s;
}

/* Joins "old; new" in the pool; a text that is already in there is not repeated. */
PRINTF_LIKE(3, 0)
static struct err *join(struct pool *pool, const char **text, const char *fmt, va_list ap)
{
	char *more = pool_vprintf(pool, fmt, ap);

	if (!more)
		return &err_nomem;
	if (*text && strstr(*text, more))
		return NULL;
	if (*text)
		more = pool_printf(pool, "%s; %s", *text, more);
	if (!more)
		return &err_nomem;
	*text = more;
	return NULL;
}

/* What a reader must know first: higher wins. */
static int severity(enum section_status status)
{
	switch (status) {
	case SECTION_COMPLETE:
		return 0;
	case SECTION_NOT_ASKED:
		return 1;
	case SECTION_NOT_IN_KERNEL:
		return 2;
	case SECTION_NOT_IMPLEMENTED:
		return 3;
	case SECTION_IMPLAUSIBLE:
		return 4;
	case SECTION_NOT_READABLE:
		return 5;
	}
	return 0;
}

struct err *report_section(struct report *r, const char *name, enum section_status status,
			   const char *fmt, ...)
{
	struct section *s = section_get(r, name);

	if (!s)
		return &err_nomem;
	if (severity(status) > severity(s->status))
		s->status = status;
	if (!fmt)
		return NULL;

	va_list ap;
	va_start(ap, fmt);
	struct err *e = join(&r->pool, &s->detail, fmt, ap);
	va_end(ap);
	return e;
}

struct err *report_cut(struct report *r, const char *name, bool user, const char *fmt, ...)
{
	struct section *s = section_get(r, name);

	if (!s)
		return &err_nomem;
	s->user_cut |= user;

	va_list ap;
	va_start(ap, fmt);
	struct err *e = join(&r->pool, &s->cut, fmt, ap);
	va_end(ap);
	return e;
}

bool report_is_partial(const struct report *r)
{
	for (size_t i = 0; i < r->sections.nr; i++) {
		const struct section *s = &r->sections.data[i];

		if (s->status == SECTION_NOT_READABLE || s->status == SECTION_IMPLAUSIBLE ||
		    s->user_cut)
			return true;
	}
	return r->capture.cut_short;
}

static int by_kva(const void *a, const void *b, void *ctx)
{
	const struct task_row *rows = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	if (rows[x].kva.v != rows[y].kva.v)
		return rows[x].kva.v < rows[y].kva.v ? -1 : 1;
	return x < y ? -1 : x > y;
}

struct err *report_index_tasks(struct report *r)
{
	size_t *index = pool_calloc(&r->pool, r->tasks.nr, sizeof(*index));

	if (!index)
		return &err_nomem;
	for (size_t i = 0; i < r->tasks.nr; i++)
		index[i] = i;
	if (r->tasks.nr)
		qsort_r(index, r->tasks.nr, sizeof(*index), by_kva, r->tasks.data);
	r->task_index = index;
	r->nr_task_index = r->tasks.nr;
	return NULL;
}

const struct task_row *report_task(const struct report *r, struct kva task)
{
	const struct task_row *rows = r->tasks.data;
	size_t low = 0, high = r->nr_task_index;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rows[r->task_index[mid]].kva.v < task.v)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < r->nr_task_index && rows[r->task_index[low]].kva.v == task.v)
		return &rows[r->task_index[low]];
	/* Rows added since the index was made. */
	for (size_t i = r->nr_task_index; i < r->tasks.nr; i++) {
		if (rows[i].kva.v == task.v)
			return &rows[i];
	}
	return NULL;
}

const char *section_status_text(enum section_status status)
{
	switch (status) {
	case SECTION_COMPLETE:
		return "complete";
	case SECTION_NOT_IN_KERNEL:
		return "not in this kernel";
	case SECTION_NOT_READABLE:
		return "not readable";
	case SECTION_IMPLAUSIBLE:
		return "implausible";
	case SECTION_NOT_IMPLEMENTED:
		return "not implemented";
	case SECTION_NOT_ASKED:
		return "not asked for";
	}
	return "?";
}

bool report_runnable_for(const struct report *r, const struct task_row *t, double *ret)
{
	/* Flags of sched_ext_entity that every version has.  The second: the stamp will be set anew when the
	 * task next becomes runnable, so what it holds is old. */
	enum { QUEUED = 1, RESET_RUNNABLE_AT = 4 };
	/* A day at HZ=1000; a difference beyond that is of a stamp that nobody has set. */
	enum { OLDEST = 86400000 };

	if (!t->runnable_at.has || !t->runnable_at.v || !r->scx.jiffies || !r->kernel.hz)
		return false;
	if (t->scx_flags.has && (t->scx_flags.v & (QUEUED | RESET_RUNNABLE_AT)) != QUEUED)
		return false;
	if (!t->scx_flags.has && !(t->dsq_kva.has && t->dsq_kva.v))
		return false;
	uint64_t age = r->scx.jiffies - t->runnable_at.v;
	if (age > OLDEST)
		return false;
	*ret = (double)age / r->kernel.hz;
	return true;
}

const struct scx_sched_row *report_sched_of(const struct report *r, const struct task_row *t)
{
	const struct scx_state *scx = &r->scx;

	if (t->sched_kva.has)
		return t->sched_kva.v ? scx_find_sched(scx, (struct kva){ t->sched_kva.v }) : NULL;
	if (!scx->nr_subs)
		return scx->has_sched ? &scx->sched : NULL;
	/* Its queue may tell. */
	for (size_t i = 0; t->dsq_kva.v && i < scx->dsqs.nr; i++) {
		const struct dsq_row *d = &scx->dsqs.data[i];

		if (d->kva.v == t->dsq_kva.v && d->sched.v)
			return scx_find_sched(scx, d->sched);
	}
	return NULL;
}

bool report_watchdog_timeout(const struct report *r, const struct scx_sched_row *s, double *ret)
{
	if (!s->watchdog_timeout.has || !s->watchdog_timeout.v || !r->kernel.hz)
		return false;
	*ret = (double)s->watchdog_timeout.v / r->kernel.hz;
	return true;
}
