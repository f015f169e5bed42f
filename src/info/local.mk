# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += vsock-info
vsock_info_SOURCES = \
	src/info/hosts.c \
	src/info/info.h \
	src/info/json.c \
	src/info/main.c \
	src/info/report.c
vsock_info_LDADD = $(tool_libraries)
