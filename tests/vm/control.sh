#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/vmtest itself: a test that fails in the machine, a panic and a hang fail
# the run, in bounded time and with the reason said; so does a missing layer.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0

check() # WHAT CONDITION...
{
	local what=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		tail -n 40 "$dir/out" | sed 's/^/# /'
	fi
}

run() # SETTING=VALUE... PROGRAM: its output lies in $dir/out, its status in $rc
{
	env VM_OUT="$dir" VM_MACHINES=1 VM_SCALE=4 "$@" >"$dir/out" 2>&1
	rc=$?
}
says() { grep -qE -- "$1" "$dir/out"; }
last_is() { [ "$(tail -n 1 "$dir/out")" = "$1" ]; }

run tools/vmtest tests/vm/control/fails.sh
check "a failed test fails the run" test "$rc" = 1
check "- and is counted" last_is "1 passed, 1 failed"
run tools/vmtest tests/vm/control/panics.sh
check "a panic fails the run" test "$rc" = 1
check "- and is said" says 'machine 1 ended before its tests did'
check "- with the kernel's words" says 'Kernel panic'
check "- and there are totals" last_is "0 passed, 1 failed"
start=$SECONDS
run VM_SECS=60 tools/vmtest tests/vm/control/hangs.sh
check "a hang fails the run" test "$rc" = 1
check "- within its limit" test $((SECONDS - start)) -lt 120
check "- and is said" says 'machine 1 hung: it did not end within 60 s'
check "- and there are totals" last_is "0 passed, 1 failed"
run VM_APPEND="lsm=landlock" tools/vmtest tests/vm/layers.sh
check "without BPF LSM the run fails" test "$rc" = 1
check "- as the layer that can't be had" says 'not ok .* ebpf_lsm works'
run PATH="$dir" /bin/bash tools/vmtest tests/vm/layers.sh
check "without qemu the run says that it can't be had" test "$rc" = 77
check "- and what to do" says 'tools/setup vm'
echo "1..$number"
