/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/kernel.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/internal.h"

struct err *kernel_new(struct target *t, struct mem *mem, const struct arch *arch,
		       const struct pgtable *pt, struct kernel **ret)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return &err_nomem;
	k->target = t;
	k->mem = mem;
	k->arch = arch;
	k->pt = *pt;

	k->lacking = calloc(1, sizeof(*k->lacking));
	struct err *e = k->lacking ? tlb_create(&k->tlb) : &err_nomem;
	if (e) {
		kernel_destroy(k);
		return e;
	}
	*ret = k;
	return NULL;
}

void kernel_destroy(struct kernel *k)
{
	if (!k)
		return;
	tlb_destroy(k->tlb);
	containers_destroy(k->containers);
	modules_destroy(k->modules);
	codes_destroy(k->codes);
	symbols_destroy(k->symbols);
	types_destroy(k->types);
	if (k->lacking)
		missing_deinit(k->lacking);
	free(k->lacking);
	free(k->banner);
	free(k->release);
	free(k->cpus_why);
	free(k->percpu_off);
	free(k->possible);
	free(k->online);
	free(k);
}

struct err *kernel_lost(struct pool *pool, struct err *e, const char **why)
{
	if (!e || err_is_fatal(e))
		return e;
	*why = *why ? pool_printf(pool, "%s; %s", *why, e->msg) : pool_printf(pool, "%s", e->msg);
	err_free(e);
	return *why ? NULL : &err_nomem;
}

size_t notes_build_id(const uint8_t *notes, size_t len, const uint8_t **ret)
{
	static const uint8_t name[] = { 'G', 'N', 'U', 0 };
	enum { NT_GNU_BUILD_ID = 3, HEAD = 12 };

	*ret = notes;
	for (size_t at = 0; at + HEAD <= len;) {
		uint64_t namesz = get_le32(notes + at), descsz = get_le32(notes + at + 4);
		uint64_t desc = at + HEAD + align_up(namesz, 4);

		if (desc + descsz > len)
			return 0;
		if (get_le32(notes + at + 8) == NT_GNU_BUILD_ID && namesz == sizeof(name) &&
		    !memcmp(notes + at + HEAD, name, sizeof(name))) {
			*ret = notes + desc;
			return descsz;
		}
		at = desc + align_up(descsz, 4);
	}
	return 0;
}

struct err *ksym(const struct kernel *k, const char *name, struct kva *ret)
{
	const struct symbol *sym = symbols_find(k->symbols, name);

	if (!sym)
		return err_new(ERR_MISSING, "this kernel has no symbol %s", name);
	*ret = (struct kva){ sym->addr };
	return NULL;
}

bool khas_sym(const struct kernel *k, const char *name)
{
	return symbols_find(k->symbols, name) != NULL;
}

struct err *klayout(const struct kernel *k, const struct layout_member *members, size_t nr,
		    void *layout, struct missing *missing)
{
	_cleanup_(missing_deinit) struct missing absent = { 0 };

	TRY(layout_resolve(k->types, members, nr, layout, &absent));
	for (size_t i = 0; i < absent.nr; i++) {
		/* A whole struct that is not there is a feature that this kernel lacks. */
		if (k->lacking && strchr(absent.names[i], '.'))
			TRY(missing_add(k->lacking, "%s", absent.names[i]));
		if (missing)
			TRY(missing_add(missing, "%s", absent.names[i]));
	}
	return NULL;
}

struct err *kenum(const struct kernel *k, const char *type, const char *name, int64_t *ret)
{
	uint32_t id;

	TRY(types_find(k->types, BTF_KIND_ENUM, type, &id));
	return types_enumerator(k->types, id, name, ret);
}
