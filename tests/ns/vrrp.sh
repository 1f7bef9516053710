#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vrrpd against a real kernel and real neighbours: elections, failures of nodes, the wire.
# usage: [BUILD=build] [VRRPD=build/vrrpd] [TESTS="..."] vrrp.sh          (needs root)
# shellcheck source=tests/ns/vrrp_world.sh
. "$(dirname "$0")/vrrp_world.sh"

test_election() {
	write_conf 100ms no
	check "the higher priority becomes Active, the other stays Backup" both_up
	check "the client reaches the VIP" in_ns cl ping -c 3 -i 0.05 -W 1 $vip
	check "the client sees the virtual MAC" \
		grep -q 00:00:5e:00:01:33 <(ip -n "$prefix-cl" neigh show $vip)
	check "the lease is running on Active" has gw1 '"lease_left_ms":2'
	check "no lease is held on Backup" has gw2 '"lease_left_ms":-1'
	check "Backup reports whom it hears" has gw2 '"peer_address":"192.0.2.1"' '"peer_priority":200'
	check "the devices of a Backup are down" \
		grep -q DOWN <(ip -n "$prefix-gw2" -br link show vr51.eth0)
	start_ping
	stop_vrrpd gw1 TERM
	sleep 0.5
	stop_ping
	check "SIGTERM releases promptly: the gap is Skew_Time" gap_within 0 100
	check "the other node is Active" is_active gw2
	check "nothing of the stopped daemon is left" \
		test -z "$(ip -n "$prefix-gw1" -br link show type macvlan; in_ns gw1 nft list ruleset)"
	start_vrrpd gw1
	sleep 1
	check "a returning node does not preempt with preempt = no" is_backup gw1
	down_all
}

test_kill() {
	write_conf 100ms no
	both_up
	start_capture
	start_ping
	start_arp
	sleep 0.2
	stop_vrrpd gw1 KILL
	sleep 0.7
	stop_arp
	stop_ping
	stop_capture
	check "SIGKILL: the dead node falls silent by its lease before the other answers" \
		one_after_the_other gw1 gw2
	check "SIGKILL: no two nodes answer ARP" turns_are f1 f2
	check "SIGKILL: the gap is below Active_Down_Interval" gap_within 1 411
	start_vrrpd gw1
	check "a restart outside the lease is a clean Backup" wait_for 2 is_backup gw1
	sleep 0.5
	check "and stays so" is_backup gw1
	down_all
}

test_restart() {
	write_conf 300ms no
	both_up
	start_ping
	stop_vrrpd gw1 KILL
	start_vrrpd gw1
	sleep 1.5
	stop_ping
	check "a restart inside the lease continues as Active" has gw1 '"reason":"lease_valid"'
	check "and loses no packet" lost_at_most 0
	check "and the other node never moved" has gw2 '"transitions":1'
	down_all
}

test_pause() {
	write_conf 100ms no
	both_up
	start_ping
	start_arp
	sleep 0.2
	kill -STOP "${daemon[gw1]}"
	sleep 1
	check "SIGSTOP: the other node takes over" is_active gw2
	kill -CONT "${daemon[gw1]}"
	sleep 0.5
	stop_arp
	stop_ping
	check "SIGCONT: the stale node becomes Backup" is_backup gw1
	check "SIGCONT: it says nothing, nobody moves" has gw2 '"transitions":2'
	check "SIGSTOP, SIGCONT: no two nodes answer ARP" turns_are f1 f2
	check "SIGSTOP, SIGCONT: one gap, below Active_Down_Interval" gap_within 1 411
	down_all
}

test_planned() {
	write_conf 100ms yes
	both_up
	local round from=gw1 to=gw2 swap
	start_ping
	start_arp
	sleep 0.2
	for round in 1 2 3 4; do
		check "planned failover $round: $from to $to" ask "$from" failover
		check "planned failover $round: $to is Active" is_active "$to"
		check "planned failover $round: $from stepped down" has "$from" '"stepped_down":true'
		sleep 0.6
		swap=$from from=$to to=$swap
	done
	stop_arp
	stop_ping
	check "four planned failovers lose no ping" lost_at_most 0
	check "and no two nodes answer ARP" turns_are f1 f2 f1 f2 f1
	check "the node that is Backup refuses to fail over" \
		grep -q '"code":8003' <(ask gw2 failover)
	stop_vrrpd gw2 TERM
	check "without a peer the resignation is withdrawn" grep -q '"code":8002' <(ask gw1 failover)
	check "and the node is still Active" is_active gw1
	start_vrrpd gw2
	down_all
}

test_two_groups() {
	write_conf 100ms no "
		[vip web]
		interface = eth0
		vrid      = 60
		address   = 192.0.2.60/24
		group     = odd

		[group odd]
		priority = gw1=200 gw2=10"
	both_up
	wait_for 3 bash -c "! grep -q Backup <($tool ctl $work/gw1/vrrpd.sock status)"
	check "a failover of two groups succeeds" ask gw1 failover
	check "and is answered when the slower one is over" \
		test "$(ask gw2 status | grep -c '"group":.*"state":"Active"')" -eq 5
	down_all
}

test_preempt() {
	write_conf 100ms yes
	start_vrrpd gw2
	wait_for 5 is_active gw2
	start_ping
	start_vrrpd gw1
	wait_for 2 has gw1 '"state"'
	check "a returning node waits for the sync" has gw1 '"waiting_for_sync":true' '"state":"Backup"'
	check "lbd says synced" ask gw1 lbd '{"sync":"synced","entries_left":0}'
	check "then it preempts" wait_for 1 is_active gw1
	sleep 0.3
	stop_ping
	check "preemption loses no ping" lost_at_most 0
	down_all
}

test_link_loss() {
	write_conf 100ms no
	both_up
	ip -n "$prefix-sw" link set b1 down
	check "link loss on one VIP moves both" wait_for 2 is_active gw2
	check "the reason is shown" has gw1 '"eth1: no carrier"' '"state":"Initialize"'
	check "the front VIP answers on the other node" in_ns cl ping -c 2 -i 0.05 -W 1 $vip
	ip -n "$prefix-sw" link set b1 up
	check "the fault goes away by itself" wait_for 3 is_backup gw1
	down_all
}

sum16() { # sum16 HEX: the Internet checksum as four hex digits
	local hex=$1 sum=0
	while [ -n "$hex" ]; do
		sum=$((sum + 16#${hex:0:4}))
		hex=${hex:4}
	done
	while [ $((sum >> 16)) -gt 0 ]; do sum=$(((sum & 65535) + (sum >> 16))); done
	printf '%04x' $((sum ^ 65535))
}

packet() { # packet IP_HEADER_WITH_SUMM MESSAGE: a frame with that IP header
	local ip=$1
	ip=${ip/SUMM/$(sum16 "${ip/SUMM/0000}")}
	echo "01005e00001200005e0001330800$ip${2/SUM/$(sum16 "${2/SUM/0000}")}"
}

advert() { # advert TTL MESSAGE_WITHOUT_SUM [IP_SUM [SUM]]: a frame from 192.0.2.9
	local m=$2 ip
	m=${m:0:12}${4:-$(sum16 "${m/SUM/0000}")}${m:15}
	ip=$(printf '45c0%04x00004000%02x70SUMMc0000209e0000012' $((20 + ${#m} / 2)) "$1")
	ip=${ip/SUMM/${3:-$(sum16 "${ip/SUMM/0000}")}}
	echo "01005e00001200005e0001330800$ip$m"
}

test_bad_packets() {
	write_conf 100ms no
	both_up
	local reason vip_hex=c000020a
	# Straight into the cable: a bridge may read IP headers itself and not pass the bad one.
	in_ns sw "$tool" send f1 \
		"$(advert 254 3133ff010064SUM$vip_hex)" \
		"$(advert 255 3133ff010064SUM$vip_hex dead)" \
		"$(advert 255 3133ff020064SUM$vip_hex)" \
		"$(advert 255 2133ff010064SUM${vip_hex}0000000000000000)" \
		"$(advert 255 3233ff010064SUM$vip_hex)" \
		"$(advert 255 3133ff010064SUM$vip_hex "" beef)" \
		"$(advert 255 3134ff010064SUM$vip_hex)" \
		"$(advert 255 3133ff000064SUM)" \
		"$(advert 255 3133ff010000SUM$vip_hex)" \
		"$(packet 45c00020000020002470SUMMc0000209e0000012 3133ff010064SUM$vip_hex)" \
		"$(packet 45c0002000004000ff70SUMMc0000201e0000012 3133ff010064SUM$vip_hex)" \
		"$(packet 45c0002000004000ff70SUMMc0000209e0000013 3133ff010064SUM$vip_hex)" \
		"$(packet 44c0002000004000ff70SUMMc0000209e0000012 3133ff010064SUM$vip_hex)"
	sleep 0.1
	ask gw1 status >"$work/status"
	check "each reason is logged, whatever came before" \
		test "$(grep -c 'refused.*reason=' "$work/gw1.log")" -eq 12
	check "another router on the link is not worth a warning" \
		bash -c "! grep -q reason=vrid $work/gw1.log"
	for reason in ip_header ip_fragment destination own_address ip_checksum ttl length version type checksum vrid count_zero interval_zero; do
		check "a packet with a bad $reason is counted" grep -q "\"$reason\":1" "$work/status"
	done
	check "bad packets move nobody" has gw1 '"state":"Active"' '"transitions":2'
	down_all
}

test_wire() {
	write_conf 100ms no
	both_up
	in_ns sw timeout 10 tshark -q -i c -c 4 -f 'ip proto 112' -w "$work/vrrp.pcap" 2>/dev/null
	tshark -r "$work/vrrp.pcap" -V >"$work/dissected" 2>/dev/null
	check "the dissector finds our advertisement" grep -q 'Virtual Rtr ID: 51' "$work/dissected"
	check "its checksum is correct" grep -q 'Checksum:.*\[correct\]' "$work/dissected"
	check "nothing is malformed" test -z "$(grep -iE 'malformed|incorrect|expert' "$work/dissected")"
	check "it comes from the virtual MAC with TTL 255" \
		test "$(tshark -r "$work/vrrp.pcap" -c 1 -T fields -e eth.src -e ip.ttl 2>/dev/null)" \
		= "00:00:5e:00:01:33	255"
	down_all
}

test_reload() {
	write_conf 100ms no
	both_up
	start_ping
	write_conf 50ms no
	kill -HUP "${daemon[gw1]}" "${daemon[gw2]}"
	check "SIGHUP applies a new interval" wait_for 2 has gw1 '"advert_interval_ms":50'
	echo 'nonsense' >>"$work/hapair.conf"
	kill -HUP "${daemon[gw1]}"
	check "a broken file is refused with its line" wait_for 2 grep -q 'hapair.conf:[0-9]*:' "$work/gw1.log"
	sleep 0.3
	stop_ping
	check "and the old configuration stays" has gw1 '"advert_interval_ms":50' '"state":"Active"'
	check "reloading loses no ping" lost_at_most 0
	down_all
}

keepalived_conf() { # keepalived_conf PRIORITY
	cat <<-X
		global_defs {
		  vrrp_version 3
		  vrrp_garp_master_delay 1
		}
		vrrp_sync_group g { group { front back } }
		vrrp_instance front {
		  interface eth0
		  use_vmac
		  virtual_router_id 51
		  priority $1
		  advert_int 0.1
		  virtual_ipaddress { $vip/24 }
		}
		vrrp_instance back {
		  interface eth1
		  use_vmac
		  virtual_router_id 52
		  priority $1
		  advert_int 0.1
		  virtual_ipaddress { 10.1.0.1/24 }
		}
	X
}

start_keepalived() { # start_keepalived PRIORITY, on gw2
	keepalived_conf "$1" >"$work/keepalived.conf"
	start_in gw2 "$work/keepalived.log" keepalived -n -l -D -P -f "$work/keepalived.conf" \
		-p "$work/ka.pid" -r "$work/ka-vrrp.pid"
	keepalived_pid=$pid
}

stop_keepalived() {
	kill -TERM "$keepalived_pid"
	ended "$keepalived_pid"
}

keepalived_state() { # keepalived_state STATE: of the last transition of the front instance
	tail -n 400 "$work/keepalived.log" | grep -oE '\(front\) Entering [A-Z]+ STATE' | tail -1 |
		grep -q "$1"
}

test_keepalived() {
	write_conf 100ms yes
	: >"$work/keepalived.log"
	start_vrrpd gw1
	wait_for 5 is_active gw1
	start_keepalived 100
	check "keepalived accepts our advertisements and stays Backup" \
		wait_for 3 keepalived_state BACKUP
	sleep 0.6
	check "nobody moves" is_active gw1
	stop_vrrpd gw1 TERM
	check "it takes over when we resign" wait_for 3 keepalived_state MASTER
	start_vrrpd gw1
	wait_for 3 has gw1 '"peer_address":"192.0.2.2"'
	check "we accept its advertisements" has gw1 '"peer_priority":100' '"rejected":{}'
	check "we preempt it after the wait for the sync" wait_for 5 is_active gw1
	check "it yields to us" wait_for 2 keepalived_state BACKUP
	stop_keepalived
	start_keepalived 250
	check "we yield to its higher priority" wait_for 3 is_backup gw1
	stop_keepalived
	check "we take over when it stops" wait_for 3 is_active gw1
	down_all
}

test_resign_and_die() { # the moment a hand-over is most fragile
	local interval
	for interval in 1s 100ms; do
		write_conf $interval no
		both_up
		start_arp
		sleep 0.3
		ask gw1 failover >/dev/null &
		sleep 0.03
		stop_vrrpd gw1 KILL
		wait $!
		wait_for 3 is_active gw2
		start_vrrpd gw1
		sleep 1
		stop_arp
		check "$interval: dead while resigning: no two nodes answer ARP" turns_are f1 f2
		check "$interval: a resignation leaves no certificate" is_backup gw1
		check "$interval: the other node never moved" has gw2 '"transitions":2'
		down_all
	done
	write_conf 1s no
	both_up
	start_arp
	sleep 0.2
	ask gw1 failover >/dev/null &
	sleep 0.1
	kill -STOP "${daemon[gw1]}"
	wait_for 3 is_active gw2
	sleep 0.3
	kill -CONT "${daemon[gw1]}"
	wait $!
	sleep 0.3
	stop_arp
	check "stopped while resigning: no two nodes answer ARP" turns_are f1 f2
	down_all
}

build_world
for t in ${TESTS:-election kill restart pause planned resign_and_die two_groups preempt link_loss \
	bad_packets wire reload keepalived}; do
	"test_$t"
done
finish
