#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test guests: real Debian kernels in QEMU, with a gdbstub, a monitor and a way to run commands.

    with Guest("6.18", scenario="rich", vcpus=4) as g:
        g.run("bpftool -j map show")      # in the guest
        fdgdb.report("attach", g.target)  # from outside

README.md describes the recipe; `guest.py --help` the same for shell scripts.
"""

import argparse
import base64
import contextlib
import ctypes
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import image  # noqa: E402

QEMU = os.environ.get("FDGDB_TEST_QEMU", "qemu-system-x86_64")
# Multi-threaded TCG of QEMU 7.2 corrupts the kernel's text patching now and then.
ACCEL = os.environ.get("FDGDB_TEST_ACCEL", "tcg,thread=single")
SKIP = 77  # exit status: this kernel series is not to be had


class GuestError(Exception):
    """The guest could not be started, died, or did not answer in time."""


class Answer:
    """What a command in the guest gave: status, out and err (bytes)."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    def __str__(self):
        return (f"status {self.status}\n{self.out.decode('utf-8', 'replace')[-2000:]}"
                f"\n{self.err.decode('utf-8', 'replace')[-2000:]}")


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _die_with_parent():
    # However the test ends, even by SIGKILL, no QEMU stays behind. ("Parent" is the thread that
    # started it: do that in one that lives as long as the guest.)
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Guest:
    """One guest. Attributes of interest:

    target    what fdgdb wants to hear: "unix:PATH" or "127.0.0.1:PORT"
    dir       the run's own directory: con.log (console), qemu.log, sockets; removed by close()
    kernel    debian.Kernel: series, release, btf, vmlinux_h
    pid       QEMU's

    `gdb` is "unix", "tcp", a port number, or None for no stub; `append` is added to the kernel's
    command line, `qemu` to QEMU's. With detach the guest outlives this process.
    """

    def __init__(self, series="6.18", scenario="idle", vcpus=2, memory=512, append="", qemu=(),
                 gdb="unix", cpu=None, timeout=None, detach=False, keep_dir=False):
        self.series, self.scenario, self.vcpus, self.memory = series, scenario, vcpus, memory
        self.append, self.qemu_args, self.gdb, self.cpu = append, list(qemu), gdb, cpu
        # One host thread emulates all vCPUs, on a machine that may be busy with other tests.
        self.timeout = timeout or 180 + 20 * vcpus
        self.detach, self.keep_dir = detach, keep_dir
        self.proc = self.dir = self.pid = self.target = self.kernel = self.release = None
        self._ids = itertools.count(1)
        self._ctl = self._qmp = None

    # -- life

    def start(self):
        """Fetches what is missing, starts QEMU, waits until the scenario stands."""
        self.kernel = debian.kernel(self.series)
        self.release = self.kernel.release
        initramfs = f"{image.image(self.kernel)}/initramfs"
        # sun_path holds 108 bytes; a long TMPDIR is not worth a riddle.
        base = os.environ.get("TMPDIR", "/tmp")
        self.dir = tempfile.mkdtemp(prefix="fdgdb-g.", dir=base if len(base) < 60 else "/tmp")
        try:
            _live.add(self)
            self._spawn(initramfs)
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        self._write_state()
        if self.detach:
            _live.discard(self)
        return self

    def _spawn(self, initramfs):
        d = self.dir
        cmd = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
               "-accel", ACCEL, "-m", str(self.memory), "-smp", str(self.vcpus),
               "-kernel", self.kernel.bzimage, "-initrd", initramfs, "-append",
               f"console=ttyS0 panic=-1 loglevel=5 fdgdb.scenario={self.scenario} {self.append}".strip(),
               "-serial", f"file:{d}/con.log",
               "-qmp", f"unix:{d}/qmp,server=on,wait=off",
               "-chardev", f"socket,id=ctl,path={d}/ctl,server=on,wait=off",
               "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=ctl,nr=1,name=ctl"]
        if self.cpu:
            cmd += ["-cpu", self.cpu]
        if self.gdb == "unix":
            self.target = f"unix:{d}/gdb"
            cmd += ["-gdb", f"unix:{d}/gdb,server=on,wait=off"]
        elif self.gdb is not None:
            port = _free_port() if self.gdb == "tcp" else int(self.gdb)
            self.target = f"127.0.0.1:{port}"
            cmd += ["-gdb", f"tcp:127.0.0.1:{port}"]
        cmd += self.qemu_args
        with open(f"{d}/qemu.log", "wb") as log:
            self.proc = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         start_new_session=self.detach,
                                         preexec_fn=None if self.detach else _die_with_parent)
        self.pid = self.proc.pid

    def _write_state(self):
        state = {k: getattr(self, k) for k in ("series", "scenario", "vcpus", "memory", "append", "gdb",
                                               "cpu", "pid", "target", "dir", "release")}
        with open(f"{self.dir}/state.json", "w", encoding="utf-8") as f:
            json.dump(state, f)
        return state

    @classmethod
    def open(cls, where):
        """The guest of an earlier start(detach=True), by its directory."""
        with open(f"{where}/state.json", encoding="utf-8") as f:
            state = json.load(f)
        g = cls(state["series"], state["scenario"], state["vcpus"], state["memory"], state["append"],
                gdb=state["gdb"], cpu=state["cpu"], detach=True)
        g.dir, g.pid, g.target, g.release = where, state["pid"], state["target"], state["release"]
        return g

    def alive(self):
        """Whether QEMU still runs."""
        if self.proc is not None:
            return self.proc.poll() is None
        # After Guest.open() it is no child of ours, and the number may be somebody else's by now.
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as f:
                return f"{self.dir}/qmp".encode() in f.read()
        except OSError:
            return False

    def wait_ready(self, timeout=None):
        """Waits for init's word that the scenario stands; anything else is a GuestError."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            text = self.console()
            m = re.search(r"^FDGDB-(READY|FAILED) (.*)$", text, re.M)
            if m and m[1] == "READY":
                return
            if m:
                raise GuestError(f"{self}: {m[2]}\n{self._tail()}")
            if not self.alive():
                raise GuestError(f"{self}: QEMU ended\n{self._tail()}")
            if time.monotonic() > end:
                raise GuestError(f"{self}: not ready in time\n{self._tail()}")
            time.sleep(0.1)

    def _tail(self):
        out = []
        for name in ("qemu.log", "con.log"):
            with contextlib.suppress(OSError), open(f"{self.dir}/{name}", errors="replace") as f:
                out += [line.rstrip() for line in f.read().splitlines()[-40:]]
        return "\n".join(out)

    def close(self):
        """Ends QEMU and removes the directory (unless keep_dir)."""
        _live.discard(self)
        for s in (self._ctl, self._qmp):
            if s is not None:
                s.close()
        self._ctl = self._qmp = None
        if self.pid is not None and self.alive():
            os.kill(self.pid, signal.SIGTERM)
            end = time.monotonic() + 5
            while self.alive() and time.monotonic() < end:
                time.sleep(0.02)
            if self.alive():
                os.kill(self.pid, signal.SIGKILL)
        if self.proc is not None:
            self.proc.wait()
        if self.dir and not self.keep_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start() if self.pid is None else self

    def __exit__(self, *exc):
        self.close()

    def __str__(self):
        return f"guest {self.series} ({self.scenario}, {self.vcpus} vCPUs, {self.memory} MiB)"

    # -- what the guest says by itself

    def console(self):
        """Everything on the serial console so far."""
        try:
            with open(f"{self.dir}/con.log", encoding="utf-8", errors="replace", newline="") as f:
                return f.read().replace("\r\n", "\n")
        except OSError:
            return ""

    def uptime(self):
        """The guest's clock as it last showed it on the console, in seconds."""
        ticks = re.findall(r"^FDGDB-TICK ([0-9.]+)$", self.console(), re.M)
        return float(ticks[-1]) if ticks else None

    def ticks(self, n=2, timeout=30):
        """Whether the clock shows n new ticks in time; tells a running guest from a stopped one."""
        def count():
            return len(re.findall(r"^FDGDB-TICK ", self.console(), re.M))

        end, start = time.monotonic() + timeout, count()
        while count() < start + n:
            if time.monotonic() > end or not self.alive():
                return False
            time.sleep(0.05)
        return True

    # -- commands in the guest

    def run(self, command, timeout=60, check=True):
        """Runs a shell command in the guest. Its failure is a GuestError unless check is false."""
        n = next(self._ids)
        try:
            if self._ctl is None:
                self._ctl = socket.socket(socket.AF_UNIX)
                self._ctl.connect(f"{self.dir}/ctl")
            self._ctl.settimeout(timeout)
            # The id tells a late answer to a command given up on from the one wanted.
            tag = f"{os.getpid()}.{n}"
            self._ctl.sendall(f"{tag} {base64.b64encode(command.encode()).decode()}\n".encode())
            end, data = time.monotonic() + timeout, b""
            while True:
                data = self._receive(data, lambda d: b"\n" in d, end)
                head, data = data.split(b"\n", 1)
                got, status, nout, nerr = head.split()
                nout, nerr = int(nout), int(nerr)
                data = self._receive(data, lambda d: len(d) >= nout + nerr, end)
                body, data = data[:nout + nerr], data[nout + nerr:]
                if got.decode() == tag:
                    break
        except (OSError, ValueError) as e:
            if self._ctl is not None:
                self._ctl.close()
            self._ctl = None
            raise GuestError(f"{self}: no answer to {command!r}: {e!r}\n{self._tail()}") from e
        answer = Answer(int(status), body[:nout], body[nout:])
        if check and answer.status:
            raise GuestError(f"{self}: {command}: {answer}")
        return answer

    def _receive(self, data, enough, end):
        chunks = [data]
        while not enough(data):
            self._ctl.settimeout(max(0.01, end - time.monotonic()))
            part = self._ctl.recv(1 << 20)
            if not part:
                raise OSError("the control channel was closed")
            chunks.append(part)
            data = b"".join(chunks)
            chunks = [data]
        return data

    def json(self, command, timeout=60):
        """The JSON that a command in the guest prints."""
        return json.loads(self.run(command, timeout).out)

    # -- the monitor

    def qmp(self, execute, timeout=120, **arguments):
        """One QMP command; gives its "return"."""
        if self._qmp is None:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(timeout)
            s.connect(f"{self.dir}/qmp")
            self._qmp = s.makefile("rwb", buffering=0)
            self._qmp_socket = s
            self._qmp.readline()
            self.qmp("qmp_capabilities")
        self._qmp_socket.settimeout(timeout)
        try:
            self._qmp.write(json.dumps({"execute": execute, "arguments": arguments}).encode() + b"\n")
            while True:
                line = self._qmp.readline()
                if not line:
                    raise GuestError(f"{self}: the monitor is gone")
                reply = json.loads(line)
                if "return" in reply:
                    return reply["return"]
                if "error" in reply:
                    raise GuestError(f"{self}: {execute}: {reply['error'].get('desc')}")
        except OSError as e:
            self._qmp.close()
            self._qmp = None
            raise GuestError(f"{self}: no answer to {execute}: {e!r}") from e

    def hmp(self, command):
        """One line of the human monitor; gives what it prints."""
        return self.qmp("human-monitor-command", **{"command-line": command})

    def stop(self):
        """Stops all vCPUs, as the operator would."""
        self.qmp("stop")

    def cont(self):
        """Lets the vCPUs run again."""
        self.qmp("cont")

    def running(self):
        """Whether the vCPUs run, by QEMU's word."""
        return self.qmp("query-status")["running"]

    def dump(self, path, paging=False, fmt="elf", timeout=300):
        """dump-guest-memory: an ELF core at `path`; with paging as by its option -p."""
        args = {"paging": paging, "protocol": f"file:{path}"}
        if fmt != "elf":
            args["format"] = fmt
        self.qmp("dump-guest-memory", timeout=timeout, **args)
        return path


_live = set()


def _terminated(signum, _frame):
    for g in list(_live):
        g.close()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def close_on_signals():
    """Ends the guests of this process when it is told to end. (SIGINT unwinds by itself.)"""
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, _terminated)


# -- for shell scripts

def _add_guest_options(p):
    p.add_argument("--series", default="6.18", help="kernel series (6.18)")
    p.add_argument("--scenario", default="idle", help="see init/scenario (idle)")
    p.add_argument("--vcpus", type=int, default=2)
    p.add_argument("--memory", type=int, default=512, help="MiB")
    p.add_argument("--append", default="", help="more kernel parameters")
    p.add_argument("--qemu", default="", help="more arguments for QEMU")
    p.add_argument("--cpu", help="QEMU's -cpu")
    p.add_argument("--gdb", default="unix", help="unix (the default), tcp, or a port of 127.0.0.1")


def main():
    p = argparse.ArgumentParser(description="Test guests of fdgdb. Exit status 77: no such kernel.")
    sub = p.add_subparsers(dest="verb", required=True)
    q = sub.add_parser("fetch", help="fetch kernels and make their images")
    q.add_argument("series", nargs="*", default=debian.SERIES)
    q = sub.add_parser("start", help="start a guest, wait until it is ready, print its state as JSON")
    _add_guest_options(q)
    for verb, text in (("stop", "end a started guest"), ("alive", "whether it shows two more ticks"),
                       ("exec", "run a shell command in it"), ("hmp", "one monitor command"),
                       ("show", "print its state as JSON, or one key of it")):
        q = sub.add_parser(verb, help=text)
        q.add_argument("dir")
        q.add_argument("words", nargs=argparse.REMAINDER)
    a = p.parse_args()
    close_on_signals()
    if a.verb == "fetch":
        gone = 0
        for s in a.series:
            try:
                k = debian.kernel(s)
                print(f"{s}: {k.release} {image.image(k)}", flush=True)
            except debian.Gone as e:
                gone += 1
                print(f"{s}: {e}", flush=True)
        return SKIP if gone else 0
    if a.verb == "start":
        g = Guest(a.series, a.scenario, a.vcpus, a.memory, a.append, a.qemu.split(), a.gdb, a.cpu,
                  detach=True)
        try:
            g.start()
        except debian.Gone as e:
            print(e, file=sys.stderr)
            return SKIP
        print(json.dumps(g._write_state()))
        return 0
    g = Guest.open(a.dir)
    if a.verb == "stop":
        g.close()
    elif a.verb == "alive":
        return 0 if g.ticks() else 1
    elif a.verb == "exec":
        r = g.run(" ".join(a.words), check=False)
        sys.stdout.buffer.write(r.out)
        sys.stderr.buffer.write(r.err)
        return r.status
    elif a.verb == "hmp":
        print(g.hmp(" ".join(a.words)), end="")
    elif a.verb == "show":
        with open(f"{a.dir}/state.json", encoding="utf-8") as f:
            state = json.load(f)
        print(state[a.words[0]] if a.words else json.dumps(state))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (GuestError, RuntimeError, ValueError) as e:
        print(f"guest.py: {e}", file=sys.stderr)
        sys.exit(1)
