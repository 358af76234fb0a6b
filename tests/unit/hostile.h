/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report in which all that comes from the guest as text is out for the reader's terminal. */
#ifndef FDGDB_TEST_HOSTILE_H
#define FDGDB_TEST_HOSTILE_H

#include "model/report.h"

/* Escape sequences, a newline, C1, a bidi control. */
extern const char hostile_text[];

/* Puts hostile_text, or as much as there is room for, in place of each string that is set. */
void hostile_make(struct report *r);

#endif
