/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kind of file somebody gave us as a dump, by its first bytes. */
#ifndef FDGDB_CORE_KIND_H
#define FDGDB_CORE_KIND_H

#include "base/err.h"

enum { CORE_HEAD = 4096 }; /* bytes that suffice */

/*
 * NULL for an ELF64 core of x86_64; else an error that names what it is instead and, where there is
 * one, the way to get a dump that can be read.  `head` may be shorter than CORE_HEAD.
 */
struct err *core_kind_check(const uint8_t *head, size_t len) MUST_CHECK;

#endif
