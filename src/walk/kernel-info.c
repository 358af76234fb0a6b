/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

/* ---- what has gone wrong so far (kernel/panic.c) */

enum { NO_CPU = -1 }; /* panic_cpu: PANIC_CPU_INVALID */

static struct err *read_u32(struct walk *w, const char *name, struct opt_u64 *ret)
{
	struct kva at;
	uint32_t v;

	if (!khas_sym(w->k, name))
		return NULL;
	TRY(ksym(w->k, name, &at));
	TRY(err_prefix(kread_u32(w->k, at, &v), "%s", name));
	*ret = (struct opt_u64){ true, v };
	return NULL;
}

static struct err *read_panic_cpu(struct walk *w)
{
	struct kernel_info *i = &w->r->kernel;
	struct opt_u64 cpu = { 0 };

	TRY(read_u32(w, "panic_cpu", &cpu));
	i->panic_known = cpu.has;
	if (cpu.has && cpu.v != (uint32_t)NO_CPU)
		i->panic_cpu = cpu;
	return NULL;
}

static struct err *read_taint(struct walk *w)
{
	struct opt_u64 *tainted = &w->r->kernel.tainted;
	struct kva at;

	if (!khas_sym(w->k, "tainted_mask"))
		return NULL;
	TRY(ksym(w->k, "tainted_mask", &at));
	TRY(err_prefix(kread_u64(w->k, at, &tainted->v), "tainted_mask"));
	tainted->has = true;
	if (!tainted->v)
		return NULL;
	struct err *e = ktaint_letters(w->k, tainted->v, &w->r->pool, &w->r->kernel.taint_letters);
	if (!e || e->code != ERR_MISSING)
		return e;
	err_free(e); /* the number says it too */
	return NULL;
}

static struct err *read_trouble(struct walk *w)
{
	struct kernel_info *i = &w->r->kernel;

	TRY(read_taint(w));
	TRY(read_panic_cpu(w));
	TRY(read_u32(w, "oops_in_progress", &i->oops_in_progress));
	TRY(read_u32(w, "oops_count", &i->nr_oopses));
	return read_u32(w, "warn_count", &i->nr_warnings);
}

/* All of it in one batch. */
static void fetch_trouble(struct kernel *k)
{
	static const char *const names[] = { "tainted_mask",	 "taint_flags", "panic_cpu",
					     "oops_in_progress", "oops_count",	"warn_count" };
	struct krange ranges[ARRAY_SIZE(names)];
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!khas_sym(k, names[i]))
			continue;
		struct err *e = ksym(k, names[i], &ranges[nr].addr);
		ranges[nr].len = sizeof(uint64_t);
		nr += !e;
		err_ignore(e);
	}
	kprefetch(k, ranges, nr);
}

/* ---- page-table isolation (arch/x86/mm/pti.c) */

struct cpu_layout {
	struct member caps;
};

static const struct layout_member cpu_members[] = {
	LAYOUT(struct cpu_layout, caps, "cpuinfo_x86", "x86_capability"),
};

/*
 * Whether a vCPU was met with a user page table tells only that there is isolation, never that there is
 * none.  The kernel decides once, when it boots, and marks it as a capability of the boot CPU; the number
 * has been the same since there is isolation.
 */
static struct err *find_kpti(struct kernel *k, bool *ret)
{
	enum { X86_FEATURE_PTI = 7 * 32 + 11 };
	struct cpu_layout l;
	struct kva cpu;
	uint32_t word;

	TRY(klayout(k, cpu_members, ARRAY_SIZE(cpu_members), &l, NULL));
	if (!l.caps.present || l.caps.size < (X86_FEATURE_PTI / 32 + 1) * sizeof(word))
		return err_new(ERR_MISSING, "no cpuinfo_x86.x86_capability");
	TRY(ksym(k, "boot_cpu_data", &cpu));
	cpu = kmember(cpu, &l.caps);
	cpu.v += X86_FEATURE_PTI / 32 * sizeof(word);
	TRY(kread_u32(k, cpu, &word));
	*ret = word >> X86_FEATURE_PTI % 32 & 1;
	return NULL;
}

struct err *walk_kernel(struct walk *w)
{
	struct kernel *k = w->k;
	struct kernel_info *i = &w->r->kernel;
	struct pool *pool = &w->r->pool;

	i->arch = k->arch->name;
	i->text = k->text.v;
	i->slide = k->slide;
	i->phys_base = k->phys_base;
	i->pt_levels = k->pt.levels;
	i->has_kpti = i->kpti = k->kpti;
	if (!k->kpti) {
		struct err *e = find_kpti(k, &i->kpti);

		if (e && walk_is_fatal(e))
			return e;
		i->has_kpti = !e;
		err_free(e);
	}
	i->nr_cpu_ids = k->nr_cpu_ids;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++)
		i->nr_online += k->online[cpu];
	i->hz = k->hz;
	i->nr_symbols = symbols_count(k->symbols);
	i->nr_types = types_count(k->types);
	if (k->release && !(i->release = pool_strndup(pool, k->release, SIZE_MAX - 1)))
		return &err_nomem;
	if (k->banner && !(i->banner = pool_strndup(pool, k->banner, SIZE_MAX - 1)))
		return &err_nomem;
	if (k->build_id_len && !(i->build_id = pool_hex(pool, k->build_id, k->build_id_len)))
		return &err_nomem;
	fetch_trouble(w->k);
	return read_trouble(w);
}
