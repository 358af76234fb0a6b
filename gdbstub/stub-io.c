/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's way of moving packets: queue, wait, acknowledge, repeat, find back into step. */
#include "config.h"

#include "gdbstub/stub-private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "gdbstub/allow.h"

enum { POLL_MS = 20 };

struct err *stub_lost(struct stub *s, const char *why)
{
	s->lost = true;
	return err_new(ERR_LOST, "%s: %s", s->name, why);
}

static struct err *put_bytes(struct stub *s, const char *bytes, size_t len)
{
	if (s->out_at == s->out.nr)
		s->out_at = s->out.nr = 0;
	while (s->out.room - s->out.nr < len) {
		size_t room = s->out.room ? 2 * s->out.room : 4096;
		char *data = realloc(s->out.data, room);

		if (!data)
			return &err_nomem;
		s->out.data = data;
		s->out.room = room;
	}
	memcpy(s->out.data + s->out.nr, bytes, len);
	s->out.nr += len;
	return NULL;
}

struct err *stub_put(struct stub *s, const char *body, size_t len)
{
	char frame[1024];

	if (packet_encoded_max(len) > sizeof(frame) || !packet_allowed(body, len))
		return err_new(ERR_UNSUPPORTED, "refusing to send \"%.*s\" to the gdbstub",
			       (int)MIN(len, (size_t)40), body);
	s->stats.packets++;
	return put_bytes(s, frame, packet_encode(body, len, frame));
}

/*
 * Once the guest runs, QEMU takes any byte for a request to stop it, except for the one
 * acknowledgement it waits for.  So after D nothing is acknowledged.
 */
struct err *stub_put_ack(struct stub *s, char c)
{
	return s->no_ack || (s->mute && c == '+') ? NULL : put_bytes(s, &c, 1);
}

static struct err *send_some(struct stub *s)
{
	while (s->out_at < s->out.nr) {
		ssize_t n = send(s->fd, s->out.data + s->out_at, s->out.nr - s->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return NULL;
			return stub_lost(s, "the gdbstub has closed the connection");
		}
		s->out_at += (size_t)n;
	}
	return NULL;
}

/* *ret_got: whether something arrived. */
static struct err *recv_some(struct stub *s, bool *ret_got)
{
	ssize_t n;

	do {
		n = recv(s->fd, s->recv, STUB_RECV, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	*ret_got = n > 0;
	if (n > 0) {
		s->heard_us = clock_us();
		s->recv_at = 0;
		s->recv_len = (size_t)n;
		return NULL;
	}
	if (n < 0 && errno == EAGAIN)
		return NULL;
	return stub_lost(s, n ? "the connection to the gdbstub broke" :
				"the gdbstub has closed the connection");
}

static struct err *check(struct stub *s, bool checked)
{
	if (s->opts.tick)
		s->opts.tick(s->opts.ctx);
	return checked && s->opts.check ? s->opts.check(s->opts.ctx) : NULL;
}

/* Waits until bytes have arrived; none after timeout_ms. */
static struct err *wait_bytes(struct stub *s, unsigned int timeout_ms, bool checked, bool *ret_got)
{
	uint64_t end = clock_us() + timeout_ms * (uint64_t)1000;
	bool got = false;

	TRY(check(s, checked));
	TRY(send_some(s));
	TRY(recv_some(s, &got));
	while (!got) {
		struct pollfd p[2] = {
			{ .fd = s->fd, .events = POLLIN },
			{ .fd = checked ? s->opts.wake_fd : -1 },
		};
		uint64_t now = clock_us();

		if (now >= end)
			break;
		if (s->out_at < s->out.nr)
			p[0].events |= POLLOUT;
		if (poll(p, 2, (int)MIN((end - now + 999) / 1000, (uint64_t)POLL_MS)) < 0 &&
		    errno != EINTR)
			return err_sys(errno, "poll");
		TRY(check(s, checked));
		TRY(send_some(s));
		TRY(recv_some(s, &got));
	}
	*ret_got = got;
	return NULL;
}

struct err *stub_next(struct stub *s, unsigned int timeout_ms, bool checked, enum packet_event *ret)
{
	for (;;) {
		enum packet_event event;
		size_t used;
		bool got;

		if (s->recv_at == s->recv_len) {
			TRY(wait_bytes(s, timeout_ms, checked, &got));
			if (!got) {
				*ret = PACKET_NONE;
				return NULL;
			}
		}
		TRY(packet_decode(&s->in, s->recv + s->recv_at, s->recv_len - s->recv_at, &used,
				  &event));
		s->recv_at += used;
		if (event == PACKET_NONE || event == PACKET_ACK)
			continue;
		if (event == PACKET_BODY)
			TRY(stub_put_ack(s, '+'));
		*ret = event;
		return NULL;
	}
}

bool stub_is_stop_reply(const struct stub *s)
{
	return s->in.len >= 3 && (s->in.body[0] == 'T' || s->in.body[0] == 'S') &&
	       hex_digit(s->in.body[1]) >= 0 && hex_digit(s->in.body[2]) >= 0;
}

bool stub_is_exit(const struct stub *s)
{
	return s->in.len >= 3 && (s->in.body[0] == 'W' || s->in.body[0] == 'X') &&
	       hex_digit(s->in.body[1]) >= 0 && hex_digit(s->in.body[2]) >= 0;
}

bool stub_reply_is(const struct stub *s, const char *text)
{
	return s->in.len == strlen(text) && !memcmp(s->in.body, text, s->in.len);
}

struct err *stub_reply(struct stub *s, const char *repeat, unsigned int timeout_ms)
{
	bool repeated = false;

	for (;;) {
		enum packet_event event;
		struct err *e = stub_next(s, timeout_ms, !s->closing, &event);

		if (e) {
			s->out_of_step = true; /* the reply may still come */
			return e;
		}
		switch (event) {
		case PACKET_BODY:
			if (stub_is_stop_reply(s))
				continue;
			if (stub_is_exit(s))
				return stub_lost(s, "the guest has ended");
			s->answered = true;
			return NULL;

		case PACKET_BAD_SUM:
		case PACKET_CUT:
			/* The stub sends its last reply again; without acknowledgements, we ask again. */
			if (!repeat)
				s->out_of_step = true;
			if (repeated || !repeat)
				return err_new(ERR_PROTOCOL, "%s: garbled replies", s->name);
			repeated = true;
			TRY(stub_put_ack(s, '-'));
			if (s->no_ack)
				TRY(stub_put(s, repeat, strlen(repeat)));
			continue;

		case PACKET_NAK:
			/* A stub that has just been left by another client may NAK the first bytes. */
			if (repeated || !repeat)
				return err_new(ERR_PROTOCOL, "%s: the gdbstub refuses our packets",
					       s->name);
			repeated = true;
			TRY(stub_put(s, repeat, strlen(repeat)));
			continue;

		case PACKET_TOO_LONG:
			return err_new(ERR_PROTOCOL, "%s: a reply longer than %zu bytes", s->name,
				       s->in.max);

		case PACKET_NONE:
		case PACKET_ACK:
			break;
		}
		s->out_of_step = true;
		return err_new(ERR_TIMEOUT, "%s: no answer from the gdbstub within %u ms", s->name,
			       timeout_ms);
	}
}

struct err *stub_command(struct stub *s, const char *body, unsigned int timeout_ms)
{
	s->stats.round_trips++;
	TRY(stub_put(s, body, strlen(body)));
	return stub_reply(s, body, timeout_ms);
}

/*
 * The reply to the query of the mode cannot be taken for one of memory, of which none has one
 * digit; so what comes before it belongs to the past.
 */
struct err *stub_resync(struct stub *s)
{
	enum packet_event event;
	uint64_t end = clock_us() + s->opts.reply_ms * (uint64_t)1000;

	s->stats.resyncs++;
	do {
		TRY(stub_next(s, STUB_QUIET_MS, !s->closing, &event));
		if (clock_us() > end)
			return err_new(ERR_PROTOCOL, "%s: the gdbstub does not stop talking",
				       s->name);
	} while (event != PACKET_NONE);
	packet_decoder_reset(&s->in);

	static const char query[] = "qqemu.PhyMemMode";
	TRY(stub_put(s, query, strlen(query)));
	for (unsigned int i = 0; i < 1024; i++) {
		TRY(stub_reply(s, query, s->opts.reply_ms));
		if (stub_reply_is(s, "1") || stub_reply_is(s, "0") || !s->in.len) {
			s->out_of_step = false;
			return NULL;
		}
	}
	return err_new(ERR_PROTOCOL, "%s: the gdbstub is out of step", s->name);
}
