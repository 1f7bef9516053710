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
	child=$(newest)
}

newest() { awk '/^pid/ {print $2}' "$work/reports" | tail -1; }
reported() { grep -q "^$1" "$work/reports"; }
lines() { grep -c "^$1" "$work/reports"; }
more_than() { [ "$(lines "$1")" -gt "$2" ]; }
# Gone, or a corpse that the namespace's init has yet to collect.
dead() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
helper() { tr -d ' ' <"/proc/$tool_pid/task/$tool_pid/children"; }

has_no_rights() { # has_no_rights PID
	grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' "/proc/$1/status"
	[ "$(awk '$1 == "Uid:" {print $2}' "/proc/$1/status")" != 0 ] &&
		[ "$(awk '$1 == "Groups:" {print $2}' "/proc/$1/status")" = "" ] &&
		! grep -E '^Cap(Eff|Prm|Inh|Amb):' "/proc/$1/status" | grep -q '[1-9a-f]$'
}

holds_little() { # holds_little PID: standard streams, the socket to lbd, and libevent's own
	ls -l "/proc/$1/fd"
	[ "$(find "/proc/$1/fd" -type l -lname 'socket:*' | wc -l)" -le 2 ]
}

secret=$(printf '\\x%x' $(seq 192 223))
knows() { # knows PID: whether the secret is in its memory
	local from to rights
	while IFS='- ' read -r from to rights _; do
		[[ $rights = rw* ]] || continue
		dd if="/proc/$1/mem" bs=4096 iflag=skip_bytes,count_bytes status=none \
			skip=$((16#$from)) count=$((16#$to - 16#$from)) 2>/dev/null
	done <"/proc/$1/maps" >"$work/memory"
	[ -s "$work/memory" ] && LC_ALL=C grep -qaP "$secret" "$work/memory"
}
not() { ! "$@"; }

goes_down_and_comes_back() {
	kill "$server_pid"
	ended "$server_pid"
	wait_for 3 reported 'good down new connect: refused' || return 1
	serve
	wait_for 3 eval '[ "$(lines "good up new")" -eq 2 ]'
}

one_failure_is_not_enough() {
	# Down came only after a failure that changed nothing.
	awk '/^good up same connect: refused/ {seen = 1}
	     /^good down new/ {exit !seen}' "$work/reports"
}

replaced_after() { # replaced_after SIGNAL SECONDS: by one that starts from the old verdicts
	local old=$child before
	before=$(lines 'good up')
	kill "-$1" "$child" || return 1
	wait_for "$2" more_than pid "$(lines pid)" || return 1
	child=$(newest)
	wait_for 2 dead "$old" || return 1
	wait_for 2 more_than 'good up' $((before + 2)) || return 1
	[ "$(lines 'good up new')" -eq 2 ]
}

one_failure_from_unknown() {
	awk '/^gone unknown same/ {seen = 1}
	     /^gone down new/ {exit !seen}' "$work/reports"
}

reload_keeps_process_and_state() {
	local downs
	downs=$(lines 'gone down new')
	sed -i 's/good 10.1.0.11/fresh 10.1.0.14\n         good 10.1.0.11/' "$work/hapair.conf"
	ip -n "$prefix-gw" addr add 10.1.0.14/32 dev lo
	kill -HUP "$tool_pid"
	wait_for 2 reported reloaded || return 1
	wait_for 3 reported 'fresh up new connect: ok' || return 1
	wait_for 3 more_than 'good up' "$(lines 'good up')" || return 1
	[ "$(newest)" = "$child" ] && [ "$(lines 'good up new')" -eq 2 ] &&
		[ "$(lines 'gone down new')" -eq "$downs" ]
}

reload_ends_old_checks() {
	sed -i '/^ *mute/d' "$work/hapair.conf"
	: >"$work/reports"
	kill -HUP "$tool_pid"
	wait_for 2 reported reloaded || return 1
	: >"$work/reports"
	wait_for 3 reported 'gone down' && sleep 0.6 && ! reported 'mute\|nobody'
}

dies_with_its_parent() {
	local helper
	helper=$(helper)
	kill -9 "$tool_pid"
	ended "$tool_pid"
	wait_for 1 dead "$child" && wait_for 1 dead "$helper"
}

ends_with_its_parent() {
	local helper
	start
	helper=$(helper)
	wait_for 2 reported 'good up' || return 1
	# What a service manager sends to every process at a stop.
	kill "$child" "$helper" "$tool_pid"
	ended "$tool_pid" || return 1
	wait_for 1 dead "$child" && wait_for 1 dead "$helper" && ! grep -q 'gone\.\|lingers' "$work/reports"
}

config
setup
serve
start
check 'a listening server is up at its first outcome' wait_for 3 reported 'good up new connect: ok'
check 'a server nobody can reach is down' wait_for 4 reported 'gone down new connect:'
check 'but not at its first outcome' one_failure_from_unknown
check 'a silent server times out' wait_for 4 reported 'mute down new connect: timeout'
check 'the checker has no rights' has_no_rights "$child"
check 'the checker holds no descriptor of lbd' holds_little "$child"
check 'its helper has no rights' has_no_rights "$(helper)"
check 'its helper holds no descriptor of lbd' holds_little "$(helper)"
check 'lbd knows the secret' knows "$tool_pid"
check 'the checker does not' not knows "$child"
check 'a server that stops goes down, and up again when it returns' goes_down_and_comes_back
check 'one failure is not enough' one_failure_is_not_enough
check 'a checker that dies is replaced and keeps the verdicts' replaced_after KILL 4
check 'a checker that hangs is replaced too' replaced_after STOP 6
check 'and that is logged' grep -q 'process is silent, replacing it' "$work/reports"
check 'the replaced checker has no rights' has_no_rights "$child"
check 'the replaced checker holds no descriptor of lbd' holds_little "$child"
check 'the replaced checker does not know the secret' not knows "$child"
check 'a reload keeps the process and what it knows' reload_keeps_process_and_state
check 'a reload ends the checks of servers that left' reload_ends_old_checks
check 'helper and checker die with a killed lbd' dies_with_its_parent
check 'helper and checker end with lbd' ends_with_its_parent

finish
