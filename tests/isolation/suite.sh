#!/bin/bash
# SPDX-License-Identifier: MIT
# writ-isolation, as `writ test-isolation` runs it: its own cases are counted; what it
# writes for others is read by another's parser; and a sandbox with a hole is found out.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

engine() { "$B/bin/writ-isolation" "$@"; }
# an image of a name, and with rights, that a file may have, though no manifest would
odd="$TMP/"$'odd "name\\\n\xff # SKIP'
install -m 600 "$(bin hello)" "$odd"
"$B/bin/writ" test-isolation --junit "$TMP/junit.xml" "$odd" | tee "$TMP/tap"
rc=${PIPESTATUS[0]}
CASES=$(grep -cE '^(not )?ok ' "$TMP/tap")
ok "$rc" "the whole suite ends well"
xml() { xmllint --xpath "string($1)" "$TMP/junit.xml"; }
check "the JUnit file has as many cases" [ "$(xml 'count(//testcase)')" = "$(grep -cE '^(not )?ok ' "$TMP/tap")" ]
check "and no failure" [ "$(xml 'count(//failure)')" = "$(grep -c '^not ok ' "$TMP/tap")" ]
check "the image's name is in its cases, and excuses none" [ "$(grep -c '^ok .* - odd "name\\?? ? SKIP: ' "$TMP/tap")" -gt 150 ]
mkfifo "$TMP/fifo"
check "one that is none, and would keep it waiting" gives 65 timeout 60 "$B/bin/writ" test-isolation "$TMP/fifo"
check "an image that isn't there" gives 66 "$B/bin/writ" test-isolation "$TMP/none"
check "one that is no program" gives 65 "$B/bin/writ" test-isolation "$TMP/tap"
check "one that is dynamic" gives 65 "$B/bin/writ" test-isolation "$(bin writ)"
check "a report that can't be written: 73, before any case" gives 73 "$B/bin/writ" test-isolation --junit "$TMP/none/x.xml" "$(bin hello)"
check "- so there is none" eval '! says "^(ok|not ok) "'
check "no such profile" gives 64 "$B/bin/writ" test-isolation --profile all "$(bin hello)"
check "no image" gives 64 "$B/bin/writ" test-isolation

# ended while its node runs: it clears up
"$B/bin/writ" test-isolation --profile native "$(bin hello)" > "$TMP/out" 2>&1 &
pid=$!
check "its node comes up" until_ok 1000 test -e "/run/writ/t$pid/pid"
kernel=$(cat "/run/writ/t$pid/pid")
folder=$(tr '\0' '\n' < "/proc/$(pgrep -of "^writ-boot --node t$pid ")/cmdline" | sed -n 's#.*:\(/tmp/writ-isolation-[^/]*\)/.*#\1#p')
kill -TERM "$pid"
wait "$pid"
ok $(($? != 143)) "SIGTERM ends it"
its_node_gone() { [ ! -e "/proc/$kernel" ] && [ ! -e "/run/writ/t$pid" ] && [ ! -e "/var/log/writ/t$pid" ]; }
its_folder_gone() { [ -n "$folder" ] && [ ! -e "$folder" ]; }
check "- and its node, with all of it" its_node_gone
check "- and its folder" its_folder_gone

for step in filter root; do
	check "negative control: without $step it ends with 1" gives 1 engine --profile native --without $step
	check "- and says what got through" eval 'says "^not ok .*got through"'
done
