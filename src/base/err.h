/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors carry context upward: each layer may put its own words before those of
 * the layer below, so that a user reads
 *
 *	DSQ 0x12: task list: cannot read 0xffff888003c60000: not in guest RAM
 *
 * A function that can fail returns struct err *, NULL for success, and leaves its
 * out-parameters untouched on failure.  The caller owns the error.
 */
#ifndef FDGDB_ERR_H
#define FDGDB_ERR_H

#include <stdarg.h>
#include <stdint.h>

#include "base/util.h"

enum err_code {
	ERR_NOMEM = 1,	 /* out of memory here, on the host */
	ERR_SYS,	 /* a system call failed */
	ERR_USAGE,	 /* the user asked for something that makes no sense */
	ERR_UNREACHABLE, /* the target could not be reached, or is no such thing */
	ERR_LOST,	 /* the target went away */
	ERR_TIMEOUT,	 /* no answer in time */
	ERR_PROTOCOL,	 /* the peer broke the protocol */
	ERR_FORMAT,	 /* a file is not what it should be */
	ERR_NOT_LINUX,	 /* no Linux kernel with BTF found */
	ERR_FAULT,	 /* a guest address that cannot be read; see ->addr */
	ERR_CORRUPT,	 /* guest data contradict themselves */
	ERR_MISSING,	 /* this kernel has no such symbol, type or member */
	ERR_LIMIT,	 /* a budget ran out */
	ERR_DEADLINE,	 /* --deadline passed; the guest has been let go */
	ERR_SUSPENDED,	 /* fdgdb was stopped like a job (Ctrl-Z), and the guest let go meanwhile */
	ERR_UNSUPPORTED, /* fdgdb cannot do this (yet) */
	ERR_NOT_FOUND,	 /* the guest has no such thing as the user named */
	ERR_NOT_RESTORED, /* the guest could not be put back into its former state */
};

struct err {
	enum err_code code;
	uint64_t addr; /* ERR_FAULT: first unreadable address */
	char *msg;     /* never NULL; one line, no full stop, no newline */
};

/* A shared object: may be returned, prefixed (no effect) and freed (no effect). */
extern struct err err_nomem;

/*
 * Makers never return NULL, and say so: otherwise a compiler believes that out-parameters may be
 * unset after success.
 */
#define ERR_MAKER MUST_CHECK __attribute__((returns_nonnull))

struct err *err_new(enum err_code code, const char *fmt, ...) PRINTF_LIKE(2, 3) ERR_MAKER;

/* Appends ": strerror(errnum)". */
struct err *err_sys(int errnum, const char *fmt, ...) PRINTF_LIKE(2, 3) ERR_MAKER;

/* An unreadable guest address; the address is put into ->addr, not into the text. */
struct err *err_fault(uint64_t addr, const char *fmt, ...) PRINTF_LIKE(2, 3) ERR_MAKER;

/* Puts "fmt: " before the message; returns e.  e may be NULL (then NULL). */
struct err *err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* A copy with its own message; NULL for NULL. */
struct err *err_dup(const struct err *e) MUST_CHECK;

/* After which nothing further can work: no memory here, target gone, deadline passed.  False for NULL. */
bool err_is_fatal(const struct err *e);

/* NULL is fine. */
void err_free(struct err *e);

static inline void err_free_p(struct err **e)
{
	err_free(*e);
}
#define _cleanup_err_ __attribute__((cleanup(err_free_p)))

/* Forgets an error on purpose; says so in the code. */
static inline void err_ignore(struct err *e)
{
	err_free(e);
}

/* if ((e = f())) return e; */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		struct err *try_e_ = (expr);                                                       \
		if (try_e_)                                                                        \
			return try_e_;                                                             \
	} while (0)

#endif
