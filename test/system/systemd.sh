#!/bin/bash
# Becomes a systemd of its own, with examples/secure-streams.service and nothing else, over a copy of this machine's files
# that goes with it. Started as: systemd.sh REPOSITORY POLICY CGROUP, where CGROUP is an empty cgroup2. It may set no clock,
# load no module and boot nothing.
set -eu
if [ "$#" = 3 ]; then
  echo $$ >"$3/cgroup.procs"
  exec setpriv --bounding-set=-sys_time,-sys_module,-sys_boot --inh-caps=-sys_time,-sys_module,-sys_boot \
    unshare --pid --fork --kill-child --mount --uts --ipc --cgroup bash "$0" "$1" "$2"
fi
mount --make-rprivate /
base=$(mktemp -d)
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
root=$base/root
mkdir -p "$root/etc/secure-streams" "$root/opt/secure-streams" "$root/mnt"
cp "$2" "$root/etc/secure-streams/device.json"
mount --rbind "$1" "$root/opt/secure-streams"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in dev run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"; done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts" "$root/dev/mqueue" "$root/dev/hugepages"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
rm -rf "$root/etc/systemd/system" "$root/usr/lib/systemd/system-generators"
mkdir -p "$root/etc/systemd/system" "$root/run/systemd/system"
for target in sysinit basic shutdown multi-user network-online network-pre; do
  printf '[Unit]\nDefaultDependencies=no\n' >"$root/etc/systemd/system/$target.target"
done
cp "$root/opt/secure-streams/examples/secure-streams.service" "$root/etc/systemd/system/"
printf '#!/bin/sh\nexec %s /opt/secure-streams/dist/cli/main.js "$@"\n' "$(command -v node)" >"$root/usr/bin/secure-streams"
chmod 755 "$root/usr/bin/secure-streams"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i PATH=/usr/sbin:/usr/bin container=test /usr/lib/systemd/systemd --system --unit=basic.target </dev/null
