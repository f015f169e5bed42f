noinst_LIBRARIES += libserve.a
libserve_a_SOURCES = \
	src/serve/access.c src/serve/access.h \
	src/serve/digest.c src/serve/digest.h \
	src/serve/hub.c src/serve/hub.h \
	src/serve/listener.c src/serve/listener.h \
	src/serve/notify.c src/serve/notify.h \
	src/serve/receive.c src/serve/receive.h \
	src/serve/server.c src/serve/server.h \
	src/serve/service.c src/serve/service.h \
	src/serve/session.c src/serve/session.h \
	src/serve/spawn.c src/serve/spawn.h \
	src/serve/terminal.c src/serve/terminal.h \
	src/serve/user.c src/serve/user.h
