/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hang: makes real hangs inside the kernel, one for each word written to /sys/kernel/debug/hang.
 * "release" ends them all but "abba".
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
extern volatile ulong_t jiffies;
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

#define INFO(tag, text)                                                                            \
	static const char info_##tag[] __attribute__((used, section(".modinfo"), aligned(1))) = text
INFO(license, "license=GPL");
INFO(vermagic, "vermagic=" VERMAGIC);
INFO(name, "name=hang");
INFO(retpoline, "retpoline=Y");

/* All unlocked mutexes, rwsems and spin locks are zeros but for their lists of waiters. */
static struct mutex a, b, c;
static struct rw_semaphore sem;
static raw_spinlock_t lock;
static struct work_struct slow, behind;
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

/* Spinning ends by itself: who should release it may have to wait for the CPU that spins. */
static bool over(ulong_t since)
{
	return released || jiffies - since > 30 * 250;
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
	ulong_t since = jiffies;

	_raw_spin_lock(&lock);
	while (!over(since))
		__asm__ volatile("pause");
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
	ulong_t since = jiffies;

	__asm__ volatile("cli" ::: "memory");
	while (!over(since))
		__asm__ volatile("pause");
	__asm__ volatile("sti" ::: "memory");
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
static void queue_works(void)
{
	if (!one_by_one && alloc_workqueue_noprof)
		one_by_one = alloc_workqueue_noprof("hang_ordered", WQ_UNBOUND | __WQ_ORDERED, 1);
	else if (!one_by_one && alloc_workqueue)
		one_by_one = alloc_workqueue("hang_ordered", WQ_UNBOUND | __WQ_ORDERED, 1);
	if (!one_by_one)
		return;
	init_list(&slow.entry);
	init_list(&behind.entry);
	slow.func = slow_fn;
	behind.func = behind_fn;
	/* WORK_STRUCT_NO_POOL: of no pool yet. */
	slow.data.counter = behind.data.counter = ((1l << WORK_OFFQ_POOL_BITS) - 1) << WORK_OFFQ_POOL_SHIFT;
	queue_work_on(WORK_CPU_UNBOUND, one_by_one, &slow);
	queue_work_on(WORK_CPU_UNBOUND, one_by_one, &behind);
}

static void start(int (*fn)(void *), const char *name, int cpu)
{
	struct task_struct *t = kthread_create_on_node(fn, 0, -1, name);

	if ((ulong_t)t >= (ulong_t)-4095)
		return;
	if (cpu >= 0)
		kthread_bind(t, cpu);
	wake_up_process(t);
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
#ifdef MUTEX_WAIT_LIST
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
