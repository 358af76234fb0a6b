#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Maps that are empty, large, many, or being updated at the stop; locks that are held at the stop."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, full, pick  # noqa: E402

tap = Tap()
NR_LARGE, NR_BUSY, WORDS, MIB_WORDS = 100000, 48, 8, (1 << 20) // 8  # as in bpf/stress.bpf.c
TAGS = {"busy_hash": 1, "busy_nopre": 2, "busy_lru": 3, "busy_array": 4}
STOPS = 50 if full() else 10
HELD_KEY, HELD_BUCKETS = 1, 2  # of mib_hash, which is churned


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


def mib(maps):
    got = {e["key"]["value"]: bytes.fromhex(e["value_hex"]) for e in maps["mib_hash"]["entries"]}
    want = {k: struct.pack(f"<{MIB_WORDS}Q", *(word_of(i, 7, k, 0) for i in range(MIB_WORDS))) for k in (0, 1)}
    tap.ok(got == want, "values of 1 MiB in a hash, every byte", {k: len(v) for k, v in got.items()})
    for row in maps["mib_array"]["array_entries"]:
        arr = row["value"]["members"][0]["value"]
        n = len(arr["elements"])
        tap.ok(arr["len"] == MIB_WORDS and n and
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
    mib(maps)
    many(maps)
    # Where nothing moves, no lock is held.
    tap.ok(not any("locks" in m for n, m in maps.items() if n in ("large", "single", "mib_hash") or n.startswith("many")),
           "no lock where nobody is")
    short = by_name(report("attach", g.target, "--map", "large", "--map", "large_array"))
    tap.ok(len(short["large"]["entries"]) == len(short["large_array"]["array_entries"]) == 4096 and
           all("100000" in m["error"] for m in short.values()), "without --max-entries: cut, and said so",
           [m.get("error") for m in short.values()])


# ---- on the move

def check_busy(doc):
    bad, torn, maps = [], 0, by_name(doc)
    for name, tag in TAGS.items():
        m = maps[name]
        rows = m.get("entries") or m.get("array_entries") or []
        keys = [e["key"]["value"] if "entries" in m else e["key"] for e in rows]
        if len(keys) != len(set(keys)):
            bad.append(f"{name}: a key twice: {sorted(keys)}")
        if len(keys) > NR_BUSY:
            bad.append(f"{name}: {len(keys)} entries")
        for key, e in zip(keys, rows):
            words = words_of(e["value"])
            if name == "busy_array" and not any(words):
                continue  # not yet written
            for place, w in enumerate(words):
                # The array is written in place, word by word; elements of hashes before they are linked.
                gen = w >> 32 if name == "busy_array" else words[0] >> 32
                if w != word_of(gen, tag, key, place) and (w or name != "busy_array"):
                    bad.append(f"{name} key {key}: word {place} is {w:#x} of {[hex(x) for x in words]}")
            torn += len({w >> 32 for w in words}) > 1
        if "implausible" in str(m.get("error", "")) or m.get("unreadable"):
            bad.append(f"{name}: {m['error']}")
    return bad, torn, [(m["name"], l) for m in maps.values() for l in m.get("locks", [])]


def moving(g):
    g.run("(while [ ! -e /run/enough ]; do taskset -c 1 bpfrun /sys/fs/bpf/stress/busy; done) >/dev/null 2>&1 &")
    time.sleep(2)
    bad, torn, locks, gens, longest, statuses = [], 0, [], set(), 0, set()
    args = [a for name in TAGS for a in ("--map", name)]
    for _ in range(STOPS):
        doc = report("attach", g.target, "--max-entries", "all", *args)
        statuses.add(doc["_status"])
        b, t, l = check_busy(doc)
        bad += b
        torn += t
        locks += l
        gens.add(max(words_of(e["value"])[0] >> 32 for e in by_name(doc)["busy_array"]["array_entries"]))
        longest = max(longest, doc["fdgdb"]["capture"]["pause_us"])
        time.sleep(0.05)
    tap.ok(not bad, f"{STOPS} stops in a row: no key twice, no foreign entry, no torn word", "\n".join(bad[:10]))
    tap.ok(len(gens) > STOPS // 2, "the maps were on the move", sorted(gens))
    tap.ok(statuses <= {0, 3}, "every report was made", statuses)
    tap.note(f"{torn} values caught in the middle of a write; locks held: {[(n, l['what'], l.get('cpus')) for n, l in locks]}; "
             f"longest stop {longest / 1000:.0f} ms")
    tap.ok(all(l.get("cpus", [1]) == [1] for _, l in locks), "locks, if any, are the busy CPU's", locks)
    g.run("touch /run/enough")
    tap.ok(g.ticks(1), "the guest runs on")


# ---- locks

def jhash_word(key, seed=0):
    """jhash() of one 32-bit word."""
    def rol(v, n):
        return (v << n | v >> 32 - n) & 0xffffffff
    a = b = c = 0xdeadbeef + 4 + seed & 0xffffffff
    a = a + key & 0xffffffff
    for i, n in enumerate((14, 11, 25, 16, 4, 14, 24)):
        if i % 3 == 0:
            c = (c ^ b) - rol(b, n) & 0xffffffff
        elif i % 3 == 1:
            a = (a ^ c) - rol(c, n) & 0xffffffff
        else:
            b = (b ^ a) - rol(a, n) & 0xffffffff
    return c


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
           got["index"] == jhash_word(HELD_KEY) % HELD_BUCKETS, "the lock of a bucket", m.get("locks"))
    tap.equal(got.get("cpus"), [1], "and who holds it")
    words = f"bucket {got.get('index')}: lock held by CPU 1"
    texts = [fdgdb("attach", "--map", "mib_hash", g.target).out for _ in range(5)]
    tap.ok(any(words in t for t in texts), "in the text too", texts[0][:2000])
    tap.equal(sorted(e["key"]["value"] for e in m["entries"]), [0, 1], "its entries are read all the same")
    g.run("touch /run/churned; sleep 3", timeout=120)
    doc = report("attach", g.target, "--map", "mib_hash")
    tap.ok("locks" not in doc["maps"][0], "released, it is not told any more", doc["maps"][0].get("locks"))
    mib(by_name(report("attach", g.target, "--map", "mib_hash", "--map", "mib_array")))


# ---- arrays of instructions

def insns(g, series):
    if float(series) < 6.19 and series[0] == "6":
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


def one(series):
    try:
        debian.kernel(series)
    except debian.Gone as e:
        tap.skip(f"stress of {series}", str(e))
        return
    with guest.Guest(series, scenario="idle", vcpus=2, memory=1024) as g:
        tap.guarded("sizes", sizes, g)
        tap.guarded("moving", moving, g)
        tap.guarded("locks", locks, g)
        tap.guarded("insns", insns, g, series)


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "stress of", ["7.3"], ["6.1", "6.12", "6.18", "7.2"]):
        tap.guarded(series, one, series)
    tap.done()


main()
