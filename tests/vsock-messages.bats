#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Messages over vsock itself: seqpacket, and datagrams in frames. tests/vsock.bats has the rest.

load lib/common

setup() {
	skip_outside_lab
	own_directory
}

@test "seqpacket preserves boundaries both ways, also through a proxy" {
	if ! since 5.14; then
		run -1 --separate-stderr vsock-cat vsock-seqpacket:1:5030
		[[ ${stderr_lines[0]} == "vsock-cat: vsock-seqpacket:1:5030: "*seqpacket* ]]
		return
	fi
	cat >peer.py <<-'END'
		import socket
		listener = socket.socket(socket.AF_VSOCK, socket.SOCK_SEQPACKET)
		listener.bind((socket.VMADDR_CID_ANY, 5030))
		listener.listen()
		print("READY", flush=True)
		for _ in range(2):
		    peer, _ = listener.accept()
		    while message := peer.recv(1 << 20):
		        print(len(message), flush=True)
		    for size in (1, 70000, 3):
		        peer.send(b"x" * size)
		    peer.shutdown(socket.SHUT_WR)
		    peer.close()
	END
	spawn peer python3 -u peer.py
	wait_until grep -q READY peer.out
	head -c 2500 /dev/zero | vsock-cat --message-size 1000 vsock-seqpacket:1:5030 >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 1000 1000 500 " ]
	[ "$(stat -c %s out)" = 70004 ]
	spawn_ready proxy vsock-proxy vsock-seqpacket:any:5031 vsock-seqpacket:1:5030
	python3 - <<-'END' >lengths
		import socket
		client = socket.socket(socket.AF_VSOCK, socket.SOCK_SEQPACKET)
		client.connect((1, 5031))
		for size in (5, 1, 100000, 7):
		    client.send(b"y" * size)
		client.shutdown(socket.SHUT_WR)
		print(*[len(client.recv(1 << 20)) for _ in range(3)])
	END
	[ "$(cat lengths)" = "1 70000 3" ]
	finish peer
	[ "$(tr '\n' ' ' <peer.out)" = "READY 1000 1000 500 5 1 100000 7 " ]
}

@test "seqpacket: a message larger than any window is an error that says so; a stream listener does not match" {
	since 5.14 || skip "no vsock seqpacket on this kernel"
	spawn_ready echo vsock-listen --echo vsock-seqpacket:any:5032
	bytes 1M data
	run -1 --separate-stderr vsock-cat --message-size 1M vsock-seqpacket:1:5032 <data
	echo "$stderr"
	[[ ${stderr_lines[0]} == *"message"*"long"* ]]
	vsock-cat --message-size 60000 vsock-seqpacket:1:5032 <data >got
	same data got
	vsock-cat --message-size 1M vsock-seqpacket:1:5032,window=4M <data >got2 2>err || true
	cat err
	spawn_ready stream vsock-listen --echo 5033
	run -3 --separate-stderr vsock-cat vsock-seqpacket:1:5033
	[[ ${stderr_lines[0]} == *": refused: "* ]]
}

@test "datagrams over vsock: UDP on both sides of two vsock-proxies, never split or merged" {
	need python3
	spawn echo "$tests_top/tests/lib/datagrams" echo 127.0.0.1:0
	wait_until grep -q '^READY' echo.out
	spawn_ready far vsock-proxy -v vsock:any:0 "$(sed -n 's/^READY //p' echo.out)"
	loopback
	spawn_ready near vsock-proxy -v udp:127.0.0.1:0 "$target" udp-idle=2s
	"$tests_top/tests/lib/datagrams" exchange "${ready#udp:}" 500 --sources 4
	# what one end's flow ends is the end of the other's stream
	wait_until sh -c '[ "$(grep -c " done udp:.* end=idle" near.err)" = 4 ]'
	wait_until sh -c '[ "$(grep -c " done vsock:1:.* end=eof" far.err)" = 4 ]'
}

@test "seqpacket: a target that stops reading does not disturb its client; MSG_EOR is passed on; the client's end ends the relay" {
	need python3
	spawn_ready proxy vsock-proxy -v vsock-seqpacket::0 unix-seqpacket:./target \
		vsock-seqpacket::0 vsock-seqpacket:1:7777
	wait_ready proxy 2
	python3 -c '
import socket, sys, time
kind = socket.SOCK_SEQPACKET
target = socket.socket(socket.AF_UNIX, kind)
target.bind("target")
target.listen()
def client(port):
    c = socket.socket(socket.AF_VSOCK, kind)
    c.settimeout(20)
    c.connect((1, port))
    return c
first = client(int(sys.argv[1]))
t1, _ = target.accept()
t1.shutdown(socket.SHUT_RD)
first.send(b"input that nobody wants")
time.sleep(1) # a second client while the proxy has met the closed half: nothing tells when it has
second = client(int(sys.argv[1]))
t2, _ = target.accept()
t1.send(b"for the first")
assert first.recv(100) == b"for the first"
t2.send(b"for the second")
assert second.recv(100) == b"for the second"
# half-closed, then closed, with a target that says nothing
second.shutdown(socket.SHUT_WR)
assert t2.recv(10) == b""
second.close()
t2.settimeout(20)
try:
    t2.send(b"x")
    while t2.send(b"x"):
        time.sleep(0.1)
except (BrokenPipeError, ConnectionResetError):
    pass
listener = socket.socket(socket.AF_VSOCK, kind)
listener.bind((socket.VMADDR_CID_ANY, 7777))
listener.listen()
c = client(int(sys.argv[2]))
t, _ = listener.accept()
for flags in (0, socket.MSG_EOR, 0):
    c.send(b"record", flags)
    data, _, got, _ = t.recvmsg(100)
    assert (data, got & socket.MSG_EOR) == (b"record", flags), (data, got, flags)
' "$(port_of "${readies[0]}")" "$(port_of "${readies[1]}")"
}
