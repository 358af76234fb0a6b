/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage-model.h"

#include <stdio.h>

void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct report *new_report(void)
{
	static const char *const sections[] = { "scx", "tasks", "maps", "cpus", "stacks", "waits", "progs", "log" };
	struct report *r;

	ASSERT_OK(report_create(&r));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		ASSERT_OK(report_section(r, sections[i], SECTION_COMPLETE, NULL));
	r->kernel.hz = HZ;
	r->kernel.panic_known = true;
	r->kernel.tainted.has = r->kernel.nr_oopses.has = true;
	r->scx.has_sched = true;
	r->scx.jiffies = NOW;
	strcpy(r->scx.sched.ops_name, "sched");
	r->scx.sched.watchdog_timeout = (struct opt_u64){ true, 30 * HZ };
	r->log.records = must(pool_calloc(&r->pool, 32, sizeof(*r->log.records)));
	return r;
}

struct task_row *add_task(struct report *r, int32_t pid, double seconds, uint64_t dsq)
{
	struct task_row *t = PUSH(&r->tasks);

	t->kva.v = 0xffff888000000000 + (uint64_t)pid;
	t->pid = t->tgid = pid;
	strcpy(t->comm, "task");
	t->sched_class = "ext";
	t->state = (struct opt_u64){ true, 0 };
	t->x.state_letter = 'R';
	t->x.last_ran = t->x.last_queued = (struct opt_u64){ true, 0 };
	t->scx_flags = (struct opt_u64){ true, 0x301 };
	t->dsq_kva = (struct opt_u64){ true, dsq };
	t->runnable_at = (struct opt_u64){ true, NOW - (uint64_t)(seconds * HZ) };
	return t;
}

struct dsq_row *add_dsq(struct report *r, uint64_t kva, uint64_t id, enum dsq_origin origin)
{
	struct dsq_row *d = PUSH(&r->scx.dsqs);

	d->kva.v = kva;
	d->id = id;
	d->origin = origin;
	d->tasks = must(pool_alloc(&r->pool, 16 * sizeof(*d->tasks)));
	return d;
}

void enqueue(struct dsq_row *d, const struct task_row *t)
{
	d->tasks[d->nr_tasks++] = t->kva;
	d->nr++;
}

struct cpu_row *add_cpu(struct report *r, uint32_t cpu)
{
	struct cpu_row *c = PUSH(&r->cpus.rows);

	while (r->vcpus.nr <= cpu) {
		struct vcpu_row *v = PUSH(&r->vcpus);

		v->ok = v->has_cpu = true;
		v->cpu = (uint32_t)r->vcpus.nr - 1;
	}
	r->cpus.collected = true;
	r->cpus.detectors.watchdog_thresh = (struct opt_u64){ true, 10 };
	r->cpus.detectors.watchdog_enabled = (struct opt_u64){ true, 2 };
	r->cpus.rcu.collected = true;
	c->cpu = cpu;
	c->vcpu = (struct opt_u64){ true, cpu };
	c->has_curr = true;
	c->curr.v = 0xffff888000000000 + 1000 + cpu;
	c->curr_pid = 1000 + (int32_t)cpu;
	strcpy(c->curr_comm, "spin");
	c->clock = (struct opt_u64){ true, 5000ull * SECOND };
	c->curr_for = (struct opt_u64){ true, 1000000 };
	c->softlockup_age = (struct opt_u64){ true, 3 };
	c->timer_late = (struct opt_u64){ true, 40000000 };
	c->has_irqs = c->irqs_on = true;
	return c;
}

struct task_row *add_curr(struct report *r, uint32_t cpu)
{
	struct task_row *t = add_task(r, 1000 + (int32_t)cpu, 0, 0);

	strcpy(t->comm, "spin");
	t->sched_class = "fair";
	t->running = true;
	t->cpu = cpu;
	return t;
}

void stop_cpu(struct report *r, uint32_t cpu, uint64_t seconds)
{
	for (size_t i = 0; i < r->cpus.rows.nr; i++) {
		struct cpu_row *c = &r->cpus.rows.data[i];

		if (c->cpu != cpu)
			continue;
		c->timer_late.v = seconds * SECOND;
		c->softlockup_age.v = seconds;
		c->irqs_on = false;
	}
}

struct kva add_sleeper(struct report *r, int32_t pid, uint64_t seconds, char state)
{
	struct task_row *t = add_task(r, pid, 0, 0);

	t->sched_class = "fair";
	t->x.state_letter = state;
	t->state.v = state == 'D' ? 2 : 1;
	t->x.last_ran = (struct opt_u64){ true, seconds * SECOND };
	return t->kva;
}

static struct kstack_frame *push_stack(struct report *r, struct kstack_row row, va_list ap)
{
	enum { MAX_FRAMES = 16 };
	struct kstack_frame *frames = must(pool_calloc(&r->pool, MAX_FRAMES, sizeof(*frames)));
	struct kstack_row *s = PUSH(&r->stacks);
	const char *symbol;

	*s = row;
	s->frames = frames;
	while ((symbol = va_arg(ap, const char *)))
		frames[s->nr_frames++].symbol = symbol;
	for (size_t i = 0; i < r->tasks.nr && row.task.v; i++) {
		if (r->tasks.data[i].kva.v == row.task.v)
			r->tasks.data[i].stack = r->stacks.nr;
	}
	return frames;
}

struct kstack_frame *add_stack(struct report *r, struct kva task, ...)
{
	va_list ap;

	va_start(ap, task);
	struct kstack_frame *frames = push_stack(r, (struct kstack_row){ .task = task, .wchan = 1 }, ap);
	va_end(ap);
	return frames;
}

struct kstack_frame *add_vcpu_stack(struct report *r, size_t vcpu, ...)
{
	va_list ap;

	va_start(ap, vcpu);
	struct kstack_frame *frames = push_stack(r, (struct kstack_row){ .has_vcpu = true, .vcpu = vcpu }, ap);
	va_end(ap);
	return frames;
}

struct kva add_in(struct report *r, int32_t pid, uint64_t seconds, char state, const char *function)
{
	struct kva task = add_sleeper(r, pid, seconds, state);

	add_stack(r, task, function, NULL);
	return task;
}

struct wait_row *add_wait(struct report *r, struct kva task, uint64_t lock, struct kva holder, enum wait_basis basis)
{
	struct wait_row *w = PUSH(&r->waits);

	w->task = task;
	w->pid = (int32_t)(task.v & 0xffff);
	w->comm = "task";
	w->kind = WAIT_MUTEX;
	w->uninterruptible = true;
	w->lock.v = lock;
	w->has_holder = holder.v;
	w->holder = (struct wait_holder){ .task = holder, .pid = (int32_t)(holder.v & 0xffff), .comm = "task",
					  .basis = basis };
	return w;
}

struct log_record *add_log(struct report *r, uint64_t ts_nsec, const char *text)
{
	struct log_record *rec = &r->log.records[r->log.nr++];

	*rec = (struct log_record){ .ts_nsec = ts_nsec, .text = text };
	return rec;
}

void judge(struct report *r)
{
	r->findings.rows.nr = r->findings.unexamined.nr = 0;
	ASSERT_OK(triage_run(r));
}

const struct finding *find(const struct report *r, const char *key)
{
	for (size_t i = 0; i < r->findings.rows.nr; i++) {
		if (!strcmp(r->findings.rows.data[i]->key, key))
			return r->findings.rows.data[i];
	}
	return NULL;
}

const struct evidence *evidence(const struct finding *f, const char *path)
{
	for (const struct evidence *e = f ? f->evidence : NULL; e; e = e->next) {
		if (!strcmp(e->path, path))
			return e;
	}
	return NULL;
}

bool is_unexamined(const struct report *r, const char *id, const char *why)
{
	for (size_t i = 0; i < r->findings.unexamined.nr; i++) {
		const struct unexamined *u = &r->findings.unexamined.data[i];

		if (!strcmp(u->id, id) && strstr(u->why, why))
			return true;
	}
	return false;
}

size_t nr_roots(const struct report *r)
{
	size_t nr = 0;

	for (size_t i = 0; i < r->findings.rows.nr; i++)
		nr += !r->findings.rows.data[i]->caused_by && r->findings.rows.data[i]->severity != SEVERITY_INFO;
	return nr;
}

static void show(const struct report *r)
{
	for (size_t i = 0; i < r->findings.rows.nr; i++) {
		const struct finding *f = r->findings.rows.data[i];

		printf("# %s %s (%s) <- %s: %s\n", severity_text(f->severity), f->key, confidence_text(f->confidence),
		       f->caused_by ? f->caused_by : "-", f->summary);
	}
}

void expect(const struct report *r, const char *key, const char *caused_by, const char *file, unsigned int line)
{
	const struct finding *f = find(r, key);
	bool right = f && (caused_by ? f->caused_by && !strcmp(f->caused_by, caused_by) : !f->caused_by);

	if (!right)
		show(r);
	CU_assertImplementation(right, line, key, file, "", CU_FALSE);
}

void expect_says(const struct report *r, const char *key, const char *words, const char *file, unsigned int line)
{
	const struct finding *f = find(r, key);
	bool right = f && strstr(f->summary, words);

	if (!right)
		show(r);
	CU_assertImplementation(right, line, words, file, "", CU_FALSE);
}
