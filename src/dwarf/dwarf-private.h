/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FDGDB_DWARF_PRIVATE_H
#define FDGDB_DWARF_PRIVATE_H

#include <elfutils/libdw.h>

#include "dwarf/dwarf-file.h"

/* The compilation unit that has code at an address of the file. */
bool dwarf_unit_at(const struct dwarf_file *f, uint64_t addr, Dwarf_Die *ret);

#endif
