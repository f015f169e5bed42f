# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	src/cli/check.c src/cli/check.h \
	src/cli/dump.c src/cli/dump.h \
	src/cli/outcome.c src/cli/outcome.h \
	src/cli/pcapng.c src/cli/pcapng.h \
	src/cli/progress.c src/cli/progress.h \
	src/cli/record.c src/cli/record.h \
	src/cli/run-frame.c src/cli/run-frame.h \
	src/cli/run-link.c src/cli/run-link.h \
	src/cli/terminal.c src/cli/terminal.h \
	src/cli/tool.c src/cli/tool.h \
	src/cli/traffic.c src/cli/traffic.h

# What every program is linked with, most dependent first.
tool_libraries = libcli.a libserve.a librelay.a libnet.a libbase.a $(LIBBSD_LIBS) $(LIBMD_LIBS)
