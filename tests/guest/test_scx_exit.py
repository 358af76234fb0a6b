#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A scheduler's whole life: its queues, counters and held tasks; ended by the watchdog, by itself, by an error."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
PRIO_DSQ, MANY_DSQ = 0x9210, 0x3A47
# Debian's builds of these lack the BTF of the function that creates queues, and of scx_bpf_error.
NO_USER_DSQ = ("7.1", "7.2")
# Before 6.16 nothing of a scheduler outlives it but the kernel's log.
FORGETS = ("6.12-scx",)
MANY = 2000
NUMA = ["-object", "memory-backend-ram,id=m0,size=512M", "-object", "memory-backend-ram,id=m1,size=512M",
        "-numa", "node,memdev=m0,cpus=0-7", "-numa", "node,memdev=m1,cpus=8-15"]


def wait_for(g, what, command, want, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if g.run(command, check=False).text.strip() == want:
            return
        time.sleep(1)
    raise RuntimeError(f"{g}: {what}: {g.run(command, check=False).text!r}")


def sysfs(g):
    """What the kernel says of sched_ext, as a dict; counters with their names."""
    text = g.run("cd /sys/kernel/sched_ext; grep -H . state switch_all enable_seq nr_rejected hotplug_seq "
                 "root/ops root/events 2>/dev/null", check=False).text
    out = {}
    for line in text.splitlines():
        name, value = line.split(":", 1)
        if name == "root/events":
            key, number = value.split()
            out.setdefault("events", {})[key.removeprefix("SCX_EV_")] = int(number)
        else:
            out[name] = value
    return out


def pids(g, comm):
    """Threads of this name by pid, out of /proc."""
    text = g.run(f"grep -lx '{comm}' /proc/[0-9]*/task/[0-9]*/comm 2>/dev/null", check=False, timeout=300).text
    return sorted(int(line.split("/")[4]) for line in text.split())


def herd(g, name, nr):
    g.run(f"herd {name} {nr} >/run/herd.{name} & i=0; while [ ! -s /run/herd.{name} ] && [ $i -lt 300 ]; do "
          f"sleep 0.1; i=$((i + 1)); done; cat /run/herd.{name}", timeout=120)


def settle(g, nr):
    """Waits until the scheduler has taken in so many tasks."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        bss = [m for m in g.json("bpftool -j map show") if m["name"] == "zoo.bss"]
        values = g.json(f"bpftool -j map dump id {bss[-1]['id']}")[0]["formatted"]["value"][".bss"]
        counts = {k: v for d in values for k, v in d.items()}
        if counts["nr_prio"] + counts["nr_many"] + counts["nr_held"] >= nr:
            return
        time.sleep(0.5)
    raise RuntimeError(f"{g}: {counts}")


def by_kva(doc):
    return {t["task_kva"]: t for t in doc["task_enrichments"]}


def queue(doc, dsq_id):
    return [d for d in doc["dsq_states"] if d["origin"] == "user" and d["id"] == dsq_id]


def state(doc, before, after, what):
    """Numbers that the kernel shows too: equal if it said the same before and after, else between."""
    scx = doc["fdgdb"]["scx"]
    tap.equal(scx["enable_state"], before["state"], f"{what}: enable state")
    for key in ("enable_seq", "nr_rejected", "hotplug_seq"):
        tap.equal(scx[key], int(before[key]), f"{what}: {key}")
    tap.equal(scx["switched_all"], before["switch_all"] == "1", f"{what}: switched_all")
    if "events" not in before:
        tap.ok("event_counter_timeline" not in doc, f"{what}: no event counters")
        return
    sums = scx["schedulers"][0]["events"]["sum"]
    tap.equal(list(sums), list(before["events"]), f"{what}: every event counter, in the kernel's order")
    wrong = {k: (before["events"][k], v, after["events"][k]) for k, v in sums.items()
             if not before["events"][k] <= v <= after["events"][k]}
    tap.equal(wrong, {}, f"{what}: event counters as in sysfs")
    tap.ok(any(sums.values()), f"{what}: and not all of them are 0", sums)
    per_cpu = scx["schedulers"][0]["events"]["per_cpu"]
    tap.equal({k: sum(c["counts"][k] for c in per_cpu) for k in sums}, sums, f"{what}: sums over {len(per_cpu)} CPUs")
    sample = doc["event_counter_timeline"]
    tap.equal([len(sample), sample[0]["refill_slice_dfl"]], [1, sums["REFILL_SLICE_DFL"]], f"{what}: the format's sample")


def queues(doc, g, want, text, what):
    tasks = by_kva(doc)
    names = {p: name for name, ps in want.items() for p in ps}
    if g.series in NO_USER_DSQ:
        tap.equal([d for d in doc["dsq_states"] if d["origin"] == "user"], [], f"{what}: no queues of its own")
    else:
        for name, dsq_id in (("prio", PRIO_DSQ), ("many", MANY_DSQ)):
            rows = queue(doc, dsq_id)
            tap.equal(len(rows), 1, f"{what}: the queue of {name}")
            here = [tasks[k] for k in rows[0]["task_kvas"]]
            tap.equal(sorted({t["pid"] for t in here} ^ set(want[name]))[:20], [],
                      f"{what}: all {len(want[name])} of {name} are on it, and nobody else")
            tap.equal(rows[0]["nr"], len(want[name]), f"{what}: and counted")
            tap.equal({t["comm"] for t in here}, {name}, f"{what}: and named")
            tap.ok(f"{dsq_id:#x}" in text, f"{what}: text has the queue of {name}")
            if name == "prio":
                vtimes = [t["dsq_vtime"] for t in here]
                tap.equal(vtimes, sorted(vtimes), f"{what}: by vtime")
    held = {t["pid"]: t for t in doc["fdgdb"]["scx"].get("held_tasks", [])}
    expected = want["held"] if g.series not in NO_USER_DSQ else sorted(names)
    tap.equal(sorted(set(expected) - set(held))[:20], [], f"{what}: what the program holds is listed")
    tap.equal(sorted(p for p in held if p in names and p not in expected), [], f"{what}: and nothing that is queued")
    tap.ok(all(held[p]["comm"] == names[p] and 0 < held[p]["runnable_s"] < 60 for p in expected if p in held),
           f"{what}: with name and time", {p: held[p] for p in expected[:5] if p in held})
    nodes = [d["origin"] for d in doc["dsq_states"] if d["origin"].startswith("global")]
    online = g.run("ls -d /sys/devices/system/node/node*", check=False).text.split() or ["node0"]
    tap.equal(nodes, [f"global node {i}" for i in range(len(online))], f"{what}: a global queue for each node")
    runnable = {k for r in doc["rq_scx_states"] for k in r["runnable_task_kvas"]}
    missing = [p for p in names if p not in {tasks[k]["pid"] for k in runnable if k in tasks}]
    tap.equal(missing[:20], [], f"{what}: all of them are on runnable lists")


def log(g, verb):
    """Reason, message and backtrace of the last end of a scheduler, out of the kernel's log."""
    lines = [re.sub(r"^\[ *[0-9.]+\] ", "", s) for s in g.run("dmesg").text.splitlines()]
    at = max(i for i, s in enumerate(lines) if re.match(rf'sched_ext: BPF scheduler "zoo" {verb}', s))
    reason = re.search(r"\((.*)\)", lines[at])[1]
    lines.append("")
    msg = lines[at + 1].removeprefix("sched_ext: zoo: ") if lines[at + 1].startswith("sched_ext: zoo: ") else None
    frames = []
    for line in lines[at + 2:]:
        m = re.match(r" +(\w.*\+0x[0-9a-f]+/0x[0-9a-f]+.*)", line)
        if not m:
            break
        frames.append(m[1].strip())
    return reason, msg, frames


def ended(g, kind, what, dump=True):
    """The record of a scheduler that has ended equals the kernel's log."""
    reason, msg, frames = log(g, "disabled")
    doc = report("attach", g.target)
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    rows = [s for s in doc["fdgdb"]["scx"].get("schedulers", []) if s["role"] == "exited"]
    if g.series in FORGETS:
        tap.equal(rows, [], f"{what}: nothing survives in this kernel")
        return doc
    if not tap.equal(len(rows), 1, f"{what}: what is left of it is found"):
        return doc
    x = rows[0]["exit"]
    # On a busy machine a stall of RCU or a soft lockup may come before the watchdog: the log says which.
    if kind == "SCX_EXIT_ERROR_STALL" and reason != "runnable task stall":
        kind = "SCX_EXIT_ERROR"
    tap.equal((rows[0]["ops_name"], rows[0]["exit_kind_name"]), ("zoo", "SCX_EXIT_DONE"), f"{what}: name, and that it is over")
    tap.equal((x["kind_name"], x["reason"], x.get("msg")), (kind, reason, msg), f"{what}: kind, reason, message")
    got = [f.get("symbol", "").split(" [")[0] for f in x.get("backtrace", [])]
    if frames:
        tap.equal(got, [f.split(" [")[0] for f in frames], f"{what}: backtrace of {len(frames)} frames as the log has it")
    if dump:
        tap.ok(x.get("dump", "").strip() and reason in x["dump"] and "CPU states" in x["dump"],
               f"{what}: the kernel's dump", x.get("dump"))
    text = fdgdb("attach", g.target).out
    tap.ok(kind in text and reason in text and (not msg or msg in text), f"{what}: text has it", text[:3000])
    return doc


def one(series, vcpus):
    with guest.Guest(series, scenario="zoo", vcpus=vcpus, memory=1024,
                     qemu=NUMA if vcpus > 4 else ()) as g:
        what = f"{g.release}, {vcpus} vCPUs"
        herd(g, "many", MANY)
        herd(g, "prio", 5)
        herd(g, "held", 3)
        settle(g, 5 + 3 + MANY)
        before = sysfs(g)
        g.stop()
        core = g.dump(f"{g.dir}/core")
        g.cont()
        after = sysfs(g)
        want = {name: pids(g, name) for name in ("prio", "held", "many")}
        doc, text = report("core", core), fdgdb("core", core).out
        os.unlink(core)
        tap.equal({k: len(v) for k, v in want.items()}, {"prio": 5, "held": 3, "many": MANY}, f"{what}: the herd is there")
        tap.equal((doc["_status"], doc["_stderr"].strip()), (0, ""), f"{what}: complete")
        tap.equal(validate(doc), [], f"{what}: valid against the schema")
        state(doc, before, after, what)
        queues(doc, g, want, text, what)
        tap.ok("exit" not in doc["fdgdb"]["scx"]["schedulers"][0], f"{what}: no exit record yet")

        disabled = "cat /sys/kernel/sched_ext/state"
        wait_for(g, "watchdog", disabled, "disabled")
        ended(g, "SCX_EXIT_ERROR_STALL", f"{what}, after the watchdog")

        # Its link goes, and with it the record.
        g.run("rm -r /sys/fs/bpf/zoo; sleep 2")
        scx = report("attach", g.target)["fdgdb"]["scx"]
        tap.equal(scx.get("schedulers"), None, f"{what}: nothing is left once its link is gone")

        # Another one that ends by an error, and a third beside what is left of it.
        g.run("mkdir /sys/fs/bpf/second; bpftool struct_ops register /bpf/zoo.bpf.o /sys/fs/bpf/second")
        error = series not in NO_USER_DSQ
        herd(g, "error" if error else "leave", 1)
        wait_for(g, "its end", disabled, "disabled")
        kind = "SCX_EXIT_ERROR_BPF" if error else "SCX_EXIT_UNREG_BPF"
        ended(g, kind, f"{what}, ended by itself", dump=error)
        g.run("mkdir /sys/fs/bpf/third; bpftool struct_ops register /bpf/zoo.bpf.o /sys/fs/bpf/third")
        doc = report("attach", g.target)
        scx = doc["fdgdb"]["scx"]
        roles = ["root"] if series in FORGETS else ["root", "exited"]
        tap.equal([s["role"] for s in scx["schedulers"]], roles, f"{what}: one that runs, and what is left of the last")
        tap.equal(scx["enable_seq"], 3, f"{what}: the third scheduler")
        herd(g, "leave", 1)
        wait_for(g, "its end", disabled, "disabled")
        doc = report("attach", g.target)
        codes = [s["exit"]["code"] for s in doc["fdgdb"]["scx"].get("schedulers", []) if "exit" in s]
        if series not in FORGETS:
            tap.ok(4711 in codes, f"{what}: the program's own code", codes)
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def main():
    guest.close_on_signals()
    short, rest = [("6.18", 2), ("7.3", 16)], [("6.16", 2), ("7.0", 4), ("7.1", 2), ("7.2", 2), ("6.12-scx", 2)]
    for series, vcpus in pick(tap, "a scheduler's life on", short, rest):
        try:
            debian.kernel(series)
        except debian.Gone as e:
            tap.skip(f"a scheduler's life on {series}", e)
            continue
        tap.guarded(series, one, series, vcpus)
    tap.done()


if __name__ == "__main__":
    main()
