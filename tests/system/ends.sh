#!/bin/bash
# SPDX-License-Identifier: MIT
# How a node ends: by SIGTERM, by SIGKILL of the kernel, of writ-boot and of both;
# what is cleared, and when; and two nodes on one machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

up() { rm -f "$LOGS/1.log" && kernel_up "${M[@]}"; } # or what an earlier one held would be seen
held() { until_ok 100 grep -q '# holding' "$LOGS/1.log"; }
pids() { # every process of the node, by its v2 cgroups
	local d
	for d in /sys/fs/cgroup/writ/"$NODE" /sys/fs/cgroup/unified/writ/"$NODE"; do
		[ ! -d "$d" ] || find "$d" -name cgroup.procs -exec cat {} + 2> /dev/null
	done
}
none_alive() { [ -z "$(pids)" ]; }
ms() { echo $(($(date +%s%N) / 1000000)); }
status() { awk -v what="^$1" '$0 ~ what { print $2 }' "/proc/$KERNEL/status" | sort -u; }
M=("root=$B/bin/t-gate" "hold=$B/bin/t-gate")

up
check "a node with 50 procs comes up" held
check "the kernel has kept setuid and setgid, no other Linux capability" \
	[ "$(status 'Cap(Prm|Eff|Bnd)')" = 00000000000000c0 ]
check "it was given the node's name, nothing else" \
	[ "$(tr '\0' ' ' < "/proc/$KERNEL/cmdline")$(tr '\0' ' ' < "/proc/$KERNEL/environ")" = "writ-kernel $NODE " ]
check "the pid file names it" [ "$(kernel_pid)" = "$KERNEL" ]
n=$(pids | wc -l)
ok $((n < 52)) "$n processes live in its cgroups"
goes_on() { kill -0 "$KERNEL" && [ "$(pids | wc -l)" -eq "$n" ]; }
again() { # a second kernel of the node
	"$B/bin/writ-boot" --node "$NODE" --run "$RUN" --log "$LOGS" --module "root=$B/bin/t-gate"
}
check "a second kernel of the same node is refused" gives 75 again
check "and says why" says 'is running'
check "the first doesn't notice" goes_on

first=$NODE first_kernel=$KERNEL first_boot=$BOOT
NODE=${first}b RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE
up
check "a second node comes up beside it" held
uids() { pids | while read -r p; do awk '/^Uid/ { print $2 }' "/proc/$p/status"; done | sort -u; }
second_uids=$(uids)
t0=$(ms)
kill -TERM "$KERNEL"
wait "$BOOT"
t1=$(ms)
ok $((t1 - t0 >= $(ms_max 1000))) "SIGTERM takes it down in $((t1 - t0)) ms"
check "with nothing left" no_leftovers
up
check "it comes up again" held
t0=$(ms)
kill -TERM "$BOOT"
wait "$BOOT"
status=$?
t1=$(ms)
ok $((t1 - t0 >= $(ms_max 1000))) "SIGTERM to writ-boot takes it down in $((t1 - t0)) ms"
ok "$status" "with the kernel's exit status ($status)"
check "and nothing left" no_leftovers
rm -rf "$LOGS"
NODE=$first RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE KERNEL=$first_kernel BOOT=$first_boot
check "the first has lost nobody" goes_on
first_uids=$(uids)
check "the nodes had no user id in common" test -z "$(comm -12 <(echo "$first_uids") <(echo "$second_uids"))"
check "and each realm has one of its own" test "$(echo "$first_uids" | wc -l)" -eq 2

t0=$(ms)
kill -KILL "$KERNEL"
wait "$BOOT" 2> /dev/null
status=$?
t1=$(ms)
ok $((t1 - t0 >= $(ms_max 1000))) "SIGKILL of the kernel: writ-boot has cleared all in $((t1 - t0)) ms"
check "nobody is left" none_alive
check "nor anything else" no_leftovers
ok $((status != 137)) "its exit status says how the kernel ended"

up
check "the node comes up again" held
kill -KILL "$BOOT"
wait "$BOOT" 2> /dev/null
sleep 0.2
check "SIGKILL of writ-boot: the node goes on" goes_on
check "and is still locked" gives 75 again
kill -KILL "$KERNEL"
check "then SIGKILL of the kernel: nobody is left" until_ok 20 none_alive
refused "negative control: a node whose kernel is dead does not go on" goes_on
sleep 1
refused "negative control: without writ-boot something is left, for the next start to clear" no_leftovers
check "clean-up of the dead node" writ down
check "leaves nothing" no_leftovers
check "and may be repeated" writ down

up
check "the node comes up again" held
kill -KILL "$BOOT" "$KERNEL"
wait "$BOOT" 2> /dev/null
until_ok 20 none_alive
up
sleep 0.3
check "a new kernel takes over what a dead one left" held
