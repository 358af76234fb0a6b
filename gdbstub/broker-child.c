/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The child that holds the connection; see broker.h. */
#include "config.h"

#include "gdbstub/broker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	IDLE_MS = 20,
	LOOK_US = 5000, /* how often to look after the analyser while busy */
	CONTROL_FD = 3,
	STAT_FD = 4,
};

static volatile sig_atomic_t told_to_end;

static void on_term(int signal)
{
	(void)signal;
	told_to_end = 1;
}

struct session {
	struct broker_child *c;
	struct stub *stub;
	struct stub_read *reads; /* BROKER_READS */
	uint64_t deadline_us;	 /* 0: none */
	uint64_t looked_us;
	bool orphan;
};

void broker_err_set(struct broker_err *to, const struct err *e)
{
	to->code = e ? e->code : 0;
	snprintf(to->msg, sizeof(to->msg), "%s", e ? e->msg : "");
}

struct err *broker_err_get(const struct broker_err *from)
{
	return from->code ? err_new((enum err_code)from->code, "%s", from->msg) : NULL;
}

bool broker_ends(const struct err *e)
{
	return e->code == ERR_LOST || e->code == ERR_TIMEOUT || e->code == ERR_DEADLINE ||
	       e->code == ERR_SUSPENDED;
}

/* ---- looking after the analyser */

/* Third field of /proc/PID/stat, behind a name that may hold anything. */
static bool parent_is_stopped(int fd)
{
	char text[256];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = 0;
	const char *name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' && name_end[2] == 'T';
}

static bool parent_is_gone(struct session *s)
{
	struct pollfd p = { .fd = s->c->control };

	/* Another process may have inherited the other end, so its closing is not all that counts. */
	return getppid() != s->c->parent ||
	       (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* The check() of stub.h; also called while idle. */
static struct err *look(void *ctx)
{
	struct session *s = ctx;
	uint64_t now = clock_us();

	if (s->deadline_us && now >= s->deadline_us)
		return err_new(ERR_DEADLINE, "the deadline of %llu ms has passed",
			       (unsigned long long)s->c->opts.deadline_ms);
	if (told_to_end)
		return err_new(ERR_LOST, "the broker was told to end (SIGTERM)");
	if (now - s->looked_us < LOOK_US)
		return NULL;
	s->looked_us = now;
	atomic_fetch_add(&s->c->shared->beat, 1);
	if (parent_is_gone(s)) {
		s->orphan = true;
		return err_new(ERR_LOST, "the analyser has ended");
	}
	if (parent_is_stopped(s->c->parent_stat))
		return err_new(ERR_SUSPENDED,
			       "fdgdb was suspended, so the guest has been let go meanwhile");
	return NULL;
}

/* The tick() of stub.h: the analyser sees that we wait for the stub, and do not hang. */
static void beat(void *ctx)
{
	struct session *s = ctx;

	atomic_fetch_add(&s->c->shared->beat, 1);
}

/* The stopping() of stub.h. */
static void stopping(void *ctx)
{
	struct session *s = ctx;
	uint64_t now = clock_us();

	atomic_store(&s->c->shared->started_us, now);
	if (s->c->opts.deadline_ms)
		s->deadline_us = now + MIN(s->c->opts.deadline_ms, (uint64_t)UINT32_MAX) * 1000;
}

/* ---- the end */

static void publish_stats(struct session *s)
{
	struct stub_stats stats;

	stub_get_stats(s->stub, &stats);
	s->c->shared->stats = (struct broker_stats){
		.bytes = stats.bytes,
		.packets = stats.packets,
		.round_trips = stats.round_trips,
		.resyncs = stats.resyncs,
	};
}

static struct err *rescue(struct broker_child *c, bool resume)
{
	struct stub_opts opts = c->stub_opts;

	opts.check = NULL;
	opts.tick = opts.stopping = NULL;
	opts.wake_fd = -1;
	struct err *e = stub_rescue(&c->ep, &opts, resume);
	if (!e || e == &err_nomem)
		return e;
	if (e->code == ERR_UNREACHABLE)
		e->code = ERR_LOST;
	else
		e->code = ERR_NOT_RESTORED;
	return e;
}

/* Tells the outcome to whoever is left. */
_Noreturn static void finish(struct broker_child *c, struct err *why, struct err *outcome,
			     bool halted, bool orphan)
{
	struct broker_shared *sh = c->shared;

	broker_err_set(&sh->why, why);
	broker_err_set(&sh->outcome, outcome);
	if (sh->outcome.code == ERR_NOMEM)
		sh->outcome.code = ERR_NOT_RESTORED;
	broker_err_set(&sh->err, why);
	sh->halted = halted;
	sh->ended_us = clock_us();
	atomic_store(&sh->ended, true);
	if (orphan && outcome && outcome->code == ERR_NOT_RESTORED)
		dprintf(STDERR_FILENO, "fdgdb: %s\n", outcome->msg);
	if (!orphan)
		send(c->control, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(0);
}

/* why: NULL if it was asked for. */
_Noreturn static void let_go(struct session *s, struct err *why, bool keep_halted)
{
	bool halted = keep_halted || stub_was_halted(s->stub);

	publish_stats(s);
	s->c->shared->cut_us = why ? clock_us() : 0;
	struct err *outcome = stub_close(s->stub, !halted);

	/*
	 * The stub has hung up on us.  If QEMU is still there, it has kept the guest stopped, and
	 * takes a new client.
	 */
	if (outcome && outcome->code == ERR_LOST) {
		err_free(outcome);
		outcome = rescue(s->c, !halted);
	}
	finish(s->c, why, outcome, halted, s->orphan);
}

/* ---- work */

static struct err *answer_bytes(struct session *s, const void *data, size_t len)
{
	if (len > BROKER_DATA)
		return err_new(ERR_LIMIT, "an answer of %zu bytes", len);
	memcpy(s->c->shared->data, data, len);
	s->c->shared->len = (uint32_t)len;
	return NULL;
}

static struct err *do_read(struct session *s, uint32_t nr)
{
	struct broker_shared *sh = s->c->shared;
	size_t at = 0;

	if (nr > BROKER_READS)
		return err_new(ERR_LIMIT, "%u reads at once", nr);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t len = sh->parts[i].len;

		if (len > BROKER_DATA - at)
			return err_new(ERR_LIMIT, "reads longer than %d bytes", BROKER_DATA);
		s->reads[i] = (struct stub_read){ .addr = sh->parts[i].addr,
						  .len = len,
						  .buf = sh->data + at };
		at += len;
	}
	struct err *e = stub_read(s->stub, s->reads, nr);
	for (uint32_t i = 0; i < nr; i++)
		sh->parts[i].status = s->reads[i].status;
	return e;
}

/* *ret_ends: whether an error is the end of the session. */
static struct err *do_op(struct session *s, bool *ret_ends)
{
	struct broker_shared *sh = s->c->shared;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *bytes = NULL;
	char arg[BROKER_TEXT];
	uint32_t number = sh->number;
	size_t len;

	memcpy(arg, sh->text, sizeof(arg));
	arg[sizeof(arg) - 1] = 0;
	*ret_ends = false;
	switch (sh->op) {
	case BROKER_FEATURES:
		TRY(stub_features(s->stub, arg, &text, &len));
		return answer_bytes(s, text, len);
	case BROKER_REGS:
		TRY(stub_regs(s->stub, number, &bytes, &len));
		return answer_bytes(s, bytes, len);
	case BROKER_MONITOR:
		TRY(stub_monitor(s->stub, arg, &text));
		return answer_bytes(s, text, strlen(text));
	case BROKER_READ:
		*ret_ends = true;
		return do_read(s, number);
	case BROKER_RELEASE:
		let_go(s, NULL, number);
	}
	return err_new(ERR_UNSUPPORTED, "question %u", sh->op);
}

static void serve(struct session *s)
{
	char byte;
	bool ends;

	if (recv(s->c->control, &byte, 1, MSG_DONTWAIT) != 1)
		return; /* look() knows what it means */
	struct err *e = do_op(s, &ends);

	if (e && (ends || broker_ends(e)))
		let_go(s, e, e->code == ERR_DEADLINE && s->c->opts.keep_halted);
	publish_stats(s);
	broker_err_set(&s->c->shared->err, e);
	err_free(e);
	send(s->c->control, "", 1, MSG_NOSIGNAL);
}

static struct err *wait_for_work(struct session *s)
{
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = s->c->control, .events = POLLIN },
			{ .fd = stub_fd(s->stub), .events = POLLIN },
		};
		int timeout = IDLE_MS;

		if (s->deadline_us) {
			uint64_t now = clock_us(), left = s->deadline_us - now;

			timeout = now >= s->deadline_us ? 0 : (int)MIN(left / 1000 + 1, (uint64_t)IDLE_MS);
		}
		if (poll(p, 2, timeout) < 0)
			p[0].revents = p[1].revents = 0;
		if (p[0].revents & ~POLLIN)
			s->looked_us = 0; /* look now */
		TRY(look(s));
		if (p[1].revents)
			TRY(stub_idle(s->stub));
		if (p[0].revents & POLLIN)
			serve(s);
	}
}

static void close_all_but(int control, int parent_stat)
{
	/* Out of the way first: either may sit where the other goes. */
	int ctl = fcntl(control, F_DUPFD, 16);
	int stat = parent_stat < 0 ? -1 : fcntl(parent_stat, F_DUPFD, 16);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (ctl >= 0)
		dup2(ctl, CONTROL_FD);
	if (stat >= 0)
		dup2(stat, STAT_FD);
	else
		close(STAT_FD);
	if (close_range(STAT_FD + 1, ~0U, 0)) {
		int max = (int)MIN(sysconf(_SC_OPEN_MAX), 65536L);

		for (int fd = STAT_FD + 1; fd < max; fd++)
			close(fd);
	}
}

/* Standard error stays open, for the one message that must not get lost. */
static void settle(struct broker_child *c, const char *name)
{
	static const int ignored[] = { SIGINT,	SIGHUP,	 SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU,
				       SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF };
	struct sigaction term = { .sa_handler = on_term };
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_NAME, name);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGTERM, &term, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_all_but(c->control, c->parent_stat);
	c->control = CONTROL_FD;
	if (c->parent_stat >= 0)
		c->parent_stat = STAT_FD;
}

_Noreturn void broker_child_run(struct broker_child *c)
{
	struct session s = { .c = c };
	struct broker_shared *sh = c->shared;

	settle(c, "fdgdb-broker");
	s.reads = calloc(BROKER_READS, sizeof(*s.reads));
	if (!s.reads)
		finish(c, &err_nomem, NULL, false, false);
	c->stub_opts.check = look;
	c->stub_opts.tick = beat;
	c->stub_opts.stopping = stopping;
	c->stub_opts.ctx = &s;
	c->stub_opts.wake_fd = c->control;

	struct err *e = stub_open(&c->ep, &c->stub_opts, &s.stub);
	if (e && e->code == ERR_LOST && !s.orphan && !told_to_end) {
		/* Hung up on in the middle of it: the guest may stand. */
		finish(c, e, rescue(c, true), false, false);
	}
	if (e) {
		struct err *outcome = e->code == ERR_NOT_RESTORED ? err_dup(e) : NULL;

		finish(c, e, outcome, false, s.orphan);
	}
	e = stub_physical(s.stub, true);
	if (e)
		let_go(&s, e, false);

	sh->nr_vcpus = (uint32_t)stub_nr_threads(s.stub);
	snprintf(sh->status, sizeof(sh->status), "%s", stub_status(s.stub));
	sh->was_halted = stub_was_halted(s.stub);
	publish_stats(&s);
	broker_err_set(&sh->err, NULL);
	send(c->control, "", 1, MSG_NOSIGNAL);

	e = wait_for_work(&s);
	let_go(&s, e, e && e->code == ERR_DEADLINE && c->opts.keep_halted);
}

_Noreturn void broker_rescuer_run(struct broker_child *c, bool resume)
{
	settle(c, "fdgdb-rescue");

	struct err *e = rescue(c, resume);
	finish(c, NULL, e, !resume, false);
}
