/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUs that wait for others: which of these have not answered. */
#include "config.h"

#include "unit.h"

#include <string.h>

#include "fake-sleepers.h"

enum {
	CPUS = 4, STRIDE = 0x1000,
	CFD_CSD = 0, CFD_MASK = 8,	/* struct call_function_data */
	CSD_FLAGS = 8, CSD_FUNC = 16,	/* struct __call_single_data */
	LOCKED = 1, WAITED_FOR = 0x11,
	IPI_MASK = 32, /* struct task_struct */
};

static const uint64_t cfd_sym = 0xffffffff83000000, csd_sym = 0xffffffff83000100, percpu_at = 0xffff888000500000;

static uint64_t of_cpu(uint64_t sym, uint32_t cpu)
{
	return percpu_at + (sym - cfd_sym) + STRIDE * cpu;
}

/* Where it stands who was asked: in the CPU's data, where that points to, or in the task (7.3). */
enum place { IN_CPU, BEHIND_POINTER, IN_TASK, NR_PLACES };

static void setup(struct sleepers *s, enum place place)
{
	sleepers_new(s);
	struct fake_kernel *fk = s->fk;
	struct fake_field task[] = { { "mm", fk->ptr, 0 }, { "ipi_mask", fk->u64, IPI_MASK } };
	fake_kernel_struct(fk, "task_struct", 64, task, place == IN_TASK ? 2 : 1);
	struct fake_field node[] = { { "llist", fk->ptr, 0 }, { "u_flags", fk->u32, CSD_FLAGS } };
	struct fake_field csd[] = { { "node", fake_kernel_struct(fk, "__call_single_node", 16, node, 2), 0 },
				    { "func", fk->ptr, CSD_FUNC } };
	fake_kernel_struct(fk, "__call_single_data", 32, csd, 2);
	struct fake_field bits[] = { { "bits", fake_kernel_array(fk, fk->u64, 1), 0 } };
	int mask = fake_kernel_struct(fk, "cpumask", 8, bits, 1);
	struct fake_field cfd[] = { { "csd", fk->ptr, CFD_CSD },
				    { "cpumask", place == BEHIND_POINTER ? fake_kernel_pointer(fk, mask) :
							    fake_kernel_array(fk, mask, 1), CFD_MASK } };
	fake_kernel_struct(fk, "call_function_data", 24, cfd, 2);
	fake_kernel_symbol(fk, "cfd_data", cfd_sym);
	sleepers_ready(s);
	fake_kernel_cpus(fk, CPUS, percpu_at - cfd_sym, STRIDE);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		fake_kernel_map(fk, of_cpu(cfd_sym, cpu));
}

static const char *const asks_many[] = { "csd_lock_wait", "smp_call_function_many_cond.constprop.0", "flush_tlb", NULL },
		  *const asks_one[] = { "smp_call_function_single", "read_msr", NULL },
		  *const stops[] = { "multi_cpu_stop", "cpu_stopper_thread", NULL },
		  *const loops[] = { "loop", "hang_irqs", NULL },
		  *const idles[] = { "default_idle", "do_idle", NULL };

static void check(struct sleepers *s, enum wait_kind kind, uint32_t cpu, size_t holder, enum wait_basis basis)
{
	ASSERT_OK(walk_waits(&s->w));
	CU_ASSERT_EQUAL(s->r->waits.nr, 1);
	const struct wait_row *r = sleeper_wait(s, 1);
	CU_ASSERT_EQUAL(r->kind, kind);
	CU_ASSERT_EQUAL(r->pid, 11);
	CU_ASSERT_EQUAL(r->cpu.v, 1);
	CU_ASSERT_EQUAL_FATAL(r->nr_cpus, 1);
	CU_ASSERT_EQUAL(r->cpus[0], cpu);
	CU_ASSERT_TRUE_FATAL(r->has_holder);
	CU_ASSERT_EQUAL(r->holder.task.v, sleeper_at(holder));
	CU_ASSERT_EQUAL(r->holder.basis, basis);
	CU_ASSERT_EQUAL(!r->holder.by, basis == WAIT_RECORDED);
	CU_ASSERT_PTR_NULL(r->why);
	CU_ASSERT_PTR_NULL(report_find_section(s->r, "waits")->cut);
	sleepers_destroy(s);
}

/* CPU 1 has asked those of the mask, of which those of `locked` have not answered. */
static void asks(struct sleepers *s, enum place place, uint8_t mask, uint8_t locked)
{
	uint64_t cfd = of_cpu(cfd_sym, 1);
	uint64_t at = place == IN_CPU ? cfd + CFD_MASK : place == IN_TASK ? sleeper_at(1) + IPI_MASK : sleepers_room;

	sleepers_put(s, cfd + CFD_CSD, csd_sym);
	if (place == BEHIND_POINTER)
		sleepers_put(s, cfd + CFD_MASK, at);
	sleepers_put(s, at, mask);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		sleepers_put32(s, of_cpu(csd_sym, cpu) + CSD_FLAGS, locked >> cpu & 1 ? LOCKED : 0);
	sleepers_run(s, 1, 1, asks_many);
	sleepers_run(s, 2, 2, loops);
	sleepers_run(s, 3, 3, loops);
}

static void test_many(void)
{
	for (enum place place = 0; place < NR_PLACES; place++) {
		struct sleepers s;

		/* Locked are entries beyond the mask, too: from an earlier call that nobody waited for. */
		setup(&s, place);
		asks(&s, place, 1 << 0 | 1 << 2, 1 << 2 | 1 << 3);
		check(&s, WAIT_CALL, 2, 2, WAIT_RECORDED);

		setup(&s, place);
		asks(&s, place, 1 << 0 | 1 << 2 | 1 << 3, 1 << 2 | 1 << 3);
		ASSERT_OK(walk_waits(&s.w));
		const struct wait_row *r = sleeper_wait(&s, 1);
		CU_ASSERT_EQUAL_FATAL(r->nr_cpus, 2);
		CU_ASSERT_EQUAL(r->cpus[0], 2);
		CU_ASSERT_EQUAL(r->cpus[1], 3);
		CU_ASSERT_FALSE(r->has_holder);
		CU_ASSERT_PTR_NOT_NULL(r->why);
		sleepers_destroy(&s);

		/* All have answered. */
		setup(&s, place);
		asks(&s, place, 1 << 0 | 1 << 2, 0);
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_EQUAL(s.r->waits.nr, 0);
		sleepers_destroy(&s);
	}
}

static void test_one(void)
{
	const uint64_t csd = sleeper_sp(1) + 0x40;
	struct sleepers s;

	/* It is on the other CPU's queue. */
	setup(&s, IN_CPU);
	struct cpu_row *row = vec_push(&s.r->cpus.rows);
	struct cpu_call calls[] = { { .func = "f", .from = { true, 0 } }, { .func = "g", .from = { true, 1 } } };
	*row = (struct cpu_row){ .cpu = 3, .calls = calls, .nr_calls = 2 };
	sleepers_run(&s, 1, 1, asks_one);
	sleepers_run(&s, 3, 3, loops);
	check(&s, WAIT_CALL, 3, 3, WAIT_INFERRED);

	/* It has been taken from there; the one that has its address on the stack runs it. */
	for (int locked = 0; locked < 2; locked++) {
		setup(&s, IN_CPU);
		sleepers_put32(&s, csd + CSD_FLAGS, locked ? WAITED_FOR : WAITED_FOR - 1);
		sleepers_put(&s, csd + CSD_FUNC, sleepers_text);
		sleepers_put(&s, sleeper_sp(2) + 0x100, csd);
		sleepers_run(&s, 1, 1, asks_one);
		sleepers_run(&s, 2, 2, loops);
		sleepers_run(&s, 3, 3, loops);
		if (locked) {
			check(&s, WAIT_CALL, 2, 2, WAIT_INFERRED);
			continue;
		}
		ASSERT_OK(walk_waits(&s.w));
		CU_ASSERT_EQUAL(s.r->waits.nr, 0);
		sleepers_destroy(&s);
	}

	/* Two have it: nobody knows. */
	setup(&s, IN_CPU);
	sleepers_put32(&s, csd + CSD_FLAGS, WAITED_FOR);
	sleepers_put(&s, csd + CSD_FUNC, sleepers_text);
	sleepers_put(&s, sleeper_sp(2) + 0x100, csd);
	sleepers_put(&s, sleeper_sp(3) + 0x100, csd);
	sleepers_run(&s, 1, 1, asks_one);
	sleepers_run(&s, 2, 2, loops);
	sleepers_run(&s, 3, 3, loops);
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(s.r->waits.nr, 0);
	sleepers_destroy(&s);
}

static void test_stop(void)
{
	struct sleepers s;

	setup(&s, IN_CPU);
	sleepers_run(&s, 1, 1, stops);
	sleepers_run(&s, 2, 2, loops);
	fake_kernel_cpus(s.fk, 3, percpu_at - cfd_sym, STRIDE);
	sleepers_run(&s, 3, 3, idles); /* not online */
	check(&s, WAIT_STOP, 2, 2, WAIT_INFERRED);

	/* All are there. */
	setup(&s, IN_CPU);
	sleepers_run(&s, 1, 1, stops);
	sleepers_run(&s, 2, 2, stops);
	ASSERT_OK(walk_waits(&s.w));
	CU_ASSERT_EQUAL(s.r->waits.nr, 0);
	sleepers_destroy(&s);
}

UNIT_MAIN("walk-wait-calls", { "many", test_many }, { "one", test_one }, { "stop_machine", test_stop })
