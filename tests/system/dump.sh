#!/bin/bash
# SPDX-License-Identifier: MIT
# Dumps: what a node holds as text, a node made from that text, and the same text
# again; what can't be made is refused with its line.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir -p "$TMP/texts" "$TMP/images"
echo text > "$TMP/texts/file"
cat > "$TMP/bare.yaml" << END
node: test
servers:
  - {name: schedd, image: schedd, profile: native, per: node, grants: [{scheduler: true}]}
END

dump() { # dump FILE [ARGUMENT...]: of the node that runs
	local file=$1
	shift
	writ caps --dump "$@" > "$file" 2> "$TMP/dump.err" || { cat "$TMP/dump.err"; return 1; }
}
load() { # load FILE [ARGUMENT...]: a node from it
	local file=$1
	shift
	writ up "${NODE_ARGS[@]}" --dump "$file" --images "$TMP/images" "$@"
}
again() { # again FILE: load it, dump that into FILE.again, end the node
	load "$1" > "$TMP/load.out" 2>&1 || { cat "$TMP/load.out"; return 1; }
	dump "$1.again"
	local rc=$?
	writ down > /dev/null
	return "$rc"
}
round_trip() { again "$1" && cmp "$1" "$1.again"; }
differs() { # differs FROM SED: the dump changed so is made as it says, and is another than FROM
	sed "$2" "$1" > "$TMP/changed"
	if cmp -s "$1" "$TMP/changed"; then
		echo "nothing to change"
		return 1
	fi
	again "$TMP/changed" || return 1
	! cmp -s "$1" "$TMP/changed.again" && cmp "$TMP/changed" "$TMP/changed.again"
}
bad() { # bad TEXT FROM SED LINE PATTERN: refused, with the line and the reason
	sed "$3" "$2" > "$TMP/bad"
	refused "$1" load "$TMP/bad"
	writ down > /dev/null 2>&1
	check "and it is said where and why" says "(bad|dump):$4: $5"
}
slot_of() { sed -n "s/^\([0-9]*\): $2 .*/\1/p" "$1" | head -1; } # slot_of FILE OBJECT
line_of() { grep -n -- "$2" "$1" | head -1 | cut -d: -f1; }

# --- a node as people run it
NODE_ARGS=(--file docs/examples/node.yaml --host "texts=$TMP/texts")
check "a node comes up" writ up "${NODE_ARGS[@]}"
realm one "$(bin sleeper)" '[/in/file]' '[{path: /in, rights: [read]}]' \
	'[{at: /in, host: texts, rights: [read]}]' > "$TMP/one.yaml"
check "a realm runs there" writ run -d "$TMP/one.yaml"
realm two "$(bin sleeper)" '[/in/file]' '[{spawn: workers, procs: 4, memory: 64MiB}, {image: it}]' \
	> "$TMP/two.yaml"
check "and one that may spawn" writ run -d "$TMP/two.yaml"
realm three "$(bin hello)" '[]' '[{path: /out, rights: [create]}]' > "$TMP/three.yaml"
check "and one that ends at once" writ run -d "$TMP/three.yaml"
until_ok 50 ended "$(rows '.[] | select(.realm == "three") | .pid' ps -a)"
check "its distribution is written, with its images" dump "$TMP/d" --images "$TMP/images"
check "what is live is counted and left out" \
	grep -qE 'left out: [1-9][0-9]* sessions.*, 1 of ended procs' "$TMP/dump.err"
check "the dump names the proc" grep -q '^proc_one_one = proc (name: "one", realm: realm_one' "$TMP/d"
check "the image has its hash" grep -q "sha256: $(sha256sum < "$(bin sleeper)" | cut -c1-64)" "$TMP/d"
dump "$TMP/d2"
check "a second dump is the same" cmp "$TMP/d" "$TMP/d2"
check "the node goes down" writ down
check "a node made from it gives the same dump" round_trip "$TMP/d"
check "and so does one made from that" round_trip "$TMP/d.again"
check "nothing of them is left" no_leftovers

# --- what can't be made
n=$(wc -l < "$TMP/d")
refused "a dump whose images are not there is refused" \
	writ up "${NODE_ARGS[@]}" --dump "$TMP/d"
check "and it is said which" says '(line|bad).*image_it.*--images DIR'
bad "text that is no dump" "$TMP/d" '1s/.*/hello/' 1 'this is no dump'
bad "a dump that ends too early" "$TMP/d" "$n,\$d" $((n - 1)) 'it ends too early'
line=$(line_of "$TMP/d" '^proc_one_one = ')
bad "an unknown attribute" "$TMP/d" "${line}s/memory:/memroy:/" "$line" 'proc has no memroy'
bad "an unknown object" "$TMP/d" "${line}s/realm_one/realm_none/" "$line" 'there is no object realm_none'
bad "an object of the wrong type" "$TMP/d" "${line}s/realm: realm_one/realm: node/" "$line" \
	'node is of type untyped'
line=$(line_of "$TMP/d" ': proc_one_one ')
bad "a capability to an unknown object" "$TMP/d" "${line}s/proc_one_one/proc_no/" "$line" \
	'there is no object proc_no'
bad "an unknown right" "$TMP/d" "${line}s/grant/garnt/" "$line" 'there is no right garnt'
bad "a slot that is taken" "$TMP/d" "${line}{p;}" $((line + 1)) 'that slot is taken'
realm=$(slot_of "$TMP/d" realm_one)
account=$(sed -n "s/^cspace_root\[$realm\] <- cspace_root\[\(.*\)\]/\1/p" "$TMP/d")
line=$(line_of "$TMP/d" "^cspace_root\[$realm\] <- ")
bad "a parent that isn't there" "$TMP/d" "${line}s/<- .*/<- cspace_root[999]/" "$line" \
	'no capability lies in cspace_root.999.'
bad "a capability that descends from itself" "$TMP/d" \
	"s/^\(cspace_root.$account. <- \).*/\1cspace_root[$realm]/" '[0-9]+' 'this capability descends'
line=$(line_of "$TMP/d" '^path_1 = ')
bad "what the kernel refuses: a Path from another endpoint" "$TMP/d" \
	"s/^\\(cspace_one_one\\[1\\] <- \\).*/\\1$(sed -n 's/^cspace_named-one_named\[1\] <- //p' "$TMP/d")/" \
	"$line" 'path_1 can.t have come from where it stands'
line=$(line_of "$TMP/d" '^host_texts = ')
refused "a host folder that this node does not lend" \
	writ up --file docs/examples/node.yaml --dump "$TMP/d" --images "$TMP/images"
check "is named" says "dump:$line: host_texts: this node has no such thing at boot"
check "after all these nothing is left" no_leftovers

# --- everything that a dump can hold
NODE_ARGS=(--file "$TMP/bare.yaml")
kernel_up root="$(bin weaver)"
check "a distribution of every kind is written" until_ok 50 dump "$TMP/w"
kill "$KERNEL" && wait "$BOOT"
BOOT=0
for kind in 'badge: 77' 'guard: 5, guard_bits: 4' '"/a/b/c .x22d.x22"' ' notification ' \
	'schedcontext (.*of: proc_woven_waits' 'within: spawn_1' 'held, image' '^cnode_3 {'; do
	check "it has: $kind" grep -q -- "$kind" "$TMP/w"
done
check "a node made from it gives the same dump" round_trip "$TMP/w"
check "one right changed gives another" \
	differs "$TMP/w" '/^105: /s/rights: write/rights: read+write/'
check "one badge changed gives another" differs "$TMP/w" '/^119: /s/badge: 5/badge: 6/'
check "one guard changed gives another" differs "$TMP/w" '/^109: /s/guard: 5/guard: 6/'
check "one parent changed gives another" \
	differs "$TMP/w" 's/^cspace_root\[125\] <- cspace_root\[103\]/cspace_root[125] <- cspace_root[102]/'
check "one limit changed gives another" differs "$TMP/w" '/^spawn_2/s/procs: 4/procs: 3/'
line=$(line_of "$TMP/w" '^125: ')
bad "a capability with more rights than its parent" "$TMP/w" \
	"${line}s/rights: write/rights: read+write/" "$line" '.*not held|.*right'
bad "a badge on a badge" "$TMP/w" "${line}s/badge: 77/badge: 78/" "$line" '.*can.t be made'
line=$(line_of "$TMP/w" '^spawn_2 = ')
bad "a Spawn wider than its own" "$TMP/w" "${line}s/procs: 4/procs: 40/" "$line" '.*can.t be made'
line=$(line_of "$TMP/w" '^node = ')
bad "no node's account" "$TMP/w" "${line}s/slots: [0-9]*/slots: 77/" "$line" 'this node has'
check "and nothing is left" no_leftovers
