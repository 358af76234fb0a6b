/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hang: makes real hangs inside the kernel, one for each word written to /sys/kernel/debug/hang.
 * "release" ends them all but "abba", "flush" and "orphan".
 *
 * Built without the kernel's headers: types come from its own BTF (vmlinux.h), which has the layout of
 * struct module and of all that is used here; the few functions are declared by hand.  It carries no
 * symbol versions, so the kernel must have CONFIG_MODULE_FORCE_LOAD, as Debian's have.
 */
#include "vmlinux.h"

typedef unsigned long ulong_t;

#define KERNEL(ret, name, ...) extern ret name(__VA_ARGS__)
KERNEL(int, _printk, const char *fmt, ...);
KERNEL(struct task_struct *, kthread_create_on_node, int (*fn)(void *), void *data, int node,
       const char *name, ...);
KERNEL(void, kthread_bind, struct task_struct *k, unsigned int cpu);
KERNEL(int, wake_up_process, struct task_struct *p);
KERNEL(void, msleep, unsigned int ms);
KERNEL(void, mutex_lock, struct mutex *m);
KERNEL(void, down_read, struct rw_semaphore *s);
KERNEL(void, down_write, struct rw_semaphore *s);
KERNEL(void, _raw_spin_lock, raw_spinlock_t *l);
KERNEL(void, __rcu_read_lock, void);
KERNEL(void, call_rcu, struct callback_head *head, void (*fn)(struct callback_head *));
KERNEL(bool, queue_work_on, int cpu, struct workqueue_struct *wq, struct work_struct *w);
KERNEL(int, wait_for_completion_interruptible, struct completion *c);
KERNEL(void, complete_all, struct completion *c);
KERNEL(void, mutex_unlock, struct mutex *m);
KERNEL(void, up_read, struct rw_semaphore *s);
KERNEL(void, up_write, struct rw_semaphore *s);
KERNEL(void, _raw_spin_unlock, raw_spinlock_t *l);
KERNEL(void, __rcu_read_unlock, void);
KERNEL(struct workqueue_struct *, alloc_workqueue_noprof, const char *fmt, unsigned int flags, int max_active,
       ...) __attribute__((weak));
KERNEL(struct workqueue_struct *, alloc_workqueue, const char *fmt, unsigned int flags, int max_active,
       ...) __attribute__((weak));
KERNEL(struct dentry *, debugfs_create_file_full, const char *name, umode_t mode, struct dentry *parent,
       void *data, const void *aux, const struct file_operations *fops) __attribute__((weak));
KERNEL(struct dentry *, debugfs_create_file, const char *name, umode_t mode, struct dentry *parent,
       void *data, const struct file_operations *fops) __attribute__((weak));
KERNEL(ulong_t, _copy_from_user, void *to, const void *from, ulong_t n);
KERNEL(void, down, struct semaphore *s);
KERNEL(void, up, struct semaphore *s);
KERNEL(int, __percpu_init_rwsem, struct percpu_rw_semaphore *s, const char *name, void *key);
KERNEL(void, percpu_down_write, struct percpu_rw_semaphore *s);
KERNEL(void, percpu_up_write, struct percpu_rw_semaphore *s);
KERNEL(bool, __percpu_down_read, struct percpu_rw_semaphore *s, bool try, bool freezable); /* 2 arguments to 6.15 */
KERNEL(void, _raw_write_lock, rwlock_t *l);
KERNEL(void, _raw_write_unlock, rwlock_t *l);
KERNEL(void, _raw_read_lock, rwlock_t *l);
KERNEL(bool, flush_work, struct work_struct *w);
KERNEL(int, init_srcu_struct, struct srcu_struct *s) __attribute__((weak));	    /* to 7.2 */
KERNEL(int, init_srcu_struct_generic, struct srcu_struct *s) __attribute__((weak)); /* 7.3 */
KERNEL(int, __srcu_read_lock, struct srcu_struct *s);
KERNEL(void, __srcu_read_unlock, struct srcu_struct *s, int index);
KERNEL(void, synchronize_srcu, struct srcu_struct *s);
KERNEL(void, synchronize_rcu, void);
KERNEL(void, synchronize_rcu_expedited, void);
KERNEL(void, synchronize_rcu_tasks, void);
KERNEL(int, kthread_stop, struct task_struct *k);
KERNEL(int, stop_machine, int (*fn)(void *), void *data, const struct cpumask *cpus);
KERNEL(int, smp_call_function_single, int cpu, void (*fn)(void *), void *data, int wait);
KERNEL(void, smp_call_function, void (*fn)(void *), void *data, int wait);
extern unsigned int tsc_khz;

#define INFO(tag, text)                                                                            \
	static const char info_##tag[] __attribute__((used, section(".modinfo"), aligned(1))) = text
INFO(license, "license=GPL");
INFO(vermagic, "vermagic=" VERMAGIC);
INFO(name, "name=hang");
INFO(retpoline, "retpoline=Y");

/* All unlocked mutexes, rwsems and spin locks are zeros but for their lists of waiters. */
static struct mutex a, b, c, d, e;
static struct rw_semaphore sem;
static struct semaphore counting;
static struct percpu_rw_semaphore percpu;
static struct srcu_struct srcu;
static raw_spinlock_t lock, spin_a, spin_b, twice;
static rwlock_t rw;
static struct work_struct slow, behind, needs_mutex;
static struct workqueue_struct *one_by_one;
static struct callback_head rcu;

static void init_list(struct list_head *l)
{
	l->next = l->prev = l;
}

static volatile bool released;
static struct completion end;

/* Sleeps until the release, as who waits for something that does not come. */
static void hold(void)
{
	wait_for_completion_interruptible(&end);
}

static ulong_t now_ms(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return ((ulong_t)high << 32 | low) / tsc_khz;
}

/* Spinning ends by itself: who should release it may have to wait for the CPU that spins.  Jiffies may stand. */
static bool over(ulong_t since)
{
	return released || now_ms() - since > 60 * 1000;
}

/* Without sleeping. */
static void delay(ulong_t ms)
{
	ulong_t since = now_ms();

	while (now_ms() - since < ms)
		__asm__ volatile("pause");
}

/* What is on the stack makes the compiler keep a frame pointer: without one its caller would not be found. */
static __attribute__((noinline)) void loop(void)
{
	volatile ulong_t since = now_ms();

	while (!over(since))
		__asm__ volatile("pause");
}

static int take_ab(void *data)
{
	mutex_lock(&a);
	msleep(200);
	mutex_lock(&b);
	return 0;
}

static int take_ba(void *data)
{
	mutex_lock(&b);
	msleep(200);
	mutex_lock(&a);
	return 0;
}

static int holder(void *data)
{
	mutex_lock(&c);
	hold();
	mutex_unlock(&c);
	return 0;
}

static int waiter(void *data)
{
	msleep(200);
	mutex_lock(&c);
	mutex_unlock(&c);
	return 0;
}

static int reader(void *data)
{
	down_read(&sem);
	hold();
	up_read(&sem);
	return 0;
}

static int writer(void *data)
{
	msleep(200);
	down_write(&sem);
	up_write(&sem);
	return 0;
}

static int late_reader(void *data)
{
	msleep(400);
	down_read(&sem);
	up_read(&sem);
	return 0;
}

static void rcu_done(struct callback_head *head)
{
}

/* Sleeps in its read side, which is a bug, and one that only preemptible RCU survives. */
static int rcu_reader(void *data)
{
	__rcu_read_lock();
	call_rcu(&rcu, rcu_done); /* so that there is a grace period that waits for us */
	hold();
	__rcu_read_unlock();
	return 0;
}

static int soft(void *data)
{
	_raw_spin_lock(&lock);
	loop();
	_raw_spin_unlock(&lock);
	return 0;
}

static int spinner(void *data)
{
	msleep(500);
	_raw_spin_lock(&lock);
	_raw_spin_unlock(&lock);
	return 0;
}

static int irqs(void *data)
{
	__asm__ volatile("cli" ::: "memory");
	loop();
	__asm__ volatile("sti" ::: "memory");
	return 0;
}

/* Two spin locks in opposite orders, and one taken twice; the release unlocks what is held for good. */
static int spin_ab(void *data)
{
	_raw_spin_lock(&spin_a);
	delay(500);
	_raw_spin_lock(&spin_b);
	_raw_spin_unlock(&spin_b);
	_raw_spin_unlock(&spin_a);
	return 0;
}

static int spin_ba(void *data)
{
	_raw_spin_lock(&spin_b);
	delay(500);
	_raw_spin_lock(&spin_a);
	_raw_spin_unlock(&spin_a);
	_raw_spin_unlock(&spin_b);
	return 0;
}

static int spin_twice(void *data)
{
	_raw_spin_lock(&twice);
	_raw_spin_lock(&twice);
	_raw_spin_unlock(&twice);
	_raw_spin_unlock(&twice);
	return 0;
}

static int rw_writer(void *data)
{
	_raw_write_lock(&rw);
	loop();
	_raw_write_unlock(&rw);
	return 0;
}

static int rw_waiter(void *data)
{
	msleep(500);
	_raw_write_lock(&rw);
	_raw_write_unlock(&rw);
	return 0;
}

/*
 * ---- other CPUs: one loops in what it was asked to run, or does not take the interrupt at all.
 * Who asks that one does not sleep before: the timer may be one that it should have run for the others.
 */

static __attribute__((noinline)) void called(void *data)
{
	loop();
}

static void nothing(void *data)
{
}

static int call_one(void *data)
{
	smp_call_function_single(1, called, 0, 1);
	return 0;
}

static int call_all(void *data)
{
	delay(500);
	smp_call_function(nothing, 0, 1);
	return 0;
}

static int call_one_late(void *data)
{
	delay(500);
	smp_call_function_single(1, nothing, 0, 1);
	return 0;
}

static int nothing_stopped(void *data)
{
	return 0;
}

static int stop_all(void *data)
{
	msleep(500);
	stop_machine(nothing_stopped, 0, 0);
	return 0;
}

/* ---- other locks */

static int sem_holder(void *data)
{
	down(&counting);
	hold();
	up(&counting);
	return 0;
}

static int sem_waiter(void *data)
{
	msleep(200);
	down(&counting);
	up(&counting);
	return 0;
}

static int percpu_writer(void *data)
{
	percpu_down_write(&percpu);
	hold();
	percpu_up_write(&percpu);
	return 0;
}

/* The writer waits for a grace period first. */
static int percpu_reader(void *data)
{
	msleep(3000);
	__percpu_down_read(&percpu, 0, 0);
	return 0; /* and keeps it: letting go is inlined code */
}

/* Ends with the mutex, as who dies of an oops does. */
static int orphan(void *data)
{
	mutex_lock(&d);
	return 0;
}

static int orphan_waiter(void *data)
{
	msleep(500);
	mutex_lock(&d);
	return 0;
}

/* Does not heed that it should stop, which 6.1 tells it by a signal, too. */
static int stubborn(void *data)
{
	while (!released)
		msleep(100);
	return 0;
}

static int stopper(void *data)
{
	msleep(500); /* so that the other one has begun: else it never does */
	kthread_stop(data);
	return 0;
}

/* A work that wants the mutex of who waits for the work. */
static void needs_mutex_fn(struct work_struct *w)
{
	mutex_lock(&e);
	mutex_unlock(&e);
}

/* ---- grace periods */

static int srcu_reader(void *data)
{
	int index = __srcu_read_lock(&srcu);

	hold();
	__srcu_read_unlock(&srcu, index);
	return 0;
}

static int srcu_waiter(void *data)
{
	msleep(200);
	synchronize_srcu(&srcu);
	return 0;
}

static int exp_waiter(void *data)
{
	msleep(200);
	synchronize_rcu_expedited();
	return 0;
}

static int rcu_waiter(void *data)
{
	msleep(200);
	synchronize_rcu();
	return 0;
}

static int tasks_waiter(void *data)
{
	msleep(200);
	synchronize_rcu_tasks();
	return 0;
}

static int oops(void *data)
{
	*(volatile int *)0x10 = 1;
	return 0;
}

static void slow_fn(struct work_struct *w)
{
	hold();
}

static void behind_fn(struct work_struct *w)
{
}

/* One work that does not end, on a queue that does one at a time, and one behind it. */
static void make_queue(void)
{
	if (!one_by_one && alloc_workqueue_noprof)
		one_by_one = alloc_workqueue_noprof("hang_ordered", WQ_UNBOUND | __WQ_ORDERED, 1);
	else if (!one_by_one && alloc_workqueue)
		one_by_one = alloc_workqueue("hang_ordered", WQ_UNBOUND | __WQ_ORDERED, 1);
	if (!one_by_one)
		return;
	init_list(&slow.entry);
	init_list(&behind.entry);
	init_list(&needs_mutex.entry);
	slow.func = slow_fn;
	behind.func = behind_fn;
	needs_mutex.func = needs_mutex_fn;
	/* WORK_STRUCT_NO_POOL: of no pool yet. */
	slow.data.counter = behind.data.counter = needs_mutex.data.counter =
		((1l << WORK_OFFQ_POOL_BITS) - 1) << WORK_OFFQ_POOL_SHIFT;
}

static void queue_works(void)
{
	make_queue();
	if (!one_by_one)
		return;
	queue_work_on(WORK_CPU_UNBOUND, one_by_one, &slow);
	queue_work_on(WORK_CPU_UNBOUND, one_by_one, &behind);
}

static int flusher(void *data)
{
	make_queue();
	if (!one_by_one)
		return 0;
	mutex_lock(&e);
	queue_work_on(WORK_CPU_UNBOUND, one_by_one, &needs_mutex);
	flush_work(&needs_mutex);
	return 0;
}

static struct task_struct *start_with(int (*fn)(void *), const char *name, int cpu, void *data)
{
	struct task_struct *t = kthread_create_on_node(fn, data, -1, name);

	if ((ulong_t)t >= (ulong_t)-4095)
		return 0;
	if (cpu >= 0)
		kthread_bind(t, cpu);
	wake_up_process(t);
	return t;
}

static struct task_struct *start(int (*fn)(void *), const char *name, int cpu)
{
	return start_with(fn, name, cpu, 0);
}

/* What nobody else will let go of: the byte that says that it is locked. */
static void force(void)
{
	*(volatile u8 *)&spin_a = 0;
	*(volatile u8 *)&twice = 0;
}

static bool is(const char *s, const char *word)
{
	while (*word && *s == *word)
		s++, word++;
	return !*word && (!*s || *s == '\n');
}

static ssize_t hang_write(struct file *file, const char *buf, size_t len, loff_t *pos)
{
	char s[32] = { 0 };

	if (len >= sizeof(s) || _copy_from_user(s, buf, len))
		return -22;
	released = is(s, "release");
	end.done = 0;
	if (released) {
		complete_all(&end);
		force();
	} else if (is(s, "abba")) {
		start(take_ab, "hang_ab", -1);
		start(take_ba, "hang_ba", -1);
	} else if (is(s, "mutex")) {
		start(holder, "hang_holder", -1);
		start(waiter, "hang_waiter", -1);
	} else if (is(s, "rwsem")) {
		start(reader, "hang_reader", -1);
		start(writer, "hang_writer", -1);
		start(late_reader, "hang_late", -1);
	} else if (is(s, "rcu")) {
		start(rcu_reader, "hang_rcu", -1);
	} else if (is(s, "soft")) {
		start(soft, "hang_soft", 1);
	} else if (is(s, "spin")) {
		start(soft, "hang_soft", 1);
		start(spinner, "hang_spin2", 2);
		start(spinner, "hang_spin3", 3);
	} else if (is(s, "irqs")) {
		start(irqs, "hang_irqs", 1);
	} else if (is(s, "irqs-all")) {
		start(irqs, "hang_irqs1", 1);
		start(irqs, "hang_irqs2", 2);
		start(irqs, "hang_irqs3", 3);
		irqs(0);
	} else if (is(s, "loop")) {
		loop();
	} else if (is(s, "spin-abba")) {
		start(spin_ab, "hang_spin_ab", 1);
		start(spin_ba, "hang_spin_ba", 2);
	} else if (is(s, "spin-twice")) {
		start(spin_twice, "hang_twice", 1);
	} else if (is(s, "rwlock")) {
		start(rw_writer, "hang_rw", 1);
		start(rw_waiter, "hang_rw2", 2);
		start(rw_waiter, "hang_rw3", 3);
	} else if (is(s, "ipi")) {
		start(call_one, "hang_ipi", 2);
	} else if (is(s, "call")) {
		/* The other way round their making may have to wait for CPU 1. */
		start(call_all, "hang_call", 2);
		start(call_one_late, "hang_call1", 3);
		start(irqs, "hang_irqs", 1);
	} else if (is(s, "stop-machine")) {
		start(irqs, "hang_irqs", 1);
		start(stop_all, "hang_stop", 2);
	} else if (is(s, "sem")) {
		start(sem_holder, "hang_sem", -1);
		start(sem_waiter, "hang_sem2", -1);
	} else if (is(s, "percpu")) {
		start(percpu_writer, "hang_pwrite", -1);
		start(percpu_reader, "hang_pread", -1);
	} else if (is(s, "orphan")) {
		start(orphan, "hang_orphan", -1);
		start(orphan_waiter, "hang_orphan2", -1);
	} else if (is(s, "stop-thread")) {
		start_with(stopper, "hang_stopper", -1, start(stubborn, "hang_stubborn", -1));
	} else if (is(s, "flush")) {
		start(flusher, "hang_flush", -1);
	} else if (is(s, "srcu")) {
		start(srcu_reader, "hang_srcu", -1);
		start(srcu_waiter, "hang_srcu2", -1);
	} else if (is(s, "rcu-wait")) {
		start(rcu_reader, "hang_rcu", -1);
		start(rcu_waiter, "hang_sync", -1);
		start(exp_waiter, "hang_sync_exp", -1);
	} else if (is(s, "rcu-tasks")) {
		start(soft, "hang_soft", 1);
		start(tasks_waiter, "hang_sync_task", -1);
	} else if (is(s, "oops")) {
		start(oops, "hang_oops", -1);
	} else if (is(s, "work")) {
		queue_works();
	} else {
		return -22;
	}
	return len;
}

static const struct file_operations fops = { .write = hang_write };

/* What the headers' macros do: spin locks and lists of what is zero else. */
static int hang_init(void)
{
	init_list(&end.wait.task_list);
	counting.count = 1;
	if (init_srcu_struct_generic)
		init_srcu_struct_generic(&srcu);
	else if (init_srcu_struct)
		init_srcu_struct(&srcu);
	__percpu_init_rwsem(&percpu, "hang", 0);
#ifdef MUTEX_WAIT_LIST
	init_list(&d.wait_list);
	init_list(&e.wait_list);
	init_list(&counting.wait_list);
	init_list(&a.wait_list);
	init_list(&b.wait_list);
	init_list(&c.wait_list);
	init_list(&sem.wait_list);
#endif
	if (debugfs_create_file_full)
		debugfs_create_file_full("hang", 0200, 0, 0, 0, &fops);
	else if (debugfs_create_file)
		debugfs_create_file("hang", 0200, 0, 0, &fops);
	return 0;
}

struct module __this_module __attribute__((used, section(".gnu.linkonce.this_module"))) = {
	.name = "hang",
	.init = hang_init,
};
