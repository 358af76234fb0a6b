/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-sleepers.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

enum { FRAMES_MAX = 12, FRAME_SIZE = 0x20, LAST_SP = 0x400 };

static const uint64_t tasks_at = 0xffff888000100000, stacks_at = 0xffffc90000100000;

uint64_t sleeper_at(size_t task)
{
	return tasks_at + 0x1000 * task;
}

uint64_t sleeper_sp(size_t task)
{
	return stacks_at + SLEEPER_STACK * task + 0x3000;
}

void sleepers_new(struct sleepers *s)
{
	memset(s, 0, sizeof(*s));
	s->fk = fake_kernel_new();
	struct fake_field head[] = { { "next", s->fk->ptr, 0 }, { "prev", s->fk->ptr, 8 } };
	s->list = fake_kernel_struct(s->fk, "list_head", 16, head, 2);
	struct fake_field wqh[] = { { "head", s->list, 8 } };
	s->wait_head = fake_kernel_struct(s->fk, "wait_queue_head", 24, wqh, 1);
	struct fake_field wq[] = { { "private", s->fk->ptr, 8 }, { "func", s->fk->ptr, 16 }, { "entry", s->list, 24 } };
	fake_kernel_struct(s->fk, "wait_queue_entry", 40, wq, 3);
	struct fake_field swait[] = { { "task", s->fk->ptr, 0 }, { "task_list", s->list, 8 } };
	fake_kernel_struct(s->fk, "swait_queue", 24, swait, 2);
}

void sleepers_ready(struct sleepers *s)
{
	for (size_t i = 0; i < SLEEPERS; i++) {
		fake_kernel_map(s->fk, sleeper_at(i));
		for (uint64_t at = 0; at < SLEEPER_STACK; at += PAGE_SIZE)
			fake_kernel_map(s->fk, stacks_at + SLEEPER_STACK * i + at);
	}
	for (uint64_t at = 0; at < 0x10000; at += PAGE_SIZE)
		fake_kernel_map(s->fk, sleepers_room + at);
	s->k = fake_kernel_ready(s->fk);
	ASSERT_OK(report_create(&s->r));
	s->w = (struct walk){ .k = s->k, .r = s->r, .opts = &s->opts };
	for (size_t i = 0; i < SLEEPERS; i++) {
		struct task_row *t = vec_push(&s->r->tasks);

		t->kva.v = sleeper_at(i);
		t->pid = t->tgid = 10 + (int32_t)i;
		snprintf(t->comm, sizeof(t->comm), "task-%zu", i);
		t->state = (struct opt_u64){ true, 0 };
	}
	ASSERT_OK(report_index_tasks(s->r));
}

void sleepers_complete(struct sleepers *s)
{
	ASSERT_OK(report_section(s->r, "tasks", SECTION_COMPLETE, NULL));
}

void sleepers_destroy(struct sleepers *s)
{
	report_destroy(s->r);
	fake_kernel_destroy(s->fk);
}

static struct kstack_row *add_stack(struct sleepers *s, size_t task, const char *innermost,
				    const char *const *functions)
{
	struct kstack_row *row = vec_push(&s->r->stacks);
	struct kstack_frame *frames = pool_calloc(&s->r->pool, FRAMES_MAX, sizeof(*frames));
	size_t nr = 0;

	frames[nr++] = (struct kstack_frame){ .ip = sleepers_text + 0x10, .sp = sleeper_sp(task),
					      .symbol = innermost };
	for (; *functions && nr < FRAMES_MAX - 1; functions++, nr++)
		frames[nr] = (struct kstack_frame){ .ip = sleepers_text + 0x40 * nr, .symbol = *functions,
						    .sp = sleeper_sp(task) + FRAME_SIZE * nr };
	frames[nr - 1].sp = sleeper_sp(task) + LAST_SP;
	frames[nr++] = (struct kstack_frame){ .ip = 0x401000, .sp = 0x7ffe0000, .kind = FRAME_USER };
	*row = (struct kstack_row){ .task = { sleeper_at(task) }, .frames = frames, .nr_frames = nr };
	s->r->tasks.data[task].stack = s->r->stacks.nr;
	return row;
}

struct kstack_row *sleepers_sleep(struct sleepers *s, size_t task, uint64_t state, const char *const *functions)
{
	struct kstack_row *row = add_stack(s, task, "schedule", functions);

	row->wchan = 2;
	s->r->tasks.data[task].state.v = state;
	return row;
}

struct kstack_row *sleepers_run(struct sleepers *s, size_t task, uint32_t cpu, const char *const *functions)
{
	struct kstack_row *row = add_stack(s, task, functions[0], functions + 1);
	struct vcpu_row *v = vec_push(&s->r->vcpus);

	*v = (struct vcpu_row){ .ok = true, .in_kernel = true, .has_cpu = true, .cpu = cpu };
	((struct kstack_frame *)row->frames)[0].kind = FRAME_EXACT;
	row->has_vcpu = true;
	row->vcpu = s->r->vcpus.nr - 1;
	return row;
}

void sleepers_put(struct sleepers *s, uint64_t va, uint64_t v)
{
	fake_kernel_put64(s->fk, va, v);
}

void sleepers_put32(struct sleepers *s, uint64_t va, uint32_t v)
{
	fake_kernel_write(s->fk, va, &v, sizeof(v));
}

void sleepers_link(struct sleepers *s, const uint64_t *nodes, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		sleepers_put(s, nodes[i], nodes[(i + 1) % nr]);
		sleepers_put(s, nodes[i] + 8, nodes[(i + nr - 1) % nr]);
	}
}

const struct wait_row *sleeper_wait(struct sleepers *s, size_t task)
{
	for (size_t i = 0; i < s->r->waits.nr; i++) {
		if (s->r->waits.data[i].task.v == sleeper_at(task))
			return &s->r->waits.data[i];
	}
	CU_FAIL_FATAL("the task does not wait");
	return NULL;
}
