#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Many connections at once, and those that would spoil it for the others. Counted in connections and
# bytes, never in time.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	ulimit -n "$(ulimit -Hn)"
	spawn_ready target vsock-listen unix:./target,backlog=64 --echo
}

# descriptors N: skips where this user may not have so many.
descriptors() {
	[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge "$1" ] ||
		skip "ulimit -n is $(ulimit -n), and $1 are needed"
}

resident() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$(worker_of "$1")/status"
}

@test "9,000 connections held by one process all still echo; their memory is returned" {
	descriptors 18500
	spawn_ready proxy vsock-proxy "${inspectable[@]}" unix:./front unix:./target
	before=$(descriptors_of proxy)
	python3 - "$(worker_of proxy)" <<-'END'
		import os, socket, sys
		clients = []
		for i in range(9000):
		    client = socket.socket(socket.AF_UNIX)
		    client.connect("front")
		    client.sendall(b"%05d" % i)
		    clients.append(client)
		for lap in range(2):
		    for i, client in enumerate(clients):
		        assert client.recv(5, socket.MSG_WAITALL) == b"%05d" % i, i
		        if lap == 0:
		            client.sendall(b"%05d" % i)
		held = len(os.listdir("/proc/%s/fd" % sys.argv[1]))
		assert held >= 18000, held
	END
	wait_until test_descriptors proxy "$before"
	# one more is served as the first was
	[ "$(echo hello | vsock-cat ./front)" = hello ]
}

test_descriptors() {
	[ "$(descriptors_of "$1")" -le "$2" ]
}

# KiB of both processes.
held() {
	awk '$1 == "VmRSS:" { sum += $2 } END { print sum }' "/proc/${spawned[$1]}/status" \
		"/proc/$(worker_of "$1")/status"
}

# Is the program itself what is run? Sanitizers and valgrind keep what was freed, so their processes
# grow.
plain() {
	head -c 4 "$(command -v "$1")" | grep -q ELF && ! grep -q __asan_init "$(command -v "$1")"
}

@test "20,000 short connections leave both processes as they were before" {
	descriptors 500
	spawn_ready echo vsock-listen tcp:127.0.0.1:0 --echo
	spawn_ready proxy vsock-proxy "${inspectable[@]}" unix:./front unix:./target \
		tcp:127.0.0.1:0 "$ready"
	wait_ready proxy 2
	before=$(descriptors_of proxy)
	cat >visit.py <<-'END'
		import socket, sys
		# COUNT connections to each, 10 at once: connect, echo, close
		for family, address in (socket.AF_UNIX, "front"), \
		    (socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))):
		    for lap in range(int(sys.argv[2]) // 10):
		        clients = [socket.socket(family) for _ in range(10)]
		        for i, client in enumerate(clients):
		            client.connect(address)
		            client.sendall(b"%06d%d" % (lap, i))
		        for i, client in enumerate(clients):
		            assert client.recv(7, socket.MSG_WAITALL) == b"%06d%d" % (lap, i)
		            client.close()
	END
	python3 visit.py "$(port_of "${readies[1]}")" 1000
	wait_until test_descriptors proxy "$before"
	memory=$(held proxy)
	python3 visit.py "$(port_of "${readies[1]}")" 10000
	wait_until test_descriptors proxy "$before"
	after=$(held proxy)
	echo "descriptors $before; memory of both $memory KiB before, $after KiB after"
	plain vsock-proxy || return 0
	[ "$after" -le $((memory + 256)) ]
}

@test "2,000 simultaneous connections: none is refused, though the target's backlog is short" {
	descriptors 4500
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./target
	python3 - "$(port_of "$ready")" <<-'END'
		import errno, selectors, socket, sys
		address = ("127.0.0.1", int(sys.argv[1]))
		poll, right = selectors.DefaultSelector(), 0
		for i in range(2000):
		    client = socket.socket()
		    client.setblocking(False)
		    assert client.connect_ex(address) == errno.EINPROGRESS
		    poll.register(client, selectors.EVENT_WRITE, [b"%d\n" % i * 50, b""])
		left = 2000
		while left:
		    for key, events in poll.select(60):
		        client, (question, answer) = key.fileobj, key.data
		        if events & selectors.EVENT_WRITE:
		            client.sendall(question)
		            client.shutdown(socket.SHUT_WR)
		            poll.modify(client, selectors.EVENT_READ, key.data)
		            continue
		        got = client.recv(65536)
		        if got:
		            key.data[1] = answer + got
		            continue
		        right += answer == question
		        poll.unregister(client)
		        client.close()
		        left -= 1
		assert right == 2000, right
	END
	run ! grep -q ' fail ' proxy.err
}

@test "a slow reader, one that never reads and a flooding source do not affect the others" {
	spawn_ready proxy vsock-proxy unix:./front unix:./target
	python3 - <<-'END'
		import socket, threading

		def client():
		    s = socket.socket(socket.AF_UNIX)
		    s.connect("front")
		    return s

		def fill(s, most):  # until nothing more fits
		    sent, block = 0, bytes(65536)
		    s.settimeout(0.3)
		    try:
		        while sent < most:
		            sent += s.send(block)
		    except TimeoutError:
		        pass
		    s.settimeout(60)
		    return sent

		never = [client() for _ in range(20)]
		stuck = [fill(s, 1 << 26) for s in never]
		assert all(sent < 1 << 26 for sent in stuck), stuck
		slow, stop = client(), threading.Event()
		owed = fill(slow, 1 << 26)

		def flood():  # a client that sends as fast as it can, and reads all
		    s = client()
		    s.setblocking(False)
		    block = bytes(1 << 20)
		    while not stop.is_set():
		        for step in (lambda: s.send(block), lambda: s.recv(1 << 20)):
		            try:
		                step()
		            except BlockingIOError:
		                pass
		    s.close()

		flooding = threading.Thread(target=flood)
		flooding.start()
		others = [client() for _ in range(50)]
		for lap in range(20):
		    for i, s in enumerate(others):
		        s.sendall(b"%03d%03d" % (lap, i))
		    for i, s in enumerate(others):
		        assert s.recv(6, socket.MSG_WAITALL) == b"%03d%03d" % (lap, i)
		    owed -= len(slow.recv(1000))
		stop.set()
		flooding.join()
		# the slow one gets all of it in the end, and so does one of those that did not read
		while owed:
		    owed -= len(slow.recv(1 << 20))
		    assert owed >= 0
		owed = stuck[0]
		while owed:
		    owed -= len(never[0].recv(1 << 20))
		print("stalled:", len(never), "of", max(stuck), "bytes each")
	END
	# a stalled direction holds one read or one pipe, and pipes are bounded in all
	[ "$(resident proxy)" -lt 100000 ]
}
