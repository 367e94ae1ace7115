#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The writ command with a real node of the test's own: up, run, ps, logs, down,
# and a node whose root hangs or whose kernel was killed.
set -u
bin=${WRIT_B:-build}/bin
export WRIT_NODE=tn$$
dir=$(mktemp -d)
number=0

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	"$bin/writ" down >/dev/null 2>&1
	rm -rf "$dir" "/var/log/writ/$WRIT_NODE"
}
trap cleanup EXIT

check() # WHAT CONDITION...
{
	local what=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		sed 's/^/# /' "$dir/out" "$dir/err"
	fi
}

gives() # STATUS ARGUMENT...
{
	local want=$1 rc
	shift
	timeout 30 "$bin/writ" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	check "writ $*: exit code $want" test "$rc" = "$want"
}
prints() { check "it prints: $1" grep -qE -- "$1" "$dir/out"; }
says() { check "it says: $1" grep -qE -- "$1" "$dir/err"; }
host_pid() { "$bin/writ" ps --json | jq ".[] | select(.name == \"$1\") | .host_pid"; }
kernel_pid() { cat "/run/writ/$WRIT_NODE/pid"; }
nothing_left()
{
	[ ! -e "/run/writ/$WRIT_NODE" ] && ! pgrep -f "writ-(boot --node|kernel) $WRIT_NODE( |\$)" >/dev/null
}

cat >"$dir/hello.yaml" <<END
realm: hello
images:
  - {name: hello, path: $(realpath "$bin/hello")}
procs:
  - name: hello
    image: hello
    grants:
      - {path: /out, rights: [create]}
END
sed 's/^realm:.*/&\nmounts:\n  - {at: \/in, host: nosuch, rights: [read]}/' "$dir/hello.yaml" \
	>"$dir/mount.yaml"

gives 0 up --host "lent=$dir"
prints "node $WRIT_NODE is up: kernel pid [0-9]+"
gives 75 up
says 'is up already'
gives 0 ps
prints ' root +root .*running +[0-9.]+M'
prints ' schedd .*running'
gives 0 run "$dir/hello.yaml"
prints '.'
gives 0 check --node "$WRIT_NODE" "$dir/hello.yaml"
gives 65 check --node "$WRIT_NODE" "$dir/mount.yaml"
says 'nosuch.*lent'
gives 65 run "$dir/mount.yaml"
gives 0 ps
gives 0 run -d "$dir/hello.yaml"
prints '^[0-9]+$'
has_said() { for _ in $(seq 100); do "$bin/writ" logs hello 2>/dev/null | grep -q . && return; sleep 0.05; done; }
has_said
gives 0 logs hello
prints '.'
gives 0 stop hello
gives 66 stop hello
gives 0 caps
prints '^untyped '
gives 0 audit
prints 'spawned +spawn'
gives 0 down
check "nothing is left" nothing_left
gives 0 down
prints 'was not running'

gives 0 up
kill -STOP "$(host_pid root)"
start=$SECONDS
gives 0 down
check "root hangs: the kernel is ended by a signal, in time" test $((SECONDS - start)) -le $((8 * ${WRIT_TEST_SCALE:-1}))
check "nothing is left" nothing_left

gives 0 up
kill -KILL "$(kernel_pid)"
sleep 0.3
gives 69 ps
gives 0 up
prints 'is up'
kill -KILL "$(kernel_pid)"
gives 0 down
prints 'was not running|is down'
check "nothing is left" nothing_left

# a group's member may operate it, nobody else
gives 0 up
setpriv --reuid 65534 --clear-groups "$bin/writ" ps >"$dir/out" 2>"$dir/err"
check "somebody else: exit code 77" test $? = 77
group=$(getent group writ | cut -d: -f3)
if [ -n "$group" ]; then
	setpriv --reuid 65534 --regid "$group" --clear-groups "$bin/writ" ps >"$dir/out" 2>"$dir/err"
	check "a member of group writ: exit code 0" test $? = 0
fi
# the operator interrupts, or a proc is killed
sed "s#path: /.*/hello#path: $(realpath "$bin/cli-sleeper")#" "$dir/hello.yaml" >"$dir/sleep.yaml"
run_sleeper()
{
	: >"$dir/run" # else what the last one wrote is seen
	"$bin/writ" run "$dir/sleep.yaml" >"$dir/run" 2>"$dir/err" &
	runner=$!
	for _ in $(seq 100); do
		grep -q waiting "$dir/run" && return
		sleep 0.05
	done
}
run_sleeper
check "what a proc writes shows while it runs" grep -q waiting "$dir/run"
kill -TERM "$runner"
wait "$runner"
check "an interrupted run: exit code 128 + signal" test $? = 143
gives 0 realms
check "and its realm is stopped" test -z "$(grep hello "$dir/out")"
run_sleeper
gives 0 kill "$("$bin/writ" ps --json | jq '.[] | select(.name == "hello") | .pid')"
wait "$runner"
check "a proc that is killed: exit code 128 + 9" test $? = 137
run_sleeper
timeout 10 "$bin/writ" logs -f hello >"$dir/out" 2>"$dir/err" &
follower=$!
sleep 0.3
gives 0 stop hello
wait "$runner"
check "a realm that is stopped ends its run" test $? != 0
wait "$follower"
check "and logs -f" test $? != 124
gives 0 down
echo "1..$number"
