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
newer() { [[ $(finding "$1") == *"came with Linux $2; this is 6.1."* ]]; }
check "eBPF on unix addresses is newer than this kernel, and doctor says so" newer ebpf_unix 6.7
for layer in $(jq -r '.[].key | select(. != "ebpf_unix")' "$TMP/doctor"); do
	check "$layer works" [ "$(result "$layer")" = ok ]
done
check "BPF LSM is among them" [ "$(result ebpf_lsm)" = ok ]
for limit in cgroup_pids cgroup_memory cgroup_cpu; do
	check "$limit is v2's" on_v2 "$limit"
done
refused "no hierarchy of cgroup v1 is mounted" grep -q ' - cgroup ' /proc/self/mountinfo
