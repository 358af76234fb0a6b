/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of the sample that have other contents than entries, and values by owner. */
#include "config.h"

#include "sample-bodies.h"

#include <stdlib.h>

#include "sample.h"

static void *alloc(struct report *r, size_t nr, size_t size)
{
	void *p = pool_calloc(&r->pool, nr, size);

	if (!p)
		abort();
	return p;
}

static struct map_row *add(struct report *r, const char *name, uint32_t type, const char *type_name,
			   enum map_body body)
{
	struct map_row *m = vec_push(&r->maps);

	if (!m)
		abort();
	m->id = (uint32_t)r->maps.nr;
	m->kva.v = 0xffff888100000000 + 0x1000 * r->maps.nr;
	strncpy(m->name, name, sizeof(m->name) - 1);
	m->type = type;
	m->type_name = type_name;
	m->body = body;
	return m;
}

static void add_ring(struct report *r)
{
	struct map_row *m = add(r, "events", 27, "ringbuf", MAP_BODY_RINGBUF);
	struct ringbuf_body *b = m->ringbuf = alloc(r, 1, sizeof(*b));

	m->max_entries = 4096;
	m->error = "ring buffer truncated at 3 records (4088 bytes unread)";
	*b = (struct ringbuf_body){ .capacity = 4096, .consumer_pos = 8192, .producer_pos = 12280,
				    .pending_pos = 8208, .overwrites = true, .overwrite_pos = 8192, .has_busy = true,
				    .busy_pos = 8208, .nr_records = 3, .truncated = true };
	b->records = alloc(r, 3, sizeof(*b->records));
	b->records[0] = (struct ring_record){ .pos = 8192, .len = 5, .data = (const uint8_t *)"hello" };
	b->records[1] = (struct ring_record){ .pos = 8208, .len = 40, .busy = true,
					      .data = alloc(r, 1, 40) };
	b->records[2] = (struct ring_record){ .pos = 8256, .len = 8, .discard = true };
}

static void add_stacks(struct report *r)
{
	static const uint8_t pcs[] = { 0, 0x10, 0, 0x81, 0xff, 0xff, 0xff, 0xff, 0, 0x20, 0x40, 0, 0, 0, 0, 0 };
	static const char *symbols[] = { "do_idle+0x10/0x80", NULL };
	static const char *in_module[] = { NULL, "f+0x1/0x20 [m\x1b]" };
	static const uint8_t ids[2 * STACK_BUILD_ID_SIZE] = { [0] = 1, [4] = 0xab, [23] = 0xcd, [24] = 0x99,
							      [32] = 2, [56] = 0x77 };
	struct map_row *m = add(r, "stacks", 7, "stack_trace", MAP_BODY_STACKS);
	struct stacks_body *b = m->stacks = alloc(r, 1, sizeof(*b));

	*b = (struct stacks_body){ .n_buckets = 64, .frame_size = 8, .nr = 2, .truncated = true,
				   .unreadable = 1 };
	b->rows = alloc(r, 2, sizeof(*b->rows));
	b->rows[0] = (struct stack_row){ .bucket = 3, .nr = 200, .frames = 2, .data = pcs, .symbols = symbols };
	b->rows[1] = (struct stack_row){ .bucket = 9, .nr = 4 };
	m->error = "1 buckets unreadable";
	m->unreadable = true;

	m = add(r, "user_stacks", 7, "stack_trace", MAP_BODY_STACKS);
	m->flags = 0x20;
	b = m->stacks = alloc(r, 1, sizeof(*b));
	*b = (struct stacks_body){ .n_buckets = 1, .frame_size = STACK_BUILD_ID_SIZE, .nr = 1 };
	b->rows = alloc(r, 1, sizeof(*b->rows));
	b->rows[0] = (struct stack_row){ .nr = 2, .frames = 2, .data = ids, .symbols = in_module };
}

static void add_bloom(struct report *r)
{
	struct map_row *m = add(r, "seen", 30, "bloom_filter", MAP_BODY_BLOOM);

	m->bloom = alloc(r, 1, sizeof(*m->bloom));
	*m->bloom = (struct bloom_body){ .bits = 65536, .bits_set = 5, .bits_unread = 32768, .nr_hashes = 3,
					 .seed = 9 };
}

static void add_storage(struct report *r, const char *name, uint32_t type, const char *type_name,
			const struct map_owner *owners, size_t nr)
{
	struct map_row *m = add(r, name, type, type_name, MAP_BODY_ENTRIES);

	m->key_size = 4;
	m->value_size = 8;
	m->nr_entries = nr;
	m->entries = alloc(r, nr, sizeof(*m->entries));
	for (size_t i = 0; i < nr; i++) {
		m->entries[i].owner = &owners[i];
		m->entries[i].value = i ? NULL : (const uint8_t *)"\1\2\3\4\5\6\7\10";
	}
}

static const struct map_owner worker = { .kva = { 0xffff888100200000 }, .kind = OWNER_TASK, .pid = 70, .tgid = 60,
					 .comm = "wo\x1brker" };

static const struct map_owner group = { .kva = { 0xffff888100300000 }, .kind = OWNER_CGROUP, .path = "/a\x1b" "b",
					.cgroup_id = 31 };

static void add_allocators(struct report *r)
{
	static const uint8_t bytes[24];
	struct sdt_alloc_row *row = vec_push(&r->sdt_allocs);

	if (!row)
		abort();
	*row = (struct sdt_alloc_row){
		.name = "scx_task\x1b_allocator", .map_id = 3, .arena_id = 12, .sched = &r->active[0], .elem_size = 32,
		.header = 8, .types = sample_types(), .type = SAMPLE_TASK_CTX, .type_name = "task_ctx",
		.type_by = "pointers to it lead to the elements", .nr = 3, .truncated = true, .skipped = 2,
	};
	row->slots = alloc(r, row->nr, sizeof(*row->slots));
	row->slots[0] = (struct sdt_slot){ .user_addr = 0x100000007000, .data = bytes, .len = 24, .owner = &worker };
	row->slots[1] = (struct sdt_slot){ .idx = -1, .genn = 7, .position = 513, .user_addr = 0x100000007020,
					   .data = bytes, .len = 24 };
	row->slots[2] = (struct sdt_slot){ .position = 514, .user_addr = 0x1000ffffffff, .unreadable = true };
	row = vec_push(&r->sdt_allocs);
	if (!row)
		abort();
	*row = (struct sdt_alloc_row){ .name = "other", .map_id = 4, .elem_size = 32, .header = 8,
				       .reason = "ambiguous: 2 candidates", .nr = 1 };
	row->slots = alloc(r, row->nr, sizeof(*row->slots));
	row->slots[0] = (struct sdt_slot){ .user_addr = 0x100000008000, .data = bytes, .len = 24 };
	row = vec_push(&r->sdt_allocs);
	if (!row)
		abort();
	*row = (struct sdt_alloc_row){ .name = "below", .map_id = 5, .sched = &r->active[1], .elem_size = 40,
				       .tag_size = 16, .reason = "no candidate of size 24", .nr = 1 };
	row->slots = alloc(r, row->nr, sizeof(*row->slots));
	row->slots[0] = (struct sdt_slot){ .user_addr = 0x100000009000, .data = bytes, .len = 24, .owner = &group };
}

static void add_arena_objects(struct report *r)
{
	static const uint8_t bytes[24];
	struct scx_static_row *region = vec_push(&r->scx_statics);
	struct arena_object *one = vec_push(&r->arena_objects), *two = vec_push(&r->arena_objects);
	struct task_object *task = vec_push(&r->task_objects), *by_id = vec_push(&r->task_objects);

	if (!region || !one || !two || !task || !by_id)
		abort();
	*region = (struct scx_static_row){ .name = "scx_static", .map_id = 3, .arena_id = 12, .sched = &r->active[0],
					   .user_addr = 0x100000020000, .used = 1000, .capacity = 8192,
					   .earlier = alloc(r, 1, sizeof(*region->earlier)), .nr_earlier = 1 };
	region->earlier[0] = 0x100000018000;
	r->scx_static_skipped = 1;
	*one = (struct arena_object){ .arena_id = 12, .user_addr = 0x100000030000, .types = sample_types(),
				      .type = SAMPLE_TASK_CTX, .type_name = "task_ctx", .size = 24,
				      .data = bytes, .len = 24, .from_map = 3, .from = "he\x1b" "ad" };
	*two = (struct arena_object){ .arena_id = 12, .user_addr = 0x100000040000, .types = sample_types(),
				      .type = SAMPLE_TASK_CTX, .type_name = "task_ctx", .size = 24,
				      .from_addr = 0x100000030000, .from = "next[3]", .sched = &r->active[1] };
	*task = (struct task_object){ .task = &worker, .map_id = 5, .arena_id = 12, .user_addr = 0x100000030000,
				      .type_name = "task_ctx" };
	*by_id = (struct task_object){ .task = &worker, .map_id = 5, .arena_id = 12,
				       .user_addr = 0x100000007000, .allocator = "scx_task\x1b_allocator",
				       .type_name = "task_ctx", .by_id = true };
}

void sample_bodies(struct report *r)
{
	static const uint8_t payload[24];
	static const struct map_payload typed = { .type = SAMPLE_TASK_CTX, .data = payload, .len = 24 };
	static const struct map_owner tasks[] = {
		{ .kva = { 0xffff888100200000 }, .kind = OWNER_TASK, .pid = 70, .tgid = 60,
		  .comm = "wo\x1brker" },
		{ .kva = { 0xffff888100201000 }, .kind = OWNER_TASK,
		  .why = "0xffff888100201000: not mapped" },
	};
	static const struct map_owner cgroups[] = {
		{ .kva = { 0xffff888100202000 }, .kind = OWNER_CGROUP, .path = "/system.slice", .cgroup_id = 20 },
	};
	static const struct map_owner inodes[] = {
		{ .kva = { 0xffff888100203000 }, .kind = OWNER_INODE, .ino = 1234, .sb_id = "sda1",
		  .dev_major = 8, .dev_minor = 1 },
	};
	static const struct map_owner sockets[] = {
		{ .kva = { 0xffff888100204000 }, .kind = OWNER_SOCKET, .family = 2, .sock_type = 1,
		  .protocol = 6, .sock_state = 1, .local_addr = "127.0.0.1", .local_port = 8080,
		  .remote_addr = "10.0.0.2", .remote_port = 80 },
		{ .kva = { 0xffff888100205000 }, .kind = OWNER_SOCKET, .family = 1, .sock_type = 2 },
	};

	add_ring(r);
	add_stacks(r);
	add_bloom(r);
	add_storage(r, "task_store", 29, "task_storage", tasks, ARRAY_SIZE(tasks));
	r->maps.data[r->maps.nr - 1].types = sample_types();
	r->maps.data[r->maps.nr - 1].entries[0].payload = &typed;
	add_storage(r, "cgrp_store", 32, "cgrp_storage", cgroups, ARRAY_SIZE(cgroups));
	add_storage(r, "inode_store", 28, "inode_storage", inodes, ARRAY_SIZE(inodes));
	add_storage(r, "sk_store", 24, "sk_storage", sockets, ARRAY_SIZE(sockets));
	add_allocators(r);
	add_arena_objects(r);
}

/* ---- stacks of the sample's tasks */

static void add_kstack(struct report *r, struct kstack_row row)
{
	struct kstack_row *s = vec_push(&r->stacks);

	if (!s)
		abort();
	*s = row;
}

void sample_stacks(struct report *r)
{
	static const struct frame_line lines[] = {
		{ .func = "read_once", .file = "include/\x1b.h", .line = 12, .inlined = true },
		{ .func = "nmi_h\x1b", .file = "arch/x86/nmi.c", .line = 345 },
		{ .func = "tick" },
		{ .func = "stall_enq", .file = "/home/me/\x1b/stall.bpf.c", .line = 77, .column = 3,
		  .text = "\t\treturn \"\x1b[2J\";" },
	};
	static const struct frame_arg args[] = {
		{ .name = "regs", .known = true, .is_pointer = true, .value = 0xfffffe0000010f58 },
		{ .name = "error", .known = true, .is_signed = true, .value = UINT64_MAX },
		{ .name = "nr", .known = true, .value = 2 },
		{ .name = "lost" },
	};
	static const struct frame_source source[] = {
		{ .lines = lines, .nr_lines = 2, .has_args = true, .args = args, .nr_args = 4 },
		{ .lines = &lines[2], .nr_lines = 1, .has_args = true, .args = &args[3], .nr_args = 1 },
		{ .lines = &lines[3], .nr_lines = 1 },
	};
	static const struct kstack_frame vcpu[] = {
		{ .ip = 0xffffffff81200010, .sp = 0xfffffe0000010f00, .kind = FRAME_EXACT, .stack = "nmi",
		  .symbol = "nmi_h\x1b", .offset = 0x10, .size = 0x40, .source = &source[0] },
		{ .ip = 0xffffffff81200110, .sp = 0xffffc90000003f80, .kind = FRAME_CALL, .stack = "irq",
		  .symbol = "tick", .offset = 0x10, .source = &source[1] },
		{ .ip = 0xffffffffc0001254, .sp = 0xffffc90000013f00, .kind = FRAME_EXACT, .stack = "task",
		  .symbol = "bpf_prog_0123456789abcdef_stall_enq", .module = "bpf", .prog_id = 21, .offset = 0x20,
		  .size = 345, .source = &source[2] },
		{ .ip = 0xffffffffc0001354, .sp = 0xffffc90000013f20, .kind = FRAME_CALL, .stack = "task",
		  .symbol = "bpf_prog_fedcba9876543210_sub", .module = "bpf", .offset = 0x10, .size = 45,
		  .line_error = "its lines are not in order" },
		{ .ip = 0xffffffff81000077, .sp = 0xffffc90000013f40, .kind = FRAME_CALL, .stack = "task" },
		{ .ip = 0x401234, .sp = 0x7ffee0001000, .kind = FRAME_USER },
	};
	static const struct kstack_frame waits[] = {
		{ .ip = 0xffffffff81300010, .sp = 0xffffc90000023f00, .kind = FRAME_CALL, .stack = "task",
		  .symbol = "schedule", .offset = 0x10, .size = 0xd0 },
		{ .ip = 0xffffffff81300210, .sp = 0xffffc90000023f40, .kind = FRAME_CALL, .stack = "task",
		  .symbol = "io_wait", .offset = 0x10, .size = 0x50 },
		{ .ip = 0xffffffff81300310, .sp = 0xffffc90000023f80, .kind = FRAME_GUESS, .stack = "task",
		  .symbol = "read", .offset = 0x10, .size = 0x50 },
	};

	add_kstack(r, (struct kstack_row){ .has_vcpu = true, .task = r->tasks.data[1].kva, .frames = vcpu,
					   .nr_frames = ARRAY_SIZE(vcpu) });
	add_kstack(r, (struct kstack_row){ .has_vcpu = true, .vcpu = 1, .why = "no registers" });
	for (size_t i = 0; i < r->tasks.nr; i++) {
		struct task_row *t = &r->tasks.data[i];

		if (t->state.v == 2) {
			t->stack = r->stacks.nr + 1;
			add_kstack(r, (struct kstack_row){
				.task = t->kva, .frames = waits, .nr_frames = ARRAY_SIZE(waits),
				.wchan = 2, .why = "the table says nothing" });
		}
	}
	add_kstack(r, (struct kstack_row){ .task = r->tasks.data[0].kva, .frames = waits, .nr_frames = 2,
					   .wchan = 2 });
}

void sample_locks(struct report *r, struct map_row *m)
{
	struct held_lock *locks = pool_calloc(&r->pool, 3, sizeof(*locks));
	uint32_t *cpus = pool_calloc(&r->pool, 3, sizeof(*cpus));

	if (!locks || !cpus)
		abort();
	cpus[1] = 3;
	locks[0] = (struct held_lock){
		.what = "bucket", .has_index = true, .index = 17, .kva.v = 0xffffc90000200118, .held = true,
		.waited = true, .cpus = cpus, .nr_cpus = 2,
	};
	locks[1] = (struct held_lock){
		.what = "LRU list", .kva.v = 0xffff888004a01240, .held = true, .cpus = cpus + 1, .nr_cpus = 1,
	};
	locks[2] = (struct held_lock){ .what = "value", .key = m->entries[0].key, .member = "lo\x1b" "ck", .waited = true };
	m->locks = locks;
	m->nr_locks = 3;
	m->locks_cut = 2;
}
