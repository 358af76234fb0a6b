/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "triage/log.h"

bool triage_log_find(struct triage *t, const char *const *words, bool no_lockups, size_t *ret_record,
		     const char **ret_text)
{
	const struct log *log = &t->r->log;

	for (size_t i = 0; i < log->nr; i++) {
		const struct log_record *rec = &log->records[i];

		if (!rec->text || rec->facility)
			continue;
		if (no_lockups && (strstr(rec->text, "lockup") || strstr(rec->text, "workqueue")))
			continue;
		for (size_t w = 0; words[w]; w++) {
			if (strncmp(rec->text, words[w], strlen(words[w])))
				continue;
			*ret_record = i;
			*ret_text = rec->text;
			return true;
		}
	}
	return false;
}

void triage_log_evidence(struct triage *t, struct finding *f, size_t record)
{
	triage_text(t, f, t->r->log.records[record].text, "fdgdb.log.records[%zu].text", record);
}
