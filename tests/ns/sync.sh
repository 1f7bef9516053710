#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Connection synchronisation between two kernels: gateways a and b with a pair link between them,
# a client and a server around a. Only the sync driver runs (sync_tool); the rules are set by hand.
# usage: [BUILD=build] sync.sh          (needs root)
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${BUILD:-build}
tool=$build/tests/ns/sync_tool
load=$build/tests/ns/sync_load
prefix=sy$$
work=$(mktemp -d)
chmod 711 "$work"
passed=0
failed=0
run_as= # words before the daemon's: another user
declare -A pid

if [ "$(id -u)" -ne 0 ]; then
	echo "sync.sh: needs root (network namespaces)" >&2
	echo "0 passed, 1 failed"
	exit 1
fi

cleanup() {
	local ns
	[ ${#pid[@]} -eq 0 ] || kill "${pid[@]}" 2>/dev/null
	for ns in client a b server; do ip netns del "$prefix-$ns" 2>/dev/null; done
	[ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT

in_ns() { # in_ns NAME COMMAND...
	local ns=$1
	shift
	ip netns exec "$prefix-$ns" "$@"
}

check() { # check SENTENCE COMMAND...
	local what=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok    $what"
	else
		failed=$((failed + 1))
		echo "FAIL  $what"
		sed 's/^/      /' "$work/out" | head -6
		for n in a b; do [ ! -f "$work/$n.log" ] || tail -3 "$work/$n.log" | sed "s/^/      $n: /"; done
	fi
}

soon() { # soon COMMAND...: true within 5 seconds
	local i
	for i in $(seq 100); do
		"$@" >"$work/soon" && return 0
		sleep 0.05
	done
	cat "$work/soon"
	echo "never true: $*"
	return 1
}

# --- the world ------------------------------------------------------------------------------

setup() {
	local ns
	for ns in client a b server; do
		ip netns add "$prefix-$ns" || exit 1
		in_ns "$ns" ip link set lo up
	done
	ip -n "$prefix-a" link add front type veth peer name eth0 netns "$prefix-client"
	ip -n "$prefix-a" link add back type veth peer name eth0 netns "$prefix-server"
	ip -n "$prefix-a" link add pair type veth peer name pair netns "$prefix-b"
	ip -n "$prefix-a" addr add 192.0.2.10/24 dev front
	ip -n "$prefix-a" addr add 10.1.0.1/24 dev back
	ip -n "$prefix-a" addr add 192.168.99.1/24 dev pair
	ip -n "$prefix-b" addr add 192.168.99.2/24 dev pair
	ip -n "$prefix-client" addr add 192.0.2.100/24 dev eth0
	ip -n "$prefix-server" addr add 10.1.0.11/24 dev eth0
	for ns in front back pair; do ip -n "$prefix-a" link set "$ns" up; done
	ip -n "$prefix-b" link set pair up
	ip -n "$prefix-client" link set eth0 up
	ip -n "$prefix-server" link set eth0 up
	ip -n "$prefix-server" route add default via 10.1.0.1
	in_ns a sysctl -qw net.ipv4.ip_forward=1
	for ns in a b; do
		# Some kernels show the switch only once connection tracking is in use.
		in_ns "$ns" nft -f - <<-'RULES'
			table ip t {
				chain pre {
					type nat hook prerouting priority dstnat
					ip daddr 192.0.2.10 tcp dport 135 ct mark set 0x5b000001 ct event set assured,destroy dnat to 10.1.0.11
					ip daddr 192.0.2.10 tcp dport 139 ct mark set 0x77000001 dnat to 10.1.0.11:135
				}
			}
		RULES
		in_ns "$ns" sysctl -qw net.netfilter.nf_conntrack_events=1
	done
	ip netns exec "$prefix-server" "$load" serve 135 &
	pid[server]=$!
	disown
}

write_conf() { # write_conf FILE KEYFILE
	cat >"$1" <<-CONF
		[pair]
		key_file = $2

		[node gw1]
		pair_address = 192.168.99.1
		priority = 200

		[node gw2]
		pair_address = 192.168.99.2
		priority = 100

		[vip front]
		interface = front
		vrid = 51
		address = 192.0.2.10/24

		[pool cas]
		server = cas1 10.1.0.11

		[service rpc]
		vip = front
		pool = cas
		ports = tcp/135
	CONF
}

new_key() { # new_key FILE
	head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$1"
	chmod 600 "$1"
}

# --- the daemons ----------------------------------------------------------------------------

start() { # start a|b [CONF]
	local ns=$1 node=gw1
	[ "$ns" = a ] || node=gw2
	rm -f "$work/$ns.in"
	mkfifo "$work/$ns.in"
	: >"$work/$ns.out"
	# Not through in_ns: the process id must be the daemon's, not a shell's.
	ip netns exec "$prefix-$ns" $run_as "$tool" "${2:-$work/conf}" "$node" \
		<"$work/$ns.in" >>"$work/$ns.out" 2>>"$work/$ns.log" &
	pid[$ns]=$!
	disown
	if [ "$ns" = a ]; then exec 8>"$work/a.in"; else exec 9>"$work/b.in"; fi
	soon grep -q "ready\|error" "$work/$ns.out" && ! grep error "$work/$ns.out" && return 0
	cat "$work/$ns.log"
	exit 1
}

stop() { # stop a|b [SIGNAL]
	kill "-${2:-TERM}" "${pid[$1]}" 2>/dev/null
	while [ -d "/proc/${pid[$1]}" ]; do sleep 0.02; done
	unset "pid[$1]"
}

tell() { # tell a|b COMMAND: prints the answer
	local before
	before=$(wc -l <"$work/$1.out")
	if [ "$1" = a ]; then echo "$2" >&8; else echo "$2" >&9; fi
	local i
	for i in $(seq 250); do
		tail -n "+$((before + 1))" "$work/$1.out" 2>/dev/null | grep -v '^level\|^verdict\|^equal' | grep . && return 0
		sleep 0.02
	done
	return 1
}

status_has() { # status_has a|b WORD...
	local status ns=$1
	shift
	status=$(tell "$ns" status)
	for word; do
		case " $status " in *" $word "*) ;; *)
			echo "$ns: $status"
			return 1
			;;
		esac
	done
}

status_grew() { # status_grew a|b NAME: the counter is not 0
	tell "$1" status | grep -q " $2=[1-9]"
}

# --- tables ---------------------------------------------------------------------------------

table() { # table a|b: our connections, without time-outs and generations, sorted
	in_ns "$1" conntrack -L -m 0x5b000000/0xff000000 2>/dev/null | awk '
		{ line = $1
		  for (i = 4; i <= NF; i++) {
			if ($i ~ /^mark=/) { split($i, m, "="); line = line " mark=" (m[2] % 65536) }
			else if ($i !~ /^use=/) line = line " " $i
		  }
		  print line }' | sort
}

same_tables() {
	diff <(table a) <(table b)
}

count() { # count a|b N
	[ "$(table "$1" | wc -l)" -eq "$2" ]
}

has_session() { # has_session a|b: the client's connection, translated
	table "$1" | grep -q 'ESTABLISHED src=192.0.2.100 dst=192.0.2.10 .*dport=135 src=10.1.0.11 dst=192.0.2.100 sport=135 .*ASSURED.* mark=1$'
}

no_session() {
	! table "$1" | grep -q 192.0.2.100
}

session_open() { # a TCP connection of the client through a, held in the background
	ip netns exec "$prefix-client" bash -c \
		'exec 3<>/dev/tcp/192.0.2.10/135; echo hi >&3; read -r x <&3; exec sleep 60' &
	pid[session]=$!
	disown
}

session_close() {
	kill "${pid[session]}" 2>/dev/null
	unset "pid[session]"
	# The end comes when the entry runs out; shorten it as an administrator would not.
	in_ns a conntrack -D -s 192.0.2.100 >/dev/null 2>&1
}

# --- scenes ---------------------------------------------------------------------------------

scene_link() {
	start a
	start b
	tell a "owner on" >/dev/null
	check "the link comes up and both are synced" soon status_has a connected=1 level=synced role=sender config_equal=1
	check "the receiver says so too" soon status_has b connected=1 level=synced role=receiver
}

scene_stream() {
	session_open
	check "a real connection is on the active node" soon has_session a
	check "it is in the standby's kernel, translated and assured" soon has_session b
	check "barrier: the peer confirms" grep -q 'result=0' <(tell a barrier)
	session_close
	check "after its end it is gone on the standby" soon no_session b
	in_ns client bash -c 'exec 3<>/dev/tcp/192.0.2.10/139; echo hi >&3; read -r x <&3'
	check "connections without our mark stay at home" no_session b
}

scene_bulk() {
	stop b
	in_ns a "$load" fill 0 20000 >/dev/null
	session_open
	soon has_session a
	check "alone without a peer" soon status_has a level=alone connected=0
	start b
	check "a bulk of 20,000 arrives" soon status_has b level=synced connections=20001
	check "the tables are equal" same_tables
	tell b status | sed 's/^/      b: /' | grep -o 'b:\|resync_ms=[0-9]*' | tr '\n' ' '
	echo
	in_ns a "$load" empty 0 10000 >/dev/null
	check "10,000 ends follow" soon count b 10001
	check "equal again" soon same_tables
}

scene_restart() {
	stop b KILL
	in_ns a "$load" empty 10000 5000 >/dev/null
	in_ns a "$load" fill 50000 3000 >/dev/null
	start b
	check "after a crash of the standby's daemon only the living are left" soon count b 8001
	check "equal tables" soon same_tables
	stop a KILL
	in_ns a "$load" empty 15000 1000 >/dev/null
	start a
	tell a "owner on" >/dev/null
	check "after a crash of the active's daemon as well" soon count b 7001
	check "and equal" soon same_tables
}

scene_cut() {
	ip -n "$prefix-b" link set pair down
	check "a cut link is noticed within two seconds" soon status_has a connected=0 level=alone
	in_ns a "$load" empty 16000 1000 >/dev/null
	in_ns a "$load" fill 60000 2000 >/dev/null
	check "barrier is refused without a link" grep -q 'result=2' <(tell a barrier)
	ip -n "$prefix-b" link set pair up
	check "it comes back" soon status_has a connected=1 level=synced
	check "and ends in equal tables" soon same_tables
}

scene_overflow() {
	# Stopped, the active's daemon cannot read; its socket holds about 100,000 events.
	in_ns a "$load" fill 100000 62000 >/dev/null
	soon status_has b level=synced
	kill -STOP "${pid[a]}"
	in_ns a "$load" empty 100000 62000 >/dev/null
	in_ns a "$load" fill 100000 62000 >/dev/null
	in_ns a "$load" empty 100000 60000 >/dev/null
	kill -CONT "${pid[a]}"
	check "a flood of ends overflows the event socket and is counted" soon status_grew a overflows
	check "another bulk follows" soon status_has a connected=1 level=synced
	check "equal tables after the overflow" soon same_tables
	in_ns a "$load" empty 160000 2000 >/dev/null
	soon same_tables
}

scene_roles() {
	tell b "owner on" >/dev/null
	tell a "owner off" >/dev/null
	check "roles swap without a new bulk" status_has b level=synced role=sender
	in_ns b "$load" empty 60000 1000 >/dev/null
	check "ends now flow the other way" soon same_tables
	in_ns b "$load" empty 61000 1 >/dev/null
	check "the new owner's barrier" grep -q 'result=0' <(tell b barrier)
	tell a "owner on" >/dev/null
	tell b "owner off" >/dev/null
	check "and back" soon status_has a level=synced role=sender
}

scene_server() {
	check "a dead server's connections" grep -q 'died 0' <(tell a "died 1")
	check "are gone here" count a 0
	check "and at the peer" soon count b 0
	tell a "verdict 1 down" >/dev/null
	check "verdicts travel" soon grep -q 'verdict server=1 state=2' "$work/b.out"
}

scene_refused() {
	local i
	in_ns a bash -c 'head -c 4096 /dev/urandom >/dev/tcp/192.168.99.2/4816' 2>/dev/null
	in_ns a bash -c 'printf "GET / HTTP/1.0\r\n\r\n" >/dev/tcp/192.168.99.2/4816' 2>/dev/null
	check "garbage on the port is refused and counted" soon status_grew b garbage
	check "and harms nothing" status_has b connected=1 level=synced
	stop a
	new_key "$work/other.key"
	write_conf "$work/other.conf" "$work/other.key"
	start a "$work/other.conf"
	check "a wrong key is refused and counted" soon status_grew b wrong_key
	check "on both sides" soon status_grew a wrong_key
	check "no link" status_has b connected=0
	stop a
	sed 's/gw1/gwx/' "$work/conf" >"$work/x.conf"
	sed -i 's/priority = 200/priority = 201/' "$work/x.conf"
	ip netns exec "$prefix-a" "$tool" "$work/x.conf" gwx <"$work/a.in" >>"$work/a.out" 2>>"$work/a.log" &
	pid[a]=$!
	disown
	exec 8>"$work/a.in"
	check "a wrong node is refused and counted" soon status_grew b wrong_node
	stop a
	chmod 604 "$work/key"
	check "a key file open to others is refused with the remedy" \
		bash -c "ip netns exec $prefix-a $tool $work/conf gw1 </dev/null | grep -q 'hactl keygen'"
	chmod 600 "$work/key"
	start a
	tell a "owner on" >/dev/null
	check "the right key is welcome again" soon status_has b connected=1 level=synced
}

scene_config() {
	stop a
	sed 's/priority = 100/priority = 99/' "$work/conf" >"$work/changed.conf"
	fill_a 0 100
	start a "$work/changed.conf"
	tell a "owner on" >/dev/null
	check "another configuration: streaming goes on" soon status_has a connected=1 level=synced config_equal=0
	check "but a planned failover is refused" grep -q 'result=3' <(tell a barrier)
	: >"$work/b.out"
	tell a "verdict 1 up" >/dev/null
	tell a "died 1" >/dev/null
	tell a "reload $work/conf" >/dev/null
	check "when it is equal again the peer knows" soon status_has b config_equal=1
	check "meanwhile no verdict got through" bash -c "! grep ^verdict $work/b.out"
	check "and no order to forget a server" soon status_has b late=1
	tell a "verdict 1 up" >/dev/null
	check "now they do" soon grep -q '^verdict server=1 state=1' "$work/b.out"
}

fill_a() { # fill_a FIRST N: twice, for events come of changes only
	in_ns a "$load" fill "$1" "$2" >/dev/null
	in_ns a "$load" fill "$1" "$2" >/dev/null
}

states() { # states a|b: how many of the client's connections in which state
	in_ns "$1" conntrack -L -p tcp -s 192.0.2.100 2>/dev/null | awk '{ n[$4]++ } END { for (s in n) print s "=" n[s] }'
}

scene_closing() {
	local i
	in_ns a conntrack -F >/dev/null 2>&1
	in_ns b conntrack -F >/dev/null 2>&1
	in_ns a sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_time_wait=3
	session_open
	for i in $(seq 40); do
		in_ns client bash -c 'exec 3<>/dev/tcp/192.0.2.10/135; echo hi >&3; read -r x <&3'
	done
	soon count b 41 >/dev/null
	check "the standby holds what is closed as established" test "$(states b)" = ESTABLISHED=41
	tell b "owner on" >/dev/null
	tell a "owner off" >/dev/null
	check "a change of roles tells it what is closing" soon status_grew b closed
	check "the living one stays established" grep -q '^ESTABLISHED=1$' <(states b)
	check "the others end there in their time" soon count b 1
	tell a "owner on" >/dev/null
	tell b "owner off" >/dev/null
	check "and back, equal" soon same_tables
	kill "${pid[session]}"
	unset "pid[session]"
}

scene_orders() {
	fill_a 0 500
	soon same_tables >/dev/null
	sleep 1 # right after a change of roles its word would count
	tell b "died 1" >/dev/null
	sleep 0.3
	check "a standby's order to forget a server is refused by the owner" test "$(table a | wc -l)" -ge 500
	check "and counted" status_grew a late
	sleep 3
	check "it gets back what it deleted" soon same_tables
	in_ns a "$load" empty 0 500 >/dev/null
}

crowd() { # crowd NS N SECONDS: connections to b's pair port that say nothing and come again
	local i
	for i in $(seq "$2"); do
		in_ns "$1" timeout "$3" bash -c 'while :; do exec 3<>/dev/tcp/192.168.99.2/4816 && read -r x <&3; sleep 0.02; done' 2>/dev/null &
		disown
	done
}

scene_crowd() {
	stop a
	crowd b 24 8
	sleep 0.5
	start a
	tell a "owner on" >/dev/null
	check "a crowd of strangers does not keep the peer out" soon status_has a connected=1
	check "they are counted, and named" bash -c 'grep -q " garbage=[1-9]" <<<"$1"' - "$(tell b status)"
	stop a
	for i in $(seq 10); do
		in_ns a timeout 3 bash -c 'exec 3<>/dev/tcp/192.168.99.2/4816; sleep 3' 2>/dev/null &
		disown
	done
	sleep 0.3
	start a
	tell a "owner on" >/dev/null
	sleep 0.7
	check "nor do half-open ones from its own address" status_has a connected=1
	soon status_has a level=synced
}

scene_close() {
	local before
	before=$(table a | wc -l)
	# Stopped, it finds the changes and the order to quit at the same time.
	kill -STOP "${pid[a]}"
	fill_a 70000 800
	echo quit >&8
	kill -CONT "${pid[a]}"
	while [ -d "/proc/${pid[a]}" ]; do sleep 0.02; done
	check "a daemon that stops has said everything" soon count b $((before + 800))
	check "and BYE" grep -q 'last_error="peer stopped"' <(tell b status)
	in_ns a "$load" empty 70000 800 >/dev/null
	start a
	tell a "owner on" >/dev/null
	check "back again" soon status_has a level=synced
}

scene_diverged() {
	fill_a 80000 500
	soon same_tables >/dev/null
	check "equal tables do not diverge" status_has a diverged=0
	in_ns b "$load" empty 80000 400 >/dev/null
	sleep 6
	check "a replica that loses entries on its own shows as diverged" soon status_has a diverged=1 level=synced
	stop b
	start b
	check "a new bulk heals it" soon status_has a level=synced diverged=0
	in_ns a "$load" empty 80000 500 >/dev/null
	soon same_tables >/dev/null
}

scene_reload() {
	cp "$work/key" "$work/key2"
	write_conf "$work/moved.conf" "$work/key2"
	chmod 600 "$work/key2"
	tell a "reload $work/moved.conf" >/dev/null
	check "the same key in another file: the link stays" status_has a connected=1
	tell a "reload $work/conf" >/dev/null
	new_key "$work/key"
	tell b "reload $work/conf" >/dev/null
	sleep 0.2
	check "another key in the same file: the link ends" status_has b connected=0
	tell a "reload $work/conf" >/dev/null
	sleep 0.6
	check "and comes back at once when both have it" status_has a connected=1
	check "the old listener was not in the way" bash -c "! grep 'cannot listen' $work/b.log"
	soon status_has a level=synced
	rm -f "$work/pipe"
	mkfifo -m 600 "$work/pipe"
	write_conf "$work/pipe.conf" "$work/pipe"
	check "a pipe in place of the key is refused, not waited for" grep -q 'reload -.*regular' <(tell a "reload $work/pipe.conf")
	cp "$work/key" "$work/alien"
	chown 12345 "$work/alien"
	chmod 600 "$work/alien"
	write_conf "$work/alien.conf" "$work/alien"
	check "nor is a key that belongs to somebody else taken" grep -q 'reload -.*chown root' <(tell a "reload $work/alien.conf")
	check "and the link stays" status_has a connected=1
}

scene_user() {
	stop b
	chgrp 65534 "$work/key"
	chmod 640 "$work/key"
	run_as="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin"
	start b
	run_as=
	check "as another user, the key readable by its group" soon status_has b connected=1 level=synced
	chmod 600 "$work/key"
	check "a reload that may not read it goes on" grep -q '^reload 0' <(tell b "reload $work/conf")
	check "with the link as it is" status_has b connected=1
	check "and says what to do" grep -q 'keeps its key.*as user nobody.*chgrp nobody.*chmod 0640' "$work/b.log"
	cp "$work/key" "$work/root.key"
	chmod 600 "$work/root.key"
	write_conf "$work/root.conf" "$work/root.key"
	check "another file that it may not read is refused" grep -q '^reload -13.*as user nobody' <(tell b "reload $work/root.conf")
	check "and the link stays" status_has b connected=1
	stop b
	start b
	soon status_has a level=synced
}

new_key "$work/key"
write_conf "$work/conf" "$work/key"
setup
for scene in ${SCENES:-link stream bulk restart cut overflow roles server closing orders close diverged crowd reload user refused config}; do
	"scene_$scene"
done
for n in a b; do
	[ -z "${pid[$n]:-}" ] || check "$n refused by its kernel: nothing" bash -c '! grep error_ <<<"$1"' - "$(tell $n status)"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
