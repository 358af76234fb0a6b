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
