/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other CPUs have asked one to run (kernel/smp.c).  Who asked is recorded only with a debugging option; but the
 * entry of the queue is that CPU's own: its csd_data, one of its cfd_data, or on the stack of what it runs.
 */
#include "config.h"

#include "kernel/kstack.h"
#include "walk/cpus.h"

enum {
	CALLS_MAX = 64,
	/* Bits of the flags: an enum without a name. */
	CSD_FLAG_LOCK = 1, CSD_TYPE_MASK = 0xf0, CSD_TYPE_SYNC = 0x10, CSD_TYPE_TTWU = 0x30,
};

static struct err *is_own_of(struct cpus_walk *c, uint32_t cpu, uint32_t target, uint64_t csd, bool *ret)
{
	const struct cpus_layout *l = &c->l;
	struct kva at, cfd, per_cpu;

	*ret = false;
	if (khas_sym(c->k, "csd_data")) {
		TRY(kpercpu_sym(c->k, "csd_data", cpu, &at));
		*ret = at.v == csd;
	}
	if (!*ret && l->cfd_csd.present && khas_sym(c->k, "cfd_data")) {
		TRY(kpercpu_sym(c->k, "cfd_data", cpu, &cfd));
		TRY(kget_kva(c->k, cfd, &l->cfd_csd, &per_cpu));
		if (per_cpu.v) {
			TRY(kpercpu(c->k, per_cpu, target, &at));
			*ret = at.v == csd;
		}
	}
	if (!*ret && l->task_stack.present && l->rq_curr.present) {
		struct kva rq, curr, stack;

		TRY(kpercpu_sym(c->k, "runqueues", cpu, &rq));
		TRY(kget_kva(c->k, rq, &l->rq_curr, &curr));
		if (curr.v) {
			TRY(kget_kva(c->k, curr, &l->task_stack, &stack));
			*ret = stack.v && csd >= stack.v && csd - stack.v < kstack_task_size(c->k);
		}
	}
	return NULL;
}

static struct err *find_sender(struct cpus_walk *c, uint32_t target, uint64_t csd, struct opt_u64 *ret)
{
	for (uint32_t cpu = 0; cpu < c->k->nr_cpu_ids; cpu++) {
		bool own;

		if (!c->k->possible[cpu] || !c->k->online[cpu] || cpu == target)
			continue;
		TRY(is_own_of(c, cpu, target, csd, &own));
		if (own) {
			*ret = (struct opt_u64){ true, cpu };
			return NULL;
		}
	}
	return NULL;
}

static struct err *read_call(struct cpus_walk *c, uint32_t cpu, uint64_t csd, struct cpu_call *call)
{
	const struct cpus_layout *l = &c->l;
	uint64_t flags, func;

	TRY(kget(c->k, (struct kva){ csd }, &l->csd_flags, &flags));
	call->waited_for = (flags & (CSD_FLAG_LOCK | CSD_TYPE_MASK)) == (CSD_FLAG_LOCK | CSD_TYPE_SYNC);
	/* Part of a task that is to be woken: no function. That of an irq_work is at the same place as a call's. */
	if ((flags & CSD_TYPE_MASK) == CSD_TYPE_TTWU)
		return NULL;
	TRY(kget(c->k, (struct kva){ csd }, &l->csd_func, &func));
	TRY(cpus_func_name(c, func, &call->func));
	return find_sender(c, cpu, csd, &call->from);
}

struct err *cpus_read_calls(struct cpus_walk *c, struct cpu_row *row)
{
	const struct cpus_layout *l = &c->l;
	struct cpu_call calls[CALLS_MAX];
	struct kva at, node;
	size_t nr = 0;

	if (!khas_sym(c->k, "call_single_queue"))
		return NULL;
	TRY(kpercpu_sym(c->k, "call_single_queue", row->cpu, &at));
	TRY(kread_kva(c->k, at, &node)); /* struct llist_head and llist_node are one pointer */
	row->calls_pending = node.v;
	if (!l->csd_llist.present || !l->csd_flags.present || !l->csd_func.present)
		return NULL;
	for (; node.v && nr < CALLS_MAX; nr++) {
		calls[nr] = (struct cpu_call){ 0 };
		TRY(err_prefix(read_call(c, row->cpu, node.v - l->csd_llist.off, &calls[nr]), "calls"));
		TRY(err_prefix(kread_kva(c->k, node, &node), "calls"));
	}
	row->calls_cut = node.v;
	if (!nr)
		return NULL;
	row->calls = pool_calloc(&c->w->r->pool, nr, sizeof(*row->calls));
	if (!row->calls)
		return &err_nomem;
	/* The newest is the first of the list. */
	for (size_t i = 0; i < nr; i++)
		row->calls[nr - 1 - i] = calls[i];
	row->nr_calls = nr;
	return NULL;
}
