/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <inttypes.h>

#include "report/escape.h"
#include "report/text-parts.h"
#include "report/value-facts.h"

enum { ARENA_RUNS = 16 };

static void write_raw(struct text *t, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		strbuf_printf(&t->sb, i ? " %02x" : "%02x", data[i]);
	strbuf_puts(&t->sb, " (raw)");
}

static struct err *write_key(struct text *t, const struct map_row *m, const uint8_t *key)
{
	struct value *v;

	strbuf_puts(&t->sb, "entry: key=");
	if (!key) {
		strbuf_puts(&t->sb, "<unreadable>");
		return NULL;
	}
	if (!render_has_key_type(m)) {
		write_raw(t, key, m->key_size);
		return NULL;
	}
	TRY(render_key(&t->render, m, key, &v));
	text_value(&t->sb, v, 1, &t->style);
	return NULL;
}

static void write_key_facts(struct text *t, const struct map_entry *entry)
{
	if (!entry->facts || !entry->facts->first)
		return;
	strbuf_puts(&t->sb, " (");
	text_facts(&t->sb, entry->facts);
	strbuf_putc(&t->sb, ')');
}

static struct err *write_pair(struct text *t, const struct map_row *m, const struct map_entry *entry)
{
	struct value *v;

	if (entry->owner) {
		strbuf_puts(&t->sb, "entry: key=");
		text_owner(t, entry->owner);
	} else {
		TRY(write_key(t, m, entry->key));
	}
	write_key_facts(t, entry);
	text_line(&t->sb, 1);
	strbuf_puts(&t->sb, "value: ");
	if (!entry->value) {
		strbuf_puts(&t->sb, "<unreadable>");
	} else if (!render_has_value_type(m)) {
		write_raw(t, entry->value, m->value_size);
	} else {
		TRY(render_value(&t->render, m, entry->value, &v));
		text_value(&t->sb, v, 1, &t->style);
	}
	if (entry->payload) {
		text_line(&t->sb, 1);
		strbuf_puts(&t->sb, ".data ");
		TRY(render_payload(&t->render, m, entry->payload, &v));
		text_value(&t->sb, v, 1, &t->style);
	}
	return NULL;
}

static struct err *write_element(struct text *t, const struct map_row *m, const struct map_entry *entry)
{
	struct value *v;

	strbuf_printf(&t->sb, "key %" PRIu32 ": ", entry->index);
	if (!entry->value) {
		strbuf_puts(&t->sb, "<unreadable>");
		return NULL;
	}
	TRY(render_value(&t->render, m, entry->value, &v));
	text_value(&t->sb, v, 0, &t->style);
	if (entry->insn) {
		strbuf_printf(&t->sb, " at 0x%" PRIx64 " ", entry->insn->ip);
		text_guest(t, entry->insn->symbol ? entry->insn->symbol : "(no name)");
	}
	return NULL;
}

static struct err *write_hash_cpus(struct text *t, const struct map_row *m,
				   const struct map_entry *entry)
{
	struct value *v;

	TRY(write_key(t, m, entry->key));
	write_key_facts(t, entry);
	if (!entry->per_cpu) {
		text_line(&t->sb, 1);
		strbuf_puts(&t->sb, "<no per-CPU values>");
		return NULL;
	}
	for (uint32_t cpu = 0; cpu < t->r->kernel.nr_cpu_ids; cpu++) {
		text_line(&t->sb, 1);
		strbuf_printf(&t->sb, "cpu %" PRIu32 ": ", cpu);
		if (!entry->per_cpu[cpu]) {
			strbuf_puts(&t->sb, text_no_value(entry, cpu));
			continue;
		}
		TRY(render_value(&t->render, m, entry->per_cpu[cpu], &v));
		text_value(&t->sb, v, 1, &t->style);
		render_reset(&t->render);
	}
	return NULL;
}

static struct err *write_entry(struct text *t, const struct map_row *m, const struct map_entry *entry)
{
	char key[32];

	switch (m->body) {
	case MAP_BODY_ENTRIES:
		return write_pair(t, m, entry);
	case MAP_BODY_ARRAY:
		return write_element(t, m, entry);
	case MAP_BODY_PERCPU_ARRAY:
		snprintf(key, sizeof(key), "key %" PRIu32, entry->index);
		return text_per_cpu(t, m, entry, key);
	case MAP_BODY_PERCPU_HASH:
		return write_hash_cpus(t, m, entry);
	case MAP_BODY_NONE:
	case MAP_BODY_VALUE:
	case MAP_BODY_ARENA:
	case MAP_BODY_RINGBUF:
	case MAP_BODY_STACKS:
	case MAP_BODY_BLOOM:
	case MAP_BODY_SLOTS:
		break;
	}
	return NULL;
}

/* ---- a table, where all entries are flat structs */

/* What all rows must have in common: type name and member names, NUL-terminated. */
static bool signature(const struct value *v, struct strbuf *sb)
{
	if (v->kind != VALUE_STRUCT || !v->st.nr)
		return false;
	strbuf_puts(sb, v->st.type_name ? v->st.type_name : "");
	strbuf_putc(sb, 0);
	for (size_t i = 0; i < v->st.nr; i++) {
		if (!value_is_scalar(v->st.members[i].value))
			return false;
		strbuf_add(sb, v->st.members[i].name, strlen(v->st.members[i].name) + 1);
	}
	return true;
}

static void add_row(struct table *tab, const struct value *v, bool names)
{
	for (size_t i = 0; i < v->st.nr; i++) {
		struct strbuf *sb = table_open(tab);

		if (names)
			text_name(sb, v->st.members[i].name);
		else
			text_scalar(sb, v->st.members[i].value);
	}
}

/* Adds an entry; *ret is false if it does not fit the table. */
static struct err *add_entry(struct text *t, const struct map_row *m, const struct map_entry *entry,
			     struct table *tab, struct strbuf *first, struct strbuf *sig, bool *ret)
{
	struct value *key, *value;

	*ret = false;
	if (!entry->key || !entry->value || entry->payload || entry->facts)
		return NULL;
	TRY(render_key(&t->render, m, entry->key, &key));
	TRY(render_value(&t->render, m, entry->value, &value));
	strbuf_reset(sig);
	if (!signature(key, sig) || !signature(value, sig))
		return NULL;
	if (!tab->columns) {
		strbuf_add(first, sig->s, sig->len);
		tab->columns = key->st.nr + value->st.nr;
		tab->bar = key->st.nr;
		add_row(tab, key, true);
		add_row(tab, value, true);
	}
	if (sig->len != first->len || memcmp(sig->s, first->s, sig->len))
		return NULL;
	add_row(tab, key, false);
	add_row(tab, value, false);
	*ret = true;
	return NULL;
}

static struct err *fill_table(struct text *t, const struct map_row *m, size_t nr, struct table *tab,
			      bool *ret)
{
	struct strbuf first = { 0 }, sig = { 0 };
	struct err *e = NULL;
	bool fits = nr >= 2;

	for (size_t i = 0; i < nr && fits && !e; i++) {
		e = add_entry(t, m, &m->entries[i], tab, &first, &sig, &fits);
		render_reset(&t->render);
	}
	*ret = fits && !first.nomem && !sig.nomem;
	strbuf_deinit(&first);
	strbuf_deinit(&sig);
	return e;
}

/* *ret: whether the entries were written as a table. */
static struct err *write_table(struct text *t, const struct map_row *m, size_t nr, bool *ret)
{
	struct table tab = { 0 };
	bool fits = false;
	struct err *e = NULL;

	if (m->body == MAP_BODY_ENTRIES && render_has_key_type(m) && render_has_value_type(m))
		e = fill_table(t, m, nr, &tab, &fits);
	fits = fits && !e && (!t->opts->width || table_width(&tab) + 2 <= t->opts->width);
	if (fits) {
		strbuf_putc(&t->sb, '\n');
		table_write(&tab, &t->sb, "  ");
	}
	table_deinit(&tab);
	*ret = fits;
	return e;
}

static struct err *write_entries(struct text *t, const struct map_row *m)
{
	size_t nr = text_shown(t, m->nr_entries, TEXT_MAX_ENTRIES);
	bool done;

	TRY(write_table(t, m, nr, &done));
	for (size_t i = 0; i < nr && !done && !t->e; i++) {
		strbuf_putc(&t->sb, '\n');
		TRY(write_entry(t, m, &m->entries[i]));
		render_reset(&t->render);
		text_flush(t);
	}
	text_more(t, 0, m->nr_entries - nr);
	return NULL;
}

/* ---- */

static bool is_blank(const uint8_t *page)
{
	for (size_t i = 0; i < PAGE_SIZE; i++) {
		if (page[i])
			return false;
	}
	return true;
}

/* Where pages are: runs of neighbours, by their place in the arena. */
static void write_page_runs(struct text *t, const struct arena_body *a)
{
	size_t runs = 0, shown = 0;

	for (size_t i = 0; i < a->nr_pages; i++)
		runs += !i || a->pages[i].user_addr != a->pages[i - 1].user_addr + PAGE_SIZE;
	size_t limit = text_shown(t, runs, ARENA_RUNS);
	for (size_t i = 0, end; i < a->nr_pages && shown < limit; i = end) {
		for (end = i + 1; end < a->nr_pages; end++) {
			if (a->pages[end].user_addr != a->pages[end - 1].user_addr + PAGE_SIZE)
				break;
		}
		if (!shown++)
			strbuf_puts(&t->sb, "\n  pages ");
		else
			strbuf_puts(&t->sb, ", ");
		uint64_t first = (a->pages[i].user_addr - a->user_vm_start) / PAGE_SIZE;
		strbuf_printf(&t->sb, "%" PRIu64, first);
		if (end - i > 1)
			strbuf_printf(&t->sb, "-%" PRIu64, first + (end - i) - 1);
	}
	if (shown < runs)
		strbuf_printf(&t->sb, ", \u2026 %zu more runs (-v shows all)", runs - shown);
}

static void write_arena(struct text *t, const struct arena_body *a)
{
	size_t captured = 0, blank = 0, not_kept = 0;

	for (size_t i = 0; i < a->nr_pages; i++) {
		captured += a->pages[i].bytes != NULL;
		not_kept += a->pages[i].not_kept;
		blank += a->pages[i].bytes && is_blank(a->pages[i].bytes);
	}
	strbuf_printf(&t->sb, "\narena: %zu pages captured (%zu KiB), %zu non-zero (bytes: JSON)", captured,
		      captured * (PAGE_SIZE / 1024), captured - blank);
	if (captured + not_kept < a->nr_pages)
		strbuf_printf(&t->sb, " (%zu unreadable)", a->nr_pages - captured - not_kept);
	if (a->truncated)
		strbuf_printf(&t->sb, " (%" PRIu64 " not kept, %" PRIu64 " declared)", a->mapped_pages - a->nr_pages + not_kept,
			      a->declared_pages);
	if (a->span_capped)
		strbuf_puts(&t->sb, " (span capped at 4 GiB)");
	if (a->user_vm_start || a->kern_vm_start)
		strbuf_printf(&t->sb, "\n  at 0x%" PRIx64 " in user space, 0x%" PRIx64 " in the kernel", a->user_vm_start,
			      a->kern_vm_start);
	write_page_runs(t, a);
}

static struct err *write_slot(struct text *t, const struct map_row *m, const struct map_slot *slot)
{
	if (m->slots->hash)
		TRY(write_key(t, m, slot->key));
	else
		strbuf_printf(&t->sb, "%" PRIu32, slot->index);
	strbuf_puts(&t->sb, ": ");
	text_facts(&t->sb, &slot->facts);
	strbuf_printf(&t->sb, "%sat 0x%" PRIx64, slot->facts.first ? " " : "", slot->kva.v);
	if (slot->error) {
		strbuf_puts(&t->sb, " [error: ");
		text_guest(t, slot->error);
		strbuf_putc(&t->sb, ']');
	}
	return NULL;
}

static struct err *write_slots(struct text *t, const struct map_row *m)
{
	const struct slots_body *s = m->slots;
	size_t shown = text_shown(t, s->nr, TEXT_MAX_ENTRIES);

	strbuf_printf(&t->sb, "\nfd_array: %zu populated / %" PRIu64 " scanned", s->nr, s->scanned);
	if (s->unread)
		strbuf_printf(&t->sb, " (%" PRIu64 " unreadable)", s->unread);
	if (s->truncated)
		strbuf_puts(&t->sb, " (truncated)");
	for (size_t i = 0; i < shown && !t->e; i++) {
		strbuf_puts(&t->sb, "\n  ");
		TRY(write_slot(t, m, &s->slots[i]));
		render_reset(&t->render);
		text_flush(t);
	}
	text_more(t, 1, s->nr - shown);
	return NULL;
}

static void write_ops(struct text *t, const struct ops_body *ops)
{
	strbuf_puts(&t->sb, "\nstruct_ops: ");
	text_guest(t, ops->type_name ? ops->type_name : "?");
	strbuf_puts(&t->sb, ", state ");
	if (ops->state_name)
		text_guest(t, ops->state_name);
	else
		strbuf_printf(&t->sb, "%" PRIu32, ops->state);
	if (ops->link_id)
		strbuf_printf(&t->sb, ", link %" PRIu32, ops->link_id);
	for (size_t i = 0; i < ops->nr_funcs; i++) {
		const struct ops_func *f = &ops->funcs[i];

		strbuf_puts(&t->sb, "\n  .");
		if (f->member)
			text_guest(t, f->member);
		else
			strbuf_printf(&t->sb, "%" PRIu32, f->index);
		strbuf_puts(&t->sb, ": ");
		if (f->prog_id) {
			text_guest(t, f->prog_name);
			strbuf_printf(&t->sb, " (program %" PRIu32 ") ", f->prog_id);
		}
		strbuf_printf(&t->sb, "at 0x%" PRIx64, f->addr);
	}
}

static void write_details(struct text *t, const struct map_row *m)
{
	strbuf_printf(&t->sb, " key_size=%" PRIu32 " flags=0x%" PRIx32 " kva=0x%" PRIx64, m->key_size, m->flags,
		      m->kva.v);
	if (m->extra)
		strbuf_printf(&t->sb, " extra=0x%" PRIx64, m->extra);
	if (m->btf_id)
		strbuf_printf(&t->sb, " btf=%" PRIu32, m->btf_id);
	if (m->frozen)
		strbuf_puts(&t->sb, " frozen");
}

static void write_header(struct text *t, const struct map_row *m)
{
	text_bold(t, true);
	strbuf_puts(&t->sb, "map ");
	text_guest(t, m->name);
	text_bold(t, false);
	strbuf_puts(&t->sb, " (type=");
	if (m->type_name)
		text_guest(t, m->type_name);
	else
		strbuf_printf(&t->sb, "%" PRIu32, m->type);
	strbuf_printf(&t->sb, ", value_size=%" PRIu32 ", max_entries=%" PRIu32, m->value_size, m->max_entries);
	if (m->has_count)
		strbuf_printf(&t->sb, ", entries=%" PRIu64, m->count);
	strbuf_printf(&t->sb, ") id=%" PRIu32, m->id);
	if (t->opts->verbose)
		write_details(t, m);
	text_sub_sched(t, m->sched);
	if (m->error) {
		text_alarm(t, true);
		strbuf_puts(&t->sb, " [error: ");
		text_guest(t, m->error);
		strbuf_putc(&t->sb, ']');
		text_alarm(t, false);
	}
}

/* " held by CPU 1": a CPU of several may hold the lock or wait for it. */
static void write_holders(struct text *t, const struct held_lock *lock)
{
	strbuf_puts(&t->sb, lock->held ? " held" : " being handed over");
	if (lock->nr_cpus == 1 && lock->held)
		strbuf_printf(&t->sb, " by CPU %" PRIu32, lock->cpus[0]);
	if (lock->waited)
		strbuf_puts(&t->sb, ", waited for");
	if (lock->nr_cpus == 1 && lock->held)
		return;
	for (uint32_t c = 0; c < lock->nr_cpus; c++)
		strbuf_printf(&t->sb, "%s%" PRIu32, c ? ", " : " (holding or waiting: CPU ", lock->cpus[c]);
	strbuf_puts(&t->sb, lock->nr_cpus ? ")" : "");
}

static void write_locks(struct text *t, const struct map_row *m)
{
	for (size_t i = 0; i < m->nr_locks; i++) {
		const struct held_lock *lock = &m->locks[i];

		strbuf_puts(&t->sb, "\n  ");
		text_alarm(t, true);
		strbuf_puts(&t->sb, lock->what);
		if (lock->has_index)
			strbuf_printf(&t->sb, " %" PRIu64, lock->index);
		if (lock->key) {
			strbuf_puts(&t->sb, " of key ");
			for (uint32_t b = 0; b < MIN(m->key_size, 32u); b++)
				strbuf_printf(&t->sb, b ? " %02x" : "%02x", lock->key[b]);
			strbuf_puts(&t->sb, m->key_size > 32 ? " \u2026" : "");
		}
		if (lock->owner.v)
			strbuf_printf(&t->sb, " of 0x%" PRIx64, lock->owner.v);
		strbuf_puts(&t->sb, ": ");
		text_guest(t, lock->member ? lock->member : "lock");
		write_holders(t, lock);
		text_alarm(t, false);
	}
	if (m->locks_cut)
		strbuf_printf(&t->sb, "\n  and %zu more locks held", m->locks_cut);
}

static struct err *write_map(struct text *t, const struct map_row *m)
{
	struct value *v;

	write_header(t, m);
	write_locks(t, m);
	if (m->prog_owner.first) {
		strbuf_puts(&t->sb, "\n  takes programs: ");
		text_facts(&t->sb, &m->prog_owner);
	}
	if (m->ops)
		write_ops(t, m->ops);
	text_begin_values(t);
	switch (m->body) {
	case MAP_BODY_NONE:
		return NULL;
	case MAP_BODY_VALUE:
		if (!m->value)
			return NULL;
		strbuf_putc(&t->sb, '\n');
		TRY(render_single(&t->render, m, &v));
		text_value(&t->sb, v, 0, &t->style);
		render_reset(&t->render);
		return NULL;
	case MAP_BODY_ENTRIES:
	case MAP_BODY_ARRAY:
	case MAP_BODY_PERCPU_ARRAY:
	case MAP_BODY_PERCPU_HASH:
		if (!m->nr_entries && !m->error)
			strbuf_puts(&t->sb, " empty");
		return write_entries(t, m);
	case MAP_BODY_ARENA:
		if (m->arena)
			write_arena(t, m->arena);
		return NULL;
	case MAP_BODY_RINGBUF:
		text_ringbuf(t, m->ringbuf);
		return NULL;
	case MAP_BODY_STACKS:
		text_stacks(t, m->stacks);
		return NULL;
	case MAP_BODY_BLOOM:
		text_bloom(t, m->bloom);
		return NULL;
	case MAP_BODY_SLOTS:
		return write_slots(t, m);
	}
	return NULL;
}

struct err *text_the_entry(struct text *t, const struct map_row *m)
{
	struct value *v;

	switch (m->body) {
	case MAP_BODY_SLOTS:
		return write_slot(t, m, m->slots->slots);
	case MAP_BODY_STACKS:
		text_stacks(t, m->stacks);
		return NULL;
	case MAP_BODY_VALUE:
		TRY(render_single(&t->render, m, &v));
		text_value(&t->sb, v, 0, &t->style);
		return NULL;
	default:
		return write_entry(t, m, m->entries);
	}
}

struct err *text_maps(struct text *t)
{
	text_counted_title(t, "maps", report_nr_maps_shown(t->r), "maps");
	for (size_t i = 0; i < report_nr_maps_shown(t->r) && !t->e; i++) {
		const struct map_row *m = &t->r->maps.data[i];

		strbuf_putc(&t->sb, '\n');
		TRY(err_prefix(write_map(t, m), "map %s (id %u)", m->name, m->id));
		strbuf_putc(&t->sb, '\n');
		text_end_values(t);
		text_flush(t);
	}
	return NULL;
}
