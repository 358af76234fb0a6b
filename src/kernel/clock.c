/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/clock.h"

struct clock_layout {
	struct member timekeeper, data, seq;
	struct member clock, mult, shift, xtime_nsec, base, offs_real, offs_boot;
};

static const struct layout_member mono_members[] = {
	LAYOUT(struct clock_layout, timekeeper, "timekeeper", ""),
	LAYOUT_OPT(struct clock_layout, data, "tk_data", "timekeeper"), /* 6.13 */
	LAYOUT_OPT(struct clock_layout, seq, "seqcount_raw_spinlock", ""),
	LAYOUT(struct clock_layout, shift, "timekeeper", "tkr_mono.shift"),
	LAYOUT(struct clock_layout, xtime_nsec, "timekeeper", "tkr_mono.xtime_nsec"),
	LAYOUT(struct clock_layout, base, "timekeeper", "tkr_mono.base"),
};

static const struct layout_member other_members[] = {
	LAYOUT(struct clock_layout, clock, "timekeeper", "tkr_mono.clock"),
	LAYOUT(struct clock_layout, mult, "timekeeper", "tkr_mono.mult"),
	LAYOUT(struct clock_layout, offs_real, "timekeeper", "offs_real"),
	LAYOUT(struct clock_layout, offs_boot, "timekeeper", "offs_boot"),
};

/* As klayout(), but nothing may be missing. */
static struct err *all_of(struct kernel *k, const struct layout_member *members, size_t nr, struct clock_layout *l)
{
	struct missing missing = { 0 };
	struct err *e = klayout(k, members, nr, l, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "not in this kernel's types: %s", missing.names[0]);
	missing_deinit(&missing);
	return e;
}

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

static struct err *read_mono(struct kernel *k, const struct clock_layout *l, struct kva tk, uint64_t *ret)
{
	uint64_t shift, nsec, base;

	TRY(err_prefix(kget(k, tk, &l->shift, &shift), "timekeeper"));
	TRY(kget(k, tk, &l->xtime_nsec, &nsec));
	TRY(kget(k, tk, &l->base, &base));
	if (shift >= 64)
		return err_new(ERR_CORRUPT, "timekeeper: shift is %llu", (unsigned long long)shift);
	*ret = base + (nsec >> shift);
	return NULL;
}

struct err *kclock_mono(struct kernel *k, uint64_t *ret)
{
	struct clock_layout l;
	struct kva tk;

	TRY(all_of(k, mono_members, ARRAY_SIZE(mono_members), &l));
	TRY(find(k, &l, &tk));
	return read_mono(k, &l, tk, ret);
}

struct err *kclocks_read(struct kernel *k, struct kclocks *ret)
{
	struct clock_layout l;
	uint64_t mono, mult, real, boot;
	struct kva tk, clock;

	TRY(all_of(k, mono_members, ARRAY_SIZE(mono_members), &l));
	TRY(all_of(k, other_members, ARRAY_SIZE(other_members), &l));
	TRY(find(k, &l, &tk));
	kprefetch(k, &(struct krange){ tk, l.timekeeper.size }, 1);
	TRY(read_mono(k, &l, tk, &mono));
	TRY(kget_kva(k, tk, &l.clock, &clock));
	TRY(kget(k, tk, &l.mult, &mult));
	TRY(kget(k, tk, &l.offs_real, &real));
	TRY(kget(k, tk, &l.offs_boot, &boot));
	if (clock.v >> 63 == 0 || !mult)
		return err_new(ERR_CORRUPT, "the timekeeper has no clock");
	*ret = (struct kclocks){ .mono = mono, .boot = mono + boot, .real = mono + real };
	return NULL;
}
