#!/bin/bash
# SPDX-License-Identifier: MIT
# Messages and notifications between real procs of two realms (tests/system/ipc).
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

seed=${WRIT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
kernel_up root="$B/bin/t-ipc" "seed-$seed=$B/bin/t-ipc" "scale-${WRIT_TEST_SCALE:-1}=$B/bin/t-ipc"
wait "$BOOT"
status=$?
BOOT=0
cat "$LOGS/1.log"
CASES=$(grep -cE '^(not )?ok ' "$LOGS/1.log")
grep -q '^not ok' "$LOGS/1.log" && FAILED=1
ok "$status" "the kernel ends with root's code ($status)"
[ "$status" -eq 0 ] || sed "s|^|#   |" "$TMP/kernel.log"
check "nothing is left of the node" no_leftovers
