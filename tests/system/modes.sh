#!/bin/bash
# SPDX-License-Identifier: MIT
# The layers as operators see and set them: what is missing is said, a realm runs
# with no less than it requires, `writ guard` changes what eBPF does while procs run,
# and `why` and `ps` tell what was refused, by which layer, and who was ended.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
# shellcheck source=tests/system/lib-guard.sh
. tests/system/lib-guard.sh
tidy() { second down > /dev/null 2>&1; rm -rf "/var/log/writ/${NODE}b"; finish; }
trap tidy EXIT
second() { "$B/bin/writ" --node "${NODE}b" "$@"; }

# --- a node with all that the machine has
check "up" node_up
cp "$TMP/out" "$TMP/up"
missing=$(rows '.[] | select(.state == "missing") | .layer' guard)
for l in namespaces seccomp rlimits ebpf_calls ebpf_sockets telemetry; do
	check "$l is active" [ "$(layer $l)" = active ]
	check "- and holds root" [ "$(held $l root)" = true ]
	refused "- up doesn't say that it is missing" grep -q "without layer $l:" "$TMP/up"
done
check "no server asks for a call that it hasn't" eval 'writ why > "$TMP/why" && ! grep -q "refused by" "$TMP/why"'
for l in $missing; do
	check "$l is missing: up says so, with a reason" grep -qE "^without layer $l: .+" "$TMP/up"
	check "- and so does guard" [ -n "$(rows ".[] | select(.layer == \"$l\") | .why" guard)" ]
	check "- no proc is said to be held by it" [ "$(held "$l" root)" = false ]
	refused "- a realm that requires it does not run" demands lacking "$l" $GETCPU
	check "- for that reason, and the line is named" says "r.yaml:2: .*$l"
done
check "ps --wide says it in short" eval 'writ ps -w | grep -qE "LAYERS\$"'
refused "ps without it doesn't" eval 'writ ps | grep -q LAYERS'
check "doctor says what they are on the node" eval '[ "$(rows ".[] | select(.key == \"ebpf_calls\") | .node" doctor)" = active ]'

# --- what seccomp refused
check "a realm that requires eBPF runs" demands first "ebpf_calls, ebpf_sockets" $PTRACE $READLINK $GETPPID
check "- and goes on" goes_on first
check "why names the call that seccomp refused" eval 'writ why first > "$TMP/why"; grep -q "first (pid [0-9]*, realm first): call ptrace refused by seccomp, [0-9]* times" "$TMP/why"'
check "- and that no profile has it" eval 'grep -A 1 "call ptrace" "$TMP/why" | grep -q "fix: none: no profile has it"'
check "- another one too" grep -q 'call getppid refused' "$TMP/why"
refused "- but not what the C library does without" grep -q readlink "$TMP/why"
check "- which was refused" eval 'writ logs first | grep -q "^$READLINK: ENOSYS"'
check "in JSON: layer, call, count, fix" eval '[ "$(rows ".[] | select(.kind == \"denied\" and .pid != 0 and .what == \"call ptrace\") | .layer, .ended" why first)" = "seccomp
false" ]'
check "why -n 1 prints one" [ "$(writ why -n 1 first | grep -c refused)" = 1 ]
realm curious "$(bin odd)" '[read, /secret/file]' > "$R"
check "- also where the kernel has refused something" gives 24 writ run "$R"
check "- which is told with it" eval 'writ why > "$TMP/why" && grep -q "call ptrace refused" "$TMP/why" && grep -q "on /secret/file" "$TMP/why"'
check "- the last of all" [ "$(writ why -n 1 | grep -c refused)" = 1 ]
check "- of which there is at least one: 64" gives 64 writ why -n 0
check "why of nobody: 66" gives 66 writ why nobody
check "why of who was refused nothing" eval '[ "$(writ why schedd)" = "nothing was refused" ]'
# as the layer of sockets notes it, which knows no proc: what no proc can do past its filter
noted() { # noted HOST-PID: a connect of realm first
	local key value
	key=$(printf '0 0 0 0 %s 2 0 0 0 1 0 0 0' "$(word "$(bpftool -j map dump pinned "$PINS/maps/realms" | jq '.[].formatted | select(.value.name == "first") | .key')")")
	value="3 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 $(word "$1") 2 0 0 0 $(printf first | od -An -tu1) $(printf '0 %.0s' {1..27})"
	eval "bpftool map update pinned $PINS/maps/denials key $key value $value"
}
word() { printf '%d %d %d %d' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
check "what a socket was refused names the proc, by Linux's pid" eval 'noted "$(proc host_pid first)" && writ why first > "$TMP/why" &&
	grep -q "first (host pid $(proc host_pid first), realm first): connecting to an IPv4 address refused by ebpf_sockets, 3 times" "$TMP/why"'
check "- and where that is nobody's any more the realm" eval 'noted 1 && writ why first | grep -q "a process (host pid 1, realm first): connecting"'
# one realm's refusals, of as many kinds as there is room for
flood() {
	awk -v at="$PINS/maps/denials" 'BEGIN {
		for (i = 1; i < 56; i++) zeros = zeros " 0"
		for (pid = 1; pid <= 17000; pid++)
			print "map update pinned " at " key " pid % 256, int(pid / 256), "0 0 0 0 0 0 0 0 0 0 1 0 0 0 value 1" zeros
	}' | bpftool batch file - > /dev/null
}
check "negative control: a table that has room is no matter" eval '! writ why 2>&1 | grep -q "pushed out"'
check "when it is full, why says that others may have been pushed out" eval 'flood; writ why schedd > "$TMP/why" 2>&1; grep -q "full: .* pushed out" "$TMP/why"'
check "- and not that nothing was refused" eval '! grep -q "^nothing was refused" "$TMP/why" && grep -q "^nothing that is still known was refused" "$TMP/why"'
check "- in JSON" [ "$(rows '.[] | select(.layer == "ebpf_sockets") | .realm, .host_pid, .pid' why first | tr '\n' ' ')" = "first 1 0 " ]
check "nobody but root sees it" eval 'setpriv --reuid 65534 --regid "$(getent group writ | cut -d: -f3)" --clear-groups "$B/bin/writ" --node "$NODE" why first > "$TMP/out" 2>&1 && { grep -q "call ptrace" "$TMP/out" || grep -q "sudo writ why" "$TMP/out"; }'

# --- changed while it runs
before=$(generation)
check "guard off is refused while a realm needs it: 75" gives 75 writ guard off
check "- the realm and its line are named" says 'realm first runs and requires layer ebpf_calls \(.*r.yaml:2\)'
check "guard audit, too" gives 75 writ guard audit
check "- nothing has changed" [ "$(mode) $(generation)" = "enforce $before" ]
check "not so by force" writ guard off --force
check "- it is off, a generation later" [ "$(mode) $(generation)" = "off $((before + 1))" ]
refused "- what looked at each call is detached" attached
check "- what follows forks is not" follows
check "- the layers are said to be off" [ "$(layer ebpf_calls) $(layer ebpf_sockets) $(layer seccomp)" = "off off active" ]
check "- no proc is held by them" [ "$(held ebpf_calls first) $(held seccomp first)" = "false true" ]
check "- the proc goes on" goes_on first
refused "- another realm that requires it does not run" demands other ebpf_calls $GETCPU
check "- for that reason" says 'r.yaml:2: .*ebpf_calls'
check "- one that doesn't, does" demands other "seccomp" $GETCPU
check "guard enforce" writ guard enforce
check "- it is attached again" attached
refused "- and nothing else that looks at each call" test -e "$PINS/links/trace_calls"
check "- it holds who was born meanwhile" eval 'holds ebpf_calls other && [ "$(mode) $(generation)" = "enforce $((before + 2))" ]'
check "- both go on" eval 'goes_on first && goes_on other'
check "- a realm that requires it runs" demands third ebpf_calls $GETPPID
check "guard by another word: 64" gives 64 writ guard on

# --- somebody else holds the lock of the pins
before=$(generation)
check "guard audit while the pins are locked" gives 71 flock "$PINS" "$B/bin/writ" --node "$NODE" guard audit --force
check "- says so" says 'locking the pins'
check "- nothing has changed" [ "$(mode) $(generation)" = "enforce $before" ]
check "- root was told of nothing: who requires it runs" eval 'demands fourth ebpf_calls $GETPPID && writ stop fourth'

# --- a user of no right at all holds every lock that he can
stranger=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${stranger[@]}" flock -F -n /run/writ sleep "$(($(ms_max 60000) / 1000))" &
holder=$!
check "a stranger locks what he can open" until_ok 50 grep -q "FLOCK .* $holder " /proc/locks
refused "- and does not get the lock of up, down and guard" "${stranger[@]}" flock -n /run/writ/.lock true
check "- nor keeps anybody from them" timeout "$(($(ms_max 5000) / 1000))" "$B/bin/writ" --node "$NODE" guard enforce
check "- his lock he has still" kill -0 "$holder"
kill "$holder"
refused "negative control: the lock itself is waited for" flock /run/writ/.lock timeout 1 "$B/bin/writ" --node "$NODE" guard enforce

# --- a call that the filter has and eBPF has not
check "stop those that require it" eval 'writ stop first && writ stop third'
check "audit" writ guard audit
check "- a call is taken from the profile" eval 'forbid $GETCPU && writ guard audit'
check "- who makes it goes on" goes_on other
check "- why says that it was let pass" eval 'until_ok 30 eval "writ why other | grep -q \"call getcpu let pass by ebpf_calls, which only audits\""'
check "- and which profile has it" eval 'writ why other | grep -A 1 getcpu | grep -q "fix: profile native has it only: any arguments"'
victim=$(proc pid other)
check "enforce" writ guard enforce
check "- it is ended" until_ok 50 ended "$victim"
check "- ps says by whom and at what" eval 'writ ps -a other | grep -q "killed by ebpf_calls: call getcpu"'
check "- in JSON as well" [ "$(rows ".[] | select(.pid == $victim) | .state, .ended_by" ps -a)" = "killed
ebpf_calls: call getcpu" ]
check "- and why" eval 'writ why "$victim" | grep -q "other (pid $victim, realm other): ended by ebpf_calls for call getcpu"'
check "who makes no such call is not ended" eval 'demands third ebpf_calls $GETPPID && goes_on third'
check "one ended by hand is told apart" eval 'killed=$(proc pid third); writ kill "$killed" && until_ok 30 ended "$killed" && writ ps -a third | grep -q "killed KILL"'

# --- two nodes
check "a second node, whose guard is off" second up --file docs/examples/node.yaml --guard off
check "- it is" eval 'second guard | grep -q "^node ${NODE}b: off"'
refused "- its programs are not attached" test -e "$PINS"b/links/guard_enter
check "- the first one's are" attached
check "switched on" second guard enforce
check "- they are" test -e "$PINS"b/links/guard_enter
check "and off again" second guard off
check "- the first one's stay" eval 'attached && [ "$(mode)" = enforce ]'
check "it ends" second down
check "- the first goes on" [ "$(layer ebpf_calls)" = active ]
check "down" writ down
check "- nothing is pinned" eval '[ ! -e "$PINS" ]'

# --- as the manifest says
{ cat docs/examples/node.yaml; echo 'guard: audit'; } > "$TMP/node.yaml"
check "a manifest whose guard audits" writ up --file "$TMP/node.yaml"
check "- it does" [ "$(mode) $(layer ebpf_calls) $(held ebpf_calls root)" = "audit audits false" ]
refused "- a realm that requires it does not run" demands lacking ebpf_calls $GETPPID
check "- for that reason" says 'r.yaml:2: .*ebpf_calls'
check "- it can be told to enforce" writ guard enforce
check "- and procs are held then" [ "$(held ebpf_calls root)" = true ]
check "- and the realm runs" demands lacking ebpf_calls $GETPPID
check "down" writ down

# --- where something isn't that all layers need
in_mounts() { # in_mounts COMMANDS ARGUMENT...: writ in mounts of its own, which the commands change
	unshare -m bash -ec "$1"'; exec "$0" --node "$@"' "$B/bin/writ" "$NODE" "${@:2}"
}
check "a bpffs that can't be written" eval 'in_mounts "mount -o remount,bind,ro /sys/fs/bpf" doctor > "$TMP/doctor"'
check "- doctor says so" grep -q '^warn  bpffs .*Read-only' "$TMP/doctor"
check "no cgroups: 69" gives 69 in_mounts "umount -R -l /sys/fs/cgroup" up
check "- what is missing is said" says 'no cgroup v2'

# --- a node that is made of a dump has no root that could be told
check "a node with a realm" eval 'node_up && demands plain "" $GETPPID'
check "- its dump, and the images that it names" eval 'mkdir "$TMP/images" &&
	writ caps --dump --images "$TMP/images" > "$TMP/node.dump"'
check "down" writ down
check "up from the dump" writ up --file docs/examples/node.yaml --dump "$TMP/node.dump" --images "$TMP/images"
check "- its layers show" [ "$(layer seccomp) $(layer ebpf_calls) $(mode)" = "active active enforce" ]
check "- and can be switched" eval 'writ guard off && [ "$(layer ebpf_calls) $(mode)" = "off off" ] && ! attached'
check "down" writ down

# --- without any privilege for eBPF
check "where bpf(2) is refused, Writ runs" eval '"$B/bin/cli-deny" bpf "$B/bin/writ" --node "$NODE" up --file docs/examples/node.yaml'
cp "$TMP/out" "$TMP/up"
for l in ebpf_calls ebpf_sockets ebpf_unix ebpf_lsm telemetry; do
	check "- it says that $l is missing, and why" grep -qE "^without layer $l: .*bpf\(2\) is refused" "$TMP/up"
	check "- and so does guard" [ "$(layer $l)" = missing ]
	check "- ps, too" [ "$(held $l root)" = false ]
	refused "- a realm that requires it does not run" demands lacking $l $GETCPU
	check "- for that reason" says "r.yaml:2: .*$l"
done
check "ps says it in short" eval 'writ ps --wide | grep -q "no ebpf_\*,telemetry"'
check "there is no mode to set: 69" gives 69 writ guard audit
check "a realm that requires none runs" demands plain seccomp $PTRACE
check "- and is held by seccomp" eval 'goes_on plain && writ logs plain | grep -q "^$PTRACE: EBADRQC"'
check "why says what it can't know" eval 'writ why plain 2>&1 | grep -q "what seccomp refused is not known"'
check "down" writ down
check "nothing is left" no_leftovers
