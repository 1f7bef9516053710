#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vrrpd against other people's hands: what they remove, refuse, or start twice.
# usage: [BUILD=build] [VRRPD=build/vrrpd] [TESTS="..."] vrrp_repair.sh          (needs root)
# shellcheck source=tests/ns/vrrp_world.sh
. "$(dirname "$0")/vrrp_world.sh"

no_election() {
	has gw1 '"transitions":2' '"state":"Active"' && has gw2 '"transitions":1' '"state":"Backup"'
}

answers_to_client() {
	in_ns cl ping -n -c 3 -i 0.05 -W 1 "$vip" | grep -q ' 0% packet loss'
}

refused() { # refused TEXT COMMAND...: on gw1, exit status 1 within 5 s, saying TEXT
	local text=$1 status
	shift
	in_ns gw1 timeout 5 "$@" >"$work/refused" 2>&1
	status=$?
	cat "$work/refused"
	echo "exit status $status"
	[ $status -eq 1 ] && grep -qF -- "$text" "$work/refused"
}

nothing_left() { # nothing_left gw
	[ -z "$(ip -n "$prefix-$1" -br link show type macvlan; in_ns "$1" nft list ruleset)" ]
}

as_user() { # as_user CAPS: vrrpd of gw1 as nobody with these capabilities
	start_in gw1 "$work/gw1.log" setpriv --reuid nobody --regid nogroup --clear-groups \
		--inh-caps "$1" --ambient-caps "$1" "$work/vrrpd" -c "$work/hapair.conf" -n gw1 \
		-r "$work/gw1" -s "$work/gw1"
	daemon[gw1]=$pid
}

test_start() {
	write_conf 100ms no "virtual_mac = maybe"
	check "a wrong configuration never starts" refused 'virtual_mac' "$vrrpd" \
		-c "$work/hapair.conf" -n gw1 -r "$work/gw1"
	write_conf 100ms no
	sed -i 's/eth1/eth9/' "$work/hapair.conf"
	check "a missing interface is named" refused 'eth9' "$vrrpd" \
		-c "$work/hapair.conf" -n gw1 -r "$work/gw1"
	write_conf 100ms no
	check "-t only checks" in_ns gw1 "$vrrpd" -t -c "$work/hapair.conf" -n gw1
}

test_failed_start() {
	write_conf 100ms no
	ip -n "$prefix-gw1" link add vr52.eth1 type veth peer name zz
	check "a name that is taken is refused" refused 'vr52.eth1' "$vrrpd" \
		-c "$work/hapair.conf" -n gw1 -r "$work/gw1"
	ip -n "$prefix-gw1" link del zz
	check "and nothing is left" nothing_left gw1
	check "so is a bad socket directory" refused '/proc/nowhere' "$vrrpd" \
		-c "$work/hapair.conf" -n gw1 -r /proc/nowhere
	check "and nothing is left" nothing_left gw1
	local i left=0
	for i in 12 14 16 18 20 22 24 26 28 30 34 38; do
		start_vrrpd gw1
		sleep 0.0$i
		stop_vrrpd gw1 TERM
		nothing_left gw1 || left=$((left + 1))
	done
	check "a SIGTERM during the start leaves nothing" test $left -eq 0
	mkfifo "$work/pipe"
	sleep 1000 <"$work/pipe" &
	local reader=$!
	ip netns exec "$prefix-gw1" "$vrrpd" -c "$work/hapair.conf" -n gw1 -r "$work/gw1" \
		-s "$work/state-gw1" 2>"$work/pipe" &
	daemon[gw1]=$!
	pids+=($!)
	wait_for 3 is_active gw1
	kill $reader
	wait $reader 2>/dev/null
	kill -HUP "${daemon[gw1]}"
	ip -n "$prefix-gw1" link set eth1 down
	check "who reads the log may leave" wait_for 2 has gw1 '"state":"Initialize"'
	ip -n "$prefix-gw1" link set eth1 up
	down_all
}

test_second() {
	write_conf 100ms no
	both_up
	sed '/\[vip back\]/,$d' "$work/hapair.conf" >"$work/other.conf"
	check "a second vrrpd is refused" refused 'another vrrpd runs' "$vrrpd" \
		-c "$work/other.conf" -n gw1 -r "$work/other"
	check "and leaves the first one alone" no_election
	check "with all its devices" test "$(ip -n "$prefix-gw1" -br link show type macvlan | wc -l)" -eq 2
	down_all
}

test_unprivileged() {
	write_conf 100ms no
	chmod 755 "$work"
	chmod 644 "$work/hapair.conf"
	cp "$vrrpd" "$work/vrrpd"
	mkdir -p "$work/gw1"
	chown nobody "$work/gw1"
	as_user +net_admin,+net_raw
	check "runs as an ordinary user with two capabilities" wait_for 3 is_active gw1
	stop_vrrpd gw1 TERM
	check "and cleans up" nothing_left gw1
	: >"$work/gw1.log"
	as_user +net_admin
	ended "${daemon[gw1]}"
	check "without a required one it fails" test $? -eq 1
	check "naming the capability" grep -qi 'cap_net_raw' "$work/gw1.log"
	check "and leaves nothing" nothing_left gw1
	chown root "$work/gw1"
}

test_stepped_down() {
	write_conf 100ms yes
	both_up
	ask gw1 failover >/dev/null
	wait_for 1 is_active gw2
	sleep 0.2
	stop_vrrpd gw1 TERM
	start_vrrpd gw1
	ask gw2 lbd '{"sync":"synced"}' >/dev/null
	sleep 2
	check "who stepped down does not preempt after a restart" has gw1 '"stepped_down":true' \
		'"state":"Backup"'
	check "until told to" ask gw1 resume
	check "then it does" wait_for 3 is_active gw1
	stop_vrrpd gw1 KILL
	start_vrrpd gw1
	check "and a restart does not forget that either" wait_for 5 is_active gw1
	check "a group must be named by text" grep -q '"code":9003.*group' <(ask gw1 failover '{"group":5}')
	check "a time must be a number" grep -q '"code":9003.*timeout_ms' \
		<(ask gw1 failover '{"timeout_ms":"soon"}')
	down_all
}

test_parent() { # of a VIP, removed and made again
	write_conf 100ms no
	both_up
	local gw
	for gw in gw2 gw1; do
		ip -n "$prefix-$gw" link del eth0
		check "$gw: a removed parent is a fault" wait_for 2 has "$gw" '"eth0: missing"'
		plug $gw eth0 sw front f"${gw#gw}"
		ip -n "$prefix-$gw" addr add "192.0.2.${gw#gw}/24" dev eth0
		check "$gw: a parent that came back is used again" wait_for 3 is_backup $gw
	done
	check "the other node serves meanwhile" wait_for 3 is_active gw2
	stop_vrrpd gw2 KILL
	check "and the new parent serves when needed" wait_for 2 is_active gw1
	check "the client reaches the VIP" answers_to_client
	down_all
}

put_back_within() { # put_back_within MS: of its removal, by the times of `ip monitor`
	awk -F'[]:[]' -v max="$1" '/vr51/ {
			t = ($3 * 60 + $4) * 1000
			if (/Deleted/) gone = t
			else if (gone) { seen = 1; ms = t - gone } }
		END { print ms " ms"; exit !(seen && ms >= 0 && ms <= max) }' "$work/monitor"
}

test_repair() { # somebody else's hands
	write_conf 100ms no
	both_up
	start_in gw1 "$work/monitor" ip -ts monitor address
	local monitor=$pid
	sleep 0.3
	ip -n "$prefix-gw1" addr del $vip/24 dev vr51.eth0
	sleep 0.5
	kill "$monitor"
	ended "$monitor"
	check "an address removed by hand is put back at once" put_back_within 5
	check "and that is counted" has gw1 '"repaired":1'
	check "and logged" grep -q 'put back device=vr51.eth0' "$work/gw1.log"
	start_ping
	ip -n "$prefix-gw1" link set vr51.eth0 down
	sleep 0.5
	stop_ping
	check "a device set down by hand is raised at once" gap_within 0 250
	start_ping
	ip -n "$prefix-gw1" link del vr51.eth0
	sleep 0.5
	stop_ping
	check "a device removed by hand is made again at once" gap_within 0 250
	check "its lease runs" bash -c "! grep -q 'lease_left_ms\":-1' <($tool ctl $work/gw1/vrrpd.sock status)"
	check "the client reaches the VIP" answers_to_client
	check "all this without an election" no_election
	down_all
}

test_no_way_out() { # a device that takes frames and sends none; one that cannot be raised
	write_conf 100ms no
	both_up
	in_ns gw1 nft -f - <<-X
		table netdev foreign {
			chain out {
				type filter hook egress device "vr51.eth0" priority -10;
				ip protocol 112 drop
			}
		}
	X
	check "sends that fail longer than the lease release the group" wait_for 3 is_active gw2
	check "the fault is named" has gw1 '"vr51.eth0: cannot send"'
	check "the client reaches the VIP" answers_to_client
	in_ns gw1 nft delete table netdev foreign
	check "it comes back by itself" wait_for 6 is_backup gw1
	ip -n "$prefix-gw1" link add foreign link eth0 address 00:00:5e:00:01:33 type macvlan mode private
	ip -n "$prefix-gw1" link set foreign up
	stop_vrrpd gw2 TERM
	check "a device that cannot be raised is a fault" \
		wait_for 3 has gw1 '"vr51.eth0: cannot be raised"' '"state":"Initialize"'
	start_vrrpd gw2
	check "the other node takes the group" wait_for 3 is_active gw2
	ip -n "$prefix-gw1" link del foreign
	check "and the fault goes away with its cause" wait_for 6 is_backup gw1
	down_all
}

test_flush() { # nft flush ruleset, with and without protection by the kernel
	local mode
	for mode in protected unprotected; do
		write_conf 100ms no
		if [ $mode = unprotected ]; then
			start_in gw1 "$work/held" "$tool" hold-table hapair_vrrp_probe
			local held=$pid
			wait_for 2 grep -q held "$work/held"
		fi
		both_up
		check "$mode: as expected" has gw1 "\"lease_protected\":$([ $mode = protected ] && echo true || echo false)"
		in_ns gw1 nft flush ruleset
		in_ns gw1 nft delete table netdev hapair_vrrp 2>/dev/null
		check "$mode: the lease survives or is put back" \
			wait_for 0.1 bash -c "ip netns exec $prefix-gw1 nft list table netdev hapair_vrrp |
				grep -q 'hook egress'"
		[ $mode = protected ] || check "$mode: that is counted" \
			bash -c "! grep -q '\"lease_repaired\":0' <($tool ctl $work/gw1/vrrpd.sock status)"
		start_arp
		sleep 0.2
		stop_vrrpd gw1 KILL
		sleep 0.7
		stop_arp
		check "$mode: a dead node falls silent all the same" turns_are f1 f2
		[ $mode = protected ] || { kill "$held"; ended "$held"; }
		down_all
	done
}

build_world
for t in ${TESTS:-start failed_start second unprivileged stepped_down parent repair no_way_out \
	flush}; do
	"test_$t"
done
finish
