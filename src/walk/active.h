/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the parts of walk_active(): which map a scheduler comes from, and what its programs use. */
#ifndef FDGDB_WALK_ACTIVE_H
#define FDGDB_WALK_ACTIVE_H

#include "walk/walk.h"

/* What leads from a struct_ops map to its programs and on. */
struct object_layout {
	struct member map, links, funcs_cnt, links_cnt;
	struct member link_prog, prog_aux, used_maps, used_map_cnt;
};

/*
 * Sets ->maps and ->obj_name of a scheduler, by the programs of its struct_ops map.  `nr_members`: of the ops
 * struct, for kernels that do not count functions.  *lost: programs that could not be read.
 */
struct err *active_object(struct walk *w, const struct object_layout *l, struct kva ops_map, uint64_t nr_members,
			  struct active_sched *s, size_t *lost) MUST_CHECK;

#endif
