/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/stub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gdbstub/allow.h"
#include "gdbstub/stub-private.h"

enum {
	DEFAULT_PACKET = 0x400, /* for a stub that announces no PacketSize */
	MIN_PACKET = 64,
	BUSY_RETRIES = 15,	/* of 20 ms: QEMU needs a moment to see that a client has gone */
	WILL_MS = 300,
	MAX_FEATURES = 1 << 20,
	MAX_MONITOR = 2 << 20,
};

void stub_opts_init(struct stub_opts *opts)
{
	*opts = (struct stub_opts){
		.connect_ms = 3000,
		.handshake_ms = 3000,
		.reply_ms = 5000,
		.wake_fd = -1,
	};
}

static void stub_destroy(struct stub *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	packet_decoder_deinit(&s->in);
	free(s->recv);
	free(s->out.data);
	free(s->threads.data);
	free(s);
}

static void stub_destroy_p(struct stub **s)
{
	stub_destroy(*s);
}

size_t stub_nr_threads(const struct stub *s)
{
	return s->threads.nr;
}

const char *stub_status(const struct stub *s)
{
	return s->status;
}

bool stub_was_halted(const struct stub *s)
{
	static const char with_reason[] = "paused (";

	return !strncmp(s->status, with_reason, sizeof(with_reason) - 1);
}

int stub_fd(const struct stub *s)
{
	return s->fd;
}

void stub_get_stats(const struct stub *s, struct stub_stats *ret)
{
	*ret = s->stats;
}

/* ---- handshake */

static void parse_features(struct stub *s)
{
	static const char size[] = "PacketSize=";
	const char *p = (const char *)s->in.body, *end = p + s->in.len;

	while (p < end) {
		const char *semi = memchr(p, ';', (size_t)(end - p));
		const char *stop = semi ? semi : end;
		size_t n = (size_t)(stop - p);

		if (n > sizeof(size) - 1 && !memcmp(p, size, sizeof(size) - 1)) {
			const char *at = p + sizeof(size) - 1;
			uint64_t v;

			if (hex_number(&at, stop, &v) && at == stop && v >= MIN_PACKET)
				s->packet_size = (size_t)MIN(v, (uint64_t)STUB_MAX_PACKET);
		} else if (n == 16 && !memcmp(p, "QStartNoAckMode+", n)) {
			s->no_ack = true; /* as an offer; taken up below */
		} else if (n == 14 && !memcmp(p, "binary-upload+", n)) {
			s->binary_read = true;
		}
		p = semi ? semi + 1 : end;
	}
}

/*
 * Nothing, or nothing of ours, came back.  Says what is there, as far as it can be told.
 */
static struct err *not_a_stub(struct stub *s, struct err *e)
{
	enum packet_event event;
	char said[PACKET_NOISE_KEPT + 1];
	size_t n = 0;

	if (e->code != ERR_TIMEOUT && e->code != ERR_LOST && e->code != ERR_PROTOCOL)
		return e;
	/* The rest of a banner. */
	while (!s->lost && s->in.nr_noise && s->in.nr_noise < PACKET_NOISE_KEPT) {
		struct err *more = stub_next(s, STUB_QUIET_MS, false, &event);
		bool stop = more || event == PACKET_NONE;

		err_ignore(more);
		if (stop)
			break;
	}
	for (; n < s->in.nr_noise && n < PACKET_NOISE_KEPT; n++) {
		char c = s->in.noise[n];

		if (c == '\r' || c == '\n')
			break;
		said[n] = c >= ' ' && c <= '~' && c != '"' ? c : '?';
	}
	said[n] = 0;

	enum err_code code = e->code;
	err_free(e);
	if (s->in.nr_noise)
		return err_new(ERR_UNREACHABLE, "%s is no gdbstub: it says \"%s\"", s->name, said);
	if (code == ERR_PROTOCOL)
		return err_new(ERR_UNREACHABLE, "%s is no gdbstub: it answers with something else",
			       s->name);
	if (code == ERR_LOST)
		return err_new(ERR_UNREACHABLE,
			       "%s is no gdbstub: it closed the connection without an answer",
			       s->name);
	return err_new(ERR_UNREACHABLE,
		       "%s accepts connections but does not answer within %u ms: either another "
		       "client (gdb?) is attached to it, or it is no gdbstub",
		       s->name, s->opts.handshake_ms);
}

static struct err *first_answer(struct stub *s)
{
	static const char hello[] = "qSupported:multiprocess+;xmlRegisters=i386";

	s->packet_size = DEFAULT_PACKET;
	struct err *e = stub_command(s, hello, s->opts.handshake_ms);
	if (e)
		return not_a_stub(s, e);
	parse_features(s);
	if (s->no_ack) {
		s->no_ack = false;
		TRY(stub_command(s, "QStartNoAckMode", s->opts.reply_ms));
		s->no_ack = stub_reply_is(s, "OK");
	}
	return NULL;
}

/* Appends the ids of one reply, m01 or mp01.01,p01.02. */
static struct err *add_threads(struct stub *s)
{
	const char *p = (const char *)s->in.body + 1, *end = (const char *)s->in.body + s->in.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t n = (size_t)((comma ? comma : end) - p);
		char packet[2 + STUB_THREAD_ID] = "Hg";

		if (!n || n >= STUB_THREAD_ID)
			return err_new(ERR_PROTOCOL, "%s: a thread id of %zu characters", s->name, n);
		memcpy(packet + 2, p, n);
		if (!packet_allowed(packet, 2 + n))
			return err_new(ERR_PROTOCOL, "%s: malformed thread id", s->name);
		for (size_t i = 0; i < s->threads.nr; i++) {
			if (!strcmp(s->threads.data[i].id, packet + 2))
				return err_new(ERR_PROTOCOL, "%s: thread %s is listed twice",
					       s->name, packet + 2);
		}
		if (s->threads.nr == STUB_MAX_THREADS)
			return err_new(ERR_LIMIT, "%s: more than %d threads", s->name,
				       STUB_MAX_THREADS);
		if (!vec_push(&s->threads))
			return &err_nomem;
		memcpy(s->threads.data[s->threads.nr - 1].id, packet + 2, n);
		p = comma ? comma + 1 : end;
	}
	return NULL;
}

static struct err *list_threads(struct stub *s)
{
	const char *query = "qfThreadInfo";

	for (size_t i = 0; i <= STUB_MAX_THREADS; i++) {
		TRY(stub_command(s, query, s->opts.reply_ms));
		if (stub_reply_is(s, "l"))
			break;
		if (!s->in.len || s->in.body[0] != 'm' || s->in.len == 1)
			return err_new(ERR_PROTOCOL, "%s: no list of threads", s->name);
		TRY(add_threads(s));
		query = "qsThreadInfo";
	}
	if (!s->threads.nr)
		return err_new(ERR_PROTOCOL, "%s: the list of threads is empty", s->name);

	const char *id = s->threads.data[0].id, *dot = strchr(id, '.');
	if (*id == 'p' && dot)
		memcpy(s->process, id + 1, (size_t)(dot - id - 1));
	return NULL;
}

static struct err *read_status(struct stub *s)
{
	static const char label[] = "VM status: ";
	_cleanup_free_ char *text = NULL;
	struct err *e = stub_monitor(s, "info status", &text);

	if (e && e->code == ERR_UNSUPPORTED) {
		err_ignore(e);
		return NULL;
	}
	if (e)
		return e;
	const char *p = strstr(text, label);
	if (p) {
		p += sizeof(label) - 1;
		snprintf(s->status, sizeof(s->status), "%.*s", (int)strcspn(p, "\r\n"), p);
	}
	return NULL;
}

/* Asks what mode there is; *ret is true for physical. */
static struct err *query_physical(struct stub *s, bool *ret)
{
	TRY(stub_command(s, "qqemu.PhyMemMode", s->opts.reply_ms));
	if (!stub_reply_is(s, "0") && !stub_reply_is(s, "1"))
		return err_new(ERR_UNSUPPORTED,
			       "%s: this gdbstub cannot read physical memory (it is not QEMU's, or "
			       "older than 4.1)",
			       s->name);
	*ret = stub_reply_is(s, "1");
	return NULL;
}

struct err *stub_physical(struct stub *s, bool on)
{
	bool is_on;

	TRY(stub_command(s, on ? "Qqemu.PhyMemMode:1" : "Qqemu.PhyMemMode:0", s->opts.reply_ms));
	if (!stub_reply_is(s, "OK"))
		return err_new(ERR_PROTOCOL, "%s: physical mode cannot be switched", s->name);
	TRY(query_physical(s, &is_on));
	if (is_on != on)
		return err_new(ERR_PROTOCOL, "%s: physical mode is stuck %s", s->name,
			       is_on ? "on" : "off");
	return NULL;
}

static struct err *shake_hands(struct stub *s)
{
	bool is_on;

	TRY(first_answer(s));
	TRY(query_physical(s, &is_on));
	s->has_physical = true;
	/* A client that died may have left it on, and features and registers do not care. */
	if (is_on)
		TRY(stub_physical(s, false));
	TRY(list_threads(s));
	return read_status(s);
}

/* Refuses a stub that would only queue us; see conn_busy(). */
static struct err *await_free(const struct endpoint *ep, const struct stub_opts *opts)
{
	for (unsigned int i = 0; conn_busy(ep); i++) {
		if (i == BUSY_RETRIES)
			return err_new(ERR_UNREACHABLE,
				       "another client (gdb?) is attached to %s; a gdbstub serves "
				       "only one",
				       ep->name);
		usleep(20000);
		if (opts->check)
			TRY(opts->check(opts->ctx));
	}
	return NULL;
}

static struct err *connect_stub(const struct endpoint *ep, const struct stub_opts *opts,
				struct stub **ret)
{
	_cleanup_(stub_destroy_p) struct stub *s = calloc(1, sizeof(*s));

	if (!s)
		return &err_nomem;
	s->fd = -1;
	s->opts = *opts;
	snprintf(s->name, sizeof(s->name), "%s", ep->name);
	packet_decoder_init(&s->in, STUB_MAX_PACKET);
	s->recv = malloc(STUB_RECV);
	if (!s->recv)
		return &err_nomem;
	TRY(await_free(ep, opts));
	if (opts->stopping)
		opts->stopping(opts->ctx);
	TRY(conn_open(ep, opts->connect_ms, &s->fd));
	*ret = take_ptr(s);
	return NULL;
}

struct err *stub_open(const struct endpoint *ep, const struct stub_opts *opts, struct stub **ret)
{
	struct stub *s;

	TRY(connect_stub(ep, opts, &s));

	struct err *e = shake_hands(s);
	if (!e) {
		*ret = s;
		return NULL;
	}

	bool answered = s->answered;
	struct err *closed = stub_close(s, !stub_was_halted(s));
	if (closed && closed->code == ERR_LOST && answered) {
		err_free(e);
		return closed;
	}
	if (closed && answered) {
		/* That the guest may stand still is worse than why we could not look at it. */
		closed = err_prefix(closed, "%s", e->msg);
		err_free(e);
		return closed;
	}
	err_ignore(closed);
	return e;
}

struct err *stub_rescue(const struct endpoint *ep, const struct stub_opts *opts, bool resume)
{
	struct stub *s;

	TRY(connect_stub(ep, opts, &s));

	struct err *e = first_answer(s);
	struct err *closed = stub_close(s, resume);
	if (e) {
		err_ignore(closed);
		return e;
	}
	return closed;
}

/* ---- leaving */

/*
 * No answer yet: we may be waiting behind another client in the stub's queue.  QEMU would take our
 * connection from there when the other one leaves, stop the guest, and find us gone.  But it also
 * reads what we have sent before it notices, so that we leave in the queue what undoes the stop.
 * (Seen with 7.2, TCP and Unix sockets; without this the guest stays stopped, even if the
 * connection was reset.)
 */
static struct err *leave_will(struct stub *s, bool resume)
{
	static const char off[] = "Qqemu.PhyMemMode:0", detach[] = "D;1";
	unsigned int due = resume ? 2 : 1;
	enum packet_event event;

	TRY(stub_put(s, off, sizeof(off) - 1));
	if (resume)
		TRY(stub_put(s, detach, sizeof(detach) - 1));
	s->mute = true;
	do {
		TRY(stub_next(s, WILL_MS, false, &event));
		if (event == PACKET_BODY && stub_reply_is(s, "OK") && !--due)
			return NULL; /* it was only slow */
	} while (event != PACKET_NONE);
	return err_new(ERR_TIMEOUT, "%s: no answer from the gdbstub", s->name);
}

static struct err *detach(struct stub *s)
{
	char packet[4 + STUB_THREAD_ID];

	/* With a process first: see "multiprocess" in stub.h. */
	snprintf(packet, sizeof(packet), "D;%s", *s->process ? s->process : "1");
	s->mute = true;
	TRY(stub_command(s, packet, s->opts.reply_ms));
	if (stub_reply_is(s, "OK"))
		return NULL;
	TRY(stub_command(s, "D", s->opts.reply_ms));
	if (stub_reply_is(s, "OK"))
		return NULL;
	return err_new(ERR_PROTOCOL, "%s: the gdbstub does not let go", s->name);
}

static struct err *leave(struct stub *s, bool resume)
{
	if (s->lost)
		return err_new(ERR_LOST, "%s: the connection is lost", s->name);
	if (!s->answered)
		return leave_will(s, resume);
	if (s->out_of_step) {
		struct err *e = stub_resync(s);

		if (e && !s->lost) {
			/* It may still read what we say; but whether it did, we cannot know. */
			err_ignore(leave_will(s, resume));
		}
		TRY(e);
	}
	if (s->has_physical)
		TRY(stub_physical(s, false));
	else
		TRY(stub_command(s, "Qqemu.PhyMemMode:0", s->opts.reply_ms));
	return resume ? detach(s) : NULL;
}

struct err *stub_close(struct stub *s, bool resume)
{
	if (!s)
		return NULL;

	s->closing = true;
	bool noise = !s->answered && s->in.nr_noise;
	struct err *e = noise ? NULL : leave(s, resume);

	/* Whatever it was, the lack of memory too: the guest may stand. */
	if (e == &err_nomem)
		e = err_new(ERR_NOT_RESTORED, "out of memory");
	if (e && e != &err_nomem)
		e->code = s->lost ? ERR_LOST : ERR_NOT_RESTORED;
	stub_destroy(s);
	return err_prefix(e, "the guest may be left stopped");
}

/* ---- questions */

struct err *stub_features(struct stub *s, const char *annex, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	char packet[128];

	if (!annex_allowed(annex, strlen(annex)))
		return err_new(ERR_PROTOCOL, "%s: target description: bad name of a part", s->name);
	for (;;) {
		snprintf(packet, sizeof(packet), "qXfer:features:read:%s:%zx,%zx", annex, len,
			 s->packet_size - PACKET_OVERHEAD - 1);
		TRY(stub_command(s, packet, s->opts.reply_ms));
		if (!s->in.len || (s->in.body[0] != 'm' && s->in.body[0] != 'l'))
			return err_new(ERR_PROTOCOL, "%s: no target description \"%s\"", s->name,
				       annex);

		bool last = s->in.body[0] == 'l';
		size_t n = s->in.len - 1;
		if (len + n > MAX_FEATURES)
			return err_new(ERR_LIMIT, "%s: target description \"%s\" is too long",
				       s->name, annex);
		if (!n && !last)
			return err_new(ERR_PROTOCOL, "%s: target description \"%s\" never ends",
				       s->name, annex);
		char *more = realloc(text, len + n + 1);
		if (!more)
			return &err_nomem;
		text = more;
		memcpy(text + len, s->in.body + 1, n);
		len += n;
		text[len] = 0;
		if (last)
			break;
	}
	*ret_len = len;
	*ret = take_ptr(text);
	return NULL;
}

struct err *stub_regs(struct stub *s, size_t thread, uint8_t **ret, size_t *ret_len)
{
	char packet[2 + STUB_THREAD_ID];

	if (thread >= s->threads.nr)
		return err_new(ERR_USAGE, "no thread %zu", thread);
	snprintf(packet, sizeof(packet), "Hg%s", s->threads.data[thread].id);
	TRY(stub_command(s, packet, s->opts.reply_ms));
	if (!stub_reply_is(s, "OK"))
		return err_new(ERR_PROTOCOL, "%s: thread %s cannot be selected", s->name,
			       s->threads.data[thread].id);
	TRY(stub_command(s, "g", s->opts.reply_ms));

	size_t len = s->in.len / 2;
	_cleanup_free_ uint8_t *regs = malloc(len + 1);
	if (!regs)
		return &err_nomem;
	if (!len || s->in.len % 2 || !hex_decode(s->in.body, len, regs))
		return err_new(ERR_PROTOCOL, "%s: thread %s: no registers", s->name,
			       s->threads.data[thread].id);
	*ret_len = len;
	*ret = take_ptr(regs);
	return NULL;
}

static struct err *try_monitor(struct stub *s, const char *command, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, room = 0;
	char packet[8 + 2 * ALLOW_COMMAND_MAX] = "qRcmd,";
	size_t n = strlen(command);

	if (!monitor_allowed(command))
		return err_new(ERR_UNSUPPORTED, "refusing to send \"%s\" to the monitor", command);
	hex_encode(command, n, packet + 6);
	TRY(stub_put(s, packet, 6 + 2 * n));
	for (;;) {
		TRY(stub_reply(s, NULL, s->opts.reply_ms));
		if (!s->in.len)
			return err_new(ERR_UNSUPPORTED, "%s: no monitor behind the gdbstub", s->name);
		if (stub_reply_is(s, "OK"))
			break;
		/* O and hex for each piece; stubs may also send all as one reply without the O. */
		bool piece = s->in.body[0] == 'O';
		size_t bytes = (s->in.len - piece) / 2;

		if (len + bytes > MAX_MONITOR) {
			s->out_of_step = true;
			return err_new(ERR_LIMIT, "%s: \"%s\" prints too much", s->name, command);
		}
		if (len + bytes >= room) {
			room = 2 * (len + bytes) + 1;
			char *more = realloc(text, room);
			if (!more) {
				s->out_of_step = true;
				return &err_nomem;
			}
			text = more;
		}
		if ((s->in.len - piece) % 2 || !hex_decode(s->in.body + piece, bytes, text + len)) {
			s->out_of_step = piece;
			return err_new(piece ? ERR_PROTOCOL : ERR_UNSUPPORTED,
				       "%s: \"%s\": the monitor gives no answer", s->name, command);
		}
		len += bytes;
		if (!piece)
			break;
	}
	if (!text)
		text = malloc(1);
	if (!text)
		return &err_nomem;
	text[len] = 0;
	*ret = take_ptr(text);
	return NULL;
}

struct err *stub_monitor(struct stub *s, const char *command, char **ret)
{
	struct err *e = try_monitor(s, command, ret);

	if (!e || e->code != ERR_PROTOCOL || s->lost)
		return e;
	err_free(e);
	TRY(stub_resync(s));
	return try_monitor(s, command, ret);
}

struct err *stub_idle(struct stub *s)
{
	enum packet_event event;

	do {
		TRY(stub_next(s, 0, false, &event));
	} while (event != PACKET_NONE);
	return NULL;
}
