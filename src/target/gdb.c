/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/gdb.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "gdbstub/broker.h"
#include "gdbstub/targetxml.h"
#include "target/mtree.h"

struct gdb_target {
	struct target t;
	struct broker *broker;
};

static struct gdb_target *to_gdb(const struct target *t)
{
	return (struct gdb_target *)(uintptr_t)t; /* t is its first member */
}

/* ---- registers */

static struct err *fetch_xml(void *broker, const char *annex, char **ret, size_t *ret_len)
{
	return broker_features(broker, annex, ret, ret_len);
}

static struct err *fill_regs(const struct xml_layout *layout, const uint8_t *g, size_t len,
			     struct vcpu *ret)
{
	size_t n = 0;

	if (len < layout->size)
		return err_new(ERR_PROTOCOL, "%zu bytes of registers where %zu were described", len,
			       layout->size);
	struct reg *regs = calloc(layout->nr, sizeof(*regs));
	if (!regs)
		return &err_nomem;
	for (size_t i = 0; i < layout->nr; i++) {
		const struct xml_reg *r = &layout->regs[i];

		if (r->bits > 64 || !*r->name || strlen(r->name) >= sizeof(regs->name))
			continue;
		strcpy(regs[n].name, r->name);
		regs[n++].value = get_le(g + r->offset, r->bits / 8);
	}
	ret->regs = regs;
	ret->nr_regs = n;
	return NULL;
}

static bool is_final(const struct err *e)
{
	return broker_ends(e) || e->code == ERR_NOMEM;
}

static struct err *read_vcpu(struct gdb_target *g, const struct xml_layout *layout, size_t i)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t len;

	TRY(broker_regs(g->broker, i, &bytes, &len));
	return fill_regs(layout, bytes, len, &g->t.vcpus[i]);
}

static struct err *read_vcpus(struct gdb_target *g)
{
	_cleanup_(xml_layout_deinit) struct xml_layout layout = { 0 };
	size_t nr = broker_nr_vcpus(g->broker);

	TRY(xml_layout_parse(fetch_xml, g->broker, &layout));
	g->t.vcpus = calloc(nr, sizeof(*g->t.vcpus));
	if (!g->t.vcpus)
		return &err_nomem;
	g->t.nr_vcpus = nr;
	for (size_t i = 0; i < nr; i++) {
		struct err *e = read_vcpu(g, &layout, i);

		if (e && is_final(e))
			return e;
		if (e)
			g->t.vcpus[i].why = strdup(e->msg);
		err_free(e);
	}
	return NULL;
}

/* ---- RAM */

static struct err *read_ram(struct gdb_target *g)
{
	_cleanup_free_ char *text = NULL;
	struct err *e = broker_monitor(g->broker, "info mtree -f", &text);

	if (!e)
		e = mtree_ram(text, &g->t.ram, &g->t.nr_ram);
	if (!e || is_final(e))
		return e;
	/* Reading anywhere could mean reading a device's registers, which some act upon. */
	e->code = ERR_UNSUPPORTED; /* is_final() has let no shared object through */
	return err_prefix(e, "cannot tell which addresses are RAM");
}

static struct err *write_note(struct gdb_target *g)
{
	if (!broker_was_halted(g->broker))
		return NULL;
	if (asprintf(&g->t.note, "the guest had halted before: %s", broker_status(g->broker)) < 0) {
		g->t.note = NULL;
		return &err_nomem;
	}
	return NULL;
}

/* ---- the target */

static struct err *gdb_read(struct target *t, struct target_read *reads, size_t nr)
{
	struct gdb_target *g = to_gdb(t);
	_cleanup_free_ struct broker_read *out = calloc(nr ? nr : 1, sizeof(*out));

	if (!out)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++) {
		/* A window of a device is not touched, whoever asks: it is read with length 0. */
		bool ram = target_is_ram(t, reads[i].addr, reads[i].len);

		out[i] = (struct broker_read){ .addr = reads[i].addr.v,
					       .len = ram ? reads[i].len : 0,
					       .buf = reads[i].buf };
	}
	struct err *e = broker_read(g->broker, out, nr);
	for (size_t i = 0; i < nr; i++)
		reads[i].ok = out[i].ok && out[i].len == reads[i].len;
	return e;
}

static struct err *gdb_release(struct target *t, bool keep_halted)
{
	return broker_release(to_gdb(t)->broker, keep_halted);
}

static void gdb_stats(const struct target *t, struct target_stats *ret)
{
	struct broker_stats stats;

	broker_get_stats(to_gdb(t)->broker, &stats);
	*ret = (struct target_stats){
		.bytes = stats.bytes,
		.packets = stats.packets,
		.round_trips = stats.round_trips,
		.pause_us = stats.pause_us,
		.cut_us = stats.cut_us,
	};
}

static void gdb_destroy(struct target *t)
{
	struct gdb_target *g = to_gdb(t);

	broker_destroy(g->broker);
	target_deinit(t);
	free(g);
}

static const struct target_ops gdb_ops = {
	.kind = "gdbstub",
	.live = true,
	.read = gdb_read,
	.release = gdb_release,
	.stats = gdb_stats,
	.destroy = gdb_destroy,
};

static struct err *fill(struct gdb_target *g)
{
	TRY(read_vcpus(g));
	TRY(read_ram(g));
	return write_note(g);
}

struct err *gdb_open(const char *name, const struct gdb_opts *opts, struct target **ret)
{
	struct broker_opts broker_opts = { 0 };
	struct gdb_target *g = calloc(1, sizeof(*g));

	if (!g)
		return &err_nomem;
	if (opts) {
		broker_opts.deadline_ms = opts->deadline_ms;
		broker_opts.keep_halted = opts->keep_halted;
	}
	g->t.ops = &gdb_ops;
	g->t.name = strdup(name);

	struct err *e = g->t.name ? broker_start(name, &broker_opts, &g->broker) : &err_nomem;
	if (e) {
		target_deinit(&g->t);
		free(g);
		return e;
	}
	e = fill(g);
	if (!e) {
		*ret = &g->t;
		return NULL;
	}

	/* A guest in doubt outweighs whatever the trouble was. */
	struct err *outcome = broker_release(g->broker, false);
	gdb_destroy(&g->t);
	if (outcome && outcome->code == ERR_NOT_RESTORED) {
		err_free(e);
		return outcome;
	}
	err_ignore(outcome);
	return e;
}
