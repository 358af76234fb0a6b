/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ends of schedulers that the kernel has told its log: a line with name and reason, one with the message if there
 * is one, and the backtrace of an error.  Records of other tasks may stand between them.
 */
#include "config.h"

#include "walk/scx.h"

#include "base/cleanup.h"

enum {
	EXITS_MAX = 64,	 /* the newest */
	FRAMES_MAX = 64, /* SCX_EXIT_BT_LEN */
	LEVEL_ERR = 3,
	FACILITY_KERNEL = 0,
	FOLLOW_MAX = 1024, /* records looked at for what belongs to one end */
};

struct log_walk {
	struct walk *w;
	struct pool *pool;
	const struct log *log;
};

/* NULL: it does not begin with this. */
static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

static const char *text_of(const struct log_record *rec)
{
	return rec->facility == FACILITY_KERNEL && rec->state != LOG_RESERVED ? rec->text : NULL;
}

/* `sched_ext: BPF scheduler "NAME" disabled (REASON)`; *yes is false if it is something else. */
static struct err *parse_end(struct log_walk *lw, size_t record, struct scx_log_exit *x, bool *yes)
{
	const struct log_record *rec = &lw->log->records[record];
	const char *text = text_of(rec), *rest = text ? after(text, "sched_ext: BPF ") : NULL, *name;

	*yes = false;
	if (!rest)
		return NULL;
	name = after(rest, "scheduler \"");
	if (!name) {
		name = after(rest, "sub-scheduler \"");
		x->sub = true;
	}
	if (!name)
		return NULL;
	const char *quote = strchr(name, '"'), *reason = quote ? after(quote, "\" disabled (") : NULL;
	const char *end = reason ? strrchr(reason, ')') : NULL;
	if (!end)
		return NULL;
	x->record = record;
	x->ts_nsec = rec->ts_nsec;
	x->error = rec->level <= LEVEL_ERR;
	x->name = pool_strndup(lw->pool, name, (size_t)(quote - name));
	x->reason = pool_strndup(lw->pool, reason, (size_t)(end - reason));
	*yes = true;
	return x->name && x->reason ? NULL : &err_nomem;
}

/* The next record by who wrote this one; NULL: there is none, or it cannot be told. */
static const struct log_record *next_of(const struct log *log, const struct log_record *from, size_t *at)
{
	for (size_t i = *at + 1, n = 0; i < log->nr && n < FOLLOW_MAX; i++, n++) {
		const struct log_record *rec = &log->records[i];

		if (rec->caller.has && from->caller.has &&
		    (rec->caller.v != from->caller.v || rec->caller_is_cpu != from->caller_is_cpu))
			continue;
		*at = i;
		return rec;
	}
	return NULL;
}

/* "   function+0x12/0x340", from stack_trace_print() */
static const char *frame_of(const char *text)
{
	size_t blanks = strspn(text, " ");

	return blanks >= 2 && text[blanks] && strstr(text, "+0x") ? text + blanks : NULL;
}

static struct err *parse_rest(struct log_walk *lw, struct scx_log_exit *x)
{
	const struct log_record *first = &lw->log->records[x->record], *rec;
	const char *frames[FRAMES_MAX], *frame;
	size_t at = x->record;
	const char *prefix = pool_printf(lw->pool, "sched_ext: %s: ", x->name);

	if (!prefix)
		return &err_nomem;
	rec = next_of(lw->log, first, &at);
	const char *text = rec ? text_of(rec) : NULL, *msg = text ? after(text, prefix) : NULL;
	if (msg) {
		x->msg = pool_printf(lw->pool, "%s", msg);
		if (!x->msg)
			return &err_nomem;
		rec = next_of(lw->log, first, &at);
	}
	for (; rec && x->nr_frames < FRAMES_MAX; rec = next_of(lw->log, first, &at)) {
		text = text_of(rec);
		frame = text ? frame_of(text) : NULL;
		if (!frame)
			break;
		frame = pool_printf(lw->pool, "%s", frame);
		if (!frame)
			return &err_nomem;
		frames[x->nr_frames++] = frame;
	}
	if (!x->nr_frames)
		return NULL;
	x->frames = pool_memdup(lw->pool, frames, x->nr_frames * sizeof(*frames));
	return x->frames ? NULL : &err_nomem;
}

/* Whether the exit record says what the log says; that may be shorter, but not otherwise. */
static bool is_same(const struct scx_sched_row *s, const struct scx_log_exit *x)
{
	if (!s->exit.has || !s->exit.reason || strcmp(s->ops_name, x->name) || strcmp(s->exit.reason, x->reason))
		return false;
	if (!x->msg || !s->exit.msg)
		return !x->msg && !s->exit.msg;
	return !strncmp(s->exit.msg, x->msg, strlen(x->msg));
}

static void mark_recorded(struct scx_state *scx, const struct scx_sched_row *s)
{
	for (size_t i = scx->log_exits.nr; i-- > 0;) {
		struct scx_log_exit *x = &scx->log_exits.data[i];

		if (!x->recorded && is_same(s, x)) {
			x->recorded = true;
			return;
		}
	}
}

struct err *scx_read_log(struct walk *w)
{
	struct log_walk lw = { .w = w, .pool = &w->r->pool, .log = &w->r->log };
	struct scx_state *scx = &w->r->scx;
	VEC(struct scx_log_exit) found = { 0 };
	struct err *e = NULL;

	/* Backwards: of too many the newest count. */
	for (size_t i = lw.log->nr; i-- > 0 && found.nr < EXITS_MAX && !e;) {
		struct scx_log_exit x = { 0 };
		bool yes;

		e = parse_end(&lw, i, &x, &yes);
		if (e || !yes)
			continue;
		e = parse_rest(&lw, &x);
		struct scx_log_exit *row = e ? NULL : vec_push(&found);
		if (row)
			*row = x;
		else if (!e)
			e = &err_nomem;
	}
	for (size_t i = found.nr; i-- > 0 && !e;) {
		struct scx_log_exit *row = vec_push(&scx->log_exits);

		if (row)
			*row = found.data[i];
		else
			e = &err_nomem;
	}
	free(found.data);
	if (e)
		return e;
	if (scx->has_sched)
		mark_recorded(scx, &scx->sched);
	for (size_t i = scx->others.nr; i-- > 0;)
		mark_recorded(scx, &scx->others.data[i]);
	return NULL;
}
