#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's half of the load balancer under real connections: a client, a gateway and three
# servers in network namespaces; dp_tool programs the gateway as lbd does.
# usage: [BUILD=build] dataplane.sh          (needs root)
. "$(dirname "$0")/lib.sh"

tool=$build/tests/ns/dp_tool
echo_tool=$build/tests/ns/dp_echo
vip=192.0.2.10
all='cas1 cas2 cas3 other1'

# --- the world ------------------------------------------------------------------------------

setup() {
	local i
	make_ns client gw s1 s2 s3 other
	ip -n "$prefix-gw" link add front type veth peer name eth0 netns "$prefix-client"
	ip -n "$prefix-gw" addr add 198.51.100.254/24 dev front
	ip -n "$prefix-gw" addr add $vip/32 dev front
	ip -n "$prefix-gw" link set front up
	ip -n "$prefix-client" link set eth0 up
	for i in $(seq 1 60); do ip -n "$prefix-client" addr add 198.51.100.$i/24 dev eth0; done
	ip -n "$prefix-client" route add $vip/32 via 198.51.100.254
	ip -n "$prefix-gw" link add back type bridge
	ip -n "$prefix-gw" addr add 10.1.0.1/24 dev back
	ip -n "$prefix-gw" link set back up
	for i in 1 2 3; do
		plug s$i eth0 gw back p$i
		ip -n "$prefix-s$i" addr add 10.1.0.1$i/24 dev eth0
		ip -n "$prefix-s$i" route add default via 10.1.0.1
		start_in s$i "$work/log" "$echo_tool" serve cas$i tcp/135 tcp/6005 tcp/40000 udp/40000
	done
	# What must never answer for the VIP: the gateway's own sockets.
	start_in gw "$work/log" "$echo_tool" serve gateway tcp/22 udp/53 tcp/135
}

config() { # config SEED BUCKETS
	cat >"$work/hapair.conf" <<-EOF
		[pair]
		key_file  = /etc/hapair/pair.key
		hash_seed = $1
		[node gw1]
		pair_address = 192.168.99.1
		priority     = 200
		[node gw2]
		pair_address = 192.168.99.2
		priority     = 100
		[vip front]
		interface = front
		vrid      = 51
		address   = $vip/24
		[pool cas]
		server = cas1 10.1.0.11
		         cas2 10.1.0.12
		         cas3 10.1.0.13
		buckets = ${2:-1021}
		[pool other]
		server = other1 10.1.0.21
		[service mapi]
		vip   = front
		pool  = cas
		ports = tcp/135 tcp/6005-65535 udp/6005-65535
		[service other]
		vip   = front
		pool  = other
		ports = tcp/25
	EOF
}

start_tool() {
	coproc TOOL { exec ip netns exec "$prefix-gw" "$tool" "$work/hapair.conf" 2>>"$work/log"; }
	tool_pid=$TOOL_PID
	pids+=("$tool_pid")
	exec 7<&"${TOOL[0]}" 8>&"${TOOL[1]}"
}

say() { # say LINE: sends it to the tool, sets $reply
	echo "$*" >&8
	read -r -t 10 -u 7 reply || reply="no answer"
}

tool_ok() {
	say "$@"
	[ "$reply" = ok ] || { echo "$reply"; tail -3 "$work/log"; return 1; }
}

table() { in_ns gw nft list table inet hapair_lb; }
clients() { for i in $(seq 1 "$1"); do echo 198.51.100.$i; done; }
ask() { # ask PROTO PORT NUMBER_OF_CLIENTS
	in_ns client "$echo_tool" ask "$1" $vip "$2" $(clients "$3")
}
answers() { [ "$(ask "$1" "$2" 1)" = "198.51.100.1 $3" ]; }

# --- what is proved -------------------------------------------------------------------------

same_server_everywhere() {
	ask tcp 135 50 >"$work/tcp135" && ask tcp 40000 50 >"$work/tcp40000" &&
		ask udp 40000 50 >"$work/udp40000" && ask tcp 6005 50 >"$work/tcp6005" || return 1
	diff "$work/tcp135" "$work/tcp40000" && diff "$work/tcp135" "$work/udp40000" &&
		diff "$work/tcp135" "$work/tcp6005" && ! grep -v ' cas[123]$' "$work/tcp135"
}

prediction_agrees() {
	local client server
	while read -r client server; do
		say predict 1 "$client"
		[ "$reply" = "$server" ] || { echo "$client: kernel $server, predicted $reply"; return 1; }
	done <"$work/tcp135"
}

all_servers_used() { [ "$(cut -d' ' -f2 "$work/tcp135" | sort -u | wc -l)" -eq 3 ]; }

marks_are_ours() {
	local i known=' '
	for i in 1 2 3; do
		say number cas$i
		known+="$reply "
	done
	in_ns gw conntrack -L -d $vip 2>/dev/null >"$work/ct"
	grep -q . "$work/ct" || return 1
	# mark=1526726657 is 0x5b000001: prefix, no flags, server number.
	! sed -n 's/.*mark=\([0-9]*\).*/\1/p' "$work/ct" | while read -r mark; do
		[ $((mark >> 24)) -eq $((0x5b)) ] && [[ $known == *" $((mark & 0xffff)) "* ]] ||
			printf '0x%x\n' "$mark"
	done | grep .
}

reloads() {
	table >"$work/list1" || return 1
	# The owner flag would end with the nft process that sets it.
	grep -v '^[[:space:]]*flags owner' "$work/list1" | sed 's/ *# progname.*//' >"$work/load"
	in_ns other nft -f "$work/load" || return 1
	in_ns other nft list table inet hapair_lb >"$work/list2" || return 1
	diff <(grep . "$work/load") <(grep . "$work/list2")
}

removal_moves_only_its_clients() {
	tool_ok apply cas1 cas3 other1 || return 1
	ask tcp 135 50 >"$work/without2" || return 1
	grep -v ' cas2$' "$work/tcp135" >"$work/keep"
	grep -Fx -f "$work/keep" "$work/without2" | diff - "$work/keep" &&
		! grep -v ' cas[13]$' "$work/without2"
}

crash_is_told_which_were_out() {
	tool_ok apply $all || return 1
	say left_out
	[ "$reply" = none ] || { echo "before: $reply"; return 1; }
	tool_ok apply cas1 cas3 other1 || return 1
	kill -9 "$tool_pid" 2>/dev/null
	wait "$tool_pid" 2>/dev/null
	start_tool
	say left_out
	echo "after: $reply"
	[ "$reply" = cas2 ]
}

return_restores() {
	tool_ok apply $all && ask tcp 135 50 | diff - "$work/tcp135"
}

restart_changes_nothing() {
	table >"$work/before" || return 1
	kill -9 "$tool_pid" 2>/dev/null
	wait "$tool_pid" 2>/dev/null
	ask tcp 135 50 | diff - "$work/tcp135" || return 1
	start_tool
	tool_ok apply $all || return 1
	table | diff "$work/before" - && ask tcp 135 50 | diff - "$work/tcp135" &&
		grep -q 'action=adopt' "$work/log"
}

flush_is_harmless() {
	# Only kernels that know both flags protect the table; elsewhere lbd says so at its start.
	grep -q 'cannot protect' "$work/log" && return 0
	in_ns gw nft flush ruleset
	answers tcp 135 "$(awk 'NR == 1 {print $2}' "$work/tcp135")"
}

changes_lose_nothing() {
	local i lost
	(for i in $(seq 1 40); do ask tcp 135 50; done) >"$work/churn" &
	local load=$!
	while kill -0 $load 2>/dev/null; do
		tool_ok apply cas1 cas3 other1 || return 1
		tool_ok apply $all || return 1
	done
	wait $load
	lost=$(grep -vc ' cas[123]$' "$work/churn")
	[ "$lost" -eq 0 ] && [ "$(wc -l <"$work/churn")" -eq 2000 ] || { echo "lost $lost"; return 1; }
}

another_seed_moves_clients() {
	config 0x12345678
	tool_ok reload "$work/hapair.conf" && tool_ok apply $all || return 1
	table | grep -q 'seed 0x12345678' || { table | grep jhash; return 1; }
	ask tcp 135 50 >"$work/tcp135"
	! grep -v ' cas[123]$' "$work/tcp135" && prediction_agrees
}

mid_stream_server_speaks_first() {
	# A session whose gateway knows nothing of it: the server's segment must come from the VIP.
	in_ns gw conntrack -F >/dev/null 2>&1
	in_ns client nft -f - <<-EOF
		table ip seen {
			chain in {
				type filter hook input priority 0;
				ip saddr $vip tcp sport 40000 tcp dport 5000 counter drop
			}
		}
	EOF
	in_ns s1 "$echo_tool" stray 198.51.100.9 5000 10.1.0.11 >/dev/null
	in_ns client nft list table ip seen | tee /dev/stderr | grep -q 'packets 1 '
}

grown_table_arrives_whole() {
	# Two pools of 40009 buckets: more than the map was made for, and than one message holds.
	config 0x12345678 40009
	tool_ok reload "$work/hapair.conf" && tool_ok apply $all || return 1
	in_ns gw nft list map inet hapair_lb tbl4 | grep -o '0x5b00' | wc -l >"$work/count"
	echo "$(cat "$work/count") elements"
	[ "$(cat "$work/count")" -eq 80018 ] && ask tcp 135 50 >"$work/tcp135" && prediction_agrees
}

second_lbd_is_refused() {
	grep -q 'cannot protect' "$work/log" && return 0
	! in_ns gw "$tool" "$work/hapair.conf" </dev/null && answers tcp 22 refused
}

clean_stop_removes() {
	tool_ok remove || return 1
	! table 2>/dev/null && [ -z "$(in_ns gw nft list ruleset)" ]
}

config 0x5eed1234
setup
check 'a failing operation is named and nothing is changed' in_ns other "$build/tests/ns/tx_tool" error
check '200000 elements arrive in one transaction' in_ns other "$build/tests/ns/tx_tool" many
check 'remaining times are read back' in_ns other "$build/tests/ns/tx_tool" timeout
check 'what is not there is said to be absent' in_ns other "$build/tests/ns/tx_tool" absent
sleep 0.3
start_tool
check 'the rules load' tool_ok apply $all
check 'a client meets the same server on every port, by TCP and UDP' same_server_everywhere
check 'the table predicts the server of 50 clients' prediction_agrees
check 'all servers are used' all_servers_used
check 'connections carry our mark' marks_are_ours
check 'the distribution nft loads its own listing of our table' reloads
check 'a TCP port of the VIP that is no service is refused' answers tcp 22 refused
check 'a UDP port of the VIP that is no service is refused' answers udp 53 refused
check 'the VIP answers ping' in_ns client ping -c 1 -W 2 $vip
check 'the gateway stays reachable on its own address' \
	test "$(in_ns client "$echo_tool" ask tcp 198.51.100.254 22 198.51.100.1)" = "198.51.100.1 gateway"
check 'a stray segment to a closed port of the VIP is not answered' \
	test "$(in_ns client "$echo_tool" stray $vip 22 198.51.100.1)" = silence
check 'a server that speaks first after a takeover speaks as the VIP' mid_stream_server_speaks_first
check 'removing a server moves only its clients' removal_moves_only_its_clients
check 'after a crash the table tells who was out' crash_is_told_which_were_out
check 'its return brings them back' return_restores
check 'no connection is lost while elements change' changes_lose_nothing
check 'a killed and restarted lbd changes nothing' restart_changes_nothing
check 'flushing the rule set of others does not touch ours' flush_is_harmless
check 'without servers TCP is refused' eval 'tool_ok apply && answers tcp 135 refused'
check 'without servers UDP is refused' answers udp 40000 refused
check 'another seed rewrites the choosing rule' another_seed_moves_clients
check 'a second lbd is refused and harms nothing' second_lbd_is_refused
check 'a table that outgrows its map arrives whole' grown_table_arrives_whole
check 'a clean stop removes everything' clean_stop_removes

finish
