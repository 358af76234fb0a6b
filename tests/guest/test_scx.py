#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The starved task stands where its scheduler left it, in JSON and in text, and is told by its name.

CPUs and tasks that are ready to run are as the kernel's own dump has them (sysrq-D); after the watchdog, the end of
the scheduler is as the log has it.
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
import scx_dump  # noqa: E402
import scx_log  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
STARVED_DSQ = 0x5CA1AB1E
# Debian's 7.1 and 7.2 lack the BTF of the function that creates queues: the scheduler keeps the task itself.
NO_USER_DSQ = ("7.1", "7.2")


def scheduler(doc, g, what):
    scx = doc["fdgdb"]["scx"]
    tap.equal(scx["enable_state"], g.run("cat /sys/kernel/sched_ext/state").text.strip(), f"{what}: enable state")
    tap.equal(scx["ops_name"], g.run("cat /sys/kernel/sched_ext/root/ops").text.strip(), f"{what}: ops name")
    sched = doc["scx_sched_state"]
    tap.equal((sched["exit_kind"], sched["aborting"], sched["bypass_depth"]), (0, False, 0), f"{what}: it runs")
    tap.equal(doc["active_obj_name"], "stall", f"{what}: active object")
    # bpftool knows which maps the programs of the one struct_ops map use.
    progs = [p for p in g.json("bpftool -j prog show") if p["type"] == "struct_ops"]
    want = sorted({m for p in progs for m in p.get("map_ids", [])})
    ids = {m["map_kva"]: m["id"] for m in doc["maps"]}
    tap.equal(sorted(ids[kva] for kva in doc["active_map_kvas"]), want, f"{what}: its maps")


def starved(doc, g, what, text):
    pid = int(g.run("cat /run/starved.pid").text)
    rows = [t for t in doc["task_enrichments"] if t["pid"] == pid]
    tap.equal(len(rows), 1, f"{what}: the starved task is among the tasks, once")
    task = rows[0]
    tap.equal(task["comm"], "starved", f"{what}: its comm")
    tap.equal(task["sched_class"], "ext", f"{what}: its class")
    holders = [d for d in doc["dsq_states"] if task["task_kva"] in d["task_kvas"]]
    if g.series in NO_USER_DSQ:
        tap.equal(holders, [], f"{what}: it is on no queue (BPF holds it)")
    else:
        tap.equal([(d["id"], d["origin"]) for d in holders], [(STARVED_DSQ, "user")], f"{what}: it is in the right DSQ")
        tap.ok(re.search(rf"^  {STARVED_DSQ:#x} +user +root +1 +\d+\.\d+ s  fifo +starved\[{pid}\]$", text, re.M),
               f"{what}: text has its DSQ in the table", text[:6000])
        tap.ok(re.search(rf"^  DSQ {STARVED_DSQ:#x} \(user\): 1 queued\n +pid +comm .*\n +{pid}  starved  ext +\d+\.\d+ s$",
                         text, re.M), f"{what}: and the task under it", text[:6000])
    tap.ok(re.search(r"^  scheduler stall: ops flags 0x2 ENQ_LAST, timeout 30000 ms, watchdog 30\.000 s$", text, re.M),
           f"{what}: text tells of the scheduler", text[:3000])


def queues(doc, what):
    for d in doc["dsq_states"]:
        if d["nr"] != len(d["task_kvas"]):
            tap.ok(False, f"{what}: DSQ {d['id']:#x} {d['origin']}: nr equals the tasks listed", d)
            return
    tap.ok(True, f"{what}: nr of each of {len(doc['dsq_states'])} DSQs equals the tasks listed")
    by_origin = [d["origin"] for d in doc["dsq_states"]]
    for cpu in range(len(doc["rq_scx_states"])):
        tap.ok(f"local cpu {cpu}" in by_origin, f"{what}: local DSQ of CPU {cpu}")
    tap.ok("global node 0" in by_origin, f"{what}: global DSQ")
    kvas = {t["task_kva"] for t in doc["task_enrichments"]}
    listed = {k for d in doc["dsq_states"] for k in d["task_kvas"]}
    listed |= {k for r in doc["rq_scx_states"] for k in r["runnable_task_kvas"]}
    tap.equal(sorted(listed - kvas), [], f"{what}: every task on a list is among the tasks")


def tasks(doc, g, what):
    """pid, comm and context switches against /proc, for tasks that did not run meanwhile."""
    proc = {}
    for line in g.run("cat /proc/[0-9]*/stat", check=False).text.splitlines():
        m = re.match(r"(\d+) \((.*)\) (\S) (.*)", line)
        proc[int(m[1])] = (m[2], m[3], m[4].split())
    rows = {t["pid"]: t for t in doc["task_enrichments"]}
    common = [p for p in proc if p in rows]
    tap.ok(len(common) > 20, f"{what}: tasks of the guest are there", (len(common), len(proc)))
    wrong = [(p, proc[p][0], rows[p]["comm"]) for p in common
             if not proc[p][0].startswith(rows[p]["comm"].split("/")[0][:12]) and not proc[p][0].startswith("kworker")]
    tap.equal(wrong, [], f"{what}: comm as in /proc")
    # Fields 4 (ppid), 5, 6 (pgrp, session), 18, 19 (priority, nice) of proc(5).
    wrong = []
    for p in common:
        f, t = proc[p][2], rows[p]
        if (int(f[0]), int(f[1]), int(f[2])) != (t.get("real_parent_pid"), t.get("pgid"), t.get("sid")):
            wrong.append((p, t["comm"], f[:3], t.get("real_parent_pid"), t.get("pgid"), t.get("sid")))
        if int(f[14]) != t["prio"] - 100 or int(f[15]) != t["static_prio"] - 120:
            wrong.append((p, t["comm"], f[14:16], t["prio"], t["static_prio"]))
    tap.equal(wrong, [], f"{what}: parent, group, session, priority, nice as in /proc")


def narrowed(core, what):
    """--dsq: the queue and its task, and findings about them, in JSON and in text."""
    narrow = report("core", core, "--dsq", f"{STARVED_DSQ:#x}")
    tap.equal([[d["id"] for d in narrow["dsq_states"]], [t["comm"] for t in narrow["task_enrichments"]],
               "rq_scx_states" in narrow, validate(narrow)], [[STARVED_DSQ], ["starved"], False, []],
              f"{what}: --dsq narrows to a queue and its task")
    dangling = [e["path"] for f in narrow["fdgdb"]["findings"] for e in f["evidence"] if not resolves(narrow, e["path"])]
    tap.equal(dangling, [], f"{what}: --dsq: evidence of findings is where it says")
    text = fdgdb("core", "--dsq", f"{STARVED_DSQ:#x}", core).out
    tap.ok(re.search(rf"^  DSQ {STARVED_DSQ:#x} \(user\): 1 queued$", text, re.M) and
           re.search(r"^  task \d+ starved: parent ", text, re.M) and "left out (--dsq)" in text and
           "not examined\n" not in text, f"{what}: --dsq in text", text)


def resolves(doc, path):
    for key in re.findall(r"[^.\[\]]+", path):
        try:
            doc = doc[int(key)] if isinstance(doc, list) else doc[key]
        except (KeyError, IndexError, ValueError):
            return False
    return True


def dumped(g, before, after, doc, what):
    """The kernel's own dump of CPUs and runnable tasks."""
    if before is None:
        tap.skip(f"{what}: sysrq-D", "the kernel has no sched_ext_dump")
        return
    c = scx_dump.compare(before, after, doc)
    tap.equal(c.wrong, [], f"{what}: CPUs and tasks as sysrq-D has them ({c.same} values, {len(c.left_out)} left out)")
    pid = int(g.run("cat /run/starved.pid").text)
    # An idle CPU is in the dump of 6.12 only if something waits for it: no count of all values can be relied on.
    tap.ok(c.of_task.get(pid, 0) >= 7, f"{what}: the starved task among them", before.text[:3000])
    tap.note(f"{what}: left out, as it changed meanwhile: " + ", ".join(c.left_out[:12]))


def ended(g, what):
    """The watchdog has ended it: in this kernel nothing may be left but the log."""
    end = time.monotonic() + 120
    while time.monotonic() < end and g.run("cat /sys/kernel/sched_ext/state").text.strip() != "disabled":
        time.sleep(1)
    want = scx_log.ends(g, "stall")[-1]
    # One moment for all of them: its record may be freed any time now.
    core = g.dump(f"{g.dir}/core")
    doc = report("core", core)
    tap.equal(validate(doc), [], f"{what}, ended: valid against the schema")
    ends = doc["fdgdb"]["scx"].get("log_exits", [])
    tap.equal([{k: e.get(k) for k in want} for e in ends], [want], f"{what}, ended: its end as the log has it")
    kept = [s for s in doc["fdgdb"]["scx"].get("schedulers", []) if s["role"] == "exited"]
    tap.equal(ends[0].get("recorded", False) if ends else None, bool(kept), f"{what}, ended: told once")
    text = fdgdb("core", "--section", "scx,log,maps", core).out
    head = "  the last scheduler stall, by the kernel's log: ejected" if not kept else "  scheduler that has ended stall at 0x"
    tap.ok(head in text and f"    message: {want['msg']}\n" in text, f"{what}, ended: text tells why", text[:3000])
    without = fdgdb("core", "--section", "scx,maps", core).out
    tap.ok(bool(kept) or "why is not known: the kernel's log, which tells, was not looked at" in without,
           f"{what}, ended: and says if it did not look", without[:2000])


def one(series):
    with guest.Guest(series, scenario="hung", vcpus=2) as g:
        what = g.release
        before = scx_dump.take(g)
        g.stop()
        core = g.dump(f"{g.dir}/core")
        docs = {"attach": report("attach", g.target)}
        after = scx_dump.take(g)  # before the watchdog comes
        docs["core"] = report("core", core)
        text = fdgdb("core", core).out
        for verb, doc in docs.items():
            where = f"{what}, {verb}"
            tap.equal(doc["_status"], 0, f"{where}: complete ({doc['_stderr'].strip()})")
            tap.equal(validate(doc), [], f"{where}: valid against the schema")
            starved(doc, g, where, text)
            queues(doc, where)
            tasks(doc, g, where)
        scheduler(docs["attach"], g, what)
        dumped(g, before, after, docs["core"], what)
        if series not in NO_USER_DSQ:
            narrowed(core, what)
        ended(g, what)
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def without(series):
    """No scheduler, or a kernel without sched_ext: said, not silent."""
    with guest.Guest(series, scenario="idle", vcpus=1) as g:
        doc = report("attach", g.target)
        tap.equal(doc["_status"], 0, f"{g.release}: no scheduler is no failure")
        if series in ("6.1", "6.12"):
            sections = {s["name"]: s for s in doc["fdgdb"]["sections"]}
            tap.equal(sections["scx"]["status"], "not in this kernel", f"{g.release}: no sched_ext")
            tap.ok("scx_walker_unavailable" in doc, f"{g.release}: the reason is given")
        else:
            tap.equal(doc.get("scx_walker_unavailable"), "scx_root is NULL (no scheduler attached)",
                      f"{g.release}: no scheduler attached")
            tap.ok(doc["rq_scx_states"] and doc["dsq_states"], f"{g.release}: CPUs and local DSQs all the same")
        tap.ok("active_obj_name" not in doc, f"{g.release}: no active object")


def which(series):
    """Those named on the command line, if any are."""
    return [s for s in sys.argv[1:]] or series


def main():
    guest.close_on_signals()
    for series in which(pick(tap, "starved task on", ["6.12-scx", "7.2"], ["6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.3"])):
        try:
            debian.kernel(series)
        except debian.Gone as e:
            tap.skip(f"starved task on {series}", e)
            continue
        tap.guarded(series, one, series)
    for series in [] if sys.argv[1:] else pick(tap, "no scheduler on", ["6.1", "7.3"], ["6.12", "6.18"]):
        tap.guarded(series, without, series)
    tap.done()


main()
