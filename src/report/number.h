/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Floating-point numbers in the fewest digits that read back as the same number. */
#ifndef FDGDB_NUMBER_H
#define FDGDB_NUMBER_H

#include "report/strbuf.h"

/* With an exponent if that is shorter; always looks like a float (2.0, 1e300).  v is finite. */
void number_json(struct strbuf *sb, double v);

/* Never an exponent, no ".0".  bits 32: as short as a float allows.  v is finite. */
void number_plain(struct strbuf *sb, double v, unsigned int bits);

#endif
