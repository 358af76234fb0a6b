/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs that do not get on, and where they are. */
#ifndef FDGDB_TRIAGE_CPU_H
#define FDGDB_TRIAGE_CPU_H

#include "triage/triage.h"

/* The stack of the vCPU that a CPU is; NULL. */
const struct kstack_row *triage_cpu_stack(const struct report *r, const struct cpu_row *c);

/* The outermost frame of a BPF program on a stack, which all that loops was called from; NULL: none.  *ret: its index. */
const struct kstack_frame *triage_bpf_frame(const struct kstack_row *s, size_t *ret);

/*
 * For how long the CPU has done nothing else: no timer interrupt for so many seconds, or no scheduling for half of
 * what the kernel allows; 0: it is not stuck.
 */
enum { TRIAGE_CPU_LATE_S = 5 };
double triage_cpu_stuck_for(const struct report *r, const struct cpu_row *c);

/*
 * The finding is about a CPU that does not get on, and what it runs.  If it waits for another CPU, it follows from what
 * is said of that one: of whoever is known to hold what it spins for, else of any that does not wait itself.
 */
void triage_about_stuck_cpu(struct triage *t, struct finding *f, const struct cpu_row *c);

/* The row of what runs there, if it is one that spins; NULL. */
const struct wait_row *triage_spin_row(struct triage *t, const struct cpu_row *c, size_t *ret);

/* Whether it waits for another CPU without letting go of itself. */
bool triage_cpu_spins(struct triage *t, const struct cpu_row *c);

/* "; it spins for spin lock foo, held by bar[12]": "" if it does not. */
const char *triage_spin_text(struct triage *t, const struct cpu_row *c);

/* Who runs there, and where: those that are known. */
void triage_cpu_evidence(struct triage *t, struct finding *f, const struct cpu_row *c);

/* "where vCPU 1 is" */
const char *triage_where_text(struct triage *t, const struct cpu_row *c);

#endif
