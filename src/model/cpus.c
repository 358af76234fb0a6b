/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "model/cpus.h"

const struct cpu_row *cpu_state_find(const struct cpu_state *s, uint32_t cpu)
{
	for (size_t i = 0; i < s->rows.nr; i++) {
		if (s->rows.data[i].cpu == cpu)
			return &s->rows.data[i];
	}
	return NULL;
}

bool cpu_takes_interrupts(const struct cpu_row *c)
{
	/* The idle task may wait for them with the flag off: it looks at once when one has come. */
	return c->place == CPU_IN_USER || (c->has_irqs && c->irqs_on) || (c->place == CPU_HALTED && c->idle);
}

bool cpu_state_clocks_stand(const struct cpu_state *s)
{
	for (size_t i = 0; i < s->rows.nr; i++) {
		const struct cpu_row *c = &s->rows.data[i];

		if (!c->has_irqs || c->place == CPU_PLACE_UNKNOWN || cpu_takes_interrupts(c))
			return false;
	}
	return s->rows.nr;
}

const char *cpu_place_text(enum cpu_place place)
{
	static const char *const names[] = {
		[CPU_IN_USER] = "user", [CPU_HALTED] = "halted", [CPU_IN_KERNEL] = "kernel",
	};

	return (size_t)place < ARRAY_SIZE(names) ? names[place] : NULL;
}

const char *cpu_softirq_name(unsigned int bit)
{
	static const char *const names[] = { "HI",	 "TIMER",   "NET_TX", "NET_RX",	 "BLOCK",
					     "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU" };

	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}
