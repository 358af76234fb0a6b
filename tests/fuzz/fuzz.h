/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One fuzz target per parser.  Each is a file with LLVMFuzzerTestOneInput(), so that libFuzzer and
 * AFL++ can drive it; tests/fuzz/driver.c drives it where neither is at hand, as in make check.
 */
#ifndef FDGDB_FUZZ_H
#define FDGDB_FUZZ_H

#include "base/util.h"

/* Returns 0.  Ends the program where something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/*
 * Good inputs to start from, i = 0, 1, ...; false after the last.  The driver frees *data.
 * Optional: without it mutations start from a few random bytes.
 */
bool fuzz_seed(size_t i, uint8_t **data, size_t *len);

/* Optional: mutations in one run, instead of 20000, where each takes long. */
extern const unsigned int fuzz_runs;

#endif
