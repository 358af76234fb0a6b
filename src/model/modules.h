/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_MODULES_H
#define FDGDB_MODEL_MODULES_H

#include "model/scx.h"

struct module_memory {
	const char *kind; /* "text", "data", "rodata" ... */
	uint64_t addr, size;
};

/* One struct module, as /proc/modules has it and more. */
struct module_row {
	struct kva kva;
	const char *name; /* guest bytes */
	const char *state; /* "live", "coming", "going", "unformed", "unknown" */
	struct kva base; /* of its text; 0: not known, or not there yet */
	uint64_t size;	 /* bytes of all its memory */
	struct opt_u64 refs;
	const char **users; /* modules that depend on it, guest bytes */
	size_t nr_users;
	bool users_known;
	bool permanent;	    /* it has no function that ends it */
	uint64_t taints;	   /* bits of TAINT_* */
	const char *taint_letters; /* of these bits, NULL: none, or unknown */
	const char *build_id;	   /* hex, or NULL */
	struct module_memory *memory;
	size_t nr_memory;
	const char *error; /* part of the above is missing, and why */
};

#endif
