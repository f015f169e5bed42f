#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# cookbook.sh: runs the recipes of COOKBOOK.md in a VM, from their own text, and prints "ok NAME"
# for each recipe that works. cookbook.bats boots the VM.
#
# The VM is the host of the recipes. Their guest is a set of namespaces in it: without a network,
# with a home directory of its own, and with the name "web". Both are CID 1, because every client on
# vsock_loopback has that CID; in the guest, "--allow host" becomes "--allow 1" for that reason. A
# third network namespace, "the internet", has the address of deb.debian.org.

set -u
exec 2>&1
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cp "$VSOCK_TOOLS_BUILD"/vsock-{cat,listen,proxy,run,ping,info} /usr/local/bin/
export HOME=/home/me
# shellcheck source=tests/lab/states.sh
. "$top/tests/lab/states.sh"
pids=() recipes=()

block() {
	"$top/tests/lib/recipe" "$1" | sed 's/\(--allow \)host/\11/; s/^3 web/1 web/'
}

in_guest() {
	nsenter -t "$guest" --net --mount --uts "$@"
}

on() { # host|guest COMMAND...
	local side=$1
	shift
	cd ~/work || exit
	if [ "$side" = guest ]; then
		# shellcheck disable=SC2016 # for the inner shell
		in_guest sh -c 'cd ~/work && exec "$@"' sh "$@"
	else
		"$@"
	fi
}

# start host|guest BLOCK: in the background until the recipe ends.
start() {
	background "$1" bash -euc "$(block "$2")" >"/tmp/$2.out" 2>&1
}

background() {
	{ on "$1" setsid "${@:2}" </dev/null & } 2>/dev/null
	pids+=($!)
}

# run host|guest BLOCK: until it ends.
run() {
	# not from a pipe, whose end would be part of the recipe
	on "$1" timeout 100 bash -euc "$(block "$2")"
}

until_true() {
	local end=$((SECONDS + 100))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain: $*"
			tail -n 5 /tmp/*.out
			return 1
		fi
		# Looking takes processor time from what is waited for.
		nap 0.3
	done
}

listens() { # vsock|tcp PORT [host|guest]
	until_true is_listening "$@"
}

is_listening() {
	case $1 in
		# each network namespace shows its own
		vsock) ss --vsock -Hln && in_guest ss --vsock -Hln ;;
		tcp) on "${3-host}" ss -Htln ;;
		udp) on "${3-host}" ss -Huln ;;
	esac | grep -q ":$2 "
}

stop_all() {
	local pid child
	for pid in "${pids[@]}"; do
		# "on guest" is nsenter, which setsid made the leader of nothing
		for child in $pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
			kill -TERM -- "-$child" 2>/dev/null ||
				kill -TERM "$child" 2>/dev/null || true
		done
	done
	wait "${pids[@]}" 2>/dev/null || true
}

has() { # TEXT PATTERN
	[[ $1 == *"$2"* ]] || { printf 'no "%s" in: %s\n' "$2" "$1"; return 1; }
}

refused() {
	if "$@"; then
		echo "not refused: $*"
		return 1
	fi
}

#
# What the recipes talk to
#

namespace() { # prints the process id of a set of namespaces
	local pid
	unshare "$@" sleep infinity >/dev/null &
	pid=$!
	while [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do
		sleep 0.1
	done
	echo $pid
}

the_world() {
	local address=151.101.130.132
	modprobe veth
	internet=$(namespace --net)
	ip link add out type veth peer name in netns "$internet"
	ip address add 151.101.130.1/24 dev out
	ip link set out up
	ip link set lo up
	nsenter -t "$internet" --net ip address add "$address/24" dev in
	nsenter -t "$internet" --net ip link set in up
	nsenter -t "$internet" --net ip link set lo up
	echo "127.0.0.1 localhost host1" >/etc/hosts
	cp /etc/hosts /tmp/guest-hosts
	echo "$address deb.debian.org other.example" >>/etc/hosts
	mkdir -p /srv/web/debian
	echo "a page" >/srv/web/debian/index.html
	# an emulated processor takes long to find the primes of an RSA key
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
		-subj /CN=deb.debian.org \
		-addext subjectAltName=DNS:deb.debian.org \
		-keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null
	cat >/tmp/web.py <<-'END'
		import functools, ssl, threading
		from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
		handler = functools.partial(SimpleHTTPRequestHandler, directory="/srv/web")
		plain, tls = (ThreadingHTTPServer(("", port), handler) for port in (80, 443))
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain("/tmp/cert.pem", "/tmp/key.pem")
		tls.socket = context.wrap_socket(tls.socket, server_side=True)
		threading.Thread(target=tls.serve_forever).start()
		plain.serve_forever()
	END
	nsenter -t "$internet" --net python3 -u /tmp/web.py >/tmp/web.log 2>&1 &
}

two_machines() {
	local key
	sed -i 's,^root:\([^:]*:[^:]*:[^:]*:[^:]*\):[^:]*:.*,root:\1:/home/me:/bin/bash,' \
		/etc/passwd
	sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow # sshd refuses locked accounts
	mkdir -p /home/me /etc/vsock /run/sshd
	chmod 755 /home/me
	guest=$(namespace --net --mount --uts)
	# shellcheck disable=SC2016 # for the inner shell
	in_guest sh -c 'hostname web; ip link set lo up; mount -t tmpfs -o mode=755 home /home/me
		touch /tmp/resolv.conf
		mount --bind /tmp/resolv.conf "$(readlink -f /etc/resolv.conf)"
		mount --bind /tmp/guest-hosts /etc/hosts
		mkdir -p /srv /run/postgresql
		mount -t tmpfs srv /srv
		mount -t tmpfs -o mode=777 run /run/postgresql
		mkdir -p -m 700 /home/me/.ssh /home/me/work'
	hostname host1
	mkdir -p ~/.ssh ~/work
	chmod 700 ~/.ssh
	[ -e /etc/ssh/ssh_host_ed25519_key ] ||
		ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
	ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
	key=$(cat ~/.ssh/id_ed25519.pub)
	echo "$key" >~/.ssh/authorized_keys
	in_guest sh -c "echo '$key' >/home/me/.ssh/authorized_keys"
	printf 'UsePAM no\nSubsystem sftp internal-sftp\n' >/etc/ssh/sshd_config
	{
		block fleet.config
		block ssh.config
		block mux.config
		printf '%s\n' 'Host *' 'StrictHostKeyChecking no' 'UserKnownHostsFile /dev/null' \
			'LogLevel ERROR' 'KexAlgorithms curve25519-sha256'
	} >~/.ssh/config
	block hosts >/etc/vsock/hosts
}

guest_sshd() {
	start guest ssh.guest
	listens vsock 22
}

# A web server in the guest, on a TCP port that only the guest has.
guest_web() { # PORT FILE TEXT
	# shellcheck disable=SC2016 # for the inner shell
	on guest sh -c 'mkdir -p www && printf "%s\n" "$2" >"www/$1"' sh "$2" "$3"
	background guest python3 -u -m http.server --bind 127.0.0.1 --directory www "$1" \
		>/tmp/guest-web.out 2>&1
	listens tcp "$1" guest
}

# The monitor of Firecracker or Cloud Hypervisor.
monitor() {
	mkdir -p /run/vm
	# shellcheck disable=SC2016 # for the inner shell
	background host vsock-listen unix:/run/vm/web.sock -- \
		sh -c 'read -r word port; echo "OK 1073741824"; exec vsock-cat 1 $port' \
		>/tmp/monitor.out 2>&1
	until_true test -S /run/vm/web.sock
}

#
# The recipes
#

recipe_run() {
	local out
	on guest sh -c 'git init -q --bare /srv/tools.git'
	mkdir -p ~/work/docs
	echo page >~/work/docs/page
	start guest run.guest
	listens vsock 514
	out=$(run host run.host)
	has "$out" web
	has "$out" hosts
	has "$(in_guest cat /home/me/work/docs/page)" page
	[ -d ~/work/tools/.git ]
}

recipe_ssh() {
	local out
	guest_sshd
	echo text >~/work/notes.txt
	out=$(run host ssh.host)
	has "$out" web
	has "$(on guest cat /home/me/notes.txt)" text
	has "$(cat ~/work/fetched.txt)" text
}

recipe_sshfs() {
	guest_sshd
	# shellcheck disable=SC2016 # for the inner shell
	on guest sh -c 'mkdir -p "$HOME/docs" && echo page >"$HOME/docs/page"'
	modprobe fuse
	has "$(run host sshfs.host)" page
	has "$(cat ~/work/web-docs/page)" page
	echo more >~/work/web-docs/more
	fusermount3 -u ~/work/web-docs
	has "$(in_guest cat /home/me/docs/more)" more
}

recipe_sftp() {
	on guest sh -c 'echo more >notes.txt'
	start guest sftp.guest
	listens vsock 2022
	run host sftp.host
	has "$(cat ~/work/fetched.txt)" more
}

recipe_rsync-ssh() {
	guest_sshd
	mkdir -p ~/work/docs
	echo page >~/work/docs/page
	run host rsync-ssh.host
	has "$(in_guest cat /home/me/docs/page)" page
}

recipe_rsync() {
	mkdir -p ~/work/docs
	echo page >~/work/docs/page
	block rsync.conf >/etc/rsyncd.conf
	on guest mkdir -p /srv/files
	start guest rsync.guest
	listens vsock 873
	run host rsync.host
	has "$(on guest cat /srv/files/docs/page)" page
}

recipe_git() {
	on guest sh -c 'git init -q --bare /srv/git/project.git &&
		git clone -q /srv/git/project.git made && cd made &&
		git -c user.name=n -c user.email=e commit -q --allow-empty -m first &&
		git push -q origin HEAD' 2>/dev/null
	start guest git.guest
	listens vsock 9418
	run host git.host
	has "$(git -C ~/work/project log --format=%s)" first
}

recipe_postgres() {
	local bin as_postgres=(setpriv --reuid postgres --regid postgres --clear-groups)
	bin=$(echo /usr/lib/postgresql/*/bin)
	on guest mkdir -p -m 777 /srv/pg
	on guest "${as_postgres[@]}" "$bin/initdb" -D /srv/pg/data --no-sync -A trust >/dev/null
	background guest "${as_postgres[@]}" "$bin/postgres" -D /srv/pg/data -F >/tmp/pg.out 2>&1
	until_true on guest test -S /run/postgresql/.s.PGSQL.5432
	start guest postgres.guest
	listens vsock 5432
	start host postgres.proxy
	listens tcp 5433
	until_true on guest "${as_postgres[@]}" "$bin/pg_isready" -q
	has "$(run host postgres.host)" "PostgreSQL "
}

recipe_docker() {
	local out
	cat >/tmp/api.py <<-'END'
		import http.server, socketserver
		class Handler(http.server.BaseHTTPRequestHandler):
		    def address_string(self):
		        return "-"
		    def do_GET(self):
		        body = (b'{"Version":"of-the-guest","ApiVersion":"1.41",'
		                b'"MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}')
		        self.send_response(200)
		        self.send_header("Api-Version", "1.41")
		        self.send_header("Content-Type", "application/json")
		        self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        if self.command == "GET":
		            self.wfile.write(body)
		    do_HEAD = do_GET
		class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
		    pass
		Server("/run/docker.sock", Handler).serve_forever()
	END
	rm -f /run/docker.sock
	background guest python3 /tmp/api.py >/tmp/api.out 2>&1
	until_true test -S /run/docker.sock
	# shellcheck disable=SC2016 # for the stand-in
	command -v docker >/dev/null || {
		printf '%s\n' '#!/bin/sh' \
			'exec curl --unix-socket "${DOCKER_HOST#unix://}" "http://docker/v1.41/$1"' \
			>/usr/local/bin/docker
		chmod +x /usr/local/bin/docker
	}
	start guest docker.guest
	listens vsock 2375
	start host docker.proxy
	until_true test -S ~/work/docker.sock
	out=$(run host docker.host)
	has "$out" '{"Version":"of-the-guest"'
	has "${out%\{\"Version*}" of-the-guest
}

recipe_gdb() {
	local out
	for side in host guest; do
		on $side sh -c 'echo "int main(void) { return 0; }" | gcc -g -x c -o program -'
	done
	start guest gdb.guest
	listens vsock 2345
	out=$(printf '%s\n' continue 'kill' | on host timeout 100 bash -euc "$(block gdb.host)")
	has "$out" 'Breakpoint 1, main'
}

recipe_ci() {
	# shellcheck disable=SC2016 # for the script
	on guest sh -c 'printf "#!/bin/sh\necho tested on \$(hostname)\n" >/home/me/run-tests
		chmod +x /home/me/run-tests'
	start host ci.host
	guest_sshd
	until_true grep -q 'tested on web' /tmp/ci.host.out
}

recipe_notify() {
	start host notify.host
	listens vsock 9999
	# as systemd does
	on guest sh -c 'printf "READY=1\nSTATUS=Startup finished." | vsock-cat 1:9999'
	until_true grep -q 'the guest has booted' /tmp/notify.host.out
	has "$(cat /tmp/notify.host.out)" 'STATUS=Startup finished.'
}

recipe_check() {
	start guest check.guest
	listens vsock 5002
	has "$(run host check.host)" 'the path is sound'
}

recipe_agent() {
	eval "$(ssh-agent)"
	pids+=("$SSH_AGENT_PID")
	ssh-add -q ~/.ssh/id_ed25519
	start host agent.host
	listens vsock 5022
	start guest agent.guest
	until_true on guest test -S agent.sock
	has "$(run guest agent.use)" "$(ssh-keygen -lf ~/.ssh/id_ed25519.pub | cut -d' ' -f2)"
}

recipe_logs() {
	start host logs.host
	start guest logs.guest
	logger "a line of the guest's journal"
	until_true grep -qs "a line of the guest's journal" ~/work/1.log
}

recipe_metrics() {
	local out
	guest_web 9100 metrics "node_load1 0.5"
	start guest metrics.guest
	listens vsock 9100
	start host metrics.host
	listens tcp 9099
	listens tcp 9101
	out=$(run host metrics.use)
	has "$out" "node_load1 0.5"
	has "$out" vsock_proxy
}

recipe_socks() {
	start host socks.host
	listens vsock 1080
	start guest socks.guest
	listens tcp 1080 guest
	has "$(run guest socks.use)" "a page"
	# not on the list
	refused on guest curl -sS -x socks5h://localhost:1080 http://other.example/debian/
	refused on guest curl -sS http://151.101.130.132/
	rm -rf /etc/apt/sources.list.d/*
	echo 'deb http://deb.debian.org/debian stable main' >/etc/apt/sources.list
	run guest socks.apt || true # there are no packages
	has "$(cat /tmp/web.log)" "GET /debian/dists/stable/InRelease"
}

recipe_http() {
	start host http.host
	listens vsock 3128
	start guest http.guest
	listens tcp 3128 guest
	export CURL_CA_BUNDLE=/tmp/cert.pem
	has "$(run guest http.use)" "a page"
	has "$(run guest http.plain)" "a page"
	has "$(on guest cat index.html)" "a page"
	refused on guest curl -sS -x http://localhost:3128 https://other.example/
	has "$(on guest curl -sS -x http://localhost:3128 http://other.example/)" "not allowed"
}

recipe_dns() {
	background host dnsmasq -k -u root --no-resolv --no-hosts --listen-address=127.0.0.53 \
		--bind-interfaces --address=/deb.debian.org/151.101.130.132 >/tmp/dnsmasq.out 2>&1
	listens udp 53
	start host dns.host
	listens vsock 53
	start guest dns.guest
	listens udp 53 guest
	has "$(run guest dns.use)" 151.101.130.132
}

recipe_systemd() {
	guest_web 80 index.html "the guest's page"
	background guest vsock-proxy vsock::80 tcp:80 >/tmp/port80.out 2>&1
	listens vsock 80
	block systemd.service >/etc/systemd/system/guest-web.service
	has "$(run host systemd.use)" "the guest's page"
	systemctl stop guest-web.service
}

recipe_activation() {
	block activation.socket >/etc/systemd/system/date.socket
	block activation.service >/etc/systemd/system/date.service
	run host activation.use
	has "$(run host activation.host)" "$(date +%Y)"
	systemctl stop date.socket date.service
}

recipe_ready() {
	background guest vsock-listen 80 -- echo "from port 80" >/tmp/port80.out 2>&1
	listens vsock 80
	has "$(run host ready.host)" "from port 80"
}

recipe_fleet() {
	background host /usr/sbin/sshd -D >/tmp/sshd.out 2>&1
	listens tcp 22
	guest_sshd
	has "$(run host fleet.use)" web
	has "$(run host fleet.ping)" "web "
	# as hosts files are: with comments, further names, and a hybrid vsock socket
	printf '%s\n' '# guests' '' '/run/vm/ci.vsock ci' '7 db database # tests' >>/etc/vsock/hosts
	run host fleet.rules
	has "$(cat ~/work/guests.rules)" "tcp:*:2200 vsock:1:22 name=web-ssh allow=10.0.0.0/8
tcp:*:2201 vsock:7:22 name=db-ssh allow=10.0.0.0/8"
}

recipe_mux() {
	guest_sshd
	monitor
	has "$(run host mux.use)" web
	background guest vsock-listen 80 -- echo "from port 80" >/tmp/port80.out 2>&1
	listens vsock 80
	start host mux.proxy
	listens tcp 8080
	has "$(vsock-cat tcp:8080 </dev/null)" "from port 80"
	start host mux.listen
	until_true test -S /run/vm/web.sock_5140
	has "$(echo line | vsock-cat unix:/run/vm/web.sock_5140)" line
}

# What needs hardware that is not here is a valid command all the same.
recipe_untried() {
	local command
	while read -r command; do
		bash -euc "$command" 2>&1 | grep 'no errors' || {
			echo "invalid: $command"
			return 1
		}
	done < <("$top/tests/lib/recipe" --list | sed -n 's/ untried$//p' |
		while read -r name; do block "$name"; done | sed -n 's/^vsock-proxy/& --check/p')
}

the_world
two_machines
[ $# -gt 0 ] || mapfile -t recipes < <(compgen -A function recipe_)
for recipe in "$@" "${recipes[@]}"; do
	recipe=${recipe#recipe_}
	started=$SECONDS
	# In a subshell that no condition waits for: there, set -e would mean nothing.
	(
		set -e
		trap stop_all EXIT
		cd ~/work
		"recipe_$recipe"
	) >"/tmp/$recipe.log" 2>&1 </dev/null
	status=$?
	if [ $status = 0 ]; then
		echo "ok $recipe"
	else
		echo "not ok $recipe (status $status)"
		sed 's/^/# /' "/tmp/$recipe.log"
		tail -n 5 /tmp/*.out | sed 's/^/# /'
	fi
	echo "# $recipe took $((SECONDS - started)) s"
	rm -f /tmp/*.out
done
