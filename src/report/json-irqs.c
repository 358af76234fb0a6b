/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

static void write_device(struct json *j, const struct irq_row *row)
{
	json_key_u64(j, "irq", row->irq);
	json_opt_u64(j, "hwirq", &row->hwirq);
	json_opt_string(j, "chip", row->chip);
	json_opt_string(j, "actions", row->actions);
	json_key_u64(j, "desc_kva", row->kva.v);
	json_opt_u64(j, "disabled_depth", &row->depth);
	json_opt_u64(j, "seen", &row->seen);
	json_opt_u64(j, "unhandled", &row->unhandled);
	json_opt_u64(j, "threads_active", &row->threads_active);
	json_opt_true(j, "in_progress", row->in_progress);
	json_opt_true(j, "masked", row->masked);
	json_opt_true(j, "pending", row->pending);
	json_opt_true(j, "nobody_cared", row->nobody_cared);
}

static void write_irq(struct json_report *w, const struct irq_row *row)
{
	struct json *j = &w->j;

	json_open_object(j);
	if (row->label)
		json_key_string(j, "label", row->label);
	else
		write_device(j, row);
	json_key_u64(j, "total", row->total);
	json_key(j, "counts");
	json_open_flat_array(j);
	for (uint32_t cpu = 0; cpu < w->r->kernel.nr_cpu_ids; cpu++)
		json_u64(j, row->counts[cpu]);
	json_close_array(j);
	json_close_object(j);
}

void json_write_irqs(struct json_report *w)
{
	const struct irqs *irqs = &w->r->irqs;

	if (!irqs->collected)
		return;
	json_key(&w->j, "irqs");
	json_open_array(&w->j);
	for (size_t i = 0; i < irqs->rows.nr && !json_failed(&w->j); i++)
		write_irq(w, &irqs->rows.data[i]);
	json_close_array(&w->j);
}
