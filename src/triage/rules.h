/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules, each in the file of its name; what they mean stands in docs/findings.md. */
#ifndef FDGDB_TRIAGE_RULES_H
#define FDGDB_TRIAGE_RULES_H

#include "triage/triage.h"

extern const struct triage_rule rule_bpf_loop;
extern const struct triage_rule rule_clocks_stand;
extern const struct triage_rule rule_cpu_hogged;
extern const struct triage_rule rule_csd_wait;
extern const struct triage_rule rule_deadlock;
extern const struct triage_rule rule_fuse;
extern const struct triage_rule rule_hardlockup;
extern const struct triage_rule rule_hung_task;
extern const struct triage_rule rule_irqs_off;
extern const struct triage_rule rule_lock_held;
extern const struct triage_rule rule_need_resched;
extern const struct triage_rule rule_oops;
extern const struct triage_rule rule_panic;
extern const struct triage_rule rule_rcu_stall;
extern const struct triage_rule rule_ringbuf_full;
extern const struct triage_rule rule_scx_affinity;
extern const struct triage_rule rule_scx_bypass;
extern const struct triage_rule rule_scx_dsq_not_consumed;
extern const struct triage_rule rule_scx_exit;
extern const struct triage_rule rule_scx_held_by_bpf;
extern const struct triage_rule rule_scx_local_blocked;
extern const struct triage_rule rule_scx_watchdog_late;
extern const struct triage_rule rule_scx_watchdog_near;
extern const struct triage_rule rule_softlockup;
extern const struct triage_rule rule_timers_late;
extern const struct triage_rule rule_userfault;
extern const struct triage_rule rule_workqueue_stuck;

#endif
