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
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs security /sys/kernel/security
ln -sfn /proc/self/fd /dev/fd
hostname vmtest
ip link set lo up
ulimit -H -n 524288 # as systemd has it
stty -F /dev/ttyS0 raw -echo
exec > /dev/ttyS0 2>&1 < /dev/null

cd /writ || exit
insmod ./vsock.ko # a family of sockets that Linux has by a module only
# shellcheck source=/dev/null
. ./vm.conf

take() { # the next program that no machine has taken: its number and itself
	echo "vmtest: next"
	read -r number program < /dev/ttyS0
	[ "$number" != end ]
}
if [ "$VM_NUMBER" -eq 1 ]; then
	echo "# Linux $(uname -r), up after $(cut -d. -f1 /proc/uptime) s; layers of security: $(cat /sys/kernel/security/lsm)"
	"$B/bin/writ" doctor | sed 's/^/# /'
fi
# One at a time: beside another that is busy, procs of class BE would hardly run.
while take; do
	tools/run-tests "$program" > /run/out 2>&1
	sed "1d; \$d; s/^\(not \)\?ok 1 - /\1ok $number - /" /run/out
	tail -n 1 /run/out | sed -nE 's/^[0-9]+ passed, [0-9]+ failed/vmtest: &/p'
done
sync
echo "vmtest: end"
sleep 0.2
echo b > /proc/sysrq-trigger
sleep 10
