# SPDX-License-Identifier: MIT
# Completion of writ(1) for bash. Commands and options come from --help.

_writ_options() # COMMAND
{
	writ "$1" --help 2>/dev/null | grep -oE -- '--[a-z]+=?' | sort -u
}

_writ()
{
	local cur=${COMP_WORDS[COMP_CWORD]} cmd='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--node) ((i++)) ;;
		-*) ;;
		*)
			cmd=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	COMPREPLY=()
	if [ -z "$cmd" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(writ --help 2>/dev/null |
			awk '/^ Commands:/ { on = 1 } on && /^  [a-z]/ { print $1 }') --node --json --help" \
			-- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_writ_options "$cmd")" -- "$cur")
	else
		case $cmd in
		run | check | up | audit | test-isolation) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		guard) mapfile -t COMPREPLY < <(compgen -W 'off audit enforce on-demand' -- "$cur") ;;
		doctor) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
		stop | top) mapfile -t COMPREPLY < <(compgen -W "$(writ realms 2>/dev/null |
			awk 'NR > 1 { print $2 }')" -- "$cur") ;;
		esac
	fi
}

complete -o filenames -F _writ writ
