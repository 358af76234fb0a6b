/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stopped machine: guest-physical memory and the registers of each vCPU.  Nothing about Linux.
 * Behind it stands a gdbstub (target/gdb.h) or an ELF core (target/core.h); above it nobody can
 * tell which.
 */
#ifndef FDGDB_TARGET_H
#define FDGDB_TARGET_H

#include "base/err.h"

/* Guest-physical and kernel-virtual addresses; mixing them up must not compile. */
struct gpa {
	uint64_t v;
};

struct kva {
	uint64_t v;
};

enum { PAGE_SIZE = 4096, PAGE_SHIFT = 12 };

/* A range of guest RAM (or ROM): [start, end), whole pages. */
struct ram_range {
	uint64_t start, end;
};

/*
 * One register by the name gdb uses for it: "rip", "rsp", "cs", "eflags", "cr3", "cr4", "fs_base",
 * "gs_base", "k_gs_base", "efer".  Registers wider than 64 bits are left out.
 */
struct reg {
	char name[16];
	uint64_t value;
};

struct vcpu {
	struct reg *regs; /* NULL: could not be read, see `why` */
	size_t nr_regs;
	char *why;
};

struct target_read {
	struct gpa addr;
	uint32_t len; /* never crosses the end of a RAM range */
	void *buf;
	bool ok; /* set by read(): false if the target refused this one */
};

struct target_stats {
	uint64_t bytes;	      /* of guest memory read */
	uint64_t packets;     /* sent; 0 for a file */
	uint64_t round_trips; /* times that reading began anew after an answer: what latency costs; 0 for a file */
	uint64_t pause_us;    /* how long the guest has been stopped by us; 0 for a file */
	uint64_t cut_us;      /* from the stop to what ended it before release(); 0: nothing did */
};

struct target;

struct target_ops {
	const char *kind; /* "gdbstub", "elf core" */
	bool live;	  /* a running machine that we stopped and that goes on afterwards */

	/*
	 * Reads all of them, pipelined as far as the target can.  An error means that the target is
	 * lost or the deadline has passed (then no further read will work either); a read that is
	 * refused on its own just has .ok false.
	 */
	struct err *(*read)(struct target *t, struct target_read *reads, size_t nr);

	/*
	 * Lets the guest go: ends physical mode, resumes it unless keep_halted.  Idempotent; later
	 * reads fail.  ERR_NOT_RESTORED if the guest's state is in doubt.  A file has nothing to do.
	 */
	struct err *(*release)(struct target *t, bool keep_halted);

	void (*stats)(const struct target *t, struct target_stats *ret);

	void (*destroy)(struct target *t);
};

struct target {
	const struct target_ops *ops;
	char *name; /* as the user gave it: ":1234", "vmcore" */
	struct vcpu *vcpus;
	size_t nr_vcpus;
	struct ram_range *ram; /* ascending, disjoint, merged; NULL if the target cannot tell */
	size_t nr_ram;
	/*
	 * What the target knows about its own gaps, for messages: "dump made with -p: only what a
	 * vCPU's page tables map is in it".  NULL if nothing.
	 */
	char *note;
};

/* NULL is fine.  Releases the guest first if nobody has. */
void target_destroy(struct target *t);

/* For implementations: frees vcpus, ram, name and note. */
void target_deinit(struct target *t);

/* ERR_MISSING if this vCPU has no such register. */
struct err *target_reg(const struct target *t, size_t vcpu, const char *name,
		       uint64_t *ret) MUST_CHECK;

/* Whether all of [addr, addr + len) is RAM; true if the target does not know its RAM. */
bool target_is_ram(const struct target *t, struct gpa addr, uint64_t len);

#endif
