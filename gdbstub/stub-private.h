/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the halves of the client share: stub-io.c moves packets, stub.c and stub-read.c mean them. */
#ifndef FDGDB_GDBSTUB_STUB_PRIVATE_H
#define FDGDB_GDBSTUB_STUB_PRIVATE_H

#include "base/vec.h"
#include "gdbstub/packet.h"
#include "gdbstub/stub.h"

enum {
	STUB_MAX_PACKET = 1 << 20,	/* longest reply taken, whatever is announced */
	STUB_MAX_THREADS = 8192,
	STUB_THREAD_ID = 24,
	STUB_RECV = 1 << 16,
};

struct stub {
	struct stub_opts opts;
	char name[320];
	int fd;
	struct packet_decoder in;

	/* received, not decoded yet */
	uint8_t *recv;
	size_t recv_at, recv_len;

	VEC(char) out; /* to be sent */
	size_t out_at;

	bool no_ack, lost;
	bool mute;	    /* D has been sent: no acknowledgements any more */
	bool closing;	    /* check() has no say any more */
	bool out_of_step;   /* replies to requests that were given up may still arrive */
	uint64_t heard_us;  /* when the last bytes came */
	bool answered;	    /* it has spoken the protocol */
	bool has_physical;  /* it knows PhyMemMode */
	bool binary_read;   /* x */
	size_t packet_size; /* as announced */
	char process[STUB_THREAD_ID];
	VEC(struct { char id[STUB_THREAD_ID]; }) threads;
	char status[64];
	struct stub_stats stats;
};

enum {
	STUB_QUIET_MS = 100, /* silence after which nothing more is under way */
};

/* Queues a packet; one that may not leave us is ERR_UNSUPPORTED, and a bug. */
struct err *stub_put(struct stub *s, const char *body, size_t len) MUST_CHECK;

/* Queues a bare + or -. */
struct err *stub_put_ack(struct stub *s, char c) MUST_CHECK;

/*
 * The next event, PACKET_NONE after timeout_ms without a byte.  Sends what is queued meanwhile.
 * `checked`: whether check() may end the wait.
 */
struct err *stub_next(struct stub *s, unsigned int timeout_ms, bool checked,
		      enum packet_event *ret) MUST_CHECK;

/* Sends and waits for its one reply, with one repetition; the reply is s->in.body. */
struct err *stub_command(struct stub *s, const char *body, unsigned int timeout_ms) MUST_CHECK;

/*
 * Waits for the next reply to what was sent, with one repetition of it.  NULL: it has more than one
 * reply, of which a stub would repeat the last it has sent, not the one that was garbled.
 */
struct err *stub_reply(struct stub *s, const char *repeat, unsigned int timeout_ms) MUST_CHECK;

/* Throws away what is under way until the stub is quiet and answers in step again. */
struct err *stub_resync(struct stub *s) MUST_CHECK;

/* T05..., S05: why the guest has stopped, which nobody asked for. */
bool stub_is_stop_reply(const struct stub *s);

/* W00, X09: no guest any more. */
bool stub_is_exit(const struct stub *s);

bool stub_reply_is(const struct stub *s, const char *text);

struct err *stub_lost(struct stub *s, const char *why) MUST_CHECK;

#endif
