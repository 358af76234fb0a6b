/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The types of the scx library's allocators, by name in the program's own BTF.  Their members' places come from a
 * guest's user and are checked against the sizes of what is read.
 */
#include "config.h"

#include "walk/sdt.h"

enum {
	TAG = 8, /* union sdt_id */
	DESC_MAX = 4096,
};

static uint32_t find_type(const struct types *types, const char *name)
{
	uint32_t id = 0;
	struct err *e = types_find(types, BTF_KIND_STRUCT, name, &id);

	if (!e)
		return id;
	err_ignore(e);
	return 0;
}

static bool find_member(const struct types *types, uint32_t type, const char *path, struct member *ret)
{
	*ret = (struct member){ 0 };
	struct err *e = type ? types_member(types, type, path, ret) : &err_nomem;

	if (!e)
		return ret->present;
	if (type)
		err_ignore(e);
	*ret = (struct member){ 0 };
	return false;
}

static bool has_fwd(const struct types *types, const char *name)
{
	uint32_t id = 0;

	err_ignore(types_find(types, BTF_KIND_FWD, name, &id));
	return id;
}

/*
 * What a program has but pointers to, in other structs, is a mere declaration in its BTF, or not there at all: then
 * the elements must tell (sdt-tree.c).
 */
static void tag_layout(const struct types *types, struct sdt_layout *l)
{
	uint32_t data = find_type(types, "sdt_data");
	struct member m;

	/* 2026: elements that wait to be freed are linked by another word; then the tag moved to the end. */
	l->elem = (struct sdt_elem){ .size = find_type(types, "scx_urcu") ? 2 * TAG : TAG, .genn = 4 };
	if (find_member(types, data, "payload", &m) && m.off >= TAG && m.off <= SDT_TAG_MAX) {
		l->elem.size = m.off;
		l->elem_known = true;
	} else if (!m.present && find_member(types, data, "", &m) && m.size >= TAG && m.size <= SDT_TAG_MAX) {
		l->elem.size = m.size;
		l->elem.tail = l->elem_known = true;
	}
	/* Old ones have at least a declaration, of what the values in their map of tasks point to. */
	if (!data && !has_fwd(types, "sdt_data"))
		l->elem = (struct sdt_elem){ .size = 2 * TAG, .tail = true, .genn = 4 };
	if (find_member(types, data, "tid.idx", &m) && m.size == 4 && member_fits(&m, l->elem.size))
		l->elem.idx = m.off;
	if (find_member(types, data, "tid.genn", &m) && m.size == 4 && member_fits(&m, l->elem.size))
		l->elem.genn = m.off;
}

static const char *desc_layout(const struct types *types, struct sdt_layout *l)
{
	uint32_t desc = find_type(types, "sdt_desc"), chunk = find_type(types, "sdt_chunk");
	struct member m;

	if (find_member(types, chunk, "data", &m) && m.off < PAGE_SIZE)
		l->children = m.off;
	if (!desc) {
		l->bits = (struct member){ .present = true, .size = SDT_BITS_SIZE };
		l->nr_free = (struct member){ .present = true, .off = SDT_BITS_SIZE, .size = 8 };
		l->chunk = (struct member){ .present = true, .off = SDT_BITS_SIZE + 8, .size = 8 };
		l->desc_size = SDT_BITS_SIZE + 16;
		return NULL;
	}
	if (!find_member(types, desc, "", &m) || m.size > DESC_MAX)
		return "sdt_desc";
	l->desc_size = m.size;
	if (!find_member(types, desc, "allocated", &l->bits) || l->bits.size != SDT_BITS_SIZE ||
	    !member_fits(&l->bits, l->desc_size))
		return "sdt_desc.allocated";
	if (!find_member(types, desc, "nr_free", &l->nr_free) || l->nr_free.size > 8 ||
	    !member_fits(&l->nr_free, l->desc_size))
		return "sdt_desc.nr_free";
	if (!find_member(types, desc, "chunk", &l->chunk) || l->chunk.size != 8 || !member_fits(&l->chunk, l->desc_size))
		return "sdt_desc.chunk";
	return NULL;
}

/* struct scx_static, whose member for the size got another name in 2026; then it was called bump. */
static void region_layout(const struct types *types, struct sdt_layout *l)
{
	struct member m;

	l->region = find_type(types, "scx_static");
	if (!l->region)
		l->region = find_type(types, "bump");
	if (!find_member(types, l->region, "max_alloc_bytes", &l->max_bytes))
		find_member(types, l->region, "max_contig_bytes", &l->max_bytes);
	l->regions_linked = find_member(types, l->region, "cur_memusage", &m);
	find_member(types, l->region, "memory", &l->memory);
	find_member(types, l->region, "off", &l->off);
	if (!l->max_bytes.present || !l->memory.present || !l->off.present || l->max_bytes.size > 8 ||
	    l->memory.size != 8 || l->off.size > 8)
		l->region = 0;
}

void sdt_layout_resolve(const struct types *types, struct sdt_layout *l)
{
	*l = (struct sdt_layout){ .allocator = find_type(types, "scx_allocator") };
	if (l->allocator)
		l->missing = desc_layout(types, l);
	if (!find_member(types, l->allocator, "pool.elem_size", &l->elem_size) || l->elem_size.size > 8)
		l->missing = "scx_allocator.pool.elem_size";
	if (!find_member(types, l->allocator, "root", &l->root) || l->root.size != 8)
		l->missing = "scx_allocator.root";
	tag_layout(types, l);
	region_layout(types, l);
}
