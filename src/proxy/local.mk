# SPDX-License-Identifier: GPL-3.0-or-later
# All but main(), so that the tests can be linked with it.
noinst_LIBRARIES += libproxy.a
libproxy_a_SOURCES = \
	src/proxy/protocols/dest.c src/proxy/protocols/dest.h \
	src/proxy/protocols/greeting.c src/proxy/protocols/greeting.h \
	src/proxy/protocols/http-body.c src/proxy/protocols/http-body.h \
	src/proxy/protocols/http-connect.c src/proxy/protocols/http-connect.h \
	src/proxy/protocols/proxy-header.c src/proxy/protocols/proxy-header.h \
	src/proxy/protocols/socks.c src/proxy/protocols/socks.h \
	src/proxy/protocols/special.c src/proxy/protocols/special.h \
	src/proxy/rules/check.c \
	src/proxy/rules/files.c \
	src/proxy/rules/loops.c \
	src/proxy/rules/parts.h \
	src/proxy/rules/read.c \
	src/proxy/rules/report.c \
	src/proxy/rules/rules.c src/proxy/rules/rules.h \
	src/proxy/rules/text.c src/proxy/rules/text.h \
	src/proxy/broker/broker.c src/proxy/broker/broker.h \
	src/proxy/broker/plan.c src/proxy/broker/plan.h \
	src/proxy/router/metrics.c src/proxy/router/metrics.h \
	src/proxy/router/router.c src/proxy/router/router.h \
	src/proxy/router/status.c src/proxy/router/status.h \
	src/proxy/router/text-server.c src/proxy/router/text-server.h \
	src/proxy/supervisor/command.c \
	src/proxy/supervisor/explain.c \
	src/proxy/supervisor/link.c \
	src/proxy/supervisor/names.c src/proxy/supervisor/names.h \
	src/proxy/supervisor/parts.h \
	src/proxy/supervisor/program.c src/proxy/supervisor/program.h \
	src/proxy/supervisor/receive.c \
	src/proxy/supervisor/reload.c \
	src/proxy/supervisor/request.c \
	src/proxy/supervisor/restart.c \
	src/proxy/supervisor/state.c \
	src/proxy/supervisor/store.c \
	src/proxy/supervisor/supervisor.c src/proxy/supervisor/supervisor.h \
	src/proxy/worker/confine-calls.c \
	src/proxy/worker/confine-files.c \
	src/proxy/worker/confine.c src/proxy/worker/confine.h \
	src/proxy/worker/worker.c src/proxy/worker/worker.h \
	src/proxy/change.c src/proxy/change.h \
	src/proxy/check-json.c src/proxy/check-json.h \
	src/proxy/load.c \
	src/proxy/options.c \
	src/proxy/passage.c src/proxy/passage.h \
	src/proxy/proxy.h \
	src/proxy/run.c \
	src/proxy/status-client.c src/proxy/status-client.h
bin_PROGRAMS += vsock-proxy
vsock_proxy_SOURCES = src/proxy/main.c
vsock_proxy_LDADD = libproxy.a $(tool_libraries) $(SECCOMP_LIBS)
