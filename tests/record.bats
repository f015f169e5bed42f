#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat and vsock-listen --record: what Wireshark makes of it.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	need tshark xxd
}

# shark FILE OPTION…: with the checksums looked at, and without what it says of root.
shark() {
	local file=$1
	shift
	tshark -n -r "$file" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "$@" 2>/dev/null
}

# directions FILE FILTER: those of the packets, 2 is from us; versions of tshark write them as 2 or
# 0x00000002.
directions() {
	shark "$1" -Y "$2" -T fields -e frame.packet_flags_direction | sed 's/^0x0*//' | xargs
}

# payload FILE up|down: the bytes of one direction, in order.
payload() {
	local filter='frame.packet_flags_direction == 2'
	[ "$2" = up ] || filter='frame.packet_flags_direction == 1'
	shark "$1" -Y "$filter && tcp.len > 0" -T fields -e tcp.payload | tr -d ':\n' | xxd -r -p
}

# Nothing that Wireshark finds suspicious, and one conversation.
clean() {
	[ "$(shark "$1" -T fields -e tcp.stream | sort -u)" = 0 ] || return 1
	# what dissectors that try their luck on our bytes think of them does not count
	[ -z "$(shark "$1" -Y 'tcp.analysis.flags || tcp.checksum.status == 0 || ip.checksum.status == 0')" ] ||
		{ shark "$1" -q -z expert; return 1; }
}

@test "--record writes one TCP conversation with handshake, both directions and both ends" {
	spawn_ready peer vsock-listen unix:./peer -- tr a-z A-Z
	echo question >question
	run -0 --separate-stderr vsock-cat --record file ./peer <question
	[ "$output" = QUESTION ]
	[ -z "$stderr" ]
	[ "$(stat -c %a file)" = 600 ]
	clean file
	shark file -T fields -e frame.packet_flags_direction -e ipv6.src -e tcp.flags.str \
		-e tcp.len |
		sed 's/^0x0*//; s/·//g' >got
	diff got - <<-'END'
		2	fd76:736f:636b:1::1	S	0
		1	fd76:736f:636b:1::2	AS	0
		2	fd76:736f:636b:1::1	A	0
		2	fd76:736f:636b:1::1	AP	9
		2	fd76:736f:636b:1::1	AF	0
		1	fd76:736f:636b:1::2	A	0
		1	fd76:736f:636b:1::2	AP	9
		1	fd76:736f:636b:1::2	AF	0
		2	fd76:736f:636b:1::1	A	0
	END
	shark file -q -z follow,tcp,ascii,0 >stream
	grep -x question stream
	grep -P '^\tQUESTION$|^QUESTION$' stream
	shark file -q -z conv,tcp |
		grep -F 'fd76:736f:636b:1::1:49153  <-> fd76:736f:636b:1::2:49152'
}

@test "--record: comments have the addresses; program name and nanosecond times are recorded" {
	need capinfos
	spawn_ready peer vsock-listen unix:./peer --echo
	before=$(date +%s)
	run -0 vsock-cat --record file ./peer <<<data
	run -0 --separate-stderr capinfos file
	[[ $output == *"Capture application: vsock-cat (vsock-tools) "* ]]
	[[ $output == *"Name = unix:./peer"* ]]
	[[ $output == *"vsock-cat and unix:./peer; IPv6 and TCP headers are made up, the data is not"* ]]
	[[ $output == *"nanoseconds (9)"* ]]
	shark file -T fields -e frame.time_epoch >stamps
	sort -c -n stamps
	[ "$(head -n 1 stamps | cut -d. -f1)" -ge "$before" ]
	[ "$(tail -n 1 stamps | cut -d. -f1)" -le "$(date +%s)" ]
}

@test "--record of a large transfer both ways, together with --dump: every byte is in both files" {
	spawn_ready peer vsock-listen unix:./peer -- sh -c 'tee got | tr a b'
	bytes 5M data
	tr a b <data >answer
	vsock-cat --record file -x dump ./peer <data >received
	same received answer
	same got data
	clean file
	payload file up >up
	same up data
	payload file down >down
	same down answer
	awk '/^[<>]/ { up = /^>/; next } up' dump | cut -c 11-58 | xxd -r -p >dumped
	same dumped data
}

@test "--record keeps real TCP addresses, and the payload is dissected" {
	spawn_ready peer vsock-listen \
		tcp:127.0.0.1:0 -- sh -c 'head -n 1; printf "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes"'
	port=$(port_of "$ready")
	printf 'GET /path HTTP/1.0\r\n\r\n' >request
	run -0 vsock-cat --record file "$ready" <request
	clean file
	[ "$(shark file -Y 'tcp.flags == 2' -T fields -e ip.dst -e tcp.dstport)" = \
		"127.0.0.1	$port" ]
	[ "$(shark file -d "tcp.port==$port,http" -Y http.request -T fields -e http.request.uri)" \
		= /path ]
	spawn_ready six vsock-listen 'tcp:[::1]:0' --discard
	run -0 vsock-cat --record six "$ready" <request
	clean six
	[ "$(shark six -Y 'tcp.flags == 2' -T fields -e ipv6.src -e ipv6.dst)" = "::1	::1" ]
}

@test "--record works for exec:, hybrid vsock and messages" {
	run -0 vsock-cat --record exec 'exec:tr a-z A-Z' <<<text
	clean exec
	[ "$(payload exec up)$(payload exec down)" = textTEXT ]
	spawn_ready peer vsock-listen unix-seqpacket:messages --echo
	run -0 vsock-cat --record messages.pcapng \
		--message-size line unix-seqpacket:messages <<<$'a\nbb'
	clean messages.pcapng
	[ "$(shark messages.pcapng -Y 'tcp.len > 0' -T fields -e tcp.len | sort |
		xargs)" = "2 2 3 3" ]
	start_vmm guest ok
	run vsock-cat --record mux vsock-mux:guest:52 <<<data
	[ "$(shark mux -Y 'tcp.flags == 2' -T fields -e tcp.dstport)" = 52 ]
}

@test "--record: a reset by the peer is an RST, a signal ends both directions" {
	need python3
	spawn peer python3 -c '
import socket, struct
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c = s.accept()[0]
c.recv(10)
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
c.close()'
	wait_until [ -s peer.out ]
	mkfifo never
	exec 8<>never
	echo data >&8
	run -7 vsock-cat --record file "tcp:127.0.0.1:$(cat peer.out)" <&8
	[ "$(directions file tcp.flags.reset==1)" = 1 ]
	spawn_ready echo vsock-listen unix:./echo --echo
	echo data >&8
	spawn cat bash -c 'exec vsock-cat --record stopped ./echo <never'
	wait_until grep -q data cat.out
	finish cat
	clean stopped
	[ "$(directions stopped tcp.flags.fin==1)" = "2 1" ]
	exec 8>&-
}

# goes_on OPTION FILE MESSAGE: recording ends with this message, and the transfer of ./data to an
# echo goes on.
goes_on() {
	run -1 bash -c 'vsock-cat "$@" ./peer <data 2>err >got' - "$1" "$2"
	same got data
	[ "$(cat err)" = "vsock-cat: $1 $2: $3" ]
}

@test "--record: a full disk ends the recording, not the transfer" {
	spawn_ready peer vsock-listen unix:./peer --echo
	bytes 2M data
	goes_on --record /dev/full "No space left on device; recording ends"
	# what is too large for a file of ours: cut behind the last whole packet
	run -1 bash -c '(ulimit -f 1000; vsock-cat --record file ./peer <data 2>err) | cat >got2; exit "${PIPESTATUS[0]}"'
	same got2 data
	[ "$(cat err)" = "vsock-cat: --record file: File too large; recording ends" ]
	[ "$(stat -c %s file)" -le 1024000 ]
	clean file
	[ "$(shark file -Y 'tcp.len > 0' | wc -l)" -gt 20 ]
}

@test "--record to a FIFO while somebody reads it; without the reader the transfer goes on" {
	spawn_ready peer vsock-listen unix:./peer --echo
	mkfifo pipe
	spawn reader cat pipe
	run -0 --separate-stderr vsock-cat --record pipe ./peer <<<data
	[ "$output" = data ]
	join reader
	clean reader.out
	[ "$(payload reader.out up)" = data ]
	bytes 1M data
	spawn reader head -c 100000 pipe
	goes_on --record pipe "Broken pipe; recording ends"
}

@test "--record and --dump to a FIFO that nobody reads any more: the transfer goes on" {
	spawn_ready peer vsock-listen unix:./peer --echo
	mkfifo pipe
	bytes 1M data
	exec 7<>pipe
	goes_on --record pipe "its reader does not read; recording ends"
	goes_on --dump pipe "its reader does not read; dumping ends"
	exec 7<&-
}

@test "vsock-listen --record writes each connection as a conversation from the peer to us" {
	printf 'answer' >answer
	spawn_ready listen vsock-listen --record file -x dump -c 2 unix:./peer
	echo one | vsock-cat ./peer
	echo three | vsock-cat ./peer
	join listen
	[ "$(cat listen.out)" = $'one\nthree' ]
	[ "$(shark file -T fields -e tcp.stream | sort -u | xargs)" = "0 1" ]
	[ -z "$(shark file -Y tcp.analysis.flags)" ]
	[ "$(directions file 'tcp.flags == 2')" = "1 1" ]
	[ "$(shark file -Y 'tcp.flags == 2' -T fields -e ipv6.src | xargs)" = \
		"fd76:736f:636b:1::2 fd76:736f:636b:1::2" ]
	[ "$(shark file -Y 'tcp.stream == 0 && tcp.len > 0' -T fields -e tcp.len)" = 4 ]
	[ "$(shark file -Y 'tcp.stream == 1 && tcp.len > 0' -T fields -e tcp.len)" = 6 ]
	[ "$(shark file -T fields -e frame.interface_id | sort -u | xargs)" = "0 1" ]
	[ "$(grep -c '^< .* from=0 ' dump)" = 2 ]
	# what we send goes out
	cp answer back.in
	spawn_ready back vsock-listen --record back tcp:127.0.0.1:0
	run -0 vsock-cat "$ready" </dev/null
	[ "$output" = answer ]
	join back
	clean back
	[ "$(payload back up)" = answer ]
	[ "$(shark back -Y 'tcp.flags == 2' -T fields -e tcp.dstport)" = "$(port_of "$ready")" ]
}

@test "--record reports what cannot be recorded before connecting" {
	run -1 vsock-cat --record /nowhere/file ./peer
	[ "$output" = "vsock-cat: --record /nowhere/file: No such file or directory" ]
	run -2 vsock-cat --record - ./peer
	[[ $output == *"standard output is for received data"*"wireshark -k -i"* ]]
	for other in -z -F; do
		run -2 vsock-cat $other --record file ./peer
		[[ $output == *"cannot be used together"* ]]
	done
	[ ! -e file ]
}
