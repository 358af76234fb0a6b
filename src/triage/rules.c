/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/rules.h"

/* Causes before what they cause; of findings equally severe and sure, those of the first rule come first, too. */
const struct triage_rule *const triage_rules[] = {
	&rule_panic,
	&rule_oops,
	&rule_deadlock,
	&rule_bpf_loop,
	&rule_csd_wait,
	&rule_irqs_off,
	&rule_hardlockup,
	&rule_softlockup,
	&rule_need_resched,
	&rule_cpu_hogged,
	&rule_scx_held_by_bpf,
	&rule_scx_affinity,
	&rule_scx_dsq_not_consumed,
	&rule_scx_local_blocked,
	&rule_userfault,
	&rule_fuse,
	&rule_lock_held,
	&rule_rcu_stall,
	&rule_hung_task,
	&rule_workqueue_stuck,
	&rule_timers_late,
	&rule_scx_watchdog_near,
	&rule_scx_watchdog_late,
	&rule_scx_exit,
	&rule_scx_bypass,
	&rule_clocks_stand,
	&rule_ringbuf_full,
};
const size_t nr_triage_rules = ARRAY_SIZE(triage_rules);
