# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAP for the guest tests: ok/not ok/skip lines, and a status that says whether all passed."""

import os
import sys
import traceback


class Tap:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def _line(self, good, what, tail=""):
        self.n += 1
        if not good:
            self.failed += 1
        print(f"{'ok' if good else 'not ok'} {self.n} - {what}{tail}", flush=True)

    def ok(self, cond, what, detail=None):
        """One check; `detail` is shown when it fails."""
        self._line(bool(cond), what)
        if not cond and detail is not None:
            for line in str(detail).splitlines()[:40]:
                print(f"#   {line}", flush=True)
        return bool(cond)

    def equal(self, got, want, what):
        return self.ok(got == want, what, f"got  {got!r}\nwant {want!r}")

    def skip(self, what, why):
        self._line(True, what, f" # SKIP {why}")

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def guarded(self, what, fn, *args, **kwargs):
        """Runs fn; an exception is one failed test, not the end of the run."""
        try:
            return fn(*args, **kwargs)
        except Exception:  # noqa: BLE001: whatever it was, it is a failure
            self.ok(False, what, traceback.format_exc())
            return None

    def done(self):
        print(f"1..{self.n}", flush=True)
        sys.exit(1 if self.failed or not self.n else 0)


def full():
    """Whether the whole matrix is wanted (tests/run.sh --full)."""
    return os.environ.get("FDGDB_TEST_FULL") == "1"


def pick(tap, what, short, rest):
    """The values to test: `short` always, `rest` only in a full run, otherwise counted as skipped."""
    if full():
        return list(short) + list(rest)
    for r in rest:
        tap.skip(f"{what} {r}", "only with --full")
    return list(short)
