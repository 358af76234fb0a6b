/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "sample.h"

#include <stdlib.h>

#include "sample-bodies.h"
#include "sample-system.h"
#include "values.h"

static struct report *new_report(void)
{
	struct report *r;

	if (report_create(&r))
		abort();
	return r;
}

static void must(struct err *e)
{
	if (e)
		abort();
}

static void *alloc(struct report *r, size_t size)
{
	void *p = pool_alloc(&r->pool, size);

	if (!p)
		abort();
	return p;
}

/* n little-endian 64-bit words as bytes. */
static const uint8_t *words(struct report *r, size_t n, const uint64_t *v)
{
	uint8_t *p = alloc(r, 8 * n);

	for (size_t i = 0; i < 8 * n; i++)
		p[i] = (uint8_t)(v[i / 8] >> 8 * (i % 8));
	return p;
}
#define WORDS(r, ...)                                                                              \
	words(r, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8, (uint64_t[]){ __VA_ARGS__ })

static struct map_row *add_map(struct report *r, const char *name, uint32_t type, const char *type_name,
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
	m->max_entries = 1;
	return m;
}

static void set_types(struct map_row *m, enum sample_type key, uint32_t key_size,
		      enum sample_type value, uint32_t value_size)
{
	m->key_size = key_size;
	m->value_size = value_size;
	m->key_type = key;
	m->value_type = value;
	if (key || value) {
		m->types = sample_types();
		m->btf_id = 17;
	}
}

static struct map_entry *set_entries(struct report *r, struct map_row *m, size_t nr)
{
	m->nr_entries = nr;
	m->entries = alloc(r, nr * sizeof(*m->entries));
	for (size_t i = 0; i < nr; i++)
		m->entries[i].index = (uint32_t)i;
	return m->entries;
}

static void set_per_cpu(struct report *r, struct map_entry *e, size_t nr, const uint8_t *const *values)
{
	e->per_cpu = alloc(r, r->kernel.nr_cpu_ids * sizeof(*e->per_cpu));
	memcpy(e->per_cpu, values, nr * sizeof(*values));
}

static void add_hashes(struct report *r)
{
	struct map_row *m = add_map(r, "cell_stats", 1, "hash", MAP_BODY_ENTRIES);

	set_types(m, SAMPLE_KEY, 8, SAMPLE_STAT, 16);
	m->max_entries = 1024;
	struct map_entry *e = set_entries(r, m, 3);
	e[0].key = WORDS(r, 1 | 7ULL << 32);
	e[0].value = WORDS(r, 120, 4);
	e[1].key = WORDS(r, 12);
	e[1].value = WORDS(r, 3, UINT64_MAX);
	e[2].key = WORDS(r, 13);
	e[2].value = WORDS(r, UINT64_MAX, 0);

	m = add_map(r, "task_ctxs", 9, "lru_hash", MAP_BODY_ENTRIES);
	set_types(m, SAMPLE_U32, 4, SAMPLE_TASK_CTX, 24);
	m->max_entries = 16;
	m->has_count = true;
	m->count = 4;
	m->error = "2 entries unreadable";
	m->unreadable = true;
	e = set_entries(r, m, 2);
	e[0].key = WORDS(r, 321);
	e[0].value = WORDS(r, 5, 6, 0);
	e[1].key = WORDS(r, 322);
	sample_locks(r, m);

	m = add_map(r, "raw\x1b[31m", 1, "hash", MAP_BODY_ENTRIES);
	set_types(m, SAMPLE_NONE, 4, SAMPLE_NONE, 8);
	e = set_entries(r, m, 1);
	e[0].key = WORDS(r, 0x04030201);
	e[0].value = WORDS(r, 0xefbeadde);
}

static void add_arrays(struct report *r)
{
	struct map_row *m = add_map(r, "stall.bss", 2, "array", MAP_BODY_VALUE);

	set_types(m, SAMPLE_NONE, 4, SAMPLE_BSS, 96);
	m->flags = 0x400;
	m->value = alloc(r, 96);
	m->value_len = 96;

	m = add_map(r, "everything", 2, "array", MAP_BODY_VALUE);
	set_types(m, SAMPLE_U32, 4, SAMPLE_EVERYTHING, 512);
	m->value = alloc(r, 512);
	m->value_len = 512;

	m = add_map(r, ".rodata.str1.1", 2, "array", MAP_BODY_VALUE);
	set_types(m, SAMPLE_NONE, 4, SAMPLE_NONE, 12);
	m->frozen = true;
	m->value = (const uint8_t *)"pid %d\n\0\xff ok";
	m->value_len = 12;
	m->value_text = true;

	m = add_map(r, "slots", 2, "array", MAP_BODY_ARRAY);
	set_types(m, SAMPLE_U32, 4, SAMPLE_U64, 8);
	m->max_entries = 3;
	m->error = "1 keys unreadable";
	m->unreadable = true;
	struct map_entry *e = set_entries(r, m, 3);
	e[0].value = WORDS(r, 0);
	e[2].value = WORDS(r, UINT64_MAX);

	m = add_map(r, "lost", 2, "array", MAP_BODY_VALUE);
	set_types(m, SAMPLE_U32, 4, SAMPLE_U64, 8);
	m->error = "value: cannot read 0xffffc90000123000: not mapped";
	m->unreadable = true;
}

static void add_per_cpu(struct report *r)
{
	struct map_row *m = add_map(r, "cpu_ctxs", 6, "percpu_array", MAP_BODY_PERCPU_ARRAY);

	set_types(m, SAMPLE_U32, 4, SAMPLE_CPU_CTX, 24);
	m->max_entries = 3;
	struct map_entry *e = set_entries(r, m, 3);
	/* All differ: a table. */
	set_per_cpu(r, &e[0], 3,
		    (const uint8_t *const[]){ WORDS(r, 1, 20, 1), WORDS(r, 2, 20, 1),
					      WORDS(r, 3, 20, 1) });
	/* Groups. */
	set_per_cpu(r, &e[1], 3,
		    (const uint8_t *const[]){ WORDS(r, 9, 0, 0), WORDS(r, 9, 0, 0), WORDS(r, 1, 0, 0) });
	/* The per-CPU pointer is null. */

	m = add_map(r, "hits", 5, "percpu_hash", MAP_BODY_PERCPU_HASH);
	set_types(m, SAMPLE_U32, 4, SAMPLE_U64, 8);
	m->max_entries = 64;
	e = set_entries(r, m, 2);
	e[0].key = WORDS(r, 5);
	set_per_cpu(r, &e[0], 3, (const uint8_t *const[]){ WORDS(r, 1), NULL, WORDS(r, 3) });
	bool *lost = alloc(r, 4 * sizeof(*lost));
	lost[1] = true;
	e[0].cpu_lost = lost;
	e[1].key = WORDS(r, 6);
}

static void add_arena(struct report *r)
{
	struct map_row *m = add_map(r, "arena", 33, "arena", MAP_BODY_ARENA);
	struct arena_body *a = alloc(r, sizeof(*a));
	uint8_t *page = alloc(r, PAGE_SIZE);

	page[0] = 255;
	page[1] = 10;
	a->declared_pages = 1000;
	a->kern_vm_start = 0xffffc90000008000;
	a->user_vm_start = 0x100000000000;
	a->nr_pages = 5;
	a->mapped_pages = 6;
	a->truncated = true;
	a->bytes_kept = 3 * PAGE_SIZE;
	a->pages = alloc(r, 5 * sizeof(*a->pages));
	a->pages[0] = (struct arena_page){ .user_addr = 0x100000001000, .bytes = page };
	a->pages[1] = (struct arena_page){ .user_addr = 0x100000005000 };
	a->pages[2] = (struct arena_page){ .user_addr = 0x100000007000, .bytes = alloc(r, PAGE_SIZE) };
	a->pages[3] = (struct arena_page){ .user_addr = 0x100000008000, .not_kept = true };
	a->pages[4] = (struct arena_page){ .user_addr = 0x100000009000, .not_kept = true };
	m->max_entries = 1000;
	m->arena = a;
	m->extra = 0x100000000000;
}

static struct task_row *add_task(struct report *r, uint64_t kva, int32_t pid, const char *comm)
{
	struct task_row *t = vec_push(&r->tasks);

	if (!t)
		abort();
	t->kva.v = kva;
	t->pid = t->tgid = pid;
	strncpy(t->comm, comm, sizeof(t->comm) - 1);
	t->weight = 100;
	t->prio = t->static_prio = t->normal_prio = 120;
	t->sched_class = "ext";
	t->state = (struct opt_u64){ true, 0 };
	t->scx_flags = (struct opt_u64){ true, 0x305 };
	return t;
}

static void add_tasks(struct report *r)
{
	struct task_row *t = add_task(r, 0xffff888004000000, 321, "victim");

	t->scx_flags.v = 0x301;
	t->dsq_kva = (struct opt_u64){ true, 0xffff888005000000 };
	t->runnable_at = (struct opt_u64){ true, 4294940000 };
	t->slice = (struct opt_u64){ true, 20000000 };
	t->vtime = (struct opt_u64){ true, UINT64_MAX };
	t->nvcsw = 3;
	t->utime = 12345678901;
	t->group_leader_pid = t->real_parent_pid = (struct opt_i32){ true, 1 };
	t->has_parent_comm = true;
	strcpy(t->real_parent_comm, "init");
	t->pgid = t->sid = (struct opt_i32){ true, 321 };
	t->nr_threads = (struct opt_i32){ true, 1 };
	t->core_cookie = (struct opt_u64){ true, 0 };
	t->signal_nvcsw = t->signal_nivcsw = (struct opt_u64){ true, 8 };
	t->signal_utime = t->signal_stime = (struct opt_u64){ true, 9 };

	t = add_task(r, 0xffff888004001000, 7, "evil\x1b]0;x\x07\xe2\x80\xae");
	t->running = true;
	t->cpu = 1;
	t->lock_slowpath = "mutex_lock_slowpath";
	t->pi_boosted_out_of_scx = true;
	t->x.lock_symbol = "__mutex_lock";
	t->x.last_ran = (struct opt_u64){ true, 0 };

	t = add_task(r, 0xffff888004002000, 44, "sleeper");
	t->state.v = 2;
	t->sched_class = NULL;
	t->unreadable = true;
	t->x.state_letter = 'D';
	t->x.last_ran = (struct opt_u64){ true, 125500000000 };
	t->x.in_iowait = (struct opt_u64){ true, 1 };

	t = add_task(r, 0xffff888004003000, 0, "swapper/0");
	t->sched_class = "idle";
	t->scx_flags.has = false;
	t->x.idle = true;
	t->x.state_letter = 'R';
}

/* Every key of fdgdb.tasks. */
static void add_details(struct report *r)
{
	struct task_row *t = &r->tasks.data[0];
	struct task_extra *x = &t->x;

	x->state_letter = 'R';
	x->exit_state = x->on_cpu = x->in_iowait = x->mm = (struct opt_u64){ true, 0 };
	x->exit_code = (struct opt_u64){ true, 9 };
	x->on_rq = (struct opt_u64){ true, 1 };
	x->flags = (struct opt_u64){ true, 0x40208040 };
	x->policy = (struct opt_i32){ true, 7 };
	x->cpus_allowed = "0-3,8";
	x->start_time = x->start_boottime = (struct opt_u64){ true, 3500000000 };
	x->sum_exec_runtime = (struct opt_u64){ true, 13000000000 };
	x->pcount = (struct opt_u64){ true, 42 };
	x->run_delay = (struct opt_u64){ true, 77000000 };
	x->last_arrival = x->last_queued = (struct opt_u64){ true, 12345 };
	x->last_ran = x->waiting = (struct opt_u64){ true, 23000000000 };
	x->stack = (struct opt_u64){ true, 0xffffc90000010000 };
	x->stack_end = (struct opt_u64){ true, 0xffffc90000014000 };
	x->cgroup = "/a.slice/evil\x1b[2J";
	x->cgroup_id = 77;
	x->unlisted = true;
	x->scx_flag_names = "QUEUED";
	x->scx_state = "ENABLED";
	x->ops_state = (struct opt_u64){ true, 2 };
	x->ops_state_name = "QUEUED";
	x->ddsp_dsq_id = (struct opt_u64){ true, 1 };
	x->sticky_cpu = (struct opt_i32){ true, -1 };
	x->holding_cpu = (struct opt_i32){ true, 2 };
	x->storage = alloc(r, 3 * sizeof(*x->storage));
	for (size_t i = 0; i < r->maps.nr && x->nr_storage < 3; i++) {
		const struct map_row *m = &r->maps.data[i];

		if (m->body != MAP_BODY_ENTRIES || !m->nr_entries)
			continue;
		/* Any map's will do: with types, without a value, without types. */
		x->storage[x->nr_storage++] = (struct task_storage){
			.map = i, .value = m->entries[m->nr_entries - 1].value
		};
	}
	/* The first has types. */
	const struct map_row *m = &r->maps.data[x->storage[0].map];
	struct map_payload *p = alloc(r, sizeof(*p));
	*p = (struct map_payload){ m->value_type, x->storage[0].value, m->value_size };
	x->storage[0].payload = p;
}

static struct dsq_row *add_dsq(struct report *r, uint64_t id, enum dsq_origin origin, uint32_t index)
{
	struct dsq_row *d = vec_push(&r->scx.dsqs);

	if (!d)
		abort();
	d->id = id;
	d->has_id = d->has_nr = d->has_seq = true;
	d->origin = origin;
	d->index = index;
	return d;
}

/* A scheduler that has ended, with everything that can be known of it. */
static void add_exited(struct report *r)
{
	static uint64_t bt[] = { 0xffffffff81234567, 0xffffffffc0001234 };
	static const char *symbols[] = { "scx_watchdog_workfn+0x16a/0x1f0", NULL };
	static const char *names[] = { "SELECT_CPU_FALLBACK", "DISPATCH_KEEP_LAST", "REENQ_REPEAT", "SUB_RESCUE" };
	static int64_t sums[] = { 0, 12345, -1, 7 }, counts[] = { 0, 12000, -1, 3, 0, 345, 0, 4 };
	static uint32_t cpus[] = { 0, 1 };
	struct scx_sched_row *row = vec_push(&r->scx.others);

	if (!row)
		abort();
	*row = (struct scx_sched_row){
		.kva = { 0xffff888006100000 },
		.role = SCX_EXITED,
		.exit_kind = 1,
		.has_exit_kind = true,
		.exit_kind_name = "SCX_EXIT_DONE",
		.has_aborting = true,
		.has_bypass_depth = true,
		.has_ops_name = true,
		.ops_name = "old\x1b[2J",
		.ops_flags = { true, 0x4002 },
		.ops_flag_names = "ENQ_LAST|0x4000",
		.level = { true, 1 },
		.id = { true, 3 },
		.parent = { 0xffff888006000000 },
		.cgroup_path = "/a b",
		.exit = {
			.has = true,
			.kva = { 0xffff888006200000 },
			.kind = 1026,
			.kind_name = "SCX_EXIT_ERROR_STALL",
			.code = { true, 1ull << 48 | 5 },
			.code_names = "ACT_RESTART",
			.flags = { true, 1 },
			.flag_names = "INITIALIZED",
			.has_cpu = true,
			.cpu = 1,
			.reason = "runnable task stall",
			.msg = "worker\x07[321] failed to run for 30.092s",
			.dump = "first line\n\n  \x1b[31mred\x1b[0m\nlast",
			.dump_cut = true,
			.bt = bt,
			.symbols = symbols,
			.nr_bt = 2,
		},
		.events = { 4, names, sums, 2, cpus, counts },
	};

	static const char *frames[] = { "scx_watchdog_workfn+0x16a/0x1f0", "evil\x1b[2J" };
	struct scx_log_exit *x = vec_push(&r->scx.log_exits);

	if (!x)
		abort();
	*x = (struct scx_log_exit){
		.record = 3, .ts_nsec = 4938271564, .sub = true, .error = true, .recorded = false,
		.name = "older\x1b[2J", .reason = "runtime error\x1b", .msg = "two\nlines", .frames = frames, .nr_frames = 2,
	};
	r->scx.sched.events = row->events;
	r->scx.sched.ops_flag_names = "SWITCH_PARTIAL";
	r->scx.watchdog_timestamp = (struct opt_u64){ true, 4294945500 };
	r->scx.switched_all = (struct opt_u64){ true, 1 };
	r->scx.enable_seq = (struct opt_u64){ true, 2 };
	r->scx.nr_rejected = (struct opt_u64){ true, 0 };
}

static void add_scx(struct report *r)
{
	struct scx_state *s = &r->scx;

	s->in_kernel = s->has_sched = true;
	s->enable_state = "enabled";
	s->jiffies = 4294946000;
	s->unavailable = "scx walker partial: missing offset groups [scx_sched_pcpu]";
	s->sched = (struct scx_sched_row){
		.kva = { 0xffff888006000000 },
		.has_exit_kind = true,
		.exit_kind_name = "SCX_EXIT_NONE",
		.has_aborting = true,
		.has_bypass_depth = true,
		.has_ops_name = true,
		.watchdog_timeout = { true, 7500 },
		.ops_name = "stall",
		.ops_flags = { true, 0x8 },
		.timeout_ms = { true, 30000 },
	};
	add_exited(r);

	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		struct scx_rq_row *rq = vec_push(&s->rqs);

		if (!rq)
			abort();
		rq->cpu = cpu;
		rq->flags = (struct opt_u64){ true, 0x3 };
		rq->flag_names = cpu ? NULL : "ONLINE|CAN_STOP_TICK";
		rq->nr_running = (struct opt_u64){ true, 1 - cpu };
		rq->has_curr = true;
		rq->curr.v = cpu ? 0xffff888004001000 : 0xffffffff82a0f000;
		rq->curr_pid = cpu ? 7 : 0;
		strcpy(rq->curr_comm, cpu ? "evil\x1b]0;x\x07" : "swapper/0");
		rq->clock = (struct opt_u64){ true, 123456789 };
		rq->kick_sync = (struct opt_u64){ true, 5 };
		rq->has_idle = true;
		rq->is_idle = !cpu;
		rq->curr_class = cpu ? "ext" : "idle";
		rq->curr_ran = (struct opt_u64){ cpu, 7250000000 };
		rq->rq_clock = (struct opt_u64){ true, 123456789 };
		rq->bypassed = cpu;
		rq->kicks = cpu ? "PREEMPT|WAIT" : NULL;
	}
	s->rqs.data[0].runnable = alloc(r, sizeof(struct kva));
	s->rqs.data[0].runnable[0].v = 0xffff888004000000;
	s->rqs.data[0].nr_runnable = 1;
	static struct scx_transit transit[] = {
		{ .task = { 0xffff888004000000 }, .dsq_id = 3ull << 62 | 1 },
		{ .task = { 0xffff888004999000 }, .dsq_id = 0x43, .buffered = true, .sched = { 0xffff888006100000 } },
	};
	s->rqs.data[1].transit = transit;
	s->rqs.data[1].nr_transit = 2;
	s->rqs.data[0].in_idle_mask = (struct opt_u64){ true, 1 };
	s->rqs.data[1].in_idle_mask = (struct opt_u64){ true, 1 };
	s->rqs.data[1].rescued.v = 0xffff888004000000;
	s->breather_depth = s->in_softlockup = (struct opt_u64){ true, 1 };
	s->hardlockup_cpu = (struct opt_u64){ true, (uint32_t)-1 };
	struct scx_rq_row *gone = vec_push(&s->rqs);
	if (!gone)
		abort();
	gone->cpu = 2;
	gone->offline = true;
	s->rqs.data[1].truncated = true;
	s->rqs.data[1].why = "runnable list: cannot read 0xdead000000000100";

	add_dsq(r, 0x8000000000000002, DSQ_LOCAL, 0);
	add_dsq(r, 0x8000000000000002, DSQ_LOCAL, 1)->nr = 1;
	add_dsq(r, 0x8000000000000003, DSQ_BYPASS, 0);
	add_dsq(r, 0x8000000000000001, DSQ_GLOBAL, 0);
	struct dsq_row *d = add_dsq(r, 0x42, DSQ_USER, 0);
	d->kva.v = 0xffff888005000000;
	d->nr = 3;
	d->seq = 9;
	d->tasks = alloc(r, 2 * sizeof(*d->tasks));
	d->tasks[0].v = 0xffff888004000000;
	d->tasks[1].v = 0xffff888004999000; /* in no row */
	d->nr_tasks = 2;
	d->truncated = true;
	d->why = "list does not close";
	add_dsq(r, 0x43, DSQ_USER, 0);
}

static const struct reg sample_regs[] = {
	{ "rax", 0xffff888003c60000 }, { "rbx", 0 },	     { "rdi", 0xffffffff9e800040 },
	{ "rip", 0xffffffff9e012345 }, { "eflags", 0x46 },    { "cs", 0x10 },
	{ "gs_base", 0xffff88803ec00000 }, { "k_gs_base", 0 }, { "cr0", 0x80050033 },
	{ "cr3", 0x1e04001 },
};

static void add_head(struct report *r)
{
	r->capture = (struct capture_info){
		.target_kind = "gdbstub",
		.target_name = ":1234",
		.target_note = "a note",
		.is_live = true,
		.pause_us = 12345,
		.bytes = 1 << 20,
		.packets = 300,
		.round_trips = 40,
		.cache_hits = 5000,
		.cache_misses = 256,
	};
	r->kernel = (struct kernel_info){
		.release = "6.18.3-cloud-amd64",
		.banner = "Linux version 6.18.3-cloud-amd64 (debian) #1 SMP",
		.arch = "x86_64",
		.build_id = "0123456789abcdef0123456789abcdef01234567",
		.text = 0xffffffff9e000000,
		.slide = 0x1d000000,
		.phys_base = 0x2f000000,
		.pt_levels = 5,
		.has_kpti = true,
		.kpti = true,
		.nr_cpu_ids = 4,
		.nr_online = 2,
		.hz = 250,
		.nr_symbols = 120000,
		.nr_types = 90000,
	};
	for (unsigned int i = 0; i < 2; i++) {
		struct vcpu_row *v = vec_push(&r->vcpus);

		if (!v)
			abort();
		v->ok = v->in_kernel = v->has_cpu = !i;
		if (i) {
			v->why = "no cr3 among its registers";
			continue;
		}
		v->ip = 0xffffffff9e012345;
		v->sp = 0xffffc90000123f00;
		v->ptroot = 0x1e04001;
		v->regs = sample_regs;
		v->nr_regs = ARRAY_SIZE(sample_regs);
	}
}

static void add_slots(struct report *r)
{
	struct map_row *m = add_map(r, "jumps", 3, "prog_array", MAP_BODY_SLOTS);
	struct slots_body *s = m->slots = alloc(r, sizeof(*s));

	m->max_entries = 5000;
	m->error = "truncated at 4096 slots (max_entries=5000); 2 slots unreadable";
	m->unreadable = true;
	s->nr = 2;
	s->scanned = 4096;
	s->unread = 2;
	s->truncated = true;
	s->slots = alloc(r, 2 * sizeof(*s->slots));
	s->slots[0].index = 1;
	s->slots[0].kva.v = 0xffffc90000200000;
	must(facts_num(&s->slots[0].facts, &r->pool, "prog_id", 21));
	must(facts_text(&s->slots[0].facts, &r->pool, "prog_name", "stall\x1b_enq"));
	s->slots[1].index = 4000;
	s->slots[1].kva.v = 0xffffc90000201000;
	s->slots[1].error = "cannot read 0xffffc90000201038";

	m = add_map(r, "devices", 25, "devmap_hash", MAP_BODY_SLOTS);
	set_types(m, SAMPLE_U32, 4, SAMPLE_U32, 4);
	s = m->slots = alloc(r, sizeof(*s));
	s->nr = s->scanned = 1;
	s->hash = true;
	s->slots = alloc(r, sizeof(*s->slots));
	s->slots[0].key = WORDS(r, 77);
	s->slots[0].kva.v = 0xffff888003333000;
	must(facts_num(&s->slots[0].facts, &r->pool, "ifindex", 2));
	must(facts_text(&s->slots[0].facts, &r->pool, "ifname", "eth\n0"));

	m = add_map(r, "ops", 26, "struct_ops", MAP_BODY_VALUE);
	set_types(m, 0, 4, SAMPLE_U64, 64);
	m->value = WORDS(r, 0xffffffffc0005000);
	m->value_len = 8;
	m->ops = alloc(r, sizeof(*m->ops));
	m->ops->type_name = "some_ops";
	m->ops->state_name = "inuse";
	m->ops->state = 1;
	m->ops->link_id = 2;
	m->ops->nr_funcs = 2;
	m->ops->funcs = alloc(r, 2 * sizeof(*m->ops->funcs));
	m->ops->funcs[0] = (struct ops_func){ .member = "enqueue", .addr = 0xffffffffc0005000,
					      .prog_id = 21, .prog_name = "stall\x1b_enq" };
	m->ops->funcs[1] = (struct ops_func){ .index = 9, .addr = 0xffffffffc0005040 };
}

static void add_modules(struct report *r)
{
	static struct module_memory memory[] = { { "text", 0xffffffffc0100000, 8192 },
						 { "data", 0xffffffffc0110000, 4096 } };
	static const char *users[] = { "virtio_pci", "out_of\x1btree" };
	struct module_row *m = vec_push(&r->modules);

	if (!m)
		abort();
	*m = (struct module_row){ .kva = { 0xffffffffc0110040 }, .name = "virtio", .state = "live",
				  .base = { memory[0].addr }, .size = 12288, .refs = { true, 3 },
				  .build_id = "0123456789abcdef0123456789abcdef01234567",
				  .memory = memory, .nr_memory = 2, .users = users, .nr_users = 2,
				  .users_known = true };
	m = vec_push(&r->modules);
	if (!m)
		abort();
	*m = (struct module_row){ .kva = { 0xffffffffc0210040 }, .name = "out_of\x1btree",
				  .state = "live", .base = { 0xffffffffc0200000 }, .size = 4096,
				  .taints = 0x1000, .taint_letters = "O", .permanent = true };
	m = vec_push(&r->modules);
	if (!m)
		abort();
	*m = (struct module_row){ .kva = { 0xffffffffc0310040 }, .name = "halfway", .state = "coming",
				  .taints = 1ull << 40,
				  .error = "notes: cannot read 0x0000000000000008" };
	must(report_section(r, "modules", SECTION_NOT_READABLE,
			    "1 of 3 modules could not all be read"));
}

static void add_waits(struct report *r)
{
	static const uint32_t cpus[] = { 1, 3 };
	const struct wait_row rows[] = {
		{ .task = { 0xffff888004000000 }, .pid = 7, .tgid = 7, .comm = "futex", .kind = WAIT_FUTEX,
		  .function = "futex_do_wait", .uaddr = { true, 0x7f0000001000 } },
		{ .task = { 0xffff888004001000 }, .pid = 8, .tgid = 8, .comm = "wri\x1bter",
		  .uninterruptible = true, .kind = WAIT_RWSEM_WRITE, .stack = 1,
		  .function = "rwsem_down_write_slowpath", .lock = { 0xffff888005000000 },
		  .lock_name = "mmap_lock of m\x1b[9]", .found_by = "task_struct.blocker",
		  .owner = { true, 0xffff888004002001 }, .count = { true, 0x202 }, .readers = { true, 2 },
		  .has_holder = true,
		  .holder = { .task = { 0xffff888004002000 }, .pid = 9, .comm = "rea\x1b_der",
			      .basis = WAIT_HINTED } },
		{ .task = { 0xffff888004003000 }, .pid = 10, .tgid = 10, .comm = "lost",
		  .uninterruptible = true, .kind = WAIT_MUTEX, .function = "__mutex_lock",
		  .why = "the lock was not found" },
		{ .task = { 0xffff888004004000 }, .pid = 11, .tgid = 11, .comm = "mutex",
		  .uninterruptible = true, .kind = WAIT_MUTEX, .function = "__mutex_lock",
		  .lock = { 0xffffffff82001000 }, .lock_name = "event_mutex",
		  .found_by = "mutex_waiter on its stack", .owner = { true, 0xffff888004005001 },
		  .has_holder = true, .holder = { .task = { 0xffff888004005000 } },
		  .why = "the holder is not among the tasks" },
		{ .task = { 0xffff888004006000 }, .pid = 12, .tgid = 12, .comm = "orphan",
		  .uninterruptible = true, .kind = WAIT_MUTEX, .lock = { 0xffffffff82001100 },
		  .has_holder = true, .holder = { .task = { 0xffff888004007000 }, .gone = true } },
		{ .task = { 0xffff888004008000 }, .pid = 13, .tgid = 13, .comm = "calls", .kind = WAIT_CALL,
		  .cpu = { true, 2 }, .cpus = cpus, .nr_cpus = 2, .function = "smp_call_function_many_cond" },
		{ .task = { 0xffff888004009000 }, .pid = 14, .tgid = 14, .comm = "shared", .kind = WAIT_FUTEX,
		  .futex_inode = { true, 99 }, .futex_pgoff = { true, 3 }, .futex_offset = { true, 0x40 },
		  .futex_word = { true, 2 }, .futex_owner = { true, 15 }, .has_waker = true,
		  .waker = { .task = { 0xffff888004001000 }, .pid = 8, .comm = "wa\x1bker",
			     .basis = WAIT_HINTED } },
		{ .task = { 0xffff88800400a000 }, .pid = 16, .tgid = 16, .comm = "flush",
		  .uninterruptible = true, .kind = WAIT_WORK, .work = { 0xffffffff82001200 },
		  .object = "work slow_\x1b_fn of events", .handed_over = true },
		{ .task = { 0xffff88800400b000 }, .pid = 17, .tgid = 17, .comm = "frozen",
		  .uninterruptible = true, .kind = WAIT_PERCPU_READ, .lock = { 0xffff888005001000 },
		  .frozen = "vd\x1b[a1", .why = "a frozen file system" },
		{ .task = { 0xffff88800400c000 }, .pid = 18, .tgid = 18, .comm = "sync",
		  .uninterruptible = true, .kind = WAIT_RCU, .rcu = "expedited" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wait_row *to = vec_push(&r->waits);

		if (!to)
			abort();
		*to = rows[i];
	}
	must(report_section(r, "waits", SECTION_COMPLETE, NULL));
	must(report_cut(r, "waits", false, "what 1 of 4 tasks wait for was not found"));
}

/* Facts of every kind: a flag, rows, and what text does not show. */
static void add_multi_link(struct report *r)
{
	enum { NR = 10 };
	struct link_row *l = vec_push(&r->links);
	struct facts *rows = alloc(r, NR * sizeof(*rows));

	if (!l)
		abort();
	l->kva.v = 0xffff888003000200;
	l->id = 3;
	l->type = 8;
	l->type_name = "kprobe_multi";
	must(facts_num(&l->target, &r->pool, "func_cnt", NR));
	must(facts_flag(&l->target, &r->pool, "retprobe"));
	must(facts_add(&l->target, &r->pool, (struct fact){ .key = "funcs", .text = "all of\x1b[2J", .json_only = true }));
	for (size_t i = 0; i < NR; i++) {
		must(facts_text(&rows[i], &r->pool, "function", i ? "vfs_read" : "vfs\nwrite"));
		must(facts_add(&rows[i], &r->pool, (struct fact){ .key = "addr", .num = 0xffffffff81000000 + i, .hex = true,
								  .json_only = true }));
		must(facts_num(&rows[i], &r->pool, "cookie", i));
	}
	must(facts_rows(&l->target, &r->pool, "functions", rows, NR));
	must(facts_rows(&l->target, &r->pool, "none", NULL, 0));
}

static void add_progs(struct report *r)
{
	struct prog_row *p = vec_push(&r->progs);
	struct link_row *l = vec_push(&r->links);
	struct btf_row *b = vec_push(&r->btfs);
	static const uint8_t tag[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

	if (!p || !l || !b)
		abort();
	p->kva.v = 0xffffc90000200000;
	p->id = 21;
	strcpy(p->name, "stall\x1b_enq");
	p->type = 27;
	p->type_name = "struct_ops";
	p->attach_type = 1;
	p->attach_func = "enqueue";
	p->has_tag = p->jited = p->has_stats = true;
	memcpy(p->tag, tag, sizeof(tag));
	p->code.v = 0xffffffffc0001234;
	p->code_size = 345;
	p->insns_size = 512;
	p->nr_funcs = 2;
	p->load_time = 1234567890123;
	p->verified_insns = (struct opt_u64){ true, 99 };
	p->cnt = 1000;
	p->nsecs = 250000;
	p->misses = 3;
	p->nr_maps = 2;
	p->map_ids = alloc(r, 2 * sizeof(*p->map_ids));
	p->map_ids[0] = 4;
	p->map_ids[1] = 1;
	p->btf_id = 30;
	p->attach_btf_id = 777;
	p->owner_map = 9;
	static const char err[] = "ERROR: \x1b[2Jtimeout\n\nCPU: 1\nno newline";
	p->streams[0] = (struct prog_stream){ .name = "stdout", .text = "", .being_read = true };
	p->streams[1] = (struct prog_stream){ .name = "stderr", .text = err, .len = sizeof(err) - 1, .left_out = 77 };
	p->nr_streams = 2;
	p = vec_push(&r->progs);
	if (!p)
		abort();
	p->kva.v = 0xffffc90000300000;
	p->id = 22;
	p->type = 999;
	p->error = "run times: cannot read 0xffffc90000301000";
	p->unreadable = true;
	l->kva.v = 0xffff888003000000;
	l->id = 1;
	l->type = 6;
	l->type_name = "xdp";
	l->prog_id = 21;
	strcpy(l->prog_name, "stall\x1b_enq");
	l->attach_name = "xdp";
	must(facts_num(&l->target, &r->pool, "ifindex", 2));
	must(facts_text(&l->target, &r->pool, "ifname", "eth\n0"));
	must(facts_hex(&l->target, &r->pool, "mask", 0xff0));
	l = vec_push(&r->links);
	if (!l)
		abort();
	l->kva.v = 0xffff888003000100;
	l->id = 2;
	l->type = 77;
	l->error = "struct bpf_link has id 5";
	add_multi_link(r);
	b->kva.v = 0xffff888003100000;
	b->id = 30;
	b->size = 4096;
	b->base_id = 1;
	add_modules(r);
	must(report_section(r, "progs", SECTION_NOT_READABLE, "1 of 2 programs could not all be read"));
	must(report_section(r, "links", SECTION_IMPLAUSIBLE, "1 links contradict themselves"));
	must(report_section(r, "btfs", SECTION_COMPLETE, NULL));
}

static void add_cpu_details(struct cpu_row *c)
{
	static struct cpu_call calls[] = {
		{ .func = "do_\x1bsync_core", .from = { true, 1 }, .waited_for = true }, { .func = NULL },
	};

	c->place = CPU_HALTED;
	c->has_watched = c->watched = c->hard_touched = c->hard_warned = true;
	c->hard_interrupts = c->hard_saved = (struct opt_u64){ true, 77 };
	c->hard_missed = (struct opt_u64){ true, 2 };
	c->wheel_late = (struct opt_u64){ true, 6250 };
	c->running_timer = "delayed_\x1bwork";
	c->stalled_ticks = (struct opt_u64){ true, 3 };
	c->has_tick_stopped = true;
	c->softirqs = (struct opt_u64){ true, 0x282 };
	c->resched_for = (struct opt_u64){ true, 20000000000 };
	c->resched_ticks = (struct opt_u64){ true, 5000 };
	c->calls = calls;
	c->nr_calls = 2;
	c->calls_cut = true;
	c->rt_time = c->rt_runtime = (struct opt_u64){ true, 950000000 };
	c->rt_throttled = true;
	c->servers[0] = (struct cpu_server){ .name = "fair_server", .period = 1000000000 };
	c->servers[1] = (struct cpu_server){ .name = "ext_server", .runtime = 50000000, .period = 1000000000,
					     .left = -7, .active = true, .throttled = true, .deferred = true };
	c->nr_servers = 2;
	c->rcu_exp_holdout = true;
	c->rcu_callbacks = (struct opt_u64){ true, 12345 };
}

static void add_other_rcus(struct cpu_state *s)
{
	struct srcu_row *srcu = vec_push(&s->srcus);
	struct rcu_tasks_row *tasks = vec_push(&s->rcu_tasks);
	struct throttled_row *throttled = vec_push(&s->throttled);

	if (!srcu || !tasks || !throttled)
		abort();
	*srcu = (struct srcu_row){ .kva = { 0xffffffff82003000 }, .name = "my_\x1bsrcu", .gp_seq = 9,
				   .gp_age = { true, 500 }, .readers = { { true, 1 }, { true, 0 } } };
	*tasks = (struct rcu_tasks_row){ .name = "rcu_\x1btasks", .running = true, .gp_seq = 3, .gp_state = 6,
					 .gp_state_name = "WAIT_SCAN_HOLDOUTS", .state_age = { true, 100 },
					 .gp_age = { true, 200 }, .kthread = { 0xffff888004007000 } };
	*throttled = (struct throttled_row){ .cpu = 1, .cgroup = "/lim\x1bited", .nr_tasks = { true, 2 },
					     .age = { true, 3000000000 }, .quota = { true, 10000000 },
					     .period = { true, 100000000 } };
	s->throttled_cut = true;
}

static void add_cpus(struct report *r)
{
	static struct kva reader = { 0xffff888004002000 };
	static struct worker_row workers[] = {
		{ .task = { 0xffff888004001000 }, .pid = 7, .comm = "kworker/1:\x1b[", .func = "hog_fn [ha\x1bng]",
		  .wq = "events\x1b", .busy = { true, 2500 }, .waiting = { true, 3 }, .waiting_cut = true },
		{ .func = "bh_fn" },
	};
	struct cpu_state *s = &r->cpus;

	s->collected = true;
	s->detectors = (struct detectors){
		.monotonic = { true, 90000000000 }, .jiffies = { true, 4294946000 },
		.watchdog_thresh = { true, 10 }, .watchdog_enabled = { true, 2 },
		.hung_task_timeout = { true, 120 }, .wq_watchdog_thresh = { true, 30 },
		.rt_runtime = { true, 950000 }, .rt_period = { true, 1000000 }, .jiffies_cpu = { true, -1 },
		.clocksource = "kvm\x1b-clock",
	};
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		struct cpu_row *c = vec_push(&s->rows);

		if (!c)
			abort();
		c->cpu = cpu;
		if (cpu) {
			c->why = "running task: cannot read 0xffff888009000000: not mapped";
			continue;
		}
		c->vcpu = (struct opt_u64){ true, 0 };
		c->has_curr = true;
		c->curr.v = 0xffff888004001000;
		c->curr_pid = 7;
		strcpy(c->curr_comm, "evil\x1b]0;x");
		c->clock = (struct opt_u64){ true, 123456789 };
		c->clock_age = c->timer_late = c->curr_for = (struct opt_u64){ true, 25000000000 };
		c->timer_due = (struct opt_u64){ true, 65000000000 };
		c->nr_running = (struct opt_u64){ true, 2 };
		c->nr_rt = c->nr_dl = c->nr_ext = c->nr_switches = (struct opt_u64){ true, 1 };
		c->softlockup_touch = (struct opt_u64){ true, 60 };
		c->softlockup_age = (struct opt_u64){ true, 27 };
		c->timer_hung = c->has_irqs = c->has_need_resched = c->need_resched = true;
		c->calls_pending = c->rcu_holdout = true;
		c->preempt_count = (struct opt_u64){ true, 0x10001 };
		add_cpu_details(c);
	}
	s->rcu = (struct rcu_state_row){ .collected = true, .name = "rcu_\x1bpreempt", .gp_seq = 1285,
					 .running = true, .gp_age = { true, 6000 }, .gp_state = { true, 5 },
					 .gp_state_name = "WAIT_FQS", .stall_timeout = { true, 21 },
					 .blocked = &reader, .nr_blocked = 1, .blocked_cut = true };
	s->rcu.requested = s->rcu.exp_running = s->rcu.exp_blocked_cut = true;
	s->rcu.requested_for = s->rcu.activity_age = (struct opt_u64){ true, 250 };
	s->rcu.exp_seq = (struct opt_u64){ true, 13 };
	s->rcu.exp_blocked = &reader;
	s->rcu.nr_exp_blocked = 1;
	add_other_rcus(s);
	for (int32_t cpu = -1; cpu < 1; cpu++) {
		struct pool_row *p = vec_push(&s->pools);

		if (!p)
			abort();
		*p = (struct pool_row){ .id = (uint64_t)(cpu + 5), .cpu = cpu, .nr_workers = 3 };
		if (cpu)
			continue;
		p->nr_idle = p->nr_running = 1;
		p->nr_pending = 65536;
		p->pending_cut = true;
		p->next_func = "vmstat_\x1bupdate";
		p->idle_for = (struct opt_u64){ true, 8000 };
		p->workers = workers;
		p->nr_rows = 2;
		p->why = "workers: list does not close";
	}
	must(report_section(r, "cpus", SECTION_NOT_READABLE, "1 of 2 CPUs; first: not mapped"));
}

static void add_findings(struct report *r)
{
	static struct evidence bytes = { .path = "task_enrichments[1].comm", .kind = EVIDENCE_TEXT,
					       .text = "evil\x1b]0;x\x07" },
				     flags = { &bytes, "rq_scx_states[0].flags", EVIDENCE_HEX, 3, 0, NULL },
				     depth = { &flags, "scx_sched_state.bypass_depth", EVIDENCE_INT,
					       (uint64_t)-1, 0, NULL },
				     aborting = { &depth, "scx_sched_state.aborting", EVIDENCE_BOOL, 0, 0, NULL };
	static struct evidence nr = { &aborting, "dsq_states[4].nr", EVIDENCE_NUM, 3, 0, NULL },
			       age = { &nr, "task_enrichments[0].runnable_s", EVIDENCE_SECONDS, 0, 24, NULL };
	static struct finding root = {
		.id = "scx-dsq-not-consumed",
		.key = "scx-dsq-not-consumed@dsq0x42",
		.severity = SEVERITY_ERROR,
		.confidence = CONFIDENCE_CERTAIN,
		.summary = "victim\x1b[2J[321] waits for nobody",
		.look_next = "what \"stall\x1b[m\" dispatches",
		.dsq = { true, 0x42 },
		.evidence = &age,
	}, follows = {
		.id = "scx-watchdog-near",
		.key = "scx-watchdog-near@pid321",
		.severity = SEVERITY_WARNING,
		.confidence = CONFIDENCE_LIKELY,
		.summary = "the watchdog comes",
		.caused_by = "scx-dsq-not-consumed@dsq0x42",
		.pid = { true, 321 },
		.evidence = &age,
	}, note = {
		.id = "note",
		.key = "note@cpu1",
		.severity = SEVERITY_INFO,
		.confidence = CONFIDENCE_POSSIBLE,
		.summary = "by the way",
		.cpu = { true, 1 },
	};
	static struct finding *const rows[] = { &root, &follows, &note };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct finding **f = vec_push(&r->findings.rows);

		if (!f)
			abort();
		*f = rows[i];
	}
	for (size_t i = 0; i < 3; i++) {
		struct unexamined *u = vec_push(&r->findings.unexamined);

		if (!u)
			abort();
		*u = (struct unexamined){ i ? "ringbuf-full" : "scx-exit",
					  i < 2 ? "maps: cut: \x1b[m3 of 9" : "for another reason" };
	}
	r->findings.nr_rules = 9;
	r->findings.ran = true;
	must(report_section(r, "findings", SECTION_COMPLETE, NULL));
}

struct report *sample_report(void)
{
	struct report *r = new_report();

	add_head(r);
	add_hashes(r);
	add_arrays(r);
	add_per_cpu(r);
	add_arena(r);
	struct map_row *m = add_map(r, "newer", 99, NULL, MAP_BODY_NONE);
	m->error = "map type 99 not decoded by this fdgdb";
	struct kva *active = alloc(r, sizeof(*active));
	*active = r->maps.data[3].kva;
	r->active = alloc(r, 2 * sizeof(*r->active));
	r->nr_active = 2;
	r->active[0] = (struct active_sched){ .sched = { 0xffff888006000000 }, .ops_name = "stall", .ops_map_id = 9,
					      .obj_name = "stall", .maps = active, .nr_maps = 1 };
	r->active[1] = (struct active_sched){ .sched = { 0xffff888006200000 }, .is_sub = true, .ops_name = "su\x1b" "b" };
	r->maps.data[3].sched = &r->active[0];
	r->maps.data[4].sched = &r->active[1];
	add_tasks(r);
	add_details(r);
	add_scx(r);
	add_slots(r);
	sample_bodies(r);
	sample_system(r);
	sample_stacks(r);
	add_progs(r);
	add_cpus(r);
	add_waits(r);
	add_findings(r);
	must(report_section(r, "kernel", SECTION_COMPLETE, NULL));
	must(report_section(r, "maps", SECTION_NOT_READABLE, "3 maps could not be read in full"));
	must(report_cut(r, "maps", true, "map cell_stats: 3 of 9 entries (--max-entries)"));
	must(report_section(r, "scx", SECTION_IMPLAUSIBLE, "DSQ 0x42: nr is 3, its list holds 2"));
	must(report_section(r, "tasks", SECTION_COMPLETE, NULL));
	must(report_section(r, "stacks", SECTION_COMPLETE, NULL));
	must(report_cut(r, "stacks", false, "1 of 5 stacks end in guesses; first: the table says nothing"));
	must(report_section(r, "vcpus", SECTION_NOT_READABLE, "vCPU 1: no cr3 among its registers"));
	return r;
}

struct report *sample_empty_report(void)
{
	struct report *r = new_report();

	r->capture.target_kind = "elf core";
	r->capture.target_name = "vmcore\x1b[1m";
	r->capture.cut_short = "the deadline of 250 ms has passed";
	r->capture.deadline_hit = true;
	r->capture.cut_us = 250000;
	r->maps_skipped = 4;
	r->tasks_unavailable = "no task walker available";
	r->scx.unavailable = "no scx walker capture";
	r->system.numa_unavailable = "no NUMA walker (host-side walker pending)";
	must(report_section(r, "scx", SECTION_NOT_IN_KERNEL, "no sched_ext in this kernel"));
	must(report_section(r, "maps", SECTION_NOT_ASKED, NULL));
	return r;
}

struct report *sample_long_report(void)
{
	struct report *r = new_report();
	struct map_row *m;
	struct map_entry *e;

	r->kernel.nr_cpu_ids = 2;
	m = add_map(r, "many", 1, "hash", MAP_BODY_ENTRIES);
	set_types(m, SAMPLE_KEY, 8, SAMPLE_STAT, 16);
	m->max_entries = 4096;
	e = set_entries(r, m, 300);
	for (uint64_t i = 0; i < 300; i++) {
		e[i].key = WORDS(r, i);
		e[i].value = WORDS(r, i * i, 1000 - i);
	}
	m = add_map(r, "long", 2, "array", MAP_BODY_ARRAY);
	set_types(m, SAMPLE_U32, 4, SAMPLE_U64, 8);
	m->max_entries = 200;
	e = set_entries(r, m, 200);
	for (uint64_t i = 0; i < 200; i++)
		e[i].value = WORDS(r, i);
	must(report_section(r, "maps", SECTION_COMPLETE, NULL));
	return r;
}

void sample_destroy(struct report *r)
{
	report_destroy(r);
	values_free();
}
