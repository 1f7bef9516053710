#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lints manual pages with mandoc; prints its complaints and fails on any.
# usage: check-man.sh PAGE...
set -u

out=$(mandoc -Tlint -W warning "$@" 2>&1)
[ -z "$out" ] && exit 0
echo "$out"
exit 1
