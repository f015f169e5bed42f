# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/ascii.h \
	src/base/fd.c src/base/fd.h \
	src/base/json.c src/base/json.h \
	src/base/json-read.c src/base/json-read.h \
	src/base/log.c src/base/log.h \
	src/base/mistake.c src/base/mistake.h \
	src/base/names.c src/base/names.h \
	src/base/opt.c src/base/opt.h \
	src/base/opt-rows.h \
	src/base/opt-screen.c \
	src/base/opt-value.c \
	src/base/safe.c src/base/safe.h \
	src/base/signals.h \
	src/base/units.c src/base/units.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/util.h \
	src/base/wire.c src/base/wire.h
