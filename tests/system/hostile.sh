#!/bin/bash
# SPDX-License-Identifier: MIT
# A thousand hostile procs against the kernel (tests/system/hostile) while a good
# realm works: it survives, takes all back, and the good realm hardly notices.
# hostile.sh [PROCS [WINDOW_MS [PAIRS [RATIO]]]]: windows of quiet and of attack take turns;
# the good p99 under attack is at most RATIO times the quiet one.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

# on a slow machine fewer, for all of them share its processors
PROCS=${1:-$((400 / (1 + ${WRIT_TEST_SCALE:-1})))} WINDOW=${2:-1000} PAIRS=${3:-3} RATIO=${4:-100}
SEED=${WRIT_SEED:-$((RANDOM * 32768 + RANDOM))}

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$KERNEL/status"; }
descriptors() { find "/proc/$KERNEL/fd" -mindepth 1 | wc -l; }
said() { until_ok "$1" said_or_over "$2"; grep -q "^# $2\$" "$LOGS/1.log"; }
said_or_over() { grep -q "^# $1\$" "$LOGS/1.log" || ! kill -0 "$BOOT"; }
cgroups() { find /sys/fs/cgroup -maxdepth 5 -type d -path "*/writ/$NODE/evil*"; }

# also when the kernel no longer listens, or this is ended from outside
tidy() {
	local rc=$?
	if [ "$BOOT" -ne 0 ]; then
		kill -TERM "$BOOT" 2> /dev/null
		until_ok 100 gone || kill -KILL "$KERNEL"
	fi
	(exit "$rc")
	finish
}
gone() { ! kill -0 "$KERNEL"; }
trap tidy EXIT
trap 'exit 1' INT TERM HUP

echo "# WRIT_SEED=$SEED: $PROCS procs, windows of $WINDOW ms, $PAIRS of attack"
echo "$SEED $PROCS $WINDOW $PAIRS ${RATIO}000" > "$TMP/conf"
kernel_up root="$B/bin/t-hostile" conf="$TMP/conf" "scale-${WRIT_TEST_SCALE:-1}=$B/bin/t-hostile"
wait_for=$((600 + PAIRS * WINDOW / 10))
said "$wait_for" before
fds=$(descriptors)
said "$wait_for" 'after one'
fds_one=$(descriptors) rss_one=$(rss) left=$(cgroups | wc -l)
said "$wait_for" 'after two'
fds_two=$(descriptors) rss_two=$(rss) left=$((left + $(cgroups | wc -l)))
wait "$BOOT"
status=$?
BOOT=0
cat "$LOGS/1.log"
CASES=$(grep -cE '^(not )?ok ' "$LOGS/1.log")
grep -q '^not ok' "$LOGS/1.log" && FAILED=1
ok "$status" "the kernel lives, and ends with root's code ($status)"
[ "$status" -eq 0 ] || sed "s|^|#   |" "$TMP/kernel.log"
ok $((fds_one != fds || fds_two != fds)) "its descriptors: $fds, and after attacks $fds_one, $fds_two"
ok $((rss_two > rss_one + rss_one / 2 + 4096)) "its memory grows no further: $rss_one KiB after one attack, $rss_two after two"
ok "$left" "no cgroup of a hostile realm is left ($left)"
check "nothing is left of the node" no_leftovers
