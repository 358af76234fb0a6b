#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From a clean clone on a fresh Debian 12, as root, to the report of a hung guest:
#
#	examples/hung-guest/run.sh [OPTIONS FOR FDGDB...]
#
# Installs packages, builds fdgdb, makes a guest out of Debian's kernel and a sched_ext scheduler that
# starves a task (tests/guest/bpf/stall.bpf.c), starts it in QEMU with a gdbstub, prints fdgdb's
# report, looks whether the guest runs on, and stops it.
#
#	KEEP=1		leave the guest up and print how to attach to it and how to stop it
#	SERIES=6.18	another kernel series with sched_ext (6.16 ... 7.3)
#	VCPUS=2 MEMORY=512
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
case ${1:-} in -h | --help) sed -n '4,15s/^# \?//p' "$0"; exit 0 ;; esac
guest() { /usr/bin/python3 "$top/tests/guest/guest.py" "$@"; }
say() { printf '\n== %s\n' "$*" >&2; }
die() { echo "hung-guest: $*" >&2; exit 1; }

dir='' report=''
clean() {
	[ -z "$report" ] || rm -f "$report"
	[ -z "$dir" ] || guest stop "$dir"
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say "packages"
. "$top/tests/guest/packages.sh"
install_packages || die "packages could not be installed"

say "build"
build=$top/build-example
log=$(mktemp) || exit 1
{
	{ [ "$top/configure" -nt "$top/configure.ac" ] && [ "$top/configure" -nt "$top/Makefile.am" ]; } ||
		(cd "$top" && autoreconf -fi)
} >"$log" 2>&1 && mkdir -p "$build" && (cd "$build" &&
	{ [ -e Makefile ] || "$top/configure" --quiet; } &&
	make --no-print-directory -s -j"$(nproc)") >>"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	rm -f "$log"
	die "fdgdb could not be built"
}
rm -f "$log"
fdgdb=$build/fdgdb
[ -x "$fdgdb" ] || die "the build made no $fdgdb"

say "guest"
scenario=hung
[ -z "${KEEP:-}" ] || scenario=hung-keep
state=$(guest start --series "${SERIES:-6.18}" --scenario $scenario --vcpus "${VCPUS:-2}" \
	--memory "${MEMORY:-512}" --gdb tcp)
rc=$?
[ $rc -eq 0 ] || exit $rc
dir=$(/usr/bin/python3 -c 'import json, sys; print(json.loads(sys.argv[1])["dir"])' "$state")
target=$(guest show "$dir" target) && pid=$(guest exec "$dir" cat /run/starved.pid) ||
	die "the guest does not answer"
echo "Linux $(guest show "$dir" release), gdbstub at $target; the starved task is pid $pid" >&2

say "fdgdb attach $target"
report=$(mktemp) || exit 1
"$fdgdb" attach "$@" "$target" >"$report"
rc=$?
cat "$report"
[ $rc -eq 0 ] || die "fdgdb ended with status $rc"

# By pid and comm, on one line, as its queue shows it.
grep -E "\b$pid\b.*\bstarved\b|\bstarved\b.*\b$pid\b" "$report" >/dev/null ||
	die "the starved task (pid $pid) is not in the report"
guest alive "$dir" || die "the guest does not run on"
say "the report names the starved task, and the guest runs on"

if [ -n "${KEEP:-}" ]; then
	printf '\nThe guest stays up. To look again, and to end it:\n\n  %s attach %s\n  %s stop %s\n' \
		"$fdgdb" "$target" "$top/tests/guest/guest.py" "$dir"
	dir=''
fi
