# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-listen
vsock_listen_SOURCES = \
	src/listen/check.c src/listen/check.h \
	src/listen/digest.c src/listen/digest.h \
	src/listen/listen.h \
	src/listen/main.c \
	src/listen/options.c \
	src/listen/output.c src/listen/output.h \
	src/listen/prepare.c \
	src/listen/readiness.c src/listen/readiness.h \
	src/listen/receive.c src/listen/receive.h \
	src/listen/run.c src/listen/run.h \
	src/listen/run-command.c src/listen/run-command.h \
	src/listen/service.c src/listen/service.h
vsock_listen_LDADD = $(tool_libraries)
