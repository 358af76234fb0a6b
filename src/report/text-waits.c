/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for whom: those that wait for another task first, plain futexes last. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"

enum { WAITS_SHOWN = 24, RANKS = 5 };

static unsigned int rank(const struct wait_row *r)
{
	if (r->kind == WAIT_FUTEX)
		return 4;
	if (r->has_holder)
		return r->uninterruptible ? 0 : 1;
	return r->uninterruptible || r->kind == WAIT_SPINLOCK ? 2 : 3;
}

static void task_cell(struct strbuf *sb, const char *comm, int32_t pid)
{
	escape_append(sb, comm, strlen(comm));
	strbuf_printf(sb, "[%" PRId32 "]", pid);
}

static void lock_cell(struct strbuf *sb, const struct wait_row *r)
{
	if (r->uaddr.has)
		strbuf_printf(sb, "user 0x%" PRIx64 "%s", r->uaddr.v, r->lock.v ? ", " : "");
	if (r->lock.v)
		strbuf_printf(sb, "0x%" PRIx64, r->lock.v);
	if (r->lock_name) {
		strbuf_putc(sb, ' ');
		escape_append(sb, r->lock_name, strlen(r->lock_name));
	}
	if (!r->lock.v && !r->uaddr.has)
		strbuf_putc(sb, '?');
}

static void holder_cell(struct strbuf *sb, const struct wait_row *r)
{
	if (r->has_holder && r->holder.comm)
		task_cell(sb, r->holder.comm, r->holder.pid);
	else if (r->has_holder)
		strbuf_printf(sb, "task 0x%" PRIx64, r->holder.task.v);
	if (r->has_holder && r->holder.basis != WAIT_RECORDED)
		strbuf_printf(sb, " (%s)", wait_basis_text(r->holder.basis));
	if (r->readers.has && r->readers.v)
		strbuf_printf(sb, "%s%" PRIu64 " reader%s", r->has_holder ? ", " : "", r->readers.v,
			      r->readers.v == 1 ? "" : "s");
	if (r->why)
		strbuf_printf(sb, "%s[%s]", r->has_holder || (r->readers.has && r->readers.v) ? " " : "", r->why);
	else if (!r->has_holder && !(r->readers.has && r->readers.v))
		strbuf_putc(sb, '-');
}

void text_wait(struct strbuf *sb, const struct wait_row *r)
{
	strbuf_printf(sb, "%s ", wait_kind_text(r->kind));
	lock_cell(sb, r);
	if (r->has_holder || r->why || (r->readers.has && r->readers.v)) {
		strbuf_puts(sb, ", held by ");
		holder_cell(sb, r);
	}
}

void text_waits(struct text *t)
{
	static const char *const names[] = { "task", "state", "waits for", "lock", "held by" };
	struct table tab = { .columns = ARRAY_SIZE(names), .left = 31 };
	size_t nr = t->r->waits.nr, shown = text_shown(t, nr, WAITS_SHOWN), done = 0;

	text_counted_title(t, "waits", nr, "waits");
	if (!nr)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		table_cell(&tab, "%s", names[i]);
	for (unsigned int which = 0; which < RANKS; which++) {
		for (size_t i = 0; i < nr && done < shown; i++) {
			const struct wait_row *r = &t->r->waits.data[i];

			if (rank(r) != which)
				continue;
			task_cell(table_open(&tab), r->comm, r->pid);
			table_cell(&tab, "%s", r->kind == WAIT_SPINLOCK ? "R" : r->uninterruptible ? "D" : "S");
			table_cell(&tab, "%s", wait_kind_text(r->kind));
			lock_cell(table_open(&tab), r);
			holder_cell(table_open(&tab), r);
			done++;
		}
	}
	table_write(&tab, &t->sb, "  ");
	table_deinit(&tab);
	text_more(t, 1, nr - shown);
	strbuf_putc(&t->sb, '\n');
}
