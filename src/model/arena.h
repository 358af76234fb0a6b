/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects with a type that lie in arenas: what the scx library's allocators gave out, what pointers lead to. */
#ifndef FDGDB_MODEL_ARENA_H
#define FDGDB_MODEL_ARENA_H

#include "model/maps.h"

/* A live element of an allocator. */
struct sdt_slot {
	int32_t idx, genn;   /* as its header says */
	uint32_t position;   /* in the tree; other than idx while it is being given out */
	uint64_t user_addr;  /* of its start, as user space sees it */
	bool unreadable;     /* its tag: idx and genn are not known then */
	bool not_kept;	     /* what is missing lies on a page whose contents were left out */
	const uint8_t *data; /* payload; NULL: unreadable, or not kept */
	size_t len;	     /* less than the payload's size if its end could not be read */
	bool unread;	     /* nobody asked for it: neither its tag nor its payload has been looked at */
	const struct map_owner *owner; /* whose it is, by a storage map; NULL: nobody's */
};

/* A variable of type struct scx_allocator. */
struct sdt_alloc_row {
	const char *name; /* the variable, "section_wide" or "per_node[2].alloc"; guest bytes */
	uint32_t map_id;  /* of its section */
	uint32_t arena_id; /* 0: not known which arena is meant */
	const struct active_sched *sched; /* the enabled one that it is of; NULL: none */
	uint64_t elem_size;
	uint32_t header;   /* bytes of an element before its payload; 0: its tag follows it */
	uint32_t tag_size; /* of the tag, with the element's index and generation */
	uint32_t idx_off, genn_off; /* in it */

	const struct types *types;
	uint32_t type;	       /* of payloads; 0: not known */
	const char *type_name; /* guest bytes; NULL: none */
	const char *type_by;   /* by what it is known; NULL if it is not */
	const char *reason;    /* why not; NULL if it is */
	const struct value_env *env; /* where pointers in payloads lead; NULL: nowhere */

	struct sdt_slot *slots; /* in the order of the tree */
	size_t nr;
	uint32_t *freed; /* low halves of addresses of elements that were given out once and are not now; ascending */
	size_t nr_freed;
	bool truncated;
	uint32_t skipped; /* parts of the tree that could not be followed */
	uint32_t skipped_not_kept; /* and those on pages whose contents were left out */
};

/* A variable of type struct scx_static: a region handed out from its start. */
struct scx_static_row {
	const char *name; /* guest bytes */
	uint32_t map_id, arena_id;
	const struct active_sched *sched; /* as above */
	uint64_t user_addr;
	uint64_t used, capacity;
	uint64_t *earlier; /* user addresses of regions that were filled before, the latest first */
	size_t nr_earlier;
	bool earlier_lost; /* there are more, or they go round */
	bool earlier_not_kept; /* there are more, which the contents of a page that were left out would tell */
};

/* Something that a typed pointer leads to. */
struct arena_object {
	uint32_t arena_id;
	const struct active_sched *sched; /* the enabled one whose arena it is in; NULL: none */
	uint64_t user_addr;
	const struct types *types;
	uint32_t type;
	const char *type_name; /* guest bytes */
	uint64_t size;
	const uint8_t *data; /* NULL: unreadable, or not kept */
	size_t len;	     /* less than `size` if its end could not be read */
	bool not_kept;	     /* what is missing lies on a page whose contents were left out */
	const char *freed;   /* the allocator to which it has been given back; NULL: none */
	uint32_t from_map;   /* id of the map with the first pointer found; 0: the object at from_addr */
	uint64_t from_addr;
	const char *from;    /* variable or member that points to it; guest bytes */
};

/* What a task storage map keeps for a task in an arena. */
struct task_object {
	const struct map_owner *task;
	uint32_t map_id, arena_id;
	uint64_t user_addr;    /* an element's start, or an object */
	const char *allocator; /* NULL: none of the allocators known; guest bytes */
	int32_t idx;
	const char *type_name; /* NULL: not known; guest bytes */
	bool by_id;	       /* by the element's id, in place of its address */
};

/* What lies at an address: an index made after all slots are known. */
struct sdt_ref {
	uint32_t arena_id;
	uint32_t low; /* low half of the slot's address */
	uint32_t alloc, slot;
};

#endif
