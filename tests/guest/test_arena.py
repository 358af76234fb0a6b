#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Objects in arenas: what a scheduler's allocators gave out, as the scheduler itself printed it, in three copies of
one program at the same addresses."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
HAS_SCX = ("6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3")
# What each copy puts into its contexts; the others hold tasks that there are not (bpf/arena.bpf.c).
SALT, SUB_SALT = 0xBBBB, 0xDDDD
OTHERS = {0xCCCC: 5, 0xAAAA: 3}
NO_TASK = 900000
NR_ITEMS, NR_NODES, NODE_CTXS = 40, 15, (0, 1, 2, 4, 5)
LINE = re.compile(r"fdgdb ev=(\d+) (?:alloc idx=(\d+) genn=(\d+) pid=(\d+) weight=(\d+) salt=(\d+)|free idx=(\d+) salt=(\d+))$")


def plain(value):
    """A rendered value as Python has it; pointers are their numbers."""
    kind = value["kind"]
    if kind == "struct":
        return {m["name"]: plain(m["value"]) for m in value["members"]}
    if kind == "array":
        return [plain(e) for e in value["elements"]]
    return value.get("value")


def text(chars):
    return bytes(c & 0xFF for c in chars).split(b"\0")[0].decode("utf-8", "replace")


def printed(trace, salt, events):
    """What was live after so many events, by the scheduler's own lines: idx -> (genn, pid, weight, seq)."""
    live, seen = {}, 0
    for line in trace.splitlines():
        m = LINE.search(line)
        if not m:
            continue
        ev, idx, genn, pid, weight, alloc_salt, freed, free_salt = m.groups()
        if int(alloc_salt or free_salt) != salt or int(ev) > events:
            continue
        if freed is None:
            live.setdefault(int(ev), ("alloc", int(idx), int(genn), int(pid), int(weight)))
        else:
            live.setdefault(int(ev), ("free", int(freed)))
        seen += 1
    state = {}
    for ev in sorted(live):
        if live[ev][0] == "free":
            state.pop(live[ev][1], None)
        else:
            _, idx, genn, pid, weight = live[ev]
            state[idx] = (genn, pid, weight, ev)
    return state, seen


def variables(doc, map_id):
    return plain(next(m for m in doc["maps"] if m["id"] == map_id)["value"])


def by_salt(doc):
    """The copies' allocators: salt -> name -> row."""
    copies = {}
    for row in doc.get("sdt_allocations", []):
        copies.setdefault(variables(doc, row["map_id"])["salt"], {})[row["allocator_name"]] = row
    return copies


def contexts(doc, row, what):
    """idx -> context; each is checked byte by byte against its number."""
    found, wrong = {}, []
    for e in row["entries"]:
        ctx = plain(e["payload"])
        if e["payload"].get("type_name") != "task_ctx" or ctx["fill"] != [ctx["seq"] * 31 + i for i in range(17)]:
            wrong.append(e)
        if e["addr"] & 0xFFFFFFFF != e["user_addr"] or "position" in e:
            wrong.append(e)
        found[e["idx"]] = (e["genn"], ctx)
    tap.equal(len(found), len(row["entries"]), f"{what}: no context twice")
    tap.equal(wrong, [], f"{what}: {len(found)} contexts typed and whole")
    # From a page's start on in each leaf: of 112 bytes, the 37th is the first that lies on two pages.
    size = row["elem_size"]
    start = {i: ((i >> 9 > 0) * 256 + (i & 511)) * size % 4096 for i in found}
    tap.equal([e["idx"] for e in row["entries"] if e["user_addr"] % 4096 > 4096 - size],
              [i for i in found if start[i] > 4096 - size], f"{what}: which of them lie on two pages")
    return found


def scheduler(doc, trace, what, name="arena", salt=SALT, first=0):
    """A running copy against what it printed, and against its task storage."""
    rows = [r for r in doc["sdt_allocations"] if r["active"] and r["scheduler"] == name]
    tap.equal(sorted(r["allocator_name"] for r in rows), ["hidden_allocator", "node_allocator", "scx_task_allocator"],
              f"{what}: the active copy's allocators")
    tap.equal(doc["sdt_allocations"][first:first + 3], rows, f"{what}: their place")
    row = next(r for r in rows if r["allocator_name"] == "scx_task_allocator")
    bss = variables(doc, row["map_id"])
    tap.equal(bss["salt"], salt, f"{what}: it is the running one")
    found = contexts(doc, row, what)
    want, seen = printed(trace, salt, bss["events"])
    tap.equal(seen, bss["events"], f"{what}: every line that it had printed by then is in the trace")
    got = {idx: (genn, c["pid"], c["weight"], c["seq"]) for idx, (genn, c) in found.items()}
    tap.equal(got, want, f"{what}: {len(got)} live contexts as printed, none that were freed")
    tap.equal(len(got), bss["live"], f"{what}: as many as it counts")
    if salt == SALT:
        tap.ok(any(genn for genn, _ in found.values()), f"{what}: some were given out before")

    of = next(a for a in doc["fdgdb"]["active"] if a["scheduler"] == name)
    storage = next(m for m in doc["maps"] if m["name"] == "scx_task_map" and m["map_kva"] in of["map_kvas"])
    tap.equal((storage["scheduler"], storage["sched_kva"]), (name, of["sched_kva"]), f"{what}: whose maps they are")
    owners = {e["owner"]["pid"]: e for e in storage["entries"]}
    tasks = {e["task"]["pid"]: plain(e["payload"]) for e in row["entries"] if "task" in e}
    tap.equal(sorted(tasks), sorted(owners), f"{what}: each task of the map has its context")
    tap.equal([(p, c) for p, c in tasks.items() if c["pid"] != p], [], f"{what}: and it is its own")
    wrong = [p for p, e in owners.items() if plain(e.get("payload", {"kind": ""})) != tasks[p]]
    tap.equal(wrong, [], f"{what}: payload of the map's entries")
    objects = {o["task"]["pid"]: o for o in doc["fdgdb"]["task_objects"] if o["map_id"] == storage["id"]}
    tap.equal({p: o["idx"] for p, o in objects.items()},
              {e["task"]["pid"]: e["idx"] for e in row["entries"] if "task" in e}, f"{what}: task_objects")
    kvas = {t["task_kva"]: t["pid"] for t in doc["task_enrichments"]}
    tap.equal([p for p, o in objects.items() if kvas.get(o["task"]["task_kva"]) != p], [],
              f"{what}: they join the tasks")


def dangling(doc, row, what):
    """Pointers to contexts say whether those have been taken back."""
    value = next(m for m in doc["maps"] if m["id"] == row["map_id"])["value"]
    pointers = {m["name"]: m["value"] for m in value["members"]
                if m["name"] in ("last_ctx", "stale_ctx") and m["value"]["value"]}
    live = {e["addr"] + row["header_size"] for e in row["entries"]}
    for name, ptr in pointers.items():
        if ptr["value"] in live:
            tap.equal((ptr.get("freed_element_of"), ptr.get("deref_skipped_reason")),
                      (None, "already rendered in sdt_allocations"), f"{what}: {name} leads to a live one")
        else:
            tap.equal((ptr.get("freed_element_of"), ptr.get("deref", {}).get("type_name")),
                      ("scx_task_allocator", "task_ctx"), f"{what}: {name} dangles")
    return sum(p["value"] not in live for p in pointers.values())


def copies(doc, what, salts):
    found = by_salt(doc)
    for salt, rows in found.items():
        sizes = {(r["elem_size"], r["header_size"], r.get("trailer_size")) for r in rows.values()}
        tap.equal(sizes, {(120, 0, 16)} if salt == SUB_SALT else {(112, 8, None)},
                  f"{what}: copy {salt:#x}: elements of its library")
    tap.equal(set(found), salts, f"{what}: every copy has its own allocators")
    for salt, rows in found.items():
        ctxs = rows["scx_task_allocator"]
        tap.equal(ctxs["active"], salt in (SALT, SUB_SALT), f"{what}: copy {salt:#x}: active or not")
        if salt in OTHERS:
            got = contexts(doc, ctxs, f"{what}, copy {salt:#x}")
            tap.equal(sorted(c["pid"] for _, c in got.values()), [NO_TASK + i for i in range(OTHERS[salt])],
                      f"{what}: copy {salt:#x}: its contexts")
        tap.equal({plain(e["payload"])["salt"] for e in ctxs["entries"]}, {salt},
                  f"{what}: copy {salt:#x}: of its own arena")
        stale = dangling(doc, ctxs, f"{what}, copy {salt:#x}")
        if salt in OTHERS:
            tap.equal(stale, 2, f"{what}: copy {salt:#x}: the last context was taken back at once")
        tap.equal(ctxs["payload_type_by"], "pointers to it lead to the elements", f"{what}: by a pointer")
        nodes = rows["node_allocator"]
        tap.equal([(n["node"], n["magic"]) for n in (plain(e["payload"]) for e in nodes["entries"])],
                  [(i, salt + i) for i in NODE_CTXS], f"{what}: copy {salt:#x}: node_ctx, without the freed one")
        tap.equal(nodes["payload_type_by"], "named like the allocator", f"{what}: by its name")
        hidden = rows["hidden_allocator"]
        tap.equal((hidden["target_type_id"], hidden["payload_type_reason"]), (0, "no candidate of size 104"),
                  f"{what}: copy {salt:#x}: a type that the program does not tell is not made up")
        tap.equal([e["payload"]["hex"][:11] for e in hidden["entries"]], ["44 33 22 11"], f"{what}: its bytes")
    regions = doc["scx_static_ranges"]
    tap.equal((regions["skipped"], [(r["instance_name"], r["size"], r["capacity"]) for r in regions["ranges"]]),
              (0, [("scx_static", 1000, 8192)] * len(salts)), f"{what}: scx_static")


def objects(doc, what, salts):
    arenas = {r["arena_id"]: variables(doc, r["map_id"])["salt"] for r in doc["sdt_allocations"]}
    got = {}
    for o in doc["fdgdb"]["arena_objects"]:
        got.setdefault((arenas[o["arena_id"]], o["type_name"]), []).append((o["addr"], plain(o["value"])))
    for salt in salts:
        items = got.get((salt, "work_item"), [])
        tap.equal([(v["nr"], v["salt"]) for _, v in items], [(i, salt) for i in range(NR_ITEMS)],
                  f"{what}: copy {salt:#x}: the list, each item once")
        tap.equal([v["next"] for _, v in items], [a for a, _ in items[1:]] + [items[0][0]],
                  f"{what}: copy {salt:#x}: a ring")
        tap.equal(sorted(v["key"] for _, v in got.get((salt, "tree_node"), [])), [i - 7 for i in range(NR_NODES)],
                  f"{what}: copy {salt:#x}: the tree")


def view_base(verb, target):
    """What is read to find the kernel at all."""
    return report(verb, target, "--section", "vcpus")["fdgdb"]["capture"]["bytes"]


def views(core, doc, what):
    """--var, --key, --map and --task lead where the report does, each copy into its own arena, and read less."""
    base = view_base("core", core)
    whole = doc["fdgdb"]["capture"]["bytes"] - base
    costs = []

    def ask(*args):
        got = report("core", core, *args)
        tap.equal((got["_status"], validate({k: v for k, v in got.items() if not k.startswith("_")})), (0, []),
                  f"{what}: {' '.join(args)}: complete and valid")
        costs.append((got["fdgdb"]["capture"]["bytes"] - base, args))
        return got

    for salt, rows in by_salt(doc).items():
        ctxs = rows["scx_task_allocator"]
        at = {e["addr"] + ctxs["header_size"]: e for e in ctxs["entries"]}
        bss = variables(doc, ctxs["map_id"])
        head = ask("--map", str(ctxs["map_id"]), "--var", "work_head->next")["value"]
        tap.equal([plain(head["deref"])[k] for k in ("nr", "salt")], [1, salt], f"{what}: copy {salt:#x}: --var ->")
        last = ask("--map", str(ctxs["map_id"]), "--var", "last_ctx")["value"]
        if bss["last_ctx"] in at:
            tap.equal((last["deref"], last.get("freed_element_of")), (at[bss["last_ctx"]]["payload"], None),
                      f"{what}: copy {salt:#x}: --var of an element")
        else:
            tap.equal(last.get("freed_element_of"), "scx_task_allocator", f"{what}: copy {salt:#x}: and of a freed one")
    for m in doc["maps"]:
        if m["name"] != "scx_task_map" or not m.get("entries"):
            continue
        some = m["entries"][::max(1, len(m["entries"]) // 4)]
        tap.equal([ask("--map", str(m["id"]), "--key", str(e["owner"]["pid"]))["entry"]["payload"] for e in some],
                  [e["payload"] for e in some], f"{what}: --key: payloads")
        alone = ask("--map", str(m["id"]))
        tap.equal([e["payload"] for e in alone["maps"][0]["entries"]], [e["payload"] for e in m["entries"]],
                  f"{what}: --map: payloads")
        tap.equal(([m["id"]], "only some maps were asked for", False),
                  ([r["id"] for r in alone["maps"]], alone["sdt_alloc_unavailable"], "sdt_allocations" in alone),
                  f"{what}: --map: that map alone")
        pid = some[-1]["owner"]["pid"]
        one_task = ask("--task", str(pid))
        task = next(t for t in one_task["fdgdb"]["tasks"] if t["pid"] == pid)
        stored = [s for s in task["storage"] if s["map_id"] == m["id"]]
        tap.equal([s.get("payload") for s in stored], [some[-1]["payload"]], f"{what}: --task: its context")
        row = next(t for t in doc["fdgdb"]["tasks"] if t["pid"] == pid)
        tap.equal([s.get("payload") for s in row["storage"] if s["map_id"] == m["id"]], [some[-1]["payload"]],
                  f"{what}: also in the task's row of a report")
        tap.equal([o["task"]["pid"] for o in one_task["fdgdb"]["task_objects"]], [pid], f"{what}: --task: its object alone")
        shown = fdgdb("core", "--task", str(pid), core)
        context = plain(some[-1]["payload"])
        tap.ok(".data task_ctx" in shown.out and f"seq={context['seq']} " in shown.out, f"{what}: --task: text", shown)
    dear = [c for c in costs if c[0] * 2 > whole and c[1][0] != "--task"]
    tap.ok(not dear, f"{what}: {len(costs)} views, each reads less than half of what a report does ({whole >> 10} KiB)",
           dear)


def one(series):
    with guest.Guest(series, scenario="arena", vcpus=2) as g:
        what = g.release
        salts = set(OTHERS) | ({SALT} if series in HAS_SCX else set())
        g.stop()
        core = g.dump(f"{g.dir}/core")
        docs = {"attach": report("attach", g.target), "core": report("core", core)}
        bare = report("core", core, "--no-arena-bytes")
        maps = report("core", core, "--section", "maps")
        shown = fdgdb("core", core).out
        trace = g.run("cat /sys/kernel/tracing/trace").text
        views(core, docs["core"], what)
        for verb, doc in docs.items():
            where = f"{what}, {verb}"
            tap.equal(doc["_status"], 0, f"{where}: complete ({doc['_stderr'].strip()})")
            tap.equal(validate(doc), [], f"{where}: valid against the schema")
            if SALT in salts:
                scheduler(doc, trace, where)
            copies(doc, where, salts)
            objects(doc, where, salts)
        tap.ok("sdt_alloc scx_task_allocator (" in shown and "struct task_ctx" in shown, f"{what}: text", shown[-2000:])
        tap.equal(sum(len(p["bytes"]) for m in bare["maps"] for p in m.get("arena", {}).get("pages", [])), 0,
                  f"{what}: no bytes of pages with --no-arena-bytes")
        tap.equal(bare["sdt_allocations"], docs["core"]["sdt_allocations"], f"{what}: but all objects")
        tap.equal((maps["_status"], maps["sdt_allocations"]), (0, docs["core"]["sdt_allocations"]),
                  f"{what}: each from its own arena, too, where programs were not asked for")
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def cids(series):
    """Schedulers of the cid form, one below the other."""
    with guest.Guest(series, scenario="cids", vcpus=2) as g:
        what, pid = g.release, int(g.run("cat /run/below.pid").text)
        doc = report("attach", g.target)
        shown = fdgdb("attach", g.target).out
        # The trace goes on, but what stands in the report was printed before.
        trace = g.run("cat /sys/kernel/tracing/trace").text
        tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
        tap.equal(validate(doc), [], f"{what}: valid against the schema")
        rows = [(a["scheduler"], a["role"], a["object_name"]) for a in doc["fdgdb"]["active"]]
        tap.equal(rows, [("arena_cid", "root", "cid"), ("arena_sub", "sub", "cid_sub")], f"{what}: the schedulers")
        tap.equal([a["sched_kva"] for a in doc["fdgdb"]["active"]],
                  [s["sched_kva"] for s in doc["fdgdb"]["scx"]["schedulers"]], f"{what}: as the kernel lists them")
        tap.equal((doc["active_obj_name"], doc["active_map_kvas"]), ("cid", doc["fdgdb"]["active"][0]["map_kvas"]),
                  f"{what}: the format's keys are the root's")
        scheduler(doc, trace, f"{what}, root", "arena_cid")
        scheduler(doc, trace, f"{what}, below", "arena_sub", SUB_SALT, 3)
        below = next(r for r in doc["sdt_allocations"] if r.get("scheduler") == "arena_sub" and
                     r["allocator_name"] == "scx_task_allocator")
        tap.equal([plain(e["payload"])["pid"] for e in below["entries"]], [pid], f"{what}: below: the cgroup's task alone")
        copies(doc, what, {0xCCCC, SALT, SUB_SALT})
        objects(doc, what, {0xCCCC, SALT, SUB_SALT})
        tap.equal({o.get("scheduler") for o in doc["fdgdb"]["arena_objects"]}, {None, "arena_cid", "arena_sub"},
                  f"{what}: objects say whose they are")
        tap.ok("sdt_alloc scx_task_allocator (" in shown and "live (of sub-scheduler arena_sub)" in shown,
               f"{what}: text", shown[-2000:])
        tap.ok("not of the active scheduler" in shown, f"{what}: text of those that are nobody's")
        tap.ok(g.ticks(), f"{what}: the guest runs on")


def without(series):
    """Arenas without allocators, and none at all: the reasons are the format's."""
    with guest.Guest(series, scenario="rich" if series != "6.1" else "idle", vcpus=1) as g:
        doc = report("attach", g.target)
        want = "no scheduler .bss map (or .bss has no program BTF)" if series == "6.1" else \
            "scheduler BTF does not declare struct scx_allocator"
        tap.equal(doc.get("sdt_alloc_unavailable"), want, f"{g.release}: why there are none")
        if series != "6.1":
            ring = [o for o in doc["fdgdb"]["arena_objects"] if o["type_name"] == "ring_node"]
            tap.equal(sorted(plain(o["value"])["id"] for o in ring), list(range(1, 13)),
                      f"{g.release}: the ring of the test object")
        doc = report("attach", g.target, "--section", "vcpus")
        tap.equal(doc.get("sdt_alloc_unavailable"), "maps were not asked for", f"{g.release}: nor asked for")


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "allocators on", ["6.18", "7.3"], ["6.12", "6.16", "7.0", "7.2"]):
        tap.guarded(series, one, series)
    for series in [s for s in sys.argv[1:] if s == "7.3"] or pick(tap, "the cid form on", ["7.3"], []):
        tap.guarded(series, cids, series)
    for series in [] if sys.argv[1:] else pick(tap, "no allocators on", [], ["6.1", "6.18"]):
        tap.guarded(series, without, series)
    tap.done()


main()
