/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/btfs.h"

#include <inttypes.h>

#include "base/cleanup.h"

enum {
	/* BTF_MAX_SIZE is half of it; a guest may say anything. */
	BTF_BYTES_MAX = 32 << 20,
	/* Of all objects: many could name the same 32 MiB.  Hundreds of programs and modules have some 30 MiB. */
	BTF_BYTES_ALL = 512 << 20,
	BASES_MAX = 65536,
};

struct err *btfs_init(struct btfs *b, struct walk *w)
{
	static const struct layout_member members[] = {
		LAYOUT(struct btf_layout, data, "btf", "data"),
		LAYOUT(struct btf_layout, size, "btf", "data_size"),
		LAYOUT(struct btf_layout, id, "btf", "id"),
		LAYOUT_OPT(struct btf_layout, base, "btf", "base_btf"),	      /* 5.11 */
		LAYOUT_OPT(struct btf_layout, kernel_btf, "btf", "kernel_btf"), /* 5.11 */
	};
	struct kva sym;

	*b = (struct btfs){ .w = w, .bytes_left = BTF_BYTES_ALL };
	TRY(klayout(w->k, members, ARRAY_SIZE(members), &b->l, NULL));

	struct err *e = ksym(w->k, "btf_vmlinux", &sym);
	if (!e)
		e = kread_kva(w->k, sym, &b->vmlinux);
	if (walk_is_fatal(e))
		return e;
	err_ignore(e); /* then the kernel's own BTF is known by its members */
	return NULL;
}

void btfs_deinit(struct btfs *b)
{
	for (size_t i = 0; i < b->objs.nr; i++)
		free(b->objs.data[i].data);
	free(b->objs.data);
	addr_set_deinit(&b->known);
	err_free(b->fatal);
}

struct err *btfs_add(struct btfs *b, struct kva kva, size_t *ret)
{
	bool is_new;

	TRY(addr_set_add(&b->known, kva.v, &is_new));
	if (!is_new) {
		*ret = addr_set_number(&b->known, kva.v);
		return NULL;
	}
	struct btf_obj *o = vec_push(&b->objs);
	if (!o)
		return &err_nomem; /* the end of it all: nobody asks for the number then */
	o->kva = kva;
	o->base_index = SIZE_MAX;
	*ret = b->objs.nr - 1;
	return NULL;
}

static struct err *read_obj(struct btfs *b, struct btf_obj *o)
{
	const struct btf_layout *l = &b->l;
	struct kernel *k = b->w->k;
	uint64_t id, size, kernel_btf = 0;
	struct kva data;

	TRY(kget(k, o->kva, &l->id, &id));
	o->id = (uint32_t)id;
	if (l->base.present)
		TRY(kget_kva(k, o->kva, &l->base, &o->base));
	if (l->kernel_btf.present)
		TRY(kget(k, o->kva, &l->kernel_btf, &kernel_btf));
	if (o->kva.v == b->vmlinux.v || (kernel_btf && !o->base.v)) {
		o->types = k->types;
		return NULL;
	}

	TRY(kget_kva(k, o->kva, &l->data, &data));
	TRY(kget(k, o->kva, &l->size, &size));
	if (!size || size > BTF_BYTES_MAX)
		return err_new(ERR_CORRUPT, "%" PRIu64 " bytes long", size);
	if (size > b->bytes_left)
		return err_new(ERR_LIMIT, "not read, after %d MiB of other objects",
			       (int)((BTF_BYTES_ALL - b->bytes_left) >> 20));
	b->bytes_left -= size;
	kprefetch(k, &(struct krange){ data, size }, 1);

	_cleanup_free_ uint8_t *buf = malloc(size);
	if (!buf)
		return &err_nomem;
	TRY(kread(k, data, buf, size));
	o->data = take_ptr(buf);
	o->len = size;
	return NULL;
}

/* Eats the error of one object; a fatal one is kept for all. */
static void obj_failed(struct btfs *b, struct btf_obj *o, struct err *e)
{
	if (!walk_is_fatal(e)) {
		o->unreadable = e->code == ERR_FAULT || e->code == ERR_LIMIT;
		o->why = pool_printf(&b->w->r->pool, "BTF object %" PRIu32 ": %s", o->id, e->msg);
		err_free(e);
		e = o->why ? NULL : &err_nomem;
	}
	if (b->fatal)
		err_free(e);
	else
		b->fatal = e;
}

void btfs_read(struct btfs *b, size_t i)
{
	struct btf_obj *o = &b->objs.data[i];
	struct err *e = read_obj(b, o);

	if (e)
		obj_failed(b, o, e);
}

/* Bases that are not in the list yet; a module's is the kernel's own, so one round does as a rule. */
static struct err *read_bases(struct btfs *b)
{
	for (size_t i = 0; i < b->objs.nr; i++) {
		struct kva base = b->objs.data[i].base;
		size_t before = b->objs.nr, at;

		if (!base.v || b->objs.data[i].types || b->objs.data[i].why)
			continue;
		if (before > BASES_MAX) /* each base may name another one */
			return NULL;
		TRY(btfs_add(b, base, &at));
		b->objs.data[i].base_index = at;
		if (b->objs.nr > before)
			btfs_read(b, at);
		if (b->fatal)
			return NULL;
	}
	return NULL;
}

static struct err *parse(struct btfs *b, size_t i, unsigned int depth)
{
	struct btf_obj *o = &b->objs.data[i];
	const struct types *base = NULL;

	if (o->types || o->why)
		return NULL;
	if (o->base.v && o->base_index != SIZE_MAX && depth < 4) {
		TRY(parse(b, o->base_index, depth + 1));
		base = b->objs.data[o->base_index].types;
	}
	if (!o->data || (o->base.v && !base)) {
		const char *why = o->base_index == SIZE_MAX ? NULL : b->objs.data[o->base_index].why;

		o->why = pool_printf(&b->w->r->pool, "BTF object %" PRIu32 ": %s%s", o->id,
				     !o->data ? "not read" : "the BTF below it: ",
				     !o->data ? "" : why ? why : "not read");
		o->unreadable = true;
		return o->why ? NULL : &err_nomem;
	}

	struct types **slot = vec_push(&b->w->r->types);
	if (!slot)
		return &err_nomem;
	struct err *e = types_create(o->data, o->len, base, slot);
	if (e) {
		b->w->r->types.nr--;
		obj_failed(b, o, e);
		return NULL;
	}
	o->types = *slot;
	free(take_ptr(o->data));
	return NULL;
}

struct err *btfs_parse(struct btfs *b)
{
	if (!b->fatal)
		TRY(read_bases(b));
	/* Even if no more can be read: what is here serves the maps that are here. */
	for (size_t i = 0; i < b->objs.nr; i++)
		TRY(parse(b, i, 0));
	return take_ptr(b->fatal);
}
