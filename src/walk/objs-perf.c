/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Perf events: what they count, and the place in the code of those that are probes. */
#include "config.h"

#include "walk/objs.h"

#include <inttypes.h>

#include "kernel/symbolize.h"

enum { NAME_BYTES = 256 };

/*
 * A trace event's name is in the event itself, or in the tracepoint that it is of: a union, told apart by
 * flags that have moved.  But tracepoints are symbols.
 */
static struct err *event_name(struct objs *o, struct kva call, const char **ret)
{
	static const char prefix[] = "__tracepoint_";
	struct kva name;
	uint64_t offset, size;

	TRY(kget_kva(o->k, call, &o->l.event_name, &name));

	const struct symbol *sym = symbols_at(o->k->symbols, name.v, &offset, &size);
	if (sym && !offset && !strncmp(sym->name, prefix, sizeof(prefix) - 1)) {
		*ret = pool_strndup(o->pool, sym->name + sizeof(prefix) - 1, NAME_BYTES);
		return *ret ? NULL : &err_nomem;
	}
	return objs_string(o, call, &o->l.event_name, ret);
}

/* The first of the probes of an event.  There may be more in one that was made in tracefs, and then this is what
 * the kernel tells of it, too (trace_probe_primary_from_call()). */
static struct err *first_probe(struct objs *o, struct kva call, struct kva *ret)
{
	const struct objs_layout *l = &o->l;
	struct kva event = { call.v - l->probe_call.off }, first;

	TRY(kget_kva(o->k, event, &l->probe_first, &first));
	if (first.v == kmember(event, &l->probe_first).v)
		return err_new(ERR_CORRUPT, "an event without a probe");
	ret->v = first.v - l->probe_list.off;
	return NULL;
}

static struct err *add_kprobe(struct objs *o, struct kva probe, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	struct kva tk = { probe.v - l->kprobe_tp.off };
	uint64_t handler, v, missed, more = 0;
	const char *func;

	TRY(kget(o->k, tk, &l->kprobe_ret, &handler));
	TRY(facts_text(facts, o->pool, "probe", handler ? "kretprobe" : "kprobe"));
	TRY(objs_string(o, tk, &l->kprobe_symbol, &func));
	TRY(facts_text(facts, o->pool, "func", func));
	TRY(kget(o->k, tk, &l->kprobe_offset, &v));
	if (v)
		TRY(facts_hex(facts, o->pool, "offset", (uint32_t)v));
	TRY(kget(o->k, tk, &l->kprobe_addr, &v));
	TRY(facts_add(facts, o->pool, (struct fact){ .key = "addr", .num = v, .hex = true, .json_only = func }));
	/* trace_kprobe_missed() */
	TRY(kget(o->k, tk, &l->kprobe_missed, &missed));
	if (handler)
		TRY(kget(o->k, tk, &l->kretprobe_missed, &more));
	return facts_num(facts, o->pool, "missed", missed + (uint32_t)more);
}

static struct err *add_uprobe(struct objs *o, struct kva probe, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	struct kva tu = { probe.v - l->uprobe_tp.off };
	const char *path;
	uint64_t v;

	TRY(kget(o->k, tu, &l->uprobe_ret, &v));
	TRY(facts_text(facts, o->pool, "probe", v ? "uretprobe" : "uprobe"));
	TRY(objs_string(o, tu, &l->uprobe_file, &path));
	TRY(facts_text(facts, o->pool, "path", path));
	TRY(kget(o->k, tu, &l->uprobe_offset, &v));
	TRY(facts_hex(facts, o->pool, "offset", v));
	TRY(kget(o->k, tu, &l->uprobe_ref, &v));
	return v ? facts_hex(facts, o->pool, "ref_ctr_offset", v) : NULL;
}

/*
 * Whether an event is a probe, and which, is said by flags without a name in the types; but the class of its
 * event has a function that only probes have.
 */
static struct err *add_probe(struct objs *o, struct kva call, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	struct kva class, reg, probe;
	struct sym sym;

	if (!l->event_class.present || !l->class_reg.present || !l->probe_call.present)
		return NULL;
	TRY(kget_kva(o->k, call, &l->event_class, &class));
	TRY(kget_kva(o->k, class, &l->class_reg, &reg));
	TRY(ksymbolize(o->k, reg, SYM_EXACT, &sym));
	if (sym.owner != SYM_KERNEL || sym.offset)
		return NULL;
	if (!strcmp(sym.name, "kprobe_register") && l->kprobe_tp.present) {
		TRY(first_probe(o, call, &probe));
		return add_kprobe(o, probe, facts);
	}
	if (!strcmp(sym.name, "trace_uprobe_register") && l->uprobe_tp.present) {
		TRY(first_probe(o, call, &probe));
		return add_uprobe(o, probe, facts);
	}
	return NULL;
}

struct err *objs_event(struct objs *o, struct kva event, struct facts *facts)
{
	const struct objs_layout *l = &o->l;
	const char *name = NULL;
	struct kva call = { 0 };
	uint64_t v;

	TRY(kget(o->k, event, &l->event_type, &v));
	TRY(facts_num(facts, o->pool, "event_type", v));
	TRY(kget(o->k, event, &l->event_config, &v));
	TRY(facts_num(facts, o->pool, "event_config", v));
	TRY(kget(o->k, event, &l->event_cpu, &v));
	if ((int32_t)v >= 0)
		TRY(facts_num(facts, o->pool, "event_cpu", v));
	if (l->event_call.present && l->event_name.present)
		TRY(kget_kva(o->k, event, &l->event_call, &call));
	if (call.v) {
		TRY(event_name(o, call, &name));
		TRY(facts_text(facts, o->pool, "event_name", name));
		TRY(err_prefix(add_probe(o, call, facts), "probe"));
	}
	if (!l->event_cookie.present)
		return NULL;
	TRY(kget(o->k, event, &l->event_cookie, &v));
	return v ? facts_num(facts, o->pool, "cookie", v) : NULL;
}
