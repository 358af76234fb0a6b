#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The help text, the man page and the getopt table must name the same options. TAP for make check.
: "${srcdir:=$(dirname "$0")/..}"
fdgdb=${FDGDB:-./fdgdb}
[ -x "$fdgdb" ] || { echo "Bail out! no $fdgdb"; exit 1; }

help=$("$fdgdb" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u)
man=$(sed 's/\\-/-/g' "$srcdir/docs/fdgdb.1" | grep -oE -- '--[a-z][a-z-]+' | sort -u)
code=$(sed -n 's/^\t{ "\([a-z-]*\)", \(no\|required\)_argument.*/--\1/p' "$srcdir/src/cli/options.c" | sort -u)

echo 1..5
n=0
same() {
	n=$((n + 1))
	if [ "$1" = "$2" ]; then echo "ok $n - $3"; else
		echo "not ok $n - $3"
		printf '%s\n' "$1" >"docs-a.$$"
		printf '%s\n' "$2" | diff "docs-a.$$" - | sed 's/^/# /'
		rm -f "docs-a.$$"
	fi
}
same "$help" "$code" "--help names the options there are"
same "$man" "$code" "fdgdb(1) names the options there are"
statuses() { grep -oE '\b([0-6]|10)\b' | sort -u | tr '\n' ' '; }
same "$("$fdgdb" --help | sed -n '/^Exit status/,$p' | statuses)" \
	"$(sed -n '/^.SH EXIT STATUS/,/^.PP/p' "$srcdir/docs/fdgdb.1" | grep -E '^\.B [0-9]' | statuses)" \
	"--help and fdgdb(1) name the same exit statuses"
table=$(sed -n 's/^\t{ \([0-9]*\), "\([a-z_]*\)", map_.*/\1 \2/p' "$srcdir/src/walk/map-types.c")
same "$(sed -n 's/^| \([0-9]*\) | `\([a-z_]*\)` .*/\1 \2/p' "$srcdir/docs/map-types.md")" "$table" \
	"map-types.md has a row for each type of map there is a reader for"
tests=$(grep -oE 'test_[a-z]+' "$srcdir/docs/map-types.md" | sort -u)
same "$(for t in $tests; do [ -e "$srcdir/tests/guest/$t.py" ] && echo "$t"; done)" "$tests" \
	"the tests that map-types.md names are there"
