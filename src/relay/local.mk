noinst_LIBRARIES += librelay.a
librelay_a_SOURCES = \
	src/relay/chan.c src/relay/chan.h \
	src/relay/crlf.c src/relay/crlf.h \
	src/relay/datagram.h \
	src/relay/dial.c src/relay/dial.h \
	src/relay/engine-copy.c src/relay/engine-datagram.c src/relay/engine-filter.c src/relay/engine-message.c src/relay/engine-splice.c \
	src/relay/engine.c src/relay/engine.h \
	src/relay/loop.c src/relay/loop.h \
	src/relay/message.c src/relay/message.h \
	src/relay/pipe.c src/relay/pipe.h \
	src/relay/relay.c src/relay/relay.h \
	src/relay/share.c src/relay/share.h \
	src/relay/trial.c src/relay/trial.h
