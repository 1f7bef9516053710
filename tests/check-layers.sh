#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Cores are values in, values out. This reads the undefined symbols of their objects and fails on
# anything that is neither harmless (memory and string functions, hardening) nor another core's.
# usage: check-layers.sh OBJECT...
set -u

allowed='^(mem(cpy|move|set|cmp|chr|mem)|str(len|nlen|cmp|ncmp|chr|rchr|str|cpy|casecmp|spn|cspn|lcpy|lcat|tol|toul|toull|toll)'
allowed+='|_?_?isoc99_.*|snprintf|bsearch|qsort|calloc|malloc|realloc|reallocarray|free|abs'
allowed+='|inet_(pton|ntop)|json_.*|jsonp?_.*|__(mem|str|stpcpy|snprintf|vsnprintf)[a-z]*_chk|__snprintf_chk|__vsnprintf_chk'
allowed+='|__stack_chk_fail|__assert_fail|__ctype_b_loc|__ctype_tolower_loc|__explicit_bzero_chk|_GLOBAL_OFFSET_TABLE_|log|__asan.*|__ubsan.*)$'

defined=$(nm --defined-only -g "$@" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u)
bad=0
for object in "$@"; do
	for symbol in $(nm -u "$object" | awk '{print $NF}' | sort -u); do
		[[ $symbol =~ $allowed ]] && continue
		grep -qxF "$symbol" <<<"$defined" && continue
		echo "check-layers: $object uses $symbol: a core has no I/O, clock, log or errno" >&2
		bad=1
	done
done
exit $bad
