#!/bin/bash
# SPDX-License-Identifier: MIT
# A node's eBPF programs: what is pinned and shown is what there is; they outlive
# the kernel that is killed until its procs are gone; two nodes don't meet.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
M=("root=$B/bin/t-gate" "hold=$B/bin/t-gate")
SEED=${WRIT_SEED:-$$}
RANDOM=$SEED
echo "# seed $SEED"

pins() { echo "/sys/fs/bpf/writ/nodes/$NODE"; }
dump() { bpftool -j map dump pinned "$(pins)/maps/$1" | jq -c '[.[] | .formatted // .]'; }
# What the kernel says that procs hold, and what its map shows, as lines that can be compared.
told() {
	writ --json caps | jq -r '.[] | select(.pid != 0) | [.pid, .slot, .type, .badge, .name] | @tsv' | sort
}
shown() {
	dump caps | jq -r '.[].value | [.pid, .index, (.type | sub("^TYPE_"; "") | ascii_downcase | gsub("_"; "")),
		(if .badge == 0 then null else .badge end), .name] | @tsv' | sort
}
same() { # the mirror lags by some milliseconds
	until_ok 20 cmp -s <(told) <(shown) || { diff <(told) <(shown) | head -n 20; return 1; }
}
# Each row's parent, by slot of the node's table: a root, or a row that is there or the kernel's own.
parents_are_there() {
	dump caps | jq -e '[.[].value.slot] as $s | [.[].value | select(.parent != 0 and (.parent as $p | $s | index($p) | not))]
		| length < 8'
}
children_of() { pgrep -P "$1"; }
everybody() { # processes of the node: of its cgroup in v2
	find /sys/fs/cgroup -path "*/writ/$NODE/*" -name cgroup.procs -exec cat {} + 2> /dev/null | sort -un
}
mode() { dump config | jq -r '.[0].value.mode'; }

check "docs/security.md shows each layer alone as it is tested" cmp <("$B/bin/matrix" --table) \
	<(sed -n '/^| attempt /,/^$/{/^|/p}' docs/security.md)

# --- what is pinned and shown ---------------------------------------------------------

check "a node comes up" node_up
check "its programs, maps and links are pinned" test -e "$(pins)/links/guard_enter" -a -e "$(pins)/progs/guard_enter" -a \
	-e "$(pins)/maps/policy"
check "the mode is enforce" [ "$(mode)" = GUARD_ENFORCE ]
check "bpftool lists the link by its pin" bpftool link show pinned "$(pins)/links/guard_enter"
check "maps/config says that procs are held by the layers of eBPF" [ "$(dump config | jq -c '[.[0].value.layers.is | .SECCOMP, .EBPF_CALLS, .EBPF_SOCKETS]')" = '["0x1","0x1","0x1"]' ]
check "maps/caps shows what procs hold" same
check "maps/procs shows who runs" [ "$(dump procs | jq -c '[.[].value | [.pid, .name, .state]] | sort')" = \
	"$(rows '[.[] | [.pid, .name, "STATE_" + (.state | ascii_upcase)]] | sort | tojson' ps)" ]
check "maps/realms shows realms, by the id of their groups" [ "$(dump realms | jq '[.[].value.cgroup] | sort == (unique) and all(. > 0)')" = true ]
texts=/usr/share/common-licenses
sed "s#\.\./\.\./\.\./build/bin/#$(realpath "$B")/bin/#; s#host: input#host: licenses#" \
	docs/examples/wordcount/wordcount.yaml > "$TMP/wc.yaml"
[ -d "$texts" ] && check "a realm of many procs runs to its end" writ run "$TMP/wc.yaml"
check "after which maps/caps is the kernel's table again" same
check "no row names a parent that is gone" parents_are_there
check "and maps/procs has forgotten who has ended" [ "$(dump procs | jq length)" = "$(rows length ps)" ]
check "what its filter refused to a proc is counted" [ "$(dump denials | jq '[.[] | select(.key.layer == "GUARD_BY_SECCOMP")] | length > 0')" = true ]
refused "and nobody has done what only eBPF saw" [ "$(dump denials | jq '[.[] | select(.key.layer == "GUARD_BY_CALLS")] | length')" != 0 ]

# --- two nodes ------------------------------------------------------------------------

first=$NODE
short() { readlink /sys/fs/bpf/writ/maps; }
shortest=$(short) # the first's, or of a node that was before it and may end meanwhile
stays() { [ "$(short)" != "nodes/${first}b/maps" ] || [ ! -e "/sys/fs/bpf/writ/$shortest" ]; }
first_id=$(bpftool -j link show pinned "$(pins)/links/guard_enter" | jq .id)
NODE=${first}b RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE
check "a second node comes up beside it" node_up
check "with pins of its own" test -e "$(pins)/links/guard_enter"
check "the short way does not lead to it" stays
check "the second goes down" writ down
check "and leaves no pin" test ! -e "$(pins)"
rm -rf "$LOGS"
NODE=$first RUN=/run/writ/$NODE LOGS=/var/log/writ/$NODE
check "the first's are what they were" [ "$(bpftool -j link show pinned "$(pins)/links/guard_enter" | jq .id)" = "$first_id" ]
check "it goes down" writ down
check "and leaves nothing" no_leftovers

# --- whoever may write to bpffs ----------------------------------------------------------

# Where another's folder lies in the way the node does not start, nor is anything of that touched.
planted() { # planted COMMAND...: by user 65534, in a bpffs of the test's own
	unshare -m bash -c '
		mount --make-rprivate / && mount -t bpf -o mode=1777 bpf /sys/fs/bpf &&
		setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "$1" && shift && "$@"' - "$1" \
		"$B/bin/writ-boot" --node "$NODE" --run "$RUN" --log "$LOGS" --module "root=$B/bin/t-gate" --module "hold=$B/bin/t-gate"
}
mkdir -p "$TMP/victim/nodes/$NODE/maps"
touch "$TMP/victim/nodes/$NODE/maps/file"
chmod -R 777 "$TMP"
check "a link in the place of the pins' folder: the node does not start" gives 71 planted "ln -s $TMP/victim /sys/fs/bpf/writ"
check "and says why" says 'somebody else has put'
check "a folder of somebody else's: neither" gives 71 planted "mkdir -m 777 /sys/fs/bpf/writ"
check "a link further down: neither" gives 71 planted "mkdir /sys/fs/bpf/writ && ln -s $TMP/victim/nodes /sys/fs/bpf/writ/nodes"
check "what links led to is there" test -e "$TMP/victim/nodes/$NODE/maps/file" -a "$(stat -c %g "$TMP/victim")" = 0
chmod 700 "$TMP"

# --- the kernel is killed ---------------------------------------------------------------

# Whether the groups have a process that can still run: read by the shell itself, for it is quick.
groups() { mapfile -t files < <(find /sys/fs/cgroup -path "*/writ/$NODE/*" -name cgroup.procs); }
alive() {
	local f p
	for f in "${files[@]}"; do
		{ read -r p < "$f"; } 2> /dev/null && [ -n "$p" ] && return 0
	done
	return 1
}
many() { [ "$(everybody | wc -l)" -ge "$1" ]; }
# Kills the kernel; $took: ms till nobody was alive; $free: somebody was when the pins were gone.
killed() { # no fork in its loop: those take longer than a death
	local held t0 link
	link=$(pins)/links/guard_enter
	free=''
	groups
	kill -KILL "$KERNEL"
	t0=${EPOCHREALTIME/./}
	# first the pins: who is seen alive after these were gone was free
	while [ -e "$link" ] && held=1 || held=''; alive; do
		[ -n "$held" ] || free=1
		[ $(((${EPOCHREALTIME/./} - t0) / 1000)) -lt "$patience" ] || break
	done
	took=$(((${EPOCHREALTIME/./} - t0) / 1000))
	wait "$BOOT" 2> /dev/null
	BOOT=0
}
patience=$(ms_max 5000)
# Each time: dead within 100 ms, or held by the programs till they were; and none free, however short.
bar=$(ms_max 100) unheld=''
for round in 1 2 3 4 5 6 7 8; do
	kernel_up "${M[@]}" > /dev/null
	[ "$round" -gt 4 ] && until_ok 100 many 50 # else while they are still being started
	until_ok 100 many 2
	sleep "0.0$((RANDOM % 90 + 10))"
	killed
	unheld="$unheld${free:+ $round}"
	if [ "$took" -le "$bar" ]; then how="all are dead"; elif [ -z "$free" ]; then how="held to the end"; else how="FREE"; fi
	ok "$([ "$how" != FREE ]; echo $?)" "SIGKILL of the kernel, trial $round: $how, after $took ms"
done
ok $((${#unheld} > 0)) "no proc was free at any time${unheld:+ (but in trials$unheld)}"
check "nothing is left" no_leftovers

kernel_up "${M[@]}" > /dev/null
until_ok 100 many 20
rm "$(pins)"/links/*
killed
ok $((${#free} == 0)) "negative control: without its pins somebody is free"

# writ-boot too: then nobody clears, and the pins stay
kernel_up "${M[@]}"
until_ok 100 many 20
kill -KILL "$BOOT" "$KERNEL"
wait "$BOOT" 2> /dev/null
BOOT=0
check "SIGKILL of writ-boot and the kernel: the programs stay attached" test -e "$(pins)/links/guard_enter"
old=$(bpftool -j link show pinned "$(pins)/links/guard_enter" | jq .id)
kernel_up "${M[@]}"
check "the node comes up again" until_ok 100 grep -q 'is up' "$TMP/kernel.log"
check "in the place of the old programs come new ones" [ "$(bpftool -j link show pinned "$(pins)/links/guard_enter" | jq .id)" != "$old" ]
kill -TERM "$KERNEL"
wait "$BOOT" 2> /dev/null
BOOT=0
check "and nothing is left in the end" no_leftovers
