/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and texts for the sched_ext walker. */
#include "config.h"

#include "walk/scx.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"

struct err *scx_flag_names(struct scx_walk *s, const char *type, const char *prefix, uint64_t flags,
			   const char **ret)
{
	return walk_flag_names(s->k, s->pool, type, prefix, flags, ret);
}

const char *scx_enum_name(struct scx_walk *s, const char *type, int64_t value)
{
	uint32_t id;
	struct err *e = types_find(s->k->types, BTF_KIND_ENUM, type, &id);

	if (!e)
		return types_enum_name(s->k->types, id, value);
	err_ignore(e);
	return NULL;
}

/*
 * Page by page, as most texts end on their first: a buffer of 32 KiB may hold one line.  Only once one
 * goes on is the rest fetched in bigger pieces.
 */
struct err *scx_read_text(struct scx_walk *s, struct kva at, size_t max, const char **ret, bool *cut)
{
	enum { PIECE = 1 << 15 };
	size_t done = 0;

	*ret = NULL;
	if (cut)
		*cut = false;
	if (!at.v)
		return NULL;
	for (size_t room = PAGE_SIZE - (at.v & (PAGE_SIZE - 1)); done < max; room += PIECE) {
		size_t want = MIN(room, max);
		_cleanup_free_ char *buf = malloc(want + 1);

		if (!buf)
			return &err_nomem;
		if (want - done > PAGE_SIZE)
			kprefetch(s->k, &(struct krange){ { at.v + done }, want - done }, 1);
		/* Its end may lie before the end of what can be read. */
		size_t got = kread_some(s->k, at, buf, want);
		const char *end = memchr(buf, '\0', got);
		if (!end && got < want)
			return kread(s->k, (struct kva){ at.v + got }, buf, 1);
		if (end || want == max) {
			if (!end && cut)
				*cut = true;
			*ret = pool_strndup(s->pool, buf, end ? (size_t)(end - buf) : want);
			return *ret ? NULL : &err_nomem;
		}
		done = want;
	}
	return NULL;
}
