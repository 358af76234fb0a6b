/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The analyser's side of the broker; the child is in broker-child.c. */
#include "config.h"

#include "gdbstub/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gdbstub/broker-private.h"

enum {
	WAIT_MS = 100,
	EXIT_MS = 2000, /* from the child's last word to its end */
};

struct broker {
	struct broker_child child; /* what children inherit */
	struct broker_shared *shared;
	pid_t pid;
	int control;
	bool over;	     /* the session has ended, for whatever reason */
	struct err *why;     /* what reads are told then */
	struct err *outcome; /* of restoring the guest */
	bool halted;

	/* of the batch being put together; BROKER_READS */
	struct slice {
		size_t read;
		uint32_t offset, len;
		uint64_t addr;
	} *slices;
};

size_t broker_nr_vcpus(const struct broker *b)
{
	return b->shared->nr_vcpus;
}

const char *broker_status(const struct broker *b)
{
	return b->shared->status;
}

bool broker_was_halted(const struct broker *b)
{
	return b->shared->was_halted;
}

pid_t broker_pid(const struct broker *b)
{
	return b->pid;
}

void broker_get_stats(const struct broker *b, struct broker_stats *ret)
{
	const struct broker_shared *sh = b->shared;
	uint64_t started = atomic_load(&sh->started_us);

	*ret = sh->stats;
	if (!started)
		return;
	ret->pause_us = (atomic_load(&sh->ended) ? sh->ended_us : clock_us()) - started;
	if (atomic_load(&sh->ended) && sh->cut_us)
		ret->cut_us = sh->cut_us - started;
}

/* ---- the child */

/* Forks with all signals blocked, which settle() undoes, so that none hits a half-made child. */
static struct err *spawn(struct broker *b, int control, void (*run)(struct broker_child *c, bool arg),
			 bool arg, pid_t *ret)
{
	sigset_t all, old;
	char path[32];

	b->child.parent = getpid();
	b->child.control = control;
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)getpid());
	b->child.parent_stat = open(path, O_RDONLY | O_CLOEXEC);

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (!pid)
		run(&b->child, arg);
	int error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (b->child.parent_stat >= 0)
		close(b->child.parent_stat);
	if (pid < 0)
		return err_sys(error, "fork");
	setpgid(pid, pid); /* whoever comes first */
	*ret = pid;
	return NULL;
}

static void run_broker(struct broker_child *c, bool arg)
{
	(void)arg;
	broker_child_run(c);
}

static void run_rescuer(struct broker_child *c, bool resume)
{
	broker_rescuer_run(c, resume);
}

/* Waits for a child's end; kills it if that takes longer. */
static void reap(pid_t pid, unsigned int timeout_ms)
{
	uint64_t end = clock_us() + timeout_ms * (uint64_t)1000;

	for (;;) {
		pid_t got = waitpid(pid, NULL, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return; /* ECHILD: whoever ignores SIGCHLD has no zombies */
		if (clock_us() > end)
			break;
		usleep(500);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Longest time in which the stub may be silent without the child saying anything. */
static unsigned int stall_ms(const struct broker *b)
{
	const struct stub_opts *o = &b->child.stub_opts;

	return o->connect_ms + o->handshake_ms + 4 * o->reply_ms + 2000;
}

/* The child is dead without having let the guest go: do so over a fresh connection. */
static struct err *rescue(struct broker *b, bool resume)
{
	struct broker_shared *sh = b->shared;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(errno, "socketpair");

	struct err *e = spawn(b, pair[1], run_rescuer, resume, &pid);
	close(pair[1]);
	if (!e) {
		struct pollfd p = { .fd = pair[0], .events = POLLIN };
		int n;

		do {
			n = poll(&p, 1, (int)stall_ms(b));
		} while (n < 0 && errno == EINTR);
		reap(pid, n > 0 ? EXIT_MS : 0);
		e = atomic_load(&sh->ended) ? broker_err_get(&sh->outcome) :
					      err_new(ERR_NOT_RESTORED, "the rescue failed as well");
	}
	close(pair[0]);
	return e;
}

static void copy_outcome(struct broker *b)
{
	b->why = broker_err_get(&b->shared->why);
	b->outcome = broker_err_get(&b->shared->outcome);
	b->halted = b->shared->halted;
}

/* The child has said its last word, or none at all. */
static void child_ended(struct broker *b, unsigned int patience_ms)
{
	reap(b->pid, patience_ms);
	b->pid = 0;
	b->over = true;
	close(b->control);
	b->control = -1;
	if (atomic_load(&b->shared->ended)) {
		copy_outcome(b);
		return;
	}
	b->why = err_new(ERR_LOST, "%s: the broker process has died", b->child.ep.name);
	/* Without a connection there was no stop either. */
	if (!atomic_load(&b->shared->started_us))
		return;
	b->outcome = rescue(b, !b->shared->was_halted);
	b->halted = b->shared->was_halted;
}

static struct err *over(struct broker *b)
{
	struct err *e = err_dup(b->why);

	return e ? e : err_new(ERR_LOST, "%s: the guest has been let go", b->child.ep.name);
}

/* Waits for the child's answer. */
static struct err *await(struct broker *b)
{
	uint64_t beat = atomic_load(&b->shared->beat), since = clock_us();

	for (;;) {
		struct pollfd p = { .fd = b->control, .events = POLLIN };
		int n = poll(&p, 1, WAIT_MS);
		char byte;

		if (n > 0) {
			bool answer = recv(b->control, &byte, 1, MSG_DONTWAIT) == 1;

			if (answer && !atomic_load(&b->shared->ended))
				return broker_err_get(&b->shared->err);
			child_ended(b, EXIT_MS);
			return over(b);
		}
		uint64_t now = clock_us(), beat_now = atomic_load(&b->shared->beat);
		if (beat_now != beat) {
			beat = beat_now;
			since = now;
		} else if (now - since > stall_ms(b) * (uint64_t)1000) {
			child_ended(b, 0);
			return over(b);
		}
	}
}

static struct err *call(struct broker *b, enum broker_op op, uint32_t number)
{
	if (b->over)
		return over(b);
	b->shared->op = op;
	b->shared->number = number;
	if (send(b->control, "", 1, MSG_NOSIGNAL) != 1) {
		child_ended(b, EXIT_MS);
		return over(b);
	}
	return await(b);
}

/* ---- beginning and end */

static void free_broker(struct broker *b)
{
	if (b->shared)
		munmap(b->shared, sizeof(*b->shared));
	if (b->control >= 0)
		close(b->control);
	err_free(b->why);
	err_free(b->outcome);
	free(b->slices);
	free(b);
}

void broker_destroy(struct broker *b)
{
	if (!b)
		return;
	if (!b->over)
		err_ignore(broker_release(b, false));
	free_broker(b);
}

static void destroy_p(struct broker **b)
{
	broker_destroy(*b);
}

static void set_opts(struct broker *b, const struct broker_opts *opts)
{
	struct stub_opts *to = &b->child.stub_opts;

	stub_opts_init(to);
	if (!opts)
		return;
	b->child.opts = *opts;
	if (opts->connect_ms)
		to->connect_ms = opts->connect_ms;
	if (opts->handshake_ms)
		to->handshake_ms = opts->handshake_ms;
	if (opts->reply_ms)
		to->reply_ms = opts->reply_ms;
}

struct err *broker_start(const char *target, const struct broker_opts *opts, struct broker **ret)
{
	_cleanup_(destroy_p) struct broker *b = calloc(1, sizeof(*b));
	int pair[2];

	if (!b)
		return &err_nomem;
	b->control = -1;
	b->over = true;
	set_opts(b, opts);
	TRY(endpoint_parse(target, &b->child.ep));
	TRY(endpoint_resolve(&b->child.ep));
	b->slices = calloc(BROKER_READS, sizeof(*b->slices));
	if (!b->slices)
		return &err_nomem;
	void *shared = mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return err_sys(errno, "memory shared with the broker");
	b->shared = b->child.shared = shared;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(errno, "socketpair");
	b->control = pair[0];

	struct err *e = spawn(b, pair[1], run_broker, false, &b->pid);
	close(pair[1]);
	if (e)
		return e;
	b->over = false;
	e = await(b);
	if (e) {
		/* That the guest may stand still outweighs what went wrong. */
		if (b->outcome && b->outcome->code == ERR_NOT_RESTORED) {
			err_free(e);
			return take_ptr(b->outcome);
		}
		return e;
	}
	*ret = take_ptr(b);
	return NULL;
}

struct err *broker_release(struct broker *b, bool keep_halted)
{
	if (!b->over) {
		/* Its end is its answer; what there is to tell is in the outcome. */
		err_ignore(call(b, BROKER_RELEASE, keep_halted));
		if (!b->over)
			child_ended(b, 0);
	}
	if (!b->outcome && keep_halted && !b->halted)
		return err_new(b->why ? b->why->code : ERR_LOST,
			       "%s: the guest is not kept halted: it was let go before",
			       b->child.ep.name);
	return err_dup(b->outcome);
}

/* ---- questions */

static struct err *copy_answer(struct broker *b, char **ret, size_t *ret_len)
{
	uint32_t len = b->shared->len;

	if (len > BROKER_DATA)
		return err_new(ERR_PROTOCOL, "the broker's answer is too long");
	char *copy = malloc((size_t)len + 1);
	if (!copy)
		return &err_nomem;
	memcpy(copy, b->shared->data, len);
	copy[len] = 0;
	*ret_len = len;
	*ret = copy;
	return NULL;
}

struct err *broker_regs(struct broker *b, size_t vcpu, uint8_t **ret, size_t *ret_len)
{
	TRY(call(b, BROKER_REGS, (uint32_t)MIN(vcpu, (size_t)UINT32_MAX)));
	return copy_answer(b, (char **)ret, ret_len);
}

static struct err *ask_text(struct broker *b, enum broker_op op, const char *text, char **ret,
			    size_t *ret_len)
{
	if (strlen(text) >= BROKER_TEXT)
		return err_new(ERR_LIMIT, "\"%.40s...\" is too long a question", text);
	strcpy(b->shared->text, text);
	TRY(call(b, op, 0));
	return copy_answer(b, ret, ret_len);
}

struct err *broker_features(struct broker *b, const char *annex, char **ret, size_t *ret_len)
{
	return ask_text(b, BROKER_FEATURES, annex, ret, ret_len);
}

struct err *broker_monitor(struct broker *b, const char *command, char **ret)
{
	size_t len;

	return ask_text(b, BROKER_MONITOR, command, ret, &len);
}

/* ---- reads */

static int by_address(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Where the next batch begins. */
struct cursor {
	size_t read;
	uint32_t offset;
};

/* Takes as much as fits into one batch; returns the number of slices, 0 at the end. */
static uint32_t next_batch(struct broker *b, const struct broker_read *reads, size_t nr,
			   struct cursor *at)
{
	size_t room = BROKER_DATA;
	uint32_t n = 0;

	while (at->read < nr && n < BROKER_READS && room) {
		uint32_t left = reads[at->read].len - at->offset;
		uint32_t len = (uint32_t)MIN((size_t)left, room);

		if (len) {
			b->slices[n++] = (struct slice){ .read = at->read,
							 .offset = at->offset,
							 .len = len,
							 .addr = reads[at->read].addr + at->offset };
			room -= len;
		}
		at->offset += len;
		if (at->offset == reads[at->read].len) {
			at->read++;
			at->offset = 0;
		}
	}
	return n;
}

static struct err *read_batch(struct broker *b, struct broker_read *reads, uint32_t n)
{
	struct broker_shared *sh = b->shared;
	size_t at = 0;

	/* In order of address neighbours share packets. */
	qsort(b->slices, n, sizeof(*b->slices), by_address);
	for (uint32_t i = 0; i < n; i++)
		sh->parts[i] = (struct broker_part){ b->slices[i].addr, b->slices[i].len,
						     STUB_READ_PENDING };
	struct err *e = call(b, BROKER_READ, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct slice *s = &b->slices[i];
		struct broker_read *r = &reads[s->read];

		if (sh->parts[i].status == STUB_READ_OK)
			memcpy((uint8_t *)r->buf + s->offset, sh->data + at, s->len);
		else
			r->ok = false;
		at += s->len;
	}
	return e;
}

struct err *broker_read(struct broker *b, struct broker_read *reads, size_t nr)
{
	struct cursor at = { 0 };
	struct err *e = b->over ? over(b) : NULL;
	uint32_t n;

	for (size_t i = 0; i < nr; i++)
		reads[i].ok = !e;
	while (!e && (n = next_batch(b, reads, nr, &at)))
		e = read_batch(b, reads, n);
	if (e && at.read < nr) {
		for (size_t i = at.read; i < nr; i++)
			reads[i].ok = false;
	}
	return e;
}
