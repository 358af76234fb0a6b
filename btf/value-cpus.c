/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU masks, told by the names of their types. */
#include "config.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf/size.h"
#include "btf/value-impl.h"

enum { CPUS_MAX = 8192 }; /* NR_CPUS cannot be more */

bool cpus_pointee(const struct types *types, const struct btf_type *t)
{
	const char *name = types_str(types, t->name_off);

	return (btf_is_struct(t) || btf_is_fwd(t)) &&
	       (!strcmp(name, "cpumask") || !strcmp(name, "bpf_cpumask"));
}

bool cpus_layout(const struct types *types, const struct btf_type *t, uint64_t *off, uint64_t *len)
{
	const char *name = types_str(types, t->name_off);

	if (!btf_is_struct(t))
		return false;
	*off = 0;
	*len = t->size;
	if (!strcmp(name, "cpumask") || !strcmp(name, "cpumask_t") || !strcmp(name, "llc_cpumask"))
		return true;
	if (!strcmp(name, "bpf_cpumask")) {
		/* A reference count follows the mask. */
		if (btf_vlen(t) && !type_size(types, btf_members(t)[0].type, len))
			*len = t->size;
		return true;
	}
	if (!strcmp(name, "scx_bitmap") && t->size >= 8) {
		*off = 8; /* an id */
		*len = t->size - 8;
		return true;
	}
	return false;
}

uint64_t cpus_bytes(unsigned int nr_cpus)
{
	return (nr_cpus + 63ull) / 64 * 8;
}

bool cpus_word_is_garbage(uint64_t word, uint64_t first_cpu, unsigned int nr_cpus)
{
	uint64_t clear = ~word;

	if (word >> 56 != 0xff || !clear)
		return false;
	/* CPUs 40 to 63 and the like are ones up to the top, which no pointer to an object is. */
	return first_cpu + 64 > nr_cpus || clear & (clear + 1);
}

struct value *render_cpus(struct render *r, struct span words)
{
	unsigned int nr_cpus = r->env ? r->env->nr_cpus : 0;
	uint64_t limit = MIN((uint64_t)CPUS_MAX, words.len / 8 * 64), end = 0;

	if (nr_cpus)
		limit = MIN(limit, nr_cpus);
	while (end < limit && !cpus_word_is_garbage(get_le64(words.p + end / 8), end, nr_cpus))
		end += 64;
	end = MIN(end, limit);

	/* The longest list is of pairs and costs ten bytes for three CPUs. */
	size_t room = end * 4 + 16, at = 0;
	_cleanup_free_ char *text = malloc(room);
	if (!text)
		return NULL;
	*text = 0;
	for (unsigned int cpu = 0, last; cpu < end; cpu = last + 1) {
		last = cpu;
		if (!(words.p[cpu / 8] >> cpu % 8 & 1))
			continue;
		while (last + 1 < end && words.p[(last + 1) / 8] >> (last + 1) % 8 & 1)
			last++;
		at += (size_t)snprintf(text + at, room - at, "%s%u", at ? "," : "", cpu);
		if (last > cpu)
			at += (size_t)snprintf(text + at, room - at, "-%u", last);
	}
	render_spend(r, at / 16);

	struct value *v = render_new(r, VALUE_CPU_LIST);
	if (!v)
		return NULL;
	v->cpus = pool_strndup(r->pool, text, at);
	return v->cpus ? v : NULL;
}
