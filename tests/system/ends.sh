#!/bin/bash
# SPDX-License-Identifier: MIT
# How a node ends: by SIGTERM, by SIGKILL of the kernel, and of a nest; and two
# nodes on one machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

held() { until_ok 100 grep -q '# holding' "$LOGS/1.log"; }
pids() { # every process of the node, by its v2 cgroups
	local d
	for d in /sys/fs/cgroup/writ/"$NODE" /sys/fs/cgroup/unified/writ/"$NODE"; do
		[ ! -d "$d" ] || find "$d" -name cgroup.procs -exec cat {} +
	done
}
none_alive() { [ -z "$(pids)" ]; }
ms() { echo $(($(date +%s%N) / 1000000)); }
M=("root=$B/bin/t-gate" "hold=$B/bin/t-gate")

kernel_up "${M[@]}"
check "a node with 50 procs comes up" held
check "the kernel has kept setuid and setgid, no other Linux capability" \
	[ "$(awk '/^Cap(Prm|Eff|Bnd)/ { print $2 }' "/proc/$KERNEL/status" | sort -u)" = 00000000000000c0 ]
n=$(pids | wc -l)
ok $((n < 52)) "$n processes live in its cgroups"
refused "a second kernel of the same node is refused" \
	"$B/bin/writ-kernel" --node "$NODE" --run "$RUN" --log "$LOGS" --module "root=$B/bin/t-gate"
check "and says why" says 'is running'
check "the first doesn't notice" kill -0 "$KERNEL"

first=$NODE first_kernel=$KERNEL
NODE=${first}b RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE
kernel_up "${M[@]}"
check "a second node comes up beside it" held
uids() { pids | while read -r p; do awk '/^Uid/ { print $2 }' "/proc/$p/status"; done | sort -u; }
second_uids=$(uids)
t0=$(ms)
kill -TERM "$KERNEL"
wait "$KERNEL"
t1=$(ms)
ok $((t1 - t0 >= 1000)) "SIGTERM takes it down in $((t1 - t0)) ms"
check "with nothing left" no_leftovers
rm -rf "$LOGS"
NODE=$first RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE KERNEL=$first_kernel
ok $(($(pids | wc -l) != n)) "the first has lost nobody"
first_uids=$(uids)
check "the nodes had no user id in common" test -z "$(comm -12 <(echo "$first_uids") <(echo "$second_uids"))"
check "and each realm has one of its own" test "$(echo "$first_uids" | wc -l)" -eq 2

t0=$(ms)
kill -KILL "$KERNEL"
wait "$KERNEL" 2> /dev/null
until_ok 20 none_alive
t1=$(ms)
ok $((t1 - t0 >= 1000)) "SIGKILL of the kernel ends every process ($((t1 - t0)) ms)"
check "nobody is left" none_alive
refused "negative control: something else is left, for the next start to clear" no_leftovers
KERNEL=0
check "clean-up of the dead node" writ down
check "leaves nothing" no_leftovers
check "and may be repeated" writ down

kernel_up "${M[@]}"
check "the node comes up again" held
kill -KILL "$KERNEL"
wait "$KERNEL" 2> /dev/null
kernel_up "${M[@]}"
sleep 0.3
check "a new kernel takes over what a dead one left" held
