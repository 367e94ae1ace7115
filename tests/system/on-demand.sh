#!/bin/bash
# SPDX-License-Identifier: MIT
# A node whose guard is on demand: what looks at each call is attached before the first
# proc of a realm runs that requires it, and while there is one; not otherwise.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
# shellcheck source=tests/system/lib-guard.sh
. tests/system/lib-guard.sh
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }

detached() { [ ! -e "$PINS/links/guard_enter" ] && [ ! -e "$PINS/links/guard_exit" ]; }
seen() { # seen CALL: eBPF's second line has seen it
	bpftool -j map dump pinned "$PINS/maps/denials" | jq -e "any(.[]; .formatted.key.layer == \"GUARD_BY_CALLS\" and .formatted.key.what == $1)"
}
config() { bpftool -j map dump pinned "$PINS/maps/config" | jq -c ".[0].formatted.value | $1"; }
requires() { bpftool -j map dump pinned "$PINS/maps/realms" | jq -r ".[].formatted.value | select(.name == \"$1\") | .requires.is | to_entries[] | select(.value == \"0x1\") | .key"; }
why() { rows ".[] | select(.layer == \"$1\") | .why | tojson" guard; }
boot_pid() { ps -o ppid= -p "$(kernel_pid)" | tr -d ' '; }

# --- nobody requires it
{ cat docs/examples/node.yaml; echo 'guard: on-demand'; } > "$TMP/node.yaml"
mkdir -p "$LOGS"
echo "writ-boot: layer ebpf_calls can't be had: that was another day" > "$LOGS/kernel.log"
check "a node whose manifest says on-demand" writ up --file "$TMP/node.yaml"
check "- up doesn't say that the layer is missing" eval '! says ebpf_calls'
check "- its mode" [ "$(mode)" = on-demand ]
check "- maps/config has it, and that rules are enforced" [ "$(config '[.mode, .on_demand]')" = '["GUARD_ENFORCE",1]' ]
check "- what looks at each call is not attached" detached
check "- what follows forks is" follows
check "- the layer is said to be on demand" [ "$(layer ebpf_calls)" = "on demand" ]
check "- and not what kept an earlier start from it" [ "$(why ebpf_calls)" = '""' ]
check "- the others are active" [ "$(layer ebpf_sockets) $(layer seccomp)" = "active active" ]
check "- no proc is said to be held by it" [ "$(held ebpf_calls root) $(held ebpf_sockets root)" = "false true" ]
check "- nor in maps/config" [ "$(config '.layers.is | [.EBPF_CALLS, .EBPF_SOCKETS, .SECCOMP]')" = '["0x0","0x1","0x1"]' ]
check "- doctor says it, too" [ "$(rows '.[] | select(.key == "ebpf_calls") | .node' doctor)" = "on demand" ]
check "- the group sees it without root" eval '[ "$(setpriv --reuid 65534 --regid "$(getent group writ | cut -d: -f3)" --clear-groups "$B/bin/writ" --node "$NODE" --json guard | jq -r ".[] | select(.layer == \"ebpf_calls\") | .state")" = "on demand" ]'
check "a call is taken from the profile" eval 'forbid $GETCPU && writ guard on-demand'
check "- a realm that requires nothing makes it" demands plain "" $GETCPU
check "- and goes on" goes_on plain
refused "- eBPF has not seen it" seen $GETCPU
check "- it is refused nothing by other layers" eval 'writ logs plain | grep -q "^$GETCPU: made"'
check "- one that requires another layer changes nothing" eval 'demands other "ebpf_sockets, seccomp" $GETPPID && goes_on other && detached && writ stop other'

# --- somebody does
check "a realm that requires it runs" demands needs ebpf_calls $GETPPID
check "- it is attached" attached
check "- maps/realms says why" [ "$(requires needs)" = EBPF_CALLS ]
check "- the layer is active, the mode what it was" [ "$(layer ebpf_calls) $(mode)" = "active on-demand" ]
check "- and holds its proc, and all others" eval 'holds ebpf_calls needs && holds ebpf_calls root'
check "- it goes on" goes_on needs
check "control: who made the forbidden call is ended now" until_ok 50 eval '[ -z "$(proc pid plain)" ]'
check "- which eBPF has seen" seen $GETCPU
check "a second one that requires it" demands more ebpf_calls $GETPPID
check "- the first ends" writ stop needs
check "- it stays attached" eval 'sleep 0.5; attached && [ "$(layer ebpf_calls)" = active ]'
check "- the second ends" writ stop more
check "- it is detached" until_ok 50 detached
check "- the layer is on demand again" [ "$(layer ebpf_calls) $(held ebpf_calls root)" = "on demand false" ]
check "- whoever requires nothing makes the call again" eval 'writ stop plain; demands plain "" $GETCPU && goes_on plain && writ stop plain'

# --- before the first proc runs, each time
tries=$((20 / ${WRIT_TEST_SCALE:-1} + 1)) late=''
for i in $(seq "$tries"); do
	demands "first$i" ebpf_calls $GETCPU > /dev/null 2>&1 || late="$late $i:refused"
	until_ok 50 eval '[ -n "$(rows ".[] | select(.name == \"first$i\" and .state == \"killed\") | .pid" ps -a)" ]' || late="$late $i:lives"
	[ -z "$(writ logs "first$i")" ] || late="$late $i:ran"
	writ stop "first$i" > /dev/null 2>&1
done
ok $((${#late} > 0)) "$tries times: a realm's first call is held as any other${late:+ (but:$late)}"
check "- it is detached in the end" until_ok 50 detached
check "realms that come and go at once" eval '
	for i in $(seq 2 "$tries" | head -n 7); do
		(realm "r$i" "$caller" "[\"$GETPPID\"]" | sed "2i require: [ebpf_calls]" > "$TMP/r$i.yaml"
		for n in 1 2 3; do writ run -d "$TMP/r$i.yaml" && [ "$(config .layers.is.EBPF_CALLS)" = "\"0x1\"" ] && attached && writ stop "r$i" || touch "$TMP/bad"; done) &
	done; wait; [ ! -e "$TMP/bad" ]'
check "- it is detached in the end" until_ok 50 detached

# --- the operator
check "enforce attaches it" eval 'writ guard enforce && attached && [ "$(layer ebpf_calls) $(mode)" = "active enforce" ]'
check "- and no realm's end detaches it" eval 'demands needs ebpf_calls $GETPPID && writ stop needs && sleep 0.5 && attached'
check "on-demand detaches it" eval 'writ guard on-demand && detached'
check "off: a realm that requires it does not run" eval 'writ guard off && ! demands needs ebpf_calls $GETPPID'
check "- its layers are off" [ "$(layer ebpf_calls) $(layer ebpf_sockets)" = "off off" ]
check "on-demand: it does" eval 'writ guard on-demand && demands needs ebpf_calls $GETPPID && attached'
check "- off is refused, then" gives 75 writ guard off
check "- on-demand is not, and leaves it attached" eval 'writ guard on-demand && attached && [ "$(layer ebpf_calls)" = active ]'
check "- off by force detaches it" eval 'writ guard off --force && detached && [ "$(held ebpf_calls needs)" = false ]'
check "- on-demand attaches it for who is there" eval 'writ guard on-demand && attached && holds ebpf_calls needs'
check "stop" eval 'writ stop needs && until_ok 50 detached'

# --- who attaches is gone
check "writ-boot is killed" kill -KILL "$(boot_pid)"
refused "- a realm that requires it does not run" demands needs ebpf_calls $GETPPID
check "- layer and line are named, and where to look" says 'r.yaml:2: .*layer ebpf_calls.*not attached within 3 s: see .writ guard.*logs kernel'
check "- guard says that nobody will attach it" eval 'writ guard | grep -q "^ebpf_calls .*on demand .*writ-boot.*is gone.*guard enforce"'
check "- nothing is left of it" [ -z "$(rows '.[] | select(.name == "needs")' realms)" ]
check "- others run" eval 'demands plain "" $GETPPID && goes_on plain'
check "- while it waited others were answered" eval '
	demands needs ebpf_calls $GETPPID > "$TMP/late" 2>&1 & sleep 0.3; t0=${EPOCHREALTIME/./}
	writ ps > /dev/null && [ $(((${EPOCHREALTIME/./} - t0) / 1000)) -lt "$(ms_max 1000)" ] && grep -q "needs" <(writ realms)
	r=$?; wait; [ $r -eq 0 ] && grep -q "not attached" "$TMP/late"'
check "- the operator can have it attached" eval 'writ guard enforce && attached && demands needs ebpf_calls $GETPPID && holds ebpf_calls needs'
check "down" writ down
check "- nothing is left" no_leftovers
