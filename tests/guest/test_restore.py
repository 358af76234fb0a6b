#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""However fdgdb ends, the guest runs on, and a plain gdb can use the stub."""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fdgdb as tool  # noqa: E402
import guest  # noqa: E402
from tap import Tap, full  # noqa: E402

tap = Tap()
# Of a full run; the short one does a fifth, with other random moments each time.
TIMES = 50 if full() else 10
SEED = int(os.environ.get("FDGDB_TEST_SEED", str(time.time_ns())))


def running_soon(g, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if g.running():
            return True
        time.sleep(0.02)
    return False


def gdb_reads_virtual(g):
    """gdb connects, reads virtual memory at the stack pointer and detaches."""
    where = g.target.replace("unix:", "")
    r = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set architecture i386:x86-64", "-ex", f"target remote {where}",
                        "-ex", "x/2gx $sp", "-ex", "detach"], stdin=subprocess.DEVNULL, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = r.stdout.decode(errors="replace")
    return r.returncode == 0 and "0x" in text and "Cannot access" not in text and "annot" not in text, text


def how_long(g):
    """Seconds of a whole attach, to choose moments within it."""
    start = time.monotonic()
    r = tool.fdgdb("attach", "-j", g.target)
    tap.ok(r.status == 0, "attach", r)
    tap.ok(running_soon(g) and g.ticks(1), "the clock goes on after attach")
    return time.monotonic() - start


def default_signals():
    # A job in the background of a script, as CI may be, inherits these as ignored.
    for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(sig, signal.SIG_DFL)


def killed(g, rng, span, sig, name):
    bad = 0
    stopped_seen = 0
    for i in range(TIMES):
        p = subprocess.Popen([tool.BINARY, "attach", "-j", g.target], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=default_signals)
        if i % 2:
            time.sleep(rng.uniform(0, span))
        else:
            # However fast this machine is just now: at some time after the guest has been stopped.
            while p.poll() is None and g.running():
                time.sleep(0.001)
            stopped_seen += p.poll() is None
            time.sleep(rng.uniform(0, span / 3))
        p.send_signal(sig)
        if sig in (signal.SIGSTOP, signal.SIGTSTP):
            if not running_soon(g):
                bad += 1
            p.send_signal(signal.SIGCONT)
        p.wait(timeout=60)
        if not running_soon(g):
            bad += 1
            g.cont()
    tap.equal(bad, 0, f"{name} at {TIMES} random moments: resumed each time")
    tap.ok(stopped_seen > 0, f"{name}: some of the moments were while the guest was stopped", span)
    tap.ok(g.ticks(2), f"{name}: the clock goes on")
    good, text = gdb_reads_virtual(g)
    tap.ok(good, f"{name}: gdb reads virtual memory", text)
    tap.ok(running_soon(g), f"{name}: and leaves")


def broken_pipe(g):
    p = subprocess.Popen([tool.BINARY, "attach", g.target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    p.stdout.close()
    p.wait(timeout=60)
    tap.ok(running_soon(g) and g.ticks(1), "nobody reads stdout: the guest runs on")


def blocked_stdout(g):
    """A full pipe that nobody empties must not hold the guest."""
    p = subprocess.Popen([tool.BINARY, "attach", "-j", g.target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    time.sleep(1)
    tap.ok(running_soon(g, 30) and g.ticks(1), "stdout blocks: the guest runs on")
    p.stdout.read()
    p.wait(timeout=60)


def keep_halted(g):
    r = tool.fdgdb("attach", "--keep-halted", "-j", g.target)
    tap.ok(r.status == 0 and "halted" in r.err, "--keep-halted says so", r)
    time.sleep(0.5)
    tap.ok(not g.running(), "--keep-halted leaves the guest halted")
    good, text = gdb_reads_virtual(g)
    tap.ok(good, "--keep-halted: physical mode is off", text)
    g.cont()
    tap.ok(g.ticks(1), "and the monitor can let it go on")


def deadline(g, span):
    r = tool.fdgdb("attach", "--deadline", "1", "-j", g.target)
    tap.ok(r.status in (3, 5), "--deadline 1: partial, or no kernel found in time", r)
    tap.ok("deadline" in r.err + r.out, "--deadline is named", r)
    tap.ok(running_soon(g) and g.ticks(1), "--deadline: the guest runs on")
    # Long enough for a kernel, not for all of the report: it says when it was cut.
    doc, short, long = {}, 1, max(2, int(span * 3000))
    for _ in range(20):
        ms = (short + long) // 2
        r = tool.fdgdb("attach", "--deadline", f"{ms}ms", "-j", g.target)
        if r.status == tool.EXIT_PARTIAL and r.out:
            doc = json.loads(r.out)
            break
        short, long = (short, ms) if r.status == 0 else (ms, long)
    capture, at = doc.get("fdgdb", {}).get("capture", {}), doc.get("dump_truncated_at_us", 0)
    tap.ok(ms * 1000 <= at < ms * 1000 + 1000000 and capture.get("cut_us") == at and
           "deadline" in capture.get("cut_short", "") and capture.get("deadline_hit"),
           "--deadline: a report that is cut says when", (ms, at, capture, r.status, r.err))
    tap.ok(running_soon(g) and g.ticks(1), "--deadline, in the midst of it: the guest runs on")


def busy_stub(g):
    """A stub that serves another client is given up on, and does not freeze the guest when that one leaves."""
    gdb = subprocess.Popen(["gdb", "-nx", "-q", "-ex", "set architecture i386:x86-64", "-ex",
                            f"target remote {g.target.replace('unix:', '')}"], stdin=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while g.running() and time.monotonic() < end:
            time.sleep(0.1)
        tap.ok(not g.running(), "gdb holds the guest")
        r = tool.fdgdb("attach", g.target, timeout=60)
        tap.ok(r.status == tool.EXIT_TARGET and r.err.count("\n") == 1, "a busy stub is given up on", r)
    finally:
        gdb.communicate(b"detach\nquit\n", timeout=30)
    time.sleep(1)
    tap.ok(running_soon(g) and g.ticks(2), "gdb leaves: the guest runs on")


def lost(rng, span):
    """QEMU dies while it is read: one clear line, status 4."""
    with guest.Guest("6.18", scenario="idle", vcpus=1) as g:
        p = subprocess.Popen([tool.BINARY, "attach", "-j", g.target], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while g.running() and p.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, span / 4))
        ended = p.poll() is not None
        os.kill(g.pid, signal.SIGKILL)
        err = p.communicate(timeout=60)[1].decode()
        if ended:
            tap.skip("QEMU dies while it is read", "fdgdb was faster")
        else:
            tap.ok(p.returncode in (tool.EXIT_TARGET, tool.EXIT_NOT_RESTORED) and "lost" in err or "closed" in err or
                   "broke" in err, "QEMU dies while it is read: a clear line and the status", (p.returncode, err))


def main():
    guest.close_on_signals()
    rng = random.Random(SEED)
    tap.note(f"FDGDB_TEST_SEED={SEED}")
    with guest.Guest("6.18", scenario="rich", vcpus=2) as g:
        span = how_long(g)
        for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP, signal.SIGTSTP):
            tap.guarded(sig.name, killed, g, rng, span, sig, sig.name)
        for fn in (broken_pipe, blocked_stdout, keep_halted, busy_stub):
            tap.guarded(fn.__name__, fn, g)
        tap.guarded("deadline", deadline, g, span)
    tap.guarded("QEMU dies while it is read", lost, rng, span)
    if not full():
        tap.skip("the other 40 moments of each signal", "only with --full")
    tap.done()


main()
