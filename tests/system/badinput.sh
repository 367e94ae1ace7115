#!/bin/bash
# SPDX-License-Identifier: MIT
# Bad input: whoever caused it is told clearly, and a realm that behaves, the
# servers and the kernel don't notice.
set -u
if [ "${1:-}" != inside ]; then
	# A mount namespace of its own: for small file systems that are full soon.
	exec unshare -m --propagation private "$0" inside
fi
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
odd=$(bin odd)
R=$TMP/r.yaml

mkdir -p "$TMP/rw" "$TMP/calm" "$LOGS"
mount -t tmpfs -o size=4m none "$TMP/rw" || exit 1
mount -t tmpfs -o size=48m none "$LOGS" || exit 1
tidy() { umount -l "$TMP/rw" "$LOGS"; finish; }
trap tidy EXIT

beats() { stat -c '%i %.9Y' "$TMP/calm/copy"; }
servers() { rows '.[] | select(.name | IN("root", "schedd", "ux", "named")) | select(.realm | IN("named-calm", "root", "schedd", "ux-input", "ux-rw", "ux-calm")) | "\(.pid) \(.name) \(.state)"' ps -a; }
beats_past() { [ "$(beats)" != "$1" ]; }
calm() { # nothing else was disturbed: the calm realm goes on, the servers and the kernel are the same
	local n
	n=$(beats)
	until_ok 40 beats_past "$n" || { echo "no beat after $n"; writ logs -c 200 calm; return 1; }
	[ "$(servers)" = "$SERVERS" ] || { echo "servers were:"; echo "$SERVERS"; echo "and are:"; servers; return 1; }
	[ "$(kernel_pid)" = "$KPID" ] && kill -0 "$KPID"
}
undisturbed() { check "- nothing else is disturbed" calm; }
run() { # run IMAGE ARGS [GRANTS [MOUNTS]]
	realm bad "$@" > "$R"
	timeout 60 "$B/bin/writ" --node "$NODE" run "$R"
}

check "the node comes up" node_up --host input=/usr/share/common-licenses --host "rw=$TMP/rw:rw" \
	--host "calm=$TMP/calm:rw"
KPID=$(kernel_pid)
realm calm "$odd" '[beat, /in/GPL-3, /out/copy, /calm/copy]' \
	'[{path: /in, rights: [read]}, {path: /out, rights: [read, write, create]}, {path: /calm, rights: [read, write, create]}]' \
	'[{at: /in, host: input, rights: [read]}, {at: /calm, host: calm, rights: [read, write, create]}]' > "$TMP/calm.yaml"
check "a realm runs that behaves" writ run -d "$TMP/calm.yaml"
until_ok 50 log_has calm 'beat 1'
SERVERS=$(servers)
check "it and the servers are seen" [ "$(wc -l <<< "$SERVERS")" -eq 6 ]
undisturbed

# --- manifests
wrong() { # wrong LINE:COLUMN PATTERN TEXT: manifest on standard input
	sed "s#ODD#$odd#" > "$R"
	for how in check run; do
		check "$3: $how refuses it" gives 65 writ $how "$R"
		check "- and says where and why" says "r.yaml:$1: .*($2)"
	done
}
good=$(realm bad ODD '[exit, "0"]')
wrong 1:1 'realm|empty|mapping' "an empty manifest" <<< ""
wrong '[0-9]+:[0-9]+' '.' "one that is no YAML" <<< 'realm: [bad'
wrong '1:1' 'mapping|list' "one that is a list" <<< '[a, b]'
wrong '[0-9]+:[0-9]+' 'nonsense' "an unknown key" <<< "$good
nonsense: 1"
wrong '[0-9]+:[0-9]+' 'realm' "a key twice" <<< "$good
realm: again"
wrong '[0-9]+:[0-9]+' 'procs' "no procs" <<< "$(sed '/^procs/,$d' <<< "$good")"
wrong 1:8 'name|a-z' "a name that is none" <<< "${good/realm: bad/realm: Bad!}"
wrong '6:[0-9]+' 'image' "an image that isn't there" <<< "${good/image: it/image: other}"
wrong '8:[0-9]+' 'right' "a right that isn't one" <<< "${good/grants: []/grants: [{path: /in, rights: [all]\}]}"
wrong '8:[0-9]+' 'path|\.\.' "a path with .." <<< "${good/grants: []/grants: [{path: /in/.., rights: [read]\}]}"
wrong '2:[0-9]+' 'host|/' "a mount on the root" <<< "${good/mounts: []/mounts: [{at: /, host: input, rights: [read]\}]}"
wrong '2:[0-9]+' 'alias|anchor' "an alias" <<< "${good/mounts: []/mounts: *x}"
wrong '[0-9]+:[0-9]+' '.' "bytes" <<< "$(head -c 2000 /dev/urandom | tr -d '\0')"
wrong '[0-9]+:[0-9]+' 'memory|size|limit' "a size that isn't one" <<< "$good
limits: {memory: lots}"
wrong '3:[0-9]+' 'sha256|hash' "a wrong pin" <<< "${good/path: \"ODD\"/path: \"ODD\", sha256: \"$(printf '%064d' 0)\"}"
echo "${good/path: \"ODD\"/path: \"$odd\", sha256: \"$(sha256sum < "$odd" | cut -c 1-64)\"}" > "$R"
check "negative control: the right pin is accepted" writ run "$R"
sed "s#ODD#$odd#; s#mounts: .*#mounts: [{at: /x, host: nowhere, rights: [read]}]#" <<< "$good" > "$R"
check "a folder that the node doesn't lend: run refuses it" gives 65 writ run "$R"
check "- and says where" says 'r.yaml:2(:[0-9]+)?: .*nowhere'
refused "no manifest at all" writ run "$TMP/none.yaml"
check "- and says so" says 'none.yaml'
undisturbed

# --- images
image() { # image PATTERN TEXT FILE
	check "$2 is refused" gives 65 run "$3" '[]'
	check "- and why is said" says "r.yaml:3:[0-9]+: .*($1)"
}
cp "$odd" "$TMP/plain" && chmod 644 "$TMP/plain"
printf '#!/bin/sh\nexit 0\n' > "$TMP/script" && chmod 755 "$TMP/script"
head -c 3000 "$odd" > "$TMP/cut" && chmod 755 "$TMP/cut"
head -c 40 "$odd" > "$TMP/cut" && chmod 755 "$TMP/cut"
head -c 20000 /dev/urandom > "$TMP/noise" && chmod 755 "$TMP/noise"
: > "$TMP/void" && chmod 755 "$TMP/void"
image "doesn't exist|no such" "an image that is missing" "$TMP/none"
image 'dynamic|static' "a dynamic one" /bin/true
image 'executable' "one that isn't executable" "$TMP/plain"
image 'ELF|static|program' "a script" "$TMP/script"
image 'ELF|trunc|short|end' "a truncated one" "$TMP/cut"
image 'ELF|trunc|short|end' "one with less than a header" "$TMP/cut"
image 'ELF' "noise" "$TMP/noise"
image 'ELF|empty' "an empty file" "$TMP/void"
image 'file|regular|folder' "a folder" "$TMP"
undisturbed

# --- procs
check "one that crashes at once: run ends with 128 + its signal" gives 132 run "$odd" '[crash]'
check "- and says which" says 'bad .*killed'
refused "- its realm has ended" eval "writ realms | grep -q ' bad '"

bad_pid() { rows '[.[] | select(.realm == "bad")][-1].pid' ps -a; }
start() { # start ARGS [GRANTS [MOUNTS]]: it goes on in the background
	realm bad "$odd" "$@" > "$R"
	writ run -d "$R"
}
check "a segmentation fault is said as well" gives 139 run "$odd" '[segv, "16"]'
check "its own exit code is run's" gives 42 run "$odd" '[exit, "42"]'
undisturbed

check "one that floods its gate and reads no reply is ended" gives 137 run "$odd" '[flood]'
check "- and the audit says why" eval "writ audit bad | grep -q 'did not read the replies'"
undisturbed
check "one that sends garbage to its gate" run "$odd" '[garbage]'
undisturbed
check "one that closes its gate" start '[closegate]'
pid=$(bad_pid)
check "- is ended" until_ok 30 ended "$pid"
check "- by a signal, as ps says" eval "writ ps -a bad | grep -q 'killed'"
writ stop bad
check "one that wants more memory than it may have is told so" gives 9 run "$odd" '[hog]'
undisturbed
for i in 1 2 3 4 5; do
	realm "flood$i" "$odd" "[flood]" > "$R"
	check "another that floods" writ run -d "$R"
done
sleep 0.5
undisturbed
for i in 1 2 3 4 5; do
	check "- and is stopped" writ stop "flood$i"
done

# --- output without end
used() { du -sk --apparent-size "$LOGS" | cut -f1; }
before=$(used)
check "4 GiB of output end at the limit: the proc gets EFBIG" gives 27 run "$odd" '[log, "4096"]'
check "- no more than the limit lies on the disk" [ $(($(used) - before)) -le $((17 << 10)) ]
check "- and about that is kept" [ $(($(used) - before)) -ge $((15 << 10)) ]
undisturbed
realm bad "$odd" '[log, "8"]' > "$R"
sed -i 's/^    args:/    limits: {log: 64KiB}\n&/' "$R"
check "a limit of its own holds" gives 27 writ run "$R"
sed -i 's/64KiB/8MiB/' "$R"
check "negative control: up to the limit it may write" writ run "$R"

# --- full disks
check "a full host folder: the writer is told so" gives 37 run "$odd" '[fill, /rw/file, "100"]' \
	'[{path: /rw, rights: [read, write, create]}]' '[{at: /rw, host: rw, rights: [read, write, create]}]'
check "- in words" says 'no space left'
undisturbed
rm -f "$TMP/rw"/*
check "negative control: with room it can" run "$odd" '[fill, /rw/file, "2"]' \
	'[{path: /rw, rights: [read, write, create]}]' '[{at: /rw, host: rw, rights: [read, write, create]}]'
check "a namespace that is full: the writer is told so" gives 37 run "$odd" '[fill, /out/file, "1000"]' \
	'[{path: /out, rights: [read, write, create]}]'
check "- in words" says 'no space left'
undisturbed
refused "- no server has died" eval "writ logs root | grep -E 'killed|ended|given up'"
head -c 100M /dev/zero > "$LOGS/ballast" 2> /dev/null
check "a full log folder: one that writes is told so" gives 28 run "$odd" '[log, "8"]'
check "- one that doesn't is not disturbed" run "$odd" '[exit, "0"]'
undisturbed
check "- refusals are explained" writ why
rm -f "$LOGS/ballast"
check "negative control: with room it can write" run "$odd" '[log, "8"]'
undisturbed
kill -9 "$(proc host_pid ux ux-calm)"
refused "negative control: a server that dies is noticed" calm
check "the node goes down" writ down
check "and leaves nothing" no_leftovers
