/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/packet.h"

#include <stdio.h>
#include <stdlib.h>

#include "gdbstub/allow.h"
#include "gdbstub/conn.h"
#include "unit.h"

static struct packet_decoder d;

/* The next event of text from *at, which moves. */
static enum packet_event next(const char **at, const char *end)
{
	enum packet_event event;
	size_t used;

	ASSERT_OK(packet_decode(&d, *at, (size_t)(end - *at), &used, &event));
	*at += used;
	return event;
}

/* Expects a single body from text, whole and byte by byte. */
static void expect_body(const char *text, const void *body, size_t len)
{
	const char *at = text, *end = text + strlen(text);

	packet_decoder_init(&d, 1000);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BODY);
	CU_ASSERT_PTR_EQUAL(at, end);
	CU_ASSERT_EQUAL(d.len, len);
	CU_ASSERT(d.len == len && !memcmp(d.body, body, len));

	enum packet_event event = PACKET_NONE;
	for (at = text; at < end;) {
		CU_ASSERT_EQUAL(event, PACKET_NONE);
		event = next(&at, at + 1);
	}
	CU_ASSERT_EQUAL(event, PACKET_BODY);
	CU_ASSERT(d.len == len && !memcmp(d.body, body, len));
	packet_decoder_deinit(&d);
}

static void expect_event(const char *text, enum packet_event event)
{
	const char *at = text, *end = text + strlen(text);

	packet_decoder_init(&d, 16);
	CU_ASSERT_EQUAL(next(&at, end), event);
	packet_decoder_deinit(&d);
}

static void test_encode(void)
{
	char out[64];
	size_t n = packet_encode("OK", 2, out);

	CU_ASSERT(n == 6 && !memcmp(out, "$OK#9a", 6));
	n = packet_encode("", 0, out);
	CU_ASSERT(n == 4 && !memcmp(out, "$#00", 4));
	n = packet_encode("a#}*$", 5, out);
	out[n] = 0;
	CU_ASSERT_EQUAL(n, packet_encoded_max(5) - 1);
	expect_body(out, "a#}*$", 5);
}

static void test_all_bytes(void)
{
	uint8_t body[256];
	char out[2 * 256 + 4];
	enum packet_event event;
	size_t used;

	for (unsigned int i = 0; i < 256; i++)
		body[i] = (uint8_t)i;
	size_t n = packet_encode(body, 256, out);
	packet_decoder_init(&d, 256);
	ASSERT_OK(packet_decode(&d, out, n, &used, &event));
	CU_ASSERT_EQUAL(event, PACKET_BODY);
	CU_ASSERT_EQUAL(used, n);
	CU_ASSERT(d.len == 256 && !memcmp(d.body, body, 256));
	packet_decoder_deinit(&d);
}

static void test_decode(void)
{
	expect_body("$#00", "", 0);
	expect_body("$OK#9a", "OK", 2);
	expect_body("$OK#9A", "OK", 2);
	/* 0* then space: 32 - 29 = 3 more. */
	expect_body("$0* #7a", "0000", 4);
	expect_body("$ab0*\"1#70", "ab0000001", 9);
	/* An escaped star is a star. */
	expect_body("$}\x0a#87", "*", 1);
}

static void test_between(void)
{
	static const char text[] = "+-$OK#9a++$#00%Stop:T05#9d$E14#aa";
	const char *at = text, *end = text + sizeof(text) - 1;

	packet_decoder_init(&d, 100);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_ACK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_NAK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BODY);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_ACK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_ACK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BODY);
	CU_ASSERT_EQUAL(d.len, 0);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BODY);
	CU_ASSERT_STRING_EQUAL((char *)d.body, "E14");
	CU_ASSERT_EQUAL(next(&at, end), PACKET_NONE);
	CU_ASSERT_EQUAL(d.nr_noise, 0);
	packet_decoder_deinit(&d);
}

static void test_bad(void)
{
	expect_event("$OK#9b", PACKET_BAD_SUM);
	expect_event("$OK#zz", PACKET_BAD_SUM);
	expect_event("$*!#4b", PACKET_BAD_SUM); /* nothing to repeat */
	expect_event("$a}#de", PACKET_BAD_SUM); /* ends in an escape */
	expect_event("$0*\x7f#d9", PACKET_BAD_SUM);
	expect_event("$m0$OK#9a", PACKET_CUT);
	expect_event("$0123456789abcdef0#00", PACKET_TOO_LONG);
	expect_event("$0*~0*~#00", PACKET_TOO_LONG);
	expect_event("$half", PACKET_NONE);
}

static void test_after_bad(void)
{
	static const char text[] = "$0123456789abcdef0#00$m$OK#9b$OK#9a";
	const char *at = text, *end = text + sizeof(text) - 1;

	packet_decoder_init(&d, 16);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_TOO_LONG);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_CUT);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BAD_SUM);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_BODY);
	CU_ASSERT_STRING_EQUAL((char *)d.body, "OK");
	packet_decoder_deinit(&d);
}

static void test_noise(void)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n";
	const char *at = text, *end = text + sizeof(text) - 1;

	packet_decoder_init(&d, 16);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_NONE);
	CU_ASSERT_EQUAL(d.nr_noise, sizeof(text) - 1);
	CU_ASSERT(!memcmp(d.noise, text, sizeof(text) - 1));
	packet_decoder_deinit(&d);

	static const char ssh[] = "+SSH-2.0";
	at = ssh;
	end = ssh + sizeof(ssh) - 1;
	packet_decoder_init(&d, 16);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_ACK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_NAK);
	CU_ASSERT_EQUAL(next(&at, end), PACKET_NONE);
	CU_ASSERT_EQUAL(d.nr_noise, 7);
	CU_ASSERT(!memcmp(d.noise, "SSH-2.0", 7));
	packet_decoder_deinit(&d);
}

static void test_hex(void)
{
	char out[8];
	uint8_t bytes[4];
	const char *p = "1f,", *end = p + 3;
	uint64_t v;

	hex_encode("\x00\x7f\xff\x10", 4, out);
	CU_ASSERT(!memcmp(out, "007fff10", 8));
	CU_ASSERT(hex_decode("007FfF10", 4, bytes));
	CU_ASSERT(!memcmp(bytes, "\x00\x7f\xff\x10", 4));
	CU_ASSERT(!hex_decode("00xx", 2, bytes));
	CU_ASSERT(!hex_decode("0g", 1, bytes));
	CU_ASSERT(hex_decode("", 0, bytes));
	CU_ASSERT(hex_number(&p, end, &v));
	CU_ASSERT_EQUAL(v, 0x1f);
	CU_ASSERT_EQUAL(*p, ',');
	CU_ASSERT(!hex_number(&p, end, &v));
	p = "10000000000000000";
	CU_ASSERT(!hex_number(&p, p + 17, &v));
	p = "ffffffffffffffff";
	CU_ASSERT(hex_number(&p, p + 16, &v) && v == UINT64_MAX);
}

static bool allowed(const char *body)
{
	return packet_allowed(body, strlen(body));
}

static void test_allow(void)
{
	static const char *const yes[] = {
		"qSupported:multiprocess+;xmlRegisters=i386",
		"QStartNoAckMode",
		"qfThreadInfo",
		"qsThreadInfo",
		"qXfer:features:read:target.xml:0,7fb",
		"qqemu.PhyMemMode",
		"Qqemu.PhyMemMode:0",
		"Qqemu.PhyMemMode:1",
		"Hgp01.02",
		"Hg1",
		"g",
		"m1000,800",
		"x1000,800",
		"D",
		"D;01",
		"qRcmd,696e666f206d74726565202d66", /* info mtree -f */
		"qRcmd,696e666f20737461747573",	    /* info status */
	};
	static const char *const no[] = {
		"", "?", "!", "c", "s", "k", "R00", "vKill;1", "vCont;c", "vRun;x", "vAttach;1",
		"M1000,1:00", "X1000,1:a", "G00", "P0=00", "Z0,1000,1", "z0,1000,1", "C05", "S05",
		"bc", "i1", "Hc1", "Hg", "Hg-", "Hgp1", "Hg1;k", "g0", "m1000", "m1000,", "m,1",
		"m1000,1;k", "m10000000000000000,1", "D;", "D;1;2", "D;-1", "DD", "qSupported",
		"qSupported:a#00$k", "Qqemu.PhyMemMode:2", "Qqemu.PhyMemMode:", "QPassSignals:",
		"qXfer:features:read:../x:0,1", "qXfer:features:read:a#b:0,1",
		"qXfer:features:read::0,1", "qXfer:features:read:target.xml", "qXfer:auxv:read::0,1",
		"qXfer:features:write:target.xml:0:00", "vFile:open:00",
		"qRcmd,", "qRcmd,71756974",		  /* quit */
		"qRcmd,73746f70",			  /* stop */
		"qRcmd,696e666f206d74726565202d6600",	  /* a NUL behind */
		"qRcmd,696e666f206d74726565202d660a71",	  /* a second line */
		"qRcmd,696e666f206d747265652066",	  /* info mtree f */
	};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!allowed(yes[i]))
			printf("# refused: %s\n", yes[i]);
		CU_ASSERT(allowed(yes[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (allowed(no[i]))
			printf("# let through: %s\n", no[i]);
		CU_ASSERT(!allowed(no[i]));
	}
	CU_ASSERT(!packet_allowed("g\0", 2));
}

static void test_endpoint(void)
{
	struct endpoint ep;
	char text[200];

	ASSERT_OK(endpoint_parse(":1234", &ep));
	CU_ASSERT(!ep.is_unix && !*ep.host && !strcmp(ep.port, "1234"));
	ASSERT_OK(endpoint_parse("host.example:65535", &ep));
	CU_ASSERT(!strcmp(ep.host, "host.example") && !strcmp(ep.port, "65535"));
	ASSERT_OK(endpoint_parse("[::1]:12", &ep));
	CU_ASSERT(!strcmp(ep.host, "::1") && !strcmp(ep.port, "12"));
	ASSERT_OK(endpoint_parse("tcp:127.0.0.1:7", &ep));
	CU_ASSERT(!strcmp(ep.host, "127.0.0.1") && !strcmp(ep.port, "7"));
	ASSERT_OK(endpoint_parse("unix:s.sock", &ep));
	CU_ASSERT(ep.is_unix && !strcmp(ep.path, "s.sock"));
	ASSERT_OK(endpoint_parse("/tmp/s.sock", &ep));
	CU_ASSERT(ep.is_unix && !strcmp(ep.path, "/tmp/s.sock"));
	CU_ASSERT_STRING_EQUAL(ep.name, "/tmp/s.sock");

	ASSERT_ERR(endpoint_parse("", &ep), ERR_USAGE, "HOST:PORT");
	ASSERT_ERR(endpoint_parse("1234", &ep), ERR_USAGE, "HOST:PORT");
	ASSERT_ERR(endpoint_parse(":", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse(":0", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse(":65536", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse(":99999999999999999999999", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse(":12x", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse(":-1", &ep), ERR_USAGE, "no port number");
	ASSERT_ERR(endpoint_parse("::1:12", &ep), ERR_USAGE, "brackets");
	ASSERT_ERR(endpoint_parse("[]:12", &ep), ERR_USAGE, "[V6ADDR]");
	ASSERT_ERR(endpoint_parse("[::1:12", &ep), ERR_USAGE, "[V6ADDR]");
	ASSERT_ERR(endpoint_parse("unix:", &ep), ERR_USAGE, "path");
	memset(text, 'a', sizeof(text));
	memcpy(text, "unix:", 5);
	text[199] = 0;
	ASSERT_ERR(endpoint_parse(text, &ep), ERR_USAGE, "107 characters");
}

UNIT_MAIN("packet", { "encoding", test_encode }, { "all byte values", test_all_bytes },
	  { "decoding whole and in pieces", test_decode }, { "between the packets", test_between },
	  { "broken frames", test_bad }, { "goes on after broken frames", test_after_bad },
	  { "what is no packet is kept for the message", test_noise }, { "hex", test_hex },
	  { "only listed packets are allowed", test_allow },
	  { "targets", test_endpoint })
