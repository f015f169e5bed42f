noinst_LIBRARIES += libserve.a
libserve_a_SOURCES = \
	src/serve/access.c src/serve/access.h \
	src/serve/listener.c src/serve/listener.h \
	src/serve/spawn.c src/serve/spawn.h
