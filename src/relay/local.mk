# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += librelay.a
librelay_a_SOURCES = \
	src/relay/allowance.c src/relay/allowance.h \
	src/relay/busy.c src/relay/busy.h \
	src/relay/chan.c src/relay/chan.h \
	src/relay/choose.c src/relay/choose.h \
	src/relay/crlf.c src/relay/crlf.h \
	src/relay/datagram.h \
	src/relay/dial.c src/relay/dial.h \
	src/relay/dial-ask.c src/relay/dial-places.c src/relay/dial-rivals.c \
	src/relay/dialer.c src/relay/dialing.h \
	src/relay/engine.c src/relay/engine.h \
	src/relay/engine-copy.c \
	src/relay/engine-datagram.c \
	src/relay/engine-filter.c \
	src/relay/engine-message.c \
	src/relay/engine-splice.c \
	src/relay/loop.c src/relay/loop.h \
	src/relay/pipe.c src/relay/pipe.h \
	src/relay/relay.c src/relay/relay.h \
	src/relay/share.c src/relay/share.h \
	src/relay/transfer.c src/relay/transfer.h \
	src/relay/trial.c src/relay/trial.h
