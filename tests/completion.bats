#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Completion in bash, zsh and fish: every option is offered, and so are choices, families, names of
# guests and files.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf '%s\n' '3 web www # the shop' '/run/db.vsock db' >hosts
	export VSOCK_HOSTS=$PWD/hosts
	mkdir directory
	: >directory/service.sock
	completions=$tests_top/completions
}

programs=(vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info)

# The long names that a program has.
names_of() {
	"$1" --list-options | cut -f 2 | sed 's/^/--/' | sort
}

# bash_offers LINE: what TAB at the end of LINE offers, one a line; colons split words, as in an
# interactive shell.
bash_offers() {
	# shellcheck disable=SC2016
	bash --norc -c '
		. "$1"
		COMP_WORDBREAKS=" <>=;|&(:"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -r -a words <<<"$2"
		_vsock_tools "${words[0]}"
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash \
			"$completions/vsock-tools.bash" "$1"
}

fish_offers() {
	# shellcheck disable=SC2016
	HOME=$PWD fish -c 'source $argv[1]; complete -C $argv[2]' "$completions/vsock-tools.fish" \
		"$1" | cut -f 1
}

# What _arguments(1) of zsh is given.
zsh_specs() {
	# shellcheck disable=SC2016
	zsh -f -c '
		_arguments() { print -rl -- "$@" }
		service=$2 words=($2)
		. "$1"' zsh "$completions/_vsock-tools" "$1"
}

@test "bash: each program has a completion function" {
	for program in "${programs[@]}"; do
		# shellcheck disable=SC2016
		bash --norc -c '. "$1"; complete -p "$2"' bash "$completions/vsock-tools.bash" \
			"$program" | grep -q _vsock_tools
	done
}

@test "bash: every option is completed" {
	for program in "${programs[@]}"; do
		diff <(bash_offers "$program --" | sort) <(names_of "$program")
	done
	bash_offers 'vsock-cat -' | grep -qx -- -w
}

@test "bash: short options, long prefixes, and values after a space or = are completed" {
	[ "$(bash_offers 'vsock-cat --half')" = --half-close-timeout ]
	[ "$(bash_offers 'vsock-cat --color ' | xargs)" = "auto always never" ]
	[ "$(bash_offers 'vsock-cat --color=n')" = never ]
	[ "$(bash_offers 'vsock-cat -w ')" = "" ]
	[ "$(bash_offers 'vsock-listen -k --pid-file dir')" = directory/ ]
	[ "$(bash_offers 'vsock-ping --busy-poll ' | xargs)" = "off auto" ]
	[ "$(bash_offers 'vsock-cat -tw ho')" = "" ]
	# the s is of the value, and not -s
	[ "$(bash_offers 'vsock-ping -Ow5s loc' | xargs)" = "local: local" ]
	bash_offers 'vsock-listen --allow ' | grep -qx web
}

@test "bash: families, guest names and paths are completed" {
	run bash_offers 'vsock-cat '
	for word in vsock: tcp: unix: vsock-mux: exec: web: www: db: host: vsock:web:; do
		grep -qxF "$word" <<<"$output"
	done
	[ "$(bash_offers 'vsock-cat we')" = web: ]
	[ "$(bash_offers 'vsock-cat vsock:we')" = web: ]
	[ "$(bash_offers 'vsock-cat unix:directory/s')" = directory/service.sock ]
	[ "$(bash_offers 'vsock-cat ./directory/s')" = ./directory/service.sock ]
	[ "$(bash_offers 'vsock-cat web:22 ')" = "" ]
	# these two connect more than once, and take a name alone
	local program
	for program in vsock-run vsock-ping; do
		[ "$(bash_offers "$program we" | xargs)" = "web: web" ]
		run bash_offers "$program "
		run ! grep -qE '^(exec|fd):' <<<"$output"
	done
}

@test "bash: listening addresses offer no guest names; vsock-proxy alternates" {
	run bash_offers 'vsock-listen '
	[[ $output == *tcp:* && $output != *web* && $output != *exec:* ]]
	[ "$(bash_offers 'vsock-proxy -v -m 3 vsock:w')" = "" ]
	[ "$(bash_offers 'vsock-proxy -v -m 3 tcp:80 vsock:w' | xargs)" = "web: www:" ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:web:80 vsock:w')" = "" ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:web:80 name=w max-conns=3 no-shutdown tcp:81 vsock:w' | xargs)" = "web: www:" ]
}

@test "bash: rule keys and their values are completed" {
	[[ $(bash_offers 'vsock-proxy tcp:80 vsock:3:80 ' | grep '=$' | wc -l) -ge 15 ]]
	bash_offers 'vsock-proxy tcp:80 vsock:3:80 ' | grep -qx name=
	bash_offers 'vsock-proxy tcp:80 vsock:3:80 ' | grep -qx accept-proxy
	[ "$(bash_offers 'vsock-proxy ' | grep -cx name=)" = 0 ]
	[ "$(bash_offers 'vsock-proxy tcp:80 ' | grep -cx name=)" = 0 ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 ' | grep -cx drain-timeout=)" = 0 ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 half')" = half-close-timeout= ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 balance=l')" = least ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 send-proxy=' | xargs)" = "none v1 v2" ]
	bash_offers 'vsock-proxy tcp:80 vsock:3:80 allow=' | grep -qx web
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 connect=vsock:w' | xargs)" = "web: www:" ]
	[ "$(bash_offers 'vsock-proxy tcp:80 vsock:3:80 accept-proxy name=x tcp:81 vsock:w' |
		xargs)" = "web: www:" ]
	bash_offers 'vsock-proxy tcp:80 ' | grep -qx socks5:
	! bash_offers 'vsock-cat ' | grep -qx socks5:
}

@test "bash: a command after --, or after the guest of vsock-run, is completed" {
	bash_offers 'vsock-listen 5000 -- mkfif' | grep -qx mkfifo
	[ "$(bash_offers 'vsock-listen 5000 -- cat dir')" = directory ]
	bash_offers 'vsock-run -t web mkfif' | grep -qx mkfifo
	[ "$(bash_offers 'vsock-run web ls --ti')" = "" ]
}

@test "bash: completion works without hosts files and with a program that prints nothing" {
	export VSOCK_HOSTS=
	[ "$(bash_offers 'vsock-cat we')" = "" ]
	[ "$(bash_offers 'no-such-program --')" = "" ]
}

zsh_options() { # PROGRAM ROLE WORD
	# shellcheck disable=SC2016
	zsh -f -c '
		_arguments() { }
		compset() { [[ $2 == "*," ]] }
		compadd() { print -rl -- $prefixes }
		service=$2 words=($2) PREFIX=$4
		. "$1"
		_vsock_tools_address $3 $2' zsh "$completions/_vsock-tools" "$1" "$2" "$3"
}

# taken ROLE ADDRESS NAME...: those of these options that vsock-proxy takes there.
taken() {
	local role=$1 address=$2 name option
	for name in "${@:3}"; do
		case $name in
			bind) option=bind=:1 ;;
			mode) option=mode=0600 ;;
			owner | group) option=$name=root ;;
			netns) option=netns=/proc/self/ns/net ;;
			backlog) option=backlog=1 ;;
			window) option=window=1M ;;
			connect-timeout | half-close | keepalive) option=$name=1s ;;
			*) option=$name ;;
		esac
		if [ "$role" = connect ]; then
			run vsock-proxy --check unix:./front "$address,$option"
		else
			run vsock-proxy --check --allow any "$address,$option" unix:./target
		fi
		[ "$status" != 0 ] || echo "$name"
	done
}

@test "after a comma, the options are completed that an address takes there" {
	local names address role program shell
	names=$(sed -n '/^\.Sh ADDRESS OPTIONS/,/^\.Sh QUOTING/p' "$tests_top/man/vsock-address.7" |
		grep '^\.It Cm' | grep -oE 'Cm [a-z-]+' | cut -c 4- | sort -u | grep -vx pass)
	[ "$(wc -w <<<"$names")" = 12 ]
	for address in connect,tcp:h:1 connect,unix:./s connect,./s connect,vsock:3:5 \
		connect,vsock-mux:./s:5 listen,tcp:1 listen,unix:./s listen,vsock::5 \
		listen,vsock-mux:./s:5; do
		role=${address%%,*} address=${address#*,} program=vsock-cat
		[ "$role" = connect ] || program=vsock-listen
		# shellcheck disable=SC2086
		case $address in
			./s) taken connect unix:./s $names ;;
			*) taken "$role" "$address" $names ;;
		esac >expected
		for shell in bash zsh fish; do
			command -v $shell >/dev/null || continue
			case $shell in
				zsh) zsh_options $program "$role" "$address," ;;
				*) ${shell}_offers "$program $address," ;;
			esac | sed 's/=$//; s/.*,//' | sort | diff expected - || {
				echo "$shell: $role $address"
				return 1
			}
		done
	done
	[ "$(bash_offers 'vsock-cat tcp:h:1,bind=:1,no')" = 1,nodelay= ]
	[ "$(bash_offers 'vsock-proxy tcp:1 tcp:2 connect=udp:h:2,n')" = 2,netns= ]
	[ "$(bash_offers 'vsock-cat exec:a,')" = "" ]
}

@test "zsh: the file parses, and every option is completed" {
	need zsh
	zsh -n "$completions/_vsock-tools"
	head -n 1 "$completions/_vsock-tools" | grep -q "^#compdef ${programs[*]}$"
	for program in "${programs[@]}"; do
		diff <(zsh_specs "$program" | grep -oE '^\*--[a-z-]+' | cut -c 2- |
			sort) <(names_of "$program")
	done
	zsh_specs vsock-cat | grep -qF ':WHEN:(auto always never)'
	zsh_specs vsock-cat | grep -qF ':TIME:(off auto)'
	# shellcheck disable=SC2016
	run -0 zsh -f -c '_arguments() { print -rl -- $keys; }; service=vsock-proxy words=(vsock-proxy); . "$1"' zsh "$completions/_vsock-tools"
	grep -qx send-proxy= <<<"$output"
	grep -qx accept-proxy <<<"$output"
	! grep -qx drain-timeout= <<<"$output"
}

@test "fish: the file parses, and every option, choice, family and name is completed" {
	need fish
	fish -n "$completions/vsock-tools.fish"
	for program in "${programs[@]}"; do
		diff <(fish_offers "$program --" | sort) <(names_of "$program")
	done
	fish_offers 'vsock-cat --co' | grep -qx -- --connect-timeout
	[ "$(fish_offers 'vsock-cat --color ' | sort | xargs)" = "always auto never" ]
	[ "$(fish_offers 'vsock-cat --busy-poll ' | sort | xargs)" = "auto off" ]
	fish_offers 'vsock-cat ' | grep -qx web:
	fish_offers 'vsock-run ' | grep -qx web
	run fish_offers 'vsock-ping '
	run ! grep -qE '^(exec|fd):' <<<"$output"
	[ "$(fish_offers 'vsock-cat unix:directory/s')" = unix:directory/service.sock ]
	fish_offers 'vsock-listen --allow ' | grep -qx web
	fish_offers 'vsock-proxy tcp:80 vsock:3:80 na' | grep -qx name=
	fish_offers 'vsock-proxy tcp:80 vsock:3:80 send' | grep -qx send-proxy=v2
	! fish_offers 'vsock-proxy tcp:80 na' | grep -qx name=
}
