#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The runner itself: it must count what passes, and must not let pass what
# fails, says nothing, hangs, dies, skips or leaves processes behind.
set -u
runner=$PWD/tools/run-tests
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
printf 'a reason that is allowed\n' >skips
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
		sed 's/^/# /' out
	fi
}

# expect WHAT STATUS LAST-LINE: runs the test program given on standard input.
expect()
{
	local what=$1 want=$2 last=$3 rc
	{
		echo '#!/bin/bash'
		cat
	} >"t$number.sh"
	chmod +x "t$number.sh"
	B=$dir/b WRIT_SKIPS=$dir/skips WRIT_TEST_SCALE=1 "$runner" "t$number.sh:2" >out 2>&1
	rc=$?
	check "$what" test "$rc,$(tail -n 1 out)" = "$want,$last"
}

expect "Check's summary is counted" 0 "12 passed, 0 failed" <<'END'
echo "100%: Checks: 12, Failures: 0, Errors: 0"
END
expect "Check's failures and errors are counted" 1 "9 passed, 3 failed" <<'END'
echo "75%: Checks: 12, Failures: 2, Errors: 1"
exit 1
END
expect "TAP is counted" 0 "2 passed, 0 failed" <<'END'
echo "1..2"; echo "ok 1 - a"; echo "ok 2 - b"
END
expect "a failed TAP case fails even with exit status 0" 1 "1 passed, 1 failed" <<'END'
echo "1..2"; echo "ok 1 - a"; echo "not ok 2 - b"
END
expect "a case that the plan promises and that never came is a failure" 1 "1 passed, 2 failed" <<'END'
echo "1..3"; echo "ok 1 - a"
END
expect "a script may go on behind a program with a plan of its own" 0 "2 passed, 0 failed" <<'END'
echo "1..1"; echo "ok 1 - a"; echo "ok 2 - b"; echo "1..2"
END
expect "a bad exit status without a failed case is a failure" 1 "1 passed, 1 failed" <<'END'
echo "ok 1 - a"; exit 3
END
expect "death by a signal is a failure" 1 "1 passed, 1 failed" <<'END'
echo "ok 1 - a"; kill -SEGV $$
END
expect "a program without a case is a failure" 1 "0 passed, 1 failed" <<'END'
echo "all is well"
END
expect "a skip for an allowed reason is a skip" 0 "1 passed, 0 failed, 1 skipped" <<'END'
echo "ok 1 - a"; echo "ok 2 - b # SKIP a reason that is allowed"
END
expect "a skip for another reason is a failure" 1 "1 passed, 1 failed" <<'END'
echo "ok 1 - a"; echo "ok 2 - b # SKIP too lazy"
END
expect "a whole program may not skip itself either" 1 "0 passed, 1 failed" <<'END'
echo "1..0 # SKIP too lazy"
END
start=$SECONDS
expect "a program that hangs is ended and is a failure" 1 "1 passed, 1 failed" <<'END'
echo "ok 1 - a"; sleep 600
END
check "it was ended at its limit" test $((SECONDS - start)) -lt 20
check "the time limit is given as the reason" grep -q 'time limit of 2 s' out
expect "a program that ignores TERM is ended too" 1 "1 passed, 1 failed" <<'END'
trap '' TERM; echo "ok 1 - a"; while :; do sleep 1; done
END
expect "a process left behind is a failure" 1 "1 passed, 1 failed" <<'END'
sleep 601 & echo $! >left; echo "ok 1 - a"
END
ended() { ! ps -o stat= -p "$1" | grep -qv '^Z'; }
check "and it is ended" ended "$(cat left)"
check "output is kept" grep -q '^ok 1 - a' "$dir/b/test-logs/t$((number - 2)).log"

B=$dir/b "$runner" >out 2>&1
check "a run without tests is a failure" test "$?,$(tail -n 1 out)" = "1,0 passed, 0 failed"
echo "1..$number"
