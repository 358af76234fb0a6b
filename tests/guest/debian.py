# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels and userland of the guests, out of Debian packages that are unpacked, never installed.

apt is run with lists, cache and status of its own, so neither the suites of the host nor what it has
installed matter; only its keyring and its proxy settings are used.
"""

import contextlib
import glob
import inspect
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import zlib

import build_kernel
import cache

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = [("debian", "bookworm"), ("debian-security", "bookworm-security"), ("debian", "trixie"),
          ("debian-security", "trixie-security"), ("debian", "trixie-backports")]
SERIES = ["6.1", "6.12", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3"]
# bpftool and what it links, down to the loader: the guest's userland is all trixie, whatever the host.
USERLAND = ["busybox-static/trixie", "bpftool/trixie-backports", "libc6/trixie", "libelf1t64/trixie",
            "zlib1g/trixie", "libzstd1/trixie", "libcap2/trixie", "libssl3t64/trixie",
            "libbpf-dev/trixie"]
LISTS_MAX_AGE = 24 * 3600
# Modules a guest needs where they are not built in (6.1), in load order. From 6.19 on modules have a
# package of their own, which nobody needs: there everything is built in.
MODULES = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "virtio_console"]


class Gone(Exception):
    """The archive has no kernel of this series (any more), and neither has the cache."""


def say(text):
    print(f"guest: {text}", file=sys.stderr, flush=True)


def mirrors():
    """Base URL of each archive, the host's own mirror where its sources name one."""
    found = {"debian": "http://deb.debian.org/debian",
             "debian-security": "http://deb.debian.org/debian-security"}
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.lstrip().startswith("#"):
                    continue
                for url in re.findall(r"\bhttps?://\S+", line):
                    name = url.rstrip("/").rsplit("/", 1)[-1]
                    # A snapshot of the past does not hold the kernels of today.
                    if name in found and "snapshot" not in url:
                        found[name] = url.rstrip("/")
    return found


def _apt_options():
    home = os.path.join(cache.root(), "apt")
    os.makedirs(os.path.join(home, "lists/partial"), exist_ok=True)
    os.makedirs(os.path.join(home, "cache/archives/partial"), exist_ok=True)
    base = mirrors()
    sources = "".join(f"deb [signed-by={KEYRING}] {base[a]} {s} main\n" for a, s in SUITES)
    path = os.path.join(home, "sources.list")
    status = os.path.join(home, "status")
    for name, text in ((path, sources), (status, "")):
        if not os.path.exists(name) or open(name, encoding="utf-8").read() != text:
            with open(f"{name}.new", "w", encoding="utf-8") as f:
                f.write(text)
            os.rename(f"{name}.new", name)
    options = {"Dir::Etc::sourcelist": path, "Dir::Etc::sourceparts": "-",
               "Dir::Etc::preferences": "-", "Dir::Etc::preferencesparts": "-",
               "Dir::State::lists": os.path.join(home, "lists"), "Dir::State::status": status,
               "Dir::Cache": os.path.join(home, "cache"), "APT::Architecture": "amd64",
               "Acquire::Languages": "none", "Acquire::Retries": "3",
               "APT::Sandbox::User": "root"}
    return [x for k, v in options.items() for x in ("-o", f"{k}={v}")]


def _apt(tool, *args, cwd=None):
    p = subprocess.run([tool, *_apt_options(), *args], cwd=cwd, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                       env={**os.environ, "LC_ALL": "C"})
    if p.returncode:
        raise RuntimeError(f"{tool} {' '.join(args)}: {p.stderr.strip()[-2000:]}")
    return p.stdout


def update(force=False):
    """Brings the lists up to date if they are older than a day. Old lists are better than none."""
    stamp = os.path.join(cache.root(), "apt", "updated")
    with cache.locked("apt"):
        age = time.time() - os.path.getmtime(stamp) if os.path.exists(stamp) else None
        if age is not None and 0 <= age < (60 if force else LISTS_MAX_AGE):
            return
        say("apt-get update (private lists)")
        try:
            _apt("apt-get", "update", "--error-on=any")
        except RuntimeError as e:
            if age is None:
                raise
            say(f"the lists stay {age / 3600:.0f} hours old: {e}")
            return
        with open(stamp, "w", encoding="ascii"):
            pass


def debs(*wanted):
    """Paths of the .deb files of packages, each "name" or "name/suite", fetched unless in the cache."""
    update()
    out = []
    lines = _apt("apt-get", "--print-uris", "download", *wanted).splitlines()
    # In apt's order, not ours; a file's name begins with that of its package.
    files = {line.split()[1].split("_")[0]: line.split()[1] for line in lines}
    for name in wanted:
        file = files[name.split("/")[0]]

        def fetch(where, name=name, file=file):
            say(f"fetching {file}")
            try:
                _apt("apt-get", "download", name, cwd=where)
            except RuntimeError:
                # The archive has moved on since our lists were made.
                update(force=True)
                _apt("apt-get", "download", name, cwd=where)

        # The name that print-uris gives holds the version; its own sum was checked by apt.
        where = cache.entry("deb", file, fetch)
        out.append(glob.glob(f"{where}/*.deb")[0])
    return out


def unpack(deb, where, *members):
    """Unpacks a .deb (or the members that match the patterns) below `where`."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as tar:
        cmd = ["tar", "-C", where, "-x", "--no-same-owner"]
        if members:
            cmd += ["--wildcards", *members]
        p = subprocess.run(cmd, stdin=tar.stdout, stderr=subprocess.PIPE, text=True, check=False)
        tar.stdout.read()
    # tar complains about patterns that match nothing; the callers look for their files themselves.
    if tar.returncode or (p.returncode and not members):
        raise RuntimeError(f"cannot unpack {deb}: {p.stderr.strip()[-500:]}")


def userland():
    """Directory of the unpacked userland."""
    files = debs(*USERLAND)

    def make(where):
        for f in files:
            unpack(f, where)

    return cache.entry("userland", cache.digest("3", *map(os.path.basename, files)), make)


def host_bpftool(*args):
    """Runs the userland's bpftool on the host, with the userland's own loader and libraries."""
    u = userland()
    libs = f"{u}/usr/lib/x86_64-linux-gnu"
    return subprocess.run([f"{libs}/ld-linux-x86-64.so.2", "--library-path", libs, bpftool(u), *args],
                          check=True, stdout=subprocess.PIPE).stdout


def bpftool(u):
    for p in ("usr/sbin/bpftool", "usr/bin/bpftool", "sbin/bpftool"):
        if os.path.exists(f"{u}/{p}"):
            return f"{u}/{p}"
    raise RuntimeError("no bpftool in its package")


def _candidates(series):
    """Packages with a kernel image of the series, newest first."""
    update()
    names = _apt("apt-cache", "search", "--names-only", rf"^linux-(image|binary)-.*{series}").split("\n")
    found = []
    for line in names:
        name = line.split(" ")[0]
        m = re.fullmatch(rf"linux-(image|binary)-(unsigned-)?({re.escape(series)}[.][0-9.]+)"
                         r"(?:-([0-9]+)|\+(deb[0-9.]+))-cloud-amd64", name)
        if m:
            kind, unsigned, version, abi, suite = m.groups()
            found.append((tuple(map(int, version.split("."))), int(abi or 0), suite or "",
                          not unsigned, kind == "binary", name))
    return [f[-1] for f in sorted(found, reverse=True)]


def extract_vmlinux(image):
    """The ELF image inside a bzImage (bytes)."""
    if image[0x202:0x206] != b"HdrS":
        raise RuntimeError("not a bzImage")
    start = (image[0x1f1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    data = image[start:start + struct.unpack_from("<I", image, 0x24c)[0]]
    if data[:2] == b"\x1f\x8b":
        # The build appends the unpacked size, which is no second gzip member.
        return zlib.decompressobj(31).decompress(data)
    if data[:6] == b"\xfd7zXZ\x00":
        return lzma.LZMADecompressor().decompress(data)
    # Likewise: zstd and lz4 write everything before they complain about those four bytes.
    for magic, tool in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x02\x21\x4c\x18", "lz4")):
        if data[:4] == magic:
            p = subprocess.run([tool, "-dcf", "-"], input=data[:-4], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, check=False)
            if p.stdout[:4] == b"\x7fELF":
                return p.stdout
            raise RuntimeError(f"{tool}: {p.stderr.decode(errors='replace').strip()}")
    raise RuntimeError(f"payload of unknown compression ({data[:6].hex()})")


def elf_section(elf, name):
    """Bytes of one section of a 64-bit little-endian ELF file."""
    shoff = struct.unpack_from("<Q", elf, 40)[0]
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    heads = [struct.unpack_from("<IIQQQQ", elf, shoff + i * size) for i in range(count)]
    table = heads[names][4]
    for n, _, _, _, offset, length in heads:
        if elf[table + n:elf.index(b"\0", table + n)] == name.encode():
            return elf[offset:offset + length]
    raise RuntimeError(f"no section {name}")


class Kernel:
    """One kernel, unpacked: bzimage, vmlinux_h, btf, modules (paths), series, release, package."""

    def __init__(self, series, path):
        self.series = series
        self.path = path
        self.bzimage = f"{path}/bzImage"
        self.btf = f"{path}/btf"
        self.vmlinux_h = f"{path}/vmlinux.h"
        self.vmlinux = f"{path}/vmlinux"  # only of one that was built here
        with open(f"{path}/release", encoding="ascii") as f:
            self.release, self.package = f.read().split()

    @property
    def modules(self):
        """Modules to load, in order."""
        have = {os.path.basename(m): m for m in glob.glob(f"{self.path}/modules/*.ko")}
        return [have[f"{m}.ko"] for m in MODULES if f"{m}.ko" in have]


def _unpack_kernel(where, deb):
    raw = f"{where}/raw"
    os.mkdir(raw)
    unpack(deb, raw, "./boot/*", "./usr/lib/modules/*/vmlinuz*")
    images = glob.glob(f"{raw}/boot/vmlinuz-*") or glob.glob(f"{raw}/usr/lib/modules/*/vmlinuz*")
    if len(images) != 1:
        raise RuntimeError(f"{os.path.basename(deb)}: {len(images)} kernel images")
    shutil.copyfile(images[0], f"{where}/bzImage")
    with open(images[0], "rb") as f:
        image = f.read()
    release = image[struct.unpack_from("<H", image, 0x20e)[0] + 0x200:].split(b" ", 1)[0].decode()
    with open(f"{where}/btf", "wb") as f:
        f.write(elf_section(extract_vmlinux(image), ".BTF"))
    with open(f"{where}/vmlinux.h", "wb") as f:
        f.write(host_bpftool("btf", "dump", "file", f"{where}/btf", "format", "c"))
    os.mkdir(f"{where}/modules")
    names = subprocess.run(["dpkg-deb", "-c", deb], check=True, stdout=subprocess.PIPE, text=True)
    wanted = [n for n in (line.split()[5] for line in names.stdout.splitlines())
              if re.sub(r"\.ko(\.xz)?$", "", os.path.basename(n)) in MODULES and ".ko" in n]
    if wanted:
        unpack(deb, raw, *wanted)
    for n in wanted:
        base = os.path.basename(n)
        with (lzma.open if base.endswith(".xz") else open)(f"{raw}/{n}", "rb") as f, \
                open(f"{where}/modules/{base.removesuffix('.xz')}", "wb") as g:
            shutil.copyfileobj(f, g)
    with open(f"{where}/release", "w", encoding="ascii") as f:
        f.write(f"{release} {os.path.basename(deb)}\n")
    shutil.rmtree(raw)


def module(k, name):
    """Bytes of a module of the kernel k. Raises Gone if there is none to be had."""
    package = k.package.split("_")[0]
    version = package.removeprefix("linux-binary-").removeprefix("unsigned-")

    def fetch(where):
        # From 7.1 on they have a package of their own; in 7.0 linux-image is the modules.
        for each in [package] if version == package else [f"linux-modules-{version}", f"linux-image-{version}"]:
            try:
                unpack(debs(each)[0], where, f"./*/{name}.ko*")
                return
            except RuntimeError as e:
                error = e
        raise error

    try:
        where = cache.entry("module", f"{k.release}-{name}", fetch)
        found = glob.glob(f"{where}/**/{name}.ko*", recursive=True)[0]
    except (RuntimeError, KeyError, IndexError) as e:
        raise Gone(f"no module {name} in {package}: {e}") from e
    with (lzma.open if found.endswith(".xz") else open)(found, "rb") as f:
        return f.read()


def kernel(series):
    """The newest kernel of a series ("6.18"), or the oldest that the archive still has ("6.1-oldest"). Raises Gone
    if there is none to be had."""
    if series in build_kernel.BUILT:
        return build_kernel.kernel(series)
    if not re.fullmatch(r"[0-9]+\.[0-9]+(-oldest)?", series):
        raise ValueError(f"{series!r} is no kernel series; known are {' '.join(SERIES)}")
    names = _candidates(series.removesuffix("-oldest"))
    if series.endswith("-oldest"):
        names.reverse()
    if names:
        try:
            deb = debs(names[0])[0]
            recipe = [inspect.getsource(f) for f in (_unpack_kernel, extract_vmlinux, elf_section)]
            key = f"{series}-{cache.digest(os.path.basename(deb), *recipe, *MODULES)}"
            return Kernel(series, cache.entry("kernel", key, lambda w: _unpack_kernel(w, deb)))
        except RuntimeError as e:
            old = _cached(series)
            if not old:
                raise
            say(f"{names[0]}: {e}; taking {old.release} from the cache")
            return old
    old = _cached(series)
    if not old:
        raise Gone(f"no kernel of series {series} in {', '.join(s for _, s in SUITES)}")
    say(f"series {series} has left the archive; taking {old.release} from the cache")
    return old


def _cached(series):
    dirs = glob.glob(os.path.join(cache.root(), "kernel", f"{series}-[0-9a-f]*"))
    return Kernel(series, max(dirs, key=os.path.getmtime)) if dirs else None
