/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_ACTIVE_H
#define FDGDB_MODEL_ACTIVE_H

#include "target/target.h"

/* An enabled scheduler, and the BPF object that it comes from. */
struct active_sched {
	struct kva sched; /* struct scx_sched; 0: static variables, to 6.15 */
	bool is_sub;	  /* below the root, 7.1 */
	char ops_name[129];   /* guest bytes */
	uint32_t ops_map_id;  /* its struct_ops map; 0: not found */
	const char *obj_name; /* what comes before the dot of its global sections; NULL: it has none; guest bytes */
	struct kva *maps;     /* that its programs use: by id, each once, those that are not in the report last */
	size_t nr_maps;
};

#endif
