noinst_LIBRARIES += libserve.a
libserve_a_SOURCES = \
	src/serve/listener.c src/serve/listener.h
