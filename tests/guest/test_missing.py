#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel that nobody has seen: members renamed in the BTF of a dump, one name at a time.

The rest of the report goes on, and what the kernel lacks is named in it.
"""

import glob
import mmap
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import EXIT_COMPLETE, EXIT_PARTIAL, fdgdb, report, validate  # noqa: E402
from tap import Tap, full  # noqa: E402

tap = Tap()
SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src")
# Of each part of the report some, and of maps those without which a number would be wrong.
NAMES = ["value_size", "key_size", "max_entries", "map_type", "n_buckets", "btf_value_type_id", "pptrs", "used_maps",
         "dsq_hash", "runnable_list", "runnable_at", "exit_info", "static_prio", "nvcsw", "sched_class", "comm",
         "text_data_ring", "gp_seq", "cpustat", "thread"]
# What older kernels have elsewhere or not at all: nobody may take its absence for a 0.
LATER = ["bypass_depth", "aborting", "watchdog_timeout", "bypass_dsq", "pcpu", "pnode", "level", "is_cid_type", "nr_immed",
         "first_task", "event_stats", "dsp_ctx", "ops_qseq", "kick_sync", "ops_state", "slice", "dsq_vtime", "holding_cpu",
         "ddsp_deferred_locals", "dsq", "sched", "scx_sched_pcpu", "reject_dsq", "exit_cpu"]
# What depends on them, beside maps and the state of the sections.
KEYS = ["rq_scx_states", "dsq_states", "scx_sched_state", "event_counter_timeline", "task_enrichments",
        "scx_walker_unavailable", "task_enrichments_unavailable"]


def sources():
    text = ""
    for path in sorted(glob.glob(f"{SRC}/*/*.c")):
        with open(path, encoding="utf-8") as f:
            text += f.read()
    return text


def asked():
    """All names of members that walkers ask for, whether they can do without or not."""
    members = re.findall(r'\bLAYOUT(?:_OPT)?\([^")]*"\w+",\s*"([^"]+)"', sources())
    return {re.sub(r"\[.*?\]", "", m.rsplit(".", 1)[-1]) for m in members}


def depending(doc):
    """What must be the same if nothing is said to be missing."""
    return [doc["maps"], [doc.get(k) for k in KEYS], doc["fdgdb"]["scx"], doc["fdgdb"].get("tasks")]


class NotOnlyTypes(Exception):
    """The name stands for something else as well."""


def sections(doc):
    return {s["name"]: (s["status"], s.get("detail", "")) for s in doc["fdgdb"]["sections"]}


def renamed(data, core, name):
    """The report on a dump in which no member has this name; and the dump is as before."""
    places, at = [], data.find(b"\0" + name.encode() + b"\0")
    while at >= 0:
        places.append(at + 1)
        at = data.find(b"\0" + name.encode() + b"\0", at + 1)
    for p in places:
        data[p:p + 1] = b"Z"
    try:
        return places, fdgdb("core", "-j", core)
    finally:
        for p in places:
            data[p:p + 1] = name[:1].encode()


def one(data, core, name, whole):
    places, r = renamed(data, core, name)
    if not places:
        return "it is nowhere in the dump"
    if r.status not in (EXIT_COMPLETE, EXIT_PARTIAL):
        # Some names are words that the kernel has elsewhere too.
        if r.err.startswith("fdgdb: no Linux kernel found") and len(places) > 2:
            raise NotOnlyTypes(f"{len(places)} places in the dump, and without them it is no kernel")
        return str(r)
    doc = r.json()
    if validate(doc):
        return validate(doc)
    if not any(re.search(rf"\b{name}\b", detail) for _, detail in sections(doc).values()):
        # No map or task in this dump needs it: then nothing may have changed either.
        if sections(doc) != sections(whole) or depending(doc) != depending(whole):
            return "something is missing and nobody says what"
    return None


def kernel(series, few):
    with guest.Guest(series, scenario="hung", vcpus=2, memory=384) as g, \
            tempfile.TemporaryDirectory(prefix="fdgdb-missing.") as tmp:
        what = g.release
        core = g.dump(f"{tmp}/core")
        os.chmod(core, 0o600)
        whole = report("core", core)
        tap.ok("types" not in sections(whole), f"{what}: a known kernel lacks nothing", sections(whole).get("types"))
        names = asked()
        tap.ok(len(names) > 200, f"{what}: {len(names)} names are asked for")
        text = sources()
        tap.equal([n for n in few if not re.search(rf'[".]{n}[".\[]', text)], [], f"{what}: these are among those")
        with open(core, "r+b") as f, mmap.mmap(f.fileno(), 0) as data:
            for name in sorted(names | set(few)) if full() else few:
                try:
                    problem = one(data, core, name, whole)
                except NotOnlyTypes as e:
                    tap.skip(f"{what}: without any {name}", e)
                    continue
                # A later kernel's, or an older one's.
                if problem == "it is nowhere in the dump" and name not in few:
                    continue
                tap.ok(not problem, f"{what}: without any {name}", problem)
            doc = report("core", core)
        tap.equal((sections(doc), depending(doc)), (sections(whole), depending(whole)), f"{what}: the dump is as before")
        if not full():
            tap.skip(f"{what}: the other {len(names - set(few))} names", "only with --full")


def main():
    guest.close_on_signals()
    for series, few in (("6.18", NAMES), ("7.3", LATER)):
        if not sys.argv[1:] or series in sys.argv[1:]:
            tap.guarded(series, kernel, series, few)
    tap.done()


main()
