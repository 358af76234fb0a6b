/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard before everything that reads BTF.  libbpf is no such guard: 1.1 of Debian 12 checks next
 * to nothing and crashes on hostile BTF, and no version bounds modifier loops.
 */
#ifndef FDGDB_BTF_VALIDATE_H
#define FDGDB_BTF_VALIDATE_H

#include "base/err.h"

struct types;

/*
 * Checks header, sections, every type record, every reference, name and loop, and hands out a
 * canonical copy (24-byte header, no layout section, kinds up to ENUM64) that any reader can take:
 * kernels from 7.1 on may use the wider header and 24-bit member counts.  Unknown kinds are refused
 * unless the layout section tells their size; then they become forward declarations.  `base` is what
 * a split blob is laid upon, or NULL.  *ret is malloc'd.  ERR_CORRUPT says what and at which type id.
 */
struct err *btf_validate(const void *data, size_t len, const struct types *base, void **ret,
			 size_t *ret_len) MUST_CHECK;

#endif
