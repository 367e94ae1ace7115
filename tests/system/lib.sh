# SPDX-License-Identifier: MIT
# Shared by the system tests: TAP, a node of the test's own, clean-up.
# shellcheck shell=bash
B=${B:-build}
[ -x "$B/bin/writ-boot" ] || { echo "Bail out! $B holds no build"; exit 1; }
CASES=0 FAILED=0
NODE=t$$
RUN=/run/writ/$NODE
LOGS=/var/log/writ/$NODE
TMP=$(mktemp -d)
KERNEL=0 BOOT=0

ok() { # ok STATUS TEXT: one case
	CASES=$((CASES + 1))
	if [ "$1" -eq 0 ]; then echo "ok $CASES - $2"; else echo "not ok $CASES - $2"; FAILED=1; fi
}
check() { # check TEXT COMMAND...
	local text=$1 rc=0
	shift
	"$@" > "$TMP/new" 2>&1 || rc=$?
	[ "$1" = says ] || mv "$TMP/new" "$TMP/out"
	ok "$rc" "$text"
	[ "$rc" -eq 0 ] || sed 's/^/#   /' "$TMP/out"
}
refused() { # refused TEXT COMMAND...: it must fail
	local text=$1 rc=0
	shift
	"$@" > "$TMP/out" 2>&1 || rc=1
	ok $((1 - rc)) "$text"
	[ "$rc" -eq 1 ] || sed 's/^/#   /' "$TMP/out"
}
says() { # says PATTERN: the last command's output does
	grep -qE -- "$1" "$TMP/out"
}
# What takes a time by the clock may take WRIT_TEST_SCALE times as long.
ms_max() { echo $(($1 * ${WRIT_TEST_SCALE:-1})); } # ms_max N
until_ok() { # until_ok TENTHS COMMAND...
	local n
	n=$(ms_max "$1")
	shift
	while [ "$n" -gt 0 ]; do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.1
		n=$((n - 1))
	done
	return 1
}
# kernel_up MODULE...: the kernel alone, with these modules (and HOST, a --host). BOOT is writ-boot,
# our child, which ends with the status of the kernel, KERNEL, its child, when all is cleared.
kernel_up() {
	mkdir -p /run/writ /var/log/writ
	"$B/bin/writ-boot" --node "$NODE" --run "$RUN" --log "$LOGS" \
		$(printf -- '--module %s ' "$@") ${HOST:+--host "$HOST"} > "$TMP/kernel.log" 2>&1 &
	BOOT=$!
	until_ok 50 kernel_is
}
kernel_is() { KERNEL=$(pgrep -P "$BOOT" 'writ-'); } # bash has children, too, before it is writ-boot
writ() { "$B/bin/writ" --node "$NODE" "$@"; }
node_up() { # node_up ARGUMENT...: the whole node, with the example's servers
	writ up --file docs/examples/node.yaml "$@"
}
kernel_pid() { sed -n 1p "$RUN/pid"; }
gives() { # gives STATUS COMMAND...: it ends with just this status
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	[ "$rc" -eq "$want" ] || { echo "exit status $rc, not $want"; return 1; }
}
bin() { realpath "$B/bin/$1"; }
# rows FILTER COMMAND...: what jq makes of the table that the command prints
rows() {
	local filter=$1
	shift
	writ --json "$@" 2> /dev/null | jq -r "$filter"
}
# proc FIELD NAME [REALM]: of a proc that has not ended
proc() {
	rows ".[] | select(.name == \"$2\" and (.realm == \"${3:-}\" or \"${3:-}\" == \"\") and
		(.state | IN(\"pending\", \"starting\", \"running\"))) | .$1" ps
}
state() { rows ".[] | select(.pid == $1) | .state" ps -a; }
ended() { [[ $(state "$1") =~ ^(exited|killed|failed)$ ]]; }
log_has() { writ logs "$1" 2> /dev/null | grep -qE -- "$2"; } # log_has PROC PATTERN
# realm NAME IMAGE ARGS [GRANTS [MOUNTS]]: a manifest of one proc, lists in YAML
realm() {
	cat << END
realm: $1
mounts: ${5:-[]}
images: [{name: it, path: "$2"}]
procs:
  - name: $1
    image: it
    args: $3
    grants: ${4:-[]}
END
}
wordcount_realm() { # wordcount_realm HOST MAPPERS REDUCERS: the example's realm; /out is a folder of the host
	cat << EOF
realm: wc
limits: {procs: 64, memory: 1GiB}
mounts:
  - {at: /in, host: $1, rights: [read]}
  - {at: /out, host: out, rights: [read, write, create]}
images:
  - {name: coordinator, path: $(bin wc-coordinator)}
  - {name: mapper, path: $(bin wc-mapper)}
  - {name: reducer, path: $(bin wc-reducer)}
procs:
  - name: coordinator
    image: coordinator
    args: ["$2", "$3"]
    grants:
      - {path: /in, rights: [read]}
      - {path: /out, rights: [read, create]}
      - {spawn: workers, procs: 32, memory: 1GiB}
      - {image: mapper}
      - {image: reducer}
EOF
}
leftovers() { # what is left of the node on this machine
	find /sys/fs/cgroup -maxdepth 4 -type d -path "*/writ/$NODE*" 2> /dev/null
	find "/sys/fs/bpf/writ/nodes/$NODE" 2> /dev/null
	[ ! -e "$RUN" ] || find "$RUN"
	grep -s "/$NODE/" /proc/self/mountinfo || true
}
no_leftovers() { [ -z "$(leftovers)" ] || { leftovers; return 1; }; }
finish() {
	local rc=$?
	if [ "$BOOT" -ne 0 ] && kill -0 "$BOOT" 2> /dev/null; then
		kill -TERM "$BOOT"
		wait "$BOOT" 2> /dev/null
	fi
	writ down > /dev/null 2>&1
	rm -rf "$TMP" "$LOGS"
	echo "1..$CASES"
	[ "$rc" -ne 0 ] || rc=$FAILED
	exit "$rc"
}
trap finish EXIT
