# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is fetched and built for the guests, kept outside the source tree.

Every entry is a directory that appears under its final name only when it is complete, so an
interrupted download or build leaves nothing that a later run could take for finished. Names carry a
digest of whatever the entry was made from: a changed input is another entry.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile


def root():
    """The cache directory, made if need be."""
    path = os.environ.get("FDGDB_TEST_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fdgdb-tests")
    os.makedirs(path, exist_ok=True)
    return path


def digest(*parts):
    """A short name for bytes, strings and files (given as open paths with a leading '@')."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, str) and part.startswith("@"):
            with open(part[1:], "rb") as f:
                part = f.read()
        elif isinstance(part, str):
            part = part.encode()
        h.update(b"%d:" % len(part))
        h.update(part)
    return h.hexdigest()[:16]


@contextlib.contextmanager
def locked(name):
    """Holds the lock `name` against every other process that uses this cache."""
    with open(os.path.join(root(), f".lock-{name}"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def entry(kind, key, make):
    """The directory of entry `key`, made by make(directory) if it is not there yet."""
    home = os.path.join(root(), kind)
    path = os.path.join(home, key)
    if os.path.isdir(path):
        return path
    os.makedirs(home, exist_ok=True)
    with locked(f"{kind}-{digest(key)}"):
        if os.path.isdir(path):
            return path
        tmp = tempfile.mkdtemp(prefix=".part-", dir=home)
        try:
            make(tmp)
            os.chmod(tmp, 0o755)
            os.rename(tmp, path)
        except BaseException:
            shutil.rmtree(tmp, ignore_errors=True)
            raise
    return path
