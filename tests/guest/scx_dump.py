# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sched_ext itself says of CPUs and of tasks that are ready to run: sysrq-D, out of the tracepoint sched_ext_dump.

Read before and after fdgdb: what the kernel said alike both times must stand in the report.
"""

import re

TRACE = "/sys/kernel/tracing"
TAKE = f"""cd {TRACE} && echo 16384 >buffer_size_kb && echo 1 >events/sched_ext/sched_ext_dump/enable &&
echo >trace && echo D >/proc/sysrq-trigger && echo 0 >events/sched_ext/sched_ext_dump/enable &&
sed -n 's/^.* sched_ext_dump: //p' trace | grep -v '+0x[0-9a-f]*/0x'; echo >trace"""


class Dump:
    """cpus: {cpu: {key: text}}, tasks: {pid: {key: text}}, as the kernel wrote it."""

    def __init__(self, text):
        self.cpus, self.tasks, self.text = {}, {}, text
        cpu = task = None
        for line in text.splitlines():
            m = re.match(r"CPU (\d+) *: (.*)", line)
            if m:
                cpu, task = self.cpus.setdefault(int(m[1]), {}), None
                cpu.update(re.findall(r"(\w+)=(\S+)", m[2]))
                cpu["nr"] = int(m[1])
                continue
            m = re.match(r" +curr=(.*)\[(-?\d+)\] class=(\w+)", line)
            if m and cpu is not None:
                cpu.update(curr=(int(m[2]), m[1], m[3].removesuffix("_sched_class")))
                continue
            # Its state, the scheduler it belongs to (7.1), and for how long it has been ready.
            m = re.match(r" ([* ])(.) (.*)\[(\d+)\](?: \*?(\S+))? ([+-]\d+)ms$", line)
            if m and cpu is not None:
                task = self.tasks.setdefault(int(m[4]), {})
                task.update(comm=m[3], sched=m[5], cpu=cpu["nr"], running=m[1] == "*")
                continue
            if task is not None:
                task.update(re.findall(r"([\w/]+)=(\S+)", line))


def take(g):
    """None if this kernel has no such tracepoint."""
    if g.run(f"[ -d {TRACE}/events/sched_ext/sched_ext_dump ]", check=False).status:
        return None
    return Dump(g.run(TAKE, timeout=300).text)


def cpu_list(mask):
    """"0-3,8" of "10f"."""
    bits, out, cpu = int(mask.replace(",", ""), 16), [], 0
    while bits >> cpu:
        if bits >> cpu & 1:
            last = cpu
            while bits >> last + 1 & 1:
                last += 1
            out.append(str(cpu) if last == cpu else f"{cpu}-{last}")
            cpu = last
        cpu += 1
    return ",".join(out)


def our_task(doc, task, extra):
    """The same keys out of the report."""
    scx = extra["scx"]
    scheds = {s["sched_kva"]: s for s in doc["fdgdb"]["scx"]["schedulers"] if "sched_kva" in s}
    sched = scheds.get(task.get("sched_kva"), {"role": "root"})
    return {
        "comm": task["comm"],
        "sched": "root" if sched["role"] == "root" else f"sub{sched['level']}",
        "scx_state/flags": task["scx_flags"],
        "ops_state/qseq": scx["ops_state"],
        "sticky/holding_cpu": f"{scx['sticky_cpu']}/{scx['holding_cpu']}",
        "dsq_id": f"{task['dsq_id']:#x}" if task.get("dsq_id") else "(n/a)",
        "dsq_vtime": str(task["dsq_vtime"]),
        "slice": str(task["slice"]),
        "weight": str(task["weight"]),
        "cpus": extra["cpus_allowed"],
        "running": task["running"],
    }


def their_task(t):
    state, flags = t["scx_state/flags"].split("/")
    ops, qseq = t["ops_state/qseq"].split("/")
    out = {k: t[k] for k in ("comm", "running", "sticky/holding_cpu", "dsq_id", "dsq_vtime", "slice", "weight") if k in t}
    out["scx_state/flags"] = int(state) << 8 | int(flags, 16)
    out["ops_state/qseq"] = int(ops) | int(qseq) << 2
    if t["sched"]:
        out["sched"] = t["sched"].split("-")[0]
    if "cpus" in t:
        out["cpus"] = cpu_list(t["cpus"])
    return out


def our_cpu(rq):
    return {
        "nr_run": str(rq["nr_running"]),
        "flags": f"{rq['flags']:#x}",
        "cpu_rel": str(int(rq["cpu_released"])),
        "ops_qseq": str(rq["ops_qseq"]),
        "ksync": str(rq.get("kick_sync")),
        "pnt_seq": str(rq.get("kick_sync")),
        "curr": (rq.get("curr_pid"), rq.get("curr_comm"), rq.get("curr_class")),
    }


class Compared:
    """What came of it: values that differ, how many agree (in all and of each task), and what was left out because it moved."""

    def __init__(self):
        self.wrong, self.left_out, self.same, self.of_task = [], [], 0, {}

    def add(self, what, key, before, after, ours, moved=False):
        """`moved`: two equal readings do not say that it was so between them as well."""
        if before != after:
            # What only grows lies between.
            if key in ("ops_qseq", "ksync", "pnt_seq") and int(before) <= int(ours) <= int(after):
                self.same += 1
            else:
                self.left_out.append(f"{what} {key}")
        elif before == ours:
            self.same += 1
        elif moved:
            self.left_out.append(f"{what} {key}")
        else:
            self.wrong.append((what, key, before, ours))


def compare(before, after, doc):
    """Of a guest in which tasks come and go, both dumps; of one that stands still, the same one twice."""
    c = Compared()
    rqs = {rq["cpu"]: rq for rq in doc["rq_scx_states"]}
    rows = {t["pid"]: (t, x) for t, x in zip(doc["task_enrichments"], doc["fdgdb"]["tasks"])}
    for cpu in sorted(before.cpus.keys() & after.cpus.keys()):
        b, a, ours = before.cpus[cpu], after.cpus[cpu], our_cpu(rqs[cpu])
        # It has chosen another task meanwhile, and then perhaps the first one again.
        moved = any(b.get(k) != a.get(k) for k in ("ops_qseq", "ksync", "pnt_seq"))
        for key in sorted(b.keys() & a.keys() & ours.keys()):
            c.add(f"CPU {cpu}", key, b[key], a[key], ours[key], moved)
    for pid in sorted(before.tasks.keys() & after.tasks.keys()):
        if pid not in rows:
            c.wrong.append((f"task {pid}", "is not in the report", before.tasks[pid], None))
            continue
        b, a, ours = their_task(before.tasks[pid]), their_task(after.tasks[pid]), our_task(doc, *rows[pid])
        agreed = c.same
        for key in sorted(b.keys() & a.keys()):
            c.add(f"task {pid} {ours['comm']}", key, b[key], a[key], ours[key])
        c.of_task[pid] = c.same - agreed
        cpu = before.tasks[pid]["cpu"]
        if before.tasks[pid] == after.tasks[pid] and not before.tasks[pid]["running"] and \
                rows[pid][0]["task_kva"] not in rqs[cpu]["runnable_task_kvas"]:
            c.wrong.append((f"task {pid}", f"is not on the runnable list of CPU {cpu}", None, None))
    return c
