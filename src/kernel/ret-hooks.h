/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Return addresses that tracers have replaced by trampolines of their own: those of the function graph
 * tracer (task_struct.ret_stack), of kretprobes and fprobes (task_struct.rethooks, kretprobe_instances).
 */
#ifndef FDGDB_RET_HOOKS_H
#define FDGDB_RET_HOOKS_H

#include "kernel/kernel.h"

struct ret_hooks {
	struct kernel *k;
	struct member ret_stack, curr_ret_stack, record, ret, retp;
	struct member rethooks, node_list, node_ret, node_frame;
	struct member instances, inst_list, inst_ret, inst_frame;
	uint64_t graph, rethook, kretprobe; /* the trampolines; 0: not in this kernel */
	bool ret_stack_is_array;	    /* of records; up to 6.10.  Since then words */
};

struct err *ret_hooks_init(struct kernel *k, struct ret_hooks *h) MUST_CHECK;

/*
 * Where *ip is a trampoline, sets it to where the function whose return address lies at `slot` of the
 * task's stack will really return to.  ERR_CORRUPT if nobody recorded that.
 */
struct err *ret_hooks_resolve(const struct ret_hooks *h, struct kva task, uint64_t slot,
			      uint64_t *ip) MUST_CHECK;

#endif
