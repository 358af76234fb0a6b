/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/packet.h"

#include <stdlib.h>

static const char digits[] = "0123456789abcdef";

int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void hex_encode(const void *data, size_t len, char *out)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
}

/* Every byte of memory we read goes through here: digit + 1 by character, 0 for none. */
static const uint8_t nibble[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool hex_decode(const void *hex, size_t len, void *out)
{
	const uint8_t *h = hex;
	uint8_t *o = out;
	bool bad = false;

	for (size_t i = 0; i < len; i++) {
		unsigned int high = nibble[h[2 * i]], low = nibble[h[2 * i + 1]];

		bad |= !high | !low;
		o[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return !bad;
}

bool hex_number(const char **p, const char *end, uint64_t *ret)
{
	const char *at = *p;
	uint64_t v = 0;
	int digit;

	while (at < end && (digit = hex_digit((uint8_t)*at)) >= 0) {
		if (v >> 60)
			return false;
		v = v << 4 | (unsigned int)digit;
		at++;
	}
	if (at == *p)
		return false;
	*p = at;
	*ret = v;
	return true;
}

size_t packet_encode(const void *body, size_t len, char *out)
{
	const uint8_t *b = body;
	uint8_t sum = 0;
	char *o = out;

	*o++ = '$';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = b[i];

		if (c == '$' || c == '#' || c == '}' || c == '*') {
			*o++ = '}';
			sum += '}';
			c ^= 0x20;
		}
		*o++ = (char)c;
		sum += c;
	}
	*o++ = '#';
	*o++ = digits[sum >> 4];
	*o++ = digits[sum & 15];
	return (size_t)(o - out);
}

void packet_decoder_init(struct packet_decoder *d, size_t max)
{
	*d = (struct packet_decoder){ .max = max };
}

void packet_decoder_deinit(struct packet_decoder *d)
{
	free(d->body);
	d->body = NULL;
	d->room = 0;
}

void packet_decoder_reset(struct packet_decoder *d)
{
	d->state = PACKET_IDLE;
}

static void frame_begin(struct packet_decoder *d, bool notification)
{
	d->state = PACKET_IN_BODY;
	d->notification = notification;
	d->escaped = d->broken = d->too_long = d->has_last = false;
	d->len = 0;
	d->sum = 0;
}

/* Room for n more bytes and a NUL, as long as the body stays within bounds. */
static struct err *reserve(struct packet_decoder *d, size_t n)
{
	if (d->len + n > d->max) {
		d->too_long = true;
		return NULL;
	}
	if (d->len + n < d->room)
		return NULL;

	size_t room = MAX(2 * d->room, d->len + n + 1);
	room = MAX(room, (size_t)4096);
	room = MIN(room, d->max + 1);
	uint8_t *body = realloc(d->body, room);
	if (!body)
		return &err_nomem;
	d->body = body;
	d->room = room;
	return NULL;
}

/* n times the wire character c. */
static struct err *emit(struct packet_decoder *d, uint8_t c, size_t n)
{
	if (c == '}' && !d->escaped) {
		/* A run of escapes has no meaning. */
		d->broken |= n != 1;
		d->escaped = true;
		return NULL;
	}
	if (!d->too_long)
		TRY(reserve(d, n));
	if (d->too_long)
		return NULL;
	if (d->escaped && n) {
		d->body[d->len++] = c ^ 0x20;
		d->escaped = false;
		n--;
	}
	memset(d->body + d->len, c, n);
	d->len += n;
	return NULL;
}

/* The long middle of a memory reply: characters that mean only themselves. */
static struct err *plain_run(struct packet_decoder *d, const uint8_t *b, size_t len, size_t *ret)
{
	static const bool special[256] = { ['$'] = true, ['#'] = true, ['}'] = true, ['*'] = true };
	uint8_t sum = d->sum;
	size_t n = 0;

	*ret = 0;
	if (d->escaped)
		return NULL;
	while (n < len && !special[b[n]])
		sum += b[n++];
	if (!n)
		return NULL;
	if (!d->too_long)
		TRY(reserve(d, n));
	if (!d->too_long) {
		memcpy(d->body + d->len, b, n);
		d->len += n;
	}
	d->sum = sum;
	d->last = b[n - 1];
	d->has_last = true;
	*ret = n;
	return NULL;
}

static enum packet_event frame_end(struct packet_decoder *d)
{
	d->state = PACKET_IDLE;
	if (d->notification)
		return PACKET_NONE;
	if (d->too_long)
		return PACKET_TOO_LONG;
	if (d->broken || d->escaped || d->sum != d->sum_seen)
		return PACKET_BAD_SUM;
	d->body[d->len] = 0;
	return PACKET_BODY;
}

static struct err *decode_byte(struct packet_decoder *d, uint8_t c, enum packet_event *ret)
{
	int digit;

	switch (d->state) {
	case PACKET_IDLE:
		if (c == '$' || c == '%') {
			frame_begin(d, c == '%');
			return reserve(d, 0);
		}
		if (c == '+' || c == '-')
			*ret = c == '+' ? PACKET_ACK : PACKET_NAK;
		/* Within other text (SSH-2.0) they belong to it. */
		if (*ret == PACKET_NONE || d->nr_noise) {
			if (d->nr_noise < PACKET_NOISE_KEPT)
				d->noise[d->nr_noise] = (char)c;
			d->nr_noise++;
		}
		return NULL;

	case PACKET_IN_BODY:
		if (c == '$') {
			*ret = PACKET_CUT;
			frame_begin(d, false);
			return NULL;
		}
		if (c == '#') {
			d->state = PACKET_SUM_1;
			return NULL;
		}
		d->sum += c;
		if (c == '*' && !d->escaped) {
			d->state = PACKET_REPEAT;
			return NULL;
		}
		d->last = c;
		d->has_last = true;
		return emit(d, c, 1);

	case PACKET_REPEAT:
		/* The count is sent as a printable character, 29 above; at least three more. */
		d->state = PACKET_IN_BODY;
		d->sum += c;
		if (!d->has_last || c < 32 || c > 126 || c == '#' || c == '$') {
			d->broken = true;
			return NULL;
		}
		return emit(d, d->last, c - 29u);

	case PACKET_SUM_1:
		digit = hex_digit(c);
		d->broken |= digit < 0;
		d->sum_seen = (uint8_t)((unsigned int)digit << 4);
		d->state = PACKET_SUM_2;
		return NULL;

	case PACKET_SUM_2:
		digit = hex_digit(c);
		d->broken |= digit < 0;
		d->sum_seen |= (uint8_t)(digit & 15);
		*ret = frame_end(d);
		return NULL;
	}
	return NULL;
}

struct err *packet_decode(struct packet_decoder *d, const void *data, size_t len, size_t *ret_used,
			  enum packet_event *ret)
{
	const uint8_t *b = data;
	enum packet_event event = PACKET_NONE;
	size_t i = 0;

	while (i < len && event == PACKET_NONE) {
		if (d->state == PACKET_IN_BODY) {
			size_t n;

			TRY(plain_run(d, b + i, len - i, &n));
			i += n;
			if (i == len)
				break;
		}
		TRY(decode_byte(d, b[i++], &event));
	}
	*ret_used = i;
	*ret = event;
	return NULL;
}
