/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

static void write_record(struct json *j, const struct log_record *rec)
{
	json_open_object(j);
	json_key_u64(j, "seq", rec->seq);
	json_key_u64(j, "ts_ns", rec->ts_nsec);
	json_key_u64(j, "level", rec->level);
	json_key_u64(j, "facility", rec->facility);
	if (rec->caller.has)
		json_key_u64(j, rec->caller_is_cpu ? "caller_cpu" : "caller_pid", rec->caller.v);
	json_opt_string(j, "comm", rec->comm);
	json_opt_u64(j, "cpu", &rec->cpu);
	json_key_u64(j, "flags", rec->flags);
	json_opt_string(j, "flag_names", rec->flag_names);
	json_opt_true(j, "cont", rec->cont);
	if (rec->state != LOG_FINALIZED)
		json_key_string(j, "state", rec->state == LOG_COMMITTED ? "committed" : "reserved");
	json_opt_string(j, "subsystem", rec->subsystem);
	json_opt_string(j, "device", rec->device);
	if (rec->text) {
		json_key(j, "text");
		json_string_n(j, rec->text, rec->len);
	}
	json_opt_string(j, "lost", rec->text ? NULL : rec->why);
	json_close_object(j);
}

void json_write_log(struct json_report *w)
{
	const struct log *log = &w->r->log;
	struct json *j = &w->j;

	if (!log->collected)
		return;
	json_key(j, "log");
	json_open_object(j);
	json_key_u64(j, "overwritten", log->overwritten);
	if (log->cut)
		json_key_u64(j, "cut", log->cut);
	json_opt_u64(j, "failed", &log->failed);
	json_opt_u64(j, "clear_seq", &log->clear_seq);
	json_key(j, "records");
	json_open_array(j);
	for (size_t i = 0; i < log->nr; i++)
		write_record(j, &log->records[i]);
	json_close_array(j);
	json_close_object(j);
}
