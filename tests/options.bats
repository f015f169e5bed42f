#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The options of every program, from the program's own list: what is there, what is refused and in
# which words.

load lib/common

programs="vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "no arguments: two usage lines on standard error, status 2" {
	for program in vsock-cat vsock-listen vsock-proxy vsock-ping; do
		run "-$(mistake "$program")" --separate-stderr $program
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
		[ "$($program -h | wc -l)" -le 24 ] || {
			echo "$program -h: $($program -h | wc -l) lines"
			return 1
		}
		[ "$($program -h | awk 'length > 80' | wc -l)" -eq 0 ]
		[ "$($program -h | sed -n '/^Examples:/,$p' | grep -c '^  [^ ]')" -ge 2 ]
	done
}

@test "--help shows every option once" {
	for program in $programs; do
		run -0 $program --help
		listed=$($program --list-options | cut -f2)
		[ -n "$listed" ]
		for name in $listed; do
			[ "$(grep -cE -- "^ +(-., )?--$name( |$)" <<<"$output")" = 1 ] || {
				echo "$program --help and --$name"
				return 1
			}
		done
		[ "$($program --help | awk 'length > 80' | wc -l)" -eq 0 ]
	done
}

@test "--version prints program, package and built-in features" {
	for program in $programs; do
		for option in -V --version; do
			run -0 --separate-stderr $program $option
			[[ ${lines[0]} =~ ^"$program (vsock-tools) "[0-9]+\.[0-9]+ ]]
			[[ ${lines[2]} == "Copyright (C) 20"*" the vsock-tools authors" ]]
			[[ ${lines[3]} == *GPL-3.0-or-later*"no warranty"* ]]
			# configure has filled these in
			[[ ${lines[4]} == "Home page: https://"* && ${lines[5]} == "Bugs: "?* ]]
			[ "$stderr" = "" ]
		done
	done
}

@test "no option letter or name is used twice" {
	for program in $programs; do
		[ -z "$($program --list-options | cut -f2 | sort | uniq -d)" ]
		[ -z "$($program --list-options | cut -f1 | grep -v '^-$' | sort | uniq -d)" ]
	done
}

# The rest of what each option must refuse is run by one process: it is some thousand runs.
@test "abbreviations, unwanted values, missing and bad values are refused by name, status 2" {
	need python3
	python3 - $programs <<-'END'
		import re, subprocess, sys

		failed = 0
		def refused(program, words, *patterns):
		    """Status 2, and the first lines of standard error match the patterns."""
		    global failed
		    run = subprocess.run([program, *words], stdin=subprocess.DEVNULL,
		        capture_output=True, text=True, timeout=60)
		    lines = run.stderr.split("\n")
		    for pattern, line in zip(patterns, lines):
		        if not re.fullmatch(pattern, line):
		            break
		    else:
		        mistake = 125 if program == "vsock-run" else 2
		        if run.returncode == mistake and not run.stdout:
		            return
		    failed += 1
		    print(program, *words, "- status %d:" % run.returncode)
		    print(run.stderr)

		def check(program, names, letter, name, kind, value, choices):
		    typed = "%s: --%s" % (program, name)
		    if len(name) > 2 and name[:-1] not in names:
		        refused(program, ["--" + name[:-1]],
		            re.escape("%s: unknown option --%s" % (program, name[:-1])) + ".*")
		    if kind in ("flag", "repeat"):
		        refused(program, ["--%s=x" % name],
		            re.escape(typed + " takes no value: --%s=x" % name))
		        return
		    refused(program, ["--" + name],
		        re.escape(typed + " needs a value: --%s %s" % (name, value)))
		    if letter != "-":
		        refused(program, ["-" + letter],
		            re.escape("%s: -%s needs a value: -%s %s"
		            % (program, letter, letter, value)))
		    if kind == "choice":
		        refused(program, ["--" + name, "no-such-thing", "tcp:1"],
		                re.escape(typed + " no-such-thing: it must be one of: "
		                    + choices.replace(",", ", ")))
		    elif kind in ("time", "size", "rate", "count"):
		        word = "number" if kind == "count" else kind
		        refused(program, ["--" + name, "5parsecs", "tcp:1"],
		                re.escape(typed + " 5parsecs: bad %s: " % word) + ".+",
		                "  5parsecs", r"   \^~*")
		        for bad in "", " 5", "+5", "-5", "0x10", "1e3", "9" * 20:
		            refused(program, ["--%s=%s" % (name, bad), "tcp:1"],
		                    re.escape(typed + " %s: bad %s: " % (bad, word)) + ".+")

		for program in sys.argv[1:]:
		    listed = subprocess.run([program, "--list-options"], capture_output=True,
		        text=True, check=True).stdout
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

@test "zero is refused where it makes no sense, and inf is suggested" {
	run -2 --separate-stderr vsock-cat --idle-timeout 0 tcp:1
	[[ $stderr == *"it must be above 0"* && $stderr == *"hint: write inf for no limit"* ]]
	run -2 vsock-listen --buffer 0 tcp:1
	run -2 vsock-proxy -m 0 unix:./a unix:./b
	run -2 vsock-listen -c 0 tcp:1
	[[ $output == *"inf"* ]]
}

@test "an unknown option letter is reported, also in a cluster" {
	run -2 --separate-stderr vsock-cat -vZ tcp:1
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option -Z" ]
	[ "${stderr_lines[1]}" = "hint: try 'vsock-cat -h'" ]
	run -2 --separate-stderr vsock-cat --no-such-option-at-all tcp:1
	[ "${stderr_lines[0]}" = "vsock-cat: unknown option --no-such-option-at-all" ]
}

@test "options may follow operands until --; letters cluster; = and space are equivalent" {
	spawn_ready server vsock-listen unix:./socket --echo
	for words in "./socket -v -w 5s" "-vw5s ./socket" "-v ./socket --connect-timeout=5s" \
		"--connect-timeout 5s -v -- ./socket"; do
		# shellcheck disable=SC2086 # words
		run -0 --separate-stderr vsock-cat $words <<<hello
		[ "$output" = hello ]
		[[ $stderr == *" done "* ]]
	done
	run -2 vsock-cat -- -v ./socket
}

@test "of an option given twice the last value counts" {
	spawn_ready server vsock-listen unix:./socket --discard
	mkfifo open
	exec 8<>open
	run -5 --separate-stderr vsock-cat -i 1h -i 50ms ./socket <&8
	[[ $stderr == *"50 ms"* ]]
	exec 8<&-
}

@test "contradicting options are refused, and both are named" {
	run -2 --separate-stderr vsock-listen --echo --discard tcp:0
	[[ $stderr == *--echo*--discard* ]]
	run -2 vsock-listen --discard --generate 5 tcp:0
	run -2 vsock-listen --echo tcp:0 -- cat
	[[ $output == *COMMAND* ]]
}

@test "options of other tools are answered with what to write here" {
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

@test "a full standard output is an error for --help, not a usage error" {
	[ -c /dev/full ] || skip "no /dev/full"
	for program in $programs; do
		run "-$(failure "$program")" sh -c '"$1" --help >/dev/full' sh $program
		[[ $output == "$program: standard output: No space left on device" ]]
	done
}

@test "a reader of --help that has left ends it as any program, by SIGPIPE" {
	need python3
	for program in $programs; do
		run -0 python3 - "$program" <<-'END'
			import os, subprocess, sys
			read, write = os.pipe()
			os.close(read)
			print(subprocess.run([sys.argv[1], "--help"], stdout=write).returncode)
		END
		[ "$output" = -13 ]
	done
}

@test "too many and too few arguments are refused" {
	run -2 vsock-cat 3 22 5
	run -2 vsock-cat -v
	run -2 vsock-listen tcp:1 cat
	[[ $output == *"vsock-listen tcp:1 -- cat"* ]]
	run -2 vsock-listen -k
	run -2 vsock-proxy -v
}

@test "messages do not depend on the locale and contain no raw control characters" {
	run -2 --separate-stderr vsock-cat $'unix:/a\033[2J,x'
	[[ $stderr != *$'\033'* ]]
	run -4 --separate-stderr vsock-cat $'unix:./a\033[2J'
	[[ $stderr != *$'\033'* && $stderr == *'\x1B'* ]]
}

@test "a closed standard output is an error for whatever is printed" {
	for program in $programs; do
		for option in --version --help -h --list-options; do
			run "-$(failure "$program")" --separate-stderr \
				sh -c 'exec "$@" >&-' sh "$program" "$option"
			[ "$stderr" = "$program: standard output: Bad file descriptor" ]
		done
	done
	run -1 sh -c 'exec vsock-info --sockets -j >&-'
	run -1 sh -c 'exec vsock-ping -c 1 -W 200ms unix:./nothing >&-'
	run -1 sh -c 'exec vsock-proxy --check -j unix:./a unix:./b >&-'
	run -1 sh -c 'exec vsock-proxy --check -j unix:./a unix:./b >/dev/full'
}

@test "data that arrives for a closed standard output is reported as lost" {
	cd "$BATS_TEST_TMPDIR"
	spawn_ready listener vsock-listen -k unix:./s -- echo data
	run -1 --separate-stderr sh -c 'exec vsock-cat unix:./s </dev/null >&-'
	[[ $stderr == *'standard output: Bad file descriptor'* ]]
	finish_all
}

@test "vsock-run: what the command writes to a closed standard output or error is not lost silently" {
	cd "$BATS_TEST_TMPDIR"
	spawn_ready server vsock-listen --run unix:./s
	run -125 sh -c 'exec vsock-run unix:./s sh -c "echo lost" </dev/null >&-'
	run -125 sh -c 'exec vsock-run unix:./s sh -c "echo lost >&2" </dev/null 2>&-'
	run -0 sh -c 'exec vsock-run unix:./s true </dev/null 2>&-'
	finish_all
}

@test "-p, a port in other tools, is refused with a hint that works" {
	run -2 --separate-stderr vsock-cat -p 22 3
	[[ $stderr == *'the port follows the CID: vsock-cat CID PORT'* ]]
	run -2 --separate-stderr vsock-listen -p 5000
	[[ $stderr == *'vsock-listen PORT'* ]]
}

@test "hints for words of other programs lead to accepted commands" {
	run -2 --separate-stderr vsock-listen VSOCK-LISTEN:5000,fork EXEC:/bin/cat
	[[ $stderr == *'hint: write vsock::5000'* ]]
	run -2 --separate-stderr vsock-listen vsock::5000 EXEC:/bin/cat
	[[ $stderr == *'hint: write vsock-listen vsock::5000 -- /bin/cat'* ]]
	run -2 --separate-stderr vsock-cat unix://@n
	[[ $stderr == *'hint: write unix:@n'* ]]
	run -2 --separate-stderr vsock-proxy --check unix:./s pty:
	[[ $stderr == *"unknown family 'pty'"* ]]
	run -2 --separate-stderr vsock-ping -a 3
	[[ $stderr == *'hint: there is no audible bell'* ]]
}

@test "vsock-info -qq prints nothing" {
	run --separate-stderr vsock-info -qq
	[ -z "$output$stderr" ]
	run --separate-stderr vsock-info -qq -j
	[ -z "$output$stderr" ]
}

# "vsock-cat  -w, --connect-timeout TIME" for each row of doc/options.md.
compared() {
	awk '/^## / { section = $2 == "All" ? "all" : $2 } sub(/^\| `-/, "-") { sub(/` \|.*/, ""); print section "\t" $0 }' \
		"$tests_top/doc/options.md" | grep -P '\t.*--'
}

spelled() {
	"$1" --list-options | awk -F '\t' -v program="$2" '{
		short = $1 == "-" ? "" : "-" $1 ", "
		print program "\t" short "--" $2 ($4 == "-" ? "" : " " $4) }'
}

@test "doc/options.md has a row for every option of every program, and no other" {
	for program in $programs; do
		spelled "$program" "$program"
	done | sort >"$BATS_TEST_TMPDIR/has"
	# those that all programs have stand in a section of their own
	spelled vsock-info all | grep -vE -- \
		'--(cid|guests|hosts|sockets|json|format|probe|watch|interval)' |
		sort >"$BATS_TEST_TMPDIR/common"
	cut -f 2 "$BATS_TEST_TMPDIR/common" >"$BATS_TEST_TMPDIR/common-names"
	diff <({ grep -vwFf "$BATS_TEST_TMPDIR/common-names" \
		"$BATS_TEST_TMPDIR/has"; cat "$BATS_TEST_TMPDIR/common"; } | sort) \
		<(compared | sort) || { echo "(< is --list-options, > doc/options.md)"; return 1; }
}

@test "doc/options.md says of each letter that another tool has too what it means there" {
	need python3
	# shellcheck disable=SC2086 # words
	python3 "$tests_top/tests/lib/letters.py" $programs
}

@test "a letter that means something else in ssh, nc, ncat, socat or ping is answered with what to write" {
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr timeout 10 ${line%% => *}
		[[ $stderr == *"${line##* => }"* ]] || { echo "${line%% => *}: $stderr"; return 1; }
	done <<-'END'
		vsock-cat -b 192.0.2.1 3 22 => hint: for the source address of ssh -b
		vsock-cat -c ls 3 22 => hint: LF is sent
		vsock-cat -D 1080 3 22 => for ssh -D PORT, write vsock-proxy tcp:PORT socks5:
		vsock-cat -d 3 22 => hint: not to read standard input
		vsock-cat -e /bin/sh 3 22 => hint: to run a command
		vsock-cat -F config 3 22 => hint: for ssh -F FILE: names of machines
		vsock-cat -F config 3:22 => hint: for ssh -F FILE: names of machines
		vsock-cat -f 3 22 => hint: to run it in the background
		vsock-cat -J host 3 22 => hint: to go through another machine
		vsock-cat -k 3 22 => hint: to keep accepting connections
		vsock-cat -o file 3 22 => hint: for ncat -o FILE, write --record FILE
		vsock-cat -R 8080:localhost:80 3 22 => hint: for ssh -R, write
		vsock-cat -u 3 22 => hint: for UDP, write
		vsock-cat -W host:22 3 => hint: for ssh -W, write
		vsock-listen -I 1024 5000 => hint: for nc -I LENGTH
		vsock-listen -N 5000 => hint: end of input is always passed on
		vsock-listen -T 5 5000 => hint: the idle timeout is -i TIME
		vsock-listen -t 30 5000 => for socat -t SECONDS, write
		vsock-listen -u 5000 => hint: for UDP, write
		vsock-listen -w 3 5000 => hint: the idle timeout is -i TIME
		vsock-listen -z 5000 => hint: to test a port
		vsock-listen -m hmac-sha2 5000 => bad number
		vsock-proxy -D 1080 => for ssh -D PORT, write tcp:PORT socks5:
		vsock-proxy -f tcp:8080 unix:./s => hint: -f names a file of rules
		vsock-proxy -g -L 8080:localhost:80 => hint: to listen on all interfaces
		vsock-proxy -i ~/.ssh/id tcp:1 tcp:2 => hint: here it is the idle timeout
		vsock-proxy -N -L 8080:localhost:80 => hint: leave it out
		vsock-proxy -T 30 tcp:1 tcp:2 => hint: the idle timeout is -i TIME
		vsock-proxy -u tcp:1 tcp:2 => hint: for UDP, write
		vsock-proxy -w any tcp:1 tcp:2 => hint: here it is the limit to connect
		vsock-ping -M do 3 => hint: vsock has no IP header
		vsock-ping -S 65536 3 => hint: write the window
		vsock-cat -i ~/.ssh/id 3 22 => hint: for the key of ssh -i
		vsock-cat -L 8080:localhost:80 3 22 => hint: for ssh -L, write
		vsock-cat -l 5000 => hint: to listen
		vsock-cat -N 3 22 => hint: end of input
		vsock-cat -p 22 3 => hint: the port follows
		vsock-cat -q 1 3 22 => for nc -q SECONDS, write
		vsock-cat -s 192.0.2.1 3 22 => hint: to connect from an address
		vsock-cat -T 5 3 22 => hint: the idle timeout
		vsock-cat -t 30 3:22 => for socat -t SECONDS, write
		vsock-cat -U ./socket => hint: write the address as unix:PATH
		vsock-cat -w any 3 22 => bad time: 'any' is not a number
		vsock-cat -w any 3 22 => hint: here it is the limit to connect
		vsock-listen -c date 5000 => hint: write: vsock-listen ADDRESS -- COMMAND
		vsock-listen -e date 5000 => hint: write: vsock-listen ADDRESS -- COMMAND
		vsock-listen -L 8080:localhost:80 5000 => hint: for ssh -L, write
		vsock-listen -l 5000 => hint: vsock-listen always
		vsock-listen -p 5000 => hint: the port needs no option
		vsock-listen -s 192.0.2.1 5000 => hint: here it is a size
		vsock-proxy -L 8080:localhost:80 => hint: for ssh -L, write
		vsock-proxy -R 8080:localhost:80 => hint: write a rule
		vsock-proxy -b 192.0.2.1 tcp:1 tcp:2 => hint: here it is a size
		vsock-proxy -e date => hint: write the command as the target
		vsock-proxy -l 5000 => hint: write the address to listen on first
		vsock-ping -I eth0 3 => hint: write the source
		vsock-ping -l 3 3 => hint: for unanswered probes
		vsock-ping -p 22 3 => hint: write the port after the CID
		vsock-ping -t 64 3 => hint: vsock has no hops
	END
	if vsock-cat --version | grep -q +readline; then
		run -2 vsock-cat -I 1024 3 22
		[[ $output == *'for nc -I LENGTH, write ADDRESS,window=SIZE'* ]]
	fi
}
