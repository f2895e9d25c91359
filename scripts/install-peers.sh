#!/usr/bin/env bash
# Installs the Debian packages whose programs the tests talk to, where that may be done: as root, with apt.
# Elsewhere it says what is missing and goes on; the tests then skip those peers by name.
set -u
declare -A PACKAGE=([mosquitto]=mosquitto [mosquitto_sub]=mosquitto-clients [nginx]=nginx-light [nghttpd]=nghttp2-server
  [dnsmasq]=dnsmasq-base [kea-dhcp4]=kea-dhcp4-server [dhcpd]=isc-dhcp-server [chronyd]=chrony [unbound]=unbound [ip]=iproute2 [nft]=nftables [openssl]=openssl [curl]=curl [strace]=strace [systemctl]=systemd)
PATH="$PATH:/usr/sbin:/sbin"
missing=()
for program in "${!PACKAGE[@]}"; do
  command -v "$program" >/dev/null || missing+=("${PACKAGE[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "peers: not installed, and this user or system cannot install them: ${missing[*]}" >&2
  exit 0
fi
echo "peers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Services are not to start by themselves: the tests start their own, on free ports.
policy=/usr/sbin/policy-rc.d
own_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && own_policy=1
fi
apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1
status=$?
[ -n "$own_policy" ] && rm -f "$policy"
if [ $status -ne 0 ]; then
  tail -n 5 "$log" >&2
  echo "peers: apt-get failed; the tests say which peers they skip" >&2
fi
rm -f "$log"
exit 0
