#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Health checks with real sockets: verdicts, their speed, and the life of the checking process.
# usage: [BUILD=build] checker.sh          (needs root)
. "$(dirname "$0")/lib.sh"

tool=$build/tests/ns/check_tool
echo_tool=$build/tests/ns/dp_echo

serve() {
	start_in gw "$work/log" "$echo_tool" serve 1 tcp/7135
	server_pid=$pid
}

config() {
	cat >"$work/hapair.conf" <<-EOF
		[pair]
		key_file = /etc/hapair/pair.key
		[node gw1]
		pair_address = 192.168.99.1
		priority     = 200
		[vip front]
		interface = lo
		vrid      = 51
		address   = 192.0.2.10/24
		[pool cas]
		server = good 10.1.0.11
		         gone 10.1.0.12
		         mute 10.1.0.13
		check_interval = 500ms
		check_timeout  = 300ms
		[service mapi]
		vip   = front
		pool  = cas
		ports = udp/53 tcp/7135 tcp/8000-8010
	EOF
}

setup() {
	make_ns gw
	ip -n "$prefix-gw" addr add 10.1.0.11/32 dev lo
	ip -n "$prefix-gw" addr add 10.1.0.13/32 dev lo
	in_ns gw nft -f - <<-EOF
		table ip t { chain in { type filter hook input priority 0; ip daddr 10.1.0.13 drop; }; }
	EOF
}

start() {
	: >"$work/reports"
	start_in gw "$work/reports" "$tool" "$work/hapair.conf"
	tool_pid=$pid
	wait_for 2 grep -q ^pid "$work/reports"
	child=$(awk '/^pid/ {print $2}' "$work/reports")
}

reported() { grep -q "^$1" "$work/reports"; }
lines() { grep -c "^$1" "$work/reports"; }
# Gone, or a corpse that the namespace's init has yet to collect.
dead() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
status_of() { awk -v k="$1:" '$1 == k {print $2}' "/proc/$child/status"; }

only_two_descriptors_more() {
	# Standard streams, the socket to the parent, and libevent's own.
	ls -l "/proc/$child/fd" >&2
	[ "$(find "/proc/$child/fd" -type l -lname 'socket:*' | wc -l)" -le 2 ]
}

goes_down_and_comes_back() {
	kill "$server_pid"
	ended "$server_pid"
	wait_for 3 reported '1 down new connect: refused' || return 1
	serve
	wait_for 3 eval '[ "$(lines "1 up new")" -eq 2 ]'
}

one_failure_is_not_enough() {
	# Down came only after a failure that changed nothing.
	awk '/^1 up same connect: refused/ {seen = 1}
	     /^1 down new/ {exit !seen}' "$work/reports"
}

is_replaced() {
	local before
	before=$(lines '1 up')
	kill -9 "$child" || return 1
	wait_for 4 eval "[ \$(lines '1 up') -gt $((before + 1)) ]" || return 1
	# The new one starts from the old verdicts.
	[ "$(lines '1 up new')" -eq 2 ]
}

dies_with_its_parent() {
	child=$(cat "/proc/$tool_pid/task/$tool_pid/children")
	child=${child// /}
	echo "child $child"
	[ -n "$child" ] || return 1
	kill -9 "$tool_pid"
	ended "$tool_pid"
	wait_for 1 dead "$child"
}

ends_with_its_parent() {
	start
	wait_for 2 reported '1 up' || return 1
	kill "$tool_pid"
	ended "$tool_pid" || return 1
	wait_for 1 dead "$child"
}

config
setup
serve
start
check 'a listening server is up at its first outcome' wait_for 3 reported '1 up new connect: ok'
check 'a server nobody can reach is down at its first outcome' wait_for 3 reported '2 down new connect:'
check 'a silent server times out' wait_for 3 reported '3 down new connect: timeout'
check 'the checker has no capability' test "$(status_of CapEff)$(status_of CapPrm)" = 00000000000000000000000000000000
check 'the checker is not root' test "$(status_of Uid)" != 0
check 'the checker holds no descriptor of lbd' only_two_descriptors_more
check 'a server that stops goes down, and up again when it returns' goes_down_and_comes_back
check 'one failure is not enough' one_failure_is_not_enough
check 'a checker that dies is replaced and keeps the verdicts' is_replaced
check 'the checker dies with a killed lbd' dies_with_its_parent
check 'the checker ends with lbd' ends_with_its_parent

finish
