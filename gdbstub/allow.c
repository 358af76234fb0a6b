/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/allow.h"

#include "gdbstub/packet.h"

/* Exact monitor commands.  Each prints and does nothing else. */
static const char *const commands[] = {
	"info mtree -f", /* which addresses are RAM */
	"info status",	 /* whether the guest was halted before us, for the states that show */
	"info version",
};

enum argument {
	ARG_NONE,
	ARG_FEATURES,  /* what we announce: any printable text without framing characters */
	ARG_THREAD,    /* 01, p01.01 */
	ARG_PROCESS,   /* 1 */
	ARG_RANGE,     /* ADDR,LEN */
	ARG_ANNEX,     /* NAME:OFFSET,LEN */
	ARG_COMMAND,   /* a listed command in hex */
};

static const struct {
	const char *prefix;
	enum argument arg;
} packets[] = {
	{ "qSupported:", ARG_FEATURES },
	{ "QStartNoAckMode", ARG_NONE },
	{ "qfThreadInfo", ARG_NONE },
	{ "qsThreadInfo", ARG_NONE },
	{ "qXfer:features:read:", ARG_ANNEX },
	{ "qqemu.PhyMemMode", ARG_NONE },
	{ "Qqemu.PhyMemMode:0", ARG_NONE },
	{ "Qqemu.PhyMemMode:1", ARG_NONE },
	{ "qRcmd,", ARG_COMMAND },
	{ "Hg", ARG_THREAD },
	{ "g", ARG_NONE },
	{ "m", ARG_RANGE },
	{ "x", ARG_RANGE },
	{ "D", ARG_NONE },
	{ "D;", ARG_PROCESS },
};

bool monitor_allowed(const char *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(command, commands[i]))
			return true;
	}
	return false;
}

bool annex_allowed(const char *name, size_t len)
{
	if (!len || len > ALLOW_ANNEX_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static bool is_command(const char *hex, size_t len)
{
	char text[ALLOW_COMMAND_MAX + 1];

	if (len % 2 || len / 2 > ALLOW_COMMAND_MAX || !hex_decode(hex, len / 2, text))
		return false;
	text[len / 2] = 0;
	return strlen(text) == len / 2 && monitor_allowed(text);
}

/* HEX,HEX and nothing after it. */
static bool is_range(const char *p, const char *end)
{
	uint64_t v;

	return hex_number(&p, end, &v) && p < end && *p++ == ',' && hex_number(&p, end, &v) &&
	       p == end;
}

static bool is_thread(const char *p, const char *end)
{
	uint64_t v;

	if (p < end && *p == 'p') {
		p++;
		if (!hex_number(&p, end, &v) || p == end || *p++ != '.')
			return false;
	}
	return hex_number(&p, end, &v) && p == end;
}

static bool is_argument(enum argument arg, const char *p, const char *end)
{
	uint64_t v;

	switch (arg) {
	case ARG_NONE:
		return p == end;
	case ARG_FEATURES:
		for (; p < end; p++) {
			if (*p <= ' ' || *p > '~' || strchr("$#}*", *p))
				return false;
		}
		return true;
	case ARG_THREAD:
		return is_thread(p, end);
	case ARG_PROCESS:
		return hex_number(&p, end, &v) && p == end;
	case ARG_RANGE:
		return is_range(p, end);
	case ARG_ANNEX: {
		const char *colon = memchr(p, ':', (size_t)(end - p));

		return colon && annex_allowed(p, (size_t)(colon - p)) && is_range(colon + 1, end);
	}
	case ARG_COMMAND:
		return is_command(p, (size_t)(end - p));
	}
	return false;
}

bool packet_allowed(const char *body, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t n = strlen(packets[i].prefix);

		if (len >= n && !memcmp(body, packets[i].prefix, n) &&
		    is_argument(packets[i].arg, body + n, body + len))
			return true;
	}
	return false;
}
