#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Each check of a ring is needed: copies of libsys/ring.c and link.c that lack one are
# found out, by ring-hostile or by the tests of rings. With "long" (make rings) so is each
# fence, and each release and acquire, by ThreadSanitizer: that takes more rounds, two CPUs
# and luck.
set -u
cd "$(dirname "$0")/../.." || exit 1
cc=${CC:-gcc} seed=${WRIT_SEED:-$(date +%s)} n=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "# WRIT_SEED=$seed"

result() { # STATUS WHAT
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}

# build FILE SED SOURCES...: as $dir/test, from a tree where FILE is changed by SED.
build() {
	local file=$1 sed=$2
	shift 2
	rm -rf "$dir/tree" "$dir/test"
	mkdir "$dir/tree"
	cp -r libsys tests include "$dir/tree"
	sed -Ei "$sed" "$dir/tree/$file"
	[ -z "$sed" ] || ! cmp -s "$file" "$dir/tree/$file" || return 1
	(cd "$dir/tree" && $cc -std=gnu17 -O1 -w -D_GNU_SOURCE -Iinclude -iquote . -o "$dir/test" "$@" \
		-lcheck -lsubunit -lm -lrt -lpthread) >"$dir/out" 2>&1
}

hostile() { # SED
	build libsys/ring.c "$1" tests/fuzz/ring-hostile.c tests/unit/libsys/ring_pair.c \
		libsys/link.c libsys/spin.c || return 2
	(cd "$dir" && WRIT_SEED=$seed WRIT_STEPS=10000 timeout 60 ./test; exit $?) >"$dir/out" 2>&1
}

wakes() { # FILE SED [ROUNDS]
	build "$1" "$2" tests/unit/libsys/{ring_main,ring_pair,test-ring,test-link,test-wake,test-spin}.c \
		libsys/{ring,link,spin}.c || return 2
	(cd "$dir" && WRIT_SEED=$seed WRIT_RING_ROUNDS=${3:-3000} WRIT_RING_LOST_MS=${2:+500} \
		timeout 100 ./test) >"$dir/out" 2>&1
}

kills() { # SED
	build libsys/ring.c "$1" tests/unit/libsys/{ring-kill,ring_pair}.c \
		libsys/{ring,link,spin}.c || return 2
	(cd "$dir" && CK_RUN_CASE=put WRIT_RING_STRIDE=11 timeout 100 ./test) >"$dir/out" 2>&1
}

hostile '' && wakes libsys/ring.c ''
result $? "with all checks nothing is found"

while IFS='|' read -r what sed; do
	hostile "$sed"
	status=$?
	[ $status = 134 ] || [ $status = 139 ]
	result $? "without: $what"
done <<'END'
a length's bound|s/r->in\.len <= r->tx\.frame_max && //
a kind's bound|s/ && r->in\.kind < FRAME_N//
the bounds of what the peer says that it took|s/^\tif \(slots - r->free_to > .*/\tif (false)/
the look at the lap|s/lap != ring_lap\(r->tail\) \|\| //
the second look at the lap|s/if \(atomic_load_explicit\(&s->lap, memory_order_relaxed\) != .*/if (false) {/
the copy of a header|s/^\t\*ret = r->in;/\tring_take(r, s), *ret = r->in;/
the memory of a broken ring|s/^\tif \(r->broken\)$/\tif (false)/
END

while IFS='|' read -r what file sed; do
	wakes "$file" "$sed"
	status=$?
	[ $status = 1 ] || [ $status = 124 ]
	result $? "without: $what"
done <<'END'
the hint|libsys/ring.c|s/^\tlink_ring\(r->link, r->index\);//
the look at who starves when there is nothing more|libsys/ring.c|s/^\t\t\tring_tell\(r\);//
the look for a frame after arming|libsys/ring.c|s/atomic_load\(&s->lap\) != ring_lap\(r->tail\) - 1/false/
the look for room after arming|libsys/ring.c|s/ring_room\(r, len\)\);$/false);/
the hints of other words|libsys/link.c|s/w < WORDS/w < 1/
END

kills 's/^\tatomic_store_explicit\(&s->len,/\tatomic_store(\&s->lap, lap);\n&/'
[ $? = 1 ]
result $? "with: a slot published before its data"

threads() { # SED
	build libsys/ring.c "$1" -fsanitize=thread -Wno-tsan tests/unit/libsys/ring-threads.c \
		tests/unit/libsys/ring_pair.c libsys/spin.c || return 2
	(cd "$dir" && timeout 100 ./test) >"$dir/out" 2>&1
}

if [ "${1-}" = long ]; then
	threads ''
	result $? "with all of them ThreadSanitizer finds nothing"
	while IFS='|' read -r what sed; do
		threads "$sed"
		[ $? = 66 ]
		result $? "without: $what"
	done <<'END'
release of a slot|s/(atomic_store_explicit\(&s->lap, lap, memory_order_)release/\1relaxed/;s/atomic_exchange\(&s->lap, lap/atomic_exchange_explicit(\&s->lap, lap, memory_order_relaxed/
acquire of a slot|s/(lap = atomic_load_explicit\(&s->lap, memory_order_)acquire/\1relaxed/
release of what was taken|s/^\t\t    memory_order_release\);/memory_order_relaxed);/
acquire of what was taken|s/tail, memory_order_acquire/tail, memory_order_relaxed/
END
	export CK_RUN_CASE=moment
	while IFS='|' read -r what sed; do
		for _ in 1 2 3; do
			wakes libsys/ring.c "$sed" 200000
			status=$?
			[ $status = 0 ] || break
		done
		[ "$status" = 1 ]
		result $? "without: $what"
	done <<'END'
the fence of putting|s/atomic_exchange\(&s->lap, lap\);/atomic_store_explicit(\&s->lap, lap, memory_order_release);/
the fences of flushing and arming|s/^\tatomic_thread_fence\(memory_order_seq_cst\);/\tatomic_signal_fence(memory_order_seq_cst);/
END
fi
echo "1..$n"
