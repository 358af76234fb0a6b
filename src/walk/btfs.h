/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BTF objects of programs and modules (struct btf, kernel/bpf/btf.c): each read and parsed once. */
#ifndef FDGDB_WALK_BTFS_H
#define FDGDB_WALK_BTFS_H

#include "base/addr-set.h"
#include "base/vec.h"
#include "walk/walk.h"

struct btf_obj {
	struct kva kva; /* struct btf */
	uint32_t id;
	const struct types *types; /* NULL: see why */
	const char *why;	   /* in the report's pool */
	bool unreadable;	   /* why is an error of reading, or too much to be read */

	/* From here on for btfs.c alone. */
	struct kva base; /* 0: none */
	size_t base_index;
	uint8_t *data;
	size_t len;
};

struct btf_layout {
	struct member data, size, id, base, kernel_btf;
};

struct btfs {
	struct walk *w;
	struct btf_layout l;
	struct kva vmlinux; /* *btf_vmlinux; 0: unknown */
	VEC(struct btf_obj) objs;
	struct addr_set known; /* their kva; the number is the index in objs */
	uint64_t bytes_left;   /* of BTF that may still be read */
	struct err *fatal;
};

struct err *btfs_init(struct btfs *b, struct walk *w) MUST_CHECK;
void btfs_deinit(struct btfs *b);

/* *ret: index in objs of the object at this address; not yet read. */
struct err *btfs_add(struct btfs *b, struct kva kva, size_t *ret) MUST_CHECK;

/* Reads object i; runs in a fiber beside others.  A fatal error goes to ->fatal. */
void btfs_read(struct btfs *b, size_t i);

/* After all were read: reads the bases they are split over, parses everything; types go to the report. */
struct err *btfs_parse(struct btfs *b) MUST_CHECK;

#endif
