# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-run
vsock_run_SOURCES = \
	src/run/connect.c \
	src/run/finish.c \
	src/run/main.c \
	src/run/options.c \
	src/run/run.h \
	src/run/signals.c \
	src/run/streams.c
vsock_run_LDADD = $(tool_libraries)
