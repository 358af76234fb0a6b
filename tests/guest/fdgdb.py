# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the program under test."""

import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("FDGDB", os.path.join(TOP, "build-test", "fdgdb"))
SCHEMA = os.path.join(TOP, "docs", "report.schema.json")

EXIT_COMPLETE, EXIT_FAILED, EXIT_USAGE, EXIT_PARTIAL = 0, 1, 2, 3
EXIT_TARGET, EXIT_NOT_LINUX, EXIT_NOT_RESTORED = 4, 5, 6


class Result:
    def __init__(self, proc):
        self.status = proc.returncode
        self.out = proc.stdout.decode("utf-8", "strict")
        self.err = proc.stderr.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"status {self.status}\nstderr: {self.err[:2000]}\nstdout: {self.out[:500]}"


def fdgdb(*args, timeout=120):
    """Runs fdgdb to its end; never raises for its exit status."""
    return Result(subprocess.run([BINARY, *args], stdin=subprocess.DEVNULL, timeout=timeout,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False))


def report(verb, target, *args, timeout=120):
    """A JSON report; raises if there is none."""
    r = fdgdb(verb, "-j", *args, target, timeout=timeout)
    if r.status not in (EXIT_COMPLETE, EXIT_PARTIAL):
        raise RuntimeError(f"fdgdb {verb} {target}: {r}")
    doc = r.json()
    doc["_status"] = r.status
    doc["_stderr"] = r.err
    return doc


def validate(doc):
    """Error messages of the report against the schema; empty if it is valid."""
    import jsonschema  # Debian: python3-jsonschema, only for this

    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in validator.iter_errors(doc)][:20]
