/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

const char *walk_cpu_list(struct pool *pool, const bool *cpus, uint32_t nr)
{
	enum { ONE = 11 }; /* ",4294967295" */
	_cleanup_free_ char *buf = malloc((size_t)nr * ONE + 1);
	size_t len = 0;

	if (!buf)
		return NULL;
	for (uint32_t cpu = 0; cpu < nr; cpu++) {
		uint32_t last = cpu;

		if (!cpus[cpu])
			continue;
		while (last + 1 < nr && cpus[last + 1])
			last++;
		len += (size_t)snprintf(buf + len, ONE + 1, "%s%" PRIu32, len ? "," : "", cpu);
		if (last > cpu)
			len += (size_t)snprintf(buf + len, ONE + 1, "-%" PRIu32, last);
		cpu = last;
	}
	return pool_strndup(pool, buf, len);
}
