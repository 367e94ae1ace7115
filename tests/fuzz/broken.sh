#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The invariants of the kernel's fuzzer find mistakes: each of these kernels has
# one (tests/fuzz/kernel/broken.c), and random steps must come upon it.
set -u
prog=${WRIT_B:-build}/bin/fuzz-kernel-broken
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$prog" "$dir/fuzz-kernel-broken" # what fails leaves its input beside the program
seed=${WRIT_SEED:-$(date +%s)}
echo "# WRIT_SEED=$seed"
n=0

result() { # STATUS WHAT
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}

found() { # MISTAKE
	WRIT_BROKEN=$1 WRIT_SEED=$seed timeout 60 "$dir/fuzz-kernel-broken" >"$dir/out" 2>&1
	[ $? = 134 ] && sed -n 's/^after/# after/p' "$dir/out"
}

for mistake in share moved spawn told settle charge hold range revoke; do
	found "$mistake"
	result $? "a kernel with the mistake \"$mistake\" is found out"
done
WRIT_SEED=$seed WRIT_STEPS=3000 "$dir/fuzz-kernel-broken" >"$dir/out" 2>&1
result $? "without one nothing is found"
echo "1..$n"
