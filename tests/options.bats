#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The options of every program, from the program's own list: what is there, what is refused and in which words.

load lib/common

programs="vsock-cat vsock-listen vsock-proxy vsock-ping vsock-info"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "no arguments: two usage lines on standard error, status 2" {
	for program in vsock-cat vsock-listen vsock-proxy vsock-ping; do
		run -2 --separate-stderr $program
		[ "$output" = "" ]
		[[ ${stderr_lines[0]} == "usage: $program "* ]]
		[[ $stderr == *"$program -h"* ]]
		[ ${#stderr_lines[@]} -le 4 ]
	done
}

@test "-h: one screen of 80 by 24, with two examples, status 0" {
	for program in $programs; do
		run -0 --separate-stderr $program -h
		[ "$stderr" = "" ]
		[[ ${lines[0]} == "usage: $program"* ]]
		[ "$($program -h | wc -l)" -le 24 ] || { echo "$program -h: $($program -h | wc -l) lines"; return 1; }
		[ "$($program -h | awk 'length > 80' | wc -l)" -eq 0 ]
		[ "$($program -h | sed -n '/^Examples:/,$p' | grep -c '^  [^ ]')" -ge 2 ]
	done
}

@test "--help: every option, once" {
	for program in $programs; do
		run -0 $program --help
		listed=$($program --list-options | cut -f2)
		[ -n "$listed" ]
		for name in $listed; do
			[ "$(grep -cE -- "^ +(-., )?--$name( |$)" <<<"$output")" = 1 ] || { echo "$program --help and --$name"; return 1; }
		done
		[ "$($program --help | awk 'length > 80' | wc -l)" -eq 0 ]
	done
}

@test "--version: the program, the package, what is built in" {
	for program in $programs; do
		for option in -V --version; do
			run -0 --separate-stderr $program $option
			[[ ${lines[0]} =~ ^"$program (vsock-tools) "[0-9]+\.[0-9]+ ]]
			[ "$stderr" = "" ]
		done
	done
}

@test "no letter and no name twice" {
	for program in $programs; do
		[ -z "$($program --list-options | cut -f2 | sort | uniq -d)" ]
		[ -z "$($program --list-options | cut -f1 | grep -v '^-$' | sort | uniq -d)" ]
	done
}

# The rest of what each option must refuse is run by one process: it is some thousand runs.
@test "abbreviations, values where none is taken, missing and bad values: refused in their words, status 2" {
	need python3
	python3 - $programs <<-'END'
		import re, subprocess, sys

		failed = 0
		def refused(program, words, *patterns):
		    """Status 2, and the first lines of standard error match the patterns."""
		    global failed
		    run = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
		    lines = run.stderr.split("\n")
		    for pattern, line in zip(patterns, lines):
		        if not re.fullmatch(pattern, line):
		            break
		    else:
		        if run.returncode == 2 and not run.stdout:
		            return
		    failed += 1
		    print(program, *words, "- status %d:" % run.returncode)
		    print(run.stderr)

		def check(program, names, letter, name, kind, value, choices):
		    typed = "%s: --%s" % (program, name)
		    if len(name) > 2 and name[:-1] not in names:
		        refused(program, ["--" + name[:-1]], re.escape("%s: unknown option --%s" % (program, name[:-1])) + ".*")
		    if kind in ("flag", "repeat"):
		        refused(program, ["--%s=x" % name], re.escape(typed + " takes no value: --%s=x" % name))
		        return
		    refused(program, ["--" + name], re.escape(typed + " needs a value: --%s %s" % (name, value)))
		    if letter != "-":
		        refused(program, ["-" + letter], re.escape("%s: -%s needs a value: -%s %s" % (program, letter, letter, value)))
		    if kind == "choice":
		        refused(program, ["--" + name, "no-such-thing", "tcp:1"],
		                re.escape(typed + " no-such-thing: it must be one of: " + choices.replace(",", ", ")))
		    elif kind in ("time", "size", "rate", "count"):
		        word = "number" if kind == "count" else kind
		        refused(program, ["--" + name, "5parsecs", "tcp:1"],
		                re.escape(typed + " 5parsecs: bad %s: " % word) + ".+", "  5parsecs", r"   \^~*")
		        for bad in "", " 5", "+5", "-5", "0x10", "1e3", "9" * 20:
		            refused(program, ["--%s=%s" % (name, bad), "tcp:1"],
		                    re.escape(typed + " %s: bad %s: " % (bad, word)) + ".+")

		for program in sys.argv[1:]:
		    listed = subprocess.run([program, "--list-options"], capture_output=True, text=True, check=True).stdout
		    rows = [line.split("\t") for line in listed.splitlines()]
		    names = [row[1] for row in rows]
		    assert len(names) > 5
		    for row in rows:
		        check(program, names, *row[:5])
		sys.exit(1 if failed else 0)
	END
	run -2 --separate-stderr vsock-cat --idle-time 3 tcp:1
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option --idle-time; did you mean --idle-timeout?" ]
	# two letters exchanged are one slip, in a short word too
	run -2 --separate-stderr vsock-cat --wiat 3 3:22
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option --wiat; did you mean --wait?" ]
}

@test "zero where it is no value is refused, and inf is named" {
	run -2 --separate-stderr vsock-cat --idle-timeout 0 tcp:1
	[[ $stderr == *"it must be above 0"* && $stderr == *"hint: for no limit write inf"* ]]
	run -2 vsock-listen --buffer 0 tcp:1
	run -2 vsock-proxy -m 0 unix:./a unix:./b
	run -2 vsock-listen -c 0 tcp:1
	[[ $output == *"inf"* ]]
}

@test "an unknown letter, also in a cluster" {
	run -2 --separate-stderr vsock-cat -vZ tcp:1
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option -Z" ]
	[ "${stderr_lines[1]}" = "hint: try 'vsock-cat -h'" ]
	run -2 --separate-stderr vsock-cat --no-such-option-at-all tcp:1
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option --no-such-option-at-all" ]
}

@test "options may follow operands, until --; letters cluster; = and blank are one" {
	spawn_ready server vsock-listen unix:./socket --echo
	for words in "./socket -v -w 5s" "-vw5s ./socket" "-v ./socket --connect-timeout=5s" "--connect-timeout 5s -v -- ./socket"; do
		# shellcheck disable=SC2086 # words
		run -0 --separate-stderr vsock-cat $words <<<hello
		[ "$output" = hello ]
		[[ $stderr == *" done "* ]]
	done
	run -2 vsock-cat -- -v ./socket
}

@test "given twice the last one counts" {
	spawn_ready server vsock-listen unix:./socket --discard
	mkfifo open
	exec 8<>open
	run -5 --separate-stderr vsock-cat -i 1h -i 50ms ./socket <&8
	[[ $stderr == *"50 ms"* ]]
	exec 8<&-
}

@test "what contradicts is refused, both named" {
	run -2 --separate-stderr vsock-listen --echo --discard tcp:0
	[[ $stderr == *--echo*--discard* ]]
	run -2 vsock-listen --discard --generate 5 tcp:0
	run -2 vsock-listen --echo tcp:0 -- cat
	[[ $output == *COMMAND* ]]
}

@test "habits of other tools are answered with what to write here" {
	run -2 --separate-stderr vsock-cat -l 5000
	[[ $stderr == *"hint: "*vsock-listen* ]]
	run -2 --separate-stderr vsock-listen -e /bin/cat 5000
	[[ $stderr == *"hint: "*"vsock-listen ADDRESS -- COMMAND"* ]]
	for program in vsock-cat vsock-listen; do
		run -2 --separate-stderr $program -U ./socket
		[[ $stderr == *"hint: "*unix:PATH* ]]
		run -2 --separate-stderr $program -4 tcp:1
		[[ $stderr == *"hint: "*tcp4:HOST:PORT* ]]
	done
	run -2 --separate-stderr vsock-cat -1:5000
	[[ $stderr == *"hint: "* ]]
}

@test "a standard output that is full is an error of --help, not of usage" {
	[ -c /dev/full ] || skip "no /dev/full"
	for program in $programs; do
		run -1 sh -c '"$1" --help >/dev/full' sh $program
		[[ $output == "$program: standard output: No space left on device" ]]
	done
}

@test "too many words, and too few" {
	run -2 vsock-cat 3 22 5
	run -2 vsock-cat -v
	run -2 vsock-listen tcp:1 cat
	[[ $output == *"vsock-listen tcp:1 -- cat"* ]]
	run -2 vsock-listen -k
	run -2 vsock-proxy -v
}

@test "messages do not depend on the locale, and hold no raw control characters" {
	run -2 --separate-stderr vsock-cat $'unix:/a\033[2J,x'
	[[ $stderr != *$'\033'* ]]
	run -4 --separate-stderr vsock-cat $'unix:./a\033[2J'
	[[ $stderr != *$'\033'* && $stderr == *'\x1B'* ]]
}
