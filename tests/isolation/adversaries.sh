#!/bin/bash
# SPDX-License-Identifier: MIT
# Adversaries that Writ has not written, in a realm's sandbox: trinity and stress-ng from
# Debian, and Linux's own selftests of seccomp and Landlock, built here from its source.
# Each works for WRIT_ADVERSARY_SECS (4). A tool that is missing is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
SOURCE=${WRIT_LINUX_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
from=$B/selftests

# The source is large to unpack: what is needed of it is kept.
unpack() {
	local top=linux-source-6.1/tools/testing/selftests
	[ ! -f "$from/done" ] || return 0
	mkdir -p "$from" && tar -xJf "$SOURCE" -C "$from" --strip-components=4 \
		$top/seccomp $top/landlock $top/clone3 $top/kselftest.h $top/kselftest_harness.h &&
		touch "$from/done"
}
build() { # build FILE.c
	gcc -O2 -static -w -D_GNU_SOURCE -o "$TMP/$(basename "$1" .c)" "$from/$1" -lpthread -lcap
}
for tool in trinity stress-ng; do
	check "$tool is there" command -v $tool
done
check "Linux's selftests are unpacked" unpack
for test in seccomp/seccomp_bpf landlock/base_test landlock/fs_test landlock/ptrace_test landlock/true; do
	check "- and built: $test" build $test.c
done
cp "$B/lib/isolation-shim.so" "$TMP"
chmod 755 "$TMP"
"$B/bin/writ-isolation" --adversaries "$TMP" --junit "$TMP/junit.xml" > "$TMP/tap"
rc=$?
cat "$TMP/tap"
CASES=$((CASES + $(grep -cE '^(not )?ok ' "$TMP/tap")))
ok $rc "they end well"
