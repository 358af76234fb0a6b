/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/json-parts.h"

static void write_evidence(struct json *j, const struct evidence *e)
{
	json_open_object(j);
	json_key_string(j, "path", e->path);
	json_key(j, "value");
	switch (e->kind) {
	case EVIDENCE_NUM:
	case EVIDENCE_HEX:
		json_u64(j, e->num);
		break;
	case EVIDENCE_INT:
		json_i64(j, (int64_t)e->num);
		break;
	case EVIDENCE_SECONDS:
		json_double(j, e->seconds);
		break;
	case EVIDENCE_BOOL:
		json_bool(j, e->num);
		break;
	case EVIDENCE_TEXT:
		json_string(j, e->text ? e->text : "");
		break;
	}
	json_close_object(j);
}

static void write_finding(struct json *j, const struct finding *f)
{
	json_open_object(j);
	json_key_string(j, "id", f->id);
	json_key_string(j, "key", f->key);
	json_key_string(j, "severity", severity_text(f->severity));
	json_key_string(j, "confidence", confidence_text(f->confidence));
	json_key_string(j, "summary", f->summary);
	json_opt_i32(j, "pid", &f->pid);
	json_opt_u64(j, "cpu", &f->cpu);
	json_opt_u64(j, "dsq_id", &f->dsq);
	json_opt_string(j, "caused_by", f->caused_by);
	json_opt_string(j, "look_next", f->look_next);
	json_key(j, "evidence");
	json_open_array(j);
	for (const struct evidence *e = f->evidence; e; e = e->next)
		write_evidence(j, e);
	json_close_array(j);
	json_close_object(j);
}

void json_write_findings(struct json_report *w)
{
	const struct findings *fs = &w->r->findings;
	struct json *j = &w->j;

	if (!fs->ran)
		return;
	json_key(j, "findings");
	json_open_array(j);
	for (size_t i = 0; i < fs->rows.nr; i++) {
		if (!fs->rows.data[i]->left_out)
			write_finding(j, fs->rows.data[i]);
	}
	json_close_array(j);
	if (fs->nr_left_out)
		json_key_u64(j, "findings_left_out", fs->nr_left_out);

	json_key(j, "not_examined");
	json_open_array(j);
	for (size_t i = 0; i < fs->unexamined.nr; i++) {
		json_open_object(j);
		json_key_string(j, "id", fs->unexamined.data[i].id);
		json_key_string(j, "why", fs->unexamined.data[i].why);
		json_close_object(j);
	}
	json_close_array(j);
}
