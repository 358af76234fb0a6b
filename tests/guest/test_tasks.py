#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every task and thread, in every state, as /proc has it; thousands of them; one of them alone."""

import bisect
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_tasks as compare  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, full, pick  # noqa: E402

tap = Tap()

# Cgroups in each other, a task in iowait's state, and many that sleep.
SETUP = """mkdir -p /sys/fs/cgroup/outer/inner
crowd %d %d >/run/crowd 2>&1 &
i=0; while ! grep -q ready /run/crowd && [ $i -lt %d ]; do sleep 0.2; i=$((i + 1)); done
grep -q ready /run/crowd || { cat /run/crowd; exit 1; }
n=0; for p in $(pidof crowd) $(sed -n 's/^Pid:.//p' $(grep -l '^Name:.crowd-[23]$' /proc/[0-9]*/status)); do
    n=$((n + 1))
    [ $((n %% 2)) = 0 ] && g=outer || g=outer/inner
    echo $p >/sys/fs/cgroup/$g/cgroup.procs
done
vforked >/dev/null 2>&1 & sleep 0.5; true"""


def threads_of(g):
    return compare.Reading(g.run(compare.READ, timeout=300).text)


def everything(g, what, least):
    """A report between two readings of /proc."""
    before = threads_of(g)
    doc = report("attach", g.target)
    after = threads_of(g)
    r = compare.tasks(before, after, doc)
    tap.ok(not r.wrong and len(r.both) >= least,
           f"{what}: {r.compared} values of {len(r.both)} threads as in /proc", "\n".join(r.wrong))
    share = len(r.left_out) / (r.compared + len(r.left_out))
    tap.note(f"{what}: {share:.1%} left out, as it changed meanwhile: " + ", ".join(r.left_out[:12]))
    tap.ok(share <= 0.1, f"{what}: at most a tenth changed meanwhile", "\n".join(r.left_out))
    # Who came and went between the readings are those that made them.
    tap.ok(len(r.only_ours) <= 4, f"{what}: no task that /proc does not know", r.only_ours)
    tap.ok(all(x["state"] == "X" for t, x in r.others if x.get("unlisted")),
           f"{what}: whoever is on no list is dead", [(t["pid"], t["comm"], x) for t, x in r.others][:5])
    tap.equal([t["comm"] for t, x in r.others if x.get("idle_task")],
              [f"swapper/{i}" for i in range(g.vcpus)], f"{what}: the idle task of each CPU")
    section = {s["name"]: s for s in doc["fdgdb"]["sections"]}["tasks"]
    tap.equal(section, {"name": "tasks", "status": "complete"}, f"{what}: the section is complete")
    return doc


def states(doc, what):
    """The crowd is made to have all of them: what is compared must be there."""
    extra = {x["comm"]: x for x in doc["fdgdb"]["tasks"]}
    rows = {t["comm"]: t for t in doc["task_enrichments"]}
    got = {x["state"] for x in doc["fdgdb"]["tasks"]}
    tap.ok(got >= set("RSDTZI"), f"{what}: tasks in all states that last", sorted(got))
    tap.equal((extra["crowd-6"]["state"], extra["crowd-7"]["state"], extra["crowd-15"]["state"],
               extra["crowd-15.1"]["state"]), ("T", "Z", "Z", "S"), f"{what}: stopped, dead, dead leader, its thread")
    tap.equal([extra[f"crowd-{i}"]["policy_name"] for i in (0, 2, 3, 4)],
              ["SCHED_NORMAL", "SCHED_BATCH", "SCHED_IDLE", "SCHED_FIFO"], f"{what}: policies")
    tap.equal((extra["crowd-1"]["nice"], rows["crowd-4"]["rt_priority"], extra["crowd-5"]["cpus_allowed"]),
              (5, 10, "0"), f"{what}: nice, priority, CPUs")
    tap.equal((extra["crowd-7"]["exit_code"], extra["crowd-7"]["mm"]), (3 << 8, 0), f"{what}: what a zombie leaves")
    tap.ok({x.get("cgroup") for x in doc["fdgdb"]["tasks"]} >= {"/", "/outer", "/outer/inner"}, f"{what}: cgroups")
    tap.equal({x["stack_end"] - x["stack"] for x in doc["fdgdb"]["tasks"] if x.get("stack")}, {16384},
              f"{what}: stacks of 16 KiB")
    d = [x for x in doc["fdgdb"]["tasks"] if x["state"] == "D" and x["comm"] == "vforked"]
    tap.ok(len(d) == 1 and 0.1 < d[0]["blocked_s"] < 60, f"{what}: how long the blocked one is blocked", d)


def table(text):
    """[(pid, state)] of the table of tasks."""
    part = text[text.index("\ntasks: "):]
    rows = []
    for line in part.splitlines()[2:]:
        m = re.match(r"  +(\d+) +\d+  (.{1,20}?) +(running|[RSDTtXZPI?]) +\d+ ", line)
        if m:
            rows.append((int(m[1]), m[3]))
        elif rows:
            break
    return rows


def narrowed(g, core, doc, what):
    """--task: the same rows as in the whole report, and no others."""
    rows = {t["pid"]: t for t in doc["task_enrichments"]}
    extra = {x["pid"]: x for x in doc["fdgdb"]["tasks"]}
    process = next(t["pid"] for t in rows.values() if t["comm"] == "crowd-1")
    want = [p for p, t in rows.items() if t["tgid"] == process or t["comm"].startswith("ksoftirqd/")]
    one = report("core", core, "--task", str(process), "--task", "ksoftirqd/*")
    tap.equal((one["_status"], validate(one)), (0, []), f"{what}: --task: complete and valid")
    tap.equal(sorted(t["pid"] for t in one["task_enrichments"]), sorted(want), f"{what}: --task: a process's threads")
    tap.ok(all(t == rows[t["pid"]] for t in one["task_enrichments"]) and
           all(x == extra[x["pid"]] for x in one["fdgdb"]["tasks"]), f"{what}: --task: rows as in the whole report")
    text = fdgdb("core", "--task", str(process), core).out
    tap.ok(text.count(f"of process {process}") == 3 and f"  task {process} crowd-1: process of 4 threads" in text,
           f"{what}: --task: in text", text)
    none = fdgdb("core", "--task", "nobody", core)
    tap.ok(none.status == 3 and 'no task is "nobody"' in none.out, f"{what}: --task: nobody of that name", none)


def one(series):
    with guest.Guest(series, scenario="idle", vcpus=2) as g:
        what = g.release
        g.run(SETUP % (16, 4, 100), timeout=120)
        everything(g, what, 16 * 4)
        g.stop()
        core = g.dump(f"{g.dir}/core")
        doc = report("core", core)
        tap.equal(validate(doc), [], f"{what}: valid against the schema")
        states(doc, what)
        text = fdgdb("core", "-v", core).out
        rows = table(text)
        tap.equal(len(rows), len(doc["task_enrichments"]), f"{what}: text with -v has them all")
        tap.ok(rows and rows[0][1] == "D", f"{what}: the blocked task is the first", rows[:5])
        narrowed(g, core, doc, what)
        g.cont()
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def starved(series):
    """sched_ext: how long it waits, by whom it is held, and what the scheduler has noted of it."""
    with guest.Guest(series, scenario="hung", vcpus=2) as g:
        what = f"{g.release}, sched_ext"
        pid = int(g.run("cat /run/starved.pid").text)
        doc = report("attach", g.target)
        text = fdgdb("attach", "--task", "starved", g.target).out
        row = next(t for t in doc["task_enrichments"] if t["pid"] == pid)
        x = next(t for t in doc["fdgdb"]["tasks"] if t["pid"] == pid)
        scx = x["scx"]
        tap.equal((scx["state"], "QUEUED" in scx["flag_names"].split("|")), ("ENABLED", True), f"{what}: state and flags")
        tap.equal(scx["ops_state_name"], "NONE" if row.get("dsq_id") else "QUEUED",
                  f"{what}: held by the scheduler if on no queue")
        timeout = doc["scx_sched_state"]["watchdog_timeout"] / doc["fdgdb"]["kernel"]["hz"]
        tap.ok(abs(scx["watchdog_share"] * timeout - row["runnable_s"]) < 0.01, f"{what}: share of the watchdog's time", scx)
        tap.ok(abs(x["waiting_s"] - row["runnable_s"]) < 0.5, f"{what}: two clocks agree",
               (x["waiting_s"], row["runnable_s"]))
        held = {m["id"]: m for m in doc["maps"] if m.get("type_name") == "task_storage"}
        record = next(s for s in x["storage"] if s["map_name"] == "task_ctxs")
        entry = next(e for e in held[record["map_id"]]["entries"] if e["owner"].get("pid") == pid)
        tap.equal(record["value"], entry["value"], f"{what}: its record is the map's")
        fields = {m["name"]: m["value"] for m in record["value"]["members"]}
        tap.equal(fields["fate"]["variant"], "FATE_STARVED", f"{what}: and says that it is starved")
        few = report("attach", g.target, "--max-entries", "2")
        again = next(t for t in few["fdgdb"]["tasks"] if t["pid"] == pid)["storage"]
        tap.equal([s for s in again if s["map_name"] == "task_ctxs"][0]["value"]["members"][0]["value"]["variant"],
                  "FATE_STARVED", f"{what}: its record is there if the map was cut")
        tap.ok("storage  task_ctxs" in text and "fate=FATE_STARVED" in text and "of the watchdog's timeout" in text,
               f"{what}: text shows it", text)
        nr = len([t for t in doc["fdgdb"]["tasks"] if any(s["map_name"] == "task_ctxs" for s in t.get("storage", []))])
        tap.equal(nr, len([e for e in held[record["map_id"]]["entries"]
                           if any(t["task_kva"] == e["key"]["value"] for t in doc["task_enrichments"])]),
                  f"{what}: every record is joined to its task")


def thousands(series):
    """5,000 tasks: all there, and what they cost."""
    with guest.Guest(series, scenario="idle", vcpus=2, memory=1024) as g:
        what = f"{g.release}, 5,000 tasks"
        g.run(SETUP % (530, 10, 600), timeout=300)
        few = report("attach", g.target, "--section", "vcpus")["fdgdb"]["capture"]
        doc = report("attach", g.target, "--section", "tasks")
        cost = doc["fdgdb"]["capture"]
        nr = len(doc["task_enrichments"])
        tap.note(f"{what}: {nr} tasks in {cost['pause_us'] / 1e3:.0f} ms, {cost['round_trips']} round trips, "
                 f"{cost['bytes'] >> 10} KiB; without tasks {few['pause_us'] / 1e3:.0f} ms, "
                 f"{few['round_trips']} round trips, {few['bytes'] >> 10} KiB")
        tap.ok(nr >= 5000 and cost["round_trips"] - few["round_trips"] < 200, f"{what}: few round trips", cost)
        tap.ok(cost["bytes"] - few["bytes"] < nr * 16384, f"{what}: less than four pages each", cost)
        everything(g, what, 5000)
        lines = table(fdgdb("attach", "--section", "tasks", g.target).out)
        tap.ok(0 < len(lines) <= 64, f"{what}: text is cut", len(lines))


# What contends, the word for its slow path, and the functions that the kernel may be in meanwhile.  The last but the first
# are where it spins: no slow path of their own, but part of one.
LOCKS = [("files", "queued_spin_lock_slowpath", r"(native_)?queued_spin_lock_slowpath"),
         ("pipe", "mutex_lock_slowpath", r"__mutex_lock(\..*)?|mutex_spin_on_owner|osq_lock"),
         ("inode", "rwsem_down_write_slowpath", r"rwsem_(down_write_slowpath|optimistic_spin|spin_on_owner)(\..*)?|osq_lock")]


def locked(series):
    """A task that tries to get a lock is seen there, sooner or later, and only while its vCPU is there."""
    with guest.Guest(series, scenario="idle", vcpus=4) as g:
        symbols = sorted((int(a, 16), n) for a, _, n in
                         (line.split()[:3] for line in g.run("grep ' [tT] ' /proc/kallsyms", timeout=120).text.splitlines()))
        places = [a for a, _ in symbols]
        for kind, match, functions in LOCKS:
            what = f"{g.release}, {kind}"
            g.run(f"contend 4 {kind} >/dev/null 2>&1 & sleep 1; true")
            hits, wrong, inside = 0, [], 0
            for _ in range(60):
                doc = report("attach", g.target, "--section", "vcpus,tasks,stacks")
                running = {t["cpu"]: (t, x) for t, x in zip(doc["task_enrichments"], doc["fdgdb"]["tasks"]) if t["running"]}
                stacks = {s["vcpu"]: s["frames"] for s in doc["fdgdb"]["stacks"] if "vcpu" in s}
                for i, v in enumerate(doc["vcpu_regs"]):
                    name = symbols[max(bisect.bisect_right(places, v["instruction_pointer"]) - 1, 0)][1]
                    t, x = running[v["cpu"]]
                    waits = v["in_kernel"] and re.fullmatch(functions, name)
                    # An interrupt may have come on top, and what waits may call something else.
                    below = [f["symbol"] for f in stacks[i] if f["kind"] in ("call", "exact") and
                             re.fullmatch(functions, f.get("symbol", ""))]
                    got = t.get("lock_slowpath_match")
                    if (waits and got != match) or (got == match and not below) or (x.get("lock_slowpath") and not below):
                        wrong.append((name, t["comm"], got, x.get("lock_slowpath"), below))
                    hits += bool(waits)
                    inside += got == match
                if hits >= 3:
                    break
            tap.ok(hits and not wrong, f"{what}: {hits} times a vCPU was where a lock is waited for, and its task said so "
                   f"({inside} times in all)", wrong)
            g.run("killall contend", check=False)


def offline(series):
    """A CPU taken away, and one that never came: they run nothing, and all tasks are elsewhere."""
    with guest.Guest(series, scenario="idle", vcpus=3, append="maxcpus=2") as g:
        what = f"{g.release}, CPUs offline"
        g.run("echo 0 >/sys/devices/system/cpu/cpu1/online; sleep 1")
        doc = everything(g, what, 20)
        running = {t["cpu"] for t in doc["task_enrichments"] if t["running"]}
        tap.equal(running, {0}, f"{what}: what runs, runs on CPU 0")


def main():
    guest.close_on_signals()
    for series in pick(tap, "tasks on", ["6.1", "7.3"], ["6.12", "6.16", "6.18", "7.0", "7.2"]):
        tap.guarded(series, one, series)
    for series in pick(tap, "a starved task on", ["6.18"], ["6.16", "7.0", "7.2", "7.3"]):
        tap.guarded(series, starved, series)
    if full():
        tap.guarded("5,000 tasks", thousands, "6.18")
        tap.guarded("spin locks", locked, "6.18")
        tap.guarded("CPUs offline", offline, "7.3")
    else:
        tap.skip("5,000 tasks", "only with --full")
        tap.skip("spin locks", "only with --full")
        tap.skip("CPUs offline", "only with --full")
    tap.done()


main()
