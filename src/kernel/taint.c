/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Letters of taints, by the kernel's own table of them (taint_flags[], kernel/panic.c): it grows. */
#include "config.h"

#include "kernel/kernel.h"

#include "base/pool.h"

struct err *ktaint_letters(struct kernel *k, uint64_t bits, struct pool *pool, const char **ret)
{
	char letters[65] = "";
	struct member entry, letter;
	uint64_t offset, size;
	struct kva table;
	uint32_t id;

	if (!bits) {
		*ret = NULL;
		return NULL;
	}
	TRY(ksym(k, "taint_flags", &table));
	TRY(types_find(k->types, BTF_KIND_STRUCT, "taint_flag", &id));
	TRY(types_member(k->types, id, "", &entry));
	TRY(types_member(k->types, id, "c_true", &letter));
	if (!symbols_at(k->symbols, table.v, &offset, &size))
		size = 0;
	for (uint64_t left = bits; left; left &= left - 1) {
		uint64_t at = (uint64_t)__builtin_ctzll(left) * entry.size + letter.off;
		uint8_t c = '?';

		if (at < size)
			TRY(err_prefix(kread_u8(k, (struct kva){ table.v + at }, &c), "taint_flags"));
		letters[strlen(letters)] = c > ' ' && c < 127 ? (char)c : '?';
	}
	*ret = pool_strndup(pool, letters, sizeof(letters));
	return *ret ? NULL : &err_nomem;
}
