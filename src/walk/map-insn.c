/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct bpf_insn_array (kernel/bpf/bpf_insn_array.c, 6.19): where instructions of a program went.
 *
 * User space gives the number of an instruction; the verifier notes where it is after its rewriting, the JIT compiler
 * where in the native code, and at which address.
 */
#include "config.h"

#include "walk/maps.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"

static const char value_name[] = "bpf_insn_array_value";

struct insn_layout {
	struct member map, ips, values;
};

static const struct layout_member insn_members[] = {
	LAYOUT_OPT(struct insn_layout, map, "bpf_insn_array", "map"),
	LAYOUT_OPT(struct insn_layout, ips, "bpf_insn_array", "ips"),
	LAYOUT_OPT(struct insn_layout, values, "bpf_insn_array", "values"),
};

/* The nr addresses, 0 for those that could not be read, which are counted. */
static struct err *read_ips(struct map_job *job, struct kva at, struct map_entry *entries, size_t nr, size_t *lost)
{
	struct kernel *k = job->mw->k;
	struct map_insn *insns = pool_calloc(job->mw->pool, nr, sizeof(*insns));

	if (!insns)
		return &err_nomem;
	kprefetch(k, &(struct krange){ at, nr * 8 }, 1);
	for (size_t i = 0; i < nr; i++) {
		struct sym sym;
		_cleanup_err_ struct err *e = kread_u64(k, (struct kva){ at.v + 8 * i }, &insns[i].ip);

		if (walk_is_fatal(e))
			return take_ptr(e);
		*lost += !!e;
		if (e || !insns[i].ip)
			continue;
		TRY(ksymbolize(k, (struct kva){ insns[i].ip }, SYM_EXACT, &sym));
		insns[i].symbol = sym.owner == SYM_NONE ? NULL : sym_text(job->mw->pool, &sym);
		entries[i].insn = &insns[i];
	}
	return NULL;
}

static struct err *read_values(struct map_job *job, struct kva at, struct map_entry *entries, size_t nr, size_t *lost)
{
	uint64_t size = job->row->value_size;

	kprefetch(job->mw->k, &(struct krange){ at, nr * size }, 1);
	for (size_t i = 0; i < nr; i++) {
		entries[i].index = (uint32_t)i;
		TRY(map_copy(job, (struct kva){ at.v + i * size }, size, &entries[i].value));
		*lost += !entries[i].value;
	}
	return NULL;
}

struct err *map_insn(struct map_job *job)
{
	struct map_row *row = job->row;
	struct insn_layout l;
	uint64_t ips, nr = MIN((uint64_t)row->max_entries, map_cap(job, WALK_ENTRIES_DEFAULT));
	uint64_t cost = row->value_size + sizeof(struct map_entry) + sizeof(struct map_insn) + 128;
	size_t lost = 0;
	bool ok;

	TRY(klayout(job->mw->k, insn_members, ARRAY_SIZE(insn_members), &l, NULL));
	if (!l.map.present || !l.ips.present || !l.values.present)
		return map_no_layout(job, "struct bpf_insn_array");
	job->capped = nr < row->max_entries;
	if (nr > job->bytes / cost) {
		nr = job->bytes / cost;
		job->out_of_bytes = true;
	}
	job->bytes -= nr * cost;
	if (nr < row->max_entries)
		TRY(map_note(job, "truncated at %" PRIu64 " instructions (max_entries=%" PRIu32 ")", nr, row->max_entries));

	struct kva array = { row->kva.v - l.map.off };
	struct map_entry *entries = pool_calloc(job->mw->pool, nr, sizeof(*entries));
	if (!entries)
		return &err_nomem;
	TRY(map_get(job, "ips", array, &l.ips, &ips, &ok));
	TRY(read_values(job, kmember(array, &l.values), entries, nr, &lost));
	if (ok && ips)
		TRY(read_ips(job, (struct kva){ ips }, entries, nr, &lost));
	row->body = MAP_BODY_ARRAY;
	row->entries = entries;
	row->nr_entries = nr;
	return lost ? map_unreadable(job, "%zu instructions unreadable", lost) : NULL;
}

struct err *map_insn_types(struct map_job *job)
{
	const struct types *types = job->mw->k->types;
	uint64_t size;
	uint32_t id;
	struct err *e = types_find(types, BTF_KIND_STRUCT, value_name, &id);

	if (!e)
		e = types_size(types, id, &size);
	if (e && walk_is_fatal(e))
		return e;
	if (!e && size == job->row->value_size) {
		job->row->types = types;
		job->row->value_type = id;
	}
	err_free(e);
	return NULL;
}
