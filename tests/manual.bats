#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual pages agree with the programs: an item for each option, with its letter and its value, and none for another.

load lib/common

setup() {
	cd "$tests_top" || return
}

programs=(vsock-cat vsock-listen vsock-proxy vsock-ping vsock-info)

# "w connect-timeout TIME" for each option that the program says it has; - where there is no letter or value.
has() {
	"$1" --list-options | awk -F '\t' '{ print $1, $2, $4 }' | sort
}

# Leaves out the options that need readline, where it isn't built in.
not_built_in() {
	if "$1" --version | grep -q -- -readline; then grep -vE ' (interactive|history) '; else cat; fi
}

# The same from the items of the page's OPTIONS.
documents() {
	awk '
		/^\.Sh / { inside = /^\.Sh OPTIONS/ }
		inside && /^\.It Fl / {
			letter = "-"; name = ""; value = "-"
			for (i = 3; i <= NF; i++) {
				if ($i == "Ar") { value = $++i; continue }
				if ($i ~ /^(Fl|,)$/) continue
				if ($i ~ /^-./) name = substr($i, 2); else letter = $i
			}
			print letter, name, value
		}' "man/$1.1" | not_built_in "$1" | sort
}

@test "each option has its item in the manual, with the same value, and the manual has no other" {
	for program in "${programs[@]}"; do
		[ -s "man/$program.1" ] || { echo "no man/$program.1"; return 1; }
		diff <(has "$program") <(documents "$program") || { echo "(< is $program --list-options, > man/$program.1)"; return 1; }
	done
}

@test "options stand in the groups of --help, in their order" {
	for program in "${programs[@]}"; do
		diff <("$program" --help | sed -nE 's/^([A-Z][A-Za-z ]*):$/\1/p' | grep -vxE 'Examples|Notes|Exit status') \
			<(awk '/^\.Sh / { inside = /^\.Sh OPTIONS/ } inside && sub(/^\.Ss /, "")' "man/$program.1") ||
			{ echo "(< is $program --help, > man/$program.1)"; return 1; }
	done
}

@test "an option that a page mentions elsewhere is one of its program's" {
	for program in "${programs[@]}"; do
		while read -r option; do
			# --name is how OPTIONS says what a long option looks like
			[ "$option" = name ] || "$program" --list-options | cut -f 2 | grep -qxF "$option" ||
				{ echo "man/$program.1 names --$option"; return 1; }
		done < <(grep -v '^\.\\"' "man/$program.1" | sed '/^\.Sh COMING FROM/,/^\.Sh SEE/d' | grep -oE 'Fl -[a-z][a-z-]+' |
			sed 's/^Fl -\(.*\)/- \1 -/' | not_built_in "$program" | awk '{ print $2 }' | sort -u)
	done
}

@test "every program has a page, and the pages name each other" {
	for program in "${programs[@]}"; do
		for other in "${programs[@]}"; do
			[ "$program" = "$other" ] || grep -q "^\.Xr $other 1" "man/$program.1" || { echo "man/$program.1 does not name $other"; return 1; }
		done
		grep -q "^\.Xr vsock-address 7" "man/$program.1"
	done
}

@test "vsock-address(7) has every family and every address option" {
	# the table of families, as the message on an unknown one names it, and that of options
	for family in $(vsock-cat nosuchfamily://x 2>&1 | sed -n 's/^hint: families are //p') tcp4: tcp6: vsock-seqpacket: unix-seqpacket:; do
		grep -qE "${family%:}" man/vsock-address.7 || { echo "vsock-address(7) has no $family"; return 1; }
	done
	options=$(vsock-cat vsock:3:1,nosuchoption 2>&1 | sed -n 's/^hint: options are //p')
	[ -n "$options" ]
	for option in $options; do
		grep -qE "^\.It.* Cm $option|^\.It Cm $option|Cm .*\b$option\b" man/vsock-address.7 || { echo "vsock-address(7) has no ,$option"; return 1; }
	done
}

@test "every table of exit status says what each number means" {
	for program in "${programs[@]}"; do
		for status in 0 1 2; do
			awk '/^\.Sh / { inside = /^\.Sh EXIT STATUS/ } inside' "man/$program.1" | grep -qE "^\.It $status\b" ||
				{ echo "man/$program.1: EXIT STATUS has no $status"; return 1; }
		done
	done
}

@test "the pages pass mandoc's lint" {
	need mandoc
	for page in man/*.[1-8]; do
		mandoc -T lint -W warning "$page"
	done
}

@test "no page is wider than a terminal" {
	need mandoc
	for page in man/*.[1-8]; do
		wide=$(mandoc -T ascii -O width=78 "$page" | sed 's,.\x08,,g' | awk 'length > 90')
		[ -z "$wide" ] || { echo "$page: $wide"; return 1; }
	done
}
