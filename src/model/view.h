/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One thing the user asked for in place of a report: a variable, or an entry of a map. */
#ifndef FDGDB_MODEL_VIEW_H
#define FDGDB_MODEL_VIEW_H

#include "model/maps.h"

enum view_kind { VIEW_NONE, VIEW_VAR, VIEW_ENTRY };

struct view {
	enum view_kind kind;
	const char *asked; /* the user's words: a path, or a key */

	/* The map with nothing but what is shown: as MAP_BODY_VALUE the bytes of the variable or of the part of
	 * it that was asked for; otherwise the body with the one entry. */
	struct map_row row;

	const char *var;  /* VIEW_VAR: name of the variable; guest bytes */
	const char *rest; /* what of the path leads on from the value, through pointers; "" if nothing */
	uint64_t offset;  /* of the value in the map's */
};

#endif
