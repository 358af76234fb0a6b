/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Framing of the GDB remote serial protocol: $body#checksum, `+` and `-`, run lengths, escapes.
 * Pure: no I/O, no knowledge of what the packets mean.
 */
#ifndef FDGDB_GDBSTUB_PACKET_H
#define FDGDB_GDBSTUB_PACKET_H

#include "base/err.h"

enum {
	PACKET_OVERHEAD = 4, /* $ # and two digits */
	PACKET_NOISE_KEPT = 48,
};

/* Bytes that packet_encode() may need for a body of len bytes, all of them escaped. */
static inline size_t packet_encoded_max(size_t len)
{
	return 2 * len + PACKET_OVERHEAD;
}

/* Writes the frame (not terminated) and returns its length. */
size_t packet_encode(const void *body, size_t len, char *out);

enum packet_event {
	PACKET_NONE,	 /* all consumed, no event */
	PACKET_BODY,	 /* a whole packet: ->body, ->len */
	PACKET_BAD_SUM,	 /* a frame ended, but its checksum or its coding is wrong */
	PACKET_TOO_LONG, /* a frame ended whose body is longer than allowed */
	PACKET_CUT,	 /* a new frame began within one that had not ended */
	PACKET_ACK,
	PACKET_NAK,
};

/*
 * Takes bytes as they come, in pieces of any size.  Notifications (%...#..) and bytes between the
 * frames are dropped; the first of the latter are kept, since they tell what else the peer is.
 */
struct packet_decoder {
	uint8_t *body; /* valid after PACKET_BODY until the next call; NUL follows it */
	size_t len;

	/* private */
	size_t max;
	size_t room;
	enum {
		PACKET_IDLE,
		PACKET_IN_BODY,
		PACKET_REPEAT,
		PACKET_SUM_1,
		PACKET_SUM_2,
	} state;
	bool notification, escaped, broken, too_long, has_last;
	uint8_t last; /* as it was on the wire, for run lengths */
	uint8_t sum, sum_seen;

	/* bytes outside of frames, from the first that is neither + nor - */
	uint64_t nr_noise;
	char noise[PACKET_NOISE_KEPT];
};

/* max: longest body that is taken. */
void packet_decoder_init(struct packet_decoder *d, size_t max);
void packet_decoder_deinit(struct packet_decoder *d);

/*
 * Consumes up to and including the next event.  *ret_used: how many of the bytes.  ERR_NOMEM only;
 * whatever the peer sends is an event, never an error.
 */
struct err *packet_decode(struct packet_decoder *d, const void *data, size_t len, size_t *ret_used,
			  enum packet_event *ret) MUST_CHECK;

/* Forgets a half-received frame. */
void packet_decoder_reset(struct packet_decoder *d);

/* 2 * len digits, lower case, not terminated. */
void hex_encode(const void *data, size_t len, char *out);

/* False if one of the 2 * len characters is no digit; out is then unspecified. */
bool hex_decode(const void *hex, size_t len, void *out);

/* Value of a hex digit, or -1. */
int hex_digit(uint8_t c);

/*
 * A hex number at *p, before end; moves *p behind it.  False if there is no digit or the number
 * does not fit.
 */
bool hex_number(const char **p, const char *end, uint64_t *ret);

#endif
