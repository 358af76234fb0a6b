/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers from the notes of a core.  QEMU writes one NT_PRSTATUS for each vCPU, then one note of
 * its own for each (QEMUCPUState of target/i386/arch_dump.c), in the same order.
 */
#ifndef FDGDB_CORE_NOTES_H
#define FDGDB_CORE_NOTES_H

#include "base/vec.h"
#include "target/target.h"

struct core_note {
	char owner[16]; /* "CORE", "QEMU"; longer ones cut */
	uint32_t type;
	const uint8_t *desc;
	size_t len;
};

struct core_notes {
	VEC(struct vcpu) vcpus; /* of the QEMU notes; where they lack, of NT_PRSTATUS */
	size_t nr_prstatus, nr_qemu;
	bool of_process;  /* has notes that only processes have */
	bool vmcoreinfo;
};

void core_notes_deinit(struct core_notes *notes);

struct err *core_notes_add(struct core_notes *notes, const struct core_note *note) MUST_CHECK;

/* Why these are not the notes of a QEMU dump, or NULL. */
struct err *core_notes_check(const struct core_notes *notes) MUST_CHECK;

#endif
