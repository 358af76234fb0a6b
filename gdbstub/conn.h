/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a gdbstub listens, and a non-blocking socket to it. */
#ifndef FDGDB_GDBSTUB_CONN_H
#define FDGDB_GDBSTUB_CONN_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

/* A socket's address, of any family. */
struct conn_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un path;
	};
	socklen_t len;
};

enum { CONN_ADDRS = 8 };

struct endpoint {
	bool is_unix;
	char host[256]; /* TCP; empty: this machine */
	char port[8];	/* TCP; decimal, 1 ... 65535 */
	char path[108]; /* Unix socket */
	char name[320]; /* as the user gave it, for messages */
	struct conn_addr addrs[CONN_ADDRS]; /* endpoint_resolve() */
	size_t nr_addrs;
};

/*
 * :PORT, HOST:PORT, [V6]:PORT, tcp:HOST:PORT, unix:PATH, /PATH.  ERR_USAGE says what is wrong.
 * Looks at the text only.
 */
struct err *endpoint_parse(const char *target, struct endpoint *ret) MUST_CHECK;

/*
 * Looks the host's name up, which may take as long as the name service likes: before anything is stopped, and
 * before anybody waits for signs of life.  ERR_UNREACHABLE.
 */
struct err *endpoint_resolve(struct endpoint *ep) MUST_CHECK;

/*
 * Connects to a resolved endpoint, non-blocking, without Nagle's delay, closed on exec.  QEMU stops the guest at this
 * moment.  ERR_UNREACHABLE; ERR_TIMEOUT does not occur: nobody there in time is unreachable too.
 */
struct err *conn_open(const struct endpoint *ep, unsigned int timeout_ms, int *ret_fd) MUST_CHECK;

/*
 * Whether another client is connected to this stub, as far as /proc/net tells: it does for Unix
 * sockets and for ports of this machine (of our network namespace).  False if that cannot be known.
 *
 * Asked before connecting, because QEMU would leave our connection in its queue, accept it when the
 * other client has gone, perhaps hours later, and stop the guest at that moment, even if we have
 * closed it long since.
 */
bool conn_busy(const struct endpoint *ep);

uint64_t clock_us(void); /* monotonic */

#endif
