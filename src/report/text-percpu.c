/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a per-CPU array: CPUs whose values are equal share a line. */
#include "config.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/text-parts.h"
#include "report/value-facts.h"

enum {
	MAX_GROUPED = 64, /* more CPUs are shown one by one */
	MAX_VARYING = 7,  /* members that become columns */
	MIN_ROWS = 3,
};

struct cpus {
	const struct map_entry *entry;
	struct value **v; /* [nr], NULL: no such CPU, or unreadable */
	size_t nr, mapped;
	size_t *group; /* [nr] the first CPU with an equal value */
	size_t nr_groups;
};

const char *text_no_value(const struct map_entry *entry, size_t cpu)
{
	return entry->cpu_lost && entry->cpu_lost[cpu] ? "<unreadable>" : "<unmapped>";
}

static void cpus_deinit(struct cpus *c)
{
	free(c->v);
	free(c->group);
}

static struct err *cpus_init(struct text *t, const struct map_row *m, const struct map_entry *entry,
			     struct cpus *c)
{
	c->entry = entry;
	c->nr = entry->per_cpu ? t->r->kernel.nr_cpu_ids : 0;
	c->v = calloc(c->nr + 1, sizeof(*c->v));
	c->group = calloc(c->nr + 1, sizeof(*c->group));
	if (!c->v || !c->group)
		return &err_nomem;
	for (size_t i = 0; i < c->nr; i++) {
		if (!entry->per_cpu[i])
			continue;
		TRY(render_value(&t->render, m, entry->per_cpu[i], &c->v[i]));
		c->mapped++;
	}
	return NULL;
}

/* Only for few CPUs: each is compared with each group. */
static void find_groups(struct cpus *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		size_t g = 0;

		if (!c->v[i])
			continue;
		while (g < i && !(c->v[g] && c->group[g] == g && value_equal(c->v[g], c->v[i])))
			g++;
		c->group[i] = g;
		c->nr_groups += g == i;
	}
}

static void write_plain(struct text *t, const struct cpus *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		text_line(&t->sb, 1);
		strbuf_printf(&t->sb, "cpu %zu: ", i);
		if (c->v[i])
			text_value(&t->sb, c->v[i], 1, &t->style);
		else
			strbuf_puts(&t->sb, text_no_value(c->entry, i));
	}
}

/* "all CPUs", "cpu 3", "cpus 2-5", "cpus [0, 2, 4]" of those with member[i]. */
static void write_cpu_names(struct strbuf *sb, const bool *member, size_t nr, size_t mapped, bool bare)
{
	size_t count = 0, first = nr, last = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!member[i])
			continue;
		first = MIN(first, i);
		last = i;
		count++;
	}
	if (!bare && count == mapped && count == nr && count > 1) {
		strbuf_puts(sb, "all CPUs");
	} else if (!bare && count == 1) {
		strbuf_printf(sb, "cpu %zu", first);
	} else if (!bare && last - first + 1 == count) {
		strbuf_printf(sb, "cpus %zu-%zu", first, last);
	} else {
		const char *sep = "cpus [";

		for (size_t i = 0; i < nr; i++) {
			if (!member[i])
				continue;
			strbuf_printf(sb, "%s%zu", sep, i);
			sep = ", ";
		}
		strbuf_putc(sb, ']');
	}
}

/* CPUs without a value, for the one reason or the other. */
static void write_without(struct text *t, const struct cpus *c, bool lost)
{
	_cleanup_free_ bool *member = calloc(c->nr + 1, sizeof(*member));
	size_t nr = 0, first = 0;

	if (!member) {
		t->sb.nomem = true;
		return;
	}
	for (size_t i = 0; i < c->nr; i++) {
		member[i] = !c->v[i] && lost == (c->entry->cpu_lost && c->entry->cpu_lost[i]);
		if (member[i] && !nr++)
			first = i;
	}
	if (!nr)
		return;
	text_line(&t->sb, 1);
	write_cpu_names(&t->sb, member, c->nr, 0, true);
	strbuf_printf(&t->sb, ": %s", text_no_value(c->entry, first));
}

static void write_groups(struct text *t, const struct cpus *c)
{
	bool member[MAX_GROUPED];

	for (size_t g = 0; g < c->nr; g++) {
		if (!c->v[g] || c->group[g] != g)
			continue;
		for (size_t i = 0; i < c->nr; i++)
			member[i] = c->v[i] && c->group[i] == g;
		text_line(&t->sb, 1);
		write_cpu_names(&t->sb, member, c->nr, c->mapped, false);
		strbuf_puts(&t->sb, ": ");
		text_value(&t->sb, c->v[g], 1, &t->style);
	}
}

/*
 * All values differ, but in few members: those become columns.  False, and nothing written, if the values are not
 * like that.
 */
static bool write_columns(struct text *t, const struct cpus *c)
{
	const struct value *a = NULL;
	_cleanup_free_ bool *varies = NULL;
	size_t nr_varying = 0;

	if (c->nr_groups < MIN_ROWS || c->nr_groups != c->mapped)
		return false;
	for (size_t i = 0; i < c->nr; i++) {
		if (!c->v[i])
			continue;
		if (!a) {
			a = c->v[i];
			if (a->kind != VALUE_STRUCT)
				return false;
			varies = calloc(a->st.nr + 1, sizeof(*varies));
			if (!varies)
				return false;
		}
		if (!value_same_shape(a, c->v[i]))
			return false;
		for (size_t m = 0; m < a->st.nr; m++) {
			if (varies[m] || value_equal(a->st.members[m].value, c->v[i]->st.members[m].value))
				continue;
			varies[m] = true;
			nr_varying++;
		}
	}
	if (!a || !nr_varying || nr_varying > MAX_VARYING)
		return false;
	for (size_t i = 0; i < c->nr; i++) {
		for (size_t m = 0; c->v[i] && m < a->st.nr; m++) {
			/* A cell is one line. */
			if (varies[m] && !value_is_scalar(c->v[i]->st.members[m].value))
				return false;
		}
	}

	bool titled = false;
	for (size_t m = 0; m < a->st.nr; m++) {
		if (varies[m] || !text_member_visible(a, &a->st.members[m]))
			continue;
		if (!titled) {
			text_line(&t->sb, 1);
			strbuf_puts(&t->sb, "common:");
			titled = true;
		}
		text_line(&t->sb, 2);
		text_name(&t->sb, a->st.members[m].name);
		strbuf_puts(&t->sb, ": ");
		text_value(&t->sb, a->st.members[m].value, 2, &t->style);
	}

	struct table tab = { .columns = nr_varying + 1, .all_bars = true };
	text_line(&t->sb, 1);
	strbuf_puts(&t->sb, "per-cpu:");
	text_line(&t->sb, 0);
	table_cell(&tab, "cpu");
	for (size_t m = 0; m < a->st.nr; m++) {
		if (varies[m])
			text_name(table_open(&tab), a->st.members[m].name);
	}
	for (size_t i = 0; i < c->nr; i++) {
		if (!c->v[i])
			continue;
		table_cell(&tab, "%zu", i);
		for (size_t m = 0; m < a->st.nr; m++) {
			if (varies[m])
				text_scalar(table_open(&tab), c->v[i]->st.members[m].value);
		}
	}
	table_write(&tab, &t->sb, "    ");
	table_deinit(&tab);
	return true;
}

struct err *text_per_cpu(struct text *t, const struct map_row *m, const struct map_entry *entry,
			 const char *key)
{
	_cleanup_(cpus_deinit) struct cpus c = { 0 };
	size_t structs = 0;
	bool empty = false;
	const char *type = NULL;

	TRY(cpus_init(t, m, entry, &c));
	for (size_t i = 0; i < c.nr; i++) {
		if (!c.v[i] || c.v[i]->kind != VALUE_STRUCT)
			continue;
		if (!structs++)
			type = c.v[i]->st.type_name;
		empty |= !c.v[i]->st.nr;
	}

	strbuf_printf(&t->sb, "%s:", key);
	if (!entry->per_cpu) {
		strbuf_puts(&t->sb, " <no per-CPU values>");
		return NULL;
	}
	if (structs < 2 || empty) {
		write_plain(t, &c);
		return NULL;
	}
	strbuf_putc(&t->sb, ' ');
	if (type) {
		strbuf_puts(&t->sb, "struct ");
		text_guest(t, type);
		strbuf_putc(&t->sb, ' ');
	}
	strbuf_printf(&t->sb, "(%zu CPUs)", c.nr);
	if (c.nr > MAX_GROUPED) {
		write_plain(t, &c);
		return NULL;
	}
	find_groups(&c);
	if (!write_columns(t, &c))
		write_groups(t, &c);
	write_without(t, &c, false);
	write_without(t, &c, true);
	return NULL;
}
