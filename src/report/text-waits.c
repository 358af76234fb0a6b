/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for whom: those that wait for another task first, plain futexes last. */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-fit.h"

enum { WAITS_SHOWN = 24 };

static unsigned int rank(const struct wait_row *r)
{
	if (r->kind == WAIT_FUTEX)
		return 4;
	if (r->has_holder)
		return r->uninterruptible ? 0 : 1;
	return r->uninterruptible || wait_kind_spins(r->kind) ? 2 : 3;
}

static void task_cell(struct strbuf *sb, const char *comm, int32_t pid)
{
	escape_append(sb, comm, strlen(comm));
	strbuf_printf(sb, "[%" PRId32 "]", pid);
}

static void futex_words(struct strbuf *sb, const struct wait_row *r)
{
	if (r->uaddr.has)
		strbuf_printf(sb, "user 0x%" PRIx64, r->uaddr.v);
	if (r->futex_inode.has)
		strbuf_printf(sb, "%skey of inode %" PRIu64 ", page %" PRIu64 ", offset 0x%" PRIx64,
			      r->uaddr.has ? ", " : "", r->futex_inode.v, r->futex_pgoff.v, r->futex_offset.v);
	if (r->futex_word.has)
		strbuf_printf(sb, " = 0x%" PRIx64, r->futex_word.v);
	if ((r->uaddr.has || r->futex_inode.has) && r->lock.v)
		strbuf_puts(sb, ", ");
}

static void cpus_words(struct strbuf *sb, const struct wait_row *r)
{
	for (size_t i = 0; i < r->nr_cpus; i++)
		strbuf_printf(sb, "%s%" PRIu32, i ? "," : "CPU ", r->cpus[i]);
}

static bool is_known(const struct wait_row *r)
{
	return r->lock.v || r->uaddr.has || r->futex_inode.has || r->nr_cpus || r->object || r->rcu;
}

static void lock_cell(struct strbuf *sb, const struct wait_row *r)
{
	futex_words(sb, r);
	cpus_words(sb, r);
	if (r->rcu)
		strbuf_printf(sb, "%s%s", r->rcu, r->lock.v ? ", " : "");
	if (r->lock.v)
		strbuf_printf(sb, "0x%" PRIx64, r->lock.v);
	if (r->lock_name) {
		strbuf_putc(sb, ' ');
		escape_append(sb, r->lock_name, strlen(r->lock_name));
	}
	if (r->object) {
		if (r->lock.v || r->nr_cpus || r->rcu)
			strbuf_puts(sb, ", ");
		escape_append(sb, r->object, strlen(r->object));
	}
	if (r->frozen) {
		strbuf_puts(sb, ", frozen: ");
		escape_append(sb, r->frozen, strlen(r->frozen));
	}
	if (!is_known(r) && r->kind == WAIT_QUEUE)
		escape_append(sb, r->function, strlen(r->function));
	else if (!is_known(r))
		strbuf_putc(sb, '?');
}

static void holder_cell(struct strbuf *sb, const struct wait_row *r)
{
	if (r->has_holder && r->holder.comm)
		task_cell(sb, r->holder.comm, r->holder.pid);
	else if (r->has_holder)
		strbuf_printf(sb, "task 0x%" PRIx64 "%s", r->holder.task.v,
			      r->holder.gone ? ", which no longer exists" : "");
	if (r->has_holder && r->holder.basis != WAIT_RECORDED)
		strbuf_printf(sb, " (%s)", wait_basis_text(r->holder.basis));
	if (r->readers.has && r->readers.v)
		strbuf_printf(sb, "%s%" PRIu64 " reader%s", r->has_holder ? ", " : "", r->readers.v,
			      r->readers.v == 1 ? "" : "s");
	if (r->handed_over)
		strbuf_puts(sb, "being handed over");
	bool any = r->has_holder || r->handed_over || (r->readers.has && r->readers.v);
	if (r->why) {
		strbuf_puts(sb, any ? " [" : "[");
		escape_append(sb, r->why, strlen(r->why));
		strbuf_putc(sb, ']');
	} else if (!any) {
		strbuf_putc(sb, '-');
	}
	if (r->has_waker && r->waker.comm) {
		strbuf_puts(sb, ", last woken by ");
		task_cell(sb, r->waker.comm, r->waker.pid);
		strbuf_puts(sb, " (hinted)");
	}
}

void text_wait(struct strbuf *sb, const struct wait_row *r)
{
	strbuf_printf(sb, "%s ", wait_kind_text(r->kind));
	lock_cell(sb, r);
	if (r->has_holder || r->why || r->handed_over || (r->readers.has && r->readers.v)) {
		strbuf_puts(sb, ", held by ");
		holder_cell(sb, r);
	}
}

enum column { COL_TASK, COL_STATE, COL_KIND, COL_LOCK, COL_HOLDER, NR_COLUMNS };

static const struct fit_column columns[NR_COLUMNS] = {
	[COL_TASK] = { .title = "task", .left = true, .cut = 16 },
	[COL_STATE] = { .title = "state", .left = true, .drop = 1 },
	[COL_KIND] = { .title = "waits for", .left = true },
	[COL_LOCK] = { .title = "lock", .left = true, .cut = 18 },
	[COL_HOLDER] = { .title = "held by", .left = true, .cut = 16 },
};

static void cell(void *ctx, size_t row, size_t col, struct strbuf *sb)
{
	const struct wait_row *r = &((struct text *)ctx)->r->waits.data[row];

	switch ((enum column)col) {
	case COL_TASK:
		task_cell(sb, r->comm, r->pid);
		return;
	case COL_STATE:
		strbuf_puts(sb, wait_kind_spins(r->kind) ? "R" : r->uninterruptible ? "D" : "S");
		return;
	case COL_KIND:
		strbuf_puts(sb, wait_kind_text(r->kind));
		return;
	case COL_LOCK:
		lock_cell(sb, r);
		return;
	case COL_HOLDER:
		holder_cell(sb, r);
		return;
	case NR_COLUMNS:
		break;
	}
}

static int by_rank(const void *ctx, size_t a, size_t b)
{
	const struct wait_row *rows = ((const struct text *)ctx)->r->waits.data;

	return (int)rank(&rows[a]) - (int)rank(&rows[b]);
}

void text_waits(struct text *t)
{
	size_t nr = t->r->waits.nr;

	text_counted_title(t, "waits", nr, "waits");
	if (!nr)
		return;
	text_fit_table(t,
		       &(struct fit_table){ .columns = columns, .nr_columns = NR_COLUMNS, .nr_rows = nr,
					    .cap = WAITS_SHOWN, .cell = cell, .order = by_rank, .ctx = t, .more = "" },
		       "  ");
}
