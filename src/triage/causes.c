/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which finding follows from which, and in what order a user reads them. */
#include "config.h"

#include "triage/triage.h"

/* Who waits for just any of a kind can not have waited for longer, but for what clocks and limits blur. */
static const double BLUR_S = 6;

static int by_thing(const void *a, const void *b)
{
	const struct tie *x = a, *y = b;

	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->needs != y->needs)
		return x->needs ? 1 : -1;
	if (x->finding->rule != y->finding->rule)
		return x->finding->rule < y->finding->rule ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int by_finding(const void *a, const void *b)
{
	const struct tie *const *x = a, *const *y = b;

	if ((*x)->finding->nr != (*y)->finding->nr)
		return (*x)->finding->nr < (*y)->finding->nr ? -1 : 1;
	return (*x)->nr < (*y)->nr ? -1 : (*x)->nr > (*y)->nr;
}

static bool is_loose(enum thing what)
{
	return what >= THING_CULPRIT;
}

static bool follows_from(const struct finding *f, const struct finding *maybe_cause)
{
	for (; f; f = f->cause) {
		if (f == maybe_cause)
			return true;
	}
	return false;
}

/* Whether a trouble was one already when the other, which ends all, came. */
static bool was_there(const struct finding *f, const struct finding *end)
{
	return f->lasted - f->grace > end->lasted;
}

/* Whether f can not come of the other one, by when they began. */
static bool too_old(const struct finding *f, const struct finding *other, enum thing what)
{
	if (!f->has_lasted || !other->has_lasted)
		return false;
	/* After a panic nothing gets on; what did not before it is another trouble, and may be its cause. */
	if (other->ends_all)
		return was_there(f, other);
	if (f->ends_all)
		return !was_there(other, f);
	return is_loose(what) && f->lasted > other->lasted + BLUR_S;
}

/* The first of the ties about one thing, which are sorted. */
static size_t first_of(const struct triage *t, enum thing what, uint64_t id)
{
	size_t lo = 0, hi = t->ties.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct tie *tie = &t->ties.data[mid];

		if (tie->what < what || (tie->what == what && tie->id < id))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct finding *find_cause(const struct triage *t, const struct tie *need)
{
	const struct finding *f = need->finding;
	bool itself = false;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = first_of(t, need->what, need->id); i < t->ties.nr; i++) {
			const struct tie *tie = &t->ties.data[i];

			if (tie->what != need->what || tie->id != need->id || tie->needs)
				break;
			if (!pass) {
				itself |= tie->finding == f;
				continue;
			}
			/* Both are about it: then one of the rules knows more of it. */
			if (tie->finding == f || (itself && tie->finding->rule >= f->rule))
				continue;
			if (!follows_from(tie->finding, f) && !too_old(f, tie->finding, need->what))
				return tie->finding;
		}
	}
	return NULL;
}

static void link_causes(struct triage *t)
{
	const struct tie **needs = calloc(t->ties.nr + 1, sizeof(*needs));
	size_t nr = 0;

	if (!needs) {
		t->nomem = true;
		return;
	}
	if (t->ties.nr)
		qsort(t->ties.data, t->ties.nr, sizeof(*t->ties.data), by_thing);
	for (size_t i = 0; i < t->ties.nr; i++) {
		if (t->ties.data[i].needs)
			needs[nr++] = &t->ties.data[i];
	}
	qsort(needs, nr, sizeof(*needs), by_finding);
	for (size_t i = 0; i < nr; i++) {
		if (!needs[i]->finding->cause)
			needs[i]->finding->cause = find_cause(t, needs[i]);
	}
	free(needs);
}

static struct finding *root_of(struct finding *f)
{
	while (f->cause)
		f = f->cause;
	return f;
}

/* ---- order: roots by weight, each with what follows from it behind it */

static int compare(const struct finding *x, const struct finding *y)
{
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->confidence != y->confidence)
		return x->confidence > y->confidence ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int by_weight(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a, *y = *(struct finding *const *)b;
	int order;

	if (x->root != y->root && (order = compare(x->root, y->root)))
		return order;
	if (!x->cause != !y->cause)
		return x->cause ? 1 : -1;
	return compare(x, y);
}

void triage_link(struct triage *t)
{
	struct findings *fs = &t->out->findings;

	link_causes(t);
	for (size_t i = 0; i < fs->rows.nr; i++) {
		struct finding *f = fs->rows.data[i], *root = root_of(f);

		f->root = root;
		f->caused_by = f->cause ? root->key : NULL;
	}
	/* What makes tasks hang for minutes is no mere warning. */
	for (size_t i = 0; i < fs->rows.nr; i++) {
		for (const struct finding *f = fs->rows.data[i]; f->cause; f = f->cause)
			f->cause->severity = MAX(f->cause->severity, f->severity);
	}
	if (fs->rows.nr)
		qsort(fs->rows.data, fs->rows.nr, sizeof(*fs->rows.data), by_weight);
}
