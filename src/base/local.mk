noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/fdutil.c src/base/fdutil.h \
	src/base/json.c src/base/json.h \
	src/base/log.c src/base/log.h \
	src/base/mistake.c src/base/mistake.h \
	src/base/opt.c src/base/opt.h src/base/opt-rows.h src/base/opt-screen.c src/base/opt-value.c \
	src/base/pcapng.c src/base/pcapng.h \
	src/base/signals.c src/base/signals.h \
	src/base/stats.c src/base/stats.h \
	src/base/units.c src/base/units.h \
	src/base/utf8.c src/base/utf8.h
