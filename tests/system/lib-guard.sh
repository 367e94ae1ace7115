# SPDX-License-Identifier: MIT
# Shared by the tests of a node's guard: its layers, and realms that make calls.
# shellcheck shell=bash
caller=$(bin caller)
PINS=/sys/fs/bpf/writ/nodes/$NODE
R=$TMP/r.yaml

# demands NAME LAYERS CALL...: a realm of one proc that makes these calls again and again
demands() {
	local name=$1 layers=$2
	shift 2
	realm "$name" "$caller" "[$(printf '"%s", ' "$@")]" > "$R"
	[ -z "$layers" ] || sed -i "2i require: [$layers]" "$R"
	writ run -d "$R"
}
layer() { rows ".[] | select(.layer == \"$1\") | .state" guard; }
mode() { rows '.[0].mode' guard; }
generation() { bpftool -j map dump pinned "$PINS/maps/config" | jq '.[0].formatted.value.generation // .[0].value.generation'; }
held() { rows ".[] | select(.name == \"$2\") | .layers | index(\"$1\") != null" ps; } # held LAYER PROC
holds() { until_ok 50 eval "[ \"\$(held $1 $2)\" = true ]"; } # once it runs
rounds() { writ logs "$1" 2> /dev/null | grep -c '^round'; }
goes_on() { # goes_on PROC: it does
	local n
	n=$(rounds "$1")
	until_ok 50 eval "[ \$(rounds $1) -gt $((n + 2)) ]"
}
attached() { [ -e "$PINS/links/guard_enter" ] && [ -e "$PINS/links/guard_exit" ]; }
follows() { [ -e "$PINS/links/guard_fork" ] && [ -e "$PINS/links/guard_exec" ]; }
# forbid NR: what profile native has no more, from the next generation on
forbid() {
	local map=$PINS/maps/calls row bytes
	row=$((($(generation) & 1) * 6))
	read -ra bytes < <(bpftool -j map lookup pinned "$map" key "$row" 0 0 0 | jq -r '.value | join(" ")')
	bytes[$1 / 8]=$((bytes[$1 / 8] & ~(1 << $1 % 8)))
	bpftool map update pinned "$map" key "$row" 0 0 0 value "${bytes[@]}"
}
GETCPU=309 GETPPID=110 READLINK=89 PTRACE=101
