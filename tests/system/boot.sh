#!/bin/bash
# SPDX-License-Identifier: MIT
# What the kernel is started with: each way in which the record or a descriptor
# can be wrong ends it with status 64 before it does anything.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir -p /run/writ /var/log/writ
for what in $("$B/bin/t-boot" list); do
	check "wrong: $what" gives 64 "$B/bin/t-boot" "$B/bin" "$NODE" "$TMP" "$(bin t-gate)" "$what"
	says 'writ-kernel: no boot record' || ok 1 "it says why"
	[[ $what != *_without_* ]] || says 'the map that it needs' || ok 1 "it says which: a map"
done
check "wrong: no record at all" gives 64 "$B/bin/writ-kernel" "$NODE"
check "it says why" says 'start it by writ-boot'
check "wrong: an empty one" gives 64 "$B/bin/writ-kernel" "$NODE" 3< /dev/null

"$B/bin/t-boot" "$B/bin" "$NODE" "$TMP" "$(bin t-gate)" nothing > "$TMP/out" 2>&1 &
pid=$!
check "negative control: with nothing wrong it comes up" until_ok 50 says "node $NODE is up"
kill -TERM "$pid"
wait "$pid"

# A nest that dies while the kernel writes its number to files: nobody else has that meanwhile.
mkdir -p "$TMP"/{v2/root/nest,pids/root}
touch "$TMP/pids/root/pids.max"
mkfifo "$TMP"/{v2/root/nest,pids/root}/cgroup.procs
admits() { timeout "$(ms_max 10)" cat "$TMP/$1/cgroup.procs"; } # and the kernel goes on to the next
dead() { [ ! -e "/proc/$1" ] || grep -q '^State:.*zombie' "/proc/$1/status"; }
"$B/bin/t-boot" "$B/bin" "$NODE" "$TMP" "$(bin t-gate)" groups_fake > "$TMP/log" 2>&1 &
pid=$!
nest=$(admits v2/root/nest)
check "a nest is admitted" [ "${nest:-0}" -gt 1 ]
kill -KILL "$nest"
check "and dies" until_ok 50 dead "$nest"
check "it keeps its number while that is written" test -e "/proc/$nest"
check "and is what was written to" [ "$(admits pids/root)" = "$nest" ]
wait "$pid"
check "then the kernel says that it has gone" grep -q 'nest: Broken pipe' "$TMP/log"

# what writ-boot is asked for
boot() { "$B/bin/writ-boot" --node "$NODE" --run "$RUN" --log "$LOGS" "$@"; }
root=root=$(bin t-gate)
check "no module root" gives 64 boot --module "x=$(bin t-gate)"
check "root is no program" gives 64 boot --module root=/etc/passwd
check "no such module" gives 71 boot --module root=/no/such/file
check "no such host folder" gives 66 boot --module "$root" --host x=ro:/no/such/folder
check "a name that is too long" gives 65 boot --module "$root" --module "$(printf 'a%.0s' {1..32})=/etc/passwd"
check "too few procs" gives 64 boot --module "$root" --procs 63
check "no node" gives 64 "$B/bin/writ-boot" --run "$RUN" --log "$LOGS" --module "$root"
check "a node's name with a slash" gives 64 "$B/bin/writ-boot" --node a/b --run "$RUN" --log "$LOGS" --module "$root"
beside() { mkdir -p "$TMP/run" && "$B/bin/writ-boot" --node "$NODE" --run "$TMP/run/ids" --log "$LOGS" --module root=/etc/passwd; }
check "a node may be called as anything that lies beside it" gives 64 beside
check "and takes nothing of that with it" [ -e "$TMP/run/.ids" -a ! -e "$TMP/run/ids" ]
check "nothing is left of all these" no_leftovers
