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


def hangs(g, queues):
    """Mutexes taken in opposite orders, and CPUs that spin behind one another."""
    g.run("insmod /hang.ko; mount -t debugfs none /sys/kernel/debug 2>/dev/null;"
          "echo abba >/sys/kernel/debug/hang; sleep 1;"
          "echo spin >/sys/kernel/debug/hang")
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
            hangs(g, queues)
    except debian.Gone as e:
        tap.skip(f"series {series}", e)


for each in pick(tap, "series", ["6.1", "7.3"], ["6.12", "6.18", "7.0", "7.2"]):
    tap.guarded(f"series {each}", run, each)
tap.done()
