/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bob Jenkins' lookup3 for one word, as jhash() in the kernel (include/linux/jhash.h) has it. */
#ifndef FDGDB_JHASH_H
#define FDGDB_JHASH_H

#include "base/util.h"

uint32_t jhash(const void *key, uint32_t len, uint32_t seed);

#endif
