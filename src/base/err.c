/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char nomem_msg[] = "out of memory";
struct err err_nomem = { ERR_NOMEM, 0, nomem_msg };

PRINTF_LIKE(3, 0)
static struct err *err_vnew(enum err_code code, uint64_t addr, const char *fmt, va_list ap)
{
	struct err *e = malloc(sizeof(*e));

	if (!e)
		return &err_nomem;
	e->code = code;
	e->addr = addr;
	if (vasprintf(&e->msg, fmt, ap) < 0) {
		free(e);
		return &err_nomem;
	}
	return e;
}

struct err *err_new(enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct err *e = err_vnew(code, 0, fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_fault(uint64_t addr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct err *e = err_vnew(ERR_FAULT, addr, fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_sys(int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct err *e = err_vnew(ERR_SYS, 0, fmt, ap);
	va_end(ap);
	if (e == &err_nomem)
		return e;

	char *msg;
	if (asprintf(&msg, "%s: %s", e->msg, strerror(errnum)) < 0) {
		err_free(e);
		return &err_nomem;
	}
	free(e->msg);
	e->msg = msg;
	return e;
}

struct err *err_prefix(struct err *e, const char *fmt, ...)
{
	if (!e || e == &err_nomem)
		return e;

	char *head, *msg;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&head, fmt, ap);
	va_end(ap);
	if (n < 0)
		return e; /* the bare message is better than none */
	if (asprintf(&msg, "%s: %s", head, e->msg) >= 0) {
		free(e->msg);
		e->msg = msg;
	}
	free(head);
	return e;
}

struct err *err_dup(const struct err *e)
{
	if (!e || e == &err_nomem)
		return (struct err *)e;
	struct err *copy = err_new(e->code, "%s", e->msg);
	if (copy != &err_nomem)
		copy->addr = e->addr;
	return copy;
}

void err_free(struct err *e)
{
	if (!e || e == &err_nomem)
		return;
	free(e->msg);
	free(e);
}

bool err_is_fatal(const struct err *e)
{
	if (!e)
		return false;
	switch (e->code) {
	case ERR_NOMEM:
	case ERR_SYS:
	case ERR_UNREACHABLE:
	case ERR_LOST:
	case ERR_TIMEOUT:
	case ERR_PROTOCOL:
	case ERR_DEADLINE:
	case ERR_SUSPENDED:
	case ERR_NOT_FOUND: /* a report without what is asked for answers another question */
	case ERR_NOT_RESTORED:
		return true;
	default:
		return false;
	}
}
