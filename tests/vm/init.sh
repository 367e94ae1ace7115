#!/bin/bash
# SPDX-License-Identifier: MIT
# The first process of the machine that tools/vmtest starts: mounts what tests
# need, cgroup v2 alone, runs them, says how they ended and stops the machine.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
mount -t proc proc /proc
mount -t devtmpfs dev /dev 2> /dev/null
mkdir -p /dev/pts /dev/shm
mount -t sysfs sys /sys
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs security /sys/kernel/security
ln -sfn /proc/self/fd /dev/fd
hostname vmtest
ip link set lo up
stty -F /dev/ttyS0 raw -echo
exec > /dev/ttyS0 2>&1 < /dev/null

cd /writ || exit
# shellcheck source=/dev/null
. ./vm.conf
export B tests

# One that can't run here says so as a test would: it is counted as skipped.
skipped() { # skipped PROGRAM: prints the reason of tests/vm/skips
	sed -n "s|^$(basename "$1" .sh) ||p" tests/vm/skips
}
# The next program that nobody runs yet, as an index: one worker a processor takes
# them, for most programs leave a processor idle.
take() {
	{
		flock 9
		read -r taken < /run/next
		echo $((taken + 1)) > /run/next
	} 9> /run/next.lock
	[ "$taken" -lt "${#tests[@]}" ]
}
worker() {
	local taken out
	while take; do
		out=/run/out.$taken
		WRIT_SKIPS=/run/skips.allow tools/run-tests "${tests[taken]}" > "$out" 2>&1
		tail -n 1 "$out" | grep -E '^[0-9]+ passed, [0-9]+ failed' > "/run/totals.$taken" ||
			rm "/run/totals.$taken"
		sed "1d; \$d; s/^\(not \)\?ok 1 - /\1ok $((taken + 1)) - /" "$out" | flock /run/print.lock cat
	done
}

mkdir -p /run/skips
cp tests/skips.allow /run/skips.allow
for i in "${!tests[@]}"; do
	name=${tests[i]%%:*}
	why=$(skipped "$name")
	[ -n "$why" ] || continue
	tests[i]=/run/skips/$(basename "$name")
	printf '#!/bin/sh\necho "1..0 # SKIP %s"\n' "$why" > "${tests[i]}"
	chmod +x "${tests[i]}"
	echo "$why" >> /run/skips.allow
	echo "# skipped: $name: $why"
done

echo "# Linux $(uname -r), up after $(cut -d. -f1 /proc/uptime) s; layers of security: $(cat /sys/kernel/security/lsm)"
"$B/bin/writ" doctor | sed 's/^/# /'
echo "1..${#tests[@]}"
echo 0 > /run/next
for cpu in $(seq "$(nproc)"); do
	worker &
	workers[cpu]=$!
done
wait "${workers[@]}"
cat /run/totals.* 2> /dev/null | awk -v want="${#tests[@]}" '
	{ p += $1; f += $3; s += $5; n++ }
	END {
		f += want - n
		printf "%d passed, %d failed%s\n", p, f, (s ? ", " s " skipped" : "")
		print "vmtest: tests ended with status " (f == 0 && p > 0 ? 0 : 1)
	}'
sync
sleep 0.2
echo b > /proc/sysrq-trigger
sleep 10
