/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded modules: struct module on the list `modules` (kernel/module/), with their memory, symbols and
 * tables for the unwinder.  Read once, when somebody first asks; everything here lives as long as the
 * struct kernel and is constant.
 */
#ifndef FDGDB_MODULES_H
#define FDGDB_MODULES_H

#include "kernel/kernel.h"

enum {
	MODULES_MAX = 8192,
	MODULE_RANGES = 8,
	MODULE_BUILD_ID_MAX = 20, /* BUILD_ID_SIZE_MAX */
	MODULE_SYMBOL_BYTES = 256 << 20, /* a kernel with all its modules loaded has a tenth of it */
};

/* enum module_state, by the names it has in this kernel. */
enum kmodule_state {
	KMODULE_UNKNOWN, /* a number that the enum does not have */
	KMODULE_LIVE,
	KMODULE_COMING, /* its init function runs, or has not begun */
	KMODULE_GOING,
	KMODULE_UNFORMED, /* memory and symbols are not there yet; /proc/modules does not show it */
};

/* Memory of one kind: mod->mem[] since 6.4, the parts of core_layout and init_layout before. */
struct kmodule_range {
	uint64_t start, len; /* len > 0; start + len does not overflow */
	const char *what;    /* "text", "data", "rodata", "ro_after_init", "init_text" ... */
};

struct module_symbols;

struct kmodule {
	struct kva kva; /* of struct module */
	char name[64];	/* MODULE_NAME_LEN is 56 */
	enum kmodule_state state;
	struct kmodule_range ranges[MODULE_RANGES];
	size_t nr_ranges;
	struct kva base; /* start of its text, as /proc/modules has it */
	uint64_t size;	 /* of all ranges, as /proc/modules has it */
	uint64_t taints; /* bits of TAINT_* */
	uint32_t refs;	 /* users; valid if has_refs (not without CONFIG_MODULE_UNLOAD) */
	bool has_refs;
	uint8_t build_id[MODULE_BUILD_ID_MAX];
	size_t build_id_len; /* 0: none */
	struct kva kallsyms; /* struct mod_kallsyms; 0: none */
	/* struct mod_arch_specific: both tables of num_orcs entries, sorted; 0 without the ORC unwinder. */
	struct kva orc_unwind_ip, orc_unwind;
	uint32_t num_orcs;
	/* What of the above could not be read, in words; NULL: all is there. */
	const char *why;

	/* ksymbolize() reads them when first needed; why it could not, then. */
	struct module_symbols *symbols;
	const char *symbols_why;
};

struct modules {
	struct kmodule *data; /* in the list's order: the youngest first */
	size_t nr;
	const char *why; /* NULL, or why there may be more */
	bool no_modules; /* this kernel has none (CONFIG_MODULES=n) */

	struct module_span {
		uint64_t start, end;
		uint32_t module;
	} *spans; /* of modules that are formed, by start */
	size_t nr_spans;
	uint64_t symbol_bytes_left; /* of symbol tables that may still be read, all modules together */
	struct pool *pool;
};

/*
 * All modules.  Fails only where nothing further can work (memory, deadline, target lost); anything else
 * is told in ->why of the list or of a module.
 */
struct err *kmodules(struct kernel *k, const struct modules **ret) MUST_CHECK;

/* The module whose memory holds this address, init memory included; *ret is NULL if there is none. */
struct err *kmodule_at(struct kernel *k, uint64_t addr, const struct kmodule **ret) MUST_CHECK;

/* The range of the module that holds the address; NULL if none does. */
const struct kmodule_range *kmodule_range_at(const struct kmodule *mod, uint64_t addr);

/* "live", "coming" ... */
const char *kmodule_state_text(enum kmodule_state state);

void modules_destroy(struct modules *mods);

#endif
