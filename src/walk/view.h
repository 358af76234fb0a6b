/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two kinds of view; see walk_view(). */
#ifndef FDGDB_WALK_VIEW_H
#define FDGDB_WALK_VIEW_H

#include "walk/maps-walk.h"

/* After maps_open(): fill report.view, and leave out all maps but those that rendering it needs. */
struct err *view_var(struct maps_walk *m) MUST_CHECK;
struct err *view_entry(struct maps_walk *m) MUST_CHECK;

#endif
