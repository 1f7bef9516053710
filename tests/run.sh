#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests that `make` has built and closes with one line: N passed, N failed.
# usage: run.sh BUILD_DIR [unit|san|fuzz|static|ns|drill]...      (no group: all of them)
set -u

build=$1
shift
groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(static unit san fuzz ns drill)
fuzz_s=${FUZZ_SECONDS:-4}
passed=0
failed=0
skipped=0
broken=()
started=$SECONDS

# What the machine must offer; better one clear line than a hundred strange failures.
preflight() {
	[ -w /dev/shm ] || { echo "run.sh: /dev/shm must be writable: Criterion needs it" >&2; return 1; }
	case " ${groups[*]} " in *' ns '* | *' drill '*) ;; *) return 0 ;; esac
	[ "$(id -u)" -eq 0 ] || { echo "run.sh: namespaced tests need root: sudo make test" >&2; return 1; }
	local ns=hapair-preflight-$$ said
	said=$(ip netns add $ns 2>&1 && ip netns exec $ns true 2>&1)
	local rc=$?
	ip netns del $ns 2>/dev/null
	[ $rc -eq 0 ] && [ -z "$said" ] && return 0
	echo "run.sh: network namespaces do not work here: $said" >&2
	return 1
}
if ! preflight; then
	echo "0 passed, 1 failed"
	exit 1
fi

# Criterion leaves its sockets behind.
TMPDIR=$(mktemp -d)
chmod 755 "$TMPDIR" # some tests run programs as an ordinary user
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# account NAME PASSED FAILED LOG: adds to the totals, shows the log of what failed.
account() {
	passed=$((passed + $2))
	failed=$((failed + $3))
	if [ "$3" -gt 0 ]; then
		broken+=("$1")
		sed 's/^/    /' "$4"
		printf '  FAIL  %-36s %s passed, %s failed\n' "$1" "$2" "$3"
	else
		printf '  ok    %-36s %s passed\n' "$1" "$2"
	fi
}

# one NAME COMMAND...: a check that passes or fails as a whole.
one() {
	local name=$1 log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then account "$name" 1 0 "$log"; else account "$name" 0 1 "$log"; fi
	rm -f "$log"
}

# criterion NAME BINARY: reads Criterion's closing line; a binary without one has failed.
criterion() {
	local log tested bad
	log=$(mktemp)
	"$2" --jobs 2 >"$log" 2>&1
	local rc=$?
	tested=$(sed -n 's/.*Tested: [^0-9]*\([0-9]*\).*/\1/p' "$log" | sed 's/\x1b\[[0-9;]*m//g' | tail -1)
	bad=$(sed 's/\x1b\[[0-9;]*m//g' "$log" |
		sed -n 's/.*Failing: \([0-9]*\) | Crashing: \([0-9]*\).*/\1 \2/p' | tail -1 | awk '{print $1 + $2}')
	if [ -z "$tested" ]; then tested=1 bad=1; fi
	[ $rc -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
	account "$1" $((tested - ${bad:-0})) "${bad:-0}" "$log"
	rm -f "$log"
}

# counted NAME COMMAND...: reads a closing `N passed, N failed` line.
counted() {
	local name=$1 log p f s
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1
	local rc=$?
	p=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1/p' "$log" | tail -1)
	f=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\2/p' "$log" | tail -1)
	s=$(sed -n 's/^[0-9]* passed, [0-9]* failed, \([0-9]*\) skipped$/\1/p' "$log" | tail -1)
	if [ "${s:-0}" -gt 0 ]; then
		skipped=$((skipped + s))
		grep 'cannot be judged here' "$log" | sed 's/^/    /'
	fi
	if [ -z "$p" ]; then p=0 f=1; fi
	[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
	account "$name" "$p" "$f" "$log"
	rm -f "$log"
}

run_fuzzer() { # run_fuzzer BINARY NAME: seeds are read, findings go to a scratch folder
	local work rc
	work=$(mktemp -d)
	"$1" -max_total_time="$fuzz_s" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$work/" \
		-verbosity=0 "$work" $( [ -d "tests/fuzz/corpus/$2" ] && echo "tests/fuzz/corpus/$2" )
	rc=$?
	[ $rc -eq 0 ] || { echo "input that failed:"; od -A d -t x1z "$work"/crash-* 2>/dev/null | head -40; }
	rm -rf "$work"
	return $rc
}

for group in "${groups[@]}"; do
	echo "$group"
	case $group in
	static)
		one 'manual pages lint' tests/check-man.sh vrrpd/*.8 lbd/*.8 hactl/*.8 etc/*.5
		one 'sources are formatted' make --no-print-directory format-check
		one 'shell scripts parse' bash -c 'for f in tests/*.sh tests/ns/*.sh; do bash -n "$f" || exit 1; done'
		;;
	unit)
		for t in "$build"/tests/unit/* "$build"/tests/sim/*; do
			[ -x "$t" ] && criterion "${t#"$build"/tests/}" "$t"
		done
		;;
	san)
		for t in build/san/tests/unit/* build/san/tests/sim/*; do
			[ -x "$t" ] && criterion "${t#build/} (ASan, UBSan)" "$t"
		done
		;;
	fuzz)
		for t in "$build"/tests/fuzz/*; do
			[ -x "$t" ] && one "fuzz/$(basename "$t") ${fuzz_s}s" run_fuzzer "$t" "$(basename "$t")"
		done
		;;
	ns)
		for t in tests/ns/*.sh tests/interop/*.sh; do
			[ -x "$t" ] && counted "${t#tests/}" env BUILD="$build" "$t"
		done
		;;
	drill)
		counted drill tests/drill.sh "$build"
		;;
	*)
		echo "run.sh: no group '$group'" >&2
		exit 2
		;;
	esac
done

[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
printf 'in %d s\n' $((SECONDS - started))
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
