/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Per-CPU memory.  The address is symbol (or __percpu pointer) + __per_cpu_offset[cpu] mod 2^64 in
 * all versions.  Up to 6.14 symbols are offsets from 0 and the array holds addresses; from 6.15 symbols
 * are addresses inside the image, slide with KASLR as all others, and the array holds differences.
 * kallsyms in memory hold runtime values of both kinds, so there is nothing to tell apart.
 */
#include "config.h"

#include "kernel/kernel.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/internal.h"

enum { MAX_CPUS = 8192 }; /* CONFIG_NR_CPUS of MAXSMP */

static struct err *read_array(struct kernel *k, const char *name, uint64_t *ret, size_t nr)
{
	struct kva sym;

	TRY(ksym(k, name, &sym));
	TRY(err_prefix(kread(k, sym, ret, nr * sizeof(*ret)), "%s", name));
	for (size_t i = 0; i < nr; i++)
		ret[i] = get_le64(&ret[i]);
	return NULL;
}

/* struct cpumask: bits in an array of longs.  Only nr_cpu_ids bits of it mean anything. */
static struct err *read_mask(struct kernel *k, const char *name, bool *ret)
{
	size_t words = (k->nr_cpu_ids + 63) / 64;
	_cleanup_free_ uint64_t *bits = calloc(words, sizeof(*bits));

	if (!bits)
		return &err_nomem;
	TRY(read_array(k, name, bits, words));
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++)
		ret[cpu] = bits[cpu / 64] >> cpu % 64 & 1;
	return NULL;
}

static struct err *find_cpus(struct kernel *k)
{
	struct kva sym;
	uint32_t nr = 1;

	/* A kernel without SMP has none of these: one CPU, offset 0. */
	bool smp = khas_sym(k, "__per_cpu_offset");
	if (smp) {
		TRY(ksym(k, "nr_cpu_ids", &sym));
		TRY(err_prefix(kread_u32(k, sym, &nr), "nr_cpu_ids"));
		if (!nr || nr > MAX_CPUS)
			return err_new(ERR_CORRUPT, "nr_cpu_ids is %" PRIu32, nr);
	}

	k->percpu_off = calloc(nr, sizeof(*k->percpu_off));
	k->possible = calloc(nr, sizeof(*k->possible));
	k->online = calloc(nr, sizeof(*k->online));
	if (!k->percpu_off || !k->possible || !k->online)
		return &err_nomem;
	k->nr_cpu_ids = nr;
	if (!smp) {
		k->possible[0] = k->online[0] = true;
		return NULL;
	}

	TRY(read_array(k, "__per_cpu_offset", k->percpu_off, nr));
	TRY(read_mask(k, "__cpu_possible_mask", k->possible));
	TRY(read_mask(k, "__cpu_online_mask", k->online));

	/*
	 * Until setup_per_cpu_areas() all slots hold the same: __per_cpu_load up to 6.14, 0 later.  One
	 * CPU alone cannot tell; but 0 is never an offset.
	 */
	bool differ = false;
	for (uint32_t cpu = 1; cpu < nr; cpu++)
		differ |= k->percpu_off[cpu] != k->percpu_off[0];
	if (!k->percpu_off[0] || (nr > 1 && !differ))
		return err_new(ERR_CORRUPT, "the kernel has not set up its per-CPU areas yet");
	return NULL;
}

struct err *kernel_find_cpus(struct kernel *k)
{
	struct err *e = find_cpus(k);

	if (!e)
		return NULL;
	free(k->percpu_off);
	free(k->possible);
	free(k->online);
	k->percpu_off = NULL;
	k->possible = k->online = NULL;
	k->nr_cpu_ids = 0;
	return e;
}

struct err *kpercpu(const struct kernel *k, struct kva sym_or_ptr, uint32_t cpu, struct kva *ret)
{
	/*
	 * The slot of a CPU that cannot exist holds something that looks like an offset: 0 would
	 * alias the template, __per_cpu_load another CPU's memory.
	 */
	if (cpu >= k->nr_cpu_ids || !k->possible[cpu])
		return err_fault(sym_or_ptr.v, "CPU %" PRIu32 " is not possible in this guest", cpu);
	*ret = (struct kva){ sym_or_ptr.v + k->percpu_off[cpu] };
	return NULL;
}

struct err *kpercpu_sym(const struct kernel *k, const char *name, uint32_t cpu, struct kva *ret)
{
	struct kva sym;

	TRY(ksym(k, name, &sym));
	return kpercpu(k, sym, cpu, ret);
}

struct err *kvcpu_cpu(const struct kernel *k, size_t vcpu, uint32_t *ret)
{
	for (unsigned int alternative = 0;; alternative++) {
		uint64_t base;
		struct err *e = k->arch->percpu_base(k->target, vcpu, alternative, &base);

		if (e && e->code == ERR_MISSING && alternative > 0) {
			err_free(e);
			break;
		}
		if (e)
			return e;
		for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
			if (!k->possible[cpu] || k->percpu_off[cpu] != base)
				continue;
			*ret = cpu;
			return NULL;
		}
	}
	return err_new(ERR_MISSING, "vCPU %zu is none of the kernel's CPUs by its registers", vcpu);
}
