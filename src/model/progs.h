/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_MODEL_PROGS_H
#define FDGDB_MODEL_PROGS_H

#include "model/facts.h"
#include "model/scx.h"

/* What a program has written, or the kernel about it, and nobody has read yet. */
struct prog_stream {
	const char *name; /* "stdout", "stderr" */
	const char *text; /* guest bytes; the newest if there are too many */
	size_t len;
	size_t left_out;  /* bytes of older text */
	bool being_read;  /* at the stop: some may be missing */
};

/* One struct bpf_prog of prog_idr. */
struct prog_row {
	struct kva kva;
	uint32_t id;
	char name[17]; /* guest bytes */
	uint32_t type; /* enum bpf_prog_type */
	const char *type_name; /* "struct_ops", of this kernel's enum; NULL: not in it */
	uint32_t attach_type; /* expected_attach_type; of a struct_ops program the member's index */
	const char *attach_name; /* "trace_fentry"; NULL: the type of program has none */
	const char *attach_func; /* kernel function or member of the ops that it is for; NULL: none */
	bool has_tag;
	uint8_t tag[8];
	bool jited;
	struct kva code;	/* native; the main function */
	uint32_t code_size;	/* bytes of all functions */
	uint32_t insns_size;	/* bytes of BPF instructions */
	uint32_t nr_funcs;	/* subprograms, the main one included; 0: only the main one */
	uint64_t load_time;	/* ns since boot */
	struct opt_u64 verified_insns;
	bool has_stats;		/* summed over CPUs; cnt and nsecs only advance while the guest counts */
	uint64_t cnt, nsecs, misses;
	uint32_t *map_ids; /* used maps; 0 for one that could not be read */
	size_t nr_maps;
	uint32_t btf_id; /* 0: none */
	uint32_t attach_btf_id; /* type in the BTF of what it attaches to; 0: none */
	uint32_t owner_map; /* id of the struct_ops map that it is a function of; 0: none */
	struct prog_stream streams[2]; /* that hold something */
	size_t nr_streams;
	const char *error;
	bool unreadable;
};

/* One struct bpf_link of link_idr. */
struct link_row {
	struct kva kva;
	uint32_t id;
	uint32_t type; /* enum bpf_link_type */
	const char *type_name; /* "tracing"; NULL: not in this kernel's enum */
	uint32_t prog_id; /* 0: none, as of struct_ops, or not readable */
	char prog_name[17];
	const char *attach_name; /* "trace_fentry"; NULL: none */
	struct facts target;
	size_t left_out; /* functions or places that are not in the target for their number */
	bool unknown;	 /* a type that we have no reader for */
	const char *error;
	bool unreadable;
};

/* One struct btf of btf_idr. */
struct btf_row {
	struct kva kva;
	uint32_t id;
	char name[65]; /* of the module, "vmlinux", or ""; guest bytes */
	uint32_t size;
	bool kernel; /* the kernel's or a module's */
	uint32_t base_id; /* 0: stands alone */
	const char *error;
	bool unreadable;
};

#endif
