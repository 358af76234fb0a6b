#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tasks of prog/waits.c wait for each other: the report says for what, and who holds it."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
# Who waits, for what, held by whom, how sure; in D or not.
WANT = [
    ("pipe-waits", "mutex", "pipe-holds", "recorded", True),
    ("dir-writes", "rwsem_write", "dir-reads", "hinted", True),
    ("dir-waits", "rwsem_read", "dir-reads", "hinted", True),
    ("pi-waits", "rt_mutex", "pi-holds", "recorded", False),
    ("futex-waits", "futex", None, None, False),
    ("pthread-waits", "futex", "pthread-holds", "inferred", False),
    ("shared-waits", "futex", None, None, False),
    ("flock-waits", "file_lock", "flock-holds", "hinted", False),
    ("fcntl-waits", "file_lock", "fcntl-holds", "recorded", False),
    ("vfork-waits", "completion", "vfork-waits", "recorded", True),
]


def start(g):
    text = g.run("waits >/run/waits.log; n=0; while ! grep -q ready /run/waits.log && [ $n -lt 150 ];"
                 "do n=$((n+1)); sleep 0.2; done; sleep 1; cat /run/waits.log", timeout=120).text
    return {k: int(v) for k, v in (line.split() for line in text.splitlines() if " " in line)}


def check(g, what, doc, addresses):
    rows = {r["comm"]: r for r in doc["fdgdb"]["waits"]}
    got = []
    for comm, *_ in WANT:
        r = rows.get(comm, {})
        holder = r.get("holder", {})
        got.append((comm if r else None, r.get("kind"), holder.get("comm"), holder.get("basis"),
                    r.get("uninterruptible")))
    if not tap.equal(got, WANT, f"{what}: who waits for whom"):
        tap.note([r for r in rows.values() if r["comm"] in [c for c, *_ in WANT]])
        return rows
    pids = dict(line.split()[::-1] for line in
                g.run("for p in /proc/[0-9]*/task/[0-9]*; do echo ${p##*/} $(cat $p/comm); done").text.splitlines()
                if len(line.split()) == 2)
    tap.equal([(c, str(rows[c]["pid"])) for c, *_ in WANT if c in rows and c != "vfork-waits"],
              [(c, pids[c]) for c, *_ in WANT if c != "vfork-waits"], f"{what}: their pids")
    tap.equal([rows[f"{c}-waits"].get("uaddr") for c in ("pi", "futex", "pthread", "shared")],
              [addresses[n] for n in ("pi", "plain", "mutex", "shared")], f"{what}: the futexes' addresses")
    tap.equal([rows[f"{c}-waits"].get("futex_word") for c in ("futex", "pthread", "shared")], [0, 2, 77],
              f"{what}: what the futexes hold")
    tap.equal(rows["pthread-waits"].get("futex_owner"), rows["pthread-waits"]["holder"]["pid"],
              f"{what}: the owner that the C library notes")
    r = rows["shared-waits"]
    tap.ok(r.get("futex_inode") and (r.get("futex_pgoff"), r.get("futex_offset")) == (1, 0x40),
           f"{what}: the place of the futex in its file", r)
    inodes = g.run("stat -c '%n %i' /run/waits.flock /run/waits.fcntl").text
    for c, by in (("flock", "flock()"), ("fcntl", "fcntl() lock")):
        inode = next((x.split()[1] for x in inodes.splitlines() if x.startswith(f"/run/waits.{c} ")), None)
        tap.ok(rows[f"{c}-waits"].get("object", "").startswith(f"{by} of inode {inode} on "), f"{what}: {by} of a file",
               rows[f"{c}-waits"])
    tap.equal((rows["dir-writes"].get("readers"), rows["dir-waits"]["lock_kva"]), (1, rows["dir-writes"]["lock_kva"]),
              f"{what}: one reader holds the directory that both wait for")
    # Whatever else the guest does: locks are found, and nothing idle waits for a holder.
    others = [r for r in rows.values() if r["comm"] not in [c for c, *_ in WANT]]
    tap.ok(not any("holder" in r or (r["kind"] not in ("queue", "rcu", "work") and "lock_kva" not in r and
                                     "uaddr" not in r) for r in others),
           f"{what}: {len(others)} other waits", others)
    status = {s["name"]: (s["status"], s.get("cut")) for s in doc["fdgdb"]["sections"]}
    tap.equal(status["waits"], ("complete", None), f"{what}: the section is complete")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    return rows


def until(g, words, comms):
    """Makes hangs, and the report when all of these wait; before, some of them sleep for a while."""
    g.run(f"for w in {words}; do echo $w >/sys/kernel/debug/hang || exit 1; done", timeout=120)
    for _ in range(20):
        time.sleep(2)
        doc = report("attach", g.target)
        if comms <= {r["comm"] for r in doc["fdgdb"]["waits"] if r["kind"] != "queue"}:
            break
    return doc


def events(g):
    """Other locks, and events that a task will bring about or a grace period waits for."""
    what = f"{g.release} events"
    g.run("insmod /hang.ko; mount -t debugfs none /sys/kernel/debug 2>/dev/null; true")
    until(g, "sem percpu orphan stop-thread flush srcu",
          {"hang_sem2", "hang_pread", "hang_orphan2", "hang_stopper", "hang_flush", "hang_srcu2"})
    # The percpu-rwsem's writer had to wait for a grace period: from here on there is none.
    doc = until(g, "rcu-wait", {"hang_sync", "hang_sync_exp"})
    rows = {r["comm"]: r for r in doc["fdgdb"]["waits"]}

    def get(comm, *keys):
        holder = rows.get(comm, {}).get("holder", {})
        return tuple(rows.get(comm, {}).get(k) for k in keys) + (holder.get("comm"), holder.get("basis"))

    # Who has taken it last is recorded from 6.16 on, where the kernel is configured so.
    tap.ok(get("hang_sem2", "kind", "lock_name") in [("semaphore", "counting [hang]", "hang_sem", b)
                                                     for b in ("hinted", "inferred")] +
           [("semaphore", "counting [hang]", None, None)], f"{what}: a semaphore", rows.get("hang_sem2"))
    tap.equal(get("hang_pread", "kind", "lock_name")[:2], ("percpu_rwsem_read", "percpu [hang]"),
              f"{what}: a percpu-rwsem")
    # Another task may have got its memory: then it has the address that the mutex holds.
    r = rows.get("hang_orphan2", {})
    holder = r.get("holder", {})
    tap.equal((r.get("kind"), r.get("lock_name"), holder.get("gone") or holder.get("task_kva") == r.get("owner", 0) & ~7),
              ("mutex", "d [hang]", True), f"{what}: a mutex of a task that is gone")
    tap.equal(get("hang_stopper", "kind"), ("completion", "hang_stubborn", "recorded"), f"{what}: a thread that should end")
    worker = get("hang_flush")[0]
    tap.equal(get("hang_flush", "kind", "object") + get(worker, "kind", "lock_name"),
              ("work", "work needs_mutex_fn [hang] of hang_ordered", worker, "recorded",
               "mutex", "e [hang]", "hang_flush", "recorded"), f"{what}: a work that waits for who waits for it")
    tap.equal(get("hang_srcu2", "kind", "rcu", "lock_name")[:3], ("rcu", "srcu", "srcu [hang]"), f"{what}: SRCU")
    tap.equal([d.get("readers_0", 0) + d.get("readers_1", 0) for d in doc["fdgdb"]["srcu"]
               if d["srcu_kva"] == rows.get("hang_srcu2", {}).get("lock_kva")], [1], f"{what}: its reader is counted")
    tap.equal(get("hang_sync", "kind", "rcu"), ("rcu", "rcu", "hang_rcu", "recorded"), f"{what}: a grace period")
    tap.equal(get("hang_sync_exp", "kind", "rcu"), ("rcu", "expedited", "hang_rcu", "recorded"),
              f"{what}: an expedited one")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    g.run("echo release >/sys/kernel/debug/hang; sleep 2", timeout=120)


def chains(doc, what, release):
    """CPUs that are kept by known functions: their chains of calls are these, from where an interrupt came in, if one did."""
    # An assembler function of that name, or one in C that such a one calls (6.6).
    start = ["kthread", "ret_from_fork"] + (["ret_from_fork_asm"] if not release.startswith("6.1.") else [])
    spins = ["native_queued_spin_lock_slowpath", "spinner"] + start
    got = {}
    for s in doc["fdgdb"]["stacks"]:
        if "vcpu" in s and s.get("comm", "").startswith("hang_"):
            exact = max((i for i, f in enumerate(s["frames"]) if f.get("kind") == "exact"), default=0)
            # One that ends with a jump to the slow path (7.3) is not on the stack any more.
            got[s["comm"]] = (s["complete"], [f.get("symbol") for f in s["frames"][exact:]
                                              if f.get("symbol") != "_raw_spin_lock"])
    tap.equal(got, {"hang_soft": (True, ["loop", "soft"] + start), "hang_spin2": (True, spins),
                    "hang_spin3": (True, spins)}, f"{what}: the chains of three CPUs")


def hangs(g, queues):
    """Mutexes taken in opposite orders, and CPUs that spin behind one another."""
    g.run("echo abba >/sys/kernel/debug/hang; sleep 1; echo spin >/sys/kernel/debug/hang")
    time.sleep(4)  # from here on some CPUs serve nobody
    core = f"{g.dir}/core"
    # One that spins may be in an interrupt just then: the lock is in none of its registers.
    for _ in range(5):
        g.stop()
        g.dump(core)
        doc = report("core", core)
        rows = {r["comm"]: r for r in doc["fdgdb"]["waits"]}
        if all("lock_name" in rows.get(c, {}) for c in ("hang_spin2", "hang_spin3")):
            break
        g.cont()
        time.sleep(0.7)
    what = f"{g.release} hangs"
    got = [(c, rows[c]["kind"], rows[c].get("lock_name"), rows[c]["holder"]["comm"], rows[c]["holder"]["basis"])
           for c in ("hang_ab", "hang_ba")]
    tap.equal(got, [("hang_ab", "mutex", "b [hang]", "hang_ba", "recorded"),
                    ("hang_ba", "mutex", "a [hang]", "hang_ab", "recorded")], f"{what}: a cycle of recorded holders")
    spin = [rows.get(c, {}) for c in ("hang_spin2", "hang_spin3")]
    tap.equal([(r.get("kind"), r.get("lock_name")) for r in spin], [("spinlock", "lock [hang]")] * 2,
              f"{what}: two CPUs spin for one lock")
    chains(doc, what, g.release)
    found = ["another CPU that waits for it", "the tail of the lock's queue"] if queues else \
        ["the register of its argument"] * 2
    tap.equal(sorted(r.get("found_by", "") for r in spin), found, f"{what}: {'in a queue' if queues else 'in none'}")
    status = {s["name"]: (s["status"], s.get("cut")) for s in doc["fdgdb"]["sections"]}
    tap.equal(status["waits"], ("complete", None), f"{what}: the section is complete")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")


def run(series):
    # A kernel that knows to be a guest has spin locks without a queue.
    queues = series not in ("6.1", "7.0")
    try:
        with guest.Guest(series, vcpus=4, memory=512, cpu="max,-hypervisor" if queues else None) as g:
            addresses = start(g)
            rows = check(g, f"{g.release} attach", report("attach", g.target), addresses)
            core = f"{g.dir}/core"
            g.stop()
            g.dump(core)
            g.cont()
            check(g, f"{g.release} core", report("core", core), addresses)
            text = fdgdb("core", "--section", "waits", core).out
            line = next((x for x in text.splitlines() if "pipe-waits[" in x), "")
            tap.ok("mutex" in line and f"pipe-holds[{rows['pipe-waits']['holder']['pid']}]" in line,
                   f"{g.release}: the text says so too", text)
            events(g)
            hangs(g, queues)
    except debian.Gone as e:
        tap.skip(f"series {series}", e)


guest.close_on_signals()
for each in sys.argv[1:] or pick(tap, "series", ["6.1", "7.3"], ["6.12", "6.18", "7.0", "7.2"]):
    tap.guarded(f"series {each}", run, each)
tap.done()
