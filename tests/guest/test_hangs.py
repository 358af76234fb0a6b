#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalogue of hangs: each made in a real guest must give its root finding, and no other root.

    test_hangs.py [SERIES...] [BOOT...] [--table FILE]

With --table FILE the results are also written as a table of Markdown: so was docs/hangs.md made, of a full run.
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
from tap import Tap, full, pick  # noqa: E402

tap = Tap()
table = []


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


def judge(doc, want, what):
    """The roots are those expected, each once."""
    got = roots(doc)
    tap.equal({k: v[0] for k, v in got.items()}, want, f"{what}: the root finding, and no other")
    if {k: v[0] for k, v in got.items()} != want:
        tap.note(shown(doc))
    tap.ok(all(len(v) == 1 for v in got.values()), f"{what}: one root for one trouble", shown(doc))
    keys = {f["key"] for f in doc["fdgdb"]["findings"]}
    tap.ok(all(f.get("caused_by") in keys | {None} for f in doc["fdgdb"]["findings"]),
           f"{what}: what it follows from is among the findings", shown(doc))
    evidence(doc, what)


def one(g, s, kept):
    what = f"{g.release}, {s.name}"
    g.run(s.make, timeout=120)
    if callable(s.wait):
        s.wait(g)
    else:
        time.sleep(s.wait)
    want = s.roots if s.alone else {**kept, **s.roots}
    # A guest on a busy host is slower than the clock on the wall: what it takes time to be sure of gets more.
    for _ in range(12):
        got = {k: v[0] for k, v in roots(report("attach", g.target)).items()}
        if all(got.get(k) == v for k, v in want.items()):
            break
        time.sleep(3)
    g.stop()
    core = g.dump(f"{g.dir}/core-{s.name}")
    docs = {"attach": report("attach", g.target), "core": report("core", core)}
    for verb, doc in docs.items():
        tap.ok(doc["_status"] in (0, 3), f"{what}, {verb}: a report")
        tap.equal(validate(doc), [], f"{what}, {verb}: valid against the schema")
        judge(doc, want, f"{what}, {verb}")
        if s.says:
            summaries = [f["summary"] for f in doc["fdgdb"]["findings"] if f["id"] in s.roots]
            tap.ok(any(s.says in x for x in summaries), f"{what}, {verb}: says {s.says}", summaries)
    tap.equal(docs["attach"]["fdgdb"]["findings"], docs["core"]["fdgdb"]["findings"],
              f"{what}: attach and core say the same")
    text = fdgdb("core", "--fail-on", "warning", core)
    tap.equal(text.status, 10 if want else docs["core"]["_status"], f"{what}: --fail-on warning")
    head = text.out.split("\nsched_ext:")[0]
    tap.ok(all(i in head for i in want), f"{what}: the text says it on top", head)
    os.unlink(core)
    found = {i: v[0] for i, v in roots(docs["attach"]).items() if i not in kept}
    for i, (severity, confidence) in (found or {"": ("", "")}).items():
        table.append((s.name, s.what, g.release, i, severity, confidence))
    if s.keeps:
        kept.update(s.roots)


def boot(series, b):
    have = image.features(debian.kernel(series))
    with guest.Guest(series, vcpus=b.vcpus, memory=b.memory, append=b.append) as g:
        g.run(b.setup)
        kept = {}
        for s in b.scenarios:
            if s.needs and f"-D{s.needs}" not in have:
                tap.skip(f"{g.release}, {s.name}", f"this kernel's BTF lacks what it needs ({s.needs})")
                continue
            tap.guarded(f"{series}, {s.name}", one, g, s, kept)
            if s.end is None:
                break
            if not g.running():
                g.cont()
            g.run(s.end, timeout=120)


def write_table(path):
    lines = ["# What fdgdb says about hangs", "",
             "Made by `tests/guest/test_hangs.py --table`: each row was seen in a real guest, attached to and dumped.", "",
             "| Scenario | What is wrong | Kernel | Finding | Severity | Confidence |",
             "| --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {n} | {w} | {k} | {f'`{i}`' if i else 'none'} | {s} | {c} |" for n, w, k, i, s, c in table]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def main():
    guest.close_on_signals()
    words = [a for a in sys.argv[1:] if not a.startswith("-") and not a.endswith(".md")]
    only = [w for w in words if not re.fullmatch(r"[0-9.]+", w)]
    series_wanted = [w for w in words if w not in only]
    for series in series_wanted or pick(tap, "hangs on", ["6.18"], ["7.3"]):
        for b in catalogue.BOOTS:
            if (only and b.name not in only):
                continue
            if b.full_only and not full():
                tap.skip(f"hangs on {series}: {b.name}", "only with --full")
                continue
            tap.guarded(f"{series}, {b.name}", boot, series, b)
    if "--table" in sys.argv:
        write_table(sys.argv[sys.argv.index("--table") + 1])
    tap.done()


main()
