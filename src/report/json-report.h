/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report as JSON: docs/report-format.md, docs/report.schema.json. */
#ifndef FDGDB_JSON_REPORT_H
#define FDGDB_JSON_REPORT_H

#include <stdio.h>

#include "model/report.h"

static const uint64_t JSON_ARENA_BYTES_DEFAULT = 4 << 20;

struct json_opts {
	bool pretty;
	/* How many bytes of arena pages are written, in whole pages; every page is listed in any case.
	 * 0: none, UINT64_MAX: all. */
	uint64_t arena_bytes;
};

/* Writes the "single" document and flushes.  ERR_SYS if it could not be written in full. */
struct err *report_json(const struct report *r, FILE *out, const struct json_opts *opts) MUST_CHECK;

#endif
