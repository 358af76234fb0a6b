# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tasks against /proc: what does not change between two readings is equal, what grows lies between."""

import re

# One process for each kind of file: forking is what costs an emulated guest time.
READ = r"""for what in stat status schedstat cgroup; do
echo "== $what"; grep -H . /proc/[0-9]*/task/[0-9]*/$what 2>/dev/null
done; true"""
USER_HZ_NS = 10000000

# What may change while a task sleeps, because others change it.
ANY_TIME = {"threads", "cgroup", "nice", "prio"}
# What only grows; the readings before and after have it between them.
GROWING = {"voluntary", "involuntary", "sum_exec_runtime", "run_delay", "run_count"}
# What can be told only of a task that did not run meanwhile.
MOMENTARY = {"state", "cpu", "flags"}


class Reading:
    """{tid: {what: value}}"""

    def __init__(self, text):
        self.tasks = {}
        for part in re.split(r"^== ", text, flags=re.M)[1:]:
            what, body = part.split("\n", 1)
            for line in body.splitlines():
                m = re.match(r"/proc/\d+/task/(\d+)/\w+:(.*)", line)
                if m:
                    getattr(self, what)(self.tasks.setdefault(int(m[1]), {}), m[2])

    @staticmethod
    def stat(t, line):
        f = line[line.rindex(")") + 2:].split()
        field = {n: f[n - 3] for n in range(3, 3 + len(f))}  # as proc(5) counts
        t.update(state=field[3], parent=int(field[4]), pgid=int(field[5]), sid=int(field[6]),
                 flags=int(field[9]), prio=int(field[18]), nice=int(field[19]), threads=int(field[20]),
                 start=int(field[22]), cpu=int(field[39]), rt_priority=int(field[40]), policy=int(field[41]))

    @staticmethod
    def status(t, line):
        key, _, value = line.partition(":")
        value = value.strip()
        names = {"Name": ("comm", str), "Tgid": ("tgid", int), "Cpus_allowed_list": ("cpus_allowed", str),
                 "voluntary_ctxt_switches": ("voluntary", int),
                 "nonvoluntary_ctxt_switches": ("involuntary", int)}
        if key in names:
            name, kind = names[key]
            t[name] = kind(value)
        elif key == "State":
            t["state_name"] = re.search(r"\((.*)\)", value)[1]

    @staticmethod
    def schedstat(t, line):
        t["sum_exec_runtime"], t["run_delay"], t["run_count"] = map(int, line.split())

    @staticmethod
    def cgroup(t, line):
        if line.startswith("0::"):
            t["cgroup"] = line[3:].removesuffix(" (deleted)")


def ours(doc):
    """The same of fdgdb's report, and of what /proc does not show: idle tasks, the dead."""
    rows, extra = doc["task_enrichments"], doc["fdgdb"]["tasks"]
    assert [r["task_kva"] for r in rows] == [x["task_kva"] for x in extra]
    tasks, others = {}, []
    for r, x in zip(rows, extra):
        if x.get("unlisted") or x.get("idle_task"):
            others.append((r, x))
            continue
        assert r["pid"] not in tasks, r
        tasks[r["pid"]] = {
            "state": x["state"], "state_name": x["state_name"], "parent": r["real_parent_pid"],
            "pgid": r["pgid"], "sid": r["sid"], "flags": x["flags"], "prio": r["prio"] - 100, "nice": x.get("nice"),
            "threads": r["nr_threads"], "start": x["start_boottime"] // USER_HZ_NS, "cpu": r["cpu"],
            "rt_priority": r["rt_priority"], "policy": x["policy"], "comm": r["comm"], "tgid": r["tgid"],
            "cpus_allowed": x["cpus_allowed"], "voluntary": r["nvcsw"], "involuntary": r["nivcsw"],
            "sum_exec_runtime": x["sum_exec_runtime"], "run_delay": x["run_delay"], "run_count": x["run_count"],
            "cgroup": x.get("cgroup"),
        }
    return tasks, others


def _same(what, t, want, got):
    # A kernel thread's name in /proc is longer than what its task_struct has room for; a kworker's goes on
    # with what it works on.
    if what == "comm" and t["flags"] & 0x200000:
        return want[:15] == got or (got.startswith("kworker") and want.startswith(got))
    # Nice 0 is what /proc says of tasks of the stop class, which have none.
    if what == "nice" and got is None:
        return True
    return want == got


class Result:
    def __init__(self):
        self.wrong = []
        self.left_out = []
        self.compared = 0

    def check(self, pid, what, before, after, got):
        t, name = before[what], f"{pid} {before.get('comm')}"
        if what in GROWING:
            self.compared += 1
            if not t <= got[what] <= after[what]:
                self.wrong.append(f"{name}: {what} {got[what]}, not in {t} to {after[what]}")
            return
        ran = any(before.get(k) != after.get(k) for k in ("run_count", "voluntary", "involuntary"))
        if t != after[what] or (what in MOMENTARY | {"state_name"} and ran):
            self.left_out.append(f"{name}: {what}")
            return
        self.compared += 1
        if not _same(what, before, t, got[what]):
            self.wrong.append(f"{name}: {what} {got[what]!r}, not {t!r}")


def tasks(before, after, doc):
    """A Result of all that stood in both readings, and the pids that only one side has."""
    got, others = ours(doc)
    r = Result()
    both = [p for p in before.tasks if p in after.tasks and before.tasks[p].get("start") == after.tasks[p].get("start")]
    for pid in both:
        if pid not in got:
            r.wrong.append(f"{pid} {before.tasks[pid].get('comm')}: not in the report")
            continue
        for what in before.tasks[pid]:
            if what in after.tasks[pid]:
                r.check(pid, what, before.tasks[pid], after.tasks[pid], got[pid])
    r.both = both
    r.only_ours = [p for p in got if p not in before.tasks and p not in after.tasks]
    r.others = others
    return r
