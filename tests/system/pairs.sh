#!/bin/bash
# SPDX-License-Identifier: MIT
# Two nodes, of which one ends while the other starts: each has its own pins, whole, and
# the short way leads to one that is there. In a bpffs of the test's own, so that nobody
# else's node is in it.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
if [ -z "${PAIRS_APART:-}" ]; then
	# shellcheck disable=SC2016 # for the other shell
	PAIRS_APART=1 exec unshare -m --propagation private bash -c 'mount -t bpf -o mode=0700 bpf /sys/fs/bpf && exec "$@"' - "$PWD/tests/system/pairs.sh"
fi
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
tidy() {
	local p
	for p in "${boots[@]}"; do kill -TERM "$p" 2> /dev/null; done
	wait
	rm -rf "/var/log/writ/${base}a" "/var/log/writ/${base}b" # of both
	finish
}
trap tidy EXIT
base=$NODE
declare -A boots=()
SEED=${WRIT_SEED:-$$} SCALE=${WRIT_TEST_SCALE:-1}
ROUNDS=${PAIRS_ROUNDS:-$((40 / SCALE / SCALE + 2))} # each boots a node
RANDOM=$SEED
echo "# seed $SEED"
W=/sys/fs/bpf/writ

log() { echo "$TMP/$1.log"; }
start() { # start a|b
	local n=$base$1
	mkdir -p /run/writ /var/log/writ
	rm -f "$(log "$1")" # what it said the last time
	"$B/bin/writ-boot" --node "$n" --run "/run/writ/$n" --log "/var/log/writ/$n" \
		--module "root=$B/bin/t-gate" --module "hold=$B/bin/t-gate" > "$(log "$1")" 2>&1 &
	boots[$1]=$!
}
up() { grep -q 'is up' "$(log "$1")"; }
stop() { # stop a|b: its writ-boot passes it on to the kernel, and clears
	kill -TERM "${boots[$1]}"
}
ended() { ! kill -0 "${boots[$1]}" 2> /dev/null; }
pins() { (cd "$W/nodes/$base$1" && find . -type f -o -type d | sort); }
ways() { local k; for k in progs maps links iter; do readlink "$W/$k" || echo none; done | sed 's#/[a-z]*$##' | sort -u; }
try() { # try FROM TO: FROM ends while TO starts
	local f=$1 t=$2 d ms
	ms=$((RANDOM % $(ms_max 250)))
	d=$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))
	if ((RANDOM & 1)); then
		stop "$f"; sleep "$d"; start "$t"
	else
		start "$t"; sleep "$d"; stop "$f"
	fi
	until_ok 100 up "$t" || { echo "$t does not start"; cat "$(log "$t")"; return 1; }
	until_ok 100 ended "$f" || { echo "$f does not end"; return 1; }
	wait "${boots[$f]}"
	unset "boots[$f]"
	grep "can't be had: pinning" "$(log "$t")" && return 1
	diff <(pins "$t") "$TMP/whole" || return 1
	[ ! -e "$W/nodes/$base$f" ] || { echo "$f left pins"; return 1; }
	[ "$(ways)" = "nodes/$base$t" ] || { echo "the short way leads to: $(ways)"; return 1; }
}

start a
check "a node comes up" until_ok 100 up a
pins a > "$TMP/whole"
check "with pins" grep -q links/guard_enter "$TMP/whole"
check "to which the short way leads" [ "$(ways)" = "nodes/${base}a" ]
bad=''
from=a to=b
for round in $(seq "$ROUNDS"); do
	try "$from" "$to" > "$TMP/try" 2>&1 || { bad="$bad $round"; sed "s/^/# round $round: /" "$TMP/try"; }
	[ -n "${boots[$to]:-}" ] || break
	read -r from to <<< "$to $from"
done
ok $((${#bad} > 0)) "$ROUNDS times one ends while the other starts${bad:+ (but in rounds$bad)}"
start "$to"
check "both run" until_ok 100 up "$to"
# shellcheck disable=SC2016 # for eval
check "- each with its own pins" eval 'diff <(pins a) "$TMP/whole" && diff <(pins b) "$TMP/whole"'
check "- the first has the short way" [ "$(ways)" = "nodes/$base$from" ]
stop "$from"
check "- it ends" until_ok 100 ended "$from"
check "- the other has it then" [ "$(ways)" = "nodes/$base$to" ]
stop "$to"
check "- and ends" until_ok 100 ended "$to"
check "nothing is pinned any more" [ ! -e "$W" ]
boots=()
