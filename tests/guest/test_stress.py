#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Maps that are empty, large, many, or being updated at the stop; locks that are held at the stop."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402
import compare_traces  # noqa: E402
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, full, pick  # noqa: E402

tap = Tap()
NR_LARGE, NR_BUSY, WORDS, MIB_WORDS = 100000, 48, 8, (1 << 20) // 8  # as in bpf/stress.bpf.c
TAGS = {"busy_hash": 1, "busy_nopre": 2, "busy_lru": 3, "busy_array": 4, "busy_percpu": 8, "busy_lpm": 9, "busy_task": 10,
        "busy_rhash": 11}
# Written in place, word by word; values of the others are whole before they are linked.
IN_PLACE = {"busy_array", "busy_percpu", "busy_task", "busy_rhash"}
# Who has just ended may not yet have been freed.
MOST = {"busy_rhash": 4 * NR_BUSY, "busy_task": 4}
TAG_RING = 12
STOPS = 50 if full() else 10
HELD_KEY, HELD_BUCKETS = 1, 2  # of mib_hash, which is churned


def version(series):
    return tuple(map(int, series.split("-")[0].split(".")))


def word_of(gen, tag, key, place):
    return gen << 32 | tag << 24 | key << 8 | place


def by_name(doc):
    return {m["name"]: m for m in doc["maps"]}


def members(value):
    return {m["name"]: m["value"].get("value") for m in value["members"]}


def words_of(value):
    return [e["value"] for e in value["members"][0]["value"]["elements"]]


# ---- sizes

def pair(i, tag):
    return {"a": word_of(i, tag, 7, 0), "b": (~i & (1 << 64) - 1) * 3 % (1 << 64)}


def large(maps):
    wrong = []
    want = {i * 2654435761 % (1 << 32): i for i in range(NR_LARGE)}
    entries = maps["large"]["entries"]
    for e in entries:
        i, v = want.pop(e["key"]["value"], None), members(e["value"])
        if i is None or v != pair(i, 5):
            wrong.append(f"key {e['key']['value']}: {v}")
    tap.ok(len(entries) == NR_LARGE and not want and not wrong, f"a hash of {NR_LARGE} entries: all, once, and right",
           f"{len(entries)} entries, {len(want)} missing\n" + "\n".join(wrong[:5]))
    rows = maps["large_array"]["array_entries"]
    wrong = [r["key"] for i, r in enumerate(rows) if r["key"] != i or
             members(r["value"]) != pair(i, 6)]
    tap.ok(len(rows) == NR_LARGE and not wrong, f"an array of {NR_LARGE}: all of them right", wrong[:5])
    tap.ok("entries" not in maps["no_entries"] and "error" not in maps["no_entries"], "a hash of none is empty")
    tap.equal([(e["key"]["value"], members(e["value"])) for e in maps["single"]["entries"]],
              [(0x5151, {"a": 51, "b": 15})], "a hash of one")


def mib(maps, whole):
    got = {e["key"]["value"]: bytes.fromhex(e["value_hex"]) for e in maps["mib_hash"]["entries"]}
    want = {k: struct.pack(f"<{MIB_WORDS}Q", *(word_of(i, 7, k, 0) for i in range(MIB_WORDS))) for k in (0, 1)}
    tap.ok(got == want, "values of 1 MiB in a hash, every byte", {k: len(v) for k, v in got.items()})
    for row in maps["mib_array"]["array_entries"]:
        arr = row["value"]["members"][0]["value"]
        n = len(arr["elements"])
        tap.ok(arr["len"] == MIB_WORDS and n == (MIB_WORDS if whole else 4096) and
               [e["value"] for e in arr["elements"]] == [word_of(i, 7, row["key"], 0) for i in range(n)],
               f"a value of 1 MiB in an array: {n} elements shown of {arr['len']}")


def many(maps):
    wrong = [i for i in range(64) if f"many{i}" not in maps or
             [(e["key_hex"], e["value_hex"]) for e in maps[f"many{i}"].get("entries", [])] !=
             [(struct.pack("<I", i).hex(" "), struct.pack("<Q", i * 1000003).hex(" "))]]
    tap.ok(not wrong, "64 maps, each with its entry", wrong)


def sizes(g):
    g.run("head -c 64 /dev/zero >/run/frame; mkdir -p /sys/fs/bpf/stress /sys/fs/bpf/large; "
          "bpftool prog loadall /bpf/stress.bpf.o /sys/fs/bpf/stress pinmaps /sys/fs/bpf/large && bpfrun /sys/fs/bpf/stress/fill && many 64", timeout=180)
    t = time.monotonic()
    doc = report("attach", g.target, "--section", "maps", "--max-entries", "all", timeout=300)
    c = doc["fdgdb"]["capture"]
    tap.note(f"{c['bytes'] >> 20} MiB in {c['pause_us'] / 1e6:.1f} s, {time.monotonic() - t:.1f} s with the report")
    tap.equal(doc["_status"], 0, "complete")
    maps = by_name(doc)
    large(maps)
    mib(maps, True)
    many(maps)
    # Where nothing moves, no lock is held.
    wrong = {n: (m["elem_count"], len(m.get("entries", []))) for n, m in maps.items()
             if "elem_count" in m and m["elem_count"] != len(m.get("entries", []))}
    counted = [n for n in ("large", "single", "mib_hash", "no_entries", "many7") if "elem_count" in maps[n]]
    tap.ok(not wrong and len(counted) == (5 if version(g.series) >= (6, 6) else 1),
           f"the kernel counts as many entries ({len(counted)} maps)", wrong or counted)
    tap.ok(not any("locks" in m for n, m in maps.items() if n in ("large", "single", "mib_hash") or n.startswith("many")),
           "no lock where nobody is")
    short = by_name(report("attach", g.target, "--map", "large", "--map", "large_array"))
    tap.ok(len(short["large"]["entries"]) == len(short["large_array"]["array_entries"]) == 4096 and
           all("100000" in m["error"] for m in short.values()), "without --max-entries: cut, and said so",
           [m.get("error") for m in short.values()])


# ---- on the move

def lpm_key(key):
    """The bytes of busy_lpm's key for a number."""
    n = 1 + key % 32
    return struct.pack("<I", n) + struct.pack(">I", key * 2654435761 % (1 << 32) & (0xffffffff << 32 - n))


def keyed(m):
    """(key, number in its words, [lists of words]) of each entry of a map."""
    prefixes = {lpm_key(k): k for k in range(NR_BUSY)}
    for e in m.get("entries", []) + m.get("array_entries", []) + m.get("percpu_hash_entries", []):
        if "owner" in e:
            key, number = e["owner"]["pid"], 0 if e["owner"]["comm"] == "bpfrun" else e["owner"]["comm"]
        elif m["name"] == "busy_lpm":
            key, number = e["key_hex"], prefixes.get(bytes.fromhex(e["key_hex"]))
        else:
            key = number = e["key"] if "array_entries" in m else e["key"]["value"]
        yield key, number, [words_of(v) for v in e.get("per_cpu", [e.get("value")]) if v]


def check_busy(maps):
    """What is wrong with the maps, and how many values were caught in the middle of a write."""
    bad, torn = [], 0
    for name in TAGS.keys() & maps.keys():
        m, tag = maps[name], TAGS[name]
        rows = list(keyed(m))
        keys = [k for k, _, _ in rows]
        if len(keys) != len(set(keys)):
            bad.append(f"{name}: a key twice: {keys}")
        if len(keys) > MOST.get(name, NR_BUSY):
            bad.append(f"{name}: {len(keys)} entries")
        for key, number, values in rows:
            for words in values:
                if name in IN_PLACE and not any(words):
                    continue  # not yet written
                for place, w in enumerate(words):
                    gen = (w if name in IN_PLACE else words[0]) >> 32
                    if not isinstance(number, int) or w != word_of(gen, tag, number, place) and (w or name not in IN_PLACE):
                        bad.append(f"{name} key {key}: word {place} is {w:#x} of {[hex(x) for x in words]}")
                torn += len({w >> 32 for w in words}) > 1
        # Nothing that the kernel lets its own readers see strays, whenever it is stopped.
        if m.get("error") and "being freed" not in m["error"]:
            bad.append(f"{name}: {m['error']}")
        if "elem_count" in m and abs(m["elem_count"] - len(rows)) > 2:
            bad.append(f"{name}: {len(rows)} entries, the kernel counts {m['elem_count']}")
    return bad, torn


def check_prefixes(m):
    bits = ["".join(f"{b:08b}" for b in k[4:])[:k[0]] for k in (bytes.fromhex(e["key_hex"]) for e in m.get("entries", []))]
    return [] if bits == sorted(bits) else [f"busy_lpm: not in order: {bits}"]


def stopped(g, names, stops):
    """So many reports of these maps, with the sections' status checked."""
    args = [a for name in names for a in ("--map", name)]
    for _ in range(stops):
        doc = report("attach", g.target, "--max-entries", "all", *args)
        status = next(s["status"] for s in doc["fdgdb"]["sections"] if s["name"] == "maps")
        yield doc, by_name(doc), "" if (doc["_status"], status) == (0, "complete") else f"{status}: {doc['_stderr']}"
        time.sleep(0.05)


def enough(g):
    """Ends the loop that runs programs, and waits for the one that runs."""
    g.run("touch /run/enough; while killall -0 bpfrun 2>/dev/null; do sleep 0.1; done", timeout=120)


def moving(g, programs, names, stops):
    """Programs that run one after the other on CPU 1, and the maps that they update."""
    runs = "; ".join(f"bpfrun /sys/fs/bpf/stress/{p}" for p in programs)
    g.run("rm -f /run/enough")
    # Who runs them as well: it frees what they leave.
    g.run(f"taskset -c 1 sh -c 'while [ ! -e /run/enough ]; do {runs}; done' >/dev/null 2>&1 &")
    time.sleep(2)
    bad, torn, locks, seen, longest, counts = [], 0, [], [], 0, {}
    for doc, maps, incomplete in stopped(g, names, stops):
        b, t = check_busy(maps)
        bad += b + ([incomplete] if incomplete else [])
        if "busy_lpm" in maps:
            bad += check_prefixes(maps["busy_lpm"])
        torn += t
        locks += [(m["name"], l) for m in maps.values() for l in m.get("locks", [])]
        seen.append(max((w >> 32 for m in maps.values() for _, _, vs in keyed(m) for ws in vs for w in ws), default=0))
        for name, m in maps.items():
            counts.setdefault(name, set()).add(len(list(keyed(m))))
        longest = max(longest, doc["fdgdb"]["capture"]["pause_us"])
    enough(g)
    what = ", ".join(names)
    tap.ok(not bad, f"{what}, {stops} stops in a row: no key twice, no foreign entry, no torn word, nothing astray",
           "\n".join(bad[:10]))
    live = [gen for gen in seen if gen]  # between two runs there may be no value
    # On a slow machine several stops may come while the task that runs the program has no CPU.
    tap.ok(len(set(live)) > max(len(live) // 4, 1), "the maps were on the move", seen)
    tap.note(f"{torn} values caught in the middle of a write; entries {({n: (min(c), max(c)) for n, c in counts.items()})}; "
             f"locks held: {[(n, l['what'], l.get('cpus')) for n, l in locks]}; longest stop {longest / 1000:.0f} ms")
    tap.ok(all(l.get("cpus", [1]) == [1] for _, l in locks), "locks, if any, are the busy CPU's", locks)
    tap.ok(g.ticks(1), "the guest runs on")
    return counts


def busy(g):
    names = [n for n in TAGS if n not in ("busy_rhash", "busy_task") and g.has(n)]
    tap.equal(len(names), 6, "all maps are there")
    moving(g, ["busy"], names, STOPS)
    moving(g, ["busy_tasks"], ["busy_task"], STOPS)
    if g.has("busy_rhash"):
        counts = set()
        for _ in range(4):  # it is either for half of the time
            counts |= moving(g, ["busy"], ["busy_rhash"], STOPS)["busy_rhash"]
            if max(counts) > 2 * NR_BUSY > min(counts):
                break
        tap.ok(max(counts) > 2 * NR_BUSY > min(counts), "the resizable hash was seen full and empty", sorted(counts))


def rings(g):
    """A record that is being written at the stop, behind others that are done; somebody consumes them."""
    g.run("rm -f /run/enough; (ring consume /sys/fs/bpf/large/busy_ring & p=$!; while [ ! -e /run/enough ]; do "
          "taskset -c 1 bpfrun /sys/fs/bpf/stress/busy_rings; done; kill $p) >/dev/null 2>&1 &")
    time.sleep(1)
    bad, busy_ones, seen, positions = [], 0, 0, set()
    for _, maps, incomplete in stopped(g, ["busy_ring"], STOPS):
        m = maps["busy_ring"]
        ring, at, last = m["ringbuf"], m["ringbuf"]["consumer_pos"], -1
        bad += [incomplete] if incomplete else []
        positions.add(ring["producer_pos"])
        for r in ring["records"]:
            words = struct.unpack(f"<{WORDS}Q", bytes.fromhex(r["bytes_hex"]))
            if (r["pos"], r["len"]) != (at, 8 * WORDS):
                bad.append(f"record {r}, not at {at}")
            at += 8 + 8 * WORDS
            seen += 1
            if r["busy"]:
                continue  # what is in it is not final
            if any(w != word_of(words[0] >> 32, TAG_RING, 0, i) for i, w in enumerate(words)) or words[0] >> 32 <= last:
                bad.append(f"record at {r['pos']}: {[hex(w) for w in words]} after {last}")
            if r["discard"] != ((words[0] >> 32) % 5 == 0):
                bad.append(f"record of {words[0] >> 32}: discard {r['discard']}")
            last = words[0] >> 32
        if at != ring["producer_pos"]:
            bad.append(f"records end at {at}, the producer is at {ring['producer_pos']}")
        # One program writes, so it is the last one.
        b = [r["pos"] for r in ring["records"] if r["busy"]]
        busy_ones += len(b)
        if b not in ([], [ring["producer_pos"] - 8 - 8 * WORDS]) or ring.get("busy_pos") != (b[0] if b else None):
            bad.append(f"busy at {b}, busy_pos {ring.get('busy_pos')}, producer {ring['producer_pos']}")
        # The kernel's note of it moves with the next record only: it may be behind all that were consumed.
        if ring["pending_pos"] > (b[0] if b else at):
            bad.append(f"positions {ring}")
    enough(g)
    tap.ok(not bad, f"a ring buffer at {STOPS} stops: {seen} records, each in its place and whole", "\n".join(bad[:10]))
    tap.ok(busy_ones and len(positions) > STOPS // 2, f"it was on the move; {busy_ones} records were being written", positions)


def locked(g, name, stops=60):
    """The first report of a map in which a lock is held."""
    for doc, maps, _ in stopped(g, [name], stops):
        if "locks" in maps[name]:
            tap.equal(validate({k: v for k, v in doc.items() if not k.startswith("_")}), [], f"{name}: valid")
            return maps[name]
    return {"locks": []}


def flags(g):
    """A lock that is no lock word but a flag."""
    g.run("rm -f /run/enough; (while [ ! -e /run/enough ]; do ring fill /sys/fs/bpf/large/busy_user_ring 100; "
          "taskset -c 1 bpfrun /sys/fs/bpf/stress/drain; done) >/dev/null 2>&1 &")
    m = locked(g, "busy_user_ring")
    got = m["locks"]
    tap.ok(len(got) == 1 and got[0]["what"] == "ring buffer" and got[0]["member"] == "busy" and got[0]["held"],
           "a ring buffer of user space's that a program is draining", got)
    ring = m.get("ringbuf", {})
    tap.ok(ring.get("records") and ring["pending_pos"] == ring["producer_pos"] and "busy_pos" not in ring,
           "all its records are submitted", {k: v for k, v in ring.items() if k != "records"})
    numbers = [int.from_bytes(bytes.fromhex(r["bytes_hex"]), "little") for r in ring.get("records", [])]
    tap.equal(numbers, list(range(100 - len(numbers), 100)), "and those that are left to drain")
    enough(g)


# ---- locks

def until_locked(g, name):
    for _ in range(20):
        doc = report("attach", g.target, "--map", name)
        if doc["maps"][0].get("locks"):
            tap.equal(validate({k: v for k, v in doc.items() if not k.startswith("_")}), [], f"{name}: valid")
            break
        time.sleep(0.1)
    return doc["maps"][0]


def locks(g):
    g.run("bpftool prog run pinned /sys/fs/bpf/stress/guard repeat 20000 data_in /run/frame >/dev/null 2>&1 &")
    m = until_locked(g, "guards")
    tap.ok(len(m.get("locks", [])) == 1 and m["locks"][0]["what"] == "value" and m["locks"][0]["index"] == 2 and
           m["locks"][0]["member"] == "lock" and m["locks"][0]["held"], "a bpf_spin_lock in a value", m.get("locks"))
    g.run("killall bpftool; true")
    g.run("(while [ ! -e /run/churned ]; do taskset -c 1 bpfrun /sys/fs/bpf/stress/churn; done) >/dev/null 2>&1 &")
    m = until_locked(g, "mib_hash")
    got = m.get("locks", [{}])[0]
    tap.ok(len(m.get("locks", [])) == 1 and got["what"] == "bucket" and got["held"] and
           got["index"] == compare.jhash_word(HELD_KEY) % HELD_BUCKETS, "the lock of a bucket", m.get("locks"))
    tap.equal(got.get("cpus"), [1], "and who holds it")
    words = f"bucket {got.get('index')}: lock held by CPU 1"
    texts = [fdgdb("attach", "--map", "mib_hash", g.target).out for _ in range(5)]
    tap.ok(any(words in t for t in texts), "in the text too", texts[0][:2000])
    tap.equal(sorted(e["key"]["value"] for e in m["entries"]), [0, 1], "its entries are read all the same")
    g.run("touch /run/churned; sleep 3", timeout=120)
    doc = report("attach", g.target, "--map", "mib_hash")
    tap.ok("locks" not in doc["maps"][0], "released, it is not told any more", doc["maps"][0].get("locks"))
    doc = report("attach", g.target, "--map", "mib_hash", "--map", "mib_array")
    mib(by_name(doc), False)
    cut = next(s.get("cut", "") for s in doc["fdgdb"]["sections"] if s["name"] == "maps")
    tap.ok(f"arrays in values of 2 maps at 4096 elements (the longest has {MIB_WORDS}" in cut, "what is cut is said", cut)
    one = report("attach", g.target, "--map", "mib_array", "--key", "1")["entry"]
    got = [e["value"] for e in one["value"]["members"][0]["value"]["elements"]]
    tap.ok(got == [word_of(i, 7, 1, 0) for i in range(MIB_WORDS)], "--key gives all of it", len(got))


# ---- arrays of instructions

def insns(g, series):
    if version(series) < (6, 19):
        tap.skip(f"array of instructions on {series}", "came with 6.19")
        return
    want = g.json("insns")
    doc = report("attach", g.target, "--section", "maps,progs")
    m = by_name(doc)["insns"]
    got = [{"key": r["key"], **{k: v for k, v in members(r["value"]).items() if k.endswith("_off")}} for r in m["array_entries"]]
    tap.equal(got, want, "an array of instructions, as the kernel tells it")
    prog = next(p for p in doc["fdgdb"]["progs"] if p["name"] == "jumps")
    tap.ok(m["id"] in prog["map_ids"], "bound to its program", prog)
    live = [r for r in m["array_entries"] if members(r["value"])["xlated_off"] != 0xffffffff]
    wrong = [r for r in live if r.get("ip") != prog["jited_addr"] + members(r["value"])["jitted_off"] or
             f"_jumps+{members(r['value'])['jitted_off']:#x}/" not in r.get("symbol", "")]
    tap.ok(live and not wrong, "addresses and names in native code", wrong)
    tap.ok(any(members(r["value"])["xlated_off"] == 0xffffffff for r in m["array_entries"]), "one was deleted")
    tap.equal(validate({k: v for k, v in doc.items() if not k.startswith("_")}), [], "valid")


def modules(g):
    """Stack traces through a module and a BPF program."""
    if g.run("test -e /hang.ko && insmod /hang.ko", check=False).status:
        tap.skip("traces through a module", "no module for this kernel")
        return
    g.run("mkdir -p /sys/fs/bpf/traces && bpftool prog loadall /bpf/traces.bpf.o /sys/fs/bpf/traces autoattach && "
          "sh -c 'echo hangwrite >/proc/$$/comm; echo release >/sys/kernel/debug/hang'")
    doc = report("attach", g.target, "--map", "traces")
    problems, seen = compare_traces.traces(doc, compare_traces.symbols(g, doc))
    tap.ok(not problems, f"frames by /proc/kallsyms: {seen}", "\n".join(problems))
    tap.ok(seen.get("hang") and seen.get("kernel", 0) > 3, "frames of the module and of the kernel", seen)


def one(series):
    try:
        debian.kernel(series)
    except debian.Gone as e:
        tap.skip(f"stress of {series}", str(e))
        return
    with guest.Guest(series, scenario="idle", vcpus=2, memory=1024) as g:
        g.has = lambda name: not g.run(f"test -e /sys/fs/bpf/large/{name}", check=False).status
        tap.guarded("sizes", sizes, g)
        tap.guarded("moving", busy, g)
        tap.guarded("rings", rings, g)
        tap.guarded("locks", locks, g)
        tap.guarded("flags", flags, g)
        tap.guarded("insns", insns, g, series)
        tap.guarded("modules", modules, g)


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "stress of", ["7.3"], ["6.1", "6.12", "6.16", "6.18", "7.0", "7.2"]):
        tap.guarded(series, one, series)
    tap.done()


main()
