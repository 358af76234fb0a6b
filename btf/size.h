/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* types_size() without an error to make and free, for those who ask often. */
#ifndef FDGDB_BTF_SIZE_H
#define FDGDB_BTF_SIZE_H

#include "btf/types.h"

enum { POINTER_SIZE = 8 }; /* 64-bit guests; BPF pointers are 64 bits everywhere */

/* False for a type without a size. */
bool type_size(const struct types *types, uint32_t id, uint64_t *ret);

#endif
