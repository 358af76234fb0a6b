/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The broker: whatever becomes of the analyser, the fake guest must run afterwards, with physical
 * mode off, and nobody may linger.
 */
#include "config.h"

#include "gdbstub/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fake-stub.h"
#include "gdbstub/conn.h"
#include "unit.h"

enum { IMAGE = 6 << 20, BASE = 0x100000 };
static uint8_t *image;
static struct fake_segment segment;

static struct fake *start(struct fake_opts o)
{
	if (!image) {
		image = malloc(IMAGE);
		if (!image)
			exit(99);
		for (size_t i = 0; i < IMAGE; i++)
			image[i] = (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16);
		segment = (struct fake_segment){ BASE, image, IMAGE };
	}
	o.segments = &segment;
	o.nr_segments = 1;
	return fake_start(&o);
}

static const struct broker_opts quick = { .handshake_ms = 700, .reply_ms = 700 };

static void stop(struct fake *f)
{
	CU_ASSERT_EQUAL(fake_forbidden(f), 0);
	fake_stop(f);
}

/* The child is gone, and not as a zombie. */
static bool is_gone(pid_t pid)
{
	for (int i = 0; i < 400; i++) {
		if (kill(pid, 0) && errno == ESRCH)
			return true;
		usleep(10000);
	}
	return false;
}

/* Likewise, when it has become init's child, which may take its time to collect it. */
static bool has_ended(pid_t pid)
{
	char path[32], text[256];

	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
		_cleanup_fclose_ FILE *f = fopen(path, "re");

		if (!f || !fgets(text, sizeof(text), f) || strstr(text, ") Z "))
			return true;
		usleep(10000);
	}
	return false;
}

static void test_session(void)
{
	struct fake *f = start((struct fake_opts){ .nr_vcpus = 3 });
	struct broker *b = NULL;
	_cleanup_free_ uint8_t *regs = NULL, *big = malloc(IMAGE);
	_cleanup_free_ char *text = NULL, *xml = NULL;
	uint8_t small[3][16];
	size_t len;
	struct broker_read r[] = {
		{ BASE, IMAGE, big, false },
		{ BASE + 4096, 16, small[0], false },
		{ BASE, 16, small[1], false },
		{ BASE + 16, 16, small[2], false },
		{ BASE, 0, small[0], false },
	};
	struct broker_stats stats;

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	pid_t pid = broker_pid(b);
	CU_ASSERT_EQUAL(getpgid(pid), pid);
	CU_ASSERT_EQUAL(broker_nr_vcpus(b), 3);
	CU_ASSERT_STRING_EQUAL(broker_status(b), "paused");
	CU_ASSERT(!broker_was_halted(b));
	ASSERT_OK(broker_regs(b, 2, &regs, &len));
	CU_ASSERT(len == FAKE_REGS && get_le64(regs + 128) == 0xffffffff81000002);
	ASSERT_ERR(broker_regs(b, 3, &regs, &len), ERR_USAGE, "no thread 3");
	ASSERT_OK(broker_features(b, "target.xml", &xml, &len));
	CU_ASSERT_STRING_EQUAL(xml, fake_xml("target.xml"));
	ASSERT_ERR(broker_features(b, "nonsense.xml", &text, &len), ERR_PROTOCOL, "nonsense.xml");
	ASSERT_OK(broker_monitor(b, "info mtree -f", &text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0000000000100000-00000000006fffff (prio 0, ram)"));
	free(take_ptr(text));
	ASSERT_ERR(broker_monitor(b, "quit", &text), ERR_UNSUPPORTED, "quit");

	/* More than the shared pages hold at once. */
	ASSERT_OK(broker_read(b, r, ARRAY_SIZE(r)));
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		CU_ASSERT(r[i].ok);
		CU_ASSERT(!memcmp(r[i].buf, image + (r[i].addr - BASE), r[i].len));
	}
	ASSERT_OK(broker_release(b, false));
	CU_ASSERT(fake_restored(f));
	CU_ASSERT(fake_ended_well(f));
	CU_ASSERT(is_gone(pid));
	ASSERT_OK(broker_release(b, false));
	ASSERT_ERR(broker_read(b, r, 1), ERR_LOST, "let go");
	CU_ASSERT(!r[0].ok);
	broker_get_stats(b, &stats);
	CU_ASSERT_EQUAL(stats.bytes, IMAGE + 48);
	CU_ASSERT(stats.pause_us > 0 && stats.packets > 0 && stats.round_trips > 0);
	broker_destroy(b);
	CU_ASSERT_EQUAL(fake_connections(f), 1);
	stop(f);
}

static void test_refused(void)
{
	struct fake *f = start((struct fake_opts){ .dialect = FAKE_QEMU_11 });
	struct broker *b = NULL;
	uint8_t x[2][64];
	struct broker_read r[] = { { 0xdead0000, 64, x[0], true }, { BASE, 64, x[1], false } };

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	ASSERT_OK(broker_read(b, r, 2));
	CU_ASSERT(!r[0].ok);
	CU_ASSERT(r[1].ok && !memcmp(x[1], image, 64));
	broker_destroy(b);
	CU_ASSERT(fake_restored(f));
	stop(f);
}

static void test_keep_halted(void)
{
	struct fake *f = start((struct fake_opts){ 0 });
	struct broker *b = NULL;

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	ASSERT_OK(broker_release(b, true));
	CU_ASSERT(!fake_is_physical(f));
	broker_destroy(b);
	usleep(30000);
	CU_ASSERT(!fake_is_running(f));

	/* Attaching again lets it run. */
	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	broker_destroy(b);
	CU_ASSERT(fake_restored(f));
	stop(f);

	f = start((struct fake_opts){ .status = "paused (internal-error)" });
	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	CU_ASSERT(broker_was_halted(b));
	ASSERT_OK(broker_release(b, false));
	broker_destroy(b);
	CU_ASSERT(!fake_is_running(f));
	CU_ASSERT(!fake_is_physical(f));
	stop(f);
}

static void test_cannot_start(void)
{
	struct broker *b;

	ASSERT_ERR(broker_start("nonsense", NULL, &b), ERR_USAGE, "nonsense");
	ASSERT_ERR(broker_start("unix:/nonexistent/s", NULL, &b), ERR_UNREACHABLE, "No such file");
	static const struct {
		struct fake_opts o;
		enum err_code code;
		const char *part;
	} cases[] = {
		{ { .fault = FAKE_SILENT }, ERR_UNREACHABLE, "does not answer" },
		{ { .fault = FAKE_BANNER }, ERR_UNREACHABLE, "SSH-2.0" },
		{ { .dialect = FAKE_RUST }, ERR_UNSUPPORTED, "physical" },
		{ { .fault = FAKE_STUCK, .physical = true }, ERR_NOT_RESTORED, "stuck" },
		{ { .fault = FAKE_HANG_AT, .at = 3 }, ERR_NOT_RESTORED, "no answer" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake *f = start(cases[i].o);

		ASSERT_ERR(broker_start(fake_target(f), &quick, &b), cases[i].code, cases[i].part);
		stop(f);
	}
}

static void test_not_restored(void)
{
	struct fake *f = start((struct fake_opts){ .fault = FAKE_NO_DETACH });
	struct broker *b = NULL;

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	ASSERT_ERR(broker_release(b, false), ERR_NOT_RESTORED, "does not let go");
	ASSERT_ERR(broker_release(b, false), ERR_NOT_RESTORED, "does not let go");
	broker_destroy(b);
	stop(f);
}

static void test_deadline(void)
{
	struct fake *f = start((struct fake_opts){ .delay_us = 200 });
	struct broker_opts opts = quick;
	struct broker *b = NULL;
	_cleanup_free_ uint8_t *big = malloc(IMAGE);
	struct broker_read r = { BASE, IMAGE, big, false };
	struct broker_stats stats;

	/* While idle: the analyser hangs in a loop of its own. */
	opts.deadline_ms = 150;
	ASSERT_OK(broker_start(fake_target(f), &opts, &b));
	CU_ASSERT(fake_restored(f));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_DEADLINE, "deadline of 150 ms");
	CU_ASSERT(!r.ok);
	ASSERT_ERR(broker_read(b, &r, 1), ERR_DEADLINE, "deadline of 150 ms");
	ASSERT_OK(broker_release(b, false));
	ASSERT_ERR(broker_release(b, true), ERR_DEADLINE, "not kept halted");
	broker_get_stats(b, &stats);
	CU_ASSERT(stats.cut_us >= 150000 && stats.cut_us <= stats.pause_us);
	broker_destroy(b);

	/* Within a batch. */
	uint64_t began = clock_us();
	ASSERT_OK(broker_start(fake_target(f), &opts, &b));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_DEADLINE, "deadline of 150 ms");
	CU_ASSERT(clock_us() - began < 1000000);
	CU_ASSERT(fake_restored(f));
	CU_ASSERT(fake_ended_well(f));
	broker_destroy(b);

	opts.keep_halted = true;
	ASSERT_OK(broker_start(fake_target(f), &opts, &b));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_DEADLINE, "deadline of 150 ms");
	ASSERT_OK(broker_release(b, true));
	CU_ASSERT(!fake_is_running(f));
	CU_ASSERT(!fake_is_physical(f));
	broker_destroy(b);
	stop(f);
}

/* From the first moment on, and whatever the stub is at. */
static void test_deadline_early(void)
{
	struct broker_opts opts = { .handshake_ms = 700, .reply_ms = 2000, .deadline_ms = 200 };
	struct broker *b = NULL;
	uint8_t *big = malloc(IMAGE);
	struct broker_read r = { BASE, IMAGE, big, false };

	/* The handshake alone would take seconds. */
	struct fake *f = start((struct fake_opts){ .delay_us = 50000, .nr_vcpus = 40 });
	uint64_t began = clock_us();
	ASSERT_ERR(broker_start(fake_target(f), &opts, &b), ERR_DEADLINE, "deadline of 200 ms");
	CU_ASSERT(clock_us() - began < 2000000);
	CU_ASSERT(fake_restored(f));
	stop(f);

	/* Silence is not the word it is remembered by. */
	f = start((struct fake_opts){ .fault = FAKE_HANG_AT, .at = 60 });
	ASSERT_OK(broker_start(fake_target(f), &opts, &b));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_DEADLINE, "deadline of 200 ms");
	broker_destroy(b);
	free(big);
	stop(f);
}

/* As long as answers come the broker lives, however many it has to wait for. */
static void test_slow_handshake(void)
{
	struct fake *f = start((struct fake_opts){ .delay_us = 50000, .nr_vcpus = 100 });
	struct broker_opts opts = { .connect_ms = 100, .handshake_ms = 300, .reply_ms = 300 };
	struct broker *b = NULL;

	ASSERT_OK(broker_start(fake_target(f), &opts, &b));
	broker_destroy(b);
	CU_ASSERT(fake_restored(f));
	stop(f);
}

/* ---- names */

static pid_t *resolver; /* shared: who has asked for an address */

/* In place of the C library's: a name service that may never answer. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	static struct sockaddr_in addr;
	static struct addrinfo info = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };

	(void)hints;
	*resolver = getpid();
	if (node && !strcmp(node, "unknown"))
		return EAI_NONAME;
	addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) },
				     .sin_port = htons((uint16_t)atoi(service)) };
	info.ai_addr = (struct sockaddr *)&addr;
	info.ai_addrlen = sizeof(addr);
	*res = &info;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

/* Not by the child, whose signs of life are waited for, and of which nobody knows whether it has stopped a guest. */
static void test_names(void)
{
	struct fake *f = start((struct fake_opts){ .tcp = true });
	struct broker *b = NULL;
	char name[64];

	snprintf(name, sizeof(name), "known%s", fake_target(f));
	ASSERT_OK(broker_start(name, &quick, &b));
	CU_ASSERT_EQUAL(*resolver, getpid());
	broker_destroy(b);
	CU_ASSERT(fake_restored(f));
	ASSERT_ERR(broker_start("unknown:1234", &quick, &b), ERR_UNREACHABLE, "cannot connect to unknown:1234");
	CU_ASSERT_EQUAL(*resolver, getpid());
	stop(f);
}

/* The connection breaks; the stub is still there and takes another one. */
static void test_closed(void)
{
	struct fake *f = start((struct fake_opts){ .fault = FAKE_CLOSE_AT, .at = 50000 });
	struct broker *b = NULL;
	_cleanup_free_ uint8_t *big = malloc(IMAGE);
	struct broker_read r = { BASE, IMAGE, big, false };

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_LOST, "closed the connection");
	ASSERT_OK(broker_release(b, false));
	CU_ASSERT(fake_restored(f));
	CU_ASSERT_EQUAL(fake_connections(f), 2);
	broker_destroy(b);
	stop(f);
}

/* QEMU itself ends: nothing is left to be restored. */
static void test_stub_gone(void)
{
	struct fake *f = start((struct fake_opts){ 0 });
	struct broker *b = NULL;
	uint8_t x[64];
	struct broker_read r = { BASE, 64, x, false };

	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	stop(f);
	ASSERT_ERR(broker_read(b, &r, 1), ERR_LOST, NULL);
	ASSERT_ERR(broker_release(b, false), ERR_LOST, NULL);
	broker_destroy(b);
}

static void test_broker_killed(void)
{
	struct broker *b = NULL;
	uint8_t x[64];
	struct broker_read r = { BASE, 64, x, false };

	struct fake *f = start((struct fake_opts){ 0 });
	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	kill(broker_pid(b), SIGKILL);
	ASSERT_ERR(broker_read(b, &r, 1), ERR_LOST, "broker process has died");
	CU_ASSERT(fake_restored(f));
	ASSERT_OK(broker_release(b, false));
	broker_destroy(b);

	/* A polite end. */
	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	kill(broker_pid(b), SIGTERM);
	CU_ASSERT(fake_restored(f));
	ASSERT_ERR(broker_read(b, &r, 1), ERR_LOST, "SIGTERM");
	ASSERT_OK(broker_release(b, false));
	broker_destroy(b);
	stop(f);
}

/* ---- analysers that die */

static pid_t *broker_of; /* shared: the dying analyser's broker */

/* An analyser that reads for ever; the only way out is to be told that it is over. */
_Noreturn static void analyser(const struct fake *f, bool crash)
{
	static const struct rlimit no_core = { 0, 0 };
	struct broker *b;
	uint8_t *big = malloc(IMAGE);
	struct broker_read r = { BASE, IMAGE, big, false };

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGSEGV, SIG_DFL); /* not the sanitizer's */
	struct err *e = broker_start(fake_target(f), &quick, &b);
	if (e)
		_exit(e->code == ERR_SUSPENDED ? 4 : 3);
	*broker_of = broker_pid(b);
	for (unsigned int i = 0;; i++) {
		e = broker_read(b, &r, 1);
		if (e)
			_exit(e->code == ERR_SUSPENDED ? 4 : 5);
		if (crash && i == 1)
			raise(SIGSEGV);
	}
}

static pid_t spawn_analyser(const struct fake *f, bool crash)
{
	*broker_of = 0;
	fflush(NULL);
	/* A job in the background of a script inherits these as ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	pid_t pid = fork();
	if (!pid) {
		setpgid(0, 0);
		analyser(f, crash);
	}
	setpgid(pid, pid);
	return pid;
}

/* A short wait of pseudo-random length, now and then within the handshake. */
static void wait_a_bit(unsigned int i)
{
	static uint32_t x = 12345;

	x = x * 1664525 + 1013904223;
	usleep(i % 2 ? (x >> 16) % 4000 : (x >> 16) % 60000);
}

static void die_by(int sig, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		struct fake *f = start((struct fake_opts){ .dialect = i % 3, .tcp = i & 1 });
		pid_t pid = spawn_analyser(f, sig == SIGSEGV);

		if (sig != SIGSEGV) {
			wait_a_bit(i);
			kill(-pid, sig); /* the whole group, as a terminal does */
		}
		waitpid(pid, NULL, 0);
		bool restored = fake_restored(f);
		if (!restored)
			printf("# signal %d, round %u: guest not restored\n", sig, i);
		CU_ASSERT(restored);
		if (fake_connections(f))
			CU_ASSERT(*fake_packet(f, fake_nr_packets(f) - 1) == 'D');
		if (*broker_of)
			CU_ASSERT(has_ended(*broker_of));
		stop(f);
	}
}

static void test_kill(void)
{
	die_by(SIGKILL, 15);
}

static void test_term(void)
{
	die_by(SIGTERM, 6);
	die_by(SIGINT, 4);
	die_by(SIGHUP, 4);
	die_by(SIGPIPE, 3);
}

static void test_crash(void)
{
	die_by(SIGSEGV, 3);
}

static void test_suspended(void)
{
	static const int signals[] = { SIGSTOP, SIGTSTP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct fake *f = start((struct fake_opts){ .delay_us = 50 });
		pid_t pid = spawn_analyser(f, false);
		int status = 0;

		for (int ms = 0; ms < 20000 && fake_is_running(f); ms++)
			usleep(1000);
		CU_ASSERT(!fake_is_running(f));
		usleep(50000); /* past the handshake, on most machines */
		kill(-pid, signals[i]);
		CU_ASSERT(fake_restored(f));
		kill(-pid, SIGCONT);
		waitpid(pid, &status, 0);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 4);
		stop(f);
	}
}

/* Of the analyser's files the broker keeps none open: a pipe's reader sees its end. */
static void test_files(void)
{
	struct fake *f = start((struct fake_opts){ 0 });
	struct broker *b = NULL;
	int pipes[2];
	char c;

	CU_ASSERT_EQUAL(pipe(pipes), 0);
	ASSERT_OK(broker_start(fake_target(f), &quick, &b));
	close(pipes[1]);
	CU_ASSERT_EQUAL(read(pipes[0], &c, 1), 0);
	close(pipes[0]);
	broker_destroy(b);
	CU_ASSERT(fake_restored(f));
	stop(f);
}

/* All control sockets and files are given back. */
static void test_no_leaks(void)
{
	struct fake *f = start((struct fake_opts){ 0 });

	int before = dup(0);
	close(before);
	for (int i = 0; i < 5; i++) {
		struct broker *b = NULL;

		ASSERT_OK(broker_start(fake_target(f), NULL, &b));
		broker_destroy(b);
	}
	int after = dup(0);
	close(after);
	CU_ASSERT_EQUAL(before, after);
	CU_ASSERT(fake_restored(f));
	stop(f);
}

int main(void)
{
	static const struct unit_test tests[] = {
		{ "a session", test_session },
		{ "refused reads", test_refused },
		{ "kept halted", test_keep_halted },
		{ "targets that are none", test_cannot_start },
		{ "not restored", test_not_restored },
		{ "deadline", test_deadline },
		{ "deadline before all is said, or while nothing is", test_deadline_early },
		{ "a slow handshake", test_slow_handshake },
		{ "names are looked up before", test_names },
		{ "connection closed", test_closed },
		{ "stub gone", test_stub_gone },
		{ "broker killed", test_broker_killed },
		{ "analyser killed", test_kill },
		{ "analyser ended by signals", test_term },
		{ "analyser crashed", test_crash },
		{ "analyser suspended", test_suspended },
		{ "files are not inherited", test_files },
		{ "nothing leaks", test_no_leaks },
		{ NULL, NULL },
	};

	broker_of = mmap(NULL, 2 * sizeof(*broker_of), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (broker_of == MAP_FAILED)
		return 99;
	resolver = broker_of + 1;
	int status = unit_main("broker", tests);
	free(image);
	return status;
}
