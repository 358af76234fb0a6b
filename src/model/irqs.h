/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupts as /proc/interrupts has them: how often each came to which CPU, and who handles it. */
#ifndef FDGDB_MODEL_IRQS_H
#define FDGDB_MODEL_IRQS_H

#include "model/scx.h"

struct irq_row {
	const char *label; /* "LOC", "CAL" ...: of the processor's own; NULL: of a device, by number */
	uint32_t irq;
	const uint32_t *counts; /* [nr_cpu_ids], by CPU; since boot, modulo 2^32 as the kernel has them */
	uint64_t total;		/* sum of these */

	/* Only of devices' from here on. */
	struct kva kva;	     /* struct irq_desc */
	struct opt_u64 hwirq;
	const char *chip;    /* guest bytes; NULL: none */
	const char *actions; /* names of the handlers, "a, b"; guest bytes; NULL: none */
	struct opt_u64 depth;	  /* how often it was disabled; 0: it is not */
	struct opt_u64 unhandled; /* of the last `seen`, those that nobody took */
	struct opt_u64 seen;
	struct opt_u64 threads_active; /* handlers in threads that are running or due */
	bool in_progress; /* a handler was running on some CPU */
	bool masked;
	bool pending;	  /* it came again and is still to be handled */
	bool nobody_cared; /* turned off, because too many were not handled */
};

struct irqs {
	bool collected;
	VEC(struct irq_row) rows; /* devices', by number; then the processor's */
};

#endif
