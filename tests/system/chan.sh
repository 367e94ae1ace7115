#!/bin/bash
# SPDX-License-Identifier: MIT
# Channels between procs of two realms (tests/system/chan): sizes, order, switches, peers
# that die, ten thousand at once, hostile clients. chan.sh [CASES]: only these.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

seed=${WRIT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
kernel_up root="$B/bin/t-chan" "seed-$seed=$B/bin/t-chan" \
	"scale-${WRIT_TEST_SCALE:-1}=$B/bin/t-chan" \
	${1:+"only-$1=$B/bin/t-chan"}
# What root's test waits for: "# HOW: SERVER CLIENTS... pause PID CHANNELS": what idle channels cost.
cpu_ns() { cut -d' ' -f1 "/proc/$1/schedstat"; }
pss_kib() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }
look() {
	local how=$1 server=${2%% *} count=${2##* } pid used kib=0
	set -- "$how" "${2% *}"
	used=$(cpu_ns "$server")
	sleep 2
	used=$((($(cpu_ns "$server") - used) / 1000))
	for pid in ${2%pause*}; do kib=$((kib + $(pss_kib "$pid"))); done
	[ "${2##* }" -gt 1 ] && kill -9 "${2##* }"
	echo "$how $used $((kib * 1024 / count)) $count" >> "$TMP/looked"
}
while kill -0 "$BOOT" 2> /dev/null; do
	for how in kernel user; do
		line=$(sed -n "s/^# $how: //p" "$LOGS/1.log" 2> /dev/null)
		[ -z "$line" ] || grep -q "^$how " "$TMP/looked" 2> /dev/null || look "$how" "$line"
	done
	sleep 0.2
done
wait "$BOOT"
status=$?
BOOT=0
cat "$LOGS/1.log"
CASES=$(grep -cE '^(not )?ok ' "$LOGS/1.log")
grep -q '^not ok' "$LOGS/1.log" && FAILED=1
while read -r how us bytes count; do
	check "$count idle channels, $how, cost the server $us us of 2 s" [ "$us" -le "$(ms_max 10)000" ]
	check "- and $bytes bytes each, of both sides" [ "$bytes" -le 24576 ]
done < <(cat "$TMP/looked" 2> /dev/null)
ok "$status" "the kernel ends with root's code ($status)"
[ "$status" -eq 0 ] || sed "s|^|#   |" "$TMP/kernel.log"
check "nothing is left of the node" no_leftovers
