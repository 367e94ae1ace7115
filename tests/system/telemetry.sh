#!/bin/bash
# SPDX-License-Identifier: MIT
# What is counted of a real node: tables, maps and `writ top` say what Linux and the node
# itself say; every command of docs/operators.md does what it says.
# shellcheck disable=SC2317,SC2016 # what check runs or evaluates, later
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
export WRIT_NODE=$NODE
PINS=/sys/fs/bpf/writ/nodes/$NODE

mkdir -p "$TMP/result" "$TMP/in"
cp docs/*.md "$TMP/in"
wordcount_realm in 4 2 > "$TMP/wc.yaml"
# the rows of a map that a filter of jq takes
map() { bpftool -j map dump pinned "$PINS/maps/$1" | jq -c ".[].formatted | $2"; }
table() { cat "$PINS/iter/$1"; }
fresh() { cat "$PINS/iter/fresh"; }
top_rows() { rows ".[] | $1" top; }

check "a node comes up" writ up --file docs/examples/node.yaml --host "in=$TMP/in" --host "out=$TMP/result:rw"
check "a realm runs" writ run "$TMP/wc.yaml"

# --- what is told of the node is what the node says --------------------------------------
same() { # same WANT HAVE: two commands print the same
	diff <(eval "$1" | sort) <(eval "$2" | sort)
}
check "maps/procs has the procs of ps" same "rows '.[] | \"\(.pid) \(.name) \(.class)\"' ps -a" \
	"map procs '.value | \"\(.pid) \(.name) \(.class | ltrimstr(\"CLASS_\") | ascii_downcase)\"' | tr -d '\"'"
check "iter/procs as well" same "rows '.[].name' ps -a" "table procs | awk 'NR > 1 { print \$4 }'"
check "maps/caps has the capabilities of writ caps" same "rows '.[] | select(.type != \"hold\") | \"\(.slot) \(.parent) \(.object)\"' caps" \
	"map caps '.value | \"\(.slot) \(.parent) \(.obj)\"' | tr -d '\"'"
check "iter/caps as well" same "rows '.[] | select(.type != \"hold\") | .slot' caps" "table caps | awk 'NR > 1 { print \$1 }'"
long=$(printf '/folder%.0s' {1..12}) accent=$'\xc3\xa9t\xc3\xa9'
realm long "$(bin sleeper)" '[]' "[{path: $long, rights: [read]}, {path: /$accent, rights: [read]}]" > "$TMP/long.yaml"
check "a realm with a long prefix runs" writ run -d "$TMP/long.yaml"
check "- which caps has cut, and says so" eval 'writ caps long | grep -qF "named-long:${long:0:52}..."'
check "- as iter/caps does" until_ok 20 eval 'table caps | grep -qF "named-long:${long:0:52}... read"'
check "- and nothing but ASCII, as terminals act on some of the rest" until_ok 20 eval 'table caps | grep -qF "named-long:/??t??"'
check "- caps --given has all of it" eval 'writ caps --given long | grep -qF "named-long:$long "'
check "- it stops" eval 'writ stop long && until_ok 20 eval "! map realms .value.name | grep -q long"'
check "maps/realms has the realms" same "rows '.[] | select(.alive > 0) | .name' realms" \
	"map realms '.value.name' | tr -d '\"'"

check "maps/policy has who they are, by name" [ "$(map policy '.value.who | "\(.name) \(.class) \(.profile)"' | tr -d '"' | sort)" = \
	"$(map realms '"\(.value.name) CLASS_BE PROFILE_NATIVE"' | tr -d '"' | sort)" ]

# --- telemetry ------------------------------------------------------------------------------
check "who ended has a row: the mappers" [ "$(map sched 'select(.value.name | startswith("mapper")) | .value.ended' |
	grep -c 1)" -ge 4 ]
check "whose rows say what they used" [ "$(map sched 'select(.value.name | startswith("mapper")) |
	.value.n.cpu_ns > 0 and .value.n.slices > 0' | sort -u)" = true ]
agrees() { # agrees NAME: schedstat of a sleeping proc, all its threads, before and after the row was read
	local pid cpu wait slices row
	pid=$(proc host_pid "$1") || return 1
	for _ in 1 2 3 4 5; do
		fresh
		row=$(map sched "select(.value.name == \"$1\") | .value.n | \"\(.cpu_ns) \(.wait_ns) \(.slices)\"" |
			tr -d '"')
		read -r cpu wait slices < <(cat "/proc/$pid/task/"*/schedstat |
			awk '{ c += $1; w += $2; n += $3 } END { printf "%.0f %.0f %d\n", c, w, n }')
		echo "Linux: $cpu $wait $slices, counted: $row"
		awk -v c="$cpu" -v w="$wait" -v n="$slices" '
			function off(a, b) { return a > b ? a - b : b - a }
			{ exit !(off($1, c) <= c / 50 + 1e5 && off($2, w) <= w / 50 + 1e5 && off($3, n) <= n / 50 + 2) }
			' <<< "$row" && return 0
		sleep 0.3
	done
	return 1
}
for name in schedd root; do
	check "counted of $name: what Linux says to 2 %" agrees "$name"
done
sums() {
	local all parts
	fresh
	all=$(map sched_realm '.value.n.slices' | awk '{ n += $1 } END { print n }')
	parts=$(map sched '.value.n.slices' | awk '{ n += $1 } END { print n }')
	echo "realms $all, procs $parts"
	[ "$all" -ge "$parts" ] && [ $((all - parts)) -le $((parts / 50 + 10)) ]
}
check "realms have the sums of their procs" sums
check "writ top has every proc that lives" same "rows '.[].pid' ps" \
	"top_rows 'select(.ended | not) | select(.pid) | .pid'"
check "- and the realm that ended by its name" [ -n "$(rows '.[] | select(.realm == "wc")' top --by=realm)" ]
check "- sorted" [ "$(rows '[.[].slices] | . == (sort | reverse)' top --sort=slices)" = true ]
check "- of one realm" [ "$(rows '[.[].realm] | unique | .[]' top wc)" = wc ]
# a realm that comes after another, under the same id of the kernel's
records() { writ --json audit 2> /dev/null | jq -rs "[.[] | $1] | last"; }
id_of() { records "select(.realm == \"$1\") | .realm_id"; }
number_of() { map sched_realm "select(.value.name == \"$1\") | .key.realm" | sort -u; }
slices_of() { map "$1" "select($2) | .value.n.slices" | awk '{ n += $1 } END { print n + 0 }'; }
apart() { # its sums are those of its own procs
	local n all parts
	n=$(number_of next)
	fresh
	all=$(slices_of sched_realm ".key.realm == $n")
	parts=$(slices_of sched ".key.realm == $n")
	echo "number $n: realm $all, procs $parts; before it: $(slices_of sched_realm ".value.name == \"$before\"")"
	[ "$all" -gt 0 ] && [ "$all" -ge "$parts" ] && [ $((all - parts)) -le $((parts / 50 + 10)) ]
}
realm next "$(bin caller)" '["110"]' > "$TMP/next.yaml"
check "another realm runs" writ run -d "$TMP/next.yaml"
until_ok 50 log_has next 'round'
until_ok 50 eval 'fresh; [ -n "$(number_of next)" ]'
before=$(records "select(.realm_id == $(id_of next) and .realm != \"next\") | .realm")
check "- with the id that one before it had" eval '[ -n "$before" ] && [ "$before" != null ]'
check "- whose sums are still there" [ "$(slices_of sched_realm ".value.name == \"$before\"")" -gt 0 ]
check "- but not under its number" [ "$(number_of next)" != "$(number_of "$before")" ]
check "- what it has used is its own" apart
check "- top tells them apart" [ "$(rows '[.[] | select(.realm == "next" or .realm == "'"$before"'") | .realm] | unique | length' top --by=realm)" = 2 ]
check "- refusals of it have its number" [ "$(map denials 'select(.value.name == "next") | .key.realm' | sort -u)" = "$(number_of next)" ]
check "- which maps/procs and maps/realms have as well" [ "$(map procs 'select(.value.name == "next") | .value.realm') $(map realms 'select(.value.name == "next") | .key')" = \
	"$(number_of next) $(number_of next)" ]
check "- it stops" writ stop next
check "another of its name runs" writ run -d "$TMP/next.yaml"
until_ok 50 eval 'fresh; [ "$(number_of next | wc -l)" = 2 ]'
check "- iter/sched_realm tells the two by their numbers" same "number_of next" \
	"table sched_realm | awk '\$1 == \"next\" { print \$2 }' | sort -u"
check "- writ top --by=realm as well" same "number_of next" "rows '.[] | select(.realm == \"next\") | .number' top --by=realm"
check "- iter/preempts has the numbers of who and by whom" until_ok 20 same \
	"map preempts '.key | \"\(.realm) \(.by_realm)\"' | tr -d '\"'" "table preempts | awk 'NR > 1 { print \$2, \$(NF - 1) }'"
check "- which are there" eval '[ "$(table preempts | wc -l)" -gt 1 ]'
check "- it stops, too" writ stop next
check "- refusals as the map has them" [ "$(top_rows 'select(.name == "root") | .refused')" = \
	"$(map denials 'select(.value.name == "root") | .value.count' | awk '{ n += $1 } END { print n }')" ]
trace() { map trace .value.bits; }
"$B/bin/writ" top --histogram --interval=1 > "$TMP/top" 2>&1 &
top=$!
check "histograms are made while top shows them" until_ok 30 eval '[ "$(trace)" = 3 ]'
check "- of waits and of times off the CPU" until_ok 50 grep -qE '^root .* lc .*[0-9](us|ms)' "$TMP/top"
kill -INT "$top"
wait "$top"
check "- it ends well" [ $? -eq 0 ]
check "- and has them ended" [ "$(trace)" = 0 ]
"$B/bin/writ" top --histogram --interval=1 > "$TMP/top" 2>&1 &
top=$!
check "of two that look the first to end" eval "until_ok 30 eval '[ \"\$(trace)\" = 3 ]' &&
	writ top --once --histogram --interval=1"
check "- leaves the other its histograms" [ "$(trace)" = 3 ]
kill -INT "$top"
wait "$top"
check "- which has them ended" [ "$(trace)" = 0 ]
check "calls are counted while top asks" eval 'writ top --once --calls --interval=1 & sleep 0.5; writ ps; writ ps; wait $!'
check "- and were seen" [ "$(rows '.[] | select(.name == "root" and .call == "recvmsg") | .count > 0' top --calls)" = true ]
check "- by realm and class as well" eval '[ "$(rows "[.[] | select(.call == \"recvmsg\" and (.realm == \"root\" or .class == \"lc\")) | .count > 0] | unique | .[]" top --calls --by=realm)" = true ] &&
	[ "$(rows ".[] | select(.call == \"recvmsg\" and .class == \"lc\") | .count > 0" top --calls --by=class)" = true ]'
for by in realm class; do
	check "histograms by $by: what procs waited" [ "$(rows '[.[].wait_us | add] | add > 0' top --histogram --by=$by)" = true ]
done
refusals() { rows '[.[].refused] | add' top "--by=$1"; }
check "top of a realm that never ran: 66" gives 66 writ top --once nobody
check "top of a realm's classes: 64" gives 64 writ top --once --by=class long
check "refusals by class are those of all procs with rows" eval '[ "$(refusals proc)" -gt 0 ] && [ "$(refusals class)" = "$(refusals proc)" ]'
check "- by realm of all there have been" eval '[ "$(refusals realm)" -ge "$(refusals proc)" ]'
counting() {
	bpftool -j link show |
		jq "[.[] | select(.prog_id == $(bpftool -j prog show pinned "$PINS/progs/trace_calls" | jq .id))] | length"
}
check "- and no program is attached any more" [ "$(counting)" = 0 ]
"$B/bin/writ" top --calls --interval=1 > "$TMP/top" 2>&1 &
top=$!
check "one counts calls" until_ok 30 eval '[ "$(counting)" = 1 ]'
"$B/bin/writ" top --calls --interval=1 > "$TMP/top2" 2>&1 &
other=$!
until_ok 30 grep -q . "$TMP/top2"
check "- for all who look" [ "$(counting)" = 1 ]
kill -INT "$top"
wait "$top"
check "- another does when it ends" until_ok 50 eval '[ "$(counting)" = 1 ]'
kill -INT "$other"
wait "$other"
check "- till it ends, too" [ "$(counting)" = 0 ]
for c in "top --once" "top --json" "top --interval=1"; do
	# shellcheck disable=SC2086 # one word each
	check "$c on a full disk: 74" gives 74 eval "writ $c > /dev/full"
done
check "top ends with who reads it" eval '"$B/bin/writ" top --interval=1 --histogram | true; [ "${PIPESTATUS[0]}" = 141 ]'
check "- and has histograms ended" [ "$(trace)" = 0 ]
refused "without root top shows nothing" setpriv --reuid 65534 --regid 65534 --clear-groups "$B/bin/writ" --node "$NODE" top
says 'needs root' || ok 1 "- and says why"

# --- every command of the document -------------------------------------------------------------
# In a mount namespace where there is tracefs, on the node of this test.
sed -n '/^## What Linux shows/,$p' docs/operators.md | awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' |
	sed "s#/sys/fs/bpf/writ/#$PINS/#g" | grep -v '^#' > "$TMP/commands"
check "the document has commands" [ "$(wc -l < "$TMP/commands")" -ge 35 ]
run() {
	unshare -m --propagation private bash -c '
		mount -t tracefs tracefs /sys/kernel/tracing 2> /dev/null
		PATH=$(realpath "$2"):$PATH
		eval "$1"' run "$1" "$B/bin" < /dev/null 2>&1
}
quiet='iter/(fresh|preempts|calls_seen)|map update|SECCOMP|bpftrace|denials|runqslower|exitsnoop'
while read -r command; do
	check "operators.md: ${command//"$PINS"/\$PINS}" run "$command"
	[[ $command =~ $quiet ]] || check "- it prints something" says .
	! says '^(Error|ERROR: [^U]|libbpf|Traceback)' || ok 1 "- but it says: $(grep -m 1 -E '^(E|lib)' "$TMP/out")"
done < "$TMP/commands"

check "the node goes down" writ down
check "- and its pins" [ ! -e "$PINS" ]
refused "then nothing is counted" writ top --once
echo "1..$CASES"
exit $FAILED
