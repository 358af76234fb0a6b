#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tasks of prog/waits.c wait for each other: the report says for what, and who holds it."""

import os
import sys

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
    ("vfork-waits", "completion", None, None, True),
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
    tap.equal(got, WANT, f"{what}: who waits for whom")
    pids = dict(line.split()[::-1] for line in
                g.run("for p in /proc/[0-9]*/task/[0-9]*; do echo ${p##*/} $(cat $p/comm); done").text.splitlines()
                if len(line.split()) == 2)
    tap.equal([(c, str(rows[c]["pid"])) for c, *_ in WANT if c in rows and c != "vfork-waits"],
              [(c, pids[c]) for c, *_ in WANT if c != "vfork-waits"], f"{what}: their pids")
    tap.equal((rows["pi-waits"].get("uaddr"), rows["futex-waits"].get("uaddr")), (addresses["pi"], addresses["plain"]),
              f"{what}: the futexes' addresses")
    tap.equal((rows["dir-writes"].get("readers"), rows["dir-waits"]["lock_kva"]), (1, rows["dir-writes"]["lock_kva"]),
              f"{what}: one reader holds the directory that both wait for")
    # Whatever else the guest does: locks are found, and nothing idle waits for a holder.
    others = [r for r in rows.values() if r["comm"] not in [c for c, *_ in WANT]]
    tap.ok(not any("holder" in r or ("lock_kva" not in r and "uaddr" not in r) for r in others),
           f"{what}: {len(others)} other waits", others)
    status = {s["name"]: (s["status"], s.get("cut")) for s in doc["fdgdb"]["sections"]}
    tap.equal(status["waits"], ("complete", None), f"{what}: the section is complete")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    return rows


def run(series):
    try:
        with guest.Guest(series, vcpus=2, memory=512) as g:
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
    except debian.Gone as e:
        tap.skip(f"series {series}", e)


for each in pick(tap, "series", ["6.1", "7.3"], ["6.12", "6.18", "7.0", "7.2"]):
    tap.guarded(f"series {each}", run, each)
tap.done()
