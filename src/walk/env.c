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

enum {
	TOUCH_VALUES = 1 << 17, /* values looked at; more cost more time than they are worth */
	TOUCH_READS = 1 << 16,	/* addresses noted */
	TOUCH_SLOTS = 2 * TOUCH_READS,
	TOUCH_ROUNDS = 16,	/* pointers behind pointers */
};

static const uint64_t ARENA_WINDOW = 1ULL << 32;

/* An arena to read from. */
struct arena {
	const struct arena_body *body;
	bool active; /* of the running scheduler */
};

/* A read of kernel memory that the renderer asked for. */
struct noted {
	uint64_t addr; /* 0: a free slot */
	size_t len;
	bool fetched;
};

struct env_ctx {
	struct kernel *k;
	struct arena *arenas;
	size_t nr_arenas;

	struct touch *touch; /* NULL but in the touch pass */
};

struct touch {
	struct noted *slots; /* [TOUCH_SLOTS], hashed, open addressing */
	size_t nr;
	size_t asked; /* for something not fetched, by the value at hand */
};

/* ---- arenas */

/* A pointer into an arena as user space has it, or as the kernel has. */
static bool in_window(const struct arena_body *a, uint64_t addr)
{
	if (!a->kern_vm_start)
		return false;
	return (a->user_vm_start && addr - a->user_vm_start < ARENA_WINDOW) ||
	       addr - a->kern_vm_start < ARENA_WINDOW;
}

static const struct arena_page *find_page(const struct arena_body *a, uint64_t addr)
{
	/* Both kinds of pointer have the same low half, and so do the pages, in this order: */
	uint32_t want = ((uint32_t)addr & ~(uint32_t)(PAGE_SIZE - 1)) - (uint32_t)a->user_vm_start;
	size_t low = 0, high = a->nr_pages;

	if (addr - a->kern_vm_start < ARENA_WINDOW)
		want = (uint32_t)((addr - a->kern_vm_start) & ~(uint64_t)(PAGE_SIZE - 1)) -
		       (uint32_t)a->user_vm_start;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint32_t have = (uint32_t)(a->pages[mid].user_addr - a->user_vm_start);

		if (have == want)
			return &a->pages[mid];
		if (have < want)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/*
 * Two processes may have their arenas at the same user addresses: then the running scheduler's goes
 * first, and among the others the one that has such a page.
 */
static const struct arena_page *find_arena_page(const struct env_ctx *c, uint64_t addr)
{
	const struct arena_page *found = NULL;

	for (size_t i = 0; i < c->nr_arenas; i++) {
		const struct arena_page *p = NULL;

		if (in_window(c->arenas[i].body, addr))
			p = find_page(c->arenas[i].body, addr);
		if (p && p->bytes && c->arenas[i].active)
			return p;
		if (p && p->bytes && !found)
			found = p;
	}
	return found;
}

static bool in_arena(void *ctx, uint64_t addr)
{
	const struct env_ctx *c = ctx;

	for (size_t i = 0; i < c->nr_arenas; i++) {
		if (in_window(c->arenas[i].body, addr))
			return true;
	}
	return false;
}

static size_t read_arena(void *ctx, uint64_t addr, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		const struct arena_page *p = find_arena_page(ctx, addr + done);
		size_t at = (addr + done) & (PAGE_SIZE - 1), n = MIN(len - done, PAGE_SIZE - at);

		if (!p)
			break;
		memcpy((uint8_t *)buf + done, p->bytes + at, n);
		done += n;
	}
	return done;
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

	if (!addr || (!n->addr && t->nr == TOUCH_READS))
		return false;
	if (!n->addr) {
		*n = (struct noted){ addr, len, false };
		t->nr++;
	}
	t->asked += !n->fetched;
	return n->fetched;
}

static size_t read_kernel(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct env_ctx *c = ctx;

	if (c->touch && !touched(c->touch, addr, len))
		return 0;
	return kread_some(c->k, (struct kva){ addr }, buf, len);
}

static struct err *fetch(struct env_ctx *c)
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
	return NULL;
}

/* ---- the touch pass */

/* A value whose rendering may follow pointers. */
struct touch_value {
	const struct types *types;
	uint32_t type;
	const uint8_t *data;
	size_t len;
};

struct touch_values {
	VEC(struct touch_value) v;
	bool cut;
};

static struct err *add_value(struct touch_values *tv, const struct map_row *row, uint32_t type,
			     const uint8_t *data, size_t len)
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
	*v = (struct touch_value){ row->types, type, data, len };
	return NULL;
}

static struct err *add_row(struct touch_values *tv, const struct map_row *row, uint32_t nr_cpus)
{
	bool keys = row->types && row->key_type && value_has_pointers(row->types, row->key_type);
	bool values = row->types && row->value_type && value_has_pointers(row->types, row->value_type);

	if (values)
		TRY(add_value(tv, row, row->value_type, row->value, row->value_len));
	for (size_t i = 0; i < row->nr_entries && (keys || values); i++) {
		const struct map_entry *e = &row->entries[i];

		if (keys)
			TRY(add_value(tv, row, row->key_type, e->key, row->key_size));
		if (values)
			TRY(add_value(tv, row, row->value_type, e->value, row->value_size));
		for (uint32_t cpu = 0; values && e->per_cpu && cpu < nr_cpus; cpu++)
			TRY(add_value(tv, row, row->value_type, e->per_cpu[cpu], row->value_size));
	}
	return NULL;
}

static struct err *touch_all(struct walk *w, struct env_ctx *c, struct touch_values *tv)
{
	struct pool scratch = { 0 };
	struct err *e = NULL;

	for (unsigned int round = 0; round < TOUCH_ROUNDS && tv->v.nr && !e; round++) {
		size_t again = 0;

		for (size_t i = 0; i < tv->v.nr && !e; i++) {
			const struct touch_value v = tv->v.data[i];
			struct value *tree;

			c->touch->asked = 0;
			e = value_render(v.types, v.type, v.data, v.len, &w->r->env, &scratch, &tree);
			pool_reset(&scratch);
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

static struct err *touch(struct walk *w, struct env_ctx *c)
{
	struct touch_values tv = { 0 };
	struct touch t = { 0 };
	struct err *e = NULL;

	for (size_t i = 0; i < w->r->maps.nr && !e; i++)
		e = add_row(&tv, &w->r->maps.data[i], w->k->nr_cpu_ids);
	if (!e)
		e = add_row(&tv, &w->r->view.row, w->k->nr_cpu_ids);
	if (!e && tv.v.nr) {
		t.slots = calloc(TOUCH_SLOTS, sizeof(*t.slots));
		c->touch = &t;
		e = t.slots ? touch_all(w, c, &tv) : &err_nomem;
		c->touch = NULL;
	}
	if (!e && (tv.cut || t.nr == TOUCH_READS))
		e = report_cut(w->r, "maps", false, "what some pointers in values point at");
	free(tv.v.data);
	free(t.slots);
	return e;
}

struct err *walk_env(struct walk *w)
{
	struct report *r = w->r;
	struct env_ctx *c = pool_alloc(&r->pool, sizeof(*c));
	size_t nr = 0;

	if (!c)
		return &err_nomem;
	for (size_t i = 0; i < r->maps.nr; i++)
		nr += r->maps.data[i].arena && r->maps.data[i].arena->nr_pages;
	c->k = w->k;
	c->arenas = pool_calloc(&r->pool, nr, sizeof(*c->arenas));
	if (!c->arenas)
		return &err_nomem;
	for (size_t i = 0; i < r->maps.nr; i++) {
		const struct map_row *row = &r->maps.data[i];

		if (!row->arena || !row->arena->nr_pages)
			continue;
		struct arena *a = &c->arenas[c->nr_arenas++];
		a->body = row->arena;
		for (size_t j = 0; j < r->nr_active_maps; j++)
			a->active |= r->active_maps[j].v == row->kva.v;
	}
	r->env = (struct value_env){
		.nr_cpus = w->k->nr_cpu_ids,
		.in_arena = in_arena,
		.read_arena = read_arena,
		.read_kernel = read_kernel,
		.ctx = c,
	};
	return touch(w, c);
}
