# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for hactl(8); scenarios of the drill come from the program itself.

_hactl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' i words=''
	local globals='--config --node --rundir --json --help --version'
	local commands='status failover resume check keygen drill monitor'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | -n | -r | --config | --node | --rundir) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	COMPREPLY=()
	case $prev in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-r | --rundir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-n | --node | -t | --timeout | --sessions | --rate | --advert) return ;;
	esac
	case $command in
	'') words="$globals $commands" ;;
	status | resume | monitor) words='--json --help' ;;
	failover) words='--force --wait --timeout --json --help' ;;
	check | keygen)
		words='--json --help'
		[ "$command" = check ] && words+=' --print'
		[[ $cur == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	drill)
		words='--list --sessions --rate --advert --json --keep --clean --help'
		[[ $cur == -* ]] || words=$(hactl drill --list 2>/dev/null | awk '{print $1}')
		;;
	esac
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _hactl hactl
