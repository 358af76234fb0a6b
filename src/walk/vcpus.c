/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/walk.h"

#include <stdio.h>

#include "target/target.h"

static struct err *read_regs(const struct kernel *k, size_t i, struct vcpu_row *row)
{
	TRY(target_reg(k->target, i, k->arch->ip, &row->ip));
	TRY(target_reg(k->target, i, k->arch->sp, &row->sp));
	TRY(target_reg(k->target, i, k->arch->ptroot, &row->ptroot));
	return k->arch->in_kernel(k->target, i, &row->in_kernel);
}

/* Those that this target has, also of a vCPU without one that we cannot do without. */
static struct err *keep_regs(struct walk *w, size_t i, struct vcpu_row *row)
{
	const struct arch *arch = w->k->arch;
	struct reg *regs = pool_calloc(&w->r->pool, arch->nr_regs, sizeof(*regs));

	if (!regs)
		return &err_nomem;
	for (size_t n = 0; n < arch->nr_regs; n++) {
		struct reg *reg = &regs[row->nr_regs];
		struct err *e = target_reg(w->k->target, i, arch->regs[n], &reg->value);

		if (!e) {
			snprintf(reg->name, sizeof(reg->name), "%s", arch->regs[n]);
			row->nr_regs++;
		}
		err_ignore(e);
	}
	row->regs = regs;
	return NULL;
}

struct err *walk_vcpus(struct walk *w)
{
	const struct kernel *k = w->k;
	size_t lost = 0;

	for (size_t i = 0; i < k->target->nr_vcpus; i++) {
		const struct vcpu *v = &k->target->vcpus[i];
		struct vcpu_row *row = vec_push(&w->r->vcpus);

		if (!row)
			return &err_nomem;

		TRY(keep_regs(w, i, row));
		_cleanup_err_ struct err *e = v->regs ? read_regs(k, i, row) : NULL;
		row->ok = v->regs && !e;
		if (!row->ok) {
			const char *why = e ? e->msg : v->why ? v->why : "no registers";

			row->why = pool_printf(&w->r->pool, "%s", why);
			if (!row->why)
				return &err_nomem;
			lost++;
			continue;
		}

		_cleanup_err_ struct err *no_cpu = kvcpu_cpu(k, i, &row->cpu);
		row->has_cpu = !no_cpu;
		row->offline = row->has_cpu && !k->online[row->cpu];
	}
	if (lost)
		return report_section(w->r, "vcpus", SECTION_NOT_READABLE,
				      "registers of %zu of %zu vCPUs", lost, k->target->nr_vcpus);
	return report_section(w->r, "vcpus", SECTION_COMPLETE, NULL);
}
