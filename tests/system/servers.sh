#!/bin/bash
# SPDX-License-Identifier: MIT
# Servers die under load: they are started again, clients' capabilities stay
# valid, what was pending starts; one that dies again and again is given up;
# and when root itself dies, the node ends and leaves nothing.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
odd=$(bin odd)

host_pid() { proc host_pid "$1" "$2"; }
another() { # another NAME REALM HOST-PID: it runs, as another process
	local now
	now=$(host_pid "$1" "$2")
	[ -n "$now" ] && [ "$now" != 0 ] && [ "$now" != "$3" ]
}
uses() { writ logs "$1" | grep -oE 'used [0-9]+' | tail -1 | grep -oE '[0-9]+'; }
goes_on() { # goes_on REALM: its proc uses what it has, more and more often
	local n
	n=$(uses "$1")
	until_ok 50 eval '[ "$(uses '"$1"')" -gt '"${n:-0}"' ]'
}

mkdir -p "$TMP/rw"
echo 'something to read' > "$TMP/rw/file"
check "the node comes up" node_up --host "rw=$TMP/rw:rw"
KPID=$(kernel_pid)
realm reads "$odd" '[load, /in/file]' '[{path: /in, rights: [read]}]' \
	'[{at: /in, host: rw, rights: [read]}]' > "$TMP/r.yaml"
check "load on ux, reading" writ run -d "$TMP/r.yaml"
realm writes "$odd" '[load, /in/mine, write]' '[{path: /in, rights: [read, write, create]}]' \
	'[{at: /in, host: rw, rights: [read, write, create]}]' > "$TMP/r.yaml"
check "load on ux, writing" writ run -d "$TMP/r.yaml"
realm names "$odd" '[load, /out/mine, write]' '[{path: /out, rights: [read, write, create]}]' > "$TMP/r.yaml"
check "load on named" writ run -d "$TMP/r.yaml"
for r in reads writes names; do check "$r is at work" goes_on $r; done

pid=$(host_pid ux ux-rw)
kill -9 "$pid"
check "ux is killed and started again" until_ok 50 another ux ux-rw "$pid"
check "writes goes on" goes_on writes
check "reads goes on" goes_on reads
pid=$(host_pid named named-names)
kill -9 "$pid"
check "named is killed and started again" until_ok 50 another named named-names "$pid"
check "names goes on" goes_on names
realm fills "$odd" '[fill, /in/large, "4096"]' '[{path: /in, rights: [read, write, create]}]' \
	'[{at: /in, host: rw, rights: [read, write, create]}]' > "$TMP/r.yaml"
writ run "$TMP/r.yaml" > "$TMP/fills" 2>&1 &
runner=$!
check "one that writes all the time" until_ok 50 [ -s "$TMP/rw/large" ]
kill -9 "$(host_pid ux ux-rw)"
rc=0
wait "$runner" || rc=$?
check "of the write in flight it is told that the server is gone" [ "$rc,$(grep -c 'other side is gone' "$TMP/fills")" = 17,1 ]
rm -f "$TMP/rw/large"
check "others go on" goes_on writes
check "the calls in flight got no other answer than that" \
	eval '! writ logs | grep -E "lost: " | grep -v "the other side is gone" | grep -v "names.*no such file"'
long() { writ logs | awk -v most="$(ms_max 1000)" '/again after/ && $(NF - 1) >= most' | grep .; }
refused "no wait in between was long" long
check "its files were kept over ux's restarts" grep -q 'something to read' "$TMP/rw/file"

# schedd: what waits for it starts when it is back
cat > "$TMP/crew.yaml" << EOF
realm: crew
limits: {procs: 40, memory: 2GiB}
images: [{name: odd, path: "$odd"}]
procs:
  - name: crew
    image: odd
    args: [crew, "20", "10"]
    grants:
      - {spawn: workers, procs: 32, memory: 1536MiB}
      - {image: odd}
EOF
sed 's/realm: crew/realm: crew2/' "$TMP/crew.yaml" > "$TMP/crew2.yaml"
pid=$(host_pid schedd schedd)
kill -STOP "$pid"
check "schedd hangs: a realm is accepted" writ run -d "$TMP/crew.yaml"
check "its proc is pending" until_ok 30 eval '[ "$(proc state crew)" = pending ]'
check "those that run go on" goes_on reads
kill -KILL "$pid"
check "schedd is killed and started again" until_ok 50 another schedd schedd "$pid"
check "what was pending starts, spawns 20 more, and all end" until_ok 100 log_has crew 'all ended'
writ run "$TMP/crew2.yaml" > "$TMP/out" 2>&1 &
runner=$!
for _ in 1 2; do
	sleep 0.1
	pid=$(host_pid schedd schedd)
	[ -n "$pid" ] && [ "$pid" != 0 ] && kill -KILL "$pid"
done
wait "$runner"
ok $? "schedd is killed while 20 procs are spawned and end: nothing is lost"
check "the kernel is the same" [ "$(kernel_pid)" = "$KPID" ]

# one that dies again and again
pid=
given_up() { log_has root 'ux-rw.*given up after [0-9]+ deaths'; }
until_ok 100 eval 'another ux ux-rw "${pid:-0}" && pid=$(host_pid ux ux-rw) && kill -9 "$pid"; given_up'
check "ux is given up in the end" given_up
check "- and realms says so" eval 'writ realms 2>&1 | grep -q "given up"'
check "- it stays down" [ -z "$(host_pid ux ux-rw)" ]
check "its clients are told, and don't wait" until_ok 30 eval 'writ logs writes | tail -1 | grep -q lost'
writ run "$TMP/r.yaml" > "$TMP/fills" 2>&1 &
runner=$!
until_ok 50 eval '! kill -0 "$runner"'
check "a realm that wants it is refused" eval '! kill -0 "$runner" && grep -q "r.yaml:" "$TMP/fills"'
check "others go on" goes_on names
realm small "$odd" '[exit, "0"]' > "$TMP/small.yaml"
check "a realm that needs nothing of it runs" writ run "$TMP/small.yaml"

# root
log=$(realpath -m "$LOGS/kernel.log")
kill -9 "$(host_pid root root)"
check "root is killed: the kernel ends" until_ok 30 eval '! kill -0 "$KPID"'
check "- and says why" grep -q 'root has ended' "$log"
check "- commands say that the node isn't running" gives 69 writ ps
writ down > /dev/null 2>&1
check "nothing is left" no_leftovers
check "no process is left" eval '! pgrep -f "^.*writ-(boot --node|kernel) $NODE( |\$)"'
check "the node comes up again" node_up --host "rw=$TMP/rw:rw"
check "and works" writ run "$TMP/small.yaml"
