# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by namespace tests: namespaces with a unique prefix, processes ended by their id, counting
# checks, waiting with a deadline. Everything is gone when the script ends, however it ends.
# shellcheck shell=bash

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

build=${BUILD:-build}
prefix=t$$
work=$(mktemp -d)
passed=0
failed=0
namespaces=()
pids=()

if [ "$(id -u)" -ne 0 ]; then
	echo "$0: needs root (network namespaces)" >&2
	echo "0 passed, 1 failed"
	exit 1
fi

cleanup() {
	local p n
	for p in "${pids[@]}"; do
		kill -CONT "$p" 2>/dev/null
		kill -KILL "$p" 2>/dev/null
	done
	wait 2>/dev/null
	for n in "${namespaces[@]}"; do ip netns del "$prefix-$n" 2>/dev/null; done
	[ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# make_ns NAME...
make_ns() {
	local n
	for n in "$@"; do
		ip netns add "$prefix-$n" || exit 1
		namespaces+=("$n")
		ip -n "$prefix-$n" link set lo up
	done
}

# in_ns NAME COMMAND...
in_ns() {
	local n=$1
	shift
	ip netns exec "$prefix-$n" "$@"
}

# plug NS IFACE BRIDGE_NS BRIDGE PORT: a cable from an interface to a bridge.
plug() {
	ip link add "$2" netns "$prefix-$1" type veth peer name "$5" netns "$prefix-$3" || exit 1
	ip -n "$prefix-$3" link set "$5" master "$4" up
	ip -n "$prefix-$1" link set "$2" up
}

# start_in NS LOG COMMAND...: in the background; its id is in $pid.
start_in() {
	local n=$1 log=$2
	shift 2
	# exec: the id is that of the program itself
	ip netns exec "$prefix-$n" "$@" >>"$log" 2>&1 &
	pid=$!
	pids+=("$pid")
}

# ended PID: waits for a process we started and gives its exit status.
ended() {
	wait "$1" 2>/dev/null
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails at the deadline.
wait_for() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >"$work/last" 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || { cat "$work/last"; return 1; }
		sleep 0.01
	done
}

# check SENTENCE COMMAND...
check() {
	local what=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok    $what"
	else
		failed=$((failed + 1))
		echo "FAIL  $what"
		sed 's/^/      /' "$work/out" | head -20
	fi
}

# finish: the closing line and the exit status.
finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
