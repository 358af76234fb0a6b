/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "scx-image.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

/*
 * The image lies where KASLR put it: none of these is an address that the kernel was linked for.  Per-CPU
 * memory is a template in the image plus an offset, as from 6.15 on.
 */
static const uint64_t vars = 0xffffffff9d400000, objects = 0xffff888004000000,
		      percpu_template = 0xffffffff9d600000, percpu_offset = 0xffff888dd0000000 - 0xffffffff9d600000,
		      percpu_stride = 0x10000;

/* Per-CPU objects that are no schedulers'. */
static const uint64_t dsp_template = 0xffffffff9d600000 + 0x1000, events_template = 0xffffffff9d600000 + 0x1200;

enum { VAR_STRIDE = 1024 };

static const char *const var_names[] = {
	"scx_root", "scx_tasks", "jiffies_64", "scx_enable_state_var", "scx_ops_enable_state_var",
	"nr_node_ids", "init_pid_ns", "scx_bypass_depth", "scx_ops_bypass_depth", "scx_watchdog_timeout",
	"scx_aborting", "scx_exit_kind", "scx_ops", "global_dsqs", "dsq_hash", "scx_sched_all",
	"__scx_switched_all", "fair_sched_class", "rt_sched_class", "dl_sched_class", "idle_sched_class",
	"stop_sched_class", "ext_sched_class", "init_task",
	"scx_exit_info", "scx_watchdog_timestamp", "scx_enable_seq", "scx_watchdog_interval", "scx_nr_rejected",
	"scx_hotplug_seq", "scx_dsp_ctx", "scx_builtin_idle_enabled", "scx_idle_global_masks", "idle_masks",
	"scx_breather_depth", "scx_in_softlockup", "scx_hardlockup_cpu", "__scx_ops_enabled",
};

const char *image_var_name(size_t i)
{
	return i < ARRAY_SIZE(var_names) ? var_names[i] : NULL;
}

uint64_t image_var(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(var_names); i++) {
		if (!strcmp(var_names[i], name))
			return vars + VAR_STRIDE * i;
	}
	abort();
}

/* ---- memory */

uint64_t image_alloc(struct scx_image *im, size_t size)
{
	static const uint8_t zeros[PAGE_SIZE];
	uint64_t at = im->next;

	if (size > sizeof(zeros))
		abort();
	im->next += align_up(size, 64);
	fake_kernel_write(im->fk, at, zeros, size);
	return at;
}

void image_put32(struct scx_image *im, uint64_t at, uint32_t v)
{
	fake_kernel_write(im->fk, at, &v, sizeof(v));
}

void image_put64(struct scx_image *im, uint64_t at, uint64_t v)
{
	fake_kernel_put64(im->fk, at, v);
}

uint64_t image_get64(struct scx_image *im, uint64_t at)
{
	struct target_read r = { .addr = { align_down(fake_kernel_map(im->fk, at), PAGE_SIZE) },
				 .len = PAGE_SIZE };
	uint8_t page[PAGE_SIZE];

	r.buf = page;
	CU_ASSERT_PTR_NULL_FATAL(im->fk->ft->t.ops->read(&im->fk->ft->t, &r, 1));
	return get_le64(page + (at & (PAGE_SIZE - 1)));
}

void image_list_init(struct scx_image *im, uint64_t head)
{
	image_put64(im, head, head);
	image_put64(im, head + 8, head);
}

void image_list_add(struct scx_image *im, uint64_t head, uint64_t node)
{
	uint64_t last = image_get64(im, head + 8);

	image_put64(im, last, node);
	image_put64(im, node, head);
	image_put64(im, node + 8, last);
	image_put64(im, head + 8, node);
}

/* ---- types */

static bool is_static(const struct scx_image *im)
{
	return im->kind == IMAGE_STATIC || im->kind == IMAGE_COUNTS;
}

static bool dropped(const struct scx_image *im, const char *type, const char *member)
{
	char full[128];

	snprintf(full, sizeof(full), "%s%s%s", type, member ? "." : "", member ? member : "");
	return im->drop && !strcmp(im->drop, full);
}

static int add_type(struct scx_image *im, const char *name, size_t size, const struct fake_field *fields,
		    size_t nr)
{
	struct fake_field kept[64];
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		if (fields[i].name && !dropped(im, name, fields[i].name))
			kept[n++] = fields[i];
	}
	return fake_kernel_struct(im->fk, dropped(im, name, NULL) ? "dropped" : name, size, kept, n);
}

#define TYPE(name, size, ...)                                                                      \
	add_type(im, name, size, (const struct fake_field[]){ __VA_ARGS__ },                       \
		 sizeof((const struct fake_field[]){ __VA_ARGS__ }) / sizeof(struct fake_field))

static void add_enum(struct scx_image *im, const char *name, const char *const *names,
		     const int64_t *values, size_t nr)
{
	btf__add_enum(im->fk->btf, name, 4);
	for (size_t i = 0; i < nr; i++)
		btf__add_enum_value(im->fk->btf, names[i], values[i]);
}

static void add_enums(struct scx_image *im)
{
	bool old = is_static(im);

	add_enum(im, "scx_exit_kind", (const char *[]){ "SCX_EXIT_NONE", "SCX_EXIT_ERROR_STALL" },
		 (int64_t[]){ 0, 1026 }, 2);
	add_enum(im, old ? "scx_ops_enable_state" : "scx_enable_state",
		 old ? (const char *[]){ "SCX_OPS_ENABLED", "SCX_OPS_DISABLED" } :
		       (const char *[]){ "SCX_ENABLED", "SCX_DISABLED" },
		 (int64_t[]){ 1, 3 }, 2);
	add_enum(im, "scx_ops_flags", (const char *[]){ "SCX_OPS_ENQ_LAST", "SCX_OPS_SWITCH_PARTIAL" },
		 (int64_t[]){ 2, 8 }, 2);
	btf__add_enum64(im->fk->btf, "scx_exit_code", 8, false);
	btf__add_enum64_value(im->fk->btf, "SCX_ECODE_RSN_HOTPLUG", 1ull << 32);
	btf__add_enum64_value(im->fk->btf, "SCX_ECODE_ACT_RESTART", 1ull << 48);
	/* Bits beside a number, and enumerators that describe it; 7.1 has the states shifted into place. */
	if (im->kind == IMAGE_SUBS) {
		add_enum(im, "scx_ent_flags",
			 (const char *[]){ "SCX_TASK_QUEUED", "SCX_TASK_IN_CUSTODY", "SCX_TASK_RESET_RUNNABLE_AT",
					   "SCX_TASK_STATE_SHIFT", "SCX_TASK_STATE_BITS", "SCX_TASK_STATE_MASK",
					   "SCX_TASK_NONE", "SCX_TASK_ENABLED", "SCX_TASK_REENQ_REASON_MASK",
					   "SCX_TASK_REENQ_KFUNC", "SCX_TASK_CURSOR" },
			 (int64_t[]){ 1, 2, 4, 8, 3, 0x700, 0, 0x400, 0x7000, 0x1000, INT32_MIN }, 11);
	} else {
		add_enum(im, "scx_ent_flags",
			 (const char *[]){ "SCX_TASK_QUEUED", "SCX_TASK_RESET_RUNNABLE_AT",
					   "SCX_TASK_STATE_SHIFT", "SCX_TASK_STATE_BITS", "SCX_TASK_STATE_MASK",
					   "SCX_TASK_CURSOR" },
			 (int64_t[]){ 1, 4, 8, 2, 0x300, INT32_MIN }, 6);
		add_enum(im, "scx_task_state", (const char *[]){ "SCX_TASK_NONE", "SCX_TASK_ENABLED" },
			 (int64_t[]){ 0, 3 }, 2);
	}
	add_enum(im, "scx_ops_state",
		 (const char *[]){ "SCX_OPSS_NONE", "SCX_OPSS_QUEUED", "SCX_OPSS_QSEQ_SHIFT" },
		 (int64_t[]){ 0, 2, 2 }, 3);
	add_enum(im, "scx_rq_flags", (const char *[]){ "SCX_RQ_ONLINE", "SCX_RQ_BYPASSING" },
		 (int64_t[]){ 1, 16 }, 2);
}

static void add_types(struct scx_image *im)
{
	struct fake_kernel *fk = im->fk;
	bool subs = im->kind == IMAGE_SUBS, scx = im->kind != IMAGE_NO_SCX;
	int ptr = fk->ptr, u32 = fk->u32, u64 = fk->u64, u8 = fk->u8;

	int list = TYPE("list_head", 16, { "next", ptr, 0 }, { "prev", ptr, 8 });
	int rawlock = TYPE("qspinlock", 4, { "val", u32, 0 });
	int lock = TYPE("raw_spinlock", 4, { "raw_lock", rawlock, 0 });
	int rhead = TYPE("rhash_head", 8, { "next", ptr, 0 });
	int rht = TYPE("rhashtable", 16, { "tbl", ptr, 0 });
	TYPE("bucket_table", 64, { "size", u32, 0 }, { "nest", u32, 4 }, { "future_tbl", ptr, 16 },
	     { "buckets", fake_kernel_array(fk, ptr, 0), 64 });
	int hnode = TYPE("hlist_node", 16, { "next", ptr, 0 }, { "pprev", ptr, 8 });
	int hhead = TYPE("hlist_head", 8, { "first", ptr, 0 });

	int rbnode = TYPE("rb_node", 24, { "__rb_parent_color", u64, 0 }, { "rb_right", ptr, 8 },
			  { "rb_left", ptr, 16 });
	int rbroot = TYPE("rb_root", 8, { "rb_node", ptr, 0 });
	int dsq = TYPE("scx_dispatch_q", D_SIZE, { "lock", lock, D_LOCK }, { "list", list, D_LIST },
		       { "nr", u32, D_NR }, { "seq", u32, D_SEQ }, { "id", u64, D_ID },
		       { "hash_node", rhead, D_HASH }, { "priq", rbroot, D_PRIQ },
		       { is_static(im) ? NULL : "first_task", ptr, D_FIRST });
	int node = TYPE("scx_dsq_list_node", 24, { "node", list, 0 }, { "flags", u32, N_FLAGS });
	int atomic = TYPE("atomic64_t", 8, { "counter", u64, 0 });
	int ent = TYPE("sched_ext_entity", E_SIZE, { "ops_state", atomic, E_OPS_STATE }, { "dsq_priq", rbnode, E_PRIQ },
		       { "ddsp_dsq_id", u64, E_DDSP }, { "sticky_cpu", u32, E_STICKY },
		       { "holding_cpu", u32, E_HOLDING }, { "dsq", ptr, E_DSQ }, { "dsq_list", node, E_DSQ_LIST },
		       { "flags", u32, E_FLAGS }, { "weight", u32, E_WEIGHT },
		       { "runnable_node", list, E_RUNNABLE }, { "runnable_at", u64, E_RUNNABLE_AT },
		       { "slice", u64, E_SLICE }, { "dsq_vtime", u64, E_VTIME },
		       { "tasks_node", list, E_TASKS }, { subs ? "sched" : NULL, ptr, E_SCHED },
		       { subs ? "ops_qseq" : NULL, u32, E_OPS_QSEQ });
	int info = TYPE("thread_info", 8, { "cpu", u32, 0 });
	int se = TYPE("sched_entity", 16, { "exec_start", u64, 0 }, { "sum_exec_runtime", u64, 8 });
	int stats = TYPE("sched_info", 32, { "pcount", u64, 0 }, { "run_delay", u64, 8 },
			 { "last_arrival", u64, 16 }, { "last_queued", u64, 24 });
	bool huge = im->drop && !strcmp(im->drop, "huge");
	TYPE("task_struct", huge ? 1u << 27 : T_SIZE, { "__state", u32, T_STATE }, { "prio", u32, T_PRIO },
	     { "static_prio", u32, T_STATIC_PRIO }, { "normal_prio", u32, T_NORMAL_PRIO },
	     { "rt_priority", u32, T_RT_PRIORITY }, { "policy", u32, T_POLICY },
	     { scx ? "scx" : NULL, ent, T_SCX }, { "sched_class", ptr, T_CLASS }, { "pid", u32, T_PID },
	     { "tgid", u32, T_TGID }, { "real_parent", ptr, T_PARENT }, { "group_leader", ptr, T_LEADER },
	     { "signal", ptr, T_SIGNAL }, { "nvcsw", u64, T_NVCSW }, { "nivcsw", u64, T_NIVCSW },
	     { "utime", u64, T_UTIME }, { "stime", u64, T_STIME },
	     { "comm", fake_kernel_array(fk, u8, 16), T_COMM },
	     { "pid_links", fake_kernel_array(fk, hnode, 4), T_PID_LINKS }, { "thread_info", info, T_CPU },
	     { "stack", ptr, T_STACK }, { "flags", u32, T_FLAGS }, { "on_cpu", u32, T_ON_CPU },
	     { "on_rq", u32, T_ON_RQ }, { "in_iowait", u32, T_IOWAIT }, { "exit_state", u32, T_EXIT_STATE },
	     { "exit_code", u32, huge ? 1u << 26 : T_EXIT_CODE }, { "mm", ptr, T_MM },
	     { "cpus_mask", fake_kernel_array(fk, u64, 2), T_CPUS_MASK }, { "cgroups", ptr, T_CGROUPS },
	     { "start_time", u64, T_START }, { "start_boottime", u64, T_START_BOOT },
	     { "se", se, T_EXEC_START }, { "sched_info", stats, T_PCOUNT }, { "tasks", list, T_TASKS },
	     { "thread_node", list, T_THREAD_NODE }, { "bpf_storage", ptr, T_BPF_STORAGE });
	int sdata = TYPE("bpf_local_storage_data", 8, { "smap", ptr, 0 },
			 { "data", fake_kernel_array(fk, u8, 0), 8 });
	TYPE("bpf_local_storage", 16, { "list", hhead, 8 });
	TYPE("bpf_local_storage_elem", 64, { "map_node", hnode, 0 }, { "snode", hnode, L_SNODE },
	     { "sdata", sdata, L_SMAP });
	TYPE("bpf_local_storage_map", 64, { "map", ptr, 0 });
	TYPE("css_set", 16, { "dfl_cgrp", ptr, 8 });
	TYPE("cgroup", 16, { "kn", ptr, 8 });
	TYPE("kernfs_node", 24, { "__parent", ptr, 0 }, { "name", ptr, 8 }, { "id", u64, 16 });
	TYPE("signal_struct", G_SIZE, { "thread_head", list, G_THREAD_HEAD }, { "nr_threads", u32, 0 }, { "pids", fake_kernel_array(fk, ptr, 4), 8 },
	     { "nvcsw", u64, 40 }, { "nivcsw", u64, 48 }, { "utime", u64, 56 }, { "stime", u64, 64 });
	int upid = TYPE("upid", 16, { "nr", u32, 0 }, { "ns", ptr, 8 });
	TYPE("pid", 64, { "tasks", fake_kernel_array(fk, hhead, 4), 8 },
	     { "numbers", fake_kernel_array(fk, upid, 0), 64 });
	int xa = TYPE("xarray", 16, { "xa_head", ptr, 8 });
	int idr = TYPE("idr", 24, { "idr_rt", xa, 0 }, { "idr_base", u32, 16 });
	TYPE("pid_namespace", 32, { "idr", idr, 0 });
	TYPE("xa_node", 40 + 8 * 64, { "shift", u8, 0 }, { "slots", fake_kernel_array(fk, ptr, 64), 40 });
	if (!scx) {
		TYPE("rq", RQ_SIZE, { "__lock", lock, RQ_LOCK }, { "curr", ptr, RQ_CURR },
		     { "idle", ptr, RQ_IDLE }, { "clock", u64, RQ_CLOCK },
		     { "clock_task", u64, RQ_CLOCK_TASK });
		return;
	}

	int mask = fake_kernel_array(fk, u64, 1);
	btf__add_typedef(fk->btf, "cpumask_var_t", mask);
	int rescue = TYPE("scx_rq_rescue", 72, { "dsq", dsq, 0 }, { "curr", ptr, 64 });
	int scx_rq = TYPE("scx_rq", R_SIZE, { "local_dsq", dsq, R_LOCAL },
			  { "runnable_list", list, R_RUNNABLE }, { "nr_running", u32, R_NR_RUNNING },
			  { "flags", u32, R_FLAGS }, { "cpu_released", u8, R_RELEASED },
			  { im->kind == IMAGE_STATIC ? NULL : "clock", u64, R_CLOCK }, { is_static(im) ? "pnt_seq" : "kick_sync", u64, R_KICK_SYNC },
			  { im->kind == IMAGE_ROOT ? "bypass_dsq" : NULL, dsq, R_BYPASS },
			  { subs ? "reject_dsq" : NULL, dsq, R_REJECT }, { subs ? "rescue" : NULL, rescue, R_RESCUE },
			  { "ddsp_deferred_locals", list, R_DEFERRED },
			  { subs ? NULL : "ops_qseq", u64, R_OPS_QSEQ }, { subs ? "nr_immed" : NULL, u32, R_NR_IMMED },
			  { subs ? NULL : "cpus_to_kick", ptr, R_KICK }, { subs ? NULL : "cpus_to_kick_if_idle", mask, R_KICK_IDLE },
			  { subs ? NULL : "cpus_to_preempt", mask, R_PREEMPT }, { subs ? NULL : "cpus_to_wait", mask, R_WAIT });
	TYPE("rq", RQ_SIZE, { "__lock", lock, RQ_LOCK }, { "curr", ptr, RQ_CURR }, { "idle", ptr, RQ_IDLE },
	     { "clock", u64, RQ_CLOCK }, { "clock_task", u64, RQ_CLOCK_TASK }, { "scx", scx_rq, RQ_SCX });
	int ops = TYPE("sched_ext_ops", 144, { "name", fake_kernel_array(fk, u8, 128), 0 },
		       { "flags", u64, 128 }, { "timeout_ms", u32, 136 });
	add_enums(im);
	TYPE("scx_exit_info", X_SIZE, { "kind", u32, X_KIND }, { subs ? "exit_cpu" : NULL, u32, X_CPU },
	     { "exit_code", u64, X_CODE }, { is_static(im) ? NULL : "flags", u64, X_FLAGS }, { "reason", ptr, X_REASON },
	     { "bt", ptr, X_BT }, { "bt_len", u32, X_BT_LEN }, { "msg", ptr, X_MSG }, { "dump", ptr, X_DUMP });
	int ent_buf = TYPE("scx_dsp_buf_ent", B_SIZE, { "task", ptr, B_TASK }, { "qseq", u64, B_QSEQ },
			   { "dsq_id", u64, B_DSQ_ID });
	int dsp = TYPE("scx_dsp_ctx", B_BUF, { "rq", ptr, 0 }, { "cursor", u32, B_CURSOR },
		       { "buf", fake_kernel_array(fk, ent_buf, 0), B_BUF });
	if (im->kind == IMAGE_STATIC)
		return;
	int events = TYPE("scx_event_stats", EV_SIZE, { "SCX_EV_SELECT_CPU_FALLBACK", u64, EV_FALLBACK },
			  { is_static(im) ? "SCX_EV_ENQ_SLICE_DFL" : "SCX_EV_DISPATCH_KEEP_LAST", u64, EV_KEEP },
			  { "SCX_EV_OF_TOMORROW", u64, EV_NEW },
			  { im->drop && !strcmp(im->drop, "behind") ? "SCX_EV_BEHIND" : NULL, u64, EV_SIZE });
	if (is_static(im))
		return;
	TYPE("bpf_map", 16, { "btf_vmlinux_value_type_id", u32, 8 });
	int data = TYPE("sched_ext_ops_copy", 152, { "priv", ptr, 144 });
	int wrapper = TYPE("bpf_struct_ops_sched_ext_ops", 216, { "data", data, 64 });
	im->wrapper = (uint32_t)wrapper;
	TYPE("bpf_struct_ops_map", 512, { "map", u64, 0 }, { "kvalue", u64, 128 });
	int ops_cid = !subs ? 0 : TYPE("sched_ext_ops_cid", 136, { "flags", u64, C_FLAGS }, { "timeout_ms", u32, C_TIMEOUT },
				       { "name", fake_kernel_array(fk, u8, 112), C_NAME });
	TYPE("scx_sched", S_SIZE, { "ops", ops, S_NAME }, { "dsq_hash", rht, S_HASH },
	     { subs ? "ops_cid" : NULL, ops_cid, S_NAME }, { subs ? "is_cid_type" : NULL, u8, S_IS_CID },
	     { subs ? "id" : NULL, u64, S_ID },
	     { subs ? "pnode" : "global_dsqs", ptr, S_GLOBAL }, { subs ? "pcpu" : NULL, ptr, S_PCPU },
	     { "exit_kind", u32, S_EXIT_KIND }, { subs ? "bypass_depth" : NULL, u32, S_BYPASS },
	     { subs ? "aborting" : NULL, u8, S_ABORTING },
	     { subs ? "watchdog_timeout" : NULL, u64, S_WATCHDOG }, { subs ? "all" : NULL, list, S_ALL },
	     { "exit_info", ptr, S_EXIT }, { subs ? NULL : "event_stats_cpu", ptr, S_EVENTS },
	     { subs ? "level" : NULL, u32, S_LEVEL }, { subs ? "cgrp_path" : NULL, ptr, S_CGRP },
	     { subs ? "ancestors" : NULL, fake_kernel_array(fk, ptr, 0), S_ANCESTORS });
	if (subs) {
		TYPE("scx_sched_pnode", D_SIZE + 16, { "global_dsq", dsq, 16 });
		TYPE("scx_sched_pcpu", P_SIZE, { "event_stats", events, P_EVENTS },
		     { "bypass_dsq", dsq, P_BYPASS }, { "flags", u64, P_FLAGS }, { "dsp_ctx", dsp, P_DSP },
		     { "cpus_to_kick", mask, P_KICK }, { "cpus_to_kick_if_idle", mask, P_KICK_IDLE },
		     { "cpus_to_preempt", mask, P_PREEMPT }, { "cpus_to_wait", mask, P_WAIT });
	}
}

/* ---- the kernel's objects */

/* A hash of two buckets, both empty. */
static void init_hash(struct scx_image *im, uint64_t rht)
{
	uint64_t table = image_alloc(im, 64 + 2 * 8);

	image_put32(im, table, 2);
	image_put64(im, rht, table);
}

uint64_t image_user_dsq(struct scx_image *im, uint64_t hash, uint64_t id)
{
	uint64_t dsq = image_alloc(im, D_SIZE), table = image_get64(im, hash ? hash : im->dsq_hash);
	uint64_t bucket = table + 64 + 8 * (id & 1), first = image_get64(im, bucket) & ~1ull;

	image_dsq_init(im, dsq, id);
	/* The end of a chain is odd; a bucket's word is locked while bit 0 is set. */
	image_put64(im, dsq + D_HASH, first ? first : bucket | 1);
	image_put64(im, bucket, (dsq + D_HASH) | 1);
	return dsq;
}

void image_dsq_init(struct scx_image *im, uint64_t dsq, uint64_t id)
{
	image_list_init(im, dsq + D_LIST);
	image_put64(im, dsq + D_ID, id);
}

void image_dsq_push(struct scx_image *im, uint64_t dsq, uint64_t task)
{
	if (!image_get64(im, dsq + D_FIRST) && !(image_get64(im, dsq + D_ID) >> 63))
		image_put64(im, dsq + D_FIRST, task);
	image_list_add(im, dsq + D_LIST, task + T_SCX + E_DSQ_LIST);
	image_put64(im, task + T_SCX + E_DSQ, dsq);
	image_put32(im, dsq + D_NR, (uint32_t)image_get64(im, dsq + D_NR) + 1);
}

void image_dsq_tree(struct scx_image *im, uint64_t dsq, const uint64_t *tasks, size_t nr)
{
	uint64_t node[3] = { 0 };

	for (size_t i = 0; i < nr; i++)
		node[i] = tasks[i] + T_SCX + E_PRIQ;
	/* The second is the root, with the others on its sides. */
	image_put64(im, dsq + D_PRIQ, nr > 1 ? node[1] : node[0]);
	if (nr > 1) {
		image_put64(im, node[1] + 16, node[0]);
		image_put64(im, node[1] + 8, node[2]);
	}
}

void image_dsq_cursor(struct scx_image *im, uint64_t dsq, uint64_t at)
{
	image_list_add(im, dsq + D_LIST, at);
	image_put32(im, at + N_FLAGS, 1);
}

uint64_t image_rq(uint32_t cpu)
{
	return percpu_template + 0x400 + percpu_offset + cpu * percpu_stride;
}

uint64_t image_local_dsq(uint32_t cpu)
{
	return image_rq(cpu) + RQ_SCX + R_LOCAL;
}

static void init_cpu(struct scx_image *im, uint32_t cpu)
{
	static const uint8_t zeros[RQ_SIZE];
	uint64_t rq = image_rq(cpu), scx = rq + RQ_SCX;
	char comm[16];

	fake_kernel_write(im->fk, rq, zeros, sizeof(zeros));
	image_dsq_init(im, scx + R_LOCAL, 1ull << 63 | 2);
	image_dsq_init(im, scx + R_BYPASS, 1ull << 63 | 3);
	image_dsq_init(im, scx + R_REJECT, 1ull << 63 | 4);
	image_dsq_init(im, scx + R_RESCUE, 1ull << 63 | 5);
	image_list_init(im, scx + R_DEFERRED);
	image_list_init(im, scx + R_RUNNABLE);
	image_put32(im, scx + R_FLAGS, 1);
	image_put64(im, scx + R_CLOCK, 1000 + cpu);

	uint64_t idle = image_alloc(im, T_SIZE);
	snprintf(comm, sizeof(comm), "swapper/%u", cpu);
	fake_kernel_write(im->fk, idle + T_COMM, comm, sizeof(comm));
	image_put64(im, idle + T_CLASS, image_var("idle_sched_class"));
	image_put64(im, rq + RQ_CURR, idle);
	image_put64(im, rq + RQ_IDLE, idle);
	image_put32(im, idle + T_CPU, cpu);
	/* All but the last have slept for a second; 100 ns went to interrupts. */
	image_put64(im, rq + RQ_CLOCK, cpu == IMAGE_CPUS - 1 ? 9000000000 : 8000000000);
	image_put64(im, rq + RQ_CLOCK_TASK, (cpu == IMAGE_CPUS - 1 ? 9000000000 : 8000000000) - 100);
}

/* The array of global DSQs: [1] is a node that is not there. */
static uint64_t make_global(struct scx_image *im, size_t in_node)
{
	uint64_t array = image_alloc(im, 8 * IMAGE_NODES);

	for (uint32_t node = 0; node < IMAGE_NODES; node++) {
		if (node == 1)
			continue;
		uint64_t p = image_alloc(im, in_node + D_SIZE);
		image_dsq_init(im, p + in_node, 1ull << 63 | 1);
		image_put64(im, array + 8 * node, p);
	}
	return array;
}

static uint64_t make_sched(struct scx_image *im, const char *name)
{
	bool subs = im->kind == IMAGE_SUBS;
	uint64_t sched = image_alloc(im, S_SIZE);

	fake_kernel_write(im->fk, sched + S_NAME, name, strlen(name) + 1);
	image_put32(im, sched + S_TIMEOUT, 30000);
	init_hash(im, sched + S_HASH);
	image_put64(im, sched + S_GLOBAL, make_global(im, subs ? 16 : 0));

	/* A __percpu pointer looks like an address of the image and is none. */
	static const uint8_t zeros[P_SIZE];
	uint64_t pcpu = percpu_template + 0x2000 + (im->next & 0xff00);
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		fake_kernel_write(im->fk, pcpu + percpu_offset + cpu * percpu_stride, zeros, P_SIZE);
	image_put64(im, sched + (subs ? S_PCPU : S_EVENTS), pcpu + (subs ? 0 : P_EVENTS));
	if (!subs)
		return sched;
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		image_dsq_init(im, pcpu + percpu_offset + cpu * percpu_stride + P_BYPASS, 1ull << 63 | 3);
	image_list_add(im, image_var("scx_sched_all"), sched + S_ALL);
	return sched;
}

uint64_t image_sub_sched(struct scx_image *im)
{
	uint64_t sub = make_sched(im, "sub");

	image_put32(im, sub + S_LEVEL, 1);
	image_put64(im, sub + S_ANCESTORS, im->sched);
	image_put64(im, sub + S_ID, 2);
	image_put64(im, sub + S_CGRP, image_text(im, "/batch"));
	return sub;
}

uint64_t image_text(struct scx_image *im, const char *text)
{
	uint64_t at = image_alloc(im, strlen(text) + 1);

	fake_kernel_write(im->fk, at, text, strlen(text) + 1);
	return at;
}

uint64_t image_exit(struct scx_image *im, uint64_t sched, uint32_t kind)
{
	uint64_t info = image_alloc(im, X_SIZE), bt = image_alloc(im, 64 * 8);

	image_put32(im, info + X_KIND, kind);
	image_put32(im, info + X_CPU, 2);
	image_put64(im, info + X_CODE, 1ull << 48 | 1ull << 32 | 7);
	image_put64(im, info + X_REASON, image_text(im, "runnable task stall"));
	image_put64(im, info + X_MSG, image_text(im, "x[1] failed to run"));
	image_put64(im, info + X_DUMP, image_text(im, "line\nline"));
	image_put64(im, bt, 0xffffffff81100010);
	image_put64(im, info + X_BT, bt);
	image_put32(im, info + X_BT_LEN, 1);
	if (sched)
		image_put64(im, sched + S_EXIT, info);
	else
		image_put64(im, image_var("scx_exit_info"), info);
	return info;
}

uint64_t image_ended_sched(struct scx_image *im)
{
	uint64_t sched = make_sched(im, "ended");

	image_put32(im, sched + S_EXIT_KIND, 1);
	im->map = image_alloc(im, 512);
	image_put32(im, im->map + 8, im->wrapper);
	image_put64(im, im->map + 128 + 64 + 144, sched);
	return sched;
}

uint64_t image_pcpu(struct scx_image *im, uint32_t cpu)
{
	return image_get64(im, im->sched + S_PCPU) + percpu_offset + cpu * percpu_stride;
}

/* To 7.0 there is one for all schedulers. */
uint64_t image_dsp_ctx(struct scx_image *im, uint32_t cpu)
{
	if (im->kind == IMAGE_SUBS)
		return image_pcpu(im, cpu) + P_DSP;
	return dsp_template + percpu_offset + cpu * percpu_stride;
}

void image_buffer(struct scx_image *im, uint32_t cpu, uint64_t task, uint64_t qseq, uint64_t dsq_id)
{
	uint64_t ctx = image_dsp_ctx(im, cpu);
	uint32_t nr = (uint32_t)image_get64(im, ctx + B_CURSOR);

	image_put64(im, ctx + B_BUF + nr * B_SIZE + B_TASK, task);
	image_put64(im, ctx + B_BUF + nr * B_SIZE + B_QSEQ, qseq);
	image_put64(im, ctx + B_BUF + nr * B_SIZE + B_DSQ_ID, dsq_id);
	image_put32(im, ctx + B_CURSOR, nr + 1);
}

uint64_t image_events(struct scx_image *im, uint32_t cpu)
{
	if (im->kind == IMAGE_COUNTS)
		return events_template + percpu_offset + cpu * percpu_stride;
	if (im->kind == IMAGE_SUBS)
		return image_pcpu(im, cpu) + P_EVENTS;
	return image_get64(im, im->sched + S_EVENTS) + percpu_offset + cpu * percpu_stride;
}

static void make_static_sched(struct scx_image *im)
{
	static const char name[] = "old";

	fake_kernel_write(im->fk, image_var("scx_ops"), name, sizeof(name));
	im->dsq_hash = image_var("dsq_hash");
	init_hash(im, im->dsq_hash);
	image_put64(im, image_var("global_dsqs"), make_global(im, 0));
	image_put32(im, image_var("scx_ops_bypass_depth"), 2);
	image_put32(im, image_var("scx_exit_kind"), 1026);
	image_put32(im, image_var("scx_ops_enable_state_var"), 1);
}

/* Which of the variables this kernel has. */
static bool has_var(const struct scx_image *im, const char *name)
{
	static const char *const old[] = { "__scx_ops_enabled", "idle_masks", "scx_exit_info", "scx_ops_enable_state_var", "scx_ops_bypass_depth",
					   "scx_exit_kind", "scx_ops", "global_dsqs", "dsq_hash" };
	static const char *const rooted[] = { "scx_root", "scx_enable_state_var", "scx_idle_global_masks" };
	static const char *const any[] = { "scx_watchdog_timestamp", "scx_enable_seq", "scx_nr_rejected", "scx_hotplug_seq",
					   "scx_builtin_idle_enabled", "scx_tasks", "ext_sched_class", "__scx_switched_all" };

	if (im->drop && !strcmp(im->drop, name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		if (!strcmp(old[i], name))
			return is_static(im);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rooted); i++) {
		if (!strcmp(rooted[i], name))
			return im->kind == IMAGE_ROOT || im->kind == IMAGE_SUBS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(any); i++) {
		if (!strcmp(any[i], name))
			return im->kind != IMAGE_NO_SCX;
	}
	if (!strcmp(name, "scx_bypass_depth") || !strcmp(name, "scx_aborting") || !strcmp(name, "scx_breather_depth") ||
	    !strcmp(name, "scx_in_softlockup"))
		return im->kind == IMAGE_ROOT;
	if (!strcmp(name, "scx_watchdog_timeout") || !strcmp(name, "scx_dsp_ctx"))
		return im->kind == IMAGE_ROOT || is_static(im);
	if (!strcmp(name, "scx_sched_all") || !strcmp(name, "scx_watchdog_interval") || !strcmp(name, "scx_hardlockup_cpu"))
		return im->kind == IMAGE_SUBS;
	return true;
}

/* One level of 64 slots is enough for the table of pids. */
static void init_pids(struct scx_image *im)
{
	uint64_t node = image_alloc(im, 40 + 8 * 64);

	image_put64(im, image_var("init_pid_ns") + 8, node | 2);
}

struct scx_image *scx_image_new(enum image_kind kind, const char *drop)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct scx_image *im = calloc(1, sizeof(*im));

	if (!im)
		abort();
	im->fk = fake_kernel_new();
	im->kind = kind;
	im->drop = drop;
	im->next = objects;
	add_types(im);
	for (uint64_t at = vars; at < vars + VAR_STRIDE * ARRAY_SIZE(var_names); at += PAGE_SIZE)
		fake_kernel_write(im->fk, at, zeros, PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(var_names); i++) {
		if (has_var(im, var_names[i]))
			fake_kernel_symbol(im->fk, var_names[i], image_var(var_names[i]));
	}
	fake_kernel_symbol(im->fk, "runqueues", percpu_template + 0x400);
	if (kind == IMAGE_COUNTS && !(drop && !strcmp(drop, "event_stats_cpu")))
		fake_kernel_symbol(im->fk, "event_stats_cpu", events_template);
	fake_kernel_symbol(im->fk, "native_queued_spin_lock_slowpath", 0xffffffff81100000);
	fake_kernel_symbol(im->fk, "__mutex_lock.constprop.0", 0xffffffff81100200);
	fake_kernel_symbol(im->fk, "mutex_unlock", 0xffffffff81100400);
	fake_kernel_symbol(im->fk, "queued_write_lock_slowpath", 0xffffffff81100600);
	fake_kernel_symbol(im->fk, "resilient_queued_spin_lock_slowpath", 0xffffffff81100800);
	fake_kernel_symbol(im->fk, "__pv_queued_spin_lock_slowpath", 0xffffffff81100a00);
	fake_kernel_symbol(im->fk, "queued_spin_lock_slowpath_not", 0xffffffff81100c00);
	fake_kernel_symbol(im->fk, "__start_init_stack", 0xffffffff9d500000);
	fake_kernel_symbol(im->fk, "__end_init_stack", 0xffffffff9d504000);

	image_put64(im, image_var("jiffies_64"), 5000);
	image_put32(im, image_var("nr_node_ids"), IMAGE_NODES);
	image_put64(im, image_var("scx_watchdog_timeout"), 7500);
	image_put32(im, image_var("scx_enable_state_var"), 1);
	image_put32(im, image_var("scx_hardlockup_cpu"), (uint32_t)-1);
	image_put64(im, image_var("scx_dsp_ctx"), dsp_template);
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		fake_kernel_write(im->fk, dsp_template + percpu_offset + cpu * percpu_stride, zeros, 0x400);
	image_list_init(im, image_var("scx_tasks"));
	image_list_init(im, image_var("scx_sched_all"));
	image_list_init(im, image_var("init_task") + T_TASKS);
	init_pids(im);
	for (uint32_t cpu = 0; cpu < IMAGE_CPUS; cpu++)
		init_cpu(im, cpu);
	if (is_static(im)) {
		make_static_sched(im);
	} else if (kind != IMAGE_NO_SCX) {
		im->sched = make_sched(im, "test");
		im->dsq_hash = im->sched + S_HASH;
		image_put64(im, image_var("scx_root"), im->sched);
	}
	fake_kernel_ready(im->fk);
	fake_kernel_cpus(im->fk, IMAGE_CPUS, percpu_offset, percpu_stride);
	return im;
}

void scx_image_free(struct scx_image *im)
{
	report_destroy(im->r);
	fake_kernel_destroy(im->fk);
	free(im);
}

/* struct pid, entered in the table. */
static uint64_t make_pid(struct scx_image *im, uint32_t nr)
{
	uint64_t pid = image_alloc(im, 80);
	uint64_t node = image_get64(im, image_var("init_pid_ns") + 8) & ~3ull;

	image_put32(im, pid + 64, nr);
	if (nr < 64)
		image_put64(im, node + 40 + 8 * nr, pid);
	return pid;
}

/* Without a place among processes. */
static uint64_t make_task(struct scx_image *im, uint64_t signal, uint64_t pid, uint32_t nr, const char *comm)
{
	uint64_t task = image_alloc(im, T_SIZE);
	char name[16] = { 0 };

	memcpy(name, comm, strnlen(comm, sizeof(name)));
	fake_kernel_write(im->fk, task + T_COMM, name, sizeof(name));
	image_put32(im, task + T_PID, nr);
	image_put32(im, task + T_TGID, nr);
	image_put32(im, task + T_PRIO, 120);
	image_put32(im, task + T_STATIC_PRIO, 120);
	image_put32(im, task + T_NORMAL_PRIO, 120);
	image_put32(im, task + T_SCX + E_WEIGHT, 100);
	image_put64(im, task + T_CLASS, image_var("fair_sched_class"));
	image_put64(im, task + T_LEADER, task);
	image_put64(im, task + T_PARENT, task);
	image_put64(im, task + T_SIGNAL, signal);
	image_list_add(im, signal + G_THREAD_HEAD, task + T_THREAD_NODE);
	image_put64(im, pid + 8, task + T_PID_LINKS);
	if (im->kind != IMAGE_NO_SCX)
		image_list_add(im, image_var("scx_tasks"), task + T_SCX + E_TASKS);
	if (im->kind == IMAGE_SUBS)
		image_put64(im, task + T_SCX + E_SCHED, im->sched);
	return task;
}

uint64_t image_task(struct scx_image *im, uint32_t nr, const char *comm)
{
	uint64_t signal = image_alloc(im, G_SIZE), pid = make_pid(im, nr), task;

	image_put32(im, signal, 1);
	for (int i = 0; i < 4; i++)
		image_put64(im, signal + 8 + 8 * i, pid);
	image_list_init(im, signal + G_THREAD_HEAD);
	task = make_task(im, signal, pid, nr, comm);
	image_list_add(im, image_var("init_task") + T_TASKS, task + T_TASKS);
	return task;
}

uint64_t image_thread(struct scx_image *im, uint64_t leader, uint32_t nr, const char *comm)
{
	uint64_t task = make_task(im, image_get64(im, leader + T_SIGNAL), make_pid(im, nr), nr, comm);

	image_put32(im, task + T_TGID, (uint32_t)image_get64(im, leader + T_PID));
	image_put64(im, task + T_LEADER, leader);
	return task;
}

/* struct kernfs_node */
static uint64_t make_kn(struct scx_image *im, uint64_t parent, const char *name, uint64_t id)
{
	uint64_t kn = image_alloc(im, 24), text = image_alloc(im, 64);

	fake_kernel_write(im->fk, text, name, strlen(name) + 1);
	image_put64(im, kn, parent);
	image_put64(im, kn + 8, text);
	image_put64(im, kn + 16, id);
	return kn;
}

uint64_t image_css_set(struct scx_image *im, const char *name)
{
	uint64_t css_set = image_alloc(im, 16), cgroup = image_alloc(im, 16);

	if (!im->root_kn)
		im->root_kn = make_kn(im, 0, "", 1);
	image_put64(im, cgroup + 8, name ? make_kn(im, im->root_kn, name, 2) : im->root_kn);
	image_put64(im, css_set + 8, cgroup);
	return css_set;
}

/* ---- walking */

struct log_record *image_log(struct scx_image *im, uint8_t level, uint64_t caller, const char *text)
{
	struct log_record *rec = &im->log[im->nr_log++];

	if (im->nr_log > ARRAY_SIZE(im->log))
		abort();
	*rec = (struct log_record){ .seq = 100 + im->nr_log, .ts_nsec = im->nr_log * 1500000000, .level = level,
				    .caller = { true, caller }, .text = text, .len = strlen(text) };
	return rec;
}

void image_walk(struct scx_image *im)
{
	ASSERT_OK(report_create(&im->r));
	im->r->log.collected = true;
	im->r->log.records = im->log;
	im->r->log.nr = im->nr_log;
	struct walk w = { .k = im->fk->k, .r = im->r, .opts = &im->opts };
	if (im->map) {
		struct map_row *map = vec_push(&im->r->maps);

		if (!map)
			abort();
		map->kva.v = im->map;
		map->type = 26; /* BPF_MAP_TYPE_STRUCT_OPS */
	}
	ASSERT_OK(walk_scx(&w));
	ASSERT_OK(walk_tasks(&w));
}

const struct dsq_row *image_find_dsq(const struct scx_image *im, uint64_t kva)
{
	for (size_t i = 0; i < im->r->scx.dsqs.nr; i++) {
		if (im->r->scx.dsqs.data[i].kva.v == kva)
			return &im->r->scx.dsqs.data[i];
	}
	return NULL;
}

const struct task_row *image_find_task(const struct scx_image *im, uint64_t kva)
{
	return report_task(im->r, (struct kva){ kva });
}

const char *image_detail(const struct scx_image *im, const char *section)
{
	const struct section *s = report_find_section(im->r, section);

	return s && s->detail ? s->detail : "";
}
