#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every test of fdgdb, from a clean clone on a fresh Debian 12, as root:
#
#	tests/run.sh [--full] [NAME...]
#
# Installs what is missing with apt-get, builds twice (with sanitizers for the unit tests and fuzzers,
# plain for the guests), makes guests of Debian's kernels and reads them. Without --full every kind of
# test runs on a few kernels, and what is left out is counted as skipped. NAMEs pick single programs of
# tests/guest/ (test_maps ...) or "unit", "dist".
#
# Last line: "N passed, N failed, N skipped".
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1

full=0 only=()
for arg; do
	case $arg in
	--full) full=1 ;;
	-h | --help) sed -n '3,13s/^# \?//p' "$0"; exit 0 ;;
	-*) echo "unknown option $arg" >&2; exit 2 ;;
	*) only+=("$arg") ;;
	esac
done
export FDGDB_TEST_FULL=$full
work=$(mktemp -d "${TMPDIR:-/tmp}/fdgdb-run.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
jobs=$(nproc)
passed=0 failed=0 skipped=0 failures=()
start=$SECONDS

say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - start)); }

wanted() {
	[ ${#only[@]} -eq 0 ] && return 0
	local n
	for n in "${only[@]}"; do [ "$n" = "$1" ] && return 0; done
	return 1
}

# count NAME FILE: adds up the TAP lines in FILE. One that says nothing at all has failed.
count() {
	local p f s
	p=$(grep -cE '^ok\b' "$2")
	s=$(grep -ciE '^ok\b.*# skip' "$2")
	f=$(grep -cE '^not ok\b' "$2")
	passed=$((passed + p - s)) skipped=$((skipped + s)) failed=$((failed + f))
	while read -r line; do failures+=("$1: $line"); done < <(grep -E '^not ok\b' "$2")
	if [ $((p + f)) -eq 0 ]; then
		failed=$((failed + 1))
		failures+=("$1: ran no test")
	fi
}

fail() { failed=$((failed + 1)); failures+=("$1"); echo "not ok - $1"; }

finish() {
	if [ ${#failures[@]} -gt 0 ]; then
		printf '\nFailures:\n'
		printf '  %s\n' "${failures[@]}"
	fi
	printf '\n%d s in all\n' $((SECONDS - start))
	printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
	exit
}

# build DIR ARGS...: out of tree, warnings are errors. The tool has a make of its own: "all" is built by a make below
# this one (automake makes config.h first), and two at once would compile the same files.
build() {
	local dir=$1
	shift
	mkdir -p "$dir" && (cd "$dir" && { [ -e Makefile ] || "$top/configure" --quiet --enable-werror "$@"; } &&
		make --no-print-directory -s -j"$jobs" all && make --no-print-directory -s tests/tools/kernel-info)
}

say "packages"
. tests/guest/packages.sh
install_packages || { fail "packages could not be installed"; finish; }

say "configure and build"
[ -e configure ] && [ configure -nt configure.ac ] && [ configure -nt Makefile.am ] ||
	autoreconf -fi >"$work/autoreconf" 2>&1 || { cat "$work/autoreconf"; fail "autoreconf"; finish; }
build build-san --enable-asan --enable-ubsan CFLAGS="-g -O1" || { fail "build with sanitizers"; finish; }
build build-test CFLAGS="-g -O2" || { fail "build"; finish; }

if wanted unit; then
	say "unit tests and fuzzers, ASan and UBSan"
	(cd build-san && make --no-print-directory -j"$jobs" check) >"$work/unit" 2>&1
	rc=$?
	# automake's own summary, a line for each: PASS SKIP FAIL XPASS ERROR
	n() { sed -n "s/^# $1: *\([0-9]\+\)$/\1/p" "$work/unit" | tail -n 1; }
	p=$(n PASS) s=$(n SKIP) f=$(( $(n FAIL || echo 0) + $(n ERROR || echo 0) + 0 ))
	echo "unit: ${p:-0} passed, $f failed, ${s:-0} skipped"
	passed=$((passed + ${p:-0})) skipped=$((skipped + ${s:-0})) failed=$((failed + f))
	if [ $rc -ne 0 ]; then
		grep -E '^(FAIL|ERROR|XPASS)|error:|Error ' "$work/unit" | head -n 60
		find build-san/tests -name '*.log' -exec grep -lE '^not ok|ERROR: ' {} + 2>/dev/null |
			head -n 5 | xargs -r tail -n 40
		[ "$f" -gt 0 ] || fail "make check"
		failures+=("make check")
	elif [ "${p:-0}" -eq 0 ]; then
		fail "make check ran no test"
	fi
fi

if wanted dist; then
	say "make distcheck"
	if (cd build-test && make --no-print-directory -s distcheck AM_MAKEFLAGS="-j$jobs") >"$work/dist" 2>&1; then
		echo "ok - make distcheck"
		passed=$((passed + 1))
	else
		tail -n 40 "$work/dist"
		fail "make distcheck"
	fi
	# Makefile.am lists by hand what nobody compiles, the guests' files above all.
	if git ls-files --error-unmatch tests/run.sh >/dev/null 2>&1; then
		left=$(comm -23 <(git ls-files | grep -v '\.gitignore$' | sort) \
			<(tar -tf build-test/fdgdb-*.tar.gz | sed 's,^[^/]*/,,' | sort) | tr '\n' ' ')
		if [ -z "$left" ]; then
			echo "ok - the tarball has all that git has"
			passed=$((passed + 1))
		else
			fail "the tarball lacks $left"
		fi
	fi
fi

# The guests are one thread of QEMU each: as many test programs at once as there are processors. What
# each says is shown when it ends, so that the output of two never mixes.
export FDGDB="$top/build-test/fdgdb"
declare -A running=() began=()
ended() {
	local pid rc name
	wait -n -p pid "${!running[@]}"
	rc=$?
	name=${running[$pid]}
	unset "running[$pid]"
	say "$name: $((SECONDS - began[$name])) s"
	cat "$work/$name"
	count "$name" "$work/$name"
	if [ "$rc" -ne 0 ] && ! grep -qE '^not ok\b' "$work/$name"; then fail "$name ended with status $rc"; fi
}
trap 'kill "${!running[@]}" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# test_scx builds a kernel: it takes longest.
for t in tests/guest/test_scx.py tests/guest/test_*.py; do
	name=$(basename "$t" .py)
	wanted "$name" && [ ! -e "$work/$name" ] || continue
	[ ${#running[@]} -ge "$jobs" ] && ended
	/usr/bin/python3 "$t" >"$work/$name" 2>&1 </dev/null &
	running[$!]=$name began[$name]=$SECONDS
done
while [ ${#running[@]} -gt 0 ]; do ended; done
finish
