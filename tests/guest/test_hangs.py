#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalogue of hangs: each made in a real guest must give its root finding, and no other root.

    test_hangs.py [SERIES...] [BOOT or SCENARIO...] [--table]

What is seen must also be what docs/hangs.md says. With --table that file is written anew, of what was played, and what
it has of the rest is kept.
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
import image  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from hangs import catalogue  # noqa: E402
from tap import Tap, full  # noqa: E402

DOC = f"{os.path.dirname(os.path.abspath(__file__))}/../../docs/hangs.md"
SERIES = ["6.18", "7.3"]

tap = Tap()
seen = {}  # (scenario, series): rows of the table


def resolve(doc, path):
    """The value at a path of evidence."""
    for key in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        doc = doc[int(key[1:-1])] if key[0] == "[" else doc[key]
    return doc


def evidence(doc, what):
    """Every value given as evidence stands in the report where it says."""
    wrong = []
    for f in doc["fdgdb"]["findings"]:
        for e in f["evidence"]:
            try:
                got = resolve(doc, e["path"])
            except (KeyError, IndexError, TypeError) as x:
                got = repr(x)
            if got != e["value"]:
                wrong.append((f["key"], e, got))
    tap.equal(wrong, [], f"{what}: evidence stands where it says")


def roots(doc):
    """Root findings that are not for information only, by id."""
    out = {}
    for f in doc["fdgdb"]["findings"]:
        if f["severity"] != "info" and "caused_by" not in f:
            out.setdefault(f["id"], []).append((f["severity"], f["confidence"]))
    return out


def shown(doc):
    return "\n".join(f"{f['severity']} {f['key']} ({f['confidence']}) <- {f.get('caused_by')}: {f['summary']}"
                     for f in doc["fdgdb"]["findings"])


def follow(doc, ids):
    """Ids of what follows from these roots."""
    keys = {f["key"] for f in doc["fdgdb"]["findings"] if f["id"] in ids}
    return {f["id"] for f in doc["fdgdb"]["findings"] if f.get("caused_by") in keys}


def grouped(findings):
    """Each root stands before what follows from it, and nothing else is between."""
    causes, root = {f["key"]: f.get("caused_by") for f in findings}, None
    for f in findings:
        top = f["key"]
        for _ in findings:
            top = causes.get(top) or top
        root = root if f.get("caused_by") else top
        if top != root:
            return False
    return True


def judge(doc, want, s, what):
    """The roots are those expected, each once, and lead to what is expected."""
    got = roots(doc)
    tap.equal({k: v[0] for k, v in got.items()}, want, f"{what}: the root finding, and no other")
    if {k: v[0] for k, v in got.items()} != want:
        tap.note(shown(doc))
    tap.ok(all(len(v) == 1 for v in got.values()), f"{what}: one root for one trouble", shown(doc))
    findings = doc["fdgdb"]["findings"]
    keys = {f["key"] for f in findings}
    tap.ok(all(f.get("caused_by") in keys | {None} for f in findings), f"{what}: what it follows from is among the "
           "findings", shown(doc))
    if s.says:
        summaries = [f["summary"] for f in findings if f["id"] in s.roots]
        tap.ok(any(s.says in x for x in summaries), f"{what}: says {s.says}", summaries)
    if s.leads:
        tap.ok(s.leads <= follow(doc, s.roots), f"{what}: it leads to {', '.join(sorted(s.leads))}", shown(doc))
    if s.notes:
        tap.ok(s.notes <= {f["id"] for f in findings if f["severity"] == "info"},
               f"{what}: for information: {', '.join(sorted(s.notes))}", shown(doc))
    tap.ok(grouped(findings), f"{what}: what follows stands behind its root", shown(doc))
    evidence(doc, what)


def enough(doc, want, s):
    """Whether there is all that is waited for."""
    got = {k: v[0] for k, v in roots(doc).items()}
    return all(got.get(k) == v for k, v in want.items()) and s.leads <= follow(doc, s.roots)


def one(g, s, kept):
    what = f"{g.release}, {s.name}"
    began = time.monotonic()
    if callable(s.make):
        s.make(g)
    else:
        g.run(s.make, timeout=120)
    if callable(s.wait):
        s.wait(g)
    else:
        time.sleep(s.wait)
    want = {**kept, **s.roots}
    # A guest on a busy host is slower than the clock on the wall: what it takes time to be sure of gets more.
    for _ in range(12):
        if enough(report("attach", g.target), want, s):
            break
        time.sleep(3)
    g.stop()
    core = g.dump(f"{g.dir}/core-{s.name}")
    docs = {"attach": report("attach", g.target), "core": report("core", core)}
    for verb, doc in docs.items():
        tap.ok(doc["_status"] in (0, 3), f"{what}, {verb}: a report")
        tap.equal(validate(doc), [], f"{what}, {verb}: valid against the schema")
        judge(doc, want, s, f"{what}, {verb}")
    tap.equal(docs["attach"]["fdgdb"]["findings"], docs["core"]["fdgdb"]["findings"],
              f"{what}: attach and core say the same")
    text = fdgdb("core", "--fail-on", "warning", core)
    tap.equal(text.status, 10 if want else docs["core"]["_status"], f"{what}: --fail-on warning")
    head = text.out.split("\nsched_ext:")[0]
    tap.ok(all(i in head for i in want), f"{what}: the text says it on top", head)
    if s.name == "idle":
        narrow = fdgdb("core", "--fail-on", "warning", "--section", "tasks", core)
        tap.ok(narrow.status == 0 and "softlockup" in narrow.err, f"{what}: --fail-on says what was not examined",
               narrow.err)
    os.unlink(core)
    seen[s.name, series_of(g.release)] = rows(s, g.release, docs["attach"], kept)
    tap.note(f"{what}: {time.monotonic() - began:.0f} s")
    if s.keeps:
        kept.update(s.roots)


# ---- docs/hangs.md

def series_of(release):
    return ".".join(release.split(".")[:2])


def rows(s, release, doc, kept):
    """Rows of the table: scenario, what, kernel, finding, severity, confidence, what it leads to."""
    found = {i: v[0] for i, v in roots(doc).items() if i not in kept}
    leads = ", ".join(f"`{i}`" for i in sorted(s.leads))
    if not found:
        return [[s.name, s.what, release, "none" if not s.notes else "`" + "`, `".join(sorted(s.notes)) + "`",
                 "info" if s.notes else "", "", ""]]
    return [[s.name, s.what, release, f"`{i}`", severity, confidence, leads]
            for i, (severity, confidence) in found.items()]


def read_table():
    table = {}
    with open(DOC, encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) == 7 and re.fullmatch(r"[0-9]+\.[0-9]+\..*", cells[2]):
                table.setdefault((cells[0], series_of(cells[2])), []).append(cells)
    return table


def write_table(table):
    lines = ["# What fdgdb says about hangs", "",
             "Made by `tests/guest/test_hangs.py --table`, and compared with what they see by all runs of that test: each row",
             "was seen in a real guest, attached to and dumped. A page fault that a userfaultfd should answer never keeps an",
             "`mmap_lock`, as the kernel lets go of it; one that a FUSE server should answer may.", "",
             "| Scenario | What is wrong | Kernel | Finding | Severity | Confidence | Leads to |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    order = [s.name for b in catalogue.BOOTS for s in b.scenarios]
    keys = sorted((k for k in table if k[0] in order), key=lambda k: (order.index(k[0]), SERIES.index(k[1])))
    lines += ["| " + " | ".join(row) + " |" for k in keys for row in table[k]]
    with open(DOC, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def check_table():
    """What was seen is what the table says, whatever the patch release; and it knows every scenario."""
    table = read_table()
    for k, got in seen.items():
        tap.equal([r[:2] + r[3:] for r in got], [r[:2] + r[3:] for r in table.get(k, [])],
                  f"docs/hangs.md has what was seen: {k[0]} on {k[1]}")
    missing = [(s.name, series) for b in catalogue.BOOTS for s in b.scenarios for series in SERIES
               if (s.name, series) not in table]
    tap.equal(missing, [], "docs/hangs.md has every scenario on every kernel")
    names = {s.name for b in catalogue.BOOTS for s in b.scenarios}
    tap.equal({k[0] for k in table} - names, set(), "docs/hangs.md has no other scenario")


def boot(series, b, scenarios):
    have = image.features(debian.kernel(series))
    with guest.Guest(series, vcpus=b.vcpus, memory=b.memory, append=b.append) as g:
        g.run(b.setup)
        kept = {}
        for s in scenarios:
            if s.needs and f"-D{s.needs}" not in have:
                tap.skip(f"{g.release}, {s.name}", f"this kernel's BTF lacks what it needs ({s.needs})")
                continue
            tap.guarded(f"{series}, {s.name}", one, g, s, kept)
            if s.end is None:
                break
            if not g.running():
                g.cont()
            g.run(s.end, timeout=120)


def select(series, b, only):
    """The scenarios of a boot that are to be played."""
    if only:
        return b.scenarios if b.name in only else [s for s in b.scenarios if s.name in only]
    if full() or (series == SERIES[0] and not b.full_only):
        return b.scenarios
    return []


def main():
    guest.close_on_signals()
    words = [a for a in sys.argv[1:] if not a.startswith("-")]
    only = [w for w in words if not re.fullmatch(r"[0-9.]+", w)]
    for series in [w for w in words if w not in only] or SERIES:
        for b in catalogue.BOOTS:
            scenarios = select(series, b, only)
            left = [s.name for s in b.scenarios if s not in scenarios]
            if left and not only:
                tap.skip(f"hangs on {series}: {', '.join(left)}", "only with --full")
            if scenarios:
                tap.guarded(f"{series}, {b.name}", boot, series, b, scenarios)
    if "--table" in sys.argv:
        write_table({**read_table(), **seen})
    check_table()
    tap.done()


main()
