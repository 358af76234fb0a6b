/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF cores in memory, laid out as QEMU lays them out: header, section headers, program headers,
 * notes, memory.  Running out of memory ends the program.
 */
#ifndef FDGDB_CORE_BUILD_H
#define FDGDB_CORE_BUILD_H

#include "base/util.h"

struct core_build;

struct core_build *core_build_new(void);

/* A PT_LOAD; `data` may be NULL (zeros). */
void core_build_load(struct core_build *b, uint64_t vaddr, uint64_t paddr, uint64_t memsz,
		     const void *data, size_t filesz);

/* A PT_LOAD of the bytes of the one added as `nr`th (from 0), mapped elsewhere. */
void core_build_alias(struct core_build *b, size_t nr, uint64_t vaddr, uint64_t paddr,
		      uint64_t from, uint64_t len);

void core_build_note(struct core_build *b, const char *owner, uint32_t type, const void *desc,
		     size_t len);

/*
 * NT_PRSTATUS and QEMU's note of one vCPU: register number n of either has the value
 * seed + n << 8, but for those given.
 */
void core_build_prstatus(struct core_build *b, uint64_t seed);
void core_build_qemu(struct core_build *b, uint64_t seed, uint32_t cs, uint64_t cr3);

/* The real number of segments goes into section header 0, as above 65534 it must. */
void core_build_xnum(struct core_build *b);

/* The file's bytes, for the caller to change and free(); frees b. */
uint8_t *core_build_finish(struct core_build *b, size_t *len);

/* An anonymous file of these bytes. */
int core_build_fd(const uint8_t *data, size_t len);

#endif
