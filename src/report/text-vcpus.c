/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs by their registers. */
#include "config.h"

#include <inttypes.h>

#include "report/text-parts.h"

enum { INDENT = 4 };

/* What triage has something to say about, a reader wants to see more of. */
static bool is_suspect(const struct report *r, const struct vcpu_row *v)
{
	for (size_t i = 0; v->has_cpu && i < r->findings.rows.nr; i++) {
		const struct finding *f = r->findings.rows.data[i];

		if (f->severity != SEVERITY_INFO && f->cpu.has && f->cpu.v == v->cpu)
			return true;
	}
	return false;
}

static void write_registers(struct text *t, const struct vcpu_row *v)
{
	strbuf_fill(&t->sb, ' ', INDENT);
	for (size_t i = 0; i < v->nr_regs; i++) {
		char buf[48];
		int len = snprintf(buf, sizeof(buf), "%s=0x%" PRIx64, v->regs[i].name, v->regs[i].value);
		bool fits = text_column(&t->sb) + (size_t)len < text_style_width(&t->style);

		if (text_column(&t->sb) > INDENT && !fits)
			text_line(&t->sb, INDENT / 2);
		else if (i)
			strbuf_putc(&t->sb, ' ');
		strbuf_puts(&t->sb, buf);
	}
	strbuf_putc(&t->sb, '\n');
}

void text_cpus(struct text *t)
{
	text_bold(t, true);
	strbuf_puts(&t->sb, "vcpu_regs:");
	text_bold(t, false);
	strbuf_putc(&t->sb, '\n');
	text_section_notes(t, "vcpus");
	for (size_t i = 0; i < t->r->vcpus.nr; i++) {
		const struct vcpu_row *v = &t->r->vcpus.data[i];

		strbuf_printf(&t->sb, "  vcpu %zu: ", i);
		if (!v->ok) {
			strbuf_puts(&t->sb, "<unavailable>");
			if (v->why) {
				strbuf_puts(&t->sb, " ");
				text_guest(t, v->why);
			}
		} else {
			strbuf_printf(&t->sb,
				      "ip=0x%016" PRIx64 " sp=0x%016" PRIx64 " ptroot=0x%016" PRIx64
				      " (%s",
				      v->ip, v->sp, v->ptroot, v->in_kernel ? "kernel" : "user");
			if (v->has_cpu)
				strbuf_printf(&t->sb, ", CPU %" PRIu32 "%s", v->cpu, v->offline ? ", offline" : "");
			strbuf_putc(&t->sb, ')');
		}
		strbuf_putc(&t->sb, '\n');
		if (v->nr_regs && (t->opts->verbose || is_suspect(t->r, v)))
			write_registers(t, v);
	}
}
