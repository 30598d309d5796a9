/** The first program of an initrd of ours, for the shell of busybox. */

/** What the program calls, each a link to busybox. */
export const APPLETS = [
  ...['sh', 'cat', 'dd', 'findfs', 'hexdump', 'insmod', 'ls', 'mkdir', 'mknod', 'mount', 'readlink'],
  ...['sleep', 'switch_root', 'tr', 'umount', 'usleep'],
] as const;

/**
 * Loads the modules that mod/order names, finds the root that the command line of the kernel names, mounts it, and goes
 * on there. `root=overlay:…` keeps the changes of a root elsewhere: on the partition that rd.root.overlay.write= names,
 * or in memory. A table for dm-mod.create= that the kernel has not
 * taken itself goes to dmsetup.
 */
export const INIT = `#!/bin/sh
export PATH=/bin
set -f

fail() {
  echo "initrd: $*"
  echo "initrd: here is a shell; the command line of the kernel was:"
  cat /proc/cmdline
  exec sh
}

# Hexadecimal: file, first byte, number of bytes.
bytes() {
  dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null | hexdump -v -e '1/1 "%02x"'
}

# What PARTUUID= says of a partition: disk, number. Not every kernel tells it in /sys.
identity() {
  read -r block <"/sys/class/block/\${1##*/}/queue/logical_block_size"
  if [ "$(bytes "$1" "$block" 8)" = 4546492050415254 ]; then
    id=$(bytes "$1" $((2 * block + ($2 - 1) * 128 + 16)) 16)
    echo "\${id:6:2}\${id:4:2}\${id:2:2}\${id:0:2}-\${id:10:2}\${id:8:2}-\${id:14:2}\${id:12:2}-\${id:16:4}-\${id:20:12}"
  else
    id=$(bytes "$1" 440 4)
    printf '%s%s%s%s-%02x\\n' "\${id:6:2}" "\${id:4:2}" "\${id:2:2}" "\${id:0:2}" "$2"
  fi
}

partition() {
  wanted=$(echo "$1" | tr A-F a-f)
  for name in $(ls /sys/class/block); do
    [ -e "/sys/class/block/$name/partition" ] || continue
    read -r number <"/sys/class/block/$name/partition"
    disk=$(readlink -f "/sys/class/block/$name/..")
    if [ "$(identity "/dev/\${disk##*/}" "$number")" = "$wanted" ]; then
      echo "/dev/$name"
      return
    fi
  done
}

# The device that a word stands for; nothing while it is not there.
device() {
  case $1 in
  PARTUUID=*) partition "\${1#PARTUUID=}" ;;
  /dev/disk/by-partuuid/*) partition "\${1##*/}" ;;
  UUID=* | LABEL=*) findfs "$1" 2>/dev/null ;;
  /dev/disk/by-uuid/*) findfs "UUID=\${1##*/}" 2>/dev/null ;;
  /dev/disk/by-label/*) findfs "LABEL=\${1##*/}" 2>/dev/null ;;
  *) [ -b "$1" ] && echo "$1" ;;
  esac
}

# Sets found to the same, for which it waits 15 seconds.
await() {
  tries=0
  while :; do
    found=$(device "$1")
    [ -z "$found" ] || return
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "there is no $1"
    usleep 50000
  done
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs -o mode=755,nosuid devtmpfs /dev
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run

# A module, and those without which it is not tried.
while read -r module others; do
  for other in $others; do
    [ -e "/sys/module/$other" ] || continue 2
  done
  insmod "/mod/$module.ko" 2>/dev/null
done </mod/order

line=$(cat /proc/cmdline)
table=
case $line in
*'dm-mod.create="'*) table=\${line#*dm-mod.create=\\"} table=\${table%%\\"*} ;;
*'"dm-mod.create='*) table=\${line#*\\"dm-mod.create=} table=\${table%%\\"*} ;;
esac
root= type= flags= mode=ro init= overlay= changes=
for word in $line; do
  case $word in
  root=*) root=\${word#root=} ;;
  rootfstype=*) type=\${word#rootfstype=} ;;
  rootflags=*) flags=,\${word#rootflags=} ;;
  init=*) init=\${word#init=} ;;
  rd.root.overlay.write=*) changes=\${word#*=} ;;
  ro | rw) mode=$word ;;
  esac
done
case $root in
'') fail "the command line names no root=" ;;
overlay:*) overlay=yes mode=ro root=\${root#overlay:} ;;
esac

if [ -n "$table" ] && [ ! -e /sys/class/block/dm-0 ]; then
  # <name>,<uuid>,<minor>,<flags>,<table>
  name=\${table%%,*}
  words=
  for word in \${table#*,*,*,*,}; do
    case $word in
    *UUID=* | LABEL=* | /dev/*) await "$word"; word=$found ;;
    esac
    words="$words $word"
  done
  [ -c /dev/mapper/control ] || { mkdir -p /dev/mapper; mknod /dev/mapper/control c 10 236; }
  dmsetup create "$name" --readonly --noudevsync --table "\${words# }" || fail "cannot set up $name"
fi

place=/root
[ -z "$overlay" ] || { place=/run/overlay/below; mkdir -p "$place"; }
await "$root"
mount \${type:+-t "$type"} -o "$mode$flags" "$found" "$place" || fail "cannot mount $found ($root)"
if [ -n "$overlay" ]; then
  mkdir -p /run/overlay/changes
  if [ -n "$changes" ]; then
    await "$changes"
    mount -o rw "$found" /run/overlay/changes || fail "cannot mount $found ($changes)"
  else
    mount -t tmpfs -o mode=755 tmpfs /run/overlay/changes
  fi
  mkdir -p /run/overlay/changes/upper /run/overlay/changes/work
  mount -t overlay -o "lowerdir=$place,upperdir=/run/overlay/changes/upper,workdir=/run/overlay/changes/work" \\
    overlay /root || fail "cannot keep changes of $root"
fi

for candidate in $init /sbin/init /etc/init /bin/init /bin/sh; do
  # Links may lead to where only the new root has something.
  [ -e "/root$candidate" ] || [ -h "/root$candidate" ] || continue
  for directory in proc sys dev run; do
    mount -o move "/$directory" "/root/$directory"
  done
  exec switch_root /root "$candidate" "$@"
done
fail "there is no init in $root"
`;
