# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion of vsock-cat, vsock-listen, vsock-proxy, vsock-run, vsock-ping and vsock-info for bash.
#
# The options, their values and choices come from the program itself: PROGRAM --list-options prints
# a line for each, with
# letter, name, type, value, choices, default, "key" where it is a key of rules too, and text
# between TABs. Names of guests come from the hosts files.

# The names of the hosts files, as vsock-address(7) has them.
_vsock_tools_names() {
	local -a files
	if [ -n "${VSOCK_HOSTS+set}" ]; then
		IFS=: read -r -a files <<<"$VSOCK_HOSTS"
	else
		files=("${XDG_CONFIG_HOME:-$HOME/.config}/vsock/hosts" /etc/vsock/hosts)
	fi
	[ ${#files[@]} -eq 0 ] ||
		awk '{ sub(/#.*/, ""); for (i = 2; i <= NF; i++) print $i }' \
		"${files[@]}" 2>/dev/null
}

# The options of an address, which follow after commas.
_vsock_tools_options() { # ROLE FAMILY
	case $1-$2 in
		*-exec | *-fd | *-socks5 | *-http-connect | *-proxy-dst) ;;
		connect-tcp*) echo bind= connect-timeout= keepalive= netns= nodelay= ;;
		connect-udp) echo bind= netns= ;;
		connect-unix* | connect-[./]*) echo connect-timeout= ;;
		connect-vsock-mux | connect-hvsock) echo connect-timeout= half-close= ;;
		connect-*) echo bind= connect-timeout= netns= to-host window= ;;
		listen-tcp*) echo backlog= keepalive= netns= nodelay= ;;
		listen-udp) echo netns= ;;
		listen-unix* | listen-[./]*) echo backlog= group= mode= owner= ;;
		listen-vsock-mux | listen-hvsock) echo backlog= group= half-close= mode= owner= ;;
		listen-*) echo backlog= netns= window= ;;
	esac
}

# What an address may begin with, where it stands in the command, or go on with after a comma.
_vsock_tools_addresses() {
	local program=$1 role=$2 again='' name start=${word%,*}, family
	local -a names
	if [[ $word == *,* ]]; then
		family=${word#connect=}
		for name in $(_vsock_tools_options "$role" "${family%%:*}"); do
			echo "${start#connect=}$name"
		done
		return
	fi
	mapfile -t names < <(printf '%s\n' host local; _vsock_tools_names)
	printf '%s\n' vsock: vsock-seqpacket: tcp: tcp4: tcp6: unix: unix-seqpacket: vsock-mux:
	# vsock-run and vsock-ping connect more than once, and a name is enough for them
	case $program in vsock-run | vsock-ping) again=yes ;; *) echo fd: ;; esac
	[ "$program" != vsock-proxy ] || echo udp:
	if [ "$role" = listen ]; then
		echo vsock:any:
		return
	fi
	[ "$again" ] || echo exec:
	[ "$program" != vsock-proxy ] || printf '%s\n' socks5: http-connect: proxy-dst:
	for name in "${names[@]}"; do
		echo "vsock:$name:"
		[ "$program" = vsock-proxy ] || echo "$name:"
		[ -z "$again" ] || echo "$name"
	done
}

# What a rule of vsock-proxy may go on with, from the list of options: keys, where they have a value
# with =.
_vsock_tools_keys() {
	awk -F '\t' '$7 == "key" { print $2 ($4 == "-" ? "" : "=") } END { print "name="; print "connect=" }' <<<"$1"
}

# Is the word a key?
_vsock_tools_is_key() {
	[[ $2 =~ ^[a-z-]+= ]] || _vsock_tools_keys "$1" | grep -qxF -- "$2"
}

_vsock_tools_who() {
	printf '%s\n' any host local uid: gid: user: group:
	_vsock_tools_names
}

# _vsock_tools_rule OPERANDS OPTIONS: what may follow so many words of rules.
_vsock_tools_rule() {
	if [ $(($1 % 2)) -eq 1 ]; then
		_vsock_tools_addresses vsock-proxy connect
		return
	fi
	_vsock_tools_addresses vsock-proxy listen
	[ "$1" -eq 0 ] || _vsock_tools_keys "$2"
}

# The files that complete the path at the end of a word such as unix:/ru, with what stands before
# it.
_vsock_tools_files() {
	local before=$1 path=$2 file
	compgen -f -- "$path" | while IFS= read -r file; do
		if [ -d "$file" ]; then
			echo "$before$file/"
		else
			echo "$before$file"
		fi
	done
}

_vsock_tools() {
	local program=${1##*/} line=${COMP_LINE:0:COMP_POINT} options word before='' name kind \
		value choices
	local -a words=() candidates=()
	local operands=0 command='' waits=''
	COMPREPLY=()
	options=$("$1" --list-options 2>/dev/null) || return 0

	# Words as the shell will see them, but for quotes: COMP_WORDS is split at : and = as well.
	read -r -a words <<<"$line"
	word=''
	case $line in
		*[[:space:]]) ;;
		*) word=${words[-1]}; unset 'words[-1]' ;;
	esac

	# What has been said so far: is a value due, and how many addresses are there?
	for name in "${words[@]:1}"; do
		if [ -n "$command" ]; then
			command='later'
		elif [ -n "$waits" ]; then
			waits=''
		elif [ "$name" = -- ]; then
			command='now'
		elif [[ $name == --*=* ]]; then
			:
		elif [[ $name == --?* ]]; then
			waits=$(awk -F '\t' -v name="${name#--}" \
				'$2 == name && $4 != "-" { print $2 }' <<<"$options")
		elif [[ $name == -?* ]]; then
			# of a cluster the last letter may wait for a value, if it is not in a value
			waits=$(awk -F '\t' -v word="${name#-}" '
				$1 == "-" || $4 == "-" { next }
				(at = index(word, $1)) && (!first || at < first) {
					first = at
					waits = $2
				}
				END { if (first == length(word)) print waits }' <<<"$options")
		else
			# a key of a rule is no address
			_vsock_tools_is_key "$options" "$name" || operands=$((operands + 1))
			[ "$program" != vsock-run ] || command=now
		fi
	done

	if [ -n "$command" ]; then
		if [ "$command" = now ]; then
			mapfile -t candidates < <(compgen -c -- "$word")
		else
			mapfile -t candidates < <(compgen -f -- "$word")
		fi
		COMPREPLY=("${candidates[@]}")
		return 0
	fi
	if [ -z "$waits" ] && { [[ $word == --*=* ]] || [[ $program == vsock-proxy &&
		$word =~ ^[a-z-]+= ]]; }; then
		waits=${word%%=*}
		before=$waits=
		waits=${waits#--}
	fi

	if [ "$before" = connect= ]; then
		mapfile -t candidates < <(_vsock_tools_addresses "$program" connect)
		candidates=("${candidates[@]/#/$before}")
	elif [ -n "$waits" ]; then
		IFS=$'\t' read -r kind value \
			choices < <(awk -F '\t' -v OFS='\t' \
			-v name="$waits" '$2 == name { print $3, $4, $5 }' <<<"$options")
		case $kind:$value in
			choice:* | time:*)
				[ "$choices" = - ] || mapfile -t candidates < <(
					printf '%s\n' "${choices//,/$'\n'}")
				;;
			*:WHO) mapfile -t candidates < <(_vsock_tools_who) ;;
			*:PATH | *:FILE | *:DIR)
				mapfile -t candidates < <(_vsock_tools_files '' "${word#"$before"}")
				;;
		esac
		candidates=("${candidates[@]/#/$before}")
	elif [[ $word == -* ]]; then
		mapfile -t candidates < <(awk -F '\t' \
			'{ print "--" $2 } $1 != "-" { print "-" $1 }' <<<"$options")
	else
		[[ $word != *,* ]] || kind=, # its options, and not its path
		case ${kind:-$word} in
			unix:* | unix-seqpacket:* | vsock-mux:*)
				mapfile -t candidates < <(_vsock_tools_files "${word%%:*}:" \
					"${word#*:}")
				;;
			/* | ./* | ../*) mapfile -t candidates < <(_vsock_tools_files '' "$word") ;;
			*)
				case $program in
					vsock-listen)
						[ $operands -gt 0 ] || mapfile -t candidates < <(
							_vsock_tools_addresses "$program" listen)
						;;
					vsock-proxy)
						mapfile -t candidates < <(
							_vsock_tools_rule $operands "$options")
						;;
					vsock-info) ;;
					*)
						[ $operands -gt 0 ] || mapfile -t candidates < <(
							_vsock_tools_addresses "$program" connect)
						;;
				esac
				;;
		esac
	fi

	# readline replaces only what follows the last : or = of the word.
	before=${word%"${word##*[:=]}"}
	[[ $COMP_WORDBREAKS == *:* ]] || [[ $before != *: ]] || before=''
	[[ $COMP_WORDBREAKS == *=* ]] || [[ $before != *= ]] || before=''
	for name in "${candidates[@]}"; do
		[[ $name == "$word"* && $name != "$before" ]] && COMPREPLY+=("${name#"$before"}")
	done
	# An address goes on behind a colon, a path behind a slash, a key behind =.
	[[ ${COMPREPLY[0]-} != *[:/=] ]] || compopt -o nospace 2>/dev/null
	return 0
}

complete -F _vsock_tools vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info
