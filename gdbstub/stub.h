/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of QEMU's gdbstub (7.2 and newer) that only looks: registers and physical memory.
 *
 * What QEMU does, and what follows from it:
 *  - The guest stops when a client connects, before any byte is sent, and stays stopped when the
 *    client's connection closes.  Only "D" lets it run; stub_close() must therefore be reached.
 *  - Physical mode is one flag of the process, which outlives its client.  A gdb that connects
 *    afterwards would read nonsense.  So stub_close() ends it and asks whether it has ended.
 *  - "multiprocess" outlives its client as well: without a process id "D" is answered with an
 *    error if any client before us has announced it.
 *  - While the guest runs, any byte stops it again, even an acknowledgement too many.  So "D" is the
 *    last thing we send.
 *  - 7.2 says unasked why the guest has stopped (T02...), before its first answer.
 *  - "?" would make it forget the breakpoints of other clients; nothing here needs it.
 *  - Replies come in the order of the requests, and a new request makes it forget that the last
 *    reply was not acknowledged.  So requests may be sent without waiting.
 */
#ifndef FDGDB_GDBSTUB_STUB_H
#define FDGDB_GDBSTUB_STUB_H

#include "gdbstub/conn.h"

struct stub_opts {
	unsigned int connect_ms;   /* until a connection stands */
	unsigned int handshake_ms; /* until the first answer */
	unsigned int reply_ms;	   /* without a byte while an answer is due */
	unsigned int window;	   /* bytes of memory asked for at once; 0: the default */

	/*
	 * Called while waiting, at least every 20 ms, but not by stub_close().  An error ends what is going on:
	 * nothing more is asked for, and once what is in flight has arrived (which is waited for only as
	 * long as something arrives), the function returns that error.  May be NULL.
	 */
	struct err *(*check)(void *ctx);
	/* The same, without a say, and by stub_close() too: we are alive.  May be NULL. */
	void (*tick)(void *ctx);
	/* Called just before a connection is tried, which stops the guest.  May be NULL. */
	void (*stopping)(void *ctx);
	void *ctx;
	int wake_fd; /* a hang-up on it calls check() at once; -1 for none */
};

/* Connecting, handshake and reply time-outs that suit QEMU on this machine or a near one. */
void stub_opts_init(struct stub_opts *opts);

struct stub_stats {
	uint64_t bytes;	      /* of guest memory that arrived */
	uint64_t packets;     /* sent */
	uint64_t round_trips; /* times that a request had to wait for no other to be under way */
	uint64_t resyncs;     /* times that order had to be restored */
};

enum stub_read_status {
	STUB_READ_PENDING = 0, /* not read: the batch ended before */
	STUB_READ_OK,
	STUB_READ_REFUSED, /* the stub says no: not mapped */
};

struct stub_read {
	uint64_t addr;
	uint32_t len;
	uint8_t *buf;
	/* set by stub_read() */
	enum stub_read_status status;
	uint32_t left;
};

struct stub;

/*
 * Connects to a resolved endpoint, which stops the guest, and shakes hands: features, threads, state.
 *
 * On failure the guest has been let go if it could be reached at all: ERR_UNREACHABLE if nothing
 * answers, ERR_PROTOCOL, ERR_LOST, ERR_TIMEOUT, ERR_UNSUPPORTED if there is no physical mode, or
 * whatever check() said.  ERR_NOT_RESTORED if the guest may have been left stopped.
 */
struct err *stub_open(const struct endpoint *ep, const struct stub_opts *opts,
		      struct stub **ret) MUST_CHECK;

/*
 * Only brings a guest back that a lost client of ours has left: physical mode off, and on its way
 * if `resume`.  ERR_NOT_RESTORED if that could not be confirmed.
 */
struct err *stub_rescue(const struct endpoint *ep, const struct stub_opts *opts,
			bool resume) MUST_CHECK;

/*
 * Ends physical mode, lets the guest run if `resume`, closes, frees.  NULL is fine.
 * ERR_NOT_RESTORED if the stub did not confirm, ERR_LOST if the connection is gone, and with it
 * perhaps QEMU; everything is freed all the same.
 */
struct err *stub_close(struct stub *stub, bool resume) MUST_CHECK;

/* Switches between guest-virtual (false) and guest-physical addresses, and verifies it. */
struct err *stub_physical(struct stub *stub, bool on) MUST_CHECK;

size_t stub_nr_threads(const struct stub *stub);

/*
 * QEMU's word for the guest's state, as in "paused (guest-panicked)", or "" if it has no monitor.
 * Just "paused" says nothing: that is what connecting makes of a running guest.
 */
const char *stub_status(const struct stub *stub);

/* True if the status names a reason of its own, so that the guest had halted before we came. */
bool stub_was_halted(const struct stub *stub);

/* One part of the target description, "target.xml" or what it includes; free(*ret), NUL-ended. */
struct err *stub_features(struct stub *stub, const char *annex, char **ret, size_t *ret_len) MUST_CHECK;

/* The registers of a thread, as laid out by target.xml; free(*ret). */
struct err *stub_regs(struct stub *stub, size_t thread, uint8_t **ret, size_t *ret_len) MUST_CHECK;

/* What a listed (allow.h) monitor command prints; free(*ret), NUL-ended. */
struct err *stub_monitor(struct stub *stub, const char *command, char **ret) MUST_CHECK;

/*
 * Reads all of them, many packets at a time.  Reads that continue each other in address and buffer
 * share packets.  An error says that the stub is lost or that check() has spoken; each read's
 * status is valid even then.
 */
struct err *stub_read(struct stub *stub, struct stub_read *reads, size_t nr) MUST_CHECK;

/* Between requests: drops what came unasked; ERR_LOST if the stub has gone. */
struct err *stub_idle(struct stub *stub) MUST_CHECK;

int stub_fd(const struct stub *stub);
void stub_get_stats(const struct stub *stub, struct stub_stats *ret);

#endif
