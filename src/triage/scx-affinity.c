/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/rules.h"

static void judge(struct triage *t)
{
	(void)t;
}

const struct triage_rule rule_scx_affinity = {
	.id = "scx-affinity",
	.sections = { "scx", "tasks" },
	.judge = judge,
};
