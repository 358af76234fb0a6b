#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Text reports of the samples, byte by byte.  After a change that is meant: REGEN=1 make check
# TESTS=tests/report-golden.sh, and read the diff.
srcdir=${srcdir:-.}
golden=$srcdir/tests/golden
failed=0

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

for name in full-text full-text-v full-text-72 full-text-color empty-text long-text; do
	tests/unit/test-report "${name%%-*}" "${name#*-}" >"$dir/raw" || exit 1
	# The one thing that changes with each release.
	sed '1s/fdgdb [0-9][^ ]*[0-9]/fdgdb VERSION/' "$dir/raw" >"$dir/out"
	if [ -n "$REGEN" ]; then
		cp "$dir/out" "$golden/$name.txt"
	elif ! diff -u "$golden/$name.txt" "$dir/out"; then
		echo "FAILED: $name"
		failed=1
	fi
	case $name in
	*-color) ;;
	*)	# Whatever the guest's strings hold, nothing but newlines controls the terminal.
		LC_ALL=C tr -d '\000-\011\013-\037\177' <"$dir/raw" >"$dir/clean"
		cmp "$dir/raw" "$dir/clean" || failed=1
		iconv -f UTF-8 -t UTF-8 <"$dir/raw" >/dev/null || failed=1 ;;
	esac
	if grep -n ' $' "$dir/raw"; then
		echo "FAILED: $name: blanks at the end of a line"
		failed=1
	fi
done
exit $failed
