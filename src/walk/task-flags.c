/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names in struct sched_ext_entity.  Its flags are bits with two numbers among them: the state, which is an enum
 * of its own up to 7.0 and enumerators shifted into place from then on, and the reason of a re-enqueue.
 */
#include "config.h"

#include "walk/tasks.h"

#include <inttypes.h>
#include <stdio.h>

/* An enumerator, 0 if this kernel has none. */
static struct err *number(const struct kernel *k, const char *type, const char *name, uint32_t *ret)
{
	int64_t v;
	struct err *e = kenum(k, type, name, &v);

	*ret = 0;
	if (walk_is_fatal(e))
		return e;
	if (!e)
		*ret = (uint32_t)v;
	err_ignore(e);
	return NULL;
}

struct err *task_flag_fields(struct task_walk *t)
{
	struct task_flag_fields *f = &t->flag_fields;

	TRY(number(t->k, "scx_ent_flags", "SCX_TASK_STATE_MASK", &f->state_mask));
	TRY(number(t->k, "scx_ent_flags", "SCX_TASK_STATE_SHIFT", &f->state_shift));
	TRY(number(t->k, "scx_ent_flags", "SCX_TASK_REENQ_REASON_MASK", &f->reenq_mask));
	TRY(number(t->k, "scx_ops_state", "SCX_OPSS_QSEQ_SHIFT", &f->ops_shift));
	if (f->state_shift > 31)
		f->state_mask = 0;
	return NULL;
}

/* Name of a value without its prefix; NULL if it has none, or one that describes a field and no value. */
static const char *value_name(const struct kernel *k, const char *type, const char *prefix, uint32_t v)
{
	static const char *const no_values[] = { "_SHIFT", "_BITS", "_MASK" };
	uint32_t id;
	struct err *e = types_find(k->types, BTF_KIND_ENUM, type, &id);

	if (e) {
		err_ignore(e);
		return NULL;
	}
	/* Whether the enum is signed or not. */
	const char *name = types_enum_name(k->types, id, v);
	if (!name)
		name = types_enum_name(k->types, id, (int32_t)v);
	if (!name || strncmp(name, prefix, strlen(prefix)))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(no_values); i++) {
		size_t len = strlen(name), n = strlen(no_values[i]);

		if (len > n && !strcmp(name + len - n, no_values[i]))
			return NULL;
	}
	return name + strlen(prefix);
}

static const char *state_name(const struct task_walk *t, uint32_t flags)
{
	const struct task_flag_fields *f = &t->flag_fields;
	uint32_t state = flags & f->state_mask;

	if (!f->state_mask)
		return NULL;
	const char *name = value_name(t->k, "scx_task_state", "SCX_TASK_", state >> f->state_shift);
	return name ? name : value_name(t->k, "scx_ent_flags", "SCX_TASK_", state);
}

/* "QUEUED|DEQD_FOR_SLEEP|0x80" of the bits that are no state. */
static const char *flag_names(struct task_walk *t, uint32_t flags)
{
	const struct task_flag_fields *f = &t->flag_fields;
	uint32_t reenq = flags & f->reenq_mask;
	char buf[512] = "";
	size_t len = 0;

	flags &= ~(f->state_mask | f->reenq_mask);
	for (uint32_t left = flags; left || reenq; left &= left - 1) {
		uint32_t v = left ? left & -left : reenq;
		const char *name = value_name(t->k, "scx_ent_flags", "SCX_TASK_", v);

		if (!left)
			reenq = 0;
		if (len >= sizeof(buf) - 80)
			break;
		if (name)
			len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%s%.64s", len ? "|" : "", name);
		else
			len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%s0x%" PRIx32, len ? "|" : "", v);
	}
	return pool_strndup(&t->w->r->pool, buf, len);
}

void task_name_flags(struct task_walk *t, struct task_row *row)
{
	struct task_extra *x = &row->x;
	uint32_t shift = t->flag_fields.ops_shift;

	/* A handful of combinations stands for all tasks of a guest. */
	if (row->scx_flags.has) {
		for (size_t i = 0; i < ARRAY_SIZE(t->named); i++) {
			if (t->named[i].flag_names && t->named[i].flags == row->scx_flags.v) {
				x->scx_flag_names = t->named[i].flag_names;
				x->scx_state = t->named[i].state;
				break;
			}
		}
		if (!x->scx_flag_names) {
			x->scx_flag_names = flag_names(t, (uint32_t)row->scx_flags.v);
			x->scx_state = state_name(t, (uint32_t)row->scx_flags.v);
			t->named[t->next_named++ % ARRAY_SIZE(t->named)] = (struct task_named_flags){
				row->scx_flags.v, x->scx_flag_names, x->scx_state
			};
		}
	}
	if (x->ops_state.has && shift && shift < 8)
		x->ops_state_name = value_name(t->k, "scx_ops_state", "SCX_OPSS_",
					       (uint32_t)x->ops_state.v & ((1u << shift) - 1));
}
