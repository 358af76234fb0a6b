/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/log.h"

static const double NS = 1e9;

const char *triage_log_text(const struct triage *t, size_t record)
{
	const struct log_record *rec = &t->r->log.records[record];

	return rec->facility ? NULL : rec->text;
}

size_t triage_log_find(const struct triage *t, size_t from, const char *const *words)
{
	for (size_t i = from; i < t->r->log.nr; i++) {
		const char *text = triage_log_text(t, i);

		for (size_t w = 0; text && words[w]; w++) {
			if (strstr(text, words[w]))
				return i;
		}
	}
	return LOG_NONE;
}

/* The log's clock is that of the run queues. */
double triage_log_age(const struct triage *t, size_t record)
{
	const struct log *log = &t->r->log;
	uint64_t now = log->nr ? log->records[log->nr - 1].ts_nsec : 0, then = log->records[record].ts_nsec;

	for (size_t i = 0; i < t->r->cpus.rows.nr; i++)
		now = MAX(now, t->r->cpus.rows.data[i].clock.v);
	return now >= then ? (double)(now - then) / NS : -1;
}

/* ---- complaints */

/* The number right behind a word; -1: none. */
static int64_t number_behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	char *end;
	long long v = at ? strtoll(at + strlen(word), &end, 10) : -1;

	return at && end > at + strlen(word) && v >= 0 ? v : -1;
}

/* "INFO: task NAME:PID blocked for more than ...": names may have colons in them. */
static int64_t hung_pid(const char *text)
{
	static const char begin[] = "INFO: task ";
	const char *from = strstr(text, begin), *at = from ? strstr(from, " blocked ") : NULL;

	while (at && at > from + strlen(begin) && at[-1] != ':')
		at--;
	return at ? number_behind(at - 1, ":") : -1;
}

/* Whether a text is a complaint of this kind, and what about: -1 if that is not one thing. */
static bool complains(const char *text, enum complaint what, int64_t *ret)
{
	*ret = -1;
	switch (what) {
	case SAID_SOFT_LOCKUP:
		*ret = number_behind(text, "BUG: soft lockup - CPU#");
		return *ret >= 0;
	case SAID_HARD_LOCKUP:
		*ret = number_behind(text, "hard LOCKUP on cpu ");
		return *ret >= 0;
	case SAID_HUNG_TASK:
		*ret = hung_pid(text);
		return *ret >= 0;
	case SAID_RCU_STALL:
		return strstr(text, "rcu: INFO: ") &&
		       (strstr(text, "detected stalls on CPUs/tasks") || strstr(text, "self-detected stall on CPU") ||
			strstr(text, "detected expedited stalls"));
	case SAID_WORKQUEUE:
		return strstr(text, "BUG: workqueue lockup");
	}
	return false;
}

size_t triage_log_complaint(const struct triage *t, enum complaint what, size_t before, int64_t *ret_number)
{
	for (size_t i = MIN(before, t->r->log.nr); i--;) {
		const char *text = triage_log_text(t, i);

		if (text && complains(text, what, ret_number))
			return i;
	}
	return LOG_NONE;
}

void triage_log_confirm(struct triage *t, struct finding *f, enum complaint what, int64_t number, double seconds)
{
	for (size_t i = t->r->log.nr; i-- && (seconds < 0 || triage_log_age(t, i) <= seconds);) {
		const char *text = triage_log_text(t, i);
		int64_t of;

		if (text && complains(text, what, &of) && of == number) {
			triage_log_evidence(t, f, i);
			return;
		}
	}
}

void triage_log_evidence(struct triage *t, struct finding *f, size_t record)
{
	triage_text(t, f, t->r->log.records[record].text, "fdgdb.log.records[%zu].text", record);
}
