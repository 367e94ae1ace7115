#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The manual page: it formats without a warning, and names every command and
# every option that --help names.
set -u
bin=${WRIT_B:-build}/bin
page=docs/man/writ.1
number=0

check() # WHAT CONDITION...
{
	local what=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
	fi
}

text=$(groff -man -Tutf8 -rLL=78n -P-cbou "$page" 2>/dev/null)
check "it formats" grep -q 'Writ' <<<"$text"
check "groff has no complaint" test -z "$(groff -man -Tutf8 -ww -z "$page" 2>&1)"
commands=$("$bin/writ" --help | awk '/^ Commands:/ { on = 1; next } on && /^  [a-z]/ { print $1 }')
check "--help lists commands" test "$(wc -w <<<"$commands")" -ge 15
for cmd in $commands; do
	check "$cmd is in it" grep -qE "^ +writ $cmd\\b|^ +$cmd\\b" <<<"$text"
	case $cmd in version | help) continue ;; esac
	for option in $("$bin/writ" "$cmd" --help | grep -oE '^ +(-.,)? +--[a-z]+' |
		grep -oE -- '--[a-z]+'); do
		check "$cmd $option is in it" grep -qe "$option" <<<"$text"
	done
done
for code in 64 65 66 69 70 75 77; do
	check "exit code $code is in it" grep -qE "^ +$code " <<<"$text"
done
echo "1..$number"
