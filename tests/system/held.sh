#!/bin/bash
# SPDX-License-Identifier: MIT
# A proc that outlives the kernel process is held all the same: Linux ends it for a call
# that it may not make. Procs die with their kernel by their nest, so the nest is frozen,
# and what Linux has sent it with it; and writ-boot, which would clear, is stopped.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
# shellcheck source=tests/system/lib-guard.sh
. tests/system/lib-guard.sh
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
ICE=$TMP/freezer/$NODE
mkdir "$TMP/freezer"
boot=0 kernel=0 host=0 nest=0 log=''
tidy() {
	thaw
	[ "$boot" -eq 0 ] || kill -CONT "$boot" 2> /dev/null
	until_ok 100 eval '[ ! -e "$RUN" ]'
	rmdir "$ICE" 2> /dev/null
	umount "$TMP/freezer"
	finish
}
trap tidy EXIT
# The old freezer keeps SIGKILL waiting as well; the one of cgroup v2 does not.
mount -t cgroup -o freezer none "$TMP/freezer" && mkdir "$ICE" || exit 1
freeze() {
	echo "$1" > "$ICE/cgroup.procs" && echo FROZEN > "$ICE/freezer.state" &&
		until_ok 20 grep -q FROZEN "$ICE/freezer.state"
}
thaw() { echo THAWED > "$ICE/freezer.state"; }

# $state: of a process, a letter; read by the shell itself, for a fork takes longer than a death.
look() {
	local line=''
	{ read -r line < "/proc/$1/stat"; } 2> /dev/null
	line=${line##*) }
	state=${line%% *}
}
is() { look "$1" && [[ $state == [$2] ]]; } # is PID LETTERS
dead() { look "$1" && [[ $state == [ZX] || -z $state ]]; }
lines() { wc -l < "$log"; }
# A node and its realm, the kernel killed; the proc is stopped, and has a forbidden call before it.
orphan() {
	writ up --file docs/examples/node.yaml > /dev/null && demands first "" $GETCPU > /dev/null && goes_on first || return 1
	kernel=$(kernel_pid)
	boot=$(ps -o ppid= -p "$kernel" | tr -d ' ')
	host=$(proc host_pid first)
	log=$LOGS/$(proc log first).log
	nest=$(ps -o ppid= -p "$host" | tr -d ' ')
	freeze "$nest" && kill -STOP "$host" "$boot" && until_ok 20 is "$host" T || return 1
	forbid $GETCPU && writ guard enforce && kill -KILL "$kernel" && until_ok 50 dead "$kernel"
}
clear_up() {
	thaw
	kill -CONT "$boot"
	until_ok 100 eval '[ ! -e "$RUN" ]' && until_ok 50 dead "$host" && boot=0
}

check "the kernel is killed, its nest can't die" orphan
check "- the proc is there, with nobody over it" eval 'sleep 0.5; is "$host" T && is "$nest" DI'
check "- the programs are" attached
before=$(lines)
t0=${EPOCHREALTIME/./}
kill -CONT "$host"
until dead "$host" || [ $(((${EPOCHREALTIME/./} - t0) / 1000)) -gt "$(ms_max 5000)" ]; do :; done
took=$(((${EPOCHREALTIME/./} - t0) / 1000))
check "it goes on, and is dead of the call in $took ms" [ "$took" -le "$(ms_max 100)" ]
check "- that it never came back from" [ "$(lines)" = "$before" ]
check "- by the layer of calls, as Linux has noted" eval 'bpftool -j map dump pinned "$PINS/maps/denials" |
	jq -e "any(.[].formatted; .key.layer == \"GUARD_BY_CALLS\" and .key.what == $GETCPU and .value.name == \"first\" and .value.mode == \"GUARD_ENFORCE\")"'
check "- while its nest was still frozen" grep -qx "$nest" "$ICE/cgroup.procs"
check "all is cleared" clear_up
check "- and nothing left" no_leftovers

check "control: the same, without the pins" eval 'orphan && rm "$PINS/links/guard_enter"'
before=$(lines)
kill -CONT "$host"
check "- it makes the call, and goes on" until_ok 50 eval '[ $(lines) -gt $((before + 4)) ] && ! dead "$host"'
check "- till its nest dies" clear_up
check "- nothing is left" no_leftovers
