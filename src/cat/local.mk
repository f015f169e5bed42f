# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-cat
vsock_cat_SOURCES = \
	src/cat/cat.h \
	src/cat/main.c \
	src/cat/options.c \
	src/cat/prepare.c \
	src/cat/report.c
vsock_cat_LDADD = $(tool_libraries) $(READLINE_LIBS)
vsock_cat_CFLAGS = $(AM_CFLAGS) $(READLINE_CFLAGS)
if HAVE_READLINE
vsock_cat_SOURCES += src/cat/interactive.c src/cat/interactive.h
else
EXTRA_DIST += src/cat/interactive.c src/cat/interactive.h
endif
