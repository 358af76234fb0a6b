/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A target over a memory image written in code.
 *
 *	struct fake_target *ft = fake_target_new(1);
 *	fake_target_put64(ft, 0x1000, 0x2000);
 *	fake_target_set_reg(ft, 0, "cr3", 0x1000);
 *	mem_create(&ft->t, &mem);
 *	...
 *	target_destroy(&ft->t);
 *
 * Without fake_target_add_ram() it does not know its RAM and refuses pages nobody wrote to; with it,
 * RAM that was not written reads as zeros, and being asked for anything else is counted.
 * Running out of memory ends the program.
 */
#ifndef FDGDB_FAKE_TARGET_H
#define FDGDB_FAKE_TARGET_H

#include "target/target.h"

struct fake_page;

struct fake_target {
	struct target t;

	/* What was asked of it. */
	size_t batches;	  /* calls of read() */
	size_t reads;	  /* in all of them */
	size_t max_batch; /* reads in the biggest */
	uint64_t bytes;
	size_t outside;	  /* reads not within RAM, or not of whole pages */
	size_t releases;
	bool kept_halted;

	/* Faults: settable at any time. */
	size_t lose_after;	 /* ERR_LOST for the batch that holds this read and later; 0: never */
	enum err_code lose_with; /* instead of ERR_LOST */
	bool lose_halfway;	 /* the reads before it in the batch are answered */

	struct fake_page **buckets;
	bool released;
};

/* A live target (as a gdbstub is), with vCPUs that have no registers yet. */
struct fake_target *fake_target_new(size_t nr_vcpus);

/* Whether it calls itself live; a target that is not gets no fibers. */
void fake_target_set_live(struct fake_target *ft, bool live);

/* [start, end) is RAM.  In ascending order; adjoining ranges are merged. */
void fake_target_add_ram(struct fake_target *ft, uint64_t start, uint64_t end);

void fake_target_write(struct fake_target *ft, uint64_t gpa, const void *data, size_t len);
void fake_target_put8(struct fake_target *ft, uint64_t gpa, uint8_t v);
void fake_target_put16(struct fake_target *ft, uint64_t gpa, uint16_t v);
void fake_target_put32(struct fake_target *ft, uint64_t gpa, uint32_t v);
void fake_target_put64(struct fake_target *ft, uint64_t gpa, uint64_t v);

/* The page that holds gpa will be refused. */
void fake_target_refuse(struct fake_target *ft, uint64_t gpa);

/* Adds the register or changes it. */
void fake_target_set_reg(struct fake_target *ft, size_t vcpu, const char *name, uint64_t value);

/* Takes this vCPU's registers away. */
void fake_target_no_regs(struct fake_target *ft, size_t vcpu, const char *why);

#endif
