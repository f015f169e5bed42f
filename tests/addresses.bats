#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Every text of bad-addresses.tsv to the program that it is meant for: status 2, and line by line
# what it says.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export VSOCK_HOSTS=$tests_top/tests/hosts
}

# refused WHERE: the rows of one column. One process runs them all; a row that fails is printed.
refused() {
	need python3
	python3 - "$tests_top/tests/bad-addresses.tsv" "$1" <<-'END'
		import re, subprocess, sys

		programs = {
		    "cat": lambda text: ["vsock-cat", "--", text],
		    "listen": lambda text: ["vsock-listen", text], # behind -- stands a COMMAND
		    "ping": lambda text: ["vsock-ping", "-c", "1", "--", text],
		    "proxy-listen": lambda text: ["vsock-proxy", "--", text, "unix:./target"],
		    "proxy-connect": lambda text: ["vsock-proxy", "--", "unix:./front", text],
		}

		def undo(text):
		    known = {"t": b"\t", "n": b"\n", "\\": b"\\"}
		    out = b""
		    for part in re.split(rb"(\\x[0-9a-fA-F]{2}|\\.)", text):
		        if part.startswith(b"\\x") and len(part) == 4:
		            out += bytes([int(part[2:], 16)])
		        elif part.startswith(b"\\"):
		            out += known.get(part[1:].decode(), part)
		        else:
		            out += part
		    return out

		failed = count = 0
		for number, line in enumerate(open(sys.argv[1], "rb"), 1):
		    if line.startswith(b"#") or not line.strip():
		        continue
		    where, text, offset, length, why, hint = line.rstrip(b"\n").split(b"\t")
		    if where.decode() != sys.argv[2]:
		        continue
		    text = undo(text)
		    if where == b"listen" and text.startswith(b"-") and text != b"-":
		        continue # read as an option, see options.bats
		    count += 1
		    command = programs[where.decode()](text)
		    run = subprocess.run(command, stdin=subprocess.DEVNULL,
		        capture_output=True, timeout=60)
		    lines = run.stderr.decode().split("\n")
		    wrong = []
		    if run.returncode != 2:
		        wrong.append("status %d" % run.returncode)
		    if run.stdout:
		        wrong.append("output")
		    name = command[0]
		    if not (lines[0].startswith(name + ": ")
		        and lines[0].endswith(": " + why.decode())):
		        wrong.append("message")
		    if len(lines) < 4 or not re.fullmatch(r" +\^~*", lines[2]):
		        wrong.append("caret")
		    elif re.fullmatch(rb"[ -~]*", text):
		        # printable ASCII: what is seen is what was typed
		        mark = "  " + " " * int(offset) + "^" + "~" * (int(length) - 1)
		        if lines[1] != "  " + text.decode() or lines[2] != mark:
		            wrong.append("caret")
		    hints = [line for line in lines[3:] if line.startswith("hint: ")]
		    if hints != ([] if hint == b"-" else ["hint: " + hint.decode()]):
		        wrong.append("hint")
		    if re.search(r"[\0-\x09\x0b-\x1f\x7f]", run.stderr.decode()):
		        wrong.append("raw control characters")
		    if wrong:
		        failed += 1
		        print("line %d: %s: wrong %s\n%s"
		            % (number, text, ", ".join(wrong), run.stderr.decode()))
		print("%d texts, %d failed" % (count, failed))
		sys.exit(1 if failed or not count else 0)
	END
}

@test "vsock-cat" {
	refused cat
}

@test "vsock-listen" {
	refused listen
}

@test "vsock-proxy, the side that listens" {
	refused proxy-listen
}

@test "vsock-proxy, the side that connects" {
	refused proxy-connect
}

@test "vsock-ping" {
	refused ping
}

@test "vsock-cat CID PORT reports the same errors as the address it stands for" {
	run -2 --separate-stderr vsock-cat 3abc 22
	[ "${stderr_lines[0]}" = "vsock-cat: 3abc:22: bad CID: 'a' is not a digit" ]
	[ "${stderr_lines[1]}" = "  3abc:22" ]
	[ "${stderr_lines[2]}" = "   ^" ]
	[[ ${stderr_lines[3]} == "hint: "* ]]
	run -2 --separate-stderr vsock-cat -q 3abc:22
	[[ $stderr != *hint* ]]
	run -2 --separate-stderr vsock-cat -qq 3abc:22
	[ "$stderr" = "" ]
}

@test "a bad hosts file is reported with file, line and caret, status 2" {
	printf '3 web\n3abc db\n' >hosts
	VSOCK_HOSTS=hosts run -2 --separate-stderr vsock-cat db:22
	[[ ${stderr_lines[0]} == "vsock-cat: hosts:2: "* ]]
	[ "${stderr_lines[1]}" = "  3abc db" ]
}

@test "URL spellings are accepted, and printed in our own form" {
	run -4 --separate-stderr vsock-cat "unix://$PWD/none"
	[[ ${stderr_lines[0]} == "vsock-cat: unix:$PWD/none: "* ]]
	port=$(free_port)
	run -3 --separate-stderr vsock-cat "tcp://127.0.0.1:$port"
	[[ ${stderr_lines[0]} == "vsock-cat: tcp:127.0.0.1:$port: "* ]]
}
