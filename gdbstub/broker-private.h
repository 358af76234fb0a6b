/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the analyser's side (broker.c) and the child (broker-child.c) share. */
#ifndef FDGDB_GDBSTUB_BROKER_PRIVATE_H
#define FDGDB_GDBSTUB_BROKER_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "gdbstub/broker.h"
#include "gdbstub/stub.h"

enum {
	BROKER_DATA = 4 << 20, /* bytes of memory per batch, or of an answer */
	BROKER_READS = 8192,   /* reads per batch */
	BROKER_TEXT = 128,
};

enum broker_op {
	BROKER_FEATURES = 1,
	BROKER_REGS,
	BROKER_MONITOR,
	BROKER_READ,
	BROKER_RELEASE,
};

/* An error that crosses processes. */
struct broker_err {
	uint32_t code; /* 0: none */
	char msg[1024];
};

struct broker_part {
	uint64_t addr;
	uint32_t len;
	uint32_t status; /* enum stub_read_status */
};

/*
 * Written by one side at a time: a byte over the socket hands it to the other.  The child takes
 * nothing in it for granted, since the analyser may have been led astray by its guest.
 */
struct broker_shared {
	/* question */
	uint32_t op;
	uint32_t number; /* REGS: vCPU; READ: number of parts; RELEASE: keep halted */
	char text[BROKER_TEXT];

	/* answer */
	struct broker_err err;
	uint32_t len;
	uint32_t nr_vcpus;
	char status[64];
	bool was_halted;

	struct broker_stats stats; /* without pause_us and cut_us */
	_Atomic uint64_t started_us; /* just before the connection that stopped the guest; 0: none was tried */
	_Atomic uint64_t beat; /* changes while the child lives and gets on */

	/* the end; valid once `ended` is set */
	_Atomic bool ended;
	uint64_t ended_us;
	uint64_t cut_us;	   /* when `why` came up; 0 without it */
	struct broker_err why;	   /* why it ended before it was told to */
	struct broker_err outcome; /* what could not be restored */
	bool halted;		   /* left halted on purpose */

	struct broker_part parts[BROKER_READS];
	uint8_t data[BROKER_DATA];
};

struct broker_child {
	struct endpoint ep;
	struct broker_opts opts;
	struct stub_opts stub_opts;
	struct broker_shared *shared;
	pid_t parent;
	int control;	/* to the analyser */
	int parent_stat; /* /proc/PID/stat of it; -1 if there is none */
};

void broker_err_set(struct broker_err *to, const struct err *e);
struct err *broker_err_get(const struct broker_err *from) MUST_CHECK;

/* The life of the child; ends in _exit(). */
_Noreturn void broker_child_run(struct broker_child *c);

/* The life of a child that only lets go a guest whose broker has died; result in shared->outcome. */
_Noreturn void broker_rescuer_run(struct broker_child *c, bool resume);

#endif
