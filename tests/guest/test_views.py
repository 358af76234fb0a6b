#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""--map, --var and --key give what stands in the whole report, read less, and say what is not there."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import EXIT_FAILED, EXIT_USAGE, fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
# At least so many entries and variables are compared, or the test has lost its objects.
MIN_ENTRIES, MIN_TYPES, MIN_VARS = 60, 20, 12


def ends(rows):
    """The first, one in the middle and the last."""
    return [rows[i] for i in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []


def keys_of(m):
    """(KEY as a user would write it, the row it stands for) of some entries of a map."""
    for e in ends(m.get("entries", [])) + ends(m.get("percpu_hash_entries", [])):
        yield str(e["key"]["value"]) if "owner" in e else "hex:" + e["key_hex"], e
    for e in ends(m.get("array_entries", [])) + ends(m.get("percpu_entries", [])):
        yield str(e["key"]), e
    for s in ends(m.get("slots", [])):
        yield ("hex:" + s["key_hex"] if "key_hex" in s else str(s["index"])), s
    for s in ends(m.get("stack_trace", {}).get("entries", [])):
        yield str(s["bucket_id"]), s


def plain(v):
    """A rendered key as a user would write it in JSON."""
    if v["kind"] == "struct":
        return {m["name"]: plain(m["value"]) for m in v["members"]}
    if v["kind"] == "array":
        return [plain(e) for e in v["elements"]]
    return v["variant"] or v["value"] if v["kind"] == "enum" else v["value"]


def check_entries(verb, target, doc):
    import json

    n, types, bad = 0, set(), []
    for m in doc["maps"]:
        for key, row in keys_of(m):
            got = report(verb, target, "--map", str(m["id"]), "--key", key)
            entry = got["entry"]
            if "stack_trace" in entry:
                entry = entry["stack_trace"]["entries"][0]
            if entry != row or got["map"]["id"] != m["id"] or got["schema"] != "view":
                bad.append(f"{m['name']} {key}: {entry!r:.300}, not {row!r:.300}")
            n += 1
            types.add(m["map_type"])
            if n % 20 == 1:
                bad += validate({k: v for k, v in got.items() if not k.startswith("_")})
        for e in m.get("entries", [])[:1]:
            if e.get("key", {}).get("kind") == "struct":
                got = report(verb, target, "--map", m["name"], "--key", json.dumps(plain(e["key"])))
                if got["entry"] != e:
                    bad.append(f"{m['name']} by JSON: {got['entry']!r:.300}")
    tap.ok(not bad, f"{n} entries of {len(types)} types of maps are those of the report", "\n".join(bad))
    tap.ok(n >= MIN_ENTRIES and len(types) >= MIN_TYPES, "enough entries were compared", f"{n}, {types}")


def check_vars(verb, target, doc):
    n, bad = 0, []
    for m in doc["maps"]:
        if "." not in m["name"] or m.get("value", {}).get("kind") != "struct":
            continue
        for member in m["value"]["members"]:
            got = report(verb, target, "--map", str(m["id"]), "--var", member["name"])
            if got["value"] != member["value"] or got["map"]["id"] != m["id"]:
                bad.append(f"{member['name']}: {got['value']!r:.300}, not {member['value']!r:.300}")
            n += 1
            if member["value"]["kind"] == "struct":
                for sub in ends(member["value"]["members"]):
                    if not sub["name"]:
                        continue
                    got = report(verb, target, "--map", str(m["id"]), "--var", f"{member['name']}.{sub['name']}")
                    if got["value"] != sub["value"]:
                        bad.append(f"{member['name']}.{sub['name']}: {got['value']!r:.300}")
                    n += 1
    bad += validate({k: v for k, v in got.items() if not k.startswith("_")})
    tap.ok(not bad, f"{n} variables and members are those of the report", "\n".join(bad))
    tap.ok(n >= MIN_VARS, "enough variables were compared", n)


def refused(what, status, words, *args):
    r = fdgdb(*args)
    tap.ok(r.status == status and not r.out and all(w in r.err for w in words), what, r)


def base_bytes(verb, target):
    """What is read to find the kernel at all."""
    return report(verb, target, "--section", "vcpus")["fdgdb"]["capture"]["bytes"]


def saved(what, whole, part, base):
    a, b = whole["fdgdb"]["capture"]["bytes"] - base, part["fdgdb"]["capture"]["bytes"] - base
    tap.ok(b * 2 < a, f"{what} reads less than half: {b >> 10} KiB, not {a >> 10}, beside {base >> 10} for the kernel")


def rich(series):
    try:
        debian.kernel(series)
    except debian.Gone as e:
        tap.skip(f"views of {series}", str(e))
        return
    with guest.Guest(series, scenario="rich", vcpus=2) as g:
        g.stop()
        core = g.dump(f"{g.dir}/core")
        live = report("attach", g.target, "--map", "hash", "--map", "ints")
        whole = report("core", core, "--section", "maps")
        tap.ok(g.ticks(1), f"{g.release}: the guest runs on")

        rows = {m["name"]: m for m in whole["maps"]}
        tap.ok(live["maps"] == [m for m in whole["maps"] if m["name"] in ("hash", "ints")],
               f"{g.release}: --map gives the rows of the report")
        tap.equal(validate({k: v for k, v in live.items() if not k.startswith("_")}), [], "valid against the schema")
        status = {s["name"]: s["status"] for s in live["fdgdb"]["sections"]}
        tap.ok(status["maps"] == "complete" and status["progs"] == status["tasks"] == "not asked for",
               "what was not asked for is said", status)
        by_addr = report("core", core, "--map", hex(rows["ints"]["map_kva"]), "--map", str(rows["one"]["id"]))
        tap.equal([m["name"] for m in by_addr["maps"]],
                  [m["name"] for m in whole["maps"] if m["name"] in ("ints", "one")], "by address and by id")
        refs = report("core", core, "--map", "array_maps")["maps"][0]["slots"]
        tap.equal([s["map_name"] for s in refs], ["inner"], "references to maps left out have names")
        base = base_bytes("core", core)
        # All maps' headers are read to find one: of what maps alone read that is much in a guest of many small ones.
        everything = report("core", core)
        saved("--map", everything, by_addr, base)
        saved("--key", everything, report("core", core, "--map", "hash_nopre", "--key",
                                     "hex:" + rows["hash_nopre"]["entries"][0]["key_hex"]), base)
        saved("--var", whole, report("core", core, "--var", "filled"), base)
        check_entries("core", core, whole)
        check_vars("core", core, whole)
        errors(g, core)


def errors(g, core):
    refused("no such map", EXIT_FAILED, ["--map hassh:", "near: hash"], "core", "--map", "hassh", core)
    refused("no such entry", EXIT_FAILED, ["no entry with key 123456"], "core", "--map", "hash", "--key", "123456", core)
    refused("a key that is none", EXIT_USAGE, ["no number"], "core", "--map", "hash", "--key", "abc", core)
    refused("a key of a ring buffer", EXIT_USAGE, ["no keys"], "core", "--map", "ring", "--key", "1", core)
    refused("no such variable", EXIT_FAILED, ["near: filled"], "core", "--var", "fileld", core)
    refused("no such member", EXIT_FAILED, ["no member minuss", "near: minus"], "core", "--var", "tuned.minuss", core)
    refused("--key without --map", EXIT_USAGE, ["--map"], "core", "--key", "1", core)
    # A second load of the object: now every name stands for two.
    g.run("mkdir /sys/fs/bpf/rich2 && bpftool prog loadall /bpf/rich.bpf.o /sys/fs/bpf/rich2")
    ids = sorted(m["id"] for m in g.json("bpftool -j map show") if m["name"] == "rich.bss")
    tap.equal(len(ids), 2, "two maps of one name")
    r = fdgdb("attach", "--map", "rich.bss", "--key", "0", g.target)
    tap.ok(r.status == EXIT_FAILED and f"ids {ids[0]} and {ids[1]}" in r.err, "--key: the maps of a name are listed", r)
    r = fdgdb("attach", "--var", "filled", g.target)
    tap.ok(r.status == EXIT_FAILED and all(f"map id {i}" in r.err for i in ids), "--var: so are variables", r)
    doc = report("attach", g.target, "--map", "rich.bss")
    cut = next(s["cut"] for s in doc["fdgdb"]["sections"] if s["name"] == "maps")
    tap.ok([m["id"] for m in doc["maps"]] == ids and f"ids {ids[0]} and {ids[1]}" in cut, "--map: both, and it says so", cut)
    filled = report("attach", g.target, "--map", str(ids[0]), "--var", "filled")["value"]["value"]
    again = report("attach", g.target, "--map", str(ids[1]), "--var", "filled")["value"]["value"]
    tap.ok(filled and not again, "--map tells them apart", (filled, again))


def scheduler(series):
    try:
        debian.kernel(series)
    except debian.Gone as e:
        tap.skip(f"variables of a scheduler on {series}", str(e))
        return
    with guest.Guest(series, scenario="hung-keep", vcpus=2) as g:
        # The same object once more, not running: the names are in it too.
        g.run("mkdir /sys/fs/bpf/twin; bpftool prog loadall /bpf/stall-keep.bpf.o /sys/fs/bpf/twin")
        time.sleep(2)
        first = report("attach", g.target, "--var", "totals.enqueued")
        g.stop()
        core = g.dump(f"{g.dir}/core")
        g.cont()
        whole = report("core", core)
        last = report("attach", g.target, "--var", "totals.enqueued")
        tap.ok(g.ticks(1), f"{g.release}: the guest runs on")
        active = [m for m in whole["maps"] if m["map_kva"] in whole["active_map_kvas"]]
        bss = next(m for m in active if m["name"].endswith(".bss"))
        totals = next(m["value"] for m in bss["value"]["members"] if m["name"] == "totals")
        here = report("core", core, "--var", "totals")
        tap.equal(here["value"], totals, f"{g.release}: the running scheduler's variable")
        tap.ok(here["active"] and here["map"]["id"] == bss["id"], "and no twin's", here["map"])
        now = next(m["value"]["value"] for m in totals["members"] if m["name"] == "enqueued")
        tap.ok(0 < first["value"]["value"] <= now <= last["value"]["value"], "it counts",
               (first["value"], now, last["value"]))
        tap.equal(fdgdb("core", "--var", "starve_name", core).out, 'starve_name = "starved"\n', "as text")
        base = base_bytes("core", core)
        saved("--var", whole, here, base)
        a, b = report("attach", g.target)["fdgdb"]["capture"], last["fdgdb"]["capture"]
        tap.note(f"the guest stood still for {b['pause_us'] / 1000:.0f} ms, not {a['pause_us'] / 1000:.0f}")


def main():
    guest.close_on_signals()
    for series in pick(tap, "views of", ["6.18"], ["6.12", "7.3"]):
        tap.guarded(series, rich, series)
    for series in pick(tap, "variables of a scheduler on", ["7.3"], ["6.16", "6.18"]):
        tap.guarded(series, scheduler, series)
    tap.done()


main()
