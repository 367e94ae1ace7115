#!/bin/bash
# SPDX-License-Identifier: MIT
# wordcount counts what coreutils count, whatever the input looks like and
# however it is cut; and a mapper's rights allow a mapper's work only.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

in=$TMP/in out=$TMP/result
seed=${WRIT_SEED:-$RANDOM}
echo "# seed $seed"
RANDOM=$seed

# What coreutils count, in wordcount's form and order.
expected() {
	# shellcheck disable=SC2016,SC2018,SC2019 # ASCII is what wordcount counts
	find -L "$1" -type f -exec sh -c 'for f; do cat "$f"; echo; done' sh {} + |
		LC_ALL=C tr -cs A-Za-z '\n' | LC_ALL=C tr A-Z a-z | LC_ALL=C sort | uniq -c |
		awk '$2 != "" { print $2, $1 }'
}
counts() { # counts HOST FOLDER MAPPERS REDUCERS
	wordcount_realm "$1" "$3" "$4" > "$TMP/wc.yaml"
	find "$out" -mindepth 1 -delete
	[ -e "$TMP/want-$1" ] || expected "$2" > "$TMP/want-$1"
	writ run "$TMP/wc.yaml" && diff "$TMP/want-$1" "$out/counts"
}

mkdir -p "$in" "$out" "$TMP/big" "$TMP/small" "$TMP/none"
mkdir -p "$in/a/b/c" "$in/with space/and  two" "$in/empty-folder"
echo 'Deep deeper DEEPEST' > "$in/a/b/c/deep"
echo 'a name with spaces' > "$in/with space/and  two/a file"
: > "$in/empty"
printf 'no newline at the END' > "$in/unended"
printf 'nul\0between\0\0words\0' > "$in/nul"
printf '\377\376abc\200def\n\303\244pfel caf\303\251\n' > "$in/eight-bit"
printf '%s' "$(head -c 3000 /dev/zero | tr '\0' q)" > "$in/one-long-word"
head -c 300000 /dev/urandom > "$in/random"
cp /bin/true "$in/binary"
for ((i = 0; i < 200; i++)); do
	echo "file $i word$((RANDOM % 50)) and $RANDOM" > "$TMP/small/$i"
done
# 20 MiB of words of all lengths, few of them different; less where all is slow
big=$((20 / ${WRIT_TEST_SCALE:-1})) big=$((big > 0 ? big : 1))
for ((i = 0; i < 4000; i++)); do
	printf '%.*s%c' $((RANDOM % 14 + 1)) abcdefghijklmnopq "${i: -1}"
done | tr 0-9 ' \n,.-x y z' > "$TMP/chunk"
while [ "$(stat -c %s "$TMP/big/file" 2> /dev/null || echo 0)" -lt $((big << 20)) ]; do
	for _ in 1 2 3 4 5 6 7 8 9; do cat "$TMP/chunk"; done >> "$TMP/big/file"
done

check "the node comes up" node_up --host input=/usr/share/common-licenses --host "mixed=$in" \
	--host "big=$TMP/big" --host "small=$TMP/small" --host "none=$TMP/none" --host "out=$out:rw"
check "the licenses" counts input /usr/share/common-licenses 4 2
for m in 1 2 5 9; do
	check "nested, empty, unended, binary and oddly named files, $m mappers" counts mixed "$in" $m 3
done
check "200 small files" counts small "$TMP/small" 4 2
for m in 1 2 3 4 5 6 7 8 9; do
	check "a file of $big MiB in pieces for $m mappers" counts big "$TMP/big" $m $((m % 3 + 1))
done
check "an empty folder" counts none "$TMP/none" 4 2
check "more mappers than run at once" counts mixed "$in" 60 7
cp -r "$in" "$TMP/in2"
echo 'one word more' > "$in/more"
refused "negative control: another input gives other counts" counts mixed "$TMP/in2" 2 2

# A mapper's rights
curious() { # curious PATH-RIGHTS OUT-RIGHTS [MORE]: on a copy of its own
	realm curious "$(bin wc-curious)" '[/in/note]' \
		"[{path: /in/note, rights: [$1]}, {path: /out, rights: [$2]}${3:+, $3}]" \
		"[{at: /in, host: out, rights: [read, write, create, remove]}]" > "$TMP/curious.yaml"
	find "$out" -mindepth 1 -delete
	echo mine > "$out/note"
	chmod a+rw "$out/note"
	writ run "$TMP/curious.yaml"
}
check "a mapper's rights allow nothing else: each attempt is refused as it should be" \
	curious read create
check "14 things were tried" [ "$(wc -l < "$TMP/out")" -eq 14 ]
refused "negative control: with write on the input it is noticed" curious read,write create
check "and said" says 'expected: capability lacks the right'
refused "negative control: with read on /out" curious read read,create
refused "negative control: with /secret" curious read create '{path: /secret, rights: [read, create]}'
refused "negative control: with less, what it may do is refused" curious read read
