/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts: devices' are struct irq_desc in a radix tree (up to 6.4) or a maple tree, with a per-CPU counter each;
 * the processor's own are counters in irq_stat.
 */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/containers.h"

enum {
	IRQS_MAX = 65536,
	COUNTS_MAX = 1 << 20, /* all counters of all CPUs; a few thousand are common */
	ACTIONS_MAX = 64,     /* that share an interrupt */
	DESC_SIZE_MAX = 4096,
	NAME_MAX_LEN = 128,

	/* irq_common_data.state_use_accessors and irq_desc.istate; enumerators of unnamed enums, the same since 3.x. */
	IRQD_MASKED = 1 << 17, IRQD_IN_PROGRESS = 1 << 18,
	IRQS_SPURIOUS_DISABLED = 2, IRQS_PENDING = 0x200,
};

struct irq_layout {
	struct member desc, irq, hwirq, chip, state, istate, depth, unhandled, seen, threads, kstat, action;
	struct member cnt, next, action_name, chip_name;
};

static const struct layout_member irq_members[] = {
	LAYOUT(struct irq_layout, desc, "irq_desc", ""),
	LAYOUT(struct irq_layout, irq, "irq_desc", "irq_data.irq"),
	LAYOUT(struct irq_layout, hwirq, "irq_desc", "irq_data.hwirq"),
	LAYOUT(struct irq_layout, chip, "irq_desc", "irq_data.chip"),
	LAYOUT(struct irq_layout, state, "irq_desc", "irq_common_data.state_use_accessors"),
	LAYOUT(struct irq_layout, istate, "irq_desc", "core_internal_state__do_not_mess_with_it"),
	LAYOUT(struct irq_layout, depth, "irq_desc", "depth"),
	LAYOUT(struct irq_layout, unhandled, "irq_desc", "irqs_unhandled"),
	LAYOUT(struct irq_layout, seen, "irq_desc", "irq_count"),
	LAYOUT(struct irq_layout, threads, "irq_desc", "threads_active.counter"),
	LAYOUT(struct irq_layout, kstat, "irq_desc", "kstat_irqs"),
	LAYOUT(struct irq_layout, action, "irq_desc", "action"),
	LAYOUT_OPT(struct irq_layout, cnt, "irqstat", "cnt"), /* 6.10; a bare number before */
	LAYOUT(struct irq_layout, next, "irqaction", "next"),
	LAYOUT(struct irq_layout, action_name, "irqaction", "name"),
	LAYOUT(struct irq_layout, chip_name, "irq_chip", "name"),
};

struct irq_walk {
	struct walk *w;
	struct kernel *k;
	struct irq_layout l;
	VEC(struct kva) descs;
	struct irq_row *rows; /* [descs.nr] */
	struct err *fatal;
	struct err *why; /* of the first that could not be read */
	size_t bad;
};

static bool add_desc(struct irq_walk *iw, struct kva desc)
{
	struct kva *p = vec_push(&iw->descs);

	if (p)
		*p = desc;
	else
		iw->fatal = &err_nomem;
	return p;
}

static bool on_entry(void *ctx, uint64_t index UNUSED, struct kva entry)
{
	return add_desc(ctx, entry);
}

static bool on_range(void *ctx, uint64_t first UNUSED, uint64_t last UNUSED, struct kva entry)
{
	return add_desc(ctx, entry);
}

static struct err *find_descs(struct irq_walk *iw)
{
	size_t max = COUNTS_MAX / (iw->k->nr_cpu_ids + (size_t)!iw->k->nr_cpu_ids);
	struct err *why = NULL;
	enum walk_end end;
	struct kva tree;

	max = MIN(max, (size_t)IRQS_MAX);
	if (khas_sym(iw->k, "sparse_irqs")) { /* 6.5 */
		TRY(ksym(iw->k, "sparse_irqs", &tree));
		end = kmaple_walk(iw->k, tree, max, on_range, iw, &why);
	} else {
		TRY(ksym(iw->k, "irq_desc_tree", &tree));
		end = kxarray_walk(iw->k, tree, max, on_entry, iw, &why);
	}
	if (iw->fatal) {
		err_free(why);
		return iw->fatal;
	}
	if (end == WALK_BROKEN && walk_is_fatal(why))
		return why;
	if (end == WALK_BROKEN) {
		struct err *e = report_section(iw->w->r, "irqs", why->code == ERR_MISSING ? SECTION_NOT_IMPLEMENTED :
							why->code == ERR_CORRUPT ? SECTION_IMPLAUSIBLE :
										   SECTION_NOT_READABLE,
					       "%s", why->msg);

		err_free(why);
		return e;
	}
	if (end == WALK_LOOP)
		return report_section(iw->w->r, "irqs", SECTION_IMPLAUSIBLE, "%s", walk_end_text(end));
	if (end == WALK_CAPPED)
		return report_cut(iw->w->r, "irqs", false, "the first %zu", iw->descs.nr);
	return NULL;
}

/* ---- one of a device */

static struct err *read_name(struct irq_walk *iw, struct kva obj, const struct member *m, char buf[NAME_MAX_LEN])
{
	struct kva name;

	TRY(kget_kva(iw->k, obj, m, &name));
	*buf = '\0';
	return name.v ? kread_str(iw->k, name, buf, NAME_MAX_LEN) : NULL;
}

static struct err *read_actions(struct irq_walk *iw, struct kva action, struct irq_row *row)
{
	struct pool *pool = &iw->w->r->pool;
	char name[NAME_MAX_LEN];

	for (size_t i = 0; action.v; i++) {
		if (i == ACTIONS_MAX)
			return err_new(ERR_CORRUPT, "more than %d handlers", ACTIONS_MAX);
		TRY(read_name(iw, action, &iw->l.action_name, name));
		row->actions = pool_printf(pool, "%s%s%s", row->actions ? row->actions : "", row->actions ? ", " : "",
					   *name ? name : "?");
		if (!row->actions)
			return &err_nomem;
		TRY(kget_kva(iw->k, action, &iw->l.next, &action));
	}
	return NULL;
}

/* A 32-bit number of each possible CPU, and their sum. */
static struct err *read_counts(struct irq_walk *iw, struct kva percpu, uint64_t off, struct irq_row *row)
{
	const struct kernel *k = iw->k;
	uint32_t *counts = pool_calloc(&iw->w->r->pool, k->nr_cpu_ids, sizeof(*counts));
	_cleanup_free_ struct krange *ranges = calloc(k->nr_cpu_ids + 1, sizeof(*ranges));

	if (!counts || !ranges)
		return &err_nomem;
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		if (!k->possible[cpu])
			continue;
		TRY(kpercpu(k, percpu, cpu, &ranges[cpu].addr));
		ranges[cpu].addr.v += off;
		ranges[cpu].len = sizeof(*counts);
	}
	kprefetch(iw->k, ranges, k->nr_cpu_ids);
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++) {
		if (!k->possible[cpu])
			continue;
		TRY(err_prefix(kread_u32(iw->k, ranges[cpu].addr, &counts[cpu]), "CPU %" PRIu32, cpu));
		row->total += counts[cpu];
	}
	row->counts = counts;
	return NULL;
}

static struct err *read_chip(struct irq_walk *iw, struct kva chip, struct irq_row *row)
{
	char name[NAME_MAX_LEN];

	if (!chip.v)
		return NULL;
	TRY(read_name(iw, chip, &iw->l.chip_name, name));
	row->chip = *name ? pool_strndup(&iw->w->r->pool, name, sizeof(name)) : NULL;
	return *name && !row->chip ? &err_nomem : NULL;
}

static struct err *read_desc(struct irq_walk *iw, size_t i)
{
	const struct irq_layout *l = &iw->l;
	struct irq_row *row = &iw->rows[i];
	_cleanup_free_ uint8_t *raw = malloc(l->desc.size);

	if (!raw)
		return &err_nomem;
	row->kva = iw->descs.data[i];
	TRY(kread(iw->k, row->kva, raw, l->desc.size));
	uint64_t state = member_get(&l->state, raw), istate = member_get(&l->istate, raw);
	row->irq = (uint32_t)member_get(&l->irq, raw);
	row->hwirq = (struct opt_u64){ true, member_get(&l->hwirq, raw) };
	row->depth = (struct opt_u64){ true, member_get(&l->depth, raw) };
	row->unhandled = (struct opt_u64){ true, member_get(&l->unhandled, raw) };
	row->seen = (struct opt_u64){ true, member_get(&l->seen, raw) };
	row->threads_active = (struct opt_u64){ true, member_get(&l->threads, raw) };
	row->masked = state & IRQD_MASKED;
	row->in_progress = state & IRQD_IN_PROGRESS;
	row->nobody_cared = istate & IRQS_SPURIOUS_DISABLED;
	row->pending = istate & IRQS_PENDING;
	TRY(read_counts(iw, (struct kva){ member_get(&l->kstat, raw) }, l->cnt.present ? l->cnt.off : 0, row));
	TRY(read_actions(iw, (struct kva){ member_get(&l->action, raw) }, row));
	return read_chip(iw, (struct kva){ member_get(&l->chip, raw) }, row);
}

static void read_one(void *ctx, size_t i)
{
	struct irq_walk *iw = ctx;
	struct err *e = iw->fatal ? NULL : read_desc(iw, i);

	if (!e)
		return;
	iw->rows[i].counts = NULL;
	if (walk_is_fatal(e)) {
		if (iw->fatal)
			err_free(e);
		else
			iw->fatal = e;
		return;
	}
	iw->bad++;
	if (iw->why)
		err_free(e);
	else
		iw->why = err_prefix(e, "irq_desc 0x%016" PRIx64, iw->descs.data[i].v);
}

static void fetch_descs(struct irq_walk *iw)
{
	_cleanup_free_ struct krange *ranges = calloc(iw->descs.nr + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < iw->descs.nr; i++)
		ranges[i] = (struct krange){ iw->descs.data[i], iw->l.desc.size };
	if (ranges)
		kprefetch(iw->k, ranges, iw->descs.nr);
}

static struct err *read_descs(struct irq_walk *iw)
{
	struct irqs *irqs = &iw->w->r->irqs;

	fetch_descs(iw);
	mem_each(iw->k->mem, iw->descs.nr, read_one, iw);
	if (iw->fatal)
		return iw->fatal;
	if (iw->bad)
		TRY(report_section(iw->w->r, "irqs", SECTION_NOT_READABLE, "%zu of %zu interrupts; first: %s", iw->bad,
				   iw->descs.nr, iw->why->msg));
	for (size_t i = 0; i < iw->descs.nr; i++) {
		const struct irq_row *row = &iw->rows[i];

		/* One without a handler that never came is only room for one. */
		if (!row->counts || (!row->actions && !row->total))
			continue;
		struct irq_row *copy = vec_push(&irqs->rows);
		if (!copy)
			return &err_nomem;
		*copy = *row;
	}
	return NULL;
}

static struct err *resolve(struct irq_walk *iw, bool *ret)
{
	struct missing missing = { 0 };
	struct err *e = klayout(iw->k, irq_members, ARRAY_SIZE(irq_members), &iw->l, &missing);

	*ret = !missing.nr;
	for (size_t i = 0; !e && i < missing.nr; i++)
		e = report_section(iw->w->r, "irqs", SECTION_NOT_IMPLEMENTED, "not in this kernel's types: %s",
				   missing.names[i]);
	missing_deinit(&missing);
	if (!e && *ret && (!iw->l.desc.size || iw->l.desc.size > DESC_SIZE_MAX))
		e = err_new(ERR_CORRUPT, "struct irq_desc has %" PRIu32 " bytes", iw->l.desc.size);
	return e;
}

static struct err *walk_descs(struct irq_walk *iw)
{
	bool known;

	if (!khas_sym(iw->k, "sparse_irqs") && !khas_sym(iw->k, "irq_desc_tree"))
		return report_section(iw->w->r, "irqs", SECTION_NOT_IMPLEMENTED,
				      "neither sparse_irqs nor irq_desc_tree is among this kernel's symbols");
	TRY(resolve(iw, &known));
	if (!known)
		return NULL;
	TRY(find_descs(iw));
	iw->rows = calloc(iw->descs.nr + 1, sizeof(*iw->rows));
	return iw->rows ? read_descs(iw) : &err_nomem;
}

/* ---- the processor's own */

/* x86: as arch_show_interrupts() calls them. Members of irq_cpustat_t up to 7.1, elements of its array since. */
static const struct {
	const char *label, *member, *element, *variable;
} own[] = {
	{ "NMI", "__nmi_count", "IRQ_COUNT_NMI", NULL },
	{ "LOC", "apic_timer_irqs", "IRQ_COUNT_APIC_TIMER", NULL },
	{ "SPU", "irq_spurious_count", "IRQ_COUNT_SPURIOUS", NULL },
	{ "PMI", "apic_perf_irqs", "IRQ_COUNT_APIC_PERF", NULL },
	{ "IWI", "apic_irq_work_irqs", "IRQ_COUNT_IRQ_WORK", NULL },
	{ "RTR", "icr_read_retry_count", "IRQ_COUNT_ICR_READ_RETRY", NULL },
	{ "PLT", "x86_platform_ipis", "IRQ_COUNT_X86_PLATFORM_IPI", NULL },
	{ "RES", "irq_resched_count", "IRQ_COUNT_RESCHEDULE", NULL },
	{ "CAL", "irq_call_count", "IRQ_COUNT_CALL_FUNCTION", NULL },
	{ "TLB", "irq_tlb_count", "IRQ_COUNT_TLB", NULL },
	{ "TRM", "irq_thermal_count", "IRQ_COUNT_THERMAL_APIC", NULL },
	{ "THR", "irq_threshold_count", "IRQ_COUNT_THRESHOLD_APIC", NULL },
	{ "DFR", "irq_deferred_error_count", "IRQ_COUNT_DEFERRED_ERROR", NULL },
	{ "MCE", NULL, "IRQ_COUNT_MCE_EXCEPTION", "mce_exception_count" },
	{ "MCP", NULL, "IRQ_COUNT_MCE_POLL", "mce_poll_count" },
	{ "HYP", "irq_hv_callback_count", "IRQ_COUNT_HYPERVISOR_CALLBACK", NULL },
	{ "HRE", "irq_hv_reenlightenment_count", "IRQ_COUNT_HYPERV_REENLIGHTENMENT", NULL },
	{ "HVS", "hyperv_stimer0_count", "IRQ_COUNT_HYPERV_STIMER0", NULL },
	{ "PIN", "kvm_posted_intr_ipis", "IRQ_COUNT_POSTED_INTR", NULL },
	{ "NPI", "kvm_posted_intr_nested_ipis", "IRQ_COUNT_POSTED_INTR_NESTED", NULL },
	{ "PIW", "kvm_posted_intr_wakeup_ipis", "IRQ_COUNT_POSTED_INTR_WAKEUP", NULL },
	{ "VPMI", "perf_guest_mediated_pmis", "IRQ_COUNT_PERF_GUEST_MEDIATED_PMI", NULL }, /* 7.0 */
};

struct own_layout {
	struct member counts;
	struct member members[ARRAY_SIZE(own)];
};

/* Where it is within the per-CPU variable; false: this kernel does not count it. */
static struct err *find_own(struct irq_walk *iw, const struct own_layout *l, size_t i, struct kva stat,
			    struct kva *ret, bool *found)
{
	int64_t element;

	*found = false;
	if (l->members[i].present) {
		*ret = kmember(stat, &l->members[i]);
		*found = l->members[i].size == 4;
	} else if (l->counts.present && l->counts.size == 4 * l->counts.nr) {
		struct err *e = kenum(iw->k, "irq_stat_counts", own[i].element, &element);

		if (e && e->code != ERR_MISSING)
			return e;
		*found = !e && element >= 0 && (uint64_t)element < l->counts.nr;
		ret->v = kmember(stat, &l->counts).v + (*found ? 4 * (uint64_t)element : 0);
		err_ignore(e);
	} else if (own[i].variable && khas_sym(iw->k, own[i].variable)) {
		TRY(ksym(iw->k, own[i].variable, ret));
		*found = true;
	}
	return NULL;
}

static struct err *walk_own(struct irq_walk *iw)
{
	struct layout_member wanted[1 + ARRAY_SIZE(own)] = {
		LAYOUT_OPT(struct own_layout, counts, "irq_cpustat_t", "counts"), /* 7.2 */
	};
	struct own_layout l = { 0 };
	struct kva stat, at;
	bool found;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		wanted[1 + i] = (struct layout_member){ "irq_cpustat_t", own[i].member ? own[i].member : "no such",
							offsetof(struct own_layout, members[i]), true };
	TRY(klayout(iw->k, wanted, ARRAY_SIZE(wanted), &l, NULL));
	TRY(ksym(iw->k, "irq_stat", &stat));
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct irq_row row = { .label = own[i].label };

		TRY(find_own(iw, &l, i, stat, &at, &found));
		if (!found)
			continue;
		TRY(err_prefix(read_counts(iw, at, 0, &row), "%s", own[i].label));
		struct irq_row *copy = vec_push(&iw->w->r->irqs.rows);
		if (!copy)
			return &err_nomem;
		*copy = row;
	}
	return NULL;
}

struct err *walk_irqs(struct walk *w)
{
	struct irq_walk iw = { .w = w, .k = w->k };

	TRY(report_section(w->r, "irqs", SECTION_COMPLETE, NULL));
	if (w->k->cpus_why)
		return report_section(w->r, "irqs", SECTION_NOT_READABLE, "no CPUs: %s", w->k->cpus_why);
	w->r->irqs.collected = true;
	struct err *e = walk_descs(&iw);
	free(iw.descs.data);
	free(iw.rows);
	err_free(iw.why);
	if (e && walk_is_fatal(e))
		return e;
	/* What is wrong with the one says nothing of the other. */
	struct err *own_e = walk_own(&iw);
	if (!e || (own_e && walk_is_fatal(own_e))) {
		err_free(e);
		return own_e;
	}
	struct err *failed = own_e ? report_section(w->r, "irqs", SECTION_NOT_READABLE, "the processor's own: %s",
						    own_e->msg) : NULL;
	err_free(own_e);
	if (!failed)
		return e;
	err_free(e);
	return failed;
}
