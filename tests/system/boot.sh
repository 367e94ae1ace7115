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
done
check "wrong: no record at all" gives 64 "$B/bin/writ-kernel" "$NODE"
check "it says why" says 'start it by writ-boot'
check "wrong: an empty one" gives 64 "$B/bin/writ-kernel" "$NODE" 3< /dev/null

"$B/bin/t-boot" "$B/bin" "$NODE" "$TMP" "$(bin t-gate)" nothing > "$TMP/out" 2>&1 &
pid=$!
check "negative control: with nothing wrong it comes up" until_ok 50 says "node $NODE is up"
kill -TERM "$pid"
wait "$pid"

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
check "nothing is left of all these" no_leftovers
