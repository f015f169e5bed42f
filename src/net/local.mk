# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/activation.c src/net/activation.h \
	src/net/addr.c src/net/addr.h \
	src/net/addr-advice.c \
	src/net/addr-parts.h \
	src/net/addr-read.c \
	src/net/addr-write.c \
	src/net/diag.c src/net/diag.h \
	src/net/endpoint.c src/net/endpoint.h \
	src/net/endpoint-datagrams.c \
	src/net/ends.c src/net/ends.h \
	src/net/explain.c src/net/explain.h \
	src/net/explain-causes.c \
	src/net/explain-parts.h \
	src/net/explain-template.c \
	src/net/hosts.c src/net/hosts.h \
	src/net/ip.c src/net/ip.h \
	src/net/machine.c src/net/machine.h \
	src/net/mux.c src/net/mux.h \
	src/net/netns.c src/net/netns.h \
	src/net/peer.c src/net/peer.h \
	src/net/resolve.c src/net/resolve.h \
	src/net/resolve-helper.c \
	src/net/resolve-answer.c \
	src/net/sender.c src/net/sender.h \
	src/net/socket.c src/net/socket.h \
	src/net/socket-file.c src/net/socket-file.h
