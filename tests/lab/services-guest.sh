#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# services-guest.sh: the guest of services.bats: an API and Redis on UNIX sockets, vsock-proxy
# before them, an echo on port 5000. In its first life it also fetches a page from outside, through
# the host's socks5:.

set -u
PATH=$VSOCK_TOOLS_BUILD:$PATH
mkdir -p /root/work
cd /root/work || exit 1
export VSOCK_HOSTS=/dev/null
cat >api.py <<'END'
# As dockerd: HTTP on a UNIX socket; /attach is answered 101, then the connection is a stream that
# gives back what comes, in capitals, until its end.
import http.server, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "-"

    def log_message(self, *words):
        pass

    def do_GET(self):
        body = b'{"ApiVersion":"1.41"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.send_response(101, "UPGRADED")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        while piece := self.rfile.read1(65536):
            self.wfile.write(piece.upper())
        self.close_connection = True

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64

server = Server("api.sock", Handler)
print("READY", flush=True)
server.serve_forever()
END
python3 api.py >api.out &
redis-server --port 0 --unixsocket /root/work/redis.sock --save '' --daemonize no >redis.out &
until grep -q READY api.out && [ -S redis.sock ]; do sleep 0.1; done
vsock-proxy --ready-fd 9 vsock:any:2375 unix:./api.sock vsock:any:6379 unix:./redis.sock \
	tcp:127.0.0.1:1080 vsock:host:1080 \
	9>proxy.ready &
vsock-listen --echo --ready-fd 9 5000 9>echo.ready &
until [ "$(cat proxy.ready echo.ready | grep -c '^READY')" = 4 ]; do sleep 0.1; done
if [ ! -e "$LAB_SHARE/fetched" ]; then
	curl -sS --socks5-hostname 127.0.0.1:1080 \
		http://127.0.0.1:8080/page >"$LAB_SHARE/fetched" 2>"$LAB_SHARE/fetched.err"
	curl -sS --socks5-hostname 127.0.0.1:1080 \
		http://127.0.0.1:8081/page >/dev/null 2>"$LAB_SHARE/refused.err"
	echo $? >"$LAB_SHARE/refused"
fi
lab-ready
wait
