#!/bin/bash
# SPDX-License-Identifier: MIT
# What the machine of tools/vmtest is there for: every layer of the sandbox works
# there, BPF LSM too, and cgroup v2 has every controller.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

declare -A result finding
on_v2() { [[ ${finding[$1]-} == 'cgroup v2'* ]]; }
newer() { [[ ${finding[$1]-} == *"came with Linux $2; this is 6.1."* ]]; }

check "writ doctor finds all that is needed" writ doctor --json
while IFS=$'\t' read -r key is found; do
	result[$key]=$is finding[$key]=$found
done < <(jq -r '.[] | [.key, .result, .finding] | @tsv' "$TMP/out")
check "eBPF on unix addresses is newer than this kernel, and doctor says so" newer ebpf_unix 6.7
for layer in "${!result[@]}"; do
	[ "$layer" = ebpf_unix ] || check "$layer works" [ "${result[$layer]}" = ok ]
done
check "BPF LSM is among them" [ "${result[ebpf_lsm]-}" = ok ]
for limit in cgroup_pids cgroup_memory cgroup_cpu; do
	check "$limit is v2's" on_v2 "$limit"
done
refused "no hierarchy of cgroup v1 is mounted" grep -q ' - cgroup ' /proc/self/mountinfo

# A program of the host's for core dumps: root's, and fed by who crashes.
cat > "$TMP/dump" << END
#!/bin/bash
echo "\$1" >> $TMP/dumps
cat > /dev/null
END
chmod 755 "$TMP" "$TMP/dump"
echo "|$TMP/dump %e" > /proc/sys/kernel/core_pattern
dumped() { bash -c 'ulimit -c 0; timeout -s SEGV 0.1 sleep 60'; grep -q sleep "$TMP/dumps"; }
realm crash "$(bin odd)" '[segv, "0"]' > "$TMP/crash.yaml"
check "a node" node_up
check "a proc that crashes, and wants it told" gives 139 writ run "$TMP/crash.yaml"
check "negative control: a process whose limit on cores is 0 has it told" until_ok 50 dumped
refused "the proc had not" grep crash "$TMP/dumps"
