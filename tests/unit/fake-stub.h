/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A gdbstub made of nothing: serves a memory image and registers as QEMU 7.2, 10 or 11 would, in a
 * process of its own, and fails in ways to be chosen.  It keeps QEMU's manners that matter: stops
 * its guest at connect, leaves it stopped at close, keeps physical mode and multiprocess for the
 * next client, takes any byte while running for a request to stop, serves one client at a time.
 *
 * What it has seen lies in shared memory, so that it can be asked while and after the client dies.
 */
#ifndef FDGDB_FAKE_STUB_H
#define FDGDB_FAKE_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_dialect {
	FAKE_QEMU_7_2, /* T02 unasked; 2 KiB; zeros outside of RAM */
	FAKE_QEMU_10,  /* quiet; 2 KiB; zeros outside of RAM */
	FAKE_QEMU_11,  /* quiet; 64 KiB; E14 outside of RAM */
	FAKE_RUST,     /* no physical mode, QStartNoAckMode, run-length coded, 4 KiB */
};

enum fake_fault {
	FAKE_NO_FAULT,
	FAKE_SILENT,	    /* accepts and never answers */
	FAKE_BANNER,	    /* says "SSH-2.0-fake" and nothing else */
	FAKE_HTTP,	    /* answers anything with HTTP/1.1 400 */
	FAKE_CLOSE_AT_ONCE, /* closes without a word */
	FAKE_CLOSE_AT,	    /* closes the first connection after `at` bytes sent */
	FAKE_HANG_AT,	    /* never answers again after `at` packets received */
	FAKE_BAD_SUM,	    /* every `at`-th reply has a wrong checksum, once */
	FAKE_ALWAYS_BAD,    /* every reply has a wrong checksum */
	FAKE_LATE_STOP,	    /* a stop reply after the `at`-th reply */
	FAKE_SHORT,	    /* memory replies hold half of what was asked for */
	FAKE_EATEN,	    /* the `at`-th reply is never sent */
	FAKE_STUCK,	    /* physical mode cannot be ended */
	FAKE_NO_DETACH,	    /* D is refused */
};

struct fake_segment {
	uint64_t addr;
	const void *data; /* stays valid while the stub lives */
	size_t len;
};

enum { FAKE_REGS = 608 }; /* bytes in "g" */

struct fake_opts {
	enum fake_dialect dialect;
	enum fake_fault fault;
	unsigned int at;	     /* see fault */
	unsigned int nr_vcpus;	     /* 0: 2 */
	const uint8_t (*regs)[FAKE_REGS]; /* per vCPU, see fake_set_reg(); NULL: made up */
	const struct fake_segment *segments;
	size_t nr_segments;
	const char *status;	  /* after "VM status: "; NULL: "paused" */
	bool tcp;		  /* a port of 127.0.0.1 instead of a Unix socket */
	bool physical, multiprocess; /* left on by an earlier client */
	unsigned int delay_us;	  /* before each reply */
};

struct fake;

/* Exits the test program if the machine lets it down. */
struct fake *fake_start(const struct fake_opts *opts);
void fake_stop(struct fake *f);

/* unix:PATH or :PORT */
const char *fake_target(const struct fake *f);

bool fake_is_running(const struct fake *f);
bool fake_is_physical(const struct fake *f);
unsigned int fake_connections(const struct fake *f);

/* Waits until the guest runs, physical mode is off and no client is there; false after 5 s. */
bool fake_restored(const struct fake *f);

/* Packets that a client that only looks must not send. */
unsigned int fake_forbidden(const struct fake *f);

/* Packets other than memory reads, in order; NULL behind the last one (the first 4096 are kept). */
const char *fake_packet(const struct fake *f, size_t i);
size_t fake_nr_packets(const struct fake *f);
unsigned long fake_nr_reads(const struct fake *f);

/* Whether the last packets were Qqemu.PhyMemMode:0, the query of it, and D. */
bool fake_ended_well(const struct fake *f);

/* Value of a register in g, by name and at most 64 bits; false if there is none. */
bool fake_set_reg(uint8_t g[FAKE_REGS], const char *name, uint64_t value);

/* The description as the stub serves it; NULL if there is no such part. */
const char *fake_xml(const char *annex);

#endif
