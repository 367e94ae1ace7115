#!/bin/bash
# SPDX-License-Identifier: MIT
# Every object of the kernel but endpoints and notifications, and who may do what
# with each (tests/system/objects, in root's place). WRIT_SOAK=1: a million of them, too.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir "$TMP/shared"
HOST=shared=rw:$TMP/shared kernel_up root="$B/bin/t-objects" \
	"scale-${WRIT_TEST_SCALE:-1}=$B/bin/t-objects" \
	${WRIT_SOAK:+million="$B/bin/t-objects"}

shows() { # shows PATTERN COMMAND...
	local pattern=$1
	shift
	"$@" 2> /dev/null | grep -qE -- "$pattern"
}
seen() { until_ok 18 shows "$@"; } # while root waits for us
looked_at() { sed -n "s/^# look $1 //p" "$LOGS/1.log"; }
in_group() { # in_group PID FILE...: what they say, whichever of them its groups have
	local pid=$1 f g
	shift
	cut -d: -f3 "/proc/$pid/cgroup" | sort -u | while read -r g; do
		for f in "$@"; do
			find /sys/fs/cgroup -maxdepth 6 -path "*$g/$f" -exec cat {} +
		done
	done
}
# what root says it has bound, seen from outside; these cases come behind root's own
outside() { # outside TEXT COMMAND...
	local text=$1 rc=0
	shift
	"$@" || rc=1
	OUTSIDE+=("$rc" "$text")
}
OUTSIDE=()
for what in be lc none; do
	until_ok 600 grep -q "^# look $what" "$LOGS/1.log"
	pid=$(looked_at "$what")
	case $what in
	be)
		outside "the proc is in a group of its context's" seen '/sc[0-9]+$' cat "/proc/$pid/cgroup"
		outside "class be makes that idle" seen '^1$' in_group "$pid" cpu.idle
		;;
	lc)
		outside "class lc does not" seen '^0$' in_group "$pid" cpu.idle
		outside "it has the weight" seen '^(3072|300)$' in_group "$pid" cpu.shares cpu.weight
		outside "and the budget" seen '^10000( 100000)?$' in_group "$pid" cpu.cfs_quota_us cpu.max
		;;
	none) outside "unbound, it is in its realm's again" seen '/objects(/nest)?$' cat "/proc/$pid/cgroup" ;;
	esac
done

wait "$BOOT"
status=$?
BOOT=0
cat "$LOGS/1.log"
CASES=$(grep -cE '^(not )?ok ' "$LOGS/1.log")
grep -q '^not ok' "$LOGS/1.log" && FAILED=1
ok "$status" "the kernel ends with root's code ($status)"
for ((i = 0; i < ${#OUTSIDE[@]}; i += 2)); do ok "${OUTSIDE[i]}" "${OUTSIDE[i + 1]}"; done
[ "$status" -eq 0 ] || sed "s|^|#   |" "$TMP/kernel.log"
check "nothing is left of the node" no_leftovers
