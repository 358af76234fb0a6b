/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/parts.h"

#include <inttypes.h>
#include <stdio.h>

const struct missing_part missing_parts[] = {
	{ "event_counters", NULL },
};
const size_t nr_missing_parts = ARRAY_SIZE(missing_parts);

const char *const softirq_names[NR_SOFTIRQS] = { "hi",	 "timer",    "net_tx",	"net_rx",  "block",
						 "irq_poll", "tasklet",  "sched",   "hrtimer", "rcu" };

bool task_is_blocked(const struct task_row *t)
{
	enum { UNINTERRUPTIBLE = 2, NOLOAD = 0x400 };

	return t->state.has && (t->state.v & UNINTERRUPTIBLE) && !(t->state.v & NOLOAD) && !t->running;
}

const char *frame_kind_text(enum frame_kind kind)
{
	static const char *const texts[] = {
		[FRAME_CALL] = "call", [FRAME_EXACT] = "exact",
		[FRAME_GUESS] = "guess", [FRAME_USER] = "user",
	};

	return texts[kind];
}

const char *scx_role_text(enum scx_role role)
{
	switch (role) {
	case SCX_ROOT:
		return "root";
	case SCX_SUB:
		return "sub";
	case SCX_EXITED:
		return "exited";
	case SCX_STARTING:
		return "starting";
	}
	return "?";
}
