#!/bin/bash
# SPDX-License-Identifier: MIT
# What the machine of tools/vmtest is there for: every layer of the sandbox works
# there, BPF LSM too, and cgroup v2 has every controller.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

result() { jq -r ".[] | select(.key == \"$1\") | .result" "$TMP/doctor"; }
finding() { jq -r ".[] | select(.key == \"$1\") | .finding" "$TMP/doctor"; }
on_v2() { [[ $(finding "$1") == 'cgroup v2'* ]]; }

check "writ doctor finds all that is needed" writ doctor
writ doctor --json > "$TMP/doctor"
for layer in $(jq -r '.[].key' "$TMP/doctor"); do
	check "$layer works" [ "$(result "$layer")" = ok ]
done
check "BPF LSM is among them" [ "$(result bpf_lsm)" = ok ]
for limit in cgroup_pids cgroup_memory cgroup_cpu; do
	check "$limit is v2's" on_v2 "$limit"
done
refused "no hierarchy of cgroup v1 is mounted" grep -q ' - cgroup ' /proc/self/mountinfo
