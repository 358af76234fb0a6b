/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The top-level key "fdgdb": everything the format itself has no place for. */
#include "config.h"

#include <inttypes.h>

#include "report/json-parts.h"
#include "report/parts.h"

/* Goes up when a key of ours changes its meaning or goes away; new keys do not count. */
enum { SCHEMA_VERSION = 1 };

static void write_target(struct json *j, const struct capture_info *c)
{
	json_key(j, "target");
	json_open_object(j);
	json_opt_string(j, "kind", c->target_kind);
	json_opt_string(j, "name", c->target_name);
	json_opt_string(j, "note", c->target_note);
	json_key_bool(j, "live", c->is_live);
	json_opt_true(j, "kept_halted", c->kept_halted);
	json_close_object(j);
}

static void write_kernel(struct json *j, const struct kernel_info *k)
{
	json_key(j, "kernel");
	json_open_object(j);
	json_opt_string(j, "release", k->release);
	json_opt_string(j, "banner", k->banner);
	json_opt_string(j, "build_id", k->build_id);
	json_opt_string(j, "arch", k->arch);
	json_key_u64(j, "text", k->text);
	json_key_u64(j, "slide", k->slide);
	json_key_u64(j, "phys_base", k->phys_base);
	json_key_u64(j, "pt_levels", k->pt_levels);
	if (k->has_kpti)
		json_key_bool(j, "kpti", k->kpti);
	json_key_u64(j, "nr_cpu_ids", k->nr_cpu_ids);
	json_key_u64(j, "nr_online", k->nr_online);
	if (k->hz)
		json_key_u64(j, "hz", k->hz);
	json_key_u64(j, "nr_symbols", k->nr_symbols);
	json_key_u64(j, "nr_types", k->nr_types);
	json_opt_u64(j, "tainted", &k->tainted);
	json_opt_string(j, "taint_letters", k->taint_letters);
	json_opt_u64(j, "panic_cpu", &k->panic_cpu);
	json_opt_u64(j, "oops_in_progress", &k->oops_in_progress);
	json_opt_u64(j, "nr_oopses", &k->nr_oopses);
	json_opt_u64(j, "nr_warnings", &k->nr_warnings);
	json_close_object(j);
}

static void write_capture(struct json *j, const struct capture_info *c)
{
	json_key(j, "capture");
	json_open_object(j);
	json_key_u64(j, "pause_us", c->pause_us);
	json_key_u64(j, "bytes", c->bytes);
	json_key_u64(j, "packets", c->packets);
	json_key_u64(j, "round_trips", c->round_trips);
	json_key_u64(j, "cache_hits", c->cache_hits);
	json_key_u64(j, "cache_misses", c->cache_misses);
	json_opt_true(j, "deadline_hit", c->deadline_hit);
	json_opt_string(j, "cut_short", c->cut_short);
	if (c->cut_us)
		json_key_u64(j, "cut_us", c->cut_us);
	json_close_object(j);
}

static struct err *write_scx(struct json_report *w)
{
	const struct scx_state *scx = &w->r->scx;
	struct json *j = &w->j;

	json_key(j, "scx");
	json_open_object(j);
	json_key_bool(j, "in_kernel", scx->in_kernel);
	json_opt_string(j, "enable_state", scx->enable_state);
	if (scx->has_sched) {
		if (scx->sched.has_ops_name)
			json_key_string(j, "ops_name", scx->sched.ops_name);
		json_opt_u64(j, "ops_flags", &scx->sched.ops_flags);
		json_opt_string(j, "ops_flag_names", scx->sched.ops_flag_names);
		json_opt_u64(j, "timeout_ms", &scx->sched.timeout_ms);
		json_opt_string(j, "exit_kind_name", scx->sched.exit_kind_name);
	}
	if (scx->nr_subs)
		json_key_u64(j, "sub_schedulers", scx->nr_subs);
	json_opt_u64(j, "watchdog_timestamp", &scx->watchdog_timestamp);
	json_opt_u64(j, "watchdog_interval", &scx->watchdog_interval);
	if (scx->switched_all.has)
		json_key_bool(j, "switched_all", scx->switched_all.v);
	json_opt_u64(j, "enable_seq", &scx->enable_seq);
	json_opt_u64(j, "nr_rejected", &scx->nr_rejected);
	json_opt_u64(j, "hotplug_seq", &scx->hotplug_seq);
	json_opt_u64(j, "breather_depth", &scx->breather_depth);
	if (scx->in_softlockup.has)
		json_key_bool(j, "in_softlockup", scx->in_softlockup.v);
	if (scx->hardlockup_cpu.has)
		json_key_i64(j, "hardlockup_cpu", (int32_t)scx->hardlockup_cpu.v);
	json_write_scheds(w);
	json_write_log_exits(w);
	TRY(json_write_held(w));
	json_write_transit(w);
	json_write_other_dsqs(w);
	if (scx->jiffies)
		json_key_u64(j, "jiffies", scx->jiffies);
	json_close_object(j);
	return NULL;
}

static void write_registers(struct json *j, const struct vcpu_row *v)
{
	if (!v->nr_regs)
		return;
	json_key(j, "registers");
	json_open_object(j);
	for (size_t i = 0; i < v->nr_regs; i++)
		json_key_u64(j, v->regs[i].name, v->regs[i].value);
	json_close_object(j);
}

/* vcpu_regs of the format has null for a vCPU that could not be read; here stands why. */
static void write_vcpus(struct json *j, const struct report *r)
{
	json_key(j, "vcpus");
	json_open_array(j);
	for (size_t i = 0; i < r->vcpus.nr; i++) {
		const struct vcpu_row *v = &r->vcpus.data[i];

		json_open_object(j);
		json_key_u64(j, "vcpu", i);
		json_key_bool(j, "readable", v->ok);
		if (v->has_cpu)
			json_key_u64(j, "cpu", v->cpu);
		json_opt_true(j, "offline", v->offline);
		json_opt_string(j, "why", v->ok ? NULL : v->why);
		write_registers(j, v);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_section(struct json *j, const char *name, enum section_status status,
			  const char *detail, const char *cut)
{
	json_open_object(j);
	json_key_string(j, "name", name);
	json_key_string(j, "status", section_status_text(status));
	json_opt_string(j, "detail", detail);
	json_opt_string(j, "cut", cut);
	json_close_object(j);
}

/* What the JSON itself leaves out of the arenas; NULL if nothing. */
static struct err *arena_cut(struct json_report *w, const char *other, const char **ret)
{
	const char *cut;

	*ret = other;
	if (w->arena_pages <= w->arena_pages_left)
		return NULL;
	cut = pool_printf(&w->render.pool,
			  "%s%sbytes of %" PRIu64 " of %" PRIu64 " arena pages, by the cap of %" PRIu64
			  " bytes",
			  other ? other : "", other ? "; " : "", w->arena_pages - w->arena_pages_left,
			  w->arena_pages, w->opts->arena_bytes);
	if (!cut)
		return &err_nomem;
	*ret = cut;
	return NULL;
}

static struct err *write_sections(struct json_report *w)
{
	const struct report *r = w->r;
	struct json *j = &w->j;

	json_key(j, "sections");
	json_open_array(j);
	for (size_t i = 0; i < r->sections.nr; i++) {
		const struct section *s = &r->sections.data[i];
		const char *cut = s->cut;

		if (!strcmp(s->name, "maps"))
			TRY(arena_cut(w, s->cut, &cut));
		write_section(j, s->name, s->status, s->detail, cut);
	}
	for (size_t i = 0; i < nr_missing_parts; i++) {
		const struct missing_part *p = &missing_parts[i];

		if (!report_find_section(r, p->section))
			write_section(j, p->section, SECTION_NOT_IMPLEMENTED, p->detail, NULL);
	}
	json_close_array(j);
	render_reset(&w->render);
	return NULL;
}

static void open_fdgdb(struct json_report *w)
{
	struct json *j = &w->j;

	json_key(j, "fdgdb");
	json_open_object(j);
	json_key_u64(j, "schema_version", SCHEMA_VERSION);
	json_key_string(j, "version", PACKAGE_VERSION);
	write_target(j, &w->r->capture);
	write_kernel(j, &w->r->kernel);
	write_capture(j, &w->r->capture);
}

void json_write_short_fdgdb(struct json_report *w)
{
	open_fdgdb(w);
	json_close_object(&w->j);
}

struct err *json_write_fdgdb(struct json_report *w)
{
	struct json *j = &w->j;

	open_fdgdb(w);
	json_write_findings(w);
	TRY(write_scx(w));
	write_vcpus(j, w->r);
	json_write_fdgdb_system(w);
	json_write_irqs(w);
	json_write_log(w);
	json_write_cpus(w);
	TRY(write_sections(w));
	json_write_stacks(w);
	json_write_waits(w);
	json_write_progs(w);
	json_write_modules(w);
	TRY(json_write_task_details(w));
	json_write_active(w);
	TRY(json_write_objects(w));
	json_close_object(j);
	return NULL;
}
