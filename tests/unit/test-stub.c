/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/stub.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-stub.h"
#include "unit.h"

enum { IMAGE = 1 << 20, BASE = 0x100000 };
static uint8_t image[IMAGE];
static const struct fake_segment segments[] = { { BASE, image, IMAGE } };

static void fill_image(void)
{
	for (size_t i = 0; i < IMAGE; i++)
		image[i] = (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16);
}

static struct fake *start(struct fake_opts o)
{
	fill_image();
	o.segments = segments;
	o.nr_segments = 1;
	return fake_start(&o);
}

static struct err *resolved(const char *target, struct endpoint *ep)
{
	TRY(endpoint_parse(target, ep));
	return endpoint_resolve(ep);
}

static struct err *open_fake(struct fake *f, unsigned int window, struct stub **ret)
{
	struct endpoint ep;
	struct stub_opts opts;

	TRY(resolved(fake_target(f), &ep));
	stub_opts_init(&opts);
	opts.handshake_ms = opts.reply_ms = 700;
	opts.window = window;
	return stub_open(&ep, &opts, ret);
}

/* A whole session: registers, description, monitor, a batch of reads, all compared. */
static void session(struct fake_opts o, bool expect_resync)
{
	struct fake *f = start(o);
	struct stub *s = NULL;
	enum { NR = 300 };
	struct stub_read reads[NR];
	struct stub_stats stats;
	uint8_t *buf = calloc(NR, 4096), *regs = NULL;
	char *text = NULL;
	size_t len;

	ASSERT_OK(open_fake(f, 0, &s));
	CU_ASSERT_EQUAL(stub_nr_threads(s), 2);
	CU_ASSERT_STRING_EQUAL(stub_status(s), "paused");
	CU_ASSERT(!fake_is_running(f));
	for (size_t i = 0; i < 2; i++) {
		ASSERT_OK(stub_regs(s, i, &regs, &len));
		CU_ASSERT_EQUAL(len, FAKE_REGS);
		CU_ASSERT(len == FAKE_REGS && get_le64(regs + 128) == 0xffffffff81000000 + i);
		free(regs);
		regs = NULL;
	}
	ASSERT_OK(stub_features(s, "i386-64bit.xml", &text, &len));
	CU_ASSERT_STRING_EQUAL(text, fake_xml("i386-64bit.xml"));
	free(text);
	ASSERT_OK(stub_monitor(s, "info mtree -f", &text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "cpu-memory-0"));
	free(text);
	ASSERT_OK(stub_physical(s, true));

	for (size_t i = 0; i < NR; i++) {
		/* In order, backwards, unaligned, tiny. */
		size_t at = i < 100 ? i * 4096 : i < 200 ? (300 - i) * 2048 : i * 1000 + 13;
		uint32_t n = i < 200 ? 4096 : (uint32_t)(i % 77);

		reads[i] = (struct stub_read){ .addr = BASE + at, .len = n, .buf = buf + i * 4096 };
	}
	ASSERT_OK(stub_read(s, reads, NR));
	for (size_t i = 0; i < NR; i++) {
		CU_ASSERT_EQUAL(reads[i].status, STUB_READ_OK);
		CU_ASSERT(!memcmp(reads[i].buf, image + (reads[i].addr - BASE), reads[i].len));
	}
	stub_get_stats(s, &stats);
	CU_ASSERT_EQUAL(stats.resyncs > 0, expect_resync);
	ASSERT_OK(stub_close(s, true));
	CU_ASSERT(fake_restored(f));
	CU_ASSERT(fake_ended_well(f));
	CU_ASSERT_EQUAL(fake_forbidden(f), 0);
	free(buf);
	fake_stop(f);
}

static void test_dialects(void)
{
	session((struct fake_opts){ .dialect = FAKE_QEMU_7_2 }, false);
	session((struct fake_opts){ .dialect = FAKE_QEMU_7_2, .tcp = true }, false);
	session((struct fake_opts){ .dialect = FAKE_QEMU_10 }, false);
	session((struct fake_opts){ .dialect = FAKE_QEMU_11 }, false);
}

static void test_left_on(void)
{
	session((struct fake_opts){ .dialect = FAKE_QEMU_7_2, .physical = true }, false);
	session((struct fake_opts){ .dialect = FAKE_QEMU_11, .multiprocess = true }, false);
}

static void test_faults(void)
{
	session((struct fake_opts){ .fault = FAKE_LATE_STOP, .at = 1 }, false);
	session((struct fake_opts){ .fault = FAKE_LATE_STOP, .at = 5 }, false);
	session((struct fake_opts){ .fault = FAKE_LATE_STOP, .at = 200 }, false);
	session((struct fake_opts){ .fault = FAKE_SHORT }, false);
	session((struct fake_opts){ .dialect = FAKE_QEMU_11, .fault = FAKE_SHORT }, false);
	session((struct fake_opts){ .fault = FAKE_EATEN, .at = 250 }, true);
}

/* A garbled reply keeps its place: the piece is asked for again, nothing else. */
static void test_bad_sum(void)
{
	session((struct fake_opts){ .fault = FAKE_BAD_SUM, .at = 97 }, false);
	session((struct fake_opts){ .fault = FAKE_BAD_SUM, .at = 41, .dialect = FAKE_QEMU_11 }, false);

	struct fake *f = start((struct fake_opts){ .fault = FAKE_ALWAYS_BAD });
	struct stub *s;

	ASSERT_ERR(open_fake(f, 0, &s), ERR_UNREACHABLE, "no gdbstub");
	fake_stop(f);
}

static void refused_in(enum fake_dialect dialect)
{
	struct fake *f = start((struct fake_opts){ .dialect = dialect });
	bool zeros = dialect != FAKE_QEMU_11;
	static uint8_t buf[5][4096];
	struct stub_read r[5];
	struct stub *s;

	memset(buf, 0xcc, sizeof(buf));
	ASSERT_OK(open_fake(f, 0, &s));
	ASSERT_OK(stub_physical(s, true));
	/* Three that share a packet, of which the last is beyond the end; far away; round the top. */
	for (size_t i = 0; i < 3; i++)
		r[i] = (struct stub_read){ BASE + IMAGE - 8192 + i * 4096, 4096, buf[i], 0, 0 };
	r[3] = (struct stub_read){ 0xdead000, 4096, buf[3], 0, 0 };
	r[4] = (struct stub_read){ UINT64_MAX - 10, 4096, buf[4], 0, 0 };
	ASSERT_OK(stub_read(s, r, 5));
	CU_ASSERT_EQUAL(r[0].status, STUB_READ_OK);
	CU_ASSERT_EQUAL(r[1].status, STUB_READ_OK);
	CU_ASSERT_EQUAL(r[2].status, zeros ? STUB_READ_OK : STUB_READ_REFUSED);
	CU_ASSERT_EQUAL(r[3].status, zeros ? STUB_READ_OK : STUB_READ_REFUSED);
	CU_ASSERT_EQUAL(r[4].status, STUB_READ_REFUSED);
	CU_ASSERT(!memcmp(buf[0], image + IMAGE - 8192, 8192));

	/* And the stub is in step afterwards. */
	ASSERT_OK(stub_read(s, r, 1));
	ASSERT_OK(stub_close(s, true));
	CU_ASSERT(fake_restored(f));
	fake_stop(f);
}

static void test_refused(void)
{
	refused_in(FAKE_QEMU_7_2);
	refused_in(FAKE_QEMU_11);
}

static void unreachable(struct fake_opts o, const char *part)
{
	struct fake *f = start(o);
	struct stub *s;

	ASSERT_ERR(open_fake(f, 0, &s), ERR_UNREACHABLE, part);
	fake_stop(f);
}

static void test_no_stub(void)
{
	struct endpoint ep;
	struct stub_opts opts;
	struct stub *s;

	unreachable((struct fake_opts){ .fault = FAKE_BANNER }, "\"SSH-2.0-fake\"");
	unreachable((struct fake_opts){ .fault = FAKE_HTTP }, "\"HTTP/1.1 400 Bad Request\"");
	unreachable((struct fake_opts){ .fault = FAKE_SILENT }, "does not answer within 700 ms");
	unreachable((struct fake_opts){ .fault = FAKE_CLOSE_AT_ONCE }, "closed the connection");
	stub_opts_init(&opts);
	ASSERT_OK(resolved("/nonexistent/socket", &ep));
	ASSERT_ERR(stub_open(&ep, &opts, &s), ERR_UNREACHABLE, "No such file");
	ASSERT_OK(resolved(":1", &ep));
	ASSERT_ERR(stub_open(&ep, &opts, &s), ERR_UNREACHABLE, "refused");
}

static void test_no_physical(void)
{
	struct fake *f = start((struct fake_opts){ .dialect = FAKE_RUST });
	struct stub *s;

	ASSERT_ERR(open_fake(f, 0, &s), ERR_UNSUPPORTED, "physical memory");
	CU_ASSERT(fake_restored(f));
	CU_ASSERT_STRING_EQUAL(fake_packet(f, fake_nr_packets(f) - 1), "D;1");
	fake_stop(f);
}

static void test_stuck(void)
{
	struct fake *f = start((struct fake_opts){ .fault = FAKE_STUCK });
	struct stub *s;

	ASSERT_OK(open_fake(f, 0, &s));
	ASSERT_OK(stub_physical(s, true));
	ASSERT_ERR(stub_close(s, true), ERR_NOT_RESTORED, "stuck on");
	fake_stop(f);

	f = start((struct fake_opts){ .fault = FAKE_NO_DETACH });
	ASSERT_OK(open_fake(f, 0, &s));
	ASSERT_ERR(stub_close(s, true), ERR_NOT_RESTORED, "does not let go");
	fake_stop(f);
}

static void test_hang(void)
{
	struct fake *f = start((struct fake_opts){ .fault = FAKE_HANG_AT, .at = 40 });
	static uint8_t buf[IMAGE];
	struct stub_read r = { BASE, IMAGE, buf, 0, 0 };
	struct stub *s;

	ASSERT_OK(open_fake(f, 0, &s));
	ASSERT_OK(stub_physical(s, true));
	ASSERT_ERR(stub_read(s, &r, 1), ERR_TIMEOUT, "no answer");
	CU_ASSERT_NOT_EQUAL(r.status, STUB_READ_OK);
	ASSERT_ERR(stub_close(s, true), ERR_NOT_RESTORED, "may be left stopped");
	/* What it was told last is what would set the guest going, should it ever read it. */
	CU_ASSERT_EQUAL(*fake_packet(f, fake_nr_packets(f) - 1), 'D');
	fake_stop(f);
}

static void test_closed_at(void)
{
	/* Wherever the connection breaks there is an error, and neither crash nor wait. */
	for (unsigned int at = 0; at < 24000; at += at < 400 ? 7 : 1999) {
		struct fake *f = start((struct fake_opts){ .fault = FAKE_CLOSE_AT, .at = at });
		static uint8_t buf[IMAGE];
		struct stub_read r = { BASE, 16384, buf, 0, 0 };
		struct stub *s = NULL;
		struct err *e = open_fake(f, 0, &s);

		if (!e)
			e = stub_physical(s, true);
		if (!e)
			e = stub_read(s, &r, 1);
		CU_ASSERT(!e || e->code == ERR_LOST || e->code == ERR_UNREACHABLE);
		err_free(e);
		err_ignore(stub_close(s, true));
		fake_stop(f);
	}
}

/* The unread rest of a queue must undo the stop that accepting us will cause. */
static void test_busy(void)
{
	struct fake *f = start((struct fake_opts){ .dialect = FAKE_QEMU_7_2, .tcp = true });
	struct stub *first, *s;
	struct endpoint ep;
	struct stub_opts opts;

	ASSERT_OK(open_fake(f, 0, &first));
	ASSERT_ERR(open_fake(f, 0, &s), ERR_UNREACHABLE, "another client");

	/* By a name for this machine that the list of connections does not show as such. */
	char name[64];
	snprintf(name, sizeof(name), "0.0.0.0%s", fake_target(f));
	ASSERT_OK(resolved(name, &ep));
	stub_opts_init(&opts);
	opts.handshake_ms = 300;
	ASSERT_ERR(stub_open(&ep, &opts, &s), ERR_UNREACHABLE, "does not answer within 300 ms");
	ASSERT_OK(stub_close(first, true));
	CU_ASSERT(fake_restored(f));
	CU_ASSERT_EQUAL(fake_connections(f), 2);
	fake_stop(f);
}

/* How often it may still be called before it has enough. */
static struct err *after_some(void *ctx)
{
	unsigned int *left = ctx;

	return !*left || !--*left ? err_new(ERR_DEADLINE, "enough") : NULL;
}

static void test_check(void)
{
	struct fake *f = start((struct fake_opts){ .delay_us = 100 });
	static uint8_t buf[IMAGE];
	struct stub_read r[2] = { { BASE, 2048, buf, 0, 0 }, { BASE, IMAGE, buf, 0, 0 } };
	unsigned int left = UINT_MAX;
	struct endpoint ep;
	struct stub_opts opts;
	struct stub *s;

	ASSERT_OK(resolved(fake_target(f), &ep));
	stub_opts_init(&opts);
	opts.window = 8192;
	opts.check = after_some;
	opts.ctx = &left;
	ASSERT_OK(stub_open(&ep, &opts, &s));
	ASSERT_OK(stub_physical(s, true));
	left = 30;
	ASSERT_ERR(stub_read(s, r, 2), ERR_DEADLINE, "enough");
	CU_ASSERT_EQUAL(r[0].status, STUB_READ_OK);
	CU_ASSERT_EQUAL(r[1].status, STUB_READ_PENDING);
	CU_ASSERT(fake_nr_reads(f) < 50);
	ASSERT_OK(stub_close(s, true));
	CU_ASSERT(fake_restored(f));
	CU_ASSERT(fake_ended_well(f));
	fake_stop(f);
}

/* Nor does it wait for the end of the handshake, wherever that is; the guest runs on. */
static void test_check_handshake(void)
{
	struct fake *f = start((struct fake_opts){ .delay_us = 2000, .nr_vcpus = 8 });
	struct endpoint ep;
	struct stub_opts opts;
	struct stub *s;

	ASSERT_OK(resolved(fake_target(f), &ep));
	stub_opts_init(&opts);
	opts.handshake_ms = opts.reply_ms = 700;
	opts.check = after_some;
	for (unsigned int calls = 1; calls < 20; calls++) {
		unsigned int left = calls;

		opts.ctx = &left;
		ASSERT_ERR(stub_open(&ep, &opts, &s), ERR_DEADLINE, "enough");
		CU_ASSERT(fake_restored(f));
	}
	CU_ASSERT_EQUAL(fake_forbidden(f), 0);
	fake_stop(f);
}

/* A stub that falls silent while it is read from is not waited for once check() has spoken. */
static void test_check_silence(void)
{
	struct fake *f = start((struct fake_opts){ .fault = FAKE_HANG_AT, .at = 40 });
	static uint8_t buf[IMAGE];
	struct stub_read r = { BASE, IMAGE, buf, 0, 0 };
	unsigned int left = UINT_MAX;
	struct endpoint ep;
	struct stub_opts opts;
	struct stub *s;

	ASSERT_OK(resolved(fake_target(f), &ep));
	stub_opts_init(&opts);
	opts.reply_ms = 10000;
	opts.check = after_some;
	opts.ctx = &left;
	ASSERT_OK(stub_open(&ep, &opts, &s));
	ASSERT_OK(stub_physical(s, true));
	left = 60; /* some while answers come, the others while none does */
	uint64_t began = clock_us();
	ASSERT_ERR(stub_read(s, &r, 1), ERR_DEADLINE, "enough");
	CU_ASSERT(clock_us() - began < 9000000);
	fake_stop(f);
	ASSERT_ERR(stub_close(s, true), ERR_LOST, NULL);
}

static void test_halted(void)
{
	struct fake *f = start((struct fake_opts){ .status = "paused (guest-panicked)" });
	struct stub *s;

	ASSERT_OK(open_fake(f, 0, &s));
	CU_ASSERT(stub_was_halted(s));
	ASSERT_OK(stub_close(s, false));
	usleep(50000);
	CU_ASSERT(!fake_is_running(f));
	CU_ASSERT(!fake_is_physical(f));
	fake_stop(f);
}

UNIT_MAIN("stub", { "dialects", test_dialects }, { "modes left on by others", test_left_on },
	  { "late, short and lost replies", test_faults }, { "bad checksums", test_bad_sum },
	  { "refused reads", test_refused }, { "not a gdbstub", test_no_stub },
	  { "no physical mode", test_no_physical }, { "not restored", test_stuck },
	  { "silence in the middle", test_hang }, { "closed anywhere", test_closed_at },
	  { "busy with another client", test_busy }, { "interrupted", test_check },
	  { "interrupted while shaking hands", test_check_handshake },
	  { "interrupted while the stub is silent", test_check_silence },
	  { "halted before", test_halted })
