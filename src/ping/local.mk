# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-ping
vsock_ping_SOURCES = \
	src/ping/bandwidth.c \
	src/ping/check.c src/ping/check.h \
	src/ping/check-judge.c \
	src/ping/check-known.c \
	src/ping/connect.c \
	src/ping/echo.c \
	src/ping/histogram.c \
	src/ping/live.c \
	src/ping/main.c \
	src/ping/ping.h \
	src/ping/report.c \
	src/ping/run.c \
	src/ping/scan.c src/ping/scan.h \
	src/ping/stats.c src/ping/stats.h \
	src/ping/targets.c \
	src/ping/wait.c
vsock_ping_LDADD = $(tool_libraries) -lm
