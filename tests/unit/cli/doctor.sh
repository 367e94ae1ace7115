#!/bin/bash
# SPDX-License-Identifier: MIT
#
# writ doctor: every probe says so when its layer is missing. What is missing is
# taken away with a filter, or with a mount that is not there; the first run, with
# nothing taken away, is the control.
set -u
bin=${WRIT_B:-build}/bin
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0

check() # WHAT CONDITION...
{
	local what=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		sed 's/^/# /' "$dir/out" "$dir/err"
	fi
}

# Prints the result of probe $1 of the last run: ok, warn or FAIL.
result()
{
	awk -v key="\"$1\"," '
	/"result":/ { r = $2 }
	/"key":/ && $2 == key { gsub(/[",]/, "", r); print r; exit }' "$dir/out"
}

is() # KEY RESULT
{
	[ "$(result "$1")" = "$2" ]
}

# Without what $1 denies, probe $2 has result $3 and says $4, and writ exits with $5.
denied()
{
	local rc
	"$bin/cli-deny" "$1" "$bin/writ" doctor --json / >"$dir/out" 2>"$dir/err"
	rc=$?
	check "without $1: $2 is $3" is "$2" "$3"
	check "and says so" grep -q "\"finding\": .*$4" "$dir/out"
	check "the exit code is $5" test "$rc" = "$5"
}

leftovers() # groups of doctors that have ended; others may be at work
{
	find /sys/fs/cgroup -name "writ-doctor-*" 2>/dev/null | while read -r group; do
		pid=${group##*writ-doctor-}
		kill -0 "${pid%%-*}" 2>/dev/null || echo "$group"
	done
}

"$bin/writ" doctor --json / >"$dir/out" 2>"$dir/err"
check "control: the machine has all that is needed" test $? = 0
keys=$(awk -F'"' '/"key":/ { print $4 }' "$dir/out")
check "control: no probe fails" test -z "$(grep FAIL "$dir/out")"
check "control: a group's processes, memory and CPU time are limited" \
	test "$(result cgroup_pids),$(result cgroup_memory),$(result cgroup_cpu)" = ok,ok,ok

denied 'clone&0x10000000' user_ns FAIL clone 69
denied 'pivot_root' mount_ns FAIL pivot_root 69
denied 'clone&0x20000000' pid_ns FAIL clone 69
denied 'clone&0x40000000' net_ns FAIL clone 69
denied 'clone&0x08000000' ipc_ns FAIL clone 69
denied 'sethostname' uts_ns FAIL sethostname 69
denied 'clone&0x02000000' cgroup_ns FAIL clone 69
denied 'prlimit64,setrlimit' rlimit_nproc FAIL setrlimit 69
denied 'seccomp' seccomp FAIL 'loading a filter' 69
check "nor is the filter's check of the architecture there" is seccomp_arch FAIL
denied 'prctl=38' no_new_privs FAIL 'loading a filter' 69
denied 'capset' capabilities FAIL 'dropping capabilities' 69
denied 'execveat' sealed_image FAIL 'executing a descriptor' 69
denied 'openat2' openat2 FAIL openat2 69
denied 'pidfd_open' pidfd FAIL pidfd_open 69
denied 'landlock_create_ruleset' landlock warn 'has none' 0
denied 'landlock_restrict_self' landlock warn restricting 0
denied 'mkdir' cgroup2 FAIL 'making a group' 69
check "nor can processes be limited" is cgroup_pids warn
check "nor memory" is cgroup_memory warn
check "nor CPU time" is cgroup_cpu warn
denied 'bpf' ebpf_calls warn 'loading: .*bpf(2) is refused to this process' 0
check "nor are sockets held" is ebpf_sockets warn
check "nor unix addresses" is ebpf_unix warn
check "nor objects" is ebpf_lsm warn
check "nor is anything counted" is telemetry warn
denied 'bpf=28' ebpf_calls warn 'attaching: ' 0 # BPF_LINK_CREATE
check "nor are sockets held" is ebpf_sockets warn
denied 'mount_setattr' idmap warn 'file system has none' 0

# what no filter can take away
for key in $keys; do
	case $key in
	user_ns | mount_ns | pid_ns | net_ns | ipc_ns | uts_ns | cgroup_ns | rlimit_nproc | \
		seccomp | seccomp_arch | no_new_privs | capabilities | sealed_image | \
		openat2 | pidfd | landlock | cgroup2 | cgroup_pids | cgroup_memory | \
		cgroup_cpu | ebpf_calls | ebpf_sockets | ebpf_unix | ebpf_lsm | telemetry | \
		bpffs | lockdown | idmap) ;;
	*) check "$key is taken away by a test" false ;;
	esac
done

# shellcheck disable=SC2016 # expanded by the inner shell
unshare -m sh -c 'umount -lR /sys/fs/cgroup && exec "$1" doctor --json /' sh \
	"$bin/writ" >"$dir/out" 2>"$dir/err"
check "without cgroups the exit code is 69" test $? = 69
check "and the missing hierarchy is named" grep -q 'no hierarchy is mounted for pids' "$dir/out"

# Why eBPF can't be had: what explains a refusal is made so for one run, in a mount
# namespace, by another name of the kernel or with fewer capabilities.
because() # KEY PATTERN SETUP COMMAND...
{
	local key=$1 pattern=$2 setup=$3
	shift 3
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m bash -c 'set -e; eval "$1"; shift; exec "$@"' bash "$setup" "$@" \
		"$bin/writ" doctor --json / >"$dir/out" 2>"$dir/err"
	check "$key: it says $pattern" finding "$key" "$pattern"
}

finding() # KEY PATTERN
{
	jq -r ".[] | select(.key == \"$1\" and .result == \"warn\") | .finding" "$dir/out" |
		grep -qE -- "$2"
}

deny=$bin/cli-deny
secure='mount -t tmpfs none /sys/kernel/security'
without() { echo setpriv --bounding-set "$1" --inh-caps "$1"; }
# shellcheck disable=SC2046 # words on purpose
{
	because ebpf_calls 'lacks CAP_BPF$' : $(without -sys_admin,-bpf)
	because telemetry 'lacks CAP_BPF, CAP_PERFMON$' : $(without -sys_admin,-bpf,-perfmon)
	because ebpf_sockets 'lacks CAP_NET_ADMIN$' : $(without -sys_admin,-net_admin)
}
because ebpf_calls 'no BTF' 'mount -t tmpfs none /sys/kernel/btf'
because bpffs 'not mounted' 'mount -t tmpfs none /sys/fs/bpf'
because ebpf_unix 'came with Linux 6.7; this is 2.6' : setarch x86_64 --uname-2.6 "$deny" bpf=5
because ebpf_calls 'RLIMIT_MEMLOCK, 65536 bytes' : setarch x86_64 --uname-2.6 \
	prlimit --memlock=65536 "$deny" bpf=0
because ebpf_lsm 'bpf is not among' "$secure; echo capability >/sys/kernel/security/lsm" \
	"$deny" bpf=5
confidential='none integrity [confidentiality]'
because ebpf_calls 'locked down' "$secure; echo '$confidential' >/sys/kernel/security/lockdown" \
	"$deny" bpf=5
check "lockdown: it says confidentiality" finding lockdown confidentiality
because ebpf_calls 'no capability is missing' "$secure" "$deny" bpf=5

setpriv --reuid 65534 --clear-groups "$bin/writ" doctor >"$dir/out" 2>"$dir/err"
check "to somebody who isn't root: exit code 77" test $? = 77
check "and who could" grep -q 'sudo writ doctor' "$dir/err"

"$bin/writ" doctor / >"$dir/out" 2>"$dir/err"
check "for people: a line each" grep -q '^ok  *seccomp filter ' "$dir/out"
"$bin/cli-deny" openat2 "$bin/writ" doctor / >"$dir/out" 2>"$dir/err"
check "with what a missing layer costs" \
	grep -q '^FAIL  openat2.*without it, host folders could not be lent' "$dir/out"
check "and how many are missing" grep -q '1 needed layer is missing' "$dir/err"
check "no group is left behind" test -z "$(leftovers)"
echo "1..$number"
