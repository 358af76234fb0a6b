/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gdbstub/packet.h"

enum { LOG_PACKETS = 4096, LOG_BYTES = 80, REPLY_ROOM = 1 << 18 };

struct seen {
	_Atomic bool running, physical, connected;
	_Atomic unsigned int connections, forbidden;
	_Atomic unsigned long reads;
	_Atomic size_t nr;
	char packets[LOG_PACKETS][LOG_BYTES];
};

struct fake {
	struct fake_opts opts;
	struct seen *seen;
	pid_t pid;
	int listener;
	char dir[32], path[64], target[80];
};

/* The serving side. */
struct server {
	struct fake *f;
	int fd;
	bool multiprocess, no_ack, fault_done;
	unsigned int selected, listed, packets, replies;
	size_t sent;
	char last[2 * REPLY_ROOM]; /* framed, for repetition */
	size_t last_len;
	bool awaits_ack;
};

static struct seen *seen(const struct fake *f)
{
	return f->seen;
}

static void die(const char *what)
{
	perror(what);
	_exit(99);
}

/* ---- sending */

static void send_all(struct server *s, const char *data, size_t len)
{
	const struct fake_opts *o = &s->f->opts;
	bool closes = o->fault == FAKE_CLOSE_AT && !s->fault_done && s->sent + len > o->at;

	if (closes) {
		len = o->at > s->sent ? o->at - s->sent : 0;
		s->fault_done = true;
	}
	s->sent += len;
	while (len) {
		ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		data += n;
		len -= (size_t)n;
	}
	if (closes)
		shutdown(s->fd, SHUT_RDWR);
}

/* Runs of four and more become c*n, as the Rust stubs do. */
static size_t run_lengths(const char *body, size_t len, char *out)
{
	char *o = out;

	for (size_t i = 0; i < len;) {
		size_t run = 1;

		while (i + run < len && run < 97 && body[i + run] == body[i])
			run++;
		*o++ = body[i];
		/* # and $ must not stand for a count */
		while (run > 3 && (run - 1 + 29 == '#' || run - 1 + 29 == '$' || run - 1 + 29 > 126))
			run--;
		if (run > 3) {
			*o++ = '*';
			*o++ = (char)(run - 1 + 29);
			i += run;
		} else {
			i++;
		}
	}
	return (size_t)(o - out);
}

static void reply_bytes(struct server *s, const char *body, size_t len)
{
	const struct fake_opts *o = &s->f->opts;

	s->replies++;
	if (o->delay_us)
		usleep(o->delay_us);
	if (o->dialect == FAKE_RUST) {
		static char packed[2 * REPLY_ROOM];
		uint8_t sum = 0;

		len = run_lengths(body, len, packed);
		s->last[0] = '$';
		memcpy(s->last + 1, packed, len);
		for (size_t i = 0; i < len; i++)
			sum += (uint8_t)packed[i];
		s->last_len = len + 1 + (size_t)sprintf(s->last + 1 + len, "#%02x", sum);
	} else {
		s->last_len = packet_encode(body, len, s->last);
	}
	s->awaits_ack = true;

	bool bad = o->fault == FAKE_ALWAYS_BAD || (o->fault == FAKE_BAD_SUM && s->replies % o->at == 0);
	if (o->fault == FAKE_EATEN && s->replies == o->at)
		return;
	char digit = s->last[s->last_len - 1];
	if (bad)
		s->last[s->last_len - 1] = digit == '0' ? '1' : '0';
	send_all(s, s->last, s->last_len);
	if (o->fault != FAKE_ALWAYS_BAD)
		s->last[s->last_len - 1] = digit;
	if (o->fault == FAKE_LATE_STOP && s->replies == o->at)
		send_all(s, "$T02thread:01;#04", 17);
}

static void reply(struct server *s, const char *text)
{
	reply_bytes(s, text, strlen(text));
}

/* ---- answering */

static bool starts(const char *p, const char *with)
{
	return !strncmp(p, with, strlen(with));
}

static bool physical_known(const struct server *s)
{
	return s->f->opts.dialect != FAKE_RUST;
}

static size_t packet_size(const struct server *s)
{
	return s->f->opts.dialect == FAKE_QEMU_11 ? 0x20020 : 0x1000;
}

static void reply_thread(struct server *s)
{
	char text[32];

	if (s->listed == s->f->opts.nr_vcpus) {
		reply(s, "l");
		return;
	}
	s->listed++;
	if (s->multiprocess)
		snprintf(text, sizeof(text), "mp01.%02x", s->listed);
	else
		snprintf(text, sizeof(text), "m%02x", s->listed);
	reply(s, text);
}

static void reply_features(struct server *s, char *p)
{
	char *colon = strchr(p, ':'), *comma;
	static char text[1 << 15];

	if (!colon) {
		reply(s, "E00");
		return;
	}
	*colon = 0;
	const char *xml = fake_xml(p);
	unsigned long at = strtoul(colon + 1, &comma, 16);
	unsigned long len = *comma == ',' ? strtoul(comma + 1, NULL, 16) : 0;
	if (!xml || at > strlen(xml)) {
		reply(s, "E00");
		return;
	}
	if (len > (packet_size(s) - 5) / 2)
		len = (packet_size(s) - 5) / 2;
	if (len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	size_t n = strlen(xml + at);
	text[0] = n > len ? 'm' : 'l';
	n = n > len ? len : n;
	memcpy(text + 1, xml + at, n);
	reply_bytes(s, text, n + 1);
}

static void reply_regs(struct server *s)
{
	const struct fake_opts *o = &s->f->opts;
	uint8_t made_up[FAKE_REGS];
	char text[2 * FAKE_REGS];

	for (size_t i = 0; i < FAKE_REGS; i++)
		made_up[i] = (uint8_t)(i + s->selected);
	fake_set_reg(made_up, "rip", 0xffffffff81000000 + s->selected);
	fake_set_reg(made_up, "cr3", 0x1000 * (s->selected + 1));
	hex_encode(o->regs ? o->regs[s->selected] : made_up, FAKE_REGS, text);
	reply_bytes(s, text, sizeof(text));
}

/* Where addr is, and how much follows it there. */
static const uint8_t *find(const struct fake_opts *o, uint64_t addr, size_t *left)
{
	for (size_t i = 0; i < o->nr_segments; i++) {
		const struct fake_segment *g = &o->segments[i];

		if (addr >= g->addr && addr - g->addr < g->len) {
			*left = g->len - (addr - g->addr);
			return (const uint8_t *)g->data + (addr - g->addr);
		}
	}
	return NULL;
}

static void reply_memory(struct server *s, const char *p)
{
	const struct fake_opts *o = &s->f->opts;
	static uint8_t bytes[REPLY_ROOM / 2];
	static char text[REPLY_ROOM];
	char *end;
	uint64_t addr = strtoull(p, &end, 16);
	size_t len = *end == ',' ? strtoul(end + 1, NULL, 16) : 0;

	if (len > packet_size(s) / 2) {
		reply(s, "E22");
		return;
	}
	/* In virtual mode nothing is mapped: whoever forgets the mode gets nothing. */
	if (!seen(s->f)->physical) {
		reply(s, "E14");
		return;
	}
	if (o->fault == FAKE_SHORT && len > 1)
		len /= 2;
	for (size_t i = 0, left; i < len; i++) {
		const uint8_t *at = find(o, addr + i, &left);

		if (!at && o->dialect == FAKE_QEMU_11) {
			reply(s, "E14");
			return;
		}
		if (!at) {
			bytes[i] = 0;
			continue;
		}
		left = left < len - i ? left : len - i;
		memcpy(bytes + i, at, left);
		i += left - 1;
	}
	hex_encode(bytes, len, text);
	reply_bytes(s, text, 2 * len);
}

static void monitor_line(struct server *s, const char *line)
{
	char text[256] = "O";

	hex_encode(line, strlen(line), text + 1);
	reply_bytes(s, text, 1 + 2 * strlen(line));
}

static void reply_monitor(struct server *s, const char *hex)
{
	const struct fake_opts *o = &s->f->opts;
	char command[128], line[128];
	size_t len = strlen(hex) / 2;

	if (len >= sizeof(command) || !hex_decode(hex, len, command)) {
		reply(s, "E22");
		return;
	}
	command[len] = 0;
	if (!strcmp(command, "info status")) {
		snprintf(line, sizeof(line), "VM status: %s\r\n", o->status ? o->status : "paused");
		monitor_line(s, line);
	} else if (!strcmp(command, "info mtree -f")) {
		monitor_line(s, "FlatView #0\r\n");
		monitor_line(s, " AS \"memory\", root: system\r\n");
		monitor_line(s, " AS \"cpu-memory-0\", root: system\r\n");
		monitor_line(s, " Root memory region: system\r\n");
		for (size_t i = 0; i < o->nr_segments; i++) {
			snprintf(line, sizeof(line), "  %016llx-%016llx (prio 0, ram): pc.ram\r\n",
				 (unsigned long long)o->segments[i].addr,
				 (unsigned long long)(o->segments[i].addr + o->segments[i].len - 1));
			monitor_line(s, line);
		}
		monitor_line(s, "  00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi\r\n");
	} else {
		monitor_line(s, "unknown command\r\n");
	}
	reply(s, "OK");
}

static void detach(struct server *s, const char *p)
{
	if ((s->multiprocess && *p != ';') || s->f->opts.fault == FAKE_NO_DETACH) {
		reply(s, "E22");
		return;
	}
	seen(s->f)->running = true;
	reply(s, "OK");
}

static void set_physical(struct server *s, const char *p)
{
	if (*p == '0' && s->f->opts.fault != FAKE_STUCK)
		seen(s->f)->physical = false;
	else if (*p == '1')
		seen(s->f)->physical = true;
	reply(s, "OK");
}

static void greet(struct server *s, const char *p)
{
	char text[128];

	if (strstr(p, "multiprocess+"))
		s->multiprocess = true;
	if (s->f->opts.dialect == FAKE_RUST)
		snprintf(text, sizeof(text), "PacketSize=1000;vContSupported+;multiprocess+;"
					     "QStartNoAckMode+;qXfer:features:read+");
	else
		snprintf(text, sizeof(text),
			 "PacketSize=%zx;qXfer:features:read+;vContSupported+;multiprocess+",
			 packet_size(s));
	reply(s, text);
}

static void select_thread(struct server *s, const char *p)
{
	const char *dot = strchr(p, '.');
	unsigned long id = strtoul(dot ? dot + 1 : p, NULL, 16);

	if (id < 1 || id > s->f->opts.nr_vcpus) {
		reply(s, "E22");
		return;
	}
	s->selected = (unsigned int)id - 1;
	reply(s, "OK");
}

static void log_packet(struct fake *f, const char *p)
{
	size_t i = seen(f)->nr;

	/* Whatever changes the guest, sets it going in another way, or ends it; "?" among them. */
	if (strchr("!?AbBcCFGiIkMpPRsStTvXzZ_", *p) && *p)
		seen(f)->forbidden++;
	if (*p == 'm' || *p == 'x') {
		seen(f)->reads++;
		return;
	}
	if (i < LOG_PACKETS)
		snprintf(seen(f)->packets[i], LOG_BYTES, "%.79s", p);
	seen(f)->nr = i + 1;
}

static void answer(struct server *s, char *p)
{
	const struct fake_opts *o = &s->f->opts;

	log_packet(s->f, p);
	s->packets++;
	if (o->fault == FAKE_SILENT || o->fault == FAKE_BANNER)
		return;
	if (o->fault == FAKE_HTTP) {
		send_all(s, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		return;
	}
	if (o->fault == FAKE_HANG_AT && s->packets > o->at)
		return;
	if (starts(p, "qSupported"))
		greet(s, p);
	else if (starts(p, "QStartNoAckMode") && o->dialect == FAKE_RUST) {
		reply(s, "OK");
		s->no_ack = true;
	} else if (!strcmp(p, "qqemu.PhyMemMode") && physical_known(s))
		reply(s, seen(s->f)->physical ? "1" : "0");
	else if (starts(p, "Qqemu.PhyMemMode:") && physical_known(s))
		set_physical(s, p + strlen("Qqemu.PhyMemMode:"));
	else if (!strcmp(p, "qfThreadInfo")) {
		s->listed = 0;
		reply_thread(s);
	} else if (!strcmp(p, "qsThreadInfo"))
		reply_thread(s);
	else if (starts(p, "qXfer:features:read:"))
		reply_features(s, p + strlen("qXfer:features:read:"));
	else if (starts(p, "qRcmd,") && physical_known(s))
		reply_monitor(s, p + 6);
	else if (*p == 'H')
		select_thread(s, p + 2);
	else if (!strcmp(p, "g"))
		reply_regs(s);
	else if (*p == 'm')
		reply_memory(s, p + 1);
	else if (*p == 'D')
		detach(s, p + 1);
	else if (*p == '?')
		reply(s, o->dialect == FAKE_QEMU_11 ? "T05core:01;" : "T05thread:p01.01;");
	else
		reply(s, "");
}

/* ---- serving */

static void stop_guest(struct server *s)
{
	bool was_running = atomic_exchange(&seen(s->f)->running, false);

	if (was_running && s->f->opts.dialect == FAKE_QEMU_7_2 &&
	    s->f->opts.fault < FAKE_SILENT)
		send_all(s, "$T02thread:p01.01;#03", 21);
}

/* QEMU's gdb_read_byte(): what a byte between packets does. */
static bool stray_byte(struct server *s, enum packet_event event)
{
	if (s->awaits_ack) {
		s->awaits_ack = false;
		if (event == PACKET_NAK && !s->no_ack) {
			s->awaits_ack = true;
			send_all(s, s->last, s->last_len);
		}
		return true;
	}
	return false;
}

static void serve_bytes(struct server *s, struct packet_decoder *d, const char *data, size_t len)
{
	while (len) {
		enum packet_event event;
		size_t used;

		if (packet_decode(d, data, len, &used, &event))
			_exit(99);
		data += used;
		len -= used;
		if (event == PACKET_NONE)
			continue;
		if ((event == PACKET_ACK || event == PACKET_NAK) && stray_byte(s, event))
			continue;
		if (seen(s->f)->running)
			stop_guest(s);
		if (event != PACKET_BODY)
			continue;
		if (!s->no_ack && s->f->opts.fault != FAKE_SILENT && s->f->opts.fault != FAKE_BANNER &&
		    s->f->opts.fault != FAKE_HTTP)
			send_all(s, "+", 1);
		answer(s, (char *)d->body);
	}
}

static void serve(struct server *s)
{
	static char data[1 << 16];
	struct packet_decoder d;

	packet_decoder_init(&d, 1 << 16);
	s->no_ack = s->awaits_ack = false;
	s->sent = 0;
	s->replies = s->packets = 0;
	seen(s->f)->connected = true;
	seen(s->f)->connections++;
	if (s->f->opts.fault != FAKE_CLOSE_AT_ONCE) {
		stop_guest(s);
		if (s->f->opts.fault == FAKE_BANNER)
			send_all(s, "SSH-2.0-fake\r\n", 14);
		for (;;) {
			ssize_t n = recv(s->fd, data, sizeof(data), 0);

			if (n <= 0)
				break;
			serve_bytes(s, &d, data, (size_t)n);
		}
	}
	close(s->fd);
	s->fd = -1;
	seen(s->f)->connected = false;
	packet_decoder_deinit(&d);
}

_Noreturn static void run(struct fake *f)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		die("calloc");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	s->f = f;
	s->multiprocess = f->opts.multiprocess;
	for (;;) {
		static const int one = 1;

		s->fd = accept(f->listener, NULL, NULL);
		if (s->fd < 0)
			die("accept");
		if (f->opts.tcp)
			setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(s);
	}
}

static void listen_unix(struct fake *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(f->dir, "/tmp/fake-stub.XXXXXX");
	if (!mkdtemp(f->dir))
		die("mkdtemp");
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	snprintf(f->target, sizeof(f->target), "unix:%s", f->path);
	strcpy(addr.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)))
		die("bind");
}

static void listen_tcp(struct fake *f)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&addr, len) ||
	    getsockname(f->listener, (struct sockaddr *)&addr, &len))
		die("bind");
	snprintf(f->target, sizeof(f->target), ":%u", ntohs(addr.sin_port));
}

struct fake *fake_start(const struct fake_opts *opts)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		die("calloc");
	f->opts = *opts;
	if (!f->opts.nr_vcpus)
		f->opts.nr_vcpus = 2;
	void *shared = mmap(NULL, sizeof(*f->seen), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	f->seen = shared;
	f->seen->running = true;
	f->seen->physical = opts->physical;
	if (opts->tcp)
		listen_tcp(f);
	else
		listen_unix(f);
	if (listen(f->listener, 2))
		die("listen");
	fflush(NULL);
	f->pid = fork();
	if (f->pid < 0)
		die("fork");
	if (!f->pid)
		run(f);
	close(f->listener);
	return f;
}

void fake_stop(struct fake *f)
{
	kill(f->pid, SIGKILL);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (*f->path) {
		unlink(f->path);
		rmdir(f->dir);
	}
	munmap(f->seen, sizeof(*f->seen));
	free(f);
}

/* ---- what it has seen */

const char *fake_target(const struct fake *f)
{
	return f->target;
}

bool fake_is_running(const struct fake *f)
{
	return f->seen->running;
}

bool fake_is_physical(const struct fake *f)
{
	return f->seen->physical;
}

unsigned int fake_connections(const struct fake *f)
{
	return f->seen->connections;
}

bool fake_restored(const struct fake *f)
{
	for (unsigned int i = 0; i < 1000; i++) {
		if (f->seen->running && !f->seen->physical && !f->seen->connected) {
			/* And it stays so. */
			usleep(20000);
			if (f->seen->running && !f->seen->physical && !f->seen->connected)
				return true;
		}
		usleep(5000);
	}
	return false;
}

unsigned int fake_forbidden(const struct fake *f)
{
	return f->seen->forbidden;
}

size_t fake_nr_packets(const struct fake *f)
{
	return f->seen->nr;
}

const char *fake_packet(const struct fake *f, size_t i)
{
	return i < f->seen->nr && i < LOG_PACKETS ? f->seen->packets[i] : NULL;
}

unsigned long fake_nr_reads(const struct fake *f)
{
	return f->seen->reads;
}

bool fake_ended_well(const struct fake *f)
{
	static const char *const end[] = { "Qqemu.PhyMemMode:0", "qqemu.PhyMemMode", "D" };
	size_t n = f->seen->nr, first = n - ARRAY_SIZE(end);

	if (n < ARRAY_SIZE(end))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(end); i++) {
		const char *packet = fake_packet(f, first + i);
		size_t len = i + 1 < ARRAY_SIZE(end) ? SIZE_MAX : 1; /* "D;1" */

		if (!packet || strncmp(packet, end[i], len))
			return false;
	}
	return true;
}
