#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's units under a real systemd, in a VM: start, reload, status, socket activation, what
# they may do, restart without a gap, stop.

load ../lib/common

setup() {
	need qemu-system-x86_64 systemd-analyze
	units=$VSOCK_TOOLS_BUILD/systemd
	[ -e "$units/vsock-proxy.service" ] || skip "the build has no units"
}

# in_vm: the script on standard input, in a VM. The programs are copied, as units have a /tmp and a
# /var/tmp of their own.
in_vm() {
	{ echo "tests_top='$tests_top' VSOCK_TOOLS_BUILD='$VSOCK_TOOLS_BUILD'"; prepare; cat;
	} >"$BATS_TEST_TMPDIR/script"
	export VSOCK_TOOLS_TESTS=$tests_top
	run "$tests_top/tests/lab/vm" --systemd --timeout 400 bash "$BATS_TEST_TMPDIR/script"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *all-done* ]]
}

prepare() {
	cat <<-'END'
		set -eux
		exec 2>&1
		limit() { timeout 60 "$@"; }
		mkdir -p /usr/local/bin /etc/vsock/proxy.d
		cp "$VSOCK_TOOLS_BUILD"/vsock-{cat,listen,proxy} /usr/local/bin/
		for unit in vsock-proxy.service vsock-proxy@.service; do
			sed 's,^ExecStart=[^ ]*,ExecStart=/usr/local/bin/vsock-proxy,' "$VSOCK_TOOLS_BUILD/systemd/$unit" >"/etc/systemd/system/$unit"
		done
		cp "$VSOCK_TOOLS_BUILD/systemd/vsock-proxy@web.socket" /etc/systemd/system/
	END
}

script() {
	cat <<-'END'
		echo 'tcp:127.0.0.1:81 vsock:1:9000 name=main' >/etc/vsock/proxy.rules
		echo 'fd:web vsock:1:9000 name=web' >/etc/vsock/proxy.d/web.rules
		vsock-listen --echo vsock:any:9000 &
		echo=$!
		limit systemctl daemon-reload
		limit systemctl start vsock-proxy.service
		systemctl show -p StatusText vsock-proxy.service
		echo one | limit vsock-cat --wait 30s tcp:127.0.0.1:81
		echo 'tcp:127.0.0.1:82 vsock:1:9000 name=more' >>/etc/vsock/proxy.rules
		limit systemctl reload vsock-proxy.service
		echo two | limit vsock-cat --wait 30s tcp:127.0.0.1:82
		limit vsock-proxy --status
		main=$(systemctl show -p MainPID --value vsock-proxy.service)
		for child in $(cat /proc/$main/task/$main/children); do
			grep -E '^(Name|CapPrm|CapEff|NoNewPrivs|Seccomp):' /proc/$child/status
		done
		systemctl show -p WatchdogTimestampMonotonic vsock-proxy.service
		limit systemctl start vsock-proxy@web.socket
		echo three | limit vsock-cat --wait 30s tcp:127.0.0.1:8080
		# its worker may serve before READY has reached systemd
		limit sh -c 'until systemctl is-active vsock-proxy@web.service; do sleep 0.1; done'
		# a mistake: the reload fails, and the rules in force stay
		echo 'tcp:127.0.0.1:83 vsock:1:9000 max-con=1' >>/etc/vsock/proxy.rules
		result=0
		limit systemctl reload vsock-proxy.service || result=$?
		echo "reload: $result, $(systemctl is-active vsock-proxy.service)"
		echo four | limit vsock-cat --wait 30s tcp:127.0.0.1:82
		limit systemctl stop vsock-proxy.service \
			vsock-proxy@web.socket vsock-proxy@web.service
		systemctl show -p Result vsock-proxy.service vsock-proxy@web.service
		# a start with it fails, once and for all
		result=0
		limit systemctl start vsock-proxy.service || result=$?
		echo "start: $result, $(systemctl show -p SubState -p ExecMainStatus -p NRestarts --value vsock-proxy.service | sort | xargs)"
		kill $echo
		echo all-done
	END
}

@test "the units start, forward, reload, use a named socket, and stop; mistakes in rules fail for good" {
	in_vm < <(script)
	[[ $output == *"StatusText=listening on tcp:127.0.0.1:81"* ]]
	for word in one two three four; do
		grep -qx "$word" <<<"$output"
	done
	# the unit's own filter lets the worker give up what the unit has left to it
	grep -qx 'Name:	vsock-worker' <<<"$output"
	grep -qx 'CapPrm:	0000000000000000' <<<"$output"
	grep -qx 'Seccomp:	2' <<<"$output"
	grep -qE '^WatchdogTimestampMonotonic=[1-9]' <<<"$output"
	grep -qE '^more +tcp:127.0.0.1:82 +vsock:1:9000' <<<"$output"
	[ "$(grep -cx Result=success <<<"$output")" = 2 ]
	grep -qx 'reload: 1, active' <<<"$output"
	# not auto-restart; 2 is the status of a mistake in the rules
	grep -qx 'start: 1, 0 2 failed' <<<"$output"
}

# Process 1 of the VM has the credential vmm.notify_socket, see tests/lab/init.
told() {
	cat <<-'END'
		vsock-listen --notify --until X_SYSTEMD_UNIT_ACTIVE=told.target --ready-fd 3 \
			vsock:any:9999 >/run/told 3>/run/ready &
		limit sh -c 'until grep -q READY /run/ready; do sleep 0.1; done'
		printf '[Unit]\nDescription=told\n' >/etc/systemd/system/told.target
		limit systemctl daemon-reload
		begun=$(date +%s)
		limit systemctl start told.target
		wait $!
		echo "told after $(($(date +%s) - begun)) s"
		cat /run/told
		echo all-done
	END
}

@test "systemd itself tells vsock-listen --notify, and does not wait" {
	local version
	version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
	[ "$version" -ge 256 ] || skip "systemd $version does not tell what becomes active; 256 does"
	in_vm < <(told)
	grep -qx 'X_SYSTEMD_UNIT_ACTIVE=told.target' <<<"$output"
	[[ $output =~ 'told after '[0-7]' s' ]]
}

# Clients connect all the time while the service is restarted by systemd, and by SIGUSR2; three
# connections are held through the latter.
restarts() {
	cat <<-'END'
		cat >/run/load.py <<-'PYTHON'
			import os, socket, sys, threading
			fronts = {
			    "tcp": (socket.AF_INET, ("127.0.0.1", 81)),
			    "unix": (socket.AF_UNIX, "/run/vsock-proxy/service/front"),
			    "vsock": (socket.AF_VSOCK, (1, 9001)),
			}
			end, bad, count = sys.argv[1], [], 0
			def connection(front):
			    s = socket.socket(fronts[front][0])
			    s.settimeout(100)
			    s.connect(fronts[front][1])
			    return s
			def echoes(s, text):
			    s.sendall(text)
			    got = b""
			    while len(got) < len(text) and (piece := s.recv(1000)):
			        got += piece
			    if got != text: raise OSError("%r came back as %r" % (text, got))
			def again(front):
			    global count
			    while not os.path.exists(end):
			        try:
			            s = connection(front)
			            echoes(s, b"hello")
			            s.close()
			            count += 1
			        except OSError as e:
			            bad.append((front, str(e)))
			def held(front):
			    try:
			        s, n = connection(front), 0
			        while not os.path.exists(end):
			            echoes(s, b"%d" % n * 100)
			            n += 1
			    except OSError as e:
			        bad.append((front, "held: " + str(e)))
			threads = [threading.Thread(target=f, args=(front,))
			    for f in [again] + [held] * (len(sys.argv) - 2) for front in fronts]
			for t in threads: t.start()
			for t in threads: t.join()
			print("load", end, "bad", bad, "enough" if count > 30 else count)
		PYTHON
		main_pid() { systemctl show -p MainPID --value vsock-proxy.service; }
		watchdog() {
			systemctl show -p WatchdogTimestampMonotonic --value vsock-proxy.service
		}
		# until COMMAND…
		until_it() {
			for turn in $(seq 300); do if "$@"; then return; fi; sleep 0.1; done
			false
		}
		# no longer reloading, which is what it says until the new one serves: before that
		# it can't be restarted
		is_another() {
			[ "$(main_pid)" != "$main" ] &&
				[ "$(systemctl is-active vsock-proxy.service)" = active ]
		}
		two_are_left() { [ "$(wc -l </sys/fs/cgroup/system.slice/vsock-proxy.service/cgroup.procs)" = 2 ]; }
		is_inactive() { [ "$(systemctl is-active vsock-proxy.service)" = inactive ]; }
		is_closed() { [ "$(systemctl show -p StatusText --value vsock-proxy.service)" = "no longer listening" ]; }
		newcomer_is_refused() {
			local status=0
			timeout 5 vsock-cat tcp:127.0.0.1:81 </dev/null || status=$?
			[ $status = 3 ]
		}
		was_told() { [ "$(watchdog)" != "$last" ]; }
		printf '%s\n' 'tcp:127.0.0.1:81 vsock:1:9000' 'unix:/run/vsock-proxy/service/front vsock:1:9000' 'vsock::9001 vsock:1:9000 allow=any' >/etc/vsock/proxy.rules
		vsock-listen --echo vsock:any:9000 &
		echo=$!
		mkdir -p /run/systemd/system/vsock-proxy.service.d
		# however slow this machine is, the drain is not what ends those that are held
		printf '%s\n' '[Service]' \
			WatchdogSec=20s StandardError=append:/run/proxy.err ExecStart= \
			'ExecStart=/usr/local/bin/vsock-proxy --drain-timeout 5min --rules /etc/vsock/proxy.rules' >/run/systemd/system/vsock-proxy.service.d/watchdog.conf
		limit systemctl daemon-reload
		limit systemctl start vsock-proxy.service
		# where its complaints can be seen
		systemd-analyze log-target kmsg
		inode=$(stat -c %i /run/vsock-proxy/service/front)
		python3 /run/load.py /run/end1 &
		load=$!
		for turn in 1 2 3; do
			main=$(main_pid)
			limit systemctl restart vsock-proxy.service
			is_another
			sleep 0.5
		done
		: >/run/end1
		wait $load
		python3 /run/load.py /run/end2 held &
		load=$!
		sleep 1
		for turn in 1 2 3; do
			main=$(main_pid)
			systemctl kill --kill-who=main -s USR2 vsock-proxy.service
			until_it is_another
			sleep 0.5
		done
		: >/run/end2
		wait $load
		last=$(watchdog)
		until_it was_told
		[ "$(stat -c %i /run/vsock-proxy/service/front)" = "$inode" ]
		systemctl show -p NFileDescriptorStore -p ActiveState -p NRestarts \
			vsock-proxy.service
		until_it two_are_left
		# who drains after SIGUSR2 still does while the service is stopped
		coproc held { vsock-cat tcp:127.0.0.1:81; }
		echo one >&"${held[1]}"
		read -r line <&"${held[0]}"
		main=$(main_pid)
		systemctl kill --kill-who=main -s USR2 vsock-proxy.service
		until_it is_another
		systemctl stop --no-block vsock-proxy.service
		until_it is_closed
		# for good: who comes now waits for nobody, while that one goes on
		until_it newcomer_is_refused
		[ -e /run/vsock-proxy/service/front ] || echo gone at once
		systemctl is-active vsock-proxy.service || true
		echo two >&"${held[1]}"
		read -r line <&"${held[0]}"
		echo "drained $line"
		exec {held[1]}>&-
		until_it is_inactive
		systemctl show -p Result -p NFileDescriptorStore vsock-proxy.service
		cat /run/proxy.err
		dmesg | grep -E 'vsock-proxy.*(not our child|reception only|Cannot store|remains|timed out)' || echo no complaint
		vsock-cat tcp:127.0.0.1:81 </dev/null || echo "refused $?"
		[ -e /run/vsock-proxy/service/front ] || echo removed
		kill $echo
		echo all-done
	END
}

@test "a restart has no gap, by systemctl or SIGUSR2" {
	in_vm < <(restarts)
	grep -qx 'load /run/end1 bad \[\] enough' <<<"$output"
	grep -qx 'load /run/end2 bad \[\] enough' <<<"$output"
	[ "$(grep -cx 'NFileDescriptorStore=3' <<<"$output")" = 1 ]
	[ "$(grep -cx 'NFileDescriptorStore=0' <<<"$output")" = 1 ]
	grep -qx 'ActiveState=active' <<<"$output"
	grep -qx 'NRestarts=0' <<<"$output"
	grep -qx 'deactivating' <<<"$output"
	grep -qx 'gone at once' <<<"$output"
	grep -qx 'drained two' <<<"$output"
	grep -qx 'Result=success' <<<"$output"
	grep -qx 'refused 3' <<<"$output"
	grep -qx 'removed' <<<"$output"
	grep -qx 'no complaint' <<<"$output"
}
