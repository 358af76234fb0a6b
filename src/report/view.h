/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.view, as text or JSON, in place of a report: one variable or one entry. */
#ifndef FDGDB_REPORT_VIEW_H
#define FDGDB_REPORT_VIEW_H

#include "report/text.h"

/*
 * ERR_NOT_FOUND if the path of a variable leads through a pointer to nothing; then nothing is written.  ERR_SYS
 * if it could not be written in full.
 */
struct err *view_text(const struct report *r, FILE *out, const struct text_opts *opts) MUST_CHECK;
struct err *view_json(const struct report *r, FILE *out, bool pretty) MUST_CHECK;

#endif
