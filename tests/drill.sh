#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The drills as tests: every scenario at the default timers, then the hardest at 10 ms adverts and
# with 2,000 sessions. A scenario that fails prints its table and the daemons' last words.
# A virtual machine may be stopped by its host for longer than the lease of 10 ms adverts (26 ms):
# then the election is right to move, and the bounds are not met. What fails is run once more, and
# fails if it does so again.
# usage: drill.sh BUILD_DIR
set -u

build=$1
passed=0
failed=0

drill() {
	local try
	for try in 1 2; do
		echo "drill $* (try $try)"
		if "$build/hactl" -c etc/hapair.conf drill "$@"; then
			passed=$((passed + 1))
			return
		fi
	done
	failed=$((failed + 1))
}

for scenario in planned power-loss vrrpd-kill failback; do
	drill "$scenario"
done
drill planned power-loss vrrpd-kill failback --advert 10ms
drill planned power-loss vrrpd-kill failback --sessions 2000

# Namespaces carry the process id of their drill: another drill may be running beside us.
left=()
for id in $(ip netns list | sed -n 's/^hapair-drill-\([0-9]*\)-.*/\1/p' | sort -u); do
	kill -0 "$id" 2>/dev/null || left+=("$id")
done
if [ ${#left[@]} -eq 0 ]; then
	passed=$((passed + 1))
else
	echo "drills left namespaces behind: ${left[*]}"
	failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
