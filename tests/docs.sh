#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The help text, the man page, completion and the getopt table must name the same options. TAP for make check.
: "${srcdir:=$(dirname "$0")/..}"
fdgdb=${FDGDB:-./fdgdb}
[ -x "$fdgdb" ] || { echo "Bail out! no $fdgdb"; exit 1; }

help=$("$fdgdb" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u)
man=$(sed 's/\\-/-/g' "$srcdir/docs/fdgdb.1" | grep -oE -- '--[a-z][a-z-]+' | sort -u)
code=$(sed -n 's/^\t{ "\([a-z-]*\)", \(no\|required\)_argument.*/--\1/p' "$srcdir/src/cli/options.c" | sort -u)

complete=$(grep -oE -- '--[a-z][a-z-]+' "$srcdir/bash-completion/fdgdb" | sort -u)

echo 1..11
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
same "$complete" "$code" "completion names the options there are"
# Of the help text the list below --section, of the others the words that are sections there.
sections=$("$fdgdb" --help | sed -n '/--section LIST/,/--map /{//d;p}' | tr -d ' \n' | tr ',' '\n' | sort)
named() { tr -c 'a-z_' '\n' | grep -xF "$sections" | sort -u; }
same "$(sed -n '/section " LIST"/,/^With scx/p' "$srcdir/docs/fdgdb.1" | named)" "$sections" \
	"fdgdb(1) names the sections there are"
same "$(sed -n "/local sections=/,/'$/p" "$srcdir/bash-completion/fdgdb" | sed "s/.*='//; s/'$//" | tr -s ' \t' '\n' | sort)" \
	"$sections" "completion names the sections there are"
# What bash makes of "fdgdb WORDS", the last of which is not finished.
completed() {
	bash -c '. "$0"; compopt() { :; }; COMP_WORDS=(fdgdb "$@"); COMP_CWORD=$#; _fdgdb; echo "${COMPREPLY[*]}"' \
		"$srcdir/bash-completion/fdgdb" "$@"
}
if command -v bash >/dev/null; then
	same "$(completed a; completed attach --keep; completed core --keep; completed core --section maps,st;
		completed core --color = al; completed help c)" \
		"$(printf 'attach\n--keep-halted\n\nmaps,stacks\nalways\ncore')" "completion completes"
else
	n=$((n + 1))
	echo "ok $n - completion completes # SKIP no bash"
fi
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
same "$(grep -v Meaning "$srcdir/docs/findings.md" | sed -n 's/^| `\([a-z0-9-]*\)` | .* | .* |$/\1/p' | sort)" \
	"$(sed -n 's/^\t\.id = "\(.*\)",$/\1/p' "$srcdir"/src/triage/*.c | sort)" "findings.md has a row for each rule"
# Kernels of a row: those on which its tests run, from the release on that has the type.
want=$(for t in $tests; do
	sed -n '/pick(\|newer = /p' "$srcdir/tests/guest/$t.py" 2>/dev/null |
		grep -oE '"[67]\.[0-9]+(-oldest)?"' | sed 's/"//g; s/-oldest//' | sort -u | sed "s/^/$t /"
done | awk -v table="$srcdir/docs/map-types.md" '
	function number(v, p) { return split(v, p, ".") == 2 ? p[1] * 100 + p[2] : 0 }
	{ runs[$1] = runs[$1] " " $2 }
	END {
		FS = "|"
		while ((getline <table) > 0) {
			if ($2 !~ /^ [0-9]+ $/)
				continue
			split("", on)
			n = split($8, tests, ",")
			for (i = 1; i <= n; i++) {
				least = match(tests[i], /\(.*\)/) ? number(substr(tests[i], RSTART + 1, RLENGTH - 2)) : 0
				if (least < number($4))
					least = number($4)
				match(tests[i], /test_[a-z]+/)
				m = split(runs[substr(tests[i], RSTART, RLENGTH)], kernels, " ")
				for (k = 1; k <= m; k++)
					if (number(kernels[k]) >= least)
						on[number(kernels[k])] = kernels[k]
			}
			out = $2
			for (v = 0; v < 2000; v++)
				if (v in on)
					out = out " " on[v]
			print out
		}
	}')
same "$(sed -n 's/^| *\([0-9]*\) | `[a-z_]*` | [^|]* | \([^|]*\) |.*/ \1  \2/p' "$srcdir/docs/map-types.md")" "$want" \
	"map-types.md says on which kernels each type is tested"
