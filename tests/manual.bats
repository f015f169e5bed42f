#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual pages agree with the programs: an item for each option, with its letter and its value,
# and none for another. They can be read and pasted from a terminal of 80 columns.

load lib/common

setup() {
	cd "$tests_top" || return
}

programs=(vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info)

# "w connect-timeout TIME" for each option that the program says it has; - where there is no letter
# or value.
has() {
	"$1" --list-options | awk -F '\t' '{ print $1, $2, $4 }' | sort
}

# Leaves out the options that need readline, where it isn't built in.
not_built_in() {
	if "$1" --version | grep -q -- -readline; then grep -vE ' (interactive|history) '; else cat;
	fi
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

@test "every option is in the manual with the same value, and the manual has no others" {
	for program in "${programs[@]}"; do
		[ -s "man/$program.1" ] || { echo "no man/$program.1"; return 1; }
		diff <(has "$program") <(documents "$program") || {
			echo "(< is $program --list-options, > man/$program.1)"
			return 1
		}
	done
}

@test "options appear in the groups and order of --help" {
	for program in "${programs[@]}"; do
		diff <("$program" --help | sed -nE 's/^([A-Z][A-Za-z ]*):$/\1/p' |
			grep -vxE 'Examples|Notes|Exit status') \
			<(awk '/^\.Sh / { inside = /^\.Sh OPTIONS/ } inside && sub(/^\.Ss /, "")' \
			"man/$program.1") ||
			{ echo "(< is $program --help, > man/$program.1)"; return 1; }
	done
}

@test "every option that a page mentions belongs to its program" {
	for program in "${programs[@]}"; do
		while read -r option; do
			# --name is how OPTIONS says what a long option looks like
			[ "$option" = name ] || "$program" --list-options | cut -f 2 |
				grep -qxF "$option" ||
				{ echo "man/$program.1 names --$option"; return 1; }
		done < <(grep -v '^\.\\"' "man/$program.1" |
			sed '/^\.Sh COMING FROM/,/^\.Sh SEE/d' | grep -oE 'Fl -[a-z][a-z-]+' |
			sed 's/^Fl -\(.*\)/- \1 -/' | not_built_in "$program" |
			awk '{ print $2 }' | sort -u)
	done
}

@test "every program has a page, and the pages refer to each other" {
	for program in "${programs[@]}"; do
		for other in "${programs[@]}"; do
			[ "$program" = "$other" ] || grep -q "^\.Xr $other 1" "man/$program.1" || {
				echo "man/$program.1 does not name $other"
				return 1
			}
		done
		grep -q "^\.Xr vsock-address 7" "man/$program.1"
		grep -q "^\.Xr vsock-tools 7" "man/$program.1" || {
			echo "man/$program.1 does not name vsock-tools(7)"
			return 1
		}
	done
}

@test "vsock-proxy.rules(5) has every key and no others" {
	diff <(vsock-proxy --list-options |
		awk -F '\t' '$7 == "key" { print $2 } END { print "name"; print "connect" }' |
		sort) \
		<(awk '/^\.Sh / { inside = /^\.Sh KEYS/ } inside && /^\.It Cm/ {
			for (i = 2; i <= NF; i++) if ($i ~ /^[a-z]+(-[a-z]+)*$/) print $i }' \
				man/vsock-proxy.rules.5 | sort) ||
		{ echo "(< is vsock-proxy --list-options, > man/vsock-proxy.rules.5)"; return 1; }
}

@test "vsock-address(7) has every family and every address option" {
	# the table of families, as the message on an unknown one names it, and that of options
	for family in $(vsock-cat nosuchfamily://x 2>&1 | sed -n 's/^hint: families are //p') \
		tcp4: tcp6: vsock-seqpacket: unix-seqpacket:; do
		grep -qE "${family%:}" man/vsock-address.7 || {
			echo "vsock-address(7) has no $family"
			return 1
		}
	done
	options=$(vsock-cat vsock:3:1,nosuchoption 2>&1 | sed -n 's/^hint: options are //p')
	[ -n "$options" ]
	for option in $options; do
		grep -qE "^\.It.* Cm $option|^\.It Cm $option|Cm .*\b$option\b" \
			man/vsock-address.7 || {
			echo "vsock-address(7) has no ,$option"
			return 1
		}
	done
}

@test "every table of exit statuses explains each number that --help has" {
	local program status statuses
	for program in "${programs[@]}"; do
		mapfile -t statuses < <(COLUMNS=200 "$program" --help |
			sed -n '/^Exit status:/,/^$/p' | grep -oE '(^|  )[0-9]+ ')
		[ "${#statuses[@]}" -ge 3 ]
		for status in "${statuses[@]}"; do
			awk '/^\.Sh / { inside = /^\.Sh EXIT STATUS/ } inside' "man/$program.1" |
				grep -qE "^\.It( [0-9]+ ,)* ${status//' '/}\b" ||
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

@test "no page is wider than 80 columns" {
	need mandoc
	for page in man/*.[1-8]; do
		wide=$(mandoc -T ascii -O width=78 "$page" | sed 's,.\x08,,g' | awk 'length > 80')
		[ -z "$wide" ] || { echo "$page: $wide"; return 1; }
	done
}

# A command that the terminal wraps cannot be pasted.
@test "no line of an example is wrapped at 80 columns" {
	need mandoc
	for page in man/*.[1-8]; do
		mandoc -T ascii -O width=78 "$page" | sed 's,.\x08,,g' >"$BATS_TEST_TMPDIR/page"
		while IFS= read -r line; do
			grep -qxF -- "$(printf '%11s%s' '' "$line")" "$BATS_TEST_TMPDIR/page" || {
				echo "$page wraps $line"
				return 1
			}
		done < <(sed -n 's/^\.Dl //p' "$page" | sed 's/\\e/\\/g; s/\\&//g')
	done
}

@test "examples are on the first two screens of each program's page" {
	need mandoc
	for program in "${programs[@]}"; do
		mandoc -T ascii -O width=78 "man/$program.1" | sed 's,.\x08,,g' | head -n 48 |
			grep -qE '^ +\$ ' || {
			echo "man/$program.1"
			return 1
		}
	done
}

@test "no page has more than 4,500 words" {
	need mandoc
	for page in man/*.[1-8]; do
		words=$(mandoc -T ascii "$page" | sed 's,.\x08,,g' | wc -w)
		[ "$words" -le 4500 ] || { echo "$page: $words words"; return 1; }
	done
}

@test "the pages as HTML: every link to one of them and to a section leads there" {
	local file link
	need mandoc
	man/html "$BATS_TEST_TMPDIR/html"
	cd "$BATS_TEST_TMPDIR/html"
	[ "$(ls "$tests_top"/man/*.[1-8] | wc -l)" = "$(ls vsock-*.html | wc -l)" ]
	for file in *.html; do
		while read -r link; do
			case $link in
				https://*/vsock[-.]*)
					[ "${link##*/}" = vsock.7 ] || {
						echo "$file links to $link"
						return 1
					}
					;;
				https://*) ;;
				'#'*)
					grep -qF "id=\"${link#?}\"" "$file" || {
						echo "$file has no $link"
						return 1
					}
					;;
				*) [ -e "$link" ] || { echo "$file links to $link"; return 1; } ;;
			esac
		done < <(grep -oE 'href="[^"]*' "$file" | sed 's/^href="//')
	done
	[ "$(grep -c 'href="vsock-.*html"' index.html)" = "$(ls vsock-*.html | wc -l)" ]
}
