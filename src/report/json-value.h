/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_JSON_VALUE_H
#define FDGDB_JSON_VALUE_H

#include "btf/value.h"
#include "report/json.h"

/*
 * Writes the tree as a RenderedValue, its fields in the order of the format.  Where the nesting would pass
 * what readers accept (JSON_MAX_DEPTH), an "unsupported" value says so in place of the rest.
 */
void json_value(struct json *j, const struct value *v);

#endif
