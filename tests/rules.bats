#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's rules: on the command line and in files, their keys, ranges, several targets, and
# what is said of mistakes.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
}

# echo_at NAME PATH: an echo service.
echo_at() {
	spawn_ready "$1" vsock-listen --echo "unix:$2"
}

# ask ADDRESS TEXT: what an echo behind it answers.
ask() {
	echo "$2" | vsock-cat "$1" 2>/dev/null
}

# says NAME COMMAND…: a service that answers each connection with what COMMAND prints.
says() {
	local name=$1
	shift
	spawn_ready "$name" vsock-listen "unix:$name" -- "$@"
}

@test "rules from files, a directory and the command line are served together" {
	echo_at echo echo
	mkdir rules.d
	echo 'unix:a unix:echo name=a' >one
	echo 'unix:b unix:echo' >rules.d/b.rules
	echo 'not a rule' >rules.d/c.rules~
	spawn_ready proxy vsock-proxy -v -f one --rules rules.d unix:c unix:echo name=c max-time=1h
	wait_ready proxy 3
	for front in a b c; do
		[ "$(ask unix:$front "$front")" = "$front" ]
	done
	wait_until grep -qE 'done unix.* -> unix:echo rule=c up=2 down=2' proxy.err
	grep -qE 'open unix.* -> unix:echo rule=a connect=' proxy.err
	grep -qE 'done unix.* -> unix:echo up=2 down=2' proxy.err
}

@test "files of a directory that appear, vanish or are replaced while it is read" {
	mkdir -m 0755 rules.d
	# read first, and waited for until we open it: by then the directory is listed
	mkfifo -m 0644 rules.d/a.rules
	echo 'unix:./b unix:./x' >rules.d/b.rules
	echo 'unix:./c unix:./x' >rules.d/c.rules
	ln -s d rules.d/d.rules
	echo 'unix:./d unix:./x' >rules.d/d
	spawn check vsock-proxy --check -j -f rules.d
	exec 7>rules.d/a.rules
	rm rules.d/b.rules
	echo 'unix:./new unix:./x' >c
	mv c rules.d/c.rules
	echo 'unix:./e unix:./x' >rules.d/e.rules
	echo 'unix:./a unix:./x' >&7
	exec 7>&-
	ends_with 0 check
	[ "$(grep -oE '"listen":"unix:[^"]*' check.out | tr '\n' ' ')" = \
		'"listen":"unix:./a "listen":"unix:./new "listen":"unix:./d ' ]

	# a link that leads nowhere has not vanished
	spawn check vsock-proxy --check -f rules.d
	exec 7>rules.d/a.rules
	rm rules.d/d
	exec 7>&-
	ends_with 4 check
	grep -qx 'rules.d/d.rules: cannot be read: No such file or directory' check.err
}

@test "--check -j prints an object for each mistake with its position, or for each rule" {
	need python3
	printf '%s\n' 'tcp:localhost:70000 vsock:3:80' 'unix:./a "unix:./b" name=x' \
		'unix:./a unix:./c max-con=1' 'unix:./a "unix:./c' 'unix:./a unix:./d' >bad.rules
	run -2 --separate-stderr vsock-proxy --check -j -f bad.rules -f ./missing unix:./q tcp:x:y:z
	python3 -c '
import json, sys
found = [json.loads(line) for line in sys.argv[1].splitlines()]
assert all(mistake["event"] == "error" and mistake["why"] for mistake in found)
places = [(m["file"], m.get("line"), m.get("column"), m.get("length"), m.get("text"))
    for m in found]
assert places == [
    (None, None, 5, 5, "tcp:x:y:z"),
    ("bad.rules", 1, 15, 5, "tcp:localhost:70000"),
    ("bad.rules", 3, 19, 7, "max-con=1"),
    ("bad.rules", 4, 10, 1, None),
    ("./missing", None, None, None, None),
    ("bad.rules", 5, None, None, None)], places
assert found[0]["hint"] == "write tcp:HOST:PORT"' "$output"
	[[ $stderr == *"bad.rules:1: bad port: 70000 is above 65535"* ]]
	run -2 --separate-stderr vsock-proxy --check -j unix:./l unix:./l
	[ "$output" = '{"event":"error","file":null,"why":"unix:./l: connections would come back to this rule without end","hint":"connect to another address than this vsock-proxy listens on"}' ]
	printf '%s\n' '' 'unix:./a tcp:80 name=x connect=tcp:81 no-shutdown' \
		'unix:./b socks5: allow-dest=a:1' >good.rules
	run -0 --separate-stderr vsock-proxy --check --json -f good.rules
	[ "${lines[0]}" = '{"event":"rule","file":"good.rules","line":2,"rule":"x","listen":"unix:./a","connect":["tcp:80","tcp:81"],"keys":["name=x","connect=tcp:81","no-shutdown"]}' ]
	[ "${lines[1]}" = '{"event":"rule","file":"good.rules","line":3,"rule":null,"listen":"unix:./b","connect":["socks5:"],"keys":["allow-dest=a:1"]}' ]
	[ ${#lines[@]} = 2 ]
	run -2 vsock-proxy -j unix:./a unix:./b
	[[ $output == *"--json needs --status or --check"* ]]
}

@test "quotes, comments and continuation lines work as in sh" {
	echo_at echo 'a b'
	cat >rules <<-'END'
		# a comment
		unix:one\
		 'unix:a b'	name=one   # another

		  unix:"two \" #" \
		    unix:a\ b \
		    name="t"w'o'
		unix:th#ree unix:"a b"
	END
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 3
	[ "$(ask unix:one 1)" = 1 ]
	[ "$(ask 'unix:two " #' 2)" = 2 ]
	[ "$(ask 'unix:th#ree' 3)" = 3 ]
}

@test "all mistakes in all files are shown with file, line and caret" {
	cat >one <<-'END'
		unix:a unix:b name=web
		tcp:localhost:70000 vsock:3:80

		unix:c vsock:4:5432 max-con=10
		unix:d \
		   unix:e  idle-timeout=5x \
		   rate-limit=0
	END
	printf 'unix:f unix:g engine=fast\r\nunix:h "unix:i\nunix:j\nunix:k unix:l drain-timeout=3\n' >two
	run -2 vsock-proxy --check -f one -f two
	diff - <(echo "$output") <<-'END'
		one:2: bad port: 70000 is above 65535
		  tcp:localhost:70000 vsock:3:80
		                ^~~~~
		one:4: unknown key 'max-con'; did you mean 'max-conns'?
		  unix:c vsock:4:5432 max-con=10
		                      ^~~~~~~
		one:6: bad time: 'x' is not a unit of time (ns us ms s m min h d)
		  unix:e  idle-timeout=5x \
		                        ^
		one:7: bad rate: it must be above 0
		  rate-limit=0
		             ^
		hint: write inf for no limit
		two:1: it must be one of: auto, copy, splice
		  unix:f unix:g engine=fast
		                       ^~~~
		two:2: this quote does not end on its line
		  unix:h "unix:i
		         ^
		two:3: LISTEN without CONNECT: addresses come in pairs
		  unix:j
		  ^~~~~~
		hint: a rule is LISTEN CONNECT [KEY=VALUE]...
		two:4: --drain-timeout is an option for all rules, not a key of one
		  unix:k unix:l drain-timeout=3
		                ^~~~~~~~~~~~~
		vsock-proxy: 8 errors; the other rule is valid
	END
}

@test "--check starts nothing and says that the rules are valid" {
	echo 'unix:a unix:b' >rules
	run -0 vsock-proxy --check -f rules unix:c unix:d
	[ "$output" = "vsock-proxy: 2 rules, no errors; nothing was started" ]
	[ ! -e a ]
	run -2 vsock-proxy --check -f /dev/null
	[[ $output == *"no rules"* ]]
	run -4 vsock-proxy --check -f missing
	[[ $output == "missing: cannot be read: No such file or directory"* ]]
}

@test "mistakes on the command line are shown" {
	run -2 vsock-proxy tcp:80 tcp:81 name=a name
	[[ $output == *"name needs a value: name=NAME"* ]]
	run -2 vsock-proxy tcp:80 tcp:81 no-shutdown=1
	[[ $output == *"no-shutdown takes no value"* ]]
	run -2 vsock-proxy tcp:80 tcp:81 'name=a b'
	[[ $output == *$'bad name: '*$'\n  name=a b\n        ^'* ]]
	run -2 vsock-proxy tcp:80 tcp:81 tcp:80 tcp:82
	[[ $output == *"tcp:80: listened on twice, as in the command line"* ]]
	# whatever stands before them
	run -2 vsock-proxy tcp:80 tcp:1 tcp:90 tcp:2 unix:a tcp:3 tcp:90 tcp:4
	[[ $output == *"tcp:90: listened on twice, as in the command line"* ]]
	# however they are written
	for twice in 'tcp:Localhost:80 tcp:localhost:80' 'udp:a.b:80 udp:A.b.:80' \
		'unix:./l unix:l' 'unix:./l unix:././/l' 'unix:/d/l unix:/d/.//l'; do
		run -2 vsock-proxy --check "${twice% *}" udp:localhost:1 "${twice#* }" \
			udp:localhost:2
		[[ $output == *"${twice#* }: listened on twice, as in the command line"* ]]
	done
	run -0 vsock-proxy --check unix:a unix:x unix:.a unix:x unix:./A unix:x unix:@a unix:x \
		unix:@./a unix:x unix:/a unix:x
	run -2 vsock-proxy tcp:80 tcp:81 name=a tcp:82 tcp:83 name=a
	[[ $output == *"a: a name that is used twice"* ]]
	run -2 vsock-proxy tcp:80 tcp:81 max-bytes=lots
	[[ $output == *"bad size"*$'\n  max-bytes=lots\n            ^'* ]]
	run -2 vsock-proxy unix:a unix-seqpacket:b message-size=0
	[[ $output == *"not from 1 to 64M"* ]]
	run -2 vsock-proxy 8080
	run -2 vsock-proxy 8080 tcp:80
	[[ $output == *"hint: write vsock::8080 or tcp:8080"* ]]
}

@test "the arguments of AWS's vsock-proxy are answered with the rule to write" {
	run -2 vsock-proxy 8080 kms.example.org 443
	[[ $output == *"hint: write: vsock-proxy vsock::8080 tcp:kms.example.org:443" ]]
	run -2 vsock-proxy 8080 2001:db8::1 443
	[[ $output == *"hint: write: vsock-proxy vsock::8080 tcp:[2001:db8::1]:443" ]]
}

@test "a rule's keys override the options for that rule only" {
	echo_at echo echo
	spawn_ready proxy vsock-proxy -v -i 1h unix:a unix:echo idle-timeout=50ms name=a unix:b \
		unix:echo max-bytes=3 name=b
	wait_ready proxy 2
	coproc held { vsock-cat unix:a; }
	wait_until grep -qE 'done .* rule=a .*end=idle' proxy.err
	echo 12345678 | vsock-cat unix:b >/dev/null 2>&1 || true
	wait_until grep -qE 'done .* rule=b .*end=max-bytes' proxy.err
}

@test "a rule's own access list replaces that of the options" {
	echo_at echo echo
	spawn_ready proxy vsock-proxy --deny any unix:a unix:echo unix:b \
		unix:echo "allow=uid:$(id -u)" unix:c unix:echo deny=uid:12345
	wait_ready proxy 3
	[ -z "$(ask unix:a 1)" ]
	[ "$(ask unix:b 2)" = 2 ]
	[ "$(ask unix:c 3)" = 3 ]
	grep -q 'why="\?deny=any' proxy.err
	run -2 vsock-proxy unix:a unix:b allow=3
	[[ $output == *"'3' can never match a peer of unix"* ]]
}

@test "max-conns pauses the listener of that rule and no other" {
	echo_at echo echo
	spawn_ready proxy vsock-proxy -v unix:a unix:echo max-conns=1 unix:b unix:echo
	wait_ready proxy 2
	coproc held { vsock-cat unix:a; }
	echo first >&"${held[1]}"
	read -r answer <&"${held[0]}"
	[ "$answer" = first ]
	(ask unix:a waits >waited) &
	waiting=$!
	[ "$(ask unix:b other)" = other ]
	[ ! -s waited ]
	exec {held[1]}>&-
	wait $waiting
	[ "$(cat waited)" = waits ]
}

@test "max-conns-per-peer of a rule counts its own connections" {
	echo_at echo echo
	spawn_ready proxy vsock-proxy unix:a unix:echo max-conns-per-peer=1 name=a unix:b unix:echo
	wait_ready proxy 2
	coproc held { vsock-cat unix:a; }
	echo first >&"${held[1]}"
	read -r answer <&"${held[0]}"
	[ "$(ask unix:b 2)" = 2 ]
	[ -z "$(ask unix:a 3)" ]
	wait_until grep -q 'deny .* rule=a why=max-conns-per-peer=1' proxy.err
	exec {held[1]}>&-
}

@test "a range of ports forwards to a range of ports" {
	need python3
	base=$(python3 - <<-'END'
		import socket
		def free(base):
		    held = []
		    try:
		        for port in range(base, base + 6):
		            s = socket.socket(); s.bind(("127.0.0.1", port)); held.append(s)
		        return True
		    except OSError:
		        return False
		print(next(b for b in range(23000, 30000, 17) if free(b)))
	END
	)
	for i in 3 4 5; do
		spawn_ready "target$i" vsock-listen "tcp:127.0.0.1:$((base + i))" -- echo "port $i"
	done
	spawn_ready proxy vsock-proxy "tcp:127.0.0.1:$base-$((base + 2))" \
		"tcp:127.0.0.1:$((base + 3))-$((base + 5))" name=range
	wait_ready proxy 3
	for i in 0 1 2; do
		[ "$(vsock-cat "tcp:127.0.0.1:$((base + i))" </dev/null)" = "port $((i + 3))" ]
	done
	grep -q "listening on tcp:127.0.0.1:$base-$((base + 2)) " proxy.err ||
		grep -q "listening on tcp:127.0.0.1:$base-$((base + 2))" proxy.err
}

@test "ranges that differ in length, are backwards, too long or overlap are refused" {
	run -2 vsock-proxy tcp:8000-8009 tcp:9000-9008
	[[ $output == *"both ranges must have the same length"* ]]
	run -2 vsock-proxy tcp:8000-8009 unix:a
	run -2 vsock-proxy tcp:8009-8000 tcp:9000-9009
	run -2 vsock-proxy tcp:1000-4000 tcp:5000-8000
	[[ $output == *"at most 1024 ports"* ]]
	run -2 vsock-proxy tcp:8000-8009 tcp:9000-9009 tcp:8005 tcp:1
	[[ $output == *"listened on twice"* ]]
}

@test "several targets: the first that answers is used, and the record names it" {
	says one echo one
	spawn_ready proxy vsock-proxy -v unix:front unix:gone connect=unix:one
	[ "$(vsock-cat unix:front </dev/null)" = one ]
	grep -q '#1 unix:gone: .*; trying unix:one' proxy.err
	wait_until grep -q '#1 done .* -> unix:one' proxy.err
	# remembered: the second goes there at once
	[ "$(vsock-cat unix:front </dev/null)" = one ]
	run ! grep -q '#2 unix:gone' proxy.err
}

@test "several targets: none answers" {
	spawn_ready proxy vsock-proxy unix:front unix:gone connect=unix:away
	[ -z "$(vsock-cat unix:front </dev/null 2>/dev/null)" ]
	wait_until grep -qE '#1 fail .* -> unix:away .*why=' proxy.err
	# and one that comes back is found, though it was dead a moment ago
	says away echo back
	[ "$(vsock-cat unix:front </dev/null)" = back ]
}

@test "balance=round-robin takes turns, balance=least picks the target with the fewest connections" {
	says one echo one
	says two echo two
	spawn_ready proxy vsock-proxy --balance round-robin unix:front unix:one connect=unix:two
	[ "$(for _ in 1 2 3 4; do vsock-cat unix:front </dev/null; done | xargs)" = \
		"one two one two" ]
	spawn_ready slow1 vsock-listen unix:slow1 -- sh -c 'echo 1; cat'
	spawn_ready slow2 vsock-listen unix:slow2 -- sh -c 'echo 2; cat'
	spawn_ready least vsock-proxy unix:least unix:slow1 connect=unix:slow2 balance=least
	coproc held { vsock-cat unix:least; }
	read -r first <&"${held[0]}"
	[ "$(vsock-cat unix:least </dev/null)" != "$first" ]
	[ "$(vsock-cat unix:least </dev/null)" != "$first" ]
	exec {held[1]}>&-
}

@test "root refuses a rules file that others may write to" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	echo 'unix:a unix:b' >rules
	for mode in 0666 0664; do
		chmod $mode rules
		run -6 vsock-proxy --check -f rules
		[[ $output == "rules: refused: users other than root may write to it"* ]]
		[[ $output == *$'\nhint: chown root rules; chmod go-w rules'* ]]
	done
	chmod 0644 rules
	chown 12345 rules
	run -6 --separate-stderr vsock-proxy --check --json -f rules
	[ "$output" = '{"event":"error","file":"rules","why":"refused: it belongs to another user, and root would obey it","hint":"chown root rules; chmod go-w rules"}' ]
	cp rules 'my rules'
	chmod 0666 'my rules'
	run -6 vsock-proxy --check -f 'my rules'
	eval "$(sed -n 's/^hint: //p' <<<"$output")"
	run -0 vsock-proxy --check -f 'my rules'
	run -6 vsock-proxy --check -f rules
	[[ $output == "rules: refused: it belongs to another user"* ]]
	mkdir -m 0777 directory
	run -6 vsock-proxy --check -f directory
	echo '3 web' >hosts
	chmod 0666 hosts
	VSOCK_HOSTS=hosts run -6 vsock-proxy --check tcp:80 vsock:web:80
	[[ $output == "hosts: refused: "* ]]
}

@test "root takes rules from a pipe that it was given, and from no FIFO of another user" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	run -0 bash -c 'vsock-proxy --check -f <(echo unix:a unix:b)'
	run -0 bash -c 'echo unix:a unix:b | vsock-proxy --check -f -'
	VSOCK_HOSTS=/dev/null run -0 vsock-proxy --check unix:a unix:b
	mkfifo -m 0644 fifo
	chown 12345 fifo
	spawn writer sh -c 'echo unix:a unix:b >fifo'
	run -6 vsock-proxy --check -f fifo
	[[ $output == "fifo: refused: it belongs to another user"* ]]
}

@test "rules that would connect to themselves are refused" {
	local own
	own=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m1 '\.') || own=127.0.0.1
	ln -s . here
	for rule in 'tcp:8080 tcp:8080' 'tcp:*:8080 tcp:127.0.0.2:8080' \
		'tcp:127.0.0.1:80 tcp:localhost:http' \
		"tcp:*:8080 tcp:$own:8080" 'tcp:[::1]:8080 tcp6:localhost:8080' \
		'udp:53 udp:127.0.0.1:53' \
		'tcp:8000-8010 tcp:8000-8010' 'unix:a unix:./here/a' 'unix:@a unix:@a' \
		'vsock::5000 vsock:1:5000' \
		'vsock-mux:m:5 unix:m_5' 'tcp:1 tcp:2 tcp:2 tcp:3 tcp:3 tcp:1' \
		'tcp:1 tcp:2 connect=tcp:127.0.0.1:1'; do
		# shellcheck disable=SC2086 # the rule is several words
		proxy_says 2 'connections would come back to this rule without end' --check $rule
	done
	# what ends, or goes elsewhere, is no loop; of others that lead into one nothing is said
	for rule in 'tcp:1 tcp:2 tcp:2 tcp:3' 'tcp:127.0.0.1:80 tcp:127.0.0.2:80' 'tcp:80 udp:80' \
		'tcp:8000-8010 tcp:8001-8011' \
		'unix:a unix:@a' 'unix:a unix-seqpacket:a message-size=1K' \
		'tcp4:127.0.0.1:80 tcp:[::1]:80'; do
		# shellcheck disable=SC2086
		run -0 vsock-proxy --check $rule
	done
	printf '%s\n' 'tcp:3 tcp:4' 'tcp:1 tcp:1' 'tcp:2 tcp:1' >rules
	run -2 --separate-stderr vsock-proxy --check -f rules
	[ "$(grep -c 'without end' <<<"$stderr")" = 1 ]
	[[ ${stderr_lines[0]} == "rules:2: tcp:1: connections would come back"* ]]
}

@test "every address that others can reach needs --allow" {
	for address in 'tcp:*:9100' tcp:10.1.2.3:9100 'tcp:[2001:db8::1]:9100' \
		tcp:example.org:9100 vsock::9100 vsock:1:9100; do
		for option in --metrics --status-socket; do
			proxy_says 2 'other machines could read it there' \
				--check "$option" "$address" unix:a unix:b
			proxy_says 2 'other machines could read it there' \
				--check "$option" "$address" --deny uid:3 unix:a unix:b
		done
	done
	for host in 0.0.0.0 127.0.0.1 ::1; do # of a socket that was passed
		run python3 -c '
import os, socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
sock.bind((sys.argv[1], 0))
os.set_inheritable(sock.fileno(), True)
os.execvp("vsock-proxy", ["vsock-proxy", "--check", "--metrics", "fd:%d" % sock.fileno(),
                          "unix:a", "unix:b"])' "$host"
		if [ "$host" = 0.0.0.0 ]; then
			[ "$status" = 2 ]
			[[ $output == *'other machines could read it there'* ]]
		else
			[ "$status" = 0 ]
		fi
	done
	for address in tcp:9100 tcp:127.0.0.1:9100 'tcp:[::1]:9100' tcp:localhost:9100 unix:m; do
		run -0 vsock-proxy --check --metrics "$address" unix:a unix:b
	done
	run -0 vsock-proxy --check --allow 10.1.2.4 --metrics tcp:10.1.2.3:9100 unix:a unix:b
}

@test "a rule does not listen where --metrics or --status-socket does" {
	ln -s . here
	for pair in 'tcp:9555 tcp:9555' 'tcp:9555 tcp:127.0.0.1:9555' 'tcp:*:9555 tcp:9555' \
		'tcp:9550-9560 tcp:9555' 'unix:a unix:a' 'unix:a unix:./here/a' \
		'unix-seqpacket:a unix:a'; do
		# shellcheck disable=SC2086 # two words
		set -- $pair
		target=unix:t
		[ "$1" != tcp:9550-9560 ] || target=tcp:50-60
		for option in --metrics --status-socket; do
			for how in --check ''; do
				# shellcheck disable=SC2086 # nothing, or an option
				proxy_says 2 "$1: listened on twice, as in $option $2" \
					$how "$1" "$target" message-size=1K "$option" "$2"
			done
		done
		proxy_says 2 "--status-socket $2: listened on twice, as in --metrics $2" \
			--check unix:x unix:y --metrics "$2" --status-socket "$2"
	done
	printf '%s\n' 'unix:x unix:y' 'tcp:9555 tcp:80' >rules
	proxy_says 2 'rules:2: tcp:9555: listened on twice, as in --metrics tcp:9555' \
		--check -f rules --metrics tcp:9555
	run -0 vsock-proxy --check tcp:9555 tcp:80 tcp:127.0.0.2:9556 tcp:80 unix:a unix:b \
		--metrics tcp:9556 --status-socket unix:c
}
