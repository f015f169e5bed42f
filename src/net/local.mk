noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/activation.c src/net/activation.h \
	src/net/addr.c src/net/addr.h \
	src/net/addr-cid.c \
	src/net/addr-exec.c \
	src/net/addr-foreign.c \
	src/net/addr-format.c \
	src/net/addr-options.c \
	src/net/addr-parse.c \
	src/net/addr-parts.h \
	src/net/addr-text.c \
	src/net/dest.c src/net/dest.h \
	src/net/diag.c src/net/diag.h \
	src/net/endpoint.c src/net/endpoint.h src/net/endpoint-datagrams.c \
	src/net/explain.c src/net/explain.h src/net/explain-causes.c src/net/explain-parts.h \
	src/net/hosts.c src/net/hosts.h \
	src/net/http-connect.c src/net/http-connect.h \
	src/net/ip.c src/net/ip.h \
	src/net/machine.c src/net/machine.h \
	src/net/mux.c src/net/mux.h \
	src/net/peer.c src/net/peer.h \
	src/net/proxy-header.c src/net/proxy-header.h \
	src/net/resolve.c src/net/resolve.h \
	src/net/sender.c src/net/sender.h \
	src/net/socket.c src/net/socket.h \
	src/net/socks.c src/net/socks.h \
	src/net/special.c src/net/special.h
