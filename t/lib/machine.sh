#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Boots the systemd of this machine as the first process of namespaces of its
# own; machine.py begins and ends it.  DIR becomes a mount point, ROOT what the
# new machine is made of: whatever it writes stays in memory.  The network is
# that of who calls.
#	machine.sh DIR ROOT
set -eu

dir=$1
root=$2
tree=$dir/root

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$tree"
mount -t overlay -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" \
    overlay "$tree"

mount -t proc proc "$tree/proc"
mount --bind "$tree/proc/sys" "$tree/proc/sys"
mount -o remount,bind,ro "$tree/proc/sys"
mount -t sysfs -o ro sysfs "$tree/sys"
mount -t cgroup2 cgroup2 "$tree/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$tree/run"
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
for name in null zero full random urandom tty; do
	: >"$tree/dev/$name"
	mount --bind "/dev/$name" "$tree/dev/$name"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$tree/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
ln -s pts/ptmx "$tree/dev/ptmx"
ln -s /proc/self/fd "$tree/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do
	ln -s "fd/${n%:*}" "$tree/dev/${n#*:}"
done

# Nothing that this machine starts, and nothing that is the kernel's.
units=$tree/etc/systemd/system
rm -rf "$units"/*.wants
for unit in systemd-udevd.service systemd-sysctl.service \
    systemd-modules-load.service modprobe@.service systemd-networkd.service \
    systemd-resolved.service systemd-timesyncd.service \
    systemd-journal-flush.service systemd-logind.service getty.target \
    sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount; do
	ln -sf /dev/null "$units/$unit"
done

mkdir -p "$tree/mnt/outside"
cd "$tree"
pivot_root . mnt/outside
umount -l /mnt/outside
# As systemd has it: units get mounts of their own from it.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=multi-user.target
