#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The writ command against a root server of the test's own, good and bad: exit
# codes, what it prints, and that nothing a server says hangs it or reaches the
# terminal.
set -u
bin=${WRIT_B:-build}/bin
node=tc$$
export WRIT_NODE=$node
dir=$(mktemp -d)
root=
number=0

stop_root()
{
	if [ -n "$root" ]; then
		kill "$root" 2>/dev/null
		wait "$root" 2>/dev/null
	fi
	root=
}
# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	stop_root
	rm -rf "$dir" "/run/writ/$node" "/var/log/writ/$node"
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

start_root() # HOW
{
	stop_root
	rm -rf "/run/writ/$node"
	mkdir -p "/run/writ/$node/op"
	: >"$dir/ready" # the one before said that it was ready
	"$bin/cli-fakeroot" "$node" "$1" >"$dir/ready" 2>"$dir/said" &
	root=$!
	for _ in $(seq 100); do
		[ -s "$dir/ready" ] && return
		sleep 0.05
	done
}

# writ ARGUMENT... must exit with $1
gives()
{
	local want=$1 rc
	shift
	timeout 20 "$bin/writ" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	check "writ $*: exit code $want" test "$rc" = "$want"
}
prints() { check "it prints: $1" grep -qE -- "$1" "$dir/out"; }
says() { check "it says: $1" grep -qE -- "$1" "$dir/err"; }
printable()
{
	check "nothing that a terminal acts on" \
		test -z "$(cat "$dir/out" "$dir/err" | tr -d '\n\t\040-\176' | tr -d '\200-\377')"
}

# --- usage ------------------------------------------------------------------
gives 64
gives 64 nonsense
says 'no command "nonsense"'
gives 64 ps --nonsense
gives 64 ps a b
says 'one argument too many: "b"'
gives 64 check
says 'FILE is missing'
gives 64 kill notanumber
gives 64 kill 4294967296
gives 64 why -n x
gives 64 --node ../x ps
says 'no name for a node'
gives 64 up --host nopath
gives 64 up --host .op=/tmp
gives 64 top a b
gives 64 top --sort=nonsense
says 'it is one of cpu wait slices '
gives 64 top --by=nonsense
gives 64 top --interval=0
gives 64 top --interval=x
gives 64 top --calls --histogram
gives 69 top --once
says "nothing is counted on node $node: "
gives 0 version
prints '^writ [0-9]'
gives 0 --help
gives 0 help
gives 0 help ps
prints 'Example: writ ps'
for cmd in up down run stop kill ps logs caps why audit check realms doctor guard top; do
	gives 0 "$cmd" --help
	prints '^Example: writ '
done
gives 66 check "$dir/none.yaml"
echo 'realm: [' >"$dir/bad.yaml"
gives 65 check "$dir/bad.yaml"
says "bad.yaml:[0-9]+:[0-9]+: "
gives 65 up --file "$dir/bad.yaml"
gives 66 up --file "$dir/none.yaml"
gives 66 up --host "x=$dir/none"
touch "$dir/file"
gives 65 up --host "x=$dir/file"
says 'is not a folder'

# --- no node ----------------------------------------------------------------
for cmd in ps realms caps why audit guard "kill 1" "stop x" "run $dir/bad.yaml" logs; do
	# shellcheck disable=SC2086 # words on purpose
	gives 69 $cmd
done
says "node $node is not running; start it with: writ up"
gives 66 logs kernel
gives 0 down
prints "$node was not running"
gives 0 caps --rights
prints '^path +files +server +exec +'
prints '^endpoint +call +cap +write +grant,grantreply +'
gives 0 caps --rights --json
prints '"one_of": "grant,grantreply"'
# every row of the kernel's own table, and no other
from_headers=$(tools/gen-abi-doc rights | tail -n +3 | tr -d '`, ' |
	awk -F'|' '{ print tolower($2), $3, tolower($4), $5, $6 }' | sort)
from_writ=$(jq -r '.[] | select(.call != "files") |
	[.call, .part, .type, .all_of, .one_of] | join(" ")' "$dir/out" | tr -d ',_' | sort)
check "it is the kernel's own table" test "$from_writ" = "$(tr -d _ <<<"$from_headers")"

# --- a good root --------------------------------------------------------------
start_root good
mkdir -p "/var/log/writ/$node"
printf 'hello\nworld\033[31m\n' >"/var/log/writ/$node/7.log"
printf 'mapped' >"/var/log/writ/$node/8.log"
gives 0 ps
prints '^ +1 +system +root +be +running'
prints '^ +7 +words +  coordinator .*running'
check "what has ended is left out" grep -qv mapper "$dir/out"
prints 'x1b\[2Jevil.x0a.xff'
printable
gives 0 ps -a
prints ' mapper .*exited 0'
prints ' self .*killed KILL'
prints ' twice .*failed ENOEXEC'
check "each row once" test "$(wc -l <"$dir/out")" = 10
gives 0 ps --json
check "it is JSON" jq -e 'length == 6' "$dir/out"
gives 0 realms
prints ' words '
gives 0 caps
prints '^endpoint .*named$'
prints '^  path .*/in$'
prints '^    path +read +77 +8 +mapper .*/in/a$'
printable
gives 0 caps mapper
check "only what mapper holds" test "$(grep -c mapper "$dir/out")" = 2
gives 66 caps nobody
says 'no proc and no realm "nobody"'
gives 0 caps --json
check "it is JSON" jq -e 'length == 5' "$dir/out"
gives 0 why
prints 'mapper .pid 8, realm words.: connect refused on /out, 2 times'
prints 'because: capability lacks the right .missing: write'
prints 'fix: words.yaml:12: rights'
prints 'said by: pid 1, a server'
prints 'wait refused on slot 7 .invoked., wants proc or notification, 4 times'
check "what was not refused is left out" test -z "$(grep spawn "$dir/out")"
printable
gives 0 why -n 1
check "only the last" test "$(grep -c refused "$dir/out")" = 1
says 'what seccomp refused is not known'
gives 0 why coordinator
prints 'nothing was refused'
gives 0 audit
prints 'spawned +spawn +mapper'
gives 0 audit --json
check "it is JSON, an object a line" jq -es 'length == 4' "$dir/out"
mv "$dir/out" "$dir/trail"
gives 0 audit --since 3
check "only from there on" test "$(grep -c . "$dir/out")" = 2
gives 64 audit --heads -f
gives 64 audit --against "$dir/trail"
gives 0 audit --heads --json
mv "$dir/out" "$dir/heads"
gives 0 audit --verify --against "$dir/heads"
prints 'realm words: verified from record 1 to 4'
gives 0 audit --verify "$dir/trail"
sed 's/"count":2/"count":1/' "$dir/trail" >"$dir/altered"
gives 65 audit --verify "$dir/altered"
says 'altered:2: realm words, record 2 .2 on the node.: it was altered'
gives 66 audit --verify "$dir/nothing"
timeout 2 "$bin/writ" audit -f --json >"$dir/out" 2>"$dir/err"
check "audit -f --json: a line each, each once" test "$(grep -c '^{.*}$' "$dir/out")" = 4
gives 0 guard
prints "^node $node: audit"
prints '^seccomp +active'
prints '^namespaces +missing'
gives 0 guard --json
check "it is JSON" jq -e 'length == 10 and .[1] == {layer: "seccomp", state: "active", why: "",
	mode: "audit"}' "$dir/out"
gives 64 guard nothing
says '"nothing" is none of off, audit, enforce'
gives 69 guard enforce
says 'has none of the layers that could be switched'
gives 64 up --guard nothing
says 'enforce, on-demand, audit or off is wanted'
gives 0 kill 7
gives 66 kill 8
gives 0 stop words
check "the realm's name arrives" grep -q '^stop words$' "$dir/said"
gives 0 logs coordinator
check "a log is copied exactly where no terminal is" cmp -s "$dir/out" "/var/log/writ/$node/7.log"
gives 0 logs coordinator mapper
prints '^coordinator. hello$'
prints '^mapper. mapped$'
gives 0 logs -c 7 mapper
prints '^mapped$'
gives 66 logs nobody
script -qec "$bin/writ logs coordinator" /dev/null >"$dir/out" </dev/null
prints 'world.x1b\[31m'

# --- run ------------------------------------------------------------------------
cat >"$dir/realm.yaml" <<END
realm: words
images:
  - {name: app, path: $(realpath "$bin/hello")}
procs:
  - {name: coordinator, image: app}
END
gives 66 run "$dir/realm.yaml"
says 'what it was started with'
"$bin/cli-nodepb" >"/var/log/writ/$node/node.pb"
gives 3 run "$dir/realm.yaml"
says 'coordinator .pid 7.: exited 3'
prints 'hello$'
check "the image came in pieces" grep -qE '^run words: ([5-9]|[1-9][0-9]) pieces$' "$dir/said"
check "the realm is stopped in the end" test "$(grep -c '^stop words' "$dir/said")" = 2
gives 3 run --keep "$dir/realm.yaml"
check "--keep: it isn't" test "$(grep -c '^stop words' "$dir/said")" = 2
gives 0 run -d "$dir/realm.yaml"
prints '^7$'

# --- bad roots --------------------------------------------------------------------
start_root refuse
gives 77 ps
says 'not for .x1b\[1myou'
start_root garbage
gives 76 ps
says 'no valid message'
start_root endless
gives 76 caps
says 'has no end'
start_root backward
gives 76 why
start_root mute
gives 75 realms
says 'no answer in time'
stop_root
gives 69 ps
if [ "$(id -u)" = 0 ]; then
	start_root good
	chmod 700 "/run/writ/$node/op"
	setpriv --reuid 65534 --clear-groups "$bin/writ" ps >"$dir/out" 2>"$dir/err"
	check "somebody else: exit code 77" test $? = 77
	setpriv --reuid 65534 --clear-groups "$bin/writ" guard off >"$dir/out" 2>"$dir/err"
	check "guard off by somebody else: exit code 77" test $? = 77
	setpriv --reuid 65534 --clear-groups "$bin/writ" up >"$dir/out" 2>"$dir/err"
	check "up by somebody else: exit code 77" test $? = 77
fi
echo "1..$number"
