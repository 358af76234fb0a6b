/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stub sends, decoded in one piece and byte by byte, must be the same packets. */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gdbstub/allow.h"
#include "gdbstub/packet.h"

enum { MAX_BODY = 300 };

static const char *const seeds[] = {
	"+$PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+#92",
	"$T02thread:01;#04+$OK#9a",
	"$mp01.01#cd+$l#6c",
	"$0* 1*!#00$0*\"#7c$E14#aa",
	"$}\x03}\x04}]#00-%Stop:T05#9d$#00",
	"$O564d207374617475733a207061757365640d0a#c5",
};

/* A digest of all events. */
static uint64_t digest(const uint8_t *data, size_t size, size_t step)
{
	struct packet_decoder d;
	uint64_t h = 1469598103934665603u;

	packet_decoder_init(&d, MAX_BODY);
	for (size_t at = 0; at < size;) {
		size_t n = size - at < step ? size - at : step, used;
		enum packet_event event;

		if (packet_decode(&d, data + at, n, &used, &event))
			abort();
		at += used;
		if (event == PACKET_NONE) {
			if (used != n)
				abort();
			continue;
		}
		h = (h ^ (uint64_t)event) * 1099511628211u;
		if (event != PACKET_BODY)
			continue;
		if (d.len > MAX_BODY || d.body[d.len])
			abort();
		for (size_t i = 0; i < d.len; i++)
			h = (h ^ d.body[i]) * 1099511628211u;
		packet_allowed((const char *)d.body, d.len);
	}
	h ^= d.nr_noise;
	packet_decoder_deinit(&d);
	return h;
}

/* What we encode comes back. */
static void round_trip(const uint8_t *data, size_t size)
{
	char out[2 * MAX_BODY + PACKET_OVERHEAD];
	size_t len = size < MAX_BODY ? size : MAX_BODY, used;
	size_t n = packet_encode(data, len, out);
	struct packet_decoder d;
	enum packet_event event;

	if (n > packet_encoded_max(len))
		abort();
	packet_decoder_init(&d, MAX_BODY);
	if (packet_decode(&d, out, n, &used, &event) || event != PACKET_BODY || used != n ||
	    d.len != len || (len && memcmp(d.body, data, len)))
		abort();
	packet_decoder_deinit(&d);
}

bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	if (i >= ARRAY_SIZE(seeds))
		return false;
	*len = strlen(seeds[i]);
	*data = (uint8_t *)strdup(seeds[i]);
	return *data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole = digest(data, size, size ? size : 1);

	if (whole != digest(data, size, 1) || whole != digest(data, size, 7))
		abort();
	round_trip(data, size);
	return 0;
}
