/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads whose failure is a remark on the map and no reason to stop. */
#include "config.h"

#include "walk/maps.h"

#include "base/cleanup.h"

struct err *map_get(struct map_job *job, const char *what, struct kva obj, const struct member *m,
		    uint64_t *ret, bool *ok)
{
	_cleanup_err_ struct err *e = kget(job->mw->k, obj, m, ret);

	*ok = !e;
	if (!e)
		return NULL;
	if (walk_is_fatal(e))
		return take_ptr(e);
	return map_unreadable(job, "%s: %s", what, e->msg);
}

struct err *map_copy(struct map_job *job, struct kva addr, size_t len, const uint8_t **ret)
{
	uint8_t *buf = pool_alloc(job->mw->pool, len);

	if (!buf)
		return &err_nomem;

	_cleanup_err_ struct err *e = kread(job->mw->k, addr, buf, len);
	if (walk_is_fatal(e))
		return take_ptr(e);
	*ret = e ? NULL : buf;
	return NULL;
}
