/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "walk/clock.h"

struct clock_layout {
	struct member timekeeper, data, seq;
	struct member clock, mult, shift, xtime_nsec, base, offs_real, offs_boot;
};

static const struct layout_member clock_members[] = {
	LAYOUT(struct clock_layout, timekeeper, "timekeeper", ""),
	LAYOUT_OPT(struct clock_layout, data, "tk_data", "timekeeper"), /* 6.13 */
	LAYOUT_OPT(struct clock_layout, seq, "seqcount_raw_spinlock", ""),
	LAYOUT(struct clock_layout, clock, "timekeeper", "tkr_mono.clock"),
	LAYOUT(struct clock_layout, mult, "timekeeper", "tkr_mono.mult"),
	LAYOUT(struct clock_layout, shift, "timekeeper", "tkr_mono.shift"),
	LAYOUT(struct clock_layout, xtime_nsec, "timekeeper", "tkr_mono.xtime_nsec"),
	LAYOUT(struct clock_layout, base, "timekeeper", "tkr_mono.base"),
	LAYOUT(struct clock_layout, offs_real, "timekeeper", "offs_real"),
	LAYOUT(struct clock_layout, offs_boot, "timekeeper", "offs_boot"),
};

/* Where the struct timekeeper is. */
static struct err *find(struct kernel *k, const struct clock_layout *l, struct kva *ret)
{
	struct kva sym;

	/* An array from 6.16 on, whose first is the one of these clocks. */
	TRY(ksym(k, khas_sym(k, "timekeeper_data") ? "timekeeper_data" : "tk_core", &sym));
	if (l->data.present)
		*ret = kmember(sym, &l->data);
	else /* an unnamed struct: the lock's sequence, then the timekeeper */
		*ret = (struct kva){ sym.v + align_up(l->seq.present ? l->seq.size : 4, 8) };
	return NULL;
}

struct err *clocks_read(struct kernel *k, struct clocks *ret)
{
	struct clock_layout l;
	struct missing missing = { 0 };
	uint64_t mult, shift, nsec, base, real, boot;
	struct kva tk, clock;
	struct err *e = klayout(k, clock_members, ARRAY_SIZE(clock_members), &l, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	TRY(e);
	TRY(find(k, &l, &tk));
	kprefetch(k, &(struct krange){ tk, l.timekeeper.size }, 1);
	TRY(err_prefix(kget_kva(k, tk, &l.clock, &clock), "timekeeper"));
	TRY(kget(k, tk, &l.mult, &mult));
	TRY(kget(k, tk, &l.shift, &shift));
	TRY(kget(k, tk, &l.xtime_nsec, &nsec));
	TRY(kget(k, tk, &l.base, &base));
	TRY(kget(k, tk, &l.offs_real, &real));
	TRY(kget(k, tk, &l.offs_boot, &boot));
	if (clock.v >> 63 == 0 || !mult || shift >= 64)
		return err_new(ERR_CORRUPT, "the timekeeper has no clock");
	ret->mono = base + (nsec >> shift);
	ret->boot = ret->mono + boot;
	ret->real = ret->mono + real;
	return NULL;
}
