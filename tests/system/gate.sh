#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel's calls against well-behaved and hostile procs (tests/system/gate),
# its memory at 1,000 live procs, and that nothing is left of the node.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$KERNEL/status"; }

kernel_up root="$B/bin/t-gate" "scale-${WRIT_TEST_SCALE:-1}=$B/bin/t-gate"
until_ok 50 grep -q 'ok 1 ' "$LOGS/1.log"
quiet=$(rss)
until_ok 600 grep -q '# thousand live' "$LOGS/1.log"
full=$(rss)
nap=$(find /sys/fs/cgroup -maxdepth 5 -path "*/writ/$NODE/gate/nest" -exec cat {}/cgroup.procs \; |
	sort -u | sed 's|.*|/proc/&/comm|' | xargs grep -slx nap | sed -n '1s|/comm||p')
own=$(awk '/^Private_/ { n += $2 } END { print n }' "$nap/smaps_rollup")
until_ok 300 grep -q '# taken back' "$LOGS/1.log"
logs=$(find "/proc/$KERNEL/fd" -lname "$LOGS/*.log" 2> /dev/null | wc -l)
wait "$BOOT"
status=$?
BOOT=0
cat "$LOGS/1.log"
CASES=$(grep -cE '^(not )?ok ' "$LOGS/1.log")
grep -q '^not ok' "$LOGS/1.log" && FAILED=1
ok "$status" "the kernel ends with root's code ($status)"
[ "$status" -eq 0 ] || sed "s|^|#   |" "$TMP/kernel.log"
ok $((full >= 8192)) "kernel resident at 1,000 procs: $full KiB, under 8 MiB"
ok "$logs" "the kernel holds no proc's log open ($logs)"
ok $((own >= 1024 || own < 8)) "a sleeping proc has $own KiB of its own, under 1 MiB"
growth=$(((full - quiet) * 1024 / 1000))
ok $((growth >= 16384)) "growth a proc: $growth bytes, under 16 KiB"
check "nothing is left of the node" no_leftovers

# K2: nothing in the trusted part asks for memory
asks() {
	nm -u "$@" | grep -wE '(m|c|re)alloc|reallocarray|aligned_alloc|posix_memalign|str(n)?dup|v?asprintf|f(d)?open(dir)?|opendir|getline|open_memstream'
}
refused "no function that allocates is called in kernel/ or caps/" asks "$B"/kernel/*.o "$B"/caps/*.o
check "negative control: that of writ-boot is seen" asks "$B"/tools/boot/*.o
