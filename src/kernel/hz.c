/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CONFIG_HZ is in no symbol and no type, but the jiffies clock source is: its mult is the nanoseconds
 * of one tick, shifted (kernel/time/jiffies.c).
 */
#include "config.h"

#include "kernel/internal.h"

struct clocksource_layout {
	struct member mult, shift;
};

static const struct layout_member clocksource_members[] = {
	LAYOUT(struct clocksource_layout, mult, "clocksource", "mult"),
	LAYOUT(struct clocksource_layout, shift, "clocksource", "shift"),
};

static struct err *tick_ns(struct kernel *k, uint64_t *ret)
{
	struct clocksource_layout l;
	uint64_t mult, shift;
	struct kva jiffies;

	TRY(klayout(k, clocksource_members, ARRAY_SIZE(clocksource_members), &l, NULL));
	TRY(ksym(k, "clocksource_jiffies", &jiffies));
	TRY(kget(k, jiffies, &l.mult, &mult));
	TRY(kget(k, jiffies, &l.shift, &shift));
	if (shift >= 32)
		return err_new(ERR_CORRUPT, "clocksource_jiffies.shift is too large");
	*ret = mult >> shift;
	return NULL;
}

uint32_t kernel_find_hz(struct kernel *k)
{
	static const uint64_t second = 1000000000;
	uint64_t ns;
	struct err *e = tick_ns(k, &ns);

	if (e) {
		err_free(e);
		return 0;
	}
	uint64_t hz = ns ? (second + ns / 2) / ns : 0;
	return hz >= 10 && hz <= 10000 ? (uint32_t)hz : 0;
}
