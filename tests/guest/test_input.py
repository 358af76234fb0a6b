#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets a clear line and the right exit status."""

import mmap
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import (EXIT_COMPLETE, EXIT_FAILED, EXIT_NOT_LINUX, EXIT_PARTIAL, EXIT_TARGET,  # noqa: E402
                   EXIT_USAGE, fdgdb, report)
from tap import Tap  # noqa: E402

tap = Tap()


def expect(what, result, status, *words):
    """The status, one line on stderr that holds all the words, and nothing on stdout."""
    lines = [line for line in result.err.splitlines() if line]
    good = (result.status == status and not result.out and len(lines) == 1 and
            lines[0].startswith("fdgdb: ") and all(w.lower() in lines[0].lower() for w in words))
    tap.ok(good, what, f"wanted status {status} and {words}\n{result}")


class Server:
    """Accepts connections on loopback, says `banner`, then nothing more."""

    def __init__(self, banner=b"", close=False):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(4)
        self.port = self.sock.getsockname()[1]
        self.banner, self.close, self.conns = banner, close, []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.conns.append(conn)
            try:
                if self.banner:
                    conn.sendall(self.banner)
                if self.close:
                    conn.close()
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()
        for c in self.conns:
            c.close()


def usage():
    expect("no such verb", fdgdb("frobnicate"), EXIT_USAGE, "frobnicate")
    expect("no target", fdgdb("attach"), EXIT_USAGE, "attach")
    expect("two targets", fdgdb("core", "a", "b"), EXIT_USAGE, "b")
    expect("unknown option", fdgdb("core", "--frob", "a"), EXIT_USAGE, "--frob")
    expect("no number", fdgdb("core", "--max-entries", "many", "a"), EXIT_USAGE, "max-entries", "many")
    expect("bad section", fdgdb("core", "--section", "moon", "a"), EXIT_USAGE, "moon")
    expect("not for cores", fdgdb("core", "--keep-halted", "a"), EXIT_USAGE, "keep-halted")
    expect("bad target", fdgdb("attach", "nonsense"), EXIT_USAGE, "nonsense")
    for args in (("--help",), ("help", "attach"), ("core", "--help"), ("--version",)):
        r = fdgdb(*args)
        tap.ok(r.status == EXIT_COMPLETE and r.out and not r.err, " ".join(args), r)


def no_stub():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]  # bound, but nobody listens
        expect("nothing listens on the port", fdgdb("attach", f":{port}"), EXIT_TARGET, str(port))
    expect("no such socket", fdgdb("attach", "unix:/nonexistent/x"), EXIT_TARGET, "/nonexistent/x")
    with Server(b"SSH-2.0-OpenSSH_9.2p1\r\n") as s:
        expect("an ssh server", fdgdb("attach", f":{s.port}"), EXIT_TARGET, "gdbstub")
    with Server(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", close=True) as s:
        expect("a web server", fdgdb("attach", f":{s.port}"), EXIT_TARGET)
    with Server(close=True) as s:
        expect("a server that hangs up", fdgdb("attach", f":{s.port}"), EXIT_TARGET)
    with Server() as s:
        expect("a server that says nothing (or a stub that is busy)",
               fdgdb("attach", f":{s.port}", timeout=60), EXIT_TARGET)


def elf_header(machine=62, cls=2, data=1, etype=4, phnum=0):
    ident = b"\x7fELF" + bytes([cls, data, 1, 0]) + bytes(8)
    return ident + struct.pack("<HHIQQQIHHHHHH", etype, machine, 1, 0, 64 if phnum else 0, 0, 0, 64, 56,
                               phnum, 0, 0, 0)


def bad_files(tmp):
    def case(what, content, status, *words):
        path = os.path.join(tmp, "bad")
        with open(path, "wb") as f:
            f.write(content)
        expect(f"file: {what}", fdgdb("core", path), status, *words)

    expect("file: absent", fdgdb("core", f"{tmp}/absent"), EXIT_FAILED, "absent")
    expect("file: a directory", fdgdb("core", tmp), EXIT_FAILED, "directory")
    case("empty", b"", EXIT_FAILED, "empty")
    case("text", b"hello, world\n" * 100, EXIT_FAILED, "not")
    case("a few bytes of ELF", b"\x7fELF\x02\x01\x01", EXIT_FAILED)
    case("kdump-compressed", b"KDUMP   " + bytes(4088), EXIT_FAILED, "kdump")
    case("flattened", b"makedumpfile" + bytes(4084), EXIT_FAILED, "flattened")
    case("gzip", b"\x1f\x8b\x08" + bytes(100), EXIT_FAILED, "gzip")
    case("another architecture", elf_header(machine=183), EXIT_FAILED, "aarch64")
    case("32 bits", elf_header(cls=1), EXIT_FAILED)
    case("big-endian", elf_header(data=2), EXIT_FAILED)
    case("no segments", elf_header(), EXIT_FAILED)
    expect("file: a program", fdgdb("core", "/bin/true"), EXIT_FAILED, "not a dump")


def patched(path, out, old, new):
    shutil.copyfile(path, out)
    n = 0
    with open(out, "r+b") as f:
        data = f.read()
        at = data.find(old)
        while at >= 0:
            f.seek(at)
            f.write(new)
            n += 1
            at = data.find(old, at + 1)
    return n


def without_page(path, out, gpa):
    """A copy of a core that lacks one page: its segment ends before it, another one begins behind it."""
    shutil.copyfile(path, out)
    with open(out, "r+b") as f:
        head = f.read(64)
        phoff, = struct.unpack_from("<Q", head, 32)
        phentsize, phnum = struct.unpack_from("<HH", head, 54)
        phdrs = []
        for i in range(phnum):
            f.seek(phoff + i * phentsize)
            phdrs.append(list(struct.unpack("<IIQQQQQQ", f.read(56))))
        hit = next(p for p in phdrs if p[0] == 1 and p[4] <= gpa < p[4] + p[5])
        # A ROM or video memory, which nobody will miss, gives its header to the part behind the page.
        spare = min((p for p in phdrs if p[0] == 1 and p is not hit), key=lambda p: p[5])
        cut = gpa - hit[4]
        tail = hit[5] - cut - 4096
        spare[2:] = [hit[2] + cut + 4096, hit[3], gpa + 4096, tail, tail, 0]
        hit[5] = hit[6] = cut
        for i, p in enumerate(phdrs):
            f.seek(phoff + i * phentsize)
            f.write(struct.pack("<IIQQQQQQ", *p))


def pages_with(path, pattern):
    """Guest-physical addresses of the pages in a core in which a pattern begins."""
    found = []
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        phoff, = struct.unpack_from("<Q", data, 32)
        phentsize, phnum = struct.unpack_from("<HH", data, 54)
        at = data.find(pattern)
        while at >= 0:
            for i in range(phnum):
                p = struct.unpack_from("<IIQQQQQQ", data, phoff + i * phentsize)
                if p[0] == 1 and p[2] <= at < p[2] + p[5]:
                    found.append((p[4] + at - p[2]) & ~4095)
            at = data.find(pattern, at + 1)
    return found


def dumps(tmp):
    core = f"{tmp}/core"
    with guest.Guest("6.18", scenario="rich", vcpus=1) as g:
        g.stop()
        g.dump(core)
        whole = report("core", core)
        big = next(m for m in whole["maps"] if m["value_size"] > 4096 and m.get("entries"))
    # A page with bytes from the middle of a value. User space may have the same bytes: the program that filled
    # the map, its file. They are no part of the map, so the one is wanted whose absence the map minds.
    found = pages_with(core, bytes.fromhex(big["entries"][0]["value_hex"])[4096:4160])
    tap.ok(found, f"bytes of {big['name']} found in the dump")
    for gpa in found:
        without_page(core, f"{tmp}/hole", gpa)
        r = fdgdb("core", "-j", f"{tmp}/hole")
        doc = r.json()
        row = next(m for m in doc["maps"] if m["map_kva"] == big["map_kva"])
        if "error" in row:
            break
    tap.equal(r.status, EXIT_PARTIAL, "unreadable map memory: the report goes on, status 3")
    tap.ok("error" in row and "read" in row["error"], f"the map says so ({len(found)} pages)", row.get("error"))
    others = [m for m in whole["maps"] if m["map_kva"] != big["map_kva"]]
    same = [m for m in doc["maps"] if m["map_kva"] != big["map_kva"]]
    tap.ok(others == same, "all other maps are as before")

    # Debug information, but of another program.
    subprocess.run(["cc", "-g", "-Wl,--build-id=sha1", "-xc", "-", "-o", f"{tmp}/other"],
                   input=b"int main(void) { return 0; }", check=True)
    r = fdgdb("core", "-j", "--vmlinux", f"{tmp}/other", core)
    line = [x for x in r.err.splitlines() if "build ID" in x]
    ours = r.json()["fdgdb"]["kernel"]["build_id"]
    tap.ok(r.status == EXIT_PARTIAL and len(line) == 1 and ours in line[0] and
           len(re.findall("[0-9a-f]{40}", line[0])) == 2, "a vmlinux of another kernel is refused, with both ids", r)
    tap.ok(not any("lines" in f for s in r.json()["fdgdb"]["stacks"] for f in s["frames"]), "no lines then")
    expect("no debug information", fdgdb("core", "--vmlinux", "/bin/true", core), EXIT_FAILED, "/bin/true")
    expect("no vmlinux", fdgdb("core", "--vmlinux", f"{tmp}/none", core), EXIT_FAILED, f"{tmp}/none")

    n = patched(core, f"{tmp}/nobtf", b"\x9f\xeb\x01\x00", b"\x9f\xeb\x02\x00")
    tap.note(f"{n} BTF headers spoilt")
    expect("a kernel without BTF", fdgdb("core", f"{tmp}/nobtf"), EXIT_NOT_LINUX, "BTF")

    size = os.path.getsize(core)
    for part in (0.1, 0.5, 0.999):
        shutil.copyfile(core, f"{tmp}/cut")
        os.truncate(f"{tmp}/cut", int(size * part))
        r = fdgdb("core", f"{tmp}/cut")
        tap.ok(r.status in (EXIT_FAILED, EXIT_PARTIAL, EXIT_NOT_LINUX) and "truncated" in r.err,
               f"truncated to {part}", r)


def firmware(tmp):
    sock = f"{tmp}/fw"
    with open(f"{tmp}/fw.log", "wb") as log:
        q = subprocess.Popen([guest.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-accel", guest.ACCEL,
                              "-m", "128", "-gdb", f"unix:{sock},server=on,wait=off"],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        for _ in range(100):
            if os.path.exists(sock):
                break
            threading.Event().wait(0.1)
        threading.Event().wait(2)
        expect("a guest still in its firmware", fdgdb("attach", f"unix:{sock}"), EXIT_NOT_LINUX)
    finally:
        q.terminate()
        q.wait()


def main():
    guest.close_on_signals()
    usage()
    no_stub()
    with tempfile.TemporaryDirectory(prefix="fdgdb-in.") as tmp:
        bad_files(tmp)
        tap.guarded("firmware", firmware, tmp)
        tap.guarded("dumps", dumps, tmp)
    tap.done()


main()
