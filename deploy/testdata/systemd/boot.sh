#!/bin/sh
# Boots a systemd of its own: in new namespaces of processes, mounts and the network, with
# a root in memory that has this machine's /usr. Only the test starts it. $1 is a directory
# with the command and deploy/systemd, where probe.sh writes its log.
set -e
R="$1/root"
mkdir "$R"
mount -t tmpfs none "$R"
chmod 755 "$R"
cd "$R"
mkdir -p usr etc/systemd/system/gossip.service.d etc/gossip proc sys run tmp var/lib var/log dev root shared
mount --rbind /usr usr
mount -t tmpfs -o mode=755 none usr/local
mkdir -p usr/local/bin
cp "$1/gossip" usr/local/bin/
for l in bin sbin lib lib32 lib64; do [ ! -L /$l ] || ln -s usr/$l $l; done
cp /etc/passwd /etc/group /etc/ld.so.cache etc/
printf 'passwd: files systemd\ngroup: files systemd\n' > etc/nsswitch.conf
echo 00000000000000000000000000000001 > etc/machine-id
mount -t proc proc proc
mount -t sysfs -o ro sys sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=755 none dev
for d in null zero full random urandom tty; do touch dev/$d; mount --bind /dev/$d dev/$d; done
mkdir dev/shm dev/pts
mount -t tmpfs none dev/shm
ln -s /proc/self/fd dev/fd
mount --bind "$1" shared
ip link set lo up

cp shared/systemd/gossip.service etc/systemd/system/
# A namespace that is not the machine's own often may not do these two.
printf '[Service]\n%b' "$2" > etc/systemd/system/gossip.service.d/here.conf
printf 'listen = "127.0.0.1:7946"\nlog-level = "info"\n' > etc/gossip/agent.toml
(umask 077; usr/local/bin/gossip keys new > etc/gossip/keyring)
cat > etc/systemd/system/probe.service <<T
[Service]
Type=oneshot
ExecStart=/bin/sh /shared/probe.sh
StandardOutput=append:/shared/log
StandardError=append:/shared/log
T
printf '[Unit]\nRequires=basic.target\nWants=probe.service\nAllowIsolate=yes\n' > etc/systemd/system/probe.target
mount --make-rshared .
exec chroot . env -i container=test PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=probe.target
