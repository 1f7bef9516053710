#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two whole gateways, vrrpd and lbd in each, between a client and two servers: what an administrator
# sees and does, with the kernel's own tools as witnesses.
# usage: [BUILD=build] pair.sh          (needs root)
source "$(dirname "$0")/lib.sh"

hactl=$(realpath "$build/hactl")
hold=$build/tests/ns/hold
conf=$work/hapair.conf
vip=192.0.2.10
declare -A running

# --- the world ------------------------------------------------------------------------------

write_conf() { # write_conf FILE KEY_FILE
	cat >"$1" <<-CONF
		[pair]
		advert_interval = 100ms
		key_file = $2
		sync_wait = 10s
		[node gw1]
		pair_address = 192.168.99.1
		priority = 200
		[node gw2]
		pair_address = 192.168.99.2
		priority = 100
		[vip front]
		interface = eth0
		vrid = 51
		address = $vip/24
		[vip back]
		interface = eth1
		vrid = 52
		address = 10.1.0.1/24
		[pool cas]
		server = s1 10.1.0.11
		         s2 10.1.0.12
		check_interval = 200ms
		check_timeout = 200ms
		fall = 2
		[service mapi]
		vip = front
		pool = cas
		profile = exchange-rpc
	CONF
}

build_world() {
	local i
	make_ns sw gw1 gw2 client s1 s2
	for i in front back; do
		ip -n "$prefix-sw" link add "$i" type bridge mcast_snooping 0
		ip -n "$prefix-sw" link set "$i" up
	done
	for i in 1 2; do
		plug "gw$i" eth0 sw front "f$i"
		plug "gw$i" eth1 sw back "b$i"
		plug "s$i" eth0 sw back "s$i"
		ip -n "$prefix-gw$i" addr add "192.0.2.$((i + 1))/24" dev eth0
		ip -n "$prefix-gw$i" addr add "10.1.0.$((i + 1))/24" dev eth1
		ip -n "$prefix-s$i" addr add "10.1.0.1$i/24" dev eth0
		ip -n "$prefix-s$i" route add default via 10.1.0.1
		mkdir -p "$work/gw$i"
	done
	plug client eth0 sw front c
	for i in $(seq 100 115); do ip -n "$prefix-client" addr add "192.0.2.$i/24" dev eth0; done
	ip link add eth2 netns "$prefix-gw1" type veth peer name eth2 netns "$prefix-gw2"
	for i in 1 2; do
		ip -n "$prefix-gw$i" addr add "192.168.99.$i/24" dev eth2
		ip -n "$prefix-gw$i" link set eth2 up
		start_in "s$i" "$work/s$i.log" "$hold" serve 135 6100
		running[s$i]=$pid
	done
}

start() { # start NODE DAEMON
	start_in "$1" "$work/$1/$2.log" "$build/$2" -c "${3:-$conf}" -n "$1" -r "$work/$1" \
		-s "$work/$1"
	running[$1.$2]=$pid
}

stop() { # stop NODE DAEMON [SIGNAL]
	kill "-${3:-TERM}" "${running[$1.$2]}"
	ended "${running[$1.$2]}"
}

ctl() { # ctl NODE ARGUMENTS...
	local node=$1
	shift
	in_ns "$node" "$hactl" -c "$conf" -n "$node" -r "$work/$node" "$@"
}

verdict() {
	local line
	line=$(ctl "$1" status | head -1)
	echo "$line"
	grep -q "$2" <<<"$line"
}
says() { ctl "$1" status --json | grep -qE "$2"; }
entries() { in_ns "$1" conntrack -L -p tcp --orig-port-dst "$2" 2>/dev/null | grep -c "dst=$vip"; }
has_entries() { [ "$(entries "$1" "$2")" -eq "$3" ]; }
not() { ! "$@"; }
watches_signals() { # watches_signals PID: SIGHUP no longer ends it
	[ $((16#$(awk '/^SigCgt/ {print $2}' "/proc/$1/status") & 1)) -eq 1 ]
}
refuses() { # refuses NODE PATTERN: failover there fails and says why
	local said
	if said=$(ctl "$1" failover 2>&1); then return 1; fi
	echo "$said"
	grep -qi "$2" <<<"$said"
}

# --- checks ---------------------------------------------------------------------------------

build_world
"$hactl" keygen "$work/pair.key" >/dev/null
write_conf "$conf" "$work/pair.key"

check 'keygen makes a key that only its owner reads' \
	test "$(stat -c %a "$work/pair.key")" = 600
check 'keygen never overwrites a key' not "$hactl" keygen "$work/pair.key"
check 'check accepts the configuration' ctl gw1 check

sed 's/^vrid = 52/vrid = 520/; s/^pool = cas/pool = cass/' "$conf" >"$work/wrong.conf"
check 'check names every mistake with its line' bash -c "
	! '$hactl' check '$work/wrong.conf' >'$work/findings' 2>&1 &&
	grep -q 'wrong.conf:17:.*vrid' '$work/findings' && grep -q 'wrong.conf:27:.*cass' '$work/findings'"
for d in vrrpd lbd; do
	check "$d does not start with a wrong configuration" \
		not in_ns gw1 "$build/$d" -c "$work/wrong.conf" -n gw1 -r "$work/gw1" -s "$work/gw1"
done

for node in gw1 gw2; do
	start $node vrrpd
	start $node lbd
done
check 'both nodes find each other: OK, gw1 Active, gw2 ready' \
	wait_for 10 verdict gw1 '^OK: gw1 Active, gw2 ready'
check 'the standby says the same' wait_for 5 verdict gw2 '^OK: gw1 Active, gw2 ready'

all_alive='alive 50 reset 0 closed 0 silent 0'
reopen_sessions() {
	eval "exec ${client[1]}>&-" 2>/dev/null
	ended "$client_pid"
	coproc client { in_ns client "$hold" open $vip 6100 50 192.0.2.{100..115}; }
	client_pid=$client_PID
	pids+=("$client_pid")
	read -r -t 10 answer <&"${client[0]}"
	wait_for 3 has_entries gw2 6100 50 >/dev/null
}
flows() { in_ns "$1" conntrack -L -p tcp --state ESTABLISHED --orig-port-dst 6100 2>/dev/null; }
on_server() { flows "$1" | grep -c "src=10.1.0.1$2 "; }
has_flows() { flows "$1" | grep -c "dst=$vip" | tee /dev/stderr | grep -qx "$2"; }
coproc client { in_ns client "$hold" open $vip 6100 50 192.0.2.{100..115}; }
client_pid=$client_PID
pids+=("$client_pid")
read -r -t 10 answer <&"${client[0]}"
check 'fifty sessions open through the virtual address' test "$answer" = 'open 50'
check "the standby's kernel lists the sessions before any failover" \
	wait_for 2 has_entries gw2 6100 50
check 'with the translation to the server and our mark' bash -c "
	ip netns exec $prefix-gw2 conntrack -L -p tcp --orig-port-dst 6100 2>/dev/null |
	grep -cE 'dst=$vip .*src=10.1.0.1[12] dst=192.0.2.1.. .*ASSURED.* mark=15[0-9]{8}' | grep -qx 50"

ask() { # one byte down and up every session
	echo x >&"${client[1]}"
	read -r -t 20 answer <&"${client[0]}"
	echo "$answer"
	test "$answer" = "$1"
}

check 'failover hands over' ctl gw1 failover
check 'gw2 is Active now' wait_for 5 verdict gw2 'gw2 Active, gw1 ready'
check 'all fifty sessions go on' ask 'alive 50 reset 0 closed 0 silent 0'
check 'failover on the standby says where to run it' refuses gw1 gw2

stop gw2 vrrpd KILL
check 'vrrpd of the Active node killed: gw1 takes over' wait_for 5 verdict gw1 'gw1 Active'
check 'all fifty sessions go on again' ask 'alive 50 reset 0 closed 0 silent 0'
start gw2 vrrpd
check 'the killed vrrpd returns as Backup' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'

check 'and has all sessions in its kernel again' wait_for 2 has_entries gw2 6100 50
on_s1=$(on_server gw1 1)
# The cable first: the dying process must not end its connections itself.
ip -n "$prefix-s1" link set eth0 down
kill -KILL "${running[s1]}"
check 'a dead server is taken out' wait_for 5 says gw1 '"server": ?"s1"[^}]*"state": ?"down"'
check 'both nodes agree' wait_for 2 says gw2 '"server": ?"s1"[^}]*"state": ?"down"'
check 'its connections are deleted on the Active' wait_for 2 has_entries gw1 6100 $((50 - on_s1))
check 'and on the standby' wait_for 2 has_entries gw2 6100 $((50 - on_s1))
check 'its clients get a reset with their next packet, nobody else does' \
	ask "alive $((50 - on_s1)) reset $on_s1 closed 0 silent 0"
ip -n "$prefix-s1" link set eth0 up
ip -n "$prefix-s1" route add default via 10.1.0.1 2>/dev/null
start_in s1 "$work/s1.log" "$hold" serve 135 6100
running[s1]=$pid
check 'it returns' wait_for 5 says gw2 '"server": ?"s1"[^}]*"state": ?"up"'

# --- the Active's lbd, its restart and its lone view ----------------------------------------

reopen_sessions
on_s1=$(on_server gw1 1)
stop gw1 lbd
check 'lbd of the Active node leaves cleanly' test $? -eq 0
check 'and leaves the rules for the sessions' in_ns gw1 nft list table inet hapair_lb
check 'and says why' grep -q 'this node is Active: the rules stay' "$work/gw1/lbd.log"
check 'all sessions go on without it' ask "$all_alive"
start gw1 lbd
check 'it returns' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'
check 'all sessions go on with it' ask "$all_alive"

cp "$conf" "$work/good.conf"
sed -i 's/server = s1 10.1.0.11/server = s0 10.1.0.10\n         s1 10.1.0.11/' "$conf"
kill -HUP "${running[gw1.lbd]}" "${running[gw2.lbd]}"
check 'a dead server comes in at the top of the list' \
	wait_for 5 says gw1 '"server": ?"s0"[^}]*"state": ?"down"'
check 'both nodes agree on it' wait_for 5 says gw2 '"server": ?"s0"[^}]*"state": ?"down"'
check 'no session is lost' ask "$all_alive"
cp "$work/good.conf" "$conf"
kill -HUP "${running[gw1.lbd]}" "${running[gw2.lbd]}"
check 'without it the pair is well again' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'

ip -n "$prefix-sw" link set b1 nomaster # the Active's servers' port goes deaf, its carrier stays
check 'an Active that reaches no server takes them out' \
	wait_for 5 says gw1 '"server": ?"s2"[^}]*"state": ?"down"'
sleep 1
check 'but no connection is deleted' has_flows gw1 50
check 'here or there' has_flows gw2 50
check 'and it says which stay, and why' \
	grep -q 'cas/s1: taken out, its connections stay reason="the peer reaches it"' "$work/gw1/lbd.log"
ip -n "$prefix-sw" link set b1 master back
check 'reachable again they are back' wait_for 5 says gw1 '"server": ?"s1"[^}]*"state": ?"up"'
check 'both of them' wait_for 5 says gw1 '"server": ?"s2"[^}]*"state": ?"up"'
check 'and all sessions go on' ask "$all_alive"

ip -n "$prefix-s1" link set eth0 down
kill -KILL "${running[s1]}"
wait_for 5 has_flows gw1 $((50 - on_s1)) >/dev/null
stop gw1 lbd KILL
start gw1 lbd
check 'a server that was dead before a crash of lbd is dead after it' \
	wait_for 3 says gw1 '"server": ?"s1"[^}]*"share_pct": ?0.0[^}]*"reason": ?"from before'
ip -n "$prefix-s1" link set eth0 up
ip -n "$prefix-s1" route add default via 10.1.0.1 2>/dev/null
start_in s1 "$work/s1.log" "$hold" serve 135 6100
running[s1]=$pid
check 'and returns as ever' wait_for 5 says gw2 '"server": ?"s1"[^}]*"state": ?"up"'
check 'the pair is well' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'

stop gw1 lbd
start gw1 lbd
wait_for 2 watches_signals "$pid"
kill -HUP "$pid" && kill -TERM "$pid"
ended "$pid"
check 'a lbd that is told to leave while it starts does so cleanly' test $? -eq 0
start gw1 lbd
check 'and starts again' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'

cp "$conf" "$work/good.conf"
cp "$work/wrong.conf" "$conf"
kill -HUP "${running[gw1.lbd]}" "${running[gw1.vrrpd]}"
check 'a wrong configuration is refused at reload (lbd)' \
	wait_for 3 grep -q 'reload: refused' "$work/gw1/lbd.log"
check 'a wrong configuration is refused at reload (vrrpd)' \
	wait_for 3 grep -qi 'reload.*520\|reload.*refused\|refused.*reload' "$work/gw1/vrrpd.log"
cp "$work/good.conf" "$conf"
check 'and the running one stays' wait_for 3 verdict gw1 '^OK: gw1 Active, gw2 ready'
sed 's/s2 10.1.0.12$/s2 10.1.0.12 weight=3/' "$work/good.conf" >"$conf"
kill -HUP "${running[gw1.lbd]}" "${running[gw2.lbd]}" "${running[gw1.vrrpd]}" "${running[gw2.vrrpd]}"
check 'a good one is taken without a restart' \
	wait_for 3 says gw1 '"server": ?"s2"[^}]*"weight": ?3'
check 'and the pair is well afterwards' wait_for 5 verdict gw1 '^OK: gw1 Active, gw2 ready'

in_ns gw2 bash -c 'exec 3<>/dev/tcp/192.168.99.2/4816; head -c 4000 /dev/urandom >&3; sleep 0.3' 2>/dev/null
check 'garbage on the pair port is refused and counted' \
	wait_for 4 says gw2 '"garbage": ?[1-9]'
check 'and harms nothing' verdict gw2 '^OK: gw1 Active, gw2 ready'

stop gw2 lbd
"$hactl" keygen "$work/other.key" >/dev/null
write_conf "$work/otherkey.conf" "$work/other.key"
start gw2 lbd "$work/otherkey.conf"
check 'a wrong key is refused and counted' wait_for 5 says gw2 '"wrong_key": ?[1-9]'
check 'status says so in words' wait_for 5 bash -c "
	ip netns exec $prefix-gw2 '$hactl' -c '$conf' -n gw2 -r '$work/gw2' status | grep -qi 'wrong key'"
check 'failover is refused while the peer is missing, with the reason' refuses gw1 'gw2 is missing'
stop gw2 lbd
start gw2 lbd
check 'with the right key the pair is well again' wait_for 8 verdict gw1 '^OK: gw1 Active, gw2 ready'

for d in lbd vrrpd; do
	stop gw2 $d
	check "$d leaves cleanly" test $? -eq 0
done
check 'and leaves no table behind' bash -c "! ip netns exec $prefix-gw2 nft list ruleset | grep -q hapair"
check 'and no device' bash -c "! ip -n $prefix-gw2 link | grep -q 'vr51'"
check 'status says what is missing' verdict gw1 '^DEGRADED'
check 'and its exit status does' not ctl gw1 status
stop gw1 lbd
stop gw1 vrrpd
ctl gw1 status >/dev/null 2>&1
check 'status without daemons exits with 3' test $? -eq 3

finish
