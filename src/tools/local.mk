bin_PROGRAMS += vsock-cat vsock-info vsock-listen vsock-ping vsock-proxy

tool_libraries = libserve.a librelay.a libnet.a libbase.a $(LIBBSD_LIBS) $(LIBMD_LIBS)
tool_common = src/tools/common.c src/tools/common.h
tool_traffic = \
	src/tools/dump.c src/tools/dump.h \
	src/tools/progress.c src/tools/progress.h \
	src/tools/record.c src/tools/record.h \
	src/tools/traffic.c src/tools/traffic.h

vsock_cat_SOURCES = \
	src/tools/vsock-cat.c \
	src/tools/cat.h src/tools/cat-options.c src/tools/cat-prepare.c src/tools/cat-report.c \
	$(tool_traffic) \
	src/tools/terminal.c src/tools/terminal.h \
	$(tool_common)
vsock_cat_LDADD = $(tool_libraries) $(READLINE_LIBS)
vsock_cat_CFLAGS = $(AM_CFLAGS) $(READLINE_CFLAGS)
if HAVE_READLINE
vsock_cat_SOURCES += src/tools/interactive.c src/tools/interactive.h
else
EXTRA_DIST += src/tools/interactive.c src/tools/interactive.h
endif
vsock_info_SOURCES = \
	src/tools/vsock-info.c \
	src/tools/info.h src/tools/info-hosts.c src/tools/info-json.c src/tools/info-report.c \
	$(tool_common)
vsock_info_LDADD = $(tool_libraries)
vsock_listen_SOURCES = src/tools/vsock-listen.c src/tools/listen.h src/tools/listen-check.c src/tools/listen-options.c src/tools/listen-prepare.c $(tool_traffic) $(tool_common)
vsock_listen_LDADD = $(tool_libraries)
vsock_ping_SOURCES = \
	src/tools/vsock-ping.c \
	src/tools/ping.h src/tools/ping-bandwidth.c src/tools/ping-connect.c src/tools/ping-echo.c src/tools/ping-histogram.c src/tools/ping-json.c src/tools/ping-live.c \
	src/tools/ping-report.c src/tools/ping-run.c src/tools/ping-scan.c src/tools/ping-scan.h src/tools/ping-targets.c src/tools/ping-wait.c \
	$(tool_common)
vsock_ping_LDADD = $(tool_libraries) -lm
vsock_proxy_SOURCES = \
	src/tools/vsock-proxy.c \
	src/tools/proxy.h src/tools/proxy-options.c src/tools/proxy-rules.c src/tools/proxy-run.c \
	src/tools/proxy-check.c src/tools/proxy-check.h src/tools/proxy-passage.c src/tools/proxy-passage.h \
	src/tools/proxy-status.c src/tools/proxy-status.h \
	$(tool_common)
vsock_proxy_LDADD = $(tool_libraries) $(SECCOMP_LIBS)
