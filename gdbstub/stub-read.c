/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many reads of memory in flight.
 *
 * Replies carry no name: the n-th reply belongs to the n-th request.  A reply that arrives garbled
 * still keeps its place, so only that piece is asked for again.  When the count is in doubt (silence
 * while replies are due, a reply of a wrong length), nothing since the start of the batch can be
 * trusted: a lost reply shows only at the end, and until then each one was taken for the one before.
 * So everything is thrown away, the stub is brought back into step, and the whole batch goes again,
 * one by one.
 */
#include "config.h"

#include "gdbstub/stub-private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MAX_IN_FLIGHT = 256,
	/*
	 * Measured with QEMU 7.2 (2 KiB packets) on a Unix socket, MB/s by KiB in flight: 34 at 2, 130
	 * at 8, 148 at 16, 178 at 32, 186 to 201 at 64, 156 to 179 at 128, 110 to 137 at 256: QEMU
	 * sleeps when the socket is full of replies, which are twice as long as the memory in them.
	 * Stubs with larger packets get eight of them, whatever their size.
	 */
	DEFAULT_WINDOW = 64 << 10,
	MIN_PACKETS = 8,
	MAX_TROUBLE = 16, /* garbled replies in one batch */
	SLICE_MS = 20,	  /* how often check() is asked */
	STOPPED_MS = 500, /* once it has spoken: silence after which what is in flight is given up */
};

/* One packet's worth; may span several reads that continue each other. */
struct piece {
	uint64_t addr;
	uint8_t *buf;
	uint32_t len;
	bool again;	 /* has been asked for before */
	size_t first;	 /* index of the read in which it begins */
};

struct batch {
	struct stub *s;
	struct stub_read *reads;
	size_t nr;
	uint32_t max_len;
	size_t window; /* bytes */

	/* the next byte to be asked for */
	size_t at_read;
	uint32_t at_byte;
	VEC(struct piece) again; /* pieces to be asked for once more */

	struct piece flight[MAX_IN_FLIGHT]; /* a ring */
	size_t head, nr_flight, bytes_flight;
	uint64_t began_us; /* when the first request since nothing was in flight went out */
	unsigned int trouble;
	bool lockstep;
};

/* Largest length of m (hex) or x (binary) whose reply fits; whole pages where possible. */
static uint32_t max_read(const struct stub *s)
{
	/* QEMU takes exactly half of its packet size, although that leaves no room for the frame. */
	size_t n = s->packet_size / 2;

	if (n >= 4096)
		n &= ~(size_t)4095;
	else if (n > 16)
		n &= ~(size_t)15;
	return (uint32_t)MIN(n, (size_t)64 << 10);
}

static bool continues(const struct stub_read *a, const struct stub_read *b)
{
	return a->addr + a->len == b->addr && a->buf + a->len == b->buf;
}

static bool next_piece(struct batch *b, struct piece *ret)
{
	if (b->again.nr) {
		*ret = b->again.data[--b->again.nr];
		return true;
	}
	while (b->at_read < b->nr && b->at_byte == b->reads[b->at_read].len) {
		b->at_read++;
		b->at_byte = 0;
	}
	if (b->at_read == b->nr)
		return false;

	const struct stub_read *r = &b->reads[b->at_read];
	*ret = (struct piece){ .addr = r->addr + b->at_byte,
			       .buf = r->buf + b->at_byte,
			       .first = b->at_read };
	for (;;) {
		uint32_t n = MIN(r->len - b->at_byte, b->max_len - ret->len);

		ret->len += n;
		b->at_byte += n;
		if (ret->len == b->max_len || b->at_read + 1 == b->nr || !continues(r, r + 1))
			return true;
		r++;
		b->at_read++;
		b->at_byte = 0;
	}
}

static struct err *ask(struct batch *b, const struct piece *p)
{
	char packet[64];
	int n = snprintf(packet, sizeof(packet), "%c%" PRIx64 ",%" PRIx32,
			 b->s->binary_read ? 'x' : 'm', p->addr, p->len);

	TRY(stub_put(b->s, packet, (size_t)n));
	b->flight[(b->head + b->nr_flight++) % MAX_IN_FLIGHT] = *p;
	b->bytes_flight += p->len;
	return NULL;
}

static struct err *fill_window(struct batch *b)
{
	size_t window = b->lockstep ? 1 : b->window;
	bool idle = !b->nr_flight;

	while (b->nr_flight < MAX_IN_FLIGHT && b->bytes_flight < window) {
		struct piece p;

		if (!next_piece(b, &p))
			break;
		TRY(ask(b, &p));
	}
	if (idle && b->nr_flight) {
		b->s->stats.round_trips++;
		b->began_us = clock_us();
	}
	return NULL;
}

static struct piece take_first(struct batch *b)
{
	struct piece p = b->flight[b->head];

	b->head = (b->head + 1) % MAX_IN_FLIGHT;
	b->nr_flight--;
	b->bytes_flight -= p.len;
	return p;
}

static struct err *ask_again(struct batch *b, struct piece p)
{
	struct piece *again = vec_push(&b->again);

	if (!again)
		return &err_nomem;
	*again = p;
	again->again = true;
	return NULL;
}

/* Calls fn for the part of the piece in each read that it spans. */
static struct err *each_part(struct batch *b, const struct piece *p, uint32_t len,
			     struct err *(*fn)(struct batch *b, size_t i, struct piece part))
{
	uint32_t done = 0;

	for (size_t i = p->first; done < len && i < b->nr; i++) {
		const struct stub_read *r = &b->reads[i];
		uint32_t skip = i == p->first ? (uint32_t)(p->addr - r->addr) : 0;
		struct piece part = {
			.addr = p->addr + done,
			.buf = p->buf + done,
			.len = MIN(r->len - skip, len - done),
			.first = i,
		};

		if (part.len)
			TRY(fn(b, i, part));
		done += part.len;
	}
	return NULL;
}

static struct err *part_arrived(struct batch *b, size_t i, struct piece part)
{
	struct stub_read *r = &b->reads[i];

	r->left -= part.len;
	if (!r->left && r->status == STUB_READ_PENDING)
		r->status = STUB_READ_OK;
	b->s->stats.bytes += part.len;
	return NULL;
}

/* A page that is not there must not take its neighbours with it. */
static struct err *part_alone(struct batch *b, size_t i, struct piece part)
{
	(void)i;
	return ask_again(b, part);
}

static struct err *refused(struct batch *b, const struct piece *p)
{
	const struct stub_read *r = &b->reads[p->first];

	if (p->addr - r->addr + p->len > r->len)
		return each_part(b, p, p->len, part_alone);
	b->reads[p->first].status = STUB_READ_REFUSED;
	return NULL;
}

/* The bytes of a reply into the piece's buffer; *ret_len 0: refused.  False: no such reply. */
static bool take_bytes(struct batch *b, const struct piece *p, uint32_t *ret_len)
{
	const struct packet_decoder *in = &b->s->in;
	size_t n = in->len;

	*ret_len = 0;
	if (!n || (in->body[0] == 'E' && (n == 3 || (n > 1 && in->body[1] == '.'))))
		return true;
	if (b->s->binary_read) {
		if (in->body[0] != 'b' || --n > p->len)
			return false;
		memcpy(p->buf, in->body + 1, n);
	} else {
		n /= 2;
		if (in->len % 2 || n > p->len || !hex_decode(in->body, n, p->buf))
			return false;
	}
	*ret_len = (uint32_t)n;
	return true;
}

static void begin(struct batch *b)
{
	b->at_read = b->at_byte = 0;
	b->again.nr = 0;
	b->head = b->nr_flight = b->bytes_flight = 0;
	for (size_t i = 0; i < b->nr; i++) {
		struct stub_read *r = &b->reads[i];
		uint64_t end;

		/* One that wraps round is nowhere. */
		if (add_overflows(r->addr, r->len, &end)) {
			r->status = STUB_READ_REFUSED;
			r->left = r->len = 0;
		} else if (r->status != STUB_READ_REFUSED || r->len) {
			r->status = r->len ? STUB_READ_PENDING : STUB_READ_OK;
			r->left = r->len;
		}
	}
}

/* Starts over, slowly. */
static struct err *step_back(struct batch *b)
{
	b->s->out_of_step = true;
	if (b->lockstep)
		return err_new(ERR_PROTOCOL, "%s: the gdbstub's replies do not match our reads",
			       b->s->name);
	TRY(stub_resync(b->s));
	b->lockstep = true;
	begin(b);
	return NULL;
}

static struct err *garbled(struct batch *b)
{
	struct piece p = take_first(b);

	if (p.again || ++b->trouble > MAX_TROUBLE) {
		b->s->out_of_step = true;
		return err_new(ERR_PROTOCOL, "%s: garbled replies", b->s->name);
	}
	return ask_again(b, p);
}

static struct err *handle_body(struct batch *b)
{
	struct stub *s = b->s;
	uint32_t got;

	if (stub_is_stop_reply(s))
		return NULL;
	if (stub_is_exit(s))
		return stub_lost(s, "the guest has ended");
	if (!take_bytes(b, &b->flight[b->head], &got))
		return step_back(b);

	struct piece p = take_first(b);
	if (!got)
		return refused(b, &p);
	TRY(each_part(b, &p, got, part_arrived));
	if (got < p.len) {
		/* The stub has read as far as it could; what is behind is asked for by itself. */
		struct piece rest = p;

		rest.addr += got;
		rest.buf += got;
		rest.len -= got;
		while (rest.addr - b->reads[rest.first].addr >= b->reads[rest.first].len)
			rest.first++;
		TRY(ask_again(b, rest));
	}
	return NULL;
}

static struct err *handle_event(struct batch *b, enum packet_event event)
{
	switch (event) {
	case PACKET_BODY:
		return handle_body(b);
	case PACKET_BAD_SUM:
	case PACKET_TOO_LONG:
		return garbled(b);
	case PACKET_CUT: /* of the two only one is whole, or neither */
	case PACKET_NAK: /* of which of our packets? */
		return step_back(b);
	case PACKET_NONE:
		if (b->lockstep) {
			b->s->out_of_step = true;
			return err_new(ERR_TIMEOUT, "%s: no answer from the gdbstub within %u ms",
				       b->s->name, b->s->opts.reply_ms);
		}
		return step_back(b);
	case PACKET_ACK:
		break;
	}
	return NULL;
}

/*
 * Waits for the next event, for a while only: *ret is PACKET_ACK, which means nothing, if there was none but it is
 * too early to call that silence.
 */
static struct err *wait_a_while(struct batch *b, unsigned int silence_ms, enum packet_event *ret)
{
	struct stub *s = b->s;

	TRY(stub_next(s, MIN(silence_ms, (unsigned int)SLICE_MS), false, ret));
	if (*ret == PACKET_NONE && clock_us() - MAX(s->heard_us, b->began_us) < silence_ms * (uint64_t)1000)
		*ret = PACKET_ACK;
	return NULL;
}

static struct err *run(struct batch *b)
{
	struct err *stop = NULL;

	for (;;) {
		enum packet_event event;
		struct err *e = NULL;

		/* What is in flight is let in, so that the stub is in step for whatever comes next. */
		if (!stop && b->s->opts.check)
			stop = b->s->opts.check(b->s->opts.ctx);
		if (!stop)
			e = fill_window(b);
		if (!e && !b->nr_flight)
			return stop;
		if (!e)
			e = wait_a_while(b, stop ? MIN(b->s->opts.reply_ms, (unsigned int)STOPPED_MS) :
						   b->s->opts.reply_ms, &event);
		if (!e && stop && event == PACKET_NONE) {
			b->s->out_of_step = true;
			return stop;
		}
		if (!e)
			e = handle_event(b, event);
		if (e) {
			if (b->nr_flight)
				b->s->out_of_step = true;
			err_free(stop);
			return e;
		}
	}
}

struct err *stub_read(struct stub *s, struct stub_read *reads, size_t nr)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return &err_nomem;
	b->s = s;
	b->reads = reads;
	b->nr = nr;
	b->max_len = max_read(s);
	b->window = s->opts.window;
	if (!b->window)
		b->window = MAX((size_t)DEFAULT_WINDOW, (size_t)MIN_PACKETS * b->max_len);
	for (size_t i = 0; i < nr; i++)
		reads[i].status = STUB_READ_PENDING;
	begin(b);

	struct err *e = s->out_of_step ? stub_resync(s) : NULL;
	if (!e)
		e = run(b);
	free(b->again.data);
	free(b);
	return e;
}
