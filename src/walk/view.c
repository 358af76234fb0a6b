/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/view.h"

#include "base/cleanup.h"

struct err *walk_view(struct kernel *k, const struct walk_opts *opts, struct report *r)
{
	struct walk w = { .k = k, .r = r, .opts = opts };
	_cleanup_(maps_walk_deinit) struct maps_walk m = { 0 };

	TRY(walk_kernel(&w));
	TRY(maps_open(&m, &w));
	if (m.mw.fatal)
		return take_ptr(m.mw.fatal);
	TRY(opts->var ? view_var(&m) : view_entry(&m));
	if (m.mw.fatal)
		return take_ptr(m.mw.fatal);
	TRY(maps_close(&m));
	return walk_env(&w);
}
