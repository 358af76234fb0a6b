/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a scheduler says of itself.  From 6.16 on it is an object, and from 7.1 on it has most of its state
 * in it; before, it was a handful of static variables.
 */
#include "config.h"

#include "walk/scx.h"

#include <ctype.h>
#include <inttypes.h>

enum { PATH_MAX_BYTES = 4096, LEVELS_MAX = 64 };

struct err *scx_get_var(struct scx_walk *s, const char *name, size_t size, struct opt_u64 *ret)
{
	uint8_t raw[8];
	struct kva sym;

	if (!khas_sym(s->k, name))
		return NULL;
	TRY(ksym(s->k, name, &sym));
	TRY(err_prefix(kread(s->k, sym, raw, size), "%s", name));
	*ret = (struct opt_u64){ true, get_le(raw, size) };
	return NULL;
}

/* A member; one that this kernel lacks leaves *ret as it is. */
static struct err *get_member(struct scx_walk *s, struct kva obj, const struct member *m, struct opt_u64 *ret)
{
	if (!obj.v || !m->present)
		return NULL;
	TRY(kget(s->k, obj, m, &ret->v));
	ret->has = true;
	return NULL;
}

/* A member if there is one, else the first of these variables that there is. */
static struct err *get_either(struct scx_walk *s, struct kva obj, const struct member *m, size_t size,
			      const char *const *names, struct opt_u64 *ret)
{
	TRY(get_member(s, obj, m, ret));
	for (; *names && !ret->has; names++)
		TRY(scx_get_var(s, *names, size, ret));
	return NULL;
}

/* ---- what is one for the whole kernel */

/* "SCX_OPS_ENABLED" or "SCX_ENABLED" to "enabled". */
static const char *state_word(struct scx_walk *s, const char *type, int64_t value)
{
	static const char *const prefixes[] = { "SCX_OPS_", "SCX_" };
	const char *name = scx_enum_name(s, type, value);

	if (!name)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], len)) {
			name += len;
			break;
		}
	}
	char *word = pool_printf(s->pool, "%s", name);
	for (char *c = word; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return word;
}

struct err *scx_read_enable_state(struct scx_walk *s, const char **ret)
{
	static const struct {
		const char *var, *type;
	} states[] = {
		{ "scx_enable_state_var", "scx_enable_state" },		/* 6.16 */
		{ "scx_ops_enable_state_var", "scx_ops_enable_state" }, /* to 6.15 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct opt_u64 v = { 0 };

		TRY(scx_get_var(s, states[i].var, 4, &v));
		if (!v.has)
			continue;
		*ret = state_word(s, states[i].type, (int32_t)v.v);
		if (!*ret)
			return err_new(ERR_CORRUPT, "%s is %" PRId32 ", for which enum %s has no name", states[i].var,
				       (int32_t)v.v, states[i].type);
		return NULL;
	}
	return NULL;
}

/* ---- one scheduler */

static struct err *read_ops(struct scx_walk *s, struct scx_sched_row *row)
{
	const struct scx_layout *l = &s->l;
	const struct member *name = &l->sched_name, *flags = &l->sched_flags,
			    *timeout = &l->sched_timeout;
	struct kva obj = row->kva;
	struct opt_u64 cid = { 0 };

	if (!obj.v) {
		TRY(ksym(s->k, "scx_ops", &obj));
		name = &l->ops_name;
		flags = &l->ops_flags;
		timeout = &l->ops_timeout;
	}
	TRY(get_member(s, row->kva, &l->is_cid_type, &cid));
	if (cid.v) {
		name = &l->cid_name;
		flags = &l->cid_flags;
		timeout = &l->cid_timeout;
	}
	if (name->present)
		TRY(kget_str(s->k, obj, name, row->ops_name, sizeof(row->ops_name)));
	row->has_ops_name = name->present;
	TRY(get_member(s, obj, flags, &row->ops_flags));
	TRY(scx_flag_names(s, "scx_ops_flags", "SCX_OPS_", row->ops_flags.v, &row->ops_flag_names));
	return get_member(s, obj, timeout, &row->timeout_ms);
}

/* A scheduler of its own has no part in the variables of older kernels. */
static struct err *read_state(struct scx_walk *s, struct scx_sched_row *row)
{
	static const char *const none[] = { NULL };
	static const char *const kind_vars[] = { "scx_exit_kind", NULL };		    /* to 6.15 */
	static const char *const aborting_vars[] = { "scx_aborting", NULL };		    /* to 7.0 */
	static const char *const bypass_vars[] = { "scx_bypass_depth",			    /* to 7.0 */
						   "scx_ops_bypass_depth", NULL };	    /* to 6.15 */
	static const char *const watchdog_vars[] = { "scx_watchdog_timeout", NULL };	    /* to 7.0 */
	const struct scx_layout *l = &s->l;
	bool root = row->role == SCX_ROOT;
	struct opt_u64 kind = { 0 }, aborting = { 0 }, bypass = { 0 };

	TRY(get_either(s, row->kva, &l->exit_kind, 4, root ? kind_vars : none, &kind));
	TRY(get_either(s, row->kva, &l->aborting, 1, root ? aborting_vars : none, &aborting));
	TRY(get_either(s, row->kva, &l->bypass_depth, 4, root ? bypass_vars : none, &bypass));
	TRY(get_either(s, row->kva, &l->watchdog_timeout, 8, root ? watchdog_vars : none,
		       &row->watchdog_timeout));
	row->exit_kind = (uint32_t)kind.v;
	row->exit_kind_name = kind.has ? scx_enum_name(s, "scx_exit_kind", row->exit_kind) : NULL;
	row->has_exit_kind = kind.has;
	row->aborting = aborting.v;
	row->has_aborting = aborting.has;
	row->aborting_unknown = s->has_aborting && !aborting.has && root;
	row->bypass_depth = (int32_t)bypass.v;
	row->has_bypass_depth = bypass.has;
	return NULL;
}

/* Its place among others, 7.1 on. */
static struct err *read_place(struct scx_walk *s, struct scx_sched_row *row)
{
	const struct scx_layout *l = &s->l;
	struct kva path;

	TRY(get_member(s, row->kva, &l->sched_id, &row->id));
	TRY(get_member(s, row->kva, &l->level, &row->level));
	if (row->role == SCX_ROOT)
		return NULL;
	/* ancestors[level] is the scheduler itself. */
	if (l->ancestors.present && row->level.has && row->level.v && row->level.v < LEVELS_MAX)
		TRY(kread_kva(s->k, (struct kva){ kmember(row->kva, &l->ancestors).v + 8 * (row->level.v - 1) },
			      &row->parent));
	if (!l->cgrp_path.present || !row->kva.v)
		return NULL;
	TRY(kget_kva(s->k, row->kva, &l->cgrp_path, &path));
	return scx_read_text(s, path, PATH_MAX_BYTES, &row->cgroup_path, NULL);
}

static struct err *read_exit(struct scx_walk *s, struct scx_sched_row *row)
{
	struct kva info = { 0 }, sym;

	if (row->kva.v && s->l.exit_info.present) {
		TRY(kget_kva(s->k, row->kva, &s->l.exit_info, &info));
	} else if (!row->kva.v && khas_sym(s->k, "scx_exit_info")) {
		TRY(ksym(s->k, "scx_exit_info", &sym));
		TRY(kread_kva(s->k, sym, &info));
	}
	return scx_read_exit(s, info, row->exit_kind != 0, &row->exit);
}

/* What the failure is about, beside others of the same scheduler. */
static struct err *about(const struct scx_sched_row *row, struct err *e, const char *what)
{
	if (!e || !row->kva.v || row->role == SCX_ROOT)
		return err_prefix(e, "scheduler%s", what);
	return err_prefix(e, "scheduler 0x%016" PRIx64 "%s", row->kva.v, what);
}

struct err *scx_read_one(struct scx_walk *s, struct scx_sched_row *row, struct scx_failures *failures, bool *ok)
{
	const char *events = NULL;
	struct err *e = read_state(s, row);

	*ok = !e;
	TRY(scx_note(s, failures, about(row, e, "")));
	TRY(scx_note(s, failures, about(row, read_ops(s, row), "'s ops")));
	TRY(scx_note(s, failures, about(row, read_place(s, row), "'s place")));
	TRY(scx_note(s, failures, about(row, read_exit(s, row), "'s exit record")));
	if (row->exit.why)
		TRY(scx_note(s, failures, about(row, err_new(ERR_FAULT, "%s", row->exit.why), "'s exit record")));
	TRY(scx_note(s, failures, about(row, scx_read_events(s, row->kva, &row->events, &events), "")));
	if (events)
		TRY(scx_note(s, failures, about(row, err_new(ERR_FAULT, "%s", events), "")));
	return NULL;
}
