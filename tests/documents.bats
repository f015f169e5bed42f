#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# README.md, HACKING.md and doc/: what they name exists.

load lib/common

setup() {
	cd "$tests_top" || return
}

@test "every link in the documents leads to a file" {
	local document target
	for document in *.md doc/*.md tests/bench/RESULTS.md; do
		while read -r target; do
			[ -e "$(dirname "$document")/$target" ] || {
				echo "$document links to $target"
				return 1
			}
		done < <(grep -oE '\]\([^)#]+' "$document" | sed 's/^](//' | grep -v '^[a-z]*:')
	done
}

# A source file may be named without src/ and without its extension, as in `relay/loop`.
@test "every source file named in the documents exists" {
	local document name
	for document in *.md doc/*.md tests/bench/RESULTS.md; do
		while read -r name; do
			compgen -G "$name" >/dev/null || compgen -G "src/$name" >/dev/null ||
				[ -e "src/$name.c" ] || [ -e "src/$name.h" ] ||
				{ echo "$document names $name"; return 1; }
		done < <(grep -oE '(^|[ `(])(src|tests|scripts|doc|man|completions|m4|systemd|base|net|relay|serve|cli|cat|listen|proxy|ping|info|run)/[A-Za-z0-9*_./-]+' "$document" |
			sed -E 's/^[ `(]//; s/[.,]$//; /NAME|\.log$/d' | sort -u)
	done
}

@test "prose in the documents stays within 100 columns" {
	! awk '{ gsub(/[^[:print:]]/, "") } length > 100 && !/^(\||    |!\[)/ { print FILENAME ": " $0; found = 1 } END { exit !found }' \
		README.md COOKBOOK.md HACKING.md doc/*.md
}

@test "every test that doc/security.md names exists" {
	local file title count=0
	while IFS=$'\t' read -r file title; do
		count=$((count + 1))
		grep -qF "@test \"$title\" {" "tests/$file" ||
			{ echo "$file has no: $title"; return 1; }
	done < <(sed -nE 's/^\|.*\| ([a-z-]+\.bats): (.*) \|$/\1\t\2/p' doc/security.md)
	[ "$count" -ge 30 ]
}

@test "the pictures show what the sources say" {
	need python3
	diff doc/pictures/comparison.svg <(tests/bench/chart.py tests/bench/RESULTS.md) ||
		{ echo "run: tests/bench/chart.py tests/bench/RESULTS.md >doc/pictures/comparison.svg"; return 1; }
	diff doc/pictures/soak.svg <(tests/bench/curves.py tests/bench/soak.tsv) ||
		{ echo "run: tests/bench/curves.py tests/bench/soak.tsv >doc/pictures/soak.svg"; return 1; }
	# the layers, from bottom to top, are the order of Makefile.am
	diff <(sed -nE 's,^include src/(.*)/local.mk,\1,p' Makefile.am) \
		<(layers)
	# and the parts of vsock-proxy that of tests/layers
	diff <(sed -nE 's/^(parts|processes)=\((.*)\)$/\2/p' tests/layers | tr ' ' '\n') \
		<(grep -o 'class="part"[^>]*>[a-z]*' doc/pictures/layers.svg | sed 's/.*>//')
}

# From layers.svg: the layers from the lowest up, then the programs.
layers() {
	local names
	mapfile -t names < <(grep -o 'class="name"[^>]*>[a-z]*' doc/pictures/layers.svg |
		sed 's/.*>//')
	printf '%s\n' "${names[@]:6}" | tac
	printf '%s\n' "${names[@]:0:6}"
}

# As GitHub and GitLab make them from headings.
anchors() {
	sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

@test "every link to a heading leads to one" {
	local document link file
	for document in README.md COOKBOOK.md HACKING.md doc/*.md; do
		while read -r link; do
			file=$(dirname "$document")/${link%#*}
			[ -n "${link%#*}" ] || file=$document
			anchors "$file" | grep -qxF "${link#*#}" ||
				{ echo "$document links to $link"; return 1; }
		done < <(grep -oE '\]\([^):]*#[^)]+' "$document" | sed 's/^](//')
	done
}

@test "every block of COOKBOOK.md is run, or its section says that it was not tried" {
	local name
	[ "$(grep -c '^```[a-z]' COOKBOOK.md)" = "$(tests/lib/recipe --list | wc -l)" ]
	while read -r name; do
		grep -qwF -- "$name" tests/lab/cookbook.sh ||
			{ echo "nothing runs the block $name"; return 1; }
	done < <(tests/lib/recipe --list | grep -v ' untried$')
	run awk '/^## / { section = $0; said = 0 }
		/\*\*Not tried/ { said = 1 }
		/^```.* untried$/ && !said { print section }' COOKBOOK.md
	[ -z "$output" ]
}

@test "the recipe for libvirt makes its directory, and keeps names that were entered by hand" {
	HOME=$BATS_TEST_TMPDIR/home
	mkdir "$HOME"
	bash -ec "$(tests/lib/recipe libvirt.hosts)"
	echo '3 by-hand' >"$HOME/.config/vsock/hosts"
	bash -ec "$(tests/lib/recipe libvirt.hosts)"
	grep -qx '3 by-hand' "$HOME/.config/vsock/hosts"
}

@test "no line of a recipe is wider than 80 columns" {
	! awk '/^```/ { inside = !inside; next }
		inside && length > 80 { print; found = 1 }
		END { exit !found }' COOKBOOK.md
}

@test "the figures of README.md are those of RESULTS.md, and its examples come within two screens" {
	local figure
	while read -r figure; do
		grep -qE "(^| )$figure( |\$)" tests/bench/RESULTS.md ||
			{ echo "RESULTS.md has no $figure"; return 1; }
	done < <(sed -n '/^## Why not socat/,/^## /s/^| \(one\|the same\|conn\|mem\|to vsock\)//p' \
		README.md |
		grep -oE '[0-9][0-9.,]*')
	[ "$(sed -n '/^## Examples/=' README.md)" -le 48 ]
}
