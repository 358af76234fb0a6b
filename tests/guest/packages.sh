# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Sourced by examples/hung-guest/run.sh and tests/run.sh: install_packages puts on this machine, with
# apt-get, what building fdgdb and running its guests needs. It does nothing where all is there.

# For the build and the unit tests.
FDGDB_BUILD_PACKAGES="gcc libc6-dev make autoconf automake pkg-config libelf-dev libdw-dev libbpf-dev
	libxml2-dev libcunit1-dev xz-utils"
# For the guests: the machine, the compilers of what runs in them, unpacking, and the test programs.
FDGDB_GUEST_PACKAGES="qemu-system-x86 clang-19 llvm-19 python3 python3-jsonschema cpio gzip
	zstd lz4 gdb valgrind git ca-certificates debian-archive-keyring"
# For the kernel that is built (tests/guest/build_kernel.py).
FDGDB_KERNEL_PACKAGES="flex bison bc dwarves libssl-dev"

install_packages() {
	local p missing=()
	for p in $FDGDB_BUILD_PACKAGES $FDGDB_GUEST_PACKAGES $FDGDB_KERNEL_PACKAGES; do
		# "ii": a package that was removed but not purged is also known to dpkg.
		[ "$(dpkg-query -Wf '${db:Status-Abbrev}' "$p" 2>/dev/null)" = "ii " ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "not root, and these packages are missing: ${missing[*]}" >&2
		return 1
	fi
	echo "installing: ${missing[*]}" >&2
	local -x DEBIAN_FRONTEND=noninteractive
	local log rc=1
	log=$(mktemp) || return 1
	# The lists of a new machine may be absent or older than the archive: fetch them only then.
	if apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
		rc=0
	elif apt-get update >"$log" 2>&1 </dev/null &&
		apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
		rc=0
	else
		tail -n 30 "$log" >&2
	fi
	rm -f "$log"
	return $rc
}
