# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the namespace tests of vrrpd: two gateways and a client on a front and a back bridge,
# the daemons in them, and instruments that see who answers.
# shellcheck shell=bash
# shellcheck source=tests/ns/lib.sh
. "$(dirname "$0")/lib.sh"

vrrpd=${VRRPD:-$build/vrrpd}
tool=$build/tests/ns/vrrp_tool
vip=192.0.2.10
declare -A daemon

# --- the world ------------------------------------------------------------------------------

build_world() {
	make_ns sw gw1 gw2 cl
	local b i
	for b in front back; do
		ip -n "$prefix-sw" link add "$b" type bridge
		ip -n "$prefix-sw" link set "$b" up
	done
	for i in 1 2; do
		plug "gw$i" eth0 sw front "f$i"
		plug "gw$i" eth1 sw back "b$i"
		ip -n "$prefix-gw$i" addr add "192.0.2.$i/24" dev eth0
		ip -n "$prefix-gw$i" addr add "10.1.0.$((i + 1))/24" dev eth1
	done
	plug cl eth0 sw front c
	ip -n "$prefix-cl" addr add 192.0.2.100/24 dev eth0
}

write_conf() { # write_conf INTERVAL PREEMPT [EXTRA]
	cat >"$work/hapair.conf" <<-X
		[pair]
		advert_interval = $1
		preempt         = $2
		key_file        = $work/key
		sync_wait       = 1s

		[node gw1]
		pair_address = 192.168.99.1
		priority     = 200

		[node gw2]
		pair_address = 192.168.99.2
		priority     = 100

		[vip front]
		interface = eth0
		vrid      = 51
		address   = $vip/24

		[vip back]
		interface = eth1
		vrid      = 52
		address   = 10.1.0.1/24
		${3:-}
	X
	: >"$work/key"
	chmod 600 "$work/key"
}

start_vrrpd() { # start_vrrpd gw1|gw2
	start_in "$1" "$work/$1.log" "$vrrpd" -c "$work/hapair.conf" -n "$1" -r "$work/$1" \
		-s "$work/state-$1"
	daemon[$1]=$pid
}

stop_vrrpd() { # stop_vrrpd gw SIGNAL
	kill "-$2" "${daemon[$1]}" 2>/dev/null
	ended "${daemon[$1]}"
}

ask() { # ask gw COMMAND [ARGS]
	local gw=$1
	shift
	"$tool" ctl "$work/$gw/vrrpd.sock" "$@"
}

has() { # has gw TEXT...: the status contains every text
	local gw=$1 status t
	shift
	status=$(ask "$gw" status) || return 1
	for t in "$@"; do
		grep -qF -- "$t" <<<"$status" || { echo "no $t in: $status"; return 1; }
	done
}

is_active() {
	has "$1" '"state":"Active"'
}

is_backup() {
	has "$1" '"state":"Backup"' && ! is_active "$1"
}

both_up() { # both nodes started, gw1 Active, gw2 has heard it
	start_vrrpd gw1
	start_vrrpd gw2
	wait_for 5 is_active gw1 && wait_for 5 is_backup gw2
}

down_all() {
	local gw
	for gw in gw1 gw2; do
		[ -z "${daemon[$gw]:-}" ] || stop_vrrpd "$gw" TERM
		daemon[$gw]=
	done
	rm -rf "$work"/state-*
}

start_ping() { # every 2 ms, until stop_ping
	start_in cl "$work/ping" ping -n -D -i 0.002 "$vip"
	ping_pid=$pid
	sleep 0.3
}

stop_ping() {
	sleep 0.1
	echo "$EPOCHREALTIME" >"$work/ping.end"
	kill -INT "$ping_pid" 2>/dev/null
	ended "$ping_pid"
	mv "$work/ping" "$work/ping.last"
}

lost_at_most() { # lost_at_most N: pings of the last run
	awk -v max="$1" '/packets transmitted/ { seen = 1; lost = $1 - $4; print lost " lost" }
		END { exit !(seen && lost <= max) }' "$work/ping.last"
}

start_arp() { # broadcasts that reach both nodes, and who answers them
	start_in sw "$work/owners" "$tool" owners "$vip" f1 f2
	owners_pid=$pid
	wait_for 5 grep -q listening "$work/owners"
	start_in cl /dev/null "$tool" who-has eth0 "$vip" 2
	who_has_pid=$pid
}

stop_arp() {
	kill -KILL "$who_has_pid"
	ended "$who_has_pid"
	sleep 0.1
	kill -INT "$owners_pid"
	ended "$owners_pid"
	mv "$work/owners" "$work/owners.last"
}

turns_are() { # turns_are PORT...: each node answered in one turn, in this order; never both
	local got answers
	got=$(awk '/^turn/ { printf " %s", $2 }' "$work/owners.last")
	answers=$(awk '/^answers/ { print $2 }' "$work/owners.last")
	echo "turns$got, ${answers:-no} answers"
	[ "$got" = "$(printf ' %s' "$@")" ] && [ "$answers" -gt 50 ]
}

longest_gap_ms() { # of the last ping run, between two answers, and from the last one to the end
	awk -F'[][]' '/bytes from/ { if (last && $2 - last > gap) gap = $2 - last; last = $2 }
		END { if (end - last > gap) gap = end - last
			printf "%d\n", last ? gap * 1000 : 999999 }' end="$(cat "$work/ping.end")" \
		"$work/ping.last"
}

gap_within() { # gap_within MIN MAX
	local gap
	gap=$(longest_gap_ms)
	echo "gap $gap ms"
	[ "$gap" -ge "$1" ] && [ "$gap" -le "$2" ]
}

start_capture() { # answers for the VIP as the client's cable carries them
	: >"$work/tshark.log"
	start_in sw "$work/tshark.log" tshark -q -i c -f "icmp[icmptype]=icmp-echoreply" \
		-w "$work/answers.pcap"
	capture_pid=$pid
	wait_for 10 grep -q 'Capturing on' "$work/tshark.log"
	sleep 0.5
}

stop_capture() {
	sleep 0.2
	kill -INT "$capture_pid"
	ended "$capture_pid"
	tshark -r "$work/answers.pcap" -T fields -e frame.time_epoch -e eth.src \
		>"$work/answers" 2>/dev/null
}

mac_of() { # mac_of gw: of its front interface, by which its answers are told apart
	in_ns "$1" cat /sys/class/net/eth0/address
}

one_after_the_other() { # the last answer of $1 came before the first of $2
	awk -v a="$(mac_of "$1")" -v b="$(mac_of "$2")" '
		$2 == a { last = $1 }
		$2 == b && !first { first = $1 }
		END { printf "last %.6f, first %.6f\n", last, first
			exit !(last && first && last < first) }' "$work/answers"
}
