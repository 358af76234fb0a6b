/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The broker: a small child process that alone holds the connection to a gdbstub.
 *
 * QEMU leaves a guest stopped, and in physical mode, when its client dies.  So the process that
 * interprets the guest, and that may crash on it, run for too long or be killed, has no connection;
 * it asks the broker for registers and memory, which come back in shared pages.  The broker
 * interprets nothing.  It lets the guest go, with physical mode off, as soon as
 *  - it is told to (broker_release()),
 *  - its control socket closes or its parent is another one: the analyser has ended, of whatever,
 *  - the analyser has been stopped (SIGSTOP, or Ctrl-Z in a terminal): nobody wants a guest to
 *    stand still with a job put aside.  Later reads then fail; the memory has moved on,
 *  - the deadline passes, even if the analyser hangs,
 *  - the stub breaks the protocol or is silent, or the broker itself gets a SIGTERM.
 * It has a process group of its own and ignores what a terminal sends.  If the broker is killed
 * (SIGKILL), the analyser lets the guest go over a fresh connection, likewise in a child; if both
 * are killed at once, nobody does.  A debugger's hold on the analyser (state t) is no stop.
 *
 * Not thread-safe.
 */
#ifndef FDGDB_GDBSTUB_BROKER_H
#define FDGDB_GDBSTUB_BROKER_H

#include <sys/types.h>

#include "base/err.h"

struct broker;

struct broker_opts {
	unsigned int connect_ms, handshake_ms, reply_ms; /* 0: defaults, see stub.h */
	uint64_t deadline_ms;				 /* since the guest was stopped; 0: none */
	/*
	 * What becomes of the guest when the deadline passes: halted or running.  If the analyser
	 * dies, the guest runs in any case.
	 */
	bool keep_halted;
};

struct broker_read {
	uint64_t addr; /* guest-physical */
	uint32_t len;
	void *buf;
	bool ok; /* set: false if the stub refused it, or it was not reached */
};

struct broker_stats {
	uint64_t bytes;	      /* of guest memory */
	uint64_t packets;     /* sent */
	uint64_t round_trips; /* times that the broker waited for the stub */
	uint64_t resyncs;     /* times that the stub was brought back into step */
	uint64_t pause_us;    /* from the stop to the release, or until now */
	uint64_t cut_us;      /* from the stop to the moment that ended the session before it was told to; 0 */
};

/*
 * Connects to the target (see endpoint_parse()): the guest stops.  opts may be NULL.  ERR_USAGE,
 * ERR_UNREACHABLE, ERR_UNSUPPORTED (no physical mode), ERR_PROTOCOL, ERR_TIMEOUT, ERR_LOST,
 * ERR_DEADLINE, ERR_SUSPENDED; the guest runs on after each of them.  ERR_NOT_RESTORED: it may not.
 */
struct err *broker_start(const char *target, const struct broker_opts *opts,
			 struct broker **ret) MUST_CHECK;

/* Releases the guest (running) if nobody has, waits for the child, frees.  NULL is fine. */
void broker_destroy(struct broker *b);

size_t broker_nr_vcpus(const struct broker *b);

/*
 * QEMU's word for the guest's state, as in "paused (guest-panicked)"; just "paused" for a guest
 * that ran or that somebody paused: QEMU does not tell these apart.
 */
const char *broker_status(const struct broker *b);

/* The status names a reason of its own: the guest had halted before us, and stays so. */
bool broker_was_halted(const struct broker *b);

/* Registers as the stub sends them, in the layout of target.xml; free(*ret). */
struct err *broker_regs(struct broker *b, size_t vcpu, uint8_t **ret, size_t *ret_len) MUST_CHECK;

/* A part of the target description; free(*ret), NUL-ended. */
struct err *broker_features(struct broker *b, const char *annex, char **ret,
			    size_t *ret_len) MUST_CHECK;

/* What a listed monitor command prints (see allow.h); free(*ret). */
struct err *broker_monitor(struct broker *b, const char *command, char **ret) MUST_CHECK;

/*
 * Reads all of them.  An error ends the session: ERR_DEADLINE, ERR_SUSPENDED, ERR_LOST,
 * ERR_TIMEOUT, ERR_PROTOCOL; .ok of each read is valid even then.
 */
struct err *broker_read(struct broker *b, struct broker_read *reads, size_t nr) MUST_CHECK;

/*
 * Lets the guest go, or leaves it halted, physical mode off in both cases.  Idempotent: tells the
 * outcome again.  NULL also if the guest has been let go before, whatever for; but if it was to be kept halted and
 * runs, an error with the code of what it was let go for.  ERR_NOT_RESTORED: its state is in doubt.  ERR_LOST: there
 * is no gdbstub any more, so QEMU has probably ended.
 */
struct err *broker_release(struct broker *b, bool keep_halted) MUST_CHECK;

/* Whether no question will be answered after this one's error. */
bool broker_ends(const struct err *e);

void broker_get_stats(const struct broker *b, struct broker_stats *ret);

/* The broker's process, for tests; 0 once it has been waited for. */
pid_t broker_pid(const struct broker *b);

#endif
