# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-run
vsock_run_SOURCES = \
	src/run/connect.c \
	src/run/main.c \
	src/run/options.c \
	src/run/run.c src/run/run.h \
	src/run/streams.c
vsock_run_LDADD = $(tool_libraries)
