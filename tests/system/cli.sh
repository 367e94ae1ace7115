#!/bin/bash
# SPDX-License-Identifier: MIT
# The writ command on whole nodes: what it prints, what it ends with, who may
# use it, and that nothing a proc says acts on the terminal.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
odd=$(bin odd)
R=$TMP/r.yaml

run() { # run ARGUMENT... of the realm that is made from standard input
	cat > "$R"
	writ run "$@" "$R"
}
as_nobody() { setpriv --reuid 65534 --regid "${1:-65534}" --clear-groups "$B/bin/writ" --node "$NODE" ps; }
second() { "$B/bin/writ" --node "${NODE}b" "$@"; }
tidy() { second down > /dev/null 2>&1; rm -rf "/var/log/writ/${NODE}b"; finish; }
trap tidy EXIT

# --- without a node
for c in ps realms caps why audit logs "run $R" "stop x" "kill 1"; do
	# shellcheck disable=SC2086 # a command and its argument
	check "no node: writ $c ends with 69" gives 69 writ $c
	check "- and says that it is not running" says 'not running|isn.t running|no node'
done
cat > "$TMP/tree.yaml" << EOF
realm: tree
images: [{name: odd, path: "$odd"}]
procs:
  - name: parent
    image: odd
    args: [crew, "2", "60000"]
    grants:
      - {spawn: workers, procs: 4, memory: 256MiB}
      - {image: odd}
      - {path: /some/where, as: /out, rights: [create, read]}
EOF
check "check needs none" "$B/bin/writ" check "$TMP/tree.yaml"
check "- it says in plain words who may do what" says 'parent'
check "- start procs" says 'start.* 4 procs'
check "- and use a path, by another name" says '/some/where.*/out|/out.*/some/where'
check "doctor finds all that is needed here" writ doctor
check "an odd name of a node is refused" gives 64 writ --node '../x' ps
check "so is one with a line end" gives 64 writ --node $'a\nb' up
check "and one that is too long" gives 64 writ --node "$(printf 'n%.0s' {1..32})" up

# --- with one
check "up" node_up --host input=/usr/share/common-licenses
check "up again: 75" gives 75 node_up
check "- and says that it is up already" says 'up already'
check "a second node beside it" second up --file docs/examples/node.yaml --host input=/usr/share/common-licenses

check "run -d prints the pid" writ run -d "$TMP/tree.yaml"
parent=$(cat "$TMP/out")
check "- and nothing else" says '^[0-9]+$'
until_ok 30 log_has parent 'all spawned'
check "ps shows a tree: those it spawned stand below it" eval 'writ ps tree | grep -A 1 " parent " | grep -qE "    member "'
check "- and name it as their parent" [ "$(rows "[.[] | select(.parent == $parent)] | length" ps)" = 2 ]
check "realms counts them" [ "$(rows '.[] | select(.name == "tree") | "\(.alive) \(.procs)"' realms)" = "3 3" ]
check "- and gives each its user id, where root knows it" [ "$(rows 'map(select(.uid == null).name) + [([.[].uid | numbers] |
	length > 2 and length == (unique | length) and all(. >= 65536))] | tojson' realms)" = '["root",true]' ]
check "- else a dash" eval 'writ realms | grep -qE "^ *1 +root .* - +yes"'
spawns=$(rows '.[] | select(.type == "spawn").name' caps)
check "a Spawn's name has no number of cores where they have no limit" grep -qx 'tree: 64 procs, [0-9]* MiB' <<< "$spawns"
check "- and one where they have" grep -qx 'tree: 4 procs, 0 mcores, 256 MiB' <<< "$spawns"
check "caps lists what it holds" writ caps parent
check "- the path with its rights" says 'path +read,create'
check "- the right to spawn" says 'spawn +write'
check "- the image" says 'image +exec'
check "the children hold nothing" eval '! writ caps member | grep -qE "path|spawn|image"'
check "the second node knows nothing of it" eval '! second ps | grep -q parent'
check "- and can run the same realm" second run -d "$TMP/tree.yaml"
check "what runs is not run again: 75 or 65" eval 'writ run "$TMP/tree.yaml"; [ $? -eq 75 ] || [ $? -eq 65 ]'
check "- and says so" says 'runs already'
check "kill ends it" writ kill "$parent"
check "- and those it spawned" until_ok 30 eval '[ "$(rows ".[] | select(.name == \"tree\") | .alive" realms)" = 0 ]'
check "- ps -a says how" eval 'writ ps -a tree | grep -qE "parent +be +killed"'
check "kill of no proc: 66" gives 66 writ kill 4000000
check "- and that is said" says 'has no proc 4000000'
check "kill of no number: 64" gives 64 writ kill parent
check "run again replaces the ended one" writ run -d "$TMP/tree.yaml"
check "stop" writ stop tree
check "stop of no realm: 66" gives 66 writ stop tree
check "the second node's realm lives" [ "$(second --json realms | jq '.[] | select(.name == "tree") | .alive')" = 3 ]
check "the second node goes down" second down
check "the first has not noticed" writ ps

# --- logs
realm talk "$odd" '[say, "200", one, two, three, four]' > "$R"
check "a proc that talks" writ run -d "$R"
t0=$EPOCHREALTIME
check "logs -f follows it until it ends" timeout 20 "$B/bin/writ" --node "$NODE" logs -f talk
t1=$EPOCHREALTIME
check "- with all its lines" [ "$(tr '\n' ' ' < "$TMP/out")" = "one two three four " ]
ok $((${t1/./} - ${t0/./} < 300000)) "- and it took as long as the proc"
check "logs afterwards" writ logs talk
check "- shows the same" [ "$(tr '\n' ' ' < "$TMP/out")" = "one two three four " ]
check "logs -c 5: the end" [ "$(writ logs -c 5 talk)" = four ]
check "logs of nobody: 66" gives 66 writ logs nobody
check "the audit of nobody: 66" gives 66 writ audit nobody
realm heir "$odd" '[say, "1", mine]' > "$R"
for i in {1..300}; do [ -e "$LOGS/$i.log" ] || echo "of somebody before" > "$LOGS/$i.log"; done
check "a proc that gets the log of somebody before" writ run "$R"
check "- what that one wrote is not shown as its" eval 'says "mine" && ! says "before"'

# --- run's exit code
check "run ends with the proc's code" gives 42 run < <(realm code "$odd" '[exit, "42"]')
check "- and with 128 + its signal" gives 132 run < <(realm code "$odd" '[crash]')
check "- and with 0" run < <(realm code "$odd" '[exit, "0"]')

# --- what can't be written
for c in ps "ps --json" "realms --json" "caps --json" "audit --json" "audit --follow" "audit --heads" "audit --verify --json" \
	"why --json" "check $R" "check --json $R"; do
	check "writ ${c/"$R"/FILE} on a full disk: 74" gives 74 eval "writ $c > /dev/full"
	check "- and it is said" says 'cannot write the output: No space'
done

# --- why
check "one that reads what it may not" gives 24 run --keep < <(realm curious "$odd" '[read, /secret/file]')
check "why" writ why curious
check "- says what was refused" says 'refused on /secret/file'
check "- says the line to add, and where" says "fix: add .*path: /secret/file, rights: \[read\].* at $R:[0-9]+"
writ stop curious
check "one that ends, and its realm with it" gives 24 run < <(realm brief "$odd" '[read, /secret/file]')
check "- is explained none the less" eval 'writ why brief | grep -qE "fix: add .*path: /secret/file, rights: \[read\].* at $R:[0-9]+"'
check "- what its own server refused, too" gives 16 run < <(realm brief "$odd" '[read, /out/x]' '[{path: /out, rights: [create]}]')
check "- each by its own manifest" eval '[ "$(writ why brief | grep -cE "fix: add (.*/secret/file|read to the rights of /out)")" = 2 ]'
check "one with too few rights" gives 16 run --keep < <(realm few "$odd" '[read, /out/x]' '[{path: /out, rights: [create]}]')
check "why" writ why few
check "- names the missing right" says 'missing: read'
check "- and the line that has too few" says "add read to the rights of /out .* at $R:8"
sed -i 's/\[create\]/[create, read]/' "$R"
check "doing so helps: now there is no such file" gives 32 writ run "$R"

# --- JSON
parses() { "$@" > "$TMP/json" && jq -e "$FILTER" "$TMP/json"; }
writ run -d "$TMP/tree.yaml" > /dev/null
FILTER='type == "array" and length > 0 and (.[0] | type == "object")'
check "what was refused in a realm that is gone stays known" eval 'writ why | grep -q refused'
for c in ps "ps -a" realms caps "caps --rights" why doctor; do
	# shellcheck disable=SC2086
	check "writ --json $c is an array of objects" parses writ --json $c
done
check "writ --json audit is an object a line" eval \
	"writ --json audit > '$TMP/json' && jq -es 'length == $(writ audit | wc -l) and all(.[]; .rseq > 0)' '$TMP/json'"
FILTER='type == "object"'
check "writ --json check is an object" parses writ --json check "$TMP/tree.yaml"
for c in ps realms caps; do
	check "the table and the JSON of $c have as many rows" \
		[ "$(writ $c | tail -n +2 | wc -l)" = "$(rows length $c)" ]
done

# --- realms that have ended
for i in {1..16}; do realm "more$i" "$odd" '[exit, "0"]' > "$R" && writ run "$R"; done > /dev/null 2>&1
check "a refusal is explained till so many other realms have ended" eval 'writ why brief > "$TMP/why" && grep -q /secret/file "$TMP/why" && ! grep -q fix: "$TMP/why"'

# --- who may
check "the run folder is closed to others" eval '[ "$(stat -c %a "$RUN/op")" != 777 ]'
check "nobody is refused: 77" gives 77 as_nobody
check "- and told why" says 'permi|group writ|root'
check "one of group writ may" as_nobody "$(getent group writ | cut -d: -f3)"
check "nobody can't read the logs either" eval '! setpriv --reuid 65534 --clear-groups cat "$LOGS/1.log"'

# --- the terminal
raw() { grep -qP '\x1b\]0|\x1b\[31m|\x1b\[2J|\x9b' "$1"; }
tty() { # tty COMMAND...: on a terminal; what reaches it lies in $TMP/tty
	script -qec "$(printf '%q ' "$B/bin/writ" --node "$NODE" "$@")" "$TMP/tty" < /dev/null > /dev/null
}
realm escapes "$odd" '[escapes]' > "$R"
check "a proc that prints escape sequences" tty run --keep "$R"
check "- its words are shown" grep -q 'plain' "$TMP/tty"
refused "- run doesn't let them act on the terminal" raw "$TMP/tty"
tty logs escapes
refused "- nor does logs" raw "$TMP/tty"
writ logs escapes > "$TMP/tty"
check "negative control: into a file they go as they are" raw "$TMP/tty"
writ stop escapes
realm esc "$odd" '["say", "1", "x"]' | sed $'s/realm: esc/realm: "e\\\\e[31ms"/' > "$R"
check "a name with an escape sequence is refused" gives 65 writ run "$R"
refused "- and the message is clean" raw "$TMP/out"
realm esc "$odd" $'[read, "/\\\\e[31m/x"]' > "$R"
tty run --keep "$R"
tty why
refused "why of a path with an escape sequence is clean" raw "$TMP/tty"

sed -e 's/"60000"/"60000", "m\\e[31mx\\e]0;y"/' -e 's/realm: tree/realm: named/' "$TMP/tree.yaml" > "$R"
check "one that gives its children such names" gives 1 tty run --keep "$R"
check "- is refused that, and told" grep -q 'malformed request' "$TMP/tty"
tty audit named
refused "- and the audit is clean" raw "$TMP/tty"

check "down" writ down
check "leaves nothing" no_leftovers
check "down again is no error" writ down
