#!/bin/bash
# SPDX-License-Identifier: MIT
# Names of servers: fleets, whom their clients get, what happens when members,
# their names' server or a registrant in the middle die; and what who registers
# must not be able to do. A client says how often it asked (lookups), and how
# often what it remembered was stale.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
it=$(bin t-names)

# fleet NAME SERVERS RIGHTS STEPS [GRANTS]: a realm with so many members of /run/f, which give
# RIGHTS, and a client with GRANTS
fleet() {
	local i
	cat << END
realm: $1
limits: {procs: 30, memory: 2GiB}
images: [{name: it, path: "$it"}]
procs:
END
	for ((i = 1; i <= $2; i++)); do
		cat << END
  - name: s$i
    image: it
    args: [serve, /run/f, $3]
    grants: [{endpoint: own}, {path: /run/f, rights: [mount, grant]}]
END
	done
	cat << END
  - name: client
    image: it
    args: [$4]
    grants: [${5:-{path: /run, rights: [read, write, create, remove]\}}]
END
}
# run SERVERS RIGHTS STEPS [GRANTS]: what the client says is the output
run() {
	fleet names "$@" > "$TMP/f.yaml"
	writ run "$TMP/f.yaml" > "$TMP/all" 2>&1
	local rc=$?
	sed -n 's/^client| //p' "$TMP/all"
	[ "$1" -gt 0 ] || cat "$TMP/all"
	return "$rc"
}
host_pid() { proc host_pid "$1" "${2:-}"; }

check "the node comes up" node_up

# --- finding somebody
check "a client waits for a member and calls it" \
	run 1 'read, write' 'wait, /run/f, "1", call, /run/f, hello, stats'
check "- it answers" says '^member 1 read,write hello$'
check "- after one question" says '^lookups 1 found 0 stale 0$'
check "calls after the first ask nobody" run 1 'read, write' \
	'wait, /run/f, "1", call, /run/f, a, call, /run/f, b, call, /run/f, c, stats'
check "- but the cache" says '^lookups 1 found 2 stale 0$'
check "with ~any, ~local, by its own name" run 1 read \
	'wait, /run/f, "1", call, /run/f/~any, a, call, /run/f/~local, b, call, /run/f/1, c, stats'
check "- ~any" says '^member 1 read a$'
check "- ~local" says '^member 1 read b$'
check "- by name" says '^member 1 read c$'
check "- each is a question of its own" says '^lookups 3 found 0 stale 0$'
check "nobody of that name" run 1 read \
	'wait, /run/f, "1", call, /run/f/2, two, call, /run/g, g, call, /run/f/~other, other, call, /run/f/1/2, far'
check "- another member" says '^two: NOT_FOUND$'
check "- another fleet" says '^g: NOT_FOUND$'
check "- another word" says '^other: NOT_FOUND$'
check "- below a member" says '^far: NOT_DIR$'
check "4 members, each call looked up: they take turns" run 4 read 'wait, /run/f, "4", spread, /run/f, "40"'
check "- exactly" says '^spread: least 10 most 10 failed 0$'
check "as many channels as there is room for" run 1 'read, "60"' \
	'wait, /run/f, "60", hold, /run/f, "60", call, /run/f, after, call, /run/f/7, too'
check "- then it is refused" says '^hold: not all, NOT_ENOUGH_MEMORY$'
check "- and with room again all goes on" says '^member 60 read after$'
check "- as before" says '^member 60 read too$'
check "a fleet is a folder of its members" run 2 read 'wait, /run/f, "2", ls, /run, ls, /run/f'
check "- among others" says '^/run/f fleet 2$'
check "- 1" says '^/run/f/1 member 0$'
check "- 2" says '^/run/f/2 member 0$'
check "its name can be nothing else" run 1 read \
	'wait, /run/f, "1", put, /run/f, mkdir, /run/f, put, /run/f/x, mkdir, /run/f/x, remove, /run/f, remove, /run/f/1, call, /run/f, still'
check "- no file" says '^put: IS_DIR$'
check "- no folder" says '^mkdir: EXISTS$'
check "- nothing in it" says '^put: NOT_DIR$'
check "- nor can it be removed" says '^remove: NOT_EMPTY$'
check "- or a member" says '^remove: ILLEGAL_OPERATION$'
check "- it still serves" says '^member 1 read still$'
check "a file's name can be no fleet" run 0 '' 'put, /run/f, register, /run/f' \
	'{endpoint: own}, {path: /run, rights: [read, write, create, mount, grant]}'
check "- EXISTS" says 'register: EXISTS'

# --- members that leave and die
check "a member leaves and comes again" run 1 read \
	'wait, /run/f, "1", keep, /run/f, say, leave, wait, /run/f, "0", say, stay, say, come, wait, /run/f, "1", say, new, close, call, /run/f/2, there, call, /run/f/1, gone'
check "- its channel stays" says '^member 1 read stay$'
check "- it has another name" says '^member 2 read new$'
check "- by which it is found" says '^member 2 read there$'
check "- and not by the old one" says '^gone: NOT_FOUND$'
check "the member one talks to dies" run 2 read \
	'wait, /run/f, "2", keep, /run/f, say, hello, say, die, close, call, /run/f, again, call, /run/f, more, stats'
check "- the call in flight is told" says '^die: PEER_CLOSED$'
check "- the next goes to the other" says '^member [12] read again$'
check "- after exactly one more question" says '^lookups 2 found 2 stale 1$'
check "negative control: nobody died" run 2 read \
	'wait, /run/f, "2", keep, /run/f, say, hello, close, call, /run/f, again, call, /run/f, more, stats'
check "- and nobody was asked again" says '^lookups 1 found 2 stale 0$'
check "the last member dies" run 1 read \
	'wait, /run/f, "1", call, /run/f, hello, call, /run/f, die, call, /run/f, again, call, /run/f, more, wait, /run/f, "0", stats'
check "- then there is nobody" says '^again: NOT_FOUND$'
check "- and the fleet is gone" says '^there are 0$'
check "8 members die one after the other" run 8 read \
	"wait, /run/f, '8', $(for i in 1 2 3 4 5 6 7; do printf 'call, /run/f, die, call, /run/f, after-%d, ' $i; done) stats"
check "- somebody is left after each" says '^member [0-9] read after-7$'
check "- one question for each" says '^lookups 8 found 13 stale 7$'
fleet names 3 read 'wait, /run/f, "3", load, /run/f, "3000"' > "$TMP/f.yaml"
writ run "$TMP/f.yaml" > "$TMP/all" 2>&1 &
runner=$!
until_ok 50 eval '[ -n "$(host_pid s3 names)" ] && [ "$(host_pid s3 names)" != 0 ]'
sleep 1
kill -9 "$(host_pid s1 names)"
sleep 0.5
kill -9 "$(host_pid s2 names)"
wait "$runner"
check "2 of 3 are killed under load: calls in flight are told, no other fails" \
	grep -E '^client\| load: served, lost [012] other 0$' "$TMP/all"

# --- rights
check "what one gets is no more than the member gives" run 1 read 'wait, /run/f, "1", call, /run/f, x' \
	'{path: /run/f, rights: [read, write, create]}'
check "- read" says '^member 1 read x$'
check "nor than one has oneself" run 1 'read, write, create' 'wait, /run/f, "1", call, /run/f, x' \
	'{path: /run/f, rights: [read, write]}'
check "- read and write" says '^member 1 read,write x$'
check "through a read-only path it is read-only" run 1 'read, write' 'wait, /run/f, "1", call, /run/f, x' \
	'{path: /run/f, rights: [read]}'
check "- read" says '^member 1 read x$'
run 1 read 'call, /run/f, x' '{path: /run/f, rights: [write]}' > "$TMP/out"
check "who may not read the name finds nobody" says '^x: NO_RIGHT$'
why() { # why GRANTS: of one that registers
	cat > "$TMP/w.yaml" << END
realm: why
images: [{name: it, path: "$it"}]
procs:
  - name: server
    image: it
    args: [serve, /run/f, read]
    grants: [{endpoint: own}$1]
END
	writ run --keep "$TMP/w.yaml"
	writ why server
	writ stop why
}
check "to register takes right mount" why ', {path: /run/f, rights: [read, grant]}'
check "- it is refused" says 'registered: NO_RIGHT'
check "- writ why has the line" says 'add mount to the rights of /run/f in the grants of server'
check "and right grant, for what is sent" why ', {path: /run/f, rights: [read, mount]}'
check "- it is refused" says 'registered: NO_RIGHT'
check "- writ why has the line" says 'add grant to the rights of /run/f in the grants of server'
check "and a path" why ''
check "- it is refused" says 'registered: NO_PATH'
check "- writ why has the line" says 'add `- \{path: /run/f, rights: \[mount, grant\]\}` to the grants of server'

# --- a registrant that wants more: it speaks the protocol itself
# alone STEPS: a hostile one; then a client calls the member that was there before
alone() {
	cat > "$TMP/h.yaml" << END
realm: names
images: [{name: it, path: "$it"}]
procs:
  - name: good
    image: it
    args: [serve, /run/good, read]
    grants: [{endpoint: own}, {path: /run/good, rights: [mount, grant]}]
  - name: bad
    image: it
    args: [wait, /run/good, "1", $1, put, /run/done]
    grants: [{endpoint: own}, {path: /run, rights: [read, create, mount, grant]}]
  - name: client
    image: it
    args: [wait, /run/done, "1", call, /run/good, still, wait, /run/f, "0"]
    grants: [{path: /run, rights: [read]}]
END
	writ run --keep "$TMP/h.yaml" > "$TMP/all" 2>&1
	
	cat "$TMP/all"
	writ stop names > /dev/null
	grep -q '^client| member [0-9]* read still$' "$TMP/all"
}
many=$((10000 / ${WRIT_TEST_SCALE:-1}))
check "$many registrations under one name" alone 'flood, /run/f, "'$many'", unregister, /run/good/1'
check "- 64 are taken, all others refused" says "bad\| flood: 64 registered, $((many - 64)) refused, 0 failed"
check "- nobody's registration but one's own can be taken back" says 'bad\| unregister: NO_RIGHT'
check "- when it has gone, so have they" says 'client\| there are 0'
check "$many under as many names" alone 'flood, /run/f%, "'$many'"'
check "- 64 are taken" says "bad\| flood: 64 registered, $((many - 64)) refused, 0 failed"
check "with no capability, with several, with others than a path" alone 'wrong, /run/w, ls, /run/w'
check "- none" says 'bad\| none: INVALID_ARGUMENT'
check "- two" says 'bad\| two: INVALID_ARGUMENT'
check "- three" says 'bad\| three: INVALID_ARGUMENT'
check "- an endpoint" says 'bad\| endpoint: INVALID_CAPABILITY'
check "- an empty slot" says 'bad\| empty slot: FAILED_LOOKUP'
check "- more than a lookup takes" says 'bad\| too many for a lookup: NOT_FOUND'
check "- control: a path" says 'bad\| path: ok'
check "- and nothing else is there" says 'bad\| 1 listed'
check "names that are none" alone 'names, /run'
check "- all are refused" says 'bad\| names: 7 of 7 refused'
check "a path that is taken back from all who have it" alone 'revoked, /run/r, ls, /run'
check "- was found before" says 'bad\| found: ok'
check "- and not afterwards" says 'bad\| found: NOT_FOUND'
check "- nor is its fleet there" says 'bad\| 1 listed'

check "capabilities with frames that carry none" alone 'stuff, "2000"'
check "- the channel is closed" says 'bad\| stuff: PEER_CLOSED'

# --- registrants that are killed in the middle of it
churn() {
	local i
	cat << END
realm: churn
images: [{name: it, path: "$it"}]
procs:
  - name: good
    image: it
    args: [serve, /run/f, read]
    grants: [{endpoint: own}, {path: /run/f, rights: [mount, grant]}]
  - name: client
    image: it
    args: [wait, /run/go, "1", wait, /run/f, "1", call, /run/f, still, ls, /run/f]
    grants: [{path: /run, rights: [read]}]
  - name: starter
    image: it
    args: [sleep, "$(ms_max 4000)", put, /run/go]
    grants: [{path: /run, rights: [read, create]}]
END
	for i in 1 2 3 4 5 6 7 8; do
		cat << END
  - name: churn$i
    image: it
    args: [churn, /run/f]
    grants: [{endpoint: own}, {path: /run/f, rights: [mount, grant]}]
END
	done
}
churn > "$TMP/c.yaml"
writ run "$TMP/c.yaml" > "$TMP/all" 2>&1 &
runner=$!
for i in 1 2 3 4 5 6 7 8; do
	until_ok 50 grep -q "^churn$i| churn: ok" "$TMP/all"
	kill -9 "$(host_pid churn$i churn)"
done
wait "$runner"
check "8 are killed while they register and leave: what they left behind goes" \
	eval 'sed -n "s/^client| //p" "$TMP/all"'
check "- one member is left" says '^1 listed$'
check "- it serves" says '^member [0-9]+ read still$'

# --- the names' server
fleet names 2 read 'wait, /run/f, "2", call, /run/f, before, sleep, "2000", call, /run/f, without,
	wait, /run/f, "2", forget, call, /run/f, after, ls, /run/f' > "$TMP/f.yaml"
writ run "$TMP/f.yaml" > "$TMP/all" 2>&1 &
runner=$!
until_ok 50 grep -q 'before$' "$TMP/all"
kill -9 "$(host_pid named named-names)"
wait "$runner"
check "the names' server is killed: members register again by themselves" \
	eval 'sed -n "s/^client| //p" "$TMP/all"'
check "- before" says '^member 1 read before$'
check "- what is remembered needs no names" says '^member 1 read without$'
check "- both are there again" says '^2 listed$'
check "- and found" says '^member [12] read after$'

# --- services
cat > "$TMP/s.yaml" << END
realm: names
images: [{name: it, path: "$it"}]
procs:
  - name: server
    image: it
    provides: kv
    args: [serve, /svc/kv]
  - name: client
    image: it
    args: [call, /svc/kv, a, call, /svc/kv/~any, b, call, /svc/kv/1, c, stats]
    grants: [{service: kv, rights: [read, write]}]
END
check "a service is found by its name as well" eval 'writ run "$TMP/s.yaml" | sed -n "s/^client| //p"'
check "- by that" says 'read,write a$'
check "- as any" says 'read,write b$'
check "- and nobody is asked" says '^lookups [01] found 0 stale 0$'

# --- the example
sed "s#\.\./\.\./\.\./build/bin/#$(realpath "$B/bin")/#" docs/examples/fleet/fleet.yaml > "$TMP/fleet.yaml"
check "the example: a client survives the death of a server" \
	eval 'writ run "$TMP/fleet.yaml" | sed -n "s/^client| //p" > "$TMP/echoes"'
check "- it has 8 answers" [ "$(grep -c '^echo [12]: hello' "$TMP/echoes")" -eq 8 ]
check "- 5 from one and 3 from the other" \
	[ "$(cut -d: -f1 "$TMP/echoes" | sort | uniq -c | awk '{print $1}' | sort | xargs)" = "3 5" ]

# --- a names' server with few slots
check "the node goes down" writ down
sed 's/slots: 4096/slots: 64/' docs/examples/node.yaml > "$TMP/node.yaml"
check "a node whose names' server has 64 slots" writ up --file "$TMP/node.yaml"
check "$many registrations there" alone 'flood, /run/f, "'$many'", lookup, /run/good, lookup, /run/f'
check "- a proc gets no more than it leaves" says "bad\| flood: 16 registered, $((many - 16)) refused, 0 failed"
check "- and there is room for lookups" \
	eval '[ "$(grep -c "^bad| lookup: ok" "$TMP/all")" -eq 2 ]'
check "lookups by who has no slot for what is found" alone 'deaf, /run/good, "100", lookup, /run/good'
check "- all end" says 'bad\| deaf: 100 of 100 refused'
check "- and none keeps a slot" says 'bad\| lookup: ok'
