/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"

uint64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct err *parse_port(const char *text, char ret[8])
{
	char *end;
	unsigned long port;

	errno = 0;
	port = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !port || port > 65535)
		return err_new(ERR_USAGE, "\"%s\" is no port number", text);
	snprintf(ret, 8, "%lu", port);
	return NULL;
}

static struct err *parse_unix(const char *path, struct endpoint *ep)
{
	if (!*path)
		return err_new(ERR_USAGE, "a path must follow \"unix:\"");
	if (strlen(path) >= sizeof(ep->path))
		return err_new(ERR_USAGE,
			       "the path of a Unix socket has at most %zu characters; change to its "
			       "directory and use a relative one (unix:NAME)",
			       sizeof(ep->path) - 1);
	ep->is_unix = true;
	strcpy(ep->path, path);
	return NULL;
}

static struct err *parse_tcp(const char *target, struct endpoint *ep)
{
	const char *host = target, *colon = strrchr(target, ':');

	if (!colon)
		return err_new(ERR_USAGE, "wanted :PORT, HOST:PORT, [V6ADDR]:PORT or unix:PATH");

	size_t n = (size_t)(colon - host);
	if (n && *host == '[') {
		if (n < 3 || host[n - 1] != ']')
			return err_new(ERR_USAGE, "wanted [V6ADDR]:PORT");
		host++;
		n -= 2;
	} else if (memchr(host, ':', n)) {
		return err_new(ERR_USAGE, "an IPv6 address goes into brackets: [V6ADDR]:PORT");
	}
	if (n >= sizeof(ep->host))
		return err_new(ERR_USAGE, "the host's name is too long");
	TRY(parse_port(colon + 1, ep->port));
	memcpy(ep->host, host, n);
	return NULL;
}

struct err *endpoint_parse(const char *target, struct endpoint *ret)
{
	struct endpoint ep = { 0 };
	struct err *e;

	if (!strncmp(target, "unix:", 5))
		e = parse_unix(target + 5, &ep);
	else if (*target == '/')
		e = parse_unix(target, &ep);
	else if (!strncmp(target, "tcp:", 4))
		e = parse_tcp(target + 4, &ep);
	else
		e = parse_tcp(target, &ep);
	if (e)
		return err_prefix(e, "target \"%s\"", target);
	snprintf(ep.name, sizeof(ep.name), "%s", target);
	*ret = ep;
	return NULL;
}

static int wait_connected(int fd, unsigned int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t end = clock_us() + timeout_ms * (uint64_t)1000, now;
	int error;
	socklen_t len = sizeof(error);

	while ((now = clock_us()) < end) {
		int n = poll(&p, 1, (int)((end - now + 999) / 1000));

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
	}
	return ETIMEDOUT;
}

/* 0 or an errno. */
static int try_connect(const struct sockaddr *addr, socklen_t len, unsigned int timeout_ms,
		       int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	static const int one = 1, room = 1 << 20;
	int error;

	if (fd < 0)
		return errno;
	if (addr->sa_family != AF_UNIX)
		/* Else each small packet waits 40 ms for a delayed acknowledgement. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* QEMU sleeps when it cannot get rid of a reply. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (connect(fd, addr, len)) {
		/*
		 * EAGAIN: a Unix socket whose queue is full; waiting would not be told of room.
		 */
		if (errno != EINPROGRESS)
			return errno;
		error = wait_connected(fd, timeout_ms);
		if (error)
			return error;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

static struct err *unreachable(const struct endpoint *ep, int error)
{
	if (ep->is_unix && error == EAGAIN)
		return err_new(ERR_UNREACHABLE,
			       "%s: other clients are already waiting for this gdbstub", ep->name);
	struct err *e = err_sys(error, "cannot connect to %s", ep->name);
	if (e != &err_nomem)
		e->code = ERR_UNREACHABLE;
	return e;
}

static struct err *resolve_tcp(struct endpoint *ep)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;

	/* No host gives the loopback addresses, 127.0.0.1 and ::1. */
	int res = getaddrinfo(*ep->host ? ep->host : NULL, ep->port, &hints, &list);
	if (res)
		return err_new(ERR_UNREACHABLE, "cannot connect to %s: %s", ep->name, gai_strerror(res));
	ep->nr_addrs = 0;
	for (struct addrinfo *a = list; a && ep->nr_addrs < CONN_ADDRS; a = a->ai_next) {
		struct conn_addr *to = &ep->addrs[ep->nr_addrs];

		if (a->ai_addrlen > sizeof(to->v6))
			continue;
		memcpy(&to->any, a->ai_addr, a->ai_addrlen);
		to->len = a->ai_addrlen;
		ep->nr_addrs++;
	}
	freeaddrinfo(list);
	return ep->nr_addrs ? NULL : unreachable(ep, EAFNOSUPPORT);
}

struct err *endpoint_resolve(struct endpoint *ep)
{
	if (!ep->is_unix)
		return resolve_tcp(ep);
	ep->addrs[0] = (struct conn_addr){ .path.sun_family = AF_UNIX, .len = sizeof(struct sockaddr_un) };
	memcpy(ep->addrs[0].path.sun_path, ep->path, sizeof(ep->path));
	ep->nr_addrs = 1;
	return NULL;
}

struct err *conn_open(const struct endpoint *ep, unsigned int timeout_ms, int *ret_fd)
{
	int error = 0;

	/* Of several failures the first one is told: what a name means first is what was meant. */
	for (size_t i = 0; i < ep->nr_addrs; i++) {
		int this = try_connect(&ep->addrs[i].any, ep->addrs[i].len, timeout_ms, ret_fd);

		if (!this)
			return NULL;
		if (!error || error == EAFNOSUPPORT)
			error = this;
	}
	return unreachable(ep, error);
}

/*
 * /proc/net/unix: each connection that a listening socket has accepted carries the listener's path.
 * Num RefCount Protocol Flags Type St Inode Path; state 03 is connected.
 */
static bool unix_busy(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/net/unix", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int state;
		int at = 0;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%*s %*s %*s %*s %*s %x %*u %n", &state, &at) == 1 && at &&
		    state == 3 && !strcmp(line + at, path))
			return true;
	}
	return false;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;

	return !*host || !strcmp(host, "localhost") || !strcmp(host, "::1") ||
	       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/*
 * /proc/net/tcp: sl local_address rem_address st ..., address and port in hex; 01 is established,
 * and 0A the listening socket, of which rx_queue (after tx_queue) counts who waits to be accepted.
 * Only loopback addresses are looked for: a port is busy on one address, free on another.
 */
static bool tcp_busy(const char *file, unsigned int port)
{
	static const char *const loopback[] = { "0100007F", "00000000000000000000000001000000",
						"0000000000000000FFFF00000100007F" };
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	char line[256], local[40];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int local_port, state;

		if (sscanf(line, " %*u: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x", local, &local_port,
			   &state) != 3 ||
		    local_port != port || state != 1)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(loopback); i++) {
			if (!strcmp(local, loopback[i]))
				return true;
		}
	}
	return false;
}

bool conn_busy(const struct endpoint *ep)
{
	if (ep->is_unix)
		return unix_busy(ep->path);
	if (!is_loopback(ep->host))
		return false;

	unsigned int port = (unsigned int)strtoul(ep->port, NULL, 10);
	return tcp_busy("/proc/net/tcp", port) || tcp_busy("/proc/net/tcp6", port);
}
