/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Symbols of a module: struct mod_kallsyms, found in as kernel/module/kallsyms.c does. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/internal.h"

enum {
	SYM_SIZE = 24,		/* Elf64_Sym */
	SYM_SHNDX = 6, SYM_VALUE = 8,
	SYMS_MAX = 1 << 20,
	STRINGS_MAX = 64 << 20,
	NAME_MAX_LEN = 512,	/* KSYM_NAME_LEN */
};

struct module_symbol {
	uint64_t addr;
	uint32_t name;	/* offset of it in strings */
	uint32_t order; /* in the table: of several at one address the first counts */
};

struct module_symbols {
	struct module_symbol *syms; /* by address */
	size_t nr;
	char *strings; /* ended by NUL */
};

struct kallsyms_layout {
	struct member symtab, num, strtab;
};

static const struct layout_member members[] = {
	LAYOUT(struct kallsyms_layout, symtab, "mod_kallsyms", "symtab"),
	LAYOUT(struct kallsyms_layout, num, "mod_kallsyms", "num_symtab"),
	LAYOUT(struct kallsyms_layout, strtab, "mod_kallsyms", "strtab"),
};

void module_symbols_destroy(struct module_symbols *syms)
{
	if (!syms)
		return;
	free(syms->syms);
	free(syms->strings);
	free(syms);
}

static void destroy_p(struct module_symbols **syms)
{
	module_symbols_destroy(*syms);
}

/* Bytes from addr to the end of the module's memory it lies in; 0 if it lies in none. */
static uint64_t room_at(const struct kmodule *mod, uint64_t addr)
{
	const struct kmodule_range *range = kmodule_range_at(mod, addr);

	return range ? range->start + range->len - addr : 0;
}

/* is_mapping_symbol(): marks of the assembler. */
static bool is_mapping(const char *name)
{
	if (!strncmp(name, ".L", 2) || !strncmp(name, "L0", 2))
		return true;
	return name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
	       (!name[2] || name[2] == '.');
}

static int by_address(const void *a, const void *b)
{
	const struct module_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Modules may share their tables, so that what they keep has no bound in the guest's memory. */
static struct err *take_bytes(struct modules *mods, uint64_t bytes)
{
	if (bytes > mods->symbol_bytes_left)
		return err_new(ERR_LIMIT, "%" PRIu64 " bytes of symbols are too many beside those of other modules",
			       bytes);
	mods->symbol_bytes_left -= bytes;
	return NULL;
}

/* All strings that symbols refer to, and the rest of the last one. */
static struct err *read_strings(struct kernel *k, const struct kmodule *mod, struct kva strtab,
				uint32_t last, struct module_symbols *syms)
{
	uint64_t room = MIN(room_at(mod, strtab.v), (uint64_t)STRINGS_MAX);

	if (last >= room)
		return err_new(ERR_CORRUPT, "names lie outside of the module's memory");
	size_t len = (size_t)MIN(room, (uint64_t)last + NAME_MAX_LEN);
	TRY(take_bytes(k->modules, len));
	syms->strings = calloc(1, len + 1);
	if (!syms->strings)
		return &err_nomem;
	return kread(k, strtab, syms->strings, len);
}

static struct err *keep_named(const uint8_t *raw, size_t nr, struct module_symbols *syms)
{
	syms->syms = calloc(nr + 1, sizeof(*syms->syms));
	if (!syms->syms)
		return &err_nomem;
	for (size_t i = 1; i < nr; i++) {
		const uint8_t *sym = raw + i * SYM_SIZE;
		uint32_t name = get_le32(sym);

		if (!get_le16(sym + SYM_SHNDX) || !syms->strings[name] ||
		    is_mapping(syms->strings + name))
			continue;
		syms->syms[syms->nr++] = (struct module_symbol){
			get_le64(sym + SYM_VALUE), name, (uint32_t)i,
		};
	}
	qsort(syms->syms, syms->nr, sizeof(*syms->syms), by_address);
	return NULL;
}

static struct err *read_symbols(struct kernel *k, const struct kmodule *mod,
				struct module_symbols **ret)
{
	struct kallsyms_layout l;
	struct kva symtab, strtab;
	uint32_t last = 0;
	uint64_t nr;

	TRY(klayout(k, members, ARRAY_SIZE(members), &l, NULL));
	if (!mod->kallsyms.v)
		return err_new(ERR_MISSING, "the module has no symbol table");
	TRY(kget_kva(k, mod->kallsyms, &l.symtab, &symtab));
	TRY(kget(k, mod->kallsyms, &l.num, &nr));
	TRY(kget_kva(k, mod->kallsyms, &l.strtab, &strtab));
	if (nr > SYMS_MAX || nr * SYM_SIZE > room_at(mod, symtab.v))
		return err_new(ERR_CORRUPT, "%" PRIu64 " symbols at 0x%016" PRIx64 " lie outside of "
			       "the module's memory", nr, symtab.v);

	TRY(take_bytes(k->modules, nr * SYM_SIZE));
	_cleanup_(destroy_p) struct module_symbols *syms = calloc(1, sizeof(*syms));
	_cleanup_free_ uint8_t *raw = malloc(nr * SYM_SIZE + 1);
	if (!syms || !raw)
		return &err_nomem;
	/* The names follow the table. */
	kprefetch(k, &(struct krange){ symtab, MIN(room_at(mod, symtab.v), nr * SYM_SIZE * 2) }, 1);
	TRY(kread(k, symtab, raw, nr * SYM_SIZE));
	for (size_t i = 1; i < nr; i++)
		last = MAX(last, get_le32(raw + i * SYM_SIZE));
	TRY(read_strings(k, mod, strtab, last, syms));
	TRY(keep_named(raw, nr, syms));
	*ret = take_ptr(syms);
	return NULL;
}

struct err *module_symbol_at(struct kernel *k, const struct kmodule *mod, uint64_t addr,
			     const char **name, uint64_t *offset, uint64_t *size)
{
	const struct kmodule_range *range = kmodule_range_at(mod, addr);
	/* Constant for everybody else; this is the part of it that comes late. */
	struct kmodule *own = &k->modules->data[mod - k->modules->data];

	*name = NULL;
	if (!own->symbols && !own->symbols_why) {
		struct module_symbols *syms = NULL;
		const char *why = NULL;

		TRY(kernel_lost(k->modules->pool, read_symbols(k, mod, &syms), &why));
		/* As in kmodules(): another fiber may have been faster. */
		if (own->symbols)
			module_symbols_destroy(syms);
		else
			own->symbols = syms;
		if (!own->symbols)
			own->symbols_why = why;
	}
	if (!own->symbols || !range)
		return NULL;

	const struct module_symbols *syms = own->symbols;
	size_t lo = 0, hi = syms->nr;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (syms->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || syms->syms[lo - 1].addr < range->start)
		return NULL;

	uint64_t end = range->start + range->len;
	if (lo < syms->nr)
		end = MIN(end, syms->syms[lo].addr);
	while (lo > 1 && syms->syms[lo - 2].addr == syms->syms[lo - 1].addr)
		lo--;
	*name = syms->strings + syms->syms[lo - 1].name;
	*offset = addr - syms->syms[lo - 1].addr;
	*size = end - syms->syms[lo - 1].addr;
	return NULL;
}
