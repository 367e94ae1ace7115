#!/bin/bash
# SPDX-License-Identifier: MIT
# The audit's chain: of a live node, of a saved stream, and of one that was tampered
# with; and that what is overwritten is said.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
sleeper=$(bin sleeper)

run() { # run REALM ARGS: its proc tries these paths
	realm "$1" "$sleeper" "$2" > "$TMP/$1.yaml"
	writ run -d "$TMP/$1.yaml"
}
up() { writ logs "$1" 2> /dev/null | grep -q '^up$'; }
verify() { gives "$1" writ audit --verify "${@:2}"; }
tamper() { # tamper TEXT PATTERN SED: the stream, changed so, is refused, and PATTERN says where
	sed "$3" "$TMP/trail" > "$TMP/bad"
	check "$1: the file is another" eval "! cmp -s '$TMP/trail' '$TMP/bad'"
	check "- it is refused" verify 65 "$TMP/bad"
	check "- and that is said" says "$2"
}

check "the node comes up" node_up
check "a realm that is refused a little runs" run quiet '[/a, /b, /b, /b]'
check "- and is" until_ok 50 up quiet

# a saved stream
writ audit --json > "$TMP/trail"
check "the node's chain verifies" verify 0
check "- and says from where" says '^realm quiet: verified from record 1 to [0-9]+$'
check "heads are printed" eval "writ audit --heads --json > '$TMP/heads'"
check "the saved stream verifies" verify 0 "$TMP/trail"
check "- against the heads too" verify 0 --against "$TMP/heads" "$TMP/trail"
check "- the node as well" verify 0 --against "$TMP/heads"
check "a refusal that was repeated has its count" test \
	"$(jq -r 'select(.realm == "quiet" and .kind == "noted") | .count' "$TMP/trail" | paste -sd ' ')" = "1 3"
check "- each realm's first record names the node and the same start" test \
	"$(jq -r 'select(.rseq == 1) | .kind + ": " + .what' "$TMP/trail" | sort -u | sed 's/ [0-9]*$//')" = \
	"node: node $NODE, up since"
lines=$(wc -l < "$TMP/trail")
at=$(grep -n '"count":3' "$TMP/trail" | head -1 | cut -d: -f1)
tamper "its count changed" "bad:$at: realm quiet, record [0-9]+ .*altered" "${at}s/\"count\":3/\"count\":1/"
tamper "who was refused changed" "bad:$at: .*altered" "${at}s/\"name\":\"quiet\"/\"name\":\"silent\"/"
tamper "a text for people alone changed" "bad:$at: .*altered" "${at}s/\"kind\":\"noted\"/\"kind\":\"ended\"/"
tamper "a record cut out" "realm quiet, record [0-9]+ .*: 1, cut out" "$((at - 1))d"
tamper "the first of a realm altered" 'record 1 .*altered' '1s/up since 1/up since 2/'
tamper "a record doubled" 'out of order' "${at}p"
tamper "two swapped" '(out of order|missing)' "$((at - 1)){h;d};${at}G"
sed '$d' "$TMP/trail" > "$TMP/bad"
check "cut at the end: the chain alone can't show it" verify 0 "$TMP/bad"
check "- heads do" verify 65 --against "$TMP/heads" "$TMP/bad"
check "- and say so" says 'cut at the end: it must reach record'
sed '1s/"chain":"./"chain":"x/' "$TMP/heads" > "$TMP/badheads"
check "heads that are none are refused" verify 65 --against "$TMP/badheads" "$TMP/trail"

# what comes later
"$B/bin/writ" --node "$NODE" audit -f --json > "$TMP/stream" &
follow=$!
until_ok 50 grep -q quiet "$TMP/stream"
check "while it is followed, a realm runs" run later '[/c]'
until_ok 50 grep -q '"realm":"later","realm_id":[0-9]*,"kind":"noted"' "$TMP/stream"
kill "$follow"
wait "$follow" 2> /dev/null
check "the stream goes on where the list ended, and verifies" verify 0 --against "$TMP/heads" "$TMP/stream"
check "- it has more" test "$(wc -l < "$TMP/stream")" -gt "$lines"

# more than is kept
printf 'realm: flood\nimages: [{name: it, path: "%s"}]\nprocs:\n' "$sleeper" > "$TMP/flood.yaml"
printf "  - {name: f%d, image: it, args: [$(printf '/x,/y,%.0s' {1..30})]}\n" {1..5} >> "$TMP/flood.yaml"
check "a realm that is refused much runs" writ run -d "$TMP/flood.yaml"
for i in {1..5}; do
	check "- and is, in proc $i" until_ok 50 up "f$i"
done
writ audit --json > "$TMP/all"
kept=$(jq -r 'select(.realm == "flood" and .rseq) | .rseq' "$TMP/all" | sort -n)
gone=$(jq -r 'select(.realm == "flood" and .overwritten) | .overwritten' "$TMP/all")
check "256 are kept" test "$(wc -l <<< "$kept")" = 256
check "what was overwritten is said, and adds up" test "$((gone + 1))" = "$(head -1 <<< "$kept")"
check "- to people too" eval "writ audit | grep -qx 'realm flood: $gone records were overwritten'"
check "- of no other realm" test "$(grep -c overwritten "$TMP/all")" = 1
check "another realm's records are all there" cmp \
	<(jq -c 'select(.realm == "quiet" and .rseq)' "$TMP/trail") <(jq -c 'select(.realm == "quiet" and .rseq)' "$TMP/all")
check "the node's chain verifies still" verify 0
check "- from the oldest that is kept on" says "^realm flood: verified from record $((gone + 1)) to "
writ audit --json --since "$(jq -s 'max_by(.seq).seq + 1' "$TMP/stream")" | cat "$TMP/stream" - > "$TMP/both"
check "saved in two parts, with nothing missing but its beginning, it verifies" verify 0 "$TMP/both"
check "only what is asked for comes" test "$(writ audit --since 999999999 | wc -l)" = 0

check "writ why goes on working" eval "writ why quiet | grep -q 'on /b, 3 times'"
check "the node goes down" writ down
check "nothing is left of it" no_leftovers
