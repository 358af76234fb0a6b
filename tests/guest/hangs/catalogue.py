# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hangs, and what fdgdb must say about each: the root findings expected, what they lead to, and no other root.

Scenarios of one boot are played one after the other; what `end` undoes must be gone before the next.
"""

import os
import time

import modules


class Scenario:
    """One hang.

    make    shell commands in the guest, or a function of the guest; their failure is one of the test
    wait    seconds until it has been a hang for long enough, or a function of the guest
    roots   ids of the root findings (errors and warnings) expected, with severity and confidence
    says    what one of the roots' summaries must have
    leads   ids of findings that must follow from these
    notes   ids of findings for information that must be there
    end     shell commands that undo it; None: the guest is of no use afterwards
    keeps   the roots stay when it has been undone (a deadlock, an oops)
    needs   feature of the kernel (see image.features)
    """

    def __init__(self, name, what, make, wait, roots, end="true", keeps=False, needs=None, says=None, leads=(),
                 notes=()):
        self.name, self.what, self.make, self.wait, self.roots = name, what, make, wait, dict(roots)
        self.end, self.keeps, self.needs, self.says = end, keeps, needs, says
        self.leads, self.notes = set(leads), set(notes)


class Boot:
    """Scenarios that share a guest."""

    def __init__(self, name, scenarios, vcpus=2, memory=384, append="", setup="true", full_only=False):
        self.name, self.scenarios = name, scenarios
        self.vcpus, self.memory, self.append, self.setup = vcpus, memory, append, setup
        self.full_only = full_only


# Without fair and ext servers a real-time task can keep a CPU from all others.
NO_SERVERS = ("echo -1 >/proc/sys/kernel/sched_rt_runtime_us; "
              "for f in /sys/kernel/debug/sched/*_server/cpu1/runtime; do echo 0 >$f; done")

# The kernel's own limits, lowered, so that the tests need not wait for minutes.
LIMITS = ("echo 2 >/proc/sys/kernel/watchdog_thresh; "
          "echo 4 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout; "
          "echo 0 >/proc/sys/kernel/panic; insmod /hang.ko")


def hang(word):
    return f"echo {word} >/sys/kernel/debug/hang"


def later(command):
    """For what may keep the shell that starts it from coming back."""
    return f"(sleep 1; {command}) >/dev/null 2>&1 &"


def scheduler(obj):
    """Loads a scheduler and starts what its trap is for."""
    return (f"rm -rf /run/scx && mkdir -p /sys/fs/bpf/scx && "
            f"bpftool struct_ops register /bpf/{obj}.bpf.o /sys/fs/bpf/scx && "
            f"[ $(cat /sys/kernel/sched_ext/state) = enabled ]")


# The busybox of the guest has no pkill: victims are ended by their pids.
UNLOAD = ("rm -rf /sys/fs/bpf/scx; for p in $(cat /run/victims 2>/dev/null); do kill -9 $p; done; "
          "rm -f /run/victims; i=0; while [ $(cat /sys/kernel/sched_ext/state) != disabled ] && [ $i -lt 100 ]; do "
          "sleep 0.1; i=$((i + 1)); done")


def line_of(source, text):
    """"trap.bpf.c:12: TEXT": the one line of a program that is this text."""
    with open(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bpf", source),
              encoding="utf-8") as f:
        (number,) = [n for n, line in enumerate(f, 1) if line.strip() == text]
    return f"{source}:{number}: {text}"


def victim(command="spin victim"):
    return f"{command} & echo $! >>/run/victims"


def quiet(seconds):
    return lambda g: time.sleep(seconds)


CERTAIN, LIKELY = "certain", "likely"

# Hangs that can be undone come first, then those that stay, last what ends the guest.
KERNEL = Boot("kernel", [
    Scenario("idle", "nothing is wrong", "true", 3, {}),
    Scenario("ringbuf", "a ring buffer that nobody reads",
             "bpftool prog loadall /bpf/ring.bpf.o /sys/fs/bpf/ring pinmaps /sys/fs/bpf/ringmaps && "
             "bpfrun /sys/fs/bpf/ring/fill", 1, {"ringbuf-full": ("warning", CERTAIN)},
             end="rm -r /sys/fs/bpf/ring /sys/fs/bpf/ringmaps; sleep 1"),
    Scenario("rt-spinner", "a real-time task that leaves CPU 1 to nobody",
             f"{NO_SERVERS}; rtspin hog 1 & echo $! >/run/hog; sleep 1; "
             "taskset 2 spin starved & echo $! >/run/starved", 12, {"cpu-hogged": ("error", CERTAIN)},
             end="kill -9 $(cat /run/hog) $(cat /run/starved); sleep 1"),
    Scenario("userfault", "a writer in a page fault that nobody answers, and one behind its inode's lock",
             "uffd /tmp/file & echo $! >/run/uffd", 13, {"userfault": ("warning", CERTAIN)},
             end="kill -9 $(cat /run/uffd); sleep 1"),
    Scenario("fuse", "a FUSE server that answers nothing, and two tasks that have asked it, in state D",
             "fusedead /tmp/fuse & echo $! >/run/fuse; sleep 1", 13, {"fuse": ("warning", CERTAIN)},
             end="kill -9 $(cat /run/fuse); sleep 1"),
    Scenario("mmap-lock", "an mmap_lock held in a page fault that a FUSE server does not answer, and a queue behind it",
             "fusedead /tmp/fuse map & echo $! >/run/fuse; sleep 1", 16, {"fuse": ("warning", CERTAIN)},
             leads={"lock-held"}, end="kill -9 $(cat /run/fuse); sleep 1"),
    Scenario("work", "a work that does not end on an ordered workqueue, and one behind it", hang("work"), 12,
             {"workqueue-stuck": ("warning", CERTAIN)}, end=hang("release") + "; sleep 1"),
    Scenario("mutex", "a mutex that its holder keeps, and who waits for it", hang("mutex"), 13,
             {"lock-held": ("warning", CERTAIN)}, end=hang("release") + "; sleep 1"),
    Scenario("rwsem", "a writer behind a sleeping reader, and a reader behind the writer", hang("rwsem"), 13,
             {"lock-held": ("warning", LIKELY)}, end=hang("release") + "; sleep 1"),
    Scenario("rcu-reader", "a reader of RCU that sleeps for ever", hang("rcu"), 6,
             {"rcu-stall": ("error", CERTAIN)}, end=hang("release") + "; sleep 3"),
    Scenario("softlockup", "a loop in the kernel under a spin lock, interrupts on", hang("soft"), 7,
             {"softlockup": ("error", CERTAIN)}, end=hang("release") + "; sleep 3"),
    Scenario("irqs-off", "a loop in the kernel with interrupts off", later(hang("irqs")), 15,
             {"irqs-off": ("error", CERTAIN)}, end="sleep 3"),
    Scenario("abba", "two tasks that take two mutexes in opposite orders", hang("abba"), 2,
             {"deadlock": ("error", CERTAIN)}, keeps=True),
    Scenario("oops", "a module that follows a bad pointer", hang("oops"), 2,
             {"oops": ("error", CERTAIN)}, keeps=True),
    Scenario("panic", "sysrq-c", "echo 1 >/proc/sys/kernel/panic_on_oops; (sleep 1; echo c >/proc/sysrq-trigger) &",
             5, {"panic": ("error", CERTAIN)}, end=None),
], setup=LIMITS)

CPUS = Boot("cpus", [
    Scenario("irqs-all", "all CPUs loop with interrupts off", later(f"taskset 1 sh -c '{hang('irqs-all')}'"), 8,
             {"clocks-stand": ("error", LIKELY)}, end=None),
], vcpus=4, setup=LIMITS, full_only=True)

# The other CPUs wait for the one that takes no interrupts to answer theirs.
CSD = Boot("csd", [
    Scenario("csd-wait", "calls to a CPU whose interrupts are off, and to all of them", later(hang("call")), 15,
             {"irqs-off": ("error", CERTAIN)}, leads={"csd-wait"}, end=None),
], vcpus=4, setup=LIMITS)

# CPUs that spin for ever.
SPIN_ABBA = Boot("spin-abba", [
    Scenario("spin-abba", "two CPUs that take two spin locks in opposite orders", later(hang("spin-abba")), 15,
             {"deadlock": ("error", LIKELY)}, leads={"softlockup"}, end=None),
], vcpus=3, setup=LIMITS)
SPIN_TWICE = Boot("spin-twice", [
    Scenario("spin-twice", "a CPU that takes a spin lock which it has", later(hang("spin-twice")), 15,
             {"deadlock": ("error", LIKELY)}, leads={"softlockup"}, end=None),
], vcpus=3, setup=LIMITS, full_only=True)

PINNED = "taskset 2 spin victim"

# With the kernel's own limits: 7.3 ejects a scheduler for a stall of RCU as well.
SCX = Boot("scx", [
    Scenario("scx-healthy", "a scheduler that does its work, and a busy task",
             scheduler("trap-none") + "; " + victim(), 5, {}, end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-held", "a task held by the BPF scheduler on no queue",
             scheduler("trap-held") + "; " + victim(), 17, {"scx-held-by-bpf": ("error", CERTAIN)},
             end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-dsq", "a DSQ that nobody consumes",
             scheduler("trap-dsq") + "; " + victim(), 17, {"scx-dsq-not-consumed": ("error", CERTAIN)},
             end=UNLOAD, needs="HAVE_CREATE_DSQ"),
    Scenario("scx-affinity", "a task whose CPU does not consume the DSQ that it is on",
             scheduler("trap-affinity") + "; " + victim(PINNED), 17, {"scx-affinity": ("error", LIKELY)},
             end=UNLOAD, needs="HAVE_CREATE_DSQ"),
    Scenario("scx-local", "a task on a CPU's own queue behind one with an endless slice",
             scheduler("trap-local") + "; " + victim("spin endless") + "; sleep 1; " + victim(), 17,
             {"scx-local-blocked": ("error", CERTAIN)}, end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-killed", "a scheduler that the watchdog has ejected",
             scheduler("trap-killed") + "; " + victim(), 10, {"scx-exit": ("error", CERTAIN)},
             end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-error", "a scheduler that has called scx_bpf_error()",
             scheduler("trap-error") + "; " + victim(), 3, {"scx-exit": ("error", CERTAIN)},
             end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-rt", "a task of sched_ext behind a real-time task",
             scheduler("trap-none") + f"; {NO_SERVERS}; " + victim("rtspin hog 1") + "; sleep 1; " +
             victim(PINNED), 17, {"cpu-hogged": ("error", CERTAIN)}, end=UNLOAD, needs="HAVE_SCX"),
    Scenario("scx-loop", "a dispatch() that loops",
             # Sooner or later the other CPUs spin for what that one holds, and then nothing tells for how long.
             scheduler("trap-loop") + "; " + later(victim()), 6, {"bpf-loop": ("error", CERTAIN)},
             end=None, needs="HAVE_SCX", says=line_of("trap.bpf.c", "bpf_loop(1 << 23, turn_again, 0, 0);")),
], vcpus=3)


def start_workday(g):
    modules.insert(g, "loop")
    g.run("ip link set lo up && mkdir -p /dev/pts && mount -t devpts pts /dev/pts && "
          "truncate -s 32M /tmp/disk && losetup /dev/loop0 /tmp/disk && { workday /tmp/file /dev/loop0 & } && "
          # Frozen both ways, with what sleeps and what runs.
          "mkdir -p /sys/fs/cgroup/cold /cg && mount -t cgroup -o freezer cg /cg && mkdir /cg/cold && "
          "for c in /sys/fs/cgroup/cold /cg/cold; do "
          "(sleep 1000 & echo $! >$c/cgroup.procs; spin cold & echo $! >$c/cgroup.procs); done && "
          "sleep 1 && echo 1 >/sys/fs/cgroup/cold/cgroup.freeze && echo FROZEN >/cg/cold/freezer.state")


# Nothing hangs, but much happens, and much waits.
WORKDAY = Boot("workday", [
    Scenario("workday", "forks, TCP, files, memory, a real-time task; frozen tasks; waits that may last",
             start_workday, 20, {}, end=None),
])

# As many tasks as make a load of 200 on 16 CPUs: all runnable, none at fault.
BUSY = Boot("busy", [
    Scenario("busy", "200 tasks that want to run on 16 CPUs",
             "i=0; while [ $i -lt 200 ]; do spin busy & i=$((i + 1)); done", 30, {}, end=None),
], vcpus=16, memory=768, full_only=True)

BOOTS = [KERNEL, CPUS, CSD, SPIN_ABBA, SPIN_TWICE, SCX, WORKDAY, BUSY]
