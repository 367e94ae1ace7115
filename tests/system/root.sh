#!/bin/bash
# SPDX-License-Identifier: MIT
# root: restarts its servers, gives up in the end, runs and stops realms, says
# what is wrong with those that it refuses, and survives hostile operators.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir -p "$TMP/texts"
echo text > "$TMP/texts/file"

writ() { "$B/bin/writ" --node "$NODE" "$@"; }
cat > "$TMP/node.yaml" << 'EOF'
node: test
servers:
  - {name: schedd, image: schedd, profile: native, per: node, grants: [{scheduler: true}]}
  - {name: named, image: named, profile: native, per: realm, serves: true, limits: {slots: 4096}}
  - {name: ux, image: ux, profile: files, per: host, serves: true, limits: {slots: 4096}, grants: [{host: true}]}
EOF
realm() { # realm NAME GRANTS ARGS: a manifest on stdout
	echo "realm: $1"
	echo "mounts: [{at: /in, host: texts, rights: [read]}]"
	echo "images: [{name: sleeper, path: $(realpath "$B/bin/sleeper")}]"
	echo "procs: [{name: sleeper, image: sleeper, args: $3, grants: [$2]}]"
}
host_pid() { # host_pid REALM: of its running proc
	writ --json ps 2> /dev/null | tr -d ' \n' | grep -o '{[^}]*}' |
		grep "\"realm\":\"$1\"" | grep '"state":"running"' |
		grep -o '"host_pid":[1-9][0-9]*' | head -1 | cut -d: -f2
}
another() { # another REALM PID: its proc runs, and is another than PID
	local now
	now=$(host_pid "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}
listed() { writ realms | grep -q "$1"; }
logs_say() { writ logs 2>&1 | grep -q -- "$1"; }

check "the node comes up" writ up --file "$TMP/node.yaml" --host "texts=$TMP/texts"

# --- an image that many bring at once
cp "$B/bin/sleeper" "$TMP/large" && head -c 16000000 /dev/urandom >> "$TMP/large"
at_once() {
	local i all=()
	for i in 1 2 3 4 5 6; do
		realm "up$i" '{path: /in, rights: [read]}' '[/in/file]' | sed "s#path: [^ ]*/sleeper#path: $TMP/large#" > "$TMP/up$i.yaml"
		writ run -d "$TMP/up$i.yaml" &
		all+=($!)
	done
	for i in "${all[@]}"; do wait "$i" || return 1; done
}
check "six realms with an image that the node has not yet run at once" at_once
all_stop() { for i in 1 2 3 4 5 6; do writ stop "up$i" || return 1; done; }
check "- and end" all_stop

# servers
pid=$(host_pid ux-texts)
[ -n "$pid" ] && kill -9 "$pid"
check "a server that was killed is started again" until_ok 50 another ux-texts "$pid"
realm one '{path: /in, rights: [read]}' '[/in/file, /out/x]' > "$TMP/one.yaml"
check "a realm runs over the restarted server" writ run -d "$TMP/one.yaml"
check "its proc reads through the mount" until_ok 50 logs_say '/in/file: read'
check "and not where nothing was granted" logs_say '/out/x: no capability'

# refusals explained
writ why > "$TMP/out" 2>&1
check "the refusal is explained by the line to add" says 'path: /out/x, rights: \[read\]'

# one realm of a name at a time
refused "a realm that runs is not run again" writ run -d "$TMP/one.yaml"
check "and that is said" says 'runs already'
pid=$(host_pid one)
check "a realm is stopped" writ stop one
refused "its proc is gone" kill -0 "${pid:-0}"
check "it runs again at once" writ run -d "$TMP/one.yaml"
sed "s/^realm: one/realm: two/" "$TMP/one.yaml" > "$TMP/two.yaml"
check "another runs beside it" \
	writ run -d "$TMP/two.yaml"
until_ok 50 another named-two none
pid=$(host_pid named-two)
check "each has a server of its own" [ -n "$pid" ]
[ -n "$pid" ] && kill -9 "$pid"
check "which is started again as well" until_ok 50 another named-two "$pid"

# all or nothing
many() { # many COUNT: as many procs, each with the largest CSpace
	echo "realm: big"
	echo "images: [{name: sleeper, path: $(realpath "$B/bin/sleeper")}]"
	echo "limits: {procs: 200}"
	echo "procs:"
	for i in $(seq "$1"); do
		echo "  - {name: p$i, image: sleeper, limits: {slots: 4096, memory: 4MiB}}"
	done
}
many 200 > "$TMP/big.yaml"
refused "a realm that the node has no room for is refused" writ run -d "$TMP/big.yaml"
check "with the line of the first proc that did not fit" says "big.yaml:[0-9]+: proc p1[0-9]+ can't be spawned"
refused "nothing of it is left" listed big
many 3 > "$TMP/big.yaml"
check "with fewer procs it runs" writ run -d "$TMP/big.yaml"
sed 's/^realm: one/realm: a-name-of-twenty-nine-letters/' "$TMP/one.yaml" > "$TMP/long.yaml"
refused "a realm whose server's name would be too long is refused" writ run -d "$TMP/long.yaml"
check "and that is said" says 'more than 31'

# services: a proc of the realm that others reach under /svc
cat > "$TMP/svc.yaml" << EOF
realm: svc
images:
  - {name: server, path: $(realpath "$B/bin/named")}
  - {name: sleeper, path: $(realpath "$B/bin/sleeper")}
procs:
  - {name: client, image: sleeper, args: [/svc/kv/there, /svc/other/x], grants: [{service: kv, rights: [read]}]}
  - {name: kv, image: server, provides: kv}
EOF
check "a realm with a service of its own runs" writ run -d "$TMP/svc.yaml"
check "its client reaches the service" until_ok 50 logs_say '/svc/kv/there: no such file'
check "and no other" logs_say '/svc/other/x: no capability'

# the operator's socket: in a folder of root's own
folder_uid=$(stat -c %u "$RUN/op")
check "the operator's socket is open to who comes this far, and root's" \
	[ "$(stat -c '%u %a' "$RUN/op/op.sock")" = "$folder_uid 666" ]
check "which is not the host's root" [ "${folder_uid:-0}" -gt 0 ]
check "nothing else lies beside it" [ "$(ls -A "$RUN/op")" = op.sock ]
sed 's/^realm: one/realm: thief/; s/host: texts/host: .op/' "$TMP/one.yaml" > "$TMP/thief.yaml"
refused "no realm gets that folder by its name" writ run -d "$TMP/thief.yaml"
check "and that is said" says '\.op'

# hostile operators
check "frames of any kind are answered, and root lives" "$B/bin/op-frames" "$RUN/op/op.sock"
check "the operator is still served" writ realms

# giving up
last=0
kill_another() { # five within 30 s, so without asking root
	local p
	for p in $(pgrep -x schedd); do
		[ "$p" != "$last" ] && grep -qs "/writ/$NODE/" "/proc/$p/cgroup" && kill -9 "$p" && last=$p && return
	done
	return 1
}
for _ in 1 2 3 4 5; do until_ok 50 kill_another; done
check "after five deaths a server is given up, and that is logged" \
	until_ok 30 grep -q 'schedd.*given up after 5 deaths' "$LOGS/1.log"
check "the node goes down" writ down
check "and leaves nothing" no_leftovers
