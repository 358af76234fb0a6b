/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps that have other contents than entries, and the owners of values in storage maps. */
#include "config.h"

#include "report/json-parts.h"

static void write_record(struct json *j, const struct ring_record *r)
{
	json_open_object(j);
	json_key_u64(j, "pos", r->pos);
	json_key_u64(j, "len", r->len);
	json_key_bool(j, "busy", r->busy);
	json_key_bool(j, "discard", r->discard);
	json_key(j, "bytes_hex");
	json_hex(j, r->data, r->data ? r->len : 0);
	json_opt_true(j, "unreadable", !r->data);
	json_close_object(j);
}

void json_ringbuf(struct json *j, const struct ringbuf_body *b)
{
	json_open_object(j);
	json_key_u64(j, "capacity", b->capacity);
	json_key_u64(j, "consumer_pos", b->consumer_pos);
	json_key_u64(j, "producer_pos", b->producer_pos);
	json_key_u64(j, "pending_pos", b->pending_pos);
	json_key_u64(j, "pending_bytes", b->producer_pos - b->consumer_pos);
	if (b->overwrites) {
		json_key_bool(j, "overwrites", true);
		json_key_u64(j, "overwrite_pos", b->overwrite_pos);
	}
	json_key_u64(j, "unread_bytes", ringbuf_unread(b));
	if (b->has_busy)
		json_key_u64(j, "busy_pos", b->busy_pos);
	json_key(j, "records");
	json_open_array(j);
	for (size_t i = 0; i < b->nr_records && !json_failed(j); i++)
		write_record(j, &b->records[i]);
	json_close_array(j);
	json_opt_true(j, "records_truncated", b->truncated);
	json_close_object(j);
}

/* The frames of a trace by build id. */
static void write_build_ids(struct json *j, const struct stack_row *r)
{
	json_key(j, "build_ids");
	json_open_array(j);
	for (uint32_t i = 0; i < r->frames; i++) {
		const uint8_t *frame = r->data + (size_t)i * STACK_BUILD_ID_SIZE;
		uint32_t status = get_le32(frame);

		/* BPF_STACK_BUILD_ID_EMPTY, _VALID, _IP */
		json_open_object(j);
		json_key_u64(j, "status", status);
		if (status == 1) {
			json_key(j, "build_id");
			json_hex(j, frame + 4, 20);
		}
		if (status == 1 || status == 2)
			json_key_u64(j, status == 1 ? "offset" : "ip", get_le64(frame + 24));
		json_opt_string(j, "symbol", r->symbols ? r->symbols[i] : NULL);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_pcs(struct json *j, const struct stack_row *r)
{
	json_key(j, "pcs");
	json_open_flat_array(j);
	for (uint32_t i = 0; i < r->frames; i++)
		json_u64(j, get_le64(r->data + (size_t)i * 8));
	json_close_array(j);
	if (!r->symbols)
		return;
	json_key(j, "symbols");
	json_open_array(j);
	for (uint32_t i = 0; i < r->frames; i++) {
		if (r->symbols[i])
			json_string(j, r->symbols[i]);
		else
			json_null(j);
	}
	json_close_array(j);
}

void json_stacks(struct json *j, const struct stacks_body *b)
{
	json_open_object(j);
	json_key_u64(j, "n_buckets", b->n_buckets);
	json_key(j, "entries");
	json_open_array(j);
	for (size_t i = 0; i < b->nr && !json_failed(j); i++) {
		const struct stack_row *r = &b->rows[i];

		json_open_object(j);
		json_key_u64(j, "bucket_id", r->bucket);
		json_key_u64(j, "nr", r->nr);
		json_key(j, "data_hex");
		json_hex(j, r->data, r->data ? (size_t)r->frames * b->frame_size : 0);
		if (r->data && r->frames) {
			if (b->frame_size == STACK_BUILD_ID_SIZE)
				write_build_ids(j, r);
			else
				write_pcs(j, r);
		}
		json_close_object(j);
	}
	json_close_array(j);
	json_opt_true(j, "truncated", b->truncated);
	if (b->unreadable)
		json_key_u64(j, "buckets_unreadable", b->unreadable);
	json_close_object(j);
}

void json_bloom(struct json *j, const struct bloom_body *b)
{
	json_open_object(j);
	json_key_u64(j, "bits", b->bits);
	json_key_u64(j, "bits_set", b->bits_set);
	if (b->bits_unread)
		json_key_u64(j, "bits_unread", b->bits_unread);
	json_key_u64(j, "hash_functions", b->nr_hashes);
	json_key_u64(j, "hash_seed", b->seed);
	json_close_object(j);
}

/* What could not be read is left out; ids and numbers of 0 mean nothing else. */
static void write_nonzero(struct json *j, const char *key, uint64_t v)
{
	if (v)
		json_key_u64(j, key, v);
}

void json_owner(struct json *j, const struct map_owner *o)
{
	json_open_object(j);
	switch (o->kind) {
	case OWNER_TASK:
		json_key_string(j, "kind", "task");
		if (!o->why) {
			json_key_i64(j, "pid", o->pid);
			json_key_i64(j, "tgid", o->tgid);
		}
		json_opt_string(j, "comm", o->comm);
		break;
	case OWNER_CGROUP:
		json_key_string(j, "kind", "cgroup");
		json_opt_string(j, "path", o->path);
		write_nonzero(j, "cgroup_id", o->cgroup_id);
		break;
	case OWNER_INODE:
		json_key_string(j, "kind", "inode");
		write_nonzero(j, "ino", o->ino);
		if (o->sb_id) {
			json_key_string(j, "sb_id", o->sb_id);
			json_key_u64(j, "dev_major", o->dev_major);
			json_key_u64(j, "dev_minor", o->dev_minor);
		}
		break;
	case OWNER_SOCKET:
		json_key_string(j, "kind", "socket");
		if (!o->why) {
			json_key_u64(j, "family", o->family);
			json_key_u64(j, "type", o->sock_type);
			json_key_u64(j, "protocol", o->protocol);
			json_key_u64(j, "state", o->sock_state);
		}
		if (o->local_addr) {
			json_key_string(j, "local_addr", o->local_addr);
			json_key_u64(j, "local_port", o->local_port);
			json_key_string(j, "remote_addr", o->remote_addr);
			json_key_u64(j, "remote_port", o->remote_port);
		}
		break;
	}
	json_opt_string(j, "unreadable", o->why);
	json_close_object(j);
}
