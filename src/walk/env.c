/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the pointers in values lead: into the arenas that were collected, or into the kernel.
 *
 * Values are rendered after the guest has been let go, so what they point at in the kernel must be read
 * before.  The touch pass finds it by rendering: the first time the renderer asks for an address the
 * address is only noted; then everything noted is fetched in one batch, and the values that had asked
 * are rendered once more, until nobody asks for anything new.
 */
#include "config.h"

#include "walk/walk.h"

#include "base/cleanup.h"
#include "walk/arena.h"
#include "walk/env.h"

enum {
	TOUCH_VALUES = 1 << 17, /* values looked at; more cost more time than they are worth */
	TOUCH_READS = 1 << 16,	/* addresses noted */
	TOUCH_SLOTS = 2 * TOUCH_READS,
	TOUCH_ROUNDS = 16,	/* pointers behind pointers */
	TOUCH_PAGES = 1 << 14,	/* of arenas that are looked into only */
	TOUCH_LINKS = 1 << 16,	/* nodes of lists and trees, each read when the one before it tells where it is */
};

/* Rendered by the touch pass, while the guest stands still: objects that are shared cost each that leads to them. */
static const uint64_t TOUCH_NODES = 1 << 24;

/* An arena to read from. */
struct arena {
	const struct map_row *row;
	const struct arena_body *body;
};

/* A read of kernel memory that the renderer asked for. */
struct noted {
	uint64_t addr; /* 0: a free slot */
	size_t len;
	bool fetched;
};

/* Shared by all values. */
struct env_all {
	struct walk *w; /* NULL but in the touch pass */
	struct kernel *k;
	const struct report *r;
	struct arena *arenas;
	size_t nr_arenas;
	struct env_objects *objects;

	size_t max_elements; /* of arrays in values */
	struct touch *touch; /* NULL but in the touch pass */
};

/* Values of the maps of one arena's programs, or of all others. */
struct env_ctx {
	struct env_all *all;
	const struct arena *own; /* NULL: not known */
};

/* A page of an arena that the renderer asked for. */
struct wanted_page {
	const struct map_row *arena;
	struct arena_range range;
};

struct touch {
	struct noted *slots; /* [TOUCH_SLOTS], hashed, open addressing */
	size_t nr;
	VEC(struct wanted_page) pages;
	size_t nr_pages; /* in all rounds */
	size_t asked; /* for something not fetched, by the value at hand */
	uint64_t nodes, links;
	bool cut, no_memory;
};

/* ---- arenas */

/* One may be wanted several times in a round; it is fetched once. */
static void want_page(struct touch *t, const struct map_row *arena, uint64_t addr)
{
	struct wanted_page *p = t->pages.nr ? &t->pages.data[t->pages.nr - 1] : NULL;

	if (p && p->arena == arena && p->range.addr / PAGE_SIZE == addr / PAGE_SIZE) {
		t->asked++;
		return;
	}
	if (t->nr_pages == TOUCH_PAGES) {
		t->cut = true;
		return;
	}
	p = vec_push(&t->pages);
	if (!p) {
		t->no_memory = true;
		return;
	}
	*p = (struct wanted_page){ arena, { addr, 1 } };
	t->nr_pages++;
	t->asked++;
}

/*
 * The page, if its contents are there.  In the touch pass a page of an arena that is looked into only is asked for, to
 * be there in the next round.
 */
static const struct arena_page *readable(const struct env_all *all, const struct arena *a, uint64_t addr)
{
	const struct arena_page *p = arena_has(a->body, addr) ? arena_page(a->body, addr) : NULL;

	if (p && p->unread && all->touch)
		want_page(all->touch, a->row, addr);
	return p && p->bytes ? p : NULL;
}

/* How many arenas have this address; *found is one of them. */
static size_t arenas_with(const struct env_all *all, uint64_t addr, const struct arena **found)
{
	size_t nr = 0;

	for (size_t i = 0; i < all->nr_arenas; i++) {
		if (!arena_has(all->arenas[i].body, addr))
			continue;
		*found = &all->arenas[i];
		nr++;
	}
	return nr;
}

/*
 * Two processes may have their arenas at the same user addresses.  A map's values mean the arena of the programs
 * that use it.  Of other values it is not known: if several have the address any of them would be a guess, also
 * the running scheduler's.
 */
static const struct arena *find_arena(const struct env_ctx *c, uint64_t addr)
{
	const struct arena *found = NULL;

	if (c->own && arena_has(c->own->body, addr))
		return c->own;
	return arenas_with(c->all, addr, &found) == 1 ? found : NULL;
}

static bool in_arena(void *ctx, uint64_t addr)
{
	const struct env_ctx *c = ctx;
	const struct arena *found;

	return arenas_with(c->all, addr, &found);
}

static size_t read_arena(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct env_ctx *c = ctx;
	const struct arena *a = find_arena(c, addr);
	size_t done = 0;

	while (a && done < len) {
		const struct arena_page *p = readable(c->all, a, addr + done);
		size_t at = (addr + done) & (PAGE_SIZE - 1), n = MIN(len - done, PAGE_SIZE - at);

		if (!p)
			break;
		memcpy((uint8_t *)buf + done, p->bytes + at, n);
		done += n;
	}
	return done;
}

static const char *skip_arena(void *ctx, uint64_t addr)
{
	const struct env_ctx *c = ctx;
	const struct arena *a = find_arena(c, addr);
	const struct sdt_alloc_row *alloc;
	uint32_t off;

	if (!a)
		return "several arenas have this address, and it is not known which is meant";
	if (!c->all->r->sdt_aside && sdt_find(c->all->r, a->row, addr, &alloc, &off) && alloc->type)
		return "already rendered in sdt_allocations"; /* the wording is the format's */
	return arena_not_kept(a->body, addr, 1) ? "its arena page was not kept (--arena-bytes)" : NULL;
}

static const char *freed(void *ctx, uint64_t addr)
{
	const struct env_ctx *c = ctx;
	const struct arena *a = find_arena(c, addr);
	const struct sdt_alloc_row *alloc;
	uint32_t off;

	alloc = a && arena_has(a->body, addr) ? sdt_find_freed(c->all->r, a->row, addr, &off) : NULL;
	return alloc ? alloc->name : NULL;
}

/* ---- the kernel */

/* The slot of a read, or the free one where it belongs. */
static struct noted *noted_at(const struct touch *t, uint64_t addr, size_t len)
{
	for (size_t i = (size_t)((addr + len) * 0x9e3779b97f4a7c15ULL >> 40);; i++) {
		struct noted *n = &t->slots[i & (TOUCH_SLOTS - 1)];

		if (!n->addr || (n->addr == addr && n->len == len))
			return n;
	}
}

/* Whether the bytes were fetched; if not, they will be before the next round. */
static bool touched(struct touch *t, uint64_t addr, size_t len)
{
	struct noted *n = noted_at(t, addr, len);

	if (!addr || (!n->addr && t->nr == TOUCH_READS)) {
		t->cut |= addr != 0;
		return false;
	}
	if (!n->addr) {
		*n = (struct noted){ addr, len, false };
		t->nr++;
	}
	t->asked += !n->fetched;
	return n->fetched;
}

static size_t read_kernel(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct env_all *all = ((struct env_ctx *)ctx)->all;

	if (all->touch && !touched(all->touch, addr, len))
		return 0;
	return kread_some(all->k, (struct kva){ addr }, buf, len);
}

/* At once: a round for each node of a list would be one for each of all values again. */
static size_t read_chain(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct env_all *all = ((struct env_ctx *)ctx)->all;

	if (all->touch && !all->touch->links) {
		all->touch->cut = true;
		return 0;
	}
	if (all->touch)
		all->touch->links--;
	return kread_some(all->k, (struct kva){ addr }, buf, len);
}

static bool is_kernels(void *ctx, const char *type)
{
	return env_is_kernels(((struct env_ctx *)ctx)->all->objects, type);
}

static const char *describe(void *ctx, const char *type, uint64_t addr, struct pool *pool)
{
	return env_describe(((struct env_ctx *)ctx)->all->objects, type, addr, pool);
}

static bool percpu(void *ctx, uint64_t addr, unsigned int cpu, uint64_t *ret)
{
	return env_percpu(((struct env_ctx *)ctx)->all->objects, addr, cpu, ret);
}

static struct err *fetch_pages(struct env_all *c)
{
	struct touch *t = c->touch;
	_cleanup_free_ struct arena_range *ranges = calloc(t->pages.nr + 1, sizeof(*ranges));

	if (!ranges || t->no_memory)
		return &err_nomem;
	for (size_t a = 0; a < c->nr_arenas; a++) {
		size_t nr = 0;

		for (size_t i = 0; i < t->pages.nr; i++) {
			if (t->pages.data[i].arena == c->arenas[a].row)
				ranges[nr++] = t->pages.data[i].range;
		}
		if (nr)
			TRY(arena_fetch(c->w, c->arenas[a].row, ranges, nr));
	}
	t->pages.nr = 0;
	return NULL;
}

static struct err *fetch(struct env_all *c)
{
	struct touch *t = c->touch;
	_cleanup_free_ struct krange *ranges = calloc(t->nr + 1, sizeof(*ranges));
	size_t nr = 0;

	if (!ranges)
		return &err_nomem;
	for (size_t i = 0; i < TOUCH_SLOTS; i++) {
		struct noted *n = &t->slots[i];

		if (n->addr && !n->fetched)
			ranges[nr++] = (struct krange){ { n->addr }, n->len };
		n->fetched = n->addr;
	}
	kprefetch(c->k, ranges, nr);
	return fetch_pages(c);
}

/* ---- the touch pass */

/* A value whose rendering may follow pointers. */
struct touch_value {
	const struct types *types;
	const struct value_env *env;
	uint32_t type;
	const uint8_t *data;
	size_t len;
};

struct touch_values {
	VEC(struct touch_value) v;
	bool cut;
};

static struct err *add_value(struct touch_values *tv, const struct types *types, const struct value_env *env,
			     uint32_t type, const uint8_t *data, size_t len)
{
	if (!data || tv->cut)
		return NULL;
	if (tv->v.nr == TOUCH_VALUES) {
		tv->cut = true;
		return NULL;
	}

	struct touch_value *v = vec_push(&tv->v);
	if (!v)
		return &err_nomem;
	*v = (struct touch_value){ types, env, type, data, len };
	return NULL;
}

static struct err *add_row(struct touch_values *tv, const struct map_row *row,
			   const struct value_env *any, uint32_t nr_cpus)
{
	const struct types *types = row->types;
	const struct value_env *env = row->env ? row->env : any;
	bool keys = row->types && row->key_type && value_has_pointers(row->types, row->key_type);
	bool values = row->types && row->value_type && value_has_pointers(row->types, row->value_type);

	if (values)
		TRY(add_value(tv, types, env, row->value_type, row->value, row->value_len));
	for (size_t i = 0; i < row->nr_entries && (keys || values); i++) {
		const struct map_entry *e = &row->entries[i];

		if (keys)
			TRY(add_value(tv, types, env, row->key_type, e->key, row->key_size));
		if (values)
			TRY(add_value(tv, types, env, row->value_type, e->value, row->value_size));
		for (uint32_t cpu = 0; values && e->per_cpu && cpu < nr_cpus; cpu++)
			TRY(add_value(tv, types, env, row->value_type, e->per_cpu[cpu], row->value_size));
	}
	return NULL;
}

static struct err *touch_all(struct env_all *c, struct touch_values *tv)
{
	struct pool scratch = { 0 };
	struct err *e = NULL;

	for (unsigned int round = 0; round < TOUCH_ROUNDS && tv->v.nr && !e; round++) {
		size_t again = 0;

		for (size_t i = 0; i < tv->v.nr && !e; i++) {
			const struct touch_value v = tv->v.data[i];
			struct value *tree;

			if (!c->touch->nodes)
				break;
			c->touch->asked = 0;
			e = value_render_within(v.types, v.type, v.data, v.len, v.env, &scratch, &c->touch->nodes, &tree);
			pool_reset(&scratch);
			c->touch->cut |= !c->touch->nodes;
			if (c->touch->asked)
				tv->v.data[again++] = v;
		}
		tv->v.nr = again;
		if (!e && again)
			e = fetch(c);
	}
	pool_deinit(&scratch);
	return e;
}

/* What pointers in arenas' objects lead to in the kernel. */
static struct err *add_objects(struct touch_values *tv, const struct report *r)
{
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		const struct sdt_alloc_row *row = &r->sdt_allocs.data[i];

		if (!row->type || !value_has_pointers(row->types, row->type))
			continue;
		for (size_t j = 0; j < row->nr; j++)
			TRY(add_value(tv, row->types, row->env, row->type, row->slots[j].data,
				      row->slots[j].len));
	}
	for (size_t i = 0; i < r->arena_objects.nr; i++) {
		const struct arena_object *obj = &r->arena_objects.data[i];

		if (value_has_pointers(obj->types, obj->type))
			TRY(add_value(tv, obj->types, &r->flat_env, obj->type, obj->data, obj->len));
	}
	return NULL;
}

static struct err *touch(struct walk *w, struct env_all *c)
{
	struct touch_values tv = { 0 };
	struct touch t = { .nodes = TOUCH_NODES, .links = TOUCH_LINKS };
	struct err *e = NULL;

	for (size_t i = 0; i < report_nr_maps_shown(w->r) && !e; i++)
		e = add_row(&tv, &w->r->maps.data[i], &w->r->env, w->k->nr_cpu_ids);
	if (!e)
		e = add_row(&tv, &w->r->view.row, &w->r->env, w->k->nr_cpu_ids);
	if (!e)
		e = add_objects(&tv, w->r);
	if (!e && tv.v.nr) {
		t.slots = calloc(TOUCH_SLOTS, sizeof(*t.slots));
		c->touch = &t;
		c->w = w;
		e = t.slots ? touch_all(c, &tv) : &err_nomem;
		c->touch = NULL;
		c->w = NULL;
	}
	if (!e && (tv.cut || t.cut))
		e = report_cut(w->r, "maps", false, "what some pointers in values point at");
	free(tv.v.data);
	free(t.slots);
	free(t.pages.data);
	return e;
}

/* ---- */

static struct err *env_init(struct report *r, struct env_all *all, const struct arena *own,
			    struct value_env *env)
{
	struct env_ctx *c = pool_alloc(&r->pool, sizeof(*c));

	if (!c)
		return &err_nomem;
	c->all = all;
	c->own = own;
	*env = (struct value_env){
		.nr_cpus = all->k->nr_cpu_ids,
		.max_elements = all->max_elements,
		.in_arena = in_arena,
		.read_arena = read_arena,
		.skip_arena = skip_arena,
		.freed = freed,
		.read_kernel = read_kernel,
		.read_chain = read_chain,
		.kernel = env_objects_layout(all->objects),
		.is_kernels = is_kernels,
		.describe = describe,
		.percpu = percpu,
		.ctx = c,
	};
	return NULL;
}

/* The values that mean this arena. */
static struct err *env_own(struct report *r, struct env_all *all, const struct arena *own)
{
	struct value_env *env = pool_alloc(&r->pool, sizeof(*env));

	if (!env)
		return &err_nomem;
	TRY(env_init(r, all, own, env));
	for (size_t i = 0; i < r->maps.nr; i++) {
		if (r->maps.data[i].own_arena == own->row)
			r->maps.data[i].env = env;
	}
	for (size_t i = 0; i < r->sdt_allocs.nr; i++) {
		if (r->sdt_allocs.data[i].arena_id == own->row->id)
			r->sdt_allocs.data[i].env = env;
	}
	if (r->view.row.own_arena == own->row)
		r->view.row.env = env;
	return NULL;
}

/* An arena that is not among the rows may have the same addresses as one that is. */
static void env_without(struct report *r, struct map_row *row)
{
	if (!row->own_arena && (row->own_arena_id || r->arenas_left_out))
		row->env = &r->flat_env;
}

struct err *walk_env(struct walk *w)
{
	struct report *r = w->r;
	struct env_all *all = pool_alloc(&r->pool, sizeof(*all));
	size_t nr = 0;

	if (!all)
		return &err_nomem;
	for (size_t i = 0; i < r->maps.nr; i++)
		nr += r->maps.data[i].arena != NULL;
	all->k = w->k;
	all->r = r;
	all->max_elements = (size_t)walk_max_elements(w->opts);
	all->arenas = pool_calloc(&r->pool, nr, sizeof(*all->arenas));
	if (!all->arenas)
		return &err_nomem;
	TRY(env_objects_create(w, &all->objects));
	TRY(env_init(r, all, NULL, &r->env));
	r->flat_env = r->env;
	r->flat_env.in_arena = NULL;
	for (size_t i = 0; i < r->sdt_allocs.nr; i++)
		r->sdt_allocs.data[i].env = &r->env;
	for (size_t i = 0; i < r->maps.nr; i++)
		env_without(r, &r->maps.data[i]);
	env_without(r, &r->view.row);
	for (size_t i = 0; i < r->maps.nr; i++) {
		const struct map_row *row = &r->maps.data[i];

		if (!row->arena)
			continue;
		struct arena *a = &all->arenas[all->nr_arenas++];
		*a = (struct arena){ row, row->arena };
		TRY(env_own(r, all, a));
	}
	struct err *e = touch(w, all);
	env_objects_seal(all->objects);
	return e;
}
