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
import scx_dump  # noqa: E402
import scx_log  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
PRIO_DSQ, MANY_DSQ = 0x9210, 0x3A47
# Debian's builds of these lack the BTF of the function that creates queues, some that of scx_bpf_error() or scx_bpf_exit().
NO_USER_DSQ, NO_ERROR, NO_EXIT = ("7.1", "7.2"), ("7.2",), ("7.1",)
# Before 6.16 nothing of a scheduler outlives it but the kernel's log.
FORGETS = ("6.12-scx",)
MANY = 2000
# Schedulers for a cgroup, below the one for all: what test_arena has of the cid form.
SUBS = ("7.1",)


def numa(vcpus):
    """Two nodes."""
    half = vcpus // 2
    return ["-object", "memory-backend-ram,id=m0,size=512M", "-object", "memory-backend-ram,id=m1,size=512M",
            "-numa", f"node,memdev=m0,cpus=0-{half - 1}", "-numa", f"node,memdev=m1,cpus={half}-{vcpus - 1}"]


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
            tap.equal(rows[0].get("by_vtime", False), name == "prio", f"{what}: whether by vtime, and no contradiction")
            order = "vtime" if name == "prio" else "fifo"
            tap.ok(re.search(rf"^  {dsq_id:#x} +user +root +{len(want[name])} +\d+\.\d+ s  {order} +{name}"
                             rf"\[{here[0]['pid']}\]$", text, re.M), f"{what}: text has the queue of {name} in its table",
                   text[:5000])
            if name == "prio":
                vtimes = [t["dsq_vtime"] for t in here]
                tap.equal((vtimes, len(set(vtimes))), (sorted(vtimes), len(vtimes)), f"{what}: by vtime")
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


def log_tells(doc, want, what, recorded):
    """The last end that the report has out of the log is the last that dmesg has."""
    ends = doc["fdgdb"]["scx"].get("log_exits", [{}])
    tap.equal({k: ends[-1].get(k) for k in want}, want, f"{what}: the end as the log has it")
    tap.equal(ends[-1].get("recorded", False), recorded, f"{what}: whether a record has it too")


def ended(g, kind, what, dump=True):
    """The record of a scheduler that has ended equals the kernel's log."""
    want = scx_log.ends(g, "zoo")[-1]
    reason, msg, frames = want["reason"], want["msg"], want["backtrace"]
    doc = report("attach", g.target)
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    log_tells(doc, want, what, g.series not in FORGETS)
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


def dumped(doc, dump, want, what):
    """The whole herd as the kernel's own dump has it: who waits for good does not change."""
    if dump is None:
        tap.skip(f"{what}: sysrq-D", "the kernel has no sched_ext_dump")
        return
    herded = {p for ps in want.values() for p in ps}
    tap.equal(sorted(herded - dump.tasks.keys())[:20], [], f"{what}: sysrq-D has the herd")
    dump.cpus, dump.tasks = {}, {p: t for p, t in dump.tasks.items() if p in herded}
    c = scx_dump.compare(dump, dump, doc)
    tap.equal(c.wrong[:20], [], f"{what}: {len(dump.tasks)} tasks as sysrq-D has them ({c.same} values)")


def register(g, name, obj="zoo"):
    g.run(f"mkdir /sys/fs/bpf/{name}; bpftool struct_ops register /bpf/{obj}.bpf.o /sys/fs/bpf/{name}")


def bypassed(g, what):
    """While a scheduler lets go of its tasks, one by one and slowly, the kernel runs them in their order."""
    register(g, "slow")
    # The program goes by names: these wait for a CPU like all others.
    g.run(f"for i in $(seq {2 * g.vcpus + 2}); do spin hog & done; sleep 1; herd slow 1 >/run/slow &")
    # Nobody can ask the guest: it lets go of each task with interrupts off.
    end, core = time.monotonic() + 120, f"{g.dir}/core"
    while report("attach", g.target, "--section", "scx")["fdgdb"]["scx"].get("enable_state") != "disabling":
        if time.monotonic() > end:
            raise RuntimeError(f"{g}: the scheduler was not seen while it is disabled")
    g.dump(core)
    doc, text = report("core", core), fdgdb("core", "--section", "scx,tasks", core).out
    os.unlink(core)
    tap.equal(doc["fdgdb"]["scx"]["enable_state"], "disabling", f"{what}: state")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    sched = doc["scx_sched_state"]
    tap.ok(sched["bypass_depth"] >= 1, f"{what}: bypass depth", sched)
    tap.equal([rq["cpu"] for rq in doc["rq_scx_states"] if not rq.get("bypassed")], [], f"{what}: each CPU is bypassed")
    rows = by_kva(doc)
    here = {d["origin"]: [rows[k]["comm"] for k in d["task_kvas"]] for d in doc["dsq_states"]
            if d["origin"].startswith("bypass") or (g.series in ("6.12-scx", "6.16", "6.17", "6.18") and
                                                    d["origin"].startswith("global"))}
    tap.ok(sum(len(c) for c in here.values()), f"{what}: tasks wait on the queues for that", here)
    tap.equal([d for d in doc["dsq_states"] if d["nr"] != len(d["task_kvas"])], [], f"{what}: all that are counted")
    tap.ok(re.search(r"^    exit kind \w+ \(\d+\), bypass depth [1-9]", text, re.M) or "disabled" in text, f"{what}: in text", text[:2000])
    wait_for(g, "its end", "cat /sys/kernel/sched_ext/state", "disabled")
    g.run("killall spin; rm -r /sys/fs/bpf/slow", check=False)


def below(g, what):
    """A scheduler for a cgroup below the one for all: its queues, its tasks, its own limit."""
    register(g, "root")
    g.run("mkdir -p /sys/fs/cgroup/below; putnum /bpf/zoo-sub.bpf.o 0x6670625f67627566 $(stat -c %i /sys/fs/cgroup/below)")
    register(g, "below", "zoo-sub")
    names = {"prio": 2, "held": 2}
    for name, nr in names.items():
        g.run(f"sh -c 'echo $$ >/sys/fs/cgroup/below/cgroup.procs; exec herd {name} {nr}' >/run/sub.{name} & i=0; "
              f"while [ ! -s /run/sub.{name} ] && [ $i -lt 200 ]; do sleep 0.1; i=$((i + 1)); done", timeout=120)
    time.sleep(1)
    want = {name: pids(g, name) for name in names}
    dump = scx_dump.take(g)
    g.stop()
    core = g.dump(f"{g.dir}/core")
    g.cont()
    doc, text = report("core", core), fdgdb("core", core).out
    tap.equal((doc["_status"], validate(doc)), (0, []), f"{what}: complete and valid")
    scheds = doc["fdgdb"]["scx"]["schedulers"]
    sub = next((s for s in scheds if s["role"] == "sub"), {})
    hz = doc["fdgdb"]["kernel"]["hz"]
    tap.equal([(s["ops_name"], s["role"], s.get("level"), s["watchdog_timeout"] // hz) for s in scheds],
              [("zoo", "root", 0, 30), ("zoo_sub", "sub", 1, 20)], f"{what}: both, each with its limit")
    tap.equal((sub.get("parent_kva"), sub.get("cgroup_path")), (scheds[0]["sched_kva"], "/below"), f"{what}: its place")
    names_there = g.run("cat /sys/kernel/sched_ext/root/ops /sys/kernel/sched_ext/root/sub/*/ops").text.split()
    tap.equal(names_there, ["zoo", "zoo_sub"], f"{what}: as in sysfs")
    rows = by_kva(doc)
    theirs = sorted(p for ps in want.values() for p in ps)
    tap.equal(sorted(t["pid"] for t in rows.values() if t.get("sched_kva") == sub.get("sched_kva") and t["pid"] in theirs),
              theirs, f"{what}: its tasks are its own")
    limit = {t["pid"]: x["scx"].get("watchdog_share") for t, x in zip(doc["task_enrichments"], doc["fdgdb"]["tasks"])}
    wrong = [(t["pid"], t["runnable_s"], limit[t["pid"]]) for t in rows.values() if t["pid"] in theirs and
             "runnable_s" in t and abs(t["runnable_s"] / 20 - limit[t["pid"]]) > 0.01]
    tap.equal(wrong, [], f"{what}: shares of its own limit")
    if g.series not in NO_USER_DSQ:
        mine = [d for d in queue(doc, PRIO_DSQ) if d.get("sched_kva") == sub.get("sched_kva")]
        tap.equal([sorted(rows[k]["pid"] for k in d["task_kvas"]) for d in mine], [want["prio"]],
                  f"{what}: its queue, beside the root's of the same id")
        tap.equal(len(queue(doc, PRIO_DSQ)), 2, f"{what}: two queues of one id")
    tap.ok(re.search(r"^    sub-scheduler zoo_sub at 0x[0-9a-f]+.*, level 1 below zoo, cgroup /below: ", text, re.M),
           f"{what}: text shows the tree", text[:4000])
    if dump:
        dump.cpus, dump.tasks = {}, {p: t for p, t in dump.tasks.items() if p in theirs}
        c = scx_dump.compare(dump, dump, doc)
        tap.equal((c.wrong, sorted(dump.tasks)), ([], theirs), f"{what}: its tasks as sysrq-D has them ({c.same} values)")


def unplugged(g, what):
    """A CPU is taken away under a scheduler that cannot deal with it: the kernel ends it, and says so in a code."""
    cpu = g.vcpus - 1
    g.run(f"echo 0 >/sys/devices/system/cpu/cpu{cpu}/online; sleep 1")
    wait_for(g, "its end", "cat /sys/kernel/sched_ext/state", "disabled")
    doc, text = report("attach", g.target), fdgdb("attach", g.target).out
    tap.equal((doc["_status"], validate(doc)), (0, []), f"{what}: complete and valid")
    x = [s["exit"] for s in doc["fdgdb"]["scx"].get("schedulers", []) if s["role"] == "exited" and s["ops_name"] == "zoo"]
    tap.equal([(e["kind_name"], e["code_names"]) for e in x], [("SCX_EXIT_UNREG_KERN", "RSN_HOTPLUG|ACT_RESTART")],
              f"{what}: why it ended")
    row = next(r for r in doc["rq_scx_states"] if r["cpu"] == cpu)
    tap.equal((row.get("offline"), row.get("idle")), (True, None), f"{what}: the CPU is offline, not idle")
    tap.equal([r["cpu"] for r in doc["rq_scx_states"] if r.get("offline")], [cpu], f"{what}: and no other")
    tap.ok(re.search(rf"^ +{cpu}  swapper/{cpu} .*  offline\b", text, re.M), f"{what}: in text", text[:3000])
    tap.equal([c["cpu"] for c in doc["per_cpu_time"] if c.get("offline")], [cpu], f"{what}: its time counts as offline")
    nodes = len(g.run("ls -d /sys/devices/system/node/node*", check=False).text.split()) or 1
    tap.equal([n["node"] for n in doc["per_node_numa"]], list(range(nodes)), f"{what}: all nodes are there")
    g.run(f"echo 1 >/sys/devices/system/cpu/cpu{cpu}/online; rm -rf /sys/fs/bpf/root /sys/fs/bpf/below", check=False)


def one(series, vcpus):
    with guest.Guest(series, scenario="zoo", vcpus=vcpus, memory=1024,
                     qemu=numa(vcpus) if vcpus >= 4 else ()) as g:
        what = f"{g.release}, {vcpus} vCPUs"
        herd(g, "many", MANY)
        herd(g, "prio", 5)
        herd(g, "held", 3)
        settle(g, 5 + 3 + MANY)
        before = sysfs(g)
        g.stop()
        core = g.dump(f"{g.dir}/core")
        g.cont()
        dump = scx_dump.take(g)  # before the watchdog comes
        after = sysfs(g)
        want = {name: pids(g, name) for name in ("prio", "held", "many")}
        doc, text = report("core", core), fdgdb("core", core).out
        os.unlink(core)
        tap.equal({k: len(v) for k, v in want.items()}, {"prio": 5, "held": 3, "many": MANY}, f"{what}: the herd is there")
        tap.equal((doc["_status"], doc["_stderr"].strip()), (0, ""), f"{what}: complete")
        tap.equal(validate(doc), [], f"{what}: valid against the schema")
        state(doc, before, after, what)
        queues(doc, g, want, text, what)
        dumped(doc, dump, want, what)
        tap.ok("exit" not in doc["fdgdb"]["scx"]["schedulers"][0], f"{what}: no exit record yet")

        disabled = "cat /sys/kernel/sched_ext/state"
        wait_for(g, "watchdog", disabled, "disabled")
        ended(g, "SCX_EXIT_ERROR_STALL", f"{what}, after the watchdog")

        # Its link goes, and with it the record: the log is all that is left.
        g.run("rm -r /sys/fs/bpf/zoo; sleep 2")
        doc, text = report("attach", g.target), fdgdb("attach", "--section", "scx,log", g.target).out
        last = scx_log.ends(g, "zoo")[-1]
        tap.equal(doc["fdgdb"]["scx"].get("schedulers"), None, f"{what}: no record is left once its link is gone")
        log_tells(doc, last, f"{what}, without its link", False)
        tap.ok(re.search(rf"^  the last scheduler zoo, by the kernel's log: ejected \d+\.\d+ s after boot, "
                         rf"{re.escape(last['reason'])}\n    message: {re.escape(last['msg'])}$", text, re.M),
               f"{what}, without its link: in text", text[:3000])

        # Another one that ends by an error, and a third beside what is left of it.
        register(g, "second")
        error = series not in NO_ERROR
        herd(g, "error" if error else "leave", 1)
        wait_for(g, "its end", disabled, "disabled")
        kind = "SCX_EXIT_ERROR_BPF" if error else "SCX_EXIT_UNREG_BPF"
        ended(g, kind, f"{what}, ended by itself", dump=error)
        register(g, "third")
        doc = report("attach", g.target)
        scx = doc["fdgdb"]["scx"]
        roles = ["root"] if series in FORGETS else ["root", "exited"]
        tap.equal([s["role"] for s in scx["schedulers"]], roles, f"{what}: one that runs, and what is left of the last")
        tap.equal(scx["enable_seq"], 3, f"{what}: the third scheduler")
        herd(g, "leave", 1)
        wait_for(g, "its end", disabled, "disabled")
        doc = report("attach", g.target)
        codes = [s["exit"]["code"] for s in doc["fdgdb"]["scx"].get("schedulers", []) if "exit" in s]
        if series not in FORGETS + NO_EXIT:
            tap.ok(4711 in codes, f"{what}: the program's own code", codes)
        tap.equal(len(doc["fdgdb"]["scx"]["log_exits"]), 3, f"{what}: three ends in the log")
        g.run("killall herd; rm -r /sys/fs/bpf/second /sys/fs/bpf/third", check=False)

        bypassed(g, f"{what}, bypassed")
        if series in SUBS:
            below(g, f"{what}, below another")
        else:
            register(g, "root")
        if series not in FORGETS:
            unplugged(g, f"{what}, a CPU unplugged")
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def main():
    guest.close_on_signals()
    short, rest = [("7.3", 4)], [("6.16", 2), ("6.18", 2), ("7.0", 4), ("7.1", 2), ("7.2", 2), ("7.3", 16), ("6.12-scx", 2)]
    named = [(s, n) for s, n in short + rest if s in sys.argv[1:] or f"{s}/{n}" in sys.argv[1:]]
    for series, vcpus in named or pick(tap, "a scheduler's life on", short, rest):
        try:
            debian.kernel(series)
        except debian.Gone as e:
            tap.skip(f"a scheduler's life on {series}", e)
            continue
        tap.guarded(series, one, series, vcpus)
    tap.done()


if __name__ == "__main__":
    main()
