/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/ret-hooks.h"

#include <bpf/btf.h>
#include <inttypes.h>

#include "base/cleanup.h"

enum {
	HOOKS_MAX = 4096,	 /* nodes on a task's list */
	SHADOW_MAX = 16 << 10,	 /* bytes of a shadow stack: one page, or 50 records */
};

static const struct layout_member members[] = {
	LAYOUT_OPT(struct ret_hooks, ret_stack, "task_struct", "ret_stack"),
	LAYOUT_OPT(struct ret_hooks, curr_ret_stack, "task_struct", "curr_ret_stack"),
	LAYOUT_OPT(struct ret_hooks, rethooks, "task_struct", "rethooks"),
	LAYOUT_OPT(struct ret_hooks, instances, "task_struct", "kretprobe_instances"),
	LAYOUT_OPT(struct ret_hooks, record, "ftrace_ret_stack", ""),
	LAYOUT_OPT(struct ret_hooks, ret, "ftrace_ret_stack", "ret"),
	LAYOUT_OPT(struct ret_hooks, retp, "ftrace_ret_stack", "retp"),
	LAYOUT_OPT(struct ret_hooks, node_list, "rethook_node", "llist"),
	LAYOUT_OPT(struct ret_hooks, node_ret, "rethook_node", "ret_addr"),
	LAYOUT_OPT(struct ret_hooks, node_frame, "rethook_node", "frame"),
	LAYOUT_OPT(struct ret_hooks, inst_list, "kretprobe_instance", "llist"),
	LAYOUT_OPT(struct ret_hooks, inst_ret, "kretprobe_instance", "ret_addr"),
	LAYOUT_OPT(struct ret_hooks, inst_frame, "kretprobe_instance", "fp"),
};

static uint64_t symbol_or_0(const struct kernel *k, const char *name)
{
	struct kva kva = { 0 };

	err_ignore(ksym(k, name, &kva));
	return kva.v;
}

static bool points_to_struct(const struct types *types, uint32_t id)
{
	const struct btf_type *ptr = types_get(types, types_peel(types, id));
	const struct btf_type *to;

	if (!ptr || btf_kind(ptr) != BTF_KIND_PTR)
		return false;
	to = types_get(types, types_peel(types, ptr->type));
	return to && btf_kind(to) == BTF_KIND_STRUCT;
}

struct err *ret_hooks_init(struct kernel *k, struct ret_hooks *h)
{
	*h = (struct ret_hooks){ 0 };
	TRY(klayout(k, members, ARRAY_SIZE(members), h, NULL));
	h->k = k;
	h->graph = symbol_or_0(k, "return_to_handler");
	h->rethook = symbol_or_0(k, "arch_rethook_trampoline");
	h->kretprobe = symbol_or_0(k, "__kretprobe_trampoline");
	h->ret_stack_is_array = h->ret_stack.present && points_to_struct(k->types, h->ret_stack.type_id);
	return NULL;
}

static struct err *nobody(uint64_t ip)
{
	return err_new(ERR_CORRUPT, "no record of where the trampoline at 0x%" PRIx64 " returns to", ip);
}

/*
 * A record has the place of the return address that it stands for, and on one stack that is unique, so the
 * records are searched for it; what else 6.11 put between them does not matter then.
 */
static struct err *graph_ret(const struct ret_hooks *h, struct kva task, uint64_t slot, uint64_t *ip)
{
	uint64_t curr, trampoline = *ip;
	struct kva stack;

	if (!h->ret_stack.present || !h->curr_ret_stack.present || h->record.size > 256 ||
	    !member_fits(&h->ret, h->record.size) || !member_fits(&h->retp, h->record.size))
		return nobody(*ip);
	TRY(kget_kva(h->k, task, &h->ret_stack, &stack));
	TRY(kget(h->k, task, &h->curr_ret_stack, &curr));

	uint64_t bytes = h->ret_stack_is_array ? (curr + 1) * h->record.size : curr * 8;
	if (!stack.v || (int32_t)curr < 0 || bytes > SHADOW_MAX)
		return nobody(trampoline);
	_cleanup_free_ uint8_t *words = malloc(bytes + 1);
	if (!words)
		return &err_nomem;
	TRY(err_prefix(kread(h->k, stack, words, bytes), "shadow stack"));
	for (uint64_t at = 0; at + h->record.size <= bytes; at += 8) {
		uint64_t ret = member_get(&h->ret, words + at);

		/* A tail call leaves two records of one place, the newer with the trampoline. */
		if (member_get(&h->retp, words + at) == slot && ret != trampoline) {
			*ip = ret;
			return NULL;
		}
	}
	return nobody(trampoline);
}

static struct err *list_ret(const struct ret_hooks *h, struct kva task, const struct member *head,
			    const struct member *list, const struct member *ret, const struct member *frame,
			    uint64_t slot, uint64_t *ip)
{
	struct kva node;
	uint64_t trampoline = *ip;

	if (!head->present || !list->present || !ret->present || !frame->present)
		return nobody(*ip);
	/* struct llist_head and llist_node are one pointer. */
	TRY(kread_kva(h->k, kmember(task, head), &node));
	for (size_t i = 0; node.v && i < HOOKS_MAX; i++) {
		struct kva obj = { node.v - list->off };
		uint64_t addr, at;

		TRY(kget(h->k, obj, frame, &at));
		TRY(kget(h->k, obj, ret, &addr));
		if (at == slot && addr != trampoline) {
			*ip = addr;
			return NULL;
		}
		TRY(kread_kva(h->k, node, &node));
	}
	return nobody(trampoline);
}

struct err *ret_hooks_resolve(const struct ret_hooks *h, struct kva task, uint64_t slot, uint64_t *ip)
{
	if (!*ip)
		return NULL;
	/* The graph tracer may have taken a kretprobe's trampoline for the return address. */
	if (*ip == h->graph)
		TRY(graph_ret(h, task, slot, ip));
	if (*ip == h->rethook)
		TRY(list_ret(h, task, &h->rethooks, &h->node_list, &h->node_ret, &h->node_frame, slot, ip));
	else if (*ip == h->kretprobe)
		TRY(list_ret(h, task, &h->instances, &h->inst_list, &h->inst_ret, &h->inst_frame, slot, ip));
	return NULL;
}
