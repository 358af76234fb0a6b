/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct scx_exit_info: why a scheduler ended.  It is allocated with the scheduler, filled when that
 * ends, and freed with it: from 6.16 on only once its loader lets go of it.
 */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>

#include "kernel/symbolize.h"

enum {
	REASON_MAX = 256,
	MSG_MAX = 1 << 13,  /* SCX_EXIT_MSG_LEN is 1 KiB */
	DUMP_MAX = 1 << 20, /* 32 KiB unless the scheduler asks for more */
	BT_MAX = 256,	    /* SCX_EXIT_BT_LEN is 64 */
};

/* What a part's failure is about; the others are still read. */
static struct err *part(struct scx_exit_row *row, struct scx_walk *s, const char *what, struct err *e)
{
	if (!e || walk_is_fatal(e))
		return e;
	if (!row->why)
		row->why = pool_printf(s->pool, "%s: %s", what, e->msg);
	err_free(e);
	return row->why ? NULL : &err_nomem;
}

/*
 * SCX_ECODE_*: a number for the reason in bits 32 to 47, one for what to do in bits 48 to 63.  The rest is
 * the program's, and so is all of a code that names no reason and no action of the kernel's.
 */
static struct err *name_code(struct scx_walk *s, struct scx_exit_row *row)
{
	static const char prefix[] = "SCX_ECODE_";

	for (unsigned int shift = 32; shift < 64; shift += 16) {
		uint64_t part = row->code.v & 0xffffull << shift;
		const char *name = part ? scx_enum_name(s, "scx_exit_code", (int64_t)part) : NULL;

		if (!name)
			continue;
		if (!strncmp(name, prefix, sizeof(prefix) - 1))
			name += sizeof(prefix) - 1;
		row->code_names = row->code_names ?
					  pool_printf(s->pool, "%s|%s", row->code_names, name) :
					  pool_printf(s->pool, "%s", name);
		if (!row->code_names)
			return &err_nomem;
	}
	return NULL;
}

static struct err *read_scalars(struct scx_walk *s, struct scx_exit_row *row)
{
	const struct scx_layout *l = &s->l;
	uint64_t v;

	if (l->ei_kind.present) {
		TRY(kget(s->k, row->kva, &l->ei_kind, &v));
		row->kind = (uint32_t)v;
		row->kind_name = scx_enum_name(s, "scx_exit_kind", row->kind);
	}
	if (l->ei_code.present) {
		TRY(kget(s->k, row->kva, &l->ei_code, &row->code.v));
		row->code.has = true;
		TRY(name_code(s, row));
	}
	if (l->ei_flags.present) {
		TRY(kget(s->k, row->kva, &l->ei_flags, &row->flags.v));
		row->flags.has = true;
		TRY(scx_flag_names(s, "scx_exit_flags", "SCX_EFLAG_", row->flags.v, &row->flag_names));
	}
	if (l->ei_cpu.present) {
		TRY(kget(s->k, row->kva, &l->ei_cpu, &v));
		row->cpu = (int32_t)v;
		/* -1: nobody's CPU, as when user space ended it. */
		row->has_cpu = row->cpu >= 0 && (uint32_t)row->cpu < s->k->nr_cpu_ids;
	}
	return NULL;
}

static struct err *symbolize(struct scx_walk *s, struct scx_exit_row *row)
{
	row->symbols = pool_calloc(s->pool, row->nr_bt, sizeof(*row->symbols));
	if (!row->symbols)
		return &err_nomem;
	for (size_t i = 0; i < row->nr_bt; i++) {
		struct sym sym;

		/* stack_trace_save() gives return addresses but for the innermost, which is one too here: it is of
		 * the function that asked. */
		TRY(ksymbolize(s->k, (struct kva){ row->bt[i] }, SYM_RETURN, &sym));
		if (sym.owner == SYM_NONE)
			continue;
		row->symbols[i] = sym_text(s->pool, &sym);
		if (!row->symbols[i])
			return &err_nomem;
	}
	return NULL;
}

static struct err *read_backtrace(struct scx_walk *s, struct scx_exit_row *row, struct kva at)
{
	uint64_t nr;

	TRY(kget(s->k, row->kva, &s->l.ei_bt_len, &nr));
	if (!nr || !at.v)
		return NULL;
	if (nr > BT_MAX)
		return err_new(ERR_CORRUPT, "%" PRIu64 " entries", nr);

	uint64_t *bt = pool_calloc(s->pool, nr, sizeof(*bt));
	if (!bt)
		return &err_nomem;
	TRY(kread(s->k, at, bt, nr * sizeof(*bt)));
	for (size_t i = 0; i < nr; i++)
		bt[i] = get_le64((const uint8_t *)&bt[i]);
	row->bt = bt;
	row->nr_bt = nr;
	return symbolize(s, row);
}

static struct err *get_pointer(struct scx_walk *s, struct kva obj, const struct member *m, struct kva *ret)
{
	*ret = (struct kva){ 0 };
	return m->present ? kget_kva(s->k, obj, m, ret) : NULL;
}

static struct err *read_texts(struct scx_walk *s, struct scx_exit_row *row)
{
	const struct scx_layout *l = &s->l;
	struct kva reason, msg, bt, dump;

	TRY(get_pointer(s, row->kva, &l->ei_reason, &reason));
	TRY(get_pointer(s, row->kva, &l->ei_msg, &msg));
	TRY(get_pointer(s, row->kva, &l->ei_bt, &bt));
	TRY(get_pointer(s, row->kva, &l->ei_dump, &dump));
	kprefetch(s->k,
		  (struct krange[]){
			  { reason, 1 },
			  { msg, 1 },
			  { bt, 1 },
			  { dump, 1 },
		  },
		  4);
	TRY(part(row, s, "reason", scx_read_text(s, reason, REASON_MAX, &row->reason, NULL)));
	TRY(part(row, s, "message", scx_read_text(s, msg, MSG_MAX, &row->msg, NULL)));
	if (l->ei_bt.present && l->ei_bt_len.present)
		TRY(part(row, s, "backtrace", read_backtrace(s, row, bt)));
	return part(row, s, "dump", scx_read_text(s, dump, DUMP_MAX, &row->dump, &row->dump_cut));
}

/* A buffer that nothing was written to holds an empty text. */
static void drop_empty(const char **text)
{
	if (*text && !**text)
		*text = NULL;
}

struct err *scx_read_exit(struct scx_walk *s, struct kva info, bool ended, struct scx_exit_row *row)
{
	row->kva = info;
	if (!info.v)
		return NULL;
	TRY(part(row, s, "exit record", read_scalars(s, row)));
	/* The scheduler's exit_kind is claimed before anything is written here. */
	row->has = ended || row->kind;
	if (!row->has || row->why)
		return NULL;
	TRY(part(row, s, "exit record", read_texts(s, row)));
	drop_empty(&row->reason);
	drop_empty(&row->msg);
	drop_empty(&row->dump);
	return NULL;
}
