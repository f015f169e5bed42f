#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Trouble in some rules of vsock-proxy leaves the others fast. What is judged is the order in which
# clients are served, which a busy machine does not change: see tests/lib/latency for what is
# measured, and doc/measurements.md for times.

load lib/common

setup() {
	own_directory
	need python3
}

# crowd WORKER: clients of two rules that fail; then five times, while the worker stands still, ten
# of them and after these one of another rule.
crowd() {
	python3 - "$1" <<-'CODE'
		import os, signal, socket, sys

		def connect(path):
		    client = socket.socket(socket.AF_UNIX)
		    client.connect(path)
		    return client

		def ends(client):
		    try:
		        assert client.recv(1) == b""
		    except ConnectionResetError:
		        pass

		worker = int(sys.argv[1])
		for path in "refused", "absent":
		    ends(connect(path))
		for turn in range(5):
		    os.kill(worker, signal.SIGSTOP)
		    while "T (stopped)" not in open(f"/proc/{worker}/status").read():
		        pass
		    failing = [connect(path) for path in ["refused", "absent"] * 5]
		    last = connect("front")
		    os.kill(worker, signal.SIGCONT)
		    for client in failing:
		        ends(client)
		    last.sendall(b"x")
		    assert last.recv(1) == b"x"
		    last.close()
	CODE
}

@test "a client of a rule that is seldom used goes before those of rules that fail" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v --status-socket none unix:./front unix:./echo \
		unix:./refused tcp:127.0.0.1:1 unix:./absent unix:./nowhere
	crowd "$(worker_of proxy)"
	# connections are numbered as they are accepted
	[ "$(grep -oP '#\K[0-9]+(?= open)' proxy.err | xargs)" = "3 14 25 36 47" ]
}

# judge FILE: how many connections of rules in trouble had failed before another rule answered. On
# two processors it was 3 and 7; when each turn of the loop began with the next listener it was 4
# and 17. The longest time tells whether the loop stood still for a name or a reload: these take
# 2 s.
judge() {
	python3 - "$1" <<-'CODE'
		import json, sys
		with open(sys.argv[1]) as file:
		    loaded = json.load(file)["loaded"]
		print(loaded)
		for what, most in ("round trip", 12), ("new connection", 40):
		    assert loaded[what]["count"] > 50, "too few were measured"
		    assert loaded[what]["passed"] <= most, f"others went before a {what}"
		    assert loaded[what]["worst"] < 1000, f"the loop stood still before a {what}"
	CODE
}

@test "an absent CID, a refusing port, silent names and a slow reload delay no other rule" {
	need ip unshare
	! grep -qF __asan_init "$VSOCK_TOOLS_BUILD/vsock-proxy" ||
		skip "built with a sanitizer, which changes what takes how long"
	unshare -mn true 2>/dev/null || skip "may not have namespaces of its own: run as root"
	"$tests_top/tests/lib/latency" "$(command -v vsock-proxy)" "$(command -v vsock-listen)" 3 \
		>found
	judge found
}
