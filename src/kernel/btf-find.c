/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "kernel/internal.h"

enum {
	BTF_HDR_MIN = 24,
	BTF_HDR_MAX = 4096, /* of headers that later kernels may have */
	BTF_MAX = 64 << 20,
};

static const uint8_t btf_magic[] = { 0x9f, 0xeb, 0x01, 0x00 };

/*
 * The length of the blob that begins here, 0 if none does.  The header tells where types and
 * strings lie; in the kernel's own blob the types come first, with nothing before them.
 */
static size_t blob_len(const uint8_t *p, size_t room)
{
	if (room < BTF_HDR_MIN || memcmp(p, btf_magic, sizeof(btf_magic)) != 0)
		return 0;

	uint64_t hdr_len = get_le32(p + 4);
	uint64_t type_off = get_le32(p + 8), type_len = get_le32(p + 12);
	uint64_t str_off = get_le32(p + 16), str_len = get_le32(p + 20);
	if (hdr_len < BTF_HDR_MIN || hdr_len > BTF_HDR_MAX || type_off || !type_len ||
	    str_off < type_len || !str_len)
		return 0;

	uint64_t len = hdr_len + str_off + str_len;
	/* From 7.1 a section that tells the sizes of kinds may follow. */
	if (hdr_len >= BTF_HDR_MIN + 8 && room >= BTF_HDR_MIN + 8) {
		uint64_t layout_off = get_le32(p + 24), layout_len = get_le32(p + 28);

		if (layout_len)
			len = MAX(len, hdr_len + layout_off + layout_len);
	}
	return len <= room && len <= BTF_MAX ? (size_t)len : 0;
}

static struct err *types_at(struct kernel *k, struct kva start, struct kva stop)
{
	if (stop.v <= start.v || stop.v - start.v > BTF_MAX)
		return err_new(ERR_CORRUPT, "BTF from 0x%016llx to 0x%016llx",
			       (unsigned long long)start.v, (unsigned long long)stop.v);

	size_t len = stop.v - start.v;
	_cleanup_free_ uint8_t *blob = malloc(len);
	if (!blob)
		return &err_nomem;
	TRY(kread(k, start, blob, len));

	/* The section may be padded at its end. */
	size_t real = blob_len(blob, len);
	return types_create(blob, real ? real : len, NULL, &k->types);
}

struct err *kernel_find_btf(struct kernel *k, const uint8_t *rodata, size_t len)
{
	const struct symbol *start = symbols_find(k->symbols, "__start_BTF");
	const struct symbol *stop = symbols_find(k->symbols, "__stop_BTF");

	if (start && stop && stop->addr > start->addr)
		return err_prefix(types_at(k, (struct kva){ start->addr },
					   (struct kva){ stop->addr }), "BTF of the kernel");

	/* Without those symbols (KALLSYMS_ALL=n): the largest blob, for modules' are split. */
	const uint8_t *best = NULL;
	size_t best_len = 0;
	for (const uint8_t *p = rodata, *end = rodata + len;
	     (p = memmem(p, (size_t)(end - p), btf_magic, sizeof(btf_magic))); p++) {
		size_t n = blob_len(p, (size_t)(end - p));

		if (n > best_len) {
			best = p;
			best_len = n;
		}
	}
	if (!best)
		return err_new(ERR_MISSING, "no BTF");
	return err_prefix(types_create(best, best_len, NULL, &k->types), "BTF of the kernel");
}
