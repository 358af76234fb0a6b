#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same stopped guest, dumped and attached to, gives the same report; so do odd machines."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import EXIT_NOT_LINUX, fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()


def stripped(doc):
    """The report without what describes the target."""
    doc = {k: v for k, v in doc.items() if not k.startswith("_")}
    doc["fdgdb"] = {k: v for k, v in doc["fdgdb"].items() if k not in ("target", "capture")}
    return doc


def difference(a, b, path=""):
    if type(a) is not type(b):
        return f"{path}: {a!r:.200} and {b!r:.200}"
    if isinstance(a, dict):
        for k in list(a) + [k for k in b if k not in a]:
            if k not in a or k not in b:
                return f"{path}/{k}: only in {'the first' if k in a else 'the second'}"
            d = difference(a[k], b[k], f"{path}/{k}")
            if d:
                return d
        return None
    if isinstance(a, list):
        if len(a) != len(b):
            return f"{path}: {len(a)} and {len(b)} elements"
        for i, (x, y) in enumerate(zip(a, b)):
            d = difference(x, y, f"{path}/{i}")
            if d:
                return d
        return None
    return None if a == b else f"{path}: {a!r:.200} and {b!r:.200}"


def one(what, want_slide=None, want_levels=None, **kw):
    """Stop, dump, attach: two equal and valid reports about the machine that was asked for."""
    with guest.Guest(**kw) as g, tempfile.TemporaryDirectory(prefix="fdgdb-eq.") as tmp:
        # Not by the command line: a processor that needs no isolation may have it all the same.
        kpti = g.run("grep -cw pti /proc/cpuinfo || true").text.strip() != "0"
        g.stop()
        core = g.dump(f"{tmp}/core")
        attached = report("attach", g.target, timeout=600)
        dumped = report("core", core, timeout=600)
        tap.equal(attached["_status"], dumped["_status"], f"{what}: same exit status")
        tap.ok(attached["_status"] == 0, f"{what}: complete", attached["_stderr"])
        d = difference(stripped(attached), stripped(dumped))
        tap.ok(d is None, f"{what}: attach and core give the same report", d)
        tap.equal(validate(attached), [], f"{what}: valid against the schema")
        tap.equal(len(attached["vcpu_regs"]), g.vcpus, f"{what}: all vCPUs")
        k = attached["fdgdb"]["kernel"]
        tap.equal(k["release"], g.release, f"{what}: the right kernel")
        tap.equal(k["nr_online"], g.vcpus, f"{what}: all CPUs online")
        if want_slide is not None:
            tap.ok((k["slide"] != 0) == want_slide, f"{what}: KASLR as booted", k["slide"])
        tap.equal(k.get("kpti"), kpti, f"{what}: page-table isolation as booted")
        if want_levels is not None:
            tap.equal(k["pt_levels"], want_levels, f"{what}: levels of page tables")
        tap.ok(g.ticks(), f"{what}: the guest runs on")
        c = attached["fdgdb"]["capture"]
        tap.note(f"{what}: {c['bytes'] >> 10} KiB, {c['round_trips']} round trips, {c['pause_us'] / 1000:.0f} ms")
        paging(g, what, f"{tmp}/paging")


def privilege_levels(g):
    return [int(line.split("CPL=")[1][0]) for line in g.hmp("info registers -a").splitlines() if "CPL=" in line]


def paging(g, what, path):
    """A dump with -p gives a report wherever QEMU put the kernel into it, and a cause elsewhere."""
    g.stop()
    levels = privilege_levels(g)
    g.dump(path, paging=True)
    g.cont()
    r = fdgdb("core", "-j", path, timeout=600)
    read = r.status in (0, 3) and "maps" in r.json()
    if 0 in levels or "pti=on" not in g.append:
        tap.ok(read, f"{what}: a dump with -p is read", r)
    else:
        tap.ok(read or r.status == EXIT_NOT_LINUX and "-p" in r.err,
               f"{what}: a dump with -p is read, or the cause is named", f"{levels}\n{r}")


def paging_kpti():
    """dump-guest-memory -p with every vCPU in user mode under KPTI: QEMU leaves the kernel out."""
    with guest.Guest("6.18", scenario="user", vcpus=2, append="pti=on") as g, \
            tempfile.TemporaryDirectory(prefix="fdgdb-pti.") as tmp:
        for _ in range(200):
            g.stop()
            if privilege_levels(g) == [3, 3]:
                break
            g.cont()
        else:
            tap.ok(False, "no moment with every vCPU in user mode")
            return
        g.dump(f"{tmp}/p", paging=True)
        g.dump(f"{tmp}/core")
        r = fdgdb("core", f"{tmp}/p")
        tap.ok(r.status == EXIT_NOT_LINUX and "-p" in r.err and "user mode" in r.err,
               "-p under KPTI in user mode: the cause is named", r)
        core = report("core", f"{tmp}/core")
        tap.ok(core["fdgdb"]["kernel"]["kpti"], "without -p: found through the user half")
        live = report("attach", g.target)
        d = difference(stripped(live), stripped(core))
        tap.ok(d is None, "KPTI, all in user mode: attach and core give the same report", d)
        tap.ok(g.ticks(), "the guest runs on")


MACHINES = {
    "1 vCPU": dict(vcpus=1),
    "4 vCPUs, 5 levels, pti=on": dict(vcpus=4, cpu="max,la57=on", append="pti=on", want_levels=5),
    "nokaslr": dict(append="nokaslr", want_slide=False),
    "KASLR, 6 GiB": dict(memory=6144, want_slide=True),
    "pti=on, in user mode": dict(scenario="user", append="pti=on"),
    "16 vCPUs": dict(vcpus=16),
}


def main():
    guest.close_on_signals()
    tap.guarded("paging, KPTI", paging_kpti)
    for name in pick(tap, "machine", list(MACHINES), []):
        kw = dict(series="6.18", scenario="rich")
        kw.update(MACHINES[name])
        tap.guarded(name, one, name, **kw)
    for series in pick(tap, "machine of kernel", ["7.3"], ["6.12", "6.16", "7.0", "7.2"]):
        tap.guarded(series, one, f"{series}, 2 vCPUs", series=series, scenario="rich")
    tap.done()


main()
