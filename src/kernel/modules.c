/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/modules.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/vec.h"
#include "kernel/containers.h"
#include "kernel/internal.h"

enum { NOTES_MAX = 64, NOTE_MAX = 4096 };

struct module_layout {
	struct member whole, state, list, name, build_id, taints, refs, kallsyms, num_orcs, orc_ip, orc;
	struct member mem, memory, mem_base, mem_size; /* 6.4+ */
	struct member core, init, base, size, text_size, ro_size, ro_after_init_size;
	struct member notes, notes_attrs, notes_nr, notes_list, attr, attr_private, attr_size;
	struct member mod_tree_root;
};

static const struct layout_member members[] = {
	LAYOUT(struct module_layout, whole, "module", ""),
	LAYOUT(struct module_layout, state, "module", "state"),
	LAYOUT(struct module_layout, list, "module", "list"),
	LAYOUT(struct module_layout, name, "module", "name"),
	LAYOUT(struct module_layout, taints, "module", "taints"),
	LAYOUT_OPT(struct module_layout, refs, "module", "refcnt"), /* CONFIG_MODULE_UNLOAD */
	LAYOUT_OPT(struct module_layout, kallsyms, "module", "kallsyms"),
	LAYOUT_OPT(struct module_layout, build_id, "module", "build_id"), /* STACKTRACE_BUILD_ID */
	LAYOUT_OPT(struct module_layout, num_orcs, "module", "arch.num_orcs"),
	LAYOUT_OPT(struct module_layout, orc_ip, "module", "arch.orc_unwind_ip"),
	LAYOUT_OPT(struct module_layout, orc, "module", "arch.orc_unwind"),
	/* 6.4+ */
	LAYOUT_OPT(struct module_layout, mem, "module", "mem"),
	LAYOUT_OPT(struct module_layout, memory, "module_memory", ""),
	LAYOUT_OPT(struct module_layout, mem_base, "module_memory", "base"),
	LAYOUT_OPT(struct module_layout, mem_size, "module_memory", "size"),
	/* before */
	LAYOUT_OPT(struct module_layout, core, "module", "core_layout"),
	LAYOUT_OPT(struct module_layout, init, "module", "init_layout"),
	LAYOUT_OPT(struct module_layout, base, "module_layout", "base"),
	LAYOUT_OPT(struct module_layout, size, "module_layout", "size"),
	LAYOUT_OPT(struct module_layout, text_size, "module_layout", "text_size"),
	LAYOUT_OPT(struct module_layout, ro_size, "module_layout", "ro_size"),
	LAYOUT_OPT(struct module_layout, ro_after_init_size, "module_layout", "ro_after_init_size"),
	/* what /sys/module/NAME/notes shows */
	LAYOUT_OPT(struct module_layout, notes, "module", "notes_attrs"),
	LAYOUT_OPT(struct module_layout, notes_attrs, "module_notes_attrs", "attrs"),
	LAYOUT_OPT(struct module_layout, notes_nr, "module_notes_attrs", "notes"), /* <= 6.13 */
	LAYOUT_OPT(struct module_layout, notes_list, "module_notes_attrs", "grp.bin_attrs"),
	LAYOUT_OPT(struct module_layout, attr, "bin_attribute", ""),
	LAYOUT_OPT(struct module_layout, attr_private, "bin_attribute", "private"),
	LAYOUT_OPT(struct module_layout, attr_size, "bin_attribute", "size"),
	LAYOUT_OPT(struct module_layout, mod_tree_root, "mod_tree_root", "root"),
};

struct modules_read {
	struct kernel *k;
	struct module_layout l;
	struct modules *mods;
	VEC(struct kva) found;
	bool no_memory;
};

/* ---- one module */

static enum kmodule_state read_state(struct kernel *k, uint64_t v)
{
	static const struct {
		const char *name;
		enum kmodule_state state;
	} states[] = {
		{ "MODULE_STATE_LIVE", KMODULE_LIVE },
		{ "MODULE_STATE_COMING", KMODULE_COMING },
		{ "MODULE_STATE_GOING", KMODULE_GOING },
		{ "MODULE_STATE_UNFORMED", KMODULE_UNFORMED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		int64_t value;
		struct err *e = kenum(k, "module_state", states[i].name, &value);

		if (!e && (uint64_t)value == v)
			return states[i].state;
		err_ignore(e);
	}
	return KMODULE_UNKNOWN;
}

static void add_range(struct kmodule *mod, uint64_t start, uint64_t len, const char *what)
{
	uint64_t end;

	if (!start || !len || add_overflows(start, len, &end) || mod->nr_ranges == MODULE_RANGES)
		return;
	mod->ranges[mod->nr_ranges++] = (struct kmodule_range){ start, len, what };
	mod->size += len;
}

/* mod->mem[]: since 6.4 each kind of memory is an allocation of its own. */
static struct err *read_memory(struct modules_read *m, struct kmodule *mod)
{
	static const struct {
		const char *name, *what;
	} kinds[] = {
		{ "MOD_TEXT", "text" },
		{ "MOD_DATA", "data" },
		{ "MOD_RODATA", "rodata" },
		{ "MOD_RO_AFTER_INIT", "ro_after_init" },
		{ "MOD_INIT_TEXT", "init_text" },
		{ "MOD_INIT_DATA", "init_data" },
		{ "MOD_INIT_RODATA", "init_rodata" },
	};
	const struct module_layout *l = &m->l;
	uint64_t nr = l->memory.size ? l->mem.size / l->memory.size : 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t base, size;
		int64_t index;
		struct err *e = kenum(m->k, "mod_mem_type", kinds[i].name, &index);

		if (e) {
			err_free(e);
			continue;
		}
		if (index < 0 || (uint64_t)index >= nr)
			continue;
		struct kva at = { kmember(mod->kva, &l->mem).v + (uint64_t)index * l->memory.size };
		TRY(kget(m->k, at, &l->mem_base, &base));
		TRY(kget(m->k, at, &l->mem_size, &size));
		if (i == 0)
			mod->base.v = base;
		add_range(mod, base, size, kinds[i].what);
	}
	return NULL;
}

/* One allocation for what stays, one for what is freed after init; inside: text, rodata, the rest. */
static struct err *read_layout(struct modules_read *m, struct kmodule *mod,
			       const struct member *which, const char *const what[4])
{
	const struct module_layout *l = &m->l;
	const struct member *const ends[] = {
		&l->text_size, &l->ro_size, &l->ro_after_init_size, &l->size,
	};
	struct kva layout = kmember(mod->kva, which);
	uint64_t base, from = 0, end, size;

	TRY(kget(m->k, layout, &l->base, &base));
	TRY(kget(m->k, layout, &l->size, &size));
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		TRY(kget(m->k, layout, ends[i], &end));
		end = MIN(end, size);
		if (end <= from)
			continue; /* nothing of this kind, or freed */
		add_range(mod, base + from, end - from, what[i]);
		from = end;
	}
	if (which == &l->core)
		mod->base.v = base;
	return NULL;
}

static struct err *read_ranges(struct modules_read *m, struct kmodule *mod)
{
	static const char *const core[] = { "text", "rodata", "ro_after_init", "data" };
	static const char *const init[] = { "init_text", "init_rodata", "init_data", "init_data" };

	if (m->l.mem.present)
		return read_memory(m, mod);
	if (!m->l.core.present)
		return err_new(ERR_MISSING, "struct module has neither mem nor core_layout");
	TRY(read_layout(m, mod, &m->l.core, core));
	return read_layout(m, mod, &m->l.init, init);
}

static void set_build_id(struct kmodule *mod, const uint8_t *id, size_t len)
{
	bool any = false;

	for (size_t i = 0; i < len; i++)
		any |= id[i] != 0;
	if (!any || len > sizeof(mod->build_id))
		return;
	memcpy(mod->build_id, id, len);
	mod->build_id_len = len;
}

/* One note section: a build id is a note of type 3 by "GNU". */
static struct err *read_note(struct modules_read *m, struct kmodule *mod, struct kva attr)
{
	const struct module_layout *l = &m->l;
	uint8_t raw[NOTE_MAX];
	uint64_t data, size;

	TRY(kget(m->k, attr, &l->attr_private, &data));
	TRY(kget(m->k, attr, &l->attr_size, &size));
	if (!data || size < 12 || size > sizeof(raw) || !kmodule_range_at(mod, data))
		return NULL;
	TRY(kread(m->k, (struct kva){ data }, raw, size));

	const uint8_t *id;
	size_t len = notes_build_id(raw, size, &id);
	if (len)
		set_build_id(mod, id, len);
	return NULL;
}

/*
 * Without CONFIG_STACKTRACE_BUILD_ID the kernel keeps no build id, but it has the notes to show in sysfs: up
 * to 6.13 with their number in front, from 6.14 on as a group, which is a list of pointers that ends with 0.
 */
static struct err *read_notes(struct modules_read *m, struct kmodule *mod)
{
	const struct module_layout *l = &m->l;
	bool counted = l->notes_nr.present && l->notes_attrs.present && l->attr.present;
	uint64_t nr = NOTES_MAX;
	struct kva notes, list = { 0 };

	if (!l->notes.present || !(counted || l->notes_list.present))
		return NULL;
	TRY(kget_kva(m->k, mod->kva, &l->notes, &notes));
	if (!notes.v)
		return NULL;
	if (counted)
		TRY(kget(m->k, notes, &l->notes_nr, &nr));
	else
		TRY(kget_kva(m->k, notes, &l->notes_list, &list));
	for (uint64_t i = 0; i < MIN(nr, (uint64_t)NOTES_MAX) && !mod->build_id_len; i++) {
		struct kva attr = { kmember(notes, &l->notes_attrs).v + i * l->attr.size };

		if (!counted)
			TRY(kread_kva(m->k, (struct kva){ list.v + 8 * i }, &attr));
		if (!attr.v)
			break;
		TRY(read_note(m, mod, attr));
	}
	return NULL;
}

static struct err *read_build_id(struct modules_read *m, struct kmodule *mod)
{
	const struct member *id = &m->l.build_id;

	if (id->present && id->size <= sizeof(mod->build_id)) {
		uint8_t raw[MODULE_BUILD_ID_MAX];

		TRY(kread(m->k, kmember(mod->kva, id), raw, id->size));
		set_build_id(mod, raw, id->size);
	}
	return mod->build_id_len ? NULL : err_prefix(read_notes(m, mod), "notes");
}

static struct err *read_rest(struct modules_read *m, struct kmodule *mod)
{
	const struct module_layout *l = &m->l;
	uint64_t v;

	TRY(kget(m->k, mod->kva, &l->taints, &mod->taints));
	if (l->refs.present) {
		TRY(kget(m->k, mod->kva, &l->refs, &v));
		/* MODULE_REF_BASE: one reference is the module's own. */
		mod->refs = (uint32_t)v ? (uint32_t)v - 1 : 0;
		mod->has_refs = true;
	}
	if (l->kallsyms.present)
		TRY(kget_kva(m->k, mod->kva, &l->kallsyms, &mod->kallsyms));
	if (l->num_orcs.present && l->orc_ip.present && l->orc.present) {
		TRY(kget(m->k, mod->kva, &l->num_orcs, &v));
		TRY(kget_kva(m->k, mod->kva, &l->orc_ip, &mod->orc_unwind_ip));
		TRY(kget_kva(m->k, mod->kva, &l->orc, &mod->orc_unwind));
		mod->num_orcs = (uint32_t)v;
	}
	return NULL;
}

static struct err *read_module(struct modules_read *m, struct kmodule *mod)
{
	struct err *(*const parts[])(struct modules_read *, struct kmodule *) = {
		read_ranges, read_rest, read_build_id,
	};
	struct pool *pool = m->mods->pool;
	uint64_t v;

	TRY(kernel_lost(pool, kget_str(m->k, mod->kva, &m->l.name, mod->name, sizeof(mod->name)),
			&mod->why));
	struct err *e = kget(m->k, mod->kva, &m->l.state, &v);
	if (!e)
		mod->state = read_state(m->k, v);
	TRY(kernel_lost(pool, e, &mod->why));
	if (mod->why || mod->state == KMODULE_UNFORMED)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		TRY(kernel_lost(pool, parts[i](m, mod), &mod->why));
	return NULL;
}

/* ---- all of them */

static bool on_module(void *ctx, struct kva node)
{
	struct modules_read *m = ctx;
	struct kva *mod = vec_push(&m->found);

	if (mod)
		mod->v = node.v - m->l.list.off;
	m->no_memory = !mod;
	return mod != NULL;
}

static bool pass(void *ctx, struct kva node)
{
	(void)ctx;
	(void)node;
	return true;
}

/*
 * The list is a round trip per module.  The tree by which the kernel finds the module of an address
 * consists of nodes inside of struct module and is read a level at a time.
 */
static void warm_list(struct modules_read *m)
{
	const struct module_layout *l = &m->l;
	struct kva tree;
	uint64_t off;

	if (!l->mod_tree_root.present || !khas_sym(m->k, "mod_tree"))
		return;
	err_ignore(ksym(m->k, "mod_tree", &tree));
	tree = kmember(tree, &l->mod_tree_root);
	if (klatch_tree(m->k, tree, &tree, &off))
		(void)krbtree_walk(m->k, tree, (size_t)MODULES_MAX * MODULE_RANGES, pass, NULL, NULL);
}

static struct err *find_modules(struct modules_read *m)
{
	struct modules *mods = m->mods;
	struct err *why = NULL;
	struct kva head;

	struct err *e = ksym(m->k, "modules", &head);
	if (e) {
		mods->no_modules = true;
		return kernel_lost(mods->pool, e, &mods->why);
	}
	warm_list(m);
	enum walk_end end = klist_walk(m->k, head, MODULES_MAX, on_module, m, &why);
	if (m->no_memory) {
		err_free(why);
		return &err_nomem;
	}
	if (why)
		return kernel_lost(mods->pool, err_prefix(why, "module list"), &mods->why);
	if (end != WALK_COMPLETE) {
		mods->why = pool_printf(mods->pool, "module list: %s", walk_end_text(end));
		return mods->why ? NULL : &err_nomem;
	}
	return NULL;
}

static struct err *read_modules(struct modules_read *m)
{
	struct modules *mods = m->mods;
	size_t nr = m->found.nr;

	_cleanup_free_ struct krange *ranges = calloc(nr + 1, sizeof(*ranges));
	mods->data = pool_calloc(mods->pool, nr, sizeof(*mods->data));
	if (!ranges || !mods->data)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++)
		ranges[i] = (struct krange){ m->found.data[i], m->l.whole.size };
	kprefetch(m->k, ranges, nr);
	for (size_t i = 0; i < nr; i++) {
		mods->data[i].kva = m->found.data[i];
		TRY(read_module(m, &mods->data[i]));
	}
	mods->nr = nr;
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct module_span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static struct err *index_spans(struct modules *mods)
{
	size_t nr = 0;

	mods->spans = pool_calloc(mods->pool, mods->nr * MODULE_RANGES, sizeof(*mods->spans));
	if (!mods->spans)
		return &err_nomem;
	for (size_t i = 0; i < mods->nr; i++) {
		const struct kmodule *mod = &mods->data[i];

		for (size_t r = 0; r < mod->nr_ranges; r++)
			mods->spans[nr++] = (struct module_span){
				mod->ranges[r].start, mod->ranges[r].start + mod->ranges[r].len,
				(uint32_t)i,
			};
	}
	mods->nr_spans = nr;
	qsort(mods->spans, nr, sizeof(*mods->spans), by_start);
	return NULL;
}

static struct err *load(struct kernel *k, struct modules *mods)
{
	struct modules_read m = { .k = k, .mods = mods };

	TRY(klayout(k, members, ARRAY_SIZE(members), &m.l, NULL));
	if (!m.l.whole.present || !m.l.list.present) {
		mods->no_modules = !khas_sym(k, "modules");
		mods->why = "this kernel's types have no struct module";
		return NULL;
	}
	struct err *e = find_modules(&m);
	if (!e)
		e = read_modules(&m);
	free(m.found.data);
	return e ? e : index_spans(mods);
}

struct err *kmodules(struct kernel *k, const struct modules **ret)
{
	if (!k->modules) {
		struct modules *mods = calloc(1, sizeof(*mods));

		if (!mods)
			return &err_nomem;
		mods->symbol_bytes_left = MODULE_SYMBOL_BYTES;
		mods->pool = calloc(1, sizeof(*mods->pool));
		struct err *e = mods->pool ? load(k, mods) : &err_nomem;
		/* While this fiber slept another may have come and done the same. */
		if (e || k->modules)
			modules_destroy(mods);
		else
			k->modules = mods;
		TRY(e);
	}
	*ret = k->modules;
	return NULL;
}

void modules_destroy(struct modules *mods)
{
	if (!mods)
		return;
	for (size_t i = 0; i < mods->nr; i++)
		module_symbols_destroy(mods->data[i].symbols);
	if (mods->pool)
		pool_deinit(mods->pool);
	free(mods->pool);
	free(mods);
}

struct err *kmodule_at(struct kernel *k, uint64_t addr, const struct kmodule **ret)
{
	const struct modules *mods;
	size_t lo = 0, hi;

	TRY(kmodules(k, &mods));
	*ret = NULL;
	hi = mods->nr_spans;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mods->spans[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo && addr < mods->spans[lo - 1].end)
		*ret = &mods->data[mods->spans[lo - 1].module];
	return NULL;
}

const struct kmodule_range *kmodule_range_at(const struct kmodule *mod, uint64_t addr)
{
	for (size_t i = 0; i < mod->nr_ranges; i++) {
		if (addr - mod->ranges[i].start < mod->ranges[i].len)
			return &mod->ranges[i];
	}
	return NULL;
}

const char *kmodule_state_text(enum kmodule_state state)
{
	switch (state) {
	case KMODULE_LIVE:
		return "live";
	case KMODULE_COMING:
		return "coming";
	case KMODULE_GOING:
		return "going";
	case KMODULE_UNFORMED:
		return "unformed";
	case KMODULE_UNKNOWN:
		break;
	}
	return "unknown";
}
