/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of CPUs, sockets and events, each by its own layout. */
#include "config.h"

#include <bpf/btf.h>

#include "map-image.h"

#define F(type, member, id) { #member, id, offsetof(struct type, member) }
#define N(type, member, name, id) { name, id, offsetof(struct type, member) }

static void add_cpus(struct fake_kernel *fk, int map)
{
	const struct fake_field cpu_map[] = { F(img_cpu_map, map, map), F(img_cpu_map, cpu_map, fk->ptr) };
	const struct fake_field value[] = { { "qsize", fk->u32, 0 }, { "fd", fk->u32, 4 } };
	const struct fake_field entry[] = {
		F(img_cpu_entry, cpu, fk->u32),
		N(img_cpu_entry, qsize, "value", fake_kernel_struct(fk, "bpf_cpumap_val", 8, value, 2)),
		F(img_cpu_entry, prog, fk->ptr),
	};

	fake_kernel_struct(fk, "bpf_cpu_map", sizeof(struct img_cpu_map), cpu_map, 2);
	fake_kernel_struct(fk, "bpf_cpu_map_entry", sizeof(struct img_cpu_entry), entry, ARRAY_SIZE(entry));
}

static void add_sockets(struct fake_kernel *fk, int map)
{
	int slots = fake_kernel_array(fk, fk->ptr, 0), bytes = fake_kernel_array(fk, fk->u8, 0);
	const struct fake_field xsk[] = { F(img_slot_array, map, map), N(img_slot_array, slots, "xsk_map", slots) };
	const struct fake_field reuse[] = { F(img_slot_array, map, map), N(img_slot_array, slots, "ptrs", slots) };
	const struct fake_field count[] = { { "counter", fk->u32, 0 } };
	const struct fake_field shtab[] = {
		F(img_shtab, map, map), F(img_shtab, buckets, fk->ptr), F(img_shtab, buckets_num, fk->u32),
		F(img_shtab, count, fake_kernel_struct(fk, "atomic_t", 4, count, 1)),
	};
	/* raw_spinlock_t as it is without debugging: raw_lock.val.counter. */
	int atomic = fake_kernel_struct(fk, "atomic_t", 4, count, 1);
	const struct fake_field val[] = { { "val", atomic, 0 } };
	const struct fake_field raw[] = { { "raw_lock", fake_kernel_struct(fk, "qspinlock", 4, val, 1), 0 } };
	int lock = fake_kernel_struct(fk, "raw_spinlock", 4, raw, 1);
	const struct fake_field bucket[] = { N(img_shtab_bucket, first, "head", fk->ptr), F(img_shtab_bucket, lock, lock) };
	const struct fake_field elem[] = {
		F(img_shtab_elem, sk, fk->ptr), N(img_shtab_elem, next, "node", fk->ptr),
		F(img_shtab_elem, key, bytes),
	};

	const struct fake_field stab[] = { F(img_stab, map, map), F(img_stab, sks, fk->ptr), F(img_stab, lock, lock) };

	fake_kernel_struct(fk, "xsk_map", sizeof(struct img_slot_array), xsk, 2);
	fake_kernel_struct(fk, "reuseport_array", sizeof(struct img_slot_array), reuse, 2);
	fake_kernel_struct(fk, "bpf_stab", sizeof(struct img_stab), stab, 3);
	fake_kernel_struct(fk, "bpf_shtab", sizeof(struct img_shtab), shtab, ARRAY_SIZE(shtab));
	fake_kernel_struct(fk, "bpf_shtab_bucket", sizeof(struct img_shtab_bucket), bucket, 2);
	fake_kernel_struct(fk, "bpf_shtab_elem", sizeof(struct img_shtab_elem), elem, ARRAY_SIZE(elem));
}

static void add_events(struct fake_kernel *fk)
{
	const struct fake_field entry[] = { F(img_event_entry, event, fk->ptr) };
	const struct fake_field attr[] = { { "type", fk->u32, 0 }, { "size", fk->u32, 4 }, { "config", fk->u64, 8 } };
	const struct fake_field event[] = {
		N(img_event, type, "attr", fake_kernel_struct(fk, "perf_event_attr", 16, attr, 3)),
		F(img_event, cpu, fk->u32),
	};

	fake_kernel_struct(fk, "bpf_event_entry", sizeof(struct img_event_entry), entry, 1);
	fake_kernel_struct(fk, "perf_event", sizeof(struct img_event), event, 2);
}

void map_image_slots(struct fake_kernel *fk, int map)
{
	add_cpus(fk, map);
	add_sockets(fk, map);
	add_events(fk);
}
