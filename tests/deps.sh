#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what hapair's build and tests need on Debian 12. Quick when nothing is missing.
# usage: deps.sh [build]     build: only what compiling needs, for a gateway
set -eu

packages=(
	gcc make pkg-config libc6-dev libnl-3-dev libnl-route-3-dev libnftnl-dev libmnl-dev
	libinih-dev libevent-dev libssl-dev libjansson-dev libbsd-dev libsmartcols-dev
	libcap-ng-dev
)
[ "${1:-all}" = build ] || packages+=(
	libcriterion-dev clang libclang-rt-dev clang-format clang-tidy mandoc binutils iproute2
	iputils-ping nftables conntrack keepalived tshark procps
)

missing=()
for p in "${packages[@]}"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing: ${missing[*]}" >&2
	echo "deps: installing them needs root: sudo make deps" >&2
	exit 1
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

# The tests run keepalived themselves, as a neighbour in a namespace: never as this machine's own.
case " ${missing[*]} " in
*' keepalived '*) systemctl disable --now keepalived >/dev/null 2>&1 || true ;;
esac
