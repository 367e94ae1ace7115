#!/bin/bash
# SPDX-License-Identifier: MIT
# The documents' commands do what the documents say: README's first program and
# manifest are made from its own text and run as it says; the demo works, in
# two places at once, and leaves nothing when it is interrupted.
# shellcheck disable=SC2016 # what check evaluates is expanded then
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
export WRIT_NODE=$NODE

# block FILE AFTER LANGUAGE: the first code block of that language behind the line that has AFTER
block() {
	awk -v after="$2" -v fence="\`\`\`$3" '
		index($0, after) { found = 1 }
		inside && /^```$/ { exit }
		inside { print }
		found && $0 == fence { inside = 1 }' "$1"
}
same() { # same FILE: what README shows is what the example is, but for the licence and comments
	diff <(block README.md "\`$1\`:" "$2") <(grep -v 'SPDX' "docs/examples/hello/$1")
}
check "README's program is the example" same hello.c c
check "README's manifest is the example" same hello.yaml yaml

# README's commands, in a folder that looks like a clone
mkdir "$TMP/clone"
for f in docs include tools README.md; do ln -s "$PWD/$f" "$TMP/clone/$f"; done
ln -s "$(realpath "$B")" "$TMP/clone/build"
block README.md 'Build it, look' '' > "$TMP/commands"
check "README has commands to build and run it" [ "$(wc -l < "$TMP/commands")" -ge 7 ]
n=0
while read -r command; do
	n=$((n + 1))
	case $command in
	make) continue ;;       # is done: these tests run on its result
	sudo\ *) command=${command#sudo } ;;
	esac
	check "README: $command" eval "(cd '$TMP/clone' && $command)"
	case $command in
	*'writ check '*) check "- says what it may do" says 'create files in /out' ;;
	*'writ run '*) check "- its output is shown" says '/out/greeting: written' ;;
	*'writ down'*) check "- leaves nothing" no_leftovers ;;
	esac
done < "$TMP/commands"

# The manual: every command is there, and its examples run
for c in $("$B/bin/writ" help 2> /dev/null | grep -oE '^ +[a-z][a-z-]* ' | sort -u); do
	check "the manual has writ $c" grep -qE "^(\.B |.fB)?writ ${c/-/.-}" docs/man/writ.1
done
sed -n '/^\.SH EXAMPLES/,$p' docs/man/writ.1 | grep -E '^(sudo )?writ ' | sed 's/\\//g' |
	sed -e 's/^sudo //' -e 's#wordcount.yaml#'"$TMP"'/wordcount.yaml#' \
		-e 's#texts=#input=#' -e 's# mapper$# wordcount#' > "$TMP/examples"
sed "s#\.\./\.\./\.\./build/bin/#$(realpath "$B/bin")/#" docs/examples/wordcount/wordcount.yaml > "$TMP/wordcount.yaml"
while read -r command; do
	check "writ(1): $command" eval "$B/bin/$command"
done < "$TMP/examples"
check "writ(1) had examples" [ "$(wc -l < "$TMP/examples")" -ge 5 ]
writ down > /dev/null 2>&1

# The examples' manifests
for m in docs/examples/*/*.yaml; do
	sed -E "s#path: (\.\./\.\./\.\./build/bin/|)([a-z-]+)\}#path: $(realpath "$B/bin")/\2}#" "$m" > "$TMP/m.yaml"
	check "$m is right" "$B/bin/writ" check "$TMP/m.yaml"
done

# Installed, it works from where it is; and make keeps its hands off the source
make_() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s "$@"; }
check "make install" make_ "B=$B" install PREFIX=/usr "DESTDIR=$TMP/root"
usr=$TMP/root/usr
check "what is installed comes up" "$usr/bin/writ" up --host input=/usr/share/common-licenses
for m in hello wordcount; do
	check "- and runs $m" "$usr/bin/writ" run "$usr/share/writ/examples/$m/$m.yaml"
done
check "- and goes down" "$usr/bin/writ" down
check "- a program can be built with what is installed" gcc -static -isystem "$usr/include" -o "$TMP/hello" \
	docs/examples/hello/hello.c "$usr/lib/libwrit.a" -lprotobuf-c
for doc in library messages; do # the first program of each
	awk '/^```$/ && f { exit } f; /^```c$/ { f = 1 }' "docs/$doc.md" > "$TMP/$doc.c"
	check "- and the program of $doc.md" gcc -std=gnu17 -Wall -Wextra -Wno-unused-function -Wno-unused-parameter \
		-Werror -isystem "$usr/include" -c -o "$TMP/$doc.o" "$TMP/$doc.c"
done
completed() { # in a shell of its own
	PATH=$usr/bin:$PATH COMP_WORDS=(writ doc) COMP_CWORD=1
	# shellcheck source=tools/writ/writ.bash
	. "$usr/share/bash-completion/completions/writ"
	_writ
	echo "${COMPREPLY[@]}"
}
check "- bash completes its commands" eval '[ "$(completed)" = doctor ]'
for b in '' / . .. "$PWD"; do
	check "make refuses B='$b'" eval '! make_ -n "B=$b" clean'
	check "- and says so" says 'B must be one folder|this folder or one above'
done

# The demo
demo() { B=$B tools/demo "$@"; }
mkdir "$TMP/my texts"
echo 'one two two' > "$TMP/my texts/it's a file"
demo "$TMP/my texts" > "$TMP/demo1" 2>&1 &
other=$!
check "the demo" demo
for what in ' the$' 'mapper-0 +be +exited 0' 'exec +image mapper' \
	'read a path it was not given +no capability' 'fix: add .*path: /secret' 'is down' 'setup +[0-9]+\.[0-9]+ s'; do
	check "- shows: $what" says "$what"
done
wait "$other"
ok $? "another demo at the same time, of another folder"
check "- counts that folder" grep -qE '^ +2 two$' "$TMP/demo1"
check "the demo refuses who isn't root" eval '! setpriv --reuid 65534 --clear-groups tools/demo'
check "- and says so" says 'must be root'
check "it refuses a folder that isn't there" eval '! demo /nonexistent'
B=$B tools/demo > "$TMP/demo2" 2>&1 &
other=$!
until_ok 100 grep -q 'is up' "$TMP/demo2"
kill -TERM "$other"
wait "$other"
check "one that is interrupted" [ $? -ne 0 ]
# of somebody's own clone, and a make that makes a file
mkdir -p "$TMP/mine" "$TMP/bin"
ln -s "$PWD/tools" "$PWD/docs" "$TMP/mine"
printf '#!/bin/sh\nmkdir build/bin && echo made > build/bin/one\n' > "$TMP/bin/make"
chmod +x "$TMP/bin/make"
chown 65534 "$TMP/mine"
env -u B PATH="$TMP/bin:$PATH" "$TMP/mine/tools/demo" > "$TMP/demo3" 2>&1
check "what the demo builds is whose the clone is" [ "$(stat -c %u "$TMP/mine/build/bin/one")" = 65534 ]
name=$(grep -oE 'node demo[0-9]+' "$TMP/demo2" | head -1 | cut -c 6-)
check "- had a node" [ -n "$name" ]
check "- leaves nothing of it" eval '[ ! -e "/run/writ/$name" ] && [ ! -e "/var/log/writ/$name" ]'
