# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libserve.a
libserve_a_SOURCES = \
	src/serve/access.c src/serve/access.h \
	src/serve/flows.c src/serve/flows.h \
	src/serve/inherited.c src/serve/inherited.h \
	src/serve/listener.c src/serve/listener.h \
	src/serve/manager.c src/serve/manager.h \
	src/serve/notify.c src/serve/notify.h \
	src/serve/peers.c src/serve/peers.h \
	src/serve/prologue.h \
	src/serve/pty.c src/serve/pty.h \
	src/serve/server.c src/serve/server.h \
	src/serve/session.c src/serve/session.h \
	src/serve/spawn.c src/serve/spawn.h \
	src/serve/user.c src/serve/user.h
